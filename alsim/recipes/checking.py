"""What a recipe's file may hold: keys, types and values, all faults told."""

import re
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_type_hints

from alsim.errors import UsageError, nearest
from alsim.options.faults import Faults
from alsim.options.option import options_of
from alsim.options.texts import parse_seeds
from alsim.options.types import advice, fits, shown
from alsim.recipes.correlation.kind import CORRELATION
from alsim.recipes.curves.kind import CURVES
from alsim.recipes.pools import GENERATORS, GIVEN
from alsim.recipes.recipe import Published, Settings, StudyKind, Tell
from alsim.recipes.training.kind import TRAINING

KINDS = {kind.table: kind for kind in (CURVES, CORRELATION, TRAINING)}

_TOP = {"title": str, "finding": str, "source": str}
_SEEDS = {"seeds": int | str}
_TABLES = ("pool", *KINDS, "variant", "figure", "claim", "published", "full")
_HINTS = {"claim": "write [[claim]]", "variant": "write [variant.NAME]"}
_VARIANT_NAME = re.compile(r"\w[\w+-]{0,59}")  # it names a folder
_DEFAULTS: Any = Literal[(*GENERATORS, *GIVEN)]
_EACH_SEED = {"each_seed": bool}
NOT_OPTIONS = ("default", "each_seed")  # in [pool], of what makes it
_OF_ALL = (*NOT_OPTIONS, "n_rows", "seed")  # what no study's pool can have otherwise


def kind_of(data: Mapping[str, Any]) -> StudyKind:
    """Return what a recipe runs, by the table that it has."""
    return next((kind for table, kind in KINDS.items() if table in data), CURVES)


def studies_of(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments of each study, by its name."""
    variants: Mapping[str, Any] = data.get("variant", {"run": {}})
    shared = data[kind_of(data).table]
    return {name: {**shared, **_without_pool(own)} for name, own in variants.items()}


def check_shape(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what is missing, unknown or of a wrong type in a recipe's file."""
    top = {name: value for name, value in data.items() if name not in _TABLES}
    _check_table(top, _TOP | _SEEDS, _TOP, "the recipe", tell, _TABLES)
    kind = kind_of(data)
    found = [f"[{table}]" for table in KINDS if table in data]
    if len(found) > 1:
        tell(f"{' and '.join(found)} do not go together", "leave one out")
    for name in ("pool", kind.table, "claim"):
        if name not in data:
            tell(f"[{name}] is missing", _HINTS.get(name, f"add [{name}]"))
    if not _are_tables(data, tell):
        return
    if "pool" in data:
        _check_table(data["pool"], _pool_hints(data), ("default",), "[pool]", tell)
    if kind.table in data:
        table = f"[{kind.table}]"
        _check_table(data[kind.table], _hints_of(kind), kind.needs, table, tell)
    if "variant" in data and not data["variant"]:
        tell("there is nothing in [variant]", "leave it out, or add a [variant.NAME]")
    for name in data.get("variant", {}):
        if not _VARIANT_NAME.fullmatch(name):
            tell(f"a variant cannot be called {shown(name)}", "use letters, digits, _, - and +")
    _check_variants(data, data.get("variant", {}), "variant", tell)
    _check_table(data.get("figure", {}), *_of(kind.picture), "[figure]", tell)
    if "claim" in data and not data["claim"]:
        tell("there is no claim", _HINTS["claim"])
    for number, claim in enumerate(data.get("claim", ()), 1):
        _check_table(claim, *_of(kind.claim), f"[[claim]] {number}", tell)
    if "published" in data:
        _check_published(data["published"], kind, tell)
    if "full" in data:
        _check_full(data, tell)


def check_values(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what cannot be used in a recipe whose keys and types are right."""
    _check_pools(data, tell)
    if "seeds" in data:
        try:
            parse_seeds(data["seeds"])
        except UsageError as error:
            what, _, mend = error.args
            tell(f"{what}, in the recipe (seeds)", mend)
    found: dict[tuple[str, str, str], list[str]] = {}
    kind, studies = kind_of(data), studies_of(data)
    for name, study in studies.items():
        faults = Faults()
        kind.read(study, faults)
        for error in faults.kept:
            found.setdefault(error.args, []).append(f"[variant.{name}]")
    for (what, flag, mend), places in found.items():
        where = f"[{kind.table}]" if len(places) == len(studies) else " and ".join(places)
        tell(f"{what}, in {where} ({flag})", mend)
    kind.check_picture(data.get("figure", {}), tell)
    for number, claim in enumerate(data["claim"], 1):
        kind.check_claim(claim, studies, f"[[claim]] {number}", tell)


def _are_tables(data: Mapping[str, Any], tell: Tell) -> bool:
    """Tell of what should be a table and is none, and return whether all is one that should."""
    shaped = {
        name: _is_tables(data[name]) if name == "claim" else isinstance(data[name], dict)
        for name in _TABLES
        if name in data
    }
    if shaped.get("variant"):
        shaped["variant"] = _is_tables(list(data["variant"].values()))
    for name, is_right in shaped.items():
        if not is_right:
            tell(f"{name!r} is no table", _HINTS.get(name, f"write [{name}]"))
    return all(shaped.values())


def _check_variants(
    data: Mapping[str, Any], variants: Mapping[str, Any], path: str, tell: Tell
) -> None:
    """Tell of what a variant cannot have, whether of the recipe or of [full]."""
    kind, of_pool = kind_of(data), _pool_hints(data)
    hints = {key: hint for key, hint in _hints_of(kind).items() if key != kind.names}
    of_pool = {key: hint for key, hint in of_pool.items() if key not in _OF_ALL}
    for name, own in variants.items():
        where = f"[{path}.{name}]"
        pool = own.get("pool", {})
        if not isinstance(pool, dict):
            tell(f"'pool' in {where} is no table", f"write [{path}.{name}.pool]")
            continue
        _check_table(_without_pool(own), hints, (), where, tell, ("pool",) if of_pool else ())
        _check_table(pool, of_pool, (), f"[{path}.{name}.pool]", tell)


def _check_published(table: Mapping[str, Any], kind: StudyKind, tell: Tell) -> None:
    if kind.tabulate is None:
        tell(f"[published] has no meaning beside [{kind.table}]", "leave it out")
        return
    _, needs = _of(Published)
    known = {"says": str, "metric": str, "values": dict}
    _check_table(table, known, needs, "[published]", tell)
    values = table.get("values")
    for model, of_model in values.items() if isinstance(values, dict) else ():
        is_right = isinstance(of_model, dict) and all(
            fits(numbers, list[float]) and numbers for numbers in of_model.values()
        )
        if not is_right:
            where = f"{shown(model)} in [published.values]"
            tell(f"{where} cannot be {shown(of_model)}", "write { TASK = [0.9, …], … }")


def _check_full(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what [full] cannot have: it is about sizes, and says all else again."""
    full, kind = data["full"], kind_of(data)
    tables = ("pool", kind.table, "variant")
    top = {name: value for name, value in full.items() if name not in tables}
    _check_table(top, {"about": str} | _SEEDS, ("about",), "[full]", tell, tables)
    if not full.keys() - {"about"}:
        tell("nothing is other in [full]", "leave it out, or add seeds, say")
    within = {name: full.get(name, {}) for name in tables}
    bad = [name for name, table in within.items() if not isinstance(table, dict)]
    if not bad and not _is_tables(list(within["variant"].values())):
        bad = ["variant"]
    for name in bad:
        tell(f"{name!r} in [full] is no table", f"write [full.{name}]")
    if bad:
        return
    of_pool = {key: hint for key, hint in _pool_hints(data).items() if key not in ("default",)}
    _check_table(within["pool"], of_pool, (), "[full.pool]", tell)
    _check_table(within[kind.table], _hints_of(kind), (), f"[full.{kind.table}]", tell)
    unknown = [name for name in within["variant"] if name not in data.get("variant", {})]
    for name in unknown:
        tell(f"no variant {shown(name)} to be other in [full]", "name one that there is")
    if not unknown:
        _check_variants(data, within["variant"], "full.variant", tell)


def _check_pools(data: Mapping[str, Any], tell: Tell) -> None:
    """Tell of what a pool of the recipe's own cannot be made with."""
    generator = GENERATORS.get(data["pool"]["default"])
    if generator is None:
        return
    options = {key: value for key, value in data["pool"].items() if key not in NOT_OPTIONS}
    own = {
        f"[variant.{n}.pool]": v["pool"] for n, v in data.get("variant", {}).items() if "pool" in v
    }
    told: set[str] = set()
    for where, changes in {"[pool]": {}, **own}.items():
        try:
            generator.check(generator.options(**{**options, **changes}))
        except UsageError as error:
            what, _, mend = error.args
            if what not in told:  # else it is the fault of [pool]
                tell(f"{what}, in {where}", mend)
            told.add(what)


def _pool_hints(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what [pool] may hold, with types."""
    hints: dict[str, Any] = {"default": _DEFAULTS}
    default = data.get("pool", {}).get("default")
    generator = GENERATORS.get(default) if isinstance(default, str) else None
    if generator is None:
        return hints
    hints |= get_type_hints(generator.options)
    if kind_of(data).merged is not None:
        hints |= _EACH_SEED
        if data["pool"].get("each_seed") is True:
            del hints["seed"]
    return hints


def _without_pool(own: Settings) -> dict[str, Any]:
    return {key: value for key, value in own.items() if key != "pool"}


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
    options = options_of(kind.options)
    names = [name for name in options if name not in kind.not_here]
    return {name: options[name].hint for name in names} | {kind.names: list[str]}


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
