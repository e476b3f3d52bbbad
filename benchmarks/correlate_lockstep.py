"""The copies of one metric in lockstep, one after another, and in a plain PyTorch loop.

`alsim correlate` fine-tunes a hundred copies of one net on a hundred rows each and evaluates them.
Three ways are timed in turns, from the same start, on the same groups:

- lockstep: alsim, all copies stacked as one program;
- direct: alsim, one copy after another;
- plain: a hand-written loop with `copy.deepcopy` and `torch.optim.Adam`. It slices tensors, since a
  DataLoader would be slower, and trains alsim's module with PyTorch's dropout.

    python -m benchmarks.correlate_lockstep                                # the embedded pool's net
    python -m benchmarks.correlate_lockstep --mnist ../shared/data/mnist.parquet --epochs 1 10
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from alsim.experiments.asking import initial_query
from alsim.experiments.correlation import CorrelationOptions, correlate
from alsim.experiments.passive import Passive, passive
from alsim.experiments.progress import Progress
from alsim.experiments.schedule import Schedule
from alsim.experiments.setting import Setting, make_setting
from alsim.models import MIXED, Inputs
from alsim.models.layers import StreamDropout
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.pool import PoolOptions
from alsim.options.sizes import QuerySize, Until
from alsim.options.synthetic import VkOptions
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.loading import load_pool
from alsim.pool.pool import Pool
from alsim.pool.source import open_source
from alsim.pool.splits import FreeValidation
from alsim.pool.synthetic import vk_pool
from alsim.seeding import stream
from alsim.strategies import find_strategy
from alsim.training.features import shape_of
from alsim.training.objective import Objective, make_objective
from benchmarks.common import parse_arguments, ran_on

METRIC = "random"  # costs nothing to score, so that the copies alone are timed


@dataclass
class Clock(Progress):
    """Wall and CPU seconds, and wall seconds of training alone."""

    device: torch.device
    wall: float = 0.0
    cpu: float = 0.0
    training: float = 0.0
    _since: tuple[float, float] = field(default=(0.0, 0.0))
    _phase: str = ""

    def start(self) -> None:
        """Begin."""
        self._since, self._phase = self._now(), ""

    def phase(self, name: str) -> None:
        """End the current phase, if any, and begin another."""
        now = self._now()
        self.wall += now[0] - self._since[0]
        self.cpu += now[1] - self._since[1]
        if self._phase == "train":
            self.training += now[0] - self._since[0]
        self._since, self._phase = now, name

    def _now(self) -> tuple[float, float]:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def make(
    pool: Pool, model: ModelOptions, epochs: int, device: torch.device, initial_size: int
) -> Setting:
    """Return the setting of a study on a pool."""
    task = next(iter(pool.tasks))
    return make_setting(
        pool,
        oracles={task: PerfectOracle(pool.tasks[task].labels)},
        strategies={METRIC: find_strategy(METRIC).strategy},
        schedule=Schedule(initial_size, QuerySize(20, 20), 1, Until()),
        model=model,
        training=TrainingOptions(max_epochs=5, epochs=epochs),
        way="direct",
        device=device,
    )


def run_alsim(
    setting: Setting, start: Passive, options: CorrelationOptions, way: Way, clock: Clock
) -> list[float]:
    """Return the accuracy of each copy, trained by alsim."""
    setting = replace(setting, way=way)
    clock.start()
    found = list(correlate(setting, 0, start, [METRIC], options, clock))
    clock.phase("")
    return [record.accuracy for record in found[0]]


def plain_net(setting: Setting, start: Passive) -> Objective:
    """Return the start as a separate module, with PyTorch's dropout."""
    net = make_objective(
        shape_of(setting.pool), setting.model, setting.training, generator=stream(0, "plain")
    )
    tensors = {k: v[0] for k, v in {**start.state.parameters, **start.state.buffers}.items()}
    net.load_state_dict({k: v for k, v in tensors.items() if k in net.state_dict()})
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, StreamDropout):
                setattr(parent, name, nn.Dropout(child.p))
    return net.to(setting.features.device)


def run_plain(
    setting: Setting, start: Passive, options: CorrelationOptions, clock: Clock
) -> list[float]:
    """Return the accuracy of each copy, trained by a hand-written loop."""
    labels = setting.pool.tasks[setting.task].labels.to(setting.features.device)
    unlabelled = set(setting.train) - set(initial_query(setting, 0)[0].tolist())
    rows = torch.tensor(sorted(unlabelled))
    generator = stream(0, "plain")
    drawn = rows[torch.randperm(len(rows), generator=generator)]
    test = setting.evaluator.rows
    original = plain_net(setting, start)
    optimiser = torch.optim.Adam(original.parameters(), lr=setting.training.learning_rate)

    def inputs(chosen: Tensor | slice) -> Inputs:
        modalities = {name: x[chosen] for name, x in setting.features.modalities.items()}
        return Inputs(modalities, setting.features.present[chosen])

    accuracies: list[float] = []
    clock.start()
    for group in drawn[: options.sample_size].split(options.group_size):
        clock.phase("train")
        net = copy.deepcopy(original)
        mine = torch.optim.Adam(net.parameters(), lr=setting.training.learning_rate)
        mine.load_state_dict(optimiser.state_dict())
        net.train()
        for _ in range(setting.training.epochs):
            order = group[torch.randperm(len(group), generator=generator)]
            for batch in order.to(labels.device).split(setting.training.batch_size):
                mine.zero_grad()
                net(inputs(batch), {setting.task: labels[batch]}, {}).total.backward()
                mine.step()
        clock.phase("evaluate")
        net.eval()
        right = 0
        with torch.no_grad():
            for first in range(test.start, test.stop, 1024):
                part = slice(first, min(first + 1024, test.stop))
                logits = net.model(inputs(part)).logits[setting.task][MIXED]
                right += int((logits.argmax(1) == labels[part]).sum())
        accuracies.append(right / len(test))
    clock.phase("")
    return accuracies


def compare(
    name: str, pool: Pool, model: ModelOptions, arguments: argparse.Namespace, device: torch.device
) -> None:
    """Time the three ways on one net and print a table."""
    size = arguments.group_size
    options = CorrelationOptions(size * arguments.groups, size, arguments.groups)
    settings = {
        epochs: make(pool, model, epochs, device, arguments.initial_size)
        for epochs in arguments.epochs
    }
    start = passive(next(iter(settings.values())), [0], Progress())
    for epochs, setting in settings.items():
        ways: dict[str, Callable[[CorrelationOptions, Clock], list[float]]] = {
            "lockstep": lambda o, c: run_alsim(setting, start, o, "lockstep", c),  # noqa: B023
            "direct": lambda o, c: run_alsim(setting, start, o, "direct", c),  # noqa: B023
            "plain": lambda o, c: run_plain(setting, start, o, c),  # noqa: B023
        }
        for threads in arguments.threads if device.type == "cpu" else [torch.get_num_threads()]:
            torch.set_num_threads(threads)
            title = (
                f"{threads} thread{'s' if threads > 1 else ''}" if device.type == "cpu" else "GPU"
            )
            print(f"{name}, {arguments.groups} groups of {size}, {epochs} epochs, {title}:")
            report(ways, options, arguments.repeats, device)


def report(
    ways: dict[str, Callable[[CorrelationOptions, Clock], list[float]]],
    options: CorrelationOptions,
    repeats: int,
    device: torch.device,
) -> None:
    """Time the ways in turns, and print medians and ratios."""
    few = replace(options, sample_size=3 * options.group_size, most=3)
    clocks: dict[str, list[Clock]] = {way: [] for way in ways}
    accuracies: dict[str, Sequence[float]] = {}
    for run in ways.values():
        run(few, Clock(device))  # imports, compilation and first allocations are not timed
    for _ in range(repeats):
        for way, run in ways.items():
            clock = Clock(device)
            accuracies[way] = run(options, clock)
            clocks[way].append(clock)
    kinds = ("wall", "cpu", "training")
    medians = {
        way: [statistics.median(getattr(clock, kind) for clock in mine) for kind in kinds]
        for way, mine in clocks.items()
    }
    for way, (wall, cpu, training) in medians.items():
        ratios = [a / b for a, b in zip(medians[way], medians["lockstep"], strict=True)]
        print(
            f"  {way:<9} {wall:7.2f} s wall ({ratios[0]:5.2f} x) {cpu:7.2f} s CPU "
            f"({ratios[1]:5.2f} x)   training alone {training:7.2f} s ({ratios[2]:5.2f} x)   "
            f"mean accuracy {statistics.mean(accuracies[way]):.4f}"
        )


def main() -> None:
    """Compare on each net, on the processor and on a GPU where there is one."""
    parser = argparse.ArgumentParser(description="the copies of alsim correlate, in three ways")
    parser.add_argument("--mnist", type=Path, help="MNIST as Parquet; without it, no MNIST")
    parser.add_argument("--rows", type=int, default=20_000, help="of the made-up pool")
    parser.add_argument("--initial-size", type=int, default=2_000)
    parser.add_argument("--groups", type=int, default=100)
    parser.add_argument("--group-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parse_arguments(
        parser, rows=600, initial_size=60, groups=3, group_size=20, epochs=[1], threads=[1],
        repeats=1,
    )  # fmt: skip
    print(ran_on())
    torch.set_flush_denormal(True)  # as alsim's workers do
    for where in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        device = torch.device(where)
        with tempfile.TemporaryDirectory() as folder:
            source = open_source(vk_pool(VkOptions(n_rows=arguments.rows)))
            loaded = load_pool(
                source, PoolOptions(), Path(folder), FreeValidation(arguments.initial_size)
            )
            model = ModelOptions(name="three-head", width=128, encoders=loaded.pool.pictures)
            compare(f"three-head {model.width}", loaded.pool, model, arguments, device)
        if arguments.mnist is not None:
            with tempfile.TemporaryDirectory() as folder:
                source = open_source(arguments.mnist)
                loaded = load_pool(
                    source, PoolOptions(), Path(folder), FreeValidation(arguments.initial_size)
                )
                model = ModelOptions(name="mlp", width=256)
                compare("mlp 256, MNIST", loaded.pool, model, arguments, device)


if __name__ == "__main__":
    main()
