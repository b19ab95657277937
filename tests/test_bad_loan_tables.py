"""What can be wrong with the frames beside loans: rates that step, principal schedules, payment holidays."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from broken_loans import good, one, refused, third

# --- frames beside --------------------------------------------------------------------------------------------


def steps(**columns: Any) -> pd.DataFrame:
    data = {"loan_id": ["a", "b", "c"], "date": ["2025-06-15"] * 3, "annual_rate": [0.05, 0.06, 0.07]}
    return pd.DataFrame({**data, **columns})


def schedule(**columns: Any) -> pd.DataFrame:
    data = {"loan_id": ["c", "c"], "payment_number": [1, 2], "principal": [10.0, 20.0]}
    return pd.DataFrame({**data, **columns})


def gaps(**columns: Any) -> pd.DataFrame:
    data = {"loan_id": ["c"], "from_date": ["2025-06-01"], "to_date": ["2025-08-31"], "interest": ["paid"]}
    return pd.DataFrame({**data, **columns})


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"loan_id": ["a", "b", "x"]}, "loan_id", "unknown_id"),
        ({"loan_id": pd.Series(["a", "b", None], dtype=object)}, "loan_id", "null"),
        ({"date": ["2025-06-15", "2025-06-15", None]}, "date", "null"),
        ({"date": ["2025-06-15", "2025-06-15", "2025-01-14"]}, "date", "date_order"),
        ({"annual_rate": [0.05, 0.05, float("inf")]}, "annual_rate", "nonfinite"),
        ({"annual_rate": [0.05, 0.05, None]}, "annual_rate", "null"),
        ({"annual_rate": [0.05, 0.05, 7.0]}, "annual_rate", "rate_unit"),
        ({"annual_rate": [0.05, 0.05, -1.0]}, "annual_rate", "range"),
    ],
)
def test_rate_steps(columns: dict[str, Any], column: str, code: str) -> None:
    one(good(), f"rate_steps.{column}", code, rate_steps=steps(**columns))


def test_two_rates_of_one_day() -> None:  # 48
    error = refused(good(), rate_steps=steps(loan_id=["c", "b", "c"]))
    assert [(i.column, i.code, i.rows) for i in error.issues] == [
        ("rate_steps.date", "duplicate_date", (0, 2))
    ]


@pytest.mark.parametrize(
    ("profile", "columns", "column", "code", "row"),
    [
        ("custom", {"payment_number": [1, 37]}, "payment_number", "range", 1),
        ("custom", {"payment_number": [1, 0]}, "payment_number", "range", 1),
        ("custom", {"payment_number": [1, 1.5]}, "payment_number", "dtype", 1),
        ("custom", {"principal": [1.0, -1.0]}, "principal", "range", 1),
        ("custom", {"principal": [1.0, None]}, "principal", "null", 1),
        ("custom", {"principal": [1.0, None], "share": [None, 0.5]}, "principal", "null", 1),
        ("custom", {"principal": [1.0, 2.0], "share": [None, 0.5]}, "share", "profile", 1),
        ("custom", {"payment_number": [1, None], "date": [None, "2024-06-01"]}, "date", "date_order", 1),
        ("custom", {"payment_number": [1, None]}, "payment_number", "null", 1),
        ("bullet", {}, "loan_id", "profile", 0),
        ("percent_schedule", {"principal": [None, None], "share": [0.5, 1.5]}, "share", "range", 1),
        ("percent_schedule", {"principal": [None, None], "share": [0.6, 0.6]}, "share", "range", 1),
        (
            "percent_schedule",
            {
                "principal": [None, None],
                "share": [0.5, 0.1],
                "payment_number": [1, None],
                "date": [None, "2025-03-03"],
            },
            "date",
            "date_order",
            1,
        ),
    ],
)
def test_principal_schedules(profile: str, columns: dict[str, Any], column: str, code: str, row: int) -> None:
    data = good(profile=third(profile, "level_payment"))
    one(data, f"principal_schedule.{column}", code, row, principal_schedule=schedule(**columns))


def test_principal_beyond_what_is_owed() -> None:  # 46
    data = good(profile=third("custom", "level_payment"))
    issue = one(data, "principal", "range", principal_schedule=schedule(principal=[2000.0, 1000.01]))
    assert "payment 2" in issue.example
    # Nothing is left for the second, or for a day after it.
    assert (
        "payment 2"
        in one(data, "principal", "range", principal_schedule=schedule(principal=[3000.0, 1.0])).example
    )
    late = schedule(principal=[3000.0, 1.0], payment_number=[1, None], date=[None, "2025-06-03"])
    one(data, "principal", "range", principal_schedule=late)
    none = schedule(principal=[3000.0, 0.0])
    assert len(nc.amortize(pd.DataFrame(data), principal_schedule=none))
    one(data, "profile", "null", principal_schedule=schedule(loan_id=["c", "c"]).iloc[:0])
    with pytest.raises(nc.InputError, match=r"principal_schedule\.principal.*missing_column"):
        nc.amortize(pd.DataFrame(data), principal_schedule=schedule().drop(columns="principal"))


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"to_date": ["2025-05-31"]}, "to_date", "date_order"),
        ({"from_date": [None]}, "from_date", "null"),
        ({"interest": ["forgiven"]}, "interest", "choice"),
        ({"loan_id": ["x"]}, "loan_id", "unknown_id"),
    ],
)
def test_payment_holidays(columns: dict[str, Any], column: str, code: str) -> None:
    one(good(), f"payment_holidays.{column}", code, 0, payment_holidays=gaps(**columns))


def test_frames_beside_without_their_columns() -> None:
    for name, table in (
        ("rate_steps", steps()),
        ("principal_schedule", schedule()),
        ("payment_holidays", gaps()),
    ):
        with pytest.raises(nc.InputError, match="missing_column"):
            nc.amortize(pd.DataFrame(good()), **{name: table.drop(columns="loan_id")})
        with pytest.raises(nc.InputError, match="frame"):
            nc.amortize(pd.DataFrame(good()), **{name: [1, 2]})
