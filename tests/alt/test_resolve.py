from __future__ import annotations

from pathlib import Path

import pytest

from showtell.alt.resolve import resolve_path
from showtell.errors import PhotoError

SITE = Path("site")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file that is none of the site's, which is `SITE`."""
    monkeypatch.chdir(tmp_path)
    write("secret.jpg")
    SITE.mkdir()
    return tmp_path


def write(name: str, data: bytes = b"photo") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)


@pytest.mark.parametrize(
    ("page", "path", "file"),
    [
        # Hugo
        ("content/posts/trip.md", "/img/a.jpg", "static/img/a.jpg"),
        ("content/posts/trip.md", "img/a.jpg", "static/img/a.jpg"),
        ("content/posts/trip.md", "../../img/a.jpg", "static/img/a.jpg"),
        ("content/posts/trip.md", "img/a.jpg", "assets/img/a.jpg"),
        ("content/posts/trip/index.md", "a.jpg", "content/posts/trip/a.jpg"),
        # Docusaurus and Gatsby; Next, Astro and Vite; in a folder of a larger repository
        ("docs/intro.md", "/img/a.jpg", "static/img/a.jpg"),
        ("index.html", "img/a.jpg", "public/img/a.jpg"),
        ("pages/about.html", "./img/a.jpg", "public/img/a.jpg"),
        ("web/pages/about.html", "/img/a.jpg", "web/public/img/a.jpg"),
        # Jekyll, MkDocs and Sphinx; MkDocs writes guide.md as guide/index.html
        ("docs/_posts/a.md", "/assets/a.jpg", "docs/assets/a.jpg"),
        ("docs/guide.md", "/img/a.jpg", "docs/img/a.jpg"),
        ("docs/guide.md", "../img/a.jpg", "docs/img/a.jpg"),
        ("docs/api/x.md", "/_static/a.jpg", "docs/_static/a.jpg"),
        # Eleventy
        ("src/posts/a.md", "/img/a.jpg", "src/img/a.jpg"),
        ("src/posts/a.md", "/img/a.jpg", "public/img/a.jpg"),
    ],
)
def test_static_folders_of_generators(here: Path, page: str, path: str, file: str) -> None:
    write(f"site/{page}")
    write(f"site/{file}")
    assert resolve_path(path, SITE / page, SITE) == here / "site" / file


@pytest.mark.parametrize(
    ("page", "path", "files"),
    [
        ("posts/a.md", "img/a.jpg", ["posts/img/a.jpg", "posts/static/img/a.jpg", "static/img/a.jpg"]),
        ("posts/a.md", "/img/a.jpg", ["img/a.jpg", "posts/img/a.jpg", "static/img/a.jpg"]),
    ],
)
def test_exact_path_wins_then_the_nearest_folder(here: Path, page: str, path: str, files: list[str]) -> None:
    write(f"site/{page}")
    for file in reversed(files):
        write(f"site/{file}", file.encode())
        assert resolve_path(path, SITE / page, SITE) == here / "site" / file


@pytest.mark.parametrize(
    ("page", "path", "file"),
    [
        ("a/b.md", "img/a.jpg", "img/a.jpg"),  # a relative path is not from a folder above
        ("a/b.md", "img/a.jpg", "a/b/static/img/a.jpg"),
        ("a/b.md", "/img/a.jpg", "c/static/img/a.jpg"),
        ("a/b.md", "/img/a.jpg", "static/img/a.jpg/x"),
        ("a/b.md", "/img/a.jpg", "static/a.jpg"),
        ("a/b.md", "img", "static/img/a.jpg"),
        ("a/b.md", "..", "static/a.jpg"),
        ("a/b.md", "/", "static/a.jpg"),
    ],
)
def test_elsewhere_in_the_site_it_is_not_meant(here: Path, page: str, path: str, file: str) -> None:
    write(f"site/{page}")
    write(f"site/{file}")
    found = resolve_path(path, SITE / page, SITE)
    assert found == (SITE / path.lstrip("/") if path.startswith("/") else (SITE / page).parent / path).resolve()
    assert not found.is_file()


def test_files_that_differ(here: Path) -> None:
    write("site/a.md")
    write("site/static/img/a.jpg", b"cat")
    write("site/public/img/a.jpg", b"cat")  # the copy that the generator made
    assert resolve_path("/img/a.jpg", SITE / "a.md", SITE) == here / "site/static/img/a.jpg"
    write("site/public/img/a.jpg", b"dog")
    with pytest.raises(PhotoError, match=r"could be static/img/a\.jpg or public/img/a\.jpg, which differ"):
        resolve_path("/img/a.jpg", SITE / "a.md", SITE)


def test_nothing_above_the_site_is_looked_at(here: Path) -> None:
    write("site/posts/a.md")
    for name in ("static/a.jpg", "a.jpg", "docs/a.jpg"):
        write(name)
    for path in ("a.jpg", "/a.jpg"):
        assert not resolve_path(path, SITE / "posts" / "a.md", SITE).exists()
    assert resolve_path("/a.jpg", SITE / "posts" / "a.md", Path()) == here / "a.jpg"


def test_links_out_of_the_site_are_not_followed(here: Path) -> None:
    write("site/a.md")
    write("elsewhere/a.jpg")
    (SITE / "static").symlink_to("../elsewhere")
    (SITE / "public").mkdir()
    (SITE / "public" / "secret.jpg").symlink_to("../../secret.jpg")
    for path in ("a.jpg", "/a.jpg", "secret.jpg", "/secret.jpg"):
        assert resolve_path(path, SITE / "a.md", SITE) == here / "site" / path.lstrip("/")
    write("site/assets/a.jpg")
    (SITE / "public" / "a.jpg").symlink_to("../assets/a.jpg")
    assert resolve_path("a.jpg", SITE / "a.md", SITE) == here / "site/assets/a.jpg"


@pytest.mark.parametrize("path", ["../secret.jpg", "/../secret.jpg", "static/../../secret.jpg"])
def test_a_path_out_of_the_site_is_refused(here: Path, path: str) -> None:
    write("site/a.md")
    write("site/static/secret.jpg")
    with pytest.raises(PhotoError, match="leads out of site"):
        resolve_path(path, SITE / "a.md", SITE)


@pytest.mark.parametrize("path", ["a\0b.jpg", "a" * 300])
def test_invalid_paths_are_errors(here: Path, path: str) -> None:
    write("site/a.md")
    with pytest.raises(PhotoError, match="cannot be followed"):
        resolve_path(path, SITE / "a.md", SITE)
