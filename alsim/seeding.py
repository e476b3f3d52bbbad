"""Named random streams: every use of randomness has its own, and none carries state."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import torch


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
