"""Loans of equal periods, computed side by side, against the engine and the oracle, cell by cell."""

from __future__ import annotations

import datetime as dt
import os
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import loan_books
import neocalc as nc
from neocalc import _core
from neocalc._loan_options import MONEY_COLUMNS, make_loan_options
from neocalc._loans import LoanColumns
from oracles.loans import Loan, Terms
from test_amortize import compare

DEEP = bool(os.environ.get("NEOCALC_DEEP"))
# 6 % a year is 1/200 a month, 12 % 1/100, 24 % 1/50: half cents, often.
RATES = (0.06, 0.12, 0.24, 0.0, 1e-12, 0.05, 0.0795, 0.18, 0.5, 1.0)


def book(seed: int, n: int) -> pd.DataFrame:
    """Loans that the lanes may take, and among them some that they may not."""
    rng = np.random.default_rng(seed)
    principal = np.round(10 ** rng.uniform(0, 11, n)).astype(np.int64)
    principal = np.where(rng.random(n) < 0.3, principal // 100 * 100 + 100, principal)
    term = rng.integers(1, 101, n)
    step = rng.choice([1, 1, 1, 3, 12], n)
    names = {1: "monthly", 3: "quarterly", 12: "annual"}
    spread = np.where(rng.random(n) < 0.2, rng.integers(1, 241, n), term * step).astype(np.float64)
    profile = rng.choice(["level_payment", "level_payment", "level_principal", "bullet"], n)
    spread[profile == "bullet"] = np.nan
    rate = np.where(rng.random(n) < 0.5, rng.choice(RATES, n), rng.integers(1, 3_000, n) / 10_000)
    return pd.DataFrame(
        {
            "loan_id": np.arange(n),
            "principal": principal,
            "start_date": (np.datetime64("2015-01-01") + rng.integers(0, 2_000, n)).astype("M8[us]"),
            "term_months": term * step,
            "annual_rate": rate,
            "frequency": [names[int(months)] for months in step],
            "profile": profile,
            "amortization_months": spread,
            "day_count": rng.choice(
                ["30/360", "30/360", "30E/360", "30/360 US", "30E/360 ISDA", "ACT/360"], n
            ),
            "end_of_month": rng.random(n) < 0.1,
            "lender": rng.choice(["north", "south"], n),
        }
    )


def by_engine(frame: pd.DataFrame, term: str = "annual_rate") -> pd.DataFrame:
    """A rate step to what is in force anyway: it changes nothing, but a book with steps takes no lanes."""
    first = frame.head(1)
    return pd.DataFrame({"loan_id": first["loan_id"], "date": first["start_date"], term: first[term]})


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_are_those_of_the_engine(seed: int) -> None:
    frame = book(seed, 100_000 if DEEP else 4_000)
    lanes = nc.amortize(frame, amounts="minor")
    engine = nc.amortize(frame, amounts="minor", rate_steps=by_engine(frame))
    pd.testing.assert_frame_equal(lanes, engine)
    cut = nc.amortize(frame, amounts="minor", start="2018-02-10", end="2019-11-30", freq="Q")
    days = engine["payment_date"].between("2018-01-01", "2019-12-31")
    pd.testing.assert_frame_equal(cut, engine[days].reset_index(drop=True))
    shown = ["accrual_start", "annual_rate", "draw_number", "proceeds", "fee", "opening_balance"]
    wanted = nc.amortize(frame.head(500), columns=shown, rate_steps=by_engine(frame))
    pd.testing.assert_frame_equal(nc.amortize(frame.head(500), columns=shown), wanted)


@pytest.mark.parametrize("keys", [[], ["lender"], ["loan_id"]])
def test_totals_are_those_of_the_engine(keys: list[str]) -> None:
    frame = book(3, 100_000 if DEEP and keys != ["loan_id"] else 3_000)
    for more in ({}, {"start": "2018-02-10"}, {"freq": "Y", "end": "2020-03-01"}):
        lanes = nc.amortize(frame, by=keys, amounts="minor", **more)
        engine = nc.amortize(frame, by=keys, amounts="minor", rate_steps=by_engine(frame), **more)
        pd.testing.assert_frame_equal(lanes, engine)


def floating_book(seed: int, n: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Loans at an index fixed on odd days that also stands still, some with collars, some at fixed rates; its fixings."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2014-12-15") + np.cumsum(rng.integers(5, 40, 1_200))
    values = np.round(0.03 + 0.02 * np.sin(np.arange(1_200) // 3 / 7.0), 4)
    fixings = pd.DataFrame({"index": "SOFR", "date": days.astype("M8[us]"), "value": values})
    frame = book(seed, n)
    fixed = rng.random(n) < 0.2
    fixed[0] = False
    some = lambda value: np.where(~fixed & (rng.random(n) < 0.2), value, np.nan)  # noqa: E731
    return frame.assign(
        index=pd.Series(np.where(fixed, None, "SOFR"), dtype=object),
        annual_rate=np.where(fixed, frame["annual_rate"], np.nan),
        margin_rate=np.where(fixed, np.nan, rng.integers(-100, 900, n) / 10_000),
        index_floor_rate=some(0.02),
        rate_cap=some(0.09),
        rate_floor=some(0.03),
    ), fixings


def test_floating_rows_are_those_of_the_engine() -> None:
    frame, fixings = floating_book(7, 50_000 if DEEP else 2_500)
    shown = [*MONEY_COLUMNS, "annual_rate", "accrual_start"]
    given = {"rates": fixings, "extrapolate": "flat", "columns": shown}
    lanes = nc.amortize(frame, amounts="minor", **given)
    engine = nc.amortize(frame, amounts="minor", rate_steps=by_engine(frame, "margin_rate"), **given)
    pd.testing.assert_frame_equal(lanes, engine)
    assert frame["annual_rate"].isna().sum() > len(frame) / 2
    totals = nc.amortize(frame, by=["lender"], amounts="minor", rates=fixings, extrapolate="flat")
    wanted = nc.amortize(
        frame,
        by=["lender"],
        amounts="minor",
        rate_steps=by_engine(frame, "margin_rate"),
        rates=fixings,
        extrapolate="flat",
    )
    pd.testing.assert_frame_equal(totals, wanted)
    major = frame.assign(principal=frame["principal"] / 100)
    mine = nc.amortize(major, rounding=None, **given)
    theirs = nc.amortize(major, rounding=None, rate_steps=by_engine(major, "margin_rate"), **given)
    lent = major.set_index("loan_id")["principal"].reindex(theirs["loan_id"]).to_numpy()
    for name in MONEY_COLUMNS:
        assert (np.abs(mine[name] - theirs[name]) <= 1e-11 * lent + 1e-12).all(), name


def test_unrounded_sums_are_those_of_the_engine() -> None:
    frame = book(4, 3_000).assign(principal=lambda loans: loans["principal"] / 100)
    # What the engine rounds off a payment has grown as a debt does by the end, which the closed form has not.
    months = frame["frequency"].map({"monthly": 1, "quarterly": 3, "annual": 12})
    growth = (1 + frame["annual_rate"] * months / 12) ** (frame["term_months"] / months)
    frame = frame[(frame["annual_rate"] <= 0.3) & (growth < 1e3)].reset_index(drop=True)
    for keys in ([], ["lender"]):
        lanes = nc.amortize(frame, by=keys, rounding=None)
        engine = nc.amortize(frame, by=keys, rounding=None, rate_steps=by_engine(frame))
        size = frame["principal"].sum()
        for name in MONEY_COLUMNS:
            assert np.abs(lanes[name] - engine[name]).max() <= 1e-12 * size, name
    mine = nc.amortize(frame, rounding=None)
    engine = nc.amortize(frame, rounding=None, rate_steps=by_engine(frame))
    lent = frame.set_index("loan_id")["principal"].reindex(engine["loan_id"]).to_numpy()
    for name in MONEY_COLUMNS:
        assert (np.abs(mine[name] - engine[name]) <= 1e-11 * lent + 1e-12).all(), name


@given(
    principal=st.integers(1, 10**9),
    rate=st.sampled_from(RATES) | st.integers(0, 10_000).map(lambda parts: parts / 10_000),
    term=st.integers(1, 40),
    more=st.integers(0, 30),
    profile=st.sampled_from(["level_payment", "level_principal", "bullet"]),
    day=st.integers(1, 31),
)
def test_loans_are_those_of_the_oracle(
    principal: int, rate: float, term: int, more: int, profile: str, day: int
) -> None:
    start = dt.date(2023, 1, day)
    months = start.month - 1 + term
    # The 31st of a short month is its last day.
    year, month = start.year + months // 12, months % 12 + 1
    last = ((dt.date(year + month // 12, month % 12 + 1, 1)) - dt.timedelta(days=1)).day
    loan = Loan(
        principal=principal,
        start=start,
        maturity=dt.date(year, month, min(day, last)),
        rate=Fraction(round(rate * 10**12), 10**12),
        profile=profile,
        amortization_months=None if profile == "bullet" else term + more,
    )
    compare([loan], Terms())


def test_the_oracle_sees_books_of_equal_loans() -> None:
    random = Random(5)
    loans = []
    while len(loans) < (20_000 if DEEP else 600):
        loan = loan_books.random_loan(random, longest=12)
        if loan.profile in ("level_payment", "level_principal", "bullet"):
            loans.append(loan)
    assert compare(loans, Terms()) > 1_000


@pytest.mark.parametrize("rounding", ["payment", None])
def test_any_threads_chunks_and_order_give_the_same(rounding: str | None) -> None:
    frame = book(6, 9_000)
    if rounding is None:
        frame["principal"] = frame["principal"] / 100
    columns = ["interest", "principal", "closing_balance"]
    found = nc.amortize(frame, by=["lender"], columns=columns, rounding=rounding, threads=1)
    again = nc.amortize(frame, by=["lender"], columns=columns, rounding=rounding, threads=3)
    pd.testing.assert_frame_equal(found, again)
    if rounding == "payment":
        turned = nc.amortize(frame[::-1], by=["lender"], columns=columns).sort_values(
            ["lender", "period_end"]
        )
        pd.testing.assert_frame_equal(turned.reset_index(drop=True), found)
    options = make_loan_options("amortize", {"rounding": rounding, "columns": tuple(columns)})
    data = LoanColumns(frame, options, index_is_id=False)
    codes = np.zeros(len(frame), dtype=np.int32)
    cells: set[bytes] = set()
    for chunk_rows in (1, 7, 333, 8_192):
        kept: dict[str, Any] = {"rounded": rounding is not None, "chunk_rows": chunk_rows, "threads": 2}
        settings = _core.LoanSettings(**kept)
        totals = _core.loan_totals(data.core(), settings, codes, 1, columns)
        cells.add(b"".join(np.asarray(totals.cells([name])[0]).tobytes() for name in columns))
    assert len(cells) == 1
