"""Named random streams: each use of randomness has its own, without shared state."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor

from alsim.shuffling import seed_of


def stream(seed: int, *path: str | int) -> torch.Generator:
    """Return the generator for one use, such as `stream(7, "round", 3, "query")`."""
    return torch.Generator().manual_seed(seed_of(seed, *path))


@contextmanager
def forked(generator: torch.Generator) -> Generator[None]:
    """Run operations that take no generator, such as layer initialisation, on `generator`.

    Inside, the global CPU generator has the state of `generator`; afterwards its own is restored.
    `generator` advances by the numbers drawn.
    """
    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)


def on_device(generator: torch.Generator, device: torch.device) -> torch.Generator:
    """Return a generator on `device` for the same stream; on a CPU, the same generator.

    An accelerator's draws differ from the CPU's. Only dropout masks are drawn there.
    """
    if device.type == "cpu":
        return generator
    return torch.Generator(device).manual_seed(generator.initial_seed())


def draw_seed(*, generator: torch.Generator) -> int:
    """Return an integer in [0, 2⁶³), for functions that take a seed instead of a generator."""
    return int(torch.randint(2**63 - 1, (), generator=generator, dtype=torch.int64))


def row_bytes(seed: int, rows: Tensor, width: int) -> Tensor:
    """Return `width` uniform bytes for each row, `(n, width)` uint8; `rows` are its numbers, int64.

    A row's bytes depend on the seed, in [0, 2⁶³), and the row alone, not on the other rows or their
    order: they are a hash of seed, row and position, by the finaliser of SplitMix64 (Steele et al.
    2014).
    """
    words = (width + 7) // 8
    counters = rows.unsqueeze(1) * words + torch.arange(words)
    # int64 wraps around, as the hash requires.
    z = counters * _signed(0x9E3779B97F4A7C15) + seed
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    z = z ^ _shifted(z, 31)
    return z.view(torch.uint8).view(len(rows), words * 8)[:, :width]


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


def _shifted(z: Tensor, n: int) -> Tensor:
    """Return z shifted right by n, filled with zeros, as for unsigned integers."""
    return (z >> n) & (2 ** (64 - n) - 1)
