"""How `alsim pool info` looks: on a terminal, and in a pipe."""

import sys
from typing import TYPE_CHECKING

from alsim.cli.screen import console, styled
from alsim.cli.screens.output import print_lines, print_table
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
        headers = ("name", "width", "type", "present")
        print_table(headers, _modality_rows(summary), title="Modalities", right=(1, 3))
    if summary.features:
        headers = ("name", "kind", "place")
        print_table(headers, _feature_rows(summary), title="Columns of features", right=(2,))
    for label in summary.labels:
        if summary.task is not None:
            shown.print(styled(_task_title(label, summary.n_rows)))
            continue
        shown.print(styled(_label_title(label), "bold"))
        for name, bar, count in _bars(label, shown.width):
            shown.print(Text.assemble(f"  {name}  ", (bar, "cyan"), f" {count}"), no_wrap=True)
        shown.print()
    styles = {"fault": "bold red", "warning": "yellow", "note": "dim"}
    for kind, sentence in _remarks(summary):
        shown.print(Text.assemble((f"{kind}: ", styles[kind]), styled(sentence)))


def _facts(summary: "PoolSummary") -> list[tuple[str, str]]:
    splits = ", ".join(f"{split} {n:,}" for split, n in summary.n_split.items())
    columns = [f"{name} ({type_})" for name, type_ in summary.other_columns.items()]
    more = f" and {len(columns) - 12} more" if len(columns) > 12 else ""
    roles = [
        ("id", summary.id or "the row number"),
        ("split", summary.split or "none: a part is held out as test"),
        *((("task", summary.task),) if summary.task else ()),
    ]
    return [
        ("rows", f"{summary.n_rows:,}"),
        ("splits", splits),
        ("memory", f"{_size(summary.memory_bytes)} as float32"),
        *((f"{name} column", value) for name, value in roles),
        *([("other columns", ", ".join(columns[:12]) + more)] if columns else []),
    ]


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
        (modality.name, str(modality.width), modality.type, _percent(modality.share_present))
        for modality in summary.modalities
    ]


def _percent(share: float) -> str:
    # Rounded towards 99.99, so that 100 means all.
    return "100 %" if share == 1 else f"{min(100 * share, 99.99):.2f} %"


def _label_title(label: "LabelSummary") -> str:
    unknown = f", {label.n_unknown:,} rows unknown" if label.n_unknown else ""
    if label.kind == "target":
        spread = ""
        if label.moments:
            spread = ", mean {:.4g}, deviation {:.4g}".format(*label.moments)
        return f"{label.name}: a regression target{spread}{unknown}"
    counts = list(label.counts.values())
    spread = f", from {counts[0]:,} rows to {counts[-1]:,}" if counts else ""
    return f"{label.name}: {len(counts)} classes{spread}{unknown}"


def _task_title(label: "LabelSummary", n_rows: int) -> str:
    kind = "a target" if label.kind == "target" else f"{len(label.counts)} classes"
    return f"{label.name}: {kind}, {n_rows - label.n_unknown:,} rows"


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
    return [
        *(("fault", sentence) for sentence in summary.faults),
        *(("warning", sentence) for sentence in summary.warnings),
        *(("note", sentence) for sentence in summary.notes),
    ]


def _plain(summary: "PoolSummary") -> list[str]:
    lines = [summary.where, *(f"{name}: {value}" for name, value in _facts(summary))]
    for name, width, type_, present in _modality_rows(summary):
        lines.append(f"modality {name}: width {width}, {type_}, present {present}")
    for name, kind, place in _feature_rows(summary):
        lines.append(f"  {name}: {kind}, features[{place}]")
    for label in summary.labels:
        if summary.task is not None:
            lines.append(f"task {_task_title(label, summary.n_rows)}")
            continue
        lines.append(f"label {_label_title(label)}")
        for name, bar, count in _bars(label, PIPE_WIDTH):
            lines.append(f"  {name}  {bar} {count}".rstrip())
    lines.extend(f"{kind}: {sentence}" for kind, sentence in _remarks(summary))
    return lines
