"""Measuring replicas on the evaluation split."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from alsim import metrics
from alsim.measures import OF_CURVES
from alsim.models import MIXED
from alsim.pool.pool import Pool, Task
from alsim.signals import Chunks
from alsim.training.features import Features
from alsim.training.replicas import Replicas

# Head -> its log-probabilities.
Logs = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class TaskMeasures:
    """One replica's measures at one task, on the rows with a known label."""

    measures: Mapping[str, float]  # of the mixed head, those that there are for its classes
    # Head and pattern of modalities ("all", or the names present joined by "+", or "none") -> the
    # head's accuracy on the rows of that pattern
    heads: Mapping[tuple[str, str], float]
    recalls: Mapping[int, float]  # of the mixed head, class -> recall, where the class has rows


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
    known: Tensor | None  # (n,) bool, where they are; None: all of them
    n_classes: int
    patterns: Mapping[str, Tensor]  # modality pattern -> (m,) bool
    head_rows: Mapping[str, Tensor]  # modality -> (m,) bool, where it is present

    def of(self, values: Tensor) -> Tensor:
        """Return the values of these rows, `(…, m, c)`, out of `(…, n, c)`."""
        return values if self.known is None else values[..., self.known, :]

    def measure(self, logs: Logs) -> TaskMeasures:
        """Return a replica's measures, from its heads' log-probabilities, `(m, c)` each."""
        mixed = logs[MIXED]
        predicted = mixed.argmax(-1)
        confusion = metrics.confusion_matrix(predicted, self.labels, self.n_classes)
        given = {
            "predicted": predicted,
            "labels": self.labels,
            "confusion": confusion,
            "log_probabilities": mixed,
            "probabilities": mixed.exp(),
        }
        if self.n_classes == 2 and mixed.isfinite().all():
            # Log-odds keep apart what probabilities near 1 would tie.
            given["scores"] = (mixed[:, 1] - mixed[:, 0]).double()
        heads: dict[tuple[str, str], float] = {}
        for head, log in logs.items():
            right = (log.argmax(-1) == self.labels).double()
            # A modality's own head is not measured on rows that lack the modality.
            seen = self.head_rows.get(head)
            groups = {"all": torch.ones_like(right, dtype=torch.bool), **self.patterns}
            for pattern, rows in groups.items():
                counted = right[rows if seen is None else rows & seen]
                if len(counted):
                    heads[head, pattern] = counted.mean().item()
        return TaskMeasures(
            measures=metrics.measure(OF_CURVES, self.n_classes, **given),
            heads=heads,
            recalls={
                label: recall
                for label, recall in enumerate(metrics.recalls(confusion).tolist())
                if not math.isnan(recall)
            },
        )


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """The evaluated rows of all tasks, with what does not change from step to step."""

    features: Features
    rows: range
    tasks: Mapping[str, TaskRows]  # those of which a row has a label
    chunks: Chunks

    def log_probabilities(self, replicas: Replicas) -> dict[str, dict[str, Tensor]]:
        """Return each head's log-probabilities, task -> head -> `(r, m, c)` on the CPU."""

        def of_chunk(rows: range) -> dict[str, dict[str, Tensor]]:
            outputs = replicas.outputs(self.features.span(rows.start, rows.stop))
            return {
                task: {
                    head: torch.log_softmax(logits, -1).cpu()
                    for head, logits in outputs.logits[task].items()
                }
                for task in self.tasks
            }

        parts = list(self.chunks.over(self.rows, of_chunk))
        return {
            task: {
                head: mine.of(torch.cat([part[task][head] for part in parts], 1))
                for head in parts[0][task]
            }
            for task, mine in self.tasks.items()
        }

    def losses(self, replicas: Replicas) -> Tensor:
        """Return the mixed head's negative log-likelihood, `(r,)` float64 in nats.

        Of several tasks it is the mean.
        """
        return self._over_tasks(replicas, metrics.nll)

    def accuracies(self, replicas: Replicas) -> list[float]:
        """Return the mixed head's accuracy of every replica, averaged over the tasks."""

        def accuracy(logs: Tensor, labels: Tensor) -> float:
            return metrics.accuracy(logs.argmax(-1), labels)

        return self._over_tasks(replicas, accuracy).tolist()

    def _over_tasks(self, replicas: Replicas, measure: Callable[[Tensor, Tensor], float]) -> Tensor:
        """Return a measure of log-probabilities and labels, averaged over the tasks, `(r,)`."""
        logs = self.log_probabilities(replicas)
        of_tasks = [
            [measure(log, mine.labels) for log in logs[task][MIXED]]
            for task, mine in self.tasks.items()
        ]
        means = [fmean(each) for each in zip(*of_tasks, strict=True)]
        return torch.tensor(means, dtype=torch.float64)

    def evaluate(self, replicas: Replicas) -> list[Evaluation]:
        """Return every replica's measures."""
        logs = self.log_probabilities(replicas)
        return [
            Evaluation(
                {
                    task: mine.measure({head: log[r] for head, log in logs[task].items()})
                    for task, mine in self.tasks.items()
                }
            )
            for r in range(replicas.size)
        ]


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
        return TaskRows(labels, None, len(task.classes), patterns, head_rows)
    return TaskRows(
        labels[known],
        known,
        len(task.classes),
        {pattern: mine[known] for pattern, mine in patterns.items()},
        {name: mine[known] for name, mine in head_rows.items()},
    )
