"""How CPU time grows with rows, classes, query size and replicas, and what a query holds in memory.

    python -m benchmarks.growth [--plot growth.png]

A slope is that of log time over log size, by least squares: 1 is growth in proportion. Scoring and
query by six strategies, evaluation and one epoch of training are timed, on an mlp of one hidden
layer, with one thread. The time of a size is the least of its repeats.

The memory of a query is its peak (maximum resident set) beyond the process as it was before, in
bytes a byte of the pool's embeddings, plus 1 for the pool itself, which is mapped and wholly read
before. Each strategy is measured in its own process, whose allocator returns large blocks at once:
by default glibc keeps some, and the peak differs from run to run.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from alsim.experiments.curves.querying import query_round
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas, make_setting
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.strategies import find_strategy
from alsim.studies.machine import worker_environment
from alsim.training.fit import Labelled, fit_epochs
from benchmarks.bars import Bar, markdown
from benchmarks.common import parse_arguments, ran_on

COMMAND = (sys.executable, "-m", "benchmarks.growth", "--measure")
STRATEGIES = ("margin", "entropy", "bald", "badge", "core-set", "typiclust")
HOLDING = ("core-set", "typiclust", "badge")  # whose memory is measured
N_EVALUATED = 500  # rows of the test split, where evaluation is not what is timed
BAR = 1.05  # slopes
MEMORY_BAR = 1.3  # bytes a byte of pool

# Work and what grows -> size -> CPU seconds.
Times = dict[tuple[str, str], dict[int, float]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The size of a problem."""

    n: int  # unlabelled, evaluated or trained rows
    c: int = 10
    k: int = 50
    r: int = 1
    m: int = 500  # labelled rows, where they are not what is trained on
    d: int = 64
    width: int = 64
    way: Way = "direct"  # always lockstep where replicas grow, since it costs more for one


def make_problem(sizes: Sizes, embeddings: Tensor, n_train: int) -> Setting:
    """Return a study on embeddings, `(n, d)`: train first, test after that."""
    labels = torch.arange(len(embeddings)) % sizes.c
    pool = Pool(
        name="growth",
        modalities={"x": embeddings},
        present=torch.ones(len(embeddings), 1, dtype=torch.bool),
        tasks={"label": Task("label", tuple(map(str, range(sizes.c))), labels)},
        splits={
            "train": range(n_train),
            "validation": range(n_train, n_train),
            "test": range(n_train, len(embeddings)),
        },
        ids=pa.array(range(len(embeddings))),
    )
    return make_setting(
        pool,
        oracles={"label": PerfectOracle(labels)},
        strategies={name: find_strategy(name).strategy for name in STRATEGIES},
        schedule=Schedule(sizes.m, QuerySize(sizes.k, sizes.k), 1, Until()),
        model=ModelOptions(name="mlp", width=sizes.width, dropout=0.5),
        training=TrainingOptions(epochs=1, batch_size=64),
        way=sizes.way,
        device=torch.device("cpu"),
    )


def draw(n: int, d: int) -> Tensor:
    """Return n rows around 200 centres, so that clusters are found."""
    g = stream(0, "rows")
    centres = 3 * torch.randn(200, d, generator=g)
    return centres[torch.randint(200, (n,), generator=g)] + torch.randn(n, d, generator=g)


def labelled_of(sizes: Sizes, m: int) -> Labelled:
    """Return the first m rows as the labelled ones of every replica."""
    rows = torch.arange(m).expand(sizes.r, -1).contiguous()
    return Labelled(rows, {"label": rows % sizes.c})


def prepare_query(
    sizes: Sizes, strategy: str, embeddings: Tensor | None = None
) -> Callable[[], object]:
    """Return one query of every replica, from the pool and nets to the picked rows."""
    if embeddings is None:
        embeddings = draw(sizes.n + sizes.m + N_EVALUATED, sizes.d)
    setting = make_problem(sizes, embeddings, len(embeddings) - N_EVALUATED)
    seeds = range(sizes.r)
    return partial(
        query_round,
        setting,
        fresh_replicas(setting, seeds, "init"),
        [Job(seed, strategy) for seed in seeds],
        labelled_of(sizes, sizes.m),
        [True] * sizes.r,
        step=1,
        size=sizes.k,
    )


def prepare_evaluation(sizes: Sizes) -> Callable[[], object]:
    """Return one evaluation of every replica on n rows."""
    setting = make_problem(sizes, draw(sizes.n + sizes.m, sizes.d), sizes.m)
    return partial(setting.evaluator.evaluate, fresh_replicas(setting, range(sizes.r), "init"))


def prepare_training(sizes: Sizes) -> Callable[[], object]:
    """Return one epoch of every replica on n rows."""
    setting = make_problem(sizes, draw(sizes.n + N_EVALUATED, sizes.d), sizes.n)
    replicas = fresh_replicas(setting, range(sizes.r), "init")
    labelled, classes = labelled_of(sizes, sizes.n), {"label": sizes.c}
    streams = fit_streams(torch.device("cpu"), range(sizes.r), "train")
    return lambda: fit_epochs(
        replicas, setting.features, labelled, setting.training, n_classes=classes, streams=streams
    )


PREPARE: Mapping[str, Callable[[Sizes], Callable[[], object]]] = {
    **{name: partial(prepare_query, strategy=name) for name in STRATEGIES},
    "evaluation": prepare_evaluation,
    "training": prepare_training,
}


def cpu_seconds(work: Callable[[], object], at_least: float) -> float:
    """Return the least CPU seconds of repeats, as many as take `at_least` seconds; two or more."""
    found: list[float] = []
    while len(found) < 2 or sum(found) < at_least:
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of log seconds over log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def peak_bytes() -> int:
    """Return this process's maximum resident set so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_memory(strategy: str, path: Path, sizes: Sizes) -> None:
    """Print the bytes that one query holds at its peak, beyond a pool that is mapped and read."""
    prepare_query(Sizes(300, m=100), strategy)()  # loads libraries and their buffers
    total = sizes.n + sizes.m + N_EVALUATED
    embeddings = torch.from_numpy(np.memmap(path, np.float32, "c", shape=(total, sizes.d)))
    query = prepare_query(sizes, strategy, embeddings)
    for rows in embeddings.split(1000):
        rows.sum()
    before = peak_bytes()
    query()
    print(peak_bytes() - before)


def memory(sizes: Sizes) -> Iterator[Bar]:
    """Yield the memory of each strategy's query.

    Measured before anything else: the peak of a process that is started begins at its parent's.
    """
    total = sizes.n + sizes.m + N_EVALUATED
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pool.f32"
        with path.open("wb") as file:
            for start in range(0, total, 1000):
                draw(min(1000, total - start), sizes.d).numpy().tofile(file)
        for strategy in HOLDING:
            command = [*COMMAND, strategy, str(path)]
            numbers = [f"--memory-rows={sizes.n}", f"--memory-classes={sizes.c}"]
            environment = {
                **os.environ,
                **worker_environment(1),
                "MALLOC_MMAP_THRESHOLD_": "262144",
            }
            done = subprocess.run(
                [*command, *numbers], env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            yield Bar(
                f"{strategy}: bytes held a byte of pool",
                1 + int(done.stdout) / path.stat().st_size,
                most=MEMORY_BAR,
                floor=f"{sizes.n:,} × {sizes.d}, {sizes.c} classes, width {sizes.width}",
            )


def draw_plot(found: Mapping[tuple[str, str], Mapping[int, float]], path: Path) -> None:
    """Write the log-log plot: one panel for each kind of size, one line for each kind of work."""
    from alsim.plots.drawing.figures import finished, make_panels, own_style, save_figure

    growing = list(dict.fromkeys(what for _, what in found))
    with own_style():
        figure, panels = make_panels(
            growing, n_columns=2, around=(2.0, 1.0), each=(3.6, 2.8), xlabel="size",
            ylabel="CPU seconds",
        )  # fmt: skip
        for axes, what in zip(panels, growing, strict=True):
            for name, of_work in found:
                if of_work == what:
                    seconds = found[name, what]
                    axes.loglog(list(seconds), list(seconds.values()), marker="o", ms=3, label=name)
                    axes.set_xticks(list(seconds), [f"{size:,}" for size in seconds])
            axes.yaxis.set_major_formatter(lambda value, place: f"{value:g}")
            axes.minorticks_off()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        drawing = finished(figure, (), title="Growth of CPU time")
    save_figure(drawing.figure, path)


@dataclass(frozen=True)
class Growing:
    """The sizes that grow, and those that do not meanwhile."""

    rows: Sequence[int] = (4000, 8000, 16_000, 32_000)
    classes: Sequence[int] = (10, 50, 250, 1000, 5000)
    query_sizes: Sequence[int] = (25, 50, 100, 200)
    replicas: Sequence[int] = (1, 2, 4, 8)
    base_rows: int = 8000  # where others grow
    class_rows: int = 2000  # where classes grow
    memory_rows: int = 100_000
    memory_classes: int = 50
    at_least: float = 0.3  # CPU seconds at each size

    @property
    def held(self) -> Sizes:
        """Return the sizes of the query whose memory is measured."""
        return Sizes(self.memory_rows, self.memory_classes, k=100, m=1000, d=512, width=256)


TINY = Growing(
    rows=(300, 600), classes=(5, 20), query_sizes=(5, 10), replicas=(1, 2), base_rows=300,
    class_rows=200, memory_rows=3000, at_least=0.0,
)  # fmt: skip


def slopes(sizes: Growing, found: Times) -> Iterator[Bar]:
    """Yield the slope of each kind of work in each kind of size; `found` gets the times."""
    torch.set_num_threads(1)
    base = Sizes(sizes.base_rows, m=min(500, sizes.base_rows // 4))
    grown: dict[str, tuple[Sequence[int], Callable[[int], Sizes]]] = {
        "rows": (sizes.rows, lambda n: replace(base, n=n)),
        "classes": (sizes.classes, lambda c: replace(base, n=sizes.class_rows, c=c)),
        "query size": (sizes.query_sizes, lambda k: replace(base, k=k)),
        "replicas": (sizes.replicas, lambda r: replace(base, r=r, way="lockstep")),
    }
    for name, prepare in PREPARE.items():
        for what, (numbers, sized) in grown.items():
            if what == "query size" and name not in STRATEGIES:
                continue
            seconds = {n: cpu_seconds(prepare(sized(n)), sizes.at_least) for n in numbers}
            found[name, what] = seconds
            ends = f"{numbers[0]:,} … {numbers[-1]:,}"
            first, last = seconds[numbers[0]], seconds[numbers[-1]]
            yield Bar(
                f"{name}: slope in {what}", slope(numbers, list(seconds.values())), most=BAR,
                floor=f"{ends}: {first * 1e3:,.1f} … {last * 1e3:,.1f} ms",
            )  # fmt: skip


def measure(sizes: Growing, plot: Path | None = None) -> Iterator[Bar]:
    """Yield all bars of this file; write the log-log plot to `plot`."""
    found: Times = {}
    yield from memory(sizes.held)
    yield from slopes(sizes, found)
    if plot:
        draw_plot(found, plot)


def main() -> None:
    """Print the bars."""
    parser = argparse.ArgumentParser(description="growth of CPU time and memory")
    for field in fields(Growing):
        kind, several = (float, None) if field.name == "at_least" else (int, None)
        if isinstance(field.default, tuple):
            several = "+"
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, nargs=several, default=field.default
        )
    parser.add_argument("--plot", type=Path, help="write the log-log plot to this file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parse_arguments(parser, **asdict(TINY))
    sizes = Growing(**{field.name: getattr(arguments, field.name) for field in fields(Growing)})
    if arguments.measure:
        measure_memory(arguments.measure[0], Path(arguments.measure[1]), sizes.held)
        return
    print(ran_on(), flush=True)
    print(markdown(measure(sizes, arguments.plot)))


if __name__ == "__main__":
    main()
