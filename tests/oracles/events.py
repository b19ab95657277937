"""The books of one asset with what happens to it, month after month, in fractions.

A plain loop over months: what counts from the month's first day, the month's charge, what falls at its close. Every
re-base keeps its own starting point (month, elapsed life, accumulated balance); the month's charge is the difference of
two balances from there. Without neocalc.

Longer than 500 lines because it is one loop over months, with the clock that it asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from oracles.methods import Method, accumulated_at, rounded
from oracles.straight_line import (
    Amount,
    Asset,
    add_months,
    decimal_rate,
    half_even,
    month_end,
    month_number,
    month_start,
    share,
)

KINDS = (
    "addition", "life_change", "residual_change", "policy_change", "suspend", "resume", "returned_to_use",
    "transfer", "impairment", "reversal", "held_for_sale", "disposal",
)  # fmt: skip
AT_CLOSE = ("impairment", "reversal", "held_for_sale", "disposal")
IN_SALE = ("impairment", "disposal", "returned_to_use", "transfer", "policy_change")
FLOWS = (
    "cost_additions", "brought_in", "depreciation", "impairment", "reversals", "cost_disposals",
    "accumulated_disposals", "gain", "correction",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    method: Method
    life_months: int
    convention: str = "full_month"
    residual_rate: float = 0.0


@dataclass(frozen=True)
class Event:
    date: date
    kind: str
    amount: Amount | None = None
    share: float = 1.0
    remaining_months: int = 0
    proceeds: Amount | None = None
    policy: Policy | None = None
    posting_date: date | None = None
    group: str | None = None


@dataclass(frozen=True)
class Holding:
    cost: Amount
    in_service: date
    policy: Policy
    residual: Amount | None = None
    opening_accumulated: Amount = 0
    opening_date: date | None = None
    usage: Mapping[int, Fraction] = field(default_factory=dict)  # units by month


class Impossible(Exception):
    """An event that cannot be."""

    def __init__(self, code: str, event: Event) -> None:
        super().__init__(code)
        self.code, self.event = code, event


@dataclass(frozen=True)
class Rules:
    rounding: str | None = "balance"
    framework: str = "us_gaap"
    disposal_convention: str | None = None
    fiscal_year_end: int = 12


@dataclass
class Clock:
    """Elapsed life at the end of each month."""

    policy: Policy
    in_service: date  # moved by the months for which time stood still
    fye: int
    fresh: tuple[int, int] | None = None  # a new life: its first month and its months
    level: bool = False  # the ledger habit: under actual_days only the month of service is pro rata
    # Level balances of the months gone through so far, by the month and life of a re-base and what was left.
    walked: dict[tuple[int, Fraction, Amount], list[Amount]] = field(default_factory=dict)

    @property
    def life(self) -> int:
        return self.policy.life_months if self.fresh is None else self.fresh[1]

    def elapsed(self, month: int) -> Fraction:
        if self.fresh is None and self.level and self.policy.convention == "actual_days":
            service = month_number(self.in_service)
            last = month_end(service)
            first_month = Fraction(last.day - self.in_service.day + 1, last.day)
            return (
                min(Fraction(self.life), first_month + month - service) if month >= service else Fraction(0)
            )
        if self.fresh is None:
            asset = Asset(1, self.in_service, self.life, self.policy.convention)
            return share(asset, month, self.fye) * self.life
        start, months = self.fresh
        if self.policy.convention == "actual_days" and not self.level:
            first = month_start(start)
            days, whole = (month_end(month) - first).days + 1, (add_months(first, months) - first).days
            return max(Fraction(0), min(Fraction(1), Fraction(days, whole))) * months
        return Fraction(max(0, min(months, month - start + 1)))

    def elapsed_before(self, day: date) -> Fraction:
        """Elapsed life when a day begins, where every day counts."""
        month = month_number(day)
        if self.level:
            # A month is a month; only the days before that of service are none of its life.
            started = Fraction(day.day - 1, month_end(month).day)
            service = month_number(self.in_service)
            if self.fresh is None and month == service:
                started -= Fraction(self.in_service.day - 1, month_end(service).day)
            return min(Fraction(self.life), self.elapsed(month - 1) + max(Fraction(0), started))
        first = self.in_service if self.fresh is None else month_start(self.fresh[0])
        whole = (add_months(first, self.life) - first).days
        return max(Fraction(0), min(Fraction(1), Fraction((day - first).days, whole))) * self.life


@dataclass
class Books:
    """Where the last re-base left things."""

    month: int
    t0: Fraction
    main: Amount
    unimpaired: Amount | None = None


def part_of(amount: Amount, fraction: Fraction, exact: bool) -> Amount:
    return rounded(Fraction(amount) * fraction, exact)


def fraction_left(day: date, convention: str) -> Fraction:
    if convention in ("full_month", "half_year"):
        return Fraction(0)
    if convention == "next_month":
        return Fraction(1)
    if convention == "mid_month":
        return Fraction(1, 2)
    return Fraction(day.day - 1, month_end(month_number(day)).day)


def charge_left(day: date, given: str | None, policy: Policy, clock: Clock, t0: Fraction) -> Fraction:
    """What a sale leaves of its month's charge."""
    if given is None and policy.method.name == "units_of_production":
        return Fraction(1)  # what was used was used before the sale
    convention = given or policy.convention
    if convention == policy.convention == "actual_days":
        # The days before the sale, of those on which the asset was charged in the month.
        month = month_number(day)
        before, whole = (max(t0, clock.elapsed(at)) for at in (month - 1, month))
        if whole > before:
            return max(Fraction(0), clock.elapsed_before(day) - before) / (whole - before)
    return fraction_left(day, convention)


@dataclass
class Ledger:
    """Flows by month, and the last month in which anything happened."""

    flows: dict[int, dict[str, Amount]]
    last: int
    gone: bool

    def add(self, month: int, flow: str, amount: Amount) -> None:
        line = self.flows.setdefault(month, dict.fromkeys(FLOWS, 0))
        line[flow] += amount


def keep(holding: Holding, events: Sequence[Event], rules: Rules) -> Ledger:  # noqa: C901 - one loop over months
    """Keep the books of an asset whose cost is zero or more."""
    exact = rules.rounding is None
    policy = holding.policy
    cost = holding.cost
    residual = holding.residual
    if residual is None:
        residual = rounded(Fraction(cost) * decimal_rate(policy.residual_rate), exact)
    brought_in = holding.opening_date is not None
    first_day = (
        holding.in_service if holding.opening_date is None else holding.opening_date + timedelta(days=1)
    )
    level = rules.rounding == "level"
    clock = Clock(policy, holding.in_service, rules.fiscal_year_end, level=level)
    month = month_number(first_day)
    ledger = Ledger({}, month - brought_in, False)
    ledger.add(month - brought_in, "cost_additions", cost)
    ledger.add(month - brought_in, "brought_in", holding.opening_accumulated)
    books = Books(month, clock.elapsed(month - 1), holding.opening_accumulated)
    held: tuple[Amount, Amount] | None = None  # accumulated with write-downs, and without
    suspended: int | None = None  # since when time stands still
    stopped = stood_still = 0
    balances: dict[tuple[Amount, int], Amount] = {}  # worked out since the last re-base

    def used(until: int) -> Fraction:
        return sum((units for at, units in holding.usage.items() if at <= until), Fraction(0))

    def at(done: Amount, until: int) -> Amount:
        if (done, until) not in balances:
            balances[done, until] = stands(done, until)
        return balances[done, until]

    def stands(done: Amount, until: int) -> Amount:
        if suspended is not None or until < books.month:
            return done
        t = clock.elapsed(until)
        end = cost - residual
        if end < done:
            return done  # nothing is charged back
        if level:
            return level_at(clock, books, end - done, until) + done
        return accumulated_at(
            policy.method, cost=cost, end=end, done=done, t0=books.t0, life=clock.life, t=max(t, books.t0),
            exact=exact, used=(used(books.month - 1), used(until)),
        )  # fmt: skip

    def rebase(to: int) -> None:
        balances.clear()
        if suspended is None:
            books.t0 = clock.elapsed(to - 1)
        books.month = to

    def carry(to: int) -> None:
        """Take the balances on to the close of the month before."""
        main, unimpaired = at(books.main, to - 1), books.unimpaired
        books.unimpaired = None if unimpaired is None else at(unimpaired, to - 1)
        books.main = main

    order = {kind: place for place, kind in enumerate(KINDS)}
    pending = sorted(enumerate(events), key=lambda pair: (pair[1].date, order[pair[1].kind], pair[0]))
    for _, event in pending:
        if event.kind != "policy_change" and event.date < first_day:
            raise Impossible("date_order", event)
    by_month: dict[int, list[Event]] = {}
    for _, event in pending:
        by_month.setdefault(month_number(event.date), []).append(event)

    def judge(event: Event) -> None:
        kind = event.kind
        if kind == "policy_change":
            return
        if kind == "returned_to_use" and held is None:
            raise Impossible("event_state", event)
        if held is not None and kind not in IN_SALE:
            raise Impossible("event_state", event)
        if kind in ("suspend", "resume") and rules.framework not in ("tax", "management"):
            raise Impossible("framework", event)
        if kind == "suspend" and suspended is not None:
            raise Impossible("event_state", event)
        if kind == "resume" and suspended is None:
            raise Impossible("event_state", event)
        if kind == "held_for_sale" and suspended is not None:
            raise Impossible("event_state", event)
        if kind == "reversal" and rules.framework != "ifrs":
            raise Impossible("framework", event)

    last_event = max(by_month, default=ledger.last)
    while True:
        over = held is not None or suspended is not None or finished(policy.method, clock, holding, month - 1)
        if month > max(last_event, books.month) and over:
            break
        now = by_month.get(month, [])
        opening = [event for event in now if event.kind not in AT_CLOSE]
        closing = [event for event in now if event.kind in AT_CLOSE]
        if now:
            ledger.last = month
        extra: Amount = 0  # catch-up depreciation
        if any(event.kind != "transfer" for event in opening):
            carry(month)
            rebase(month)
            for event in opening:
                judge(event)
                if event.kind == "addition":
                    if event.amount is None or event.amount <= 0:
                        raise Impossible("range", event)
                    cost += event.amount
                    ledger.add(month, "cost_additions", event.amount)
                elif event.kind == "life_change":
                    if policy.method.name in ("table", "units_of_production"):
                        raise Impossible("method", event)
                    if event.remaining_months < 1:
                        raise Impossible("range", event)
                    fresh = (month, event.remaining_months)
                    clock = Clock(policy, clock.in_service, rules.fiscal_year_end, fresh, level)
                    suspended = None if suspended is None else month
                elif event.kind == "residual_change":
                    if event.amount is None or not 0 <= event.amount <= cost:
                        raise Impossible("range", event)
                    residual = event.amount
                elif event.kind == "policy_change":
                    assert event.policy is not None
                    policy = event.policy
                    clock = Clock(
                        policy,
                        add_months(holding.in_service, stood_still),
                        rules.fiscal_year_end,
                        level=level,
                    )
                    if holding.residual is None:
                        residual = part_of(cost, decimal_rate(policy.residual_rate), exact)
                    suspended = None if suspended is None else month
                elif event.kind == "suspend":
                    suspended = stopped = month
                elif event.kind == "resume":
                    assert suspended is not None
                    clock = resumed(clock, suspended, month)
                    stood_still += month - stopped
                    suspended = None
                elif event.kind == "returned_to_use":
                    assert held is not None
                    in_use = cost - books.main
                    target = in_use if event.amount is None else min(in_use, event.amount)
                    caught_up = books.main - held[1]
                    extra += caught_up
                    value = cost - (held[0] + caught_up)
                    if target > value:
                        ledger.add(month, "reversals", target - value)
                    else:
                        ledger.add(month, "impairment", value - target)
                    books.main = cost - target
                    held = None
            rebase(month)
        # Balances around the month's charge: before it, and the charge on what is held.
        before, after = at(books.main, month - 1), at(books.main, month)
        use = [before, after - before]
        own = [held[0], Fraction(0)] if held else list(use)
        plain = held[1] if held else None  # accumulated without write-downs
        shadow = None
        if books.unimpaired is not None:
            low = at(books.unimpaired, month - 1)
            shadow = [low, at(books.unimpaired, month) - low]
        charge = own[1]
        classified = changed = False
        for number, event in enumerate(closing):
            judge(event)
            fraction = (
                Fraction(1)
                if classified
                else charge_left(event.date, rules.disposal_convention, policy, clock, books.t0)
            )
            value = cost - own[0] - own[1]
            if event.kind == "impairment":
                if event.amount is None or event.amount < 0:
                    raise Impossible("range", event)
                loss = max(0, value - event.amount)
                changed |= loss > 0
                if changed and held is None and shadow is None:
                    shadow = list(own)
                own[0] += loss
                if held is None:
                    use[0] += loss
                ledger.add(month, "impairment", loss)
            elif event.kind == "reversal":
                if event.amount is None or event.amount < 0 or event.amount < value:
                    raise Impossible("range", event)
                cap = value if shadow is None else cost - shadow[0] - shadow[1]
                gain = max(0, min(event.amount, cap) - value)
                changed |= gain > 0
                own[0] -= gain
                use[0] -= gain
                ledger.add(month, "reversals", gain)
            elif event.kind == "held_for_sale":
                if event.amount is not None and event.amount < 0:
                    raise Impossible("range", event)
                if shadow is None:
                    shadow = list(own)
                use = list(own)
                own[1] = part_of(own[1], fraction, exact)
                charge += own[1] - use[1]
                plain = own[0] + own[1]
                if event.amount is not None:
                    loss = max(0, cost - plain - event.amount)
                    own[0] += loss
                    ledger.add(month, "impairment", loss)
                held, classified, changed = (plain, plain), True, True
            else:
                sold = decimal_rate(event.share)
                if not 0 < sold <= 1:
                    raise Impossible("range", event)
                changed = True
                cost_out = part_of(cost, sold, exact)
                cost -= cost_out
                sold_charge = part_of(own[1], sold * fraction, exact)
                change = sold_charge - part_of(own[1], sold, exact)
                charge += change
                whole = own[0] + own[1] + change
                kept_charge = own[1] - part_of(own[1], sold, exact)
                kept = own[0] - part_of(own[0], sold, exact) + kept_charge
                # Rounding leaves neither part with more accumulated than it cost.
                accumulated_out = min(whole - min(kept, cost), cost_out)
                ledger.add(month, "cost_disposals", cost_out)
                ledger.add(month, "accumulated_disposals", accumulated_out)
                ledger.add(month, "gain", (event.proceeds or 0) - (cost_out - accumulated_out))
                residual -= part_of(residual, sold, exact)
                own[:] = [whole - accumulated_out - kept_charge, kept_charge]
                for balance in (use, shadow):
                    if balance is not None:
                        balance[:] = [amount - part_of(amount, sold, exact) for amount in balance]
                        balance[0] = min(balance[0] + balance[1], cost) - balance[1]
                if held is None:
                    use[:] = own
                plain = None if plain is None else plain - part_of(plain, sold, exact)
                if sold == 1:
                    later = [*closing[number + 1 :], *(e for e in now if e.date > event.date)]
                    later += [e for at_month, some in by_month.items() if at_month > month for e in some]
                    if later:
                        raise Impossible("date_order", later[0])
                    ledger.add(month, "depreciation", extra + charge)
                    ledger.gone = True
                    return ledger
        ledger.add(month, "depreciation", extra + charge)
        if charge or extra:
            ledger.last = month
        if changed:
            if held:
                assert plain is not None
                held = (own[0] + own[1], plain)
            books.main = use[0] + use[1]
            books.unimpaired = None if shadow is None else shadow[0] + shadow[1]
            rebase(month + 1)
        month += 1
    return ledger


def level_at(clock: Clock, books: Books, left: Amount, until: int) -> Amount:
    """What level charges come to: each rounded, never above what is left, the last takes the remainder."""
    if books.t0 == clock.life:
        return left
    walked = clock.walked.setdefault((books.month, books.t0, left), [])
    charged: Amount = walked[-1] if walked else 0
    for month in range(books.month + len(walked), until + 1):
        before, now = max(books.t0, clock.elapsed(month - 1)), max(books.t0, clock.elapsed(month))
        regular = half_even(Fraction(left) * (now - before) / (clock.life - books.t0))
        charged = left if now == clock.life else min(left, charged + regular)
        walked.append(charged)
    return walked[until - books.month]


def finished(method: Method, clock: Clock, holding: Holding, month: int) -> bool:
    """Whether nothing is charged after a month."""
    if method.name == "units_of_production":
        return all(at <= month for at, units in holding.usage.items() if units)
    return clock.elapsed(month) >= clock.life


def resumed(clock: Clock, since: int, month: int) -> Clock:
    """The clock after it stood still from the first of one month to that of another."""
    gap = month - since

    class Shifted(Clock):
        def elapsed(self, at: int) -> Fraction:
            if clock.policy.convention == "actual_days" and not clock.level:
                # The remaining days run from the first of the month.
                passed = clock.elapsed(since - 1)
                start, months = clock.fresh or (0, 0)
                whole = (
                    (add_months(month_start(start), months) - month_start(start)).days
                    if clock.fresh
                    else (add_months(clock.in_service, clock.life) - clock.in_service).days
                )
                days = max(0, (month_end(at) - month_start(month)).days + 1)
                return min(Fraction(clock.life), passed + Fraction(days, whole) * clock.life)
            return clock.elapsed(max(at - gap, since - 1))

        def elapsed_before(self, day: date) -> Fraction:
            at = month_number(day)
            started = Fraction(day.day - 1, month_end(at).day)
            if clock.level:
                service = month_number(clock.in_service)
                if clock.fresh is None and at - gap == service:
                    started -= Fraction(clock.in_service.day - 1, month_end(service).day)
                return min(Fraction(clock.life), self.elapsed(at - 1) + max(Fraction(0), started))
            first = clock.in_service if clock.fresh is None else month_start(clock.fresh[0])
            whole = (add_months(first, clock.life) - first).days
            days = max(0, (day - month_start(month)).days)
            return min(Fraction(clock.life), clock.elapsed(since - 1) + Fraction(days, whole) * clock.life)

    return Shifted(clock.policy, clock.in_service, clock.fye, clock.fresh, clock.level)


def keep_posted(holding: Holding, events: Sequence[Event], rules: Rules, through: date | None) -> Ledger:
    """The books when those up to a day are closed: what is known late falls in the first open month."""
    if through is None:
        return keep(holding, events, rules)
    closed = month_number(through)

    def lands(event: Event) -> int | None:
        month = month_number(event.date)
        if month > closed:
            return None
        if event.posting_date is None:
            return closed + 1
        posted = month_number(event.posting_date)
        return posted if posted > month else None

    landings = sorted({month for event in events if (month := lands(event)) is not None})
    # Of what was known at a time only the months before the next correction matter.
    ends = [*landings, 10**6]
    in_time = [e for e in events if lands(e) is None and month_number(e.date) < ends[0]]
    published = keep(holding, in_time, rules)
    for landing, end in zip(landings, ends[1:], strict=True):
        known = [e for e in events if (lands(e) or 0) <= landing and month_number(e.date) < end]
        truth = keep(holding, known, rules)
        spliced = Ledger({}, max(truth.last, landing), truth.gone)
        for month in {*published.flows, *truth.flows}:
            source = published if month < landing else truth
            for flow, amount in source.flows.get(month, {}).items():
                spliced.add(month, flow, amount)
        for flow in FLOWS[:-1]:
            missed = sum(line[flow] for month, line in truth.flows.items() if month < landing) - sum(
                line[flow] for month, line in published.flows.items() if month < landing
            )
            spliced.add(landing, flow, missed)
            if flow == "depreciation":
                spliced.add(landing, "correction", missed)
        published = spliced
    return published
