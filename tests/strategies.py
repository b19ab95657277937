"""Assets and options to test with, the awkward ones on purpose; seeded for the oracle runs, as strategies for the properties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from oracles.straight_line import (
    CONVENTIONS,
    Asset,
    add_months,
    last_charge_month,
    life_days,
    month_end,
    month_number,
    residual_amount,
    share,
)

LARGEST_FLOAT_CENTS = 2**51 - 1
LARGEST_MINOR = 2**62
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2050, 12, 31)
AROUND_HORIZONS = date(2008, 1, 1), date(2035, 12, 31)  # where `random_options` puts them
LEAP_DAYS = [date(year, 2, 29) for year in range(1992, 2049, 4)]
RATES = (0.0, 0.05, 0.1, 1 / 3, 0.125, 1.0)
ROUNDINGS = ("balance", "level", None)


def _depreciable(asset: Asset) -> int:
    return int(asset.cost - residual_amount(asset, "balance"))


def _has_tie(asset: Asset) -> bool:
    """Whether the first full month's balance lies exactly between two minor units (unopened assets)."""
    if asset.opening_date is not None:
        return False
    month = month_number(asset.in_service)
    return any((_depreciable(asset) * share(asset, month + k, 12)).denominator == 2 for k in range(2))


# Edge classes by name: whether an asset (with its horizon) is of the class. Generators must hit each at least 1 % of the time.
EDGE_CLASSES: dict[str, Callable[[Asset, tuple[int, int]], bool]] = {
    "day_31": lambda a, h: a.in_service.day == 31,
    "feb_29": lambda a, h: (a.in_service.month, a.in_service.day) == (2, 29),
    "year_end": lambda a, h: (a.in_service.month, a.in_service.day) == (12, 31),
    "first_of_month": lambda a, h: a.in_service.day == 1,
    "tiny_amount": lambda a, h: 0 < _depreciable(a) < a.life_months,
    "tie": lambda a, h: _has_tie(a),
    "residual_is_cost": lambda a, h: a.cost > 0 and _depreciable(a) == 0,
    "zero_cost": lambda a, h: a.cost == 0,
    "credit": lambda a, h: a.cost < 0,
    "near_2_51": lambda a, h: 2**50 < a.cost <= LARGEST_FLOAT_CENTS,
    "near_2_62": lambda a, h: a.cost > 2**61,
    "life_1": lambda a, h: a.life_months == 1,
    "life_2_to_5": lambda a, h: 2 <= a.life_months <= 5,
    "life_1200": lambda a, h: a.life_months == 1200,
    "brought_in": lambda a, h: a.opening_date is not None,
    "brought_in_after_life": lambda a, h: (
        a.opening_date is not None and add_months(a.in_service, a.life_months) <= a.opening_date
    ),
    "before_horizon": lambda a, h: last_charge_month(a, 12) < h[0],
    "after_horizon": lambda a, h: month_number(a.in_service) > h[1],
    "within_horizon": lambda a, h: h[0] <= month_number(a.in_service) and last_charge_month(a, 12) <= h[1],
    "straddles_start": lambda a, h: month_number(a.in_service) < h[0] <= last_charge_month(a, 12),
    "months_of_31_days": lambda a, h: (
        a.convention == "actual_days" and a.in_service.day == 1 and life_days(a) == 31 * a.life_months
    ),
    "residual_rate": lambda a, h: a.residual is None and a.residual_rate > 0,
    **{name: (lambda a, h, name=name: a.convention == name) for name in CONVENTIONS},  # type: ignore[misc]
}


def _random_day(random: Random) -> date:
    choice = random.random()
    first, last = (FIRST_DAY, LAST_DAY) if random.random() < 0.5 else AROUND_HORIZONS
    day = first + timedelta(days=random.randrange((last - first).days + 1))
    if choice < 0.05:
        return random.choice(LEAP_DAYS)
    if choice < 0.10:
        return date(day.year, 12, 31)
    if choice < 0.20:
        return date(day.year, random.choice((1, 3, 5, 7, 8, 10, 12)), 31)
    if choice < 0.25:
        return month_end(month_number(day))
    if choice < 0.45:
        return day.replace(day=1)
    return day


def _random_life(random: Random) -> int:
    choice = random.random()
    if choice < 0.05:
        return 1
    if choice < 0.15:
        return random.randint(2, 5)
    if choice < 0.17:
        return 1200
    if choice < 0.20:
        return random.randint(100, 1199)
    return random.choice((12, 24, 36, 48, 60, 72, 84)) if choice < 0.5 else random.randint(6, 96)


def random_asset(random: Random, *, largest: int = LARGEST_MINOR, credits: bool = True) -> Asset:
    """One asset in minor units; awkward amounts, lives and dates far more often than nature has them."""
    life, day = _random_life(random), _random_day(random)
    convention = random.choice(CONVENTIONS)
    if random.random() < 0.03:  # lives of whole 31-day months
        day, life = date(day.year, random.choice((1, 3, 5, 7, 7, 8, 10, 12, 12)), 1), random.randint(1, 2)
        convention = "actual_days"
    kind = random.random()
    cost = random.randint(1, 10 ** random.randint(2, 11))
    residual: int | None = None
    rate = random.choice(RATES) if random.random() < 0.3 else 0.0
    if kind < 0.04:
        cost = 0
    elif kind < 0.08:
        residual = cost
    elif kind < 0.14:
        residual = random.randint(0, cost)
        cost = residual + random.randint(0, max(1, life - 1))
    elif kind < 0.24:  # half of a unit at the end of the first full month: B * 1/N or B * 1/(2N) = odd / 2
        convention = random.choice(("full_month", "next_month", "mid_month"))
        life += life % 2
        cost, rate = (
            (life if convention == "mid_month" else life // 2) * (2 * random.randint(0, 10**6) + 1),
            0.0,
        )
    elif kind < 0.28:
        cost = LARGEST_FLOAT_CENTS - random.randint(0, 2**40)
    elif kind < 0.32:
        cost = min(largest, LARGEST_MINOR) - random.randint(0, 2**40)
    elif kind < 0.55:
        residual = random.randint(0, cost)
    if cost < residual_or_zero(residual):
        residual = cost
    asset = Asset(cost, day, life, convention, residual, 0.0 if residual is not None else rate)
    if random.random() < 0.15:
        months = random.randint(0, life if random.random() < 0.85 else life + 12)
        opening = max(day, min(add_months(day, months), date(2060, 1, 1)))
        if random.random() < 0.7:
            opening = month_end(month_number(opening))
        taken = random.randint(0, _depreciable(asset)) if random.random() < 0.9 else _depreciable(asset)
        asset = Asset(cost, day, life, convention, residual, asset.residual_rate, taken, opening)
    elif credits and random.random() < 0.06:
        asset = Asset(
            -cost, day, life, convention, None if residual is None else -residual, asset.residual_rate
        )
    return asset


def residual_or_zero(residual: int | None) -> int:
    return 0 if residual is None else residual


def random_options(random: Random) -> dict[str, Any]:
    """Period, fiscal year end, horizon and rows of one call (rounding is walked through by the caller)."""
    start = FIRST_DAY + timedelta(days=random.randrange(8_000, 14_000))
    return {
        "freq": random.choice(("M", "M", "Q", "Y")),
        "fiscal_year_end": random.randint(1, 12),
        "start": start,
        "end": start + timedelta(days=random.randrange(0, 5_000)),
        "rows": random.choice(("active", "all")),
    }


@st.composite
def assets(draw: st.DrawFn, *, largest: int = LARGEST_MINOR, credits: bool = False) -> Asset:
    """The same awkward assets as a hypothesis strategy."""
    return random_asset(Random(draw(st.integers(0, 2**32 - 1))), largest=largest, credits=credits)


@st.composite
def plain_assets(draw: st.DrawFn, *, largest_base: int = 10**12, longest: int = 150) -> Asset:
    """Unopened assets whose parts hypothesis can shrink: the properties reason about B, N and the convention."""
    day = draw(
        st.one_of(
            st.dates(FIRST_DAY, LAST_DAY),
            st.sampled_from(LEAP_DAYS),
            st.sampled_from([date(2023, 1, 31), date(2024, 12, 31), date(2025, 8, 31), date(2025, 1, 1)]),
        )
    )
    life = draw(st.one_of(st.integers(1, longest), st.sampled_from([1, 2, 6, 12, 48, 72])))
    base = draw(st.one_of(st.integers(0, largest_base), st.integers(0, life), st.sampled_from([0, 1, 3])))
    residual = draw(st.one_of(st.just(0), st.integers(0, largest_base)))
    return Asset(base + residual, day, life, draw(st.sampled_from(CONVENTIONS)), residual)
