"""Decoding step by step: a recurrent step and the vocabulary layer, for any number of sentences at once."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from showtell.errors import ShowtellError
from showtell.functional.activations import Activation
from showtell.functional.checks import Array, IntArray, ShapeError, check_arrays
from showtell.functional.embedding import check_ids
from showtell.functional.gru import gru_step_forward
from showtell.functional.lstm import lstm_step_forward
from showtell.functional.rnn import rnn_step_forward
from showtell.functional.softmax import log_softmax

Cell: TypeAlias = Literal["lstm", "gru", "rnn"]
State: TypeAlias = tuple[Array, ...]

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}


class DecodingStep:
    """The weights of a decoder whose input is a word's vector with, beside it, one that is the same at every step.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        activation: of the vanilla network.
        W_embed: words' vectors, (V, E).
        Wx: input-to-gates weights, (E + S, G H) with G gates: the word's rows first.
        Wh: hidden-to-gates weights, (H, G H).
        b: bias, (G H,).
        W_vocab: hidden-to-scores weights, (H, V).
        b_vocab: bias of the scores, (V,).

    Raises:
        ShowtellError: shapes or dtypes do not fit together.
    """

    def __init__(
        self,
        cell: Cell,
        activation: Activation,
        W_embed: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        W_vocab: Array,
        b_vocab: Array,
    ) -> None:
        gates = f"{GATES[cell]}H" if GATES[cell] > 1 else "H"
        check_arrays(
            "DecodingStep",
            W_embed=(W_embed, "V E"),
            Wh=(Wh, f"H {gates}"),
            Wx=(Wx, f"I {gates}"),
            b=(b, gates),
            W_vocab=(W_vocab, "H V"),
            b_vocab=(b_vocab, "V"),
        )
        self.cell, self.activation = cell, activation
        self.W_embed, self.Wx, self.Wh, self.b = W_embed, Wx, Wh, b
        self.W_vocab, self.b_vocab = W_vocab, b_vocab

    def start(self, h0: Array, shown: Array) -> State:
        """The state before the first word: from the hidden state (R, H) and what is beside every word, (R, S)."""
        check_arrays("DecodingStep.start", Wh=(self.Wh, "H G"), h0=(h0, "R H"), shown=(shown, "R S"))
        return (h0, np.zeros_like(h0), shown) if self.cell == "lstm" else (h0, shown)

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """The log-probabilities (R, V) of the word after `words` (R,), and the state after them.

        Raises:
            IndexError: there is no such word.
        """
        check_ids("DecodingStep.step", words, len(self.W_embed), "words")
        *memory, shown = state
        check_arrays("DecodingStep.step", shown=(shown, "R S"), h=(memory[0], "R H"), b=(self.b, "G"))
        if words.shape != (len(shown),):
            raise ShapeError(f"DecodingStep.step: words has shape {words.shape}, expected {(len(shown),)} = (R,)")
        x = np.concatenate([self.W_embed[words], shown], axis=1)
        weights = (self.Wx, self.Wh, self.b)
        if self.cell == "lstm":
            h, c, _ = lstm_step_forward(x, memory[0], memory[1], *weights)
            memory = [h, c]
        elif self.cell == "gru":
            memory = [gru_step_forward(x, memory[0], *weights)[0]]
        else:
            memory = [rnn_step_forward(x, memory[0], *weights, self.activation)[0]]
        return log_softmax(memory[0] @ self.W_vocab + self.b_vocab), (*memory, shown)

    def best(
        self, words: IntArray, state: State, count: int, never: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """Of `step` only the likeliest words: their log-probabilities and ids, (R, k), and the state.

        The likeliest comes first, and of equal ones the first in the vocabulary. k is `count`, or, in a small
        vocabulary, as many as there are without those of `never`.

        Raises:
            ShowtellError: count is below 1, or no word is left.
            IndexError: there is no such word.
        """
        check_count(count, len(self.b_vocab), never)
        log_probs, state = self.step(words, state)
        allowed = np.setdiff1d(np.arange(log_probs.shape[1]), never)
        order = np.argsort(-log_probs[:, allowed], axis=1, kind="stable")[:, :count]
        ids = allowed[order]
        return np.take_along_axis(log_probs, ids, axis=1), ids, state


def check_count(count: int, V: int, never: tuple[int, ...]) -> int:
    """How many words can be wanted: `count`, or as many as there are.

    Raises:
        ShowtellError: count is below 1, or no word is left.
    """
    most = V - len({word for word in never if 0 <= word < V})
    if count < 1 or most < 1:
        raise ShowtellError(f"DecodingStep.best: count is {count}, of {most} words; expected at least 1 of both")
    return min(count, most)
