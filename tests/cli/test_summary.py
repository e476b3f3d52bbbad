"""What is shown after a run: the answer; questions and cost where they differ from labels."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from tiny_runs import ahead, write_tiny_run

import alsim
from alsim.analysis.curves.answer import at_end_words, headline
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


def cells_of(run: Run, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the cells of the only strategy by their headers."""
    print_summary(run, as_json=False)
    head, row = capsys.readouterr().out.split("\n\n")[1].splitlines()
    return dict(zip(re.split(r" {2,}", head), re.split(r" {2,}", row), strict=True))


@pytest.mark.parametrize(
    ("questions", "price", "shown"),
    [
        (1, 1.0, {}),
        (3, 1.0, {"cost": "3,120"}),
        (1, 0.25, {"cost": "260"}),
        (3, 0.25, {"questions": "3,120", "cost": "780"}),
    ],
)
def test_questions_and_cost_are_shown_where_they_differ_from_the_labels(
    questions: int,
    price: float,
    shown: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = make_run(tmp_path / "posts", questions=questions, price=price)
    cells = cells_of(run, capsys)
    assert {name: cells[name] for name in ("questions", "cost") if name in cells} == shown
    assert cells["strategy"] == "margin"
    assert cells["last accuracy"] == ".5000 ± .0000"


def several_tasks(run: Run, unit: str) -> Run:
    changed = {"tasks": {"colour": {}, "season": {}}, "configuration": {"unit": unit}}
    write_manifest(run.folder, {**run.manifest, **changed})
    return read_run(run.folder)


@pytest.mark.parametrize(("unit", "counts"), [("object", "objects"), ("cell", "labels")])
def test_labels_are_called_objects_in_runs_by_objects(
    unit: str, counts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = several_tasks(make_run(tmp_path / "posts", questions=1, price=1.0), unit)
    print_summary(run, as_json=False)
    assert f"from 1,000 to 1,040 {counts}\n" in capsys.readouterr().out


def test_the_mean_over_tasks_has_no_sampling_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "posts", questions=1, price=1.0)
    print_summary(run, as_json=False)
    output = capsys.readouterr().out
    assert "on 100 test rows; sampling error: .5000 is known to within [.4038, .5962]" in output
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
    assert cells_of(run, capsys)["cost"] == "2,085 ± 64"  # t₁ · 5 = 63.5


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
    cells = cells_of(read_run(run), capsys)
    assert cells["first accuracy"] == ".4850 [0, 1]"
    assert cells["last accuracy"] == ".0000 ± .0000"
    assert cells["AUBC"] == ".2425 [0, .91]"
    print_summary(read_run(run), as_json=False)
    assert ".0000 is known to within [.0000, .2991]" in capsys.readouterr().out
    print_summary(read_run(run), as_json=True)
    margin = json.loads(capsys.readouterr().out)["strategies"]["margin"]
    assert margin["sampling_interval"] == pytest.approx([0, 0.2991], abs=5e-5)
    assert (margin["first_accuracy"]["low"], margin["first_accuracy"]["high"]) == (0, 1)


def test_a_run_ends_with_the_answer_and_the_numbers_of_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = ahead({"random": [0] * 3, "y": [50, 55, 52], "z": [100, 110, 120]})
    folder = write_tiny_run(tmp_path / "r", curves)
    run, found = read_run(folder), alsim.compare(folder)
    print_summary(run, as_json=False)
    answer, table, rest = capsys.readouterr().out.split("\n\n")
    assert answer.splitlines() == [headline(found), at_end_words(found)]
    assert answer.startswith("z is better than random: it needs 110 fewer labels on average (95 % ")
    # Beside a verdict no interval but that which agrees with it.
    cells = [re.split(r" {2,}", line) for line in table.splitlines()]
    assert "±" not in table
    assert {*dict(zip(cells[0], cells[1], strict=True))} >= {"first accuracy", "cost", "AUBC"}
    assert [line.split()[0] for line in table.splitlines()] == ["strategy", "z", "y", "random"]
    hints = rest.splitlines()[-2:]
    assert hints == [
        f"every pair of strategies: alsim compare {folder} --all-pairs",
        f"see the curves: alsim plot {folder} --out curves.png",
    ]
    print_summary(run, as_json=True)
    printed = json.loads(capsys.readouterr().out)["comparison"]
    assert printed == json.loads(json.dumps(asdict(found)))
