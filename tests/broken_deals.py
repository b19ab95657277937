"""Deals with one thing wrong, by the code that they provoke."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import neocalc as nc
from published_deals import small

TERMS: dict[str, Any] = {"name": "SPV", "start": "2025-01-01", "end": "2025-12-31"}
ASSET = {"asset_id": ["a"], "cost": [600.0], "in_service_date": ["2025-01-01"]}
LADDER = {
    "facility_id": ["old"],
    "kind": ["ladder"],
    "start_date": ["2025-01-01"],
    "term_months": [24],
    "principal": [5.0],
    "annual_rate": [0.1],
}
PRICE = {"gpu_model": ["H100"], "date": ["2025-01-01"], "hourly_price": [2.0]}


def _deal(opening: dict[str, Any] | None = None, **tables: dict[str, Any]) -> nc.Deal:
    frames = {name: pd.DataFrame(table) for name, table in tables.items()}
    books = {"6y": nc.straight_line(years=6)}
    return nc.Deal(**TERMS, opening={"cash": 1.0} if opening is None else opening, books=books, **frames)


def _folder(*files: tuple[str, bytes]) -> nc.Deal:
    with tempfile.TemporaryDirectory() as name:
        terms = b'deal = { name = "SPV", start = 2025-01-01, end = 2025-12-31 }\nopening = { cash = 1 }\n'
        for file, content in (("deal.toml", terms), *files):
            (Path(name) / file).write_bytes(content)
        return nc.load_deal(name)


COSTS = b"cost_id,monthly_amount\npower,1\n"
BROKEN_DEALS: dict[str, Callable[[], object]] = {
    "measure_unknown": lambda: small({"measure": "income_statement.revenu", "value": [1.0]}).checks,
    "formula": lambda: _deal(
        metrics={"name": ["m"], "numerator": ["cash *"]},
        covenants={"covenant_id": ["c"], "metric": ["m"], "threshold": [1.0]},
    ),
    "unknown_key": lambda: _deal({"cash": 1.0, "csah": 2.0}),
    "missing_key": lambda: _deal({}),
    "unknown_column": lambda: _deal(assets={**ASSET, "colour": ["red"]}),
    "unknown_table": lambda: _folder(("cost.csv", COSTS)),
    "missing_table": lambda: _deal(prices=PRICE),
    "duplicate_table": lambda: _folder(("costs.csv", COSTS), ("costs.parquet", b"")),
    "file": lambda: _folder(("costs.csv", b"\xff\xfe")),
    "payments": lambda: _deal(assets=ASSET, asset_payments={"asset_id": ["a"], "date": ["2025-01-01"], "amount": [1.0]}),
    "curve": lambda: _deal(value_curves={"gpu_model": ["H"], "age_months": [3], "value_share": [-1.0]}),
    "missing_ladder": lambda: _deal(facilities=LADDER),
    "opening_balance": lambda: _deal({"cash": 1.0, "equity": 2.0}).run(),
}  # fmt: skip
