"""Loans. W2a: a row for each payment. W2b: a portfolio ladder by month. W2f: floating rates. Delayed draws.

Peers are handed monthly rates, month numbers and counts ready made, and do not round; neocalc starts from a
frame with dates and annual rates, judges every value, rounds each payment to the cent, and ends in a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pandas as pd
import polars as pl
from harness import Peer

import neocalc as nc

FIRST_MONTH = np.datetime64("2020-01", "M")
STARTS, LONGEST = 60, 120
MONTHS = STARTS + LONGEST
COLUMNS = ["interest", "principal", "closing_balance"]
FIXINGS = np.rint((0.035 + 0.01 * np.sin(np.arange(MONTHS + 1) / 9.0)) * 1e6) / 1e6


@dataclass(frozen=True)
class Book:
    """Level-payment loans as a frame, and as the arrays that peers want."""

    frame: pd.DataFrame
    floating: pd.DataFrame
    principal: np.ndarray
    rate: np.ndarray  # of a year
    margin: np.ndarray
    count: np.ndarray
    start: np.ndarray  # months after FIRST_MONTH

    def __len__(self) -> int:
        return len(self.principal)


def make(loans: int) -> Book:
    """Generate loans of 5 to 10 years that begin within five years, at 4 % to 18 %, paid monthly."""
    rng = np.random.default_rng(12)
    principal = rng.integers(1_000_000, 500_000_000, loans) / 100
    rate = rng.integers(400, 1_801, loans) / 10_000
    margin = rng.integers(100, 901, loans) / 10_000
    count = rng.integers(60, LONGEST + 1, loans).astype(np.int32)
    start = rng.integers(0, STARTS, loans).astype(np.int32)
    frame = pd.DataFrame(
        {
            "loan_id": np.arange(loans),
            "principal": principal,
            "start_date": (FIRST_MONTH + start).astype("M8[D]").astype("M8[us]"),
            "term_months": count,
            "annual_rate": rate,
        }
    )
    floating = frame.drop(columns="annual_rate").assign(index="SOFR", margin_rate=margin)
    return Book(frame, floating, principal, rate, margin, count, start)


def curve() -> pd.DataFrame:
    """Return a fixing for each month."""
    days = (FIRST_MONTH + np.arange(MONTHS + 1)).astype("M8[D]").astype("M8[us]")
    return pd.DataFrame({"index": "SOFR", "date": days, "value": FIXINGS})


# --- The definition --------------------------------------------------------------------------------


def exact(book: Book, at: int, *, floating: bool = False) -> list[tuple[int, int, int]]:
    """Return interest, principal and balance of one loan in cents, by fractions, half to even."""
    balance, count = round(book.principal[at] * 100), int(book.count[at])
    rows, monthly, payment = [], None, 0
    for number in range(count):
        annual = book.rate[at]
        if floating:
            annual = FIXINGS[book.start[at] + number] + book.margin[at]
        now = Fraction(round(annual * 10**12), 12 * 10**12)
        if now != monthly:
            monthly, left = now, count - number
            payment = round(balance * monthly / (1 - 1 / (1 + monthly) ** left))
        interest = round(balance * monthly)
        principal = balance if number == count - 1 else payment - interest
        balance -= principal
        rows.append((interest, principal, balance))
    return rows


def cents(values: Any) -> np.ndarray:
    """Return whole cents of a column."""
    return np.rint(np.asarray(values) * 100).astype(np.int64)


# --- W2b: totals -----------------------------------------------------------------------------------


def ladder(book: Book, rounding: str | None = "payment") -> Any:
    """Frame in, frame out, over the months that peers are told too."""
    return nc.amortize(
        book.frame,
        by=[],
        columns=COLUMNS,
        rounding=rounding,
        start=f"{FIRST_MONTH}-01",
        end=f"{FIRST_MONTH + MONTHS - 1}-28",
    )


@numba.njit(parallel=True)
def _fused(principal: Any, rate: Any, count: Any, start: Any, months: int, parts: int) -> Any:
    sums = np.zeros((parts, 3, months))
    for part in numba.prange(parts):
        for at in range(part * len(principal) // parts, (part + 1) * len(principal) // parts):
            monthly, balance = rate[at], principal[at]
            payment = balance * monthly / (1 - (1 + monthly) ** -count[at])
            for month in range(start[at], start[at] + count[at]):
                interest = balance * monthly
                paid = payment - interest
                balance -= paid
                sums[part, 0, month] += interest
                sums[part, 1, month] += paid
                sums[part, 2, month] += balance
    return sums.sum(axis=0)


def by_numba(book: Book) -> Any:
    """One pass over the loans, two threads, nothing rounded."""
    return _fused(book.principal, book.rate / 12, book.count, book.start, MONTHS, 2)


def by_numpy(book: Book) -> Any:
    """A loop over payments, all loans at once."""
    monthly = book.rate / 12
    payment = book.principal * monthly / (1 - (1 + monthly) ** -book.count)
    balance = book.principal.copy()
    sums = np.zeros((3, MONTHS))
    for number in range(LONGEST):
        live = number < book.count
        interest = np.where(live, balance * monthly, 0.0)
        paid = np.where(live, payment - interest, 0.0)
        balance = np.where(live, balance - paid, 0.0)
        for total, values in zip(sums, (interest, paid, balance), strict=True):
            total[number : number + STARTS] += np.bincount(book.start, values, STARTS)
    return sums


def check_ladder(book: Book) -> None:
    """All cells of a part by the definition, all cells of the whole within half a cent a loan and payment."""
    part = head(book, 1_000)
    want = np.zeros((2, MONTHS + 1), dtype=np.int64)
    for at in range(len(part)):
        for number, row in enumerate(exact(part, at)):
            want[:, part.start[at] + number + 1] += row[:2]
    got = ladder(part)
    months = (got["period_end"].to_numpy().astype("M8[M]") - FIRST_MONTH).astype(int)
    for name, line in zip(COLUMNS, want, strict=False):
        assert np.array_equal(cents(got[name]), line[months]), name
    whole = ladder(book)
    months = (whole["period_end"].to_numpy().astype("M8[M]") - FIRST_MONTH).astype(int)[1:]
    unrounded = ladder(book, None)
    for peer in (by_numba(book), by_numpy(book)):
        for name, line in zip(COLUMNS[:2], peer, strict=False):
            theirs = line[months - 1]
            assert np.abs(whole[name].to_numpy()[1:] - theirs).max() <= 0.01 * len(book), name
            assert np.abs(unrounded[name].to_numpy()[1:] - theirs).max() <= 1e-11 * theirs.max(), name


def head(book: Book, loans: int) -> Book:
    """Return the first loans of a book."""
    arrays = (book.principal, book.rate, book.margin, book.count, book.start)
    return Book(book.frame.head(loans), book.floating.head(loans), *(values[:loans] for values in arrays))


def ladder_peers(book: Book) -> list[Peer]:
    """Numba's fused loop and numpy's loop over payments."""
    return [
        Peer("neocalc cents", lambda: ladder(book)),
        Peer("neocalc unrounded", lambda: ladder(book, None)),
        Peer("numba fused loop, unrounded", lambda: by_numba(book)),
        Peer("numpy loop over payments, unrounded", lambda: by_numpy(book)),
    ]


# --- W2a and W2f: rows -----------------------------------------------------------------------------


def rows(book: Book, rounding: str | None = "payment") -> Any:
    """Ids, numbers, dates and three amounts."""
    return nc.amortize(book.frame, columns=COLUMNS, rounding=rounding)


def floating_rows(book: Book, rounding: str | None = "payment") -> Any:
    """The same at a rate that is fixed each month."""
    return nc.amortize(book.floating, rates=curve(), columns=COLUMNS, rounding=rounding)


@numba.njit(parallel=True)
def _rows(principal: Any, rate: Any, count: Any, ends: Any) -> Any:
    size = ends[-1]
    loan, number = np.empty(size, np.int64), np.empty(size, np.int64)
    interest, paid, closing = np.empty(size), np.empty(size), np.empty(size)
    for at in numba.prange(len(principal)):
        monthly, balance, row = rate[at], principal[at], ends[at] - count[at]
        payment = balance * monthly / (1 - (1 + monthly) ** -count[at])
        for month in range(count[at]):
            loan[row], number[row] = at, month + 1
            interest[row] = balance * monthly
            paid[row] = payment - interest[row]
            balance -= paid[row]
            closing[row] = balance
            row += 1
    return loan, number, interest, paid, closing


@numba.njit(parallel=True)
def _floating_rows(principal: Any, margin: Any, fixings: Any, start: Any, count: Any, ends: Any) -> Any:
    size = ends[-1]
    loan, number = np.empty(size, np.int64), np.empty(size, np.int64)
    interest, paid, closing = np.empty(size), np.empty(size), np.empty(size)
    for at in numba.prange(len(principal)):
        balance, row = principal[at], ends[at] - count[at]
        for month in range(count[at]):
            monthly = (fixings[start[at] + month] + margin[at]) / 12
            loan[row], number[row] = at, month + 1
            interest[row] = balance * monthly
            payment = interest[row] / (1 - (1 + monthly) ** -(count[at] - month))
            paid[row] = payment - interest[row]
            balance -= paid[row]
            closing[row] = balance
            row += 1
    return loan, number, interest, paid, closing


def _frame(columns: Any) -> pd.DataFrame:
    names = ("loan_id", "payment_number", *COLUMNS)
    return pd.DataFrame(dict(zip(names, columns, strict=True)), copy=False)


def rows_by_numba(book: Book) -> Any:
    """Two threads; ids and numbers, no dates."""
    return _frame(_rows(book.principal, book.rate / 12, book.count, np.cumsum(book.count, dtype=np.int64)))


def floating_by_numba(book: Book) -> Any:
    """The level payment anew each month."""
    ends = np.cumsum(book.count, dtype=np.int64)
    return _frame(_floating_rows(book.principal, book.margin, FIXINGS, book.start, book.count, ends))


def rows_by_polars(book: Book) -> Any:
    """The closed form of each payment."""
    k, rate = pl.col("payment_number"), pl.col("rate")
    loans = pl.LazyFrame(
        {
            "loan_id": np.arange(len(book)),
            "lent": book.principal,
            "rate": book.rate / 12,
            "count": book.count.astype(np.int64),
        }
    )
    payment = pl.col("lent") * rate / (1 - (1 + rate).pow(-pl.col("count")))
    first = (pl.col("payment") - pl.col("lent") * rate) * (1 + rate).pow(k - 1)
    return (
        loans.with_columns(payment=payment, payment_number=pl.int_ranges(1, pl.col("count") + 1))
        .explode("payment_number")
        .with_columns(principal=first)
        .with_columns(
            interest=pl.col("payment") - pl.col("principal"),
            closing_balance=(pl.col("payment") - pl.col("principal") * (1 + rate)) / rate,
        )
        .select("loan_id", "payment_number", *COLUMNS)
        .collect()
    )


def check_rows(book: Book) -> None:
    """A part by the definition to the cent, and peers beside it within what rounding does."""
    part = head(book, 500)
    for floating, find in ((False, rows), (True, floating_rows)):
        got = find(part)
        got = got[got["payment_number"] > 0]
        want = np.array([row for at in range(len(part)) for row in exact(part, at, floating=floating)])
        for name, line in zip(COLUMNS, want.T, strict=True):
            assert np.array_equal(cents(got[name]), line), name
        found = find(part, None)
        found = found[found["payment_number"] > 0]
        peers = [floating_by_numba(part)] if floating else [rows_by_numba(part), rows_by_polars(part)]
        for peer in peers:
            for name in COLUMNS:
                off = np.abs(found[name].to_numpy() - np.asarray(peer[name]))
                assert off.max() < 1e-10 * part.principal.max(), (name, off.max())


def rows_peers(book: Book) -> list[Peer]:
    """Numba into fresh arrays, and polars."""
    return [
        Peer("neocalc cents", lambda: rows(book)),
        Peer("neocalc unrounded", lambda: rows(book, None)),
        Peer("numba, unrounded", lambda: rows_by_numba(book)),
        Peer("polars closed form, unrounded", lambda: rows_by_polars(book)),
    ]


def floating_peers(book: Book) -> list[Peer]:
    """Numba, which alone can do it in a loop."""
    return [
        Peer("neocalc cents", lambda: floating_rows(book)),
        Peer("neocalc unrounded", lambda: floating_rows(book, None)),
        Peer("numba, unrounded", lambda: floating_by_numba(book)),
    ]


# --- Delayed draws ---------------------------------------------------------------------------------


def draws_of(facilities: int) -> Callable[[], Any]:
    """Ten draws each on days of their own, ACT/360, five years, paid quarterly: totals by month."""
    rng = np.random.default_rng(13)
    start = np.datetime64("2024-01-01", "D") + rng.integers(0, 366, facilities)
    loans = pd.DataFrame(
        {
            "loan_id": np.arange(facilities),
            "commitment": np.full(facilities, 10_000_000.0),
            "start_date": start.astype("M8[us]"),
            "term_months": 60,
            "annual_rate": rng.integers(800, 1_401, facilities) / 10_000,
            "frequency": pd.Categorical.from_codes(np.zeros(facilities, dtype=np.int8), ["quarterly"]),
            "day_count": pd.Categorical.from_codes(np.zeros(facilities, dtype=np.int8), ["ACT/360"]),
        }
    )
    owner = np.repeat(np.arange(facilities), 10)
    days = np.tile(np.arange(10) * 36, facilities) + rng.integers(1, 36, len(owner))
    draws = pd.DataFrame(
        {
            "loan_id": owner,
            "date": (start[owner] + days).astype("M8[us]"),
            "amount": rng.integers(10_000_000, 100_000_001, len(owner)) / 100,
        }
    )

    def run() -> Any:
        return nc.amortize(loans, draws=draws, by=[], columns=["draw", *COLUMNS])

    found = run()
    assert cents(found["draw"]).sum() == cents(draws["amount"]).sum() == cents(found["principal"]).sum()
    assert found["closing_balance"].iloc[-1] == 0.0
    return run
