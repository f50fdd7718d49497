from __future__ import annotations

import pytest

from showtell.alt.tags import Tags


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("<a b={c} d>", {"b": "{c}", "d": ""}),
        ("<a b={(c) => d(c)} e='f' />", {"b": "{(c) => d(c)}", "e": "f"}),
        ("<a b={{c: '>'}} d=e>", {"b": "{{c: '>'}}", "d": "e"}),
        ("<a b={'}'} c={\"{\"} d>", {"b": "{'}'}", "c": '{"{"}', "d": ""}),
        ("<a b={\n  <c d='e'/>\n}>", {"b": "{\n  <c d='e'/>\n}"}),
        ("<a {b} {...c > d} e>", {"{b}": "", "{...c > d}": "", "e": ""}),
        ("<a b={don't} c=d>", {"b": "{don't}", "c": "d"}),
        # braces without a partner, and in quotes, are HTML's
        ("<a b={c d>", {"b": "{c", "d": ""}),
        ("<a {b c>", {"{b": "", "c": ""}),
        ("<a b='{' c=}>", {"b": "{", "c": "}"}),
        ("<a b=c{d > e}", {"b": "c{d"}),
    ],
)
def test_braces(text: str, attributes: dict[str, str]) -> None:
    tag = next(iter(Tags(text)))
    assert (tag.name, tag.attributes) == ("a", attributes)


def test_brace_offsets() -> None:
    text = "<a {b} c={d} e='{f}' g={{h}}>"
    (tag,) = Tags(text)
    assert [text[start:end] for start, end in tag.braces] == ["{b}", "{d}", "{{h}}"]


def test_tag_offsets() -> None:
    text = "x <a> <!-- <b> --> </a ><SCRIPT>'<c>'</script><br/><d e='"
    tags = list(Tags(text))
    assert [(tag.name, text[tag.start : tag.end], tag.is_end, tag.closed) for tag in tags] == [
        ("a", "<a>", False, False),
        ("a", "</a >", True, False),
        ("script", "<SCRIPT>'<c>'", False, False),
        ("script", "</script>", True, False),
        ("br", "<br/>", False, True),
        ("", "<d e='", False, False),
    ]


def test_what_is_in_the_document() -> None:
    text = "<a><template><b></template><svg><c></svg><noscript><d></noscript><e>"
    assert [tag.name for tag in Tags(text) if tag.in_document and len(tag.name) == 1] == ["a", "e"]
