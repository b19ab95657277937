"""Posted periods: what is known late changes nothing before the first open month."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from test_events import ONE_YEAR, asset, months, rolls, rows


def test_posted_periods_are_never_rewritten() -> None:
    # Known only in April: from January on half the life. Had it been known, 200 a month.
    late = {"date": "2025-01-01", "kind": "life_change", "remaining_months": 6}
    plain = nc.depreciate(asset(), ONE_YEAR)
    found = rows(asset(), late, posted_through="2025-03-31")
    assert months(found)[:3] == months(plain)[:3]
    assert months(found) == [100.0] * 3 + [500.0, 200.0, 200.0]
    assert months(found, "correction") == [0.0] * 3 + [300.0, 0.0, 0.0]
    # A month later the books of April are closed too: the posting date keeps the correction there.
    again = rows(asset(), {**late, "posting_date": "2025-04-30"}, posted_through="2025-04-30")
    assert months(again) == months(found)
    in_time = rows(asset(), {**late, "posting_date": "2025-01-01"}, posted_through="2025-04-30")
    assert months(in_time) == [200.0] * 6


def test_a_late_sale() -> None:
    found = rows(
        asset(), {"date": "2025-02-10", "kind": "disposal", "proceeds": 1000.0}, posted_through="2025-03-31"
    )
    assert months(found) == [100.0] * 3 + [-200.0]
    assert (found["disposals"].iloc[3], found["gain"].iloc[3], found["correction"].iloc[3]) == (
        1100.0,
        -100.0,
        -200.0,
    )


def test_what_follows_a_late_event_in_time() -> None:
    # Classified in February, known in April; returned in May, as everyone knew. In the books of February to March
    # 200 too much was charged; written down to 500 in April. In May 300 are caught up, so that 800 would have been left
    # in use, of which 700 can be recovered: 87.50 for each of eight months.
    found = rows(
        asset(),
        {"date": "2025-02-10", "kind": "held_for_sale", "amount": 500.0},
        {"date": "2025-05-10", "kind": "returned_to_use", "amount": 700.0},
        posted_through="2025-03-31",
    )
    assert months(found) == [100.0] * 3 + [-200.0, 387.5] + [87.5] * 7
    assert months(found, "impairment")[3] == 600.0
    assert months(found, "reversals")[4] == 500.0


def test_what_follows_a_correction_of_a_correction() -> None:
    # Suspended in February, posted in April; resumed in March, posted in May, when April was closed too.
    found = rows(
        asset(),
        {"date": "2025-02-01", "kind": "suspend", "posting_date": "2025-04-30"},
        {"date": "2025-03-01", "kind": "resume", "posting_date": "2025-05-31"},
        {"date": "2025-06-01", "kind": "suspend"},
        {"date": "2025-07-01", "kind": "resume"},
        posted_through="2025-05-31",
        framework="management",
    )
    # By March 200 too much; then idle in April; by April 200 too little. Idle in June; twelve months in all.
    assert months(found) == [100.0] * 3 + [-200.0, 300.0, 0.0] + [100.0] * 8


def test_a_change_of_estimate_that_the_posted_books_did_not_know() -> None:
    # 4,800 over 4 years, 5 from January 2025 on: 75 a month instead of 100. The books of June are closed.
    fleet = pd.DataFrame(
        {
            "asset_id": ["old", "new"],
            "cost": [4800.0, 4800.0],
            "in_service_date": ["2024-01-01", "2025-04-01"],
        }
    )
    four, five = nc.straight_line(years=4), nc.straight_line(years=5)
    plain = nc.depreciate(fleet, four)

    def half_year(found: pd.DataFrame, name: str) -> list[float]:
        inside = found["period_end"].between("2025-05-01", "2025-09-30")
        return months(found[inside & (found["asset_id"] == name)])

    def changed(*change: Any, **options: Any) -> pd.DataFrame:
        result = nc.depreciate(fleet, four, estimate_changes=[change], **options)
        rolls(result)
        return result

    late = changed("2025-01-10", five, posted_through="2025-06-30")
    # Six months of 25 too much, and three of 100 where 5 years of the new asset say 80.
    assert half_year(late, "old") == [100.0, 100.0, 75.0 - 150.0, 75.0, 75.0]
    assert half_year(late, "new") == [100.0, 100.0, 80.0 - 60.0, 80.0, 80.0]
    assert late["correction"].sum() == -210.0
    for result in (late, changed("2025-01-10", five, "2025-09-01", posted_through="2025-08-31")):
        closed = plain[plain["period_end"] <= "2025-06-30"]
        again = result[result["period_end"] <= "2025-06-30"].drop(columns="correction", errors="ignore")
        pd.testing.assert_frame_equal(
            closed.reset_index(drop=True)[["depreciation", "closing_book_value"]],
            again.reset_index(drop=True)[["depreciation", "closing_book_value"]],
        )
    # A month later the correction stays where it was posted.
    again = changed("2025-01-10", five, "2025-07-05", posted_through="2025-07-31")
    pd.testing.assert_frame_equal(late, again)
    # What was in force was posted in time: by its date, and by a policy that says how it changed.
    in_time = changed("2025-01-10", five)
    for result in (
        changed("2025-01-10", five, "2025-01-15", posted_through="2025-06-30"),
        nc.depreciate(fleet, nc.dated(four, ("2025-01-10", five)), posted_through="2025-06-30"),
    ):
        assert result["correction"].eq(0.0).all()
        pd.testing.assert_frame_equal(result.drop(columns="correction"), in_time)


def test_what_is_no_change_of_estimate() -> None:
    five = nc.straight_line(years=5)
    wrong: list[Any] = [
        ("2025-01-01", five), ["2025-01-01"], [("2025-01-01",)], [("2025-01-01", five, None, None)], "2025-01-01", 5,
        [("2025-01-01", nc.dated(five))], [("2025-01-01", nc.macrs())], [(5, five)], [("2025-01-01", five, "soon")],
        [("2025-01-01", None)],
    ]  # fmt: skip
    for changes in wrong:
        with pytest.raises(nc.ConfigError):
            nc.depreciate(asset(), ONE_YEAR, estimate_changes=changes)
        with pytest.raises(nc.ConfigError):
            nc.estimate_change_effect(asset(), ONE_YEAR, estimate_changes=changes)
