from __future__ import annotations

import pytest

from showtell.alt.text import alt_text


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A dog runs on grass.", "A dog runs on grass."),
        ("A photo of a dog.", "A dog."),
        ("an image of two dogs", "Two dogs."),
        ("Picture of the sea.", "The sea."),
        ("This is a photograph of a picture of a cat.", "A cat."),
        ("The image shows a boat.", "A boat."),
        ("A man takes a photo of a dog.", "A man takes a photo of a dog."),
        ("A photo of.", "A photo of."),
        ("A picture on the wall.", "A picture on the wall."),
        ("  A dog \n runs\x00\x1b \u200bhere .. ", "A dog runs here."),
        ("A dog. A cat sits.", "A dog."),
        ("A St. Bernard in the snow.", "A St. Bernard in the snow."),
        ("A dog 1.5 m high.", "A dog 1.5 m high."),
        ("What is it?", "What is it?"),
        ("A dog's ball -", "A dog's ball."),
        ("", ""),
        (" . ", ""),
        ("\udc80", ""),
    ],
)
def test_a_caption_becomes_alternative_text(caption: str, expected: str) -> None:
    assert alt_text(caption) == expected
    assert alt_text(alt_text(caption)) == expected
