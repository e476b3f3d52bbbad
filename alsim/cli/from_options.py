"""A command from a group of options: its flags, their help and their defaults follow from it."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, get_args, get_origin

import typer

from alsim.cli.completing import COMPLETERS
from alsim.cli.help import MOST_USED, HelpAll
from alsim.errors import nearest
from alsim.options.option import Option, options_of

P = ParamSpec("P")
_HELP_ALL = inspect.Parameter(
    "help_all", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=HelpAll
)


def from_options(
    group: type, *, leave_out: tuple[str, ...] = (), help_all: bool = True
) -> Callable[[Callable[Concatenate[Mapping[str, Any], P], None]], Callable[..., None]]:
    """Let a function of the options given be a command with a flag for each option.

    With `help_all` its `--help` shows the most used options alone, and `--help-all` the rest.
    """

    def decorate(
        function: Callable[Concatenate[Mapping[str, Any], P], None],
    ) -> Callable[..., None]:
        options = {n: o for n, o in options_of(group).items() if n not in leave_out}
        _, *given = inspect.signature(function).parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        own = [one.replace(kind=keyword) for one in given]

        def command(**values: Any) -> None:
            extra: Any = {one.name: values.pop(one.name) for one in own}
            values.pop("help_all", None)
            given = {n: v for n, v in values.items() if v is not None and v is not False}
            run: Any = function
            run(given, **extra)

        documented: Any = command
        parameters = [*(_flag(one) for one in options.values()), *own, *[_HELP_ALL] * help_all]
        documented.__signature__ = inspect.Signature(parameters)
        documented.__annotations__ = {one.name: one.annotation for one in parameters}
        documented.__name__, documented.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def _flag(option: Option[Any, Any]) -> inspect.Parameter:
    hint = _written(option)
    facts: dict[str, Any] = {}
    if get_origin(hint) is Literal:
        choices, hint = get_args(hint), str
        facts = {
            "parser": _one_of(choices),
            "metavar": f"<{'|'.join(choices)}>",
            "autocompletion": lambda: list(choices),
        }
    if completed := option.facts.get("completes"):
        facts["autocompletion"] = COMPLETERS[completed]
    shown = typer.Option(
        option.flag,
        help=f"{option.help}{default_of(option)}",
        rich_help_panel=MOST_USED if option.facts.get("often") else option.heading,
        show_default=False,
        **facts,
    )
    keyword, default = inspect.Parameter.KEYWORD_ONLY, False if hint is bool else None
    annotation = Annotated[hint if hint is bool else hint | None, shown]
    return inspect.Parameter(option.name, keyword, default=default, annotation=annotation)


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return what refuses any text but the choices, and names the nearest of them."""

    def parse(text: str) -> str:
        if text in choices:
            return text
        raise typer.BadParameter(f"{text!r} is no choice; {nearest(text, choices)}")

    return parse


def _written(option: Option[Any, Any]) -> Any:
    """Return the type of what a command line gives: a number, a choice, a path, a text, texts."""
    kinds = get_args(option.hint) or (option.hint,)
    if get_origin(option.hint) is Literal:
        return option.hint
    choices = [kind for kind in kinds if get_origin(kind) is Literal]
    if choices:
        return choices[0]
    if option.facts.get("repeat"):
        return list[str]
    for kind in (Path, str, float, int, bool):
        if kind in kinds:
            return kind
    raise TypeError(f"{option.name}: no flag of type {option.hint}")


def default_of(option: Option[Any, Any]) -> str:
    """Return the default in brackets, where there is one to show."""
    value, words = option.default, option.facts.get("otherwise")
    if not words and (value is None or value == () or isinstance(value, bool)):
        return ""
    if not words:
        words = ",".join(value) if isinstance(value, tuple) else f"{value}"
    return f" [default: {words}]"
