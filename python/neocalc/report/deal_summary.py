"""A deal in a few numbers, under one policy or several, beside what was reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neocalc.deal._checks import Check, Checks
from neocalc.deal._outcomes import DealResult
from neocalc.report.comparison import column_values

# A line of the summary: what it is, the statement's line, and whether months of it are summed.
_LINES = (
    ("Operating result", "income_statement", "operating_income", True),
    ("Depreciation of property", "property", "depreciation", True),
    ("Net property and equipment", "property", "closing_property", False),
)
_WORST_FIRST = (
    *("breach", "draw_stop", "lock_up", "undefined", "unknown", "insufficient_data"),
    *("at_risk", "waived", "cured", "pass", "not_tested"),
)
COVER = "Collateral cover at book value"


@dataclass(frozen=True)
class Line:
    """One figure under each policy, and what was reported of it; None is not known."""

    label: str
    unit: str  # money or times
    values: tuple[float | None, ...]
    reported: float | None
    kind: str | None
    note: str | None


@dataclass(frozen=True)
class DealSummary:
    """What the command prints and the page draws."""

    title: str
    currency: str
    first: Any  # the first and the last day, dates
    last: Any
    policies: tuple[str, ...]
    lines: tuple[Line, ...]
    checks: tuple[Check, ...]  # of the base case
    covenants: tuple[Mapping[str, Any], ...]
    breached: bool
    past_due: int


def summarise(base: DealResult, results: Mapping[str, DealResult] | None = None) -> DealSummary:
    """Take the figures out of a deal that was run, and out of the runs beside it."""
    shown = dict(results) if results else {base.policy or "base": base}
    checks = tuple(Checks(base._results).all(base.policy))
    by_measure = {check.measure: check for check in checks}
    lines = []
    for label, frame, line, flow in _LINES:
        values = tuple(_value(result, frame, line, flow) for result in shown.values())
        check = by_measure.get(f"{frame}.{line}")
        lines.append(
            Line(
                label,
                "money",
                values,
                None if check is None else float(check.published),
                None if check is None else check.kind,
                None if check is None else check.note,
            )
        )
    lines.append(Line(COVER, "times", tuple(map(collateral_cover, shown.values())), None, None, None))
    ends = column_values(base.to_frame("property"), "period_end")
    return DealSummary(
        title=base.name,
        currency=base.currency,
        first=_first_of_month(ends[0]),
        last=ends[-1],
        policies=tuple(shown),
        lines=tuple(lines),
        checks=checks,
        covenants=_last_tests(base),
        breached=base.breached,
        past_due=len(column_values(base.past_due, "past_due")),
    )


def _first_of_month(day: Any) -> Any:
    return day.replace(day=1)


def _value(result: DealResult, frame: str, line: str, flow: bool) -> float | None:
    values = column_values(result.to_frame(frame), line)
    if not flow:
        values = values[-1:]
    known = [float(value) for value in values if not _is_null(value)]
    return sum(known) if len(known) == len(values) else None


def _is_null(value: Any) -> bool:
    return value is None or value != value


def collateral_cover(result: DealResult) -> float | None:
    """Return the book value of what secures facilities over what they owe, at the end."""
    frame = result.to_frame("ltv")
    days, draws = column_values(frame, "period_end"), column_values(frame, "draw_number")
    values, balances = column_values(frame, "book_value"), column_values(frame, "balance")
    last = max(days, default=None)
    value = owed = 0.0
    for day, draw, own, balance in zip(days, draws, values, balances, strict=True):
        if day != last or not _is_null(draw) or _is_null(own) or not own:
            continue
        if _is_null(balance):
            return None
        value, owed = value + float(own), owed + float(balance)
    return value / owed if owed else None


def _last_tests(result: DealResult) -> tuple[Mapping[str, Any], ...]:
    """Return for each covenant its worst test, or the last one where all are as good."""
    frame = result.to_frame("covenants")
    names = ("covenant_id", "level", "period_end", "status")
    units = result._results.units()
    columns: dict[str, Sequence[Any]] = {name: column_values(frame, name) for name in names}
    has_entity = "entity_id" in _names(frame)
    columns["entity_id"] = (
        column_values(frame, "entity_id") if has_entity else [None] * len(columns["status"])
    )
    for name in ("value", "threshold"):
        columns[name] = (
            column_values(frame, name) if name in _names(frame) else [None] * len(columns["status"])
        )
    worst: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in range(len(columns["status"])):
        test = {name: values[row] for name, values in columns.items()}
        test = {name: None if _is_null(value) else value for name, value in test.items()}
        test["unit"] = units[row]
        key = (test["entity_id"], test["covenant_id"], test["level"])
        rank = _WORST_FIRST.index(str(test["status"]))
        known = worst.get(key)
        if known is None or rank <= _WORST_FIRST.index(str(known["status"])):
            worst[key] = test
    return tuple(worst.values())


def _names(frame: Any) -> list[str]:
    return [str(name) for name in getattr(frame, "column_names", None) or frame.columns]
