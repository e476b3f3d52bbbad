"""How much of a study is left, and for how long: epochs until nets stop early, then the rest."""

import time
from collections.abc import Callable, Mapping

from alsim.studies.watch import NONE_LONGER


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
        self.longer: dict[str, float] = {}  # trainings by key: what an epoch is worth of the others
        self._trainings, self._most = 0, 0  # not ended, epochs of each at most
        self._longer_left: set[str] = set()  # not ended, besides
        self._running: dict[str, int] = {}  # the last epoch of each
        self._ended: dict[str, int] = {}  # epochs of the trainings that have ended
        self._epoch_pace, self._unit_pace = _Pace(), _Pace()

    def begin(
        self,
        trainings: int,
        epochs: int,
        worth: float = 0.0,
        most: int | None = None,
        longer: Mapping[str, float] = NONE_LONGER,
    ) -> None:
        """Start the clock: some trainings are left, each of so many epochs at most.

        A unit is worth about `worth` epochs, 0 where it is such a training itself; an unknown total
        is `most` at most. The trainings that are `longer` are left besides, each epoch of them
        being worth so many of the others.
        """
        self.longer, self._longer_left = dict(longer), set(longer)
        self._began = self._clock()
        self._trainings, self._most, self._worth = trainings, epochs, worth
        self.total = most if self.total is None else self.total
        if not trainings:
            self._unit_pace.see(self._began, self.done)

    def epoch(self, key: str, n: int) -> None:
        """Count the n-th epoch of a training; a net that is trained twice begins again."""
        last = self._running.get(key, 0)
        if n <= last:
            self._end(key)
        self._running[key] = n
        self._epoch_pace.see(self._clock(), self._work)

    def trained(self, key: str) -> None:
        """Count a training that has ended."""
        if key in self.longer:
            self._longer_left.discard(key)
        else:
            self._trainings = max(0, self._trainings - 1)
        self._end(key)
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
        return sum(self._ended.values()) + sum(self._running.values())

    @property
    def epochs_left(self) -> int:
        """Return how many epochs are left at most."""
        n_trainings = self._trainings + len(self._longer_left)
        return max(0, n_trainings * self._most - sum(self._running.values()))

    @property
    def _work(self) -> float:
        """Return the epochs done, in what those of the usual trainings take."""
        return self._worth_of(self._ended) + self._worth_of(self._running)

    @property
    def _work_left(self) -> float:
        """Return the epochs left at most, likewise."""
        weights = self._trainings + sum(self.longer[key] for key in self._longer_left)
        return max(0.0, weights * self._most - self._worth_of(self._running))

    def _worth_of(self, epochs: Mapping[str, int]) -> float:
        return sum(self.longer.get(key, 1.0) * n for key, n in epochs.items())

    def _end(self, key: str) -> None:
        self._ended[key] = self._ended.get(key, 0) + self._running.pop(key, 0)

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
            seconds = self._work_left * self._epoch_pace.seconds
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
        done = self._work + worth * self.done
        left = self._work_left + worth * max(0, self.total - self.done)
        return done / (done + left) if done else 0.0


class _Pace:
    """The seconds between two events, from the first that was seen to the last."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self.seconds: float | None = None

    @property
    def is_begun(self) -> bool:
        return self._first is not None

    def see(self, now: float, n: float) -> None:
        if self._first is None:
            self._first = now, n
        elif n > self._first[1]:
            self.seconds = (now - self._first[0]) / (n - self._first[1])
