"""Recipes from TOML files, checked strictly: all faults of a file are told at once."""

import inspect
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from alsim.engine.annotations import advice, fits, shown
from alsim.engine.faults import Faults
from alsim.errors import UsageError, nearest
from alsim.pool.synthetic import VkOptions, check_vk
from alsim.recipes.correlations import CORRELATION
from alsim.recipes.curves import CURVES
from alsim.recipes.recipe import Picture, Recipe, StudyKind, Tell

HERE = Path(__file__).parent

KINDS = {kind.table: kind for kind in (CURVES, CORRELATION)}
_TOP = {"title": str, "finding": str, "source": str}
_TABLES = ("pool", *KINDS, "variant", "figure", "claim")
_HINTS = {"claim": "write [[claim]]", "variant": "write [variant.NAME]"}
_VARIANT_NAME = re.compile(r"\w[\w+-]{0,59}")  # it names a folder
_GIVEN = {
    "mnist": "convert MNIST once with: alsim pool import FOLDER --out mnist.parquet (its four "
    "files are at http://yann.lecun.com/exdb/mnist/ and mirrors), then add: --pool mnist.parquet"
}


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with alsim, in the order of the source."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or the one in a file whose name ends in .toml.

    Its studies are checked as `alsim.run` or `alsim.correlate` checks its arguments, before a
    pool is there.

    Raises:
        UsageError: If there is none, or the file is not a recipe, naming every fault.
    """
    path = Path(name) if name.endswith(".toml") else HERE / f"{name}.toml"
    if path.parent == HERE and path.stem not in recipe_names():
        raise UsageError(f"no recipe {name!r}", "alsim recipe", nearest(name, recipe_names()))
    data = _load(path)
    faults = Faults()

    def tell(what: str, mend: str) -> None:
        faults.add(what, str(path), mend)

    _check_shape(data, tell)
    if not faults.kept:
        _check_values(data, tell)
    faults.raise_all("faults", str(path))
    kind = _kind_of(data)
    pool = dict(data["pool"])
    default = pool.pop("default")
    return Recipe(
        name=path.stem,
        title=data["title"],
        finding=data["finding"],
        source=data["source"],
        pool=VkOptions(**pool) if default == "vk" else None,
        pool_advice=_GIVEN.get(default, ""),
        kind=kind,
        studies=_studies(data),
        claims=tuple(kind.claim(**claim) for claim in data["claim"]),
        picture=Picture(**data.get("figure", {})),
    )


def _load(path: Path) -> dict[str, Any]:
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


def _kind_of(data: Mapping[str, Any]) -> StudyKind:
    """Return what a recipe runs, by the table that it has."""
    return next((kind for table, kind in KINDS.items() if table in data), CURVES)


def _studies(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    variants: Mapping[str, Any] = data.get("variant", {"run": {}})
    return {name: {**data[_kind_of(data).table], **own} for name, own in variants.items()}


def _check_shape(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what is missing, unknown or of a wrong type in a recipe's file."""
    top = {name: value for name, value in data.items() if name not in _TABLES}
    _check_table(top, _TOP, _TOP, "the recipe", tell, _TABLES)
    tables = {name: data.get(name, [] if name == "claim" else {}) for name in _TABLES}
    kind = _kind_of(data)
    if all(table in data for table in KINDS):
        tell(" and ".join(f"[{table}]" for table in KINDS) + " do not go together", "leave one out")
    for name in ("pool", kind.table, "claim"):
        if name not in data:
            tell(f"[{name}] is missing", _HINTS.get(name, f"add [{name}]"))
    shaped = {
        name: _is_tables(value) if name == "claim" else isinstance(value, dict)
        for name, value in tables.items()
    }
    shaped["variant"] = shaped["variant"] and _is_tables(list(tables["variant"].values()))
    bad = [name for name, is_right in shaped.items() if not is_right]
    for name in bad:
        tell(f"{name!r} is no table", _HINTS.get(name, f"write [{name}]"))
    if bad:
        return
    if "pool" in data:
        hints = {"default": Literal["vk", "mnist"]}
        if tables["pool"].get("default") == "vk":
            hints |= get_type_hints(VkOptions)
        _check_table(tables["pool"], hints, ("default",), "[pool]", tell)
    hints, table = _hints_of(kind), f"[{kind.table}]"
    if kind.table in data:
        _check_table(tables[kind.table], hints, kind.needs, table, tell)
    if "variant" in data and not tables["variant"]:
        tell("there is nothing in [variant]", "leave it out, or add a [variant.NAME]")
    in_variants = {key: hint for key, hint in hints.items() if key != kind.names}
    for name, own in tables["variant"].items():
        if not _VARIANT_NAME.fullmatch(name):
            tell(f"a variant cannot be called {shown(name)}", "use letters, digits, _, - and +")
        _check_table(own, in_variants, (), f"[variant.{name}]", tell)
    _check_table(tables["figure"], *_of(Picture), "[figure]", tell)
    if "claim" in data and not tables["claim"]:
        tell("there is no claim", _HINTS["claim"])
    for number, claim in enumerate(tables["claim"], 1):
        _check_table(claim, *_of(kind.claim), f"[[claim]] {number}", tell)


def _check_values(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what cannot be used in a recipe whose keys and types are right."""
    pool = {key: value for key, value in data["pool"].items() if key != "default"}
    try:
        check_vk(VkOptions(**pool))
    except UsageError as error:
        what, _, mend = error.args
        tell(f"{what}, in [pool]", mend)
    found: dict[tuple[str, str, str], list[str]] = {}
    kind, studies = _kind_of(data), _studies(data)
    for name, study in studies.items():
        faults = Faults()
        kind.read(study, faults)
        for error in faults.kept:
            found.setdefault(error.args, []).append(f"[variant.{name}]")
    for (what, flag, mend), places in found.items():
        where = f"[{kind.table}]" if len(places) == len(studies) else " and ".join(places)
        tell(f"{what}, in {where} ({flag})", mend)
    kind.check_picture(data.get("figure", {}), tell)
    names = data[kind.table][kind.names]
    for number, claim in enumerate(data["claim"], 1):
        kind.check_claim(claim, names, f"[[claim]] {number}", tell)


def _check_table(
    table: Mapping[str, Any],
    hints: Mapping[str, Any],
    needs: Collection[str],
    where: str,
    tell: Tell,
    others: Collection[str] = (),
) -> None:
    """Tell of the unknown keys, the wrong types and the missing keys of a table."""
    for key, value in table.items():
        if key not in hints:
            tell(f"no key {shown(key)} in {where}", nearest(key, [*hints, *others]))
        elif not fits(value, hints[key]):
            tell(f"{key!r} in {where} cannot be {shown(value)}", advice(value, hints[key]))
    for key in needs:
        if key not in table:
            tell(f"{key!r} is missing in {where}", "add it")


def _of(cls: Any) -> tuple[Mapping[str, Any], list[str]]:
    """Return a dataclass's fields with their types, and those without a default."""
    assert is_dataclass(cls)
    needs = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    return get_type_hints(cls), needs


@cache
def _hints_of(kind: StudyKind) -> Mapping[str, Any]:
    """Return the arguments that a recipe of a kind may set, with their types."""
    hints = get_type_hints(kind.make)
    names = [name for name in inspect.signature(kind.make).parameters if name not in kind.not_here]
    return {name: hints[name] for name in names} | {kind.names: list[str]}


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
