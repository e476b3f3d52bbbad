"""Runs that go on until they are decided: which curves they have, their record, and resuming."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pools import embeddings, write
from typer.testing import CliRunner

import alsim
from alsim.analysis.statistics.looks import plan_looks
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.store.curves import Run, read_run
from alsim.studies.curves.check import check_curves
from alsim.studies.curves.looks import looks_of, with_planned_seeds
from alsim.studies.curves.run import dry_run
from alsim.studies.watch import Watch

TABLES = ("steps", "metrics", "queries", "items", "contributions", "curves")
N = 600
# Most of the training rows are of one class. Whoever asks for these alone learns nothing more;
# whoever asks for the others is ahead of them in every seed.
PLUGIN = """
from alsim.strategies import Strategy

READS = frozenset({"probabilities"})


def others() -> Strategy:
    return Strategy(READS, lambda signals: -signals.probabilities[:, 0])


def surest() -> Strategy:
    return Strategy(READS, lambda signals: signals.probabilities[:, 0])


def sure() -> Strategy:
    def score(signals):
        of_first = signals.probabilities[:, 0]
        return (of_first > 0.7) * 1.0 - 0.1 * of_first

    return Strategy(READS, score)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a pool, the ids of its initial rows, and the strategies."""
    place = tmp_path_factory.mktemp("place")
    split = [("test", "val", "train", "train")[i % 4] for i in range(N)]
    y = np.array([(i // 4) % 6 if i % 4 < 2 else (i % 8 == 3) * (1 + i // 8 % 5) for i in range(N)])
    x = np.random.default_rng(0).normal(0, 1, (N, 6)) + 5 * np.eye(6)[y]
    columns = {
        "id": [f"r{i}" for i in range(N)],
        "text": embeddings([list(row) for row in x]),
        "label": [f"c{label}" for label in y],
        "split": split,
    }
    write(pa.table(columns), place / "pool.parquet")
    initial = [i for i in range(N) if split[i] == "train" and (y[i] == 0 or i == 3)]
    (place / "ids.txt").write_text("\n".join(f"r{i}" for i in initial[:16]))
    (place / "mine.py").write_text(PLUGIN)
    return place


@pytest.fixture(scope="module")
def options(place: Path) -> dict[str, Any]:
    mine = place / "mine.py"
    return {
        "pool": place / "pool.parquet", "strategy": f"{mine}:others,{mine}:surest",
        "baseline": f"{mine}:sure", "until_decided": True, "looks": "5,7,20", "max_seeds": 7,
        "initial_ids": place / "ids.txt", "validation_size": 10, "query_size": 20, "steps": 3,
        "max_epochs": 15, "model": "linear", "learning_rate": 0.05, "batch_size": 8, "workers": 0,
    }  # fmt: skip


class Noting(Watch):
    """Keeps all notes, and ends the run like Ctrl-C at its n-th step."""

    def __init__(self, n: int = 0) -> None:
        self.left = n
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: object) -> None:
        del record
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def watched() -> Noting:
    return Noting()


@pytest.fixture(scope="module")
def done(options: dict[str, Any], watched: Noting, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return alsim.run(**options, out=tmp_path_factory.mktemp("done") / "run", watch=watched)


def short(name: str) -> str:
    return name.rpartition(":")[2]


def seeds_of(run: Run) -> dict[str, list[int]]:
    found: dict[str, set[int]] = {}
    for row in run.steps.to_pylist():
        found.setdefault(short(row["strategy"]), set()).add(row["seed"])
    return {name: sorted(seeds) for name, seeds in found.items()}


def looked_of(run: Run) -> dict[str, Any]:
    looked: Any = run.manifest["looked"]
    return {short(name): each for name, each in looked.items()}


def bytes_of(run: Run) -> dict[str, bytes]:
    return {name: (run.folder / f"{name}.parquet").read_bytes() for name in TABLES}


def test_a_decided_strategy_stops_and_the_baseline_goes_on_for_the_open_one(done: Run) -> None:
    assert seeds_of(done) == {
        "others": [*range(5)], "surest": [*range(7)], "sure": [*range(7)],
    }  # fmt: skip
    # No other curve has a row anywhere.
    curves = {(short(row["strategy"]), row["seed"]) for row in done.items.to_pylist()}
    assert len(curves) == 19
    for table in (done.metrics, done.queries, done.contributions):
        rows = table.select(["strategy", "seed"]).to_pylist()
        assert {(short(row["strategy"]), row["seed"]) for row in rows} == curves


def test_plan_levels_and_looks_are_recorded(done: Run) -> None:
    configuration: Any = done.manifest["configuration"]
    plan = plan_looks((5, 7), 2)
    assert configuration["looks"] == {"seeds": [5, 7], "levels": [list(e) for e in plan.levels]}
    assert configuration["seeds"] == [*range(7)]
    # others first by Holm at the first look; then surest alone.
    assert looked_of(done) == {
        "others": {"outcome": "better", "look": 0, "level": plan.level(0, 2)},
        "surest": {"outcome": "cannot tell", "look": 1, "level": plan.level(1, 1)},
    }


def test_each_look_is_told_of(done: Run, watched: Noting) -> None:
    del done
    told = [note for note in watched.notes if note.startswith("look at")]
    assert len(told) == 2
    assert told[0].startswith("look at 5 seeds: ")
    assert told[0].endswith("mine.py:surest; on to 7 seeds")
    assert "mine.py:others is better; open: " in told[0]
    assert told[1].startswith("look at 7 seeds: open: ")
    assert told[1].endswith("mine.py:surest; the run ends")


def test_the_comparison_is_of_the_recorded_looks(done: Run) -> None:
    found = alsim.compare(done)
    verdicts = {short(each.first): each for each in found.verdicts}
    assert {name: (v.outcome, v.basis, v.look) for name, v in verdicts.items()} == {
        "others": ("better", "planned", 5), "surest": ("cannot tell", "planned", 7),
    }  # fmt: skip
    assert [len(verdicts[name].seeds) for name in ("others", "surest")] == [5, 7]
    assert all(each.counts_rows for each in found.verdicts)
    level = plan_looks((5, 7), 2).level(0, 2)
    assert verdicts["others"].joint_level == level
    # Called otherwise, and seen through a single task, it is the same.
    name = next(each.strategy for each in found.strategies if each.strategy.endswith(":others"))
    renamed = alsim.compare(done, rename={name: "ours"}, task="label")
    assert {v.first: v.outcome for v in renamed.verdicts}["ours"] == "better"
    again = alsim.compare(done, all_pairs=True)
    assert {each.basis for each in again.verdicts} == {"anytime"}


@pytest.mark.long
@pytest.mark.parametrize("n", [3, 62, 70])
def test_interrupted_in_the_middle_of_a_look_it_goes_on_to_the_same_bytes(
    n: int, options: dict[str, Any], done: Run, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        alsim.run(**options, out=tmp_path / "run", watch=Noting(n))
    left = read_run(tmp_path / "run")
    assert left.steps.num_rows == n
    if n > 10:  # curves of several seeds are there, and no look was recorded
        assert {each.outcome for each in alsim.compare(left).verdicts} == {"cannot tell"}
        assert all(
            each.saving.low is None for each in alsim.compare(left).strategies if each.saving
        )
    resumed = alsim.resume(tmp_path / "run")
    assert bytes_of(resumed) == bytes_of(done)
    assert resumed.manifest["looked"] == done.manifest["looked"]


@pytest.mark.long
@pytest.mark.process
def test_worker_processes_do_what_further_looks_call_for(
    options: dict[str, Any], done: Run, tmp_path: Path
) -> None:
    there = alsim.run(**{**options, "workers": 2}, out=tmp_path / "run")
    assert bytes_of(there) == bytes_of(done)
    assert there.manifest["looked"] == done.manifest["looked"]


@pytest.mark.long
def test_in_lockstep_the_same_curves_are_called_for(
    options: dict[str, Any], tmp_path: Path
) -> None:
    there = alsim.run(**{**options, "replicas": "lockstep"}, out=tmp_path / "run")
    assert [len(seeds_of(there)[name]) for name in ("others", "surest", "sure")] == [5, 7, 7]
    assert looked_of(there)["others"]["outcome"] == "better"


@pytest.mark.long
def test_the_ceiling_is_of_the_first_look_s_seeds_and_the_control_goes_with_the_baseline(
    options: dict[str, Any], tmp_path: Path
) -> None:
    more = {"strategy": f"{options['strategy']},control", "ceiling": True, "looks": "5"}
    there = alsim.run(**{**options, **more}, out=tmp_path / "run")
    assert seeds_of(there)["control"] == [*range(7)]
    assert seeds_of(there)["others"] == [*range(5)]
    assert sorted(looked_of(there)) == ["others", "surest"]
    ceiling = there.metrics.filter(pc.field("strategy") == "").column("seed").unique()
    assert ceiling.to_pylist() == [*range(5)]
    found = alsim.compare(there)
    assert found.ceiling is not None
    assert {short(each.first) for each in found.verdicts} == {"others", "surest"}
    shares = {short(s.strategy): (s.of_ceiling, s.by_labels) for s in found.strategies}
    assert all(each is not None for each in shares["others"])


@pytest.mark.long
def test_a_trial_counts_all_seeds_that_looks_may_come_to(options: dict[str, Any]) -> None:
    found = dry_run(**options)
    assert (found.n_passives, found.n_seeds, found.looks) == (7, 7, (5, 7))
    assert dry_run(**{**options, "until_decided": False, "looks": None, "max_seeds": None,
                      "seeds": 2}).looks == ()  # fmt: skip
    line = f"run --dry-run --pool {options['pool']} --workers 0 --initial-size 30 --until-decided"
    result = CliRunner().invoke(app, [*line.split(), "--query-size", "5", "--steps", "1"])
    assert result.exit_code == 0, result.stderr
    assert "20 trainings" in result.stdout
    assert "looks at 5, 10 and 20 seeds" in result.stdout


@pytest.mark.parametrize(
    ("changed", "looks", "seeds"),
    [
        ({"looks": None, "max_seeds": None}, (5, 10, 20), [*range(20)]),
        ({"looks": None, "max_seeds": 8}, (5, 8), [*range(8)]),
        ({"looks": "3,6", "max_seeds": None}, (3, 6), [*range(6)]),
        ({"looks": [4, 9, 30], "max_seeds": 12}, (4, 9, 12), [*range(12)]),
        ({"looks": None, "max_seeds": None, "seeds": "3,1,7"}, (3,), [3, 1, 7]),
        ({"looks": "2", "max_seeds": 3, "seeds": "4..9"}, (2, 3), [4, 5, 6]),
        ({"looks": "2", "max_seeds": 3, "seeds": "4,8,1,5"}, (2, 3), [4, 8, 1]),
    ],
)
def test_looks_end_at_the_maximum_and_seeds_are_taken_in_their_order(
    changed: dict[str, Any], looks: tuple[int, ...], seeds: list[int], options: dict[str, Any]
) -> None:
    faults = Faults()
    given = {k: v for k, v in {**options, **changed}.items() if v is not None}
    asked = with_planned_seeds(read(CurvesOptions, given, faults), given, faults)
    study, strategies = check_curves(asked, faults)
    found = looks_of(asked, study.baseline, strategies, faults)
    faults.raise_all("", "")
    assert found is not None
    assert found.plan.looks == looks
    assert list(found.order) == seeds


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"until_decided": False, "max_seeds": None}, "--looks plans looks, and the number of see"),
        ({"until_decided": False, "looks": None}, "--max-seeds plans looks, and the number of s"),
        ({"seeds": 5}, "--max-seeds 7 is more than the 5 seeds named"),
        ({"baseline": "none"}, "nothing to decide without a baseline"),
        ({"strategy": "control", "baseline": "random"}, "and a strategy to compare with it"),
        ({"seeds": 1, "max_seeds": None}, "one seed cannot be looked at"),
        ({"max_seeds": 1}, "at least 2"),
        ({"until": "accuracy=0.9", "steps": None}, "have no common end to be judged by"),
        ({"looks": "10,5"}, "'10,5' are no looks"),
        ({"looks": "1,5"}, "'1,5' are no looks"),
        ({"looks": "five"}, "'five' are no looks"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(
    changed: dict[str, Any], words: str, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match=words):
        alsim.run(**{**options, **changed})
