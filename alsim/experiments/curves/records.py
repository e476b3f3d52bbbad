"""What an experiment yields: frozen records, the rows of a run's tables."""

from dataclasses import dataclass, fields
from typing import Literal

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


NO_STRATEGY = ""  # under which what belongs to a seed alone is recorded, such as its ceiling

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
class RowBits:
    """A bit for each of n rows, packed: a run has millions.

    Raises:
        ValueError: If the bytes are not those of n rows, or a bit is set that means nothing.
    """

    n: int
    ones: bytes  # least significant bit first, 0 where unknown and after the last row
    known: bytes | None = None  # likewise, the rows that have a bit; None: all of them

    def __post_init__(self) -> None:
        given = (self.ones,) if self.known is None else (self.ones, self.known)
        for each in given:
            if len(each) != (self.n + 7) // 8:
                raise ValueError(f"{len(each)} bytes hold no bits of {self.n} rows")
        ones, *known = (int.from_bytes(each, "little") for each in given)
        most = (1 << self.n) - 1
        if known and not known[0] < most:
            raise ValueError(f"of {self.n} rows all are known, or more")
        if ones & ~(known[0] if known else most):
            raise ValueError(f"a bit is set of none of the {self.n} rows, or of one without a bit")


@dataclass(frozen=True, slots=True)
class RowNumbers:
    """A number for each of n rows."""

    values: bytes  # n float32, little-endian; NaN where unknown

    def are_of(self, rows: RowBits) -> bool:
        """Return whether they are of the same rows, finite where these have a bit, else NaN."""
        import numpy as np  # late, since what writes journals imports none

        if len(self.values) != 4 * rows.n:
            return False
        numbers = np.frombuffer(self.values, "<f4")
        unknown = np.isnan(numbers)
        if rows.known is not None:
            known = np.frombuffer(rows.known, np.uint8)
            unknown ^= np.unpackbits(known, count=rows.n, bitorder="little") == 0
        return not unknown.any() and not np.isinf(numbers).any()


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """One row of `items.parquet`: which evaluated rows are answered correctly after a step.

    There is an entry for each evaluated row, in the order of their ids: the mixed head's. Rows
    without a label of the task are null.
    """

    strategy: str
    seed: Int64
    step: Count
    task: str
    correct: RowBits


@dataclass(frozen=True, slots=True)
class ContributionRecord:
    """One row of `contributions.parquet`: what each evaluated row contributes to a curve's score.

    The mean over the rows is the score: of part "area" that of the whole curve, the normalised
    area over the labels; of part "last" that of its last step. Rows are those of the items.
    """

    strategy: str
    seed: Int64
    task: str
    metric: str
    part: Literal["area", "last"]
    values: RowNumbers


@dataclass(frozen=True, slots=True)
class Round:
    """All records of one step of one replica."""

    step: StepRecord
    metrics: tuple[MetricRecord, ...]
    queries: tuple[QueryRecord, ...]
    items: tuple[ItemRecord, ...] = ()  # one a task; none in runs of earlier versions
