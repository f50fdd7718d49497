"""Against COCO's evaluation itself, where it and Java are installed; over whole corpora where SHOWTELL_DATA has them.

SHOWTELL_DATA is a folder with any of `flickr8k/Flickr8k.token.txt`, `ucm/dataset.json`, Karpathy's format, and
`flickr30k_text/captions.tsv.gz`, a line `NAME<tab>caption` for each caption.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.metrics import score
from showtell.text.tokenizer import tokenize, tokenize_lines

pytest.importorskip("pycocoevalcap")
if not shutil.which("java"):
    pytest.skip("Java is not installed", allow_module_level=True)

import coco

pytestmark = pytest.mark.oracle

PIECES = """A a p. The the dog dog's Man U.S. U.S.A. Mr. Mrs. etc. No. no. fig. it's It It's don't can't 'tis Cannot
    gonna 5 10 1/2 $5 10% 3:30 12:45pm ( ) [ ] { } " ' ` `` '' “ ” ’ ‘ . .. ... , ; : ! ? - -- – — & &amp; &lt; / \\ < >
    <b> </b> @me #tag a@b.c http://x.y/z www.a.com café naïve 日本 写真 русский العربية 한국어 हिन्दी 😀 👍🏽 ❤ ½ € £ ¢ _
    ^_^ :-) :) t-shirt red-and-white 1990s '90s o'clock rock'n'roll y'all Ph.D. a.m. e.g. Inc. St. Dr. vs. Jan. B. I.
    X-ray 4x4 1st 20,000 1.5 .5 -5 555-1234 (555) 1-800-555-1234 AT&T C++ C# he/she and/or photo.jpg it’s don’t ñ ü ß …
    • © ™ ° + = * ** ~ | J.R.R. D.C. Washington"""
CAPTION = st.lists(st.sampled_from(PIECES.split())).map(" ".join)
# The program that scores CIDEr-D ends with an error where no reference has a word
CAPTIONS = st.lists(CAPTION, max_size=300).map(lambda captions: [*captions, "a dog"])


def flickr8k(folder: Path) -> Iterable[tuple[str, str]]:
    for line in (folder / "flickr8k" / "Flickr8k.token.txt").read_text(encoding="utf-8").splitlines():
        name, caption = line.split("\t", 1)
        yield name.split("#")[0], caption


def ucm(folder: Path) -> Iterable[tuple[str, str]]:
    for image in json.loads((folder / "ucm" / "dataset.json").read_text(encoding="utf-8"))["images"]:
        yield from ((image["filename"], sentence["raw"]) for sentence in image["sentences"])


def flickr30k(folder: Path) -> Iterable[tuple[str, str]]:
    with gzip.open(folder / "flickr30k_text" / "captions.tsv.gz", "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\n").split("\t", 1) for line in file)


@pytest.fixture(scope="module", params=[flickr8k, ucm, flickr30k])
def photos(request: pytest.FixtureRequest) -> list[list[str]]:
    """The captions of every photo of a corpus."""
    if "SHOWTELL_DATA" not in os.environ:
        pytest.skip("SHOWTELL_DATA is not set")
    found: dict[str, list[str]] = {}
    try:
        for name, caption in request.param(Path(os.environ["SHOWTELL_DATA"])):
            found.setdefault(name, []).append(caption)
    except FileNotFoundError as error:
        pytest.skip(f"there is no {error.filename}")
    return list(found.values())


def compare(candidates, references):
    scores = score(candidates, references)
    for part, expected in coco.scores(candidates, references).items():
        np.testing.assert_allclose(getattr(scores, part), expected, rtol=0, atol=1e-12, err_msg=part)


def test_the_words_of_a_corpus(photos):
    captions = [caption for of_photo in photos for caption in of_photo]
    assert [tokenize(caption) for caption in captions] == coco.words(captions)
    assert tokenize_lines(captions) == coco.lines(captions)


def test_the_scores_of_a_corpus(photos):
    photos = [captions for captions in photos if len(captions) > 1]
    compare([captions[0] for captions in photos], [captions[1:] for captions in photos])
    # Another photo's caption, and fewer references
    rng = random.Random(0)
    theirs = [rng.choice(captions) for captions in photos[1:] + photos[:1]]
    compare(theirs, [rng.sample(captions, rng.randint(1, len(captions))) for captions in photos])


@settings(max_examples=5, deadline=None)
@given(CAPTIONS)
def test_the_words_of_nasty_captions(captions):
    assert [tokenize(caption) for caption in captions] == coco.words(captions)
    assert tokenize_lines(captions) == coco.lines(captions)


@settings(max_examples=5, deadline=None)
@given(CAPTIONS)
def test_the_scores_of_nasty_captions(captions):
    compare(captions, [captions[place - 2 : place + 1] or captions[:1] for place in range(len(captions))])
