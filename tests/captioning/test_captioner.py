from __future__ import annotations

import copy
import json
import math
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load_file, save_file

import showtell
from conftest import PHOTOS
from showtell.captioning import captioner as captioner_module
from showtell.captioning.captioner import Caption, Captioner
from showtell.captioning.confidence import Confidence
from showtell.errors import ModelError, PhotoError, ShowtellError
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
    first, *others = captioner.captions(PHOTOS / "chelsea.png", 4)
    assert first == captioner.caption(PHOTOS / "chelsea.png")
    assert others
    assert len({first.text, *(other.text for other in others)}) == 1 + len(others) <= 4
    assert all(other.confidence is None for other in others)


def test_where_it_looked_for_each_word(captioner: Captioner) -> None:
    features = np.stack([captioner.features(photo) for photo in (CAT, COFFEE)])
    captions = captioner.caption_features(features)
    for looks, caption in zip(captioner.looks(features, captions), captions, strict=True):
        assert looks.shape == (len(caption.words), 9, 9)
        np.testing.assert_allclose(looks.sum(axis=(1, 2)), 1, rtol=1e-5)
    assert captioner.looks(features, [replace(captions[0], named=True), captions[1]])[0].shape == (0, 9, 9)


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


def test_the_signs_of_a_caption(captioner: Captioner) -> None:
    caption = captioner.caption(CAT)
    assert caption.signs == (caption.log_prob / (len(caption.words) + 1), len(caption.words) + 1)


def test_a_confidence_comes_with_every_caption(captioner: Captioner) -> None:
    before = captioner.caption([CAT, COFFEE])
    assert [caption.confidence for caption in before] == [None, None]
    captioner.confidence = Confidence(0.5, (1.0, 0.5, -0.1), (0.5, 0.1, 0.0))
    for known, caption in zip(before, captioner.caption([CAT, COFFEE]), strict=True):
        assert caption.text == known.text
        assert caption.confidence == captioner.confidence.probability(np.array([caption.signs]))[0]
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


@pytest.fixture
def unsure(captioner: Captioner) -> Captioner:
    """A captioner that is sure of nothing, and has seen no espresso."""
    captioner.confidence = Confidence(0.5, (-3.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    captioner.foreign = ("espresso", "hourglass")
    return captioner


def test_a_photo_of_a_foreign_class_is_named(unsure: Captioner, tmp_path: Path) -> None:
    unsure.save(tmp_path / "unsure.safetensors")
    again = Captioner.load(tmp_path / "unsure.safetensors", encoder=unsure.encoder)
    assert again.foreign == unsure.foreign
    coffee, cat = again.caption([COFFEE, CAT])
    assert (coffee.text, coffee.named) == ("An espresso.", True)
    assert coffee.confidence == coffee.words[0][1] == pytest.approx(0.87, abs=0.05)
    assert not cat.named
    assert again.captions(COFFEE, 1) == [coffee]
    first, second, _ = again.captions(COFFEE, 3)
    assert first == coffee
    again.foreign = ()
    assert again.caption(COFFEE).text == second.text


@pytest.mark.parametrize("without", ["a confidence", "doubt", "a foreign class"])
def test_otherwise_it_is_not(unsure: Captioner, without: str) -> None:
    if without == "a confidence":
        unsure.confidence = None
    elif without == "doubt":
        unsure.confidence = Confidence(0.5, (1.0, 0.0, 0.0), (0.1, 0.0, 0.0))
    else:
        unsure.foreign = ("hourglass",)
    assert not unsure.caption(COFFEE).named


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_every_cell_can_be_saved(captioner: Captioner, tmp_path: Path, cell: str) -> None:
    decoder = showtell.CaptionDecoder(len(captioner.vocabulary), 1280, 8, 16, cell=cell, activation="relu")
    other = Captioner(decoder, captioner.vocabulary, encoder_identity=captioner.encoder_identity)
    other.save(tmp_path / "file")
    again = Captioner.load(tmp_path / "file", encoder=captioner.encoder)
    assert again.decoder.config() == decoder.config()
    assert again.caption(CAT).words


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    vocabulary = Vocabulary(["a", "dog"])
    path = tmp_path_factory.mktemp("saved") / "captioner.safetensors"
    Captioner(showtell.CaptionDecoder(6, 12, 2, 3), vocabulary, encoder_identity="e").save(path)
    return path.read_bytes()


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_file_is_an_error(saved: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Cut anywhere, or with any byte changed, a file never loads as something else."""
    place = data.draw(st.integers(0, len(saved) - 1))
    cut = data.draw(st.booleans())
    flip = data.draw(st.integers(1, 255))
    damaged = saved[:place] if cut else saved[:place] + bytes([saved[place] ^ flip]) + saved[place + 1 :]
    (tmp_path / "damaged").write_bytes(damaged)
    try:
        loaded = Captioner.load(tmp_path / "damaged")
    except ModelError:
        return
    loaded.save(tmp_path / "mended")  # the byte was one of the spaces that fill up the header
    assert (tmp_path / "mended").read_bytes() == saved


def test_another_file_is_an_error(captioner: Captioner, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the captioner"):
        Captioner.load(tmp_path / "missing")
    with pytest.raises(ModelError, match="cannot read the captioner"):
        Captioner.load(tmp_path)
    with pytest.raises(ModelError, match="is no captioner"):
        Captioner.load(CAT)
    save_file({"weights": np.ones(3)}, tmp_path / "foreign")
    with pytest.raises(ModelError, match="not a showtell captioner's"):
        Captioner.load(tmp_path / "foreign")


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (3, "a newer")])
def test_another_format_is_said_to_be_that(
    captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, age: str
) -> None:
    monkeypatch.setattr("showtell.captioning.captioner.FORMAT_VERSION", version)
    captioner.save(tmp_path / "file")
    monkeypatch.undo()
    with pytest.raises(
        ModelError, match=f"file was written by {age} showtell, format {version}; this one reads format 2"
    ):
        Captioner.load(tmp_path / "file")


def test_a_format_that_is_no_number_is_damage(
    captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("showtell.captioning.captioner.FORMAT_VERSION", "2")
    captioner.save(tmp_path / "file")
    monkeypatch.undo()
    with pytest.raises(ModelError, match="file is damaged: its format is '2', expected a number"):
        Captioner.load(tmp_path / "file")


def test_weights_are_float16_and_nothing_is_pickled(captioner: Captioner, tmp_path: Path) -> None:
    captioner.save(tmp_path / "file")
    tensors = load_file(tmp_path / "file")
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float16)}
    data = (tmp_path / "file").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(header["__metadata__"]["showtell"])["captioner"]["format_version"] == 2


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
    assert named == {"everyday_paintbrushes.jpg": "A paintbrush."}
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
    assert captioner.decoder.cell == "lstm"
    assert "research and teaching" in captioner.about["terms"]
    assert float(captioner.about["validation cider_d flickr8k"]) >= 0.53
    assert float(captioner.about["validation cider_d coco"]) >= 0.83
    assert float(captioner.about["validation bleu_4 coco"]) >= 0.25
    assert captioner.confidence is not None
    assert captioner_module.SHIPPED.stat().st_size <= 32e6  # its encoder included


def test_a_broken_photo_among_several_is_an_error_in_its_place(captioner: Captioner, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    cat, broken, coffee = captioner.try_captions([CAT, tmp_path / "broken.jpg", COFFEE], 2)
    assert cat == captioner.captions(CAT, 2)
    assert isinstance(broken, PhotoError)
    assert coffee == captioner.captions(COFFEE, 2)
    assert captioner.try_captions([]) == []


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


def test_weights_that_are_no_numbers_give_no_caption_and_no_file(captioner: Captioner, tmp_path: Path) -> None:
    captioner.decoder.params["b_vocab"][7] = np.nan
    with pytest.raises(ModelError, match="b_vocab holds numbers that are not finite"):
        captioner.save(tmp_path / "nan.safetensors")
    assert not list(tmp_path.iterdir())
    with pytest.raises(ShowtellError, match="are not finite"):
        captioner.caption_features(np.ones((1, 81, 1280), np.float32))


def test_what_float16_cannot_hold_is_saved_in_float32(captioner: Captioner, tmp_path: Path) -> None:
    captioner.decoder.params["W_embed"][0, 0] = 1e6
    captioner.decoder.statistics["feature_scale"][:] = 1e-9
    captioner.save(tmp_path / "large.safetensors")
    stored = load_file(tmp_path / "large.safetensors")
    assert {name for name, array in stored.items() if array.dtype == np.float32} == {"W_embed", "feature_scale"}
    loaded = Captioner.load(tmp_path / "large.safetensors")
    assert loaded.decoder.params["W_embed"][0, 0] == 1e6
    np.testing.assert_array_equal(loaded.decoder.statistics["feature_scale"], np.float32(1e-9))


def test_the_looks_of_a_caption_of_another_captioner_are_refused(captioner: Captioner) -> None:
    features = np.ones((1, 81, 1280), np.float32)
    (caption,) = captioner.caption_features(features)
    with pytest.raises(ShowtellError, match="does not know the word 'xylophone'"):
        captioner.looks(features, [replace(caption, words=(("xylophone", 0.5),))])
    with pytest.raises(ShowtellError, match="a caption has 9 words, and this captioner's have 8 at most"):
        captioner.looks(features, [replace(caption, words=(("cat", 0.5),) * 9)])


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_a_copy_captions_as_the_original_does(captioner: Captioner, way) -> None:
    expected = captioner.caption(CAT)  # and with that all that is made at the first caption is there
    other = way(captioner)
    assert other.caption(CAT) == expected
    assert other.decoder.layers is captioner.decoder.layers


def test_an_instruction_set_that_is_not_there_is_no_fault_of_the_file() -> None:
    if not kernels.available():
        pytest.skip("the kernels were not compiled")
    environment = os.environ | {"SHOWTELL_INSTRUCTION_SET": "AVX-3"}
    command = [sys.executable, "-m", "showtell", "caption", str(CAT)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert found.returncode == 1
    expected = "showtell: SHOWTELL_INSTRUCTION_SET is 'AVX-3', which this machine or this build does not have\n"
    assert found.stderr == expected
