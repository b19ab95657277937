"""What covenants measure of a deal, month by month, and the loan to value of its draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc.deal._assets import Backed
from neocalc.deal._company import Outcome
from neocalc.deal._grid import Amounts
from neocalc.deal._statements import Statements, quarters

Measures = dict[str, list[int | None]]


@dataclass(frozen=True)
class Service:
    """What falls due to lenders in a month under their contracts: paid or not, prepayments apart."""

    interest: Amounts
    principal: Amounts
    fees: Amounts

    @property
    def measures(self) -> dict[str, Amounts]:
        """By the names that metrics use."""
        total = self.interest + self.principal + self.fees
        return {
            "interest": self.interest,
            "principal": self.principal,
            "fees": self.fees,
            "debt_service": total,
        }

    def __add__(self, other: Service) -> Service:
        return Service(
            self.interest + other.interest, self.principal + other.principal, self.fees + other.fees
        )


def debt_service(outcome: Outcome) -> dict[str, Service]:
    """Return what each facility falls due for; fees at the start and premiums are none of it."""
    found = {
        one.name: Service(
            one.flows["interest"],
            one.flows["principal"],
            one.flows["fee"] - one.flows["premium"] - one.flows["upfront_fee"],
        )
        for one in outcome.facilities
    }
    flows = outcome.flows
    for place, row in enumerate(outcome.revolvers):
        found[outcome.inputs.debt.name(row)] = Service(
            flows["revolver_interest"][:, place],
            flows["revolver_due"][:, place],
            flows["revolver_fee"][:, place],
        )
    return found


def undrawn(outcome: Outcome) -> dict[str, Amounts]:
    """Return what may still be drawn of each facility at each month's end."""
    debt, grid = outcome.inputs.debt, outcome.grid
    found: dict[str, Amounts] = {}
    for one in outcome.facilities:
        commitment = debt.rows["commitment"][one.row]
        if commitment is None:
            continue
        begins = debt.rows["draw_start_date"][one.row] or debt.rows["start_date"][one.row]
        ends = debt.rows["draw_end_date"][one.row] or debt.maturity(one.row)
        left = commitment - one.opening["drawn"] - np.cumsum(one.flows["draw"])
        open_ = np.array([begins <= day < ends for day in grid.ends])
        found[one.name] = np.where(open_, np.maximum(left, 0), 0)
    for place, row in enumerate(outcome.revolvers):
        limit = np.array(debt.limits(row)[1], dtype=np.int64)
        found[debt.name(row)] = np.maximum(limit - outcome.flows["revolver_balance"][:, place], 0)
    return found


def largest_customer(outcome: Outcome) -> list[int | None]:
    """Return the revenue of the customer who brings most in the fiscal year that a month belongs to.

    It is not known in a year in which contracts earn something of which nobody says whose they are.
    """
    out: list[int | None] = [0] * outcome.grid.n
    customers, nameless = outcome.inputs.customers.by_customer, outcome.inputs.customers.nameless
    for _, months in quarters(outcome.grid, "Y", outcome.inputs.terms.fiscal_year_end):
        if nameless is not None and nameless[months].any():
            for at in months:
                out[at] = None
        elif customers:
            largest = max(customers.values(), key=lambda values: int(values[months].sum()))
            for at in months:
                out[at] = int(largest[at])
    return out


def company_measures(outcome: Outcome, made: Statements, market: list[int | None]) -> Measures:
    """Return the measures of the whole company."""
    inputs, flows, income, cash = outcome.inputs, outcome.flows, made.income, made.cash
    nothing = Service(*[outcome.grid.zeros()] * 3)
    service = sum(debt_service(outcome).values(), nothing)
    senior = min((claim.rank for claim in outcome.claims if claim.rank), default=0)
    collateral = sum(
        (values for (facility, _), values in outcome.book.by_facility.items() if facility is not None),
        outcome.grid.zeros(),
    )
    customers = inputs.customers
    names = (
        "revenue",
        "operating_cost",
        "ebitda",
        "depreciation",
        "operating_income",
        "interest_expense",
        "net_income",
    )
    exact = {
        **{name: income[name] for name in names},
        "cfads": cash["customer_receipts"] - cash["operating_cost"] - cash["leases"] - cash["taxes"],
        **service.measures,
        "capex": cash["capex"],
        "taxes": cash["taxes"],
        "lease_payments": cash["leases"],
        "total_debt": made.debt["closing_debt"],
        "senior_debt": senior_debt(outcome, senior),
        "secured_debt": sum(secured_debt(outcome).values(), outcome.grid.zeros()),
        "cash": flows["cash"],
        "restricted_cash": flows["reserve_balance"].sum(axis=1),
        "undrawn_commitments": sum(undrawn(outcome).values(), outcome.grid.zeros()),
        "past_due": flows["claim_past_due"].sum(axis=1, dtype=np.int64),
        "equity": made.balance["equity"][1:],
        "total_assets": made.balance["total_assets"][1:],
        "contracted_revenue": customers.contracted,
        "billed_revenue": customers.billed,
        "backlog": customers.backlog,
    }
    found: Measures = {name: values.tolist() for name, values in exact.items()}
    found["largest_customer_revenue"] = largest_customer(outcome)
    found["collateral_book_value"] = collateral.tolist()
    found["collateral_market_value"] = market
    chosen = f"collateral_{inputs.terms.collateral}_value"
    found["collateral_value"] = list(found[chosen])
    return found


def senior_debt(outcome: Outcome, rank: int) -> Amounts:
    """Return what facilities of a rank owe."""
    flows = outcome.flows
    out = sum((one.balance for one in outcome.facilities if one.rank == rank), outcome.grid.zeros())
    for place, row in enumerate(outcome.revolvers):
        if outcome.inputs.debt.rank_of(row) == rank:
            out = out + flows["revolver_balance"][:, place]
    return out + outcome.claim_sum("past_due", f"principal_{rank}")


def secured_debt(outcome: Outcome) -> dict[str, Amounts]:
    """Return what of each facility is secured: its share; where none is told, all that assets back."""
    rows = outcome.inputs.debt.rows
    backed = {name for name, _ in outcome.book.by_facility}
    found: dict[str, Amounts] = {}
    told = dict(zip(rows["facility_id"], rows["secured_share"], strict=True))
    for name, balance in facility_balances(outcome).items():
        share = Fraction(told[name]) if told[name] is not None else Fraction(name in backed)
        found[name] = np.array([round(share * owed) for owed in balance.tolist()], dtype=np.int64)
    return found


def facility_measures(outcome: Outcome, market: Mapping[Backed, list[int | None]]) -> dict[str, Measures]:
    """Return the measures of each facility."""
    found: dict[str, Measures] = {}
    balances, service, left = facility_balances(outcome), debt_service(outcome), undrawn(outcome)
    secured = secured_debt(outcome)
    for name, balance in balances.items():
        book = sum(
            (values for (own, _), values in outcome.book.by_facility.items() if own == name),
            outcome.grid.zeros(),
        )
        of_market = total_or_unknown(
            [values for (own, _), values in market.items() if own == name], outcome.grid.n
        )
        exact = {
            "total_debt": balance,
            "secured_debt": secured[name],
            "collateral_book_value": book,
            **service[name].measures,
            **({"undrawn_commitments": left[name]} if name in left else {}),
            **_own_cash(outcome, name),
        }
        measures: Measures = {key: values.tolist() for key, values in exact.items()}
        measures["collateral_market_value"] = of_market
        chosen = f"collateral_{outcome.inputs.terms.collateral}_value"
        measures["collateral_value"] = list(measures[chosen])
        found[name] = measures
    return found


def _own_cash(outcome: Outcome, name: str) -> dict[str, Amounts]:
    """Return what the contracts and costs that are a facility's own come to, where it has contracts."""
    customers, costs = outcome.inputs.customers, outcome.costs
    own = customers.by_facility.get(name)
    if own is None:
        return {}
    zero = outcome.grid.zeros()
    return {
        "revenue": own["revenue"],
        "billed_revenue": own["billed"],
        "contracted_revenue": own["contracted"],
        "ebitda": own["revenue"] - costs.by_facility.get(name, (zero, zero))[0],
        "cfads": own["cash_received"] - costs.by_facility.get(name, (zero, zero))[1],
    }


def facility_balances(outcome: Outcome) -> dict[str, Amounts]:
    """Return what each facility owes at each month's end, with what is past due."""
    late = outcome.flows["claim_past_due"]
    found: dict[str, Amounts] = {one.name: one.balance.copy() for one in outcome.facilities}
    for place, row in enumerate(outcome.revolvers):
        found[outcome.inputs.debt.name(row)] = outcome.flows["revolver_balance"][:, place].copy()
    for at, claim in enumerate(outcome.claims):
        if claim.facility is not None and claim.tier.startswith("principal_"):
            found[claim.facility] = found[claim.facility] + late[:, at]
    order = [outcome.inputs.debt.name(row) for row in range(outcome.inputs.debt.rows.n)]
    return {name: found[name] for name in order}


def total_or_unknown(parts: Sequence[list[int | None]], n: int) -> list[int | None]:
    """Sum month by month; unknown where a part is, or where there is none."""
    if not parts:
        return [None] * n
    return [
        None if any(part[at] is None for part in parts) else sum(part[at] or 0 for part in parts)
        for at in range(n)
    ]


def ratio(top: int | None, bottom: int | None) -> float | None:
    """Return a quotient as a float; None where it is not known or not defined."""
    return None if top is None or bottom is None or bottom <= 0 else top / bottom


def history(rows: Any, company: str) -> dict[tuple[str, int], dict[str, int | None]]:
    """Return measures of before, by entity and day; those without an entity are the company's."""
    found: dict[tuple[str, int], dict[str, int | None]] = {}
    for row in range(rows.n):
        key = rows["entity_id"][row] or company, rows["period_end"][row]
        found.setdefault(key, {})[rows["measure"][row]] = rows["amount"][row]
    return found
