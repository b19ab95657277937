"""Ladders, average lives and yields of random facilities, and sums of any size."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from facility_books import Facility, facility_beside, facility_frame, random_facility
from loan_books import options, random_terms


def _book(seed: int, count: int = 60) -> tuple[list[Facility], dict[str, Any], pd.DataFrame]:
    """Random facilities, the arguments of a verb, and the rows of `amortize`."""
    random = Random(seed)
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(count)]
    given: dict[str, Any] = options(terms) | {"amounts": "minor", "on_error": "skip", "rounding": "payment"}
    given |= facility_beside(facilities)
    return facilities, given, nc.amortize(facility_frame(facilities), **given)


@pytest.mark.parametrize("seed", range(4))
def test_ladders_and_lives_are_those_of_the_rows(seed: int) -> None:
    """As of any day, payment dates among them: what rows after it repay, by fiscal year; all sums to what is owed."""
    facilities, given, rows = _book(seed)
    random = Random(seed)
    for _ in range(3):
        day = random.choice(rows["payment_date"].tolist()).date() - dt.timedelta(
            days=random.choice((0, 0, 1))
        )
        year_end, count = random.randint(1, 12), random.randint(1, 6)
        frame = facility_frame(facilities)
        ladder = nc.principal_ladder(
            frame, as_of=day, by=["loan_id"], buckets=count, fiscal_year_end=year_end, **given
        )
        lives = nc.weighted_average_life(frame, as_of=day, **given).set_index("loan_id").iloc[:, 0]
        for number, got in ladder.groupby("loan_id", observed=True):
            if any(draw.date > day for draw in facilities[int(number)].draws):
                continue  # draws to come are left out: test_vintages.py
            own = rows[rows["loan_id"] == number]
            expected, weighted = [0] * (count + 1), 0
            first = _year(day + dt.timedelta(days=1), year_end)
            repaid = (own["principal"] + own["prepayment"]).tolist()
            begun = own["payment_date"].iloc[0].date() <= day
            for date, amount in zip(own["payment_date"].dt.date, repaid, strict=True):
                if date > day and begun:
                    expected[min(_year(date, year_end) - first, count)] += amount
                    weighted += amount * (date - day).days
            assert got["principal"].tolist() == expected
            assert got["bucket"].tolist() == [*(str(first + n) for n in range(count)), "thereafter"]
            life = lives.loc[number]
            assert (
                pd.isna(life) if not sum(expected) else life == float(Fraction(weighted, sum(expected) * 365))
            )
            if begun:
                later = own["payment_date"].dt.date > day
                assert sum(expected) == own["closing_balance"][~later].iloc[-1] + own["pik"][later].sum()


def _year(day: dt.date, year_end: int) -> int:
    return day.year + (day.month > year_end)


def _big(count: int = 5_000) -> pd.DataFrame:
    """Notes of 2 x 10^13 dollars, each within 64 bits of cents, all of them beyond: 10^17 dollars, 10^19 cents."""
    return pd.DataFrame(
        {"loan_id": np.arange(count), "principal": 2e13, "start_date": "2025-01-01", "term_months": 12,
         "annual_rate": 0.0, "profile": "bullet"}
    )  # fmt: skip


def test_sums_beyond_64_bits_are_exact_or_refused() -> None:
    big = _big()
    ladder = nc.principal_ladder(big, as_of="2025-01-31", buckets=1)
    assert ladder["principal"].tolist() == [0.0, 1e17]
    carried = nc.carrying_amount(big, by=[], freq="Y", amounts="decimal")
    assert carried["closing_carrying_amount"].tolist() == [10**17, 0]
    assert nc.current_portion(big, as_of="2025-01-31", by=[])["carrying_amount"].tolist() == [1e17]
    given = pd.DataFrame({"bucket": "2026", "principal": big["principal"]})
    assert nc.principal_ladder(given)["principal"].tolist() == [1e17]
    minor = big.assign(principal=np.full(len(big), 2 * 10**15))
    for call in (
        lambda: nc.principal_ladder(minor, as_of="2025-01-31", amounts="minor"),
        lambda: nc.carrying_amount(minor, by=[], freq="Y", amounts="minor"),
        lambda: nc.principal_ladder(given.assign(principal=minor["principal"]), amounts="minor"),
    ):
        with pytest.raises(nc.InputError, match="ask for amounts='decimal'") as caught:
            call()
        assert [(issue.column.rpartition(".")[2], issue.code) for issue in caught.value.issues] == [
            ("principal", "overflow")
        ]


def test_a_book_with_a_column_named_bucket_is_a_book() -> None:
    """Only what has no start_date is a ladder as data."""
    loans = _big(2).assign(principal=100.0, bucket=["A", "B"])
    assert nc.principal_ladder(loans, as_of="2025-01-31", buckets=1)["principal"].tolist() == [0.0, 200.0]
    by = nc.principal_ladder(
        loans.rename(columns={"bucket": "risk"}), as_of="2025-01-31", by=["risk"], buckets=1
    )
    assert by["principal"].tolist() == [0.0, 100.0, 0.0, 100.0]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_ladder_of_many_buckets(kind: Any) -> None:
    years = [str(year) for year in range(1900, 2100)]
    ladder = nc.principal_ladder(kind({"bucket": years, "principal": [1.0] * 200}))
    assert [str(value) for value in ladder["bucket"]] == years


def _quarterly(**more: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"loan_id": ["q"], "principal": [1_000.0], "commitment": [2_000.0], "start_date": ["2025-03-31"],
         "maturity_date": ["2026-03-31"], "annual_rate": [0.10], "profile": ["bullet"],
         "frequency": ["quarterly"], "end_of_month": [True]} | more
    )  # fmt: skip


def _worth(rate: float, flows: list[tuple[str, float]]) -> float:
    first = dt.date.fromisoformat(flows[0][0])
    return sum(
        amount / (1 + rate) ** ((dt.date.fromisoformat(day) - first).days / 365) for day, amount in flows
    )


def test_a_buyer_pays_what_has_accrued_whatever_happens_later() -> None:
    """1,000 at 10 %, 30/360, bought at par at the end of April 2025; 500 more are lent on 1 June.

    30 days have accrued, 8.33; of the first quarter's interest 29 days are on 500, 4.03.
    """
    draws = pd.DataFrame({"loan_id": ["q"], "date": ["2025-06-01"], "amount": [500.0]})
    found = nc.yield_to_maturity(_quarterly(), draws=draws, as_of="2025-04-30")["yield_to_maturity"].item()
    flows = [("2025-04-30", -1_008.33), ("2025-06-01", -500.0), ("2025-06-30", 29.03), ("2025-09-30", 37.5),
             ("2025-12-31", 37.5), ("2026-03-31", 1_537.5)]  # fmt: skip
    assert _worth(found, flows) == pytest.approx(0, abs=1e-9)
    assert found == pytest.approx(0.1037, abs=1e-4)


def test_a_payment_that_waits_for_a_business_day_is_bought_too() -> None:
    """Due on Saturday 31 May 2025, paid on Monday: on Sunday it has accrued, with a day more by 30/360."""
    loan = _quarterly(start_date=["2025-02-28"], business_day_convention=["following"]).drop(
        columns="maturity_date"
    )
    loan["term_months"] = 6
    found = nc.yield_to_maturity(loan, as_of="2025-06-01", accrual="unadjusted")["yield_to_maturity"].item()
    # From 28 February to 31 May are 93 days by 30/360, from then to 1 June one; to 31 August 90, paid on 1 September.
    flows = [("2025-06-01", -1_000 - 25.83 - 0.28), ("2025-06-02", 25.83), ("2025-09-01", 1_025.0)]
    assert nc.amortize(loan, accrual="unadjusted")["interest"].tolist() == [0.0, 25.83, 25.0]
    assert _worth(found, flows) == pytest.approx(0, abs=1e-9)


def test_a_premium_is_part_of_the_yield() -> None:
    """Called at 102 after half a year: 25 + 25 + 1,020."""
    paid = {
        "prepayments": pd.DataFrame({"loan_id": ["q"], "date": ["2025-09-30"], "amount": [1_000.0]}),
        "prepayment_premiums": pd.DataFrame(
            {"loan_id": ["q"], "from_date": ["2025-03-31"], "premium_rate": [0.02]}
        ),
    }
    found = nc.yield_to_maturity(_quarterly(), **paid)["yield_to_maturity"].item()
    flows = [("2025-03-31", -1_000.0), ("2025-06-30", 25.0), ("2025-09-30", 25.0 + 1_020.0)]
    assert _worth(found, flows) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("prices", "code"),
    [
        (["0.98", "x"], "dtype"),
        ([True, False], "dtype"),
        (pd.to_datetime(["2025-01-01"] * 2), "dtype"),
        ([0.98, None], "null"),
        (pd.array([0.98, None], dtype="Float64"), "null"),
        ([0.98, 0.0], "range"),
        ([0.98, float("inf")], "range"),
    ],
)
def test_prices_are_numbers(prices: Any, code: str) -> None:
    loans = pd.concat([_quarterly(), _quarterly(loan_id=["r"])], ignore_index=True).assign(paid=prices)
    with pytest.raises(nc.InputError) as caught:
        nc.yield_to_maturity(loans, price="paid")
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [("paid", code)]
    if code != "dtype":  # of one row
        left = nc.yield_to_maturity(loans, price="paid", on_error="skip")
        assert left["loan_id"].tolist() == ["q"]
