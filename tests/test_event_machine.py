"""A machine that keeps adding events to one asset, against the oracle after every step."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from histories import Histories
from oracles.events import Event, Holding, Impossible, Policy, Rules, keep
from oracles.methods import Method
from oracles.straight_line import CONVENTIONS
from test_oracle_events import check

MORE = bool(os.environ.get("NEOCALC_DEEP"))
gaps = st.integers(0, 150)
METHODS = st.sampled_from(
    [
        Method(),
        Method("sum_of_years_digits"),
        Method("declining_balance"),
        Method("declining_balance", rate_period="M"),
    ]
)


class Life(RuleBasedStateMachine):
    """An asset grows older, and something happens to it at every step; what cannot happen does not."""

    @initialize(
        cost=st.integers(0, 10_000_000),
        residual=st.none() | st.floats(0, 1),
        life=st.integers(1, 90),
        method=METHODS,
        convention=st.sampled_from(CONVENTIONS),
        framework=st.sampled_from(["us_gaap", "ifrs", "tax", "management"]),
    )
    def buy(
        self, cost: int, residual: float | None, life: int, method: Method, convention: str, framework: str
    ) -> None:
        own = None if residual is None else int(cost * residual)
        self.holding = Holding(cost, date(2020, 3, 17), Policy(method, life, convention), own)
        self.day = self.holding.in_service
        self.events: list[Event] = []
        self.framework = framework

    def happens(self, gap: int, kind: str, **what: Any) -> None:
        """Take the event up if it can be; the next comes no earlier."""
        event = Event(self.day + timedelta(days=gap), kind, **what)
        try:
            keep(self.holding, [*self.events, event], Rules(framework=self.framework))
        except Impossible:
            return
        self.events.append(event)
        self.day = event.date

    @rule(gap=gaps, amount=st.integers(1, 1_000_000))
    def add(self, gap: int, amount: int) -> None:
        self.happens(gap, "addition", amount=amount)

    @rule(gap=gaps, amount=st.integers(0, 10_000_000))
    def impair(self, gap: int, amount: int) -> None:
        self.happens(gap, "impairment", amount=amount)

    @rule(gap=gaps, amount=st.integers(0, 20_000_000))
    def reverse(self, gap: int, amount: int) -> None:
        self.happens(gap, "reversal", amount=amount)

    @rule(gap=gaps, months=st.integers(1, 60))
    def relife(self, gap: int, months: int) -> None:
        self.happens(gap, "life_change", remaining_months=months)

    @rule(gap=gaps, amount=st.integers(0, 1_000_000))
    def revalue(self, gap: int, amount: int) -> None:
        self.happens(gap, "residual_change", amount=amount)

    @rule(
        gap=gaps,
        share=st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.99]),
        proceeds=st.none() | st.integers(0, 10**6),
    )
    def dispose(self, gap: int, share: float, proceeds: int | None) -> None:
        self.happens(gap, "disposal", share=share, proceeds=proceeds)

    @rule(gap=gaps)
    def suspend(self, gap: int) -> None:
        self.happens(gap, "suspend")

    @rule(gap=gaps)
    def resume(self, gap: int) -> None:
        self.happens(gap, "resume")

    @rule(gap=gaps, amount=st.none() | st.integers(0, 10_000_000))
    def hold_for_sale(self, gap: int, amount: int | None) -> None:
        self.happens(gap, "held_for_sale", amount=amount)

    @rule(gap=gaps, amount=st.none() | st.integers(0, 10_000_000))
    def return_to_use(self, gap: int, amount: int | None) -> None:
        self.happens(gap, "returned_to_use", amount=amount)

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "holding"):
            return
        options = {
            "framework": self.framework,
            "rounding": "balance",
            "disposal_convention": None,
            "fiscal_year_end": 12,
            "posted_through": None,
        }
        seen = check(Histories([self.holding], [self.events], options))
        assert seen["assets"] == 1


Life.TestCase.settings = settings(
    max_examples=100 if MORE else 8,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLife: Callable[[], Any] = Life.TestCase
