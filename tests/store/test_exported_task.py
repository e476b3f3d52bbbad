"""The net of a task, exported from any model of experts, has the outputs of the full model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from alsim.errors import StoreError, UsageError
from alsim.models import MIXED, ExpertNet, Inputs, Shape, build_model
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import forked, stream
from alsim.store.exported_task import load_task, save_task

SHAPE = Shape({"text": 5, "image": 12}, {"a": 3, "b": 2, "height": 1})
INPUTS = {
    "text": {"columns": None, "mean": [1.0, 2, 3, 4, 5], "scale": [0.5] * 5},
    "image": {"columns": None, "mean": [0.0] * 12, "scale": [1 / 255] * 12},
}
SMALL: dict[str, Any] = {"number": 4, "widths": (6,)}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "single-task": ("single-task", {"widths": (6,)}),
    "shared-bottom with towers": ("shared-bottom", {"widths": (6, 4), "tower": (5, 3)}),
    "cross-stitch": ("cross-stitch", SMALL),
    "omoe": ("omoe", SMALL),
    "mmoe by task": ("mmoe", {**SMALL, "gate": "task"}),
    "mmoe with a head a modality": ("mmoe", {**SMALL, "heads": "all"}),
    "experts that read a part": ("mmoe", {**SMALL, "reads": ("text", "image", "text+image")}),
    "cgc": ("cgc", SMALL),
    "ple": ("cgc", {**SMALL, "levels": 2}),
    "multi-cluster by its k": ("multi-cluster", SMALL),
    "multi-cluster by one expert": ("multi-cluster", {**SMALL, "evaluation": "top-1"}),
    "multi-cluster by all, softly": ("multi-cluster", {**SMALL, "evaluation": "soft"}),
    "multi-cluster by a draw": ("multi-cluster", {**SMALL, "evaluation": "sample"}),
}


def make(name: str, dtype: torch.dtype = torch.float32) -> tuple[ExpertNet, ModelOptions]:
    """Return a net whose gates differ between tasks."""
    model, options = MODELS[name]
    chosen = ModelOptions(name=model, encoders=(), experts=ExpertOptions(**options))
    generator = stream(0, "export")
    with forked(generator):
        net = build_model(SHAPE, chosen)
    assert isinstance(net, ExpertNet)
    for gate in net.gates().values():
        gate.logits.data = 3 * torch.randn(gate.logits.shape, generator=generator)
    return net.to(dtype).eval(), chosen


def save(path: Path, net: ExpertNet, options: ModelOptions, task: str) -> None:
    save_task(
        path, net, task, name=options.name, shape=SHAPE, options=options, inputs=INPUTS,
        classes={"a": ("x", "y", "z"), "b": ("x", "y"), "height": ()}[task],
        target=(170.0, 10.0) if task == "height" else None, facts={"seed": 3},
    )  # fmt: skip


@pytest.mark.parametrize("task", ["a", "height"])
@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_task_has_the_outputs_of_the_full_model(
    name: str, task: str, tmp_path: Path
) -> None:
    net, options = make(name)
    save(tmp_path / "net.safetensors", net, options, task)
    cut = load_task(tmp_path / "net.safetensors")
    generator = stream(1, "rows")
    text = torch.randn(9, 5, generator=generator) * 2 + 3
    image = torch.randint(256, (9, 12), generator=generator)
    present = torch.tensor([[True, i % 3 > 0] for i in range(9)])
    scaled = {
        "text": (text - torch.arange(1, 6)) / 2,
        "image": torch.where(present[:, 1:], image / 255, 0),
    }
    with torch.no_grad():
        said = net(Inputs(scaled, present.float())).logits[task][MIXED]
    wanted = 10 * said + 170 if task == "height" else said
    torch.testing.assert_close(
        cut({"text": text, "image": image}, present), wanted, rtol=1e-6, atol=2e-5
    )
    assert cut.configuration["seed"] == 3
    assert cut.task == task
    if "one expert" in name:
        assert len(cut.configuration["experts"]) == 1


def test_arrays_are_accepted_and_inputs_that_do_not_fit_are_one_error(tmp_path: Path) -> None:
    net, options = make("omoe")
    path = tmp_path / "net.safetensors"
    save(path, net, options, "a")
    cut = load_task(path)
    text, image = torch.ones(2, 5), torch.full((2, 12), 51)
    present = torch.tensor([[True, False], [True, True]])
    arrays = {"text": text.numpy(), "image": image.numpy()}
    said = cut(arrays, present.numpy())
    assert torch.equal(said, cut({"text": text, "image": image}, present))
    for wrong in (
        {"text": arrays["text"]},
        {**arrays, "audio": arrays["text"]},
        {**arrays, "text": arrays["text"][:, :4]},
        {**arrays, "text": arrays["text"][:1]},
        {},
    ):
        with pytest.raises(UsageError, match=r"the net reads text of \(rows, 5\), image of"):
            cut(wrong)
    with pytest.raises(UsageError, match=r"present \(2, 1\)"):
        cut(arrays, present[:, :1])


def test_a_file_of_another_program_is_refused_as_no_exported_net(tmp_path: Path) -> None:
    net, options = make("omoe")
    path = tmp_path / "net.safetensors"
    save(path, net, options, "a")
    what = "not a net that alsim train --export-task wrote"
    with pytest.raises(StoreError, match=f"{what}: its configuration alone"):
        load_task(path.with_suffix(".json"))
    path.with_suffix(".json").write_text('{"hello": 1}')
    with pytest.raises(StoreError, match=rf"{what}: Object missing required field `format`"):
        load_task(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(StoreError, match=rf"{what}: no net\.json beside it"):
        load_task(path)


def test_double_precision_stays_double(tmp_path: Path) -> None:
    net, options = make("mmoe by task", torch.float64)
    save(tmp_path / "net.safetensors", net, options, "b")
    cut = load_task(str(tmp_path / "net.safetensors"))
    text, image = torch.ones(2, 5), torch.full((2, 12), 51)
    said = cut({"text": text, "image": image})
    assert said.dtype == torch.float64
    scaled = {"text": (text - torch.arange(1, 6)).double() / 2, "image": image.double() / 255}
    with torch.no_grad():
        wanted = net(Inputs(scaled, torch.ones(2, 2).double())).logits["b"][MIXED]
    torch.testing.assert_close(said, wanted, rtol=1e-12, atol=1e-12)


def test_loading_draws_nothing_from_the_global_generator(tmp_path: Path) -> None:
    net, options = make("omoe")
    save(tmp_path / "net.safetensors", net, options, "a")
    before = torch.get_rng_state()
    load_task(tmp_path / "net.safetensors")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), 9), (("task",), "c"), (("experts",), [0, 1]), (("options", "name"), "mlp"),
        (("widths",), {"text": 5}), (("options", "experts", "number"), 2),
    ],
)  # fmt: skip
def test_a_configuration_that_does_not_fit_is_one_error(
    path: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    net, options = make("cross-stitch")
    save(tmp_path / "net.safetensors", net, options, "a")
    description = json.loads((tmp_path / "net.json").read_text())
    place = description
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (tmp_path / "net.json").write_text(json.dumps(description))
    with pytest.raises(StoreError):
        load_task(tmp_path / "net.safetensors")
