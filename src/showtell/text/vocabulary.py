"""Words and their ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from showtell.errors import ShowtellError
from showtell.text.scripts import blank_between

PAD, START, END, UNK = range(4)
SPECIALS = ("<pad>", "<start>", "<end>", "<unk>")

# Control characters, which a terminal would obey and XML cannot hold, and lone surrogates
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What the tokenizer cut off or respelled, as people write it: "dog 's", "do n't", "-lrb- left -rrb-".
_OPENING = {"-lrb-": "(", "-lsb-": "[", "-lcb-": "{"}
_JOINED = {"-rrb-": ")", "-rsb-": "]", "-rcb-": "}"} | {
    clitic: clitic for clitic in ("'s", "'m", "'d", "'re", "'ve", "'ll", "n't")
}


class Vocabulary:
    """The words that a captioner knows: ids 0 to 3 are `<pad>`, `<start>`, `<end>`, `<unk>`, then `words`.

    `len` counts all ids, specials included; `in` asks for a word, specials excluded.

    Raises:
        ShowtellError: a word is no string, is empty, holds white space or control characters, is the name of a special,
            or is there twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words: tuple[str, ...] = tuple(words)
        self._ids: dict[str, int] = {}
        for index, word in enumerate(self.words, start=len(SPECIALS)):
            if not isinstance(word, str) or word.split() != [word]:
                raise ShowtellError(f"Vocabulary: word {index} is {word!r}, expected one word without white space")
            if _NO_TEXT.search(word):
                raise ShowtellError(f"Vocabulary: word {index} is {word!r}, expected no control characters")
            if word in SPECIALS:
                raise ShowtellError(f"Vocabulary: word {index} is {word!r}, a name kept for the special ids")
            if self._ids.setdefault(word, index) != index:
                raise ShowtellError(f"Vocabulary: {word!r} is there twice, as {self._ids[word]} and {index}")

    @classmethod
    def build(cls, captions: Iterable[str], min_count: int = 5, others: Iterable[str] = ()) -> Vocabulary:
        """The words that occur at least `min_count` times, by falling frequency, ties alphabetical.

        Words of `others`, text-only captions, are added too if they occur four times as often in
        all captions together.

        Raises:
            ShowtellError: there are no words, or none is that frequent.
        """
        from showtell.text.tokenizer import tokenize

        counts = Counter(word for caption in captions for word in tokenize(caption))
        total = counts + Counter(word for caption in others for word in tokenize(caption))
        kept = [
            word
            for word, count in total.items()
            if (counts[word] >= min_count or count >= 4 * min_count) and word not in SPECIALS
        ]
        if not total:
            raise ShowtellError(
                "Vocabulary.build: the captions hold no words, whatever min_count is; punctuation and emoji are none"
            )
        if not kept:
            raise ShowtellError(
                f"Vocabulary.build: none of the {len(total)} words occurs {min_count} times; lower min_count"
            )
        return cls(sorted(kept, key=lambda word: (-total[word], word)))

    @classmethod
    def from_list(cls, names: object) -> Vocabulary:
        """The inverse of `to_list`.

        Raises:
            ShowtellError: not a list, or it does not begin with the four specials, or a word is bad.
        """
        if not isinstance(names, list) or tuple(names[: len(SPECIALS)]) != SPECIALS:
            raise ShowtellError(
                f"Vocabulary.from_list: expected a list of words that begins with {', '.join(SPECIALS)}"
            )
        return cls(names[len(SPECIALS) :])

    def to_list(self) -> list[str]:
        """All names, specials included, so that a name's place is its id; ready for JSON."""
        return [*SPECIALS, *self.words]

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} ids)"

    def encode(self, caption: str) -> list[int]:
        """The ids of a caption's words, between `START` and `END`; unknown words are `UNK`."""
        # Imported here: its patterns take time to compile, and decoding does not need them
        from showtell.text.tokenizer import tokenize

        ids = self._ids
        return [START, *(ids.get(word, UNK) for word in tokenize(caption)), END]

    def encode_batch(self, captions: Sequence[str], max_len: int) -> npt.NDArray[np.int32]:
        """Captions as rows of ids, int32 `(N, T + 1)` with `T = max_len` time steps, filled up with `PAD`.

        `[:, :-1]` is a decoder's input and `[:, 1:]` its targets. A caption of T or more words is cut
        after its T-th and has no `END`, since it does not end there.

        Raises:
            ShowtellError: `max_len` is less than 1.
        """
        if max_len < 1:
            raise ShowtellError(f"encode_batch: max_len is {max_len}, expected at least 1")
        batch = np.full((len(captions), max_len + 1), PAD, dtype=np.int32)
        for row, caption in zip(batch, captions, strict=True):
            ids = self.encode(caption)[: max_len + 1]
            row[: len(ids)] = ids
        return batch

    def decode(self, ids: Iterable[int]) -> str:
        """The words of `ids` up to the first `END` as a lower-case line; specials are dropped.

        What the tokenizer cut off is joined again: `dog 's` is `dog's`, `do n't` is `don't`, and brackets are
        brackets again. Characters of scripts without blanks stand side by side.

        Raises:
            ShowtellError: an id is outside of the vocabulary.
        """
        line, space, before = "", "", ""
        for index in map(int, ids):
            if index == END:
                break
            if not 0 <= index < len(self):
                raise ShowtellError(f"decode: id {index} is outside of the vocabulary of {len(self)} ids")
            if index >= len(SPECIALS):
                word = self.words[index - len(SPECIALS)]
                space = space and blank_between(before, word)
                line += _JOINED[word] if word in _JOINED else space + _OPENING.get(word, word)
                space, before = "" if word in _OPENING else " ", word
        return line
