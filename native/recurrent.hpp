// Whole sequences of the vanilla RNN, the GRU and the LSTM, forward and backward through time.
//
// Captions come sorted by length, longest first, so that at step t the first `active[t]` of them have a word: the
// rows that are computed are the real words, one step's after the other's, and none is padding. Of all rows:
//
//   forward    a = x Wx + b               one product before the loop
//              a += h_{t-1} Wh            a product a step; the gates are applied to each tile while it is in L1
//   backward   dh_{t-1} = da_t Wh^T       a product a step; the gates' gradients likewise
//              dx = da Wx^T,  dWx = x^T da,  dWh = h_{t-1}^T da       products after the loop
//
// A *block* is a cell's panel: UNITS vectors of hidden units with all their gates beside each other, so that one tile
// holds all that its units need. A thread owns the same blocks in the whole forward pass and waits for the others once a
// step, for their hidden states.
#pragma once

#include "elementary.hpp"
#include "product.hpp"

namespace SHOWTELL_ISA {

// What a call works on. Sizes as in the Python functions: N captions, T steps, inputs of width D, H hidden units.
template <class T>
struct Sequence {
    ptrdiff_t N, steps, D, H;
    const int64_t* order;   // (N) captions by length, longest first
    const int64_t* active;  // (steps) captions that have a word at each step
    const T *x, *h0, *c0, *Wx, *Wh, *b;
    ptrdiff_t b_row;        // from one caption's bias to the next's: 0 if they share one
    T *h, *last_c;          // forward: (N, T, H) and the LSTM's (N, H), or null
    const T *dh, *dlast_c;  // backward: likewise
    T *dx, *dh0, *dc0, *dWx, *dWh, *db;
};

// blocks of gates that a product with a transposed weight matrix takes at a time, and rows of dx: cut to fit into L2
template <class Q, ptrdiff_t BQ>
constexpr ptrdiff_t CHUNK = TILES<Q> ? DEPTH<Q> / BQ : 16;
constexpr ptrdiff_t SLAB = 256;

// ---- the cells -------------------------------------------------------------------------------------------------

// What is computed of vectors of units, N of them; Q: what the products multiply.
//
//   forward    a, product: of each gate x Wx + b and h_{t-1} Wh; memory: what the cell carries along without a product,
//              c_{t-1} of the LSTM and h_{t-1} of the GRU before, that of t after; kept: what backward needs, the gates
//              first; h: h_t
//   backward   dh: all of h_t's gradient; carry: what reaches h_t or c_t through no product, then
//              what so reaches t-1; da: the gradient of each gate's a; da_state: that of its product, if it differs

template <class T, class Q>
struct Lstm {
    static constexpr int GATES = 4, UNITS = 1, KEPT = 6;  // the gates, tanh c_t, c_{t-1}
    static constexpr bool HAS_C = true, HAS_MEMORY = true, SPLIT = false;
    using V = Vec<T>;
    using Kept = Q;

    template <int N>
    static INLINE void forward(const V (*a)[N], const V (*product)[N], V* memory, V (*kept)[N], V* h) {
        for (int gate = 0; gate < 4; gate++)
            for (int n = 0; n < N; n++) kept[gate][n] = a[gate][n] + product[gate][n];
        squash<Q, 3 * N, N>(kept[0]);
        const V *i = kept[0], *f = kept[1], *o = kept[2], *g = kept[3];
        for (int n = 0; n < N; n++) {
            kept[5][n] = memory[n];
            kept[4][n] = memory[n] = fma(f[n], memory[n], i[n] * g[n]);
        }
        squash<Q, 0, N>(kept[4]);
        for (int n = 0; n < N; n++) h[n] = o[n] * kept[4][n];
    }

    static INLINE void backward(const V* kept, V dh, V& carry, V* da, V*) {
        const V one(T(1)), i = kept[0], f = kept[1], o = kept[2], g = kept[3], tanh_c = kept[4];
        const V dc = fma(dh * o, one - tanh_c * tanh_c, carry);
        da[0] = dc * g * i * (one - i);
        da[1] = dc * kept[5] * f * (one - f);
        da[2] = dh * tanh_c * o * (one - o);
        da[3] = dc * i * (one - g * g);
        carry = dc * f;
    }
};

template <class T, class Q, int U>
struct Gru {
    static constexpr int GATES = 3, UNITS = U, KEPT = 5;  // the gates, h_{t-1} Wh of the candidate, h_{t-1} - n
    static constexpr bool HAS_C = false, HAS_MEMORY = true;
    static constexpr bool SPLIT = true;  // the input's and the state's gradients differ in n
    using V = Vec<T>;
    using Kept = T;  // rounded, they move the gradients of a narrow layer by more than its products do

    template <int N>
    static INLINE void forward(const V (*a)[N], const V (*product)[N], V* memory, V (*kept)[N], V* h) {
        for (int gate = 0; gate < 2; gate++)
            for (int n = 0; n < N; n++) kept[gate][n] = a[gate][n] + product[gate][n];
        squash<Q, 2 * N, 0>(kept[0]);
        const V *reset = kept[0], *z = kept[1];
        for (int n = 0; n < N; n++) kept[2][n] = fma(reset[n], product[2][n], a[2][n]), kept[3][n] = product[2][n];
        squash<Q, 0, N>(kept[2]);
        for (int n = 0; n < N; n++) {
            kept[4][n] = memory[n] - kept[2][n];
            h[n] = memory[n] = fma(z[n], kept[4][n], kept[2][n]);
        }
    }

    static INLINE void backward(const V* kept, V dh, V& carry, V* da, V* da_state) {
        const V one(T(1)), reset = kept[0], z = kept[1], n = kept[2];
        const V all = dh + carry;
        da[2] = all * (one - z) * (one - n * n);
        da[1] = all * kept[4] * z * (one - z);
        da[0] = da[2] * kept[3] * reset * (one - reset);
        da_state[0] = da[0], da_state[1] = da[1], da_state[2] = da[2] * reset;
        carry = all * z;
    }
};

template <class T, class Q, int U, bool RELU>
struct Rnn {
    static constexpr int GATES = 1, UNITS = U, KEPT = 1;
    static constexpr bool HAS_C = false, HAS_MEMORY = false, SPLIT = false;
    using V = Vec<T>;
    using Kept = Q;

    template <int N>
    static INLINE void forward(const V (*a)[N], const V (*product)[N], V*, V (*kept)[N], V* h) {
        for (int n = 0; n < N; n++) kept[0][n] = a[0][n] + product[0][n];
        if constexpr (RELU)
            for (int n = 0; n < N; n++) kept[0][n] = max(V(T(0)), kept[0][n]);
        else
            squash<Q, 0, N>(kept[0]);
        for (int n = 0; n < N; n++) h[n] = kept[0][n];
    }

    static INLINE void backward(const V* kept, V dh, V&, V* da, V*) {
        if constexpr (RELU)
            da[0] = if_positive(kept[0], dh);
        else
            da[0] = dh * (V(T(1)) - kept[0] * kept[0]);
    }
};

// weights (K, GATES H) -> a panel (K, GATES UNITS vectors) for each block, in group form
template <class Q, class Cell, class T>
static void pack_blocks(const T* weights, ptrdiff_t K, ptrdiff_t H, Q* packed, ptrdiff_t begin, ptrdiff_t end) {
    constexpr ptrdiff_t W = Vec<T>::width, U = Cell::UNITS, BW = Cell::GATES * U * W;
    for_strips<Q>(K, [&](ptrdiff_t first, ptrdiff_t last) {
        for (int gate = 0; gate < Cell::GATES; gate++)
            for (ptrdiff_t vector = begin * U; vector < end * U; vector++)
                for (ptrdiff_t k = first; k < last; k += GROUP<Q>)
                    pack_group(weights + gate * H + vector * W, Cell::GATES * H, K, k, lanes_of(H - vector * W, W),
                               packed + vector / U * groups<Q>(K) * BW +
                                   right_at<Q, Cell::GATES * U>(groups<Q>(K), k / GROUP<Q>, gate * U + vector % U));
    });
}

// ---- the way of the arrays -------------------------------------------------------------------------------------

// Q: what the products multiply, T itself or bfloat16; everything else is computed in T. What is kept for the backward pass
// is rounded as well where the cell says so, as memory takes longer than tiles do.
template <class T, class Cell, class Q>
struct Layer {
    using V = Vec<T>;
    using Kept = typename Cell::Kept;
    static constexpr ptrdiff_t W = V::width, P = PANEL<Q>;
    static constexpr int G = Cell::GATES, U = Cell::UNITS, B = G * U;  // gates, unit vectors and vectors of a block
    static constexpr ptrdiff_t BW = B * W;
    // a row of a panel and of a block, and a vector, in Q
    static constexpr ptrdiff_t PQ = P / GROUP<Q>, BQ = BW / GROUP<Q>, WQ = W / GROUP<Q>;
    static constexpr bool PAIRS = GROUP<Q> > 1;

    Sequence<T> s;
    bool keeps;                    // whether a backward will follow
    ptrdiff_t R = 0, RG, RA;       // rows: real words; groups of them; from one panel of rows to the next
    ptrdiff_t vectors, blocks;     // vectors of hidden units; blocks of them
    ptrdiff_t h_panels, x_panels;  // panels of P columns
    // kept from forward to backward, of each row: its input and the hidden state before it, as left-hand matrices, and
    // what its cell keeps
    Q *xs, *hs;
    Kept* kept;
    // of one call; `own`: a part for each thread; the last ones are xs, hs and the gradients in group form
    Q *packed_x, *packed_h, *da, *da_state, *xs_groups, *hs_groups, *da_groups, *da_state_groups;
    T *inputs, *carry, *own;    // carry: what the cell carries from step to step, or its gradient
    Segment<Q>* segments;       // likewise
    ptrdiff_t *first, *source;  // (steps + 1) the first row of each step; (R) caption * steps + t of each row
    ptrdiff_t own_size, segments_size;

    Layer(const Sequence<T>& s, bool keeps) : s(s), keeps(keeps) {
        for (ptrdiff_t t = 0; t < s.steps; t++) R += s.active[t];
        RG = groups<Q>(R), RA = apart<Q>(R);
        vectors = ceil_div(s.H, W), blocks = ceil_div(vectors, U);
        h_panels = ceil_div(s.H, P), x_panels = ceil_div(s.D, P);
        own_size = (x_panels + h_panels) * P * BW;
        const ptrdiff_t rows = s.N > SLAB ? s.N : SLAB;
        if (own_size < rows * P) own_size = rows * P;
        segments_size = x_panels + h_panels + blocks;
    }

    void lay_out_cache(Arena& arena) {
        hs = arena.take<Q>(h_panels * RA * PQ);
        xs = arena.take<Q>(x_panels * RA * PQ);
        kept = arena.take<Kept>(keeps || IN_KEPT ? blocks * R * Cell::KEPT * U * W / GROUP<Kept> : 0);
    }

    void lay_out(Arena& arena, int threads) {
        if (!keeps) lay_out_cache(arena);
        first = arena.take<ptrdiff_t>(s.steps + 1);
        source = arena.take<ptrdiff_t>(R);
        packed_x = arena.take<Q>(x_panels * PQ * blocks * BW);
        packed_h = arena.take<Q>(h_panels * PQ * blocks * BW);
        da = arena.take<Q>(blocks * RA * BQ);
        da_state = Cell::SPLIT ? arena.take<Q>(blocks * RA * BQ) : da;
        xs_groups = PAIRS ? arena.take<Q>(x_panels * RG * P) : xs;
        hs_groups = PAIRS ? arena.take<Q>(h_panels * RG * P) : hs;
        da_groups = PAIRS ? arena.take<Q>(blocks * RG * BW) : da;
        da_state_groups = !Cell::SPLIT ? da_groups : PAIRS ? arena.take<Q>(blocks * RG * BW) : da_state;
        inputs = arena.take<T>(IN_KEPT ? 0 : blocks * most_rows() * BW);
        carry = arena.take<T>(vectors * s.N * W);
        own = arena.take<T>(threads * own_size);
        segments = arena.take<Segment<Q>>(threads * segments_size);
        if (arena.memory) number_rows();
    }

    void number_rows() {
        first[0] = 0;
        for (ptrdiff_t t = 0; t < s.steps; t++) {
            first[t + 1] = first[t] + s.active[t];
            for (ptrdiff_t j = 0; j < s.active[t]; j++) source[first[t] + j] = s.order[j] * s.steps + t;
        }
    }

    // how many captions have a word at step t
    ptrdiff_t active_at(ptrdiff_t t) const { return t < s.steps ? s.active[t] : 0; }

    // the hidden state before a row
    Q* hs_at(ptrdiff_t vector, ptrdiff_t row) const {
        return hs + (vector / WIDE<Q> * RA + row) * PQ + vector % WIDE<Q> * WQ;
    }
    // what a block's row keeps, from its vector `v` on
    Kept* kept_at(ptrdiff_t block, ptrdiff_t row, ptrdiff_t v) const {
        return kept + ((block * R + row) * Cell::KEPT * U + v) * (W / GROUP<Kept>);
    }
    // a = x Wx + b of a block's row: lies where what is kept will, or in `inputs`, which holds the rows from `some` on
    static constexpr bool IN_KEPT = std::is_same_v<Kept, T> && !TILES<Q>;
    T* inputs_at(ptrdiff_t block, ptrdiff_t row, ptrdiff_t some) const {
        if constexpr (IN_KEPT)
            return kept_at(block, row, 0);
        else
            return inputs + (block * most_rows() + row - some) * BW;
    }
    // rows whose inputs are computed at a time, those of whole steps: of tiles, so many that they stay in L2
    ptrdiff_t most_rows() const { return TILES<Q> ? at_most(R, s.N > SLAB ? s.N : SLAB) : R; }
    T* carry_at(ptrdiff_t vector, ptrdiff_t j) const { return carry + (vector * s.N + j) * W; }

    // ---- forward

    void forward(int me, Team& team) {
        const TilesInUse<Q> tiles;
        ptrdiff_t begin, end;
        // x and h0 into panels
        team.share(R, me, begin, end);
        for (ptrdiff_t r = begin; r < end; r++)
            for (ptrdiff_t v = 0; v < x_panels * WIDE<Q>; v++)
                store_row(V::load(s.x + source[r] * s.D + v * W, lanes_of(s.D - v * W, W)),
                          xs + (v / WIDE<Q> * RA + r) * PQ + v % WIDE<Q> * WQ);
        // what fills up the last tile of a state is multiplied with zeros, which must not meet what lay here before
        if constexpr (TILES<Q>)
            for (ptrdiff_t v = vectors; v < h_panels * WIDE<Q>; v++)
                for (ptrdiff_t r = begin; r < end; r++) store_row(V(T(0)), hs_at(v, r));
        team.share(s.N, me, begin, end);
        for (ptrdiff_t j = begin; j < end; j++)
            for (ptrdiff_t v = 0; v < vectors; v++) {
                const ptrdiff_t from = s.order[j] * s.H + v * W;
                const int n = lanes_of(s.H - v * W, W);
                const V h0 = V::load(s.h0 + from, n);
                if (j < active_at(0)) store_row(h0, hs_at(v, j));
                const V memory = Cell::HAS_C ? s.c0 ? V::load(s.c0 + from, n) : V(T(0)) : h0;
                if constexpr (Cell::HAS_MEMORY) memory.store(carry_at(v, j));
            }
        ptrdiff_t b0, b1;
        team.share(blocks, me, b0, b1);
        pack_blocks<Q, Cell>(s.Wx, s.D, s.H, packed_x, b0, b1);
        pack_blocks<Q, Cell>(s.Wh, s.H, s.H, packed_h, b0, b1);
        team.barrier();

        Segment<Q>* mine = segments + me * segments_size;
        // a product whose rows are gone through while the next one is multiplied
        alignas(64) T products[2][ROWS<Q, B> * BW];
        struct {
            const T* product = nullptr;
            ptrdiff_t block, row, rows;
        } last;
        const auto next_product = [&] { return products[last.product == products[0]]; };

        for (ptrdiff_t start = 0, end; start < s.steps; start = end) {
            for (end = start + 1; end < s.steps && first[end + 1] - first[start] <= most_rows();) end++;
            // a = x Wx + b for the rows of some steps
            const ptrdiff_t some = first[start];
            Later biases([&](ptrdiff_t i) { add_bias(last.block, last.row + i, some, last.product + i * BW); });
            for (ptrdiff_t block = b0; block < b1; block++)
                for_tiles<Q, B>(first[end] - some, [&](ptrdiff_t j, int rows) {
                    T* product = next_product();
                    const int n = segments_of(xs + (some + j) * PQ, RA * PQ, PQ, groups<Q>(s.D), mine);
                    multiply<Q, B, false>(rows, mine, n, PQ, packed_x + block * groups<Q>(s.D) * BW, product, BW, false,
                                          biases);
                    biases.finish();
                    last = {product, block, some + j, rows};
                    biases.put_off(rows);
                });
            biases.finish();
            // h_t from h_{t-1}
            for (ptrdiff_t t = start; t < end; t++) {
                Later gates([&](ptrdiff_t i) {
                    apply(last.block, t, last.row + 2 * i, at_most(last.rows - 2 * i, 2), some,
                          last.product + 2 * i * BW);
                });
                for (ptrdiff_t block = b0; block < b1; block++)
                    for_tiles<Q, B>(s.active[t], [&](ptrdiff_t j, int rows) {
                        T* product = next_product();
                        const int n = segments_of(hs + (first[t] + j) * PQ, RA * PQ, PQ, groups<Q>(s.H), mine);
                        multiply<Q, B, false>(rows, mine, n, PQ, packed_h + block * groups<Q>(s.H) * BW, product, BW,
                                              false, gates);
                        gates.finish();
                        last = {product, block, j, rows};
                        gates.put_off(ceil_div(rows, 2));
                    });
                gates.finish();
                team.barrier();
            }
        }
    }

    // a of one row of a block
    void add_bias(ptrdiff_t block, ptrdiff_t r, ptrdiff_t some, const T* product) const {
        const T* bias = s.b + (s.b_row ? source[r] / s.steps * s.b_row : 0);
        for (int v = 0; v < B; v++) {
            const ptrdiff_t unit = (block * U + v % U) * W;
            (V::load(product + v * W) + V::load(bias + v / U * s.H + unit, lanes_of(s.H - unit, W)))
                .store(inputs_at(block, r, some) + v * W);
        }
    }

    // the gates of one or two rows of a block; h_t goes to the caption's next row and to the caller
    void apply(ptrdiff_t block, ptrdiff_t t, ptrdiff_t begin, ptrdiff_t rows, ptrdiff_t some, const T* product) const {
        constexpr int N = 2;  // of one row, it twice
        for (int u = 0; u < U; u++) {
            const ptrdiff_t vector = block * U + u;
            const int lanes = lanes_of(s.H - vector * W, W);
            if (lanes == 0) break;
            V a[G][N], of_state[G][N], found[Cell::KEPT][N], memory[N], h[N];
            for (int m = 0; m < N; m++) {
                const ptrdiff_t i = m < rows ? m : 0;
                for (int gate = 0; gate < G; gate++) {
                    a[gate][m] = V::load(inputs_at(block, first[t] + begin + i, some) + (gate * U + u) * W);
                    of_state[gate][m] = V::load(product + i * BW + (gate * U + u) * W);
                }
                if constexpr (Cell::HAS_MEMORY) memory[m] = V::load(carry_at(vector, begin + i));
            }
            Cell::forward(a, of_state, memory, found, h);
            for (int m = 0; m < N && m < rows; m++) {
                const ptrdiff_t j = begin + m, r = first[t] + j;
                if (keeps)
                    for (int i = 0; i < Cell::KEPT; i++) store_row(found[i][m], kept_at(block, r, i * U + u));
                if constexpr (Cell::HAS_MEMORY) memory[m].store(carry_at(vector, j));
                h[m].store(s.h + source[r] * s.H + vector * W, lanes);
                if (j < active_at(t + 1))
                    store_row(h[m], hs_at(vector, first[t + 1] + j));
                else if constexpr (Cell::HAS_C)
                    if (s.last_c) memory[m].store(s.last_c + s.order[j] * s.H + vector * W, lanes);
            }
        }
    }

    // ---- backward

    // weights (K, G H) -> their transpose in panels of P columns: (blocks B W, P) in group form for each P of the K rows
    void pack_transposed(const T* weights, ptrdiff_t K, Q* packed, ptrdiff_t begin, ptrdiff_t end) const {
        for (ptrdiff_t panel = begin; panel < end; panel++)
            for (ptrdiff_t block = 0; block < blocks; block++)
                for (int v = 0; v < B; v++) {
                    const ptrdiff_t unit = (block * U + v % U) * W;
                    const int columns = lanes_of(s.H - unit, W);
                    Q* to = packed + ((panel * blocks + block) * BQ + v * WQ) * P;
                    for (int w = 0; w < WIDE<Q>; w++)
                        transpose_into(weights + v / U * s.H + unit, G * s.H, K, panel * P + w * W, columns, to + w * W,
                                       P);
                }
    }

    // a panel of xs or hs from row form into the form of a left-hand matrix whose transpose is multiplied
    void turn(const Q* rows, ptrdiff_t panel, Q* to) const {
        to_transposed_form<Q>(
            0, RG,
            [&](ptrdiff_t r, ptrdiff_t v) { return r < R ? load_row(rows + (panel * RA + r) * PQ + v * WQ) : V(T(0)); },
            to + panel * RG * P);
    }

    void backward(int me, Team& team) {
        const TilesInUse<Q> tiles;
        ptrdiff_t p0, p1, x0, x1;
        team.share(h_panels, me, p0, p1);
        team.share(x_panels, me, x0, x1);
        pack_transposed(s.Wh, s.H, packed_h, p0, p1);
        pack_transposed(s.Wx, s.D, packed_x, x0, x1);
        if constexpr (PAIRS) {
            for (ptrdiff_t panel = x0; panel < x1; panel++) turn(xs, panel, xs_groups);
            for (ptrdiff_t panel = p0; panel < p1; panel++) turn(hs, panel, hs_groups);
        }
        for (ptrdiff_t v = p0 * WIDE<Q>; v < p1 * WIDE<Q> && v < vectors; v++)
            for (ptrdiff_t j = 0; j < s.N; j++) {
                V start(T(0));
                if constexpr (Cell::HAS_C)
                    if (s.dlast_c) start = V::load(s.dlast_c + s.order[j] * s.H + v * W, lanes_of(s.H - v * W, W));
                start.store(carry_at(v, j));
            }
        Segment<Q>* mine = segments + me * segments_size;
        T* sums = own + me * own_size;
        for (ptrdiff_t t = s.steps; t-- > 0;) {
            const ptrdiff_t later = active_at(t + 1);
            for (ptrdiff_t panel = p0; panel < p1; panel++) {
                if (later) times_transposed(da_state, first[t + 1], later, packed_h, panel, mine, sums);
                // captions that end here: no gradient comes from later
                std::memset(sums + later * P, 0, (s.active[t] - later) * P * sizeof(T));
                for (ptrdiff_t j = 0; j < s.active[t]; j++) backward_gates(panel, t, j, sums + j * P);
            }
            team.barrier();
        }
        // what reaches h0 and c0
        const ptrdiff_t started = active_at(0);
        for (ptrdiff_t panel = p0; panel < p1; panel++) {
            if (started) times_transposed(da_state, 0, started, packed_h, panel, mine, sums);
            std::memset(sums + started * P, 0, (s.N - started) * P * sizeof(T));
            for (ptrdiff_t j = 0; j < s.N; j++) finish(panel, j, sums + j * P);
        }
        // dx = da Wx^T, each thread its rows
        ptrdiff_t r0, r1;
        team.share(R, me, r0, r1);
        for (ptrdiff_t r = r0; r < r1; r += SLAB)
            for (ptrdiff_t panel = 0; panel < x_panels; panel++) {
                const ptrdiff_t rows = at_most(r1 - r, SLAB);
                times_transposed(da, r, rows, packed_x, panel, mine, sums);
                for (ptrdiff_t m = 0; m < rows; m++)
                    for (ptrdiff_t column = panel * P, v = 0; column < s.D && v < WIDE<Q>; column += W, v++)
                        V::load(sums + m * P + v * W)
                            .store(s.dx + source[r + m] * s.D + column, lanes_of(s.D - column, W));
            }
        // dWx = x^T da, dWh = h_{t-1}^T da, db = sum of da, each thread its blocks
        ptrdiff_t b0, b1;
        team.share(blocks, me, b0, b1);
        for (ptrdiff_t block = b0; block < b1; block++) {
            if constexpr (PAIRS) {
                to_group_form<Q, B>(da + block * RA * BQ, R, da_groups + block * RG * BW);
                if constexpr (Cell::SPLIT)
                    to_group_form<Q, B>(da_state + block * RA * BQ, R, da_state_groups + block * RG * BW);
            }
            if (R == 0) std::memset(sums, 0, own_size * sizeof(T));
            T* sums_h = sums + x_panels * P * BW;
            const ptrdiff_t part = ceil_div(ceil_div(RG, ceil_div(RG, DEPTH<Q>) + (RG == 0)), UNIT<Q>) * UNIT<Q>;
            for (ptrdiff_t g = 0; g < RG; g += part) {
                const ptrdiff_t count = at_most(RG - g, part);
                transposed_times(xs_groups, s.D, da_groups + block * RG * BW, g, count, sums);
                transposed_times(hs_groups, s.H, da_state_groups + block * RG * BW, g, count, sums_h);
            }
            write_gradient(s.dWx, s.D, block, sums);
            write_gradient(s.dWh, s.H, block, sums_h);
            write_bias_gradient(block);
        }
    }

    // db of a block: the sum of da over all rows, or over each caption's
    void write_bias_gradient(ptrdiff_t block) const {
        for (int v = 0; v < B; v++) {
            const ptrdiff_t unit = (block * U + v % U) * W;
            const int lanes = lanes_of(s.H - unit, W);
            T* to = s.db + v / U * s.H + unit;
            const Q* rows = da + block * RA * BQ + v * WQ;
            if (s.b_row == 0) {
                V total(T(0));
                for (ptrdiff_t r = 0; r < R; r++) total = total + load_row(rows + r * BQ);
                total.store(to, lanes);
                continue;
            }
            for (ptrdiff_t n = 0; n < s.N; n++) V(T(0)).store(to + n * s.b_row, lanes);
            for (ptrdiff_t r = 0; r < R; r++) {
                T* at = to + source[r] / s.steps * s.b_row;
                (V::load(at, lanes) + load_row(rows + r * BQ)).store(at, lanes);
            }
        }
    }

    // sums (K, BW) = or, after the first, += rows^T da over `count` groups of rows from g on; rows (R, K) in group form
    void transposed_times(const Q* rows, ptrdiff_t K, const Q* gradients, ptrdiff_t g, ptrdiff_t count, T* sums) const {
        constexpr int V = TILES<Q> ? TILE_PART : B;
        for (ptrdiff_t k = 0; k < K; k += P)
            for (int v = 0; v < B; v += V)
                for_tiles<Q, V>(at_most(K - k, P), [&](ptrdiff_t column, int columns) {
                    const Segment<Q> segment{rows + (k / P * RG + g) * P + column, count};
                    multiply<Q, V, true>(columns, &segment, 1, P, gradients + right_at<Q, B>(RG, g, v),
                                         sums + (k + column) * BW + v * W, BW, g > 0);
                });
    }

    // da W^T of some rows and one panel of columns, into sums (rows, P); k in parts of CHUNK blocks, which stay in L2
    void times_transposed(const Q* from, ptrdiff_t r, ptrdiff_t rows, const Q* packed, ptrdiff_t panel,
                          Segment<Q>* mine, T* sums) const {
        if (blocks == 0) std::memset(sums, 0, rows * P * sizeof(T));  // no hidden unit: an empty sum
        for (ptrdiff_t block = 0; block < blocks; block += CHUNK<Q, BQ>) {
            const ptrdiff_t part = at_most(blocks - block, CHUNK<Q, BQ>);
            for_tiles<Q, WIDE<Q>>(rows, [&](ptrdiff_t j, int m) {
                const int n = segments_of(from + (block * RA + r + j) * BQ, RA * BQ, BQ, part * BQ, mine);
                multiply<Q, WIDE<Q>, false>(m, mine, n, BQ, packed + (panel * blocks + block) * BQ * P, sums + j * P, P,
                                            block > 0);
            });
        }
    }

    // the gates' gradients of one row of a panel; `from_later`: what reaches h_t through h_{t+1}
    void backward_gates(ptrdiff_t panel, ptrdiff_t t, ptrdiff_t j, const T* from_later) const {
        const ptrdiff_t r = first[t] + j;
        const auto place = [&](ptrdiff_t vector) { return (vector / U * RA + r) * BQ + vector % U * WQ; };
        for (int w = 0; w < WIDE<Q>; w++) {
            const ptrdiff_t vector = panel * WIDE<Q> + w;
            const int n = lanes_of(s.H - vector * W, W);
            if (n == 0) break;
            const V dh = V::load(from_later + w * W) + V::load(s.dh + source[r] * s.H + vector * W, n);
            V found[Cell::KEPT], gradients[G], of_state[G], carried;
            for (int i = 0; i < Cell::KEPT; i++) found[i] = load_row(kept_at(vector / U, r, i * U + vector % U));
            if constexpr (Cell::HAS_MEMORY) carried = V::load(carry_at(vector, j));
            Cell::backward(found, dh, carried, gradients, of_state);
            if constexpr (Cell::HAS_MEMORY) carried.store(carry_at(vector, j));
            for (int gate = 0; gate < G; gate++) {
                store_row(gradients[gate], da + place(vector) + gate * U * WQ);
                if constexpr (Cell::SPLIT) store_row(of_state[gate], da_state + place(vector) + gate * U * WQ);
            }
        }
        // vectors that only fill up a block: they are multiplied with zeros, which must not meet what lay here before
        if constexpr (U > 1)
            for (ptrdiff_t vector = vectors; vector < blocks * U && vector / WIDE<Q> == panel; vector++)
                for (int gate = 0; gate < G; gate++) {
                    store_row(V(T(0)), da + place(vector) + gate * U * WQ);
                    if constexpr (Cell::SPLIT) store_row(V(T(0)), da_state + place(vector) + gate * U * WQ);
                }
    }

    void finish(ptrdiff_t panel, ptrdiff_t j, const T* product) const {
        for (int w = 0; w < WIDE<Q>; w++) {
            const ptrdiff_t vector = panel * WIDE<Q> + w, at = s.order[j] * s.H + vector * W;
            const int n = lanes_of(s.H - vector * W, W);
            if (n == 0) break;
            V dh0 = V::load(product + w * W);
            if constexpr (Cell::SPLIT) dh0 = dh0 + V::load(carry_at(vector, j));
            dh0.store(s.dh0 + at, n);
            if constexpr (Cell::HAS_C)
                if (s.dc0) V::load(carry_at(vector, j)).store(s.dc0 + at, n);
        }
    }

    // sums (K, B vectors) of a block into its columns of (K, G H)
    void write_gradient(T* gradient, ptrdiff_t K, ptrdiff_t block, const T* sums) const {
        for (ptrdiff_t k = 0; k < K; k++)
            for (int v = 0; v < B; v++) {
                const ptrdiff_t unit = (block * U + v % U) * W;
                V::load(sums + k * BW + v * W)
                    .store(gradient + k * G * s.H + v / U * s.H + unit, lanes_of(s.H - unit, W));
            }
    }
};

}  // namespace SHOWTELL_ISA
