"""What a captioner's file says of it: each field of its type, and within bounds in which captioning ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from showtell.captioning.search import MAX_WIDTH
from showtell.errors import ModelError

_Number = Annotated[float, Meta(ge=-1e30, le=1e30)]


class _Search(Struct, forbid_unknown_fields=True):
    beam_width: Annotated[int, Meta(ge=1, le=MAX_WIDTH)]
    length_penalty: Annotated[float, Meta(ge=0, le=100)]
    max_words: Annotated[int, Meta(ge=1, le=1000)]
    repeatable_words: list[str] | None = None


class _Confidence(Struct, forbid_unknown_fields=True):
    threshold: _Number
    acceptable: list[_Number]
    expected: list[_Number]


class _Fields(Struct, forbid_unknown_fields=True):
    format_version: int
    decoder: dict[str, Any]
    encoder: str
    vocabulary: list[str]
    search: _Search
    about: dict[str, str]
    confidence: _Confidence | UnsetType = UNSET
    objects: list[str] | UnsetType = UNSET
    out_of_domain_classes: list[str] = []


def check_fields(fields: Mapping[str, Any]) -> None:
    """Check the fields of a file.

    Raises:
        ModelError: one is missing, of another type, out of its bounds, or not known; it is named.
    """
    try:
        known = msgspec.convert(fields, _Fields)
    except (UnicodeError, RecursionError) as error:
        raise ModelError(f"its header cannot be read: {error}") from error
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise ModelError(_in_words(fields, where.removesuffix("`"), f"{what[:1].lower()}{what[1:]}")) from error
    if known.confidence is not UNSET:
        # a bias, and a weight for each of `Caption.confidence_features`
        weights = 3 if known.objects is UNSET else 4
        for name in ("acceptable", "expected"):
            if (found := len(getattr(known.confidence, name))) != weights:
                raise ModelError(f"confidence.{name}: expected {weights} numbers, got {found}")


def _in_words(fields: Any, where: str, what: str) -> str:
    """What is wrong where, as `search.beam_width is '3', expected int, got str`."""
    value, what = fields, what.replace("`", "")
    for name, place in re.findall(r"\.(\w+)|\[(\d+)\]", where):
        value = value[name or int(place)]
    if not where or "..." in where or isinstance(value, (dict, list)):
        return f"{where[1:] or 'its header'}: {what}"
    return f"{where[1:]} is {value!r:.60}, {what}"
