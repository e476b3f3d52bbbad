"""Where the time of four jobs goes: operations, bytes, the floor on this machine, and the profile.

Each job is a whole run in a process of its own, in one thread. Floating-point operations are
counted in a second run; the floor is the time they take at the rate of the job's own first product,
measured beside it. It is lower than what can be reached, since narrow products are slower.

    python -m benchmarks.jobs --data FOLDER
    python -m benchmarks.jobs --data FOLDER --only fashion --profile 20
"""

import argparse
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from benchmarks.bars import Bar, markdown
from benchmarks.common import parse_arguments, ran_on

# What a profile attributes to products: a matrix product forward, or a backward pass, most of it.
_PRODUCTS = ("torch._C._nn.linear", "run_backward", "addmm", "torch.mm", "method 'mm'")
_READING = ("'acquire' of '_thread.lock'",)  # waits for the threads that read the pool
_IMPORTS = ("marshal.loads", "create_dynamic", "importlib", "builtins.exec", "__build_class__")

MADE_UP = "made-up.parquet"
Options = Mapping[str, Any]
JOBS: Mapping[str, Options] = {
    "MNIST": {
        "pool": "mnist.parquet", "model": "mlp", "strategy": "margin", "initial_size": 200,
        "query_size": 20, "steps": 20, "epochs": 5, "batch_size": 64, "batch_rule": "fixed",
    },
    "VK-like, 100,000 × (512 + 256)": {
        "pool": MADE_UP, "model": "three-head", "strategy": "margin", "initial_size": 2000,
        "query_size": 20, "steps": 20,
    },
    "fashion": {
        "pool": "fashion_image_text.parquet", "model": "three-head", "strategy": "margin",
        "initial_size": 2000, "query_size": 20, "steps": 20,
    },
    "embedded": {"strategy": "random,margin"},
}  # fmt: skip


def run_job(options: Options, out: Path) -> None:
    """Run a job in this process."""
    import alsim

    alsim.run(**options, seeds=1, workers=0, out=out, force=True)


def of_process(options: Options, how: str) -> dict[str, Any]:
    """Return what a process that runs a job prints: its profile, or its operations."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "benchmarks.jobs", "--measure", how),
            *("--job", json.dumps({**options, "out": folder})),
        ]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit(f"{done.stderr}\nexit code {done.returncode}")
        return json.loads(done.stdout.splitlines()[-1])


def profiled(options: Options, out: Path) -> dict[str, Any]:
    """Return the CPU seconds of a job, in all and by function, without what they call."""
    profile = cProfile.Profile(time.process_time)
    started = time.process_time()
    profile.runcall(run_job, options, out)
    seconds = time.process_time() - started
    functions: dict[str, float] = {}
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # pyright: ignore[reportAttributeAccessIssue] -- untyped
        where = name if file == "~" else f"{'/'.join(Path(file).parts[-2:])}: {name}"
        functions[where] = functions.get(where, 0) + own
    return {"seconds": seconds, "functions": functions}


def counted(options: Options, out: Path) -> dict[str, Any]:
    """Return the floating-point operations of a job, and the rate of a product of its pool."""
    import torch
    from torch.nn import functional as F
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with counter:
        run_job(options, out)
    manifest = json.loads((out / "run.json").read_text())
    widths = manifest["pool"]["modalities"].values()
    rows, width = sum(manifest["pool"]["rows"].values()), max(widths)
    x, w = torch.rand(min(rows, 60_000), width), torch.rand(256, width)
    taken: list[float] = []
    for _ in range(5):
        started = time.process_time()
        for chunk in x.split(1024):
            F.linear(chunk, w)
        taken.append(time.process_time() - started)
    return {
        "flops": counter.get_total_flops(),
        "rate": 2 * x.numel() * 256 / min(taken),
        "pool_bytes": rows * sum(widths) * 4,
    }


def measure(jobs: Mapping[str, Options], n_shown: int = 0) -> Iterator[Bar]:
    """Yield, for each job, its time against its floor, and the largest share beside products.

    The `n_shown` functions that take longest are printed to stderr.
    """
    for name, options in jobs.items():
        found = of_process(options, "profile")
        facts = of_process(options, "count")
        floor = facts["flops"] / facts["rate"]
        seconds, functions = found["seconds"], found["functions"]
        of_products, of_imports, reading = (
            sum(s for f, s in functions.items() if any(p in f for p in parts))
            for parts in (_PRODUCTS, _IMPORTS, _READING)
        )
        known = (*_PRODUCTS, *_IMPORTS, *_READING)
        others = {f: s for f, s in functions.items() if not any(p in f for p in known)}
        worst = max(others, key=lambda f: others[f])
        yield Bar(
            f"{name}: CPU seconds / those of its products", seconds / floor,
            floor=f"{seconds:.1f} s; {facts['flops'] / 1e9:,.0f} GFLOP at "
            f"{facts['rate'] / 1e9:.0f} GFLOP/s: {floor:.1f} s; products take {of_products:.1f} s, "
            f"imports {of_imports:.1f} s, reading the pool {reading:.1f} s; "
            f"{facts['pool_bytes'] / 1e6:,.0f} MB a pass over the pool",
        )  # fmt: skip
        yield Bar(
            f"{name}: largest share of another function", others[worst] / seconds, most=0.05,
            floor=worst,
        )  # fmt: skip
        for function in sorted(functions, key=lambda f: -functions[f])[:n_shown]:
            taken = functions[function]
            print(f"  {taken:7.2f} s {taken / seconds:6.1%}  {function}", file=sys.stderr)


def chosen(
    data: Path | None, folder: Path, *, rows: int, names: Sequence[str] = (), steps: int = 0
) -> dict[str, Options]:
    """Return the jobs to measure, with the paths of their pools.

    Args:
        data: Where pools are; a job whose pool is not there is left out.
        folder: For the pool that is made up.
        rows: Of that pool.
        names: What a job's name begins with; none: all jobs.
        steps: Queries, in place of each job's own number; 0: that.
    """
    jobs: dict[str, Options] = {}
    for name, own in JOBS.items():
        if not name.startswith(tuple(names) or ""):
            continue
        options = {**own, "steps": steps} if steps else dict(own)
        if "pool" in own:
            path = folder / MADE_UP if own["pool"] == MADE_UP else (data or Path()) / own["pool"]
            if own["pool"] == MADE_UP:
                made = VkOptions(n_rows=rows, picture_width=512, text_width=256)
                pq.write_table(vk_pool(made), path)
            elif not path.exists():
                print(f"{name}: left out, there is no {path}")
                continue
            options["pool"] = str(path)
        jobs[name] = options
    return jobs


def main() -> None:
    """Print the bars, or do what a parent process asked for."""
    parser = argparse.ArgumentParser(description="where the time of four jobs goes")
    parser.add_argument("--data", type=Path, help="folder with mnist.parquet and the fashion pool")
    parser.add_argument("--only", nargs="*", default=[], help="jobs whose names begin so")
    parser.add_argument("--profile", type=int, default=0, help="functions to show of each job")
    parser.add_argument("--steps", type=int, help="queries, in place of each job's own number")
    parser.add_argument("--rows", type=int, default=100_000, help="of the made-up pool")
    parser.add_argument("--measure", choices=("profile", "count"), help=argparse.SUPPRESS)
    parser.add_argument("--job", type=json.loads, help=argparse.SUPPRESS)
    arguments = parse_arguments(parser, steps=1, rows=3000, only=["VK-like", "embedded"])
    if arguments.measure:
        what = profiled if arguments.measure == "profile" else counted
        out = Path(arguments.job.pop("out"))
        print(json.dumps(what(arguments.job, out)))
        return
    print(ran_on())
    with tempfile.TemporaryDirectory() as folder:
        jobs = chosen(
            arguments.data,
            Path(folder),
            rows=arguments.rows,
            names=arguments.only,
            steps=arguments.steps or 0,
        )
        print(markdown(measure(jobs, arguments.profile)))


if __name__ == "__main__":
    main()
