"""MACRS through the public verbs, and books beside the tax return."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd
import pytest

import neocalc as nc


def fleet(*costs: float, day: str = "2024-03-15", **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"asset_id": range(len(costs)), "cost": costs, "in_service_date": day, **more})


def yearly(frame: pd.DataFrame, column: str = "depreciation") -> list[float]:
    return [float(value) for value in frame[column]]


def test_the_half_year_table_by_year() -> None:
    found = nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0), freq="Y")
    assert yearly(found) == [2000.0, 3200.0, 1920.0, 1152.0, 1152.0, 576.0]  # Pub. 946, table A-1
    months = nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0))
    assert yearly(months)[:10] == [200.0] * 10  # 2,000 over the ten months in service
    assert len(months) == 10 + 5 * 12


def test_the_last_quarter_flips_the_year() -> None:
    both = pd.concat([fleet(600.0), fleet(400.01, day="2024-12-01")], ignore_index=True).assign(
        asset_id=[0, 1]
    )
    found = nc.depreciate(both, nc.macrs(bonus_rate=0.0), freq="Y", end="2024-12-31")
    assert yearly(found) == [210.0, 20.0]  # 35 % in the first quarter, 5 % in the fourth
    # 40 % is not more than 40 %.
    both["cost"] = [600.0, 400.0]
    assert yearly(nc.depreciate(both, nc.macrs(bonus_rate=0.0), freq="Y", end="2024-12-31")) == [120.0, 80.0]


def test_section_179_then_bonus_then_the_table() -> None:
    policy = nc.macrs(section_179=1_000, bonus_rate=0.6)
    found = nc.depreciate(fleet(11_000.0), policy, freq="Y")
    # 1,000, then 60 % of 10,000, then 4,000 by the table.
    assert yearly(found)[:2] == [1_000.0 + 6_000.0 + 800.0, 1_280.0]
    assert sum(yearly(found)) == pytest.approx(11_000.0)


def test_a_sale_takes_half_a_year() -> None:
    sold = pd.DataFrame(
        {"asset_id": [0], "date": ["2026-05-10"], "kind": ["disposal"], "proceeds": [5_000.0]}
    )
    found = nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0), freq="Y", events=sold)
    assert yearly(found) == [2000.0, 3200.0, 960.0]
    assert yearly(found, "disposals") == [0.0, 0.0, 3840.0]
    assert yearly(found, "gain") == [0.0, 0.0, 1160.0]
    # Sold in the year of service: nothing at all, Reg. 1.168(d)-1(b)(3)(ii).
    at_once = nc.depreciate(fleet(10_000.0), nc.macrs(), freq="Y", events=sold.assign(date="2024-11-30"))
    assert (yearly(at_once), yearly(at_once, "disposals")) == ([0.0], [10_000.0])


def test_half_of_it_sold() -> None:
    sold = pd.DataFrame({"asset_id": [0], "date": ["2026-05-10"], "kind": ["disposal"], "share": [0.5]})
    found = nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0), freq="Y", events=sold)
    assert yearly(found) == [2000.0, 3200.0, 960.0 + 480.0, 576.0, 576.0, 288.0]


def test_what_books_do_means_nothing_to_the_return() -> None:
    happened = pd.DataFrame(
        {"asset_id": 0, "date": ["2024-06-30", "2025-01-01"], "kind": ["impairment", "life_change"],
         "amount": [1.0, None], "remaining_months": [None, 5]}
    )  # fmt: skip
    plain = nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0), freq="Y")
    assert yearly(
        nc.depreciate(fleet(10_000.0), nc.macrs(bonus_rate=0.0), freq="Y", events=happened)
    ) == yearly(plain)


def test_totals_are_sums_of_rows_for_any_threads() -> None:
    random = Random(3)
    days = [date(2021, 1, 1) + timedelta(days=random.randrange(1500)) for _ in range(500)]
    frame = pd.DataFrame(
        {
            "cost": [random.randrange(1, 10**8) / 100 for _ in days],
            "in_service_date": pd.to_datetime(days),
            "acquisition_date": pd.to_datetime([day - timedelta(days=random.randrange(400)) for day in days]),
            "site": random.choices("XYZ", k=500),
        }
    )
    policy = nc.macrs(section_179="max")
    rows = nc.depreciate(frame, policy, freq="Y", amounts="decimal")
    for threads in (1, 2, 7):
        totals = nc.depreciate(frame, policy, by=[], freq="Y", amounts="decimal", threads=threads)
        assert totals["depreciation"].tolist() == rows.groupby("period_end")["depreciation"].sum().tolist()
    assert totals["depreciation"].sum() == sum(rows["additions"])
    by_site = nc.depreciate(frame, policy, by=["site"], freq="Y", amounts="decimal")
    assert by_site.groupby("period_end")["depreciation"].sum().tolist() == totals["depreciation"].tolist()


def test_acquisition_dates_are_never_assumed() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet(100.0, day="2025-06-01"), nc.macrs())
    assert caught.value.issues[0].column == "acquisition_date"
    assert "bonus_rate" in caught.value.issues[0].hint
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet(100.0, day="2025-06-01", acquisition_date="2025-06-02"), nc.macrs())
    assert caught.value.issues[0].hint == "property is acquired on or before the day it enters service"
    frame = fleet(100.0, 200.0, day="2025-06-01", acquisition_date=["2025-01-19", None])
    kept = nc.depreciate(frame, nc.macrs(), freq="Y", on_error="skip", by=[])
    assert yearly(kept, "depreciation")[0] == 40.0 + 12.0  # 40 % bonus before 20 January 2025, then 20 %


@pytest.mark.parametrize(
    "options",
    [
        {"rounding": "level"},
        {"rounding": None},
        {"estimate_changes": [("2025-01-01", nc.straight_line(years=1))]},
    ],
)
def test_what_macrs_does_not_take(options: dict[str, Any]) -> None:
    with pytest.raises(nc.ConfigError, match="macrs"):
        nc.depreciate(fleet(100.0), nc.macrs(bonus_rate=0.0), **options)


def test_additions_and_opening_balances_are_refused() -> None:
    more = pd.DataFrame({"asset_id": [0], "date": ["2024-06-30"], "kind": ["addition"], "amount": [1.0]})
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet(100.0), nc.macrs(bonus_rate=0.0), events=more)
    assert caught.value.code == "method"
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(
            fleet(100.0, opening_accumulated=1.0, opening_date="2025-01-01"), nc.macrs(bonus_rate=0.0)
        )
    assert caught.value.code == "method"


def test_books_and_returns_do_not_mix() -> None:
    with pytest.raises(nc.ConfigError, match="mix"):
        nc.depreciate(
            fleet(100.0, kind="a"), {"a": nc.macrs(), "b": nc.straight_line(years=1)}, policy_by="kind"
        )


def test_they_can_stand_beside_each_other() -> None:
    found = nc.compare_policies(
        fleet(10_000.0), {"book": nc.straight_line(years=4), "tax": nc.macrs(bonus_rate=0.0)}, by=[], freq="Y"
    )
    assert yearly(found[found["policy"] == "tax"])[:2] == [2000.0, 3200.0]


# --- deferred tax -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_the_deferred_tax_rolls_and_ends_at_nothing(seed: int) -> None:
    random = Random(seed)
    count = 60
    days = [date(2020, 1, 1) + timedelta(days=random.randrange(1800)) for _ in range(count)]
    frame = pd.DataFrame(
        {
            "asset_id": range(count),
            "cost": [random.randrange(1, 10**7) / 100 for _ in days],
            "in_service_date": pd.to_datetime(days),
            "site": random.choices("XY", k=count),
        }
    )
    sold = random.sample(range(count), 15)
    happened = pd.DataFrame(
        {
            "asset_id": sold,
            "date": pd.to_datetime([days[row] + timedelta(days=random.randrange(2500)) for row in sold]),
            "kind": "disposal",
            "share": [random.choice([1.0, 0.25]) for _ in sold],
        }
    )
    rate = random.choice([0.21, 0.258, 0.0, 1.0])
    found = nc.tax.compare_book_tax(
        frame.assign(cost=(frame["cost"] * 100).round().astype("int64")), book=nc.straight_line(years=6),
        tax=nc.macrs(bonus_rate=random.choice([0.0, 0.6, 1.0])), ifrs=nc.straight_line(years=4), tax_rate=rate,
        by=["site"], freq=random.choice("MQY"), amounts="minor", events=happened,
        fiscal_year_end=random.choice([12, 6]),
    )  # fmt: skip
    exact = Fraction(str(rate))
    for prefix in ("", "ifrs_"):
        for _, part in found.groupby("site"):
            difference = part[f"{prefix}book_value"] - part["tax_basis"]
            assert part[f"{prefix}temporary_difference"].tolist() == difference.tolist()
            closing = [round(exact * int(value)) for value in difference]
            assert part[f"{prefix}closing_deferred_tax"].tolist() == closing
            assert part[f"{prefix}opening_deferred_tax"].tolist() == [0, *closing[:-1]]
            assert part[f"{prefix}deferred_tax_expense"].sum() == closing[-1] == 0  # I15
            assert difference.iloc[-1] == 0
            assert part["tax_depreciation"].min() >= 0
    assert found["ifrs_book_depreciation"].iloc[0] >= found["book_depreciation"].iloc[0]


def test_what_the_comparison_does_not_take() -> None:
    for options in ({"columns": ["depreciation"]}, {"rounding": "level"}, {"framework": "ifrs"}):
        with pytest.raises(nc.ConfigError, match="no meaning"):
            nc.tax.compare_book_tax(
                fleet(1.0),
                book=nc.straight_line(years=4),
                tax=nc.macrs(),
                tax_rate=0.2,
                **options,  # type: ignore[arg-type]
            )
    with pytest.raises(nc.ConfigError, match="tax_rate"):
        nc.tax.compare_book_tax(fleet(1.0), book=nc.straight_line(years=4), tax=nc.macrs(), tax_rate=21)
