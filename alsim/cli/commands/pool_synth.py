"""`alsim pool synth`: pools made up, and what is said once a pool is written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    announce(out, table)


@synth.command()
def mmoe(
    out: Out,
    correlation: Annotated[
        float, typer.Option(help="Cosine of the tasks' weights, from -1 to 1.")
    ] = 0.5,
    rows: Annotated[
        int, typer.Option(help="Rows: ten in twelve train, one validation, one test.")
    ] = 12_000,
    width: Annotated[int, typer.Option(help="Width of the input.")] = 100,
    scale: Annotated[float, typer.Option(help="Length of the tasks' weights.")] = 0.3,
    sines: Annotated[int, typer.Option(help="Sines that make the targets curved.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pool.")] = 0,
    force: Force = False,
) -> None:
    """Make two regression tasks of a chosen correlation, as in the paper on MMoE."""
    from alsim.pool.synthetic_mmoe import MmoeOptions, mmoe_pool
    from alsim.pool.writing import check_target, write_pool

    check_target(out, overwrite=force)
    table = mmoe_pool(MmoeOptions(correlation, rows, width, scale, sines, seed))
    write_pool(table, out, overwrite=force)
    announce(out, table)
