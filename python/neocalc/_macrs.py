"""MACRS as a policy, and what has to be known of the whole fleet before one asset of it can be depreciated.

Three things of a tax year join its assets: section 179 is one amount, the 40 % test is one fraction, and both
decide over every asset placed in service in that year. `resolve_macrs` settles them; what comes out is a row
of integers per asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import MAX_LISTED_ROWS, Array, months_of
from neocalc._section_179 import Election, check_election, expense, limit_179
from neocalc._tax_law import BONUS_RATES, FIRST_ACQUISITION_DAY, FIRST_SERVICE_DAY, bonus_codes
from neocalc.errors import ConfigError, InputError, Issue

SYSTEMS = ("gds", "ads")
PERCENTAGES = ("table", "computed")
CONVENTIONS = ("auto", "half_year", "mid_quarter")
GDS_YEARS = (3, 5, 7, 10, 15, 20)
MAX_ADS_YEARS = 50
# By code: what an asset's convention came out as.
CONVENTION_NAMES = ("half_year", "mid_quarter_1", "mid_quarter_2", "mid_quarter_3", "mid_quarter_4")
MAX_POLICIES = 127
# Stands for no date among days or months since 1970.
NO_DATE = np.iinfo(np.int32).min


@dataclass(frozen=True, kw_only=True)
class MacrsPolicy:
    """Depreciation of a United States tax return; made by `macrs`."""

    recovery_years: float = 5
    convention: str = "auto"
    bonus_rate: float | None = None
    section_179: Election = Decimal(0)
    system: str = "gds"
    percentages: str = "table"

    def __post_init__(self) -> None:
        _check_choice("system", self.system, SYSTEMS)
        _check_choice("percentages", self.percentages, PERCENTAGES)
        _check_choice("convention", self.convention, CONVENTIONS)
        object.__setattr__(self, "recovery_years", _check_years(self.recovery_years, self.system))
        object.__setattr__(self, "section_179", check_election(self.section_179))
        if self.bonus_rate is not None:
            object.__setattr__(self, "bonus_rate", _check_rate(self.bonus_rate))

    @property
    def bonus_by_law(self) -> bool:
        """Whether dates decide over bonus; the alternative system has none by itself, sec. 168(k)(2)(D)."""
        return self.bonus_rate is None and self.system == "gds"

    def shares(self, convention: str = "half_year") -> list[Fraction]:
        """Return the part of the basis that each tax year recovers, under one of `CONVENTION_NAMES`."""
        _check_choice("convention", convention, CONVENTION_NAMES)
        numerators, denominator = _core.macrs_shares(*self.period[:2], convention, self.percentages)
        pairs = zip(numerators, [0, *numerators[:-1]], strict=True)
        return [Fraction(now - before, denominator) for now, before in pairs]

    @property
    def period(self) -> tuple[str, float, str]:
        """What the core needs to know its shares."""
        return self.system, float(self.recovery_years), self.percentages


def _check_choice(name: str, value: Any, allowed: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def _check_years(years: Any, system: str) -> float:
    if isinstance(years, bool) or not isinstance(years, Real):
        raise ConfigError(f"recovery_years must be a number, not {type(years).__name__}")
    number = float(years)
    if system == "gds" and number not in GDS_YEARS:
        raise ConfigError(f"recovery_years must be one of {', '.join(map(str, GDS_YEARS))}, not {years}")
    if system == "ads" and not (1 <= number <= MAX_ADS_YEARS and (2 * number).is_integer()):
        raise ConfigError(f"recovery_years must be 1 to {MAX_ADS_YEARS} by half years under ads, not {years}")
    return int(number) if number.is_integer() else number


def _check_rate(rate: Any) -> float:
    if isinstance(rate, bool) or not isinstance(rate, Real | Decimal):
        raise ConfigError(f"bonus_rate must be a number, not {type(rate).__name__}")
    if not 0 <= float(rate) <= 1:
        raise ConfigError(f"bonus_rate must be a fraction between 0 and 1, not {rate}; 40 % is 0.4")
    return float(rate)


def macrs(
    *,
    recovery_years: float = 5,
    convention: str = "auto",
    bonus_rate: float | None = None,
    section_179: float | Decimal | Mapping[int, float | Decimal] | str = 0,
    system: str = "gds",
    percentages: str = "table",
) -> MacrsPolicy:
    """Depreciate as a United States tax return does: MACRS, IRC sec. 168, with section 179 and bonus.

    Residual values and useful lives of rows are not read: salvage value counts as zero, sec. 168(b)(4), and
    the recovery period is the law's. Tax years are the fiscal years of the call, all of them twelve months
    long.

    Parameters
    ----------
    recovery_years
        3, 5, 7, 10, 15 or 20 years in the general system (servers and their peripherals: 5); under ``ads`` 1
        to 50, also by half years.
    convention
        ``auto`` applies the 40 % test to each tax year: its property goes by quarters if more than 40 % of
        the basis (after section 179, before bonus, without what was sold in the same year) came in its last
        three months, sec. 168(d)(3) and Reg. 1.168(d)-1(b). ``half_year`` and ``mid_quarter`` decide it.
    bonus_rate
        The fraction deducted at once of what section 179 leaves. ``None`` asks the law, which goes by the
        dates of acquisition (the written binding contract) and of service: rows then need
        ``acquisition_date``. 0 elects out. Under ``ads`` there is none unless it is given, sec. 168(k)(2)(D).
    section_179
        The cost elected to be expensed, in major units: an amount for every tax year in which property was
        placed in service, a mapping from calendar years in which tax years begin to amounts, or ``"max"``
        for all that the limit and its phase-out allow, as far as there is property. More is refused.
        The limit by taxable income, sec. 179(b)(3), is yours to keep.
    system
        ``gds``, the general system, or ``ads``, the alternative one (straight line).
    percentages
        ``table`` takes those of ``gds`` as printed in IRS Publication 946, Appendix A; ``computed`` works
        them out exactly. Those of ``ads`` are always exact.

    Returns
    -------
    MacrsPolicy
        A frozen description; it computes nothing.

    Raises
    ------
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> from neocalc._macrs import macrs
    >>> policy = macrs(recovery_years=7, section_179={2025: 1_000_000})
    >>> policy.recovery_years, policy.convention, policy.section_179
    (7, 'auto', ((2025, Decimal('1000000')),))
    """
    amounts: Any = section_179
    return MacrsPolicy(
        recovery_years=recovery_years,
        convention=convention,
        bonus_rate=bonus_rate,
        section_179=amounts,
        system=system,
        percentages=percentages,
    )


@dataclass(frozen=True, slots=True)
class TaxYears:
    """The tax years in which property was placed in service, in order; amounts are in minor units."""

    tax_year: list[int]  # the calendar year in which it begins
    last_day: list[int]  # days since 1970-01-01
    placed_in_service: list[int]  # cost, as far as positive
    section_179_limit: list[int | None]  # after the phase-out; None where no figures are on file
    section_179: list[int]
    total_basis: list[int]
    last_quarter_basis: list[int]
    mid_quarter: list[bool]  # more than 40 % of the basis came in the last quarter


@dataclass(frozen=True, slots=True)
class ResolvedMacrs:
    """A fleet as its tax returns see it: one entry per row, amounts in minor units."""

    policies: tuple[MacrsPolicy, ...]
    codes: Array  # int8: a row's policy
    section_179: Array  # int64
    bonus: Array  # int64
    basis: Array  # int64: what is left for the table
    convention: Array  # int8: code in CONVENTION_NAMES
    service_month: Array  # int32: months since 1970-01
    disposal_month: Array  # int32: the same, or NO_DATE
    fiscal_year_end: int
    years: TaxYears

    def charges(self, first_month: int, n_periods: int, freq: str = "Y") -> Array:
        """Deductions by row and period; `first_month`, the first of a period, counts from January 1970."""
        return _core.macrs_charges(
            [policy.period for policy in self.policies],
            self.codes,
            self.convention,
            self.section_179 + self.bonus,
            self.basis,
            self.service_month,
            self.disposal_month,
            self.fiscal_year_end,
            first_month,
            n_periods,
            freq,
        )


class _Calendar:
    """Rows by tax year and quarter."""

    def __init__(self, in_service: Array, disposal: Array, fiscal_year_end: int) -> None:
        if fiscal_year_end not in range(1, 13):
            raise ConfigError(f"fiscal_year_end must be a whole number from 1 to 12, not {fiscal_year_end!r}")
        self.fiscal_year_end = fiscal_year_end
        self.service_month = months_of(in_service).astype(np.int32)
        sold = disposal != NO_DATE
        self.disposal_month = np.where(sold, months_of(np.where(sold, disposal, 0)), NO_DATE).astype(np.int32)
        year = self._year(self.service_month)
        self.same_year = sold & (self._year(np.where(sold, self.disposal_month, 0)) == year)
        self.quarter = (self._in_years(self.service_month) % 12 // 3 + 1).astype(np.int8)
        self.end_years, self.year_of_row = np.unique(year, return_inverse=True)

    def _in_years(self, months: Array) -> Array:
        # Shifted so that tax years begin with multiples of 12 and carry the calendar year in which they end.
        shifted: Array = months.astype(np.int64) + 12 * 1970 + 12 - self.fiscal_year_end
        return shifted

    def _year(self, months: Array) -> Array:
        return self._in_years(months) // 12

    @property
    def tax_years(self) -> list[int]:
        began_before = int(self.fiscal_year_end != 12)
        return [int(year) - began_before for year in self.end_years]

    @property
    def last_days(self) -> list[int]:
        next_months = (self.end_years - 1970) * 12 + self.fiscal_year_end
        return [int(day) - 1 for day in next_months.astype("M8[M]").astype("M8[D]").astype(np.int64)]

    def sums(self, values: Array, rows: Array) -> list[int]:
        """Exact sums by tax year over the rows of a mask."""
        high, low = np.zeros((2, len(self.end_years)), dtype=np.int64)
        # Halves of 32 bits: no sum of theirs leaves 64 bits below 2^31 rows.
        np.add.at(high, self.year_of_row[rows], values[rows] >> 32)
        np.add.at(low, self.year_of_row[rows], values[rows] & 0xFFFFFFFF)
        return [(int(h) << 32) + int(part) for h, part in zip(high, low, strict=True)]


def _days(values: Array | None, n: int) -> Array:
    if values is None:
        return np.full(n, NO_DATE, dtype=np.int32)
    if values.dtype.kind != "i" or len(values) != n:
        raise ConfigError("days must be whole numbers, one for each row")
    return values


def macrs_problems(
    policies: Sequence[MacrsPolicy],
    codes: Array,
    in_service_days: Array,
    acquisition_days: Array | None,
    disposal_days: Array | None,
    fiscal_year_end: int,
) -> list[tuple[Issue, Array]]:
    """Find what keeps rows from being resolved: each problem with all the rows it concerns."""
    n = len(in_service_days)
    disposal = _days(disposal_days, n)
    acquisition = _days(acquisition_days, n)
    found: list[tuple[Issue, Array]] = []

    def note(column: str, code: str, bad: Array, days: Array, hint: str) -> None:
        rows = np.flatnonzero(bad)
        if not len(rows):
            return
        day = days[rows[0]]
        example = "" if day == NO_DATE else str(np.datetime64(int(day), "D"))
        first = rows[:MAX_LISTED_ROWS].tolist()
        found.append(
            (Issue.make(column, code, n_bad=len(rows), rows=first, example=example, hint=hint), rows)
        )

    sold = disposal != NO_DATE
    note("disposal_date", "date_order", sold & (disposal < in_service_days), disposal, "check both dates")
    acquired = acquisition != NO_DATE
    note(
        "acquisition_date",
        "range",
        acquired & (acquisition > in_service_days),
        acquisition,
        "property is acquired on or before the day it enters service",
    )
    by_law = np.array([policy.bonus_by_law for policy in policies], dtype=bool)[codes]
    # Nothing is allowed on property placed in service and disposed of in one tax year, Reg. 1.168(k)-2(g)(1).
    asked = by_law & ~_Calendar(in_service_days, disposal, fiscal_year_end).same_year
    advice = "bonus goes by the day of the written binding contract, sec. 168(k): fill it, or give bonus_rate"
    if acquisition_days is None and asked.any():
        found.append((Issue.make("acquisition_date", "missing_column", hint=advice), np.flatnonzero(asked)))
        return found
    note("acquisition_date", "null", asked & ~acquired, acquisition, advice)
    old = in_service_days < _epoch_day(FIRST_SERVICE_DAY)
    on_file = "bonus percentages are on file for property {} from {} on: give bonus_rate"
    note(
        "in_service_date",
        "range",
        asked & old,
        in_service_days,
        on_file.format("in service", FIRST_SERVICE_DAY),
    )
    early = acquired & (acquisition < _epoch_day(FIRST_ACQUISITION_DAY))
    hint = on_file.format("acquired", FIRST_ACQUISITION_DAY)
    note("acquisition_date", "range", asked & early & ~old, acquisition, hint)
    return found


def _epoch_day(day: Any) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


def resolve_macrs(
    policy: MacrsPolicy | Sequence[MacrsPolicy],
    cost_minor: Array,
    in_service_days: Array,
    acquisition_days: Array | None = None,
    disposal_days: Array | None = None,
    fiscal_year_end: int = 12,
    *,
    codes: Array | None = None,
    minor_units: int = 2,
) -> ResolvedMacrs:
    """Settle section 179, the 40 % test and bonus for a fleet.

    Parameters
    ----------
    policy
        One policy, or several with `codes`. They share the tax years: one section 179 limit, one 40 % test.
    cost_minor
        Costs in minor units, int64; what is negative (a credit) is never expensed under section 179.
    in_service_days, acquisition_days, disposal_days
        Days since 1970-01-01; `NO_DATE` where an optional one is missing.
    fiscal_year_end
        Last month of the tax year.
    codes
        Each row's place among several policies.
    minor_units
        Digits after the point, in which amounts of `section_179` are read.

    Returns
    -------
    ResolvedMacrs
        Section 179, bonus and what they leave, the convention, and the tax years' totals.

    Raises
    ------
    InputError
        For dates that decide nothing, with column and rows (see `macrs_problems`).
    ConfigError
        For an election that is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from neocalc._macrs import CONVENTION_NAMES, macrs, resolve_macrs
    >>> bought = np.array(["2024-02-01", "2024-11-01"], dtype="M8[D]").astype(np.int64)
    >>> found = resolve_macrs(macrs(bonus_rate=0.6), np.array([50_00, 100_00]), bought)
    >>> found.bonus.tolist(), [CONVENTION_NAMES[code] for code in found.convention]
    ([3000, 6000], ['mid_quarter_1', 'mid_quarter_4'])
    """
    policies = (policy,) if isinstance(policy, MacrsPolicy) else tuple(policy)
    n = len(cost_minor)
    if not 1 <= len(policies) <= MAX_POLICIES:
        raise ConfigError(f"between 1 and {MAX_POLICIES} policies, not {len(policies)}")
    codes = np.zeros(n, dtype=np.int8) if codes is None else np.asarray(codes, dtype=np.int8)
    if len(codes) != n or (n and not 0 <= codes.min() <= codes.max() < len(policies)):
        raise ConfigError("codes must name a policy for each row")
    in_service = _days(in_service_days, n)
    disposal = _days(disposal_days, n)
    problems = macrs_problems(policies, codes, in_service, acquisition_days, disposal, fiscal_year_end)
    if problems:
        raise InputError([issue for issue, _ in problems], n_rows=n)
    calendar = _Calendar(in_service, disposal, fiscal_year_end)
    placed = calendar.sums(cost_minor, cost_minor > 0)
    tax_years = calendar.tax_years
    limits = [limit_179(year, cost, minor_units) for year, cost in zip(tax_years, placed, strict=True)]
    # What was disposed of in the same year counts towards the threshold, having been placed in service in it,
    # but is given none: what a deduction would bring, recapture would take.
    takers = np.where((cost_minor > 0) & ~calendar.same_year, calendar.year_of_row, -1)
    elections = [each.section_179 for each in policies]
    expensed = expense(elections, codes, cost_minor, takers, tax_years, limits, minor_units)
    unexpensed = cost_minor - expensed
    bonus = _bonus(policies, codes, unexpensed, calendar, in_service, _days(acquisition_days, n))
    counted = ~calendar.same_year
    total = calendar.sums(unexpensed, counted)
    last = calendar.sums(unexpensed, counted & (calendar.quarter == 4))
    # More than 40 %: exactly 40 % stays with the half-year convention, sec. 168(d)(3)(A).
    flips = [whole > 0 and 5 * part > 2 * whole for part, whole in zip(last, total, strict=True)]
    forced = np.array([CONVENTIONS.index(each.convention) for each in policies], dtype=np.int8)[codes]
    by_quarter = np.where(forced == 0, np.array(flips, dtype=bool)[calendar.year_of_row], forced == 2)
    years = TaxYears(
        tax_years,
        calendar.last_days,
        placed,
        limits,
        calendar.sums(expensed, expensed > 0),
        total,
        last,
        flips,
    )
    return ResolvedMacrs(
        policies,
        codes,
        expensed,
        bonus,
        unexpensed - bonus,
        np.where(by_quarter, calendar.quarter, 0).astype(np.int8),
        calendar.service_month,
        calendar.disposal_month,
        fiscal_year_end,
        years,
    )


def _bonus(
    policies: Sequence[MacrsPolicy],
    codes: Array,
    unexpensed: Array,
    calendar: _Calendar,
    in_service: Array,
    acquisition: Array,
) -> Array:
    """Bonus by row, half-even; none on what was sold in its tax year of service, Reg. 1.168(k)-2(g)(1)."""
    given = [each.bonus_rate or 0.0 for each in policies]
    rates = [percent / 100 for percent in BONUS_RATES]
    rate_codes = codes.astype(np.int16) + len(rates)
    by_law = np.array([each.bonus_by_law for each in policies], dtype=bool)[codes] & ~calendar.same_year
    rate_codes[by_law] = bonus_codes(acquisition[by_law], in_service[by_law])
    rate_codes[calendar.same_year] = rates.index(0.0)
    return _core.rate_shares(unexpensed, rate_codes, [*rates, *given])
