"""From what a round found to the records it leaves."""

from collections.abc import Mapping

from alsim.experiments.evaluation import Evaluation
from alsim.experiments.querying import Job, Queried
from alsim.experiments.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.experiments.setting import Setting
from alsim.training.batching import batch_sizes


def make_round(
    setting: Setting,
    job: Job,
    step: int,
    *,
    n_labelled: int,
    cost: float,
    queried: Queried,
    evaluation: Evaluation,
    sigmas: Mapping[tuple[str, str], float],
) -> Round:
    """Return the records of one step of one replica.

    Args:
        setting: The study.
        job: The replica's seed and strategy.
        step: 0 after the passive phase.
        n_labelled: Labels that the replica has.
        cost: What they cost together.
        queried: The rows labelled at this step.
        evaluation: Of the replica after the step.
        sigmas: σ of each (task, head), where it is learned.
    """
    training = setting.training
    record = StepRecord(
        strategy=job.strategy,
        seed=job.seed,
        step=step,
        n_labelled=n_labelled,
        cost=cost,
        batch_size=max(batch_sizes(n_labelled, training.batch_size, training.batch_rule)),
        accuracy=evaluation.accuracy,
        balanced_accuracy=evaluation.balanced_accuracy,
        macro_f1=evaluation.macro_f1,
        nll=evaluation.nll,
        ece=evaluation.ece,
    )
    measured = [(setting.task, m.head, m.modalities, m.metric, m.value) for m in evaluation.heads]
    learned = [(*term, "all", "sigma", sigma) for term, sigma in sigmas.items()]
    metrics = tuple(
        MetricRecord(job.strategy, job.seed, step, *values) for values in measured + learned
    )
    return Round(record, metrics, _query_records(setting, job, step, queried))


def _query_records(
    setting: Setting, job: Job, step: int, queried: Queried
) -> tuple[QueryRecord, ...]:
    classes = setting.pool.tasks[setting.task].classes
    ids = setting.pool.ids_of(queried.rows.tolist())
    scores = [None] * len(ids) if queried.scores is None else queried.scores.tolist()
    costs, labels = queried.answers.costs.tolist(), queried.answers.labels.tolist()
    columns = zip(ids, scores, costs, labels, strict=True)
    return tuple(
        QueryRecord(
            job.strategy, job.seed, step, rank, id_, setting.task, score, cost, classes[label]
        )
        for rank, (id_, score, cost, label) in enumerate(columns)
    )
