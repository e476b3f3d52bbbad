"""What a run would take, beside the run itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alsim.cli.main import app
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.studies.curves.run import dry_run
from alsim.studies.curves.trial import Trial

POOL = vk_pool(VkOptions(n_rows=900, picture_width=8, text_width=4, n_classes=6))


def trial(**options: Any) -> Trial:
    return dry_run(POOL, model="auto(width=8)", workers=0, **options)


def test_a_dry_run_plans_every_curve_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = trial(budget=200, strategy="margin,bald(k=3)", seeds=3)
    assert found.plan == "20 for validation, 20 to start with, 32 queries of 5"
    assert [*found.query_seconds] == ["random", "margin", "bald(k=3)"]
    assert min(found.query_seconds.values()) > 0
    assert (found.n_passives, found.most_epochs, found.n_queries, found.n_seeds) == (3, 500, 32, 3)
    assert found.passive_seconds == pytest.approx(3 * 500 * found.epoch_seconds)
    assert found.active_seconds == pytest.approx(3 * 32 * sum(found.query_seconds.values()))
    assert not any(tmp_path.iterdir())


def test_workers_share_the_curves_and_none_ends_before_its_longest() -> None:
    found = Trial("", (), 5, 100, 0.1, 10, 3, {"a": 1.0, "b": 2.0}, 2, 0)
    assert found.passive_seconds == pytest.approx(3 * 100 * 0.1)
    assert found.active_seconds == pytest.approx(3 * 30 / 2)
    alone = Trial("", (), 1, 100, 0.1, 10, 1, {"a": 1.0, "b": 2.0}, 8, 0)
    assert alone.active_seconds == pytest.approx(20)


def test_a_strategy_that_trains_a_net_of_its_own_has_a_start_of_its_own() -> None:
    apart = trial(
        strategy="margin,learning-loss(share=0.6)", steps=2, query_size=5, initial_size=30, seeds=2
    )
    assert (apart.n_passives, apart.most_epochs) == (4, 1000)


def test_the_command_prints_the_plan_time_and_memory(tmp_path: Path) -> None:
    line = "run --dry-run --workers 0 --initial-size 30 --query-size 5 --steps 2 --seeds 1"
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == 0
    plan, time, *_ = done.stdout.splitlines()
    assert plan.startswith("30 for validation, 30 to start with, 2 queries of 5")
    assert time.startswith("time: at most about ")
    assert "memory: about " in done.stdout
    refused = CliRunner().invoke(app, [*line.split(), "--budget", "1e9"])
    assert refused.exit_code != 0


@pytest.mark.process
def test_a_list_may_be_repeated_instead_of_separated_by_commas() -> None:
    line = "run --dry-run --workers 0 --initial-size 30 --query-size 5 --steps 1 --seeds 1"
    found = [
        json.loads(CliRunner().invoke(app, [*line.split(), "--json", *chosen]).stdout)
        for chosen in (
            ["--strategy", "margin", "--strategy", "bald(k=3),entropy"],
            ["--strategy", "margin,bald(k=3),entropy"],
        )
    ]
    names = [list(each["query_seconds"]) for each in found]
    assert names[0] == names[1] == ["random", "margin", "bald(k=3)", "entropy"]
