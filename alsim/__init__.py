"""Active-learning simulator: which query strategy saves the most labels on your embeddings?

`alsim.run(...)` does what `alsim run` does; `alsim.resume(folder)` continues a stopped run,
`alsim.read_run(folder)` reads its results, and `alsim.compare(folders)` compares strategies.
`alsim.train(...)` trains and compares models on all tasks of a pool.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alsim.store.correlation import read_correlation
    from alsim.store.curves import read_run
    from alsim.store.exported_task import load_task
    from alsim.store.training import read_training
    from alsim.studies.compare import compare
    from alsim.studies.correlation.run import correlate
    from alsim.studies.curves.run import run
    from alsim.studies.resume import resume
    from alsim.studies.training.run import train

__all__ = [
    "__version__",
    "compare",
    "correlate",
    "load_task",
    "read_correlation",
    "read_run",
    "read_training",
    "resume",
    "run",
    "train",
]

__version__ = "0.3.0"

_HOMES = {
    "run": "alsim.studies.curves.run",
    "resume": "alsim.studies.resume",
    "compare": "alsim.studies.compare",
    "correlate": "alsim.studies.correlation.run",
    "load_task": "alsim.store.exported_task",
    "read_correlation": "alsim.store.correlation",
    "read_run": "alsim.store.curves",
    "read_training": "alsim.store.training",
    "train": "alsim.studies.training.run",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use, since torch takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alsim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
