"""Statements of a deal: income, cash and balance sheet, month by month in minor units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from neocalc.deal._company import Outcome, income_lines
from neocalc.deal._grid import Amounts, Grid, last_day
from neocalc.errors import InputError, InternalError, Issue

ASSETS = (
    "cash",
    "restricted_cash",
    "receivables",
    "construction_in_progress",
    "property_and_equipment",
    "right_of_use",
    "commitment_cost",
    "tax_receivable",
    "deferred_tax_asset",
    "other_assets",
)
LIABILITIES = (
    "payables",
    "capex_payable",
    "deferred_revenue",
    "accrued_interest",
    "debt",
    "lease_liability",
    "tax_payable",
    "deferred_tax_liability",
    "other_liabilities",
)
INCOME = (
    "revenue",
    "operating_cost",
    "lease_cost",
    "ebitda",
    "depreciation",
    "impairment",
    "disposal_gain",
    "operating_income",
    "interest_expense",
    "pre_tax_income",
    "current_tax",
    "deferred_tax",
    "net_income",
)
CASH = (
    "opening_cash",
    "customer_receipts",
    "disposal_proceeds",
    "debt_proceeds",
    "revolver_draws",
    "contributions",
    "other_receipts",
    "reserve_release",
    "operating_cost",
    "leases",
    "taxes",
    "interest",
    "principal",
    "fees",
    "capex",
    "reserve_top_up",
    "revolver_repayment",
    "sweep",
    "distributions",
    "closing_cash",
)
INTO = CASH[1:8]
OUT = CASH[8:-1]
Lines = Mapping[str, Amounts]


@dataclass
class Statements:
    """All lines by name; balances have one entry more, what they stood at before the first month."""

    income: dict[str, Amounts]
    cash: dict[str, Amounts]
    balance: dict[str, Amounts]
    equity: dict[str, Amounts]
    property: dict[str, Amounts]
    debt: dict[str, Amounts]
    tax: dict[str, Amounts]
    opening_equity: int
    equity_derived: bool


def state(outcome: Outcome) -> Statements:
    """Draw the statements up, and refuse to give any that do not tie."""
    tax = _tax(outcome)
    income = _income(outcome, tax)
    cash = _cash(outcome)
    balance = _balance(outcome, tax)
    contributions = outcome.contributions + outcome.costs.in_shares
    derived = int(sum(balance[name][0] for name in ASSETS) - sum(balance[name][0] for name in LIABILITIES))
    told = outcome.inputs.terms.opening_equity
    opening = derived if told is None else told
    if opening != derived:
        scale = 10**outcome.inputs.terms.minor_units
        example = f"{opening / scale}, where assets less liabilities are {derived / scale}"
        raise InputError(
            [Issue.make("deal.toml: opening.equity", "opening_balance", example=example)], subject="deal"
        )
    equity = {
        "opening_equity": np.zeros_like(contributions),
        "net_income": income["net_income"],
        "contributions": contributions,
        "distributions": outcome.flows["distribution"],
        "closing_equity": np.zeros_like(contributions),
    }
    rolled = np.cumsum(equity["net_income"] + contributions - equity["distributions"]) + opening
    equity["closing_equity"] = rolled
    equity["opening_equity"] = np.concatenate([[opening], rolled[:-1]])
    balance["total_assets"] = sum((balance[name] for name in ASSETS), np.zeros_like(balance["cash"]))
    balance["total_liabilities"] = sum(
        (balance[name] for name in LIABILITIES), np.zeros_like(balance["cash"])
    )
    balance["equity"] = np.concatenate([[opening], rolled])
    made = Statements(
        income, cash, balance, equity, _property(outcome), _debt(outcome), tax, opening, told is None
    )
    _check(made)
    return made


def _check(made: Statements) -> None:
    balance = made.balance
    gap = balance["total_assets"] - balance["total_liabilities"] - balance["equity"]
    if gap.any():
        at = int(np.flatnonzero(gap)[0])
        raise InternalError(f"the balance sheet of month {at} is off by {int(gap[at])} minor units")


def _before(opening: int, closing: Amounts) -> Amounts:
    return np.concatenate([[opening], closing]).astype(np.int64)


def _tax(outcome: Outcome) -> dict[str, Amounts]:
    terms, flows = outcome.inputs.terms, outcome.flows
    rate = Fraction(terms.tax_rate) if terms.tax_rate is not None else Fraction(0)
    losses = _before(terms.opening["loss_carryforward"], flows["losses"])
    temporary = _before(outcome.opening_temporary, outcome.temporary)
    # Python rounds a Fraction half to even.
    deferred = [round(rate * int(value)) for value in temporary.tolist()]
    asset = [round(rate * int(value)) if terms.recognise_losses else 0 for value in losses.tolist()]
    net = np.array(deferred, dtype=np.int64) - np.array(asset, dtype=np.int64)
    return {
        "taxable_income": flows["taxable_income"],
        "current_tax": flows["tax"],
        "tax_paid": outcome.claim_sum("paid", "taxes") + outcome.claim_sum("from_reserves", "taxes"),
        "tax_accrued": flows["tax_accrued"] + outcome.claim_sum("past_due", "taxes"),
        "loss_carryforward": flows["losses"],
        "deferred_tax": np.diff(net),
        "closing_deferred_tax": net[1:],
        "_net": net,
    }


def late_interest(outcome: Outcome) -> Amounts:
    """Return the interest on what is past due."""
    return np.asarray(outcome.flows["claim_late"].sum(axis=1, dtype=np.int64))


def _income(outcome: Outcome, tax: Lines) -> dict[str, Amounts]:
    flows, made = outcome.flows, income_lines(outcome)
    revolvers = flows["revolver_interest"].sum(axis=1) + flows["revolver_fee"].sum(axis=1)
    made["interest_expense"] = made["interest_expense"] + revolvers + late_interest(outcome)
    made["pre_tax_income"] = made["operating_income"] - made["interest_expense"]
    made["current_tax"], made["deferred_tax"] = tax["current_tax"], tax["deferred_tax"]
    made["net_income"] = made["pre_tax_income"] - made["current_tax"] - made["deferred_tax"]
    return {name: made[name] for name in INCOME}


def tiers(outcome: Outcome, kind: str) -> list[str]:
    """Return the tiers of a kind, of every rank."""
    return [
        claim.tier for claim in outcome.claims if claim.tier.partition("_")[0] == kind or claim.tier == kind
    ]


def _cash(outcome: Outcome) -> dict[str, Amounts]:
    flows, grid = outcome.flows, outcome.grid

    def paid(*kinds: str) -> Amounts:
        return outcome.claim_sum("paid", *(tier for kind in kinds for tier in tiers(outcome, kind)))

    cash = flows["cash"]
    made = {
        "opening_cash": _before(outcome.inputs.terms.opening["cash"], cash)[:-1],
        "customer_receipts": outcome.inputs.customers.received + outcome.opening["receivables"],
        "disposal_proceeds": flows["disposal_proceeds"],
        "debt_proceeds": outcome.facility_sum("proceeds"),
        "revolver_draws": flows["revolver_draw"].sum(axis=1),
        "contributions": outcome.contributions,
        "other_receipts": flows["interest_received"] + flows["lease_incentives"],
        "reserve_release": flows["reserve_release"].sum(axis=1),
        "operating_cost": paid("operating_cost"),
        "leases": paid("leases"),
        "taxes": paid("taxes"),
        "interest": paid("interest"),
        "principal": paid("principal"),
        "fees": paid("fees"),
        "capex": paid("capex"),
        "reserve_top_up": flows["reserve_top_up"].sum(axis=1),
        "revolver_repayment": flows["revolver_repayment"].sum(axis=1),
        "sweep": flows["sweep"].sum(axis=1) if flows["sweep"].size else grid.zeros(),
        "distributions": flows["distribution"],
        "closing_cash": cash,
    }
    return {name: made[name] for name in CASH}


def _balance(outcome: Outcome, tax: Lines) -> dict[str, Amounts]:
    inputs, flows, opening, book = (
        outcome.inputs,
        outcome.flows,
        outcome.inputs.terms.opening,
        outcome.book.flows,
    )
    n, loans, owned = outcome.grid.n, outcome.facilities, outcome.owned
    left = outcome.opening

    def past_due(*kinds: str) -> Amounts:
        return outcome.claim_sum("past_due", *(tier for kind in kinds for tier in tiers(outcome, kind)))

    def level(name: str) -> Amounts:
        return np.full(n + 1, opening[name], dtype=np.int64)

    def of_loans(name: str) -> Amounts:
        closing = sum((getattr(one, name) for one in loans), outcome.grid.zeros())
        return _before(sum(one.opening[name] for one in loans), closing)

    revolvers = _before(
        sum(inputs.debt.rows["opening_balance"][row] or 0 for row in outcome.revolvers),
        flows["revolver_balance"].sum(axis=1),
    )
    accrued_tax = _before(opening["tax_payable"], flows["tax_accrued"])
    net = tax["_net"]
    customers, leases, costs = inputs.customers, inputs.leases, outcome.costs
    return {
        "cash": _before(opening["cash"], flows["cash"]),
        "restricted_cash": _before(sum(outcome.opening_reserves), flows["reserve_balance"].sum(axis=1)),
        "receivables": _before(
            customers.opening_receivables + opening["receivables"],
            customers.receivables + left["receivables_left"],
        ),
        "construction_in_progress": _before(
            owned.opening_construction + outcome.opening_building_interest,
            owned.construction + outcome.building_interest,
        ),
        "property_and_equipment": _before(int(book["opening_book_value"][0]), book["closing_book_value"]),
        "right_of_use": _before(leases.opening_right_of_use, leases.right_of_use),
        "commitment_cost": of_loans("commitment_cost"),
        "tax_receivable": np.maximum(-accrued_tax, 0),
        "deferred_tax_asset": np.maximum(-net, 0),
        "other_assets": level("other_assets"),
        "payables": _before(
            costs.opening_payables + opening["payables"],
            costs.payables + left["payables_left"] + past_due("operating_cost"),
        ),
        "capex_payable": _before(owned.opening_payable, owned.payable + past_due("capex")),
        "deferred_revenue": _before(
            customers.opening_deferred + opening["deferred_revenue"],
            customers.deferred + left["deferred_revenue_left"],
        ),
        "accrued_interest": of_loans("accrued")
        + _before(opening["accrued_interest"], left["accrued_interest_left"] + past_due("interest", "fees")),
        "debt": of_loans("balance") - of_loans("unamortized") + revolvers + _before(0, past_due("principal")),
        "lease_liability": _before(leases.opening_liability, leases.liability + past_due("leases")),
        "tax_payable": np.maximum(accrued_tax, 0) + _before(0, past_due("taxes")),
        "deferred_tax_liability": np.maximum(net, 0),
        "other_liabilities": level("other_liabilities"),
    }


def _property(outcome: Outcome) -> dict[str, Amounts]:
    """Roll property forward, construction included."""
    book, owned = outcome.book.flows, outcome.owned
    building = owned.construction + outcome.building_interest
    before = _before(owned.opening_construction + outcome.opening_building_interest, building)[:-1]
    return {
        "opening_property": book["opening_book_value"] + before,
        "capital_expenditure": book["additions"] + building - before,
        "depreciation": book["depreciation"],
        "impairment": book["impairment"] - book["reversals"],
        "disposals": book["disposals"],
        "closing_property": book["closing_book_value"] + building,
        "construction_in_progress": building,
    }


def _debt(outcome: Outcome) -> dict[str, Amounts]:
    """Roll what is owed to lenders forward, at face."""
    flows, total = outcome.flows, outcome.facility_sum
    past_due = outcome.claim_sum("past_due", *tiers(outcome, "principal"))
    loans = sum((one.balance for one in outcome.facilities), outcome.grid.zeros())
    closing = loans + flows["revolver_balance"].sum(axis=1) + past_due
    opening = sum(one.opening["balance"] for one in outcome.facilities)
    opening += sum(outcome.inputs.debt.rows["opening_balance"][row] or 0 for row in outcome.revolvers)
    names = tiers(outcome, "principal")
    repaid = outcome.claim_sum("paid", *names) + outcome.claim_sum("from_reserves", *names)
    swept = flows["sweep"].sum(axis=1) if flows["sweep"].size else outcome.grid.zeros()
    late = outcome.claim_sum("late", *names)
    return {
        "opening_debt": _before(opening, closing)[:-1],
        "drawn": total("draw") + flows["revolver_draw"].sum(axis=1),
        "pik": total("pik") + late,
        "repaid": repaid + swept + flows["revolver_repayment"].sum(axis=1),
        "closing_debt": closing,
        "past_due": past_due,
    }


def quarters(grid: Grid, freq: str, fiscal_year_end: int) -> list[tuple[int, list[int]]]:
    """Return the last day of each period, and the months of it that the deal has."""
    length = {"M": 1, "Q": 3, "Y": 12}[freq]
    found: dict[int, list[int]] = {}
    for at in range(grid.n):
        number = -((fiscal_year_end - 1 - (grid.first + at)) // length)
        found.setdefault(last_day(number * length + fiscal_year_end - 1), []).append(at)
    return list(found.items())
