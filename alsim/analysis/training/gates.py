"""The gates of trained nets: which task uses which expert, and which tasks agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch

from alsim.analysis.statistics.intervals import Floats
from alsim.errors import StoreError, UsageError, nearest

_KEY = itemgetter("model", "chosen_by", "fraction")


@dataclass(frozen=True, slots=True, eq=False)
class GateMap:
    """The gates of one model trained with s seeds: t tasks and e experts.

    Experts are exchangeable between seeds: a mean of `values` over the seeds says nothing.
    """

    model: str
    chosen_by: str  # what has chosen the labels, such as "random"
    fraction: float
    fact: str  # "probability" of a stochastic gate, or mean "weight" of a softmax gate
    seeds: tuple[int, ...]  # ascending
    tasks: tuple[str, ...]
    values: Floats  # (s, t, e) in [0, 1]; NaN where a task has none

    @property
    def n_used(self) -> Floats:
        """Return how many experts each task uses, `(s, t)`.

        Of probabilities their sum k(t) = Σᵢ pᵢ(t), Yan et al. (2019), §3. Of mean weights w, which
        sum to 1, the effective number exp(−Σᵢ wᵢ log wᵢ): 1 where one expert does all, e where all
        do alike. A gate that picks one expert a row, another for each, has many of them.
        """
        if self.fact == "probability":
            return cast("Floats", self.values.sum(axis=-1))
        logs = np.log(np.where(self.values > 0, self.values, 1.0))
        return cast("Floats", np.exp(-(self.values * logs).sum(axis=-1)))

    @property
    def correlations(self) -> Floats:
        """Return how alike the tasks' experts are, `(t, t)`, the mean over the seeds.

        Each seed's is `task_correlations`. NaN where it is undefined for every seed.
        """
        each = np.stack([task_correlations(values) for values in self.values])
        known = np.isfinite(each)
        n = known.sum(axis=0)
        return np.where(n > 0, np.where(known, each, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


def task_correlations(values: Floats) -> Floats:
    """Return Pearson's correlation of each two tasks over the experts, `(t, t)` in [−1, 1].

    Yan et al. (2019), Fig. 3, show a "normalized correlation in gating probabilities between pairs
    of tasks" and do not say how it is normalised; here by each task's mean and deviation, so that
    tasks that use many experts, but others, do not seem alike. NaN for a task whose experts are all
    used alike: it has no deviation. The values are `(t, e)`.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    # What rounding leaves of equal values is no deviation.
    norms = np.where(norms > 1e-12, norms, np.nan)
    unit = centred / norms[:, None]
    return np.clip(unit @ unit.T, -1.0, 1.0)


def agreement(values: Floats) -> float:
    """Return the mean |r| over pairs of tasks in [0, 1]; NaN where no r is defined.

    The values are `(t, e)`.
    """
    r = np.abs(task_correlations(values)[np.triu_indices(len(values), 1)])
    return float(r[np.isfinite(r)].mean()) if np.isfinite(r).any() else math.nan


def agreement_beyond_chance(
    values: Floats, *, generator: torch.Generator, n_permutations: int = 200
) -> float:
    """Return the mean |r| over pairs of tasks less what chance gives; NaN where no r is defined.

    Even of unrelated tasks |r| is above 0, and the more so the more unlike one another the values
    of a task are. So the mean of `agreement` is taken off when each task's experts are permuted by
    themselves: of independent tasks 0 is left on average, whatever number of experts they use. The
    values are `(t, e)`.
    """
    orders = torch.rand(n_permutations, *values.shape, generator=generator, dtype=torch.float64)
    permuted = (np.take_along_axis(values, o, axis=1) for o in orders.argsort(-1).numpy())
    return agreement(values) - float(np.mean([agreement(each) for each in permuted]))


def similar_order(correlations: Floats) -> list[int]:
    """Return an order of the tasks in which those that agree stand side by side.

    Hierarchical clustering by average linkage of 1 − r, its leaves ordered so that neighbours are
    as near as they can be (Bar-Joseph et al. 2001). An unknown r counts as 0. The correlations are
    `(t, t)`, symmetric.
    """
    t = len(correlations)
    if t < 3:
        return list(range(t))
    from scipy.cluster.hierarchy import leaves_list, linkage

    distances = 1 - np.where(np.isfinite(correlations), correlations, 0.0)
    condensed = np.maximum(distances[np.triu_indices(t, 1)], 0.0)
    tree = linkage(condensed, "average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(tree)]


def expert_order(values: Floats) -> list[int]:
    """Return an order of the experts: by where in the list of tasks those stand that use them.

    An expert's place is the mean place of the tasks, weighed by the square of how much each uses it
    above the least; so a map whose tasks are ordered runs along its diagonal. The values of
    one seed are `(t, e)`.
    """
    known = np.where(np.isfinite(values), values, 0.0)
    above = (known - known.min(axis=0, keepdims=True)) ** 2
    total = above.sum(axis=0)
    places = np.arange(len(values))[:, None]
    middle = (above * places).sum(axis=0) / np.where(total > 0, total, 1.0)
    return [int(i) for i in np.argsort(np.where(total > 0, middle, math.inf), kind="stable")]


def gate_maps(gates: pa.Table) -> tuple[GateMap, ...]:
    """Return the gates of each model, choice of labels and fraction, in this order."""
    rows = sorted(gates.to_pylist(), key=_KEY)
    return tuple(_map_of(list(each)) for _, each in groupby(rows, key=_KEY))


def choose_map(
    maps: Sequence[GateMap],
    model: str | None = None,
    fraction: float | None = None,
    chosen_by: str | None = None,
) -> GateMap:
    """Return the one map that is asked for.

    Where nothing is named it is that of a stochastic gate if there is one, by name of the model;
    of the largest fraction; of the labels drawn at random if there are such.

    Raises:
        UsageError: If there is none.
        StoreError: If there is no map at all.
    """
    if not maps:
        mend = "train one that has: alsim train --model multi-cluster, mmoe or omoe"
        raise StoreError("no model of the study has gates", "alsim gates", mend)
    ordered = sorted(maps, key=lambda m: m.fact != "probability")
    models = list(dict.fromkeys(m.model for m in ordered))
    if model is not None and model not in models:
        raise UsageError(f"no model {model!r} with gates", "--model", nearest(model, models))
    found = [m for m in maps if m.model == (models[0] if model is None else model)]
    strategies = sorted({m.chosen_by for m in found}, key=lambda name: (name != "random", name))
    if chosen_by is not None and chosen_by not in strategies:
        what = f"no labels chosen by {chosen_by!r}"
        raise UsageError(what, "--chosen-by", nearest(chosen_by, strategies))
    found = [m for m in found if m.chosen_by == (chosen_by or strategies[0])]
    largest = max(m.fraction for m in found)
    wanted = largest if fraction is None else fraction
    for m in found:
        if math.isclose(m.fraction, wanted, rel_tol=1e-9):
            return m
    there = ", ".join(f"{m.fraction:g}" for m in found)
    raise UsageError(f"no training on {wanted:g} of the labels", "--fraction", f"there is: {there}")


def _map_of(rows: Sequence[dict[str, Any]]) -> GateMap:
    seeds = sorted({row["seed"] for row in rows})
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    values = np.full((len(seeds), len(tasks), 1 + max(row["expert"] for row in rows)), np.nan)
    for row in rows:
        values[seeds.index(row["seed"]), tasks.index(row["task"]), row["expert"]] = row["value"]
    model, chosen_by, fraction = _KEY(rows[0])
    fact = rows[0]["fact"]
    return GateMap(model, chosen_by, fraction, fact, tuple(seeds), tuple(tasks), values)
