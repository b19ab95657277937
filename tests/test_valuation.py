"""Value curves and market values: cases worked by hand, rounding, kinds of frame, the laws of interpolation."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc

SIX_YEARS = nc.straight_line(years=6)


def gpus(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asset_id": ["h-1", "h-2", "a-1"],
            "gpu_model": ["H100", "H100", "A100"],
            "site": ["x", "y", "x"],
            "cost": [7200.0, 3600.0, 1440.0],
            "in_service_date": ["2024-01-01", "2025-01-01", "2023-01-01"],
            **columns,
        }
    )


CURVES = {"H100": nc.value_curve({12: 0.62, 24: 0.42, 36: 0.30}), "A100": nc.value_curve({36: 0.25})}


# --- curves ---------------------------------------------------------------------------------------------------


def test_linear_months_lie_on_the_straight_line_between_points() -> None:
    curve = nc.value_curve({12: 0.62, 24: 0.42})
    shares = [curve.share("2024-01-01", as_of) for as_of in ("2024-01-31", "2024-12-31", "2025-03-31")]
    # ages 1, 12, 15: from 1 at 0 to 0.62 at 12; 0.62 - 0.20 x 3 / 12
    assert shares == [1 - Fraction("0.38") / 12, Fraction("0.62"), Fraction("0.57")]


def test_geometric_months_fall_by_one_factor() -> None:
    curve = nc.value_curve({12: 0.64}, interpolation="geometric")
    # half way from 1 to 0.64 is the root of 0.64
    assert curve.share("2024-01-01", "2024-06-30") == Fraction("0.8")
    months = [curve.share("2024-01-01", f"2024-{month:02}-28") for month in range(1, 13)]
    exact = [0.64 ** (age / 12) for age in range(1, 13)]
    assert all(abs(float(share) - wanted) < 1e-12 for share, wanted in zip(months, exact, strict=True))
    assert all((share * 10**12).denominator == 1 for share in months)


def test_decay_by_a_rate_has_no_end() -> None:
    curve = nc.value_curve(annual_decay_rate=0.36)
    assert curve.share("2020-01-01", "2020-12-31") == Fraction("0.64")
    assert curve.share("2020-01-01", "2021-12-31") == Fraction("0.64") ** 2
    assert curve.share("2020-01-01", "2021-06-30") == Fraction("0.64") * Fraction("0.8")
    assert curve.share("2020-01-01", "2060-12-31") > 0
    assert nc.value_curve(annual_decay_rate=0).share("2020-01-01", "2031-05-31") == 1


def test_prices_make_a_share_by_their_ratio() -> None:
    """Rents of an H100-hour (press, quoted): 2.85 early in 2024, 1.70 in October 2025."""
    rents = nc.value_curve(prices={"2024-01-15": 2.85, "2025-10-15": 1.70})
    assert rents.share("2024-01-31", "2025-10-01") == Fraction("1.70") / Fraction("2.85")
    # 20 months of 21 from January 2024 to September 2025, bought in July 2024 (6 of 21)
    fall = Fraction("1.15")
    assert rents.share("2024-07-09", "2025-09-30") == (Fraction("2.85") - fall * 20 / 21) / (
        Fraction("2.85") - fall * 6 / 21
    )


def test_an_asset_of_the_first_is_a_month_old_at_its_end_and_a_later_one_is_new() -> None:
    curve = nc.value_curve({10: 0.0})
    assert curve.share("2025-03-01", "2025-03-01") == Fraction("0.9")
    assert curve.share("2025-03-02", "2025-03-31") == 1
    assert curve.share("2025-03-31", "2025-04-30") == Fraction("0.9")


def test_numbers_are_the_decimals_that_were_written() -> None:
    for number in (0.1, Decimal("0.1"), Fraction(1, 10), np.float64(0.1)):
        assert nc.value_curve({12: number}).share("2024-01-01", "2024-12-31") == Fraction(1, 10)


def test_pairs_series_and_mappings_are_one() -> None:
    days = ["2024-01-01", "2025-01-01"]
    mapping = nc.value_curve(prices=dict(zip(days, (3, 2), strict=True)))
    assert nc.value_curve(prices=pd.Series([3, 2], index=pd.to_datetime(days))) == mapping
    frame = pl.DataFrame({"date": [dt.date(2025, 1, 31), dt.date(2024, 1, 2)], "price": [2, 3]})
    assert nc.value_curve(prices=zip(frame["date"], frame["price"], strict=True)) == mapping
    assert nc.value_curve([(12, 1)]) == nc.value_curve({np.int64(12): 1})


def test_past_the_last_point() -> None:
    ages: dict[str, Any] = {"in_service_date": "2024-01-01", "as_of": "2025-01-31"}
    with pytest.raises(nc.ConfigError, match="does not cover 2024-01-01 to 2025-01-31"):
        nc.value_curve({12: 0.5}).share(**ages)
    assert nc.value_curve({12: 0.5}, beyond="hold").share(**ages) == Fraction(1, 2)
    assert nc.value_curve({12: 0.5}, beyond="zero").share(**ages) == 0
    held = nc.value_curve(prices={"2024-06-01": 4, "2024-12-01": 3}, beyond="hold")
    assert held.share("2023-01-01", "2026-01-01") == Fraction(3, 4)
    with pytest.raises(nc.ConfigError, match="does not cover"):
        nc.value_curve(prices={"2024-06-01": 4, "2026-12-01": 3}).share("2024-05-31", "2025-01-01")
    with pytest.raises(nc.ConfigError, match="before the month of service"):
        held.share("2025-02-01", "2025-01-31")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give one of points, annual_decay_rate and prices"),
        ({"points": {12: 1}, "annual_decay_rate": 0.1}, "give one of"),
        ({"points": {}}, "must not be empty"),
        ({"points": 7}, "must be a mapping or pairs"),
        ({"points": [(1, 2, 3)]}, "must be a mapping or pairs"),
        ({"points": {12.5: 1}}, "whole months of age"),
        ({"points": {True: 1}}, "whole months of age"),
        ({"points": {-1: 1}}, "whole months of age"),
        ({"points": {12: -0.1}}, "at least 0"),
        ({"points": {12: float("nan")}}, "finite number"),
        ({"points": {12: "0.5"}}, "finite number"),
        ({"points": {12: 0.0}, "interpolation": "geometric"}, "above 0"),
        ({"points": [(12, 0.5), (12, 0.4)]}, "twice"),
        ({"points": {12: 1}, "interpolation": "cubic"}, "interpolation must be"),
        ({"points": {12: 1}, "beyond": "extrapolate"}, "beyond must be"),
        ({"points": {12: 1}, "source": 1}, "source must be text"),
        ({"annual_decay_rate": 1.0}, "below 1"),
        ({"annual_decay_rate": -0.1}, "at least 0"),
        ({"annual_decay_rate": float("inf")}, "finite number"),
        ({"prices": {"2025-01-01": 0}}, "above 0"),
        ({"prices": {"2025-01-01": 1, "2025-01-31": 2}}, "twice"),
        ({"prices": {"soon": 1}}, "the date of a price must be a date"),
        ({"prices": {"2025-01-01": 1}, "beyond": "zero"}, "shares by age"),
    ],
)
def test_curves_that_mean_nothing(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(nc.ConfigError, match=message):
        nc.value_curve(**arguments)


# --- market values ----------------------------------------------------------------------------------------------


def test_market_values_beside_the_books() -> None:
    found = nc.market_values(gpus(), CURVES, policy=SIX_YEARS, as_of="2025-12-31")
    assert list(found.columns) == ["asset_id", "cost", "book_value", "market_value", "excess", "shortfall"]
    # h-1 24 months: 7200 x 4/6, x 0.42; h-2 12 months: 3600 x 5/6, x 0.62; a-1 36 months: 1440 x 3/6, x 0.25
    assert found["book_value"].tolist() == [4800.0, 3000.0, 720.0]
    assert found["market_value"].tolist() == [3024.0, 2232.0, 360.0]
    assert found["shortfall"].tolist() == [1776.0, 768.0, 360.0]
    assert found["excess"].tolist() == [0.0, 0.0, 0.0]


def test_totals_net_the_excess_of_one_asset_with_the_shortfall_of_another() -> None:
    curves = {"H100": nc.value_curve({24: 1.0}), "A100": nc.value_curve({36: 0.25})}
    options: dict[str, Any] = {"policy": SIX_YEARS, "as_of": "2025-12-31"}
    by_site = nc.market_values(gpus(), curves, by=["site"], **options)
    # x: h-1 worth 2400 more than its book value, a-1 360 less; y: h-2 600 more
    assert by_site.to_dict("list") == {
        "site": ["x", "y"],
        "cost": [8640.0, 3600.0],
        "book_value": [5520.0, 3000.0],
        "market_value": [7560.0, 3600.0],
        "excess": [2040.0, 600.0],
        "shortfall": [0.0, 0.0],
    }
    one = nc.market_values(gpus(), nc.value_curve(annual_decay_rate=0.9), by=[], **options)
    assert len(one) == 1
    assert one["shortfall"].tolist() == [8520.0 - 72.0 - 360.0 - 1.44]


def test_a_value_is_rounded_half_to_even_once() -> None:
    fleet = gpus(cost=[0.01, 0.03, 0.05])
    found = nc.market_values(
        fleet, nc.value_curve({0: 0.5, 36: 0.5}), policy=SIX_YEARS, as_of="2025-12-31", amounts="decimal"
    )
    # half of 1, 3 and 5 cents: 0.5, 1.5, 2.5
    assert found["market_value"].tolist() == [Decimal("0.00"), Decimal("0.02"), Decimal("0.02")]


def test_assets_to_come_and_those_under_construction() -> None:
    fleet = gpus(in_service_date=["2024-01-01", "2026-01-01", "2023-01-01"], status=["", "", "cip"])
    fleet.index = [7, 8, 9]
    found = nc.market_values(fleet, CURVES, policy=SIX_YEARS, as_of="2025-12-10")
    assert found.index.tolist() == [7, 8]
    assert found[["cost", "market_value", "shortfall"]].values.tolist() == [
        [7200.0, 3024.0, 1776.0],
        [0.0] * 3,
    ]


def test_policies_and_lives_are_those_of_the_books() -> None:
    fleet = gpus(useful_life_months=[48, None, None], opening_accumulated=[1200.0, None, None],
                 opening_date=["2024-12-31", None, None])  # fmt: skip
    policy = {"H100": nc.straight_line(years=4), "A100": SIX_YEARS}
    options: dict[str, Any] = {"policy_by": "gpu_model", "as_of": "2025-12-31"}
    found = nc.market_values(fleet, CURVES, policy=policy, **options)
    assert found["book_value"].tolist() == nc.book_values(fleet, policy, **options)["book_value"].tolist()


@pytest.mark.parametrize("by", [None, [], ["gpu_model", "site"]])
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_the_kind_of_frame_comes_back(kind: str, by: list[str] | None) -> None:
    expected = nc.market_values(gpus(), CURVES, policy=SIX_YEARS, as_of="2025-12-31", by=by)
    table = pa.Table.from_pandas(gpus(), preserve_index=False)
    fleet = {"pandas": gpus(), "polars": pl.from_arrow(table), "pyarrow": table}[kind]
    found = nc.market_values(fleet, CURVES, policy=SIX_YEARS, as_of="2025-12-31", by=by)
    assert type(found).__module__.partition(".")[0] == kind
    plain = {"pandas": lambda f: f.to_dict("list"), "polars": lambda f: f.to_dict(as_series=False)}
    columns = plain.get(kind, lambda f: f.to_pydict())(found)
    assert columns == expected.to_dict("list")


def test_minor_units_and_other_currencies() -> None:
    fleet = gpus(cost=np.array([7200, 3600, 1440]), currency="JPY")
    found = nc.market_values(fleet, CURVES, policy=SIX_YEARS, as_of="2025-12-31", by=[], minor_units=0,
                             amounts="minor")  # fmt: skip
    assert found["market_value"].tolist() == [3024 + 2232 + 360]
    assert found["market_value"].dtype == np.int64


def test_totals_past_64_bits_are_refused_as_minor_units_and_right_otherwise() -> None:
    fleet = gpus(cost=[2**62 - 1, 2**62 - 1, 2**62 - 1])
    curve = nc.value_curve({0: 1.0, 36: 1.0})
    options: dict[str, Any] = {"policy": SIX_YEARS, "as_of": "2025-12-31", "by": [], "minor_units": 0}
    exact = nc.market_values(fleet, curve, amounts="decimal", **options)
    assert exact["market_value"].tolist() == [Decimal(3 * (2**62 - 1))]
    with pytest.raises(nc.InputError) as raised:
        nc.market_values(fleet, curve, amounts="minor", **options)
    assert raised.value.code == "overflow"


# --- laws -----------------------------------------------------------------------------------------------------

POINTS = st.dictionaries(st.integers(1, 120), st.integers(1, 1000), min_size=1, max_size=6)


@given(POINTS, st.sampled_from(["linear", "geometric"]), st.integers(0, 119))
def test_a_share_lies_between_its_points(points: dict[int, int], interpolation: str, age: int) -> None:
    shares = {0: Fraction(1), **{month: Fraction(share, 1000) for month, share in points.items()}}
    curve = nc.value_curve(shares, interpolation=interpolation, beyond="hold")
    as_of = dt.date(
        2020 + age // 12, age % 12 + 1, 15
    )  # the second of January 2020 is `age` months before its close
    found = curve.share("2020-01-02", as_of)
    left = max(month for month in shares if month <= age)
    right = min((month for month in shares if month >= age), default=max(shares))
    ends = sorted((shares[left], shares[right]))
    assert ends[0] <= found <= ends[1]
    if age in shares:
        assert found == shares[age]


# --- what happened before ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
@pytest.mark.parametrize(
    ("more", "moved"),
    [
        ({}, True),
        ({"posted_through": "2025-03-31"}, True),  # known late: it stands in April
        ({"posted_through": "2025-12-31"}, False),  # in January 2026
    ],
)
def test_values_stand_where_transfers_have_led(convert: Any, more: dict[str, Any], moved: bool) -> None:
    # h-1 goes from x to y in February 2025, its book value then 7,200 x 4/6; and back, but only in 2026.
    happened = pd.DataFrame(
        {
            "asset_id": ["h-1", "h-1", "h-1"],
            "date": ["2026-02-01", "2025-02-10", "2025-02-20"],
            "kind": "transfer",
            "site": ["x", "z", "y"],
        }
    )
    found = nc.market_values(
        convert(gpus()), CURVES, policy=SIX_YEARS, as_of="2025-12-31", by=["site"], events=happened, **more
    )
    found = found if isinstance(found, pd.DataFrame) else found.to_pandas()
    books = dict(zip(found["site"], found["book_value"], strict=True))
    # 2 of 6 years, 1 of 6, and 3 of 6 have passed.
    assert books == ({"x": 720.0, "y": 4800.0 + 3000.0} if moved else {"x": 4800.0 + 720.0, "y": 3000.0})


def test_components_are_valued_by_themselves() -> None:
    parts = gpus(parent_id=[None, "h-1", "h-1"])
    options: dict[str, Any] = {"policy": SIX_YEARS, "as_of": "2025-12-31"}
    pd.testing.assert_frame_equal(
        nc.market_values(parts, CURVES, **options), nc.market_values(gpus(), CURVES, **options)
    )
