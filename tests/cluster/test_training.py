"""Training on a cluster: the bits of one machine, whatever the number of workers and whatever dies."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra cluster")

from msgspec import structs
from ray.cluster_utils import Cluster

import small
from cluster_nodes import PER_NODE, kill_worker
from showtell.cluster.connection import connected
from showtell.cluster.training import ClusterShards
from showtell.nn import kernels
from showtell.training.checkpoint import load_checkpoint
from showtell.training.folder import BEST, CHECKPOINT

RECIPE = structs.replace(small.RECIPE, shards=8, batch_size=16)


class StoppedError(Exception):
    """What stands for the end of a driver."""


def weights(folder: Path) -> dict[str, bytes]:
    """The captioner, the weights and the optimizer's state."""
    _, groups = load_checkpoint(folder / CHECKPOINT)
    found = {f"{group}/{name}": array.tobytes() for group, arrays in groups.items() for name, array in arrays.items()}
    return found | {BEST: (folder / BEST).read_bytes()}


@pytest.mark.slow
def test_one_three_and_eight_workers_give_the_same_bits_whatever_dies(cluster: Cluster, tmp_path: Path) -> None:
    before = kernels.get_num_threads()
    kernels.set_num_threads(1)
    try:
        small.trainer(tmp_path / "alone", RECIPE).run()
        dead = []

        def on_batch(done: int, total: int) -> None:
            if done == 2:
                kill_worker(cluster, b"_sum", b"IDLE")
            if done == 4:
                cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
            if done == 6:
                cluster.add_node(wait=False, **PER_NODE | {"num_cpus": 6})
                cluster.wait_for_nodes(timeout=600)
            if done == 8 and not dead:
                dead.append(done)
                raise StoppedError

        with connected(cluster.address):
            for folder in ("many", "many"):
                run = small.trainer(
                    tmp_path / folder,
                    RECIPE,
                    compute_shards=ClusterShards(),
                    on_batch=on_batch,
                    checkpoint_seconds=0,
                )
                try:
                    run.run()
                except StoppedError:
                    assert not run.progress.finished
        assert dead
        assert weights(tmp_path / "many") == weights(tmp_path / "alone")
    finally:
        kernels.set_num_threads(before)
