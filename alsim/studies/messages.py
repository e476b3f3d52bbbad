"""The messages between a run and its workers, and the one place that encodes them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from msgspec import Struct, msgpack

from alsim.experiments.correlation import CorrelationOptions
from alsim.experiments.curves.records import StepRecord
from alsim.experiments.jobs import Job
from alsim.options.engine import Way
from alsim.studies.start.assignment import Assignment
from alsim.studies.training.assignment import TrainAssignment


class Open(Struct, frozen=True, tag=True):
    """Serve a study of curves or of correlation."""

    folder: Path  # of the mapped pool
    assignment: Assignment
    identity: str  # of its checkpoints
    texts: Mapping[str, bytes]  # path -> content of the plug-ins' files


class OpenTraining(Struct, frozen=True, tag=True):
    """Serve passive training."""

    folder: Path
    assignment: TrainAssignment
    texts: Mapping[str, bytes]


class Passive(Struct, frozen=True, tag=True):
    """Train the passive phase of some seeds together."""

    seeds: tuple[int, ...]
    like: str  # the strategy whose net it trains
    state: Path  # where the nets are left
    way: Way | None = None  # None: the study's


class Active(Struct, frozen=True, tag=True):
    """Run learning curves together, from where they were left."""

    jobs: tuple[Job, ...]
    state: Path  # of the passive phase
    pick: tuple[int, ...]  # which of its nets each curve starts from
    journals: tuple[Path, ...]  # one a job
    checkpoint: Path


class Ceilings(Struct, frozen=True, tag=True):
    """Train on all labels, one net a seed."""

    seeds: tuple[int, ...]
    results: Path


class Correlate(Struct, frozen=True, tag=True):
    """Train the copies of a seed's metrics."""

    jobs: tuple[Job, ...]  # of one seed; the strategies are metrics
    state: Path
    pick: tuple[int, ...]
    journals: tuple[Path, ...]
    sizes: CorrelationOptions


class Fit(Struct, frozen=True, tag=True):
    """Train a model on labels, one net a seed."""

    model: int  # its place in the assignment
    chosen_by: str
    fraction: float
    seeds: tuple[int, ...]
    exports: Mapping[int, Mapping[str, Path]]  # seed, task: where its net is cut out to
    journal: Path


class Epoch(Struct, frozen=True, tag=True):
    """An epoch of a training with early stopping has ended."""

    n: int


class Trained(Struct, frozen=True, tag=True):
    """The training of a passive phase or of a ceiling has ended."""


class Step(Struct, frozen=True, tag=True):
    """A step of a learning curve was recorded."""

    record: StepRecord


class Copies(Struct, frozen=True, tag=True):
    """So far n copies of a metric and seed were trained."""

    metric: str
    seed: int
    n: int


class Fits(Struct, frozen=True, tag=True):
    """The task's n nets were trained."""

    n: int


class Note(Struct, frozen=True, tag=True):
    """Something the user should know."""

    text: str


class Diverged(Struct, frozen=True, tag=True):
    """A learning curve has ended, since its training diverged."""

    job: Job
    step: int


class Done(Struct, frozen=True, tag=True):
    """The last message was worked on."""


class Failed(Struct, frozen=True, tag=True):
    """The work on the last message ended with an AlsimError."""

    error: str  # the name of its class
    arguments: tuple[str, str, str]


Opening = Open | OpenTraining
Task = Passive | Active | Ceilings | Correlate | Fit
Report = Epoch | Trained | Step | Copies | Fits | Note | Diverged  # while a task is worked on
Reply = Report | Done | Failed

_encoder = msgpack.Encoder(enc_hook=os.fsencode)  # of paths, which may hold any bytes
_SIZE = 4  # bytes before each message, its length


def write(pipe: IO[bytes], message: Opening | Task | Reply) -> None:
    """Write a message to a pipe.

    Raises:
        BrokenPipeError: If nobody reads it any more.
    """
    body = _encoder.encode(message)
    pipe.write(len(body).to_bytes(_SIZE, "little") + body)
    pipe.flush()


def read_tasks(pipe: IO[bytes]) -> Iterator[Opening | Task]:
    """Yield the messages of a run, see `_read`."""
    return _read(pipe, Opening | Task)


def read_replies(pipe: IO[bytes]) -> Iterator[Reply]:
    """Yield the messages of a worker, see `_read`."""
    return _read(pipe, Reply)


def _read(pipe: IO[bytes], kind: Any) -> Iterator[Any]:
    """Yield messages until the end of the pipe, which may come amid a message.

    Raises:
        msgspec.ValidationError: If one is of another kind.
    """
    decoder = msgpack.Decoder(kind, dec_hook=_as_path)
    while len(head := pipe.read(_SIZE)) == _SIZE:
        n = int.from_bytes(head, "little")
        if len(body := pipe.read(n)) < n:
            return
        yield decoder.decode(body)


def _as_path(kind: type, value: bytes) -> Any:
    return kind(os.fsdecode(value))
