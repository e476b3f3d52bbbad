"""What an experiment yields: frozen records, the rows of a run's tables."""

from dataclasses import dataclass, fields

from alsim.experiments.ranges import Amount, Calibration, Count, Int64, Loss, Measured, Share
from alsim.measures import MEASURES


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One row of `steps.parquet`: the mixed head on the evaluation split after a step.

    Step 0 follows the passive phase; step s follows the s-th query and fine-tune. Of several tasks
    the measures are the mean over those that have an evaluated row.
    """

    strategy: str
    seed: Int64
    step: Count
    n_labelled: Count  # objects that the oracle has answered, partial answers included; or cells
    cost: Amount  # of all answers so far
    n_questions: Count  # asked so far
    batch_size: Count  # the largest training mini-batch of the step
    accuracy: Share
    balanced_accuracy: Share
    macro_f1: Share
    nll: Loss  # nats
    ece: Calibration


# Later measures are recorded in `metrics.parquet` alone, so that this table keeps its columns.
OF_STEPS = tuple(field.name for field in fields(StepRecord) if field.name in MEASURES)


@dataclass(frozen=True, slots=True)
class MetricRecord:
    """One row of `metrics.parquet`: a value for a task, head and modality pattern.

    `modalities` is "all" for every evaluated row, else the names of the modalities that the
    rows have, joined by "+", or "none". A "recall" is that of one class, its `label`.
    """

    strategy: str
    seed: Int64
    step: Count
    task: str
    head: str
    modalities: str
    metric: str
    label: str | None  # the class that the value is of; None for all classes
    value: Measured


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """One row of `queries.parquet`: a label that was asked for at a step, best first.

    Step 0 holds the initial labels, which no strategy chose: their score is None. Where an object
    is asked for with its labels of several tasks, these share its rank and its score, and what it
    costs to read it is on the first of them.
    """

    strategy: str
    seed: Int64
    step: Count
    rank: Count
    id: str | Int64
    task: str
    score: float | None
    cost: Amount
    questions: Count
    answer: str  # a class, the group of those still possible, or these joined by " | "


@dataclass(frozen=True, slots=True)
class Round:
    """All records of one step of one replica."""

    step: StepRecord
    metrics: tuple[MetricRecord, ...]
    queries: tuple[QueryRecord, ...]
