"""Facilities again, in the plainest Python: draws, fees, prepayments, sculpting and borrowing bases, in fractions.

Written from the definitions in `neocalc.amortize`, apart from the package, on the plain loans of `oracles.loans`.

Longer than 500 lines because a facility is one machine, which is read from top to bottom.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor
from typing import Any

from oracles.calendar import shift, step
from oracles.loans import Engine, Loan, Period, Refused, Terms


@dataclass(frozen=True)
class Draw:
    date: dt.date
    amount: int
    maturity: dt.date | None = None
    rate: Fraction | None = None

    @property
    def own_terms(self) -> bool:
        return self.maturity is not None or self.rate is not None


@dataclass(frozen=True)
class Prepayment:
    date: dt.date
    amount: int | None  # None: all that is owed
    smaller: bool = False  # later payments become smaller
    capped: bool = False
    premium_due: bool = True
    pay_accrued: bool = False
    draw: int | None = None


@dataclass(frozen=True)
class Facility:
    """A loan and what makes it a facility; amounts in minor units, rates as exact decimals."""

    loan: Loan
    commitment: int | None = None
    draw_start: dt.date | None = None
    draw_end: dt.date | None = None
    undrawn_rate: Fraction = Fraction(0)
    upfront_rate: Fraction = Fraction(0)
    issue_price: Fraction = Fraction(1)
    draws: tuple[Draw, ...] = ()  # by date
    prepayments: tuple[Prepayment, ...] = ()  # by date
    premiums: tuple[tuple[dt.date, Fraction], ...] = ()
    make_whole: tuple[dt.date, Fraction] | None = None
    target_dscr: Fraction | None = None
    cash_flow: tuple[tuple[dt.date, int], ...] = ()
    advance_rate: Fraction | None = None
    collateral: tuple[tuple[dt.date, int], ...] = ()


@dataclass
class Row:
    number: int
    date: dt.date
    opening: int
    draw_number: int = 0
    draw: int = 0
    proceeds: int = 0
    interest: int = 0
    pik: int = 0
    principal: int = 0
    prepayment: int = 0
    fee: int = 0
    premium: int = 0
    closing: int = 0
    scheduled: bool = False

    @property
    def payment(self) -> int:
        return self.interest + self.principal + self.prepayment + self.fee


MONEY = ("draw", "proceeds", "interest", "pik", "principal", "prepayment", "fee", "premium")


@dataclass
class Left:
    """What prepayments have not found a draw to repay yet."""

    amounts: list[int | None] = field(default_factory=list)


class Part(Engine):
    """The loan itself, or a draw with terms of its own."""

    def __init__(self, facility: Facility, terms: Terms, number: int, left: Left) -> None:
        self.facility, self.number, self.left = facility, number, left
        self.shared = any(draw.own_terms for draw in facility.draws)
        parent = facility.loan
        self.origin = parent.start
        loan = parent
        if number:
            draw = facility.draws[number - 1]
            own_rate = draw.rate is not None
            steps = () if own_rate else tuple((max(day, draw.date), rate) for day, rate in parent.rate_steps)
            loan = replace(
                parent,
                principal=draw.amount,
                start=draw.date,
                maturity=draw.maturity or parent.maturity,
                rate=draw.rate if draw.rate is not None else parent.rate,
                rate_steps=steps,
            )
            if loan.maturity <= loan.start:
                raise Refused("date_order")
        self.loan, self.terms = loan, terms
        self.anchor = parent.first_payment or (
            parent.maturity if parent.stub.endswith("front") else parent.start
        )
        self.months = None if loan.cycle is None or loan.cycle[-1] != "M" else int(loan.cycle[:-1])
        self.periods: list[Period] = self._periods()
        self.interest_only = self._interest_only()
        self.level_times = self._level_times()
        self.rate, self.clock, self.fee_clock = loan.rate, loan.start, loan.start
        self.accrued = self.fee = Fraction(0)
        self.balance = self.level = self.made = 0
        self.drawn = self.elsewhere = self.basis = self.since = 0
        self.ahead = False
        self.rows: list[Row] = []  # type: ignore[assignment]

    # --- dates ---------------------------------------------------------------------------------------------

    def _periods(self) -> list[Period]:
        loan = self.loan
        if not self.number or loan.cycle is None:
            return super()._periods()
        # On the dates of the loan, from the first after the draw on.
        n = 0
        if self.facility.loan.first_payment is None:
            while step(self.anchor, loan.cycle, n, loan.end_of_month) > loan.start:
                n -= 1
        while step(self.anchor, loan.cycle, n, loan.end_of_month) <= loan.start:
            n += 1
        numbers = []
        while step(self.anchor, loan.cycle, n, loan.end_of_month) < loan.maturity:
            numbers.append(n)
            n += 1
        last = n - 1
        regular = step(self.anchor, loan.cycle, last + 1, loan.end_of_month) == loan.maturity
        if loan.stub == "long_back" and last > 0 and not regular and numbers:
            numbers.pop()
        dates = [step(self.anchor, loan.cycle, n, loan.end_of_month) for n in numbers] + [loan.maturity]
        found: list[Period] = []
        start = loan.start
        for place, scheduled in enumerate(dates, 1):
            paid = max(self.move(scheduled), loan.start)
            end = scheduled if self.terms.unadjusted else paid
            if end <= start:
                if place < len(dates):
                    continue
                if found:
                    start = found.pop().start
                end = max(end, start)
            found.append(Period(start, end, scheduled, paid))
            start = end
        return found

    def _interest_only(self) -> int:
        if not self.number:
            return super()._interest_only()
        months = self.loan.interest_only_months
        if not months:
            return 0
        last = shift(self.origin, months, self.loan.end_of_month)
        return min(sum(period.scheduled <= last for period in self.periods), len(self.periods) - 1)

    def place(self, when: int | dt.date) -> int | None:
        if self.number and isinstance(when, int) and when > len(self.periods):
            return None
        if self.number and isinstance(when, dt.date) and not self.loan.start < when <= self.loan.maturity:
            return None
        return super().place(when)

    def scheduled(self) -> list[int | Fraction]:
        if not self.number:
            return super().scheduled()
        of: list[int | Fraction] = [0] * len(self.periods)
        for when, share in self.loan.schedule:
            at = self.place(when)
            if at is not None:
                of[at] += share
            elif isinstance(when, dt.date) and self.loan.start < when <= self.loan.maturity:
                raise Refused("date_order")
        return of

    # --- money ---------------------------------------------------------------------------------------------

    def below(self, amount: Fraction) -> int | Fraction:
        return floor(amount) if self.terms.rounded else amount

    def window(self) -> tuple[dt.date, dt.date]:
        loan, facility = self.loan, self.facility
        start, end = facility.draw_start or loan.start, facility.draw_end or loan.maturity
        if not loan.start <= start < loan.maturity or not start <= end <= loan.maturity:
            raise Refused("date_order")
        return start, end

    def accrue_fee(self, date: dt.date) -> None:
        """Accrue the fee up to a day on which what is not drawn changes, or the fee is settled."""
        if not self.number and self.facility.undrawn_rate:
            start, end = self.window()
            start, end = max(start, self.fee_clock), min(end, date)
            if start < end:
                assert self.facility.commitment is not None
                undrawn = max(self.facility.commitment - self.drawn - self.elsewhere, 0)
                self.fee += undrawn * self.facility.undrawn_rate * self.time(start, end, self.loan.maturity)
        self.fee_clock = date

    def limit(self, date: dt.date) -> int | None:
        if self.facility.advance_rate is None:
            return None
        values = [value for day, value in self.facility.collateral if day <= date]
        return self.below(values[-1] * self.facility.advance_rate) if values else None

    def services(self) -> list[int]:
        facility, start = self.facility, self.loan.start
        assert facility.target_dscr is not None
        found = []
        for period in self.periods:
            total = sum(amount for day, amount in facility.cash_flow if start < day <= period.scheduled)
            if total < 0:
                raise Refused("negative_cash_flow")
            found.append(self.below(total / facility.target_dscr))
            start = period.scheduled
        return found

    def lend(self, amount: int, row: Row) -> None:
        if amount:
            self.accrue_fee(self.clock)
        before = self.whole(self.drawn * self.facility.issue_price)
        self.drawn += amount
        self.basis += amount
        self.balance += amount
        row.draw += amount
        row.proceeds += self.whole(self.drawn * self.facility.issue_price) - before
        limit = self.limit(row.date)
        if limit is not None and amount and self.balance > limit:
            raise Refused("borrowing_base")

    def stands(self) -> tuple[Any, ...]:
        """What interest is computed on, from when, and how much there is."""
        self.settles = False
        return self.balance, self.rate, self.clock, self.accrued

    def go_on(self, before: tuple[Any, ...]) -> None:
        """Leave a calculation period uncut where movements of a day cancelled out (ISDA 2006 4.16)."""
        if (self.balance, self.rate) == before[:2] and not self.settles:
            self.clock, self.accrued = before[2:]

    def settle(self, row: Row) -> None:
        self.settles = True
        self.accrue_fee(self.clock)
        row.interest += self.whole(self.accrued)
        row.fee += self.whole(self.fee)
        self.accrued = self.fee = Fraction(0)

    def premium(self, amount: int) -> int:
        rates = [rate for day, rate in self.facility.premiums if day <= self.clock]
        found = self.whole(amount * rates[-1]) if rates else 0
        if self.facility.make_whole is not None and self.facility.make_whole[0] > self.clock:
            until, discount = self.facility.make_whole
            spans = [(max(p.start, self.clock), min(p.end, until)) for p in self.periods]
            worth = Fraction(0)  # of interest on the amount over the periods to come
            for time in [self.time(a, b, self.loan.maturity) for a, b in reversed(spans) if a < b]:
                worth = (worth + amount * max(self.rate, 0) * time) / (1 + discount * time)
            found += self.whole(worth)
        return found

    def prepay(self, at: int, row: Row) -> None:
        wanted = self.facility.prepayments[at]
        asked = self.left.amounts[at] if wanted.amount is not None else self.balance
        assert asked is not None
        if asked > self.balance and not wanted.capped and not self.shared:
            raise Refused("overpayment")
        amount = min(asked, self.balance)
        if not wanted.smaller or not amount:
            self.fix_before()
        if not amount:
            return
        everything = amount == self.balance
        if everything or wanted.pay_accrued:
            self.settle(row)
        if wanted.premium_due:
            premium = self.premium(amount)
            row.premium += premium
            row.fee += premium
        self.balance -= amount
        row.prepayment += amount
        if wanted.amount is not None:
            self.left.amounts[at] = asked - amount
        if wanted.smaller:
            self.refix = True
            self.basis, self.since = self.balance, self.made
        self.ahead = True

    def owed_at_most(self, at: int) -> int:
        """What is owed after a draw, less all that was prepaid before it."""
        draws, owed = self.facility.draws[: at + 1], self.facility.loan.principal
        moves = [(row.date, 0, row.amount) for row in self.facility.prepayments if row.date <= draws[-1].date]
        moves += [(draw.date, 1, draw.amount) for draw in draws]
        for _, lent, amount in sorted(moves, key=lambda move: move[:2]):
            owed = owed + (amount or 0) if lent else max(owed - (owed if amount is None else amount), 0)
        return owed

    def fac_steps(self) -> list[tuple[dt.date, int, int, Fraction | int]]:
        """Day, order, place, value: 0 rate, 1 principal, 2 prepayment, 3 draw, 4 draw elsewhere."""
        facility, loan = self.facility, self.loan
        found = [(day, kind, at, value) for at, (day, kind, value) in enumerate(self.steps())]
        for at, row in enumerate(facility.prepayments):
            if row.date < self.origin or (not self.shared and row.date >= loan.maturity):
                raise Refused("date_order")
            if row.smaller and loan.profile in ("custom", "sculpted"):
                raise Refused("profile")
            if row.draw is not None and row.draw != self.number:
                continue
            if row.date < loan.maturity and not (self.number and row.date <= loan.start):
                found.append((row.date, 2, at, 0))
        if not self.number:
            start, end = self.window()
            total = loan.principal
            for at, draw in enumerate(facility.draws):
                if not start <= draw.date <= end or draw.date >= min(loan.maturity, self.periods[-1].end):
                    raise Refused("draw_window")
                total += draw.amount
                if facility.commitment is not None and total > facility.commitment:
                    raise Refused("commitment" if self.owed_at_most(at) > facility.commitment else "redraw")
                found.append((draw.date, 4 if draw.own_terms else 3, at, draw.amount))
        return sorted(found, key=lambda s: (s[0], min(s[1], 3), s[2]))

    def do(self, steps: Sequence[tuple[dt.date, int, int, Fraction | int]], row: Row) -> None:
        for _, kind, at, value in steps:
            if kind == 0:
                self.refix = self.refix or value != self.rate
                self.rate = Fraction(value)
            elif kind == 1:
                if value > self.balance:
                    raise Refused("range")
                self.repay_agreed(int(value), row)
            elif kind == 2:
                self.prepay(at, row)
            elif kind == 3:
                self.lend(value, row)
                self.later -= value != 0
                self.refix = self.refix or value != 0
            else:
                self.fix_before()
                self.draw_elsewhere(self.clock, int(value))

    def repay_agreed(self, amount: int, row: Row) -> None:
        """Principal agreed for a day; in full, it pays what has accrued as a prepayment in full does."""
        if amount and amount == self.balance:
            self.settle(row)
        self.balance -= amount
        row.principal += amount

    def moves(self, kind: int, at: int, value: Fraction | int) -> bool:
        """Whether a step changes what interest is computed on; a period of it is not cut for others."""
        if kind == 4:  # a loan of its own is drawn
            return False
        if kind != 2:
            return value != (0 if kind else self.rate)
        asked = self.left.amounts[at]
        capped = self.facility.prepayments[at].capped or self.shared
        return asked != 0 and not (not self.balance and (asked is None or capped))

    def happen_beside(self, date: dt.date, steps: Sequence[tuple[dt.date, int, int, Fraction | int]]) -> None:
        for _, kind, _, value in steps:
            if kind == 4:
                self.draw_elsewhere(date, int(value))

    def draw_elsewhere(self, date: dt.date, amount: int) -> None:
        if amount:
            self.accrue_fee(date)
        self.elsewhere += amount

    def fix_before(self) -> None:
        """Work out the level amount before what does not change it, where something earlier did."""
        if self.refix and self.made >= self.interest_only:
            self.refix = False
            self.fix()

    def due(self, number: int, interest: int) -> int:
        loan = self.loan
        if loan.profile == "level_payment":
            return max(self.level - interest, 0)
        if loan.profile == "level_principal":
            return self.level
        if loan.profile == "sculpted":
            principal = min(self.of[number - 1] - interest, self.balance)
            if principal < 0:
                raise Refused("negative_amortization")
            return principal
        if loan.profile == "custom":
            if self.of[number - 1] > self.balance and not self.ahead:
                raise Refused("range")
            return min(self.of[number - 1], self.balance)
        if loan.profile == "percent_schedule":
            share = [sum(self.of[:k], Fraction(0)) for k in (self.since, number - 1, number)]
            whole = 1 - share[0] if share[0] != 1 else Fraction(1, 10**12)
            through = [self.whole(self.basis * (s - share[0]) / whole) for s in share[1:]]
            return through[1] - through[0]
        return 0

    def pay_period(self, period: Period) -> Row:
        loan, number = self.loan, self.made + 1
        self.accrue(period.end)
        holiday = next((h for h in loan.skipped if h[0] <= period.scheduled <= h[1]), None)
        if holiday is None:
            self.fix_before()
        row = Row(number, period.paid, self.balance, self.number, scheduled=True)
        self.settle(row)
        interest, principal = row.interest, 0
        if number >= min(len(self.periods), len(self.level_times)):
            principal = self.balance
            if loan.profile == "custom" and self.of[number - 1] > principal and not self.ahead:
                raise Refused("range")
        elif holiday is not None:
            self.refix = True
            if holiday[2] and interest > 0:
                row.pik, row.interest = interest, 0
                self.balance += interest
        elif number > self.interest_only:
            principal = self.due(number, interest)
        limit = self.limit(period.paid)
        if limit is not None and self.balance - limit > principal:
            principal = self.balance - limit
            self.ahead = True
        row.principal = min(principal, self.balance)
        self.balance -= row.principal
        self.made = number
        self.refix = self.refix or number == self.interest_only
        return row

    def end(self, row: Row) -> None:
        row.closing = self.balance
        if row.scheduled or any(getattr(row, name) for name in MONEY):
            self.rows.append(row)  # type: ignore[arg-type]

    def over(self) -> bool:
        return not self.later and not self.balance and self.clock >= self.open_until

    def run_part(self) -> list[Row]:
        facility, loan = self.facility, self.loan
        self.refix = True
        if loan.profile == "sculpted":
            self.of = self.services()  # type: ignore[assignment]
        elif loan.profile in ("percent_schedule", "custom"):
            self.of = self.scheduled()
        steps = self.fac_steps()
        self.later = sum(kind == 3 and value != 0 for _, kind, _, value in steps)
        self.open_until = dt.date.min
        if not self.number and facility.undrawn_rate:
            end = self.window()[1]
            self.open_until = next((p.end for p in self.periods if p.end >= end), self.periods[-1].end)
        row = Row(0, loan.start, 0, self.number)
        if not self.number:
            whole = facility.commitment if facility.commitment is not None else loan.principal
            row.fee = self.whole(whole * facility.upfront_rate)
        self.lend(loan.principal, row)
        done = [s for s in steps if s[0] <= loan.start]
        self.do(done, row)
        self.end(row)
        rest = steps[len(done) :]
        for period in self.periods:
            while rest and rest[0][0] < period.end:
                date = rest[0][0]
                now = [s for s in rest if s[0] == date]
                rest = rest[len(now) :]
                if not any(self.moves(*step[1:]) for step in now):
                    self.happen_beside(date, now)
                    continue
                before = self.stands()
                self.accrue(date)
                row = Row(self.made, date, self.balance, self.number)
                self.do(now, row)
                self.go_on(before)
                self.end(row)
            if self.over():
                break
            row = self.pay_period(period)
            if self.made < len(self.periods):
                now = [s for s in rest if s[0] <= period.end]
                rest = rest[len(now) :]
                self.do(now, row)
            self.end(row)
            if self.over():
                break
        if loan.profile == "custom" and not self.ahead:
            later = [value for _, kind, _, value in rest if kind == 1]
            if any(self.of[self.made :]) or any(later):  # nothing is left for these
                raise Refused("range")
        for _, kind, at, _ in rest:
            wanted = facility.prepayments[at] if kind == 2 else None
            if wanted is not None and wanted.amount and not wanted.capped and not self.shared:
                raise Refused("overpayment")
        return self.rows  # type: ignore[return-value]


def parts(facility: Facility, terms: Terms) -> list[Row]:
    """All rows of a facility, those of each draw apart, one after the other."""
    left = Left([row.amount for row in facility.prepayments])
    if facility.advance_rate is not None:
        first = Part(facility, terms, 0, left).periods[0]
        if facility.collateral[0][0] > first.paid:
            raise Refused("date_order")
    shared = any(draw.own_terms for draw in facility.draws)
    rows = Part(facility, terms, 0, left).run_part()
    for number, draw in enumerate(facility.draws, 1):
        if draw.own_terms:
            rows = rows + Part(facility, terms, number, left).run_part()
    for wanted, amount in zip(facility.prepayments, left.amounts, strict=True):
        if shared and wanted.amount is not None and not wanted.capped and amount:
            raise Refused("overpayment")
    return rows


def together(rows: Sequence[Row]) -> list[Row]:
    """The rows of one day as one."""
    found: list[Row] = []
    balance = number = 0
    for date in sorted({row.date for row in rows}):
        day = [row for row in rows if row.date == date]
        whole = Row(0, date, balance)
        for row in day:
            for name in MONEY:
                setattr(whole, name, getattr(whole, name) + getattr(row, name))
            balance += row.closing - row.opening
        number += any(row.scheduled for row in day)
        whole.number, whole.closing = number, balance
        found.append(whole)
    return found


def amortize(facility: Facility, terms: Terms) -> list[Row]:
    """All rows of a facility as one, or `Refused`."""
    rows = parts(facility, terms)
    return together(rows) if any(draw.own_terms for draw in facility.draws) else rows
