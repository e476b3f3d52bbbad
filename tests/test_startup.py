"""Commands that only read start quickly: they do not import torch or slow libraries."""

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pools import make_table, write

from alsim.cli.without_pandas import hide_pandas
from alsim.store.manifest import write_manifest

SLOW = ("torch", "scipy", "matplotlib", "pandas")


def modules_after(*arguments: str, **variables: str) -> set[str]:
    """Return the modules that a command has imported once it has succeeded."""
    code = (
        "import atexit, json, sys\nfrom alsim.cli import main\n"
        "def tell(): json.dump([name for name, it in sys.modules.items() if it], sys.stderr)\n"
        f"atexit.register(tell)\nsys.argv = {['alsim', *arguments]}\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("startup")
    # Without a split column, so that both splits are drawn.
    write(make_table(300).drop_columns(["split"]), folder / "pool.parquet")
    (folder / "kept").mkdir()
    write_manifest(folder / "kept", {"status": "complete", "answer": "margin saves 30 labels"})
    np.savez(folder / "arrays.npz", x=np.eye(60, 4), y=np.arange(60) % 3)
    return folder


@pytest.mark.process
@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "help train",
        "version",
        "strategies",
        "strategies bait",
        "strategies --json",
        "models",
        "models --json",
        "recipe list",
        "runs {folder}/kept",
        "pool info {folder}/pool.parquet",
        "pool check {folder}/pool.parquet",
        "pool import {folder}/arrays.npz --out {folder}/made.parquet --force",
    ],
)
def test_a_command_that_trains_nothing_imports_nothing_slow(command: str, folder: Path) -> None:
    arguments = command.format(folder=folder).split()
    assert modules_after(*arguments).isdisjoint(SLOW)


@pytest.mark.process
@pytest.mark.parametrize(
    "line",
    ["run --strategy margin,ba", "train --model mm", "recipe run vk", "strategies bald(k=3,m"],
)
def test_tab_imports_nothing_slow(line: str) -> None:
    typed = f"alsim {line}"
    place = str(len(typed.split()) - 1)
    words = {"COMP_WORDS": typed, "COMP_CWORD": place, "_ALSIM_COMPLETE": "complete_bash"}
    assert modules_after(**words).isdisjoint({*SLOW, "numpy", "pyarrow", "rich"})


@pytest.mark.process
def test_a_run_imports_pandas_only_if_a_plug_in_does(folder: Path) -> None:
    start = f"run --pool {folder}/pool.parquet --seeds 1 --steps 1 --workers 0 --strategy".split()
    modules = modules_after(*start, "margin", "--out", f"{folder}/margin")
    assert "torch" in modules
    assert "pandas" not in modules
    (folder / "mine.py").write_text(
        "import numpy as np, pandas, pyarrow as pa\n"
        "from alsim.strategies import Strategy\n"
        "def score(signals):\n"
        "    assert pa.array(pandas.Series([1.0, np.nan])).null_count == 1\n"
        "    return signals.probabilities[:, 0]\n"
        "def mine():\n"
        "    return Strategy(frozenset({'probabilities'}), score)\n"
    )
    assert "pandas" in modules_after(*start, f"{folder}/mine.py:mine", "--out", f"{folder}/mine")


def test_a_hidden_pandas_may_be_looked_for_but_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "pandas"]:
        monkeypatch.delitem(sys.modules, name)
    hide_pandas(["train"])
    find_spec("pandas")  # torch asks so in `train` and `correlate`
    with pytest.raises(ModuleNotFoundError, match="No module named 'pandas'"):
        import_module("pandas")
    assert find_spec("this") is not None


def test_a_package_offers_exactly_the_names_that_it_lists() -> None:
    import alsim
    import alsim.models
    import alsim.plots
    import alsim.strategies

    for package in (alsim, alsim.models, alsim.plots, alsim.strategies):
        for name in package.__all__:
            assert getattr(package, name) is not None
        with pytest.raises(AttributeError, match=rf"'{package.__name__}' .* 'absent'"):
            _ = package.absent
