"""A deal of one asset with a published figure, to test what is computed beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd

import neocalc as nc


def small(published: dict[str, Any], **more: Any) -> nc.DealResult:
    figures = pd.DataFrame(
        {"figure_id": ["f"], "kind": ["E"], "tolerance": [0.0], "period_end": ["2025-12-31"], **published}
    )
    given = {"opening": {"cash": 100.0}, "books": {"4y": nc.straight_line(years=4)}, **more}
    return nc.Deal(
        name="SPV", start="2025-01-01", end="2025-12-31", published=figures,
        assets=pd.DataFrame({"asset_id": ["A"], "cost": [480.0], "in_service_date": ["2024-07-01"]}), **given,
    ).run()  # fmt: skip
