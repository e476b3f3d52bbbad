"""Measuring replicas on the evaluation split."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim import metrics
from alsim.models import MIXED
from alsim.signals import Chunks
from alsim.training.features import Features
from alsim.training.replicas import Replicas


@dataclass(frozen=True, slots=True)
class HeadMetric:
    """A metric of one head on the rows with one pattern of modalities."""

    head: str
    modalities: str  # "all", or the names present joined by "+", or "none"
    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How one replica does on the evaluated rows."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float
    heads: tuple[HeadMetric, ...]
    recalls: Mapping[int, float]  # of the mixed head, class -> recall, where the class has rows


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """The evaluated rows of one task, with what does not change from step to step."""

    features: Features
    rows: range
    task: str
    labels: Tensor  # (n,) int64, all known, of `rows`
    n_classes: int
    patterns: Mapping[str, Tensor]  # modality pattern -> (n,) bool
    head_rows: Mapping[str, Tensor]  # modality -> (n,) bool, where it is present
    chunks: Chunks

    def log_probabilities(self, replicas: Replicas) -> dict[str, Tensor]:
        """Return each head's log-probabilities, head -> `(r, n, c)` on the CPU."""

        def of_chunk(rows: range) -> dict[str, Tensor]:
            outputs = replicas.outputs(self.features.span(rows.start, rows.stop))
            heads = outputs.logits[self.task].items()
            return {head: torch.log_softmax(logits, -1).cpu() for head, logits in heads}

        parts = list(self.chunks.over(self.rows, of_chunk))
        return {head: torch.cat([part[head] for part in parts], 1) for head in parts[0]}

    def losses(self, replicas: Replicas) -> Tensor:
        """Return the mixed head's negative log-likelihood, `(r,)` float64 in nats."""
        logs = self.log_probabilities(replicas)[MIXED]
        return torch.tensor([metrics.nll(log, self.labels) for log in logs], dtype=torch.float64)

    def accuracies(self, replicas: Replicas) -> list[float]:
        """Return the mixed head's accuracy of every replica."""
        logs = self.log_probabilities(replicas)[MIXED]
        return [metrics.accuracy(log.argmax(-1), self.labels) for log in logs]

    def evaluate(self, replicas: Replicas) -> list[Evaluation]:
        """Return how every replica does."""
        logs = self.log_probabilities(replicas)
        return [
            self._one({head: log[r] for head, log in logs.items()}) for r in range(replicas.size)
        ]

    def _one(self, logs: Mapping[str, Tensor]) -> Evaluation:
        mixed = logs[MIXED]
        predicted = mixed.argmax(-1)
        confusion = metrics.confusion_matrix(predicted, self.labels, self.n_classes)
        heads: list[HeadMetric] = []
        for head, log in logs.items():
            right = (log.argmax(-1) == self.labels).double()
            # A modality's own head says nothing of rows that lack the modality.
            seen = self.head_rows.get(head)
            groups = {"all": torch.ones_like(right, dtype=torch.bool), **self.patterns}
            for pattern, rows in groups.items():
                counted = right[rows if seen is None else rows & seen]
                if len(counted):
                    heads.append(HeadMetric(head, pattern, "accuracy", counted.mean().item()))
        return Evaluation(
            accuracy=metrics.accuracy(predicted, self.labels),
            balanced_accuracy=metrics.balanced_accuracy(confusion),
            macro_f1=metrics.macro_f1(confusion),
            nll=metrics.nll(mixed, self.labels),
            ece=metrics.expected_calibration_error(mixed.exp(), self.labels),
            heads=tuple(heads),
            recalls={
                label: recall
                for label, recall in enumerate(metrics.recalls(confusion).tolist())
                if not math.isnan(recall)
            },
        )


def make_evaluator(
    features: Features,
    modalities: tuple[str, ...],
    rows: range,
    *,
    task: str,
    labels: Tensor,
    n_classes: int,
    chunks: Chunks,
) -> Evaluator:
    """Return an evaluator of the given rows of a pool.

    Args:
        features: The pool's inputs.
        modalities: Names, in the order of the presence mask's columns.
        rows: The evaluated rows; all must have a label.
        task: The task's name.
        labels: `(all rows of the pool,)` int64.
        n_classes: c.
        chunks: How many rows go through the nets at a time.
    """
    present = features.present[rows.start : rows.stop].cpu() > 0
    patterns: dict[str, Tensor] = {}
    if len(modalities) > 1:
        for row in present.unique(dim=0):
            names = [name for name, there in zip(modalities, row.tolist(), strict=True) if there]
            patterns["+".join(names) or "none"] = (present == row).all(1)
    return Evaluator(
        features=features,
        rows=rows,
        task=task,
        labels=labels[rows.start : rows.stop],
        n_classes=n_classes,
        patterns=patterns,
        head_rows={name: present[:, i] for i, name in enumerate(modalities)},
        chunks=chunks,
    )
