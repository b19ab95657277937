"""What the verbs mean: who wins, groups, periods, columns, amounts, arguments."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from small_fleets import MONEY, YEARS, big_fleet, cents, fleet

# --- depreciate ---------------------------------------------------------------------------------------------------


def test_result_has_the_columns_of_the_contract_in_order() -> None:
    rows = nc.depreciate(fleet(), YEARS)
    assert list(rows.columns) == ["asset_id", "period_end", *MONEY]
    assert list(nc.depreciate(fleet(site="x"), YEARS, by=["site"]).columns) == ["site", "period_end", *MONEY]
    assert list(nc.compare_lives(fleet(), by=[]).columns) == ["policy", "period_end", *MONEY]
    assert rows["period_end"].dtype == "datetime64[us]"
    assert {str(rows[name].dtype) for name in MONEY} == {"float64"}


def test_rows_run_from_service_to_the_last_charge_and_roll_forward() -> None:
    rows = nc.depreciate(fleet(), YEARS)
    assert rows["asset_id"].value_counts().to_dict() == {"a": 48, "b": 48}
    first, last = rows.iloc[0], rows.iloc[47]
    assert (first["period_end"], last["period_end"]) == (
        pd.Timestamp("2025-01-31"),
        pd.Timestamp("2028-12-31"),
    )
    assert (first["opening_book_value"], first["additions"], first["depreciation"]) == (0.0, 4800.0, 100.0)
    assert (last["closing_book_value"], last["accumulated_depreciation"]) == (0.0, 4800.0)
    moved = rows["opening_book_value"] + rows["additions"] - rows["depreciation"] - rows["impairment"]
    assert cents(moved + rows["reversals"] - rows["disposals"]) == cents(rows["closing_book_value"])


def test_rows_all_runs_to_the_end_of_the_horizon() -> None:
    rows = nc.depreciate(fleet(), YEARS, rows="all")
    assert rows["asset_id"].value_counts().to_dict() == {"a": 50, "b": 48}
    assert rows[rows["asset_id"] == "a"]["depreciation"].tail(2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("freq", ["M", "Q", "Y"])
@pytest.mark.parametrize("by", [[], ["site"], ["model"], ["site", "model"], ["model", "site"]])
def test_totals_are_the_sums_of_the_rows(by: list[str], freq: str) -> None:
    data = big_fleet()
    options: dict[str, Any] = {"freq": freq, "fiscal_year_end": 6, "amounts": "minor"}
    data["cost"] = (data["cost"] * 100).round().astype(np.int64)
    rows = nc.depreciate(data, YEARS, rows="all", **options)
    totals = nc.depreciate(data, YEARS, by=by, **options)
    rows = rows.merge(data[["asset_id", *by]].astype({"asset_id": rows["asset_id"].dtype}), on="asset_id")
    sums = rows.groupby([*by, "period_end"], dropna=False, observed=True)[MONEY].sum().reset_index()
    merged = totals.merge(sums, on=[*by, "period_end"], how="left", suffixes=("", "_rows"))
    for name in MONEY:
        # Where a group has no row yet in a period, its total is 0.
        assert merged[name].tolist() == merged[f"{name}_rows"].fillna(0).astype(np.int64).tolist(), name
    assert totals["depreciation"].sum() == data["cost"].sum()


def test_totals_are_ordered_by_keys_with_null_last_and_observed_groups_only() -> None:
    totals = nc.compare_lives(big_fleet(), (6, 4), by=["model", "site"], freq="Y")
    keys = totals[["model", "site"]].drop_duplicates()
    models = [None if pd.isna(m) else m for m in keys["model"]]
    assert list(dict.fromkeys(models)) == ["H100", "B200", "A100", None]  # the order of the categories
    for model in ("H100", None):
        sites = [s for m, s in zip(models, keys["site"], strict=True) if m == model]
        assert [None if pd.isna(s) else s for s in sites] == ["north", "south", None]
    one = totals[(totals["model"] == "H100") & (totals["site"] == "south")]
    assert list(dict.fromkeys(one["policy"])) == ["6y", "4y"]
    assert one[one["policy"] == "4y"]["period_end"].is_monotonic_increasing
    assert totals["model"].dtype == big_fleet()["model"].dtype


def test_many_groups_of_two_keys() -> None:
    rows = 4_000
    data = pd.DataFrame(
        {
            "cost": np.full(rows, 12.0),
            "in_service_date": np.datetime64("2025-01-01", "us"),
            "x": np.arange(rows) % 1999,
            "y": pd.Categorical.from_codes(np.arange(rows) % 1500, [f"c{i:04d}" for i in range(1600)]),
        }
    )
    totals = nc.depreciate(data, nc.straight_line(years=1), by=["x", "y"], freq="Y", columns=["depreciation"])
    expected = data.groupby(["x", "y"], observed=True)["cost"].sum().reset_index()
    assert totals["x"].tolist() == expected["x"].tolist()
    assert totals["y"].astype(str).tolist() == expected["y"].astype(str).tolist()
    assert totals["depreciation"].tolist() == expected["cost"].tolist()
    single = nc.depreciate(data, nc.straight_line(years=1), by=["y"], freq="Y", columns=["depreciation"])
    assert len(single) == 1500


def test_columns_picks_and_orders_the_money_columns() -> None:
    rows = nc.depreciate(fleet(), YEARS, columns=["disposals", "depreciation"])
    assert list(rows.columns) == ["asset_id", "period_end", "disposals", "depreciation"]
    assert (rows["disposals"] == 0).all()
    assert list(nc.depreciate(fleet(), YEARS, columns=[]).columns) == ["asset_id", "period_end"]
    # Columns of zeros are memory of their own.
    both = nc.depreciate(fleet(), YEARS, columns=["impairment", "disposals"])
    both.loc[0, "impairment"] = 1.0
    assert both.loc[0, "disposals"] == 0.0


def test_own_life_and_residual_win_over_the_policy() -> None:
    data = fleet(useful_life_months=[24, None], residual_value=[None, 720.0])
    totals = nc.depreciate(data, nc.straight_line(years=4, residual_rate=0.5), by=["asset_id"], freq="Y")
    charged = totals.groupby("asset_id")["depreciation"].sum()
    assert charged.to_dict() == {"a": 2400.0, "b": 6480.0}
    last = nc.depreciate(data, YEARS).groupby("asset_id", observed=True)["period_end"].max()
    assert last.to_dict() == {"a": pd.Timestamp("2026-12-31"), "b": pd.Timestamp("2029-02-28")}


def test_a_policy_without_a_life_takes_the_rows() -> None:
    data = fleet(useful_life_months=[24, 12])
    assert len(nc.depreciate(data, nc.straight_line())) == 36


def test_a_mapping_gives_each_class_its_policy() -> None:
    data = fleet(asset_class=["gpu", "building"])
    mapping = {"gpu": nc.straight_line(years=4), "building": nc.straight_line(years=30), "unused": YEARS}
    rows = nc.depreciate(data, mapping, policy_by="asset_class")
    assert rows["asset_id"].value_counts().to_dict() == {"a": 48, "b": 360}
    numbers = nc.depreciate(
        data.assign(tier=[1, 2]), {1: YEARS, 2: nc.straight_line(years=1)}, policy_by="tier"
    )
    assert numbers["asset_id"].value_counts().to_dict() == {"a": 48, "b": 12}


def test_construction_in_progress_is_left_out() -> None:
    data = fleet(status=["cip", "in_service"])
    assert set(nc.depreciate(data, YEARS)["asset_id"]) == {"b"}
    assert nc.depreciate(data, YEARS, by=[])["additions"].sum() == 7200.0
    books = nc.book_values(data, YEARS, as_of="2025-12-31")
    assert books["asset_id"].tolist() == ["b"]
    assert books.index.tolist() == [1]
    nothing = nc.depreciate(fleet(status="cip"), YEARS, by=["asset_id"])
    assert len(nothing) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"cost": [np.nan, 1.0]},
        {"cost": pd.Series(["soon", 1.0], dtype=object)},
        {"in_service_date": [None, "2025-01-01"]},
        {"useful_life_months": pd.Series(["x", 48], dtype=object)},
        {"currency": ["?", "USD"]},
        {"asset_id": ["b", "b"]},
        {"asset_id": [None, "b"]},
    ],
)
def test_nothing_is_asked_of_what_is_left_out(wrong: dict[str, Any]) -> None:
    data = fleet(status=["cip", "in_service"], **wrong)
    assert len(nc.depreciate(data, YEARS)) == 48
    assert nc.depreciate(data, YEARS, by=["asset_id"], freq="Y")["depreciation"].sum() == data["cost"].iloc[1]
    assert len(nc.validate(data)) == 0
    assert len(nc.validate(data.assign(status="cip"))) == 0
    assert len(nc.validate(data.drop(columns="status"))) == 1


def test_an_asset_is_brought_in_mid_life() -> None:
    data = fleet(opening_accumulated=[1200.0, None], opening_date=pd.to_datetime(["2025-12-31", None]))
    rows = nc.depreciate(data, YEARS)
    mine = rows[rows["asset_id"] == "a"]
    assert mine["period_end"].iloc[0] == pd.Timestamp("2025-12-31")
    assert mine["additions"].iloc[0] == 3600.0
    assert mine["depreciation"].iloc[0] == 0.0
    assert mine["depreciation"].iloc[1:].tolist() == [100.0] * 36
    assert len(rows[rows["asset_id"] == "b"]) == 48


def test_the_horizon_snaps_outward() -> None:
    totals = nc.depreciate(fleet(), YEARS, by=[], freq="Q", start="2025-05-20", end="2025-08-02")
    assert totals["period_end"].dt.strftime("%Y-%m-%d").tolist() == ["2025-06-30", "2025-09-30"]
    assert totals["depreciation"].tolist() == [750.0, 750.0]
    for value in (
        dt.date(2025, 5, 20),
        dt.datetime(2025, 5, 20),
        np.datetime64("2025-05-20"),
        pd.Timestamp("2025-05-20"),
    ):
        same = nc.depreciate(fleet(), YEARS, by=[], freq="Q", start=value, end="2025-08-02")
        pd.testing.assert_frame_equal(same, totals)


def test_an_empty_window_and_an_asset_outside_give_no_rows() -> None:
    rows = nc.depreciate(fleet(), YEARS, start="2010-01-01", end="2011-12-31")
    assert len(rows) == 0
    assert list(rows.columns) == ["asset_id", "period_end", *MONEY]
    assert (
        (nc.depreciate(fleet(), YEARS, by=[], start="2010-01-01", end="2010-12-31")[MONEY] == 0).all().all()
    )


# --- amounts ------------------------------------------------------------------------------------------------------


def test_amounts_of_all_kinds_say_the_same() -> None:
    data = fleet(cost=[1000.01, 333.33])
    major = nc.depreciate(data, YEARS)
    minor = nc.depreciate(data.assign(cost=[100001, 33333]), YEARS, amounts="minor")
    exact = nc.depreciate(data, YEARS, amounts="decimal")
    for name in MONEY:
        assert minor[name].dtype == np.int64
        assert [value / 100 for value in minor[name]] == major[name].tolist()
        assert exact[name].tolist() == [Decimal(int(value)).scaleb(-2) for value in minor[name]]
    totals = nc.depreciate(data, YEARS, by=[], amounts="decimal", columns=["additions"])
    assert sum(totals["additions"]) == Decimal("1333.34")


@pytest.mark.parametrize("digits", [0, 1, 2, 3, 4])
def test_minor_units(digits: int) -> None:
    data = fleet(cost=[1000, 333])
    rows = nc.depreciate(data, nc.straight_line(months=7), minor_units=digits, amounts="decimal")
    assert {-value.as_tuple().exponent for value in rows["depreciation"]} == {digits}
    assert sum(rows["depreciation"]) == 1333


def test_totals_beyond_64_bits() -> None:
    largest = 2**63 - 1
    data = fleet(cost=np.array([largest, largest]))
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(data, YEARS, by=[], amounts="minor", freq="Y")
    assert (caught.value.code, "amounts='decimal'" in str(caught.value)) == ("overflow", True)
    assert nc.depreciate(data, YEARS, amounts="minor", freq="Y")["additions"].max() == largest
    dollars = Decimal(largest).scaleb(-2)
    data["cost"] = pd.Series([dollars, dollars], dtype=object)
    names = ["additions", "impairment", "depreciation", "accumulated_depreciation"]
    exact = nc.compare_lives(data, by=[], amounts="decimal", freq="Y", columns=names, baseline=4)
    assert exact.groupby("policy", observed=True)["depreciation"].sum().tolist() == [2 * dollars] * 2
    assert exact["accumulated_depreciation"].max() == 2 * dollars
    assert sum(exact["depreciation_difference"]) == 0
    # As float64: the double nearest to the exact difference, not a difference of doubles.
    floats = nc.compare_lives(data, by=[], freq="Y", columns=names, baseline=4)
    for name in ("additions", "accumulated_depreciation", "accumulated_depreciation_difference"):
        assert floats[name].tolist() == [float(value) for value in exact[name]]


def test_unrounded_amounts_are_floats_only() -> None:
    rows = nc.depreciate(fleet(cost=[100.0, 0.0]), nc.straight_line(months=3), rounding=None)
    assert rows["depreciation"].iloc[0] == pytest.approx(100 / 3, rel=1e-12)
    with pytest.raises(nc.ConfigError, match="rounding=None"):
        nc.depreciate(fleet(), YEARS, rounding=None, amounts="minor")


# --- book values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_of", ["2025-06-30", "2025-06-05", "2024-06-30", "2031-01-31"])
def test_book_values_are_the_closing_balances(as_of: str) -> None:
    data = big_fleet().set_index(pd.Index([f"label-{i}" for i in range(300)], name="row"))
    policy = nc.straight_line(years=5, convention="mid_month", residual_rate=0.1)
    books = nc.book_values(data, policy, as_of=as_of)
    assert list(books.columns) == [
        "asset_id",
        "cost",
        "accumulated_depreciation",
        "book_value",
        "remaining_months",
    ]
    assert books.index.equals(data.index)
    assert books["asset_id"].tolist() == data["asset_id"].tolist()
    rows = nc.depreciate(data, policy, rows="all", start=as_of, end=as_of).set_index("asset_id")
    entered = books.set_index("asset_id").loc[rows.index]
    assert entered["accumulated_depreciation"].tolist() == rows["accumulated_depreciation"].tolist()
    assert entered["book_value"].tolist() == rows["closing_book_value"].tolist()
    not_yet = books[~books["asset_id"].isin(rows.index)]
    assert (not_yet[["cost", "accumulated_depreciation", "book_value"]] == 0).all(axis=None)
    later = nc.depreciate(data, policy, start=as_of, freq="M")
    later = later[later["period_end"] > pd.Timestamp(as_of) + pd.offsets.MonthEnd(0)]
    charged = later.groupby("asset_id", observed=True).size()
    months = books.set_index("asset_id")["remaining_months"]
    assert months[charged.index].tolist() == charged.tolist()
    assert (months.drop(charged.index) == 0).all()


def test_book_values_of_other_amounts() -> None:
    books = nc.book_values(fleet(cost=[480000, 720000]), YEARS, as_of="2025-12-31", amounts="minor")
    assert books["book_value"].tolist() == [360000, 570000]
    exact = nc.book_values(fleet(), YEARS, as_of="2025-12-31", amounts="decimal")
    assert exact["book_value"].tolist() == [Decimal("3600.00"), Decimal("5700.00")]
    assert str(exact["book_value"].iloc[0]) == "3600.00"


# --- arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"freq": "W"}, {"freq": None}, {"rows": "some"}, {"rounding": "up"}, {"rounding": ["level"]},
        {"amounts": "cents"}, {"minor_units": 5}, {"minor_units": True}, {"fiscal_year_end": 0},
        {"fiscal_year_end": 2.0}, {"start": "2025-13-01"}, {"start": "01/02/2025"}, {"end": "1800-01-01"},
        {"start": 20250101}, {"start": pd.Timestamp("2025-01-01 10:00")}, {"start": pd.NaT},
        {"start": "2026-01-01", "end": "2025-01-01"}, {"columns": "depreciation"}, {"columns": ["profit"]},
        {"columns": [["depreciation"]]}, {"on_error": "ignore"}, {"threads": 0}, {"threads": "2"},
        {"allow_credit": 1}, {"keep_id_dtype": None}, {"by": "site"}, {"by": ["policy"]}, {"by": ["cost", "cost"]},
        {"by": ["depreciation"]}, {"policy_by": None, "policy": {"a": YEARS}}, {"policy": "4y"}, {"policy": {}},
        {"policy": {"a": 4}, "policy_by": "asset_id"},
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    policy = options.pop("policy", YEARS)
    with pytest.raises(nc.ConfigError):
        nc.depreciate(fleet(), policy, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"years": 4}, {"years": []}, {"years": (4, 4.0)}, {"years": "46"}, {"years": (0,)}, {"years": (4.01,)},
        {"baseline": 5}, {"baseline": "Nebius"}, {"where": "gpu"}, {"where": {}}, {"by": ["depreciation_difference"]},
        {"residual_rate": 5}, {"residual_rate": float("nan")}, {"convention": "half_month"},
    ],
)  # fmt: skip
def test_comparisons_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(nc.ConfigError):
        nc.compare_lives(fleet(), **options)


def test_unknown_keywords_and_policies() -> None:
    with pytest.raises(TypeError, match=r"compare_lives\(\) got an unexpected keyword argument 'frequency'"):
        nc.compare_lives(fleet(), by=[], frequency="Q")  # type: ignore[call-arg]
    for wrong in ({}, [YEARS], {1: YEARS}, {"a": "4y"}):
        with pytest.raises(nc.ConfigError):
            nc.compare_policies(fleet(), wrong)  # type: ignore[arg-type]
    for options in ({"years": 4, "months": 48}, {"years": float("inf")}, {"months": True}, {"years": "4"}):
        with pytest.raises(nc.ConfigError):
            nc.straight_line(**options)  # type: ignore[arg-type]
    for fields in ({"method": "sl"}, {"life_months": 0}, {"residual_rate": 2.0}, {"convention": ["x"]}):
        with pytest.raises(nc.ConfigError):
            nc.Policy(**{"method": "straight_line", "life_months": 48, **fields})
    with pytest.raises(nc.ConfigError, match="policy_by"):
        nc.validate(fleet(), policy_by="asset_id")


def test_threads_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = nc.depreciate(fleet(), YEARS)
    monkeypatch.setenv("NEOCALC_NUM_THREADS", "1")
    pd.testing.assert_frame_equal(nc.depreciate(fleet(), YEARS), expected)
    for wrong in ("0", "-1", "1000000", "many", "1.5"):
        monkeypatch.setenv("NEOCALC_NUM_THREADS", wrong)
        with pytest.raises(nc.ConfigError, match="NEOCALC_NUM_THREADS"):
            nc.depreciate(fleet(), YEARS)


def test_options_that_compare_equal_are_not_confused() -> None:
    nc.depreciate(fleet(), YEARS, allow_credit=True, minor_units=1, fiscal_year_end=1)
    with pytest.raises(nc.ConfigError):
        nc.depreciate(fleet(), YEARS, allow_credit=True, minor_units=True, fiscal_year_end=1)
    with pytest.raises(nc.ConfigError):
        nc.depreciate(fleet(), YEARS, allow_credit=1, minor_units=1, fiscal_year_end=1)  # type: ignore[arg-type]


# --- the package --------------------------------------------------------------------------------------------------


def test_import_loads_no_frame_library() -> None:
    code = (
        "import sys, neocalc\n"
        "print([m for m in ('pandas', 'polars', 'pyarrow', 'narwhals', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_pandas_needs_no_translation_layer() -> None:
    code = (
        "import sys, pandas as pd, neocalc as nc\n"
        "f = pd.DataFrame({'cost': [1.0], 'in_service_date': [pd.Timestamp(2025, 1, 1)]})\n"
        "nc.compare_lives(f, by=[]); nc.depreciate(f, nc.straight_line(years=1))\n"
        "print([m for m in ('polars', 'narwhals') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout.strip() == "[]"


def test_no_warnings_on_good_data() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = big_fleet()
        nc.compare_lives(data, by=["site", "model"], baseline=4)
        nc.depreciate(data, YEARS, on_error="flag")
        nc.book_values(data, YEARS, as_of="2025-01-01")
        nc.validate(data)
