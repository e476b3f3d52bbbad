"""Which expert each task of a trained net uses, and which tasks agree: a table and a picture."""

import re
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from alsim.analysis.statistics.intervals import Estimate, Floats, estimate, interval_text
from alsim.analysis.training.gates import GateMap, choose_map, gate_maps
from alsim.cli.screens.output import (
    NOTHING,
    print_gap,
    print_json,
    print_lines,
    print_remarks,
    reporting,
)
from alsim.cli.screens.tables import TextTable, print_table
from alsim.errors import StoreError, UsageError, nearest
from alsim.plots import check_target, save_figure
from alsim.plots.drawing.of_trainings import labels_in_words
from alsim.plots.gates import described, draw_gates
from alsim.plots.options import GatesOptions
from alsim.store.training import TrainingStudy, read_training

_SHOWN = 4  # experts of a task that are listed


def print_gates(run: Path, options: GatesOptions, *, as_json: bool) -> None:
    """Draw the gates of one model of a study into a file, and print them to stdout.

    Raises:
        AlsimError: If there are none such, or the picture cannot be written.
    """
    if options.out is not None:
        check_target(options.out)
    study = read_training(run)
    maps = gate_maps(study.gates)
    _refuse_without_gates(study, options.model, {each.model for each in maps})
    found = choose_map(maps, options.model, options.fraction, options.chosen_by)
    seed = found.seeds[0] if options.seed is None else options.seed
    if seed not in found.seeds:
        there = ", ".join(map(str, found.seeds))
        raise UsageError(f"no seed {seed} of {found.model}", "--seed", f"there is: {there}")
    labels = labels_in_words(study, found.fraction, found.chosen_by)
    drawing = draw_gates(found, seed=seed, title=options.title, labels=labels)
    target = options.out or study.folder / _file_of(options)
    save_figure(drawing.figure, target)
    warnings = list(drawing.warnings)
    if study.status != "complete":
        warnings.append(f"the study is marked {study.status}: shown as far as it went")
    others = sorted({each.model for each in maps} - {found.model})
    of_model = {each.chosen_by for each in maps if each.model == found.model}
    strategies = sorted(of_model - {found.chosen_by})
    bounds = (0.0, float(found.values.shape[-1]))
    used = [estimate(of_task, within=bounds) for of_task in found.n_used.T]
    with reporting(target, "look at the picture"):
        if as_json:
            facts = {
                "study": str(study.folder),
                "status": study.status,
                "figure": str(target),
                "warnings": warnings,
                "others": others,
                "others_chosen_by": strategies,
            }
            print_json({**facts, **_as_json(found, seed, used)})
            return
        print_remarks("warning", warnings)
        _print_text(found, seed, used, described(found, labels))
        lines = [f"other models with gates: {', '.join(others)}: --model NAME"] * bool(others)
        chosen = f"labels were also chosen by: {', '.join(strategies)}: --chosen-by NAME"
        lines += [chosen] * bool(strategies)
        print_lines([*lines, f"figure: {target}"])


def _file_of(options: GatesOptions) -> str:
    """Return the name of the picture, with what was asked for."""
    share = None if options.fraction is None else f"{options.fraction:g}"
    parts = ["gates", *filter(None, (options.model, options.chosen_by, share))]
    return re.sub(r"[^\w.,=+]+", "-", "-".join(parts)).strip(".-")[:150] + ".png"


def _refuse_without_gates(study: TrainingStudy, model: str | None, known: Collection[str]) -> None:
    """Raise an error that says why there is nothing to show of a model, or of any.

    Raises:
        UsageError: If the study has no such model, or it has no gates, or none that are recorded.
        StoreError: If it is not trained yet, or diverged.
    """
    names, there = study.models, ", ".join(sorted(known)) or "none"
    if model is None:
        if known or (study.status == "complete" and not any(map(_is_cgc, names))):
            return
    elif model in known:
        return
    elif model not in names:
        raise UsageError(f"no model {model!r} in the study", "--model", nearest(model, names))
    ended = [fit for fit in study.fits.to_pylist() if model in (None, fit["model"])]
    where, who = str(study.folder), model or "a model with gates"
    another = f"show another; there is: {there}"
    if model is not None and _is_cgc(model):
        raise UsageError(f"{model}'s gates are not recorded", "--model", another)
    if study.status != "complete" and (model is None or not ended):
        raise StoreError(f"no net of {who} is trained yet", where, f"finish: alsim resume {where}")
    if model is None:
        mend = "train mmoe, omoe or multi-cluster, whose gates are"
        raise StoreError("cgc's gates are not recorded", where, mend)
    if not any(fit["epochs"] for fit in ended):
        raise StoreError(f"all nets of {model} diverged", where, "lower --learning-rate")
    raise UsageError(f"{model} has no gates", "--model", another)


def _is_cgc(model: str) -> bool:
    return model.partition("(")[0] == "cgc"


def _print_text(found: GateMap, seed: int, used: Sequence[Estimate], title: str) -> None:
    n, values = len(found.seeds), found.values[found.seeds.index(seed)]
    experts = [NOTHING if np.isnan(each.mean) else interval_text(each, ".1f") for each in used]
    most_used, alike = map(_most_used, values), _most_alike(found)
    print_table(
        TextTable(
            ["task", "experts", f"most used, seed {seed}", "most like it"],
            list(zip(found.tasks, experts, most_used, alike, strict=True)),
            right=(1,),
            kept=(0, 1),
        ),
        otherwise="add --json",
    )
    print_gap()
    seeds = "one seed" if n == 1 else f"mean over {n} seeds ± half a 95 % t-interval"
    if any(each.is_cut for each in used):
        seeds += ", [ ] where that would go beyond what can be"
    what, number = "exp of the entropy of the weights", "mean weight"
    if found.fact == "probability":
        what, number = "Σ of the gates' probabilities", "probability"
    lines = [
        f"{title}; {values.shape[1]} experts",
        f"experts: how many the task uses, {what}; {seeds}",
        f"most used: number of the expert and its {number}; experts of two seeds have nothing to "
        "do with each other",
    ]
    if len(found.tasks) > 1:
        over = "" if n == 1 else f", mean over {n} seeds"
        lines.append(f"most like it: Pearson's correlation over the experts{over}")
    print_lines(lines)


def _most_used(values: Floats) -> str:
    """Return the experts with the largest values, as far as these are not negligible."""
    if not np.isfinite(values).all():
        return NOTHING
    order = np.argsort(-values, kind="stable")[:_SHOWN]
    shares = ((i, f"{values[i]:.2f}".removeprefix("0")) for i in order if values[i] >= 0.005)
    return " ".join(f"{i} ({share})" for i, share in shares)


def _most_alike(found: GateMap) -> list[str]:
    """Return for each task the one that is most like it."""
    cells: list[str] = []
    for others in np.where(np.eye(len(found.tasks), dtype=bool), np.nan, found.correlations):
        best = int(np.nanargmax(others)) if np.isfinite(others).any() else None
        r = "" if best is None else f"{others[best]:+z.2f}".replace("0.", ".")
        cells.append(NOTHING if best is None else f"{found.tasks[best]} ({r})")
    return cells


def _as_json(found: GateMap, seed: int, used: Sequence[Estimate]) -> dict[str, Any]:
    tasks, values = found.tasks, found.values[found.seeds.index(seed)]
    rows = dict(zip(tasks, _plain(found.correlations.tolist()), strict=True))
    return {
        "model": found.model,
        "chosen_by": found.chosen_by,
        "fraction": found.fraction,
        "fact": found.fact,
        "seeds": list(found.seeds),
        "experts_used": {
            task: {name: _plain(value) for name, value in asdict(each).items()}
            for task, each in zip(tasks, used, strict=True)
        },
        "map": {"seed": seed, "tasks": dict(zip(tasks, _plain(values.tolist()), strict=True))},
        "correlations": {task: dict(zip(tasks, row, strict=True)) for task, row in rows.items()},
    }


def _plain(value: Any) -> Any:
    """Return a number, or lists of them, as JSON has it: nothing for one that is not finite."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if value is None or value != value else value
