"""The picture of a run: losses and score over the epochs."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from showtell.errors import ShowtellError
from showtell.files import write_atomically


def draw_curve(history: Sequence[dict[str, float]], path: str | os.PathLike[str]) -> None:
    """Draw the records of a run's epochs (see `Trainer`) as a PNG.

    Raises:
        ShowtellError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ShowtellError("a training curve needs matplotlib: pip install 'showtell[plot]'") from error
    epochs = [record["epoch"] for record in history]
    learnt = [record for record in history if "train_loss" in record]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    of_learnt = [record["epoch"] for record in learnt]
    losses.plot(
        of_learnt, [record["train_loss"] for record in learnt], "o-", ms=3, label="training (smoothed, dropout)"
    )
    losses.plot(epochs, [record["val_loss"] for record in history], "s--", ms=3, label="validation")
    losses.set(xlabel="epoch", ylabel="cross-entropy, nats a word", title="Loss")
    scores.plot(epochs, [record["cider_d"] for record in history], "o-", ms=3, label="CIDEr-D")
    scores.plot(epochs, [record["bleu_4"] for record in history], "s--", ms=3, label="BLEU-4")
    scores.set(xlabel="epoch", ylabel="score of captions written", title="Validation", ylim=(0, None))
    for axes in (losses, scores):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        axes.xaxis.get_major_locator().set_params(integer=True)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_atomically(path, picture.getvalue())
