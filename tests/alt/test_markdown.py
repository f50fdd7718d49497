from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.alt.html import images_in_html
from showtell.alt.markdown import images_in_markdown


def with_texts(text: str, alt: str) -> str:
    pieces, at = [], 0
    for image in images_in_markdown(text):
        if image.doubt:
            continue
        pieces += [text[at : image.offset], image.insertion(alt)]
        at = image.offset
    return "".join([*pieces, text[at:]])


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("![](a.jpg)", ["a.jpg"]),
        ("one ![](a.jpg) two ![](<b c.jpg> 'title')", ["a.jpg", "b c.jpg"]),
        ('![](\n  a.jpg\n  "title"\n)', ["a.jpg"]),
        ("![](a(b)c.jpg) ![](a\\)&amp;.jpg) ![]()", ["a(b)c.jpg", "a)&.jpg", ""]),
        ("[![](a.jpg)](b.html)", ["a.jpg"]),
        ("# ![](a.jpg)\n\n![](b.jpg)\n===", ["a.jpg", "b.jpg"]),
        ("| ![](a.jpg) | ![](b.jpg) |\n|---|---|\n| ![](c.jpg) | x |", ["a.jpg", "b.jpg", "c.jpg"]),
        # references
        ("![][Cat  one]\n\n[cat ONE]: a.jpg 'The cat'\n[cat one]: b.jpg", ["a.jpg"]),
        ("![][no] ![][] ![]", []),
        ("[x]: a.jpg\n![][x]", ["a.jpg"]),
        # they have a text
        ("![A person's words](a.jpg) ![x][y] ![y] ![y][]\n\n[y]: a.jpg", []),
        ("![a ![](b.jpg)](c.jpg)", []),
        ('![](a.jpg){alt="x"} ![](b.jpg){.wide}', ["b.jpg"]),
        # no images
        (r"\![](a.jpg) !\[](a.jpg) ![\](a.jpg)", []),
        ("![](a b.jpg) ![](a.jpg ! [](a.jpg)", []),
        ('[a](b "![](no.jpg)") ![](c.jpg)', ["c.jpg"]),
        # code
        ("`![](no)` ``a ` ![](no)`` ![](a) `", ["a"]),
        ("```html\n![](no) <img src=no>\n```\n![](a)", ["a"]),
        ("~~~\n```\n![](no)\n~~~~\n![](a)", ["a"]),
        ("```\n![](no)", []),
        ("``` a`b\n![](a)", ["a"]),
        ("    ![](no)\n\n\t![](no)\n![](a)\n    ![](b)", ["a", "b"]),
        ("- one\n\n      ![](no)\n\n  ![](a)\n\n1. ```\n   ![](no)\n   ```\n   ![](b)", ["a", "b"]),
        ("> ![](a)\n> ```\n> ![](no)\n![](b)\n\n>     ![](no)\n\n> text\n![](c)", ["a", "b", "c"]),
        ("-   ![](a)\n\n    ![](b)\n\n        ![](no)", ["a", "b"]),
        ("-\n  ![](a)\n\n-\n\n  ![](b)\n\n-\n\n    ![](no)", ["a", "b"]),
        ("1. ![](a)\n\n\t![](b)\n\n\t\t![](no)", ["a", "b"]),
        # HTML
        ("<img src=a> and <img src='b'\n  width=3> <img src=c alt=x>", ["a", "b"]),
        ("<div>\n![](no)\n<img src=a>\n</div>\n\n![](b)", ["a", "b"]),
        ("> <div>\n> <img\n>   src=a>\n> </div>", ["a"]),
        ("<!-- ![](no)\n\n<img src=no> -->\n![](a)", ["a"]),
        ("text <!-- ![](no) <img src=no> --> ![](a)", ["a"]),
        ("<script>\n'![](no)'\n\n'<img src=no>'\n</script>\n\n![](a)", ["a"]),
        ("text <style>![](no)</style> ![](a)", ["a"]),
        ("<pre>\n\n![](no)\n</pre>\n![](a)", ["a"]),
        ("<img src=a>\n", ["a"]),
        ("<https://example.com/![](no)> ![](a) a < b ![](c)", ["a", "c"]),
        ("<img src=a {x}>", []),
        # front matter
        ("---\ntitle: '![](no)'\n---\n![](a)", ["a"]),
        ("+++\r\ntitle = '![](no)'\r\n+++\r\n![](a)", ["a"]),
        ("---\n\n![](a)\n\n---\n", ["a"]),
        # line ends
        ("```\r\n![](no)\r\n```\r\n![](a)\r\n", ["a"]),
        ("```\r![](no)\r```\r![](a)", ["a"]),
    ],
)
def test_what_is_found(text: str, sources: list[str]) -> None:
    images = [image for image in images_in_markdown(text) if not image.doubt]
    assert [image.source for image in images] == sources
    assert all(text[: image.offset].endswith("![" if image.syntax == "markdown" else "<img") for image in images)
    assert all(image.doubt for image in images_in_markdown(with_texts(text, "A dog.")))


def test_the_text_is_escaped() -> None:
    assert with_texts("![](a)", r"A [b] `c` \ *d* <e> & f_g.") == r"![A \[b\] \`c\` \\ \*d\* \<e\> \& f\_g.](a)"


PIECES = st.sampled_from(
    [
        *("![](a.jpg)", "![](b.jpg 'c')", "![][r]", "![x](a.jpg)", "[", "]", "![", "](d)", "(", ")", "`", "``", "\\"),
        *("\n", "\n", "\n\n", "\n```\n", "\n~~~\n", "    ", "  ", "\t", "- ", "* ", "1. ", "2. ", "> ", ">", "# "),
        *("\n---\n", "===", "text", "é", "<img src=a>", "<img\nsrc='b' />", "<div>", "\n</div>\n", "<b>", "</b>"),
        *("<!-- c -->", "\n[r]: e.jpg 'f'\n", "[r]", "<x@y.z>", "<http://x.y>", "<", "|", '"', "'"),
    ]
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_a_text_changes_nothing_else_on_the_page(text: str) -> None:
    """The oracle is markdown-it, which `rich` brings: its page has the texts in it, and is else the same."""
    render = pytest.importorskip("markdown_it").MarkdownIt("commonmark").render
    text = f"text\n\n{text}"  # no front matter
    page = render(with_texts(text, "ZQX."))
    plain = page.replace('<img alt="ZQX."', "<img").replace(' alt="ZQX."', ' alt=""')
    assert plain == render(text)
    if not re.search(r"!\[[^\]]*\[", text):  # a text that is a picture or a link without text
        assert ' alt=""' not in page
    assert page.count('alt="ZQX."') == len(images_in_markdown(text))
    if page.count("<!--") == page.count("-->"):
        assert images_in_html(page) == []
