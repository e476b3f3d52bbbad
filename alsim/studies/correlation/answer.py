"""What a correlation study found, in a few words."""

from pathlib import Path

from alsim.store.correlation import CORRELATIONS
from alsim.store.manifest import mend_of, open_folder
from alsim.store.tables import read_table

_CONTROL = "random"  # of `alsim.experiments.correlation`, which imports torch
_ALPHA = 0.05


def answer_in(folder: Path) -> str:
    """Return the metric whose ρ is the farthest from 0, of those whose sign holds over seeds."""
    folder, manifest = open_folder(folder)
    path = folder / CORRELATIONS.file
    known = [
        row
        for row in read_table(path, CORRELATIONS, mend_of(folder, manifest)).to_pylist()
        if row["metric"] != _CONTROL
        and not row["metric"].endswith("(raw)")  # the same with the other sign
        and row["mean"] is not None
    ]
    known.sort(key=lambda row: -abs(row["mean"]))  # stable
    if known and all(len(row["seeds"]) == 1 for row in known):
        return f"{known[0]['metric']} ρ {known[0]['mean']:+.2f}, in one start alone"
    sure = [row for row in known if row["p"] is not None and row["p"] < _ALPHA]
    if not sure:
        return "cannot tell the sign of any ρ"
    others = f" (as {len(sure) - 1} more)" if len(sure) > 1 else ""
    return f"{sure[0]['metric']} ρ {sure[0]['mean']:+.2f}, p = {sure[0]['p']:.2g}{others}"
