"""Loan books with something wrong, and what the error about it must hold."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from neocalc.errors import Issue

ROWS = 4


def good(**columns: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "loan_id": ["a", "b", "c", "d"],
        "principal": [1000.0, 2000.0, 3000.0, 4000.0],
        "start_date": pd.Series(["2025-01-15"] * ROWS, dtype="datetime64[us]"),
        "term_months": [12, 24, 36, 48],
        "annual_rate": [0.05, 0.06, 0.07, 0.08],
        "profile": ["level_payment"] * ROWS,
    }
    return {**data, **columns}


def third(value: Any, other: Any, dtype: Any = None) -> pd.Series:
    """A column of `other` with `value` in row 2."""
    return pd.Series([other, other, value, other], dtype=dtype)


def refused(data: Any, **options: Any) -> nc.InputError:
    """The error of every verb: all agree, and the error is whole."""
    if isinstance(data, dict):
        data = pd.DataFrame(data)
    found = []
    calls = [lambda: nc.amortize(data, **options), lambda: nc.amortize(data, by=[], **options)]
    if not {"rate_steps", "principal_schedule", "payment_holidays", "start", "columns"} & set(options):
        calls.append(lambda: nc.payment_amount(data, **options))
    for call in calls:
        with pytest.raises(nc.InputError) as caught:
            call()
        found.append(caught.value)
    error = found[0]
    if "loan_id" in list(data.columns if hasattr(data, "columns") else data.column_names):
        assert all(other.issues == error.issues for other in found)
    for_rows = ("by", "columns", "start", "end", "freq", "on_error", "keep_id_dtype")
    listed = nc.validate_loans(
        data, **{name: value for name, value in options.items() if name not in for_rows}
    )
    codes = listed["code"].to_pylist() if hasattr(listed["code"], "to_pylist") else listed["code"].to_list()
    assert codes == error.issues["code"]
    for issue in error.issues:
        assert issue.hint
        assert issue.rule == nc.list_error_codes()[issue.code][0]
        assert issue.n_bad >= len(issue.rows)
        assert len(issue.ids) == len(issue.index_labels) == len(issue.rows) <= 5
        assert list(issue.rows) == sorted(issue.rows)
    assert len(str(error).splitlines()) <= 20
    assert str(error).startswith("loans: ")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again), again.n_rows) == (error.issues, str(error), error.n_rows)
    assert copy.deepcopy(error).issues == error.issues
    return error


def one(data: Any, column: str, code: str, row: int | None = 2, **options: Any) -> Issue:
    """The only issue of an error, at a row (or of the whole column)."""
    error = refused(data, **options)
    assert [(i.column, i.code) for i in error.issues] == [(column, code)], str(error)
    issue: Issue = error.issues[0]
    if row is None:
        assert issue.rows == ()
    else:
        assert (issue.rows, issue.n_bad) == ((row,), 1)
        if isinstance(data, dict) and column != "loan_id" and "." not in column:
            assert issue.ids == ("abcd"[row],)
            assert f"row {row} (loan {'abcd'[row]})" in str(error)
    return issue
