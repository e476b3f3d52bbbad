"""Arguments refused before any command begins, and errors shown by the boundary."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import write_tiny_run
from typer.testing import CliRunner

from alsim.cli.main import app

LONG = "x" * 300


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 2, done.stderr
    return done.stderr.partition("error: ")[2]


@pytest.mark.parametrize(
    "arguments",
    [["run", "--out", ""], ["run", "--out="], ["pool", "info", ""], ["run", "--noise", ""]],
)
def test_an_empty_value_is_refused_as_it_may_come_from_an_unset_shell_variable(
    arguments: list[str],
) -> None:
    assert refused(*arguments).startswith("an empty value\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--label", "topic", "--label", "topic"],
        ["run", "--features", "a,a"],
        ["train", "--label", "topic", "--label", "topic"],
        ["pool", "info", "x", "--label", "topic", "--label", "topic"],
        ["pool", "check", "x", "--features", "topic,topic"],
        ["pool", "import", "x", "-o", "y", "--modality", "topic", "--modality", "topic"],
    ],
)
def test_a_column_that_is_named_twice_is_refused(arguments: list[str]) -> None:
    named = "a" if "a,a" in arguments else "topic"
    assert refused(*arguments).startswith(f"'{named}' is named twice\n")


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        *(["run", "--out", LONG], ["correlate", "--out", LONG], ["train", "--out", LONG]),
        *(["pool", "synth", "vk", "-o", LONG], ["pool", "import", LONG, "-o", "y"]),
        *(
            ["run", "--oracle", "noisy", "--confusion", LONG],
            ["correlate", "--plot", f"{LONG}.png"],
        ),
    ],
)
def test_a_name_of_over_255_bytes_is_refused(arguments: list[str]) -> None:
    assert "File name too long" in refused(*arguments)


def test_a_picture_with_a_name_of_over_255_bytes_is_refused(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "run")
    assert "File name too long" in refused("plot", str(run), "--out", f"{LONG}.png")


def test_a_value_of_thousands_of_characters_does_not_hide_the_message() -> None:
    message = refused("run", "--strategy", "x" * 100_000)
    assert max(map(len, message.splitlines())) < 3000


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_memory_limit_gives_one_message_and_exit_code_5() -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -v 60000; "$@"', "sh", sys.executable, "-m", "alsim", "run"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert "error: memory ran out: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_a_deleted_working_folder_is_a_store_error(tmp_path: Path) -> None:
    script = (
        f"import os\nos.chdir({str(tmp_path)!r})\nos.rmdir({str(tmp_path)!r})\n"
        "from alsim.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "strategies"],
        capture_output=True, text=True, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith("error: the working folder was deleted\n")
