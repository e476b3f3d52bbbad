"""The main task on real pools, if they are available (`../shared/data`)."""

from collections.abc import Callable
from pathlib import Path

import pytest

import alsim
from alsim.store.curves import Run

FEW = {
    "seeds": "0..0", "initial_size": 300, "query_size": 20, "steps": 2, "max_epochs": 8,
    "workers": 0,
}  # fmt: skip


def last_accuracy(run: Run) -> dict[str, float]:
    return {r["strategy"]: r["accuracy"] for r in run.steps.to_pylist() if r["step"] == 2}


@pytest.mark.long
def test_posts_with_pictures_and_texts_train_all_three_heads(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    run = alsim.run(
        shared_data("fashion_image_text"), mask_modality=["image_emb=0.2", "text_emb=0.2"],
        strategy="random,margin", out=tmp_path / "r", **FEW,
    )  # fmt: skip
    assert min(last_accuracy(run).values()) > 0.4
    patterns = {
        (r["head"], r["modalities"]) for r in run.metrics.to_pylist() if r["metric"] == "accuracy"
    }
    both = {"all", "image_emb", "text_emb", "image_emb+text_emb", "none"}
    assert {m for h, m in patterns if h == "mixed"} == both
    assert {h for h, _ in patterns} == {"mixed", "image_emb", "text_emb"}


@pytest.mark.long
def test_digits_train_a_perceptron_on_pixels(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    run = alsim.run(
        shared_data("mnist"), strategy="margin", batch_size=64, out=tmp_path / "r", **FEW
    )
    assert last_accuracy(run)["margin"] > 0.75
    assert run.manifest["configuration"]["model"]["name"] == "mlp"  # pyright: ignore[reportIndexIssue]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["clinc150_minilm", "cifar10_sample"])
def test_other_pools_run_without_options(
    name: str, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    run = alsim.run(shared_data(name), strategy="entropy", out=tmp_path / "r", **FEW)
    assert run.status == "complete"
    assert last_accuracy(run)["entropy"] > 0.1
