// What a product multiplies: numbers as they are, or pairs of bfloat16, whose sums are float.
//
// A matrix that is summed over k is cut into *groups* of k: one number, or two that lie side by side in 32 bits, so that
// one instruction multiplies and adds both (AVX512_BF16; two do where that is missing). A product then needs its
// matrices in one of two forms, which for single numbers are the same:
//
//   row form     a row's numbers side by side, k along the row       a left-hand matrix
//   group form   GROUP rows side by side, column by column           the transpose of one, or a right-hand one
#pragma once

#include "simd.hpp"

namespace SHOWTELL_ISA {

// Two bfloat16, the upper halves of floats: the even k in the low bits.
struct Pair {
    std::uint32_t bits;
};

// T: what sums are; GROUP: how many k a Q holds
template <class Q>
struct Operand {
    using T = Q;
    static constexpr int GROUP = 1;
};

template <>
struct Operand<Pair> {
    using T = float;
    static constexpr int GROUP = 2;
};

template <class Q>
using NumberOf = typename Operand<Q>::T;
template <class Q>
constexpr int GROUP = Operand<Q>::GROUP;
// how many groups n numbers are
template <class Q>
static INLINE std::ptrdiff_t groups(std::ptrdiff_t n) {
    return (n + GROUP<Q> - 1) / GROUP<Q>;
}

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

// ---- pairs

#if defined(__AVX512F__)

using PairVec = __m512i;

INLINE PairVec broadcast(Pair q) { return _mm512_set1_epi32(int(q.bits)); }
INLINE PairVec load_groups(const Pair* p) { return _mm512_loadu_si512(p); }
INLINE Vec<float> even_of(PairVec q) { return _mm512_castsi512_ps(_mm512_slli_epi32(q, 16)); }
INLINE Vec<float> odd_of(PairVec q) {
    return _mm512_castsi512_ps(_mm512_and_si512(q, _mm512_set1_epi32(int(0xFFFF0000u))));
}
// rounded to nearest, ties to even; in the low half of each lane
INLINE __m512i rounded(Vec<float> v) {
    const __m512i bits = _mm512_castps_si512(v.v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF))), 16);
}
INLINE void store_row(Vec<float> v, Pair* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(rounded(v)));
}
INLINE __m512i halves(const Pair* from) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
INLINE Vec<float> load_row(const Pair* from) { return _mm512_castsi512_ps(_mm512_slli_epi32(halves(from), 16)); }
INLINE void store_group(const Vec<float>* rows, Pair* to) {
    _mm512_storeu_si512(to, _mm512_or_si512(rounded(rows[0]), _mm512_slli_epi32(rounded(rows[1]), 16)));
}

#else

struct PairVec {
    std::uint32_t bits[Vec<float>::width];
};

INLINE float float_of(std::uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}
INLINE std::uint32_t rounded(float x) {
    std::uint32_t bits;
    std::memcpy(&bits, &x, sizeof x);
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
}
INLINE PairVec broadcast(Pair q) {
    PairVec v;
    for (std::uint32_t& lane : v.bits) lane = q.bits;
    return v;
}
INLINE PairVec load_groups(const Pair* p) {
    PairVec v;
    std::memcpy(v.bits, p, sizeof v);
    return v;
}
INLINE Vec<float> even_of(PairVec q) {
    for (std::uint32_t& lane : q.bits) lane <<= 16;
    return Vec<float>::load(reinterpret_cast<const float*>(q.bits));
}
INLINE Vec<float> odd_of(PairVec q) {
    for (std::uint32_t& lane : q.bits) lane &= 0xFFFF0000u;
    return Vec<float>::load(reinterpret_cast<const float*>(q.bits));
}
INLINE void store_row(Vec<float> v, Pair* to) {
    float x[Vec<float>::width];
    v.store(x);
    for (int i = 0; i < Vec<float>::width / 2; i++) to[i].bits = rounded(x[2 * i]) | rounded(x[2 * i + 1]) << 16;
}
INLINE Vec<float> load_row(const Pair* from) {
    float x[Vec<float>::width];
    for (int i = 0; i < Vec<float>::width / 2; i++) {
        x[2 * i] = float_of(from[i].bits << 16);
        x[2 * i + 1] = float_of(from[i].bits & 0xFFFF0000u);
    }
    return Vec<float>::load(x);
}
INLINE void store_group(const Vec<float>* rows, Pair* to) {
    float even[Vec<float>::width], odd[Vec<float>::width];
    rows[0].store(even), rows[1].store(odd);
    for (int i = 0; i < Vec<float>::width; i++) to[i].bits = rounded(even[i]) | rounded(odd[i]) << 16;
}

#endif

#if defined(__AVX512BF16__)
INLINE Vec<float> multiply_add(PairVec a, PairVec b, Vec<float> sum) {
    return _mm512_dpbf16_ps(sum.v, __m512bh(a), __m512bh(b));
}
#else
INLINE Vec<float> multiply_add(PairVec a, PairVec b, Vec<float> sum) {
    return fma(odd_of(a), odd_of(b), fma(even_of(a), even_of(b), sum));
}
#endif

}  // namespace SHOWTELL_ISA
