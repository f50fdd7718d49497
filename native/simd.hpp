// Vectors of float and double for one instruction set, chosen by the compiler's flags: AVX-512, AVX2 with FMA, NEON of
// arm64, or plain C++ that a compiler turns into whatever the machine has.
//
// `Vec<T>` is a register: `width` lanes, arithmetic lane by lane. Everything lies in the namespace SHOWTELL_ISA, so that
// the same source compiled for two sets gives two sets of functions, and none of them is shared by the linker.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX2__) && (defined(__FMA__) || defined(_MSC_VER))
#define SHOWTELL_AVX2
#endif
#if defined(__AVX512F__) || defined(SHOWTELL_AVX2)
#include <immintrin.h>
#elif defined(SHOWTELL_NEON)
#include <arm_neon.h>
#endif

#if defined(_MSC_VER)
#define INLINE __forceinline
#define RESTRICT __restrict
#else
#define INLINE inline __attribute__((always_inline))
#define RESTRICT __restrict__
#endif

#if defined(__GNUC__)
#define prefetch(p) __builtin_prefetch(p)
#else
#define prefetch(p) ((void)(p))
#endif

namespace SHOWTELL_ISA {

template <class T>
struct Vec;

#if defined(__AVX512F__)

constexpr int REGISTERS = 32;

template <>
struct Vec<float> {
    static constexpr int width = 16;
    __m512 v;
    INLINE Vec() {}
    INLINE Vec(__m512 v) : v(v) {}
    INLINE Vec(float x) : v(_mm512_set1_ps(x)) {}
    static INLINE Vec load(const float* p) { return _mm512_loadu_ps(p); }
    INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
    static INLINE Vec load(const float* p, int n) { return _mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p); }
    INLINE void store(float* p, int n) const { _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), v); }
    INLINE float sum() const { return _mm512_reduce_add_ps(v); }
    INLINE float highest() const { return _mm512_reduce_max_ps(v); }
};
INLINE Vec<float> operator+(Vec<float> a, Vec<float> b) { return _mm512_add_ps(a.v, b.v); }
INLINE Vec<float> operator-(Vec<float> a, Vec<float> b) { return _mm512_sub_ps(a.v, b.v); }
INLINE Vec<float> operator*(Vec<float> a, Vec<float> b) { return _mm512_mul_ps(a.v, b.v); }
INLINE Vec<float> operator/(Vec<float> a, Vec<float> b) { return _mm512_div_ps(a.v, b.v); }
INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a.v, b.v, c.v); }
INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return _mm512_max_ps(a.v, b.v); }
INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return _mm512_min_ps(a.v, b.v); }
INLINE Vec<float> sqrt(Vec<float> a) { return _mm512_sqrt_ps(a.v); }
INLINE Vec<float> round(Vec<float> a) {
    return _mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE Vec<float> times_power_of_2(Vec<float> a, Vec<float> n) { return _mm512_scalef_ps(a.v, n.v); }
// 1 / a to within 2^-22 of it: a division takes as long as eight multiplications
INLINE Vec<float> reciprocal(Vec<float> a) {
    const __m512 near = _mm512_rcp14_ps(a.v);
    return _mm512_fmadd_ps(near, _mm512_fnmadd_ps(a.v, near, _mm512_set1_ps(1.0f)), near);
}
// where |x| < limit: a, elsewhere b
INLINE Vec<float> if_small(Vec<float> x, float limit, Vec<float> a, Vec<float> b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(limit), _CMP_LT_OQ), b.v, a.v);
}
// where x > 0: a, elsewhere 0
INLINE Vec<float> if_positive(Vec<float> x, Vec<float> a) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_GT_OQ), a.v);
}
INLINE Vec<float> rounded_to_bfloat16(Vec<float> a) {
    const __m512i bits = _mm512_castps_si512(a.v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    return _mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32(int(0xFFFF0000u))));
}
// rows become columns
INLINE void transpose(Vec<float> (&r)[16]) {
    __m512 a[16], b[16];
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
        a[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            const __m512d low = _mm512_castps_pd(a[i + j]), high = _mm512_castps_pd(a[i + j + 2]);
            b[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            b[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    // b[4 i + j] holds column j of each quarter of rows 4 i to 4 i + 3
    for (int j = 0; j < 4; j++) {
        const __m512 even01 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0x88),
                     odd01 = _mm512_shuffle_f32x4(b[j], b[4 + j], 0xDD);
        const __m512 even23 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0x88);
        const __m512 odd23 = _mm512_shuffle_f32x4(b[8 + j], b[12 + j], 0xDD);
        r[j] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        r[8 + j] = _mm512_shuffle_f32x4(even01, even23, 0xDD);
        r[4 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        r[12 + j] = _mm512_shuffle_f32x4(odd01, odd23, 0xDD);
    }
}
// a with the sign of x
INLINE Vec<float> with_sign(Vec<float> a, Vec<float> x) {
    const __m512i sign = _mm512_set1_epi32(int(0x80000000u));
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(x.v), _mm512_castps_si512(a.v), 0xCA));
}

template <>
struct Vec<double> {
    static constexpr int width = 8;
    __m512d v;
    INLINE Vec() {}
    INLINE Vec(__m512d v) : v(v) {}
    INLINE Vec(double x) : v(_mm512_set1_pd(x)) {}
    static INLINE Vec load(const double* p) { return _mm512_loadu_pd(p); }
    INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
    static INLINE Vec load(const double* p, int n) { return _mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p); }
    INLINE void store(double* p, int n) const { _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), v); }
    INLINE double sum() const { return _mm512_reduce_add_pd(v); }
    INLINE double highest() const { return _mm512_reduce_max_pd(v); }
};
INLINE Vec<double> operator+(Vec<double> a, Vec<double> b) { return _mm512_add_pd(a.v, b.v); }
INLINE Vec<double> operator-(Vec<double> a, Vec<double> b) { return _mm512_sub_pd(a.v, b.v); }
INLINE Vec<double> operator*(Vec<double> a, Vec<double> b) { return _mm512_mul_pd(a.v, b.v); }
INLINE Vec<double> operator/(Vec<double> a, Vec<double> b) { return _mm512_div_pd(a.v, b.v); }
INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmadd_pd(a.v, b.v, c.v); }
INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return _mm512_max_pd(a.v, b.v); }
INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return _mm512_min_pd(a.v, b.v); }
INLINE Vec<double> sqrt(Vec<double> a) { return _mm512_sqrt_pd(a.v); }
INLINE Vec<double> round(Vec<double> a) {
    return _mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE Vec<double> times_power_of_2(Vec<double> a, Vec<double> n) { return _mm512_scalef_pd(a.v, n.v); }
INLINE Vec<double> if_small(Vec<double> x, double limit, Vec<double> a, Vec<double> b) {
    return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(_mm512_abs_pd(x.v), _mm512_set1_pd(limit), _CMP_LT_OQ), b.v, a.v);
}
INLINE Vec<double> if_positive(Vec<double> x, Vec<double> a) {
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x.v, _mm512_setzero_pd(), _CMP_GT_OQ), a.v);
}
INLINE Vec<double> with_sign(Vec<double> a, Vec<double> x) {
    const __m512i sign = _mm512_set1_epi64((long long)(0x8000000000000000ull));
    return _mm512_castsi512_pd(
        _mm512_ternarylogic_epi64(sign, _mm512_castpd_si512(x.v), _mm512_castpd_si512(a.v), 0xCA));
}

#elif defined(SHOWTELL_AVX2)

constexpr int REGISTERS = 16;

// a mask whose first n lanes are set, n up to 8 lanes of 32 bits
INLINE __m256i first_lanes(int n) {
    const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), place);
}

template <>
struct Vec<float> {
    static constexpr int width = 8;
    __m256 v;
    INLINE Vec() {}
    INLINE Vec(__m256 v) : v(v) {}
    INLINE Vec(float x) : v(_mm256_set1_ps(x)) {}
    static INLINE Vec load(const float* p) { return _mm256_loadu_ps(p); }
    INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
    static INLINE Vec load(const float* p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
    INLINE void store(float* p, int n) const { _mm256_maskstore_ps(p, first_lanes(n), v); }
    INLINE float sum() const {
        __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        s = _mm_add_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
    }
    INLINE float highest() const {
        __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        s = _mm_max_ps(s, _mm_movehl_ps(s, s));
        return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
    }
};
INLINE Vec<float> operator+(Vec<float> a, Vec<float> b) { return _mm256_add_ps(a.v, b.v); }
INLINE Vec<float> operator-(Vec<float> a, Vec<float> b) { return _mm256_sub_ps(a.v, b.v); }
INLINE Vec<float> operator*(Vec<float> a, Vec<float> b) { return _mm256_mul_ps(a.v, b.v); }
INLINE Vec<float> operator/(Vec<float> a, Vec<float> b) { return _mm256_div_ps(a.v, b.v); }
INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmadd_ps(a.v, b.v, c.v); }
INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return _mm256_max_ps(a.v, b.v); }
INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return _mm256_min_ps(a.v, b.v); }
INLINE Vec<float> sqrt(Vec<float> a) { return _mm256_sqrt_ps(a.v); }
INLINE Vec<float> round(Vec<float> a) { return _mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE Vec<float> times_power_of_2(Vec<float> a, Vec<float> n) {
    // in two halves, so that neither exponent leaves its range
    const __m256i whole = _mm256_cvtps_epi32(n.v), half = _mm256_srai_epi32(whole, 1);
    const auto power = [](__m256i e) {
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23));
    };
    return _mm256_mul_ps(_mm256_mul_ps(a.v, power(half)), power(_mm256_sub_epi32(whole, half)));
}
INLINE Vec<float> if_small(Vec<float> x, float limit, Vec<float> a, Vec<float> b) {
    const __m256 absolute = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x.v);
    return _mm256_blendv_ps(b.v, a.v, _mm256_cmp_ps(absolute, _mm256_set1_ps(limit), _CMP_LT_OQ));
}
INLINE Vec<float> if_positive(Vec<float> x, Vec<float> a) {
    return _mm256_and_ps(_mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_GT_OQ), a.v);
}
INLINE Vec<float> rounded_to_bfloat16(Vec<float> a) {
    const __m256i bits = _mm256_castps_si256(a.v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    return _mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(int(0xFFFF0000u))));
}
INLINE void transpose(Vec<float> (&r)[8]) {
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
        a[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], 0x44);
            b[i + 2 * j + 1] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], 0xEE);
        }
    for (int j = 0; j < 4; j++) {
        r[j] = _mm256_permute2f128_ps(b[j], b[4 + j], 0x20);
        r[4 + j] = _mm256_permute2f128_ps(b[j], b[4 + j], 0x31);
    }
}
INLINE Vec<float> with_sign(Vec<float> a, Vec<float> x) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return _mm256_or_ps(_mm256_andnot_ps(sign, a.v), _mm256_and_ps(sign, x.v));
}

template <>
struct Vec<double> {
    static constexpr int width = 4;
    __m256d v;
    INLINE Vec() {}
    INLINE Vec(__m256d v) : v(v) {}
    INLINE Vec(double x) : v(_mm256_set1_pd(x)) {}
    static INLINE __m256i lanes(int n) {
        return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
    }
    static INLINE Vec load(const double* p) { return _mm256_loadu_pd(p); }
    INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
    static INLINE Vec load(const double* p, int n) { return _mm256_maskload_pd(p, lanes(n)); }
    INLINE void store(double* p, int n) const { _mm256_maskstore_pd(p, lanes(n), v); }
    INLINE double sum() const {
        const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
        return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
    }
    INLINE double highest() const {
        const __m128d s = _mm_max_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
        return _mm_cvtsd_f64(_mm_max_sd(s, _mm_unpackhi_pd(s, s)));
    }
};
INLINE Vec<double> operator+(Vec<double> a, Vec<double> b) { return _mm256_add_pd(a.v, b.v); }
INLINE Vec<double> operator-(Vec<double> a, Vec<double> b) { return _mm256_sub_pd(a.v, b.v); }
INLINE Vec<double> operator*(Vec<double> a, Vec<double> b) { return _mm256_mul_pd(a.v, b.v); }
INLINE Vec<double> operator/(Vec<double> a, Vec<double> b) { return _mm256_div_pd(a.v, b.v); }
INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmadd_pd(a.v, b.v, c.v); }
INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return _mm256_max_pd(a.v, b.v); }
INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return _mm256_min_pd(a.v, b.v); }
INLINE Vec<double> sqrt(Vec<double> a) { return _mm256_sqrt_pd(a.v); }
INLINE Vec<double> round(Vec<double> a) { return _mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE Vec<double> times_power_of_2(Vec<double> a, Vec<double> n) {
    const __m128i whole = _mm256_cvtpd_epi32(n.v), half = _mm_srai_epi32(whole, 1);
    const auto power = [](__m128i e) {
        return _mm256_castsi256_pd(
            _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm_add_epi32(e, _mm_set1_epi32(1023))), 52));
    };
    return _mm256_mul_pd(_mm256_mul_pd(a.v, power(half)), power(_mm_sub_epi32(whole, half)));
}
INLINE Vec<double> if_small(Vec<double> x, double limit, Vec<double> a, Vec<double> b) {
    const __m256d absolute = _mm256_andnot_pd(_mm256_set1_pd(-0.0), x.v);
    return _mm256_blendv_pd(b.v, a.v, _mm256_cmp_pd(absolute, _mm256_set1_pd(limit), _CMP_LT_OQ));
}
INLINE Vec<double> if_positive(Vec<double> x, Vec<double> a) {
    return _mm256_and_pd(_mm256_cmp_pd(x.v, _mm256_setzero_pd(), _CMP_GT_OQ), a.v);
}
INLINE Vec<double> with_sign(Vec<double> a, Vec<double> x) {
    const __m256d sign = _mm256_set1_pd(-0.0);
    return _mm256_or_pd(_mm256_andnot_pd(sign, a.v), _mm256_and_pd(sign, x.v));
}

#elif defined(SHOWTELL_NEON)

constexpr int REGISTERS = 32;

template <>
struct Vec<float> {
    static constexpr int width = 4;
    float32x4_t v;
    INLINE Vec() {}
    INLINE Vec(float32x4_t v) : v(v) {}
    INLINE Vec(float x) : v(vdupq_n_f32(x)) {}
    static INLINE Vec load(const float* p) { return vld1q_f32(p); }
    INLINE void store(float* p) const { vst1q_f32(p, v); }
    static INLINE Vec load(const float* p, int n) {
        float lanes[width] = {};
        for (int i = 0; i < n; i++) lanes[i] = p[i];
        return load(lanes);
    }
    INLINE void store(float* p, int n) const {
        float lanes[width];
        store(lanes);
        for (int i = 0; i < n; i++) p[i] = lanes[i];
    }
    INLINE float sum() const { return vaddvq_f32(v); }
    INLINE float highest() const { return vmaxvq_f32(v); }
};
INLINE Vec<float> operator+(Vec<float> a, Vec<float> b) { return vaddq_f32(a.v, b.v); }
INLINE Vec<float> operator-(Vec<float> a, Vec<float> b) { return vsubq_f32(a.v, b.v); }
INLINE Vec<float> operator*(Vec<float> a, Vec<float> b) { return vmulq_f32(a.v, b.v); }
INLINE Vec<float> operator/(Vec<float> a, Vec<float> b) { return vdivq_f32(a.v, b.v); }
INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return vfmaq_f32(c.v, a.v, b.v); }
INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return vmaxq_f32(a.v, b.v); }
INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return vminq_f32(a.v, b.v); }
INLINE Vec<float> sqrt(Vec<float> a) { return vsqrtq_f32(a.v); }
INLINE Vec<float> round(Vec<float> a) { return vrndnq_f32(a.v); }
INLINE Vec<float> times_power_of_2(Vec<float> a, Vec<float> n) {
    // in two halves, so that neither exponent leaves its range
    const int32x4_t whole = vcvtnq_s32_f32(n.v), half = vshrq_n_s32(whole, 1);
    const auto power = [](int32x4_t e) {
        return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(e, vdupq_n_s32(127)), 23));
    };
    return vmulq_f32(vmulq_f32(a.v, power(half)), power(vsubq_s32(whole, half)));
}
INLINE Vec<float> if_small(Vec<float> x, float limit, Vec<float> a, Vec<float> b) {
    return vbslq_f32(vcltq_f32(vabsq_f32(x.v), vdupq_n_f32(limit)), a.v, b.v);
}
INLINE Vec<float> if_positive(Vec<float> x, Vec<float> a) {
    return vbslq_f32(vcgtq_f32(x.v, vdupq_n_f32(0)), a.v, vdupq_n_f32(0));
}
INLINE Vec<float> rounded_to_bfloat16(Vec<float> a) {
    const uint32x4_t bits = vreinterpretq_u32_f32(a.v), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7FFF)));
    return vreinterpretq_f32_u32(vandq_u32(up, vdupq_n_u32(0xFFFF0000u)));
}
INLINE void transpose(Vec<float> (&r)[4]) {
    const auto wide = [](float32x4_t v) { return vreinterpretq_f64_f32(v); };
    const float64x2_t a = wide(vtrn1q_f32(r[0].v, r[1].v)), b = wide(vtrn2q_f32(r[0].v, r[1].v));
    const float64x2_t c = wide(vtrn1q_f32(r[2].v, r[3].v)), d = wide(vtrn2q_f32(r[2].v, r[3].v));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}
INLINE Vec<float> with_sign(Vec<float> a, Vec<float> x) { return vbslq_f32(vdupq_n_u32(0x80000000u), x.v, a.v); }

template <>
struct Vec<double> {
    static constexpr int width = 2;
    float64x2_t v;
    INLINE Vec() {}
    INLINE Vec(float64x2_t v) : v(v) {}
    INLINE Vec(double x) : v(vdupq_n_f64(x)) {}
    static INLINE Vec load(const double* p) { return vld1q_f64(p); }
    INLINE void store(double* p) const { vst1q_f64(p, v); }
    static INLINE Vec load(const double* p, int n) {
        double lanes[width] = {};
        for (int i = 0; i < n; i++) lanes[i] = p[i];
        return load(lanes);
    }
    INLINE void store(double* p, int n) const {
        double lanes[width];
        store(lanes);
        for (int i = 0; i < n; i++) p[i] = lanes[i];
    }
    INLINE double sum() const { return vaddvq_f64(v); }
    INLINE double highest() const { return vmaxvq_f64(v); }
};
INLINE Vec<double> operator+(Vec<double> a, Vec<double> b) { return vaddq_f64(a.v, b.v); }
INLINE Vec<double> operator-(Vec<double> a, Vec<double> b) { return vsubq_f64(a.v, b.v); }
INLINE Vec<double> operator*(Vec<double> a, Vec<double> b) { return vmulq_f64(a.v, b.v); }
INLINE Vec<double> operator/(Vec<double> a, Vec<double> b) { return vdivq_f64(a.v, b.v); }
INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) { return vfmaq_f64(c.v, a.v, b.v); }
INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return vmaxq_f64(a.v, b.v); }
INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return vminq_f64(a.v, b.v); }
INLINE Vec<double> sqrt(Vec<double> a) { return vsqrtq_f64(a.v); }
INLINE Vec<double> round(Vec<double> a) { return vrndnq_f64(a.v); }
INLINE Vec<double> times_power_of_2(Vec<double> a, Vec<double> n) {
    const int64x2_t whole = vcvtnq_s64_f64(n.v), half = vshrq_n_s64(whole, 1);
    const auto power = [](int64x2_t e) {
        return vreinterpretq_f64_s64(vshlq_n_s64(vaddq_s64(e, vdupq_n_s64(1023)), 52));
    };
    return vmulq_f64(vmulq_f64(a.v, power(half)), power(vsubq_s64(whole, half)));
}
INLINE Vec<double> if_small(Vec<double> x, double limit, Vec<double> a, Vec<double> b) {
    return vbslq_f64(vcltq_f64(vabsq_f64(x.v), vdupq_n_f64(limit)), a.v, b.v);
}
INLINE Vec<double> if_positive(Vec<double> x, Vec<double> a) {
    return vbslq_f64(vcgtq_f64(x.v, vdupq_n_f64(0)), a.v, vdupq_n_f64(0));
}
INLINE Vec<double> with_sign(Vec<double> a, Vec<double> x) {
    return vbslq_f64(vdupq_n_u64(0x8000000000000000u), x.v, a.v);
}

#else

#if defined(__aarch64__)
constexpr int REGISTERS = 32;
#else
constexpr int REGISTERS = 16;
#endif

// 16 bytes as an array, with loops that a compiler unrolls into vector instructions
template <class T>
struct Vec {
    static constexpr int width = 16 / sizeof(T);
    T v[width];
    INLINE Vec() {}
    INLINE Vec(T x) {
        for (T& lane : v) lane = x;
    }
    static INLINE Vec load(const T* p) {
        Vec r;
        std::memcpy(r.v, p, sizeof r.v);
        return r;
    }
    INLINE void store(T* p) const { std::memcpy(p, v, sizeof v); }
    static INLINE Vec load(const T* p, int n) {
        Vec r(T(0));
        for (int i = 0; i < n; i++) r.v[i] = p[i];
        return r;
    }
    INLINE void store(T* p, int n) const {
        for (int i = 0; i < n; i++) p[i] = v[i];
    }
    INLINE T sum() const {
        T s = v[0];
        for (int i = 1; i < width; i++) s += v[i];
        return s;
    }
    INLINE T highest() const {
        T s = v[0];
        for (int i = 1; i < width; i++) s = v[i] > s ? v[i] : s;
        return s;
    }
    template <class F>
    static INLINE Vec each(F f) {
        Vec r;
        for (int i = 0; i < width; i++) r.v[i] = f(i);
        return r;
    }
};
template <class T>
INLINE Vec<T> operator+(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] + b.v[i]; });
}
template <class T>
INLINE Vec<T> operator-(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] - b.v[i]; });
}
template <class T>
INLINE Vec<T> operator*(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] * b.v[i]; });
}
template <class T>
INLINE Vec<T> operator/(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] / b.v[i]; });
}
template <class T>
INLINE Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
    return Vec<T>::each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
template <class T>
INLINE Vec<T> max(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
template <class T>
INLINE Vec<T> min(Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
template <class T>
INLINE Vec<T> sqrt(Vec<T> a) {
    return Vec<T>::each([&](int i) { return std::sqrt(a.v[i]); });
}
template <class T>
INLINE Vec<T> round(Vec<T> a) {
    // adding and taking away 1.5 * 2^(bits of the fraction) leaves the nearest integer
    const T big = sizeof(T) == 4 ? T(12582912.0) : T(6755399441055744.0);
    return Vec<T>::each([&](int i) {
        volatile T shifted = a.v[i] + big;
        return shifted - big;
    });
}
template <class T>
INLINE Vec<T> times_power_of_2(Vec<T> a, Vec<T> n) {
    return Vec<T>::each([&](int i) { return std::ldexp(a.v[i], int(n.v[i])); });
}
template <class T>
INLINE Vec<T> if_small(Vec<T> x, T limit, Vec<T> a, Vec<T> b) {
    return Vec<T>::each([&](int i) { return (x.v[i] < limit && -x.v[i] < limit) ? a.v[i] : b.v[i]; });
}
template <class T>
INLINE Vec<T> if_positive(Vec<T> x, Vec<T> a) {
    return Vec<T>::each([&](int i) { return x.v[i] > 0 ? a.v[i] : T(0); });
}
template <class T>
INLINE Vec<T> with_sign(Vec<T> a, Vec<T> x) {
    return Vec<T>::each([&](int i) { return std::copysign(a.v[i], x.v[i]); });
}
INLINE Vec<float> rounded_to_bfloat16(Vec<float> a) {
    return Vec<float>::each([&](int i) {
        std::uint32_t bits;
        std::memcpy(&bits, &a.v[i], sizeof bits);
        bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
        float x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    });
}

#endif

// 1 / a, for the sets and types that have no faster way
template <class T>
INLINE Vec<T> reciprocal(Vec<T> a) {
    return Vec<T>(T(1)) / a;
}

// rows become columns: for the sets and types that have no way of their own
template <class T, int W>
static void transpose(Vec<T> (&r)[W]) {
    T from[W * W], to[W * W];
    for (int i = 0; i < W; i++) r[i].store(from + i * W);
    for (int i = 0; i < W; i++)
        for (int j = 0; j < W; j++) to[i * W + j] = from[j * W + i];
    for (int i = 0; i < W; i++) r[i] = Vec<T>::load(to + i * W);
}

}  // namespace SHOWTELL_ISA
