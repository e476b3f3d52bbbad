import inspect
import subprocess
import sys
from typing import get_args

import pytest
from pictures import MemoryRun, make_steps, rising

from alsim.analysis.statistics.bands import BANDS
from alsim.errors import UsageError
from alsim.options.option import options_of
from alsim.plots import KINDS, Kind, draw
from alsim.plots.drawing.figures import Drawing
from alsim.plots.kinds import DEFAULTS
from alsim.plots.options import PlotOptions

OPTIONS = options_of(PlotOptions).keys() - {"kind", "out"}
RUN = MemoryRun(steps=make_steps({"margin": rising(), "random": rising()}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_each_kind_has_a_function_that_takes_runs_and_known_options(kind: Kind) -> None:
    first, *options = inspect.signature(kind.draw()).parameters.values()
    assert first.default is inspect.Parameter.empty
    assert {option.name for option in options} <= OPTIONS
    assert all(option.default is not inspect.Parameter.empty for option in options)
    assert "title" in {option.name for option in options}


def test_options_affect_the_picture() -> None:
    drawing = draw("curve", [RUN], metric="nll", title="a title")
    assert isinstance(drawing, Drawing)
    (axes,) = drawing.figure.axes
    assert axes.get_title(loc="left") == "a title"
    assert axes.get_ylabel().startswith("negative log-likelihood")


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("sigma", {"metric": "nll"}, "--metric has no meaning here"),
        ("curve", {"baseline": "margin", "relative": True}, "--baseline, --relative has no mean"),
        ("wins", {"band": "t"}, "--band has no meaning here"),
    ],
)
def test_an_option_unknown_to_a_kind_is_refused(
    kind: str, options: dict[str, object], what: str
) -> None:
    with pytest.raises(UsageError, match=what):
        draw(kind, [RUN], **options)


def test_the_command_offers_all_kinds_and_bands() -> None:
    options = options_of(PlotOptions)
    assert get_args(get_args(options["kind"].hint)[0]) == tuple(KINDS)
    assert all(KINDS[kind].of == of for of, kind in DEFAULTS.items())
    assert get_args(get_args(options["band"].hint)[0]) == BANDS


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "slow"),
    [
        ("import alsim.plots", {"torch", "numpy", "pyarrow", "matplotlib", "scipy"}),
        ("from alsim.plots import KINDS; KINDS['curve'].draw()", {"torch", "scipy.stats"}),
    ],
)
def test_nothing_slow_is_imported_before_it_is_needed(code: str, slow: set[str]) -> None:
    code += f"; import sys; sys.exit(', '.join({slow} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
