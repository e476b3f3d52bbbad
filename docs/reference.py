"""Write `docs/reference.md`: every option of every command, and every parameter of every model.

Run as `python docs/reference.py`; a test holds the page to what this writes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import alsim
from alsim.cli.from_options import default_of
from alsim.models.naming import parameters_of
from alsim.models.table import MODELS
from alsim.options.compare import CompareOptions
from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import CurvesOptions
from alsim.options.option import Option, options_of
from alsim.options.pool import OF_STUDIES, PoolOptions
from alsim.options.recipe import OF_RECIPES, RecipeOptions
from alsim.options.resume import ResumeOptions
from alsim.options.synthetic import MmoeOptions, VkOptions
from alsim.options.training_study import TrainOptions
from alsim.options.types import in_words
from alsim.plots.options import GatesOptions, PlotOptions
from alsim.pool.importers.table import ImportOptions

PAGE = Path(__file__).with_name("reference.md")
GROUPS: dict[str, type[Any]] = {
    "run": CurvesOptions,
    "correlate": CorrelateOptions,
    "train": TrainOptions,
    "resume": ResumeOptions,
    "compare": CompareOptions,
    "plot": PlotOptions,
    "gates": GatesOptions,
    "recipe run": RecipeOptions,
    "pool info": PoolOptions,
    "pool check": PoolOptions,
    "pool import": ImportOptions,
    "pool synth vk": VkOptions,
    "pool synth mmoe": MmoeOptions,
}
LEFT_OUT = {"recipe run": OF_RECIPES, "pool info": OF_STUDIES, "pool check": OF_STUDIES}


def page() -> str:
    """Return the page, as Markdown."""
    return "\n".join([*_head(), *_studies(), *_models(), ""])


def _head() -> list[str]:
    return [
        "# Reference",
        "",
        "Made by `python docs/reference.py` from the declarations in `alsim/options/`. An option "
        "is a flag of the command and an argument of the Python function of the same name: "
        "`--query-size 20` is `alsim.run(query_size=20)`.",
    ]


def _studies() -> Iterator[str]:
    for command, group in GROUPS.items():
        twin = f", `alsim.{command}`" * (command in alsim.__all__)
        yield from ("", f"## `alsim {command}`{twin}")
        by_heading: dict[str, list[Option[Any, Any]]] = {}
        for name, option in options_of(group).items():
            if name not in LEFT_OUT.get(command, ()):
                by_heading.setdefault(option.heading, []).append(option)
        for heading, options in by_heading.items():
            yield from ("", f"### {heading}", "")
            yield from _table("option", ((option.flag, option) for option in options))


def _models() -> Iterator[str]:
    yield from ("", "## Models", "")
    yield 'Parameters stand in brackets: `--model "mmoe(experts=4, gate=task)"`.'
    for name, entry in MODELS.items():
        yield from (
            "",
            f"### `{name}`",
            "",
            f"{entry.summary[0].upper()}{entry.summary[1:]}. {entry.source}.",
            "",
        )
        parameters = parameters_of(name)
        if parameters:
            yield from _table("parameter", parameters.items())
        else:
            yield "It has no parameters."


def _table(title: str, rows: Iterable[tuple[str, Option[Any, Any]]]) -> Iterator[str]:
    yield f"| {title} | sets | takes |"
    yield "| --- | --- | --- |"
    for name, option in rows:
        takes = in_words(option.hint).replace("|", "\\|")
        yield f"| `{name}` | {option.help}{default_of(option)} | {takes} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
