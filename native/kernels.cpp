// The kernels of one instruction set for one kind of numbers: compiled once for each of both, with the set's flags and
// name as SHOWTELL_ISA, and of_float, of_double or of_bfloat16 as SHOWTELL_NUMBERS.
#include "kernels.hpp"

#include "affine.hpp"
#include "attention.hpp"
#include "decoding.hpp"
#include "elementwise.hpp"
#include "recurrent.hpp"
#include "vocabulary.hpp"
#if defined(__AMX_BF16__)
#include "tiled_vocabulary.hpp"
#endif

namespace SHOWTELL_ISA {

using showtell::AdamArguments;
using showtell::AffineArguments;
using showtell::AttentionArguments;
using showtell::Cell;
using showtell::DecodingArguments;
using showtell::Kernels;
using showtell::SequenceArguments;
using showtell::Session;
using showtell::VocabularyArguments;

template <class T>
static Sequence<T> sequence_of(const SequenceArguments& a) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Sequence<T> s{};
    s.N = a.N, s.steps = a.steps, s.D = a.D, s.H = a.H, s.b_row = a.b_row, s.order = a.order, s.active = a.active;
    s.x = in(a.x), s.h0 = in(a.h0), s.c0 = in(a.c0), s.Wx = in(a.Wx), s.Wh = in(a.Wh), s.b = in(a.b);
    s.h = out(a.h), s.last_c = out(a.last_c), s.dh = in(a.dh), s.dlast_c = in(a.dlast_c), s.dx = out(a.dx);
    s.dh0 = out(a.dh0), s.dc0 = out(a.dc0), s.dWx = out(a.dWx), s.dWh = out(a.dWh), s.db = out(a.db);
    return s;
}

// calls f with a cell; of tiles a block is made of pairs of vectors
template <class T, class Q, class F>
static auto with_cell(Cell cell, F f) {
    switch (cell) {
        case showtell::LSTM: return f(Lstm<T, Q>());
        case showtell::GRU: return f(Gru<T, Q, TILES<Q> ? 2 : 1>());
        case showtell::RNN_RELU: return f(Rnn<T, Q, TILES<Q> ? 2 : 4, true>());
        default: return f(Rnn<T, Q, TILES<Q> ? 2 : 4, false>());
    }
}

template <class T, class Q>
static std::int64_t cache_bytes(Cell cell, const SequenceArguments& arguments) {
    return with_cell<T, Q>(cell, [&](auto cell) {
        Layer<T, decltype(cell), Q> layer(sequence_of<T>(arguments), true);
        Arena sizes{nullptr, 0};
        layer.lay_out_cache(sizes);
        return std::int64_t(sizes.used);
    });
}

// gives a layer memory and lets the threads run it
template <class Layer, class F>
static void in_session(Layer& layer, int threads, F) {
    Session session(threads);
    Arena sizes{nullptr, 0};
    layer.lay_out(sizes, session.threads);
    Arena arena{session.memory(sizes.used), 0};
    layer.lay_out(arena, session.threads);
    session.run([](void* context, int me, Team& team) { F()(*static_cast<Layer*>(context), me, team); }, &layer);
}

struct Forward {
    template <class Layer>
    void operator()(Layer& layer, int me, Team& team) const {
        layer.forward(me, team);
    }
};

struct Backward {
    template <class Layer>
    void operator()(Layer& layer, int me, Team& team) const {
        layer.backward(me, team);
    }
};

struct Run {
    template <class Layer>
    void operator()(Layer& layer, int me, Team& team) const {
        layer.run(me, team);
    }
};

template <class T, class Q, class Way>
static void run(Cell cell, const SequenceArguments& arguments, int threads) {
    with_cell<T, Q>(cell, [&](auto cell) {
        Layer<T, decltype(cell), Q> layer(sequence_of<T>(arguments), arguments.cache);
        Arena cache{static_cast<char*>(arguments.cache), 0};
        if (arguments.cache) layer.lay_out_cache(cache);
        in_session(layer, threads, Way());
    });
}

#if defined(__AMX_BF16__)
template <class T, class Q>
using VocabularyOf = std::conditional_t<TILES<Q>, TiledVocabulary, Vocabulary<T, Q>>;
#else
template <class T, class Q>
using VocabularyOf = Vocabulary<T, Q>;
#endif

template <class T, class Q>
static void vocabulary_loss(const VocabularyArguments& a, int threads) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    VocabularyOf<T, Q> layer{};
    layer.M = a.M, layer.H = a.H, layer.size = a.size, layer.source = a.source, layer.target = a.target;
    layer.h = in(a.h), layer.weights = in(a.weights), layer.b = in(a.b);
    layer.scales = a.scales, layer.smoothing = T(a.smoothing), layer.turned = a.turned;
    layer.dh = out(a.dh), layer.dW = out(a.dW), layer.db = out(a.db), layer.losses = a.losses;
    in_session(layer, threads, Run());
}

template <class T, class Q>
static void affine(const AffineArguments& a, int threads) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Affine<T, Q> layer{};
    layer.N = a.N, layer.D = a.D, layer.M = a.M;
    layer.x = in(a.x), layer.weights = in(a.W), layer.b = in(a.b), layer.dy = in(a.dy);
    layer.y = out(a.y), layer.dx = out(a.dx), layer.dW = out(a.dW), layer.db = out(a.db);
    layer.kept = static_cast<Q*>(a.packed);
    a.y ? in_session(layer, threads, Forward()) : in_session(layer, threads, Backward());
}

template <class T, class Q>
static std::int64_t affine_bytes(const AffineArguments& a) {
    Affine<T, Q> layer{};
    layer.D = a.D, layer.M = a.M;
    return std::int64_t(layer.size_packed() * sizeof(Q));
}

template <class T, class Q>
static void affine_pack(const AffineArguments& a) {
    constexpr ptrdiff_t P = PANEL<Q>;
    pack_panels(static_cast<const T*>(a.W), a.D, a.M, 0, ceil_div(a.M, P) * P, static_cast<Q*>(a.packed),
                groups<Q>(a.D));
}

template <class T>
static void attention(const AttentionArguments& a, int threads) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Attention<T> layer{};
    layer.R = a.R, layer.photos = a.photos, layer.positions = a.positions, layer.heads = a.heads, layer.d = a.d;
    layer.order = a.order, layer.first = a.first;
    layer.q = in(a.q), layer.k = in(a.k), layer.v = in(a.v), layer.dcontext = in(a.dcontext);
    layer.weights = out(a.weights), layer.context = out(a.context);
    layer.dq = out(a.dq), layer.dk = out(a.dk), layer.dv = out(a.dv);
    a.context ? in_session(layer, threads, Forward()) : in_session(layer, threads, Backward());
}

template <class T>
static void adam(const AdamArguments& a, int threads) {
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Adam<T> layer{};
    layer.count = a.count, layer.param = out(a.param), layer.exp_avg = out(a.exp_avg),
    layer.exp_avg_sq = out(a.exp_avg_sq);
    layer.ema = out(a.ema), layer.rest = T(1 - a.ema_decay);
    layer.grad = static_cast<const T*>(a.grad), layer.scale = T(a.scale);
    layer.beta1 = T(a.beta1), layer.rest1 = T(1 - a.beta1), layer.beta2 = T(a.beta2), layer.rest2 = T(1 - a.beta2);
    layer.rate = T(a.rate), layer.correction = T(a.correction), layer.epsilon = T(a.epsilon);
    in_session(layer, threads, Run());
}

template <class T>
static void sum_of_squares(const T* x, std::int64_t count, double* sums, int threads) {
    SumOfSquares<T> layer{count, x, sums};
    in_session(layer, threads, Run());
}

template <class T>
static void dropout(const T* x, T* y, std::int64_t count, double p, std::uint64_t seed, int threads) {
    Dropout<T> layer{count, x, y, seed, std::uint32_t(p * 4294967296.0), T(1 / (1 - p))};
    in_session(layer, threads, Run());
}

template <class T, class Q>
static std::int64_t decoding_bytes(Cell cell, const DecodingArguments& a) {
    return with_cell<T, Q>(cell, [&](auto cell) {
        DecodingWeights<T, decltype(cell), Q> weights(a.E, a.H, a.size, a.A, a.Z);
        Arena sizes{nullptr, 0};
        weights.lay_out(sizes);
        return std::int64_t(sizes.used);
    });
}

template <class T, class Q>
static void decoding_pack(Cell cell, const DecodingArguments& a) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    with_cell<T, Q>(cell, [&](auto cell) {
        DecodingWeights<T, decltype(cell), Q> weights(a.E, a.H, a.size, a.A, a.Z);
        Arena packed{static_cast<char*>(a.packed), 0};
        weights.lay_out(packed);
        weights.pack(in(a.Wx), in(a.Wh), in(a.W_query), in(a.W_combine), in(a.W_vocab));
    });
}

template <class T, class Q>
static void decoding_step(Cell cell, const DecodingArguments& a, int threads) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    with_cell<T, Q>(cell, [&](auto cell) {
        Decoding<T, decltype(cell), Q> step{};
        step.weights = {a.E, a.H, a.size, a.A, a.Z};
        Arena packed{static_cast<char*>(a.packed), 0};
        step.weights.lay_out(packed);
        step.R = a.R, step.count = a.count, step.suppressed_count = a.suppressed_count;
        step.words = a.words, step.suppressed = a.suppressed, step.best = a.best;
        step.embed = in(a.embed), step.image = in(a.image), step.h = in(a.h), step.c = in(a.c), step.b = in(a.b);
        step.heads = a.heads, step.positions = a.positions, step.photo = a.photo;
        step.keys = in(a.keys), step.values = in(a.values), step.b_query = in(a.b_query), step.b_join = in(a.b_join);
        step.next_h = out(a.next_h), step.next_c = out(a.next_c), step.log_probs = out(a.log_probs);
        in_session(step, threads, Run());
    });
}

template <class T, class Q>
static std::int64_t multiply_add(std::int64_t rounds, int threads) {
    constexpr int SUMS = 12;
    Session session(threads);
    session.run(
        [](void* context, int, Team&) {
            const TilesInUse<Q> tiles;
            if constexpr (TILES<Q>) return multiply_anything<Q>(*static_cast<std::int64_t*>(context));
            Vec<T> sum[SUMS];
            for (Vec<T>& s : sum) s = Vec<T>(T(1));
            Q numbers[Vec<T>::width] = {};
            for (std::int64_t i = *static_cast<std::int64_t*>(context); i > 0; i--) {
                const auto a = broadcast(numbers[0]), b = load_groups(numbers);
                for (Vec<T>& s : sum) s = multiply_add(a, b, s);
            }
            T total = 0;
            for (Vec<T>& s : sum) total += s.sum();
            volatile T kept = total;
            (void)kept;
        },
        &rounds);
    return rounds * (TILES<Q> ? 16 * 16 * 32 : SUMS * Vec<T>::width * GROUP<Q>);
}

template <class T, class Q>
static void elementary(int which, const T* x, T* y, std::int64_t count) {
    constexpr int W = Vec<T>::width;
    for (std::int64_t i = 0; i < count; i += W) {
        const int n = lanes_of(count - i, W);
        Vec<T> v = Vec<T>::load(x + i, n);
        if (which == 0)
            v = exp(v);
        else if (which == 1)
            squash<Q, 1, 0>(&v);
        else
            squash<Q, 0, 1>(&v);
        v.store(y + i, n);
    }
}

// T: what is computed with; Q: what products multiply
template <class T, class Q>
constexpr Kernels<T> kernels{cache_bytes<T, Q>,     run<T, Q, Forward>,  run<T, Q, Backward>,
                             vocabulary_loss<T, Q>, affine<T, Q>,        affine_bytes<T, Q>,
                             affine_pack<T, Q>,     attention<T>,        adam<T>,
                             sum_of_squares<T>,     dropout<T>,          decoding_bytes<T, Q>,
                             decoding_pack<T, Q>,   decoding_step<T, Q>, multiply_add<T, Q>,
                             elementary<T, Q>};

namespace of_float {
using Sum = float;
using Factor = float;
}  // namespace of_float
namespace of_double {
using Sum = double;
using Factor = double;
}  // namespace of_double
namespace of_bfloat16 {
using Sum = float;
using Factor = Bfloat16;
}  // namespace of_bfloat16

}  // namespace SHOWTELL_ISA

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

namespace showtell {
using namespace SHOWTELL_ISA::SHOWTELL_NUMBERS;
extern const Kernels<Sum> JOIN(SHOWTELL_ISA, SHOWTELL_NUMBERS);
const Kernels<Sum> JOIN(SHOWTELL_ISA, SHOWTELL_NUMBERS) = SHOWTELL_ISA::kernels<Sum, Factor>;
}  // namespace showtell
