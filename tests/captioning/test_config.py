from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.captioning.config import DecoderConfig
from showtell.errors import ShowtellError
from showtell.nn.choices import GATES

SIZES = {"vocab_size": 11, "feature_dim": 6, "embed_dim": 5, "hidden_dim": 7}
size = st.integers(1, 10**6)


@given(
    st.builds(
        lambda heads, width, **kind: DecoderConfig(**kind, heads=heads, attention_dim=heads * width),
        heads=st.integers(1, 64), width=st.integers(0, 64), vocab_size=size, feature_dim=size, embed_dim=size,
        hidden_dim=size, cell=st.sampled_from(list(GATES)), activation=st.sampled_from(["tanh", "relu"]),
    )
)  # fmt: skip
def test_it_comes_back_from_json(config: DecoderConfig) -> None:
    assert DecoderConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "transformer"}, "cell is 'transformer', expected one of 'lstm', 'gru', 'rnn'"),
        ({"cell": ["lstm"]}, r"cell is \['lstm'\]"),
        ({"activation": "sigmoid"}, "activation is 'sigmoid'"),
        ({"vocab_size": 0}, "vocab_size is 0, expected at least 1"),
        ({"hidden_dim": -3}, "hidden_dim is -3, expected at least 1"),
        ({"feature_dim": 2.0}, r"feature_dim is 2\.0, expected an integer"),
        ({"embed_dim": "5"}, "embed_dim is '5', expected an integer"),
        ({"attention_dim": -1}, "attention_dim is -1, expected at least 0"),
        ({"attention_dim": 6, "heads": 4}, "heads is 4, expected a divisor of A, 6"),
        ({"heads": 0}, "heads is 0, expected at least 1"),
    ],
)
def test_what_no_decoder_can_be_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ShowtellError, match=message):
        DecoderConfig(**(SIZES | change))


def test_settings_that_are_missing_or_unknown_are_named() -> None:
    settings = DecoderConfig(**SIZES).to_dict()
    for wrong in (settings | {"layers": 2}, {k: v for k, v in settings.items() if k != "cell"}, None, [1]):
        with pytest.raises(ShowtellError, match=r"a decoder's settings are .*, expected vocab_size, feature_dim"):
            DecoderConfig.from_dict(wrong)
