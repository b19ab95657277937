"""The catalogue of bad input, values: a typed error that names column, row, id and what to do, or a defined result.

Numbers in the comments are rows of the project's reliability catalogue, as far as they touch a fleet.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import POLICY, ROWS, good, one, third

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")


# --- numbers: 1 to 15 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", ["float64", "object"])
def test_not_finite_cost(value: float, dtype: str) -> None:  # 1-3
    one(good(cost=third(value, 10.0, dtype)), "cost", "nonfinite")


@pytest.mark.parametrize(
    "value", [float("inf"), float("-inf"), Decimal("sNaN"), Decimal("NaN"), Decimal("Infinity")]
)
@pytest.mark.parametrize("column", ["residual_value", "opening_accumulated", "useful_life_months"])
def test_not_finite_elsewhere(column: str, value: Any) -> None:  # 2, 3, 11
    data = good(**{column: third(value, 1, object)})
    if column == "opening_accumulated":
        data["opening_date"] = pd.Timestamp("2025-06-30")
    one(data, column, "nonfinite")


def test_nan_is_null_in_pandas_only() -> None:
    rows = nc.depreciate(pd.DataFrame(good(residual_value=third(np.nan, 1.0))), POLICY)
    assert rows["closing_book_value"].min() == 0.0
    frame = pl.DataFrame(good()).with_columns(residual_value=pl.Series([1.0, 1.0, float("nan"), 1.0]))
    one(frame, "residual_value", "nonfinite")


NULLS = [
    ("cost", third(None, Decimal(1), object)),
    ("cost", third(pd.NA, 1.0, object)),
    ("cost", third(None, 1.0, "Float64")),
    ("cost", third(None, 1, "Int64")),
    ("cost", third(None, 1.0, "double[pyarrow]")),
    ("in_service_date", third(pd.NaT, pd.Timestamp("2025-01-01"))),
    ("in_service_date", third(None, dt.date(2025, 1, 1), object)),
    ("in_service_date", third(float("nan"), "2025-01-01", object)),
    ("in_service_date", third(None, "2025-01-01", "string")),
    ("in_service_date", third(np.datetime64("NaT"), pd.Timestamp("2025-01-01"), object)),
    ("asset_id", third(None, "x", object).set_axis(range(4)).where(lambda s: s.isna(), ["a", "b", "c", "d"])),
]


@pytest.mark.parametrize(("column", "values"), NULLS)
def test_nulls_where_a_value_is_needed(column: str, values: pd.Series) -> None:  # 4
    one(good(**{column: values}), column, "null")


@pytest.mark.parametrize("kind", [pl.DataFrame, pa.table])
def test_arrow_nulls(kind: Any) -> None:  # 4
    day = dt.date(2025, 1, 1)
    one(kind({"cost": [1.0, 2.0, None], "in_service_date": [day] * 3}), "cost", "null")
    one(kind({"cost": [1.0, 2.0, 3.0], "in_service_date": [day, day, None]}), "in_service_date", "null")
    one(
        kind({"cost": [1.0] * 3, "in_service_date": [day] * 3, "asset_id": ["a", "b", None]}),
        "asset_id",
        "null",
    )


def test_nulls_mean_the_policy_elsewhere() -> None:  # 4
    for nothing in (None, np.nan, pd.NA):
        optional = {
            name: pd.Series([nothing] * ROWS, dtype=object)
            for name in ("residual_value", "useful_life_months", "opening_accumulated", "status", "currency")
        }
        optional["opening_date"] = pd.Series([pd.NaT] * ROWS)
        found = nc.depreciate(pd.DataFrame(good(**optional)), POLICY)
        pd.testing.assert_frame_equal(found, nc.depreciate(pd.DataFrame(good()), POLICY))


def test_minus_zero_is_zero() -> None:  # 5
    rows = nc.depreciate(pd.DataFrame(good(cost=-0.0)), POLICY)
    money = rows.select_dtypes("float64").to_numpy()
    assert (money == 0).all()
    assert not np.signbit(money).any()


@pytest.mark.parametrize("value", [5e-324, 1e-300, 100.005, 0.001])
@pytest.mark.parametrize("dtype", ["float64", "object"])
def test_broken_cents(value: float, dtype: str) -> None:  # 6, 7
    data = good(cost=third(value, 10.0, dtype))
    issue = one(data, "cost", "precision")
    assert "round_input=True" in issue.hint
    rows = nc.depreciate(pd.DataFrame(data), POLICY, round_input=True)
    # Half-even as the double it is: 100.005 lies below the tie.
    assert rows[rows["asset_id"] == "c"]["depreciation"].sum() == pytest.approx(round(value, 2), abs=1e-9)


def test_broken_decimals() -> None:  # 7, 11
    one(good(cost=third(Decimal("100.005"), Decimal(1))), "cost", "precision")
    one(good(cost=third(Decimal("1E-500"), Decimal(1))), "cost", "precision")
    data = pd.DataFrame(good(cost=[Decimal("0.125"), Decimal("0.375"), Decimal("1E-500"), Decimal("2.1350")]))
    rows = nc.depreciate(data, POLICY, round_input=True, amounts="decimal", columns=["additions"])
    sums = rows.groupby("asset_id", observed=True)["additions"].sum()
    assert sums.tolist() == [Decimal("0.12"), Decimal("0.38"), 0, Decimal("2.14")]


@pytest.mark.parametrize("dtype", ["float64", "object"])
def test_dust_of_floats_is_accepted(dtype: str) -> None:  # 7
    rows = nc.depreciate(pd.DataFrame(good(cost=third(0.1 + 0.2, 10.0, dtype))), nc.straight_line(months=1))
    assert rows["depreciation"].tolist() == [10.0, 10.0, 0.3, 10.0]


def test_floats_too_large_to_hold_cents() -> None:  # 8
    limit = 2.0**51 / 100
    assert "Decimal" in one(good(cost=third(limit + 1, 10.0)), "cost", "precision").hint
    largest = (2**51 - 1) / 100
    assert nc.depreciate(pd.DataFrame(good(cost=largest)), POLICY)["additions"].max() == largest


@pytest.mark.parametrize("dtype", ["float32", "float16", "Float32", "float[pyarrow]"])
def test_narrow_floats(dtype: str) -> None:  # 9
    data = good(cost=pd.Series([100.1, 2.0, 3.0, 4.0], dtype="float32").astype(dtype))
    one(data, "cost", "dtype", row=None)
    if dtype == "float32":
        rows = nc.depreciate(pd.DataFrame(data), POLICY, round_input=True)
        assert rows["additions"].max() == 100.1


def test_largest_amounts() -> None:  # 10
    top = 2**63 - 1
    data = pd.DataFrame(good(cost=np.array([top] * ROWS)))
    rows = nc.depreciate(data, POLICY, amounts="minor")
    assert rows[rows["asset_id"] == "a"]["depreciation"].sum() == top
    one(good(cost=third(10**18, 1)), "cost", "overflow")
    one(good(cost=third(top + 1, 1, object)), "cost", "overflow", amounts="minor")
    one(good(cost=third(2**63 + 5, 1, "uint64")), "cost", "overflow", amounts="minor")
    one(good(cost=third(-(2**63), 1, object)), "cost", "overflow", amounts="minor")
    one(good(cost=third(Decimal("1E+400"), Decimal(1))), "cost", "overflow")
    wide = pl.DataFrame(
        {"cost": pl.Series([1, 2, 2**80], dtype=pl.Int128), "in_service_date": [dt.date(2025, 1, 1)] * 3}
    )
    one(wide, "cost", "overflow")


def test_a_total_beyond_64_bits_of_minor_units() -> None:  # 10
    data = pd.DataFrame(good(cost=np.array([2**63 - 1] * ROWS)))
    assert refused_total(data).code == "overflow"


def refused_total(data: Any) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(data, POLICY, by=[], amounts="minor", freq="Y")
    return caught.value


def test_nothing_to_depreciate() -> None:  # 12, 14
    for columns in ({"cost": 0.0}, {"residual_value": [1000.0, 2000.0, 3000.0, 4000.0]}):
        rows = nc.depreciate(pd.DataFrame(good(**columns)), POLICY)
        assert len(rows) == 48 * ROWS
        assert (rows["depreciation"] == 0).all()


def test_negative_cost() -> None:  # 13
    data = good(cost=third(-1000.0, 1000.0))
    one(data, "cost", "range")
    rows = nc.depreciate(pd.DataFrame(data), POLICY, allow_credit=True)
    credit = rows[rows["asset_id"] == "c"]["depreciation"].tolist()
    assert credit == [-v for v in rows[rows["asset_id"] == "a"]["depreciation"]]


@pytest.mark.parametrize("value", [1000.01, -0.01, 1e9])
def test_residual_outside_the_cost(value: float) -> None:  # 14
    one(good(cost=1000.0, residual_value=third(value, 0.0)), "residual_value", "range")


@pytest.mark.parametrize("value", [0, -1, 1201, 10**9, 2**31])
@pytest.mark.parametrize("dtype", ["int64", "float64", "object"])
def test_lives_out_of_range(value: int, dtype: str) -> None:  # 15
    one(good(useful_life_months=third(value, 48, dtype)), "useful_life_months", "range")


@pytest.mark.parametrize(
    ("value", "code"), [(3.7, "dtype"), (True, "dtype"), ("5", "dtype"), (10**30, "range")]
)
def test_lives_of_the_wrong_kind(value: Any, code: str) -> None:  # 15
    one(good(useful_life_months=third(value, 48, object)), "useful_life_months", code)


def test_life_columns_of_the_wrong_type() -> None:  # 15, 30
    one(good(useful_life_months=third(3.7, 48.0)), "useful_life_months", "dtype")
    for values in (
        [True] * 4,
        pd.Series(["5"] * 4, dtype="string"),
        [1j] * 4,
        [pd.Timedelta(days=30)] * 4,
        pd.array([True, None] * 2),
    ):
        one(good(useful_life_months=values), "useful_life_months", "dtype", row=None)
    one(good(useful_life_months=third(2**64 - 1, 48, "uint64")), "useful_life_months", "range")


def test_long_lives_by_name() -> None:  # 15
    data = good(useful_life_months=third(1201, 48))
    assert len(nc.depreciate(pd.DataFrame(data), POLICY, allow_long_life=True)) == 3 * 48 + 1201
    with pytest.raises(nc.ConfigError):
        nc.straight_line(months=3601)
    frame, century = pd.DataFrame(good()), nc.straight_line(months=1201)
    with pytest.raises(nc.ConfigError, match="allow_long_life"):
        nc.depreciate(frame, century)
    with pytest.raises(nc.ConfigError, match="allow_long_life"):
        nc.compare_lives(frame, (4, 101), by=[])
    assert len(nc.depreciate(frame, century, allow_long_life=True)) == 1201 * ROWS


def test_a_life_without_a_unit() -> None:  # 16
    for name in ("life", "useful_life", "life_years", "useful_life_years"):
        issue = one(good(**{name: 4}), name, "life_unit", row=None)
        assert "useful_life_months" in issue.hint
    assert len(nc.depreciate(pd.DataFrame(good(life=4, useful_life_months=12)), POLICY)) == 48


def test_no_life_at_all() -> None:
    issue = one(
        good(useful_life_months=third(None, 48.0)),
        "useful_life_months",
        "life_missing",
        policy=nc.straight_line(),
    )
    assert "useful_life_months" in issue.hint


# --- dates: 17 to 23 ------------------------------------------------------------------------------------------------


def test_service_after_the_horizon() -> None:  # 17
    rows = nc.depreciate(pd.DataFrame(good()), POLICY, end="2024-12-31")
    assert (len(rows), list(rows.columns)[:2]) == (0, ["asset_id", "period_end"])


def test_opening_balances_out_of_order() -> None:  # 17
    dates = {
        "opening_accumulated": 0.0,
        "opening_date": third(pd.Timestamp("2025-01-14"), pd.Timestamp("2025-06-30")),
    }
    one(good(**dates), "opening_date", "date_order")
    undated = {"opening_accumulated": 1.0, "opening_date": third(pd.NaT, pd.Timestamp("2025-06-30"))}
    one(good(**undated), "opening_date", "null")
    much = {"opening_accumulated": third(3000.01, 1.0), "opening_date": pd.Timestamp("2025-06-30")}
    one(good(**much), "opening_accumulated", "range")
    for column, other in (("opening_accumulated", "opening_date"), ("opening_date", "opening_accumulated")):
        value = 1.0 if column == "opening_accumulated" else pd.Timestamp("2025-06-30")
        one(good(**{column: value}), other, "missing_column", row=None)


FAR_DATES = [
    third(np.datetime64("1600-01-01"), np.datetime64("2025-01-01"), "datetime64[s]"),
    third(np.datetime64("9999-12-31"), np.datetime64("2025-01-01"), "datetime64[us]"),
    third(np.datetime64("2200-01-01"), np.datetime64("2025-01-01"), "datetime64[ns]"),
    third(np.datetime64("1899-12-31"), np.datetime64("2025-01-01"), "datetime64[ms]"),
    third(dt.date(1, 1, 1), dt.date(2025, 1, 1), object),
    third(dt.datetime(9999, 12, 31), dt.datetime(2025, 1, 1), object),
    third("9999-12-31", "2025-01-01", object),
    third(np.datetime64("40000-01-01"), np.datetime64("2025-01-01"), object),
]


@pytest.mark.parametrize("dates", FAR_DATES)
def test_dates_out_of_the_window(dates: pd.Series) -> None:  # 18
    one(good(in_service_date=dates), "in_service_date", "date_range")


def test_arrow_dates_never_wrap() -> None:  # 18
    day = dt.date(2025, 1, 1)
    for kind in (pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("us")):
        dates = pa.array([day, day, dt.date(2400, 1, 1)], pa.date32()).cast(kind)
        one(pa.table({"cost": [1.0] * 3, "in_service_date": dates}), "in_service_date", "date_range")
    one(
        pl.DataFrame({"cost": [1.0] * 3, "in_service_date": [day, day, dt.date(2400, 1, 1)]}),
        "in_service_date",
        "date_range",
    )


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
def test_the_window_itself_works(day: str) -> None:  # 18
    for dtype in ("datetime64[s]", "datetime64[us]", "datetime64[ns]"):
        rows = nc.depreciate(
            pd.DataFrame(good(in_service_date=pd.Series([day] * ROWS).astype(dtype))), POLICY
        )
        assert len(rows) == 48 * ROWS


def test_time_zones() -> None:  # 19
    zoned = pd.to_datetime(pd.Series(["2025-01-01"] * ROWS)).dt.tz_localize("UTC")
    assert "tz_localize" in one(good(in_service_date=zoned), "in_service_date", "timezone", row=None).hint
    one(
        good(in_service_date=zoned.dt.tz_convert("America/New_York")), "in_service_date", "timezone", row=None
    )
    one(
        good(in_service_date=zoned.astype("timestamp[us, tz=UTC][pyarrow]")),
        "in_service_date",
        "timezone",
        row=None,
    )
    aware = third(dt.datetime(2025, 1, 1, tzinfo=dt.UTC), dt.date(2025, 1, 1), object)
    one(good(in_service_date=aware), "in_service_date", "timezone")
    frame = pl.DataFrame(good()).with_columns(pl.col("in_service_date").dt.replace_time_zone("UTC"))
    one(frame, "in_service_date", "timezone", row=None)


@pytest.mark.parametrize("moment", ["2025-03-30T02:30", "2025-01-01T00:00:00.000001", "2025-01-01T23:59:59"])
@pytest.mark.parametrize("dtype", ["datetime64[us]", "datetime64[ns]", "object"])
def test_times_of_day(moment: str, dtype: str) -> None:  # 20
    data = good(in_service_date=third(pd.Timestamp(moment), pd.Timestamp("2025-01-01")).astype(dtype))
    one(data, "in_service_date", "date_time")
    assert len(nc.depreciate(pd.DataFrame(data), POLICY, floor_time=True)) == 48 * ROWS


def test_a_nanosecond_is_a_time() -> None:  # 20
    moment = pd.Timestamp("2025-01-01") + pd.Timedelta(nanoseconds=1)
    for value in (moment, moment.to_datetime64()):
        one(good(in_service_date=third(value, dt.date(2025, 1, 1), object)), "in_service_date", "date_time")


@pytest.mark.parametrize(
    "value", ["01/02/2026", "2025-1-1", "20250101", "today", "2025-01-01T00:00", "２０２５-01-01"]
)
def test_dates_in_other_words(value: str) -> None:  # 21
    one(good(in_service_date=third(value, "2025-01-01", object)), "in_service_date", "dtype")
    one(good(in_service_date=third(value, "2025-01-01", "string")), "in_service_date", "dtype")


@pytest.mark.parametrize("value", [20260102, 45000, 45000.5, True])
def test_numbers_are_not_dates(value: Any) -> None:  # 21
    one(good(in_service_date=[value] * ROWS), "in_service_date", "dtype", row=None)
    one(good(in_service_date=third(value, dt.date(2025, 1, 1), object)), "in_service_date", "dtype")


@pytest.mark.parametrize("value", ["2100-02-29", "2025-04-31", "2025-13-01", "2025-00-10"])
def test_days_that_do_not_exist(value: str) -> None:  # 22
    one(good(in_service_date=third(value, "2025-01-01", object)), "in_service_date", "date_parse")


def test_other_times() -> None:  # 23
    for values in (
        pd.period_range("2025-01", periods=ROWS, freq="M"),
        pd.interval_range(0, ROWS),
        pd.to_timedelta([1] * ROWS, unit="D"),
    ):
        one(good(in_service_date=values), "in_service_date", "dtype", row=None)
    one(good(in_service_date=third(dt.time(1), dt.date(2025, 1, 1), object)), "in_service_date", "dtype")
    for kind in (pa.time32("s"), pa.duration("s")):
        table = pa.table({"cost": [1.0], "in_service_date": pa.array([1], kind)})
        one(table, "in_service_date", "dtype", row=None)
