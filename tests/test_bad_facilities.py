"""The catalogue of bad input for facilities: a typed error that names frame, column, row and id."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from neocalc.errors import Issue

ROWS = 3


def book(**columns: Any) -> pd.DataFrame:
    data = {
        "loan_id": ["a", "b", "c"],
        "commitment": [1000.0] * ROWS,
        "start_date": ["2025-01-15"] * ROWS,
        "term_months": [24] * ROWS,
        "annual_rate": [0.08] * ROWS,
        "profile": ["bullet"] * ROWS,
        "draw_start_date": ["2025-02-01"] * ROWS,
        "draw_end_date": ["2025-12-31"] * ROWS,
    }
    return pd.DataFrame({**data, **columns})


def draws(**columns: Any) -> pd.DataFrame:
    data = {"loan_id": ["a", "b", "c"], "date": ["2025-03-01"] * ROWS, "amount": [100.0] * ROWS}
    return pd.DataFrame({**data, **columns})


def rows_of(name: str, **columns: Any) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame({"loan_id": ["a", "b", "c"], **columns})}


def second(good: Any, bad: Any) -> list[Any]:
    return [good, bad, good]


def one(column: str, code: str, loans: pd.DataFrame | None = None, *, row: int = 1, **beside: Any) -> Issue:
    """The only issue of an error, of one row; and with on_error='skip' nothing but its loan is lost."""
    loans = book() if loans is None else loans
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(loans, **beside)
    issues = caught.value.issues
    assert [(issue.column, issue.code) for issue in issues] == [(column, code)], str(caught.value)
    issue: Issue = issues[0]
    assert issue.rows == (row,)
    assert issue.ids
    assert issue.rule == nc.list_error_codes()[code][0]
    assert f"row {row}" in str(caught.value)
    left = set(nc.amortize(loans, on_error="skip", **beside)["loan_id"])
    assert left >= {"a"} - ({"a"} if row == 0 else set())
    return issue


@pytest.mark.parametrize(
    ("column", "code", "changes"),
    [
        ("draws.date", "draw_window", {"date": second("2025-03-01", "2025-01-31")}),
        ("draws.date", "draw_window", {"date": second("2025-03-01", "2026-01-01")}),
        ("draws.amount", "commitment", {"amount": second(1000.0, 1000.01)}),
        ("draws.amount", "redraw", {"amount": second(1.0, -1.0)}),
        ("draws.amount", "null", {"amount": second(1.0, None)}),
        ("draws.amount", "precision", {"amount": second(1.0, 1.001)}),
        ("draws.amount", "nonfinite", {"amount": second(1.0, float("inf"))}),
        ("draws.date", "null", {"date": second("2025-03-01", None)}),
        ("draws.loan_id", "unknown_id", {"loan_id": ["a", "z", "c"]}),
        ("draws.loan_id", "null", {"loan_id": ["a", None, "c"]}),
        ("draws.maturity_date", "date_order", {"maturity_date": second("2026-01-01", "2025-03-01")}),
        ("draws.term_months", "date_order", {"maturity_date": second(None, "2026-01-01"), "term_months": 24}),
        ("draws.term_months", "range", {"term_months": second(24, 0)}),
        ("draws.annual_rate", "rate_unit", {"annual_rate": second(0.05, 5.0)}),
        ("draws.annual_rate", "range", {"annual_rate": second(0.05, -1.0)}),
        ("draws.margin_rate", "rate_conflict", {"margin_rate": second(None, 0.05)}),
    ],
)
def test_bad_draws(column: str, code: str, changes: dict[str, Any]) -> None:
    one(column, code, draws=draws(**changes))


def test_what_was_repaid_is_not_drawn_again() -> None:
    """A draw beyond the commitment is told apart where a repayment before it would have made room."""
    whole = draws(amount=[1.0, 900.0, 1.0])
    again = pd.concat(
        [whole, draws(amount=[1.0, 300.0, 1.0], date="2025-09-01").iloc[1:2]], ignore_index=True
    )
    paid = pd.DataFrame({"loan_id": draws()["loan_id"][1:2], "date": ["2025-06-01"], "amount": [400.0]})
    late = paid.assign(date="2025-10-01")
    issue = one("draws.amount", "redraw", draws=again, prepayments=paid, row=3)
    assert "1200 in all, of 1000" in issue.example
    assert "kind 'revolver'" in issue.hint
    one("draws.amount", "commitment", draws=again, prepayments=late, row=3)
    one("draws.amount", "commitment", draws=again, prepayments=paid.assign(amount=199.99), row=3)
    everything = paid.assign(amount=[None])
    one("draws.amount", "redraw", draws=again, prepayments=everything, row=3)
    # More than the commitment is more than may be drawn, whatever was repaid.
    more = again.assign(amount=again["amount"].where(again.index != again.index[-1], 100_000.0))
    one("draws.amount", "commitment", draws=more, prepayments=everything, row=3)
    assert one("draws.amount", "redraw", draws=draws(amount=second(1.0, -1.0))).example == "-1.0"


def test_a_window_lies_in_the_life_of_its_loan() -> None:
    for name, day in (("draw_start_date", "2025-01-14"), ("draw_end_date", "2027-01-16")):
        one(name, "date_order", book(**{name: second("2025-06-01", day)}), draws=draws(date="2025-06-01"))
    one("draw_end_date", "date_order", book(draw_end_date=second("2025-06-01", "2025-01-20")), draws=draws())


def test_fees_need_what_they_are_a_share_of() -> None:
    loans = book(undrawn_fee_rate=0.005, principal=10.0)
    one("commitment", "null", loans.assign(commitment=second(1000.0, None)))
    one("undrawn_fee_rate", "range", loans.assign(undrawn_fee_rate=second(0.005, -0.005)))
    one("upfront_fee_rate", "range", loans.assign(upfront_fee_rate=second(0.01, -0.01)))
    both = loans.assign(upfront_fee=second(None, 5.0), upfront_fee_rate=0.01)
    one("upfront_fee_rate", "rate_conflict", both)


PREPAYMENT = {"date": ["2025-06-01"] * ROWS, "amount": [10.0] * ROWS}


@pytest.mark.parametrize(
    ("column", "code", "changes"),
    [
        ("prepayments.amount", "overpayment", {"amount": second(100.0, 100.01)}),
        ("prepayments.amount", "range", {"amount": second(1.0, -1.0)}),
        ("prepayments.date", "date_order", {"date": second("2025-06-01", "2025-01-14")}),
        ("prepayments.date", "date_order", {"date": second("2025-06-01", "2027-01-15")}),
        ("prepayments.loan_id", "unknown_id", {"loan_id": ["a", "z", "c"]}),
        ("prepayments.effect", "choice", {"effect": second("term", "shorter")}),
        ("prepayments.effect", "null", {"effect": second("term", None)}),
        ("prepayments.premium_due", "dtype", {"premium_due": second(True, "no")}),
        ("prepayments.draw_number", "range", {"draw_number": second(None, 1)}),
        ("prepayments.draw_number", "dtype", {"draw_number": second(None, 0.5)}),
    ],
)
def test_bad_prepayments(column: str, code: str, changes: dict[str, Any]) -> None:
    table = pd.DataFrame({"loan_id": ["a", "b", "c"], **PREPAYMENT, **changes})
    one(column, code, draws=draws(), prepayments=table)


def test_a_loan_that_is_repaid_takes_no_more() -> None:
    table = pd.DataFrame(
        {
            "loan_id": ["a", "b", "b"],
            "date": ["2025-06-01", "2025-06-01", "2025-07-01"],
            "amount": [1, None, 1.0],
        }
    )
    one("prepayments.amount", "overpayment", draws=draws(), prepayments=table, row=2)
    # Nor do all draws of a facility together.
    apart = draws(term_months=12)
    table = pd.DataFrame({"loan_id": ["a", "b"], "date": "2025-06-01", "amount": [100.0, 100.01]})
    one("prepayments.amount", "overpayment", draws=apart, prepayments=table)


def test_bad_terms_of_prepayment() -> None:
    table = rows_of("prepayments", **PREPAYMENT)
    custom = book(profile=second("bullet", "custom"))
    schedule = pd.DataFrame({"loan_id": ["b"], "payment_number": [3], "principal": [10.0]})
    table["prepayments"]["effect"] = "payment"
    one("prepayments.effect", "profile", custom, draws=draws(), principal_schedule=schedule, **table)
    whole = book(make_whole_until_date=second(None, "2026-01-01"))
    one("make_whole_rate", "null", whole, draws=draws())
    one("make_whole_rate", "range", whole.assign(make_whole_rate=second(None, -0.01)), draws=draws())
    for rate, code in ((-0.01, "range"), (1.01, "range"), (None, "null")):
        premiums = rows_of("prepayment_premiums", from_date="2025-01-15", premium_rate=second(0.01, rate))
        one("prepayment_premiums.premium_rate", code, draws=draws(), **premiums)
    twice = pd.DataFrame({"loan_id": ["a", "b", "b"], "from_date": "2025-01-15", "premium_rate": 0.01})
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(book(), draws=draws(), prepayment_premiums=twice)
    assert caught.value.issues[0].rows == (1, 2)
    assert caught.value.code == "duplicate_date"


def test_bad_sweeps() -> None:
    cash = {"date": "2025-06-01", "excess_cash": 10.0}
    one(
        "sweep.sweep_rate",
        "null",
        book(sweep_rate=second(0.5, None)),
        draws=draws(),
        **rows_of("sweep", **cash),
    )
    one("sweep.sweep_rate", "range", draws=draws(), **rows_of("sweep", **cash, sweep_rate=second(0.5, 1.5)))
    one("sweep_rate", "range", book(sweep_rate=second(0.5, -0.5)), draws=draws(), **rows_of("sweep", **cash))
    cash["excess_cash"] = second(1.0, None)
    one("sweep.excess_cash", "null", book(sweep_rate=0.5), draws=draws(), **rows_of("sweep", **cash))
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(book(), draws=draws(), sweep=pd.DataFrame({"loan_id": ["a"], "excess_cash": [1.0]}))
    assert (caught.value.issues[0].column, caught.value.code) == ("sweep.date", "missing_column")


def test_bad_refinancings() -> None:
    def table(ids: list[Any], into: list[Any]) -> pd.DataFrame:
        return pd.DataFrame({"loan_id": ids, "date": "2025-06-01", "into_loan_id": into})

    for ids, into, column, code in (
        (["a"], ["z"], "into_loan_id", "unknown_id"),
        (["z"], ["a"], "loan_id", "unknown_id"),
        (["a"], [None], "into_loan_id", "null"),
        (["a"], ["a"], "into_loan_id", "refinancing_circle"),
        (["a", "b"], ["b", "a"], "into_loan_id", "refinancing_circle"),
        (["a", "a"], ["b", "c"], "loan_id", "duplicate_id"),
    ):
        with pytest.raises(nc.InputError) as caught:
            nc.amortize(book(), draws=draws(), refinancings=table(ids, into))
        issue = caught.value.issues[0]
        assert (issue.column, issue.code) == (f"refinancings.{column}", code)
    # A payoff is a draw: window and commitment hold for it.
    one(
        "refinancings.into_loan_id",
        "commitment",
        row=0,
        draws=draws(amount=950.0),
        refinancings=table(["a"], ["c"]),
    )
    late = table(["a"], ["c"]).assign(date="2026-06-01")
    one("refinancings.date", "draw_window", row=0, draws=draws(), refinancings=late)


def test_what_a_bad_loan_is_refinanced_into_is_lost_with_it() -> None:
    table = pd.DataFrame({"loan_id": ["b"], "date": "2025-06-01", "into_loan_id": ["c"]})
    bad = draws(amount=second(100.0, 5000.0))
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(book(), draws=bad, refinancings=table)
    codes = {(issue.column, issue.code) for issue in caught.value.issues}
    assert codes == {("draws.amount", "commitment"), ("refinancings.loan_id", "refinanced_loan")}
    assert set(nc.amortize(book(), draws=bad, refinancings=table, on_error="skip")["loan_id"]) == {"a"}


def test_amounts_agreed_for_all_draws() -> None:
    """What one agreed amount cannot say of several draws."""
    apart = draws(term_months=second(None, 12))
    agreed = book(profile="level_payment", payment=second(None, 30.0), frequency="quarterly", principal=10.0)
    assert len(nc.amortize(agreed, draws=apart))
    # 110 at 8 % for a quarter is 2.20 of interest.
    little = agreed.assign(payment=second(None, 1.0))
    one("payment", "negative_amortization", little, draws=apart)
    # Which draw unpaid interest would be added to, nothing says.
    leave = {"allow_negative_amortization": True}
    one("payment", "profile", little.assign(balance_cap=second(None, 500.0)), draws=apart, **leave)
    custom = book(principal=10.0, profile=second("bullet", "custom"))
    schedule = pd.DataFrame({"loan_id": ["b"], "payment_number": [3], "principal": [110.01]})
    one("principal", "range", custom, draws=apart, principal_schedule=schedule)
    assert len(nc.amortize(custom, draws=apart, principal_schedule=schedule.assign(principal=110.0)))


def sculpted(**columns: Any) -> pd.DataFrame:
    return book(
        **{"principal": 100.0, "profile": "sculpted", "target_dscr": 1.3, "frequency": "annual", **columns}
    )


def cash(*amounts: float) -> pd.DataFrame:
    rows = [
        (loan, date, amount)
        for loan in "abc"
        for date, amount in zip(("2026-01-15", "2027-01-15"), amounts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["loan_id", "date", "cfads"])


def test_bad_sculpting() -> None:
    table = cash(80.0, 80.0)
    assert len(nc.amortize(sculpted(), cash_flow=table)) == 9
    wrong = table.assign(cfads=[80.0, 80.0, -0.01, 80.0, 80.0, 80.0])
    one("cash_flow.cfads", "negative_cash_flow", sculpted(), cash_flow=wrong, row=2)
    one(
        "cash_flow.cfads",
        "null",
        sculpted(),
        cash_flow=table.assign(cfads=[80.0, 80.0, None, 80.0, 80.0, 80.0]),
        row=2,
    )
    one("target_dscr", "null", sculpted(target_dscr=second(1.3, None)), cash_flow=table)
    one("target_dscr", "range", sculpted(target_dscr=second(1.3, 0.0)), cash_flow=table)
    one("target_dscr", "profile", sculpted(profile=second("sculpted", "bullet")), cash_flow=table)
    one("profile", "null", sculpted(), cash_flow=table[table["loan_id"] != "b"])
    # 8 of interest need 10.40 of cash flow.
    little = table.assign(cfads=[80.0, 80.0, 10.39, 80.0, 80.0, 80.0])
    one("payment", "negative_amortization", sculpted(), cash_flow=little)


def secured(**columns: Any) -> pd.DataFrame:
    return book(**{"principal": 80.0, "profile": "borrowing_base", "advance_rate": 0.8, **columns})


def test_bad_borrowing_bases() -> None:
    def value(**columns: Any) -> dict[str, pd.DataFrame]:
        return rows_of("collateral", **{"period_end": "2025-01-01", "closing_book_value": 100.0, **columns})

    assert (nc.amortize(secured(), collateral=value()["collateral"])["closing_balance"] <= 80.0).all()
    one("advance_rate", "null", secured(advance_rate=second(0.8, None)), **value())
    one("advance_rate", "range", secured(advance_rate=second(0.8, -0.1)), **value())
    one("principal", "borrowing_base", secured(principal=second(80.0, 80.01)), **value())
    one("collateral.closing_book_value", "range", secured(), **value(closing_book_value=second(100.0, -1.0)))
    one(
        "collateral.period_end",
        "date_order",
        secured(),
        **value(period_end=second("2025-01-01", "2025-03-01")),
    )
    one(
        "draws.amount",
        "borrowing_base",
        secured(principal=10.0),
        draws=draws(amount=second(1.0, 70.01)),
        **value(),
    )
    # The base limits what all draws owe together.
    one(
        "draws.amount",
        "borrowing_base",
        secured(principal=10.0),
        draws=draws(amount=second(1.0, 70.01), term_months=[None, 12, None]),
        **value(),
    )
    missing = value()["collateral"]
    one("advance_rate", "null", secured(), collateral=missing[missing["loan_id"] != "b"])
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(secured(), collateral=pd.concat([missing, missing]))
    assert (caught.value.issues[0].column, caught.value.code) == ("collateral.period_end", "duplicate_date")


def test_collateral_of_a_facility_counts_once() -> None:
    table = pd.DataFrame({"facility_id": ["x", "y"], "period_end": "2025-01-01", "closing_book_value": 100.0})
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(secured(facility_id=["x", "x", "y"]), collateral=table)
    issue = caught.value.issues[0]
    assert (issue.column, issue.code, issue.rows) == ("facility_id", "duplicate_id", (0, 1))
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(secured(), collateral=table)
    assert (caught.value.issues[0].column, caught.value.code) == ("facility_id", "missing_column")


def test_bad_debt_capacity() -> None:
    terms = {
        "min_dscr": 1.3,
        "annual_rate": 0.08,
        "start_date": "2025-01-15",
        "term_months": 24,
        "frequency": "annual",
    }
    table = cash(80.0, 80.0)
    with pytest.raises(nc.InputError) as caught:
        nc.debt_capacity(table.assign(cfads=-1.0), **terms)
    assert (caught.value.issues[0].column, caught.value.code) == ("cash_flow.cfads", "negative_cash_flow")
    for change in (
        {"cost": 10.0},
        {"max_gearing": 0.5},
        {"maturity_date": "2027-01-15"},
        {"term_months": None},
        {"cost": -1.0, "max_gearing": 0.5},
        {"cost": "1", "max_gearing": 0.5},
        {"cost": 100.0, "max_gearing": 70},
        {"end_of_month": "yes"},
        {"annual_rate": "8 %"},
        {"frequency": "often"},
        {"amounts": "cents"},
    ):
        with pytest.raises(nc.ConfigError):
            nc.debt_capacity(table, **{**terms, **change})
    for cfads, code in ((2e13, "overflow"), (None, "null")):
        with pytest.raises(nc.InputError) as caught:
            nc.debt_capacity(
                table.assign(cfads=cfads) if cfads else table.iloc[:0].drop(columns="loan_id"), **terms
            )
        assert (caught.value.issues[0].column, caught.value.code) == ("cash_flow.cfads", code)
    for name, value in (("min_dscr", 0.0), ("annual_rate", 8.0), ("annual_rate", -1.0)):
        with pytest.raises(nc.InputError) as caught:
            nc.debt_capacity(table, **{**terms, name: value})
        assert caught.value.issues[0].column == name


def test_a_capacity_at_more_than_a_hundred_percent_is_meant() -> None:
    cash = pd.DataFrame({"date": ["2026-12-31"], "cfads": [130.00]})
    terms: dict[str, Any] = {"min_dscr": 1.30, "annual_rate": 1.5, "start_date": "2025-12-31", "term_months": 12,
                             "frequency": "annual", "end_of_month": True}  # fmt: skip
    with pytest.raises(nc.InputError, match=r"rate_unit.*allow_high_rate=True"):
        nc.debt_capacity(cash, **terms)
    found = nc.debt_capacity(cash, **terms, allow_high_rate=True)
    assert found["principal"].tolist() == [40.00]  # 100 of service a year on, at 150 %
