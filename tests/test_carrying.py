"""Carrying amounts, interest expense, ladders, average lives and yields against their definitions."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from oracles import effective_interest as oracle
from oracles.rates import day

DEEP = os.environ.get("NEOCALC_DEEP") == "1"


def _fixed(draw: random.Random, place: int) -> dict[str, Any]:
    months = draw.choice((1, 3, 6, 12))
    return {
        "loan_id": place,
        "principal": draw.randrange(100_000, 10**9) / 100,
        "start_date": np.datetime64("2024-01-01", "D") + draw.randrange(0, 700),
        "term_months": months * draw.randrange(1, 12),
        "frequency": f"{months}M",
        "annual_rate": draw.randrange(0, 1500) / 10_000,
        "day_count": draw.choice(("ACT/360", "ACT/365F")),
        "profile": draw.choice(("bullet", "level_principal", "level_payment")),
        "issue_price": draw.choice((1.0, 0.99, 0.97, 1.02)),
        "upfront_fee": draw.choice((0.0, 123.45)),
    }


def _periods(rows: pd.DataFrame, bottom: int, floats: bool) -> tuple[int, int, list[oracle.Period]]:
    """The rows of one loan as the oracle takes them: face, received, periods."""
    dates = rows["payment_date"].to_numpy().astype("M8[D]").astype(int).tolist()
    cents = {
        name: (rows[name] * 100).round().astype(int).tolist() for name in ("draw", "interest", "principal")
    }
    made = []
    for n in range(1, len(rows)):
        fraction = Fraction(dates[n] - dates[n - 1], bottom)
        contract = Fraction(str(rows["annual_rate"].iloc[n])) * fraction if floats else Fraction(0)
        made.append(oracle.Period(fraction, cents["interest"][n], cents["principal"][n], contract))
    return cents["draw"][0], 0, made


@pytest.mark.parametrize("seed", range(20 if DEEP else 2))
def test_effective_interest_of_random_loans(seed: int) -> None:
    draw = random.Random(seed)
    loans = pd.DataFrame([_fixed(draw, place) for place in range(60)])
    rows = nc.amortize(loans, columns=["draw", "interest", "principal", "annual_rate"])
    books = nc.carrying_amount(loans, amounts="decimal")
    for place, loan in loans.iterrows():
        bottom = 360 if loan["day_count"] == "ACT/360" else 365
        face, _, periods = _periods(rows[rows["loan_id"] == place], bottom, False)
        discount = face - round(face * Fraction(str(loan["issue_price"]))) + round(loan["upfront_fee"] * 100)
        own = books[books["loan_id"] == place]
        found = [int(v * 100) for v in own["unamortized"]]
        if not discount:
            assert found == [0] * len(own)
            assert own["effective_rate"].iloc[-1] == loan["annual_rate"]
            continue
        assert found == [discount, *oracle.books(face, face - discount, periods)]
        rate = float(oracle.solve(face - discount, periods))
        assert own["effective_rate"].iloc[-1] == pytest.approx(rate, rel=1e-12, abs=1e-14)


def _floater(**more: Any) -> dict[str, Any]:
    terms = {
        "loan_id": ["A"],
        "principal": [1_000_000.0],
        "start_date": ["2025-01-02"],
        "maturity_date": ["2028-01-02"],
        "frequency": ["quarterly"],
        "day_count": ["ACT/360"],
        "profile": ["level_principal"],
        "index": ["SOFR"],
        "margin_rate": [0.06],
    }
    rates = pd.DataFrame(
        {"index": "SOFR", "date": ["2025-01-02", "2025-09-01", "2026-05-01"], "value": [0.0433, 0.041, 0.036]}
    )
    return {"loans": pd.DataFrame({**terms, **more}), "rates": rates, "extrapolate": "flat"}


def test_a_floater_keeps_its_spread() -> None:
    given = _floater(issue_price=[0.98])
    loans = given.pop("loans")
    rows = nc.amortize(loans, columns=["draw", "interest", "principal", "annual_rate"], **given)
    face, _, periods = _periods(rows, 360, True)
    books = nc.carrying_amount(loans, **given)
    assert [round(v * 100) for v in books["unamortized"]] == [
        2_000_000,
        *oracle.books(face, face - 2_000_000, periods),
    ]
    spread = books["effective_rate"] - rows["annual_rate"]
    assert spread[1:].max() - spread[1:].min() < 1e-15 < spread[1]


def test_every_row_rolls_forward_and_periods_are_sums() -> None:
    draw = random.Random(5)
    loans = pd.DataFrame([_fixed(draw, place) for place in range(80)]).assign(
        lender=lambda f: f["loan_id"] % 3
    )
    rows = nc.carrying_amount(loans, amounts="decimal")

    def rolls(f: pd.DataFrame) -> pd.Series:
        return (
            f["opening_carrying_amount"]
            + f["proceeds"]
            + f["amortization"]
            + f["pik"]
            - f["principal"]
            - f["prepayment"]
        )

    assert (rolls(rows) == rows["closing_carrying_amount"]).all()
    flows = ["proceeds", "contractual_interest", "amortization", "effective_interest", "principal"]
    months = nc.carrying_amount(loans, freq="M", end="2040-12-31", amounts="decimal")
    assert (rolls(months) == months["closing_carrying_amount"]).all()
    assert months[flows].sum().tolist() == rows[flows].sum().tolist()
    quarters = nc.carrying_amount(loans, by=["lender"], freq="Q", end="2040-12-31", amounts="decimal")
    assert (rolls(quarters) == quarters["closing_carrying_amount"]).all()
    assert quarters[flows].sum().tolist() == rows[flows].sum().tolist()
    at = (
        months.assign(lender=months["loan_id"] % 3)
        .groupby(["lender", "period_end"])["closing_carrying_amount"]
        .sum()
    )
    both = quarters.set_index(["lender", "period_end"])["closing_carrying_amount"]
    assert (both == at.reindex(both.index)).all()
    one = nc.carrying_amount(loans, by=["lender"], freq="Q", end="2040-12-31", amounts="decimal", threads=1)
    pd.testing.assert_frame_equal(one, quarters)


def test_interest_accrues_to_the_end_of_each_month() -> None:
    """1,000,000 at 10 % ACT/360 from 15 January: 16 days, 28, 31 and 15 of the first quarter's 90."""
    loan = pd.DataFrame(
        {"loan_id": ["A"], "principal": [1_000_000.0], "start_date": ["2025-01-15"], "term_months": [3],
         "annual_rate": [0.10], "profile": ["bullet"], "frequency": ["quarterly"], "day_count": ["ACT/360"]}
    )  # fmt: skip
    months = nc.interest_expense(loan, freq="M")
    through = [round(10**8 * Fraction(1, 10) * Fraction(days, 360)) for days in (17 - 1, 44, 75, 90)]
    assert (
        months["contractual_interest"].mul(100).round().astype(int).tolist()
        == np.diff([0, *through]).tolist()
    )
    assert months["interest_expense"].sum().round(2) == 25_000.0


@given(st.integers(0, 2**32))
def test_expense_is_what_is_paid_in_the_end(seed: int) -> None:
    draw = random.Random(seed)
    loans = pd.DataFrame([_fixed(draw, place) for place in range(5)])
    share = pd.DataFrame(
        [
            {
                "loan_id": place,
                "from_date": loans["start_date"][place] + pd.Timedelta(days=draw.randrange(0, 300)),
                "share": value,
            }
            for place in range(5)
            for value in (draw.choice((0.25, 1.0)),)
        ]
    )
    rows = nc.amortize(loans, by=[], columns=["interest", "pik"], amounts="decimal")
    books = nc.carrying_amount(loans, amounts="decimal")
    for freq in ("M", "Y"):
        expense = nc.interest_expense(loans, by=[], freq=freq, capitalization=share, amounts="decimal")
        assert expense["contractual_interest"].sum() == rows["interest"].sum() + rows["pik"].sum()
        assert expense["amortization"].sum() == books["amortization"].sum()
        total = expense["contractual_interest"] + expense["amortization"] - expense["capitalized_interest"]
        assert (total == expense["interest_expense"]).all()
    by_loan = nc.interest_expense(loans, freq="Y", capitalization=share, amounts="decimal")
    assert by_loan["interest_expense"].sum() == expense["interest_expense"].sum()


@pytest.mark.parametrize("day_count", ["30/360", "30E/360 ISDA", "ACT/ACT ISDA", "ACT/ACT ICMA"])
def test_looking_changes_nothing_that_is_owed(day_count: str) -> None:
    """Months of 30 days count more or less where a period is cut; the books must not cut it."""
    loan = pd.DataFrame(
        {"loan_id": ["A"], "principal": [1_000_000.0], "start_date": ["2024-01-30"], "term_months": [24],
         "annual_rate": [0.10], "profile": ["level_principal"], "frequency": ["quarterly"], "issue_price": [0.97],
         "pik_rate": [0.01], "day_count": [day_count], "construction_end_date": ["2024-08-15"]}
    )  # fmt: skip
    rows = nc.amortize(loan, amounts="decimal")
    books = nc.carrying_amount(loan, amounts="decimal")
    for freq in ("M", "Q", "Y"):
        expense = nc.interest_expense(loan, freq=freq, amounts="decimal")
        assert expense["contractual_interest"].sum() == (rows["interest"] + rows["pik"]).sum()
        assert expense["amortization"].sum() == books["amortization"].sum() == 30_000
        assert (expense["contractual_interest"] >= 0).all()
        seen = nc.carrying_amount(loan, freq=freq, amounts="decimal")
        assert seen["closing_carrying_amount"].iloc[-1] == 0


def test_the_whole_cost_is_capitalised_under_construction() -> None:
    given = _floater(
        issue_price=[0.98], construction_start_date=["2025-02-15"], construction_end_date=["2025-08-10"]
    )
    loans = given.pop("loans")
    expense = nc.interest_expense(loans, freq="M", amounts="decimal", **given)
    cost = expense["contractual_interest"] + expense["amortization"]
    share = (expense["capitalized_interest"] / cost).astype(float)
    assert share[0] == 0.0
    assert 0.4 < share[1] < 0.6
    assert (share[2:7] == 1.0).all()
    assert 0.2 < share[7] < 0.4
    assert (share[8:] == 0.0).all()
    half = pd.DataFrame(
        {"loan_id": ["A", "A"], "from_date": ["2025-02-15", "2025-08-10"], "share": [0.5, 0.0]}
    )
    plain = loans.drop(columns=["construction_start_date", "construction_end_date"])
    halved = nc.interest_expense(plain, freq="M", amounts="decimal", capitalization=half, **given)
    gap = 2 * halved["capitalized_interest"] - expense["capitalized_interest"]
    assert gap.abs().max() <= 2 * nc_cent()


def nc_cent() -> Any:
    from decimal import Decimal

    return Decimal("0.01")


def test_commitment_cost_is_an_asset_until_drawn() -> None:
    """1,000 of 4,000 is drawn: a quarter of the fee goes with it, the rest is expensed when the window closes."""
    loan = pd.DataFrame(
        {"loan_id": ["A"], "principal": [1_000_000.0], "commitment": [4_000_000.0], "start_date": ["2025-01-31"],
         "term_months": [24], "annual_rate": [0.10], "profile": ["bullet"], "frequency": ["quarterly"],
         "upfront_fee": [40_000.0], "draw_end_date": ["2025-07-31"], "end_of_month": [True]}
    )  # fmt: skip
    rows = nc.carrying_amount(loan)
    assert rows["proceeds"].iloc[0] == 990_000.0
    assert rows["commitment_cost"].tolist()[:4] == [30_000.0, 30_000.0, 0.0, 0.0]
    assert rows["amortization"].sum().round(2) == 10_000.0
    expense = nc.interest_expense(loan, freq="Y")
    assert expense["amortization"].sum().round(2) == 40_000.0


def test_ladders_are_of_the_close_of_the_day() -> None:
    draw = random.Random(11)
    loans = pd.DataFrame([_fixed(draw, place) for place in range(200)])
    for as_of in ("2024-12-31", "2025-03-17"):
        ladder = nc.principal_ladder(loans, as_of=as_of, buckets=3, amounts="decimal")
        rows = nc.amortize(loans, amounts="decimal", columns=["principal", "closing_balance"])
        before = rows[rows["payment_date"] <= as_of].groupby("loan_id").tail(1)
        assert ladder["principal"].sum() == before["closing_balance"].sum()
        later = rows[(rows["payment_date"] > as_of) & rows["loan_id"].isin(before["loan_id"])]
        year = later["payment_date"].dt.year
        first = 2025
        for n, bucket in enumerate(ladder["bucket"].tolist()[:-1]):
            assert bucket == str(first + n)
            assert ladder["principal"][n] == later[year == first + n]["principal"].sum()
        assert ladder["bucket"].iloc[-1] == "thereafter"
    fiscal = nc.principal_ladder(loans, as_of="2025-03-17", fiscal_year_end=6, buckets=1, amounts="decimal")
    assert fiscal["principal"][0] == later[later["payment_date"] <= "2025-06-30"]["principal"].sum()


def test_ladders_never_add_currencies() -> None:
    loans = pd.DataFrame(
        {"loan_id": [1, 2], "principal": [100.0, 200.0], "currency": ["USD", "EUR"], "start_date": ["2025-01-01"] * 2,
         "term_months": [12] * 2, "annual_rate": [0.1] * 2, "profile": ["bullet"] * 2}
    )  # fmt: skip
    found = nc.principal_ladder(loans, as_of="2025-06-30", buckets=2)
    assert found.values.tolist() == [
        ["EUR", "2025", 0.0], ["EUR", "2026", 200.0], ["EUR", "thereafter", 0.0],
        ["USD", "2025", 0.0], ["USD", "2026", 100.0], ["USD", "thereafter", 0.0],
    ]  # fmt: skip


def test_average_lives() -> None:
    draw = random.Random(3)
    loans = pd.DataFrame([_fixed(draw, place) for place in range(50)]).assign(
        lender=lambda f: f["loan_id"] % 4
    )
    rows = nc.amortize(loans, columns=["principal"])
    cents = (rows["principal"] * 100).round().astype(int)
    dates = rows["payment_date"].to_numpy().astype("M8[D]").astype(int)
    flows: dict[int, list[tuple[int, int]]] = {}
    for loan, date, amount in zip(rows["loan_id"], dates, cents, strict=True):
        flows.setdefault(loan, []).append((date, amount))
    found = nc.weighted_average_life(loans)["weighted_average_life_years"]
    for loan, own in flows.items():
        assert found[loan] == float(oracle.average_life(own, own[0][0]))
    as_of = day("2024-06-30")
    begun = {loan: own for loan, own in flows.items() if own[0][0] <= as_of}
    pooled = nc.weighted_average_life(loans, as_of="2024-06-30", by=[])["weighted_average_life_years"]
    assert pooled[0] == float(oracle.average_life([f for own in begun.values() for f in own], as_of))


def test_yields() -> None:
    """At par a yield compounding with the payments is the rate, but for the lengths of periods."""
    loan = pd.DataFrame(
        {"loan_id": ["A"], "principal": [1_000_000.0], "start_date": ["2025-01-01"], "term_months": [60],
         "annual_rate": [0.08], "profile": ["bullet"], "frequency": ["semiannual"], "price": [0.95]}
    )  # fmt: skip
    par = nc.yield_to_maturity(loan, compounding_per_year=2)["yield_to_maturity"][0]
    assert abs(par - 0.08) < 1e-4
    cheap = nc.yield_to_maturity(loan, price="price")["yield_to_maturity"][0]
    rows = nc.amortize(loan)
    years = (rows["payment_date"] - rows["payment_date"][0]).dt.days / 365
    worth = (rows["payment"] / (1 + cheap) ** years).sum()
    assert worth == pytest.approx(950_000, abs=1e-9 * rows["payment"].sum())  # I28
    later = nc.yield_to_maturity(loan, price=1.0, as_of="2026-10-01", compounding_per_year=2)[
        "yield_to_maturity"
    ][0]
    assert abs(later - 0.08) < 2e-3


@pytest.mark.parametrize("verb", ["carrying_amount", "interest_expense", "weighted_average_life"])
def test_wrong_use_is_a_config_error(verb: str) -> None:
    loans = _floater()["loans"].assign(index=None, margin_rate=None, annual_rate=0.1)
    call = getattr(nc, verb)
    with pytest.raises(nc.ConfigError, match="whole minor units"):
        call(loans, rounding=None)
    with pytest.raises(nc.ConfigError, match="on_error"):
        call(loans, on_error="flag")
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        call(loans, colour="red")


def test_ladders_and_yields_refuse_what_means_nothing() -> None:
    loans = _floater()["loans"].assign(index=None, margin_rate=None, annual_rate=0.1)
    with pytest.raises(nc.ConfigError, match="as_of"):
        nc.principal_ladder(loans)
    with pytest.raises(nc.ConfigError, match="buckets"):
        nc.principal_ladder(loans, as_of="2025-01-31", buckets=0)
    with pytest.raises(nc.ConfigError, match="year_days"):
        nc.weighted_average_life(loans, year_days=12)
    with pytest.raises(nc.ConfigError, match="price"):
        nc.yield_to_maturity(loans, price=None)
    with pytest.raises(nc.InputError, match="price"):
        nc.yield_to_maturity(loans, price=-1.0)
    with pytest.raises(nc.ConfigError, match="stand beside"):
        nc.carrying_amount(loans, by=["proceeds"])
    ladder = pd.DataFrame({"bucket": ["2026", None], "principal": [1.005, None]})
    with pytest.raises(nc.InputError) as caught:
        nc.principal_ladder(ladder)
    assert {(issue.column, issue.code) for issue in caught.value.issues} == {
        ("ladder.bucket", "null"), ("ladder.principal", "null"), ("ladder.principal", "precision"),
    }  # fmt: skip
