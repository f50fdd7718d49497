from __future__ import annotations

import pytest

from showtell.errors import ShowtellError
from showtell.metrics.references import References

CAPTIONS = [[["a", "dog", "a"], ["a", "dog"]], [["dog"]]]


def test_entries_list_ngrams_per_reference():
    known = References(CAPTIONS)
    assert len(known) == 2
    assert known.per_photo.tolist() == [2, 1]
    assert known.first.tolist() == [0, 2]
    assert known.photo_of.tolist() == [0, 0, 1]
    assert known.lengths.tolist() == [3, 2, 1]
    words, pairs, threes, fours = known.entries
    a, dog = (known.ngrams.count([[word]])[0].ngram[0] for word in ("a", "dog"))
    assert words.keys.tolist() == [a, dog, 2 + dog]
    assert words.starts.tolist() == [0, 2, 4]
    assert words.lengths.tolist() == [2, 2, 1]
    assert words.reference.tolist() == [0, 1, 0, 1, 2]
    assert words.ngram.tolist() == [a, a, dog, dog, dog]
    assert words.times.tolist() == [2, 1, 1, 1, 1]
    assert [len(found.keys) for found in (pairs, threes, fours)] == [2, 1, 0]


def test_other_captions_only_have_their_n_grams_numbered():
    known = References(CAPTIONS, [["a", "cat"]])
    assert known.ngrams.sizes[:2] == [3, 3]
    assert len(known.lengths) == 3
    assert known.entries[0].reference.tolist() == [0, 1, 0, 1, 2]


@pytest.mark.parametrize(
    ("references", "message"),
    [([], "no photo"), ([[["a"]], []], "photo 1 has no reference"), ([["a dog"]], "of photo 0 is a string")],
)
def test_empty_references_are_refused(references, message):
    with pytest.raises(ShowtellError, match=message):
        References(references)
