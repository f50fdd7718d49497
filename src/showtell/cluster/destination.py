"""Where captions go: a folder on disk or in an object store, in parts that are there as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from showtell._util.console import json_line
from showtell.cluster import storage
from showtell.errors import ShowtellError

if TYPE_CHECKING:
    import pyarrow

    from showtell.cluster.source import Part

Format = Literal["parquet", "jsonl"]
Row = Mapping[str, Any]

_ABOUT = "about.json"
_CAPTIONS, _FAILURES = "captions", "failures"


@dataclass(frozen=True)
class Destination:
    """A folder with `captions/` and `failures/`, one file a part in each; and `about.json`, what they were made with.

    A part's name says which photos it is of. Its failures are written first and its captions last, so a part whose
    captions are there is complete. The same part gives the same bytes, so it does no harm if two write it.

    Attributes:
        folder: its path or URI.
        format: Parquet, or JSON Lines.
    """

    folder: str
    format: Format

    @classmethod
    def of(cls, place: str, format: Format) -> Destination:
        """The destination at a path, which other processes find too, or at a URI."""
        return cls(storage.absolute(place.rstrip("/") or place), format)

    def begin(self, about: Mapping[str, object]) -> dict[str, int]:
        """Begin, or go on with what an earlier run began.

        Args:
            about: what the captions depend on, ready for JSON.

        Returns:
            The names of the parts that are complete, and how many photos failed in each.

        Raises:
            ShowtellError: the folder cannot be read or written, or holds something else, or captions made otherwise.
        """
        about = {**about, "format": self.format}
        there, path = storage.names(self.folder), f"{self.folder}/{_ABOUT}"
        if _ABOUT in there:
            self._check(path, about)
        elif there:
            raise ShowtellError(f"{self.folder}: holds other files, such as {there[0]}; name another folder")
        else:
            storage.write(path, f"{json.dumps(about, indent=2)}\n".encode())
        complete, failed = (storage.names(f"{self.folder}/{kind}") for kind in (_CAPTIONS, _FAILURES))
        counts = {name: self._count(f"{self.folder}/{_FAILURES}/{name}") for name in {*failed} & {*complete}}
        return {name: counts.get(name, 0) for name in complete}

    def name_of(self, part: Part) -> str:
        """The name of a part's files."""
        return f"{part.start:012d}-{part.stop:012d}.{self.format}"

    def write(self, part: Part, captions: Sequence[Row], failures: Sequence[Row]) -> None:
        """Write what came of a part's photos.

        Raises:
            ShowtellError: it cannot be written.
        """
        name = self.name_of(part)
        of_failures = f"{self.folder}/{_FAILURES}/{name}"
        if failures:
            storage.write(of_failures, self._packed(failures, with_captions=False))
        else:
            storage.remove(of_failures)  # of an earlier try
        storage.write(f"{self.folder}/{_CAPTIONS}/{name}", self._packed(captions, with_captions=True))

    def _check(self, path: str, about: Mapping[str, object]) -> None:
        try:
            before = json.loads(storage.read(path))
            other = [name for name in about if before.get(name) != about[name]]
        except (ValueError, AttributeError, RecursionError) as error:
            raise ShowtellError(f"{path}: is damaged; name another folder") from error
        if other:
            raise ShowtellError(
                f"{self.folder}: holds captions made with another {' and '.join(other)}; name another folder"
            )

    def _packed(self, rows: Sequence[Row], *, with_captions: bool) -> bytes:
        if self.format == "jsonl":
            return "".join(f"{json_line(row)}\n" for row in rows).encode()
        import pyarrow
        from pyarrow import parquet

        # in JSON a byte that is no UTF-8 is an escape; a Parquet file's text has it as \udce9, too
        clean = [row | {"file": row["file"].encode("utf-8", "backslashreplace").decode()} for row in map(dict, rows)]
        table, out = pyarrow.Table.from_pylist(clean, _schema(with_captions)), pyarrow.BufferOutputStream()
        parquet.write_table(table, out, compression="zstd")
        packed: bytes = out.getvalue().to_pybytes()
        return packed

    def _count(self, place: str) -> int:
        """How many photos of a part failed; the others in its file were skipped."""
        if self.format == "jsonl":
            return sum("error" in json.loads(line) for line in storage.read(place).splitlines())
        from pyarrow.parquet import ParquetFile

        with storage.opened(place) as file, ParquetFile(file) as table:
            errors = table.read(columns=["error"])["error"]
            return len(errors) - int(errors.null_count)


def _schema(with_captions: bool) -> pyarrow.Schema:
    """The columns of captions, as `Caption.to_dict` names them, or of failures."""
    import pyarrow as pa

    file = ("file", pa.string())
    if not with_captions:
        return pa.schema([file, ("error", pa.string()), ("skipped", pa.string())])
    caption = [
        ("caption", pa.string()),
        ("log_prob", pa.float64()),
        ("confidence", pa.float64()),
        ("named", pa.bool_()),
        ("words", pa.list_(pa.struct([("word", pa.string()), ("probability", pa.float64())]))),
    ]
    return pa.schema([file, *caption, ("others", pa.list_(pa.struct(caption)))])
