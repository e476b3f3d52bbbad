"""Every option of every command and possible values, read from the commands themselves."""

import enum
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import typer

from alsim.cli.main import app

POOL, TOML, TEXT = "pool.parquet", "some.toml", "some.txt"  # files that exist
RUN, DEVICE, FOLDER = "runs/one", "device.png", "empty"
ABSENT = "no/such.parquet"

WORDS = (
    "", " ", "\t", "\n", "-", "--", "--help", "0", "-1", "1", "nan", "inf", "-inf", "1e999", "1e3",
    "0.5", "1_0", "0x10", "٣", "９", "½", "9" * 17, "9" * 19, "9" * 30, "-" + "9" * 30, "9" * 5000,
    "true", "null", "None", "all", "auto", ",", "a,,b", "=", "a=", "=1", "a=b", ":", "1:", "..",
    "1..", "3..1", "(", ")", "random(", "random()", "bald(k=)", "bald(k=0)", "bald(k=1,k=2)",
    "margin(x=1)", "[", "[/]", "[red]", "{0}", "%s", "$HOME", "`id`", "\\", "'", '"', "\x1b[31m",
    "a\0b", "a\nb", "日本", "\u202e", "e\u0301", "\udcff", "x" * 300, "x" * 5000, "label", "id",
    "split", "picture", "text", "margin", "mmoe", "labels", "accuracy", "uint8",
)  # fmt: skip
PATHS = (
    *("", " ", ".", "..", "/", "no/such", "no/such/", TEXT, f"{TEXT}/below", TOML, POOL, RUN),
    *(FOLDER, DEVICE, "empty/*", "*", "[", "**", "~", "~nobody/x", "-", "a\0b", "a\nb", "\udcff"),
    *("[/]", "[red]", "日本", "x" * 300, "x/" * 3000, "made.parquet", "made.png", "/proc/x"),
    *("file:///x", "s3://x/y", "https://x.invalid/y"),
)

# How a command ends early: its required options, and a fault met before it reads the pool, or
# afterwards. The option under test comes last, so it counts if it is given twice.
_STUDY = ("--seeds=1", "--workers=1")
_CURVES = (*_STUDY, "--steps=1", "--query-size=1", "--max-epochs=1", "--strategy=random")


@dataclass(frozen=True)
class Start:
    """The arguments before the option under test."""

    given: tuple[str, ...] = ()
    before_pool: tuple[str, ...] = ()
    after_pool: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


STARTS: Mapping[str, Start] = {
    "run": Start(_CURVES, (f"--pool={ABSENT}",), (f"--pool={POOL}", "--initial-size=99999")),
    "correlate": Start(_STUDY, (f"--pool={ABSENT}",), (f"--pool={POOL}", "--initial-size=99999")),
    "train": Start(
        ("--seeds=1", "--workers=0", "--model=mmoe", "--max-epochs=1"),
        (f"--pool={ABSENT}",),
        (f"--pool={POOL}", "--model=mmoe(expert=conv4)"),
    ),
    "resume": Start(arguments=(RUN,)),
    "compare": Start(arguments=(RUN,)),
    "plot": Start(arguments=(RUN,)),
    "gates": Start(arguments=("runs/trained",)),
    "runs": Start(),
    "strategies": Start(),
    "models": Start(),
    "pool info": Start(arguments=(POOL,)),
    "pool check": Start(arguments=(POOL,)),
    "pool import": Start(("--out=made.parquet", "--force"), arguments=(POOL,)),
    "pool synth vk": Start(("--out=made.parquet", "--rows=60", "--force")),
    "pool synth mmoe": Start(("--out=made.parquet", "--rows=60", "--force")),
    "help": Start(),
    "recipe list": Start(),
    "recipe run": Start((), (f"--pool={ABSENT}",), (f"--pool={POOL}",), ("vk-fig07",)),
}


@dataclass(frozen=True)
class Parameter:
    """An option or an argument of a command."""

    command: str
    name: str  # as typed; for an argument, its name
    is_argument: bool
    is_flag: bool
    choices: Sequence[str]  # the values other than the default, if listed
    values: Sequence[str] = field(repr=False)
    is_of_pool: bool = False

    def given(self, value: str) -> list[str]:
        """Return the arguments as typed; the empty value of a flag is left out."""
        if self.is_argument:
            return ["--", value]
        return [self.name if self.is_flag and not value else f"{self.name}={value}"]


def line_of(*chosen: tuple[Parameter, str]) -> list[str]:
    """Return the command line that sets parameters of one command."""
    (command,) = {parameter.command for parameter, _ in chosen}
    start = STARTS[command]
    # Options that depend on the pool are tested with a pool, all others without.
    is_late = all(parameter.is_of_pool for parameter, _ in chosen)
    line = [*command.split(), *start.given, *(start.after_pool if is_late else start.before_pool)]
    for parameter, value in sorted(chosen, key=lambda each: each[0].is_argument):
        line += parameter.given(value)
    return line if "--" in line or not start.arguments else [*line, "--", *start.arguments]


def parameters() -> list[Parameter]:
    """Return the parameters of every command except help."""
    return [
        _parameter(command, each, hints[each.name])
        for command, of in _commands(typer.main.get_command(app))
        for hints in [typing.get_type_hints(of.callback)]
        for each in of.params
        if each.name in hints and each.name != "help_all"
    ]


def _commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    inside = getattr(command, "commands", None)
    if inside is None:
        yield path, command
        return
    for name, below in inside.items():
        yield from _commands(below, f"{path} {name}".strip())


def _parameter(command: str, of: Any, hint: Any) -> Parameter:
    is_argument = of.param_type_name == "argument"
    kinds = _flat(hint)
    is_flag = bool in kinds
    name = of.name if is_argument else max(of.opts, key=len)
    is_path = Path in kinds or name in ("--pool", "pool")
    choices = [
        str(choice)
        for kind in kinds
        for choice in (
            typing.get_args(kind)
            if typing.get_origin(kind) is Literal
            else [member.value for member in kind]
            if isinstance(kind, type) and issubclass(kind, enum.Enum)
            else []
        )
    ]
    values = ("", "x") if is_flag else (*choices, *PATHS) if is_path else (*choices, *WORDS)
    panel = getattr(of, "rich_help_panel", None)
    is_of_pool = panel == "Pool" or name in ("--initial-ids", "--confusion", "--groups")
    others = [choice for choice in choices if choice != of.default]
    return Parameter(command, name, is_argument, is_flag, others, values, is_of_pool)


def _flat(hint: Any) -> list[Any]:
    """Return the types in a union or a list of types."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType, list):
        return [kind for each in typing.get_args(hint) for kind in _flat(each)]
    return [hint]
