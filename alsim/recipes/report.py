"""What a recipe gave: figures, tables and verdicts, and the file that holds them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alsim.options.types import Tabular
from alsim.plots import save_figure
from alsim.recipes.pools import described
from alsim.recipes.recipe import Recipe, Table
from alsim.recipes.verdict import Verdict
from alsim.store.atomic import replacing
from alsim.studies.declared import Settings
from alsim.studies.kinds import Done

RESULT = "result.json"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a recipe gave."""

    recipe: Recipe  # as it was run, scaled
    scale: float
    pool: Mapping[str, Any]  # what was run on: a path, or how it was made
    folder: Path
    runs: Mapping[str, Done]  # by study
    figures: Mapping[str, Path]  # by study, of those that have one
    tables: Mapping[str, Table]  # by study, likewise
    verdicts: tuple[Verdict, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, which is also what `result.json` holds."""
        recipe = self.recipe
        return {
            "recipe": recipe.name,
            "title": recipe.title,
            "finding": recipe.finding,
            "source": recipe.source,
            "scale": self.scale,
            "size": self.size,
            "seeds": recipe.seeds,
            "pool": dict(self.pool),
            "folder": str(self.folder),
            "studies": {
                name: {
                    "settings": settings,
                    "run": str(self.runs[name].folder),
                    "figure": str(self.figures[name]) if name in self.figures else None,
                    "table": self.tables[name].to_json() if name in self.tables else None,
                }
                for name, settings in recipe.studies.items()
            },
            "claims": [verdict.to_json() for verdict in self.verdicts],
            "warnings": list(self.warnings),
        }

    @property
    def size(self) -> str:
        """Return whether this is the source's size, in words; "" of a recipe that has one size."""
        if not self.recipe.about_full:
            return ""
        if self.recipe.full is None:
            return f"at full size: {self.recipe.about_full}"
        return f"sized for two cores; at full size (--full): {self.recipe.about_full}"


def make_report(
    recipe: Recipe,
    pool: str | Path | Tabular | None,
    scale: float,
    arguments: Settings,
    folder: Path,
    runs: Mapping[str, Done],
) -> Report:
    """Draw the figures, test the claims, write the result and return all of it."""
    kind = recipe.kind
    figures: dict[str, Path] = {}
    warnings: list[str] = []
    for name, done in runs.items():
        title = title_of(recipe, name, pool, scale)
        drawing = kind.draw(done, recipe.picture, title)
        if drawing is not None:
            figures[name] = folder / figure_name(recipe, name)
            save_figure(drawing.figure, figures[name])
            warnings += drawing.warnings
    tables = {n: kind.tabulate(d, recipe.published) for n, d in runs.items() if kind.tabulate}
    report = Report(
        recipe=recipe,
        scale=scale,
        pool=_origin(recipe, pool, arguments),
        folder=folder,
        runs=runs,
        figures=figures,
        tables=tables,
        verdicts=tuple(kind.judge(recipe.claims, runs, recipe.studies)),
        warnings=tuple(warnings),
    )
    with replacing(folder / RESULT) as file:
        text = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        file.write(text.encode() + b"\n")
    return report


def figure_name(recipe: Recipe, study: str) -> str:
    """Return the name of a study's picture in the recipe's folder."""
    return f"{recipe.name}.png" if len(recipe.studies) == 1 else f"{recipe.name}-{study}.png"


def title_of(recipe: Recipe, study: str, pool: str | Path | Tabular | None, scale: float) -> str:
    """Return the title of a study's figure: the source, the recipe, the pool and the scale."""
    of_study = "" if len(recipe.studies) == 1 else f" ({study})"
    of_scale = "" if scale == 1 else f", scale {scale:g}"
    return (
        f"after {recipe.source}: {recipe.title}{of_study}\n"
        f"{_in_words(recipe, study, pool)}{of_scale}"
    )


def _in_words(recipe: Recipe, study: str, pool: str | Path | Tabular | None) -> str:
    """Return what a study was run on, for the picture: it is not the source's own data."""
    if isinstance(pool, Tabular):
        return "a pool of one's own"
    if pool is not None:
        return Path(pool).name
    made = f"a made-up pool of {recipe.pools[study].n_rows:,} rows"
    return f"{made} for each seed" if recipe.is_anew else made


def _origin(
    recipe: Recipe, pool: str | Path | Tabular | None, arguments: Settings
) -> dict[str, Any]:
    """Return what a recipe was run on: a path and columns, or how its own pools were made."""
    if pool is not None:
        columns = {name: value for name, value in arguments.items() if name != "candidates"}
        return {"path": None if isinstance(pool, Tabular) else str(pool), **columns}
    made = {study: described(options) for study, options in recipe.pools.items()}
    first, *others = made.values()
    origin = dict(first)
    for key, value in first.items():
        if any(each[key] != value for each in others):
            origin[key] = {study: each[key] for study, each in made.items()}
    return {**origin, "seed": "that of the run"} if recipe.is_anew else origin
