from __future__ import annotations

import json
import random

from campaign.mutation import mutated, mutated_json, mutated_text, parts
from campaign.photos import pictures


def test_the_same_seed_makes_the_same() -> None:
    photos = pictures()
    for mutate in (mutated, mutated_text):
        made = [mutate(random.Random(3), photo, photos) for photo in photos]
        assert made == [mutate(random.Random(3), photo, photos) for photo in photos]
        assert sum(one != photo for one, photo in zip(made, photos, strict=True)) > len(photos) / 2


def test_the_parts_are_the_file() -> None:
    found = [(photo, parts(photo)) for photo in pictures()]
    split = [(photo, part) for photo, part in found if part is not None]
    assert len(split) > 10
    for photo, (pieces, whole) in split:
        assert b"".join(pieces) == photo
        assert b"".join(map(whole, pieces)) == photo
        assert len(pieces) > 1


def test_json_is_left_as_it_was() -> None:
    value = {"a": [1, {"b": "c"}], "d": None}
    made = {json.dumps(mutated_json(random.Random(number), value)) for number in range(50)}
    assert value == {"a": [1, {"b": "c"}], "d": None}
    assert len(made) > 20
