"""A company's waterfall written down slowly: money in whole minor units, everything else in fractions.

The plan is the dictionary that the core takes; the answer has the core's names. Written apart from the core: what is
paid is found claim by claim in the order of the steps, interest and tax are fractions rounded by `round`, which
rounds a Fraction half to even.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

TRILLION = 10**12


def share_of(value: float) -> Fraction:
    """The decimal that a share was written as, to twelve places."""
    return Fraction(round(Fraction(value) * TRILLION), TRILLION)


def interest(amount: int, terms: Any, month: int) -> int:
    rates, times = terms
    if not rates:
        return 0
    top, bottom = times[month]
    return max(round(Fraction(amount) * Fraction(rates[month], TRILLION) * Fraction(top, bottom)), 0)


def pro_rata(available: int, owed: dict[int, int]) -> dict[int, int]:
    """Divide what there is: each running total of claims gets its share, rounded down."""
    whole = sum(owed.values())
    paid = min(available, whole)
    if paid <= 0:
        return {}
    out, running, given = {}, 0, 0
    for claim, amount in owed.items():
        running += amount
        through = floor(Fraction(paid * running, whole))
        out[claim] = through - given
        given = through
    return out


class Company:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.cash = plan["opening_cash"]
        self.drawn = [one["opening"] for one in plan["revolvers"]]
        self.reserved = [opening for opening, _ in plan["reserves"]]
        self.late = [0] * len(plan["claims"])
        tax = plan["tax"]
        self.losses = tax["opening_losses"] if tax else 0  # at the start of the tax year
        self.income: list[int] = []  # of the tax year
        self.charged = 0
        self.tax_owed = tax["opening_tax"] if tax else 0
        self.out: dict[str, list[Any]] = {}

    def put(self, name: str, value: Any) -> None:
        self.out.setdefault(name, []).append(value)

    def run(self) -> dict[str, list[Any]]:
        for month in range(self.plan["months"]):
            self.month(month)
        return self.out

    # --- one month -----------------------------------------------------------------------------------------

    def month(self, month: int) -> None:
        plan = self.plan
        self.now = month
        self.accrue_revolvers()
        due, more = self.accrue_claims()
        self.open = {at: self.late[at] + more[at] + due[at] for at in range(len(due))}
        tax_due = self.accrue_tax(more)
        for at, claim in enumerate(plan["claims"]):
            if claim["owed"] == "tax":
                due[at] += tax_due
                self.open[at] += tax_due
                break
        self.paid = [0] * len(due)
        self.from_reserves = [0] * len(due)
        self.release()
        self.cash += plan["receipts"][month]
        self.draw()
        self.topped, self.used = [0] * len(self.reserved), [0] * len(self.reserved)
        self.repaid, self.swept = [0] * len(self.drawn), [0] * len(plan["sweeps"])
        self.kept_for_interest, self.distributed = 0, 0
        excess = None
        for kind, place in plan["steps"]:
            if excess is None and kind in ("repay", "sweep", "distribute"):
                excess = self.free()
            getattr(self, kind)(place)
        self.put("excess", self.free() if excess is None else excess)
        self.late = [self.open[at] for at in range(len(due))]
        for name, values in (
            ("claim_due", due),
            ("claim_late", more),
            ("claim_paid", self.paid),
            ("claim_from_reserves", self.from_reserves),
            ("claim_past_due", self.late),
            ("revolver_draw", self.draws),
            ("revolver_interest", self.costs[0]),
            ("revolver_fee", self.costs[1]),
            ("revolver_due", self.called),
            ("revolver_repayment", self.repaid),
            ("revolver_balance", self.drawn),
            ("reserve_release", self.released),
            ("reserve_used", self.used),
            ("reserve_top_up", self.topped),
            ("reserve_balance", self.reserved),
            ("sweep", self.swept),
        ):
            self.put(name, list(values))
        self.put("distribution", self.distributed)
        self.put("cash", self.cash)

    def limit(self, at: int, month: int) -> int:
        one = self.plan["revolvers"][at]
        return int(one["opening_limit"] if month < 0 else one["limit"][month])

    def accrue_revolvers(self) -> None:
        self.costs: tuple[list[int], list[int]] = ([], [])
        self.called = []
        for at, one in enumerate(self.plan["revolvers"]):
            undrawn = max(self.limit(at, self.now - 1) - self.drawn[at], 0)
            self.costs[0].append(interest(self.drawn[at], one["interest"], self.now))
            self.costs[1].append(interest(undrawn, one["undrawn"], self.now))
            self.called.append(max(self.drawn[at] - self.limit(at, self.now), 0))
            self.drawn[at] -= self.called[at]

    def accrue_claims(self) -> tuple[list[int], list[int]]:
        due, more = [], []
        for at, claim in enumerate(self.plan["claims"]):
            kind, place = claim["owed"], claim["place"]
            due.append(
                claim["due"][self.now] if kind == "given"
                else self.costs[0][place] + self.costs[1][place] if kind == "revolver_cost"
                else self.called[place] if kind == "revolver_principal"
                else 0
            )  # fmt: skip
            more.append(interest(self.late[at], claim["late"], self.now))
        return due, more

    def accrue_tax(self, more: list[int]) -> int:
        plan, tax = self.plan, self.plan["tax"]
        income = plan["taxable_income"][self.now] - sum(map(sum, self.costs)) - sum(more)
        self.put("taxable_income", income)
        if tax is None:
            for name in ("tax", "tax_accrued", "losses"):
                self.put(name, 0)
            return 0
        if tax["year_starts"][self.now]:
            self.losses, self.income, self.charged = self.left(), [], 0
        self.income.append(income)
        year = sum(self.income)
        charge = round(share_of(tax["rate"]) * (max(year, 0) - self.used_up()))
        self.put("tax", charge - self.charged)
        self.tax_owed += charge - self.charged
        self.charged = charge
        due = 0
        if tax["paid"][self.now] and any(claim["owed"] == "tax" for claim in plan["claims"]):
            due = max(self.tax_owed, 0)
            self.tax_owed -= due
        self.put("tax_accrued", self.tax_owed)
        self.put("losses", self.left())
        return due

    def used_up(self) -> int:
        allowed = round(share_of(self.plan["tax"]["loss_limit"]) * max(sum(self.income), 0))
        return int(min(allowed, self.losses))

    def left(self) -> int:
        return self.losses - self.used_up() + max(-sum(self.income), 0)

    def release(self) -> None:
        self.released = [
            max(held - target[self.now], 0)
            for held, (_, target) in zip(self.reserved, self.plan["reserves"], strict=True)
        ]
        self.reserved = [held - out for held, out in zip(self.reserved, self.released, strict=True)]
        self.cash += sum(self.released)

    def draw(self) -> None:
        wanted = sum(self.open.values()) + self.plan["minimum_cash"][self.now]
        for kind, place in self.plan["steps"]:
            if kind == "top_up":
                wanted += max(self.plan["reserves"][place][1][self.now] - self.reserved[place], 0)
        self.draws = []
        for at in range(len(self.drawn)):
            amount = max(min(wanted - self.cash, self.limit(at, self.now) - self.drawn[at]), 0)
            self.draws.append(amount)
            self.drawn[at] += amount
            self.cash += amount

    def free(self) -> int:
        if any(self.open.values()):
            return 0
        return int(max(self.cash - self.plan["minimum_cash"][self.now] - self.kept_for_interest, 0))

    # --- steps ---------------------------------------------------------------------------------------------

    def tier(self, tier: int) -> None:
        claims = self.plan["claims"]
        mine = {at: self.open[at] for at, claim in enumerate(claims) if claim["tier"] == tier}
        for at, amount in pro_rata(self.cash, mine).items():
            self.paid[at] += amount
            self.open[at] -= amount
        self.cash -= sum(self.paid[at] for at in mine)
        for place in range(len(self.reserved)):
            pledged = {at: self.open[at] for at in mine if place in claims[at]["reserves"]}
            for at, amount in pro_rata(self.reserved[place], pledged).items():
                self.from_reserves[at] += amount
                self.open[at] -= amount
                self.used[place] += amount
                self.reserved[place] -= amount

    def top_up(self, place: int) -> None:
        amount = min(max(self.plan["reserves"][place][1][self.now] - self.reserved[place], 0), self.cash)
        self.topped[place] = amount
        self.reserved[place] += amount
        self.cash -= amount

    def repay(self, place: int) -> None:
        self.repaid[place] = min(self.drawn[place], self.free())
        self.drawn[place] -= self.repaid[place]
        self.cash -= self.repaid[place]

    def sweep(self, place: int) -> None:
        one, free = self.plan["sweeps"][place], self.free()
        if self.now < self.plan["settled"]:
            amount = min(one["settled"][self.now], free)
        else:
            amount = floor(share_of(one["share"]) * free)
            owed, beside = one["balance"][self.now], one["accrued"][self.now]
            if amount >= owed + beside:
                amount = owed
                if owed or beside:
                    self.kept_for_interest += beside
            elif amount >= owed:
                amount = max(amount - beside, 0)
        self.swept[place] = amount
        self.cash -= amount

    def distribute(self, _: int) -> None:
        free = self.free()
        planned = min(self.plan["distributions"][self.now], free)
        share = share_of(self.plan["distribution_share"][self.now])
        self.distributed = planned + floor(share * (free - planned))
        self.cash -= self.distributed
