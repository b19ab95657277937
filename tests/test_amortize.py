"""Schedules of loans against the oracle, cell by cell, and against published ones."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import loan_books
import neocalc as nc
from oracles.loans import Loan, Row, Terms, amortize, level_payment

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
    money = {name: rows[name].to_numpy().astype(np.int64) for name in (*loan_books.MONEY, "prepayment", "fee")}
    up = money["opening_balance"] + money["draw"] + money["pik"]
    assert (up - money["principal"] - money["prepayment"] == money["closing_balance"]).all()
    assert (money["interest"] + money["principal"] + money["prepayment"] + money["fee"] == money["payment"]).all()
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


def test_random_loans_agree_with_the_oracle_to_the_cent() -> None:
    rows = 0
    for loans, terms in books(1, 250 if DEEP else 20, 500):
        rows += compare(loans, terms)
    assert rows > 150_000


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
