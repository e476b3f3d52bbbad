"""Standard streams that are closed, full or not UTF-8, on real processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import write_tiny_run

pytestmark = pytest.mark.process

ALSIM = [sys.executable, "-m", "alsim"]
COMPLETE = "the result is complete and written, but stdout cannot be written"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")


def run(
    redirection: str, *arguments: str | Path, folder: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a shell with its streams redirected."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *ALSIM, *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **environment},
    )  # fmt: skip


@needs_full
@pytest.mark.parametrize("unbuffered", ["", pytest.param("1", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_stdout_that_cannot_be_written_is_one_message_and_exit_code_4(
    redirection: str, reason: str, unbuffered: str
) -> None:
    done = run(redirection, "--help", PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 4
    what, where, mend = done.stderr.splitlines()
    assert what == f"error: stdout cannot be written: {reason}"
    assert where == "  where: stdout"
    assert mend.startswith("  mend:  ")


@needs_full
@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
@pytest.mark.parametrize(
    "command",
    [
        *("--version", "run --help", "strategies", "strategies bald --json", "models"),
        *("recipe list", "compare run --csv", "compare run --details", "pool info pool"),
        "pool check pool",
    ],
)
def test_every_command_says_so_without_a_traceback(
    command: str, redirection: str, tmp_path: Path
) -> None:
    write_tiny_run(tmp_path / "run")
    subprocess.run(
        [*ALSIM, "pool", "synth", "mmoe", "--rows", "60", "-o", "pool"], cwd=tmp_path, check=True
    )
    done = run(redirection, *command.split(), folder=tmp_path)
    assert done.returncode == 4, done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert done.stderr.startswith("error: stdout cannot be written")


@needs_full
@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "written"),
    [
        ("plot run", "run/curves.png"),
        ("pool synth mmoe --rows 60 -o pool", "pool"),
        ("train --seeds 1 --max-epochs 1 --workers 1 --model linear --out new", "new"),
        ("run --seeds 1 --initial-size 50 --steps 1 --max-epochs 1 --workers 1 --out new", "new"),
    ],
)
def test_a_result_that_is_written_says_so_though_it_cannot_be_printed(
    command: str, written: str, tmp_path: Path
) -> None:
    write_tiny_run(tmp_path / "run")
    done = run("> /dev/full", *command.split(), folder=tmp_path)
    assert done.returncode == 4
    what, where, _ = done.stderr.splitlines()[-3:]
    assert what == f"error: {COMPLETE}: No space left on device"
    assert where == f"  where: {written}"
    assert (tmp_path / written).exists()


@needs_full
@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full", "2>&- <&-"])
def test_stderr_that_cannot_be_written_stops_nothing(redirection: str, tmp_path: Path) -> None:
    few = ("--initial-size", "50", "--steps", "1", "--max-epochs", "1", "--workers", "0")
    done = run(redirection, "run", "--seeds", "1", *few, "--out", tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"wrote {tmp_path / 'new'}" in done.stdout


@pytest.mark.slow
def test_an_encoding_that_lacks_characters_gets_them_escaped_and_json_stays_json(
    tmp_path: Path,
) -> None:
    run_folder = write_tiny_run(tmp_path / "±")
    shown = run("", "compare", run_folder, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert r" \xb1 " in shown.stdout
    as_json = run("", "compare", run_folder, "--json", PYTHONIOENCODING="ascii")
    assert rf'"{tmp_path}/\u00b1"' in as_json.stdout


def test_what_typer_says_of_an_argument_is_escaped_too() -> None:
    done = run("", "strategies", "--\x1b[31mred\u202e")
    assert done.returncode == 2
    assert r"--\x1b[31mred\u202e" in done.stderr
    assert "\x1b" not in done.stderr
