from __future__ import annotations

from pathlib import Path

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
