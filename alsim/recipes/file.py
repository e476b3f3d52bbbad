"""A recipe's file: TOML, with tables of known types."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_type_hints

import msgspec

from alsim.errors import UsageError, nearest
from alsim.options.curves import CurvesOptions
from alsim.options.types import advice, shown

HERE = Path(__file__).parent
SEEDS = str(CurvesOptions.seeds)  # of a recipe that does not say how many

Table = dict[str, Any]  # whose keys are checked by whoever reads it
Fault = Callable[[str, str], None]  # adds what is wrong with a file, and how to mend it
Group = TypeVar("Group")

_VariantName = Annotated[str, msgspec.Meta(pattern=r"^\w[\w+-]{0,59}$")]  # it names a folder


@dataclass(frozen=True, kw_only=True)
class Published:
    """The source's own numbers, shown beside those that were measured."""

    says: str  # what they are
    metric: str
    values: dict[str, dict[str, list[float]]]  # model -> task -> one or more


@dataclass(frozen=True, kw_only=True)
class PoolTable:
    """Which pool a recipe takes; what else the table holds is how that is made."""

    default: str
    each_seed: bool = False  # whether each seed has a pool of its own, made from that seed


@dataclass(frozen=True, kw_only=True)
class FullTable:
    """What differs at the source's own size."""

    about: str
    seeds: int | str | None = None
    pool: Table = field(default_factory=dict[str, Any])
    study: Table = field(default_factory=dict[str, Any])
    correlation: Table = field(default_factory=dict[str, Any])
    training: Table = field(default_factory=dict[str, Any])
    variant: dict[str, Table] = field(default_factory=dict[str, Table])


@dataclass(frozen=True, kw_only=True)
class RecipeFile:
    """What a file holds. One of `study`, `correlation` and `training` says what to run."""

    title: str
    finding: str
    source: str
    pool: Table
    claim: Annotated[list[Table], msgspec.Meta(min_length=1)] = field(
        metadata={"mend": "write [[claim]]"}
    )
    seeds: int | str = SEEDS
    study: Table | None = None
    correlation: Table | None = None
    training: Table | None = None
    variant: Annotated[dict[_VariantName, Table], msgspec.Meta(min_length=1)] | None = field(
        default=None,
        metadata={"mend": "write [variant.NAME], each a name of letters, digits, _, - and +"},
    )
    figure: Table = field(default_factory=dict[str, Any])
    published: Table | None = None
    full: Table | None = None


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with alsim, in the order of the source."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def recipe_path(name: str) -> Path:
    """Return the file of the recipe of that name, or the one whose name ends in .toml.

    Raises:
        UsageError: If alsim comes with none of this name.
    """
    path = Path(name) if name.endswith(".toml") else HERE / f"{name}.toml"
    if path.parent == HERE and path.stem not in recipe_names():
        raise UsageError(f"no recipe {name!r}", "alsim recipe", nearest(name, recipe_names()))
    return path


def load(path: Path) -> Table:
    """Return what a TOML file holds.

    Raises:
        UsageError: If it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        what = f"the recipe cannot be read: {error.strerror}"
        raise UsageError(what, str(path), "name a recipe or its file") from error
    except RecursionError:
        raise UsageError("not TOML: nested too deeply", str(path), "mend the file") from None
    # Beside TOML's own error: bytes that are no UTF-8, a number too long, a path with a null.
    except ValueError as error:
        raise UsageError(f"not TOML: {error}", str(path), "mend the file") from error


def recipe_headings() -> dict[str, dict[str, Any]]:
    """Return title, finding, source, seeds and full size of each recipe of alsim's, by its name."""
    found: dict[str, dict[str, Any]] = {}
    for name in recipe_names():
        file = load(recipe_path(name))
        found[name] = {key: file[key] for key in ("title", "finding", "source")}
        found[name]["seeds"] = file.get("seeds", SEEDS)
        found[name]["full"] = file.get("full", {}).get("about")
    return found


def decode(table: Mapping[str, Any], group: type[Group], where: str, fault: Fault) -> Group | None:
    """Return a table as the dataclass that says what it may hold; None if there were faults."""
    types, full_types = get_type_hints(group), get_type_hints(group, include_extras=True)
    of_group = {each.name: each for each in fields(cast("Any", group))}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in types:
            fault(f"no key {shown(key)} in {where}", nearest(key, types))
            continue
        try:
            values[key] = msgspec.convert(value, full_types[key])
        except (msgspec.ValidationError, RecursionError):
            mend = of_group[key].metadata.get("mend") or advice(value, types[key])
            fault(f"{key!r} in {where} cannot be {shown(value)}", mend)
    for key, each in of_group.items():
        if each.default is MISSING and each.default_factory is MISSING and key not in table:
            fault(f"{key!r} is missing in {where}", each.metadata.get("mend", "add it"))
    try:
        return group(**values) if len(values) == len(table) else None
    except TypeError:
        return None  # what is missing is a fault already


def look_up(
    claim: Any, key: str, known: Iterable[str | float], lack: str, where: str, fault: Fault
) -> None:
    """Add a fault if an attribute of a claim is none of what is known, and say what it lacks."""
    value = getattr(claim, key)
    if value is not None and value not in known:
        words = [f"{each:g}" if isinstance(each, float) else str(each) for each in known]
        fault(f"{key} in {where} is {shown(value)}, {lack}", nearest(str(value), words))
