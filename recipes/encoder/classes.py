"""Write the classifier that the encoder was published with: weights in float16, and the names of its classes.

    pip install . --group export
    python recipes/encoder/classes.py           # replaces src/showtell/models/imagenet_classes.safetensors

The names, one a line in `imagenet_classes.txt`, are the first or the plainest of each class's in WordNet.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from export import DESTINATION, load_network
from safetensors.numpy import save

from showtell._util.files import write_atomically
from showtell.vision.encoder import Encoder

NAMES = Path(__file__).with_name("imagenet_classes.txt")


def main() -> None:
    classifier = load_network().get_submodule("_fc")
    tensors = {
        "W": np.ascontiguousarray(classifier.weight.detach().numpy().T.astype(np.float16)),
        "b": classifier.bias.detach().numpy(),
    }
    names = NAMES.read_text(encoding="utf-8").splitlines()
    if tensors["W"].shape[1] != len(names):
        raise ValueError(f"{NAMES} has {len(names)} names, expected one for each of {tensors['W'].shape[1]} classes")
    header = {"encoder": Encoder().identity, "names": names}
    destination = DESTINATION.with_name("imagenet_classes.safetensors")
    write_atomically(destination, save(tensors, {"showtell": json.dumps(header)}))
    print(f"{destination}: {destination.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
