"""Schedules of loans again, in the plainest Python: one payment after the other, in fractions.

Written from the definitions in `neocalc.amortize`, apart from the package; dates come from the calendar's oracle.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from oracles.calendar import adjust, payment_dates, shift, step, year_fraction


class Refused(Exception):
    """A loan that cannot be computed, and the code for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Loan:
    """Terms, amounts in minor units; rates as exact decimals."""

    principal: int
    start: dt.date
    maturity: dt.date
    rate: Fraction
    profile: str = "level_payment"
    cycle: str | None = "1M"  # None: all at maturity
    day_count: str = "30/360"
    convention: str = "none"
    stub: str = "short_back"
    end_of_month: bool = False
    first_payment: dt.date | None = None
    interest_only_months: int = 0
    amortization_months: int | None = None
    payment: int | None = None
    balance_cap: int | None = None
    rate_steps: tuple[tuple[dt.date, Fraction], ...] = ()
    schedule: tuple[tuple[int | dt.date, int | Fraction], ...] = ()  # number or date; amount or share
    skipped: tuple[tuple[dt.date, dt.date, bool], ...] = ()  # from, to, whether interest is capitalised


@dataclass(frozen=True)
class Terms:
    """What holds for a whole call."""

    unadjusted: bool = False
    nominal: bool = False
    holidays: frozenset[dt.date] = frozenset()
    negative_allowed: bool = False
    rounded: bool = True


@dataclass
class Row:
    number: int
    date: dt.date
    opening: int | Fraction
    draw: int | Fraction = 0
    interest: int | Fraction = 0
    pik: int | Fraction = 0
    principal: int | Fraction = 0
    closing: int | Fraction = 0

    @property
    def payment(self) -> int | Fraction:
        return self.interest + self.principal


@dataclass(frozen=True)
class Period:
    start: dt.date
    end: dt.date
    scheduled: dt.date
    paid: dt.date


def level_payment(due: Fraction, growth: Sequence[Fraction]) -> Fraction:
    """The payment A for which paying A, growing, paying A, ... leaves nothing: `due` is owed at the first payment.

    What is owed after k payments is (owed - paid x A) / bottom, all three whole numbers.
    """
    owed, paid, bottom = due.numerator, due.denominator, due.denominator
    for factor in growth:
        owed *= factor.numerator
        bottom *= factor.denominator
        paid = paid * factor.numerator + bottom
    return Fraction(owed, paid)


class Engine:
    """One loan on its way."""

    def __init__(self, loan: Loan, terms: Terms) -> None:
        self.loan, self.terms = loan, terms
        anchor = loan.first_payment or (loan.maturity if loan.stub.endswith("front") else loan.start)
        self.anchor = anchor
        self.months = None if loan.cycle is None or loan.cycle[-1] != "M" else int(loan.cycle[:-1])
        self.periods = self._periods()
        self.interest_only = self._interest_only()
        self.level_times = self._level_times()
        self.balance: int | Fraction = 0
        self.rate = loan.rate
        self.accrued = Fraction(0)
        self.clock = loan.start
        self.level: int | Fraction = 0
        self.drawn = loan.principal
        self.made = 0
        self.rows: list[Row] = []

    # --- dates ---------------------------------------------------------------------------------------------

    def time(self, start: dt.date, end: dt.date, maturity: dt.date | None) -> Fraction:
        regular = self.months is not None and self.months <= 12
        return year_fraction(
            start,
            end,
            self.loan.day_count,
            maturity=maturity,
            anchor=self.anchor if regular else None,
            months=self.months if regular and self.months else 12,
            end_of_month=regular and self.loan.end_of_month,
        )

    def move(self, date: dt.date) -> dt.date:
        found = adjust(date, self.loan.convention, self.terms.holidays)
        if found is None:
            raise Refused("calendar")
        return found

    def _periods(self) -> list[Period]:
        loan = self.loan
        if loan.cycle is None:
            dates = [loan.maturity]
        else:
            dates = payment_dates(
                loan.start,
                loan.maturity,
                loan.cycle,
                stub=loan.stub,
                end_of_month=loan.end_of_month,
                first=loan.first_payment,
            )
        found: list[Period] = []
        start = loan.start
        for number, scheduled in enumerate(dates, 1):
            paid = max(self.move(scheduled), loan.start)
            end = scheduled if self.terms.unadjusted else paid
            if end <= start:
                if number < len(dates):
                    continue
                if found:
                    start = found.pop().start
                end = max(end, start)
            found.append(Period(start, end, scheduled, paid))
            start = end
        return found

    def _interest_only(self) -> int:
        months = self.loan.interest_only_months
        if not months:
            return 0
        last = shift(self.loan.start, months, self.loan.end_of_month)
        count = sum(period.scheduled <= last for period in self.periods)
        if count == len(self.periods) and self.loan.profile != "bullet":
            raise Refused("range")
        return count

    def _level_times(self) -> list[Fraction]:
        """Parts of a year of all payments that a level amount is spread over, from the first."""
        loan = self.loan
        times = [self.time(p.start, p.end, loan.maturity) for p in self.periods]
        if loan.amortization_months is not None and loan.cycle is not None:
            count, unit = int(loan.cycle[:-1]), loan.cycle[-1]
            origin = self.periods[self.interest_only - 1].scheduled if self.interest_only else loan.start
            if unit == "M":
                wanted = -(-loan.amortization_months // count)
            else:
                days = (shift(origin, loan.amortization_months) - origin).days
                wanted = -(-days // (count * (7 if unit == "W" else 1)))
            wanted += self.interest_only
            if wanted > len(times):
                times.pop()
                before = self.periods[-2] if len(self.periods) > 1 else None
                start = before.end if before else loan.start
                last = before.scheduled if before else loan.start
                # One payment is the first of the longer loan too, unless the maturity cuts its period short.
                least = loan.first_payment or loan.start
                own = loan.stub.endswith("front") and loan.first_payment is None and before is None
                if own and self._on_grid(loan.maturity):
                    least = loan.maturity
                number = 0
                while step(self.anchor, loan.cycle, number, loan.end_of_month) > last:
                    number -= 1
                while len(times) < wanted:
                    number += 1
                    date = step(self.anchor, loan.cycle, number, loan.end_of_month)
                    end = date if self.terms.unadjusted else self.move(date)
                    if date > last and end > start and (before or date >= least):
                        times.append(self.time(start, end, None))
                        start = end
            times = times[:wanted]
        if self.terms.nominal and loan.cycle is not None:
            count, unit = int(loan.cycle[:-1]), loan.cycle[-1]
            days = count * 7 if unit == "W" else count
            year = {"M": 12, "W": 364, "D": 364 if days % 7 == 0 else 365}[unit]
            times = [Fraction(count if unit == "M" else days, year)] * len(times)
        return times

    def _on_grid(self, date: dt.date) -> bool:
        assert self.loan.cycle is not None
        for way in (1, -1):
            number, at = 0, self.anchor
            while (at < date) if way == 1 else (at > date):
                number += way
                at = step(self.anchor, self.loan.cycle, number, self.loan.end_of_month)
            if at == date:
                return True
        return False

    # --- money ---------------------------------------------------------------------------------------------

    def whole(self, amount: Fraction) -> int | Fraction:
        return round(amount) if self.terms.rounded else amount

    def accrue(self, date: dt.date) -> None:
        self.accrued += self.balance * self.rate * self.time(self.clock, date, self.loan.maturity)
        self.clock = date

    def fix(self) -> None:
        """Work out the level amount from here on."""
        loan = self.loan
        left = self.level_times[self.made :]
        if loan.payment is not None:
            self.level = loan.payment
        elif loan.profile == "level_principal" and left:
            self.level = self.whole(Fraction(self.balance) / len(left))
        elif loan.profile == "level_payment" and left:
            first = left[0]
            if self.made < len(self.periods) and self.clock > self.periods[self.made].start:
                first = self.time(self.clock, self.periods[self.made].end, loan.maturity)
            if self.terms.nominal and loan.cycle is not None:  # whole periods, whatever has accrued
                due = self.balance + self.balance * self.rate * left[0]
            else:
                due = self.balance + self.accrued + self.balance * self.rate * first
            self.level = self.whole(level_payment(due, [1 + self.rate * time for time in left[1:]]))

    def steps(self) -> list[tuple[dt.date, int, int | Fraction]]:
        """What happens between payments: the day, 0 for a rate and 1 for principal, and how much."""
        found: list[tuple[dt.date, int, int | Fraction]] = []
        for date, rate in self.loan.rate_steps:
            if date < self.loan.start:
                raise Refused("date_order")
            own = [p.end for p in self.periods if p.scheduled == date]
            found.append((own[0] if own else date, 0, rate))
        if self.loan.profile == "custom":
            for when, amount in self.loan.schedule:
                if isinstance(when, dt.date) and self.place(when) is None:
                    found.append((when, 1, amount))
        return sorted(found, key=lambda step: step[:2])

    def place(self, when: int | dt.date) -> int | None:
        """The payment that a row of the schedule belongs to."""
        if isinstance(when, int):
            if when > len(self.periods):
                raise Refused("range")
            return when - 1
        if not self.loan.start < when <= self.loan.maturity:
            raise Refused("date_order")
        places = [at for at, p in enumerate(self.periods) if when in (p.scheduled, p.paid)]
        return places[0] if places else None

    def scheduled(self) -> list[int | Fraction]:
        """The amount or share of each payment."""
        of: list[int | Fraction] = [0] * len(self.periods)
        # Days first, then numbers: the first that is wrong is told.
        for when, amount in sorted(self.loan.schedule, key=lambda row: (isinstance(row[0], int), row[0])):
            at = self.place(when)
            if at is not None and at < self.interest_only and amount:
                raise Refused("profile")  # payments of interest alone
            if at is not None:
                of[at] += amount
            elif self.loan.profile == "percent_schedule":
                raise Refused("date_order")
        if self.loan.profile == "percent_schedule" and sum(of) > 1:
            raise Refused("range")
        return of

    def scheduled_principal(self, number: int) -> int | Fraction:
        if self.loan.profile == "custom":
            if self.of[number - 1] > self.balance:
                raise Refused("range")
            return self.of[number - 1]
        through = [self.whole(self.drawn * Fraction(sum(self.of[:k]))) for k in (number - 1, number)]
        return through[1] - through[0]

    def pay(self, period: Period) -> Row:
        loan, number = self.loan, self.made + 1
        self.accrue(period.end)
        row = Row(number, period.paid, self.balance)
        interest = self.whole(self.accrued)
        self.accrued = Fraction(0)
        last = number >= min(len(self.periods), len(self.level_times))
        holiday = next((h for h in loan.skipped if h[0] <= period.scheduled <= h[1]), None)
        refix = number == self.interest_only
        principal: int | Fraction = 0
        if last:
            principal = self.balance
            if loan.profile == "custom" and self.of[number - 1] > principal:
                raise Refused("range")
        elif holiday is not None:
            refix = True
            if holiday[2] and interest > 0:
                row.pik, interest = interest, 0
        elif number > self.interest_only:
            if loan.profile == "level_payment":
                principal = self.level - interest
                if loan.payment is None:
                    principal = max(principal, 0)
                elif principal <= 0 and not (self.terms.negative_allowed and loan.balance_cap is not None):
                    if principal < 0:
                        raise Refused("negative_amortization")
                    if number == self.interest_only + 1 and self.balance:
                        raise Refused("never_amortises")
                if principal < 0:
                    assert loan.balance_cap is not None
                    row.pik = min(-principal, max(loan.balance_cap - self.balance, 0))
                    interest -= row.pik
                    principal = 0
            elif loan.profile == "level_principal":
                principal = self.level
            elif loan.profile in ("percent_schedule", "custom"):
                principal = self.scheduled_principal(number)
        row.interest = interest
        self.balance += row.pik
        row.principal = min(principal, self.balance)
        self.balance -= row.principal
        self.made = number
        if refix:
            self.refix = True
        return row

    def close(self, row: Row, scheduled: bool) -> None:
        if self.refix and self.made >= self.interest_only:
            self.refix = False
            self.fix()
        row.closing = self.balance
        if scheduled or row.draw or row.principal:
            self.rows.append(row)

    def happen(self, steps: Sequence[tuple[dt.date, int, int | Fraction]], row: Row) -> None:
        for _, kind, value in steps:
            if kind == 0:
                self.refix = self.refix or value != self.rate
                self.rate = Fraction(value)
            else:
                if value > self.balance:
                    raise Refused("range")
                if value and value == self.balance:  # repaid in full: what has accrued is paid with it
                    row.interest += self.whole(self.accrued)
                    self.accrued = Fraction(0)
                self.balance -= value
                row.principal += value

    def run(self) -> list[Row]:
        loan = self.loan
        self.refix = True
        if loan.profile in ("percent_schedule", "custom"):
            self.of = self.scheduled()
        steps = self.steps()
        row = Row(0, loan.start, 0, draw=loan.principal)
        self.balance = loan.principal
        self.happen([s for s in steps if s[0] <= loan.start], row)
        self.close(row, scheduled=False)
        for period in self.periods:
            for date in sorted({s[0] for s in steps if max(period.start, loan.start) < s[0] < period.end}):
                now = [s for s in steps if s[0] == date]
                if all(value == (0 if kind else self.rate) for _, kind, value in now):
                    continue  # nothing moves: the period is not cut
                self.accrue(date)
                row = Row(self.made, date, self.balance)
                self.happen(now, row)
                self.close(row, scheduled=False)
            if not self.balance:
                break
            row = self.pay(period)
            if self.made < len(self.periods):
                self.happen([s for s in steps if s[0] == period.end], row)
            self.close(row, scheduled=True)
            if not self.balance:
                break
        if loan.profile == "custom":
            later = [value for at, kind, value in steps if kind == 1 and at > self.clock]
            if any(self.of[self.made :]) or any(later):  # nothing is left for these
                raise Refused("range")
        return self.rows


def amortize(loan: Loan, terms: Terms) -> list[Row]:
    """All rows of a loan, or `Refused`."""
    return Engine(loan, terms).run()


def holidays_of(dates: Collection[dt.date]) -> frozenset[dt.date]:
    return frozenset(dates)
