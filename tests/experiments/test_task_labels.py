"""The labels that a net is trained on, by hand; and a net with several evaluations."""

import math
from dataclasses import replace

import pytest
import torch
from toy_tasks import make_tasks_pool

from alsim.experiments.progress import Progress
from alsim.experiments.training.labels import Queries, TaskLabels, drawn_labels, queried_labels
from alsim.experiments.training.loop import train_tasks
from alsim.experiments.training.setting import make_tasks_setting
from alsim.models import MIXED
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.pool.pool import Pool
from alsim.signals import Chunks
from alsim.training.features import features_of, shape_of

POOL = make_tasks_pool()


def classes_only(pool: Pool) -> Pool:
    return replace(pool, tasks={name: pool.tasks[name] for name in ("label", "late")})


# Row 5 is queried for both tasks at once, row 7 for one task and later for the other.
QUERIES = Queries(
    strategy="margin",
    unit=torch.tensor([0, 0, 1, 2, 3, 4]),
    rows=torch.tensor([5, 5, 7, 9, 7, 2]),
    names=("late", "label"),
    tasks=torch.tensor([1, 0, 1, 0, 0, 1]),
    labels=torch.tensor([4, 1, 3, -1, 0, 2]),
)


@pytest.mark.parametrize(
    ("fraction", "rows", "label", "late"),
    [
        (0.2, [5], [4], [1]),
        (0.4, [5, 7], [4, 3], [1, -1]),
        (0.6, [5, 7], [4, 3], [1, -1]),  # the answer for row 9 is not a class
        (0.8, [5, 7], [4, 3], [1, 0]),
        (1.0, [5, 7, 2], [4, 3, 2], [1, 0, -1]),
        (0.05, [], [], []),
    ],
)
def test_the_first_queried_units_become_one_entry_for_each_row(
    fraction: float, rows: list[int], label: list[int], late: list[int]
) -> None:
    found = queried_labels(classes_only(POOL), QUERIES, fraction)
    assert found.rows.tolist() == rows
    assert {name: y.tolist() for name, y in found.labels.items()} == {"label": label, "late": late}
    assert (found.chosen_by, found.fraction) == ("margin", fraction)


def test_a_wrong_answer_is_trained_on_as_given() -> None:
    truth = int(POOL.tasks["label"].labels[5])
    wrong = replace(QUERIES, labels=torch.tensor([(truth + 1) % 6, 1, 3, -1, 0, 2]))
    found = queried_labels(classes_only(POOL), wrong, 1.0)
    assert found.labels["label"][0] == (truth + 1) % 6


def test_drawn_labels_are_those_of_the_pool() -> None:
    found = drawn_labels(POOL, 0.1, 3)
    assert found.chosen_by == "random"
    for name, task in POOL.tasks.items():
        assert torch.equal(
            found.labels[name].nan_to_num(-9), task.labels[found.rows].nan_to_num(-9)
        )


def trained(evaluations: tuple[str, ...], labels: TaskLabels | None = None):
    setting = make_tasks_setting(
        POOL,
        model=ModelOptions(
            name="multi-cluster", dropout=0.0,
            experts=ExpertOptions(number=5, widths=(8,), density_weight=0.0),
        ),
        training=TrainingOptions(
            batch_size=64, max_epochs=6, learning_rate=1e-2, precision="float64"
        ),
        way="direct",
        device=torch.device("cpu"),
        name="multi-cluster(experts=5)",
        evaluations=evaluations,
        chunks=Chunks(70),
    )  # fmt: skip
    (net,) = train_tasks(setting, [4], [labels or drawn_labels(POOL, 1.0, 4)], Progress())
    return net


def test_the_training_loss_uses_the_answers_of_the_oracle() -> None:
    rows = torch.tensor([5, 7, 2, 11, 30, 31])
    truth = POOL.tasks["label"].labels[rows]
    answers = (truth + torch.tensor([1, 0, 2, 0, 0, 3])) % 6  # three are wrong
    answers[4] = -1
    heights = torch.tensor([2.0, math.nan, 6.0, 4.0, 4.0, 4.0])  # none is the pool's
    nobody = torch.full((6,), -1)
    labels = TaskLabels(rows, {"label": answers, "late": nobody, "height": heights}, 1.0, "margin")
    setting = make_tasks_setting(
        POOL,
        model=ModelOptions(name="shared-bottom", dropout=0.0, experts=ExpertOptions(widths=(8,))),
        training=TrainingOptions(batch_size=2, max_epochs=3, precision="float64"),
        way="direct",
        device=torch.device("cpu"),
    )
    (net,) = train_tasks(setting, [0], [labels], Progress())
    seen = features_of(POOL, torch.device("cpu"), torch.float64).span(0, 40)
    with torch.no_grad():
        said = {name: z[MIXED][rows] for name, z in net.model(seen).logits.items()}
    logs = said["label"].log_softmax(1)
    kept = [0, 1, 2, 3, 5]
    cross_entropy = -sum(logs[i, int(answers[i])].item() for i in kept) / 5
    # Known heights are 2, 6, 4, 4, 4: mean 4, variance 8/5.
    errors = said["height"][:, 0] - (heights.double() - 4) / math.sqrt(8 / 5)
    squares = sum(errors[i].item() ** 2 for i in (0, 2, 3, 4, 5)) / 5
    found = {r.task: r.value for r in net.result.tasks if r.metric == "train_loss"}
    assert found == pytest.approx({"label": cross_entropy, "height": squares})
    assert net.result.fit.train_loss == pytest.approx((cross_entropy + squares) / 2)
    # Validation is measured on the labels of the pool, for all tasks.
    tasks = {r.task for r in net.result.tasks if r.metric == "validation_loss"}
    assert tasks == {"label", "late", "height"}


@pytest.mark.long
def test_one_net_is_evaluated_with_several_choices_of_its_experts() -> None:
    modes = ("task-k", "top-1", "top-5", "all", "soft")
    net = trained(modes)
    found = {(r.task, r.evaluation, r.metric): r.value for r in net.result.tasks}
    assert {r.model for r in net.result.tasks} == {"multi-cluster(experts=5)"}
    assert len(found) == len(net.result.tasks)
    # The mixture by hand: w, p, and the chosen experts.
    model = net.model
    mixer = model.levels[0].mixers[0]
    seen = features_of(POOL, torch.device("cpu"), torch.float64).span(500, 700)
    with torch.no_grad():
        experts = model.levels[0].experts(model.columns.join(seen))
        p = torch.sigmoid(mixer.gate.logits)
        order = p.argsort(dim=1, descending=True, stable=True)
        for number, name in ((0, "label"), (1, "late")):
            k = max(1, int(torch.floor(p[number].sum() + 0.5)))
            chosen = {
                "task-k": order[number, :k], "top-1": order[number, :1], "all": order[number],
                "top-5": order[number],
            }  # fmt: skip
            truth = POOL.tasks[name].labels[500:]
            for mode in modes:
                b = p[number].clone() if mode == "soft" else torch.zeros(5, dtype=torch.float64)
                if mode != "soft":
                    b[chosen[mode]] = 1
                z = torch.einsum("e,neh->nh", b * mixer.weight[number], experts)
                said = model.towers[0].heads[number](z)
                right = (said.argmax(1) == truth)[truth >= 0].double().mean().item()
                assert found[name, mode, "accuracy"] == pytest.approx(right), (name, mode)
                used = int((b > 0).sum())
                assert found[name, mode, "n_experts"] == used
    # Values of the training are recorded once and do not depend on the other evaluations.
    evaluations = {(r.task, r.metric): r.evaluation for r in net.result.tasks if "loss" in r.metric}
    assert set(evaluations.values()) == {"task-k"}
    alone = trained(("task-k",))
    assert alone.result.fit == net.result.fit
    assert set(alone.result.tasks) <= set(net.result.tasks)


@pytest.mark.long
def test_the_first_evaluation_decides_when_the_training_stops() -> None:
    first, other = trained(("top-1", "all")), trained(("all", "top-1"))
    assert first.result.fit.validation_loss != other.result.fit.validation_loss
    assert first.model.pruned(["late"]).levels[0].experts.layers[0].weight.shape[0] == 1
    assert other.model.pruned(["late"]).levels[0].experts.layers[0].weight.shape[0] == 5


def test_a_net_without_stochastic_gates_has_one_unnamed_evaluation() -> None:
    setting = make_tasks_setting(
        POOL, model=ModelOptions(name="mlp", width=8), training=TrainingOptions(max_epochs=1),
        way="direct", device=torch.device("cpu"), evaluations=("task-k", "all"),
    )  # fmt: skip
    (net,) = train_tasks(setting, [0], [drawn_labels(POOL, 0.2, 0)], Progress())
    assert {r.evaluation for r in net.result.tasks} == {""}
    assert not any(r.metric == "n_experts" for r in net.result.tasks)
    outputs = net.model(features_of(POOL, torch.device("cpu"), torch.float32).span(500, 700))
    height = outputs.logits["height"][MIXED][:, 0].double()
    mean, deviation = net.scales["height"]
    truth = POOL.tasks["height"].labels[500:].double()
    mse = (height * deviation + mean - truth).square().nanmean().item()
    (value,) = [r.value for r in net.result.tasks if r.metric == "mse"]
    assert value == pytest.approx(mse, rel=1e-5)
    assert set(net.scales) == {"height"}
    assert shape_of(POOL).n_classes["height"] == 1
