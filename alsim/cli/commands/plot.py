"""`alsim plot`: a run, or several, as a picture."""

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.plots.kinds import DEFAULTS, KINDS, FolderKind
from alsim.plots.options import PlotOptions


@from_options(PlotOptions, leave_out=("runs",), help_all=False)
def plot(
    given: Mapping[str, Any],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Folders of runs; several go into one picture. For scatter that of a "
            "correlation study, for losses, fractions and experts of a training study. By default "
            "the latest in runs/.",
        ),
    ] = None,
    json: AsJson = False,
    csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print what the picture shows as CSV; with --out FILE.csv, write it there.",
        ),
    ] = False,
) -> None:
    """Draw a run: by default its curves, the labels saved and the differences to the baseline.

    Example: alsim plot

    Example: alsim plot runs/posts

    Example: alsim plot runs/posts --kind savings --style slides --out saved.png

    Example: alsim plot runs/posts runs/posts-retrain --metric macro_f1 --out compared.svg

    Example: alsim plot runs/posts --kind curve --strategies margin,random --rename margin=ours
    --width 3.4 --font-size 7 --no-title --out figure.pdf

    Example: alsim plot runs/clothes --kind curve --task all --x cost

    Example: alsim plot runs/posts --kind difference --csv
    """
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    from alsim.cli.latest import latest_to_show
    from alsim.cli.screens.formats import print_csv, write_csv
    from alsim.cli.screens.output import print_json, print_lines, print_remarks, reporting
    from alsim.errors import UsageError
    from alsim.plots import check_target
    from alsim.plots.drawing.figures import write_atomically
    from alsim.studies.plot import plotted, read_options

    options = read_options({**given, "runs": runs or ()})
    csv = csv or (options.out is not None and options.out.suffix == ".csv")
    if csv and json:
        what = "only one format can be printed at a time"
        raise UsageError(what, "--csv and --json", "ask for one of them")
    if options.out is None and runs and len(runs) > 1 and not csv:
        what = "several runs need a name for their picture"
        raise UsageError(what, "alsim plot", f"add: --out {options.kind or 'curves'}.png")
    if options.out is not None:
        check_target(options.out, *[[".csv"]] * csv)
    kinds: list[FolderKind] = [KINDS[options.kind].of] if options.kind else [*DEFAULTS]
    runs = runs or [latest_to_show(kinds, "alsim plot")]
    found = plotted(replace(options, runs=runs), given)
    drawing, target = found.drawing, found.target
    if csv and options.out is None:
        print_remarks("warning", drawing.warnings)
        print_csv(drawing.records)
        return
    if csv:
        write_csv(drawing.records, text := StringIO())
        write_atomically(target, text.getvalue().encode())
    else:
        found.save()
    with reporting(target, "look at the picture"):
        if json:
            print_json({"path": str(target), "warnings": drawing.warnings})
        else:
            print_remarks("warning", drawing.warnings)
            print_lines([str(target)])
