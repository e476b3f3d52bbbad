"""Every bar on speed, with its figure, what it was measured from, and its verdict.

    python -m benchmarks --data FOLDER
    python -m benchmarks --data FOLDER --only kernels --json bars.json --markdown bars.md

`--data` is a folder with `mnist.parquet` and `fashion_image_text.parquet`. Bars that need a pool
which is not there are left out, and it says so.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import growth, jobs, kernels, whole
from benchmarks.bars import Bar, markdown
from benchmarks.common import parse_arguments, ran_on


def of_whole(arguments: argparse.Namespace) -> Iterator[Bar]:
    """Yield the bars of whole processes."""
    pool = arguments.data / "mnist.parquet"
    if not pool.exists():
        print(f"whole: left out, there is no {pool}")
        return
    yield from whole.measure(
        pool, repeats=arguments.repeats, steps=arguments.steps, seeds=arguments.seeds
    )


def of_kernels(arguments: argparse.Namespace) -> Iterator[Bar]:
    """Yield the bars of rates beside their products."""
    yield from kernels.measure(
        kernels.Sizes(rows=arguments.rows, repeats=2 * arguments.repeats + 1)
    )


def of_jobs(arguments: argparse.Namespace) -> Iterator[Bar]:
    """Yield where the time of four jobs goes."""
    with tempfile.TemporaryDirectory() as folder:
        found = jobs.chosen(arguments.data, Path(folder), rows=arguments.job_rows)
        yield from jobs.measure(found)


def of_growth(arguments: argparse.Namespace) -> Iterator[Bar]:
    """Yield how time and memory grow."""
    yield from growth.measure(growth.TINY if arguments.tiny else growth.Growing(), arguments.plot)


GROUPS: dict[str, Callable[[argparse.Namespace], Iterator[Bar]]] = {
    "growth": of_growth,  # first, since memory is measured before this process is large
    "kernels": of_kernels,
    "whole": of_whole,
    "jobs": of_jobs,
}


def main() -> None:
    """Print the bars, each as soon as it is measured, then all as a table."""
    parser = argparse.ArgumentParser(description="every bar on speed", prog="python -m benchmarks")
    parser.add_argument("--data", type=Path, default=Path(), help="folder with the pools")
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--repeats", type=int, default=3, help="timings of each whole process")
    parser.add_argument("--steps", type=int, default=20, help="queries of the runs on MNIST")
    parser.add_argument("--seeds", type=int, default=4, help="of the comparison in wall time")
    parser.add_argument("--rows", type=int, default=60_000, help="scored by the kernels")
    parser.add_argument("--job-rows", type=int, default=100_000, help="of the job's made-up pool")
    parser.add_argument("--plot", type=Path, help="file for the log-log plot of growth")
    parser.add_argument("--json", type=Path, help="file for the bars as JSON")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    arguments = parse_arguments(
        parser, repeats=1, steps=1, seeds=1, rows=3000, job_rows=3000, only=["kernels", "whole"]
    )
    on = ran_on()
    print(on)
    bars: list[Bar] = []
    for group in arguments.only:
        for bar in GROUPS[group](arguments):
            print(
                f"{bar.name}: {bar.figure:.2f} {bar.bound} {bar.verdict} ({bar.floor})", flush=True
            )
            bars.append(bar)
    table = markdown(bars)
    print(table)
    if arguments.markdown:
        arguments.markdown.write_text(f"{on}\n\n{table}\n")
    if arguments.json:
        found = {"on": on, "bars": [bar.to_json() for bar in bars]}
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
