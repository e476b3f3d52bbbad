"""Runs killed at any moment and resumed, in real processes: tables with the same bytes."""

import io
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from breaking import Break, write_hook
from survival import (
    LEFT,
    OPTIONS,
    SIZES,
    Command,
    Whole,
    children_of,
    is_alive,
    recorded_bytes,
    refuse_halves,
    tables_of,
    until,
    whole_run,
)

from alsim.seeding import stream
from alsim.store.curves import read_run

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc"),
]

PARTIAL = (
    *("--strategy", "margin,bald(k=3),learning-loss", "--retrain"),
    *("--oracle", "hierarchical", "--groups", "{groups}", "--max-questions", "2"),
    *(*SIZES, "--steps", "25", "--seeds", "2"),
)
NOISY = (
    *("--strategy", "random(batch-norm=frozen),badge,core-set", "--oracle", "annotators"),
    *("--noise", "0.1,0.2,0.4", *SIZES, "--seeds", "2"),
)
CELLS = (
    *("--strategy", "margin(combine=rank-sum),random", "--label", "label", "--label", "half"),
    *("--unit", "cell", "--read-price", "2", "--task-price", "half=0.5", *SIZES, "--seeds", "2"),
)
LOCKSTEP = (*OPTIONS, "--replicas", "lockstep", "--seeds", "2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole_run(tmp_path_factory)


@dataclass(frozen=True)
class Kill:
    """The state of a run at a kill."""

    phase: str  # starting, recording, ending
    status: str  # the status of the run for a reader; "" before it exists
    n_steps: int  # records so far
    n_bytes: int  # size of its journals


def look(folder: Path, whole: Whole, phase: str) -> Kill:
    """Return the state after a kill, after checking that the remaining files are right."""
    refuse_halves(folder)
    if not (folder / "run.json").exists():
        return Kill(phase, "", 0, 0)
    found = read_run(folder)
    kept = found.steps.to_pylist()
    expected = pq.read_table(io.BytesIO(whole.tables["steps"])).to_pylist()
    assert all(row in expected for row in kept)
    return Kill(phase, found.status, len(kept), recorded_bytes(folder))


def kill_at(command: Command, folder: Path, whole: Whole, share: float, *, alone: bool) -> str:
    """Kill a command at a moment, and return the intended phase.

    Shares below 0.4 are spread over the time until something is recorded, those above 0.95 over
    what follows the last record, the others over what is left to record.
    """
    n_before, n_all = recorded_bytes(folder), 0.999 * whole.n_bytes
    if share < 0.4:
        instant, phase = share / 0.4 * whole.starting, "starting"
    else:
        # Bytes and not seconds, as a busy machine would miss the moment.
        done = min(1.0, (share - 0.4) / 0.55)
        wanted = n_before + done * (n_all - n_before)
        until(lambda: command.code is not None or recorded_bytes(folder) >= wanted)
        late = max(0.0, share - 0.95) / 0.05
        instant, phase = command.age + late * whole.ending, "ending" if late else "recording"
    until(lambda: command.code is not None or command.age >= instant)
    command.kill(alone=alone)
    return phase


def survive(
    whole: Whole,
    folder: Path,
    shares: Sequence[float],
    *options: str,
    alone: bool = False,
    is_forked: bool = True,
) -> list[Kill]:
    """Kill a run repeatedly, resume it each time, and check the result.

    If it finishes before its kill, the tables are compared and another one is begun.
    """
    kills: list[Kill] = []
    n_runs = n_steps = 0
    for share in (*shares, None):
        out = folder / f"run-{n_runs}"
        arguments = whole.resume_command(out, *options)
        command = Command(arguments, folder / "log.txt", is_forked=is_forked)
        phase = "" if share is None else kill_at(command, out, whole, share, alone=alone)
        if command.wait() == -signal.SIGKILL:
            kill = look(out, whole, phase)
            assert kill.n_steps >= n_steps, "what was recorded is lost"
            kills.append(kill)
            n_steps = kill.n_steps
            continue
        see_whole(command, out, whole)
        n_runs, n_steps = n_runs + 1, 0
    return kills


def see_whole(command: Command, folder: Path, whole: Whole) -> None:
    """Fail unless a command succeeds and leaves the same files as the uninterrupted run."""
    assert command.wait() == 0, command.output
    assert tables_of(folder) == whole.tables
    assert {path.name for path in folder.iterdir()} == LEFT


def instants(seed: int, n: int) -> list[float]:
    """Return shares of a duration, one drawn from each of n equal parts, in random order."""
    generator = stream(seed, "kills")
    places = torch.randperm(n, generator=generator) + torch.rand(n, generator=generator)
    return (places / n).tolist()


@pytest.mark.parametrize(
    ("seed", "n"), [(2, 4), *(pytest.param(s, 7, marks=pytest.mark.slow) for s in range(5))]
)
def test_a_run_killed_at_some_moments_gives_the_same_bytes_when_resumed(
    whole: Whole, tmp_path: Path, seed: int, n: int
) -> None:
    # One worker, which takes seconds to start, except for the first; 25 kills if slow.
    workers = "1" if seed else "2"
    kills = survive(whole, tmp_path, instants(seed, n), "--workers", workers, alone=seed % 2 == 1)
    assert len(kills) >= n - 2  # some may come too late
    # Otherwise the kills would prove nothing.
    assert any(kill.phase == "recording" and kill.n_bytes > 0 for kill in kills)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 30))
def test_two_hundred_kills_change_no_byte(whole: Whole, tmp_path: Path, seed: int) -> None:
    kills = survive(
        whole,
        tmp_path,
        instants(seed, 12),  # some may come too late
        *("--workers", str(1 + seed % 3)),
        alone=seed % 2 == 0,
        is_forked=seed % 4 > 0,
    )
    phases = [kill.phase for kill in kills]
    assert len(phases) >= 10
    assert phases.count("recording") >= 4
    # Running: its workers had not yet noticed that the main process was gone.
    assert {kill.status for kill in kills} <= {"", "killed", "running", "complete"}


@pytest.mark.slow
@pytest.mark.parametrize("options", [PARTIAL, NOISY, CELLS, LOCKSTEP])
def test_a_killed_run_with_other_oracles_nets_and_replicas_gives_the_same_bytes(
    options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    whole = whole_run(tmp_path_factory, *options)
    # Late kills, as only the records differ from other runs.
    kills = survive(whole, tmp_path, [0.3 + 0.65 * share for share in instants(5, 6)])
    assert sum(kill.phase == "recording" and kill.n_bytes > 0 for kill in kills) >= 3


# Act and file, which of them (the first is 1), and whether half of a write is written.
BEGINNING = [
    ("mkdir ", 1, False),
    ("write lock", 1, True),
    ("write .run.json*", 1, True),
    ("rename run.json", 1, False),
    ("allocate work/modality-1*", 1, False),
    ("rename work/pool.json", 1, False),
    ("mkdir checkpoints", 1, False),
    ("write .run.json*", 1, True),
]
RECORDING = [
    ("write checkpoints/.passive*", 1, True),
    ("write journal/0000*", 1, True),
    ("write journal/*", 20, True),
    ("rename checkpoints/curve*", 2, False),
    ("fsync journal/*", 4, False),
    ("remove checkpoints/*", 4, False),
]
ENDING = [
    ("open .steps.parquet*", 1, False),
    ("write .queries.parquet*", 1, True),
    ("rename queries.parquet", 1, False),
    ("rename run.json", 2, False),
    ("remove journal/*", 2, False),
    ("remove lock", 1, False),
]


def strike(whole: Whole, folder: Path, who: str, strikes: Sequence[tuple[str, int, bool]]) -> Path:
    """Let a run kill itself at each of some acts, resume it each time, and return its folder."""
    out = folder / "run"
    for match, at, is_short in strikes:
        broken = Break(str(out), at, match, who, code=0, is_short=is_short)
        environment = write_hook(folder / "hook", broken)
        command = Command(whole.resume_command(out), folder / "log.txt", environment)
        assert command.wait() == -signal.SIGKILL, f"{match} did not come:\n{command.output}"
        refuse_halves(out)
    return out


def finish(whole: Whole, folder: Path) -> None:
    """Resume a run to its end, and check the result and the cleaning up."""
    see_whole(Command(whole.resume_command(folder), folder.with_name("log.txt")), folder, whole)


@pytest.mark.slow
def test_kills_during_the_writing_of_any_file_are_survived(whole: Whole, tmp_path: Path) -> None:
    strike(whole, tmp_path, "parent", BEGINNING)
    strike(whole, tmp_path, "worker", RECORDING[1:4:2])
    finish(whole, strike(whole, tmp_path, "parent", ENDING))


@pytest.mark.slow
def test_kills_during_the_writing_of_journals_and_checkpoints_are_survived(
    whole: Whole, tmp_path: Path
) -> None:
    finish(whole, strike(whole, tmp_path, "worker", RECORDING))


@pytest.mark.slow
@pytest.mark.parametrize("who", ["parent", "worker"])
@pytest.mark.parametrize("is_short", [False, True])
def test_a_kill_at_each_file_operation_in_turn_is_survived(
    whole: Whole, tmp_path: Path, who: str, is_short: bool
) -> None:
    # Later acts are reached only if the run was resumed after each earlier one.
    finish(whole, strike(whole, tmp_path, who, [("*", at, is_short) for at in range(1, 25)]))


@pytest.mark.slow
def test_the_death_of_only_a_worker_or_only_the_main_process_does_no_harm(
    whole: Whole, tmp_path: Path
) -> None:
    out, log = tmp_path / "run", tmp_path / "log.txt"

    def start(share: float, *options: str, is_forked: bool = True) -> Command:
        command = Command(whole.resume_command(out, *options), log, is_forked=is_forked)
        wanted = share * whole.n_bytes
        until(lambda: recorded_bytes(out) > wanted or command.code is not None)
        assert command.code is None, command.output
        return command

    first = start(0.05, "--workers", "2", is_forked=False)
    victim, other = first.workers
    os.kill(victim, signal.SIGKILL)
    assert first.wait() == 5
    assert first.output.count("error: ") == 1
    assert "a worker process was killed by signal 9" in first.output
    assert "Traceback" not in first.output
    assert not is_alive(other)
    assert read_run(out).status == "failed"

    second = start(0.4)
    second.kill(signal.SIGTERM, alone=True)
    assert second.code == 143
    assert "Traceback" not in second.output
    assert read_run(out).status == "interrupted"

    third = start(0.6)
    # Together with their server, which would kill them.
    workers = {*children_of(third.pid), *third.workers}
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)  # they cannot notice that the main process is gone
    try:
        third.kill(alone=True)
        last = Command(whole.resume_command(out), log)
        time.sleep(2)
        assert all(map(is_alive, workers))
        assert "worker process" not in last.output  # it waits for the lock
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    see_whole(last, out, whole)
    assert not any(map(is_alive, workers))
