"""Progress of a run on stderr: live on a terminal, plain lines in a pipe."""

import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from alsim.cli.screen import console, styled
from alsim.cli.screens.remaining import Remaining
from alsim.escaping import visible
from alsim.experiments.curves.records import StepRecord
from alsim.studies.watch import NONE_LONGER, Unit, Watch

_BARS = "▁▂▃▄▅▆▇█"
_BAR_WIDTH = 40
_SPARK = 3  # its column
_SPARK_WIDTH, _SPARK_LEAST = 32, 8


def spark_line(values: list[float], width: int = _SPARK_WIDTH) -> str:
    """Return a line of at most `width` bars, from the lowest value to the highest."""
    if not values:
        return ""
    n = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(1, n - 1))] for i in range(n)]
    low, span = min(values), (max(values) - min(values)) or 1.0
    return "".join(_BARS[min(7, int(8 * (value - low) / span))] for value in picked)


class _Curves:
    """The accuracies reported so far, by strategy and step."""

    def __init__(self) -> None:
        self.values: dict[str, dict[int, list[float]]] = {}
        self.labels: dict[str, int] = {}
        self.n_done = 0

    def add(self, step: StepRecord) -> None:
        self.values.setdefault(step.strategy, {}).setdefault(step.step, []).append(step.accuracy)
        self.labels[step.strategy] = max(self.labels.get(step.strategy, 0), step.n_labelled)
        self.n_done += step.step > 0

    def means(self, strategy: str) -> list[float]:
        steps = self.values[strategy]
        return [sum(steps[step]) / len(steps[step]) for step in sorted(steps)]


class PlainWatch(Watch):
    """For pipes and logs: notes, and a line every tenth of the way."""

    def __init__(self) -> None:
        self._begin(None)

    def _begin(self, total: int | None) -> None:
        self._total = total
        self._done: dict[tuple[str, int | None], int] = {}
        self._n_steps = 0
        self._tenth = 0

    def _say(self, text: str) -> None:
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()

    def stage(self, text: str) -> None:
        """Print it."""
        self._say(text)

    def note(self, text: str) -> None:
        """Print it."""
        self._say(f"note: {text}")

    def plan(self, sizes: str) -> None:
        """Print it."""
        self._say(sizes)

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        """Print it, and keep the total."""
        self._begin(None if each is None else n * each)
        curves = f"{n} learning curves" + (f" of {each} steps" if each else "")
        self._say({"steps": curves, "copies": f"{n:,} copies"}.get(unit, f"{n:,} nets to train"))

    def step(self, record: StepRecord) -> None:
        """Print a line when another tenth is done."""
        self._n_steps += record.step > 0
        self._say_tenth(self._n_steps, "steps")

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        """Print a line when another tenth is done."""
        if unit != "epochs":
            self._done[key, seed] = n
            last = f"now {key}, seed {seed}" if unit == "copies" else f"the last is {key}"
            self._say_tenth(sum(self._done.values()), f"{unit}; {last}")

    def _say_tenth(self, n: int, of_what: str) -> None:
        if self._total and (tenth := 10 * n // self._total) > self._tenth:
            self._tenth = tenth
            self._say(f"{10 * tenth:3d} %  {n:,} of {self._total:,} {of_what}")


class LiveWatch(Watch):
    """For a terminal: a bar over all work, what is left, and a row for each strategy."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._curves = _Curves()
        self._stage = "starting"
        self._unit: Unit = "steps"
        self._is_most = False
        self._left: Remaining | None = None  # None until the work is planned
        self._done: dict[str, dict[int | None, int]] = {}
        self._spinner = Spinner("dots")

    def stage(self, text: str) -> None:
        """Show it beside the spinner."""
        self._stage, self._left = text, None
        self._refresh()

    def note(self, text: str) -> None:
        """Print it above the live part; the terminal wraps it, so that commands stay whole."""
        self._console.print(styled(f"note: {text}", "dim"), soft_wrap=True)

    def plan(self, sizes: str) -> None:
        """Print it above the live part."""
        self._console.print(styled(sizes, ""), soft_wrap=True)

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        """Begin the bar."""
        self._unit, self._is_most = unit, each is None
        self._curves, self._done = _Curves(), {}
        self._left = Remaining(None if each is None else n * each)
        self._refresh()

    def begin(
        self,
        trainings: int,
        epochs: int,
        *,
        worth: float = 0.0,
        most: int | None = None,
        longer: Mapping[str, float] = NONE_LONGER,
    ) -> None:
        """Start the clock."""
        if self._left is not None:
            self._left.begin(trainings, epochs, worth, most, longer)
        self._refresh()

    def trained(self, key: str) -> None:
        """Leave out the epochs that it did not need."""
        if self._left is not None:
            self._left.trained(key)
        self._refresh()

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        """Move the bar, and the row of a metric."""
        if self._left is None:
            return
        if unit == "epochs":
            self._left.epoch(key, n)
        else:
            self._done.setdefault(key, {})[seed] = n
            self._left.units(sum(sum(seeds.values()) for seeds in self._done.values()))
        self._refresh()

    def step(self, record: StepRecord) -> None:
        """Move the bar and the strategy's row."""
        self._curves.add(record)
        if self._left is not None:
            self._left.units(self._curves.n_done)
        self._refresh()

    def _refresh(self) -> None:
        parts: list[RenderableType] = []
        # The bar comes first, since a low terminal cuts the end.
        if (left := self._left) is not None:
            share, seconds = left.share(), left.seconds_left()
            if share is not None:
                bar = Table.grid()  # which ends the line
                bar.add_row(ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH))
                parts.append(bar)
            parts.append(Text(self._counts(left)))
            is_bound = bool(left.epochs_left) or self._is_most
            parts.append(_Clock(left.elapsed, seconds, is_bound=is_bound))
        if rows := self._rows():
            parts.append(self._table(rows))
        else:
            self._spinner.update(text=styled(self._now()))
            parts.append(self._spinner)
        self._live.update(Group(*parts))

    def _counts(self, left: Remaining) -> str:
        """Return how many epochs and units are done, of how many."""
        parts: list[str] = []
        if left.epochs_left:
            most = left.epochs + left.epochs_left
            parts.append(f"{left.epochs:,} of at most {most:,} epochs")
        total = "" if left.total is None else f"{left.total:,} "
        at_most = "at most " * self._is_most
        if left.done or not parts:
            of = f" of {at_most}{total}" if total else " "
            parts.append(f"{left.done:,}{of}{self._unit}")
        else:
            parts.append(f"then {at_most}{total}{self._unit}")
        return ", ".join(parts)

    def _now(self) -> str:
        """Return what is going on before there is a result."""
        if self._left is None:
            return self._stage
        what = "training" if self._unit == "nets" else "passive phase"
        running = self._left.running
        if not running:
            return what
        more = f" and {len(running) - 1} more" if len(running) > 1 else ""
        if running[0] in self._left.longer:
            return running[0] + more
        return f"{what}, {'' if self._unit == 'nets' else 'seed '}{running[0]}{more}"

    def _table(self, rows: list[Sequence[str]]) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(overflow="fold")  # of the name; nothing else is broken
        for place in range(1, len(rows[0])):
            table.add_column(no_wrap=True, style="cyan" if place == _SPARK else "")
        for name, *cells in rows:
            table.add_row(styled(name), *cells)
        return table

    def _rows(self) -> list[Sequence[str]]:
        """Return a row for each metric or strategy; none before the first."""
        if self._unit == "copies":
            last = {metric: list(seeds.items())[-1] for metric, seeds in self._done.items()}
            return [
                (
                    metric,
                    f"{sum(seeds.values()):,} copies",
                    f"seed {last[metric][0]}: {last[metric][1]:,}",
                )
                for metric, seeds in self._done.items()
            ]
        means = {name: self._curves.means(name) for name in sorted(self._curves.values)}
        rows = [
            (name, f"{self._curves.labels[name]:,} labels", f"accuracy {of_steps[-1]:.4f}")
            for name, of_steps in means.items()
        ]
        taken = sum(max(len(row[i]) for row in rows) + 2 for i in range(3)) if rows else 0
        width = min(_SPARK_WIDTH, self._console.width - taken)
        if width < _SPARK_LEAST:
            return [*rows]
        sparks = [spark_line(of_steps, width) for of_steps in means.values()]
        return [(*row, spark) for row, spark in zip(rows, sparks, strict=True)]


class _Clock:
    """The time that has passed and that is left, which go on between two events."""

    def __init__(self, elapsed: float, left: float | None, *, is_bound: bool) -> None:
        self._elapsed, self._left, self._is_bound = elapsed, left, is_bound
        self._at = time.monotonic()

    def __rich__(self) -> Text:
        since = time.monotonic() - self._at
        text = duration(self._elapsed + since)
        if self._left is not None:
            about = "at most about" if self._is_bound else "about"
            text += f", {about} {duration(max(0.0, self._left - since))} left"
        return Text(text)


def duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


@contextmanager
def watching() -> Generator[Watch]:
    """Yield a watch that suits stderr."""
    if not sys.stderr.isatty():
        yield PlainWatch()
        return
    shown = console(is_stderr=True)
    with Live(console=shown, refresh_per_second=8, transient=True) as live:
        yield LiveWatch(shown, live)
