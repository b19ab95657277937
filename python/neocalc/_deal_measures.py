"""What covenants measure of a deal, month by month, and the loan to value of its draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neocalc._deal_assets import Backed
from neocalc._deal_grid import Amounts
from neocalc._deal_run import Outcome
from neocalc._deal_statements import Statements, tiers

Measures = dict[str, list[int | None]]


def company_measures(outcome: Outcome, made: Statements, market: list[int | None]) -> Measures:
    """Return the measures of the whole company."""
    inputs, flows, income, cash = outcome.inputs, outcome.flows, made.income, made.cash
    interest = outcome.claim_sum("due", *tiers(outcome, "interest"))
    principal = outcome.claim_sum("due", *tiers(outcome, "principal"))
    fees = outcome.claim_sum("due", *tiers(outcome, "fees"))
    limits = [inputs.debt.limits(row)[1] for row in outcome.revolvers]
    limit = np.array(limits, dtype=np.int64).reshape(len(limits), outcome.grid.n).sum(axis=0)
    undrawn = np.maximum(limit - flows["revolver_balance"].sum(axis=1), 0)
    senior = min((claim.rank for claim in outcome.claims if claim.rank), default=0)
    collateral = sum(
        (values for (facility, _), values in outcome.book.by_facility.items() if facility is not None),
        outcome.grid.zeros(),
    )
    customers = inputs.customers
    largest = sorted(customers.by_customer.values(), key=lambda values: int(values.sum()), reverse=True)
    exact = {
        "revenue": income["revenue"],
        "operating_cost": income["operating_cost"],
        "ebitda": income["ebitda"],
        "depreciation": income["depreciation"],
        "operating_income": income["operating_income"],
        "interest_expense": income["interest_expense"],
        "net_income": income["net_income"],
        "cfads": cash["customer_receipts"] - cash["operating_cost"] - cash["leases"] - cash["taxes"],
        "interest": interest,
        "principal": principal,
        "fees": fees,
        "debt_service": interest + principal + fees,
        "capex": cash["capex"],
        "taxes": cash["taxes"],
        "lease_payments": cash["leases"],
        "total_debt": made.debt["closing_debt"],
        "senior_debt": senior_debt(outcome, senior),
        "cash": flows["cash"],
        "restricted_cash": flows["reserve_balance"].sum(axis=1),
        "undrawn_commitments": undrawn,
        "past_due": flows["claim_past_due"].sum(axis=1, dtype=np.int64),
        "equity": made.balance["equity"][1:],
        "total_assets": made.balance["total_assets"][1:],
        "contracted_revenue": customers.contracted,
        "billed_revenue": customers.billed,
        "backlog": customers.backlog,
        "largest_customer_revenue": largest[0] if largest else outcome.grid.zeros(),
        "collateral_book_value": collateral,
    }
    found: Measures = {name: values.tolist() for name, values in exact.items()}
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


def facility_measures(outcome: Outcome, market: Mapping[Backed, list[int | None]]) -> dict[str, Measures]:
    """Return the measures of each facility."""
    found: dict[str, Measures] = {}
    balances = facility_balances(outcome)
    for name, balance in balances.items():
        book = sum(
            (values for (own, _), values in outcome.book.by_facility.items() if own == name),
            outcome.grid.zeros(),
        )
        of_market = total_or_unknown(
            [values for (own, _), values in market.items() if own == name], outcome.grid.n
        )
        dues = {tier: _due(outcome, name, tier) for tier in ("interest", "principal", "fees")}
        measures: Measures = {
            "total_debt": balance.tolist(),
            "collateral_book_value": book.tolist(),
            "collateral_market_value": of_market,
            **{tier: due.tolist() for tier, due in dues.items()},
            "debt_service": sum(dues.values(), outcome.grid.zeros()).tolist(),
        }
        chosen = f"collateral_{outcome.inputs.terms.collateral}_value"
        measures["collateral_value"] = list(measures[chosen])
        found[name] = measures
    return found


def _due(outcome: Outcome, name: str, tier: str) -> Amounts:
    places = [
        at
        for at, claim in enumerate(outcome.claims)
        if claim.facility == name and claim.tier.startswith(f"{tier}_")
    ]
    return np.asarray(outcome.flows["claim_due"][:, places].sum(axis=1, dtype=np.int64))


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


def history(rows: Any) -> dict[tuple[str | None, int], dict[str, int | None]]:
    """Return measures of before, by entity and day."""
    found: dict[tuple[str | None, int], dict[str, int | None]] = {}
    for row in range(rows.n):
        key = rows["entity_id"][row], rows["period_end"][row]
        found.setdefault(key, {})[rows["measure"][row]] = rows["amount"][row]
    return found
