"""`alsim.compare`: which runs can be compared, names of strategies, and notes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import SMALL, Curves, ahead, write_tiny_run

import alsim
from alsim.analysis.curves.comparison import Comparison
from alsim.analysis.curves.comparison import compare as compare_steps
from alsim.errors import StoreError, UsageError
from alsim.seeding import stream
from alsim.store.curves import read_run

MORE: Curves = {
    name: {seed + 2: [value - 0.1 for value in values] for seed, values in seeds.items()}
    for name, seeds in SMALL.items()
}


def configuration(**changed: object) -> dict[str, object]:
    return {
        "parameters": {"random": {}, "margin": {}},
        "schedule": {"initial_size": 100},
        "training": {"retrain": False},
        "initial_ids": None,
        **changed,
    }


def names_of(found: Comparison) -> list[str]:
    return [each.strategy for each in found.strategies]


def note_of(found: Comparison, words: str) -> str:
    (note,) = [note for note in found.notes if words in note]
    return note


def test_comparing_one_run_equals_comparing_its_steps(tmp_path: Path) -> None:
    folder = write_tiny_run(tmp_path / "posts")
    run = read_run(folder)
    expected = compare_steps(run.steps)
    assert expected.notes == ()
    for given in (folder, str(folder), run, [folder], (run,), [folder, run, folder / "run.json"]):
        assert alsim.compare(given) == expected


def test_every_option_affects_the_comparison(tmp_path: Path) -> None:
    run = read_run(write_tiny_run(tmp_path / "posts"))
    found = alsim.compare(
        run, metric="macro_f1", baseline="margin", reference=0.5, share=0.3, cost_per_label=2.0
    )
    assert found == compare_steps(
        run.steps,
        metric="macro_f1",
        baseline="margin",
        reference=0.5,
        share=0.3,
        cost_per_label=2.0,
    )
    assert alsim.compare(run, x="cost") == compare_steps(run.steps, x="cost")


def test_a_bootstrap_is_reproducible_and_reported_as_too_narrow(tmp_path: Path) -> None:
    run = read_run(write_tiny_run(tmp_path / "posts", ahead({"random": [0, 0], "z": [90, 130]})))
    found = alsim.compare(run, interval="bootstrap")
    assert "too narrow" in note_of(found, "bootstrap")
    drawn = compare_steps(run.steps, bootstrap=stream(0, "labels saved"))
    assert (
        replace(found, notes=())
        == drawn
        == replace(alsim.compare(run, interval="bootstrap"), notes=())
    )
    assert drawn.strategies != compare_steps(run.steps).strategies


# Several runs


def test_a_strategy_that_only_one_run_has_keeps_its_name(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one", {"random": SMALL["random"]})
    two = write_tiny_run(tmp_path / "two", {"margin": SMALL["margin"]})
    both = write_tiny_run(tmp_path / "both")
    assert alsim.compare([one, two]) == alsim.compare(both)


def test_a_strategy_of_two_runs_with_different_settings_is_named_with_its_run(
    tmp_path: Path,
) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(
        tmp_path / "two",
        {"margin": MORE["margin"]},
        configuration=configuration(training={"retrain": True}),
    )
    found = alsim.compare([one, two])
    assert names_of(found) == ["margin · one", "margin · two", "random"]
    assert found.baseline == "random"
    assert note_of(found, "runs differ") == (
        "the runs differ (one / two): training.retrain (false / true)"
    )


def test_each_strategy_is_compared_with_the_baseline_of_its_own_run(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(
        tmp_path / "two", configuration=configuration(training={"retrain": True}), curves=MORE
    )
    found = alsim.compare([one, two])
    assert found.baseline == "random · one"
    assert found.baselines == {
        "margin · two": "random · two", "random · two": "random · two"
    }  # fmt: skip
    assert note_of(found, "its own run").endswith(
        "--baseline takes one for all: random · one, random · two"
    )
    # What each saves is what its run alone shows, on the span that all share.
    for run in (one, two):
        alone = {each.strategy: each.end_saving for each in alsim.compare(run).strategies}
        mine = {each.strategy: each.end_saving for each in found.strategies}
        assert mine[f"margin · {run.name}"] == alone["margin"]
        assert mine[f"random · {run.name}"] is None
    # One family: all verdicts are adjusted together.
    assert [(each.first, each.second) for each in found.verdicts] == [
        ("margin · one", "random · one"),
        ("margin · two", "random · two"),
    ]
    assert all(each.joint_level == 0.05 / 2 for each in found.verdicts)
    assert len(alsim.compare([one, two], all_pairs=True).verdicts) == 6
    other = alsim.compare([one, two], baseline="random · two")
    assert (other.baseline, other.baselines) == ("random · two", {})
    assert not [note for note in other.notes if "its own run" in note]


def test_a_run_without_its_baseline_is_compared_with_that_of_another(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(
        tmp_path / "two",
        {"margin": MORE["margin"]},
        configuration=configuration(training={"retrain": True}),
    )
    found = alsim.compare([one, two])
    assert (found.baseline, found.baselines) == ("random", {})


def test_a_run_records_which_of_its_strategies_is_the_baseline(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one", configuration=configuration(baseline="margin"))
    found = alsim.compare(one)
    assert found.baseline == "margin"
    assert {each.strategy: each.saving is None for each in found.strategies} == {
        "margin": True, "random": False,
    }  # fmt: skip


def test_a_strategy_that_several_runs_have_is_no_baseline_by_its_short_name(
    tmp_path: Path,
) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(
        tmp_path / "two", configuration=configuration(training={"retrain": True}), curves=MORE
    )
    with pytest.raises(UsageError, match="several runs have margin") as refused:
        alsim.compare([one, two], baseline="margin")
    assert "margin · one, margin · two" in str(refused.value)


def test_seeds_of_runs_with_the_same_settings_are_joined(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(tmp_path / "two", MORE)
    joined = {name: {**SMALL[name], **MORE[name]} for name in SMALL}
    whole = write_tiny_run(tmp_path / "whole", joined)
    found, fixed = alsim.compare([one, two]), alsim.compare(whole)
    # Its seeds were added without a plan, so certainty is another; all else is the same.
    (verdict,), (other,) = found.verdicts, fixed.verdicts
    assert (verdict.basis, other.basis) == ("anytime", "fixed")
    assert (verdict.area, verdict.p_if_fixed) == (other.area, other.p_adjusted)
    for mine, theirs in zip(found.strategies, fixed.strategies, strict=True):
        assert replace(mine, saving=None) == replace(theirs, saving=None)
        assert (mine.saving and mine.saving.amount) == (theirs.saving and theirs.saving.amount)
    assert note_of(found, "together") == (
        "margin, random: the seeds of one and two count together, since these runs have the same "
        "settings"
    )


def test_a_seed_that_is_equal_in_two_runs_counts_once(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    copy = write_tiny_run(tmp_path / "copy")
    assert replace(alsim.compare([one, copy]), notes=()) == alsim.compare(one)


@pytest.mark.parametrize(
    "changed",
    [
        {"configuration": configuration(parameters={"margin": {"k": 2}})},
        {"configuration": configuration(schedule={"initial_size": 100, "steps": 7})},
        {"configuration": None},
        {"versions": {"alsim": "0.0.9"}},
    ],
)
def test_seeds_are_not_joined_if_other_settings_differ(
    tmp_path: Path, changed: Mapping[str, Any]
) -> None:
    one = write_tiny_run(tmp_path / "one", configuration=configuration(engine={"workers": 3}))
    like = write_tiny_run(tmp_path / "like", MORE, configuration=configuration())
    other = write_tiny_run(
        tmp_path / "other", MORE, **{"configuration": configuration(), **changed}
    )
    assert names_of(alsim.compare([one, like])) == ["margin", "random"]
    assert "margin · other" in names_of(alsim.compare([one, other]))


def test_a_seed_with_different_results_in_two_runs_is_not_joined(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(tmp_path / "two", {"margin": {0: [0.3, 0.6, 0.7], 1: [0.4, 0.6, 0.81]}})
    assert names_of(alsim.compare([one, two])) == ["margin · one", "margin · two", "random"]


def test_runs_with_the_same_name_are_labelled_by_their_folders(tmp_path: Path) -> None:
    one = write_tiny_run(tmp_path / "a" / "posts")
    two = write_tiny_run(tmp_path / "b" / "posts", MORE, configuration=None)
    assert f"margin · {two}" in names_of(alsim.compare([one, two]))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"pool": {"fingerprint": "f" * 32, "splits": "e" * 32}}, "pools: one (7d3f7d3f7d3f), two"),
        ({"pool": {"fingerprint": "7d3f" * 8, "splits": "e" * 32}}, "splits: one (01ab01ab01ab)"),
        ({"evaluation_split": "validation"}, "evaluation: one (test), two (validation)"),
        ({"task": "label of another kind"}, "tasks: one (label), two (label of another kind)"),
    ],
)
def test_runs_that_measure_different_things_are_refused_unless_forced(
    tmp_path: Path, changed: Mapping[str, Any], expected: str
) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(tmp_path / "two", MORE, **changed)
    with pytest.raises(UsageError) as refused:
        alsim.compare([one, two])
    assert f"different {expected}" in str(refused.value).replace(
        "splits for evaluation", "evaluation"
    )
    assert str(refused.value).count("\n  different ") == 1  # other pools have other splits, too
    assert str(two) in str(refused.value)
    assert "--force" in str(refused.value)
    found = alsim.compare([one, two], force=True)
    assert "in spite of different" in found.notes[0]
    assert "margin · two" in names_of(found)


def test_a_different_start_is_noted_and_runs_are_compared_where_they_overlap(
    tmp_path: Path,
) -> None:
    one = write_tiny_run(tmp_path / "one")
    two = write_tiny_run(tmp_path / "two", {"entropy": SMALL["margin"]}, start=200)
    found = alsim.compare([one, two])
    assert (found.start, found.end) == (200, 300)
    assert "no longer share a start" in note_of(found, "different labels")
    assert note_of(found, "cut to that") == (
        "compared from 200 to 300 labels, where all strategies have all of their seeds; "
        "cut to that: entropy, margin, random"
    )
    assert "schedule.initial_size (100 / 200)" in note_of(found, "runs differ")


def test_the_first_of_many_differing_settings_are_listed(tmp_path: Path) -> None:
    sizes = [{f"size_{i}": value for i in range(6)} for value in (1, 2)]
    one, two = (
        write_tiny_run(tmp_path / name, configuration=configuration(model=model))
        for name, model in zip(("one", "two"), sizes, strict=True)
    )
    note = note_of(alsim.compare([one, two]), "runs differ")
    assert note.count("(1 / 2)") == 4
    assert note.endswith("and 2 more")


# One run


def test_seeds_that_differ_are_noted(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", {**SMALL, "margin": {1: [0.4, 0.6, 0.8]}})
    found = alsim.compare(run)
    assert note_of(found, "seeds differ").startswith("seeds differ (margin: 1; random: 0, 1): ")
    assert [verdict.seeds for verdict in found.verdicts] == [(1,)]


def test_incomplete_runs_are_noted(tmp_path: Path) -> None:
    lost = [{"strategy": "margin", "seed": 1, "step": 2}]
    curves = {**SMALL, "margin": {0: [0.3, 0.6, 0.7], 1: [0.4, 0.6]}}
    run = write_tiny_run(
        tmp_path / "posts",
        curves,
        status="interrupted",
        diverged=lost,
        evaluation_split="validation",
    )
    found = alsim.compare(run)
    assert note_of(found, "marked").startswith("posts is marked interrupted")
    assert note_of(found, "diverged") == ("margin, seed 1 diverged at step 2: its curve ends there")
    assert "no test split" in note_of(found, "passive phase")
    assert (found.start, found.end) == (100, 200)
    assert "cut to that: margin, random" in note_of(found, "compared from")


def test_a_curve_without_a_common_point_is_left_out_and_reported(tmp_path: Path) -> None:
    # The same settings, so z has two seeds, and one begins where the other ends.
    one = write_tiny_run(
        tmp_path / "one", {**SMALL, "z": {0: [0.1]}}, configuration=configuration()
    )
    two = write_tiny_run(
        tmp_path / "two", {"z": {1: [0.1]}}, start=300, configuration=configuration()
    )
    found = alsim.compare([one, two])
    assert found.left_out == ("z",)
    assert names_of(found) == ["margin", "random"]
    assert note_of(found, "left out").startswith("z is left out: no point of its curve")


def test_a_single_point_saves_nothing_and_this_is_noted(tmp_path: Path) -> None:
    run = write_tiny_run(
        tmp_path / "posts", {"random": {0: [0.2], 1: [0.3]}, "z": {0: [0.4], 1: [0.6]}}
    )
    found = alsim.compare(run)
    assert "one point only" in note_of(found, "share")
    assert found.start == found.end == 100


def test_without_random_there_are_no_savings_and_this_is_noted(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts", {"a": SMALL["random"], "b": SMALL["margin"]})
    found = alsim.compare(run)
    assert "no strategy is called random" in note_of(found, "--baseline")
    assert all(each.saving is None for each in found.strategies)
    assert alsim.compare(run, baseline="a").notes == ()


# Refusals


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"x": "label"}, "x cannot be 'label'"),
        ({"interval": "t"}, "interval cannot be 't'"),
        ({"share": 95.0}, "95 is too large"),
        ({"share": float("nan")}, "nan is out of range"),
        ({"reference": 0.0}, "0 is out of range"),
        ({"cost_per_label": -1.0}, "-1 is out of range"),
        ({"cost_per_label": float("inf")}, "inf is out of range"),
        ({"cost_per_label": 1.0, "x": "cost"}, "says nothing about cost saved"),
        ({"metric": "nll"}, "not a score of which more is better"),
        ({"metric": "macro-f1"}, r"did you mean macro_f1\?"),
        ({"baseline": "margins"}, r"did you mean margin\?"),
    ],
)
def test_an_unusable_option_is_refused(
    tmp_path: Path, options: dict[str, Any], expected: str
) -> None:
    run = write_tiny_run(tmp_path / "posts")
    with pytest.raises(UsageError, match=expected):
        alsim.compare(run, **options)


def test_all_wrong_options_are_reported_at_once(tmp_path: Path) -> None:
    run = write_tiny_run(tmp_path / "posts")
    with pytest.raises(UsageError, match="2 options") as refused:
        alsim.compare(run, share=2.0, reference=3.0)
    assert "--share" in str(refused.value)
    assert "--reference" in str(refused.value)


def test_no_run_and_a_run_without_a_step_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run to compare"):
        alsim.compare([])
    whole = write_tiny_run(tmp_path / "whole")
    empty = write_tiny_run(tmp_path / "empty", {}, status="interrupted")
    with pytest.raises(StoreError, match="no step yet") as refused:
        alsim.compare([whole, empty])
    assert str(empty) in str(refused.value)
