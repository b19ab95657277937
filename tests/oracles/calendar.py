"""Day counts, business days and payment schedules again, in the plainest Python: datetime and fractions.

Written from the definitions (2006 ISDA Definitions 4.12 and 4.16, ICMA rule 251, ACTUS), apart from the package.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Collection
from fractions import Fraction

DAY = dt.timedelta(days=1)


def last_day(date: dt.date) -> int:
    return calendar.monthrange(date.year, date.month)[1]


def shift(anchor: dt.date, months: int, end_of_month: bool = False) -> dt.date:
    """The anchor, whole months away; on the month's last day where it has no such day, or where that is asked."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    longest = calendar.monthrange(year, month + 1)[1]
    stays_last = end_of_month and anchor.day == last_day(anchor)
    return dt.date(year, month + 1, longest if stays_last else min(anchor.day, longest))


# --- day counts -----------------------------------------------------------------------------------------------


def isda(start: dt.date, end: dt.date) -> Fraction:
    """Days in leap years over 366, days in other years over 365, year by year."""
    total = Fraction(0)
    while start < end:
        stop = min(end, dt.date(start.year + 1, 1, 1))
        total += Fraction((stop - start).days, 366 if calendar.isleap(start.year) else 365)
        start = stop
    return total


def icma(start: dt.date, end: dt.date, anchor: dt.date, months: int, end_of_month: bool) -> Fraction:
    """Walk over the regular periods around an anchor and add up each one's share."""
    number = 0
    while shift(anchor, number * months, end_of_month) > start:
        number -= 1
    while shift(anchor, (number + 1) * months, end_of_month) <= start:
        number += 1
    total = Fraction(0)
    while (opening := shift(anchor, number * months, end_of_month)) < end:
        closing = shift(anchor, (number + 1) * months, end_of_month)
        days = (min(end, closing) - max(start, opening)).days
        total += Fraction(days * months, 12 * (closing - opening).days)
        number += 1
    return total


def thirty(start: dt.date, end: dt.date, day_count: str, maturity: dt.date | None) -> Fraction:
    """Months of thirty days, as the clauses say it step by step."""
    first, last = start.day, end.day

    def ends_february(date: dt.date) -> bool:
        return date.month == 2 and date.day == last_day(date)

    if day_count == "30/360":
        if first == 31:
            first = 30
        if last == 31 and first in (30, 31):
            last = 30
    elif day_count == "30/360 US":
        if ends_february(start) and ends_february(end):
            last = 30
        if ends_february(start):
            first = 30
        if last == 31 and first in (30, 31):
            last = 30
        if first == 31:
            first = 30
    elif day_count == "30E/360":
        first, last = min(first, 30), min(last, 30)
    elif day_count == "30E/360 ISDA":
        if ends_february(start) or first == 31:
            first = 30
        if (ends_february(end) and end != maturity) or last == 31:
            last = 30
    months = (end.year - start.year) * 12 + end.month - start.month
    return Fraction(30 * months + last - first, 360)


def year_fraction(
    start: dt.date,
    end: dt.date,
    day_count: str,
    *,
    maturity: dt.date | None = None,
    anchor: dt.date | None = None,
    months: int = 12,
    end_of_month: bool = False,
) -> Fraction:
    """The part of a year, the start counted and the end not; `anchor` and `months` are the coupons of ICMA."""
    if start > end:
        given = {"maturity": maturity, "months": months, "end_of_month": end_of_month}
        return -year_fraction(end, start, day_count, anchor=anchor, **given)  # type: ignore[arg-type]
    days = (end - start).days
    if day_count == "ACT/360":
        return Fraction(days, 360)
    if day_count == "ACT/365F":
        return Fraction(days, 365)
    if day_count == "ACT/ACT ISDA":
        return isda(start, end)
    if day_count == "ACT/ACT ICMA":
        return icma(start, end, anchor or start, months, end_of_month)
    if day_count == "28E/336":
        whole = (end.year - start.year) * 12 + end.month - start.month
        return Fraction(28 * whole + min(end.day, 28) - min(start.day, 28), 336)
    return thirty(start, end, day_count, maturity)


# --- business days --------------------------------------------------------------------------------------------


def is_open(date: dt.date, holidays: Collection[dt.date], weekend: Collection[int] = (5, 6)) -> bool:
    return date.weekday() not in weekend and date not in holidays


def adjust(
    date: dt.date, convention: str, holidays: Collection[dt.date], weekend: Collection[int] = (5, 6)
) -> dt.date | None:
    """The business day a date is moved to; None where the month of a modified convention has none."""

    def walk(step: dt.timedelta) -> dt.date:
        found = date
        while not is_open(found, holidays, weekend):
            found += step
        return found

    if convention == "none":
        return date
    if convention == "following":
        return walk(DAY)
    if convention == "preceding":
        return walk(-DAY)
    steps = (DAY, -DAY) if convention == "modified_following" else (-DAY, DAY)
    for step in steps:
        if (found := walk(step)).month == date.month:
            return found
    return None


# --- schedules ------------------------------------------------------------------------------------------------


def step(anchor: dt.date, cycle: str, number: int, end_of_month: bool) -> dt.date:
    count, unit = int(cycle[:-1]), cycle[-1]
    if unit in "DW":
        return anchor + DAY * (count * number * (7 if unit == "W" else 1))
    return shift(anchor, count * number * {"M": 1, "Q": 3, "H": 6, "Y": 12}[unit], end_of_month)


def payment_dates(
    start: dt.date,
    end: dt.date,
    cycle: str,
    *,
    stub: str = "short_back",
    end_of_month: bool = False,
    first: dt.date | None = None,
) -> list[dt.date]:
    """All payments, the end included: every date is stepped from the anchor, and the rest is a stub."""
    found: list[dt.date] = []
    if stub.endswith("back") or first is not None:
        anchor = first or start
        number = 0
        while (date := step(anchor, cycle, number, end_of_month)) < end:
            if date > start:
                found.append(date)
            number += 1
        if stub == "long_back" and date != end and found and found[-1] != first:
            found.pop()
    else:
        number = -1
        while (date := step(end, cycle, number, end_of_month)) > start:
            found.insert(0, date)
            number -= 1
        if stub == "long_front" and date != start and found:
            found.pop(0)
    return [*found, end]
