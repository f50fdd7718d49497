"""Judge the confidence of a captioner by cross-validation on data sets' photos, and draw its risk-coverage curves.

Example: python recipes/confidence.py runs/everyday/best.safetensors runs/features curves.png flickr8k/ coco/
The confidence is fitted on the sets together and judged on each. A name that ends in .json gets the numbers of the
curves instead of the picture.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from showtell._util.files import write_atomically
from showtell._util.plotting import LINES, new_figure, save_figure
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import ACCEPTABLE, Confidence
from showtell.evaluation.calibration import calibration, cross_validated
from showtell.evaluation.confidence import calibration_data
from showtell.evaluation.evaluate import evaluate
from showtell.evaluation.table import Row, as_text
from showtell.nn.types import Array


def main() -> None:
    model, store, picture, *datasets = map(Path, sys.argv[1:])
    captioner = Captioner.load(model)
    captioner.confidence = None  # without it there are sentences alone, no names
    found = [features_and_scores(captioner, dataset, store) for dataset in datasets]
    of_captions, cider_d = (np.concatenate(parts) for parts in zip(*found, strict=True))
    confidence = cross_validated(of_captions, cider_d)
    sets = [np.arange(len(cider_d))] if len(datasets) > 1 else []
    sets += np.split(np.arange(len(cider_d)), np.cumsum([len(scores) for _, scores in found])[:-1])
    names = [*(["all"] if len(datasets) > 1 else []), *(dataset.name for dataset in datasets)]
    curves = {}
    for name, rows in zip(names, sets, strict=True):
        print(f"\n{name}")
        show(confidence[rows], cider_d[rows])
        curves[name] = risk_coverage(calibration(confidence[rows], cider_d[rows], ACCEPTABLE).curve, cider_d[rows])
    print(f"\nfitted on all: {Confidence.fit(of_captions, cider_d)}")
    curves.pop("all", None)
    if picture.suffix == ".json":
        write_atomically(picture, json.dumps(curves))
    else:
        draw(curves, picture)


def features_and_scores(captioner: Captioner, dataset: Path, store: Path) -> tuple[Array, Array]:
    """The confidence features of the captions of a data set's validation photos, (N, F), and their CIDEr-D, (N,)."""
    evaluation = evaluate(captioner, dataset, features=store)
    return calibration_data(evaluation.captions, [example.captions for example in evaluation.examples])


def show(confidence: Array, cider_d: Array) -> None:
    """Print how right the confidence is, and what captions there are of each tenth of it."""
    found = calibration(confidence, cider_d, ACCEPTABLE)
    above = cider_d > np.median(cider_d)
    better, worse = confidence[above][:, np.newaxis], confidence[~above]
    auroc = (better > worse).mean() + (better == worse).mean() / 2
    lines = [Row("photos", len(cider_d)), Row("CIDEr-D", found.at(1)), *found.rows(), Row("AUROC, median", auroc)]
    print("\n".join(as_text(lines)))
    print(f"\n{'confidence':10}  photos  acceptable  CIDEr-D")
    for low in np.arange(0, 1, 0.1):
        inside = (confidence >= low) & (confidence < low + 0.1)
        if inside.any():
            share = (cider_d[inside] >= ACCEPTABLE).mean()
            print(f"{low:.1f} to {low + 0.1:.1f}  {inside.sum():6}  {share:10.3f}  {cider_d[inside].mean():7.3f}")


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


def draw(curves: dict[str, dict[str, list[float]]], picture: Path) -> None:
    """A panel for each data set."""
    figure = new_figure(4.5 * len(curves) + 1.5, 3.6)
    panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
    for axes, (name, curve) in zip(panels, curves.items(), strict=True):
        (_, share), *orders = curve.items()
        for look, (order, means) in zip(LINES, orders, strict=False):
            axes.plot(share, means, label=order, color=look["color"], linestyle=look["linestyle"])
        axes.set(title=name, xlabel="share of the captions kept, the surest, %", xlim=(0, 100), ylim=(0, 3))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("mean CIDEr-D")
    panels[-1].legend(frameon=False)
    save_figure(figure, picture)


if __name__ == "__main__":
    main()
