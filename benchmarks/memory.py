"""The memory that a process holds."""

from __future__ import annotations

import os
from pathlib import Path


def memory_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
