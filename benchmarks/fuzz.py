"""Fuzz the readers of files: Parquet pools, journals of runs, recipes.

    pip install atheris
    python -m benchmarks.fuzz {parquet,journal,toml} [--seconds S] [--folder DIR]
    python -m benchmarks.fuzz {parquet,journal,toml} --tiny    # the first inputs alone, no atheris

Any exception but an AlsimError is a finding: the fuzzer stops, prints the traceback and stores the
bytes in DIR; `--folder DIR` starts from there again. Inputs that reach new lines are stored, too.
"""

import argparse
import math
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.common import parse_arguments, ran_on

Seeds = dict[str, bytes]
Feed = Callable[[bytes], None]

SECONDS_EACH = 20  # an input that takes longer counts as a hang
MOST_MEGABYTES = 4096  # an input that takes more counts as a leak


def parquet(scratch: Path) -> tuple[Feed, Seeds]:
    """Return a function that opens and decodes a pool, and small pools as first inputs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from alsim.options.pool import PoolOptions
    from alsim.pool.loading import load_pool
    from alsim.pool.roles import Roles, write_roles
    from alsim.pool.source import open_source
    from alsim.pool.splits import FreeValidation

    file, decoded = scratch / "pool.parquet", scratch / "decoded"

    def feed(data: bytes) -> None:
        file.write_bytes(data)
        decoded.mkdir()
        try:
            load_pool(open_source(file), PoolOptions(), decoded, FreeValidation(4))
        finally:
            shutil.rmtree(decoded)

    n = 24
    columns: dict[str, Any] = {
        "id": [f"row {i}" for i in range(n)],
        "x": pa.array([[i / n, 1.0] for i in range(n)], pa.list_(pa.float32(), 2)),
        "y": pa.array([None if i % 5 == 0 else [i, 2, 3] for i in range(n)], pa.list_(pa.uint8())),
        "label": pa.array(["ant", "bee", "cat"] * (n // 3)).dictionary_encode(),
        "split": ["train"] * 16 + ["validation"] * 4 + ["test"] * 4,
    }
    table = pa.table(columns)
    roles = Roles(("x", "y"), {"label": "class"}, None, "split", "id")
    seeds: Seeds = {}
    kinds: list[tuple[str, pa.Table, dict[str, Any]]] = [
        ("plain", table, {"compression": "none", "use_dictionary": False}),
        ("roles", write_roles(table, roles), {"compression": "none"}),
        ("groups", table, {"compression": "snappy", "row_group_size": 7}),
        ("bare", table.select(["x", "label"]), {"compression": "none", "store_schema": False}),
    ]
    for name, pool, options in kinds:
        sink = pa.BufferOutputStream()
        pq.write_table(pool, sink, **options)
        seeds[name] = sink.getvalue().to_pybytes()
    return feed, seeds


def journal(scratch: Path) -> tuple[Feed, Seeds]:
    """Return a function that reads a journal, and a journal as first input.

    If an input starts with "#", each of its lines gets the correct digest, which the fuzzer would
    hardly ever find by chance.
    """
    from alsim.experiments.curves.records import (
        ContributionRecord,
        ItemRecord,
        MetricRecord,
        QueryRecord,
        Round,
        RowBits,
        RowNumbers,
        StepRecord,
    )
    from alsim.store.curve_journal import Journal, read_journal
    from alsim.store.curve_lines import Ending, Entry

    file = scratch / "journal.jsonl"
    with Journal.open(file, "margin", 0) as writer:
        for step in range(2):
            at = ("margin", 0, step)
            done = Round(
                StepRecord(*at, 20 + step, 20.5, 40, 64, 0.5, 0.25, 1 / 3, 0.7, 0.125),
                (MetricRecord(*at, "label", "mixed", "all", "accuracy", None, 0.5),),
                (QueryRecord(*at, 0, "row 3", "label", None, 1.0, 1, "ant"),),
                (ItemRecord(*at, "label", RowBits(4, b"\x05", b"\x0d")),),
            )
            writer.append(Entry(done, {"query": 0.25}))
        of_rows = RowNumbers(struct.pack("<4f", 1, math.nan, 0, 2))
        added = ContributionRecord("margin", 0, "label", "macro_f1", "last", of_rows)
        writer.end(Ending("done", 1, {}, (added,)))
    whole = file.read_bytes()
    bodies = [line.partition(b" ")[2] for line in whole.splitlines()]

    def feed(data: bytes) -> None:
        if data.startswith(b"#"):
            lines = [line for line in data[1:].split(b"\n") if line]
            data = b"".join(_digest(line) + b" " + line + b"\n" for line in lines)
        file.write_bytes(data)
        read_journal(file)

    return feed, {"whole": whole, "bodies": b"#" + b"\n".join(bodies)}


def toml(scratch: Path) -> tuple[Feed, Seeds]:
    """Return a function that reads a recipe, and alsim's recipes as first inputs."""
    from alsim.recipes.file import HERE
    from alsim.recipes.reading import read_recipe

    file = scratch / "mine.toml"

    def feed(data: bytes) -> None:
        file.write_bytes(data)
        read_recipe(str(file))

    return feed, {path.name: path.read_bytes() for path in HERE.glob("*.toml")}


TARGETS = {"parquet": parquet, "journal": journal, "toml": toml}


def _digest(line: bytes) -> bytes:
    return blake2b(line, digest_size=8).hexdigest().encode()


def feed_seeds(feed: Feed, seeds: Seeds) -> None:
    """Feed the first inputs, which must be readable, and their halves, which may be refused."""
    from alsim.errors import AlsimError

    for content in seeds.values():
        feed(content)
        with suppress(AlsimError):
            feed(content[: len(content) // 2])
    print(f"{len(seeds)} inputs read, whole and in half")


def main() -> None:
    """Fuzz one target until the time is over or a finding occurs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="folder of inputs, kept between calls")
    options = parse_arguments(parser)
    if options.tiny:
        print(ran_on())
        with tempfile.TemporaryDirectory() as scratch:
            feed_seeds(*TARGETS[options.target](Path(scratch)))
        return
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.exit(
            "atheris is not installed; it needs Linux and clang's libraries: pip install atheris"
        )
    folder = options.folder or Path(tempfile.mkdtemp(prefix=f"fuzz-{options.target}-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"inputs and findings: {folder}", flush=True)
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-scratch-"))  # stays after the fuzzer's hard exit
    with atheris.instrument_imports(include=["alsim"]):
        feed, seeds = TARGETS[options.target](scratch)
        from alsim.errors import AlsimError  # imported here, so that it is instrumented
    print(ran_on(), flush=True)
    for name, content in seeds.items():
        (folder / name).write_bytes(content)

    def test(data: bytes) -> None:
        with suppress(AlsimError):
            feed(data)

    limits = {
        "max_total_time": options.seconds,
        "timeout": SECONDS_EACH,
        "rss_limit_mb": MOST_MEGABYTES,
        "artifact_prefix": f"{folder}/finding-",
    }
    atheris.Setup([sys.argv[0], *(f"-{k}={v}" for k, v in limits.items()), str(folder)], test)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
