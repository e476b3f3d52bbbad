"""Measuring replicas on the evaluation split."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from torch import Tensor

from alsim import metrics
from alsim.contributions import Predictions, contributions
from alsim.experiments.predictions import RowValues, log_of_truth, predicted_of, row_values
from alsim.measures import OF_CURVES
from alsim.models import MIXED
from alsim.pool.pool import Pool, Task
from alsim.signals import Chunks
from alsim.training.features import Features
from alsim.training.replicas import Replicas

HeadValues = Mapping[str, RowValues]  # by head
# A head, its log-probabilities (r, n, c) and the true classes (n,) -> what is kept of the rows.
Reduce = Callable[[str, Tensor, Tensor], RowValues]


@dataclass(frozen=True, slots=True, eq=False)
class TaskMeasures:
    """One replica's measures at one task, on the rows with a known label."""

    measures: Mapping[str, float]  # of the mixed head, those that there are for its classes
    # Head and pattern of modalities ("all", or the names present joined by "+", or "none") -> the
    # head's accuracy on the rows of that pattern
    heads: Mapping[tuple[str, str], float]
    recalls: Mapping[int, float]  # of the mixed head, class -> recall, where the class has rows
    right: Tensor  # (m,) bool, whether the mixed head's prediction is
    # Metric -> (n,) float64, NaN without a label: what each row contributes, as in `contributions`
    contributions: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One replica's measures on the evaluated rows."""

    tasks: Mapping[str, TaskMeasures]  # those of which a row has a label

    def mean(self, measure: str) -> float:
        """Return a measure that every task has, averaged over the tasks."""
        return fmean(found.measures[measure] for found in self.tasks.values())


@dataclass(frozen=True, slots=True, eq=False)
class TaskRows:
    """The evaluated rows of which a task's label is known: m of n."""

    labels: Tensor  # (m,) int64
    truth: Tensor  # (n,) int64, 0 where it is unknown
    known: Tensor | None  # (n,) bool, where they are; None: all of them
    n_classes: int
    patterns: Mapping[str, Tensor]  # modality pattern -> (m,) bool
    head_rows: Mapping[str, Tensor]  # modality -> (m,) bool, where it is present

    def of(self, values: Tensor) -> Tensor:
        """Return the values of these rows, `(…, m)`, out of `(…, n)`."""
        return values if self.known is None else values[..., self.known]

    def on_all(self, values: Tensor) -> Tensor:
        """Return `(n,)` float64 out of those of these rows, `(m,)`; NaN without a label."""
        if self.known is None:
            return values
        return values.new_full(self.known.shape, math.nan).masked_scatter_(self.known, values)

    def measure(self, values: Mapping[str, RowValues]) -> TaskMeasures:
        """Return a replica's measures, from its heads' values, head -> name -> `(m,)`."""
        mixed = dict(values[MIXED])
        if "scores" in mixed and not mixed["scores"].isfinite().all():
            del mixed["scores"]
        counts = metrics.class_counts(mixed["predicted"], self.labels, self.n_classes)
        heads: dict[tuple[str, str], float] = {}
        for head, of_head in values.items():
            right = (of_head["predicted"] == self.labels).double()
            # A modality's own head is not measured on rows that lack the modality.
            seen = self.head_rows.get(head)
            groups = {"all": torch.ones_like(right, dtype=torch.bool), **self.patterns}
            for pattern, rows in groups.items():
                counted = right[rows if seen is None else rows & seen]
                if len(counted):
                    heads[head, pattern] = counted.mean().item()
        predictions = Predictions(mixed["predicted"], self.labels, counts, mixed.get("scores"))
        return TaskMeasures(
            measures=metrics.measure(
                OF_CURVES, self.n_classes, labels=self.labels, counts=counts, **mixed
            ),
            heads=heads,
            recalls={
                label: recall
                for label, recall in enumerate(metrics.recalls(counts).tolist())
                if not math.isnan(recall)
            },
            right=mixed["predicted"] == self.labels,
            contributions={
                name: self.on_all(each) for name, each in contributions(predictions).items()
            },
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """The evaluated rows of all tasks, with what does not change from step to step."""

    features: Features
    rows: range
    tasks: Mapping[str, TaskRows]  # those of which a row has a label
    chunks: Chunks

    def _values(
        self, replicas: Replicas, heads: Literal["all", "mixed"], reduce: Reduce
    ) -> dict[str, HeadValues]:
        """Return what some heads' log-probabilities reduce to, task -> head -> name -> `(r, m)`."""

        def of_chunk(rows: range) -> dict[str, HeadValues]:
            inputs = self.features.span(rows.start, rows.stop)._replace(heads=heads)
            logits = replicas.outputs(inputs).logits
            here = slice(rows.start - self.rows.start, rows.stop - self.rows.start)
            return {
                task: {
                    head: reduce(head, torch.log_softmax(z, -1), mine.truth[here].to(z.device))
                    for head, z in logits[task].items()
                    if heads == "all" or head == MIXED
                }
                for task, mine in self.tasks.items()
            }

        most = max((mine.n_classes for mine in self.tasks.values()), default=1)
        parts = list(self.chunks.over(self.rows, of_chunk, most))
        return {
            task: {
                head: {
                    name: mine.of(torch.cat([part[task][head][name] for part in parts], 1))
                    for name in values
                }
                for head, values in parts[0][task].items()
            }
            for task, mine in self.tasks.items()
        }

    def losses(self, replicas: Replicas) -> Tensor:
        """Return the mixed head's negative log-likelihood, `(r,)` float64 in nats.

        Of several tasks it is the mean.
        """
        values = self._values(replicas, "mixed", lambda _, logs, truth: log_of_truth(logs, truth))
        means = self._over_tasks(values, lambda mine, labels: metrics.nll(mine["log_of_truth"]))
        return torch.tensor(means, dtype=torch.float64)

    def accuracies(self, replicas: Replicas) -> list[float]:
        """Return the mixed head's accuracy of every replica, averaged over the tasks."""
        values = self._values(replicas, "mixed", lambda _, logs, truth: predicted_of(logs))
        return self._over_tasks(
            values, lambda mine, labels: metrics.accuracy(mine["predicted"], labels)
        )

    def _over_tasks(
        self,
        values: Mapping[str, HeadValues],
        measure: Callable[[RowValues, Tensor], float],
    ) -> list[float]:
        """Return a measure of the mixed head's values and labels, averaged over the tasks."""
        of_tasks = [
            [measure(mine, self.tasks[task].labels) for mine in _by_replica(heads[MIXED])]
            for task, heads in values.items()
        ]
        return [fmean(each) for each in zip(*of_tasks, strict=True)]

    def evaluate(self, replicas: Replicas) -> list[Evaluation]:
        """Return every replica's measures."""

        def reduce(head: str, logs: Tensor, truth: Tensor) -> RowValues:
            return row_values(logs, truth) if head == MIXED else predicted_of(logs)

        of_tasks = {
            task: {head: _by_replica(values) for head, values in heads.items()}
            for task, heads in self._values(replicas, "all", reduce).items()
        }
        return [
            Evaluation(
                {
                    task: self.tasks[task].measure({head: each[r] for head, each in heads.items()})
                    for task, heads in of_tasks.items()
                }
            )
            for r in range(replicas.size)
        ]


def _by_replica(values: RowValues) -> list[RowValues]:
    """Return each replica's values, name -> `(m,)`, out of `(r, m)`."""
    return [dict(zip(values, each, strict=True)) for each in zip(*values.values(), strict=True)]


def make_evaluator(features: Features, pool: Pool, rows: range, chunks: Chunks) -> Evaluator:
    """Return an evaluator of some rows of a pool at all of its tasks, which are of classes.

    Rows without a task's label do not count for it.
    """
    present = features.present[rows.start : rows.stop].cpu() > 0
    patterns: dict[str, Tensor] = {}
    if len(pool.modalities) > 1:
        for row in present.unique(dim=0):
            pairs = zip(pool.modalities, row.tolist(), strict=True)
            names = [name for name, there in pairs if there]
            patterns["+".join(names) or "none"] = (present == row).all(1)
    head_rows = {name: present[:, i] for i, name in enumerate(pool.modalities)}
    tasks = {
        name: _rows_of(task, rows, patterns, head_rows)
        for name, task in pool.tasks.items()
        if (task.labels[rows.start : rows.stop] >= 0).any()
    }
    return Evaluator(features, rows, tasks, chunks)


def _rows_of(
    task: Task, rows: range, patterns: Mapping[str, Tensor], head_rows: Mapping[str, Tensor]
) -> TaskRows:
    labels = task.labels[rows.start : rows.stop]
    known = labels >= 0
    if known.all():
        return TaskRows(labels, labels, None, len(task.classes), patterns, head_rows)
    return TaskRows(
        labels[known],
        labels.clamp_min(0),
        known,
        len(task.classes),
        {pattern: mine[known] for pattern, mine in patterns.items()},
        {name: mine[known] for name, mine in head_rows.items()},
    )
