"""`alsim recipe`: figures and tables of the VK study as one command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alsim.recipes import Report

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command("list")
def list_(json: AsJson = False) -> None:
    """List the recipes: what each figure or table shows, and what the source found in it."""
    from alsim.cli.output import print_json, print_table
    from alsim.recipes import read_recipe, recipe_names

    recipes = [read_recipe(name) for name in recipe_names()]
    if json:
        print_json(
            {r.name: {"title": r.title, "finding": r.finding, "source": r.source} for r in recipes}
        )
        return
    print_table(
        ["recipe", "what it shows", "what the source found"],
        [[r.name, r.title, r.finding] for r in recipes],
    )


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
    scale: Annotated[
        float,
        typer.Option(
            help="Multiplies the rows of the recipe's own pool, the initial size, and the query "
            "size and candidates or the group size; the numbers of steps and groups stay."
        ),
    ] = 1.0,
    seeds: Annotated[str, typer.Option(help="A count (5), a range (3..7) or a list (1,4).")] = "5",
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Rows that a strategy considers at most, drawn anew each step: for a large pool. "
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
    """Run a figure or table of the VK study: runs, picture, and whether its finding held.

    Example: alsim recipe run vk-fig07

    Example: alsim recipe run vk-fig07 --scale 0.1 --seeds 3
    """
    from alsim.cli.output import print_json
    from alsim.cli.progress import watching
    from alsim.recipes import read_recipe, run_recipe

    recipes = [read_recipe(name) for name in names]  # all are checked before the first is run
    told: list[object] = []
    for recipe in recipes:
        report = run_recipe(
            recipe,
            pool=pool,
            scale=scale,
            seeds=seeds,
            candidates=candidates,
            out=out / recipe.name if out is not None and len(recipes) > 1 else out,
            watching=watching,
        )
        told.append(report.to_json())
        if not json:
            _print(report)
    if json:
        print_json(told)


def _print(report: "Report") -> None:
    recipe = report.recipe
    typer.echo(f"{recipe.name}: {recipe.title}")
    typer.echo(f"source ({recipe.source}): {recipe.finding}")
    typer.echo("pool: " + ", ".join(f"{key} {value}" for key, value in report.pool.items()))
    if report.scale != 1:
        for name, study in recipe.studies.items():
            typer.echo(f"scale {report.scale:g}, study {name}: {recipe.kind.sizes(study)}")
    for verdict in report.verdicts:
        study = f"{verdict.study}: " if len(report.runs) > 1 else ""
        typer.echo(f"{verdict.outcome:12}  {study}{verdict.claim.says}")
        typer.echo(f"{'':12}  {verdict.numbers}")
    typer.echo(recipe.kind.method(report.verdicts))
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    for figure in report.figures.values():
        typer.echo(f"figure: {figure}")
    runs = ", ".join(str(run.folder) for run in report.runs.values())
    typer.echo(f"wrote {report.folder / 'result.json'}; the tables are in {runs}")
