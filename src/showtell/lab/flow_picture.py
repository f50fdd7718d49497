"""The plot of gradient flow through time, with a panel for each of the three remedies."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from showtell._util.plotting import LINES, new_figure, save_figure
from showtell.lab.flow import Flow
from showtell.lab.flow_table import power
from showtell.nn.types import Array

_PANELS = {
    "1  Sensible initialisation": (
        "tanh, 0.01 N(0, 1)",
        "tanh, orthogonal, inputs x 5",
        "tanh, orthogonal",
        "tanh, orthogonal, inputs x 0.1",
        "tanh, N(0, 1)",
    ),
    "2  ReLU, not sigmoid or tanh": (
        "sigmoid, orthogonal",
        "ReLU, orthogonal",
        "tanh, orthogonal",
        "ReLU, identity",
        "ReLU, 0.2 N(0, 1)",
    ),
    "3  Gated cells": (
        "GRU, orthogonal",
        "LSTM, orthogonal, forget bias 0",
        "tanh, orthogonal",
        "LSTM, orthogonal, forget bias 3",
        "LSTM, orthogonal, forget bias 1",
        "GRU, orthogonal, update bias 3",
    ),
}
# The same network looks the same in all three panels: it comes third in each, and so has the third of the lines
_LOWEST, _HIGHEST = -21.0, 6.0
"""log10 of the norms at the picture's edges."""


def draw_flows(flows: Sequence[Flow], path: str | os.PathLike[str]) -> None:
    """Draw what was measured of `flow.NETWORKS` as PNG, SVG or PDF; lines that would lie on others are left out.

    Raises:
        ShowtellError: matplotlib is not installed, or another suffix.
        OSError: the file cannot be written.
    """
    by_name = {flow.network.name: flow for flow in flows}
    steps = len(flows[0].median) - 1
    back, every = np.arange(steps + 1), max(1, steps // 10)
    figure = new_figure(12.5, 6.6)
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (title, names) in zip(panels, _PANELS.items(), strict=True):
        for place, (name, look) in enumerate(zip(names, LINES, strict=False)):
            flow = by_name[name]
            label = f"{name}:  {power(flow.median[-1])}"
            line = look | {"linewidth": 2, "markersize": 5, "markevery": (every * place // len(names), every)}
            axes.fill_between(
                back, _norms(flow.lower), _norms(flow.upper), color=look["color"], alpha=0.25, linewidth=0
            )
            axes.plot(back, _norms(flow.median), label=label, **line)
        axes.set_title(title, loc="left", fontsize=14, fontweight="bold")
        axes.set(xlabel="steps back in time", yscale="log", xlim=(0, steps), ylim=(10**_LOWEST, 10**_HIGHEST))
        axes.axhline(1, color="black", linewidth=0.8)
        axes.grid(alpha=0.3)
        last = [by_name[name].median[-1] for name in names]
        handles, labels = axes.get_legend_handles_labels()
        order = np.argsort(last)[::-1]
        axes.legend(
            [handles[i] for i in order],
            [labels[i] for i in order],
            title=f"norm after {steps} steps, the highest first",
            loc="upper left",
            bbox_to_anchor=(-0.06, -0.13),
            frameon=False,
            fontsize=10,
            handlelength=3.2,
            alignment="left",
        )
    panels[0].set_ylabel("norm of the gradient, relative to that at the last step")
    save_figure(figure, path)


def _norms(logs: Array) -> Array:
    """From log10; what is far outside the picture ends a little outside it."""
    shown: Array = 10.0 ** np.clip(logs, _LOWEST - 10, _HIGHEST + 10)
    return shown
