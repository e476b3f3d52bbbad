"""Finished runs with made-up learning curves, written as the store writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alsim.experiments.curves.records import Round, StepRecord
from alsim.store.curves import write_tables
from alsim.store.folder import create_run
from alsim.store.manifest import write_manifest

Curves = Mapping[str, Mapping[int, Sequence[float]]]  # strategy, seed, accuracy at each step

# Two seeds: areas .4 and .5 against .55 and .61, and last accuracies .6 and .7 against .7 and .84.
SMALL: Curves = {
    "random": {0: [0.2, 0.4, 0.6], 1: [0.3, 0.5, 0.7]},
    "margin": {0: [0.3, 0.6, 0.7], 1: [0.4, 0.6, 0.84]},
}


def ahead(shifts: Mapping[str, Sequence[float]], slope: float = 1e-3) -> Curves:
    """Return straight lines at 100 to 500 labels, each ahead of random by a number of labels."""
    return {
        name: {
            seed: [0.2 + 0.01 * seed + slope * (n + shift) for n in range(100, 501, 100)]
            for seed, shift in enumerate(each)
        }
        for name, each in shifts.items()
    }


def write_tiny_run(
    folder: Path,
    curves: Curves = SMALL,
    *,
    start: int = 100,
    price: float = 2.0,
    **manifest: object,
) -> Path:
    """Write a run with 100 labels at each step, one question each, and return its folder."""
    create_run(folder)
    rounds = [
        Round(
            StepRecord(
                strategy=strategy,
                seed=seed,
                step=step,
                n_labelled=(n := start + 100 * step),
                cost=price * n,
                n_questions=n,
                batch_size=64,
                accuracy=accuracy,
                balanced_accuracy=accuracy / 2,
                macro_f1=accuracy / 4,
                nll=1.0,
                ece=0.1,
            ),
            (),
            (),
        )
        for strategy, seeds in curves.items()
        for seed, accuracies in seeds.items()
        for step, accuracy in enumerate(accuracies)
    ]
    write_tables(folder, rounds)
    facts: dict[str, object] = {
        "status": "complete",
        "versions": {"alsim": "0.1.0"},
        "pool": {"name": "posts", "fingerprint": "7d3f" * 8, "splits": "01ab" * 8},
        "task": "label",
        "evaluation_split": "test",
        "n_evaluated": 1000,
        "configuration": {
            "strategies": list(curves),
            "parameters": {name: {} for name in curves},
            "seeds": [0, 1],
            "schedule": {"initial_size": start},
            "training": {"retrain": False},
            "initial_ids": None,
            "engine": {"workers": 1},
        },
        "diverged": [],
    }
    write_manifest(folder, {**facts, **manifest})
    return folder
