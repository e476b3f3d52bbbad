"""Recipes of learning curves: figures of the source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alsim.analysis.curves.curves import metric_columns
from alsim.analysis.statistics.paired import NO_GAIN
from alsim.errors import nearest
from alsim.options.curves import CurvesOptions
from alsim.options.texts import parse_names
from alsim.options.types import shown
from alsim.plots import draw_curves
from alsim.recipes.curves.claims import Claim, judge_claim
from alsim.recipes.file import Fault, look_up
from alsim.recipes.recipe import RecipeKind, Studies, scaled_size
from alsim.recipes.verdict import Verdict, method_of_tests
from alsim.store.curves import Run
from alsim.store.tables import STEPS, schema_of
from alsim.studies.declared import Settings
from alsim.studies.kinds import KINDS


@dataclass(frozen=True, slots=True)
class Picture:
    """What the figure of learning curves shows against the labels."""

    metric: str = "accuracy"
    band: Literal["t", "none"] = "t"


def _check_claim(claim: Claim, studies: Studies, where: str, fault: Fault) -> None:
    strategies = parse_names(next(iter(studies.values()))["strategy"])
    for key in ("strategy", "than"):
        look_up(claim, key, strategies, "which the study does not run", where, fault)
    if claim.than is not None and claim.kind == "dips":
        fault(f"'than' has no meaning in {where}", "leave it out")
    if claim.than is None and claim.kind != "dips":
        fault(f"'than' is missing in {where}", "add it")
    if claim.part != "whole" and claim.kind not in ("above", "not-above"):
        fault(f"'part' has no meaning in {where}", "leave it out")


def _check_picture(picture: Picture, fault: Fault) -> None:
    metrics = metric_columns(schema_of(STEPS).empty_table())
    if picture.metric not in metrics:
        fault(f"no metric {shown(picture.metric)}, in [figure]", nearest(picture.metric, metrics))


def _scaled(settings: Settings, scale: float) -> Settings:
    """Return the initial labels, the query and the candidates multiplied; steps stay."""
    sizes = {
        "initial_size": scaled_size(settings["initial_size"], scale, 2),
        "query_size": _scaled_query(settings["query_size"], scale),
    }
    if "candidates" in settings:
        sizes["candidates"] = scaled_size(settings["candidates"], scale)
    return sizes


def _scaled_query(size: int | str, scale: float) -> int | str:
    """Return `20` or `20:200` with each number multiplied."""
    if isinstance(size, int):
        return scaled_size(size, scale)
    return ":".join(str(scaled_size(int(part), scale)) for part in size.split(":"))


def _sizes(settings: Settings) -> str:
    start, query = settings["initial_size"], settings["query_size"]
    return f"{start:,} initial labels, {query} a query, steps as before"


def _judge(claims: Sequence[Claim], runs: Mapping[str, Run], studies: Studies) -> list[Verdict]:
    """Return what became of each claim in each study."""
    sizes = {n: s.get("batch_size", CurvesOptions.batch_size) for n, s in studies.items()}
    return [
        judge_claim(claim, done.steps, sizes[study], study)
        for study, done in runs.items()
        for claim in claims
    ]


def _method(verdicts: Sequence[Verdict]) -> str:
    kinds = {verdict.claim.kind for verdict in verdicts if isinstance(verdict.claim, Claim)}
    no_gain = f"; no gain means less than {NO_GAIN}" if "not-above" in kinds else ""
    return f"{method_of_tests(verdicts)}{no_gain}"


CURVES = RecipeKind(
    study=KINDS["curves"],
    names="strategy",
    needs=("strategy", "initial_size", "query_size"),
    leave_out=("initial_ids", "until", "budget"),  # --scale would have to know of them
    claim=Claim,
    check_claim=_check_claim,
    picture=Picture,
    check_picture=_check_picture,
    scaled=_scaled,
    sizes=_sizes,
    judge=_judge,
    method=_method,
    draw=lambda done, picture, title: draw_curves([done], picture.metric, picture.band, title),
)
