// Matrix products out of one register-blocked kernel.
//
// A tile of the result, up to `ROWS` rows by PART vectors, stays in registers while k runs: each step takes PART vectors of
// the right-hand matrix and one number, broadcast, of the left-hand one for each row (Goto & van de Geijn 2008, "Anatomy of
// high-performance matrix multiplication"). The right-hand matrix is packed into panels, V vectors wide, one row of k
// after the other. The left-hand one is read where it lies: in *panel form*, which all activations here have.
//
// Panel form of a matrix: its columns in blocks of V vectors, and in a block one row after the other. Of single numbers it
// serves as a left-hand matrix (a row's numbers lie side by side), as the transpose of one (a column's neighbours lie side
// by side), and as a packed right-hand one (k is the row), so nothing is packed twice. Of pairs a left-hand matrix is in
// row form, the two others in group form (operand.hpp): `to_group_form` makes the second from the first.
#pragma once

#include "operand.hpp"
#include "team.hpp"
#include "tiles.hpp"

namespace SHOWTELL_ISA {

using showtell::Arena;
using showtell::Team;
using std::ptrdiff_t;

static INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
static INLINE ptrdiff_t at_most(ptrdiff_t n, ptrdiff_t most) { return n < most ? n : most; }
// how many of a vector's lanes are left where n numbers are
static INLINE int lanes_of(ptrdiff_t n, ptrdiff_t width) { return int(n < 0 ? 0 : at_most(n, width)); }

// The usual width of a panel, in vectors
template <class Q>
constexpr int WIDE = TILES<Q> ? TILE_PART : 4;
template <class Q>
constexpr ptrdiff_t PANEL = WIDE<Q> * Vec<NumberOf<Q>>::width;

// What is read again and again within a product is cut to fit into L2, or, of tiles, into L1: groups of k at a time
template <class Q>
constexpr ptrdiff_t DEPTH = TILES<Q> ? 256 : 384;

// vectors that a tile of a panel of V holds at a time: half of four where registers are few, as two rows alone would
// fetch the panel too often
template <int V>
constexpr int PART = REGISTERS < 32 && V == 4 ? 2 : V;

// rows of a tile of a panel of V vectors: as many as leave registers for PART vectors and, on machines without
// broadcasting operands, for the number; or of several tiles one below the other
template <class Q, int V>
constexpr int ROWS = TILES<Q>                                  ? 128
                     : (REGISTERS - PART<V> - 1) / PART<V> < 8 ? (REGISTERS - PART<V> - 1) / PART<V>
                                                               : 8;

// where a vector of a group lies in a packed right-hand matrix of V vectors and `depth` groups
template <class Q, int V>
static INLINE ptrdiff_t right_at(ptrdiff_t depth, ptrdiff_t group, ptrdiff_t vector) {
    constexpr ptrdiff_t W = Vec<NumberOf<Q>>::width, PART = TILES<Q> ? TILE_PART : V;
    return ((vector / PART * depth + group) * PART + vector % PART) * W;
}

// c (M, V vectors) = or += sum over k of a (M rows) times b (k, V vectors). The left-hand matrix lies with its rows
// `stride` apart and its groups of k side by side, or, transposed, the other way round.
template <class Q, int M, int V, bool TRANSPOSED>
static void tile(const Segment<Q>* segments, int n_segments, ptrdiff_t stride, const Q* RESTRICT b,
                 NumberOf<Q>* RESTRICT c, ptrdiff_t c_row, bool add) {
    using Vector = Vec<NumberOf<Q>>;
    constexpr int W = Vector::width, N = PART<V>;
    const ptrdiff_t row = TRANSPOSED ? 1 : stride, step = TRANSPOSED ? stride : 1;
    for (int part = 0; part < V; part += N, b += N * W, c += N * W) {
        const Q* right_row = b;
        Vector sum[M][N];
        for (int m = 0; m < M; m++)
            for (int v = 0; v < N; v++) sum[m][v] = Vector(0);
        if (add)
            for (int m = 0; m < M; m++)
                for (int v = 0; v < N; v++) prefetch(c + m * c_row + v * W);
        for (int s = 0; s < n_segments; s++) {
            const Q* a = segments[s].a;
            if (!TRANSPOSED && s + 1 < n_segments)
                for (int m = 0; m < M; m++)
                    for (ptrdiff_t k = 0; k < stride; k += 64 / ptrdiff_t(sizeof(Q)))
                        prefetch(segments[s + 1].a + m * row + k);
            for (ptrdiff_t k = segments[s].count; k > 0; k--) {
                decltype(load_groups(b)) right[N];
                for (int v = 0; v < N; v++) right[v] = load_groups(right_row + v * W);
                for (int m = 0; m < M; m++) {
                    const auto left = broadcast(a[m * row]);
                    for (int v = 0; v < N; v++) sum[m][v] = multiply_add(left, right[v], sum[m][v]);
                }
                a += step;
                right_row += V * W;
            }
        }
        for (int m = 0; m < M; m++)
            for (int v = 0; v < N; v++) {
                NumberOf<Q>* to = c + m * c_row + v * W;
                (add ? Vector::load(to) + sum[m][v] : sum[m][v]).store(to);
            }
    }
}

template <class Q>
using Tile = void (*)(const Segment<Q>*, int, ptrdiff_t, const Q*, NumberOf<Q>*, ptrdiff_t, bool);

// the kernel for m rows, 1 <= m <= ROWS<Q, V>
template <class Q, int V, bool TRANSPOSED, int M = ROWS<Q, V>>
static Tile<Q> tile_of(int m) {
    if constexpr (M > 1) {
        if (m < M) return tile_of<Q, V, TRANSPOSED, M - 1>(m);
    }
    return tile<Q, M, V, TRANSPOSED>;
}

// Vectors and tiles are computed by different parts of a processor, at the same time. So what is to be done with a product
// is put off until the next one is multiplied, and then done bit by bit: f(0) to f(count - 1), some at each step of it, and
// what is left in the end.
template <class F>
class Later {
  public:
    explicit Later(F f) : f_(f) {}
    void put_off(ptrdiff_t count) { next_ = 0, count_ = count, due_ = 0, steps_ = 1; }
    void spread(ptrdiff_t steps) { steps_ = steps; }
    void step() {
        for (due_ += count_; due_ >= steps_ && next_ < count_; due_ -= steps_) f_(next_++);
    }
    void finish() {
        while (next_ < count_) f_(next_++);
    }

  private:
    F f_;
    ptrdiff_t next_ = 0, count_ = 0, due_ = 0, steps_ = 1;
};

struct Nothing {
    void spread(ptrdiff_t) {}
    void step() {}
};

// the product of m rows, 1 <= m <= ROWS<Q, V>: see `tile`
template <class Q, int V, bool TRANSPOSED, class Meanwhile>
static INLINE void multiply(int m, const Segment<Q>* segments, int n_segments, ptrdiff_t stride, const Q* b,
                            NumberOf<Q>* c, ptrdiff_t c_row, bool add, Meanwhile& meanwhile) {
    if constexpr (TILES<Q>)
        multiply_tiles<V, TRANSPOSED>(m, segments, n_segments, stride, b, c, c_row, add, meanwhile);
    else
        tile_of<Q, V, TRANSPOSED>(m)(segments, n_segments, stride, b, c, c_row, add);
}
template <class Q, int V, bool TRANSPOSED>
static INLINE void multiply(int m, const Segment<Q>* segments, int n_segments, ptrdiff_t stride, const Q* b,
                            NumberOf<Q>* c, ptrdiff_t c_row, bool add) {
    Nothing nothing;
    multiply<Q, V, TRANSPOSED>(m, segments, n_segments, stride, b, c, c_row, add, nothing);
}

// cuts n rows into tiles of nearly equal size, none above ROWS<Q, V>, and calls f(first row, rows)
template <class Q, int V, class F>
static INLINE void for_tiles(ptrdiff_t n, F f) {
    if (n <= 0) return;
    if constexpr (TILES<Q>) {  // as few as can be: one that is not full takes as long as one that is
        for (ptrdiff_t first = 0; first < n; first += ROWS<Q, V>) f(first, int(at_most(n - first, ROWS<Q, V>)));
        return;
    }
    const ptrdiff_t tiles = (n + ROWS<Q, V> - 1) / ROWS<Q, V>, small = n / tiles, larger = n % tiles;
    ptrdiff_t first = 0;
    for (ptrdiff_t i = 0; i < tiles; i++) {
        const ptrdiff_t rows = small + (i < larger);
        f(first, int(rows));
        first += rows;
    }
}

// the segments of a left-hand matrix in panels: `width` groups a panel, from row p on, panels `stride` apart
template <class Q>
static INLINE int segments_of(const Q* p, ptrdiff_t stride, ptrdiff_t width, ptrdiff_t count, Segment<Q>* to) {
    int n = 0;
    for (ptrdiff_t k = 0; k < count; k += width, p += stride) to[n++] = {p, at_most(count - k, width)};
    return n;
}

// W rows of a matrix (K, any) from row k on, `lanes` of their columns, transposed into group form: at `to` a group of
// columns, W of k wide, and the next `to_row` further on
template <class Q, class T>
static INLINE void transpose_into(const T* matrix, ptrdiff_t row, ptrdiff_t K, ptrdiff_t k, int lanes, Q* to,
                                  ptrdiff_t to_row) {
    constexpr int W = Vec<T>::width;
    Vec<T> square[W];
    for (int i = 0; i < W; i++) square[i] = k + i < K ? Vec<T>::load(matrix + (k + i) * row, lanes) : Vec<T>(T(0));
    transpose(square);
    for (int i = 0; i < W; i += GROUP<Q>) store_group(square + i, to + i / GROUP<Q> * to_row);
}

// the group of rows of a matrix (K, any) from row k on, `lanes` of a vector of columns; 0 below the last row
template <class Q, class T>
static INLINE void pack_group(const T* matrix, ptrdiff_t row, ptrdiff_t K, ptrdiff_t k, int lanes, Q* to) {
    Vec<T> rows[GROUP<Q>];
    for (int i = 0; i < GROUP<Q>; i++) rows[i] = k + i < K ? Vec<T>::load(matrix + (k + i) * row, lanes) : Vec<T>(T(0));
    store_group(rows, to);
}

// Cuts K rows of a matrix that is to be packed, filled up to whole groups, into strips, and calls f(first row, last row + 1): within one of them
// neighbouring panels are read from the same few pages and written in segments.
template <class Q, class F>
static INLINE void for_strips(ptrdiff_t K, F f) {
    constexpr ptrdiff_t STRIP = 8 * GROUP<Q>;
    const ptrdiff_t filled = groups<Q>(K) * GROUP<Q>;
    for (ptrdiff_t k = 0; k < filled; k += STRIP) f(k, at_most(filled, k + STRIP));
}

// columns [begin, end) of a matrix (K, columns), both multiples of a panel's width, into panels (K, P) in group form,
// `panel_groups` groups of k from one panel to the next
template <class Q, class T>
static void pack_panels(const T* matrix, ptrdiff_t K, ptrdiff_t columns, ptrdiff_t begin, ptrdiff_t end, Q* packed,
                        ptrdiff_t panel_groups) {
    constexpr ptrdiff_t W = Vec<T>::width, P = PANEL<Q>;
    for_strips<Q>(K, [&](ptrdiff_t first, ptrdiff_t last) {
        for (ptrdiff_t column = begin; column < end; column += W)
            for (ptrdiff_t k = first; k < last; k += GROUP<Q>)
                pack_group(matrix + column, columns, K, k, lanes_of(columns - column, W),
                           packed + (column / P * panel_groups + k / GROUP<Q>)*P + column % P);
    });
}

// A panel of R rows and V vectors from row form into group form, as a right-hand matrix; what is missing to a last group
// is 0.
template <class Q, int V>
static void to_group_form(const Q* from, ptrdiff_t R, Q* to) {
    using Vector = Vec<NumberOf<Q>>;
    constexpr ptrdiff_t W = Vector::width;
    const ptrdiff_t depth = groups<Q>(R);
    for (ptrdiff_t g = 0; g < depth; g++)
        for (ptrdiff_t v = 0; v < V; v++) {
            Vector rows[GROUP<Q>];
            for (int i = 0; i < GROUP<Q>; i++) {
                const ptrdiff_t r = g * GROUP<Q> + i;
                rows[i] = r < R ? load_row(from + (r * V + v) * W / GROUP<Q>) : Vector(0);
            }
            store_group(rows, to + right_at<Q, V>(depth, g, v));
        }
}

// Groups [begin, end) of a panel's rows into group form, as a left-hand matrix whose transpose is multiplied;
// row(r, v) gives a vector of one. Tiles of it have a column's groups side by side.
template <class Q, class F>
static void to_transposed_form(ptrdiff_t begin, ptrdiff_t end, F row, Q* to) {
    using Vector = Vec<NumberOf<Q>>;
    constexpr ptrdiff_t W = Vector::width, P = PANEL<Q>;
    for (ptrdiff_t g = begin; g < end; g += UNIT<Q>)
        for (ptrdiff_t v = 0; v < WIDE<Q>; v++) {
            Q* at = to + g * P + v * W * UNIT<Q>;
            for (ptrdiff_t u = 0; u < UNIT<Q>; u++) {
                Vector rows[GROUP<Q>];
                for (int i = 0; i < GROUP<Q>; i++) rows[i] = row((g + u) * GROUP<Q> + i, v);
                store_group(rows, at + u * W);
            }
            if constexpr (TILES<Q>) transpose_tile(at);
        }
}

}  // namespace SHOWTELL_ISA
