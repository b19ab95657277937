"""Bad rows of measures and covenants: refused, left out, or kept under the code of what is wrong."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pytest

import neocalc as nc

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

ENDS = pd.date_range("2025-03-31", periods=4, freq="QE")


def measures(**columns: Any) -> pd.DataFrame:
    table = {"entity_id": ["A"] * 4 + ["B"] * 4, "period_end": [*ENDS, *ENDS], "cash": [100.0] * 8, **columns}
    return pd.DataFrame(table)


def terms(**columns: Any) -> pd.DataFrame:
    table = {
        "covenant_id": ["a", "b", "c"],
        "entity_id": ["A", "B", "A"],
        "metric": "liquidity",
        "threshold": 50.0,
    }
    return pd.DataFrame({**table, **columns})


def statuses(found: pd.DataFrame) -> dict[str, list[str]]:
    return {key: group["status"].tolist() for key, group in found.groupby("covenant_id", observed=True)}


GOOD = {"a": ["pass"] * 4, "b": ["pass"] * 4, "c": ["pass"] * 4}


def test_nothing_changes_where_nothing_is_wrong() -> None:
    wanted = nc.check_covenants(measures(), terms())
    assert statuses(wanted) == GOOD
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(nc.check_covenants(measures(), terms(), on_error="skip"), wanted)
        flagged = nc.check_covenants(measures(), terms(), on_error="flag")
    pd.testing.assert_frame_equal(flagged.drop(columns="issue"), wanted)
    assert flagged["issue"].isna().all()


def test_a_bad_covenant_does_not_cost_the_others() -> None:
    broken = terms(metric=["liquidity", "liqiudity", "liquidity"], threshold=[50.0, 50.0, float("inf")])
    with pytest.raises(nc.InputError) as caught:
        nc.check_covenants(measures(), broken)
    assert {issue.code for issue in caught.value.issues} == {"metric_unknown", "nonfinite"}
    skipped = nc.check_covenants(measures(), broken, on_error="skip")
    assert statuses(skipped) == {"a": ["pass"] * 4}
    told = {(issue["column"], issue["code"], tuple(issue["rows"])) for issue in skipped.attrs["issues"]}
    assert told == {("covenants.metric", "metric_unknown", (1,)), ("covenants.threshold", "nonfinite", (2,))}
    flagged = nc.check_covenants(measures(), broken, on_error="flag")
    pd.testing.assert_frame_equal(flagged.iloc[:4].drop(columns="issue"), skipped, check_categorical=False)
    kept = flagged.iloc[4:]
    assert kept["covenant_id"].tolist() == ["b", "c"]
    assert kept["issue"].tolist() == ["metric_unknown", "nonfinite"]
    assert kept[["status", "value", "period_end", "cure_needed", "level"]].isna().all(axis=None)


def test_a_bad_amount_leaves_its_period_missing() -> None:
    broken = measures(cash=[100.0, 100.005, 100.0, 100.0, 100.0, 100.0, 100.0, float("inf")])
    for on_error in ("skip", "flag"):
        found = nc.check_covenants(broken, terms(), on_error=on_error)
        lost = ["pass", "insufficient_data", "pass", "pass"]
        assert statuses(found) == {"a": lost, "b": ["pass"] * 3 + ["insufficient_data"], "c": lost}
    codes = found["issue"].astype(object).where(found["issue"].notna(), None).tolist()
    of_a = [None, "precision", None, None]
    assert codes == [*of_a, None, None, None, "nonfinite", *of_a]


def test_neither_of_two_rows_of_a_period_counts() -> None:
    """One of them might be right, but nobody knows which: it passes no test."""
    twice = pd.concat([measures(), measures(cash=1.0).iloc[[1]]], ignore_index=True)
    found = nc.check_covenants(twice, terms(), on_error="flag")
    assert statuses(found)["a"] == ["pass", "insufficient_data", "pass", "pass"]
    assert found["issue"].iloc[1] == "duplicate_period"


def test_an_entity_without_good_rows_takes_its_covenants_along() -> None:
    broken = measures(period_end=["2025-02-14"] * 4 + ENDS.strftime("%Y-%m-%d").tolist())
    found = nc.check_covenants(broken, terms(), on_error="skip")
    assert statuses(found) == {"b": ["pass"] * 4}
    assert {issue["code"] for issue in found.attrs["issues"]} == {"period_grid", "entity_unknown"}


def test_bad_cures_and_waivers_are_left_out() -> None:
    low = measures(cash=[40.0] * 8)
    cures = pd.DataFrame({"entity_id": ["A", "A"], "period_end": [ENDS[0], ENDS[1]], "amount": [20.0, -1.0]})
    waivers = pd.DataFrame({"entity_id": ["B", "X"], "from_date": ENDS[:2], "to_date": ENDS[:2]})
    found = nc.check_covenants(low, terms(), cures=cures, waivers=waivers, on_error="skip")
    assert statuses(found)["a"] == ["cured", "breach", "breach", "breach"]
    assert statuses(found)["b"] == ["waived", "breach", "breach", "breach"]
    columns = {issue["column"] for issue in found.attrs["issues"]}
    assert columns == {"cures.amount", "waivers.entity_id"}


def test_what_concerns_a_whole_column_is_still_refused() -> None:
    for on_error in ("skip", "flag"):
        with pytest.raises(nc.InputError):
            nc.check_covenants(measures(cash="x"), terms(), on_error=on_error)
        with pytest.raises(nc.InputError):
            nc.check_covenants(measures().drop(columns="cash"), terms(), on_error=on_error)
    with pytest.raises(nc.ConfigError, match="on_error"):
        nc.check_covenants(measures(), terms(), on_error="ignore")


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_other_kinds_of_frames_say_it_in_a_warning(kind: str) -> None:
    broken = terms(metric=["liquidity", "liqiudity", "liquidity"])
    make: Any = pl.from_pandas if kind == "polars" else pa.Table.from_pandas
    bad = measures(cash=[100.0, 100.005] + [100.0] * 6)
    with pytest.warns(nc.NeocalcWarning, match="2 rows with problems"):
        found = nc.check_covenants(make(bad), make(broken), on_error="flag")
    wanted = nc.check_covenants(bad, broken, on_error="flag")
    for name in ("covenant_id", "status", "issue"):
        mine = wanted[name].astype(object).where(wanted[name].notna(), None).tolist()
        assert (found[name].to_list() if kind == "polars" else found[name].to_pylist()) == mine
