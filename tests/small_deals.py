"""A company with a little of everything, for cases by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

import neocalc as nc

YEAR: dict[str, Any] = {"name": "SPV", "start": "2025-01-01", "end": "2025-12-31"}


def deal(held: float = 0.0, **given: Any) -> nc.Deal:
    return nc.Deal(**{**YEAR, "opening": {"cash": held}, **given})


def term(**columns: Any) -> pd.DataFrame:
    good = {"facility_id": ["loan"], "start_date": ["2025-01-01"], "principal": [1200.0], "term_months": [12], "annual_rate": [0.12],
            "profile": ["level_principal"]}  # fmt: skip
    return pd.DataFrame({**good, **columns})


def contribution(day: str, amount: float) -> pd.DataFrame:
    return pd.DataFrame({"date": [day], "kind": ["contribution"], "amount": [amount]})


def column(frame: Any, name: str, months: int = 12) -> list[Any]:
    return frame[name].head(months).tolist()
