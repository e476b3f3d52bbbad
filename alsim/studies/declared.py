"""A study declared in a file: a table whose keys are options, with a table for its models.

    model = ["mmoe", "shared-bottom(expert-width=113)"]
    learning_rate = 1e-3
    parameters = { experts = 8, dropout = 0 }

Each of the `parameters` holds for every model that has it and does not set it in its own brackets.
"""

from collections.abc import Mapping
from typing import Any

from alsim.errors import UsageError, nearest
from alsim.models.naming import FLAG, parameters_of, with_parameters
from alsim.options.faults import Faults
from alsim.options.option import Option, options_of, read
from alsim.options.texts import parse_names
from alsim.options.types import advice, fits, shown
from alsim.parameters import Value, take_apart
from alsim.studies.kinds import Kind

Settings = Mapping[str, Any]  # such a table

PARAMETERS = "parameters"
# Matched models have the widths that their numbers of parameters come to, all but the first.
_MATCHED = ("width", "expert-width")


def check_settings(kind: Kind, settings: Settings, faults: Faults) -> None:
    """Add all that is wrong with a study to the faults, before there is a pool."""
    given = arguments_of(kind, settings, faults)
    kind.check(read(kind.options, given, faults), faults)


def arguments_of(kind: Kind, settings: Settings, faults: Faults) -> dict[str, Any]:
    """Return the arguments of a study's twin, with the parameters in the models' brackets."""
    given = {name: value for name, value in settings.items() if name != PARAMETERS}
    model = options_of(kind.options)["model"]
    written = given.get("model", model.default)
    if PARAMETERS not in settings or not fits(written, model.hint):
        return given
    names = parse_names(written)
    parameters = _parameters(settings[PARAMETERS], names, faults)
    full: list[str] = []
    for place, name in enumerate(names):
        is_matched = place > 0 and settings.get("match_parameters") is True
        own = {k: v for k, v in parameters.items() if not (is_matched and k in _MATCHED)}
        try:
            full.append(with_parameters(name, own))
        except UsageError:
            full.append(name)  # reported when the name is read
    return {**given, "model": ",".join(full) if isinstance(written, str) else full}


def merged(settings: Settings, instead: Settings) -> dict[str, Any]:
    """Return a table updated by another, its inner tables too."""
    found = dict(settings)
    for name, value in instead.items():
        old: Any = found.get(name)
        is_table = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[name] = merged(old, value) if is_table else value
    return found


def _parameters(table: object, models: tuple[str, ...], faults: Faults) -> dict[str, Value]:
    """Return the valid parameters as they are written in brackets."""
    if not isinstance(table, Mapping):
        faults.add("it is no table", PARAMETERS, "write { dropout = 0 }")
        return {}
    known: dict[str, Option[Any, Any]] = {}
    for name in models:
        try:
            known |= parameters_of(take_apart(name, FLAG).base)
        except UsageError as error:
            faults.add(*error.args)
    found: dict[str, Value] = {}
    for name, value in table.items():
        key, where = str(name).replace("_", "-"), f"{PARAMETERS}.{name}"
        if key not in known:
            faults.add(f"no model reads {key!r}", where, nearest(key, known))
            continue
        hint = known[key].hint
        if not fits(value, hint):
            faults.add(f"{key} cannot be {shown(value)}", where, advice(value, hint))
            continue
        try:
            known[key].check(value)
            found[key] = _in_brackets(value)
        except UsageError as error:
            faults.add(f"{key}: {error.args[0]}", where, error.args[2])
    return found


def _in_brackets(value: Any) -> Value:
    if not isinstance(value, list):
        return value
    return ("x" if all(isinstance(each, int) for each in value) else ";").join(map(str, value))
