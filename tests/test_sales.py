"""What a sale leaves of its month's charge: by days, and by use."""

from __future__ import annotations

import pandas as pd
import pytest

import neocalc as nc
from test_events import asset, months, rows


@pytest.mark.parametrize(
    ("sold", "left"),
    [
        ("2025-01-15", 0.0),  # the day of service
        ("2025-01-25", 100.0),
        ("2025-01-31", 160.0),
        ("2025-03-10", 90.0),
        ("2025-07-10", 90.0),
        ("2025-07-15", 140.0),  # the day after the life ended
        ("2025-07-31", 140.0),
    ],
)
@pytest.mark.parametrize(("cost", "rounding"), [(1810.0, "balance"), (1810.0, None), (1860.0, "level")])
def test_a_sale_leaves_the_days_before_it(cost: float, rounding: str | None, sold: str, left: float) -> None:
    # 15 January to 14 July are 181 days: 10.00 a day. Level: 310.00 a month, all of these months of 31 days.
    fleet = asset(cost).assign(in_service_date="2025-01-15")
    policy = nc.straight_line(months=6, convention="actual_days")
    happened = {"date": sold, "kind": "disposal", "proceeds": 0.0}
    found = rows(fleet, happened, policy=policy, rounding=rounding)
    assert months(found)[-1] == pytest.approx(left)
    assert found["gain"].iloc[-1] == pytest.approx(sum(months(found)) - cost)


def test_half_of_it_sold_on_a_day_of_its_first_month() -> None:
    # Half is charged for 10 days, the other half for 17.
    policy = nc.straight_line(months=6, convention="actual_days")
    half = {"date": "2025-01-25", "kind": "disposal", "share": 0.5}
    found = rows(asset(1810.0).assign(in_service_date="2025-01-15"), half, policy=policy)
    assert months(found)[:2] == [50.0 + 85.0, 140.0]


def test_use_in_the_month_of_sale_is_charged() -> None:
    # What was used was used before the sale, whatever a month of service counts for.
    usage = pd.DataFrame(
        {"asset_id": ["a", "a"], "date": ["2025-01-31", "2025-02-28"], "units": [300.0, 100.0]}
    )
    policy = nc.units_of_production(total_units=1200)
    sale = {"date": "2025-02-20", "kind": "disposal", "proceeds": 850.0}
    found = rows(asset(), sale, policy=policy, usage=usage)
    assert months(found) == [300.0, 100.0]
    assert found["gain"].tolist() == [0.0, 50.0]
    given = rows(asset(), sale, policy=policy, usage=usage, disposal_convention="mid_month")
    assert months(given) == [300.0, 50.0]
