"""`alsim.compare_models`: which studies can be compared, and what their models are called."""

from pathlib import Path
from typing import Any

import pytest
from made_trainings import make_results, write_made_training

import alsim
from alsim.cli.screens.models import headline, verdict_sentence
from alsim.errors import StoreError, UsageError


def study(
    folder: Path, models: tuple[str, ...] = ("mmoe", "omoe"), *, epochs: int = 9, **changed: Any
) -> Path:
    results = {"n_seeds": 3, **changed.pop("results", {})}
    configuration = {
        "models": {name: {"evaluations": []} for name in models},
        "training": {"max_epochs": epochs},
        **changed.pop("configuration", {}),
    }
    tasks = {"colour": {}, "season": {}}
    made = make_results(models, fractions=(1.0,), **results)
    facts = {"tasks": tasks, "versions": {"alsim": "1"}, **changed}
    return write_made_training(folder, made, configuration=configuration, **facts)


def test_one_study_is_compared_with_its_first_model_or_its_baseline(tmp_path: Path) -> None:
    folder = study(tmp_path / "one")
    read = alsim.read_training(folder)
    found = alsim.compare_models(read)
    assert found.baseline == "mmoe"
    assert found.notes == ()
    (verdict,) = found.verdicts
    # All seeds differ by exactly the same, which is no evidence.
    assert (verdict.first, verdict.outcome, verdict.wins) == ("omoe", "cannot tell", 1)
    for given in (folder, str(folder), [folder, read]):
        assert alsim.compare_models(given) == found
    other = study(tmp_path / "other", configuration={"baseline": "omoe"})
    assert alsim.compare_models(other).baseline == "omoe"
    assert alsim.compare_models(other, baseline="mmoe").baseline == "mmoe"
    with pytest.raises(UsageError, match="no model 'mlp'"):
        alsim.compare_models(folder, baseline="mlp")
    for given in (folder, read):
        with pytest.raises(UsageError, match=r"compare its models: alsim\.compare_models"):
            alsim.compare(given)


def test_models_of_several_studies_are_one_family(tmp_path: Path) -> None:
    one, two = study(tmp_path / "a", ("mmoe",)), study(tmp_path / "b", ("omoe", "cgc"))
    found = alsim.compare_models([one, two])
    assert found.baseline == "mmoe"
    assert {verdict.first for verdict in found.verdicts} == {"omoe", "cgc"}


def test_a_model_of_other_settings_is_called_by_its_study_too(tmp_path: Path) -> None:
    one, two = study(tmp_path / "a", ("mmoe",)), study(tmp_path / "b", ("mmoe",), epochs=99)
    found = alsim.compare_models([one, two])
    assert {each.name for each in found.models} == {"mmoe · a", "mmoe · b"}
    assert found.baseline == "mmoe · a"
    with pytest.raises(UsageError, match="several studies have mmoe"):
        alsim.compare_models([one, two], baseline="mmoe")
    assert alsim.compare_models([one, two], baseline="mmoe · b").baseline == "mmoe · b"


def test_seeds_of_studies_with_the_same_settings_count_together_and_once(tmp_path: Path) -> None:
    one = study(tmp_path / "a", results={"n_seeds": 2})
    two = study(tmp_path / "b", results={"n_seeds": 4})
    found = alsim.compare_models([one, two])
    assert {each.name: each.value.n for each in found.models} == {"mmoe": 4, "omoe": 4}
    assert any("the seeds of a and b count together" in note for note in found.notes)


def test_studies_of_other_pools_or_tasks_are_refused_unless_forced(tmp_path: Path) -> None:
    one = study(tmp_path / "a")
    pool = study(tmp_path / "b", pool={"name": "hats", "fingerprint": "ffff" * 8})
    with pytest.raises(UsageError, match="different pools"):
        alsim.compare_models([one, pool])
    assert "by force" in alsim.compare_models([one, pool], force=True).notes[0]
    fewer = study(tmp_path / "c", ("cgc",), tasks={"colour": {}}, results={"tasks": ("colour",)})
    with pytest.raises(UsageError, match="different tasks"):
        alsim.compare_models([one, fewer])
    assert len(alsim.compare_models([one, fewer], task="colour").models) == 3


def test_what_is_not_measured_is_noted(tmp_path: Path) -> None:
    lost = {"model": "mmoe", "chosen_by": "random", "fraction": 1.0, "seed": 1}
    folder = study(tmp_path / "a", diverged=[lost], results={"diverged": [("mmoe", 1)]})
    found = alsim.compare_models(folder)
    assert found.notes == ("mmoe, seed 1, fraction 1 diverged and is not measured",)
    assert found.verdicts[0].seeds == (0, 2)
    with pytest.raises(StoreError, match="no such run"):
        alsim.compare_models(tmp_path / "none")


def test_an_undecided_difference_names_a_new_study_and_no_seeds_to_add(tmp_path: Path) -> None:
    gains = {"mmoe": [0, 0, 0], "omoe": [-0.02, 0.03, 0.01], "linear": [0.02, -0.03, 0.02]}

    def accuracy(model: str, seed: int, fraction: float, *_: str) -> float:
        return 0.5 + gains[model][seed]

    found = alsim.compare_models(
        study(tmp_path / "s", tuple(gains), results={"accuracy": accuracy})
    )
    for verdict in found.verdicts:
        assert verdict.outcome == "cannot tell"
        needs = f"would need a new study of about {verdict.seeds_needed} seeds"
        assert verdict_sentence(verdict).endswith(f"; a difference of this size {needs}")
    first = found.verdicts[0]
    needs = f"{first.first} would need a new study of about {first.seeds_needed} seeds"
    assert headline(found).endswith(f": {needs}")
