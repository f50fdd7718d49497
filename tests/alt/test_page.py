from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from showtell.alt.page import Page, edited, parse_page, read_page, write_page
from showtell.errors import ShowtellError

IMG = "<p>é <img src='é.jpg'> ü</p>\r\n"


def with_texts(page: Page, alt: str) -> bytes:
    return edited(page.data, page.insertions(dict.fromkeys(page.images, alt)))


@pytest.mark.parametrize(
    ("head", "encoding", "written"),
    [
        ("", "utf-8", "café ☕"),
        ("\ufeff", "utf-8", "café ☕"),
        ("\ufeff", "utf-16-le", "café ☕"),
        ("\ufeff", "utf-16-be", "café ☕"),
        ("<meta charset=utf-8>", "utf-8", "café ☕"),
        ("<meta charset='latin1'>", "cp1252", "café &#9749;"),
        ("<meta http-equiv=content-type content='text/html; charset=ISO-8859-15'>", "iso8859-15", "café &#9749;"),
        ("<!-- <meta charset=koi8-r> --><META CHARSET = windows-1252 >", "cp1252", "café &#9749;"),
        ("<meta charset=nonsense>", "utf-8", "café ☕"),
        ("<meta charset=utf-16>", "utf-8", "café ☕"),
        ("<meta charset=hex>", "utf-8", "café ☕"),
        ("", "cp1252", "café &#9749;"),
    ],
)
def test_encodings_of_html(tmp_path: Path, head: str, encoding: str, written: str) -> None:
    path = tmp_path / "a.html"
    path.write_bytes((head + IMG).encode(encoding))
    page = read_page(path)
    assert [image.source for image in page.images] == ["é.jpg"]
    expected = (head + IMG).replace("<img", f'<img alt="{written}"').encode(encoding)
    assert with_texts(page, "café ☕") == expected
    path.write_bytes(expected)
    assert read_page(path).images == ()


def test_a_page_that_declares_nothing_and_is_ascii_stays_ascii(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<img src=a>")
    assert with_texts(read_page(tmp_path / "a.html"), "é") == b'<img alt="&#233;" src=a>'
    (tmp_path / "a.md").write_bytes(b"![](a)")
    assert with_texts(read_page(tmp_path / "a.md"), "é") == "![é](a)".encode()


@pytest.mark.parametrize("data", [b"\x81 ![](a)", b"\xef\xbb\xbf![](\xff)"])
def test_bytes_that_are_no_characters_stay(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.md").write_bytes(data)
    assert with_texts(read_page(tmp_path / "a.md"), "x") == data.replace(b"![]", b"![x]")


@pytest.mark.parametrize(
    "data", [b"<meta charset=iso-2022-jp><img src=a>\x1b$B\x1b(B", b"\xff\xfe<\x00i", b"\xff\xfe\x00\xd8<\x00"]
)
def test_an_encoding_in_which_bytes_would_change_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.html").write_bytes(data)
    with pytest.raises(ShowtellError, match="save it as UTF-8"):
        read_page(tmp_path / "a.html")


@pytest.mark.parametrize("name", ["missing.html", "a.txt", "folder.md"])
def test_non_pages_are_errors(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(ShowtellError, match=name):
        read_page(tmp_path / name)


def test_lone_bytes_of_a_path_come_back(tmp_path: Path) -> None:
    for name, source in (("a.html", b"<img src=\xff.jpg>"), ("a.md", b"![](\xff.jpg)")):
        (page,) = parse_page(Path(name), b"\xef\xbb\xbf" + source).images
        assert page.source == "\udcff.jpg"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.md")
    with pytest.raises(ShowtellError, match="is not a regular file"):
        read_page(tmp_path / "a.md")


def test_a_page_that_has_become_a_folder_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<img src=a>")
    page = read_page(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ShowtellError, match="is a folder; put the page there as a file"):
        write_page(page, {page.images[0]: "A dog."})
    assert path.is_dir()


@pytest.mark.parametrize("head", [b"<!--", b"<meta ", b"<meta x='", b"<meta charset=nonsense>", b"<meta\x00"])
def test_a_declaration_is_looked_for_in_linear_time(head: bytes) -> None:
    """With the square of the length, each would take half a minute."""
    assert parse_page(Path("a.html"), head * 20_000).encoding == "ascii"


def test_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<img src=a>\r\n\r<img\nsrc=b>\x0c\xc2\x85\n<img src=c>")
    page = read_page(tmp_path / "a.html")
    assert [page.line(image) for image in page.images] == [1, 3, 5]


@pytest.mark.slow
def test_lines_are_counted_once() -> None:
    """With the square of the length, this would take ten minutes."""
    page = parse_page(Path("a.html"), b"<p>text\n<img src=a>\n" * 30_000)
    assert [page.line(image) for image in page.images] == [*range(2, 60_001, 2)]


def test_the_file_is_written_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<img src=a>\r\n")
    path.chmod(0o640)
    (tmp_path / "link.html").symlink_to("a.html")
    page = read_page(tmp_path / "link.html")
    write_page(page, {page.images[0]: "A dog."})
    assert path.read_bytes() == b'<img alt="A dog." src=a>\r\n'
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.html").is_symlink()


def test_concurrently_changed_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<img src=a>")
    page = read_page(path)
    path.write_bytes(b"<img src=a alt='A person wrote this.'>")
    with pytest.raises(ShowtellError, match="was changed in the meantime"):
        write_page(page, {page.images[0]: "A dog."})
    assert path.read_bytes() == b"<img src=a alt='A person wrote this.'>"


PIECES = st.sampled_from(
    [
        *(b"<img src=a.jpg>", b"<IMG\r\n src='b.jpg' />", b'<img src="c" alt="">', b"<img", b"<img data-src=d>"),
        *(b"<!--", b"-->", b"<script>", b"</script>", b"<p title='", b"'", b'"', b">", b"![](a)", b"![x](a)", b"`"),
        *(
            b"text",
            b"\xc3\xa9",
            b"\xe9",
            b"\x00",
            b"\xff",
            b"\n",
            b"\r",
            b"\n\n",
            b"    ",
            b"\xef\xbb\xbf",
            b"\xe2\x98",
        ),
        *(b"<meta charset=utf-8>", b"<meta charset=latin1>", b"<meta charset=shift_jis>", b"<meta charset=gb18030>"),
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join), st.sampled_from(["a.html", "a.md"]), st.data())
def test_every_byte_but_the_insertions_stays(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str, draw: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    try:
        page = read_page(path)
    except ShowtellError:
        return
    images = [image for image in page.images if not image.review_reason]
    chosen = draw.draw(st.sets(st.sampled_from(images))) if images else set()
    insertions = page.insertions(dict.fromkeys(chosen, 'A "dog" & é ☕.'))
    result = edited(data, insertions)
    assert len(insertions) == len(chosen)
    grown = 0
    for offset, piece in insertions:
        at = offset + grown
        assert data[:offset].lower().endswith((b"<img", b"!["))
        assert result[at : at + len(piece)] == piece
        grown += len(piece)
    for offset, piece in reversed(insertions):
        grown -= len(piece)
        result = result[: offset + grown] + result[offset + grown + len(piece) :]
    assert result == data
    path.write_bytes(edited(data, insertions))
    assert len(read_page(path).images) == len(page.images) - len(chosen)


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
        lambda alt: not alt.isspace() and alt.strip() == alt and "\xad" not in alt
    ),
    st.sampled_from(["utf-8", "utf-16-le", "cp1252", "iso8859-15"]),
    st.sampled_from(["", "{{ a }} ", "{# é #} ", "<p title='>'>", "字 "]),
)
def test_every_text_parses_back(alt: str, encoding: str, before: str) -> None:
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    declared = "" if mark else f"<meta charset={encoding}>"
    text = f"{declared}{before}<img src='a' onload='b'>\r\n"
    data = mark + text.encode(encoding, "xmlcharrefreplace")
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))  # type: ignore[method-assign]
    parser.feed(with_texts(parse_page(Path("a.html"), data), alt).removeprefix(mark).decode(encoding))
    assert found[-1] == ("img", {"alt": alt, "src": "a", "onload": "b"})

    body = f'{before.replace("<", "")}![](a "b")\n'
    page = with_texts(parse_page(Path("a.md"), body.encode()), alt).decode()
    image = next(
        child
        for token in MarkdownIt("commonmark").parse(page)
        for child in token.children or ()
        if child.type == "image"
    )
    assert image.children is not None
    assert "".join(child.content for child in image.children) == alt
