"""The files a run depends on must be unchanged; otherwise the error names the changed one."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pools import make_table, write
from survival import tables_of

import alsim
from alsim.errors import AlsimError, StoreError, UsageError
from alsim.experiments.curves.records import StepRecord
from alsim.loading import file_of, importing, load_object
from alsim.store.curves import Run
from alsim.studies.dependencies import depending, files_used, of_recipe
from alsim.studies.watch import Watch

# It records each import in a file next to it.
STRATEGY = """
from pathlib import Path

from torch import Tensor

from alsim.signals import Signals
from alsim.strategies import Strategy

with (Path(__file__).parent / "imported").open("a") as file:
    file.write("x")


def least() -> Strategy:
    def score(signals: Signals) -> Tensor:
        return -signals.probabilities[:, 0]

    return Strategy(frozenset({"probabilities"}), score)
"""
MODEL = """
import torch
from torch import nn

from alsim.models import MIXED, Inputs, ModelOptions, Outputs, Shape


class Net(nn.Module):
    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        self.layer = nn.Linear(sum(shape.widths.values()), 8)
        ((self.task, n),) = shape.n_classes.items()
        self.head = nn.Linear(8, n)

    def forward(self, inputs: Inputs) -> Outputs:
        hidden = torch.relu(self.layer(torch.cat([*inputs.modalities.values()], -1)))
        return Outputs({self.task: {MIXED: self.head(hidden)}}, hidden)
"""
SIZES: dict[str, Any] = {
    "seeds": 2, "initial_size": 20, "query_size": 5, "steps": 2, "max_epochs": 2,
    "model": "auto(width=8)",
    "workers": 0,
}  # fmt: skip


class Acting(Watch):
    """Calls a function at the first record, and records all notes."""

    def __init__(self, do: Callable[[], object]) -> None:
        self._do: Callable[[], object] | None = do
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, record: StepRecord) -> None:
        del record
        do, self._do = self._do, None
        if do is not None:
            do()


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    write(make_table(300), place / "pool.parquet")
    (place / "code").mkdir()
    (place / "code" / "mine.py").write_text(STRATEGY)
    (place / "code" / "net.py").write_text(MODEL)
    return place


def go(place: Path, plugin: Path, out: Path, watch: Watch | None = None, **changed: Any) -> Run:
    net = f"{place / 'code' / 'net.py'}:Net"
    given = {**SIZES, "strategy": f"{plugin}:least", "model": net, **changed}
    return alsim.run(place / "pool.parquet", **given, out=out, watch=watch)


@pytest.fixture(scope="module")
def whole(place: Path) -> Run:
    return go(place, place / "code" / "mine.py", place / "whole")


@pytest.fixture(scope="module")
def begun(place: Path) -> Path:
    """Return the folder of an interrupted run that contains its strategy."""
    with pytest.raises(KeyboardInterrupt):
        go(place, place / "code" / "mine.py", place / "begun", Acting(interrupt))
    return place / "begun"


@pytest.fixture
def mine(place: Path, tmp_path: Path) -> Path:
    """Return the plug-in of a copy, before anything was imported from it."""
    path = tmp_path / "code" / "mine.py"
    path.parent.mkdir()
    path.write_text(STRATEGY)
    return path


@pytest.fixture
def left(begun: Path, mine: Path, tmp_path: Path) -> Path:
    """Return a copy of the interrupted run that names the copy of the plug-in."""
    left = Path(shutil.copytree(begun, tmp_path / "left"))
    rename_plugin(left, begun.parent / "code" / "mine.py", mine)
    return left


def rename_plugin(folder: Path, old: Path, new: Path) -> None:
    """Make a run depend on a plug-in in another place, and drop its journals."""
    shutil.rmtree(folder / "journal")
    shutil.rmtree(folder / "checkpoints")
    text = (folder / "run.json").read_text().replace(str(old), str(new))
    (folder / "run.json").write_text(text)


def is_imported(plugin: Path) -> bool:
    return (plugin.parent / "imported").exists()


def test_the_manifest_holds_the_digest_of_each_file_that_a_run_depends_on(
    place: Path, tmp_path: Path
) -> None:
    ids = tmp_path / "ids.txt"
    table = make_table(300)
    train = [row["id"] for row in table.to_pylist() if row["split"] == "train"]
    ids.write_text("\n".join(map(str, train[:40])))
    names = sorted(set(map(str, table.column("label").to_pylist())))
    groups = tmp_path / "groups.json"
    groups.write_text(json.dumps({"all": names}))
    plugin, net = place / "code" / "mine.py", place / "code" / "net.py"
    watch = Acting(interrupt)
    with pytest.raises(KeyboardInterrupt):
        go(
            place, plugin, tmp_path / "run", watch, initial_ids=ids, initial_size=None,
            oracle="hierarchical", groups=groups,
        )  # fmt: skip
    files = json.loads((tmp_path / "run" / "run.json").read_text())["files"]
    assert files == {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in {
            f"{plugin}:least": plugin, f"{net}:Net": net, str(ids): ids, str(groups): groups,
        }.items()
    }  # fmt: skip


def test_a_plug_in_that_was_edited_is_refused_by_name_before_it_is_imported(
    left: Path, mine: Path, place: Path
) -> None:
    mine.write_text(STRATEGY + "# another thought\n")
    for resume in (lambda: alsim.resume(left), lambda: go(place, mine, left)):
        with pytest.raises(StoreError, match="plug-ins are not what they were") as refused:
            resume()
        assert f"--strategy: {mine}" in str(refused.value)
        assert "--force" in refused.value.args[2]
    assert not is_imported(mine)


def test_resuming_reports_which_plug_in_it_runs(left: Path, mine: Path) -> None:
    watch = Acting(interrupt)
    with pytest.raises(KeyboardInterrupt):
        alsim.resume(left, watch=watch)
    assert any(f"--strategy {mine}:least: runs the code in {mine}" in n for n in watch.notes)


def test_a_missing_plug_in_is_reported_with_a_remedy(left: Path, mine: Path) -> None:
    mine.unlink()
    with pytest.raises(StoreError, match="the file that --strategy named is gone"):
        alsim.resume(left)


@pytest.mark.parametrize("way", ["within", "by a link within", "by a link to it"])
def test_code_inside_the_folder_of_a_run_is_not_executed_unless_trusted(
    way: str, left: Path, mine: Path, tmp_path: Path
) -> None:
    own = (tmp_path if way == "by a link to it" else left) / "own.py"
    if way == "within":
        shutil.copy(mine, own)
    elif way == "by a link within":
        own.symlink_to(mine)
    else:
        own.symlink_to(shutil.copy(mine, left / "real.py"))
    rename = (left / "run.json").read_text().replace(str(mine), str(own))
    (left / "run.json").write_text(rename)
    with pytest.raises(StoreError, match="brings code of its own") as refused:
        alsim.resume(left)
    assert refused.value.args[2].endswith(f"alsim resume {left} --trust")
    assert not any(path.exists() for path in (left / "imported", mine.parent / "imported"))
    if way == "within":
        with pytest.raises(KeyboardInterrupt):
            alsim.resume(left, trust=True, watch=Acting(interrupt))


@pytest.mark.long
def test_editing_a_plug_in_while_it_runs_does_not_change_the_strategy_of_the_run(
    whole: Run, place: Path
) -> None:
    code = place / "code"

    def edit() -> None:
        (code / "mine.py").write_text(STRATEGY.replace("-signals", "signals"))
        (code / "net.py").write_text(MODEL.replace("relu", "tanh"))

    try:
        done = go(place, code / "mine.py", place / "edited", Acting(edit))
    finally:
        (code / "mine.py").write_text(STRATEGY)
        (code / "net.py").write_text(MODEL)
    assert tables_of(done.folder) == tables_of(whole.folder)


def test_the_content_read_first_is_imported_even_if_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("value = 2")
    with importing({str(path.resolve()): b"value = 1"}):
        assert load_object(f"{path}:value", "--strategy") == 1
    assert load_object(f"{path}:value", "--strategy") == 2


def install(site: Path) -> Path:
    """Install a package that records when it is imported; return the path of its module."""
    (site / "third" / "inner").mkdir(parents=True)
    for path in (site / "third", site / "third" / "inner"):
        (path / "__init__.py").write_text("import builtins; builtins.third_was_imported = True\n")
    module = site / "third" / "inner" / "deep.py"
    module.write_text("value = 1\n")
    info = site / "third-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[alsim.strategies]\nthird = third.inner.deep:value\nlost = third.gone:value\n"
    )
    return module


def test_the_file_of_an_installed_plug_in_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    module = install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert file_of("third", "alsim.strategies") == module
    assert file_of("lost", "alsim.strategies") is None
    assert file_of("margin", "alsim.strategies") is None
    used = list(files_used({"strategy": ["margin", "third(k=2)", "third"], "seeds": object()}))
    assert [(file.name, file.path) for file in used] == [("third", module)]
    assert not hasattr(builtins, "third_was_imported")
    (point,) = (p for p in _points() if p.name == "third")
    with (
        importing({str(module): b"value = 2\n"}),
        pytest.raises(UsageError, match=r"third.inner.deep:value has changed: .*deep.py"),
    ):
        load_object(point, "--strategy")
    del builtins.third_was_imported  # type: ignore[attr-defined]
    for name in ("third", "third.inner", "third.inner.deep"):
        sys.modules.pop(name)


def _points() -> Any:
    from importlib.metadata import entry_points

    return entry_points(group="alsim.strategies")


def test_arguments_of_any_type_are_searched_for_files_without_error() -> None:
    for value in (None, 3, object(), [None, 3], {"a": 1}, "a\0b.py:x", b"x.py:y"):
        for name in ("strategy", "metric", "model", "groups", "confusion"):
            assert all(isinstance(file.path, Path) for file in files_used({name: value}))
    with pytest.raises(AlsimError):
        alsim.run(strategy="a\0b.py:x")


def test_the_studies_of_a_recipe_depend_on_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("title = 1")
    with of_recipe(path), depending({}) as files:
        assert files == {str(path): hashlib.sha256(b"title = 1").hexdigest()}
    with of_recipe(None), depending({}) as files:
        assert files == {}
