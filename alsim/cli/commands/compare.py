"""`alsim compare`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.options.compare import CompareOptions

_flag = partial(typer.Option, rich_help_panel="Output")


@from_options(CompareOptions, help_all=False)
def compare(
    given: Mapping[str, Any],
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Folders of runs, or of training studies, of one pool; by default the latest.",
        ),
    ] = None,
    details: Annotated[
        bool, _flag("--details", help="Print each verdict in full, and what only describes.")
    ] = False,
    json: AsJson = False,
    csv: Annotated[bool, _flag("--csv", help="Print CSV, a line a strategy.")] = False,
    latex: Annotated[bool, _flag("--latex", help="Print a LaTeX table of the strategies.")] = False,
    markdown: Annotated[bool, _flag("--markdown", help="Print Markdown tables.")] = False,
    pairs: Annotated[bool, _flag("--pairs", help="Print verdicts, with --csv or --latex.")] = False,
) -> None:
    """Compare how many labels strategies save, or which trained model wins, and how sure it is.

    Example: alsim compare

    Example: alsim compare runs/posts

    Example: alsim compare runs/posts runs/posts-retrain --cost-per-label 0.08 --markdown

    Example: alsim compare runs/census-training --baseline mmoe --details
    """
    formats = {"--json": json, "--csv": csv, "--latex": latex, "--markdown": markdown}
    _check([flag for flag, is_given in formats.items() if is_given], pairs=pairs, details=details)
    from alsim.cli.latest import latest_to_show

    runs = runs or [latest_to_show(["curves", "training"], "alsim compare")]
    if are_trainings(runs):
        from alsim.cli.screens.compared_models import print_compared

        chosen = next((flag for flag, is_given in formats.items() if is_given), None)
        print_compared(runs, given, chosen, pairs=pairs, with_details=details)
        return
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    import alsim

    read = [alsim.read_run(folder) for folder in runs]
    found = alsim.compare(read, **given)
    if json:
        from alsim.cli.screens.output import print_json

        print_json({"runs": [str(run.folder) for run in read], **asdict(found)})
        return
    from alsim.cli.screens import comparison_tables as tables
    from alsim.cli.screens import formats as writing
    from alsim.cli.screens.comparison import print_comparison
    from alsim.cli.screens.output import print_remarks

    print_remarks("note", found.notes)
    if csv:
        writing.print_csv((tables.pair_records if pairs else tables.strategy_records)(found))
    elif latex:
        writing.print_latex((tables.pair_table if pairs else tables.strategy_table)(found))
    elif markdown:
        writing.print_markdown(tables.strategy_table(found), tables.pair_table(found))
    else:
        print_comparison(found, read[0], with_details=details)


def are_trainings(folders: Sequence[Path]) -> bool:
    """Return whether one of the folders holds passive training."""
    from alsim.store.manifest import kind_of, open_folder

    return any(kind_of(open_folder(folder)[1]) == "training" for folder in folders)


def _check(formats: list[str], *, pairs: bool, details: bool) -> None:
    """Raise a UsageError if the options of the output do not go together."""
    from alsim.errors import UsageError

    if len(formats) > 1:
        what = "only one format can be printed at a time"
        raise UsageError(what, " and ".join(formats), "ask for one of them")
    if pairs and formats not in (["--csv"], ["--latex"]):
        what = "--pairs chooses the table of --csv or --latex"
        raise UsageError(
            what, "--pairs", "add one of those; in the text, --details has the verdicts"
        )
    if details and formats:
        what = f"--details is of the text, and {formats[0]} has no text"
        raise UsageError(what, "--details", "leave out one of the two; JSON has all of it")
