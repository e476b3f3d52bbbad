"""What a run computes on: device, threads, libraries. Recorded, since last bits depend on it."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from alsim.errors import UsageError
from alsim.options.engine import EngineOptions, Way, n_cores


def choose_device(options: EngineOptions) -> str:
    """Return "cuda" or "cpu".

    Raises:
        UsageError: If a GPU was asked for and there is none that this torch can use.
    """
    if options.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            "there is no GPU that this torch can use",
            f"--device cuda, torch {torch.__version__}",
            "install a CUDA build of torch, or leave --device at auto",
        )
    return options.device


def choose_way(options: EngineOptions, device: str) -> Way:
    """Return how replicas are trained: in lockstep on a GPU, one by one on CPU cores."""
    if options.replicas == "auto":
        return "lockstep" if device == "cuda" else "direct"
    return options.replicas


def worker_environment(threads: int) -> dict[str, str]:
    """Return the variables that a worker must have before torch is imported.

    MKL's strict reproducible mode makes a row's product independent of the rows beside it. It
    must name an instruction set; the processor's best costs nothing against the default.
    """
    best = "AVX512" if torch.backends.cpu.get_cpu_capability() == "AVX512" else "AVX2"
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "MKL_CBWR": os.environ.get("MKL_CBWR", f"{best},STRICT"),
    }


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run computes on."""

    device: str  # "cpu" or "cuda"
    way: Way
    workers: int  # processes
    threads: int  # of each

    def describe(self) -> dict[str, Any]:
        """Return the part of a manifest that tells what a run computed on."""
        return {
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("alsim", "torch", "numpy", "pyarrow", "scipy")},
            },
            "machine": {
                "platform": platform.platform(),
                "processor": torch.backends.cpu.get_cpu_capability(),
                "cores": n_cores(),
                "device": "cpu" if self.device == "cpu" else torch.cuda.get_device_name(),
                "replicas": self.way,
                "workers": self.workers,
                "threads": self.threads,
                "environment": worker_environment(self.threads),
            },
        }
