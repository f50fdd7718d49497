"""A recipe: every setting of a training run, as one flat record and one TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from showtell._util.files import open_regular
from showtell.errors import ShowtellError
from showtell.nn.choices import Activation, Cell, Precision, RecurrentInit

# A file's size, and its longest line: tomllib takes time that grows with the square of a name's dots.
_MOST_BYTES = 16 * 1024
_LONGEST_LINE = 500
# How much of a value an error quotes
_QUOTED = 60

_WIDEST = 4096
_MOST_EPOCHS = 10_000


def _setting(group: str, description: str, **bounds: Any) -> Meta:
    return Meta(description=description, extra={"group": group}, **bounds)


_model = partial(_setting, "Model")
_data = partial(_setting, "Data")
_optimisation = partial(_setting, "Optimisation")
_tuning = partial(_setting, "Encoder tuning")
_scst = partial(_setting, "Self-critical training")
_decoding = partial(_setting, "Decoding")


class Recipe(Struct, frozen=True, kw_only=True):
    """The settings of a training run; the defaults did best on Flickr8k's dev split.

    A recipe is checked when it is made: a setting of another type or out of its bounds is a ShowtellError, which names
    it. A whole number will do for a number.
    """

    cell: Annotated[Cell, _model("Recurrent network.")] = "lstm"
    activation: Annotated[Activation, _model("Activation of the vanilla RNN; gated cells have their own.")] = "tanh"
    init: Annotated[RecurrentInit, _model("Initialisation of the hidden-to-hidden weights.")] = "orthogonal"
    forget_bias: Annotated[
        float, _model("Initial bias of the LSTM's forget gate (Jozefowicz et al. 2015).", ge=-100, le=100)
    ] = 1.0
    embed_dim: Annotated[int, _model("Width of the word and image embeddings.", ge=1, le=_WIDEST)] = 512
    hidden_dim: Annotated[int, _model("Width of the hidden state.", ge=1, le=_WIDEST)] = 512
    attention_dim: Annotated[
        int, _model("Width of queries, keys and values; 0: no attention, the grid's mean alone.", ge=0, le=_WIDEST)
    ] = 512
    heads: Annotated[int, _model("Attention heads, a divisor of attention_dim.", ge=1, le=_WIDEST)] = 8

    min_count: Annotated[
        int, _data("Occurrences in the training captions that put a word into the vocabulary.", ge=1, le=1_000_000)
    ] = 5
    max_words: Annotated[int, _data("Longest caption, in words: longer training captions are cut.", ge=1, le=1000)] = 20
    augmentations: Annotated[
        int, _data("Views of each training photo: itself, mirrored, random crops; 1: itself alone.", ge=1, le=100)
    ] = 4
    text_epochs: Annotated[
        int,
        _data(
            "Passes before the others that learn from captions without photos too, where there are any.",
            ge=0,
            le=_MOST_EPOCHS,
        ),
    ] = 1

    epochs: Annotated[int, _optimisation("Most passes over the training captions.", ge=1, le=_MOST_EPOCHS)] = 8
    patience: Annotated[
        int, _optimisation("Epochs without a better validation score that end a stage.", ge=1, le=_MOST_EPOCHS)
    ] = 5
    batch_size: Annotated[int, _optimisation("Captions an update, those of a photo together.", ge=1, le=10_000)] = 64
    shards: Annotated[
        int, _optimisation("Shards of a batch, computed one by one, or with --ray in parallel.", ge=1, le=1024)
    ] = 1
    learning_rate: Annotated[float, _optimisation("Peak learning rate of Adam.", gt=0, le=10)] = 1e-3
    warmup_steps: Annotated[
        int, _optimisation("Updates of warm-up, a quarter of a stage at most.", ge=0, le=1_000_000)
    ] = 200
    clip_norm: Annotated[float, _optimisation("Largest norm of the gradient.", gt=0, le=1_000_000)] = 5.0
    dropout: Annotated[float, _optimisation("Dropout of embeddings and hidden states.", ge=0, lt=1)] = 0.5
    label_smoothing: Annotated[float, _optimisation("Label smoothing.", ge=0, lt=1)] = 0.1
    ema_decay: Annotated[
        float,
        _optimisation(
            "Decay of the weights' exponential moving average, which is validated and kept; 0: no average.", ge=0, lt=1
        ),
    ] = 0.999
    precision: Annotated[
        Literal["auto", Precision], _optimisation("Precision of products; auto: the faster one on this machine.")
    ] = "auto"
    seed: Annotated[int, _optimisation("Seed of all random numbers.", ge=0, le=2**32 - 1)] = 0

    tune_encoder: Annotated[bool, _tuning("Fine-tune the encoder too; needs the extra tune.")] = False
    tune_epochs: Annotated[
        int, _tuning("Passes over the training photos that tune the encoder.", ge=1, le=_MOST_EPOCHS)
    ] = 8
    tune_rate: Annotated[float, _tuning("Peak learning rate of the encoder.", gt=0, le=10)] = 3e-4
    tune_decoder_rate: Annotated[float, _tuning("Peak learning rate of the decoder in these passes.", gt=0, le=10)] = (
        4e-4
    )
    quantize_epochs: Annotated[
        int,
        _tuning("Passes of quantization-aware training after them; 0: a float32 encoder.", ge=0, le=_MOST_EPOCHS),
    ] = 3
    tune_layers: Annotated[
        int,
        _tuning("Convolutions of the encoder that are tuned, the last ones; 0: all.", ge=0, le=10_000),
    ] = 0
    tune_average: Annotated[
        float,
        _tuning("Share of the tuned weights in the mean of them and those before; 1: they alone.", ge=0, le=1),
    ] = 1.0
    tune_photos: Annotated[int, _tuning("Photos an update.", ge=1, le=1000)] = 32
    class_weight: Annotated[
        float, _tuning("Weight of the divergence from the untouched encoder's ImageNet classes.", ge=0, le=1000)
    ] = 2.0
    object_weight: Annotated[float, _tuning("Weight of the cross-entropy of the photo's objects.", ge=0, le=1000)] = 3.0
    refine_epochs: Annotated[
        int, _tuning("Passes over the captions with the tuned encoder's features.", ge=1, le=_MOST_EPOCHS)
    ] = 3
    refine_rate: Annotated[float, _tuning("Peak learning rate of the decoder in those.", gt=0, le=10)] = 4e-4

    scst_epochs: Annotated[
        int, _scst("Passes over the training photos; 0: none (Rennie et al. 2017).", ge=0, le=_MOST_EPOCHS)
    ] = 2
    scst_rate: Annotated[float, _scst("Peak learning rate.", gt=0, le=10)] = 2e-5
    scst_samples: Annotated[
        int, _scst("Captions sampled a photo; the mean reward of the others is each one's baseline.", ge=2, le=100)
    ] = 5
    object_bonus: Annotated[
        float, _scst("Added to the reward, CIDEr-D, for each object named that the photo shows.", ge=0, le=100)
    ] = 0.15
    object_penalty: Annotated[
        float, _scst("Taken from it for each object named that the photo does not show.", ge=0, le=100)
    ] = 0.5

    beam_width: Annotated[int, _decoding("Beam width.", ge=1, le=100)] = 5
    length_penalty: Annotated[
        float, _decoding("Exponent of the length that log-probabilities are divided by.", ge=0, le=10)
    ] = 1.0

    def __post_init__(self) -> None:
        """Check types and bounds.

        Raises:
            ShowtellError: a setting has another type, or is out of its bounds.
        """
        for name, value in _checked(msgspec.structs.asdict(self), "recipe").items():
            msgspec.structs.force_setattr(self, name, value)
        _check_heads(self.attention_dim, self.heads, "recipe")

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> Recipe:
        """A recipe from named settings; those that are not named keep their defaults.

        Raises:
            ShowtellError: there is no such setting, or a value does not fit.
        """
        return cls(**_checked(settings, "recipe"))

    @classmethod
    def read(cls, path: str | os.PathLike[str], **changes: Any) -> Recipe:
        """The recipe in a TOML file, with `changes` put over it.

        Raises:
            ShowtellError: the file is missing, is not TOML, or holds a setting that does not fit; it is named.
        """
        found, over = _checked(_parsed(path), os.fspath(path)), _checked(changes, "recipe")
        if not {"attention_dim", "heads"} & set(over):
            named = msgspec.structs.asdict(cls()) | found
            _check_heads(named["attention_dim"], named["heads"], os.fspath(path))
        return cls(**found | over)

    def to_toml(self) -> str:
        """The recipe as a TOML file's text; `Recipe.read` gives it back."""
        import tomli_w

        return tomli_w.dumps(msgspec.structs.asdict(self))


def _check_heads(attention_dim: int, heads: int, where: str) -> None:
    if attention_dim % heads:
        raise ShowtellError(f"{where}: heads is {heads}, expected a divisor of attention_dim, {attention_dim}")


class Setting(Struct, frozen=True):
    """A setting as people are told of it; all of it comes from the field in `Recipe`.

    Attributes:
        name: the field's.
        kind: bool, int, float or str.
        choices: the texts that it is one of; none of another type.
        default: its value if nothing is said.
        group: what it is a setting of, such as the model.
        description: a sentence.
        expected: which values it takes, in words.
        annotation: the type with its bounds, which msgspec checks.
    """

    name: str
    kind: type[bool | int | float | str]
    choices: tuple[str, ...]
    default: bool | int | float | str
    group: str
    description: str
    expected: str
    annotation: Any


_IN_WORDS: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}


def _described(field: msgspec.structs.FieldInfo) -> Setting:
    kind, meta = get_args(field.type)
    choices = () if kind in _IN_WORDS else get_args(kind)
    if choices:
        expected = f"one of {', '.join(map(repr, choices))}"
    else:
        bounds = (("above", meta.gt), ("at least", meta.ge), ("below", meta.lt), ("at most", meta.le))
        said = " and ".join(f"{word} {bound:,}" for word, bound in bounds if bound is not None)
        expected = _IN_WORDS[kind] + (f", {said}" if said else "")
    return Setting(
        name=field.name,
        kind=str if choices else kind,
        choices=choices,
        default=field.default,
        group=meta.extra["group"],
        description=meta.description,
        expected=expected,
        annotation=field.type,
    )


SETTINGS: dict[str, Setting] = {field.name: _described(field) for field in msgspec.structs.fields(Recipe)}
"""The settings of a recipe by name, in its order."""

Recipe.__doc__ = f"{Recipe.__doc__}\n    Attributes:\n" + "".join(
    f"        {name}: {setting.description} {setting.expected.capitalize()}; {setting.default!r} if it is not said.\n"
    for name, setting in SETTINGS.items()
)


def _checked(settings: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The settings, each of its type.

    Raises:
        ShowtellError: there is no such setting, or a value does not fit; `source` says whose it is.
    """
    fitting = {}
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ShowtellError(f"{source}: there is no setting {_quoted(name)}; there are {', '.join(SETTINGS)}")
        setting = SETTINGS[name]
        try:
            fitting[name] = msgspec.convert(value, setting.annotation)
        except msgspec.ValidationError as error:
            raise ShowtellError(f"{source}: {name} is {_quoted(value)}, expected {setting.expected}") from error
    return fitting


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def _parsed(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ShowtellError(f"recipe: cannot read {path}: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ShowtellError(f"recipe: {path} is no recipe: it is larger than {_MOST_BYTES // 1024} KiB")
    try:
        text = data.decode("utf-8-sig")
        longest = max(map(len, text.splitlines()), default=0)
        if longest <= _LONGEST_LINE:
            return tomllib.loads(text)
    except RecursionError as error:
        raise ShowtellError(f"recipe: {path} is not TOML that can be read: it is nested too deep") from error
    except ValueError as error:  # not UTF-8, not TOML, or a number of thousands of digits
        raise ShowtellError(f"recipe: {path} is not TOML: {error}") from error
    raise ShowtellError(f"recipe: {path} is no recipe: it has a line of more than {_LONGEST_LINE} characters")
