"""Write the golden files: torch's values and gradients. `python tests/make_golden.py`, where torch is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import oracle  # noqa: E402
from showtell.lab.cases import CASES  # noqa: E402
from showtell.lab.decoder_cases import KINDS, draw_captions, draw_decoder  # noqa: E402


def layers() -> dict[str, np.ndarray]:
    arrays = {}
    for case in CASES:
        if 0 not in case.args[0].shape:
            values, grads = oracle.gradients(case)
            arrays |= {f"{case.name}/value{index}": value for index, value in enumerate(values)}
            arrays |= {f"{case.name}/grad{index}": grad for index, grad in enumerate(grads)}
    return arrays


def decoders() -> dict[str, np.ndarray]:
    arrays = {}
    for kind in KINDS:
        decoder, (features, captions, photo) = draw_decoder(*kind), draw_captions(kind[-1])
        found = oracle.decoder_gradients(decoder, features, captions, photo, label_smoothing=0.1)
        of_words = oracle.word_gradients(decoder, features[1], captions[3])
        found |= {f"words/{name}": array for name, array in zip(("log_probs", "features"), of_words, strict=True)}
        arrays |= {f"{'-'.join(map(str, kind))}/{name}": array for name, array in found.items()}
    return arrays


def main() -> None:
    golden = {
        HERE / "nn" / "functional" / "golden" / "layers.npz": layers(),
        HERE / "captioning" / "golden" / "decoder.npz": decoders(),
    }
    for path, arrays in golden.items():
        path.parent.mkdir(exist_ok=True)
        np.savez_compressed(path, **arrays)
        print(f"{path}: {len(arrays)} arrays, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
