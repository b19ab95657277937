"""Depreciation policies: small frozen objects that say how an asset is written off."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

from neocalc.errors import ConfigError
from neocalc.published import PUBLISHED as _LIVES
from neocalc.published import dated_changes, life_in_force, lives_of

CONVENTIONS = ("full_month", "next_month", "mid_month", "half_year", "actual_days")
MAX_LIFE_MONTHS = 3600
PUBLISHED = _LIVES  # what companies have disclosed, as data; `published` makes policies of it


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A method with its life, residual rate and convention; made by functions such as `straight_line`."""

    method: str
    life_months: int | None
    residual_rate: float = 0.0
    convention: str = "full_month"

    def __post_init__(self) -> None:
        if self.method != "straight_line":
            raise ConfigError(f"method must be 'straight_line', not {self.method!r}")
        if self.life_months is not None:
            object.__setattr__(self, "life_months", _whole_months(self.life_months, 1, "life_months"))
        object.__setattr__(self, "residual_rate", check_residual_rate(self.residual_rate))
        check_convention(self.convention)


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


def check_residual_rate(rate: Any) -> float:
    """Return the rate as float, or refuse it."""
    if isinstance(rate, bool):
        raise ConfigError("residual_rate must be a number, not bool")
    try:
        number = float(rate)
    except (TypeError, ValueError):
        raise ConfigError(f"residual_rate must be a number, not {rate!r}") from None
    if not 0.0 <= number <= 1.0:
        raise ConfigError(f"residual_rate must be a fraction between 0 and 1, not {rate!r}; 5 % is 0.05")
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
    if years is not None and months is not None:
        raise ConfigError("give years or months, not both")
    life = None
    if years is not None:
        life = _whole_months(years, 12, "years")
    elif months is not None:
        life = _whole_months(months, 1, "months")
    return Policy(
        method="straight_line",
        life_months=life,
        residual_rate=check_residual_rate(residual_rate),
        convention=check_convention(convention),
    )


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
