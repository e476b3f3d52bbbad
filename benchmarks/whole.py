"""Whole processes on MNIST: alsim, the plain loop, and the plain loop on tensors.

CPU seconds of 1 seed × 20 steps by margin, one thread, interleaved; then 4 seeds on all cores, in
wall time, against the plain loop at its best number of threads.

    python -m benchmarks.whole --pool mnist.parquet
"""

import argparse
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.against_plain_loop import best_threads, run_alsim, run_plain
from benchmarks.bars import Bar, markdown
from benchmarks.common import parse_arguments, ran_on
from benchmarks.plain_loop import Work


def measure(
    pool: Path, *, repeats: int = 3, steps: int = 20, seeds: int = 4, plain_steps: int = 5
) -> Iterator[Bar]:
    """Yield the bars of whole processes.

    Args:
        pool: MNIST as Parquet.
        repeats: How often each is timed; the median counts.
        steps: Queries of each run.
        seeds: Of the comparison in wall time.
        plain_steps: Queries with which the plain loop's best number of threads is found.
    """
    work = Work(steps=steps)
    seconds: dict[str, list[float]] = {"alsim": [], "tensors": [], "loaders": []}
    for _ in range(repeats):
        seconds["alsim"].append(run_alsim(pool, work, 1, 1)[0].cpu)
        for data in ("tensors", "loaders"):
            seconds[data].append(run_plain(pool, work, 1, 1, data).whole.cpu)
    alsim, tensors, loaders = (statistics.median(each) for each in seconds.values())
    measured = f"CPU s: alsim {_all(seconds['alsim'])}; "
    yield Bar(
        "MNIST, alsim / plain loop on tensors", alsim / tensors, most=0.8,
        floor=f"{measured}tensors {_all(seconds['tensors'])}",
    )  # fmt: skip
    yield Bar(
        "MNIST, alsim / plain loop", alsim / loaders, most=0.4,
        floor=f"{measured}loop {_all(seconds['loaders'])}",
    )  # fmt: skip
    threads = best_threads(pool, work.strategy, min(steps, plain_steps))
    plain = run_plain(pool, work, 1, threads).scaled_to(seeds)
    ours, _ = run_alsim(pool, work, seeds, None)
    yield Bar(
        f"MNIST, {seeds} seeds, wall time, plain loop / alsim", plain.wall / ours.wall, least=4.5,
        floor=f"{plain.wall:.1f} s with {threads} threads (1 seed measured), {ours.wall:.1f} s",
    )  # fmt: skip


def _all(seconds: Sequence[float]) -> str:
    return ", ".join(f"{s:.1f}" for s in seconds)


def main() -> None:
    """Print the bars."""
    parser = argparse.ArgumentParser(description="whole processes on MNIST")
    parser.add_argument("--pool", type=Path, required=True, help="MNIST as Parquet")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parse_arguments(parser, repeats=1, steps=1, seeds=1)
    print(ran_on())
    print(
        markdown(
            measure(
                arguments.pool,
                repeats=arguments.repeats,
                steps=arguments.steps,
                seeds=arguments.seeds,
            )
        )
    )


if __name__ == "__main__":
    main()
