"""What is known of a strategy without running it: of those of the table without importing torch."""

import ast
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from alsim.parameters import Value
from alsim.strategies.table import STRATEGIES

COMMON = ("candidates", "combine", "batch-norm", "batch-rule")  # that every strategy takes


def describe(text: str) -> dict[str, Any]:
    """Return a strategy's summary, parameters, source and cost, as JSON values.

    Raises:
        UsageError: If there is no such strategy, or it does not take a parameter.
    """
    if text in STRATEGIES:
        entry, parameters = STRATEGIES[text], parameters_of(text)
        why = entry.outside
    else:  # only what its function returns shows the parameters of another one
        from alsim.strategies.naming import find_strategy
        from alsim.strategies.plugins import find_entry

        found = find_strategy(text)
        parameters, why = found.parameters, found.strategy.outside
        entry = find_entry(text.partition("(")[0].strip())
    return {
        "summary": entry.summary,
        "parameters": dict(parameters),
        "source": entry.source,
        "cost": entry.cost,
        "outside": why,
    }


@cache
def parameters_of(name: str) -> Mapping[str, Value]:
    """Return the parameters of a strategy of the table with their defaults.

    They are the keyword arguments of its function, read from the source, and the `candidates`.
    """
    entry = STRATEGIES[name]
    module, _, function = str(entry.build).partition(":")
    source = ast.parse((files("alsim.strategies") / f"{module}.py").read_text(encoding="utf-8"))
    found = [n for n in source.body if isinstance(n, ast.FunctionDef) and n.name == function]
    names = [argument.arg.replace("_", "-") for argument in found[0].args.args]
    defaults = [ast.literal_eval(default) for default in found[0].args.defaults]
    parameters: dict[str, Value] = dict(zip(names, defaults, strict=True))
    return parameters if entry.candidates is None else {**parameters, COMMON[0]: entry.candidates}
