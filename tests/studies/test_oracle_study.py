"""Complete runs with each oracle, on real worker processes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alsim
from alsim.errors import UsageError
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import Run

POOL = vk_pool(VkOptions(n_rows=900, picture_width=8, text_width=8, n_classes=6))
TRUTH = dict(zip(POOL.column("id").to_pylist(), POOL.column("label").to_pylist(), strict=True))
CLASSES = sorted(set(TRUTH.values()))
GROUPS = {"first": CLASSES[:3], "middle": CLASSES[3:5]}  # and the last class on its own


def run(out: Path, **options: Any) -> Run:
    settings = {
        "strategy": "margin", "seeds": "0..1", "initial_size": 100, "query_size": 10, "steps": 2,
        "max_epochs": 2, "model": "auto(width=8)", "workers": 0, "baseline": "none",
        "validation_size": "free", **options,
    }  # fmt: skip
    return alsim.run(POOL, out=out, **settings)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    rows = [[0.75 if i == j else 0.05 for j in range(6)] for i in range(6)]
    rows[0] = [0, 1, 0, 0, 0, 0]  # the first class is always mistaken for the second
    lines = [["", *CLASSES], *[[name, *row] for name, row in zip(CLASSES, rows, strict=True)]]
    (folder / "confusion.csv").write_text("\n".join(",".join(map(str, line)) for line in lines))
    (folder / "groups.json").write_text(json.dumps(GROUPS))
    return {name: folder / name for name in ("confusion.csv", "groups.json")}


def check_sums(done: Run, price: float) -> None:
    """Check that steps hold the running sums of their queries."""
    queries = done.queries.to_pylist()
    assert all(q["cost"] == pytest.approx(q["questions"] * price) for q in queries)
    for step in done.steps.to_pylist():
        mine = [q for q in queries if q["seed"] == step["seed"] and q["step"] <= step["step"]]
        assert step["n_labelled"] == len(mine)
        assert step["n_questions"] == sum(q["questions"] for q in mine)
        assert step["cost"] == pytest.approx(sum(q["cost"] for q in mine))


def test_a_noisy_run_records_wrong_answers_and_measures_against_the_truth(tmp_path: Path) -> None:
    done = run(tmp_path / "noisy", oracle="noisy", noise=1.0, price=2.0)
    check_sums(done, 2.0)
    assert all(q["answer"] != TRUTH[q["id"]] for q in done.queries.to_pylist())
    # Trained on wrong answers only: measured by them, it would seem better than chance.
    assert max(done.steps.column("accuracy").to_pylist()) < 0.3
    oracle = done.manifest["configuration"]["oracle"]  # pyright: ignore[reportIndexIssue]
    assert (oracle["kind"], oracle["noise"], oracle["price"]) == ("noisy", [1.0], 2.0)


@pytest.mark.slow
def test_a_confusion_file_is_followed_and_recorded(files: dict[str, Path], tmp_path: Path) -> None:
    done = run(tmp_path / "confused", oracle="noisy", confusion=files["confusion.csv"])
    check_sums(done, 1.0)
    said = Counter((TRUTH[q["id"]], q["answer"]) for q in done.queries.to_pylist())
    assert {answer for true, answer in said if true == CLASSES[0]} == {CLASSES[1]}
    right = [n for (true, answer), n in said.items() if true == answer]
    others = sum(n for (true, _), n in said.items() if true != CLASSES[0])
    assert sum(right) / others == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / others))
    oracle = done.manifest["configuration"]["oracle"]  # pyright: ignore[reportIndexIssue]
    assert oracle["confusion"][0] == [0, 1, 0, 0, 0, 0]
    assert oracle["files"] == [str(files["confusion.csv"])]


@pytest.mark.slow
def test_annotators_are_each_paid_for_and_their_majority_is_recorded(tmp_path: Path) -> None:
    done = run(
        tmp_path / "annotators", oracle="annotators", noise="0,0,0.9", answers=3, price=0.5
    )  # fmt: skip
    check_sums(done, 0.5)
    assert set(done.queries.column("questions").to_pylist()) == {3}
    assert all(q["answer"] == TRUTH[q["id"]] for q in done.queries.to_pylist())


@pytest.fixture(scope="module")
def partial(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(
        tmp_path_factory.mktemp("runs") / "partial",
        oracle="hierarchical", groups=files["groups.json"], max_questions=2,
    )  # fmt: skip


def test_partial_answers_are_correct_and_named_and_can_be_trained_on(partial: Run) -> None:
    check_sums(partial, 1.0)
    queries = partial.queries.to_pylist()
    assert max(q["questions"] for q in queries) == 2
    answers = Counter(q["answer"] for q in queries)
    assert answers["middle"] > 0
    assert any(" | " in answer for answer in answers)
    for query in queries:
        answer = query["answer"]
        assert TRUTH[query["id"]] in GROUPS.get(answer, answer.split(" | "))
    oracle = partial.manifest["configuration"]["oracle"]  # pyright: ignore[reportIndexIssue]
    assert oracle["groups"] == {**GROUPS, CLASSES[5]: [CLASSES[5]]}
    assert all(np.isfinite(partial.steps.column("nll").to_pylist()))


@pytest.mark.slow
def test_two_workers_give_the_same_bytes_as_one(
    partial: Run, files: dict[str, Path], tmp_path: Path
) -> None:
    pair = run(
        tmp_path / "pair", workers=2,
        oracle="hierarchical", groups=files["groups.json"], max_questions=2,
    )  # fmt: skip
    for name in ("steps", "metrics", "queries"):
        first, second = (r.folder / f"{name}.parquet" for r in (partial, pair))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"oracle": "noisy"}, "either one error rate or a matrix"),
        ({"oracle": "hierarchical", "groups": "absent.json"}, "no such file: absent.json"),
        ({"oracle": "noisy", "confusion": "groups.json"}, "a row of numbers for each class"),
    ],
)
def test_a_bad_oracle_leaves_no_folder_behind(
    options: dict[str, str], what: str, files: dict[str, Path], tmp_path: Path
) -> None:
    options = {name: str(files.get(value, value)) for name, value in options.items()}
    with pytest.raises(UsageError, match=what):
        run(tmp_path / "refused", **options)
    assert not (tmp_path / "refused").exists()
