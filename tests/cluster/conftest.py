from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from conftest import PHOTOS

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

# Ray reads them when it is imported: nobody else may use the nodes, nobody is told of them, and the workers take their
# turns as other processes do
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 400 photos, turned versions of the same ones, and one that is broken."""
    folder = tmp_path_factory.mktemp("album")
    few = [Image.open(photo).convert("RGB").resize((96, 72)) for photo in sorted(PHOTOS.glob("*.jpg"))[:25]]
    for number in range(400):
        few[number % 25].rotate(number // 25 * 20).save(folder / f"{number:03}.png")
    (folder / "100.png").write_bytes(b"no photo")
    return folder


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three nodes with a processor each."""
    from ray.cluster_utils import Cluster

    from cluster_nodes import PER_NODE

    nodes = Cluster()
    try:
        for _ in range(3):
            nodes.add_node(wait=False, **PER_NODE)
        nodes.wait_for_nodes(timeout=600)  # on a busy machine each takes its time
        yield nodes
    finally:
        nodes.shutdown()
