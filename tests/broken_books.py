"""Contracts of customers and leases with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

import neocalc as nc


def _contract(**columns: object) -> pd.DataFrame:
    good = {"contract_id": ["A"], "start_date": "2025-01-01", "end_date": "2025-12-31", "total_value": 100.0}
    return pd.DataFrame({**good, **columns})


BROKEN_BOOKS: dict[str, Callable[[], object]] = {
    "prepayment": lambda: nc.contract_schedule(_contract(prepayment_amount=101.0)),
}
