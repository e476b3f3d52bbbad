"""Bad pools, configurations and run folders: each gives one message, never a traceback.

They are in `pools.py`, `configurations.py` and `run_folders.py` next to this file, and are typed as
a user would type them.
"""

from pathlib import Path

import pytest
from corpus.configurations import BAD_CONFIGURATIONS
from corpus.pools import BAD_POOLS
from corpus.run_folders import BAD_RUNS
from typer.testing import CliRunner

from alsim.cli.main import app

TINY = ("--seeds", "1", "--initial-size", "4", "--query-size", "1", "--steps", "1")
CHEAP = (*TINY, "--max-epochs", "1", "--model", "auto(width=4)", "--workers", "1")


def refused(arguments: list[str], codes: set[int]) -> str:
    """Return the message of a command that must fail with one message and one of these codes."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code in codes, (done.exit_code, done.output, done.exception)
    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    message = done.stderr[done.stderr.index("error: ") :] if "error: " in done.stderr else ""
    if not message:  # refused by the command-line parser itself
        assert done.stderr.count("Error: ") == 1
        return done.stderr
    assert message.count("error: ") == 1
    assert "\n  where: " in message
    assert "\n  mend:  " in message
    return message


def test_the_corpus_has_at_least_sixty_cases() -> None:
    assert len(BAD_POOLS) + len(BAD_CONFIGURATIONS) + len(BAD_RUNS) >= 60


@pytest.mark.long
@pytest.mark.process
@pytest.mark.parametrize("name", BAD_POOLS)
def test_a_bad_pool_gives_one_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = BAD_POOLS[name](tmp_path)
    refused(["run", *arguments, *CHEAP, "--out", "made"], {2, 3})
    assert not Path("made").exists()


@pytest.mark.long
@pytest.mark.process
@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_a_bad_configuration_gives_one_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(BAD_CONFIGURATIONS[name](tmp_path), {2, 3})
    assert list(tmp_path.rglob("run.json")) == []


@pytest.mark.parametrize("name", BAD_RUNS)
def test_reading_a_bad_run_folder_gives_one_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    BAD_RUNS[name](tmp_path / "bad")
    refused(["plot", "bad"], {4})


@pytest.mark.parametrize("name", BAD_RUNS)
def test_resuming_a_bad_run_folder_gives_no_traceback(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    BAD_RUNS[name](tmp_path / "bad")
    done = CliRunner().invoke(app, ["resume", "bad"])
    # A run marked complete is shown if its steps can be read.
    assert done.exit_code in {0, 3, 4}, (done.output, done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.stderr
