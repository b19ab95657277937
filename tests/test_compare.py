"""Comparisons: which life a row takes, differences to a baseline, labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from small_fleets import big_fleet, cents, fleet

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
        for key in (*keys, "period_end"):
            assert mine[key].reset_index(drop=True).equals(base[key].reset_index(drop=True))
        for name in names:
            column = name.removesuffix("_difference")
            if amounts == "major":
                expected = [
                    (a - b) / 100 for a, b in zip(cents(mine[column]), cents(base[column]), strict=True)
                ]
            else:
                expected = [a - b for a, b in zip(mine[column], base[column], strict=True)]
            assert mine[name].tolist() == expected
    # The same rows without the baseline: nothing else changes.
    plain = nc.compare_lives(data, (4, 6, 5.5), by=by, amounts=amounts, freq="Q", rows="all")
    pd.testing.assert_frame_equal(found.drop(columns=names), plain)


def test_baseline_of_chosen_columns_and_policies() -> None:
    policies = {
        "Nebius": nc.straight_line(years=4),
        "CoreWeave": nc.straight_line(years=6, convention="mid_month"),
    }
    found = nc.compare_policies(fleet(), policies, baseline="Nebius", columns=["additions", "depreciation"])
    assert list(found.columns)[3:] == ["additions", "depreciation", "depreciation_difference"]
    assert cents(found[found["policy"] == "CoreWeave"]["depreciation_difference"])[0] == round(
        (4800 / 144 - 100) * 100
    )
    unrounded = nc.compare_policies(fleet(), policies, baseline="Nebius", rounding=None, by=[])
    assert unrounded["depreciation_difference"].abs().max() > 0


@pytest.mark.parametrize(
    ("years", "label"), [(4, "4y"), (5.5, "5.5y"), (1 / 12, "1m"), (0.25, "0.25y"), (50 / 12, "50m")]
)
def test_labels_of_lives(years: float, label: str) -> None:
    found = nc.compare_lives(fleet(), [years], by=[], columns=["depreciation"])
    assert found["policy"].cat.categories.tolist() == [label]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_where_finds_nulls_in_every_kind_of_frame(kind: str) -> None:
    # Own lives of 12 months charge 4,800 and 7,200 x 10/12 in 2025, lives of 24 months half of that.
    data = fleet(site=["x", None], useful_life_months=[12, 12])
    if kind != "pandas":
        data = pytest.importorskip("polars").from_pandas(data)
        data = data if kind == "polars" else data.to_arrow()
    options = {"by": [], "freq": "Y", "end": "2025-12-31", "columns": ["depreciation"]}
    for values, expected in ((None, 4800 + 3000), ([None, "x"], 2400 + 3000), (iter("x"), 2400 + 6000)):
        total = nc.compare_lives(data, (2,), where={"site": values}, **options)["depreciation"][0]
        assert float(total.as_py() if kind == "pyarrow" else total) == expected
