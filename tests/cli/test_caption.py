from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import showtell as showtell_package
from conftest import PHOTOS
from showtell import __version__
from showtell._util.files import exclusive, open_regular
from showtell.captioning.captioner import Captioner
from showtell.captioning.confidence import Confidence
from showtell.metadata.xmp import ALT_TEXT, DESCRIPTION, PROPERTIES, Packet

CAT, COFFEE = PHOTOS / "chelsea.png", PHOTOS / "coffee.png"


@pytest.fixture
def sure(model: Path, tmp_path: Path) -> Path:
    """The file of a captioner that is surer of the cat than of the coffee: 0.75 and 0.25."""
    captioner = Captioner.load(model)  # its weights are rounded
    cat, coffee = (caption.confidence_features for caption in captioner.caption([CAT, COFFEE]))
    slope = 2 * np.log(3) / (cat[0] - coffee[0])
    captioner.confidence = Confidence(0.5, (-slope * (cat[0] + coffee[0]) / 2, slope, 0.0), (0.5, 0.0, 0.0))
    captioner.save(tmp_path / "sure.safetensors")
    return tmp_path / "sure.safetensors"


@pytest.fixture
def holiday(tmp_path: Path) -> Path:
    """A folder with a photo, another one deeper, one that is broken, and a file that is no photo."""
    folder = tmp_path / "holiday"
    (folder / "day 2").mkdir(parents=True)
    shutil.copy(CAT, folder / "cat.png")
    shutil.copy(COFFEE, folder / "day 2" / "coffee.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no more of it")
    (folder / "notes.txt").write_text("not a photo")
    return folder


@pytest.fixture
def sidecars() -> Callable[[Path], dict[str, Packet]]:
    """The sidecars in a folder and below it, by name."""
    return lambda folder: {path.name: Packet.parse(path.name, path.read_bytes()) for path in folder.rglob("*.xmp")}


def test_one_photo_is_a_sentence(showtell, model, captioner: Captioner) -> None:
    result = showtell("caption", CAT, "--model", model)
    assert (result.status, result.err) == (0, "")
    assert result.out == f"{captioner.caption(CAT).text}\n"


def test_several_photos_are_named(showtell, model, captioner: Captioner) -> None:
    result = showtell("caption", CAT, COFFEE, "--model", model)
    assert result.out.splitlines() == [f"{photo}: {captioner.caption(photo).text}" for photo in (CAT, COFFEE)]


def test_several_captions_of_each_photo(showtell, model, captioner: Captioner) -> None:
    texts = {photo: [caption.text for caption in captioner.caption(photo, 3).n_best] for photo in (CAT, COFFEE)}
    assert len(texts[CAT]) > 1
    result = showtell("caption", CAT, COFFEE, "--num-captions", 3, "--model", model)
    assert result.out.splitlines() == [f"{photo}: {text}" for photo in (CAT, COFFEE) for text in texts[photo]]
    entry = json.loads(showtell("caption", CAT, "--num-captions", 3, "--model", model, "--json").out)
    assert [entry["caption"], *(other["caption"] for other in entry["others"])] == texts[CAT]
    rows = list(
        csv.DictReader(io.StringIO(showtell("caption", CAT, "--num-captions", 3, "--model", model, "--csv").out))
    )
    assert [row["caption"] for row in rows] == texts[CAT]


def test_a_folder_is_searched_and_a_broken_photo_reported(showtell, model, holiday: Path) -> None:
    result = showtell("caption", holiday, "--model", model, "--quiet")
    assert result.status == 1
    assert [line.split(": ")[0] for line in result.out.splitlines()] == [
        str(holiday / "cat.png"),
        str(holiday / "day 2" / "coffee.png"),
    ]
    lines = result.err.splitlines()
    assert len(lines) == 2
    assert "broken.jpg" in lines[0]
    assert lines[1] == "showtell: 1 of 3 photos could not be read"


def test_a_picture_of_one_colour_gets_no_sentence_but_says_so(showtell, model, holiday: Path, tmp_path: Path) -> None:
    (holiday / "broken.jpg").unlink()
    white, manifest = holiday / "white.png", tmp_path / "done.jsonl"
    Image.new("RGB", (320, 240), "white").save(white)
    why = f"{white}: is of one colour; there is nothing in it to caption"
    before = white.read_bytes()
    command = ["caption", holiday, "--model", model, "--quiet", "--write", "xmp", "--manifest", manifest, "--json"]
    result = showtell(*command)
    assert result.status == 0
    assert result.err.splitlines() == [f"showtell: {why}", "showtell: the captions of 1 of 3 photos were left out"]
    assert [json.loads(line).get("skipped") for line in result.out.splitlines()] == [None, None, why]
    again = showtell(*command)
    assert (again.status, again.out, again.err) == (0, "", "")  # it is done
    assert white.read_bytes() == before
    assert sorted(path.name for path in holiday.rglob("*.xmp")) == ["cat.png.xmp", "coffee.png.xmp"]


def test_json(showtell, model, holiday: Path) -> None:
    result = showtell("caption", holiday, "--model", model, "--json", "--quiet")
    entries = {Path(entry["file"]).name: entry for entry in map(json.loads, result.out.splitlines())}
    assert entries.keys() == {"broken.jpg", "cat.png", "coffee.png"}
    expected = Captioner.load(model).caption(CAT)  # its weights are rounded
    assert entries["cat.png"]["caption"] == expected.text
    assert entries["cat.png"]["log_prob"] == pytest.approx(expected.log_prob, abs=1e-3)
    assert [word["word"] for word in entries["cat.png"]["words"]] == [word for word, _ in expected.words]
    assert entries["cat.png"]["confidence"] is None
    assert entries["cat.png"]["named"] is False
    assert entries["broken.jpg"].keys() == {"file", "error"}


def test_csv(showtell, model, captioner: Captioner, holiday: Path) -> None:
    result = showtell("caption", holiday, "--model", model, "--csv", "--quiet")
    rows = {Path(row["file"]).name: row for row in csv.DictReader(io.StringIO(result.out))}
    assert rows["cat.png"]["caption"] == captioner.caption(CAT).text
    assert float(rows["cat.png"]["log_prob"]) < 0
    assert rows["cat.png"]["confidence"] == ""
    assert rows["cat.png"]["error"] == ""
    assert rows["broken.jpg"]["caption"] == ""
    assert "broken.jpg" in rows["broken.jpg"]["error"]


def test_confidence_is_told(showtell, sure: Path, holiday: Path) -> None:
    out = showtell("caption", holiday, "--model", sure, "--json", "--quiet").out
    entries = {Path(entry["file"]).name: entry for entry in map(json.loads, out.splitlines())}
    out = showtell("caption", holiday, "--model", sure, "--csv", "--quiet").out
    rows = {Path(row["file"]).name: row for row in csv.DictReader(io.StringIO(out))}
    for name, value in (("cat.png", 0.75), ("coffee.png", 0.25)):
        assert entries[name]["confidence"] == pytest.approx(value, abs=1e-4)
        assert float(rows[name]["confidence"]) == pytest.approx(value, abs=1e-4)
    assert rows["broken.jpg"]["confidence"] == ""
    assert "broken.jpg" in rows["broken.jpg"]["error"]


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_a_caption_that_it_is_not_sure_of_is_left_out(showtell, sure: Path, form: list[str]) -> None:
    result = showtell("caption", CAT, COFFEE, "--model", sure, "--min-confidence", 0.5, "--quiet", *form)
    assert result.status == 0
    assert str(CAT) in result.out
    assert str(COFFEE) not in result.out
    lines = result.err.splitlines()
    assert lines[0].startswith(f"showtell: {COFFEE}: left out at confidence 0.250")
    assert lines[1] == "showtell: the captions of 1 of 2 photos were left out"
    assert len(lines) == 2


def test_one_photo_that_it_is_not_sure_of(showtell, sure: Path) -> None:
    result = showtell("caption", COFFEE, "--model", sure, "--min-confidence", 0.5)
    assert (result.status, result.out, result.err.count("\n")) == (0, "", 1)
    assert showtell("caption", COFFEE, "--model", sure, "--min-confidence", 0.1).out.count("\n") == 1


def test_a_broken_photo_is_no_matter_of_confidence(showtell, sure: Path, holiday: Path) -> None:
    result = showtell("caption", holiday, "--model", sure, "--min-confidence", 1, "--quiet")
    assert (result.status, result.out) == (1, "")
    assert result.err.splitlines()[-2:] == [
        "showtell: the captions of 2 of 3 photos were left out",
        "showtell: 1 of 3 photos could not be read",
    ]


def test_a_captioner_without_confidence_cannot_leave_out(showtell, model: Path) -> None:
    result = showtell("caption", CAT, "--model", model, "--min-confidence", 0.5)
    assert (result.status, result.out) == (1, "")
    assert f"--min-confidence is 0.5, but {model} has no confidence" in result.err


def test_a_confidence_is_within_0_and_1(showtell, model: Path) -> None:
    assert showtell("caption", CAT, "--model", model, "--min-confidence", 50).status == 2


def test_paths_come_from_stdin(showtell, model) -> None:
    result = showtell("caption", "-", "--model", model, stdin=f"{CAT}\n\n{COFFEE}\n")
    assert [line.split(": ")[0] for line in result.out.splitlines()] == [str(CAT), str(COFFEE)]


def test_the_same_photo_twice_is_captioned_twice(showtell, model) -> None:
    first, second = showtell("caption", CAT, CAT, "--model", model).out.splitlines()
    assert first == second


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["-"], "there are no photos in -"),
        ([CAT, "--model", "missing.safetensors"], "cannot read the captioner missing.safetensors"),
        ([CAT, "--model", CAT], "is no captioner"),
    ],
)
def test_an_error_is_one_line(showtell, model, words: list[object], named: str) -> None:
    words = words if "--model" in words else [*words, "--model", model]
    result = showtell("caption", *words)
    assert result.status == 1
    assert result.out == ""
    assert named in result.err
    assert result.err.count("\n") == 1


def test_json_and_csv_exclude_each_other(showtell, model) -> None:
    result = showtell("caption", CAT, "--json", "--csv", "--model", model)
    assert result.status == 2
    assert "choose one of" in result.err


def test_captions_are_written_beside_the_photos(showtell, model, sidecars, holiday: Path) -> None:
    plain = showtell("caption", holiday, "--model", model, "--quiet")
    result = showtell("caption", holiday, "--model", model, "--quiet", "--write", "xmp")
    assert result == plain
    texts = dict(line.rsplit(": ", 1) for line in plain.out.splitlines())
    found = sidecars(holiday)
    assert found.keys() == {"cat.png.xmp", "coffee.png.xmp"}
    for photo, text in texts.items():
        packet = found[f"{Path(photo).name}.xmp"]
        assert [packet.text(name) for name in PROPERTIES] == [text, text]
        fields = packet.record()
        assert (fields["Caption"], fields["Version"]) == (text, __version__)
        assert fields["Model"].startswith("model.safetensors, encoder efficientnet_lite2-")
        assert datetime.fromisoformat(fields["Date"]).tzinfo is not None
        assert "Confidence" not in fields


def test_of_several_captions_the_first_is_written(showtell, model, sidecars, holiday: Path) -> None:
    out = showtell("caption", holiday / "cat.png", "--model", model, "--num-captions", 3, "--write", "xmp").out
    assert sidecars(holiday)["cat.png.xmp"].record()["Caption"] == out.splitlines()[0]


def test_captions_are_written_into_the_photos(showtell, model, holiday: Path) -> None:
    photo = holiday / "cat.png"
    out = showtell("caption", photo, "--model", model, "--write", "embed").out
    with Image.open(photo) as image, Image.open(CAT) as original:
        assert out.strip() in image.info["XML:com.adobe.xmp"]
        assert image.tobytes() == original.tobytes()
    assert not list(holiday.rglob("*.xmp"))


def test_a_photo_that_cannot_hold_its_caption_is_reported(showtell, model, holiday: Path) -> None:
    with Image.open(CAT) as cat:
        cat.save(holiday / "cat.bmp")
    result = showtell("caption", holiday, "--model", model, "--quiet", "--write", "embed")
    assert result.status == 1
    assert len(result.out.splitlines()) == 3
    lines = result.err.splitlines()
    assert "XMP is embedded in JPEG, PNG and WebP only; write a sidecar with --write xmp" in "".join(lines)
    assert lines[-2:] == [
        "showtell: the captions of 1 of 4 photos could not be written",
        "showtell: 1 of 4 photos could not be read",
    ]
    result = showtell("caption", holiday / "cat.bmp", "--model", model, "--write", "embed")
    assert (result.status, result.out.count("\n"), result.err.count("\n")) == (1, 1, 1)


def test_a_persons_words_are_kept_unless_told_otherwise(showtell, model, sidecars, holiday: Path) -> None:
    photo, packet = holiday / "cat.png", Packet("")
    packet.set_text(DESCRIPTION, f"My cat{' and another cat' * 10},\nasleep.")
    (holiday / "cat.png.xmp").write_bytes(packet.to_bytes())
    words = "caption", photo, "--model", model, "--write", "xmp"
    result = showtell(*words)
    assert result.status == 0
    assert result.err == f"showtell: {photo}: kept dc:description: My cat{' and another cat' * 3} an...\n"
    assert sidecars(holiday)["cat.png.xmp"].text(ALT_TEXT) == result.out.strip()
    assert sidecars(holiday)["cat.png.xmp"].text(DESCRIPTION) == packet.text(DESCRIPTION)
    assert showtell(*words, "--overwrite").err == ""
    assert sidecars(holiday)["cat.png.xmp"].text(DESCRIPTION) == result.out.strip()


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_a_dry_run_says_what_it_would_do(showtell, model, holiday: Path, target: str) -> None:
    photo = holiday / "cat.png"
    file = f"{photo}.xmp" if target == "xmp" else photo
    words = "caption", photo, "--model", model, "--write", target
    before = {path: path.read_bytes() for path in holiday.rglob("*.*")}
    result = showtell(*words, "--dry-run")
    assert {path: path.read_bytes() for path in holiday.rglob("*.*")} == before
    assert result.err == (
        f"showtell: {photo}: would write Iptc4xmpCore:AltTextAccessibility and dc:description into {file}\n"
    )
    assert showtell(*words).out == result.out
    assert showtell(*words, "--dry-run").err == f"showtell: {photo}: would not change {file}\n"


def test_a_caption_that_is_left_out_is_not_written(showtell, sure: Path, sidecars, holiday: Path) -> None:
    showtell("caption", holiday, "--model", sure, "--min-confidence", 0.5, "--quiet", "--write", "xmp")
    found = sidecars(holiday)
    assert found.keys() == {"cat.png.xmp"}
    assert found["cat.png.xmp"].record()["Confidence"] == "0.750"


@pytest.mark.parametrize("words", [["--overwrite"], ["--dry-run"], ["--write", "exif"]])
def test_how_to_write_goes_with_where(showtell, model, words: list[str]) -> None:
    assert showtell("caption", CAT, "--model", model, *words).status == 2


def test_where_an_error_comes_from_is_shown_if_asked(showtell) -> None:
    with pytest.raises(ValueError, match="cannot read the captioner"):
        showtell("--debug", "caption", CAT, "--model", "missing.safetensors")


def test_a_run_with_a_manifest_goes_on_where_it_was(showtell, model, holiday: Path, tmp_path: Path) -> None:
    command = ("caption", holiday, "--model", model, "--quiet", "--manifest", tmp_path / "done.jsonl")
    first = showtell(*command)
    assert (first.status, len(first.out.splitlines())) == (1, 2)
    again = showtell(*command)
    assert (again.status, again.out, again.err) == (1, "", first.err)  # what is broken is not tried, and told
    shutil.copy(COFFEE, holiday / "broken.jpg")
    assert [line.split(": ")[0] for line in showtell(*command).out.splitlines()] == [str(holiday / "broken.jpg")]
    assert len(showtell(*command, "--beam", 1).out.splitlines()) == 3
    entries = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()]
    assert [Path(entry["file"]).name for entry in entries[:3]] == ["broken.jpg", "cat.png", "coffee.png"]
    assert entries[0]["error"]


def test_a_photo_that_was_embedded_in_is_done(showtell, model, tmp_path: Path) -> None:
    shutil.copy(CAT, tmp_path / "cat.png")
    command = ("caption", tmp_path, "--model", model, "-q", "--write", "embed", "--manifest", tmp_path / "done.jsonl")
    assert showtell(*command).out
    assert showtell(*command).out == ""


def test_photos_that_arrive_are_captioned(showtell, model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(CAT, tmp_path / "cat.png")
    polls = 0

    def sleep(seconds: float) -> None:
        nonlocal polls
        polls += 1
        if polls == 2:
            (tmp_path / "coffee.png").write_bytes(COFFEE.read_bytes()[:1000])  # it is being written
        if polls == 3:
            shutil.copy(COFFEE, tmp_path / "coffee.png")
        if polls == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    result = showtell("caption", tmp_path, "--model", model, "-q", "--watch")
    assert result.status == 0
    assert [Path(line.split(": ")[0]).name for line in result.out.splitlines()] == ["cat.png", "coffee.png"]


def test_a_folder_may_be_empty_when_it_is_watched(showtell, model, tmp_path: Path, monkeypatch) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", stop)
    (tmp_path / "empty").mkdir()
    assert showtell("caption", tmp_path / "empty", "--model", model, "-q", "--watch").status == 0
    assert showtell("caption", tmp_path / "empty", "--model", model, "-q").status == 1
    assert showtell("caption", "-", "--model", model, "--watch").status == 2


def test_other_settings_and_dry_runs_leave_nothing_undone(showtell, model, tmp_path: Path) -> None:
    shutil.copy(CAT, tmp_path / "cat.png")
    command = ("caption", tmp_path, "--model", model, "-q", "--manifest", tmp_path / "done.jsonl")
    assert showtell(*command).out
    assert showtell(*command, "--write", "xmp").out
    assert (tmp_path / "cat.png.xmp").exists()
    assert showtell(*command, "--write", "xmp", "--dry-run").status == 2


def test_what_cannot_be_written_is_tried_again_by_the_next_run_alone(
    showtell, model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.open(CAT).save(tmp_path / "cat.tif")
    polls = 0

    def sleep(seconds: float) -> None:
        nonlocal polls
        polls += 1
        if polls == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    command = ("caption", tmp_path, "--model", model, "-q", "--write", "embed", "--manifest", tmp_path / "done.jsonl")
    for _ in range(2):
        polls = 0
        result = showtell(*command, "--watch")
        assert (result.status, len(result.out.splitlines())) == (1, 1)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with a photo whose name is not UTF-8 and has a control character."""
    folder = tmp_path / "odd"
    folder.mkdir()
    try:
        shutil.copy(CAT, folder / os.fsdecode(b"caf\xe9\x1b[31m.png"))
    except OSError:
        pytest.skip("the file system has no such names")
    shutil.copy(CAT, folder / "z.png")
    return folder


def run(*words: object, stdin: bytes = b"", encoding: str = "utf-8:strict") -> tuple[int, bytes, bytes]:
    """What `showtell caption` does in a process of its own: its exit status, and the bytes that it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "showtell", "caption", "-q", *map(str, words)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(Path(showtell_package.__file__).parents[1])},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_names_are_bytes(odd: Path, model: Path, captioner: Captioner, tmp_path: Path) -> None:
    text = captioner.caption(CAT).text.encode()
    names = [os.fsencode(odd / os.fsdecode(b"caf\xe9\x1b[31m.png")), os.fsencode(odd / "z.png")]
    assert run(odd, "-m", model) == (0, b"".join(name + b": " + text + b"\n" for name in names), b"")
    status, out, _ = run("-", "-m", model, "--csv", stdin=b"\n".join([*names, b"no\xe9\x1b.jpg"]))
    assert (status, [line.split(b",")[0] for line in out.splitlines()]) == (1, [b"file", *names, b"no\xe9\x1b.jpg"])
    done = tmp_path / "done.jsonl"
    status, out, _ = run(odd, "-m", model, "--json", "--manifest", done)
    assert [os.fsencode(json.loads(line)["file"]) for line in out.decode().splitlines()] == names
    assert run(odd, "-m", model, "--json", "--manifest", done) == (0, b"", b"")


@pytest.mark.slow
def test_an_error_with_an_odd_name_is_one_line(model: Path) -> None:
    status, out, err = run("-", "-m", model, stdin=b"caf\xe9\x1b[31m\n.jpg\0")
    assert (status, out) == (1, b"")
    assert err == b"showtell: caf\\xe9\\x1b[31m\\n.jpg: no such file; check the path\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
@pytest.mark.slow
def test_a_full_disk_is_one_line(model: Path, form: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "showtell", "caption", CAT, "-m", model, *form]
        environment = os.environ | {"PYTHONPATH": str(Path(showtell_package.__file__).parents[1])}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 1
    assert done.stderr == b"showtell: standard output cannot be written to (No space left on device); free space\n"


def test_folders_and_files_are_left_out(showtell, model, holiday: Path) -> None:
    shutil.copytree(holiday / "day 2", holiday / "@eaDir")
    result = showtell("caption", holiday, "--model", model, "-q", "--exclude", "day *", "--exclude", "broken.*")
    assert (result.status, result.err) == (0, "")
    assert [line.split(": ")[0] for line in result.out.splitlines()] == [str(holiday / "cat.png")]


def test_a_folder_that_cannot_be_read_is_skipped(showtell, model, holiday: Path, monkeypatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "day 2":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (holiday / "broken.jpg").unlink()
    result = showtell("caption", holiday, "--model", model, "-q")
    assert result.status == 1
    assert result.out.startswith(f"{holiday / 'cat.png'}: ")
    assert result.err == (
        f"showtell: {holiday / 'day 2'}: the folder cannot be read (Permission denied); change its permissions\n"
    )


def test_what_can_pass_is_tried_again(showtell, model, holiday: Path, tmp_path: Path, monkeypatch) -> None:
    command = ("caption", holiday / "cat.png", "--model", model, "-q", "--manifest", tmp_path / "done.jsonl")
    with monkeypatch.context() as patched:

        def refuse(path: object) -> None:
            raise PermissionError(13, "Permission denied")

        patched.setattr("showtell.vision.photo.open_regular", refuse)
        for _ in range(2):
            result = showtell(*command)
            assert (result.status, result.out) == (1, "")
            assert "no permission to read it" in result.err
    result = showtell(*command)
    assert (result.status, result.out.count("\n"), result.err) == (0, 1, "")


def test_a_watch_tries_again_and_says_it_once(showtell, model, tmp_path: Path, monkeypatch) -> None:
    photo = tmp_path / "cat.png"
    shutil.copy(CAT, photo)
    polls, really = 0, open_regular
    tried = []

    def sleep(seconds: float) -> None:
        nonlocal polls
        polls += 1
        if polls in (3, 6):
            photo.chmod(0o640 if polls == 3 else 0o644)
        if polls == 9:
            raise KeyboardInterrupt

    def refuse(path: object) -> object:
        tried.append(polls)
        if polls < 6:
            raise PermissionError(13, "Permission denied")
        return really(path)

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("showtell.vision.photo.open_regular", refuse)
    result = showtell("caption", photo, "--model", model, "-q", "--watch")
    assert (result.status, result.out.count("\n"), result.err.count("no permission")) == (0, 1, 1)
    assert tried == [0, 3, 6]


@pytest.mark.parametrize("target", ["embed", "xmp"])
def test_a_photo_that_takes_the_place_of_another_gets_its_own_caption(
    showtell, model, tmp_path: Path, monkeypatch, target: str
) -> None:
    folder = tmp_path / "album"
    folder.mkdir()
    photo = folder / "cat.png"
    shutil.copy(CAT, photo)
    command = ("caption", folder, "--model", model, "-q", "--write", target, "--manifest", tmp_path / "done.jsonl")
    caption_features = Captioner.caption_features

    def replaced(self: Captioner, *words: object, **options: object) -> object:
        shutil.copy(COFFEE, folder / "new")
        (folder / "new").replace(photo)
        return caption_features(self, *words, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Captioner, "caption_features", replaced)
        result = showtell(*command)
    assert result.status == 1
    assert f"{photo}: was changed in the meantime, and left as it is; run the command again" in result.err
    assert photo.read_bytes() == COFFEE.read_bytes()
    assert [path.name for path in folder.iterdir()] == ["cat.png"]
    assert showtell(*command).out == f"{photo}: {Captioner.load(model).caption(COFFEE).text}\n"
    assert showtell(*command).out == ""


def test_a_photo_that_is_named_twice_is_embedded_in_once(showtell, model, tmp_path: Path) -> None:
    shutil.copy(CAT, tmp_path / "cat.png")
    (tmp_path / "link.png").symlink_to("cat.png")
    result = showtell("caption", tmp_path, tmp_path / "cat.png", "--model", model, "-q", "--write", "embed")
    assert (result.status, result.out.count("\n"), result.err) == (0, 3, "")
    assert (tmp_path / "link.png").is_symlink()


def test_a_manifest_is_used_by_one_alone(showtell, model, holiday: Path, tmp_path: Path) -> None:
    command = ("caption", holiday / "cat.png", "--model", model, "--manifest", tmp_path / "done.jsonl")
    with exclusive(tmp_path / "done.jsonl"):
        result = showtell(*command)
    assert (result.status, result.out) == (1, "")
    assert "is in use by another showtell" in result.err
    assert showtell(*command).status == 0


@pytest.mark.parametrize("content", [b'{"annotations": []}', b"\x89PNG\r\n\x1a\n"])
def test_a_manifest_is_nobody_elses_file(showtell, model, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine").write_bytes(content)
    result = showtell("caption", CAT, "--model", model, "--manifest", tmp_path / "mine")
    assert (result.status, result.out, result.err.count("\n")) == (1, "", 1)
    assert (tmp_path / "mine").read_bytes() == content


def test_what_a_killed_run_left_is_removed(showtell, model, holiday: Path) -> None:
    (holiday / ".showtell-0123456789abcdef.part").write_bytes(b"half a photo")
    showtell("caption", holiday / "cat.png", "--model", model, "--write", "xmp")
    assert not list(holiday.glob(".*.part"))


def test_captions_go_where_they_are_sent_though_a_bar_is_drawn(showtell, model, holiday: Path, monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    (holiday / "broken.jpg").unlink()
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert showtell("caption", holiday, "--model", model).out.count("\n") == 2
