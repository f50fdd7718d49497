from __future__ import annotations

import pytest

from showtell.errors import ShowtellError
from showtell.metrics import chair

CAPTIONS = ["a man and two dogs on a bench", "a cat and a cat", "a lovely day", "a woman with a pizza"]
OBJECTS = [["person", "dog", "car"], ["cat", "couch"], ["boat"], ["pizza", "fork", "cup"]]


def test_the_figures_are_those_of_mentions_captions_and_objects() -> None:
    found = chair(CAPTIONS, OBJECTS)
    assert found.per_photo[0].named == ("person", "dog", "bench")
    assert found.per_photo[0].hallucinated == ("bench",)
    assert found.instances == 2 / 7
    assert found.sentences == 2 / 4
    assert found.recall == (2 + 1 + 0 + 1) / 9
    assert found.people_hallucinated == 1 / 3
    assert found.named() == {
        "CHAIRi": 2 / 7,
        "CHAIRs": 0.5,
        "objects recalled": 4 / 9,
        "person named where there is none": 1 / 3,
    }


def test_objects_in_references_count_as_present() -> None:
    found = chair(CAPTIONS, OBJECTS, [["someone on a bench"], [], ["a ferry"], ["she eats"]])
    assert found.per_photo[0].present == {"person", "dog", "car", "bench"}
    assert found.instances == 1 / 7
    assert found.people_hallucinated == 1 / 3


def test_labels_of_other_names_are_understood_and_unknown_ones_passed_over() -> None:
    [photo] = chair(["a sofa"], [["Couch", "sofa", "lion", "TV"]]).per_photo
    assert photo.present == {"couch", "tv"}
    assert photo.hallucinated == ()


def test_no_mentions_or_objects_score_zero() -> None:
    found = chair(["what a day"], [[]])
    assert (found.instances, found.sentences, found.recall, found.people_hallucinated) == (0, 0, 0, 0)
    everywhere = chair(["a man"], [["person"]])
    assert everywhere.people_hallucinated is None
    assert "person named where there is none" not in everywhere.named()


@pytest.mark.parametrize(
    ("captions", "objects", "references", "message"),
    [
        ([], [], None, "0 captions, 0 photos"),
        (["a"], [], None, "1 captions, 0 photos"),
        (["a"], [["dog"]], [], "1 captions, 1 and 0 photos"),
    ],
)
def test_as_many_of_each(captions, objects, references, message) -> None:
    with pytest.raises(ShowtellError, match=message):
        chair(captions, objects, references)
