"""METEOR and SPICE: the Java programs of COCO's evaluation, where the extra `java` and Java are installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from showtell.errors import ShowtellError
from showtell.metrics.ngrams import Floats
from showtell.metrics.references import check_captions, check_references
from showtell.metrics.scores import tokenized

_MODELS = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")


def meteor(captions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, Floats]:
    """METEOR 1.5 of the corpus, which is no mean of the photos', and of each photo, float64 `(N,)`; within [0, 1].

    Denkowski & Lavie 2014, "Meteor Universal: Language Specific Translation Evaluation for Any Target Language".

    Raises:
        ShowtellError: pycocoevalcap or Java is missing, or the program fails; or as `score`.
    """
    folder = _package("METEOR") / "meteor"
    candidates, of_photos = _checked("METEOR", captions, references)
    command = ["java", "-jar", "-Xmx2G", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]
    pipe = subprocess.PIPE
    try:
        with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, encoding="utf-8") as program:
            ask, answer = program.stdin, program.stdout
            assert ask
            assert answer
            statistics = []
            for candidate, of_photo in zip(candidates, of_photos, strict=True):
                fields = (field.replace("|||", "").replace("  ", " ") for field in (*of_photo, candidate))
                print("SCORE", *fields, sep=" ||| ", file=ask, flush=True)
                statistics.append(answer.readline().strip())
            print("EVAL", *statistics, sep=" ||| ", file=ask, flush=True)
            *per_photo, corpus = [float(answer.readline()) for _ in range(len(candidates) + 1)]
    except (OSError, ValueError) as error:
        raise ShowtellError(
            "METEOR: its program ended before it gave a score; it asks for Java with 2 GB, and its message is above"
        ) from error
    return corpus, np.array(per_photo)


def spice(captions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[float, Floats]:
    """The mean SPICE and that of each photo, float64 `(N,)`, within [0, 1].

    Anderson et al. 2016, "SPICE: Semantic Propositional Image Caption Evaluation".

    Raises:
        ShowtellError: pycocoevalcap, Java or the program's language models are missing (these are not in the package,
            and showtell fetches nothing); or the program fails; or as `score`.
    """
    library = _package("SPICE") / "spice" / "lib"
    for jar in _MODELS:
        if not (library / jar).is_file():
            raise ShowtellError(
                f"SPICE: there is no {library / jar}; `python -m pycocoevalcap.spice.get_stanford_models` fetches it "
                "from nlp.stanford.edu"
            )
    from pycocoevalcap.spice.spice import Spice

    candidates, of_photos = _checked("SPICE", captions, references)
    try:
        mean, found = Spice().compute_score(
            dict(enumerate(of_photos)), {photo: [candidate] for photo, candidate in enumerate(candidates)}
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ShowtellError(
            f"SPICE: its program failed ({error}); it asks for 8 GB, and its message is above"
        ) from error
    return float(mean), np.array([scores["All"]["f"] for scores in found])


def _package(score: str) -> Path:
    """The folder of pycocoevalcap."""
    found = find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        raise ShowtellError(f"{score} needs an extra: pip install 'showtell[java]'")
    if not shutil.which("java"):
        raise ShowtellError(f"{score} is a Java program, and there is no java on the path; install Java")
    return Path(found.submodule_search_locations[0])


def _checked(
    score: str, captions: Sequence[str], references: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """Captions and references in words, which the programs want with blanks between."""
    candidates, of_photos = tokenized(captions, references)
    check_references(score, [[line.split() for line in lines] for lines in of_photos])
    check_captions(score, [line.split() for line in candidates], len(of_photos))
    return candidates, of_photos
