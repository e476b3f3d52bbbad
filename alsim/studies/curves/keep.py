"""What a worker keeps of its learning curves: journals, and now and then a checkpoint.

A curve that is run again from a checkpoint repeats steps that its journal already holds: they are
compared, and a difference ends the run, since numbers that do not repeat cannot be trusted.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from msgspec import convert

from alsim.errors import RunError, StoreError
from alsim.experiments.curves.loop import Advance
from alsim.experiments.curves.position import Position
from alsim.experiments.curves.records import Round
from alsim.experiments.curves.row_areas import RowAreas, contribution_records
from alsim.experiments.jobs import Job
from alsim.signals import Chunks
from alsim.store.checkpoint import load_checkpoint, save_checkpoint
from alsim.store.curve_journal import Journal
from alsim.store.curve_lines import Ending, Entry, round_to_json
from alsim.store.opening import remove_file
from alsim.studies.messages import Diverged, Step

SYNC_SHARE = 0.005  # of the time, at most, spent on waiting for the disk …
CHECKPOINT_SHARE = 0.01  # … and on checkpoints
FIRST = 1.0  # second, before which there is not enough to keep


class Pace:
    """Spaces a costly action so that it takes at most a share of the time."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._due = time.monotonic() + FIRST

    def act(self, do: Callable[[], None]) -> None:
        """Do it if it is due."""
        began = time.monotonic()
        if began < self._due:
            return
        do()
        ended = time.monotonic()
        self._due = ended + (ended - began) / self._share


class Keeper:
    """The journals and the checkpoint of the curves that one task runs."""

    def __init__(
        self,
        jobs: Sequence[Job],
        journals: Sequence[Path],
        checkpoint: Path,
        chunks: Chunks,
        study: str = "",
    ) -> None:
        """Keep the steps of `jobs`; a checkpoint must be of `study`."""
        self._jobs = jobs
        self._study = study
        self._chunks = chunks  # whose size matters to the last bits
        self._paths = journals
        self._checkpoint = checkpoint
        self._stack = ExitStack()
        self._syncs = Pace(SYNC_SHARE)
        self._checkpoints = Pace(CHECKPOINT_SHARE)

    def __enter__(self) -> "Keeper":
        self._journals = [
            self._stack.enter_context(Journal.open(path, job.strategy, job.seed))
            for job, path in zip(self._jobs, self._paths, strict=True)
        ]
        self._n = [len(journal.recorded.entries) for journal in self._journals]
        self._ended = [journal.recorded.ending is not None for journal in self._journals]
        self._areas: Sequence[RowAreas] = [{} for _ in self._jobs]
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def position(self) -> Position | None:
        """Return where to continue from; None is the passive phase.

        A checkpoint that is ahead of a journal, which a power cut can leave, does not count.

        Raises:
            StoreError: If the checkpoint is damaged, or of other curves.
        """
        self._chunks.reset()  # not what a curve before this one was left with
        found = load_checkpoint(self._checkpoint, self._study)
        if found is None:
            return None
        tensors, facts = found
        try:
            step, chunk = convert(facts["step"], int), convert(facts["chunk"], int)
            position = Position.from_tensors(step, tensors)
        except (LookupError, ValueError, TypeError, RuntimeError) as error:
            raise StoreError(
                f"the checkpoint does not hold what a curve goes on from: {error!r}"[:300],
                str(self._checkpoint),
                "delete it; then alsim resume computes from further back",
            ) from error
        is_behind = any(
            not ended and n <= step for n, ended in zip(self._n, self._ended, strict=True)
        )
        if is_behind:
            return None
        self._chunks.size = chunk
        self._areas = position.areas
        return position

    def keep(self, advance: Advance, seconds: Mapping[str, float]) -> list[Step | Diverged]:
        """Write the new records of a step, compare the others, and return the reports.

        The replicas share the seconds that the step's phases took.

        Raises:
            RunError: If a step differs from what was recorded before.
            StoreError: If the system cannot write.
        """
        share = {phase: taken / max(1, len(advance.rounds)) for phase, taken in seconds.items()}
        new: list[Step | Diverged] = []
        for r, round_ in advance.rounds.items():
            if advance.step < self._n[r]:
                recorded = self._journals[r].recorded.entries[advance.step].round
                _compare(self._jobs[r], recorded, round_)
            else:
                self._journals[r].append(Entry(round_, share))
                self._n[r] += 1
                new.append(Step(round_.step))
        self._areas = advance.areas
        for r in advance.diverged:
            if advance.step < self._n[r]:
                raise _differs(self._jobs[r], advance.step, "its training diverges now")
        new += self.lose(advance.diverged, advance.step)
        self._syncs.act(self._sync)
        self._checkpoints.act(lambda: self._save(advance.position()))
        return new

    def lose(self, replicas: Sequence[int], step: int) -> list[Diverged]:
        """End the curves whose training diverged, and report those that had not ended before."""
        new = [r for r in replicas if not self._ended[r]]
        for r in new:
            self._end(r, "diverged", step, {})
        return [Diverged(self._jobs[r], step) for r in new]

    def finish(self, last: int, seconds: Mapping[str, float]) -> None:
        """End the other curves at their step `last`, whose last phases took these seconds."""
        going = [r for r, ended in enumerate(self._ended) if not ended]
        for r in going:
            share = {phase: taken / len(going) for phase, taken in seconds.items()}
            self._end(r, "done", min(last, self._n[r] - 1), share)
        self._sync()
        remove_file(self._checkpoint)  # no longer needed

    def _end(
        self, r: int, reason: Literal["done", "diverged"], step: int, seconds: Mapping[str, float]
    ) -> None:
        contributions = tuple(contribution_records(self._jobs[r], self._areas[r]))
        self._journals[r].end(Ending(reason, step, seconds, contributions))
        self._ended[r] = True

    def _sync(self) -> None:
        for journal in self._journals:
            journal.sync()

    def _save(self, position: Position) -> None:
        self._sync()  # a checkpoint ahead of its journal is useless
        facts = {"step": position.step, "chunk": self._chunks.size}
        save_checkpoint(self._checkpoint, position.to_tensors(), facts, self._study)


def _compare(job: Job, recorded: Round, computed: Round) -> None:
    """Raise a RunError unless two rounds are the same to the bit."""
    then, now = (json.dumps(round_to_json(r), sort_keys=True) for r in (recorded, computed))
    if then == now:
        return
    raise _differs(job, recorded.step.step, _first_difference(recorded, computed))


def _differs(job: Job, step: int, what: str) -> RunError:
    return RunError(
        f"the step differs from what was recorded: {what}",
        f"strategy {job.strategy}, seed {job.seed}, step {step}",
        "restore the libraries, the processor or GPU, and the plug-ins of the run's beginning; "
        "or start again, and the old run is moved aside: alsim run … --force",
    )


def _first_difference(recorded: Round, computed: Round) -> str:
    then = [query.id for query in recorded.queries]
    now = [query.id for query in computed.queries]
    if then != now:
        return f"{len(set(then) ^ set(now)) // 2 or 'in their order, some'} other objects queried"
    for old, new in (
        (recorded.step, computed.step),
        *zip(recorded.queries, computed.queries, strict=True),
    ):
        for name in type(old).__slots__:
            before, after = getattr(old, name), getattr(new, name)
            if repr(before) != repr(after):
                return f"{name} was {before!r} and is {after!r}"
    if recorded.items != computed.items:
        return "other rows are answered correctly"
    return "some of its metrics differ"
