"""The waterfall's plan: who is owed what, where money may come from, and in which order it is used."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._exact import half_even
from neocalc.deal._company import NO_INTEREST, Claim, Outcome, income_lines
from neocalc.deal._debt import PARTS_OF_RATE, Debt
from neocalc.deal._grid import Amounts, first_day, month_of


def _taxable(outcome: Outcome) -> Amounts:
    """Return the income that is taxed, before what only the waterfall knows."""
    lines = income_lines(outcome)
    income: Amounts = lines["operating_income"] - lines["interest_expense"]
    name = outcome.inputs.terms.tax_book
    if name is None:
        return income
    book, tax = outcome.book.flows, outcome.books[name].flows

    def net(flows: Mapping[str, Amounts]) -> Amounts:
        return flows["gain"] - flows["depreciation"] - flows["impairment"] + flows["reversals"]

    return np.asarray(income + net(tax) - net(book))


def _receipts(outcome: Outcome) -> Amounts:
    """Return all cash that comes in, but for revolvers and reserves."""
    book = outcome.book.flows
    outcome.flows["disposal_proceeds"] = book["disposals"] + book["gain"]
    interest = [np.maximum(-one.flows["interest"], 0) for one in outcome.facilities]
    outcome.flows["interest_received"] = sum(interest, outcome.grid.zeros())
    outcome.flows["lease_incentives"] = np.maximum(-outcome.inputs.leases.paid, 0)
    found = outcome.inputs.customers.received + outcome.opening["receivables"] + outcome.contributions
    found = found + outcome.facility_sum("proceeds")
    for name in ("disposal_proceeds", "interest_received", "lease_incentives"):
        found = found + outcome.flows[name]
    return np.asarray(found)


def _claims(outcome: Outcome, rates: Mapping[str, list[int]]) -> list[Claim]:
    inputs, debt = outcome.inputs, outcome.inputs.debt
    claims = [
        Claim(
            "operating_cost", "operating cost", due=_whole(outcome.costs.paid + outcome.opening["payables"])
        ),
        Claim("leases", "leases", due=_whole(np.maximum(inputs.leases.paid, 0))),
        Claim("taxes", "income tax", owed="tax"),
    ]
    loans = {one.row: one for one in outcome.facilities}
    order = sorted(range(debt.rows.n), key=lambda row: (debt.rank_of(row), row))
    accrued = outcome.opening["accrued_interest"]
    if accrued.any():
        first = debt.rank_of(order[0]) if order else 1
        claims.append(Claim(f"interest_{first}", "interest of before", rank=first, due=_whole(accrued)))
    for row in order:
        rank, name = debt.rank_of(row), debt.name(row)
        late = _late(debt, row, rates)
        if debt.kind_of(row) == "revolver":
            place = outcome.revolvers.index(row)
            for tier, owed in (("interest", "revolver_cost"), ("principal", "revolver_principal")):
                claims.append(
                    Claim(f"{tier}_{rank}", f"{tier} of {name}", owed, place, name, rank, late=late)
                )
            continue
        flows = loans[row].flows
        prepaid = flows["prepayment"] - outcome.swept.get(name, outcome.grid.zeros())
        dues = {
            "interest": np.maximum(flows["interest"], 0),
            "principal": flows["principal"] + prepaid,
            "fees": flows["fee"] + flows["upfront"] - flows["upfront_fee"],
        }
        claims += [
            Claim(f"{tier}_{rank}", f"{tier} of {name}", facility=name, rank=rank, due=_whole(due), late=late)
            for tier, due in dues.items()
        ]
    claims.append(Claim("capex", "capital expenditure", due=_whole(outcome.owned.spent)))
    return claims


def _whole(values: Amounts) -> list[int]:
    return [int(value) for value in values.tolist()]


def _late(debt: Debt, row: int, rates: Mapping[str, list[int]]) -> tuple[list[int], list[tuple[int, int]]]:
    """Return what a claim of a facility bears once it is past due: its own rate unless one is agreed."""
    agreed = debt.rows["past_due_rate"][row]
    rate = rates.get(debt.name(row)) if agreed is None else [int(agreed * PARTS_OF_RATE)] * debt.grid.n
    return NO_INTEREST if rate is None else (rate, debt.year_parts(row))


def _revolvers(outcome: Outcome, rates: Mapping[str, list[int]]) -> list[dict[str, Any]]:
    debt, found = outcome.inputs.debt, []
    for row in outcome.revolvers:
        opening, limit, _, _ = debt.limits(row)
        parts = debt.year_parts(row)
        fee = int((debt.rows["undrawn_fee_rate"][row] or Decimal(0)) * PARTS_OF_RATE)
        found.append(
            {
                "opening": debt.rows["opening_balance"][row] or 0,
                "opening_limit": opening,
                "limit": limit,
                "interest": (rates[debt.name(row)], parts) if debt.name(row) in rates else NO_INTEREST,
                "undrawn": ([fee] * outcome.grid.n, parts),
            }
        )
    return found


def make_plan(outcome: Outcome, rates: Mapping[str, list[int]], settled: int) -> dict[str, Any]:
    inputs, grid, terms = outcome.inputs, outcome.grid, outcome.inputs.terms
    outcome.claims = _claims(outcome, rates)
    reserves = _reserves(outcome)
    tiers = list(dict.fromkeys(claim.tier for claim in outcome.claims))
    steps = _steps(outcome, tiers)
    sweeps = [_sweep(outcome, name) for name in outcome.swept]
    ends = [(first_day(grid.first + at + 1) - 1) for at in range(grid.n)]
    months = [int(np.datetime64(day, "D").astype("M8[M]").astype(int)) % 12 + 1 for day in ends]
    distributions = [row for row in range(inputs.equity.n) if inputs.equity["kind"][row] == "distribution"]
    planned = grid.sum(
        [inputs.equity["date"][row] for row in distributions],
        [inputs.equity["amount"][row] or 0 for row in distributions],
    )
    pays = [month in terms.distribution_months for month in months]
    for at in inputs.locked:
        planned[at], pays[at] = 0, False
    return {
        "months": grid.n,
        "opening_cash": terms.opening["cash"],
        "receipts": _whole(_receipts(outcome)),
        "minimum_cash": [terms.minimum_cash] * grid.n,
        "claims": [
            {
                "owed": claim.owed,
                "place": claim.place,
                "due": claim.due,
                "tier": tiers.index(claim.tier),
                "late": claim.late,
                "reserves": [
                    at
                    for at, (facility, _, _) in enumerate(reserves)
                    if claim.facility is not None and facility in (None, claim.facility)
                ],
            }
            for claim in outcome.claims
        ],
        "revolvers": _revolvers(outcome, rates),
        "reserves": [(opening, target) for _, opening, target in reserves],
        "sweeps": sweeps,
        "settled": settled,
        "steps": steps,
        "distributions": _whole(planned),
        "distribution_share": [float(terms.distribution_rate) if pay else 0.0 for pay in pays],
        "taxable_income": _whole(_taxable(outcome)),
        # Without a tax, what was owed of one at the start is still paid.
        "tax": {
            "rate": float(terms.tax_rate or 0),
            "loss_limit": float(terms.loss_limit_rate),
            "opening_losses": terms.opening["loss_carryforward"],
            "opening_tax": terms.opening["tax_payable"],
            "year_starts": [month == terms.fiscal_year_end % 12 + 1 for month in months],
            "paid": [month in terms.tax_months for month in months],
        },
    }


def _sweep(outcome: Outcome, name: str) -> dict[str, Any]:
    debt = outcome.inputs.debt
    one = next(one for one in outcome.facilities if one.name == name)
    begins = debt.rows["sweep_from_date"][one.row]
    # Before it begins, and in the month in which the loan is lent, nothing is swept.
    lent = first_day(month_of(debt.rows["start_date"][one.row]) + 1)
    earliest = lent if begins is None else max(begins, lent)
    open_ = [earliest <= day < debt.maturity(one.row) for day in outcome.grid.ends]
    # What was swept in a settled month is off the balance already; a draw of the same day comes after it.
    draws = debt.beside["draws"]
    own = [
        at
        for at in range(draws.n)
        if draws["facility_id"][at] == name and draws["date"][at] in outcome.grid.ends
    ]
    balance = one.balance - outcome.grid.sum(
        [draws["date"][at] for at in own], [draws["amount"][at] or 0 for at in own]
    )
    return {
        "share": float(debt.rows["sweep_rate"][one.row]),
        "balance": [int(b) if fine else 0 for b, fine in zip(balance.tolist(), open_, strict=True)],
        "accrued": [max(int(a), 0) for a in one.accrued.tolist()],
        "settled": _whole(outcome.swept[name]),
    }


def _steps(outcome: Outcome, tiers: list[str]) -> list[tuple[str, int]]:
    """Return the order: as told, else seniors' interest, principal and fees, reserves, then juniors."""
    named: dict[str, list[tuple[str, int]]] = {tier: [("tier", at)] for at, tier in enumerate(tiers)}
    ranks = sorted({claim.rank for claim in outcome.claims if claim.rank})
    for at, (rank, _) in enumerate(_reserve_ranks(outcome)):
        named.setdefault(f"reserves_{rank}", []).append(("top_up", at))
    named["revolvers"] = [("repay", at) for at in reversed(range(len(outcome.revolvers)))]
    named["sweeps"] = [("sweep", at) for at in range(len(outcome.swept))]
    named["distributions"] = [("distribute", 0)]
    order = list(outcome.inputs.terms.order)
    if not order:
        order = ["operating_cost", "leases", "taxes"]
        for rank in ranks:
            order += [f"{part}_{rank}" for part in ("interest", "principal", "fees", "reserves")]
        order += ["capex"]
    order = [name for name in order if name not in ("revolvers", "sweeps", "distributions")]
    order += [
        name for name in named if name not in order and name not in ("revolvers", "sweeps", "distributions")
    ]
    return [step for name in (*order, "revolvers", "sweeps", "distributions") for step in named.get(name, [])]


def _reserve_ranks(outcome: Outcome) -> list[tuple[int, str | None]]:
    debt, reserves = outcome.inputs.debt, outcome.inputs.reserves
    ranks = {debt.name(row): debt.rank_of(row) for row in range(debt.rows.n)}
    least = min(ranks.values(), default=1)
    names = dict.fromkeys(reserves["reserve_id"])
    owner = dict(zip(reserves["reserve_id"], reserves["facility_id"], strict=True))
    return [(ranks.get(owner[name], least), owner[name]) for name in names]


def _reserves(outcome: Outcome) -> list[tuple[str | None, int, list[int]]]:
    """Return each reserve's facility, what is in it, and its target at each month's end."""
    rows, grid = outcome.inputs.reserves, outcome.grid
    names = list(dict.fromkeys(rows["reserve_id"]))
    found: list[tuple[str | None, int, list[int]]] = []
    for name in names:
        own = [row for row in range(rows.n) if rows["reserve_id"][row] == name]
        facility = rows["facility_id"][own[0]]
        opening = sum(rows["opening_balance"][row] or 0 for row in own)
        targets = [0] * grid.n
        for at, day in enumerate(grid.ends):
            for row in own:
                begins, ends = rows["from_date"][row], rows["to_date"][row]
                if (begins is None or begins <= day) and (ends is None or day <= ends):
                    targets[at] += _target(outcome, row, facility, at)
        found.append((facility, opening, targets))
    outcome.reserve_names, outcome.opening_reserves = names, [opening for _, opening, _ in found]
    return found


def _target(outcome: Outcome, row: int, facility: str | None, at: int) -> int:
    rows = outcome.inputs.reserves
    loans = [one for one in outcome.facilities if facility is None or one.name == facility]
    target = rows["amount"][row] or 0
    if rows["balance_rate"][row] is not None:
        top, bottom = rows["balance_rate"][row].as_integer_ratio()
        target += half_even(sum(int(one.balance[at]) for one in loans) * top, bottom)
    if rows["debt_service_months"][row]:
        ahead = slice(at + 1, at + 1 + rows["debt_service_months"][row])
        for one in loans:
            target += int(
                np.maximum(one.ahead["interest"][ahead], 0).sum() + one.ahead["principal"][ahead].sum()
            )
    cap = rows["balance_cap"][row]
    return target if cap is None else min(target, cap)
