"""How long to train where no validation label ends the training.

    python -m benchmarks.without_validation --data FOLDER [--on validation] [--seeds 5]

On each pool, `--model auto` is trained on 30, 100 and 500 random labels for a number of epochs that
is the same everywhere, and beside it, on the same labels, until the loss of as many validation
labels stops falling, as in `alsim run`. The last row is the mean over all pools and sizes: of what
an epoch number loses against the best one for that pool and size.

`--on validation` leaves out the test rows, as in `first_accuracy`; the default was chosen with it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from alsim.options.curves import CurvesOptions
from benchmarks.common import parse_arguments, ran_on
from benchmarks.first_accuracy import SIZES, all_pools, net_accuracies, start, without_test

EPOCHS = (10, 20, 50, 100, 200, 500)


def accuracies(
    table: pa.Table, size: int, epochs: Sequence[int], n_seeds: int
) -> list[float] | None:
    """Return the mean accuracy over seeds: stopped by validation, then of each epoch number.

    None if the pool is too small.
    """
    with tempfile.TemporaryDirectory() as work:
        stopped = start(table, size, CurvesOptions(strategy="random"), Path(work))
        if stopped is None:
            return None
        fixed = [
            replace(stopped, validator=None, training=replace(stopped.training, max_epochs=n))
            for n in epochs
        ]
        seeds = range(n_seeds)
        return [float(np.mean(net_accuracies(each, seeds)[0])) for each in (stopped, *fixed)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the shared pools, as Parquet")
    parser.add_argument("--on", choices=("test", "validation"), default="test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--epochs", type=int, nargs="*", default=EPOCHS)
    parser.add_argument("--pools", nargs="*", help="only these pools")
    a = parse_arguments(parser, seeds=1, sizes=[30], epochs=[2, 4], pools=["narrow", "iris"])
    print(ran_on())
    header = ["pool", "labels", "stopped", *[f"{n} epochs" for n in a.epochs]]
    print(f"| {' | '.join(header)} |\n{'| --- ' * len(header)}|")
    rows: list[list[float]] = []
    for name, table in all_pools(a.data):
        if a.pools and name not in a.pools:
            continue
        table = without_test(table) if a.on == "validation" else table
        for size in a.sizes:
            row = accuracies(table, size, a.epochs, a.seeds)
            if row is not None:
                rows.append(row)
                cells = [f"{value:.3f}" for value in row]
                print(f"| {' | '.join([name, str(size), *cells])} |", flush=True)
        print(f"{name} done", file=sys.stderr)
    lost = np.array(rows)[:, 1:]
    lost = (lost.max(axis=1, keepdims=True) - lost).mean(axis=0)
    print(f"| lost on average | | | {' | '.join(f'{value:.3f}' for value in lost)} |")


if __name__ == "__main__":
    main()
