"""Frames of one kind that are given to the verbs of another."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc

BOOK = {
    "loan_id": ["a"],
    "commitment": [1000.0],
    "start_date": ["2025-01-15"],
    "term_months": [24],
    "annual_rate": [0.08],
}


def listed(frame: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(frame["column"], frame["code"], strict=True))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_of_the_other_kind_is_told_where_it_belongs(kind: Any) -> None:
    loans = kind(BOOK)
    fleet = kind({"asset_id": ["a"], "cost": [1.0], "in_service_date": ["2025-01-15"]})
    calls = [
        ("fleet", lambda: nc.validate(loans), "it has 'commitment' and 'annual_rate': ", "validate_loans"),
        ("fleet", lambda: nc.depreciate(loans, nc.straight_line(years=4)), "'commitment'", "amortize"),
        ("loans", lambda: nc.validate_loans(fleet), "it has 'cost' and 'in_service_date': ", ": validate "),
        ("loans", lambda: nc.amortize(fleet), "'cost'", "depreciate"),
    ]
    for subject, call, has, verb in calls:
        with pytest.raises(nc.InputError) as caught:
            call()
        issues = caught.value.issues
        assert [(issue.column, issue.code) for issue in issues] == [(subject, "other_frame")]
        assert has in issues[0].hint
        assert verb in issues[0].hint
    # Where any column of its own is there, the frame is meant for the verb, and what it lacks is listed.
    mixed = pd.DataFrame(BOOK | {"cost": [1.0]})
    assert listed(nc.validate(mixed)) == [("in_service_date", "missing_column")]
    assert ("start_date", "missing_column") in listed(nc.validate_loans(mixed.drop(columns="start_date")))
