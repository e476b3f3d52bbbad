"""Help as plain text, its options grouped: Rich would take a third of a second to import."""

import inspect
import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from alsim.cli.screens.output import print_lines
from alsim.errors import UsageError
from alsim.options.model import MOVED

MOST_USED = "Most used"
_EXAMPLE = "Example:"  # begins a paragraph of a docstring
ALL = "help_all"  # in a context, whether all options are shown


class GroupedCommand(TyperCommand):
    """A command whose help lists its options under the headings they name.

    Where some are the most used, its `--help` shows these alone, and `--help-all` the rest too.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse what was a flag once and stands in a model's brackets now."""
        known = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        for text in args if "--model" in known else ():
            flag = text.partition("=")[0]
            if flag in MOVED and flag not in known:
                raise UsageError("it is a parameter of the model now", flag, MOVED[flag])
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command does, and its examples, each on a line to copy."""
        paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(self.help or ""))
        examples = [each for each in paragraphs if each.startswith(_EXAMPLE)]
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(p for p in paragraphs if p not in examples))
        if examples:
            with formatter.section("Examples"):
                for example in examples:
                    line = " ".join(example.removeprefix(_EXAMPLE).split())
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, a section for each heading in order of first use, and the rest."""
        first: list[tuple[str, str]] = []
        sections: dict[str, list[tuple[str, str]]] = {MOST_USED: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and parameter.param_type_name == "argument":
                first.append(record)
            elif record is not None:
                heading = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault(heading, []).append(record)
        last = sections.pop("Options", [])
        rest = 0
        if sections[MOST_USED] and not ctx.meta.get(ALL):
            rest = sum(len(records) for records in sections.values()) - len(sections[MOST_USED])
            sections = {MOST_USED: sections[MOST_USED]}
        for heading, records in [("Arguments", first), *sections.items(), ("Options", last)]:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if rest:
            formatter.write_paragraph()
            formatter.write_text(f"{rest} more options: {ctx.command_path} --help-all")


def _show_all(ctx: typer.Context, value: bool) -> None:
    if value:
        ctx.meta[ALL] = True
        print_lines(ctx.get_help().splitlines())
        raise typer.Exit


HelpAll = Annotated[
    bool,
    typer.Option(
        "--help-all", is_eager=True, callback=_show_all, help="Show all options and exit."
    ),
]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def make_app(**settings: Any) -> typer.Typer:
    """Return a group of commands whose help is plain."""
    return typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **settings,
    )
