"""The channel to a worker: two pipes, and a file for what it prints to stderr."""

import os
from typing import NamedTuple


class Channel(NamedTuple):
    """The descriptors of one worker."""

    tasks: int
    replies: int
    errors: int

    def __str__(self) -> str:
        return ",".join(map(str, self))

    @staticmethod
    def read(text: str) -> "Channel":
        """Return the channel that `str` made the text of."""
        return Channel(*map(int, text.split(",")))

    def close(self) -> None:
        """Close all three."""
        for descriptor in self:
            os.close(descriptor)
