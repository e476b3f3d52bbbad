"""Rows in a random order, drawn as torch draws them but without importing it, which is slow."""

import hashlib

import numpy as np
from numpy.typing import NDArray


def seed_of(seed: int, *path: str | int) -> int:
    """Return what seeds the generator for one use, in [0, 2³²)."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    # Torch's CPU generator keeps only 32 bits of a seed, so more would be lost
    # silently. hash() would not do: it changes between processes.
    return int.from_bytes(digest[:4], "big")


def twister(seed: int, *path: str | int) -> np.random.RandomState:
    """Return a generator that yields the same bits as `seeding.stream(seed, *path)`."""
    return np.random.RandomState(seed_of(seed, *path))


def permutation(n: int, *, generator: np.random.RandomState) -> NDArray[np.int64]:
    """Return 0 … n − 1 in a random order, `(n,)`, the same as torch's `randperm`.

    Torch swaps place i with i + z mod (n − i) for i = 0 … n − 2, where z is the next 32 bits of
    the Mersenne Twister. Above 2³²/20 rows it draws otherwise.
    """
    places = np.arange(max(n - 1, 0))
    bits = np.frombuffer(generator.bytes(4 * len(places)), "<u4")
    order = list(range(n))
    for i, j in enumerate((places + bits % (n - places)).tolist()):
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.int64)
