"""The examples: what the filing prints, what the generated fleet promises."""

from __future__ import annotations

import hashlib
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from neocalc.examples import coreweave
from neocalc.report import demo

KINDS = ("pandas", "polars", "pyarrow")

# Form 10-Q for 2025-03-31, note 5, $000: (2024-12-31, 2025-03-31); then the life of the check in years.
NOTE_5 = {
    "technology": (9_146_575, 10_746_445, 6),
    "software": (139_508, 245_458, 3),
    "dc_equipment": (384_372, 534_120, 10),
    "furniture": (8_684, 10_716, 5),
    "construction": (3_200_866, 4_073_810, None),
}
GROSS = (12_880_005, 15_610_549)


def to_pandas(frame: object) -> pd.DataFrame:
    if isinstance(frame, pl.DataFrame):
        return frame.to_pandas()
    return frame.to_pandas() if isinstance(frame, pa.Table) else frame


def test_the_filing_lays_out_as_printed() -> None:
    fleet = nc.load_example("coreweave_2025q1")
    cost = fleet["cost"].groupby(fleet["asset_class"].astype(str)).sum()
    opening = fleet[fleet["basis"].str.startswith("gross at 2024-12-31")].set_index("asset_class")["cost"]
    for name, (before, after, _) in NOTE_5.items():
        assert opening[name] == before * 1000
        assert cost[name] == after * 1000
    assert (opening.sum(), cost.sum()) == (GROSS[0] * 1000, GROSS[1] * 1000)
    # What is not in service has no date and no life.
    construction = fleet[fleet["status"] == "cip"]
    assert set(construction["asset_class"]) == {"construction"}
    assert construction[["in_service_date", "useful_life_months"]].isna().all(axis=None)
    assert fleet.attrs["source"] == coreweave.SOURCE
    assert set(fleet["trust"]) == {"primary"}


@pytest.mark.parametrize("kind", KINDS)
def test_first_quarter_of_2025_at_six_and_at_four_years(kind: str) -> None:
    """(opening + closing) / 2 / life / 4 for each class; 443 published, rounded to $1 million, kind A."""
    charges = demo.quarter_charges(demo.coreweave_fleet(kind))
    assert set(charges) == {name for name, (*_, life) in NOTE_5.items() if life}  # nothing for construction
    totals = {"4y": 0.0, "6y": 0.0}
    for name, (before, after, life) in NOTE_5.items():
        if life is None:
            continue
        for policy, years in (("6y", life), ("4y", 4 if name == "technology" else life)):
            expected = (before + after) * 1000 / 2 / years / 4
            # A third of an addition is whole $000, so a class may be off by $1,000 of cost for a month.
            assert charges[name][policy] == pytest.approx(expected, abs=1000 / 12)
            totals[policy] += charges[name][policy]
    assert {name: round(charges[name]["6y"] / 1e6, 1) for name in charges} == {
        "technology": 414.4,
        "software": 16.0,
        "dc_equipment": 11.5,
        "furniture": 0.5,
    }
    assert round(charges["technology"]["4y"] / 1e6, 1) == 621.7
    assert (round(totals["6y"] / 1e6, 1), round(totals["4y"] / 1e6, 1)) == (442.4, 649.7)
    assert totals["6y"] / 1e6 == pytest.approx(coreweave.PUBLISHED_CHARGE_MILLIONS, rel=0.02)


def test_opening_month_is_the_one_nearest_to_the_published_balance() -> None:
    published = 965_231_000.0  # accumulated depreciation at 2024-12-31, note 5
    fleet = nc.load_example("coreweave_2025q1")
    fleet = fleet[(fleet["status"] != "cip") & fleet["basis"].str.startswith("gross at")]
    policy = nc.straight_line(years=6, convention=coreweave.CONVENTION)
    distance = {}
    for month in pd.period_range("2024-01", "2024-12", freq="M"):
        moved = fleet.assign(in_service_date=month.to_timestamp().as_unit("us"))
        values = nc.book_values(moved, policy, as_of="2024-12-31")
        distance[str(month)] = abs(values["accumulated_depreciation"].sum() - published)
    assert min(distance, key=distance.__getitem__) == coreweave.OPENING_MONTH


def test_generated_fleet_says_so_and_never_changes() -> None:
    fleet = nc.load_example("gpu_fleet")
    assert len(fleet) == 1000
    assert fleet.attrs["source"].startswith("GENERATED")
    assert "invented" in fleet.attrs["source"]
    columns = (
        fleet["asset_id"].to_numpy(),
        *(fleet[name].cat.codes.to_numpy() for name in ("gpu_model", "site", "asset_class")),
        fleet["in_service_date"].to_numpy().astype("datetime64[D]").astype(np.int64),
        fleet["quantity"].to_numpy(),
        *(np.rint(fleet[name].to_numpy() * 100).astype(np.int64) for name in ("cost", "residual_value")),
    )
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(c, dtype="<i8").tobytes() for c in columns))
    # Pinned: the documentation quotes figures of this fleet.
    assert digest.hexdigest() == "c47a50cdc2dcc8fc232ec3b68ff29b2acbd9d17079bea7e42c4aaf9dc4411169"


@pytest.mark.parametrize("kind", KINDS)
def test_small_fleet_is_the_head_of_a_large_one(kind: str) -> None:
    large = to_pandas(nc.load_example("gpu_fleet", rows=5_000, kind=kind))
    for rows in (0, 1, 4_999):
        small = to_pandas(nc.load_example("gpu_fleet", rows=rows, kind=kind))
        pd.testing.assert_frame_equal(small, large.head(rows), check_categorical=rows > 0)


@pytest.mark.parametrize("name", ["gpu_fleet", "coreweave_2025q1"])
def test_kinds_hold_the_same(name: str) -> None:
    first, *others = (to_pandas(nc.load_example(name, kind=kind)) for kind in KINDS)
    for other in others:
        assert list(other) == list(first)
        for column in first:
            left, right = (frame[column].astype(object) for frame in (first, other))
            assert left.isna().equals(right.isna()), column
            if column == "in_service_date":
                left, right = pd.to_datetime(left), pd.to_datetime(right)
            assert (left.dropna() == right.dropna()).all(), column


@pytest.mark.parametrize("name", ["gpu_fleet", "coreweave_2025q1"])
@pytest.mark.parametrize("kind", KINDS)
def test_examples_are_valid_fleets(name: str, kind: str) -> None:
    policy = nc.straight_line(years=6)
    assert len(nc.validate(nc.load_example(name, kind=kind), policy)) == 0


def test_a_million_rows_in_a_second() -> None:
    took = []
    for _ in range(3):
        start = time.perf_counter()
        fleet = nc.load_example("gpu_fleet", rows=1_000_000)
        took.append(time.perf_counter() - start)
    assert len(fleet) == 1_000_000
    assert fleet["asset_id"].is_unique
    assert min(took) < 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "gpu"}, "there are coreweave_2025q1, gpu_fleet"),
        ({"name": "gpu_fleet", "kind": "spark"}, "pandas, polars, pyarrow"),
        ({"name": "gpu_fleet", "rows": -1}, "at least 0"),
        ({"name": "gpu_fleet", "rows": True}, "whole number"),
        ({"name": "gpu_fleet", "rows": 1.5}, "whole number"),
        ({"name": "coreweave_2025q1", "rows": 10}, "one size"),
    ],
)
def test_wrong_arguments_say_what_is_right(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(nc.ConfigError, match=said):
        nc.load_example(**arguments)
