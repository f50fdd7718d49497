"""The `--ray` of `showtell caption`: photos and tables, captioned on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from showtell._util.console import tell
from showtell.errors import ShowtellError

if TYPE_CHECKING:
    from showtell.captioning.captioner import Captioner
    from showtell.metadata.writer import CaptionWriter


def caption_on_cluster(
    address: str,
    paths: Sequence[str],
    exclude: Sequence[str],
    captioner: Captioner,
    output: str,
    about: dict[str, object],
    *,
    num_captions: int,
    beam_width: int | None,
    writer: CaptionWriter | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Caption what the paths refer to into `output`, and end with the exit status that it makes.

    Raises:
        ShowtellError: there are no photos, no cluster, or as of `caption_source`.
    """
    from showtell._util.progress import bar
    from showtell.cli.photo_paths import PhotoPaths
    from showtell.cluster.captioning import Work, caption_source
    from showtell.cluster.connection import require_ray
    from showtell.cluster.destination import Destination
    from showtell.cluster.source import find_source

    unreadable: list[ShowtellError] = []

    def find_local(path: str) -> list[Path]:
        return PhotoPaths([path], exclude, unreadable.append).photos()

    require_ray()
    source = find_source(paths, find_local)
    for error in unreadable:
        tell(str(error))
    if not source.photos:
        raise ShowtellError(f"there are no photos in {', '.join(paths)}")
    destination = Destination.of(output, "jsonl" if as_json else "parquet")
    work = Work(destination, num_captions, beam_width, writer, str(Path.cwd()))
    with bar("captioning photos", quiet=quiet) as report:
        failed = caption_source(address, captioner, source, work, about, report)
    if failed:
        tell(f"{failed:,} of {source.photos:,} photos failed: {destination.folder}/failures says why")
    if failed or unreadable:
        raise typer.Exit(1)
