"""A recipe: a study's settings, its figure, and what the source found in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from alsim.analysis.paired import Part
from alsim.pool.synthetic import VkOptions

ClaimKind = Literal["above", "not-above", "labels-saved", "dips", "smooths"]
Band = Literal["t", "none"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A finding of the source, to be tested. `says` is the finding in words."""

    says: str
    kind: ClaimKind
    strategy: str
    than: str | None = None  # the strategy it is compared with; `dips` has none
    part: Part = "whole"  # of the learning curve, for `above` and `not-above`


@dataclass(frozen=True, slots=True)
class Picture:
    """What the figure shows against the labels."""

    metric: str = "accuracy"
    band: Band = "t"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One figure of a source as a command."""

    name: str
    title: str
    finding: str
    source: str
    pool: VkOptions | None  # the pool to make; None: one must be given
    pool_advice: str  # where to get the pool that must be given
    studies: Mapping[str, Mapping[str, Any]]  # name -> arguments of `alsim.run`
    claims: tuple[Claim, ...]
    picture: Picture = field(default_factory=Picture)

    def scaled(self, scale: float) -> "Recipe":
        """Return the recipe with its sizes multiplied: pool, initial labels, query, candidates.

        The number of steps stays, and so do batch sizes and nets. Sizes are rounded, to at least
        two initial labels and one of the others.
        """
        sizes: dict[str, dict[str, Any]] = {}
        for name, study in self.studies.items():
            sizes[name] = {**study, "initial_size": max(2, round(study["initial_size"] * scale))}
            sizes[name]["query_size"] = _scaled_query(study["query_size"], scale)
            if "candidates" in study:
                sizes[name]["candidates"] = max(1, round(study["candidates"] * scale))
        pool = self.pool
        if pool is not None:
            pool = replace(pool, n_rows=max(1, round(pool.n_rows * scale)))
        return replace(self, studies=sizes, pool=pool)

    def considering(self, candidates: int) -> "Recipe":
        """Return the recipe with at most so many rows considered in each query."""
        studies = {name: {**s, "candidates": candidates} for name, s in self.studies.items()}
        return replace(self, studies=studies)


def _scaled_query(size: int | str, scale: float) -> int | str:
    """Return `20` or `20:200` with each number multiplied."""
    if isinstance(size, int):
        return max(1, round(size * scale))
    return ":".join(str(max(1, round(int(part) * scale))) for part in size.split(":"))
