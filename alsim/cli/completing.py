"""What Tab completes: names of strategies, models and recipes, without importing torch."""

from collections.abc import Callable, Iterable, Iterator, Mapping

Completion = tuple[str, str]  # a whole word, and what it is


def strategies(incomplete: str) -> list[Completion]:
    """Return the strategies that complete the last of comma-separated names, or its parameters."""
    from alsim.loading import installed_names
    from alsim.strategies.describing import COMMON, parameters_of
    from alsim.strategies.plugins import GROUP
    from alsim.strategies.table import STRATEGIES

    names = {name: entry.summary for name, entry in STRATEGIES.items()}
    names |= dict.fromkeys(installed_names(GROUP, STRATEGIES), "from a plug-in")

    def parameters(name: str) -> Iterable[str]:
        return dict.fromkeys([*(parameters_of(name) if name in STRATEGIES else ()), *COMMON])

    return list(_completed(incomplete, names, parameters))


def metrics(incomplete: str) -> list[Completion]:
    """Return the metrics of a correlation study that complete the last of several."""
    from alsim.options.correlation import ALIASES

    short = {alias: f"as {name}" for alias, name in ALIASES.items()}
    return [*_completed(incomplete, short, lambda _: ()), *strategies(incomplete)]


def models(incomplete: str) -> list[Completion]:
    """Return the models that complete the last of comma-separated names, or its parameters."""
    from alsim.loading import installed_names
    from alsim.models.naming import parameters_of
    from alsim.models.table import GROUP, MODELS

    names = {name: entry.summary for name, entry in MODELS.items()}
    names |= dict.fromkeys(installed_names(GROUP, MODELS), "from a plug-in")
    return list(_completed(incomplete, names, parameters_of))


def measures(incomplete: str) -> list[Completion]:
    """Return the measures whose names begin so."""
    from alsim.measures import MEASURES

    return [(name, m.words) for name, m in MEASURES.items() if name.startswith(incomplete)]


def recipes(incomplete: str) -> list[Completion]:
    """Return the recipes whose names begin so."""
    from alsim.recipes.file import recipe_headings

    headings = recipe_headings()
    return [(n, h["title"]) for n, h in headings.items() if n.startswith(incomplete)]


def _completed(
    incomplete: str, names: Mapping[str, str], parameters: Callable[[str], Iterable[str]]
) -> Iterator[Completion]:
    """Yield what the last name can become: a comma within brackets separates parameters."""
    closed = incomplete.rfind(")") + 1
    inside = incomplete.find("(", closed)
    if inside < 0:
        start = incomplete.rfind(",", closed) + 1 or closed
        before, begun = incomplete[:start], incomplete[start:]
        for name, summary in names.items():
            if name.startswith(begun):
                yield before + name, summary
        return
    name = incomplete[closed:inside].rpartition(",")[2].strip()
    start = max(inside, incomplete.rfind(",")) + 1
    before, begun = incomplete[:start], incomplete[start:]
    given = {part.partition("=")[0].strip() for part in incomplete[inside + 1 : start].split(",")}
    for parameter in parameters(name):
        if parameter.startswith(begun) and parameter not in given:
            yield f"{before}{parameter}=", f"parameter of {name}"


# What an option completes, as it declares.
COMPLETERS: Mapping[str, Callable[[str], list[Completion]]] = {
    "strategies": strategies,
    "metrics": metrics,
    "models": models,
    "measures": measures,
}
