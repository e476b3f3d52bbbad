"""`alsim recipe`: figures and tables of papers as one command."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alsim.cli import completing
from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson, GroupedCommand
from alsim.options.recipe import OF_RECIPES, RecipeOptions

if TYPE_CHECKING:
    from alsim.recipes.report import Report

app = typer.Typer(no_args_is_help=True)


@app.command("list", cls=GroupedCommand)
def list_(json: AsJson = False) -> None:
    """List the recipes: what each figure or table shows, and what the source found in it.

    Example: alsim recipe list
    """
    from alsim.cli.screens.output import print_gap, print_json, print_lines
    from alsim.cli.screens.tables import TextTable, print_table
    from alsim.recipes.file import recipe_headings

    recipes = recipe_headings()
    if json:
        print_json(recipes)
        return
    print_table(
        TextTable(
            ["recipe", "what it shows", "what the source found", "with --full"],
            [[name, r["title"], r["finding"], r["full"] or "–"] for name, r in recipes.items()],
            prose=(1, 2, 3),
        ),
        otherwise="add --json",
    )
    print_gap()
    print_lines(["Recipes are sized for two cores; those with a full size are a part of it."])


@app.command(cls=GroupedCommand)
@from_options(RecipeOptions, leave_out=OF_RECIPES, help_all=False)
def run(
    given: Mapping[str, Any],
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="One or more recipes, or files ending in .toml.",
            autocompletion=completing.recipes,
        ),
    ],
    json: AsJson = False,
) -> None:
    """Run a figure or table of a paper: runs, picture, and whether its finding held.

    Options about columns are for a pool that is given with --pool.

    Example: alsim recipe run vk-fig07

    Example: alsim recipe run vk-fig07 --scale 0.1 --seeds 3

    Example: alsim recipe run multicluster-fig1 --pool clinc150.parquet --task domain
    """
    from alsim.cli.screens.output import print_json, reporting
    from alsim.cli.screens.starting import starting

    with starting():
        from alsim.cli.screens.progress import watching
        from alsim.recipes.reading import read_recipe
        from alsim.recipes.running import run_recipe
        from alsim.studies.workers.forking import server_of_workers

    recipes = [read_recipe(name) for name in names]  # all are checked before the first is run
    reports: list[Report] = []
    out, label = given.get("out"), given.get("label", ())
    if len(label) == 1:
        given = {**given, "label": label[0]}
    with server_of_workers():
        for recipe in recipes:
            if out is not None and len(recipes) > 1:
                given = {**given, "out": out / recipe.name}
            report = run_recipe(recipe, watching=watching, **given)
            reports.append(report)
            if not json:
                with reporting(report.folder, "read result.json there"):
                    _print(report)
    if json:
        with reporting(reports[-1].folder, "read result.json there"):
            print_json([report.to_json() for report in reports])


def _print(report: "Report") -> None:
    from alsim.cli.screens.output import print_gap, print_lines, print_remarks
    from alsim.cli.screens.tables import TextTable, print_table

    recipe = report.recipe
    print_lines([f"{recipe.name}: {recipe.title}", *[report.size] * bool(report.size)])
    print_lines([f"source ({recipe.source}): {recipe.finding}"])
    pool = ", ".join(f"{key} {_in_words(value)}" for key, value in report.pool.items())
    print_lines([f"pool: {pool}"])
    if report.scale != 1:
        sizes = {name: recipe.kind.sizes(study) for name, study in recipe.studies.items()}
        for words in dict.fromkeys(sizes.values()):
            studies = ", ".join(name for name, size in sizes.items() if size == words)
            print_lines([f"scale {report.scale:g}, study {studies}: {words}"])
    for name, table in report.tables.items():
        print_gap()
        if len(report.tables) > 1:
            print_lines([name])
        print_table(TextTable(table.headers, table.rows, kept=(0, 1)), otherwise="add --json")
        print_lines([table.note])
        print_gap()
    for verdict in report.verdicts:
        study = f"{verdict.study}: " if verdict.study and len(report.runs) > 1 else ""
        print_lines([f"{verdict.outcome:12}  {study}{verdict.claim.says}"])
        print_lines([f"{'':12}  {verdict.numbers}"])
    print_lines([recipe.kind.method(report.verdicts)])
    print_remarks("warning", report.warnings)
    print_lines([f"figure: {figure}" for figure in report.figures.values()])
    runs = ", ".join(str(run.folder) for run in report.runs.values())
    print_lines([f"wrote {report.folder / 'result.json'}; the tables are in {runs}"])


def _in_words(value: object) -> str:
    """Return how a pool is in one respect, in each study if they differ."""
    if isinstance(value, dict):
        return " ".join(f"{each} ({study})" for study, each in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
