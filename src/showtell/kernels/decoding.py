"""Decoding step by step, compiled (native/decoding.hpp): the weights are packed once, and read once a step."""

from __future__ import annotations

import ctypes

import numpy as np

from showtell import functional
from showtell.functional.activations import Activation
from showtell.functional.checks import Array, IntArray, ShapeError, check_arrays
from showtell.functional.decoding import Cell, State, check_count
from showtell.functional.embedding import check_ids
from showtell.kernels.affine import affine_forward
from showtell.kernels.library import DecodingArguments, Precision, native, numbers_of, threads_for
from showtell.kernels.memory import Memory, pointer
from showtell.kernels.recurrent import cell_number

_NO_SUCH_WORD = -2


class DecodingStep(functional.DecodingStep):
    """See `showtell.functional.DecodingStep`. The weights are copied: changes of them later are not seen.

    With `precision="bf16"` the copy is rounded to bfloat16, which is half to read; all else stays float32.
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
        precision: Precision = "float32",
    ) -> None:
        super().__init__(cell, activation, W_embed, Wx, Wh, b, W_vocab, b_vocab)
        E = W_embed.shape[1]
        self.W_embed, self.b, self.b_vocab = (np.array(array) for array in (W_embed, b, b_vocab))
        self.W_shown = np.array(Wx[E:])
        self._cell = cell_number(cell, activation)
        self._numbers = numbers_of(W_embed.dtype, precision)
        size = {"E": E, "H": len(Wh), "size": len(W_embed)}
        copies = {
            name: np.ascontiguousarray(array) for name, array in (("Wx", Wx[:E]), ("Wh", Wh), ("W_vocab", W_vocab))
        }
        arguments = DecodingArguments(**size, **{name: pointer(array) for name, array in copies.items()})
        self._packed = Memory(native().showtell_decoding_bytes(self._cell, self._numbers, ctypes.byref(arguments)))
        arguments.packed = self._packed.address
        native().showtell_decoding_pack(self._cell, self._numbers, ctypes.byref(arguments))
        # what is the same at every step
        self._arguments = DecodingArguments(
            **size, embed=pointer(self.W_embed), b=pointer(self.b_vocab), packed=self._packed.address
        )
        self._size = size
        self._h_like = np.empty((0, len(Wh)), W_embed.dtype)
        # the weights that were packed are not needed again
        self.Wx, self.Wh, self.W_vocab = (array[:0] for array in (Wx, Wh, W_vocab))
        self._work = len(Wh) * (Wx.shape[1] + len(W_embed))

    def start(self, h0: Array, shown: Array) -> State:
        """See `showtell.functional.DecodingStep.start`; what is beside every word is multiplied once for all steps."""
        check_arrays("DecodingStep.start", shapes=(self._h_like, "Z H"), h0=(h0, "R H"), shown=(shown, "R S"))
        check_arrays("DecodingStep.start", W_shown=(self.W_shown, "S G"), shown=(shown, "R S"))
        gates, _ = affine_forward(shown, self.W_shown, self.b)
        return (h0, np.zeros_like(h0), gates) if self.cell == "lstm" else (h0, gates)

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
        *memory, gates = state
        R = len(words)
        self._check(words, memory, gates)
        memory, gates = [np.ascontiguousarray(array) for array in memory], np.ascontiguousarray(gates)
        words = np.ascontiguousarray(words, np.int64)
        after = [np.empty_like(array) for array in memory]
        arguments = DecodingArguments.from_buffer_copy(self._arguments)
        arguments.R, arguments.words, arguments.shown = R, pointer(words), pointer(gates)
        arguments.h, arguments.c = pointer(memory[0]), pointer(memory[-1])
        arguments.next_h, arguments.next_c = pointer(after[0]), pointer(after[-1])
        arguments.log_probs = pointer(log_probs)
        if ids is not None:
            arguments.best, arguments.count = pointer(ids), ids.shape[1]
        banned = np.array(never, np.int64)
        arguments.never, arguments.never_count = pointer(banned), len(banned)
        threads = threads_for(R * self._work)
        result = native().showtell_decoding_step(self._cell, self._numbers, ctypes.byref(arguments), threads)
        if result == _NO_SUCH_WORD:
            check_ids("DecodingStep", words, self._size["size"], "words")
        if result:
            raise MemoryError("DecodingStep: there is not enough memory for the working arrays")
        return (*after, gates)

    def _check(self, words: IntArray, memory: list[Array], gates: Array) -> None:
        """That shapes and dtypes fit together; at every step, so only what does not fit is looked at closely."""
        R, dtype = len(words), self.b.dtype
        arrays = (*memory, gates)
        shapes = [array.shape for array in arrays]
        if shapes != [(R, self._size["H"])] * len(memory) + [(R, len(self.b))] or any(a.dtype != dtype for a in arrays):
            check_arrays(
                "DecodingStep", b=(self.b, "G"), gates=(gates, "R G"), h=(memory[0], "R H"), c=(memory[-1], "R H")
            )
            given = f"words has shape {words.shape}, the state {memory[0].shape}"
            raise ShapeError(f"DecodingStep: {given}; expected (R,) and (R, H)")
        if words.ndim != 1 or words.dtype.kind not in "iu":
            check_ids("DecodingStep", words, self._size["size"], "words")
            raise ShapeError(f"DecodingStep: words has shape {words.shape}, expected (R,)")
