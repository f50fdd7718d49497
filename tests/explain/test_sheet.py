from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import PHOTOS
from showtell.captioning.captioner import Captioner
from showtell.explain import draw_sheet, explain
from showtell.vision.photo import open_photo

PHOTO = PHOTOS / "chelsea.png"


def test_a_row_a_word_and_a_panel_a_gate(captioner: Captioner) -> None:
    explanation = explain(captioner, PHOTO)
    figure = draw_sheet(open_photo(PHOTO), explanation)
    head, body = figure.subfigs
    assert len(head.axes) == 1 + 3
    assert len(body.axes) == 4 * len(explanation.steps)
    assert figure.get_figheight() > 1.5 * len(explanation.steps)
    words, attention, sensitivity, influence = body.axes[:4]
    bars = [bar.get_width() for bar in words.patches]
    step = explanation.steps[0]
    assert bars == pytest.approx([step.probability, *(probability for _, probability in step.runners_up)])
    for axes, map_ in [
        (attention, 100 * step.attention_map),
        (sensitivity, step.sensitivity),
        (influence, step.influence),
    ]:
        np.testing.assert_allclose(axes.images[1].get_array(), map_)
    assert f"{100 * step.attention_map.max():.1f} %" in attention.get_xlabel()


def test_rnn_without_attention_has_no_maps_and_gates(captioner: Captioner) -> None:
    explanation = explain(captioner, PHOTO)
    steps = tuple(replace(step, attention_map=None) for step in explanation.steps)
    head, body = draw_sheet(open_photo(PHOTO), replace(explanation, steps=steps, gate_activations={})).subfigs
    assert len(head.axes) == 1
    assert len(body.axes) == 3 * len(steps)
