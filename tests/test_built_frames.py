"""Results in pandas, made without its constructor where columns need no looking at: the same frames in every respect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from neocalc import _pandas_frame

POLICY = nc.straight_line(years=4)
BY: dict[str, Any] = {
    "category": pd.Categorical(["b", "a", None, "b"]),
    "text": pd.array(["b", "a", None, "b"], dtype="str"),
    "objects": pd.Series(["b", "a", None, "b"], dtype=object).array,
    "whole": np.array([2, 1, 1, 2]),
    "nullable": pd.array([2, 1, None, 2], dtype="Int64"),
    "flag": np.array([True, False, False, True]),
    "day": pd.to_datetime(["2025-01-01", "2024-01-01", None, "2025-01-01"]),
    "number": np.array([0.5, 0.25, np.nan, 0.5]),
}


def fleet(**more: Any) -> pd.DataFrame:
    dates = pd.to_datetime(["2025-01-15", "2025-02-15", "2025-03-15", "2025-01-20"])
    return pd.DataFrame({"cost": [100.0, 200.0, 300.0, 400.0], "in_service_date": dates, **more})


def results(data: pd.DataFrame, by: str) -> list[pd.DataFrame]:
    bad = data.assign(cost=[100.0, np.nan, 300.0, 400.0])
    return [
        nc.depreciate(data, POLICY, by=[by]),
        nc.depreciate(data, POLICY, by=[by], amounts="minor", start="2030-01-01", end="2030-12-31"),
        nc.depreciate(data, POLICY, by=[by], amounts="decimal", freq="Y"),
        nc.depreciate(data, POLICY, freq="Q"),
        nc.depreciate(data.set_axis(["w", "x", "y", "z"]), POLICY, freq="Y"),
        nc.depreciate(bad, POLICY, freq="Y", amounts="minor", on_error="flag"),
        nc.compare_lives(data, by=[by], freq="Y"),
        nc.book_values(data.set_axis([7, 8, 9, 10]), POLICY, as_of="2026-06-30"),
    ]


@pytest.mark.skipif(
    _pandas_frame._create is None, reason="pandas before 3 has no other way than its constructor"
)
@pytest.mark.parametrize("by", BY)
def test_frames_are_those_of_the_constructor(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fleet(**{by: BY[by]})
    found = results(data, by)
    made = []
    build = _pandas_frame._from_blocks
    monkeypatch.setattr(_pandas_frame, "_from_blocks", lambda *args: made.append(build(*args)))
    for frame, expected in zip(found, results(data, by), strict=True):
        pd.testing.assert_frame_equal(
            frame, expected, check_exact=True, check_column_type="exact", check_index_type="exact"
        )
        assert frame.index.equals(expected.index)
        assert type(frame.index) is type(expected.index)
        assert frame.attrs == expected.attrs
    assert any(frame is not None for frame in made)  # else nothing was compared


def test_a_result_is_its_owner_s_to_change() -> None:
    data = fleet()
    one, other = nc.depreciate(data, POLICY, by=["cost"]), nc.depreciate(data, POLICY, by=["cost"])
    one.columns.name = "measure"
    one.loc[0, "depreciation"] = 7.0
    one["note"] = "mine"
    one = one.drop(columns="cost").rename(columns={"depreciation": "charge"})
    assert one.loc[0, "charge"] == 7.0
    again = nc.depreciate(data, POLICY, by=["cost"])
    assert again.columns.name is None
    pd.testing.assert_frame_equal(other, again)
    merged = pd.concat([other, again], ignore_index=True).groupby("cost")["depreciation"].sum()
    assert merged.tolist() == [200.0, 400.0, 600.0, 800.0]


@pytest.mark.parametrize("index", [["w", "x", "y", "z"], pd.MultiIndex.from_product([[1, 2], ["p", "q"]])])
def test_an_index_kept_is_the_result_s_own(index: Any) -> None:
    data = fleet().set_axis(index)
    before = list(data.index.names)
    result = nc.book_values(data, POLICY, as_of="2025-06-30")
    assert result.index.equals(data.index)
    result.index.names = [f"level {at}" for at in range(data.index.nlevels)]
    assert list(data.index.names) == before
