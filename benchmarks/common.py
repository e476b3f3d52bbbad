"""Shared by all benchmarks: the option `--tiny`, and a line on versions and machine."""

import argparse
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("alsim", "torch", "numpy", "pyarrow", "scipy")


def parse_arguments(parser: argparse.ArgumentParser, **tiny: Any) -> argparse.Namespace:
    """Return the command's arguments, with `--tiny` among them.

    Args:
        parser: The parser with the benchmark's own options.
        tiny: The defaults under `--tiny`. Options given explicitly still count.
    """
    parser.add_argument(
        "--tiny", action="store_true", help="run in seconds with tiny sizes; measures nothing"
    )
    if parser.parse_known_args()[0].tiny:
        parser.set_defaults(**tiny)
    return parser.parse_args()


def ran_on(packages: Sequence[str] = ()) -> str:
    """Return the commit, the versions and the machine, in one line.

    Args:
        packages: Further packages whose versions to include.
    """
    # Imported here, since fuzz.py instruments what it imports.
    from alsim.options.engine import n_cores

    root = Path(__file__).parents[1]
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            [*command, "--exclude=*"], capture_output=True, text=True, check=False
        )
        commit = done.stdout.strip()
    except FileNotFoundError:
        commit = ""
    versions = ", ".join(f"{name} {version(name)}" for name in (*PACKAGES, *packages))
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"commit {commit or 'unknown'}; Python {platform.python_version()}, {versions}; "
        f"{n_cores()} cores, {torch.backends.cpu.get_cpu_capability()}{gpu}, {platform.platform()}"
    )
