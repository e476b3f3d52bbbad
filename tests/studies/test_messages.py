"""Messages between a run and its workers are read from the pipe as they were written."""

import io
import math
from pathlib import Path

import msgspec
import pytest

from alsim.experiments.correlation import CorrelationOptions
from alsim.experiments.curves.records import StepRecord
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.oracle.plan import OraclePlan
from alsim.studies.messages import (
    Active,
    Copies,
    Correlate,
    Diverged,
    Done,
    Epoch,
    Failed,
    Fit,
    Fits,
    Note,
    Open,
    Opening,
    OpenTraining,
    Passive,
    Reply,
    Step,
    Task,
    Trained,
    read_replies,
    read_tasks,
    write,
)
from alsim.studies.start.assignment import Assignment
from alsim.studies.training.assignment import TrainAssignment, TrainedModel

ORACLES = (
    OraclePlan(),
    OraclePlan("noisy", confusion=((0.9, 0.1), (0.0, 1.0))),
    OraclePlan("annotators", (0.05, 0.1, 0.3), answers=2, price=0.1, task_prices={"half": 0.5}),
    OraclePlan("hierarchical", groups={"a": (0, 1), "b": (2,)}, max_questions=2, read_price=1),
)
MODEL = ModelOptions(
    encoders=("x",),
    experts=ExpertOptions(
        kind="conv4", number=3, widths=(4, 5), tower=(6,), reads=("a", "b"), image=(1, 2, 3)
    ),
)
TRAINING = TrainingOptions(
    head_weight={"mixed": 1.0}, task_weighting="dwa", loss_prediction=LossPrediction(share=0.5)
)
ODD = Path("/a b/\udcff\n/ü")  # a name may be something other than text
JOBS = (Job(3, "bald(k=2)"), Job(4, "random"))


def opening(oracle: OraclePlan) -> Open:
    assignment = Assignment(
        schedule=Schedule(8, QuerySize(1, 5), 3, Until("accuracy", 0.9)),
        model=MODEL,
        training=TRAINING,
        strategies=("bald(k=2)", "random"),
        candidates=None,
        way="lockstep",
        device="cpu",
        threads=1,
        initial_rows=(5, 3),
        oracle=oracle,
        tasks=("label",),
        unit="cell",
        combine="rank-sum",
        committee=None,
    )
    return Open(ODD, assignment, "identity", {"/mine.py": b"\x00\xff\n"})


TASKS: list[Opening | Task] = [
    *map(opening, ORACLES),
    OpenTraining(
        ODD,
        TrainAssignment(
            (TrainedModel("mmoe", MODEL, ()), TrainedModel("mlp", ModelOptions(), ("top-1",))),
            TRAINING, "direct", "cpu", 2, {"x": {"columns": None, "mean": [0.1], "scale": [2.0]}},
        ),
        {},
    ),
    Passive((3, 4), "random", ODD, "direct"),
    Active(JOBS, ODD, (0, 1), (ODD, Path("b")), Path("c")),
    Correlate(JOBS, ODD, (0,), (ODD,), CorrelationOptions(240, 40, 5)),
    Fit(1, "random", 0.1, (3, 4), {3: {"hat": ODD}, 4: {}}, ODD),
]  # fmt: skip
REPLIES: list[Reply] = [
    Epoch(3),
    Trained(),
    Step(StepRecord("random", 3, 1, 20, 20.0, 20, 16, 0.1, 0.2, 0.3, math.inf, 0.5)),
    Copies("random", 3, 5),
    Fits(2),
    Note("memory ran out"),
    Diverged(JOBS[0], 0),
    Failed("StoreError", ("what", "where", "mend")),
    Done(),
]


def test_all_messages_are_read_from_a_pipe_unchanged_and_then_its_end() -> None:
    pipe = io.BytesIO()
    for message in TASKS:
        write(pipe, message)
    n_tasks = pipe.tell()
    for message in REPLIES:
        write(pipe, message)
    assert list(read_tasks(io.BytesIO(pipe.getvalue()[:n_tasks]))) == TASKS
    assert list(read_replies(io.BytesIO(pipe.getvalue()[n_tasks:]))) == REPLIES


def test_a_loss_that_is_nan_is_reported_too() -> None:
    pipe = io.BytesIO()
    write(pipe, Step(StepRecord("random", 3, 1, 20, 20, 20, 16, 0, 0, 0, math.nan, math.nan)))
    (found,) = read_replies(io.BytesIO(pipe.getvalue()))
    assert isinstance(found, Step)
    assert math.isnan(found.record.nll)


def test_a_truncated_message_is_the_end_and_one_of_another_kind_is_refused() -> None:
    pipe = io.BytesIO()
    write(pipe, Note("memory ran out"))
    for n in range(pipe.tell()):
        assert not list(read_replies(io.BytesIO(pipe.getvalue()[:n])))
    with pytest.raises(msgspec.ValidationError):
        list(read_tasks(io.BytesIO(pipe.getvalue())))
