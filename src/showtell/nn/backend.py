"""Who computes the layers: the protocol, its two implementations, and the choice between them.

`showtell.nn.functional` is written in NumPy, `showtell.nn.kernels` is compiled; both are modules that satisfy
`Backend`, so that the type checker holds every call between a decoder and its layers to it.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, overload

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn import functional, kernels, optimizer
from showtell.nn.caches import AffineCache, AttentionCache, DropoutCache, EmbeddingCache, SequenceCache
from showtell.nn.choices import Activation, Cell, Precision
from showtell.nn.functional.decoding import Attention
from showtell.nn.types import Array, IntArray, LSTMGradients, SequenceGradients


class Backend(Protocol):
    """The layers that a decoder is made of; `showtell.nn.functional` says what each of them takes and gives."""

    __name__: str

    def affine_forward(
        self, x: Array, w: Array, b: Array, *, precision: Precision = "float32"
    ) -> tuple[Array, AffineCache]:
        """The affine layer."""

    @overload
    def affine_backward(
        self, dout: Array, cache: AffineCache, *, with_dx: Literal[True] = True
    ) -> tuple[Array, Array, Array]: ...
    @overload
    def affine_backward(
        self, dout: Array, cache: AffineCache, *, with_dx: bool
    ) -> tuple[Array | None, Array, Array]: ...

    def word_embedding_forward(self, x: IntArray, W: Array) -> tuple[Array, EmbeddingCache]:
        """The rows of an embedding."""

    def word_embedding_backward(self, dout: Array, cache: EmbeddingCache) -> Array:
        """Its backward."""

    def dropout_forward(self, x: Array, p: float, rng: np.random.Generator) -> tuple[Array, DropoutCache]:
        """Inverted dropout."""

    def dropout_backward(self, dout: Array, cache: DropoutCache) -> Array:
        """Its backward."""

    def rnn_forward(
        self,
        x: Array,
        h0: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        activation: Activation = "tanh",
        *,
        lengths: IntArray | None = None,
        with_cache: bool = True,
        precision: Precision = "float32",
    ) -> tuple[Array, SequenceCache]:
        """The vanilla recurrent network."""

    def rnn_backward(self, dh: Array, cache: SequenceCache) -> SequenceGradients:
        """Its backward."""

    def gru_forward(
        self,
        x: Array,
        h0: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        *,
        lengths: IntArray | None = None,
        with_cache: bool = True,
        precision: Precision = "float32",
    ) -> tuple[Array, SequenceCache]:
        """The gated recurrent unit."""

    def gru_backward(self, dh: Array, cache: SequenceCache) -> SequenceGradients:
        """Its backward."""

    def lstm_forward(
        self,
        x: Array,
        h0: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        c0: Array | None = None,
        *,
        lengths: IntArray | None = None,
        with_cache: bool = True,
        precision: Precision = "float32",
    ) -> tuple[Array, SequenceCache]:
        """The long short-term memory."""

    def lstm_backward(self, dh: Array, cache: SequenceCache) -> LSTMGradients:
        """Its backward."""

    def attention_forward(
        self, q: Array, k: Array, v: Array, photo: IntArray, heads: int = 1
    ) -> tuple[Array, AttentionCache]:
        """Attention over the positions of photos' grids."""

    def attention_backward(self, dcontext: Array, cache: AttentionCache) -> tuple[Array, Array, Array]:
        """Its backward."""

    @overload
    def vocabulary_loss(
        self,
        h: Array,
        W: Array,
        b: Array,
        y: IntArray,
        mask: NDArray[Any],
        label_smoothing: float = 0.0,
        *,
        weight: Array | None = None,
        gradients: Literal[True] = True,
        precision: Precision = "float32",
    ) -> tuple[float, tuple[Array, Array, Array]]: ...
    @overload
    def vocabulary_loss(
        self,
        h: Array,
        W: Array,
        b: Array,
        y: IntArray,
        mask: NDArray[Any],
        label_smoothing: float = 0.0,
        *,
        weight: Array | None = None,
        gradients: Literal[False],
        precision: Precision = "float32",
    ) -> tuple[float, None]: ...

    def vocabulary_log_probs(
        self, h: Array, W: Array, b: Array, y: IntArray, mask: NDArray[Any], *, precision: Precision = "float32"
    ) -> Array:
        """The log-probability of each right word."""

    def Affine(self, w: Array, b: Array, *, precision: Precision = "float32") -> functional.Affine:  # noqa: N802
        """An affine layer whose weights stay as they are."""

    def DecodingStep(  # noqa: N802
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
    ) -> functional.DecodingStep:
        """A decoder's weights, for a step at a time."""


class Optimizer(Protocol):
    """What an optimizer does to whole arrays; `showtell.nn.optimizer` says what each function takes and gives."""

    __name__: str

    def sum_of_squares(self, x: Array) -> float:
        """The sum of the squares of all numbers."""

    def adam_update(
        self,
        param: Array,
        exp_avg: Array,
        exp_avg_sq: Array,
        grad: Array,
        *,
        scale: float,
        beta1: float,
        beta2: float,
        rate: float,
        correction: float,
        epsilon: float,
        ema: Array | None = None,
        ema_decay: float = 0.0,
    ) -> None:
        """One step of Adam on one array, in place."""


class SequenceForward(Protocol):
    """The forward of a recurrent layer, whichever it is."""

    def __call__(
        self,
        x: Array,
        h0: Array,
        Wx: Array,
        Wh: Array,
        b: Array,
        *,
        lengths: IntArray | None = None,
        with_cache: bool = True,
        precision: Precision = "float32",
    ) -> tuple[Array, SequenceCache]:
        """h (N, T, H), and the cache for the backward."""


@dataclass(frozen=True)
class RecurrentLayer:
    """A recurrent network of a backend.

    Attributes:
        forward: x (N, T, D), h0, Wx, Wh, b -> h (N, T, H), and a cache.
        backward: dh (N, T, H) and the cache -> dx, dh0, dWx, dWh, db.
    """

    forward: SequenceForward
    backward: Callable[[Array, SequenceCache], SequenceGradients]


def recurrent_layer(backend: Backend, cell: Cell, activation: Activation = "tanh") -> RecurrentLayer:
    """The recurrent network of that name; `activation` is the vanilla one's."""
    if cell == "rnn":
        forward = functools.partial(backend.rnn_forward, activation=activation)
        return RecurrentLayer(forward, backend.rnn_backward)
    if cell == "gru":
        return RecurrentLayer(backend.gru_forward, backend.gru_backward)

    def lstm_backward(dh: Array, cache: SequenceCache) -> SequenceGradients:
        dx, dh0, dWx, dWh, db, *_ = backend.lstm_backward(dh, cache)
        return dx, dh0, dWx, dWh, db

    return RecurrentLayer(backend.lstm_forward, lstm_backward)


@functools.cache
def default_backend() -> Backend:
    """`showtell.nn.kernels`, or, if it was not compiled, `showtell.nn.functional`, with a warning, once."""
    if kernels.available():
        return kernels
    warnings.warn(
        "showtell runs on NumPy, which is slower: its kernels were not compiled; "
        "install a C++ compiler, then showtell again",
        RuntimeWarning,
        stacklevel=2,
    )
    return functional


def default_optimizer() -> Optimizer:
    """That of the default backend: `showtell.nn.kernels`, or `showtell.nn.optimizer`."""
    return kernels if default_backend() is kernels else optimizer


def backend_named(name: str) -> Backend:
    """The backend whose module has that name, as one that was pickled says."""
    found: dict[str, Backend] = {functional.__name__: functional, kernels.__name__: kernels}
    return found[name]


def check_precision(backend: Backend, precision: Precision) -> None:
    """Check that a backend has a precision.

    Raises:
        ShowtellError: there is no such precision, or it needs the compiled layers.
    """
    if precision not in get_args(Precision):
        names = ", ".join(map(repr, get_args(Precision)))
        raise ShowtellError(f"precision is {precision!r:.60}, expected one of {names}")
    if precision != "float32" and backend is not kernels:
        raise ShowtellError(f"precision {precision!r} needs the compiled layers, showtell.nn.kernels")
