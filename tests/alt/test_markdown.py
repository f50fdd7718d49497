from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.alt.html import images_in_html
from showtell.alt.image import Image
from showtell.alt.markdown import images_in_markdown


def understood(text: str) -> list[Image]:
    """The images that a text may be given to."""
    return [image for image in images_in_markdown(text) if not image.review_reason]


def with_texts(text: str, alt: str) -> str:
    pieces, at = [], 0
    for image in understood(text):
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
def test_images_without_alt_are_found(text: str, sources: list[str]) -> None:
    images = understood(text)
    assert [image.source for image in images] == sources
    assert all(text[: image.offset].endswith("![" if image.syntax == "markdown" else "<img") for image in images)
    assert understood(with_texts(text, "A dog.")) == []


def test_the_text_is_escaped() -> None:
    assert with_texts("![](a)", r"A [b] `c` \ *d* <e> & f_g.") == r"![A \[b\] \`c\` \\ \*d\* \<e\> \& f\_g.](a)"


PIECES = st.sampled_from(
    [
        *("![](a.jpg)", "![](b.jpg 'c')", "![][r]", "![x](a.jpg)", "[", "]", "![", "](d)", "(", ")", "`", "``", "\\"),
        *("\n", "\n", "\n\n", "\n```\n", "\n~~~\n", "    ", "  ", "\t", "- ", "* ", "1. ", "2. ", "> ", ">", "# "),
        *("\n---\n", "===", "text", "é", "<img src=a>", "<img\nsrc='b' />", "<div>", "\n</div>\n", "<b>", "</b>"),
        *("<!-- c -->", "\n[r]: e.jpg 'f'\n\n", "[r]", "<x@y.z>", "<http://x.y>", "<", "|", '"', "'"),
    ]
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_a_text_changes_nothing_else_on_the_page(text: str) -> None:
    """The oracle is markdown-it, which `rich` brings: its page has the texts in it, and is else the same.

    A blank line is behind each definition: what may follow it, the two see differently.
    """
    render = pytest.importorskip("markdown_it").MarkdownIt("commonmark").render
    text = f"text\n\n{text}"  # no front matter
    page = render(with_texts(text, "ZQX."))
    plain = page.replace('<img alt="ZQX."', "<img").replace(' alt="ZQX."', ' alt=""')
    assert plain == render(text)
    if not re.search(r"!\[[^\]]*\[", text):  # a text that is a picture or a link without text
        assert ' alt=""' not in page
    assert page.count('alt="ZQX."') == len(understood(text))
    if page.count("<!--") == page.count("-->"):
        assert images_in_html(page) == []


@pytest.mark.parametrize(
    ("text", "source", "review_reason"),
    [
        ("x <img src='a' onError={(e) => y(e)} /> z", "a", "none to CommonMark"),
        ("<img\n  src='a'\n  {...x}\n/>\n", "a", "code"),
        ("<img src={require('a')} />", "{require('a')}", "none to CommonMark"),
        ("[<img src='a' {% if x %}alt='b'{% endif %}>](c)", "a", "code"),
        ("# <img src=a {x='y'}", "", "without an end"),
        ("<Image src={a} />", "{a}", "component"),
        ("x <Image src={'a'} {...b} />", "a", "code"),
        ("{{ '![](a)' | markdownify }}", "", "code"),
        ("{{< figure src='a' >}}", "", "code"),
        ("<div>{{ '<img src=a>' }}</div>", "", "code"),
        ("![](a b.jpg)", "a b.jpg", "a path with spaces"),
        ("![[a.jpg]]", "a.jpg", "no image to CommonMark"),
    ],
)
def test_unclear_images_are_reported(text: str, source: str, review_reason: str) -> None:
    (image,) = images_in_markdown(text)
    assert image.source == source
    assert review_reason in image.review_reason


@pytest.mark.parametrize(
    "text",
    [
        *("x <img src='a' onError={(e) => y(e)} alt='b' />", "x <img src={a('b')} {alt} />", "`<img src=a {x}>`"),
        *(r"\<img src=a {x='y'}>", "```\n<img {x='y'}> ![](a b)\n```", "    <img {x='y'}>", "<http://a/![](b)>"),
        *("{/* ![](a) <img src=b> */}", "{% comment %}\n![](a)\n\n<img src=b>\n{% endcomment %}", "{# ![](a) #}"),
        *("{% highlight html %}\n<img src=a>\n{% endhighlight %}", "{{< highlight html >}}\n<img>\n{{< /highlight >}}"),
        *("![a ![](b c.jpg)](d)", "<script>\n{{ '<img src=a>' }}\n</script>", "`![](a b)` ![x](a b)", r"!\[](a b)"),
    ],
)
def test_what_is_none(text: str) -> None:
    assert images_in_markdown(text) == []


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ('![]({{ "/a.jpg" | relative_url }})', ['{{ "/a.jpg" | relative_url }}']),
        ("![](<%= a %> 'b') ![](/x/{{ a }}.jpg)", ["<%= a %>", "/x/{{ a }}.jpg"]),
        ("![][a]\n\n[a]: {{ site.url }}/a.jpg", ["{{ site.url }}/a.jpg"]),
        ("<img src={a} />", ["{a}"]),
        ("<div>\n<img src='a' onError={(e) => x(e)} />\n</div>", ["a"]),
        ("<picture>\n<source data-srcset=a>\n<img src=wait.png>\n</picture>", ["a"]),
        ("{% if x %}\n![](a)\n{% endif %}\n{# c #} ![](b)", ["a", "b"]),
        ("# A {#id}\n\n![](a)\n\n{# c #}", ["a"]),
        ("x[^1]\n\n[^1]: ![](a)", ["a"]),
        ("é ![](é.jpg)\r\n\r\n> 字 <img src=字.jpg> \U0001f600 ![](b)", ["é.jpg", "字.jpg", "b"]),
    ],
)
def test_photo_of_an_image(text: str, sources: list[str]) -> None:
    images = understood(text)
    assert [image.source for image in images] == sources
    assert all(text[: image.offset].endswith("![" if image.syntax == "markdown" else "<img") for image in images)


MANY = 20_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *[
            (piece * MANY, MANY)
            for piece in ("![](a) ", "![](a)\n", "<img src=a> ", "> ![](a)\n", "<br>\n\n![](a)\n\n", "é![](a)")
        ],
        *[("[a]: b\n\n" + piece * MANY, MANY) for piece in ("![][a] ", "- ![][a]\n", "x `y` ![][a]{.z} ")],
        *[
            (piece * MANY, 0)
            for piece in (
                *(
                    "\\``",
                    "a <!--",
                    "a <?",
                    "a <![CDATA[",
                    "a <!A ",
                    ">",
                    "* ",
                    "- ",
                    "![",
                    "[a](",
                    "![](<b ",
                    "![](a 'b ",
                ),
                *(
                    "`a``",
                    "<a ",
                    "<img a={ ",
                    "<img a='",
                    "<a b=",
                    "{{",
                    "{%",
                    "{#",
                    "{{ {% {# <% @* {/* ",
                    "<img {% x %}>",
                ),
                *(
                    "{% comment %}",
                    "{{< code >}}",
                    "<?php ",
                    "![](a b",
                    "![[a.",
                    "{: alt",
                    "<script>",
                    "<div>\n",
                    "x\n    y\n",
                ),
                *("<img-", "1. ", "> - ", "[a]: b\n", "[^a]: b\n", "\r"),
            )
        ],
        ("[" * MANY + "![](a)" * MANY, MANY),
        ("[" * MANY + "[a](b)" * MANY, 0),
        (">" * MANY + "x\n" * MANY, 0),
        ("* " * MANY + "x\n" * MANY, 0),
    ],
    ids=lambda value: repr(value)[:20],
)
@pytest.mark.slow
def test_time_grows_with_the_length_alone(text: str, found: int) -> None:
    """With its square, each of these would take minutes."""
    assert len(understood(text)) == found


@settings(deadline=None)
@given(st.text(alphabet="<>!-/=\"'{}%#`[]() aimgsrc\n\r\t>*é\udc80\U000f0000", max_size=60))
def test_any_text_is_read(text: str) -> None:
    for image in understood(text):
        assert text[: image.offset].endswith(("![", "<img"))
