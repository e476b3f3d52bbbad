"""What can be chosen about made-up pools."""

from dataclasses import dataclass
from typing import ClassVar

from alsim.options.option import option


@dataclass(frozen=True)
class VkOptions:
    """How a VK-like pool is made. Shares lie in [0, 1)."""

    heading: ClassVar = "Pool"

    n_rows: int = option(20_000, "Posts.", flag="--rows")
    picture_width: int = option(128, "Width of a picture embedding.")
    text_width: int = option(64, "Width of a text embedding.")
    n_classes: int = option(50, "Topics, long-tailed, in related groups.", flag="--classes")
    noise: float = option(1.0, "Factor on all noise in the embeddings.")
    # Labels drawn anew; a few of them hit the truth.
    label_noise: float = option(0.06, "Share of wrong labels.")
    absent_picture: float = option(0.2, "Share of posts without a picture.")
    absent_text: float = option(0.15, "Share of posts without a text.")
    dull_picture: float = option(0.15, "Share of pictures that say nothing of the topic.")
    dull_text: float = option(0.06, "Share of texts that say nothing of the topic.")
    test: float = option(0.2, "Share of test rows.")
    seed: int = option(0, "Seed; the same one gives the same pool.")


@dataclass(frozen=True)
class MmoeOptions:
    """How a pool of two related tasks is made. One row in twelve is validation, and one test."""

    heading: ClassVar = "Pool"

    correlation: float = option(0.5, "Cosine of the tasks' weights, from -1 to 1.")
    n_rows: int = option(
        12_000, "Rows: ten in twelve train, one validation, one test.", flag="--rows"
    )
    width: int = option(100, "Width of the input, at least 2.")
    scale: float = option(0.3, "Length of the tasks' weights.")
    n_sines: int = option(5, "Sines that make the targets curved.", flag="--sines")
    seed: int = option(0, "Seed; the same one gives the same pool.")
