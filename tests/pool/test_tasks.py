"""Several tasks in one pool: several label columns, or tasks given by a column."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import make_table

from alsim.errors import AlsimError, PoolError
from alsim.options.pool import PoolOptions
from alsim.pool.loading import LoadedPool, load_pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import summarise

N = 60


def load(pool: Any, folder: Path, *, queried: bool = False, **options: Any) -> LoadedPool:
    folder.mkdir(exist_ok=True)
    chosen = PoolOptions(**options)
    return load_pool(open_source(pool), chosen, folder, FreeValidation(10), queried=queried)


def by_id(loaded: LoadedPool, task: str) -> dict[str, float]:
    pool = loaded.pool
    return dict(zip(pool.ids.to_pylist(), pool.tasks[task].labels.tolist(), strict=True))


# Several label columns


def test_classes_and_targets_can_be_tasks_of_one_pool(tmp_path: Path) -> None:
    height = pa.array([None if i % 4 == 1 else i / 7 for i in range(N)])
    table = make_table(height=height, count=pa.array(range(N)))
    loaded = load(table, tmp_path, label=("label", "height"))
    label, target = loaded.pool.tasks.values()
    assert (label.kind, target.kind) == ("class", "target")
    assert target.classes == ()
    assert target.labels.dtype == torch.float32
    for name, value in by_id(loaded, "height").items():
        row = int(name.removeprefix("row-"))
        expected = np.float32(row / 7)
        assert np.isnan(value) if row % 4 == 1 else value == expected
    whole = load(table, tmp_path, label=("count",), label_type="target").pool.tasks["count"]
    assert whole.labels.sort().values.tolist() == list(range(N))


def test_rows_are_kept_for_the_first_label_or_for_any(tmp_path: Path) -> None:
    first = pa.array(["ab"[i % 2] if i % 3 else None for i in range(N)])
    second = pa.array([i / 7 if i % 6 < 5 and i % 3 != 1 else None for i in range(N)])
    table = make_table(label=first, second=second)
    options: dict[str, Any] = {"label": ("label", "second")}
    ids = {f"row-{i:04d}" for i in range(N)}
    for kept, lost in (
        ("first", {i for i in range(N) if i % 3 == 0}),
        ("any", {i for i in range(N) if first[i].as_py() is None and second[i].as_py() is None}),
    ):
        loaded = load(table, tmp_path, rows_kept=kept, **options)
        assert set(loaded.pool.ids.to_pylist()) == ids - {f"row-{i:04d}" for i in lost}
        assert loaded.report.n_unknown == len(lost)


def test_rows_without_the_first_label_are_stratified_by_the_next(
    tmp_path: Path,
) -> None:
    n = 1000
    first = pa.array([i % 2 if i < 500 else None for i in range(n)])
    second = pa.array([None if i < 500 else f"c{int(i >= 900)}" for i in range(n)])
    table = make_table(n, label=first, second=second, split=None)
    loaded = load(table, tmp_path, label=("label", "second"), rows_kept="any")
    test = loaded.pool.splits["test"]
    labels = [loaded.pool.tasks[name].labels[test.start :] for name in ("label", "second")]
    assert [labels[0].eq(code).sum().item() for code in (0, 1)] == [50, 50]
    assert [labels[1].eq(code).sum().item() for code in (0, 1)] == [80, 20]


def test_a_target_is_refused_only_where_labels_are_queried(tmp_path: Path) -> None:
    table = make_table(label=pa.array([i / 7 for i in range(N)]))
    with pytest.raises(PoolError, match="is a regression target"):
        load(table, tmp_path, queried=True)
    assert load(table, tmp_path).pool.tasks["label"].kind == "target"


@pytest.mark.parametrize("value", [float("inf"), 1e300, -1e19 * 5])
def test_a_target_too_large_to_be_squared_is_refused(tmp_path: Path, value: float) -> None:
    table = make_table(label=pa.array([0.5] * 7 + [value] + [1.5] * 52))
    with pytest.raises(PoolError, match=r"1 infinite values .* first is in row 7"):
        load(table, tmp_path)


def test_each_target_affects_the_fingerprint(tmp_path: Path) -> None:
    values = [i / 7 for i in range(N)]
    other = [*values[:-1], values[-1] + 1e-3]
    prints = {
        load(make_table(label=pa.array(some)), tmp_path).fingerprint for some in (values, other)
    }
    assert len(prints) == 2


# Tasks given by a column


def local(n: int = N) -> pa.Table:
    """Return three tasks with the labels 0, 1 and (in the second task only) 2."""
    task = pa.array(["xyz"[i % 3] for i in range(n)])
    label = pa.array([i // 3 % (3 if i % 3 == 1 else 2) for i in range(n)])
    return make_table(n, task=task, label=label)


def test_local_labels_are_separate_classes_in_each_task(tmp_path: Path) -> None:
    loaded = load(local(), tmp_path, task="task")
    tasks = loaded.pool.tasks
    assert {name: task.classes for name, task in tasks.items()} == {
        "x": ("0", "1"),
        "y": ("0", "1", "2"),
        "z": ("0", "1"),
    }
    for row in range(N):
        for index, name in enumerate("xyz"):
            width = 3 if index == 1 else 2
            expected = row // 3 % width if row % 3 == index else -1
            assert by_id(loaded, name)[f"row-{row:04d}"] == expected
    said = "3 tasks by 'task' with 2 to 3 classes each: 2 of 3 labels of 'label' are in several"
    assert loaded.report.notes[0].startswith(said)
    assert loaded.report.n_unknown == 0


@pytest.mark.long
@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(2, 4)), min_size=4))
def test_tasks_equal_a_loop_over_the_rows(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, int]]
) -> None:
    # Every class has at least two rows, so that one can be held out.
    cells = [(task, value) for i in range(4) for task, value, rows in drawn if i < rows]
    n = len(cells)
    names, values = zip(*((f"t{task}", 10 - value) for task, value in cells), strict=True)
    table = make_table(n, label=pa.array(values), task=pa.array(names), split=None, id=None)
    classes: dict[str, set[int]] = {}
    for name, value in zip(names, values, strict=True):
        classes.setdefault(name, set()).add(value)
    kept = {name: sorted(some) for name, some in sorted(classes.items()) if len(some) > 1}
    try:
        loaded = load(table, tmp_path_factory.getbasetemp() / "loop", task="task")
    except AlsimError:
        assert not kept
        return
    tasks = loaded.pool.tasks
    assert {name: list(map(int, task.classes)) for name, task in tasks.items()} == kept
    for position, row in enumerate(loaded.pool.ids.to_pylist()):
        for name, task in tasks.items():
            expected = kept[name].index(values[row]) if names[row] == name else -1
            assert task.labels[position] == expected
    assert loaded.pool.n == sum(name in kept for name in names)


def test_a_task_with_one_class_is_left_out_with_its_rows_and_reported(tmp_path: Path) -> None:
    task = pa.array(
        ["none" if i < 6 else "a" if i < 30 else "b" if i < 54 else None for i in range(N)]
    )
    label = pa.array(["oos" if i < 6 else None if i == 7 else f"c{i % 4}" for i in range(N)])
    loaded = load(make_table(label=label, task=task), tmp_path, task="task")
    assert list(loaded.pool.tasks) == ["a", "b"]
    assert loaded.pool.n == 47
    assert loaded.report.notes[1:4] == (
        "1 task with a single class left out, with 6 rows: none",
        "6 rows without a task, left out",
        "1 row without a label, left out",
    )


def test_targets_may_be_local_to_tasks_too(tmp_path: Path) -> None:
    table = make_table(label=pa.array([i / 7 for i in range(N)]), task=pa.array(["a", "b"] * 30))
    loaded = load(table, tmp_path, task="task")
    assert [task.kind for task in loaded.pool.tasks.values()] == ["target", "target"]
    for row, name in ((4, "a"), (5, "b")):
        values = {task: by_id(loaded, task)[f"row-{row:04d}"] for task in "ab"}
        assert values[name] == np.float32(row / 7)
        assert np.isnan(values["ba"["ab".index(name)]])


@pytest.mark.parametrize(
    ("columns", "options", "match"),
    [
        ({"task": pa.array([i / 2 for i in range(N)])}, {}, "the task column 'task' holds double"),
        ({"task": pa.array([[1]] * N)}, {}, "the task column 'task' holds list"),
        ({"task": pa.nulls(N, pa.string())}, {}, "no task .* has two classes"),
        ({"task": pa.array(range(N))}, {}, "no task .* has two classes"),
        ({}, {"task": "label"}, "both task and label"),
        ({"other": pa.array(range(N))}, {"label": ("label", "other")}, "2 label columns beside"),
        ({}, {"task": "tusk"}, "no column 'tusk' for --task"),
    ],
)
def test_an_unusable_task_column_is_one_clear_error(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], match: str
) -> None:
    table = make_table(**{"task": pa.array(["a", "b"] * 30), **columns})
    with pytest.raises(AlsimError, match=match):
        load(table, tmp_path, **{"task": "task", **options})


def test_more_tasks_than_fit_in_memory_are_refused(tmp_path: Path) -> None:
    n = 2100
    table = make_table(n, task=pa.array([i // 2 for i in range(n)]), label=pa.array(range(n)))
    with pytest.raises(PoolError, match="1,050 tasks, more than 1,000"):
        load(table, tmp_path, task="task")


def test_tasks_affect_the_fingerprint_and_the_order_of_rows_does_not(tmp_path: Path) -> None:
    table = local()
    shuffled = table.take(np.random.default_rng(0).permutation(N))
    tasks = table.column("task").to_pylist()
    tasks[0], tasks[1] = tasks[1], tasks[0]
    other = table.set_column(table.column_names.index("task"), "task", pa.array(tasks))
    whole = load(table, tmp_path).fingerprint
    first, second, third = (
        load(some, tmp_path, task="task").fingerprint for some in (table, shuffled, other)
    )
    renamed = load(table.rename_columns({"task": "kind"}), tmp_path, task="kind").fingerprint
    assert first == second
    assert len({whole, first, third, renamed}) == 4


@pytest.mark.long
def test_domains_of_real_intents_are_tasks_of_fifteen_classes(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    path = shared_data("clinc150_minilm")
    loaded = load(path, tmp_path, task="domain")
    tasks = loaded.pool.tasks
    assert len(tasks) == 10
    assert {len(task.classes) for task in tasks.values()} == {15}
    assert loaded.report.notes[:2] == (
        "10 tasks by 'domain' with 15 classes each: no label of 'label' is in two of them",
        "1 task with a single class left out, with 1,200 rows: oos",
    )
    labels = torch.stack([task.labels for task in tasks.values()], 1)
    assert ((labels >= 0).sum(1) == 1).all()
    assert loaded.pool.n == 22_500
    assert labels.max(0).values.tolist() == [14] * 10
    summary = summarise(open_source(path), PoolOptions(task="domain"), FreeValidation(2000))
    assert {sum(label.counts.values()) for label in summary.labels} == {2250}
