"""What a correlation study found, in a few words."""

from pathlib import Path

from alsim.store.correlation import CORRELATIONS
from alsim.store.manifest import mend_of, open_folder
from alsim.store.tables import read_table

_CONTROL = "random"  # of `alsim.experiments.correlation`, which imports torch


def answer_in(folder: Path) -> str:
    """Return the metric whose ρ is the farthest from 0, of those beyond groups at random."""
    folder, manifest = open_folder(folder)
    path = folder / CORRELATIONS.file
    beyond = [
        row
        for row in read_table(path, CORRELATIONS, mend_of(folder, manifest)).to_pylist()
        if row["metric"] != _CONTROL
        and not row["metric"].endswith("(raw)")  # the same with the other sign
        and None not in (row["mean"], row["null_mean_low"], row["null_mean_high"])
        and not row["null_mean_low"] <= row["mean"] <= row["null_mean_high"]
    ]
    if not beyond:
        return "no ρ beyond chance"
    most = max(beyond, key=lambda row: abs(row["mean"]))
    others = f" (as {len(beyond) - 1} more)" if len(beyond) > 1 else ""
    return f"{most['metric']} ρ {most['mean']:+.2f}, beyond chance{others}"
