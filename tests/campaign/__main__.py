"""`python -m tests.campaign --minutes N [--seed S] [--parts kills,photos,files,serve,layers]`, from the repository."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The networks are tiny, and there is a process a core. Set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

if __name__ == "__main__":
    from campaign.command import main

    main()
