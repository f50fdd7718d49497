// Products of pairs of bfloat16 by AMX: a register holds a *tile*, 16 rows of 64 bytes, and one instruction multiplies
// two of them, 16 rows by 16 groups by 16 columns, and adds to a third (Intel 64 and IA-32 Architectures Optimization
// Reference Manual, chapter 20).
//
// An instruction takes as long for a part of a tile as for a whole one, and setting the shape of tiles takes as long as
// fifteen of them. So tiles are always whole: k is filled up with zeros (operand.hpp), and of a left-hand matrix's last
// tile rows are read beyond its end, SPARE_ROWS of them, whose sums nobody keeps.
#pragma once

#include "operand.hpp"

namespace SHOWTELL_ISA {

// vectors of columns that are summed at a time: with as many tiles of rows, each tile is loaded for two products
constexpr int TILE_PART = 2;

// rows that lie in memory after the last one of a left-hand matrix
template <class Q>
constexpr std::ptrdiff_t SPARE_ROWS = TILES<Q> ? 15 : 0;

// How many rows it is from one panel of a left-hand matrix to the next. A tile's rows come from one panel, the next tile's
// from the next: where that is a power of two further on they fight for the same cache lines.
template <class Q>
constexpr std::ptrdiff_t apart(std::ptrdiff_t rows) {
    return TILES<Q> ? (rows + SPARE_ROWS<Q> + 31) / 64 * 64 + 32 : rows;
}

// While a thread has one it may multiply tiles, where Q is multiplied in tiles.
template <class Q>
class TilesInUse {
  public:
    TilesInUse() {
#if defined(__AMX_BF16__)
        if constexpr (TILES<Q>) {
            alignas(64) unsigned char shape[64] = {1};  // the palette; then, of each tile, bytes of a row, and rows
            for (int tile = 0; tile < 8; tile++) shape[16 + 2 * tile] = 64, shape[48 + tile] = 16;
            // not the compiler's own function: GCC 12 takes it to read 8 bytes, and leaves out the rest
            asm volatile("ldtilecfg %0" ::"m"(shape));
        }
#endif
    }
    ~TilesInUse() {
#if defined(__AMX_BF16__)
        if constexpr (TILES<Q>) _tile_release();
#endif
    }
    TilesInUse(const TilesInUse&) = delete;
};

// see `multiply` in product.hpp
template <int V, bool TRANSPOSED, class Meanwhile>
static void multiply_tiles(int m, const Segment<Bfloat16>* segments, int n_segments, std::ptrdiff_t stride,
                           const Bfloat16* b, float* c, std::ptrdiff_t c_row, bool add, Meanwhile& meanwhile);

// products of tiles of whatever numbers, as many as are asked for and up to three more, four sums at a time
template <class Q>
static void multiply_anything(std::int64_t count);

#if defined(__AMX_BF16__)

constexpr std::ptrdiff_t TILE = 16;  // rows of a tile, groups of a row, columns

// 16 rows of 16 groups: rows become columns
INLINE void transpose_tile(Bfloat16* tile) {
    Vec<float> rows[TILE];
    for (int i = 0; i < TILE; i++) rows[i] = _mm512_castsi512_ps(load_groups(tile + i * TILE));
    transpose(rows);
    for (int i = 0; i < TILE; i++) _mm512_storeu_si512(tile + i * TILE, _mm512_castps_si512(rows[i].v));
}

// Tiles 0 to 3 += sum over k of a (one or two tiles of rows) times b (two tiles of columns); from one tile of a to that
// of the next rows, and to that of the next groups, so many groups, and so many bytes from row to row.
template <bool TWO, class Meanwhile>
INLINE void add_products(const Segment<Bfloat16>* segments, int n_segments, std::ptrdiff_t next_rows,
                         std::ptrdiff_t step, std::ptrdiff_t row_bytes, std::ptrdiff_t first_row, const Bfloat16* b,
                         Meanwhile& meanwhile) {
    constexpr std::ptrdiff_t B_ROW = TILE_PART * TILE, B_BYTES = B_ROW * std::ptrdiff_t(sizeof(Bfloat16));
    for (int s = 0; s < n_segments; s++) {
        const Bfloat16* a = segments[s].a + first_row;
        for (std::ptrdiff_t k = segments[s].count; k > 0; k -= TILE, a += step, b += TILE * B_ROW) {
            _tile_loadd(4, a, row_bytes);
            _tile_loadd(6, b, B_BYTES);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, b + TILE, B_BYTES);
            _tile_dpbf16ps(1, 4, 7);
            if constexpr (TWO) {
                _tile_loadd(5, a + next_rows, row_bytes);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            meanwhile.step();
        }
    }
}

template <int V, bool TRANSPOSED, class Meanwhile>
static void multiply_tiles(int m, const Segment<Bfloat16>* segments, int n_segments, std::ptrdiff_t stride,
                           const Bfloat16* b, float* c, std::ptrdiff_t c_row, bool add, Meanwhile& meanwhile) {
    static_assert(V % TILE_PART == 0, "a panel is made of pairs of tiles");
    // of a transposed matrix a column's groups lie side by side, a tile after the other
    const std::ptrdiff_t row = TRANSPOSED ? TILE : stride, step = TRANSPOSED ? TILE * stride : TILE;
    const std::ptrdiff_t row_bytes = row * std::ptrdiff_t(sizeof(Bfloat16)),
                         c_bytes = c_row * std::ptrdiff_t(sizeof(float));
    std::ptrdiff_t depth = 0;
    for (int s = 0; s < n_segments; s++) depth += segments[s].count;
    meanwhile.spread(V / TILE_PART * ((m + 2 * TILE - 1) / (2 * TILE)) * (depth / TILE));
    asm volatile("" ::: "memory");  // what was written is read by instructions of which the compiler does not know that
    for (int part = 0; part < V; part += TILE_PART, b += depth * TILE_PART * TILE, c += TILE_PART * TILE)
        for (std::ptrdiff_t r = 0; r < m; r += 2 * TILE) {
            const bool two = m - r > TILE, whole = (m - r) % TILE == 0 || m - r > 2 * TILE;
            // The sums of the last rows, if they do not fill a tile. They begin with what is there, as those of other
            // rows do: a row has the same bits however many there are.
            alignas(64) float rest[TILE][TILE_PART * TILE];
            const auto for_rest = [&](auto f) {
                float* last = c + (r + two * TILE) * c_row;
                for (std::ptrdiff_t i = 0; i < (whole ? 0 : (m - r) % TILE); i++)
                    for (std::ptrdiff_t v = 0; v < TILE_PART * TILE; v += TILE) f(last + i * c_row + v, rest[i] + v);
            };
            float* const lower = whole ? c + (r + TILE) * c_row : rest[0];
            const std::ptrdiff_t lower_bytes = whole ? c_bytes : std::ptrdiff_t(sizeof rest[0]);
            float* const upper = two || whole ? c + r * c_row : rest[0];
            const std::ptrdiff_t upper_bytes = two || whole ? c_bytes : lower_bytes;
            if (add) {
                for_rest([](const float* sum, float* kept) { Vec<float>::load(sum).store(kept); });
                asm volatile("" ::: "memory");
                _tile_loadd(0, upper, upper_bytes);
                _tile_loadd(1, upper + TILE, upper_bytes);
            } else {
                _tile_zero(0);
                _tile_zero(1);
            }
            if (two) {
                if (add) {
                    _tile_loadd(2, lower, lower_bytes);
                    _tile_loadd(3, lower + TILE, lower_bytes);
                } else {
                    _tile_zero(2);
                    _tile_zero(3);
                }
                add_products<true>(segments, n_segments, row * TILE, step, row_bytes, r * row, b, meanwhile);
                _tile_stored(2, lower, lower_bytes);
                _tile_stored(3, lower + TILE, lower_bytes);
            } else {
                add_products<false>(segments, n_segments, row * TILE, step, row_bytes, r * row, b, meanwhile);
            }
            _tile_stored(0, upper, upper_bytes);
            _tile_stored(1, upper + TILE, upper_bytes);
            for_rest([](float* sum, const float* kept) { Vec<float>::load(kept).store(sum); });
        }
}

template <class Q>
static void multiply_anything(std::int64_t count) {
    for (std::int64_t i = 0; i < count; i += 4) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
}

#endif

}  // namespace SHOWTELL_ISA
