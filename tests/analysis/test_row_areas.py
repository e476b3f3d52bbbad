"""The area under a curve by test row, from hand-made records of which rows are right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pools import make_table, write

import alsim
from alsim.analysis.curve import Curve
from alsim.analysis.curves.curves import XAxis, learning_curves
from alsim.analysis.curves.row_areas import areas_by_row
from alsim.analysis.curves.runs import merge_runs
from alsim.analysis.curves.spans import share_span
from alsim.analysis.curves.summary import aubc

ITEMS = pa.schema(
    [
        ("strategy", pa.string()), ("seed", pa.int64()), ("step", pa.int64()),
        ("task", pa.string()), ("correct", pa.list_(pa.bool_())),
    ]
)  # fmt: skip
CONTRIBUTIONS = pa.schema(
    [
        ("strategy", pa.string()), ("seed", pa.int64()), ("task", pa.string()),
        ("metric", pa.string()), ("part", pa.string()), ("values", pa.list_(pa.float32())),
    ]
)  # fmt: skip
PLACES = (20, 30, 60, 70)  # labels: steps of unequal length
Rows = list[bool | None]


@dataclass(frozen=True, eq=False)
class Made:
    """A run beside its folder: what the areas by row are read from."""

    steps: pa.Table
    items: pa.Table
    contributions: pa.Table = field(default_factory=CONTRIBUTIONS.empty_table)
    name: str = "made"
    folder: Path = Path("made")
    status: str = "complete"
    manifest: Mapping[str, object] = field(default_factory=dict)
    metrics: pa.Table = field(default_factory=lambda: pa.table({}))
    queries: pa.Table = field(default_factory=lambda: pa.table({}))


def mean_of(rows: Rows) -> float:
    known = [float(row) for row in rows if row is not None]
    return sum(known) / len(known)


def made(
    correct: Mapping[tuple[str, int, int, str], Rows],
    *,
    cost: Sequence[float] = (1.0, 4.0, 5.0, 9.0),
    contributions: Sequence[Mapping[str, Any]] = (),
) -> Made:
    """Return a run from which rows are right, by strategy, seed, step and task.

    Its accuracy is the mean over the tasks, of the rows that have a label.
    """
    scores: dict[tuple[str, int, int], list[float]] = {}
    for (strategy, seed, step, _), rows in correct.items():
        scores.setdefault((strategy, seed, step), []).append(mean_of(rows))
    steps = [
        {
            "strategy": strategy, "seed": seed, "step": step, "n_labelled": PLACES[step],
            "n_questions": PLACES[step], "cost": (1 + 0.1 * seed) * cost[step],
            "accuracy": sum(each) / len(each), "macro_f1": sum(each) / len(each),
        }
        for (strategy, seed, step), each in scores.items()
    ]  # fmt: skip
    items = [
        {"strategy": strategy, "seed": seed, "step": step, "task": task, "correct": rows}
        for (strategy, seed, step, task), rows in correct.items()
    ]
    return Made(
        pa.Table.from_pylist(steps),
        pa.Table.from_pylist(items, schema=ITEMS),
        pa.Table.from_pylist([dict(each) for each in contributions], schema=CONTRIBUTIONS),
    )


def drawn(
    seed: int, tasks: Sequence[str] = ("label",), strategies: Sequence[str] = ("margin", "random")
) -> dict[tuple[str, int, int, str], Rows]:
    """Return random answers of 12 rows; of several tasks each row has a label of some."""
    rng = np.random.default_rng(seed)
    unknown = {task: rng.random(12) < 0.3 * (len(tasks) > 1) for task in tasks}
    for mask in unknown.values():
        mask[0] = False
    return {
        (strategy, s, step, task): [
            None if hidden else bool(rng.random() < 0.3 + 0.1 * step) for hidden in unknown[task]
        ]
        for strategy in strategies
        for s in (0, 1, 2)
        for step in range(4)
        for task in tasks
    }


def areas_of(
    run: Made,
    *,
    metric: str = "accuracy",
    x: XAxis = "labels",
    span: tuple[float, float] | None = None,
) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """Return each curve's areas by seed, and those by seed and row."""
    curves: Sequence[Curve] = share_span(learning_curves(run.steps, metric, x=x))
    if span is not None:
        ends = Curve(**{
            **{name: getattr(curves[0], name) for name in curves[0].__slots__},
            "strategy": "span", "x": np.array(span), "values": np.zeros((3, 2)),
        })  # fmt: skip
        curves = share_span([*curves, ends])[:-1]
    read = areas_by_row([run], merge_runs([run]), metric, x)
    return {each.strategy: (aubc(each.x, each.values), read(each, each.seeds)) for each in curves}


@given(st.integers(0, 10_000), st.sampled_from([("label",), ("b", "a"), ("a", "b", "c")]))
def test_the_mean_over_the_rows_is_the_area_under_the_curve(
    seed: int, tasks: tuple[str, ...]
) -> None:
    for areas, rows in areas_of(made(drawn(seed, tasks))).values():
        assert rows is not None
        assert rows.mean(axis=1) == pytest.approx(areas, abs=1e-12)


def test_a_row_has_the_area_of_its_own_answers() -> None:
    correct = drawn(0)
    _, rows = areas_of(made(correct))["margin"]
    assert rows is not None
    for seed in range(3):
        for row in range(12):
            own = [float(bool(correct["margin", seed, step, "label"][row])) for step in range(4)]
            area = np.trapezoid(own, PLACES) / (PLACES[-1] - PLACES[0])
            assert rows[seed, row] == pytest.approx(area)


def test_of_several_tasks_a_row_adds_to_those_that_it_has_a_label_of() -> None:
    correct: dict[tuple[str, int, int, str], Rows] = {
        ("random", seed, step, task): rows
        for seed in range(3)
        for step in range(4)
        for task, rows in {"a": [True, False, None, None], "b": [None, True, True, None]}.items()
    }
    ((areas, rows),) = areas_of(made(correct)).values()
    assert areas == pytest.approx([0.75] * 3)  # the mean of 1/2 and 1
    assert rows is not None
    # The fourth row has no label. Each task's rows share half of the score, times three rows.
    assert rows.tolist() == [pytest.approx([0.75, 0.75, 0.75])] * 3


@pytest.mark.parametrize("span", [(25.0, 65.0), (30.0, 60.0), (20.0, 44.0)])
def test_a_cut_span_has_the_areas_of_what_lies_within(span: tuple[float, float]) -> None:
    correct = drawn(1, ("a", "b"))
    for areas, rows in areas_of(made(correct), span=span).values():
        assert rows is not None
        assert rows.mean(axis=1) == pytest.approx(areas, abs=1e-12)
    correct = drawn(1)
    areas, rows = areas_of(made(correct), span=span)["margin"]
    assert rows is not None
    grid = np.unique([*span, *(place for place in PLACES if span[0] < place < span[1])])
    for row in range(12):
        own = [float(bool(correct["margin", 0, step, "label"][row])) for step in range(4)]
        area = np.trapezoid(np.interp(grid, PLACES, own), grid) / (span[1] - span[0])
        assert rows[0, row] == pytest.approx(area)


def test_on_an_axis_that_differs_by_seed_the_means_are_the_areas_too() -> None:
    correct = drawn(2)
    for areas, rows in areas_of(made(correct, cost=(1.0, 1.2, 1.9, 2.3)), x="cost").values():
        assert rows is not None
        assert rows.mean(axis=1) == pytest.approx(areas, abs=1e-12)


def without(run: Made, **of: int) -> Made:
    kept = [row for row in run.items.to_pylist() if any(row[k] != v for k, v in of.items())]
    return Made(run.steps, pa.Table.from_pylist(kept, schema=ITEMS))


def test_where_records_are_missing_or_of_something_else_there_are_no_rows() -> None:
    correct = drawn(3)
    assert areas_of(without(made(correct), step=2))["margin"][1] is None
    assert areas_of(without(made(correct), seed=1))["margin"][1] is None
    assert areas_of(Made(made(correct).steps, ITEMS.empty_table()))["margin"][1] is None
    shorter = {k: rows[:-1] if k[1] == 1 else rows for k, rows in correct.items()}
    assert areas_of(made(shorter))["margin"][1] is None
    torn = {k: rows[:-1] if k[2] == 1 else rows for k, rows in correct.items()}
    assert areas_of(made(torn))["margin"][1] is None
    unlike = {k: rows[:-1] if k[3] == "b" else rows for k, rows in drawn(3, ("a", "b")).items()}
    assert areas_of(made(unlike))["margin"][1] is None
    # Steps of another score than the rows have: those of another split, say.
    other = made({k: [*rows[:-3], *[not row for row in rows[-3:]]] for k, rows in correct.items()})
    assert areas_of(Made(other.steps, made(correct).items))["margin"][1] is None
    # A strategy of another run keeps its own.
    assert areas_of(without(made(correct), step=2, seed=7))["margin"][1] is not None


def contributions_of(
    correct: Mapping[tuple[str, int, int, str], Rows], metric: str = "macro_f1"
) -> list[dict[str, Any]]:
    """Return contributions whose means are the areas of the curves that `made` has."""
    found: list[dict[str, Any]] = []
    for strategy, seed, _, task in [key for key in correct if key[2] == 0]:
        own = np.array([correct[strategy, seed, step, task] for step in range(4)], float)
        area = np.trapezoid(own, PLACES, axis=0) / (PLACES[-1] - PLACES[0])
        for part, values in (("area", area), ("last", own[-1])):
            values = [None if np.isnan(each) else float(each) for each in values]
            found.append(
                {"strategy": strategy, "seed": seed, "task": task, "metric": metric,
                 "part": part, "values": values}
            )  # fmt: skip
    return found


@pytest.mark.parametrize("tasks", [("label",), ("a", "b")])
def test_other_scores_have_rows_over_the_whole_of_their_own_labels_alone(
    tasks: tuple[str, ...],
) -> None:
    correct = drawn(4, tasks)
    run = made(correct, contributions=contributions_of(correct))
    for areas, rows in areas_of(run, metric="macro_f1").values():
        assert rows is not None
        assert rows.mean(axis=1) == pytest.approx(areas, abs=1e-7)
    assert areas_of(run, metric="macro_f1", span=(20.0, 60.0))["margin"][1] is None
    assert areas_of(run, metric="macro_f1", span=(30.0, 70.0))["margin"][1] is None
    assert areas_of(run, metric="macro_f1", x="cost")["margin"][1] is None
    assert areas_of(made(correct), metric="macro_f1")["margin"][1] is None


def test_rows_of_two_runs_whose_seeds_count_together_come_from_their_own() -> None:
    correct, later = drawn(5), drawn(6)
    settings = {"configuration": {"parameters": {"margin": {}, "random": {}}}}
    moved = {(name, seed + 3, step, task): rows for (name, seed, step, task), rows in later.items()}
    one, two = (made(each) for each in (correct, moved))
    runs = [
        Made(run.steps, run.items, name=name, folder=Path(name), manifest=settings)
        for name, run in (("one", one), ("two", two))
    ]
    merged = merge_runs(runs)
    (margin, _) = learning_curves(merged.steps)
    assert margin.seeds == tuple(range(6))
    rows = areas_by_row(runs, merged, "accuracy", "labels")(margin, margin.seeds)
    assert rows is not None
    assert rows.mean(axis=1) == pytest.approx(aubc(margin.x, margin.values))
    (alone, _) = learning_curves(two.steps)
    own = areas_by_row([two], merge_runs([two]), "accuracy", "labels")(alone, alone.seeds)
    assert own is not None
    assert rows[3:] == pytest.approx(own)


@pytest.mark.long
def test_the_records_of_a_real_run_of_several_tasks_give_its_areas(tmp_path: Path) -> None:
    n = 240
    second = [None if i % 9 == 1 else f"kind-{i // 3 % 2}" for i in range(n)]
    pool = write(make_table(n, kind=second), tmp_path / "pool.parquet")
    run = alsim.run(
        pool, label=("label", "kind"), strategy="margin", seeds=3, initial_size=30,
        query_size=8, steps=3, max_epochs=2, model="mlp(width=8)", batch_size=16, workers=0,
        out=tmp_path / "run",
    )  # fmt: skip
    for metric in ("accuracy", "macro_f1", "balanced_accuracy"):
        merged = merge_runs([run])
        read = areas_by_row([run], merged, metric, "labels")
        for curve in share_span(learning_curves(merged.steps, metric)):
            rows = read(curve, curve.seeds)
            assert rows is not None, (metric, curve.strategy)
            areas = aubc(curve.x, curve.values)
            assert rows.mean(axis=1) == pytest.approx(areas, abs=1e-6)
            assert rows.shape == (3, run.n_evaluated)
    for found in (alsim.compare(run), alsim.compare(run, task="kind", metric="macro_f1")):
        assert [each.counts_rows for each in found.verdicts] == [True]
    assert not alsim.compare(run, x="cost", metric="macro_f1").counts_rows
