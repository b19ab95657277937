"""Loans and contracts with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import neocalc as nc
from actus_by_hand import LAM, PAM
from neocalc import actus

RESETS = {
    **PAM,
    "cycleAnchorDateOfRateReset": "2024-02-01",
    "cycleOfRateReset": "P1ML1",
    "marketObjectCodeOfRateReset": "SOFR",
}


def _lent(steps: dict[str, Any] | None = None, rates: Any = None, **columns: Any) -> None:
    loan = {"loan_id": ["a"], "principal": [1000.0], "start_date": ["2025-01-15"], "annual_rate": [0.12]}
    months = {} if "term" in columns else {"term_months": [12]}
    frame = pd.DataFrame({**loan, **months, **columns})
    nc.amortize(frame, rate_steps=steps and pd.DataFrame(steps), rates=rates)


def _contract(terms: dict[str, Any], observations: Any = None) -> Callable[[], object]:
    return lambda: actus.events(terms, observations)


def _observed(*dates: str) -> pd.DataFrame:
    return pd.DataFrame({"code": "SOFR", "index": "SOFR", "date": dates, "value": 0.04})


BROKEN_CONTRACTS: dict[str, Callable[[], object]] = {
    "choice": lambda: _lent(profile="balloon"),
    "rate_unit": lambda: _lent(annual_rate=12.0),
    "term_unit": lambda: _lent(term=12, maturity_date="2026-01-15"),
    "profile": lambda: _lent(profile="bullet", payment=100.0),
    "negative_amortization": lambda: _lent(payment=9.99),
    "never_amortises": lambda: _lent(payment=10.0),
    "duplicate_date": lambda: _lent(
        {"loan_id": ["a", "a"], "date": ["2025-03-15"] * 2, "annual_rate": [0.1, 0.2]}
    ),
    "rate_conflict": lambda: _lent(index="SOFR", margin_rate=0.04, rates=_observed("2025-01-01")),
    "term_unknown": _contract({**PAM, "notionalPrinciple": 5.0}),
    "term_missing": _contract({**PAM, "dayCountConvention": None}),
    "term_conflict": _contract({**LAM, "arrayRate": [0.1]}),
    "observation_missing": _contract(RESETS, _observed("2030-01-01")),
    "curve_order": _contract(RESETS, _observed("2024-01-15", "2024-01-01")),
    "curve_duplicate": _contract(RESETS, _observed("2024-01-01", "2024-01-01")),
}
