"""Recipes of passive training: their files, and the options they accept with a pool."""

from pathlib import Path
from typing import Any

import pytest

from alsim.errors import UsageError
from alsim.models.naming import find_named_model
from alsim.options.faults import Faults
from alsim.options.synthetic import MmoeOptions
from alsim.options.texts import parse_names, parse_seeds
from alsim.recipes.file import recipe_names
from alsim.recipes.reading import read_recipe
from alsim.recipes.running import run_recipe
from alsim.recipes.training.claims import TrainingClaim
from alsim.studies.declared import arguments_of

OF_TRAINING = [name for name in recipe_names() if not name.startswith("vk-")]
RECIPE = """
title = "a title"
finding = "a finding"
source = "a source"
seeds = 3

[pool]
default = "mmoe"
each_seed = true
n_rows = 240
width = 4

[training]
model = ["mmoe", "shared-bottom(expert-width=9)"]
fractions = "0.5,1"
max_epochs = 2
workers = 1

[variant.near.pool]
correlation = 0.9

[variant.far.parameters]
experts = 2

[variant.far.pool]
correlation = 0.1

[figure]
kind = "losses"
metric = "mse"

[[claim]]
says = "mmoe is below"
kind = "better"
model = "mmoe"
than = "shared-bottom(expert-width=9)"
metric = "mse"

[full]
about = "nine runs"
seeds = 9

[full.pool]
n_rows = 480

[full.training]
max_epochs = 4

[full.variant.far.parameters]
experts = 3
"""


def write(folder: Path, text: str = RECIPE) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def faults_of(folder: Path, old: str, new: str) -> str:
    assert old in RECIPE
    path = write(folder, RECIPE.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        read_recipe(path)
    assert caught.value.args[1] == path
    return str(caught.value)


def test_every_figure_and_table_of_passive_training_has_a_recipe() -> None:
    assert OF_TRAINING == [
        "mmoe-census-1", "mmoe-census-2", "mmoe-synthetic",
        "multicluster-fig1", "multicluster-fig2", "multicluster-fig3",
    ]  # fmt: skip


@pytest.mark.parametrize("name", OF_TRAINING)
def test_a_shipped_recipe_is_sound_at_both_sizes(name: str) -> None:
    recipe = read_recipe(name)
    full = recipe.at_full_size()
    assert recipe.claims
    assert recipe.claims == full.claims
    assert recipe.about_full == full.about_full != ""
    assert recipe.studies.keys() == full.studies.keys()
    assert len(parse_seeds(recipe.seeds)) < len(parse_seeds(full.seeds))
    for study in recipe.studies.values():
        assert study["parameters"]["dropout"] == 0
        assert (study["optimiser"], study["learning_rate"]) == ("adam", 1e-3)


def test_the_synthetic_tasks_are_as_in_the_paper() -> None:
    recipe = read_recipe("mmoe-synthetic")
    assert recipe.is_anew
    assert [*recipe.pools.values()] == [
        MmoeOptions(correlation=p, n_rows=12_000, scale=0.3, n_sines=5) for p in (0.5, 0.9, 1.0)
    ]
    (study,) = {str(study) for study in recipe.studies.values()}
    assert "shared-bottom(expert-width=113)" in study
    assert recipe.seeds == 20
    assert recipe.at_full_size().seeds == 200


@pytest.mark.parametrize("group", [1, 2])
def test_the_published_numbers_of_census_belong_to_models_and_tasks_of_the_recipe(
    group: int,
) -> None:
    recipe = read_recipe(f"mmoe-census-{group}")
    assert recipe.published is not None
    main = {1: "income_over_50k", 2: "edu_associate_plus"}[group]
    models = parse_names(recipe.studies["run"]["model"])
    assert {*recipe.published.values} == {*models} - {"cgc"}
    for of_model in recipe.published.values.values():
        assert [*of_model] == [main, "never_married"]
        for best_and_mean in of_model.values():
            assert len(best_and_mean) == 2
    claims: Any = recipe.claims
    assert {(claim.model, claim.task, claim.metric) for claim in claims} == {("mmoe", main, "auc")}


def test_full_size_changes_only_the_options_it_names(tmp_path: Path) -> None:
    recipe = read_recipe(write(tmp_path))
    full = recipe.at_full_size()
    assert (recipe.seeds, full.seeds) == (3, 9)
    for one, rows, epochs, experts in ((recipe, 240, 2, 2), (full, 480, 4, 3)):
        shared = {"model": ["mmoe", "shared-bottom(expert-width=9)"], "fractions": "0.5,1",
                  "max_epochs": epochs, "workers": 1}  # fmt: skip
        assert one.studies == {
            "near": shared,
            "far": {**shared, "parameters": {"experts": experts}},
        }
        pools = [*one.pools.values()]
        assert pools == [MmoeOptions(p, rows, 4) for p in (0.9, 0.1)]
        assert (one.title, one.picture.metric) == ("a title", "mse")


def test_full_size_is_refused_for_a_recipe_with_one_size() -> None:
    with pytest.raises(UsageError, match="has one size") as caught:
        run_recipe(read_recipe("vk-fig07"), full=True)
    assert caught.value.args[1] == "--full"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[training]", "[training]\nepochs = 1", ["no option 'epochs', in [training]"]),
        ("[training]", "[training]\nqueries = 'x'", ["'queries' cannot be set in [training]"]),
        ('"mmoe", ', '"mmo", ', ["no model 'mmo'", "did you mean mmoe", "in [training] (--model)"]),
        ("(expert-width=9)", "(expert-width=x)", ["expert-width", "in [training]"]),
        ('"0.5,1"', '"0.5,2"', ["2 is no share, in [training] (--fractions)"]),
        ("correlation = 0.9", "correlation = 3.0", ["correlation: 3 is", "[variant.near.pool]"]),
        ("width = 4", "width = 1", ["width: 1 is too small", "in [pool]"]),
        ("correlation = 0.9", "n_row = 50", ["no key 'n_row' in [variant.near.pool]"]),
        ("correlation = 0.9", "scale = 'x'", ["'scale' in [variant.near.pool] cannot be 'x'"]),
        ("[variant.near.pool]\ncorrelation = 0.9", "[variant.near]\npool = 3", ["cannot be 3"]),
        ("width = 4", "seed = 4", ["'seed' has no meaning in [pool]"]),
        ("each_seed = true", "each_seed = 1", ["'each_seed' in [pool] cannot be 1"]),
        ('kind = "losses"', 'kind = "curve"', ["'kind' in [figure] cannot be 'curve'"]),
        ('metric = "mse"', 'band = "t"', ["no key 'band' in [figure]"]),
        ('kind = "losses"', 'kind = "gates"', ["'metric' has no meaning in [figure]"]),
        ("seeds = 3", "seeds = 0", ["names no seeds, in the recipe (seeds)"]),
        ("seeds = 3", "seeds = 0.5", ["'seeds' in the recipe cannot be 0.5"]),
        ('about = "nine runs"', "", ["'about' is missing in [full]"]),
        ("seeds = 9", 'title = "x"', ["no key 'title' in [full]"]),
        ("n_rows = 480", "n_rows = 3", ["n_rows: 3 is too small", "in [pool], at full size"]),
        ("max_epochs = 4", "max_epochs = 0", ["too small", "(--max-epochs), at full size"]),
        ("max_epochs = 4", "epoch = 4", ["no option 'epoch', in [training]", "at full size"]),
        ("[full.variant.far.", "[full.variant.away.", ["no variant 'away'"]),
        ("experts = 3", 'experts = "x"', ["experts cannot be 'x', in [variant.far]"]),
        ("[full]", "[published]\nsays = 'x'\n[full]", ["'metric' is missing in [published]"]),
        (
            "[full]",
            "[published]\nsays = 'x'\nmetric = 'auc'\nvalues = {mmoe = {a = 1}}\n[full]",
            ["'values' in [published] cannot be {'mmoe': {'a': 1}}"],
        ),
        ("than = ", 'than = "omoe" # ', ["than in [[claim]] 1 is 'omoe'", "does not train"]),
        ("than = ", "# ", ["[[claim]] 1 compares with nothing", "add than"]),
        ("than = ", "study = 'far'\nthan = ", ["'study' has no meaning in [[claim]] 1"]),
        ("than = ", "fraction = 0.3\nthan = ", ["fraction in [[claim]] 1 is 0.3", "is: 0.5, 1"]),
        ("than = ", "evaluation = 'all'\nthan = ", ["evaluation in [[claim]] 1 is 'all'"]),
        ('"better"', '"gains-more"', ["compares with nothing", "add than_fraction, or study"]),
        ('"better"', '"gains-more"\nstudy = "far"\nthan_study = "x"', ["is 'x', no study"]),
        ('"better"', '"agrees-more"\nthan_fraction = 0.5', ["'than' has no meaning"]),
        ('"better"', '"above"', ["'kind' in [[claim]] 1 cannot be 'above'"]),
    ],
)  # fmt: skip
def test_a_faulty_recipe_is_refused_with_file_key_and_the_nearest_name(
    old: str, new: str, expected: list[str], tmp_path: Path
) -> None:
    found = faults_of(tmp_path, old, new)
    for words in expected:
        assert words in found


def test_only_passive_training_can_have_a_pool_for_each_seed(tmp_path: Path) -> None:
    text = RECIPE.replace("[training]", "[study]").replace("[full.training]", "[full.study]")
    with pytest.raises(UsageError, match="'each_seed' has no meaning in \\[pool\\]"):
        read_recipe(write(tmp_path, text))


@pytest.mark.parametrize("kind", ["gains-more", "agrees-more"])
def test_a_claim_between_studies_or_fractions_is_read(kind: str, tmp_path: Path) -> None:
    than = 'than = "shared-bottom(expert-width=9)"\nmetric = "mse"' if kind == "gains-more" else ""
    for elsewhere in ('study = "far"\nthan_study = "near"', "than_fraction = 0.5"):
        claim = f'[[claim]]\nsays = "x"\nkind = "{kind}"\nmodel = "mmoe"\n{than}\n{elsewhere}\n'
        recipe = read_recipe(write(tmp_path, RECIPE.replace("[[claim]]", f"{claim}[[claim]]")))
        assert isinstance(recipe.claims[0], TrainingClaim)
        assert recipe.claims[0].kind == kind


@pytest.mark.parametrize(
    ("name", "given", "flag", "match"),
    [
        ("mmoe-census-1", {}, "--pool", "needs a pool of its own"),
        ("multicluster-fig1", {}, "--pool", "needs a pool of its own"),
        ("mmoe-synthetic", {"pool": "posts.parquet"}, "--pool", "makes a pool for each seed"),
        ("mmoe-synthetic", {"task": "t"}, "--task", "makes its own pool"),
        ("vk-fig07", {"id_column": "x"}, "--id", "makes its own pool"),
        ("vk-table1", {"task": "t"}, "--task", "has no such option"),
        ("vk-fig07", {"expert": "conv4"}, "--expert", "has no experts"),
        ("mmoe-census-1", {"pool": "x", "scale": 0.5}, "--scale", "nothing is scaled"),
        ("mmoe-synthetic", {"candidates": 5}, "--candidates", "has no such option"),
        ("mmoe-synthetic", {"seeds": "x"}, "--seeds", "names no seeds"),
    ],
)
def test_options_without_meaning_are_refused_before_anything_is_written(
    name: str, given: dict[str, Any], flag: str, match: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        run_recipe(read_recipe(name), **given, out=tmp_path / "r")
    assert caught.value.args[1] == flag
    assert not (tmp_path / "r").exists()


def test_a_recipe_that_needs_a_pool_explains_how_to_get_it() -> None:
    assert "--group 2 --only test" in read_recipe("mmoe-census-2").pool_advice
    advice = read_recipe("multicluster-fig3").pool_advice
    assert "--task superclass --expert conv4" in advice
    assert "--task domain" in advice


def test_scaling_multiplies_the_rows_of_the_recipe_s_own_pool() -> None:
    recipe = read_recipe("mmoe-synthetic")
    tenth = recipe.scaled(0.1)
    assert [*tenth.pools.values()] == [
        MmoeOptions(correlation=p, n_rows=1_200) for p in (0.5, 0.9, 1.0)
    ]
    assert tenth.studies == recipe.studies


def test_the_pool_of_a_variant_has_its_own_size_that_scales(tmp_path: Path) -> None:
    text = RECIPE.replace("correlation = 0.9", "correlation = 0.9\nn_rows = 480")
    half = read_recipe(write(tmp_path, text)).scaled(0.5)
    assert {name: pool.n_rows for name, pool in half.pools.items()} == {"near": 240, "far": 120}


def test_shared_parameters_go_into_the_brackets_of_the_models_that_read_them() -> None:
    recipe = read_recipe("mmoe-census-1")
    (study,) = recipe.studies.values()
    assert parse_names(study["model"])[:2] == ("mmoe", "omoe")
    given = arguments_of(recipe.kind.study, study, Faults())
    assert "parameters" not in given
    assert [find_named_model(model).name for model in given["model"]] == [
        "mmoe(dropout=0,experts=8,expert-width=16,tower-width=8)",
        # The widths of the other models follow from the number of parameters.
        "omoe(dropout=0,experts=8,tower-width=8)",
        "cross-stitch(dropout=0,experts=8,tower-width=8)",
        "shared-bottom(dropout=0,tower-width=8)",
        "single-task(dropout=0,tower-width=8)",
        "cgc(dropout=0,experts=8,tower-width=8)",
    ]
    (study, *_) = read_recipe("mmoe-synthetic").studies.values()
    *_, last = arguments_of(recipe.kind.study, study, Faults())["model"]
    expected = "shared-bottom(dropout=0,expert-width=113,tower-width=8)"  # as its own text says
    assert find_named_model(last).name == expected


def test_multi_cluster_recipes_choose_epochs_by_another_evaluation_and_train_gates_faster() -> None:
    for name in (each for each in OF_TRAINING if each.startswith("multicluster-")):
        recipe = read_recipe(name).at_full_size()
        assert all(study["gate_learning_rate"] == 5e-2 for study in recipe.studies.values())
    recipe = read_recipe("multicluster-fig2")
    (study,) = recipe.studies.values()
    chooses = parse_names(study["evaluation"])[0]
    assert chooses == "soft"
    for claim in recipe.claims:
        assert isinstance(claim, TrainingClaim)
        assert claim.evaluation not in (None, chooses)
        assert claim.than_evaluation != chooses
        assert claim.than_evaluation is not None or claim.than == "cross-stitch"
