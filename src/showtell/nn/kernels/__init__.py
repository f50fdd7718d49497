"""The layers of `showtell.nn.functional`, and `showtell.nn.optimizer`, compiled: the same functions, fused, on threads.

What a compiled function would not speed up is the functional one. The source is in native/; where there was no C++
compiler at the installation, `available()` is false and the compiled functions raise.
"""

from showtell.nn.functional import (
    log_softmax,
    sigmoid,
    temporal_softmax_loss,
    word_embedding_backward,
    word_embedding_forward,
)
from showtell.nn.kernels.affine import (
    Affine,
    affine_backward,
    affine_forward,
    temporal_affine_backward,
    temporal_affine_forward,
)
from showtell.nn.kernels.attention import attention_backward, attention_forward
from showtell.nn.kernels.decoding import DecodingStep
from showtell.nn.kernels.dropout import dropout_backward, dropout_forward
from showtell.nn.kernels.library import (
    Precision,
    available,
    fastest_precision,
    get_instruction_set,
    get_num_threads,
    instruction_sets,
    set_instruction_set,
    set_num_threads,
)
from showtell.nn.kernels.optimizer import adam_update, sum_of_squares
from showtell.nn.kernels.recurrent import (
    gru_backward,
    gru_forward,
    gru_step_backward,
    gru_step_forward,
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
)
from showtell.nn.kernels.vocabulary import vocabulary_log_probs, vocabulary_loss

__all__ = [
    "Affine",
    "DecodingStep",
    "Precision",
    "adam_update",
    "affine_backward",
    "affine_forward",
    "attention_backward",
    "attention_forward",
    "available",
    "dropout_backward",
    "dropout_forward",
    "fastest_precision",
    "get_instruction_set",
    "get_num_threads",
    "gru_backward",
    "gru_forward",
    "gru_step_backward",
    "gru_step_forward",
    "instruction_sets",
    "log_softmax",
    "lstm_backward",
    "lstm_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
    "set_instruction_set",
    "set_num_threads",
    "sigmoid",
    "sum_of_squares",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "vocabulary_log_probs",
    "vocabulary_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]
