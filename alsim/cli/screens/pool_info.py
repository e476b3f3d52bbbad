"""How `alsim pool info` looks: on a terminal, and in a pipe."""

import sys
from typing import TYPE_CHECKING

from alsim.cli.screen import console, styled
from alsim.cli.screens.output import print_gap, print_lines
from alsim.cli.screens.tables import TextTable, print_table
from alsim.escaping import visible

if TYPE_CHECKING:
    from alsim.pool.summary import LabelSummary, PoolSummary

MAX_BARS = 25
PIPE_WIDTH = 80
EIGHTHS = " ▏▎▍▌▋▊▉"


def print_info(summary: "PoolSummary") -> None:
    """Print a pool at a glance to stdout."""
    if not sys.stdout.isatty():
        print_lines(_plain(summary))
        return
    from rich.box import ROUNDED
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    shown = console()
    shown.print(styled(summary.where), soft_wrap=True)  # a path is left whole
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(summary):
        facts.add_row(styled(name, "dim"), styled(value))
    shown.print(Panel(facts, box=ROUNDED))
    if summary.modalities:
        headers = ("modality", "width", "present", "type")
        print_table(TextTable(headers, _modality_rows(summary), (1, 2)), otherwise="add --json")
        print_gap()
    if summary.features:
        headers = ("column of features", "kind", "place")
        print_table(TextTable(headers, _feature_rows(summary), (2,)), otherwise="add --json")
        print_gap()
    styles = {"label": "bold", "fault": "bold red", "warning": "yellow", "note": "dim"}
    for label in summary.labels:
        kind, title = _title(summary, label)
        shown.print(styled(title, styles.get(kind, "")))
        if kind == "label":
            for name, bar, count in _bars(label, shown.width):
                shown.print(Text.assemble(f"  {name}  ", (bar, "cyan"), f" {count}"), no_wrap=True)
            shown.print()
    for kind, sentence in _remarks(summary):
        shown.print(Text.assemble((f"{kind}: ", styles[kind]), styled(sentence)))


def _facts(summary: "PoolSummary") -> list[tuple[str, str]]:
    splits = ", ".join(f"{split} {n:,}" for split, n in summary.n_split.items())
    columns = [f"{name} ({type_})" for name, type_ in summary.other_columns.items()]
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    facts = {
        "rows": f"{summary.n_rows:,}",
        "splits": splits,
        "memory": f"{_size(summary.memory_bytes)} as float32",
        "id column": summary.id or "the row number",
        "split column": summary.split or "none: a part is held out as test",
        "task column": summary.task,
        "other columns": ", ".join(columns[:12]) + more,
    }
    return [(name, value) for name, value in facts.items() if value]


def _feature_rows(summary: "PoolSummary") -> list[tuple[str, str, str]]:
    """Return name, kind and places of the encoded columns, these as a slice has them."""
    rows: list[tuple[str, str, str]] = []
    at = 0
    for feature in summary.features:
        width = len(feature.columns)
        rows.append((feature.name, feature.kind, f"{at}:{at + width}"))
        at += width
    return rows


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.1f} MB"


def _modality_rows(summary: "PoolSummary") -> list[tuple[str, str, str, str]]:
    return [
        (modality.name, str(modality.width), _percent(modality.share_present), modality.type)
        for modality in summary.modalities
    ]


def _percent(share: float) -> str:
    # Rounded towards 99.99, so that 100 means all.
    return "100 %" if share == 1 else f"{min(100 * share, 99.99):.2f} %"


def _title(summary: "PoolSummary", label: "LabelSummary") -> tuple[str, str]:
    """Return whether a label is a task of some rows alone, and what it holds."""
    counts, is_target = list(label.counts.values()), label.kind == "target"
    if summary.task is not None:
        kind = "a target" if is_target else f"{len(counts)} classes"
        return "task", f"{label.name}: {kind}, {summary.n_rows - label.n_unknown:,} rows"
    what, spread = "a regression target" if is_target else f"{len(counts)} classes", ""
    if label.moments and is_target:
        spread = ", mean {:.4g}, deviation {:.4g}".format(*label.moments)
    elif counts and not is_target:
        spread = f", from {counts[0]:,} rows to {counts[-1]:,}"
    unknown = f", {label.n_unknown:,} rows unknown" if label.n_unknown else ""
    return "label", f"{label.name}: {what}{spread}{unknown}"


def _bars(label: "LabelSummary", width: int) -> list[tuple[str, str, str]]:
    """Return name, bar and count of the most frequent classes, as wide as `width` allows."""
    shown = [(visible(name), n) for name, n in label.counts.items()][:MAX_BARS]
    if not shown:
        return []
    rest = list(label.counts.values())[MAX_BARS:]
    most = max(count for _, count in shown)
    names = min(max(len(name) for name, _ in shown), max(width // 3, 8))
    room = max(width - names - len(f"{most:,}") - 6, 1)
    lines = [(_fit(name, names), _bar(count / most * room), f"{count:,}") for name, count in shown]
    if rest:
        lines.append((_fit(f"{len(rest)} more", names), "", f"{sum(rest):,}"))
    return lines


def _fit(name: str, width: int) -> str:
    return name.ljust(width) if len(name) <= width else name[: width - 1] + "…"


def _bar(length: float) -> str:
    eighths = max(round(8 * length), 1)
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def _remarks(summary: "PoolSummary") -> list[tuple[str, str]]:
    kinds = {"fault": summary.faults, "warning": summary.warnings, "note": summary.notes}
    return [(kind, sentence) for kind, sentences in kinds.items() for sentence in sentences]


def _plain(summary: "PoolSummary") -> list[str]:
    lines = [summary.where, *(f"{name}: {value}" for name, value in _facts(summary))]
    for name, width, present, type_ in _modality_rows(summary):
        lines.append(f"modality {name}: width {width}, {type_}, present {present}")
    for name, kind, place in _feature_rows(summary):
        lines.append(f"  {name}: {kind}, features[{place}]")
    for label in summary.labels:
        kind, title = _title(summary, label)
        lines.append(f"{kind} {title}")
        bars = _bars(label, PIPE_WIDTH) if kind == "label" else ()
        lines.extend(f"  {name}  {bar} {count}".rstrip() for name, bar, count in bars)
    lines.extend(f"{kind}: {sentence}" for kind, sentence in _remarks(summary))
    return lines
