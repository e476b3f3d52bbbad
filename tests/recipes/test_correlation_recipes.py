"""Recipes of tables: how a correlation is judged, and invalid files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from alsim.analysis.correlation import Correlation
from alsim.errors import UsageError
from alsim.options.synthetic import VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.recipes.correlation.kind import CorrelationClaim, Sign, judge_correlation
from alsim.recipes.reading import read_recipe
from alsim.recipes.running import run_recipe
from alsim.recipes.verdict import Verdict
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.strategies import find_strategy

RECIPE = """
title = "a title"
finding = "a finding"
source = "VK 2020, Table 1"

[pool]
default = "vk"
n_rows = 600
picture_width = 8
text_width = 4
n_classes = 4

[correlation]
metric = ["loss", "margin"]
initial_size = 60
sample_size = 120
group_size = 12
model = "auto(width=8)"
max_epochs = 2
workers = 1

[[claim]]
says = "the loss correlates negatively"
kind = "correlates"
metric = "loss"
sign = "negative"

[[claim]]
says = "groups at random do not"
kind = "correlates"
metric = "random"
sign = "none"
"""
FOUND = Correlation(
    "margin", {0: 0.3, 1: 0.5}, 0.4, (0.1, 0.6), (0.2, 0.5), 0.01, 0.002, (-0.2, 0.2), (-0.3, 0.3)
)


def write(folder: Path, text: str = RECIPE) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def verdict(sign: Sign, found: Correlation = FOUND) -> Verdict:
    return judge_correlation(CorrelationClaim("says", "correlates", "margin", sign), found, "run")


@pytest.mark.parametrize("name", ["vk-table1", "vk-table2"])
def test_each_table_of_the_source_has_a_recipe_with_a_sign_for_the_loss_and_a_control(
    name: str,
) -> None:
    recipe = read_recipe(name)
    assert recipe.source == f"VK 2020, Table {name[-1]}"
    (study,) = recipe.studies.values()
    assert study["epochs"] == 1
    signs = {claim.metric: claim.sign for claim in recipe.claims}  # pyright: ignore[reportAttributeAccessIssue]
    expected = {"vk-table1": {"loss": "negative", "margin": "either", "random": "none"},
                "vk-table2": {"loss": "positive", "random": "none"}}  # fmt: skip
    assert signs == expected[name]
    assert find_strategy("random").name in signs


def test_scaling_keeps_the_number_of_groups() -> None:
    recipe = read_recipe("vk-table1")
    tenth = recipe.scaled(0.1)
    assert tenth.pools["run"].n_rows * 10 == recipe.pools["run"].n_rows
    changed = {"initial_size": 200, "sample_size": 1000, "group_size": 10}
    assert tenth.studies["run"] == {**recipe.studies["run"], **changed}
    least = recipe.scaled(1e-6).studies["run"]
    assert (least["initial_size"], least["sample_size"], least["group_size"]) == (2, 100, 1)


@pytest.mark.parametrize(
    ("sign", "interval", "outcome"),
    [
        ("positive", (0.1, 0.6), "held"),
        ("positive", (-0.6, -0.1), "did not hold"),
        ("positive", (-0.1, 0.6), "cannot tell"),
        ("positive", None, "cannot tell"),
        ("negative", (0.1, 0.6), "did not hold"),
        ("negative", (-0.6, -0.1), "held"),
        ("negative", (-0.6, 0.0), "cannot tell"),
        ("either", (0.1, 0.6), "cannot tell"),
        ("either", (-0.6, -0.1), "cannot tell"),
    ],
)
def test_a_sign_is_judged_by_the_interval_over_seeds(
    sign: Sign, interval: tuple[float, float] | None, outcome: str
) -> None:
    assert verdict(sign, replace(FOUND, fisher=interval)).outcome == outcome


def test_a_claim_of_chance_is_judged_by_the_null_band() -> None:
    assert verdict("none").outcome == "did not hold"
    assert verdict("none", replace(FOUND, mean=0.19)).outcome == "held"
    undefined = Correlation("margin", {0: None})
    for sign in ("none", "positive", "either"):
        assert verdict(sign, undefined).outcome == "cannot tell"
    assert verdict("none", undefined).numbers == "ρ of margin is undefined in 1 seed"


def test_the_numbers_of_a_verdict_are_reported_and_stored() -> None:
    numbers = verdict("either").numbers
    assert numbers == (
        "ρ of margin +0.400, 95 % +0.10 … +0.60, p = 0.01 over 2 seeds; "
        "groups at random -0.20 … +0.20; the source does not say which sign it means"
    )
    kept = verdict("positive").to_json()
    assert kept["outcome"] == "held"
    assert kept["per_seed"] == {"0": 0.3, "1": 0.5}
    assert kept["null_band_of_mean"] == [-0.2, 0.2]
    assert (kept["p"], kept["p_within"]) == (0.01, 0.002)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    alone = replace(FOUND, rhos={0: 0.4}, fisher=None, p=None)
    assert verdict("positive", alone).numbers == (
        "ρ of margin +0.400, 1 seed: p = 0.002, only within these starts; "
        "groups at random -0.20 … +0.20"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[correlation]", "[corelation]", ["'corelation' in the recipe", "did you mean correl"]),
        ("[correlation]", "[study]", ["no option 'metric', in [study]", "'query_size' is missing"]),
        ("[[claim]]", "[study]\n[[claim]]", ["[study] and [correlation] do not go together"]),
        ("group_size = 12", "", ["'group_size' is missing in [correlation]"]),
        ("group_size = 12", "group_size = 0", ["0 is too small, in [correlation] (--group-size)"]),
        ("group_size = 12", "group_size = 12\nsteps = 3", ["no option 'steps', in [correlation]"]),
        ('"margin"]', '"badge"]', ["no metric to sort rows by: badge", "in [correlation]"]),
        ('"margin"]', '"margn"]', ["no strategy 'margn', in [correlation]"]),
        ('metric = "loss"', 'metric = "entropy"', ["metric in [[claim]] 1 is 'entropy'"]),
        ('sign = "negative"', "", ["'sign' is missing in [[claim]] 1"]),
        ('sign = "negative"', 'sign = "minus"', ["'sign' in [[claim]] 1 cannot be 'minus'"]),
        ('kind = "correlates"', 'kind = "above"', ["'kind' in [[claim]] 1 cannot be 'above'"]),
        ("[[claim]]", '[figure]\nband = "t"\n[[claim]]', ["no key 'band' in [figure]"]),
        (
            "[[claim]]", "[variant.a]\nepochs = 0\n[variant.b]\n[[claim]]",
            ["0 is too small, in [variant.a] (--epochs)"],
        ),
        ("[[claim]]", '[variant.a]\nmetric = ["loss"]\n[[claim]]', ["'metric' cannot be set in"]),
    ],
)  # fmt: skip
def test_a_faulty_recipe_is_refused_with_file_key_and_the_nearest_name(
    old: str, new: str, expected: list[str], tmp_path: Path
) -> None:
    assert old in RECIPE
    path = write(tmp_path, RECIPE.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert caught.value.args[1] == path
    for words in expected:
        assert words in str(caught.value)


def test_candidates_are_refused_where_nothing_is_queried(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mine has no such option") as caught:
        run_recipe(read_recipe(write(tmp_path)), candidates=50, out=tmp_path / "r")
    assert caught.value.args[1] == "--candidates"
    assert not (tmp_path / "r").exists()


@pytest.mark.long
@pytest.mark.process
def test_a_table_recipe_leaves_its_study_its_picture_and_its_verdicts(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path))
    pool = vk_pool(VkOptions(n_rows=500, picture_width=6, text_width=4, n_classes=3))
    report = run_recipe(recipe, pool=pool, scale=0.5, seeds=2, out=tmp_path / "r")
    names = sorted(path.name for path in (tmp_path / "r").iterdir())
    assert names == ["mine.png", "result.json", "run"]
    study = read_correlation(tmp_path / "r" / "run")
    assert isinstance(report.runs["run"], CorrelationStudy)
    assert set(study.groups["n"].to_pylist()) == {6}
    assert study.initial_size == 30
    result = json.loads((tmp_path / "r" / "result.json").read_text())
    assert result == report.to_json()
    by_metric = {found.metric: found for found in study.correlations}
    for claim, name in zip(result["claims"], ("ideal-learning-loss", "random"), strict=True):
        assert claim["mean"] == by_metric[name].mean
    assert result["claims"][1]["outcome"] == (
        "held" if by_metric["random"].is_within_null else "did not hold"
    )
