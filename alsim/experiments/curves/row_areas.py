"""The area under what each evaluated row contributes to a score, along a learning curve."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from alsim.experiments.curves.records import ContributionRecord, RowNumbers
from alsim.experiments.evaluation import Evaluation
from alsim.experiments.jobs import Job

_PREFIX = "contributions/"  # of the tensors' names


@dataclass(frozen=True, slots=True, eq=False)
class RowArea:
    """The trapezoid rule over label counts, of n rows at once, as far as the curve has come.

    A step's contributions are weighed by half the labels between the counts beside it. The last
    step's are not yet in the sum: another step with as many labels takes its place, as in
    `alsim.analysis.curves.curves`.
    """

    sum: Tensor  # (n,) float64
    last: Tensor  # (n,) float64, the last step's contributions
    first: int  # labels at the first step …
    before: int  # … at the last step with fewer than now; the first, where there is none …
    now: int  # … and at the last step

    @staticmethod
    def begin(values: Tensor, n_labelled: int) -> "RowArea":
        """Return the area of a curve's first step."""
        return RowArea(torch.zeros_like(values), values, n_labelled, n_labelled, n_labelled)

    def then(self, values: Tensor, n_labelled: int) -> "RowArea":
        """Return the area with one step more, of the same labels or more."""
        if n_labelled == self.now:
            return replace(self, last=values)
        weight = (n_labelled - self.before) / 2
        return RowArea(self.sum + weight * self.last, values, self.first, self.now, n_labelled)

    @property
    def mean(self) -> Tensor:
        """Return the area divided by its span, `(n,)` float64; of one count the contributions."""
        if self.now == self.first:
            return self.last
        return (self.sum + (self.now - self.before) / 2 * self.last) / (self.now - self.first)


RowAreas = Mapping[tuple[str, str], RowArea]  # of one curve, by task and metric


def extended(areas: RowAreas, evaluation: Evaluation, n_labelled: int) -> RowAreas:
    """Return the areas with one step more; a metric that is not measured now is as it was."""
    found = {
        (task, metric): values
        for task, measures in evaluation.tasks.items()
        for metric, values in measures.contributions.items()
    }
    new = {
        key: areas[key].then(values, n_labelled)
        if key in areas
        else RowArea.begin(values, n_labelled)
        for key, values in found.items()
    }
    return {**areas, **new}


def contribution_records(job: Job, areas: RowAreas) -> Iterator[ContributionRecord]:
    """Yield the records of a curve that ends here."""
    for (task, metric), area in areas.items():
        place = (job.strategy, job.seed, task, metric)
        yield ContributionRecord(*place, "area", _numbers(area.mean))
        yield ContributionRecord(*place, "last", _numbers(area.last))


def _numbers(values: Tensor) -> RowNumbers:
    return RowNumbers(values.numpy().astype("<f4").tobytes())


def areas_to_tensors(areas: Sequence[RowAreas]) -> dict[str, Tensor]:
    """Return the areas of R curves as one flat mapping."""
    flat: dict[str, Tensor] = {}
    for r, mine in enumerate(areas):
        for (task, metric), area in mine.items():
            at = f"{_PREFIX}{{}}/{r}/{metric}/{task}"
            flat[at.format("rows")] = torch.stack((area.sum, area.last))
            flat[at.format("labels")] = torch.tensor((area.first, area.before, area.now))
    return flat


def areas_from_tensors(tensors: Mapping[str, Tensor], n_curves: int) -> tuple[RowAreas, ...]:
    """Return the areas that `areas_to_tensors` flattened, out of other tensors too."""
    areas: list[dict[tuple[str, str], RowArea]] = [{} for _ in range(n_curves)]
    start = f"{_PREFIX}rows/"
    for name in sorted(name for name in tensors if name.startswith(start)):
        r, metric, task = name.removeprefix(start).split("/", 2)
        total, last = tensors[name]
        labels: list[int] = tensors[f"{_PREFIX}labels/{r}/{metric}/{task}"].tolist()
        areas[int(r)][task, metric] = RowArea(total, last, *labels)
    return tuple(areas)
