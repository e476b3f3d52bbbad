"""`alsim strategies` and `alsim models`: what there is."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def strategies(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Tell all of these: parameters, cost."),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the query strategies, or tell all of some.

    Example: alsim strategies

    Example: alsim strategies bald 'power-margin(beta=2)'
    """
    from alsim.cli.screens.output import print_json, print_lines, print_table
    from alsim.strategies import STRATEGIES, installed_entries

    known = {**STRATEGIES, **installed_entries()}
    if json or names:
        # Only what a strategy's function returns shows all of its parameters, and it needs torch.
        from alsim.strategies.naming import describe

        told = {name: describe(name) for name in names or known}
        if json:
            print_json(told)
            return
        for name, facts in told.items():
            parameters = ", ".join(f"{k}={v}" for k, v in facts["parameters"].items())
            print_lines(
                [
                    f"{name}: asks for the rows where {facts['summary']}",
                    f"  source: {facts['source']}",
                    f"  cost of a query: {facts['cost']}",
                    f"  parameters: {parameters or 'none of its own'}",
                ]
            )
        symbols = "n unlabelled rows, m labelled, k query size, d embedding, h hidden width"
        rest = "every strategy also takes candidates, batch-norm and batch-rule"
        print_lines([f"{symbols}, c classes; {rest}"])
        return
    print_table(
        ["strategy", "asks for the rows where …", "source"],
        [[name, entry.summary, entry.source] for name, entry in known.items()],
        title="parameters and cost of one: alsim strategies NAME",
        whole=[0],
    )


def models(json: AsJson = False) -> None:
    """List the models."""
    from alsim.cli.screens.output import print_json, print_table
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
