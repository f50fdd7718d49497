"""Commands killed at random moments and given again: they end as if nobody had killed them."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from campaign.photos import PHOTOS as ALBUM
from campaign.tally import Tally
from showtell.datasets.synthetic import draw_shapes
from showtell.metadata.container import container_of
from showtell.metadata.xmp import PROPERTIES, Packet
from showtell.vision.photo import open_photo

PHOTOS = 30
RECIPE = """\
min_count = 1
embed_dim = 8
hidden_dim = 8
attention_dim = 8
heads = 2
augmentations = 1
epochs = 3
scst_epochs = 1
batch_size = 8
"""
_MOST_KILLS = 8
_ENDS_S = 300


@dataclass(frozen=True)
class Work:
    """A command that is killed.

    Attributes:
        words: of the command line.
        needs: what it needs of the files there are.
        whole: what it has made in the end, to be compared.
    """

    words: tuple[str, ...]
    needs: tuple[str, ...]
    whole: Callable[[Path], Any]


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Kills for so many seconds; what was begun is brought to its end."""
    folder.mkdir(parents=True)
    tally, count = Tally("kills", "kills of `train`, `caption` and `alt`"), os.cpu_count() or 1
    source = folder / "source"
    whole = {name: _unkilled(work, source, folder / f"whole-{name}") for name, work in lay(source).items()}
    end = time.monotonic() + seconds

    def work_on(first: int) -> None:
        number = first
        while time.monotonic() < end:
            rng = random.Random(f"{seed} kills {number}")
            name, (result, length) = rng.choice(list(whole.items()))
            chain = Chain(WORKS[name], source, folder / f"{number}-{name}", rng, length)
            try:
                chain.go()
                chain.check(result)
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as error:
                tally.broken.append(f"kills {number}, {name}, after {chain.kills} kills: {error!r}")
                tally.well += max(chain.kills - 1, 0)
            else:
                tally.well += chain.kills
                shutil.rmtree(chain.folder)
            number += count

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(work_on, range(count)))
    return tally


class Chain:
    """A command that is killed, and given again, until it has come to its end.

    Attributes:
        folder: where it works.
        kills: how often it was killed.
    """

    def __init__(self, work: Work, source: Path, folder: Path, rng: random.Random, length: float) -> None:
        self.work, self.folder, self.kills = work, folder, 0
        self._rng, self._length = rng, length
        _copy(work, source, folder)

    def go(self) -> None:
        """Kill it several times, then let it end."""
        for _ in range(_MOST_KILLS):
            process = start(self.work.words, self.folder)
            self._wait(process)
            if process.poll() is None:
                process.send_signal(self._rng.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
                self.kills += 1
            said = process.communicate(timeout=_ENDS_S)[1]
            assert "Traceback" not in said, said
            if process.returncode == 0:
                return
            assert process.returncode < 0, f"exit status {process.returncode}: {said}"
        finish(self.work.words, self.folder)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        """Wait for a moment: any, or one at which a file has just come, gone or grown."""
        end = time.monotonic() + self._rng.uniform(0.2, 1.1) * self._length
        changes, seen = self._rng.choice((None, self._rng.randrange(60))), None
        while process.poll() is None and time.monotonic() < end:
            if changes is not None and (now := _listed(self.folder)) != seen:
                changes, seen = changes - 1, now
                if changes < 0:
                    return
            time.sleep(0.001)

    def check(self, whole: Any) -> None:
        """Hold what it made against what it makes when it is not killed."""
        assert self.work.whole(self.folder) == whole, "it ended otherwise"
        left = [str(path) for path in self.folder.rglob("*.part")]
        assert not left, f"it left {left}"


def lay(source: Path) -> dict[str, Work]:
    """Make the files that the commands work on."""
    draw_shapes(source / "data", PHOTOS, np.random.default_rng(0))
    (source / "recipe.toml").write_text(RECIPE)
    (source / "photos").mkdir()
    (source / "site").mkdir()
    album = sorted(path for path in ALBUM.iterdir() if path.suffix == ".jpg")[:PHOTOS]
    for number, path in enumerate(album):
        name, picture = f"{number:05}", open_photo(path)
        picture.thumbnail((160, 160))
        picture.save(source / "photos" / f"{name}.{('png', 'jpg', 'webp')[number % 3]}", quality=90)
        picture.save(source / "site" / f"{name}.png")
        (source / "site" / f"{name}.html").write_text(f'<p>One\n<img src="{name}.png">\n<p>Two')
    finish((*_TRAIN, "--run", "first"), source)
    return WORKS


def start(words: tuple[str, ...], folder: Path) -> subprocess.Popen[str]:
    """Begin a command of showtell's."""
    command = [sys.executable, "-m", "showtell", *words]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(words: tuple[str, ...], folder: Path) -> None:
    """Do a command to its end."""
    process = start(words, folder)
    said = process.communicate(timeout=_ENDS_S)[1]
    assert process.returncode == 0, said


def _unkilled(work: Work, source: Path, folder: Path) -> tuple[Any, float]:
    """What comes of a command that nobody kills, and how long it takes."""
    _copy(work, source, folder)
    begin = time.monotonic()
    finish(work.words, folder)
    return work.whole(folder), time.monotonic() - begin


def _listed(folder: Path) -> list[tuple[str, int]]:
    """The files that a command makes, and their sizes."""
    found = []
    for path in (
        path for pattern in ("run/*", "photos/*", "site/*", "features/*/*", "*.jsonl") for path in folder.glob(pattern)
    ):
        with suppress(FileNotFoundError):
            found.append((path.name, path.stat().st_size))
    return found


def _copy(work: Work, source: Path, folder: Path) -> None:
    folder.mkdir()
    for name in work.needs:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy2(source / name, folder / name)


def _run(folder: Path) -> Any:
    """A run's captioner, and its other files without times."""
    run = folder / "run"
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    metrics = [{name: value for name, value in record.items() if name != "words_per_second"} for record in records]
    kept = {name: (run / name).read_bytes() for name in ("best.safetensors", "recipe.toml", "problems.jsonl")}
    return kept, metrics, sorted(path.name for path in run.iterdir())


def _captions(folder: Path) -> Any:
    """Each photo's caption, once, and the photos as they are."""
    lines = [json.loads(line) for line in (folder / "done.jsonl").read_bytes().splitlines()]
    captions = sorted((line["file"], line["caption"]) for line in lines)
    assert len(captions) == PHOTOS, "a caption is missing, or there twice"
    return captions, list(_pixels(folder))


def _sidecars(folder: Path) -> Any:
    """What the sidecars say, and the photos byte for byte."""
    found = sorted((folder / "photos").glob("*.xmp"))
    assert len(found) == PHOTOS, "a sidecar is missing"
    photos = [path.read_bytes() for path in sorted((folder / "photos").iterdir()) if path.suffix != ".xmp"]
    return [_said(path.read_bytes()) for path in found], photos


def _embedded(folder: Path) -> Any:
    """What the photos say, and their pixels."""
    said = []
    for path in sorted((folder / "photos").iterdir()):
        data = path.read_bytes()
        container = container_of(data)
        assert container is not None
        [packet] = container.packets(path.name, data)
        said.append(_said(packet))
    return said, list(_pixels(folder))


def _pages(folder: Path) -> Any:
    """The pages, each with its text, and their images."""
    files = {path.name: path.read_bytes() for path in sorted((folder / "site").iterdir())}
    assert sum(b" alt=" in data for name, data in files.items() if name.endswith(".html")) == PHOTOS
    return files


def _said(data: bytes) -> Any:
    packet = Packet.parse("photo", data)
    return [packet.text(name) for name in PROPERTIES], packet.record()["Caption"]


def _pixels(folder: Path) -> Iterator[bytes]:
    for path in sorted((folder / "photos").iterdir()):
        yield open_photo(path).tobytes()


_TRAIN = ("train", "data", "--recipe", "recipe.toml", "--features", "features", "-q")
_CAPTION = ("caption", "photos", "-q", "--json")
WORKS = {
    "train": Work((*_TRAIN, "--run", "run"), ("data", "features", "recipe.toml"), _run),
    "encode": Work((*_TRAIN, "--run", "run"), ("data", "recipe.toml"), _run),
    "manifest": Work((*_CAPTION, "--manifest", "done.jsonl"), ("photos",), _captions),
    "xmp": Work((*_CAPTION, "--write", "xmp"), ("photos",), _sidecars),
    "embed": Work((*_CAPTION, "--write", "embed", "--manifest", "done.jsonl"), ("photos",), _embedded),
    "alt": Work(("alt", "site", "-q", "--apply"), ("site",), _pages),
}
