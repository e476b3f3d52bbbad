"""`alsim strategies` and `alsim models`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alsim.cli import completing
from alsim.cli.help import AsJson

if TYPE_CHECKING:
    from alsim.strategies import Entry

_OUTSIDE = "it stands outside of comparisons, as a yardstick"


def strategies(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Strategies to show with parameters and cost.",
            autocompletion=completing.strategies,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the query strategies, or the parameters and cost of some.

    Example: alsim strategies

    Example: alsim strategies bald 'power-margin(beta=2)'
    """
    from alsim.cli.screens.output import print_json, print_lines
    from alsim.cli.screens.tables import TextTable, print_table
    from alsim.strategies import STRATEGIES, installed_entries
    from alsim.strategies.describing import describe
    from alsim.strategies.table import NO_QUERY

    known = {**STRATEGIES, **installed_entries()}
    if json or names:
        described = {name: describe(name) for name in names or known}
        if json:
            print_json(described)
            return
        for name, facts in described.items():
            parameters = ", ".join(f"{k}={v}" for k, v in facts["parameters"].items())
            asks = "asks for" if facts["outside"] == NO_QUERY else "asks for the rows where"
            lines = [f"{name}: {asks} {facts['summary']}"]
            if facts["outside"]:
                lines += [f"  {facts['outside']}: {_OUTSIDE}"]
            lines += [f"  source: {facts['source']}", f"  cost of a query: {facts['cost']}"]
            print_lines([*lines, f"  parameters: {parameters or 'none of its own'}"])
        symbols = "n unlabelled rows, m labelled, k query size, d embedding, h hidden width"
        rest = "every strategy also takes candidates, batch-norm and batch-rule"
        print_lines([f"{symbols}, c classes; {rest}"])
        return
    print_table(
        TextTable(
            ["strategy", "asks for the rows where …", "source"],
            [[name, _summary(entry), entry.source] for name, entry in known.items()],
            prose=(1, 2),
        ),
        title="parameters and cost of one: alsim strategies NAME",
        otherwise="add --json",
    )


def _summary(entry: "Entry") -> str:
    """Return what a strategy asks for, and why it is compared with no other as an equal, if so."""
    return "; ".join(filter(None, (entry.summary, entry.outside)))


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Models to show with their parameters.",
            autocompletion=completing.models,
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the models, or the parameters of some.

    Example: alsim models

    Example: alsim models mmoe multi-cluster
    """
    from alsim.cli.from_options import default_of
    from alsim.cli.screens.output import print_json, print_lines
    from alsim.cli.screens.tables import TextTable, print_table
    from alsim.models.naming import parameters_of
    from alsim.models.table import MODELS, find_model, installed_models

    entries = {**MODELS, **installed_models()}
    chosen = {name: find_model(name) for name in names} if names else entries
    if not json and not names:
        print_table(
            TextTable(
                ["model", "what it is", "source"],
                [[name, entry.summary, entry.source] for name, entry in chosen.items()],
                prose=(1, 2),
            ),
            title="parameters of one, in brackets: alsim models NAME",
            otherwise="add --json",
        )
        return
    described: dict[str, dict[str, Any]] = {}
    for name, entry in chosen.items():
        parameters = {k: f"{o.help}{default_of(o)}" for k, o in parameters_of(name).items()}
        described[name] = {"summary": entry.summary, "source": entry.source}
        described[name]["parameters"] = parameters
        if not json:
            print_lines([f"{name}: {entry.summary}", f"  source: {entry.source}"])
        if parameters and not json:
            print_table(TextTable(["parameter", "sets"], list(parameters.items()), prose=(1,)))
    if json:
        print_json(described)
