"""MACRS percentages and deductions: the printed tables, worked examples, and random fleets against the oracle."""

from __future__ import annotations

import csv
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocalc import ConfigError, _core
from neocalc._macrs import CONVENTION_NAMES, GDS_YEARS, MacrsPolicy, macrs, resolve_macrs
from oracles import macrs as oracle
from tax_fleets import cents, days, fleets, month

TABLES = ("A-1", "A-2", "A-3", "A-4", "A-5")

# IRS Pub. 946, Appendix A: (table, recovery years) -> percentages as printed.
PRINTED = {
    ("A-1", 3): "33.33 44.45 14.81 7.41",
    ("A-1", 5): "20.00 32.00 19.20 11.52 11.52 5.76",
    ("A-1", 7): "14.29 24.49 17.49 12.49 8.93 8.92 8.93 4.46",
    ("A-1", 10): "10.00 18.00 14.40 11.52 9.22 7.37 6.55 6.55 6.56 6.55 3.28",
    ("A-1", 15): "5.00 9.50 8.55 7.70 6.93 6.23 5.90 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 2.95",
    (
        "A-1",
        20,
    ): "3.750 7.219 6.677 6.177 5.713 5.285 4.888 4.522 4.462 4.461 4.462 4.461 4.462 4.461 4.462 4.461"
    " 4.462 4.461 4.462 4.461 2.231",
    ("A-2", 5): "35.00 26.00 15.60 11.01 11.01 1.38",
    ("A-2", 7): "25.00 21.43 15.31 10.93 8.75 8.74 8.75 1.09",
    (
        "A-2",
        20,
    ): "6.563 7.000 6.482 5.996 5.546 5.130 4.746 4.459 4.459 4.459 4.459 4.460 4.459 4.460 4.459 4.460"
    " 4.459 4.460 4.459 4.460 0.565",
    ("A-3", 3): "41.67 38.89 14.14 5.30",
    ("A-3", 5): "25.00 30.00 18.00 11.37 11.37 4.26",
    ("A-4", 5): "15.00 34.00 20.40 12.24 11.30 7.06",
    ("A-4", 15): "3.75 9.63 8.66 7.80 7.02 6.31 5.90 5.90 5.91 5.90 5.91 5.90 5.91 5.90 5.91 3.69",
    ("A-5", 5): "5.00 38.00 22.80 13.68 10.94 9.58",
    ("A-5", 7): "3.57 27.55 19.68 14.06 10.04 8.73 8.73 7.64",
    ("A-5", 10): "2.50 19.50 15.60 12.48 9.98 7.99 6.55 6.55 6.56 6.55 5.74",
}


def shares(system: str, years: float, convention: str, percentages: str) -> list[Fraction]:
    numerators, denominator = _core.macrs_shares(system, years, convention, percentages)
    assert numerators[-1] == denominator, "every column sums to exactly 100 %"
    before = [0, *numerators[:-1]]
    return [Fraction(now - then, denominator) for now, then in zip(numerators, before, strict=True)]


def yearly(policy: MacrsPolicy, cost: Any, bought: Any, sold: Any = None, *, first: int, n: int) -> Any:
    found = resolve_macrs(policy, cost, bought, None, sold)
    return found.charges(month(first, 1), n).tolist()


# --- percentages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "years"), PRINTED, ids=str)
def test_the_printed_columns(table: str, years: int) -> None:
    printed = [Fraction(Decimal(text)) / 100 for text in PRINTED[table, years].split()]
    convention = CONVENTION_NAMES[TABLES.index(table)]
    assert shares("gds", years, convention, "table") == printed


def test_the_outside_table(outside_oracles: Path) -> None:
    with (outside_oracles / "irs_macrs.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    for row in rows:
        quarter = row["quarter"]
        convention = f"mid_quarter_{quarter}" if quarter else "half_year"
        at = int(row["year"]) - 1
        printed = shares("gds", int(row["recovery_years"]), convention, "table")[at] * 100
        exact = shares("gds", int(row["recovery_years"]), convention, "computed")[at] * 100
        assert printed == Fraction(Decimal(row["expected"])), row["case_id"]
        assert abs(exact - Fraction(Decimal(row["exact_unrounded"]))) <= Fraction(1, 10**6), row["case_id"]


@pytest.mark.parametrize("convention", CONVENTION_NAMES)
@pytest.mark.parametrize("years", GDS_YEARS)
def test_computed_percentages(years: int, convention: str) -> None:
    exact = shares("gds", years, convention, "computed")
    assert exact == oracle.percentages("gds", Fraction(years), convention)
    printed = shares("gds", years, convention, "table")
    # 0.015 percentage points: the tables let their last years make up for what the others were rounded.
    assert max(abs(a - b) for a, b in zip(exact, printed, strict=True)) <= Fraction(15, 100_000)


@pytest.mark.parametrize("percentages", ["table", "computed"])
@pytest.mark.parametrize("convention", CONVENTION_NAMES)
@pytest.mark.parametrize("years", [1, 5, 7, 9.5, 12, 20, 50])
def test_alternative_percentages(years: float, convention: str, percentages: str) -> None:
    expected = oracle.percentages("ads", Fraction(years), convention)
    assert shares("ads", years, convention, percentages) == expected
    assert len(set(expected[1:-1])) <= 1, "straight"


@pytest.mark.parametrize(
    ("system", "years", "convention", "percentages"),
    [
        ("gds", 4, "half_year", "table"),
        ("gds", 9.5, "half_year", "computed"),
        ("gds", float("nan"), "half_year", "table"),
        ("ads", 0.5, "half_year", "table"),
        ("ads", 5.25, "half_year", "table"),
        ("ads", 50.5, "half_year", "table"),
        ("acrs", 5, "half_year", "table"),
        ("gds", 5, "mid_quarter", "table"),
        ("gds", 5, "half_year", "printed"),
    ],
)
def test_the_core_refuses_what_has_no_shares(
    system: str, years: float, convention: str, percentages: str
) -> None:
    with pytest.raises(ValueError, match=r"must be|unknown|no such"):
        _core.macrs_shares(system, years, convention, percentages)


def test_a_policy_tells_its_shares() -> None:
    assert macrs().shares() == shares("gds", 5, "half_year", "table")
    policy = macrs(system="ads", recovery_years=12, percentages="computed")
    assert policy.shares("mid_quarter_3") == shares("ads", 12, "mid_quarter_3", "computed")
    with pytest.raises(ConfigError, match="convention"):
        policy.shares("auto")


# --- worked examples ------------------------------------------------------------------------------------------------


def test_office_furniture_by_the_table() -> None:
    # Pub. 946, "MACRS Worksheet", example 1: 7-year furniture of $10,000, in service on August 11.
    expected = [1429, 2449, 1749, 1249, 893, 892, 893, 446]
    found = yearly(
        macrs(recovery_years=7, bonus_rate=0.0), cents(10_000_00), days("2024-08-11"), first=2024, n=8
    )
    assert found == [[100 * dollars for dollars in expected]]


def test_machine_furniture_computer() -> None:
    # Pub. 946, "MACRS Worksheet", example 2: the computer of October is more than 40 % of the year's $10,000.
    # January 7-year $4,000, September 7-year $1,000, October 5-year $5,000.
    seven, five = macrs(recovery_years=7, bonus_rate=0.0), macrs(recovery_years=5, bonus_rate=0.0)
    bought = days("2024-01-20", "2024-09-20", "2024-10-20")
    found = resolve_macrs(
        [seven, five], cents(4_000_00, 1_000_00, 5_000_00), bought, codes=np.array([0, 0, 1])
    )
    assert [CONVENTION_NAMES[code] for code in found.convention] == [
        "mid_quarter_1",
        "mid_quarter_3",
        "mid_quarter_4",
    ]
    assert found.charges(month(2024, 1), 2).tolist() == [
        [1_000_00, 857_20],  # 25.00 %, 21.43 %
        [107_10, 255_10],  # 10.71 %, 25.51 %
        [250_00, 1_900_00],  # 5 %, 38 %
    ]


def test_sold_in_the_second_quarter() -> None:
    # Pub. 946, "Sale or Other Disposition Before the Recovery Period Ends", mid-quarter: 5-year property of $10,000 in
    # service on December 2, sold on April 6 of the third year: $500, $3,800, then $2,280 x 37.5 % = $855.
    policy = macrs(bonus_rate=0.0)
    found = yearly(policy, cents(10_000_00), days("2022-12-02"), days("2024-04-06"), first=2022, n=6)
    assert found == [[500_00, 3_800_00, 855_00, 0, 0, 0]]


def test_two_hundred_percent_without_tables() -> None:
    # Pub. 946, "Figuring the Deduction Without Tables": $1,000 of 5-year property, half-year convention. 40 % x 1/2, 40 % of
    # 800, 480 and 288, then the straight line: 172.80 / 1.5 and what is left.
    policy = macrs(bonus_rate=0.0, percentages="computed")
    found = yearly(policy, cents(1_000_00), days("2024-02-10"), first=2024, n=7)
    assert found == [[200_00, 320_00, 192_00, 115_20, 115_20, 57_60, 0]]


@pytest.mark.parametrize(
    ("sold", "expected"),
    [
        ("2024-12-31", [0, 0, 0, 0, 0, 0]),  # in the year of service: nothing, Reg. 1.168(d)-1(b)(3)(ii)
        ("2025-01-01", [200, 160, 0, 0, 0, 0]),  # half of 32 %
        ("2028-12-31", [200, 320, 192, 115.2, 57.6, 0]),  # half of 11.52 %
        ("2029-01-01", [200, 320, 192, 115.2, 115.2, 57.6]),  # the period ends where the sale is deemed to be
        ("2030-05-01", [200, 320, 192, 115.2, 115.2, 57.6]),
    ],
)
def test_disposals_by_the_half_year(sold: str, expected: list[float]) -> None:
    found = yearly(macrs(bonus_rate=0.0), cents(1_000_00), days("2024-03-01"), days(sold), first=2024, n=6)
    assert found == [[round(100 * dollars) for dollars in expected]]


def test_nothing_at_once_on_what_is_sold_in_its_year() -> None:
    bought, sold = days("2024-03-01", "2024-04-01"), days("2024-11-30", None)
    found = resolve_macrs(macrs(bonus_rate=0.6, section_179=100), cents(500_00, 500_00), bought, None, sold)
    assert found.section_179.tolist() == [0, 100_00]
    assert found.bonus.tolist() == [0, 240_00]
    assert found.charges(month(2024, 1), 8).sum(axis=1).tolist() == [0, 500_00]


# --- random fleets --------------------------------------------------------------------------------------------------


@given(
    fleets(),
    st.sampled_from(["gds", "ads"]),
    st.sampled_from(GDS_YEARS),
    st.sampled_from(["auto", "half_year", "mid_quarter"]),
    st.sampled_from(["table", "computed"]),
    st.sampled_from([0.0, 0.3, 0.4, 1.0]),
)
def test_fleets_as_the_oracle_has_them(
    fleet: tuple[list[Any], int], system: str, years: int, convention: str, percentages: str, rate: float
) -> None:
    rows, fye = fleet
    policy = macrs(
        recovery_years=years, system=system, convention=convention, percentages=percentages, bonus_rate=rate
    )
    found = resolve_macrs(
        policy,
        cents(*(cost for cost, _, _ in rows)),
        days(*(service for _, service, _ in rows)),
        None,
        days(*(disposal for _, _, disposal in rows)),
        fye,
    )
    first = month(2017, fye % 12 + 1)
    by_month, by_year = found.charges(first, 12 * 34, "M"), found.charges(first, 34)
    for at, (cost, service, disposal) in enumerate(rows):
        year = oracle.tax_year(service, fye)
        flips = oracle.goes_by_quarters(rows, year, fye)
        name = "half_year"
        if convention == "mid_quarter" or (convention == "auto" and flips):
            name = f"mid_quarter_{oracle.quarter(service, fye)}"
        assert CONVENTION_NAMES[found.convention[at]] == name
        same_year = disposal is not None and oracle.tax_year(disposal, fye) == year
        bonus = 0 if same_year else round(cost * Fraction(str(rate)))
        assert found.bonus[at] == bonus
        printed = system == "gds" and percentages == "table"
        column = (
            shares(system, years, name, "table")
            if printed
            else oracle.percentages(system, Fraction(years), name)
        )
        asset = oracle.Asset(cost, 0, bonus, service, disposal, name, Fraction(years), tuple(column))
        expected = oracle.deductions(asset, fye)
        last_years = range(first // 12 + 1970 + (fye != 12), first // 12 + 1970 + (fye != 12) + 34)
        assert by_year[at].tolist() == [expected.get(last, 0) for last in last_years]
        months = oracle.by_month(asset, fye)
        numbers = [divmod(1970 * 12 + first + number, 12) for number in range(12 * 34)]
        assert by_month[at].tolist() == [months.get(number, 0) for number in numbers]
        if disposal is None:
            assert sum(expected.values()) == cost
        else:
            assert 0 <= sum(expected.values()) <= cost
