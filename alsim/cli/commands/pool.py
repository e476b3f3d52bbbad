"""`alsim pool`: look at, check, make and import pools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alsim.cli.commands.pool_synth import Force, Out, announce, synth

if TYPE_CHECKING:
    from alsim.options.pool import PoolOptions

app = typer.Typer(no_args_is_help=True)
app.add_typer(synth, name="synth", help="Make a pool up.")

INITIAL_SIZE = 2000  # that of `alsim run`, on which the size of a drawn validation split depends

_COLUMNS = "Columns"
_CENSUS = "Census-Income"

PoolPath = Annotated[str, typer.Argument(help="Parquet file, folder or quoted glob.")]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        help="Label column; repeat for several. [default: label]",
        rich_help_panel=_COLUMNS,
    ),
]
Modalities = Annotated[
    list[str] | None,
    typer.Option(
        "--modality",
        help="Embedding column; repeat for several. [default: all list columns]",
        rich_help_panel=_COLUMNS,
    ),
]
TaskColumn = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="Column of each object's task, if each has one of its own. [default: none]",
        rich_help_panel=_COLUMNS,
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        help="Columns of numbers and categories to encode as inputs, joined by commas.",
        rich_help_panel=_COLUMNS,
    ),
]
SplitColumn = Annotated[
    str | None,
    typer.Option(
        "--split",
        help="Column of train, validation, test. [default: split, if there is one]",
        rich_help_panel=_COLUMNS,
    ),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id",
        help="Column of stable names. [default: id, if there is one, else the row number]",
        rich_help_panel=_COLUMNS,
    ),
]
LabelType = Annotated[
    Literal["class", "target"] | None,
    typer.Option(
        "--label-type",
        help="What whole floats are: classes or regression targets.",
        rich_help_panel=_COLUMNS,
    ),
]
Unknown = Annotated[
    list[str] | None,
    typer.Option(
        "--unknown",
        help="Label that stands for unknown, such as -1 or nan; repeat it for several.",
        rich_help_panel=_COLUMNS,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command()
def info(
    pool: PoolPath,
    label: Labels = None,
    modality: Modalities = None,
    task: TaskColumn = None,
    split: SplitColumn = None,
    id_: IdColumn = None,
    label_type: LabelType = None,
    unknown: Unknown = None,
    features: Features = None,
    json: AsJson = False,
) -> None:
    """Show what a pool holds: modalities, classes, splits, memory."""
    from dataclasses import asdict

    from alsim.cli.screens.output import print_json
    from alsim.cli.screens.pool_info import print_info
    from alsim.pool.source import open_source
    from alsim.pool.summary import summarise

    options = _options(label, modality, task, split, id_, label_type, unknown, features)
    summary = summarise(open_source(pool), options, initial_size=INITIAL_SIZE)
    if json:
        print_json(asdict(summary))
    else:
        print_info(summary)


@app.command()
def check(
    pool: PoolPath,
    label: Labels = None,
    modality: Modalities = None,
    task: TaskColumn = None,
    split: SplitColumn = None,
    id_: IdColumn = None,
    label_type: LabelType = None,
    unknown: Unknown = None,
    features: Features = None,
    json: AsJson = False,
) -> None:
    """Look for everything that is wrong with a pool. Exit code 3 if anything is."""
    from alsim.cli.screens.output import print_json, print_lines
    from alsim.errors import PoolError
    from alsim.pool.checking import check_pool
    from alsim.pool.source import open_source

    options = _options(label, modality, task, split, id_, label_type, unknown, features)
    found = check_pool(open_source(pool), options, initial_size=INITIAL_SIZE)
    if json:
        faults = [{"what": fault.what, "mend": fault.mend} for fault in found.faults]
        print_json({"faults": faults, "warnings": found.warnings, "notes": found.notes})
    else:
        for fault in found.faults:
            print_lines([f"fault: {fault.what}", f"  mend: {fault.mend}"])
        for kind, sentences in (("warning", found.warnings), ("note", found.notes)):
            print_lines([f"{kind}: {sentence}" for sentence in sentences])
        if not found.faults:
            print_lines(["no faults"])
    if found.faults:
        raise typer.Exit(PoolError.exit_code)


@app.command("import")
def import_(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help=".npz, .npy files, idx files or their folder, .csv, or Parquet; or census or "
            "cifar100, and the folder of its files."
        ),
    ],
    out: Out,
    format_: Annotated[
        Literal["auto", "npz", "npy", "idx", "csv", "parquet", "census", "cifar100"],
        typer.Option("--format", help="What the inputs are; auto goes by the name."),
    ] = "auto",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labels in a file of their own, as .npy, .json, .jsonl, .csv, .parquet or text "
            "with one a line; matched by ids where both have some, else in order."
        ),
    ] = None,
    label: Labels = None,
    modality: Modalities = None,
    picture: Annotated[
        list[str] | None,
        typer.Option(
            help="Modality that shows pictures, which the three-head net then encodes; repeat "
            "for several. [default: none]",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            help="CSV: a column to encode; repeat for several. [default: all numeric ones]",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    split: SplitColumn = None,
    id_: IdColumn = None,
    label_type: LabelType = None,
    unknown: Unknown = None,
    unique_labels: Annotated[
        bool,
        typer.Option(
            "--unique-labels",
            help="Import labels even if nearly every row is a class of its own.",
            rich_help_panel=_COLUMNS,
        ),
    ] = False,
    group: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2,
            help="Census: tasks are income (1) or education (2), with never married.",
            rich_help_panel=_CENSUS,
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Census: use the rows of this split alone, and split them anew.",
            rich_help_panel=_CENSUS,
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Convert embeddings or features to a pool, its roles written into the file."""
    from alsim.parameters import refuse_repeats
    from alsim.pool.importers.build import read_notes
    from alsim.pool.importers.dispatch import import_pool
    from alsim.pool.importers.options import ImportOptions
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    for flag, values in (("--label", label), ("--modality", modality), ("--feature", feature)):
        refuse_repeats(flag, values or ())
    options = ImportOptions(
        labels=tuple(label or ()),
        labels_file=labels,
        modalities=tuple(modality or ()),
        pictures=tuple(picture or ()),
        features=tuple(feature or ()),
        split=split,
        id=id_,
        label_type=label_type,
        unknown=tuple(unknown or ()),
        unique_labels=unique_labels,
        group=None if group is None else 1 if group == 1 else 2,
        only=only,
    )
    table = import_pool(inputs, options, None if format_ == "auto" else format_)
    write_pool(table, out, overwrite=force)
    announce(out, table, read_notes(table))


def _options(
    label: list[str] | None,
    modality: list[str] | None,
    task: str | None,
    split: str | None,
    id_: str | None,
    label_type: Literal["class", "target"] | None,
    unknown: list[str] | None,
    features: str | None,
) -> "PoolOptions":
    from alsim.options.pool import PoolOptions
    from alsim.parameters import refuse_repeats

    encoded = tuple(name for name in (features or "").split(",") if name)
    for flag, values in (("--label", label), ("--modality", modality), ("--features", encoded)):
        refuse_repeats(flag, values or ())
    return PoolOptions(
        label=tuple(label or ()),
        modality=tuple(modality or ()),
        task=task,
        split=split,
        id_column=id_,
        label_type=label_type,
        unknown=tuple(unknown or ()),
        features=encoded,
    )
