"""Depreciation policies: small frozen objects that say how an asset is written off."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

from neocalc import _core
from neocalc.errors import ConfigError
from neocalc.published import PUBLISHED as _LIVES
from neocalc.published import dated_changes, life_in_force, lives_of

CONVENTIONS = _core.CONVENTIONS
METHODS = ("straight_line", "declining_balance", "sum_of_years_digits", "table", "units_of_production")
MAX_LIFE_MONTHS = 3600
MAX_FACTOR = 100.0
MAX_UNITS = 9_000_000_000_000.0  # millionths of them fit 64 bits
PUBLISHED = _LIVES  # what companies have disclosed, as data; `published` makes policies of it


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A method with its life, residual rate and convention; made by functions such as `straight_line`."""

    method: str
    life_months: int | None
    residual_rate: float = 0.0
    convention: str = "full_month"
    factor: float = 2.0
    switch: bool = True
    rate_period: str = "Y"
    remainder: str = "charge"
    fractions: tuple[float, ...] = ()
    freq: str = "Y"
    total_units: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.life_months is not None:
            _set(self, "life_months", _whole_months(self.life_months, 1, "life_months"))
        _set(self, "residual_rate", check_residual_rate(self.residual_rate))
        check_convention(self.convention)
        _choice("freq", self.freq, ("Y", "M"))
        _choice("rate_period", self.rate_period, ("Y", "M"))
        _choice("remainder", self.remainder, ("charge", "keep"))
        if self.switch is not True and self.switch is not False:
            raise ConfigError(f"switch must be True or False, not {self.switch!r}")
        if self.method == "declining_balance":
            _set(self, "factor", _number("factor", self.factor))
            if not 1e-6 <= self.factor <= MAX_FACTOR:
                raise ConfigError(f"factor must lie above 0 and at most {MAX_FACTOR}, not {self.factor!r}")
            if self.switch and self.remainder == "keep":
                raise ConfigError("remainder='keep' needs switch=False: straight line leaves nothing")
        if self.method == "table":
            _set(self, "fractions", _shares(self.fractions))
            _set(self, "life_months", len(self.fractions) * (12 if self.freq == "Y" else 1))
            if self.life_months is not None and self.life_months > MAX_LIFE_MONTHS:
                raise ConfigError(f"a table covers at most {MAX_LIFE_MONTHS} months, not {self.life_months}")
        if self.method == "units_of_production":
            _set(self, "total_units", _number("total_units", self.total_units))
            if not 1e-6 <= self.total_units <= MAX_UNITS:
                raise ConfigError(
                    f"total_units must lie above 0 and at most {MAX_UNITS:,}, not {self.total_units!r}"
                )


@dataclass(frozen=True)
class DatedPolicy:
    """A policy and what takes its place later; made by `dated`."""

    first: Policy
    changes: tuple[tuple[Any, Policy], ...]


def _set(policy: Policy, name: str, value: Any) -> None:
    object.__setattr__(policy, name, value)


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def _number(name: str, value: Any) -> float:
    if isinstance(value, (bool, str)):
        raise ConfigError(f"{name} must be a number, not {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a number, not {value!r}") from None
    if not math.isfinite(number):
        raise ConfigError(f"{name} must be finite, not {value!r}")
    return number


def _shares(values: Any) -> tuple[float, ...]:
    if isinstance(values, (str, bytes)):
        raise ConfigError(f"fractions must be numbers, not {values!r}")
    try:
        shares = tuple(_number("fractions", value) for value in values)
    except TypeError:
        raise ConfigError(f"fractions must be several numbers, not {values!r}") from None
    if not shares or min(shares) < 0.0:
        raise ConfigError("fractions must be one share or more, none below 0")
    if abs(math.fsum(shares) - 1.0) > 1e-9:
        raise ConfigError(f"fractions must sum to 1, not {math.fsum(shares)!r}")
    return shares


def _whole_months(value: Any, unit_months: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigError(f"{name} must be a number, not {type(value).__name__}")
    if isinstance(value, Integral):
        months = Fraction(int(value)) * unit_months
    else:
        number = float(value)
        if not math.isfinite(number):
            raise ConfigError(f"{name} must be finite, not {value}")
        if abs(number) > MAX_LIFE_MONTHS:
            raise ConfigError(f"{name}={value} is not a life between 1 and {MAX_LIFE_MONTHS} months")
        # 1/12 and the like are not exact in binary: read the fraction a person meant.
        months = Fraction(number).limit_denominator(1200) * unit_months
        if abs(float(months) - number * unit_months) > 1e-9 * max(1.0, abs(number)):
            raise ConfigError(f"{name}={value} is not a whole number of months")
    if months.denominator != 1:
        raise ConfigError(f"{name}={value} is not a whole number of months")
    if not 1 <= months <= MAX_LIFE_MONTHS:
        raise ConfigError(f"{name}={value} is not a life between 1 and {MAX_LIFE_MONTHS} months")
    return int(months)


def check_residual_rate(rate: Any, name: str = "residual_rate") -> float:
    """Return the rate as float, or refuse it."""
    if isinstance(rate, bool):
        raise ConfigError(f"{name} must be a number, not bool")
    try:
        number = float(rate)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a number, not {rate!r}") from None
    if not 0.0 <= number <= 1.0:
        raise ConfigError(f"{name} must be a fraction between 0 and 1, not {rate!r}; 5 % is 0.05")
    return number


def check_convention(convention: Any) -> str:
    """Return the convention, or refuse it."""
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ConfigError(f"convention must be one of {', '.join(CONVENTIONS)}, not {convention!r}")
    return str(convention)


def straight_line(
    *,
    years: float | None = None,
    months: int | None = None,
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> Policy:
    """Write the cost less its residual value off evenly over a life.

    Parameters
    ----------
    years, months
        The life; one of the two. Years may be fractional if they are whole months. Without either, each
        row must bring its own ``useful_life_months``.
    residual_rate
        Residual value as a fraction of cost, for rows without a ``residual_value``.
    convention
        What the month of service counts for: ``full_month``, ``next_month``, ``mid_month``,
        ``half_year`` or ``actual_days``.

    Returns
    -------
    Policy
        A frozen description; it computes nothing.

    Examples
    --------
    >>> import neocalc as nc
    >>> nc.straight_line(years=5.5).life_months
    66
    """
    return Policy(
        method="straight_line",
        life_months=_life(years, months),
        residual_rate=check_residual_rate(residual_rate),
        convention=check_convention(convention),
    )


def _life(years: float | None, months: int | None) -> int | None:
    if years is not None and months is not None:
        raise ConfigError("give years or months, not both")
    if years is not None:
        return _whole_months(years, 12, "years")
    return None if months is None else _whole_months(months, 1, "months")


def declining_balance(
    *,
    years: float | None = None,
    months: int | None = None,
    factor: float = 2.0,
    switch: bool = True,
    rate_period: str = "Y",
    remainder: str = "charge",
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> Policy:
    """Charge a constant rate on the book value that each rate period opens with.

    Parameters
    ----------
    years, months
        The life, as for `straight_line`.
    factor
        Multiple of the straight-line rate: 2 is double declining, 1.5 is 150 %. The yearly rate is
        ``factor / years``, at most 1.
    switch
        Turn to straight line over the rest of the life at the first rate period for which that charges
        no less.
    rate_period
        ``Y`` applies the yearly rate to the balance at the start of each 12 months of the life and spreads
        the year's charge evenly; ``M`` applies a twelfth of it to each month's balance.
    remainder
        Without a switch something is left above the residual value at the end: ``charge`` takes it in the
        last rate period, ``keep`` leaves it on the books, as spreadsheets' DDB does.
    residual_rate, convention
        As for `straight_line`. No charge takes the book value below the residual value.

    Returns
    -------
    Policy
        A frozen description; it computes nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [10_000.0], "in_service_date": pd.to_datetime(["2025-01-01"])})
    >>> nc.depreciate(fleet, nc.declining_balance(years=5), freq="Y")["depreciation"].tolist()
    [4000.0, 2400.0, 1440.0, 1080.0, 1080.0]
    """
    return Policy(
        method="declining_balance",
        life_months=_life(years, months),
        factor=factor,
        switch=switch,
        rate_period=rate_period,
        remainder=remainder,
        residual_rate=check_residual_rate(residual_rate),
        convention=check_convention(convention),
    )


def sum_of_years_digits(
    *,
    years: float | None = None,
    months: int | None = None,
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> Policy:
    """Charge each year of the life in proportion to the years then left.

    Parameters
    ----------
    years, months
        The life, as for `straight_line`; a broken last year weighs by its fraction (66 months have the
        digits 5.5, 4.5, ..., 0.5 x 1/2).
    residual_rate, convention
        As for `straight_line`.

    Returns
    -------
    Policy
        A frozen description; it computes nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1_500.0], "in_service_date": pd.to_datetime(["2025-01-01"])})
    >>> nc.depreciate(fleet, nc.sum_of_years_digits(years=5), freq="Y")["depreciation"].tolist()
    [500.0, 400.0, 300.0, 200.0, 100.0]
    """
    return Policy(
        method="sum_of_years_digits",
        life_months=_life(years, months),
        residual_rate=check_residual_rate(residual_rate),
        convention=check_convention(convention),
    )


def units_of_production(*, total_units: float, residual_rate: float = 0.0) -> Policy:
    """Charge an asset by what was drawn from its capacity, such as GPU-hours.

    Parameters
    ----------
    total_units
        What one asset can produce in all; use beyond it is not charged. Read to six decimals.
    residual_rate
        As for `straight_line`.

    Returns
    -------
    Policy
        A frozen description; pass the units used as ``usage=`` to `depreciate`. Neither convention nor life
        is read.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"asset_id": ["a"], "cost": [1_000.0],
    ...                       "in_service_date": pd.to_datetime(["2025-01-01"])})
    >>> usage = pd.DataFrame({"asset_id": ["a", "a"], "date": pd.to_datetime(["2025-01-31", "2025-02-28"]),
    ...                       "units": [600.0, 900.0]})
    >>> policy = nc.units_of_production(total_units=1_200)
    >>> nc.depreciate(fleet, policy, usage=usage)["depreciation"].tolist()
    [500.0, 500.0]
    """
    return Policy(
        method="units_of_production",
        life_months=None,
        total_units=total_units,
        residual_rate=check_residual_rate(residual_rate),
    )


def table(
    *,
    fractions: Sequence[float],
    freq: str = "Y",
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> Policy:
    """Charge a stated share of the depreciable amount in each year or month of the life.

    Parameters
    ----------
    fractions
        The shares, read to 1e-12; they sum to 1. Inside a year the charge is even.
    freq
        What each share is for: ``Y`` a year of the life, ``M`` a month.
    residual_rate, convention
        As for `straight_line`. A row's own life is not read: the table has its own.

    Returns
    -------
    Policy
        A frozen description; it computes nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1_000.0], "in_service_date": pd.to_datetime(["2025-01-01"])})
    >>> nc.depreciate(fleet, nc.table(fractions=[0.5, 0.3, 0.2]), freq="Y")["depreciation"].tolist()
    [500.0, 300.0, 200.0]
    """
    return Policy(
        method="table",
        life_months=None,
        fractions=_shares(fractions),
        freq=freq,
        residual_rate=check_residual_rate(residual_rate),
        convention=check_convention(convention),
    )


def dated(first: Policy, *changes: tuple[Any, Policy]) -> DatedPolicy:
    """Join a policy with the changes of estimate that followed it.

    Parameters
    ----------
    first
        The policy at the start.
    *changes
        Pairs of a date and the policy from the first day of its month on, applied prospectively (ASC
        250-10-45-17, IAS 8.36): the remaining life is the new life less what has passed of it.

    Returns
    -------
    DatedPolicy
        It stands wherever a policy does.

    Examples
    --------
    >>> import neocalc as nc
    >>> nebius = nc.dated(nc.straight_line(years=4), ("2026-01-01", nc.straight_line(years=5)))
    >>> nebius.first.life_months, nebius.changes[0][1].life_months
    (48, 60)
    """
    for change in changes:
        # Annotations bind no caller, so what they promise is checked.
        if not isinstance(change, tuple) or len(change) != 2 or not isinstance(change[1], Policy):  # type: ignore[redundant-expr]
            raise ConfigError(f"a change is a pair of a date and a policy, not {change!r}")
    if not isinstance(first, Policy):
        raise ConfigError(f"the first policy must be one such as straight_line(years=4), not {first!r}")
    return DatedPolicy(first, tuple(changes))


def published(
    company: str,
    asset_class: str | None = None,
    *,
    as_of: Any = None,
    subset: bool = False,
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> Policy:
    """Return the straight line that a company has published; `PUBLISHED` has the sources and their weight.

    Parameters
    ----------
    company
        A company of `PUBLISHED`, in any case.
    asset_class
        ``servers`` unless given.
    as_of
        The date at which the life was in force; by default the latest known. The earliest life known is
        taken to reach back from the first change, since when it was in force being unknown.
    subset
        Whether to follow the part of the class that the company has set apart (Amazon, 2025).
    residual_rate, convention
        As for `straight_line`; of these nothing is published, so they are yours to assume.

    Returns
    -------
    Policy
        A straight line over the published life.

    Raises
    ------
    ConfigError
        Where the life, or the date of its change, is not published.

    Examples
    --------
    >>> import neocalc as nc
    >>> nc.policies.published("Nebius", asset_class="servers", as_of="2025-12-31").life_months
    48
    >>> nc.policies.published("Nebius").life_months
    60
    """
    life = life_in_force(company, asset_class, subset, as_of).life_months
    return straight_line(months=life, residual_rate=residual_rate, convention=convention)


def published_changes(
    company: str,
    asset_class: str | None = None,
    *,
    subset: bool = False,
    residual_rate: float = 0.0,
    convention: str = "full_month",
) -> tuple[Policy, list[tuple[dt.date, Policy]]]:
    """Return a company's earliest known policy and its later changes of estimate.

    Parameters
    ----------
    company, asset_class, subset, residual_rate, convention
        As for `published`.

    Returns
    -------
    tuple of Policy and list of (date, Policy)
        The second is what ``estimate_changes=`` takes.

    Raises
    ------
    ConfigError
        Where a life, or the date of its change, is not published.

    Examples
    --------
    >>> import neocalc as nc
    >>> first, changes = nc.policies.published_changes("Nebius")
    >>> first.life_months, [(str(day), policy.life_months) for day, policy in changes]
    (48, [('2026-01-01', 60)])
    """
    first, *later = (
        (
            row.from_date,
            straight_line(months=row.life_months, residual_rate=residual_rate, convention=convention),
        )
        for row in _dated(company, asset_class, subset)
    )
    return first[1], [(day, policy) for day, policy in later if day is not None]


def _dated(company: str, asset_class: str | None, subset: bool) -> list[Any]:
    found = lives_of(company, asset_class, subset)
    return [found[0], *dated_changes(found)]
