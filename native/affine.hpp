// y = x W + b and its gradients, for rows of any number.
#pragma once

#include "product.hpp"

namespace SHOWTELL_ISA {

// Q: what the products multiply, T itself or bfloat16.
template <class T, class Q>
struct Affine {
    using V = Vec<T>;
    static constexpr ptrdiff_t W = V::width, P = PANEL<Q>;
    static constexpr ptrdiff_t PQ = P / GROUP<Q>;  // a row of a panel, in Q
    static constexpr bool PAIRS = GROUP<Q> > 1;

    ptrdiff_t N, D, M;
    const T *x, *weights, *b, *dy;  // (N, D), (D, M), (M), (N, M)
    T *y, *dx, *dW, *db;            // forward: y; backward: the others, dx or null
    Q* kept;                        // forward: the weights in panels, or null, and then they are packed here

    ptrdiff_t d_panels, m_panels, NG;
    Q *xs, *dys, *xs_groups, *dys_groups;  // in row form, and in group form
    Q *packed, *packed_transposed;
    T* own;
    Segment<Q>* segments;
    ptrdiff_t own_size;

    ptrdiff_t size_packed() const { return ceil_div(M, P) * groups<Q>(D) * P; }

    void lay_out(Arena& arena, int threads) {
        d_panels = ceil_div(D, P), m_panels = ceil_div(M, P), NG = groups<Q>(N);
        own_size = d_panels * P * P > N * P ? d_panels * P * P : N * P;
        const bool forward = y, needs_rows = dx;
        xs = arena.take<Q>(forward ? d_panels * apart<Q>(N) * PQ : 0);
        packed = kept ? kept : arena.take<Q>(forward ? size_packed() : 0);
        xs_groups = arena.take<Q>(forward ? 0 : d_panels * NG * P);
        dys_groups = arena.take<Q>(forward ? 0 : m_panels * NG * P);
        dys = PAIRS ? arena.take<Q>(needs_rows ? m_panels * apart<Q>(N) * PQ : 0) : dys_groups;
        packed_transposed = arena.take<Q>(needs_rows ? d_panels * m_panels * PQ * P : 0);
        own = arena.take<T>(threads * own_size);
        segments = arena.take<Segment<Q>>(threads * (d_panels + m_panels + 1));
    }

    // rows [begin, end) of (N, columns) into row form
    void into_rows(const T* rows, ptrdiff_t columns, Q* to, ptrdiff_t begin, ptrdiff_t end) const {
        for (ptrdiff_t r = begin; r < end; r++)
            for (ptrdiff_t k = 0; k < groups<Q>(columns) * GROUP<Q>; k += W)
                store_row(V::load(rows + r * columns + k, lanes_of(columns - k, W)),
                          to + (k / P * apart<Q>(N) + r) * PQ + k % P / GROUP<Q>);
    }

    // groups [begin, end) of the rows of dy into group form
    void into_groups(ptrdiff_t begin, ptrdiff_t end) const {
        for (ptrdiff_t g = begin; g < end; g++)
            for (ptrdiff_t k = 0; k < M; k += W)
                pack_group(dy + k, M, N, g * GROUP<Q>, lanes_of(M - k, W), dys_groups + (k / P * NG + g) * P + k % P);
    }

    void forward(int me, Team& team) {
        const TilesInUse<Q> tiles;
        Segment<Q>* mine = segments + me * (d_panels + m_panels + 1);
        ptrdiff_t begin, end;
        team.share(N, me, begin, end);
        into_rows(x, D, xs, begin, end);
        team.barrier();
        team.share(m_panels, me, begin, end);
        if (!kept) pack_panels(weights, D, M, begin * P, end * P, packed, groups<Q>(D));
        T* out = own + me * own_size;
        for (ptrdiff_t panel = begin; panel < end; panel++) {
            const Q* right = packed + panel * groups<Q>(D) * P;
            for_tiles<Q, WIDE<Q>>(N, [&](ptrdiff_t r, int rows) {
                const int n = segments_of(xs + r * PQ, apart<Q>(N) * PQ, PQ, groups<Q>(D), mine);
                multiply<Q, WIDE<Q>, false>(rows, mine, n, PQ, right, out + r * P, P, false);
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
        const TilesInUse<Q> tiles;
        Segment<Q>* mine = segments + me * (d_panels + m_panels + 1);
        ptrdiff_t begin, end;
        team.share(NG / UNIT<Q>, me, begin, end);
        begin *= UNIT<Q>, end *= UNIT<Q>;
        for (ptrdiff_t panel = 0; panel < d_panels; panel++) {
            const auto row = [&](ptrdiff_t r, ptrdiff_t v) {
                const ptrdiff_t k = panel * P + v * W;
                return r < N ? V::load(x + r * D + k, lanes_of(D - k, W)) : V(T(0));
            };
            to_transposed_form<Q>(begin, end, row, xs_groups + panel * NG * P);
        }
        into_groups(begin, end);
        if (PAIRS && dx) {
            team.share(N, me, begin, end);
            into_rows(dy, M, dys, begin, end);
        }
        team.barrier();
        T* out = own + me * own_size;
        if (dx) {
            team.share(d_panels, me, begin, end);
            for (ptrdiff_t panel = begin; panel < end; panel++) {
                Q* right = packed_transposed + panel * m_panels * PQ * P;
                for (ptrdiff_t column = 0; column < m_panels * P; column += W)
                    for (ptrdiff_t k = 0; k < P; k += W)
                        transpose_into(weights + column, M, D, panel * P + k, lanes_of(M - column, W),
                                       right + column / GROUP<Q> * P + k, P);
                for_tiles<Q, WIDE<Q>>(N, [&](ptrdiff_t r, int rows) {
                    const int n = segments_of(dys + r * PQ, apart<Q>(N) * PQ, PQ, groups<Q>(M), mine);
                    multiply<Q, WIDE<Q>, false>(rows, mine, n, PQ, right, out + r * P, P, false);
                });
                for (ptrdiff_t r = 0; r < N; r++)
                    for (ptrdiff_t k = panel * P, v = 0; k < D && v < P; k += W, v += W)
                        V::load(out + r * P + v).store(dx + r * D + k, lanes_of(D - k, W));
            }
        }
        team.share(m_panels, me, begin, end);
        for (ptrdiff_t panel = begin; panel < end; panel++) {
            if (N == 0) std::memset(out, 0, own_size * sizeof(T));
            for (ptrdiff_t g = 0; g < NG; g += DEPTH<Q>)
                for (ptrdiff_t k = 0; k < d_panels; k++)
                    for_tiles<Q, WIDE<Q>>(lanes_of(D - k * P, P), [&](ptrdiff_t column, int columns) {
                        const Segment<Q> rows{xs_groups + (k * NG + g) * P + column, at_most(NG - g, DEPTH<Q>)};
                        multiply<Q, WIDE<Q>, true>(columns, &rows, 1, P, dys_groups + (panel * NG + g) * P,
                                                   out + (k * P + column) * P, P, g > 0);
                    });
            for (ptrdiff_t column = panel * P, v = 0; column < M && v < P; column += W, v += W) {
                const int lanes = lanes_of(M - column, W);
                for (ptrdiff_t k = 0; k < D; k++) V::load(out + k * P + v).store(dW + k * M + column, lanes);
                V total(T(0));
                for (ptrdiff_t r = 0; r < N; r++) total = total + V::load(dy + r * M + column, lanes);
                total.store(db + column, lanes);
            }
        }
    }
};

}  // namespace SHOWTELL_ISA
