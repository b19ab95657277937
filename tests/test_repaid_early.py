"""Loans that are repaid in full before they end: what has accrued is paid, and nothing comes after."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from facility_books import facility_beside, facility_frame, random_facility
from loan_books import options, random_loan, random_terms
from oracles.facilities import Facility
from test_joint_draws import random_joint

COLUMNS = ["draw", "interest", "pik", "principal", "prepayment", "closing_balance"]
DAY = "2024-06-10"


def _loan(**more: Any) -> pd.DataFrame:
    terms = {
        "loan_id": "A",
        "principal": 100_000.00,
        "start_date": "2024-01-15",
        "term_months": 12,
        "annual_rate": 0.12,
        "profile": "custom",
        "frequency": "quarterly",
    }
    return pd.DataFrame([terms | more])


def _beside(*rows: tuple[str, float], **more: Any) -> pd.DataFrame:
    return pd.DataFrame([{"loan_id": "A", "date": day, "principal": amount, **more} for day, amount in rows])


def test_principal_in_full_between_payments_pays_what_has_accrued() -> None:
    """100,000 at 12 % for 55 days of 360 from 15 April: 1,833.33, on the day, as a prepayment in full does."""
    rows = nc.amortize(_loan(), principal_schedule=_beside((DAY, 100_000.00)), columns=COLUMNS)
    assert rows["interest"].tolist() == [0.0, 3_000.00, 1_833.33]
    assert rows["principal"].tolist() == [0.0, 0.0, 100_000.00]
    prepaid = nc.amortize(
        _loan(profile="bullet"),
        prepayments=pd.DataFrame({"loan_id": ["A"], "date": [DAY], "amount": [100_000.00]}),
        columns=COLUMNS,
    )
    assert (rows["principal"] == prepaid["prepayment"]).all()
    assert (rows["interest"] == prepaid["interest"]).all()
    expense = nc.interest_expense(_loan(), principal_schedule=_beside((DAY, 100_000.00)))
    assert round(expense["contractual_interest"].sum(), 2) == 4_833.33


def test_principal_in_full_repays_interest_in_kind() -> None:
    """A quarter at 4 % in kind makes 101,000; 55 days of 101,000 at 12 % and 4 % are 1,851.67 and 617.22."""
    rows = nc.amortize(
        _loan(pik_rate=0.04), principal_schedule=_beside((DAY, 101_000.00)), columns=COLUMNS
    ).iloc[-1]
    assert rows[COLUMNS].tolist() == [0.0, 1_851.67, 617.22, 101_617.22, 0.0, 0.0]


def test_principal_in_part_pays_no_interest() -> None:
    rows = nc.amortize(
        _loan(), principal_schedule=_beside((DAY, 40_000.00), ("2024-06-20", 60_000.00)), columns=COLUMNS
    )
    # 100,000 for 55 days, 60,000 for 10.
    assert rows["interest"].tolist() == [0.0, 3_000.00, 0.0, 2_033.33]


def test_each_draw_pays_what_it_has_accrued() -> None:
    """The oldest is repaid first and pays its 55 days; the other its quarter, 50,000 at 9 %."""
    draws = pd.DataFrame([{"loan_id": "A", "date": "2024-04-15", "amount": 50_000.00, "annual_rate": 0.09}])
    rows = nc.amortize(
        _loan(),
        draws=draws,
        principal_schedule=_beside((DAY, 100_000.00)),
        columns=[*COLUMNS, "draw_number"],
    )
    assert rows[rows["draw_number"] == 0]["interest"].tolist() == [0.0, 3_000.00, 1_833.33]
    assert rows[rows["draw_number"] == 1]["interest"].tolist() == [0.0, 1_125.00, 1_125.00, 1_125.00]


@pytest.mark.parametrize("profile", ["bullet", "custom"])
def test_a_draw_of_nothing_keeps_no_loan_open(profile: str) -> None:
    draws = pd.DataFrame([{"loan_id": "A", "date": "2024-10-01", "amount": 0.0}])
    paid = pd.DataFrame({"loan_id": ["A"], "date": [DAY], "amount": [100_000.00]})
    given: dict[str, Any] = {"prepayments": paid, "columns": COLUMNS}
    if profile == "custom":
        given["principal_schedule"] = _beside(("2025-01-15", 0.0))
    loan = _loan(profile=profile)
    pd.testing.assert_frame_equal(nc.amortize(loan, draws=draws, **given), nc.amortize(loan, **given))


def random_custom(random: Random) -> Facility:
    """A loan by itself, often repaid in full between payments."""
    while (loan := random_loan(random)).profile != "custom" or loan.principal > 2**44:
        pass
    return Facility(loan)


@pytest.mark.parametrize("make", [random_facility, random_joint, random_custom])
def test_what_is_paid_is_what_was_booked(make: Any) -> None:
    """Of every loan that ends: interest paid and capitalised is interest booked; what was lent is repaid."""
    random = Random("booked")
    terms = random_terms(random)
    facilities = [make(random) for _ in range(600)]
    given = {**facility_beside(facilities), **options(terms), "amounts": "minor", "on_error": "skip"}
    book = facility_frame(facilities)
    rows = nc.amortize(book, columns=COLUMNS, **given)
    flows = rows.groupby("loan_id", observed=True)[COLUMNS].sum()
    assert (rows.groupby("loan_id", observed=True)["closing_balance"].last() == 0).all()
    assert (flows["draw"] + flows["pik"] == flows["principal"] + flows["prepayment"]).all()
    expense = nc.interest_expense(book, **given)
    booked = expense.groupby("loan_id", observed=True)["contractual_interest"].sum()
    assert len(booked) > 250
    paid = (flows["interest"] + flows["pik"]).reindex(booked.index, fill_value=0)  # nothing lent, no rows
    assert (booked == paid).all()
