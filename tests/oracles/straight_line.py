"""Straight line depreciation from its definition, in dates and fractions.

Written to be read beside the definition, not to be fast, and without importing neocalc: where the two disagree by one
minor unit, one of them is wrong. Amounts are integer minor units, except in ``rounding=None`` where every amount is an
exact ``Fraction`` (the library is held to 1e-12 of it).

Months are counted ``year * 12 + month - 1``; ``k`` is a month's distance from the month of service.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

CONVENTIONS = ("full_month", "next_month", "mid_month", "half_year", "actual_days")
PERIOD_MONTHS = {"M": 1, "Q": 3, "Y": 12}
Amount = int | Fraction


@dataclass(frozen=True)
class Asset:
    """One asset; amounts in minor units (or any Fraction under ``rounding=None``)."""

    cost: Amount
    in_service: date
    life_months: int
    convention: str = "full_month"
    residual: Amount | None = None
    residual_rate: float = 0.0
    opening_accumulated: Amount = 0
    opening_date: date | None = None


@dataclass(frozen=True)
class Row:
    """One asset in one period: the ledger line."""

    period_end: date
    opening_book_value: Amount
    additions: Amount
    depreciation: Amount
    closing_book_value: Amount
    accumulated_depreciation: Amount


# --- the calendar -------------------------------------------------------------------------------------------------


def month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_start(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def month_end(month: int) -> date:
    return date(month // 12, month % 12 + 1, monthrange(month // 12, month % 12 + 1)[1])


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day: always counted from the anchor."""
    last = month_end(month_number(day) + months)
    return last.replace(day=min(day.day, last.day))


def period_last_month(month: int, freq: str, fiscal_year_end: int) -> int:
    """The month that closes the period holding ``month``."""
    while (month % 12 + 1 - fiscal_year_end) % PERIOD_MONTHS[freq] != 0:
        month += 1
    return month


def period_first_month(month: int, freq: str, fiscal_year_end: int) -> int:
    return period_last_month(month, freq, fiscal_year_end) - PERIOD_MONTHS[freq] + 1


# --- life: shares and weights -------------------------------------------------------------------------------------


def months_to_year_end(in_service: date, fiscal_year_end: int) -> int:
    """Months from the service month to the end of its fiscal year, both counted."""
    service = month_number(in_service)
    return period_last_month(service, "Y", fiscal_year_end) - service + 1


def life_days(asset: Asset) -> int:
    return (add_months(asset.in_service, asset.life_months) - asset.in_service).days


def uncapped_share(asset: Asset, month: int, fiscal_year_end: int) -> Fraction:
    n = asset.life_months
    k = month - month_number(asset.in_service)
    if asset.convention == "full_month":
        return Fraction(k + 1, n)
    if asset.convention == "next_month":
        return Fraction(k, n)
    if asset.convention == "mid_month":
        return Fraction(2 * k + 1, 2 * n)
    if asset.convention == "half_year":
        first_year_months = months_to_year_end(asset.in_service, fiscal_year_end)
        first_year_life = min(6, n)
        if k < first_year_months:
            return Fraction(first_year_life * (k + 1), first_year_months * n)
        return Fraction(first_year_life + k - first_year_months + 1, n)
    if asset.convention == "actual_days":
        days = (month_end(month) - asset.in_service).days + 1
        return Fraction(days, life_days(asset))
    raise ValueError(asset.convention)


def share(asset: Asset, month: int, fiscal_year_end: int) -> Fraction:
    """Cumulative share of the depreciable amount charged by the end of ``month``."""
    if month < month_number(asset.in_service):
        return Fraction(0)
    return min(Fraction(1), uncapped_share(asset, month, fiscal_year_end))


def weight(asset: Asset, month: int, fiscal_year_end: int) -> Fraction:
    """What a month counts for in months of life, before the last month takes the remainder (``rounding="level"``)."""
    service = month_number(asset.in_service)
    if month < service:
        return Fraction(0)
    if asset.convention == "actual_days":
        if month == service:
            end = month_end(month)
            return Fraction(end.day - asset.in_service.day + 1, end.day)
        return Fraction(1)
    return asset.life_months * (
        share(asset, month, fiscal_year_end) - share(asset, month - 1, fiscal_year_end)
    )


def last_life_month(asset: Asset, fiscal_year_end: int) -> int:
    """The first month by whose end the share has reached one (it never falls, hence the bisection)."""
    service = month_number(asset.in_service)
    months = range(service, service + asset.life_months + 13)
    return months[bisect_left(months, True, key=lambda month: share(asset, month, fiscal_year_end) == 1)]


def first_open_month(asset: Asset) -> int:
    """First month this ledger charges: the month of service, or that of the day after the opening date."""
    if asset.opening_date is None:
        return month_number(asset.in_service)
    return month_number(asset.opening_date + timedelta(days=1))


def entry_month(asset: Asset) -> int:
    """The month whose additions hold the asset: brought-in ones enter in the month before their first charged month."""
    return first_open_month(asset) - (0 if asset.opening_date is None else 1)


def last_charge_month(asset: Asset, fiscal_year_end: int) -> int:
    return max(first_open_month(asset), last_life_month(asset, fiscal_year_end))


# --- amounts ------------------------------------------------------------------------------------------------------


def half_even(value: Fraction) -> int:
    return round(value)  # Fraction.__round__ is exact and rounds half to even


def decimal_rate(rate: float) -> Fraction:
    """A rate as the decimal its writer meant, to 1e-12."""
    return Fraction(half_even(Fraction(rate) * 10**12), 10**12)


def residual_amount(asset: Asset, rounding: str | None) -> Amount:
    if asset.residual is not None:
        return asset.residual
    exact = asset.cost * decimal_rate(asset.residual_rate)
    return exact if rounding is None else half_even(exact)


def opening_amount(asset: Asset, rounding: str | None) -> Amount:
    """What the owner has booked, which is whole minor units: unrounded work takes no more of it than there was to book."""
    if asset.opening_date is None:
        return 0
    if rounding is not None:
        return asset.opening_accumulated
    base = Fraction(asset.cost - residual_amount(asset, rounding))
    return max(min(base, Fraction(0)), min(Fraction(asset.opening_accumulated), max(base, Fraction(0))))


def monthly_charges(asset: Asset, rounding: str | None, fiscal_year_end: int) -> dict[int, Amount]:
    """Charge of every month from the first open one to the last, exact to the minor unit."""
    to_charge = asset.cost - residual_amount(asset, rounding) - opening_amount(asset, rounding)
    if to_charge < 0:  # a credit: the mirror image of the positive schedule
        positive = _charges_of(asset, -to_charge, rounding, fiscal_year_end)
        return {month: -charge for month, charge in positive.items()}
    return _charges_of(asset, to_charge, rounding, fiscal_year_end)


def _charges_of(asset: Asset, to_charge: Amount, rounding: str | None, fye: int) -> dict[int, Amount]:
    first, last = first_open_month(asset), last_charge_month(asset, fye)
    share_before = share(asset, first - 1, fye)
    if share_before == 1:  # the life was over when the asset was brought in
        return {first: to_charge}
    charges: dict[int, Amount] = {}
    if rounding == "level":
        remaining = asset.life_months - sum(
            (weight(asset, month, fye) for month in range(month_number(asset.in_service), first)), Fraction(0)
        )
        left = to_charge
        for month in range(first, last + 1):
            by_weight = half_even(to_charge * weight(asset, month, fye) / remaining)
            charges[month] = left if month == last else min(left, by_weight)
            left -= charges[month]
        return charges
    before: Amount = 0
    per_share = to_charge / (1 - share_before)
    for month in range(first, last + 1):
        exact = per_share * (share(asset, month, fye) - share_before)
        now: Amount = exact if rounding is None else half_even(exact)
        charges[month] = now - before
        before = now
    return charges


# --- the ledger ---------------------------------------------------------------------------------------------------


def horizon(
    assets: list[Asset], freq: str, fiscal_year_end: int, start: date | None = None, end: date | None = None
) -> tuple[int, int]:
    """First and last month of the horizon, snapped outward to whole periods."""
    first = month_number(start) if start else min(entry_month(asset) for asset in assets)
    last = month_number(end) if end else max(last_charge_month(asset, fiscal_year_end) for asset in assets)
    return period_first_month(first, freq, fiscal_year_end), period_last_month(last, freq, fiscal_year_end)


def schedule(
    asset: Asset,
    months: tuple[int, int],
    *,
    freq: str = "M",
    fiscal_year_end: int = 12,
    rounding: str | None = "balance",
    rows: str = "active",
) -> list[Row]:
    """Ledger lines of one asset inside the horizon ``months`` (which starts and ends with whole periods)."""
    charges = monthly_charges(asset, rounding, fiscal_year_end)
    brought_in = opening_amount(asset, rounding)
    entered, done = entry_month(asset), max(charges)
    # Balances at the start of the horizon: everything charged before it.
    book: Amount = 0
    accumulated: Amount = 0
    if entered < months[0]:
        accumulated = brought_in + sum(charge for month, charge in charges.items() if month < months[0])
        book = asset.cost - accumulated
    lines = []
    step = PERIOD_MONTHS[freq]
    for period in range(months[0], months[1] + 1, step):
        period_last = period + step - 1
        opening: Amount = book
        additions: Amount = 0
        depreciation: Amount = 0
        for month in range(period, period + step):
            if month == entered:
                additions += asset.cost - brought_in
                accumulated += brought_in
            depreciation += charges.get(month, 0)
        accumulated += depreciation
        book = opening + additions - depreciation
        if period_last < entered or (rows == "active" and period > done):
            continue
        lines.append(Row(month_end(period_last), opening, additions, depreciation, book, accumulated))
    return lines


def ledger(
    assets: list[Asset],
    *,
    freq: str = "M",
    fiscal_year_end: int = 12,
    start: date | None = None,
    end: date | None = None,
    rounding: str | None = "balance",
    rows: str = "active",
) -> list[list[Row]]:
    """Ledger lines of a fleet, one list per asset."""
    if not assets:
        return []
    months = horizon(assets, freq, fiscal_year_end, start, end)
    options = {"freq": freq, "fiscal_year_end": fiscal_year_end, "rounding": rounding, "rows": rows}
    return [schedule(asset, months, **options) for asset in assets]  # type: ignore[arg-type]
