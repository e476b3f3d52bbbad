import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# The arguments of each, and the beginning of a line of its result; {mnist} is a tiny MNIST.
COMMANDS = {
    "": ("--tiny --data {data}", "| three-head step / its products |"),
    "against_peers": ("--tiny", "typiclust(max-clusters=m+k): 300 rows"),
    "against_plain_loop": ("--tiny --pool {mnist} --threads 1", "ratio: "),
    "bands": ("--tiny", "| bent | 3 | 10 | 51 | "),
    "correlate_lockstep": ("--tiny --mnist {mnist}", "  plain "),
    "correlate_p": ("--tiny", "| 10 | 0.4 | "),
    "coverage": ("--tiny", "| saves 500 | 240 |"),
    "first_accuracy": ("--tiny", "| narrow | 30 | 1.000 |"),
    "without_validation": ("--tiny", "| lost on average |"),
    "fuzz": ("parquet --tiny", "4 inputs read"),
    "fuzz journal": ("journal --tiny", "2 inputs read"),
    "fuzz recipes": ("toml --tiny", ""),
    "growth": ("--tiny", "| typiclust: bytes held a byte of pool |"),
    "jobs": ("--tiny", "| embedded: CPU seconds / those of its products |"),
    "journal_overhead": ("--tiny --pool {mnist}", "MNIST, mlp "),
    "kernels": ("--tiny", "| BALD with 20 members / margin |"),
    "looks": ("--tiny", "| 9 | 0.5 |"),
    "noise": ("--tiny", "| fashion |"),
    "plain_loop": (
        "--pool {mnist} --steps 1 --seeds 1 --threads 1",
        "margin, loaders, 1 threads: ",
    ),
    "pool_loading": ("--tiny", "load "),
    "verdicts": ("--tiny", "| 9 | 20 | rising to 3 |"),
    "whole": ("--tiny --pool {mnist}", "| MNIST, alsim / plain loop |"),
}
NOT_RUN = {"__init__", "bars", "common", "peers"}  # code shared by the others


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a pool with the columns of MNIST: pictures of 16 pixels, ten classes."""
    path = tmp_path_factory.mktemp("mnist") / "mnist.parquet"
    labels = np.arange(900) % 10
    pixels = np.random.default_rng(0).integers(0, 128, (900, 16)) + 12 * labels[:, None]
    columns = {
        "image": pa.array(list(pixels.astype(np.uint8)), pa.list_(pa.uint8(), 16)),
        "label": labels,
        "split": ["train"] * 800 + ["test"] * 100,
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_every_benchmark_is_tested_here() -> None:
    there = {path.stem.replace("__main__", "") for path in BENCHMARKS.glob("*.py")}
    assert there - NOT_RUN == {name.partition(" ")[0] for name in COMMANDS}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_benchmark_runs_at_a_tiny_size_and_prints_the_machine(name: str, mnist: Path) -> None:
    arguments, result = COMMANDS[name]
    module = f"benchmarks.{name.partition(' ')[0]}".rstrip(".")
    filled = arguments.format(mnist=mnist, data=mnist.parent).split()
    command = [sys.executable, "-m", module, *filled]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, cwd=BENCHMARKS.parent
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    (machine,) = [line for line in lines if line.startswith("commit ")]
    assert "torch" in machine
    assert "alsim" in machine
    assert any(line.startswith(result) for line in lines), done.stdout
