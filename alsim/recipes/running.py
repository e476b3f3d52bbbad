"""Running a recipe: its studies, its figures, its verdicts, and the folder they leave."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from alsim.errors import StoreError, UsageError
from alsim.options.faults import Faults
from alsim.options.option import options_of, read
from alsim.options.recipe import RecipeOptions
from alsim.options.texts import parse_seeds
from alsim.options.types import Tabular
from alsim.recipes.pools import MadePool, make_pool
from alsim.recipes.recipe import Recipe
from alsim.recipes.report import RESULT, Report, figure_name, make_report
from alsim.store.atomic import cannot_write, is_partial
from alsim.store.folder import free_folder, remove_partials
from alsim.store.layout import LOCK
from alsim.store.lock import RunLock
from alsim.store.opening import in_the_way
from alsim.store.runs import RUNS
from alsim.studies.declared import PARAMETERS, Settings, arguments_of
from alsim.studies.dependencies import of_recipe
from alsim.studies.kinds import Done
from alsim.studies.watch import NONE_LONGER, Unit, Watch

Rows = str | Path | Tabular
Watching = Callable[[], AbstractContextManager[Watch]]

# What a user may set in every study: columns of the pool that is given, and a few others.
COLUMNS = ("label", "modality", "features", "task", "split", "id_column")
ARGUMENTS = (*COLUMNS, "expert", "candidates")


def run_recipe(
    recipe: Recipe, *, watching: Watching = lambda: nullcontext(Watch()), **given: Any
) -> Report:
    """Run a recipe's studies into a folder, draw its figures and test its claims.

    The folder holds a run folder and a picture for each study, and `result.json`; where each seed
    has a pool of its own, a study's folder holds a run folder for each seed. Run again into the
    same folder, a recipe keeps the studies that are finished and goes on with the others.

    Each study has a watch of its own. `given` are some of `RecipeOptions`, by name.

    Raises:
        AlsimError: For anything the user can mend.
    """
    faults = Faults()
    options = read(RecipeOptions, given, faults)
    faults.raise_all("options cannot be used", "alsim recipe run")
    pool, scale = options.pool, options.scale
    if options.full:
        recipe = recipe.at_full_size()
    arguments = {name: given[name] for name in ARGUMENTS if given.get(name)}
    _check_pool(recipe, pool, arguments)
    if scale != 1 and recipe.kind.scaled is None and pool is not None:
        what = f"{recipe.name} trains on shares of the pool that is given, so nothing is scaled"
        raise UsageError(what, "--scale", "leave it out; for a quick look: --seeds 1")
    recipe = replace(recipe, seeds=given.get("seeds") or recipe.seeds).scaled(scale)
    recipe = _with_arguments(recipe, arguments)
    out = options.out
    folder = free_folder(RUNS, recipe.name) if out is None else _own_folder(out, recipe)
    try:
        with RunLock(folder), of_recipe(recipe.path):
            remove_partials(folder)
            runs = _run_studies(recipe, pool, folder, watching)
            return make_report(recipe, pool, scale, arguments, folder, runs)
    finally:
        with suppress(OSError):  # what holds a run is kept
            for name in recipe.studies:
                with suppress(OSError):
                    (folder / name).rmdir()
            folder.rmdir()


def _check_pool(recipe: Recipe, pool: Rows | None, arguments: Settings) -> None:
    """Raise a UsageError unless what is said of the pool goes together, and with the recipe."""
    for name, option in options_of(RecipeOptions).items():
        if name not in arguments or name == "expert":
            continue
        if name not in options_of(recipe.kind.study.options):
            raise UsageError(f"{recipe.name} has no such option", option.flag, "leave it out")
        if name in COLUMNS and pool is None and recipe.pools:
            what = f"{recipe.name} makes its own pool, whose columns it knows"
            raise UsageError(what, option.flag, "leave it out, or name a pool: --pool FILE")
    if pool is None and not recipe.pools:
        raise UsageError(f"{recipe.name} needs a pool of its own", "--pool", recipe.pool_advice)
    if pool is not None and recipe.is_anew:
        what = f"{recipe.name} makes a pool for each seed, so that none can be given"
        raise UsageError(what, "--pool", "leave it out, or use: alsim train --pool FILE")


def _with_arguments(recipe: Recipe, arguments: Settings) -> Recipe:
    """Return a recipe whose studies have the user's arguments.

    Raises:
        UsageError: If its models read none of an expert.
    """
    given = {name: value for name, value in arguments.items() if name != "expert"}
    if "expert" not in arguments:
        return recipe.setting(given)
    recipe = recipe.setting({**given, PARAMETERS: {"expert": arguments["expert"]}})
    faults = Faults()
    for settings in recipe.studies.values():
        arguments_of(recipe.kind.study, settings, faults)
    if faults.kept:
        raise UsageError(f"{recipe.name} has no experts", "--expert", "leave it out")
    return recipe


def _own_folder(folder: Path, recipe: Recipe) -> Path:
    """Make the folder of a recipe if need be, and return it.

    Raises:
        StoreError: If it holds anything that is not this recipe's own, or cannot be made.
    """
    own = {RESULT, LOCK, *recipe.studies, *(figure_name(recipe, name) for name in recipe.studies)}
    mend = "name a folder that is new, empty, or of this recipe: --out FOLDER"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [*folder.iterdir()]
        others = sorted(p.name for p in there if p.name not in own and not is_partial(p.name))
        links = [p for p in (*there, *folder.glob("*/seed-*")) if p.is_symlink()]
    except (FileExistsError, NotADirectoryError):
        raise StoreError("a file is in the way of the folder", str(folder), mend) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    if _result_of(folder / RESULT) not in (None, recipe.name):
        raise StoreError("the folder holds what another recipe found", str(folder), mend)
    if others:
        listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if others[5:] else "")
        what = f"the folder is not empty, and holds what is not of {recipe.name}: {listed}"
        raise StoreError(what, str(folder), mend)
    if links:
        raise in_the_way(links[0])
    return folder


def _result_of(result: Path) -> str | None:
    """Return the name of the recipe whose result a file holds, None if there is no file."""
    try:
        return str(json.loads(result.read_bytes())["recipe"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""


def _run_studies(
    recipe: Recipe, pool: Rows | None, folder: Path, watching: Watching
) -> dict[str, Done]:
    runs: dict[str, Done] = {}
    made: dict[MadePool, pa.Table] = {}  # the last one, which several studies may share
    study = recipe.kind.study
    for name, settings in recipe.studies.items():
        with watching() as watch:
            if len(recipe.studies) > 1:
                watch.note(f"study {name}")
            try:
                given, gather = arguments_of(study, settings, Faults()), recipe.kind.gather
                rows, out = pool, folder / name
                if recipe.is_anew:
                    parts = _run_each_seed(recipe, given, recipe.pools[name], out, watch)
                else:
                    if rows is None:
                        options = recipe.pools[name]
                        rows = made[options] if options in made else make_pool(options)
                        made = {options: rows}
                    parts = [study.make(rows, seeds=recipe.seeds, out=out, watch=watch, **given)]
                runs[name] = parts[0] if gather is None else gather(parts, settings)
            except BaseException:
                if (folder / name).exists() or runs:
                    again = f"alsim recipe run {recipe.name} … --out {folder}"
                    watch.note(f"to go on, ask for the same once more: {again}")
                raise
    return runs


def _run_each_seed(
    recipe: Recipe, given: Settings, options: MadePool, folder: Path, watch: Watch
) -> list[Done]:
    """Return a study of each seed, on the pool that is made from it."""
    seeds = parse_seeds(recipe.seeds)
    parts: list[Done] = []
    combined = _OfAllSeeds(watch, len(seeds))
    watch.stage(f"{folder}: a pool for each of {len(seeds)} seeds")
    for seed in seeds:
        rows = make_pool(replace(options, seed=seed))
        out = folder / f"seed-{seed}"
        parts.append(recipe.kind.study.make(rows, seeds=[seed], out=out, watch=combined, **given))
        combined.n_left -= 1
    return parts


class _OfAllSeeds(Watch):
    """Passes on what the studies of single seeds say, as if they were one: each note once."""

    def __init__(self, watch: Watch, n_left: int) -> None:
        self._watch = watch
        self._is_planned = False
        self._notes: set[str] = set()
        self.n_left = n_left  # seeds, each of which trains as many nets

    def note(self, text: str) -> None:
        if text not in self._notes:
            self._watch.note(text)
        self._notes.add(text)

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        if not self._is_planned:
            self._watch.planned(unit, n * self.n_left, each)

    def begin(
        self,
        trainings: int,
        epochs: int,
        *,
        worth: float = 0.0,
        most: int | None = None,
        longer: Mapping[str, float] = NONE_LONGER,
    ) -> None:
        if not self._is_planned:
            n = trainings * self.n_left
            self._watch.begin(n, epochs, worth=worth, most=most, longer=longer)
        self._is_planned = True

    def trained(self, key: str) -> None:
        self._watch.trained(key)

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        self._watch.progress(unit, key, n, seed)
