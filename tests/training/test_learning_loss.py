"""The loss predictor trained with the model, with direct and lockstep replicas."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F
from toy import make_pool

from alsim.models import MIXED, Inputs, Outputs
from alsim.options.engine import Way
from alsim.options.model import ModelOptions
from alsim.options.training import LossPrediction, TrainingOptions
from alsim.seeding import forked, stream
from alsim.training.features import features_of, shape_of
from alsim.training.fit import FitStreams, Labelled, fit_early_stopping, fit_epochs, train_epoch
from alsim.training.loss_prediction import LossPredictor, ranking_loss, readable
from alsim.training.losses import row_losses
from alsim.training.objective import PREDICTOR, Objective, make_objective
from alsim.training.replicas import Replicas
from alsim.training.ways import make_replicas

POOL = make_pool(600)
FEATURES = features_of(POOL, torch.device("cpu"), torch.float64)
LABELS = POOL.tasks["label"].labels
ROWS = torch.arange(100)
HELD_OUT = POOL.splits["test"]
MODELS = [
    ModelOptions(name="three-head", width=12, dropout=0.25),
    ModelOptions(name="mlp", width=12, depth=2, dropout=0.25),
    ModelOptions(name="linear"),
]
OPTIONS = TrainingOptions(
    batch_size=25, max_epochs=5, learning_rate=3e-3, loss_prediction=LossPrediction(width=16)
)
WITHOUT = replace(OPTIONS, loss_prediction=None)
WAYS: list[Way] = ["direct", "lockstep"]


def make(way: Way, seeds: list[int], model: ModelOptions, options: TrainingOptions) -> Replicas:
    objectives = [
        make_objective(shape_of(POOL), model, options, generator=stream(s, "init")).double()
        for s in seeds
    ]
    return make_replicas(way, objectives, options)


def streams(seeds: list[int]) -> FitStreams:
    return FitStreams([stream(s, "order") for s in seeds], [stream(s, "dropout") for s in seeds])


def labelled(n_replicas: int) -> Labelled:
    rows = ROWS.expand(n_replicas, -1)
    return Labelled(rows, {"label": LABELS[rows]})


def fit(replicas: Replicas, seeds: list[int], options: TrainingOptions) -> None:
    fit_early_stopping(
        replicas, FEATURES, labelled(len(seeds)), options,
        n_classes={"label": 6}, streams=streams(seeds), validate=None, on_epoch=lambda epoch: None,
    )  # fmt: skip


def of_model(replicas: Replicas) -> dict[str, Tensor]:
    tensors = replicas.state().to_tensors()
    return {name: tensor for name, tensor in tensors.items() if f"/{PREDICTOR}" not in name}


def are_equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    assert a.keys() == b.keys()
    return all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_on_held_out_rows_the_predicted_losses_rank_the_true_ones(model: ModelOptions) -> None:
    options = replace(OPTIONS, max_epochs=40)
    replicas = make("direct", [0], model, options)
    fit(replicas, [0], options)
    inputs = FEATURES.span(HELD_OUT.start, HELD_OUT.stop)
    logits = replicas.outputs(inputs).logits["label"][MIXED][0]
    losses, _ = row_losses(logits, LABELS[HELD_OUT.start : HELD_OUT.stop])
    # By chance the coefficient has a standard deviation of 1/√199 = 0.07.
    assert spearmanr(replicas.predicted_losses(inputs)[0], losses).statistic > 0.4


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_replicas_trained_together_equal_replicas_trained_alone(model: ModelOptions) -> None:
    seeds = [4, 0, 7]
    together = make("lockstep", seeds, model, OPTIONS)
    fit(together, seeds, OPTIONS)
    predicted = together.predicted_losses(FEATURES.span(0, 50))
    assert predicted.shape == (3, 50)
    for slot, seed in enumerate(seeds):
        alone = make("direct", [seed], model, OPTIONS)
        fit(alone, [seed], OPTIONS)
        mine, its = alone.state().to_tensors(), together.state().pick([slot]).to_tensors()
        for name, tensor in mine.items():
            torch.testing.assert_close(its[name], tensor, rtol=0, atol=1e-9, msg=name)
        torch.testing.assert_close(
            predicted[slot], alone.predicted_losses(FEATURES.span(0, 50))[0], rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_the_initial_parameters_of_the_model_are_the_same_with_and_without_a_predictor(
    model: ModelOptions,
) -> None:
    with_it, without = (make("direct", [3], model, o) for o in (OPTIONS, WITHOUT))
    assert are_equal(of_model(with_it), without.state().to_tensors())
    assert any(name.startswith(PREDICTOR) for name in with_it.state().parameters)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_a_predictor_with_stopped_gradient_does_not_affect_the_training_of_the_model(
    way: Way, model: ModelOptions
) -> None:
    options = replace(OPTIONS, loss_prediction=LossPrediction(width=16, share=0.0))
    with_it, without = make(way, [3], model, options), make(way, [3], model, WITHOUT)
    before = with_it.state().parameters
    fit(with_it, [3], options)
    fit(without, [3], WITHOUT)
    assert are_equal(of_model(with_it), without.state().to_tensors())
    after = with_it.state().parameters
    assert all(
        not torch.equal(before[name], after[name]) for name in after if name.startswith(PREDICTOR)
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_predictor_does_not_affect_the_fine_tuning_of_the_model(way: Way) -> None:
    options = replace(OPTIONS, loss_prediction=LossPrediction(share=1.0))
    with_it, without = make(way, [3], MODELS[0], options), make(way, [3], MODELS[0], WITHOUT)
    for replicas, o in ((with_it, options), (without, WITHOUT)):
        fit_epochs(replicas, FEATURES, labelled(1), o, n_classes={"label": 6}, streams=streams([3]))
    assert are_equal(of_model(with_it), without.state().to_tensors())


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_the_ranking_loss_trains_the_model_in_the_first_share_of_the_epochs(way: Way) -> None:
    options = replace(OPTIONS, loss_prediction=LossPrediction(share=0.4))
    whole, by_epoch = (make(way, [3], MODELS[0], options) for _ in range(2))
    fit(whole, [3], options)
    drawn = streams([3])
    for joint in torch.tensor([[1.0], [1.0], [0.0], [0.0], [0.0]], dtype=torch.float64):
        train_epoch(
            by_epoch, FEATURES, labelled(1), options,
            mode="train", streams=drawn, class_weights={}, joint=joint,
        )  # fmt: skip
    assert are_equal(whole.state().to_tensors(), by_epoch.state().to_tensors())
    without = make(way, [3], MODELS[0], WITHOUT)
    fit(without, [3], WITHOUT)
    assert not are_equal(of_model(whole), without.state().to_tensors())


class Fixed(nn.Module):
    """Returns the same outputs for every batch, task -> `(n, c)`; its hidden layer is the mask."""

    def __init__(self, logits: dict[str, Tensor]) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, inputs: Inputs) -> Outputs:
        return Outputs({task: {MIXED: z} for task, z in self.logits.items()}, inputs.present)


def make_fixed(logits: dict[str, Tensor], options: LossPrediction) -> Objective:
    with forked(stream(0, "init")):
        predictor = LossPredictor([1, *(z.shape[1] for z in logits.values())], options)
    return Objective(
        Fixed(logits), dict.fromkeys(logits, (MIXED,)), ("picture",),
        weighting="sum", fixed_weights={}, predictor=predictor,
    ).double()  # fmt: skip


def test_the_total_is_the_models_loss_plus_lambda_times_the_ranking_loss() -> None:
    z = torch.randn(5, 3, generator=stream(0, "test"), dtype=torch.float64)
    objective = make_fixed({"label": z}, LossPrediction(weight=0.7, margin=0.5, width=4))
    inputs = Inputs({}, torch.ones(5, 1, dtype=torch.float64))
    y = torch.tensor([0, 2, -1, 1, 0])
    losses = F.cross_entropy(z, y, reduction="none", ignore_index=-1)
    predicted = objective.loss_predictor()(readable(objective.model(inputs)))
    ranking = ranking_loss(predicted, losses, y >= 0, margin=0.5)
    weights = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    for given in ({}, {"label": weights}):
        main = F.cross_entropy(z, y, weight=given.get("label"), ignore_index=-1)
        got = objective(inputs, {"label": y}, given).total.item()
        assert got == pytest.approx((main + 0.7 * ranking).item())


def test_with_several_tasks_the_loss_of_a_row_is_the_mean_over_its_known_tasks() -> None:
    g = stream(0, "test")
    logits = {t: torch.randn(4, 3, generator=g, dtype=torch.float64) for t in ("a", "b")}
    objective = make_fixed(logits, LossPrediction(width=4))
    inputs = Inputs({}, torch.ones(4, 1, dtype=torch.float64))
    labels = {"a": torch.tensor([0, 1, 2, 1]), "b": torch.tensor([2, -1, 1, 0])}
    by_row = [
        F.cross_entropy(logits[t], y, reduction="none", ignore_index=-1) for t, y in labels.items()
    ]
    losses = (by_row[0] + by_row[1]) / torch.tensor([2, 1, 2, 2])
    predicted = objective.loss_predictor()(readable(objective.model(inputs)))
    main = sum(F.cross_entropy(logits[t], y, ignore_index=-1) for t, y in labels.items()) / 2
    expected = main + ranking_loss(predicted, losses, torch.ones(4, dtype=torch.bool))
    assert objective(inputs, labels, {}).total.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("way", WAYS)
def test_predicting_changes_nothing_and_a_state_carries_the_predictor(way: Way) -> None:
    replicas, other = (make(way, [seed], MODELS[0], OPTIONS) for seed in (1, 2))
    fit(replicas, [1], OPTIONS)
    state, inputs = replicas.state(), FEATURES.span(0, 30)
    predicted = replicas.predicted_losses(inputs)
    assert are_equal(state.to_tensors(), replicas.state().to_tensors())
    assert not torch.equal(other.predicted_losses(inputs), predicted)
    other.load(state)
    assert torch.equal(other.predicted_losses(inputs), predicted)
    assert replicas.outputs(inputs).layers == ()


@pytest.mark.parametrize("way", WAYS)
def test_predicting_losses_without_a_predictor_is_an_error(way: Way) -> None:
    with pytest.raises(ValueError, match="no loss predictor"):
        make(way, [1], MODELS[0], WITHOUT).predicted_losses(FEATURES.span(0, 3))
