"""Mutated files: what a command reads is taken, or refused in one line that names it, and nothing else changes."""

from __future__ import annotations

import fnmatch
import io
import json
import os
import random
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from campaign.mutation import mutated, mutated_json, mutated_text
from campaign.tally import Tally
from campaign.workers import Case, Outcome, run
from showtell._util.tensors import pack_tensors, unpack_tensors
from showtell.cli import main
from showtell.datasets.synthetic import draw_shapes
from showtell.errors import ShowtellError
from showtell.training.recipe import Recipe

PHOTOS = 16
RECIPE = """\
cell = "gru"
min_count = 1
embed_dim = 4
hidden_dim = 4
attention_dim = 4
heads = 2
augmentations = 1
epochs = 2
scst_epochs = 0
batch_size = 16
"""
Mutate = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Target:
    """A file that is read, and who reads it.

    Attributes:
        file: a pattern of its name.
        mutate: how it is made wrong.
        words: of the command line; none for a recipe, which is only read, as it may ask for any amount of work.
        makes: patterns of the files that the command may make or change.
    """

    file: str
    mutate: Mutate
    words: tuple[str, ...]
    makes: tuple[str, ...] = ()


def campaign(folder: Path, seed: int, seconds: float) -> Tally:
    """Files for so many seconds."""
    return run(Tally("files", "mutated files"), prepare, folder, seed, seconds)


def prepare(folder: Path, seed: int) -> Case:
    """The cases: a file each, of a number."""
    bed = folder / "bed"
    shutil.rmtree(bed, ignore_errors=True)  # of a process that was ended
    bed.mkdir(parents=True)
    os.chdir(bed)
    sys.modules["matplotlib"] = None  # type: ignore[assignment] # not there: a curve takes longer than the training
    lay()
    warnings.simplefilter("error")  # a warning would be lines on somebody's terminal
    kept = Kept()

    def case(number: int) -> Outcome:
        rng = random.Random(f"{seed} files {number}")
        target = rng.choice(TARGETS)
        file = rng.choice(sorted(name for name in kept.content if fnmatch.fnmatch(name, target.file)))
        kept.break_(file, target.mutate(rng, kept.content[file]))
        shutil.copy(file, folder / "broken")  # there to be looked at if it breaks
        try:
            return held(target, file, kept)
        except BaseException as error:
            error.add_note(f"the file is {file}, and the command {' '.join(target.words)}")
            raise
        finally:
            kept.restore()

    return case


def held(target: Target, file: str, kept: Kept) -> Outcome:
    """What came of it, if it ended well."""
    status, said = command(*target.words) if target.words else read_recipe(file)
    assert "Traceback" not in said, said
    assert all(line.startswith("showtell: ") for line in said.splitlines()), f"not lines of showtell's: {said!r}"
    assert status in (0, 1), f"exit status {status}: {said}"
    # a folder or a page is gone through to its end, whatever is wrong with a part of it; and features are made anew
    whole = status == 0 or target.words[:1] in (("caption",), ("alt",))
    changed = [
        name
        for name in kept.changed()
        if not any(fnmatch.fnmatch(name, pattern) for pattern in target.makes)
        or (not whole and name in kept.content and not name.startswith("features/"))
    ]
    assert not changed, f"exit status {status}, and these were changed: {changed}"
    if status == 0:
        return "well"
    path = Path(file)
    assert said, "refused without a word"
    assert path.name in said or path.parent.name in said, f"the refusal does not name {file}: {said}"
    return "refused"


def command(*words: str) -> tuple[int, str]:
    """Run `showtell` with these words, in this process; its exit status, and what it said on standard error."""
    before, sys.argv = sys.argv, ["showtell", *words]
    said, status = io.StringIO(), 0
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            main()
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    finally:
        sys.argv = before
    return status, said.getvalue()


def read_recipe(file: str) -> tuple[int, str]:
    """Read a recipe as a command would."""
    try:
        Recipe.read(file)
    except ShowtellError as error:
        return 1, f"showtell: {error}\n"
    return 0, ""


class Kept:
    """The files of the bed, which are put back after each case.

    Attributes:
        content: each by its name.
    """

    def __init__(self) -> None:
        self.content = {name: Path(name).read_bytes() for name in _names()}
        self._broken: dict[str, bytes] = {}

    def break_(self, name: str, data: bytes) -> None:
        """Give a file other contents."""
        Path(name).write_bytes(data)
        self._broken = {name: data}

    def changed(self) -> list[str]:
        """The files that have come, gone or changed since."""
        before, now = self.content | self._broken, {name: Path(name).read_bytes() for name in _names()}
        return [name for name in before.keys() | now.keys() if before.get(name) != now.get(name)]

    def restore(self) -> None:
        """Put back what is not as it was at first."""
        for name in set(_names()) - self.content.keys():
            Path(name).unlink()
        for name, data in self.content.items():
            path = Path(name)
            if not path.exists() or path.read_bytes() != data:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


def _names() -> list[str]:
    return [os.path.relpath(Path(top, name)) for top, _, names in os.walk(".") for name in names]


def lay() -> None:
    """Make a file of every kind that is read, in the current folder."""
    draw_shapes("data", PHOTOS, np.random.default_rng(0))
    Path("recipe.toml").write_text(RECIPE)
    assert command(*_TRAIN, "--run", "whole") == (0, "")
    _stopped_run()
    shutil.copy("whole/best.safetensors", "model.safetensors")
    Path("photos").mkdir()
    for name in ("00000.png", "00001.png"):
        shutil.copy(Path("data", "images", name), "photos")
    assert command(*_SIDECAR) == (0, "")
    assert command(*_MANIFEST) == (0, "")
    captions = _data_sets()
    Path("site").mkdir()
    shutil.copy("photos/00000.png", "site")
    image = "<p><img src=\"00000.png\"><!-- <img> --><a title='x'><IMG SRC=00000.png alt></a><pre>&amp;</pre>\n"
    Path("site", "page.html").write_text(f"<!doctype html><title>Page</title>\n{image * 3}")
    Path("site", "page.md").write_text("# Page\n\n![](00000.png) `![]()`\n\n- ![][p]\n\n[p]: 00000.png 'x'\n\n" + image)
    results = [{"image_id": number, "caption": caption} for number, caption in enumerate(captions)]
    Path("results.json").write_text(json.dumps(results))
    shutil.copy("sets/captions_val.json", "references.json")
    assert command(*_SCORE) == (0, "")
    Path("scored.jsonl").rename("before.jsonl")
    shutil.copy("before.jsonl", "after.jsonl")


def _stopped_run() -> None:
    """A run that was stopped after its first epoch."""
    from showtell.training.run import train

    class StoppedError(Exception):
        pass

    def stop(record: dict[str, float]) -> None:
        raise StoppedError

    try:
        train("data", Recipe.read("recipe.toml"), "half", features="features", on_epoch=stop)
    except StoppedError:
        return


def _data_sets() -> list[str]:
    """One of each form, of the same photos; return the captions."""
    import csv

    with Path("data", "captions.csv").open() as file:
        rows = list(csv.DictReader(file))
    sets = Path("sets")
    sets.mkdir()
    images = [{"id": number, "file_name": row["file"]} for number, row in enumerate(rows)]
    said = [{"id": number, "image_id": number, "caption": row["caption"]} for number, row in enumerate(rows)]
    (sets / "captions_val.json").write_text(json.dumps({"images": images, "annotations": said}))
    karpathy = [
        {"filename": row["file"], "split": "val", "sentences": [{"raw": row["caption"]}], "imgid": number}
        for number, row in enumerate(rows)
    ]
    (sets / "karpathy.json").write_text(json.dumps({"images": karpathy, "dataset": "drawn"}))
    (sets / "list.json").write_text(json.dumps([{"image": row["file"], "caption": row["caption"]} for row in rows]))
    (sets / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (sets / "table.tsv").write_text("file\tcaption\n" + "".join(f"{row['file']}\t{row['caption']}\n" for row in rows))
    tokens = "".join(f"{row['file']}#0\t{row['caption']}\n" for row in rows)
    (sets / "Flickr8k.token.txt").write_text(tokens)
    return [row["caption"] for row in rows]


def _json(rng: random.Random, data: bytes) -> bytes:
    if rng.random() < 0.5:
        return mutated_text(rng, data)
    return json.dumps(mutated_json(rng, json.loads(data))).encode("utf-8", "backslashreplace")


def _json_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    lines[place] = _json(rng, lines[place]).rstrip(b"\n") + b"\n"
    return b"".join(lines)


def _tensors(kind: str, *, fields_too: bool) -> Mutate:
    """A file of tensors with bytes wrong, or with what it holds and the checksum that belongs to that."""

    def mutate(rng: random.Random, data: bytes) -> bytes:
        if rng.random() < 0.3:
            return mutated(rng, data)
        fields, tensors, _ = unpack_tensors(data, kind)
        if fields_too and rng.random() < 0.6:
            fields = mutated_json(rng, fields)
        else:
            tensors = _spoilt(rng, tensors)
        return pack_tensors(kind, fields, tensors)

    return mutate


_captioner = _tensors("captioner", fields_too=True)
# how far a run has come is what the checksum vouches for: nobody else writes that
_checkpoint = _tensors("checkpoint", fields_too=False)


def _spoilt(rng: random.Random, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors of which one is another, or none."""
    name, how = rng.choice(sorted(tensors)), rng.randrange(7)
    array = tensors[name].copy()
    if how == 0:
        return {other: tensors[other] for other in tensors if other != name}
    if how == 1:
        return tensors | {rng.choice(("more", "", name + ".2")): array}
    if how == 2 and array.size:
        array.reshape(-1)[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, -np.inf, 6e4, 0))
    elif how == 3:
        array = array.astype(rng.choice((np.float64, np.float32, np.int32, np.uint8, np.bool_)))
    elif how == 4:
        array = np.resize(array, [max(0, side + rng.choice((-1, 0, 1))) for side in array.shape])
    elif how == 5:
        array = array[None]
    else:
        array = np.zeros_like(array)
    return tensors | {name: np.ascontiguousarray(array)}


def _features(rng: random.Random, data: bytes) -> bytes:
    how = rng.randrange(3)
    if how == 0 and len(data) > 64:
        numbers = np.frombuffer(data[: len(data) // 2 * 2], np.float16).copy()
        numbers[rng.randrange(len(numbers))] = rng.choice((np.nan, np.inf))
        return numbers.tobytes()
    return mutated(rng, data)


def _text(rng: random.Random, data: bytes, others: Sequence[bytes] = ()) -> bytes:
    return mutated_text(rng, data, others)


_TRAIN = ("train", "data", "--recipe", "recipe.toml", "--features", "features", "-q")
_GO_ON = (*_TRAIN, "--run", "half")
_MODEL = ("--model", "model.safetensors")
_SIDECAR = ("caption", "photos", "-q", "--write", "xmp", *_MODEL)
_MANIFEST = ("caption", "photos", "-q", "--manifest", "done.jsonl", *_MODEL)
_SCORE = ("score", "results.json", "references.json", "--captions", "scored.jsonl")
_COMPARE = ("compare", "before.jsonl", "after.jsonl")


def _evaluate(name: str) -> tuple[str, ...]:
    where = ("--photos", "data/images", "--features", "features")
    return ("evaluate", "model.safetensors", f"sets/{name}", *where, "-q")


def _alt(name: str) -> tuple[str, ...]:
    return ("alt", f"site/{name}", "-q", *_MODEL, "--patch", "alt.patch")


TARGETS = (
    Target("model.safetensors", _captioner, ("info", "model.safetensors")),
    Target("model.safetensors", _captioner, ("caption", "photos/00000.png", *_MODEL)),
    Target("recipe.toml", _text, ()),
    Target("done.jsonl", _json_lines, _MANIFEST, ("done.jsonl",)),
    Target("half/checkpoint.safetensors", _checkpoint, _GO_ON, ("half/*",)),
    Target("half/run.json", _json, _GO_ON, ("half/*",)),
    Target("half/recipe.toml", _text, _GO_ON, ("half/*",)),
    Target("half/metrics.jsonl", _json_lines, _GO_ON, ("half/*",)),
    Target("half/best.safetensors", _captioner, _GO_ON, ("half/*",)),
    Target("features/*/features.f16", _features, (*_TRAIN, "--run", "new"), ("new/*", "features/*")),
    Target("features/*/keys.bin", _features, (*_TRAIN, "--run", "new"), ("new/*", "features/*")),
    Target("features/*/store.json", _json, (*_TRAIN, "--run", "new"), ("new/*", "features/*")),
    Target("results.json", _json, _SCORE, ("scored.jsonl",)),
    Target("references.json", _json, _SCORE, ("scored.jsonl",)),
    Target("before.jsonl", _json_lines, _COMPARE),
    *(
        Target(f"sets/{name}", mutate, _evaluate(name), ("features/*",))
        for name, mutate in {
            "captions_val.json": _json,
            "karpathy.json": _json,
            "list.json": _json,
            "lines.jsonl": _json_lines,
            "table.tsv": _text,
            "Flickr8k.token.txt": _text,
        }.items()
    ),
    Target("photos/*.xmp", _text, _SIDECAR, ("photos/*.xmp",)),
    Target("site/page.html", _text, _alt("page.html"), ("alt.patch",)),
    Target("site/page.md", _text, _alt("page.md"), ("alt.patch",)),
)
