// The kernels of one instruction set: compiled once for each, with its flags and its name as SHOWTELL_ISA.
#include "kernels.hpp"

#include "recurrent.hpp"

namespace SHOWTELL_ISA {

using showtell::Cell;
using showtell::Kernels;
using showtell::SequenceArguments;
using showtell::Session;

template <class T>
static Sequence<T> sequence_of(const SequenceArguments& a) {
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    return {a.N,          a.steps,         a.D,       a.H,        a.order,     a.active,   in(a.x),    in(a.h0),
            in(a.c0),     in(a.Wx),        in(a.Wh),  in(a.b),    out(a.h),    out(a.last_c), in(a.dh), in(a.dlast_c),
            out(a.dx),    out(a.dh0),      out(a.dc0), out(a.dWx), out(a.dWh), out(a.db)};
}

// calls f with the layer of a cell
template <class T, class F>
static auto with_layer(Cell cell, const SequenceArguments& arguments, F f) {
    const Sequence<T> s = sequence_of<T>(arguments);
    switch (cell) {
        case showtell::LSTM: return f(Layer<T, Lstm<T>>(s));
        case showtell::GRU: return f(Layer<T, Gru<T>>(s));
        case showtell::RNN_RELU: return f(Layer<T, Rnn<T, true>>(s));
        default: return f(Layer<T, Rnn<T, false>>(s));
    }
}

template <class T>
static std::int64_t cache_bytes(Cell cell, const SequenceArguments& arguments) {
    return with_layer<T>(cell, arguments, [](auto layer) {
        Arena sizes{nullptr, 0};
        layer.lay_out_cache(sizes);
        return std::int64_t(sizes.used);
    });
}

template <class T, bool FORWARD>
static void run(Cell cell, const SequenceArguments& arguments, int threads) {
    with_layer<T>(cell, arguments, [&](auto layer) {
        Session session(threads);
        Arena sizes{nullptr, 0}, cache{static_cast<char*>(arguments.cache), 0};
        layer.lay_out(sizes, threads);
        Arena arena{session.memory(sizes.used), 0};
        layer.lay_out(arena, threads);
        layer.lay_out_cache(cache);
        layer.number_rows();
        session.run(
            [](void* context, int me, Team& team) {
                auto* shared = static_cast<decltype(layer)*>(context);
                if constexpr (FORWARD)
                    shared->forward(me, team);
                else
                    shared->backward(me, team);
            },
            &layer);
    });
}

template <class T>
static std::int64_t multiply_add(std::int64_t rounds, int threads) {
    constexpr int SUMS = 12;
    Session session(threads);
    session.run(
        [](void* context, int, Team&) {
            Vec<T> sum[SUMS];
            for (Vec<T>& s : sum) s = Vec<T>(T(1));
            Vec<T> a(T(0.5)), b(T(0.25));
            for (std::int64_t i = *static_cast<std::int64_t*>(context); i > 0; i--)
                for (Vec<T>& s : sum) s = fma(a, s, b);
            T total = 0;
            for (Vec<T>& s : sum) total += s.sum();
            volatile T kept = total;
            (void)kept;
        },
        &rounds);
    return rounds * SUMS * Vec<T>::width;
}

template <class T>
static void elementary(int which, const T* x, T* y, std::int64_t count) {
    constexpr int W = Vec<T>::width;
    for (std::int64_t i = 0; i < count; i += W) {
        const int n = lanes_of(count - i, W);
        const Vec<T> v = Vec<T>::load(x + i, n);
        (which == 0 ? exp(v) : which == 1 ? sigmoid(v) : tanh(v)).store(y + i, n);
    }
}

template <class T>
constexpr Kernels<T> kernels{cache_bytes<T>, run<T, true>, run<T, false>, multiply_add<T>, elementary<T>};

}  // namespace SHOWTELL_ISA

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

namespace showtell {
extern const InstructionSet JOIN(SHOWTELL_ISA, _set);
const InstructionSet JOIN(SHOWTELL_ISA, _set){TEXT(SHOWTELL_ISA), SHOWTELL_ISA::kernels<float>, SHOWTELL_ISA::kernels<double>};
}  // namespace showtell
