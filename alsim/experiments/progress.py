"""How far an experiment is, reported to whoever runs it. The core has no clock and no screen."""


class Progress:
    """Is called as an experiment goes on; this one ignores it."""

    def phase(self, name: str) -> None:
        """Note that a phase begins, such as "train"."""

    def epoch(self, n: int) -> None:
        """Note that the n-th epoch of a training with early stopping is over."""

    def copies(self, metric: str, n: int) -> None:
        """Note that n copies of a metric are trained and measured."""
