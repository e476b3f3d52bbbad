"""What Python shows of a run, a study or a comparison: short, and safe in a notebook."""

from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from made_trainings import make_results, write_made_training
from tiny_runs import SMALL, write_tiny_run

import alsim
from alsim.analysis.correlation import Correlation
from alsim.store.correlation import CorrelationStudy

EVIL = "<script>alert(1)</script>\u202e"


class Cells(HTMLParser):
    """Collects the texts and the tags of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self.tags.add(tag)


def check(shown: object, *expected: str) -> None:
    """Check what is shown of an object: one line, and a table of text alone."""
    html = Cells(shown._repr_html_())  # pyright: ignore[reportAttributeAccessIssue]
    assert html.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    for text in expected:
        assert text in html.texts
    assert "\u202e" not in "".join(html.texts)
    assert html.texts[0] == repr(shown)
    assert len(repr(shown)) < 300
    assert "\n" not in repr(shown)


def test_a_run_and_its_comparison(tmp_path: Path) -> None:
    configuration = {"strategies": ["random", "margin"], "seeds": [0, 1]}
    folder = write_tiny_run(tmp_path / "posts", configuration=configuration)
    run = alsim.read_run(folder)
    assert repr(run) == f"Run({str(folder)!r}: complete; random, margin; 2 seeds)"
    check(run, "margin", "random", "area under the curve")
    assert run.steps.to_pandas()["strategy"].tolist() == run.steps["strategy"].to_pylist()
    found = alsim.compare(run)
    assert repr(found).startswith("Comparison(accuracy from ")
    check(found, "margin", "against random", "labels saved", "0.5800", "+65 [-68, 145]")
    alone = write_tiny_run(tmp_path / "alone", {"random": SMALL["random"]})
    check(alsim.compare(alone), "0.4500 [0, 1]")
    evil = write_tiny_run(tmp_path / "evil", {EVIL: SMALL["margin"], "random": SMALL["random"]})
    for shown in (alsim.read_run(evil), alsim.compare(evil)):
        check(shown, "<script>alert(1)</script>\\u202e")


def test_a_training_study_and_its_comparison(tmp_path: Path) -> None:
    models = {name: {"evaluations": []} for name in ("mmoe", EVIL)}
    configuration = {"models": models, "seeds": [0, 1, 2]}
    results = make_results(("mmoe", EVIL), fractions=(1.0,))
    study = alsim.read_training(
        write_made_training(tmp_path / "s", results, configuration=configuration)
    )
    assert repr(study).startswith(f"TrainingStudy({str(study.folder)!r}: complete; mmoe, ")
    assert repr(study).endswith("; 3 seeds)")
    check(study, "mmoe", "<script>alert(1)</script>\\u202e", "verdict")
    check(alsim.compare_models(study), "mmoe", "difference")


def test_a_correlation_study(tmp_path: Path) -> None:
    scores = (
        Correlation(EVIL, {0: 0.5, 1: 0.3}, 0.4, (0.1, 0.6), (0.2, 0.5), 0.01, 0.002),
        Correlation("random", {0: None, 1: None}),
    )
    study = CorrelationStudy(tmp_path, {"status": "complete"}, pa.table({}), scores)
    check(study, "+0.400", "+0.10 … +0.60", "0.01", "0.002", "<script>alert(1)</script>\\u202e")


@pytest.mark.parametrize("package", ["alsim", "alsim.models", "alsim.plots", "alsim.strategies"])
def test_dir_of_a_package_shows_its_public_names(package: str) -> None:
    module = __import__(package, fromlist=["*"])
    assert dir(module) == sorted(module.__all__)
