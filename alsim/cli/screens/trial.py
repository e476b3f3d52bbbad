"""What `alsim run --dry-run` shows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from alsim.cli.screens.output import print_json, print_lines, print_remarks
from alsim.cli.screens.starting import starting

_MEGABYTE = 1 << 20
_UNITS = ((1e-3, "ms"), (1, "s"), (60, "min"))


def print_trial(given: Mapping[str, Any], *, as_json: bool) -> None:
    """Measure a run for about a second, and print its plan, time and memory.

    Raises:
        AlsimError: For anything that would end the run.
    """
    with starting():
        from alsim.studies.curves.run import dry_run
        from alsim.studies.curves.trial import Trial
    found: Trial = dry_run(**given)
    names = ("passive_seconds", "active_seconds", "ceiling_seconds")
    whole = {name: getattr(found, name) for name in names}
    if as_json:
        print_json({**asdict(found), **whole})
        return
    print_remarks("note", found.notes)
    each = ", ".join(f"{name} {_time(s)}" for name, s in found.query_seconds.items())
    n, workers = found.n_passives, found.workers
    with_workers = f" with {workers} worker{'s' if workers > 1 else ''}" if workers else ""
    lines = [
        found.plan,
        f"time: at most about {_time(sum(whole.values()))}{with_workers}",
        f"  to start with: {n} training{'s' if n > 1 else ''} of at most {found.most_epochs:,} "
        f"epochs of {_time(found.epoch_seconds)}, {_time(found.passive_seconds)}; most stop early",
        f"  queries: at most {found.n_queries:,} for each strategy and seed, "
        f"{_time(found.active_seconds)}; halfway, one takes: {each}",
    ]
    if (n := found.n_ceilings) > 0:
        lines.append(
            f"  on all labels: {n} training{'s' if n > 1 else ''} of at most "
            f"{found.most_epochs:,} epochs of about {_time(found.ceiling_epoch_seconds)}, "
            f"{_time(found.ceiling_seconds)}; most stop early"
        )
    if found.looks:
        *first, last = map(str, found.looks)
        at = f"{', '.join(first)} and {last} seeds" if first else f"{last} seeds"
        lines.append(f"  looks at {at}: what is decided at one needs no more, which is not counted")
    if found.worker_bytes is not None:
        of = "for each worker, which share the pool" if workers > 1 else "in all"
        lines.append(f"memory: about {found.worker_bytes / _MEGABYTE:,.0f} MB {of}")
    print_lines([*lines, "measured on this machine just now; nothing was written"])


def _time(seconds: float) -> str:
    """Return a time in the unit that suits it, with two digits or so."""
    units = [(unit, name) for unit, name in _UNITS if seconds < 100 * unit] or [(3600, "h")]
    unit, name = units[0]
    value = seconds / unit
    return f"{value:,.0f} {name}" if value >= 10 else f"{value:.2g} {name}"
