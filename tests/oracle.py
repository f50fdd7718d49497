"""The layers written once more with torch, whose autograd is the oracle; only imported where torch is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812


def _swap_gates(weights: Tensor, order: list[int]) -> Tensor:
    """Our (D, gates * H) with columns in one order -> torch's (gates * H, D) with rows in another."""
    blocks = weights.T.chunk(len(order))
    return torch.cat([blocks[index] for index in order])


def rnn_forward(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor, activation: str = "tanh") -> Tensor:
    weights = [Wx.T.contiguous(), Wh.T.contiguous(), b, torch.zeros_like(b)]
    run = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
    return run(x, h0[None], weights, True, 1, 0.0, False, False, True)[0]


def lstm_forward(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor, c0: Tensor | None = None) -> Tensor:
    order = [0, 1, 3, 2]  # torch's gates are i, f, g, o
    c0 = torch.zeros_like(h0) if c0 is None else c0
    weights = [_swap_gates(Wx, order), _swap_gates(Wh, order), _swap_gates(b[None], order)[:, 0]]
    return torch.lstm(x, (h0[None], c0[None]), [*weights, torch.zeros_like(b)], True, 1, 0.0, False, False, True)[0]


def gru_forward(x: Tensor, h0: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    weights = [Wx.T.contiguous(), Wh.T.contiguous(), b, torch.zeros_like(b)]
    return torch.gru(x, h0[None], weights, True, 1, 0.0, False, False, True)[0]


def rnn_step_forward(x: Tensor, h: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor, activation: str = "tanh") -> Tensor:
    cell = torch.rnn_tanh_cell if activation == "tanh" else torch.rnn_relu_cell
    return cell(x, h, Wx.T, Wh.T, b, torch.zeros_like(b))


def lstm_step_forward(x: Tensor, h: Tensor, c: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    order = [0, 1, 3, 2]
    weights = [_swap_gates(Wx, order), _swap_gates(Wh, order), _swap_gates(b[None], order)[:, 0]]
    return torch.lstm_cell(x, (h, c), *weights, torch.zeros_like(b))


def gru_step_forward(x: Tensor, h: Tensor, Wx: Tensor, Wh: Tensor, b: Tensor) -> Tensor:
    return torch.gru_cell(x, h, Wx.T, Wh.T, b, torch.zeros_like(b))


def affine_forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.linear(x.flatten(1), w.T, b)


def temporal_affine_forward(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return F.linear(x, w.T, b)


def word_embedding_forward(x: Tensor, W: Tensor) -> Tensor:
    return F.embedding(x, W)


def attention_forward(q: Tensor, k: Tensor, v: Tensor, photo: np.ndarray, heads: int) -> Tensor:
    def split(x: Tensor) -> Tensor:
        return x.unflatten(-1, (heads, -1)).transpose(-3, -2)

    chosen = torch.tensor(photo)
    out = F.scaled_dot_product_attention(split(q[:, None]), split(k[chosen]), split(v[chosen]))
    return out.transpose(-3, -2).flatten(-2)[:, 0]


def temporal_softmax_loss(x: Tensor, y: Tensor, mask: Tensor, label_smoothing: float = 0.0) -> Tensor:
    total = F.cross_entropy(x[mask], y[mask], reduction="sum", label_smoothing=label_smoothing)
    return total / len(x)


def _one_bias(layer: str, arguments: list[Tensor]) -> list[Tensor]:
    """One bias for each caption, which torch lacks, as more inputs: a caption's own is 1, the others 0.

    The rows of the weights that they choose are the biases.
    """
    place = {"lstm_step": 5, "rnn": 4, "gru": 4, "lstm": 4, "rnn_step": 4, "gru_step": 4}.get(layer)
    if place is None or arguments[place].ndim == 1:
        return arguments
    x, Wx, b = arguments[0], arguments[place - 2], arguments[place]
    which = torch.eye(len(x), dtype=x.dtype)
    which = which if layer.endswith("_step") else which[:, None].expand(-1, x.shape[1], -1)
    changed = list(arguments)
    changed[0], changed[place - 2] = torch.cat([x, which], dim=-1), torch.cat([Wx, b])
    changed[place] = torch.zeros_like(b[0])
    return changed


def gradients(case: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What torch makes of a case (see `lab/cases.py`): the values, and the gradients of sum(up * value)."""
    fixed = [torch.tensor(array) for array in case.fixed]
    leaves = [torch.tensor(array, requires_grad=True) for array in case.args]
    forward, options = globals()[f"{case.layer}_forward"], dict(case.options)
    lengths = options.pop("lengths", None)
    result = forward(*fixed, *_one_bias(case.layer, leaves), **options)
    if lengths is not None:
        result = result * torch.tensor(np.arange(result.shape[1]) < lengths[:, None])[..., None]
    tensors = result if isinstance(result, tuple) else (result,)
    values = [tensor.detach().numpy() for tensor in tensors]
    ups = case.ups(values)
    grads = torch.autograd.grad(tensors, leaves, [torch.tensor(up) for up in ups])
    return values, [grad.numpy() for grad in grads]


def _scores(decoder: Any, p: dict[str, Tensor], features: Tensor, captions: Tensor, photo: np.ndarray) -> Tensor:
    """A `CaptionDecoder`'s scores (N, T, V), built from torch's layers with its weights `p`."""
    config, s = decoder.config, {name: torch.tensor(array) for name, array in decoder.statistics.items()}
    attention = config.attention_dim > 0
    v = ((features.mean(dim=1) if attention else features) - s["feature_mean"]) / s["feature_scale"]
    v, words_in = v[torch.tensor(photo)], captions[:, :-1]
    h0 = affine_forward(v, p["W_proj"], p["b_proj"])
    image = affine_forward(v, p["W_image"], p["b_image"])
    words = word_embedding_forward(words_in, p["W_embed"]) * (config.embed_dim**0.5 if attention else 1)
    x = torch.cat([words, image[:, None].expand_as(words)], dim=2)
    options = {"activation": config.activation} if config.cell == "rnn" else {}
    z = globals()[f"{config.cell}_forward"](x, h0, p["Wx"], p["Wh"], p["b"], **options)
    if attention:
        grid = (features - s["grid_mean"]) / s["grid_scale"]
        keys, values = grid @ p["W_key"], temporal_affine_forward(grid, p["W_value"], p["b_value"])
        query = temporal_affine_forward(z, p["W_query"], p["b_query"]).flatten(0, 1)
        context = attention_forward(query, keys, values, np.repeat(photo, z.shape[1]), config.heads)
        both = torch.cat([z, context.reshape(*z.shape[:2], -1)], dim=2)
        z = temporal_affine_forward(both, p["W_combine"], p["b_combine"]).tanh()
    return temporal_affine_forward(z, p["W_embed"].T if attention else p["W_vocab"], p["b_vocab"])


def decoder_gradients(
    decoder: Any, features: np.ndarray, captions: np.ndarray, photo: np.ndarray, label_smoothing: float
) -> dict[str, np.ndarray]:
    """The loss of a `CaptionDecoder`, and autograd's gradients by name."""
    p = {name: torch.tensor(array, requires_grad=True) for name, array in decoder.params.items()}
    words = torch.tensor(captions)
    scores = _scores(decoder, p, torch.tensor(features), words, photo)
    loss = temporal_softmax_loss(scores, words[:, 1:], words[:, 1:] != 0, label_smoothing)
    grads = torch.autograd.grad(loss, list(p.values()))
    return {"loss": loss.detach().numpy()} | {name: grad.numpy() for name, grad in zip(p, grads, strict=True)}


def word_gradients(decoder: Any, features: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What `attribution.word_gradients` promises, by autograd."""
    p = {name: torch.tensor(array) for name, array in decoder.params.items()}
    photo, caption = torch.tensor(features, requires_grad=True), torch.tensor(words)
    log_probs = _scores(decoder, p, photo[None], caption[None], np.array([0]))[0].log_softmax(dim=1)
    said = log_probs.gather(1, caption[1:, None])[:, 0]
    grads = [torch.autograd.grad(log_prob, photo, retain_graph=True)[0].numpy() for log_prob in said]
    return log_probs.detach().numpy(), np.stack(grads)
