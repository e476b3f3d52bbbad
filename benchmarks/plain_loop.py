"""A plain PyTorch active-learning loop, as a competent user writes it in an afternoon.

Datasets, DataLoaders and one seed after another, neither slowed down nor tuned. alsim is compared
with it, and it is an independent check of the learning curves. `--data tensors` leaves the
DataLoaders out and indexes tensors, as a user does who has found out what they cost.

    python -m benchmarks.plain_loop --pool mnist.parquet --strategy margin --steps 10 --seeds 1
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset, TensorDataset

N_CLASSES = 10

Batches = Iterator[tuple[Tensor, ...]]


@dataclass(frozen=True)
class Work:
    """The settings, which alsim's command repeats."""

    strategy: str = "margin"
    initial_size: int = 200
    query_size: int = 20
    steps: int = 100
    initial_epochs: int = 30
    epochs: int = 5
    batch_size: int = 64
    scoring_batch_size: int = 1024
    width: int = 256
    dropout: float = 0.5
    learning_rate: float = 1e-3


def load(path: Path) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Return the images and labels of the train and of the test split, pixels in [0, 1]."""
    table = pq.read_table(path, columns=["image", "label", "split"])
    pixels = pc.list_flatten(table.column("image")).to_numpy()
    images = torch.from_numpy(pixels.reshape(table.num_rows, -1).astype(np.float32) / 255)
    labels = torch.from_numpy(table.column("label").to_numpy().astype(np.int64))
    split = np.array(table.column("split").to_pylist())
    train, test = (torch.from_numpy(split == name) for name in ("train", "test"))
    return (images[train], labels[train]), (images[test], labels[test])


def make_net(n_inputs: int, work: Work) -> nn.Module:
    """Return an untrained net with one hidden layer."""
    return nn.Sequential(
        nn.Linear(n_inputs, work.width),
        nn.ReLU(),
        nn.Dropout(work.dropout),
        nn.Linear(work.width, N_CLASSES),
    )


class Loaded:
    """A split behind a Dataset, read through DataLoaders."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.data = TensorDataset(images, labels)
        self.labels = labels

    def batches(
        self, batch_size: int, rows: Tensor | None = None, *, shuffled: bool = False
    ) -> Batches:
        """Yield the images and labels of some rows, or of all."""
        data = self.data if rows is None else Subset(self.data, rows.tolist())
        yield from DataLoader(data, batch_size=batch_size, shuffle=shuffled)


class Plain:
    """A split as two tensors, which are indexed."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def batches(
        self, batch_size: int, rows: Tensor | None = None, *, shuffled: bool = False
    ) -> Batches:
        """Yield the images and labels of some rows, or of all."""
        if rows is None:
            yield from zip(
                self.images.split(batch_size), self.labels.split(batch_size), strict=True
            )
            return
        if shuffled:
            rows = rows[torch.randperm(len(rows))]
        for batch in rows.split(batch_size):
            yield self.images[batch], self.labels[batch]


Data = Loaded | Plain


def train(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    pool: Data,
    labelled: Tensor,
    epochs: int,
    work: Work,
) -> None:
    """Train in place."""
    loss_of = nn.CrossEntropyLoss()
    net.train()
    for _ in range(epochs):
        for images, labels in pool.batches(work.batch_size, labelled, shuffled=True):
            optimiser.zero_grad()
            loss_of(net(images), labels).backward()
            optimiser.step()


@torch.no_grad()
def predict(net: nn.Module, data: Data, work: Work, rows: Tensor | None = None) -> Tensor:
    """Return the class probabilities, `(n, c)`."""
    net.eval()
    return torch.cat(
        [net(images).softmax(dim=1) for images, _ in data.batches(work.scoring_batch_size, rows)]
    )


def query(net: nn.Module, pool: Data, unlabelled: Tensor, work: Work) -> Tensor:
    """Return the rows to label next."""
    if work.strategy == "random":
        return unlabelled[torch.randperm(len(unlabelled))[: work.query_size]]
    best = predict(net, pool, work, unlabelled).topk(2, dim=1).values
    return unlabelled[(best[:, 0] - best[:, 1]).argsort()[: work.query_size]]


def import_the_rest() -> None:
    """Take one optimiser step, so that torch's late imports are not timed with a seed."""
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([parameter])
    optimiser.zero_grad()
    parameter.sum().backward()
    optimiser.step()


def run_seed(seed: int, pool: Data, test: Data, work: Work) -> list[float]:
    """Return the test accuracy after the first training and after each step."""
    torch.manual_seed(seed)
    n = len(pool.labels)
    net = make_net(next(pool.batches(1))[0].shape[1], work)
    optimiser = torch.optim.Adam(net.parameters(), lr=work.learning_rate)
    is_labelled = torch.zeros(n, dtype=torch.bool)
    is_labelled[torch.randperm(n)[: work.initial_size]] = True

    def labelled() -> Tensor:
        return is_labelled.nonzero().flatten()

    def accuracy() -> float:
        return (predict(net, test, work).argmax(1) == test.labels).float().mean().item()

    train(net, optimiser, pool, labelled(), work.initial_epochs, work)
    accuracies = [accuracy()]
    for _ in range(work.steps):
        chosen = query(net, pool, (~is_labelled).nonzero().flatten(), work)
        is_labelled[chosen] = True
        train(net, optimiser, pool, labelled(), work.epochs, work)
        accuracies.append(accuracy())
    return accuracies


def main() -> None:
    """Run the seeds, one after another, and print their accuracies and times."""
    parser = argparse.ArgumentParser(description="a plain PyTorch active-learning loop on MNIST")
    parser.add_argument("--pool", type=Path, required=True, help="MNIST as Parquet")
    parser.add_argument("--strategy", choices=("margin", "random"), default="margin")
    parser.add_argument("--data", choices=("loaders", "tensors"), default="loaders")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None, help="default: what torch chooses")
    parser.add_argument("--json", action="store_true", help="print one JSON object and no text")
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    work = Work(strategy=arguments.strategy, steps=arguments.steps)
    if not arguments.json:
        # A user would not have written this, so it is not timed.
        from benchmarks.common import ran_on

        print(ran_on())
    kind = Loaded if arguments.data == "loaders" else Plain
    pool, test = (kind(*split) for split in load(arguments.pool))
    import_the_rest()

    accuracies: list[list[float]] = []
    wall: list[float] = []
    cpu: list[float] = []
    for seed in range(arguments.seeds):
        started, started_cpu = time.perf_counter(), time.process_time()
        accuracies.append(run_seed(seed, pool, test, work))
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - started_cpu)
        if not arguments.json:
            first, last = accuracies[-1][0], accuracies[-1][-1]
            print(
                f"seed {seed}: test accuracy {first:.4f} -> {last:.4f}, "
                f"{wall[-1]:.1f} s wall, {cpu[-1]:.1f} s CPU"
            )
    if arguments.json:
        print(json.dumps({"accuracies": accuracies, "wall": wall, "cpu": cpu}))
        return
    n_steps = arguments.seeds * max(work.steps, 1)
    print(
        f"{work.strategy}, {arguments.data}, {torch.get_num_threads()} threads: "
        f"mean last accuracy {np.mean([seed[-1] for seed in accuracies]):.4f}, "
        f"{sum(wall):.1f} s wall, {sum(cpu):.1f} s CPU, {sum(cpu) / n_steps:.2f} CPU s a step"
    )


if __name__ == "__main__":
    main()
