"""Help as plain text, its options grouped: Rich would take a third of a second to import."""

from typing import Any

import typer
from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A command whose help lists its options under the headings they name."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each heading, in order of first use; the unnamed come last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                heading = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault(heading, []).append(record)
        last = sections.pop("Options", [])
        for heading, records in [*sections.items(), ("Options", last)]:
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def make_app(**settings: Any) -> typer.Typer:
    """Return a group of commands whose help is plain."""
    return typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        **settings,
    )
