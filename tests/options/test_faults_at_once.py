"""All faults of the arguments of a run are reported at once, before any work."""

import math
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import study
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_queries import make_queried_pool

import alsim
from alsim.errors import PoolError, StoreError, UsageError
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.option import options_of
from alsim.options.synthetic import VkOptions
from alsim.options.training import TrainingOptions
from alsim.pool.synthetic import vk_pool
from alsim.strategies import STRATEGIES, find_strategy
from alsim.studies.start.check import StudyOptions
from alsim.studies.start.fit_to_pool import try_model
from alsim.studies.watch import Watch

POOL = vk_pool(VkOptions(n_rows=300, picture_width=6, text_width=4, n_classes=3))


def refusal(**arguments: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        study(**arguments)
    return caught.value


@pytest.mark.parametrize(
    ("arguments", "flag", "expected"),
    [
        ({"seeds": 2.5}, "--seeds", "give a text or a whole number or a list, each a whole number"),
        ({"seeds": [1, "a"]}, "--seeds", "[1, 'a']"),
        ({"seeds": True}, "--seeds", "cannot be True"),
        ({"seeds": 10**9}, "--seeds", "more than 10,000 seeds"),
        ({"seeds": "0..1000000000000000000000000"}, "--seeds", "more than 10,000 seeds"),
        ({"seeds": str(2**63)}, "--seeds", "more than 10,000 seeds"),
        ({"seeds": f"1,{2**63}"}, "--seeds", "names no seeds"),
        ({"seeds": "9" * 5000}, "--seeds", "names no seeds"),
        ({"strategy": 5}, "--strategy", "strategy cannot be 5"),
        ({"strategy": []}, "--strategy and --seeds", "nothing to run"),
        ({"strategy": "margn"}, "--strategy", "did you mean margin"),
        ({"strategy": "bald(k=" + "9" * 5000 + ")"}, "--strategy bald(k=9999", "k cannot be"),
        ({"steps": "ten"}, "--steps", "give a whole number"),
        ({"steps": 10**30}, "--steps", "a whole number of at most 18 digits"),
        ({"steps": 10**7}, "--steps", "ask for at most 1,000,000"),
        ({"steps": 5, "until": "exhausted"}, "--until and --steps", "leave out one"),
        ({"until": "labels=" + "9" * 400}, "--until", "no end of a run"),
        ({"query_size": -1}, "--query-size", "-1 is no query size"),
        ({"query_size": 2**63}, "--query-size", "18 digits"),
        ({"query_size": "9" * 30}, "--query-size", "is no query size"),
        ({"query_size": 2.0}, "--query-size", "cannot be 2.0"),
        ({"initial_size": 1}, "--initial-size", "at least 2"),
        ({"initial_ids": 3}, "--initial-ids", "cannot be 3"),
        ({"initial_ids": []}, "--initial-ids", "no ids"),
        ({"initial_ids": ["a", "a"]}, "--initial-ids", "'a' is named twice"),
        ({"initial_ids": "a\0b"}, "--initial-ids a\0b", "cannot be read"),
        ({"initial_ids": "no/such/file"}, "--initial-ids no/such/file", "No such file"),
        ({"candidates": 0}, "--candidates", "at least 1"),
        ({"split_seed": -1}, "--split-seed", "at least 0"),
        ({"price": -1.0}, "--price", "out of range"),
        ({"price": math.nan}, "--price", "out of range"),
        ({"price": math.inf}, "--price", "out of range"),
        ({"oracle": "noisy", "noise": 1.5}, "--noise", "ask for at most 1"),
        ({"oracle": "noisy", "noise": math.nan}, "--noise", "of at least 0 and of at most 1"),
        ({"task_price": {"a": 0.0}}, "--task-price", "0 is out of range"),
        ({"read_price": -1.0}, "--read-price", "-1 is too small"),
        ({"oracle": "noisy", "noise": "a"}, "--noise", "no error rates"),
        ({"oracle": "nosy"}, "--oracle", "did you mean noisy"),
        ({"oracle": "hierarchical", "groups": "a\0b"}, "--groups", "no such file"),
        ({"learning_rate": math.inf}, "--learning-rate", "1e-3 is usual"),
        ({"learning_rate": math.nan}, "--learning-rate", "1e-3 is usual"),
        ({"model": "mlp(dropout=nan)"}, "--model mlp(dropout=nan)", "below 1"),
        ({"model": "mlp(dropout=1)"}, "--model mlp(dropout=1)", "below 1"),
        ({"model": "mlp(width=1000000000)"}, "--model mlp(width=", "at most"),
        ({"model": "mlp(depth=1000000000)"}, "--model mlp(depth=", "at most"),
        ({"label_type": "clas"}, "--label-type", "did you mean class"),
        ({"modality": "text"}, "--modality", "give a list, each a text"),
        ({"modality": ["a", "b", "a"]}, "--modality", "'a' is named twice"),
        ({"model": "auto(encoder=a;a)"}, "--model auto(encoder=a;a)", "'a' is named twice"),
        ({"width": 8}, "--width", "three-head(width=…)"),
        ({"qery_size": 8}, "--qery-size", "did you mean query_size"),
        ({"mask_modality": ["b=0.9", "a=1"]}, "--mask-modality", "'a=1'\n"),
        ({"mask_modality": ["a=0.1", "a=0.2"]}, "--mask-modality", "'a' is named twice"),
        ({"loss": "fixed", "head_weight": ["a=inf"]}, "--head-weight", "name=0.2"),
        ({"model": "mpl"}, "--model", "did you mean mlp"),
        ({"model": "no/such/file.py:Net"}, "--model", "no such file"),
        ({"id_column": 3}, "--id", "give a text"),
        ({"retrain": 1}, "--retrain", "true or false"),
        ({"label": "caf\udce9"}, "--label", "a text in UTF-8"),
        ({"out": Path("caf\udce9")}, "--out", "give a text in UTF-8"),
        ({"mask_modality": ["caf\udce9=0.1"]}, "--mask-modality", "each a text"),
        ({"out": Path(__file__)}, "--out", "is a file"),
        ({"out": Path(__file__) / "run"}, "--out", "is a file"),
    ],
)
def test_a_single_fault_is_reported_as_itself_and_names_its_option(
    arguments: dict[str, Any], flag: str, expected: str
) -> None:
    began = time.perf_counter()
    error = refusal(**arguments)
    assert time.perf_counter() - began < 1
    assert error.args[1].startswith(flag)
    assert expected in str(error)
    assert len(str(error)) < 20_000


def test_an_unusable_pool_is_one_error() -> None:
    with pytest.raises(UsageError, match=r"(?s)pool cannot be .*a text or an Arrow table"):
        alsim.run({"label": [1, 2]})  # pyright: ignore[reportArgumentType] -- that is the test


def test_faults_of_every_kind_are_reported_together_each_with_its_own_remedy() -> None:
    error = refusal(
        strategy="margn,entropy,entropy,bald(k=0)", seeds="x", query_size="0", until="never",
        noise="y", head_weight=["a"], mask_modality=["b=2", "c"], initial_ids="absent",
        initial_size=1, learning_rate=0, price=0, model="mpl", out=Path(__file__),
    )  # fmt: skip
    lines = error.args[0].splitlines()
    places = re.findall(r"^ +\d+\. (.+?): ", error.args[0], re.MULTILINE)
    assert sorted(places) == sorted([
        "--seeds", "--query-size", "--until", "--noise", "--head-weight",
        "--mask-modality",
        "--initial-ids absent", "--initial-size",
        "--learning-rate", "--price", "--model", "--out", "--strategy", "--strategy",
        "--strategy bald(k=0)",
    ])  # fmt: skip
    assert lines[0] == f"{len(places)} options cannot be used:"
    mends = [line for line in lines if line.startswith("     mend: ")]
    assert len(mends) == len(places)
    assert error.args[1:] == ("alsim run", "each as shown under it")


def test_numbers_and_arrays_of_numpy_are_accepted_as_numbers() -> None:
    theirs = study(
        seeds=np.arange(3), steps=np.int64(4), learning_rate=np.float32(0.5),
        noise=np.array([0.25, 0.5]), oracle=np.str_("annotators"),
        initial_ids=list(np.array([3, 4])), retrain=np.bool_(True),
    )  # fmt: skip
    ours = study(
        seeds=[0, 1, 2], steps=4, learning_rate=0.5, noise="0.25,0.5", oracle="annotators",
        initial_ids=["3", "4"], retrain=True,
    )  # fmt: skip
    assert theirs == ours
    assert type(theirs.schedule.steps) is int
    assert type(theirs.seeds[0]) is int


def test_ids_may_come_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(b"\xef\xbb\xbf7\r\n8\r\n")
    assert study(initial_ids=path).initial_ids == ("7", "8")


NASTY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.binary(max_size=4), st.integers(-3, 3),
    st.sampled_from(["1:2", "0..3", "a=0.5", "labels=9", "x" * 999, "\0"]),
    st.sampled_from([2**63, -(2**64), 10**400, math.nan, math.inf, -0.0, 1e308, 5e-324]),
    st.lists(st.one_of(st.integers(), st.floats(), st.text(max_size=4)), max_size=3),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from(list(STRATEGIES)), st.builds(object),
)  # fmt: skip
NAMES = sorted(options_of(CurvesOptions))


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), NASTY, max_size=5))
def test_any_arguments_give_options_or_one_usage_error(
    arguments: dict[str, Any],
) -> None:
    try:
        options = study(**arguments)
    except UsageError:
        return
    assert isinstance(options, StudyOptions)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=25, deadline=None)
@given(
    value=st.one_of(
        st.integers(), st.floats(), st.sampled_from(["", "x", "nan", "inf", "-1", "0", "1e999"])
    ),
    data=st.data(),
)
def test_any_parameter_gives_a_strategy_or_one_usage_error(
    name: str, value: object, data: st.DataObject
) -> None:
    parameters = [*find_strategy(name).parameters, "candidates", "batch-rule"]
    parameter = data.draw(st.sampled_from(parameters))
    with suppress(UsageError):
        assert find_strategy(f"{name}({parameter}={value})").name.startswith(name)


@pytest.mark.process
def test_all_conflicts_with_the_pool_are_reported_together_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    confusion = tmp_path / "m.csv"
    confusion.write_text("true,a\na,1\n")
    with pytest.raises(UsageError) as caught:
        alsim.run(
            POOL, strategy="bald(candidates=5),co-testing,random(batch-norm=frozen)",
            model="linear", initial_ids=["absent"], query_size=10,
            modality=["picture"], loss="fixed",
            head_weight=["mixed=0", "txt=1"], oracle="noisy", confusion=confusion,
            seeds=1, workers=1, out=tmp_path / "refused",
        )  # fmt: skip
    for message in (
        "no head 'txt' to weigh",
        "every head weighs 0", "no batch norm to freeze", "members would all agree",
        "there are not two of them", "no train row has the id 'absent'",
        "bald(candidates=5) looks at 5 rows", "there is no class 'a'",
    ):  # fmt: skip
        assert message in str(caught.value)
    assert "things do not fit the pool" in str(caught.value)
    assert not (tmp_path / "refused").exists()


PLUG_IN = '''
from alsim.strategies import Strategy


def fails(k: int = 1) -> Strategy:
    """   """
    return [0][k]


class Net:
    def __init__(self, shape, options):
        {}["width"]


def headless(shape, options):
    import torch
    from alsim.models import Outputs

    class Headless(torch.nn.Module):
        def forward(self, inputs):
            hidden = inputs.present @ torch.ones(2, 3)
            return Outputs({task: {"own": hidden} for task in shape.n_classes}, hidden)

    return Headless()


def no_outputs(shape, options):
    import torch

    return torch.nn.Identity()


def unknown(k: "Nothing" = 1) -> Strategy:
    return fails()


builtin = int
'''


@pytest.mark.process
@pytest.mark.parametrize(
    ("argument", "reference", "expected"),
    [
        ("strategy", "fails", "made: IndexError: list index out of range (mine.py, line 7)"),
        ("strategy", "unknown", "its parameters are unknown: name 'Nothing' is not defined"),
        ("strategy", "builtin", "its parameters are unknown"),
        ("model", "Net", "cannot be used: KeyError: 'width' (mine.py, line 12)"),
        ("model", "headless", "the model has no head 'mixed'"),
        ("model", "no_outputs", "cannot be used: AttributeError"),
    ],
)  # fmt: skip
def test_an_exception_in_a_plug_in_is_one_error_with_its_line(
    argument: str, reference: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUG_IN)
    mine: dict[str, Any] = {argument: f"{path}:{reference}"}
    with pytest.raises(UsageError) as caught:
        alsim.run(
            POOL, **mine, seeds=1, initial_size=20, query_size=5,
            steps=1, workers=1, out=tmp_path / "refused",
        )  # fmt: skip
    assert expected in str(caught.value)
    assert not (tmp_path / "refused").exists()


OWN_NET = """
import torch

from alsim.errors import UsageError
from alsim.models import MIXED, Outputs


class Net(torch.nn.Module):
    def __init__(self, shape, options):
        super().__init__()
        self.head = torch.nn.Linear(sum(shape.widths.values()), 3)
        self.tasks = tuple(shape.n_classes)

    def forward(self, inputs):
        logits = self.head(torch.cat(list(inputs.modalities.values()), 1))
        return Outputs({task: {MIXED: logits} for task in self.tasks}, logits)


def licensed():
    raise UsageError("no licence", "licence.txt", "put it there")
"""


def test_an_error_that_names_its_mending_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN_NET)
    own, training = ModelOptions(name=f"{path}:Net"), TrainingOptions(task_weighting="gradnorm")
    with pytest.raises(UsageError) as caught:
        try_model(training, own, make_queried_pool())
    what, where, mend = caught.value.args
    assert what == "gradnorm does not know the last shared layer of a Net"
    assert where == "--task-weighting gradnorm"
    assert "dwa, uncertainty or pcgrad" in mend
    with pytest.raises(UsageError) as caught:
        find_strategy(f"{path}:licensed")
    assert caught.value.args == ("no licence", "licence.txt", "put it there")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\nraise RuntimeError('no licence')", "RuntimeError: no licence (mine.py, line 3)"),
        ("open('absent.csv')", "No such file or directory: 'absent.csv' (mine.py, line 1)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (mine.py, line 2)"),
        ("import no_such_module", "No module named 'no_such_module' (mine.py, line 1)"),
        ("def f(:", "SyntaxError"),
        ("\0", "null bytes"),
    ],
)
def test_a_plug_in_that_cannot_be_imported_is_one_error_with_its_line(
    text: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    error = refusal(strategy=f"{path}:f", steps=0)
    assert expected in str(error)
    assert "2 options cannot be used" in str(error)


def test_a_fault_is_listed_once_and_keeps_its_error_class() -> None:
    faults = Faults()
    faults.raise_all("faults", "here")  # there is nothing to raise
    for _ in range(2):
        faults.add("no rows", "a.parquet", "bring some", PoolError)
    with pytest.raises(PoolError, match=r"^no rows\n"):
        faults.raise_all("faults", "here")
    faults.add("two\nlines", "here", "both")
    with pytest.raises(UsageError) as caught:
        faults.raise_all("faults", "here")
    assert caught.value.args[0] == (
        "2 faults:\n  1. a.parquet: no rows\n     mend: bring some\n"
        "  2. two\n     lines\n     mend: both"
    )


def test_an_attempt_collects_only_errors_that_the_user_can_mend() -> None:
    faults = Faults()

    def fails(error: Exception) -> int:
        raise error

    assert faults.attempt(7, fails, StoreError("a", "b", "c")) == 7
    assert faults.attempt(7, int, "3") == 3
    assert [error.args for error in faults.kept] == [("a", "b", "c")]
    with pytest.raises(ZeroDivisionError):
        faults.attempt(7, fails, ZeroDivisionError())


@pytest.mark.parametrize("function", [alsim.run, alsim.train, alsim.correlate])
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"modality": ["txt"]}, "'txt' for --modality"),
        ({"label": "lable"}, "'lable' for --label"),
        ({"features": "agee"}, "'agee' for --features"),
        ({"split": "splitt"}, "'splitt' for --split"),
        ({"id_column": "idd"}, "'idd' for --id"),
    ],
)
def test_a_misspelt_column_is_reported_before_any_worker_starts(
    tmp_path: Path, function: Any, arguments: dict[str, Any], match: str
) -> None:
    stages: list[str] = []

    class Listening(Watch):
        def stage(self, text: str) -> None:
            stages.append(text)

    with pytest.raises(UsageError, match=match):
        function(POOL, out=tmp_path / "run", watch=Listening(), **arguments)
    assert not stages
    assert not (tmp_path / "run").exists()
    if function is not alsim.correlate:
        with pytest.raises(UsageError, match="'tsk' for --task"):
            function(POOL, out=tmp_path / "run", task="tsk")
