"""A whole training step of the captioner against PyTorch's.

`python benchmarks/training_step.py [--one-thread] [--json]`, with the extra `oracle`.

Batch 128, E 256, H 512, dropout 0.5, label smoothing 0.1, gradient norm clipped, Adam; batches of captions of like
length, as many words as Flickr8k's have. PyTorch runs the same network in two ways: on padded batches, and packed with
the loss on real words alone; the better one is the peer. Both precisions: its bfloat16 is autocast.
"""

from __future__ import annotations

import sys

import harness  # first: it sets the threads
import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from showtell.captioning.config import DecoderConfig
from showtell.captioning.decoder import CaptionDecoder
from showtell.captioning.parameters import initialize
from showtell.text.vocabulary import END, PAD, START
from showtell.training.adam import Adam, clip_scale, gradient_norm

N, F, E, H, DROPOUT, SMOOTHING, CLIP, RATE = 128, 1280, 256, 512, 0.5, 0.1, 5.0, 1e-3
BATCHES = 3


class Peer(nn.Module):
    """The decoder of `showtell.captioning.decoder` in PyTorch."""

    def __init__(self, V: int) -> None:
        super().__init__()
        self.project, self.show, self.embed = nn.Linear(F, H), nn.Linear(F, E), nn.Embedding(V, E)
        self.lstm, self.words = nn.LSTM(2 * E, H, batch_first=True), nn.Linear(H, V)
        self.drop = nn.Dropout(DROPOUT)

    def loss(self, features: torch.Tensor, captions: torch.Tensor, lengths: torch.Tensor, packed: bool) -> torch.Tensor:
        h0 = self.project(features)[None]
        words = self.drop(self.embed(captions[:, :-1]))
        shown = self.drop(self.show(features))[:, None].expand_as(words)
        x, target = torch.cat([words, shown], dim=2), captions[:, 1:]
        state = (h0, torch.zeros_like(h0))
        if packed:
            run = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            state = tuple(part.index_select(1, run.sorted_indices) for part in state)
            out, _ = nn.LSTM.forward(self.lstm, run._replace(sorted_indices=None, unsorted_indices=None), state)
            target = pack_padded_sequence(target, lengths, batch_first=True, enforce_sorted=False).data
            scores = self.words(self.drop(out.data))
        else:
            out, _ = self.lstm(x, state)
            scores, target = self.words(self.drop(out)).flatten(0, 1), target.flatten()
        total = nn.functional.cross_entropy(
            scores, target, ignore_index=PAD, reduction="sum", label_smoothing=SMOOTHING
        )
        return total / len(captions)


def captions_of(lengths: np.ndarray, V: int, rng: np.random.Generator) -> np.ndarray:
    captions = np.full((len(lengths), lengths.max() + 2), PAD)
    for row, length in zip(captions, lengths, strict=True):
        row[: length + 2] = [START, *rng.integers(4, V, length), END]
    return captions


def step(V: int, peak: float, peak_of_pairs: float) -> list[harness.Result]:
    rng = np.random.default_rng(0)
    # Flickr8k's captions have 10.8 words in the mean, 99 % at most 22; batches hold captions of like length
    lengths = np.sort(np.clip(rng.gamma(7.5, 10.8 / 7.5, 60 * N).round().astype(int), 3, 20))
    chosen = rng.permutation(60)[:BATCHES]
    batches = [captions_of(lengths[batch * N : (batch + 1) * N], V, rng) for batch in chosen]
    words = sum(int((batch[:, 1:] != PAD).sum()) for batch in batches)
    features = rng.standard_normal((N, F), np.float32)
    config = DecoderConfig(V, F, E, H)
    decoders = {
        name: CaptionDecoder(config, initialize(config, np.random.default_rng(0)), precision=name)
        for name in ("float32", "bf16")
    }
    adams = {name: Adam(decoder.params) for name, decoder in decoders.items()}

    def ours(precision: str = "float32") -> None:
        decoder, adam = decoders[precision], adams[precision]
        for captions in batches:
            _, grads = decoder.loss(features, captions, dropout=DROPOUT, label_smoothing=SMOOTHING, rng=rng)
            adam.update(decoder.params, grads, RATE, clip_scale(gradient_norm(grads), CLIP))

    peer = Peer(V)
    optimizer = torch.optim.Adam(peer.parameters(), lr=RATE, fused=True)
    photos = torch.tensor(features)
    tensors = [(torch.tensor(batch), torch.tensor((batch[:, 1:] != PAD).sum(axis=1))) for batch in batches]

    def theirs(packed: bool, half: bool) -> None:
        for captions, lengths in tensors:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                loss = peer.loss(photos, captions, lengths, packed)
            loss.backward()
            nn.utils.clip_grad_norm_(peer.parameters(), CLIP)
            optimizer.step()

    # what the mathematics needs: of each word its input, its state, its scores; of each photo its two projections
    # and what it adds to the gates; forward, and twice backward (no gradient of the features)
    flops = 6.0 * words * ((E + H) * 4 * H + H * V) + BATCHES * N * (4.0 * F * (E + H) + 6.0 * E * 4 * H)
    work = f"step N{N} E{E} H{H} V{V}, {words / BATCHES:.0f} words"
    results = [
        harness.compare(
            work + suffix,
            f"PyTorch, {name}{suffix}",
            lambda precision=precision: ours(precision),
            lambda packed=packed, half=precision == "bf16": theirs(packed, half),
            flops=flops,
            peak_flops=peak_flops,
        )
        for precision, suffix, peak_flops in (("float32", "", peak), ("bf16", ", bf16", peak_of_pairs))
        for name, packed in (("padded", False), ("packed", True))
    ]
    pairs = harness.compare(
        f"{work}, bf16", "ours, float32", lambda: ours("bf16"), ours, flops=flops, peak_flops=peak_of_pairs
    )
    for found in (*results, pairs):
        ours_rate, peer_rate = words / found.ours_s, words / found.peer_s
        print(f"{found.work}: {ours_rate:,.0f} words/s, {found.peer}: {peer_rate:,.0f}", file=sys.stderr)
    return [*results, pairs]


def main() -> None:
    torch.set_num_threads(harness.THREADS)
    peaks = harness.peak(), harness.peak("bf16")
    harness.report([result for V in (3000, 10000) for result in step(V, *peaks)])


if __name__ == "__main__":
    main()
