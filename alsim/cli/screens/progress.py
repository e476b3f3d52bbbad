"""Progress of a run on stderr: live on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.spinner import Spinner
from rich.table import Table

from alsim.cli.screen import console, styled
from alsim.escaping import visible
from alsim.experiments.curves.records import StepRecord
from alsim.studies.watch import Unit, Watch

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
    """For a terminal: a bar over all steps, and a row for each strategy."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._curves = _Curves()
        self._stage = "starting"
        self._unit: Unit | None = None
        self._epochs: dict[str, int] = {}
        self._done: dict[str, dict[int | None, int]] = {}
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

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        """Begin the bar."""
        self._stage = "training" if unit == "nets" else "passive phase"
        self._unit, self._task = unit, None
        self._curves, self._done, self._epochs = _Curves(), {}, {}
        if each is not None:
            words = f"{n} learning curves" if unit == "steps" else "training"
            self._task = self._bar.add_task(words, total=n * each, unit=unit)
        self._refresh()

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        """Move the bar and the metric's row, or show how far a training is."""
        if unit == "epochs":
            self._epochs[key] = n
        else:
            self._epochs.pop(key, None)
            self._done.setdefault(key, {})[seed] = n
            if self._task is not None:
                done = sum(sum(seeds.values()) for seeds in self._done.values())
                self._bar.update(self._task, completed=done)
        self._refresh()

    def step(self, record: StepRecord) -> None:
        """Move the bar and the strategy's row."""
        self._curves.add(record)
        if self._task is not None:
            self._bar.update(self._task, completed=self._curves.n_done)
        self._refresh()

    def _refresh(self) -> None:
        parts: list[RenderableType] = []
        if rows := self._rows():
            table = Table.grid(padding=(0, 2))
            for row in rows:
                table.add_row(*row)
            parts.append(table)
        else:
            epochs = ", ".join(f"{seeds}: epoch {n}" for seeds, n in sorted(self._epochs.items()))
            text = f"passive phase — seed {epochs}" if epochs else self._stage
            self._spinner.update(text=styled(text))
            parts.append(self._spinner)
        if self._task is not None:
            parts.append(self._bar)
        self._live.update(Group(*parts))

    def _rows(self) -> list[Sequence[RenderableType]]:
        """Return a row for each task in training, metric or strategy; none before the first."""
        if self._stage == "training" and self._epochs:
            return [(styled(task), f"epoch {n}") for task, n in sorted(self._epochs.items())]
        if self._unit == "copies" and self._done:
            last = {metric: list(seeds.items())[-1] for metric, seeds in self._done.items()}
            return [
                (
                    styled(metric),
                    f"{sum(seeds.values()):,} copies",
                    f"seed {last[metric][0]}: {last[metric][1]:,}",
                )
                for metric, seeds in self._done.items()
            ]
        means = {name: self._curves.means(name) for name in sorted(self._curves.values)}
        return [
            (
                styled(strategy),
                f"{self._curves.labels[strategy]:,} labels",
                f"accuracy {of_steps[-1]:.4f}",
                styled(spark_line(of_steps), "cyan"),
            )
            for strategy, of_steps in means.items()
        ]


@contextmanager
def watching() -> Generator[Watch]:
    """Yield a watch that suits stderr."""
    if not sys.stderr.isatty():
        yield PlainWatch()
        return
    shown = console(is_stderr=True)
    with Live(console=shown, refresh_per_second=8, transient=True) as live:
        yield LiveWatch(shown, live)
