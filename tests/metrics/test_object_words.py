from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from showtell.metrics.object_words import _TABLE, ObjectWords, coco_words

# COCO's 80 classes, by their groups.
COCO = """person; bicycle, car, motorcycle, airplane, bus, train, truck, boat; traffic light, fire hydrant, stop sign,
parking meter, bench; bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe; backpack, umbrella, handbag,
tie, suitcase; frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
tennis racket; bottle, wine glass, cup, fork, knife, spoon, bowl; banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake; chair, couch, potted plant, bed, dining table, toilet; tv, laptop, mouse, remote,
keyboard, cell phone; microwave, oven, toaster, sink, refrigerator; book, clock, vase, scissors, teddy bear,
hair drier, toothbrush"""


def test_the_classes_are_cocos_and_each_is_named_by_its_name_and_its_plural() -> None:
    classes = [name.strip() for name in COCO.replace("\n", " ").replace(";", ",").split(",")]
    assert len(classes) == 80
    words = coco_words()
    assert sorted(words.classes) == sorted(classes)
    for name in classes:
        assert words.named(f"there is the {name}.") == [name]
        assert words.class_of(name) == name


def test_no_words_are_of_two_classes_or_stand_there_twice() -> None:
    lines = [line.partition(":") for line in _TABLE.read_text().splitlines() if line and not line.startswith("#")]
    phrases = [
        phrase.strip()
        for head, _, rest in lines
        if head != "qualifier" and not head.startswith("unless")
        for phrase in rest.split(",")
        if rest.strip()
    ]
    assert [phrase for phrase, times in Counter(phrases).items() if times > 1] == []


def test_exceptions_contain_an_object_word() -> None:
    words = coco_words()
    lines = [line.partition(":") for line in _TABLE.read_text().splitlines()]
    for phrase in (phrase.strip() for head, _, rest in lines if head == "-" for phrase in rest.split(",")):
        assert words.named(phrase) == [], phrase
        parts = phrase.split()
        assert len(parts) > 1
        assert any(words.class_of(" ".join(parts[i:j])) for i in range(3) for j in range(i + 1, 4)), phrase


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("Two MEN and a woman's dogs.", ["person", "person", "dog"]),
        ("a hot dog on a plate", ["hot dog"]),
        ("a dog that is hot", ["dog"]),
        ("Three teddy bears and a bear", ["teddy bear", "bear"]),
        ("a baby giraffe beside its mother", ["giraffe", "person"]),
        ("an adult elephant", ["elephant"]),
        ("a baby and a giraffe", ["person", "giraffe"]),
        ("a passenger train on the train tracks", ["train"]),
        ("a passenger on a train", ["person", "train"]),
        ("a man in a bow tie", ["person", "tie"]),
        ("a hair bow", []),
        ("a toilet seat", ["toilet"]),
        ("the seat of the toilet", ["toilet"]),
        ("the seat of the car", ["chair", "car"]),
        ("wine glasses, and a glass of wine", ["wine glass", "wine glass"]),
        ("glasses", []),
        ("a stop sign at a bus stop", ["stop sign"]),
        ("an orange cat beside an orange", ["cat", "orange"]),
        ("an orange and white fence", []),
        ("oranges and apples", ["orange", "apple"]),
        ("a couple of cows", ["cow"]),
        ("a couple on a bench", ["person", "bench"]),
        ("knives, sandwiches, ponies, buses and mice", ["knife", "sandwich", "horse", "bus", "mouse"]),
        ("a semi-truck and a fire-hydrant", ["truck", "fire hydrant"]),
        ("a person on skis on a ski slope", ["person", "skis"]),
        ("a flower bed", []),
        ("", []),
        ("🐕 ...", []),
    ],
)
def test_mentioned_objects(caption, named) -> None:
    assert coco_words().named(caption) == named


def test_a_name_of_no_class_means_none() -> None:
    words = coco_words()
    assert words.class_of(" Sofa ") == "couch"
    assert words.class_of("lion") is None
    assert words.class_of("train track") is None
    assert words.class_of("") is None


@given(st.lists(st.sampled_from(["hot", "dog", "a", "baby", "cat", "house", "toilet", "seat", "-"]), max_size=8))
def test_mentions_are_no_more_than_words_and_of_the_classes(words) -> None:
    named = coco_words().named(" ".join(words))
    assert len(named) <= len(words)
    assert set(named) <= set(coco_words().classes)
    spoken = [word for word in words if word != "-"]
    assert ("hot dog" in named) == (("hot", "dog") in pairwise(spoken))


def test_a_table_of_ones_own() -> None:
    words = ObjectWords("# pets\n\ncat: tom cat\nbox: crate  # a plural in es\n-: cat walk\nunless cat: crate\n")
    assert words.classes == ("cat", "box")
    assert words.named("tom cats, boxes, a cat walk") == ["cat", "box"]
    assert words.named("crates") == ["box"]
    assert words.named("a cat in a crate") == ["cat"]
    assert ObjectWords("").named("a cat") == []
