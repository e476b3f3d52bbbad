"""The table after a run: questions and cost are shown where they differ from the labels."""

import json
import re
from pathlib import Path

import pytest
from tiny_runs import write_tiny_run

from alsim.cli.screens.curves import print_summary
from alsim.experiments.curves.records import Round, StepRecord
from alsim.store.curves import Run, read_run, write_tables
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest


def make_run(folder: Path, *, questions: int, price: float, spread: int = 0) -> Run:
    """Return a run with a number of questions for each object, plus `spread` for each seed."""
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
def test_questions_and_cost_are_shown_where_they_differ_from_the_labels(
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
    changed = {"tasks": {"colour": {}, "season": {}}, "configuration": {"unit": unit}}
    write_manifest(run.folder, {**run.manifest, **changed})
    return read_run(run.folder)


@pytest.mark.parametrize(("unit", "counts"), [("object", "objects"), ("cell", "labels")])
def test_the_column_is_called_objects_in_runs_by_objects(
    unit: str, counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = several_tasks(make_run(tmp_path / "posts", questions=1, price=1.0), unit)
    assert first_lines(run, capsys)[0].split()[2] == counts


def test_the_mean_over_tasks_has_no_sampling_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "posts", questions=1, price=1.0)
    print_summary(run, as_json=False)
    output = capsys.readouterr().out
    assert "0.5000 on 100 test rows is known to within [0.4038, 0.5962]" in output
    several = several_tasks(run, "cell")
    print_summary(several, as_json=False)
    output = capsys.readouterr().out
    assert "sampling error" not in output
    assert "mean over 2 tasks: accuracy on 100 test rows\n" in output
    print_summary(several, as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["sampling_interval"] is None


def test_a_value_that_differs_between_seeds_has_an_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "posts", questions=2, price=1.0, spread=10)
    _, row = first_lines(run, capsys)
    assert "2,085 ± 64" in row  # t₁ · 5 = 63.5


def test_json_always_holds_questions_and_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(make_run(tmp_path / "posts", questions=1, price=2.0), as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["labels_used"]["mean"] == margin["questions"]["mean"] == 1040
    assert margin["cost"]["mean"] == 2080


def test_two_seeds_far_apart_and_nine_rows_give_intervals_within_0_and_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_tiny_run(tmp_path / "r", {"margin": {0: [0.38, 0.0], 1: [0.59, 0.0]}}, price=1.0)
    write_manifest(run, {**read_run(run).manifest, "n_evaluated": 9})
    print_summary(read_run(run), as_json=False)
    head, row, *notes = capsys.readouterr().out.splitlines()
    assert re.split(" {2,}", row)[-3:] == ["0.4850 [0, 1]", "0.0000 ± 0.0000", "0.2425 [0, 0.91]"]
    assert max(map(len, (head, row))) <= 80
    assert notes[0].endswith("; [ ] where ± would go below 0 or above 1")
    assert "0.0000 on 9 test rows is known to within [0.0000, 0.2991]" in notes[1]
    print_summary(read_run(run), as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["sampling_interval"] == pytest.approx([0, 0.2991], abs=5e-5)
    assert (margin["first_accuracy"]["low"], margin["first_accuracy"]["high"]) == (0, 1)
