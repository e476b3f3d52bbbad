"""A recipe: a study's settings, its figure, and what the source found in it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from alsim.errors import UsageError
from alsim.options.faults import Faults
from alsim.plots import Drawing
from alsim.recipes.pools import MadePool
from alsim.recipes.shipped import SEEDS
from alsim.store.correlation import CorrelationStudy
from alsim.store.curves import Run
from alsim.store.training import TrainingStudy

Band = Literal["t", "none"]
Settings = Mapping[str, Any]  # arguments of what a recipe runs
Studies = Mapping[str, Settings]  # by the name of the study
Tell = Callable[[str, str], None]  # what is wrong in a recipe's file, and how to mend it
Done = Run | CorrelationStudy | TrainingStudy


@dataclass(frozen=True, slots=True)
class Picture:
    """What the figure of learning curves shows against the labels."""

    metric: str = "accuracy"
    band: Band = "t"


@dataclass(frozen=True, slots=True)
class Published:
    """The source's own numbers, shown beside those that were measured."""

    says: str  # what they are
    metric: str
    values: Mapping[str, Mapping[str, Sequence[float]]]  # model -> task -> one or more


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


class Finding(Protocol):
    """A finding of the source, to be tested: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def says(self) -> str:
        """Return the finding in words."""
        ...

    @property
    def kind(self) -> str:
        """Return how it is tested."""
        ...


class Judgement(Protocol):
    """What became of a finding in one study, or between studies."""

    @property
    def study(self) -> str:
        """Return the study's name among the recipe's; "" where it is about several."""
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
    options: type[Any]  # the group of what can be chosen
    make: Callable[..., Any]  # `alsim.run`, `alsim.correlate` or `alsim.train`
    read: Callable[[Settings, Faults], object]  # adds what cannot be used
    names: str  # the argument that lists what is compared
    needs: tuple[str, ...]
    not_here: tuple[str, ...]  # arguments that the command decides, or that scaling knows not
    claim: Callable[..., Finding]  # a dataclass
    check_claim: Callable[[Settings, Studies, str, Tell], None]
    picture: Callable[..., Any]  # a dataclass, what [figure] may hold
    check_picture: Callable[[Settings, Tell], None]
    scaled: Callable[[Settings, float], dict[str, Any]] | None  # None: its own pool alone scales
    takes_candidates: bool
    sizes: Callable[[Settings], str]  # in words
    judge: Callable[[Sequence[Any], Mapping[str, Any], Studies], Sequence[Judgement]]
    method: Callable[[Sequence[Any]], str]  # how judgements were made, in words
    draw: Callable[[Any, Any, str], Drawing | None]
    # Studies of the same on a pool for each seed as one; None: a pool for each seed cannot be had.
    merged: Callable[[Sequence[Any]], Any] | None = None
    tabulate: Callable[[Any, Published | None], Table] | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """One figure or table of a source as a command."""

    name: str
    title: str
    finding: str
    source: str
    pool: MadePool | None  # the pool to make; None: one must be given
    pool_advice: str  # where to get the pool that must be given
    kind: StudyKind
    studies: Studies  # name -> arguments of what the kind runs
    claims: tuple[Finding, ...]
    picture: Any = None
    seeds: str | int = SEEDS
    own_pools: Studies = field(default_factory=dict[str, Settings])  # where one differs
    is_anew: bool = False  # whether each seed has a pool of its own, made from that seed
    published: Published | None = None
    full: "Recipe | None" = None  # at the source's own size
    path: Path | None = None  # the user's file; None for one that comes with alsim
    about_full: str = ""  # what that size is

    def pool_of(self, study: str) -> MadePool | None:
        """Return how a study's own pool is made; None where one must be given."""
        return None if self.pool is None else replace(self.pool, **self.own_pools.get(study, {}))

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
        """Return the recipe with its sizes multiplied: the pool's and those of each study.

        Batch sizes and nets stay.
        """
        of_study = self.kind.scaled
        studies = self.studies
        if of_study is not None:
            studies = {name: of_study(study, scale) for name, study in studies.items()}
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
        return self.setting({"candidates": candidates})

    def setting(self, arguments: Settings) -> "Recipe":
        """Return the recipe with other arguments of every study."""
        studies = {name: {**study, **arguments} for name, study in self.studies.items()}
        return replace(self, studies=studies)


def scaled_size(size: int, scale: float, least: int = 1) -> int:
    """Return a size multiplied and rounded, `least` at the least."""
    return max(least, round(size * scale))


def of_each_study(
    judge: Callable[[Any, Any, Settings, str], Judgement],
) -> Callable[[Sequence[Any], Mapping[str, Any], Studies], list[Judgement]]:
    """Return what judges every claim in every study, by what judges one in one."""

    def judge_all(
        claims: Sequence[Any], runs: Mapping[str, Any], studies: Studies
    ) -> list[Judgement]:
        return [
            judge(claim, done, studies[name], name)
            for name, done in runs.items()
            for claim in claims
        ]

    return judge_all
