// What Python calls: plain functions on pointers, which showtell/kernels has checked.
#include <cstring>
#include <new>

#include "kernels.hpp"
#include "team.hpp"

#if defined(_WIN32)
#include <windows.h>
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace showtell {

static const InstructionSet* const sets[] = {
#if defined(SHOWTELL_X86)
    &avx512_set, &avx2_set,
#endif
    &portable_set};

static bool runs_here(const InstructionSet& set) {
#if defined(SHOWTELL_X86) && defined(_MSC_VER)
    if (&set == &avx512_set) return IsProcessorFeaturePresent(PF_AVX512F_INSTRUCTIONS_AVAILABLE);
    if (&set == &avx2_set) return IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE);
#elif defined(SHOWTELL_X86)
    if (&set == &avx512_set)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
    if (&set == &avx2_set) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return &set == &portable_set;
}

static const InstructionSet* best() {
    for (const InstructionSet* set : sets)
        if (runs_here(*set)) return set;
    return &portable_set;
}

static const InstructionSet* chosen = best();

}  // namespace showtell

using namespace showtell;

// The name of the i-th set that runs on this machine, the fastest first; null after the last.
EXPORT const char* showtell_instruction_set(int i) {
    for (const InstructionSet* set : sets)
        if (runs_here(*set) && i-- == 0) return set->name;
    return nullptr;
}

EXPORT const char* showtell_chosen_set() { return chosen->name; }

// 0, or -1 if there is no such set here.
EXPORT int showtell_choose_set(const char* name) {
    for (const InstructionSet* set : sets)
        if (runs_here(*set) && !std::strcmp(set->name, name)) {
            chosen = set;
            return 0;
        }
    return -1;
}

EXPORT std::int64_t showtell_cache_bytes(int cell, int is_double, const SequenceArguments* a) {
    return is_double ? chosen->of_double.cache_bytes(Cell(cell), *a) : chosen->of_float.cache_bytes(Cell(cell), *a);
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_recurrent(int cell, int is_double, int is_backward, const SequenceArguments* a, int threads) {
    try {
        if (is_double)
            (is_backward ? chosen->of_double.backward : chosen->of_double.forward)(Cell(cell), *a, threads);
        else
            (is_backward ? chosen->of_float.backward : chosen->of_float.forward)(Cell(cell), *a, threads);
        return 0;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_vocabulary_loss(int is_double, const VocabularyArguments* a, int threads) {
    try {
        (is_double ? chosen->of_double.vocabulary_loss : chosen->of_float.vocabulary_loss)(*a, threads);
        return 0;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_affine(int is_double, const AffineArguments* a, int threads) {
    try {
        (is_double ? chosen->of_double.affine : chosen->of_float.affine)(*a, threads);
        return 0;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

EXPORT void showtell_adam(int is_double, const AdamArguments* a, int threads) {
    (is_double ? chosen->of_double.adam : chosen->of_float.adam)(*a, threads);
}

EXPORT void showtell_sum_of_squares(int is_double, const void* x, std::int64_t count, double* sums, int threads) {
    if (is_double)
        chosen->of_double.sum_of_squares(static_cast<const double*>(x), count, sums, threads);
    else
        chosen->of_float.sum_of_squares(static_cast<const float*>(x), count, sums, threads);
}

EXPORT void showtell_dropout(int is_double, const void* x, void* y, std::int64_t count, double p, std::uint64_t seed,
                             int threads) {
    if (is_double)
        chosen->of_double.dropout(static_cast<const double*>(x), static_cast<double*>(y), count, p, seed, threads);
    else
        chosen->of_float.dropout(static_cast<const float*>(x), static_cast<float*>(y), count, p, seed, threads);
}

EXPORT std::int64_t showtell_decoding_bytes(int cell, int is_double, const DecodingArguments* a) {
    return (is_double ? chosen->of_double.decoding_bytes : chosen->of_float.decoding_bytes)(Cell(cell), *a);
}

EXPORT void showtell_decoding_pack(int cell, int is_double, const DecodingArguments* a) {
    (is_double ? chosen->of_double.decoding_pack : chosen->of_float.decoding_pack)(Cell(cell), *a);
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_decoding_step(int cell, int is_double, const DecodingArguments* a, int threads) {
    try {
        (is_double ? chosen->of_double.decoding_step : chosen->of_float.decoding_step)(Cell(cell), *a, threads);
        return 0;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

// Multiply-adds that each thread did, for measuring how many the machine can do.
EXPORT std::int64_t showtell_multiply_add(int is_double, std::int64_t rounds, int threads) {
    return is_double ? chosen->of_double.multiply_add(rounds, threads) : chosen->of_float.multiply_add(rounds, threads);
}

EXPORT void showtell_elementary(int which, int is_double, const void* x, void* y, std::int64_t count) {
    if (is_double)
        chosen->of_double.elementary(which, static_cast<const double*>(x), static_cast<double*>(y), count);
    else
        chosen->of_float.elementary(which, static_cast<const float*>(x), static_cast<float*>(y), count);
}
