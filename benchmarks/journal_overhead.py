"""The cost of journals and checkpoints, as a share of a run's time.

First, whole runs of `alsim run`, by the phases that its workers time. Then, in one process and in
turns, a learning curve with journal and checkpoints as in a worker, and the same curve without
them. The phase "journal" does not include the time after a curve's last step; the second part does.

    python -m benchmarks.journal_overhead
    python -m benchmarks.journal_overhead --pool mnist.parquet --workers 2
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch

from alsim.experiments.curves.loop import active, begin
from alsim.experiments.jobs import Job
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.synthetic import VkOptions
from alsim.pool.source import open_source
from alsim.pool.synthetic import vk_pool
from alsim.store.layout import CHECKPOINTS
from alsim.studies.curves.keep import Keeper
from alsim.studies.curves.work import run_active
from alsim.studies.machine import Machine
from alsim.studies.messages import Report
from alsim.studies.start.check import study_of
from alsim.studies.start.passive_results import save_passive
from alsim.studies.start.plan import plan_tasks
from alsim.studies.start.prepare import prepare
from alsim.studies.start.work import Study, open_study
from alsim.studies.twins import EMBEDDED
from benchmarks.common import parse_arguments, ran_on

BAR = 3.0  # per cent
KEEPING = ("__enter__", "position", "keep", "finish", "__exit__")


@dataclass(frozen=True)
class Case:
    """A timed study."""

    name: str
    pool: Path
    arguments: Mapping[str, Any]  # of `alsim.run`

    def flags(self) -> list[str]:
        """Return the arguments as flags of the command."""
        given = {"pool": self.pool, **self.arguments}
        return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def cases(folder: Path, mnist: Path | None, rows: int, steps: int, fast_steps: int) -> list[Case]:
    """Return the studies, with the synthetic pools written to a folder."""
    default, small = folder / "default.parquet", folder / "tiny.parquet"
    pq.write_table(vk_pool(replace(EMBEDDED, n_rows=rows)), default)
    pq.write_table(
        vk_pool(VkOptions(n_rows=300, picture_width=2, text_width=2, n_classes=2)), small
    )
    tiny = {"strategy": "random", "model": "linear", "initial_size": 20, "query_size": 1}
    found = [
        Case("the defaults", default, {"steps": steps}),
        Case("as fast as steps can be", small, {**tiny, "steps": fast_steps, "max_epochs": 1}),
    ]
    if mnist is not None:
        mlp = {
            "strategy": "margin", "model": "mlp(width=256)", "initial_size": 200,
            "query_size": 20, "steps": steps, "epochs": 5, "batch_size": 64, "batch_rule": "fixed",
        }  # fmt: skip
        found.insert(1, Case("MNIST, mlp", mnist, mlp))
    return found


def run_whole(case: Case, out: Path, workers: int, seeds: int) -> None:
    """Run the command and print its workers' time by phase."""
    flags = [*case.flags(), f"--seeds={seeds}", f"--workers={workers}", f"--out={out}"]
    command = [sys.executable, "-m", "alsim", "run", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stderr}\nexit code {done.returncode}: {' '.join(command)}")
    seconds: Counter[str] = Counter()
    for row in pq.read_table(out / "timings.parquet").to_pylist():
        seconds[row["phase"]] += row["seconds"]
    n_steps = pq.read_metadata(out / "steps.parquet").num_rows
    total = sum(seconds.values())
    shares = ", ".join(f"{name} {100 * taken / total:.2f} %" for name, taken in seconds.items())
    print(
        f"{case.name:<24} {n_steps:5} steps, {1000 * total / n_steps:7.1f} ms each: {shares}"
        f"{'' if 100 * seconds['journal'] / total < BAR else f'   above {BAR:g} %'}"
    )


@dataclass(frozen=True)
class Cost:
    """The time of a curve."""

    wall: float
    cpu: float

    @staticmethod
    def of(do: Callable[[], object]) -> "Cost":
        """Return the time of a call."""
        wall, cpu = time.perf_counter(), time.process_time()
        do()
        return Cost(time.perf_counter() - wall, time.process_time() - cpu)


class Meter:
    """Adds up the time of a Keeper's calls."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        for name in KEEPING:
            setattr(Keeper, name, self._metered(getattr(Keeper, name)))

    def _metered(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return method(*arguments)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.process_time() - cpu

        return call


def compare(case: Case, folder: Path, repeats: int, meter: Meter) -> None:
    """Print the time of keeping a curve, and of the curve with and without it."""
    faults = Faults()
    options = CurvesOptions(**case.arguments, seeds=1)
    study_options, strategies = study_of(options, options.strategy, "--strategy", faults)
    faults.raise_all("options cannot be used", case.name)
    folder.mkdir()
    machine = Machine("cpu", "direct", workers=1, threads=1)
    prepared = prepare(open_source(case.pool), study_options, strategies, folder, machine)
    study = open_study(folder, prepared.assignment, unheard)
    job = Job(0, list(strategies)[-1])
    start = passive(study.setting, [0], Progress())

    def kept() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            keep_curve(study, prepared.assignment, job, start, Path(place))

    def not_kept() -> None:
        setting = study.like(job.strategy)
        for _ in active(setting, [job], begin(setting, [job], start), Progress()):
            pass

    pairs: list[tuple[Cost, Cost, Cost]] = []
    for i in range(repeats + 1):
        meter.wall = meter.cpu = 0.0
        # In turns, with alternating order, since a machine's speed drifts.
        first, second = (kept, not_kept) if i % 2 else (not_kept, kept)
        one, two = Cost.of(first), Cost.of(second)
        with_it, without = (one, two) if i % 2 else (two, one)
        if i:  # the first warms up
            pairs.append((with_it, without, Cost(meter.wall, meter.cpu)))
    for clock in ("cpu", "wall"):
        got = [tuple(getattr(cost, clock) for cost in pair) for pair in pairs]
        own = statistics.median(100 * mine / without for _, without, mine in got)
        ratios = sorted(100 * (with_it / without - 1) for with_it, without, _ in got)
        print(
            f"{case.name:<24} {clock:>4}: {statistics.median(w for _, w, _ in got):6.2f} s without;"
            f" keeping takes {own:5.2f} %; with against without {statistics.median(ratios):+5.2f} %"
            f" ({ratios[0]:+.2f} … {ratios[-1]:+.2f})"
        )


def unheard(message: Report) -> None:
    """Ignore a message."""


def keep_curve(study: Study, assignment: Any, job: Job, start: Passive, place: Path) -> None:
    """Run a curve like a worker, without messages to a parent."""
    plan = plan_tasks(
        [job.seed], dict(study.strategies), assignment.training, assignment.way, place
    )
    (task,) = [t for t in plan.actives if t.message.jobs == (job,)]
    (place / CHECKPOINTS).mkdir()
    save_passive(task.message.state, start, {})
    run_active(study, task.message, unheard)


def main() -> None:
    """Time whole runs, then single curves with and without keeping."""
    parser = argparse.ArgumentParser(description="what journals and checkpoints cost")
    parser.add_argument("--pool", type=Path, help="MNIST as Parquet; without it: left out")
    parser.add_argument("--rows", type=int, default=EMBEDDED.n_rows, help="of the made-up pool")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--fast-steps", type=int, default=150, help="of the fastest study")
    parser.add_argument("--seeds", type=int, default=5, help="of whole runs")
    parser.add_argument("--workers", type=int, default=2, help="of whole runs")
    parser.add_argument("--repeats", type=int, default=5, help="of single curves")
    arguments = parse_arguments(
        parser, rows=600, steps=2, fast_steps=3, seeds=1, workers=1, repeats=1
    )
    print(ran_on())
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    meter = Meter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studies = cases(
            folder, arguments.pool, arguments.rows, arguments.steps, arguments.fast_steps
        )
        print("whole runs, by the phases that the workers time:")
        for i, case in enumerate(studies):
            run_whole(case, folder / f"run-{i}", arguments.workers, arguments.seeds)
        print("one curve in one process, by turns, medians (lowest … highest):")
        for i, case in enumerate(studies):
            compare(case, folder / f"curve-{i}", arguments.repeats, meter)


if __name__ == "__main__":
    main()
