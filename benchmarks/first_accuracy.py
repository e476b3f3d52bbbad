"""The first accuracy of the default net beside logistic regression on the same labels.

    python -m benchmarks.first_accuracy --data FOLDER [--on validation] [--seeds 5]

On each pool, `--model auto` starts from 30, 100 and 500 random labels, as in `alsim run`, and
scikit-learn's `LogisticRegression(C=1)` is fitted to the same labels under three scalings: "none"
(as in the file, bytes divided by 255), "columns" (each column by itself), and "auto" (alsim's: one
scale per embedding, columns of a table each by itself). The net counts as worse than a regression
if Holm's test over the whole table, of the differences paired by seed, finds it below.

`--on validation` leaves out the test rows and measures on a fifth of the others; the defaults were
chosen with it, before the table on test rows was made.
"""

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from alsim.analysis.statistics.holm import holm
from alsim.analysis.statistics.intervals import ALPHA
from alsim.analysis.statistics.mean_test import MeanTest, t_test
from alsim.experiments.asking import initial_query
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fresh_replicas, make_setting
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.pool import PoolOptions, Standardise
from alsim.oracle import PerfectOracle
from alsim.pool.pool import SPLITS, Pool
from alsim.pool.roles import Roles, write_roles
from alsim.pool.source import open_source
from alsim.pool.splits import VALIDATION_SHARE, hold_out_test, read_splits
from alsim.seeding import stream
from alsim.studies.machine import Machine
from alsim.studies.start.check import study_of
from alsim.studies.start.prepare import prepare
from benchmarks.common import parse_arguments, ran_on

SCALINGS: tuple[Standardise, ...] = get_args(Standardise)
NAMES = {"none": "none", "all": "columns", "auto": "auto"}
SIZES = (30, 100, 500)
SHARED = ("mnist", "cifar10_sample", "clinc150_minilm", "fashion_image_text")


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One pool and size: accuracies by seed of the net, and of regression under each scaling."""

    pool: str
    size: int
    net: NDArray[np.float64]  # (s,)
    regressions: Mapping[Standardise, NDArray[np.float64]]  # (s,) each
    epochs: tuple[int, ...]  # of the net, by seed


def sklearn_pools() -> Iterator[tuple[str, pa.Table]]:
    """Yield three small tables with columns as features, and 8 × 8 digits as an embedding."""
    for name in ("iris", "wine", "breast_cancer"):
        data: Any = getattr(datasets, f"load_{name}")()
        columns = {f"x{i}": pa.array(column) for i, column in enumerate(data.data.T)}
        table = pa.table({**columns, "label": pa.array(data.target)})
        roles = Roles(labels={"label": "class"}, features=tuple(columns))
        yield name, write_roles(table, roles)
    data = datasets.load_digits()
    yield "digits", pa.table({"image": embedding(data.data), "label": pa.array(data.target)})


def narrow_pool(n: int = 1200) -> pa.Table:
    """Return four separable classes in an embedding of width 4."""
    g = stream(0, "narrow")
    y = torch.randint(0, 4, (n,), generator=g)
    x = 10 * torch.eye(4)[y] + 0.01 * torch.randn(n, 4, generator=g)
    return pa.table({"text": embedding(x.numpy()), "label": pa.array(y.numpy())})


def embedding(values: NDArray[Any]) -> "pa.Array[Any]":
    """Return `(n, d)` as a column of lists."""
    flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def all_pools(data: Path | None) -> Iterator[tuple[str, pa.Table]]:
    """Yield the synthetic pool, scikit-learn's, and the known pools in a folder."""
    yield "narrow", narrow_pool()
    yield from sklearn_pools()
    for name in SHARED:
        if data is not None and (data / f"{name}.parquet").exists():
            yield name, pq.read_table(data / f"{name}.parquet")


def without_test(table: pa.Table) -> pa.Table:
    """Return the pool without its test rows; a fifth of its training rows replaces them."""
    codes = np.unique(table.column("label").to_numpy(), return_inverse=True)[1]
    held_out = PoolOptions().holdout
    if "split" in table.column_names:
        splits = read_splits(table.column("split"), "split", "pool", Faults())
        table = table.drop_columns(["split"])
    else:
        splits = hold_out_test(codes, held_out, 0)
    kept = np.flatnonzero(splits != SPLITS.index("test"))
    table, splits, codes = table.take(kept), splits[kept].copy(), codes[kept]
    train = np.flatnonzero(splits == SPLITS.index("train"))
    splits[train] = hold_out_test(codes[train], held_out, 1)
    return table.append_column("split", pa.array([SPLITS[i] for i in splits]))


def as_arrays(pool: Pool) -> NDArray[np.float32]:
    """Return the modalities side by side, `(n, D)`, with their masks if there are several."""
    parts = [x.numpy() for x in pool.modalities.values()]
    return np.concatenate([*parts, pool.present.numpy()] if len(parts) > 1 else parts, 1)


def n_trained(table: pa.Table) -> int:
    """Return about how many training labels there are, without validation rows."""
    share = 1 - VALIDATION_SHARE
    if "split" not in table.column_names:
        return int(share * (1 - PoolOptions().holdout) * table.num_rows) - 1
    splits = read_splits(table.column("split"), "split", "pool", Faults())
    return int(share * (splits == SPLITS.index("train")).sum()) - 1


def start(table: pa.Table, size: int, options: CurvesOptions, work: Path) -> Setting | None:
    """Return the setting of a study with `size` initial labels; None if there are too few."""
    split = "split" if "split" in table.column_names else None
    options = replace(options, initial_size=size, query_size=1, steps=1, split=split)
    source = open_source(table, name="pool")
    if size > n_trained(table):
        return None
    machine = Machine("cpu", "direct", 1, torch.get_num_threads())
    faults = Faults()
    study, strategies = study_of(options, options.strategy, "--strategy", faults)
    faults.raise_all("options cannot be used", "first_accuracy.py")
    prepared = prepare(source, study, strategies, work, machine)
    assignment, pool = prepared.assignment, prepared.loaded.pool
    return make_setting(
        pool,
        oracles={name: PerfectOracle(task.labels) for name, task in pool.tasks.items()},
        strategies={name: named.strategy for name, named in prepared.strategies.items()},
        schedule=assignment.schedule,
        model=assignment.model,
        training=assignment.training,
        way="direct",
        device=torch.device("cpu"),
    )


def net_accuracies(setting: Setting, seeds: Sequence[int]) -> tuple[list[float], list[int]]:
    """Return the net's accuracy after the passive phase of each seed, and its epochs."""
    accuracies: list[float] = []
    epochs: list[int] = []
    for seed in seeds:
        done = passive(setting, [seed], Progress())
        replicas = fresh_replicas(setting, [seed], "init")
        replicas.load(done.state)
        accuracies.append(setting.evaluator.evaluate(replicas)[0].mean("accuracy"))
        epochs.append(*done.epochs)
    return accuracies, epochs


def regression_accuracies(setting: Setting, seeds: Sequence[int]) -> list[float]:
    """Return the accuracy of a regression on the same initial labels of each seed."""
    x = as_arrays(setting.pool)
    labels = setting.pool.tasks[setting.task].labels.numpy()
    rows = setting.evaluator.rows
    test = slice(rows.start, rows.stop)
    known = labels[test] >= 0
    found: list[float] = []
    for seed in seeds:
        train = initial_query(setting, seed).rows.numpy()
        y = labels[train]
        if len(set(y.tolist())) < 2:
            found.append(float((labels[test][known] == y[0]).mean()))
            continue
        model = LogisticRegression(C=1.0, max_iter=2000).fit(x[train], y)
        found.append(float((model.predict(x[test][known]) == labels[test][known]).mean()))
    return found


def measure(
    name: str, table: pa.Table, size: int, seeds: Sequence[int], options: CurvesOptions
) -> Row | None:
    """Return a row of the table, None if the pool is too small."""
    regressions: dict[Standardise, NDArray[np.float64]] = {}
    net: list[float] = []
    epochs: list[int] = []
    for scaling in SCALINGS:
        chosen = replace(options, standardise=scaling)
        with tempfile.TemporaryDirectory() as work:
            setting = start(table, size, chosen, Path(work))
            if setting is None:
                return None
            regressions[scaling] = np.array(regression_accuracies(setting, seeds))
            if scaling == options.standardise:
                net, epochs = net_accuracies(setting, seeds)
    return Row(name, size, np.array(net), regressions, tuple(epochs))


def judge(rows: Sequence[Row]) -> dict[tuple[str, int, Standardise], tuple[MeanTest, bool]]:
    """Return the test of each net against each regression, and whether it is worse by Holm.

    By pool, size and scaling of the regression; Holm's correction is over all of them.
    """
    keys: list[tuple[str, int, Standardise]] = [
        (row.pool, row.size, scaling) for row in rows for scaling in SCALINGS
    ]
    tests = [t_test(row.net - row.regressions[scaling]) for row in rows for scaling in SCALINGS]
    worse = [
        test.mean < 0 and by.p is not None and by.p < ALPHA
        for test, by in zip(tests, holm([test.p for test in tests]), strict=True)
    ]
    return dict(zip(keys, zip(tests, worse, strict=True), strict=True))


def show(rows: Sequence[Row]) -> None:
    """Print the table as Markdown."""
    regressions = [f"regression, {NAMES[scaling]}" for scaling in SCALINGS]
    header = ["pool", "labels", "net", *regressions, "net − regression, auto", "epochs"]
    print(" | ".join(["", *header, ""]).strip())
    print("| --- " * len(header) + "|")
    judged = judge(rows)
    for row in rows:
        found = [judged[row.pool, row.size, scaling] for scaling in SCALINGS]
        cells = [
            f"{row.regressions[scaling].mean():.3f}" + " (above the net)" * is_worse
            for scaling, (_, is_worse) in zip(SCALINGS, found, strict=True)
        ]
        test, _ = judged[row.pool, row.size, "auto"]
        width = "" if test.half_width is None else f" ± {test.half_width:.3f}"
        epochs = f"{min(row.epochs)} to {max(row.epochs)}"
        line = [row.pool, str(row.size), f"{row.net.mean():.3f}", *cells]
        print(" | ".join(["", *line, f"{test.mean:+.3f}{width}", epochs, ""]).strip(), flush=True)


def main() -> None:
    """Print the table."""
    warnings.filterwarnings("ignore", module="sklearn")  # of few rows a class
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the shared pools, as Parquet")
    parser.add_argument("--on", choices=("test", "validation"), default="test")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--pools", nargs="*", help="only these pools")
    parser.add_argument("--learning-rate", type=float, help="of the net, for trials")
    for flag in ("--patience", "--batch-size"):
        parser.add_argument(flag, type=int, help="of the net, for trials")
    parser.add_argument("--model", help="the net, for trials, such as 'auto(width=64)'")
    a = parse_arguments(parser, seeds=2, sizes=[30], pools=["narrow", "iris"])
    print(ran_on(["scikit-learn"]))
    given = {name: value for name, value in vars(a).items() if value is not None}
    tried = ("learning_rate", "patience", "batch_size", "model")
    chosen = {name: given[name] for name in tried if name in given}
    options = CurvesOptions(strategy="random", **chosen)
    rows: list[Row] = []
    for name, table in all_pools(a.data):
        if a.pools and name not in a.pools:
            continue
        table = without_test(table) if a.on == "validation" else table
        found = [measure(name, table, size, range(a.seeds), options) for size in a.sizes]
        rows += [row for row in found if row is not None]
        print(f"{name} done", file=sys.stderr)
    show(rows)


if __name__ == "__main__":
    main()
