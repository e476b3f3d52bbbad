"""What the studies of a recipe of passive training measured, for its claims to be held against."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alsim.analysis.training.gates import agreement_beyond_chance, gate_maps
from alsim.options.texts import parse_names
from alsim.recipes.recipe import Studies
from alsim.seeding import stream
from alsim.store.training import TrainingStudy

MEAN = "mean"  # over the tasks, in place of one
BySeed = dict[int, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A model as it was trained and evaluated."""

    study: str
    model: str
    fraction: float
    evaluation: str

    @property
    def name(self) -> str:
        """Return the model, and by which evaluation if it has any."""
        return f"{self.model} by {self.evaluation}" if self.evaluation else self.model


class Measured:
    """What the studies of a recipe measured, by what claims call models, fractions and tasks."""

    def __init__(self, runs: Mapping[str, TrainingStudy], studies: Studies) -> None:
        self._runs = runs
        self._models: dict[str, dict[str, tuple[str, Sequence[str]]]] = {}
        self._values: dict[tuple[Place, str], dict[str, BySeed]] = {}
        for study, done in runs.items():
            # The study has the models in the order of the recipe, each under its recorded name.
            written = parse_names(studies[study]["model"])
            recorded = done.models.items()
            self._models[study] = dict(zip(written, recorded, strict=True))
            for row in done.tasks.to_pylist():
                place = Place(study, row["model"], row["fraction"], row["evaluation"])
                of_tasks = self._values.setdefault((place, row["metric"]), {})
                of_tasks.setdefault(row["task"], {})[row["seed"]] = row["value"]

    def place(
        self, study: str, model: str, fraction: float | None, evaluation: str | None
    ) -> Place:
        """Return where to look, by the largest fraction and the first evaluation where None."""
        name, evaluations = self._models[study][model]
        if fraction is None:
            fraction = max(float(str(f)) for f in self._runs[study].fits["fraction"].to_pylist())
        own = next(iter(evaluations), "")
        return Place(study, name, fraction, own if evaluation is None else evaluation)

    def values(self, place: Place, metric: str, task: str) -> BySeed:
        """Return a metric of each seed that has it; for the mean, of all tasks."""
        of_tasks = self._values.get((place, metric), {})
        if task != MEAN:
            return of_tasks.get(task, {})
        # A seed in which a task could not be measured would be a mean of other tasks.
        there = {t for (p, m), found in self._values.items() for t in found
                 if m == metric and p.study == place.study}  # fmt: skip
        if not of_tasks or there - of_tasks.keys():
            return {}
        seeds = set.intersection(*map(set, of_tasks.values()))
        return {s: float(np.mean([of_tasks[t][s] for t in of_tasks])) for s in sorted(seeds)}

    def agreement(self, place: Place) -> BySeed:
        """Return how far the tasks agree on their experts beyond chance, of each seed that has it.

        The permutations are the same whenever a study is judged.
        """
        found: BySeed = {}
        for gates in gate_maps(self._runs[place.study].gates):
            if (gates.model, gates.fraction) != (place.model, place.fraction):
                continue
            for seed, values in zip(gates.seeds, gates.values, strict=True):
                generator = stream(seed, "agreement by chance", place.study)
                value = agreement_beyond_chance(values, generator=generator)
                if math.isfinite(value):
                    found[seed] = value
        return found

    def experts_used(self, place: Place, task: str) -> BySeed:
        """Return the Σp of a task's stochastic gates, or the mean over tasks, of each seed."""
        # It is recorded once, with the evaluation by which training was stopped.
        own = self._runs[place.study].models[place.model]
        return self.values(replace(place, evaluation=next(iter(own), "")), "density", task)

    def seeds(self, place: Place) -> tuple[set[int], set[int]]:
        """Return the seeds that were trained, and those of them that diverged."""
        fits = [
            (fit["seed"], fit["epochs"])
            for fit in self._runs[place.study].fits.to_pylist()
            if (fit["model"], fit["fraction"]) == (place.model, place.fraction)
        ]
        return {seed for seed, _ in fits}, {seed for seed, epochs in fits if not epochs}
