"""The labels that a run queried, for other models to be trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alsim.analysis.curves.runs import outside
from alsim.analysis.manifest import value_at
from alsim.errors import PoolError, StoreError, UsageError
from alsim.options.sizes import DEFAULT_INITIAL_SIZE
from alsim.pool.loading import LoadedPool
from alsim.pool.splits import FreeValidation, PaidValidation, Validation
from alsim.store.curves import Run, read_run
from alsim.strategies.table import NO_QUERY
from alsim.studies.training.mapped_queries import write_queries

FLAG = "--queries"


@dataclass(frozen=True, slots=True, eq=False)
class QueriedRun:
    """A finished run, of some of its seeds."""

    run: Run
    strategies: tuple[str, ...]
    seeds: tuple[int, ...]

    @property
    def validation(self) -> Validation:
        """Return which rows the run had for validation."""
        options: Any = self.run.manifest.get("options")
        ids = options.get("initial_ids")
        # Runs of alsim 0.3 and earlier did not pay for them; those of 0.2 keep sizes together.
        if options.get("validation_size", "free") != "free":
            size = int(str(value_at(self.run.manifest, "pool", "rows", "validation")))
            return PaidValidation(lambda answers, rows, is_given: size, frozenset(ids or ()))
        size = options.get("schedule", options)["initial_size"]
        in_cells = options.get("unit") == "cell" and ids is None
        return FreeValidation((size if ids is None else len(ids)) or DEFAULT_INITIAL_SIZE, in_cells)


def open_queries(folder: Path, seeds: Sequence[int] | None) -> QueriedRun:
    """Return a run whose queries are trained on.

    Without `seeds` it is all that the run has.

    Raises:
        StoreError: If there is no run, or it is not complete.
        UsageError: If it lacks one of the seeds.
    """
    run = read_run(folder)
    if run.status != "complete":
        raise StoreError(
            f"the run is not finished ({run.status}): what it will query is not known",
            str(folder),
            f"finish it first: alsim resume {folder}",
        )
    pairs = run.queries.select(["strategy", "seed"])
    silent = _silent(run)
    names = set(map(str, pc.unique(pairs.column("strategy")).to_pylist()))
    strategies = tuple(sorted(names - silent))
    known = sorted(int(str(seed)) for seed in pc.unique(pairs.column("seed")).to_pylist())
    missing = [seed for seed in seeds or () if seed not in known]
    if missing:
        raise UsageError(
            f"the run has no seed {missing[0]}",
            "--seeds",
            f"leave it out for all of its seeds: {', '.join(map(str, known))}",
        )
    return QueriedRun(run, strategies, tuple(known if seeds is None else seeds))


def keep_queries(queried: QueriedRun, loaded: LoadedPool, work: Path) -> tuple[str, list[str]]:
    """Write the queries into `work` for the workers; return their digest, and notes.

    Raises:
        PoolError: If the pool is not the run's.
    """
    run, pool = queried.run, loaded.pool
    _refuse_other_pool(run, loaded)
    table = _table_of(queried)
    table = table.sort_by(
        [(name, "ascending") for name in ("strategy", "seed", "step", "rank", "task")]
    )
    ids = pc.cast(table.column("id"), pa.string()).combine_chunks().dictionary_encode()
    rows = np.array(pool.rows_of(map(str, ids.dictionary.to_pylist()), "train"), np.int64)
    columns: Any = (table.column(n).to_pylist() for n in ("strategy", "seed", "task", "answer"))
    strategies, seeds, names, answers = columns
    codes = {name: {c: i for i, c in enumerate(t.classes)} for name, t in pool.tasks.items()}
    labels = [codes[n].get(a, -1) for n, a in zip(names, answers, strict=True)]
    digest = write_queries(
        work, strategies, seeds, names,
        unit=_units(table), row=rows[ids.indices.to_numpy()].tolist(), label=labels,
    )  # fmt: skip
    notes = [f"{name} queried nothing, so it has no labels to train on" for name in _silent(run)]
    n_partial = sum(label < 0 for label in labels)
    if n_partial:
        notes.append(
            f"{n_partial:,} of the {len(labels):,} answers of {run.name} are no class, left out"
        )
    left_out = [name for name in pool.tasks if name not in names]
    if left_out:
        notes.append(f"{run.name} queried no label of: {', '.join(left_out)}; not trained")
    return digest, notes


def notes_on_initial(queried: QueriedRun, fractions: Sequence[float]) -> list[str]:
    """Return a note on each fraction that has nothing but initial labels."""
    table = _table_of(queried)
    units: dict[tuple[Any, ...], set[tuple[int, int]]] = {}
    n_initial: Counter[tuple[Any, ...]] = Counter()
    for row in table.select(["strategy", "seed", "step", "rank"]).to_pylist():
        pair = row["strategy"], row["seed"]
        units.setdefault(pair, set()).add((row["step"], row["rank"]))
        n_initial[pair] += row["step"] == 0
    if len(queried.strategies) == 1:
        return []
    least, most = min(n_initial.values()), max(n_initial.values())
    labels = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return [
        f"a fraction of {fraction:g} lies within the {labels} initial labels: every strategy has "
        "the same ones there"
        for fraction in fractions
        if all(
            round(fraction * len(each)) <= sum(step == 0 for step, _ in each)
            for each in units.values()
        )
    ]


def _silent(run: Run) -> set[str]:
    """Return the strategies of a run that query nothing."""
    return {name for name, why in outside(run).items() if why == NO_QUERY}


def _table_of(queried: QueriedRun) -> pa.Table:
    """Return the queries of the chosen strategies and seeds."""
    is_chosen = pc.field("seed").isin(list(queried.seeds))
    return queried.run.queries.filter(
        is_chosen & pc.field("strategy").isin(list(queried.strategies))
    )


def _units(table: pa.Table) -> list[int]:
    """Return the number of each cell's unit, from 0 in each strategy and seed.

    The cells of a unit share step and rank.
    """
    columns = [table.column(name).to_pylist() for name in ("strategy", "seed", "step", "rank")]
    units: list[int] = []
    last: tuple[Any, ...] = ()
    for key in zip(*columns, strict=True):
        if key[:2] != last[:2]:
            units.append(0)
        else:
            units.append(units[-1] + (key != last))
        last = key
    return units


def _refuse_other_pool(run: Run, loaded: LoadedPool) -> None:
    pool: Any = run.manifest.get("pool")
    mend = "name the run's own pool, with the label columns and inputs that the run had"
    for what, mine in (("fingerprint", loaded.fingerprint), ("splits", loaded.split_fingerprint)):
        theirs = pool.get(what) if isinstance(pool, Mapping) else None
        if theirs != mine:
            lacks = "it holds something else" if what == "fingerprint" else "other rows are in test"
            raise PoolError(
                f"the pool is not the one that {run.name} queried: {lacks} ({what} {theirs} "
                f"there, {mine} here)",
                f"{FLAG} {run.folder}",
                mend if what == "fingerprint" else "give the run's --split-seed and --split",
            )
