"""`alsim pool`: look at, check, make and import pools."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from alsim.cli.commands.pool_synth import Force, Out, announce, synth
from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson, GroupedCommand
from alsim.options.pool import OF_STUDIES, PoolOptions
from alsim.pool.importers.table import IMPORTERS, ImportOptions, inputs_in_words

app = typer.Typer(no_args_is_help=True)
app.add_typer(synth, name="synth", help="Make a pool up.")

_Group = TypeVar("_Group")


_seen = from_options(PoolOptions, leave_out=OF_STUDIES, help_all=False)
if TYPE_CHECKING:
    Format = str
else:
    Format = Literal[("auto", *IMPORTERS)]

PoolPath = Annotated[str, typer.Argument(help="Parquet file, folder or quoted glob.")]


@app.command(cls=GroupedCommand)
@_seen
def info(given: Mapping[str, Any], pool: PoolPath, json: AsJson = False) -> None:
    """Show what a pool holds: modalities, classes, splits, memory.

    Example: alsim pool info posts.parquet

    Example: alsim pool info 'posts/*.parquet' --label topic --modality text_emb
    """
    from dataclasses import asdict

    from alsim.cli.screens.output import print_json
    from alsim.cli.screens.pool_info import print_info
    from alsim.pool.source import open_source
    from alsim.pool.splits import as_in_file
    from alsim.pool.summary import summarise

    options = _read(PoolOptions, given)
    summary = summarise(open_source(pool), options, as_in_file())
    if json:
        print_json(asdict(summary))
    else:
        print_info(summary)


@app.command(cls=GroupedCommand)
@_seen
def check(given: Mapping[str, Any], pool: PoolPath, json: AsJson = False) -> None:
    """Look for everything that is wrong with a pool. Exit code 3 if anything is.

    Example: alsim pool check posts.parquet --label topic
    """
    from alsim.cli.screens.output import print_json, print_lines
    from alsim.errors import PoolError
    from alsim.pool.checking import check_pool
    from alsim.pool.source import open_source
    from alsim.pool.splits import as_in_file

    options = _read(PoolOptions, given)
    found = check_pool(open_source(pool), options, as_in_file())
    parts = [fault.args for fault in found.faults]
    if json:
        faults = [{"what": what, "mend": mend} for what, _, mend in parts]
        print_json({"faults": faults, "warnings": found.warnings, "notes": found.notes})
    else:
        for what, _, mend in parts:
            print_lines([f"fault: {what}", f"  mend: {mend}"])
        for kind, sentences in (("warning", found.warnings), ("note", found.notes)):
            print_lines([f"{kind}: {sentence}" for sentence in sentences])
        if not found.faults:
            print_lines(["no faults"])
    if found.faults:
        raise typer.Exit(PoolError.exit_code)


@app.command("import", cls=GroupedCommand)
@from_options(ImportOptions, help_all=False)
def import_(
    given: Mapping[str, Any],
    inputs: Annotated[list[Path], typer.Argument(help=inputs_in_words())],
    out: Out,
    format_: Annotated[
        Format, typer.Option("--format", help="Format of the inputs; auto goes by the name.")
    ] = "auto",
    force: Force = False,
) -> None:
    """Convert embeddings or features to a pool, its roles written into the file.

    Example: alsim pool import embeddings.npy --labels labels.csv --out posts.parquet

    Example: alsim pool import table.csv --label topic --out posts.parquet
    """
    from alsim.pool.importers.build import read_notes
    from alsim.pool.importers.dispatch import import_pool
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    options = _read(ImportOptions, given)
    table = import_pool(inputs, options, None if format_ == "auto" else format_)
    write_pool(table, out, overwrite=force)
    announce(out, table, read_notes(table))


def _read(group: type[_Group], given: Mapping[str, Any]) -> _Group:
    """Return the options given.

    Raises:
        UsageError: If one cannot be used, or names a column twice.
    """
    from alsim.options.faults import Faults
    from alsim.options.option import options_of, read
    from alsim.parameters import refuse_repeats

    faults = Faults()
    options = read(group, given, faults)
    faults.raise_all("options cannot be used", "alsim pool")
    for name, option in options_of(group).items():
        if isinstance(value := getattr(options, name), tuple):
            refuse_repeats(option.flag, value)
    return options
