"""Captioning on a cluster: each photo once, with the captions of one machine, whatever is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra cluster")
pytest.importorskip("pyarrow", reason="needs the extra cluster")

from PIL import Image
from pyarrow import parquet
from ray.cluster_utils import Cluster

from cluster_nodes import kill_worker, wait_until
from showtell import __version__
from showtell.captioning.captioner import Captioner
from showtell.cluster.captioning import Work, _Actor, caption_part
from showtell.cluster.destination import Destination
from showtell.cluster.source import Part
from showtell.errors import PhotoError
from showtell.metadata.writer import CaptionWriter
from showtell.metadata.xmp import ALT_TEXT, Packet
from showtell.nn import kernels


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [row for file in sorted((folder / kind).iterdir()) for row in parquet.read_table(file).to_pylist()]


def expected_rows(captioner: Captioner, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those of one machine: captions, and failures."""
    photos = sorted(folder.iterdir())
    found = [*zip(map(str, photos), captioner.caption(photos, errors="return"), strict=True)]
    return (
        [{"file": f, **c.to_dict(), "others": None} for f, c in found if not isinstance(c, PhotoError)],
        [{"file": f, "error": str(c)} for f, c in found if isinstance(c, PhotoError)],
    )


@pytest.mark.slow
def test_a_worker_a_node_and_the_driver_may_die(
    cluster: Cluster, album: Path, captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(album.parent)  # paths are relative to the command's folder, not to an actor's
    model, out = tmp_path / "model.safetensors", tmp_path / "out"
    captioner.save(model)
    command = [sys.executable, "-m", "showtell", "caption", album.name, "--model", model, "--quiet"]
    command += ["--ray", cluster.address, "--output", os.path.relpath(out)]

    def parts() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in out.glob("captions/0*")}

    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    kill_worker(cluster, b"MapWorker")
    wait_until(lambda: driver.poll() is not None or len(parts()) >= 1)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    wait_until(lambda: driver.poll() is not None or len(parts()) >= 2)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    before = parts()
    assert 2 <= len(before) < 7

    again = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert again.returncode == 1
    assert f"1 of 400 photos failed: {out.resolve()}/failures says why" in again.stderr
    assert parts().items() >= before.items()  # what was complete was not done again
    captions, failures = expected_rows(Captioner.load(model), Path(album.name))
    assert rows(out, "captions") == captions
    assert [row["file"] for row in rows(out, "failures")] == [row["file"] for row in failures]

    done = parts()
    again = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert (again.returncode, parts()) == (1, done)


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_a_part_has_a_row_a_photo(captioner: Captioner, album: Path, tmp_path: Path, format: Any) -> None:
    names = tuple(path.name for path in sorted(album.iterdir())[98:103])
    work = Work(Destination(str(tmp_path), format), num_captions=2, folder=str(album))
    assert caption_part(captioner, Part(98, 104, named=(*names, "gone.png")), work) == 2
    (captions,), (failures,) = (list((tmp_path / kind).iterdir()) for kind in ("captions", "failures"))
    assert captions.name == failures.name
    expected = captioner.caption([album / name for name in names if name != "100.png"], 2)
    if format == "jsonl":
        found = [json.loads(line) for line in captions.read_text().splitlines()]
        assert found == [{"file": n, **c.to_dict()} for n, c in zip([*names[:2], *names[3:]], expected, strict=True)]
        assert [json.loads(line)["file"] for line in failures.read_text().splitlines()] == ["100.png", "gone.png"]
    else:
        assert parquet.read_table(captions)["caption"].to_pylist() == [caption.text for caption in expected]
        assert parquet.read_table(failures)["file"].to_pylist() == ["100.png", "gone.png"]


def test_sidecars_are_written_and_one_that_cannot_be_is_a_failure(
    captioner: Captioner, album: Path, tmp_path: Path
) -> None:
    for name in ("000.png", "001.png"):
        shutil.copy(album / name, tmp_path)
    (tmp_path / "001.png.xmp").write_text("no XMP")
    work = Work(Destination(str(tmp_path / "out"), "jsonl"), writer=CaptionWriter("xmp", "test"), folder=str(tmp_path))
    assert caption_part(captioner, Part(0, 2, named=("000.png", "001.png")), work) == 1
    packet = Packet.parse("sidecar", (tmp_path / "000.png.xmp").read_bytes())
    assert packet.text(ALT_TEXT) == captioner.caption(tmp_path / "000.png").text
    assert (tmp_path / "001.png.xmp").read_text() == "no XMP"
    (failure,) = [json.loads(line) for line in next((tmp_path / "out" / "failures").iterdir()).read_text().splitlines()]
    assert failure["file"] == "001.png"
    assert "001.png.xmp" in failure["error"]


def test_photo_with_nothing_to_say_of_is_skipped_and_has_not_failed(captioner: Captioner, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "white").save(tmp_path / "white.png")
    work = Work(Destination(str(tmp_path / "out"), "jsonl"), folder=str(tmp_path))
    work.destination.begin({})
    assert caption_part(captioner, Part(0, 1, named=("white.png",)), work) == 0
    (skipped,) = [json.loads(line) for line in next((tmp_path / "out" / "failures").iterdir()).read_text().splitlines()]
    assert "of one colour" in skipped["skipped"]
    assert work.destination.begin({}) == {"000000000000-000000000001.jsonl": 0}


def test_what_an_actor_cannot_do_is_said(captioner: Captioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "set_num_threads", lambda threads: None)  # this process is no actor's
    work = Work(Destination(str(tmp_path / "out"), "jsonl"))
    row = {"start": 0, "stop": 1, "named": [], "table": str(tmp_path / "gone.parquet"), "row": 0}
    elsewhere = _Actor(work, "0.0.1")(row, [])
    assert "has showtell" in elsewhere["wrong"]
    assert "expected 0.0.1; install that there" in elsewhere["wrong"]
    actor = _Actor(work, __version__)
    actor._captioner = captioner
    outcome = actor(row, [])
    assert (outcome["photos"], outcome["failed"]) == (0, 0)
    assert "gone.parquet: cannot be read" in outcome["wrong"]
    assert not (tmp_path / "out").exists()
