// What each instruction set offers, as a table of functions: the same table from each.
#pragma once

// Raised whenever a structure or a function of library.cpp changes; showtell/nn/kernels/library.py must have the same.
#define SHOWTELL_ABI 2

#include <cstddef>
#include <cstdint>

namespace showtell {

enum Cell { LSTM, GRU, RNN_TANH, RNN_RELU };

// Sizes and arrays of a sequence; the arrays are float or double throughout. See showtell/nn/kernels/recurrent.py.
struct SequenceArguments {
    std::int64_t N, steps, D, H, b_row;
    const std::int64_t *order, *active;
    const void *x, *h0, *c0, *Wx, *Wh, *b;
    void *h, *last_c;
    const void *dh, *dlast_c;
    void *dx, *dh0, *dc0, *dWx, *dWh, *db;
    void* cache;  // null: forward keeps nothing
};

// See showtell/nn/kernels/vocabulary.py.
struct VocabularyArguments {
    std::int64_t M, H, size;
    const std::int64_t *source, *target;
    const void *h, *weights, *b;
    const double* scales;
    double smoothing;
    std::int64_t turned;
    void *dh, *dW, *db;
    double* losses;
};

// See showtell/nn/kernels/affine.py.
struct AffineArguments {
    std::int64_t N, D, M;
    const void *x, *W, *b, *dy;
    void *y, *dx, *dW, *db;
    void* packed;
};

// See showtell/nn/kernels/attention.py.
struct AttentionArguments {
    std::int64_t R, photos, positions, heads, d;
    const std::int64_t *order, *first;
    const void *q, *k, *v;
    void *weights, *context;
    const void* dcontext;
    void *dq, *dk, *dv;
};

// See showtell/nn/kernels/optimizer.py and dropout.py.
struct AdamArguments {
    std::int64_t count;
    void *param, *exp_avg, *exp_avg_sq, *ema;
    const void* grad;
    double scale, beta1, beta2, rate, correction, epsilon, ema_decay;
};

// See showtell/nn/kernels/decoding.py.
struct DecodingArguments {
    std::int64_t E, H, size, A, Z, heads, photos, positions;  // A is 0 where there is no attention
    std::int64_t R, count, suppressed_count;
    const std::int64_t *words, *suppressed, *photo;
    const void *embed, *image, *h, *c, *b;
    void *next_h, *next_c, *log_probs;
    std::int64_t* best;
    void* packed;
    const void *Wx, *Wh, *W_query, *W_combine, *W_vocab;
    const void *keys, *values, *b_query, *b_join;
};

template <class T>
struct Kernels {
    std::int64_t (*cache_bytes)(Cell, const SequenceArguments&);
    void (*forward)(Cell, const SequenceArguments&, int threads);
    void (*backward)(Cell, const SequenceArguments&, int threads);
    void (*vocabulary_loss)(const VocabularyArguments&, int threads);
    void (*affine)(const AffineArguments&, int threads);   // forward if there is a y, else backward
    std::int64_t (*affine_bytes)(const AffineArguments&);  // of weights that are packed
    void (*affine_pack)(const AffineArguments&);
    void (*attention)(const AttentionArguments&, int threads);  // forward if there is a context, else backward
    void (*adam)(const AdamArguments&, int threads);
    void (*sum_of_squares)(const T* x, std::int64_t count, double* sums, int threads);
    void (*dropout)(const T* x, T* y, std::int64_t count, double p, std::uint64_t seed, int threads);
    std::int64_t (*decoding_bytes)(Cell, const DecodingArguments&);
    void (*decoding_pack)(Cell, const DecodingArguments&);
    void (*decoding_step)(Cell, const DecodingArguments&, int threads);
    // rounds of as many independent multiply-adds as keep the processor busy, on each thread; how many a thread did
    std::int64_t (*multiply_add)(std::int64_t rounds, int threads);
    void (*elementary)(int which, const T* x, T* y, std::int64_t count);
};

// One instruction set's, by the numbers that are computed with.
struct InstructionSet {
    const char* name;
    bool (*runs_here)();
    const Kernels<float>& of_float;
    const Kernels<double>& of_double;
    const Kernels<float>& of_bfloat16;  // products of bfloat16, summed in float
};

}  // namespace showtell
