"""The same MNIST work by `plain_loop.py` and by `alsim run`, and the ratio of their times.

Both are whole processes, with interpreter, imports, reading the pool and writing results; nothing
is subtracted. The plain loop runs with its best number of threads, found on shortened work; alsim
runs with its defaults.

    python -m benchmarks.against_plain_loop --pool mnist.parquet
    python -m benchmarks.against_plain_loop --pool mnist.parquet --steps 10 --seeds 2
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alsim.options.engine import n_cores
from benchmarks.common import parse_arguments, ran_on
from benchmarks.plain_loop import Work


@dataclass(frozen=True)
class Timing:
    """The time of a process and its children."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class PlainResult:
    """The times and accuracies of the plain loop."""

    whole: Timing  # the process
    seed: Timing  # the mean of its seeds
    n_seeds: int
    last_accuracies: list[float]

    def scaled_to(self, seeds: int) -> Timing:
        """Return the time for more seeds; the time outside of seeds counts once."""
        more = seeds - self.n_seeds
        return Timing(
            self.whole.wall + more * self.seed.wall, self.whole.cpu + more * self.seed.cpu
        )


def alsim_command(pool: Path, out: Path, work: Work, seeds: int, workers: int | None) -> list[str]:
    """Return alsim's command for the same work."""
    return [
        *(sys.executable, "-c", "from alsim.cli import main; main()", "run"),
        *("--pool", str(pool)),
        *("--model", f"mlp(width={work.width},depth=1,dropout={work.dropout})"),
        *("--initial-size", str(work.initial_size), "--query-size", str(work.query_size)),
        *("--steps", str(work.steps), "--epochs", str(work.epochs)),
        *("--batch-size", str(work.batch_size), "--batch-rule", "fixed"),
        *("--strategy", work.strategy, "--seeds", str(seeds)),
        *(() if workers is None else ("--workers", str(workers))),
        *("--out", str(out)),
    ]


def timed(command: Sequence[str]) -> tuple[Timing, str]:
    """Run a command; return its time, including its children's, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{done.stderr}\nexit code {done.returncode}: {' '.join(command)}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Timing(wall, cpu), done.stdout


def run_plain(
    pool: Path, work: Work, seeds: int, threads: int, data: str = "loaders"
) -> PlainResult:
    """Return the plain loop's times, measured in its own process."""
    whole, printed = timed(
        [
            *(sys.executable, "-m", "benchmarks.plain_loop", "--json", "--pool", str(pool)),
            *("--data", data),
            *("--strategy", work.strategy, "--steps", str(work.steps)),
            *("--seeds", str(seeds), "--threads", str(threads)),
        ]
    )
    found = json.loads(printed)
    seed = Timing(sum(found["wall"]) / seeds, sum(found["cpu"]) / seeds)
    return PlainResult(whole, seed, seeds, [accuracies[-1] for accuracies in found["accuracies"]])


def best_threads(pool: Path, strategy: str, steps: int) -> int:
    """Return the number of threads with which the plain loop is fastest per seed."""
    counts = sorted({count for count in (1, 2, 4, 8, 16) if count < n_cores()} | {n_cores()})
    print(f"plain loop, 1 seed of {steps} steps, to find its best number of threads:")
    walls: dict[int, float] = {}
    for count in counts:
        result = run_plain(pool, Work(strategy=strategy, steps=steps), 1, count)
        walls[count] = result.seed.wall
        print(f"  threads {count:3}: {result.seed.wall:7.1f} s wall {result.seed.cpu:7.1f} s CPU")
    return min(walls, key=lambda count: walls[count])


def run_alsim(
    pool: Path, work: Work, seeds: int, workers: int | None
) -> tuple[Timing, list[float]]:
    """Return alsim's time, and the last accuracy of each seed."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        timing, _ = timed(alsim_command(pool, out, work, seeds, workers))
        steps = pq.read_table(out / "steps.parquet", columns=["step", "accuracy"]).to_pylist()
    last = max(row["step"] for row in steps)
    return timing, [row["accuracy"] for row in steps if row["step"] == last]


def report(name: str, timing: Timing, accuracies: list[float], n_steps: int) -> None:
    """Print one line of the comparison."""
    print(
        f"{name:<12} {timing.wall:8.1f} s wall {timing.cpu:8.1f} s CPU   "
        f"{timing.wall / n_steps:6.3f} s wall a step {timing.cpu / n_steps:6.3f} s CPU a step   "
        f"last accuracy {sum(accuracies) / len(accuracies):.4f} "
        f"({len(accuracies)} seed{'s' if len(accuracies) > 1 else ''})"
    )


def main() -> None:
    """Time both on the same work and print the ratio."""
    parser = argparse.ArgumentParser(description="alsim against a plain PyTorch loop, on MNIST")
    parser.add_argument("--pool", type=Path, required=True, help="MNIST as Parquet")
    parser.add_argument("--strategy", choices=("margin", "random"), default="margin")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5, help="seeds that alsim runs")
    parser.add_argument(
        "--plain-seeds", type=int, default=1, help="seeds that the plain loop is timed on"
    )
    parser.add_argument("--tuning-steps", type=int, default=10, help="steps to find the threads")
    parser.add_argument("--threads", type=int, help="threads of the plain loop; default: its best")
    parser.add_argument("--workers", type=int, help="worker processes of alsim; default: its own")
    arguments = parse_arguments(parser, steps=1, seeds=1, tuning_steps=1, workers=1)
    print(ran_on())
    work = Work(strategy=arguments.strategy, steps=arguments.steps)
    plain_seeds = min(arguments.plain_seeds, arguments.seeds)
    threads = arguments.threads or best_threads(
        arguments.pool, work.strategy, min(arguments.tuning_steps, work.steps)
    )

    print(f"{work.strategy}, {work.steps} steps, {arguments.seeds} seeds, whole processes:")
    plain = run_plain(arguments.pool, work, plain_seeds, threads)
    plain_timing = plain.scaled_to(arguments.seeds)
    n_steps = work.steps * arguments.seeds
    report("plain loop", plain_timing, plain.last_accuracies, n_steps)
    if plain_seeds < arguments.seeds:
        print(
            f"  threads: {threads}; measured on {plain_seeds} of {arguments.seeds} seeds "
            f"({plain.whole.wall:.1f} s wall, {plain.whole.cpu:.1f} s CPU), the others added at "
            f"{plain.seed.wall:.1f} s wall, {plain.seed.cpu:.1f} s CPU each"
        )
    else:
        print(f"  threads: {threads}; every seed measured")
    alsim_timing, accuracies = run_alsim(arguments.pool, work, arguments.seeds, arguments.workers)
    report("alsim", alsim_timing, accuracies, n_steps)
    print(
        f"ratio: {plain_timing.wall / alsim_timing.wall:.2f} x in wall time, "
        f"{plain_timing.cpu / alsim_timing.cpu:.2f} x in CPU time"
    )


if __name__ == "__main__":
    main()
