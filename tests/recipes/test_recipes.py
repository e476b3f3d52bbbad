"""Every recipe that comes with alsim, and invalid files."""

import json
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from alsim.errors import StoreError, UsageError
from alsim.experiments.schedule import plan_schedule
from alsim.options.curves import CurvesOptions, ScheduleOptions
from alsim.options.synthetic import VkOptions
from alsim.options.texts import parse_seeds
from alsim.options.types import fits, in_words
from alsim.pool.synthetic import vk_pool
from alsim.recipes.curves.claims import Claim, judge_claim
from alsim.recipes.file import recipe_names
from alsim.recipes.reading import read_recipe
from alsim.recipes.report import title_of
from alsim.recipes.running import run_recipe
from alsim.recipes.verdict import Verdict
from alsim.store.curves import read_run
from alsim.strategies import find_strategy

FIGURES = ("05", "06", "07", "09", "10", "11", "12", "13", "14", "15", "16")
OF_CURVES = [f"vk-fig{number}" for number in FIGURES]
RECIPE = """
title = "a title"
finding = "a finding"
source = "VK 2020, Fig. 7"

[pool]
default = "vk"
n_rows = 600
picture_width = 8
text_width = 4
n_classes = 4

[study]
strategy = ["random", "margin"]
initial_size = 100
query_size = 10
steps = 4
model = "auto(width=8)"
max_epochs = 2
workers = 1

[[claim]]
says = "margin is above random"
kind = "above"
strategy = "margin"
than = "random"
"""


def write(folder: Path, text: str = RECIPE) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_every_figure_of_learning_curves_and_every_table_in_the_study_has_a_recipe() -> None:
    of_study = [name for name in recipe_names() if name.startswith("vk-")]
    assert of_study == [*OF_CURVES, "vk-table1", "vk-table2"]


@pytest.mark.parametrize("name", OF_CURVES)
def test_a_shipped_recipe_is_sound_and_its_strategies_exist(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.source == f"VK 2020, Fig. {int(name[-2:])}"
    assert recipe.claims
    for study in recipe.studies.values():
        names = [find_strategy(strategy).name for strategy in study["strategy"]]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", OF_CURVES)
@pytest.mark.parametrize("scale", [0.1, 0.25, 1.0])
def test_the_sizes_of_a_recipe_fit_its_own_pool_at_any_scale(name: str, scale: float) -> None:
    recipe = read_recipe(name).scaled(scale)
    for name, study in recipe.studies.items():
        size = study["initial_size"]
        # The training rows of MNIST, or four fifths of the VK-like pool, minus validation.
        rows = int(0.79 * recipe.pools[name].n_rows) - size if recipe.pools else 60_000
        schedule = plan_schedule(
            ScheduleOptions(
                initial_size=size, query_size=study["query_size"], steps=study["steps"]
            ),
            rows,
        )
        assert schedule.steps == study["steps"]


@pytest.mark.parametrize("name", ["vk-fig05", "vk-fig06"])
def test_the_recipe_of_dips_covers_both_optimisers_and_five_steps(name: str) -> None:
    recipe = read_recipe(name)
    assert {n: (s["optimiser"], s["learning_rate"]) for n, s in recipe.studies.items()} == {
        "adam": ("adam", 1e-3),
        "sgd": ("sgd", 0.1),
    }
    for study in recipe.studies.values():
        counts = [2000 + 20 * step for step in range(study["steps"] + 1)]
        tails = [n % study["batch_size"] for n in counts[2:-1]]
        assert [tail for tail in tails if 0 < tail <= 20] == [12, 20, 8, 16, 4]


def test_scaling_multiplies_only_sizes() -> None:
    recipe, half = read_recipe("vk-fig16"), read_recipe("vk-fig16").scaled(0.5)
    assert half.pools["run"].n_rows * 2 == recipe.pools["run"].n_rows
    changed = {"initial_size": 1000, "query_size": "10:200"}
    assert half.studies["run"] == {**recipe.studies["run"], **changed}
    assert read_recipe("vk-fig10").scaled(0.5).studies["run"]["candidates"] == 2000
    least = recipe.scaled(1e-6).studies["run"]
    assert (least["initial_size"], least["query_size"]) == (2, "1:1")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('title = "a title"', 'titel = "a title"', ["'titel' in the recipe", "mean title"]),
        ("steps = 4", "step = 4", ["no option 'step', in [study]", "did you mean steps"]),
        ("steps = 4", 'steps = "4"', ["steps cannot be '4', in [study]", "a whole number"]),
        ("steps = 4", "steps = true", ["steps cannot be True, in [study]"]),
        ("steps = 4", "seeds = 4", ["'seeds' cannot be set in [study]"]),
        ("steps = 4", 'until = "exhausted"', ["'until' cannot be set in [study]"]),
        ('title = "a title"', "", ["'title' is missing in the recipe"]),
        ("initial_size = 100", "", ["'initial_size' is missing in [study]"]),
        ("max_epochs = 2", 'precision = "float16"', ["precision cannot be", "mean float64?"]),
        ("n_rows = 600", "n_row = 600", ["'n_row' in [pool]", "did you mean n_rows"]),
        ('default = "vk"', 'default = "posts"', ["'default' in [pool]", "is: vk, mmoe, mnist"]),
        ('kind = "above"', 'kind = "over"', ["'kind' in [[claim]] 1", "did you mean above?"]),
        ('than = "random"', 'than = "randm"', ["does not run", "did you mean random"]),
        ('than = "random"', "", ["'than' is missing in [[claim]] 1"]),
        ('kind = "above"', 'kind = "dips"', ["'than' has no meaning"]),
        ('kind = "above"', 'kind = "smooths"\npart = "end"', ["'part' has no meaning"]),
        ("[[claim]]", "[claim]", ["'claim' in the recipe cannot be", "write [[claim]]"]),
        ("[study]", "[studies]", ["'studies' in the recipe", "did you mean study"]),
        ("[[claim]]", "[variant.a]\nstrategy = []\n[[claim]]", ["'strategy' cannot be set in [v"]),
        ("[[claim]]", "[figure]\nmetrc = 1\n[[claim]]", ["'metrc' in [figure]", "metric"]),
        ('title = "a title"', "title = ", ["not TOML"]),
        ("max_epochs = 2", "widht = 8\ndepht = 1", ["no option 'widht', in", "'depht', in"]),
        ("steps = 4", "steps = -3", ["-3 is too small, in [study] (--steps)", "at least 1"]),
        ("query_size = 10", 'query_size = "abc"', ["'abc' is no query size, in [study]"]),
        ("max_epochs = 2", "dropout = 2", ["a parameter of the model now, in [study] (--dropout)"]),
        ("(width=8)", "(widht=8)", ["no parameter 'widht=8', in [study]", "did you mean width"]),
        ("(width=8)", "(dropout=2)", ["dropout: 2 is out of range, in [study]"]),
        ("max_epochs = 2", "parameters = 2", ["it is no table, in [study] (parameters)"]),
        ("max_epochs = 2", "parameters = { dropuot = 2 }", ["no model reads 'dropuot', in"]),
        ("max_epochs = 2", "parameters = { depth = 1.5 }", ["depth cannot be 1.5, in [study]"]),
        ("max_epochs = 2", "parameters = { depth = 0 }", ["0 is too small", "(parameters.depth)"]),
        ('"margin"]', '"margn"]', ["no strategy 'margn', in [study]", "did you mean margin"]),
        ("n_rows = 600", "n_rows = 0", ["n_rows: 0 is too small, in [pool]", "at least 1"]),
        ("n_rows = 600", "n_rows = 600\nnoise = nan", ["noise: nan is out of range, in [pool]"]),
        ("[[claim]]", '[figure]\nmetric = "accurcy"\n[[claim]]', ["did you mean accuracy"]),
        ("[[claim]]", "[variant]\n[[claim]]", ["'variant' in the recipe cannot be {}"]),
        ("[[claim]]", '[variant."../a"]\n[[claim]]', ["cannot be {'../a': {}}", "letters, digits"]),
        (
            "[[claim]]", "[variant.a]\nepochs = 0\n[variant.b]\n[[claim]]",
            ["0 is too small, in [variant.a] (--epochs)"],
        ),
        (
            "[[claim]]", "[variant.a]\n[variant.b]\nlearning_rate = 0\nsteps = 0\n[[claim]]",
            ["2 faults:\n  1. ", "0 is too small, in [variant.b]", "0 is out of range", "  2. "],
        ),
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


def test_an_unknown_or_missing_recipe_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean vk-fig07"):
        read_recipe("vk-fig7")
    with pytest.raises(UsageError, match="No such file"):
        read_recipe(str(tmp_path / "none.toml"))


def test_values_are_checked_against_their_types() -> None:
    assert fits(1, float)
    assert not fits(True, float)
    assert not fits(1.0, int)
    assert fits(["a"], list[str])
    assert not fits(["a", 1], list[str])
    assert fits("x", int | str | None)
    assert not fits("c", Literal["a", "b"])
    assert not fits("abc", list[str])
    assert not fits(2**63, int)
    assert in_words(int | None) == "a whole number"
    assert in_words(list[str] | None) == "a list, each a text"


def test_a_recipe_whose_pool_is_missing_explains_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="alsim pool import") as caught:
        run_recipe(read_recipe("vk-fig15"), out=tmp_path / "r")
    assert caught.value.args[1] == "--pool"
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_is_a_positive_number(scale: float, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--scale"):
        run_recipe(read_recipe(write(tmp_path)), scale=scale)


def test_a_fault_in_the_study_is_reported_once_for_all_variants(tmp_path: Path) -> None:
    text = RECIPE.replace("steps = 4", "steps = 0").replace(
        "[[claim]]", "[variant.a]\n[variant.b]\nepochs = 0\n[[claim]]"
    )
    with pytest.raises(UsageError) as caught:
        read_recipe(write(tmp_path, text))
    assert "2 faults:" in str(caught.value)
    assert "0 is too small, in [study] (--steps)" in str(caught.value)
    assert "0 is too small, in [variant.b] (--epochs)" in str(caught.value)


def test_a_recipe_may_come_with_a_byte_order_mark_and_carriage_returns(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + RECIPE.replace("\n", "\r\n").encode())
    assert read_recipe(str(path)) == read_recipe(write(tmp_path))


@pytest.mark.parametrize("name", ["a folder.toml", "null\0.toml", "x" * 300 + ".toml", ".toml"])
def test_a_recipe_that_cannot_be_opened_is_one_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "a folder.toml").mkdir()
    with pytest.raises(UsageError):
        read_recipe(str(tmp_path / name))


@pytest.mark.process
def test_a_recipe_that_cannot_run_leaves_no_folder(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path, RECIPE.replace("size = 100", "size = 1000")))
    with pytest.raises(UsageError, match="cannot give 1,000 initial labels"):
        run_recipe(recipe, out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not empty"):
        run_recipe(read_recipe(write(tmp_path)), out=tmp_path)


@pytest.mark.slow
def test_each_variant_is_run_drawn_and_judged_separately(tmp_path: Path) -> None:
    variants = "[variant.slow]\nlearning_rate = 1e-4\n[variant.fast]\nlearning_rate = 1e-2\n"
    recipe = read_recipe(write(tmp_path, RECIPE.replace("[[claim]]", f"{variants}[[claim]]")))
    pool = vk_pool(VkOptions(n_rows=500, picture_width=6, text_width=4, n_classes=3))
    report = run_recipe(recipe, pool=pool, scale=0.5, seeds=2, out=tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "fast", "mine-fast.png", "mine-slow.png", "result.json", "slow",
    ]  # fmt: skip
    for name, rate in (("slow", 1e-4), ("fast", 1e-2)):
        run = read_run(tmp_path / "r" / name)
        assert run.manifest["configuration"]["training"]["learning_rate"] == rate  # pyright: ignore[reportIndexIssue]
        assert set(run.steps.column("n_labelled").to_pylist()) == {50, 55, 60, 65, 70}
        rows = run.manifest["pool"]["rows"]  # pyright: ignore[reportIndexIssue]
        assert sum(rows.values()) == 500  # a given pool is not scaled
    assert [verdict.study for verdict in report.verdicts] == ["slow", "fast"]
    assert report.to_json()["scale"] == 0.5
    assert json.loads((tmp_path / "r" / "result.json").read_text()) == report.to_json()


def make_steps(curves: dict[str, list[list[float]]]) -> pa.Table:
    """Return the steps of curves, by strategy and then seed, from 100 labels in steps of 20."""
    rows = [
        (name, seed, step, 100 + 20 * step, value)
        for name, seeds in curves.items()
        for seed, curve in enumerate(seeds)
        for step, value in enumerate(curve)
    ]
    columns = ("strategy", "seed", "step", "n_labelled", "accuracy")
    return pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows])


def per_seed(verdict: Verdict) -> dict[int, float]:
    return {int(seed): value for seed, value in verdict.facts["per_seed"].items()}


CURVES = {
    "margin": [[0.50, 0.61, 0.70], [0.52, 0.63, 0.74], [0.51, 0.65, 0.70]],
    "random": [[0.50, 0.55, 0.60], [0.52, 0.57, 0.63], [0.51, 0.56, 0.60]],
}


def test_a_claim_is_judged_on_the_differences_within_seeds() -> None:
    claim = Claim("margin is above random", "above", "margin", "random")
    verdict = judge_claim(claim, make_steps(CURVES), 512)
    assert verdict.outcome == "held"
    # By hand, seed 0: (0 + .06)/2 and (.06 + .10)/2, over two equal widths.
    assert per_seed(verdict) == pytest.approx({0: 0.055, 1: 0.0575, 2: 0.07})
    assert "+0.0608 ± 0.0200, p = 0.0058, 3 seeds" in verdict.numbers
    turned = Claim("random is above margin", "above", "random", "margin")
    assert judge_claim(turned, make_steps(CURVES), 512).outcome == "did not hold"
    no_gain = Claim("margin is no gain", "not-above", "margin", "random")
    assert judge_claim(no_gain, make_steps(CURVES), 512).outcome == "did not hold"


def test_saved_labels_are_reported_as_a_share_and_against_chance() -> None:
    claim = Claim("margin saves labels", "labels-saved", "margin", "random")
    verdict = judge_claim(claim, make_steps(CURVES), 512)
    # .60 is at 10/11 of the way to .61, .63 is at 120, .60 is at 9/14 of the way.
    saved = [140 - (100 + 20 * 10 / 11), 20.0, 140 - (100 + 20 * 9 / 14)]
    assert per_seed(verdict) == pytest.approx(dict(enumerate(saved)))
    assert verdict.outcome == "held"
    assert "with 23 labels fewer, random that of margin with 0 fewer" in verdict.numbers
    assert "random never did in 3 of 3 seeds, counted as 0" in verdict.numbers
    turned = Claim("random saves labels", "labels-saved", "random", "margin")
    turned_verdict = judge_claim(turned, make_steps(CURVES), 512)
    assert turned_verdict.outcome == "did not hold"
    assert "random never did in 3 of 3 seeds, counted as 0" in turned_verdict.numbers


def test_dips_and_their_smoothing_are_judged_with_opposite_signs() -> None:
    # 100 + 20 a step, batches of 64 leave 12 at 140 and 16 at 208; only 140 is among the counts.
    fixed = [[0.5, 0.6, 0.5, 0.6], [0.5, 0.6, 0.51, 0.6], [0.5, 0.6, 0.49, 0.6]]
    flat = [[0.5, 0.6, 0.6, 0.6]] * 3
    steps = make_steps({"random(batch-rule=fixed)": fixed, "random": flat})
    dip = judge_claim(Claim("it dips", "dips", "random(batch-rule=fixed)"), steps, 64)
    assert dip.outcome == "held"
    assert per_seed(dip) == pytest.approx({0: -0.1, 1: -0.09, 2: -0.11})
    claim = Claim("smooth", "smooths", "random", "random(batch-rule=fixed)")
    smooth = judge_claim(claim, steps, 64)
    assert smooth.outcome == "held"
    assert per_seed(smooth) == pytest.approx({0: 0.1, 1: 0.09, 2: 0.11})
    assert "at 140 labels" in smooth.numbers
    assert judge_claim(Claim("it dips", "dips", "random"), steps, 64).outcome == "cannot tell"


def test_without_a_small_batch_there_is_no_verdict_and_the_reason_is_given() -> None:
    verdict = judge_claim(Claim("it dips", "dips", "random"), make_steps(CURVES), 512)
    assert verdict.outcome == "cannot tell"
    assert verdict.facts["test"] is None
    assert "no such step" in verdict.numbers


def test_one_seed_gives_no_verdict() -> None:
    steps = make_steps({name: seeds[:1] for name, seeds in CURVES.items()})
    verdict = judge_claim(Claim("above", "above", "margin", "random"), steps, 512)
    assert verdict.outcome == "cannot tell"
    assert verdict.numbers.endswith("+0.0550, 1 seed")


def test_a_strategy_with_a_default_parameter_is_found_under_the_recorded_name() -> None:
    steps = make_steps({"bald": CURVES["margin"], "random": CURVES["random"]})
    claim = Claim("above", "above", "bald(k=20)", "random")
    assert judge_claim(claim, steps, 512).outcome == "held"


def test_the_default_number_of_seeds_is_that_of_alsim_run(tmp_path: Path) -> None:
    assert parse_seeds(read_recipe(write(tmp_path)).seeds) == CurvesOptions().seeds


def test_a_figure_names_its_study_if_there_are_several_and_its_scale_if_it_is_not_one() -> None:
    alone, several = read_recipe("vk-fig07"), read_recipe("vk-fig05")
    assert title_of(alone, "run", "posts.parquet", 1.0) == (
        "after VK 2020, Fig. 7: uncertainty sampling against passive learning\nposts.parquet"
    )
    assert title_of(alone, "run", "posts.parquet", 0.5).endswith("posts.parquet, scale 0.5")
    assert title_of(several, "sgd", None, 1.0).partition("\n")[0].endswith("size (sgd)")
