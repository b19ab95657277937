"""Keys, classes and ids that cannot be used, and totals whose size is no reason to refuse them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from broken import POLICY, ROWS, good

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")


def test_keys_that_cannot_be_told_apart() -> None:
    lists = pd.Series([[row] for row in range(ROWS)], dtype=object)
    data = pd.DataFrame(good()).assign(site=lists)
    for frame in (data, pl.from_pandas(data), pa.Table.from_pandas(data)):
        with pytest.raises(nc.InputError) as caught:
            nc.depreciate(frame, POLICY, by=["site"])
        assert (caught.value.code, caught.value.issues["column"]) == ("dtype", ["site"])
        with pytest.raises(nc.ConfigError):
            nc.depreciate(frame, POLICY, by=[["site"]])
    wrong = nc.validate(data.assign(currency=lists, status="in use"))
    assert wrong[["column", "code"]].values.tolist() == [["currency", "dtype"]]


def test_status_that_is_no_text() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(pl.DataFrame(good()).with_columns(status=pl.lit(1)), POLICY)
    assert (caught.value.code, caught.value.issues["column"]) == ("dtype", ["status"])


def test_null_in_an_index_that_names_assets() -> None:
    data = pd.DataFrame(good()).drop(columns="asset_id", errors="ignore")
    data.index = pd.Index([None, *(f"a{i}" for i in range(1, len(data)))], dtype=object)
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(data, POLICY)
    assert (caught.value.code, caught.value.issues["rows"]) == ("null", [(0,)])
    assert len(nc.depreciate(data, POLICY, by=[], freq="Y"))  # a total names no asset


def test_many_pairs_of_keys_need_no_more_memory_than_rows() -> None:
    # 10^5 values of each key are 10^10 pairs, of which 10^5 have a row: 80 GB for a table of all.
    n = 100_000
    data = pd.DataFrame(
        {
            "cost": 1.0,
            "in_service_date": pd.Timestamp("2025-01-01"),
            "a": np.arange(n),
            "b": np.arange(n)[::-1],
        }
    )
    totals = nc.depreciate(data, POLICY, by=["a", "b"], freq="Y", end="2025-12-31", columns=["additions"])
    assert (totals["a"] + totals["b"] == n - 1).all()
    assert (len(totals), totals["additions"].sum()) == (n, n)


def test_a_difference_of_totals_may_be_larger_than_they() -> None:
    # In 2025 one asset charges all, the other, a credit, a hundredth (half-even); under the other policy vice versa.
    largest, short, long = 2**63 - 1, nc.straight_line(years=1), nc.straight_line(years=100)
    share = (largest + 50) // 100
    data = pd.DataFrame(
        {"cost": [largest, -largest], "in_service_date": ["2025-01-01"] * 2, "side": ["debit", "credit"]}
    )
    policies = {"A": {"debit": short, "credit": long}, "B": {"debit": long, "credit": short}}

    def differences(amounts: str) -> list[object]:
        both = nc.compare_policies(
            data, policies, by=[], policy_by="side", baseline="A", freq="Y", end="2025-12-31", amounts=amounts,
            minor_units=0, allow_credit=True, columns=["depreciation"],
        )  # fmt: skip
        return both["depreciation_difference"].tolist()

    exact = -2 * (largest - share)
    assert differences("decimal") == [Decimal(0), Decimal(exact)]
    assert differences("major") == [0.0, float(exact)]
    with pytest.raises(nc.InputError) as caught:
        differences("minor")
    assert caught.value.code == "overflow"
