// What Python calls: plain functions on pointers, which showtell/kernels has checked.
#include <cstring>
#include <new>

#include "kernels.hpp"
#include "team.hpp"

#if defined(SHOWTELL_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(_WIN32)
#include <intrin.h>
#include <windows.h>
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace showtell {

static const InstructionSet* const sets[] = {
#if defined(SHOWTELL_AMX)
    &amx_bf16_set,
#endif
#if defined(SHOWTELL_X86)
    &avx512_bf16_set, &avx512_set, &avx2_set,
#endif
    &portable_set};

#if defined(SHOWTELL_X86) && defined(_MSC_VER)
static bool has_avx512_bf16() {
    int registers[4];
    __cpuidex(registers, 7, 1);
    return registers[0] & 1 << 5;
}
#endif

#if defined(SHOWTELL_AMX)
// The processor has tiles and bfloat16 in them, the system keeps their 8 KB for each thread, and lets this process use
// them: a process has to ask once, for all its threads and children (Documentation/arch/x86/xstate.rst of Linux).
static bool may_use_tiles() {
    constexpr unsigned AMX_BF16 = 1u << 22, AMX_TILE = 1u << 24, OSXSAVE = 1u << 27, TILE_STATE = 3u << 17;
    constexpr int ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE)) return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & AMX_BF16) || !(d & AMX_TILE)) return false;
    asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    return (a & TILE_STATE) == TILE_STATE && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#endif

static bool runs_here(const InstructionSet& set) {
#if defined(SHOWTELL_AMX)
    static const bool tiles = may_use_tiles();
    if (&set == &amx_bf16_set) return tiles && runs_here(avx512_bf16_set);
#endif
#if defined(SHOWTELL_X86) && defined(_MSC_VER)
    if (&set == &avx512_bf16_set) return has_avx512_bf16() && IsProcessorFeaturePresent(PF_AVX512F_INSTRUCTIONS_AVAILABLE);
    if (&set == &avx512_set) return IsProcessorFeaturePresent(PF_AVX512F_INSTRUCTIONS_AVAILABLE);
    if (&set == &avx2_set) return IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE);
#elif defined(SHOWTELL_X86)
    if (&set == &avx512_bf16_set)
        return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && runs_here(avx512_set);
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

// `numbers` says what is computed with: 0 float, 1 double, 2 float with products of bfloat16.
template <class F>
static auto with_kernels(int numbers, F f) {
    switch (numbers) {
        case 0: return f(chosen->of_float);
        case 1: return f(chosen->of_double);
        default: return f(chosen->of_bfloat16);
    }
}

// what the pointers of a call point to
template <class T>
static T number_of(const Kernels<T>&);
template <class F>
static int unless_memory_is_short(int numbers, F f) {
    try {
        with_kernels(numbers, f);
        return 0;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

EXPORT std::int64_t showtell_cache_bytes(int cell, int numbers, const SequenceArguments* a) {
    return with_kernels(numbers, [&](auto& kernels) { return kernels.cache_bytes(Cell(cell), *a); });
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_recurrent(int cell, int numbers, int is_backward, const SequenceArguments* a, int threads) {
    return unless_memory_is_short(numbers, [&](auto& kernels) {
        (is_backward ? kernels.backward : kernels.forward)(Cell(cell), *a, threads);
    });
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_vocabulary_loss(int numbers, const VocabularyArguments* a, int threads) {
    return unless_memory_is_short(numbers, [&](auto& kernels) { kernels.vocabulary_loss(*a, threads); });
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_affine(int numbers, const AffineArguments* a, int threads) {
    return unless_memory_is_short(numbers, [&](auto& kernels) { kernels.affine(*a, threads); });
}

EXPORT std::int64_t showtell_affine_bytes(int numbers, const AffineArguments* a) {
    return with_kernels(numbers, [&](auto& kernels) { return kernels.affine_bytes(*a); });
}

EXPORT void showtell_affine_pack(int numbers, const AffineArguments* a) {
    with_kernels(numbers, [&](auto& kernels) { kernels.affine_pack(*a); });
}

// 0, or -1 if there is not enough memory.
EXPORT int showtell_attention(int numbers, const AttentionArguments* a, int threads) {
    return unless_memory_is_short(numbers, [&](auto& kernels) { kernels.attention(*a, threads); });
}

EXPORT void showtell_adam(int numbers, const AdamArguments* a, int threads) {
    with_kernels(numbers, [&](auto& kernels) { kernels.adam(*a, threads); });
}

EXPORT void showtell_sum_of_squares(int numbers, const void* x, std::int64_t count, double* sums, int threads) {
    with_kernels(numbers, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        kernels.sum_of_squares(static_cast<const T*>(x), count, sums, threads);
    });
}

EXPORT void showtell_dropout(int numbers, const void* x, void* y, std::int64_t count, double p, std::uint64_t seed,
                             int threads) {
    with_kernels(numbers, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        kernels.dropout(static_cast<const T*>(x), static_cast<T*>(y), count, p, seed, threads);
    });
}

EXPORT std::int64_t showtell_decoding_bytes(int cell, int numbers, const DecodingArguments* a) {
    return with_kernels(numbers, [&](auto& kernels) { return kernels.decoding_bytes(Cell(cell), *a); });
}

EXPORT void showtell_decoding_pack(int cell, int numbers, const DecodingArguments* a) {
    with_kernels(numbers, [&](auto& kernels) { kernels.decoding_pack(Cell(cell), *a); });
}

// 0, -1 if there is not enough memory, or -2 if there is no such word.
EXPORT int showtell_decoding_step(int cell, int numbers, const DecodingArguments* a, int threads) {
    for (std::int64_t r = 0; r < a->R; r++)
        if (a->words[r] < 0 || a->words[r] >= a->size) return -2;
    return unless_memory_is_short(numbers, [&](auto& kernels) { kernels.decoding_step(Cell(cell), *a, threads); });
}

// Multiply-adds that each thread did, for measuring how many the machine can do.
EXPORT std::int64_t showtell_multiply_add(int numbers, std::int64_t rounds, int threads) {
    return with_kernels(numbers, [&](auto& kernels) { return kernels.multiply_add(rounds, threads); });
}

EXPORT void showtell_elementary(int which, int numbers, const void* x, void* y, std::int64_t count) {
    with_kernels(numbers, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        kernels.elementary(which, static_cast<const T*>(x), static_cast<T*>(y), count);
    });
}
