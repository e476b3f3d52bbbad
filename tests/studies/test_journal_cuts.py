"""Journals cut at any byte, as after a kill or a power cut, and resumed."""

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from journals import sign
from survival import (
    TABLES,
    Command,
    Whole,
    make_study,
    plan_of,
    recorded_bytes,
    rounds_of,
    tables_of,
    until,
    whole_run,
)

from alsim.errors import RunError, StoreError
from alsim.store.curves import recorded, write_tables
from alsim.studies.curves import keep as keeping
from alsim.studies.curves.work import run_active
from alsim.studies.messages import Active, Report, Step
from alsim.studies.start.work import Study, run_passive

STEPS = 3


@dataclass(frozen=True)
class Kept:
    """A finished study with the checkpoint of each of its steps."""

    study: Study
    folder: Path
    messages: tuple[Active, ...]
    journals: tuple[Path, ...]
    whole: tuple[bytes, ...]  # the content of the journals
    rounds: tuple[str, ...]
    checkpoint: Path
    checkpoints: Mapping[int, bytes]
    tables: Mapping[str, bytes]

    def again(self, cuts: tuple[int, ...], checkpoint: int | None) -> None:
        """Cut the journals, restore the checkpoint of a step, and resume."""
        for path, data, cut in zip(self.journals, self.whole, cuts, strict=True):
            path.write_bytes(data[:cut])
        self.checkpoint.unlink(missing_ok=True)
        if checkpoint is not None:
            self.checkpoint.write_bytes(self.checkpoints[checkpoint])
        for message in self.messages:
            run_active(self.study, message, lambda message: None)

    def see_whole(self, *, and_tables: bool = False) -> None:
        """Fail unless the journals and the tables made from them are unchanged."""
        assert tuple(map(rounds_of, self.journals)) == self.rounds
        assert not self.checkpoint.exists()
        if and_tables:
            assert write(self.folder) == self.tables


def write(folder: Path) -> dict[str, bytes]:
    rounds = (entry.round for found in recorded(folder) for entry in found.entries)
    write_tables(folder, rounds)
    return {name: (folder / f"{name}.parquet").read_bytes() for name in TABLES}


def keep(study: Study, folder: Path, *seeds: int) -> Kept:
    """Run a study with a checkpoint at each step."""
    plan = plan_of(study, folder, *seeds)
    (task,) = plan.actives
    checkpoint = task.message.checkpoint
    checkpoints: dict[int, bytes] = {}

    def send(message: Report) -> None:
        if isinstance(message, Step):
            checkpoints[message.record.step] = checkpoint.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "CHECKPOINT_SHARE", math.inf)
        patch.setattr(keeping, "FIRST", 0.0)
        for passive in plan.passives:
            run_passive(study, passive.message, lambda message: None)
        run_active(study, task.message, send)
    journals = task.message.journals
    return Kept(
        study,
        folder,
        (task.message,),
        journals,
        tuple(path.read_bytes() for path in journals),
        tuple(map(rounds_of, journals)),
        checkpoint,
        checkpoints,
        write(folder),
    )


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Return a single learning curve."""
    study = make_study(strategies=["bald(k=2)"], steps=STEPS)
    return keep(study, tmp_path_factory.mktemp("curve"), 0)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Return two learning curves in lockstep."""
    study = make_study("lockstep", strategies=["bald(k=2)"], steps=STEPS)
    return keep(study, tmp_path_factory.mktemp("pair"), 0, 1)


def borders(data: bytes) -> list[int]:
    """Return the offsets of the lines of a journal, and its end."""
    return [0, *(i + 1 for i, byte in enumerate(data) if byte == ord("\n"))]


def bytes_to_cut_at(data: bytes, stride: int) -> Iterator[int]:
    """Yield every `stride`-th byte of the last two records of a journal, and all at a border."""
    edges = borders(data)
    for cut in range(edges[-3], len(data) + 1):
        if (cut - len(data)) % stride == 0 or min(abs(cut - edge) for edge in edges) <= 3:
            yield cut


# None: there is no checkpoint; STEPS: one ahead of the rest of the journal, so unusable.
CHECKPOINTS = [None, 0, STEPS - 1, STEPS]


@pytest.mark.long
@pytest.mark.parametrize("stride", [37, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_journal_cut_at_any_byte_of_its_last_records_is_completed_to_the_same(
    curve: Kept, checkpoint: int | None, stride: int
) -> None:
    (data,) = curve.whole
    edges = borders(data)
    for cut in bytes_to_cut_at(data, stride):
        curve.again((cut,), checkpoint)
        curve.see_whole(and_tables=min(abs(cut - edge) for edge in edges) <= 1)


@pytest.mark.long
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_journal_of_which_only_the_beginning_is_left_is_completed_to_the_same(
    curve: Kept, checkpoint: int | None
) -> None:
    for edge in borders(curve.whole[0])[:-3]:
        for cut in (edge, edge + 1, edge + 30):
            curve.again((cut,), checkpoint)
            curve.see_whole()


@pytest.mark.long
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_curves_in_lockstep_whose_journals_are_cut_apart_are_completed_to_the_same(
    pair: Kept, checkpoint: int | None
) -> None:
    first, second = map(borders, pair.whole)
    for i, j in [(-1, -2), (-2, -1), (-2, -3), (-3, 1), (0, -1), (-2, 0), (-4, -2), (0, 0)]:
        pair.again((first[i], second[j]), checkpoint)
        pair.see_whole()
        pair.again((first[i] - 1 if first[i] else 0, second[j] + 40), checkpoint)
        pair.see_whole(and_tables=True)


def test_a_power_cut_that_leaves_zeros_for_the_last_record_costs_only_that(curve: Kept) -> None:
    (data,) = curve.whole
    edges = borders(data)
    for kept in (edges[-3], edges[-2], edges[-2] - 700):
        curve.again((kept,), STEPS - 1)
        zeros = data[:kept] + bytes(len(data) - kept)
        curve.journals[0].write_bytes(zeros)
        run_active(curve.study, curve.messages[0], lambda message: None)
        curve.see_whole()


@pytest.mark.long
def test_a_curve_that_diverged_and_whose_journal_is_cut_diverges_again(tmp_path: Path) -> None:
    lost = make_study(strategies=["margin"], steps=STEPS, learning_rate=1e38)
    kept = keep(lost, tmp_path, 0)
    assert "diverged" in kept.rounds[0]
    for cut in range(len(kept.whole[0]) + 1):
        kept.again((cut,), None)
        kept.see_whole()


def edit(path: Path, line: int, change: Mapping[str, Any], *, metric: bool = False) -> None:
    """Change the step in a line of a journal, and give the line the right digest."""
    lines = path.read_bytes().splitlines(keepends=True)
    record = json.loads(lines[line].partition(b" ")[2])
    if metric:
        record["round"]["metrics"][0][-1] = change["value"]
    else:
        record["round"]["step"].update(change)
    lines[line] = sign(json.dumps(record, ensure_ascii=False).encode())
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("change", "metric", "expected"),
    [
        ({"accuracy": 0.123456}, False, r"accuracy was 0\.123456 and is 0\."),
        ({"nll": 1.5}, False, r"nll was 1\.5 and is "),
        ({"value": 0.77}, True, "metrics differ"),
    ],
)
@pytest.mark.parametrize("checkpoint", [None, STEPS - 1])
def test_a_record_that_is_not_reproduced_ends_the_run_and_is_named(
    curve: Kept, change: dict[str, Any], metric: bool, expected: str, checkpoint: int | None
) -> None:
    (data,) = curve.whole
    line = STEPS if checkpoint is None else STEPS + 1
    curve.again((len(data),), None)
    curve.journals[0].write_bytes(data[: borders(data)[-2]])
    edit(curve.journals[0], line, change, metric=metric)
    edited = curve.journals[0].read_bytes()
    if checkpoint is not None:
        curve.checkpoint.write_bytes(curve.checkpoints[checkpoint])
    with pytest.raises(RunError, match=expected) as caught:
        run_active(curve.study, curve.messages[0], lambda message: None)
    assert caught.value.args[1] == f"strategy bald(k=2), seed 0, step {line - 1}"
    assert curve.journals[0].read_bytes() == edited


def test_a_checkpoint_with_a_changed_byte_is_refused_and_named(curve: Kept) -> None:
    (data,) = curve.whole
    curve.again((len(data),), None)
    curve.journals[0].write_bytes(data[: borders(data)[-2]])
    damaged = bytearray(curve.checkpoints[1])
    damaged[-1] ^= 1
    curve.checkpoint.write_bytes(damaged)
    with pytest.raises(StoreError, match="damaged checkpoint") as caught:
        run_active(curve.study, curve.messages[0], lambda message: None)
    assert caught.value.args[1] == str(curve.checkpoint)


@pytest.mark.process
@pytest.mark.slow
def test_the_command_resumes_a_run_with_a_cut_journal_and_refuses_an_edited_one(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    whole: Whole = whole_run(tmp_path_factory)
    out, log = tmp_path / "run", tmp_path / "log.txt"
    command = Command(whole.resume_command(out), log)
    until(lambda: recorded_bytes(out) > 0.3 * whole.n_bytes or command.code is not None)
    command.kill()
    journal = sorted((out / "journal").iterdir())[-1]
    data = journal.read_bytes()
    edges = borders(data)
    cut = next(edge for edge in reversed(edges) if edge < len(data) - 200)
    assert len(edges) > 3

    edited = shutil.copytree(out, tmp_path / "edited")
    for path in (edited / "checkpoints").glob("curve-*"):
        path.unlink()
    (edited / "journal" / journal.name).write_bytes(data[:cut])
    edit(edited / "journal" / journal.name, -1, {"ece": 0.5})
    refused = Command(whole.resume_command(edited), log)
    assert refused.wait() == 5
    assert refused.output.count("error: ") == 1
    assert "Traceback" not in refused.output
    first = json.loads(data.splitlines()[0].partition(b" ")[2])
    step = data[:cut].count(b"\n") - 2
    assert "ece was 0.5 and is" in refused.output
    assert f"strategy {first['strategy']}, seed {first['seed']}, step {step}" in refused.output

    journal.write_bytes(data[: cut + 150])
    done = Command(whole.resume_command(out), log)
    assert done.wait() == 0, done.output
    assert tables_of(out) == whole.tables
