"""Covenants with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import neocalc as nc

ENDS = ["2025-03-31", "2025-06-30"]


def _tested(ends: list[str] = ENDS, beside: dict[str, Any] | None = None, **terms: Any) -> None:
    measures = pd.DataFrame({"entity_id": "A", "period_end": ends, "cash": 100.0})
    good = {"covenant_id": ["a"], "entity_id": "A", "metric": "liquidity", "threshold": 50.0}
    frames = {name: pd.DataFrame(columns) for name, columns in (beside or {}).items()}
    nc.check_covenants(measures, pd.DataFrame({**good, **terms}), **frames)


def _cured(**columns: Any) -> Callable[[], object]:
    cure = {"entity_id": ["A"], "period_end": ENDS[0], "amount": 5.0, **columns}
    return lambda: _tested(beside={"cures": cure})


def _jumps() -> None:
    debt = {
        "loan_id": ["l", "l"],
        "payment_date": ENDS,
        "opening_balance": [0.0, 5.0],
        "closing_balance": [6.0, 0.0],
    }
    nc.measures(debt=pd.DataFrame(debt))


_OWN = {"entity_id": ["A"], "trigger_entity_id": ["A"]}
BROKEN_COVENANTS: dict[str, Callable[[], object]] = {
    "metric_unknown": lambda: _tested(metric="liqiudity"),
    "entity_unknown": lambda: _tested(entity_id="B"),
    "limit_sense": lambda: _tested(limit="max"),
    "test_frequency": lambda: _tested(test_frequency="M"),
    "overlap": lambda: _tested(covenant_id=["a", "a"]),
    "duplicate_period": lambda: _tested([ENDS[0], ENDS[0]]),
    "period_grid": lambda: _tested([ENDS[0], "2025-05-31"]),
    "period_unknown": _cured(period_end="2030-03-31"),
    "covenant_unknown": _cured(covenant_id=["x"]),
    "roll_forward": _jumps,
    "self_reference": lambda: _tested(beside={"cross_default": _OWN}),
}
