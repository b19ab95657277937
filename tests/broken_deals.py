"""Deals with something wrong: for each code of theirs, one call that ends in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import neocalc as nc
from published_deals import small

_TERMS = 'deal = { name = "A", start = 2025-01-01, end = 2025-12-31 }\nopening = { cash = 1 }\n'
_ASSETS = "asset_id,cost,in_service_date\nA,480,2025-01-01\n"


def _folder(files: dict[str, str], terms: str = _TERMS) -> None:
    with tempfile.TemporaryDirectory() as name:
        for file, text in {"deal.toml": terms, **files}.items():
            (Path(name) / file).write_text(text, encoding="utf-8")
        nc.load_deal(name)


def _deal(terms: dict[str, Any] | None = None, **tables: dict[str, Any]) -> nc.DealResult:
    given: dict[str, Any] = {"opening": {"cash": 1.0}, **(terms or {})}
    frames = {name: pd.DataFrame(columns) for name, columns in tables.items()}
    return nc.Deal(name="A", start="2025-01-01", end="2025-12-31", **given, **frames).run()


_LOAN = {"facility_id": ["loan"], "start_date": ["2025-01-01"], "term_months": [24], "principal": [5.0],
         "annual_rate": [0.1]}  # fmt: skip
_FLEET = {"asset_id": ["A"], "cost": [480.0], "in_service_date": ["2025-01-01"]}
BROKEN_DEALS: dict[str, Callable[[], object]] = {
    "duplicate_table": lambda: _folder({"equity.csv": "date,kind,amount\n", "equity.parquet": ""}),
    "file": lambda: _folder({"equity.parquet": "none"}),
    "measure_unknown": lambda: small({"measure": "income_statement.revenu", "value": [1.0]}).checks,
    "missing_key": lambda: _folder({}, "deal = { name = 'A' }\nopening = { cash = 1 }\n"),
    "missing_ladder": lambda: _deal(facilities={**_LOAN, "kind": ["ladder"]}),
    "missing_table": lambda: _deal(prices={"gpu_model": ["a"], "date": ["2025-01-01"], "hourly_price": [1.0]}),
    "opening_balance": lambda: _deal({"opening": {"cash": 1.0, "equity": 2.0}}),
    "payments": lambda: _deal({"books": {"4y": nc.straight_line(years=4)}}, assets=_FLEET, asset_payments={
        "asset_id": ["A"], "date": ["2025-01-01"], "amount": [479.0]}),
    "unknown_column": lambda: _deal(facilities={**_LOAN, "colour": ["red"]}),
    "unknown_key": lambda: _folder({}, _TERMS + "hedgefund = 1\n"),
    "unknown_table": lambda: _folder({"fleet.csv": _ASSETS}),
}  # fmt: skip
