"""Strategies and models from a file and from an installed package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pools import make_table, write

import alsim
from alsim.errors import RunError, UsageError
from alsim.models import Shape
from alsim.models.table import find_model
from alsim.strategies import find_strategy
from alsim.testing import check_strategy

STRATEGY = '''
from torch import Tensor

from alsim.signals import Signals
from alsim.strategies import Strategy


def second_best(power: float = 1.0) -> Strategy:
    """the second most probable class is most probable"""

    def score(signals: Signals) -> Tensor:
        p = signals.probabilities
        return p.topk(min(2, p.shape[1]), 1).values[:, -1] ** power

    return Strategy(frozenset({"probabilities"}), score)


nothing = 3


def untyped(power=1.0):
    return second_best()


def without_default(power: float) -> Strategy:
    return second_best()


def forgot_to_return():
    second_best()


def misspelt() -> Strategy:
    return Strategy(frozenset({"probabilites"}), lambda s: s.probabilities[:, 0])


def raises() -> Strategy:
    def score(signals: Signals) -> Tensor:
        raise ZeroDivisionError("one over nothing")

    return Strategy(frozenset({"probabilities"}), score)
'''

MODEL = '''
import torch
from torch import nn

from alsim.models import MIXED, Inputs, ModelOptions, Outputs, Shape


class Bag(nn.Module):
    """one linear layer a modality, summed"""

    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(d, options.width) for d in shape.widths.values())
        self.heads = nn.ModuleList(nn.Linear(options.width, c) for c in shape.n_classes.values())
        self.tasks = tuple(shape.n_classes)

    def forward(self, inputs: Inputs) -> Outputs:
        parts = [f(x) for f, x in zip(self.layers, inputs.modalities.values(), strict=True)]
        hidden = torch.relu(torch.stack(parts).sum(0))
        logits = {t: {MIXED: f(hidden)} for t, f in zip(self.tasks, self.heads, strict=True)}
        return Outputs(logits, hidden)
'''


@pytest.fixture
def strategy_file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(STRATEGY)
    return path


def install(site: Path) -> None:
    """Install a package, as an installer does."""
    package = site / "thirdparty"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STRATEGY + MODEL)
    info = site / "thirdparty-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[alsim.strategies]\nsecond-best = thirdparty:second_best\n"
        "broken = thirdparty:nothing_there\n"
        "[alsim.models]\nbag = thirdparty:Bag\n"
    )


def test_a_strategy_from_a_file_takes_parameters_and_keeps_the_contract(
    strategy_file: Path,
) -> None:
    named = find_strategy(f"{strategy_file}:second_best(power=2)")
    assert named.parameters == {"power": 2.0}
    check_strategy(named.strategy)


def test_a_run_can_use_a_strategy_and_a_model_from_files(
    strategy_file: Path, tmp_path: Path
) -> None:
    model = tmp_path / "bag.py"
    model.write_text(MODEL)
    pool = write(make_table(300), tmp_path / "pool.parquet")
    run = alsim.run(
        pool, strategy=["random", f"{strategy_file}:second_best"], model=f"{model}:Bag", seeds=1,
        initial_size=20, query_size=5, steps=2, max_epochs=2, workers=0, out=tmp_path / "run",
    )  # fmt: skip
    assert set(run.steps.column("strategy").to_pylist()) == {
        "random",
        f"{strategy_file}:second_best",
    }


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("absent.py:name", "no such file"),
        ("{file}:secnd_best", r"mine.py has no 'secnd_best'\n.*\n.*did you mean second_best\?"),
        ("{file}:nothing", "is a int, not a strategy"),
        ("{broken}:name", "cannot be loaded: SyntaxError"),
        ("{file}:untyped", "'power' is not annotated"),
        ("{file}:without_default", "'power' has no default"),
        ("{file}:forgot_to_return", "returns a NoneType, not a Strategy"),
        ("{file}:misspelt", "no signal 'probabilites'\n.*\n.*did you mean probabilities"),
    ],
)
def test_a_plug_in_that_cannot_be_used_is_refused_without_traceback(
    strategy_file: Path, tmp_path: Path, reference: str, message: str
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def (:\n")
    with pytest.raises(UsageError, match=message):
        find_strategy(reference.format(file=strategy_file, broken=broken))


@pytest.mark.process
@pytest.mark.slow
def test_an_exception_in_a_plug_in_score_is_shown_and_not_reported_as_lack_of_memory(
    strategy_file: Path, tmp_path: Path
) -> None:
    pool = write(make_table(300), tmp_path / "pool.parquet")
    with pytest.raises(RunError, match=r"(?s)one over nothing.*mend what the last lines name"):
        alsim.run(
            pool, strategy=f"{strategy_file}:raises", seeds=1, initial_size=20, query_size=5,
            steps=1, max_epochs=1, workers=1, out=tmp_path / "run",
        )  # fmt: skip


def test_a_model_that_is_not_a_class_is_refused(strategy_file: Path) -> None:
    with pytest.raises(UsageError, match="a int is not a model"):
        find_model(f"{strategy_file}:nothing")
    assert find_model("linear").builder(Shape({"x": 3}, {"label": 2}), alsim.models.ModelOptions())


@pytest.mark.process
@pytest.mark.slow
def test_an_installed_package_adds_its_strategy_and_model_to_the_commands(tmp_path: Path) -> None:
    install(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}

    def run_alsim(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "alsim", *arguments],
            capture_output=True, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip

    write(make_table(300), tmp_path / "pool.parquet")
    done = run_alsim(
        "run", "--pool", "pool.parquet", "--strategy", "second-best(power=3)", "--model", "bag",
        "--seeds", "1", "--initial-size", "20", "--query-size", "5", "--steps", "1", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    assert "bag" in run_alsim("models").stdout
    refused = run_alsim("run", "--strategy", "broken")
    assert refused.returncode == 2
    assert "thirdparty:nothing_there cannot be loaded" in refused.stderr
    assert "Traceback" not in refused.stderr
