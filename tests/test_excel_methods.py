"""Rows that Excel computed, through `depreciate(rounding=None)`: a spreadsheet's periods are years of the life."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

import neocalc as nc

ROWS = Path(__file__).parents[2] / "shared" / "oracles" / "excel_depreciation.csv"


def number(text: str) -> float | None:
    return float(text) if text else None


def whole(value: float | None) -> bool:
    return value is not None and value == int(value)


def yearly(policy: nc.Policy, cost: float, salvage: float) -> list[float]:
    fleet = pd.DataFrame({"cost": [cost], "in_service_date": ["2025-01-01"], "residual_value": [salvage]})
    return [float(charge) for charge in nc.depreciate(fleet, policy, freq="Y", rounding=None)["depreciation"]]


def policy_of(row: dict[str, str]) -> nc.Policy | None:
    """The policy that means the same, where there is one: whole years, and no three-decimal rate."""
    function, life, cost, salvage = (
        row["function"],
        number(row["life"]),
        number(row["cost"]),
        number(row["salvage"]),
    )
    if cost is None or salvage is None or life is None or not whole(life) or not 1 <= life <= 100:
        return None
    if not 0 <= salvage <= cost:
        return None
    if function == "sln":
        return nc.straight_line(years=life)
    if function == "syd":
        return nc.sum_of_years_digits(years=life)
    factor = number(row["factor"]) or 2.0
    if function == "ddb":
        return nc.declining_balance(years=life, factor=factor, switch=False, remainder="keep")
    if function == "vdb":
        switch = row["no_switch"].upper() not in ("1", "TRUE")
        return nc.declining_balance(
            years=life, factor=factor, switch=switch, remainder="charge" if switch else "keep"
        )
    return None


@pytest.mark.skipif(not ROWS.exists(), reason="the recorded rows are not beside the project")
def test_excel_rows_through_depreciate() -> None:
    checked: dict[str, int] = {}
    with ROWS.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            policy = policy_of(row)
            if policy is None:
                continue
            first, last = (number(row[name]) for name in ("start_period", "end_period"))
            period = number(row["period"])
            charges = yearly(policy, float(row["cost"]), float(row["salvage"]))
            if row["function"] == "sln":
                found = charges[0]
            elif row["function"] == "vdb":
                if not (whole(first) and whole(last)):
                    continue
                found = sum(charges[int(first or 0) : int(last or 0)])
            elif whole(period) and 1 <= int(period or 0) <= len(charges):
                found = charges[int(period or 0) - 1]
            else:
                continue
            expected = float(row["expected"])
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * float(row["cost"])), row
            checked[row["function"]] = checked.get(row["function"], 0) + 1
    assert {"sln", "syd", "ddb", "vdb"} <= set(checked), checked
    print(checked)


def test_microsofts_own_examples() -> None:
    """The examples of the SYD and DDB pages of Excel's documentation, by year."""
    # SYD(30000, 7500, 10, 1) = 4,090.91 and (..., 10) = 409.09.
    digits = yearly(nc.sum_of_years_digits(years=10), 30_000.0, 7_500.0)
    assert (round(digits[0], 2), round(digits[9], 2)) == (4090.91, 409.09)
    # DDB(2400, 300, 10, 1, 2) = 480, factor 1.5 in the second year 306, and the tenth 22.12.
    double = yearly(nc.declining_balance(years=10, switch=False, remainder="keep"), 2_400.0, 300.0)
    assert (round(double[0], 2), round(double[9], 2)) == (480.0, 22.12)
    slow = yearly(nc.declining_balance(years=10, factor=1.5, switch=False, remainder="keep"), 2_400.0, 300.0)
    assert round(slow[1], 2) == 306.0
