"""The defaults learn every pool that a classifier can learn, in any form of the pool."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from asking import asked
from pools import embeddings

from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import fresh_replicas, make_setting
from alsim.options.training import TrainingOptions
from alsim.oracle import PerfectOracle
from alsim.pool.source import open_source
from alsim.seeding import stream
from alsim.studies.machine import Machine
from alsim.studies.start.prepare import prepare

N, D, C = 1200, 16, 4
G = stream(0, "defaults")
Y = torch.randint(0, C, (N,), generator=G)
X = (torch.randn(C, D, generator=G)[Y] + 1.2 * torch.randn(N, D, generator=G)).numpy()
SPLIT = (["train"] * 8 + ["test"] * 3 + ["validation"]) * 100
ANSWERS = {"label": pa.array(Y.numpy()), "split": pa.array(SPLIT)}


def start(columns: dict[str, pa.Array], folder: Path) -> tuple[float, float, int]:
    """Return accuracy and NLL on test after a bare run's passive phase, and its best epoch."""
    folder.mkdir()
    options, strategies = asked()
    source = open_source(pa.table({**columns, **ANSWERS}))
    machine = Machine("cpu", "direct", 1, threads=1)
    prepared = prepare(source, options, strategies, folder, machine)
    pool, assignment = prepared.loaded.pool, prepared.assignment
    setting = make_setting(
        pool,
        oracles={"label": PerfectOracle(pool.tasks["label"].labels)},
        strategies={},
        schedule=assignment.schedule,
        model=assignment.model,
        training=assignment.training,
        way="direct",
        device=torch.device("cpu"),
    )
    done = passive(setting, [0], Progress())
    replicas = fresh_replicas(setting, [0], "init")
    replicas.load(done.state)
    (evaluation,) = setting.evaluator.evaluate(replicas)
    return evaluation.mean("accuracy"), evaluation.mean("nll"), done.best[0]


@pytest.mark.long
def test_a_separable_pool_of_width_four_is_learnt_fully_before_epochs_run_out(
    tmp_path: Path,
) -> None:
    narrow = 10 * np.eye(C, dtype=np.float32)[Y] + 0.01 * X[:, :C]
    accuracy, _, best = start({"text": embeddings(list(narrow))}, tmp_path / "pool")
    assert accuracy == 1
    assert not TrainingOptions().cuts_short(best)


@pytest.mark.long
def test_an_embedding_in_eight_bits_learns_as_well_as_its_float_original(tmp_path: Path) -> None:
    low, high = X.min(), X.max()
    coded = np.round((X - low) / (high - low) * 255).astype(np.uint8)
    original, _, _ = start({"text": embeddings(list(X))}, tmp_path / "floats")
    found, _, _ = start({"text": pa.array(list(coded), pa.list_(pa.uint8()))}, tmp_path / "bytes")
    assert found == pytest.approx(original, abs=0.02)  # 300 test rows, the same for both
    assert original > 0.75


@pytest.mark.long
def test_the_names_of_columns_do_not_affect_the_numbers(tmp_path: Path) -> None:
    def named(one: str, other: str) -> tuple[float, float, int]:
        columns = {one: embeddings(list(X)), other: embeddings(list(X[:, ::-1]))}
        return start(columns, tmp_path / f"{one}-{other}")

    assert named("text", "clip") == named("text", "img_clip") == named("picture", "photo")
