"""What is drawn of a run, and what makes runs hard to compare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from alsim.analysis.runs import named, unlike


class DrawableRun(Protocol):
    """What is drawn of a run, such as `alsim.store.Run`."""

    @property
    def folder(self) -> Path:
        """The run's folder, which tells two runs of one name apart."""
        ...

    @property
    def name(self) -> str:
        """The run's name."""
        ...

    @property
    def status(self) -> str:
        """How far it came, such as "complete"."""
        ...

    @property
    def manifest(self) -> Mapping[str, object]:
        """What `run.json` holds."""
        ...

    @property
    def steps(self) -> pa.Table:
        """The steps, as the store writes them."""
        ...

    @property
    def metrics(self) -> pa.Table:
        """The values by head, modalities and class, as the store writes them."""
        ...

    @property
    def queries(self) -> pa.Table:
        """The objects that were labelled, as the store writes them."""
        ...


def distinct(runs: Sequence[DrawableRun]) -> list[DrawableRun]:
    """Return the runs without those whose folder was given before."""
    return list({run.folder.resolve(): run for run in runs}.values())


def differences(runs: Sequence[DrawableRun]) -> list[str]:
    """Return warnings: runs that are not finished, and what makes runs incomparable."""
    warnings = [
        f"{name} is marked {run.status}: drawn as far as it was written"
        for name, run in named(runs)
        if run.status != "complete"
    ]
    return warnings + [f"the runs use different {told}; compare with care" for told in unlike(runs)]
