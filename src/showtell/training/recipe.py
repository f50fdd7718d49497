"""A recipe: every setting of a training run, as one flat record and one TOML file."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from showtell.errors import ShowtellError
from showtell.nn.functional.activations import Activation
from showtell.nn.functional.decoding import Cell
from showtell.nn.initialization import RecurrentInit
from showtell.nn.kernels import Precision


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run; what is not said has the value that did best on Flickr8k's dev split.

    Attributes:
        cell: the recurrent network.
        activation: of the vanilla network; the gated cells have their own.
        init: of the hidden-to-hidden weights.
        forget_bias: where the LSTM's forget gate's bias begins (Jozefowicz et al. 2015).
        embed_dim: width of a word's vector, and of the photo's beside it.
        hidden_dim: width of the hidden state.
        attention_dim: width of queries, keys and values; 0 for a decoder that sees the mean of the grid alone.
        heads: parts that the queries are cut into.
        min_count: a word is known if the training captions hold it this often.
        max_words: longer training captions are cut here; the longest caption that is written.
        dropout: share of a word's vector, of the photo's and of a hidden state that is dropped in training.
        label_smoothing: share of the target that goes to all words alike.
        augmentations: views of each training photo that it is shown by (see `vision.views`): the photo, mirrored, parts of it;
            1 for the photo alone.
        text_epochs: passes over the training captions and, with them, those of photos that are not there (see
            `training.synthetic`), before the others; only where a data set has such captions.
        epochs: passes over the training captions, at most.
        patience: epochs without a better validation score after which the pass is the last.
        batch_size: captions in an update, of whole photos.
        learning_rate: of Adam, at its peak.
        warmup_steps: updates until the peak, a quarter of all at most.
        clip_norm: the gradient's norm is at most this.
        ema_decay: what is kept at each update of the running mean of the weights, which is what validation and the
            captioner get; 0 for the weights themselves.
        tune_encoder: whether the encoder learns too, after these (see `training.tuning`); needs the extra `tune`.
        tune_epochs: passes over the training photos while it does.
        tune_rate: of Adam for the encoder then, at its peak.
        tune_decoder_rate: of Adam for the decoder then, at its peak.
        quantize_epochs: passes after those with the encoder's weights and activations rounded, at a third of the rates,
            so that it loses nothing when it is run in 8-bit integers; 0 for an encoder in float32.
        tune_photos: photos in an update then.
        class_weight: what the divergence of ImageNet's classes from the untouched encoder's is multiplied by then.
        object_weight: what the cross-entropy of a photo's objects is multiplied by then.
        refine_epochs: passes over the training captions after that, on the tuned encoder's features.
        refine_rate: of Adam in them, at its peak.
        scst_epochs: passes over the training photos after these, from the best of them, on the CIDEr-D of captions
            that are sampled.
        scst_rate: of Adam in them, at its peak.
        object_bonus: what is added to it for each object that a caption names and the photo shows, where that is known.
        object_penalty: what is taken from it for each that the photo does not show.
        scst_samples: captions that are sampled of each photo; each one's baseline is the mean of the others.
        precision: of the products in training: float32, or bf16, or that of the two that is faster here.
        beam_width: sentences followed at once when captions are written.
        length_penalty: how a sentence's length enters its rank (see `search.beam`).
        seed: of all randomness.
    """

    cell: Cell = "lstm"
    activation: Activation = "tanh"
    init: RecurrentInit = "orthogonal"
    forget_bias: float = 1.0
    embed_dim: int = 512
    hidden_dim: int = 512
    attention_dim: int = 512
    heads: int = 8
    min_count: int = 5
    max_words: int = 20
    dropout: float = 0.5
    label_smoothing: float = 0.1
    augmentations: int = 4
    text_epochs: int = 1
    epochs: int = 8
    patience: int = 5
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    clip_norm: float = 5.0
    ema_decay: float = 0.999
    tune_encoder: bool = False
    tune_epochs: int = 8
    tune_rate: float = 3e-4
    tune_decoder_rate: float = 4e-4
    quantize_epochs: int = 3
    tune_photos: int = 32
    class_weight: float = 2.0
    object_weight: float = 3.0
    refine_epochs: int = 3
    refine_rate: float = 4e-4
    scst_epochs: int = 2
    scst_rate: float = 2e-5
    object_bonus: float = 0.15
    object_penalty: float = 0.5
    scst_samples: int = 5
    precision: Literal["auto", Precision] = "auto"
    beam_width: int = 5
    length_penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check types and ranges.

        Raises:
            ShowtellError: a setting has another type, or is out of range.
        """
        for name, kind in get_type_hints(Recipe).items():
            value = getattr(self, name)
            if kind is float and type(value) is int:
                object.__setattr__(self, name, float(value))
            elif choices := get_args(kind):
                if value not in choices:
                    raise ShowtellError(f"recipe: {name} is {value!r}, expected one of {', '.join(map(repr, choices))}")
            elif type(value) is not kind:
                raise ShowtellError(f"recipe: {name} is {value!r}, expected {_KIND[kind]}")
        for names, expected, holds in _RANGES:
            for name in names:
                if not holds(getattr(self, name)):
                    raise ShowtellError(f"recipe: {name} is {getattr(self, name)!r}, expected {expected}")
        if self.attention_dim % self.heads:
            raise ShowtellError(
                f"recipe: heads is {self.heads}, expected a divisor of attention_dim, {self.attention_dim}"
            )

    @classmethod
    def from_mapping(cls, settings: dict[str, Any]) -> Recipe:
        """A recipe from named settings; those that are not named keep their defaults.

        Raises:
            ShowtellError: there is no such setting, or a value does not fit.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in settings:
            if name not in names:
                raise ShowtellError(f"recipe: there is no setting {name!r}; there are {', '.join(names)}")
        return cls(**settings)

    @classmethod
    def read(cls, path: str | os.PathLike[str], **changes: Any) -> Recipe:
        """The recipe in a TOML file, with `changes` put over it.

        Raises:
            ShowtellError: the file is missing, is not TOML, or holds a setting that does not fit.
        """
        try:
            settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ShowtellError(f"recipe: cannot read {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ShowtellError(f"recipe: {path} is not TOML: {error}") from error
        return cls.from_mapping(settings | changes)

    def to_toml(self) -> str:
        """The recipe as a TOML file's text; `Recipe.read` gives it back."""
        import tomli_w

        return tomli_w.dumps(dataclasses.asdict(self))


_KIND: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_RANGES: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    (("dropout", "label_smoothing", "ema_decay"), "at least 0 and below 1", lambda value: 0 <= value < 1),
    (
        ("learning_rate", "scst_rate", "tune_rate", "tune_decoder_rate", "refine_rate", "clip_norm"),
        "a finite number above 0",
        lambda value: 0 < value < float("inf"),
    ),
    (("forget_bias",), "a finite number", lambda value: abs(value) < float("inf")),
    (
        ("length_penalty", "class_weight", "object_weight", "object_bonus", "object_penalty"),
        "a finite number, at least 0",
        lambda value: 0 <= value < float("inf"),
    ),
    (
        ("seed", "warmup_steps", "attention_dim", "text_epochs", "quantize_epochs", "scst_epochs"),
        "at least 0",
        lambda value: value >= 0,
    ),
    (
        (
            "embed_dim",
            "hidden_dim",
            "heads",
            "min_count",
            "max_words",
            "epochs",
            "patience",
            "batch_size",
            "beam_width",
            "augmentations",
            "tune_epochs",
            "tune_photos",
            "refine_epochs",
        ),
        "at least 1",
        lambda value: value >= 1,
    ),
    (("scst_samples",), "at least 2", lambda value: value >= 2),
)
