"""Depreciation methods from their definitions: what has accumulated at an elapsed time of the life, in fractions.

Time is counted in life-months ``t`` from 0 to the life ``N``; what it is at a month's end the convention says
(``straight_line.share`` times ``N``). A schedule starts at ``t0`` with ``done`` already accumulated and goes up to
``end``, cost less residual value. Without neocalc, and one month at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor

from oracles.straight_line import Amount, decimal_rate, half_even


@dataclass(frozen=True)
class Method:
    name: str = "straight_line"
    factor: Fraction = Fraction(2)
    switch: bool = True
    rate_period: str = "Y"
    remainder: str = "charge"
    fractions: tuple[Fraction, ...] = ()
    freq: str = "Y"
    total_units: Fraction = Fraction(0)


def rounded(value: Fraction, exact: bool) -> Amount:
    return value if exact else half_even(value)


def digits_share(t: Fraction, life: int) -> Fraction:
    """Year i weighs (N - 12 i) / 12, a broken last year by its fraction; linear inside a year."""
    total = reached = Fraction(0)
    for start in range(0, life, 12):
        length = min(12, life - start)
        weight = Fraction(life - start, 12) * Fraction(length, 12)
        total += weight
        reached += weight * max(Fraction(0), min(Fraction(1), (t - start) / length))
    return reached / total


def table_share(t: Fraction, fractions: tuple[Fraction, ...], months: int) -> Fraction:
    reached = Fraction(0)
    for number, fraction in enumerate(fractions):
        reached += fraction * max(Fraction(0), min(Fraction(1), (t - number * months) / months))
    return reached / sum(fractions)


def table_fractions(values: tuple[float, ...]) -> tuple[Fraction, ...]:
    return tuple(decimal_rate(value) for value in values)


@lru_cache(maxsize=100_000)
def share_of(method: Method, t: Fraction, life: int) -> Fraction:
    """Cumulative share of a method whose shares depend on time alone."""
    if method.name == "straight_line":
        return t / life
    if method.name == "sum_of_years_digits":
        return digits_share(t, life)
    if method.name == "table":
        return table_share(t, method.fractions, 12 if method.freq == "Y" else 1)
    raise ValueError(method.name)


def declining(
    method: Method,
    *,
    cost: Amount,
    end: Amount,
    done: Amount,
    t0: Fraction,
    life: int,
    t: Fraction,
    exact: bool,
) -> Amount:
    """Walk rate periods from ``t0``; each charges its rate on the balance it opens with."""
    period = 12 if method.rate_period == "Y" else 1
    rate = min(Fraction(1), method.factor * period / life)  # of a whole rate period
    at, accumulated = t0, Fraction(done)
    while at < life:
        boundary = Fraction(min(life, (floor(at / period) + 1) * period))
        book, room = cost - accumulated, max(Fraction(0), Fraction(end) - accumulated)
        if method.switch and room / (life - at) >= book * rate / period:
            return accumulated + rounded(room * (t - at) / (life - at), exact)
        charge = min(rounded(book * rate * (boundary - at) / period, exact), room)
        if boundary == life and not method.switch and method.remainder == "charge":
            charge = room
        if t <= boundary:
            return accumulated + rounded(charge * (t - at) / (boundary - at), exact)
        at, accumulated = boundary, accumulated + charge
    return accumulated


def accumulated_at(
    method: Method,
    *,
    cost: Amount,
    end: Amount,
    done: Amount,
    t0: Fraction,
    life: int,
    t: Fraction,
    exact: bool,
    used: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0)),
) -> Amount:
    """What has accumulated at ``t`` of an asset re-based at ``t0``; ``used`` are the units then and now.

    For costs of zero and more; where nothing of the pattern is left, all has been charged.
    """
    left = max(Fraction(0), Fraction(end) - done)
    if method.name == "units_of_production":
        before, now = (min(units, method.total_units) for units in used)
        if before == method.total_units:
            return done + left
        return done + rounded(left * (now - before) / (method.total_units - before), exact)
    if t0 == life:
        return done + left
    if t == t0:
        return done
    if method.name == "declining_balance":
        return declining(method, cost=cost, end=done + left, done=done, t0=t0, life=life, t=t, exact=exact)
    before, now = share_of(method, t0, life), share_of(method, t, life)
    if before == 1:
        return done + left
    return done + rounded(left * (now - before) / (1 - before), exact)
