"""Named random streams: every use of randomness has its own, and none carries state."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor


def stream(seed: int, *path: str | int) -> torch.Generator:
    """Return the generator for one use, such as `stream(7, "round", 3, "query")`."""
    digest = hashlib.sha256(repr((seed, *path)).encode()).digest()
    # Torch's CPU generator keeps only 32 bits of a seed, so more would be lost
    # silently. hash() would not do: it changes between processes.
    return torch.Generator().manual_seed(int.from_bytes(digest[:4], "big"))


@contextmanager
def forked(generator: torch.Generator) -> Generator[None]:
    """Run operations that take no generator, such as layer initialisation, on `generator`.

    The global CPU generator holds the state of `generator` inside and its own again afterwards;
    `generator` moves on by what was drawn.
    """
    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)


def on_device(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """Return a generator on `device` for the same stream; on a CPU it is the same one.

    An accelerator's draws differ from the CPU's. Only dropout masks are drawn there.
    """
    if device.type == "cpu":
        return generator
    return torch.Generator(device).manual_seed(generator.initial_seed())


def draw_seed(*, generator: torch.Generator) -> int:
    """Return a whole number in [0, 2⁶³), for what takes a seed and no generator."""
    return int(torch.randint(2**63 - 1, (), generator=generator, dtype=torch.int64))


def row_bytes(seed: int, rows: Tensor, width: int) -> Tensor:
    """Return `width` uniform bytes for each row, `(n, width)` uint8, that depend on nothing else.

    Neither the order of the rows nor those beside them matter: a hash of the seed, the row and
    the place, by the finaliser of SplitMix64 (Steele et al. 2014).

    Args:
        seed: In [0, 2⁶³).
        rows: `(n,)` int64, the numbers of the rows.
        width: Bytes a row.
    """
    words = (width + 7) // 8
    counters = rows.unsqueeze(1) * words + torch.arange(words)
    # int64 wraps around, as the hash wants it.
    z = counters * _signed(0x9E3779B97F4A7C15) + seed
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    z = z ^ _shifted(z, 31)
    return z.view(torch.uint8).view(len(rows), words * 8)[:, :width]


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def _shifted(z: Tensor, n: int) -> Tensor:
    """Return z shifted right by n with zeros coming in, which int64 alone would not do."""
    return (z >> n) & (2 ** (64 - n) - 1)
