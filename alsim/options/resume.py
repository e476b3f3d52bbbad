"""What can be chosen about going on with a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from alsim.options.engine import MOST_WORKERS
from alsim.options.option import Range, option


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """All that can be chosen about going on with a run."""

    heading: ClassVar = "Where to go on"

    folder: str | Path = field(kw_only=False)
    pool: str | Path | None = option(
        None, "Where the pool is now, if it was moved.", otherwise="where it was"
    )
    workers: int | None = option(
        None,
        "Worker processes; 0: work in this process.",
        within=Range(least=0, most=MOST_WORKERS),
        otherwise="as many as before",
    )
    trust: bool = option(False, "Run plug-ins that lie in the run's own folder.")
    watch: Any = None  # of the twin: a `Watch`, called with each progress event
