from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from showtell.alt.template import has_template, hide_templates


@pytest.mark.parametrize(
    "code",
    [
        *("{{ x }}", "{{{ x }}}", "{{ 'a' | b }}", "{{< x >}}", "{{% x %}}", "{{#if x}}", "{{- .X -}}", "{{ !x }}"),
        *("{% if x %}", "{%- x -%}", "{% raw %}", "<% x %>", "<%= x %>", "<?php x ?>", "<?= x ?>", "<?php x", "{`x`}"),
    ],
)
def test_code_is_hidden_and_comes_back(code: str) -> None:
    before, after = "é [a](b", ")" if not code.endswith("x") else ""
    hidden = hide_templates(before + code + after)
    assert len(hidden.text) == len(before + code + after)
    assert hidden.text.startswith(before)
    assert hidden.text.endswith(after)
    assert not set(hidden.text[len(before) :]) & set("{}%<>?x' ")
    assert has_template(hidden.text)
    assert hidden.restored(hidden.text) == before + code + after


@pytest.mark.parametrize(
    "comment",
    [
        *("{{! <img> }}", "{{!-- }} <img> --}}", "{{/* {{ <img> }} */}}", "{{- /* <img> */ -}}", "{{-- <img> --}}"),
        *(
            "{#<img>#}",
            "{* <img> *}",
            "{/* <img> */}",
            "{{/* <img> */ -}}",
            "<%-- %> <img> --%>",
            "<%# <img> %>",
            "<#-- <img> -->",
        ),
        *("@* <img> *@", "#* <img> *#", "<%doc> <img> </%doc>", "{% comment 'x' %}<img>{% endcomment %}"),
        *("{%- highlight html -%}<img>{%- endhighlight -%}", "{% codeblock %}\n<img>\r\n{% endcodeblock %}"),
        *("{{< highlight html >}}<img>{{< /highlight >}}", "{{% code %}}{{ x }}<img>{{% /code %}}"),
    ],
)
def test_comments_and_samples_are_passed_over(comment: str) -> None:
    hidden = hide_templates(f"<p>{comment}</p>")
    inside = hidden.text.removeprefix("<p>").removesuffix("</p>")
    assert len(inside) == len(comment)
    assert set(inside) <= set("x\r\n")
    assert [i for i, c in enumerate(inside) if c in "\r\n"] == [i for i, c in enumerate(comment) if c in "\r\n"]


@pytest.mark.parametrize(
    "text",
    [
        *("{{ x", "x }}", "{% x", "{# x", "{x}", "{ {x} }", "# A heading {#id}", "a@b.org @*", "<% x", "<? x", "{*"),
        *("{", "{{", "100 % }", "a {: .b }", "{/* x", "a {*.js, *.ts} b {c*}", "a@*b *@", "{{/* x */ }"),
        # in CSS and JavaScript
        *("a {/* b */ c: d} <img> e {f /* g */}", "<script>x = '{{'</script><img><script>y = '}}'</script>"),
    ],
)
def test_non_template_code_is_kept(text: str) -> None:
    assert hide_templates(text).text == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        # an end belongs to the last beginning before it
        ("# A {#id}\n\ntext\n\n{# comment #}", "# A {#id}\n\ntext\n\nxxxxxxxxxxxxx"),
        ("{% comment %}text", None),
        ("{% commentary %}text{% endcommentary %}", None),
        ("{% comment %}a{% endcomment %}text{% comment %}b{% endcomment %}", "x" * 30 + "text" + "x" * 30),
        ("---\nt: '{{ <img> '\n---\ntext }}", " " * 3 + "\n" + " " * 14 + "\n" + " " * 3 + "\ntext }}"),
        ("---\n\ntext\n---\n", "---\n\ntext\n---\n"),
    ],
)
def test_where_it_ends(text: str, seen: str | None) -> None:
    hidden = hide_templates(text).text
    assert "text" in hidden if seen is None else hidden == seen


@pytest.mark.parametrize(
    ("code", "is_image"),
    [
        ("{{ '<img src=a>' }}", True),
        ("<?php echo '<img src=a>';", True),
        ("{{ '![](a)' | markdownify }}", True),
        ("{{< figure src='a' >}}", True),
        ("{% asset_img a %}", True),
        ("{{ '<img src=a alt=b>' }}", False),
        ("{{< figure src='a' alt='b' >}}", False),
        ("{{ image }}", False),
        ("{% static 'image.jpg' %}", False),
    ],
)
def test_code_that_holds_an_image_becomes_one(code: str, is_image: bool) -> None:
    hidden = hide_templates(code).text
    assert len(hidden) == len(code)
    assert hidden.startswith("<img ") == is_image
    assert hidden.endswith(">") == is_image


def test_more_pieces_than_one_character_can_number() -> None:
    text = "".join(f"{{{{{number}}}}}" for number in range(70_000))
    hidden = hide_templates(text)
    assert hidden.restored(hidden.text) == text


def test_characters_that_stand_for_code_stand_for_none_of_the_page() -> None:
    hidden = hide_templates("\U000f0000\U00100000 {{ x }} \udc80\ud800")
    assert hidden.text[:2] == "\ufffd\ufffd"
    assert hidden.restored(hidden.text) == "\ufffd\ufffd {{ x }} \udc80\ufffd"


PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "{",
            "}",
            "<%",
            "%>",
            "<?",
            "?>",
            "<?php ",
            "@*",
            "*@",
            "{/*",
            "*/}",
            "`",
        ),
        *("{% comment %}", "{% endcomment %}", "{{< code >}}", "{{< /code >}}", "<img src=a>", "![](a)", "---\n", "é"),
        *("\n", "\r\n", " ", "--", "!", "text", "\udc80", "\U000f0000", "\U000ffffd"),
    ]
)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_every_text_keeps_its_length(text: str) -> None:
    hidden = hide_templates(text)
    assert len(hidden.text) == len(text)
    hidden.text.encode()
