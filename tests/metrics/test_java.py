from __future__ import annotations

import shutil
import sys
from types import ModuleType, SimpleNamespace

import pytest

from showtell.errors import ShowtellError
from showtell.metrics import java

CAPTIONS = ["A dog runs.", "", "Two cats ||| sleep"]
REFERENCES = [["A dog is running.", "The dog runs!"], ["a horse"], ["Two cats are asleep", "cats", "they sleep"]]


@pytest.mark.slow
@pytest.mark.oracle
def test_meteor_is_that_of_coco_s_evaluation():
    pytest.importorskip("pycocoevalcap")
    if not shutil.which("java"):
        pytest.skip("Java is not installed")
    import coco

    corpus, per_photo = java.meteor(CAPTIONS, REFERENCES)
    assert (corpus, per_photo.tolist()) == coco.meteor(CAPTIONS, REFERENCES)
    assert 0 < corpus < 1
    assert per_photo[1] == 0
    with pytest.raises(ShowtellError, match="METEOR: photo 0 has no reference"):
        java.meteor(["a dog"], [[]])


@pytest.fixture
def installed(tmp_path, monkeypatch) -> None:
    """A package without any of the programs, and a `java` that ends at once."""
    package = tmp_path / "pycocoevalcap"
    for folder in ("meteor", "spice/lib"):
        (package / folder).mkdir(parents=True)
    (tmp_path / "java").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr(java, "find_spec", lambda name: found)


@pytest.mark.parametrize("score", [java.meteor, java.spice])
def test_without_the_extra(score, monkeypatch):
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    with pytest.raises(ShowtellError, match=r"needs an extra: pip install 'showtell\[java\]'"):
        score(CAPTIONS, REFERENCES)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("score", [java.meteor, java.spice])
def test_without_java(score, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ShowtellError, match="there is no java on the path"):
        score(CAPTIONS, REFERENCES)


@pytest.mark.usefixtures("installed")
@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
def test_a_program_that_ends_too_soon():
    with pytest.raises(ShowtellError, match="METEOR: its program ended before it gave a score"):
        java.meteor(CAPTIONS, REFERENCES)


@pytest.mark.usefixtures("installed")
def test_nothing_is_fetched_for_spice():
    with pytest.raises(ShowtellError, match="get_stanford_models` fetches it"):
        java.spice(CAPTIONS, REFERENCES)


@pytest.mark.usefixtures("installed")
def test_spice_input_and_output(tmp_path, monkeypatch):
    for jar in java._MODELS:
        (tmp_path / "pycocoevalcap" / "spice" / "lib" / jar).touch()
    asked = []

    class Spice:
        def compute_score(self, references, captions):
            asked.append((references, captions))
            return 0.25, [{"All": {"f": 0.5}}, {"All": {"f": 0.25}}, {"All": {"f": 0.0}}]

    module = ModuleType("pycocoevalcap.spice.spice")
    module.Spice = Spice
    for name in ("pycocoevalcap", "pycocoevalcap.spice"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "pycocoevalcap.spice.spice", module)
    mean, per_photo = java.spice(CAPTIONS, REFERENCES)
    assert (mean, per_photo.tolist()) == (0.25, [0.5, 0.25, 0.0])
    [(references, captions)] = asked
    assert references[0] == ["a dog is running", "the dog runs"]
    assert captions[0] == ["a dog runs"]
    assert len(references) == len(captions) == 3
