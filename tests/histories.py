"""Random assets with policies and histories, and the same through neocalc."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd

import neocalc as nc
from oracles.events import Event, Holding, Policy
from oracles.methods import Method, table_fractions
from oracles.straight_line import CONVENTIONS, month_end, month_number, month_start

METHODS = ("straight_line", "declining_balance", "sum_of_years_digits", "table", "units_of_production")
KINDS = (
    "addition", "life_change", "residual_change", "suspend", "resume", "returned_to_use",
    "impairment", "reversal", "held_for_sale", "disposal",
)  # fmt: skip
FRACTIONS = (
    ((0.2, 0.32, 0.192, 0.1152, 0.1152, 0.0576), "Y"), ((0.5, 0.5), "Y"), ((1.0, 0.0, 0.0), "Y"), ((1.0,), "Y"),
    ((0.0, 0.25, 0.75), "M"), (tuple([1 / 30] * 30), "M"), ((1 / 3, 1 / 3, 1 / 3), "Y"),
)  # fmt: skip
FACTORS = (2.0, 1.5, 1.0, 2.345678, 0.25, 8.0)


def random_policy(random: Random, *, straight: bool = False, timed: bool = False) -> Policy:
    names = ("straight_line",) if straight else METHODS[:3] if timed else METHODS
    name = random.choice(names)
    life = random.choice([1, 2, 7, 11, 12, 13, 18, 24, 30, 36, 48, 60, 66, 72, 100])
    method = Method(name)
    if name == "declining_balance":
        switch = random.random() < 0.6
        method = Method(
            name,
            factor=Fraction(round(random.choice(FACTORS) * 1_000_000), 1_000_000),
            switch=switch,
            rate_period=random.choice("YM"),
            remainder="charge" if switch else random.choice(["charge", "keep"]),
        )
    elif name == "table":
        fractions, freq = random.choice(FRACTIONS)
        method = Method(name, fractions=table_fractions(fractions), freq=freq)
        life = len(fractions) * (12 if freq == "Y" else 1)
    elif name == "units_of_production":
        method = Method(
            name, total_units=Fraction(random.choice([1, 10, 1000, 12_345]) * 1_000_000, 1_000_000)
        )
    convention = "full_month" if name == "units_of_production" else random.choice(CONVENTIONS)
    return Policy(method, life, convention, random.choice([0.0, 0.0, 0.0, 0.05, 0.1234, 1.0]))


def public(policy: Policy) -> nc.Policy:
    """The same policy as neocalc takes it."""
    method, common = policy.method, {"residual_rate": policy.residual_rate}
    if method.name == "units_of_production":
        return nc.units_of_production(total_units=float(method.total_units), **common)
    timed: dict[str, Any] = {**common, "convention": policy.convention}
    if method.name == "table":
        return nc.table(fractions=[float(f) for f in method.fractions], freq=method.freq, **timed)
    timed["months"] = policy.life_months
    if method.name == "declining_balance":
        return nc.declining_balance(
            factor=float(method.factor),
            switch=method.switch,
            rate_period=method.rate_period,
            remainder=method.remainder,
            **timed,
        )
    return getattr(nc, method.name)(**timed)  # type: ignore[no-any-return]


def random_amount(random: Random) -> int:
    return random.choice(
        [
            0,
            1,
            2,
            3,
            99,
            random.randrange(1, 1_000),
            random.randrange(1, 10_000_000),
            random.randrange(1, 2**45),
        ]
    )


def random_holding(random: Random, policy: Policy, *, small: bool = False) -> Holding:
    cost = random_amount(random)
    cost = cost % 10**9 if small else cost  # doubles of larger amounts are not whole cents
    in_service = date(2020, 1, 1) + timedelta(days=random.randrange(1200))
    if random.random() < 0.1:
        in_service = month_end(month_number(in_service))
    residual = (
        None if random.random() < 0.7 else random.choice([0, cost, cost // 3, random.randrange(cost + 1)])
    )
    opening: dict[str, Any] = {}
    if random.random() < 0.15:
        rate = Fraction(round(policy.residual_rate * 10**12), 10**12)
        base = cost - (round(cost * rate) if residual is None else residual)
        opening["opening_accumulated"] = random.choice([0, base, base // 2, random.randrange(base + 1)])
        opening["opening_date"] = in_service + timedelta(days=random.randrange(1500))
    usage: dict[int, Fraction] = {}
    if policy.method.name == "units_of_production":
        first = month_number(in_service)
        for _ in range(random.randrange(0, 30)):
            most = int(policy.method.total_units)
            units = Fraction(random.choice([0, 1, random.randrange(most * 100_000)]), 1_000_000)
            month = first + random.randrange(0, 60)
            usage[month] = usage.get(month, Fraction(0)) + units
    return Holding(cost, in_service, policy, residual, usage=usage, **opening)


def random_events(
    random: Random, holding: Holding, framework: str, most: int, *, posted: bool
) -> list[Event]:
    """Mostly possible events: the kinds of a framework, in an order that often makes sense."""
    first = holding.in_service if holding.opening_date is None else holding.opening_date + timedelta(days=1)
    span = holding.policy.life_months * 31 + 400
    count = random.randrange(most + 1)
    days = sorted(random.randrange(span) for _ in range(count))
    state = "use"
    events: list[Event] = []
    for number, offset in enumerate(days):
        day = first + timedelta(days=offset)
        if random.random() < 0.15 and events:
            day = events[-1].date  # several on one day
        elif random.random() < 0.1:
            day = month_start(month_number(day) + 1)
        kinds = ["addition", "residual_change", "impairment", "disposal", "life_change"]
        if framework == "ifrs":
            kinds += ["reversal", "reversal"]
        if framework in ("tax", "management"):
            kinds.append("suspend")
        if state == "use":
            kinds.append("held_for_sale")
        elif state == "held":
            kinds = ["returned_to_use", "returned_to_use", "disposal", "impairment"]
        else:
            kinds = ["resume", "resume", "addition", "disposal", "impairment"]
        kind = random.choice(kinds if random.random() < 0.985 else KINDS)
        state = {"held_for_sale": "held", "returned_to_use": "use", "suspend": "still", "resume": "use"}.get(
            kind, state
        )
        amount: int | None = None
        if kind in ("addition", "residual_change", "impairment", "reversal"):
            most_of = {"residual_change": holding.cost // 10, "reversal": 2 * holding.cost}.get(
                kind, holding.cost
            )
            least = holding.cost if kind == "reversal" and random.random() < 0.9 else 0
            amount = random.randrange(least, most_of + 2) + (kind == "addition")
        elif kind in ("held_for_sale", "returned_to_use") and random.random() < 0.8:
            amount = random.randrange(holding.cost + 2)
        whole = kind == "disposal" and random.random() < (0.5 if number == count - 1 else 0.05)
        some = (
            {"share": random.choice([0.5, 0.25, 1 / 3, 0.1, 0.999, 0.123456])} if kind == "disposal" else {}
        )
        if whole:
            some = {"share": 1.0}
        if posted and random.random() < 0.5:
            some["posting_date"] = day + timedelta(days=random.choice([0, 0, 10, 45, 200]))
        events.append(
            Event(
                day,
                kind,
                amount,
                remaining_months=random.choice([1, 5, 12, 24, 40]) if kind == "life_change" else 0,
                proceeds=random.randrange(holding.cost + 1)
                if kind == "disposal" and random.random() < 0.7
                else None,
                **some,
            )
        )
    # In the order of a careless keeper.
    random.shuffle(events)
    return events


@dataclass
class Histories:
    """Assets under policies of their own, their events, and how the call is made."""

    holdings: list[Holding]
    events: list[list[Event]]
    options: dict[str, Any]
    changes: list[tuple[date, Policy, date | None]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def frames(self) -> tuple[pd.DataFrame, dict[int, nc.Policy], pd.DataFrame, pd.DataFrame]:
        """Fleet, policies by row, events and usage."""
        fleet = pd.DataFrame(
            {
                "asset_id": range(len(self.holdings)),
                "cost": [int(h.cost) for h in self.holdings],
                "in_service_date": pd.to_datetime([h.in_service for h in self.holdings]),
                "residual_value": pd.array([h.residual for h in self.holdings], dtype="Int64"),
                "opening_accumulated": pd.array(
                    [None if h.opening_date is None else h.opening_accumulated for h in self.holdings],
                    dtype="Int64",
                ),
                "opening_date": pd.to_datetime([h.opening_date for h in self.holdings]),
                "own": range(len(self.holdings)),
            }
        )
        rows = [(row, event) for row, events in enumerate(self.events) for event in events]
        events = pd.DataFrame(
            {
                "asset_id": [row for row, _ in rows],
                "date": pd.to_datetime([event.date for _, event in rows]),
                "kind": [event.kind for _, event in rows],
                "amount": pd.array([event.amount for _, event in rows], dtype="Int64"),
                "share": [event.share if event.kind == "disposal" else None for _, event in rows],
                "remaining_months": pd.array(
                    [event.remaining_months or None for _, event in rows], dtype="Int64"
                ),
                "proceeds": pd.array([event.proceeds for _, event in rows], dtype="Int64"),
                "posting_date": pd.to_datetime([event.posting_date for _, event in rows]),
            }
        )
        used = [
            (row, month, units) for row, h in enumerate(self.holdings) for month, units in h.usage.items()
        ]
        usage = pd.DataFrame(
            {
                "asset_id": [row for row, _, _ in used],
                "date": pd.to_datetime([month_end(month) for _, month, _ in used]),
                "units": [float(units) for _, _, units in used],
            }
        )
        policies = {row: public(holding.policy) for row, holding in enumerate(self.holdings)}
        return fleet, policies, events, usage


def random_histories(random: Random, count: int, most: int = 12, *, small: bool = False) -> Histories:
    framework = random.choice(["us_gaap", "ifrs", "ifrs", "tax", "management"])
    rounding = random.choice(["balance", "balance", "balance", "level"])
    through = None
    if random.random() < 0.35:
        through = month_end(month_number(date(2020, 6, 1)) + random.randrange(60))
    options: dict[str, Any] = {
        "framework": framework,
        "rounding": rounding,
        "disposal_convention": random.choice([None, None, *CONVENTIONS]),
        "fiscal_year_end": random.choice([12, 12, 6, 1]),
        "posted_through": through,
    }
    straight = rounding == "level"
    made = Histories([], [], options)
    for _ in range(count):
        holding = random_holding(random, random_policy(random, straight=straight), small=small)
        events = random_events(random, holding, framework, most, posted=through is not None)
        made.holdings.append(holding)
        made.events.append(events)
        made.counts.update(
            ["asset", holding.policy.method.name, holding.policy.convention, framework, rounding]
        )
        made.counts.update(event.kind for event in events)
        made.counts.update({f"{len(events)} events": 1})
    if random.random() < 0.3:
        for _ in range(random.choice([1, 1, 2])):
            day = date(2020, 1, 1) + timedelta(days=random.randrange(1800))
            policy = random_policy(random, straight=straight, timed=True)
            posting = day + timedelta(days=random.randrange(-30, 400)) if random.random() < 0.5 else None
            made.changes.append((day, policy, posting))
            made.counts.update(["policy_change"])
    return made
