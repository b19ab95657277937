"""Laws that every schedule obeys (I22 to I31 of the reliability catalogue, as far as they concern a plain loan)."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, example, given
from hypothesis import strategies as st

import loan_books
import neocalc as nc
from oracles.calendar import shift
from oracles.loans import Engine, Loan, Terms, amortize
from test_amortize import check_laws

RATES = st.one_of(
    st.sampled_from([0.0, 1e-12, 0.0005, 0.05, 0.11, 0.125, 1.0]),
    st.integers(0, 400_000).map(lambda n: n / 1e6),
)
PRINCIPALS = st.one_of(st.integers(1, 500), st.integers(1, 10**12), st.sampled_from([1, 99, 100_000, 2**50]))
DAYS = st.dates(dt.date(2001, 1, 1), dt.date(2035, 12, 31))


def rows_of(**columns: Any) -> pd.DataFrame:
    """The rows of monthly loans in minor units; columns of one value or one for each loan."""
    options = {
        name: columns.pop(name) for name in ("rounding", "rate_steps", "payment_basis") if name in columns
    }
    data = {"start_date": "2024-01-01", "annual_rate": 0.05, "term_months": 12, **columns}
    n = max(len(value) if isinstance(value, (list, np.ndarray)) else 1 for value in data.values())
    book = pd.DataFrame({"loan_id": np.arange(n), **data})
    amounts = "major" if options.get("rounding", "payment") is None else "minor"
    return nc.amortize(book, amounts=amounts, allow_long_term=True, **options)


def slack(rate: Fraction, n: int) -> Fraction:
    """I24: how far roundings of half a unit may carry a balance over n periods."""
    r = 1 + rate / 12
    return (r**n - 1) / (r - 1) if rate else Fraction(n)


@given(st.integers(0, 2**32 - 1))
def test_every_row_rolls_forward_and_nothing_is_left(seed: int) -> None:  # I22, I23
    random = Random(seed)
    terms = loan_books.random_terms(random)
    loans = [loan_books.random_loan(random, longest=24) for _ in range(5)]
    given = {**loan_books.options(terms), **loan_books.beside(loans)}
    rows = nc.amortize(loan_books.frame(loans), amounts="minor", on_error="skip", keep_id_dtype=True, **given)
    check_laws(rows)
    lent = rows.groupby("loan_id")[["draw", "pik", "principal"]].sum()
    assert (lent["draw"] + lent["pik"] == lent["principal"]).all()


@given(PRINCIPALS, RATES, st.integers(1, 360))
@example(1, 0.05, 360)
@example(99, 0.11, 360)
@example(2**50, 1.0, 360)
def test_the_last_payment_is_near_the_level_one(principal: int, rate: float, n: int) -> None:  # I24
    rows = rows_of(principal=principal, annual_rate=rate, term_months=n)
    payments = rows["payment"].iloc[1:]
    assert len(payments) <= n
    if len(payments) == n and n > 1:
        exact = Fraction(round(rate * 10**12), 10**12)
        assert abs(int(payments.iloc[-1]) - int(payments.iloc[0])) <= slack(exact, n)
    # All but the last are level: on 30/360 no month is longer than another.
    assert payments.iloc[:-1].nunique() <= 1


@given(PRINCIPALS, st.integers(1, 360))
@example(1, 360)
@example(2, 4)
def test_without_interest_it_is_principal_over_payments(principal: int, n: int) -> None:  # I25
    rows = rows_of(principal=principal, annual_rate=0.0, term_months=n)
    level = round(Fraction(principal, n))
    payments = rows["payment"].iloc[1:].tolist()
    assert all(payment == level for payment in payments[:-1])
    assert sum(payments) == principal
    assert len(payments) <= n
    assert rows["interest"].eq(0).all()


@given(PRINCIPALS, st.lists(RATES, min_size=2, max_size=8), st.integers(1, 120))
def test_payments_lie_between_their_bounds_and_rise_with_the_rate(
    principal: int, rates: list[float], n: int
) -> None:  # I25, I26
    rates = sorted(rates)
    book = pd.DataFrame(
        {"principal": principal, "start_date": "2024-01-01", "term_months": n, "annual_rate": rates}
    )
    amounts = [int(v) for v in nc.payment_amount(book, amounts="minor")["payment"]]
    assert amounts == sorted(amounts)
    for amount, rate in zip(amounts, rates, strict=True):
        exact = Fraction(round(rate * 10**12), 10**12)
        least, most = Fraction(principal, n), Fraction(principal, n) + principal * exact / 12
        assert round(least) <= amount <= round(most)


@given(PRINCIPALS, RATES, RATES, st.integers(2, 60))
def test_exact_balances_and_interest_rise_with_the_rate(
    principal: int, one: float, other: float, n: int
) -> None:  # I26
    low, high = sorted((one, other))
    rows = rows_of(principal=principal / 100, annual_rate=[low, high], term_months=n, rounding=None)
    assume(len(rows) == 2 * (n + 1))
    a, b = (rows[rows["loan_id"] == k] for k in (0, 1))
    dust = 1e-11 * principal
    assert (b["closing_balance"].to_numpy() >= a["closing_balance"].to_numpy() - dust).all()
    assert b["interest"].sum() >= a["interest"].sum() - dust


@given(PRINCIPALS, RATES, DAYS, st.sampled_from(loan_books.DAY_COUNTS), st.integers(1, 24))
def test_interest_is_the_exact_rational_rounded_once(
    principal: int, rate: float, start: dt.date, day_count: str, n: int
) -> None:  # I27
    exact = Fraction(round(rate * 10**12), 10**12)
    loan = Loan(principal, start, shift(start, n), exact, "bullet", "1M", day_count)
    engine = Engine(loan, Terms())
    rows = rows_of(
        principal=principal,
        annual_rate=rate,
        term_months=n,
        start_date=str(start),
        day_count=day_count,
        profile="bullet",
    ).iloc[1:]
    times = [engine.time(p.start, p.end, loan.maturity) for p in engine.periods]
    assert rows["interest"].tolist() == [round(principal * exact * time) for time in times]


@given(
    PRINCIPALS,
    RATES,
    DAYS,
    st.sampled_from(("ACT/360", "ACT/365F", "ACT/ACT ISDA")),
    st.integers(1, 12),
    st.data(),
)
def test_interest_adds_up_over_pieces_before_it_is_rounded(
    principal: int, rate: float, start: dt.date, day_count: str, n: int, data: st.DataObject
) -> None:  # I27
    """A rate that steps to itself cuts periods in two and changes nothing."""
    days = data.draw(st.lists(st.integers(1, 28 * n), min_size=1, max_size=5, unique=True))
    steps = pd.DataFrame(
        {
            "loan_id": 0,
            "date": pd.to_datetime([start + dt.timedelta(days=day) for day in days]),
            "annual_rate": rate,
        }
    )
    given_terms = {
        "principal": principal,
        "annual_rate": rate,
        "term_months": n,
        "start_date": str(start),
        "day_count": day_count,
    }
    pd.testing.assert_frame_equal(rows_of(**given_terms, rate_steps=steps), rows_of(**given_terms))


@given(PRINCIPALS, RATES, st.integers(1, 120))
def test_exact_payments_are_worth_the_principal(principal: int, rate: float, n: int) -> None:  # I28
    rows = rows_of(principal=principal / 100, annual_rate=rate, term_months=n, rounding=None)
    factor = 1 / (1 + Fraction(rate) / 12)
    value = sum(Fraction(p) * factor**k for k, p in enumerate(rows["payment"].iloc[1:], 1))
    assert abs(float(value) - principal / 100) <= 1e-11 * principal / 100


@given(PRINCIPALS, RATES, st.integers(2, 120), st.floats(0.0, 2.0))
def test_negative_amortization_only_with_leave_and_under_the_cap(
    principal: int, rate: float, n: int, share: float
) -> None:  # I30
    interest = round(principal * Fraction(round(rate * 10**12), 10**12) / 12)
    payment = max(1, int(interest * share))
    cap = principal + principal // 10
    book = pd.DataFrame(
        {
            "principal": principal,
            "start_date": "2024-01-01",
            "term_months": n,
            "annual_rate": rate,
            "payment": payment,
            "balance_cap": cap,
        },
        index=[0],
    )
    allowed = nc.amortize(book, amounts="minor", allow_negative_amortization=True)
    assert allowed["closing_balance"].max() <= cap
    assert (allowed["principal"] >= 0).all()
    assert (allowed["pik"] >= 0).all()
    if payment < interest:
        try:
            nc.amortize(book, amounts="minor")
        except nc.InputError as error:
            assert error.code == "negative_amortization"
        else:
            raise AssertionError("unpaid interest went unnoticed")


@given(PRINCIPALS, RATES, DAYS, st.integers(1, 400), st.sampled_from(loan_books.DAY_COUNTS))
def test_no_row_is_negative(
    principal: int, rate: float, start: dt.date, n: int, day_count: str
) -> None:  # I30
    rows = rows_of(
        principal=principal, annual_rate=rate, term_months=n, start_date=str(start), day_count=day_count
    )
    assert (rows[["interest", "principal", "payment", "closing_balance"]] >= 0).all(axis=None)
    assert rows["principal"].sum() == principal


@given(PRINCIPALS, st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=5), DAYS, st.integers(3, 24))
def test_the_rate_in_force_is_the_last_one_stated(
    principal: int, rates: list[float], start: dt.date, n: int
) -> None:  # I31
    rates = [round(rate, 12) for rate in rates]
    days = [shift(start, 2 * k) for k in range(1, len(rates) + 1)]
    steps = pd.DataFrame({"loan_id": 0, "date": pd.to_datetime(days), "annual_rate": rates})
    book = pd.DataFrame(
        {
            "principal": principal,
            "start_date": str(start),
            "term_months": n,
            "annual_rate": 0.01,
            "profile": "bullet",
        },
        index=[0],
    )
    columns = ["opening_balance", "interest", "annual_rate"]
    rows = nc.amortize(book, amounts="minor", columns=columns, rate_steps=steps).iloc[1:]
    for k, row in enumerate(rows.itertuples()):
        # The k-th period starts k months after the start; a rate counts from its day on.
        stated = [rate for rate, day in zip(rates, days, strict=True) if day <= shift(start, k)]
        rate = stated[-1] if stated else 0.01
        assert row.annual_rate == rate
        first, last = shift(start, k), shift(start, k + 1)
        months = Fraction(
            30 * ((last.year - first.year) * 12 + last.month - first.month) + _thirty(first, last),
            360,
        )
        assert row.interest == round(row.opening_balance * Fraction(round(rate * 10**12), 10**12) * months)


def _thirty(first: dt.date, last: dt.date) -> int:
    start = min(first.day, 30)
    return (30 if last.day == 31 and start == 30 else last.day) - start


def test_a_loan_is_the_same_alone_and_in_a_book() -> None:
    random = Random(9)
    loans = [loan_books.random_loan(random, longest=20) for _ in range(40)]
    terms = Terms(negative_allowed=True)
    for loan in loans[:20]:
        given = {**loan_books.options(terms), **loan_books.beside([loan])}
        rows = nc.amortize(loan_books.frame([loan]), amounts="minor", on_error="skip", **given)
        try:
            wanted = amortize(loan, terms)
        except Exception:  # noqa: BLE001 - refused: no rows
            wanted = []
        assert rows["closing_balance"].tolist() == [row.closing for row in wanted]
