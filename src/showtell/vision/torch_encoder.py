"""A trainable encoder: its ONNX file as a torch module, and export back to ONNX. Needs the extra `tune`.

The convolutions' batch norms are folded already. Each convolution learns a direction and a gain for each of its
output channels, which is what a batch norm in evaluation mode with learnt scales comes to; all directions of a
convolution begin with the same root mean square, so that no channel moves faster than others.

Quantization-aware training (Jacob et al. 2018, arXiv:1712.05877): once `quantize` was called, weights are rounded to
7 bits, per output channel, and activations to 8, per tensor, with straight-through gradients. 7 bits, because
processors without VNNI add two products of 8 bits in 16, which 8-bit weights overflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.functional import conv2d

from showtell.errors import ModelError

WEIGHT_LEVEL = 63
"""The largest integer of a weight, 7 bits."""
_LEVELS = 255
_SMALL = 20_000
# Shares of an activation's greatest value that are tried as the end of its range
_SHARES = np.linspace(0.3, 1.0, 29)


class Convolution(nn.Module):
    """One convolution of the graph, its weights as gain times direction."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray, attributes: dict[str, Any]) -> None:
        super().__init__()
        weight = torch.from_numpy(weights.astype(np.float32))
        norms = weight.flatten(1).norm(dim=1).clamp(min=1e-8)
        common = norms.square().mean().sqrt()
        gain = norms / common
        direction = weight / gain[:, None, None, None]
        self.direction = nn.Parameter(direction.contiguous(memory_format=torch.channels_last))
        self.gain = nn.Parameter(gain)
        self.bias = nn.Parameter(torch.from_numpy(bias.astype(np.float32)))
        self.stride, self.groups = tuple(attributes["strides"]), int(attributes.get("group", 1))
        top, left, bottom, right = attributes["pads"]
        self.padding = (left, right, top, bottom)

    @property
    def weight(self) -> Tensor:
        """What the pixels are multiplied by, (O, I, h, w), not rounded."""
        return self.direction * self.gain[:, None, None, None]

    def scales(self, step: float) -> Tensor:
        """The value of one step of each output channel's integers, (O,), if one step of the inputs' is `step`.

        A channel without weights has its bias, which must be a 32-bit number of steps of both.
        """
        greatest = self.weight.detach().flatten(1).abs().amax(dim=1) / WEIGHT_LEVEL
        return torch.maximum(greatest, self.bias.detach().abs() / (step * 2**30)).clamp(min=1e-8)

    def forward(self, x: Tensor, step: float | None = None) -> Tensor:
        """(N, I, y, x) -> (N, O, y', x'); weights and bias are rounded if `step`, of the integers of x, is given."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if step is not None:
            scales = self.scales(step)
            zeros = torch.zeros(len(weight), dtype=torch.int32, device=weight.device)
            weight = torch.fake_quantize_per_channel_affine(weight, scales, zeros, 0, -WEIGHT_LEVEL, WEIGHT_LEVEL)
            of_sums = scales * step
            bias = bias + (torch.round(bias / of_sums) * of_sums - bias).detach()
        left, right, top, bottom = self.padding
        if left != right or top != bottom:
            x, left, top = nn.functional.pad(x, self.padding), 0, 0
        return conv2d(x, weight, bias, self.stride, (top, left), groups=self.groups)


class TorchEncoder(nn.Module):
    """The network of an encoder's file: pixels (N, 3, S, S) in, the grid (N, P, F) out.

    Args:
        model: the file's content.
        learning: how many of its convolutions learn, the last ones in the graph's order; 0: all. What comes before the
            first of them is computed without gradients.

    Attributes:
        ranges: of each activation that is rounded, by its name in the graph: where its range begins and ends.

    Raises:
        ModelError: the file has other operators than convolutions, clips at 0 and 6, and sums.
    """

    def __init__(self, model: bytes, learning: int = 0) -> None:
        super().__init__()
        self.graph = onnx.load_from_string(model)
        known = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.graph.initializer}
        self.convolutions: dict[str, Convolution] = {}
        self._steps: list[tuple[str, list[str], str]] = []
        for node in self.graph.graph.node:
            attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            inputs, (output,) = list(node.input), node.output
            match node.op_type:
                case "Constant":
                    known[output] = numpy_helper.to_array(attributes["value"])
                case "Cast" if inputs[0] in known:
                    known[output] = known[inputs[0]].astype(np.float32)
                case "Conv":
                    if any(step != 1 for step in attributes.get("dilations", [])):
                        raise ModelError(f"tuning: {output} is a dilated convolution, which cannot be trained here")
                    layer = Convolution(known[inputs[1]], known[inputs[2]], attributes)
                    self.add_module(_key(output), layer)
                    self.convolutions[output] = layer
                    self._steps.append(("conv", inputs[:1], output))
                case "Clip" if [float(known[name]) for name in inputs[1:]] == [0, 6]:
                    self._steps.append(("clip", inputs[:1], output))
                case "Add":
                    self._steps.append(("add", inputs, output))
                case "Reshape":
                    self._steps.append(("positions", inputs[:1], output))
                case "Transpose" if output == "grid":
                    self._steps.append(("grid", inputs, output))
                case other:
                    raise ModelError(f"tuning: the encoder has the operator {other}, which cannot be trained here")
        self.ranges: dict[str, tuple[float, float]] = {}
        outputs = [output for kind, _, output in self._steps if kind == "conv"]
        fixed = outputs[:-learning] if learning else []
        for output in fixed:
            self.convolutions[output].requires_grad_(False)
        self._fixed_steps = 1 + max([i for i, step in enumerate(self._steps) if step[2] in fixed], default=-1)

    @property
    def quantized(self) -> bool:
        """Whether weights and activations are rounded."""
        return bool(self.ranges)

    @property
    def side(self) -> int:
        """S, the pixels of a side of a photo."""
        side: int = self.graph.graph.input[0].type.tensor_type.shape.dim[-1].dim_value
        return side

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (N, 3, S, S), as the encoder gets them, to the grid (N, P, F)."""
        return self._run(pixels)["grid"]

    def quantize(self, batches: Iterable[Tensor]) -> None:
        """Round weights and activations from now on; the ranges of activations are those with the least square error.

        Args:
            batches: pixels of some photos, (N, 3, S, S) each, such as the training set's.
        """
        histograms: dict[str, np.ndarray] = {}
        with torch.no_grad():
            for pixels in batches:
                found = self._run(pixels)
                for name in self._rounded():
                    values = found[name].float().flatten()
                    sample = values[:: max(1, len(values) // 50_000)].cpu().numpy()
                    ends = np.array([values.min().item(), values.max().item()], np.float32)
                    histograms[name] = np.concatenate([histograms.get(name, sample[:0]), sample, ends])
        self.ranges = {name: _best_range(values) for name, values in histograms.items()}

    def _rounded(self) -> list[str]:
        """The activations that a file of integers rounds: what a convolution or a sum gives, after its clip."""
        clipped = {inputs[0] for kind, inputs, _ in self._steps if kind == "clip"}
        return [output for kind, _, output in self._steps if kind in ("conv", "clip", "add") and output not in clipped]

    def _run(self, pixels: Tensor) -> dict[str, Tensor]:
        values = {"pixels": pixels}
        steps = {name: _affine(ends)[0] for name, ends in self.ranges.items()}
        steps |= {"pixels": 1 / 128} if steps else {}
        with torch.no_grad():
            for step in self._steps[: self._fixed_steps]:
                self._take(step, values, steps)
        for step in self._steps[self._fixed_steps :]:
            self._take(step, values, steps)
        return values

    def _take(self, step: tuple[str, list[str], str], values: dict[str, Tensor], steps: Mapping[str, float]) -> None:
        kind, inputs, output = step
        x = values[inputs[0]]
        match kind:
            case "conv":
                y = self.convolutions[output](x, steps.get(inputs[0]))
            case "clip":
                y = x.clamp(0, 6)
            case "add":
                y = x + values[inputs[1]]
            case "positions":
                y = x.flatten(2)
            case _:
                y = x.transpose(1, 2)
        if output in steps:
            scale, zero = _affine(self.ranges[output])
            y = torch.fake_quantize_per_tensor_affine(y, scale, zero, 0, _LEVELS)
        values[output] = y

    def to_onnx(self) -> bytes:
        """The encoder's file with the weights as they are: of integers (QDQ) once `quantize` was called, else float16.

        The integers' file holds 8-bit activations without sign and 7-bit weights per channel, between
        QuantizeLinear and DequantizeLinear nodes that ONNX Runtime turns into integer arithmetic.
        """
        model = onnx.ModelProto()
        model.CopyFrom(self.graph)
        graph = model.graph
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        writer = _Integers(graph) if self.quantized else _Floats(graph)
        writer.begin("pixels")
        clips = {inputs[0]: output for kind, inputs, output in self._steps if kind == "clip"}
        for kind, inputs, output in self._steps:
            match kind:
                case "conv":
                    writer.convolution(self.convolutions[output], inputs[0], output)
                    if output not in clips:
                        writer.activation(output, self.ranges.get(output))
                case "clip":
                    writer.clip(inputs[0], output)
                    writer.activation(output, self.ranges.get(output))
                case "add":
                    writer.add(inputs, output)
                    writer.activation(output, self.ranges.get(output))
                case "positions":
                    writer.positions(inputs[0], output)
                case _:
                    writer.grid(inputs[0], output)
        onnx.checker.check_model(model, full_check=True)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


class _Floats:
    """Writes the graph in float32 arithmetic; large weights are stored as float16."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constant("zero", np.float32(0))
        self.constant("six", np.float32(6))
        self.constant("flat", np.array([0, 0, -1], np.int64))

    def constant(self, name: str, value: Any) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.graph.node.append(helper.make_node(kind, inputs, [output], **attributes))

    def begin(self, name: str) -> None:
        """Nothing to do before the pixels are used."""

    def convolution(self, layer: Convolution, x: str, y: str) -> None:
        weight = layer.weight.detach().cpu().numpy()
        name = f"{y}.weight"
        if weight.size > _SMALL:
            self.constant(f"{name}.float16", weight.astype(np.float16))
            self.node("Cast", [f"{name}.float16"], name, to=TensorProto.FLOAT)
        else:
            self.constant(name, weight)
        bias = self.constant(f"{y}.bias", layer.bias.detach().cpu().numpy())
        self.node("Conv", [x, name, bias], y, **_attributes(layer))

    def clip(self, x: str, y: str) -> None:
        self.node("Clip", [x, "zero", "six"], y)

    def add(self, x: Sequence[str], y: str) -> None:
        self.node("Add", x, y)

    def activation(self, name: str, ends: tuple[float, float] | None) -> None:
        """Nothing is rounded."""

    def positions(self, x: str, y: str) -> None:
        self.node("Reshape", [x, "flat"], y)

    def grid(self, x: str, y: str) -> None:
        self.node("Transpose", [x], y, perm=[0, 2, 1])


class _Integers(_Floats):
    """Writes the graph with integers between QuantizeLinear and DequantizeLinear nodes."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        super().__init__(graph)
        self.scales: dict[str, float] = {}
        self.read: dict[str, str] = {}

    def begin(self, name: str) -> None:
        # (byte - 127) / 128: the photo's bytes themselves
        self._pair(name, 1 / 128, 127)

    def activation(self, name: str, ends: tuple[float, float] | None) -> None:
        assert ends is not None
        self._pair(name, *_affine(ends))

    def _pair(self, name: str, scale: float, zero: int) -> None:
        ends = [self.constant(f"{name}.scale", np.float32(scale)), self.constant(f"{name}.zero", np.uint8(zero))]
        self.node("QuantizeLinear", [name, *ends], f"{name}.integers")
        self.node("DequantizeLinear", [f"{name}.integers", *ends], f"{name}.rounded")
        self.read[name], self.scales[name] = f"{name}.rounded", float(np.float32(scale))

    def convolution(self, layer: Convolution, x: str, y: str) -> None:
        scales = layer.scales(self.scales[x]).cpu().numpy()
        weight = np.rint(layer.weight.detach().cpu().numpy() / scales[:, None, None, None])
        scale = self.constant(f"{y}.weight.scale", scales)
        integers = self.constant(f"{y}.weight.integers", weight.clip(-WEIGHT_LEVEL, WEIGHT_LEVEL).astype(np.int8))
        zeros = self.constant(f"{y}.weight.zero", np.zeros(len(scales), np.int8))
        self.node("DequantizeLinear", [integers, scale, zeros], f"{y}.weight", axis=0)
        of_sum = (scales * np.float32(self.scales[x])).astype(np.float32)
        bias = np.rint(layer.bias.detach().cpu().numpy().astype(np.float64) / of_sum)
        sums = self.constant(f"{y}.bias.scale", of_sum)
        integers = self.constant(f"{y}.bias.integers", bias.clip(-(2**31), 2**31 - 1).astype(np.int32))
        none = self.constant(f"{y}.bias.zero", np.zeros(len(scales), np.int32))
        self.node("DequantizeLinear", [integers, sums, none], f"{y}.bias", axis=0)
        self.node("Conv", [self.read[x], f"{y}.weight", f"{y}.bias"], y, **_attributes(layer))

    def add(self, x: Sequence[str], y: str) -> None:
        super().add([self.read[name] for name in x], y)

    def positions(self, x: str, y: str) -> None:
        super().positions(self.read.get(x, x), y)


def _attributes(layer: Convolution) -> dict[str, Any]:
    left, right, top, bottom = layer.padding
    return {
        "group": layer.groups,
        "kernel_shape": list(layer.direction.shape[2:]),
        "pads": [top, left, bottom, right],
        "strides": list(layer.stride),
    }


def _affine(ends: tuple[float, float]) -> tuple[float, int]:
    """Scale and zero point of 8-bit integers for a range that holds 0; 0 itself is exact."""
    low, high = min(ends[0], 0.0), max(ends[1], 0.0)
    scale = float(np.float32(max(high - low, 1e-6) / _LEVELS))
    return scale, min(max(round(-low / scale), 0), _LEVELS)


def _best_range(values: np.ndarray) -> tuple[float, float]:
    """The range with the least square error of rounding, among shares of the whole one."""

    def error(share: float) -> float:
        scale, zero = _affine((share * low, share * high))
        rounded = (np.clip(np.rint(values / scale) + zero, 0, _LEVELS) - zero) * scale
        return float(np.square(rounded - values).mean())

    low, high = float(values.min()), float(values.max())
    share = float(min(_SHARES, key=error)) if math.isfinite(low) and math.isfinite(high) else 1.0
    return share * low, share * high


def _key(name: str) -> str:
    """A graph's name as one of torch's, which holds no dot."""
    return name.replace(".", "-")
