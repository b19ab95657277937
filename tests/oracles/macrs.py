"""MACRS in plain Python fractions, from the text of the law, sharing no code with neocalc.

An asset counts as placed in service at a point of its tax year (a fraction of it) and recovers its basis from there over
the recovery period; amounts are whole cents. Everything is worked out one asset and one year at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

HALF = Fraction(1, 2)


# --- the calendar -------------------------------------------------------------------------------------------------


def tax_year(day: date, fiscal_year_end: int) -> int:
    """The calendar year in which the tax year of a day ends."""
    return day.year if day.month <= fiscal_year_end else day.year + 1


def quarter(day: date, fiscal_year_end: int) -> int:
    """1 to 4, counted from the first month of the tax year."""
    months_into = (day.month - fiscal_year_end - 1) % 12
    return months_into // 3 + 1


def months_of(year: int, fiscal_year_end: int) -> list[tuple[int, int]]:
    """The twelve (year, month) of a tax year, in order."""
    first = year * 12 + fiscal_year_end - 12
    return [divmod(number, 12) for number in range(first, first + 12)]


def months_held(
    year: int, fiscal_year_end: int, service: date, disposal: date | None
) -> list[tuple[int, int]]:
    """Those of the months of a tax year in which an asset is in service, (year, month from 0)."""
    first = (service.year, service.month - 1)
    last = (disposal.year, disposal.month - 1) if disposal else (9999, 0)
    return [month for month in months_of(year, fiscal_year_end) if first <= month <= last]


# --- shares -------------------------------------------------------------------------------------------------------


def middle(convention: str, in_quarter: int) -> Fraction:
    """The point of the year at which something in a quarter is deemed to happen."""
    if convention == "half_year":
        return HALF
    return Fraction(in_quarter - 1, 4) + Fraction(1, 8)


def service_quarter(convention: str) -> int:
    return 0 if convention == "half_year" else int(convention[-1])


def percentages(system: str, years: Fraction, convention: str) -> list[Fraction]:
    """The share of the basis in each tax year: sec. 168(b)(1) and (2), or the straight line of sec. 168(g)(2)(A)."""
    rate = {"gds": Fraction(2) if years <= 10 else Fraction(3, 2), "ads": Fraction(1)}[system] / years
    start = middle(convention, service_quarter(convention))
    adjusted_basis, shares = Fraction(1), []
    now, end = start, start + years
    while now < end:
        year_end = min(Fraction(now.numerator // now.denominator + 1), end)
        part = year_end - now
        declining = adjusted_basis * rate * part
        straight = adjusted_basis * part / (end - now)
        shares.append(max(declining, straight))
        adjusted_basis -= shares[-1]
        now = year_end
    assert adjusted_basis == 0
    return shares


# --- an asset -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asset:
    cost: int
    section_179: int
    bonus: int
    service: date
    disposal: date | None
    convention: str
    years: Fraction
    shares: tuple[Fraction, ...]  # by tax year, of what section 179 and bonus leave


def deductions(asset: Asset, fiscal_year_end: int) -> dict[int, int]:
    """Deductions by the calendar year in which the tax year ends, without the years that have none."""
    first = tax_year(asset.service, fiscal_year_end)
    sold = tax_year(asset.disposal, fiscal_year_end) if asset.disposal else None
    if sold == first:
        return {}
    at_once = asset.section_179 + asset.bonus
    basis = asset.cost - at_once
    found: dict[int, int] = {}
    share, before = Fraction(0), 0
    start = middle(asset.convention, service_quarter(asset.convention))
    for number, full in enumerate(asset.shares):
        year = first + number
        if year == sold:
            assert asset.disposal is not None
            gone = middle(asset.convention, quarter(asset.disposal, fiscal_year_end))
            recovered_until = min(
                Fraction(1), start + asset.years - number
            )  # the period may end in this year
            full *= min(gone, recovered_until) / recovered_until
        share += full
        accumulated = at_once + round(basis * share)  # round() of a Fraction is half-even
        found[year] = accumulated - before
        before = accumulated
        if year == sold:
            break
    return {year: amount for year, amount in found.items() if amount}


def by_month(asset: Asset, fiscal_year_end: int) -> dict[tuple[int, int], int]:
    """The same by (year, month from 0), each tax year's evenly over its months in service."""
    found: dict[tuple[int, int], int] = {}
    for year, amount in deductions(asset, fiscal_year_end).items():
        months = months_held(year, fiscal_year_end, asset.service, asset.disposal)
        before = 0
        for number, month in enumerate(months, 1):
            now = round(Fraction(amount * number, len(months)))
            found[month] = now - before
            before = now
    return found


# --- what a fleet decides -----------------------------------------------------------------------------------------


def goes_by_quarters(rows: list[tuple[int, date, date | None]], year: int, fiscal_year_end: int) -> bool:
    """The 40 % test of a tax year over (basis after section 179, service, disposal), Reg. 1.168(d)-1(b)."""
    counted = [
        (basis, quarter(service, fiscal_year_end))
        for basis, service, disposal in rows
        if tax_year(service, fiscal_year_end) == year
        and (disposal is None or tax_year(disposal, fiscal_year_end) != year)
    ]
    total = sum(basis for basis, _ in counted)
    last = sum(basis for basis, number in counted if number == 4)
    return total > 0 and Fraction(last, total) > Fraction(40, 100)


def bonus_percent(acquired: date, service: date) -> int:
    """Sec. 168(k) as it stood and stands, for property in service from 2012 on."""
    if acquired > date(2025, 1, 19):
        return 100
    if acquired > date(2017, 9, 27):
        return {2023: 80, 2024: 60, 2025: 40, 2026: 20}.get(service.year, 100 if service.year < 2023 else 0)
    return {2018: 40, 2019: 30}.get(service.year, 50 if service.year < 2018 else 0)
