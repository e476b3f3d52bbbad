"""`alsim pool synth`: pools made up, and what is said once a pool is written."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import GroupedCommand
from alsim.options.synthetic import MmoeOptions, VkOptions

if TYPE_CHECKING:
    import pyarrow as pa

synth = typer.Typer(no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", "-o", help="The Parquet file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]


def announce(path: Path, table: "pa.Table", notes: Sequence[str] = ()) -> None:
    """Print what was written, and where to look next."""
    from alsim.cli.screens.output import print_lines, quoted, reporting

    size = path.stat().st_size / 1e6
    look = f"alsim pool info {quoted(path)}"
    with reporting(path, f"look at it: {look}"):
        line = f"{path}: {table.num_rows:,} rows, {size:.1f} MB. Look at it: {look}"
        print_lines([*notes, line])


@synth.command(cls=GroupedCommand)
@from_options(VkOptions, help_all=False)
def vk(given: Mapping[str, Any], out: Out, force: Force = False) -> None:
    """Make posts with picture and text embeddings and an unbalanced topic, like VK's.

    Example: alsim pool synth vk --out vk.parquet
    """
    from alsim.pool.synthetic import vk_pool

    _make(vk_pool, VkOptions(**given), out, force=force)


@synth.command(cls=GroupedCommand)
@from_options(MmoeOptions, help_all=False)
def mmoe(given: Mapping[str, Any], out: Out, force: Force = False) -> None:
    """Make two regression tasks of a chosen correlation, as in the paper on MMoE.

    Example: alsim pool synth mmoe --correlation 0.9 --out tasks.parquet
    """
    from alsim.pool.synthetic_mmoe import mmoe_pool

    _make(mmoe_pool, MmoeOptions(**given), out, force=force)


def _make(make: "Callable[[Any], pa.Table]", options: object, out: Path, *, force: bool) -> None:
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    table = make(options)
    write_pool(table, out, overwrite=force)
    announce(out, table)
