"""What ends `alsim` early: signals, a closed terminal, a closed pipe."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest
from typer.testing import CliRunner

from alsim.cli.main import app
from alsim.store.curves import read_run

pytestmark = pytest.mark.process

ALSIM = [sys.executable, "-m", "alsim"]
RUN = [
    *(*ALSIM, "run", "--seeds", "1", "--initial-size", "50", "--query-size", "2"),
    *("--steps", "100", "--max-epochs", "2", "--model", "auto(width=8)", "--workers", "1"),
]
IMPORTING, READY, RUNNING, LATER = "starting\n", "learning curves", "10 %", "40 %"  # on stderr
WORDS = {
    signal.SIGINT: (130, "interrupted"),
    signal.SIGTERM: (143, "terminated"),
    signal.SIGHUP: (129, "hung up"),
}
Process = subprocess.Popen[str]


class Start(Protocol):
    def __call__(self, *arguments: str | Path, until: str) -> Process: ...


@pytest.fixture
def start() -> Generator[Start]:
    """Yield a function that starts a run of ten seconds and waits for a line on its stderr."""
    processes: list[Process] = []

    def start_one(*arguments: str | Path, until: str) -> Process:
        process = subprocess.Popen(
            [*RUN, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        wait_for(until, process)
        return process

    yield start_one
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(words: str, process: Process) -> None:
    """Wait for a line on stderr that contains the words."""
    assert process.stderr is not None
    while words and words not in (line := process.stderr.readline()):
        assert line, f"it ended with {process.wait()} before saying {words!r}"


def end(process: Process) -> tuple[int, str]:
    """Return the exit code and the rest of stderr; no process may be left."""
    output, errors = process.communicate(timeout=60)
    assert output == ""
    deadline = time.monotonic() + 20
    while is_there(process.pid):
        assert time.monotonic() < deadline, "a worker lives on"
        time.sleep(0.1)
    return process.returncode, errors


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", WORDS)
def test_a_signal_during_the_slow_import_gives_one_word_and_its_exit_code(
    number: signal.Signals, start: Start, tmp_path: Path
) -> None:
    process = start("--out", tmp_path / "r", until=IMPORTING)
    time.sleep(0.3)
    process.send_signal(number)
    code, word = WORDS[number]
    assert end(process) == (code, word + "\n")
    assert not (tmp_path / "r").exists()


def test_a_terminated_run_keeps_its_records_as_after_ctrl_c(start: Start, tmp_path: Path) -> None:
    process = start("--out", tmp_path / "r", until=RUNNING)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # for example, `timeout` sends it twice
    code, errors = end(process)
    assert code == 143
    assert errors.splitlines()[-1] == "terminated"
    assert str(tmp_path / "r") in errors
    assert "Traceback" not in errors
    assert read_run(tmp_path / "r").status == "interrupted"


@pytest.mark.parametrize("gap", [0.02, pytest.param(0.2, marks=pytest.mark.slow)])
def test_a_second_ctrl_c_ends_the_command_at_once(gap: float, start: Start, tmp_path: Path) -> None:
    process = start("--out", tmp_path / "r", until=READY)
    for _ in range(2):
        os.killpg(process.pid, signal.SIGINT)  # the whole group, as a terminal does
        time.sleep(gap)
    code, errors = end(process)
    assert code == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors


def test_closing_the_terminal_ends_the_command(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    own_terminal = (
        "import fcntl, os, sys, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", own_terminal, *RUN, "--out", str(tmp_path / "r")],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while b"starting" not in shown:
        shown += os.read(master, 4096)
    os.close(master)
    assert process.wait(timeout=60) == 129


@pytest.mark.parametrize(
    "command", [["run", "--help"], pytest.param(["strategies"], marks=pytest.mark.slow)]
)
def test_a_closed_output_pipe_ends_the_command_silently(command: list[str]) -> None:
    process = subprocess.Popen(
        [*ALSIM, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait() == 141


@pytest.mark.slow
def test_a_closed_progress_pipe_ends_the_run_silently(start: Start, tmp_path: Path) -> None:
    process = start("--out", tmp_path / "r", until=RUNNING)
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    output, _ = process.communicate(timeout=120)
    assert (process.returncode, output) == (141, "")


# nohup ignores SIGHUP; the shell of a script ignores SIGINT in commands started with "&", as
# Ctrl-C is not meant for that.
@pytest.mark.parametrize("name", ["HUP", pytest.param("INT", marks=pytest.mark.slow)])
def test_a_signal_ignored_at_the_start_stays_ignored_and_others_end_the_run(
    name: str, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        ["sh", "-c", f'trap "" {name}; exec "$@"', "sh", *RUN, "--out", tmp_path / "r"],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    with process.stderr:
        wait_for(RUNNING, process)
        os.killpg(process.pid, signal.Signals[f"SIG{name}"])  # its workers too
        wait_for(LATER, process)
        process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert process.wait(timeout=60) == 143
    assert errors.splitlines()[-1] == "terminated"


@pytest.mark.slow
@pytest.mark.parametrize("tenth", range(7, 60, 5))
def test_ctrl_c_at_any_moment_ends_with_130_and_without_traceback(
    tenth: int, start: Start, tmp_path: Path
) -> None:
    process = start("--out", tmp_path / "r", until="")
    time.sleep(tenth / 10)
    for _ in range(1 + tenth % 2):
        os.killpg(process.pid, signal.SIGINT)
    code, errors = end(process)
    assert code == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's own registry is asked")
@pytest.mark.parametrize(("command", "code"), [(["strategies"], 0), (["compare", "absent"], 4)])
def test_exit_handlers_of_libraries_change_neither_output_nor_exit_code(
    command: list[str], code: int
) -> None:
    # Like a C++ thread that a library leaves running.
    aborting = (
        "import atexit, ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.__cxa_atexit(libc.abort, None, None)\n"
        "atexit.register(print, 'Python has ended well')\n"
        "from alsim.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", aborting, *command], capture_output=True, text=True, check=False
    )
    expected = CliRunner().invoke(app, command)
    assert done.returncode == code == expected.exit_code
    assert done.stdout == expected.stdout + "Python has ended well\n"
    assert done.stderr == expected.stderr
