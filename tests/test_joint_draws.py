"""Draws with terms of their own under custom schedules, cash flows, agreed payments and borrowing bases, to the cent."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from facility_books import (
    COLUMNS,
    _day,
    _draws,
    _loan,
    _prepayments,
    columns_of,
    facility_beside,
    facility_frame,
)
from loan_books import options, random_terms
from oracles.facilities import Facility, Row
from oracles.joint import amortize, is_joint, parts
from oracles.loans import Refused, Terms

DEEP = bool(os.environ.get("NEOCALC_DEEP"))
BATCH = 250
KINDS = ("custom", "sculpted", "payment", "principal", "base")


def random_joint(random: Random) -> Facility:  # noqa: C901 - one kind after the other
    """A facility whose draws have terms of their own, and amounts stated for all of them."""
    while True:
        loan = replace(
            _loan(random), rate_steps=(), schedule=(), amortization_months=None, interest_only_months=0
        )
        loan = replace(loan, principal=random.choice((0, min(loan.principal, 10**9))))
        if random.random() < 0.5:
            loan = replace(loan, skipped=())
        if abs(loan.rate) > Fraction(1, 4):
            continue
        draws = _draws(random, replace(loan, profile="bullet"), loan.start, loan.maturity)
        if any(draw.own_terms for draw in draws):
            break
    days = (loan.maturity - loan.start).days
    whole = loan.principal + sum(draw.amount for draw in draws)
    terms: dict[str, Any] = {}
    kind = random.choice(KINDS)
    if kind == "custom":
        rows: list[tuple[int | dt.date, int]] = []
        for _ in range(random.randint(1, 6)):
            amount = random.randint(0, loan.principal // 12 + 1)
            if random.random() < 0.5:
                rows.append((random.randint(1, 3), amount))
            else:
                rows.append((loan.start + dt.timedelta(days=random.randint(max(days // 2, 1), days)), amount))
        loan = replace(loan, profile="custom", schedule=tuple(rows))
    elif kind == "sculpted":
        loan = replace(loan, profile="sculpted")
        terms["target_dscr"] = Fraction(random.randint(100, 200), 100)
        step = max(days // random.randint(2, 30), 1)
        least = 0 if random.random() < 0.3 else whole // 12
        terms["cash_flow"] = tuple(
            (loan.start + dt.timedelta(days=n), random.randint(least, whole // 3 + 1))
            for n in range(random.randint(0, 20), days + 900, step)
        )
    elif kind == "payment":
        payment = random.randint(whole // 20, whole // 2 + 1) + 1
        loan = replace(loan, profile="level_payment", payment=payment)
    elif kind == "principal":
        loan = replace(loan, profile="level_principal", payment=random.randint(1, whole // 3 + 1))
    else:
        profile = random.choice(("level_payment", "level_principal", "bullet", "bullet"))
        loan = replace(loan, profile=profile)
    if kind == "base" or random.random() < 0.3:
        terms["advance_rate"] = Fraction(random.randint(50, 100), 100)
        value, day, values = int(whole * 2) + random.randint(0, 1000), loan.start, []
        value *= random.choice((1, 3, 3))
        if random.random() < 0.03:
            value //= 8
        for _ in range(random.randint(1, 24)):
            values.append((day, value))
            value = int(value * random.uniform(0.75, 1.0))
            day += dt.timedelta(days=random.randint(1, 120))
        terms["collateral"] = tuple(values)
    if random.random() < 0.3:
        loan = replace(loan, interest_only_months=random.randint(1, 6))
    if random.random() < 0.4:
        terms["commitment"] = whole + random.choice((0, 1, whole))
        terms["undrawn_rate"] = Fraction(random.randint(0, 200), 10_000)
    if random.random() < 0.3:
        terms["issue_price"] = Fraction(random.randint(9_000, 10_200), 10_000)
    if random.random() < 0.15:
        terms["prepayments"] = _prepayments(random, loan, draws)
        if random.random() < 0.5:
            terms["premiums"] = ((_day(random, loan.start, loan.maturity), Fraction(1, 100)),)
    return Facility(loan, draws=draws, **terms)


def schedule(facilities: list[Facility], terms: Terms, **more: Any) -> pd.DataFrame:
    return nc.amortize(
        facility_frame(facilities),
        **facility_beside(facilities),
        amounts="minor",
        on_error="flag",
        **options(terms),
        **more,
    )


@pytest.mark.parametrize("batch", range(200 if DEEP else 20))
def test_joint_draws_to_the_cent(batch: int) -> None:
    random = Random(f"joint {batch}")
    terms = random_terms(random)
    facilities = [random_joint(random) for _ in range(BATCH)]
    assert all(map(is_joint, facilities))
    rows: list[list[Row]] = []
    wanted: dict[int, str] = {}
    for n, facility in enumerate(facilities):
        try:
            rows.append(amortize(facility, terms))
        except Refused as refused:
            rows.append([])
            wanted[n] = refused.code
    got = schedule(facilities, terms, columns=list(COLUMNS))
    issue = got["issue"].astype(object).to_numpy()
    bad = ~pd.isna(issue)
    loan = got["loan_id"].to_numpy()
    found = dict(zip(loan[bad].tolist(), issue[bad].tolist(), strict=True))
    off = {n: (found.get(n), wanted.get(n)) for n in {*found, *wanted} if found.get(n) != wanted.get(n)}
    assert not off, (off, facilities[min(off)])
    good = got[~bad]
    for n, of in enumerate(rows):
        mine = good[good["loan_id"] == n]
        assert mine["payment_date"].dt.date.tolist() == [row.date for row in of], (n, facilities[n])
        for name, values in columns_of(of).items():
            assert mine[name].tolist() == values.tolist(), (n, name, facilities[n])
    assert len(wanted) < BATCH // 2
    # The draws apart are the same, one after the other.
    apart = schedule(facilities, terms, columns=[*COLUMNS, "draw_number"])
    apart = apart[apart["issue"].isna()]
    flat = [row for n, f in enumerate(facilities) if n not in wanted for row in parts(f, terms)]
    for name, values in columns_of(flat).items():
        np.testing.assert_array_equal(apart[name].to_numpy(dtype=np.int64), values)
    assert apart["draw_number"].tolist() == [row.draw_number for row in flat]


def test_principal_of_a_day_that_only_a_draw_is_paid_on() -> None:
    """The loan has a long last period to 15 August, the draw is paid on 15 July, the day that principal is stated for."""
    loan = pd.DataFrame(
        {"loan_id": ["A"], "commitment": [1000.0], "principal": [0.0], "start_date": ["2024-01-15"],
         "maturity_date": ["2024-08-15"], "frequency": ["quarterly"], "stub": ["long_back"], "annual_rate": [0.08],
         "profile": ["custom"]}
    )  # fmt: skip
    draws = pd.DataFrame(
        {"loan_id": ["A"], "date": ["2024-04-15"], "amount": [1000.0], "maturity_date": ["2024-10-15"]}
    )
    stated = pd.DataFrame({"loan_id": ["A"], "date": ["2024-07-15"], "principal": [400.0]})
    rows = nc.amortize(
        loan, draws=draws, principal_schedule=stated, columns=["draw", "interest", "principal"]
    )
    rows = rows.groupby("payment_date")[["draw", "interest", "principal"]].sum()
    assert rows.loc["2024-07-15"].tolist() == [0.0, 20.0, 400.0]
    assert rows.loc["2024-10-15"].tolist() == [0.0, 12.0, 600.0]
