from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from showtell.errors import DatasetError
from showtell.features import FeatureStore
from showtell.features.cache import check_finite

SHAPE = (2, 3)
RECORD, KEY = 2 * 2 * 3, 32


class Counting:
    """An encoder whose features are a photo's colour and its square, and which counts the photos."""

    def __init__(self) -> None:
        self.photos = 0

    def __call__(self, photo: Image.Image) -> np.ndarray:
        self.photos += 1
        colour = np.array(photo.getpixel((0, 0)), np.float32)
        return np.stack([colour, colour * colour / 64])


# The same in another process, slowly: it says on stdout how many photos it has done.
CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from showtell.features import FeatureStore
calls = 0
def encode(photo):
    global calls
    calls += 1
    time.sleep(0.01)
    colour = np.array(photo.getpixel((0, 0)), np.float32)
    return np.stack([colour, colour * colour / 64])
store, *photos = map(Path, sys.argv[1:])
report = FeatureStore(store, "net", (2, 3)).fill(
    photos, encode, batch=3, progress=lambda done, total: print(done, total, flush=True)
)
assert len(report.rows) == len(photos)
print("calls", calls)
"""


def start_child(store: Path, photos: list[Path]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(store), *map(str, photos)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def files_of(store: Path) -> tuple[Path, Path]:
    (folder,) = store.iterdir()
    return folder / "features.f16", folder / "keys.bin"


def assert_filled(store: Path, photos: list[Path], stored: int) -> None:
    """Open the store, fill it: only what was not stored is computed, and every row is its photo's."""
    encode = Counting()
    opened = FeatureStore(store, "net", SHAPE)
    assert opened.features.shape == (stored, *SHAPE)
    report = opened.fill(photos, encode, batch=2)
    assert encode.photos == len(photos) - stored
    assert report.unreadable == ()
    rows = [report.rows[photo] for photo in photos]
    expected = np.stack([encode(Image.open(photo)) for photo in photos]).astype(np.float16)
    np.testing.assert_array_equal(opened.features[rows], expected)
    np.testing.assert_array_equal(FeatureStore(store, "net", SHAPE).features[rows], expected)
    if stored < len(photos):
        sizes = [file.stat().st_size for file in files_of(store)]
        assert sizes == [len(photos) * RECORD, len(photos) * KEY]


def test_features_are_computed_once_and_found_by_another_opening(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(7)))
    encode = Counting()
    seen: list[tuple[int, int]] = []
    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    assert store.features.shape == (0, *SHAPE)
    report = store.fill(photos, encode, batch=3, progress=lambda *done: seen.append(done))
    assert seen == [(done, 7) for done in range(1, 8)]
    assert report.rows == {photo: row for row, photo in enumerate(photos)}
    assert store.features.dtype == np.float16
    assert isinstance(store.features, np.memmap)
    np.testing.assert_array_equal(
        store.features[[6, 2]], [[[6, 0, 7], [36 / 64, 0, 49 / 64]], [[2, 0, 7], [4 / 64, 0, 49 / 64]]]
    )
    again = FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos[::-1], encode, progress=pytest.fail)
    assert again.rows == report.rows
    assert encode.photos == 7


def test_a_photo_is_known_by_its_content(tmp_path, write_photos) -> None:
    a, b = write_photos(tmp_path, "a.png", "b.png")
    twin = tmp_path / "twin.png"
    shutil.copy(a, twin)
    encode = Counting()
    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    rows = store.fill([a, twin, b, a], encode).rows
    assert rows == {a: 0, twin: 0, b: 1}
    Image.new("RGB", (5, 5), (200, 100, 50)).save(a)
    rows = store.fill([a, twin, b], encode).rows
    assert rows == {a: 2, twin: 0, b: 1}
    assert encode.photos == 3
    np.testing.assert_array_equal(store.features[2, 0], [200, 100, 50])


def test_another_encoder_or_shape_is_another_store(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, "a.png", "b.png")
    encode = Counting()
    for identity in ("net", "net/2", "net-2"):
        FeatureStore(tmp_path / "store", identity, SHAPE).fill(photos, encode)
    FeatureStore(tmp_path / "store", "net", (6,)).fill(photos, lambda photo: encode(photo).ravel())
    assert encode.photos == 8
    assert len(list((tmp_path / "store").iterdir())) == 4


def test_broken_photos_are_reported_and_cost_the_others_nothing(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(9)))
    photos[2].write_bytes(photos[2].read_bytes()[:40])
    photos[5].write_bytes(b"not a photo")
    shutil.copy(photos[5], photos[6])
    photos[8].unlink()
    encode = Counting()
    seen: list[tuple[int, int]] = []
    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    report = store.fill(photos, encode, batch=2, progress=lambda *done: seen.append(done))
    good = [photos[i] for i in (0, 1, 3, 4, 7)]
    assert report.rows == {photo: row for row, photo in enumerate(good)}
    assert [(problem.kind, problem.name) for problem in report.unreadable] == [
        ("unreadable photo", str(photos[i])) for i in (8, 2, 5, 6)
    ]
    assert all(problem.detail for problem in report.unreadable)
    assert seen[-1] == (7, 7)
    np.testing.assert_array_equal(store.features[:, 0, 0], [0, 1, 3, 4, 7])
    assert store.fill(photos, encode).unreadable == report.unreadable
    assert encode.photos == 5


@pytest.mark.parametrize("features_size", [*range(5 * RECORD + 1), 5 * RECORD + 7])
def test_features_cut_off_at_any_byte_leave_a_prefix(tmp_path, write_photos, features_size) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(5)))
    FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos, Counting())
    features, _ = files_of(tmp_path / "store")
    os.truncate(features, features_size)
    assert_filled(tmp_path / "store", photos, min(features_size // RECORD, 5))


@pytest.mark.parametrize("keys_size", [size for row in range(6) for size in (row * KEY, row * KEY + 1, row * KEY + 31)])
def test_keys_cut_off_anywhere_leave_a_prefix(tmp_path, write_photos, keys_size) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(5)))
    FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos, Counting())
    _, keys = files_of(tmp_path / "store")
    os.truncate(keys, keys_size)
    assert_filled(tmp_path / "store", photos, min(keys_size // KEY, 5))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("done", [1, 3, 4, 20, 29])
def test_a_killed_run_goes_on_where_it_was(tmp_path, write_photos, done) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(30)))
    with start_child(tmp_path / "store", photos) as child:
        assert child.stdout is not None
        while child.stdout.readline() != f"{done} 30\n":
            assert child.poll() is None
        child.kill()
    assert child.returncode == -signal.SIGKILL
    stored = len(FeatureStore(tmp_path / "store", "net", SHAPE).features)
    assert stored % 3 == 0
    assert done - 2 <= stored < 30
    assert_filled(tmp_path / "store", photos, stored)


def test_two_processes_fill_one_store_and_compute_nothing_twice(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(40)))
    first = start_child(tmp_path / "store", photos[:30])
    assert first.stdout is not None
    first.stdout.readline()
    # The second starts while the first holds the lock, and shares twenty photos with it.
    second = start_child(tmp_path / "store", photos[:9:-1])
    outputs = [child.communicate(timeout=60)[0].split("\n") for child in (first, second)]
    assert first.returncode == second.returncode == 0
    calls = [int(lines[-2].removeprefix("calls ")) for lines in outputs]
    assert calls == [30, 10]
    assert_filled(tmp_path / "store", photos, 40)


def test_a_reader_keeps_its_rows_while_another_adds(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(6)))
    FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos[:3], Counting())
    reader = FeatureStore(tmp_path / "store", "net", SHAPE).features
    FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos, Counting())
    np.testing.assert_array_equal(reader[:, 0, 0], [0, 1, 2])


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_full_disk_is_an_error_that_keeps_what_was_stored(tmp_path, write_photos, monkeypatch, failing) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(6)))
    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    calls = 0

    def fsync(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(DatasetError, match=r"No space left .*; free space or choose another folder"):
            store.fill(photos, Counting(), batch=2)
    stored = len(FeatureStore(tmp_path / "store", "net", SHAPE).features)
    assert stored == 2 * (failing // 2)
    assert_filled(tmp_path / "store", photos, stored)


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda photo: np.zeros((3, 2), np.float32), r"shape \(3, 2\), expected \(2, 3\)"),
        (lambda photo: np.full((2, 3), 70_000, np.float32), "float16 cannot hold"),
        (lambda photo: np.full((2, 3), np.nan, np.float32), "float16 cannot hold"),
    ],
)
def test_features_that_cannot_be_stored_are_refused(tmp_path, write_photos, encode, message) -> None:
    photos = write_photos(tmp_path, "a.png", "b.png")
    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    with pytest.raises(DatasetError, match=message):
        store.fill(photos, encode)
    assert_filled(tmp_path / "store", photos, 0)


def test_interruption_keeps_durable_batches(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(9)))
    encode = Counting()

    def interrupted(done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    store = FeatureStore(tmp_path / "store", "net", SHAPE)
    with pytest.raises(KeyboardInterrupt):
        store.fill(photos, encode, batch=2, progress=interrupted)
    assert_filled(tmp_path / "store", photos, 4)


def test_a_folder_that_cannot_be_made_is_a_data_set_error(tmp_path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(DatasetError, match=r"feature store .*store.* choose another folder"):
        FeatureStore(tmp_path / "store", "net", SHAPE)


def test_waiting_process_reports_progress_of_the_other(tmp_path, write_photos) -> None:
    photos = write_photos(tmp_path, *(f"{i}.png" for i in range(6)))
    encoding, go_on = threading.Event(), threading.Event()
    first, second = Counting(), Counting()

    def slow(photo: Image.Image) -> np.ndarray:
        if photo.getpixel((0, 0))[0] >= 2:  # neither the first nor the second photo
            encoding.set()
            assert go_on.wait(30)
        return first(photo)

    seen: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        go_on.set()

    fill_first = FeatureStore(tmp_path / "store", "net", SHAPE).fill
    thread = threading.Thread(target=fill_first, args=(photos, slow), kwargs={"batch": 1})
    thread.start()
    assert encoding.wait(30)
    deadline = time.monotonic() + 30
    while not len(FeatureStore(tmp_path / "store", "net", SHAPE).features):
        assert time.monotonic() < deadline
    report = FeatureStore(tmp_path / "store", "net", SHAPE).fill(photos, second, progress=progress)
    thread.join()
    assert (first.photos, second.photos) == (6, 0)
    total = seen[0][1]
    assert 0 < total < 6  # of those that were not stored yet
    assert seen[0] == (0, total)
    assert seen[-1] == (total, total)
    assert list(report.rows.values()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_features_that_are_not_finite_are_named_by_their_photo(wrong: float, dtype: type, tmp_path: Path) -> None:
    photos = [Path(f"{number}.jpg") for number in range(3)]
    stored = np.memmap(tmp_path / "features.f16", dtype, mode="w+", shape=(3, 2, 4))
    stored[:] = np.linspace(-60000, 60000, 24).reshape(3, 2, 4)
    check_finite(stored[[2, 0]], photos[:2], stored)
    stored[2, 1, 3] = wrong
    check_finite(stored[[0, 1]], photos[:2], stored)
    with pytest.raises(
        DatasetError, match=r"features of 0\.jpg in .*features\.f16 are damaged.*remove .*, and all are"
    ):
        check_finite(stored[[2, 0]], photos, stored)
    with pytest.raises(DatasetError, match=r"features of 1\.jpg are damaged: not finite"):
        check_finite(np.asarray(stored[[0, 2]]).copy(), photos, np.zeros(3))


def test_what_is_there_is_not_touched_and_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "encoder", (4,))
    [folder] = tmp_path.iterdir()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / ".showtell-0123456789abcdef.part").write_bytes(b"half")
    FeatureStore(tmp_path, "encoder", (4,))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
