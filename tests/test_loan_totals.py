"""Totals of loan books against the rows they stand for; the same bytes for any threads, chunks and order."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import loan_books
import neocalc as nc
from neocalc import _core
from neocalc._loan_options import MONEY_COLUMNS
from oracles.loans import Loan

FLOWS = ("draw", "interest", "pik", "principal", "prepayment", "fee", "payment")


def book(seed: int, n: int, **columns: Any) -> tuple[pd.DataFrame, dict[str, Any], list[Loan]]:
    """Sound loans with a lender, the frames beside them, and the options that they need."""
    random = Random(seed)
    terms = loan_books.random_terms(random)
    loans = [loan_books.random_loan(random, longest=30) for _ in range(2 * n)]
    codes = loan_books.expected(loans, terms)[1]
    loans = [loan for loan, code in zip(loans, codes, strict=True) if code is None][:n]
    frame = loan_books.frame(loans)
    frame["lender"] = np.array([random.choice(("north", "south", "west")) for _ in loans], dtype=object)
    frame["rated"] = [random.choice(("A", None)) for _ in loans]
    return frame.assign(**columns), {**loan_books.options(terms), **loan_books.beside(loans)}, loans


def by_hand(rows: pd.DataFrame, keys: list[str], freq: str, year_end: int) -> dict[Any, dict[str, int]]:
    """Flows of the rows, summed by key and period."""
    month = rows["payment_date"].dt.to_period("M")
    length = {"M": 1, "Q": 3, "Y": 12}[freq]
    number = month.dt.year * 12 + month.dt.month - 1
    ends = number + (-(number + 1 - year_end)) % length if length > 1 else number
    out: dict[Any, dict[str, int]] = {}
    flows = {name: rows[name].tolist() for name in FLOWS}
    labels = [[None if pd.isna(value) else value for value in rows[name]] for name in keys]
    for at, key in enumerate(zip(*labels, ends.tolist(), strict=True)):
        cell = out.setdefault(key, dict.fromkeys(FLOWS, 0))
        for name in FLOWS:
            cell[name] += flows[name][at]
    return out


@pytest.fixture(scope="module")
def whole_book() -> tuple[pd.DataFrame, dict[str, Any], pd.DataFrame]:
    """A book and its rows."""
    frame, given, _ = book(21, 250)
    rows = nc.amortize(frame, amounts="minor", keep_id_dtype=True, **given)
    return frame, given, rows.merge(frame[["loan_id", "lender", "rated"]], on="loan_id")


@pytest.mark.parametrize(("freq", "year_end"), [("M", 12), ("Q", 12), ("Q", 2), ("Y", 12), ("Y", 6)])
@pytest.mark.parametrize("keys", [["lender"], ["lender", "rated"], []])
def test_totals_are_the_sums_of_rows(
    whole_book: tuple[pd.DataFrame, dict[str, Any], pd.DataFrame], keys: list[str], freq: str, year_end: int
) -> None:
    frame, given, rows = whole_book
    totals = nc.amortize(frame, by=keys, freq=freq, fiscal_year_end=year_end, amounts="minor", **given)
    wanted = by_hand(rows, keys, freq, year_end)
    end = totals["period_end"].dt.year * 12 + totals["period_end"].dt.month - 1
    balance: dict[Any, int] = {}
    for row, month in zip(totals.to_dict("records"), end.tolist(), strict=True):
        key = tuple(None if pd.isna(row[name]) else row[name] for name in keys)
        cell = wanted.pop((*key, month), dict.fromkeys(FLOWS, 0))
        assert {name: row[name] for name in FLOWS} == cell
        opening = balance.get(key, 0)
        balance[key] = opening + cell["draw"] + cell["pik"] - cell["principal"] - cell["prepayment"]
        assert (row["opening_balance"], row["closing_balance"]) == (opening, balance[key])
    assert not wanted
    assert set(balance.values()) == {0}


def test_a_horizon_cuts_and_keeps_balances() -> None:
    frame, given, _ = book(22, 120)
    rows = nc.amortize(frame, amounts="minor", keep_id_dtype=True, **given)
    inside = rows[rows["payment_date"].between("2010-01-01", "2014-12-31")].reset_index(drop=True)
    cut = nc.amortize(
        frame, amounts="minor", keep_id_dtype=True, start="2010-03-05", end="2014-02-01", freq="Y", **given
    )
    pd.testing.assert_frame_equal(cut, inside)
    whole = nc.amortize(frame, by=[], freq="Y", amounts="minor", **given)
    part = nc.amortize(frame, by=[], freq="Y", amounts="minor", start="2010-03-05", end="2014-02-01", **given)
    assert part["period_end"].dt.year.tolist() == [2010, 2011, 2012, 2013, 2014]
    wanted = whole[whole["period_end"].dt.year.between(2010, 2014)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, wanted)
    far = nc.amortize(frame, by=[], freq="Y", start="2150-01-01", end="2151-12-31", **given)
    assert far[list(FLOWS)].to_numpy().sum() == 0
    assert len(far) == 2


def test_columns_are_those_asked_for_in_that_order() -> None:
    frame, given, _ = book(23, 20)
    names = ["annual_rate", "closing_balance", "accrual_start", "interest", "hedge"]
    rows = nc.amortize(frame, columns=names, **given)
    assert list(rows) == ["loan_id", "payment_number", "payment_date", *names]
    plain = nc.amortize(frame, **given)
    pd.testing.assert_series_equal(rows["interest"], plain["interest"])
    totals = nc.amortize(frame, by=["lender"], columns=names, **given)
    assert list(totals) == ["lender", "period_end", "closing_balance", "interest", "hedge"]
    # A row settles from the day up to which the one before did, and shows the rate that it was computed at.
    one = rows[rows["loan_id"] == 0]
    assert (one["accrual_start"].iloc[1:] <= one["payment_date"].iloc[1:]).all()


def test_amounts_come_in_every_kind() -> None:
    frame, given, _ = book(24, 60)
    minor = nc.amortize(frame, amounts="minor", **given)
    major_frame = frame.copy()
    for name in ("principal", "payment", "balance_cap"):
        major_frame[name] = [None if pd.isna(v) else Decimal(int(v)).scaleb(-2) for v in frame[name]]
    schedule = given["principal_schedule"].copy()
    schedule["principal"] = [
        None if pd.isna(v) else Decimal(int(v)).scaleb(-2) for v in schedule["principal"]
    ]
    given["principal_schedule"] = schedule
    decimal = nc.amortize(major_frame, amounts="decimal", **given)
    major = nc.amortize(major_frame, **given)
    for name in MONEY_COLUMNS:
        assert [int(v.scaleb(2)) for v in decimal[name]] == minor[name].tolist()
        assert (major[name].to_numpy() == minor[name].to_numpy() / 100).all()
    totals = nc.amortize(major_frame, by=[], freq="Y", amounts="decimal", **given)
    assert sum(totals["principal"]) == sum(decimal["principal"])


# --- the same, however it is computed -------------------------------------------------------------------------


def digest(plan: Any) -> str:
    n = plan.n_rows
    arrays: dict[str, Any] = {
        "position": np.empty(n, np.int32),
        "payment_number": np.empty(n, np.int64),
        "payment_date": np.empty(n, np.int32),
        "accrual_start": np.empty(n, np.int32),
        "annual_rate": np.empty(n, np.float64),
    }
    money = {name: np.empty(n, np.int64) for name in MONEY_COLUMNS}
    plan.fill(**arrays, money=money)
    parts = [np.asarray(plan.counts), *arrays.values(), *money.values()]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_threads_and_chunks_change_no_byte() -> None:
    from neocalc._loan_options import make_loan_options
    from neocalc._loans import LoanColumns

    frame, given, _ = book(25, 700)
    tables = {name: given.pop(name) for name in ("rate_steps", "principal_schedule", "payment_holidays")}
    options = make_loan_options("amortize", {**given, "amounts": "minor"})
    data = LoanColumns(frame, options, index_is_id=True, **tables)
    found, sums = set(), set()
    holidays = np.array([day.astype("M8[D]").astype(int) for day in given["holidays"]], dtype=np.int32)
    for threads in (1, 2, 7):
        for chunk_rows in (1, 7, 256, 100_000):
            settings = _core.LoanSettings(
                accrual=given["accrual"],
                nominal=given["payment_basis"] == "nominal",
                holidays=holidays,
                allow_negative_amortization=given["allow_negative_amortization"],
                allow_high_rate=True,
                threads=threads,
                chunk_rows=chunk_rows,
            )
            found.add(digest(_core.plan_loan_rows(data.core(), settings)))
            codes = np.arange(len(frame), dtype=np.int32) % 5
            totals = _core.loan_totals(data.core(), settings, codes, 5, list(MONEY_COLUMNS), "minor")
            sums.add(loan_books.digest_of_totals(totals))
    assert len(found) == len(sums) == 1


def plain_book(n: int) -> pd.DataFrame:
    """Loans that nothing but principal (in cents), rate, start and term make: many start in one month, some on a 31st."""
    rng = np.random.default_rng(28)
    start = np.datetime64("2024-01", "M") + rng.integers(0, 4, n) * rng.integers(0, 9, n)
    day = np.where(rng.random(n) < 0.05, 30, rng.integers(0, 28, n))
    return pd.DataFrame(
        {
            "loan_id": np.arange(n),
            "principal": rng.choice([100, 300, 25_000, 12_345_678, 2**40], n) * rng.integers(1, 9, n),
            "start_date": (start.astype("M8[D]") + day).astype("M8[us]"),
            "term_months": rng.integers(1, 130, n),
            "annual_rate": rng.choice([0.0, 0.06, 0.12, 0.0725, 1e-12, 0.999], n),
            "site": rng.integers(0, 3, n),
            "asset": rng.integers(0, n // 3, n),
        }
    )


@pytest.mark.parametrize("keys", [[], ["site"], ["asset"]])
def test_plain_books_add_up_to_their_rows(keys: list[str]) -> None:
    frame = plain_book(3_000)
    rows = nc.amortize(frame, amounts="minor").merge(frame[["loan_id", *keys]], on="loan_id")
    totals = nc.amortize(frame, by=keys, amounts="minor")
    wanted = by_hand(rows, keys, "M", 12)
    end = totals["period_end"].dt.year * 12 + totals["period_end"].dt.month - 1
    columns = [totals[name].tolist() for name in (*keys, *FLOWS)]
    for month, *cells in zip(end.tolist(), *columns, strict=True):
        cell = wanted.pop((*cells[: len(keys)], month), dict.fromkeys(FLOWS, 0))
        assert dict(zip(FLOWS, cells[len(keys) :], strict=True)) == cell
    assert not wanted
    major = frame.assign(principal=frame["principal"] / 100)
    exact = nc.amortize(major, by=keys, rounding=None)
    loose = nc.amortize(major, rounding=None).merge(frame[["loan_id", *keys]], on="loan_id")
    loose["month"] = loose["payment_date"].dt.to_period("M")
    exact["month"] = exact["period_end"].dt.to_period("M")
    off = loose.groupby([*keys, "month"])[list(FLOWS)].sum() - exact.set_index([*keys, "month"])[list(FLOWS)]
    assert np.nanmax(off.abs().to_numpy()) <= 1e-11 * totals["draw"].max() / 100


def test_threads_and_chunks_change_no_byte_of_unrounded_totals() -> None:
    frame = plain_book(30_000).assign(principal=lambda book: book["principal"] / 100)
    codes = frame["site"].to_numpy(np.int32)
    assert len(loan_books.digests_of_unrounded_totals(frame, codes, 3)) == 1


def test_the_order_of_rows_changes_only_the_order() -> None:  # I37
    frame, given, _ = book(26, 300)
    rows = nc.amortize(frame, amounts="minor", keep_id_dtype=True, **given)
    order = np.random.default_rng(7).permutation(len(frame))
    shuffled = nc.amortize(frame.iloc[order], amounts="minor", keep_id_dtype=True, **given)
    back = shuffled.sort_values("loan_id", kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(back, rows)
    lent = frame.iloc[order].query("principal > 0")  # the others have no rows
    assert shuffled["loan_id"].drop_duplicates().tolist() == lent["loan_id"].tolist()
    by = {"by": ["lender"], "freq": "Q", "amounts": "minor"}
    pd.testing.assert_frame_equal(
        nc.amortize(frame.iloc[order], **by, **given), nc.amortize(frame, **by, **given)
    )


def test_frames_come_back_as_they_came() -> None:
    frame, given, _ = book(27, 60)
    tables = ("rate_steps", "principal_schedule", "payment_holidays")
    named = frame.assign(loan_id=[f"L{n:03d}" for n in frame["loan_id"]])
    for name in tables:
        given[name] = given[name].assign(loan_id=[f"L{n:03d}" for n in given[name]["loan_id"]])
    rows = nc.amortize(named, amounts="minor", **given)
    totals = nc.amortize(named, by=["lender"], freq="Y", amounts="minor", **given)
    assert isinstance(rows["loan_id"].dtype, pd.CategoricalDtype)
    for convert, kind in ((pl.from_pandas, pl.DataFrame), (pa.Table.from_pandas, pa.Table)):
        beside = {**given, **{name: convert(given[name]) for name in tables}}
        own_rows = nc.amortize(convert(named), amounts="minor", **beside)
        own_totals = nc.amortize(convert(named), by=["lender"], freq="Y", amounts="minor", **beside)
        assert isinstance(own_rows, kind)
        assert isinstance(own_totals, kind)
        as_pandas = own_rows.to_pandas()
        assert as_pandas["loan_id"].astype(str).tolist() == rows["loan_id"].astype(str).tolist()
        for name in ("payment_number", *MONEY_COLUMNS):
            assert as_pandas[name].tolist() == rows[name].tolist()
        dates = pd.to_datetime(as_pandas["payment_date"])
        assert (dates.to_numpy().astype("M8[D]") == rows["payment_date"].to_numpy().astype("M8[D]")).all()
        for name in MONEY_COLUMNS:
            assert own_totals.to_pandas()[name].tolist() == totals[name].tolist()


def test_an_empty_book_has_the_columns_of_a_full_one() -> None:
    frame, given, _ = book(28, 5)
    rows, none = nc.amortize(frame, **given), nc.amortize(frame.iloc[:0])
    assert len(none) == 0
    assert list(none) == list(rows)
    assert none.dtypes.astype(str).tolist() == rows.dtypes.astype(str).tolist()
    assert len(nc.amortize(frame.iloc[:0], by=["lender"])) == 0
    assert len(nc.payment_amount(frame.iloc[:0])) == 0


@pytest.mark.parametrize("by", [["loan_id"], ["lender"], []])
def test_without_interest_there_is_none(by: list[str]) -> None:
    """Exactly 0.0 in unrounded totals too: no difference of payments and principal."""
    draw = np.random.default_rng(3)
    loans = pd.DataFrame(
        {"loan_id": np.arange(500), "lender": np.arange(500) % 3, "principal": draw.uniform(1e3, 1e7, 500).round(2),
         "start_date": "2024-01-15", "term_months": draw.integers(3, 120, 500), "annual_rate": 0.0,
         "profile": draw.choice(["level_payment", "level_principal", "bullet"], 500)}
    )  # fmt: skip
    for freq in ("M", "Y"):
        totals = nc.amortize(loans, by=by, freq=freq, rounding=None)
        assert (totals["interest"] == 0.0).all()
        assert totals["principal"].sum() == pytest.approx(loans["principal"].sum(), rel=1e-12)
