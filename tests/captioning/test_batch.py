from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import PHOTOS
from showtell._util.manifest import Manifest
from showtell.captioning.batch import Batch, Outcome
from showtell.captioning.caption import Caption
from showtell.captioning.captioner import Captioner
from showtell.errors import PhotoError, PhotoUnavailableError


class Reader:
    """A captioner whose caption of a file is what it holds; of an empty one it can make nothing."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def stream(
        self, photos: Iterable[Path], num_captions: int, *, beam_width: int | None
    ) -> Iterator[tuple[Path, Caption | PhotoError]]:
        for photo in photos:
            self.read.append(photo.name)
            try:
                text = photo.read_text()
            except OSError:
                yield photo, PhotoUnavailableError(f"{photo}: no such file")
                continue
            yield photo, Caption(text, 0.0, ()) if text else PhotoError(f"{photo}: is empty")


def finished(batch: Batch, photos: list[Path]) -> list[Outcome]:
    """What comes of photos, all of it taken care of."""
    outcomes = []
    for outcome in batch.run(photos):
        outcomes.append(outcome)
        batch.finish(outcome)
    return outcomes


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    names = [tmp_path / name for name in ("a", "broken", "c")]
    for path in names:
        path.write_text("" if path.name == "broken" else path.name)
    return [*names, tmp_path / "missing"]


def batch_of(*arguments: Any) -> tuple[Batch, Reader]:
    reader: Any = Reader()
    return Batch(reader, *arguments), reader


def test_what_comes_of_photos_in_their_order(photos: list[Path]) -> None:
    batch, _ = batch_of()
    seen: list[tuple[int, int]] = []
    a, broken, c, missing = batch.run(photos, lambda *done: seen.append(done))
    assert seen == [(done, 4) for done in range(5)]
    assert a.to_dict() == {"file": str(photos[0]), **Caption("a", 0.0, ()).to_dict()}
    assert broken.to_dict() == {"file": str(photos[1]), "error": f"{photos[1]}: is empty"}
    assert c.before is not None
    assert c.before.st_mtime_ns == photos[2].stat().st_mtime_ns
    assert isinstance(missing.result, PhotoUnavailableError)
    assert missing.before is None
    assert batch.broken == {path: str(outcome.result) for path, outcome in ((photos[1], broken), (photos[3], missing))}


def test_a_run_that_was_stopped_goes_on(photos: list[Path], tmp_path: Path) -> None:
    manifest = tmp_path / "done.jsonl"
    batch, _ = batch_of(Manifest(manifest, "me"))
    for outcome in batch.run(batch.pending(photos)):
        if outcome.photo == photos[2]:
            break
        batch.finish(outcome)
    batch, reader = batch_of(Manifest(manifest, "me"))
    pending = batch.pending(photos)
    assert pending == photos[2:]
    assert batch.broken == {photos[1]: f"{photos[1]}: is empty"}
    finished(batch, pending)
    assert reader.read == ["c", "missing"]
    batch, _ = batch_of(Manifest(manifest, "me"))
    assert batch.pending(photos) == photos[3:]  # it may be there the next time
    batch, _ = batch_of(Manifest(manifest, "another"))
    assert batch.pending(photos) == photos


def test_what_does_not_last_is_done_for_this_process_alone(photos: list[Path], tmp_path: Path) -> None:
    batch, _ = batch_of(Manifest(tmp_path / "done.jsonl", "me"))
    for outcome in batch.run(batch.pending(photos[:1])):
        batch.finish(outcome, lasting=False)
    assert batch.pending(photos[:1]) == []
    assert batch_of(Manifest(tmp_path / "done.jsonl", "me"))[0].pending(photos[:1]) == photos[:1]


def test_a_photo_that_its_caption_was_written_into_is_done(photos: list[Path]) -> None:
    for told in (False, True):
        batch, _ = batch_of()
        for outcome in batch.run(batch.pending(photos[:1])):
            photos[0].write_text(outcome.result.text + "!")
            batch.finish(outcome, rewritten=photos[0].stat() if told else None)
        assert batch.pending(photos[:1]) == ([] if told else photos[:1])


def test_a_watch_finds_what_comes_and_what_changes(photos: list[Path], tmp_path: Path, monkeypatch) -> None:
    batch, _ = batch_of()
    finished(batch, batch.pending(photos[:3]))
    came = tmp_path / "came"
    changes = [
        lambda: None,
        lambda: came.write_text("c"),
        lambda: came.write_text("came"),  # it is being written
        lambda: None,
        lambda: None,
        lambda: (photos[1].write_text("whole"), photos[0].unlink()),
        lambda: None,
    ]
    turns = iter(changes)
    monkeypatch.setattr("time.sleep", lambda seconds: next(turns)())
    watch = batch.watch(lambda: [*photos[:3], *([came] if came.exists() else [])])
    found = []
    for _ in changes:
        due = next(watch)
        found.append([path.name for path in due])
        finished(batch, due)
    assert found == [[], [], [], ["came"], [], [], ["broken"]]
    assert not batch.broken


def test_a_watch_tries_a_broken_photo_again_when_it_changes_or_after_a_minute(
    photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    batch, _ = batch_of()
    missing, there = photos[3], photos[3]
    assert [outcome.repeated for outcome in finished(batch, batch.pending([missing]))] == [False]
    watch = batch.watch(lambda: [there])
    assert next(watch) == []  # it is not there, and neither settled
    there.mkdir()  # nobody can read a folder as a photo
    next(watch)
    assert next(watch) == [there]
    first = finished(batch, [there])
    assert [outcome.repeated for outcome in first] == [True]
    assert next(watch) == []
    now = 61.0
    assert next(watch) == [there]
    finished(batch, [there])
    assert next(watch) == []
    os.utime(there, ns=(1, 1))
    next(watch)
    assert next(watch) == [there]


def test_captions_are_those_of_the_captioner(captioner: Captioner) -> None:
    paths = [PHOTOS / "chelsea.png", PHOTOS / "coffee.png"]
    batch = Batch(captioner, num_captions=2, beam_width=1)
    found = [outcome.result for outcome in batch.run(batch.pending(paths))]
    for caption, path in zip(found, paths, strict=True):
        expected = captioner.caption(path, 2, beam_width=1)
        assert [one.text for one in caption.n_best] == [one.text for one in expected.n_best]
        np.testing.assert_allclose(caption.log_prob, expected.log_prob, rtol=1e-4)
