"""The Python twins of the commands: functions whose arguments are a group of options."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, get_args

from alsim.options.calling import takes
from alsim.options.engine import FolderOptions
from alsim.options.faults import Faults
from alsim.options.option import options_of, read
from alsim.options.synthetic import VkOptions
from alsim.options.types import Tabular, as_plain
from alsim.pool.source import Source, open_source
from alsim.pool.synthetic import vk_pool
from alsim.studies.bits import compute_strictly
from alsim.studies.dependencies import depending
from alsim.studies.lifecycle import Prepared, Procedure, carry_out
from alsim.studies.watch import Watch

Group = TypeVar("Group", bound=FolderOptions)
Done = TypeVar("Done")
P = ParamSpec("P")

# Small enough for a first result within a minute on two cores.
EMBEDDED = VkOptions(n_rows=6000, picture_width=64, text_width=32)
_ARGUMENTS = """If `out` holds this study unfinished, it is continued; if finished, it is returned.

Every argument is the option of the command of the same name, see `docs/reference.md`. Texts such
as `query_size="20:200"`, `seeds="3..7"`, `until="accuracy=0.9"` or `mask_modality=["text=0.2"]`
are understood as on the command line.

Args:
    pool: A Parquet file, folder or glob, or a table that gives Arrow's stream; None makes a small
        VK-like pool.
    out: The study's folder, absent, empty, or of this study; None takes the one in `runs/` that
        holds this study, begun or finished, or a free one.
    new: Whether a free folder is taken even then.
    force: Whether another study in `out` is moved aside for this one.
    watch: Called with each progress event.

Raises:
    AlsimError: For anything the user can mend.
"""
# Arguments of a call that are not kept: resuming sets its own.
NOT_KEPT = frozenset({"out", "new", "force", "watch"})


@dataclass(frozen=True, slots=True, eq=False)
class Call(Generic[Group]):
    """A call of a twin, with the faults of its arguments so far."""

    command: str
    options: Group
    given: Mapping[str, Any]
    files: Mapping[str, str]  # the SHA-256 of each file that the arguments name
    faults: Faults

    def check(self) -> None:
        """Raise a UsageError if anything is wrong with the options, naming every fault."""
        self.faults.raise_all("options cannot be used", self.command)

    def carry_out(self, procedure: Procedure[Prepared]) -> Path:
        """Run or continue a study, and return its folder; see `lifecycle.carry_out`."""
        return carry_out(
            procedure,
            self.options.out,
            self.options.watch or Watch(),
            arguments=plain_arguments(type(self.options), self.given),
            files=self.files,
            force=self.options.force,
            new=self.options.new,
        )


def twin(
    options: Callable[P, Group], command: str
) -> Callable[[Callable[[Call[Group]], Done]], Callable[P, Done]]:
    """Return a decorator by which a function of a call takes the options themselves."""
    group: Any = options

    def decorate(function: Callable[[Call[Group]], Done]) -> Callable[P, Done]:
        @takes(options, _ARGUMENTS)
        @wraps(function)
        def called(given: dict[str, Any]) -> Done:
            compute_strictly(given.get("workers"))
            with depending(given) as files:
                faults = Faults()
                options = read(group, given, faults)
                if options.new and options.out is not None:
                    what = "--new takes a new folder in runs/, and --out names one"
                    faults.add(what, "--new and --out", "leave out one of the two")
                return function(Call(command, options, given, files, faults))

        return called

    return decorate


def plain_arguments(group: type, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments to keep for resuming, as JSON; None for a pool in memory only."""
    if isinstance(given.get("pool"), Tabular):
        return None
    options = options_of(group)
    plain: dict[str, Any] = {}
    for name, value in given.items():
        if name not in NOT_KEPT:
            # Absolute, since the run may be resumed from another working folder.
            is_path = isinstance(value, str | Path) and Path in get_args(options[name].hint)
            plain[name] = str(Path(value).absolute()) if is_path else as_plain(value)
    return json.loads(json.dumps(plain, default=list))


def open_pool(pool: str | Path | Tabular | None) -> Source:
    """Return where a pool's rows come from; None makes the small VK-like pool.

    Raises:
        PoolError: If it cannot be read.
    """
    return open_source(vk_pool(EMBEDDED), name="vk") if pool is None else open_source(pool)
