"""Models by names with parameters, and models of equal size."""

from dataclasses import replace
from typing import Any

import pytest
from toy_tasks import make_tasks_pool

from alsim.errors import UsageError
from alsim.models import size_of
from alsim.models.naming import find_named_model
from alsim.options.experts import ExpertOptions
from alsim.options.faults import Faults
from alsim.options.model import ModelOptions
from alsim.options.option import read
from alsim.options.texts import parse_fractions
from alsim.options.training_study import TrainOptions
from alsim.studies.training.assignment import TrainedModel
from alsim.studies.training.check import (
    examine_train,
)
from alsim.studies.training.match import match_parameters
from alsim.training.features import shape_of


def test_parameters_in_brackets_are_set_and_the_rest_keep_their_defaults() -> None:
    found = find_named_model(" multi-cluster( density=0.0, experts = 4 )")
    assert found.name == "multi-cluster(experts=4,density=0)"
    assert found.given == ("experts", "density")
    assert found.options.name == "multi-cluster"
    assert found.options.experts == ExpertOptions(density_weight=0.0, number=4)
    plain = find_named_model("mmoe")
    assert (plain.name, plain.options) == ("mmoe", ModelOptions(name="mmoe"))
    assert find_named_model("mmoe(experts=8,gate=input)").options.experts == ExpertOptions(number=8)
    assert find_named_model("mmoe(gate=input)").options.experts is None
    assert find_named_model("mlp(depth=3)").options.depth == 3
    assert find_named_model("auto(depth=3,heads=mixed)").options.heads == "mixed"


def test_widths_of_several_layers_are_separated_by_an_x() -> None:
    found = find_named_model("cgc(expert-width=64x32,tower_width=8,levels=2,gate=task)")
    experts = found.options.expert_options()
    assert (experts.widths, experts.tower, experts.levels) == ((64, 32), (8,), 2)
    assert experts.gate == "task"
    assert found.name == "cgc(expert-width=64x32,tower-width=8,gate=task,levels=2)"


@pytest.mark.parametrize(
    ("text", "what", "mend"),
    [
        ("mmo", "no model 'mmo'", "did you mean mmoe"),
        ("mmoe(expert=4)", "expert cannot be '4'", "mlp, conv4"),
        ("mmoe(xperts=4)", "no parameter 'xperts=4'", "did you mean experts"),
        ("mmoe(density=0.1)", "no parameter 'density=0.1'", "there is: width"),
        ("linear(width=4)", "no parameter 'width=4'", "there is: none"),
        ("mmoe(experts=4,experts=4)", "given twice", "give it once"),
        ("mmoe(experts=0)", "0 is too small", "at least 1"),
        ("mmoe(experts=many)", "cannot be 'many'", "a whole number"),
        ("mmoe(expert-width=6xa)", "holds no whole numbers", "(64x32)"),
        ("multi-cluster(evaluation=top-0)", "no evaluation 'top-0'", "task-k"),
        ("mmoe((", "is not a model", "name(parameter=value"),
    ],
)
def test_a_faulty_name_of_a_model_is_one_error(text: str, what: str, mend: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_named_model(text)
    assert what in caught.value.args[0]
    assert "--model" in caught.value.args[1]
    assert mend in caught.value.args[2]


def test_a_model_from_a_plug_in_takes_every_parameter() -> None:
    found = find_named_model("tests/models/test_naming.py:make(width=3,density=1)")
    assert (found.options.width, found.options.expert_options().density_weight) == (3, 1)


def make(shape: Any, options: ModelOptions) -> Any:
    raise NotImplementedError


def faults_of(**changed: Any) -> list[str]:
    """Return what is wrong with options."""
    faults = Faults()
    examine_train(read(TrainOptions, changed, faults), faults)
    return [error.args[0] for error in faults.kept]


def test_equal_models_are_listed_once_however_they_are_written() -> None:
    assert faults_of(model=("mmoe", "mmoe")) == ["mmoe is named twice"]
    (what,) = faults_of(model=("multi-cluster", "multi-cluster(density=0.10)"))
    assert what == "multi-cluster(density=0.1) is named twice, as multi-cluster"
    assert faults_of(model=("multi-cluster", "multi-cluster(density=0.2)")) == []
    assert faults_of(model=()) == ["no model is named"]


def test_conflicts_of_models_evaluations_and_sizes_are_reported_at_once() -> None:
    assert faults_of(model=("mmoe",), evaluation=("task-k", "all")) == [
        "no model has stochastic gates, which evaluations are of"
    ]
    assert faults_of(model=("mmoe",), match_parameters=True) == [
        "a single model has none to be matched to"
    ]
    assert faults_of(model=("mmoe(width=3)", "omoe(expert-width=3)"), match_parameters=True) == [
        "its expert-width follows from --match-parameters"
    ]
    found = faults_of(
        fractions=(0.5, 0.5), seeds=(1, 1), export_task=("a", "a"), model=("mmo", "mmoe"),
        max_epochs=0,
    )  # fmt: skip
    assert [what.partition(" ")[0] for what in found] == ["0", "no", "0.5", "1", "'a'"]


@pytest.mark.parametrize("value", ["", "a", "0.5,b", "0", "1.01", [-0.1], "nan", 0.0])
def test_fractions_that_are_not_shares_are_refused(value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        parse_fractions(value)
    assert caught.value.args[1] == "--fractions"


def test_fractions_are_read_from_a_text_a_number_or_a_sequence() -> None:
    assert parse_fractions("0.05, 0.25,1") == (0.05, 0.25, 1.0)
    assert parse_fractions(1) == (1.0,)
    assert parse_fractions([0.5, 1]) == (0.5, 1.0)


POOL = make_tasks_pool()
SHAPE = shape_of(POOL)


def named(*texts: str, width: int = 300) -> list[TrainedModel]:
    models = [find_named_model(text) for text in texts]
    options = [replace(model.options, width=width, encoders=()) for model in models]
    return [TrainedModel(model.name, one, ()) for model, one in zip(models, options, strict=True)]


@pytest.mark.long
def test_matched_models_have_as_many_parameters_as_the_first_within_one_percent() -> None:
    faults = Faults()
    names = (
        "mlp", "shared-bottom", "single-task", "cross-stitch", "omoe", "mmoe(experts=4)", "cgc",
        "multi-cluster(experts=3)", "three-head",
    )  # fmt: skip
    found, notes = match_parameters(named(*names), POOL, faults)
    assert not faults.kept
    sizes = [size_of(SHAPE, model.options) for model in found]
    # 34 inputs, a mask among them, and 6 + 2 + 1 outputs.
    assert sizes[0] == 34 * 300 + 300 + 300 * 9 + 9 == 13_209
    for name, size in zip(names, sizes, strict=True):
        assert abs(size - 13_209) <= 0.035 * 13_209, name
        assert f"{size:,}" in notes[0]
    far = [name for name, n in zip(names, sizes, strict=True) if abs(n - 13_209) > 132.09]
    assert [name for name in names if f"{name} +" in notes[-1] or f"{name} -" in notes[-1]] == far
    assert len(far) < 5
    wide, notes = match_parameters(named(*names, width=16_000), POOL, faults)
    sizes = [size_of(SHAPE, model.options) for model in wide]
    assert all(abs(size - sizes[0]) <= 0.01 * sizes[0] for size in sizes)
    assert len(notes) == 1


@pytest.mark.long
def test_a_model_without_a_width_cannot_be_matched() -> None:
    faults = Faults()
    match_parameters(named("mmoe", "linear"), POOL, faults)
    (fault,) = faults.kept
    assert "has no width" in fault.args[0]
    assert fault.args[1] == "--model linear"
