// exp, the logistic sigmoid and tanh on vectors, without branches: to 2 units in the last place, the sigmoid to 3, in
// both precisions (tests/nn/kernels/test_elementary.py).
#pragma once

#include "operand.hpp"

namespace SHOWTELL_ISA {

// c[0] + c[1] x + ... by Horner's rule
template <class T, int N>
INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[N]) {
    Vec<T> p(c[N - 1]);
    for (int i = N - 2; i >= 0; i--) p = fma(p, x, Vec<T>(c[i]));
    return p;
}

// x = n log 2 + r with |r| <= log(2) / 2, then exp(x) = 2^n (1 + r + r^2 P(r)); P's coefficients are those of a minimax
// fit (float) and of Taylor's series (double). Below the least exponent it gives 0, above the greatest infinity.
INLINE Vec<float> exp(Vec<float> x) {
    x = max(Vec<float>(-104.0f), min(Vec<float>(89.0f), x));  // in this order a NaN stays one
    const Vec<float> n = round(x * Vec<float>(1.44269504088896341f));
    Vec<float> r = fma(n, Vec<float>(-0.693359375f), x);
    r = fma(n, Vec<float>(2.12194440e-4f), r);
    const Vec<float> p = polynomial<float>(r, {5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f, 8.3334519073e-3f,
                                               1.3981999507e-3f, 1.9875691500e-4f});
    return times_power_of_2(fma(p, r * r, r) + Vec<float>(1.0f), n);
}

INLINE Vec<double> exp(Vec<double> x) {
    x = max(Vec<double>(-746.0), min(Vec<double>(710.0), x));
    const Vec<double> n = round(x * Vec<double>(1.4426950408889634074));
    Vec<double> r = fma(n, Vec<double>(-6.93145751953125e-1), x);
    r = fma(n, Vec<double>(-1.42860682030941723212e-6), r);
    const Vec<double> p =
        polynomial<double>(r, {1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                               1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0});
    return times_power_of_2(fma(p, r * r, r) + Vec<double>(1.0), n);
}

template <class T>
INLINE Vec<T> sigmoid(Vec<T> x) {
    return Vec<T>(T(1)) / (Vec<T>(T(1)) + exp(Vec<T>(T(0)) - x));
}

// near 0 by x + x^3 P(x^2), where 1 - 2 / (exp(2 |x|) + 1) would lose digits (coefficients: Moshier's Cephes)
INLINE Vec<float> tanh(Vec<float> x) {
    const Vec<float> s = x * x;
    const Vec<float> p = polynomial<float>(
        s, {-3.33332819422e-1f, 1.33314422036e-1f, -5.37397155531e-2f, 2.06390887954e-2f, -5.70498872745e-3f});
    const Vec<float> near = fma(p * s, x, x);
    const Vec<float> size = max(x, Vec<float>(0.0f) - x);
    const Vec<float> far = Vec<float>(1.0f) - Vec<float>(2.0f) / (exp(size + size) + Vec<float>(1.0f));
    return if_small(x, 0.625f, near, with_sign(far, x));
}

INLINE Vec<double> tanh(Vec<double> x) {
    const Vec<double> s = x * x;
    const Vec<double> p =
        polynomial<double>(s, {-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1});
    const Vec<double> q =
        polynomial<double>(s, {4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1.0});
    const Vec<double> near = fma(p / q * s, x, x);
    const Vec<double> size = max(x, Vec<double>(0.0) - x);
    const Vec<double> far = Vec<double>(1.0) - Vec<double>(2.0) / (exp(size + size) + Vec<double>(1.0));
    return if_small(x, 0.625, near, with_sign(far, x));
}

// Gates: the first SIGMOIDS vectors of x to their sigmoid, the TANHS after them to their tanh.
//
// Where products are of bfloat16, its 8 bits let fewer operations do, to within 2^-19: all are 1 / (1 + exp(-x)), as
// tanh x = 2 sigmoid(2 x) - 1, and exp(-x) is 2^n 2^r with |r| <= 1/2 and a minimax fit of 2^r. Each operation is done to
// all vectors before the next one, as a processor does not look far enough ahead to do so itself.
template <class Q, int SIGMOIDS, int TANHS>
INLINE void squash(Vec<NumberOf<Q>>* x) {
    constexpr int N = SIGMOIDS + TANHS;
    if constexpr (!std::is_same_v<Q, Bfloat16>) {
        for (int i = 0; i < SIGMOIDS; i++) x[i] = sigmoid(x[i]);
        for (int i = SIGMOIDS; i < N; i++) x[i] = tanh(x[i]);
    } else {
        constexpr float FIT[] = {9.999992614e-1f, 6.931218147e-1f, 2.402474483e-1f, 5.591786032e-2f, 9.570101911e-3f};
        constexpr float LOG2_E = 1.44269504088896341f;
        Vec<float> n[N], power[N];
        for (int i = 0; i < N; i++) x[i] = x[i] * Vec<float>(i < SIGMOIDS ? -LOG2_E : -2 * LOG2_E);
        for (int i = 0; i < N; i++) x[i] = max(Vec<float>(-126.0f), min(Vec<float>(126.0f), x[i]));
        for (int i = 0; i < N; i++) n[i] = round(x[i]);
        for (int i = 0; i < N; i++) x[i] = x[i] - n[i];
        for (int i = 0; i < N; i++) power[i] = fma(Vec<float>(FIT[4]), x[i], Vec<float>(FIT[3]));
        for (int degree = 2; degree >= 0; degree--)
            for (int i = 0; i < N; i++) power[i] = fma(power[i], x[i], Vec<float>(FIT[degree]));
        for (int i = 0; i < N; i++) x[i] = Vec<float>(1.0f) + times_power_of_2(power[i], n[i]);
        for (int i = 0; i < N; i++) x[i] = reciprocal(x[i]);
        for (int i = SIGMOIDS; i < N; i++) x[i] = fma(Vec<float>(2.0f), x[i], Vec<float>(-1.0f));
    }
}

}  // namespace SHOWTELL_ISA
