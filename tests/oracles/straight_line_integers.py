"""Straight line in plain Python integers: the quick oracle of the deep run.

An independent second form of ``straight_line`` (ramps as integer numerator over integer denominator, no Fractions), itself
checked against it on a sample of every run. Still without importing neocalc and still one asset at a time.
"""

from __future__ import annotations

from calendar import monthrange

from oracles.straight_line import Asset, add_months, decimal_rate, first_open_month


def divide_half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    return quotient + (doubled > denominator or (doubled == denominator and quotient % 2 == 1))


def _ramp(asset: Asset, fye: int) -> tuple[list[int], int]:
    """Cumulative numerators by month from service until they reach the denominator."""
    n, day = asset.life_months, asset.in_service
    if asset.convention == "full_month":
        return list(range(1, n + 1)), n
    if asset.convention == "next_month":
        return list(range(n + 1)), n
    if asset.convention == "mid_month":
        return [*range(1, 2 * n, 2), 2 * n], 2 * n
    if asset.convention == "half_year":
        months, life = (fye - day.month) % 12 + 1, min(6, n)
        return [life * k for k in range(1, months + 1)] + list(
            range(life * months + months, n * months + 1, months)
        ), n * months
    total = (add_months(day, n) - day).days
    numerators, year, month, days = [], day.year, day.month, 1 - day.day
    while days < total:
        days += monthrange(year, month)[1]
        numerators.append(min(days, total))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return numerators, total


def _weights(asset: Asset, ramp: list[int], denominator: int) -> tuple[list[int], int, int]:
    """Level weights by month (the last one is not read), their unit, and the whole life in that unit."""
    if asset.convention == "actual_days":
        month_days = monthrange(asset.in_service.year, asset.in_service.month)[1]
        first = month_days - asset.in_service.day + 1
        return [first] + [month_days] * (len(ramp) - 1), month_days, asset.life_months * month_days
    return [b - a for a, b in zip([0, *ramp], ramp, strict=False)], 1, denominator


def accumulated_by_month(asset: Asset, level: bool, fye: int) -> tuple[int, list[int]]:
    """First open month and what this ledger has charged by the end of each month from there (balances, not charges)."""
    service = asset.in_service.year * 12 + asset.in_service.month - 1
    first = first_open_month(asset)
    cost = int(asset.cost)
    residual = asset.residual
    if residual is None:
        rate = decimal_rate(asset.residual_rate)
        residual = divide_half_even(cost * rate.numerator, rate.denominator)
    base = cost - int(residual) - (int(asset.opening_accumulated) if asset.opening_date else 0)
    sign, base = (-1, -base) if base < 0 else (1, base)
    ramp, denominator = _ramp(asset, fye)
    skip = first - service
    done = 0 if skip <= 0 else (denominator if skip > len(ramp) else ramp[skip - 1])
    if done >= denominator:
        return first, [sign * base]
    out: list[int] = [0] * max(0, -skip)
    if level:
        weights, _, whole = _weights(asset, ramp, denominator)
        remaining = whole - sum(weights[: max(0, skip)])
        total = 0
        for each in weights[max(0, skip) : -1]:
            total = min(base, total + divide_half_even(base * each, remaining))
            out.append(sign * total)
        out.append(sign * base)
        return first, out
    span = denominator - done
    for numerator in ramp[max(0, skip) :]:
        quotient, rest = divmod(base * (numerator - done), span)
        doubled = 2 * rest
        if doubled > span or (doubled == span and quotient % 2):
            quotient += 1
        out.append(sign * quotient)
    return first, out


Columns = tuple[list[int], list[int], list[int], list[int], list[int], list[int]]


def append_rows(
    asset: Asset, months: tuple[int, int], step: int, fye: int, level: bool, rows_all: bool, into: Columns
) -> int:
    """Append the ledger lines (period's last month, opening, additions, charge, closing, accumulated); how many."""
    first, balances = accumulated_by_month(asset, level, fye)
    brought_in = int(asset.opening_accumulated) if asset.opening_date else 0
    entry = first - (1 if asset.opening_date else 0)
    done, count, cost = first + len(balances) - 1, 0, int(asset.cost)
    # The first period that can show the asset: the one holding its entry, or the horizon's first.
    period = months[0] + max(0, (entry - months[0]) // step) * step
    charged = balances[min(period - first, len(balances)) - 1] if period > first else 0
    ends, openings, additions, charges, closings, accumulated = into
    while period <= months[1] and (rows_all or period <= done):
        last = period + step - 1
        now = balances[min(last - first, len(balances) - 1)] if last >= first else 0
        entered_before = entry < period
        ends.append(last)
        openings.append(cost - brought_in - charged if entered_before else 0)
        additions.append(0 if entered_before else cost - brought_in)
        charges.append(now - charged)
        closings.append(cost - brought_in - now)
        accumulated.append(brought_in + now)
        charged = now
        count += 1
        period += step
    return count
