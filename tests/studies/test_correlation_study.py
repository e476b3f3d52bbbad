"""A complete correlation study: reproducible bytes, resuming, and refusals."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import alsim
from alsim.errors import PoolError, StoreError
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.store.layout import CHECKPOINTS, JOURNALS
from alsim.studies.watch import Unit, Watch

pytestmark = pytest.mark.process

VK = vk_pool(VkOptions(n_rows=600, picture_width=8, text_width=4, n_classes=4))
# The pool has validation rows, so every other row is a training row.
SPLIT = ["validation" if i % 9 == 0 else name for i, name in enumerate(VK["split"].to_pylist())]
POOL = VK.set_column(VK.column_names.index("split"), "split", pa.array(SPLIT))
# learning-loss is trained differently, so there are four tasks.
OPTIONS: Mapping[str, Any] = {
    "metric": "margin,predicted-loss", "seeds": "0..1", "initial_size": 60, "sample_size": 120,
    "group_size": 12, "max_epochs": 3, "model": "auto(width=8)", "workers": 0,
}  # fmt: skip
TABLES = ("groups.parquet", "correlations.parquet")


class Hearing(Watch):
    """Records all events, and interrupts after a number of metrics and seeds, like Ctrl-C."""

    def __init__(self, n: int = 10**9) -> None:
        self.left = n
        self.notes: list[str] = []
        self.n_planned = 0
        self.sizes = ""
        self.heard: dict[tuple[str, int], int] = {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def plan(self, sizes: str) -> None:
        self.sizes = sizes

    def planned(self, unit: Unit, n: int, each: int | None = 1) -> None:
        assert unit == "copies"
        self.n_planned = n

    def progress(self, unit: Unit, key: str, n: int, seed: int | None = None) -> None:
        if unit == "copies":
            assert seed is not None
            self.heard[key, seed] = n
        if sum(done == 10 for done in self.heard.values()) > self.left:
            raise KeyboardInterrupt


def go(out: Path, watch: Watch | None = None, **changed: Any) -> CorrelationStudy:
    options: dict[str, Any] = {"pool": POOL, **OPTIONS, **changed}
    return alsim.correlate(**options, out=out, watch=watch)


def tables_of(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    pq.write_table(POOL, place / "posts.parquet")
    return place


@pytest.fixture(scope="module")
def whole(place: Path) -> tuple[CorrelationStudy, Hearing]:
    """Return an uninterrupted study of two workers, and its events."""
    watch = Hearing()
    study = go(place / "whole", watch, workers=2)
    # A start that is not trained enough changes signs.
    (note,) = [note for note in watch.notes if "--max-epochs 3 ended them" in note]
    assert "can turn the signs; give them more: --max-epochs 6" in note
    return study, watch


@pytest.fixture(scope="module")
def stopped(place: Path) -> Path:
    """Return the folder of the same study, interrupted, with one worker."""
    watch = Hearing(2)
    with pytest.raises(KeyboardInterrupt):
        go(place / "stopped", watch, pool=place / "posts.parquet")
    assert any("go on with: alsim resume" in note for note in watch.notes)
    return place / "stopped"


@pytest.fixture
def left(stopped: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of the interrupted study."""
    return Path(shutil.copytree(stopped, tmp_path / "left"))


def test_a_study_leaves_its_tables_and_its_manifest_and_nothing_else(
    whole: tuple[CorrelationStudy, Hearing],
) -> None:
    study, watch = whole
    assert sorted(path.name for path in study.folder.iterdir()) == sorted([*TABLES, "run.json"])
    assert study.status == "complete"
    manifest: Any = study.manifest
    assert manifest["kind"] == "correlation"
    configuration = manifest["configuration"]
    assert configuration["metrics"] == ["margin", "learning-loss", "random"]
    assert (configuration["sample_size"], configuration["group_size"]) == (120, 12)
    assert (study.initial_size, study.epochs) == (60, 1)
    assert manifest["pool"]["fingerprint"]
    assert manifest["versions"]["alsim"]
    assert manifest["machine"]["replicas"] == "lockstep"
    assert manifest["machine"]["threads"] == 1
    rows = study.groups.select(["metric", "seed", "group"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (metric, seed, group)
        for metric in ("learning-loss", "margin", "random")
        for seed in (0, 1)
        for group in range(10)
    ]
    assert set(study.groups["n"].to_pylist()) == {12}
    names = ["learning-loss", "margin", "margin (raw)", "random"]
    assert [found.metric for found in study.correlations] == names
    assert watch.n_planned == 60
    done = {
        (metric, seed): 10 for metric in ("learning-loss", "margin", "random") for seed in (0, 1)
    }
    assert watch.heard == done


def test_a_study_resumed_with_one_worker_equals_an_uninterrupted_one_with_two(
    whole: tuple[CorrelationStudy, Hearing], left: Path
) -> None:
    unfinished = read_correlation(left)
    assert unfinished.status == "interrupted"
    n_kept = len(list((left / JOURNALS).glob("*.parquet")))
    assert 2 <= n_kept < 6
    assert unfinished.groups.num_rows == 10 * n_kept
    watch = Hearing()
    study = alsim.resume(left, watch=watch)
    assert isinstance(study, CorrelationStudy)
    assert tables_of(left) == tables_of(whole[0].folder)
    assert sorted(path.name for path in left.iterdir()) == sorted([*TABLES, "run.json"])
    assert watch.heard == whole[1].heard  # stored results are reported again
    resumed: Any = study.manifest["resumed"]
    assert len(resumed) == 1
    # A finished study is reported as finished, and nothing is written.
    before = {path: path.stat().st_mtime_ns for path in left.iterdir()}
    again = Hearing()
    same = alsim.resume(left, watch=again)
    assert isinstance(same, CorrelationStudy)
    assert same.correlations == study.correlations
    assert again.notes == ["the run is finished: nothing is left to do"]
    assert {path: path.stat().st_mtime_ns for path in left.iterdir()} == before


def test_a_metric_and_a_seed_run_alone_give_the_same_numbers_as_among_others(
    whole: tuple[CorrelationStudy, Hearing], tmp_path: Path
) -> None:
    alone = go(tmp_path / "alone", metric=["margin"], seeds=[1])
    wanted = pc.field("metric").isin(["margin", "random"]) & (pc.field("seed") == 1)
    assert alone.groups.equals(whole[0].groups.filter(wanted))


def test_repeating_the_call_shows_the_finished_study_and_other_options_are_refused(
    whole: tuple[CorrelationStudy, Hearing],
) -> None:
    folder = whole[0].folder
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    watch = Hearing()
    assert go(folder, watch, workers=2).correlations == whole[0].correlations
    assert "the run is finished: nothing is left to do" in watch.notes
    for changed, expected in (
        ({"group_size": 6}, "--group-size: 12 then, 6 now"),
        ({"sample_size": None}, "--sample-size: 120 then, nothing now"),
        ({"initial_size": 50}, "--initial-size: 60 then, 50 now"),
        ({"metric": "margin"}, "--metric: "),
        ({"epochs": 2}, "--epochs: 1 then, 2 now"),
        ({"seeds": 3}, "--seeds: "),
        ({"replicas": "direct"}, "--replicas: "),
    ):
        with pytest.raises(StoreError, match=expected) as caught:
            go(folder, **changed)
        assert f"alsim resume {folder}" in caught.value.args[2]
    other = vk_pool(VkOptions(n_rows=500, picture_width=8, text_width=4, n_classes=4))
    with pytest.raises(PoolError, match="the pool has changed"):
        go(folder, pool=other)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_folder_of_another_kind_is_left_alone(
    whole: tuple[CorrelationStudy, Hearing], left: Path
) -> None:
    for folder in (whole[0].folder, left):
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        with pytest.raises(StoreError, match="holds a correlation study, not learning curves"):
            alsim.run(POOL, strategy="margin", seeds=1, out=folder)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def edit(folder: Path, *path: str, value: object) -> None:
    """Change one value in the manifest of a study."""
    manifest = json.loads((folder / "run.json").read_text())
    place = manifest
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (folder / "run.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("versions", "torch"), "1.0", 'versions.torch: "1.0" then'),
        (("configuration", "group_size"), 13, "configuration.group_size: 13 then, 12 now"),
    ],
)
def test_changed_conditions_are_refused_with_the_command_to_use(
    path: tuple[str, ...], value: object, expected: str, left: Path
) -> None:
    edit(left, *path, value=value)
    with pytest.raises(StoreError, match=expected) as caught:
        alsim.resume(left)
    assert "alsim correlate … --out" in caught.value.args[2]
    assert list((left / JOURNALS).iterdir())


@pytest.mark.slow
def test_missing_nets_of_a_passive_phase_are_trained_again(
    whole: tuple[CorrelationStudy, Hearing], left: Path
) -> None:
    shutil.rmtree(left / CHECKPOINTS)
    alsim.resume(left)
    assert tables_of(left) == tables_of(whole[0].folder)


def test_a_study_of_a_pool_in_memory_is_resumed_by_the_same_call(left: Path) -> None:
    edit(left, "arguments", value=None)
    with pytest.raises(StoreError, match="was a table in memory") as caught:
        alsim.resume(left)
    assert "alsim.correlate(table, …, out=" in caught.value.args[2]


@pytest.mark.slow
def test_given_initial_labels_are_the_start_of_every_seed(tmp_path: Path) -> None:
    train = [row["id"] for row in POOL.to_pylist() if row["split"] == "train"][:50]
    watch = Hearing()
    study = go(
        tmp_path / "ids", watch, metric="loss", seeds=1, initial_size=None, initial_ids=train,
        sample_size=None, group_size=None,
    )  # fmt: skip
    assert study.initial_size == 50
    assert watch.sizes.startswith("50 initial labels; ")
    assert [found.metric for found in study.correlations] == ["ideal-learning-loss", "random"]
    manifest: Any = study.manifest
    assert set(watch.notes) <= set(manifest["notes"])
    assert isinstance(study.groups, pa.Table)
