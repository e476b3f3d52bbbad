"""The commands, and the one place where errors become exit codes."""

import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from alsim.cli.commands import (
    about,
    compare,
    correlate,
    gates,
    listing,
    plot,
    pool,
    recipe,
    resume,
    run,
    runs,
    train,
)
from alsim.cli.help import GroupedCommand, make_app
from alsim.cli.screens.output import print_error
from alsim.errors import AlsimError, RunError, StoreError, UsageError, is_want_of_memory


class ErrorBoundary(TyperGroup):
    """Print an AlsimError without traceback and exit with its code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line, and write all that it has printed."""
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except (AlsimError, ImportError, MemoryError, OSError, RuntimeError) as error:
            shown = _mendable(error)
            if shown is None:
                raise
            print_error(shown)
            sys.exit(shown.exit_code)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty values, as an unset variable of a shell gives them: "" is no path."""
        for before, value in pairwise(["", *args]):
            if not value or re.fullmatch(r"--[\w-]+=", value):
                flag = value.removesuffix("=") or before
                raise UsageError("an empty value", flag, "give one, or leave the option out")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run one command, in a folder that exists: libraries abort the process otherwise."""
        try:
            Path.cwd()
        except OSError:
            what, mend = "the working folder was deleted", "change into another one: cd FOLDER"
            raise StoreError(what, "here", mend) from None
        return super().invoke(ctx)


def _mendable(error: Exception) -> AlsimError | None:
    """Return an error as one that the user can mend, None for a bug."""
    if isinstance(error, AlsimError):
        return error
    reason = str(error).partition("\n")[0]
    if is_want_of_memory(f"{type(error).__name__}: {reason}"):
        mend = "free some, allow more (ulimit -v), or take a smaller pool"
        return RunError(f"memory ran out: {reason or 'none is left'}", "this process", mend)
    if isinstance(error, OSError):
        where = str(error.filename or "the operating system")
        return StoreError(f"refused: {error.strerror or error}", where, "mend that, and repeat")
    return None


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
app.command("runs", cls=GroupedCommand)(runs.runs)
app.add_typer(pool.app, name="pool", help="Look at, check, make and import pools.")
app.add_typer(recipe.app, name="recipe", help="Run figures and tables of papers.")
app.command("strategies", cls=GroupedCommand)(listing.strategies)
app.command("models", cls=GroupedCommand)(listing.models)
app.command("help", cls=GroupedCommand)(about.help_)
app.command("version", cls=GroupedCommand)(about.version)


def _version(show: bool) -> None:
    if show:
        about.version()
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Take options that come before the command."""
    del version
