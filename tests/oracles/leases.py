"""Leases under ASC 842 in fractions, without importing neocalc: each balance from its definition."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass
class Lease:
    payments: list[int]  # of each month that is left, in minor units
    monthly_rate: Fraction
    advance: bool
    finance: bool
    beyond: int = 0  # prepaid and direct costs less incentives


@dataclass
class Month:
    additions: int
    interest: int
    payment: int
    liability: int
    amortization: int
    right_of_use: int
    cost: int


def present_value(lease: Lease, month: int) -> int:
    """What the payments from the start of a month on are worth then."""
    factor = 1 / (1 + lease.monthly_rate)
    shift = 0 if lease.advance else 1
    return round(
        sum(
            (
                payment * factor ** (at - month + shift)
                for at, payment in enumerate(lease.payments)
                if at >= month
            ),
            start=Fraction(0),
        )
    )


def schedule(lease: Lease) -> list[Month]:
    n, rows = len(lease.payments), []
    liability = present_value(lease, 0)
    right = liability + lease.beyond
    whole_cost, whole_right = sum(lease.payments) + lease.beyond, right
    for at, payment in enumerate(lease.payments):
        closing = present_value(lease, at + 1)
        interest = closing - liability + payment
        if lease.finance:
            amortization = round(Fraction(whole_right * (at + 1), n)) - round(Fraction(whole_right * at, n))
            cost = amortization + interest
        else:
            cost = round(Fraction(whole_cost * (at + 1), n)) - round(Fraction(whole_cost * at, n))
            amortization = cost - interest
        additions = liability if at == 0 else 0
        liability, right = closing, right - amortization
        rows.append(Month(additions, interest, payment, liability, amortization, right, cost))
    return rows
