"""Time and peak memory of loading 250,000 × (512 + 256) float32, compared with pyarrow's decoding.

    python -m benchmarks.pool_loading [--rows N] [--repeats K] [--row-group ROWS]

Each measurement runs in its own process, in turns. `load` is the whole of `load_pool`: roles,
splits, decoding, checks, fingerprint, standardising, mapping; `decode` is the same without
standardising. Pyarrow neither standardises nor computes a fingerprint. The limits: 1.3 times
pyarrow's time, and a peak (maximum resident set, with mapped tensors) of 1.3 times the tensors.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import parse_arguments, ran_on

COMMAND = (sys.executable, "-m", "benchmarks.pool_loading", "--measure")
WIDTHS = {"picture": 512, "text": 256}


def write_pool(path: Path, n: int, row_group: int) -> None:
    """Write a pool with 15 % of each modality absent and four rows in five in train."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {"id": pa.array(np.arange(n))}
    for name, width in WIDTHS.items():
        values = rng.standard_normal(n * width, dtype=np.float32)
        columns[name] = pa.FixedSizeListArray.from_arrays(
            pa.array(values), width, mask=pa.array(rng.random(n) < 0.15)
        )
    columns["label"] = pa.array(rng.integers(0, 50, n))
    columns["split"] = pa.array(np.where(rng.random(n) < 0.8, "train", "test"))
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=row_group)


def measure(what: str, path: Path) -> None:
    """Do one measurement and print its seconds and peak resident bytes."""
    import pyarrow.parquet as pq

    if what == "pyarrow":
        start = time.perf_counter()
        table = pq.read_table(path)
        seconds = time.perf_counter() - start
        del table
    else:
        from alsim.options.pool import PoolOptions
        from alsim.pool.loading import load_pool
        from alsim.pool.source import open_source
        from alsim.pool.splits import FreeValidation

        options = PoolOptions(standardise="auto" if what == "load" else "none")
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            start = time.perf_counter()
            load_pool(open_source(path), options, Path(folder), FreeValidation(2000))
            seconds = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def main() -> None:
    """Run the measurements and print their medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--row-group", type=int, default=16_384)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parse_arguments(parser, rows=500, repeats=1, row_group=100)
    if arguments.measure:
        what, path = arguments.measure[0], Path(arguments.measure[1])
        if what == "write":
            write_pool(path, arguments.rows, arguments.row_group)
        else:
            measure(what, path)
        return
    print(ran_on())
    tensors = arguments.rows * sum(WIDTHS.values()) * 4
    found: dict[str, list[tuple[float, float]]] = {"pyarrow": [], "decode": [], "load": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pool.parquet"
        # In its own process, too, since a child's peak starts at its parent's.
        sizes = ["--rows", str(arguments.rows), "--row-group", str(arguments.row_group)]
        subprocess.run(
            [
                *COMMAND,
                "write",
                str(path),
                *sizes,
            ],
            check=True,
        )
        for _ in range(arguments.repeats):
            for what, results in found.items():
                command = [
                    *COMMAND,
                    what,
                    str(path),
                ]
                out = subprocess.run(command, capture_output=True, text=True, check=True)
                seconds, peak = map(float, out.stdout.split())
                results.append((seconds, peak))
    base = statistics.median(seconds for seconds, _ in found["pyarrow"])
    print(f"{'':8} {'seconds':>8} {'ratio':>6} {'peak/tensors':>13}")
    for what, results in found.items():
        seconds = statistics.median(seconds for seconds, _ in results)
        peak = max(peak for _, peak in results) / tensors
        print(f"{what:8} {seconds:8.2f} {seconds / base:6.2f} {peak:13.2f}")


if __name__ == "__main__":
    main()
