"""Help, its examples, `alsim help` and `alsim version`, and what Tab completes."""

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from alsim import __version__
from alsim.cli import completing
from alsim.cli.main import app
from alsim.strategies import STRATEGIES, find_strategy
from alsim.strategies.describing import describe


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def commands(group: Any, *path: str) -> dict[str, Any]:
    """Return the commands below a group by what is typed."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        is_group = hasattr(command, "commands")
        words = (*path, name)
        found |= commands(command, *words) if is_group else {" ".join(words): command}
    return found


COMMANDS = commands(get_command(app))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_on_lines_of_their_own(name: str) -> None:
    shown = invoke("help", *name.split()).stdout
    assert shown == invoke(*name.split(), "--help").stdout
    _, _, after = shown.partition("\nExamples:\n")
    examples = [line.strip() for line in after.partition("\n\n")[0].splitlines()]
    assert examples
    assert "Example:" not in shown
    flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts}
    for example in examples:
        assert example.startswith(f"alsim {name}")
        words = shlex.split(example.removeprefix(f"alsim {name}"))
        assert {word for word in words if word.startswith("-")} <= flags


def test_help_and_version_are_commands_too() -> None:
    assert invoke("help").stdout == invoke("--help").stdout
    assert invoke("help", "pool").stdout == invoke("pool", "--help").stdout
    assert invoke("help", "run", "--all").stdout == invoke("run", "--help-all").stdout
    assert invoke("version").stdout == invoke("--version").stdout == f"{__version__}\n"
    wrong = invoke("help", "pool", "inf")
    assert wrong.exit_code == 2
    assert re.search(
        r"no command 'inf'.*where: .* pool.*did you mean info", wrong.stderr, re.DOTALL
    )
    assert invoke("help", "run", "fast").exit_code == 2


@pytest.mark.parametrize("name", STRATEGIES)
def test_parameters_read_from_the_source_are_those_that_a_strategy_is_built_with(name: str) -> None:
    assert describe(name)["parameters"] == dict(find_strategy(name).parameters)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_table_says_of_each_strategy_whether_it_stands_outside_of_comparisons(
    name: str,
) -> None:
    assert STRATEGIES[name].outside == find_strategy(name).strategy.outside


def words(completions: list[completing.Completion]) -> list[str]:
    return [word for word, _ in completions]


def test_the_last_of_several_strategies_is_completed() -> None:
    assert words(completing.strategies("")) == list(STRATEGIES)
    assert words(completing.strategies("typ")) == ["typiclust"]
    assert words(completing.strategies("margin,bad")) == ["margin,badge"]
    assert words(completing.strategies("bald(k=3,masks=consistent),bai")) == [
        "bald(k=3,masks=consistent),bait"
    ]
    assert words(completing.strategies("no")) == []


def test_a_parameter_in_brackets_is_completed_unless_it_is_given() -> None:
    assert words(completing.strategies("margin,bald(")) == [
        f"margin,bald({key}="
        for key in ("k", "masks", "candidates", "combine", "batch-norm", "batch-rule")
    ]
    assert words(completing.strategies("bald(k=3,ma")) == ["bald(k=3,masks="]
    assert words(completing.strategies("bald(masks=consistent,ma")) == []
    assert words(completing.models("mlp,multi-cluster(dens")) == ["mlp,multi-cluster(density="]
    assert words(completing.strategies("none(")) == [
        f"none({key}=" for key in ("candidates", "combine", "batch-norm", "batch-rule")
    ]


def test_metrics_measures_and_recipes_are_completed() -> None:
    assert words(completing.metrics("lo")) == ["loss"]
    assert words(completing.metrics("loss,pre")) == ["loss,predicted-loss"]
    assert words(completing.metrics("margin,ba")) == [
        f"margin,{name}" for name in STRATEGIES if name.startswith("ba")
    ]
    assert "macro_f1" in words(completing.measures("ma"))
    assert words(completing.recipes("vk-fig10")) == ["vk-fig10"]
