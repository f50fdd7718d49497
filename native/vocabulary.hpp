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

// The weights, (H, size) or, turned round, (size, H), in panels [begin, end) of words, as a right-hand matrix of H rows ...
template <class Q, class T>
static void pack_vocabulary(const T* weights, bool turned, ptrdiff_t H, ptrdiff_t size, ptrdiff_t begin, ptrdiff_t end,
                            Q* packed) {
    constexpr ptrdiff_t W = Vec<T>::width, P = PANEL<Q>;
    if (!turned) return pack_panels(weights, H, size, begin * P, end * P, packed, groups<Q>(H));
    for (ptrdiff_t panel = begin; panel < end; panel++)
        for (ptrdiff_t k = 0; k < groups<Q>(H) * GROUP<Q>; k += W)
            for (ptrdiff_t word = 0; word < P; word += W) {
                Q square[W * W / GROUP<Q>];
                transpose_into(weights + k, H, size, panel * P + word, lanes_of(H - k, W), square, W);
                for (ptrdiff_t g = 0; g < at_most(W / GROUP<Q>, groups<Q>(H) - k / GROUP<Q>); g++)
                    std::memcpy(packed + (panel * groups<Q>(H) + k / GROUP<Q> + g) * P + word, square + g * W,
                                W * sizeof(Q));
            }
}

// ... and in panels [begin, end) of H, as one of as many rows as words in whole panels.
template <class Q, class T>
static void pack_vocabulary_transposed(const T* weights, bool turned, ptrdiff_t H, ptrdiff_t size, ptrdiff_t begin,
                                       ptrdiff_t end, Q* packed) {
    constexpr ptrdiff_t W = Vec<T>::width, P = PANEL<Q>;
    const ptrdiff_t words = ceil_div(size, P) * P;
    if (turned)
        return for_strips<Q>(words, [&](ptrdiff_t first, ptrdiff_t last) {
            for (ptrdiff_t k = begin * P; k < end * P; k += W)
                for (ptrdiff_t word = first; word < last; word += GROUP<Q>)
                    pack_group(weights + k, H, size, word, lanes_of(H - k, W),
                               packed + (k / P * words + word) / GROUP<Q> * P + k % P);
        });
    for (ptrdiff_t panel = begin; panel < end; panel++)
        for (ptrdiff_t word = 0; word < words; word += W)
            for (ptrdiff_t k = 0; k < P; k += W)
                transpose_into(weights + word, size, H, panel * P + k, lanes_of(size - word, W),
                               packed + (panel * words + word) / GROUP<Q> * P + k, P);
}

// sums (H, P) of a panel of words into the weights' gradient, which lies as the weights do; or added to it
template <class T>
static void write_vocabulary_gradient(const T* sums, ptrdiff_t panel, ptrdiff_t P, bool turned, ptrdiff_t H,
                                      ptrdiff_t size, bool add, T* dW) {
    using V = Vec<T>;
    constexpr ptrdiff_t W = V::width;
    const auto write = [add](V sum, T* to, int lanes) { (add ? V::load(to, lanes) + sum : sum).store(to, lanes); };
    for (ptrdiff_t word = panel * P, v = 0; word < size && v < P; word += W, v += W) {
        if (!turned) {
            for (ptrdiff_t k = 0; k < H; k++)
                write(V::load(sums + k * P + v), dW + k * size + word, lanes_of(size - word, W));
            continue;
        }
        for (ptrdiff_t k = 0; k < H; k += W) {
            V square[W];
            for (ptrdiff_t i = 0; i < W; i++) square[i] = k + i < H ? V::load(sums + (k + i) * P + v) : V(T(0));
            transpose(square);
            for (ptrdiff_t i = 0; i < at_most(size - word, W); i++)
                write(square[i], dW + (word + i) * H + k, lanes_of(H - k, W));
        }
    }
}

// A row of scores becomes its gradient, scale * (p - target), if that is asked for; returns the word's loss. `at` says
// where the score of a word is, from which on a vector's others follow.
template <class T, class F>
static double softmax_loss(F at, ptrdiff_t size, ptrdiff_t right, T scale, T smoothing, bool gradient) {
    using V = Vec<T>;
    constexpr ptrdiff_t W = V::width;
    const ptrdiff_t whole = size / W * W;
    const int rest = int(size - whole);
    // the last lanes, and below every score where there are none
    alignas(64) T last[W];
    for (int i = 0; i < W; i++) last[i] = i < rest ? *at(whole + i) : *at(0);
    V high = V::load(last);
    for (ptrdiff_t word = 0; word < whole; word += W) high = max(high, V::load(at(word)));
    const T top = high.highest(), right_score = *at(right);
    V total(T(0)), below(T(0));
    for (ptrdiff_t word = 0; word < whole; word += W) {
        const V x = V::load(at(word)) - V(top), e = exp(x);
        total = total + e, below = below + x;
        if (gradient) e.store(at(word));
    }
    T sum = total.sum(), sum_below = below.sum();
    if (rest) {
        alignas(64) T e[W];
        exp(V::load(last) - V(top)).store(e);
        for (int i = 0; i < rest; i++) sum += e[i], sum_below += last[i] - top;
        if (gradient) V::load(e, rest).store(at(whole));
    }
    const double log_sum = std::log(double(sum));
    const double nll = log_sum - (double(right_score) - double(top));
    const double smooth = log_sum - double(sum_below) / double(size);
    if (gradient) {
        const V factor(scale / sum), part(scale * smoothing / T(size));
        for (ptrdiff_t word = 0; word < size; word += W) {
            T* x = at(word);
            (V::load(x) * factor - part).store(x, lanes_of(size - word, W));
        }
        *at(right) -= scale * (1 - smoothing);
    }
    return smoothing > 0 ? (1 - double(smoothing)) * nll + double(smoothing) * smooth : nll;
}

// Q: what the products multiply, T itself or bfloat16; everything else is computed in T.
template <class T, class Q>
struct Vocabulary {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<Q>;
    static constexpr ptrdiff_t PQ = P / GROUP<Q>, WQ = W / GROUP<Q>;  // a row of a panel and a vector, in Q
    static constexpr bool PAIRS = GROUP<Q> > 1, NARROW = !std::is_same_v<T, Q>;
    // words of a slab: as many as make the reading and writing of dW small beside the arithmetic
    static constexpr ptrdiff_t SLAB = 384;

    ptrdiff_t M, H, size;      // words that count, width of h, words of the vocabulary
    const int64_t* source;     // (M) which row of h (any, H) each is
    const int64_t* target;     // (M) the right word
    const T *h, *weights, *b;  // weights: (H, size)
    const double* scales;      // (M) what the gradient of each word's loss is multiplied by
    T smoothing;
    bool turned;      // whether the weights, and their gradient, are (size, H)
    T *dh, *dW, *db;  // null, all three, if only the loss is asked for
    double* losses;   // (M) the loss of each word

    ptrdiff_t v_panels, h_panels;
    T *scores, *sums, *sums_b, *products;
    // hs in row form, and the scores' gradients too; both in group form, which of single numbers is the same
    Q *hs, *gradients, *hs_groups, *gradient_groups, *packed, *packed_transposed;
    Segment<Q>* segments;

    void lay_out(Arena& arena, int threads) {
        v_panels = ceil_div(size, P), h_panels = ceil_div(H, P);
        const ptrdiff_t wanted = dh ? 1 : 0;
        scores = arena.take<T>(v_panels * SLAB * P);
        hs = arena.take<Q>(h_panels * SLAB * PQ);
        packed = arena.take<Q>(v_panels * groups<Q>(H) * P);
        packed_transposed = arena.take<Q>(wanted * h_panels * v_panels * PQ * P);
        sums = arena.take<T>(wanted * v_panels * h_panels * P * P);
        sums_b = arena.take<T>(wanted * v_panels * P);
        products = arena.take<T>(wanted * threads * SLAB * P);
        if constexpr (NARROW)
            gradients = arena.take<Q>(wanted * v_panels * SLAB * PQ);
        else
            gradients = scores;
        gradient_groups = PAIRS ? arena.take<Q>(wanted * v_panels * SLAB * PQ) : gradients;
        hs_groups = PAIRS ? arena.take<Q>(wanted * h_panels * SLAB * PQ) : hs;
        segments = arena.take<Segment<Q>>(threads * (v_panels + h_panels));
    }

    void run(int me, Team& team) {
        const TilesInUse<Q> tiles;
        Segment<Q>* mine = segments + me * (v_panels + h_panels);
        ptrdiff_t p0, p1, q0, q1;
        team.share(v_panels, me, p0, p1);
        team.share(h_panels, me, q0, q1);
        pack_vocabulary(weights, turned, H, size, p0, p1, packed);
        if (dh) pack_vocabulary_transposed(weights, turned, H, size, q0, q1, packed_transposed);
        for (ptrdiff_t begin = 0; begin < M; begin += SLAB) {
            const ptrdiff_t rows = at_most(M - begin, SLAB);
            ptrdiff_t r0, r1;
            team.share(groups<Q>(rows), me, r0, r1);
            r0 = at_most(r0 * GROUP<Q>, rows), r1 = at_most(r1 * GROUP<Q>, rows);
            for (ptrdiff_t r = r0; r < r1; r++)
                for (ptrdiff_t k = 0; k < groups<Q>(H) * GROUP<Q>; k += W)
                    store_row(V::load(h + source[begin + r] * H + k, lanes_of(H - k, W)),
                              hs + (k / P * SLAB + r) * PQ + k % P / GROUP<Q>);
            team.barrier();
            for (ptrdiff_t panel = p0; panel < p1; panel++) score(panel, rows, mine);
            if constexpr (PAIRS)
                if (dh)
                    for (ptrdiff_t panel = q0; panel < q1; panel++)
                        to_group_form<Q, WIDE<Q>>(hs + panel * SLAB * PQ, rows, hs_groups + panel * SLAB * PQ);
            team.barrier();
            for (ptrdiff_t r = r0; r < r1; r++) {
                const auto at = [&](ptrdiff_t word) { return score_of(r, word); };
                losses[begin + r] = softmax_loss(at, size, target[begin + r], T(scales[begin + r]), smoothing, dh);
                if constexpr (NARROW)
                    if (dh && ((r + 1) % GROUP<Q> == 0 || r + 1 == rows)) narrow(r / GROUP<Q>, rows);
            }
            if (!dh) continue;
            team.barrier();
            for (ptrdiff_t panel = q0; panel < q1; panel++)
                gradient_of_h(panel, begin, rows, mine, products + me * SLAB * P);
            for (ptrdiff_t panel = p0; panel < p1; panel++) gradient_of_weights(panel, rows, begin > 0);
            team.barrier();
        }
        if (dh)
            for (ptrdiff_t panel = p0; panel < p1; panel++) write_gradients(panel);
    }

    // the gradients of a group of rows as bfloat16, in both forms
    void narrow(ptrdiff_t group, ptrdiff_t rows) const {
        for (ptrdiff_t word = 0; word < v_panels * P; word += W) {
            V both[GROUP<Q>];
            for (int i = 0; i < GROUP<Q>; i++) {
                const ptrdiff_t r = group * GROUP<Q> + i;
                // beyond the vocabulary lies what the product left; its weights are 0, and it is finite
                both[i] = r < rows ? V::load(score_of(r, word)) : V(T(0));
                store_row(both[i], gradients + (word / P * SLAB + r) * PQ + word % P / GROUP<Q>);
            }
            if constexpr (PAIRS) store_group(both, gradient_groups + word / P * SLAB * PQ + group * P + word % P);
        }
    }

    void score(ptrdiff_t panel, ptrdiff_t rows, Segment<Q>* mine) const {
        V bias[WIDE<Q>];
        for (int v = 0; v < WIDE<Q>; v++)
            bias[v] = V::load(b + panel * P + v * W, lanes_of(size - panel * P - v * W, W));
        for_tiles<Q, WIDE<Q>>(rows, [&](ptrdiff_t r, int m) {
            T* out = scores + (panel * SLAB + r) * P;
            for (int i = 0; i < m; i++)
                for (int v = 0; v < WIDE<Q>; v++) bias[v].store(out + i * P + v * W);
            const int n = segments_of(hs + r * PQ, SLAB * PQ, PQ, groups<Q>(H), mine);
            multiply<Q, WIDE<Q>, false>(m, mine, n, PQ, packed + panel * groups<Q>(H) * P, out, P, true);
        });
    }

    T* score_of(ptrdiff_t row, ptrdiff_t word) const { return scores + (word / P * SLAB + row) * P + word % P; }

    void gradient_of_h(ptrdiff_t panel, ptrdiff_t begin, ptrdiff_t rows, Segment<Q>* mine, T* product) const {
        constexpr ptrdiff_t CHUNK = DEPTH<Q> / PQ;
        for (ptrdiff_t first = 0; first < v_panels; first += CHUNK) {
            const ptrdiff_t part = at_most(v_panels - first, CHUNK);
            for_tiles<Q, WIDE<Q>>(rows, [&](ptrdiff_t r, int m) {
                const Q* from = gradients + (first * SLAB + r) * PQ;
                const int n = segments_of(from, SLAB * PQ, PQ, part * PQ, mine);
                multiply<Q, WIDE<Q>, false>(m, mine, n, PQ, packed_transposed + (panel * v_panels + first) * PQ * P,
                                            product + r * P, P, first > 0);
            });
        }
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t k = panel * P, v = 0; k < H && v < WIDE<Q>; k += W, v++)
                V::load(product + r * P + v * W).store(dh + source[begin + r] * H + k, lanes_of(H - k, W));
    }

    void gradient_of_weights(ptrdiff_t panel, ptrdiff_t rows, bool add) const {
        const Q* right = gradient_groups + panel * SLAB * PQ;
        for (ptrdiff_t k = 0; k < h_panels; k++)
            for_tiles<Q, WIDE<Q>>(lanes_of(H - k * P, P), [&](ptrdiff_t column, int columns) {
                const Segment<Q> segment{hs_groups + k * SLAB * PQ + column, groups<Q>(rows)};
                multiply<Q, WIDE<Q>, true>(columns, &segment, 1, P, right,
                                           sums + (panel * h_panels * P + k * P + column) * P, P, add);
            });
        const T* gradient = scores + panel * SLAB * P;
        for (int v = 0; v < WIDE<Q>; v++) {
            T* at = sums_b + panel * P + v * W;
            V total = add ? V::load(at) : V(T(0));
            for (ptrdiff_t r = 0; r < rows; r++) total = total + V::load(gradient + r * P + v * W);
            total.store(at);
        }
    }

    void write_gradients(ptrdiff_t panel) const {
        T* sum = sums + panel * h_panels * P * P;
        if (M == 0) std::memset(sum, 0, h_panels * P * P * sizeof(T));
        write_vocabulary_gradient(sum, panel, P, turned, H, size, false, dW);
        for (ptrdiff_t word = panel * P, v = 0; word < size && v < WIDE<Q>; word += W, v++)
            (M ? V::load(sums_b + word) : V(T(0))).store(db + word, lanes_of(size - word, W));
    }
};

}  // namespace SHOWTELL_ISA
