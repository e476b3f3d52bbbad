"""The flags about experts: what they mean, which are refused, and that each sets its own field."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
import typer.main
from alsim.studies.arguments import make_options
from alsim.studies.expert_arguments import EXPERT_FLAGS, refuse_idle_flags

import alsim
from alsim.cli import options
from alsim.cli.main import app
from alsim.errors import StoreError, UsageError
from alsim.options.experts import EstimatorName, ExpertKind, ExpertOptions, GateInput
from alsim.options.faults import Faults
from alsim.options.training import TaskWeighting
from alsim.pool.synthetic import VkOptions, vk_pool
from alsim.studies.correlation.run import read_correlate
from alsim.studies.curves.run import run
from alsim.studies.same_again import flag_of, plain_options, refuse_other_options
from alsim.studies.start.check import StudyOptions

# Each flag's argument, a model that reads it, and what it should set.
MEANT: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"expert": "conv4"}, "mmoe", {"kind": "conv4"}),
    ({"experts": 3}, "mmoe", {"number": 3}),
    ({"expert_width": "64"}, "single-task", {"widths": (64,)}),
    ({"expert_width": "64, 32"}, "single-task", {"widths": (64, 32)}),
    ({"expert_width": 64}, "single-task", {"widths": (64,)}),
    ({"expert_width": [64, 32]}, "single-task", {"widths": (64, 32)}),
    ({"tower_width": "8"}, "shared-bottom", {"tower": (8,)}),
    ({"gate": "task"}, "omoe", {"gate": "task"}),
    ({"expert_heads": "all"}, "mmoe", {"heads": "all"}),
    ({"task_experts": 0}, "cgc", {"task_experts": 0}),
    ({"levels": 2}, "cgc", {"levels": 2}),
    ({"reads": "text; image;text+image"}, "mmoe", {"reads": ("text", "image", "text+image")}),
    ({"reads": ["text", "image[0:4]"]}, "mmoe", {"reads": ("text", "image[0:4]")}),
    ({"image_shape": "32x24x3"}, "mmoe", {"image": (32, 24, 3)}),
    ({"image_shape": [32, 24, 3]}, "mmoe", {"image": (32, 24, 3)}),
    ({"image_layout": "chw"}, "mmoe", {"layout": "chw"}),
    ({"estimator": "disarm"}, "multi-cluster", {"estimator": "disarm"}),
    ({"gate_samples": 8}, "multi-cluster", {"samples": 8}),
    ({"density": 0.0}, "multi-cluster", {"density_weight": 0.0}),
    ({"evaluation": "top-5"}, "multi-cluster", {"evaluation": "top-5"}),
]


@pytest.mark.parametrize(("given", "model", "meant"), MEANT, ids=str)
def test_each_flag_sets_its_own_field_and_no_other(
    given: dict[str, Any], model: str, meant: dict[str, Any]
) -> None:
    arguments = {**given, "model": model}
    expected = replace(ExpertOptions(), **meant)
    assert make_options(run, arguments).model.experts == expected
    faults = Faults()
    correlation = read_correlate(alsim.correlate, arguments, faults)
    assert correlation is not None
    assert correlation.study.model.experts == expected
    assert not faults.kept


def test_every_field_has_a_flag_of_the_command_that_is_tried_above() -> None:
    command: Any = typer.main.get_command(app)
    for name in ("run", "correlate"):
        flags = {flag for option in command.commands[name].params for flag in option.opts}
        assert {*EXPERT_FLAGS.values()} <= flags
    names = {field.name for field in fields(ExpertOptions)}
    assert {*EXPERT_FLAGS} == names == {name for *_, meant in MEANT for name in meant}
    for given, _, meant in MEANT:
        assert ["--" + name.replace("_", "-") for name in given] == [
            EXPERT_FLAGS[name] for name in meant
        ]


@pytest.mark.parametrize(
    ("option", "known"),
    [
        (options.Expert, ExpertKind),
        (options.Gate, GateInput),
        (options.Estimator, EstimatorName),
        (options.TaskWeighting, TaskWeighting),
    ],
)
def test_the_command_offers_the_choices_that_there_are(option: Any, known: Any) -> None:
    assert get_args(get_args(option)[0]) == get_args(known)


def test_without_a_flag_a_run_is_described_as_before_there_were_any() -> None:
    assert make_options(run, {}).model.experts is None
    assert make_options(run, {"model": "mmoe", "density": 0.1, "levels": 1}).model.experts is None
    assert plain_options(make_options(run, {})) == plain_options(StudyOptions())


def test_the_weighting_of_tasks_and_the_rate_of_gates_reach_the_training() -> None:
    assert make_options(run, {"task_weighting": "pcgrad"}).training.task_weighting == "pcgrad"
    assert make_options(run, {"gate_learning_rate": 0.2}).training.gate_learning_rate == 0.2


@pytest.mark.parametrize(
    ("given", "where", "told"),
    [
        ({"expert_width": "wide"}, "--expert-width", "holds no whole numbers"),
        ({"expert_width": "64,"}, "--expert-width", "holds no whole numbers"),
        ({"expert_width": "0"}, "--expert-width", "0 is too small"),
        ({"expert_width": []}, "--expert-width", "no width"),
        ({"tower_width": "x"}, "--tower-width", "holds no whole numbers"),
        ({"tower_width": "9" * 30}, "--tower-width", "holds no whole numbers"),
        ({"tower_width": 1 << 20}, "--tower-width", "1,048,576 is too large"),
        ({"experts": 0}, "--experts", "0 is too small"),
        ({"experts": 10**9}, "--experts", "too large"),
        ({"reads": "text;;image"}, "--reads", "nothing to read"),
        ({"reads": ""}, "--reads", "nothing to read"),
        ({"image_shape": "32x32"}, "--image-shape", "no shape of a picture"),
        ({"image_shape": "32x0x3"}, "--image-shape", "no shape of a picture"),
        ({"image_shape": "a square"}, "--image-shape", "holds no whole numbers"),
        ({"expert": "conv4", "expert_width": "8,8"}, "--expert-width", "one number of filters"),
        ({"gate_learning_rate": 0}, "--gate-learning-rate", "a learning rate of 0 is not"),
        ({"gate": "tusk"}, "--gate", "cannot be 'tusk'"),
        ({"task_weighting": "gradnrom"}, "--task-weighting", "cannot be 'gradnrom'"),
    ],
    ids=str,
)
def test_what_means_nothing_is_told_with_the_flag_that_said_it(
    given: dict[str, Any], where: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        make_options(run, {"model": "mmoe", **given})
    assert refused.value.args[1] == where


@pytest.mark.parametrize(
    ("model", "given", "flags"),
    [
        ("auto", {"density": 0.5}, ["--density"]),
        ("mlp", {"experts": 4, "tower_width": 8}, ["--experts", "--tower-width"]),
        ("mmoe", {"density": 0.5, "levels": 2}, ["--levels", "--density"]),
        ("shared-bottom", {"experts": 4}, ["--experts"]),
        ("multi-cluster", {"gate": "task"}, ["--gate"]),
    ],
    ids=str,
)
def test_a_flag_that_the_model_does_not_read_is_refused_with_the_models_that_do(
    model: str, given: dict[str, Any], flags: list[str]
) -> None:
    with pytest.raises(UsageError, match=f"it means nothing to {model}") as refused:
        make_options(run, {"model": model, **given})
    assert str(refused.value).count("it means nothing") == len(flags)
    for flag in flags:
        assert flag in str(refused.value)
    with pytest.raises(UsageError, match="it means nothing to mlp"):
        alsim.correlate(model="mlp", density=0.5)


def test_a_model_of_a_plug_in_may_read_any_flag() -> None:
    faults = Faults()
    refuse_idle_flags(["mine.py:net"], replace(ExpertOptions(), levels=2), faults)
    refuse_idle_flags(["mlp", "mine.py:net"], replace(ExpertOptions(), levels=2), faults)
    refuse_idle_flags(["mlp", "cgc"], replace(ExpertOptions(), levels=2), faults)
    refuse_idle_flags(["mlp"], None, faults)
    assert not faults.kept


def test_other_experts_are_told_by_their_flags_when_a_run_is_asked_for_again(
    tmp_path: Path,
) -> None:
    then, now = (
        make_options(run, {"model": "multi-cluster", "experts": 4, "density": density})
        for density in (0.2, 0.3)
    )
    past = {"kind": "curves", "status": "complete", "options": plain_options(then)}
    with pytest.raises(StoreError, match=r"--density: 0\.2 then, 0\.3 now"):
        refuse_other_options(tmp_path, past, plain_options(now), "curves", None)
    assert {flag_of(f"model.experts.{name}") for name in EXPERT_FLAGS} == {*EXPERT_FLAGS.values()}
    assert flag_of("model.experts") == "--experts"  # where one of the two had the defaults


def test_a_run_trains_the_experts_that_were_asked_for(tmp_path: Path) -> None:
    pool: pa.Table = vk_pool(VkOptions(n_rows=300, picture_width=8, text_width=4, n_classes=3))
    done = alsim.run(
        pool,
        strategy="random",
        seeds=1,
        steps=1,
        max_epochs=1,
        workers=1,
        model="multi-cluster",
        experts=3,
        expert_width="5",
        reads="picture;text",
        density=0.0,
        evaluation="all",
        out=tmp_path / "run",
    )
    assert done.status == "complete"
    options: Any = done.manifest["options"]
    chosen = ExpertOptions(
        number=3, widths=(5,), reads=("picture", "text"), density_weight=0.0, evaluation="all"
    )
    assert options["model"]["experts"] == json.loads(json.dumps(asdict(chosen)))
    with pytest.raises(UsageError, match="no modality 'sound'") as refused:
        alsim.run(pool, model="mmoe", reads="sound", seeds=1, workers=1, out=tmp_path / "no")
    assert refused.value.args[1] == "--reads"
    assert not (tmp_path / "no").exists()
