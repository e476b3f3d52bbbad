"""Correlation studies killed, interrupted or out of disk space, in real processes: equal bytes."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from breaking import Break, write_hook
from survival import Command, is_alive, refuse_halves, until

from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.seeding import stream
from alsim.store.correlation import read_correlation
from alsim.store.layout import JOURNALS

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

OPTIONS = (
    *("--metric", "margin,bald(k=4)", "--initial-size", "60", "--seeds", "2"),
    *("--sample-size", "300", "--group-size", "5", "--max-epochs", "5", "--model", "auto(width=8)"),
)
N_GROUPS = 60
TABLES = ("groups.parquet", "correlations.parquet")
N_JOBS = 6  # metrics with the control, and seeds


@dataclass(frozen=True)
class Whole:
    """An uninterrupted study."""

    pool: Path
    tables: Sequence[bytes]
    age: float  # its duration in seconds

    def resume_command(self, out: Path, *options: str) -> list[str | Path]:
        """Return the command that resumes the study, or begins it."""
        if (out / "run.json").exists():
            return ["resume", out]
        return [
            "correlate",
            "--pool",
            self.pool,
            *OPTIONS,
            "--workers",
            "1",
            *options,
            "--out",
            out,
        ]


def tables_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


def n_kept(folder: Path) -> int:
    return len(list((folder / JOURNALS).glob("[0-9]*.parquet")))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    pool, out = folder / "posts.parquet", folder / "study"
    pq.write_table(vk_pool(VkOptions(n_rows=900, picture_width=8, text_width=4)), pool)
    command = Command(Whole(pool, [], 0).resume_command(out), folder / "log.txt")
    assert command.wait() == 0, command.output
    return Whole(pool, tables_of(out), command.age)


def see_whole(command: Command, folder: Path, whole: Whole) -> None:
    """Fail unless a command succeeds and leaves the same files as the uninterrupted study."""
    assert command.wait() == 0, command.output
    assert tables_of(folder) == whole.tables
    assert {path.name for path in folder.iterdir()} == {*TABLES, "run.json"}


def start(whole: Whole, out: Path, n: int, *options: str, is_forked: bool = True) -> Command:
    """Return a command that has stored n metrics and seeds and is still running."""
    command = Command(
        whole.resume_command(out, *options), out.with_name("log.txt"), is_forked=is_forked
    )
    until(lambda: n_kept(out) >= n or command.code is not None)
    assert command.code is None, command.output
    return command


@pytest.mark.slow
def test_a_study_killed_with_two_workers_gives_the_same_bytes_when_resumed_with_one(
    whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    first = start(whole, out, 2, "--workers", "2")
    first.kill()
    refuse_halves(out)
    n = n_kept(out)
    assert 2 <= n < N_JOBS
    study = read_correlation(out)
    assert study.status == "killed"
    assert study.groups.num_rows == N_GROUPS * n
    see_whole(Command(whole.resume_command(out), tmp_path / "log.txt"), out, whole)


@pytest.mark.slow
def test_a_study_killed_after_each_metric_and_seed_keeps_its_results(
    whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    for n in range(1, N_JOBS - 1):
        start(whole, out, n).kill(alone=n % 2 == 0)
        assert n_kept(out) >= n
    see_whole(Command(whole.resume_command(out), tmp_path / "log.txt"), out, whole)


@pytest.mark.slow
def test_a_dead_worker_and_a_signal_give_one_message_each_and_nothing_is_lost(
    whole: Whole, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    first = start(whole, out, 1, "--workers", "2", is_forked=False)
    victim, other = first.workers
    os.kill(victim, signal.SIGKILL)
    assert first.wait() == 5
    assert first.output.count("error: ") == 1
    assert "a worker process was killed by signal 9" in first.output
    assert "Traceback" not in first.output
    assert not is_alive(other)
    assert read_correlation(out).status == "failed"
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        command = start(whole, out, n_kept(out) + 1)
        command.kill(number, alone=True)
        assert command.code == code
        assert "Traceback" not in command.output
        assert f"go on with: alsim resume {out}" in command.output
        assert read_correlation(out).status == "interrupted"
    see_whole(Command(whole.resume_command(out), tmp_path / "log.txt"), out, whole)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_moment_change_no_byte(whole: Whole, tmp_path: Path, seed: int) -> None:
    n_killed = n_studies = 0
    for share in torch.rand(10, generator=stream(seed, "kills")).tolist():
        out = tmp_path / f"study-{n_studies}"
        command = Command(whole.resume_command(out), tmp_path / "log.txt")
        instant = share * whole.age
        until(lambda: command.code is not None or command.age >= instant)  # noqa: B023
        command.kill(alone=seed % 2 == 0)
        if command.code == -signal.SIGKILL:
            n_killed += 1
            if out.exists():
                refuse_halves(out)
        else:  # it finished before the kill, and another one is begun
            see_whole(command, out, whole)
            n_studies += 1
    assert n_killed >= 4
    see_whole(Command(whole.resume_command(out), tmp_path / "log.txt"), out, whole)


# Act and file, which of them (the first is 1), and whether half of a write is written.
ACTS = {
    "worker": [
        ("write checkpoints/.passive*", 1, True),
        ("write journal/*", 1, True),
        ("rename journal/*", 2, False),
        ("fsync journal/*", 2, False),
    ],
    "parent": [
        ("write .run.json*", 1, True),
        ("mkdir checkpoints", 1, False),
        ("write .groups.parquet*", 1, True),
        ("rename groups.parquet", 1, False),
        ("write .correlations.parquet*", 1, True),
        ("rename run.json", 2, False),
        ("remove journal/*", 2, False),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("who", ACTS)
@pytest.mark.parametrize("code", [0, errno.ENOSPC])
def test_a_kill_or_a_full_disk_during_the_writing_of_any_file_is_survived(
    whole: Whole, tmp_path: Path, who: str, code: int
) -> None:
    out = tmp_path / "study"
    for match, at, is_short in ACTS[who]:
        broken = Break(str(out), at, match, who, code=code, is_short=is_short)
        if code and match.startswith("remove"):
            continue  # acts that succeed on a full disk
        environment = write_hook(tmp_path / "hook", broken)
        command = Command(whole.resume_command(out), tmp_path / "log.txt", environment)
        ended = command.wait()
        if code:
            assert ended == 4, f"{match}: {command.output}"
            assert command.output.count("error: ") == 1
            assert "free some space there" in command.output
            assert "Traceback" not in command.output
        else:
            assert ended == -signal.SIGKILL, f"{match} did not come:\n{command.output}"
        if out.exists():
            refuse_halves(out)
    see_whole(Command(whole.resume_command(out), tmp_path / "log.txt"), out, whole)
