from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import PHOTOS
from showtell.alt.text import alt_text
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"
INDEX = """\
<!doctype html>
<meta charset="utf-8">
<img src="img/cat.png">
<p><IMG class='wide' src="/img/coffee%20cup.png?v=2"/><img src="img/cat.png" alt="My words"><img src=a alt=""></p>
<!-- <img src="img/cat.png"> -->
<img src="https://example.com/cat.jpg"><img src="logo.svg">
é
<img src="img/cat.png">""".replace("\n", "\r\n").encode()
POST = "# Cats\n\n![](../img/cat.png) and ![My words](../img/cat.png)\n\n    ![](code.png)\n".encode("latin-1")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site, as the current folder's `site`: four images to be told, and two that are not the site's photos."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "site"
    (folder / "img").mkdir(parents=True)
    (folder / "posts").mkdir()
    shutil.copy(CAT, folder / "img" / "cat.png")
    shutil.copy(COFFEE, folder / "img" / "coffee cup.png")
    (folder / "index.html").write_bytes(INDEX)
    (folder / "posts" / "cats.md").write_bytes(POST)
    return folder


@pytest.fixture
def texts(model: Path) -> tuple[str, str]:
    """What the captioner has to say of the cat and the coffee."""
    cat, coffee = Captioner.load(model).caption([CAT, COFFEE])
    return alt_text(cat.text), alt_text(coffee.text)


def with_texts(texts: tuple[str, str]) -> tuple[bytes, bytes]:
    """The site's two pages as they should become."""
    cat, coffee = (text.encode() for text in texts)
    index = INDEX.replace(b'\r\n<img src="img/cat.png">', b'\r\n<img alt="%s" src="img/cat.png">' % cat)
    return index.replace(b"<IMG", b'<IMG alt="%s"' % coffee), POST.replace(b"![]", b"![%s]" % cat, 1)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_report_changes_no_file(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    before = files(site)
    result = showtell("alt", "site", "--model", model, "--quiet")
    cat, coffee = texts
    assert result.status == 0
    assert result.out.splitlines() == [
        f"site/index.html:3: img/cat.png: {cat}",
        f"site/index.html:4: /img/coffee%20cup.png?v=2: {coffee}",
        f"site/index.html:8: img/cat.png: {cat}",
        f"site/posts/cats.md:3: ../img/cat.png: {cat}",
    ]
    assert result.err.splitlines() == [
        "showtell: site/index.html:6: https://example.com/cat.jpg: is elsewhere, and not fetched",
        "showtell: site/index.html:6: logo.svg: is a drawing (SVG), not a photo",
    ]
    assert files(site) == before


def test_applying_is_idempotent(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    (site / "index.html").chmod(0o640)
    before = files(site)
    report = showtell("alt", "site", "--model", model, "--quiet").out
    result = showtell("alt", "site", "--model", model, "--quiet", "--apply")
    assert (result.status, result.out) == (0, report)
    index, post = with_texts(texts)
    changed = {site / "index.html": index, site / "posts" / "cats.md": post}
    assert files(site) == before | changed
    assert (site / "index.html").stat().st_mode & 0o777 == 0o640
    result = showtell("alt", "site", "--model", model, "--quiet", "--apply")
    assert (result.status, result.out, result.err.count("\n")) == (0, "", 2)
    assert files(site) == before | changed


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program `patch`")
@pytest.mark.parametrize("where", ["alt.patch", "-"])
def test_patch_is_written(showtell, model: Path, site: Path, texts: tuple[str, str], where: str) -> None:
    before = files(site)
    result = showtell("alt", "site", "--model", model, "--quiet", "--patch", where)
    assert result.status == 0
    assert files(site) == before
    assert result.err.count("\n") == 2
    diff = result.out.encode() if where == "-" else Path(where).read_bytes()
    subprocess.run(["patch", "-p0"], input=diff, check=True, capture_output=True)
    assert ((site / "index.html").read_bytes(), (site / "posts" / "cats.md").read_bytes()) == with_texts(texts)


def test_a_patch_is_in_the_bytes_of_the_page(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    page = "<p>caf\xe9 <img src=img/cat.png>".encode("latin-1")
    (site / "old.html").write_bytes(page)
    # a page that is named twice, and only once in the patch
    assert showtell("alt", "site/old.html", "site", "--model", model, "--patch", "alt.patch").status == 0
    diff = Path("alt.patch").read_bytes()
    assert diff.startswith(b"--- site/old.html\n+++ site/old.html\n@@ -1,1 +1,1 @@\n-%s\n\\ No newline" % page)
    assert b'+<p>caf\xe9 <img alt="%s" src=img/cat.png>\n' % texts[0].encode() in diff
    assert diff.count(b"+++ site/old.html") == 1


def test_a_patch_of_a_site_elsewhere(showtell, model: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site / "posts")
    result = showtell("alt", site, "--model", model, "--patch", "alt.patch")
    assert (result.status, result.out) == (1, "")
    assert "cd to the site" in result.err
    assert not Path("alt.patch").exists()


def test_json(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    (site / "broken.md").write_text("![](missing.jpg)\n![](../../secret.jpg)\n<img>\n")
    result = showtell("alt", "site", "--model", model, "--quiet", "--json")
    assert result.status == 1
    entries = [json.loads(line) for line in result.out.splitlines()]
    missing, outside, no_source, cat, coffee, elsewhere, drawing, *_ = entries
    assert missing == {
        "file": "site/broken.md",
        "line": 1,
        "src": "missing.jpg",
        "error": "no such file; check the path",
    }
    assert outside["error"].startswith("leads out of site")
    assert no_source == {"file": "site/broken.md", "line": 3, "src": "", "skipped": "has no src of its own"}
    assert cat == {
        "file": "site/index.html",
        "line": 3,
        "src": "img/cat.png",
        "alt": texts[0],
        "confidence": None,
    }
    assert coffee["alt"] == texts[1]
    assert "elsewhere" in elsewhere["skipped"]
    assert "drawing" in drawing["skipped"]
    assert len(entries) == 9


def test_static_folders_are_searched(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    (site / "static").mkdir()
    (site / "img").rename(site / "static" / "img")
    (site / "posts" / "cats.md").write_text("![](/img/cat.png)\n![](/img/gone.png)\n")
    (site / "index.html").write_text(
        "<base href='https://example.com/img/'><img src='coffee%20cup.png'><img src=x.png>"
    )
    result = showtell("alt", "site", "--model", model, "--quiet")
    cat, coffee = texts
    assert result.out.splitlines() == [
        f"site/index.html:1: coffee%20cup.png: {coffee}",
        f"site/posts/cats.md:1: /img/cat.png: {cat}",
    ]
    assert result.err.splitlines() == [
        "showtell: site/index.html:1: x.png: is elsewhere, and not fetched",
        "showtell: site/posts/cats.md:2: /img/gone.png: no such file; check the path",
    ]
    assert result.status == 1


def test_broken_photos_are_reported_and_the_others_told(showtell, model: Path, site: Path) -> None:
    (site / "img" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more of it")
    (site / "a.md").write_text("![](img/broken.jpg) ![](img) ![](img/cat.png)")
    (site / "b.html").write_bytes(b"\xff\xfe<")
    result = showtell("alt", "site", "--model", model, "--quiet", "--apply")
    assert result.status == 1
    errors = result.err.splitlines()
    assert errors[0].startswith("showtell: site/b.html: ")
    assert errors[1].startswith("showtell: site/a.md:1: img/broken.jpg: is not a photo")
    assert errors[2].startswith("showtell: site/a.md:1: img: is a folder")
    page = (site / "a.md").read_text()
    assert page.startswith("![](img/broken.jpg) ![](img) ![")
    assert "![](img/cat.png)" not in page


def test_a_picture_of_one_colour_is_skipped(showtell, model: Path, site: Path) -> None:
    Image.new("RGB", (64, 64), "white").save(site / "img" / "white.png")
    (site / "a.html").write_text('<img src="img/white.png">')
    result = showtell("alt", "site/a.html", "--model", model, "--quiet", "--apply")
    assert (result.status, result.out) == (0, "")
    assert result.err == "showtell: site/a.html:1: img/white.png: is of one colour; there is nothing in it to caption\n"
    assert (site / "a.html").read_text() == '<img src="img/white.png">'


def test_bytes_in_the_page(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    source = "data:image/png;base64," + base64.b64encode(CAT.read_bytes()).decode()
    (site / "a.html").write_text(f"<img src='{source}'><img src='data:image/png;base64,AAAA'>")
    result = showtell("alt", "site/a.html", "--model", model)
    assert result.status == 1
    assert result.out == f"site/a.html:1: {source[:79]}…: {texts[0]}\n"
    assert "is not a photo" in result.err


def test_a_photo_is_captioned_once(showtell, model: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[object] = Counter()
    stream = Captioner.stream

    def counted(self: Captioner, photos: list[Path]) -> object:
        seen.update(photos)
        return stream(self, photos)

    monkeypatch.setattr(Captioner, "stream", counted)
    showtell("alt", "site", "site/index.html", "--model", model)
    assert sorted(seen.items()) == [(site / "img" / "cat.png", 1), (site / "img" / "coffee cup.png", 1)]


def test_low_confidence_text_is_left_out(showtell, model: Path, site: Path) -> None:
    captioner = Captioner.load(model)
    cat, coffee = (caption.confidence_features for caption in captioner.caption([CAT, COFFEE]))
    slope = 2 * np.log(3) / (cat[0] - coffee[0])
    captioner.confidence = Confidence(0.5, (-slope * (cat[0] + coffee[0]) / 2, slope, 0.0), (0.5, 0.0, 0.0))
    captioner.save("sure.safetensors")
    result = showtell("alt", "site", "--model", "sure.safetensors", "--quiet", "--min-confidence", 0.5)
    assert result.status == 0
    assert result.out.count(" (0.75)\n") == 3
    assert "coffee" not in result.out
    assert "coffee%20cup.png?v=2: left out at confidence 0.25" in result.err
    result = showtell("alt", "site", "--model", model, "--min-confidence", 0.5)
    assert (result.status, result.out) == (1, "")
    assert "has no confidence" in result.err


def test_unclear_images_are_reported_and_left_alone(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    shutil.copy(COFFEE, site / "wait.png")
    pages = {
        "a.html": (
            "<img src=wait.png data-src=img/cat.png>\n<img src=img/cat.png :alt=x>\n<img src=img/cat.png {{ x }}>\n"
            "{# <img src=img/cat.png> #}\n<img src='[[url]]'>\n<img src=img/cat.png"
        ),
        "b.md": "{/* ![](img/cat.png) */}\n\n![]({{ '/x.png' | url }}) <img src={x} onError={(e) => y(e)} />\n",
    }
    for path in site.rglob("*.*"):
        if path.suffix in (".html", ".md"):
            path.unlink()
    for name, text in pages.items():
        (site / name).write_text(text)
    result = showtell("alt", "site", "--model", model, "--quiet", "--apply")
    assert result.status == 0
    assert result.out == f"site/a.html:1: img/cat.png: {texts[0]}\n"
    assert result.err.splitlines() == [
        "showtell: site/a.html:3: img/cat.png: is written in part by code, which may bring an alt",
        "showtell: site/a.html:5: [[url]]: is written by a template",
        "showtell: site/a.html:6: (no src): has a tag without an end",
        "showtell: site/b.md:3: {{ '/x.png' | url }}: is written by a template",
        "showtell: site/b.md:3: {x}: has a tag that is none to CommonMark",
    ]
    assert (site / "a.html").read_text() == pages["a.html"].replace("<img", f'<img alt="{texts[0]}"', 1)
    assert (site / "b.md").read_text() == pages["b.md"]


def test_packages_and_built_pages_are_skipped_with_a_message(showtell, model: Path, site: Path) -> None:
    page = "<img src='/img/cat.png'>"
    for name in ("node_modules/x/a.html", "_site/a.html", "out/a.html"):
        (site / name).parent.mkdir(parents=True)
        (site / name).write_text(page)
    (site / ".gitignore").write_text("/out\n")
    result = showtell("alt", "site", "--model", model, "--quiet", "--apply")
    assert (result.status, result.out.count("\n")) == (0, 4)
    assert result.err.splitlines()[:3] == [
        "showtell: site/_site: skipped, because it is made by a generator; pass it explicitly to search it",
        "showtell: site/node_modules: skipped, because it holds others' packages; pass it explicitly to search it",
        "showtell: site/out: skipped, because it is ignored by Git; pass it explicitly to search it",
    ]
    assert (site / "_site" / "a.html").read_text() == page
    result = showtell("alt", "site/out", "--model", model, "--quiet")
    assert result.err == "showtell: site/out/a.html:1: /img/cat.png: no such file; check the path\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_refused_and_the_others_told(showtell, model: Path, site: Path, texts: tuple[str, str]) -> None:
    os.mkfifo(site / "a.md")
    os.mkfifo(site / "img" / "pipe.jpg")
    (site / "index.html").write_text("<img src=img/pipe.jpg><img src=img/cat.png>")
    result = showtell("alt", "site", "--model", model, "--quiet")
    assert result.status == 1
    assert result.out.splitlines()[0] == f"site/index.html:1: img/cat.png: {texts[0]}"
    assert [line.partition(";")[0] for line in result.err.splitlines()] == [
        "showtell: site/a.md: is not a regular file",
        "showtell: site/index.html:1: img/pipe.jpg: is not a regular file",
    ]


@pytest.mark.parametrize("name", ["site/index.html", "site/posts/cats.md", "site/img/cat.png", "notes.txt", "link"])
def test_patch_replaces_no_other_file(showtell, site: Path, name: str) -> None:
    Path("notes.txt").write_text("My notes\n")
    Path("link").symlink_to("site/index.html")
    before = files(site.parent)
    result = showtell("alt", "site", "--model", "missing.safetensors", "--patch", name)
    assert (result.status, result.out) == (1, "")
    assert (
        result.err
        == f"showtell: {name}: exists and is not a patch; name another file for the patch, or remove this one\n"
    )
    assert files(site.parent) == before


def test_patch_replaces_an_older_patch(showtell, model: Path, site: Path) -> None:
    Path("alt.patch").write_bytes(b"")
    for _ in range(2):
        assert showtell("alt", "site", "--model", model, "--patch", "alt.patch").status == 0
        assert Path("alt.patch").read_bytes().startswith(b"--- site/index.html\n+++ ")


def test_a_large_photo_is_told_without_a_warning(
    showtell, model: Path, site: Path, texts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 100_000)  # of more, Pillow warns
    (site / "a.md").write_text("![](img/cat.png)")
    result = showtell("alt", "site/a.md", "--model", model, "--quiet")
    assert (result.status, result.out, result.err) == (0, f"site/a.md:1: img/cat.png: {texts[0]}\n", "")


def test_page_with_all_alts_needs_no_captioner(showtell, site: Path) -> None:
    (site / "a.md").write_text("![x](y)")
    result = showtell("alt", "site/a.md", "--model", "missing.safetensors")
    assert (result.status, result.out) == (0, "")
    assert result.err == "showtell: no image without alternative text in 1 page\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["missing"], "missing: no such file or folder"),
        (["site/img"], "no HTML or Markdown pages in site/img"),
        (["site/img/cat.png"], "site/img/cat.png: is not named as a page"),
        (["site", "--model", "missing.safetensors"], "cannot read the captioner missing.safetensors"),
        (["site", "--patch", "missing/alt.patch"], "missing/alt.patch: the patch cannot be written"),
        (["site", "--patch", "site", "--model", "missing"], "site: the patch cannot be written"),
    ],
)
def test_an_error_is_one_line(showtell, model: Path, site: Path, words: list[object], named: str) -> None:
    (site / "index.html").unlink()
    result = showtell("alt", "--quiet", *words, *([] if "--model" in words else ["--model", model]))
    assert result.status == 1
    assert named in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("words", [["--patch", "x", "--apply"], ["--patch", "-", "--json"]])
def test_options_that_exclude_each_other(showtell, site: Path, words: list[str]) -> None:
    result = showtell("alt", "site", *words)
    assert result.status == 2
    assert "choose one of" in result.err
