"""Draw docs/delayed_draw.svg: what a facility owes, and what its servers are worth under two lives.

`python scripts/draw_collateral.py` writes it again; a test holds the committed picture to the byte.
"""

from __future__ import annotations

import datetime as dt
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd

import neocalc as nc
from neocalc.report.svg import WIDTH, Plot, Point, text_width, ticks

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "delayed_draw.svg"
LIVES = (4, 6)
ADVANCE_RATE = 0.75
LENT_OF_COST = 0.60
_START = dt.date(2024, 5, 16)
_STYLE = """<style>
svg { --paper: #ffffff; --ink: #16181d; --muted: #5f6470; --grid: #e5e3dd; --short: #c8354b; --long: #1b6799;
  background: var(--paper); }
@media (prefers-color-scheme: dark) {
  svg { --paper: #191c23; --ink: #eceef2; --muted: #9aa1ae; --grid: #2f343f; --short: #ff7b89;
    --long: #6cb8e6; }
}
text { font: 13px "Inter", "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: var(--ink); }
.axis { fill: var(--muted); }
.label { font-weight: 700; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.grid { stroke: var(--grid); }
.zero { stroke: var(--muted); }
.line { fill: none; stroke-width: 2.4; stroke-linejoin: round; }
.dashed { fill: none; stroke-width: 1.8; stroke-dasharray: 6 4; }
</style>"""


def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the loan, its draws and the servers that they paid for, in $ million."""
    draws = pd.DataFrame(
        {
            "loan_id": "DDTL 2.0",
            "date": pd.to_datetime(["2024-06-30", "2024-09-30", "2024-12-31", "2025-02-28"]),
            "amount": [1000.000, 1500.000, 1343.819, 542.484],
        }
    )
    fleet = pd.DataFrame(
        {
            "asset_id": range(len(draws)),
            "cost": (draws["amount"] / LENT_OF_COST).round(3),
            "in_service_date": draws["date"],
            "facility_id": "DDTL 2.0",
        }
    )
    loan = pd.DataFrame(
        {
            "loan_id": ["DDTL 2.0"],
            "facility_id": "DDTL 2.0",
            "commitment": 7600.0,
            "start_date": _START,
            "draw_end_date": dt.date(2025, 6, 30),
            "maturity_date": dt.date(2029, 10, 28),
            "annual_rate": 0.103,
            "profile": "level_principal",
            "frequency": "quarterly",
            "first_payment_date": dt.date(2024, 7, 28),
            "interest_only_months": 15,
            "day_count": "ACT/360",
        }
    )
    return loan, draws, fleet


def value_of(fleet: pd.DataFrame, years: int) -> pd.DataFrame:
    """Return what the servers are worth in the books, month by month."""
    policy = nc.straight_line(years=years, convention="next_month")
    value: pd.DataFrame = nc.depreciate(fleet, policy, by=["facility_id"], minor_units=3)
    return value


def _owed(years: int | None = None) -> tuple[list[dt.date], list[float]]:
    """Return what is owed after each movement; with a useful life, under a borrowing base."""
    loan, draws, fleet = tables()
    collateral = None if years is None else value_of(fleet, years)
    loan["advance_rate"] = None if years is None else ADVANCE_RATE
    rows = nc.amortize(loan, draws=draws, collateral=collateral, minor_units=3)
    return [day.date() for day in rows["payment_date"]], rows["closing_balance"].tolist()


def _steps(dates: list[dt.date], values: list[float], end: float) -> list[Point]:
    """A balance stands until the next movement."""
    points: list[Point] = []
    for (day, value), (after, _) in pairwise(
        [*zip(dates, values, strict=True), (dt.date.fromordinal(int(end)), 0.0)]
    ):
        points += [(float(day.toordinal()), value), (float(after.toordinal()), value)]
    return points


def picture() -> str:
    """Return the picture."""
    _, _, fleet = tables()
    limits = {}
    for years in LIVES:
        value = value_of(fleet, years)
        dates = [float(day.toordinal()) for day in value["period_end"]]
        limits[years] = list(zip(dates, (value["closing_book_value"] * ADVANCE_RATE).tolist(), strict=True))
    first, last = float(_START.toordinal()), float(dt.date(2030, 12, 31).toordinal())
    highest = max(value for points in limits.values() for _, value in points)
    marks = ticks(0.0, highest * 1.08)
    plot = Plot((first, last), (0.0, highest * 1.08), marks, [f"${value / 1000:.1f}bn" for value in marks])
    colours = {LIVES[0]: "var(--short)", LIVES[1]: "var(--long)"}
    for years, points in limits.items():
        plot.line([point for point in points if point[0] <= last], colours[years], "dashed")
    plot.line(_steps(*_owed(), last), "var(--ink)")
    plot.line(_steps(*_owed(LIVES[0]), last), colours[LIVES[0]])
    for year in range(2025, 2031):
        at = float(dt.date(year, 1, 1).toordinal())
        plot.tick(at)
        plot.text(plot.x(at + 182), plot.bottom + 20, str(year), kind="axis")
    notes = [
        ("owed as scheduled", "var(--ink)"),
        ("owed under a borrowing base at four years", colours[LIVES[0]]),
        (f"dashed: {ADVANCE_RATE:.0%} of book value at four years", colours[LIVES[0]]),
        (f"dashed: {ADVANCE_RATE:.0%} of book value at six years", colours[LIVES[1]]),
    ]
    for place, (text, colour) in enumerate(notes):
        plot.text(
            WIDTH - 12 - max(text_width(note) for note, _ in notes),
            40 + 19 * place,
            text,
            colour=colour,
            anchor="start",
        )
    drawing = plot.render(
        "delayed-draw",
        "What a delayed-draw facility owes against depreciated collateral",
        "As scheduled, the balance stays under three quarters of book value at six years of useful life and "
        "rises above it at four; a borrowing base then repays the excess.",
    )
    head, _, rest = drawing.partition("\n")
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return f"{head}\n{_STYLE}\n{rest}\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"wrote {PICTURE.relative_to(ROOT)}\n")
