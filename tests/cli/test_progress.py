"""The progress that a run shows, in lines and live."""

import pytest
from rich.console import Console
from rich.live import Live

from alsim.cli.screens.progress import LiveWatch, PlainWatch
from alsim.experiments.curves.records import StepRecord
from alsim.studies.watch import Watch


def step(number: int, strategy: str = "margin") -> StepRecord:
    return StepRecord(strategy, 0, number, 20, 20.0, 20, 16, 0.5, 0.5, 0.5, 1.0, 0.1)


def see_curves(watch: Watch) -> None:
    watch.planned("steps", 2, 5)
    watch.progress("epochs", "0, as for margin", 7)
    for number in range(6):
        watch.step(step(number))


def see_copies(watch: Watch) -> None:
    watch.planned("copies", 40)
    for seed, n in ((0, 5), (0, 10), (1, 10)):
        watch.progress("copies", "margin", n, seed)


def see_nets(watch: Watch) -> None:
    watch.planned("nets", 4)
    watch.progress("epochs", "mmoe, seed 0", 3)
    watch.progress("epochs", "mmoe, seed 1", 9)
    watch.progress("nets", "mmoe, seed 0", 1)


def test_a_pipe_gets_a_line_for_every_tenth_of_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    watch = PlainWatch()
    for see in (see_curves, see_copies, see_nets):  # one study after another, as in a recipe
        see(watch)
    assert capsys.readouterr().err.splitlines() == [
        "2 learning curves of 5 steps",
        *(f" {n}0 %  {n} of 10 steps" for n in range(1, 6)),
        "40 copies",
        " 10 %  5 of 40 copies; now margin, seed 0",
        " 20 %  10 of 40 copies; now margin, seed 0",
        " 50 %  20 of 40 copies; now margin, seed 1",
        "4 nets to train",
        " 20 %  1 of 4 nets; the last is mmoe, seed 0",
    ]


def test_curves_with_an_unknown_number_of_steps_are_only_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = PlainWatch()
    watch.planned("steps", 2, None)
    watch.step(step(1))
    assert capsys.readouterr().err == "2 learning curves\n"


def test_a_terminal_shows_epochs_curves_copies_and_nets() -> None:
    shown = Console(force_terminal=True, width=200, record=True)

    def seen() -> str:
        shown.print(live.get_renderable())
        return shown.export_text()

    with Live(console=shown, auto_refresh=False, transient=True) as live:
        watch = LiveWatch(shown, live)
        watch.planned("steps", 2, 5)
        watch.progress("epochs", "0, as for margin", 7)
        text = seen()
        assert "passive phase — seed 0, as for margin: epoch 7" in text
        assert "0/10 steps" in text
        for number in range(6):
            watch.step(step(number))
        text = seen()
        assert "margin  20 labels  accuracy 0.5000" in text
        assert "5/10 steps" in text

        see_copies(watch)
        text = seen()
        assert "margin  20 copies  seed 1: 10" in text
        assert "20/40 copies" in text

        see_nets(watch)
        text = seen()
        assert "mmoe, seed 1  epoch 9" in text
        assert "mmoe, seed 0" not in text
        assert "1/4 nets" in text
