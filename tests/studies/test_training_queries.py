"""Passive training on the labels that a run queried: which labels, their order and the pool."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from things import POOL

import alsim
from alsim.errors import PoolError, StoreError, UsageError
from alsim.studies.training.mapped_queries import read_queries, write_queries


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    pq.write_table(POOL, place / "things.parquet")
    return place


@pytest.fixture(scope="module")
def queried(place: Path) -> Path:
    """Return the folder of a finished run that queried one task's labels."""
    alsim.run(
        place / "things.parquet", label="kind", modality=["x"], strategy="random,margin",
        seeds="0..1", initial_size=20, query_size=5, steps=4, max_epochs=2,
        model="auto(width=8)", workers=0,
        out=place / "queried",
    )  # fmt: skip
    return place / "queried"


@pytest.mark.long
def test_models_are_trained_on_the_labels_of_a_run_in_the_order_of_its_queries(
    queried: Path, place: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "model": "linear", "label": "kind", "modality": ["x"], "fractions": "0.5,1",
        "max_epochs": 3, "workers": 0,
    }  # fmt: skip
    pool = place / "things.parquet"
    study = alsim.train(pool, queries=queried, **options, out=tmp_path / "study")
    rows = study.fits.select(["chosen_by", "fraction", "seed", "n_objects", "n_cells"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (by, fraction, seed, n, n)
        for by in ("margin", "random")
        for fraction, n in ((0.5, 20), (1.0, 40))
        for seed in (0, 1)
    ]
    # The first twenty labels of a seed are the start of all strategies.
    half = study.tasks.filter((pc.field("fraction") == 0.5) & (pc.field("metric") == "nll"))
    nll = half["value"].to_pylist()
    assert nll[:2] == nll[2:]
    whole = study.tasks.filter((pc.field("fraction") == 1) & (pc.field("metric") == "nll"))
    nll = whole["value"].to_pylist()
    assert nll[0] != nll[2]
    notes = [note for note in study.manifest["notes"] if "initial labels" in note]
    assert notes == [
        "a fraction of 0.5 lies within the 20 initial labels: every strategy has the same ones "
        "there"
    ]
    with pytest.raises(UsageError, match="the run has no seed 2"):
        alsim.train(pool, queries=queried, **options, seeds=[0, 2], out=tmp_path / "no")
    with pytest.raises(PoolError, match="is not the one that queried queried"):
        alsim.train(pool, queries=queried, **{**options, "label": "late"}, out=tmp_path / "no")
    manifest = json.loads((queried / "run.json").read_text())
    unfinished = Path(shutil.copytree(queried, tmp_path / "unfinished"))
    (unfinished / "run.json").write_text(json.dumps({**manifest, "status": "failed"}))
    with pytest.raises(StoreError, match="is not finished"):
        alsim.train(pool, queries=unfinished, **options, out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


@pytest.mark.slow
def test_training_on_the_single_labels_of_a_run_uses_the_splits_of_that_run(tmp_path: Path) -> None:
    pool = POOL.drop_columns(["split"])
    options: dict[str, Any] = {"label": ["kind", "late"], "modality": ["x"], "workers": 1}
    alsim.run(
        pool, **options, model="mmoe", strategy="random", unit="cell", seeds=1, initial_size=20,
        query_size=5, steps=2, max_epochs=2, out=tmp_path / "cells",
    )  # fmt: skip
    study = alsim.train(
        pool, **options, model="mmoe", queries=tmp_path / "cells", max_epochs=2,
        out=tmp_path / "study",
    )  # fmt: skip
    assert study.fits["n_cells"].to_pylist() == [30]


def test_workers_read_the_queries_of_each_strategy_and_seed_as_they_were_written(
    tmp_path: Path,
) -> None:
    assert read_queries(tmp_path) is None
    strategies, seeds = ["margin", "margin", "random"], [0, 0, 3]
    cells = {"unit": [0, 0, 0], "row": [5, 5, 7], "label": [1, -1, 0]}
    digest = write_queries(tmp_path, strategies, seeds, ["late", "early", "late"], **cells)
    found = read_queries(tmp_path)
    assert found is not None
    assert list(found) == [("margin", 0), ("random", 3)]
    mine = found["margin", 0]
    assert [mine.names[place] for place in mine.tasks.tolist()] == ["late", "early"]
    assert (mine.unit.tolist(), mine.rows.tolist(), mine.labels.tolist()) == (
        [0, 0],
        [5, 5],
        [1, -1],
    )
    assert found["random", 3].rows.tolist() == [7]
    cells["label"][1] = 0
    assert write_queries(tmp_path, strategies, seeds, ["late", "early", "late"], **cells) != digest
