"""Recipes of learning curves: figures of the source."""

from collections.abc import Sequence
from typing import Any

from alsim.analysis.curves.curves import metric_columns
from alsim.analysis.statistics.paired import ALPHA, NO_GAIN
from alsim.errors import nearest
from alsim.options.curves import CurvesOptions
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.options.types import shown
from alsim.plots import Drawing, draw_curves
from alsim.recipes.curves.claims import Claim, Verdict, judge_claim
from alsim.recipes.recipe import (
    Picture,
    Settings,
    Studies,
    StudyKind,
    Tell,
    of_each_study,
    scaled_size,
)
from alsim.store.curves import Run
from alsim.store.tables import STEPS, schema_of
from alsim.studies.curves.run import run
from alsim.studies.start.check import study_of


def _read(settings: Settings, faults: Faults) -> object:
    options = read(CurvesOptions, settings, faults)
    return study_of(options, options.strategy, "--strategy", faults)


def _check_claim(claim: Settings, studies: Studies, where: str, tell: Tell) -> None:
    strategies = next(iter(studies.values()))["strategy"]
    for key in ("strategy", "than"):
        if key in claim and claim[key] not in strategies:
            tell(
                f"{key} in {where} is {shown(claim[key])}, which the study does not run",
                nearest(claim[key], strategies),
            )
    if ("than" in claim) == (claim["kind"] == "dips"):
        if claim["kind"] == "dips":
            tell(f"'than' has no meaning in {where}", "leave it out")
        else:
            tell(f"'than' is missing in {where}", "add it")
    if "part" in claim and claim["kind"] not in ("above", "not-above"):
        tell(f"'part' has no meaning in {where}", "leave it out")


def _check_picture(picture: Settings, tell: Tell) -> None:
    metrics = metric_columns(schema_of(STEPS).empty_table())
    metric = picture.get("metric", Picture().metric)
    if metric not in metrics:
        tell(f"no metric {shown(metric)}, in [figure]", nearest(metric, metrics))


def _scaled(settings: Settings, scale: float) -> dict[str, Any]:
    """Return settings with the initial labels, the query and the candidates multiplied.

    The number of steps stays.
    """
    sizes = {
        "initial_size": scaled_size(settings["initial_size"], scale, 2),
        "query_size": _scaled_query(settings["query_size"], scale),
    }
    if "candidates" in settings:
        sizes["candidates"] = scaled_size(settings["candidates"], scale)
    return {**settings, **sizes}


def _scaled_query(size: int | str, scale: float) -> int | str:
    """Return `20` or `20:200` with each number multiplied."""
    if isinstance(size, int):
        return scaled_size(size, scale)
    return ":".join(str(scaled_size(int(part), scale)) for part in size.split(":"))


def _sizes(settings: Settings) -> str:
    return (
        f"{settings['initial_size']:,} initial labels, {settings['query_size']} a query, "
        "steps as before"
    )


def _judge(claim: Claim, done: Run, settings: Settings, study: str) -> Verdict:
    batch_size = settings.get("batch_size", CurvesOptions.batch_size)
    return judge_claim(claim, done.steps, batch_size, study)


def _method(verdicts: Sequence[Verdict]) -> str:
    n = len(verdicts)
    text = f"each is tested alone, by a two-sided t-test over paired seeds at {100 * ALPHA:.0f} %"
    if n > 1:
        text += f", not corrected for there being {n}"
    if any(verdict.claim.kind == "not-above" for verdict in verdicts):
        text += f"; no gain means less than {NO_GAIN}"
    return text


def _draw(done: Run, picture: Picture, title: str) -> Drawing:
    return draw_curves([done], picture.metric, picture.band, title)


CURVES = StudyKind(
    table="study",
    make=run,
    options=CurvesOptions,
    read=_read,
    names="strategy",
    needs=("strategy", "initial_size", "query_size"),
    # What the command decides, and what --scale would have to know of.
    not_here=("pool", "seeds", "out", "watch", "force", "initial_ids", "until"),
    claim=Claim,
    check_claim=_check_claim,
    picture=Picture,
    check_picture=_check_picture,
    scaled=_scaled,
    takes_candidates=True,
    sizes=_sizes,
    judge=of_each_study(_judge),
    method=_method,
    draw=_draw,
)
