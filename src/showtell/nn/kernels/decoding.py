"""Decoding step by step, compiled (native/decoding.hpp): the weights are packed once, and read once a step."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np

from showtell.nn import functional
from showtell.nn.choices import Activation, Cell, Precision
from showtell.nn.functional.checks import check_arrays
from showtell.nn.functional.decoding import Attention, State, check_count
from showtell.nn.kernels.affine import Affine
from showtell.nn.kernels.library import DecodingArguments, dtype_code, kernels_of, native, threads_for
from showtell.nn.kernels.recurrent import cell_number
from showtell.nn.kernels.workspace import Workspace, contiguous, pointer
from showtell.nn.types import Array, IntArray


class DecodingStep(functional.DecodingStep):
    """See `showtell.nn.functional.DecodingStep`. The weights are copied: changes of them later are not seen.

    With `precision="bf16"` the copy is rounded to bfloat16, which is half to read, and so are the states when they are
    multiplied; all else stays float32.
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
        super().__init__(cell, activation, W_embed, Wx, Wh, b, W_vocab, b_vocab, attention=attention)
        V, E = W_embed.shape
        self.W_embed, self.b, self.b_vocab = (np.array(array, order="C") for array in (W_embed, b, b_vocab))
        self._image_gates = Affine(Wx[E:], b)
        self._cell = cell_number(cell, activation)
        self._dtype_code = dtype_code(W_embed.dtype, precision)
        self._size = {"E": E, "H": len(Wh), "size": V, "A": 0, "Z": len(Wh), "heads": 1}
        weights = {"Wx": Wx[:E], "Wh": Wh, "W_vocab": W_vocab}
        if attention:
            W_query, b_query, W_combine, b_combine, heads = attention
            self._size |= {"A": len(b_query), "Z": len(b_combine), "heads": heads}
            weights |= {"W_query": W_query, "W_combine": W_combine}
            # those that were packed are not needed again
            self.attention = Attention(
                W_query[:0], np.array(b_query, order="C"), W_combine[:0], np.array(b_combine, order="C"), heads
            )
        weights = {name: contiguous(array) for name, array in weights.items()}
        arguments = DecodingArguments(**self._size, **{name: pointer(array) for name, array in weights.items()})
        kernels = kernels_of(self._dtype_code)
        packed = native().showtell_decoding_bytes(kernels, self._cell, ctypes.byref(arguments))
        self._packed = Workspace(packed, kernels)
        arguments.packed = self._packed.address
        native().showtell_decoding_pack(kernels, self._cell, ctypes.byref(arguments))
        self._arguments = self._at_every_step()
        self._image_dim = len(b)
        self.Wx, self.Wh, self.W_vocab = (array[:0] for array in (Wx, Wh, W_vocab))
        self._work = len(Wh) * Wx.shape[1] + W_vocab.size

    def start(self, h0: Array, image: Array, keys: Array | None = None, values: Array | None = None) -> State:
        """See `showtell.nn.functional.DecodingStep.start`; the image input is multiplied once."""
        check_arrays("DecodingStep.start", {"H": self._hidden}, b=(self.b, "G"), h0=(h0, "R H"), image=(image, "R S"))
        self._check_grid("DecodingStep.start", {"M": len(h0)}, keys, values)
        if keys is not None and values is not None:
            keys, values = contiguous(keys), contiguous(values)
        return State(self._memory(h0), self._image_gates(image), np.arange(len(h0)), keys, values)

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """See `showtell.nn.functional.DecodingStep.step`."""
        self._check(words, state)
        log_probs = np.empty((len(words), self._size["size"]), self.b.dtype)
        return log_probs, self._run(words, state, log_probs, None, ())

    def best(
        self, words: IntArray, state: State, count: int, suppressed: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """See `showtell.nn.functional.DecodingStep.best`; nothing is sorted as a whole."""
        count = check_count(count, self._size["size"], suppressed)
        self._check(words, state)
        log_probs, ids = np.empty((len(words), count), self.b.dtype), np.empty((len(words), count), np.int64)
        return log_probs, ids, self._run(words, state, log_probs, ids, suppressed)

    def _run(
        self, words: IntArray, state: State, log_probs: Array, ids: IntArray | None, suppressed: tuple[int, ...]
    ) -> State:
        memory, gates = [contiguous(array) for array in state.memory], contiguous(state.image)
        words, photo = contiguous(words, np.int64), contiguous(state.photo, np.int64)
        after = tuple(np.empty_like(array) for array in memory)
        arguments = DecodingArguments.from_buffer_copy(self._arguments)
        arguments.packed = self._packed.address
        arguments.R, arguments.words, arguments.image = len(words), pointer(words), pointer(gates)
        arguments.h, arguments.c = pointer(memory[0]), pointer(memory[-1])
        arguments.next_h, arguments.next_c = pointer(after[0]), pointer(after[-1])
        arguments.log_probs = pointer(log_probs)
        if state.keys is not None and state.values is not None:
            keys, values = contiguous(state.keys), contiguous(state.values)
            arguments.photos, arguments.positions, _ = keys.shape
            arguments.keys, arguments.values, arguments.photo = pointer(keys), pointer(values), pointer(photo)
        if ids is not None:
            arguments.best, arguments.count = pointer(ids), ids.shape[1]
        suppressed_ids = np.array(suppressed, np.int64)
        arguments.suppressed, arguments.suppressed_count = pointer(suppressed_ids), len(suppressed_ids)
        kernels, threads = self._packed.kernels_of(self._dtype_code), threads_for(len(words) * self._work)
        native().showtell_decoding_step(kernels, self._cell, ctypes.byref(arguments), threads)
        return replace(state, memory=after)

    def _check(self, words: IntArray, state: State) -> None:
        if not (isinstance(state, State) and self._fits(words, state)):
            self._check_state(words, state)

    def _fits(self, words: IntArray, state: State) -> bool:
        """Whether `_check_state` would find nothing, but for ids out of range, which the kernel finds: in no time."""
        keys, values, dtype, A = state.keys, state.values, self.b.dtype, self._size["A"]
        arrays = [*state.memory, state.image]
        if keys is not None and values is not None:
            arrays += [keys, values]
        ids = (words, state.photo)
        if not all(type(array) is np.ndarray for array in [*arrays, *ids]) or words.ndim != 1:
            return False
        R = len(words)
        shapes = [(R, self._hidden)] * (2 if self.cell == "lstm" else 1) + [(R, self._image_dim)]
        if keys is not None:
            shapes += [(len(keys), max(keys.shape[1], 1), A)] * 2 if keys.ndim == 3 else [()]
        return (
            [array.shape for array in arrays] == shapes
            and all(array.dtype == dtype for array in arrays)
            and all(array.shape == (R,) and array.dtype.kind in "iu" for array in ids)
            and (keys is None) == (A == 0)
        )

    def _at_every_step(self) -> DecodingArguments:
        """What is the same at every step."""
        biases = {"embed": self.W_embed, "b": self.b_vocab}
        if self.attention:
            biases |= {"b_query": self.attention.b_query, "b_join": self.attention.b_combine}
        return DecodingArguments(**self._size, **{name: pointer(array) for name, array in biases.items()})

    def __getstate__(self) -> dict[str, Any]:
        # addresses are those of this object
        return {name: value for name, value in self.__dict__.items() if name != "_arguments"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._arguments = self._at_every_step()
