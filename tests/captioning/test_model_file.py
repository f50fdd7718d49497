from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from conftest import PHOTOS
from decoders import fresh_decoder
from showtell.captioning.captioner import Captioner
from showtell.captioning.model_file import read_model_file, write_model_file
from showtell.errors import ModelError, ShowtellError
from showtell.text.vocabulary import Vocabulary

CAT = PHOTOS / "chelsea.png"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {"W": rng.standard_normal((3, 2)).astype(np.float16), "b": np.zeros(0, np.float32)}
    write_model_file(tmp_path / "file", {"name": "é", "sizes": [1, 2]}, weights, {"net": b"\x00\xff"})
    fields, read, blobs = read_model_file(tmp_path / "file")
    assert fields == {"format_version": 2, "name": "é", "sizes": [1, 2]}
    assert blobs == {"net": b"\x00\xff"}
    assert read.keys() == weights.keys()
    for name, array in read.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, weights[name])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    vocabulary = Vocabulary(["a", "dog"])
    path = tmp_path_factory.mktemp("saved") / "captioner.safetensors"
    Captioner(fresh_decoder(6, 12, 2, 3), vocabulary, encoder_identity="e").save(path)
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
    save_file({"weights": np.ones(3)}, tmp_path / "other")
    with pytest.raises(ModelError, match="not a showtell captioner's"):
        Captioner.load(tmp_path / "other")


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (3, "a newer")])
def test_another_format_is_said_to_be_that(
    captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, age: str
) -> None:
    monkeypatch.setattr("showtell.captioning.model_file.FORMAT_VERSION", version)
    captioner.save(tmp_path / "file")
    monkeypatch.undo()
    with pytest.raises(
        ModelError, match=f"file was written by {age} showtell, format {version}; this one reads format 2"
    ):
        Captioner.load(tmp_path / "file")


def test_a_format_that_is_no_number_is_damage(
    captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("showtell.captioning.model_file.FORMAT_VERSION", "2")
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


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_every_cell_can_be_saved(captioner: Captioner, tmp_path: Path, cell: str) -> None:
    decoder = fresh_decoder(len(captioner.vocabulary), 1280, 8, 16, cell=cell, activation="relu")
    other = Captioner(decoder, captioner.vocabulary, encoder_identity=captioner.encoder_identity)
    other.save(tmp_path / "file")
    again = Captioner.load(tmp_path / "file", encoder=captioner.encoder)
    assert again.decoder.config == decoder.config
    assert again.caption(CAT).words
