from __future__ import annotations

import numpy as np
import pytest

from showtell.captioning.captioner import Captioner
from showtell.captioning.likelihood import sentence_ids, sentence_log_probs
from showtell.errors import ShowtellError
from showtell.text.vocabulary import END, START, UNK


def features(photos: int) -> np.ndarray:
    return np.random.default_rng(3).random((photos, 81, 1280), np.float32)


def test_what_the_search_found_is_as_likely_as_it_says(captioner: Captioner) -> None:
    grids = features(3)
    captions = captioner.caption_features(grids)
    found = sentence_log_probs(captioner, [caption.text for caption in captions], grids)
    assert (found.shape, found.dtype) == ((3, 3), np.float32)
    np.testing.assert_allclose(np.diag(found), [caption.log_prob for caption in captions], rtol=2e-2)


def test_sentences_and_photos_do_not_depend_on_each_other(
    captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, grids = captioner.vocabulary.decode(range(4, 8)).split(), features(5)
    sentences = [words[0], " ".join(words[1:]), " ".join(words)]
    whole = sentence_log_probs(captioner, sentences, grids)
    monkeypatch.setattr("showtell.captioning.likelihood._ROWS", 2)
    np.testing.assert_allclose(sentence_log_probs(captioner, sentences, grids), whole, rtol=1e-2)
    assert sentence_log_probs(captioner, [], grids).shape == (0, 5)
    assert sentence_log_probs(captioner, sentences, grids[:0]).shape == (3, 0)


def test_words_are_read_as_captions_are(captioner: Captioner) -> None:
    known = captioner.vocabulary.decode([4])
    assert sentence_ids(captioner, [f"{known.capitalize()} quux."]) == [[START, 4, UNK, END]]
    with pytest.raises(ShowtellError, match="'quux' has no word that this captioner knows"):
        sentence_ids(captioner, ["quux"])
    with pytest.raises(ShowtellError, match="has no word"):
        sentence_ids(captioner, [" ."])
    with pytest.raises(ShowtellError, match=f"has {captioner.max_words + 1} words"):
        sentence_ids(captioner, [" ".join([known] * (captioner.max_words + 1))])
