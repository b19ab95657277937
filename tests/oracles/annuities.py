"""Annuities, cash flows and day spans of spreadsheets from their definitions, in fractions and long decimals.

Written to be read beside the definitions, not to be fast, and without importing neocalc.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

DIGITS = 60


def decimal(value: float | Fraction) -> Decimal:
    """The value to DIGITS digits; a float is exact."""
    if isinstance(value, Fraction):
        return Decimal(value.numerator) / Decimal(value.denominator)
    return Decimal(value)


def payment(rate: float, nper: float, pv: float, fv: float, when: int) -> Decimal:
    """Solve fv + pv g + pmt (1 + r w) (g - 1) / r = 0, with g = (1 + r)^n."""
    with localcontext(prec=DIGITS + 400):
        r, n, now, end = (decimal(value) for value in (rate, nper, pv, fv))
        if r == 0:
            return -(now + end) / n
        growth = (1 + r) ** n
        return -(end + now * growth) * r / ((growth - 1) * (1 + r * when))


def schedule(
    rate: Fraction, nper: int, pv: Fraction, fv: Fraction, when: int
) -> list[tuple[Fraction, Fraction]]:
    """(interest, principal) of each payment, by carrying the balance from one to the next."""
    growth = (1 + rate) ** nper
    due = -(fv + pv * growth) / (nper if rate == 0 else (growth - 1) * (1 + rate * when) / rate)
    balance, parts = pv, []
    for number in range(1, nper + 1):
        interest = -balance * rate
        if when:
            # Paid before the period runs: the first has borne nothing, later ones what the last period left.
            interest = Fraction(0) if number == 1 else -(balance - balance / (1 + rate))
        parts.append((interest, due - interest))
        balance = balance * (1 + rate) + due if not when else (balance + due) * (1 + rate)
    return parts


def worth(log_rate: Decimal, flows: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Sum of a e^(-u t)."""
    return sum((amount * (-log_rate * time).exp() for amount, time in flows), Decimal(0))


def rate_of_return(amounts: Sequence[float], times: Sequence[float | Fraction], near: float) -> Decimal:
    """The rate between those a millionth to either side of `near`, by halving."""
    with localcontext(prec=DIGITS):
        flows = [(decimal(amount), decimal(time)) for amount, time in zip(amounts, times, strict=True)]
        around = decimal(near)
        width = Decimal("1e-6") * max(abs(around), Decimal("1e-3"))
        width = min(width, (1 + around) / 2)
        low, high = (1 + around - width).ln(), (1 + around + width).ln()
        below = worth(low, flows) > 0
        if below == (worth(high, flows) > 0):
            raise AssertionError(f"no change of sign near {near}")
        # 60 halvings of a bracket of 1e-6 leave 1e-24.
        for _ in range(60):
            middle = (low + high) / 2
            if (worth(middle, flows) > 0) == below:
                low = middle
            else:
                high = middle
        return ((low + high) / 2).exp() - 1


def net_present_value(rate: float, amounts: Sequence[float], first: int) -> Fraction:
    growth = 1 + Fraction(rate)
    return sum((Fraction(a) / growth ** (k + first) for k, a in enumerate(amounts)), Fraction(0))


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _last(day: dt.date) -> bool:
    return (day + dt.timedelta(days=1)).day == 1


def _days_30(start: dt.date, end: dt.date, first: int, last: int) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first


def _basis_0(start: dt.date, end: dt.date) -> Fraction:
    first, last = start.day, end.day
    if first == 31:
        first = 30
        last = min(last, 30)
    elif first == 30:
        last = min(last, 30)
    elif start.month == 2 and _last(start):
        first = 30
        if end.month == 2 and _last(end):
            last = 30
    return Fraction(_days_30(start, end, first, last), 360)


def _basis_1(start: dt.date, end: dt.date) -> Fraction:
    days = (end - start).days
    if start == end:
        return Fraction(0)
    anniversary_passed = (end.month, end.day) > (start.month, start.day)
    if end.year - start.year > 1 or (end.year - start.year == 1 and anniversary_passed):
        years = range(start.year, end.year + 1)
        return Fraction(days * len(years), sum(366 if _is_leap(year) else 365 for year in years))
    if start.year == end.year:
        return Fraction(days, 366 if _is_leap(start.year) else 365)
    leap_days = [dt.date(year, 2, 29) for year in (start.year, end.year) if _is_leap(year)]
    return Fraction(days, 366 if any(start <= day <= end for day in leap_days) else 365)


def _basis_4(start: dt.date, end: dt.date) -> Fraction:
    return Fraction(_days_30(start, end, min(start.day, 30), min(end.day, 30)), 360)


_BASES: list[Callable[[dt.date, dt.date], Fraction]] = [
    _basis_0,
    _basis_1,
    lambda start, end: Fraction((end - start).days, 360),
    lambda start, end: Fraction((end - start).days, 365),
    _basis_4,
]


def yearfrac(start: dt.date, end: dt.date, basis: int) -> Fraction:
    return _BASES[basis](min(start, end), max(start, end))


def days360(start: dt.date, end: dt.date, european: bool) -> int:
    """Excel's DAYS360: [MS-OI29500] on it, and what its users found (ClosedXML #2569, IronCalc #635)."""
    if european:
        return _days_30(start, end, min(start.day, 30), min(end.day, 30))
    first = 30 if _last(start) else start.day
    if end.day == 31 and first < 30:
        next_month = end + dt.timedelta(days=1)
        return _days_30(start, next_month, first, 1)
    return _days_30(start, end, first, min(end.day, 30))
