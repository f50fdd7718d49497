"""Write `golden/layers.npz`: torch's values and gradients for the cases. `python tests/functional/make_golden.py`, with torch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from cases import CASES  # noqa: E402

import oracle  # noqa: E402


def main() -> None:
    arrays = {}
    for case in CASES:
        if 0 not in case.args[0].shape:
            values, grads = oracle.gradients(case)
            arrays |= {f"{case.name}/value{index}": value for index, value in enumerate(values)}
            arrays |= {f"{case.name}/grad{index}": grad for index, grad in enumerate(grads)}
    path = Path(__file__).parent / "golden" / "layers.npz"
    np.savez_compressed(path, **arrays)
    print(f"{path}: {len(arrays)} arrays, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
