"""The waterfall of the core against one written in fractions, over random plans, and its laws."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocalc import _core
from oracles.waterfall import Company

SEEDS = 100_000 if os.environ.get("NEOCALC_DEEP") else 500
OF_ONE = {"claim": "claims", "revolver": "revolvers", "reserve": "reserves"}


def plan_of(pick: random.Random) -> dict[str, Any]:
    """A plan with anything in it: large and small amounts, ties, months without cash."""
    months = pick.randint(1, 15)
    scale = pick.choice([3, 50, 1_000, 10**6, 10**12])

    def amounts(chance: float = 0.7) -> list[int]:
        return [pick.randint(0, scale) if pick.random() < chance else 0 for _ in range(months)]

    def interest() -> Any:
        if pick.random() < 0.25:
            return [], []
        rates = [
            pick.choice([0, 10**11, 95_000_000_000, -(10**9), pick.randint(0, 10**12)]) for _ in range(months)
        ]
        return rates, [
            pick.choice([(1, 12), (31, 360), (28, 365), (30 * 366, 365 * 366)]) for _ in range(months)
        ]

    revolvers = [
        {"opening": pick.randint(0, scale), "opening_limit": pick.randint(0, 3 * scale), "limit": [pick.choice([0, scale, 2 * scale]) for _ in range(months)],
         "interest": interest(), "undrawn": interest()}
        for _ in range(pick.randint(0, 3))
    ]  # fmt: skip
    reserves = [(pick.randint(0, scale), amounts()) for _ in range(pick.randint(0, 3))]
    sweeps = [
        {"share": pick.choice([0.0, 0.5, 1.0, 0.333333333333, round(pick.random(), 4)]), "balance": amounts(), "accrued": [pick.randint(0, 5) for _ in range(months)],
         "settled": amounts(0.3)}
        for _ in range(pick.randint(0, 2))
    ]  # fmt: skip
    tiers = pick.randint(1, 5)

    def claim(owed: str, place: int = 0) -> dict[str, Any]:
        own = [at for at in range(len(reserves)) if pick.random() < 0.4]
        return {"owed": owed, "place": place, "due": amounts() if owed == "given" else [], "tier": pick.randrange(tiers),
                "late": interest(), "reserves": own}  # fmt: skip

    claims = [claim("given") for _ in range(pick.randint(1, 6))]
    for at in range(len(revolvers)):
        claims += [claim("revolver_cost", at), claim("revolver_principal", at)]
    claims.append(claim("tax"))
    pick.shuffle(claims)
    owed = [("tier", at) for at in range(tiers)] + [("top_up", at) for at in range(len(reserves))]
    free = [("repay", at) for at in range(len(revolvers))] + [("sweep", at) for at in range(len(sweeps))]
    free.append(("distribute", 0))
    for steps in (owed, free):
        pick.shuffle(steps)
    taxed = pick.random() < 0.7
    return {
        "months": months, "opening_cash": pick.randint(0, scale), "receipts": amounts(),
        "minimum_cash": [pick.choice([0, scale // 3])] * months, "claims": claims, "revolvers": revolvers,
        "reserves": reserves, "sweeps": sweeps, "settled": pick.randint(0, months), "steps": owed + free,
        "distributions": amounts(0.2), "distribution_share": [pick.choice([0.0, 0.25, 1.0]) for _ in range(months)],
        "taxable_income": [pick.randint(-scale, scale) for _ in range(months)],
        "tax": {"rate": pick.choice([0.0, 0.21, 0.25, 1.0]), "loss_limit": pick.choice([0.0, 0.5, 0.8, 1.0]),
                "opening_losses": pick.randint(0, scale), "opening_tax": pick.randint(-scale, scale) // 4,
                "year_starts": [(at + pick.randint(0, 1)) % 12 == 0 for at in range(months)],
                "paid": [pick.random() < 0.4 for _ in range(months)]} if taxed else None,
    }  # fmt: skip


def compare(plan: dict[str, Any]) -> int:
    found, expected = _core.waterfall(plan), Company(plan).run()
    assert set(found) == set(expected) | ({"sweep"} - set(expected))
    cells = 0
    for name, rows in expected.items():
        wanted = np.array(rows, dtype=object).reshape(-1)
        assert found[name].tolist() == wanted.tolist(), name
        cells += len(wanted)
    return cells


def test_every_amount_of_random_plans() -> None:
    cells = sum(compare(plan_of(random.Random(seed))) for seed in range(SEEDS))
    print(f"{SEEDS:,} plans, {cells:,} amounts: 0 minor units off")
    assert cells > 50 * SEEDS


@given(st.randoms(use_true_random=False))
def test_every_amount_of_plans_that_shrink(pick: random.Random) -> None:
    compare(plan_of(pick))


@given(st.randoms(use_true_random=False))
def test_cash_is_neither_made_nor_lost(pick: random.Random) -> None:
    """What goes out is what comes in; nothing is negative; a junior has cash only where its seniors are paid."""
    plan = plan_of(pick)
    flows, n = _core.waterfall(plan), plan["months"]
    wide = {name: values.reshape(n, -1) for name, values in flows.items()}
    into = (
        np.concatenate([[plan["opening_cash"]], flows["cash"][:-1]]) + np.array(plan["receipts"])
        + wide["revolver_draw"].sum(axis=1) + wide["reserve_release"].sum(axis=1)
    )  # fmt: skip
    out = sum(
        wide[name].sum(axis=1)
        for name in ("claim_paid", "reserve_top_up", "revolver_repayment", "sweep", "distribution", "cash")
    )
    assert into.tolist() == out.tolist()
    assert wide["claim_from_reserves"].sum(axis=1).tolist() == wide["reserve_used"].sum(axis=1).tolist()
    signed = {"taxable_income", "tax", "tax_accrued"}
    assert all((values >= 0).all() for name, values in flows.items() if name not in signed)
    order = [place for kind, place in plan["steps"] if kind == "tier"]
    ranks = np.array([order.index(claim["tier"]) for claim in plan["claims"]])
    for month in range(n):
        short = ranks[wide["claim_past_due"][month] > 0]
        if len(short):
            assert not wide["claim_paid"][month][ranks > short.min()].any()
            assert not wide["sweep"][month].any()
            assert flows["distribution"][month] == 0


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    plan = plan_of(random.Random(7))
    for change in ({"receipts": [1]}, {"steps": []}, {"opening_cash": -1}, {"steps": [("lunch", 0)]}):
        with pytest.raises(ValueError, match=r"plan|step"):
            _core.waterfall({**plan, **change})
    large = {**plan, "opening_cash": 2**63 - 1, "receipts": [2**62] * plan["months"]}
    with pytest.raises(OverflowError):
        _core.waterfall(large)
