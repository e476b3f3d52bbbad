"""Recipes from TOML files, checked strictly: all faults of a file are told at once."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alsim.errors import UsageError, nearest
from alsim.options.faults import Faults
from alsim.recipes.checking import (
    NOT_OPTIONS,
    check_shape,
    check_values,
    kind_of,
    studies_of,
)
from alsim.recipes.pools import GENERATORS, GIVEN
from alsim.recipes.recipe import Published, Recipe
from alsim.recipes.shipped import HERE, SEEDS, recipe_names


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or the one in a file whose name ends in .toml.

    Its studies are checked as `alsim.run` and its like check their arguments, before a pool is
    there; so is what they are at full size.

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

    check_shape(data, tell)
    if not faults.kept:
        check_values(data, tell)
    full = {} if faults.kept else _at_full_size(data)
    if full:
        check_values(full, lambda what, mend: tell(f"{what}, as [full] has it", mend))
    faults.raise_all("faults", str(path))
    return _recipe(path.stem, data, full, None if path.parent == HERE else path)


def _recipe(
    name: str, data: Mapping[str, Any], full: Mapping[str, Any], path: Path | None
) -> Recipe:
    kind = kind_of(data)
    pool = {key: value for key, value in data["pool"].items() if key not in NOT_OPTIONS}
    default = data["pool"]["default"]
    variants: Mapping[str, Any] = data.get("variant", {})
    return Recipe(
        name=name,
        title=data["title"],
        finding=data["finding"],
        source=data["source"],
        pool=GENERATORS[default].options(**pool) if default in GENERATORS else None,
        pool_advice=GIVEN.get(default, ""),
        kind=kind,
        studies=studies_of(data),
        claims=tuple(kind.claim(**claim) for claim in data["claim"]),
        picture=kind.picture(**data.get("figure", {})),
        seeds=data.get("seeds", SEEDS),
        own_pools={study: own["pool"] for study, own in variants.items() if "pool" in own},
        is_anew=data["pool"].get("each_seed", False),
        published=Published(**data["published"]) if "published" in data else None,
        full=_recipe(name, full, {}, path) if full else None,
        path=path,
        about_full=data.get("full", {}).get("about", ""),
    )


def _at_full_size(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's file with what [full] says instead; empty where it says nothing."""
    if "full" not in data:
        return {}
    about = {"about": data["full"]["about"]}
    return _merged(data, {name: v for name, v in data["full"].items() if name != "about"}) | {
        "full": about
    }


def _merged(table: Mapping[str, Any], instead: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with the values of another, tables within it likewise."""
    merged = dict(table)
    for name, value in instead.items():
        old: Any = merged.get(name)
        is_table = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = _merged(old, value) if is_table else value
    return merged


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
