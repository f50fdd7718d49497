// The vocabulary layer and the loss in one: scores = h W + b, the softmax's cross-entropy with label smoothing, and all
// gradients, slab by slab of words. Only the words that count are computed, and no more than a slab's scores exist at a
// time.
//
//   scores = h W + b             each thread some panels of the vocabulary
//   scores -> p - target, loss   each thread some rows
//   dh = (p - target) W^T        each thread some panels of h
//   dW += h^T (p - target)       each thread some panels of the vocabulary
#pragma once

#include "elementary.hpp"
#include "product.hpp"

namespace SHOWTELL_ISA {

template <class T>
struct Vocabulary {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<T>;
    // words of a slab: as many as make the reading and writing of dW small beside the arithmetic
    static constexpr ptrdiff_t SLAB = 384;

    ptrdiff_t M, H, size;   // words that count, width of h, words of the vocabulary
    const int64_t* source;  // (M) which row of h (any, H) each is
    const int64_t* target;  // (M) the right word
    const T *h, *weights, *b;
    T scale, smoothing;     // every gradient is multiplied by scale, 1 / N
    T *dh, *dW, *db;        // null, all three, if only the loss is asked for
    double* losses;         // (M) the loss of each word

    ptrdiff_t v_panels, h_panels;
    T *hs, *scores, *packed, *packed_transposed, *sums, *sums_b, *products;
    Stretch<T>* stretches;

    void lay_out(Arena& arena, int threads) {
        v_panels = ceil_div(size, P), h_panels = ceil_div(H, P);
        const ptrdiff_t gradients = dh ? 1 : 0;
        hs = arena.take<T>(h_panels * SLAB * P);
        scores = arena.take<T>(v_panels * SLAB * P);
        packed = arena.take<T>(v_panels * H * P);
        packed_transposed = arena.take<T>(gradients * h_panels * v_panels * P * P);
        sums = arena.take<T>(gradients * v_panels * h_panels * P * P);
        sums_b = arena.take<T>(gradients * v_panels * P);
        products = arena.take<T>(gradients * threads * SLAB * P);
        stretches = arena.take<Stretch<T>>(threads * (v_panels + h_panels));
    }

    void run(int me, Team& team) {
        Stretch<T>* mine = stretches + me * (v_panels + h_panels);
        ptrdiff_t p0, p1, q0, q1;
        team.share(v_panels, me, p0, p1);
        team.share(h_panels, me, q0, q1);
        pack(p0, p1);
        if (dh) pack_transposed(q0, q1);
        for (ptrdiff_t begin = 0; begin < M; begin += SLAB) {
            const ptrdiff_t rows = at_most(M - begin, SLAB);
            ptrdiff_t r0, r1;
            team.share(rows, me, r0, r1);
            for (ptrdiff_t r = r0; r < r1; r++)
                for (ptrdiff_t k = 0; k < H; k += W)
                    V::load(h + source[begin + r] * H + k, lanes_of(H - k, W))
                        .store(hs + (k / P * SLAB + r) * P + k % P);
            team.barrier();
            for (ptrdiff_t panel = p0; panel < p1; panel++) score(panel, rows, mine);
            team.barrier();
            for (ptrdiff_t r = r0; r < r1; r++) losses[begin + r] = softmax(r, target[begin + r]);
            if (!dh) continue;
            team.barrier();
            for (ptrdiff_t panel = q0; panel < q1; panel++) gradient_of_h(panel, begin, rows, mine, products + me * SLAB * P);
            for (ptrdiff_t panel = p0; panel < p1; panel++) gradient_of_weights(panel, rows, begin > 0);
            team.barrier();
        }
        if (dh)
            for (ptrdiff_t panel = p0; panel < p1; panel++) write_gradients(panel);
    }

    // weights (H, size) -> (H, P) for each panel of the vocabulary
    void pack(ptrdiff_t begin, ptrdiff_t end) const {
        for (ptrdiff_t k = 0; k < H; k++)
            for (ptrdiff_t word = begin * P; word < end * P; word += W)
                V::load(weights + k * size + word, lanes_of(size - word, W))
                    .store(packed + (word / P * H + k) * P + word % P);
    }

    // weights (H, size) -> (v_panels P, P) for each panel of h
    void pack_transposed(ptrdiff_t begin, ptrdiff_t end) const {
        for (ptrdiff_t panel = begin; panel < end; panel++)
            for (ptrdiff_t word = 0; word < v_panels * P; word += W)
                for (ptrdiff_t k = 0; k < P; k += W)
                    transpose_into(weights + word, size, H, panel * P + k, lanes_of(size - word, W),
                                   packed_transposed + (panel * v_panels * P + word) * P + k, P);
    }

    void score(ptrdiff_t panel, ptrdiff_t rows, Stretch<T>* mine) const {
        V bias[WIDE];
        for (int v = 0; v < WIDE; v++) bias[v] = V::load(b + panel * P + v * W, lanes_of(size - panel * P - v * W, W));
        for_tiles<WIDE>(rows, [&](ptrdiff_t r, int m) {
            T* out = scores + (panel * SLAB + r) * P;
            for (int i = 0; i < m; i++)
                for (int v = 0; v < WIDE; v++) bias[v].store(out + i * P + v * W);
            const int n = stretches_of(hs + r * P, SLAB * P, P, H, mine);
            tile_of<T, WIDE, false>(m)(mine, n, P, packed + panel * H * P, out, P, true);
        });
    }

    T* score_of(ptrdiff_t row, ptrdiff_t word) const { return scores + (word / P * SLAB + row) * P + word % P; }

    // a row of scores becomes its gradient, scale * (p - target); returns the word's loss
    double softmax(ptrdiff_t row, ptrdiff_t right) const {
        const ptrdiff_t whole = size / W * W;
        const int rest = int(size - whole);
        // the last lanes, and below every score where there are none
        alignas(64) T last[W];
        for (int i = 0; i < W; i++) last[i] = i < rest ? *score_of(row, whole + i) : *score_of(row, 0);
        V high = V::load(last);
        for (ptrdiff_t word = 0; word < whole; word += W) high = max(high, V::load(score_of(row, word)));
        const T top = high.highest(), right_score = *score_of(row, right);
        V total(T(0)), below(T(0));
        for (ptrdiff_t word = 0; word < whole; word += W) {
            const V x = V::load(score_of(row, word)) - V(top), e = exp(x);
            total = total + e, below = below + x;
            if (dh) e.store(score_of(row, word));
        }
        T sum = total.sum(), sum_below = below.sum();
        if (rest) {
            alignas(64) T e[W];
            exp(V::load(last) - V(top)).store(e);
            for (int i = 0; i < rest; i++) sum += e[i], sum_below += last[i] - top;
            if (dh) V::load(e, rest).store(score_of(row, whole));
        }
        const double log_sum = log_of(sum);
        const double nll = log_sum - (double(right_score) - double(top));
        const double smooth = log_sum - double(sum_below) / double(size);
        if (dh) {
            const V factor(scale / sum), part(scale * smoothing / T(size));
            for (ptrdiff_t word = 0; word < size; word += W) {
                T* at = score_of(row, word);
                (V::load(at) * factor - part).store(at, lanes_of(size - word, W));
            }
            *score_of(row, right) -= scale * (1 - smoothing);
        }
        return smoothing > 0 ? (1 - double(smoothing)) * nll + double(smoothing) * smooth : nll;
    }

    static double log_of(T x) { return std::log(double(x)); }

    void gradient_of_h(ptrdiff_t panel, ptrdiff_t begin, ptrdiff_t rows, Stretch<T>* mine, T* product) const {
        constexpr ptrdiff_t CHUNK = DEPTH / P * P ? DEPTH / P : 1;
        for (ptrdiff_t first = 0; first < v_panels; first += CHUNK) {
            const ptrdiff_t part = at_most(v_panels - first, CHUNK);
            for_tiles<WIDE>(rows, [&](ptrdiff_t r, int m) {
                const int n = stretches_of(score_of(r, first * P), SLAB * P, P, part * P, mine);
                tile_of<T, WIDE, false>(m)(mine, n, P, packed_transposed + (panel * v_panels + first) * P * P,
                                           product + r * P, P, first > 0);
            });
        }
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t k = panel * P, v = 0; k < H && v < WIDE; k += W, v++)
                V::load(product + r * P + v * W).store(dh + source[begin + r] * H + k, lanes_of(H - k, W));
    }

    void gradient_of_weights(ptrdiff_t panel, ptrdiff_t rows, bool add) const {
        const T* right = scores + panel * SLAB * P;
        for (ptrdiff_t k = 0; k < h_panels; k++)
            for_tiles<WIDE>(lanes_of(H - k * P, P), [&](ptrdiff_t column, int columns) {
                const Stretch<T> stretch{hs + k * SLAB * P + column, rows};
                tile_of<T, WIDE, true>(columns)(&stretch, 1, P, right, sums + (panel * h_panels * P + k * P + column) * P, P,
                                                add);
            });
        for (int v = 0; v < WIDE; v++) {
            T* at = sums_b + panel * P + v * W;
            V total = add ? V::load(at) : V(T(0));
            for (ptrdiff_t r = 0; r < rows; r++) total = total + V::load(right + r * P + v * W);
            total.store(at);
        }
    }

    void write_gradients(ptrdiff_t panel) const {
        for (ptrdiff_t word = panel * P, v = 0; word < size && v < WIDE; word += W, v++) {
            const int lanes = lanes_of(size - word, W);
            for (ptrdiff_t k = 0; k < H; k++)
                (M ? V::load(sums + (panel * h_panels * P + k) * P + v * W) : V(T(0))).store(dW + k * size + word, lanes);
            (M ? V::load(sums_b + word) : V(T(0))).store(db + word, lanes);
        }
    }
};

}  // namespace SHOWTELL_ISA
