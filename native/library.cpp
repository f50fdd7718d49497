// What Python calls: plain functions on pointers, which showtell/nn/kernels has checked. Each gives 0 or an answer from 0
// on, or a status below 0, whose message showtell_message has; nothing that is thrown leaves them.
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "kernels.hpp"
#include "team.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(_WIN32)
#include <windows.h>
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif
#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

namespace showtell {

// ---- the instruction sets, and what machine each needs

[[maybe_unused]] static bool has_portable() { return true; }
#if defined(__x86_64__)
[[maybe_unused]] static bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
[[maybe_unused]] static bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
[[maybe_unused]] static bool has_avx512_bf16() {
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && has_avx512();
}
#if defined(__linux__)
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
[[maybe_unused]] static bool has_amx_bf16() {
    static const bool tiles = may_use_tiles();
    return tiles && has_avx512_bf16();
}
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
[[maybe_unused]] static bool has_neon() { return true; }
#elif defined(_M_X64)
static bool has_avx2() { return IsProcessorFeaturePresent(PF_AVX2_INSTRUCTIONS_AVAILABLE); }
static bool has_avx512() { return IsProcessorFeaturePresent(PF_AVX512F_INSTRUCTIONS_AVAILABLE); }
static bool has_avx512_bf16() {
    int registers[4];
    __cpuidex(registers, 7, 1);
    return (registers[0] & 1 << 5) && has_avx512();
}
#endif

// sets.inc, which CMakeLists.txt writes into the build, has SET(name, the set whose float and double kernels it shares),
// the fastest first
#define SET(name, rest)                                              \
    extern const Kernels<float> rest##_of_float, name##_of_bfloat16; \
    extern const Kernels<double> rest##_of_double;
#include <sets.inc>
#undef SET

#define SET(name, rest) {#name, has_##name, rest##_of_float, rest##_of_double, name##_of_bfloat16},
static const InstructionSet sets[] = {
#include <sets.inc>
};
#undef SET
static constexpr int set_count = sizeof sets / sizeof *sets;

// ---- what goes wrong

enum Status { NO_MEMORY = -1, OUT_OF_RANGE = -2, FAILED = -3 };

static thread_local char message[256];

static int fail(Status status, const char* what) noexcept {
    std::snprintf(message, sizeof message, "%s", what);
    return status;
}

// f's answer, or what is thrown in it as a status
template <class F>
static std::int64_t guarded(F f) noexcept {
    try {
        return f();
    } catch (const std::bad_alloc&) {
        return fail(NO_MEMORY, "there is not enough memory for the working arrays");
    } catch (const std::out_of_range& error) {
        return fail(OUT_OF_RANGE, error.what());
    } catch (const std::exception& error) {
        return fail(FAILED, error.what());
    } catch (...) {
        return fail(FAILED, "an error of an unknown kind");
    }
}

// Calls f with the kernels of an instruction set for a kind of numbers: `which` is 3 times the set's place, plus 0 for
// float, 1 for double, 2 for float with products of bfloat16.
template <class F>
static std::int64_t with_kernels(int which, F f) noexcept {
    return guarded([&]() -> std::int64_t {
        if (which < 0 || which >= 3 * set_count || !sets[which / 3].runs_here())
            throw std::invalid_argument("this machine does not have the instruction set");
        const InstructionSet& set = sets[which / 3];
        switch (which % 3) {
            case 0: return f(set.of_float);
            case 1: return f(set.of_double);
            default: return f(set.of_bfloat16);
        }
    });
}

// what the pointers of a call point to
template <class T>
static T number_of(const Kernels<T>&);

// That each of `count` ids is in 0..size-1.
static void check_ids(const std::int64_t* ids, std::int64_t count, std::int64_t size, const char* what) {
    for (std::int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= size)
            throw std::out_of_range(std::string(what) + " " + std::to_string(ids[i]) + ", expected 0 to " +
                                    std::to_string(size - 1));
}

}  // namespace showtell

using namespace showtell;

// The version of this interface, then the sizes of its structures, then -1: a library of another version is not used.
EXPORT std::int64_t showtell_abi(int i) {
    static constexpr std::int64_t facts[] = {
        SHOWTELL_ABI,
        sizeof(SequenceArguments),
        sizeof(VocabularyArguments),
        sizeof(AffineArguments),
        sizeof(AttentionArguments),
        sizeof(AdamArguments),
        sizeof(DecodingArguments),
    };
    return i >= 0 && i < int(sizeof facts / sizeof *facts) ? facts[i] : -1;
}

// Why the last call of this thread that gave a status did so.
EXPORT const char* showtell_message() { return message; }

// The name of the i-th set of this build, the fastest first; empty if this machine does not have it; null after the last.
EXPORT const char* showtell_instruction_set(int i) {
    if (i < 0 || i >= set_count) return nullptr;
    return sets[i].runs_here() ? sets[i].name : "";
}

EXPORT std::int64_t showtell_cache_bytes(int which, int cell, const SequenceArguments* a) {
    return with_kernels(which, [&](auto& kernels) { return kernels.cache_bytes(Cell(cell), *a); });
}

EXPORT std::int64_t showtell_recurrent(int which, int cell, int is_backward, const SequenceArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) {
        (is_backward ? kernels.backward : kernels.forward)(Cell(cell), *a, threads);
        return 0;
    });
}

EXPORT std::int64_t showtell_vocabulary_loss(int which, const VocabularyArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) { return kernels.vocabulary_loss(*a, threads), 0; });
}

EXPORT std::int64_t showtell_affine(int which, const AffineArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) { return kernels.affine(*a, threads), 0; });
}

EXPORT std::int64_t showtell_affine_bytes(int which, const AffineArguments* a) {
    return with_kernels(which, [&](auto& kernels) { return kernels.affine_bytes(*a); });
}

EXPORT std::int64_t showtell_affine_pack(int which, const AffineArguments* a) {
    return with_kernels(which, [&](auto& kernels) { return kernels.affine_pack(*a), 0; });
}

EXPORT std::int64_t showtell_attention(int which, const AttentionArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) { return kernels.attention(*a, threads), 0; });
}

EXPORT std::int64_t showtell_adam(int which, const AdamArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) { return kernels.adam(*a, threads), 0; });
}

// sums: zeros, one for each thread
EXPORT std::int64_t showtell_sum_of_squares(int which, const void* x, std::int64_t count, double* sums, int threads) {
    return with_kernels(which, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        return kernels.sum_of_squares(static_cast<const T*>(x), count, sums, threads), 0;
    });
}

EXPORT std::int64_t showtell_dropout(int which, const void* x, void* y, std::int64_t count, double p,
                                     std::uint64_t seed, int threads) {
    return with_kernels(which, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        return kernels.dropout(static_cast<const T*>(x), static_cast<T*>(y), count, p, seed, threads), 0;
    });
}

EXPORT std::int64_t showtell_decoding_bytes(int which, int cell, const DecodingArguments* a) {
    return with_kernels(which, [&](auto& kernels) { return kernels.decoding_bytes(Cell(cell), *a); });
}

EXPORT std::int64_t showtell_decoding_pack(int which, int cell, const DecodingArguments* a) {
    return with_kernels(which, [&](auto& kernels) { return kernels.decoding_pack(Cell(cell), *a), 0; });
}

EXPORT std::int64_t showtell_decoding_step(int which, int cell, const DecodingArguments* a, int threads) {
    return with_kernels(which, [&](auto& kernels) {
        check_ids(a->words, a->R, a->size, "words holds the word id");
        if (a->A) check_ids(a->photo, a->R, a->photos, "photo holds");
        return kernels.decoding_step(Cell(cell), *a, threads), 0;
    });
}

// Multiply-adds that each thread did, for measuring how many the machine can do.
EXPORT std::int64_t showtell_multiply_add(int which, std::int64_t rounds, int threads) {
    return with_kernels(which, [&](auto& kernels) { return kernels.multiply_add(rounds, threads); });
}

// f: 0 exp, 1 sigmoid, 2 tanh
EXPORT std::int64_t showtell_elementary(int which, int f, const void* x, void* y, std::int64_t count) {
    return with_kernels(which, [&](auto& kernels) {
        using T = decltype(number_of(kernels));
        return kernels.elementary(f, static_cast<const T*>(x), static_cast<T*>(y), count), 0;
    });
}
