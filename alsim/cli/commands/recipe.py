"""`alsim recipe`: figures and tables of papers as one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alsim.cli.help import AsJson

if TYPE_CHECKING:
    from alsim.recipes.report import Report

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(json: AsJson = False) -> None:
    """List the recipes: what each figure or table shows, and what the source found in it."""
    from alsim.cli.screens.output import print_json, print_lines, print_table
    from alsim.recipes.file import recipe_headings

    recipes = recipe_headings()
    if json:
        print_json(recipes)
        return
    print_table(
        ["recipe", "what it shows", "what the source found", "with --full"],
        [[name, r["title"], r["finding"], r["full"] or "–"] for name, r in recipes.items()],
    )
    print_lines(["Recipes are sized for two cores; those with a full size are a part of it."])


@app.command()
def run(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME", help="One or more recipes, or files ending in .toml."),
    ],
    pool: Annotated[
        str | None,
        typer.Option(help="Parquet file, folder or glob. [default: the recipe's own]"),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="Label column of --pool; repeat it for several tasks."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Column of --pool with the task of each row."),
    ] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(help="Embedding column of --pool; repeat it for several."),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(help="Columns of --pool to encode as inputs, joined by commas."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split column of --pool.")] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of --pool that names a row.")
    ] = None,
    expert: Annotated[
        Literal["mlp", "conv4"] | None,
        typer.Option(help="What an expert is; conv4, for raw pixels. [default: the recipe's own]"),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="At the source's own size, for a GPU. [default: sized for two cores]"
        ),
    ] = False,
    scale: Annotated[
        float,
        typer.Option(
            help="Multiplies the rows of the recipe's own pool, the initial size, and the query "
            "size and candidates or the group size; the numbers of steps and groups stay."
        ),
    ] = 1.0,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="A count (5), a range (3..7) or a list (1,4). [default: the recipe's own, "
            "mostly 5]"
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of rows that a strategy considers, drawn again each step. "
            "[default: all, or the recipe's own]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder for runs, figures and result.json; of several recipes it gets a "
            "folder each. [default: a new one in runs/]"
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Run a figure or table of a paper: runs, picture, and whether its finding held.

    Example: alsim recipe run vk-fig07

    Example: alsim recipe run vk-fig07 --scale 0.1 --seeds 3

    Example: alsim recipe run multicluster-fig1 --pool clinc150.parquet --task domain
    """
    from alsim.cli.screens.output import print_json, reporting
    from alsim.cli.screens.progress import watching
    from alsim.recipes.reading import read_recipe
    from alsim.recipes.running import run_recipe

    recipes = [read_recipe(name) for name in names]  # all are checked before the first is run
    reports: list[Report] = []
    given = {
        "label": label[0] if label is not None and len(label) == 1 else label,
        "task": task,
        "modality": modality,
        "features": features,
        "split": split,
        "id_column": id_column,
        "expert": expert,
    }
    for recipe in recipes:
        report = run_recipe(
            recipe,
            pool=pool,
            scale=scale,
            seeds=seeds,
            candidates=candidates,
            full=full,
            arguments={name: value for name, value in given.items() if value},
            out=out / recipe.name if out is not None and len(recipes) > 1 else out,
            watching=watching,
        )
        reports.append(report)
        if not json:
            with reporting(report.folder, "read result.json there"):
                _print(report)
    if json:
        with reporting(reports[-1].folder, "read result.json there"):
            print_json([report.to_json() for report in reports])


def _print(report: "Report") -> None:
    from alsim.cli.screens.output import print_gap, print_lines, print_remarks, print_table

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
        print_table(table.headers, table.rows, whole=range(1, len(table.headers)))
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
