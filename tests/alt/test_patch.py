from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from showtell.alt.page import edited
from showtell.alt.patch import is_diff, unified_diff

NAMES = ["a.html", "a b.html", "d/é.md", 'quo"te\\.html', "tab\tbed.md", " a.html", "  d/ a.md", "é.md", "-a.md"]
needs_patch = pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program `patch`")


def applied(folder: Path, name: str, data: bytes, diff: bytes, *program: str) -> bytes:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    done = subprocess.run(program, cwd=folder, input=diff, capture_output=True, check=False)
    assert done.returncode == 0, done
    assert b"fuzz" not in done.stdout
    return (folder / name).read_bytes()


@needs_patch
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data", [b"<img>", b"<img>\n", b"<img>\r\nx\r\n", b"x\n\xe9 <img>\x00\xff\r\n", b"<img>\rx\n\n\n"]
)
def test_patch_applies_it(tmp_path: Path, name: str, data: bytes) -> None:
    insertions = [(data.index(b"<img") + 4, b' alt="A dog."')]
    diff = unified_diff(Path(name), data, insertions)
    assert applied(tmp_path, name, data, diff, "patch", "-p0") == edited(data, insertions)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs the program `git`")
@pytest.mark.parametrize("name", NAMES)
def test_git_applies_it(tmp_path: Path, name: str) -> None:
    data = b"1\n2\r\n\xe9<img>\n4\n5\n6\n7\n8\n9\n10\n11\n<img>"
    insertions = [(offset, b' alt="A dog."') for offset in (data.index(b"<img>") + 4, len(data) - 1)]
    diff = unified_diff(Path(name), data, insertions)
    assert applied(tmp_path, name, data, diff, "git", "apply", "-p0") == edited(data, insertions)


def test_it_looks_like_one() -> None:
    data = b"".join(b"%d\n" % line for line in range(1, 21)) + b"end"
    diff = unified_diff(Path("d/a.md"), data, [(data.index(b"5"), b"x"), (len(data), b"!")])
    assert diff.decode().splitlines() == [
        *("--- d/a.md", "+++ d/a.md", "@@ -2,7 +2,7 @@", " 2", " 3", " 4", "-5", "+x5", " 6", " 7", " 8"),
        *("@@ -18,4 +18,4 @@", " 18", " 19", " 20", "-end", r"\ No newline at end of file", "+end!"),
        r"\ No newline at end of file",
    ]
    assert unified_diff(Path("a"), data, []) == b""


def test_diff_is_recognized() -> None:
    for name in NAMES:
        assert is_diff(unified_diff(Path(name), b"<img>", [(4, b" alt")]))
    assert is_diff(b"")
    for data in (b"<p>A page", b"---\ntitle: A page\n---\n", b"--- a", b"\n--- a\n+++ a\n", b"\x89PNG\n"):
        assert not is_diff(data)


@needs_patch
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([b"<img>", b"text", b"\n", b"\n", b"\r\n", b"\n\n\n\n", b"\xff"]), max_size=40),
    st.sampled_from([b" alt", b"a\nb"]),
)
def test_patch_applies_any(tmp_path: Path, pieces: list[bytes], piece: bytes) -> None:
    data = b"".join(pieces)
    insertions = [(at + 4, piece) for at in range(len(data)) if data.startswith(b"<img>", at)]
    diff = unified_diff(Path("a.html"), data, insertions)
    assert applied(tmp_path, "a.html", data, diff, "patch", "-p0") == edited(data, insertions)
