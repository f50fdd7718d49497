from __future__ import annotations

import numpy as np
import pytest

from showtell.errors import ShowtellError
from showtell.nn.functional import word_embedding_backward, word_embedding_forward


def test_rows_are_taken_and_their_gradients_summed() -> None:
    W = np.arange(8.0).reshape(4, 2)
    words = np.array([[3, 1, 3], [0, 0, 3]])
    out, cache = word_embedding_forward(words, W)
    np.testing.assert_array_equal(out[0], [[6, 7], [2, 3], [6, 7]])
    dW = word_embedding_backward(np.ones((2, 3, 2)), cache)
    np.testing.assert_array_equal(dW, [[2, 2], [1, 1], [0, 0], [3, 3]])


@pytest.mark.parametrize(("words", "named"), [([[0, -1]], "-1"), ([[4, 0]], "4")])
def test_an_id_out_of_range_is_no_wrap_around(words: list[list[int]], named: str) -> None:
    with pytest.raises(IndexError, match=f"x holds the word id {named}, expected 0 to 3 = V - 1"):
        word_embedding_forward(np.array(words), np.ones((4, 2)))


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ShowtellError, match="x has dtype float64, expected integers"):
        word_embedding_forward(np.ones((2, 2)), np.ones((4, 2)))
    with pytest.raises(ShowtellError, match=r"x has shape \(2,\), expected \(N, T\)"):
        word_embedding_forward(np.array([0, 1]), np.ones((4, 2)))


@pytest.mark.parametrize("shape", [(3, 2, 3), (1, 2, 3), (2, 1, 3), (2, 2, 4), (4, 3)])
def test_a_gradient_of_other_captions_is_refused(shape: tuple[int, ...]) -> None:
    _, cache = word_embedding_forward(np.array([[1, 2], [2, 0]]), np.ones((4, 3)))
    with pytest.raises(ShowtellError, match=r"word_embedding_backward: dout has shape"):
        word_embedding_backward(np.ones(shape), cache)
