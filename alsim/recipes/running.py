"""Running a recipe: its studies, its figures, its verdicts, and the folder they leave."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from alsim.engine.parsing import parse_seeds
from alsim.engine.watch import Watch
from alsim.errors import StoreError, UsageError
from alsim.plots import save_figure
from alsim.pool.synthetic import vk_pool
from alsim.recipes.recipe import Done, Judgement, Recipe
from alsim.store import LOCK, RunLock, free_folder, remove_partials
from alsim.store.atomic import cannot_write, is_partial, replacing

RESULT = "result.json"
Watching = Callable[[], AbstractContextManager[Watch]]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What a recipe gave."""

    recipe: Recipe  # as it was run, scaled
    scale: float
    pool: Mapping[str, Any]  # what was run on: a path, or how it was made
    folder: Path
    runs: Mapping[str, Done]  # by study
    figures: Mapping[str, Path]
    verdicts: tuple[Judgement, ...]
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
            "pool": dict(self.pool),
            "folder": str(self.folder),
            "studies": {
                name: {
                    "settings": settings,
                    "run": str(self.runs[name].folder),
                    "figure": str(self.figures[name]),
                }
                for name, settings in recipe.studies.items()
            },
            "claims": [verdict.to_json() for verdict in self.verdicts],
            "warnings": list(self.warnings),
        }


def run_recipe(
    recipe: Recipe,
    *,
    pool: str | Path | pa.Table | None = None,
    scale: float = 1.0,
    seeds: str | int = 5,
    candidates: int | None = None,
    out: Path | None = None,
    watching: Watching = lambda: nullcontext(Watch()),
) -> Report:
    """Run a recipe's studies into a folder, draw its figures and test its claims.

    The folder holds a run folder and a picture for each study, and `result.json`. Run again into
    the same folder, a recipe keeps the studies that are finished and goes on with the others.

    Args:
        recipe: What to run.
        pool: As for `alsim.run`; None makes the recipe's own.
        scale: Multiplies the sizes, see `Recipe.scaled`; of a pool that is given, not its rows.
        seeds: As for `alsim.run`.
        candidates: As for `alsim.run`, in place of the recipe's own.
        out: The folder: absent, empty, or of this recipe; None takes a free one below `runs/`.
        watching: Makes a watch for each study.

    Raises:
        AlsimError: For anything the user can mend.
    """
    if not 0 < scale < float("inf"):
        raise UsageError(f"{scale:g} is no scale", "--scale", "give a positive number such as 0.1")
    parse_seeds(seeds)
    if pool is None and recipe.pool is None:
        raise UsageError(f"{recipe.name} needs a pool of its own", "--pool", recipe.pool_advice)
    recipe = recipe.scaled(scale)
    if candidates is not None:
        recipe = recipe.considering(candidates)
    rows: str | Path | pa.Table = vk_pool(recipe.pool) if pool is None else pool
    folder = free_folder(Path("runs"), recipe.name) if out is None else _own_folder(out, recipe)
    try:
        with RunLock(folder):
            remove_partials(folder)
            runs = _run_studies(recipe, rows, seeds, folder, watching)
            return _report(recipe, pool, scale, folder, runs)
    finally:
        with suppress(OSError):  # what holds a run is kept
            folder.rmdir()


def _own_folder(folder: Path, recipe: Recipe) -> Path:
    """Make the folder of a recipe if need be, and return it.

    Raises:
        StoreError: If it holds anything that is not this recipe's own, or cannot be made.
    """
    own = {RESULT, LOCK, *recipe.studies, *(_figure_name(recipe, name) for name in recipe.studies)}
    mend = "name a folder that is new, empty, or of this recipe: --out FOLDER"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(p.name for p in folder.iterdir() if p.name not in own and not is_partial(p))
    except (FileExistsError, NotADirectoryError):
        raise StoreError("a file is in the way of the folder", str(folder), mend) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    if _told_by(folder / RESULT) not in (None, recipe.name):
        raise StoreError("the folder holds what another recipe found", str(folder), mend)
    if others:
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if others[5:] else "")
        what = f"the folder is not empty, and holds what is not of {recipe.name}: {listed}"
        raise StoreError(what, str(folder), mend)
    return folder


def _told_by(result: Path) -> str | None:
    """Return the name of the recipe whose result a file holds, None if there is no file."""
    try:
        return str(json.loads(result.read_bytes())["recipe"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""


def _figure_name(recipe: Recipe, study: str) -> str:
    return f"{recipe.name}.png" if len(recipe.studies) == 1 else f"{recipe.name}-{study}.png"


def _run_studies(
    recipe: Recipe,
    rows: str | Path | pa.Table,
    seeds: str | int,
    folder: Path,
    watching: Watching,
) -> dict[str, Done]:
    runs: dict[str, Done] = {}
    for name, settings in recipe.studies.items():
        with watching() as watch:
            if len(recipe.studies) > 1:
                watch.note(f"study {name}")
            try:
                out = folder / name
                runs[name] = recipe.kind.make(rows, seeds=seeds, out=out, watch=watch, **settings)
            except BaseException:
                if (folder / name).exists() or runs:
                    again = f"alsim recipe run {recipe.name} … --out {folder}"
                    watch.note(f"to go on, ask for the same once more: {again}")
                raise
    return runs


def _report(
    recipe: Recipe,
    pool: str | Path | pa.Table | None,
    scale: float,
    folder: Path,
    runs: Mapping[str, Done],
) -> Report:
    """Draw the figures, test the claims, write the result and return all of it."""
    figures: dict[str, Path] = {}
    verdicts: list[Judgement] = []
    warnings: list[str] = []
    for name, done in runs.items():
        is_only = len(runs) == 1
        figures[name] = folder / _figure_name(recipe, name)
        title = (
            f"after {recipe.source}: {recipe.title}{'' if is_only else f' ({name})'}\n"
            f"{_in_words(recipe, pool)}{'' if scale == 1 else f', scale {scale:g}'}"
        )
        drawing = recipe.kind.draw(done, recipe.picture, title)
        save_figure(drawing.figure, figures[name])
        warnings += drawing.warnings
        settings = recipe.studies[name]
        verdicts += [recipe.kind.judge(claim, done, settings, name) for claim in recipe.claims]
    report = Report(
        recipe=recipe,
        scale=scale,
        pool=_origin(recipe, pool),
        folder=folder,
        runs=runs,
        figures=figures,
        verdicts=tuple(verdicts),
        warnings=tuple(warnings),
    )
    with replacing(folder / RESULT) as file:
        text = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
        file.write(text.encode() + b"\n")
    return report


def _in_words(recipe: Recipe, pool: str | Path | pa.Table | None) -> str:
    """Return what a recipe was run on, for the picture: it is not the source's own data."""
    if isinstance(pool, pa.Table):
        return "a pool of one's own"
    if pool is not None:
        return Path(pool).name
    return f"a made-up pool of {recipe.pool.n_rows:,} rows" if recipe.pool else ""


def _origin(recipe: Recipe, pool: str | Path | pa.Table | None) -> dict[str, Any]:
    """Return what a recipe was run on: a path, or how its own pool was made."""
    if pool is not None:
        return {"path": None if isinstance(pool, pa.Table) else str(pool)}
    return {"generator": "vk"} | (asdict(recipe.pool) if recipe.pool else {})
