"""Writing a caption into a sidecar or into the photo, without overwriting a person's description unless requested."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from showtell._util.files import (
    NotRegularError,
    NotReplacedError,
    open_regular,
    read_regular,
    same_version,
    write_atomically,
)
from showtell.errors import PhotoError
from showtell.metadata.container import container_of
from showtell.metadata.descriptions import ExistingDescriptions
from showtell.metadata.record import Record
from showtell.metadata.sidecar import other_sidecars_of, sidecar_of
from showtell.metadata.xmp import PROPERTIES, Packet


@dataclass(frozen=True)
class Change:
    """The result of writing a caption."""

    file: Path
    """The sidecar, or the photo."""
    written: tuple[str, ...]
    """The properties that were written, or would be; none if the file is as it was."""
    kept: Mapping[str, str]
    """The properties that were not, and a person's words for each."""
    status: os.stat_result | None = field(default=None, compare=False)
    """The file as it was written; None if it was not."""


def write_sidecar(
    photo: Path,
    record: Record,
    *,
    of: os.stat_result | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Change:
    """Write a caption into the XMP file beside a photo.

    Args:
        photo: the photo; it is read, and left as it is.
        record: the caption.
        of: status of the photo before it was captioned; it must not have changed since.
        overwrite: also replace a person's description, or hide the one in the photo.
        dry_run: write nothing, only return what would be written.

    Raises:
        PhotoError: the photo or its sidecar cannot be read, the XMP in one of them is damaged, or the sidecar cannot
            be written, or only with a loss. Every file is then as it was.
    """
    with _no_os_error(photo):
        path = sidecar_of(photo)
        packet, old = Packet(str(path)), None
        if os.path.lexists(path):
            data, old = _read(path)
            packet = Packet.parse(str(path), data)
        existing = ExistingDescriptions()
        content, status = _read(photo)
        if not overwrite:
            existing.add_photo(str(photo), content)
            for sidecar in other_sidecars_of(photo):
                _add_sidecar(existing, sidecar)
        written, kept = _merge(packet, record, existing, overwrite)
        if written and not dry_run:
            _check_same(of or status, photo.stat())
            return Change(path, written, kept, write_atomically(path, packet.to_bytes(), of=old))
    return Change(path, written, kept)


def write_embedded(
    photo: Path,
    record: Record,
    *,
    of: os.stat_result | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Change:
    """Write a caption into a JPEG, PNG or WebP file; every byte that is not its XMP stays as it is.

    Args:
        photo: the photo.
        record: the caption.
        of: status of the photo before it was captioned; it must not have changed since.
        overwrite: also replace a person's description.
        dry_run: write nothing, only return what would be written.

    Raises:
        PhotoError: the photo is of another format, damaged or not readable, its XMP is damaged or cannot be replaced
            without loss, or the photo cannot be written, or only with a loss: it is write-protected, or its owner, its
            attributes or other names of it would not stay. Every file is then as it was.
    """
    with _no_os_error(photo):
        data, status = _read(photo)
        container = container_of(data)
        if container is None:
            raise PhotoError(f"{photo}: XMP is embedded in JPEG, PNG and WebP only; write a sidecar with --write xmp")
        present = container.packets(str(photo), data)
        packet = Packet.parse(str(photo), present[0]) if present else Packet(str(photo))
        existing = ExistingDescriptions()
        if not overwrite:
            existing.add_photo(str(photo), data)
            for sidecar in [sidecar_of(photo), *other_sidecars_of(photo)]:
                _add_sidecar(existing, sidecar)
        written, kept = _merge(packet, record, existing, overwrite)
        if written:
            data = container.embed(str(photo), data, packet.to_bytes())
            if not dry_run:
                _check_same(of or status, status)
                if not status.st_mode & 0o222:  # also for root, who could write nevertheless
                    raise NotReplacedError(errno.EACCES, "is write-protected")
                return Change(photo, written, kept, write_atomically(photo, data, of=status, keep_times=True))
    return Change(photo, written, kept)


def _merge(
    packet: Packet, record: Record, existing: ExistingDescriptions, overwrite: bool
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Put a caption into a packet; return the written properties, and the kept ones with their texts."""
    existing.add(packet)
    kept = {} if overwrite else {name: text for name in PROPERTIES if (text := existing.by_people(name))}
    mine = [name for name in PROPERTIES if name not in kept]
    fields, before = record.fields(), packet.record()
    same = {**before, "Date": ""} == {**fields, "Date": ""}  # a new date alone is not written
    if not fields["Caption"] or not mine or (same and all(packet.text(name) == fields["Caption"] for name in mine)):
        return (), kept
    for name in mine:
        packet.set_text(name, fields["Caption"])
    packet.set_record(fields)
    return tuple(mine), kept


def _add_sidecar(existing: ExistingDescriptions, sidecar: Path) -> None:
    if os.path.lexists(sidecar):
        existing.add(Packet.parse(str(sidecar), read_regular(sidecar)))


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """A file's bytes, and its status when they were read."""
    with open_regular(path) as file:
        status = os.fstat(file.fileno())
        return file.read(), status


def _check_same(before: os.stat_result, now: os.stat_result) -> None:
    if not same_version(before, now):
        raise NotReplacedError(errno.EBUSY, "was changed in the meantime")


@contextmanager
def _no_os_error(photo: Path) -> Iterator[None]:
    try:
        yield
    except NotReplacedError as error:
        fix = "run the command again" if error.errno == errno.EBUSY else "change that, or write with --write xmp"
        raise PhotoError(f"{error.filename or photo}: {error.strerror}, and left as it is; {fix}") from error
    except OSError as error:
        joint = " " if isinstance(error, NotRegularError) else ": "
        where = "" if error.filename in (None, str(photo)) else f"{error.filename}{joint}"
        raise PhotoError(
            f"{photo}: its XMP cannot be read or written ({where}{error.strerror}); check the folder and the disk"
        ) from error
