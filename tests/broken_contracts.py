"""Loans and contracts with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

import neocalc as nc
from actus_by_hand import LAM, PAM
from broken_loans import good
from neocalc import actus

RESETS = {
    **PAM,
    "cycleAnchorDateOfRateReset": "2024-02-01",
    "cycleOfRateReset": "P1ML1",
    "marketObjectCodeOfRateReset": "SOFR",
}


def _loans(**columns: Any) -> Callable[[], object]:
    return lambda: nc.amortize(pd.DataFrame(good(**columns)))


def _steps(*dates: str) -> Callable[[], object]:
    steps = pd.DataFrame({"loan_id": "a", "date": dates, "annual_rate": 0.05})
    return lambda: nc.amortize(pd.DataFrame(good()), rate_steps=steps)


def _contract(terms: dict[str, Any], observations: Any = None) -> Callable[[], object]:
    return lambda: actus.events(terms, observations)


def _observed(*dates: str) -> pd.DataFrame:
    return pd.DataFrame({"code": "SOFR", "date": dates, "value": 0.04})


BROKEN_CONTRACTS: dict[str, Callable[[], object]] = {
    "choice": _loans(profile="level"),
    "rate_unit": _loans(annual_rate=5.0),
    "term_unit": lambda: nc.amortize(pd.DataFrame(good(term=12)).drop(columns="term_months")),
    "profile": _loans(profile="bullet", amortization_months=60),
    "negative_amortization": _loans(payment=0.01),
    "never_amortises": _loans(principal=1200.0, annual_rate=0.12, day_count="30/360", payment=12.0),
    "duplicate_date": _steps("2025-06-15", "2025-06-15"),
    "term_unknown": _contract({**PAM, "notionalPrinciple": 5.0}),
    "term_missing": _contract({**PAM, "dayCountConvention": None}),
    "term_conflict": _contract({**LAM, "arrayRate": [0.1]}),
    "observation_missing": _contract(RESETS, _observed("2030-01-01")),
    "curve_order": _contract(RESETS, _observed("2024-01-15", "2024-01-01")),
    "curve_duplicate": _contract(RESETS, _observed("2024-01-01", "2024-01-01")),
}
