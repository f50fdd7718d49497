"""Images without alternative text in HTML, at their exact places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from showtell.alt.image import Image
from showtell.alt.tags import Tag, Tags
from showtell.alt.template import WRITTEN_BY_TEMPLATE, Hidden, has_template, hide_templates

# `<img>`, and what components are named: `<Image>`, `<amp-img>`, `<v-img>`, `<enhanced:img>`.
IMAGE_TAG = re.compile(r"<(?:[\w.]+[:-])*\w*(?:img|image)(?=[\t\n\f\r />\U000f0000-\U000fffff])", re.IGNORECASE)
_WITHOUT_ALT = re.compile(rf"{IMAGE_TAG.pattern}(?![^<>]*\balt\b)", re.IGNORECASE)
# How Vue, Alpine, Angular, AngularJS, Svelte, Lit, Polymer, Aurelia and Thymeleaf mark, around its name, an attribute
# whose value is set by code.
_BINDING_PREFIX = (
    r"(?:[:.?]|(?:data-)?(?:v-|x-)?bind:|\[(?:attr\.)?|bind-(?:attr\.)?|(?:data-|x-)?ng-attr-|ng:attr:|(?:data-)?th[:-]"
    r"|attr[.:])"
)
_BINDING_SUFFIX = r"(?:\]|\$|(?:\.[\w-]+)*)"
_ALT = re.compile(rf"{_BINDING_PREFIX}?alt(?:-title)?{_BINDING_SUFFIX}|\{{\s*alt\s*\}}")
_SOURCE = r"(?:(?:data-(?:\w+-)*|lazy-?)?src(?:set)?|lazyload)"
_BOUND_SOURCE = re.compile(
    rf"{_BINDING_PREFIX}{_SOURCE}{_BINDING_SUFFIX}|{_SOURCE}(?:\$|\.[\w-]+)|v-lazy(?:load)?(?::\w+)?"
)
# An attribute whose value names attributes that it sets: `th:attr="alt=..."`, `data-bind="attr: {alt: ...}"`.
_SETS_ALT, _SETS_SOURCE = (
    re.compile(rf"(?:^|[\s\[{{(,;'\"]){name}(?:['\"]?\s*[:=,\]]|\s|$)") for name in ("alt", "src")
)
_THYMELEAF = re.compile(r"(?:data-)?th[:-]attr(?:append|prepend)?")
# Attributes that spread others into the tag, and the shorthand `{name}`.
_SPREAD = re.compile(
    r"(?:v-bind:?|x-bind:?|:)(?:\[.*)?|.*[{}<%].*|\$.*|@attributes|@.*\(.*|py:attrs|data-sly-attribute|data-l10n-id",
    re.DOTALL,
)
_SHORTHAND = re.compile(r"\{\s*([\w-]+)\s*\}")
_STANDARD_ATTRIBUTE = re.compile(r"[a-z]+|aria-[a-z]+")
# Attribute names that lazy-loading scripts use for the final image, and for other images.
_LAZY = ("src", "srcset", "original", "lazy", "lazyload", "echo")
_LAZY_PHOTO = frozenset({"actual", "defer", "deferred", "image", "img", "photo", "picture", "real", "url"})
_NOT_SHOWN = frozenset(
    (
        *("alt", "big", "dark", "default", "error", "fallback", "full", "gallery", "hover", "large", "lightbox"),
        *("low", "mobile", "pin", "placeholder", "retina", "share", "thumb", "thumbnail", "zoom"),
    )
)
_WORDS = re.compile(r"[a-z]+")
_FILE = re.compile(r"/|\.[a-z]", re.IGNORECASE)
_PHOTO = re.compile(r"\.(?:avif|bmp|gif|hei[cf]|jpe?g|png|tiff?|webp)(?:[?#]|\Z)", re.IGNORECASE)
# A tag without a blank before its template code: `<img{{ attributes }}>`.
_TAG_WITH_TEMPLATE = re.compile(r"img[\U000f0000-\U0010ffff]+.*", re.DOTALL)
_CANDIDATE = re.compile(r"([^\s,](?:\S*[^\s,])?)(?:\s+([\d.]*)(\w?)[^,]*)?")
_LITERAL = re.compile(r"""\{\s*(["'`])([^"'`$\\]*)\1\s*\}""")

MAY_SET_ALT = "is written in part by code, which may bring an alt"
UNCLOSED_TAG = "has a tag without an end"
IN_CODE = "is in code"
RENDERED_BY_COMPONENT = "is shown by a component, which may bring an alt"


def images_in_html(text: str) -> list[Image]:
    """The images without alternative text, and those that a person must look at, in their order.

    Not those with an empty `alt`, those hidden from assistive technology and those with an ARIA label. The first
    `<base>` with an `href` counts (HTML standard 4.2.3), for what comes behind it: browsers load an image where they
    meet it.
    """
    hidden = hide_templates(text)
    return list(images_of(Tags(hidden.text), hidden.text, hidden))


def images_of(tags: Iterable[Tag], text: str, hidden: Hidden) -> Iterator[Image]:
    """The images of a text's tags, as `images_in_html` has them."""
    base: str | None = None
    picture: list[Mapping[str, str]] | None = None
    for tag in tags:
        if not tag.name:
            for found in IMAGE_TAG.finditer(text, tag.start):
                yield Image(found.end(), "", "html", review_reason=UNCLOSED_TAG)
        elif tag.name == "picture":
            picture = None if tag.is_end else []
        elif tag.name == "source" and picture is not None and not tag.is_end:
            picture.append(tag.attributes)
        elif tag.name == "base" and not tag.is_end and tag.in_document and base is None:
            base = tag.attributes.get("href")
        elif not tag.is_end and (tag.name.endswith(("img", "image")) or _TAG_WITH_TEMPLATE.fullmatch(tag.name)):
            image = image_of(tag, hidden, base or "", picture or ())
            picture = None
            if image and (tag.name != "image" or "src" in tag.attributes):  # SVG's has none
                yield image
        for start, end in tag.braces:
            for found in _WITHOUT_ALT.finditer(text, start, end):
                yield Image(found.end(), "", "html", review_reason=IN_CODE)


def image_of(tag: Tag, hidden: Hidden, base: str = "", picture: Sequence[Mapping[str, str]] = ()) -> Image | None:
    """The image of an `<img>` tag or a component's; None if it needs no alternative text.

    Args:
        tag: the tag, as `hidden.text` has it.
        hidden: the page that it is of.
        base: the URL of the page's `<base>`.
        picture: the attributes of each `<source>` before it in its `<picture>`.
    """
    attributes = tag.attributes
    if (
        any(map(_ALT.fullmatch, attributes))
        or any(_THYMELEAF.fullmatch(name) and _SETS_ALT.search(value) for name, value in attributes.items())
        or attributes.get("role", "").lower().split()[:1] in (["presentation"], ["none"])
        or attributes.get("aria-hidden", "").strip().lower() == "true"
        or attributes.get("aria-label", "").strip()
        or attributes.get("aria-labelledby", "").strip()
    ):
        return None
    bound = _bound_source(attributes)
    sources = [bound] if bound else [hidden.restored(source) for source in _sources(attributes, picture)]
    review_reason = (
        _review_reason({tag.name: "", **attributes})
        or ("" if tag.name == "img" else RENDERED_BY_COMPONENT)
        or (WRITTEN_BY_TEMPLATE if bound else "")
    )
    return Image(tag.start + len("<img"), sources[0], "html", hidden.restored(base), tuple(sources[1:]), review_reason)


def _review_reason(attributes: Mapping[str, str]) -> str:
    """Why code may set an `alt` after all; empty if nothing indicates that."""
    for name, value in attributes.items():
        if has_template(name) or (_SPREAD.fullmatch(name) and not _SHORTHAND.fullmatch(name)):
            return MAY_SET_ALT
        if not _STANDARD_ATTRIBUTE.fullmatch(name) and ("alt" in _WORDS.findall(name) or _SETS_ALT.search(value)):
            return f"has {name} in its tag, which may bring an alt"
    return ""


def _bound_source(attributes: Mapping[str, str]) -> str:
    """The code that says what an image shows; empty if there is none."""
    for name, value in attributes.items():
        if _BOUND_SOURCE.fullmatch(name) or (not _STANDARD_ATTRIBUTE.fullmatch(name) and _SETS_SOURCE.search(value)):
            return value or name
        if (short := _SHORTHAND.fullmatch(name)) and short[1] == "src":
            return name
    return ""


def _sources(attributes: Mapping[str, str], picture: Sequence[Mapping[str, str]]) -> list[str]:
    """The URLs of what is shown, the first the best; one that is empty if there is none.

    A lazy image shows what its script puts there. Else `srcset` is preferred to `src` where browsers do (HTML standard
    4.8.4.2.1), and a file that everybody can show to those of a `<source>`.
    """
    if lazy := [*_lazy(attributes), *(url for source in picture for url in _lazy(source))]:
        return list(dict.fromkeys(lazy))
    source, candidates = _value(attributes, "src"), _candidates(_value(attributes, "srcset"))
    file = [] if not source or source.lower().startswith("data:") else [source]
    chosen = [url for _, _, url in candidates]
    urls = [*chosen, *file] if any(unit == "w" or number == 1 for number, unit, _ in candidates) else [*file, *chosen]
    urls += [url for other in picture for _, _, url in _candidates(_value(other, "srcset"))]
    return list(dict.fromkeys(urls)) or [source]


def _lazy(attributes: Mapping[str, str]) -> Iterator[str]:
    """The URLs that a script will show."""
    for name in attributes:
        words = _WORDS.findall(name)
        is_lazy = name.startswith("data-") or "lazy" in name or name in ("ng-src", "ngsrc")
        if not is_lazy or _NOT_SHOWN.intersection(words):
            continue
        value = _value(attributes, name)
        if words[-1].endswith("srcset"):
            yield from (url for _, _, url in _candidates(value))
        elif words[-1].endswith(_LAZY):
            if value and (words[-1].endswith("src") or _FILE.search(value) or has_template(value)):
                yield value
        elif words[-1] in _LAZY_PHOTO and _PHOTO.search(value):
            yield value


def _value(attributes: Mapping[str, str], name: str) -> str:
    """An attribute's value, that of JSX which is a text as the text; empty if there is none."""
    value = attributes.get(name, "").strip()
    literal = _LITERAL.fullmatch(value)
    return literal[2] if literal else value


def _candidates(srcset: str) -> list[tuple[float, str, str]]:
    """What a `srcset` has to choose from: number and unit of the descriptor, and the URL; the largest first."""
    found = [
        (float(number) if number.replace(".", "", 1).isdigit() else 1.0, unit or "x", url)
        for url, number, unit in _CANDIDATE.findall(srcset)
    ]
    return sorted(found, key=lambda candidate: -candidate[0])
