"""Commands in separate processes that can be killed, and a study small enough to run quickly."""

import fcntl
import hashlib
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy import make_pool, make_toy_setting

from alsim.experiments.schedule import Schedule
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.synthetic import VkOptions
from alsim.options.training import TrainingOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.curve_journal import read_journal
from alsim.strategies import find_strategy
from alsim.studies.messages import Active
from alsim.studies.start.plan import Plan, plan_tasks
from alsim.studies.start.work import Study

TABLES = ("steps", "metrics", "queries", "items", "contributions")
SIZES = (
    *("--initial-size", "60", "--query-size", "3", "--steps", "100"),
    *("--max-epochs", "5", "--model", "auto(width=8)", "--seeds", "1", "--workers", "1"),
)
# Curves of more than a second, so that there are checkpoints.
OPTIONS = ("--strategy", "margin,bald(k=4)", *SIZES)
LEFT = {
    "contributions.parquet",
    "curves.parquet",
    "items.parquet",
    "metrics.parquet",
    "queries.parquet",
    "run.json",
    "steps.parquet",
    "timings.parquet",
}
PATIENCE = 120.0
# Slow imports are done once: a command forked from here starts at once.
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(
    ["survival", "breaking", "alsim.cli.main", "alsim.cli.screens.curves"]
)


class Command:
    """An `alsim` command: the leader of the process group of its workers."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        is_forked: bool = True,
        prefix: Sequence[str] = (),
    ) -> None:
        """Start it, with a prefix if it is not forked; its output goes to the file `log`."""
        self._log = log
        log.unlink(missing_ok=True)
        texts = [str(argument) for argument in arguments]
        self._process: subprocess.Popen[bytes] | BaseProcess
        self._began = time.monotonic()
        if is_forked:
            self._process = _FORKING.Process(
                target=_command, args=(texts, log, dict(environment or {}))
            )
            self._process.start()
        else:
            with log.open("wb") as file:
                self._process = subprocess.Popen(
                    [*prefix, sys.executable, "-m", "alsim", *texts],
                    stdout=file,
                    stderr=file,
                    stdin=subprocess.DEVNULL,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
        assert self._process.pid is not None
        self.pid = self._process.pid
        until(log.exists)  # from now on the group exists

    @property
    def code(self) -> int | None:
        """Return the exit code, minus the signal if killed by one, or None while it runs."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        return self._process.exitcode

    @property
    def age(self) -> float:
        """Return the seconds since it was started."""
        return time.monotonic() - self._began

    @property
    def output(self) -> str:
        """Return what it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """Return the ids of its worker processes: its children, or those of their server."""
        children = children_of(self.pid)
        return [worker for child in children for worker in children_of(child) or [child]]

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        until(lambda: self.code is not None)
        assert self.code is not None
        return self.code

    def kill(self, number: int = signal.SIGKILL, *, alone: bool = False) -> None:
        """Send a signal to it, and to its workers unless `alone`, and wait until it has ended."""
        with suppress(ProcessLookupError):
            (os.kill if alone else os.killpg)(self.pid, number)
        self.wait()


def _command(arguments: list[str], log: Path, environment: dict[str, str]) -> None:
    """Run the command in a process forked for it."""
    os.setsid()
    os.environ.update(environment)
    partial = log.with_suffix(".partial")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    partial.replace(log)  # signals that everything is set up
    from breaking import arm_from_environment

    from alsim.cli.ending import ending_well
    from alsim.cli.main import app

    arm_from_environment()
    sys.argv = ["alsim", *arguments]
    with ending_well():
        app()


def until(is_so: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come within {patience:g} s")
        time.sleep(1e-3)


def children_of(process: int) -> list[int]:
    """Return the ids of a process's children."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def is_alive(process: int) -> bool:
    """Return whether a process is running; a zombie is not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def tables_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the tables that interruptions must not change."""
    return {name: (folder / f"{name}.parquet").read_bytes() for name in TABLES}


def refuse_halves(folder: Path) -> None:
    """Fail if a table or the manifest of a run exists but cannot be read."""
    for path in folder.glob("*.parquet"):
        pq.read_table(path)
    if (folder / "run.json").exists():
        json.loads((folder / "run.json").read_text())


def recorded_bytes(folder: Path) -> int:
    """Return the size of the journals of a run."""
    total = 0
    with suppress(OSError):
        for path in (folder / "journal").iterdir():
            with suppress(OSError):
                total += path.stat().st_size
    return total


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run whose command was forked."""

    pool: Path
    options: tuple[str, ...]
    tables: Mapping[str, bytes]
    n_bytes: int  # the final size of its journals
    starting: float  # seconds until the first record
    recording: float  # … from there to the last
    ending: float  # … and from there to the exit

    def resume_command(self, out: Path, *options: str) -> list[str | Path]:
        """Return the command that resumes the run, or begins it."""
        if (out / "run.json").exists():
            return ["resume", out]
        return ["run", "--pool", self.pool, *self.options, *options, "--out", out]


def whole_run(factory: pytest.TempPathFactory, *options: str) -> Whole:
    """Return the uninterrupted run; parallel test processes create it only once.

    A file of groups of the classes is next to the pool, as `{groups}`. The pool has a second
    label column, `half`, null in every fourth row.
    """
    base = factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    key = "whole-" + hashlib.sha256(repr(options).encode()).hexdigest()[:8]
    with (folder / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = folder / f"{key}.pickle"
        if not kept.exists():
            (folder / key).mkdir()
            kept.write_bytes(pickle.dumps(_run_whole(folder / key, options or OPTIONS)))
        return pickle.loads(kept.read_bytes())


def _run_whole(folder: Path, options: Sequence[str]) -> Whole:
    pool, out = folder / "posts.parquet", folder / "run"
    table = vk_pool(VkOptions(n_rows=900, picture_width=16, text_width=8, n_classes=6))
    labels = [str(label) for label in table.column("label").to_pylist()]
    classes = sorted(set(labels))
    halves = [None if i % 4 == 0 else classes.index(label) // 3 for i, label in enumerate(labels)]
    pq.write_table(table.append_column("half", pa.array(halves)), pool)
    groups = folder / "groups.json"
    groups.write_text(json.dumps({"first": classes[:3], "last": classes[3:]}))
    filled = tuple(option.format(groups=groups) for option in options)
    whole = Whole(pool, filled, {}, 0, 0, 0, 0)
    command = Command(whole.resume_command(out), folder / "log.txt")
    times: list[float] = []
    size = 0
    while command.code is None:
        if (now := recorded_bytes(out)) > size:
            size = now
            times.append(command.age)
        time.sleep(1e-3)
    end = command.age
    assert command.code == 0, command.output
    return replace(
        whole,
        tables=tables_of(out),
        n_bytes=size,
        starting=times[0],
        recording=times[-1] - times[0],
        ending=end - times[-1],
    )


def settings() -> dict[str, Any]:
    """Return the arguments of `alsim.run` for the run of OPTIONS."""
    named = zip(OPTIONS[::2], OPTIONS[1::2], strict=True)
    return {
        name.removeprefix("--").replace("-", "_"): int(value) if value.isdigit() else value
        for name, value in named
    }


def make_study(
    way: Way = "direct", *, strategies: Sequence[str], steps: int, learning_rate: float = 1e-3
) -> Study:
    """Return the work of a worker on a toy pool: the smallest net, queries of one row."""
    named = {name: find_strategy(name) for name in strategies}
    setting = make_toy_setting(
        way,
        pool=make_pool(320),
        model=ModelOptions(name="mlp", width=2),
        training=TrainingOptions(batch_size=8, max_epochs=2, learning_rate=learning_rate),
        schedule=Schedule(8, QuerySize(1, 1), steps, Until()),
    )
    return Study(replace(setting, strategies={k: v.strategy for k, v in named.items()}), named)


def plan_of(study: Study, folder: Path, *seeds: int) -> Plan[Active]:
    """Return the tasks of a study stored in a folder."""
    return plan_tasks(
        seeds, study.strategies, study.setting.training, study.setting.way, folder
    )  # fmt: skip


def rounds_of(path: Path) -> str:
    """Return the content of a whole journal without the seconds, as text to compare."""
    found = read_journal(path)
    assert found is not None
    assert found.ending is not None
    ending = (found.ending.reason, found.ending.step, found.ending.contributions)
    return repr((found.strategy, found.seed, [entry.round for entry in found.entries], ending))
