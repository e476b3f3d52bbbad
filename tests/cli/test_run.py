"""`alsim run` as a user types it: real processes, real exit codes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from alsim.cli.main import app
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curves import read_run

ALSIM = [sys.executable, "-m", "alsim"]
SMALL = [
    *("--initial-size", "100", "--query-size", "10", "--steps", "3"),
    *("--max-epochs", "2", "--model", "auto(width=16)", "--seeds", "2", "--workers", "0"),
]


def alsim(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ALSIM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False
    )


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pools") / "posts.parquet"
    pq.write_table(
        vk_pool(VkOptions(n_rows=900, picture_width=16, text_width=8, n_classes=6)), path
    )
    return path


@pytest.mark.process
def test_a_run_prints_a_plain_summary_in_a_pipe_and_its_progress_to_stderr(
    pool: Path, tmp_path: Path
) -> None:
    done = alsim("run", "--pool", pool, "--strategy", "random,margin", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert not set("━│╭▁█") & set(done.stdout)
    assert "margin" in done.stdout
    assert "[ ]: 95 % interval; like the verdict it speaks of" in done.stdout
    assert "sampling error" in done.stdout
    assert "100 %" in done.stderr
    assert (tmp_path / "runs" / "posts-margin" / "run.json").exists()


@pytest.mark.slow
def test_json_is_the_only_thing_on_stdout(pool: Path, tmp_path: Path) -> None:
    done = alsim(
        "run", "--pool", pool, "--strategy", "margin", *SMALL, "--out", "r", "--json", cwd=tmp_path
    )
    output = json.loads(done.stdout)
    steps = read_run(tmp_path / "r").steps.to_pylist()
    last = [row["accuracy"] for row in steps if row["step"] == 3]
    assert output["strategies"]["margin"]["last_accuracy"]["mean"] == pytest.approx(sum(last) / 2)
    assert output["strategies"]["margin"]["n_labelled"] == 130


@pytest.mark.process
def test_a_mistake_of_the_user_gives_one_message_and_an_exit_code(tmp_path: Path) -> None:
    done = alsim("plot", "absent", cwd=tmp_path)
    assert done.returncode == 4
    assert "no such run" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--strategy", "margn"], 2, "did you mean margin"),
        (["run", "--no-such-flag"], 2, "No such option"),
        (["run", "--pool", "absent.parquet"], 3, "absent.parquet"),
        (["plot", "absent"], 4, "no such run"),
    ],
)
def test_each_family_of_faults_has_its_exit_code(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.rglob("*.json")) == []


def test_an_occupied_folder_is_refused_with_the_store_s_exit_code(
    pool: Path, tmp_path: Path
) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("precious")
    done = CliRunner().invoke(app, ["run", "--pool", str(pool), *SMALL, "--out", f"{tmp_path}/r"])
    assert done.exit_code == 4
    assert (tmp_path / "r" / "thesis.txt").read_text() == "precious"


@pytest.mark.process
def test_ctrl_c_exits_with_130_and_keeps_what_was_recorded(pool: Path, tmp_path: Path) -> None:
    settings = [{"3": "150", "0": "2"}.get(setting, setting) for setting in SMALL]
    process = subprocess.Popen(
        [*ALSIM, "run", "--pool", str(pool), "--strategy", "margin", *settings, "--query-size", "2",
         "--out", str(tmp_path / "r")],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "10 %" in line:
            break
    os.killpg(process.pid, signal.SIGINT)  # the whole group, as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert f"go on with: alsim resume {tmp_path / 'r'}" in errors
    left = read_run(tmp_path / "r")
    assert left.status == "interrupted"
    assert left.steps.num_rows >= 30


@pytest.mark.process
@pytest.mark.parametrize("command", [["--help"], ["run", "--help"], ["pool", "--help"]])
def test_help_imports_nothing_slow(command: list[str]) -> None:
    code = (
        "import sys\nfrom alsim.cli.main import app\n"
        f"try: app({command!r})\nexcept SystemExit: pass\n"
        "slow = {'torch', 'numpy', 'pyarrow', 'scipy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(sorted(slow)) if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_a_terminal_shows_activity_at_once_and_then_the_curves(pool: Path, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*ALSIM, "run", "--pool", str(pool), "--strategy", "margin", *SMALL, "--out",
         str(tmp_path / "r")],
        stdout=slave, stderr=slave, stdin=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "110"},
    )  # fmt: skip
    os.close(slave)
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            data = os.read(master, 4096)
        except OSError:  # the terminal closes with the process
            break
        if not data:
            break
        shown += data
    assert process.wait() == 0
    text = shown.decode()
    assert "starting" in text or "passive phase" in text
    assert re.search(r"\d steps\s", text)  # in the bar, or in what is left
    assert re.search(r"0:00:\d\d", text)
    assert "last accuracy" in text
