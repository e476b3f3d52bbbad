"""What a study found, in a few words."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from made_trainings import make_results, write_made_training
from tiny_runs import ahead, write_tiny_run

from alsim.experiments.correlation import GroupRecord
from alsim.store.correlation import build_groups, write_correlation
from alsim.store.manifest import open_folder, write_manifest
from alsim.studies.answers import answer_of

Each = Mapping[str, Sequence[float]]  # strategy or model -> by seed


@pytest.mark.parametrize(
    ("labels", "answer"),
    [
        ({"random": [0, 0, 0], "margin": [20, 25, 30]}, "margin saves 25 labels, better"),
        (
            {"random": [0, 0, 0], "margin": [20, 25, 30], "bald": [50, 60, 70]},
            "bald saves 60 labels, better (as 1 more)",
        ),
        ({"random": [0, 0, 0], "margin": [-20, -25, -30]}, "margin worse than random"),
        ({"random": [0, 0, 0], "margin": [-30, 35, 2]}, "cannot tell margin from random"),
        (
            {"random": [0, 0, 0], "margin": [-30, 35, 2], "bald": [30, -35, 2]},
            "cannot tell that any of 2 beats random",
        ),
        ({"margin": [0, 0, 0]}, "margin ends at accuracy 0.710"),
    ],
)
def test_curves_answer_with_what_is_saved_or_the_verdict(
    tmp_path: Path, labels: Each, answer: str
) -> None:
    folder = write_tiny_run(tmp_path / "run", ahead(labels))
    assert answer_of(*open_folder(folder)) == answer


@pytest.mark.parametrize(
    ("gains", "answer"),
    [
        ({"mmoe": [0, 0, 0], "omoe": [0.03, 0.031, 0.032]}, "omoe better than mmoe"),
        (
            {"mmoe": [0, 0, 0], "omoe": [0.03, 0.031, 0.032], "linear": [0.05, 0.051, 0.052]},
            "linear better than mmoe (as 1 more)",
        ),
        ({"mmoe": [0, 0, 0], "omoe": [-0.03, -0.031, -0.032]}, "mmoe better than omoe"),
        ({"mmoe": [0, 0, 0], "omoe": [-0.02, 0.03, 0]}, "cannot tell omoe from mmoe"),
        (
            {"mmoe": [0, 0, 0], "omoe": [-0.02, 0.03, 0], "linear": [0.02, -0.03, 0]},
            "cannot tell that any of 2 beats mmoe",
        ),
        ({"mmoe": [0, 0, 0]}, "mmoe accuracy 0.75"),
    ],
)
def test_training_answers_with_the_verdict_on_the_most_labels(
    tmp_path: Path, gains: Each, answer: str
) -> None:
    def accuracy(model: str, seed: int, fraction: float, *_: str) -> float:
        return 0.5 + fraction / 4 + gains[model][seed] * (1 if fraction == 1 else -1)

    results = make_results(list(gains), accuracy=accuracy)
    models = {name: {"evaluations": []} for name in gains}
    folder = write_made_training(tmp_path / "study", results, configuration={"models": models})
    assert answer_of(*open_folder(folder)) == answer


@pytest.mark.parametrize(
    ("slopes", "answer"),
    [
        ({"margin": [1, 1.5, 2]}, r"margin ρ \+0\.\d\d, p = 0\.0\d+"),
        ({"margin": [1, 1.5, 2], "loss": [-3, -4, -5]}, r"loss ρ -0\.9\d, p = .* \(as 1 more\)"),
        # Far beyond what permutations within these starts allow, and yet of either sign.
        ({"margin": [-0.6, 2, 3]}, "cannot tell the sign of any ρ"),
        ({"margin": [1]}, r"margin ρ \+0\.\d\d, in one start alone"),
    ],
)
def test_a_correlation_answers_with_what_holds_over_starts(
    tmp_path: Path, slopes: Each, answer: str
) -> None:
    x, rng = np.linspace(-1, 1, 60), np.random.default_rng(0)
    groups = [
        GroupRecord(metric, seed, i, 10, float(x[i]), 0.5 + float(slope * x[i] + e) / 20, 0.7)
        for metric, each in {**slopes, "random": [0.0] * len(next(iter(slopes.values())))}.items()
        for seed, slope in enumerate(each)
        for i, e in enumerate(rng.normal(size=x.size))
    ]
    write_manifest(tmp_path, {"kind": "correlation", "status": "complete"})
    write_correlation(tmp_path, build_groups(groups))
    assert re.fullmatch(answer, answer_of(*open_folder(tmp_path)))
