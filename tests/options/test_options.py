"""An option is declared once: defaults, flags, twins, checks and JSON follow from it."""

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
import typer.main
from typer.testing import CliRunner

import alsim
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.options.compare import CompareOptions
from alsim.options.correlation import CorrelateOptions
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.option import Option, Range, option, options_of, parsed, part, read
from alsim.options.resume import ResumeOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.options.training_study import TrainOptions
from alsim.plots.options import GatesOptions, PlotOptions
from alsim.studies.same_again import flag_of, plain_options

GROUPS: dict[str, tuple[type[Any], Callable[..., Any]]] = {
    "run": (CurvesOptions, alsim.run),
    "correlate": (CorrelateOptions, alsim.correlate),
    "train": (TrainOptions, alsim.train),
}


def words(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if value == "":
        raise UsageError("no word", "--word", "give one")
    return tuple(value.split()) if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True)
class Small:
    heading: ClassVar = "Small"

    size: int | None = option(3, "Size.", within=Range(least=1, most=9))
    rate: float = option(0.5, "Rate.", within=Range(above=0, below=1, usual="a half is usual"))
    word: Option[str | tuple[str, ...], tuple[str, ...]] = parsed("a b", words, "Words.")


@dataclass(frozen=True, kw_only=True)
class Large(Small):
    rate: float = option(Small.rate, "Rate of this.", within=Range(above=0, below=1))
    more: bool = option(False, "More.", flag="--further")
    hidden: int = 7


def test_a_field_holds_the_parsed_value() -> None:
    assert Small() == Small(size=3, rate=0.5, word="a  b")
    assert Small(word="c").word == ("c",)
    assert replace(Small(word="c d"), size=4) == Small(word="c d", size=4)
    assert (Small.size, Small.word, Large.rate) == (3, "a b", 0.5)
    with pytest.raises(FrozenInstanceError):
        Small().size = 4  # pyright: ignore[reportAttributeAccessIssue] -- that is the test


def test_a_dataclass_lists_its_own_options_first_and_each_option_once() -> None:
    known = options_of(Large)
    assert [*known] == ["rate", "more", "size", "word"]
    assert known["rate"].help == "Rate of this."
    assert (known["more"].flag, known["size"].flag) == ("--further", "--size")
    assert known["word"].hint == str | tuple[str, ...]
    assert known["size"].heading == "Small"


@pytest.mark.parametrize(
    ("value", "what", "mend"),
    [
        ({"size": 0}, "0 is too small", "at least 1"),
        ({"size": 1000}, "1,000 is too large", "at most 9"),
        ({"rate": 0.0}, "0 is out of range", "above 0 and below 1; a half is usual"),
        ({"rate": float("nan")}, "nan is out of range", "above 0 and below 1"),
        ({"word": ""}, "no word", "give one"),
    ],
)
def test_a_value_out_of_range_gives_one_fault(value: dict[str, Any], what: str, mend: str) -> None:
    faults = Faults()
    assert read(Small, value, faults) == Small()
    (fault,) = faults.kept
    assert what in fault.args[0]
    assert mend in fault.args[2]
    assert read(Small, {"size": None}, Faults()).size is None


def test_all_faults_are_found_at_once_and_valid_values_are_kept() -> None:
    faults = Faults()
    found = read(Small, {"size": "x", "rate": 2, "word": "", "sise": 3}, faults)
    assert found == Small()
    assert [fault.args[1] for fault in faults.kept] == ["--size", "--rate", "--word", "--sise"]
    assert read(Large, {"size": 4, "hidden": 8}, faults) == Large(size=4, hidden=8)


def test_a_part_takes_the_given_values_and_its_own_defaults_for_the_rest() -> None:
    assert part(Large(size=5, word="x"), Small) == Small(size=5, word="x")
    assert part(Small(size=5), Large) == Large(size=5)


def test_values_survive_json() -> None:
    training = TrainingOptions(head_weight=["mixed=0.5"], loss="fixed", epochs=3)
    decoded = json.loads(json.dumps(msgspec.to_builtins(training)))
    assert msgspec.convert(decoded, TrainingOptions) == training
    options = CurvesOptions(query_size="20:200", until="labels=900", confusion="m.csv", out="x")
    plain = plain_options(options)
    assert plain["query_size"] == {"first": 20, "last": 200}
    assert plain["until"] == {"kind": "labels", "value": 900.0}
    assert plain["confusion"] == str(Path("m.csv").absolute())
    assert not {"out", "force", "pool", "workers"} & plain.keys()
    assert options.query_size == QuerySize(20, 200)
    assert options.until == Until("labels", 900.0)


@pytest.mark.parametrize("name", GROUPS)
def test_a_command_and_its_python_twin_have_exactly_the_declared_options(name: str) -> None:
    group, twin = GROUPS[name]
    command: Any = typer.main.get_command(app)
    flags = {flag for each in command.commands[name].params for flag in each.opts}
    assert {one.flag for one in options_of(group).values()} == flags - {
        "--json", "--plot", "--details", "--dry-run", "--help-all",
    }  # fmt: skip
    arguments = inspect.signature(twin).parameters
    assert {*arguments} - {"watch"} == {*options_of(group)}
    assert next(iter(arguments)) == "pool"
    assert arguments["seeds"].annotation == options_of(group)["seeds"].hint
    assert "Args:\n    pool: " in str(twin.__doc__)
    assert arguments["pool"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert {one.flag for one in options_of(group).values()} == {*map(flag_of, options_of(group))}


@pytest.mark.parametrize(
    ("command", "group", "own"),
    [
        ("compare", CompareOptions, {"--details", "--csv", "--latex", "--markdown", "--pairs"}),
        ("plot", PlotOptions, {"--csv"}),
        ("gates", GatesOptions, set()),
        ("resume", ResumeOptions, set()),
    ],
)
def test_a_command_that_reads_studies_has_a_flag_for_each_option(
    command: str, group: type[Any], own: set[str]
) -> None:
    commands: Any = typer.main.get_command(app)
    flags = {flag for each in commands.commands[command].params for flag in each.opts}
    of_group = {one.flag for one in options_of(group).values()}
    assert {flag for flag in flags if flag.startswith("--")} == of_group | own | {"--json"}


@pytest.mark.parametrize(
    ("twin", "first", "group"),
    [(alsim.compare, "runs", CompareOptions), (alsim.resume, "folder", ResumeOptions)],
)
def test_a_twin_that_reads_studies_takes_its_options_after_the_folder(
    twin: Any, first: str, group: type[Any]
) -> None:
    arguments = inspect.signature(twin).parameters
    assert [*arguments][:2] == [first, next(iter(options_of(group)))]
    assert {*arguments} - {first, "watch"} == {*options_of(group)}
    with pytest.raises(TypeError, match=first):
        twin()


def test_a_twin_that_reads_studies_reports_all_faults_of_its_options_at_once() -> None:
    with pytest.raises(UsageError, match="3 options cannot be used") as caught:
        alsim.compare("no folder", x="cost", share=1.5, interval="x", cost_per_label=1.0)  # pyright: ignore[reportArgumentType]
    for words in ("1.5 is too large", "interval cannot be 'x'", "says nothing about cost saved"):
        assert words in str(caught.value)
    with pytest.raises(UsageError, match="workers cannot be 'x'"):
        alsim.resume("no folder", workers="x")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", GROUPS)
def test_only_the_pool_can_be_a_positional_argument(name: str) -> None:
    _, twin = GROUPS[name]
    with pytest.raises(TypeError, match="2 positional arguments"):
        twin("pool.parquet", "margin")
    with pytest.raises(TypeError, match="several values for the argument 'pool'"):
        twin("pool.parquet", pool="other.parquet")


@pytest.mark.parametrize("name", GROUPS)
def test_help_shows_the_most_used_and_help_all_every_option_with_its_default(name: str) -> None:
    group, _ = GROUPS[name]
    short, full = (
        CliRunner().invoke(app, [name, flag]).stdout for flag in ("--help", "--help-all")
    )
    of_options = short[short.index("Most used:") :]
    listed = re.findall(r"^  (?:-h, )?(--[a-z-]+)", of_options, re.MULTILINE)
    assert 10 < len(listed) <= 25
    often = {one.flag for one in options_of(group).values() if one.facts.get("often")}
    assert {*listed} - {"--details", "--dry-run"} == often | {"--json", "--help", "--help-all"}
    assert 2 <= short.count(f"\n  alsim {name} ") <= 3
    assert f"{len(options_of(group)) - len(often) + (name == 'correlate')} more" in short
    one_line = " ".join(full.split())
    lines = [line.split()[0] for line in full.splitlines() if line.strip()]
    for one in options_of(group).values():
        assert one.flag in lines  # at the beginning of its own line
        if isinstance(one.default, int | float | str) and not isinstance(one.default, bool):
            assert re.search(rf"{one.flag} .*?\[default: ", one_line)


def test_a_wrong_choice_is_refused_with_the_nearest_valid_one() -> None:
    done = CliRunner().invoke(app, ["plot", "runs/posts", "--kind", "curv"])
    assert done.exit_code == 2
    assert (
        "'--kind': 'curv' is no choice; did you mean curve? There is: decision, curv" in done.stderr
    )
    assert "Value error" not in done.stderr


@pytest.mark.parametrize("command", [["compare"], ["plot"], ["gates"], ["resume"]])
def test_help_shows_arguments_before_options(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"]).stdout
    arguments, _, options = shown.partition("Arguments:\n  [RUN]")[2].partition(":\n")
    assert "--" not in arguments
    assert "--json" in options
