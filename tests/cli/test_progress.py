"""The progress that a run shows, in lines and live."""

import pytest
from rich.console import Console
from rich.live import Live

from alsim.cli.screens.progress import LiveWatch, PlainWatch, duration
from alsim.cli.screens.remaining import Remaining
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


class Screen:
    """A terminal of a width, with a watch on it."""

    def __init__(self, width: int) -> None:
        self.console = Console(force_terminal=True, width=width, record=True)
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self.watch = LiveWatch(self.console, self.live)

    def text(self) -> str:
        self.console.print(self.live.get_renderable())
        return self.console.export_text()


@pytest.mark.parametrize("width", [50, 60, 80, 120])
def test_a_terminal_shows_epochs_then_steps_in_one_bar_whole_at_any_width(width: int) -> None:
    screen = Screen(width)
    watch = screen.watch
    watch.planned("steps", 4, 5)
    watch.begin(2, 500, worth=2.0, most=20)
    watch.progress("epochs", "0", 7)
    watch.progress("epochs", "1", 30)
    text = screen.text()
    assert "37 of at most 1,000 epochs, then 20 steps" in text
    assert "passive phase, seed 0 and 1 more" in text
    watch.trained("1")
    assert "37 of at most 530 epochs, then 20 steps" in screen.text()
    watch.trained("0")
    for number in range(6):
        watch.step(step(number, "class-balanced(score=entropy)"))
    text = screen.text()
    assert "5 of 20 steps" in text
    assert "epochs" not in text
    assert "20 labels" in text
    assert "accuracy 0.5000" in text
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())


def test_steps_whose_number_is_not_planned_have_a_bound() -> None:
    screen = Screen(80)
    screen.watch.planned("steps", 2, None)
    screen.watch.begin(1, 500, worth=2.0, most=40)
    screen.watch.progress("epochs", "0, 1", 3)
    assert "3 of at most 500 epochs, then at most 40 steps" in screen.text()
    screen.watch.trained("0, 1")
    screen.watch.step(step(0))
    screen.watch.step(step(1))
    assert "1 of at most 40 steps" in screen.text()


def test_a_terminal_shows_copies_and_nets() -> None:
    screen = Screen(80)
    watch = screen.watch
    see_copies(watch)
    text = screen.text()
    assert "margin  20 copies  seed 1: 10" in text
    assert "20 of 40 copies" in text
    watch.planned("nets", 4)
    watch.begin(4, 100)
    watch.progress("epochs", "mmoe, seed 0", 3)
    watch.progress("epochs", "mmoe, seed 1", 9)
    text = screen.text()
    assert "12 of at most 400 epochs, then 4 nets" in text
    assert "training, mmoe, seed 0 and 1 more" in text
    watch.progress("nets", "mmoe, seed 0", 1)
    watch.trained("mmoe, seed 0")
    text = screen.text()
    assert "12 of at most 303 epochs, 1 of 4 nets" in text
    assert "training, mmoe, seed 1" in text


class Clock:
    """Seconds that go on only when asked to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_follows_the_pace_of_epochs_then_that_of_steps() -> None:
    clock = Clock()
    left = Remaining(10, clock)
    left.begin(2, 100, worth=4.0)
    assert left.seconds_left() is None
    for seconds in (1, 2, 3):  # two workers, an epoch a second each
        clock.now = seconds
        left.epoch("0", seconds)
        left.epoch("1", seconds)
    # Six epochs in three seconds, the first of them after one: five in two.
    assert left.epochs_left == 194
    assert left.seconds_left() == pytest.approx((194 + 4 * 10) * 2 / 5)
    assert left.share() == pytest.approx(6 / (200 + 40))
    left.trained("0")
    assert left.epochs_left == 97  # the other's
    left.trained("1")
    assert left.seconds_left() == pytest.approx(4 * 10 * 2 / 5)
    clock.now = 13
    left.units(5)  # in ten seconds
    assert left.seconds_left() == pytest.approx(10)
    left.units(10)
    assert left.seconds_left() == 0
    assert left.share() == 1


def test_what_an_earlier_session_did_is_not_part_of_the_pace() -> None:
    clock = Clock()
    left = Remaining(100, clock)
    left.units(90)
    left.begin(0, 0, worth=4.0)
    assert left.seconds_left() is None
    assert left.share() == pytest.approx(0.9)
    clock.now = 6
    left.units(93)
    assert left.seconds_left() == pytest.approx(14)


def test_a_net_that_is_trained_twice_counts_twice() -> None:
    left = Remaining(1, Clock())
    left.begin(1, 200)
    for n in (1, 2, 3, 1, 2):
        left.epoch("0", n)
    assert left.epochs == 5
    left.trained("0")
    assert (left.epochs, left.epochs_left) == (5, 0)


def test_longer_trainings_count_by_what_their_epochs_are_worth() -> None:
    clock = Clock()
    left = Remaining(10, clock)
    left.begin(1, 100, worth=2.0, longer={"all": 8.0})
    assert left.epochs_left == 200
    for n in (1, 2, 3):  # a second each
        clock.now = n
        left.epoch("0", n)
    assert left.seconds_left() == pytest.approx(97 + 8 * 100 + 2 * 10)
    assert left.share() == pytest.approx(3 / (100 + 800 + 20))
    left.trained("0")
    for n in (1, 2):
        clock.now = 3 + 8 * n
        left.epoch("all", n)
    assert (left.epochs, left.epochs_left) == (5, 98)
    assert left.seconds_left() == pytest.approx(98 * 8 + 2 * 10)
    left.trained("all")
    assert (left.epochs, left.epochs_left) == (5, 0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.6, "0:01:00"), (3661, "1:01:01"), (360000, "100:00:00")],
)
def test_a_time_is_written_in_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text
