"""What a person sees on terminals of 50, 60, 80 and 120 columns, through a pseudo-terminal."""

import fcntl
import io
import os
import re
import struct
import termios
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from hostile import without_styles
from made_trainings import EVALUATIONS, make_results, write_made_training
from tiny_runs import ahead, write_tiny_run

import alsim
from alsim.analysis.curves.summary import summarise
from alsim.cli.screens.comparison import print_comparison
from alsim.cli.screens.comparison_cells import points
from alsim.cli.screens.comparison_tables import strategy_table
from alsim.cli.screens.correlation import print_correlation
from alsim.cli.screens.curves import print_summary
from alsim.cli.screens.gates import print_gates
from alsim.cli.screens.output import print_lines
from alsim.cli.screens.tables import TextTable, print_table
from alsim.cli.screens.training import print_training
from alsim.experiments.correlation import GroupRecord
from alsim.plots.options import GatesOptions
from alsim.store.correlation import build_groups, read_correlation, write_correlation
from alsim.store.curves import Run, read_run
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest
from alsim.store.training import read_training

WIDTHS = [50, 60, 80, 120]
BLOCKS = 60  # below, there is a block a strategy
See = Callable[[int, Callable[[], None]], str]


@pytest.fixture
def see(monkeypatch: pytest.MonkeyPatch) -> See:
    """Return a function that prints on a terminal of some columns, and returns what it shows."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def seen(width: int, show: Callable[[], None]) -> str:
        reading, writing = os.openpty()
        fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        parts: list[bytes] = []

        def read() -> None:
            try:
                while part := os.read(reading, 1 << 16):
                    parts.append(part)
            except OSError:  # the terminal is closed
                pass

        reader = threading.Thread(target=read)
        reader.start()
        with os.fdopen(writing, "w") as terminal, redirect_stdout(terminal):
            show()
        reader.join()
        os.close(reading)
        text = without_styles(b"".join(parts).decode()).replace("\r\n", "\n")
        check_lines(text, width)
        return text

    return seen


def check_lines(text: str, width: int) -> None:
    """Check that nothing is cut, and that only commands and paths are wider than the terminal."""
    assert not re.search(r"\S…", text)
    for line in text.splitlines():
        assert len(line) <= width or re.search(r"\balsim |\S*/\S{30}", line), line
    # No line ends between a number and its sign, its unit or the other end of its interval.
    assert not re.search(r"\(95 %\n|\(95 % \S+( to)?\n\s*(to )?[≥−\d]", text)
    assert not re.search(r"([±=<…]|\[[^\]]*,)\n", text)
    assert not re.search(r"\n\s*([±=<%…]|[^\[\n]*\])(\s|;|,|$)", text)


def check_table(text: str, table: TextTable, width: int) -> None:
    """Check that a table's rows are whole, and that the columns left out are named."""
    lines = text.splitlines()
    if width < BLOCKS:
        for row in table.rows:
            start = lines.index(row[0])
            block = [re.split(r" {2,}", line.strip()) for line in lines[start + 1 :]]
            others = zip(table.headers[1:], row[1:], strict=True)
            assert block[: len(row) - 1] == [[header, cell] for header, cell in others]
        return
    head = next(line for line in lines if line.startswith(f"{table.headers[0]}  "))
    shown = re.split(r" {2,}", head.strip())
    n = len(shown)
    assert shown == list(table.headers[:n])
    for row in table.rows:
        assert list(row[:n]) in [re.split(r" {2,}", line.strip()) for line in lines]
    words = " ".join(text.split())
    left_out = ", ".join(table.headers[n:])
    assert (f"left out: {left_out}; to see them, widen the terminal to" in words) == bool(left_out)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    curves = {
        "class-balanced(score=entropy)": [100, 110, 120],
        "random": [0, 0, 0],
        "margin": [20, -10, 35],
    }
    folder = tmp_path_factory.mktemp("runs") / "posts"
    return read_run(write_tiny_run(folder, ahead(curves), price=1.0))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_run_shows_the_answer_the_table_and_commands_that_can_be_copied(
    width: int, run: Run, see: See
) -> None:
    text = see(width, lambda: print_summary(run, as_json=False))
    assert " ".join(text.split()).startswith(
        # Of two verdicts the intervals are at 2.5 %: 110 ± 6.205 · 10 / √3.
        "class-balanced(score=entropy) is better than random: it needs 110 fewer labels on average "
        "(95 % 74 to 146), p = .0"
    )
    starts = summarise(run.steps, run.n_evaluated)
    first = {each.strategy: points(each.first_accuracy.mean) for each in starts}
    check_table(text, strategy_table(alsim.compare(run), {"first accuracy": first}), width)
    assert f"alsim plot {run.folder} --out curves.png\n" in text
    assert f"alsim compare {run.folder} --all-pairs\n" in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("with_details", [False, True], ids=["short", "details"])
@pytest.mark.parametrize("all_pairs", [False, True], ids=["baseline", "all-pairs"])
def test_a_comparison_keeps_strategy_and_labels_saved_and_names_what_is_left_out(
    width: int, with_details: bool, all_pairs: bool, run: Run, see: See
) -> None:
    found = alsim.compare(run, cost_per_label=0.08, all_pairs=all_pairs)
    text = see(width, lambda: print_comparison(found, run, with_details=with_details))
    check_table(text, strategy_table(found), width)


def test_a_comparison_of_short_names_is_whole_at_120_columns(tmp_path: Path, see: See) -> None:
    run = read_run(write_tiny_run(tmp_path / "posts"))
    text = see(120, lambda: print_comparison(alsim.compare(run), run, with_details=False))
    assert "left out" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_correlation_keeps_each_metric_with_its_correlation(
    width: int, tmp_path: Path, see: See
) -> None:
    folder = tmp_path / "study"
    create_run(folder)
    groups = [
        GroupRecord(metric, seed, group, 100, 0.1 * group, 0.5 + 0.01 * (group * seed % 3), 1.0)
        for metric in ("margin", "random")
        for seed in range(3)
        for group in range(5)
    ]
    write_correlation(folder, build_groups(groups))
    configuration = {"initial_size": 60, "training": {"epochs": 1}}
    facts = {"evaluation_split": "test", "n_evaluated": 200, "configuration": configuration}
    write_manifest(folder, {"status": "complete", "kind": "correlation", **facts})
    study = read_correlation(folder)
    text = see(width, lambda: print_correlation(study, as_json=False))
    between = r"\n  mean ρ +" if width < BLOCKS else " +"
    for found in study.correlations:
        mean = "undefined" if found.mean is None else f"{found.mean:+z.3f}"
        row = f"^{re.escape(found.metric)}{between}{re.escape(mean)}( |$)"
        assert re.search(row, text, re.M)
    assert ("left out: " in text) == (width in (60, 80))
    assert f"alsim plot {folder} --kind scatter\n" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_training_keeps_each_model_with_its_value(width: int, tmp_path: Path, see: See) -> None:
    models = {"mmoe": {"evaluations": []}, "multi-cluster": {"evaluations": [*EVALUATIONS]}}
    folder = write_made_training(tmp_path / "study", configuration={"models": models})
    study = read_training(folder)
    text = see(width, lambda: print_training(study, as_json=False, with_details=True))
    pipe = io.StringIO()
    with redirect_stdout(pipe):
        print_training(study, as_json=False, with_details=True)
    numbers = re.compile(r"[+-]?\d?\.\d+ ± \d?\.\d+")
    whole = numbers.findall(pipe.getvalue())
    assert len(whole) > 10
    if width in (50, 120):  # nothing is left out
        assert numbers.findall(text) == whole
    for model in study.models:
        assert model in text


@pytest.mark.parametrize("width", WIDTHS)
def test_gates_keep_each_task_with_its_experts(width: int, tmp_path: Path, see: See) -> None:
    weights = np.array([[[0.5, 0.3, 0.2], [0.9, 0.1, 0.0]], [[0.4, 0.4, 0.2], [0.8, 0.1, 0.1]]])
    results = make_results(["mmoe"], n_seeds=2, gates={"mmoe": weights})
    folder = write_made_training(tmp_path / "study", results)
    text = see(width, lambda: print_gates(folder, GatesOptions(), as_json=False))
    assert "0 (.50) 1 (.30) 2 (.20)" in text
    assert re.search(r"^colour(\n  experts)? +2\.8 ", text, re.M)


TABLE = TextTable(
    ["name", "kept", "what it says", "left"],
    [["a", "1.0 ± .1", "one two three four five six seven eight nine ten", "x" * 40]],
    right=[1],
    kept=[0, 1],
    prose=[2],
)


def test_prose_is_broken_between_words_and_takes_the_room_that_there_is(see: See) -> None:
    text = see(80, lambda: print_table(TABLE, otherwise="add --json"))
    assert "one two three four five six seven eight nine ten" in text
    assert "left out: left; to see them, widen the terminal to 82 characters or add --json" in (
        " ".join(text.split())
    )
    whole = see(90, lambda: print_table(TABLE)).splitlines()
    assert whole[2].endswith("x" * 40)
    assert "  one two three four five six  " in whole[2]
    assert [line.strip() for line in whole[3:]] == ["seven eight nine ten"]


def test_where_even_the_kept_columns_have_no_room_there_are_blocks(see: See) -> None:
    name = "mine.py:" + "long" * 17
    table = TextTable(["strategy", "labels saved"], [[name, "+1 [0, 2]"]], kept=[0, 1])
    assert see(80, lambda: print_table(table)).splitlines() == [name, "  labels saved  +1 [0, 2]"]


def test_a_command_stays_on_one_line_and_prose_is_filled(see: See) -> None:
    command = "alsim plot runs/posts --kind difference --out a-long-name-of-a-picture.png"
    text = see(50, lambda: print_lines([f"see the curves, which are many: {command}"]))
    assert text.splitlines() == ["see the curves, which are many:", f"  {command}"]
    sentence = "one seed gives neither interval nor verdict: add --seeds 5"
    lines = see(50, lambda: print_lines([sentence])).splitlines()
    assert lines == ["one seed gives neither interval nor verdict: add", "  --seeds 5"]
