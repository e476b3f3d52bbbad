"""Runs by a budget: what is paid, for what, and that it is never exceeded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import alsim
from alsim.errors import PoolError, UsageError
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run
from alsim.studies.watch import Watch

pytestmark = pytest.mark.process

ROWS = vk_pool(VkOptions(n_rows=900, picture_width=8, text_width=4, n_classes=6))
TESTLESS = ROWS.drop_columns(["split"]).append_column(
    "split", pa.array(["train" if i % 3 else "validation" for i in range(ROWS.num_rows)])
)
CLASSES = sorted(set(ROWS.column("label").to_pylist()))
SMALL: Mapping[str, Any] = {"seeds": 1, "max_epochs": 2, "model": "auto(width=8)", "workers": 0}


class Listening(Watch):
    """Keeps the plan and the notes."""

    def __init__(self) -> None:
        self.plans: list[str] = []
        self.notes: list[str] = []

    def plan(self, sizes: str) -> None:
        self.plans.append(sizes)

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(out: Path, watch: Watch | None = None, pool: Any = ROWS, **options: Any) -> Run:
    return alsim.run(pool, out=out, watch=watch, **{**SMALL, **options})


def several() -> pa.Table:
    """Return the pool with a second task, which half of the rows have."""
    codes = [CLASSES.index(label) for label in ROWS.column("label").to_pylist()]
    late = [str(code > 2) if i % 2 else None for i, code in enumerate(codes)]
    return ROWS.replace_schema_metadata(None).append_column("late", pa.array(late))


def validation_cost(done: Run) -> float:
    """Return what is in the cost of each curve's first step besides its initial labels."""
    first = [s for s in done.steps.to_pylist() if s["step"] == 0]
    bought = [q for q in done.queries.to_pylist() if q["step"] == 0]
    (cost,) = {
        round(s["cost"] - sum(q["cost"] for q in bought if q["strategy"] == s["strategy"]), 6)
        for s in first
    }  # the same for every strategy
    return cost


CASES: Mapping[str, dict[str, Any]] = {
    "labels": {"budget": 200},
    "dear labels": {"budget": 500, "price": 2.5},
    "questions": {"budget": 400, "oracle": "hierarchical"},
    "three answers": {
        "budget": 300, "oracle": "annotators", "noise": "0,0.2,0.4", "answers": 3, "price": 0.5
    },
    "objects of two tasks": {
        "budget": 300, "pool": several(), "label": ["label", "late"], "read_price": 0.5
    },
    "single labels": {
        "budget": 300, "pool": several(), "label": ["label", "late"], "unit": "cell",
        "read_price": 0.5, "task_price": ["late=0.25"],
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_no_query_starts_that_could_exceed_the_budget_and_little_is_left(
    case: str, tmp_path: Path
) -> None:
    options = dict(CASES[case])
    if options.get("oracle") == "hierarchical":
        groups = tmp_path / "groups.json"
        groups.write_text(json.dumps({"first": CLASSES[:3], "second": CLASSES[3:]}))
        options["groups"] = groups
    done = run(tmp_path / "run", **options)
    budget, steps = options["budget"], done.steps.to_pylist()
    paid = validation_cost(done)
    assert 0.05 * budget < paid <= 0.1 * budget
    assert {s["strategy"] for s in steps} == {"random", "margin"}
    for strategy in ("random", "margin"):
        costs = [s["cost"] for s in steps if s["strategy"] == strategy]
        assert costs == sorted(costs)
        assert costs[-1] <= budget
        assert len(costs) > 5
        assert budget - costs[-1] < 0.1 * budget  # a query, at the highest price of each
        own = [q["cost"] for q in done.queries.to_pylist() if q["strategy"] == strategy]
        assert costs[-1] == pytest.approx(paid + sum(own))


def test_validation_labels_are_paid_for_and_not_trained_on(tmp_path: Path) -> None:
    watch = Listening()
    done = run(tmp_path / "run", watch, budget=200, strategy="margin")
    assert watch.plans == ["20 for validation, 20 to start with, 32 queries of 5"]
    first = done.steps.to_pylist()[0]
    assert (first["n_labelled"], first["cost"], first["n_questions"]) == (20, 40.0, 40)
    rows: Any = done.manifest["pool"]
    assert rows["rows"]["validation"] == 20


def test_without_a_budget_the_plan_names_it_and_explicit_sizes_hold(tmp_path: Path) -> None:
    watch = Listening()
    sizes = {"initial_size": 50, "query_size": 10, "steps": 2, "validation_size": 30}
    done = run(tmp_path / "run", watch, **sizes)
    assert watch.plans == [
        "30 for validation, 50 to start with, 2 queries of 10 "
        "(to plan by what you can pay: --budget)"
    ]
    assert [s["cost"] for s in done.steps.to_pylist()[:3]] == [80.0, 90.0, 100.0]


def test_labels_that_are_there_already_are_free(tmp_path: Path) -> None:
    ids = ROWS.filter(pc.field("split") == "train").column("id").to_pylist()[:60]
    (tmp_path / "ids.txt").write_text("\n".join(map(str, ids)))
    done = run(tmp_path / "run", budget=100, initial_ids=tmp_path / "ids.txt")
    first, last = done.steps.to_pylist()[0], done.steps.to_pylist()[-1]
    assert first["cost"] == validation_cost(done) == 10
    assert first["n_labelled"] == 60
    assert 80 < last["cost"] <= 100
    assert last["n_labelled"] - first["n_labelled"] == last["cost"] - first["cost"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"budget": 5000}, UsageError, "more than all labels of the pool cost"),
        ({"budget": 100_000}, UsageError, "more than all labels of the pool cost"),
        ({"budget": 3}, UsageError, "pays no query"),
        ({"validation_size": 10_000}, UsageError, "validation labels are more than the"),
        ({"validation_size": 0, "pool": TESTLESS}, PoolError, "or validation labels"),
        ({"validation_size": 0, "until": "accuracy=0.9"}, PoolError, "--validation-size 0"),
        ({"validation_size": -1}, UsageError, "0 for none"),
        ({"budget": 0}, UsageError, "--budget"),
    ],
)
def test_what_cannot_be_paid_or_stopped_is_an_error(
    options: dict[str, Any], error: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        run(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_without_validation_labels_training_takes_all_epochs(tmp_path: Path) -> None:
    done = run(tmp_path / "run", validation_size=0, initial_size=50, steps=1, max_epochs=3)
    passives: Any = done.manifest["passive"]
    assert [passive["epochs"] for passive in passives] == [3]
    assert validation_cost(done) == 0


def test_without_them_the_plan_names_the_epochs_which_are_fewer_by_default(tmp_path: Path) -> None:
    watch = Listening()
    sizes = {"validation_size": 0, "initial_size": 20, "query_size": 5, "steps": 1}
    run(tmp_path / "run", watch, strategy="random", **sizes)
    assert watch.plans[0].startswith("none for validation, so 2 epochs; 20 to start with, 1 query")
    options = {name: value for name, value in SMALL.items() if name != "max_epochs"}
    done = alsim.run(ROWS, out=tmp_path / "long", **options, **sizes, strategy="random")
    passives: Any = done.manifest["passive"]
    assert [passive["epochs"] for passive in passives] == [200]


def test_wrong_answers_steer_early_stopping_and_the_truth_is_reported(tmp_path: Path) -> None:
    sizes = {
        "initial_size": 200,
        "query_size": 10,
        "steps": 1,
        "max_epochs": 40,
    }
    kept = {}
    for size in (60, "free"):
        out = tmp_path / str(size)
        done = run(out, oracle="noisy", noise=0.9, validation_size=size, **sizes)
        passives: Any = done.manifest["passive"]
        kept[size] = passives[0]["best_epoch"]
        # Nine of ten labels are wrong, evenly over the classes: the truth is hardly more likely.
        assert done.steps.column("accuracy").to_pylist()[0] < 0.5
    assert kept[60] != kept["free"]


@pytest.mark.parametrize(("size", "has_note"), [(200, True), (60, False), (None, False)])
def test_an_explicit_start_of_more_than_a_third_is_noted(
    size: int | None, has_note: bool, tmp_path: Path
) -> None:
    watch = Listening()
    run(tmp_path / "run", watch, initial_size=size, query_size=70, steps=2)
    note = "200 of the 340 labels are drawn at random to start with"
    assert any(note in each for each in watch.notes) == has_note


def test_the_small_pool_has_no_steps_of_its_own_beside_a_budget(tmp_path: Path) -> None:
    watch = Listening()
    options = {**SMALL, "query_size": 50, "strategy": "random"}
    alsim.run(out=tmp_path / "run", watch=watch, budget=500, **options)
    assert watch.plans == ["50 for validation, 50 to start with, 8 queries of 50"]
