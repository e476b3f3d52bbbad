"""A recipe: studies, their figure, and what the source found in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alsim.errors import UsageError
from alsim.plots import Drawing
from alsim.recipes.file import Fault, Published
from alsim.recipes.pools import MadePool
from alsim.recipes.verdict import Finding, Verdict
from alsim.studies.declared import Settings, merged
from alsim.studies.kinds import Kind

Studies = Mapping[str, Settings]  # by the name of the study


@dataclass(frozen=True, slots=True)
class Table:
    """What a study measured, as text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        rows = [list(row) for row in self.rows]
        return {"headers": list(self.headers), "rows": rows, "note": self.note}


@dataclass(frozen=True)
class NoPicture:
    """A figure in which nothing can be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecipeKind:
    """What a recipe can run, and what follows from what that leaves."""

    study: Kind
    names: str  # the option that lists what is compared
    needs: tuple[str, ...]  # options that a recipe sets
    leave_out: tuple[str, ...]  # options that a recipe does not set, beside those of every kind
    claim: type[Finding]
    check_claim: Callable[[Any, Studies, str, Fault], None]
    picture: type[Any] = NoPicture  # what [figure] may hold
    check_picture: Callable[[Any, Fault], None] | None = None
    scaled: Callable[[Settings, float], Settings] | None = None  # None: its own pool alone scales
    sizes: Callable[[Settings], str]  # in words
    judge: Callable[[Sequence[Any], Mapping[str, Any], Studies], Sequence[Verdict]]
    method: Callable[[Sequence[Verdict]], str]  # how the verdicts came about, in words
    draw: Callable[[Any, Any, str], Drawing | None]
    # Makes one study of those of single seeds; None: each seed cannot have a pool of its own.
    gather: Callable[[Sequence[Any], Settings], Any] | None = None
    tabulate: Callable[[Any, Published | None], Table] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One figure or table of a source as a command."""

    name: str
    title: str
    finding: str
    source: str
    kind: RecipeKind
    studies: Studies
    pools: Mapping[str, MadePool]  # of each study; empty: one must be given
    pool_advice: str  # where to get the pool that must be given
    is_anew: bool  # whether each seed has a pool of its own, made from that seed
    claims: tuple[Finding, ...]
    picture: Any
    seeds: str | int
    published: Published | None
    about_full: str  # what the source's own size is; "" of a recipe of one size
    full: "Recipe | None" = None  # at that size
    path: Path | None  # the user's file; None for one that comes with alsim

    def at_full_size(self) -> "Recipe":
        """Return the recipe at the source's size.

        Raises:
            UsageError: If it has one size only.
        """
        if self.full is None:
            what = f"{self.name} has one size, so there is no full one"
            raise UsageError(what, "--full", "leave it out")
        return self.full

    def scaled(self, scale: float) -> "Recipe":
        """Return the recipe with its sizes multiplied: the pools' and those of each study.

        Batch sizes and nets stay.
        """
        of_study = self.kind.scaled
        return replace(
            self,
            studies={
                name: study if of_study is None else {**study, **of_study(study, scale)}
                for name, study in self.studies.items()
            },
            pools={
                study: replace(pool, n_rows=scaled_size(pool.n_rows, scale))
                for study, pool in self.pools.items()
            },
        )

    def setting(self, instead: Settings) -> "Recipe":
        """Return the recipe with other settings of every study."""
        return replace(self, studies={n: merged(s, instead) for n, s in self.studies.items()})


def scaled_size(size: int, scale: float, least: int = 1) -> int:
    """Return a size multiplied and rounded, `least` at the least."""
    return max(least, round(size * scale))
