"""`alsim pool`: look at, check, make and import pools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from alsim.pool.options import PoolOptions

app = typer.Typer(no_args_is_help=True)
synth = typer.Typer(no_args_is_help=True)
app.add_typer(synth, name="synth", help="Make a pool up.")

INITIAL_SIZE = 2000  # that of `alsim run`, on which the size of a drawn validation split depends

_COLUMNS = "Columns"

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
    typer.Option("--task", help="Column of each object's task.", rich_help_panel=_COLUMNS),
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
Out = Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]
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
    json: AsJson = False,
) -> None:
    """Show what a pool holds: modalities, classes, splits, memory."""
    from dataclasses import asdict

    from alsim.cli.output import print_json
    from alsim.cli.pool_info import print_info
    from alsim.pool.source import open_source
    from alsim.pool.summary import summarise

    options = _options(label, modality, task, split, id_, label_type)
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
    json: AsJson = False,
) -> None:
    """Look for everything that is wrong with a pool. Exit code 3 if anything is."""
    from alsim.cli.output import print_json
    from alsim.errors import PoolError
    from alsim.pool.checking import check_pool
    from alsim.pool.source import open_source

    options = _options(label, modality, task, split, id_, label_type)
    found = check_pool(open_source(pool), options, initial_size=INITIAL_SIZE)
    if json:
        faults = [{"what": fault.what, "mend": fault.mend} for fault in found.faults]
        print_json({"faults": faults, "warnings": found.warnings, "notes": found.notes})
    else:
        for fault in found.faults:
            typer.echo(f"fault: {fault.what}\n  mend: {fault.mend}")
        for kind, sentences in (("warning", found.warnings), ("note", found.notes)):
            for sentence in sentences:
                typer.echo(f"{kind}: {sentence}")
        if not found.faults:
            typer.echo("no faults")
    if found.faults:
        raise typer.Exit(PoolError.exit_code)


@synth.callback()
def _synth() -> None:  # pyright: ignore[reportUnusedFunction] # Typer drops a lone command's name
    """Make a pool up."""


@synth.command()
def vk(
    out: Out,
    rows: Annotated[int, typer.Option(help="Posts.")] = 20_000,
    picture_width: Annotated[int, typer.Option(help="Width of a picture embedding.")] = 128,
    text_width: Annotated[int, typer.Option(help="Width of a text embedding.")] = 64,
    classes: Annotated[int, typer.Option(help="Topics, long-tailed, in related groups.")] = 50,
    noise: Annotated[float, typer.Option(help="Scales the noise in the embeddings.")] = 1.0,
    label_noise: Annotated[float, typer.Option(help="Share of wrong labels.")] = 0.06,
    absent_picture: Annotated[float, typer.Option(help="Share without a picture.")] = 0.2,
    absent_text: Annotated[float, typer.Option(help="Share without a text.")] = 0.15,
    dull_picture: Annotated[
        float, typer.Option(help="Share of pictures that say nothing of the topic.")
    ] = 0.15,
    dull_text: Annotated[
        float, typer.Option(help="Share of texts that say nothing of the topic.")
    ] = 0.06,
    test: Annotated[float, typer.Option(help="Share of test rows.")] = 0.2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pool.")] = 0,
    force: Force = False,
) -> None:
    """Make posts with picture and text embeddings and an unbalanced topic, like VK's."""
    from alsim.pool.synthetic import VkOptions, vk_pool
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    options = VkOptions(
        n_rows=rows,
        picture_width=picture_width,
        text_width=text_width,
        n_classes=classes,
        noise=noise,
        label_noise=label_noise,
        absent_picture=absent_picture,
        absent_text=absent_text,
        dull_picture=dull_picture,
        dull_text=dull_text,
        test=test,
        seed=seed,
    )
    table = vk_pool(options)
    write_pool(table, out, overwrite=force)
    _announce(out, table.num_rows)


@app.command("import")
def import_(
    inputs: Annotated[
        list[Path],
        typer.Argument(help=".npz, .npy files, idx files or their folder, .csv, or Parquet."),
    ],
    out: Out,
    format_: Annotated[
        Literal["auto", "npz", "npy", "idx", "csv", "parquet"],
        typer.Option("--format", help="What the inputs are; auto goes by the name."),
    ] = "auto",
    labels: Annotated[
        Path | None,
        typer.Option(help="Beside .npy: the labels, as .npy or text with one a line."),
    ] = None,
    label: Labels = None,
    modality: Modalities = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(
            help="CSV: a numeric column to use; repeat for several. [default: all]",
            rich_help_panel=_COLUMNS,
        ),
    ] = None,
    split: SplitColumn = None,
    id_: IdColumn = None,
    force: Force = False,
) -> None:
    """Convert embeddings or features to a pool, its roles written into the file."""
    from alsim.pool.importers.dispatch import import_pool
    from alsim.pool.importers.options import ImportOptions
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    options = ImportOptions(
        labels=tuple(label or ()),
        labels_file=labels,
        modalities=tuple(modality or ()),
        features=tuple(feature or ()),
        split=split,
        id=id_,
    )
    table = import_pool(inputs, options, None if format_ == "auto" else format_)
    write_pool(table, out, overwrite=force)
    _announce(out, table.num_rows)


def _options(
    label: list[str] | None,
    modality: list[str] | None,
    task: str | None,
    split: str | None,
    id_: str | None,
    label_type: Literal["class", "target"] | None,
) -> "PoolOptions":
    from alsim.pool.options import PoolOptions

    return PoolOptions(
        labels=tuple(label or ()),
        modalities=tuple(modality or ()),
        task=task,
        split=split,
        id=id_,
        label_type=label_type,
    )


def _announce(path: Path, n_rows: int) -> None:
    size = path.stat().st_size / 1e6
    typer.echo(f"{path}: {n_rows:,} rows, {size:.1f} MB. Look at it: alsim pool info {path}")
