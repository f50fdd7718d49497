"""The training curve: losses and scores over the epochs."""

from __future__ import annotations

import os
from collections.abc import Sequence

from showtell._util.plotting import LINES, new_figure, save_figure


def draw_curve(history: Sequence[dict[str, float]], path: str | os.PathLike[str]) -> None:
    """Draw the records of a run's epochs (see `Trainer`) as a PNG.

    Raises:
        ShowtellError: matplotlib is not installed.
    """
    epochs = [record["epoch"] for record in history]
    learnt = [record for record in history if "train_loss" in record]
    figure = new_figure(9, 3.6)
    losses, scores = figure.subplots(1, 2)
    first, second = ({**line, "markersize": 3} for line in LINES[:2])
    of_learnt = [record["epoch"] for record in learnt]
    losses.plot(of_learnt, [record["train_loss"] for record in learnt], label="training (smoothed, dropout)", **first)
    losses.plot(epochs, [record["val_loss"] for record in history], label="validation", **second)
    losses.set(xlabel="epoch", ylabel="cross-entropy, nats a word", title="Loss")
    scores.plot(epochs, [record["cider_d"] for record in history], label="CIDEr-D", **first)
    scores.plot(epochs, [record["bleu_4"] for record in history], label="BLEU-4", **second)
    scores.set(xlabel="epoch", ylabel="score of captions written", title="Validation", ylim=(0, None))
    for axes in (losses, scores):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    save_figure(figure, path)
