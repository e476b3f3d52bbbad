"""`alsim strategies` and `alsim models`: what there is."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def strategies(json: AsJson = False) -> None:
    """List the query strategies, with their sources and costs."""
    from alsim.cli.output import print_json, print_table
    from alsim.strategies import STRATEGIES, find_strategy, installed_entries

    entries = {**STRATEGIES, **installed_entries()}
    parameters = {name: dict(find_strategy(name).parameters) for name in entries}
    if json:
        print_json(
            {
                name: {
                    "summary": s.summary,
                    "parameters": parameters[name],
                    "source": s.source,
                    "cost": s.cost,
                }
                for name, s in entries.items()
            }
        )
        return
    print_table(
        ["strategy", "asks for the rows where …", "parameters", "cost of a query", "source"],
        [
            [
                name,
                s.summary,
                " ".join(f"{k}={v}" for k, v in parameters[name].items()),
                s.cost,
                s.source,
            ]
            for name, s in entries.items()
        ],
        title="n unlabelled rows, m labelled, k query size, d embedding, h hidden width, c classes",
    )


def models(json: AsJson = False) -> None:
    """List the models."""
    from alsim.cli.output import print_json, print_table
    from alsim.models import MODELS, installed_models

    entries = {**MODELS, **installed_models()}
    if json:
        print_json(
            {name: {"summary": m.summary, "source": m.source} for name, m in entries.items()}
        )
        return
    print_table(
        ["model", "what it is", "source"],
        [[name, m.summary, m.source] for name, m in entries.items()],
    )
