"""The protocol of a study's workers, wherever they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from alsim.studies.messages import Opening, Report, Task

TaskKind = TypeVar("TaskKind", bound=Task, covariant=True)


@dataclass(frozen=True, slots=True)
class WorkerTask(Generic[TaskKind]):
    """One unit of work for a worker."""

    name: str  # for messages: "strategy margin, seed 3"
    message: TaskKind
    after: frozenset[str] = frozenset()  # names of the tasks that must be done first
    seeds: str = ""  # of a passive phase

    @property
    def key(self) -> str:
        """Return the label of its epochs."""
        return self.seeds or self.name


Tasks = Sequence[WorkerTask[Task]]
Handle = Callable[[WorkerTask[Any], Report], None]
Opened = Callable[[], None]
More = Callable[[], Tasks]


def no_more() -> Tasks:
    """Return no further tasks."""
    return ()


class Workers(Protocol):
    """The workers of one study, for as long as the block runs."""

    def __enter__(self) -> "Workers": ...

    def __exit__(self, *exception: object) -> None: ...

    def run(
        self,
        opening: Opening,
        tasks: Tasks,
        handle: Handle,
        opened: Opened,
        more: More = no_more,
    ) -> None:
        """Do all tasks, each after those it waits for, and pass on the workers' reports.

        Tasks are in the order of preference. `handle` is called in this thread with each report on
        a task, and `opened` once every worker has opened the study. Once all are done, `more`
        returns further ones, whatever the results call for; when there are none, this ends.

        Raises:
            AlsimError: As a worker raised it.
            RunError: If a worker died; it names the task.
        """
        ...
