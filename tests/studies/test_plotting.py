"""`alsim.plot` in Python."""

from pathlib import Path

import pytest
from made_trainings import write_made_training
from matplotlib.figure import Figure
from tiny_runs import ahead, write_tiny_run

import alsim
from alsim.errors import StoreError, UsageError

CURVES = ahead({"random": [0, 0, 0], "margin": [20, 25, 30]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_run(tmp_path_factory.mktemp("runs") / "posts", CURVES)


def test_a_figure_is_returned_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.iterdir())
    figure = alsim.plot(folder)
    assert isinstance(figure, Figure)
    assert figure.get_suptitle().startswith("margin is better than random: it needs 25 fewer")
    assert sorted(folder.iterdir()) == before


def test_a_run_is_an_object_or_a_path_and_several_go_into_one_picture(folder: Path) -> None:
    other = write_tiny_run(folder.with_name("more"), ahead({"bald": [50, 60, 70]}))
    for run in (alsim.read_run(folder), folder, str(folder), [folder]):
        assert len(alsim.plot(run, kind="curve").axes[0].get_lines()) >= 2
    figure = alsim.plot([alsim.read_run(folder), other])
    assert figure.get_suptitle().startswith("bald is better than random: it needs 60 fewer")


def test_options_are_those_of_the_command(folder: Path, tmp_path: Path) -> None:
    figure = alsim.plot(
        folder,
        kind="curve",
        strategies=["margin"],
        rename={"margin": "ours"},
        width=3.4,
        x_range=(200, None),
        out=tmp_path / "a.svg",
    )
    assert figure.get_figwidth() == 3.4
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "ours" in text
    assert "random" not in text
    typed = alsim.plot(
        folder, kind="curve", rename="margin=ours", x_range="200:", strategies="margin"
    )
    (mine, theirs) = ([line.get_label() for line in f.axes[0].lines] for f in (figure, typed))
    assert mine == theirs


def test_the_kind_follows_from_the_folder_and_from_the_tasks(folder: Path, tmp_path: Path) -> None:
    study = write_made_training(tmp_path / "study")
    assert alsim.plot(study, metric="accuracy").axes
    with pytest.raises(UsageError, match="no task has a metric 'accuracy'"):
        alsim.plot(folder, task="all")  # the picture of curves, not the decision
    with pytest.raises(StoreError, match="holds learning curves"):
        alsim.plot(folder, kind="losses")


def test_warnings_are_pythons(folder: Path) -> None:
    alone = write_tiny_run(folder.with_name("alone"), ahead({"margin": [20, 25, 30]}))
    with pytest.warns(UserWarning, match="nothing to compare with"):
        alsim.plot(alone)


def test_what_cannot_be_used_is_refused_all_at_once(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)width.*dpi"):
        alsim.plot(folder, width=0.1, dpi=1)
    with pytest.raises(UsageError, match="unknown picture format"):
        alsim.plot(folder, out=tmp_path / "a.gif")
    with pytest.raises(UsageError, match="no run to draw"):
        alsim.plot([])
