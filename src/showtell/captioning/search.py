"""From a decoder's probabilities to sentences: greedy, beam search and sampling, batched over photos."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from showtell.errors import ShowtellError
from showtell.nn.functional.checks import check_integer
from showtell.nn.types import Array, IntArray
from showtell.text.vocabulary import END, PAD, START, UNK

SUPPRESSED = (PAD, START, UNK)
"""Suppressed tokens: ids that no sentence holds."""
MAX_WIDTH = 100
"""The widest beam: it takes memory for so many states of each photo."""
# So many more candidates are looked at where words may fall behind for what they cost
_COSTLY = 32


class BatchState(Protocol):
    """A decoder's state of a batch of sentences, as far as a search needs it."""

    def take(self, rows: NDArray[Any], /) -> Self:
        """The state of some of the sentences, in that order, repetitions allowed; or those where `rows` is true."""

    def __len__(self) -> int:
        """How many sentences there are."""


State = TypeVar("State", bound=BatchState)


class StepDecoder(Protocol[State]):
    """What a search asks of a decoder."""

    @property
    def vocab_size(self) -> int:
        """V, specials included."""

    def start(self, features: Array) -> State:
        """The state before the first word, one sentence a photo."""

    def step(self, words: NDArray[np.intp], state: State) -> tuple[Array, State]:
        """The log-probabilities (R, V) of the next word after `words` (R,), and the state after them."""

    def best(
        self, words: NDArray[np.intp], state: State, count: int, suppressed: tuple[int, ...] = ()
    ) -> tuple[Array, IntArray, State]:
        """Of `step` the likeliest words that are not suppressed, best first: log-probabilities and ids (R, k)."""


@dataclass(frozen=True)
class Hypothesis:
    """A sentence and how likely it is.

    Attributes:
        words: word ids, without start and end.
        word_log_probs: the natural log-probability of each word given those before it; one more, that of the end,
            if the sentence ended before the longest length allowed.
        score: what the search ranked by.
    """

    words: tuple[int, ...]
    word_log_probs: tuple[float, ...]
    score: float

    @property
    def ended(self) -> bool:
        """Whether the sentence ended before the longest length allowed."""
        return len(self.word_log_probs) > len(self.words)

    @property
    def log_prob(self) -> float:
        """The log-probability of the whole sentence."""
        return float(sum(self.word_log_probs))


def beam(
    decoder: StepDecoder[State],
    features: Array,
    width: int = 3,
    length_penalty: float = 0.7,
    max_words: int = 20,
    repeatable_words: NDArray[np.bool_] | None = None,
    costs: Array | None = None,
) -> list[list[Hypothesis]]:
    """Beam search: for each photo the `width` best sentences, best first.

    A sentence is ranked by its log-probability over (number of words, the end counted) ** `length_penalty`: 0 ranks by
    log-probability alone, which favours short sentences, 1 by the mean of its words' (Wu et al. 2016,
    arXiv:1609.08144, section 7).
    A photo is done when it has `width` sentences and none that grows ranks, as it stands, above the worst of them.

    Args:
        decoder: gives the probabilities.
        features: the photos' features, (N, ...).
        width: how many sentences are followed at once, 1 to `MAX_WIDTH`.
        length_penalty: see above, at least 0.
        max_words: the longest sentence, at least 1.
        repeatable_words: true at the words that a sentence may hold more than once, (V,); all of them if not given.
        costs: what each word costs the log-probability of a photo's sentence in the ranking, in nats, (N, V), at
            least 0: of words that it should do without. Few of a photo's likely words should have one.

    Raises:
        ShowtellError: an argument is out of range, or the decoder's probabilities are no numbers.
    """
    for name, value in (("width", width), ("max_words", max_words)):
        check_integer("beam", name, value)
    _at_least("beam", width=(width, 1), length_penalty=(length_penalty, 0), max_words=(max_words, 1))
    if width > MAX_WIDTH:
        raise ShowtellError(f"beam: width is {width}, expected at most {MAX_WIDTH}")
    photos = np.arange(len(features))  # the photos that are not done
    results: list[list[Hypothesis]] = [[] for _ in photos]
    state = decoder.start(features)
    last = np.full(len(features), START)
    # Of each photo not done: the sentences that grow, first one, then `width`
    log_probs = np.zeros((len(features), 1))
    words = np.zeros((len(features), 1, 0), np.intp)
    traces = np.zeros((len(features), 1, 0))

    for length in range(1, max_words + 1):
        if not photos.size:
            break
        # Twice as many as are followed: at most `width` of them end; each word said may be one that is not repeatable;
        # and those that cost may fall behind
        count = 2 * width + (0 if repeatable_words is None else length - 1) + (0 if costs is None else _COSTLY)
        word_log_probs, ids, state = decoder.best(last, state, count, SUPPRESSED)
        N, K = log_probs.shape
        k = ids.shape[1]
        word_log_probs = word_log_probs.astype(np.float64).reshape(N, K * k)
        ids = ids.reshape(N, K * k)
        ranks_by = word_log_probs
        if costs is not None:
            ranks_by = ranks_by - np.take_along_axis(costs[photos], ids, axis=1)
        if repeatable_words is not None:
            said = (ids.reshape(N, K, k, 1) == words[:, :, None, :]).any(axis=3).reshape(N, K * k)
            ranks_by = np.where(said & ~repeatable_words[ids], -np.inf, ranks_by)
        candidates = log_probs.repeat(k, axis=1) + ranks_by
        rows, best = np.arange(N)[:, None], np.argsort(-candidates, axis=1, kind="stable")[:, : 2 * width]
        parent, word, log_prob, step = best // k, ids[rows, best], candidates[rows, best], word_log_probs[rows, best]
        ended = word == END
        done = np.isfinite(log_prob) & (ended | (length == max_words))
        for n, place in zip(*np.nonzero(done), strict=True):
            sentence = (*words[n, parent[n, place]].tolist(), *([] if ended[n, place] else [int(word[n, place])]))
            trace = (*traces[n, parent[n, place]].tolist(), float(step[n, place]))
            found = Hypothesis(sentence, trace, float(log_prob[n, place]) / _length_norm(length, length_penalty))
            results[photos[n]] = sorted([*results[photos[n]], found], key=lambda h: -h.score)[:width]

        # The best `width` that have not ended grow on
        grows = np.argsort(ended, axis=1, kind="stable")[:, :width]
        log_probs = np.where(ended, -np.inf, log_prob)[rows, grows]
        parent, word = parent[rows, grows], word[rows, grows]
        words = np.concatenate([words[rows, parent], word[:, :, None]], axis=2)
        traces = np.concatenate([traces[rows, parent], step[rows, grows][:, :, None]], axis=2)

        hope = log_probs.max(axis=1) / _length_norm(length, length_penalty)
        worst = [results[p][-1].score if len(results[p]) == width else -np.inf for p in photos]
        unfinished = hope > worst
        source = (rows * K + parent)[unfinished].ravel()
        state = state.take(source)
        photos, log_probs = photos[unfinished], log_probs[unfinished]
        words, traces = words[unfinished], traces[unfinished]
        last = word[unfinished].ravel()
    for photo, sentences in enumerate(results):
        if not sentences:
            raise ShowtellError(
                f"beam: the probabilities for photo {photo} are not finite; are its features and the weights?"
            )
    return results


def diverse(
    decoder: StepDecoder[State],
    features: Array,
    num_captions: int,
    width: int = 3,
    length_penalty: float = 0.7,
    max_words: int = 20,
    repeatable_words: NDArray[np.bool_] | None = None,
    penalty: float = 1.0,
    costs: Array | None = None,
) -> list[list[Hypothesis]]:
    """Up to `num_captions` different sentences for each photo: that of `beam`, then others that say it in other words.

    Each comes of a beam search of its own, in which every word that those before it hold, and that is not one of the
    repeatable words, such as articles, costs `penalty` nats. A sentence that was there before is left out. So they
    differ in what they say; the `width` sentences of one search differ in a word or two.

    The idea is that of diverse beam search (Vijayakumar et al. 2018, arXiv:1610.02424, section 3), whose groups avoid
    each other's words at the same place of the sentence only.

    Args:
        decoder: as of `beam`, and so are the next ones.
        features: the photos' features, (N, ...).
        num_captions: how many at most, at least 1.
        width: sentences followed at once.
        length_penalty: how a sentence's length enters its rank.
        max_words: the longest sentence.
        repeatable_words: the words that a sentence may hold more than once, (V,).
        penalty: see above, in nats, at least 0.
        costs: as of `beam`, of all sentences.

    Raises:
        ShowtellError: as of `beam`.
    """
    check_integer("diverse", "num_captions", num_captions)
    _at_least("diverse", num_captions=(num_captions, 1), penalty=(penalty, 0))
    found = [
        of_photo[:1] for of_photo in beam(decoder, features, width, length_penalty, max_words, repeatable_words, costs)
    ]
    photos = np.arange(len(found))  # those of which the last search found another sentence: else the next finds none
    for _ in range(num_captions - 1):
        if not photos.size:
            break
        avoid = _telling_words([found[photo] for photo in photos], repeatable_words, decoder.vocab_size)
        dearer = penalty * avoid + (0 if costs is None else costs[photos])
        others = beam(decoder, features[photos], width, length_penalty, max_words, repeatable_words, dearer)
        unfinished = np.zeros(len(photos), bool)
        for row, (photo, (other, *_)) in enumerate(zip(photos, others, strict=True)):
            if other.words not in {known.words for known in found[photo]}:
                found[photo].append(other)
                unfinished[row] = True
        photos = photos[unfinished]
    return found


def greedy(decoder: StepDecoder[State], features: Array, max_words: int = 20) -> list[Hypothesis]:
    """The likeliest word at each step, until the end or `max_words`: one sentence a photo.

    Raises:
        ShowtellError: max_words is below 1.
    """
    return _one_by_one(decoder, decoder.start(features), max_words, lambda log_probs: log_probs.argmax(axis=1))


def sample(
    decoder: StepDecoder[State],
    features: Array,
    rng: np.random.Generator,
    temperature: float = 1.0,
    max_words: int = 20,
) -> list[Hypothesis]:
    """A sentence a photo, each word drawn with its probability ** (1 / temperature), normalised.

    The log-probabilities returned are the decoder's own, at temperature 1.

    Raises:
        ShowtellError: temperature is not a finite number above 0, or max_words is below 1.
    """
    return sample_from(decoder, decoder.start(features), rng, temperature, max_words)


def sample_from(
    decoder: StepDecoder[State],
    state: State,
    rng: np.random.Generator,
    temperature: float = 1.0,
    max_words: int = 20,
) -> list[Hypothesis]:
    """As `sample`, from a state: what `decoder.start` gave, or some of it, several times."""
    if not 0 < temperature < math.inf:
        raise ShowtellError(f"sample: temperature is {temperature}, expected a finite number above 0")

    def draw(log_probs: Array) -> NDArray[np.intp]:
        # the first word at which the probabilities so far exceed a number drawn between 0 and all of them
        so_far = np.exp((log_probs - log_probs.max(axis=1, keepdims=True)) / temperature).cumsum(axis=1)
        chosen: NDArray[np.intp] = (so_far <= rng.random((len(so_far), 1)) * so_far[:, -1:]).sum(axis=1)
        return chosen

    return _one_by_one(decoder, state, max_words, draw)


def _one_by_one(
    decoder: StepDecoder[State], state: State, max_words: int, choose: Callable[[Array], NDArray[np.intp]]
) -> list[Hypothesis]:
    """One sentence for each of the state's, each word chosen from the log-probabilities (R, V) of the next."""
    _at_least("search", max_words=(max_words, 1))
    words: list[list[int]] = [[] for _ in range(len(state))]
    traces: list[list[float]] = [[] for _ in range(len(state))]
    photos = np.arange(len(state))  # the sentences that have not ended
    last = np.full(len(state), START)
    for _ in range(max_words):
        if not photos.size:
            break
        log_probs, state = decoder.step(last, state)
        log_probs = log_probs.astype(np.float64)
        log_probs[:, SUPPRESSED] = -np.inf
        last = choose(log_probs)
        for row, photo in enumerate(photos):
            traces[photo].append(float(log_probs[row, last[row]]))
            if last[row] != END:
                words[photo].append(int(last[row]))
        unfinished = last != END
        photos, last, state = photos[unfinished], last[unfinished], state.take(unfinished)
    return [Hypothesis(tuple(w), tuple(t), float(sum(t))) for w, t in zip(words, traces, strict=True)]


def _telling_words(
    found: list[list[Hypothesis]], repeatable_words: NDArray[np.bool_] | None, size: int
) -> NDArray[np.bool_]:
    """Which words are in each photo's sentences, but the repeatable ones, (N, V)."""
    telling = np.zeros((len(found), size), bool)
    for row, of_photo in zip(telling, found, strict=True):
        row[[word for said in of_photo for word in said.words]] = True
    return telling if repeatable_words is None else telling & ~repeatable_words


def _length_norm(length: int, exponent: float) -> float:
    try:
        return math.pow(length, exponent)
    except OverflowError:
        return math.inf


def _at_least(function: str, **arguments: tuple[float, float]) -> None:
    for name, (value, least) in arguments.items():
        if not value >= least:
            raise ShowtellError(f"{function}: {name} is {value}, expected at least {least}")
