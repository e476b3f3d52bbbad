"""The device, threads and libraries of a run, recorded since last bits depend on them."""

import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from alsim.errors import UsageError
from alsim.options.engine import EngineOptions, Way, n_cores
from alsim.studies import bits


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


def worker_environment(threads: int) -> dict[str, str]:
    """Return the variables that a worker process needs before it imports torch."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        bits.VARIABLE: bits.strict_mode(),
    }


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run computes on."""

    device: str  # "cpu" or "cuda"
    way: Way
    workers: int  # processes; 0: this one
    threads: int  # of each

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of the workers; they differ where last bits may differ."""
        found = worker_environment(self.threads)
        if self.is_late:
            found[bits.VARIABLE] = "set too late"
        return found

    @property
    def is_late(self) -> bool:
        """Return whether this process does the work and had used MKL before its mode was set."""
        return self.workers == 0 and not bits.is_strict()

    def describe(self) -> dict[str, Any]:
        """Return the part of a manifest that describes the machine."""
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
                "environment": self.environment,
            },
        }


def choose_machine(
    options: EngineOptions, n_jobs: int, way: Way | None = None, *, is_one_job: bool = False
) -> Machine:
    """Return what a study computes on, with no more workers than there are jobs.

    On a GPU one worker does all. It has all cores, as has a worker that does all in lockstep.
    Without a `way` it is the one chosen, else lockstep on a GPU and one by one on CPU cores;
    `is_one_job`: lockstep makes one job of all.

    Raises:
        UsageError: As `choose_device`.
    """
    device = choose_device(options)
    chosen = way or options.replicas
    if chosen == "auto":
        chosen = "lockstep" if device == "cuda" else "direct"
    has_all_cores = chosen == "lockstep" if is_one_job else device != "cpu"
    workers = min(options.workers or n_cores(), n_jobs)
    if has_all_cores or device != "cpu":
        workers = 1
    if options.workers == 0:
        workers = 0
    return Machine(device, chosen, workers, threads=n_cores() if has_all_cores else 1)
