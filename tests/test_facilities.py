"""Draws, fees, prepayments, sculpting and borrowing bases against plain Python in fractions, to the cent."""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from facility_books import COLUMNS, columns_of, expected, facility_beside, facility_frame, random_facility
from loan_books import options, random_terms

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
    np.testing.assert_array_equal(good["payment_date"].to_numpy("M8[D]"), np.array([r.date for r in flat], "M8[D]"))
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
