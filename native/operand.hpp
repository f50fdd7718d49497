// What a product multiplies: numbers as they are, or bfloat16, whose sums are float.
//
// A matrix that is summed over k is cut into *groups* of k: one number, or a pair of bfloat16 that lie side by side in 32
// bits, where one instruction multiplies and adds both (AVX512_BF16). Elsewhere bfloat16 are floats that were rounded, and
// cost what floats do. A product needs its matrices in one of two forms, which for single numbers are the same:
//
//   row form     a row's numbers side by side, k along the row       a left-hand matrix
//   group form   GROUP rows side by side, column by column           the transpose of one, or a right-hand one
//
// Where the processor multiplies *tiles* of pairs (AMX; tiles.hpp), groups are filled up with zeros to whole tiles.
#pragma once

#include "simd.hpp"

namespace SHOWTELL_ISA {

#if defined(__AVX512BF16__)
// Two bfloat16, the upper halves of floats: the even k in the low bits.
struct Bfloat16 {
    std::uint32_t bits;
};
#else
// A float whose lower half is 0.
struct Bfloat16 {
    float number;
};
#endif

// T: what sums are; GROUP: how many k a Q holds
template <class Q>
struct Operand {
    using T = Q;
    static constexpr int GROUP = 1;
};

template <>
struct Operand<Bfloat16> {
    using T = float;
#if defined(__AVX512BF16__)
    static constexpr int GROUP = 2;
#else
    static constexpr int GROUP = 1;
#endif
};

template <class Q>
using NumberOf = typename Operand<Q>::T;
template <class Q>
constexpr int GROUP = Operand<Q>::GROUP;

// whether products of Q are made of tiles
#if defined(__AMX_BF16__)
template <class Q>
constexpr bool TILES = std::is_same_v<Q, Bfloat16>;
#else
template <class Q>
constexpr bool TILES = false;
#endif
// groups of k that are multiplied at a time
template <class Q>
constexpr std::ptrdiff_t UNIT = TILES<Q> ? 16 : 1;

// how many groups n numbers are
template <class Q>
static INLINE std::ptrdiff_t groups(std::ptrdiff_t n) {
    constexpr std::ptrdiff_t numbers = GROUP<Q> * UNIT<Q>;
    return (n + numbers - 1) / numbers * UNIT<Q>;
}

// a segment of a left-hand matrix: `count` groups of k from `a` on
template <class Q>
struct Segment {
    const Q* a;
    std::ptrdiff_t count;
};

// ---- numbers as they are

template <class T>
INLINE Vec<T> broadcast(T q) {
    return Vec<T>(q);
}
template <class T>
INLINE Vec<T> load_groups(const T* p) {
    return Vec<T>::load(p);
}
template <class T>
INLINE Vec<T> multiply_add(Vec<T> a, Vec<T> b, Vec<T> sum) {
    return fma(a, b, sum);
}
// a vector of a row, into row form and out of it
template <class T>
INLINE void store_row(Vec<T> v, T* to) {
    v.store(to);
}
template <class T>
INLINE Vec<T> load_row(const T* from) {
    return Vec<T>::load(from);
}
// a vector of each of GROUP rows, into group form
template <class T>
INLINE void store_group(const Vec<T>* rows, T* to) {
    rows[0].store(to);
}

// ---- bfloat16, rounded to nearest, ties to even

#if defined(__AVX512BF16__)

using Halves = __m512i;

INLINE Halves broadcast(Bfloat16 q) { return _mm512_set1_epi32(int(q.bits)); }
INLINE Halves load_groups(const Bfloat16* p) { return _mm512_loadu_si512(p); }
INLINE Vec<float> multiply_add(Halves a, Halves b, Vec<float> sum) {
    return _mm512_dpbf16_ps(sum.v, __m512bh(a), __m512bh(b));
}
INLINE __m256i rounded(Vec<float> v) { return __m256i(_mm512_cvtneps_pbh(v.v)); }
INLINE void store_row(Vec<float> v, Bfloat16* to) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), rounded(v)); }
INLINE Vec<float> load_row(const Bfloat16* from) {
    const __m512i halves = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(halves, 16));
}
INLINE void store_group(const Vec<float>* rows, Bfloat16* to) {
    const __m512i even = _mm512_cvtepu16_epi32(rounded(rows[0])), odd = _mm512_cvtepu16_epi32(rounded(rows[1]));
    _mm512_storeu_si512(to, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
}

#else

INLINE Vec<float> broadcast(Bfloat16 q) { return Vec<float>(q.number); }
INLINE Vec<float> load_groups(const Bfloat16* p) { return Vec<float>::load(&p->number); }
INLINE void store_row(Vec<float> v, Bfloat16* to) { rounded_to_bfloat16(v).store(&to->number); }
INLINE Vec<float> load_row(const Bfloat16* from) { return Vec<float>::load(&from->number); }
INLINE void store_group(const Vec<float>* rows, Bfloat16* to) { store_row(rows[0], to); }

#endif

}  // namespace SHOWTELL_ISA
