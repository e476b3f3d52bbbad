"""The ceiling: trained on every answer that there is, as the passive phase trains."""

from dataclasses import replace

import pytest
import torch
from toy import make_pool, make_toy_setting

from alsim.experiments.curves.ceiling import all_labels, ceilings
from alsim.experiments.passive import passive
from alsim.experiments.progress import Progress
from alsim.experiments.setting import Setting, fresh_replicas
from alsim.oracle import NoisyOracle, uniform_confusion
from alsim.pool.pool import Pool


def with_unknown(n: int = 30) -> Pool:
    """Return the toy pool, the labels of whose first rows are unknown."""
    pool = make_pool()
    labels = pool.tasks["label"].labels.clone()
    labels[:n] = -1
    return replace(pool, tasks={"label": replace(pool.tasks["label"], labels=labels)})


def accuracy(found: tuple[tuple[str, str, str, str, str | None, float], ...]) -> float:
    (value,) = [row[-1] for row in found if row[1:4] == ("mixed", "all", "accuracy")]
    return value


def test_all_known_labels_of_train_are_asked_for_once_and_no_others() -> None:
    found = all_labels(make_toy_setting(pool=with_unknown()), 0)
    assert found.rows.tolist() == list(range(30, 400))
    assert found.cells.all()


def test_its_labels_are_what_the_oracle_answers_anew_with_each_seed() -> None:
    setting = make_toy_setting()
    truth = setting.pool.tasks["label"].labels
    noisy = NoisyOracle(truth, uniform_confusion(0.2, 6), 1.0)
    setting = replace(setting, oracles={"label": noisy})
    first, again, other = (all_labels(setting, s).answers["label"].labels for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    wrong = float((first != truth[:400]).double().mean())
    assert abs(wrong - 0.2) < 4 * (0.2 * 0.8 / 400) ** 0.5


def test_it_is_higher_than_where_the_curves_start_and_has_every_measure() -> None:
    setting = make_toy_setting()
    (found,) = ceilings(setting, [0], Progress())
    assert 0 < found.best <= found.epochs <= setting.training.max_epochs
    names = {row[3] for row in found.measures}
    assert names >= {"accuracy", "balanced_accuracy", "macro_f1", "nll", "ece", "recall"}
    assert accuracy(found.measures) > start_of(setting)


def start_of(setting: Setting) -> float:
    replicas = fresh_replicas(setting, [0], "init")
    replicas.load(passive(setting, [0], Progress()).state)
    return setting.evaluator.evaluate(replicas)[0].mean("accuracy")


def test_with_all_labels_given_at_the_start_it_is_the_passive_phase_but_for_its_streams() -> None:
    setting = make_toy_setting()
    everything = replace(
        setting, schedule=replace(setting.schedule, initial_size=400), initial_rows=None
    )
    (found,) = ceilings(setting, [0], Progress())
    assert accuracy(found.measures) == pytest.approx(start_of(everything), abs=0.08)


def test_seeds_in_lockstep_have_what_they_have_alone() -> None:
    together = ceilings(make_toy_setting("lockstep"), [0, 1], Progress())
    alone = [ceilings(make_toy_setting(), [seed], Progress())[0] for seed in (0, 1)]
    for one, other in zip(together, alone, strict=True):
        assert (one.seed, one.best, one.epochs) == (other.seed, other.best, other.epochs)
        assert [row[:-1] for row in one.measures] == [row[:-1] for row in other.measures]
        assert [row[-1] for row in one.measures] == pytest.approx(
            [row[-1] for row in other.measures], abs=1e-9
        )
