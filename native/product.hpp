// Matrix products out of one register-blocked kernel.
//
// A tile of the result, up to `ROWS` rows by V vectors, stays in registers while k runs: each step takes V vectors of the
// right-hand matrix and one number, broadcast, of the left-hand one for each row (Goto & van de Geijn 2008, "Anatomy of
// high-performance matrix multiplication"). The right-hand matrix is packed into panels, V vectors wide, one row of k
// after the other. The left-hand one is read where it lies: in *panel form*, which all activations here have.
//
// Panel form of a matrix: its columns in blocks of V vectors, and in a block one row after the other. It serves as a
// left-hand matrix (a row's numbers lie side by side), as the transpose of one (a column's neighbours lie side by side),
// and as a packed right-hand one (k is the row), so nothing is packed twice.
#pragma once

#include "simd.hpp"

namespace SHOWTELL_ISA {

// rows of a tile of V vectors: as many as leave registers for V vectors and, on machines without broadcasting operands,
// for the number
template <int V>
constexpr int ROWS = (REGISTERS - V - 1) / V < 8 ? (REGISTERS - V - 1) / V : 8;

// a stretch of the left-hand matrix: `count` steps of k from `a` on
template <class T>
struct Stretch {
    const T* a;
    std::ptrdiff_t count;
};

// c (M, V vectors) = or += sum over k of a (M rows, `row` apart, `step` from k to k+1) times b (k, V vectors)
template <class T, int M, int V, bool TRANSPOSED>
static void tile(const Stretch<T>* stretches, int n_stretches, std::ptrdiff_t stride, const T* RESTRICT b, T* RESTRICT c,
                 std::ptrdiff_t c_row, bool add) {
    using Vector = Vec<T>;
    constexpr int W = Vector::width;
    const std::ptrdiff_t row = TRANSPOSED ? 1 : stride, step = TRANSPOSED ? stride : 1;
    Vector sum[M][V];
    for (int m = 0; m < M; m++)
        for (int v = 0; v < V; v++) sum[m][v] = add ? Vector::load(c + m * c_row + v * W) : Vector(T(0));
    for (int s = 0; s < n_stretches; s++) {
        const T* a = stretches[s].a;
        for (std::ptrdiff_t k = stretches[s].count; k > 0; k--) {
            Vector right[V];
            for (int v = 0; v < V; v++) right[v] = Vector::load(b + v * W);
            for (int m = 0; m < M; m++) {
                const Vector left(a[m * row]);
                for (int v = 0; v < V; v++) sum[m][v] = fma(left, right[v], sum[m][v]);
            }
            a += step;
            b += V * W;
        }
    }
    for (int m = 0; m < M; m++)
        for (int v = 0; v < V; v++) sum[m][v].store(c + m * c_row + v * W);
}

template <class T>
using Tile = void (*)(const Stretch<T>*, int, std::ptrdiff_t, const T*, T*, std::ptrdiff_t, bool);

// the kernel for m rows, 1 <= m <= ROWS<V>
template <class T, int V, bool TRANSPOSED, int M = ROWS<V>>
static Tile<T> tile_of(int m) {
    if constexpr (M > 1) {
        if (m < M) return tile_of<T, V, TRANSPOSED, M - 1>(m);
    }
    return tile<T, M, V, TRANSPOSED>;
}

// cuts n rows into tiles of nearly equal size, none above ROWS<V>, and calls f(first row, rows)
template <int V, class F>
static INLINE void for_tiles(std::ptrdiff_t n, F f) {
    if (n <= 0) return;
    const std::ptrdiff_t tiles = (n + ROWS<V> - 1) / ROWS<V>, small = n / tiles, larger = n % tiles;
    std::ptrdiff_t first = 0;
    for (std::ptrdiff_t i = 0; i < tiles; i++) {
        const std::ptrdiff_t rows = small + (i < larger);
        f(first, int(rows));
        first += rows;
    }
}

}  // namespace SHOWTELL_ISA
