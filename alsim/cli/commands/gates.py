"""`alsim gates`: which expert each task of a trained net uses, and which tasks agree."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alsim.cli.from_options import from_options
from alsim.cli.help import AsJson
from alsim.plots.options import GatesOptions

if TYPE_CHECKING:
    from alsim.analysis.statistics.intervals import Estimate
    from alsim.analysis.training.gates import Floats, GateMap
    from alsim.store.training import TrainingStudy

_SHOWN = 4  # experts of a task that are listed
_NOTHING = "–"


@from_options(GatesOptions, help_all=False)
def gates(
    given: Mapping[str, Any],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a training study.")],
    json: AsJson = False,
) -> None:
    """Show which experts each task of a trained net uses, how many, and which tasks agree.

    Example: alsim gates runs/domains

    Example: alsim gates runs/domains --model 'multi-cluster(density=0.1)' --fraction 0.25
    """
    # Slow imports only once they are needed, so that `alsim --help` stays quick.
    from alsim.analysis.training.gates import choose_map, gate_maps
    from alsim.cli.screens.output import print_json, print_lines, print_remarks, reporting
    from alsim.errors import UsageError
    from alsim.plots import check_target, save_figure
    from alsim.plots.drawing.of_trainings import labels_in_words
    from alsim.plots.gates import draw_gates
    from alsim.store.training import read_training

    options = GatesOptions(**given)
    if options.out is not None:
        check_target(options.out)
    study = read_training(run)
    maps = gate_maps(study.gates)
    _refuse_without_gates(study, options.model, {each.model for each in maps})
    found = choose_map(maps, options.model, options.fraction, options.chosen_by)
    shown = found.seeds[0] if options.seed is None else options.seed
    if shown not in found.seeds:
        there = ", ".join(map(str, found.seeds))
        raise UsageError(f"no seed {shown} of {found.model}", "--seed", f"there is: {there}")
    labels = labels_in_words(study, found.fraction, found.chosen_by)
    drawing = draw_gates(found, seed=shown, title=options.title, labels=labels)
    target = options.out or study.folder / _file_of(options)
    save_figure(drawing.figure, target)
    warnings = list(drawing.warnings)
    if study.status != "complete":
        warnings.append(f"the study is marked {study.status}: shown as far as it went")
    others = sorted({each.model for each in maps} - {found.model})
    of_model = {each.chosen_by for each in maps if each.model == found.model}
    strategies = sorted(of_model - {found.chosen_by})
    with reporting(target, "look at the picture"):
        if json:
            facts = {
                "study": str(study.folder),
                "status": study.status,
                "figure": str(target),
                "warnings": warnings,
                "others": others,
                "others_chosen_by": strategies,
            }
            print_json({**facts, **_as_json(found, shown)})
            return
        print_remarks("warning", warnings)
        _print_text(found, shown, labels)
        lines = [f"other models with gates: {', '.join(others)}: --model NAME"] * bool(others)
        chosen = f"labels were also chosen by: {', '.join(strategies)}: --chosen-by NAME"
        lines += [chosen] * bool(strategies)
        print_lines([*lines, f"figure: {target}"])


def _file_of(options: GatesOptions) -> str:
    """Return the name of the picture, with what was asked for."""
    share = None if options.fraction is None else f"{options.fraction:g}"
    parts = ["gates", *filter(None, (options.model, options.chosen_by, share))]
    return re.sub(r"[^\w.,=+]+", "-", "-".join(parts)).strip(".-")[:150] + ".png"


def _refuse_without_gates(study: "TrainingStudy", model: str | None, known: set[str]) -> None:
    """Say why there is nothing to show of a model, or of any.

    Raises:
        UsageError: If the study has no such model, or it has no gates, or none that are recorded.
        StoreError: If it is not trained yet, or diverged.
    """
    from alsim.cli.screens.training import models_of
    from alsim.errors import StoreError, UsageError, nearest

    names, there = models_of(study), ", ".join(sorted(known)) or "none"
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


def _print_text(found: "GateMap", seed: int, labels: str) -> None:
    from alsim.cli.screens.output import print_lines, print_table
    from alsim.plots.gates import described

    is_stochastic = found.fact == "probability"
    n = len(found.seeds)
    values = found.values[found.seeds.index(seed)]
    correlations = found.correlations
    print_table(
        ["task", "experts", f"most used, seed {seed}", "most like it"],
        [
            [task, _used(found, t), _most_used(values[t]), _most_like(found, correlations, t)]
            for t, task in enumerate(found.tasks)
        ],
        title=described(found, labels),
        right=(1,),
        whole=(1,),
    )
    seeds = "one seed" if n == 1 else f"mean over {n} seeds ± half a 95 % t-interval"
    if any(_experts_used(found, t).is_cut for t in range(len(found.tasks))):
        seeds += ", [ ] where that would go beyond what can be"
    what = "Σ of the gates' probabilities" if is_stochastic else "exp of the entropy of the weights"
    number = "probability" if is_stochastic else "mean weight"
    lines = [
        f"{described(found, labels)}; {values.shape[1]} experts",
        f"experts: how many the task uses, {what}; {seeds}",
        f"most used: number of the expert and its {number}; experts of two seeds have nothing to "
        "do with each other",
    ]
    if len(found.tasks) > 1:
        over = "" if n == 1 else f", mean over {n} seeds"
        lines.append(f"most like it: Pearson's correlation over the experts{over}")
    print_lines(lines)


def _used(found: "GateMap", task: int) -> str:
    from alsim.analysis.statistics.intervals import interval_text

    used = _experts_used(found, task)
    return _NOTHING if used.mean != used.mean else interval_text(used, ".1f")


def _experts_used(found: "GateMap", task: int) -> "Estimate":
    from alsim.analysis.statistics.intervals import estimate

    return estimate(found.n_used[:, task], within=(0.0, float(found.values.shape[-1])))


def _most_used(values: "Floats") -> str:
    """Return the experts with the largest values, as far as these are not negligible."""
    import numpy as np

    if not np.isfinite(values).all():
        return _NOTHING
    order = np.argsort(-values, kind="stable")[:_SHOWN]
    return " ".join(f"{i} ({_share(float(values[i]))})" for i in order if values[i] >= 0.005)


def _most_like(found: "GateMap", correlations: "Floats", task: int) -> str:
    import numpy as np

    others = correlations[task].copy()
    others[task] = np.nan
    if not np.isfinite(others).any():
        return _NOTHING
    best = int(np.nanargmax(others))
    r = f"{others[best]:+z.2f}".replace("0.", ".")
    return f"{found.tasks[best]} ({r})"


def _share(value: float) -> str:
    """Return a number of 0 to 1 as ".53"."""
    return f"{value:.2f}".removeprefix("0")


def _as_json(found: "GateMap", seed: int) -> dict[str, Any]:
    from dataclasses import asdict

    values = found.values[found.seeds.index(seed)]
    tasks = found.tasks
    return {
        "model": found.model,
        "chosen_by": found.chosen_by,
        "fraction": found.fraction,
        "fact": found.fact,
        "seeds": list(found.seeds),
        "experts_used": {
            task: {name: _plain(value) for name, value in asdict(_experts_used(found, t)).items()}
            for t, task in enumerate(tasks)
        },
        "map": {"seed": seed, "tasks": dict(zip(tasks, _plain(values.tolist()), strict=True))},
        "correlations": {
            task: dict(zip(tasks, row, strict=True))
            for task, row in zip(tasks, _plain(found.correlations.tolist()), strict=True)
        },
    }


def _plain(value: Any) -> Any:
    """Return a number, or lists of them, as JSON has it: nothing for one that is not finite."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return None if value is None or value != value else value
