"""Measures of covenants, period by period and row by row, as one would do it by hand.

Nothing here is shared with the library. A period is a pair of its first and last day; a row a dict with ``series``,
``record``, ``day``, ``opening``, ``closing`` and its flows, amounts in whole minor units or None.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
DAY = dt.timedelta(days=1)


def month_end(year: int, month: int) -> dt.date:
    """Return the last day of a month; months beyond December run on."""
    year, month = year + month // 12, month % 12 + 1
    return dt.date(year, month, 1) - DAY


def month_begin(day: dt.date) -> dt.date:
    return day.replace(day=1)


def _table_span(rows: Sequence[Row], length_months: int) -> tuple[dt.date, dt.date]:
    """Return the first and the last day that the rows of a table cover."""
    first, last = min(row["day"] for row in rows), max(row["day"] for row in rows)
    begin = month_begin(first)
    for _ in range(length_months - 1):
        begin = month_begin(begin - DAY)
    return begin, month_end(last.year, last.month)


def record_measures(
    rows: Sequence[Row], series: Any, period: tuple[dt.date, dt.date], flow: str, length_months: int = 1
) -> tuple[int | None, int | None]:
    """Return a flow over a period and what is open at its end, of the records of a series; None where not known."""
    begin, end = period
    table_begin, table_end = _table_span(rows, length_months)
    total: int | None = 0
    balance: int | None = 0
    records = sorted({row["record"] for row in rows if row["series"] == series})
    if not records:
        return None, None
    for record in records:
        own = sorted(
            (row for row in rows if row["series"] == series and row["record"] == record),
            key=lambda row: row["day"],
        )
        # What it does where it has no rows: nothing, if it is empty there or the table covers it.
        if (own[0]["opening"] and begin < table_begin) or (own[-1]["closing"] and end > table_end):
            total = None
        if (own[0]["opening"] and end < table_begin) or (own[-1]["closing"] and end > table_end):
            balance = None
        for row in own:
            if begin <= row["day"] <= end:
                total = None if total is None or row[flow] is None else total + row[flow]
        before = [row for row in own if row["day"] <= end]
        open_ = before[-1]["closing"] if before else own[0]["opening"]
        balance = None if balance is None else balance + open_
    return total, balance


def cash_measures(
    rows: Sequence[Row], series: Any, period: tuple[dt.date, dt.date], name: str, needed: int
) -> tuple[int | None, int | None]:
    """Return the sum over a period of rows by period, and the value at its end; `needed` rows make one."""
    begin, end = period
    own = [row for row in rows if row["series"] == series and begin <= row["day"] <= end]
    values = [row[name] for row in own]
    total = None if len(own) != needed or None in values else sum(values)
    at_end = [row[name] for row in own if row["day"] == end]
    return total, at_end[0] if at_end else None
