"""The parsers that are written by hand, each on bytes that may be anything: it reads them, or refuses them as such."""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load

from campaign.mutation import mutated, mutated_json, mutated_text
from campaign.photos import check_refusal, describe, embed, open_or_none
from campaign.tally import Tally
from campaign.workers import Case, Outcome, run
from decoders import fresh_decoder
from showtell._util.tensors import pack_tensors
from showtell.alt.page import edited, parse_page
from showtell.captioning.captioner import Captioner
from showtell.datasets import read_dataset
from showtell.errors import ShowtellError
from showtell.metadata.xmp import PROPERTIES, Packet
from showtell.text.vocabulary import Vocabulary

CORPUS = Path(__file__).parent / "corpus"
"""A folder of small files for each parser, made for this."""
_TEXTS = ("csv", "html", "md", "xmp", "captioner")
_WORDS = 'A "dog" & a cat <1>.'


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Bytes for so many seconds."""
    return run(Tally("parsers", "inputs of the parsers"), prepare, folder, seed, seconds)


def prepare(folder: Path, seed: int) -> Case:
    """The cases: mutated bytes for one parser each."""
    warnings.simplefilter("error")
    names = sorted(PARSERS)
    corpus = {name: [path.read_bytes() for path in sorted((CORPUS / name).iterdir())] for name in names}

    def case(number: int) -> Outcome:
        rng = random.Random(f"{seed} parsers {number}")
        name = rng.choice(names)
        data = rng.choice(corpus[name])
        if name == "captioner" and rng.random() < 0.8:
            data = json.dumps(mutated_json(rng, json.loads(data))).encode()
        else:
            data = (mutated_text if name in _TEXTS else mutated)(rng, data, corpus[name])
        (folder / name).write_bytes(data)  # there to be looked at if it breaks
        return parse(name, data)

    return case


def parse(name: str, data: bytes) -> Outcome:
    """Have a parser read some bytes."""
    try:
        PARSERS[name](data)
    except ShowtellError as error:
        check_refusal(error)
        return "refused"
    return "well"


def _xmp(data: bytes) -> None:
    """A packet, and the same with two texts of ours."""
    packet = Packet.parse("photo", data)
    for name in PROPERTIES:
        packet.set_text(name, _WORDS)
    again = Packet.parse("photo", packet.to_bytes())
    assert [again.text(name) for name in PROPERTIES] == [_WORDS] * len(PROPERTIES)


def _photo(data: bytes) -> None:
    """The metadata of a photo, and the same photo with a caption in it."""
    opened = open_or_none(data)
    if describe(data) and opened is not None:
        embed(data, opened)


def _page(name: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        """The images of a page, and the same page with a text for each that is understood."""
        page = parse_page(Path(name), data)
        alts = {image: _WORDS for image in page.images if not image.review_reason}
        written = edited(data, page.insertions(alts))
        assert len(written) >= len(data)
        if alts:
            again = parse_page(Path(name), written)
            left = [image for image in again.images if not image.review_reason]
            assert not left, f"{left} still lack a text"

    return read


def _table(data: bytes) -> None:
    """A data set of a table, beside which there is no photo."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "captions.csv")
        path.write_bytes(data)
        read_dataset(path)


def _captioner(data: bytes) -> None:
    """A captioner whose file has these bytes as its header's fields; one that is read captions a photo's features."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        path.write_bytes(pack_tensors("captioner", fields, load(_small_captioner())))
        captioner = Captioner.load(path)
    caption = captioner.caption_features(np.ones((1, 4, 8), np.float32))[0]
    assert all(0 <= probability <= 1 for _, probability in caption.words)
    assert len(caption.words) <= captioner.max_words


@cache
def _small_captioner() -> bytes:
    words = Vocabulary(["a", "cat", "dog"])
    decoder = fresh_decoder(len(words), 8, 2, 2, attention_dim=2, heads=2, rng=np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        Captioner(decoder, words, encoder_identity="none", max_words=4).save(path)
        return path.read_bytes()


PARSERS: dict[str, Callable[[bytes], None]] = {
    "xmp": _xmp,
    "jpeg": _photo,
    "png": _photo,
    "webp": _photo,
    "html": _page("page.html"),
    "md": _page("page.md"),
    "csv": _table,
    "captioner": _captioner,
}
