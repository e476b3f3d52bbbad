"""Recipes of passive training, run at tiny sizes."""

import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from alsim.errors import StoreError
from alsim.pool.importers.dispatch import import_pool
from alsim.pool.importers.table import ImportOptions
from alsim.pool.roles import Roles, write_roles
from alsim.recipes.reading import read_recipe
from alsim.recipes.recipe import Recipe
from alsim.recipes.report import Report
from alsim.recipes.running import run_recipe
from alsim.store.training import TrainingStudy, read_training
from alsim.studies.watch import Unit, Watch

pytestmark = pytest.mark.process

SYNTHETIC = """
title = "a title"
finding = "a finding"
source = "a source"
seeds = 2

[pool]
default = "mmoe"
each_seed = true
n_rows = 240
width = 4

[training]
model = ["mmoe", "shared-bottom"]
parameters = { experts = 2, expert-width = 4 }
max_epochs = 2
workers = 1

[figure]
kind = "losses"

[[claim]]
says = "mmoe is below"
kind = "better"
model = "mmoe"
than = "shared-bottom"
metric = "mse"
relative = true
"""


class Counting(Watch):
    """Interrupts at the n-th net of all studies, like Ctrl-C, and records its events."""

    def __init__(self, n: int = 10**9) -> None:
        self.left = n
        self.notes: list[str] = []
        self.counts: list[int] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        del unit, each
        self.counts.append(n)

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        del key, seed
        if unit != "nets":
            return
        self.left -= n
        if self.left == 0:
            raise KeyboardInterrupt


def read(folder: Path, text: str = SYNTHETIC) -> Recipe:
    path = folder / "mine.toml"
    path.write_text(text)
    return read_recipe(str(path))


def watched(watch: Watch) -> Callable[[], AbstractContextManager[Watch]]:
    return lambda: nullcontext(watch)


def content_of(study: TrainingStudy) -> str:
    pool: Any = study.manifest["pool"]
    return pool["fingerprint"]


def tiny(name: str, **arguments: Any) -> Recipe:
    """Return a shipped recipe, changed only to run quickly."""
    recipe = read_recipe(name)
    return replace(recipe.setting({"max_epochs": 2, "workers": 0, **arguments}), seeds=1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    place = tmp_path_factory.mktemp("synthetic")
    return run_recipe(read(place), out=place / "out")


def test_each_seed_has_its_own_pool_and_all_are_one_study(report: Report) -> None:
    parts = [read_training(report.folder / "run" / f"seed-{seed}") for seed in (0, 1)]
    assert content_of(parts[0]) != content_of(parts[1])
    for seed, part in enumerate(parts):
        assert set(part.fits["seed"].to_pylist()) == {seed}
        origin: Any = part.manifest["pool"]
        assert origin["rows"] == {"train": 200, "validation": 20, "test": 20}
    done = report.runs["run"]
    assert isinstance(done, TrainingStudy)
    assert done.folder == report.folder / "run"
    for name in ("fits", "tasks", "gates"):
        together = pa.concat_tables([getattr(part, name) for part in parts])
        others = [column for column in together.column_names if column != "model"]
        assert getattr(done, name).select(others).equals(together.select(others))
    assert set(parts[0].fits["model"].to_pylist()) == {
        "mmoe(experts=2,expert-width=4)", "shared-bottom(expert-width=4)",
    }  # fmt: skip
    assert set(done.fits["model"].to_pylist()) == {"mmoe", "shared-bottom"}


def test_claims_are_judged_on_the_tables_of_all_seeds(report: Report) -> None:
    done = report.runs["run"]
    assert isinstance(done, TrainingStudy)
    found: dict[tuple[str, int], list[float]] = {}
    for row in done.tasks.to_pylist():
        if row["metric"] == "mse":
            found.setdefault((row["model"], row["seed"]), []).append(row["value"])
    (claim,) = report.to_json()["claims"]
    for seed in (0, 1):
        mine, theirs = (np.mean(found[model, seed]) for model in ("mmoe", "shared-bottom"))
        assert claim["per_seed"][str(seed)] == pytest.approx(math.log(mine / theirs))


def test_a_recipe_leaves_its_picture_its_table_and_its_result(report: Report) -> None:
    names = sorted(path.name for path in report.folder.iterdir())
    assert names == ["mine.png", "result.json", "run"]
    result = json.loads((report.folder / "result.json").read_text())
    assert result == report.to_json()
    assert result["pool"]["seed"] == "that of the run"
    table = report.tables["run"]
    assert table.headers == ("model", "mean of tasks", "y1", "y2")
    assert [row[0] for row in table.rows] == ["mmoe", "shared-bottom"]
    assert table.note.startswith("mse on test, mean ± 95 % half width over 2 seeds; parameters: ")
    assert result["studies"]["run"]["table"]["rows"] == [list(row) for row in table.rows]


def test_nothing_is_trained_twice_and_more_seeds_can_be_added_later(
    report: Report, tmp_path: Path
) -> None:
    before = {p: p.stat().st_mtime_ns for p in report.folder.glob("run/seed-*/*")}
    watch = Counting()
    again = run_recipe(read(tmp_path), seeds="1,0", out=report.folder, watching=watched(watch))
    assert watch.counts == []
    assert {p: p.stat().st_mtime_ns for p in report.folder.glob("run/seed-*/*")} == before
    assert again.to_json()["claims"] == report.to_json()["claims"]
    with pytest.raises(StoreError, match=r"mmoe\(experts=2.* then, .*experts=3.* now"):
        run_recipe(read(tmp_path).setting({"parameters": {"experts": 3}}), out=report.folder)


@pytest.mark.slow
def test_a_recipe_that_was_interrupted_gives_the_same_result_when_resumed(
    report: Report, tmp_path: Path
) -> None:
    recipe, out = read(tmp_path), tmp_path / "out"
    watch = Counting(3)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(recipe, out=out, watching=watched(watch))
    assert watch.counts == [4]
    assert any(f"alsim recipe run mine … --out {out}" in note for note in watch.notes)
    kept = read_training(out / "run" / "seed-0")
    assert kept.status == "complete"
    assert read_training(out / "run" / "seed-1").status == "interrupted"
    watch = Counting()
    again = run_recipe(recipe, out=out, watching=watched(watch))
    assert watch.counts == [2]
    assert again.to_json()["claims"] == report.to_json()["claims"]
    assert (out / "mine.png").read_bytes() == (report.folder / "mine.png").read_bytes()


@pytest.mark.slow
def test_the_synthetic_tasks_are_trained_at_every_correlation(tmp_path: Path) -> None:
    report = run_recipe(tiny("mmoe-synthetic"), scale=0.02, out=tmp_path / "r")
    studies = [tmp_path / "r" / study for study in ("p50", "p90", "p100")]
    assert len({content_of(read_training(study / "seed-0")) for study in studies}) == 3
    assert [verdict.study for verdict in report.verdicts].count("p90") == 3
    assert report.verdicts[-1].study == ""
    assert report.pool["correlation"] == {"p50": 0.5, "p90": 0.9, "p100": 1.0}
    assert {path.suffix for path in report.figures.values()} == {".png"}


def embeddings(labels: dict[str, list[Any]], task: list[str] | None = None) -> pa.Table:
    """Return a pool of 240 rows with made-up embeddings."""
    some = np.random.default_rng(0).normal(size=(240, 6)).astype(np.float32)
    columns: dict[str, Any] = {
        "id": list(range(240)),
        "text_emb": pa.FixedSizeListArray.from_arrays(pa.array(some.ravel()), 6),
        **labels,
        "split": ["train"] * 160 + ["validation"] * 40 + ["test"] * 40,
    }
    if task is not None:
        columns["domain"] = task
    roles = Roles(("text_emb",), dict.fromkeys(labels, "class"), None, "split", "id")
    return write_roles(pa.table(columns), roles)


@pytest.mark.slow
@pytest.mark.parametrize("group", [1, 2])
def test_census_is_shown_next_to_the_numbers_of_the_paper(group: int, tmp_path: Path) -> None:
    main = {1: "income_over_50k", 2: "edu_associate_plus"}[group]
    labels = {main: [0, 1] * 120, "never_married": [0, 0, 1, 1] * 60}
    report = run_recipe(tiny(f"mmoe-census-{group}"), pool=embeddings(labels), out=tmp_path / "r")
    table = report.tables["run"]
    assert table.headers == ("model", main, "source", "never_married", "source")
    cells = {row[0]: row for row in table.rows}
    paper = {1: ("0.9410/0.9359", "0.9926/0.9927"), 2: ("0.8860/0.8826", "0.9932/0.9924")}[group]
    assert (cells["mmoe"][2], cells["mmoe"][4]) == paper
    assert cells["cgc"][2] == "–"
    assert report.figures == {}
    assert sorted(path.name for path in report.folder.iterdir()) == ["result.json", "run"]
    assert all(verdict.numbers.endswith("on average") for verdict in report.verdicts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n_experts"),  # fig. 2 evaluates up to fifteen of them
    [("multicluster-fig1", 4), ("multicluster-fig2", 16), ("multicluster-fig3", 4)],
)
def test_disjoint_tasks_are_given_by_a_column_of_the_pool(
    name: str, n_experts: int, tmp_path: Path
) -> None:
    intents = [f"intent-{row % 6}" for row in range(240)]
    domains = [f"domain-{row % 3}" for row in range(240)]
    report = run_recipe(
        tiny(name, parameters={"experts": n_experts, "expert-width": 4}),
        pool=embeddings({"label": intents}, domains),
        task="domain",
        out=tmp_path / "r",
    )
    assert report.pool == {"path": None, "task": "domain"}
    for study, done in report.runs.items():
        assert isinstance(done, TrainingStudy)
        assert len(set(done.tasks["task"].to_pylist())) == 3
        assert report.figures[study].exists()
    assert not any("not measured" in verdict.numbers for verdict in report.verdicts)


@pytest.mark.slow
def test_an_imported_cifar_100_is_trained_with_convolutions(tmp_path: Path) -> None:
    """A superclass has five classes, two pictures of each in train and one in test."""
    generator = np.random.default_rng(1)
    superclass = generator.permutation(np.repeat(np.arange(20), 5))
    for name, n in (("train", 2), ("test", 1)):
        fine = generator.permutation(np.repeat(np.arange(100), n))
        pixels = generator.integers(0, 256, (len(fine), 3072))
        records = np.column_stack([superclass[fine], fine, pixels]).astype(np.uint8)
        (tmp_path / f"{name}.bin").write_bytes(records.tobytes())
    pool = import_pool([tmp_path], ImportOptions())
    report = run_recipe(
        tiny("multicluster-fig3", parameters={"experts": 2, "expert-width": 2}),
        pool=pool,
        task="superclass",
        expert="conv4",
        out=tmp_path / "r",
    )
    done = report.runs["all"]
    configuration: Any = done.manifest["configuration"]
    ((name, model),) = configuration["models"].items()
    assert name == "multi-cluster(density=0.1)"
    assert model["experts"]["kind"] == "conv4"
    tasks: Any = done.manifest["tasks"]
    assert len(tasks) == 20
    assert {len(task["classes"]) for task in tasks.values()} == {5}
    assert report.pool["expert"] == "conv4"
