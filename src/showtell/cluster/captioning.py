"""Captions of many photos on many machines: each part of a source by one actor, from reading to writing."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from showtell import __version__
from showtell._util.parallel import parallel_map
from showtell.captioning.batch import told
from showtell.cluster import storage
from showtell.cluster.connection import connected
from showtell.cluster.destination import Destination
from showtell.cluster.source import Part
from showtell.errors import PhotoError, ShowtellError
from showtell.nn import kernels

if TYPE_CHECKING:
    from ray import ObjectRef

    from showtell.captioning.caption import Caption
    from showtell.captioning.captioner import Captioner
    from showtell.cluster.source import Source
    from showtell.metadata.writer import CaptionWriter

MEMORY = 700 * 2**20
"""Bytes that an actor asks the cluster for; docs/cluster.md says what it takes."""
# Photos that are fetched at a time: an object store answers late
_FETCHERS = 8


@dataclass(frozen=True)
class Work:
    """What is done with each part.

    Attributes:
        destination: where the captions go.
        num_captions: captions of each photo, at most.
        beam_width: sentences followed at once; the captioner's own if not given.
        writer: writes sidecars beside the photos, too.
        folder: what relative paths are relative to.
    """

    destination: Destination
    num_captions: int = 1
    beam_width: int | None = None
    writer: CaptionWriter | None = None
    folder: str = ""


def caption_part(captioner: Captioner, part: Part, work: Work) -> int:
    """Caption the photos of a part, and write what comes of them.

    Returns:
        How many failed; a photo that there is nothing to say of has not.

    Raises:
        ShowtellError: the photos' table cannot be read, or the destination not be written.
    """
    captions: list[dict[str, object]] = []
    failures: list[dict[str, object]] = []
    for name, result in _results(captioner, part, work):
        (failures if isinstance(result, PhotoError) else captions).append(told(name, result))
    work.destination.write(part, captions, failures)
    return sum("error" in row for row in failures)


def _results(captioner: Captioner, part: Part, work: Work) -> Iterator[tuple[str, Caption | PhotoError]]:
    """The name of each photo with its caption, in order; of one that cannot be fetched or written to, the error."""
    fetched: deque[tuple[str, os.stat_result | PhotoError | None]] = deque()

    def photos() -> Iterator[Path | bytes]:
        for (name, _), found in parallel_map(lambda photo: _fetched(photo[1], work), part.photos(), _FETCHERS):
            if isinstance(found, PhotoError):
                fetched.append((name, found))
            else:
                fetched.append((name, _status(found)))
                yield found

    def failed() -> Iterator[tuple[str, PhotoError]]:
        while fetched and isinstance(error := fetched[0][1], PhotoError):
            yield fetched.popleft()[0], error

    for photo, result in captioner.stream(photos(), work.num_captions, beam_width=work.beam_width):
        yield from failed()
        name, before = fetched.popleft()
        if work.writer and isinstance(photo, Path) and not isinstance(result, PhotoError):
            assert not isinstance(before, PhotoError)
            result = _written(work.writer, photo, result, before)
        yield name, result
    yield from failed()


def _fetched(place: str | bytes, work: Work) -> Path | bytes | PhotoError:
    if isinstance(place, bytes):
        return place
    try:
        return storage.photo(storage.absolute(place, work.folder))
    except PhotoError as error:
        return error


def _status(photo: Path | bytes) -> os.stat_result | None:
    try:
        return None if isinstance(photo, bytes) else photo.stat()
    except (OSError, ValueError):
        return None


def _written(
    writer: CaptionWriter, photo: Path, caption: Caption, before: os.stat_result | None
) -> Caption | PhotoError:
    try:
        writer.write(photo, caption, before)
    except PhotoError as error:
        return error
    return caption


class _Actor:
    """Captions parts, one after the other, on one processor.

    Args:
        work: what is done with each part.
        version: of the package that asks; this machine's must be the same.
    """

    def __init__(self, work: Work, version: str) -> None:
        self._work, self._version = work, version
        self._captioner: Captioner | None = None
        kernels.set_num_threads(1)

    def __call__(self, row: dict[str, Any], captioner: list[ObjectRef[Captioner]]) -> dict[str, Any]:
        """Caption the part in a row: how many photos it has, how many failed, and what is wrong with it all.

        The captioner comes as a reference in a list: all actors of a machine read the same memory.
        """
        part = Part(**row | {"named": tuple(map(os.fsdecode, row["named"]))})
        try:
            failed = caption_part(self._loaded(captioner), part, self._work)
        except (ShowtellError, OSError) as error:
            return {"photos": 0, "failed": 0, "wrong": str(error)}
        return {"photos": part.stop - part.start, "failed": failed, "wrong": ""}

    def _loaded(self, captioner: list[ObjectRef[Captioner]]) -> Captioner:
        import ray

        if self._captioner is None:
            if self._version != __version__:
                raise ShowtellError(
                    f"{ray.util.get_node_ip_address()} has showtell {__version__}, expected {self._version}; "
                    "install that there"
                )
            (self._captioner,) = ray.get(captioner)
            self._captioner.encoder.threads = 1
        return self._captioner


def caption_source(
    address: str,
    captioner: Captioner,
    source: Source,
    work: Work,
    about: dict[str, object],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Caption the photos of a source on a cluster, all but the parts that are done.

    Where an actor or its machine ends, another one captions its part anew.

    Args:
        address: of the cluster, as of `connected`.
        captioner: whose captions they are.
        source: the photos.
        work: what is done with them.
        about: what the captions depend on besides the photos, ready for JSON.
        progress: called with the photos done and those there are.

    Returns:
        How many photos failed, those of earlier runs too.

    Raises:
        ShowtellError: the destination holds something else, there is no cluster, or a part cannot be read or written.
    """
    complete = work.destination.begin({"photos": source.identity, **about})
    parts = [part for part in source.parts if work.destination.name_of(part) not in complete]
    done, failed = source.photos - sum(part.stop - part.start for part in parts), sum(complete.values())
    if parts:
        with connected(address):
            progress(done, source.photos)
            for photos, of_them in _outcomes(captioner, parts, work):
                done, failed = done + photos, failed + of_them
                progress(done, source.photos)
    return failed


def _outcomes(captioner: Captioner, parts: Sequence[Part], work: Work) -> Iterator[tuple[int, int]]:
    """As parts are done: how many photos each has, and how many of them failed."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    shared = ray.put(captioner)
    rows = [asdict(part) | {"named": [*map(os.fsencode, part.named)]} for part in parts]
    processors = max(1, int(ray.cluster_resources().get("CPU", 0)))
    results = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _Actor,
        fn_constructor_args=(work, __version__),
        fn_kwargs={"captioner": [shared]},
        compute=ActorPoolStrategy(min_size=1, initial_size=min(len(rows), processors)),
        num_cpus=1,
        memory=MEMORY,
    )
    for result in results.iter_rows():
        if result["wrong"]:
            raise ShowtellError(result["wrong"])
        yield result["photos"], result["failed"]
