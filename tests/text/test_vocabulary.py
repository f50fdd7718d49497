from __future__ import annotations

import json
from string import ascii_lowercase

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.errors import ShowtellError
from showtell.text.vocabulary import END, PAD, START, UNK, Vocabulary


@pytest.fixture
def vocabulary() -> Vocabulary:
    return Vocabulary(["a", "dog", "'s", "ball", "is", "n't", "-lrb-", "red", "-rrb-"])


def test_the_special_ids_are_the_first():
    assert (PAD, START, END, UNK) == (0, 1, 2, 3)
    assert Vocabulary(["a"]).encode("a") == [1, 4, 2]


def test_build_sorts_by_frequency_then_by_alphabet():
    built = Vocabulary.build(["The dog sees a cat.", "A cat, a dog!", "A bird"], min_count=1)
    assert built.words == ("a", "cat", "dog", "bird", "sees", "the")


def test_build_keeps_words_from_min_count_on():
    captions = ["dog"] * 5 + ["cat"] * 4 + ["<start> <unk>"] * 9
    assert Vocabulary.build(captions).words == ("dog",)
    assert Vocabulary.build(captions, min_count=4).words == ("dog", "cat")


def test_build_takes_any_iterable_once():
    assert Vocabulary.build(iter(["dog"]), min_count=1).words == ("dog",)


@pytest.mark.parametrize("captions", [[], ["."], ["a dog"]])
def test_build_without_a_frequent_word_is_an_error(captions):
    with pytest.raises(ShowtellError, match="min_count"):
        Vocabulary.build(captions, min_count=2)


def test_length_counts_ids_and_in_asks_for_words(vocabulary):
    assert len(vocabulary) == 4 + 9
    assert "dog" in vocabulary
    assert "cat" not in vocabulary
    assert "<pad>" not in vocabulary


def test_encode(vocabulary):
    assert vocabulary.encode("A dog's cat.") == [START, 4, 5, 6, UNK, END]
    assert vocabulary.encode("") == [START, END]
    assert vocabulary.encode("<end> dog") == [START, UNK, 5, END]


def test_encode_batch_fills_up_and_cuts(vocabulary):
    batch = vocabulary.encode_batch(["a dog", "", "a dog is a dog", "a ball is"], max_len=4)
    assert batch.dtype == np.int32
    assert batch.tolist() == [
        [START, 4, 5, END, PAD],
        [START, END, PAD, PAD, PAD],
        [START, 4, 5, 8, 4],  # it does not end here, so that no end is learned
        [START, 4, 7, 8, END],
    ]


def test_encode_batch_of_nothing(vocabulary):
    assert vocabulary.encode_batch([], max_len=3).shape == (0, 4)


@pytest.mark.parametrize("max_len", [0, -1])
def test_encode_batch_needs_room_for_a_step(vocabulary, max_len):
    with pytest.raises(ShowtellError, match=f"max_len is {max_len}"):
        vocabulary.encode_batch(["a"], max_len)


@pytest.mark.parametrize(
    "caption",
    ["", "a dog", "a dog's ball", "a ball isn't red", "(red) dog", "a dog (a red ball)", "dog's"],
)
def test_decode_writes_what_was_encoded(vocabulary, caption):
    assert vocabulary.decode(vocabulary.encode(caption)) == caption


def test_decode_stops_at_the_end_and_drops_specials(vocabulary):
    assert vocabulary.decode([START, 4, UNK, 5, PAD, 6, END, 7, 7]) == "a dog's"
    assert vocabulary.decode([END, 4]) == ""
    assert vocabulary.decode(np.array([4, 5])) == "a dog"
    assert vocabulary.decode([6, 5]) == "'s dog"


@pytest.mark.parametrize("index", [-1, 13])
def test_decode_refuses_ids_that_there_are_not(vocabulary, index):
    with pytest.raises(ShowtellError, match=f"id {index} is outside of the vocabulary of 13 ids"):
        vocabulary.decode([4, index])


def test_it_survives_json(vocabulary):
    names = json.loads(json.dumps(vocabulary.to_list()))
    assert names[:5] == ["<pad>", "<start>", "<end>", "<unk>", "a"]
    assert Vocabulary.from_list(names) == vocabulary
    assert Vocabulary(vocabulary.words) == vocabulary
    assert Vocabulary(["a"]) != vocabulary


@pytest.mark.parametrize(
    "names", [None, {}, "abc", [], ["a"], ["<pad>", "<end>", "<start>", "<unk>", "a"], ["<pad>", "<start>", "<end>"]]
)
def test_from_list_refuses_other_things(names):
    with pytest.raises(ShowtellError, match="begins with <pad>, <start>, <end>, <unk>"):
        Vocabulary.from_list(names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "b", "a"], "'a' is there twice, as 4 and 6"),
        (["a", "b c"], "word 5 is 'b c'"),
        (["a\n"], "word 4 is 'a"),
        ([""], "word 4 is ''"),
        (["a", 7], "word 5 is 7"),
        (["<unk>"], "word 4 is '<unk>', a name kept"),
        (["\x1b[2J"], "word 4 is .*, expected no control characters"),
        (["\ud83d"], "word 4 is .*, expected no control characters"),
    ],
)
def test_bad_words_are_refused(words, message):
    with pytest.raises(ShowtellError, match=message):
        Vocabulary(words)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(ascii_lowercase, min_size=1, max_size=6), min_size=1))
def test_what_is_built_from_captions_can_write_them(words):
    caption = " ".join(words)
    vocabulary = Vocabulary.build([caption], min_count=1)
    ids = vocabulary.encode(caption)
    assert UNK not in ids
    assert vocabulary.decode(ids).split() == vocabulary.decode(vocabulary.encode(vocabulary.decode(ids))).split()
    assert Vocabulary.from_list(vocabulary.to_list()) == vocabulary
