"""A deal as it is run: its inputs, whom it owes, and what it comes to, in minor units month by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc._options import Options
from neocalc.deal._assets import BookColumns, Fleet, Property
from neocalc.deal._debt import Debt, Facility
from neocalc.deal._grid import Amounts, Grid
from neocalc.deal._operations import Costs, Customers, Leases
from neocalc.deal._tables import Rows
from neocalc.deal._terms import DealTerms

NO_INTEREST: tuple[list[int], list[tuple[int, int]]] = ([], [])


@dataclass
class Claim:
    """Who is to be paid, in which tier, and under what name the result shows it."""

    tier: str
    label: str
    owed: str = "given"
    place: int = 0
    facility: str | None = None
    rank: int = 0
    due: list[int] = field(default_factory=list)
    late: tuple[list[int], list[tuple[int, int]]] = NO_INTEREST


@dataclass
class Inputs:
    """Everything about a deal that does not depend on its cash."""

    terms: DealTerms
    grid: Grid
    options: Options
    customers: Customers
    leases: Leases
    costs: Rows
    fleet: Fleet
    debt: Debt
    reserves: Rows
    equity: Rows
    cures: Rows
    books: Mapping[str, Any]  # policies by name, the reporting book first
    locked: frozenset[int] = frozenset()  # months in which covenants keep cash from the owners


@dataclass
class Outcome:
    """A deal that has been run, in minor units month by month."""

    inputs: Inputs
    costs: Costs
    owned: Property
    books: dict[str, BookColumns]
    facilities: list[Facility]
    claims: list[Claim]
    flows: dict[str, Any]  # of the waterfall, a column for each claim, revolver, reserve and sweep
    swept: dict[str, Amounts]
    opening: dict[str, Amounts]  # run-off of opening balances
    revolvers: list[int]
    reserve_names: list[str]
    opening_reserves: list[int]
    building_interest: Amounts  # capitalised, and not in service yet, at each month's end
    opening_building_interest: int
    capitalised: Amounts
    placed_interest: Amounts  # capitalised interest that enters service
    contributions: Amounts
    temporary: Amounts  # book value over the tax basis, at each month's end
    opening_temporary: int

    @property
    def grid(self) -> Grid:
        """The months."""
        return self.inputs.grid

    @property
    def book(self) -> BookColumns:
        """The reporting book."""
        return next(iter(self.books.values()))

    def facility_sum(self, name: str) -> Amounts:
        """Sum a flow over the loans."""
        return sum((one.flows[name] for one in self.facilities), self.grid.zeros())

    def claim_sum(self, column: str, *tiers: str) -> Amounts:
        """Sum a column of the waterfall over the claims of some tiers."""
        places = [at for at, claim in enumerate(self.claims) if claim.tier in tiers]
        return np.asarray(self.flows[f"claim_{column}"][:, places].sum(axis=1, dtype=np.int64))


def income_lines(outcome: Outcome) -> dict[str, Amounts]:
    """Return the income statement down to operating income, and the interest of loans and finance leases."""
    inputs, book = outcome.inputs, outcome.book.flows
    made: dict[str, Amounts] = {
        "revenue": inputs.customers.revenue + outcome.opening["deferred_revenue"],
        "operating_cost": outcome.costs.total,
        "lease_cost": inputs.leases.cost,
    }
    made["ebitda"] = made["revenue"] - made["operating_cost"] - made["lease_cost"]
    made["depreciation"] = book["depreciation"] + inputs.leases.amortization
    made["impairment"] = book["impairment"] - book["reversals"]
    made["disposal_gain"] = book["gain"]
    charged = made["depreciation"] + made["impairment"] - made["disposal_gain"]
    made["operating_income"] = made["ebitda"] - charged
    total = outcome.facility_sum
    # A fee at the start is a cost of the loan, and amortised; others are expensed as they are paid.
    fees = total("fee") - total("upfront_fee") + total("expensed") - total("capitalized_interest")
    contract = total("contractual_interest") + total("hedge") + total("amortization")
    made["interest_expense"] = contract + fees + inputs.leases.interest
    return made
