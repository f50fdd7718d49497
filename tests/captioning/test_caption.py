from __future__ import annotations

from dataclasses import replace

import pytest

from showtell.captioning.caption import Caption

OTHERS = Caption("A brown dog.", -4.0, ()), Caption("A dog runs.", -5.0, ())
DOG = Caption("A dog.", -1.5, (("a", 0.5), ("dog", 0.25)), 1 / 3, others=OTHERS)


def test_a_caption_is_its_sentence() -> None:
    assert str(DOG) == "A dog."


def test_the_n_best_are_the_caption_and_the_others() -> None:
    assert DOG.n_best == (DOG, *OTHERS)
    assert OTHERS[0].n_best == OTHERS[:1]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_there_may_be_fewer(count: int) -> None:
    fewer = DOG.up_to(count)
    assert [caption.text for caption in fewer.n_best] == ["A dog.", "A brown dog.", "A dog runs."][:count]
    assert (fewer.words, fewer.confidence) == (DOG.words, DOG.confidence)


def test_confidence_features_are_the_mean_log_probability_of_a_word_and_the_length() -> None:
    assert DOG.confidence_features == (-0.5, 3)
    assert replace(DOG, object_entropy=2.5).confidence_features == (-0.5, 3, 2.5)


def test_a_caption_as_json() -> None:
    other = {"log_prob": -4.0, "confidence": None, "named": False, "words": []}
    assert DOG.to_dict() == {
        "caption": "A dog.",
        "log_prob": -1.5,
        "confidence": 0.333333,
        "named": False,
        "words": [{"word": "a", "probability": 0.5}, {"word": "dog", "probability": 0.25}],
        "others": [{"caption": "A brown dog.", **other}, {"caption": "A dog runs.", **other, "log_prob": -5.0}],
    }
    assert "others" not in DOG.up_to(1).to_dict()
