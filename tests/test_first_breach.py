"""First breaches of tests that mean something, and what is no result of tests."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc

ENDS = pd.to_datetime(["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31"])


def outcome(
    cash: float = 100.0, metrics: tuple[str, str] = ("liquidity", "ltv"), **options: Any
) -> pd.DataFrame:
    measures = pd.DataFrame({"period_end": ENDS, "cash": cash, "total_debt": 60.0, "collateral_value": 100.0})
    terms = pd.DataFrame({"covenant_id": ["a", "b"], "metric": metrics, "threshold": [50.0, 0.65]})
    found: pd.DataFrame = nc.check_covenants(measures, terms, **options)
    return found


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"period_end": "last June"}, "tests.period_end", "dtype"),
        ({"period_end": 20250331}, "tests.period_end", "dtype"),
        ({"period_end": pd.NaT}, "tests.period_end", "null"),
        ({"status": "BREACH"}, "tests.status", "choice"),
        ({"value": "1.5"}, "tests.value", "dtype"),
        ({"threshold": pd.Series([True] * 8, dtype=object)}, "tests.threshold", "dtype"),
    ],
)
def test_a_first_breach_of_what_is_no_result(columns: dict[str, Any], column: str, code: str) -> None:
    """Dates that cannot be read gave 1970-01-01, words that mean nothing gave no breach."""
    tests = outcome().assign(**columns)
    with pytest.raises(nc.InputError) as caught:
        nc.first_breach(tests)
    assert {(issue.column, issue.code) for issue in caught.value.issues} == {(column, code)}


def test_statuses_of_a_first_breach() -> None:
    tests = outcome(cash=1.0)
    once = (word for word in ("breach",))  # a generator is empty after it was read
    assert nc.first_breach(tests, statuses=once)["first_breach"].tolist()[0] == ENDS[0]
    wrongs: list[Any] = [None, 5, "breach", ["Breach"], [["breach"]]]
    for wrong in wrongs:
        with pytest.raises(nc.ConfigError, match="statuses"):
            nc.first_breach(tests, statuses=wrong)
    flagged = outcome(1.0, ("liquidity", "?"), on_error="flag")
    assert nc.first_breach(flagged)["status"].tolist()[0] == "breach"
