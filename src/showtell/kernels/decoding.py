"""Decoding step by step, compiled (native/decoding.hpp): the weights are packed once, and read once a step."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np

from showtell import functional
from showtell.functional.activations import Activation
from showtell.functional.checks import Array, IntArray, ShapeError, check_arrays
from showtell.functional.decoding import Attention, Cell, State, check_count
from showtell.functional.embedding import check_ids
from showtell.kernels.affine import Affine
from showtell.kernels.library import DecodingArguments, Precision, native, numbers_of, threads_for
from showtell.kernels.memory import Memory, pointer
from showtell.kernels.recurrent import cell_number

_NO_SUCH_WORD = -2


class DecodingStep(functional.DecodingStep):
    """See `showtell.functional.DecodingStep`. The weights are copied: changes of them later are not seen.

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
        self.W_embed, self.b, self.b_vocab = (np.array(array) for array in (W_embed, b, b_vocab))
        self._of_shown = Affine(Wx[E:], b)
        self._cell = cell_number(cell, activation)
        self._numbers = numbers_of(W_embed.dtype, precision)
        self._size = {"E": E, "H": len(Wh), "size": V, "A": 0, "Z": len(Wh), "heads": 1}
        weights = {"Wx": Wx[:E], "Wh": Wh, "W_vocab": W_vocab}
        biases = {}
        if attention:
            W_query, b_query, W_join, b_join, heads = attention
            self._size |= {"A": len(b_query), "Z": len(b_join), "heads": heads}
            weights |= {"W_query": W_query, "W_join": W_join}
            biases = {"b_query": np.array(b_query), "b_join": np.array(b_join)}
            # those that were packed are not needed again
            self.attention = Attention(W_query[:0], biases["b_query"], W_join[:0], biases["b_join"], heads)
        weights = {name: np.ascontiguousarray(array) for name, array in weights.items()}
        arguments = DecodingArguments(**self._size, **{name: pointer(array) for name, array in weights.items()})
        self._packed = Memory(native().showtell_decoding_bytes(self._cell, self._numbers, ctypes.byref(arguments)))
        arguments.packed = self._packed.address
        native().showtell_decoding_pack(self._cell, self._numbers, ctypes.byref(arguments))
        # what is the same at every step
        self._arguments = DecodingArguments(
            **self._size,
            **{name: pointer(array) for name, array in biases.items()},
            embed=pointer(self.W_embed), b=pointer(self.b_vocab),
        )  # fmt: skip
        self._h_like = np.empty((0, len(Wh)), W_embed.dtype)
        self.Wx, self.Wh, self.W_vocab = (array[:0] for array in (Wx, Wh, W_vocab))
        self._work = len(Wh) * Wx.shape[1] + W_vocab.size

    def start(self, h0: Array, shown: Array, keys: Array | None = None, values: Array | None = None) -> State:
        """See `showtell.functional.DecodingStep.start`; what is beside every word is multiplied once for all steps."""
        check_arrays("DecodingStep.start", shapes=(self._h_like, "Z H"), h0=(h0, "R H"), shown=(shown, "R S"))
        self._check_grid(h0, keys, values)
        if keys is not None and values is not None:
            keys, values = np.ascontiguousarray(keys), np.ascontiguousarray(values)
        return State(self._memory(h0), self._of_shown(shown), np.arange(len(h0)), keys, values)

    def step(self, words: IntArray, state: State) -> tuple[Array, State]:
        """See `showtell.functional.DecodingStep.step`."""
        log_probs = np.empty((len(words), self._size["size"]), self.b.dtype)
        return log_probs, self._run(words, state, log_probs, None, ())

    def best(
        self, words: IntArray, state: State, count: int, never: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """See `showtell.functional.DecodingStep.best`; nothing is sorted as a whole."""
        count = check_count(count, self._size["size"], never)
        log_probs, ids = np.empty((len(words), count), self.b.dtype), np.empty((len(words), count), np.int64)
        return log_probs, ids, self._run(words, state, log_probs, ids, never)

    def _run(
        self, words: IntArray, state: State, log_probs: Array, ids: IntArray | None, never: tuple[int, ...]
    ) -> State:
        self._check(words, state)
        memory, gates = [np.ascontiguousarray(array) for array in state.memory], np.ascontiguousarray(state.shown)
        words, photo = np.ascontiguousarray(words, np.int64), np.ascontiguousarray(state.photo, np.int64)
        after = tuple(np.empty_like(array) for array in memory)
        arguments = DecodingArguments.from_buffer_copy(self._arguments)
        arguments.packed = self._packed.address
        arguments.R, arguments.words, arguments.shown = len(words), pointer(words), pointer(gates)
        arguments.h, arguments.c = pointer(memory[0]), pointer(memory[-1])
        arguments.next_h, arguments.next_c = pointer(after[0]), pointer(after[-1])
        arguments.log_probs = pointer(log_probs)
        if state.keys is not None and state.values is not None:
            arguments.positions, arguments.photo = state.keys.shape[1], pointer(photo)
            arguments.keys, arguments.values = pointer(state.keys), pointer(state.values)
        if ids is not None:
            arguments.best, arguments.count = pointer(ids), ids.shape[1]
        banned = np.array(never, np.int64)
        arguments.never, arguments.never_count = pointer(banned), len(banned)
        threads = threads_for(len(words) * self._work)
        result = native().showtell_decoding_step(self._cell, self._numbers, ctypes.byref(arguments), threads)
        if result == _NO_SUCH_WORD:
            check_ids("DecodingStep", words, self._size["size"], "words")
        if result:
            raise MemoryError("DecodingStep: there is not enough memory for the working arrays")
        return replace(state, memory=after)

    def _check(self, words: IntArray, state: State) -> None:
        """That shapes and dtypes fit together; at every step, so only what does not fit is looked at closely."""
        R, dtype, memory, gates = len(words), self.b.dtype, state.memory, state.shown
        arrays = (*memory, gates)
        shapes = [array.shape for array in arrays]
        if shapes != [(R, self._size["H"])] * len(memory) + [(R, len(self.b))] or any(a.dtype != dtype for a in arrays):
            states = {"h": (memory[0], "R H"), "c": (memory[-1], "R H")}
            check_arrays("DecodingStep", b=(self.b, "G"), gates=(gates, "R G"), **states)
            given = f"words has shape {words.shape}, the state {memory[0].shape}"
            raise ShapeError(f"DecodingStep: {given}; expected (R,) and (R, H)")
        if words.ndim != 1 or words.dtype.kind not in "iu":
            check_ids("DecodingStep", words, self._size["size"], "words")
            raise ShapeError(f"DecodingStep: words has shape {words.shape}, expected (R,)")
        if state.keys is not None and not (R == 0 or 0 <= state.photo.min() <= state.photo.max() < len(state.keys)):
            raise IndexError(f"DecodingStep: photo holds {state.photo.max()}, expected 0 to {len(state.keys) - 1}")
