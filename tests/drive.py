"""Runs the compiled core on oracle assets, with no frame layer in between."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from neocalc import _core
from oracles.straight_line import CONVENTIONS, Asset, Row

MONEY = ("opening_book_value", "additions", "depreciation", "closing_book_value", "accumulated_depreciation")
EPOCH = date(1970, 1, 1)


def days(day: date | None) -> int:
    return 0 if day is None else (day - EPOCH).days


def core_settings(**options: Any) -> _core.Settings:
    """``rounding=None`` and ``start``/``end`` as dates, as the Python layer takes them."""
    if options.get("rounding", "balance") is None:
        options["rounding"] = "none"
    if "rows" in options:
        options["rows_all"] = options.pop("rows") == "all"
    for side in ("start", "end"):
        if options.get(side) is not None:
            options[side] = days(options[side])
    return _core.Settings(**options)


def core_fleet(assets: Sequence[Asset], amounts: str = "minor", minor_units: int = 2) -> _core.Fleet:
    """The assets as columns: int64 minor units, or float64 major units nearest to them."""

    def money(values: list[Any]) -> np.ndarray:
        if amounts == "minor":
            return np.array(values, dtype=np.int64)
        return np.array([float(value / 10**minor_units) for value in values], dtype=np.float64)

    return _core.Fleet(
        money([asset.cost for asset in assets]),
        np.array([days(asset.in_service) for asset in assets], dtype=np.int64),
        "D",
        residual_value=money([asset.residual or 0 for asset in assets]),
        residual_null=np.array([asset.residual is None for asset in assets], dtype=bool),
        useful_life_months=np.array([asset.life_months for asset in assets], dtype=np.int64),
        opening_accumulated=money([asset.opening_accumulated for asset in assets]),
        opening_null=np.array([asset.opening_date is None for asset in assets], dtype=bool),
        opening_date=np.array([days(asset.opening_date) for asset in assets], dtype=np.int64),
        opening_date_unit="D",
        opening_date_null=np.array([asset.opening_date is None for asset in assets], dtype=bool),
    )


def core_run(assets: Sequence[Asset]) -> _core.Run:
    """One spec per convention and residual rate; each asset points to its own."""
    keys = sorted({(CONVENTIONS.index(asset.convention), asset.residual_rate) for asset in assets})
    codes = np.array(
        [keys.index((CONVENTIONS.index(asset.convention), asset.residual_rate)) for asset in assets],
        dtype=np.int32,
    )
    return _core.Run(
        [
            (0, False, rate, CONVENTIONS[convention], _core.Method.straight_line())
            for convention, rate in keys
        ],
        codes,
    )


@dataclass
class Result:
    counts: np.ndarray
    period_end: np.ndarray  # days since the epoch
    money: dict[str, np.ndarray]

    def digest(self) -> str:
        parts = [self.counts, self.period_end, *(self.money[name] for name in MONEY)]
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

    def ledger(self) -> list[list[Row]]:
        """As the oracle gives it."""
        ends = [EPOCH + timedelta(days=int(day)) for day in self.period_end]
        columns = [self.money[name].tolist() for name in MONEY]
        lines = [Row(*line) for line in zip(ends, *columns, strict=True)]
        out, at = [], 0
        for count in self.counts.tolist():
            out.append(lines[at : at + count])
            at += count
        return out


def run_rows(
    assets: Sequence[Asset], settings: _core.Settings, amounts: str = "minor", minor_units: int = 2
) -> Result:
    return fill_rows(core_fleet(assets, amounts, minor_units), core_run(assets), settings, amounts)


def fill_rows(
    fleet: _core.Fleet,
    run: _core.Run,
    settings: _core.Settings,
    amounts: str = "minor",
    columns: Sequence[str] = MONEY,
) -> Result:
    plan = _core.plan_rows(fleet, run, settings)
    assert not plan.issues, plan.issues
    kind = np.int64 if amounts == "minor" else np.float64
    period_end = np.empty(plan.n_rows, dtype=np.int32)
    money: dict[str, Any] = {name: np.empty(plan.n_rows, dtype=kind) for name in columns}
    plan.fill(period_end=period_end, money=money)
    return Result(np.asarray(plan.counts), period_end, money)


def core_ledger(assets: Sequence[Asset], amounts: str = "minor", **options: Any) -> list[list[Row]]:
    if not any(asset.cost >= 0 for asset in assets):
        options.setdefault("allow_credit", True)
    options.setdefault("allow_credit", any(asset.cost < 0 for asset in assets))
    return run_rows(assets, core_settings(**options), amounts, options.get("minor_units", 2)).ledger()
