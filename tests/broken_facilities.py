"""Facilities with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import neocalc as nc

ROWS = ["a", "b"]


def _facility(beside: dict[str, dict[str, Any]], **columns: Any) -> Callable[[], object]:
    good = {"loan_id": ROWS, "commitment": 1000.0, "start_date": "2025-01-15", "term_months": 24}
    loans = pd.DataFrame(
        {**good, "annual_rate": 0.08, "profile": "bullet", "draw_end_date": "2025-12-31"} | columns
    )
    frames = {name: pd.DataFrame({"loan_id": ROWS, **table}) for name, table in beside.items()}
    return lambda: nc.amortize(loans, **frames)


def _drawn(date: str = "2025-03-01", amount: Any = 100.0) -> dict[str, Any]:
    return {"date": date, "amount": amount}


_SCULPTED: dict[str, Any] = {"principal": 100.0, "profile": "sculpted", "target_dscr": 1.3}
_SECURED: dict[str, Any] = {"principal": 80.01, "profile": "borrowing_base", "advance_rate": 0.8}

BROKEN_FACILITIES: dict[str, Callable[[], object]] = {
    "commitment": _facility({"draws": _drawn(amount=1000.01)}),
    "redraw": _facility({"draws": _drawn(amount=-1.0)}),
    "draw_window": _facility({"draws": _drawn(date="2026-01-01")}),
    "overpayment": _facility({"draws": _drawn(), "prepayments": _drawn("2025-06-01", 100.01)}),
    "negative_cash_flow": _facility({"cash_flow": {"date": "2025-02-15", "cfads": -0.01}}, **_SCULPTED),
    "borrowing_base": _facility(
        {"collateral": {"period_end": "2025-01-01", "closing_book_value": 100.0}}, **_SECURED
    ),
    "refinancing_circle": _facility(
        {"draws": _drawn(), "refinancings": {"date": "2025-06-01", "into_loan_id": ["b", "a"]}}
    ),
    "refinanced_loan": _facility(
        {
            "draws": _drawn(amount=[5000.0, 100.0]),
            "refinancings": {"loan_id": "a", "date": ["2025-06-01"], "into_loan_id": "b"},
        }
    ),
}
