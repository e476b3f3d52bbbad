"""Runs held in memory, for the tests of pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from alsim.store.tables import CONTRIBUTIONS, ITEMS, METRICS, QUERIES, STEPS, schema_of

COMPLETE = {"status": "complete", "evaluation_split": "test", "pool": {"fingerprint": "abc"}}


@dataclass(frozen=True, eq=False)
class MemoryRun:
    """A run held in memory, with everything that the pictures need."""

    name: str = "posts"
    steps: pa.Table = field(default_factory=lambda: schema_of(STEPS).empty_table())
    metrics: pa.Table = field(default_factory=lambda: schema_of(METRICS).empty_table())
    queries: pa.Table = field(default_factory=lambda: schema_of(QUERIES).empty_table())
    items: pa.Table = field(default_factory=lambda: schema_of(ITEMS).empty_table())
    contributions: pa.Table = field(default_factory=lambda: schema_of(CONTRIBUTIONS).empty_table())
    manifest: Mapping[str, object] = field(default_factory=lambda: dict(COMPLETE))

    @property
    def folder(self) -> Path:
        return Path("runs") / self.name

    @property
    def status(self) -> str:
        return str(self.manifest["status"])


def make_steps(
    curves: Mapping[str, np.ndarray], start: int = 100, query_size: int = 50
) -> pa.Table:
    """Return steps with the given accuracies, `(seeds, steps)` for each strategy."""
    return pa.Table.from_pylist(
        [
            {
                "strategy": strategy,
                "seed": seed,
                "step": step,
                "n_labelled": start + query_size * step,
                "cost": 2.0 * (start + query_size * step),
                "n_questions": 3 * (start + query_size * step),
                "batch_size": 32 + step,
                "accuracy": float(value),
                "balanced_accuracy": float(value) / 2,
                "macro_f1": float(value) / 2,
                "nll": 1 - float(value),
                "ece": 0.1,
            }
            for strategy, values in curves.items()
            for seed, row in enumerate(np.atleast_2d(values))
            for step, value in enumerate(row)
        ],
        schema=schema_of(STEPS),
    )


def rising(n_seeds: int = 3, n_steps: int = 8, *, ahead: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return rising accuracies, `(seeds, steps)`, equal for equal seeds except for `ahead`."""
    rng = np.random.default_rng(seed)
    level = 0.5 + rng.normal(0, 0.01, (n_seeds, 1)) + 0.02 * np.arange(n_steps)
    noise = np.random.default_rng(seed + 1 + abs(int(1000 * ahead))).normal(0, 0.002, level.shape)
    return level + ahead * np.arange(n_steps) + noise


def make_metrics(rows: list[tuple[str, int, int, str, str, str, str | None, float]]) -> pa.Table:
    """Return metrics: strategy, seed, step, head, modalities, metric, label and value."""
    return pa.Table.from_pylist(
        [
            {
                "strategy": strategy,
                "seed": seed,
                "step": step,
                "task": "topic",
                "head": head,
                "modalities": modalities,
                "metric": metric,
                "label": label,
                "value": value,
            }
            for strategy, seed, step, head, modalities, metric, label, value in rows
        ],
        schema=schema_of(METRICS),
    )


def make_queries(answers: Mapping[tuple[str, int, int], list[str]]) -> pa.Table:
    """Return queries with the given answers at (strategy, seed, step)."""
    return pa.Table.from_pylist(
        [
            {
                "strategy": strategy,
                "seed": seed,
                "step": step,
                "rank": rank,
                "id": 1000 * step + rank,
                "task": "topic",
                "score": None if step == 0 else 0.5,
                "cost": 1.0,
                "questions": 1,
                "answer": answer,
            }
            for (strategy, seed, step), given in answers.items()
            for rank, answer in enumerate(given)
        ],
        schema=schema_of(QUERIES),
    )


def footnote(figure: Figure) -> str:
    """Return the footnote of a figure, in one line."""
    return figure._supxlabel.get_text().replace("\n", " ")
