"""Recipes from TOML files, checked strictly: all faults of a file are told at once."""

import inspect
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from alsim.engine.run import run
from alsim.errors import UsageError, nearest
from alsim.pool.synthetic import VkOptions
from alsim.recipes.recipe import Claim, Picture, Recipe

HERE = Path(__file__).parent

# What the command decides, and what --scale would have to know of.
_NOT_IN_STUDY = ("pool", "seeds", "out", "watch", "initial_ids", "until")
_STUDY_NEEDS = ("strategy", "initial_size", "query_size")
_TOP = {"title": str, "finding": str, "source": str}
_TABLES = ("pool", "study", "variant", "figure", "claim")
_GIVEN = {
    "mnist": "convert MNIST once with: alsim pool import FOLDER --out mnist.parquet (its four "
    "files are at http://yann.lecun.com/exdb/mnist/ and mirrors), then add: --pool mnist.parquet"
}
_WORDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
}

_Fault = tuple[str, str]  # what is wrong, and how to mend it


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with alsim, in the order of the source."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or the one in a file whose name ends in .toml.

    Raises:
        UsageError: If there is none, or the file is not a recipe, naming every fault.
    """
    path = Path(name) if name.endswith(".toml") else HERE / f"{name}.toml"
    if path.parent == HERE and path.stem not in recipe_names():
        raise UsageError(f"no recipe {name!r}", "alsim recipe", nearest(name, recipe_names()))
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise UsageError(
            f"the recipe cannot be read: {error.strerror}", str(path), "name a recipe or its file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not TOML: {error}", str(path), "mend the file") from error
    faults = _faults(data)
    if faults:
        raise UsageError(
            "; ".join(what for what, _ in faults),
            str(path),
            "; ".join(dict.fromkeys(mend for _, mend in faults)),
        )
    pool = dict(data["pool"])
    kind = pool.pop("default")
    variants: Mapping[str, Any] = data.get("variant", {"run": {}})
    return Recipe(
        name=path.stem,
        title=data["title"],
        finding=data["finding"],
        source=data["source"],
        pool=VkOptions(**pool) if kind == "vk" else None,
        pool_advice=_GIVEN.get(kind, ""),
        studies={name: {**data["study"], **own} for name, own in variants.items()},
        claims=tuple(Claim(**claim) for claim in data["claim"]),
        picture=Picture(**data.get("figure", {})),
    )


def _faults(data: Mapping[str, Any]) -> list[_Fault]:
    """Return everything that is wrong with a recipe's file."""
    top = {name: value for name, value in data.items() if name not in _TABLES}
    faults = _table(top, _TOP, _TOP, "the recipe", _TABLES)
    tables = {name: data.get(name, [] if name == "claim" else {}) for name in _TABLES}
    for name in ("pool", "study", "claim"):
        if not tables[name]:
            faults.append((f"[{name}] is missing", f"add [{name}]"))
    shaped = {
        name: _is_tables(value) if name == "claim" else isinstance(value, dict)
        for name, value in tables.items()
    }
    shaped["variant"] = shaped["variant"] and _is_tables(list(tables["variant"].values()))
    bad = [name for name, is_right in shaped.items() if not is_right]
    if bad:
        hint = {"claim": "write [[claim]]", "variant": "write [variant.NAME]"}
        return [*faults, *((f"{n!r} is no table", hint.get(n, f"write [{n}]")) for n in bad)]
    study, variants, claims = tables["study"], tables["variant"], tables["claim"]
    if tables["pool"]:
        faults += _pool_faults(tables["pool"])
    faults += _table(study, _study_hints(), _STUDY_NEEDS if study else (), "[study]")
    in_variants = {key: hint for key, hint in _study_hints().items() if key != "strategy"}
    for name, own in variants.items():
        faults += _table(own, in_variants, (), f"[variant.{name}]")
    faults += _table(tables["figure"], *_of(Picture), "[figure]")
    known = study.get("strategy", ())
    for number, claim in enumerate(claims, 1):
        where = f"[[claim]] {number}"
        found = _table(claim, *_of(Claim), where)
        faults += found or _claim_faults(claim, known, where)
    return faults


def _pool_faults(pool: Mapping[str, Any]) -> list[_Fault]:
    kind = pool.get("default")
    hints = {"default": Literal["vk", "mnist"]}
    if kind == "vk":
        hints |= get_type_hints(VkOptions)
    return _table(pool, hints, ("default",), "[pool]")


def _claim_faults(
    claim: Mapping[str, Any], strategies: Collection[str], where: str
) -> list[_Fault]:
    """Return what is wrong with a claim whose keys and types are right."""
    faults: list[_Fault] = []
    for key in ("strategy", "than"):
        if key in claim and claim[key] not in strategies:
            faults.append(
                (
                    f"{key} in {where} is {claim[key]!r}, which the study does not run",
                    nearest(claim[key], strategies),
                )
            )
    if ("than" in claim) == (claim["kind"] == "dips"):
        lacks = claim["kind"] != "dips"
        faults.append(
            (
                f"'than' {'is missing in' if lacks else 'has no meaning in'} {where}",
                "add it" if lacks else "leave it out",
            )
        )
    if "part" in claim and claim["kind"] not in ("above", "not-above"):
        faults.append((f"'part' has no meaning in {where}", "leave it out"))
    return faults


def _table(
    table: Mapping[str, Any],
    hints: Mapping[str, Any],
    needs: Collection[str],
    where: str,
    others: Collection[str] = (),
) -> list[_Fault]:
    """Return the unknown keys, the wrong types and the missing keys of a table."""
    faults: list[_Fault] = []
    for key, value in table.items():
        if key not in hints:
            faults.append((f"no key {key!r} in {where}", nearest(key, [*hints, *others])))
        elif not fits(value, hints[key]):
            faults.append(
                (f"{key!r} in {where} cannot be {value!r}", f"{key}: give {in_words(hints[key])}")
            )
    faults += [(f"{key!r} is missing in {where}", "add it") for key in needs if key not in table]
    return faults


def _of(cls: Any) -> tuple[Mapping[str, Any], list[str]]:
    """Return a dataclass's fields with their types, and those without a default."""
    assert is_dataclass(cls)
    needs = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    return get_type_hints(cls), needs


@cache
def _study_hints() -> Mapping[str, Any]:
    """Return the arguments of `alsim.run` that a recipe may set, with their types."""
    hints = get_type_hints(run)
    names = [name for name in inspect.signature(run).parameters if name not in _NOT_IN_STUDY]
    return {name: hints[name] for name in names} | {"strategy": list[str]}


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def fits(value: object, hint: Any) -> bool:
    """Return whether a TOML value is of an annotated type; a whole number is a float too."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list) and all(fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return type(value) in (int, float)
    return hint in _WORDS and type(value) is hint


def in_words(hint: Any) -> str:
    """Return what a type allows, for whoever writes a recipe."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        words = [
            in_words(option)
            for option in get_args(hint)
            if option is not NoneType and option is not Path
        ]
        return " or ".join(words)
    if origin is Literal:
        return " or ".join(repr(option) for option in get_args(hint))
    if origin is not None:
        return f"a list, each {in_words(get_args(hint)[0])}"
    return _WORDS.get(hint, "nothing")
