from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.object_costs import ObjectCosts
from showtell.captioning.object_head import ObjectHead
from showtell.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["a", "cat", "cats", "sofa", "kitten", "tree"])
# The first feature speaks for cats, the second for couches
HEAD = ObjectHead.of(["cat", "couch"], np.eye(2, dtype=np.float32), np.zeros(2, np.float32))


def test_words_for_what_is_not_seen_cost_and_no_others() -> None:
    logit = np.log(0.05 / 0.95)
    costs = ObjectCosts(VOCABULARY, HEAD).of(np.array([[logit, 3.0], [0.0, logit]], np.float32))
    assert costs.shape == (2, len(VOCABULARY))
    dear = pytest.approx(np.log(0.3 / 0.05), rel=1e-4)
    words = VOCABULARY.to_list()
    assert {words[place]: costs[0, place] for place in np.flatnonzero(costs[0])} == {
        "cat": dear,
        "cats": dear,
        "kitten": dear,
    }
    assert {words[place]: costs[1, place] for place in np.flatnonzero(costs[1])} == {"sofa": dear}


def test_an_object_that_nobody_can_see_costs_a_finite_number() -> None:
    costs = ObjectCosts(VOCABULARY, HEAD).of(np.full((1, 2), -1e4, np.float32))
    assert np.isfinite(costs).all()


def copy_of(captioner: Captioner, unseen: str | None = None) -> Captioner:
    """The same captioner, with a head that never sees one object and always another."""
    head = unseen and ObjectHead.of([unseen, "car"], np.zeros((1280, 2), np.float32), np.float32([-30, 30]))
    return Captioner(
        captioner.decoder,
        captioner.vocabulary,
        encoder=captioner.encoder,
        encoder_identity=captioner.encoder_identity,
        max_words=8,
        objects=head or None,
    )


def test_a_captioner_says_less_of_what_it_does_not_see(captioner: Captioner) -> None:
    grids = 3 * np.random.default_rng(0).random((20, 81, 1280), np.float32)
    dog = captioner.vocabulary.encode("dog")[1]
    said = 0
    while said < 4:  # until it is a word that is on its mind
        captioner.decoder.params["b_vocab"][dog] += 5
        captioner = copy_of(captioner)
        said = sum("dog" in caption.text.lower() for caption in captioner.caption_features(grids))
    assert sum("dog" in caption.text.lower() for caption in copy_of(captioner, "dog").caption_features(grids)) < said
    assert sum("dog" in caption.text.lower() for caption in copy_of(captioner, "cat").caption_features(grids)) == said


def test_the_head_is_kept_in_the_captioner_s_file(captioner: Captioner, tmp_path: Path) -> None:
    copy_of(captioner, "dog").save(tmp_path / "captioner")
    head = Captioner.load(tmp_path / "captioner").objects
    assert head is not None
    assert head.names == ("dog", "car")
    assert head.b.tolist() == [-30, 30]
    assert replace(head, names=("x", "y")).names == ("x", "y")
