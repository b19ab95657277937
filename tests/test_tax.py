"""The 40 % test as a report on frames."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from neocalc import ConfigError, InputError
from neocalc._macrs import macrs
from neocalc.tax import mid_quarter_test


def frame(**columns: Any) -> pd.DataFrame:
    data = {"cost": [600.0, 400.01], "in_service_date": pd.to_datetime(["2024-03-01", "2024-12-01"])}
    return pd.DataFrame({**data, **columns}, index=["a", "b"])


def test_the_report_of_the_test() -> None:
    test = mid_quarter_test(frame(), macrs(bonus_rate=0.0, section_179={2024: 100.01}))
    assert test.drop(columns="period_end").to_dict("records") == [
        {
            "tax_year": 2024,
            "placed_in_service": 1000.01,
            "section_179_limit": 1_220_000.0,
            "section_179": 100.01,
            "total_basis": 900.0,
            # 600 / 1000.01 of 100.01 is 60.0054: 60.01 on the first, 40.00 on the second.
            "last_quarter_basis": 360.01,
            "last_quarter_share": 360.01 / 900,
            "convention": "mid_quarter",
        }
    ]
    assert test["period_end"].tolist() == [pd.Timestamp("2024-12-31")]


def test_the_report_has_nulls_where_nothing_is_known() -> None:
    bought = pd.to_datetime(["2031-03-01", "2031-12-01"])
    test = mid_quarter_test(
        frame(in_service_date=bought, disposal_date=pd.to_datetime(["2031-12-01"] * 2)), macrs(bonus_rate=0.0)
    )
    assert test[["section_179_limit", "last_quarter_share"]].isna().all(axis=None)
    assert test[["total_basis", "last_quarter_basis"]].values.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_the_report_comes_back_as_its_kind(kind: str) -> None:
    library = pytest.importorskip(kind)
    columns = {
        "cost": [100, 300],
        "in_service_date": [date(2024, 3, 1), date(2024, 12, 1)],
        "acquisition_date": [date(2024, 1, 1), None],
        "disposal_date": [None, date(2024, 12, 9)],
    }
    data = library.DataFrame(columns) if kind == "polars" else library.table(columns)
    for amounts in ("major", "minor", "decimal"):
        test = mid_quarter_test(data, macrs(), amounts=amounts)
        assert isinstance(test, type(data))
        rows = test.to_dicts() if kind == "polars" else test.to_pylist()
        assert [row["total_basis"] for row in rows] == [100]
        assert [row["convention"] for row in rows] == ["half_year"]


def test_policies_by_class() -> None:
    data = frame(kind=["server", "desk"])
    policies = {
        "server": macrs(bonus_rate=0.0),
        "desk": macrs(recovery_years=7, bonus_rate=0.0, section_179="max"),
    }
    test = mid_quarter_test(data, policies, policy_by="kind")
    assert test[["section_179", "total_basis"]].values.tolist() == [[400.01, 600.0]]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, [("acquisition_date", "missing_column", ())]),
        ({"acquisition_date": [pd.NaT, pd.Timestamp("2024-01-01")]}, [("acquisition_date", "null", (0,))]),
        ({"acquisition_date": ["2024-01-01", None]}, [("acquisition_date", "null", (1,))]),
        (
            {"acquisition_date": [pd.Timestamp("2024-01-01 12:00"), pd.Timestamp("1850-01-01")]},
            [("acquisition_date", "date_time", (0,)), ("acquisition_date", "date_range", (1,))],
        ),
        (
            {"cost": [-1.0, 1.0], "acquisition_date": pd.to_datetime(["2024-01-01", "2025-01-01"])},
            [("cost", "range", (0,)), ("acquisition_date", "range", (1,))],
        ),
        (
            {
                "acquisition_date": pd.to_datetime(["2024-01-01"] * 2),
                "disposal_date": ["2024-05-05", "2024-02-02"],
            },
            [("disposal_date", "date_order", (1,))],
        ),
    ],
)
def test_all_problems_at_once(columns: dict[str, Any], expected: Any) -> None:
    with pytest.raises(InputError) as caught:
        mid_quarter_test(frame(**columns), macrs())
    issues = caught.value.issues
    assert [(issue.column, issue.code, issue.rows) for issue in issues] == expected
    assert all(issue.index_labels == tuple("ab"[row] for row in issue.rows) for issue in issues)


def test_classes_that_have_no_policy() -> None:
    policies = {"server": macrs(bonus_rate=0.0)}
    with pytest.raises(InputError, match="policy_missing"):
        mid_quarter_test(frame(kind=["server", None]), policies, policy_by="kind")
    with pytest.raises(InputError, match="missing_column"):
        mid_quarter_test(frame(), policies, policy_by="kind")
    for policy, by in [(policies, None), ({}, "kind"), ({"server": 1}, "kind"), (None, None)]:
        with pytest.raises(ConfigError):
            mid_quarter_test(frame(kind=["server"] * 2), policy, policy_by=by)  # type: ignore[arg-type]


def test_what_is_under_construction_is_left_out() -> None:
    test = mid_quarter_test(frame(status=["in_service", "cip"]), macrs(bonus_rate=0.0))
    assert test["total_basis"].tolist() == [600.0]
