"""Events that cannot be: beyond 64 bits, of no asset, in no frame; and frames of events with nothing in them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from test_events import FLEET, ONE_YEAR, asset

LARGEST = 2**63 - 1


def one_issue(fleet: Any, happened: Any, **options: Any) -> tuple[str, str, tuple[int, ...]]:
    """Column, code and rows of the only problem, the same for rows and totals."""
    found = []
    for by in (None, []):
        with pytest.raises(nc.InputError) as caught:
            nc.depreciate(fleet, ONE_YEAR, events=happened, by=by, **options)
        (issue,) = caught.value.issues
        found.append((issue.column, issue.code, issue.rows))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("last", "column"),
    [
        ({"kind": "addition", "amount": 2}, "events.amount"),
        ({"kind": "disposal", "share": 0.5, "proceeds": -2}, "events.proceeds"),
    ],
)
def test_what_moves_stays_within_64_bits(last: dict[str, Any], column: str) -> None:
    # Cost, additions and what sales cost come to at most 2^63 - 1; one more would be a wrong number.
    fleet = pd.DataFrame({"asset_id": ["a"], "cost": [LARGEST - 12], "in_service_date": ["2025-01-01"]})
    first = {"asset_id": "a", "date": "2025-03-01", "kind": "addition", "amount": 10}
    happened = pd.DataFrame([first, {"asset_id": "a", "date": "2025-04-01", **last}])
    for name in ("amount", "proceeds"):
        if name in happened:
            happened[name] = happened[name].astype("Int64")
    fits = nc.depreciate(fleet, ONE_YEAR, events=happened, amounts="minor", freq="Y")
    assert fits["additions"].sum() == (LARGEST if last["kind"] == "addition" else LARGEST - 2)
    beyond = happened.assign(**{column.split(".")[1]: happened[column.split(".")[1]] * 2})
    beyond.loc[0, "amount"] = 11
    assert one_issue(fleet, beyond, amounts="minor") == (column, "overflow", (1,))


def test_a_sale_that_brings_more_than_64_bits() -> None:
    happened = pd.DataFrame(
        {"asset_id": "a", "date": ["2025-03-01", "2025-04-01"], "kind": "disposal", "share": 0.5,
         "proceeds": [LARGEST, 1]}
    )  # fmt: skip
    assert one_issue(asset(), happened, amounts="minor", round_input=True) == (
        "events.proceeds",
        "overflow",
        (1,),
    )
    taxed = pytest.raises(nc.InputError, match="overflow")
    with taxed:
        nc.depreciate(asset(), nc.macrs(bonus_rate=0.0), events=happened, amounts="minor", round_input=True)


@pytest.mark.parametrize("empty", [pd.DataFrame, pl.DataFrame, pa.table])
def test_no_events_at_all(empty: Any) -> None:
    # A column without rows has no type: pandas makes it objects, polars null, as do lists read from a file.
    names = ("asset_id", "date", "kind", "amount", "share", "remaining_months", "proceeds", "posting_date")
    none = empty({name: [] for name in names})
    expected = nc.depreciate(FLEET, ONE_YEAR)
    found = nc.depreciate(FLEET, ONE_YEAR, events=none, columns=list(expected.columns[2:]))
    pd.testing.assert_frame_equal(found, expected)


def test_what_is_no_frame_is_named() -> None:
    for name in ("events", "usage"):
        with pytest.raises(nc.InputError) as caught:
            nc.depreciate(FLEET, ONE_YEAR, **{name: [1, 2]})
        assert (caught.value.code, caught.value.issues[0].column) == ("frame", name)


def test_each_flagged_asset_has_the_code_of_its_own_event() -> None:
    # What is wrong with an event of another asset, or of none, is not this one's.
    bad = pd.DataFrame(
        {
            "asset_id": [1, 9, 2, 3, 3],
            "date": ["2025-05-05", "2025-05-05", None, "2025-05-05", "2025-06-06"],
            "kind": ["disposal", "disposal", "disposal", "reversal", "addition"],
            "share": [1.5, 0.5, 0.5, None, None],
            "amount": [None, None, None, 5.0, 5.0],
        }
    )
    usage = pd.DataFrame({"asset_id": [2, 1], "date": ["2025-05-31"] * 2, "units": [1.0, -1.0]})
    flagged = nc.depreciate(FLEET, nc.straight_line(years=2), events=bad, usage=usage, on_error="flag")
    codes = flagged.loc[flagged["issue"].notna(), ["asset_id", "issue"]].values.tolist()
    assert codes == [[1, "range"], [2, "null"], [3, "framework"]]


@pytest.mark.parametrize(
    ("happened", "hint"),
    [
        ({"kind": "disposal", "share": 1.5}, "check sign and unit; it is a fraction: 0.05 for 5 %"),
        ({"kind": "impairment", "amount": -1.0}, "check sign and unit"),
        ({"kind": "life_change", "remaining_months": 0}, "check sign and unit; lives are in months"),
    ],
)
def test_hints_of_ranges_fit_their_column(happened: dict[str, Any], hint: str) -> None:
    events = pd.DataFrame([{"asset_id": "A", "date": "2025-03-01", **happened}])
    fleet = pd.DataFrame({"asset_id": ["A"], "cost": [1_200.0], "in_service_date": ["2025-01-01"]})
    with pytest.raises(nc.InputError) as caught:
        nc.depreciate(fleet, nc.straight_line(years=1), events=events)
    assert [(issue.code, issue.hint) for issue in caught.value.issues] == [("range", hint)]
