from __future__ import annotations

import json
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.text.tokenizer import tokenize, tokenize_lines

# Captions and nasty strings with the words that Stanford's PTBTokenizer and COCO's evaluation make of them: see
# tests/make_golden_scores.py.
GOLDEN = json.loads((Path(__file__).parent / "golden" / "tokens.json").read_text(encoding="utf-8"))
LINES = json.loads((Path(__file__).parent / "golden" / "lines.json").read_text(encoding="utf-8"))

PLAIN = st.text(ascii_lowercase, min_size=2, max_size=8).filter(
    lambda word: word not in {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"}
)
PIECES = """a dog Man U.S. Mr. etc. no. it's don't 'tis cannot 5 1/2 $5 10% 3:30 ( ) [ ] " ' ` “ ’ . ... , ; : ! ? - --
    – & &amp; / \\ < > <b> @me #tag a@b.c http://x.y/z café 日本 😀 ½ € _ ^_^ :-)"""
NASTY = st.lists(st.sampled_from([*PIECES.split(), " ", "\n"])).map("".join)


def test_the_golden_file_is_not_empty():
    assert len(GOLDEN) > 100


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["caption"][:24])
def test_the_words_are_those_of_coco_s_evaluation(case):
    assert tokenize(case["caption"]) == case["words"]


def test_captions_that_are_read_together_are_those_of_coco_s_evaluation():
    assert tokenize_lines([case["caption"] for case in LINES]) == [case["line"] for case in LINES]
    assert any(tokenize(case["caption"]) != case["line"].split() for case in LINES)


def test_no_captions():
    assert tokenize_lines([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text() | NASTY))
def test_together_as_alone_where_no_caption_ends_in_a_full_stop(captions):
    captions = [f"{caption} end" for caption in captions]
    assert [line.split() for line in tokenize_lines([*captions, "x"])] == [*map(tokenize, captions), ["x"]]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog's bone, isn't it?", ["a", "dog", "'s", "bone", "is", "n't", "it"]),
        ("He cannot stop.", ["he", "can", "not", "stop"]),
        ("In the U.S. at 5 p.m.", ["in", "the", "u.s.", "at", "5", "p.m."]),
        ('"Go!" (now)', ["go", "-lrb-", "now", "-rrb-"]),
        ("no. 5, and no. Next", ["no.", "5", "and", "no", "next"]),
        ("a 😀 b", ["a", "b"]),
        ("salt &amp; pepper", ["salt", "&", "pepper"]),
        ("It costs £5 or 5¢", ["it", "costs", "#", "5", "or", "5", "cents"]),
    ],
)
def test_examples(caption, words):
    assert tokenize(caption) == words


@pytest.mark.parametrize("caption", ["", " ", "\n", ".", " . , ; : ! ? ", "''", "-- - ...", "😀", "\u200b"])
def test_no_words(caption):
    assert tokenize(caption) == []


@settings(max_examples=50, deadline=None)
@given(st.text() | NASTY)
def test_any_string_gives_lower_case_words_without_white_space(caption):
    for word in tokenize(caption):
        assert word
        assert word.split() == [word]
        assert word == word.lower()
        assert word not in {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        PLAIN
        | st.sampled_from(
            ["'s", "n't", "'ll", "-lrb-", "-rrb-", "u.s.", "mr.", "t-shirt", "red-and-white", "1/2", "3:30"]
        )
    )
)
def test_words_that_are_tokenized_already_stay_as_they_are(words):
    assert tokenize(" ".join(words)) == words


@settings(max_examples=50, deadline=None)
@given(st.lists(PLAIN, min_size=1))
def test_punctuation_and_case_around_plain_words_do_not_matter(words):
    assert tokenize(" ".join(words).capitalize() + " .") == words
    assert tokenize(f'"{words[0].upper()}", ' + ", ".join(words) + "!") == [words[0], *words]


@settings(max_examples=50, deadline=None)
@given(st.text() | NASTY)
def test_white_space_around_a_caption_does_not_matter(caption):
    assert tokenize(f" \t{caption}\n ") == tokenize(caption)


def test_a_long_string_without_white_space_is_read_to_its_end():
    assert len(tokenize("]x" * 2000)) == 4000


@pytest.mark.parametrize(
    "part",
    [
        "\u0e01",
        "\u0915",
        "\U0001f600",
        "<!a",
        "1;www.",
        "a,",
        "1a.",
        "A. <!a",
        "a1.b,",
        '<a b="',
        "d'",
        "a-a.",
        "&#1",
        "(1",
    ],
)
@pytest.mark.slow
def test_the_time_grows_with_the_length(part) -> None:
    # With two ways to read each letter, or a look at the rest from each place, this would not end
    words = tokenize(part * (30_000 // len(part)))
    assert isinstance(words, list)


def test_what_is_far_ahead_is_found_after_vain_looks() -> None:
    assert tokenize("www.a..www.b.com") == ["www.a", "www.b.com"]
    assert "x.jpg" in tokenize("1a.1b.?x.jpg ")
    assert "a,b-c" in tokenize("a,b;a,b-c")
