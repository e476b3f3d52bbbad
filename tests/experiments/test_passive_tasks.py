"""Passive training on several tasks: its rows, when it stops, and what is measured."""

import math
from dataclasses import replace

import pytest
import torch
from sklearn import metrics as sk
from torch.nn.functional import cross_entropy
from toy_tasks import make_disjoint_pool, make_tasks_pool

from alsim.experiments.progress import Progress
from alsim.experiments.training.evaluation import (
    known_rows,
    mean_over_known,
    measure_task,
    scale_of,
    task_losses,
    values_of,
)
from alsim.experiments.training.gate_facts import gate_facts
from alsim.experiments.training.labels import drawn_labels, labelled_rows
from alsim.experiments.training.loop import train_tasks
from alsim.experiments.training.records import TasksResult
from alsim.experiments.training.setting import fresh_net, make_tasks_setting
from alsim.models import MIXED
from alsim.options.engine import Way
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.options.training import TrainingOptions
from alsim.pool.pool import Pool, Task
from alsim.seeding import stream
from alsim.signals import Chunks
from alsim.training.features import features_of, shape_of
from alsim.training.fit import FitStreams, Labelled, fit_early_stopping
from alsim.training.objective import make_objective
from alsim.training.ways import make_replicas

POOL = make_tasks_pool()
TRAINING = TrainingOptions(
    batch_size=64, max_epochs=12, patience=3, learning_rate=1e-2, precision="float64"
)
SHARED = ModelOptions(name="shared-bottom", dropout=0.0, experts=ExpertOptions(widths=(16,)))


def run(
    pool: Pool = POOL,
    model: ModelOptions = SHARED,
    *,
    seeds: tuple[int, ...] = (0,),
    fractions: tuple[float, ...] = (1.0,),
    way: Way = "direct",
    training: TrainingOptions = TRAINING,
) -> list[TasksResult]:
    setting = make_tasks_setting(
        pool, model=model, training=training, way=way, device=torch.device("cpu"), chunks=Chunks(70)
    )
    return [
        net.result
        for fraction in fractions
        for net in train_tasks(
            setting,
            seeds,
            [drawn_labels(pool, fraction, seed) for seed in seeds],
            Progress(),
        )
    ]


def measures(result: TasksResult) -> dict[tuple[str, str], float]:
    found = {(record.task, record.metric): record.value for record in result.tasks}
    assert len(found) == len(result.tasks)
    return found


def test_the_rows_of_a_smaller_fraction_are_among_those_of_a_larger_one() -> None:
    few, more = (labelled_rows(POOL, fraction, 3).tolist() for fraction in (0.05, 0.25))
    assert more[: len(few)] == few
    labels = [task.labels[:400] for task in POOL.tasks.values()]
    known = torch.stack([known_rows(y) for y in labels]).any(0)
    whole = labelled_rows(POOL, 1.0, 3)
    assert whole.sort().values.tolist() == known.nonzero().flatten().tolist()
    assert len(more) == round(0.25 * len(whole)) == len(set(more))
    assert more != labelled_rows(POOL, 0.25, 4).tolist()


@pytest.mark.parametrize("fraction", [0.0, 1.01, -0.5])
def test_a_fraction_outside_of_zero_to_one_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match="a fraction of"):
        labelled_rows(POOL, fraction, 0)


@pytest.mark.long
def test_a_result_describes_every_task_and_the_net() -> None:
    (result,) = run(fractions=(0.5,))
    found, rows = measures(result), labelled_rows(POOL, 0.5, 0)
    counts = {name: int(known_rows(t.labels[rows]).sum()) for name, t in POOL.tasks.items()}
    losses = {"n_labelled", "train_loss", "validation_loss"}
    of_task = {
        "label": {"accuracy", "nll"}, "late": {"accuracy", "nll", "auc"}, "height": {"mse"},
    }  # fmt: skip
    assert found.keys() == {(t, m) for t, metrics in of_task.items() for m in metrics | losses}
    assert {name: found[name, "n_labelled"] for name in POOL.tasks} == counts
    fit = result.fit
    assert (fit.seed, fit.model, fit.fraction) == (0, "shared-bottom", 0.5)
    assert (fit.n_objects, fit.n_cells) == (len(rows), sum(counts.values()))
    # 20 + 12 columns and their mask; one expert of 16, and 6 + 2 + 1 outputs.
    assert fit.n_parameters == 34 * 16 + 16 + 16 * 9 + 9
    assert fit.active_flops == 34 * 16 + 16 * 9
    mean = sum(found[name, "train_loss"] for name in POOL.tasks) / 3
    assert fit.train_loss == pytest.approx(mean)
    assert found["late", "auc"] > 0.8
    assert 0 < fit.epochs <= 12


@pytest.mark.long
def test_the_kept_epoch_has_the_best_validation_loss_and_test_has_no_effect() -> None:
    (result,) = run()
    fit = result.fit
    # The same training in parts, with one epoch more each time.
    by_epoch = []
    for n in range(1, fit.epochs + TRAINING.patience + 1):
        (shorter,) = run(training=replace(TRAINING, max_epochs=n, patience=n))
        by_epoch.append(shorter.fit)
    best = min(by_epoch, key=lambda f: f.validation_loss)
    assert best.validation_loss == fit.validation_loss
    assert fit.epochs == best.epochs
    assert fit.epochs < len(by_epoch)
    shuffled = {
        name: replace(t, labels=torch.cat([t.labels[:500], t.labels[500:].flip(0)]))
        for name, t in POOL.tasks.items()
    }
    (other,) = run(replace(POOL, tasks=shuffled))
    assert other.fit == fit
    assert measures(other)["late", "auc"] != measures(result)["late", "auc"]


@pytest.mark.long
def test_the_measures_are_those_of_the_net_trained_by_hand() -> None:
    (result,) = run()
    rows = labelled_rows(POOL, 1.0, 0)
    labels = {name: task.labels[rows][None] for name, task in POOL.tasks.items()}
    height = labels["height"][0].double()
    known = height[~height.isnan()]
    mean, deviation = known.mean(), known.std(correction=0)
    labels["height"] = (labels["height"].double() - mean) / deviation
    setting = make_tasks_setting(
        POOL, model=SHARED, training=TRAINING, way="direct", device=torch.device("cpu")
    )
    objective = make_objective(shape_of(POOL), SHARED, TRAINING, generator=stream(0, "init"))
    replicas = make_replicas("direct", [objective.double()], TRAINING)
    fit_early_stopping(
        replicas, setting.features, Labelled(rows[None], labels),
        replace(TRAINING, max_epochs=result.fit.epochs), n_classes={},
        streams=FitStreams(
            [stream(0, "passive", "order")], [stream(0, "passive", "dropout")]
        ),
        validate=None, on_epoch=lambda epoch: None,
    )  # fmt: skip
    said = replicas.outputs(setting.features.span(500, 700)).logits
    found = measures(result)
    target = POOL.tasks["height"].labels[500:].double()
    error = (said["height"][MIXED][0, :, 0] * deviation + mean - target).square()
    assert found["height", "mse"] == pytest.approx(error[~error.isnan()].mean().item())
    late = POOL.tasks["late"].labels[500:]
    p = said["late"][MIXED][0].softmax(1)[late >= 0]
    truth = late[late >= 0].numpy()
    assert found["late", "auc"] == pytest.approx(sk.roc_auc_score(truth, p[:, 1].numpy()))
    assert found["late", "nll"] == pytest.approx(sk.log_loss(truth, p.numpy()))
    right = (said["label"][MIXED][0].argmax(1) == POOL.tasks["label"].labels[500:]).double()
    assert found["label", "accuracy"] == pytest.approx(
        right[POOL.tasks["label"].labels[500:] >= 0].mean().item()
    )


@pytest.mark.long
def test_seeds_trained_together_equal_seeds_trained_alone() -> None:
    model = ModelOptions(name="mmoe", dropout=0.25, experts=ExpertOptions(number=3, widths=(8,)))
    together = run(model=model, seeds=(0, 5), fractions=(0.3, 1.0), way="lockstep")
    keys = [(r.fit.fraction, r.fit.seed) for r in together]
    assert keys == [(0.3, 0), (0.3, 5), (1.0, 0), (1.0, 5)]
    alone = run(model=model, seeds=(5,), fractions=(0.3,))[0]
    assert together[1].fit.epochs == alone.fit.epochs
    assert measures(together[1]) == pytest.approx(measures(alone), rel=1e-6)
    assert measures(together[0]) != pytest.approx(measures(alone), rel=1e-3)
    first, second, gates = ([g.value for g in r.gates] for r in (*together[:2], alone))
    assert second == pytest.approx(gates, rel=1e-6)
    assert first != pytest.approx(gates, rel=1e-3)


@pytest.mark.long
def test_disjoint_tasks_are_trained_and_more_labels_help() -> None:
    results = run(make_disjoint_pool(), fractions=(0.04, 1.0))
    few, many = (measures(result) for result in results)
    assert results[1].fit.n_cells == results[1].fit.n_objects == 400
    for task in ("first", "second", "third"):
        assert many[task, "nll"] < few[task, "nll"]
        assert many[task, "auc"] > 0.9


def test_the_mean_weight_of_a_gate_is_over_the_evaluated_rows_of_the_task() -> None:
    pool, experts = make_disjoint_pool(), ExpertOptions(number=4, widths=(8,))
    model = ModelOptions(name="mmoe", dropout=0.0, experts=experts)
    net = make_objective(shape_of(pool), model, TRAINING, generator=stream(0, "i")).model.double()
    features = features_of(pool, torch.device("cpu"), torch.float64)
    facts = gate_facts(net, pool, features, range(500, 700), Chunks(70))
    seen = features.span(500, 700)
    gates = net.levels[0].mixers[0].gate(net.columns.join(seen))
    expected = [
        gates[task.labels[500:] >= 0, i].mean(0) for i, task in enumerate(pool.tasks.values())
    ]
    assert [f.value for f in facts] == pytest.approx(torch.cat(expected).tolist())
    assert [(f.task, f.expert) for f in facts] == [(t, e) for t in pool.tasks for e in range(4)]
    assert {f.fact for f in facts} == {"weight"}


def test_a_gate_shared_by_all_tasks_has_equal_means_where_tasks_share_their_rows() -> None:
    full = {
        name: Task(name, ("0", "1"), POOL.tasks["late"].labels.clamp_min(0)) for name in ("a", "b")
    }
    model = ModelOptions(name="omoe", experts=ExpertOptions(number=3, widths=(8,)))
    (result,) = run(replace(POOL, tasks=full), model)
    values = [g.value for g in result.gates]
    assert values[:3] == values[3:]


@pytest.mark.long
def test_stochastic_gates_report_their_probabilities_and_densities() -> None:
    experts = ExpertOptions(number=5, widths=(8,), density_weight=0.5)
    (result,) = run(model=ModelOptions(name="multi-cluster", dropout=0.0, experts=experts))
    found = measures(result)
    for task in POOL.tasks:
        p = [g.value for g in result.gates if g.task == task and g.fact == "probability"]
        assert len(p) == 5
        assert all(0 < value < 1 for value in p)
        assert sum(p) < 5 / 2  # λ has closed them a little
        assert found[task, "density"] == pytest.approx(sum(p))
    assert result.fit.active_flops < 34 * 40 + 3 * 5 * 8 + 8 * 9  # less than with all experts


@pytest.mark.long
def test_a_row_of_disjoint_tasks_costs_only_the_net_of_its_own_task() -> None:
    pool = make_disjoint_pool()
    for evaluation, n_experts in (("top-1", 1), ("all", 5)):
        experts = ExpertOptions(number=5, widths=(8,), evaluation=evaluation)
        (result,) = run(pool, ModelOptions(name="multi-cluster", dropout=0.0, experts=experts))
        # An expert reads 34 inputs into 8; several are summed for the task, of two outputs.
        summed = n_experts * 8 if n_experts > 1 else 0
        assert result.fit.active_flops == n_experts * 34 * 8 + summed + 8 * 2


def test_the_probabilities_reported_for_hard_concrete_gates_are_those_of_being_open() -> None:
    experts = ExpertOptions(
        number=4, widths=(8,), estimator="hard-concrete", samples=1, density_weight=0.5
    )
    model = ModelOptions(name="multi-cluster", dropout=0.0, experts=experts)
    setting = make_tasks_setting(
        POOL, model=model, training=TRAINING, way="direct", device=torch.device("cpu")
    )
    (net,) = train_tasks(setting, [0], [drawn_labels(POOL, 0.5, 0)], Progress())
    found = measures(net.result)
    for task, logits in zip(
        POOL.tasks, net.model.levels[0].mixers[0].gate.logits.tolist(), strict=True
    ):
        odds = [math.exp(each) * 11 ** (2 / 3) for each in logits]
        p = [each / (1 + each) for each in odds]
        assert [g.value for g in net.result.gates if g.task == task] == pytest.approx(p)
        assert found[task, "density"] == pytest.approx(sum(p))
        assert found[task, "n_experts"] == max(1, math.floor(sum(p) + 0.5))


@pytest.mark.long
def test_learned_weights_of_tasks_are_reported() -> None:
    found = {
        weighting: measures(run(training=replace(TRAINING, task_weighting=weighting))[0])
        for weighting in ("gradnorm", "uncertainty", "pcgrad")
    }
    weights = [found["gradnorm"][task, "task_weight"] for task in POOL.tasks]
    assert sum(weights) == pytest.approx(3)
    assert max(weights) > 1.01
    learned = found["uncertainty"]
    assert learned["late", "train_loss"] < learned["label", "train_loss"]
    assert learned["late", "sigma"] < learned["label", "sigma"]
    assert 0 < learned["height", "sigma"] < 1
    assert not {"sigma", "task_weight"} & {metric for _, metric in found["pcgrad"]}


def test_a_net_that_diverges_is_reported_and_not_measured() -> None:
    (result,) = run(training=replace(TRAINING, optimiser="sgd", learning_rate=1e30))
    assert (result.fit.epochs, result.fit.train_loss, result.fit.validation_loss) == (0, None, None)
    assert {record.metric for record in result.tasks} == {"n_labelled"}


@pytest.mark.long
def test_validation_is_measured_without_a_test_split_and_without_both_nothing_stops() -> None:
    splits = {"train": range(400), "validation": range(400, 700), "test": range(0)}
    (result,) = run(replace(POOL, splits=splits))
    found = measures(result)
    assert found["label", "nll"] == pytest.approx(found["label", "validation_loss"])
    unknown: dict[str, Task] = {}
    for (name, task), value in zip(POOL.tasks.items(), (-1, -1, math.nan), strict=True):
        labels = task.labels.clone()
        labels[400:500] = value
        unknown[name] = replace(task, labels=labels)
    (result,) = run(replace(POOL, tasks=unknown))
    assert result.fit.epochs == TRAINING.max_epochs
    assert result.fit.validation_loss is None


def test_targets_are_scaled_by_the_known_targets_of_each_replica() -> None:
    nan = math.nan
    targets = torch.tensor([[1.0, 3.0, nan], [5.0, 5.0, nan], [nan, nan, nan]])
    scale = scale_of(targets)
    assert scale.mean.flatten().tolist() == [2, 5, 0]
    assert scale.deviation.flatten().tolist() == [1, 1, 1]
    wide = scale_of(torch.tensor([[0.0, 8.0]]))
    assert wide.apply(torch.tensor([2.0])).tolist() == [[-0.5]]
    assert wide.undo(torch.tensor([[-0.5]])).tolist() == [[2.0]]


def test_a_task_without_rows_has_no_measure() -> None:
    task = Task("y", (), torch.full((4,), math.nan), "target")
    values = values_of(task, torch.zeros(1, 2, 1), range(1, 3), None)
    assert measure_task(task, {"predicted": values["predicted"][0]}, range(1, 3)) == {}
    classes = Task("c", ("a", "b"), torch.tensor([1, 1, -1]))
    values = values_of(classes, torch.zeros(1, 3, 2), range(3), None)
    of_one = {name: value[0] for name, value in values.items()}
    assert set(measure_task(classes, of_one, range(3))) == {"accuracy", "nll"}


def test_losses_are_means_over_the_known_rows_of_each_task_in_its_own_scale() -> None:
    setting = make_tasks_setting(
        POOL, model=SHARED, training=TRAINING, way="lockstep", device=torch.device("cpu"),
        chunks=Chunks(70),
    )  # fmt: skip
    replicas = make_replicas("lockstep", [fresh_net(setting, seed) for seed in (0, 3)], TRAINING)
    rows = POOL.splits["validation"]
    labels = {name: task.labels[rows.start : rows.stop] for name, task in POOL.tasks.items()}
    scales = {"height": scale_of(torch.tensor([[90.0, 110.0], [80.0, 120.0]]))}
    losses = task_losses(replicas, setting.features, rows, setting.chunks, labels, scales)
    found = mean_over_known(losses, labels)
    said = replicas.outputs(setting.features.span(rows.start, rows.stop)).logits
    for r in range(2):
        for name in ("label", "late"):
            expected = cross_entropy(said[name][MIXED][r], labels[name], ignore_index=-1)
            assert found[name][r].item() == pytest.approx(expected.item(), rel=1e-12)
        scaled = (labels["height"].double() - 100) / (10, 20)[r]
        errors = (said["height"][MIXED][r, :, 0] - scaled).square()
        assert found["height"][r].item() == pytest.approx(errors.nanmean().item(), rel=1e-12)
