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
#include "team.hpp"

namespace SHOWTELL_ISA {

using showtell::Arena;
using showtell::Team;
using std::ptrdiff_t;

static INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
static INLINE ptrdiff_t at_most(ptrdiff_t n, ptrdiff_t most) { return n < most ? n : most; }
// how many of a vector's lanes are left where n numbers are
static INLINE int lanes_of(ptrdiff_t n, ptrdiff_t width) { return int(n < 0 ? 0 : at_most(n, width)); }

// The usual width of a panel, in vectors
constexpr int WIDE = 4;
template <class T>
constexpr ptrdiff_t PANEL = WIDE * Vec<T>::width;

// What is read again and again within a product is cut to fit into L2: steps of k at a time
constexpr ptrdiff_t DEPTH = 384;

// rows of a tile of V vectors: as many as leave registers for V vectors and, on machines without broadcasting operands,
// for the number
template <int V>
constexpr int ROWS = (REGISTERS - V - 1) / V < 8 ? (REGISTERS - V - 1) / V : 8;

// a stretch of the left-hand matrix: `count` steps of k from `a` on
template <class T>
struct Stretch {
    const T* a;
    ptrdiff_t count;
};

// c (M, V vectors) = or += sum over k of a (M rows, `row` apart, `step` from k to k+1) times b (k, V vectors)
template <class T, int M, int V, bool TRANSPOSED>
static void tile(const Stretch<T>* stretches, int n_stretches, ptrdiff_t stride, const T* RESTRICT b, T* RESTRICT c,
                 ptrdiff_t c_row, bool add) {
    using Vector = Vec<T>;
    constexpr int W = Vector::width;
    const ptrdiff_t row = TRANSPOSED ? 1 : stride, step = TRANSPOSED ? stride : 1;
    Vector sum[M][V];
    for (int m = 0; m < M; m++)
        for (int v = 0; v < V; v++) sum[m][v] = Vector(T(0));
    if (add)
        for (int m = 0; m < M; m++)
            for (int v = 0; v < V; v++) prefetch(c + m * c_row + v * W);
    for (int s = 0; s < n_stretches; s++) {
        const T* a = stretches[s].a;
        for (ptrdiff_t k = stretches[s].count; k > 0; k--) {
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
        for (int v = 0; v < V; v++) {
            T* to = c + m * c_row + v * W;
            (add ? Vector::load(to) + sum[m][v] : sum[m][v]).store(to);
        }
}

template <class T>
using Tile = void (*)(const Stretch<T>*, int, ptrdiff_t, const T*, T*, ptrdiff_t, bool);

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
static INLINE void for_tiles(ptrdiff_t n, F f) {
    if (n <= 0) return;
    const ptrdiff_t tiles = (n + ROWS<V> - 1) / ROWS<V>, small = n / tiles, larger = n % tiles;
    ptrdiff_t first = 0;
    for (ptrdiff_t i = 0; i < tiles; i++) {
        const ptrdiff_t rows = small + (i < larger);
        f(first, int(rows));
        first += rows;
    }
}

// the stretches of a left-hand matrix in panel form: `width` columns a panel, from row p on, panels `stride` apart
template <class T>
static INLINE int stretches_of(const T* p, ptrdiff_t stride, ptrdiff_t width, ptrdiff_t columns, Stretch<T>* to) {
    int n = 0;
    for (ptrdiff_t k = 0; k < columns; k += width, p += stride) to[n++] = {p, at_most(columns - k, width)};
    return n;
}

// rows of W lanes of a matrix (K, columns) from column `first` on, transposed: (W, count of k) at `to`, `to_row` apart
template <class T>
static INLINE void transpose_into(const T* matrix, ptrdiff_t row, ptrdiff_t K, ptrdiff_t k, int columns, T* to,
                                  ptrdiff_t to_row) {
    constexpr int W = Vec<T>::width;
    Vec<T> square[W];
    for (int i = 0; i < W; i++) square[i] = k + i < K ? Vec<T>::load(matrix + (k + i) * row, columns) : Vec<T>(T(0));
    transpose(square);
    for (int i = 0; i < W; i++) square[i].store(to + i * to_row);
}

}  // namespace SHOWTELL_ISA
