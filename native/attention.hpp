// Scaled dot-product attention of many queries over the positions of their photos' grids, forward and backward.
//
// The queries come sorted by photo: a photo's keys and values are packed once for all of its queries, and a thread that
// owns a photo owns the gradients of its grid. Of each photo and head, with n queries, P positions, width d:
//
//   forward    S = q k^T / sqrt(d),  A = softmax(S),  context = A v
//   backward   dA = dcontext v^T,  dS = A (dA - sum of A dA) / sqrt(d),  dq = dS k,  dk = dS^T q,  dv = A^T dcontext
#pragma once

#include "elementary.hpp"
#include "product.hpp"

namespace SHOWTELL_ISA {

template <class T>
struct Attention {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<T>;

    ptrdiff_t R, photos, positions, heads, d;  // queries; width of a head
    const int64_t *order, *first;              // (R) the queries by photo; (photos + 1) where each photo's begin
    const T *q, *k, *v;                        // (R, heads d), (photos, positions, heads d)
    T *weights, *context;                      // (R, heads, positions), (R, heads d)
    const T* dcontext;                         // backward: (R, heads d)
    T *dq, *dk, *dv;                           // shaped as q, k, v

    // the parts of a thread: rows of one photo and head, and its keys and values, in panels
    struct Own {
        T *qs, *ups, *A, *S, *right, *out;
        Segment<T>* segments;
    };
    ptrdiff_t most, d_panels, p_panels, row;  // queries of a photo at most; width of a row of A and S
    Own* own;

    void lay_out(Arena& arena, int threads) {
        most = 0;
        for (ptrdiff_t m = 0; m < photos; m++)
            if (first[m + 1] - first[m] > most) most = first[m + 1] - first[m];
        d_panels = ceil_div(d, P), p_panels = ceil_div(positions, P), row = p_panels * P;
        own = arena.take<Own>(threads);
        for (int i = 0; i < threads; i++) {
            Own part;
            part.qs = arena.take<T>(d_panels * most * P);
            part.ups = arena.take<T>(d_panels * most * P);
            part.A = arena.take<T>(most * row);
            part.S = arena.take<T>(most * row);
            part.right = arena.take<T>((d_panels * P) * (p_panels * P));
            part.out = arena.take<T>((most > positions ? most : positions) * P);
            part.segments = arena.take<Segment<T>>(d_panels + 1);
            if (arena.memory) own[i] = part;
        }
    }

    void forward(int me, Team& team) {
        each_photo(me, team, [&](const Own& mine, ptrdiff_t m, ptrdiff_t n, const int64_t* rows, ptrdiff_t head) {
            gather(q, rows, n, head, mine.qs);
            scores(mine, mine.qs, n, k, m, head, mine.A);
            const T scale = 1 / std::sqrt(T(d));
            for (ptrdiff_t j = 0; j < n; j++) {
                softmax(mine.A + j * row, scale);
                for (ptrdiff_t p = 0; p < positions; p += W)
                    V::load(mine.A + j * row + p)
                        .store(weights + (rows[j] * heads + head) * positions + p, lanes_of(positions - p, W));
            }
            times(mine, mine.A, n, v, m, head, [&](ptrdiff_t j) { return context + (rows[j] * heads + head) * d; });
        });
    }

    void backward(int me, Team& team) {
        each_photo(me, team, [&](const Own& mine, ptrdiff_t m, ptrdiff_t n, const int64_t* rows, ptrdiff_t head) {
            gather(q, rows, n, head, mine.qs);
            gather(dcontext, rows, n, head, mine.ups);
            scores(mine, mine.ups, n, v, m, head, mine.S);
            const V scale(1 / std::sqrt(T(d)));
            for (ptrdiff_t j = 0; j < n; j++) {
                T *A = mine.A + j * row, *S = mine.S + j * row;
                V total(T(0));
                for (ptrdiff_t p = 0; p < row; p += W) {
                    const T* from = weights + (rows[j] * heads + head) * positions + p;
                    const V a = V::load(from, lanes_of(positions - p, W));
                    a.store(A + p);
                    total = fma(a, V::load(S + p), total);
                }
                const V mean(total.sum());
                for (ptrdiff_t p = 0; p < row; p += W) (V::load(A + p) * (V::load(S + p) - mean) * scale).store(S + p);
            }
            times(mine, mine.S, n, k, m, head, [&](ptrdiff_t j) { return dq + (rows[j] * heads + head) * d; });
            transposed_times(mine, mine.S, mine.qs, n, dk, m, head);
            transposed_times(mine, mine.A, mine.ups, n, dv, m, head);
        });
    }

    template <class F>
    void each_photo(int me, Team& team, F f) const {
        ptrdiff_t begin, end;
        team.share(photos, me, begin, end);
        for (ptrdiff_t m = begin; m < end; m++)
            for (ptrdiff_t head = 0; head < heads; head++)
                f(own[me], m, first[m + 1] - first[m], order + first[m], head);
    }

    // what head `head` has of some rows of (R, heads d), into panels (n, P)
    void gather(const T* from, const int64_t* rows, ptrdiff_t n, ptrdiff_t head, T* to) const {
        for (ptrdiff_t j = 0; j < n; j++)
            for (ptrdiff_t c = 0; c < d_panels * P; c += W)
                V::load(from + (rows[j] * heads + head) * d + c, lanes_of(d - c, W))
                    .store(to + (c / P * n + j) * P + c % P);
    }

    const T* grid_at(const T* grid, ptrdiff_t m, ptrdiff_t head) const {
        return grid + (m * positions * heads + head) * d;
    }

    // left (n, d) in panels times the transpose of a photo's keys or values, into (n, row); 0 beyond the positions
    void scores(const Own& mine, const T* left, ptrdiff_t n, const T* grid, ptrdiff_t m, ptrdiff_t head, T* to) const {
        const T* from = grid_at(grid, m, head);
        for (ptrdiff_t panel = 0; panel < p_panels; panel++) {
            for (ptrdiff_t c = 0; c < d; c += W)
                for (ptrdiff_t p = 0; p < P; p += W)
                    transpose_into(from + c, heads * d, positions, panel * P + p, lanes_of(d - c, W),
                                   mine.right + c * P + p, P);
            for_tiles<T, WIDE<T>>(n, [&](ptrdiff_t j, int count) {
                const int segments = segments_of(left + j * P, n * P, P, d, mine.segments);
                multiply<T, WIDE<T>, false>(count, mine.segments, segments, P, mine.right, to + j * row + panel * P,
                                            row, false);
            });
        }
    }

    // left (n, row) times a photo's keys or values (positions, d), to the rows that `place` gives
    template <class F>
    void times(const Own& mine, const T* left, ptrdiff_t n, const T* grid, ptrdiff_t m, ptrdiff_t head, F place) const {
        const T* from = grid_at(grid, m, head);
        for (ptrdiff_t panel = 0; panel < d_panels; panel++) {
            for (ptrdiff_t p = 0; p < positions; p++)
                for (ptrdiff_t c = 0; c < P; c += W)
                    V::load(from + p * heads * d + panel * P + c, lanes_of(d - panel * P - c, W))
                        .store(mine.right + p * P + c);
            for_tiles<T, WIDE<T>>(n, [&](ptrdiff_t j, int count) {
                const Segment<T> segment{left + j * row, positions};
                multiply<T, WIDE<T>, false>(count, &segment, 1, row, mine.right, mine.out + j * P, P, false);
            });
            for (ptrdiff_t j = 0; j < n; j++)
                for (ptrdiff_t c = panel * P, w = 0; c < d && w < P; c += W, w += W)
                    V::load(mine.out + j * P + w).store(place(j) + c, lanes_of(d - c, W));
        }
    }

    // the transpose of left (n, row) times right (n, d) in panels, to a photo's part of a gradient (positions, d)
    void transposed_times(const Own& mine, const T* left, const T* right, ptrdiff_t n, T* grid, ptrdiff_t m,
                          ptrdiff_t head) const {
        T* to = grid + (m * positions * heads + head) * d;
        for (ptrdiff_t panel = 0; panel < d_panels; panel++) {
            for_tiles<T, WIDE<T>>(positions, [&](ptrdiff_t p, int count) {
                const Segment<T> segment{left + p, n};
                multiply<T, WIDE<T>, true>(count, &segment, 1, row, right + panel * n * P, mine.out + p * P, P, false);
            });
            for (ptrdiff_t p = 0; p < positions; p++)
                for (ptrdiff_t c = panel * P, w = 0; c < d && w < P; c += W, w += W)
                    V::load(mine.out + p * P + w).store(to + p * heads * d + c, lanes_of(d - c, W));
        }
    }

    // a row of scores becomes weights; 0 beyond the positions
    void softmax(T* scores, T scale) const {
        T top = scores[0];
        for (ptrdiff_t p = 1; p < positions; p++) top = scores[p] > top ? scores[p] : top;
        V total(T(0));
        for (ptrdiff_t p = 0; p < row; p += W) {
            alignas(64) T e[W] = {};
            const int lanes = lanes_of(positions - p, W);
            exp((V::load(scores + p) - V(top)) * V(scale)).store(e, lanes);
            V::load(e).store(scores + p);
            total = total + V::load(e);
        }
        const V factor(1 / total.sum());
        for (ptrdiff_t p = 0; p < row; p += W) (V::load(scores + p) * factor).store(scores + p);
    }
};

}  // namespace SHOWTELL_ISA
