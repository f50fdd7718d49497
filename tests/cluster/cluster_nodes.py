"""What tests on a cluster do to its nodes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

PER_NODE: dict[str, Any] = {
    "num_cpus": 1,
    "memory": 2**30,
    "object_store_memory": 80 * 2**20,
    "include_dashboard": False,
}


def wait_until(true: Callable[[], object]) -> None:
    while not true():
        time.sleep(0.02)


def workers_of(node: Any, kinds: tuple[bytes, ...]) -> list[int]:
    """The processes of a node that do something, by the beginning of its name."""
    found = []
    for info in node.all_processes["raylet"]:
        for child in Path(f"/proc/{info.process.pid}/task").glob("*/children"):
            for pid in child.read_text().split():
                try:
                    name = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:  # it has ended
                    continue
                if name.startswith(tuple(b"ray::" + kind for kind in kinds)):
                    found.append(int(pid))
    return found


def kill_worker(cluster: Cluster, *kinds: bytes) -> None:
    """Kill the first process that does one of these, once there is one."""

    def running() -> list[int]:
        return [pid for node in cluster.list_all_nodes() for pid in workers_of(node, kinds)]

    wait_until(running)
    os.kill(running()[0], signal.SIGKILL)
