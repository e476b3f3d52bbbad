"""Recipes from their files, with all faults of a file reported at once."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from alsim.errors import UsageError, nearest
from alsim.options.faults import Faults
from alsim.options.texts import parse_seeds
from alsim.options.types import shown
from alsim.pool.synthetic import check_made
from alsim.recipes.file import (
    HERE,
    Fault,
    FullTable,
    PoolTable,
    Published,
    RecipeFile,
    Table,
    decode,
    load,
    recipe_path,
)
from alsim.recipes.kinds import KINDS
from alsim.recipes.pools import GENERATORS, GIVEN, MadePool
from alsim.recipes.recipe import Recipe, RecipeKind, Studies
from alsim.studies.declared import check_settings, merged

_OF_COMMAND = ("pool", "seeds", "out", "watch", "force")  # `alsim recipe run` decides these
_OF_POOL = ("default", "each_seed")


def read_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or the one in a file whose name ends in .toml.

    Its studies are checked as `alsim.run` and its like check their arguments, before a pool is
    there; so is what they are at full size.

    Raises:
        UsageError: If there is none, or the file is not a recipe, naming every fault.
    """
    path = recipe_path(name)
    data = load(path)
    faults = Faults()

    def fault(what: str, mend: str) -> None:
        faults.add(what, str(path), mend)

    recipe = _recipe(path, data, fault)
    full = None
    if recipe is not None and recipe.about_full and not faults.kept:
        sizes = {key: value for key, value in data["full"].items() if key != "about"}
        at_full_size = merged(data, sizes)
        full = _recipe(path, at_full_size, lambda what, mend: fault(f"{what}, at full size", mend))
    faults.raise_all("faults", str(path))
    assert recipe is not None
    return replace(recipe, full=full)


def _recipe(path: Path, data: Table, fault: Fault) -> Recipe | None:
    """Return a recipe without its full size; None where its tables are no tables of a recipe."""
    file = decode(data, RecipeFile, "the recipe", fault)
    tables = [table for table in KINDS if data.get(table) is not None]
    if len(tables) != 1:
        what = f"{' and '.join(f'[{table}]' for table in tables)} do not go together"
        fault(what if tables else "there is no study", f"write one of [{'], ['.join(KINDS)}]")
    if file is None or len(tables) != 1:
        return None
    table, kind = tables[0], KINDS[tables[0]]
    variants = file.variant or {"run": {}}
    full = None if file.full is None else decode(file.full, FullTable, "[full]", fault)
    for name in () if full is None else full.variant:
        if name not in variants:
            fault(f"no variant {shown(name)} that [full] could change", nearest(name, variants))
    picture = decode(file.figure, kind.picture, "[figure]", fault)
    if picture is not None and kind.check_picture:
        kind.check_picture(picture, fault)
    published = None
    if file.published is not None:
        published = decode(file.published, Published, "[published]", fault)
    if file.published is not None and kind.tabulate is None:
        fault(f"[published] has no meaning beside [{table}]", "leave it out")
    try:
        parse_seeds(file.seeds)
    except UsageError as error:
        fault(f"{error.args[0]}, in the recipe (seeds)", error.args[2])
    studies = _studies(data[table], variants, table, kind, fault)
    own = {"default": "", **{key: file.pool[key] for key in _OF_POOL if key in file.pool}}
    pool = decode(own, PoolTable, "[pool]", fault)
    return Recipe(
        name=path.stem,
        title=file.title,
        finding=file.finding,
        source=file.source,
        kind=kind,
        studies=studies,
        pools={} if pool is None else _pools(pool, file.pool, variants, kind, fault),
        pool_advice="" if pool is None else GIVEN.get(pool.default, ""),
        is_anew=pool is not None and pool.each_seed,
        claims=_claims(file, kind, studies, fault),
        picture=picture,
        seeds=file.seeds,
        published=published,
        about_full="" if full is None else full.about,
        path=None if path.parent == HERE else path,
    )


def _studies(
    shared: Table, variants: Mapping[str, Table], table: str, kind: RecipeKind, fault: Fault
) -> Studies:
    """Return the settings of each study, none if they have faults.

    A fault that all of them have is one of what they share.
    """
    missing = [name for name in kind.needs if name not in shared]
    for name in missing:
        fault(f"{name!r} is missing in [{table}]", "add it")
    _refuse(shared, (*_OF_COMMAND, *kind.leave_out), f"[{table}]", fault)
    studies: dict[str, dict[str, Any]] = {}
    found: dict[tuple[str, str, str], list[str]] = {}
    for name, own in variants.items():
        where = f"[variant.{name}]"
        changes = {key: value for key, value in own.items() if key != "pool"}
        _refuse(changes, (*_OF_COMMAND, *kind.leave_out, kind.names), where, fault)
        studies[name] = merged(shared, changes)
        faults = Faults()
        check_settings(kind.study, studies[name], faults)
        for error in faults.kept:
            found.setdefault(error.args, []).append(where)
    for (what, flag, mend), places in found.items():
        where = f"[{table}]" if len(places) == len(studies) else " and ".join(places)
        fault(f"{what}, in {where} ({flag})", mend)
    return {} if missing or found else studies


def _refuse(table: Table, names: tuple[str, ...], where: str, fault: Fault) -> None:
    for name in names:
        if name in table:
            fault(f"{name!r} cannot be set in {where}", "leave it out")


def _pools(
    pool: PoolTable, table: Table, variants: Mapping[str, Table], kind: RecipeKind, fault: Fault
) -> dict[str, MadePool]:
    """Return how the pool of each study is made; empty where one must be given."""
    if pool.default not in (*GENERATORS, *GIVEN):
        mend = nearest(pool.default, (*GENERATORS, *GIVEN))
        fault(f"'default' in [pool] cannot be {shown(pool.default)}", mend)
        return {}
    if pool.each_seed and kind.gather is None:
        fault("'each_seed' has no meaning in [pool] here", "leave it out")
    if pool.each_seed and "seed" in table:
        fault("'seed' has no meaning in [pool] beside each_seed", "leave it out")
    shared = {key: value for key, value in table.items() if key not in _OF_POOL}
    own = {name: variant.get("pool", {}) for name, variant in variants.items()}
    tables = {"[pool]": shared, **{f"[variant.{n}.pool]": t for n, t in own.items() if t != {}}}
    found: dict[str, MadePool] = {}
    for where, changes in tables.items():
        if not isinstance(changes, dict):
            fault(f"{where} cannot be {shown(changes)}", "write a table")
        elif pool.default in GIVEN:
            for key in changes:
                fault(f"{key!r} has no meaning in {where}: the pool is given", "leave it out")
        else:
            table = {**shared, **changes}
            made = decode(table, GENERATORS[pool.default], where, fault)
            try:
                if made is not None:
                    check_made(made)
                    found[where] = made
            except UsageError as error:
                fault(f"{error.args[0]}, in {where}", error.args[2])
            if "[pool]" not in found:  # what all share: its faults would come again
                return {}
    return {n: found.get(f"[variant.{n}.pool]", found["[pool]"]) for n in own} if found else {}


def _claims(file: RecipeFile, kind: RecipeKind, studies: Studies, fault: Fault) -> tuple[Any, ...]:
    found: list[Any] = []
    for number, table in enumerate(file.claim, 1):
        where = f"[[claim]] {number}"
        claim = decode(table, kind.claim, where, fault)
        if claim is not None and studies:
            kind.check_claim(claim, studies, where, fault)
            found.append(claim)
    return tuple(found)
