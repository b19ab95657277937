"""Small calls, where the frame layer is all there is: one asset, and a thousand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from fleet import END, START, make
from harness import Peer

import neocalc as nc


def one_asset_peers() -> list[Peer]:
    """One asset through `depreciate`, beside building the frame that goes in and the one that comes out."""
    policy = nc.straight_line(years=4)
    fleet = pd.DataFrame({"cost": [123_456.78], "in_service_date": pd.to_datetime(["2025-01-15"])})
    result = nc.depreciate(fleet, policy)
    columns = {name: result[name].to_numpy() for name in result.columns}
    cost, date = np.array([123_456.78]), np.array(["2025-01-15"], dtype="datetime64[us]")

    def frames() -> Any:
        pd.DataFrame({"cost": cost, "in_service_date": date})
        return pd.DataFrame(columns, copy=False)

    def with_input() -> Any:
        return nc.depreciate(pd.DataFrame({"cost": cost, "in_service_date": date}), policy)

    return [
        Peer("pandas: the two frames alone", frames, 500),
        Peer("neocalc depreciate, frame made in the loop", with_input, 500),
        Peer("neocalc depreciate", lambda: nc.depreciate(fleet, policy), 500),
    ]


def thousand_peers() -> list[Peer]:
    """A thousand assets to totals, and to rows beside building the same frame."""
    fleet = make(1_000).frame
    fleet["site"] = pd.Categorical.from_codes(
        np.arange(1_000) % 8, categories=[f"site-{n}" for n in range(8)]
    )
    policy = nc.straight_line(years=4)
    rows = nc.depreciate(fleet, policy)
    columns = {name: rows[name].to_numpy().copy() for name in rows.columns}

    def frame() -> Any:
        return pd.DataFrame({name: column.copy() for name, column in columns.items()}, copy=False)

    return [
        Peer("pandas: the frame of rows, copied together", frame, 50),
        Peer("neocalc depreciate, rows", lambda: nc.depreciate(fleet, policy), 50),
        Peer("neocalc depreciate, totals by 8 sites", lambda: nc.depreciate(fleet, policy, by=["site"]), 100),
        Peer(
            "neocalc compare_lives, charges by 8 sites",
            lambda: nc.compare_lives(fleet, by=["site"], start=START, end=END, columns=["depreciation"]),
            100,
        ),
    ]
