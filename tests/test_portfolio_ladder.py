"""Portfolio ladders of unrounded level payments, against decimals of fifty digits worked out loan by loan."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pandas as pd
import pytest

import loan_books
import neocalc as nc
from neocalc._loan_options import MONEY_COLUMNS

FIRST = np.datetime64("2024-01", "M")


def level_book(
    seed: int, n: int, *, starts: int, terms: tuple[int, int], rates: tuple[int, int]
) -> pd.DataFrame:
    """Loans of few starts and terms, rates in basis points: so many of a kind that they are added up together."""
    rng = np.random.default_rng(seed)
    start = FIRST + rng.integers(0, starts, n)
    return pd.DataFrame(
        {
            "loan_id": np.arange(n),
            "principal": rng.integers(100, 10**9, n) / 100,
            "start_date": (start.astype("M8[D]") + rng.integers(0, 28, n)).astype("M8[us]"),
            "term_months": rng.integers(terms[0], terms[1] + 1, n).astype(np.int32),
            "annual_rate": rng.integers(rates[0], rates[1] + 1, n) / 10_000,
        }
    )


def by_decimals(book: pd.DataFrame) -> dict[int, tuple[Decimal, Decimal]]:
    """Principal and interest by month after the first: the closed form, never a sum of floats."""
    found: dict[int, tuple[Decimal, Decimal]] = {}
    months = (book["start_date"].to_numpy().astype("M8[M]") - FIRST).astype(int)
    columns = (book[name].tolist() for name in ("principal", "term_months", "annual_rate"))
    with localcontext() as context:
        context.prec = 50
        for start, principal, term, rate in zip(months.tolist(), *columns, strict=True):
            monthly, lent = Decimal(str(rate)) / 12, Decimal(str(principal))
            due = lent * monthly / ((1 + monthly) ** term - 1)
            payment = lent * monthly + due
            for month in range(start + 1, start + term + 1):
                repaid, interest = found.get(month, (Decimal(0), Decimal(0)))
                found[month] = repaid + due, interest + payment - due
                due *= 1 + monthly
    return found


@pytest.mark.parametrize(
    ("starts", "terms", "rates"),
    [
        (3, (1, 24), (400, 1_800)),
        (1, (60, 84), (300, 3_600)),  # rates so wide that they are cut in two
        (2, (350, 360), (550, 600)),
        (1, (36, 36), (725, 725)),
        (40, (1, 60), (1, 9_900)),  # nothing alike: each loan by its powers
    ],
)
def test_ladders_are_exact_to_the_last_digits(
    starts: int, terms: tuple[int, int], rates: tuple[int, int]
) -> None:
    book = level_book(5, 900, starts=starts, terms=terms, rates=rates)
    totals = nc.amortize(book, by=[], rounding=None)
    months = (totals["period_end"].to_numpy().astype("M8[M]") - FIRST).astype(int)
    wanted = by_decimals(book)
    assert set(months.tolist()) - {0} <= set(wanted) | set(range(starts))
    for month, principal, interest in zip(
        months.tolist(), totals["principal"].tolist(), totals["interest"].tolist(), strict=True
    ):
        repaid, charged = wanted.get(month, (Decimal(0), Decimal(0)))
        assert abs(Decimal(principal) - repaid) <= repaid * Decimal("2e-14")
        # The rest of a payment: what is off is a share of the payment.
        assert abs(Decimal(interest) - charged) <= (repaid + charged) * Decimal("2e-14")
    assert totals["draw"].sum() == pytest.approx(book["principal"].sum(), rel=1e-14)


def mixed_book() -> pd.DataFrame:
    """More than two blocks: alike, then of other rates, starts and terms, with strangers in between."""
    parts = [
        level_book(1, 9_000, starts=20, terms=(12, 60), rates=(500, 900)),
        level_book(2, 9_000, starts=20, terms=(12, 60), rates=(400, 1_100)),
        level_book(3, 9_000, starts=30, terms=(6, 72), rates=(0, 2_000)),
        level_book(4, 9_000, starts=90, terms=(1, 300), rates=(0, 9_000)),
        level_book(5, 9_000, starts=4, terms=(48, 60), rates=(500, 900)),
    ]
    book = pd.concat(parts, ignore_index=True).assign(loan_id=np.arange(45_000))
    odd = np.arange(0, len(book), 997)
    book.loc[odd, "start_date"] = pd.Timestamp("2024-03-31")
    return book


def test_a_ladder_is_the_sum_of_its_loans() -> None:
    book = mixed_book()
    whole = nc.amortize(book, by=[], rounding=None)
    # By twenty lenders each has too few of a kind, so that powers are added up loan by loan.
    parts = nc.amortize(book.assign(lender=np.arange(len(book)) % 20), by=["lender"], rounding=None)
    wanted = parts.groupby("period_end")[list(MONEY_COLUMNS)].sum().reset_index()
    assert (whole["period_end"] == wanted["period_end"]).all()
    for name in MONEY_COLUMNS:
        assert np.abs(whole[name] - wanted[name]).max() <= 1e-13 * book["principal"].sum(), name
    flows = ("interest", "principal", "payment")
    for name in flows:
        off = np.abs(whole[name] - wanted[name])
        assert (off <= 1e-12 * whole["payment"]).all(), name


def test_threads_and_chunks_change_no_byte_of_a_ladder() -> None:
    assert len(loan_books.digests_of_unrounded_totals(mixed_book(), None, 1)) == 1


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint16", "float64", "Int32", "Int64"])
def test_terms_may_have_any_width(dtype: str) -> None:
    book = level_book(6, 50, starts=2, terms=(1, 120), rates=(1, 900))
    wanted = nc.amortize(book, by=[])
    pd.testing.assert_frame_equal(nc.amortize(book.astype({"term_months": dtype}), by=[]), wanted)


@pytest.mark.parametrize("months", [0, -5, 1_201, 2**31 - 1, -(2**31)])
def test_terms_of_32_bits_are_judged(months: int) -> None:
    book = level_book(7, 9, starts=1, terms=(12, 12), rates=(500, 500))
    book.loc[4, "term_months"] = np.int32(months)
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(book, by=[])
    found: Any = caught.value.issues[0]
    assert (found.column, found.code, found.rows, found.example) == (
        "term_months",
        "range",
        (4,),
        str(months),
    )
