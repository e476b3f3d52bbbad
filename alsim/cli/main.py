"""The commands, and the one place where errors become exit codes."""

from typing import Any

import typer
from typer.core import TyperGroup

from alsim.cli import compare, correlate, gates, listing, plot, pool, recipe, resume, run, train
from alsim.cli.ending import INTERRUPTED, unread
from alsim.cli.help import GroupedCommand, make_app
from alsim.errors import AlsimError


class ErrorBoundary(TyperGroup):
    """Print an AlsimError without traceback and exit with its code."""

    def invoke(self, ctx: Any) -> Any:
        """Run one command."""
        try:
            return super().invoke(ctx)
        except AlsimError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            raise typer.Exit(unread()) from None


app = make_app(
    cls=ErrorBoundary,
    help=(
        "Which query strategy would have saved the most labels on your own embeddings?\n\n"
        "alsim replays labelling on a pool whose labels are known. Start with: "
        "alsim run --strategy random,margin"
    ),
)
app.command("run", cls=GroupedCommand)(run.run)
app.command("resume", cls=GroupedCommand)(resume.resume)
app.command("compare", cls=GroupedCommand)(compare.compare)
app.command("correlate", cls=GroupedCommand)(correlate.correlate)
app.command("train", cls=GroupedCommand)(train.train)
app.command("plot", cls=GroupedCommand)(plot.plot)
app.command("gates", cls=GroupedCommand)(gates.gates)
app.add_typer(pool.app, name="pool", help="Look at, check, make and import pools.")
app.add_typer(recipe.app, name="recipe", help="Run figures and tables of papers.")
app.command("strategies", cls=GroupedCommand)(listing.strategies)
app.command("models", cls=GroupedCommand)(listing.models)


def _version(show: bool) -> None:
    if show:
        from alsim import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take options that come before the command."""
    del version
