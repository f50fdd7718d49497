"""An explanation as one picture: the cell's gates, and one row per word with maps over the photo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from showtell._util.plotting import MAP, SIGNED_MAP, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from PIL.Image import Image

    from showtell.explain.explanation import Explanation, Step
    from showtell.nn.types import Array

_WIDTH, _HEAD, _ROW = 11.0, 3.4, 1.9  # inches
_SIDE = 260  # of the photo, which is as square as the encoder sees it
_BLUE, _GREY = "#0072B2", "#999999"
_SHARES = {"open": "#F0E442", "between": "#B0B0B0", "closed": "#303030"}


def draw_sheet(photo: Image, explanation: Explanation) -> Figure:
    """The sheet: the photo, the gates, and for each word the runners-up, attention, gradient and influence.

    Args:
        photo: mode RGB.
        explanation: of its caption.

    Raises:
        ShowtellError: matplotlib is not installed.
    """
    steps = explanation.steps
    maps = 3 if steps[0].attention_map is not None else 2
    figure = new_figure(_WIDTH, _HEAD + _ROW * len(steps))
    head, body = figure.subfigures(2, 1, height_ratios=[_HEAD, _ROW * len(steps)], squeeze=False).ravel()
    _draw_head(head, photo, explanation)
    rows = body.subplots(len(steps), 1 + maps, width_ratios=[5.3 - maps, *[1] * maps], squeeze=False)
    grey = np.asarray(photo.convert("L").resize((_SIDE, _SIDE)))
    for (words, *places), step in zip(rows, steps, strict=True):
        _draw_words(words, step)
        if step.attention_map is not None:
            _draw_map(places[-3], grey, 100 * step.attention_map, "up to {:.1f} %")
        _draw_map(places[-2], grey, step.sensitivity, "up to {:.2g} nats/unit")
        _draw_map(places[-1], grey, step.influence, "up to ± {:.2g} nats", signed=True)
    titles = ["attention map", "gradient norm", "for it (orange),\nagainst it (purple)"]
    for axes, title in zip(rows[0], ["the word, and what came close", *titles[-maps:]], strict=True):
        axes.set_title(title, fontsize=10)
    rows[-1, 0].set_xlabel("probability")
    return figure


def _draw_head(head: SubFigure, photo: Image, explanation: Explanation) -> None:
    """The caption, the photo, and the gates."""
    caption, gates = explanation.caption, explanation.gates
    sure = "" if caption.confidence is None else f"   (confidence {caption.confidence:.2f})"
    head.suptitle(caption.text + sure, fontsize=13, fontweight="bold")
    row = head.subplots(1, 1 + len(gates), width_ratios=[1.2, *[1] * len(gates)], squeeze=False)
    picture, *panels = row[0]
    picture.imshow(np.asarray(photo))
    picture.set_axis_off()
    words = [step.word for step in explanation.steps]
    for panel, (name, shares) in zip(panels, gates.items(), strict=True):
        floor = np.zeros(len(words))
        for share, colour in _SHARES.items():
            panel.bar(words_at := np.arange(len(words)), 100 * shares[share], bottom=floor, color=colour, label=share)
            floor = floor + 100 * shares[share]
        panel.set(ylim=(0, 100), xlim=(-0.6, len(words) - 0.4))
        panel.set_title(name, fontsize=10)
        panel.set_xticks(words_at, words, rotation=90, fontsize=8)
        panel.tick_params(axis="y", labelsize=8)
    if panels:
        panels[0].set_ylabel("share of the units, %", fontsize=9)
        handles, labels = panels[0].get_legend_handles_labels()
        meaning = {"open": "open: above 0.9", "between": "between", "closed": "closed: below 0.1"}
        head.legend(
            handles, [meaning[label] for label in labels], loc="outside lower right", ncols=3, fontsize=8, frameon=False
        )


def _draw_words(axes: Axes, step: Step) -> None:
    """The word and its runners-up: bars of their probabilities."""
    names = [step.word, *(word for word, _ in step.runners_up)]
    values = [step.probability, *(probability for _, probability in step.runners_up)]
    axes.barh(range(len(names)), values, color=[_BLUE, *[_GREY] * len(step.runners_up)], height=0.7)
    for place, value in enumerate(values):
        axes.text(value + 0.01, place, f"{value:.3f}", va="center", fontsize=8)
    axes.set(xlim=(0, 1.1), xticks=(0, 0.5, 1), ylim=(len(names) - 0.5, -0.5))
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.get_yticklabels()[0].set(fontweight="bold", fontsize=12)
    axes.tick_params(axis="x", labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_map(axes: Axes, grey: Any, map_: Array, unit: str, *, signed: bool = False) -> None:
    """A map over the photo, pale and grey; its largest number, which has the darkest colour, stands below."""
    most = float(np.abs(map_).max())
    extent = (0, 1, 0, 1)
    axes.imshow(grey, cmap="gray", vmin=-150, extent=extent)
    colours, least = (SIGNED_MAP, -most) if signed else (MAP, 0)
    axes.imshow(map_, cmap=colours, vmin=least, vmax=most, alpha=0.6, extent=extent, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(unit.format(most), fontsize=8)
