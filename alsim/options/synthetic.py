"""What can be chosen about made-up pools."""

from dataclasses import dataclass
from typing import ClassVar

from alsim.options.option import Range, option

ROWS = 100_000_000
_WIDTH = Range(least=1, most=1 << 14)
_SHARE = Range(least=0, below=1)


@dataclass(frozen=True)
class VkOptions:
    """How a VK-like pool is made. Shares lie in [0, 1)."""

    heading: ClassVar = "Pool"

    n_rows: int = option(20_000, "Posts.", flag="--rows", within=Range(least=1, most=ROWS))
    picture_width: int = option(128, "Width of a picture embedding.", within=_WIDTH)
    text_width: int = option(64, "Width of a text embedding.", within=_WIDTH)
    n_classes: int = option(
        50,
        "Topics, long-tailed, in related groups.",
        flag="--classes",
        within=Range(least=2, most=10_000),
    )
    noise: float = option(
        1.0, "Factor on all noise in the embeddings.", within=Range(least=0, most=100)
    )
    # Labels drawn anew; a few of them hit the truth.
    label_noise: float = option(0.06, "Share of wrong labels.", within=_SHARE)
    absent_picture: float = option(0.2, "Share of posts without a picture.", within=_SHARE)
    absent_text: float = option(0.15, "Share of posts without a text.", within=_SHARE)
    dull_picture: float = option(0.15, "Share of pictures unrelated to the topic.", within=_SHARE)
    dull_text: float = option(0.06, "Share of texts unrelated to the topic.", within=_SHARE)
    test: float = option(0.2, "Share of test rows.", within=_SHARE)
    seed: int = option(0, "Seed; the same one gives the same pool.")


@dataclass(frozen=True)
class MmoeOptions:
    """How a pool of two related tasks is made. One row in twelve is validation, and one test."""

    heading: ClassVar = "Pool"

    correlation: float = option(
        0.5, "Cosine of the tasks' weights, from -1 to 1.", within=Range(least=-1, most=1)
    )
    n_rows: int = option(
        12_000,
        "Rows: ten in twelve train, one validation, one test.",
        flag="--rows",
        within=Range(least=12, most=ROWS),
    )
    width: int = option(100, "Width of the input, at least 2.", within=Range(least=2, most=1 << 14))
    scale: float = option(0.3, "Length of the tasks' weights.", within=Range(least=0, most=1000))
    n_sines: int = option(
        5, "Sines that make the targets curved.", flag="--sines", within=Range(least=0, most=1000)
    )
    seed: int = option(0, "Seed; the same one gives the same pool.")
