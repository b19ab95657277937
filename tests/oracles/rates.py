"""The rate of a loan, day by day, and the rows that follow from it: slow, in whole numbers and fractions.

Rates are whole counts of 10^-12 (a rate is the decimal of twelve places that was written), amounts are cents, dates
are days since 1970-01-01. Nothing here is shared with neocalc. Every day is looked at: days in a row on which an amount
and its rate are the same are one calculation period, counted as a whole (ISDA 2006 4.16). What accrues on its own
(interest, interest in kind, each hedge, a fee) has calculation periods of its own.
"""

from __future__ import annotations

import calendar
import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import groupby, pairwise

from oracles.calendar import year_fraction

ONE = 10**12
_EPOCH = dt.date(1970, 1, 1)


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - _EPOCH).days


def half_even(value: Fraction) -> int:
    return round(value)  # Python rounds a Fraction half to even, exactly


def parts(rate: float) -> int:
    """The decimal of twelve places nearest to the double."""
    return round(Fraction(rate) * ONE)


def is_open(date: int, holidays: frozenset[int]) -> bool:
    return (date + 3) % 7 < 5 and date not in holidays  # 1970-01-01 was a Thursday


def earlier(date: int, business_days: int, holidays: frozenset[int]) -> int:
    """Step back one day at a time, counting business days."""
    while business_days:
        date -= 1
        business_days -= is_open(date, holidays)
    return date


@cache
def add_months(date: int, months: int) -> int:
    start = _EPOCH + dt.timedelta(days=date)
    total = start.year * 12 + start.month - 1 + months
    year, month = divmod(total, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return (dt.date(year, month + 1, min(start.day, last)) - _EPOCH).days


@dataclass(frozen=True, eq=False)  # compared and cached as the thing it is: its tuples are long
class Curve:
    dates: tuple[int, ...]
    values: tuple[int, ...]
    flat: bool = False

    def at(self, date: int) -> int:
        """The last fixing on or before a day."""
        place = bisect_right(self.dates, date)
        inside = self.dates[0] <= date <= self.dates[-1]
        if not inside and not self.flat:
            raise LookupError(date)
        return self.values[max(place - 1, 0)]


@dataclass(frozen=True, eq=False)
class Terms:
    """What decides the rate; None means that there is no such term."""

    annual_rate: int | None = None
    curve: Curve | None = None
    margin: int = 0
    index_floor: int | None = None
    index_cap: int | None = None
    rate_floor: int | None = None
    rate_cap: int | None = None
    averaging: str = "none"  # none | simple | compounded
    reset_months: int | None = None
    lag: int = 0
    lookback: int = 0
    shift: bool = False
    lockout: int = 0
    floor_daily: bool = False
    year_days: int = 360
    pik: int = 0
    pik_share: int = 0
    default_margin: int = 0
    changes: tuple[tuple[int, str, int], ...] = ()  # date, term, value
    holidays: frozenset[int] = field(default_factory=frozenset)


def _between(value: int, low: int | None, high: int | None) -> int:
    if low is not None:
        value = max(value, low)
    return value if high is None else min(value, high)


def fixing(terms: Terms, date: int, period: tuple[int, int]) -> int:
    """The overnight fixing that is read for a day of a period (one that is shifted already, if it is)."""
    assert terms.curve is not None
    while not is_open(date, terms.holidays):
        date -= 1
    if terms.lockout:
        first = earlier(period[1], terms.lockout, terms.holidays)
        start = period[0]
        while not is_open(start, terms.holidays):
            start -= 1
        date = min(date, max(first, start))
    if not terms.shift:
        date = earlier(date, terms.lookback, terms.holidays)
    return terms.curve.at(date)


def compounded(terms: Terms, start: int, end: int, floored: bool) -> int:
    """The compounded rate of a period: the exact product of daily factors, rounded once to 10^-7."""
    if terms.shift:
        start, end = (earlier(date, terms.lookback, terms.holidays) for date in (start, end))
    product, date = Fraction(1), start
    while date < end:
        until = date + 1
        while until < end and not is_open(until, terms.holidays):
            until += 1
        rate = fixing(terms, date, (start, end))
        if floored and terms.floor_daily:
            rate = _between(rate, terms.index_floor, terms.index_cap)
        product *= 1 + Fraction(rate * (until - date), ONE * terms.year_days)
        date = until
    rate = (product - 1) * terms.year_days / (end - start)
    return half_even(rate * 10**7) * 10**5


@cache
def period_rate(terms: Terms, period: tuple[int, int], floored: bool) -> int:
    return compounded(terms, *period, floored)


def index_on(terms: Terms, date: int, period: tuple[int, int], start: int, floored: bool = False) -> int:
    """The index in force on a day of an accrual period; `start` is that of the loan."""
    assert terms.curve is not None
    if terms.averaging == "compounded":
        return period_rate(terms, period, floored)
    if terms.averaging == "simple":
        return fixing(terms, date, period)
    reset = period[0]
    if terms.reset_months is not None:
        number = 0
        while add_months(start, (number + 1) * terms.reset_months) <= date:
            number += 1
        reset = add_months(start, number * terms.reset_months)
    return terms.curve.at(earlier(reset, terms.lag, terms.holidays))


def rates_on(terms: Terms, date: int, period: tuple[int, int], start: int) -> tuple[int, int, int]:
    """The cash rate, the capitalised rate, and the index before floors and caps, on one day."""
    now = {
        "annual_rate": terms.annual_rate,
        "margin_rate": terms.margin,
        "default_margin_rate": terms.default_margin,
        "pik_rate": terms.pik,
        "pik_share": terms.pik_share,
    }
    now |= {term: value for at, term, value in terms.changes if at <= date}  # in order of date
    if terms.curve is None:
        assert now["annual_rate"] is not None
        index = rate = now["annual_rate"]
    else:
        index = index_on(terms, date, period, start)
        counts = _between(index_on(terms, date, period, start, True), terms.index_floor, terms.index_cap)
        rate = _between(counts + now["margin_rate"], terms.rate_floor, terms.rate_cap)
    rate += now["default_margin_rate"]
    capitalised = half_even(Fraction(rate * now["pik_share"], ONE))
    return rate - capitalised, now["pik_rate"] + capitalised, index


Settle = Callable[[Fraction], Fraction]
Count = Callable[[int, int], Fraction]


@dataclass(frozen=True)
class Hedge:
    kind: str  # swap | cap | floor (sold)
    rate: int
    steps: tuple[tuple[int, int | None, int | None], ...]  # date, notional in cents or share of the balance

    def received(self, index: int) -> int:
        if self.kind == "swap":
            return index - self.rate
        return max(index - self.rate, 0) if self.kind == "cap" else min(index - self.rate, 0)

    def notional(self, date: int, balance: int, settle: Settle, of_draw: bool = False) -> Fraction:
        """Amounts are notionals of the loan itself; a share rides on each draw with terms of its own, too."""
        now = Fraction(0)
        for at, amount, share in self.steps:
            if at <= date and amount is not None:
                now = Fraction(0 if of_draw else amount)
            elif at <= date:
                now = settle(Fraction(balance * (share or 0), ONE))
        return now


@dataclass
class Row:
    date: int
    opening: int
    interest: int
    pik: int
    principal: int
    hedge_received: int
    closing: int
    fee: int = 0


@dataclass(frozen=True)
class Moves:
    """What else happens to a loan: on days from which on amounts are added to what is owed, and to what is not drawn."""

    owed: tuple[tuple[int, int], ...] = ()
    undrawn: tuple[tuple[int, int], ...] = ()
    fee_rate: int = 0


def counted(day_count: str, maturity: int) -> Count:
    """The part of a year between two days."""

    @cache
    def time(start: int, end: int) -> Fraction:
        first, last, until = (_EPOCH + dt.timedelta(days=date) for date in (start, end, maturity))
        return year_fraction(first, last, day_count, maturity=until)

    return time


def accrued(start: int, days: Sequence[tuple[Fraction | int, int]], time: Count) -> Fraction:
    """What accrues from a day on: on what, and at which rate, on each of the days."""
    total = Fraction(0)
    for (amount, rate), run in groupby(days):
        end = start + len(list(run))
        total += amount * rate * time(start, end) / ONE
        start = end
    return total


def rows(
    terms: Terms,
    principal: int,
    dates: tuple[int, ...],
    time: Count,
    repaid: tuple[int, ...] | None = None,
    hedges: tuple[Hedge, ...] = (),
    settle: Settle = half_even,
    moves: Moves = Moves(),
) -> list[Row]:
    """Amortize: `dates` are the start and the payment dates; `repaid` the principal of each payment (else bullet).

    Without a `settle` that rounds, amounts are fractions.
    """
    balance, made = principal, []
    for number, (start, end) in enumerate(pairwise(dates)):
        days = range(start, end)
        owing = [balance + sum(more for at, more in moves.owed if start < at <= date) for date in days]
        undrawn = [sum(more for at, more in moves.undrawn if at <= date) for date in days]
        now = [rates_on(terms, date, (start, end), dates[0]) for date in range(start, end)]
        interest = settle(
            accrued(start, [(on, cash) for on, (cash, _, _) in zip(owing, now, strict=True)], time)
        )
        pik = settle(accrued(start, [(on, kind) for on, (_, kind, _) in zip(owing, now, strict=True)], time))
        fee = settle(accrued(start, [(on, moves.fee_rate) for on in undrawn], time))
        received = Fraction(0)
        for hedge in hedges:
            on = [hedge.notional(date, balance, settle) for date, balance in zip(days, owing, strict=True)]
            rates = [hedge.received(index) for _, _, index in now]
            received += accrued(start, list(zip(on, rates, strict=True)), time)
        paid_out = settle(received)
        owed = owing[-1] + pik
        last = end == dates[-1]
        paid = owed if last else min(0 if repaid is None else repaid[number], owed)
        balance = owed - paid + sum(more for at, more in moves.owed if at == end)
        made.append(Row(end, owing[-1], interest - paid_out, pik, paid, paid_out, balance, fee))
    return made


def received(
    hedges: tuple[Hedge, ...],
    curve: Curve,
    period: tuple[int, int],
    balances: tuple[tuple[int, int], ...],
    time: Count,
    of_draw: bool,
) -> int:
    """What the hedges of a loan, or of one of its draws, pay for a period with these balances from these days on.

    The index is fixed at the start of the period.
    """
    index, top = curve.at(period[0]), Fraction(0)
    owed = [[owed for day, owed in balances if day <= date][-1] for date in range(*period)]
    for hedge in hedges:
        on = [hedge.notional(period[0] + n, balance, half_even, of_draw) for n, balance in enumerate(owed)]
        top += accrued(period[0], [(amount, hedge.received(index)) for amount in on], time)
    return half_even(top)
