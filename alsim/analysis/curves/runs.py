"""Several runs side by side: what they are called, what must be alike, their steps as one table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.control import paired_by_step
from alsim.analysis.manifest import list_at, object_at, value_at
from alsim.errors import StoreError, UsageError, nearest
from alsim.strategies.table import STRATEGIES


class RunFacts(Protocol):
    """A run beside its tables, such as `alsim.store.curves.Run`."""

    @property
    def folder(self) -> Path:
        """The run's folder, which distinguishes two runs of one name."""
        ...

    @property
    def name(self) -> str:
        """The run's name."""
        ...

    @property
    def manifest(self) -> Mapping[str, object]:
        """What `run.json` holds."""
        ...


class RunWithSteps(RunFacts, Protocol):
    """A run whose learning curves can be read."""

    @property
    def steps(self) -> pa.Table:
        """The steps, as the store writes them."""
        ...


AnyRun = TypeVar("AnyRun", bound=RunFacts)

# What must be alike for numbers to be compared, and where a manifest records it.
BASELINE = "random"
_ALIKE = (
    ("pools", "pool", "fingerprint"),
    ("splits", "pool", "splits"),
    ("splits for evaluation", "evaluation_split"),
    ("tasks", "task"),
)
_HASH = 12  # digits of a fingerprint that are shown
# What only says which curves were run and by what machinery, not what their numbers come from.
_FREE = frozenset({"strategies", "baseline", "parameters", "outside", "seeds", "looks", "engine"})


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The steps of several runs, in which a strategy's name means the same throughout."""

    steps: pa.Table
    sources: Mapping[str, tuple[str, tuple[str, ...]]]  # label -> strategy, names of its runs


def named(runs: Sequence[AnyRun]) -> list[tuple[str, AnyRun]]:
    """Return each run with its name, or with its path where two have the same name."""
    names = [run.name for run in runs]
    return [(run.name if names.count(run.name) == 1 else str(run.folder), run) for run in runs]


def unlike(runs: Sequence[RunFacts]) -> list[str]:
    """Return what must be alike for runs to be compared and is not, with what each run has.

    Such as "pools: posts (7d3f…), images (01ab…)".
    """
    found: dict[str, str] = {}
    for what, *path in _ALIKE:
        values = {
            name: str(value_at(run.manifest, *path) or "unknown") for name, run in named(runs)
        }
        if len(set(values.values())) > 1:
            width = _HASH if path[0] == "pool" else None
            found[what] = ", ".join(f"{name} ({each[:width]})" for name, each in values.items())
    if "pools" in found:  # other rows are in other splits
        found.pop("splits", None)
    return [f"{what}: {each}" for what, each in found.items()]


def counted(x: str, runs: Sequence[RunFacts]) -> str:
    """Return what an amount on the x axis is of, in words: by objects of several tasks, objects."""
    return "objects" if x == "labels" and "object" in _units(runs) else x


def check_units(x: str, runs: Sequence[RunFacts], mend: str) -> None:
    """Refuse to count objects of several tasks and single labels alike.

    Raises:
        UsageError: If one run asks for objects and another for labels, and these are counted.
    """
    if x == "labels" and _units(runs) >= {"object", "cell"}:
        what = "one run asks for objects, the other for single labels"
        raise UsageError(what, ", ".join(str(run.folder) for run in runs), mend)


def refuse_empty(runs: Sequence[RunWithSteps]) -> None:
    """Raise a StoreError if one of the runs has not recorded a step yet."""
    for run in runs:
        if not run.steps.num_rows:
            mend = f"wait for its first, or go on with it: alsim resume {run.folder}"
            raise StoreError("the run has no step yet", str(run.folder), mend)


def _units(runs: Sequence[RunFacts]) -> set[str]:
    """Return the units that runs ask for; one of a single task records none."""
    return {str(value_at(run.manifest, "configuration", "unit")) for run in runs}


def settings_that_differ(runs: Sequence[RunFacts]) -> dict[str, tuple[str, ...]]:
    """Return the settings in which runs differ, such as "training.retrain", with each run's value.

    Which strategies and seeds were run, and on what, does not count. A run without
    recorded settings counts as equal.
    """
    flat = [_flat(settings) for run in runs if (settings := _settings(run)) is not None]
    paths = dict.fromkeys(path for each in flat for path in each)
    values = {path: tuple(each.get(path, "–") for each in flat) for path in paths}
    return {path: each for path, each in values.items() if len(set(each)) > 1}


def merge_runs(runs: Sequence[RunWithSteps]) -> Merged:
    """Return the steps of several runs as one table.

    Curves of one strategy that were run under the same settings, versions and pool are one
    strategy's: their seeds are put together, and a seed that is the same in two of them counts
    once. Otherwise a strategy that several runs have is called by the run too: "margin · posts".
    """
    groups: dict[str, list[_Group]] = {}
    for name, run in named(runs):
        steps = paired_by_step(run.steps)  # by the others of its own run
        for strategy in sorted({str(each) for each in steps.column("strategy").to_pylist()}):
            rows = steps.filter(pc.field("strategy") == strategy)
            seeds = sorted({int(str(each)) for each in rows.column("seed").to_pylist()})
            curves = {seed: rows.filter(pc.field("seed") == seed) for seed in seeds}
            known = groups.setdefault(strategy, [])
            origin = _origin(run, strategy)
            place = next((i for i, each in enumerate(known) if each.takes(origin, curves)), None)
            if place is None:
                known.append(_Group(origin, (name,), curves))
            else:
                one = known[place]
                known[place] = _Group(origin, (*one.names, name), {**curves, **one.curves})
    tables: list[pa.Table] = []
    sources: dict[str, tuple[str, tuple[str, ...]]] = {}
    for strategy, known in groups.items():
        for group in known:
            label = strategy if len(known) == 1 else f"{strategy} · {' + '.join(group.names)}"
            sources[label] = strategy, group.names
            tables += [_called(label, rows) for rows in group.curves.values()]
    return Merged(pa.concat_tables(tables, promote_options="default"), sources)


def recorded_baseline(run: RunFacts) -> str:
    """Return the strategy that a run compares the others with: random where it names none."""
    return str(value_at(run.manifest, "configuration", "baseline") or BASELINE)


def outside(run: RunFacts) -> Mapping[str, str]:
    """Return the strategies that a run compares with no other as equals, each with the reason.

    Runs of earlier versions do not record them; of these only strategies of the table are known.
    """
    recorded = value_at(run.manifest, "configuration", "outside")
    if isinstance(recorded, Mapping):
        return {str(name): str(why) for name, why in recorded.items()}
    names = map(str, list_at(run.manifest, "configuration", "strategies"))
    known = {name: STRATEGIES.get(name.partition("(")[0].strip()) for name in names}
    return {name: each.outside for name, each in known.items() if each and each.outside}


def own_baselines(runs: Sequence[AnyRun], merged: Merged) -> dict[str, str]:
    """Return the baseline of each merged strategy: that of the first run that has it.

    A strategy of a run that lacks its baseline has none here.
    """
    wanted = {name: recorded_baseline(run) for name, run in named(runs)}
    labels = {
        (name, own): label for label, (own, names) in merged.sources.items() for name in names
    }
    found = {
        label: labels.get((names[0], wanted[names[0]]))
        for label, (_, names) in merged.sources.items()
    }
    return {label: base for label, base in found.items() if base is not None}


def renamed(merged: Merged, names: Mapping[str, str]) -> Merged:
    """Return merged runs whose strategies are called as wished; one of a run, "ours · posts".

    The sources keep the names that the runs have.

    Raises:
        UsageError: If there is no such strategy, or two would be called the same.
    """
    own = [strategy for strategy, _ in merged.sources.values()]
    called = {label: label for label in merged.sources}
    for old, new in names.items():
        if old not in called and old not in own:
            mend = nearest(old, dict.fromkeys([*called, *own]))
            raise UsageError(f"no strategy is called {old!r}", "--rename", mend)
        for label, (strategy, _) in merged.sources.items():
            if old in (label, strategy):
                called[label] = new if old == label else new + label.removeprefix(strategy)
    if len(set(called.values())) < len(called):
        twice = next(name for name in called.values() if [*called.values()].count(name) > 1)
        raise UsageError(f"two would be called {twice!r}", "--rename", "give each its own name")
    labels = [called[str(label)] for label in merged.steps.column("strategy").to_pylist()]
    place = merged.steps.schema.get_field_index("strategy")
    column = merged.steps.schema.field(place), pa.array(labels, pa.string())
    sources = {called[label]: source for label, source in merged.sources.items()}
    return Merged(merged.steps.set_column(place, *column), sources)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Curves of one strategy from runs that differ in nothing that the numbers come from."""

    origin: str | None
    names: tuple[str, ...]  # of the runs
    curves: Mapping[int, pa.Table]  # by seed

    def takes(self, origin: str | None, curves: Mapping[int, pa.Table]) -> bool:
        """Return whether curves of another run belong here."""
        shared = self.curves.keys() & curves.keys()
        return (
            origin is not None
            and origin == self.origin
            and all(self.curves[seed].equals(curves[seed]) for seed in shared)
        )


def _origin(run: RunFacts, strategy: str) -> str | None:
    """Return all that a curve comes from besides its seed, as text; None if it is not recorded."""
    settings = _settings(run)
    if settings is None:
        return None
    paths = [path for _, *path in _ALIKE]
    paths += [["configuration", "parameters", strategy], ["versions", "alsim"]]
    facts = [value_at(run.manifest, *path) for path in paths]
    return json.dumps([settings, *facts], sort_keys=True)


def _settings(run: RunFacts) -> dict[str, object] | None:
    configuration = run.manifest.get("configuration")
    if not isinstance(configuration, Mapping):
        return None
    found = {str(key): value for key, value in configuration.items() if key not in _FREE}
    if oracle := object_at(run.manifest, "configuration", "oracle"):
        # The content of its files is recorded beside their paths.
        found["oracle"] = {key: value for key, value in oracle.items() if key != "files"}
    return found


def _flat(value: object, path: str = "") -> dict[str, str]:
    """Return the leaves of nested JSON values as JSON text, by their paths."""
    if not isinstance(value, Mapping):
        return {path: json.dumps(value, ensure_ascii=False)}
    found: dict[str, str] = {}
    for key, each in value.items():
        found |= _flat(each, f"{path}.{key}" if path else str(key))
    return found


def _called(label: str, rows: pa.Table) -> pa.Table:
    place = rows.schema.get_field_index("strategy")
    labels = pa.array([label] * rows.num_rows, pa.string())
    return rows.set_column(place, rows.schema.field(place), labels)
