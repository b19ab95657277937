"""Schedules of loans against the oracle, cell by cell, and against published ones."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import loan_books
import neocalc as nc
from oracles.loans import Loan, Row, Terms, level_payment

DEEP = bool(os.environ.get("NEOCALC_DEEP"))
EPOCH = dt.date(1970, 1, 1)


def table(rows: Sequence[Sequence[Row]]) -> dict[str, np.ndarray]:
    """The oracle's rows as columns."""
    flat = [row for of_loan in rows for row in of_loan]
    columns: dict[str, Any] = {
        "loan_id": np.repeat(np.arange(len(rows)), [len(of_loan) for of_loan in rows]),
        "payment_number": np.array([row.number for row in flat], dtype=np.int64),
        "payment_date": np.array([row.date for row in flat], dtype="M8[D]"),
    }
    names = {"opening_balance": "opening", "closing_balance": "closing"}
    for name in loan_books.MONEY:
        columns[name] = [getattr(row, names.get(name, name)) for row in flat]
    return columns


def compare(loans: Sequence[Loan], terms: Terms) -> int:
    """Hold a book against the oracle; return how many rows were equal to the minor unit."""
    rows, codes = loan_books.expected(loans, terms)
    given = {**loan_books.options(terms), **loan_books.beside(loans)}
    book = loan_books.frame(loans)
    found = nc.amortize(book, amounts="minor", on_error="flag", keep_id_dtype=True, **given)
    wrong = found["issue"].notna()
    stated = dict(zip(found.loc[wrong, "loan_id"], found.loc[wrong, "issue"].astype(str), strict=True))
    expected_codes = {n: code for n, code in enumerate(codes) if code is not None}
    differing = {n for n in {*stated, *expected_codes} if stated.get(n) != expected_codes.get(n)}
    assert not differing, [(stated.get(n), expected_codes.get(n), loans[n]) for n in list(differing)[:2]]
    good = found[~wrong].reset_index(drop=True)
    wanted = table(rows)
    counts = np.bincount(good["loan_id"], minlength=len(loans))
    off = np.flatnonzero(counts != np.array([len(of_loan) for of_loan in rows]))
    assert not len(off), (loans[off[0]], rows[off[0]], good[good["loan_id"] == off[0]])
    for name, values in wanted.items():
        mine = good[name].to_numpy()
        if name == "payment_date":
            mine = mine.astype("M8[D]")
        elif name in loan_books.MONEY:
            mine, values = mine.astype(np.int64), np.array(values, dtype=np.int64)
        bad = np.flatnonzero(mine != values)
        if len(bad):
            loan = int(wanted["loan_id"][bad[0]])
            pd.set_option("display.width", 250, "display.max_columns", 20)
            raise AssertionError(
                f"{name}: {mine[bad[0]]} for {values[bad[0]]} in {loans[loan]}\n{terms}\n"
                f"{pd.DataFrame([vars(row) for row in rows[loan]])}\n{good[good['loan_id'] == loan]}"
            )
    check_laws(good)
    return len(good)


def check_laws(rows: pd.DataFrame) -> None:
    """I22 and I23: every row rolls forward, balances meet, the last is 0, and principal is what was drawn."""
    money = {
        name: rows[name].to_numpy().astype(np.int64) for name in (*loan_books.MONEY, "prepayment", "fee")
    }
    up = money["opening_balance"] + money["draw"] + money["pik"]
    assert (up - money["principal"] - money["prepayment"] == money["closing_balance"]).all()
    assert (
        money["interest"] + money["principal"] + money["prepayment"] + money["fee"] == money["payment"]
    ).all()
    ids = rows["loan_id"].to_numpy()
    if not len(ids):
        return
    first = np.append(True, ids[1:] != ids[:-1])
    last = np.append(ids[1:] != ids[:-1], True)
    assert (money["opening_balance"][first] == 0).all()
    assert (money["closing_balance"][last] == 0).all()
    assert (money["opening_balance"][~first] == money["closing_balance"][:-1][~last[:-1]]).all()
    assert (money["principal"] >= 0).all()
    of = np.cumsum(first) - 1
    drawn = np.zeros(of[-1] + 1, dtype=object)
    for name, sign in (("draw", 1), ("pik", 1), ("principal", -1), ("prepayment", -1)):
        np.add.at(drawn, of, sign * money[name].astype(object))
    assert (drawn == 0).all()


def books(seed: int, count: int, of: int) -> Iterator[tuple[list[Loan], Terms]]:
    random = Random(seed)
    for _ in range(count):
        terms = loan_books.random_terms(random)
        yield [loan_books.random_loan(random) for _ in range(of)], terms


def compare_books(seed: int, count: int) -> int:
    """Hold `count` random books of 500 loans against the oracle; return how many rows were equal."""
    return sum(compare(loans, terms) for loans, terms in books(seed, count, 500))


def test_random_loans_agree_with_the_oracle_to_the_cent() -> None:
    assert compare_books(1, 20) > 150_000


@pytest.mark.skipif(not DEEP, reason="a million loans: set NEOCALC_DEEP=1 (make test-deep)")
@pytest.mark.parametrize("tenth", range(10))
def test_a_million_loans_agree_with_the_oracle_to_the_cent(tenth: int) -> None:
    """Every profile, day count, frequency and stub, a tenth at a time, in as many processes as there are cores."""
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        rows = pool.starmap(compare_books, [(100 + 10 * tenth + part, 20) for part in range(10)], chunksize=1)
    print(f"\n100,000 loans, {sum(rows):,} rows: 0 minor units off")


def test_the_generator_makes_the_awkward_loans() -> None:
    random = Random(2)
    loans = [loan_books.random_loan(random) for _ in range(3_000)]
    shares = {name: sum(map(hit, loans)) / len(loans) for name, hit in loan_books.EDGE_CLASSES.items()}
    assert {name: share for name, share in shares.items() if share < 0.01} == {}


def test_long_loans_agree_with_the_oracle() -> None:
    random = Random(3)
    for _ in range(20 if DEEP else 2):
        loans = [loan_books.random_loan(random, longest=360) for _ in range(60)]
        compare(loans, loan_books.random_terms(random))


# --- unrounded ------------------------------------------------------------------------------------------------


def test_unrounded_schedules_agree_with_exact_fractions() -> None:
    """Held to 1e-12 of the loan; a payment that is left out or added by float dust would be far off."""
    random = Random(4)
    terms = Terms(rounded=False, negative_allowed=True)
    loans = [loan_books.random_loan(random, longest=24) for _ in range(400)]
    loans = [loan for loan in loans if loan.principal > 0 and loan.payment is None]
    rows, codes = loan_books.expected(loans, terms)
    sound = [n for n, code in enumerate(codes) if code is None]
    loans, rows = [loans[n] for n in sound], [rows[n] for n in sound]
    book = loan_books.frame(loans)
    for name in ("principal", "payment", "balance_cap"):
        book[name] = book[name].astype("Float64") / 100
    schedule = loan_books.beside(loans)
    schedule["principal_schedule"]["principal"] = (
        schedule["principal_schedule"]["principal"].astype("Float64") / 100
    )
    found = nc.amortize(book, **{**loan_books.options(terms), **schedule})
    wanted = table(rows)
    assert len(found) == len(wanted["loan_id"])
    scale = np.array([loan.principal for loan in loans])[wanted["loan_id"]] / 100
    for name in loan_books.MONEY:
        exact = np.array([float(value) / 100 for value in wanted[name]])
        assert np.abs(found[name].to_numpy(dtype=float) - exact).max(initial=0) <= (1e-12 * scale).max()
        assert (np.abs(found[name].to_numpy(dtype=float) - exact) <= 2e-12 * scale).all()
    last = np.append(wanted["loan_id"][1:] != wanted["loan_id"][:-1], True)
    assert (found["closing_balance"].to_numpy()[last] == 0.0).all()


# --- the level payment ----------------------------------------------------------------------------------------


def half_even(top: int, bottom: int) -> int:
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def annual(principals: Sequence[int], rate: Fraction, years: int) -> list[int]:
    """Level payments of yearly loans, in minor units."""
    book = pd.DataFrame(
        {
            "principal": np.array(principals, dtype=np.int64),
            "start_date": "2001-01-01",
            "term_months": 12 * years,
            "annual_rate": float(rate),
            "frequency": "annual",
        }
    )
    found = nc.payment_amount(book, amounts="minor", allow_high_rate=True)["payment"]
    return [int(value) for value in found]


def test_level_payments_next_to_ties_and_on_them() -> None:
    """Principals are solved for whose exact payment lies at k + 1/2, or as near to it as a whole one can."""
    random = Random(5)
    tested = ties = 0
    for _ in range(400 if DEEP else 100):
        years = random.randint(1, 40)
        kind = random.random()
        if kind < 0.4:  # few digits, so that true ties exist
            rate = Fraction(random.choice((0, 1, 2, 3, 4, 5, 8, 10)), random.choice((2, 4, 5, 8, 10)))
            years = random.randint(1, 6)
        else:
            rate = loan_books.random_rate(random)
        per_unit = level_payment(1 + rate, [1 + rate] * (years - 1))
        principals = []
        for _ in range(100):
            whole = random.randrange(10 ** random.randint(1, 14))
            near = round((whole + Fraction(1, 2)) / per_unit)
            principals.append(max(0, min(near + random.randint(-1, 1), 2**60)))
        exact = [per_unit * principal for principal in principals]
        assert annual(principals, rate, years) == [half_even(e.numerator, e.denominator) for e in exact]
        tested += len(principals)
        ties += sum(e.denominator == 2 for e in exact)
    assert tested >= 10_000
    assert ties >= 100


def test_level_payments_over_real_periods_are_the_exact_annuity() -> None:
    """The first level payment of 10,000 loans, by the definition, with unequal periods."""
    random = Random(6)
    loans = []
    while len(loans) < (40_000 if DEEP else 10_000):
        loan = loan_books.random_loan(random, longest=20)
        plain = {"profile": "level_payment", "rate_steps": (), "skipped": (), "schedule": (), "payment": None}
        loans.append(Loan(**{**vars(loan), **plain, "balance_cap": None}))
    terms = Terms()
    found = nc.payment_amount(
        loan_books.frame(loans), amounts="minor", on_error="flag", **loan_books.options(terms)
    )
    from oracles.loans import Engine, Refused

    for loan, value, issue in zip(loans, found["payment"], found["issue"], strict=True):
        try:
            engine = Engine(loan, terms)
        except Refused as refused:
            assert refused.code == issue
            continue
        growth = [1 + loan.rate * time for time in engine.level_times[engine.interest_only :]]
        exact = level_payment(loan.principal * growth[0], growth[1:]) if growth else Fraction(0)
        if loan.principal:
            assert int(value) == half_even(exact.numerator, exact.denominator), loan


# --- published schedules --------------------------------------------------------------------------------------


def test_equal_instalments_of_fineract(outside_oracles: Path) -> None:
    """apache/fineract ProgressiveEMICalculatorTest: every instalment, interest, principal and balance it prints."""
    by_case: dict[str, list[dict[str, str]]] = {}
    with (outside_oracles / "fineract_emi.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            by_case.setdefault(row["case_id"], []).append(row)
    assert by_case
    for rows in by_case.values():
        last = {int(row["period"]): row for row in rows}  # of a period's parts, the last has the whole
        first = rows[0]
        day_count = {"DAYS_360": "30/360", "ACTUAL": "ACT/ACT ISDA"}[first["days_in_year"]]
        book = pd.DataFrame(
            {
                "principal": [float(first["disbursed"])],
                "start_date": [first["start"]],
                "term_months": [len(last) * int(first["every"])],
                "annual_rate": [round(float(first["rate_pct"]) / 100, 12)],
                "day_count": [day_count],
            }
        )
        found = nc.amortize(book).iloc[1:]
        assert len(found) == len(last)
        for mine, row in zip(found.itertuples(), last.values(), strict=True):
            assert str(mine.payment_date.date()) == row["end"]
            for value, name in (
                (mine.payment, "emi"),
                (mine.interest, "interest_due"),
                (mine.principal, "principal_due"),
                (mine.closing_balance, "balance"),
            ):
                assert round(abs(value - float(row[name])), 2) <= 0.01 * (
                    name == "emi" and mine.Index == len(last)
                )


def test_annuities_of_quantlib(outside_oracles: Path) -> None:
    """lballabio/QuantLib testAmortizingFixedRateBond: thirty years of months, per 100."""
    with (outside_oracles / "quantlib_annuity.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) > 10
    book = pd.DataFrame(
        {
            "principal": [float(row["principal"]) for row in rows],
            "start_date": "2001-01-01",
            "term_months": [int(row["n_periods"]) for row in rows],
            "annual_rate": [float(row["annual_rate"]) for row in rows],
        }
    )
    found = nc.payment_amount(book, rounding=None)["payment"]
    for value, row in zip(found, rows, strict=True):
        assert abs(value - float(row["expected"])) <= float(row["tol"])
