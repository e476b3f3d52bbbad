"""Active-learning simulator: which query strategy saves the most labels on your embeddings?

`alsim.run(...)` is the twin of `alsim run`, `alsim.resume(folder)` goes on with one that was
stopped, `alsim.read_run(folder)` reads what it left, `alsim.compare(folders)` compares strategies.
`alsim.train(...)` trains and compares models on all tasks of a pool.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alsim.engine.compare import compare
    from alsim.engine.correlate import correlate
    from alsim.engine.resume import resume
    from alsim.engine.run import run
    from alsim.engine.train import train
    from alsim.store import load_task, read_correlation, read_run, read_training

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

__version__ = "0.2.0"

_HOMES = {
    "run": "alsim.engine.run",
    "resume": "alsim.engine.resume",
    "compare": "alsim.engine.compare",
    "correlate": "alsim.engine.correlate",
    "load_task": "alsim.store",
    "read_correlation": "alsim.store",
    "read_run": "alsim.store",
    "read_training": "alsim.store",
    "train": "alsim.engine.train",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then, since torch takes seconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'alsim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
