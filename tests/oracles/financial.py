"""Depreciation of spreadsheets from its definitions, period by period and in fractions.

Written to be read beside the definitions, not to be fast, and without importing neocalc. The definitions are those of
Microsoft's reference pages; what these leave open is settled as `neocalc.financial` documents it.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor


def sln(cost: Fraction, salvage: Fraction, life: Fraction) -> Fraction:
    return (cost - salvage) / life


def syd(cost: Fraction, salvage: Fraction, life: Fraction, period: Fraction) -> Fraction:
    return (cost - salvage) * (life - period + 1) * 2 / (life * (life + 1))


def db_rate(cost: Fraction, salvage: Fraction, life: Fraction) -> Fraction:
    """ROUND(1 - (salvage / cost) ^ (1 / life), 3) without a root: both sides are raised to the life.

    It rounds to ``k`` thousandths or more where 1 - root >= (k - 1/2) / 1000, a half going up.
    """
    ratio = (salvage / cost) ** life.denominator
    k = 0
    while k < 1000 and ratio <= (1 - Fraction(2 * k + 1, 2000)) ** life.numerator:
        k += 1
    return Fraction(k, 1000)


def db(cost: Fraction, salvage: Fraction, life: Fraction, period: Fraction, month: int) -> Fraction:
    if salvage >= cost:
        return Fraction(0)
    rate = db_rate(cost, salvage, life)
    book, charge = cost, Fraction(0)
    for year in range(1, max(1, floor(period)) + 1):
        part = Fraction(month, 12) if year == 1 else Fraction(12 - month, 12) if year > life else Fraction(1)
        charge = book * rate * part
        book -= charge
    return charge


def ddb(cost: Fraction, salvage: Fraction, life: Fraction, period: Fraction, factor: Fraction) -> Fraction:
    if salvage >= cost:
        return Fraction(0)
    rate, passed = factor / life, max(period - 1, Fraction(0))
    if passed.denominator == 1:
        book = cost
        for _ in range(passed.numerator):
            book -= min(book * rate, book - salvage)
    elif rate >= 1:
        book = salvage
    else:  # a broken exponent has no fraction; 60 digits will do
        with localcontext(prec=60):
            kept = Decimal((1 - rate).numerator) / Decimal((1 - rate).denominator)
            power = kept ** (Decimal(passed.numerator) / Decimal(passed.denominator))
            book = max(cost * Fraction(power), salvage)
    return min(book * rate, book - salvage)


def vdb(
    cost: Fraction,
    salvage: Fraction,
    life: Fraction,
    start: Fraction,
    end: Fraction,
    factor: Fraction,
    no_switch: bool,
) -> Fraction:
    """Charges from `start` to `end`: whole periods begin with 0, or with the fraction of `start` where it may switch."""
    if salvage >= cost:
        return Fraction(0)
    broken = Fraction(0) if no_switch else start - floor(start)
    book, total = cost, Fraction(0)
    passed, following = Fraction(0), broken or Fraction(1)
    while passed < end:
        whole = min(book * factor / life, book - salvage)
        if not no_switch:
            whole = max(whole, (book - salvage) / (life - passed))
        inside = max(Fraction(0), min(end, following) - max(start, passed))
        total += whole * inside
        book -= whole * (following - passed)
        passed, following = following, following + 1
    return total
