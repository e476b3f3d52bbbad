"""What can be chosen about the machine, and where a study is kept."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from alsim.options.option import Option, Range, option, parsed
from alsim.options.texts import parse_path

Device = Literal["auto", "cpu", "cuda"]
Way = Literal["direct", "lockstep"]  # one net after another, or all replicas at once
MOST_WORKERS = 10_000


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Where and how nets are trained."""

    heading: ClassVar = "Engine"

    device: Device = option("auto", "Device to train on; auto: a GPU if there is one.")
    workers: int | None = option(
        None,
        "Worker processes, each with one thread; 0: work in this process, for a debugger.",
        within=Range(least=0, most=MOST_WORKERS),
        otherwise="one for each core",
        often=True,
    )
    replicas: Literal["auto", "direct", "lockstep"] = option(
        "auto",
        "Training of the nets: one after another (direct), or all together (lockstep). "
        "auto: lockstep on a GPU, and for the copies of a correlation study.",
    )


@dataclass(frozen=True, kw_only=True)
class FolderOptions:
    """Where a study is kept."""

    heading: ClassVar = "What to run"

    out: Option[str | Path | None, Path | None] = parsed(
        None,
        parse_path,
        "Folder for the run. If it holds the same run unfinished, that run continues.",
        otherwise="the folder in runs/ that holds the same run, else a new one",
        often=True,
    )
    new: bool = option(
        False, "Start another run, even if runs/ holds the same one, finished or not.", often=True
    )
    force: bool = option(False, "Start again, and move aside a run that is in the folder.")
    watch: Any = None  # of a twin: a `Watch`, called with each progress event


def n_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
