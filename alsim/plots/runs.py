"""What is drawn of a run, and what makes runs hard to compare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa


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


def named(runs: Sequence[DrawableRun]) -> list[tuple[str, DrawableRun]]:
    """Return each run with its name, or with its path where two have the same name."""
    names = [run.name for run in runs]
    return [(run.name if names.count(run.name) == 1 else str(run.folder), run) for run in runs]


def differences(runs: Sequence[DrawableRun]) -> list[str]:
    """Return warnings: runs that are not finished, and what makes runs incomparable."""
    pairs = named(runs)
    warnings = [
        f"{name} is marked {run.status}: drawn as far as it was written"
        for name, run in pairs
        if run.status != "complete"
    ]
    for what, of in (("pools", _fingerprint), ("splits for evaluation", _split)):
        values = {name: of(run) for name, run in pairs}
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} ({value})" for name, value in values.items())
            warnings.append(f"the runs use different {what}, compare with care: {listed}")
    return warnings


def _fingerprint(run: DrawableRun) -> str:
    pool = run.manifest.get("pool")
    return str(pool.get("fingerprint"))[:12] if isinstance(pool, Mapping) else "unknown"


def _split(run: DrawableRun) -> str:
    return str(run.manifest.get("evaluation_split"))
