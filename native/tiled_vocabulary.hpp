// The vocabulary layer and the loss, as in vocabulary.hpp, of products that are made of tiles. These are so fast that
// what counts is how often numbers come from memory:
//
//   - scores lie row by row, so that a row's softmax is computed in L1, and for no more than a slab of rows at a time;
//   - their gradients are kept as bfloat16 for a batch of slabs, so that dW is summed over all of its rows at once;
//   - what is read again and again within a product is cut to fit into L1, the other matrix into L2.
#pragma once

#include "vocabulary.hpp"

namespace SHOWTELL_ISA {

struct TiledVocabulary {
    using T = float;
    using Q = Bfloat16;
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<Q>, PQ = P / GROUP<Q>, WQ = W / GROUP<Q>;
    static constexpr ptrdiff_t PART = DEPTH<Q> / PQ;  // panels of words that dh is summed over at a time
    static constexpr ptrdiff_t SLAB = 256, BATCH = 8 * SLAB, ROWS_APART = apart<Q>(SLAB);
    static constexpr ptrdiff_t ROWS_OF_UNIT = GROUP<Q> * UNIT<Q>;

    // as in Vocabulary
    ptrdiff_t M, H, size;
    const int64_t *source, *target;
    const T *h, *weights, *b;
    const double* scales;
    T smoothing;
    bool turned;
    T *dh, *dW, *db;
    double* losses;

    ptrdiff_t v_panels, h_panels, row, KG;  // numbers from one row of scores to the next; groups of a batch's rows
    T *scores, *products, *own, *own_b;     // own: a panel of dW for each thread; own_b: the sums of each one's rows
    Q *hs, *gradients, *hs_groups, *gradient_groups, *packed, *packed_transposed;
    Segment<Q>* segments;

    void lay_out(Arena& arena, int threads) {
        v_panels = ceil_div(size, P), h_panels = ceil_div(H, P);
        row = v_panels * P + W;  // an odd number of cache lines, so that rows do not fight for the same ones
        KG = groups<Q>(at_most(M, BATCH));
        const ptrdiff_t wanted = dh ? 1 : 0;
        scores = arena.take<T>(SLAB * row);
        hs = arena.take<Q>(h_panels * ROWS_APART * PQ);
        packed = arena.take<Q>(v_panels * groups<Q>(H) * P);
        packed_transposed = arena.take<Q>(wanted * h_panels * v_panels * PQ * P);
        products = arena.take<T>(wanted * h_panels * SLAB * P);
        own = arena.take<T>(wanted * threads * h_panels * P * P);
        own_b = arena.take<T>(wanted * threads * v_panels * P);
        gradients = arena.take<Q>(wanted * v_panels * ROWS_APART * PQ);
        gradient_groups = arena.take<Q>(wanted * v_panels * KG * P);
        hs_groups = arena.take<Q>(wanted * h_panels * KG * P);
        segments = arena.take<Segment<Q>>(threads * (v_panels + h_panels));
    }

    void run(int me, Team& team) {
        const TilesInUse<Q> tiles;
        Segment<Q>* mine = segments + me * (v_panels + h_panels);
        T* sums_b = own_b + me * v_panels * P;
        ptrdiff_t p0, p1, q0, q1;
        team.share(v_panels, me, p0, p1);
        team.share(h_panels, me, q0, q1);
        pack_vocabulary(weights, turned, H, size, p0, p1, packed);
        if (dh) {
            pack_vocabulary_transposed(weights, turned, H, size, q0, q1, packed_transposed);
            std::memset(sums_b, 0, v_panels * P * sizeof(T));
        }
        for (ptrdiff_t batch = 0; batch < M; batch += BATCH) {
            const ptrdiff_t rows_of_batch = at_most(M - batch, BATCH);
            for (ptrdiff_t slab = 0; slab < rows_of_batch; slab += SLAB)
                run_slab(me, team, batch + slab, at_most(rows_of_batch - slab, SLAB), slab / GROUP<Q>, mine, sums_b);
            if (dh)
                for (ptrdiff_t panel = p0; panel < p1; panel++)
                    gradient_of_weights(panel, groups<Q>(rows_of_batch), batch > 0, own + me * h_panels * P * P);
        }
        if (!dh) return;
        team.barrier();
        for (ptrdiff_t panel = p0; panel < p1; panel++) {
            if (M == 0) gradient_of_weights(panel, 0, false, own + me * h_panels * P * P);
            for (ptrdiff_t word = panel * P; word < at_most(size, panel * P + P); word += W) {
                V total(T(0));
                for (int i = 0; i < team.size; i++) total = total + V::load(own_b + i * v_panels * P + word);
                total.store(db + word, lanes_of(size - word, W));
            }
        }
    }

    // rows [begin, begin + rows), whose gradients are kept from group `kept` of their batch on
    void run_slab(int me, Team& team, ptrdiff_t begin, ptrdiff_t rows, ptrdiff_t kept, Segment<Q>* mine, T* sums_b) {
        ptrdiff_t p0, p1, q0, q1, r0, r1;
        team.share(v_panels, me, p0, p1);
        team.share(h_panels, me, q0, q1);
        team.share(ceil_div(rows, ROWS_OF_UNIT), me, r0, r1);
        r0 *= ROWS_OF_UNIT, r1 = at_most(r1 * ROWS_OF_UNIT, rows);
        for (ptrdiff_t r = r0; r < r1; r++)
            for (ptrdiff_t k = 0; k < h_panels * P; k += W)
                store_row(V::load(h + source[begin + r] * H + k, lanes_of(H - k, W)),
                          hs + (k / P * ROWS_APART + r) * PQ + k % P / GROUP<Q>);
        team.barrier();
        for (ptrdiff_t panel = p0; panel < p1; panel++) score(panel, rows, mine);
        if (dh)
            for (ptrdiff_t panel = q0; panel < q1; panel++)
                to_transposed_form<Q>(
                    0, groups<Q>(rows),
                    [&](ptrdiff_t r, ptrdiff_t v) {
                        return r < rows ? load_row(hs + (panel * ROWS_APART + r) * PQ + v * WQ) : V(T(0));
                    },
                    hs_groups + (panel * KG + kept) * P);
        team.barrier();
        // as many rows at a time as a tile has groups of
        for (ptrdiff_t first = r0; first < r1; first += ROWS_OF_UNIT) {
            const ptrdiff_t last = at_most(first + ROWS_OF_UNIT, rows);
            for (ptrdiff_t r = first; r < last; r++) {
                const auto at = [from = scores + r * row](ptrdiff_t word) { return from + word; };
                losses[begin + r] = softmax_loss(at, size, target[begin + r], T(scales[begin + r]), smoothing, dh);
            }
            if (dh) narrow(first, last, kept, sums_b);
        }
        if (!dh) return;
        team.barrier();
        gradient_of_h(q0, q1, begin, rows, mine);
    }

    void score(ptrdiff_t panel, ptrdiff_t rows, Segment<Q>* mine) const {
        const V left = V::load(b + panel * P, lanes_of(size - panel * P, W));
        const V right = V::load(b + panel * P + W, lanes_of(size - panel * P - W, W));
        for_tiles<Q, WIDE<Q>>(rows, [&](ptrdiff_t r, int m) {
            T* out = scores + r * row + panel * P;
            for (int i = 0; i < m; i++) left.store(out + i * row), right.store(out + i * row + W);
            const int n = segments_of(hs + r * PQ, ROWS_APART * PQ, PQ, groups<Q>(H), mine);
            multiply<Q, WIDE<Q>, false>(m, mine, n, PQ, packed + panel * groups<Q>(H) * P, out, row, true);
        });
    }

    // the gradients of rows [first, last), a unit or the rest of one, as bfloat16 in both forms, and their sums
    void narrow(ptrdiff_t first, ptrdiff_t last, ptrdiff_t kept, T* sums_b) const {
        for (ptrdiff_t word = 0; word < v_panels * P; word += W) {
            V total = V::load(sums_b + word);
            const T* from = scores + first * row + word;
            Q* to = gradients + (word / P * ROWS_APART + first) * PQ + word % P / GROUP<Q>;
            Q* to_group = gradient_groups + (word / P * KG + kept + first / GROUP<Q>)*P + word % P;
            for (ptrdiff_t r = first; r < first + ROWS_OF_UNIT; r += GROUP<Q>, to_group += P) {
                V both[GROUP<Q>];
                for (int i = 0; i < GROUP<Q>; i++, from += row, to += PQ) {
                    // beyond the vocabulary lies what the product left; its weights are 0, and it is finite
                    both[i] = r + i < last ? V::load(from) : V(T(0));
                    store_row(both[i], to);  // beyond the last row too: there is room, and nobody reads it
                    total = total + both[i];
                }
                store_group(both, to_group);
            }
            total.store(sums_b + word);
        }
    }

    // dh of the columns of panels [q0, q1); words in parts, of which the left-hand matrix stays in L2
    void gradient_of_h(ptrdiff_t q0, ptrdiff_t q1, ptrdiff_t begin, ptrdiff_t rows, Segment<Q>* mine) const {
        for (ptrdiff_t first = 0; first < v_panels; first += PART) {
            const ptrdiff_t part = at_most(v_panels - first, PART);
            for (ptrdiff_t panel = q0; panel < q1; panel++)
                for_tiles<Q, WIDE<Q>>(rows, [&](ptrdiff_t r, int m) {
                    const Q* from = gradients + (first * ROWS_APART + r) * PQ;
                    const int n = segments_of(from, ROWS_APART * PQ, PQ, part * PQ, mine);
                    multiply<Q, WIDE<Q>, false>(m, mine, n, PQ, packed_transposed + (panel * v_panels + first) * PQ * P,
                                                products + (panel * SLAB + r) * P, P, first > 0);
                });
        }
        for (ptrdiff_t panel = q0; panel < q1; panel++)
            for (ptrdiff_t r = 0; r < rows; r++)
                for (ptrdiff_t k = panel * P, v = 0; k < H && v < P; k += W, v += W)
                    V::load(products + (panel * SLAB + r) * P + v)
                        .store(dh + source[begin + r] * H + k, lanes_of(H - k, W));
    }

    // a panel of dW, of so many groups of rows; what earlier batches gave is there already
    void gradient_of_weights(ptrdiff_t panel, ptrdiff_t groups_of_rows, bool add, T* sum) const {
        if (groups_of_rows == 0) std::memset(sum, 0, h_panels * P * P * sizeof(T));
        for (ptrdiff_t g = 0; g < groups_of_rows; g += DEPTH<Q>)
            for (ptrdiff_t k = 0; k < h_panels; k++) {
                const Segment<Q> segment{hs_groups + (k * KG + g) * P, at_most(groups_of_rows - g, DEPTH<Q>)};
                multiply<Q, WIDE<Q>, true>(lanes_of(H - k * P, P), &segment, 1, P,
                                           gradient_groups + (panel * KG + g) * P, sum + k * P * P, P, g > 0);
            }
        write_vocabulary_gradient(sum, panel, P, turned, H, size, add, dW);
    }
};

}  // namespace SHOWTELL_ISA
