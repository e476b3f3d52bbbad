"""A recipe: a study's settings, its figure, and what the source found in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from alsim.engine.faults import Faults
from alsim.errors import UsageError
from alsim.plots import Drawing
from alsim.pool.synthetic import VkOptions
from alsim.store import CorrelationStudy, Run

Band = Literal["t", "none"]
Settings = Mapping[str, Any]  # arguments of what a recipe runs
Tell = Callable[[str, str], None]  # what is wrong in a recipe's file, and how to mend it


@dataclass(frozen=True, slots=True)
class Picture:
    """What the figure of learning curves shows against the labels."""

    metric: str = "accuracy"
    band: Band = "t"


class Finding(Protocol):
    """A finding of the source, to be tested."""

    @property
    def says(self) -> str:
        """Return the finding in words."""
        ...


class Judgement(Protocol):
    """What became of a finding in one study."""

    @property
    def study(self) -> str:
        """Return the study's name among the recipe's."""
        ...

    @property
    def claim(self) -> Finding:
        """Return the finding."""
        ...

    @property
    def outcome(self) -> str:
        """Return "held", "did not hold" or "cannot tell"."""
        ...

    @property
    def numbers(self) -> str:
        """Return the numbers in words."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class StudyKind:
    """What a recipe can run: how its table is read, and what follows from what it leaves."""

    table: str  # in a recipe's file
    make: Callable[..., Any]  # `alsim.run` or `alsim.correlate`
    read: Callable[[Settings, Faults], object]  # adds what cannot be used
    names: str  # the argument that lists what is compared
    needs: tuple[str, ...]
    not_here: tuple[str, ...]  # arguments that the command decides, or that scaling knows not
    claim: Callable[..., Finding]  # a dataclass
    check_claim: Callable[[Settings, Sequence[str], str, Tell], None]
    check_picture: Callable[[Settings, Tell], None]
    scaled: Callable[[Settings, float], dict[str, Any]]
    takes_candidates: bool
    sizes: Callable[[Settings], str]  # in words
    judge: Callable[[Any, Any, Settings, str], Judgement]
    method: Callable[[Sequence[Any]], str]  # how judgements were made, in words
    draw: Callable[[Any, Picture, str], Drawing]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One figure or table of a source as a command."""

    name: str
    title: str
    finding: str
    source: str
    pool: VkOptions | None  # the pool to make; None: one must be given
    pool_advice: str  # where to get the pool that must be given
    kind: StudyKind
    studies: Mapping[str, Settings]  # name -> arguments of what the kind runs
    claims: tuple[Finding, ...]
    picture: Picture = field(default_factory=Picture)

    def scaled(self, scale: float) -> "Recipe":
        """Return the recipe with its sizes multiplied: the pool's and those of each study.

        Batch sizes and nets stay.
        """
        studies = {name: self.kind.scaled(study, scale) for name, study in self.studies.items()}
        pool = self.pool
        if pool is not None:
            pool = replace(pool, n_rows=max(1, round(pool.n_rows * scale)))
        return replace(self, studies=studies, pool=pool)

    def considering(self, candidates: int) -> "Recipe":
        """Return the recipe with at most so many rows considered in each query.

        Raises:
            UsageError: If it queries nothing.
        """
        if not self.kind.takes_candidates:
            what = f"{self.name} queries nothing, so candidates have no meaning"
            raise UsageError(what, "--candidates", "leave it out")
        studies = {name: {**s, "candidates": candidates} for name, s in self.studies.items()}
        return replace(self, studies=studies)


Done = Run | CorrelationStudy


def scaled_size(size: int, scale: float, least: int = 1) -> int:
    """Return a size multiplied and rounded, `least` at the least."""
    return max(least, round(size * scale))
