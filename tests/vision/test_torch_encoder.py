from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra tune")
pytest.importorskip("onnx", reason="needs the extra tune")

import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from showtell.errors import ModelError
from showtell.vision.torch_encoder import WEIGHT_LEVEL, TorchEncoder

pytestmark = pytest.mark.oracle

SIDE, WIDTH = 12, 6


def small_encoder(*, clip: float = 6.0) -> bytes:
    """A network of every operator that an encoder has: pixels (N, 3, 12, 12) -> grid (N, 9, 6)."""
    rng = np.random.default_rng(0)
    constants = {
        "W0": 0.8 * rng.standard_normal((4, 3, 3, 3)),
        "W1": 0.8 * rng.standard_normal((4, 1, 3, 3)),
        "W2": 0.8 * rng.standard_normal((4, 4, 1, 1)),
        "W3": 0.8 * rng.standard_normal((WIDTH, 4, 1, 1)),
        **{f"b{n}": 0.3 * rng.standard_normal(WIDTH if n == 3 else 4) for n in range(4)},
    }
    constants["W1"][2] = 0  # a channel without weights has its bias
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()]
    tensors += [numpy_helper.from_array(np.float32(value), name) for name, value in (("low", 0), ("high", clip))]
    tensors += [numpy_helper.from_array(np.array([0, 0, -1], np.int64), "flat")]

    def convolution(x: str, number: int, y: str, side: int, **attributes: object) -> onnx.NodeProto:
        kinds = {"dilations": [1, 1], "kernel_shape": [side, side], "strides": [1, 1], "pads": [0] * 4, "group": 1}
        return helper.make_node("Conv", [x, f"W{number}", f"b{number}"], [y], **(kinds | attributes))

    nodes = [
        # TensorFlow's padding of a step of 2: more at the end than at the beginning
        convolution("pixels", 0, "a.0", 3, strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["a.0", "low", "high"], ["a.1"]),
        convolution("a.1", 1, "b.0", 3, pads=[1, 1, 1, 1], group=4),
        helper.make_node("Clip", ["b.0", "low", "high"], ["b.1"]),
        convolution("b.1", 2, "c.0", 1),
        helper.make_node("Add", ["a.1", "c.0"], ["c.1"]),
        convolution("c.1", 3, "d.0", 1, strides=[2, 2]),
        helper.make_node("Clip", ["d.0", "low", "high"], ["d.1"]),
        helper.make_node("Reshape", ["d.1", "flat"], ["e"]),
        helper.make_node("Transpose", ["e"], ["grid"], perm=[0, 2, 1]),
    ]
    ends = [
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE]),
        helper.make_tensor_value_info("grid", TensorProto.FLOAT, ["N", 9, WIDTH]),
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def pixels(count: int, seed: int = 0) -> torch.Tensor:
    whole = np.random.default_rng(seed).integers(0, 256, (count, 3, SIDE, SIDE))
    return torch.from_numpy(((whole - 127) / 128).astype(np.float32))


def run(model: bytes, x: torch.Tensor, *, exactly: bool = True) -> np.ndarray:
    """What ONNX Runtime makes of it, node by node or as fast as it can."""
    options = onnxruntime.SessionOptions()
    if exactly:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    grid: np.ndarray = session.run(["grid"], {"pixels": x.numpy()})[0]
    return grid


def test_it_computes_what_the_file_says() -> None:
    model = small_encoder()
    network = TorchEncoder(model)
    assert network.side == SIDE
    np.testing.assert_allclose(network(pixels(3)).detach(), run(model, pixels(3)), atol=1e-5)


def test_its_file_is_what_it_computes() -> None:
    network = TorchEncoder(small_encoder())
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(1.1)
    np.testing.assert_allclose(run(network.to_onnx(), pixels(3)), network(pixels(3)).detach(), atol=1e-5)
    assert network.to_onnx() == network.to_onnx()


def test_weights_and_gains_learn() -> None:
    network = TorchEncoder(small_encoder())
    network(pixels(3)).sum().backward()
    for name, value in network.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        assert value.grad.abs().sum() > 0, name


def test_the_first_convolutions_may_stay_as_they_are() -> None:
    whole, part = TorchEncoder(small_encoder()), TorchEncoder(small_encoder(), learning=2)
    for network in (whole, part):
        network(pixels(3)).square().sum().backward()
    first, last = list(part.convolutions)[:-2], list(part.convolutions)[-2:]
    assert first
    for name in last:
        for ours, theirs in zip(
            part.convolutions[name].parameters(), whole.convolutions[name].parameters(), strict=True
        ):
            torch.testing.assert_close(ours.grad, theirs.grad)
    assert all(value.grad is None for name in first for value in part.convolutions[name].parameters())
    assert TorchEncoder(small_encoder(), learning=99)(pixels(1)).requires_grad


def test_its_integers_are_those_that_it_was_trained_with() -> None:
    network = TorchEncoder(small_encoder())
    before = network(pixels(8)).detach()
    network.quantize([pixels(16, seed) for seed in (1, 2)])
    rounded = network(pixels(8)).detach().numpy()
    assert 0 < np.linalg.norm(rounded - before.numpy()) < 0.1 * np.linalg.norm(before)
    step = max((high - low) / 255 for low, high in network.ranges.values())
    model = network.to_onnx()
    for exactly in (True, False):
        found = run(model, pixels(8), exactly=exactly)
        # a sum that lies between two integers may be rounded either way
        assert np.mean(np.abs(found - rounded) > 1e-5) < 0.02, exactly
        assert np.abs(found - rounded).max() < 3 * step, exactly


def test_weights_have_7_bits() -> None:
    """So that no processor's sum of two products of 8 bits exceeds 16."""
    network = TorchEncoder(small_encoder())
    network.quantize([pixels(8)])
    stored = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load_from_string(network.to_onnx()).graph.initializer
    }
    weights = [array for name, array in stored.items() if name.endswith("weight.integers")]
    assert len(weights) == 4
    for array in weights:
        assert array.dtype == np.int8
        assert np.abs(array.astype(int)).max() <= WEIGHT_LEVEL == 63


def test_rounding_lets_gradients_through() -> None:
    network = TorchEncoder(small_encoder())
    network.quantize([pixels(8)])
    network(pixels(4)).sum().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_a_network_that_cannot_learn_here_is_an_error() -> None:
    with pytest.raises(ModelError, match="operator Clip"):
        TorchEncoder(small_encoder(clip=5.0))
