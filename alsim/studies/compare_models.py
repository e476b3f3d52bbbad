"""`alsim.compare_models`: what `alsim compare` does with training studies."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.runs import named, unlike
from alsim.analysis.manifest import list_at, object_at, value_at
from alsim.analysis.training.verdicts import ModelComparison, judge_models
from alsim.errors import UsageError, nearest
from alsim.options.calling import takes
from alsim.options.compare import ModelCompareOptions, Runs
from alsim.options.faults import Faults
from alsim.options.option import read
from alsim.store.training import TrainingStudy, read_training

# What says which nets were trained and by what machinery, not what their numbers come from.
_FREE = frozenset(
    {"models", "seeds", "fractions", "engine", "match_parameters", "exports", "baseline"}
)


@takes(ModelCompareOptions)
def compare_models(given: dict[str, Any]) -> ModelComparison:
    """Return the models of one or more training studies compared, as `alsim compare` does.

    `studies` are folders, or studies as `alsim.train` and `alsim.read_training` return them. Every
    model is compared with one baseline, on the mean over the tasks, in pairs by seed; all verdicts
    are one family. A model that several studies trained by the same settings is one model, with
    the seeds of all; by other settings its name contains its study's: "mmoe · wide".

    Raises:
        UsageError: If an option cannot be used, or studies cannot be compared.
        StoreError: If a study cannot be read, or nothing was measured.
    """
    faults = Faults()
    options = read(ModelCompareOptions, given, faults)
    faults.raise_all("options cannot be used", "alsim compare")
    studies = _read(options.studies)
    differences = [*unlike(studies), *_unlike_tasks(studies, options.task)]
    if differences and not options.force:
        listed = "".join(f"\n  different {each}" for each in differences)
        raise UsageError(
            f"the studies measure different things, so their numbers cannot be compared:{listed}",
            ", ".join(str(study.folder) for study in studies),
            "compare studies of the same pool, splits and tasks, or one task that all have, with "
            "--task; or add --force, if you know better",
        )
    merged = _merge(studies)
    first = studies[0]
    found = judge_models(
        merged.tasks,
        merged.evaluations,
        variances=first.variances,
        baseline=_baseline(merged, options.baseline, first),
        metric=options.metric,
        task=options.task,
    )
    notes = [f"compared by force, in spite of different {each}" for each in differences]
    return replace(found, notes=(*notes, *_about(studies), *merged.notes))


@dataclass(frozen=True, slots=True, eq=False)
class _Merged:
    """The tasks of several studies, in which a model's name means the same throughout."""

    tasks: pa.Table
    evaluations: Mapping[str, str]  # label -> the evaluation that it is reported by
    called: Mapping[str, list[str]]  # model -> its labels, in order
    notes: tuple[str, ...]


def _read(studies: Runs) -> list[TrainingStudy]:
    """Return the studies, each folder once."""
    several = (
        studies if isinstance(studies, Sequence) and not isinstance(studies, str) else [studies]
    )
    found: list[TrainingStudy] = []
    for each in several:
        folder = each if isinstance(each, str | Path) else each.folder
        found.append(each if isinstance(each, TrainingStudy) else read_training(folder))
    if not found:
        raise UsageError("no study to compare", "alsim compare", "name the folder of a study")
    return list({study.folder.resolve(): study for study in found}.values())


def _unlike_tasks(studies: Sequence[TrainingStudy], task: str | None) -> list[str]:
    """Return in which tasks studies differ, unless one that all have is asked for."""
    tasks = {name: [*object_at(study.manifest, "tasks")] for name, study in named(studies)}
    if len({tuple(sorted(each)) for each in tasks.values()}) < 2:
        return []
    if task is not None and all(task in each for each in tasks.values()):
        return []
    return ["tasks: " + "; ".join(f"{name} ({', '.join(each)})" for name, each in tasks.items())]


def _merge(studies: Sequence[TrainingStudy]) -> _Merged:
    groups: dict[str, dict[str, list[tuple[str, TrainingStudy]]]] = {}
    for name, study in named(studies):
        for model in study.models:
            origins = groups.setdefault(model, {})
            origins.setdefault(_origin(study, model) or name, []).append((name, study))
    tables: list[pa.Table] = []
    evaluations: dict[str, str] = {}
    called: dict[str, list[str]] = {}
    notes: list[str] = []
    for model, origins in groups.items():
        for members in origins.values():
            names = [name for name, _ in members]
            label = model if len(origins) == 1 else f"{model} · {' + '.join(names)}"
            called.setdefault(model, []).append(label)
            evaluations[label] = next(iter(members[0][1].models[model]), "")
            known: set[tuple[Any, ...]] = set()
            for _, study in members:
                rows = study.tasks.filter(pc.field("model") == model).to_pylist()
                nets = {(row["chosen_by"], row["fraction"], row["seed"]) for row in rows} - known
                known |= nets  # a net that two studies trained counts once
                own = [
                    {**row, "model": label}
                    for row in rows
                    if (row["chosen_by"], row["fraction"], row["seed"]) in nets
                ]
                tables.append(pa.Table.from_pylist(own, schema=study.tasks.schema))
            if len(names) > 1:
                notes.append(
                    f"{label}: the seeds of {' and '.join(names)} count together, since these "
                    "studies have the same settings"
                )
    return _Merged(pa.concat_tables(tables), evaluations, called, tuple(notes))


def _origin(study: TrainingStudy, model: str) -> str | None:
    """Return all that a model's numbers come from besides labels and seeds; None if unknown."""
    configuration = object_at(study.manifest, "configuration")
    if not configuration:
        return None
    settings = {key: value for key, value in configuration.items() if key not in _FREE}
    own = object_at(configuration, "models", model)
    version = value_at(study.manifest, "versions", "alsim")
    return json.dumps([settings, own, version], sort_keys=True)


def _baseline(merged: _Merged, name: str | None, first: TrainingStudy) -> str | None:
    """Return the baseline's name in the merged tasks; None where it is the default one."""
    if name is None:
        return None if first.baseline is None else merged.called[first.baseline][0]
    labels = merged.called.get(name, [name])
    if len(labels) > 1:
        mend = f"name one of: {', '.join(labels)}"
        raise UsageError(f"several studies have {name}", "--baseline", mend)
    if labels[0] in merged.evaluations:
        return labels[0]
    bare = [label for label in merged.evaluations if label.partition("(")[0] == name]
    if len(bare) == 1:
        return bare[0]
    mend = nearest(name, merged.evaluations)
    raise UsageError(f"no model {name!r} in the study", "--baseline", mend)


def _about(studies: Sequence[TrainingStudy]) -> list[str]:
    """Return notes on the studies' folders: how far they came, and which nets were lost."""
    notes = [
        f"{name} is marked {study.status}: compared as far as it was written"
        for name, study in named(studies)
        if study.status != "complete"
    ]
    for name, study in named(studies):
        of_study = f" of {name}" if len(studies) > 1 else ""
        notes += [
            f"{each['model']}, seed {each['seed']}, fraction {each['fraction']:g}{of_study} "
            "diverged and is not measured"
            for each in list_at(study.manifest, "diverged")
        ]
    return notes
