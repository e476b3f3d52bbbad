"""What is run: a seed and a strategy."""

from typing import NamedTuple


class Job(NamedTuple):
    """One learning curve: a seed and the name of a strategy."""

    seed: int
    strategy: str
