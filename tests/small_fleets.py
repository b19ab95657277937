"""Small fleets to call the verbs on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import neocalc as nc

MONEY = [
    "opening_book_value",
    "additions",
    "depreciation",
    "impairment",
    "reversals",
    "disposals",
    "closing_book_value",
    "accumulated_depreciation",
]


def fleet(**columns: Any) -> pd.DataFrame:
    """Two assets; columns given replace or add to these."""
    data: dict[str, Any] = {
        "asset_id": ["a", "b"],
        "cost": [4800.0, 7200.0],
        "in_service_date": pd.to_datetime(["2025-01-15", "2025-03-01"]),
    }
    return pd.DataFrame({**data, **columns})


def big_fleet(rows: int = 300, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    life = random.integers(12, 80, rows).astype(float)
    life[random.random(rows) < 0.5] = np.nan
    return pd.DataFrame(
        {
            "asset_id": [f"asset-{i}" for i in random.permutation(rows)],
            "cost": random.integers(1, 10**9, rows) / 100,
            "in_service_date": np.datetime64("2021-01-01", "us")
            + random.integers(0, 1500, rows).astype("m8[D]"),
            "useful_life_months": life,
            "site": random.choice(np.array(["north", "south", None], dtype=object), rows),
            "model": pd.Categorical.from_codes(
                random.integers(-1, 3, rows), ["H100", "B200", "A100", "unused"]
            ),
        }
    )


def cents(values: Any) -> list[int]:
    return [round(float(v) * 100) for v in values]


YEARS = nc.straight_line(years=4)
