from __future__ import annotations

import numpy as np
import pytest

from showtell.captioning.config import DecoderConfig
from showtell.captioning.parameters import (
    check_shapes,
    complete_statistics,
    embedding_scale,
    initialize,
    parameter_shapes,
    score_weights,
    standardize,
)
from showtell.errors import ShowtellError
from showtell.lab.decoder_cases import draw_decoder
from showtell.nn.choices import GATES

PLAIN = DecoderConfig(11, 6, 5, 7)
ATTENTION = DecoderConfig(11, 6, 5, 7, attention_dim=4, heads=2)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("attention_dim", [0, 4])
def test_what_is_drawn_has_the_names_and_shapes(cell: str, attention_dim: int) -> None:
    config = DecoderConfig(11, 6, 5, 7, attention_dim=attention_dim, cell=cell)
    params = initialize(config, np.random.default_rng(0))
    assert {name: array.shape for name, array in params.items()} == parameter_shapes(config)
    assert {array.dtype for array in params.values()} == {np.dtype(np.float32)}
    assert params["Wx"].shape == (10, GATES[cell] * 7)
    assert ("W_vocab" in params) == (attention_dim == 0)
    check_shapes(params, parameter_shapes(config))


def test_remedies_against_vanishing_gradients_are_choices() -> None:
    H = 7
    lstm = draw_decoder("lstm", forget_bias=2.0)
    np.testing.assert_array_equal(lstm.params["b"], [0] * H + [2] * H + [0] * 2 * H)
    np.testing.assert_array_equal(draw_decoder("rnn", "relu", init="identity").params["Wh"], np.eye(H))
    Wh = draw_decoder("gru", init="orthogonal").params["Wh"]
    for gate in range(3):
        block = Wh[:, gate * H : (gate + 1) * H]
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)
    bound = np.sqrt(6 / (2 * H))
    xavier = draw_decoder("rnn", init="xavier").params["Wh"]
    assert 0.8 * bound < np.abs(xavier).max() <= bound


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two = draw_decoder("lstm"), draw_decoder("lstm")
    for name in one.params:
        np.testing.assert_array_equal(one.params[name], two.params[name])


def test_an_init_of_another_name_is_refused() -> None:
    with pytest.raises(ShowtellError, match="init is 'zeros'"):
        initialize(PLAIN, np.random.default_rng(0), init="zeros")


def test_a_tied_embedding_is_small_on_the_way_out_and_large_on_the_way_in() -> None:
    assert embedding_scale(PLAIN, np.float32) == 1
    scale = embedding_scale(ATTENTION, np.float32)
    assert (scale, scale.dtype) == (np.sqrt(np.float32(5)), np.float32)
    many = DecoderConfig(4000, 6, 5, 7, attention_dim=4)
    params = initialize(many, np.random.default_rng(0), dtype=np.float64)
    assert (params["W_embed"] * scale).std() == pytest.approx(1, rel=0.02)
    assert score_weights(params) is not params["W_embed"]
    assert np.shares_memory(score_weights(params), params["W_embed"])
    plain = initialize(PLAIN, np.random.default_rng(0))
    assert score_weights(plain) is plain["W_vocab"]


def test_statistics_that_are_not_given_change_nothing() -> None:
    features = np.random.default_rng(0).standard_normal((2, 6))
    for config, names in ((PLAIN, 2), (ATTENTION, 4)):
        statistics = complete_statistics(config, {}, np.float64)
        assert len(statistics) == names
        np.testing.assert_array_equal(standardize(features, statistics, "feature"), features)
    given = complete_statistics(ATTENTION, {"grid_mean": np.full(6, 2.0), "grid_scale": np.full(6, 4.0)}, np.float32)
    np.testing.assert_array_equal(standardize(np.full((1, 6), 10, np.float32), given, "grid"), 2)
    assert {array.dtype for array in given.values()} == {np.dtype(np.float32)}


def test_statistics_of_another_name_or_shape_are_refused() -> None:
    with pytest.raises(ShowtellError, match="grid_mean"):
        complete_statistics(PLAIN, {"grid_mean": np.zeros(6)}, np.float32)
    with pytest.raises(ShowtellError, match=r"feature_mean has shape \(5,\), expected \(6,\)"):
        complete_statistics(PLAIN, {"feature_mean": np.zeros(5)}, np.float32)
