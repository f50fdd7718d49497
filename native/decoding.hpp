// One step of decoding: from words and states to the next states and the likeliest next words, for a few rows at a time.
// Reading the weights is what takes the time, so they are packed once for many steps, and read once for up to ROWS rows.
//
//   gates = image + embed[word] Wx,  product = h Wh     each thread some blocks of units
//   h, c  = cell(gates, product)
//   q = h W_query + b,  context = attention(q)          where there is attention: each thread some panels, some rows
//   z = tanh([h, context] W_combine + b)                each thread some panels; elsewhere z is h
//   scores = z W_vocab + b                              each thread some panels of the vocabulary, and of those
//                                                       the best words and the highest score
//   log-probabilities = scores - log sum exp            each thread some rows
#pragma once

#include "recurrent.hpp"

namespace SHOWTELL_ISA {

// How weights lie after packing: Wx and Wh in a cell's blocks, the vocabulary's in panels. Q: single numbers, or bfloat16,
// of which pairs are half to read.
template <class T, class Cell, class Q>
struct DecodingWeights {
    static constexpr ptrdiff_t W = Vec<T>::width, P = PANEL<Q>, BW = Cell::GATES * Cell::UNITS * W;
    ptrdiff_t E, H, size, A, Z, blocks;  // Z: width of what the vocabulary's scores are made from
    Q *x, *h, *query, *join, *vocabulary;
    DecodingWeights() = default;
    DecodingWeights(ptrdiff_t E, ptrdiff_t H, ptrdiff_t size, ptrdiff_t A, ptrdiff_t Z)
        : E(E), H(H), size(size), A(A), Z(A ? Z : H) {
        blocks = ceil_div(ceil_div(H, W), Cell::UNITS);
    }
    // groups of the rows of W_combine: the state's, then the context's
    ptrdiff_t joined() const { return groups<Q>(H) + groups<Q>(A); }
    void lay_out(Arena& arena) {
        x = arena.take<Q>(blocks * groups<Q>(E) * BW);
        h = arena.take<Q>(blocks * groups<Q>(H) * BW);
        query = arena.take<Q>(ceil_div(A, P) * groups<Q>(H) * P);
        join = arena.take<Q>(A ? ceil_div(Z, P) * joined() * P : 0);
        vocabulary = arena.take<Q>(ceil_div(size, P) * groups<Q>(Z) * P);
    }
    void pack(const T* Wx, const T* Wh, const T* W_query, const T* W_combine, const T* W_vocab) const {
        pack_blocks<Q, Cell>(Wx, E, H, x, 0, blocks);
        pack_blocks<Q, Cell>(Wh, H, H, h, 0, blocks);
        if (A) {
            panels(W_query, H, A, query, groups<Q>(H));
            panels(W_combine, H, Z, join, joined());
            panels(W_combine + H * Z, A, Z, join + groups<Q>(H) * P, joined());
        }
        panels(W_vocab, Z, size, vocabulary, groups<Q>(Z));
    }
    // weights (K, columns) into panels, one `groups_of_panel` groups after the other
    static void panels(const T* weights, ptrdiff_t K, ptrdiff_t columns, Q* to, ptrdiff_t groups_of_panel) {
        pack_panels(weights, K, columns, 0, ceil_div(columns, P) * P, to, groups_of_panel);
    }
};

template <class T, class Cell, class Q>
struct Decoding {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<Q>;
    static constexpr int G = Cell::GATES, U = Cell::UNITS, B = G * U;
    static constexpr ptrdiff_t BW = B * W;

    DecodingWeights<T, Cell, Q> weights;
    ptrdiff_t R, count;                 // rows; words wanted of each
    const int64_t *words, *suppressed;  // (R) the last word of each row; (suppressed_count) words that are not wanted
    ptrdiff_t suppressed_count;
    const T *embed, *image, *h, *c, *b;  // (size, E), (R, G H), (R, H), (R, H) or null, (size)
    T *next_h, *next_c;                  // (R, H)
    T* log_probs;                        // (R, count), or (R, size) if count is 0
    int64_t* best;                       // (R, count), or null if count is 0

    // The best words of a row among one thread's, with their scores; and the highest score, which the softmax needs.
    struct Part {
        double top;
        ptrdiff_t found;
    };
    ptrdiff_t heads, positions;
    const int64_t* photo;                       // (R) whose grid each row looks at
    const T *keys, *values, *b_query, *b_join;  // (photos, positions, A), likewise, (A), (Z)

    // widths of rows that vectors may read to their end, beyond which they are 0: of words' vectors, and of all others
    ptrdiff_t padded_x, padded, panels;
    Q *xs, *hs, *next_hs, *contexts, *zs;  // what the products multiply
    T *memory, *queries, *attended, *scores, *own, *part_scores;
    int64_t* part_words;
    Part* parts;
    ptrdiff_t own_size;

    void lay_out(Arena& arena, int threads) {
        const ptrdiff_t A = weights.A, Z = weights.Z;
        panels = ceil_div(weights.size, P);
        padded = most(weights.blocks * U * W, groups<Q>(weights.H) * GROUP<Q>);
        if (A) padded = most(padded, most(ceil_div(A, P), ceil_div(Z, P)) * P);
        padded_x = most(ceil_div(weights.E, W) * W, groups<Q>(weights.E) * GROUP<Q>);
        const ptrdiff_t rows = R + SPARE_ROWS<Q>;
        own_size = 2 * ROWS<Q, B> * BW + ROWS<Q, WIDE<Q>> * P + positions + W;
        xs = arena.take<Q>(rows * padded_x / GROUP<Q>);
        hs = arena.take<Q>(rows * padded / GROUP<Q>);
        next_hs = arena.take<Q>(rows * padded / GROUP<Q>);
        contexts = arena.take<Q>(A ? rows * padded / GROUP<Q> : 0);
        zs = A ? arena.take<Q>(rows * padded / GROUP<Q>) : next_hs;
        memory = arena.take<T>(Cell::HAS_MEMORY ? R * padded : 0);
        queries = arena.take<T>(A ? R * padded : 0);
        attended = arena.take<T>(A ? R * padded : 0);
        scores = arena.take<T>(R * panels * P);
        own = arena.take<T>(threads * own_size);
        part_scores = arena.take<T>(threads * R * count);
        part_words = arena.take<int64_t>(threads * R * count);
        parts = arena.take<Part>(threads * R);
    }

    static ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

    void run(int me, Team& team) {
        const TilesInUse<Q> tiles;
        const ptrdiff_t E = weights.E, H = weights.H, size = weights.size, A = weights.A, Z = weights.Z;
        const ptrdiff_t HG = groups<Q>(H), row = padded / GROUP<Q>;
        T* mine = own + me * own_size;
        ptrdiff_t begin, end;
        team.share(R, me, begin, end);
        for (ptrdiff_t r = begin; r < end; r++) {
            for (ptrdiff_t k = 0; k < padded_x; k += W)
                store_row(V::load(embed + words[r] * E + k, lanes_of(E - k, W)), xs + (r * padded_x + k) / GROUP<Q>);
            for (ptrdiff_t k = 0; k < padded; k += W) {
                const V state = V::load(h + r * H + k, lanes_of(H - k, W));
                store_row(state, hs + (r * padded + k) / GROUP<Q>);
                if (k >= weights.blocks * U * W) store_row(state, next_hs + (r * padded + k) / GROUP<Q>);
                if constexpr (Cell::HAS_C)
                    V::load(c + r * H + k, lanes_of(H - k, W)).store(memory + r * padded + k);
                else if constexpr (Cell::HAS_MEMORY)
                    state.store(memory + r * padded + k);
            }
        }
        team.barrier();
        team.share(weights.blocks, me, begin, end);
        for (ptrdiff_t block = begin; block < end; block++)
            for_tiles<Q, B>(R, [&](ptrdiff_t r, int rows) { gates(block, r, rows, mine); });
        team.barrier();
        if (A) {
            T* out = mine + 2 * ROWS<Q, B> * BW;
            team.share(ceil_div(A, P), me, begin, end);
            for (ptrdiff_t panel = begin; panel < end; panel++)
                for_tiles<Q, WIDE<Q>>(R, [&](ptrdiff_t r, int rows) {
                    with_bias(b_query, A, panel, rows, out, P);
                    const Segment<Q> state{next_hs + r * row, HG};
                    multiply<Q, WIDE<Q>, false>(rows, &state, 1, row, weights.query + panel * HG * P, out, P, true);
                    for (int m = 0; m < rows; m++)
                        for (ptrdiff_t v = 0; v < P; v += W)
                            V::load(out + m * P + v).store(queries + (r + m) * padded + panel * P + v);
                });
            team.barrier();
            team.share(R, me, begin, end);
            for (ptrdiff_t r = begin; r < end; r++) attend(r, out + ROWS<Q, WIDE<Q>> * P);
            team.barrier();
            team.share(ceil_div(Z, P), me, begin, end);
            for (ptrdiff_t panel = begin; panel < end; panel++)
                for_tiles<Q, WIDE<Q>>(R, [&](ptrdiff_t r, int rows) {
                    with_bias(b_join, Z, panel, rows, out, P);
                    const Segment<Q> joined[] = {{next_hs + r * row, HG}, {contexts + r * row, groups<Q>(A)}};
                    multiply<Q, WIDE<Q>, false>(rows, joined, 2, row, weights.join + panel * weights.joined() * P, out,
                                                P, true);
                    for (int m = 0; m < rows; m++)
                        for (ptrdiff_t v = 0; v < P; v += W)
                            store_row(tanh(V::load(out + m * P + v)),
                                      zs + ((r + m) * padded + panel * P + v) / GROUP<Q>);
                });
            team.barrier();
        }
        team.share(panels, me, begin, end);
        for (ptrdiff_t panel = begin; panel < end; panel++)
            for_tiles<Q, WIDE<Q>>(R, [&](ptrdiff_t r, int rows) {
                T* out = scores + (panel * R + r) * P;
                with_bias(b, size, panel, rows, out, P);
                const Segment<Q> segment{zs + r * row, groups<Q>(Z)};
                multiply<Q, WIDE<Q>, false>(rows, &segment, 1, row, weights.vocabulary + panel * groups<Q>(Z) * P, out,
                                            P, true);
            });
        for (ptrdiff_t r = 0; r < R; r++) summarise(r, begin, end, me);
        team.barrier();
        team.share(R, me, begin, end);
        for (ptrdiff_t r = begin; r < end; r++) merge(r, team.size);
    }

    // a panel's part of a bias (columns), in each of some rows
    static void with_bias(const T* bias, ptrdiff_t columns, ptrdiff_t panel, int rows, T* out, ptrdiff_t out_row) {
        for (int m = 0; m < rows; m++)
            for (ptrdiff_t v = 0; v < P; v += W)
                V::load(bias + panel * P + v, lanes_of(columns - panel * P - v, W)).store(out + m * out_row + v);
    }

    // the context of one row; `fit`: memory for a number of each position, in whole vectors
    void attend(ptrdiff_t r, T* fit) const {
        const ptrdiff_t A = weights.A, d = A / heads;
        const T scale = 1 / std::sqrt(T(d));
        for (ptrdiff_t head = 0; head < heads; head++) {
            const T* query = queries + r * padded + head * d;
            const ptrdiff_t grid = photo[r] * positions * A + head * d;
            for (ptrdiff_t p = 0; p < positions; p += W) {
                // a vector for each position, whose lanes are summed for all of them together
                V sums[W];
                for (ptrdiff_t i = 0; i < W; i++) {
                    sums[i] = V(T(0));
                    for (ptrdiff_t c = 0; c < d && p + i < positions; c += W) {
                        const int lanes = lanes_of(d - c, W);
                        sums[i] =
                            fma(V::load(query + c, lanes), V::load(keys + grid + (p + i) * A + c, lanes), sums[i]);
                    }
                }
                transpose(sums);
                for (ptrdiff_t i = 1; i < W; i++) sums[0] = sums[0] + sums[i];
                (sums[0] * V(scale)).store(fit + p);
            }
            T top = fit[0], total = 0;
            for (ptrdiff_t p = 1; p < positions; p++) top = fit[p] < top ? top : fit[p];
            for (ptrdiff_t p = 0; p < positions; p += W) {
                const int lanes = lanes_of(positions - p, W);
                exp(V::load(fit + p, lanes) - V(top)).store(fit + p, lanes);
            }
            for (ptrdiff_t p = 0; p < positions; p++) total += fit[p];
            T* context = attended + r * padded + head * d;
            constexpr int SUMS = 4;  // at a time, so that none waits for itself
            for (ptrdiff_t c = 0; c < d; c += SUMS * W) {
                V sum[SUMS];
                for (V& s : sum) s = V(T(0));
                for (ptrdiff_t p = 0; p < positions; p++) {
                    const T* value = values + grid + p * A + c;
                    for (int i = 0; i < SUMS; i++)
                        sum[i] = fma(V(fit[p]), V::load(value + i * W, lanes_of(d - c - i * W, W)), sum[i]);
                }
                for (int i = 0; i < SUMS; i++)
                    (sum[i] * V(1 / total)).store(context + c + i * W, lanes_of(d - c - i * W, W));
            }
        }
        for (ptrdiff_t c = 0; c < groups<Q>(A) * GROUP<Q>; c += W)
            store_row(V::load(attended + r * padded + c, lanes_of(A - c, W)), contexts + (r * padded + c) / GROUP<Q>);
    }

    void gates(ptrdiff_t block, ptrdiff_t r, int rows, T* mine) const {
        const ptrdiff_t E = weights.E, H = weights.H;
        T *before = mine, *product = mine + ROWS<Q, B> * BW;
        for (int m = 0; m < rows; m++)
            for (int v = 0; v < B; v++) {
                const ptrdiff_t unit = (block * U + v % U) * W;
                V::load(image + ((r + m) * G + v / U) * H + unit, lanes_of(H - unit, W)).store(before + m * BW + v * W);
            }
        const ptrdiff_t EG = groups<Q>(E), HG = groups<Q>(H);
        const ptrdiff_t x_row = padded_x / GROUP<Q>, h_row = padded / GROUP<Q>;
        const Segment<Q> x{xs + r * x_row, EG}, state{hs + r * h_row, HG};
        multiply<Q, B, false>(rows, &x, 1, x_row, weights.x + block * EG * BW, before, BW, true);
        multiply<Q, B, false>(rows, &state, 1, h_row, weights.h + block * HG * BW, product, BW, false);
        for (int m = 0; m < rows; m++)
            for (int u = 0; u < U; u++) {
                const ptrdiff_t unit = (block * U + u) * W, at = (r + m) * padded + unit;
                const int lanes = lanes_of(H - unit, W);
                V a[G][1], of_state[G][1], kept[Cell::KEPT][1], carried[1], state[1];
                for (int gate = 0; gate < G; gate++) {
                    const ptrdiff_t place = m * BW + (gate * U + u) * W;
                    a[gate][0] = V::load(before + place), of_state[gate][0] = V::load(product + place);
                }
                if constexpr (Cell::HAS_MEMORY) carried[0] = V::load(memory + at);
                Cell::forward(a, of_state, carried, kept, state);
                store_row(state[0], next_hs + at / GROUP<Q>);
                state[0].store(next_h + (r + m) * H + unit, lanes);
                if constexpr (Cell::HAS_C) carried[0].store(next_c + (r + m) * H + unit, lanes);
            }
    }

    T* score_of(ptrdiff_t r, ptrdiff_t word) const { return scores + (word / P * R + r) * P + word % P; }

    // of one row and one thread's panels: highest score, best words
    void summarise(ptrdiff_t r, ptrdiff_t begin, ptrdiff_t end, int me) const {
        const ptrdiff_t first = begin * P, last = at_most(end * P, weights.size);
        Part& part = parts[me * R + r];
        part.found = 0, part.top = -1e300;
        if (first >= last) return;
        T top = *score_of(r, first);
        V high(top);
        T threshold = 0;  // the least of the best, once there are as many as wanted
        for (ptrdiff_t word = first; word < last; word += W) {
            const int lanes = lanes_of(last - word, W);
            const V x = V::load(score_of(r, word));
            if (lanes == W)
                high = max(high, x);
            else
                for (int i = 0; i < lanes; i++) top = *score_of(r, word + i) > top ? *score_of(r, word + i) : top;
            if (best && (part.found < count || x.highest() > threshold || lanes < W))
                for (int i = 0; i < lanes; i++) {
                    const T score = *score_of(r, word + i);
                    if ((part.found < count || score > threshold) && wanted(word + i)) {
                        insert(part, me * R + r, score, word + i);
                        threshold = part_scores[(me * R + r) * count + part.found - 1];
                    }
                }
        }
        part.top = high.highest() > top ? high.highest() : top;
    }

    // The log of the sum of exp of a row's scores; in one order, however many threads there are.
    double log_sum_exp(ptrdiff_t r, int threads) const {
        double top = -1e300;
        for (int t = 0; t < threads; t++) top = parts[t * R + r].top > top ? parts[t * R + r].top : top;
        V total(T(0));
        for (ptrdiff_t word = 0; word < weights.size; word += W) {
            alignas(64) T e[W];
            exp(V::load(score_of(r, word)) - V(T(top))).store(e);
            total = total + V::load(e, lanes_of(weights.size - word, W));
        }
        return top + std::log(double(total.sum()));
    }

    bool wanted(int64_t word) const {
        for (ptrdiff_t i = 0; i < suppressed_count; i++)
            if (suppressed[i] == word) return false;
        return true;
    }

    // into the list of the best, the highest first and of equal ones the first
    void insert(Part& part, ptrdiff_t list, T score, int64_t word) const {
        T* s = part_scores + list * count;
        int64_t* w = part_words + list * count;
        ptrdiff_t at = part.found < count ? part.found++ : count - 1;
        for (; at > 0 && s[at - 1] < score; at--) s[at] = s[at - 1], w[at] = w[at - 1];
        s[at] = score, w[at] = word;
    }

    void merge(ptrdiff_t r, int threads) const {
        const double log_sum = log_sum_exp(r, threads);
        if (!best) {
            for (ptrdiff_t word = 0; word < weights.size; word++)
                log_probs[r * weights.size + word] = T(double(*score_of(r, word)) - log_sum);
            return;
        }
        // the threads' words come in the order of the vocabulary: of equal scores the earlier thread's goes first
        Part all{0, 0};
        T* s = log_probs + r * count;
        int64_t* w = best + r * count;
        for (int t = 0; t < threads; t++)
            for (ptrdiff_t i = 0; i < parts[t * R + r].found; i++) {
                const T score = part_scores[(t * R + r) * count + i];
                if (all.found == count && !(score > s[count - 1])) break;
                ptrdiff_t at = all.found < count ? all.found++ : count - 1;
                for (; at > 0 && s[at - 1] < score; at--) s[at] = s[at - 1], w[at] = w[at - 1];
                s[at] = score, w[at] = part_words[(t * R + r) * count + i];
            }
        for (ptrdiff_t i = 0; i < all.found; i++) s[i] = T(double(s[i]) - log_sum);
    }
};

}  // namespace SHOWTELL_ISA
