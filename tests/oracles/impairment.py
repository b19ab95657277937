"""The impairment test from its definition, in fractions, without importing neocalc.

Amounts are integer minor units; None is not known. The allocation looks for the one rate of loss at which assets that
stop at their floors and the others together bear the loss; the library redistributes round by round instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction


@dataclass(frozen=True)
class Outcome:
    recoverable: bool
    shortfall: int | None
    headroom: int | None


def us_gaap(carrying: int, undiscounted: int, fair_value: int | None) -> Outcome:
    """ASC 360-10-35-17: a loss only if not recoverable, measured against fair value."""
    if carrying <= undiscounted:
        return Outcome(True, 0, undiscounted - carrying)
    if fair_value is None:
        return Outcome(False, None, None)
    gap = fair_value - carrying
    return Outcome(False, max(0, -gap), max(0, gap))


def ifrs(carrying: int, value_in_use: int | None, fair_value_less_costs: int | None) -> Outcome:
    """IAS 36.18, 36.104: against the higher of the two, of those that are known."""
    gap = max(v for v in (value_in_use, fair_value_less_costs) if v is not None) - carrying
    return Outcome(gap >= 0, max(0, -gap), max(0, gap))


def present_value(flows: Sequence[tuple[int, int]], rate: str) -> Decimal:
    """Flows as (days, minor units) over (1 + rate) ** (days / 365), to 40 digits."""
    with localcontext() as context:
        context.prec = 40
        base = 1 + Decimal(rate)
        return sum(
            (Decimal(amount) / base ** (Decimal(days) / 365) for days, amount in flows), start=Decimal(0)
        )


def rooms(carrying: Sequence[int], floors: Sequence[int]) -> list[int]:
    """What each asset can bear; none goes below its floor or below zero."""
    return [max(0, c - max(0, f)) for c, f in zip(carrying, floors, strict=True)]


def exact_shares(loss: int, carrying: Sequence[int], floors: Sequence[int]) -> list[Fraction]:
    """Each asset's part before cents: the same rate of its carrying amount for all, or all of its room."""
    room = rooms(carrying, floors)
    if loss >= sum(room):
        return [Fraction(r) for r in room]
    stops = sorted({Fraction(r, c) for r, c in zip(room, carrying, strict=True) if r})
    low = Fraction(0)
    for stop in stops:  # between two stops the sum borne is linear in the rate
        borne = sum(min(stop * c, Fraction(r)) for r, c in zip(room, carrying, strict=True) if r)
        if borne >= loss:
            below = sum(min(low * c, Fraction(r)) for r, c in zip(room, carrying, strict=True) if r)
            rate = low + (stop - low) * (loss - below) / (borne - below)
            return [
                min(rate * c, Fraction(r)) if r else Fraction(0) for r, c in zip(room, carrying, strict=True)
            ]
        low = stop
    raise AssertionError("the rooms bear the loss")


def shares(loss: int, carrying: Sequence[int], floors: Sequence[int]) -> list[int]:
    """The same in whole minor units: those left over go to the largest fractions, of equal ones to the first."""
    exact = exact_shares(loss, carrying, floors)
    whole = [int(e) for e in exact]
    spare = int(sum(exact)) - sum(whole)
    by_fraction = sorted(range(len(exact)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_fraction[:spare]:
        whole[at] += 1
    return whole
