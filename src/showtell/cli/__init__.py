"""The `showtell` command: one file a command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an error that the user can fix is printed as one line, with exit status 1."""
    from showtell._util.console import discard_stdout, keep_file_name_bytes, tell
    from showtell.cli.app import app
    from showtell.errors import ShowtellError

    keep_file_name_bytes()
    try:
        app()
    except (ShowtellError, OSError, MemoryError) as error:
        if "--debug" in sys.argv:
            raise
        discard_stdout()
        tell(_message(error))
        sys.exit(1)


def _message(error: Exception) -> str:
    """The message of an error; for an operating-system error, the file and the reason."""
    from showtell._util.files import NotReplacedError

    if isinstance(error, MemoryError):
        return "not enough memory; close other programs, or process fewer or smaller files at a time"
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{error.filename}: "
        if isinstance(error, NotReplacedError):
            return f"{where}{error.strerror}, and left as it is; change that, or name another file"
        return f"{where}cannot be read or written ({error.strerror}); check the path, its permissions and the disk"
    return str(error)
