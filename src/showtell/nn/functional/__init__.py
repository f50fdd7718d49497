"""The mathematics: pure functions on NumPy arrays, a forward and a backward for each layer.

Shapes: `N` captions, `T` time steps, `D` input width, `H` hidden width, `V` words.

Every `*_forward` returns `(value, cache)`. Every `*_backward` takes the gradient of the loss with respect to that
value, and the cache, and returns the gradients with respect to the forward's arguments, in their order. Neither changes
anything that it is given; the dtype that comes in goes out. The cache refers to the arguments themselves: change one
between the forward and the backward, and the backward sees the change.

Two classes hold weights for many calls, `Affine` and `DecodingStep`; they are as pure: a step takes a state and gives
the next one. What updates arrays in place is in `showtell.nn.optimizer`.
"""

from showtell.nn.functional.activations import sigmoid
from showtell.nn.functional.affine import (
    Affine,
    affine_backward,
    affine_forward,
    temporal_affine_backward,
    temporal_affine_forward,
)
from showtell.nn.functional.attention import attention_backward, attention_forward
from showtell.nn.functional.decoding import DecodingStep
from showtell.nn.functional.dropout import dropout_backward, dropout_forward
from showtell.nn.functional.embedding import word_embedding_backward, word_embedding_forward
from showtell.nn.functional.gru import gru_backward, gru_forward, gru_step_backward, gru_step_forward
from showtell.nn.functional.lstm import lstm_backward, lstm_forward, lstm_step_backward, lstm_step_forward
from showtell.nn.functional.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward
from showtell.nn.functional.softmax import log_softmax, temporal_softmax_loss
from showtell.nn.functional.vocabulary import vocabulary_log_probs, vocabulary_loss

__all__ = [
    "Affine",
    "DecodingStep",
    "affine_backward",
    "affine_forward",
    "attention_backward",
    "attention_forward",
    "dropout_backward",
    "dropout_forward",
    "gru_backward",
    "gru_forward",
    "gru_step_backward",
    "gru_step_forward",
    "log_softmax",
    "lstm_backward",
    "lstm_forward",
    "lstm_step_backward",
    "lstm_step_forward",
    "rnn_backward",
    "rnn_forward",
    "rnn_step_backward",
    "rnn_step_forward",
    "sigmoid",
    "temporal_affine_backward",
    "temporal_affine_forward",
    "temporal_softmax_loss",
    "vocabulary_log_probs",
    "vocabulary_loss",
    "word_embedding_backward",
    "word_embedding_forward",
]
