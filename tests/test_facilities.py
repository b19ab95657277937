"""Draws, fees, prepayments, sculpting and borrowing bases against plain Python in fractions, to the cent."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from facility_books import (
    COLUMNS,
    PROFILES,
    capacity,
    columns_of,
    expected,
    facility_beside,
    facility_frame,
    random_facility,
)
from loan_books import options, random_terms
from neocalc import _core
from oracles.calendar import shift
from oracles.loans import Loan, Terms

DEEP = bool(os.environ.get("NEOCALC_DEEP"))
BATCH = 500


def _amortize(facilities, terms, **more):
    return nc.amortize(
        facility_frame(facilities),
        **facility_beside(facilities),
        amounts="minor",
        columns=list(COLUMNS),
        on_error="flag",
        **options(terms),
        **more,
    )


@pytest.mark.parametrize("batch", range(200 if DEEP else 20))
def test_facilities_to_the_cent(batch: int) -> None:
    random = Random(f"facilities {batch}")
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(BATCH)]
    rows, codes = expected(facilities, terms)
    got = _amortize(facilities, terms)
    issue = got["issue"].astype(object).to_numpy()
    loan = got["loan_id"].to_numpy()
    bad = ~pd.isna(issue)
    found = dict(zip(loan[bad].tolist(), issue[bad].tolist(), strict=True))
    wanted = {n: code for n, code in enumerate(codes) if code is not None}
    assert found == wanted, _first(facilities, found, wanted)
    good = got[~bad]
    flat = [row for of in rows for row in of]
    counts = np.bincount(good["loan_id"], minlength=BATCH)
    same = counts == [len(of) for of in rows]
    assert same.all(), facilities[int(np.argmin(same))]
    np.testing.assert_array_equal(
        good["payment_date"].to_numpy("M8[D]"), np.array([r.date for r in flat], "M8[D]")
    )
    np.testing.assert_array_equal(good["payment_number"].to_numpy(np.int64), [row.number for row in flat])
    for name, values in columns_of(flat).items():
        mine = good[name].to_numpy(dtype=np.int64)
        off = np.flatnonzero(mine != values)
        assert not len(off), (name, mine[off[0]], values[off[0]], facilities[flat_loan(rows, off[0])])
    last = good.groupby("loan_id", observed=True)["closing_balance"].last()
    assert (last == 0).all()
    assert len(codes) - len(wanted) > BATCH // 2


def flat_loan(rows, at: int) -> int:
    return int(np.searchsorted(np.cumsum([len(of) for of in rows]), at, side="right"))


def _first(facilities, found, wanted):
    n = min(n for n in {*found, *wanted} if found.get(n) != wanted.get(n))
    return n, found.get(n), wanted.get(n), facilities[n]


def test_unrounded_facilities_agree_with_exact_fractions() -> None:
    """Held to 1e-11 of what is lent or committed."""
    random = Random("unrounded facilities")
    terms = Terms(rounded=False)
    facilities = [random_facility(random) for _ in range(3_000 if DEEP else 400)]
    # What is owed to the last cent is a matter of float dust where cash flow, a base, or a prepayment decides.
    facilities = [f for f in facilities if f.loan.profile not in PROFILES and f.advance_rate is None]
    rows, codes = expected(facilities, terms)
    sound = [n for n, code in enumerate(codes) if code is None]
    facilities, rows = [facilities[n] for n in sound], [rows[n] for n in sound]
    assert len(facilities) > 100
    book, beside = major(facility_frame(facilities)), facility_beside(facilities)
    beside = {name: major(table) for name, table in beside.items()}
    # Half of the excess cash is swept, and not rounded down.
    swept = [row.amount for f in facilities for row in f.prepayments if row.capped]
    beside["sweep"]["excess_cash"] = np.array(swept, dtype=float) * 2 / 100
    got = nc.amortize(book, columns=list(COLUMNS), **beside, **options(terms))
    flat = [row for of in rows for row in of]
    loan = np.repeat(np.arange(len(rows)), [len(of) for of in rows])
    np.testing.assert_array_equal(got["loan_id"].to_numpy(dtype=int), loan)
    np.testing.assert_array_equal(
        got["payment_date"].to_numpy("M8[D]"), np.array([r.date for r in flat], "M8[D]")
    )
    sizes = [max(f.commitment or 0, f.loan.principal + sum(d.amount for d in f.draws)) for f in facilities]
    scale = np.array(sizes, dtype=float)[loan] / 100
    names = {"opening_balance": "opening", "closing_balance": "closing"}
    for name in COLUMNS:
        exact = np.array([float(Fraction(getattr(row, names.get(name, name))) / 100) for row in flat])
        off = np.abs(got[name].to_numpy(dtype=float) - exact)
        assert (off <= 1e-11 * scale + 1e-12).all(), (name, (off / scale).max())


def major(table: pd.DataFrame) -> pd.DataFrame:
    """Amounts in major units, as float64."""
    names = {"principal", "payment", "balance_cap", "commitment", "amount", "cfads", "closing_book_value"}
    return table.assign(**{name: table[name].astype("Float64") / 100 for name in names & {*table.columns}})


@pytest.mark.parametrize("rounding", ["payment", None])
def test_threads_and_chunks_change_no_byte(rounding: str | None) -> None:
    random = Random("bytes")
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(900)]
    codes = expected(facilities, terms)[1]
    facilities = [f for f, code in zip(facilities, codes, strict=True) if code is None]
    book, beside = facility_frame(facilities), facility_beside(facilities)
    amounts = "minor"
    if rounding is None:
        amounts = "major"
        book, beside = major(book), {name: major(table) for name, table in beside.items()}
    book["lender"] = [random.choice(("north", "south")) for _ in facilities]
    given = {**options(terms), **beside, "rounding": rounding, "amounts": amounts, "on_error": "skip"}
    rows, totals = set(), set()
    for threads, chunk_rows in ((1, None), (2, 1), (2, 7), (3, 64), (7, 100_000)):
        with chunks_of(chunk_rows):
            found = nc.amortize(book, threads=threads, columns=list(COLUMNS), **given)
            sums = nc.amortize(book, by=["lender"], threads=threads, columns=list(COLUMNS), **given)
        rows.add(digest(found))
        totals.add(digest(sums))
    assert len(rows) == len(totals) == 1
    if rounding is not None:
        turned = nc.amortize(book[::-1], by=["lender"], columns=list(COLUMNS), **given)
        assert digest(turned) in totals


def digest(frame: pd.DataFrame) -> str:
    columns = (frame[name].to_numpy() for name in frame.columns if frame[name].dtype.kind in "ifM")
    return hashlib.sha256(b"".join(values.tobytes() for values in columns)).hexdigest()


@contextmanager
def chunks_of(chunk_rows: int | None) -> Iterator[None]:
    """Loans are read so many at a time."""
    made = _core.LoanSettings
    more = {} if chunk_rows is None else {"chunk_rows": chunk_rows}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_core, "LoanSettings", lambda **kept: made(**{**kept, **more}))
        yield


# --- laws -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
def test_every_row_rolls_forward_and_nothing_is_left(seed: int) -> None:  # I22, I23
    random = Random(seed)
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(4)]
    rows = _amortize(facilities, terms).dropna(subset="closing_balance")
    after = rows["opening_balance"] + rows["draw"] + rows["pik"] - rows["principal"] - rows["prepayment"]
    assert (after == rows["closing_balance"]).all()
    cash = rows["interest"] + rows["principal"] + rows["prepayment"] + rows["fee"]
    assert (cash == rows["payment"]).all()
    assert (rows[["principal", "prepayment", "closing_balance", "premium"]] >= 0).all(axis=None)
    by_loan = rows.groupby("loan_id", observed=True)
    assert (by_loan["closing_balance"].last() == 0).all()
    assert (by_loan["opening_balance"].first() == 0).all()
    chained = by_loan["closing_balance"].shift() == rows["opening_balance"]
    assert chained[by_loan.cumcount() > 0].all()
    moved = by_loan[["draw", "pik", "principal", "prepayment"]].sum()
    assert (moved["draw"] + moved["pik"] == moved["principal"] + moved["prepayment"]).all()


@given(
    st.integers(100, 10**9),
    st.sampled_from(["level_payment", "level_principal", "bullet"]),
    st.integers(0, 300_000),
    st.integers(2, 60),
    st.integers(1, 1700),
    st.floats(0, 1),
    st.sampled_from(["term", "payment"]),
)
def test_prepaying_never_raises_what_is_owed_later(
    principal, profile, rate, n, day, share, effect
) -> None:  # I29
    book = pd.DataFrame(
        {"loan_id": ["plain", "prepaid"], "principal": principal, "start_date": "2024-01-01", "term_months": n,
         "annual_rate": rate / 1e6, "profile": profile, "day_count": "ACT/360"}
    )  # fmt: skip
    date = min(
        pd.Timestamp("2024-01-01") + pd.Timedelta(days=day),
        pd.Timestamp("2024-01-01") + pd.DateOffset(months=n - 1),
    )
    options = {"amounts": "minor", "keep_id_dtype": True}
    plain = nc.amortize(book[:1], **options).set_index("payment_date")
    owed = int(plain.loc[plain.index <= date, "closing_balance"].iloc[-1])
    amount = int(owed * share)
    paid = pd.DataFrame({"loan_id": ["prepaid"], "date": [date], "amount": [amount], "effect": [effect]})
    rows = nc.amortize(book, prepayments=paid, **options)
    prepaid = rows[rows["loan_id"] == "prepaid"].set_index("payment_date")
    owed_plain = plain["closing_balance"].rename("closing_balance_plain").to_frame()
    both = owed_plain.join(prepaid["closing_balance"], how="left")
    # In cents within the bound of I24: roundings of half a unit, grown over the payments left.
    growth = 1 + rate / 1e6 * 31 / 360
    slack = n if growth == 1 else (growth**n - 1) / (growth - 1)
    closing = both["closing_balance"].fillna(0)
    assert (closing <= both["closing_balance_plain"] + slack).all()
    assert prepaid["interest"].sum() <= plain["interest"].sum() + slack
    assert prepaid["prepayment"].sum() == amount
    assert prepaid["closing_balance"].iloc[-1] == 0


def test_a_full_prepayment_is_balance_and_accrued() -> None:  # I29
    book = pd.DataFrame(
        {"loan_id": [1], "principal": [1000.0], "start_date": ["2025-01-01"], "term_months": [12],
         "annual_rate": [0.1], "profile": ["bullet"], "day_count": ["ACT/360"]}
    )  # fmt: skip
    paid = pd.DataFrame({"loan_id": [1], "date": ["2025-02-11"], "amount": [None]})
    last = nc.amortize(book, prepayments=paid.astype({"amount": "Float64"})).iloc[-1]
    # Ten days at 10 % of 1,000 over 360.
    assert (last["interest"], last["prepayment"], last["payment"], last["closing_balance"]) == (
        2.78,
        1000.0,
        1002.78,
        0,
    )


def test_rows_are_the_same_bytes_for_threads_and_order() -> None:
    random = Random("order")
    terms = random_terms(random)
    facilities = [random_facility(random) for _ in range(300)]
    book, beside = facility_frame(facilities), facility_beside(facilities)
    given = {"amounts": "minor", "on_error": "skip", "keep_id_dtype": True, **options(terms)}
    once = nc.amortize(book, threads=1, **beside, **given)
    shuffled = book.sample(frac=1, random_state=3)
    mixed = {name: table.sample(frac=1, random_state=4) for name, table in beside.items()}
    # Draws and prepayments of one day keep their order: only frames without such ties may be mixed.
    mixed |= {name: beside[name] for name in ("draws", "prepayments", "sweep")}
    for other in (
        nc.amortize(book, threads=4, **beside, **given),
        nc.amortize(shuffled, threads=3, **mixed, **given),
    ):
        again = other.sort_values("loan_id", kind="stable").reset_index(drop=True)
        pd.testing.assert_frame_equal(once, again)
    totals = nc.amortize(book, by=[], threads=1, freq="Y", **beside, **given)
    pd.testing.assert_frame_equal(totals, nc.amortize(shuffled, by=[], threads=4, freq="Y", **mixed, **given))
    year = once["payment_date"].dt.year
    for name in ("draw", "interest", "principal", "prepayment", "fee", "payment"):
        sums = once.groupby(year)[name].sum()
        assert (
            sums.to_numpy() == totals.set_index(totals["period_end"].dt.year).loc[sums.index, name].to_numpy()
        ).all()


def test_draws_apart_are_the_draws_together() -> None:
    random = Random("apart")
    facilities = [random_facility(random) for _ in range(400)]
    given = {
        **facility_beside(facilities),
        **options(random_terms(random)),
        "on_error": "skip",
        "amounts": "minor",
    }
    flows = ["draw", "interest", "pik", "principal", "prepayment", "fee", "payment"]
    book = facility_frame(facilities)
    together = nc.amortize(book, columns=flows, **given)
    apart = nc.amortize(book, columns=["draw_number", "opening_balance", "closing_balance", *flows], **given)
    key = ["loan_id", "payment_date"]
    sums = apart.groupby(key, observed=True)[flows].sum()
    pd.testing.assert_frame_equal(sums, together.groupby(key, observed=True)[flows].sum())
    assert apart["draw_number"].max() > 1
    one = apart.groupby(["loan_id", "draw_number"], observed=True)
    assert (one["closing_balance"].last() == 0).all()


# --- sizing ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
def test_debt_capacity_is_the_largest(seed: int) -> None:
    random = Random(seed)
    start = dt.date(2024, random.randint(1, 12), random.randint(1, 28))
    months = random.choice([1, 3, 6, 12])
    n = random.randint(1, 16)
    maturity = shift(start, months * n)
    rate = Fraction(random.randint(-10_000, 300_000), 10**6)
    dscr = Fraction(random.randint(90, 250), 100)
    loan = Loan(
        0,
        start,
        maturity,
        rate,
        "sculpted",
        f"{months}M",
        random.choice(["30/360", "ACT/360", "ACT/ACT ISDA"]),
    )
    days = (maturity - start).days
    cash = tuple(
        sorted(
            (start + dt.timedelta(days=random.randint(0, days + 30)), random.randint(0, 10**8))
            for _ in range(20)
        )
    )
    cost = random.randint(1, 10**9)
    gearing = random.choice([None, Fraction(random.randint(1, 100), 100)])
    table = pd.DataFrame({"date": [day for day, _ in cash], "cfads": [amount for _, amount in cash]})
    found = nc.debt_capacity(
        table,
        min_dscr=float(dscr),
        annual_rate=float(rate),
        start_date=start,
        maturity_date=maturity,
        cost=None if gearing is None else cost,
        max_gearing=None if gearing is None else float(gearing),
        frequency=f"{months}M",
        day_count=loan.day_count,
        amounts="minor",
    )
    principal, why = int(found["principal"][0]), found["limited_by"][0]
    assert capacity(loan, dscr, cash, principal)
    if why == "gearing":
        assert gearing is not None
        assert principal == floor(cost * gearing)
    else:
        assert not capacity(loan, dscr, cash, principal + 1)


def test_debt_capacity_of_many_loans() -> None:
    rows = [
        (loan, f"{year}-12-31", 100.0 + 10 * n) for n, loan in enumerate("xyz") for year in range(2025, 2030)
    ]
    table = pd.DataFrame(rows, columns=["loan_id", "period_end", "cfads"]).sample(frac=1, random_state=1)
    terms = {
        "min_dscr": 1.25, "annual_rate": 0.09, "start_date": "2024-12-31", "term_months": 60, "frequency": "annual",
        "end_of_month": True,
    }  # fmt: skip
    found = nc.debt_capacity(table, **terms, cost=400.0, max_gearing=0.8)
    assert found["loan_id"].tolist() == list(dict.fromkeys(table["loan_id"]))
    assert found.set_index("loan_id")["principal"].to_dict() == {"x": 311.16, "y": 320.0, "z": 320.0}
    assert found.set_index("loan_id")["limited_by"].to_dict() == {"x": "dscr", "y": "gearing", "z": "gearing"}
    loans = pd.DataFrame(
        {"loan_id": ["x"], "principal": [311.16], "start_date": ["2024-12-31"], "term_months": [60], "annual_rate": [0.09],
         "frequency": ["annual"], "profile": ["sculpted"], "target_dscr": [1.25], "end_of_month": [True]}
    )  # fmt: skip
    schedule = nc.amortize(loans, cash_flow=table[table["loan_id"] == "x"], amounts="decimal")
    assert all(payment <= Decimal("80.00") for payment in schedule["payment"][1:])


# --- collateral from a depreciation schedule ------------------------------------------------------------------


@pytest.mark.parametrize("years", [4, 6])
def test_a_borrowing_base_follows_depreciated_collateral(years: int) -> None:
    fleet = pd.DataFrame(
        {"asset_id": [1, 2], "cost": [1000.0, 2000.0], "in_service_date": ["2024-07-01", "2024-10-15"],
         "facility_id": ["ddtl", "ddtl"]}
    )  # fmt: skip
    collateral = nc.depreciate(fleet, nc.straight_line(years=years), by=["facility_id"])
    loans = pd.DataFrame(
        {"loan_id": ["L"], "facility_id": ["ddtl"], "commitment": [2250.0], "start_date": ["2024-07-31"],
         "maturity_date": ["2029-12-31"], "annual_rate": [0.1], "frequency": ["monthly"], "end_of_month": [True],
         "profile": ["borrowing_base"], "advance_rate": [0.75]}
    )  # fmt: skip
    draws = pd.DataFrame({"loan_id": "L", "date": ["2024-08-15", "2024-11-15"], "amount": [700.0, 1400.0]})
    rows = nc.amortize(loans, draws=draws, collateral=collateral, amounts="decimal")
    value = collateral.set_index("period_end")["closing_book_value"]
    for row in rows[rows["payment_number"] > 0].itertuples():
        if row.payment_date.is_month_end:
            worth = value[value.index <= row.payment_date].iloc[-1]
            assert row.closing_balance <= Decimal(str(worth)) * Decimal("0.75")
    # Nothing is repaid before it must be.
    paid = rows[(rows["principal"] > 0) & (rows["closing_balance"] > 0)]
    for row in paid.itertuples():
        limit = Decimal(str(value[row.payment_date])) * Decimal("0.75")
        assert limit - row.closing_balance < Decimal("0.01")
    assert rows["closing_balance"].iloc[-1] == 0
    # A shorter life leaves less to lend on.
    assert rows["principal"].iloc[:24].sum() > 0
    if years == 4:
        assert rows[rows["payment_date"] <= "2028-10-31"]["closing_balance"].iloc[-1] == 0
    else:
        assert rows[rows["payment_date"] <= "2028-10-31"]["closing_balance"].iloc[-1] > 500


def test_the_picture_of_the_page_is_what_its_script_draws() -> None:
    path = Path(__file__).resolve().parents[1] / "scripts" / "draw_collateral.py"
    spec = importlib.util.spec_from_file_location("draw_collateral", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PICTURE.read_text(encoding="utf-8") == script.picture()


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_frames_of_other_kinds(kind: str) -> None:
    module = pytest.importorskip(kind)
    make = module.DataFrame if kind == "polars" else module.table
    book = make({"loan_id": ["a"], "commitment": [1000.0], "start_date": ["2025-01-15"], "term_months": [12],
                 "annual_rate": [0.08], "profile": ["bullet"], "facility_id": ["f"], "advance_rate": [0.5]})  # fmt: skip
    beside = {
        "draws": make({"loan_id": ["a"], "date": ["2025-02-01"], "amount": [100.0]}),
        "prepayments": make(
            {"loan_id": ["a"], "date": ["2025-03-01"], "amount": [10.0], "premium_due": [True]}
        ),
        "sweep": make({"loan_id": ["a"], "date": ["2025-04-01"], "excess_cash": [10.0], "sweep_rate": [0.5]}),
        "collateral": make(
            {"facility_id": ["f"], "period_end": ["2025-01-31"], "closing_book_value": [400.0]}
        ),
        "prepayment_premiums": make({"loan_id": ["a"], "from_date": ["2025-01-15"], "premium_rate": [0.01]}),
    }
    rows = nc.amortize(book, **beside, columns=["prepayment", "premium", "closing_balance"])
    assert type(rows).__module__.startswith(kind)
    columns = rows.to_dict(as_series=False) if kind == "polars" else rows.to_pydict()
    assert columns["closing_balance"][:4] == [100.0, 100.0, 90.0, 90.0]
    assert sum(columns["prepayment"]) == 15.0
    assert sum(columns["premium"]) == 0.1
    cash = make({"loan_id": ["a", "a"], "date": ["2025-07-15", "2026-01-15"], "cfads": [60.0, 60.0]})
    found = nc.debt_capacity(
        cash, min_dscr=1.2, annual_rate=0.0, start_date="2025-01-15", term_months=12, frequency="semiannual"
    )
    assert type(found).__module__.startswith(kind)
