"""How weights begin: the first of the three remedies for vanishing gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from showtell.errors import ShowtellError
from showtell.nn.choices import RecurrentInit
from showtell.nn.types import Array


def xavier(fan_in: int, fan_out: int, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Array:
    """Weights (fan_in, fan_out), uniform, of variance 2 / (fan_in + fan_out): signals and gradients keep their size.

    Glorot & Bengio 2010, equation 16.
    """
    bound = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype)


def orthogonal(size: int, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Array:
    """A random orthogonal matrix (size, size), uniform over all: multiplying by it keeps every norm.

    Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120).
    """
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    # With the signs of r's diagonal made positive, the distribution is uniform (Mezzadri 2007, arXiv:math-ph/0609050)
    weights: Array = (q * np.sign(np.diagonal(r))).astype(dtype)
    return weights


def recurrent(
    init: RecurrentInit, size: int, gates: int, rng: np.random.Generator, dtype: DTypeLike = np.float32
) -> Array:
    """Hidden-to-gates weights (size, gates * size), one block a gate.

    Args:
        init: `"orthogonal"`, `"xavier"`, or `"identity"`, which lets a ReLU network start as a memory
            (Le, Jaitly & Hinton 2015, arXiv:1504.00941).
        size: hidden width H.
        gates: number of blocks: 1 for the vanilla network, 3 for the GRU, 4 for the LSTM.
        rng: where the randomness comes from.
        dtype: of the result.

    Raises:
        ShowtellError: an init of another name.
    """
    if init == "orthogonal":
        blocks = [orthogonal(size, rng, dtype) for _ in range(gates)]
    elif init == "xavier":
        blocks = [xavier(size, size, rng, dtype) for _ in range(gates)]
    elif init == "identity":
        blocks = [np.eye(size, dtype=dtype) for _ in range(gates)]
    else:
        raise ShowtellError(f"init is {init!r}, expected 'orthogonal', 'xavier' or 'identity'")
    return np.concatenate(blocks, axis=1)
