"""The table after a run: what was spent is shown where it is not the number of labels."""

import json
from pathlib import Path

import pytest

from alsim.cli.summary import print_summary
from alsim.experiments.records import Round, StepRecord
from alsim.store import Run, create_run, read_run, write_manifest, write_tables


def make_run(folder: Path, *, questions: int, price: float, spread: int = 0) -> Run:
    """Return a run whose oracle asks so many questions an object, more by `spread` a seed."""
    create_run(folder)
    rounds: list[Round] = []
    for seed in range(2):
        for step in range(3):
            n = 1000 + 20 * step
            asked = questions * n + spread * seed
            record = StepRecord(
                "margin", seed, step, n, price * asked, asked, 64, 0.5, 0.5, 0.5, 1.0, 0.1
            )
            rounds.append(Round(record, (), ()))
    write_tables(folder, rounds)
    write_manifest(
        folder, {"status": "complete", "evaluation_split": "test", "n_evaluated": 100}
    )  # fmt: skip
    return read_run(folder)


def first_lines(run: Run, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    print_summary(run, as_json=False)
    head, row, *_ = capsys.readouterr().out.split("\n")
    return head, row


@pytest.mark.parametrize(
    ("questions", "price", "columns", "cells"),
    [
        (1, 1.0, [], []),
        (3, 1.0, ["questions"], ["3,120"]),
        (1, 0.25, ["cost"], ["260"]),
        (3, 0.25, ["questions", "cost"], ["3,120", "780"]),
    ],
)
def test_questions_and_cost_stand_in_the_table_where_they_tell_something(
    questions: int,
    price: float,
    columns: list[str],
    cells: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = make_run(tmp_path / "posts", questions=questions, price=price)
    head, row = first_lines(run, capsys)
    assert head.split()[:-8] == ["strategy", "seeds", "labels", *columns]
    assert row.split()[: 3 + len(cells)] == ["margin", "2", "1,040", *cells]
    assert row.split()[3 + len(cells)] == "0.5000"


def several_tasks(run: Run, unit: str) -> Run:
    told = {"tasks": {"colour": {}, "season": {}}, "configuration": {"unit": unit}}
    write_manifest(run.folder, {**run.manifest, **told})
    return read_run(run.folder)


@pytest.mark.parametrize(("unit", "counts"), [("object", "objects"), ("cell", "labels")])
def test_objects_are_called_that(
    unit: str, counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = several_tasks(make_run(tmp_path / "posts", questions=1, price=1.0), unit)
    assert first_lines(run, capsys)[0].split()[2] == counts


def test_the_mean_over_tasks_has_no_sampling_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "posts", questions=1, price=1.0)
    print_summary(run, as_json=False)
    assert "the 100 test rows add a sampling error of ±0.0980" in capsys.readouterr().out
    several = several_tasks(run, "cell")
    print_summary(several, as_json=False)
    told = capsys.readouterr().out
    assert "sampling error" not in told
    assert "mean over 2 tasks: accuracy on 100 test rows\n" in told
    print_summary(several, as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["sampling_error"] is None


def test_what_differs_by_seed_has_an_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "posts", questions=2, price=1.0, spread=10)
    _, row = first_lines(run, capsys)
    assert "2,085 ± 64" in row  # t₁ · 5 = 63.5


def test_json_always_tells_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(make_run(tmp_path / "posts", questions=1, price=2.0), as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["labels_used"]["mean"] == margin["questions"]["mean"] == 1040
    assert margin["cost"]["mean"] == 2080
