"""A recipe's claims about passive training against the tables of its studies.

What is tested is fixed before any run: differences seed by seed, since nets of a seed are trained
on the same labels, by the two-sided t-test of `alsim.analysis.paired`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alsim.analysis.gates import gate_maps, task_correlations
from alsim.analysis.paired import judge_above, t_test
from alsim.engine.parsing import parse_names
from alsim.recipes.recipe import Studies
from alsim.recipes.verdicts import Verdict
from alsim.store import TrainingStudy

TrainingClaimKind = Literal["better", "gains-more", "spreads-more", "agrees-more"]
Metric = Literal["accuracy", "auc", "nll", "mse", "train_loss", "validation_loss"]
MEAN = "mean"  # over the tasks, in place of one
_LARGER_IS_BETTER = ("accuracy", "auc")
_BY_SEED = dict[int, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainingClaim:
    """A finding of the source about models. `says` is the finding in words.

    better: `model` is better than `than`, or than itself by another evaluation. gains-more: it is
    so by more than elsewhere, at another fraction or in another study. spreads-more: its runs lie
    further from their median. agrees-more: its tasks agree more on their experts than elsewhere.
    Here is `fraction` and `study`, elsewhere `than_fraction` and `than_study`.
    """

    says: str
    kind: TrainingClaimKind
    model: str
    than: str | None = None
    metric: Metric = "accuracy"
    task: str = MEAN
    fraction: float | None = None  # None: the largest that is trained on
    than_fraction: float | None = None  # None: as `fraction`
    evaluation: str | None = None  # of stochastic gates; None: that by which training was stopped
    than_evaluation: str | None = None
    study: str | None = None  # None: tested in each study
    than_study: str | None = None
    relative: bool = False  # logarithms are compared, as where seeds differ in scale


@dataclass(frozen=True, slots=True)
class _Place:
    """A model as it was trained and evaluated."""

    study: str
    model: str
    fraction: float
    evaluation: str

    @property
    def name(self) -> str:
        return f"{self.model} by {self.evaluation}" if self.evaluation else self.model


class _Measured:
    """What the studies of a recipe measured, by what claims call models, fractions and tasks."""

    def __init__(self, runs: Mapping[str, TrainingStudy], studies: Studies) -> None:
        self._runs = runs
        self._models: dict[str, dict[str, tuple[str, Sequence[str]]]] = {}
        self._values: dict[tuple[_Place, str], dict[str, _BY_SEED]] = {}
        for study, done in runs.items():
            # The study has the models in the order of the recipe, each under its recorded name.
            written = parse_names(studies[study]["model"])
            recorded = evaluations_of(done).items()
            self._models[study] = dict(zip(written, recorded, strict=True))
            for row in done.tasks.to_pylist():
                place = _Place(study, row["model"], row["fraction"], row["evaluation"])
                of_tasks = self._values.setdefault((place, row["metric"]), {})
                of_tasks.setdefault(row["task"], {})[row["seed"]] = row["value"]

    def place(
        self, study: str, model: str, fraction: float | None, evaluation: str | None
    ) -> _Place:
        name, evaluations = self._models[study][model]
        if fraction is None:
            fraction = max(float(str(f)) for f in self._runs[study].fits["fraction"].to_pylist())
        own = next(iter(evaluations), "")
        return _Place(study, name, fraction, own if evaluation is None else evaluation)

    def values(self, place: _Place, metric: str, task: str) -> _BY_SEED:
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

    def agreement(self, place: _Place) -> _BY_SEED:
        """Return the mean |r| of every two tasks over their gates, of each seed that has one."""
        found: _BY_SEED = {}
        for gates in gate_maps(self._runs[place.study].gates):
            if (gates.model, gates.fraction) != (place.model, place.fraction):
                continue
            for seed, values in zip(gates.seeds, gates.values, strict=True):
                r = np.abs(task_correlations(values)[np.triu_indices(len(gates.tasks), 1)])
                if np.isfinite(r).any():
                    found[seed] = float(r[np.isfinite(r)].mean())
        return found


def evaluations_of(done: TrainingStudy) -> dict[str, Sequence[str]]:
    """Return a study's models in order, each with the evaluations of its stochastic gates."""
    configuration: Any = done.manifest["configuration"]
    return {name: told["evaluations"] for name, told in configuration["models"].items()}


def judge_training(
    claims: Sequence[TrainingClaim], runs: Mapping[str, TrainingStudy], studies: Studies
) -> list[Verdict]:
    """Return what became of each claim in each study, then of those between studies."""
    measured = _Measured(runs, studies)
    within = [(claim, study) for study in runs for claim in claims if claim.study is None]
    across = [(claim, claim.study) for claim in claims if claim.study is not None]
    return [_judge(claim, study, measured) for claim, study in (*within, *across)]


def _judge(claim: TrainingClaim, study: str, measured: _Measured) -> Verdict:
    here = measured.place(study, claim.model, claim.fraction, claim.evaluation)
    told_of = "" if claim.study else study
    if claim.kind in ("gains-more", "agrees-more"):
        fraction = claim.fraction if claim.than_fraction is None else claim.than_fraction
        there = claim.than_study or study
        elsewhere = measured.place(there, claim.model, fraction, claim.evaluation)
        where = f"{_where(here, elsewhere)} less {_where(elsewhere, here)}"
        if claim.kind == "agrees-more":
            values = measured.agreement(here), measured.agreement(elsewhere)
            what = f"mean |r| between the experts of two tasks, {here.model}, {where}"
            return _verdict(claim, told_of, what, 1, *values, _means(*values))
        gains: list[_BY_SEED] = []
        for mine in (here, elsewhere):
            other = measured.place(
                mine.study, claim.than or "", mine.fraction, claim.than_evaluation
            )
            both = [
                _scaled(measured.values(p, claim.metric, claim.task), claim) for p in (mine, other)
            ]
            gains.append({s: _sign(claim) * (both[0][s] - both[1][s]) for s in _shared(*both)})
        what = f"how much better in {_what(claim)} {here.name} is than {other.name}, {where}"
        return _verdict(claim, told_of, what, 1, gains[0], gains[1], _means(*gains))
    other = measured.place(study, claim.than or claim.model, claim.fraction, claim.than_evaluation)
    raw = [measured.values(place, claim.metric, claim.task) for place in (here, other)]
    mine, theirs = (_scaled(values, claim) for values in raw)
    less = f"{here.name} less {other.name}"
    if here.model == other.model:
        less = f"{here.model}, {here.evaluation} less {other.evaluation}"
    if claim.kind == "better":
        return _verdict(
            claim, told_of, f"{_what(claim)}, {less}", _sign(claim), mine, theirs, _means(*raw)
        )
    seeds = _shared(mine, theirs)
    mine, theirs = (_distances(values, seeds) for values in (mine, theirs))
    remark = ""
    if len(seeds) > 1:
        one, two = (np.std([values[s] for s in seeds], ddof=1) for values in raw)
        remark = f"standard deviations of {claim.metric} {one:.3g} and {two:.3g}"
    what = f"distance of {_what(claim)} from its median over seeds, {less}"
    return _verdict(claim, told_of, what, 1, mine, theirs, remark)


def _verdict(
    claim: TrainingClaim,
    study: str,
    measured: str,
    sign: int,
    mine: _BY_SEED,
    theirs: _BY_SEED,
    remark: str,
) -> Verdict:
    """Return whether mine less theirs is significantly above zero, or below it if the sign is."""
    seeds = _shared(mine, theirs)
    if not seeds:
        return Verdict(study, claim, "cannot tell", measured, None, remark="not measured")
    differences = np.array([mine[seed] - theirs[seed] for seed in seeds])
    outcome = judge_above(t_test(sign * differences))
    per_seed = dict(zip(seeds, map(float, differences), strict=True))
    return Verdict(study, claim, outcome, measured, t_test(differences), per_seed, remark)


def _scaled(values: _BY_SEED, claim: TrainingClaim) -> _BY_SEED:
    """Return the values as they are compared; those without a logarithm are left out."""
    if not claim.relative:
        return values
    return {seed: float(np.log(value)) for seed, value in values.items() if value > 0}


def _distances(values: _BY_SEED, seeds: Sequence[int]) -> _BY_SEED:
    """Return how far each seed lies from the median, as Brown and Forsythe (1974) compare spreads.

    A departure: they take the groups to be independent; here the distances are compared seed by
    seed, since both models of a seed share data and labels.
    """
    if not seeds:
        return {}
    middle = float(np.median([values[seed] for seed in seeds]))
    return {seed: abs(values[seed] - middle) for seed in seeds}


def _shared(one: _BY_SEED, two: _BY_SEED) -> list[int]:
    return sorted(one.keys() & two.keys())


def _sign(claim: TrainingClaim) -> int:
    return 1 if claim.metric in _LARGER_IS_BETTER else -1


def _what(claim: TrainingClaim) -> str:
    task = "mean over tasks" if claim.task == MEAN else claim.task
    return f"{'log ' if claim.relative else ''}{claim.metric} ({task})"


def _where(place: _Place, other: _Place) -> str:
    """Return what tells one place from another."""
    return place.study if place.study != other.study else f"at {place.fraction:g} of the labels"


def _means(one: _BY_SEED, two: _BY_SEED) -> str:
    """Return the two means behind a difference."""
    seeds = _shared(one, two)
    if not seeds:
        return ""
    mine, theirs = (float(np.mean([values[s] for s in seeds])) for values in (one, two))
    return f"{mine:.4g} against {theirs:.4g} on average"
