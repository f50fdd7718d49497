"""Write what the original network says of the tests' photos: tests/vision/golden/efficientnet_lite2.npz.

    pip install . --group export
    python recipes/encoder/golden.py

The network is the published one, in torch and float32; the photos are read with PIL alone. Per photo:
`pooled` (1280,), the mean over the positions, float16; and `strength` (81,), the mean over the features at
each position, float32, which tells the positions apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from export import Grid, load_network
from PIL import Image

TESTS = Path(__file__).parents[2] / "tests"


def main() -> None:
    """Encode every photo and write the file."""
    paths = sorted(path for path in (TESTS / "photos").iterdir() if path.suffix in (".jpg", ".png"))
    network = Grid(load_network())
    pixels = []
    for path in paths:
        with Image.open(path) as image:
            small = image.convert("RGB").resize((260, 260), Image.Resampling.BICUBIC)
        pixels.append((torch.from_numpy(np.array(small)).permute(2, 0, 1).float() - 127) / 128)
    with torch.inference_mode():
        grid = network(torch.stack(pixels)).numpy()
    golden = TESTS / "vision" / "golden" / "efficientnet_lite2.npz"
    golden.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        golden,
        names=np.array([path.name for path in paths]),
        pooled=grid.mean(axis=1).astype(np.float16),
        strength=grid.mean(axis=2),
    )
    print(f"{golden}: {golden.stat().st_size:,} bytes, {len(paths)} photos")


if __name__ == "__main__":
    main()
