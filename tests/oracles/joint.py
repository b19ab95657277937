"""Draws under amounts stated for their facility as a whole, again in the plainest Python: day after day, all draws at once.

A day has three parts. Payments that are due are settled on every draw; then what is stated for the facility is divided:
interest first (of a payment), then what matures, then principal, the oldest draw first; at last the movements of the
day. Dates, interest, fees and prepayments of a single draw are those of `oracles.facilities`.
"""

from __future__ import annotations

import datetime as dt
from math import floor

from oracles.facilities import Facility, Left, Part, Row, together
from oracles.loans import Period, Refused, Terms


def is_joint(facility: Facility) -> bool:
    own = any(draw.own_terms for draw in facility.draws)
    loan = facility.loan
    stated = loan.profile in ("custom", "sculpted") or loan.payment is not None
    return own and (stated or facility.advance_rate is not None)


class JointPart(Part):
    """A draw whose days are run by its facility."""

    def prepare(self) -> None:
        facility, loan = self.facility, self.loan
        self.refix = True
        if loan.profile == "percent_schedule":
            self.of = self.scheduled()
        self.todo = [step for step in self.fac_steps() if step[1] != 1]
        self.later = sum(kind == 3 and value != 0 for _, kind, _, value in self.todo)
        self.open_until = dt.date.min
        if not self.number and facility.undrawn_rate:
            end = self.window()[1]
            self.open_until = next((p.end for p in self.periods if p.end >= end), self.periods[-1].end)
        self.begun = self.finished = False

    def limit(self, date: dt.date) -> int | None:
        return None  # what is owed in all is limited

    def period(self) -> Period:
        return self.periods[self.made]

    def pays_on(self, date: dt.date) -> bool:
        if not self.begun or self.finished or self.period().end != date:
            return False
        if self.over():
            self.finished = True
        return not self.finished

    def settle_payment(self) -> None:
        """The first part of a payment: interest; and what it repays by its own terms."""
        period, number = self.period(), self.made + 1
        self.accrue(period.end)
        holiday = next((h for h in self.loan.skipped if h[0] <= period.scheduled <= h[1]), None)
        if holiday is None:
            self.fix_before()
        self.row = Row(number, period.paid, int(self.balance), self.number, scheduled=True)
        self.settle(self.row)
        self.last = number >= min(len(self.periods), len(self.level_times))
        self.open = not self.last and holiday is None and number > self.interest_only
        self.repays = 0
        if self.last:
            self.repays = int(self.balance)
        elif holiday is not None:
            self.refix = True
            if holiday[2] and self.row.interest > 0:
                self.row.pik, self.row.interest = self.row.interest, 0
                self.balance += self.row.pik

    def repay(self) -> None:
        self.row.principal = int(min(self.repays, self.balance))
        self.balance -= self.row.principal
        self.made += 1
        self.refix = self.refix or self.made == self.interest_only


class Joint:
    """A facility on its way."""

    def __init__(self, facility: Facility, terms: Terms) -> None:
        self.facility, self.loan = facility, facility.loan
        self.left = Left([row.amount for row in facility.prepayments])
        numbers = [0, *(n for n, draw in enumerate(facility.draws, 1) if draw.own_terms)]
        self.parts = [JointPart(facility, terms, number, self.left) for number in numbers]
        whole = self.parts[0]
        if facility.advance_rate is not None and facility.collateral[0][0] > whole.periods[0].paid:
            raise Refused("date_order")
        self.asked: dict[dt.date, int] = {}  # principal on days that are no payment dates
        self.of: dict[dt.date, int] = {}  # what is stated for a payment date
        if self.loan.profile == "custom":
            for at, amount in enumerate(whole.scheduled()):
                self.of[whole.periods[at].end] = int(amount)
            for date, kind, amount in whole.steps():
                if kind == 1:
                    self.asked[date] = self.asked.get(date, 0) + int(amount)
        if self.loan.profile == "sculpted":
            self._serve()
        for part in self.parts:
            part.prepare()

    def _serve(self) -> None:
        assert self.facility.target_dscr is not None
        days: dict[dt.date, dt.date] = {}
        for part in self.parts:
            for period in part.periods:
                days[period.end] = max(period.scheduled, days.get(period.end, period.scheduled))
        start = self.loan.start
        for end in sorted(days):
            cash = sum(amount for day, amount in self.facility.cash_flow if start < day <= days[end])
            if cash < 0:
                raise Refused("negative_cash_flow")
            self.of[end] = floor(cash / self.facility.target_dscr)
            start = max(days[end], start)

    def limit(self, date: dt.date) -> int | None:
        if self.facility.advance_rate is None:
            return None
        values = [value for day, value in self.facility.collateral if day <= date]
        return floor(values[-1] * self.facility.advance_rate) if values else None

    def owed(self) -> int:
        return sum(int(part.balance) for part in self.parts if part.begun)

    def ahead(self) -> bool:
        return any(part.ahead for part in self.parts)

    def pay(self, paying: list[JointPart], date: dt.date) -> None:
        for part in paying:
            part.settle_payment()
        matured = sum(part.repays for part in paying)
        opened = [part for part in paying if part.open]
        stated = self.loan.profile in ("custom", "sculpted") or self.loan.payment is not None
        all_last = self.loan.profile == "custom" and all(part.last for part in paying)
        if stated and (opened or all_last):
            self.divide(paying, opened, date, matured)
        elif opened:
            for part in opened:
                part.repays = min(part.due(part.made + 1, part.row.interest), int(part.balance))
        limit = self.limit(max(part.row.date for part in paying))
        excess = 0
        if limit is not None:
            excess = max(self.owed() - sum(part.repays for part in paying) - limit, 0)
        for part in paying:
            more = min(excess, int(part.balance) - part.repays)
            if more:
                part.ahead = True
            part.repays += more
            excess -= more
            part.repay()

    def divide(self, paying: list[JointPart], opened: list[JointPart], date: dt.date, matured: int) -> None:
        loan = self.loan
        amount = loan.payment if loan.payment is not None else self.of.get(date, 0)
        rest = amount
        if loan.profile in ("sculpted", "level_payment"):
            rest -= sum(part.row.interest for part in paying)
            owing = any(part.balance for part in opened)
            if owing and rest < 0:
                raise Refused("negative_amortization")
            first = opened[0].made == opened[0].interest_only
            if owing and rest == 0 and first and loan.payment is not None:
                raise Refused("never_amortises")
        rest = max(rest - matured, 0)
        for part in opened:
            part.repays = min(rest, int(part.balance))
            rest -= part.repays
        if loan.profile == "custom" and rest and not self.ahead():
            raise Refused("range")

    def move(self, part: JointPart, date: dt.date, row: Row) -> None:
        now = [step for step in part.todo if step[0] <= date]
        part.todo = part.todo[len(now) :]
        early = [step for step in now if step[1] == 0]
        part.do(early, row)
        if self.takes is not None and part.loan.start < date < part.periods[-1].end:
            taken = min(self.takes, int(part.balance))
            part.repay_agreed(taken, row)
            self.takes -= taken
        part.do(now[len(early) :], row)

    def run(self) -> list[Row]:
        dates = {step[0] for part in self.parts for step in part.todo} | set(self.asked)
        dates |= {part.loan.start for part in self.parts}
        dates |= {period.end for part in self.parts for period in part.periods}
        for date in sorted(dates):
            self.day(date)
        return [row for part in self.parts for row in part.rows]  # type: ignore[misc]

    def day(self, date: dt.date) -> None:
        paying = [part for part in self.parts if part.pays_on(date)]
        if paying:
            self.pay(paying, date)
        elif self.loan.profile == "custom" and self.of.get(date) and not self.ahead():
            raise Refused("range")  # nothing is owed
        matured = sum(part.row.principal for part in paying if part.last)
        asked = self.asked.get(date)
        self.takes = None if asked is None else max(asked - matured, 0)
        drawn = sum(part.drawn for part in self.parts)
        ahead = self.ahead()
        for part in self.parts:
            if part in paying:
                row = part.row
                if part.made < len(part.periods):
                    self.move(part, date, row)
                part.end(row)
                part.finished = part.made == len(part.periods) or part.over()
            elif not part.begun and part.loan.start == date:
                part.begun = True
                row = Row(0, date, 0, part.number)
                if not part.number:
                    whole = self.facility.commitment
                    whole = part.loan.principal if whole is None else whole
                    row.fee = round(whole * self.facility.upfront_rate)
                part.lend(part.loan.principal, row)
                self.move(part, date, row)
                part.end(row)
            elif part.begun and not part.finished:
                asks = asked is not None and part.loan.start < date < part.periods[-1].end
                now = [step for step in part.todo if step[0] == date]
                takes = asks and min(self.takes or 0, int(part.balance))
                if not takes and not any(part.moves(*step[1:]) for step in now):
                    part.happen_beside(date, now)
                    part.todo = part.todo[len(now) :]
                elif asks or now:
                    before = part.stands()
                    part.accrue(date)
                    row = Row(part.made, date, int(part.balance), part.number)
                    self.move(part, date, row)
                    part.go_on(before)
                    part.end(row)
        if self.takes and not ahead:
            raise Refused("range")
        at_once = [part for part in self.parts if part not in paying and part.pays_on(date)]
        if at_once:  # drawn on the day of its last payment, which was moved to it
            self.pay(at_once, date)
            for part in at_once:
                part.end(part.row)
                part.finished = True
        limit = self.limit(date)
        if sum(part.drawn for part in self.parts) > drawn and limit is not None and self.owed() > limit:
            raise Refused("borrowing_base")


def parts(facility: Facility, terms: Terms) -> list[Row]:
    """All rows of a facility, those of each draw apart, one after the other."""
    joint = Joint(facility, terms)
    rows = joint.run()
    for wanted, amount in zip(facility.prepayments, joint.left.amounts, strict=True):
        if wanted.amount is not None and not wanted.capped and amount:
            raise Refused("overpayment")
    return rows


def amortize(facility: Facility, terms: Terms) -> list[Row]:
    """All rows of a facility as one, or `Refused`."""
    return together(parts(facility, terms))
