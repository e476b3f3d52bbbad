"""Recipes of passive training: models compared on all tasks of a pool."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from textwrap import fill
from typing import Any, Literal

import pyarrow as pa

from alsim.analysis.statistics.intervals import interval_text
from alsim.analysis.training.gates import choose_map, gate_maps
from alsim.analysis.training.summary import TaskSummary, TrainingSummary, summarise_training
from alsim.models.naming import find_named_model
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.options.training_study import TrainOptions
from alsim.options.types import shown
from alsim.plots import KINDS as PLOTS
from alsim.plots import Drawing, draw
from alsim.plots.gates import draw_gates
from alsim.recipes.file import Fault, Published, look_up
from alsim.recipes.recipe import RecipeKind, Studies, Table
from alsim.recipes.training.claims import TrainingClaim, judge_training
from alsim.recipes.verdict import method_of_tests
from alsim.store.training import TrainingStudy
from alsim.studies.declared import PARAMETERS, Settings
from alsim.studies.kinds import KINDS

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
        options = {"metric": self.metric, "task": self.task}
        return {name: value for name, value in options.items() if value is not None}


# What has no meaning in a claim of a kind.
_ELSEWHERE = ("than_fraction", "study", "than_study")
_WITHOUT: Mapping[str, tuple[str, ...]] = {
    "better": _ELSEWHERE,
    "spreads-more": _ELSEWHERE,
    "gains-more": (),
    "agrees-more": ("than", "metric", "task", "evaluation", "than_evaluation", "relative"),
}


def _check_claim(claim: TrainingClaim, studies: Studies, where: str, fault: Fault) -> None:
    given = {each.name for each in fields(claim) if getattr(claim, each.name) != each.default}
    options = {name: _options_of(settings) for name, settings in studies.items()}
    first = next(iter(options.values()))
    here, there = (options.get(name or "", first) for name in (claim.study, claim.than_study))

    found: dict[str, tuple[Iterable[str | float], str]] = {
        **dict.fromkeys(("model", "than"), (first.model, "which the study does not train")),
        **dict.fromkeys(("study", "than_study"), (studies, "no study")),
        "fraction": (here.fractions, "which the study does not train on"),
        "than_fraction": (there.fractions, "which the study does not train on"),
        "evaluation": (here.evaluation, "which the study does not have"),
        "than_evaluation": (there.evaluation, "which the study does not have"),
    }
    for key, (known, lack) in found.items():
        look_up(claim, key, known, lack, where, fault)
    for key in _WITHOUT[claim.kind]:
        if key in given:
            fault(f"{key!r} has no meaning in {where}", "leave it out")
    if claim.kind in ("gains-more", "agrees-more"):
        if "than_fraction" not in given and not {"study", "than_study"} <= given:
            fault(f"{where} compares with nothing", "add than_fraction, or study and than_study")
        if claim.kind == "gains-more" and "than" not in given:
            fault(f"'than' is missing in {where}", "add it")
    elif not {"than", "than_evaluation"} & given:
        fault(f"{where} compares with nothing", "add than, or than_evaluation")


def _options_of(settings: Settings) -> TrainOptions:
    """Return the options of a study without faults, its models by their short names."""
    given = {name: value for name, value in settings.items() if name != PARAMETERS}
    return read(TrainOptions, given, Faults())


def _check_picture(picture: TrainingPicture, fault: Fault) -> None:
    plot = PLOTS.get(picture.kind or "")
    known = () if plot is None else inspect.signature(plot.draw()).parameters
    for name in [each for each in picture.options() if each not in known]:
        kind = shown(picture.kind)
        fault(f"{name!r} has no meaning in [figure] of kind {kind}", "leave it out")


def _gather(parts: Sequence[TrainingStudy], settings: Settings) -> TrainingStudy:
    """Return parts of a study, of one seed each, as one, its models by the names of the recipe."""
    first = parts[0]
    manifests: list[Any] = [part.manifest for part in parts]
    configuration = manifests[0]["configuration"]
    short = [find_named_model(name).name for name in _options_of(settings).model]
    names = dict(zip(configuration["models"], short, strict=True))
    models = {names[full]: model for full, model in configuration["models"].items()}
    seeds = [seed for each in manifests for seed in each["configuration"]["seeds"]]
    manifest = {
        **first.manifest,
        "configuration": {**configuration, "models": models, "seeds": seeds},
        "diverged": [net for each in manifests for net in each["diverged"]],
    }
    tables = (
        _renamed(pa.concat_tables([getattr(part, table) for part in parts]), names)
        for table in ("fits", "tasks", "gates")
    )
    folder = first.folder if len(parts) == 1 else first.folder.parent
    return TrainingStudy(folder, manifest, *tables)


def _renamed(table: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """Return a table of nets whose models have other names."""
    place = table.schema.get_field_index("model")
    field = table.schema.field(place)
    models = [names[str(name)] for name in table["model"].to_pylist()]
    return table.set_column(place, field, pa.array(models, field.type))


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
    models = done.models
    summary = summarise_training(done.fits, done.tasks, done.gates, models)
    rows: dict[tuple[float, str, str], dict[str | None, TaskSummary]] = {}
    for each in summary.tasks:
        key = (each.fraction, each.model, each.evaluation)
        rows.setdefault(key, {})[each.task] = each
    columns = [("model", [model for _, model, _ in rows])]
    if len({fraction for fraction, _, _ in rows}) > 1:
        columns.append(("fraction", [f"{fraction:g}" for fraction, _, _ in rows]))
    if any(len(modes) > 1 for modes in models.values()):
        columns.append(("evaluation", [evaluation or _NOTHING for *_, evaluation in rows]))
    if published is None and any(None in row for row in rows.values()):
        columns.append(("mean of tasks", [_measured(row.get(None)) for row in rows.values()]))
    tasks = [task for task in dict.fromkeys(each.task for each in summary.tasks) if task]
    for task in tasks if len(tasks) <= _MOST_TASKS else ():
        found = [row.get(task) for row in rows.values()]
        columns.append((task, [_measured(each) for each in found]))
        if published is not None:
            columns.append(("source", [_of_source(each, published) for each in found]))
    headers, cells = zip(*columns, strict=True)
    return Table(headers, tuple(zip(*cells, strict=True)), _note(done, summary, published))


def _measured(found: TaskSummary | None) -> str:
    if found is None:
        return _NOTHING
    return interval_text(found.value, ".4g" if found.metric == "mse" else ".4f")


def _of_source(found: TaskSummary | None, published: Published) -> str:
    if found is None or found.metric != published.metric:
        return _NOTHING
    numbers = published.values.get(found.model, {}).get(found.task or "", ())
    return "/".join(f"{number:.4f}" for number in numbers) or _NOTHING


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


TRAINING = RecipeKind(
    study=KINDS["training"],
    names="model",
    needs=("model",),
    leave_out=("queries", "export_task"),
    claim=TrainingClaim,
    check_claim=_check_claim,
    picture=TrainingPicture,
    check_picture=_check_picture,
    sizes=lambda _: "the pool alone is scaled; shares of it, nets and epochs are as before",
    judge=judge_training,
    method=method_of_tests,
    draw=_draw,
    gather=_gather,
    tabulate=_tabulate,
)
