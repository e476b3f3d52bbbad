"""Recipes of passive training: models compared on all tasks of a pool."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any, Literal

import pyarrow as pa

from alsim.analysis.statistics.intervals import interval_text
from alsim.analysis.statistics.paired import ALPHA
from alsim.analysis.training.gates import choose_map, gate_maps
from alsim.analysis.training.summary import TaskSummary, TrainingSummary, summarise_training
from alsim.errors import UsageError, nearest
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.options.texts import parse_fractions, parse_names
from alsim.options.training_study import TrainOptions
from alsim.options.types import shown
from alsim.plots import KINDS, Drawing, draw
from alsim.plots.gates import draw_gates
from alsim.recipes.curves.claims import Verdict
from alsim.recipes.recipe import Published, Settings, Studies, StudyKind, Table, Tell
from alsim.recipes.training.claims import TrainingClaim, judge_training
from alsim.recipes.training.measured import evaluations_of
from alsim.store.training import TrainingStudy
from alsim.studies.training.check import examine_train
from alsim.studies.training.run import train

_MOST_TASKS = 2  # that have a column each
_FEW = 62  # letters of a title, which the narrowest picture holds
_LETTERS = {"experts": 44}  # where a legend stands beside it
_NOTHING = "–"


@dataclass(frozen=True, slots=True)
class TrainingPicture:
    """What the figure shows: a kind of `alsim plot`, or the map of `alsim gates`."""

    kind: Literal["losses", "fractions", "experts", "gates"] | None = None  # None: there is none
    metric: str | None = None
    task: str | None = None

    def options(self) -> dict[str, str]:
        """Return what is not left to the kind of picture."""
        given = {"metric": self.metric, "task": self.task}
        return {name: value for name, value in given.items() if value is not None}


def _read(settings: Settings, faults: Faults) -> object:
    return examine_train(read(TrainOptions, settings, faults), faults)


def _check_claim(claim: Settings, studies: Studies, where: str, tell: Tell) -> None:
    kind = claim["kind"]
    first = next(iter(studies.values()))
    models = parse_names(first["model"])
    for key in ("model", "than"):
        if key in claim and claim[key] not in models:
            what = f"{key} in {where} is {shown(claim[key])}, which the study does not train"
            tell(what, nearest(claim[key], models))
    for key in ("study", "than_study"):
        if key in claim and claim[key] not in studies:
            tell(f"{key} in {where} is {shown(claim[key])}, no study", nearest(claim[key], studies))
    is_elsewhere = "than_fraction" in claim or {"study", "than_study"} <= claim.keys()
    without = {
        "better": ("than_fraction", "study", "than_study"),
        "spreads-more": ("than_fraction", "study", "than_study"),
        "gains-more": (),
        "agrees-more": ("than", "metric", "task", "evaluation", "than_evaluation", "relative"),
    }[kind]
    for key in without:
        if key in claim:
            tell(f"{key!r} has no meaning in {where}", "leave it out")
    if kind in ("gains-more", "agrees-more") and not is_elsewhere:
        tell(f"{where} compares with nothing", "add than_fraction, or study and than_study")
    if kind == "gains-more" and "than" not in claim:
        tell(f"'than' is missing in {where}", "add it")
    if kind in ("better", "spreads-more") and not {"than", "than_evaluation"} & claim.keys():
        tell(f"{where} compares with nothing", "add than, or than_evaluation")
    for fraction, evaluation, study in (
        ("fraction", "evaluation", "study"),
        ("than_fraction", "than_evaluation", "than_study"),
    ):
        of_study = studies.get(claim.get(study, ""), first)
        _check_trained(claim, fraction, evaluation, of_study, where, tell)


def _check_trained(
    claim: Settings, fraction: str, evaluation: str, study: Settings, where: str, tell: Tell
) -> None:
    """Tell of a fraction or an evaluation that a claim is about and the study does not have."""
    try:
        fractions = parse_fractions(study.get("fractions", 1.0))
    except UsageError:
        return  # told of the study itself
    if fraction in claim and claim[fraction] not in fractions:
        what = f"{fraction} in {where} is {claim[fraction]:g}, which the study does not train on"
        tell(what, f"there is: {', '.join(f'{each:g}' for each in fractions)}")
    evaluations = parse_names(study.get("evaluation", "task-k"))
    if evaluation in claim and claim[evaluation] not in evaluations:
        what = f"{evaluation} in {where} is {shown(claim[evaluation])}, which the study has not"
        tell(what, nearest(claim[evaluation], evaluations))


def _check_picture(picture: Settings, tell: Tell) -> None:
    kind = picture.get("kind")
    known: list[str] = []
    if kind is not None and kind in KINDS:
        known = [*inspect.signature(KINDS[kind].draw()).parameters]
    for name in picture:
        if name != "kind" and name not in known:
            tell(f"{name!r} has no meaning in [figure] of kind {shown(kind)}", "leave it out")


def _sizes(settings: Settings) -> str:
    del settings
    return "the pool alone is scaled; shares of it, nets and epochs are as before"


def _merged(parts: Sequence[TrainingStudy]) -> TrainingStudy:
    """Return studies of one seed each, on a pool each, as one in the folder that holds theirs."""
    first = parts[0]
    configuration: Any = first.manifest["configuration"]
    seeds = [seed for part in parts for seed in _of(part, "configuration")["seeds"]]
    return TrainingStudy(
        first.folder.parent,
        {
            **first.manifest,
            "configuration": {**configuration, "seeds": seeds},
            "diverged": [net for part in parts for net in _of(part, "diverged")],
        },
        *(
            pa.concat_tables([getattr(part, table) for part in parts])
            for table in ("fits", "tasks", "gates")
        ),
    )


def _of(study: TrainingStudy, name: str) -> Any:
    return study.manifest[name]


def _method(verdicts: Sequence[Verdict]) -> str:
    n = len(verdicts)
    text = f"each is tested alone, by a two-sided t-test over paired seeds at {100 * ALPHA:.0f} %"
    return f"{text}, not corrected for there being {n}" if n > 1 else text


def _draw(done: TrainingStudy, picture: TrainingPicture, title: str) -> Drawing | None:
    if picture.kind is None:
        return None
    width = _LETTERS.get(picture.kind, _FEW)
    title = "\n".join(fill(line, width) for line in title.split("\n"))
    if picture.kind == "gates":
        return draw_gates(choose_map(gate_maps(done.gates)), title=title)
    return draw(picture.kind, [done], title=title, **picture.options())


def _tabulate(done: TrainingStudy, published: Published | None) -> Table:
    """Return a row for each model, fraction and evaluation, beside what the source has."""
    models = evaluations_of(done)
    summary = summarise_training(done.fits, done.tasks, done.gates, models)
    rows: dict[tuple[float, str, str], dict[str | None, TaskSummary]] = {}
    for each in summary.tasks:
        key = (each.fraction, each.model, each.evaluation)
        rows.setdefault(key, {})[each.task] = each
    tasks = [task for task in dict.fromkeys(each.task for each in summary.tasks) if task]
    columns: list[str | None] = list(tasks) if len(tasks) <= _MOST_TASKS else []
    if published is None and any(None in row for row in rows.values()):
        columns.insert(0, None)
    n_fractions = len({fraction for fraction, _, _ in rows})
    has_modes = any(len(modes) > 1 for modes in models.values())
    headers = ["model", *["fraction"] * (n_fractions > 1), *["evaluation"] * has_modes]
    for task in columns:
        headers += [task or "mean of tasks", *["source"] * (published is not None)]
    return Table(
        tuple(headers),
        tuple(
            (
                model,
                *[f"{fraction:g}"] * (n_fractions > 1),
                *[evaluation or _NOTHING] * has_modes,
                *(
                    cell
                    for task in columns
                    for cell in _cells(row.get(task), model, task or "", published)
                ),
            )
            for (fraction, model, evaluation), row in rows.items()
        ),
        _note(done, summary, published),
    )


def _cells(
    found: TaskSummary | None, model: str, task: str, published: Published | None
) -> list[str]:
    form = ".4g" if found is not None and found.metric == "mse" else ".4f"
    cells = [_NOTHING if found is None else interval_text(found.value, form)]
    if published is not None:
        is_same = found is not None and found.metric == published.metric
        numbers = published.values.get(model, {}).get(task, ()) if is_same else ()
        cells.append("/".join(f"{number:.4f}" for number in numbers) or _NOTHING)
    return cells


def _note(done: TrainingStudy, summary: TrainingSummary, published: Published | None) -> str:
    """Return what the numbers of the table are, and how large the models."""
    metrics = ", ".join(dict.fromkeys(each.metric for each in summary.tasks))
    n_seeds = max((net.n_seeds for net in summary.nets), default=0)
    over = f"mean ± 95 % half width over {n_seeds} seeds" if n_seeds > 1 else "one seed"
    sizes = dict.fromkeys(f"{net.model} {net.n_parameters:,}" for net in summary.nets)
    text = f"{metrics} on {done.evaluation_split}, {over}; parameters: {', '.join(sizes)}"
    n_lost = sum(net.n_diverged for net in summary.nets)
    if n_lost:
        text += f"; {n_lost} of {done.fits.num_rows} nets diverged and are not measured"
    return f"{text}; source: {published.says}" if published else text


TRAINING = StudyKind(
    table="training",
    make=train,
    options=TrainOptions,
    read=_read,
    names="model",
    needs=("model",),
    not_here=("pool", "seeds", "out", "watch", "force", "queries", "export_task"),
    claim=TrainingClaim,
    check_claim=_check_claim,
    picture=TrainingPicture,
    check_picture=_check_picture,
    scaled=None,
    takes_candidates=False,
    sizes=_sizes,
    judge=judge_training,
    method=_method,
    draw=_draw,
    merged=_merged,
    tabulate=_tabulate,
)
