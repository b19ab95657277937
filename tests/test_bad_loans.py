"""The catalogue of bad input for loans: a typed error that names column, row, id and what to do, or a defined result.

Numbers in the comments are rows of the project's reliability catalogue.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken_loans import ROWS, good, one, refused, third
from neocalc import _output

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")

# --- values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("column", ["annual_rate", "principal"])
def test_not_finite(column: str, value: float) -> None:  # 1-3
    if column == "principal" and np.isnan(value):
        one(good(principal=third(value, 1.0)), "principal", "null")  # optional beside a commitment
    else:
        one(good(**{column: third(value, 0.05 if column == "annual_rate" else 100.0)}), column, "nonfinite")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("start_date", third(None, dt.date(2025, 1, 1), object)),
        ("annual_rate", third(None, 0.05, "Float64")),
        ("annual_rate", third(None, Decimal("0.05"), object)),
        ("principal", third(None, Decimal(5), object)),
        ("loan_id", pd.Series(["a", "b", None, "d"], dtype=object)),
    ],
)
def test_nulls_where_a_value_is_needed(column: str, values: pd.Series) -> None:  # 4
    one(good(**{column: values}), column, "null")


def test_neither_maturity_nor_term() -> None:  # 4
    one(good(term_months=third(None, 12, "Int64")), "maturity_date", "null")
    data = good(maturity_date=third(None, "2027-01-15", "datetime64[us]"))
    data["term_months"] = pd.Series([24, 24, 24, None], dtype="Int64")
    assert len(nc.amortize(pd.DataFrame(data))) == 4 * 25


def test_amounts_off_the_cent_or_negative() -> None:  # 7, 13
    one(good(principal=third(100.005, 1.0)), "principal", "precision")
    one(good(principal=third(-1.0, 1.0)), "principal", "range")
    one(good(payment=third(-1.0, None, "Float64")), "payment", "range")
    one(good(payment=third(0.0, None, "Float64")), "payment", "range")
    one(good(principal=third(Decimal("1e30"), Decimal(1), object)), "principal", "overflow")
    one(good(principal=third(2.0**60, 1.0)), "principal", "precision")
    found = nc.amortize(pd.DataFrame(good(principal=third(100.005, 1.0))), round_input=True)
    assert found.loc[found["loan_id"] == "c", "draw"].iloc[0] == 100.0  # 100.00499999999999545...


def test_an_amount_that_grows_beyond_64_bits() -> None:  # 10
    data = good(principal=third(2**62, 1, "int64"), profile=["bullet"] * ROWS, annual_rate=[100.0] * ROWS)
    one(data, "principal", "overflow", amounts="minor", allow_high_rate=True)


def test_rates() -> None:  # 37, 39, 40, 42
    issue = one(good(annual_rate=third(5.0, 0.05)), "annual_rate", "rate_unit")
    assert "allow_high_rate" in issue.hint
    assert len(nc.amortize(pd.DataFrame(good(annual_rate=[5.0] * ROWS)), allow_high_rate=True)) > 0
    for rate in (-1.0, -1.5, 1e300):
        one(good(annual_rate=third(rate, 0.05)), "annual_rate", "range")
    # A negative rate obeys the same formulas: 1,000,000 at -1 % over a year of months is 83,333.33 less a bit.
    data = good(principal=[1e6] * ROWS, annual_rate=[-0.01] * ROWS, term_months=[12] * ROWS)
    rows = nc.amortize(pd.DataFrame(data))
    assert rows["interest"].sum() < 0
    assert rows.groupby("loan_id", observed=True)["closing_balance"].last().eq(0).all()


@pytest.mark.parametrize("rate", [1e-18, 1e-12])
def test_the_least_rates(rate: float) -> None:  # 41: npf and pyxirr give -inf and 2777.53
    data = good(principal=[1e6] * ROWS, annual_rate=[rate] * ROWS, term_months=[360] * ROWS)
    assert nc.payment_amount(pd.DataFrame(data))["payment"].tolist() == [2777.78] * ROWS


def test_terms() -> None:  # 15, 16, 43
    for months, code in ((0, "range"), (-60, "range"), (10**9, "range"), (3601, "range")):
        one(good(term_months=third(months, 12)), "term_months", code)
    one(good(term_months=third(3.7, 12.0)), "term_months", "dtype")
    one(good(term_months=third("12", 12, object)), "term_months", "dtype")
    one(good(term_months=third(1201, 12)), "term_months", "range")
    long = pd.DataFrame(good(term_months=[1201] * ROWS, profile=["bullet"] * ROWS))
    assert len(nc.amortize(long, allow_long_term=True)) == 4 * 1202
    data = good()
    data["term"] = data.pop("term_months")
    error = refused(data)
    assert ("term", "term_unit") in [(i.column, i.code) for i in error.issues]
    one(good(start_date=["2190-01-01"] * ROWS, term_months=third(240, 12)), "term_months", "date_range")
    rows = nc.amortize(pd.DataFrame(good(term_months=[1] * ROWS)))
    assert rows["principal"].tolist() == [v for p in (1e3, 2e3, 3e3, 4e3) for v in (0, p)]  # 1 = bullet


def test_dates_out_of_order() -> None:  # 17, 46
    days = [dt.date(2027, 1, 15)] * ROWS
    data = good(maturity_date=days, term_months=pd.Series([None] * ROWS, dtype="Int64"))
    one(
        {**data, "maturity_date": third(dt.date(2025, 1, 15), days[0], object)}, "maturity_date", "date_order"
    )
    one({**data, "maturity_date": third(dt.date(2024, 1, 1), days[0], object)}, "maturity_date", "date_order")
    for first in ("2025-01-15", "2024-12-01", "2030-01-01"):
        one(good(first_payment_date=third(first, None, object)), "first_payment_date", "date_order")
    one(good(maturity_date=third(dt.date(2029, 1, 1), None, object)), "term_months", "date_order")
    one(good(start_date=third(dt.date(1600, 1, 1), dt.date(2025, 1, 1), object)), "start_date", "date_range")
    one(good(start_date=third("2025-02-30", "2025-01-01", object)), "start_date", "date_parse")
    one(good(start_date=third("01/02/2025", "2025-01-01", object)), "start_date", "dtype")
    noon = third(pd.Timestamp("2025-01-01 12:00"), pd.Timestamp("2025-01-01"))
    one(good(start_date=noon), "start_date", "date_time")
    assert len(nc.amortize(pd.DataFrame(good(start_date=noon)), floor_time=True)) > 0


def test_interest_only_and_amortization() -> None:  # 46
    one(good(interest_only_months=third(36, 0)), "interest_only_months", "range")
    one(good(interest_only_months=third(-1, 0)), "interest_only_months", "range")
    one(good(amortization_months=third(0, 12)), "amortization_months", "range")
    data = good(amortization_months=[120] * ROWS, profile=third("bullet", "level_payment"))
    one(data, "amortization_months", "profile")
    far = good(start_date=["2150-01-01"] * ROWS, amortization_months=third(1000, 12))
    one(far, "amortization_months", "date_range")


def test_words() -> None:
    for column, word, near in (
        ("profile", "level_payments", "level_payment"),
        ("frequency", "monthyl", "monthly"),
        ("day_count", "30/361", "30/36"),
        ("business_day_convention", "folowing", "following"),
        ("stub", "short_bak", "short_back"),
    ):
        values = {"profile": "bullet", "frequency": "monthly", "day_count": "ACT/360", "stub": "long_back"}
        issue = one(good(**{column: third(word, values.get(column, "none"))}), column, "choice")
        assert near in issue.hint
    one(good(profile=third("xyz", "bullet")), "profile", "choice")
    one(good(end_of_month=third("yes", True, object)), "end_of_month", "dtype")
    one(good(profile=third(3, "bullet", object)), "profile", "choice")
    issue = one(good(profile=third("bullet\ud800", "bullet", object)), "profile", "choice")
    assert issue.example == repr("bullet\ud800"), "half a surrogate pair is no text that UTF-8 has"


def test_currencies() -> None:  # 35
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(pd.DataFrame(good(currency=third("usd", "USD"))))
    assert [(i.column, i.code, i.rows) for i in caught.value.issues] == [("currency", "currency", (2,))]
    data = pd.DataFrame(good(currency=["USD", "USD", "EUR", "EUR"]))
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(data, by=[])
    assert caught.value.code == "currency_mix"
    assert nc.amortize(data, by=["currency"])["currency"].unique().tolist() == ["EUR", "USD"]


# --- payments -------------------------------------------------------------------------------------------------


def test_a_payment_below_the_interest() -> None:  # 45
    # 3,000.00 at 7 %: interest of the first month 17.50.
    issue = one(good(payment=third(17.49, None, "Float64")), "payment", "negative_amortization")
    assert issue.example == "17.49, interest 17.5 at payment 1 on 2025-02-15"
    issue = one(good(payment=third(17.50, None, "Float64")), "payment", "never_amortises")
    one(
        good(payment=third(17.49, None, "Float64")),
        "payment",
        "negative_amortization",
        allow_negative_amortization=True,
    )
    # A rate that rises over an agreed payment, in the fourth month: 3,000 less three times a cent or two.
    steps = pd.DataFrame({"loan_id": ["c"], "date": ["2025-04-15"], "annual_rate": [0.09]})
    data = good(payment=third(17.60, None, "Float64"))
    issue = one(data, "payment", "negative_amortization", rate_steps=steps)
    assert "at payment 4 on 2025-05-15" in issue.example


def test_negative_amortization_stays_under_its_cap() -> None:  # I30
    data = good(payment=third(10.0, None, "Float64"), balance_cap=third(3020.0, None, "Float64"))
    rows = nc.amortize(pd.DataFrame(data), allow_negative_amortization=True)
    rows = rows[rows["loan_id"] == "c"]
    # Interest 17.50: 10.00 paid, 7.50 added; 17.54: 7.54; then 4.96 up to the cap, then all interest is paid.
    assert rows["pik"].tolist()[1:5] == [7.50, 7.54, 4.96, 0.0]
    assert rows["interest"].tolist()[1:5] == [10.0, 10.0, 12.63, 17.62]
    assert rows["closing_balance"].tolist()[1:5] == [3007.50, 3015.04, 3020.0, 3020.0]
    assert rows["principal"].iloc[-1] == 3020.0
    by_rate = good(payment=third(10.0, None, "Float64"), balance_cap_rate=third(1.01, None, "Float64"))
    capped = nc.amortize(pd.DataFrame(by_rate), allow_negative_amortization=True)
    assert capped["closing_balance"].max() == 4000.0
    assert capped.loc[capped["loan_id"] == "c", "closing_balance"].max() == 3030.0
    one(good(balance_cap=third(2999.99, None, "Float64")), "balance_cap", "range")
    one(good(balance_cap_rate=third(0.5, None, "Float64")), "balance_cap_rate", "range")


def test_payments_have_no_use_in_a_bullet() -> None:
    data = good(payment=third(100.0, None, "Float64"), profile=third("bullet", "level_payment"))
    one(data, "payment", "profile")


def test_more_than_the_commitment() -> None:  # 46
    one(good(commitment=third(2999.99, 5000.0)), "principal", "range")
    data = good(commitment=[5000.0] * ROWS)
    data["principal"] = pd.Series([None, 1.0, None, None], dtype="Float64")
    rows = nc.amortize(pd.DataFrame(data))
    assert rows["loan_id"].unique().tolist() == ["b"]  # nothing of the others is drawn yet


def test_little_or_nothing_lent() -> None:  # 44
    data = good(principal=[0.0, 0.01, 0.05, 3.59], term_months=[360] * ROWS)
    rows = nc.amortize(pd.DataFrame(data))
    assert set(rows["loan_id"]) == {"b", "c", "d"}
    money = rows[["interest", "principal", "payment", "closing_balance"]]
    assert (money >= 0).all(axis=None)
    repaid = rows.groupby("loan_id", observed=True)["principal"].sum().round(2).to_dict()
    assert repaid == {"b": 0.01, "c": 0.05, "d": 3.59}


# --- names, types, whole frames -------------------------------------------------------------------------------


def test_names() -> None:  # 25
    data = pd.DataFrame(good())
    for name in ("principal", "start_date", "term_months", "annual_rate"):
        error = refused(data.drop(columns=name))
        assert "missing_column" in error.issues["code"]
        near = refused(data.rename(columns={name: f" {name.title()}"}))
        assert any(repr(f" {name.title()}") in hint for hint in near.issues["hint"])
    twin = refused(pd.DataFrame({**good(), "Payment": [1.0] * ROWS}))
    assert twin.issues["hint"] == ["rename 'Payment' to 'payment'"]
    bare = data.rename(columns={"annual_rate": "rate"})
    assert ("rate", "rate_unit") in [(i.column, i.code) for i in refused(bare).issues]
    doubled = pd.concat([data, data[["principal"]]], axis=1)
    assert refused(doubled).code == "duplicate_column"
    nc.amortize(data.assign(anything="else"))


def test_types() -> None:  # 9, 28, 30
    one(good(principal=["1"] * ROWS), "principal", "dtype", None)
    one(good(principal=np.ones(ROWS, dtype="float32")), "principal", "dtype", None)
    one(good(annual_rate=["0.05"] * ROWS), "annual_rate", "dtype", None)
    one(good(annual_rate=[True] * ROWS), "annual_rate", "dtype", None)
    one(good(annual_rate=third("x", 0.05, object)), "annual_rate", "dtype")
    one(good(start_date=[20250101] * ROWS), "start_date", "dtype", None)
    zone = pd.Series(pd.to_datetime(["2025-01-01"] * ROWS)).dt.tz_localize("UTC")
    one(good(start_date=zone), "start_date", "timezone", None)
    plain = nc.amortize(pd.DataFrame(good()))
    for rates in (
        np.array([0.05, 0.06, 0.07, 0.08], dtype="float32"),
        [Decimal(v) for v in ("0.05", "0.06", "0.07", "0.08")],
    ):
        pd.testing.assert_frame_equal(nc.amortize(pd.DataFrame(good(annual_rate=rates))), plain)


def test_ids() -> None:  # 26
    error = refused(good(loan_id=["a", "b", "a", "d"]))
    assert [(i.column, i.code, i.rows) for i in error.issues] == [("loan_id", "duplicate_id", (0, 2))]
    data = pd.DataFrame(good()).drop(columns="loan_id").set_index(pd.Index(["w", "x", "y", "z"]))
    assert nc.amortize(data)["loan_id"].unique().tolist() == ["w", "x", "y", "z"]


def test_all_problems_come_at_once() -> None:
    data = good(
        principal=[-1.0, 2.005, 3.0, 4.0],
        annual_rate=[5.0, 0.05, float("nan"), 0.05],
        term_months=[0, 12, 12, 12],
        profile=["level", "bullet", "bullet", "bullet"],
        start_date=third("2025-02-30", "2025-01-01", object),
        payment=pd.Series([None, None, None, 5.0], dtype="Float64"),
    )
    error = refused(data)
    assert {(i.column, i.code) for i in error.issues} == {
        ("profile", "choice"),
        ("start_date", "date_parse"),
        ("annual_rate", "rate_unit"),
        ("annual_rate", "nonfinite"),
        ("principal", "range"),
        ("principal", "precision"),
        ("term_months", "range"),
        ("payment", "profile"),
    }


@pytest.mark.parametrize("amounts", ["major", "decimal"])
def test_one_bad_loan_need_not_lose_the_book(amounts: str) -> None:
    data = pd.DataFrame(good(annual_rate=third(5.0, 0.05), lender=["x", "x", "y", "y"]))
    sound = data.drop(index=2).reset_index(drop=True)
    want = nc.amortize(sound, keep_id_dtype=True, amounts=amounts)
    skipped = nc.amortize(data, on_error="skip", keep_id_dtype=True, amounts=amounts)
    assert [issue["code"] for issue in skipped.attrs["issues"]] == ["rate_unit"]
    skipped.attrs = {}
    pd.testing.assert_frame_equal(skipped, want)
    flagged = nc.amortize(data, on_error="flag", keep_id_dtype=True, amounts=amounts)
    bad = flagged[flagged["issue"].notna()]
    assert (bad["loan_id"].tolist(), bad["issue"].tolist()) == (["c"], ["rate_unit"])
    assert bad.drop(columns=["loan_id", "issue"]).isna().all(axis=None)
    rest = flagged[flagged["issue"].isna()].drop(columns="issue").reset_index(drop=True)
    assert rest["payment"].tolist() == want["payment"].tolist()
    totals = nc.amortize(data, by=["lender"], freq="Y", on_error="skip", amounts=amounts)
    totals.attrs = {}
    pd.testing.assert_frame_equal(totals, nc.amortize(sound, by=["lender"], freq="Y", amounts=amounts))
    amount = nc.payment_amount(data, on_error="flag")
    assert amount["issue"].isna().tolist() == [True, True, False, True]
    assert np.isnan(amount["payment"].iloc[2])
    assert nc.payment_amount(data, on_error="skip").index.tolist() == [0, 1, 3]
    clean = nc.amortize(sound, on_error="flag")
    assert clean["issue"].isna().all()


def test_a_calendar_without_business_days() -> None:  # 47
    january = pd.date_range("2026-01-01", "2026-01-31")
    data = good(business_day_convention=third("modified_following", "none"))
    issue = one(data, "business_day_convention", "calendar", holidays=january)
    assert issue.example == "2026-01-15"


def test_loans_that_change_between_counting_and_filling(monkeypatch: pytest.MonkeyPatch) -> None:  # 33
    principal = np.array([1000.0] * ROWS)
    frame = pd.DataFrame({"principal": principal}, copy=False)
    frame = frame.assign(**{name: values for name, values in good().items() if name != "principal"})
    assert np.shares_memory(frame["principal"].to_numpy(), principal)
    monkeypatch.setattr(_output, "check_memory", lambda *_: principal.fill(-1.0))
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(frame)
    assert caught.value.code == "concurrent_mutation"


def test_arguments_that_mean_nothing() -> None:
    data = pd.DataFrame(good())
    for options in (
        {"rounding": "balance"},
        {"amounts": "cents"},
        {"rounding": None, "amounts": "minor"},
        {"accrual": "shifted"},
        {"payment_basis": "annual"},
        {"on_error": "ignore"},
        {"freq": "W"},
        {"fiscal_year_end": 13},
        {"columns": ["cost"]},
        {"columns": "interest"},
        {"start": "2026-01-01", "end": "2025-01-01"},
        {"weekend": ["funday"]},
        {"threads": 0},
        {"allow_high_rate": 1},
        {"minor_units": 5},
        {"by": ["interest"]},
        {"by": "lender"},
    ):
        with pytest.raises(nc.ConfigError):
            nc.amortize(data, **options)
    with pytest.raises(nc.InputError):
        nc.amortize(data, by=["lender"])
    with pytest.raises(TypeError):
        nc.amortize(data, colour="red")
    with pytest.raises((nc.ConfigError, nc.InputError)):
        nc.amortize(data, holidays=["2025-13-01"])


def test_a_result_that_cannot_fit_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:  # 57
    monkeypatch.setenv("NEOCALC_MEMORY_LIMIT_BYTES", "5000")
    data = pd.DataFrame(good())
    with pytest.raises(nc.ResourceLimitError, match="by="):
        nc.amortize(data)
    with pytest.raises(nc.ResourceLimitError):
        nc.amortize(data, by=["loan_id"], start="1950-01-01", end="2150-01-01")
