"""A captioner: the encoder, a decoder and its vocabulary; photos in, captions out; one file on disk."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from showtell._util.files import write_atomically
from showtell.captioning import search
from showtell.captioning.class_fallback import SURE, UNSURE, with_article
from showtell.captioning.classes import shipped_classes
from showtell.captioning.confidence import Confidence
from showtell.captioning.decoder import CaptionDecoder, StepwiseDecoder
from showtell.captioning.object_costs import ObjectCosts
from showtell.captioning.object_head import ObjectHead
from showtell.errors import ModelError, PhotoError, ShowtellError
from showtell.nn import kernels
from showtell.text.sentence import sentence
from showtell.text.vocabulary import PAD, START, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from showtell.nn.types import Array, IntArray
    from showtell.vision.encoder import Encoder
    from showtell.vision.photo import PhotoSource

FORMAT_VERSION = 2

Photo = TypeVar("Photo", bound="PhotoSource")
SHIPPED = Path(__file__).parents[1] / "models" / "everyday-lstm.safetensors"

# The name, among a file's tensors, of the encoder that it carries.
_ENCODER = "encoder.onnx"
# The names of the object head's weights and bias.
_OBJECTS = ("objects.W", "objects.b")
# Photos whose sentences are searched for together.
_BATCH = 64


@dataclass(frozen=True)
class Caption:
    """A sentence about a photo.

    Attributes:
        text: the sentence, with a capital and a full stop.
        log_prob: the natural log-probability of the whole sentence, its end included.
        words: each word with its probability given the photo and the words before it.
        confidence: the probability that the caption is acceptable (see `showtell.captioning.confidence`); None if the
            captioner has not learnt to tell, and for all but the first of several captions.
        named: whether the text is no sentence but the name of one of the encoder's classes (see
            `showtell.captioning.class_fallback`); its probability is then that of the class.
    """

    text: str
    log_prob: float
    words: tuple[tuple[str, float], ...]
    confidence: float | None = None
    named: bool = False

    @property
    def signs(self) -> tuple[float, float]:
        """What the confidence goes by: the mean log-probability of a word, the end counted, and how many there are."""
        steps = len(self.words) + 1
        return self.log_prob / steps, float(steps)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON, probabilities to six places."""
        return {
            "caption": self.text,
            "log_prob": round(self.log_prob, 6),
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "named": self.named,
            "words": [{"word": word, "probability": round(p, 6)} for word, p in self.words],
        }

    def __str__(self) -> str:
        """The sentence."""
        return self.text


class Captioner:
    """Captions photos.

    Args:
        decoder: features to words; its weights stay as they are from the first caption on.
        vocabulary: the decoder's words.
        encoder: photos to features; the one that ships, made when it is first needed, if not given.
        encoder_identity: of the encoder that the decoder was trained on.
        about: what to tell a user about the weights: data, terms, scores. Text values by name.
        beam_width: sentences followed at once, if a call does not say.
        length_penalty: how a sentence's length enters its rank (see `search.beam`).
        max_words: the longest sentence.
        repeatable_words: the words that a sentence may hold more than once; all if not given.
        confidence: how sure it may be of a caption, as `evaluation.confidence.fit_confidence` finds it.
        objects: which objects a photo shows; words that name one which the head does not see cost a sentence so much
            in its rank (see `object_costs`).
        foreign: names of the encoder's classes that it may give to photos instead of a sentence, as
            `naming.foreign_classes` finds them; it needs a confidence for that.

    Raises:
        ModelError: decoder and vocabulary have different numbers of words.
    """

    def __init__(
        self,
        decoder: CaptionDecoder,
        vocabulary: Vocabulary,
        *,
        encoder_identity: str,
        encoder: Encoder | None = None,
        about: dict[str, str] | None = None,
        beam_width: int = 3,
        length_penalty: float = 0.7,
        max_words: int = 20,
        repeatable_words: Sequence[str] | None = None,
        confidence: Confidence | None = None,
        objects: ObjectHead | None = None,
        foreign: Sequence[str] = (),
    ) -> None:
        if decoder.vocab_size != len(vocabulary):
            raise ModelError(
                f"the decoder has {decoder.vocab_size} words and the vocabulary {len(vocabulary)}; they belong together"
            )
        self.decoder = decoder
        self.vocabulary = vocabulary
        self.encoder_identity = encoder_identity
        self.about = dict(about or {})
        self.beam_width = beam_width
        self.length_penalty = length_penalty
        self.max_words = max_words
        self.repeatable_words = None if repeatable_words is None else tuple(repeatable_words)
        self.confidence = confidence
        self.objects = objects
        self.foreign = tuple(foreign)
        self._encoder = encoder

    @property
    def encoder(self) -> Encoder:
        """Photos to features.

        Raises:
            ModelError: the decoder was trained on another encoder's features.
        """
        if self._encoder is None:
            from showtell.vision.encoder import Encoder

            self._encoder = Encoder()
        if self._encoder.identity != self.encoder_identity:
            raise ModelError(
                f"the captioner was trained on the features of {self.encoder_identity}, "
                f"and the encoder here is {self._encoder.identity}; train it anew, or hand in the encoder that it knows"
            )
        return self._encoder

    @functools.cached_property
    def _stepwise(self) -> StepwiseDecoder:
        return self.decoder.stepwise()

    @functools.cached_property
    def _repeatable(self) -> NDArray[np.bool_] | None:
        return None if self.repeatable_words is None else np.isin(self.vocabulary.to_list(), self.repeatable_words)

    @functools.cached_property
    def _costs(self) -> ObjectCosts | None:
        return None if self.objects is None else ObjectCosts(self.vocabulary, self.objects)

    @functools.cached_property
    def _ids(self) -> dict[str, int]:
        """The id of each word as captions show it."""
        return {self.vocabulary.decode([index]): index for index in range(len(self.vocabulary))}

    @overload
    def caption(self, photos: PhotoSource, *, beam_width: int | None = None) -> Caption: ...
    @overload
    def caption(self, photos: list[Photo] | tuple[Photo, ...], *, beam_width: int | None = None) -> list[Caption]: ...
    def caption(
        self, photos: PhotoSource | list[Photo] | tuple[Photo, ...], *, beam_width: int | None = None
    ) -> Caption | list[Caption]:
        """Caption one photo, or several.

        Args:
            photos: a path, the bytes of a file, or a PIL image; or a list or tuple of those.
            beam_width: sentences followed at once; the captioner's own if not given; 1 is the fastest.

        Returns:
            A caption, or a list of one each, in the order of the photos.

        Raises:
            PhotoError: a photo cannot be read; it is named.
        """
        if not isinstance(photos, (list, tuple)):
            return self.caption_features(self.features(photos)[np.newaxis], beam_width=beam_width)[0]
        captions: list[Caption] = []
        for start in range(0, len(photos), _BATCH):
            features = []
            for known in self.features_of(photos[start : start + _BATCH]):
                if isinstance(known, PhotoError):
                    raise known
                features.append(known)
            captions += self.caption_features(np.stack(features), beam_width=beam_width)
        return captions

    def captions(self, photo: PhotoSource, num_captions: int, *, beam_width: int | None = None) -> list[Caption]:
        """Up to `num_captions` captions of one photo: that of `caption`, then others that say it in other words.

        Raises:
            PhotoError: the photo cannot be read.
            ShowtellError: `num_captions` is below 1.
        """
        return self.captions_of_features(self.features(photo)[np.newaxis], num_captions, beam_width=beam_width)[0]

    def features(self, photo: PhotoSource) -> Array:
        """What the decoder is given of a photo: its grid, (81, 1280), or, without attention, the grid's mean, (1280,).

        Raises:
            PhotoError: the photo cannot be read.
        """
        from showtell.vision.encoder import pool
        from showtell.vision.photo import open_photo

        grid = self.encoder.encode([open_photo(photo)])
        features: Array = (grid if self.decoder.attention_dim else pool(grid))[0]
        return features

    def features_of(self, photos: Sequence[PhotoSource]) -> Iterator[Array | PhotoError]:
        """The features of several photos, in their order, several opened and encoded at a time.

        Where a photo cannot be read, the error stands in its place.
        """

        def features_or_error(photo: PhotoSource) -> Array | PhotoError:
            try:
                return self.features(photo)
            except PhotoError as error:
                return error

        with ThreadPoolExecutor(self.encoder.threads) as workers:
            yield from workers.map(features_or_error, photos)

    def try_captions(
        self, photos: Sequence[PhotoSource], num_captions: int = 1, *, beam_width: int | None = None
    ) -> list[list[Caption] | PhotoError]:
        """What `captions` gives of each photo, searched for together; where one cannot be read, the error."""
        outcomes: list[list[Caption] | PhotoError] = []
        known: list[Array] = []
        for found in self.features_of(photos):
            if isinstance(found, PhotoError):
                outcomes.append(found)
            else:
                outcomes.append([])
                known.append(found)
        if known:
            captions = iter(self.captions_of_features(np.stack(known), num_captions, beam_width=beam_width))
            outcomes = [found if isinstance(found, PhotoError) else next(captions) for found in outcomes]
        return outcomes

    def caption_features(self, features: Array, *, beam_width: int | None = None) -> list[Caption]:
        """Caption photos whose features, as of `features`, are known: (N, 81, 1280) or (N, 1280)."""
        return [captions[0] for captions in self.captions_of_features(features, 1, beam_width=beam_width)]

    def captions_of_features(
        self, features: Array, num_captions: int, *, beam_width: int | None = None
    ) -> list[list[Caption]]:
        """For each of N photos what `captions` gives, from features as of `caption_features`.

        Raises:
            ShowtellError: a photo's features hold numbers that are not finite; the photo's place is named.
        """
        finite = np.isfinite(features).all(axis=tuple(range(1, features.ndim)))
        if not finite.all():
            raise ShowtellError(f"the features of photo {finite.argmin()} hold numbers that are not finite")
        found = search.diverse(
            self._stepwise,
            features,
            num_captions,
            self.beam_width if beam_width is None else beam_width,
            self.length_penalty,
            self.max_words,
            self._repeatable,
            costs=None if self._costs is None else self._costs.of(features),
        )
        captions = [[self._caption(hypothesis) for hypothesis in of_photo] for of_photo in found]
        if self.confidence is None or not captions:
            return captions
        # what was learnt of a captioner's first captions says nothing of others
        sure = self.confidence.probability(np.array([of_photo[0].signs for of_photo in captions])).tolist()
        captions = [
            [replace(first, confidence=value), *others] for (first, *others), value in zip(captions, sure, strict=True)
        ]
        unsure = np.flatnonzero(np.array(sure) < UNSURE)
        if self.foreign and unsure.size:
            for photo, (name, probability) in zip(unsure, shipped_classes().likeliest(features[unsure]), strict=True):
                if probability >= SURE and name in self.foreign:
                    captions[photo] = [_named(name, probability), *captions[photo]][:num_captions]
        return captions

    def looks(self, features: Array, captions: Sequence[Caption]) -> list[Array]:
        """Where the decoder looked for each word of each photo's caption.

        Args:
            features: of N photos, as `features` gives them, (N, 81, 1280).
            captions: a sentence of each, such as `caption_features` gives.

        Returns:
            N arrays (words, 9, 9): of each word a distribution over the positions of the photo, row by row; none of a
            caption that is a name.

        Raises:
            ShowtellError: the decoder has no attention, or a caption is longer than `max_words` or holds a word that
                the captioner does not know.
        """
        said = [self.word_ids(caption) for caption in captions]
        if (longest := max(map(len, said), default=1) - 1) > self.max_words:
            raise ShowtellError(f"a caption has {longest} words, and this captioner's have {self.max_words} at most")
        ids = np.full((len(said), self.max_words + 1), PAD)
        for row, words in zip(ids, said, strict=True):
            row[: len(words)] = words
        found, side = self.decoder.looks(features, ids), math.isqrt(features.shape[1])
        return [looks[: len(words) - 1].reshape(-1, side, side) for looks, words in zip(found, said, strict=True)]

    def word_ids(self, caption: Caption) -> IntArray:
        """The ids of a sentence's words, the start first, (words + 1,); the start alone of a caption that is a name.

        Raises:
            ShowtellError: it holds a word that the captioner does not know.
        """
        unknown = [] if caption.named else [word for word, _ in caption.words if word not in self._ids]
        if unknown:
            raise ShowtellError(f"the captioner does not know the word {unknown[0]!r}; take a caption of its own")
        return np.array([START, *([] if caption.named else [self._ids[word] for word, _ in caption.words])])

    def _caption(self, hypothesis: search.Hypothesis) -> Caption:
        words = [self.vocabulary.decode([word]) for word in hypothesis.words]
        probabilities = np.exp(hypothesis.word_log_probs).tolist()
        return Caption(
            text=sentence(self.vocabulary.decode(hypothesis.words)),
            log_prob=hypothesis.log_prob,
            words=tuple(zip(words, probabilities, strict=False)),  # one probability more: the end's
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the captioner to one file, weights in float16, in the safetensors format with a JSON header.

        An encoder other than the one that ships is in it too.
        What float16 cannot hold is written in float32.

        Raises:
            ModelError: a weight is not finite.
            OSError: the file cannot be written; what was there before is untouched.
        """
        from safetensors.numpy import save

        tensors: dict[str, NDArray[Any]] = {name: _stored(name, array) for name, array in self.decoder.arrays().items()}
        if self._encoder is not None and not self._encoder.ships:
            tensors[_ENCODER] = np.frombuffer(self._encoder.model, np.uint8)
        if self.objects is not None:
            tensors |= {_OBJECTS[0]: _stored("W", self.objects.W), _OBJECTS[1]: _stored("b", self.objects.b)}
        fields: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "decoder": self.decoder.config(),
            "encoder": self.encoder_identity,
            "vocabulary": self.vocabulary.to_list(),
            "search": {
                "beam_width": self.beam_width,
                "length_penalty": self.length_penalty,
                "max_words": self.max_words,
                **({} if self.repeatable_words is None else {"repeatable_words": self.repeatable_words}),
            },
            "about": self.about,
        }
        if self.confidence is not None:
            fields["confidence"] = self.confidence.to_dict()
        if self.objects is not None:
            fields["objects"] = self.objects.names
        if self.foreign:
            fields["foreign"] = self.foreign
        # One entry of metadata: the library writes several in any order, and the same captioner is the same bytes
        header = {"sha256": _checksum(fields, tensors), "captioner": fields}
        write_atomically(path, save(tensors, {"showtell": json.dumps(header)}))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Captioner:
        """Read what `save` wrote; it computes in bfloat16 where that is the faster.

        Args:
            path: the file.
            encoder: photos to features; if not given the one that the file carries, or else the one that ships.

        Raises:
            ModelError: the file is missing, truncated, damaged, no captioner, or of another format.
        """
        header, tensors = _read(Path(path))
        precision = kernels.fastest_precision()
        try:
            vocabulary = Vocabulary.from_list(header["vocabulary"])
            carried = tensors.pop(_ENCODER, None)
            if encoder is None and carried is not None:
                from showtell.vision.encoder import Encoder

                encoder = Encoder(_ENCODER, model=carried.tobytes())
            arrays = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
            head = [arrays.pop(name) for name in _OBJECTS if name in arrays]
            objects = ObjectHead.of(header["objects"], *head) if head else None
            decoder = CaptionDecoder.from_arrays(header["decoder"], arrays, precision=precision)
            return cls(
                decoder,
                vocabulary,
                encoder=encoder,
                encoder_identity=header["encoder"],
                about=header["about"],
                confidence=Confidence.from_dict(header["confidence"]) if "confidence" in header else None,
                objects=objects,
                foreign=header.get("foreign", ()),
                **header["search"],
            )
        except (KeyError, TypeError, ShowtellError) as error:
            raise ModelError(f"{path} is damaged: {error}; take a whole copy of it") from error


def load() -> Captioner:
    """The captioner that ships: an LSTM trained on Flickr8k and COCO (see `Captioner.about` for terms and scores)."""
    return Captioner.load(SHIPPED)


def _named(name: str, probability: float) -> Caption:
    return Caption(
        sentence(with_article(name)), float(np.log(probability)), ((name, probability),), probability, named=True
    )


def _stored(name: str, array: Array) -> Array:
    """A weight as a file has it: in float16, or as it is where that would overflow, or make a scale 0.

    Raises:
        ModelError: it is not finite.
    """
    if not np.isfinite(array).all():
        raise ModelError(f"{name} holds numbers that are not finite; train anew, at a lower learning rate")
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    kept = np.isfinite(half).all() and (not name.endswith("_scale") or half.all())
    return half if kept else array.astype(np.float32)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and tensors of a captioner's file, whole and undamaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the captioner {path}: {error.strerror}") from error
    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise ModelError(f"{path} is no captioner, or a truncated one: {error}") from error
    if "showtell" not in metadata:
        raise ModelError(f"{path} holds weights, but not a showtell captioner's; write one with Captioner.save")
    try:
        header = json.loads(metadata["showtell"])
        fields: dict[str, Any] = header["captioner"]
        version, checksum = fields["format_version"], header["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: its header cannot be read; take a whole copy of it") from error
    if type(version) is not int:
        raise ModelError(f"{path} is damaged: its format is {version!r}, expected a number; take a whole copy of it")
    if version != FORMAT_VERSION:
        age = "a newer" if version > FORMAT_VERSION else "an older"
        raise ModelError(
            f"{path} was written by {age} showtell, format {version}; this one reads format {FORMAT_VERSION}: "
            "install the showtell that wrote it"
        )
    if checksum != _checksum(fields, tensors):
        raise ModelError(f"{path} is damaged: its checksum is not that of its contents; take a whole copy of it")
    return fields, tensors


def _checksum(fields: dict[str, Any], tensors: dict[str, Array]) -> str:
    """The sha256 of the header's fields and of all weights in the order of their names."""
    digest = hashlib.sha256(json.dumps(fields).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} ".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()
