"""`alsim help` and `alsim version`."""

from typing import Annotated, Any

import typer

from alsim.cli.help import ALL
from alsim.cli.screens.output import print_lines
from alsim.errors import UsageError, nearest


def _commands(ctx: typer.Context, incomplete: str) -> list[str]:
    group: Any = ctx.find_root().command
    return [name for name in group.list_commands(ctx) if name.startswith(incomplete)]


def help_(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]...", help="Such as run, or pool import.", autocompletion=_commands
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Show all options.")] = False,
) -> None:
    """Show the help of alsim or of a command.

    Example: alsim help run

    Example: alsim help pool import
    """
    found: Any = ctx.find_root()
    for word in command or ():
        known = getattr(found.command, "commands", {})
        if word not in known:
            raise UsageError(f"no command {word!r}", found.command_path, nearest(word, known))
        found = known[word].make_context(word, [], parent=found, resilient_parsing=True)
    found.meta[ALL] = all_
    print_lines(found.get_help().splitlines())


def version() -> None:
    """Print the version.

    Example: alsim version
    """
    from alsim import __version__

    print_lines([__version__])
