"""Any bytes of a recipe file give a recipe or one UsageError."""

import math
import tomllib
from contextlib import suppress
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alsim.errors import UsageError
from alsim.experiments.schedule import plan_schedule
from alsim.models import Shape, size_of
from alsim.options.curves import ScheduleOptions
from alsim.options.faults import Faults
from alsim.options.option import part
from alsim.options.option import read as options_of_study
from alsim.options.synthetic import MmoeOptions
from alsim.options.training_study import TrainOptions
from alsim.recipes.file import HERE, recipe_names
from alsim.recipes.reading import read_recipe
from alsim.recipes.recipe import Recipe
from alsim.studies.declared import arguments_of

RECIPE: dict[str, Any] = {
    "title": "a title",
    "finding": "a finding",
    "source": "VK 2020, Fig. 7",
    "pool": {"default": "vk", "n_rows": 600, "picture_width": 8, "text_width": 4, "noise": 1.0},
    "study": {
        "strategy": ["random", "bald(k=3)"],
        "initial_size": 100,
        "query_size": "10:20",
        "steps": 4,
        "oracle": "noisy",
        "noise": [0.1],
        "retrain": False,
        "parameters": {"dropout": 0.25},
    },
    "variant": {"a": {"model": "auto(width=8)"}, "b": {"learning_rate": 0.1}},
    "figure": {"metric": "macro_f1", "band": "none"},
    "claim": [
        {"says": "more", "kind": "above", "strategy": "bald(k=3)", "than": "random", "part": "end"},
        {"says": "it dips", "kind": "dips", "strategy": "random"},
    ],
}

OF_TRAINING: dict[str, Any] = {
    "title": "a title",
    "finding": "a finding",
    "source": "Ma et al. 2018, Fig. 4",
    "seeds": 3,
    "pool": {"default": "mmoe", "each_seed": True, "n_rows": 240, "width": 4, "scale": 0.3},
    "training": {
        "model": ["mmoe", "multi-cluster(density=0.1)"],
        "fractions": "0.5,1",
        "evaluation": "task-k,all,top-2",
        "parameters": {"expert-width": 16, "dropout": 0.0},
    },
    "variant": {"a": {"pool": {"correlation": 0.9}}, "b": {"parameters": {"experts": 2}}},
    "figure": {"kind": "losses", "metric": "mse"},
    "published": {"says": "theirs", "metric": "mse", "values": {"mmoe": {"y1": [0.1, 0.2]}}},
    "claim": [
        {"says": "less", "kind": "better", "model": "mmoe", "metric": "mse", "relative": True,
         "than": "multi-cluster(density=0.1)", "than_evaluation": "all", "fraction": 0.5},
        {"says": "more", "kind": "gains-more", "model": "mmoe", "study": "a", "than_study": "b",
         "than": "multi-cluster(density=0.1)", "task": "y1"},
    ],
    "full": {"about": "more", "seeds": "9", "pool": {"n_rows": 480},
             "training": {"max_epochs": 4}, "variant": {"b": {"parameters": {"experts": 3}}}},
}  # fmt: skip


def in_toml(value: object) -> str:
    """Return a value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value) + '"'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_toml(k)} = {in_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, date | time):
        return value.isoformat()
    return repr(value)


def document(data: dict[str, Any]) -> str:
    return "".join(f"{in_toml(key)} = {in_toml(value)}\n" for key, value in data.items())


def read(path: Path, content: bytes) -> Recipe | None:
    """Return the recipe in the bytes, or None if they are refused."""
    path.write_bytes(content)
    with suppress(UsageError):
        return read_recipe(str(path))
    return None


TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
SCALARS = st.one_of(
    st.booleans(), st.integers(), st.integers(-2, 3), st.floats(), TEXTS,
    st.sampled_from([10**30, -(2**63), math.nan, math.inf, 1e308, "1:2", "random", "vk", "\0"]),
    st.sampled_from([date(1979, 5, 27), datetime(1979, 5, 27, 7, 32), time(7, 32)]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [path] * bool(path) + [p for key, v in items for p in places(v, (*path, key))]


def changed(value: Any, path: tuple[Any, ...], new: Any, key: Any) -> Any:
    """Return a document with a changed value or key at a path."""
    first, *rest = path
    if isinstance(value, list):
        return [changed(v, (*rest,), new, key) if rest and i == first else
                new if i == first else v for i, v in enumerate(value)]  # fmt: skip
    done: dict[Any, Any] = {}
    for name, inner in value.items():
        if name != first:
            done[name] = inner
        elif rest:
            done[name] = changed(inner, (*rest,), new, key)
        else:
            done[name if key is None else key] = inner if key is not None else new
    return done


@pytest.mark.parametrize("content", [RECIPE, OF_TRAINING])
def test_the_recipe_before_any_change_is_sound(content: dict[str, Any], tmp_path: Path) -> None:
    text = document(content)
    assert tomllib.loads(text) == content
    recipe = read(tmp_path / "r.toml", text.encode())
    assert recipe is not None
    assert set(recipe.studies) == {"a", "b"}


def at(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def like(value: Any) -> st.SearchStrategy[Any]:
    """Return numbers similar in size to one, or any text."""
    if isinstance(value, str):
        return TEXTS
    return st.integers(value, 2 * value) if isinstance(value, int) else st.floats(0, value)


def changes_of(content: dict[str, Any]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Return arbitrary changes, or changes that mostly keep a recipe sound."""
    wild = st.tuples(st.sampled_from(places(content)), VALUES, st.none() | TEXTS)
    of_numbers = [path for path in places(content) if type(at(content, path)) in (int, float)]
    tame = st.sampled_from([("title",), ("finding",), *of_numbers]).flatmap(
        lambda path: st.tuples(st.just(path), like(at(content, path)), st.none())
    )
    return st.lists(tame, min_size=1, max_size=3) | st.lists(wild | tame, min_size=1, max_size=3)


def planned(recipe: Recipe) -> bool:
    """Return whether each study of an accepted recipe can be planned for its pool."""
    kind = recipe.kind.study
    for name, settings_of in recipe.studies.items():
        faults, pool = Faults(), recipe.pools[name]
        options = options_of_study(kind.options, arguments_of(kind, settings_of, faults), faults)
        found = kind.check(options, faults)
        assert faults.kept == []
        if isinstance(options, TrainOptions):
            assert isinstance(pool, MmoeOptions)
            shape = Shape({"x": pool.width}, {"y1": 1, "y2": 1})
            models: Any = found
            if not all(size_of(shape, model.options) > 0 for model in models):
                return False
            continue
        try:
            n = pool.n_rows - pool.n_rows // 5
            assert plan_schedule(part(options, ScheduleOptions), n).steps > 0
        except UsageError:
            return False
    return True


def is_planned(
    path: Path, data: Any, changes: list[tuple[tuple[Any, ...], Any, str | None]]
) -> bool:
    """Read a recipe with changed values and keys, and return whether it was planned."""
    for place, new, key in changes:
        with suppress(AttributeError, ValueError, KeyError):  # an earlier change removed the path
            data = changed(data, place, new, key)
    recipe = read(path, document(data).encode())
    return recipe is not None and bool(recipe.claims) and planned(recipe)


@pytest.mark.long
@pytest.mark.parametrize("content", [RECIPE, OF_TRAINING])
def test_a_recipe_with_changed_values_and_keys_is_planned_or_refused(
    content: dict[str, Any], tmp_path: Path
) -> None:
    found: list[bool] = []

    @settings(max_examples=250, deadline=None)
    @given(changes_of(content))
    def look(changes: list[tuple[tuple[Any, ...], Any, str | None]]) -> None:
        found.append(is_planned(tmp_path / "r.toml", content, changes))

    look()
    assert sum(found) > len(found) / 10
    assert not all(found)


SOUND = st.fixed_dictionaries(
    {
        "initial_size": st.integers(2, 200),
        "query_size": st.integers(1, 20) | st.sampled_from(["1:9", "5:20"]),
        "steps": st.integers(1, 9),
    },
    optional={
        "model": st.sampled_from(["mlp", "linear", "auto(blocks=highway)", "mmoe(experts=3)"]),
        "parameters": st.just({"dropout": 0.25}),
        "learning_rate": st.floats(1e-6, 10),
        "optimiser": st.sampled_from(["adam", "sgd"]),
        "batch_size": st.integers(1, 600),
        "candidates": st.integers(1, 600),
        "retrain": st.booleans(),
        "class_weights": st.sampled_from(["none", "balanced"]),
    },
)  # fmt: skip


@pytest.mark.long
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SOUND, st.text(st.characters(codec="utf-8"), max_size=9), st.integers(500, 10_000))
def test_a_sound_recipe_is_accepted_and_planned_at_any_size(
    tmp_path: Path, study: dict[str, Any], title: str, n_rows: int
) -> None:
    if study.get("model") == "linear":
        study.pop("parameters", None)  # it reads none
    content = {
        **{key: value for key, value in RECIPE.items() if key != "variant"},
        "title": title,
        "pool": {**RECIPE["pool"], "n_rows": n_rows},
        "study": {"strategy": RECIPE["study"]["strategy"], **study},
    }
    recipe = read(tmp_path / "r.toml", document(content).encode())
    assert recipe is not None
    assert recipe.title == title
    assert planned(recipe)
    assert planned(recipe.scaled(2))


@pytest.mark.long
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="replace"))
)
def test_random_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "r.toml", content) is None


@pytest.mark.long
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(recipe_names()), st.integers(0, 3000), st.integers(0, 40),
    st.binary(max_size=12) | st.sampled_from([b"\xef\xbb\xbf", b"\r", b"\r\n", b"[[", b'"""']),
)  # fmt: skip
def test_a_shipped_recipe_with_some_bytes_replaced_is_read_or_refused(
    tmp_path: Path, name: str, start: int, length: int, inserted: bytes
) -> None:
    content = (HERE / f"{name}.toml").read_bytes()
    read(tmp_path / "r.toml", content[:start] + inserted + content[start + length :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "title = " + "[" * 5000,
        "title = " + "{a = " * 5000,
        "title" + ".a" * 3000 + " = 1",
        "pool" + ".a" * 3000 + " = 1",
        "study.strategy" + ".a" * 3000 + " = 1",
        "study.steps = " + "9" * 5000,
        "study.steps = 0x" + "f" * 5000,
        "study.learning_rate = 1e" + "9" * 5000,
        "title = 1\ntitle = 2",
        "[study]\n[study]",
        "[[study]]\n[[pool]]\n[[figure]]\n[[variant]]\nclaim = [1]",
        "study = 1\npool = 1\nvariant = 1\nfigure = 1\nclaim = 1",
        "study = []\npool = []\nvariant = []\nfigure = []\nclaim = []",
        "training = 1\npool = 1\nfull = 1\npublished = 1\nvariant = {a = {pool = 1}}",
        "training = {}\npool = {}\nfull = {}\npublished = {}\nvariant = {a = {pool = {}}}",
        document({**OF_TRAINING, "training": {"model": 5}}),
        document({**OF_TRAINING, "full": {"about": "x", "variant": {"b": 3}}}),
        document({**OF_TRAINING, "full": {"about": "x", "variant": {"b": {"pool": 3}}}}),
        document({**OF_TRAINING, "pool": {"default": ["mmoe"]}}),
        document({**OF_TRAINING, "published": {**OF_TRAINING["published"], "values": {"a": 3}}}),
        "study = {}\npool = {}\nvariant = {}\nfigure = {}\nclaim = [{}]",
        document({**RECIPE, "study": {"strategy": 5}}),
        document({**RECIPE, "claim": [{**RECIPE["claim"][0], "strategy": 5}]}),
        document({**RECIPE, "pool": {"default": "mnist", "n_rows": 5}}),
        document({**RECIPE, "study": {**RECIPE["study"], "groups": "\0"}}),
    ],
)
def test_an_odd_document_is_one_error(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recipe(str(path))
    assert len(str(caught.value)) < 10_000
