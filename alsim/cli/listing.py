"""`alsim strategies` and `alsim models`: what there is."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def strategies(json: AsJson = False) -> None:
    """List the query strategies, with their sources and costs."""
    from alsim.cli.output import print_json, print_table
    from alsim.strategies import STRATEGIES

    if json:
        print_json(
            {
                name: {"summary": s.summary, "source": s.source, "cost": s.cost}
                for name, s in STRATEGIES.items()
            }
        )
        return
    print_table(
        ["strategy", "asks for the rows where …", "cost of a query", "source"],
        [[name, s.summary, s.cost, s.source] for name, s in STRATEGIES.items()],
        title="n unlabelled rows, k query size, d width, c classes",
    )


def models(json: AsJson = False) -> None:
    """List the models."""
    from alsim.cli.output import print_json, print_table
    from alsim.models import MODELS

    if json:
        print_json({name: {"summary": m.summary, "source": m.source} for name, m in MODELS.items()})
        return
    print_table(
        ["model", "what it is", "source"],
        [[name, m.summary, m.source] for name, m in MODELS.items()],
    )
