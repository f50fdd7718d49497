"""An HTML report with photos and captions, in one self-contained file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from showtell.evaluation.records import EvaluationRecord
from showtell.evaluation.table import Row, between, figure
from showtell.metrics import Scores
from showtell.vision.photo import open_photo

_SHOWN = 12  # photos in each part
_SIDE = 360  # of a photo, at most, in pixels
_BY = '<meta name="generator" content="showtell">'

_STYLE = """
:root { color-scheme: light dark; --line: #d8d8d4; --faint: #62625e; --card: #fff; --page: #f6f6f3; --ink: #1c1c1a; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3a38; --faint: #a3a39d; --card: #232321; --page: #181817; --ink: #ececea; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .2rem 1.25rem .2rem 0; text-align: right; font-weight: normal; }
tr + tr { border-top: 1px solid var(--line); }
th:first-child { text-align: left; }
td:last-child, th:last-child { padding-right: 0; }
thead th, td:last-child, small { color: var(--faint); }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1rem; }
@media (max-width: 26rem) { table { font-size: .9rem; } td, th { padding-right: .75rem; } }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; }
img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: var(--line); }
figcaption { padding: .75rem 1rem 1rem; }
figcaption p { margin: 0 0 .5rem; font-weight: 600; }
ul { margin: 0 0 .5rem; padding-left: 1.1rem; font-size: .9rem; }
""".strip()


def report(title: str, rows: Sequence[Row], records: Sequence[EvaluationRecord], scores: Scores, seed: int = 0) -> str:
    """A page with a table of `rows`, and the photos with the best and worst captions by CIDEr-D, and random ones.

    Photos are in the page itself, as small JPEGs; it asks for nothing from outside and follows the reader's choice of
    light or dark.

    Args:
        title: of the page.
        rows: the figures.
        records: one for each of N photos; `file` is its path.
        scores: theirs.
        seed: of the random choice.

    Raises:
        PhotoError: a photo that is shown cannot be read.
    """
    order = np.argsort(-scores.cider_d_per_photo, kind="stable")
    drawn = np.random.default_rng(seed).permutation(len(records))
    parts = [("The best", order[:_SHOWN]), ("The worst", order[::-1][:_SHOWN]), ("At random", drawn[:_SHOWN])]
    sections = []
    for name, places in parts:
        figures = "\n".join(_figure(records[place], float(scores.cider_d_per_photo[place])) for place in places)
        sections.append(f'<h2>{name}</h2>\n<div class="photos">\n{figures}\n</div>')
    lines = "\n".join(
        f'<tr><th scope="row">{escape(row.name)}</th><td>{figure(row.value)}</td><td>{between(row.interval)}</td></tr>'
        for row in rows
    )
    body = "\n".join(sections)
    head = '<tr><th></th><th scope="col">value</th><th scope="col">95 % interval</th></tr>'
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_BY}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
<table>
<thead>{head}</thead>
<tbody>
{lines}
</tbody>
</table>
{body}
</body>
</html>
"""


def is_report(head: bytes, tail: bytes) -> bool:
    """Whether a file that begins with `head` is such a page."""
    return _BY.encode() in head


def _figure(record: EvaluationRecord, cider_d: float) -> str:
    references = "".join(f"<li>{escape(reference)}</li>" for reference in record.references)
    name = escape(Path(record.file).name)
    return (
        f'<figure><img src="{_thumbnail(record.file)}" alt="{escape(record.caption)}" loading="lazy">'
        f"<figcaption><p>{escape(record.caption)}</p><ul>{references}</ul>"
        f"<small>CIDEr-D {cider_d:.3f} &middot; {name}</small></figcaption></figure>"
    )


def _thumbnail(file: str) -> str:
    photo = open_photo(file)
    photo.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    photo.save(data, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
