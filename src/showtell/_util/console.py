"""Console output: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from showtell.errors import ShowtellError

# Control characters, line separators, bidirectional formatting, and lone surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str) -> str:
    """A text as one printable line: control characters and undecodable bytes of file names as escapes."""
    return _CONTROL.sub(_escape, text)


def json_line(entry: Mapping[str, object]) -> str:
    """An entry as a JSON object on one line; undecodable bytes of file names are escaped."""
    return _CONTROL_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(entry, ensure_ascii=False))


def put(*lines: str) -> None:
    """Write lines to standard output: as they are, file names byte for byte; on a terminal as they are `shown`.

    Raises:
        ShowtellError: they cannot be written, as the disk is full, for example.
        BrokenPipeError: nobody reads them any more.
    """
    with _writing():
        if sys.stdout is not None:
            for line in map(shown, lines) if sys.stdout.isatty() else lines:
                sys.stdout.write(line + "\n")
            sys.stdout.flush()


def put_bytes(data: bytes) -> None:
    """Write bytes to standard output.

    Raises:
        ShowtellError, BrokenPipeError: as of `put`.
    """
    with _writing():
        if sys.stdout is not None:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_stdout()
        raise ShowtellError(f"standard output cannot be written to ({error.strerror}); free space") from error


def tell(message: str) -> None:
    """Print a message on standard error, on one line; if that fails, the work goes on."""
    note(f"showtell: {shown(message)}")


def note(line: str) -> None:
    """Write a line to standard error as it is, if it can be written to."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)


def discard_stdout() -> None:
    """Redirect standard output to /dev/null if it cannot be written to: its buffer would fail again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def keep_file_name_bytes() -> None:
    """Write file names to standard output in their own bytes, and characters that its encoding lacks as escapes."""
    codecs.register_error("showtell", _in_bytes)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="showtell")


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":  # a byte that the file system encoding could not decode
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def _in_bytes(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    pieces = (
        bytes([ord(character) - 0xDC00]) if "\udc80" <= character <= "\udcff" else _ascii(character)
        for character in found
    )
    return b"".join(pieces), error.end


def _ascii(character: str) -> bytes:
    return character.encode("ascii", "backslashreplace")
