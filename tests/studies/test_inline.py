"""Studies without worker processes: the same tables, and the settings of torch are restored."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from pools import make_table, write

import alsim
from alsim.errors import StoreError
from alsim.store.curves import read_run
from alsim.studies.watch import NONE_LONGER, Watch

OPTIONS: dict[str, Any] = {
    "seeds": 2, "initial_size": 30, "max_epochs": 3, "model": "mlp(width=8)", "batch_size": 16,
}  # fmt: skip
CURVES: dict[str, Any] = {
    **OPTIONS,
    "strategy": "margin,bald(k=3)",
    "query_size": 5,
    "steps": 2,
    "baseline": "none",
}
PLUGIN = """
from alsim.signals import Signals
from alsim.strategies import Strategy


def talking() -> Strategy:
    def score(signals: Signals):
        print("scored", signals.n)
        return signals.probabilities[:, 0]

    return Strategy(frozenset({"probabilities"}), score)


def raising() -> Strategy:
    return Strategy(frozenset({"probabilities"}), lambda signals: 1 / 0)
"""


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make_table(300), tmp_path_factory.mktemp("pool") / "pool.parquet")


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a process is started."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a process is started")

    monkeypatch.setattr(subprocess, "Popen", refuse)


def tables(folder: Path) -> dict[str, bytes]:
    names = {path.stem: path for path in folder.glob("*.parquet") if path.stem != "timings"}
    assert names
    return {name: path.read_bytes() for name, path in names.items()}


@pytest.fixture(scope="module")
def by_processes(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("by-processes") / "run"
    alsim.run(pool, **CURVES, workers=2, out=folder)
    return folder


@pytest.mark.long
@pytest.mark.process
@pytest.mark.usefixtures("no_process")
def test_a_run_without_worker_processes_has_the_tables_of_one_with_two(
    pool: Path, by_processes: Path, tmp_path: Path
) -> None:
    done = alsim.run(pool, **CURVES, workers=0, out=tmp_path / "run")
    assert tables(tmp_path / "run") == tables(by_processes)
    manifests: list[Any] = [done.manifest, read_run(by_processes).manifest]
    mine, theirs = (found["machine"] for found in manifests)
    assert mine == {**theirs, "workers": 0}


class Counting(Watch):
    """Counts what `alsim.run` reports of its passive phases."""

    def __init__(self) -> None:
        self.planned_epochs = self.n_trainings = self.worth = 0.0
        self.epochs: dict[str, int] = {}
        self.ended: list[str] = []

    def begin(
        self,
        trainings: int,
        epochs: int,
        *,
        worth: float = 0.0,
        most: int | None = None,
        longer: Mapping[str, float] = NONE_LONGER,
    ) -> None:
        assert not self.epochs
        assert not longer
        assert most == 8  # of four curves
        self.n_trainings, self.planned_epochs, self.worth = trainings, epochs, worth

    def progress(self, unit: object, key: str, n: int, seed: int | None = None) -> None:
        self.epochs[key] = n

    def trained(self, key: str) -> None:
        self.ended.append(key)


def test_the_epochs_of_each_passive_phase_are_reported_and_its_end(
    pool: Path, tmp_path: Path
) -> None:
    watch = Counting()
    done = alsim.run(pool, **CURVES, workers=0, out=tmp_path / "run", watch=watch)
    assert (watch.n_trainings, watch.planned_epochs) == (2, 3)
    assert watch.ended == ["0", "1"] == list(watch.epochs)
    passives: Any = done.manifest["passive"]
    assert [*watch.epochs.values()] == [passive["epochs"] for passive in passives]
    assert watch.worth > 0


class Interrupting(Watch):
    """Interrupts a run at its fourth step."""

    def __init__(self) -> None:
        self.n = 0

    def step(self, record: object) -> None:
        self.n += 1
        if self.n == 4:
            raise KeyboardInterrupt


@pytest.mark.process
def test_a_run_interrupted_in_this_process_can_be_resumed_in_another(
    pool: Path, by_processes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        alsim.run(pool, **CURVES, workers=0, out=out, watch=Interrupting())
    assert read_run(out).status == "interrupted"
    assert read_run(out).steps.num_rows == 4
    alsim.resume(out, workers=1)
    assert tables(out) == tables(by_processes)


@pytest.mark.long
@pytest.mark.usefixtures("no_process")
def test_the_caller_s_settings_of_threads_and_denormals_are_restored(
    pool: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    try:
        for n, flushes in ((2, False), (3, True)):
            torch.set_num_threads(n)
            torch.set_flush_denormal(flushes)
            alsim.run(pool, **CURVES, workers=0, out=tmp_path / f"{n}")
            assert torch.get_num_threads() == n
            assert (sys.float_info.min / 2 == 0) == flushes
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)
    assert tables(tmp_path / "2") == tables(tmp_path / "3")


@pytest.mark.long
@pytest.mark.usefixtures("no_process")
def test_the_other_kinds_of_study_need_no_worker_process_either(pool: Path, tmp_path: Path) -> None:
    sizes = {"sample_size": 90, "group_size": 30}
    alsim.correlate(pool, **OPTIONS, metric="margin", **sizes, workers=0, out=tmp_path / "0")
    options = {
        name: value for name, value in OPTIONS.items() if name not in ("model", "initial_size")
    }
    alsim.train(pool, **options, model="mlp(width=8),linear", workers=0, out=tmp_path / "train")
    assert set(tables(tmp_path / "0")) == {"correlations", "groups"}
    assert set(tables(tmp_path / "train")) >= {"fits", "tasks"}


@pytest.mark.usefixtures("no_process")
def test_output_of_a_plug_in_goes_to_stderr_and_its_exceptions_are_passed_on(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(PLUGIN)
    options = {**CURVES, "seeds": 1, "workers": 0}
    alsim.run(pool, **{**options, "strategy": f"{mine}:talking"}, out=tmp_path / "talking")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("scored") == 2
    with pytest.raises(ZeroDivisionError):
        alsim.run(pool, **{**options, "strategy": f"{mine}:raising"}, out=tmp_path / "raising")


FRESH = """
import json, sys
if sys.argv[1] == "late":
    import torch
    torch.ones(9, 9) @ torch.ones(9, 9)
import alsim
options = json.loads(sys.argv[2])
alsim.run(**options, workers=0)
assert "torch._dynamo" not in sys.modules
"""


def fresh(when: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run in a new process, in which the mode of MKL is not set."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MKL", "OMP"))}
    return subprocess.run(
        [sys.executable, "-c", FRESH, when, json.dumps(options, default=str)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.process
@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="there is no MKL")
def test_a_process_that_used_mkl_records_possible_bit_differences_and_resumes_no_other_run(
    pool: Path, by_processes: Path, tmp_path: Path
) -> None:
    options = {"pool": pool, **CURVES}
    first, late = tmp_path / "first", tmp_path / "late"
    assert (done := fresh("early", **options, out=first)).returncode == 0, done.stderr
    assert tables(first) == tables(by_processes)
    assert (done := fresh("late", **options, out=late)).returncode == 0, done.stderr
    manifests: list[Any] = [read_run(folder).manifest for folder in (by_processes, first, late)]
    known, mine, other = (found["machine"]["environment"] for found in manifests)
    assert mine == known
    assert other == {**known, "MKL_CBWR": "set too late"}
    # An unfinished run is not resumed with different bits.
    manifest = json.loads((late / "run.json").read_text())
    (late / "run.json").write_text(json.dumps({**manifest, "status": "interrupted"}))
    with pytest.raises(StoreError, match=r'MKL_CBWR: "set too late" then, ".*STRICT" now'):
        alsim.resume(late)
