// One pass over arrays, each thread its part: Adam, the sum of squares, dropout.
#pragma once

#include "simd.hpp"
#include "team.hpp"

namespace SHOWTELL_ISA {

using showtell::Team;
using std::ptrdiff_t;

// Adam (Kingma & Ba 2015, algorithm 1) on one array
template <class T>
struct Adam {
    ptrdiff_t count;
    T *param, *exp_avg, *exp_avg_sq, *ema;  // ema: null, or the moving average of param
    const T* grad;
    // rest: 1 - beta, 1 - ema_decay, rounded once
    T scale, beta1, rest1, beta2, rest2, rate, correction, epsilon, rest;

    void lay_out(showtell::Arena&, int) {}

    void run(int me, Team& team) {
        using V = Vec<T>;
        ptrdiff_t begin, end;
        team.share(count, me, begin, end);
        for (ptrdiff_t i = begin; i < end; i += V::width) {
            const int n = end - i < V::width ? int(end - i) : V::width;
            const V g = V::load(grad + i, n) * V(scale);
            const V m = fma(V(beta1), V::load(exp_avg + i, n), V(rest1) * g);
            const V v = fma(V(beta2), V::load(exp_avg_sq + i, n), V(rest2) * g * g);
            m.store(exp_avg + i, n), v.store(exp_avg_sq + i, n);
            const V step = m / (sqrt(v) * V(correction) + V(epsilon));
            const V next = V::load(param + i, n) - V(rate) * step;
            next.store(param + i, n);
            if (ema) {
                const V mean = V::load(ema + i, n);
                fma(V(rest), next - mean, mean).store(ema + i, n);
            }
        }
    }
};

template <class T>
struct SumOfSquares {
    ptrdiff_t count;
    const T* x;
    double* sums;  // (threads)

    void lay_out(showtell::Arena&, int) {}

    // in parts, as a float that has taken up millions of squares takes up no more
    void run(int me, Team& team) {
        using V = Vec<T>;
        constexpr ptrdiff_t PART = 4096;
        ptrdiff_t begin, end;
        team.share(count, me, begin, end);
        double total = 0;
        for (ptrdiff_t part = begin; part < end; part += PART) {
            const ptrdiff_t last = part + PART < end ? part + PART : end;
            V sum(T(0));
            for (ptrdiff_t i = part; i < last; i += V::width) {
                const V v = V::load(x + i, last - i < V::width ? int(last - i) : V::width);
                sum = fma(v, v, sum);
            }
            total += double(sum.sum());
        }
        sums[me] = total;
    }
};

// What is dropped depends on the seed and the place alone, so the mask need not be kept: backward draws it again.
template <class T>
struct Dropout {
    ptrdiff_t count;
    const T* x;
    T* y;
    std::uint64_t seed;
    std::uint32_t threshold;  // a number is dropped if its 32 bits are below
    T scale;

    void lay_out(showtell::Arena&, int) {}

    // 32 bits for a place, by the finalizer of MurmurHash3 (Appleby 2011), which vectors can do; the seed's halves enter
    // before and within it
    static INLINE std::uint32_t bits(std::uint32_t low, std::uint32_t high, std::uint32_t place) {
        std::uint32_t z = place * 0x9E3779B1u + low;
        z = (z ^ (z >> 16)) * 0x85EBCA6Bu;
        z = ((z ^ (z >> 13)) + high) * 0xC2B2AE35u;
        z = (z ^ (z >> 16)) * 0x85EBCA6Bu;
        return z ^ (z >> 15);
    }

    void run(int me, Team& team) {
        ptrdiff_t begin, end;
        team.share(count, me, begin, end);
        const std::uint32_t low = std::uint32_t(seed), high = std::uint32_t(seed >> 32), least = threshold;
        const T kept = scale;
        const T* RESTRICT from = x;
        T* RESTRICT to = y;
        for (ptrdiff_t i = begin; i < end; i++)
            to[i] = from[i] * (bits(low, high, std::uint32_t(i)) < least ? T(0) : kept);
    }
};

}  // namespace SHOWTELL_ISA
