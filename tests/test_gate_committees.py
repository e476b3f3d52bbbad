"""Committees whose members are draws of the gates of a multi-cluster net."""

import itertools
from collections.abc import Sequence

import pytest
import torch
from toy import make_pool, make_toy_setting

from alsim.experiments.setting import Setting, fresh_replicas
from alsim.models import MIXED, ExpertNet
from alsim.options.engine import Way
from alsim.options.experts import ExpertOptions
from alsim.options.model import ModelOptions
from alsim.seeding import stream
from alsim.signals import Committee, Request, Scene, signals_of
from alsim.training.replicas import Replicas

ROWS = torch.arange(40, 70)
M = 5
GATE = "model.levels.0.mixers.0.gate.logits"


def setting_of(way: Way = "direct", *, dropout: float = 0.5, **options: object) -> Setting:
    experts = ExpertOptions(number=M, widths=(6,), **options)  # pyright: ignore[reportArgumentType]
    model = ModelOptions(name="multi-cluster", dropout=dropout, experts=experts)
    return make_toy_setting(way, pool=make_pool(), model=model)


def replicas_of(setting: Setting, logits: torch.Tensor, n: int = 1) -> Replicas:
    """Return replicas with these logits of the mixed head's gates."""
    replicas = fresh_replicas(setting, list(range(n)), "init")
    state = replicas.state()
    state.parameters[GATE].copy_(logits)
    replicas.load(state)
    return replicas


def members(
    setting: Setting,
    replicas: Replicas,
    k: int,
    rows: torch.Tensor = ROWS,
    seeds: Sequence[int] = (0,),
) -> torch.Tensor:
    """Return the members' probabilities, `(r, n, k, c)`."""
    scene = Scene(replicas, setting.features, "label")
    committee = Committee(k, by="gates")
    requests = [
        Request(frozenset({"mc_probabilities"}), lambda use, s=s: stream(s, use), committee)
        for s in seeds
    ]
    return torch.stack([s.mc_probabilities for s in signals_of(scene, rows, requests)])


def under(setting: Setting, replicas: Replicas, gates: torch.Tensor) -> torch.Tensor:
    """Return the probabilities with the gates as given, `(n, c)`, dropout off."""
    model = replicas.objective.model
    assert isinstance(model, ExpertNet)
    model.eval()
    gate = model.gates()[MIXED]
    gate.noise = 1 - gates.double().view(1, 1, 1, M)  # below any p where open, above it where shut
    with torch.no_grad():
        logits = model(setting.features.take(ROWS)).logits["label"][MIXED][0]
    gate.noise = None
    return torch.softmax(logits, -1)


LOGITS = torch.tensor([[-1.5, 0.0, 0.5, 2.0, -0.5]])


@pytest.mark.parametrize("heads", ["mixed", "all"])
def test_the_members_draw_all_gates_with_their_probabilities(heads: str) -> None:
    setting = setting_of(heads=heads)
    replicas = replicas_of(setting, LOGITS)
    n = 3000
    drawn = members(setting, replicas, n)[0]
    expected = torch.zeros_like(drawn[:, 0])
    squares = torch.zeros_like(expected)
    p = torch.sigmoid(LOGITS[0]).double()
    for opened in itertools.product((0.0, 1.0), repeat=M):
        b = torch.tensor(opened)
        probability = torch.where(b > 0, p, 1 - p).prod()
        said = under(setting, replicas, b)
        expected += probability * said
        squares += probability * said.square()
    error = (drawn.mean(1) - expected) / ((squares - expected.square()) / n).sqrt()
    assert error.abs().max() < 4
    # Only the gates cause variance between members: there is no dropout.
    torch.testing.assert_close(
        drawn.var(1).sum(), (squares - expected.square()).sum(), rtol=0.1, atol=0
    )


@pytest.mark.parametrize("way", ["direct", "lockstep"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_members_agree_where_every_gate_is_certain(way: Way, sign: int) -> None:
    setting = setting_of(way)
    replicas = replicas_of(setting, torch.full((1, M), 40.0 * sign))
    drawn = members(setting, replicas, 6)[0]
    torch.testing.assert_close(drawn, drawn[:, :1].expand(-1, 6, -1))
    if sign > 0:
        logits = replicas.outputs(setting.features.take(ROWS)).logits["label"][MIXED][0]
        torch.testing.assert_close(drawn[:, 0], torch.softmax(logits, -1))


def test_a_member_is_one_model_for_all_rows_in_any_chunks() -> None:
    setting = setting_of()
    replicas = replicas_of(setting, LOGITS)
    whole = members(setting, replicas, 8)[0]
    for chunk in (1, 13):
        parts = [members(setting, replicas, 8, part)[0] for part in ROWS.split(chunk)]
        torch.testing.assert_close(torch.cat(parts), whole)
    assert not torch.allclose(whole[:, 0], whole[:, 1])


def test_the_members_of_a_replica_do_not_depend_on_its_neighbours() -> None:
    setting = setting_of("lockstep")
    together = members(setting, replicas_of(setting, LOGITS, 2), 5, seeds=(3, 4))
    alone = members(setting, replicas_of(setting, LOGITS), 5, seeds=(3,))
    torch.testing.assert_close(together[:1], alone)
    assert not torch.allclose(together[0], together[1])


def test_a_committee_by_gates_is_refused_without_stochastic_gates() -> None:
    setting = make_toy_setting(model=ModelOptions(name="mmoe"))
    with pytest.raises(ValueError, match="a net with stochastic gates"):
        members(setting, fresh_replicas(setting, [0], "init"), 2)
