from __future__ import annotations

import copy
import functools
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import showtell
from conftest import PHOTOS
from decoders import fresh_decoder
from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.captioning.model_file import SHIPPED
from showtell.errors import ModelError, NoCaptionError, PhotoError, ShowtellError
from showtell.nn import kernels
from showtell.text.vocabulary import Vocabulary

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"


def test_a_photo_becomes_a_sentence(captioner: Captioner) -> None:
    caption = captioner.caption(CAT)
    assert isinstance(caption, Caption)
    assert str(caption) == caption.text
    assert caption.text[0].isupper()
    assert caption.text.endswith(".")
    words = [word for word, _ in caption.words]
    assert caption.text == f"{' '.join(words).capitalize()}."
    assert all(word in captioner.vocabulary for word in words)
    assert all(0 < probability <= 1 for _, probability in caption.words)
    # the sentence's probability is that of its words, and of its end
    assert caption.log_prob <= sum(math.log(probability) for _, probability in caption.words) + 1e-9


def test_a_photo_may_be_given_in_many_ways(captioner: Captioner) -> None:
    expected = captioner.caption(CAT)
    with Image.open(CAT) as image:
        for photo in (str(CAT), CAT.read_bytes(), image):
            assert captioner.caption(photo) == expected


def test_several_photos_are_captioned_in_their_order(captioner: Captioner) -> None:
    together = captioner.caption([CAT, COFFEE, CAT])
    assert [caption.text for caption in together] == [captioner.caption(photo).text for photo in (CAT, COFFEE, CAT)]
    assert captioner.caption(()) == []
    for caption, alone in zip(captioner.caption((CAT, COFFEE)), together, strict=False):
        assert caption.log_prob == pytest.approx(alone.log_prob, rel=1e-5)


def test_several_captions_of_a_photo_differ_and_begin_with_the_one(captioner: Captioner) -> None:
    captioner.confidence = Confidence(0.5, (0.1, 0.2, 0.0), (0.5, 0.0, 0.0))
    first, *others = captioner.caption(CAT, 4).n_best
    assert first.up_to(1) == captioner.caption(CAT)
    assert others
    assert len({first.text, *(other.text for other in others)}) == 1 + len(others) <= 4
    assert all(other.confidence is None for other in others)


def test_an_attention_map_for_each_word(captioner: Captioner) -> None:
    features = captioner.encode([CAT, COFFEE])
    captions = captioner.caption_features(features)
    for maps, caption in zip(captioner.attention_maps(features, captions), captions, strict=True):
        assert maps.shape == (len(caption.words), 9, 9)
        np.testing.assert_allclose(maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    assert captioner.attention_maps(features, [replace(captions[0], named=True), captions[1]])[0].shape == (0, 9, 9)


def test_a_wider_beam_finds_no_less(captioner: Captioner) -> None:
    narrow, wide = captioner.caption(CAT, beam_width=1), captioner.caption(CAT, beam_width=8)
    rank = [caption.log_prob / (len(caption.words) + 1) ** captioner.length_penalty for caption in (narrow, wide)]
    assert rank[1] >= rank[0] - 1e-6


def test_a_broken_photo_is_named(captioner: Captioner, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a photo")
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        captioner.caption([CAT, tmp_path / "broken.jpg"])


def test_saved_and_loaded_it_says_the_same(captioner: Captioner, tmp_path: Path) -> None:
    captioner.save(tmp_path / "one.safetensors")
    one = Captioner.load(tmp_path / "one.safetensors")
    assert one.caption(CAT).text == captioner.caption(CAT).text
    assert (one.about, one.beam_width, one.max_words) == (captioner.about, 3, 8)
    assert one.vocabulary == captioner.vocabulary
    # what was rounded to float16 once is not rounded again, and nothing of when and where is in the file
    one.save(tmp_path / "two.safetensors")
    assert (tmp_path / "two.safetensors").read_bytes() == (tmp_path / "one.safetensors").read_bytes()


def test_a_word_recurs_only_if_it_may(captioner: Captioner, tmp_path: Path) -> None:
    assert captioner.repeatable_words is None
    word = captioner.vocabulary.words[0]
    captioner.decoder.params["b_vocab"][captioner.vocabulary.encode(word)[1]] += 1000
    assert [said for said, _ in captioner.caption(CAT).words] == [word] * captioner.max_words
    for repeatable_words in ((), (word,)):
        careful = copy.copy(captioner)
        careful.repeatable_words = repeatable_words
        careful.save(tmp_path / "careful.safetensors")
        again = Captioner.load(tmp_path / "careful.safetensors", encoder=captioner.encoder)
        assert again.repeatable_words == repeatable_words
        assert [said for said, _ in again.caption(CAT).words].count(word) == (
            captioner.max_words if repeatable_words else 1
        )


def test_a_confidence_comes_with_every_caption(captioner: Captioner) -> None:
    before = captioner.caption([CAT, COFFEE])
    assert [caption.confidence for caption in before] == [None, None]
    captioner.confidence = Confidence(0.5, (1.0, 0.5, -0.1), (0.5, 0.1, 0.0))
    for known, caption in zip(before, captioner.caption([CAT, COFFEE]), strict=True):
        assert caption.text == known.text
        assert caption.confidence == captioner.confidence.probability(np.array([caption.confidence_features]))[0]
    assert captioner.caption([]) == []
    assert captioner.caption_features(np.zeros((0, 81, 1280), np.float32)) == []


def test_a_confidence_is_saved_and_loaded(captioner: Captioner, tmp_path: Path) -> None:
    captioner.save(tmp_path / "without.safetensors")
    assert Captioner.load(tmp_path / "without.safetensors").confidence is None
    captioner.confidence = Confidence(0.5, (1 / 3, 0.5, -0.1), (0.5, 1e-17, 0.0))
    captioner.save(tmp_path / "one.safetensors")
    one = Captioner.load(tmp_path / "one.safetensors")
    assert one.confidence == captioner.confidence
    one.save(tmp_path / "two.safetensors")
    assert (tmp_path / "two.safetensors").read_bytes() == (tmp_path / "one.safetensors").read_bytes()
    # and what was written before there was a confidence is still the same file
    one.confidence = None
    one.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "without.safetensors").read_bytes()


def test_another_encoder_is_an_error(captioner: Captioner) -> None:
    other = Captioner(captioner.decoder, captioner.vocabulary, encoder_identity="another", encoder=captioner.encoder)
    with pytest.raises(ModelError, match="trained on the features of another"):
        other.caption(CAT)


def test_a_vocabulary_of_another_size_is_an_error(captioner: Captioner) -> None:
    with pytest.raises(ModelError, match="the decoder has 19 words and the vocabulary 5"):
        Captioner(captioner.decoder, Vocabulary(["a"]), encoder_identity="e")


def test_the_shipped_captioner_writes_sentences_of_its_words_about_any_photo() -> None:
    captioner = showtell.load()
    photos = sorted(path for path in PHOTOS.iterdir() if path.suffix != ".csv")
    captions = captioner.caption(photos)
    assert len({caption.text for caption in captions}) == len(photos) == 40
    named = {photo.name: caption.text for photo, caption in zip(photos, captions, strict=True) if caption.named}
    assert named == {
        "everyday_paintbrushes.jpg": "A paintbrush.",
        "everyday_shuttle.jpg": "A space shuttle.",
        "everyday_street.jpg": "A cab.",
    }
    said = {photo.name: caption.text for photo, caption in zip(photos, captions, strict=True)}
    assert "sheep" in said["stdlib_march-pastoral.jpg"]
    assert "pizza" in said["everyday_pizza.jpg"]
    for caption in captions:
        if caption.named:
            continue
        assert re.fullmatch(r"[A-Z][a-z0-9 -]+\.", caption.text)
        assert "<unk>" not in caption.text
        assert 4 <= len(caption.words) <= captioner.max_words
        assert -60 < caption.log_prob < 0


def test_the_shipped_captioner_says_what_it_is() -> None:
    captioner = showtell.load()
    assert captioner.decoder.config.cell == "lstm"
    assert "research and teaching" in captioner.about["terms"]
    assert float(captioner.about["validation cider_d flickr8k"]) >= 0.53
    assert float(captioner.about["validation cider_d coco"]) >= 0.83
    assert float(captioner.about["validation bleu_4 coco"]) >= 0.25
    assert captioner.confidence is not None
    assert SHIPPED.stat().st_size <= 32e6  # its encoder included


def test_an_error_is_returned_in_its_photo_s_place_if_asked_for(captioner: Captioner, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    cat, error, coffee = captioner.caption([CAT, broken, COFFEE], 2, errors="return")
    assert (cat, coffee) == (captioner.caption(CAT, 2), captioner.caption(COFFEE, 2))
    assert isinstance(error, PhotoError)
    assert str(captioner.caption(broken, errors="return")) == str(error)
    assert captioner.caption(CAT, 2, errors="return") == cat
    with pytest.raises(NoCaptionError, match="is of one colour"):
        captioner.caption(Image.new("RGB", (300, 200), "white"))
    assert captioner.caption([], errors="return") == []
    with pytest.raises(ShowtellError, match="errors is 'ignore', expected 'raise' or 'return'"):
        captioner.caption(CAT, errors="ignore")


def test_any_number_of_photos_is_captioned_as_they_come(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("showtell.captioning.captioner._BATCH", 4)
    drawn = 0

    def endless() -> Iterator[Path]:
        nonlocal drawn
        while True:
            drawn += 1
            yield CAT

    expected = captioner.caption(CAT).text
    for _, (photo, caption) in zip(range(10), captioner.stream(endless()), strict=False):
        assert (photo, caption.text) == (CAT, expected)
    assert drawn <= 12 + 2 * captioner.encoder.threads


def test_features_are_encoded_alone_as_among_others(captioner: Captioner, tmp_path: Path) -> None:
    features = captioner.encode([CAT, COFFEE])
    assert (features.shape, features.dtype) == ((2, 81, 1280), np.float32)
    np.testing.assert_array_equal(features[1], captioner.encode(COFFEE))
    assert captioner.encode([]).shape == (0, 81, 1280)
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(PhotoError, match=r"broken\.jpg"):
        captioner.encode([CAT, tmp_path / "broken.jpg"])


@pytest.mark.skipif(not kernels.available(), reason="NumPy's products depend on how many rows there are")
def test_a_caption_s_bits_do_not_depend_on_the_photos_beside_it_nor_on_threads(captioner: Captioner) -> None:
    captioner.confidence = Confidence(0.5, (0.1, 0.7, -0.3), (0.0, 0.0, 0.0))
    features = np.random.default_rng(1).uniform(0, 6, (37, 81, 1280)).astype(np.float32)
    together = captioner.caption_features(features)
    before = kernels.get_num_threads()
    try:
        for threads in (1, 2):
            kernels.set_num_threads(threads)
            for size in (1, 5, 37):
                blocks = (features[place : place + size] for place in range(0, 37, size))
                assert [caption for block in blocks for caption in captioner.caption_features(block)] == together
    finally:
        kernels.set_num_threads(before)


def test_without_attention_features_are_the_grid_s_mean(captioner: Captioner) -> None:
    decoder = fresh_decoder(len(captioner.vocabulary), 1280, 8, 16)
    other = Captioner(
        decoder, captioner.vocabulary, encoder=captioner.encoder, encoder_identity=captioner.encoder_identity
    )
    np.testing.assert_allclose(other.encode([CAT]), captioner.encode([CAT]).mean(axis=1), rtol=1e-6)
    assert other.encode(()).shape == (0, 1280)
    assert other.caption(CAT).words


def test_several_threads_may_use_one_captioner(captioner: Captioner) -> None:
    """From the first caption on, at which weights are laid out and the encoder is loaded."""
    captioner.confidence = Confidence(0.5, (1.0, 0.5, -0.1), (0.5, 0.1, 0.0))
    photos = [CAT, COFFEE, PHOTOS / "everyday_pizza.jpg"]
    fresh = copy.deepcopy(captioner)
    fresh._encoder = showtell.Encoder()
    together = threading.Barrier(4)

    def captions(place: int) -> list[list[str]]:
        together.wait(30)
        found = []
        for turn in range(6):
            photo = photos[(place + turn) % len(photos)]
            caption = fresh.caption(photo, 1 + turn % 3)
            (maps,) = fresh.attention_maps(fresh.encode([photo]), [caption])
            found.append((photo, caption, maps.tobytes()))
        return found

    with ThreadPoolExecutor(4) as callers:
        found = [entry for entries in callers.map(captions, range(4)) for entry in entries]

    @functools.cache
    def alone(photo: Path, count: int) -> tuple[Caption, bytes]:
        caption = captioner.caption(photo, count)
        return caption, captioner.attention_maps(captioner.encode([photo]), [caption])[0].tobytes()

    for photo, caption, maps in found:
        assert (caption, maps) == alone(photo, len(caption.n_best))


@pytest.mark.parametrize("width", [0, -1, False])
def test_a_beam_of_no_width_is_refused(captioner: Captioner, width: int) -> None:
    with pytest.raises(ShowtellError, match=f"width is {width}, expected"):
        captioner.caption_features(np.zeros((1, 81, 1280), np.float32), beam_width=width)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_named(captioner: Captioner, value: float) -> None:
    features = np.ones((3, 81, 1280), np.float32)
    features[1, 7, 9] = value
    with pytest.raises(ShowtellError, match="the features of photo 1 hold numbers that are not finite"):
        captioner.caption_features(features)


def test_attention_maps_of_a_caption_of_another_captioner_are_refused(captioner: Captioner) -> None:
    features = np.ones((1, 81, 1280), np.float32)
    (caption,) = captioner.caption_features(features)
    with pytest.raises(ShowtellError, match="does not know the word 'xylophone'"):
        captioner.attention_maps(features, [replace(caption, words=(("xylophone", 0.5),))])
    with pytest.raises(ShowtellError, match="a caption has 9 words, and this captioner's have 8 at most"):
        captioner.attention_maps(features, [replace(caption, words=(("cat", 0.5),) * 9)])
    with pytest.raises(ShowtellError, match="2 captions for 1 photos"):
        captioner.attention_maps(features, [caption, caption])


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_a_copy_captions_as_the_original_does(captioner: Captioner, way) -> None:
    expected = captioner.caption(CAT)  # and with that all that is made at the first caption is there
    other = way(captioner)
    assert other.caption(CAT) == expected
    assert other.decoder.backend is captioner.decoder.backend


def test_an_instruction_set_that_is_not_there_is_no_fault_of_the_file() -> None:
    if not kernels.available():
        pytest.skip("the kernels were not compiled")
    environment = os.environ | {"SHOWTELL_INSTRUCTION_SET": "AVX-3"}
    command = [sys.executable, "-m", "showtell", "caption", str(CAT)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert found.returncode == 1
    expected = "showtell: SHOWTELL_INSTRUCTION_SET is 'AVX-3', which this machine or this build does not have\n"
    assert found.stderr == expected
