"""Tables that measures cannot be made of: refused with column and row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from measured import CASH, loans

pl = pytest.importorskip("polars")


def refused(code: str, **given: Any) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        nc.measures(**given)
    assert code in {issue.code for issue in caught.value.issues}, str(caught.value)
    return caught.value


def test_all_that_is_wrong_is_told_with_column_and_row() -> None:
    broken = CASH.assign(
        cfads=[1.005, float("inf")], period_end=["2025-03-31", "2025-05-15"], taxes=["x", "y"]
    )
    debt = pd.DataFrame(
        {"loan_id": ["l", "l"], "payment_date": ["2025-01-31", None], "opening_balance": [0.0, 5.0],
         "closing_balance": [6.0, 0.0], "interest": [0.0, 0.0]}
    )  # fmt: skip
    error = refused("null", cashflow=broken, debt=debt)
    found = {(issue.column, issue.code, issue.rows) for issue in error.issues}
    assert ("debt.payment_date", "null", (1,)) in found
    assert ("cashflow.period_end", "period_grid", (1,)) in found
    error = refused("precision", cashflow=broken.assign(period_end=CASH["period_end"]))
    found = {(issue.column, issue.code, issue.rows) for issue in error.issues}
    assert {("cashflow.cfads", "precision", (0,)), ("cashflow.cfads", "nonfinite", (1,))} <= found
    assert ("cashflow.taxes", "dtype", ()) in found


def test_tables_that_do_not_fit_are_refused() -> None:
    twice = pd.concat([CASH, CASH], ignore_index=True)
    assert refused("duplicate_period", cashflow=twice).issues[0].rows == (2, 3)
    rows = nc.amortize(loans(2)).reset_index(drop=True)
    assert refused("roll_forward", debt=rows.drop(index=[5])).issues[0].column == "debt.opening_balance"
    refused("roll_forward", debt=pd.concat([rows, rows], ignore_index=True))
    years = nc.amortize(loans(2), by=["currency"], freq="Y")
    assert "12 months" in str(refused("period_grid", debt=years, freq="Q"))
    lives = nc.compare_lives(nc.load_example("gpu_fleet", rows=10), years=(4, 6), by=[], freq="Q")
    refused("duplicate_period", depreciation=lives)
    refused("missing_column", cashflow=CASH, balances=["equity"])
    refused("missing_column", cashflow=CASH.drop(columns="period_end"))
    refused("missing_column", cashflow=CASH, entity="owner")
    refused("missing_column", debt=rows[["loan_id", "payment_date"]])
    refused("duplicate_column", debt=rows, cashflow=CASH.assign(interest=1.0))
    refused("null", cashflow=CASH.assign(entity_id=["A", None]))
    refused("currency", cashflow=CASH.assign(currency=["USD", "dollars"]))
    whose = pd.DataFrame({"loan_id": ["loan-0", "loan-0"], "entity_id": ["A", "B"]})
    assert {"duplicate_id", "unknown_id"} <= {
        issue.code for issue in refused("unknown_id", debt=rows, entity=whose).issues
    }
    several = CASH.assign(entity_id=["A", "B"])
    refused("missing_column", debt=rows, cashflow=several, source_freq="Q")
    refused("currency_mix", debt=rows, entity={"debt": loans(2)[["loan_id", "entity_id"]].assign(entity_id="A")},
            cashflow=CASH.assign(currency=["USD", "EUR"]), source_freq="Q")  # fmt: skip
    refused("duplicate_date", cashflow=pd.DataFrame({"date": ["2025-01-01"] * 2, "cash": [1.0, 2.0]}))
    large = pd.DataFrame({"period_end": CASH["period_end"], "cfads": [2**62 + 1, 2**62]})
    refused("overflow", cashflow=large, freq="Y", source_freq="Q", amounts="minor", start="2025-01-01")


def test_arguments_that_mean_nothing_are_refused() -> None:
    for given_, text in [
        ({}, "need debt="),
        ({"cashflow": CASH.head(1)}, "source_freq"),
        ({"cashflow": CASH, "freq": "W"}, "freq"),
        ({"cashflow": CASH, "start": "2026-01-01", "end": "2025-01-01"}, "after end"),
        ({"cashflow": CASH, "entity": {"cash": "x"}}, "by debt"),
        ({"cashflow": CASH, "flows": "cfads"}, "list of columns"),
        ({"cashflow": CASH, "flows": 5}, "list of columns"),
        ({"cashflow": CASH, "debt_service": ["interest", "interest"]}, "each once"),
        ({"cashflow": CASH, "period_ends": 5}, "list of dates"),
        ({"cashflow": CASH, "flows": ["cfads"], "balances": ["cfads"]}, "flows and in balances"),
        ({"cashflow": CASH, "debt_service": ["payment"]}, "debt_service"),
        ({"cashflow": CASH, "period_ends": ["2025-05-15"]}, "ten days"),
        ({"cashflow": CASH, "period_ends": "2025-03-31"}, "list of dates"),
        ({"cashflow": CASH, "debt": pl.DataFrame({"a": [1]})}, "one kind"),
    ]:
        with pytest.raises(nc.ConfigError, match=text):
            nc.measures(**given_)


RECORDS = pd.DataFrame(
    {"loan_id": ["l", "l"], "entity_id": "A", "currency": "USD", "payment_number": [1, 2],
     "payment_date": ["2025-01-31", "2025-02-28"], "opening_balance": [9.0, 5.0], "closing_balance": [5.0, 0.0]}
)  # fmt: skip


@pytest.mark.parametrize("column", ["entity_id", "currency"])
def test_a_key_that_is_null_in_all_rows_is_one_problem(column: str) -> None:
    """Nothing was left to number."""
    null = pd.Series([None, None], dtype=object)
    for given in ({"debt": RECORDS.assign(**{column: null})}, {"cashflow": CASH.assign(**{column: null})}):
        (issue,) = refused("null", **given).issues
        assert issue.rows == (0, 1)
    debt, owners = (
        RECORDS.drop(columns=["entity_id", "currency"]),
        RECORDS[["loan_id", "entity_id", "currency"]],
    )
    error = refused("null", debt=debt, entity={"debt": owners[:1].assign(**{column: null[:1]})})
    assert [issue.column for issue in error.issues] == [f"entity.{column}"]


@pytest.mark.parametrize(
    ("number", "code"),
    [(None, "null"), (float("nan"), "null"), (-1, "range"), (1.5, "dtype"), (float("inf"), "nonfinite"), ("1", "dtype"),
     (dt.datetime(2025, 1, 1), "dtype"), (True, "dtype"), (2**31, "range")],
)  # fmt: skip
def test_a_number_of_a_payment_is_a_whole_number(number: Any, code: str) -> None:
    """Rows are put in its order: no number at all was a number of any size, or no order."""
    debt = RECORDS.assign(payment_number=pd.Series([number, 2], dtype=object))
    (issue,) = refused(code, debt=debt).issues
    assert issue.column == "debt.payment_number"
    as_floats = RECORDS.assign(payment_number=[1.0, 2.0])
    assert nc.measures(debt=as_floats)["total_debt"].tolist() == [0.0]


def test_values_that_cannot_be_told_apart() -> None:
    debt = RECORDS.assign(loan_id=pd.Series([Decimal("sNaN"), "l"], dtype=object))
    assert refused("dtype", debt=debt).issues[0].column == "debt.loan_id"


def test_owners_that_are_null_are_not_twice_there() -> None:
    owners = pd.DataFrame({"loan_id": pd.Series([None, None], dtype=object), "entity_id": ["A", "B"]})
    error = refused("null", debt=RECORDS.drop(columns="entity_id"), entity={"debt": owners})
    assert {(issue.column, issue.code) for issue in error.issues} == {
        ("entity.loan_id", "null"),
        ("debt.loan_id", "unknown_id"),
    }
