"""A captioner: the encoder, a decoder and its vocabulary; photos in, captions out."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import numpy as np

from showtell.captioning import search
from showtell.captioning.attribution import attention_maps
from showtell.captioning.caption import Caption
from showtell.captioning.class_fallback import name_unsure
from showtell.captioning.confidence import Confidence
from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.familiarity import mark_unfamiliar, unfamiliar
from showtell.captioning.model_fields import check_fields
from showtell.captioning.model_file import FORMAT_VERSION, SHIPPED, read_model_file, write_model_file
from showtell.captioning.object_costs import ObjectCosts
from showtell.captioning.object_head import ObjectHead
from showtell.captioning.stepper import Stepper
from showtell.errors import ModelError, PhotoError, ShowtellError
from showtell.nn import kernels
from showtell.text.sentence import sentence
from showtell.text.vocabulary import PAD, START, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from showtell.nn.types import Array, IntArray
    from showtell.vision.encoder import Encoder
    from showtell.vision.photo import PhotoSource

Photo = TypeVar("Photo", bound="PhotoSource")

# The name, in a file, of the encoder that it carries.
_ENCODER = "encoder.onnx"
# The names of the object head's weights and bias.
_OBJECTS = ("objects.W", "objects.b")
# Those of the training photos' features, in a file and in `CaptionDecoder.statistics`.
_PHOTOS = {"photos.mean": "feature_mean", "photos.scale": "feature_scale"}
# Photos whose sentences are searched for together: the search reads its weights once for all of them.
_BATCH = 64


class Captioner:
    """Captions photos.

    Several threads may use one captioner at the same time: no method changes it, and what is made at the first caption
    is the same whoever makes it. Attributes may be set between calls, and not during one; but those from `decoder` to
    `encoder_identity`, `repeatable_words` and `objects` only before the first caption.

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
        out_of_domain_classes: names of the encoder's classes that it may give to photos instead of a sentence, as
            `class_fallback.find_out_of_domain_classes` finds them; it needs a confidence for that.
        photo_statistics: `feature_mean` and `feature_scale` (F,) of the training photos by its encoder, for telling
            photos that are unlike them (see `familiarity`); the decoder's if not given.

    Raises:
        ModelError: decoder and vocabulary have different numbers of words, or decoder and object head of features.
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
        out_of_domain_classes: Sequence[str] = (),
        photo_statistics: Mapping[str, Array] | None = None,
    ) -> None:
        if (words := decoder.config.vocab_size) != len(vocabulary):
            raise ModelError(
                f"the decoder has {words} words and the vocabulary {len(vocabulary)}; they belong together"
            )
        if objects is not None and len(objects.W) != decoder.config.feature_dim:
            raise ModelError(
                f"the decoder takes {decoder.config.feature_dim} features and the object head {len(objects.W)}; "
                "they belong together"
            )
        if photo_statistics is not None:
            width, kept = (decoder.config.feature_dim,), {name: photo_statistics.get(name) for name in _PHOTOS.values()}
            if any(array is None or array.shape != width for array in kept.values()):
                raise ModelError(f"the statistics of photos are not {' and '.join(kept)}, {width} each")
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
        self.out_of_domain_classes = tuple(out_of_domain_classes)
        self.photo_statistics = photo_statistics
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
    def _stepper(self) -> Stepper:
        return Stepper(self.decoder)

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
    def caption(
        self,
        photos: list[Photo] | tuple[Photo, ...],
        num_captions: int = 1,
        *,
        errors: Literal["raise"] = "raise",
        beam_width: int | None = None,
    ) -> list[Caption]: ...
    @overload
    def caption(
        self,
        photos: list[Photo] | tuple[Photo, ...],
        num_captions: int = 1,
        *,
        errors: Literal["return"],
        beam_width: int | None = None,
    ) -> list[Caption | PhotoError]: ...
    @overload
    def caption(
        self,
        photos: PhotoSource,
        num_captions: int = 1,
        *,
        errors: Literal["raise"] = "raise",
        beam_width: int | None = None,
    ) -> Caption: ...
    @overload
    def caption(
        self,
        photos: PhotoSource,
        num_captions: int = 1,
        *,
        errors: Literal["return"],
        beam_width: int | None = None,
    ) -> Caption | PhotoError: ...
    def caption(
        self,
        photos: PhotoSource | list[Photo] | tuple[Photo, ...],
        num_captions: int = 1,
        *,
        errors: Literal["raise", "return"] = "raise",
        beam_width: int | None = None,
    ) -> Caption | PhotoError | list[Caption] | list[Caption | PhotoError]:
        """Caption one photo, or several.

        Args:
            photos: a path, the bytes of a file, or a PIL image; or a list or tuple of those.
            num_captions: how many captions of each photo, at most: those after the first say it in other words, and
                are its `others`.
            errors: what to do with a photo that cannot be captioned: raise the error, or return it in its place.
            beam_width: sentences followed at once; the captioner's own if not given; 1 is the fastest.

        Returns:
            A caption, or a list of one each, in the order of the photos.

        Raises:
            NoCaptionError: a photo is of one colour, or like none that the captioner learnt from; it is named.
            PhotoError: a photo cannot be read; it is named.
            ShowtellError: `num_captions` is below 1, `beam_width` is not from 1 to 100, or `errors` is none of the two.
        """
        if errors not in ("raise", "return"):
            raise ShowtellError(f"Captioner.caption: errors is {errors!r}, expected 'raise' or 'return'")
        every: Sequence[PhotoSource] = photos if isinstance(photos, (list, tuple)) else [photos]
        outcomes = []
        for _, outcome in self.stream(every, num_captions, beam_width=beam_width):
            if errors == "raise" and isinstance(outcome, PhotoError):
                raise outcome
            outcomes.append(outcome)
        return outcomes if isinstance(photos, (list, tuple)) else outcomes[0]

    def stream(
        self, photos: Iterable[Photo], num_captions: int = 1, *, beam_width: int | None = None
    ) -> Iterator[tuple[Photo, Caption | PhotoError]]:
        """Yield each photo with its caption, or with what is wrong with it, in order; there may be any number of them.

        While some are captioned, the next ones are read and encoded. The arguments are those of `caption`.
        """
        encoded = self._encoded(photos)
        while batch := list(islice(encoded, _BATCH)):
            features = [found for _, found in batch if not isinstance(found, PhotoError)]
            captions = iter(
                self.caption_features(np.stack(features), num_captions, beam_width=beam_width) if features else ()
            )
            for photo, found in batch:
                caption = found if isinstance(found, PhotoError) else next(captions)
                yield photo, unfamiliar(photo) if isinstance(caption, Caption) and not caption.familiar else caption

    def encode(self, photos: PhotoSource | list[Photo] | tuple[Photo, ...]) -> Array:
        """What the decoder is given of photos: their grids, or, without attention, the grids' means.

        Returns:
            float32 (81, 1280) or (1280,) of one photo; (N, 81, 1280) or (N, 1280) of a list or tuple.

        Raises:
            NoCaptionError: a photo is of one colour; it is named.
            PhotoError: a photo cannot be read; it is named.
        """
        if not isinstance(photos, (list, tuple)):
            features: Array = self.encode([photos])[0]
            return features
        grid_shape = self.encoder.grid_shape
        found = np.empty(
            (len(photos), *(grid_shape if self.decoder.config.attention_dim else grid_shape[1:])), np.float32
        )
        for place, (_, known) in enumerate(self._encoded(photos)):
            if isinstance(known, PhotoError):
                raise known
            found[place] = known
        return found

    def _encoded(self, photos: Iterable[Photo]) -> Iterator[tuple[Photo, Array | PhotoError]]:
        from showtell.vision.encoder import pool
        from showtell.vision.stream import encode_photos
        from showtell.vision.subject import open_subject

        encoder, pooled = self.encoder, not self.decoder.config.attention_dim

        def encode(photo: Image) -> Array:
            grid = encoder.encode_one(photo)
            return pool(grid) if pooled else grid

        return encode_photos(photos, encode, encoder.threads, opened=open_subject)

    def caption_features(
        self, features: Array, num_captions: int = 1, *, beam_width: int | None = None
    ) -> list[Caption]:
        """Caption photos whose features are known, those that are not `familiar` too.

        Args:
            features: of N photos, as `encode` gives them, (N, 81, 1280) or (N, 1280).
            num_captions: as of `caption`, and so is `beam_width`.
            beam_width: see there.

        Raises:
            ShowtellError: a photo's features hold numbers that are not finite; the photo's place is named.
        """
        finite = np.isfinite(features).all(axis=tuple(range(1, features.ndim)))
        if not finite.all():
            raise ShowtellError(f"the features of photo {finite.argmin()} hold numbers that are not finite")
        found = search.diverse(
            self._stepper,
            features,
            num_captions,
            self.beam_width if beam_width is None else beam_width,
            self.length_penalty,
            self.max_words,
            self._repeatable,
            costs=None if self._costs is None else self._costs.of(features),
        )
        captions = []
        for hypotheses in found:
            first, *others = map(self._caption, hypotheses)
            captions.append(replace(first, others=tuple(others)))
        if self.objects is not None:
            undecided = self.objects.entropy(features)
            captions = [
                replace(caption, object_entropy=float(h)) for caption, h in zip(captions, undecided, strict=True)
            ]
        if self.confidence is None or not captions:
            return captions
        # what was learnt of a captioner's first captions says nothing of others
        sure = self.confidence.probability(np.array([caption.confidence_features for caption in captions]))
        captions = [replace(caption, confidence=float(p)) for caption, p in zip(captions, sure, strict=True)]
        named = name_unsure(captions, features, self.out_of_domain_classes)
        marked = mark_unfamiliar(named, features, self.photo_statistics or self.decoder.statistics)
        return [caption.up_to(num_captions) for caption in marked]

    def attention_maps(self, features: Array, captions: Sequence[Caption]) -> list[Array]:
        """Where in the photo the decoder attends for each word of each photo's caption.

        Args:
            features: of N photos, as `encode` gives them, (N, 81, 1280).
            captions: a sentence of each, such as `caption_features` gives.

        Returns:
            N arrays (words, 9, 9): of each word a distribution over the positions of the photo, row by row; none of a
            caption that is a name.

        Raises:
            ShowtellError: the decoder has no attention, there is not one caption for each photo, or one is longer than
                `max_words` or holds a word that the captioner does not know.
        """
        if len(captions) != len(features):
            raise ShowtellError(f"there are {len(captions)} captions for {len(features)} photos, expected one for each")
        said = [self.word_ids(caption) for caption in captions]
        if (longest := max(map(len, said), default=1) - 1) > self.max_words:
            raise ShowtellError(f"a caption has {longest} words, and this captioner's have {self.max_words} at most")
        ids = np.full((len(said), self.max_words + 1), PAD)
        for row, words in zip(ids, said, strict=True):
            row[: len(words)] = words
        found, side = attention_maps(self.decoder, features, ids), math.isqrt(features.shape[1])
        return [maps[: len(words) - 1].reshape(-1, side, side) for maps, words in zip(found, said, strict=True)]

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
            ModelError: a weight is not finite, or a setting is out of bounds, such as a `beam_width` above 100.
            OSError: the file cannot be written; what was there before is untouched.
        """
        weights, blobs = self.decoder.arrays(), dict[str, bytes]()
        fields: dict[str, Any] = {
            "decoder": self.decoder.config.to_dict(),
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
        if self._encoder is not None and not self._encoder.ships:
            blobs[_ENCODER] = self._encoder.model
        if self.confidence is not None:
            fields["confidence"] = self.confidence.to_dict()
        if self.objects is not None:
            weights |= zip(_OBJECTS, (self.objects.W, self.objects.b), strict=True)
            fields["objects"] = self.objects.names
        if self.photo_statistics is not None:
            weights |= {name: self.photo_statistics[own] for name, own in _PHOTOS.items()}
        if self.out_of_domain_classes:
            fields["out_of_domain_classes"] = self.out_of_domain_classes
        # what is written can be read again
        check_fields(json.loads(json.dumps({"format_version": FORMAT_VERSION, **fields})))
        write_model_file(path, fields, weights, blobs)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Captioner:
        """Read what `save` wrote; it computes in bfloat16 where that is the faster.

        Args:
            path: the file.
            encoder: photos to features; if not given the one that the file carries, or else the one that ships.

        Raises:
            ModelError: the file is missing, truncated, damaged, no captioner, or of another format.
        """
        fields, weights, blobs = read_model_file(Path(path))
        precision = kernels.fastest_precision()
        try:
            check_fields(fields)
            if encoder is None and _ENCODER in blobs:
                from showtell.vision.encoder import Encoder

                encoder = Encoder(_ENCODER, model=blobs[_ENCODER])
            head = [weights.pop(name) for name in _OBJECTS if name in weights]
            if len(head) != (len(_OBJECTS) if "objects" in fields else 0):
                raise ModelError(f"the object head is not whole: it has names, {_OBJECTS[0]} and {_OBJECTS[1]}")
            photos = {own: weights.pop(name) for name, own in _PHOTOS.items() if name in weights}
            return cls(
                CaptionDecoder.from_arrays(DecoderConfig.from_dict(fields["decoder"]), weights, precision=precision),
                Vocabulary.from_list(fields["vocabulary"]),
                encoder=encoder,
                encoder_identity=fields["encoder"],
                about=fields["about"],
                confidence=Confidence.from_dict(fields["confidence"]) if "confidence" in fields else None,
                objects=ObjectHead.of(fields["objects"], *head) if head else None,
                out_of_domain_classes=fields.get("out_of_domain_classes", ()),
                photo_statistics=photos or None,
                **fields["search"],
            )
        except (KeyError, ShowtellError) as error:
            raise ModelError(f"{path} is damaged: {error}; take a whole copy of it") from error


def load() -> Captioner:
    """The captioner that ships: an LSTM trained on Flickr8k and COCO (see `Captioner.about` for terms and scores)."""
    return Captioner.load(SHIPPED)
