"""Floating rates, interest in kind and hedges: `amortize` against fractions, day by day, to the cent."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from floating_loans import Case, case, frames
from oracles import rates as oracle

DEEP = os.environ.get("NEOCALC_DEEP") == "1"
COLUMNS = ["opening_balance", "interest", "pik", "principal", "hedge", "closing_balance"]


def _compare(cases: list[Case]) -> int:
    """Compare every row; return how many there were."""
    given = frames(cases)
    found = nc.amortize(given.pop("loans"), columns=COLUMNS, amounts="minor", **given)
    found = found[found["payment_number"] > 0]
    expected = [
        (place, row.date, row.opening, row.interest, row.pik, row.principal, -row.hedge_received, row.closing)
        for place, one in enumerate(cases)
        for row in one.rows()
    ]
    dates = found["payment_date"].to_numpy().astype("M8[D]").astype(int)
    rows = list(
        zip(found["loan_id"].tolist(), dates.tolist(), *(found[c].tolist() for c in COLUMNS), strict=True)
    )
    # A level loan of some cents ends early, and has no rows after.
    expected = [row for row in expected if row[2] != 0]
    for place, (one, other) in enumerate(zip(rows, expected, strict=False)):
        assert one == other, (place, cases[other[0]])
    assert len(rows) == len(expected)
    return len(rows)


@pytest.mark.parametrize("seed", range(100 if DEEP else 10))
def test_random_floating_loans_are_not_a_cent_off(seed: int) -> None:
    draw = random.Random(seed)
    assert _compare([case(draw) for _ in range(1000)]) > 1000


def test_unrounded_floating_loans_agree_with_exact_fractions() -> None:
    """Held to 1e-12 of the loan; hedges of fixed notionals count by their own size."""
    draw = random.Random(77)
    cases = [case(draw) for _ in range(5_000 if DEEP else 500)]
    given = frames(cases)
    loans = given.pop("loans").assign(principal=[float(one.principal) for one in cases])
    for name, column in (("principal_schedule", "principal"), ("hedges", "notional")):
        if name in given:
            given[name] = given[name].assign(**{column: given[name][column].astype("Float64")})
    found = nc.amortize(loans, columns=COLUMNS, rounding=None, **given)
    found = found[found["payment_number"] > 0]
    wanted = [
        (place, row.opening, row.interest, row.pik, row.principal, -row.hedge_received, row.closing)
        for place, one in enumerate(cases)
        for row in one.rows(settle=lambda amount: amount)
    ]
    wanted = [row for row in wanted if row[1] != 0]
    assert found["loan_id"].tolist() == [row[0] for row in wanted]
    sizes = [
        max([one.principal, *(step[1] or 0 for hedge in one.hedges for step in hedge.steps)]) for one in cases
    ]
    scale = np.array(sizes, dtype=float)[found["loan_id"].to_numpy(dtype=int)]
    for at, name in enumerate(COLUMNS, 1):
        exact = np.array([float(row[at]) for row in wanted])
        assert (np.abs(found[name].to_numpy(dtype=float) - exact) <= 1e-12 * scale).all(), name


@given(st.integers(0, 2**32))
def test_any_floating_loan(seed: int) -> None:
    _compare([case(random.Random(seed))])


def _loan(**more: Any) -> pd.DataFrame:
    terms = {
        "loan_id": "A",
        "principal": 1_000_000.0,
        "start_date": "2025-01-02",
        "maturity_date": "2026-01-02",
        "frequency": "quarterly",
        "day_count": "ACT/360",
        "profile": "bullet",
        "index": "SOFR",
        "margin_rate": 0.06,
    }
    return pd.DataFrame([{**terms, **more}])


def _fixings(*pairs: tuple[str, float]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["date", "value"]).assign(index="SOFR")


def test_the_rate_in_force_is_the_last_fixing() -> None:
    fixings = _fixings(
        ("2025-01-02", 0.0433), ("2025-04-01", 0.0429), ("2025-07-01", 0.0430), ("2025-12-31", 0.04)
    )
    rows = nc.amortize(_loan(), rates=fixings, columns=["interest", "annual_rate"])
    # 1,000,000 x (4.33 % + 6 %) x 90/360, then 4.29 % over 91 days, 4.30 % over 92 and 92.
    assert rows["interest"].tolist()[1:] == [25825.00, 26010.83, 26322.22, 26322.22]
    assert rows["annual_rate"].round(10).tolist()[1:] == [0.1033, 0.1029, 0.1030, 0.1030]
    lagged = nc.amortize(_loan(reset_lag_days=2), rates=fixings, extrapolate="flat", columns=["annual_rate"])
    # Two business days before Wednesday 2 April is Monday 31 March.
    assert lagged["annual_rate"].round(10).tolist()[1:] == [0.1033, 0.1033, 0.1029, 0.1030]


def test_negative_rates_obey_the_same_formulas() -> None:
    """QuantLib's amortizing bond takes -1 % for 0; here interest is paid by the lender (I31)."""
    rows = nc.amortize(_loan(margin_rate=0.0), rates=_fixings(("2025-01-01", -0.01)), extrapolate="flat")
    assert rows["interest"].tolist()[1:] == [-2500.0, -2527.78, -2555.56, -2555.56]
    floored = nc.amortize(
        _loan(margin_rate=0.0, index_floor_rate=0.0),
        rates=_fixings(("2025-01-01", -0.01)),
        extrapolate="flat",
    )
    assert floored["interest"].tolist() == [0.0] * 5


def test_a_swap_fixes_the_rate_and_is_shown_apart() -> None:
    fixings = _fixings(("2025-01-02", 0.0433), ("2025-04-02", 0.05), ("2026-01-02", 0.03))
    hedges = pd.DataFrame(
        {
            "loan_id": ["A"],
            "kind": ["pay_fixed_swap"],
            "strike_rate": [0.04],
            "from_date": ["2025-01-01"],
            "notional": [1_000_000.0],
        }
    )
    columns = ["interest", "hedge", "payment"]
    rows = nc.amortize(_loan(), rates=fixings, hedges=hedges, columns=columns)
    fixed = nc.amortize(_loan(index=None, margin_rate=None, annual_rate=0.10), columns=["interest"])
    # Interest and hedge are rounded each on its own.
    assert (rows["interest"] - fixed["interest"]).abs().max() < 0.011
    # Received: 0.33 % over 90 days, then 1 % over 91, 92 and 92.
    assert rows["hedge"].tolist()[1:] == [-825.0, -2527.78, -2555.56, -2555.56]
    share = hedges.drop(columns="notional").assign(notional_share=0.75)
    assert (
        nc.amortize(_loan(), rates=fixings, hedges=share, columns=["hedge"])["hedge"].tolist()[1] == -618.75
    )
    plain = nc.amortize(_loan(), rates=fixings, columns=["interest"])
    assert (rows["interest"] - rows["hedge"]).round(2).tolist() == plain["interest"].tolist()
    totals = nc.amortize(_loan(), rates=fixings, hedges=hedges, by=[], freq="Y", columns=columns)
    assert totals["hedge"].sum().round(2) == rows["hedge"].sum().round(2)


def test_interest_in_kind_by_share_and_by_date() -> None:
    steps = pd.DataFrame(
        {"loan_id": ["A", "A"], "date": ["2025-04-02", "2025-10-02"], "pik_share": [1.0, 0.0]}
    )
    loan = _loan(index=None, margin_rate=None, annual_rate=0.12, day_count="30/360")
    rows = nc.amortize(loan, rate_steps=steps, columns=["interest", "pik", "closing_balance"])
    assert rows["interest"].tolist()[1:] == [30_000.0, 0.0, 0.0, 31_827.0]
    assert rows["pik"].tolist()[1:] == [0.0, 30_000.0, 30_900.0, 0.0]
    assert rows["closing_balance"].tolist()[3] == 1_060_900.0
    both = nc.amortize(loan.assign(pik_rate=0.04), columns=["interest", "pik"])
    assert both[["interest", "pik"]].iloc[1].tolist() == [30_000.0, 10_000.0]


def test_a_default_margin_between_dates_stands_above_the_cap() -> None:
    loan = _loan(
        rate_cap=0.08, default_margin_rate=0.02, default_from_date="2025-04-02", default_to_date="2025-07-02"
    )
    rows = nc.amortize(
        loan, rates=_fixings(("2025-01-01", 0.0433)), extrapolate="flat", columns=["annual_rate"]
    )
    assert rows["annual_rate"].round(10).tolist()[1:] == [0.08, 0.10, 0.08, 0.08]


def test_compounded_sofr_is_the_exact_product() -> None:
    days = pd.date_range("2024-12-20", "2026-01-05", freq="B")
    fixings = pd.DataFrame(
        {
            "index": "SOFR",
            "date": days,
            "value": [round(0.043 + 0.0001 * (n % 13), 4) for n in range(len(days))],
        }
    )
    loan = _loan(margin_rate=0.0, index_averaging="compounded", lookback_days=5)
    rows = nc.amortize(loan, rates=fixings, columns=["annual_rate", "interest"])
    curve = oracle.Curve(
        tuple(days.to_numpy().astype("M8[D]").astype(int).tolist()),
        tuple(oracle.parts(v) for v in fixings["value"]),
    )
    terms = oracle.Terms(curve=curve, averaging="compounded", lookback=5)
    rate = oracle.compounded(terms, oracle.day("2025-01-02"), oracle.day("2025-04-02"), False)
    assert rate % 10**5 == 0
    assert rows["annual_rate"].iloc[1] == rate / oracle.ONE
    exact = oracle.Fraction(100_000_000 * rate * 90, 360 * oracle.ONE)
    assert rows["interest"].iloc[1] == oracle.half_even(exact) / 100
    simple = nc.amortize(loan.assign(index_averaging="simple"), rates=fixings, columns=["interest"])
    assert (
        0 < rows["interest"].iloc[1] - simple["interest"].iloc[1] < 100
    )  # interest on interest of a quarter


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_any_kind_of_frame(kind: str) -> None:
    import polars as pl

    make = {
        "pandas": lambda f: f,
        "polars": pl.from_pandas,
        "pyarrow": lambda f: pl.from_pandas(f).to_arrow(),
    }[kind]
    fixings = _fixings(("2025-01-02", 0.0433), ("2026-01-02", 0.03))
    # 10.33 % over 90, 91, 92 and 92 days of 360.
    rows = nc.amortize(make(_loan()), rates=make(fixings), columns=["interest"])
    assert np.asarray(rows["interest"]).tolist()[1:] == [25825.00, 26111.94, 26398.89, 26398.89]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_totals_change_nothing(threads: int) -> None:
    draw = random.Random(77)
    given = frames([case(draw) for _ in range(300)])
    loans = given.pop("loans").assign(lender=lambda f: f["loan_id"] % 3)
    rows = nc.amortize(loans, columns=COLUMNS, amounts="minor", threads=threads, **given)
    one = nc.amortize(loans, columns=COLUMNS, amounts="minor", threads=1, **given)
    pd.testing.assert_frame_equal(rows, one)
    totals = nc.amortize(
        loans,
        by=["lender"],
        freq="Y",
        columns=["interest", "pik", "hedge"],
        amounts="minor",
        threads=threads,
        **given,
    )
    assert (
        totals[["interest", "pik", "hedge"]].sum().tolist()
        == rows[["interest", "pik", "hedge"]].sum().tolist()
    )
