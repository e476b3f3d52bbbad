"""The parameters in the brackets of a model: what each sets, which are refused, former flags."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import correlation, study
from typer.testing import CliRunner

import alsim
from alsim.cli.main import app
from alsim.errors import UsageError
from alsim.models.naming import parameters_of
from alsim.options.experts import ExpertOptions
from alsim.options.model import MOVED, ModelOptions
from alsim.options.option import options_of
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool

# A model with one parameter, and the fields it should set.
MEANT: list[tuple[str, dict[str, Any]]] = [
    ("mmoe(expert=conv4)", {"kind": "conv4"}),
    ("mmoe(experts=3)", {"number": 3}),
    ("single-task(expert-width=64)", {"widths": (64,)}),
    ("single-task(expert_width=64x32)", {"widths": (64, 32)}),
    ("shared-bottom(tower-width=8)", {"tower": (8,)}),
    ("omoe(gate=task)", {"gate": "task"}),
    ("mmoe(expert-heads=all)", {"heads": "all"}),
    ("cgc(task-experts=0)", {"task_experts": 0}),
    ("cgc(levels=2)", {"levels": 2}),
    ("mmoe(reads=text; image;text+image)", {"reads": ("text", "image", "text+image")}),
    ("mmoe(reads=text;image[0:4])", {"reads": ("text", "image[0:4]")}),
    ("mmoe(image-shape=32x24x3)", {"image": (32, 24, 3)}),
    ("mmoe(image-layout=chw)", {"layout": "chw"}),
    ("multi-cluster(estimator=disarm)", {"estimator": "disarm"}),
    ("multi-cluster(gate-samples=8)", {"samples": 8}),
    ("multi-cluster(density=0)", {"density_weight": 0.0}),
    ("multi-cluster(evaluation=top-5)", {"evaluation": "top-5"}),
]
OWN: list[tuple[str, dict[str, Any]]] = [
    ("mlp(width=3)", {"width": 3}),
    ("mlp(depth=2)", {"depth": 2}),
    ("mlp(dropout=0.25)", {"dropout": 0.25}),
    ("three-head(blocks=residual)", {"blocks": "residual"}),
    ("three-head(fusion=attention)", {"fusion": "attention"}),
    ("three-head(heads=mixed)", {"heads": "mixed"}),
    ("three-head(encoder=image;text)", {"encoders": ("image", "text")}),
    ("three-head(encoder=none)", {"encoders": ()}),
]


@pytest.mark.parametrize(("model", "meant"), MEANT)
def test_each_parameter_of_experts_sets_only_its_own_field(
    model: str, meant: dict[str, Any]
) -> None:
    expected = replace(ExpertOptions(), **meant)
    assert study(model=model).model.experts == expected
    assert correlation(model=model)[0].model.experts == expected


@pytest.mark.parametrize(("model", "meant"), OWN)
def test_each_other_parameter_sets_only_its_own_field(model: str, meant: dict[str, Any]) -> None:
    name = model.partition("(")[0]
    assert study(model=model).model == replace(ModelOptions(name=name), **meant)


def test_every_parameter_is_tested_above() -> None:
    for group, tried in ((ExpertOptions, MEANT), (ModelOptions, OWN)):
        assert {*options_of(group)} == {name for _, meant in tried for name in meant}


@pytest.mark.long
@pytest.mark.parametrize("flag", MOVED)
@pytest.mark.parametrize("command", ["run", "correlate", "train"])
def test_a_former_flag_is_refused_with_the_new_spelling(command: str, flag: str) -> None:
    if (command, flag) == ("train", "--evaluation"):
        return  # which evaluates one net in several ways
    for given in ([flag, "1"], [f"{flag}=1"]):
        done = CliRunner().invoke(app, [command, *given])
        assert done.exit_code == 2
        assert f"({flag.removeprefix('--')}=…)" in done.stderr
    argument = {flag.removeprefix("--").replace("-", "_"): 1}
    with pytest.raises(UsageError, match="a parameter of the model now"):
        getattr(alsim, command)(**argument)


def test_a_command_without_models_treats_a_former_flag_as_unknown() -> None:
    done = CliRunner().invoke(app, ["compare", "runs/one", "--depth", "3"])
    assert done.exit_code == 2
    assert "No such option: --depth" in done.stderr


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("mmoe(expert-width=wide)", "holds no whole numbers"),
        ("mmoe(expert-width=64x)", "holds no whole numbers"),
        ("mmoe(expert-width=0)", "0 is too small"),
        ("mmoe(tower-width=x)", "holds no whole numbers"),
        (f"mmoe(tower-width={'9' * 30})", "holds no whole numbers"),
        (f"mmoe(tower-width={1 << 20})", "1,048,576 is too large"),
        ("mmoe(experts=0)", "0 is too small"),
        ("mmoe(experts=1000000000)", "too large"),
        ("mmoe(reads=text;;image)", "an empty name"),
        ("mmoe(reads=)", "an empty name"),
        ("mmoe(image-shape=32x32)", "no shape of a picture"),
        ("mmoe(image-shape=32x0x3)", "no shape of a picture"),
        ("mmoe(image-shape=a square)", "holds no whole numbers"),
        ("mmoe(expert=conv4,expert-width=8x8)", "one number of filters"),
        ("mmoe(gate=tusk)", "cannot be 'tusk'"),
        ("multi-cluster(gate-samples=1)", "one sample leaves none out"),
        ("multi-cluster(density=-1)", "-1 is too small"),
        # A field that a model does not read is not a parameter of it.
        ("auto(density=0.5)", "no parameter 'density=0.5'"),
        ("mlp(experts=4)", "no parameter 'experts=4'"),
        ("mmoe(levels=2)", "no parameter 'levels=2'"),
        ("shared-bottom(experts=4)", "no parameter 'experts=4'"),
        ("multi-cluster(gate=task)", "no parameter 'gate=task'"),
    ],
)
def test_a_meaningless_parameter_is_refused_with_the_option_that_holds_it(
    model: str, expected: str
) -> None:
    with pytest.raises(UsageError) as refused:
        study(model=model)
    assert expected in refused.value.args[0]
    assert refused.value.args[1] == f"--model {model}"
    with pytest.raises(UsageError):
        correlation(model=model)


def test_a_model_from_a_plug_in_reads_every_parameter() -> None:
    known = parameters_of("mine.py:net")
    assert len(known) == len(options_of(ModelOptions)) + len(options_of(ExpertOptions))
    assert {*parameters_of("mlp")} == {"width", "depth", "dropout"}


def test_the_weighting_of_tasks_and_the_rate_of_gates_reach_the_training() -> None:
    assert study(task_weighting="pcgrad").training.task_weighting == "pcgrad"
    assert study(gate_learning_rate=0.2).training.gate_learning_rate == 0.2


def test_a_run_trains_the_requested_experts(tmp_path: Path) -> None:
    pool: pa.Table = vk_pool(VkOptions(n_rows=300, picture_width=8, text_width=4, n_classes=3))
    done = alsim.run(
        pool,
        strategy="random",
        seeds=1,
        steps=1,
        max_epochs=1,
        workers=0,
        model="multi-cluster(experts=3,expert-width=5,reads=picture;text,density=0,evaluation=all)",
        out=tmp_path / "run",
    )
    assert done.status == "complete"
    configuration: Any = done.manifest["configuration"]
    chosen = ExpertOptions(
        number=3, widths=(5,), reads=("picture", "text"), density_weight=0.0, evaluation="all"
    )
    assert configuration["model"]["experts"] == json.loads(json.dumps(asdict(chosen)))
    with pytest.raises(UsageError, match="no modality 'sound'") as refused:
        alsim.run(pool, model="mmoe(reads=sound)", seeds=1, workers=0, out=tmp_path / "no")
    assert refused.value.args[1] == "--model (reads=…)"
    assert not (tmp_path / "no").exists()


def test_the_listing_of_a_model_shows_each_of_its_parameters() -> None:
    shown = CliRunner().invoke(app, ["models", "multi-cluster", "linear"])
    assert shown.exit_code == 0
    for key, parameter in parameters_of("multi-cluster").items():
        assert f"\n{key} " in shown.stdout
        assert parameter.help in shown.stdout
    assert "gate " not in shown.stdout
    assert CliRunner().invoke(app, ["models", "mmo"]).exit_code == 2
