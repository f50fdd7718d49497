from __future__ import annotations

import pytest

from showtell.errors import ShowtellError
from showtell.metrics.diversity import diversity


def test_counted_by_hand():
    found = diversity(["A dog runs.", "A dog sits, a dog", ""], ["a dog runs!", "other words"])
    assert found.mean_length == pytest.approx(8 / 3)
    assert found.vocabulary == 4  # a dog runs sits
    assert found.distinct_1 == pytest.approx(4 / 8)
    assert found.distinct_2 == pytest.approx(4 / 8)  # a dog, dog runs, dog sits, sits a
    assert found.new == pytest.approx(2 / 3)
    assert list(found.named()) == ["mean length", "vocabulary", "distinct-1", "distinct-2", "new captions"]


def test_no_training_captions_no_novelty():
    found = diversity(["a dog"])
    assert found.new is None
    assert "new captions" not in found.named()


def test_without_words():
    found = diversity(["", "."])
    assert (found.mean_length, found.vocabulary, found.distinct_1, found.distinct_2) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"), [(([],), "no caption"), (("a",), "string"), ((["a"], "b"), "string")]
)
def test_what_cannot_be_measured_is_refused(arguments, message):
    with pytest.raises(ShowtellError, match=message):
        diversity(*arguments)
