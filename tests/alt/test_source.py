from __future__ import annotations

import base64
from pathlib import Path

import PIL.Image
import pytest

from showtell.alt.source import Skipped, abbreviated, find_photo, skip_spacer
from showtell.errors import PhotoError
from showtell.vision.photo import open_photo


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site's folder, with a file beside it."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "site" / "posts").mkdir(parents=True)
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("cat.jpg", "posts/cat.jpg"),
        ("../img/cat.jpg", "img/cat.jpg"),
        ("/img/cat.jpg", "img/cat.jpg"),
        ("img/./x/../cat.jpg", "posts/img/cat.jpg"),
        ("a%20cat%C3%A9.jpg?v=1.2#top", "posts/a caté.jpg"),
        ("cat%3F.jpg", "posts/cat?.jpg"),
        ("100%.jpg", "posts/100%.jpg"),
        (" \n cat.\njpg ", "posts/cat.jpg"),
        ("img\\cat.jpg", "posts/img/cat.jpg"),
        ("posts%2Fcat.jpg", "posts/posts/cat.jpg"),
    ],
)
def test_files_of_the_site(site: Path, source: str, expected: str) -> None:
    assert find_photo(source, site / "posts" / "a.md", site) == site / expected


@pytest.mark.parametrize(
    "source", ["../../secret.jpg", "/../secret.jpg", "%2e%2e/%2E%2e/secret.jpg", "..%2f..%2fsecret.jpg", "link.jpg"]
)
def test_source_outside_the_site_is_refused(site: Path, source: str) -> None:
    (site / "posts" / "link.jpg").symlink_to(site.parent / "secret.jpg")
    with pytest.raises(PhotoError, match="leads out of"):
        find_photo(source, site / "posts" / "a.md", site)


def test_links_within_the_site_are_followed(site: Path) -> None:
    (site / "cat.jpg").write_bytes(b"cat")
    (site / "posts" / "link.jpg").symlink_to("../cat.jpg")
    assert find_photo("link.jpg", site / "posts" / "a.md", site) == site / "cat.jpg"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("https://example.com/a.jpg", "elsewhere"),
        ("HTTP:a.jpg", "elsewhere"),
        ("//example.com/a.jpg", "elsewhere"),
        ("\\\\example.com\\a.jpg", "elsewhere"),
        ("file:///etc/passwd", "elsewhere"),
        ("blob:x", "elsewhere"),
        ("logo.SVG?x", "drawing"),
        ("data:image/svg+xml,<svg/>", "drawing"),
        ("", "no src"),
        ("{{ page.image }}", "template"),
        ("/img/{% if x %}a{% endif %}.jpg", "template"),
        *[
            (source, "template")
            for source in (
                *("{photo}", "{require('../../a.jpg').default}", "/{name}.jpg", "{static}/a.jpg", "${a}", "#{a}.jpg"),
                *("[[url]]", "[(url)]", "[% url %]", "%PUBLIC_URL%/a.png", "%BASE_URL%a.png", "%sveltekit.assets%/a"),
                *('@Url.Content("~/a.png")', "@(Model.Url)", "@/assets/a.png", "~/a.png", "~@/a.png", "@{/a.jpg}"),
                *("$link.x/a.png", "$!{url}", "#springUrl('/a.png')", "*|URL|*", "%%url%%", "((url))", "##URL##"),
                *("url_for('static', 'a')", '<c:url value="/a"/>', "<?= a ?>", "<%= a %>", "{{a}}/../../x.jpg"),
            )
        ],
    ],
)
def test_images_without_a_photo_are_skipped(site: Path, source: str, reason: str) -> None:
    found = find_photo(source, site / "a.html", site)
    assert isinstance(found, Skipped)
    assert reason in found.reason


@pytest.mark.parametrize("name", ["a{1}.jpg", "@x.jpg", "~x.jpg", "$x.jpg", "%x_y%.jpg", "a[[1]].jpg", "a|b.jpg"])
def test_a_file_may_be_named_like_a_template(site: Path, name: str) -> None:
    (site / name).write_bytes(b"cat")
    assert find_photo(name, site / "a.html", site) == site / name


@pytest.mark.parametrize(
    "source", ["%C3%A9%AB%.jpg", "a b.jpg", "a[1].jpg", "a@b.jpg", "a~1.jpg", "a$1.jpg", "(a).jpg"]
)
def test_a_missing_file_is_no_template(site: Path, source: str) -> None:
    assert isinstance(find_photo(source, site / "a.html", site), Path)


def test_a_path_that_no_file_has(site: Path) -> None:
    """With the square of its length, this would take minutes."""
    with pytest.raises(PhotoError, match="longer than the path of a file"):
        find_photo("a/" * 500_000, site / "a.html", site)


@pytest.mark.parametrize(
    ("base", "source", "expected"),
    [
        ("/img/", "cat.jpg?v=1", "img/cat.jpg"),
        ("/img/index.html?a/b#c/d", "cat.jpg", "img/cat.jpg"),
        ("../img/", "cat.jpg", "img/cat.jpg"),
        ("img", "cat.jpg", "posts/cat.jpg"),
        ("?a/b", "cat.jpg", "posts/cat.jpg"),
        ("/", "img/cat.jpg", "img/cat.jpg"),
        ("/x/", "../img/cat.jpg", "img/cat.jpg"),
        ("/x/", "/img/cat.jpg", "img/cat.jpg"),
        (" \n\\im\ng\\ ", "cat.jpg", "img/cat.jpg"),
        ("/a%20folder/", "cat.jpg", "a folder/cat.jpg"),
        ("data:x/y", "cat.jpg", "posts/cat.jpg"),
        ("JavaScript:/x/", "cat.jpg", "posts/cat.jpg"),
        # a host, which may be the site's own
        ("https://example.com", "img/cat.jpg", "img/cat.jpg"),
        ("HTTPS://example.com/img/x", "cat.jpg", "img/cat.jpg"),
        ("//example.com/img/", "cat.jpg", "img/cat.jpg"),
        ("https://example.com/x/", "/img/cat.jpg", "img/cat.jpg"),
        ("https://example.com/x/", "cat.jpg", None),
        ("https://example.com/x/", "/cat.jpg", None),
        ("//example.com", "dog.jpg", None),
        ("file:///img/", "dog.jpg", None),
    ],
)
def test_base_element_is_honoured(site: Path, base: str, source: str, expected: str | None) -> None:
    (site / "img").mkdir()
    (site / "img" / "cat.jpg").write_bytes(b"cat")
    found = find_photo(source, site / "posts" / "a.html", site, base)
    assert found == (Skipped("is elsewhere, and not fetched") if expected is None else site / expected)


def test_a_base_that_a_template_writes(site: Path) -> None:
    base, page = "{{ site.url }}/x/", site / "a.html"
    assert find_photo("cat.jpg", page, site, base) == Skipped("is relative to a <base> that a template writes")
    assert find_photo("/cat.jpg", page, site, base) == site / "cat.jpg"


@pytest.mark.parametrize("base", ["../", "/../", "https://example.com/../../", "//example.com/%2e%2e/"])
def test_a_base_that_leads_out_of_the_site_is_refused(site: Path, base: str) -> None:
    with pytest.raises(PhotoError, match="leads out of"):
        find_photo("secret.jpg", site / "a.html", site, base)


@pytest.mark.parametrize("head", ["data:image/png;base64,", "DATA:;x=y; BASE64,"])
def test_bytes_in_the_page(site: Path, head: str) -> None:
    data = bytes(range(256))
    text = base64.b64encode(data).decode()
    for body in (text, text.rstrip("="), text.replace("+", "%2B"), f"{text[:9]} {text[9:]}"):
        assert find_photo(head + body, site / "a.html", site) == data
    assert find_photo("data:image/gif,%00%ffa#b", site / "a.html", site) == b"\x00\xffa"


@pytest.mark.parametrize("source", ["data:image/png;base64", "data:image/png;base64,A", "?x", "a%00b.jpg"])
def test_what_cannot_be_understood(site: Path, source: str) -> None:
    with pytest.raises(PhotoError):
        find_photo(source, site / "a.html", site)


def test_links_in_a_circle_are_a_photo_that_cannot_be_read(site: Path) -> None:
    (site / "circle").symlink_to("circle")
    with pytest.raises(PhotoError):  # from Python 3.13 on it is the opening that fails
        open_photo(find_photo("circle/a.jpg", site / "a.html", site))


def test_a_source_is_shown_on_one_line() -> None:
    assert abbreviated("a\x1b[31m\nb\udc80é") == "a\\x1b[31m\\nb\\x80é"
    assert abbreviated("data:" + "A" * 1000) == "data:" + "A" * 74 + "…"
    assert abbreviated("a" * 1000) == "a" * 1000


@pytest.mark.parametrize(("size", "skipped"), [((1, 1), True), ((15, 600), True), ((16, 16), False)])
def test_spacer_is_skipped(tmp_path: Path, size: tuple[int, int], skipped: bool) -> None:
    PIL.Image.new("RGB", size).save(tmp_path / "spacer.gif")
    for photo in (tmp_path / "spacer.gif", (tmp_path / "spacer.gif").read_bytes()):
        found = skip_spacer(photo)
        assert isinstance(found, Skipped) == skipped
        assert skipped or found == photo
    assert skip_spacer(tmp_path / "gone.gif") == tmp_path / "gone.gif"
    assert skip_spacer(b"broken") == b"broken"
