from __future__ import annotations

from showtell.datasets.image_ids import ImageIds


def test_a_number_and_its_text_are_one_id_unless_both_are_there() -> None:
    ids = ImageIds([(7, "a"), ("8", "b"), ("x", "c"), ("000009", "d"), (5, "e"), ("5", "f"), ("05", "g")])
    assert [ids.name(given) for given in (7, "7", 8, "8", "x", 9, "9")] == ["a", "a", "b", "b", "c", "d", "d"]
    assert [ids.name(given) for given in (5, "5", "05", "005")] == ["e", "f", "g", None]
    assert ids.name(6) is ids.name("") is ids.name("9" * 5000) is None
    assert list(ids) == [7, "8", "x", "000009", 5, "5", "05"]


def test_ambiguous_id_matches_no_image() -> None:
    ids = ImageIds([(1, "a"), (1, "b"), (2, "c"), (2, "c")])
    assert ids.duplicates == {1}
    assert ids.name(1) is ids.name("1") is None
    assert ids.name(2) == "c"
