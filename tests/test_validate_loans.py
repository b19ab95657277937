"""`validate_loans`, and whose row is to blame for a problem of a frame beside the loans."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc

IDS = ["a", "b", "c", "d"]


def book(**columns: Any) -> pd.DataFrame:
    data = {
        "loan_id": IDS,
        "commitment": 1000.0,
        "start_date": "2025-01-15",
        "term_months": 24,
        "annual_rate": 0.08,
        "profile": "bullet",
    }
    return pd.DataFrame({**data, **columns})


def draws(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"loan_id": IDS, "date": "2025-03-01", "amount": 100.0, **columns})


def found(frame: Any) -> list[tuple[str, str]]:
    return list(zip(frame["column"].to_list(), frame["code"].to_list(), strict=True))


def test_a_good_book_has_no_problems() -> None:
    assert nc.validate_loans(book(), draws=draws()).empty
    fleet = pd.DataFrame({"cost": [1.0], "in_service_date": ["2025-01-15"]})
    assert list(nc.validate_loans(book()).columns) == list(nc.validate(fleet).columns)


def test_all_problems_of_all_frames_come_at_once() -> None:
    loans = book(annual_rate=[0.08, -2.0, 0.08, 0.08], index=[None, None, "SOFR", None])
    wrong = draws(amount=[100.0, 100.0, 100.0, 1000.01])
    prepaid = pd.DataFrame({"loan_id": ["a", "x"], "date": "2025-06-01", "amount": [-1.0, 1.0]})
    issues = nc.validate_loans(
        loans,
        draws=wrong,
        prepayments=prepaid,
        hedges=pd.DataFrame({"loan_id": ["a"]}),  # without what a hedge needs
        rates=pd.DataFrame({"index": ["SOFR", "SOFR"], "date": ["2025-01-01"] * 2, "value": 0.04}),
    )
    assert set(found(issues)) == {
        ("annual_rate", "range"),
        ("hedges.from_date", "missing_column"),
        ("hedges.kind", "missing_column"),
        ("hedges.strike_rate", "missing_column"),
        ("prepayments.amount", "range"),
        ("prepayments.loan_id", "unknown_id"),
        ("rates.date", "curve_duplicate"),
    }
    # The draw beyond the commitment is seen once frames can be read.
    rest = nc.validate_loans(book(), draws=wrong, prepayments=prepaid)
    assert set(found(rest)) == {
        ("draws.amount", "commitment"),
        ("prepayments.amount", "range"),
        ("prepayments.loan_id", "unknown_id"),
    }


def test_it_lists_what_amortize_raises() -> None:
    loans = book(term_months=[24, 0, 24, 24], day_count=["ACT/360", "ACT/360", "ACT/361", None])
    wrong = draws(amount=[100.0, 100.0, 1.001, 2000.0])
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(loans, draws=wrong)
    issues = nc.validate_loans(loans, draws=wrong)
    assert found(issues) == [(issue.column, issue.code) for issue in caught.value.issues]
    assert len(issues) == 4
    assert issues["rows"].tolist() == [list(issue.rows) for issue in caught.value.issues]
    assert issues["ids"].tolist() == [["b"], ["c"], ["c"], ["d"]]


def test_every_kind_of_frame() -> None:
    loans, beside = book(term_months=[24, 0, 24, 24]), draws(amount=[100.0, 100.0, 100.0, -1.0])
    want = [("term_months", "range"), ("draws.amount", "redraw")]
    for make in (lambda frame: frame, pl.from_pandas, pa.Table.from_pandas):
        issues = nc.validate_loans(make(loans), draws=make(beside))
        assert type(issues) is type(make(loans))
        columns = issues.to_pydict() if isinstance(issues, pa.Table) else issues
        assert list(zip(columns["column"], columns["code"], strict=True)) == want


def test_a_frame_that_cannot_be_read_hides_nothing_else() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(book().drop(columns="annual_rate"), draws=draws().drop(columns="amount"))
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [
        ("annual_rate", "missing_column"),
        ("draws.amount", "missing_column"),
    ]
    assert str(caught.value).startswith("loans: 2 problems")
    twice = pd.concat([book(), book()[["term_months"]]], axis=1)
    assert ("term_months", "duplicate_column") in found(nc.validate_loans(twice, draws=draws()))


def test_a_floating_loan_is_not_blamed_for_rates_that_cannot_be_read() -> None:
    loans = book(index="SOFR", margin_rate=0.04).drop(columns="annual_rate")
    issues = nc.validate_loans(loans, rates=pd.DataFrame({"index": ["SOFR"], "date": ["2025-01-01"]}))
    assert found(issues) == [("rates.value", "missing_column")]


def test_each_loan_is_flagged_with_its_own_problem() -> None:
    """Two problems of one frame beside: each loan has the code of its own."""
    wrong = draws(amount=[-1.0, 100.0, 100.0, 100.0], date=["2025-03-01", "2025-03-01", None, "2025-03-01"])
    rows = nc.amortize(book(), draws=wrong, on_error="flag", keep_id_dtype=True)
    flagged = rows[rows["issue"].notna()].set_index("loan_id")["issue"].to_dict()
    assert flagged == {"a": "redraw", "c": "null"}
    skipped = nc.amortize(book(), draws=wrong, on_error="skip", keep_id_dtype=True)
    assert set(skipped["loan_id"]) == {"b", "d"}
    # As for a fleet and its events.
    fleet = pd.DataFrame({"asset_id": IDS, "cost": 100.0, "in_service_date": "2025-01-15"})
    events = pd.DataFrame(
        {
            "asset_id": IDS,
            "date": wrong["date"],
            "kind": "addition",
            "amount": wrong["amount"],
        }
    )
    rows = nc.depreciate(fleet, nc.straight_line(years=1), events=events, on_error="flag", keep_id_dtype=True)
    assert rows[rows["issue"].notna()].set_index("asset_id")["issue"].to_dict() == {"a": "range", "c": "null"}


BESIDE: dict[str, dict[str, Any]] = {
    "rate_steps": {"date": ["2025-06-01", None], "annual_rate": 0.09},
    "principal_schedule": {"payment_number": 1, "principal": [1.0, -1.0]},
    "payment_holidays": {"from_date": "2025-06-01", "to_date": ["2025-07-01", "2025-05-01"]},
    "hedges": {"kind": "cap", "strike_rate": [0.05, 5.0], "from_date": "2025-01-15", "notional": 1.0},
    "draws": {"date": "2025-03-01", "amount": [1.0, -1.0]},
    "prepayments": {"date": "2025-03-01", "amount": [0.0, -1.0]},
    "prepayment_premiums": {"from_date": "2025-03-01", "premium_rate": [0.0, -1.0]},
    "sweep": {"date": "2025-03-01", "excess_cash": [0.0, None], "sweep_rate": 0.5},
    "refinancings": {"date": ["2025-03-01", None], "into_loan_id": "c"},
    "cash_flow": {"date": "2025-03-01", "cfads": [0.0, None]},
    "collateral": {"period_end": "2025-01-01", "closing_book_value": [1.0, -1.0]},
}


@pytest.mark.parametrize("name", sorted(BESIDE))
def test_every_frame_beside_tells_whose_row_is_bad(name: str) -> None:
    loans = book(
        principal=10.0, profile="custom" if name == "principal_schedule" else "bullet", sweep_rate=0.5
    )
    if name == "cash_flow":
        loans["profile"], loans["target_dscr"] = "sculpted", 1.2
    table = {name: pd.DataFrame({"loan_id": ["a", "b"], **BESIDE[name]})}
    if name in ("principal_schedule", "cash_flow"):  # the others need one, too
        more = {key: value[0] if isinstance(value, list) else value for key, value in BESIDE[name].items()}
        rest = pd.DataFrame({"loan_id": ["c", "d"], **more})
        table[name] = pd.concat([table[name], rest], ignore_index=True)
    if name == "cash_flow":
        loans["annual_rate"] = 0.0
    issues = nc.validate_loans(loans, **table)
    assert len(issues) == 1, issues
    assert issues["column"].iloc[0].startswith(f"{name}.")
    assert issues["rows"].iloc[0] == [1]
    rows = nc.amortize(loans, **table, on_error="flag", keep_id_dtype=True)
    flagged = rows[rows["issue"].notna()]
    lost = {"b", "c"} if name == "refinancings" else {"b"}
    assert set(flagged["loan_id"]) == lost
    assert set(flagged["issue"]) == set(issues["code"])
    left = nc.amortize(loans, **table, on_error="skip", keep_id_dtype=True)
    assert set(left["loan_id"]) == set(IDS) - lost
