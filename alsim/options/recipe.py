"""What can be chosen about recipes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar

from alsim.options.experts import ExpertKind
from alsim.options.option import Option, Range, option, parsed
from alsim.options.pool import ColumnOptions, TaskOptions
from alsim.options.texts import parse_seeds
from alsim.options.types import Tabular

# Of `ColumnOptions`, what is chosen by each recipe itself.
OF_RECIPES = ("label_type", "unknown", "mask_modality", "standardise", "split_seed")


@dataclass(frozen=True, kw_only=True)
class RecipeOptions(ColumnOptions, TaskOptions):
    """All that can be chosen about a recipe; columns are those of a pool that is given."""

    heading: ClassVar = "Recipe"

    pool: str | Path | Tabular | None = option(
        None, "Parquet file, folder or glob.", otherwise="the recipe's own"
    )
    expert: ExpertKind | None = option(
        None, "Kind of expert; conv4 for raw pixels.", otherwise="the recipe's own"
    )
    full: bool = option(
        False, "Run at the source's own size, for a GPU, instead of one for two cores."
    )
    scale: float = option(
        1.0,
        "Factor on the rows of the recipe's own pool, the initial size, and the query size and "
        "candidates or the group size; the numbers of steps and groups stay.",
        within=Range(above=0, below=inf, usual="0.1, say"),
    )
    seeds: Option[str | int | Sequence[int] | None, tuple[int, ...] | None] = parsed(
        None,
        lambda value: None if value is None else parse_seeds(value),
        "Seeds: a count (5), a range (3..7) or a list (1,4).",
        otherwise="the recipe's own, mostly 5",
    )
    candidates: int | None = option(
        None,
        "Maximum number of rows that a strategy considers, drawn again each step.",
        within=Range(least=1),
        otherwise="all, or the recipe's own",
    )
    out: Path | None = option(
        None,
        "Folder for runs, figures and result.json; of several recipes each has a folder in it.",
        otherwise="a new one in runs/",
    )
