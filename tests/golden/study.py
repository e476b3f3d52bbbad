"""A tiny study with stored numbers: float64, one thread, with dropout and batch norm.

Regenerate it with `python tests/golden/study.py`, and explain the difference in the changelog
under Results.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from toy import make_toy_setting

from alsim.experiments.curves.loop import active, begin
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.options.model import ModelOptions

STRATEGIES = (
    "random", "least-confident", "margin", "entropy", "qbc-margin", "bald", "power-margin",
    "badge", "core-set", "typiclust", "cluster-margin", "class-balanced",
)  # fmt: skip
KEPT = Path(__file__).with_name("study.json")


def compute() -> dict[str, Any]:
    """Return the queried ids and the measures of some strategies, one seed."""
    torch.set_num_threads(1)
    model = ModelOptions(name="three-head", width=12, dropout=0.25, encoders=("image",))
    setting = make_toy_setting(model=model)
    start = passive(setting, [3], Progress())
    study: dict[str, Any] = {}
    for name in STRATEGIES:
        jobs = [Job(3, name)]
        position = begin(setting, jobs, start)
        advances = active(setting, jobs, position, Progress())
        rounds = [done for advance in advances for done in advance.rounds.values()]
        study[name] = [
            {
                "ids": [query.id for query in done.queries],
                "accuracy": done.step.accuracy,
                "nll": done.step.nll,
                "ece": done.step.ece,
            }
            for done in rounds
        ]
    return study


if __name__ == "__main__":
    KEPT.write_text(json.dumps(compute(), indent=1) + "\n")
