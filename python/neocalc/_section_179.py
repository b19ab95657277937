"""Section 179: what of a tax year's purchases is expensed, and how it falls on the assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._tax_law import SECTION_179
from neocalc.errors import ConfigError

# An amount for every tax year, amounts by tax year, or "max".
Election = Decimal | tuple[tuple[int, Decimal], ...] | str
_Parts = list[tuple[int | None, Array]]  # amounts (None: all that is left) and the rows that share them


def check_election(amounts: Any) -> Election:
    """Return amounts as the decimals that were written, or refuse them."""
    if isinstance(amounts, str):
        if amounts != "max":
            raise ConfigError(f"section_179 must be amounts or 'max', not {amounts!r}")
        return amounts
    if isinstance(amounts, tuple):
        amounts = dict(amounts)
    if not isinstance(amounts, Mapping):
        return _check_amount(amounts)
    for year in amounts:
        if isinstance(year, bool) or not isinstance(year, Integral) or not 1900 <= int(year) <= 2199:
            raise ConfigError(f"section_179 must name calendar years in which tax years begin, not {year!r}")
    return tuple(sorted((int(year), _check_amount(amount)) for year, amount in amounts.items()))


def _check_amount(amount: Any) -> Decimal:
    if isinstance(amount, bool) or not isinstance(amount, Real | Decimal):
        raise ConfigError(f"section_179 must be an amount, not {type(amount).__name__}")
    if isinstance(amount, Decimal):
        number = amount
    else:
        number = Decimal(int(amount)) if isinstance(amount, Integral) else Decimal(repr(float(amount)))
    # A Decimal's sNaN would raise where it is compared.
    if not number.is_finite() or number < 0:
        raise ConfigError(f"section_179 must be at least 0 and finite, not {amount}")
    return number


def limit_179(tax_year: int, placed_in_service: int, minor_units: int) -> int | None:
    """Return the limit in minor units after the phase-out of sec. 179(b)(2), or None if none is on file."""
    law = SECTION_179.get(tax_year)
    if law is None:
        return None
    unit: int = 10**minor_units
    return max(0, law.limit * unit - max(0, placed_in_service - law.threshold * unit))


def expense(
    elections: Sequence[Election],
    codes: Array,
    cost: Array,
    year_of_row: Array,  # place in tax_years; -1 where a row can take none
    tax_years: Sequence[int],
    limits: Sequence[int | None],
    minor_units: int,
) -> Array:
    """Return section 179 by row: each election falls on its property in proportion to cost, to the cent."""
    expensed = np.zeros(len(cost), dtype=np.int64)
    if not any(elections):
        return expensed
    amounts = [_by_year(election, tax_years, minor_units) for election in elections]
    greedy = np.array([election == "max" for election in elections], dtype=bool)[codes]
    faults = [
        f"no property was placed in service in tax year {year}"
        for asked in amounts
        for year in sorted(set(asked) - set(tax_years))
    ]
    granted: list[tuple[int, Array]] = []
    for at, (year, limit) in enumerate(zip(tax_years, limits, strict=True)):
        in_year = year_of_row == at
        parts: _Parts = []
        for code, asked in enumerate(amounts):
            rows = np.flatnonzero(in_year & (codes == code))
            if asked.get(year) and (len(rows) or isinstance(elections[code], tuple)):
                parts.append((asked[year], rows))
        pool = np.flatnonzero(in_year & greedy)
        if len(pool):
            parts.append((None, pool))
        granted += _grant(year, limit, parts, cost, minor_units, faults)
    if faults:
        raise ConfigError(f"section_179: {'; '.join(faults)}")
    for amount, rows in granted:
        expensed[rows] = _core.allocate(amount, cost[rows])
    return expensed


def _by_year(election: Election, tax_years: Sequence[int], minor_units: int) -> dict[int, int]:
    if isinstance(election, str):
        return {}
    by_year = dict(election) if isinstance(election, tuple) else dict.fromkeys(tax_years, election)
    return {year: _minor(amount, minor_units) for year, amount in by_year.items() if amount}


def _grant(
    year: int, limit: int | None, parts: _Parts, cost: Array, minor_units: int, faults: list[str]
) -> list[tuple[int, Array]]:
    """Hold a year's elections against what there is and what the law allows."""
    if limit is None:
        if parts:
            faults.append(f"no limit is on file for tax years that begin in {year}")
        return []

    def money(minor: int) -> str:
        return f"{Decimal(minor).scaleb(-minor_units):,}"

    granted, left = [], limit
    for asked, rows in parts:
        most = exact_sum(cost[rows])
        amount = min(max(left, 0), most) if asked is None else asked
        if amount > most:
            faults.append(f"{money(amount)} for tax year {year} is more than its property: {money(most)}")
        granted.append((amount, rows))
        left -= amount
    if left < 0:
        faults.append(
            f"{money(limit - left)} for tax year {year} is above the limit, {money(limit)} after phase-out"
        )
    return granted


def _minor(amount: Decimal, minor_units: int) -> int:
    scaled = amount.scaleb(minor_units)
    if scaled != scaled.to_integral_value():
        raise ConfigError(f"section_179={amount} is not a whole number of minor units")
    return int(scaled)


def exact_sum(values: Array) -> int:
    """Sum int64 values beyond 64 bits: by halves, no sum of which leaves them below 2**31 rows."""
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())
