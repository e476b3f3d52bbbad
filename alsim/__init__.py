"""Active-learning simulator: which query strategy saves the most labels on your embeddings?

`alsim.run(...)` does what `alsim run` does; `alsim.resume(folder)` continues a stopped run,
`alsim.read_run(folder)` reads its results, `alsim.compare(folders)` compares strategies, and
`alsim.plot(folder)` draws them.
`alsim.train(...)` trains models on all tasks of a pool, and `alsim.compare_models(folders)`
reports which one wins.
"""

from typing import TYPE_CHECKING

from alsim.lazy import lazy_names

if TYPE_CHECKING:
    from alsim.store.correlation import read_correlation
    from alsim.store.curves import read_run
    from alsim.store.exported_task import load_task
    from alsim.store.training import read_training
    from alsim.studies.compare import compare
    from alsim.studies.compare_models import compare_models
    from alsim.studies.correlation.run import correlate
    from alsim.studies.curves.run import run
    from alsim.studies.plot import plot
    from alsim.studies.resume import resume
    from alsim.studies.training.run import train

__all__ = [
    "__version__",
    "compare",
    "compare_models",
    "correlate",
    "load_task",
    "plot",
    "read_correlation",
    "read_run",
    "read_training",
    "resume",
    "run",
    "train",
]

__version__ = "0.3.0"

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "studies.compare": ("compare",),
        "studies.compare_models": ("compare_models",),
        "studies.correlation.run": ("correlate",),
        "studies.curves.run": ("run",),
        "studies.plot": ("plot",),
        "studies.resume": ("resume",),
        "studies.training.run": ("train",),
        "store.correlation": ("read_correlation",),
        "store.curves": ("read_run",),
        "store.exported_task": ("load_task",),
        "store.training": ("read_training",),
    },
)
