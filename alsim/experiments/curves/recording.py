"""The records of a round."""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

import numpy as np
from torch import Tensor

from alsim.experiments.asking import Queried
from alsim.experiments.curves.records import (
    OF_STEPS,
    ItemRecord,
    MetricRecord,
    QueryRecord,
    Round,
    RowBits,
    StepRecord,
)
from alsim.experiments.evaluation import Evaluation, TaskMeasures
from alsim.experiments.jobs import Job
from alsim.experiments.setting import Setting
from alsim.models import MIXED
from alsim.oracle import Answers
from alsim.training.batching import batch_sizes

# Task, head, modalities, metric, class, value.
Measure = tuple[str, str, str, str, str | None, float]


def make_round(
    setting: Setting,
    job: Job,
    step: int,
    *,
    n_labelled: int,
    n_rows: int,
    cost: float,
    n_questions: int,
    queried: Queried,
    evaluation: Evaluation,
    sigmas: Mapping[tuple[str, str], float],
) -> Round:
    """Return the records of one step of one replica.

    It has `n_labelled` objects or cells, and was trained on `n_rows` objects; `cost` and
    `n_questions` are those of all answers so far, and `sigmas` are by (task, head), where they are
    learned.
    """
    training, tasks = setting.training, setting.evaluator.tasks
    record = StepRecord(
        strategy=job.strategy,
        seed=job.seed,
        step=step,
        n_labelled=n_labelled,
        cost=cost,
        n_questions=n_questions,
        batch_size=max(batch_sizes(n_rows, training.batch_size, training.batch_rule)),
        **{name: evaluation.mean(name) for name in OF_STEPS},
    )
    is_mean = len(setting.pool.tasks) > 1
    measured = [
        row
        for task, found in evaluation.tasks.items()
        for row in measures_of(setting, task, found, with_steps=is_mean)
    ]
    learned = [(*term, "all", "sigma", None, sigma) for term, sigma in sigmas.items()]
    metrics = tuple(
        MetricRecord(job.strategy, job.seed, step, *values) for values in (*measured, *learned)
    )
    items = tuple(
        ItemRecord(job.strategy, job.seed, step, task, _bits(found.right, tasks[task].known))
        for task, found in evaluation.tasks.items()
    )
    return Round(record, metrics, _query_records(setting, job, step, queried), items)


def measures_of(
    setting: Setting, task: str, found: TaskMeasures, *, with_steps: bool
) -> Iterator[Measure]:
    """Yield the measures of a task; if asked for, also those that a single task's steps have."""
    classes = setting.pool.tasks[task].classes
    for (head, modalities), value in found.heads.items():
        yield task, head, modalities, "accuracy", None, value
    for name, value in found.measures.items():
        # Accuracy is recorded of each head.
        if name != "accuracy" and (with_steps or name not in OF_STEPS):
            yield task, MIXED, "all", name, None, value
    for label, recall in found.recalls.items():
        yield task, MIXED, "all", "recall", classes[label], recall


def _bits(right: Tensor, known: Tensor | None) -> RowBits:
    """Return `(m,)` bool as bits of n rows, of which those of `known`, `(n,)` bool, have one."""
    if known is None:
        return RowBits(len(right), _packed(right))
    ones = known.masked_scatter(known, right)
    return RowBits(len(known), _packed(ones), _packed(known))


def _packed(bits: Tensor) -> bytes:
    return np.packbits(bits.numpy(), bitorder="little").tobytes()


def _query_records(
    setting: Setting, job: Job, step: int, queried: Queried
) -> tuple[QueryRecord, ...]:
    ids = setting.pool.ids_of(queried.rows.tolist())
    scores = [None] * len(ids) if queried.scores is None else queried.scores.tolist()
    records: list[QueryRecord] = []
    for place, (task, oracle) in enumerate(setting.oracles.items()):
        answers, classes = queried.answers[task], setting.pool.tasks[task].classes
        said = answer_texts(answers, classes, oracle.traits.set_names)
        costs, questions = answers.costs.tolist(), answers.questions.tolist()
        records += [
            QueryRecord(
                job.strategy, job.seed, step, rank, ids[rank], task, scores[rank],
                costs[rank], questions[rank], said[rank],
            )
            for rank in queried.cells[:, place].nonzero()[:, 0].tolist()
        ]  # fmt: skip
    return tuple(sorted(records, key=attrgetter("rank")))


def answer_texts(
    answers: Answers, classes: Sequence[str], set_names: Mapping[frozenset[int], str]
) -> list[str]:
    """Return each answer in words.

    A set of classes has its own name, or those of its classes joined by " | ".
    """
    labels: list[int] = answers.labels.tolist()
    if answers.possible is None:
        return [classes[label] for label in labels]
    texts: list[str] = []
    for label, row in zip(labels, answers.possible, strict=True):
        possible: list[int] = row.nonzero()[:, 0].tolist()
        joined = " | ".join([classes[i] for i in possible])
        texts.append(classes[label] if label >= 0 else set_names.get(frozenset(possible), joined))
    return texts
