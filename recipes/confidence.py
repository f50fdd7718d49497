"""Judge the confidence of a captioner by cross-validation on a data set's photos, and draw its risk-coverage curve.

Example: python recipes/flickr8k/confidence.py runs/flickr8k-lstm/best.safetensors flickr8k/ runs/features curve.png
A name that ends in .json gets the numbers of the curve instead of the picture.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from showtell.captioner import Captioner
from showtell.confidence import ACCEPTABLE, Confidence
from showtell.datasets import read_dataset
from showtell.datasets.features import photo_features
from showtell.evaluation.calibration import calibration, cross_validated
from showtell.evaluation.confidence import evidence
from showtell.evaluation.table import Row, as_text
from showtell.files import write_atomically
from showtell.functional.checks import Array
from showtell.pictures import LINES, new_figure, save_figure


def main() -> None:
    model, dataset, store, picture = map(Path, sys.argv[1:])
    captioner = Captioner.load(model)
    captioner.foreign = ()  # sentences are judged, not names
    examples = read_dataset(dataset).split("val")
    photos, grid = [example.photo for example in examples], captioner.decoder.attention_dim > 0
    features, report = photo_features(photos, captioner.encoder, store, grid=grid)
    examples = tuple(example for example in examples if example.photo in report.rows)
    rows = [report.rows[example.photo] for example in examples]
    captions = [
        caption
        for start in range(0, len(rows), 64)
        for caption in captioner.caption_features(features[rows[start : start + 64]].astype(np.float32))
    ]
    signs, cider_d = evidence(captions, [example.captions for example in examples])
    confidence = cross_validated(signs, cider_d)
    found = calibration(confidence, cider_d, ACCEPTABLE)
    lines = [Row("photos", len(rows)), Row("CIDEr-D", found.at(1)), *found.rows()]
    print("\n".join(as_text(lines)))
    print(f"\n{'confidence':10}  photos  acceptable  CIDEr-D")
    for low in np.arange(0, 1, 0.1):
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            share = (cider_d[inside] >= ACCEPTABLE).mean()
            print(f"{low:.1f} to {low + 0.1:.1f}  {inside.sum():6}  {share:10.3f}  {cider_d[inside].mean():7.3f}")
    print(f"\nfitted on all: {Confidence.fit(signs, cider_d)}")
    curve = risk_coverage(found.curve, cider_d)
    if picture.suffix == ".json":
        write_atomically(picture, json.dumps(curve))
    else:
        draw(curve, picture)


def risk_coverage(curve: Array, cider_d: Array) -> dict[str, list[float]]:
    """The mean CIDEr-D of the surest captions over their share in %; the mean of fewer than 20 says little."""
    captions = np.arange(20, len(curve) + 1)
    best = np.cumsum(np.sort(cider_d)[::-1])[19:] / captions
    return {
        "share of the captions kept, %": (100 * captions / len(curve)).tolist(),
        "ordered by the scores themselves": best.tolist(),
        "ordered by confidence": curve[19:].tolist(),
        "ordered by chance": np.full(len(captions), cider_d.mean()).tolist(),
    }


def draw(curve: dict[str, list[float]], picture: Path) -> None:
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    (_, share), *orders = curve.items()
    for look, (order, means) in zip(LINES, orders, strict=False):
        axes.plot(share, means, label=order, color=look["color"], linestyle=look["linestyle"])
    axes.set(xlabel="share of the captions kept, the surest, %", ylabel="mean CIDEr-D", xlim=(0, 100), ylim=(0, 2))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    save_figure(figure, picture)


if __name__ == "__main__":
    main()
