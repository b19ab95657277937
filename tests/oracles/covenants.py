"""Covenant tests from their definitions, in fractions, without importing neocalc.

Amounts are integer minor units; None is missing. The least cure is found by trying amounts, not by a formula; cross-default by
repeating one step until nothing changes, not by a queue.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

Rows = dict[int, dict[str, int | None]]  # by number of the period; a period that is not there has no row
LARGEST_CURE = 2**70


@dataclass(frozen=True)
class Term:
    measure: str
    sign: int = 1
    window: str = "last"
    periods: int = 1


@dataclass(frozen=True)
class Metric:
    above: tuple[Term, ...]
    below: tuple[Term, ...] = ()
    cure: tuple[str, int] | None = None  # measure, and 1 or -1


@dataclass(frozen=True)
class Clause:
    metric: Metric
    threshold: Fraction | None  # of an amount in minor units
    limit: str = "min"
    strict: bool = False
    level: str = "default"
    begin: dt.date = dt.date.min
    end: dt.date = dt.date.max
    first_test: dt.date = dt.date.min
    stub_from: dt.date = dt.date.min
    at_risk: Fraction | None = None
    springing: tuple[Metric, Fraction | None] | None = None
    allowed: int | None = None
    in_a_row: int | None = None
    per_year: int | None = None
    cap: int | None = None
    grace_days: int | None = None
    every: int = 1  # tested at the end of every so many periods of the fiscal year


@dataclass(frozen=True)
class Calendar:
    dates: dict[int, dt.date]  # ends of the periods
    per_year: int
    due: Callable[[int, int], bool]  # period, every

    @property
    def months(self) -> int:
        return 12 // self.per_year


@dataclass
class Outcome:
    period: int
    status: str
    value: Fraction | None = None
    headroom: Fraction | None = None
    headroom_amount: int | None = None
    headroom_rate: Fraction | None = None
    cure_needed: int | None = None
    cure_applied: int | None = None
    default_date: dt.date | None = None
    tie: bool = False


@dataclass(frozen=True)
class Cure:
    amount: int
    paid: dt.date | None = None


@dataclass
class _Past:
    counted: dict[int, int] = field(default_factory=dict)  # cures that count, by period
    run: int = 0  # of tests up to the one before that were cured


def side(
    terms: Sequence[Term],
    rows: Rows,
    at: int,
    calendar: Calendar,
    stub_from: dt.date = dt.date.min,
    cure: tuple[str, int] | None = None,
    counted: dict[int, int] | None = None,
) -> Fraction | None:
    """One side of a metric; None where an amount is missing."""
    total = Fraction(0)
    for term in terms:
        count = 1 if term.window == "last" else term.periods
        periods = list(range(at - count + 1, at + 1))
        known = [number for number in periods if number in calendar.dates]
        if term.window == "annualized":
            periods = [number for number in known if calendar.dates[number] >= stub_from]
            if not periods:
                return None
        elif known != periods:
            return None
        amounts = [rows.get(number, {}).get(term.measure) for number in periods]
        if any(amount is None for amount in amounts):
            return None
        part = Fraction(sum(amount for amount in amounts if amount is not None))
        if term.window == "annualized":
            part *= Fraction(calendar.per_year, len(periods))
        if cure is not None and cure[0] == term.measure and counted:
            part += cure[1] * sum(amount for number, amount in counted.items() if number in periods)
        if term.window == "average":
            part /= count
        total += term.sign * part
    return total


def _passes(clause: Clause, above: Fraction, below: Fraction) -> bool | None:
    """Whether the test is met; None where it has no sense."""
    if clause.threshold is None:
        raise ValueError("a threshold that is not known is not tested")
    if below <= 0:
        return False if clause.limit == "max" and above > 0 else None
    value = above / below
    if value == clause.threshold:
        return not clause.strict
    return (value > clause.threshold) == (clause.limit == "min")


def outcomes_of(
    clauses: Sequence[Clause],
    rows: Rows,
    calendar: Calendar,
    cures: dict[int, list[Cure]] | None = None,
    waivers: Sequence[tuple[dt.date, dt.date]] = (),
) -> list[Outcome]:
    """Every test date of one covenant, in order."""
    past, found = _Past(), []
    first = min(clauses, key=lambda clause: clause.begin)
    for at in sorted(calendar.dates):
        date = calendar.dates[at]
        holding = [clause for clause in clauses if clause.begin <= date <= clause.end]
        clause = holding[0] if holding else first
        if not calendar.due(at, clause.every):
            continue
        if not holding:
            past.run = 0  # a period without a cure breaks the row, tested or not
            found.append(Outcome(at, "not_tested"))
            continue
        outcome = _test(clause, rows, at, calendar, (cures or {}).get(at, []), waivers, past)
        if outcome.status != "cured":
            past.run = 0
        found.append(outcome)
    return found


def _test(  # noqa: C901 - the steps of one test, in order
    clause: Clause,
    rows: Rows,
    at: int,
    calendar: Calendar,
    cures: Sequence[Cure],
    waivers: Sequence[tuple[dt.date, dt.date]],
    past: _Past,
) -> Outcome:
    date, metric = calendar.dates[at], clause.metric

    def sides(counted: dict[int, int]) -> tuple[Fraction, Fraction] | None:
        above = side(metric.above, rows, at, calendar, clause.stub_from, metric.cure, counted)
        below = Fraction(1)
        if metric.below:
            found = side(metric.below, rows, at, calendar, clause.stub_from, metric.cure, counted)
            if found is None:
                return None
            below = found
        return None if above is None else (above, below)

    outcome = Outcome(at, "not_tested")
    read = sides(past.counted)
    if read is not None:
        _describe(outcome, clause, *read)
    if date < clause.first_test:
        return outcome
    if clause.springing is not None:
        spring, above = clause.springing
        top = side(spring.above, rows, at, calendar, clause.stub_from)
        bottom = side(spring.below, rows, at, calendar, clause.stub_from) if spring.below else Fraction(1)
        if top is None or bottom is None:
            outcome.status = "insufficient_data"
        elif above is None:
            outcome.status = "unknown"
        elif bottom <= 0:
            outcome.status = "undefined"
        elif top / bottom > above:
            outcome.status = ""
        if outcome.status == "undefined":  # nothing is on a right side then
            outcome.headroom = outcome.headroom_amount = outcome.headroom_rate = None
        if outcome.status:
            return outcome
    if read is None:
        outcome.status = "insufficient_data"
        return outcome
    if clause.threshold is None:
        outcome.status = "unknown"
        return outcome
    outcome.tie = read[1] > 0 and read[0] / read[1] == clause.threshold
    met = _passes(clause, *read)
    if met is None:
        outcome.status = "undefined"
        return outcome
    if met:
        rate, near = outcome.headroom_rate, clause.at_risk
        outcome.status = "at_risk" if rate is not None and near is not None and rate < near else "pass"
        outcome.cure_needed = 0
        return outcome

    def with_cure(amount: int) -> bool:
        cured = sides({**past.counted, at: past.counted.get(at, 0) + amount})
        return cured is not None and _passes(clause, *cured) is True

    # A cure that lowers the denominator (debt paid down) must leave some of it.
    lowers = (
        metric.cure is not None
        and metric.cure[1] < 0
        and any(t.measure == metric.cure[0] for t in metric.below)
    )
    most = -(-read[1] // 1) - 1 if lowers else None
    outcome.cure_needed = _least(with_cure, most) if metric.cure is not None else None
    outcome.status = {"default": "breach", "lock_up": "lock_up", "sizing": "draw_stop"}[clause.level]
    if any(begin <= date <= end for begin, end in waivers):
        outcome.status = "waived"
        return outcome
    if clause.level != "default":
        return outcome
    outcome.default_date = date + dt.timedelta(days=clause.grace_days or 0)
    late = outcome.default_date if clause.grace_days is not None else dt.date.max
    amount = sum(cure.amount for cure in cures if cure.paid is None or cure.paid <= late)
    if clause.cap is not None:
        amount = min(amount, clause.cap)
    year = [number for number in past.counted if number > at - calendar.per_year]
    limits = ((len(past.counted), clause.allowed), (len(year), clause.per_year), (past.run, clause.in_a_row))
    if (
        amount <= 0
        or any(limit is not None and used >= limit for used, limit in limits)
        or metric.cure is None
    ):
        return outcome
    if with_cure(amount):
        past.counted[at] = amount
        past.run += 1
        cured = sides(past.counted)
        if cured is None:
            raise ValueError("what could be read without a cure can be read with it")
        _describe(outcome, clause, *cured)
        outcome.status, outcome.cure_applied, outcome.default_date = "cured", amount, None
    return outcome


def _describe(outcome: Outcome, clause: Clause, above: Fraction, below: Fraction) -> None:
    outcome.value = above / below if below > 0 else None
    if clause.threshold is None:
        return
    sign = 1 if clause.limit == "min" else -1
    # Over nothing or less there is no room, only what a failed maximum lacks.
    amount = (sign * (above - clause.threshold * below)).__floor__()
    lacks = clause.limit == "max" and above > 0 and amount < 0
    outcome.headroom_amount = amount if below > 0 or lacks else None
    if outcome.value is not None:
        outcome.headroom = sign * (outcome.value - clause.threshold)
        if clause.threshold:
            outcome.headroom_rate = outcome.headroom / abs(clause.threshold)


def _least(passes: Callable[[int], bool], most: int | None) -> int | None:
    """The least amount that passes, by doubling and halving."""
    high = 1
    if most is not None:
        if most < 1 or not passes(most):
            return None
        low, high = 0, most
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if passes(middle) else (middle, high)
        return high
    while not passes(high):
        high *= 2
        if high > LARGEST_CURE:
            return None
    low = high // 2  # fails, or is 0, which is known to fail
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def standing(
    tests: Sequence[Outcome],
    dates: dict[int, dt.date],
    day: dt.date,
    waivers: Sequence[tuple[dt.date, dt.date]] = (),
) -> str:
    """How one covenant of default level makes its entity stand on a day (clear, doubtful, default).

    The last test that says anything decides; a date that was not tested says nothing, unless it was waived.
    """
    telling = []
    for test in tests:
        date = dates[test.period]
        waived = any(begin <= date <= end for begin, end in waivers)
        if date <= day and (test.status != "not_tested" or waived):
            telling.append(test)
    breaches = []
    while telling and telling[-1].status == "breach":
        breaches.append(telling.pop())
    if breaches:
        ripe = breaches[-1].default_date  # of the first of them: a second breach does not begin it anew
        if ripe is not None and ripe <= day:
            return "default"
    if telling and telling[-1].status in ("insufficient_data", "unknown", "undefined"):
        return "doubtful"
    return "clear"


def is_active(amounts: Sequence[tuple[dt.date, int | None]], above: int, day: dt.date) -> bool | None:
    """Whether the trigger's amount is above that on a day; None where the last one due by then is not known."""
    due = [amount for date, amount in sorted(amounts, key=lambda one: one[0]) if date <= day]
    return None if not due or due[-1] is None else due[-1] > above


def spread(own: dict[str, str], edges: Sequence[tuple[str, str, bool | None]]) -> dict[str, str]:
    """Standings (clear, doubtful, default) by cross-default alone: one step after another until nothing changes.

    An edge that may or may not be active (None) carries a default on as a doubt.
    """
    order = ("clear", "doubtful", "default")
    found = dict.fromkeys(own, "clear")
    while True:
        after = dict(found)
        for trigger, affected, active in edges:
            carried = max(own[trigger], found[trigger], key=order.index)
            if active is None:
                carried = min(carried, "doubtful", key=order.index)
            if active is not False:
                after[affected] = max(after[affected], carried, key=order.index)
        if after == found:
            return found
        found = after
