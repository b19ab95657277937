"""Effective interest, ladders and average lives from their definitions, in fractions.

The rate is found by bisection on the exact present value, far beyond a double; books are then kept in cents with the
double nearest to it, as neocalc promises: the rate is a float, each period is rounded half to even, the last clears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Period:
    """A period that ends with a payment."""

    fraction: Fraction  # of a year
    interest: int  # contractual, paid in cents
    repaid: int  # face
    contract: Fraction = Fraction(0)  # what the contract charges on a face of one, where it floats


def unamortized_at_end(received: Fraction, periods: Sequence[Period], rate: Fraction) -> Fraction:
    cost = received
    for period in periods:
        cost += cost * (period.contract + rate * period.fraction) - period.interest - period.repaid
    return cost


def solve(received: int, periods: Sequence[Period]) -> Fraction:
    """The rate at which nothing is left, to 2^-70."""
    low, high = Fraction(-1, 2), Fraction(2)
    for _ in range(72):
        middle = (low + high) / 2
        if unamortized_at_end(Fraction(received), periods, middle) > 0:
            high = middle
        else:
            low = middle
        # Shorter numbers; half of the digits kept are beyond what is asked.
        low, high = (Fraction(round(value * 2**90), 2**90) for value in (low, high))
    return (low + high) / 2


def books(face: int, received: int, periods: Sequence[Period]) -> list[int]:
    """The unamortized discount after each payment, in cents."""
    rate = Fraction(float(solve(received, periods)))
    left, found = face - received, []
    for number, period in enumerate(periods):
        cost = round((face - left) * (period.contract + rate * period.fraction))
        left = 0 if number == len(periods) - 1 else left - (cost - period.interest)
        face -= period.repaid
        found.append(left)
    return found


def average_life(principal: Sequence[tuple[int, int]], as_of: int, year_days: int = 365) -> Fraction:
    """Years to each day's principal, weighted with it; those after `as_of` count."""
    later = [(date, amount) for date, amount in principal if date > as_of]
    return Fraction(
        sum((date - as_of) * amount for date, amount in later), sum(a for _, a in later) * year_days
    )
