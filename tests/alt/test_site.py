from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from showtell.alt.site import list_pages, site_of
from showtell.errors import ShowtellError


def test_a_folder_is_searched(tmp_path: Path) -> None:
    for name in ("b.html", "a.HTM", "x.txt", "d/c.md", "d/d.markdown", ".git/e.html", ".f.md", "elsewhere/g.md"):
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text("")
    (tmp_path / "site" / "link.md").symlink_to("b.html")
    (tmp_path / "site" / "elsewhere").rename(tmp_path / "elsewhere")
    (tmp_path / "site" / "linked").symlink_to(tmp_path / "elsewhere")
    found = [page.relative_to(tmp_path / "site").as_posix() for page in list_pages(tmp_path / "site").pages]
    assert found == ["a.HTM", "b.html", "d/c.md", "d/d.markdown"]
    assert list_pages(tmp_path / "site" / "x.txt").pages == [tmp_path / "site" / "x.txt"]


def pages_of(top: Path, where: Path) -> list[str]:
    return [page.relative_to(where).as_posix() for page in list_pages(top).pages]


def write(top: Path, names: Iterable[str], text: str = "") -> None:
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        *[(name, "x.txt") for name in ("node_modules", "bower_components", "vendor", "_vendor", "site-packages")],
        *[(name, "x.txt") for name in ("_site", "_build", "__pycache__")],
        *[("env", "pyvenv.cfg"), ("env", "conda-meta/history"), ("target", "CACHEDIR.TAG")],
    ],
)
def test_third_party_folders_are_skipped_unless_named(tmp_path: Path, name: str, marker: str) -> None:
    write(tmp_path, ["a.html", f"d/{name}/b.html", f"d/{name}/e/c.md", f"d/{name}/{marker}", f"x{name}/f.md"])
    listing = list_pages(tmp_path)
    assert [page.name for page in listing.pages] == ["a.html", "f.md"]
    assert list(listing.skipped) == [tmp_path / "d" / name]
    assert pages_of(tmp_path / "d" / name, tmp_path / "d" / name) == ["b.html", "e/c.md"]
    assert list_pages(tmp_path / "d" / name).skipped == {}


def test_git_ignored_files_are_skipped(tmp_path: Path) -> None:
    write(
        tmp_path, ["a.md", "out/b.md", "d/out/c.md", "d/draft-1.md", "d/draft-2.md", "d/e/f.md", "d/e/g.md", "h.html"]
    )
    (tmp_path / ".gitignore").write_text("out/\ndraft-*\n/h.html\n")
    (tmp_path / "d" / ".gitignore").write_text("!draft-2.md\n/e/*\n!/e/g.md\n")
    write(tmp_path, ["d/all/.gitignore"], "# made anew\n*\n")
    write(tmp_path, ["d/all/i.md", "d/all/j/k.md"])
    listing = list_pages(tmp_path)
    assert pages_of(tmp_path, tmp_path) == ["a.md", "d/draft-2.md", "d/e/g.md"]
    skipped = {path.relative_to(tmp_path).as_posix(): reason for path, reason in listing.skipped.items()}
    assert skipped == dict.fromkeys(
        ("out", "d/out", "d/all", "d/draft-1.md", "d/e/f.md", "h.html"), "is ignored by Git"
    )
    assert list_pages(tmp_path / "h.html").pages == [tmp_path / "h.html"]


def test_gitignore_above_the_folder_applies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ["repository/docs/a.md", "repository/docs/made/b.md", "repository/made/c/d.md"])
    (tmp_path / ".gitignore").write_text("*.md\n")
    (tmp_path / "repository" / ".gitignore").write_text("made\n")
    docs = tmp_path / "repository" / "docs"
    assert pages_of(docs, docs) == ["a.md", "made/b.md"]  # of no repository
    (tmp_path / "repository" / ".git").mkdir()
    assert pages_of(docs, docs) == ["a.md"]
    monkeypatch.chdir(docs)
    assert list_pages(Path()).pages == [Path("a.md")]
    assert list_pages(Path("..") / "docs").pages == [Path("../docs/a.md")]
    # a folder that is ignored, and named
    assert pages_of(docs / "made", docs) == ["made/b.md"]
    assert pages_of(tmp_path / "repository" / "made" / "c", tmp_path) == ["repository/made/c/d.md"]


@pytest.mark.parametrize("rules", [b"\xff\xfe\n[\n\\\n!\n/\n**\x00\n", None])
def test_unreadable_gitignore_is_ignored(tmp_path: Path, rules: bytes | None) -> None:
    write(tmp_path, ["a.md"])
    if rules is None:
        (tmp_path / ".gitignore").mkdir()
    else:
        (tmp_path / ".gitignore").write_bytes(rules)
    assert pages_of(tmp_path, tmp_path) == ["a.md"]


def test_a_folder_that_cannot_be_read_is_said_and_the_others_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ["a/b.md", "c/d.md"])
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == "a":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_pages(tmp_path)
    assert listing.pages == [tmp_path / "c" / "d.md"]
    assert listing.unreadable == {tmp_path / "a": "Permission denied"}


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ShowtellError, match="no such file or folder"):
        list_pages(tmp_path / "missing")


def test_the_site_of_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "posts").mkdir(parents=True)
    page = tmp_path / "site" / "posts" / "a.md"
    page.write_text("")
    assert site_of(tmp_path) == tmp_path
    assert site_of(page) == page.parent
    monkeypatch.chdir(tmp_path / "site")
    assert site_of(page).resolve() == tmp_path / "site"
