"""Fleets with something wrong, and what the error about it must hold."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from broken_books import BROKEN_BOOKS
from broken_contracts import BROKEN_CONTRACTS
from broken_covenants import BROKEN_COVENANTS
from broken_deals import BROKEN_DEALS
from broken_facilities import BROKEN_FACILITIES
from neocalc.errors import Issue

ROWS = 4
POLICY = nc.straight_line(years=4)


def good(**columns: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "asset_id": ["a", "b", "c", "d"],
        "cost": [1000.0, 2000.0, 3000.0, 4000.0],
        "in_service_date": pd.to_datetime(["2025-01-15"] * ROWS).to_series().reset_index(drop=True),
    }
    return {**data, **columns}


def third(value: Any, other: Any, dtype: Any = None) -> pd.Series:
    """A column of `other` with `value` in row 2."""
    return pd.Series([other, other, value, other], dtype=dtype)


def refused(data: Any, policy: Any = POLICY, **options: Any) -> nc.InputError:
    """The error of every verb: all agree, and the error is whole."""
    if isinstance(data, dict):
        data = pd.DataFrame(data)
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(data, policy, **options)
    error = caught.value
    for issue in error.issues:
        assert issue.hint
        assert issue.rule == nc.list_error_codes()[issue.code][0]
        assert issue.n_bad >= len(issue.rows)
        assert len(issue.ids) == len(issue.index_labels) == len(issue.rows) <= 5
        assert list(issue.rows) == sorted(issue.rows)
    assert len(str(error).splitlines()) <= 20
    assert error.code in str(error)
    firsts = [issue.rows[0] if issue.rows else -1 for issue in error.issues]
    assert firsts == sorted(firsts)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again), again.n_rows) == (error.issues, str(error), error.n_rows)
    assert copy.deepcopy(error).issues == error.issues
    if options.get("by") is None:
        shared = {k: v for k, v in options.items() if k not in ("by", "threads")}
        found = nc.validate(data, policy, **shared)
        codes = found["code"].tolist() if isinstance(found, pd.DataFrame) else list(found["code"])
        assert [str(code) for code in codes] == error.issues["code"]
        with pytest.raises(nc.InputError) as caught:
            nc.compare_policies(data, {"this": policy}, **{**options, "by": []})
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
        if isinstance(data, dict) and column != "asset_id":
            assert issue.ids == ("abcd"[row],)
            assert f"row {row} (asset {'abcd'[row]})" in str(error)
    return issue


def _impaired(*models: str, **cash_flows: Any) -> None:
    flows = pd.DataFrame({"gpu_model": ["a"], "date": ["2026-12-31"], "amount": [1.0], **cash_flows})
    frame = pd.DataFrame(good(gpu_model=[*models, *"a" * (ROWS - len(models))]))
    nc.impairment_test(frame, POLICY, as_of="2025-12-31", by=["gpu_model"], cash_flows=flows)


def _valued(model: str, month: int) -> None:
    frame = pd.DataFrame(good(gpu_model=["a"] * ROWS))
    nc.market_values(frame, {model: nc.value_curve({month: 0.5})}, policy=POLICY, as_of="2025-12-31")


def _rate_of(*flows: float) -> None:
    nc.financial.irr(list(flows), several="raise")


# Codes that no fleet alone can have.
BROKEN_BESIDE: dict[str, Callable[[], object]] = {
    **BROKEN_CONTRACTS,
    **BROKEN_COVENANTS,
    **BROKEN_BOOKS,
    **BROKEN_DEALS,
    **BROKEN_FACILITIES,
    "calendar": lambda: nc.calendar.adjust(
        "2025-06-01", "MF", holidays=pd.date_range("2025-06-01", "2025-06-30")
    ),
    "curve_missing": lambda: _valued("b", 12),
    "curve_range": lambda: _valued("a", 10),
    "group_missing": lambda: _impaired("b"),
    "group_unknown": lambda: _impaired(gpu_model=["a", "b"], date="2026-12-31", amount=1.0),
    "past_cash_flow": lambda: _impaired(date="2025-12-31"),
    "other_frame": lambda: nc.validate(pd.DataFrame({"principal": [1.0], "start_date": ["2025-01-15"]})),
    "empty": _rate_of,
    "all_zero": lambda: _rate_of(0.0, 0.0),
    "no_sign_change": lambda: _rate_of(1.0, 2.0),
    "no_root": lambda: _rate_of(1.0, -2.0, 2.0),
    "several_roots": lambda: _rate_of(-1000.0, 2300.0, -1320.0),
}
