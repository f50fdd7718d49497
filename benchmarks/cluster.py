"""Ray against the plain commands on one machine: captioning a folder, and a training step.

`python benchmarks/cluster.py caption FOLDER [COUNT] [--json]`: captions COUNT photos (default: 2,000) of FOLDER, in
turns if there are fewer, with `showtell caption`, and on clusters of 1, 2 and 4 processors that stand already. Seconds
are those of the whole command; processor seconds are those of its process and, of a cluster, of all of Ray's. What is
moved a photo is what Ray is given and gives back: the list of photos and the counts.

`python benchmarks/cluster.py step [CAPTIONS] [--json]`: the gradients of an update of the default recipe at 128
captions, five a photo, 10,000 words: as a whole, in 8 shards one after the other, and in 8 shards on clusters; medians
of 7. All with one thread a process.
"""

from __future__ import annotations

import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import cycle, islice
from pathlib import Path
from typing import Any

os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(16).hex(), "RAY_USAGE_STATS_ENABLED": "0"}
os.environ |= {"RAY_worker_niceness": "0"}  # as the plain command has it: Ray's own is 15

import numpy as np
from msgspec import structs
from ray.cluster_utils import Cluster

from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import initialize
from showtell.cluster.connection import connected
from showtell.cluster.source import find_source
from showtell.cluster.training import ClusterShards
from showtell.nn import kernels
from showtell.text.vocabulary import END, START
from showtell.training.objectives import CaptionBatch, cross_entropy
from showtell.training.recipe import Recipe
from showtell.training.shards import Shard, sum_of_shards
from showtell.vision.photo import list_photos

SHARDS, PER_PHOTO, WORDS, VOCABULARY = 8, 5, 11, 10_000
Figures = dict[str, Any]


@contextmanager
def cluster(processors: int) -> Iterator[str]:
    """The address of a node with so many processors."""
    node = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": processors,
            "object_store_memory": 2**29,
            "memory": 2**33,
            "include_dashboard": False,
        },
    )
    try:
        yield node.address
    finally:
        node.shutdown()


def processor_seconds(process: int | str = "self") -> dict[str, float]:
    """Of this process, of those that it started, Ray's among them, and of those that they did: each one's own."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        children = [file.read_text().split() for file in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:  # it has ended
        return {}
    spent = {str(process): sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")}
    for child in (child for of_thread in children for child in of_thread):
        spent |= processor_seconds(child)
    return spent


def timed(command: list[str]) -> Figures:
    """A command's seconds, and the processors' by what is seen of them ten times a second."""
    start, before = time.perf_counter(), processor_seconds()
    spent = dict(before)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            spent |= processor_seconds()
            time.sleep(0.1)
        seconds = time.perf_counter() - start
    assert process.returncode == 0
    return {"seconds": seconds, "processor seconds": sum(spent.values()) - sum(before.values())}


def captioning(folder: Path, count: int) -> list[Figures]:
    photos = list_photos(folder)
    found = []
    with tempfile.TemporaryDirectory() as place:
        album = Path(place, "photos")
        album.mkdir()
        for number, photo in enumerate(islice(cycle(photos), count)):
            (album / f"{number:06}{photo.suffix}").symlink_to(photo.resolve())
        command = [sys.executable, "-m", "showtell", "caption", str(album), "--quiet"]
        found.append({"what": "showtell caption", **timed([*command, "--json"])})
        parts = find_source([str(album)], list_photos).parts
        moved = sum(len(pickle.dumps(asdict(part))) + len(pickle.dumps({"photos": 64, "failed": 0})) for part in parts)
        for processors in (1, 2, 4):
            with cluster(processors) as address:
                out = [*command, "--ray", address, "--output", f"{place}/{processors}"]
                figures = timed(out)
            found.append({"what": f"--ray, {processors} processors", **figures, "bytes a photo": moved / count})
    for figures in found:
        figures["photos a second"] = count / figures["seconds"]
    return found


def update(captions_of_batch: int) -> tuple[CaptionDecoder, list[Shard], Recipe]:
    """A decoder of the default recipe, and a batch for it in shards, each with the same number of captions."""
    recipe, rng = Recipe(shards=SHARDS), np.random.default_rng(0)
    names = ("embed_dim", "hidden_dim", "attention_dim", "heads", "cell", "activation")
    settings = {name: structs.asdict(recipe)[name] for name in names}
    config = DecoderConfig(vocab_size=VOCABULARY, feature_dim=1280, **settings)
    decoder = CaptionDecoder(config, initialize(config, rng), precision=kernels.fastest_precision())
    each = captions_of_batch // SHARDS
    shards = []
    for number in range(SHARDS):
        captions = rng.integers(4, VOCABULARY, (each, WORDS + 2))
        captions[:, 0], captions[:, -1] = START, END
        photo = np.arange(each) // PER_PHOTO
        features = rng.uniform(0, 6, (photo[-1] + 1, 81, 1280)).astype(np.float32)
        batch = CaptionBatch(features, captions, photo, np.ones(each, np.float32))
        shards.append(Shard(batch, 1 / SHARDS, np.random.default_rng(number)))
    return decoder, shards, recipe


def as_a_whole(shards: list[Shard]) -> CaptionBatch:
    batches = [shard.batch for shard in shards]
    first = np.cumsum([0, *(len(batch.features) for batch in batches)])
    return CaptionBatch(
        np.concatenate([batch.features for batch in batches]),
        np.concatenate([batch.captions for batch in batches]),
        np.concatenate([batch.photo + place for batch, place in zip(batches, first, strict=False)]),
        np.concatenate([batch.weight for batch in batches]),
    )


def medians(run: Callable[[], object]) -> Figures:
    run()
    spent: list[tuple[float, float]] = []
    for _ in range(7):
        start, before = time.perf_counter(), sum(processor_seconds().values())
        run()
        spent.append((time.perf_counter() - start, sum(processor_seconds().values()) - before))
    seconds, of_processors = zip(*spent, strict=True)
    return {"seconds": statistics.median(seconds), "processor seconds": statistics.median(of_processors)}


def step(captions: int) -> list[Figures]:
    kernels.set_num_threads(1)
    decoder, shards, recipe = update(captions)
    whole, rng = as_a_whole(shards), np.random.default_rng(0)
    found = [
        {"what": "as a whole", **medians(lambda: cross_entropy(decoder, whole, recipe, rng))},
        {"what": "8 shards", **medians(lambda: sum_of_shards(decoder, shards, recipe))},
    ]
    weights = len(pickle.dumps(decoder, 5))
    batch = sum(len(pickle.dumps(shard, 5)) for shard in shards)
    for processors in (1, 2, 4, 8):
        with cluster(processors) as address, connected(address):
            compute = ClusterShards()
            spent = medians(lambda run=compute: run(decoder, shards, recipe))
        moved = {"batch MB": batch / 1e6, "weights MB": weights / 1e6, "gradients MB": processors * weights / 1e6}
        found.append({"what": f"8 shards, --ray, {processors} processors", **spent, **moved})
    return found


def main() -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    if arguments[0] == "step":
        found = step(int(arguments[1]) if len(arguments) > 1 else 128)
    else:
        found = captioning(Path(arguments[1]), int(arguments[2]) if len(arguments) > 2 else 2000)
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for figures in found:
        print(
            ", ".join(
                f"{name} {value:,.3g}" if isinstance(value, float) else f"{value}" for name, value in figures.items()
            )
        )


if __name__ == "__main__":
    main()
