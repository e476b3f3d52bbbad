"""The frequencies of a pool's classes, as recorded by its runs."""

from collections.abc import Mapping, Sequence

from alsim.analysis.curves.query_mix import initial_classes
from alsim.analysis.curves.runs import named, unlike
from alsim.analysis.manifest import object_at, value_at
from alsim.errors import StoreError, UsageError
from alsim.plots.drawing.of_runs import DrawableRun


def pool_classes(runs: Sequence[DrawableRun], kind: str, warnings: list[str]) -> Mapping[str, int]:
    """Return the classes with their numbers of rows in the runs' pool, most frequent first.

    Equally frequent classes are sorted by name. If the first run's manifest does not list them,
    they are those of its initial labels, with a warning.

    Raises:
        UsageError: If the runs use different pools.
        StoreError: If the classes are not recorded.
    """
    for difference in unlike(runs):
        raise UsageError(
            f"the runs use different {difference}",
            f"alsim plot --kind {kind}",
            "draw each by itself",
        )
    name, run = named(runs)[0]
    tasks = object_at(run.manifest, "tasks")
    if tasks and str(run.manifest.get("task")) not in tasks:
        raise UsageError(
            "each of the run's tasks has its own classes",
            f"alsim plot --kind {kind}",
            f"name one: --task {' or '.join(map(str, tasks))}",
        )
    recorded = value_at(run.manifest, "pool", "classes")
    if isinstance(recorded, Mapping):
        counts = {str(label): n for label, n in recorded.items() if type(n) is int and n > 0}
    else:
        counts = initial_classes(run.queries)
    if not counts:
        raise StoreError(
            "the run does not record the classes of its pool",
            str(run.folder),
            "run it again: alsim run --out FOLDER",
        )
    if not isinstance(recorded, Mapping):
        warnings.append(
            f"{name} was written before runs recorded the classes of their pool: shares in the "
            "pool are those among its initial labels, and classes that these lack are left out"
        )
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
