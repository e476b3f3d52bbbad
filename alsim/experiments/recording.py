"""From what a round found to the records it leaves."""

from collections.abc import Mapping, Sequence

from alsim.experiments.evaluation import Evaluation
from alsim.experiments.querying import Job, Queried
from alsim.experiments.records import MetricRecord, QueryRecord, Round, StepRecord
from alsim.experiments.setting import Setting
from alsim.models import MIXED
from alsim.oracle import Answers
from alsim.training.batching import batch_sizes


def make_round(
    setting: Setting,
    job: Job,
    step: int,
    *,
    n_labelled: int,
    cost: float,
    n_questions: int,
    queried: Queried,
    evaluation: Evaluation,
    sigmas: Mapping[tuple[str, str], float],
) -> Round:
    """Return the records of one step of one replica.

    Args:
        setting: The study.
        job: The replica's seed and strategy.
        step: 0 after the passive phase.
        n_labelled: Objects that were answered.
        cost: What they cost together.
        n_questions: How many questions they took.
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
        n_questions=n_questions,
        batch_size=max(batch_sizes(n_labelled, training.batch_size, training.batch_rule)),
        accuracy=evaluation.accuracy,
        balanced_accuracy=evaluation.balanced_accuracy,
        macro_f1=evaluation.macro_f1,
        nll=evaluation.nll,
        ece=evaluation.ece,
    )
    task, classes = setting.task, setting.pool.tasks[setting.task].classes
    measured = [(task, m.head, m.modalities, m.metric, None, m.value) for m in evaluation.heads]
    recalls = [
        (task, MIXED, "all", "recall", classes[label], recall)
        for label, recall in evaluation.recalls.items()
    ]
    learned = [(*term, "all", "sigma", None, sigma) for term, sigma in sigmas.items()]
    metrics = tuple(
        MetricRecord(job.strategy, job.seed, step, *values)
        for values in (*measured, *recalls, *learned)
    )
    return Round(record, metrics, _query_records(setting, job, step, queried))


def _query_records(
    setting: Setting, job: Job, step: int, queried: Queried
) -> tuple[QueryRecord, ...]:
    classes = setting.pool.tasks[setting.task].classes
    ids = setting.pool.ids_of(queried.rows.tolist())
    scores = [None] * len(ids) if queried.scores is None else queried.scores.tolist()
    answers = queried.answers
    said = answer_texts(answers, classes, setting.oracle.traits.set_names)
    costs, questions = answers.costs.tolist(), answers.questions.tolist()
    columns = zip(ids, scores, costs, questions, said, strict=True)
    return tuple(
        QueryRecord(job.strategy, job.seed, step, rank, id_, setting.task, score, cost, n, answer)
        for rank, (id_, score, cost, n, answer) in enumerate(columns)
    )


def answer_texts(
    answers: Answers, classes: Sequence[str], set_names: Mapping[frozenset[int], str]
) -> list[str]:
    """Return each answer in words.

    Args:
        answers: Of k objects.
        classes: The c names.
        set_names: Of sets of classes; any other set is its classes joined by " | ".
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
