"""What a run shows while it goes on: to stderr, live on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.spinner import Spinner
from rich.table import Table

from alsim.cli.screen import console, styled
from alsim.escaping import visible
from alsim.experiments.curves.records import StepRecord
from alsim.studies.watch import Watch

_BARS = "▁▂▃▄▅▆▇█"
_SPARK_WIDTH = 32


def spark_line(values: list[float], width: int = _SPARK_WIDTH) -> str:
    """Return a line of at most `width` bars, from the lowest value to the highest."""
    if not values:
        return ""
    n = min(width, len(values))
    picked = [values[round(i * (len(values) - 1) / max(1, n - 1))] for i in range(n)]
    low, span = min(values), (max(values) - min(values)) or 1.0
    return "".join(_BARS[min(7, int(8 * (value - low) / span))] for value in picked)


class _Curves:
    """The accuracies heard of so far, by strategy and step."""

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
        self._curves = _Curves()
        self._copies: dict[tuple[str, int], int] = {}
        self._n_fits = 0
        self._total: int | None = None
        self._told = 0

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

    def planned(self, n_curves: int, n_steps: int | None) -> None:
        """Keep the total."""
        self._total = None if n_steps is None else n_curves * n_steps
        self._say(f"{n_curves} learning curves" + (f" of {n_steps} steps" if n_steps else ""))

    def step(self, record: StepRecord) -> None:
        """Print a line when another tenth is done."""
        self._curves.add(record)
        self._say_tenth(self._curves.n_done, "steps")

    def planned_copies(self, n: int) -> None:
        """Keep the total."""
        self._total = n
        self._say(f"{n:,} copies")

    def copies(self, metric: str, seed: int, n: int) -> None:
        """Print a line when another tenth is done."""
        self._copies[metric, seed] = n
        self._say_tenth(sum(self._copies.values()), f"copies; now {metric}, seed {seed}")

    def planned_fits(self, n: int) -> None:
        """Keep the total."""
        self._total = n
        self._say(f"{n:,} nets to train")

    def fits(self, task: str, n: int) -> None:
        """Print a line when another tenth is done."""
        self._n_fits += n
        self._say_tenth(self._n_fits, f"nets; the last is {task}")

    def _say_tenth(self, n: int, of_what: str) -> None:
        if self._total and (tenth := 10 * n // self._total) > self._told:
            self._told = tenth
            self._say(f"{10 * tenth:3d} %  {n:,} of {self._total:,} {of_what}")


class LiveWatch(Watch):
    """For a terminal: a bar over all steps, and a row for each strategy."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._curves = _Curves()
        self._stage = "starting"
        self._epochs: dict[str, int] = {}
        self._copies: dict[str, dict[int, int]] = {}
        self._spinner = Spinner("dots")
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = None

    def stage(self, text: str) -> None:
        """Show it beside the spinner."""
        self._stage = text
        self._refresh()

    def note(self, text: str) -> None:
        """Print it above the live part."""
        self._console.print(styled(f"note: {text}", "dim"))

    def plan(self, sizes: str) -> None:
        """Print it above the live part."""
        self._console.print(styled(sizes, ""))

    def planned(self, n_curves: int, n_steps: int | None) -> None:
        """Begin the bar."""
        self._stage = "passive phase"
        total = None if n_steps is None else n_curves * n_steps
        if total is not None:
            self._task = self._bar.add_task(
                f"{n_curves} learning curves", total=total, unit="steps"
            )
        self._refresh()

    def epoch(self, task: str, epoch: int) -> None:
        """Show how far each passive phase is."""
        self._epochs[task] = epoch
        self._refresh()

    def step(self, record: StepRecord) -> None:
        """Move the bar and the strategy's row."""
        self._curves.add(record)
        if self._task is not None:
            self._bar.update(self._task, completed=self._curves.n_done)
        self._refresh()

    def planned_copies(self, n: int) -> None:
        """Begin the bar."""
        self._stage = "passive phase"
        self._task = self._bar.add_task("training", total=n, unit="copies")
        self._refresh()

    def copies(self, metric: str, seed: int, n: int) -> None:
        """Move the bar and the metric's row."""
        self._copies.setdefault(metric, {})[seed] = n
        if self._task is not None:
            done = sum(sum(seeds.values()) for seeds in self._copies.values())
            self._bar.update(self._task, completed=done)
        self._refresh()

    def planned_fits(self, n: int) -> None:
        """Begin the bar."""
        self._stage = "training"
        self._task = self._bar.add_task("training", total=n, unit="nets")
        self._refresh()

    def fits(self, task: str, n: int) -> None:
        """Move the bar, and show no more of the task's epochs."""
        self._epochs.pop(task, None)
        if self._task is not None:
            self._bar.advance(self._task, n)
        self._refresh()

    def _refresh(self) -> None:
        parts: list[RenderableType] = []
        if self._copies:
            parts.append(self._copies_table())
        elif self._stage == "training" and self._epochs:
            parts.append(self._epochs_table())
        elif not self._curves.values:
            epochs = ", ".join(
                f"{task.rpartition('seed ')[2]}: epoch {n}"
                for task, n in sorted(self._epochs.items())
            )
            text = f"passive phase — seed {epochs}" if epochs else self._stage
            self._spinner.update(text=styled(text))
            parts.append(self._spinner)
        else:
            parts.append(self._table())
        if self._task is not None:
            parts.append(self._bar)
        self._live.update(Group(*parts))

    def _epochs_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for task, epoch in sorted(self._epochs.items()):
            table.add_row(styled(task), f"epoch {epoch}")
        return table

    def _copies_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for metric, seeds in self._copies.items():
            *_, last = seeds.items()
            done = f"{sum(seeds.values()):,} copies"
            table.add_row(styled(metric), done, f"seed {last[0]}: {last[1]:,}")
        return table

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for strategy in sorted(self._curves.values):
            means = self._curves.means(strategy)
            table.add_row(
                styled(strategy),
                f"{self._curves.labels[strategy]:,} labels",
                f"accuracy {means[-1]:.4f}",
                styled(spark_line(means), "cyan"),
            )
        return table


@contextmanager
def watching() -> Generator[Watch]:
    """Yield a watch that suits stderr."""
    if not sys.stderr.isatty():
        yield PlainWatch()
        return
    shown = console(is_stderr=True)
    with Live(console=shown, refresh_per_second=8, transient=True) as live:
        yield LiveWatch(shown, live)
