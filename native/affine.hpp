// y = x W + b and its gradients, for rows of any number.
#pragma once

#include "product.hpp"

namespace SHOWTELL_ISA {

template <class T>
struct Affine {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<T>;

    ptrdiff_t N, D, M;
    const T *x, *weights, *b, *dy;  // (N, D), (D, M), (M), (N, M)
    T *y, *dx, *dW, *db;            // forward: y; backward: the others, dx or null

    ptrdiff_t d_panels, m_panels;
    T *xs, *dys, *packed, *packed_transposed, *own;
    Stretch<T>* stretches;
    ptrdiff_t own_size;

    void lay_out(Arena& arena, int threads) {
        d_panels = ceil_div(D, P), m_panels = ceil_div(M, P);
        own_size = d_panels * P * P > N * P ? d_panels * P * P : N * P;
        xs = arena.take<T>(d_panels * N * P);
        dys = arena.take<T>(y ? 0 : m_panels * N * P);
        packed = arena.take<T>(y ? m_panels * D * P : 0);
        packed_transposed = arena.take<T>(dx ? d_panels * m_panels * P * P : 0);
        own = arena.take<T>(threads * own_size);
        stretches = arena.take<Stretch<T>>(threads * (d_panels + m_panels + 1));
    }

    // rows of (N, columns) into panel form
    static void panels(const T* rows, ptrdiff_t N, ptrdiff_t columns, T* to, ptrdiff_t begin, ptrdiff_t end) {
        for (ptrdiff_t r = begin; r < end; r++)
            for (ptrdiff_t k = 0; k < columns; k += W)
                V::load(rows + r * columns + k, lanes_of(columns - k, W)).store(to + (k / P * N + r) * P + k % P);
    }

    void forward(int me, Team& team) {
        Stretch<T>* mine = stretches + me * (d_panels + m_panels + 1);
        ptrdiff_t begin, end;
        team.share(N, me, begin, end);
        panels(x, N, D, xs, begin, end);
        team.barrier();
        team.share(m_panels, me, begin, end);
        T* out = own + me * own_size;
        for (ptrdiff_t panel = begin; panel < end; panel++) {
            T* right = packed + panel * D * P;
            for (ptrdiff_t k = 0; k < D; k++)
                for (ptrdiff_t v = 0; v < P; v += W)
                    V::load(weights + k * M + panel * P + v, lanes_of(M - panel * P - v, W)).store(right + k * P + v);
            for_tiles<WIDE>(N, [&](ptrdiff_t r, int rows) {
                const int n = stretches_of(xs + r * P, N * P, P, D, mine);
                tile_of<T, WIDE, false>(rows)(mine, n, P, right, out + r * P, P, false);
            });
            for (ptrdiff_t v = 0; v < P; v += W) {
                const ptrdiff_t column = panel * P + v;
                const int lanes = lanes_of(M - column, W);
                const V bias = V::load(b + column, lanes);
                for (ptrdiff_t r = 0; r < N; r++) (V::load(out + r * P + v) + bias).store(y + r * M + column, lanes);
            }
        }
    }

    void backward(int me, Team& team) {
        Stretch<T>* mine = stretches + me * (d_panels + m_panels + 1);
        ptrdiff_t begin, end;
        team.share(N, me, begin, end);
        panels(x, N, D, xs, begin, end);
        panels(dy, N, M, dys, begin, end);
        team.barrier();
        T* out = own + me * own_size;
        if (dx) {
            team.share(d_panels, me, begin, end);
            for (ptrdiff_t panel = begin; panel < end; panel++) {
                T* right = packed_transposed + panel * m_panels * P * P;
                for (ptrdiff_t column = 0; column < M; column += W)
                    for (ptrdiff_t k = 0; k < P; k += W)
                        transpose_into(weights + column, M, D, panel * P + k, lanes_of(M - column, W),
                                       right + column * P + k, P);
                for_tiles<WIDE>(N, [&](ptrdiff_t r, int rows) {
                    const int n = stretches_of(dys + r * P, N * P, P, M, mine);
                    tile_of<T, WIDE, false>(rows)(mine, n, P, right, out + r * P, P, false);
                });
                for (ptrdiff_t r = 0; r < N; r++)
                    for (ptrdiff_t k = panel * P, v = 0; k < D && v < P; k += W, v += W)
                        V::load(out + r * P + v).store(dx + r * D + k, lanes_of(D - k, W));
            }
        }
        team.share(m_panels, me, begin, end);
        for (ptrdiff_t panel = begin; panel < end; panel++) {
            if (N == 0) std::memset(out, 0, own_size * sizeof(T));
            for (ptrdiff_t r = 0; r < N; r += DEPTH)
                for (ptrdiff_t k = 0; k < d_panels; k++)
                    for_tiles<WIDE>(lanes_of(D - k * P, P), [&](ptrdiff_t column, int columns) {
                        const Stretch<T> rows{xs + (k * N + r) * P + column, at_most(N - r, DEPTH)};
                        tile_of<T, WIDE, true>(columns)(&rows, 1, P, dys + (panel * N + r) * P,
                                                        out + (k * P + column) * P, P, r > 0);
                    });
            for (ptrdiff_t column = panel * P, v = 0; column < M && v < P; column += W, v += W) {
                const int lanes = lanes_of(M - column, W);
                for (ptrdiff_t k = 0; k < D; k++) V::load(out + k * P + v).store(dW + k * M + column, lanes);
                V total(T(0));
                for (ptrdiff_t r = 0; r < N; r++) total = total + V::load(dys + (panel * N + r) * P + v);
                total.store(db + column, lanes);
            }
        }
    }
};

}  // namespace SHOWTELL_ISA
