"""A folder of 10,000 photos: photos a second, memory, and a run that is killed twice on its way.

`python benchmarks/folder.py FOLDER [COUNT] [--json]`: links COUNT photos of FOLDER, and a broken one, into a folder
of its own, in turns if there are fewer, and captions them with `showtell caption --beam 3 --manifest`. The command is
killed after a third and after two thirds, and started again; what counts is the time that it ran. Memory is that of the
process, looked at twice a second.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from memory import memory_mb

from showtell.vision.photo import list_photos

LOOK_S = 0.5


def lines_of(manifest: Path) -> int:
    return manifest.read_bytes().count(b"\n") if manifest.exists() else 0


def run(command: list[str], manifest: Path, until: int | None) -> tuple[float, list[float]]:
    """Seconds, and the memory in MB over them; killed as soon as the manifest has `until` lines."""
    start, memory = time.perf_counter(), []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            memory.append(memory_mb(process.pid))
            if until is not None and lines_of(manifest) >= until:
                process.send_signal(signal.SIGKILL)
            time.sleep(LOOK_S)
    return time.perf_counter() - start, memory


def measure(photos: list[Path], count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        inbox, manifest = Path(folder, "photos"), Path(folder, "done.jsonl")
        inbox.mkdir()
        for number, photo in enumerate(islice(cycle(photos), count)):
            (inbox / f"{number:06}{photo.suffix}").symlink_to(photo.resolve())
        (inbox / "broken.jpg").write_bytes(b"no photo")
        command = ["showtell", "caption", str(inbox), "--beam", "3", "--manifest", str(manifest), "--quiet"]
        seconds, memory = 0.0, []
        for until in (count // 3, 2 * count // 3, None):
            spent, looked = run(command, manifest, until)
            seconds, memory = seconds + spent, memory + looked
        entries = [json.loads(line) for line in manifest.read_text().splitlines()]
        entries = [entry for entry in entries if "file" in entry]
    settled = memory[len(memory) // 10 :]
    return {
        "photos": count,
        "photos a second": count / seconds,
        "captioned": len({entry["file"] for entry in entries if "caption" in entry}),
        "captioned more than once": len(entries) - len({entry["file"] for entry in entries}),
        "broken": sum("error" in entry for entry in entries),
        "memory at most, MB": max(memory),
        "memory, mean of the last tenth less that of the first, MB": _tenth(settled, -1) - _tenth(settled, 0),
    }


def _tenth(values: list[float], which: int) -> float:
    size = max(len(values) // 10, 1)
    part = values[-size:] if which else values[:size]
    return sum(part) / len(part)


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "--json"]
    found = measure(list_photos(words[0]), int(words[1]) if len(words) > 1 else 10_000)
    if "--json" in sys.argv:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:60}{value:10,.1f}")


if __name__ == "__main__":
    main()
