"""Rates beside the products that they consist of, on one thread, interleaved in one process.

Scoring by margin against its first product alone; BALD against margin; a training step of the
three-head net, masks and gathering included, against its products.

    python -m benchmarks.kernels
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

# Read by the libraries when they are first used.
os.environ["OMP_NUM_THREADS"] = "1"

import torch
from torch import Tensor
from torch.nn import functional as F

from alsim.experiments.curves.querying import query_round
from alsim.experiments.jobs import Job
from alsim.experiments.setting import fresh_replicas
from alsim.models import Shape
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.seeding import stream
from alsim.studies.bits import compute_strictly
from alsim.training.dropout import draw_masks
from alsim.training.features import Features
from alsim.training.objective import make_objective
from alsim.training.replicas import Batch
from alsim.training.ways import make_replicas
from benchmarks.against_peers import labelled_of, make_alsim, make_problem
from benchmarks.bars import Bar, markdown
from benchmarks.common import parse_arguments, ran_on


@dataclass(frozen=True)
class Sizes:
    """The sizes of the work."""

    rows: int = 60_000
    width: int = 784  # of the scored pool
    batch: int = 500
    repeats: int = 7


def medians(
    jobs: Mapping[str, Callable[[], object]], repeats: int, times: int = 1
) -> dict[str, float]:
    """Return the median CPU seconds of each job, taken in turns after one call to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            started = time.process_time()
            for _ in range(times):
                job()
            if turn:
                taken[name].append((time.process_time() - started) / times)
    return {name: statistics.median(each) for name, each in taken.items()}


def scoring(sizes: Sizes) -> Iterator[Bar]:
    """Yield the rate of a query by margin, and BALD's time against it."""
    problem = make_problem(sizes.rows, 2000, sizes.width, 100)
    setting = make_alsim(problem)
    replicas = fresh_replicas(setting, [0], "init")
    replicas.load(type(replicas.state()).from_tensors(dict(problem.state)))
    labelled = labelled_of(problem)
    weight = torch.randn(256, sizes.width)
    rows = problem.embeddings[: sizes.rows]

    def query(strategy: str) -> Callable[[], object]:
        return lambda: query_round(
            setting, replicas, [Job(0, strategy)], labelled, [True], step=1, size=problem.k
        )

    def product() -> None:
        for chunk in rows.split(setting.chunks.size):
            F.linear(chunk, weight)

    def at_once() -> None:
        F.linear(rows, weight)

    seconds = medians(
        {"product": product, "at once": at_once, "margin": query("margin"), "bald": query("bald")},
        sizes.repeats,
    )
    flops = 2 * sizes.rows * sizes.width * 256
    best = min(seconds["product"], seconds["at once"])
    yield Bar(
        "scoring by margin, share of its product's rate", best / seconds["margin"], least=0.75,
        floor=f"{flops / seconds['margin'] / 1e9:.0f} of {flops / best / 1e9:.0f} GFLOP/s, "
        f"{sizes.rows:,} × {sizes.width}, the whole query",
    )  # fmt: skip
    yield Bar(
        "BALD with 20 members / margin", seconds["bald"] / seconds["margin"], most=1.5,
        floor=f"{seconds['bald']:.2f} s, {seconds['margin']:.2f} s",
    )  # fmt: skip


def training(sizes: Sizes) -> Iterator[Bar]:
    """Yield the time of a three-head step against that of its products."""
    widths, n_classes, width = {"image": 512, "text": 128}, 143, 256
    options = TrainingOptions()
    objective = make_objective(
        Shape(widths, {"label": n_classes}), ModelOptions(name="three-head", width=width), options,
        generator=stream(0, "kernels"),
    )  # fmt: skip
    replica = make_replicas("direct", [objective], options)
    generator = stream(0, "kernels", "data")
    n = 40 * sizes.batch
    modalities = {name: torch.randn(n, d, generator=generator) for name, d in widths.items()}
    features = Features(modalities, torch.ones(n, 2), torch.float32)
    labels = torch.randint(0, n_classes, (1, sizes.batch), generator=generator)

    def step() -> None:
        rows = torch.randint(0, n, (1, sizes.batch), generator=generator)
        masks = draw_masks(replica.sites, sizes.batch, torch.float32, [generator])
        replica.step(Batch(features.take(rows), {"label": labels}, {}), masks, "train")

    shapes = [(d, width, False) for d in widths.values()]
    shapes += [(2 * width + 2, width, True), *[(width, n_classes, True)] * 3]
    parts = [
        (torch.randn(sizes.batch, n_in), torch.randn(n_out, n_in), torch.randn(sizes.batch, n_out),
         is_deep)
        for n_in, n_out, is_deep in shapes
    ]  # fmt: skip

    def products() -> None:
        for x, w, slopes, is_deep in parts:
            _products(x, w, slopes, is_deep=is_deep)

    seconds = medians({"step": step, "products": products}, sizes.repeats, times=10)
    yield Bar(
        "three-head step / its products", seconds["step"] / seconds["products"], most=2.2,
        floor=f"{seconds['step'] * 1e3:.1f} ms, {seconds['products'] * 1e3:.1f} ms; "
        f"{sizes.batch} rows, masks and gathering included",
    )  # fmt: skip


def _products(x: Tensor, w: Tensor, slopes: Tensor, *, is_deep: bool) -> None:
    """Do the products of a linear layer, forward and backward; the first need no input's slopes."""
    F.linear(x, w)
    torch.mm(slopes.t(), x)
    if is_deep:
        torch.mm(slopes, w)


def measure(sizes: Sizes) -> Iterator[Bar]:
    """Yield all bars of this file."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    yield from scoring(sizes)
    yield from training(sizes)


def main() -> None:
    """Print the bars."""
    compute_strictly(0)
    parser = argparse.ArgumentParser(description="rates beside those of the products")
    parser.add_argument("--rows", type=int, default=Sizes.rows)
    parser.add_argument("--repeats", type=int, default=Sizes.repeats)
    arguments = parse_arguments(parser, rows=3000, repeats=1)
    print(ran_on())
    print(markdown(measure(Sizes(rows=arguments.rows, repeats=arguments.repeats))))


if __name__ == "__main__":
    main()
