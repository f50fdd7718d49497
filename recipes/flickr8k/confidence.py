"""Judge the confidence of a captioner by cross-validation on a data set's photos, and draw its risk-coverage curve.

Example: python recipes/flickr8k/confidence.py runs/flickr8k-lstm/best.safetensors flickr8k/ runs/features curve.png
"""

from __future__ import annotations

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
from showtell.functional.checks import Array


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
    draw(found.curve, cider_d, picture)


def draw(curve: Array, cider_d: Array, picture: Path) -> None:
    """The mean CIDEr-D of the surest captions over their share, between an order by chance and one by the scores."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    captions = np.arange(1, len(curve) + 1)
    share = 100 * captions / len(curve)
    known = captions >= 20  # the mean of fewer says little
    best = np.cumsum(np.sort(cider_d)[::-1]) / captions
    axes.plot(share[known], best[known], ":", color="#666666", label="ordered by the scores themselves")
    axes.plot(share[known], curve[known], "-", color="#0b5394", label="ordered by confidence")
    axes.axhline(cider_d.mean(), ls="--", color="#b45f06", label="ordered by chance")
    axes.set(xlabel="share of the captions kept, the surest, %", ylabel="mean CIDEr-D", xlim=(0, 100), ylim=(0, 2))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()
