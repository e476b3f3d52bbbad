"""The commands of the README run and print the output shown there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alsim.signals import Signals
from alsim.strategies import STRATEGIES, find_strategy
from alsim.testing import check_strategy

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONSOLES = [
    block.strip().split("\n", 1) for block in re.findall(r"```console\n(.*?)```", README, re.S)
]
NUMBERS_DIFFER = ("alsim run", "alsim compare")  # the last digits depend on the processor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    (path / "datasets").symlink_to(ROOT / "datasets")
    return path


@pytest.mark.process
def test_each_command_of_the_readme_prints_the_output_shown_below_it(folder: Path) -> None:
    # One test for all, as later commands read the files of earlier ones.
    for first, *rest in CONSOLES:
        command, shown = first.removeprefix("$ "), "".join(rest)
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        printed = done.stdout.strip()
        if command.startswith(NUMBERS_DIFFER):
            words = re.compile(r"[a-z%]+")
            assert words.findall(printed) == words.findall(shown)
        elif "\n…" in shown:
            assert printed.startswith(shown.split("\n…")[0])
        else:
            assert printed == shown.strip()


def test_the_readme_shows_at_least_five_commands() -> None:
    assert len(CONSOLES) >= 5


PYTHONS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.process
def test_the_python_of_the_readme_runs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PYTHONS[0]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_strategy_in_the_readme_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PYTHONS[1])
    named = find_strategy(f"{tmp_path / 'mine.py'}:second_best(power=2)")
    assert named.parameters == {"power": 2.0}
    check_strategy(named.strategy)
    signals = {"probabilities": torch.tensor([[0.5, 0.4, 0.1], [0.8, 0.1, 0.1]])}
    torch.testing.assert_close(
        named.strategy.score(Signals(2, signals)), torch.tensor([0.16, 0.01])
    )


def test_the_readme_lists_all_strategies() -> None:
    section = README.split("## Strategies")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([^`]+)` \|", section, re.M) == list(STRATEGIES)
