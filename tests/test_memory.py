"""Memory that runs out: smaller chunks where numbers allow it, advice where they do not."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from toy import make_toy_setting

from alsim.errors import RunError
from alsim.experiments.curves.loop import active, begin
from alsim.experiments.curves.records import Round
from alsim.experiments.jobs import Job
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.models import Inputs, Outputs
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.oracle import Answers, Oracle, OracleTraits
from alsim.signals import Chunks, Signals
from alsim.strategies import Candidates, Strategy, find_strategy
from alsim.training.memory import blaming_memory

MODEL = '''
import torch

from alsim.models.late_fusion import LateFusion


class Tight(LateFusion):
    """late fusion on a device too small for more than 100 rows at once"""

    most, training_too = 100, False

    def forward(self, inputs):
        outputs = super().forward(inputs)
        if len(inputs.present) > self.most and (self.training_too or not self.training):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return outputs


class Tiny(Tight):
    most = 50


class Untrainable(Tight):
    most, training_too = 8, True


class Wrong(LateFusion):
    def forward(self, inputs):
        if len(inputs.present) <= 8:
            return super().forward(inputs)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
'''
# Each needs other signals; badge and core-set keep some, also of labelled rows.
STRATEGIES = ("margin", "bald", "drop-query", "badge", "core-set", "learning-loss", "bmmal")
WAYS = pytest.mark.parametrize("way", ["direct", "lockstep"])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "models.py"
    path.write_text(MODEL)
    return path


def setting_of(name: str, way: Way = "direct", chunks: Chunks | None = None) -> Setting:
    """Return a study of one query; 340 unlabelled, 100 validation and 200 test rows."""
    setting = make_toy_setting(
        way,
        model=ModelOptions(name=name, width=12, dropout=0.25),
        training=TrainingOptions(
            batch_size=32, max_epochs=2, precision="float64", loss_prediction=LossPrediction(4)
        ),
    )
    chunks = chunks or Chunks()
    assert setting.validator is not None
    return replace(
        setting,
        schedule=replace(setting.schedule, steps=1),
        chunks=chunks,
        evaluator=replace(setting.evaluator, chunks=chunks),
        validator=replace(setting.validator, chunks=chunks),
    )


def run(setting: Setting, *strategies: str) -> dict[Any, Round]:
    jobs = [Job(3, name) for name in strategies]
    rounds: dict[Any, Round] = {}
    for group in [jobs] if setting.way == "lockstep" else [[job] for job in jobs]:
        start = passive(setting, [3], Progress()).pick([0] * len(group))
        for advance in active(setting, group, begin(setting, group, start), Progress()):
            rounds |= {(group[r], advance.step): done for r, done in advance.rounds.items()}
    return rounds


def exhausted() -> Tensor:
    """Ask torch for more memory than any machine has."""
    return torch.empty(2**55, dtype=torch.uint8)


# --- chunks


@given(
    n=st.integers(0, 3000),
    size=st.integers(64, 4096),
    fails=st.frozensets(st.integers(0, 25)),
)
def test_every_row_is_processed_once_and_in_order_wherever_memory_runs_out(
    n: int, size: int, fails: frozenset[int]
) -> None:
    heard: list[int] = []
    tried: list[range] = []

    def work(rows: range) -> range:
        tried.append(rows)
        if len(tried) - 1 in fails:
            raise MemoryError
        return rows

    chunks = Chunks(size, on_smaller=heard.append)
    made: list[range] = []
    try:
        made.extend(chunks.over(range(100, 100 + n), work))
    except RunError:
        # So few that half of them would be below 64.
        assert len(tried[-1]) <= 2 * 64
    else:
        assert [row for rows in made for row in rows] == list(range(100, 100 + n))
    assert heard == sorted(set(heard), reverse=True)
    assert chunks.size == (heard[-1] if heard else size)
    assert all(64 <= smaller <= size // 2 for smaller in heard)
    failed = [rows for i, rows in enumerate(tried) if i in fails]
    for rows, smaller in zip(failed, heard, strict=False):
        assert smaller < len(rows)  # a short last chunk is halved too


def test_a_second_pass_starts_with_the_size_that_fitted() -> None:
    sizes: list[int] = []

    def work(rows: Tensor) -> Tensor:
        sizes.append(len(rows))
        if len(rows) > 150:
            raise torch.OutOfMemoryError
        return rows

    heard: list[int] = []
    chunks = Chunks(512, on_smaller=heard.append)
    rows = torch.arange(300)
    for _ in range(2):
        assert torch.equal(torch.cat(list(chunks.over(rows, work))), rows)
    assert sizes == [300, 256, 128, 128, 44, 128, 128, 44]
    assert heard == [256, 128]


@WAYS
def test_the_tensors_of_a_failed_attempt_are_freed_before_the_next(way: Way) -> None:
    setting = setting_of("three-head", way)
    replicas = fresh_replicas(setting, [0], "init")
    left: list[weakref.ref[Tensor]] = []
    alive: list[int] = []

    def fail(module: nn.Module, inputs: tuple[Inputs], outputs: Outputs) -> None:
        left.append(weakref.ref(outputs.hidden))
        if len(inputs[0].present) > 100:
            raise torch.OutOfMemoryError

    replicas.objective.model.register_forward_hook(fail)

    def work(rows: range) -> None:
        alive.append(sum(reference() is not None for reference in left))
        replicas.outputs(setting.features.span(rows.start, rows.stop))

    gc.disable()  # reference counts must suffice: cycles may not be collected for a long time
    try:
        list(Chunks(256).over(range(300), work))
    finally:
        gc.enable()
    assert len(left) == 7  # two that failed, five of 64
    assert set(alive) == {0}


# --- a study


@pytest.mark.long
@WAYS
def test_a_study_continues_with_smaller_chunks_and_gives_the_same_as_with_those(
    way: Way, models: Path
) -> None:
    heard: list[int] = []
    troubled = setting_of(f"{models}:Tight", way, Chunks(on_smaller=heard.append))
    rounds = run(troubled, *STRATEGIES)
    # 100 validation rows fit; of the 200 of the test split neither do 128.
    assert heard == [128, 64]
    assert troubled.chunks.size == 64
    small = run(setting_of("three-head", way, Chunks(64)), *STRATEGIES)
    whole = run(setting_of("three-head", way), *STRATEGIES)
    assert rounds.keys() == whole.keys()
    for key, done in rounds.items():
        assert [q.id for q in done.queries] == [q.id for q in whole[key].queries]
        assert done.step.nll == pytest.approx(whole[key].step.nll, abs=1e-10)
        for mine, theirs in zip(done.queries, whole[key].queries, strict=True):
            assert mine.score == pytest.approx(theirs.score, abs=1e-10)
        assert done == small[key]


def test_below_64_rows_the_study_ends_with_advice(models: Path) -> None:
    with pytest.raises(RunError, match="GPU ran out of memory") as caught:
        run(setting_of(f"{models}:Tiny"), "margin")
    assert "64 rows" in caught.value.args[1]
    for way_out in ("--seeds", "--device cpu", "narrower net"):
        assert way_out in caught.value.args[2]


def test_a_score_that_runs_out_of_memory_gets_fewer_rows() -> None:
    margin = find_strategy("margin").strategy

    def score(signals: Signals) -> Tensor:
        if signals.n > 130:
            exhausted()
        return margin.score(signals)

    setting = setting_of("three-head")
    greedy = replace(setting, strategies={"margin": replace(margin, score=score)})
    rounds = run(greedy, "margin")
    assert greedy.chunks.size == 128
    for key, done in run(setting, "margin").items():
        assert [q.id for q in rounds[key].queries] == [q.id for q in done.queries]


def test_beliefs_about_the_queried_rows_are_computed_in_chunks_too(models: Path) -> None:
    heard: list[list[Tensor]] = []
    for name in ("three-head", f"{models}:Tight"):
        setting = setting_of(name)
        mine: list[Tensor] = []
        oracle = Listener(setting.oracle, mine)
        schedule = replace(setting.schedule, query_size=replace(setting.schedule.query_size,
            first=120, last=120))  # fmt: skip
        run(replace(setting, oracles={"label": oracle}, schedule=schedule), "random")
        heard.append(mine)
    assert [len(beliefs) for beliefs in heard[0]] == [120]
    for mine, theirs in zip(*heard, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-10)


class Listener:
    """A perfect oracle that records the beliefs it receives."""

    def __init__(self, oracle: Oracle, heard: list[Tensor]) -> None:
        self.oracle, self.heard = oracle, heard
        self.traits = OracleTraits(wants_beliefs=True)

    def __call__(
        self, rows: Tensor, *, beliefs: Tensor | None, generator: torch.Generator
    ) -> Answers:
        if beliefs is not None:
            self.heard.append(beliefs)
        return self.oracle(rows, beliefs=beliefs, generator=generator)


# --- cases where nothing can be halved


@WAYS
def test_training_that_does_not_fit_is_an_error_with_advice(way: Way, models: Path) -> None:
    setting = setting_of(f"{models}:Untrainable", way)
    with pytest.raises(RunError, match=r"(?s)GPU ran out of memory.*training.*--batch-size"):
        run(setting, "margin")
    assert setting.chunks.size == Chunks().size


def test_any_other_error_of_a_net_is_passed_on(models: Path) -> None:
    setting = setting_of(f"{models}:Wrong")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        run(setting, "margin")
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        setting.evaluator.losses(fresh_replicas(setting, [0], "init"))


@pytest.mark.parametrize("error", [MemoryError, exhausted])
def test_a_selector_that_runs_out_of_memory_is_named(error: Any) -> None:
    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        raise error()

    setting = setting_of("three-head")
    greedy = replace(find_strategy("margin").strategy, select=select)
    with pytest.raises(RunError, match="the machine ran out of memory") as caught:
        run(replace(setting, strategies={"greedy": greedy}), "greedy")
    assert caught.value.args[1] == "strategy greedy, seed 3, step 1, choosing the query"
    assert "--candidates" in caught.value.args[2]


def test_memory_errors_of_gpu_libraries_are_reported_as_those_of_the_gpu() -> None:
    words = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    with pytest.raises(RunError, match=r"(?s)GPU.*here.*less"), blaming_memory(
        "here", gpu="less", host="more"
    ):  # fmt: skip
        raise RuntimeError(words)


# --- strategies from plug-ins


WRONG: list[tuple[Callable[[Signals], Any], str]] = [
    (lambda s: s.probabilities, r"shape \(340, 6\).*\(340,\)"),
    (lambda s: s.probabilities[:100, 0], r"shape \(100,\)"),
    (lambda s: s.probabilities.sum(), r"shape \(\)"),
    (lambda s: None, "type NoneType"),
    (lambda s: s.probabilities[:, 0].numpy(), "type ndarray"),
    (lambda s: s.probabilities[:, 0] * float("nan"), "340 of 340 acquisition scores"),
]


@pytest.mark.parametrize(("scores", "message"), WRONG)
def test_scores_that_are_not_one_number_for_each_row_are_reported_with_strategy_seed_and_step(
    scores: Any, message: str
) -> None:
    mine = Strategy(frozenset({"probabilities"}), scores)
    with pytest.raises(RunError, match=message) as caught:
        run(replace(setting_of("three-head"), strategies={"mine": mine}), "mine")
    assert caught.value.args[1] == "strategy mine, seed 3, step 1, scoring the unlabelled rows"


@pytest.mark.parametrize("where", ["score", "select", "picks"])
def test_other_exceptions_of_a_strategy_keep_their_type_and_name_strategy_seed_and_step(
    where: str,
) -> None:
    def score(signals: Signals) -> Tensor:
        return signals.probabilities[:, 0] * (1 / 0 if where == "score" else 1)

    def select(candidates: Candidates, k: int, *, generator: torch.Generator) -> Tensor:
        return torch.arange(k) + (1 / 0 if where == "select" else 10_000)

    mine = Strategy(frozenset({"probabilities"}), score, select)
    kind = IndexError if where == "picks" else ZeroDivisionError
    with pytest.raises(kind) as caught:
        run(replace(setting_of("three-head"), strategies={"mine": mine}), "mine")
    assert caught.value.__notes__ == ["in strategy mine, seed 3, step 1"]
