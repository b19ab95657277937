"""The summary of a deal as lines of text."""

from __future__ import annotations

import textwrap
from collections import Counter

from neocalc.report.deal_page import show
from neocalc.report.deal_summary import DealSummary
from neocalc.report.money import number
from neocalc.report.page import spelled

_WIDTH = 100


def summary_lines(summary: DealSummary) -> list[str]:
    """Return the table of lives, then what became of covenants and checks."""
    table = [("", *map(spelled, summary.policies), "reported", "kind")]
    for line in summary.lines:
        cells = [_cell(value, line.unit) for value in line.values]
        reported = "" if line.reported is None else _cell(line.reported, line.unit)
        table.append((line.label, *cells, reported, line.kind or ""))
    label = max(len(row[0]) for row in table) + 2
    width = max(len(cell) for row in table for cell in row[1:-1]) + 3
    lines = [f"{summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}, {summary.currency} million"]
    lines += [
        (row[0].ljust(label) + "".join(cell.rjust(width) for cell in row[1:-1]) + f"  {row[-1]}").rstrip()
        for row in table
    ]
    notes = [f"{line.label}: {line.note}." for line in summary.lines if line.note]
    lines += [part for note in notes for part in textwrap.wrap(note, _WIDTH)]
    lines += ["", *_covenants(summary), *_checks(summary)]
    # Control characters in a name must not reach a terminal.
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return "not known"
    return number(value / 1e6, 3) if unit == "money" else show(value, unit, "")


def _covenants(summary: DealSummary) -> list[str]:
    if not summary.covenants:
        return ["Covenants: none"]
    lines = ["Covenants (of each its worst test):"]
    for test in summary.covenants:
        of = "" if test["entity_id"] is None else f" of {test['entity_id']}"
        status = str(test["status"]).replace("_", " ")
        lines.append(
            f"  {test['covenant_id']}{of}, {test['level']}: {status} on {test['period_end']:%Y-%m-%d}"
        )
    return lines


def _checks(summary: DealSummary) -> list[str]:
    if not summary.checks:
        return []
    found = Counter(check.within for check in summary.checks)
    kinds = Counter(check.kind for check in summary.checks)
    words = ", ".join(f"{kinds[kind]} {kind}" for kind in "EAFL" if kinds[kind])
    within = f"{found[True]} within tolerance, {found[False]} outside, {found[None]} not computed"
    meaning = "E exact, A approximate, F fitted, L logic only"
    lines = [f"Published figures: {within} ({words}; {meaning})"]
    for check in summary.checks:
        if check.within is False:
            off = check.difference_rate or 0.0
            lines.append(f"  outside: {check.label}, {number(off * 100, 2)} % off")
    return lines
