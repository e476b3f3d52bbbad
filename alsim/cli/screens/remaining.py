"""How much of a study is left, and for how long: epochs until nets stop early, then the rest."""

import time
from collections.abc import Callable


class Remaining:
    """Counts what is done, and estimates from its pace what is left.

    A training that stops early takes so many epochs at most; those that it did not need are no
    longer left once it has ended. What is planned besides, such as steps, is counted in epochs
    until it has a pace of its own.
    """

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Plan `total` units, if it is known; the clock returns seconds."""
        self.total = total
        self.done = 0
        self._worth = 0.0
        self._clock = clock
        self._began = clock()
        self._trainings, self._most = 0, 0  # not ended, epochs of each at most
        self._running: dict[str, int] = {}  # the last epoch of each
        self._ended = 0  # epochs of the trainings that have ended
        self._epoch_pace, self._unit_pace = _Pace(), _Pace()

    def begin(
        self, trainings: int, epochs: int, worth: float = 0.0, most: int | None = None
    ) -> None:
        """Start the clock: some trainings are left, each of so many epochs at most.

        A unit is worth about `worth` epochs, 0 where it is such a training itself; an unknown total
        is `most` at most.
        """
        self._began = self._clock()
        self._trainings, self._most, self._worth = trainings, epochs, worth
        self.total = most if self.total is None else self.total
        if not trainings:
            self._unit_pace.see(self._began, self.done)

    def epoch(self, key: str, n: int) -> None:
        """Count the n-th epoch of a training; a net that is trained twice begins again."""
        last = self._running.get(key, 0)
        if n <= last:
            self._ended += last
        self._running[key] = n
        self._epoch_pace.see(self._clock(), self.epochs)

    def trained(self, key: str) -> None:
        """Count a training that has ended."""
        self._trainings = max(0, self._trainings - 1)
        self._ended += self._running.pop(key, 0)
        self._unit_pace.see(self._clock(), self.done)

    def units(self, done: int) -> None:
        """Set how many units are done, those of an earlier session included."""
        self.done = done
        if self._unit_pace.is_begun:
            self._unit_pace.see(self._clock(), done)

    @property
    def running(self) -> list[str]:
        """Return the trainings that go on, the earliest first."""
        return list(self._running)

    @property
    def epochs(self) -> int:
        """Return how many epochs are done."""
        return self._ended + sum(self._running.values())

    @property
    def epochs_left(self) -> int:
        """Return how many epochs are left at most."""
        return max(0, self._trainings * self._most - sum(self._running.values()))

    @property
    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return self._clock() - self._began

    def seconds_left(self) -> float | None:
        """Return how many seconds are left by the pace so far, None where it is not known."""
        seconds = 0.0
        if self.epochs_left:
            if self._epoch_pace.seconds is None:
                return None
            seconds = self.epochs_left * self._epoch_pace.seconds
        if self.total is None:
            return None
        if self._worth and (left := max(0, self.total - self.done)):
            pace = self._unit_pace.seconds
            if pace is None and self._epoch_pace.seconds is not None:
                pace = self._worth * self._epoch_pace.seconds
            if pace is None:
                return None
            seconds += left * pace
        return seconds

    def share(self) -> float | None:
        """Return the share of the work that is done, None without a total."""
        if self.total is None:
            return None
        worth, epoch, unit = self._worth, self._epoch_pace.seconds, self._unit_pace.seconds
        if worth and epoch and unit:
            worth = unit / epoch
        if not self.epochs + self.epochs_left:
            worth = 1.0
        done = self.epochs + worth * self.done
        left = self.epochs_left + worth * max(0, self.total - self.done)
        return done / (done + left) if done else 0.0


class _Pace:
    """The seconds between two events, from the first that was seen to the last."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self.seconds: float | None = None

    @property
    def is_begun(self) -> bool:
        return self._first is not None

    def see(self, now: float, n: int) -> None:
        if self._first is None:
            self._first = now, n
        elif n > self._first[1]:
            self.seconds = (now - self._first[0]) / (n - self._first[1])
