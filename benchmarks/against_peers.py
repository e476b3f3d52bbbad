"""The time of one query by alsim and by other active-learning libraries, in one run.

A query is everything from the pool and the trained net to the k rows: forward passes, scores and
selection. All libraries get the same pool, net and number of threads. Each measurement runs in its
own process, warmed up on a small pool; fast ones are repeated three times, with the libraries
taking turns, and the median counts. A query that takes too long or too much memory is stopped, and
both are then also measured on a tenth of the rows.

    python -m benchmarks.against_peers
    python -m benchmarks.against_peers --rows 6000 --strategies margin badge   # a quick look
"""

import argparse
import importlib.util
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from alsim.experiments.curves.querying import query_round
from alsim.experiments.jobs import Job
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, fit_streams, fresh_replicas, make_setting
from alsim.options.model import ModelOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.strategies import Strategy, badge, committee, core_set, typiclust, uncertainty
from alsim.studies.machine import worker_environment
from alsim.training.fit import Labelled, fit_epochs
from benchmarks.common import parse_arguments, ran_on
from benchmarks.peers import CHUNK, DROPOUT, N_CLASSES, PEERS, WIDTH, Net, Problem, Query

N_VALIDATION = 500
MODULES = {"scikit-activeml": "skactiveml", "small-text": "small_text", "baal": "baal"}
FAST = 20.0  # seconds; what is faster is measured again
GIB = 1 << 30
FAILED = "failed"

STRATEGIES: Mapping[str, Callable[[Problem], Strategy]] = {
    "margin": lambda _: uncertainty.margin(),
    "bald": lambda _: committee.bald(),
    "bald(masks=independent)": lambda _: committee.bald(masks="independent"),
    "badge": lambda _: badge.badge(),
    "core-set": lambda _: core_set.core_set(),
    "typiclust": lambda _: typiclust.typiclust(),
    "typiclust(max-clusters=m+k)": lambda problem: typiclust.typiclust(
        max_clusters=problem.m + problem.k
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one measurement."""

    seconds: int
    memory: int  # GiB of address space
    at_least: float  # seconds; within a process, a query is repeated until then


@dataclass(frozen=True, slots=True)
class Timing:
    """A library's times, memory and chosen rows."""

    wall: float
    cpu: float
    peak: float = 0  # GiB of resident memory, the whole process
    rows: tuple[int, ...] = ()
    stopped: str = ""  # why it did not finish; the times are then those until the stop


def make_problem(n: int, m: int, d: int, k: int) -> Problem:
    """Return a mixture of ten classes, each of five sub-clusters, and a net trained on m rows.

    The noise of feature j has the standard deviation j^(−1/4), so that the spectrum falls like that
    of embeddings.
    """
    g = stream(0, "peers")
    size, n_parts = n + m + N_VALIDATION, 5 * N_CLASSES
    part = torch.randint(n_parts, (size,), generator=g)
    labels = part % N_CLASSES
    scale = torch.arange(1, d + 1) ** -0.25
    of_class, of_part = (torch.randn(c, d, generator=g) * scale for c in (N_CLASSES, n_parts))
    embeddings = torch.randn(size, d, generator=g) * scale
    embeddings += 0.15 * (of_class[labels] + of_part[part])
    problem = Problem(embeddings, labels, n, m, k, {})
    setting = make_alsim(problem)
    replicas = fresh_replicas(setting, [0], "init")
    fit_epochs(
        replicas, setting.features, labelled_of(problem), setting.training,
        n_classes=setting.n_classes, streams=fit_streams(setting.features.device, [0], "passive"),
    )  # fmt: skip
    return replace(problem, state=replicas.state().to_tensors())


def make_alsim(problem: Problem) -> Setting:
    """Return alsim's study of a problem."""
    n, m, size = problem.n, problem.m, len(problem.labels)
    pool = Pool(
        name="mixture",
        modalities={"embedding": problem.embeddings},
        present=torch.ones(size, 1, dtype=torch.bool),
        tasks={"label": Task("label", tuple("abcdefghij"), problem.labels)},
        splits={"train": range(n + m), "validation": range(n + m, size), "test": range(0)},
        ids=pa.array(range(size)),
    )
    return make_setting(
        pool,
        oracles={"label": PerfectOracle(problem.labels)},
        strategies={name: build(problem) for name, build in STRATEGIES.items()},
        schedule=Schedule(m, QuerySize(problem.k, problem.k), 1, Until()),
        model=ModelOptions(name="mlp", width=WIDTH, dropout=DROPOUT),
        training=TrainingOptions(batch_size=64, epochs=20),
        way="direct",
        device=torch.device("cpu"),
    )


def labelled_of(problem: Problem) -> Labelled:
    """Return the m rows that are labelled."""
    rows = torch.arange(problem.n, problem.n + problem.m).unsqueeze(0)
    return Labelled(rows, {"label": problem.labels[rows]})


def prepare_alsim(problem: Problem, strategy: str) -> Query:
    """Return alsim's query, as a run makes it."""
    setting = make_alsim(problem)
    replicas = fresh_replicas(setting, [0], "init")
    replicas.load(type(replicas.state()).from_tensors(dict(problem.state)))
    labelled = labelled_of(problem)
    jobs = [Job(0, strategy)]

    def query() -> Tensor:
        queried = query_round(setting, replicas, jobs, labelled, [True], step=1, size=problem.k)
        return queried[0].rows

    return query


# How good the picks are by each strategy's own aim, to check that all libraries did the same.


def mean_margin(problem: Problem, rows: Tensor) -> float:
    """Return the mean of p₍₁₎ − p₍₂₎ over the picks."""
    proba = Net(problem).predict_proba(problem.embeddings[rows].numpy())
    best = torch.from_numpy(proba).topk(2).values
    return (best[:, 0] - best[:, 1]).mean().item()


def mean_information(problem: Problem, rows: Tensor) -> float:
    """Return the picks' mean mutual information in nats, by 500 new members."""
    proba = Net(problem).predict_proba(problem.embeddings[rows].numpy(), 500)
    return committee.mutual_information(torch.from_numpy(proba)).mean().item()


def mean_gradient_distance(problem: Problem, rows: Tensor) -> float:
    """Return the mean squared distance of the gradients to the nearest pick's."""
    hidden, proba = map(torch.from_numpy, Net(problem).embed(problem.pool[: problem.n]))
    factor = badge.gradient_at_prediction(proba)
    norms = factor.square().sum(1) * hidden.square().sum(1)
    inner = (factor @ factor[rows].T) * (hidden @ hidden[rows].T)
    return (norms[:, None] + norms[rows] - 2 * inner).amin(1).mean().item()


def covering_radius(problem: Problem, rows: Tensor) -> float:
    """Return the largest distance of a hidden vector to the nearest labelled or picked one."""
    hidden = torch.from_numpy(Net(problem).embed(problem.pool)[0]).double()
    centres = torch.cat([hidden[problem.n :], hidden[rows]])
    blocks = hidden[: problem.n].split(CHUNK)
    return max(torch.cdist(block, centres).amin(1).max().item() for block in blocks)


def mean_neighbour_distance(problem: Problem, rows: Tensor) -> float:
    """Return the picks' mean distance to the 20 nearest rows of the pool."""
    pool = torch.from_numpy(problem.pool)
    return torch.cdist(pool[rows], pool).topk(21, largest=False).values[:, 1:].mean().item()


MEASURES: Mapping[str, tuple[str, Callable[[Problem, Tensor], float]]] = {
    "margin": ("the picks' mean margin", mean_margin),
    "bald": ("the picks' mean mutual information by 500 new members, nats", mean_information),
    "badge": ("mean squared distance of gradients to the nearest pick", mean_gradient_distance),
    "core-set": ("largest distance to a labelled or picked row", covering_radius),
    "typiclust": ("the picks' mean distance to their 20 nearest", mean_neighbour_distance),
}


def measure(library: str, strategy: str, limits: Limits, folder: Path) -> None:
    """Run one query of one library, and write its times to the folder's `answer.json`."""
    answer = folder / "answer.json"
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory * GIB, limits.memory * GIB))
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)  # the others' dropout draws from it
    problem = Problem(**torch.load(folder / "problem.pt", weights_only=True))

    def prepare(problem: Problem) -> Query:
        if library == "alsim":
            return prepare_alsim(problem, strategy)
        return PEERS[strategy][library](problem)

    try:
        few = problem.smaller(min(400, problem.n), min(50, problem.m), 5)
        prepare(few)()  # so that imports and first calls are not timed
        query = prepare(problem)
        times: list[tuple[float, float]] = []
        rows: Any = ()
        # Without a handler the alarm ends the process at once.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        while not times or sum(wall for wall, _ in times) < limits.at_least:
            before = time.perf_counter(), time.process_time()
            answer.write_text(json.dumps({"cpu_before": before[1]}))
            signal.alarm(limits.seconds)
            rows = query()
            signal.alarm(0)
            times.append((time.perf_counter() - before[0], time.process_time() - before[1]))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        answer.write_text(json.dumps({"stopped": "out of memory"}))
        return
    unit = 1 if sys.platform == "darwin" else 1024
    measured = {
        "wall": statistics.median(wall for wall, _ in times),
        "cpu": statistics.median(cpu for _, cpu in times),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB,
        "rows": [int(row) for row in rows],
    }
    answer.write_text(json.dumps(measured))


def timed(library: str, strategy: str, problem: Problem, limits: Limits, threads: int) -> Timing:
    """Return a library's times, measured in its own process."""
    environment = {
        **os.environ,
        **{f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "MKL", "OPENBLAS")},
        **(worker_environment(threads) if library == "alsim" else {}),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fields = ("embeddings", "labels", "n", "m", "k", "state")
        torch.save({f: getattr(problem, f) for f in fields}, folder / "problem.pt")
        command = [
            *(sys.executable, "-m", "benchmarks.against_peers"),
            *("--measure", library, strategy, name),
            *("--limit", str(limits.seconds), "--memory", str(limits.memory)),
            *("--at-least", str(limits.at_least)),
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = folder / "answer.json"
        measured = json.loads(answer.read_text()) if answer.exists() else {}
    if done.returncode == -signal.SIGALRM:
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return Timing(limits.seconds, cpu - measured["cpu_before"], stopped="too slow")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Timing(0, 0, stopped=f"{FAILED}: {last[:90]}")
    if "stopped" in measured:
        return Timing(0, 0, stopped=f"{measured['stopped']} ({limits.memory} GiB)")
    rows = tuple(measured["rows"])
    return Timing(measured["wall"], measured["cpu"], measured["peak"], rows)


def by_turns(
    libraries: Sequence[str], ask: Callable[[str], Timing], repeats: int
) -> dict[str, Timing]:
    """Return each library's median; slow ones are measured once."""
    timings: dict[str, list[Timing]] = {library: [ask(library)] for library in libraries}
    for _ in range(repeats - 1):
        for library, mine in timings.items():
            if mine[0].rows and mine[0].wall < FAST:
                mine.append(ask(library))
    return {
        library: replace(
            mine[0],
            wall=statistics.median(timing.wall for timing in mine),
            cpu=statistics.median(timing.cpu for timing in mine),
        )
        for library, mine in timings.items()
    }


def report(strategy: str, problem: Problem, timings: Mapping[str, Timing]) -> None:
    """Print one strategy's part of the table."""
    meaning, judge = MEASURES[strategy.partition("(")[0]]
    generator = stream(0, "reference")
    random = torch.randperm(problem.n, generator=generator)[: problem.k]
    print(f"{strategy}: {problem.n:,} rows, {problem.m:,} labelled; measure: {meaning}")
    print(f"  {'random rows':<32} {judge(problem, random):68.4f}")
    ours = timings["alsim"]
    if ours.stopped.startswith(FAILED):
        sys.exit(f"alsim's own query {ours.stopped}")
    for library, timing in timings.items():
        if not timing.rows:
            bounds = ""
            if timing.wall and ours.rows:
                bounds = (
                    f": > {timing.wall:.0f} s wall, {timing.cpu:.0f} s CPU, ratios "
                    f"> {timing.wall / ours.wall:.1f} and > {timing.cpu / ours.cpu:.1f}"
                )
            print(f"  {library:<32} {timing.stopped}{bounds}", flush=True)
            continue
        ratios = f"{timing.wall / ours.wall:8.2f} {timing.cpu / ours.cpu:8.2f}" if ours.rows else ""
        shared = len(set(timing.rows) & set(ours.rows))
        print(
            f"  {library:<32} {timing.wall:8.3f} {timing.cpu:8.3f} {timing.peak:7.1f} {ratios:17} "
            f"{shared:7} {judge(problem, torch.tensor(timing.rows)):16.4f}",
            flush=True,
        )


def main() -> None:
    """Time every strategy by alsim and by the libraries that have it, and print the ratios."""
    parser = argparse.ArgumentParser(description="alsim's queries against other libraries'")
    parser.add_argument("--rows", type=int, default=60_000, help="unlabelled")
    parser.add_argument("--labelled", type=int, default=2_000)
    parser.add_argument("--width", type=int, default=512, help="of the embeddings")
    parser.add_argument("--query-size", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=120, help="seconds for one query")
    parser.add_argument("--memory", type=int, default=8, help="GiB for one process")
    parser.add_argument("--repeats", type=int, default=3, help="of what is fast, by turns")
    parser.add_argument(
        "--at-least", type=float, default=3.0, help="seconds; a fast query is repeated until then"
    )
    parser.add_argument("--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES))
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parse_arguments(
        parser, rows=300, labelled=40, width=8, query_size=5, threads=1, repeats=1, at_least=0.0
    )
    limits = Limits(arguments.limit, arguments.memory, arguments.at_least)
    if arguments.measure:
        library, strategy, folder = arguments.measure
        measure(library, strategy, limits, Path(folder))
        return
    present = [name for name, module in MODULES.items() if importlib.util.find_spec(module)]
    for name in MODULES:
        if name not in present:
            print(f"{name} is not installed, so it is left out")
    print(ran_on(present))
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    problem = make_problem(
        arguments.rows, arguments.labelled, arguments.width, arguments.query_size
    )
    start = problem.n + problem.m
    proba = Net(problem).predict_proba(problem.embeddings[start:].numpy())
    accuracy = (torch.from_numpy(proba).argmax(1) == problem.labels[start:]).float().mean()
    print(
        f"{arguments.width} features, k = {problem.k}, {arguments.threads} threads, "
        f"the net's accuracy {accuracy:.2f}"
    )
    heads = ("wall s", "CPU s", "GiB", "wall x", "CPU x", "shared", "measure")
    print(f"  {'':<32} {'{:>8} {:>8} {:>7} {:>8} {:>8} {:>7} {:>16}'.format(*heads)}")
    for strategy in arguments.strategies:

        def compare(size: Problem, libraries: Sequence[str], strategy: str = strategy) -> list[str]:
            timings = by_turns(
                libraries,
                lambda library: timed(library, strategy, size, limits, arguments.threads),
                arguments.repeats,
            )
            report(strategy, size, timings)
            return [library for library, timing in timings.items() if not timing.rows]

        peers = [label for label in PEERS[strategy] if label.partition(",")[0] in present]
        stopped = compare(problem, ["alsim", *peers])
        if stopped and problem.n >= 10_000:
            tenth = problem.smaller(problem.n // 10, problem.m // 10, problem.k)
            compare(tenth, ["alsim", *(library for library in stopped if library != "alsim")])


if __name__ == "__main__":
    main()
