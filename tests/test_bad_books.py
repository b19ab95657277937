"""Contracts of customers and leases with something wrong: a typed error that names column, row, id and what to do."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc


def contracts(**columns: Any) -> pd.DataFrame:
    good = {
        "contract_id": ["a", "b", "c"], "customer": ["x", "y", "z"], "gpu_model": "H100", "gpus": 8,
        "start_date": "2025-01-01", "end_date": "2025-12-31", "hourly_price": 2.0, "currency": "USD",
    }  # fmt: skip
    return pd.DataFrame({**good, **columns})


def leases(**columns: Any) -> pd.DataFrame:
    good = {
        "lease_id": ["a", "b", "c"], "commencement_date": "2025-01-01", "term_months": 12, "payment": 100.0,
        "discount_rate": 0.1,
    }  # fmt: skip
    return pd.DataFrame({**good, **columns})


def refused(call: Callable[[], object], subject: str) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        call()
    error = caught.value
    assert error.subject == subject
    assert len(str(error).splitlines()) <= 20
    for issue in error.issues:
        assert issue.rule == nc.list_error_codes()[issue.code][0]
        assert issue.hint
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again)) == (error.issues, str(error))
    return error


def third(value: Any, other: Any, dtype: Any = None) -> pd.Series:
    return pd.Series([other, other, value], dtype=dtype)


def test_what_is_good_is_good() -> None:
    assert len(nc.contract_schedule(contracts())) == len(nc.lease_schedule(leases())) == 36


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"contract_id": ["a", "c", "c"]}, "contract_id", "duplicate_id"),
        ({"start_date": third("2025-02-30", "2025-01-01")}, "start_date", "date_parse"),
        ({"end_date": third("9999-12-31", "2025-12-31")}, "end_date", "date_range"),
        ({"end_date": third(None, "2025-12-31")}, "end_date", "null"),
        ({"end_date": third("2024-12-31", "2025-12-31")}, "end_date", "date_order"),
        ({"hourly_price": third(np.inf, 2.0)}, "hourly_price", "nonfinite"),
        ({"hourly_price": third(-2.0, 2.0)}, "hourly_price", "range"),
        ({"hourly_price": third(None, 2.0)}, "hourly_price", "term_missing"),
        ({"monthly_fee": third(5.0, None)}, "monthly_fee", "term_conflict"),
        ({"hourly_price": None, "monthly_fee": third(-5.0, 5.0)}, "monthly_fee", "range"),
        ({"hourly_price": None, "total_value": third(0.001, 5.0)}, "total_value", "precision"),
        ({"gpus": third(None, 8.0)}, "gpus", "term_missing"),
        ({"gpus": third(0.5, 8.0)}, "gpus", "dtype"),
        ({"gpus": third(-8, 8)}, "gpus", "range"),
        ({"take_or_pay_rate": third(95.0, 0.95)}, "take_or_pay_rate", "rate_unit"),
        ({"take_or_pay_rate": third(-0.1, 0.95)}, "take_or_pay_rate", "range"),
        ({"prepayment_rate": third(20.0, 0.2)}, "prepayment_rate", "rate_unit"),
        ({"prepayment_rate": 0.2, "prepayment_amount": third(5.0, None)}, "prepayment_amount", "term_conflict"),
        ({"prepayment_amount": third(1e9, 5.0)}, "prepayment_amount", "prepayment"),
        ({"prepayment_rate": third(0.7, 0.2), "take_or_pay_rate": 0.6}, "prepayment_rate", "prepayment"),
        ({"prepayment_date": third("2025-02-01", None)}, "prepayment_date", "term_conflict"),
        ({"prepayment_rate": 0.2, "prepayment_date": third("2026-02-01", None)}, "prepayment_date", "date_order"),
        ({"opening_deferred_revenue": third(5.0, None)}, "opening_date", "term_missing"),
        ({"opening_deferred_revenue": third(1e9, None), "opening_date": "2025-03-31"}, "opening_deferred_revenue",
         "prepayment"),
        ({"prepayment_rate": 0.2, "opening_date": third("2025-03-31", None)}, "opening_date", "term_conflict"),
        ({"opening_date": third("2025-12-31", None)}, "opening_date", "date_order"),
        ({"renewal_months": third(1.5, 2.0)}, "renewal_months", "dtype"),
        ({"renewal_price_rate": third(80.0, 0.8)}, "renewal_price_rate", "rate_unit"),
        ({"spot_after": third(True, False)}, "gpu_model", "curve_missing"),
        ({"spot_after": third("maybe", "false")}, "spot_after", "dtype"),
        ({"spot_utilisation": third(65.0, 0.65)}, "spot_utilisation", "rate_unit"),
        ({"payment_days": third(-1, 30)}, "payment_days", "range"),
        ({"currency": third("$", "USD")}, "currency", "currency"),
    ],
)  # fmt: skip
def test_contracts(columns: dict[str, Any], column: str, code: str) -> None:
    data = contracts(**columns)
    error = refused(lambda: nc.contract_schedule(data, end="2026-12-31"), "contracts")
    (issue,) = error.issues
    assert (issue.column, issue.code, issue.rows[-1]) == (column, code, 2)
    assert issue.ids[-1] == data["contract_id"].iloc[2]


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"lease_id": ["a", "b", None]}, "lease_id", "null"),
        ({"lease_id": ["a", "c", "c"]}, "lease_id", "duplicate_id"),
        ({"commencement_date": third("2025-13-01", "2025-01-01")}, "commencement_date", "date_parse"),
        ({"term_months": third(None, 12.0)}, "term_months", "null"),
        ({"term_months": third(0, 12)}, "term_months", "range"),
        ({"term_months": third(1.5, 12)}, "term_months", "dtype"),
        ({"payment": third(-1.0, 100.0)}, "payment", "range"),
        ({"payment": third(None, 100.0)}, "payment", "term_missing"),
        ({"payment_timing": third("start", "advance")}, "payment_timing", "choice"),
        ({"kind": third("capital", "finance")}, "kind", "choice"),
        ({"escalation_rate": third(3.0, 0.03)}, "escalation_rate", "rate_unit"),
        ({"discount_rate": third(12.0, 0.12)}, "discount_rate", "rate_unit"),
        ({"discount_rate": third(None, 0.12)}, "discount_rate", "term_missing"),
        ({"incentives": third(5000.0, 0.0)}, "incentives", "range"),
        ({"opening_liability": third(500.0, None)}, "opening_date", "term_missing"),
        ({"opening_right_of_use": third(500.0, None)}, "opening_date", "term_missing"),
        ({"opening_date": third("2025-03-31", None), "discount_rate": third(None, 0.1)}, "opening_liability",
         "term_missing"),
        ({"opening_date": third("2025-03-31", None), "opening_liability": 500.0}, "discount_rate", "term_conflict"),
        ({"opening_date": third("2025-12-31", None), "opening_liability": third(500.0, None),
          "discount_rate": third(None, 0.1)}, "opening_date", "date_order"),
        ({"opening_date": third("2024-12-31", None), "opening_liability": third(500.0, None),
          "discount_rate": third(None, 0.1)}, "opening_date", "date_order"),
        ({"opening_date": third("2025-03-31", None), "opening_liability": third(900.01, None),
          "discount_rate": third(None, 0.1)}, "opening_liability", "no_root"),
        ({"opening_date": third("2025-03-31", None), "opening_liability": third(800.0, None),
          "discount_rate": third(None, 0.1), "prepaid": third(5.0, 5.0)}, "prepaid", "term_conflict"),
        ({"currency": third("usd", "USD")}, "currency", "currency"),
    ],
)  # fmt: skip
def test_leases(columns: dict[str, Any], column: str, code: str) -> None:
    error = refused(lambda: nc.lease_schedule(leases(**columns)), "leases")
    found = {(issue.column, issue.code): issue for issue in error.issues}
    assert (column, code) in found
    assert 2 in found[column, code].rows


@pytest.mark.parametrize("name", ["Hourly Price", "hourly_price ", "HOURLY_PRICE"])
def test_columns_that_only_look_like_one(name: str) -> None:
    error = refused(
        lambda: nc.contract_schedule(contracts().rename(columns={"hourly_price": name})), "contracts"
    )
    assert f"rename {name!r}" in error.issues[0].hint


def test_columns_that_are_not_there() -> None:
    for name in ("contract_id", "start_date", "end_date", "hourly_price"):
        error = refused(lambda name=name: nc.contract_schedule(contracts().drop(columns=name)), "contracts")
        assert (error.issues[0].column, error.code) == (name, "missing_column")
    for name in ("lease_id", "commencement_date", "term_months"):
        error = refused(lambda name=name: nc.lease_schedule(leases().drop(columns=name)), "leases")
        assert (error.issues[0].column, error.code) == (name, "missing_column")
    refused(lambda: nc.contract_schedule(contracts(), by=["site"]), "contracts")


PRICES = {"gpu_model": ["H100"], "date": ["2025-01-01"], "hourly_price": [1.0]}
USE = {"contract_id": ["a"], "date": ["2025-01-01"], "utilisation": [0.5]}
PAYMENTS = {"lease_id": ["a", "b", "c"], "date": ["2025-01-01"] * 3, "amount": [5.0] * 3}


@pytest.mark.parametrize(
    ("frame", "columns", "column", "code"),
    [
        ("prices", {"hourly_price": [-1.0]}, "prices.hourly_price", "range"),
        ("prices", {"gpu_model": [None]}, "prices.gpu_model", "null"),
        ("prices", {"gpu_model": ["h100"]}, "gpu_model", "curve_missing"),
        ("prices", {"date": ["2026-06-01"]}, "gpu_model", "curve_range"),
        ("prices", {key: value * 2 for key, value in PRICES.items()}, "prices.date", "curve_duplicate"),
        ("utilisation", {"utilisation": [50.0]}, "utilisation.utilisation", "rate_unit"),
        ("utilisation", {"contract_id": ["q"]}, "utilisation.contract_id", "unknown_id"),
        ("utilisation", {"gpu_model": ["H100"]}, "utilisation.gpu_model", "term_conflict"),
        ("payments", {"lease_id": ["a", "b", "q"]}, "payments.lease_id", "unknown_id"),
        ("payments", {"date": ["2025-01-01", "2025-01-01", "2026-01-01"]}, "payments.date", "date_order"),
        ("payments", {"amount": [5.0, 5.0, -5.0]}, "payments.amount", "range"),
        ("payments", {"amount": [5.0, 5.0, None]}, "payments.amount", "null"),
    ],
)
def test_frames_beside(frame: str, columns: dict[str, Any], column: str, code: str) -> None:
    def call() -> object:
        if frame == "payments":
            return nc.lease_schedule(leases(payment=None), payments=pd.DataFrame({**PAYMENTS, **columns}))
        beside = {"prices": PRICES, "utilisation": USE}
        beside[frame] = {**beside[frame], **columns}
        frames = {name: pd.DataFrame(values) for name, values in beside.items()}
        return nc.contract_schedule(contracts(spot_after=True), end="2026-12-31", **frames)

    error = refused(call, "leases" if frame == "payments" else "contracts")
    assert (column, code) in {(issue.column, issue.code) for issue in error.issues}


def test_a_contract_without_an_id() -> None:
    (issue,) = refused(
        lambda: nc.contract_schedule(contracts(contract_id=["a", "b", None])), "contracts"
    ).issues
    assert (issue.column, issue.code, issue.rows) == ("contract_id", "null", (2,))


def test_all_problems_at_once() -> None:
    data = contracts(end_date="2024-01-01", take_or_pay_rate=95.0, payment_days=-1, currency="$")
    error = refused(lambda: nc.contract_schedule(data), "contracts")
    assert {issue.column for issue in error.issues} == {
        "end_date",
        "take_or_pay_rate",
        "payment_days",
        "currency",
    }


def test_currencies_are_not_added() -> None:
    data = contracts(currency=["USD", "USD", "EUR"])
    assert refused(lambda: nc.contract_schedule(data, by=[]), "contracts").code == "currency_mix"
    assert len(nc.contract_schedule(data, by=["currency"], freq="Y")) == 2


def test_amounts_beyond_64_bits() -> None:
    huge = contracts(hourly_price=1e9, gpus=10**9, end_date="2027-12-31")
    assert refused(lambda: nc.contract_schedule(huge), "contracts").code == "overflow"
    rents = leases(payment=2.0e13, escalation_rate=1.0, term_months=240)
    assert refused(lambda: nc.lease_schedule(rents), "leases").code == "overflow"


def test_arguments_that_mean_nothing() -> None:
    for options in (
        {"freq": "W"},
        {"start": "2026-01-01", "end": "2025-01-01"},
        {"by": "customer"},
        {"by": ["revenue"]},
    ):
        with pytest.raises(nc.ConfigError):
            nc.contract_schedule(contracts(), **options)
    with pytest.raises(nc.ConfigError, match="needs end="):
        nc.contract_schedule(contracts(spot_after=True), prices=pd.DataFrame(PRICES))
    with pytest.raises(nc.ConfigError, match="compounding"):
        nc.lease_schedule(leases(), compounding="daily")
    with pytest.raises(TypeError, match="rounding"):
        nc.contract_schedule(contracts(), rounding="level")
