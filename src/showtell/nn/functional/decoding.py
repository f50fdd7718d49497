"""Decoding step by step: a recurrent step and the vocabulary layer, for any number of sentences at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from showtell.errors import ShowtellError
from showtell.nn.choices import GATES, Activation, Cell, Precision
from showtell.nn.functional.activations import check_activation
from showtell.nn.functional.attention import attention_forward, check_heads
from showtell.nn.functional.checks import ShapeError, check_arrays, check_integer, check_integers, check_precision
from showtell.nn.functional.embedding import check_ids
from showtell.nn.functional.gru import gru_step_forward
from showtell.nn.functional.lstm import lstm_step_forward
from showtell.nn.functional.rnn import rnn_step_forward
from showtell.nn.functional.softmax import log_softmax
from showtell.nn.types import Array, IntArray


@dataclass(frozen=True)
class State:
    """What a decoder remembers of R sentences.

    Attributes:
        memory: the cell's, each (R, H): the hidden state, and the LSTM's cell state.
        image: the image input, which is beside every word, (R, any).
        photo: whose grid each sentence attends to, (R,).
        keys: of the grids' positions, (M, P, A), if there is attention.
        values: likewise.
    """

    memory: tuple[Array, ...]
    image: Array
    photo: IntArray
    keys: Array | None = None
    values: Array | None = None

    def take(self, rows: IntArray) -> State:
        """The state of some of the sentences, in that order, repetitions allowed; or those where `rows` is true."""
        memory = tuple(array[rows] for array in self.memory)
        return State(memory, self.image[rows], self.photo[rows], self.keys, self.values)

    def __len__(self) -> int:
        return len(self.image)


class Attention(NamedTuple):
    """What lies between the hidden state and the vocabulary where the decoder attends to a grid.

    The query is h W_query + b_query, (H, A); tanh([h, context] W_combine + b_combine), (H + A, Z), makes the scores.
    """

    W_query: Array
    b_query: Array
    W_combine: Array
    b_combine: Array
    heads: int


class DecodingStep:
    """The weights of a decoder whose input is a word's vector and, beside it, the image input, the same at every step.

    Args:
        cell: `"lstm"`, `"gru"` or `"rnn"`.
        activation: of the vanilla network.
        W_embed: words' vectors, (V, E).
        Wx: input-to-gates weights, (E + S, G H) with G gates: the word's rows first.
        Wh: hidden-to-gates weights, (H, G H).
        b: bias, (G H,).
        W_vocab: weights of the scores, (H, V), or (Z, V) where there is attention.
        b_vocab: bias of the scores, (V,).
        attention: the weights between the hidden state and the vocabulary, if the decoder attends to grids.
        precision: `"float32"`; the compiled layers have others.

    Raises:
        ShowtellError: shapes or dtypes do not fit together, there is no such cell or activation, or the heads do not
            divide A.
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
        *,
        attention: Attention | None = None,
        precision: Precision = "float32",
    ) -> None:
        check_precision("DecodingStep", precision)
        if cell not in GATES:
            raise ShowtellError(f"DecodingStep: cell is {cell!r:.60}, expected one of {', '.join(map(repr, GATES))}")
        check_activation(activation)
        gates = f"{GATES[cell]}H" if GATES[cell] > 1 else "H"
        check_arrays(
            "DecodingStep",
            W_embed=(W_embed, "V E"),
            Wh=(Wh, f"H {gates}"),
            Wx=(Wx, f"I {gates}"),
            b=(b, gates),
            W_vocab=(W_vocab, "Z V" if attention else "H V"),
            b_vocab=(b_vocab, "V"),
        )
        H, E = len(Wh), W_embed.shape[1]
        if len(Wx) < E:
            raise ShapeError(f"DecodingStep: Wx has shape {Wx.shape}, expected at least {E} rows, W_embed's columns")
        if attention:
            W_query, b_query, W_combine, b_combine, heads = attention
            names = {"W_query": (W_query, "H A"), "b_query": (b_query, "A"), "W_combine": (W_combine, "I Z")}
            check_arrays("DecodingStep", {"H": H}, W_vocab=(W_vocab, "Z V"), **names, b_combine=(b_combine, "Z"))
            check_heads("DecodingStep", heads, len(b_query))
            if len(W_combine) != H + len(b_query):
                expected = f"{(H + len(b_query), len(b_combine))} = (H + A, Z)"
                raise ShapeError(f"DecodingStep: W_combine has shape {W_combine.shape}, expected {expected}")
        self.cell, self.activation, self.attention = cell, activation, attention
        self.W_embed, self.Wx, self.Wh, self.b = W_embed, Wx, Wh, b
        self.W_vocab, self.b_vocab = W_vocab, b_vocab
        self._hidden, self._image_dim = H, len(Wx) - E  # widths

    def start(self, h0: Array, image: Array, keys: Array | None = None, values: Array | None = None) -> State:
        """The state before the first word, of a sentence for each photo.

        Args:
            h0: the first hidden state, (R, H).
            image: the image input, which is beside every word, (R, S).
            keys: of the photos' grids, (R, P, A), if there is attention.
            values: likewise.

        Raises:
            ShowtellError: shapes or dtypes do not fit together, or there are grids and no attention, or the reverse.
        """
        sizes = {"H": self._hidden, "S": self._image_dim}
        check_arrays("DecodingStep.start", sizes, b=(self.b, "G"), h0=(h0, "R H"), image=(image, "R S"))
        self._check_grid("DecodingStep.start", {"M": len(h0)}, keys, values)
        return State(self._memory(h0), image, np.arange(len(h0)), keys, values)

    def _memory(self, h0: Array) -> tuple[Array, ...]:
        return (h0, np.zeros_like(h0)) if self.cell == "lstm" else (h0,)

    def _check_grid(self, function: str, known: dict[str, int], keys: Array | None, values: Array | None) -> None:
        if self.attention is None:
            if keys is not None or values is not None:
                raise ShowtellError(f"{function}: keys and values are for a decoder with attention")
            return
        if keys is None or values is None:
            raise ShowtellError(f"{function}: a decoder with attention needs keys and values")
        grid = {"keys": (keys, "M P A"), "values": (values, "M P A")}
        size = check_arrays(function, known, b_query=(self.attention.b_query, "A"), **grid)
        if size["P"] < 1:
            raise ShowtellError(f"{function}: the grids have no position, expected at least one")

    def _check_state(self, words: IntArray, state: State) -> None:
        if not isinstance(state, State):
            raise ShowtellError(f"DecodingStep: the state is a {type(state).__name__}, expected one that `start` began")
        check_ids("DecodingStep", words, len(self.W_embed), "words")
        if words.ndim != 1:
            raise ShapeError(f"DecodingStep: words has shape {words.shape}, expected (R,)")
        names = ("h", "c") if self.cell == "lstm" else ("h",)
        if len(state.memory) != len(names):
            given = f"the state is {len(state.memory)} arrays"
            raise ShowtellError(f"DecodingStep: {given}, expected {len(names)}, {self.cell}'s {' and '.join(names)}")
        sizes = {"R": len(words), "H": self._hidden, "S": self._image_dim}
        arrays = {name: (array, "R H") for name, array in zip(names, state.memory, strict=True)}
        check_arrays("DecodingStep", sizes, b=(self.b, "G"), **arrays, image=(state.image, "R S"))
        check_integers("DecodingStep", "photo", state.photo)
        if state.photo.shape != words.shape:
            raise ShapeError(f"DecodingStep: photo has shape {state.photo.shape}, expected {words.shape} = (R,)")
        self._check_grid("DecodingStep", {}, state.keys, state.values)
        if (
            state.keys is not None
            and state.photo.size
            and not 0 <= state.photo.min() <= state.photo.max() < len(state.keys)
        ):
            given = f"photo holds {state.photo.min()} to {state.photo.max()}"
            raise IndexError(f"DecodingStep: {given}, expected 0 to {len(state.keys) - 1}")

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """The log-probabilities (R, V) of the word after `words` (R,), and the state after them.

        Raises:
            IndexError: there is no such word.
        """
        self._check_state(words, state)
        memory, image = state.memory, state.image
        x = np.concatenate([self.W_embed[words], image], axis=1)
        weights = (self.Wx, self.Wh, self.b)
        if self.cell == "lstm":
            h, c, _ = lstm_step_forward(x, memory[0], memory[1], *weights)
            memory = (h, c)
        elif self.cell == "gru":
            memory = (gru_step_forward(x, memory[0], *weights)[0],)
        else:
            memory = (rnn_step_forward(x, memory[0], *weights, self.activation)[0],)
        z = self._attend(memory[0], state)
        return log_softmax(z @ self.W_vocab + self.b_vocab), replace(state, memory=memory)

    def _attend(self, h: Array, state: State) -> Array:
        """What the scores are made from: the hidden state (R, H), combined with the context if there is attention."""
        if self.attention is None or state.keys is None or state.values is None:
            return h
        W_query, b_query, W_combine, b_combine, heads = self.attention
        context, _ = attention_forward(h @ W_query + b_query, state.keys, state.values, state.photo, heads)
        z: Array = np.tanh(np.concatenate([h, context], axis=1) @ W_combine + b_combine)
        return z

    def best(
        self, words: IntArray, state: State, count: int, suppressed: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """Of `step` only the likeliest words: their log-probabilities and ids, (R, k), and the state.

        The likeliest comes first, and of equal ones the first in the vocabulary. k is `count`, or, in a small
        vocabulary, as many as are not suppressed.

        Raises:
            ShowtellError: count is below 1, or no word is left.
            IndexError: there is no such word.
        """
        check_count(count, len(self.b_vocab), suppressed)
        log_probs, state = self.step(words, state)
        allowed = np.setdiff1d(np.arange(log_probs.shape[1]), suppressed)
        order = np.argsort(-log_probs[:, allowed], axis=1, kind="stable")[:, :count]
        ids = allowed[order]
        return np.take_along_axis(log_probs, ids, axis=1), ids, state


def check_count(count: int, V: int, suppressed: tuple[int, ...]) -> int:
    """How many words can be wanted: `count`, or as many as there are.

    Raises:
        ShowtellError: count is below 1, or no word is left.
    """
    for word in suppressed:
        check_integer("DecodingStep.best", "a suppressed word", word)
    most = V - len({word for word in suppressed if 0 <= word < V})
    if check_integer("DecodingStep.best", "count", count) < 1 or most < 1:
        raise ShowtellError(f"DecodingStep.best: count is {count}, of {most} words; expected at least 1 of both")
    return min(count, most)
