"""How names from a pool, a run folder or a plug-in are printed."""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hostile import ESCAPE, FORBIDDEN, NAMES, Terminal, without_styles
from rich.live import Live

import alsim.cli
from alsim.cli.screen import console
from alsim.cli.screens.formats import print_csv, print_latex, print_markdown
from alsim.cli.screens.output import (
    print_error,
    print_json,
    print_lines,
    print_remarks,
)
from alsim.cli.screens.pool_info import print_info
from alsim.cli.screens.progress import LiveWatch, PlainWatch
from alsim.cli.screens.tables import TextTable, print_table
from alsim.errors import StoreError
from alsim.escaping import visible
from alsim.experiments.curves.records import StepRecord
from alsim.options.pool import PoolOptions
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.summary import summarise

CLI = Path(alsim.cli.__file__).parent
# Modules that may write to the standard streams; the rest of the command line calls them.
WRITERS = {"output.py", "formats.py", "progress.py", "ending.py", "latest.py"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Straße 日本 · é 👩‍🔬", "Straße 日本 · é 👩‍🔬"),
        ("[/] :smile:", "[/] :smile:"),
        ("a\x1b[31mb\x9b", r"a\x1b[31mb\x9b"),
        ("a\nb\tc\x7f", r"a\nb\tc\x7f"),
        ("\u202ea\u2066\ufeff\u200b", r"\u202ea\u2066\ufeff\u200b"),
        ("\udcff\U000e0041", r"\udcff\U000e0041"),
    ],
)
def test_invisible_characters_are_escaped_and_the_rest_is_unchanged(text: str, shown: str) -> None:
    assert visible(text) == shown


def print_progress(names: list[str]) -> None:
    watch = PlainWatch()
    for name in names:
        watch.note(name)
        watch.stage(name)


def print_live(names: list[str]) -> None:
    shown = console(is_stderr=True)
    with Live(console=shown, refresh_per_second=8, transient=False) as live:
        watch = LiveWatch(shown, live)
        for name in names:
            watch.note(name)
            watch.stage(name)
            watch.progress("epochs", f"0, as for {name}", 1)
            watch.step(StepRecord(name, 0, 0, 1, 1.0, 1, 1, 0.5, 0.5, 0.5, 1.0, 0.1))
        live.refresh()


def print_pool(names: list[str]) -> None:
    known = [name for name in names if "\udcff" not in name]  # which Arrow cannot hold
    columns: dict[str, list[object]] = {name: [[0.0, 1.0]] * 20 * len(known) for name in known}
    columns["label"] = [*known * 20]
    print_info(summarise(open_source(pa.table(columns)), PoolOptions(), FreeValidation(5)))


PRINTERS: dict[str, Callable[[list[str]], None]] = {
    "lines": print_lines,
    "remarks": lambda names: print_remarks("note", names),
    "table": lambda names: print_table(TextTable(names, [names]), title="".join(names)),
    "error": lambda names: print_error(StoreError(*["".join(names).replace("\n", r"\n")] * 3)),
    "progress": print_progress,
    "live progress": print_live,
    "pool": print_pool,
}


@pytest.mark.parametrize("stream", [Terminal, type(Terminal()).__base__], ids=["terminal", "pipe"])
@pytest.mark.parametrize("printer", PRINTERS.values(), ids=PRINTERS.keys())
def test_names_are_printed_unchanged_except_for_invisible_characters(
    printer: Callable[[list[str]], None],
    stream: Callable[[], Terminal],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setenv("TERM", "xterm")
    shown = stream()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", shown)
    printer(NAMES)
    text = without_styles(shown.getvalue().replace("\r", ""))
    assert not FORBIDDEN & set(text)
    for name in NAMES:
        assert visible(name) in text or (printer is print_pool and "\udcff" in name)


def test_json_is_exact_and_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name in NAMES if "\udcff" not in name]
    print_json(names)
    printed = capsys.readouterr().out
    assert json.loads(printed) == names
    assert not FORBIDDEN & set(printed)


def test_a_path_is_not_broken_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    print_lines(["wrote " + (path := "runs/" + "long" * 30 + "-a-b: run.json")])
    assert path.partition(":")[0] in shown.getvalue()


def test_names_in_cells_of_latex_and_markdown_are_escaped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = TextTable(("a_b & c % $x^2$ # {y} ~ \\z | `q`--",), (("two\nlines" + ESCAPE,),))
    print_latex(table)
    latex = capsys.readouterr().out
    assert (
        r"a\_b \& c \% \$x\textasciicircum{}2\$ \# \{y\} \textasciitilde{} \textbackslash{}z "
        r"\textbar{} \textasciigrave{}q\textasciigrave{}{-}{-} \\"
    ) in latex
    assert r"two\textbackslash{}nlines\textbackslash{}x1b" in latex
    print_markdown(table)
    markdown = capsys.readouterr().out
    assert r"a\_b \& c % \$x\^2\$ \# \{y\} \~ \\z \| \`q\`-- |" in markdown
    assert r"two\\nlines\\x1b" in markdown


def test_a_text_cell_of_csv_is_never_a_formula_and_a_number_stays_a_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_csv([{"a": "=1+1", "b": -0.5, "c": "\t@x", "d": "+y", "e": "mine-1", "f": "\x1b\n"}])
    assert capsys.readouterr().out == "a,b,c,d,e,f\n'=1+1,-0.5,'\\t@x,'+y,mine-1,\\x1b\\n\n"


def test_only_listed_modules_write_to_the_standard_streams_and_one_makes_consoles() -> None:
    wrong: list[str] = []
    for path in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("typer.echo", "print", "typer.secho"):
                wrong.append(f"{path.name}: {called}")
            if called.startswith(("sys.stdout.w", "sys.stderr.w")) and path.name not in WRITERS:
                wrong.append(f"{path.name}: {called}")
            if called == "Console" and path.name != "screen.py":
                wrong.append(f"{path.name}: {called}")
    assert wrong == []
