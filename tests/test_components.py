"""Components of an asset: lives of their own, one line in the books."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc

SERVER = pd.DataFrame(
    {
        "asset_id": ["server", "gpu", "disk", "hbm", "rack"],
        "parent_id": [None, "server", "server", "gpu", None],
        "cost": [100.0, 600.0, 30.0, 60.0, 40.0],
        "in_service_date": pd.to_datetime(
            ["2025-01-01", "2025-01-01", "2025-02-15", "2025-01-01", "2025-01-01"]
        ),
        "useful_life_months": [10, 6, 3, 6, 4],
    }
)


def test_a_server_reports_as_one() -> None:
    rows = nc.depreciate(SERVER, nc.straight_line())
    assert rows["asset_id"].tolist() == ["server"] * 10 + ["rack"] * 4
    server = rows[rows["asset_id"] == "server"]
    assert server["depreciation"].tolist() == [120.0, 130.0, 130.0, 130.0, 120.0, 120.0] + [10.0] * 4
    assert server["additions"].tolist() == [760.0, 30.0] + [0.0] * 8
    assert server["closing_book_value"].iloc[-1] == 0.0
    assert server["accumulated_depreciation"].iloc[-1] == 790.0
    rolled = (
        rows["opening_book_value"] + rows["additions"] - rows["depreciation"] - rows["closing_book_value"]
    )
    assert abs(rolled).max() < 1e-9


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas])
def test_other_frames_alike(convert: Any) -> None:
    found = nc.depreciate(convert(SERVER), nc.straight_line(), freq="Q")
    expected = nc.depreciate(SERVER, nc.straight_line(), freq="Q")
    columns = found.to_pydict() if isinstance(found, pa.Table) else found.to_dict(as_series=False)
    assert columns["asset_id"] == expected["asset_id"].tolist()
    assert columns["closing_book_value"] == expected["closing_book_value"].tolist()


def test_book_values_as_one() -> None:
    values = nc.book_values(SERVER, nc.straight_line(), as_of="2025-03-31")
    assert values["asset_id"].tolist() == ["server", "rack"]
    assert values["cost"].tolist() == [790.0, 40.0]
    assert values["book_value"].tolist() == [410.0, 10.0]
    assert values["remaining_months"].tolist() == [7, 1]
    assert values.index.tolist() == [0, 4]


def random_fleet(random: Random, count: int) -> pd.DataFrame:
    parents = [random.choice([None, None, other]) if other else None for other in range(count)]
    parents = [None if parent is None else random.randrange(parent) for parent in parents]
    return pd.DataFrame(
        {
            "asset_id": range(count),
            "parent_id": pd.array(parents, dtype="Int64"),
            "cost": [random.randrange(1, 10**7) for _ in range(count)],
            "in_service_date": pd.to_datetime("2024-01-01")
            + pd.to_timedelta([random.randrange(400) for _ in range(count)], unit="D"),
            "useful_life_months": [random.randrange(1, 40) for _ in range(count)],
        }
    )


@pytest.mark.parametrize("seed", range(12))
def test_sums_of_rows_run_without_a_gap(seed: int) -> None:
    random = Random(seed)
    fleet = random_fleet(random, 30)
    sold = pd.DataFrame(
        {"asset_id": [3, 9, 12], "date": pd.to_datetime(["2025-03-31", "2025-06-15", "2025-10-10"]),
         "kind": ["disposal", "impairment", "disposal"], "share": [1.0, None, 0.5], "amount": [None, 5.0, None]}
    )  # fmt: skip
    sold["amount"] = sold["amount"].astype("Int64")
    options: dict[str, Any] = {
        "freq": random.choice("MQ"), "amounts": "minor", "events": sold,
        "start": random.choice([None, "2025-01-01"]), "columns": [
            "opening_book_value", "additions", "depreciation", "impairment", "reversals", "disposals",
            "closing_book_value", "accumulated_depreciation", "opening_cost", "closing_cost",
        ],
    }  # fmt: skip
    together = nc.depreciate(fleet, nc.straight_line(), **options)
    alone = nc.depreciate(fleet.drop(columns="parent_id"), nc.straight_line(), rows="all", **options)
    top = list(range(30))
    for row, parent in enumerate(fleet["parent_id"]):
        top[row] = row if parent is pd.NA else top[int(parent)]
    alone["asset_id"] = [top[asset] for asset in alone["asset_id"]]
    sums = alone.groupby(["asset_id", "period_end"]).sum()
    # A part that was sold has no rows after that: what it left behind is nothing.
    found = together.set_index(["asset_id", "period_end"])
    assert set(found.index) <= set(sums.index)
    for name in (
        "depreciation",
        "additions",
        "disposals",
        "closing_book_value",
        "opening_book_value",
        "closing_cost",
    ):
        assert found[name].tolist() == sums[name].reindex(found.index).tolist(), name
    rolled = (
        together["opening_book_value"] + together["additions"] - together["depreciation"]
        - together["impairment"] - together["disposals"]
    )  # fmt: skip
    assert (rolled == together["closing_book_value"]).all()
    assert np.array_equal(
        together["closing_cost"] - together["accumulated_depreciation"], together["closing_book_value"]
    )


@pytest.mark.parametrize(
    ("parents", "code"), [([None, "nobody", None], "unknown_id"), (["b", "a", None], "parent_circle")]
)
def test_parents_that_cannot_be(parents: list[str | None], code: str) -> None:
    fleet = pd.DataFrame(
        {"asset_id": ["a", "b", "c"], "parent_id": parents, "cost": 12.0, "in_service_date": "2025-01-01"}
    )
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet, nc.straight_line(years=1))
    assert (caught.value.code, caught.value.issues[0].column) == (code, "parent_id")


def test_a_family_is_lost_with_one_of_its_parts() -> None:
    fleet = SERVER.copy()
    fleet.loc[2, "cost"] = -1.0
    kept = nc.depreciate(fleet, nc.straight_line(), on_error="skip")
    assert kept["asset_id"].unique().tolist() == ["rack"]
    flagged = nc.depreciate(fleet, nc.straight_line(), on_error="flag")
    assert flagged["asset_id"].tolist() == ["server"] + ["rack"] * 4
    assert flagged["issue"].tolist()[0] == "range"
    values = nc.book_values(fleet, nc.straight_line(), as_of="2025-03-31", on_error="flag")
    assert values["issue"].tolist()[0] == "range"
    assert values["book_value"].isna().tolist() == [True, False]


def test_policies_compared_as_one() -> None:
    both = nc.compare_lives(SERVER, (1, 2), baseline=1, columns=["depreciation", "closing_book_value"])
    assert set(both["asset_id"]) == {"server", "rack"}
    assert both.groupby("policy", observed=True)["depreciation"].sum().tolist() == pytest.approx(
        [830.0, 830.0]
    )


def test_families_beyond_64_bits_are_exact_or_refused() -> None:
    """6,000 parts of 2 x 10^13 dollars: 1.2 x 10^17 dollars, 1.2 x 10^19 cents; a fifth is charged in 2025."""
    parts = pd.DataFrame(
        {
            "asset_id": range(6_000),
            "parent_id": [None] + [0] * 5_999,
            "cost": 2e13,
            "in_service_date": "2025-01-01",
        }
    )
    policy = nc.straight_line(years=5)
    year = nc.depreciate(parts, policy, freq="Y").iloc[0]
    assert (year["additions"], year["depreciation"], year["closing_book_value"]) == (1.2e17, 2.4e16, 9.6e16)
    exact = nc.depreciate(parts, policy, freq="Y", amounts="decimal")["closing_book_value"].tolist()
    assert exact == [12 * 10**16 * n // 5 for n in (4, 3, 2, 1, 0)]
    (value,) = nc.book_values(parts, policy, as_of="2025-12-31", amounts="decimal")["book_value"]
    assert value == 96 * 10**15
    minor = parts.assign(cost=2 * 10**15)
    for call in (
        lambda: nc.depreciate(minor, policy, freq="Y", amounts="minor"),
        lambda: nc.book_values(minor, policy, as_of="2025-12-31", amounts="minor"),
    ):
        with pytest.raises(nc.InputError, match="ask for amounts='decimal'"):
            call()
