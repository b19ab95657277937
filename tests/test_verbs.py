"""What the verbs mean: policies and who wins, groups, periods, columns, amounts, errors skipped or flagged."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

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
            "model": pd.Categorical.from_codes(random.integers(-1, 3, rows), ["H100", "B200", "A100", "unused"]),
        }
    )


def cents(values: Any) -> list[int]:
    return [round(float(v) * 100) for v in values]


YEARS = nc.straight_line(years=4)


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
    assert (first["period_end"], last["period_end"]) == (pd.Timestamp("2025-01-31"), pd.Timestamp("2028-12-31"))
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
    numbers = nc.depreciate(data.assign(tier=[1, 2]), {1: YEARS, 2: nc.straight_line(years=1)}, policy_by="tier")
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
    # Nothing is asked of what is left out.
    assert len(nc.depreciate(fleet(status=["cip", None], cost=[np.nan, 1.0]), YEARS)) == 48


def test_an_asset_is_brought_in_mid_life() -> None:
    data = fleet(
        opening_accumulated=[1200.0, None], opening_date=pd.to_datetime(["2025-12-31", None])
    )
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
    for value in (dt.date(2025, 5, 20), dt.datetime(2025, 5, 20), np.datetime64("2025-05-20"), pd.Timestamp("2025-05-20")):
        same = nc.depreciate(fleet(), YEARS, by=[], freq="Q", start=value, end="2025-08-02")
        pd.testing.assert_frame_equal(same, totals)


def test_an_empty_window_and_an_asset_outside_give_no_rows() -> None:
    rows = nc.depreciate(fleet(), YEARS, start="2010-01-01", end="2011-12-31")
    assert len(rows) == 0
    assert list(rows.columns) == ["asset_id", "period_end", *MONEY]
    assert (nc.depreciate(fleet(), YEARS, by=[], start="2010-01-01", end="2010-12-31")[MONEY] == 0).all().all()


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


# --- compare ------------------------------------------------------------------------------------------------------


def test_the_compared_life_wins() -> None:
    data = fleet(useful_life_months=[24, 120])
    both = nc.compare_lives(data, (4, 6), freq="Y")
    last = both.groupby(["policy", "asset_id"], observed=True)["period_end"].max().dt.year
    assert last.to_dict() == {("4y", "a"): 2028, ("4y", "b"): 2029, ("6y", "a"): 2030, ("6y", "b"): 2031}
    assert both["policy"].dtype == pd.CategoricalDtype(["4y", "6y"], ordered=True)
    # Stacked by policy in the order asked for, then by asset and period.
    assert list(dict.fromkeys(zip(both["policy"], both["asset_id"], strict=True))) == [
        (policy, asset) for policy in ("4y", "6y") for asset in ("a", "b")
    ]


def test_each_policy_of_a_comparison_is_depreciate_on_its_own() -> None:
    data = big_fleet()
    both = nc.compare_lives(data, (4, 6), by=["site"], freq="Q")
    alone = data.drop(columns="useful_life_months")
    for years in (4, 6):
        single = nc.depreciate(alone, nc.straight_line(years=years), by=["site"], freq="Q")
        mine = both[both["policy"] == f"{years}y"].drop(columns="policy")
        mine = mine[mine["period_end"] <= single["period_end"].max()].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, single)
    rows = nc.compare_lives(data, (4, 6))
    for years in (4, 6):
        single = nc.depreciate(alone, nc.straight_line(years=years))
        mine = rows[rows["policy"] == f"{years}y"].drop(columns="policy").reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, single)


def test_where_limits_the_compared_life() -> None:
    data = fleet(useful_life_months=[120, 12], asset_class=["gpu", "building"], site=["x", "y"])
    both = nc.compare_lives(data, (4, 6), where={"asset_class": "gpu"}, freq="Y")
    last = both.groupby(["policy", "asset_id"], observed=True)["period_end"].max().dt.year
    assert last.to_dict() == {("4y", "a"): 2028, ("4y", "b"): 2026, ("6y", "a"): 2030, ("6y", "b"): 2026}
    same = nc.compare_lives(data, (4, 6), where={"asset_class": ["gpu", "other"], "site": {"x"}}, freq="Y")
    pd.testing.assert_frame_equal(same, both)
    with pytest.raises(nc.InputError) as caught:
        nc.compare_lives(data.drop(columns="useful_life_months"), (4, 6), where={"asset_class": "gpu"})
    assert (caught.value.code, caught.value.issues[0].rows) == ("life_missing", (1,))


def test_where_that_matches_nothing_is_said() -> None:
    data = fleet(useful_life_months=12, asset_class="gpu")
    with pytest.warns(nc.NeocalcWarning, match="no row matches"):
        nc.compare_lives(data, by=[], where={"asset_class": "gqu"})


def test_compare_policies_by_class_and_where() -> None:
    data = fleet(useful_life_months=[None, 24], kind=["gpu", "building"])
    policies = {
        "one": nc.straight_line(years=4),
        "two": {"gpu": nc.straight_line(years=5), "building": nc.straight_line(years=3)},
        "own": {"gpu": nc.straight_line(years=1), "building": nc.straight_line()},
    }
    both = nc.compare_policies(data, policies, policy_by="kind")
    counts = both.groupby(["policy", "asset_id"], observed=True).size()
    assert counts.to_dict() == {
        ("one", "a"): 48, ("one", "b"): 48, ("two", "a"): 60, ("two", "b"): 36, ("own", "a"): 12, ("own", "b"): 24,
    }  # fmt: skip
    only = nc.compare_policies(
        data, {"x": {"gpu": nc.straight_line(years=5)}}, policy_by="kind", where={"kind": "gpu"}
    )
    assert only["asset_id"].value_counts().to_dict() == {"a": 60, "b": 24}
    assert both["policy"].cat.categories.tolist() == ["one", "two", "own"]


@pytest.mark.parametrize("amounts", ["major", "minor", "decimal"])
@pytest.mark.parametrize("by", [None, [], ["site"]])
def test_differences_are_this_policy_less_the_baseline(by: list[str] | None, amounts: str) -> None:
    data = big_fleet(40)
    if amounts == "minor":
        data["cost"] = (data["cost"] * 100).round().astype(np.int64)
    found = nc.compare_lives(data, (4, 6, 5.5), by=by, baseline=6, amounts=amounts, freq="Q")
    keys = ["asset_id"] if by is None else by
    names = [name for name in found.columns if name.endswith("_difference")]
    assert names == [
        f"{c}_difference"
        for c in ("opening_book_value", "depreciation", "closing_book_value", "accumulated_depreciation")
    ]
    base = found[found["policy"] == "6y"]
    for label in ("4y", "6y", "5.5y"):
        mine = found[found["policy"] == label]
        assert mine[[*keys, "period_end"]].astype(object).fillna("-").values.tolist() == (
            base[[*keys, "period_end"]].astype(object).fillna("-").values.tolist()
        )
        for name in names:
            column = name.removesuffix("_difference")
            if amounts == "major":
                expected = [(a - b) / 100 for a, b in zip(cents(mine[column]), cents(base[column]), strict=True)]
            else:
                expected = [a - b for a, b in zip(mine[column], base[column], strict=True)]
            assert mine[name].tolist() == expected
    # The same rows without the baseline: nothing else changes.
    plain = nc.compare_lives(data, (4, 6, 5.5), by=by, amounts=amounts, freq="Q", rows="all")
    pd.testing.assert_frame_equal(found.drop(columns=names), plain)


def test_baseline_of_chosen_columns_and_policies() -> None:
    policies = {"Nebius": nc.straight_line(years=4), "CoreWeave": nc.straight_line(years=6, convention="mid_month")}
    found = nc.compare_policies(fleet(), policies, baseline="Nebius", columns=["additions", "depreciation"])
    assert list(found.columns)[3:] == ["additions", "depreciation", "depreciation_difference"]
    assert cents(found[found["policy"] == "CoreWeave"]["depreciation_difference"])[0] == round((4800 / 144 - 100) * 100)
    unrounded = nc.compare_policies(fleet(), policies, baseline="Nebius", rounding=None, by=[])
    assert unrounded["depreciation_difference"].abs().max() > 0


@pytest.mark.parametrize(("years", "label"), [(4, "4y"), (5.5, "5.5y"), (1 / 12, "1m"), (0.25, "0.25y"), (50 / 12, "50m")])
def test_labels_of_lives(years: float, label: str) -> None:
    found = nc.compare_lives(fleet(), [years], by=[], columns=["depreciation"])
    assert found["policy"].cat.categories.tolist() == [label]


# --- book values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_of", ["2025-06-30", "2025-06-05", "2024-06-30", "2031-01-31"])
def test_book_values_are_the_closing_balances(as_of: str) -> None:
    data = big_fleet().set_index(pd.Index([f"label-{i}" for i in range(300)], name="row"))
    policy = nc.straight_line(years=5, convention="mid_month", residual_rate=0.1)
    books = nc.book_values(data, policy, as_of=as_of)
    assert list(books.columns) == ["asset_id", "cost", "accumulated_depreciation", "book_value", "remaining_months"]
    assert books.index.equals(data.index)
    assert books["asset_id"].tolist() == data["asset_id"].tolist()
    rows = nc.depreciate(data, policy, rows="all", start=as_of, end=as_of).set_index("asset_id")
    entered = books.set_index("asset_id").loc[rows.index]
    assert entered["accumulated_depreciation"].tolist() == rows["accumulated_depreciation"].tolist()
    assert entered["book_value"].tolist() == rows["closing_book_value"].tolist()
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


# --- on_error -----------------------------------------------------------------------------------------------------


def broken() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asset_id": ["good", "nan", "credit", "date", "fine"],
            "cost": pd.Series([1200.0, float("nan"), -5.0, 10.0, 2400.0]),
            "in_service_date": pd.Series(["2025-01-01", "2025-01-01", "2025-01-01", "2025-02-30", "2025-01-01"]),
            "site": ["x", "x", "y", "y", "z"],
        }
    )


def test_raise_reports_all_problems_at_once() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(broken(), YEARS)
    found = [(i.column, i.code, i.n_bad, i.rows, i.ids) for i in caught.value.issues]
    assert found == [
        ("cost", "nonfinite", 1, (1,), ("nan",)),
        ("cost", "range", 1, (2,), ("credit",)),
        ("in_service_date", "date_parse", 1, (3,), ("date",)),
    ]
    assert caught.value.code == "nonfinite"
    assert "in 5 rows" in str(caught.value)


def test_skip_gives_what_the_good_rows_give() -> None:
    good = broken().iloc[[0, 4]].reset_index(drop=True)
    skipped = nc.depreciate(broken(), YEARS, on_error="skip", keep_id_dtype=True)
    assert [issue["code"] for issue in skipped.attrs["issues"]] == ["nonfinite", "range", "date_parse"]
    skipped.attrs = {}
    pd.testing.assert_frame_equal(skipped, nc.depreciate(good, YEARS, keep_id_dtype=True))
    totals = nc.compare_lives(broken(), by=["site"], on_error="skip")
    assert totals["site"].unique().tolist() == ["x", "z"]
    totals.attrs = {}
    pd.testing.assert_frame_equal(totals, nc.compare_lives(good, by=["site"]))
    assert nc.book_values(broken(), YEARS, as_of="2025-12-31", on_error="skip").index.tolist() == [0, 4]


@pytest.mark.parametrize("amounts", ["major", "minor", "decimal"])
def test_flag_keeps_a_row_of_each_bad_asset(amounts: str) -> None:
    data = broken()
    flagged = nc.depreciate(data, YEARS, on_error="flag", amounts=amounts, round_input=amounts == "minor")
    bad = flagged[flagged["issue"].notna()]
    assert list(zip(bad["asset_id"], bad["issue"], strict=True)) == [
        ("nan", "nonfinite"), ("credit", "range"), ("date", "date_parse"),
    ]  # fmt: skip
    assert bad[["period_end", *MONEY]].isna().all().all()
    assert list(dict.fromkeys(flagged["asset_id"])) == data["asset_id"].tolist()
    good = flagged[flagged["issue"].isna()].drop(columns="issue").reset_index(drop=True)
    skipped = nc.depreciate(data, YEARS, on_error="skip", amounts=amounts)
    assert good.astype(object).values.tolist() == skipped.astype(object).values.tolist()


def test_flag_in_every_verb() -> None:
    books = nc.book_values(broken(), YEARS, as_of="2025-12-31", on_error="flag")
    assert books["issue"].astype(object).fillna("").tolist() == ["", "nonfinite", "range", "date_parse", ""]
    assert books["book_value"].isna().tolist() == [False, True, True, True, False]
    both = nc.compare_lives(broken(), (4, 6), on_error="flag", baseline=4)
    bad = both[both["issue"].notna()]
    assert list(zip(bad["policy"], bad["issue"], strict=True)) == [
        (policy, code) for policy in ("4y", "6y") for code in ("nonfinite", "range", "date_parse")
    ]
    totals = nc.depreciate(broken(), YEARS, by=[], on_error="flag")
    assert totals["additions"].sum() == 3600.0
    assert len(totals.attrs["issues"]) == 3
    clean = nc.depreciate(broken().iloc[[0, 4]], YEARS, on_error="flag")
    assert clean["issue"].isna().all()
    assert "issues" not in clean.attrs


def test_flag_of_doubtful_ids() -> None:
    data = fleet(asset_id=["a", "a"])
    flagged = nc.depreciate(data, YEARS, on_error="flag")
    assert flagged["issue"].tolist() == ["duplicate_id", "duplicate_id"]
    none = nc.depreciate(fleet(asset_id=["a", None]), YEARS, on_error="flag")
    assert none["issue"].dropna().tolist() == ["null"]


def test_a_whole_column_cannot_be_skipped() -> None:
    with pytest.raises(nc.InputError, match="missing_column"):
        nc.depreciate(fleet().drop(columns="cost"), YEARS, on_error="skip")


def test_a_result_with_issues_can_be_written(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    skipped = nc.depreciate(broken(), YEARS, on_error="skip")
    skipped.to_parquet(tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet").attrs["issues"][0]["code"] == "nonfinite"


# --- validate -----------------------------------------------------------------------------------------------------


def test_validate_lists_what_a_verb_would_raise() -> None:
    issues = nc.validate(broken())
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(broken(), YEARS)
    assert issues["code"].tolist() == caught.value.issues["code"]
    assert issues["rows"].tolist() == [[1], [2], [3]]
    assert len(nc.validate(fleet())) == 0
    assert list(nc.validate(fleet()).columns) == list(issues.columns)
    assert nc.validate(fleet(), nc.straight_line())["code"].tolist() == ["life_missing"]


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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert done.stdout.strip() == "[]"


def test_pandas_needs_no_translation_layer() -> None:
    code = (
        "import sys, pandas as pd, neocalc as nc\n"
        "f = pd.DataFrame({'cost': [1.0], 'in_service_date': [pd.Timestamp(2025, 1, 1)]})\n"
        "nc.compare_lives(f, by=[]); nc.depreciate(f, nc.straight_line(years=1))\n"
        "print([m for m in ('polars', 'narwhals') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=True)
    assert done.stdout.strip() == "[]"


def test_no_warnings_on_good_data() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = big_fleet()
        nc.compare_lives(data, by=["site", "model"], baseline=4)
        nc.depreciate(data, YEARS, on_error="flag")
        nc.book_values(data, YEARS, as_of="2025-01-01")
        nc.validate(data)
