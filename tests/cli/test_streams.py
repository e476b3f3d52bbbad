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
def test_an_unwritable_stdout_gives_one_message_and_exit_code_4(
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
def test_every_command_reports_an_unwritable_stdout_without_traceback(
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
def test_a_written_result_is_reported_on_stderr_if_stdout_is_unwritable(
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
def test_an_unwritable_stderr_does_not_stop_the_command(redirection: str, tmp_path: Path) -> None:
    few = ("--initial-size", "50", "--steps", "1", "--max-epochs", "1", "--workers", "0")
    done = run(redirection, "run", "--seeds", "1", *few, "--out", tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"wrote {tmp_path / 'new'}" in done.stdout


@pytest.mark.slow
def test_characters_that_the_encoding_lacks_are_escaped_and_json_stays_json(
    tmp_path: Path,
) -> None:
    run_folder = write_tiny_run(tmp_path / "±")
    shown = run("", "compare", run_folder, PYTHONIOENCODING="ascii")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert r" \xb1 " in shown.stdout
    as_json = run("", "compare", run_folder, "--json", PYTHONIOENCODING="ascii")
    assert rf'"{tmp_path}/\u00b1"' in as_json.stdout


def test_arguments_in_typers_messages_are_escaped_too() -> None:
    done = run("", "strategies", "--\x1b[31mred\u202e")
    assert done.returncode == 2
    assert r"--\x1b[31mred\u202e" in done.stderr
    assert "\x1b" not in done.stderr
