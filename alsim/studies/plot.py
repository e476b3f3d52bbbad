"""`alsim.plot`: the Python twin of the command."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alsim.errors import UsageError
from alsim.options.calling import takes
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.plots.drawing.page import Page, on_page
from alsim.plots.kinds import DEFAULTS, KINDS, FolderKind, draw
from alsim.plots.options import PlotOptions
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.store.curves import Run, read_run
from alsim.store.manifest import StudyFolder, kind_of, open_folder
from alsim.store.training import TrainingStudy, read_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from alsim.plots.drawing.figures import Drawing

_READERS = {"curves": read_run, "correlation": read_correlation, "training": read_training}
_KINDS: Mapping[type, FolderKind] = {
    Run: "curves",
    CorrelationStudy: "correlation",
    TrainingStudy: "training",
}


@dataclass(frozen=True, slots=True, eq=False)
class Plotted:
    """A drawing, the file to write it to, and the page that knows how."""

    drawing: "Drawing"
    target: Path  # the one asked for, else KIND.png in the folder of the first run
    page: Page

    def save(self) -> None:
        """Write the picture."""
        from alsim.plots.drawing.figures import save_figure

        with on_page(self.page):
            save_figure(self.drawing.figure, self.target)


@takes(PlotOptions)
def plot(given: dict[str, Any]) -> "Figure":
    """Return a picture of one or more runs, or of a study, as `alsim plot` draws it.

    `runs` are folders, or what `alsim.run`, `alsim.train`, `alsim.correlate` and the functions that
    read their folders return. Every other argument is the option of the command of the same name,
    see `docs/reference.md`. The picture is written to a file only where `out` names one.

    Raises:
        UsageError: If an option cannot be used, or the kind does not take it.
        StoreError: If a run cannot be read, or holds nothing to draw.
    """
    options = read_options(given)
    if options.out is not None:
        from alsim.plots.drawing.figures import check_target

        check_target(options.out)
    found = plotted(options, given)
    if options.out is not None:
        found.save()
    for text in found.drawing.warnings:
        warnings.warn(text, UserWarning, stacklevel=3)
    return found.drawing.figure


def read_options(given: Mapping[str, Any]) -> PlotOptions:
    """Return the options of a picture.

    Raises:
        UsageError: If some cannot be used.
    """
    faults = Faults()
    options = read(PlotOptions, given, faults)
    faults.raise_all("options cannot be used", "alsim plot")
    return options


def plotted(options: PlotOptions, given: Mapping[str, Any]) -> Plotted:
    """Return the picture, which is not written yet; `given` names the options that were given."""
    runs = options.runs
    several = runs if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    if not several:
        raise UsageError("no run to draw", "alsim plot", "name the folder of a run")
    kind = options.kind or _default(_kind_of(several[0]), options.task)
    found = [_read(each, KINDS[kind].of) for each in several]
    of_kind = {"runs", "kind", "out"}
    shown = {name: getattr(options, name) for name in given if name not in of_kind}
    drawing = draw(kind, found, **shown)
    target = options.out or found[0].folder / (KINDS[kind].file or f"{kind}.png")
    return Plotted(drawing, target, Page(style=options.style, dpi=options.dpi))


def _default(of: FolderKind, task: str | None) -> str:
    """Return the kind of picture where none was named: a panel for each task where all are."""
    return "curve" if of == "curves" and task == "all" else DEFAULTS[of]


def _kind_of(run: Any) -> FolderKind:
    """Return what kind of study a folder, or what was read from it, is of."""
    if isinstance(run, StudyFolder):
        return _KINDS[type(run)]
    folder = run if isinstance(run, str | Path) else run.folder
    return kind_of(open_folder(folder)[1])


def _read(run: Any, of: FolderKind) -> Any:
    """Return a study of a kind, read unless it was.

    Raises:
        StoreError: If the folder holds another kind.
    """
    if _KINDS.get(type(run)) == of:
        return run
    return _READERS[of](run if isinstance(run, str | Path) else run.folder)
