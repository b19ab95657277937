"""What the law decides over a fleet: the 40 % test, section 179 and bonus, and the policy that asks for them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neocalc import ConfigError, InputError, _core
from neocalc._macrs import CONVENTION_NAMES, MacrsPolicy, macrs, resolve_macrs
from neocalc._tax_law import SECTION_179
from oracles import macrs as oracle
from tax_fleets import EPOCH, cents, days, fleets

# --- the 40 % test --------------------------------------------------------------------------------------------------


def test_forty_percent_is_not_more_than_forty_percent() -> None:
    policy, bought = macrs(bonus_rate=0.0), days("2024-09-30", "2024-10-01")
    at = resolve_macrs(policy, cents(600_00, 400_00), bought)
    assert at.convention.tolist() == [0, 0]
    assert at.years.mid_quarter == [False]
    above = resolve_macrs(policy, cents(599_99, 400_00), bought)
    assert [CONVENTION_NAMES[code] for code in above.convention] == ["mid_quarter_3", "mid_quarter_4"]


def test_the_test_is_exact_beyond_64_bits() -> None:
    policy = macrs(bonus_rate=0.0)
    bought = days("2024-01-01", "2024-01-01", "2024-01-01", "2024-12-31", "2024-12-31")
    large = 2**62  # two of five are exactly 40 %
    assert resolve_macrs(policy, cents(*[large] * 5), bought).years.mid_quarter == [False]
    found = resolve_macrs(policy, cents(large - 1, *[large] * 4), bought)
    assert found.years.mid_quarter == [True]
    assert found.years.total_basis == [5 * large - 1]


def test_basis_is_after_section_179_and_before_bonus() -> None:
    bought = days("2024-02-01", "2024-12-01")
    half = resolve_macrs(macrs(bonus_rate=0.5), cents(400_00, 600_00), bought)
    assert (half.years.total_basis, half.years.mid_quarter) == ([1_000_00], [True])
    # 500 expensed on the second policy's property alone leave 100 of 500: 20 %.
    two = [macrs(bonus_rate=0.5), macrs(bonus_rate=0.5, section_179=500)]
    found = resolve_macrs(two, cents(400_00, 600_00), bought, codes=np.array([0, 1]))
    assert (found.years.total_basis, found.years.last_quarter_basis) == ([500_00], [100_00])
    assert found.convention.tolist() == [0, 0]


def test_what_was_sold_in_the_year_does_not_count() -> None:
    # Reg. 1.168(d)-1(b)(3)(i): without the 900 of December, sold in December, nothing of the last quarter is left.
    bought, sold = days("2024-02-01", "2024-12-01"), days(None, "2024-12-20")
    found = resolve_macrs(macrs(bonus_rate=0.0), cents(100_00, 900_00), bought, None, sold)
    assert (found.years.total_basis, found.years.mid_quarter) == ([100_00], [False])


def test_a_convention_can_be_given() -> None:
    bought = days("2024-02-01", "2024-12-01")
    for name, codes in [("half_year", [0, 0]), ("mid_quarter", [1, 4])]:
        found = resolve_macrs(macrs(bonus_rate=0.0, convention=name), cents(1, 1), bought)
        assert found.convention.tolist() == codes
        assert found.years.mid_quarter == [True], "the report says what the test says"


def test_tax_years_need_not_be_calendar_years() -> None:
    # Tax year from July 2024 to June 2025: April is its last quarter; June 2024 belongs to the year before.
    found = resolve_macrs(
        macrs(bonus_rate=0.0),
        cents(100_00, 100_00, 100_00),
        days("2024-06-30", "2024-07-01", "2025-04-01"),
        None,
        None,
        6,
    )
    assert found.years.tax_year == [2023, 2024]
    assert [EPOCH + timedelta(day) for day in found.years.last_day] == [date(2024, 6, 30), date(2025, 6, 30)]
    assert [CONVENTION_NAMES[code] for code in found.convention] == [
        "mid_quarter_4",
        "mid_quarter_1",
        "mid_quarter_4",
    ]


# --- section 179 ----------------------------------------------------------------------------------------------------


# Sec. 179(b)(1) and (2) for tax years beginning in each year: Pub. L. 115-97, sec. 13101; the Rev. Procs. of the autumns
# before 2019 to 2024 and 2026; Pub. L. 119-21, sec. 70306.
LIMITS = [
    (2018, 1_000_000, 2_500_000),
    (2019, 1_020_000, 2_550_000),
    (2020, 1_040_000, 2_590_000),
    (2021, 1_050_000, 2_620_000),
    (2022, 1_080_000, 2_700_000),
    (2023, 1_160_000, 2_890_000),
    (2024, 1_220_000, 3_050_000),
    (2025, 2_500_000, 4_000_000),
    (2026, 2_560_000, 4_090_000),
]


@pytest.mark.parametrize(("year", "limit", "threshold"), LIMITS)
def test_the_limit_and_its_phase_out(year: int, limit: int, threshold: int) -> None:
    day, maximum = days(f"{year}-05-05"), macrs(bonus_rate=0.0, section_179="max")
    for over, allowed in [
        (-1, limit),
        (0, limit),
        (1, limit - 1),
        (limit - 1, 1),
        (limit, 0),
        (2 * limit, 0),
    ]:
        cost = cents((threshold + over) * 100)
        found = resolve_macrs(maximum, cost, day)
        assert found.years.section_179_limit == [allowed * 100]
        assert found.section_179.tolist() == [allowed * 100]
        above = macrs(bonus_rate=0.0, section_179=allowed + Decimal("0.01"))
        with pytest.raises(ConfigError, match="above the limit"):
            resolve_macrs(above, cost, day)


@pytest.mark.parametrize("year", [2017, 2027])
def test_no_limit_is_carried_into_another_year(year: int) -> None:
    day = days(f"{year}-05-05")
    assert resolve_macrs(macrs(bonus_rate=0.0), cents(1), day).years.section_179_limit == [None]
    for election in ("max", 0.01):
        with pytest.raises(ConfigError, match=f"tax years that begin in {year}"):
            resolve_macrs(macrs(bonus_rate=0.0, section_179=election), cents(1), day)


def test_the_limit_goes_by_the_year_in_which_the_tax_year_begins() -> None:
    # Sec. 179(b)(1) by Pub. L. 119-21 is for tax years that begin after 2024: not yet for July 2024 to June 2025.
    policy = macrs(bonus_rate=0.0, section_179="max")
    found = resolve_macrs(policy, cents(2_600_000_00), days("2025-03-01"), None, None, 6)
    assert found.section_179.tolist() == [1_220_000_00]
    found = resolve_macrs(policy, cents(2_600_000_00), days("2025-07-01"), None, None, 6)
    assert found.section_179.tolist() == [2_500_000_00]


def test_an_election_falls_on_cost_to_the_cent() -> None:
    policy = macrs(bonus_rate=0.0, section_179={2024: 100})
    bought = days("2024-01-01", "2024-02-01", "2024-03-01", "2025-01-01")
    found = resolve_macrs(policy, cents(50_00, 50_00, 50_00, 50_00), bought)
    # Running sums of a third each: 33.33, 66.67, 100.00; nothing on 2025.
    assert found.section_179.tolist() == [33_33, 33_34, 33_33, 0]
    assert found.years.section_179 == [100_00, 0]


def test_two_policies_share_one_limit() -> None:
    bought, codes = days("2024-01-01", "2024-02-01"), np.array([0, 1])
    cost = cents(1_000_000_00, 1_000_000_00)
    two = [macrs(bonus_rate=0.0, section_179=700_000), macrs(bonus_rate=0.0, section_179="max")]
    found = resolve_macrs(two, cost, bought, codes=codes)
    assert found.section_179.tolist() == [700_000_00, 520_000_00]
    two[1] = macrs(bonus_rate=0.0, section_179=520_000.01)
    with pytest.raises(
        ConfigError, match=r"1,220,000\.01 for tax year 2024 is above the limit, 1,220,000\.00"
    ):
        resolve_macrs(two, cost, bought, codes=codes)


@pytest.mark.parametrize(
    ("election", "match"),
    [
        ({2023: 1}, "no property was placed in service in tax year 2023"),
        ({2024: Decimal("0.001")}, "not a whole number of minor units"),
        (100.01, "more than its property"),
        ({2024: 50, 2027: 10}, "no limit is on file for tax years that begin in 2027"),
    ],
)
def test_elections_that_cannot_be(election: Any, match: str) -> None:
    policy = macrs(bonus_rate=0.0, section_179=election)
    with pytest.raises(ConfigError, match=match):
        resolve_macrs(policy, cents(100_00, 100_00), days("2024-01-01", "2027-01-01"))


def test_the_facts_are_in_order() -> None:
    years = sorted(SECTION_179)
    assert years == list(range(2018, 2027))
    assert all(law.limit < law.threshold and law.source for law in SECTION_179.values())
    assert all(SECTION_179[a].limit < SECTION_179[b].limit for a, b in pairwise(years))


# --- bonus ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acquired", "service", "percent"),
    [
        ("2025-01-19", "2025-01-31", 40),
        ("2025-01-20", "2025-01-31", 100),  # Pub. L. 119-21, sec. 70301(c): acquired after January 19, 2025
        ("2025-01-19", "2026-06-30", 20),
        ("2025-01-20", "2031-06-30", 100),
        ("2025-01-19", "2027-01-01", 0),
        ("2017-09-27", "2017-09-27", 50),
        ("2017-09-27", "2017-12-31", 50),  # sec. 168(k)(8)(A)
        ("2017-09-27", "2018-12-31", 40),
        ("2017-09-27", "2019-12-31", 30),
        ("2017-09-27", "2020-01-01", 0),
        ("2017-09-28", "2017-09-28", 100),
        ("2017-09-28", "2022-12-31", 100),
        ("2017-09-28", "2023-01-01", 80),
        ("2024-05-01", "2024-12-31", 60),
        ("2014-05-01", "2014-05-02", 50),
    ],
)
def test_bonus_by_law(acquired: str, service: str, percent: int) -> None:
    found = resolve_macrs(macrs(), cents(1_000_00), days(service), days(acquired))
    assert found.bonus.tolist() == [10_00 * percent]
    assert oracle.bonus_percent(date.fromisoformat(acquired), date.fromisoformat(service)) == percent


def test_bonus_is_rounded_half_even_after_section_179() -> None:
    policy = macrs(bonus_rate=0.5, section_179=100)
    found = resolve_macrs(policy, cents(100_05, 0, -3), days(*["2024-01-01"] * 3))
    assert found.section_179.tolist() == [100_00, 0, 0]
    assert found.bonus.tolist() == [2, 0, -2]  # 2.5 and -1.5 go to the even cent
    assert found.basis.tolist() == [3, 0, -1]


def test_the_alternative_system_has_no_bonus_of_its_own() -> None:
    bought = days("2025-02-01")
    assert resolve_macrs(macrs(system="ads"), cents(100), bought, days("2025-01-25")).bonus.tolist() == [0]
    assert resolve_macrs(macrs(system="ads"), cents(100), bought).bonus.tolist() == [0], (
        "and asks for no date"
    )
    assert resolve_macrs(macrs(system="ads", bonus_rate=1.0), cents(100), bought).bonus.tolist() == [100]


def refused(*args: Any, **kwargs: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    with pytest.raises(InputError) as caught:
        resolve_macrs(*args, **kwargs)
    assert all(issue.hint for issue in caught.value.issues)
    return [(issue.column, issue.code, issue.rows) for issue in caught.value.issues]


def test_acquisition_is_never_assumed() -> None:
    cost, bought = cents(1, 1, 1), days("2024-01-01", "2024-02-01", "2024-03-01")
    assert refused(macrs(), cost, bought) == [("acquisition_date", "missing_column", ())]
    known = days("2024-01-01", None, None)
    assert refused(macrs(), cost, bought, known) == [("acquisition_date", "null", (1, 2))]
    # Sold in its year: no bonus whatever the date. A rate that is given needs none.
    sold = days(None, "2024-12-31", "2024-12-31")
    assert resolve_macrs(macrs(), cost, bought, known, sold).bonus.tolist() == [1, 0, 0]
    assert resolve_macrs(macrs(bonus_rate=1.0), cost, bought).bonus.tolist() == [1, 1, 1]


def test_dates_that_decide_nothing() -> None:
    cost = cents(1, 1)
    bought = days("2024-01-01", "2024-02-01")
    late, early = days("2024-01-02", "2024-02-01"), days(None, "2024-01-31")
    assert refused(macrs(bonus_rate=0.0), cost, bought, late, early) == [
        ("acquisition_date", "range", (0,)),
        ("disposal_date", "date_order", (1,)),
    ]
    old = days("2011-12-31", "2012-01-01")
    assert refused(macrs(), cost, old, old) == [("in_service_date", "range", (0,))]
    contract = days("2011-12-31", "2007-12-31")
    assert refused(macrs(), cost, days("2012-01-01", "2012-01-01"), contract) == [
        ("acquisition_date", "range", (1,))
    ]


# --- the policy -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"recovery_years": 4},
        {"recovery_years": True},
        {"recovery_years": "5"},
        {"recovery_years": float("nan")},
        {"recovery_years": 25},
        {"system": "ads", "recovery_years": 5.3},
        {"system": "ads", "recovery_years": 0.5},
        {"system": "ads", "recovery_years": 51},
        {"system": "GDS"},
        {"convention": "mid_month"},
        {"convention": None},
        {"percentages": "exact"},
        {"bonus_rate": 40},
        {"bonus_rate": -0.1},
        {"bonus_rate": float("nan")},
        {"bonus_rate": True},
        {"bonus_rate": "0.4"},
        {"section_179": -1},
        {"section_179": float("inf")},
        {"section_179": Decimal("sNaN")},
        {"section_179": True},
        {"section_179": "all"},
        {"section_179": None},
        {"section_179": {"2024": 1}},
        {"section_179": {2024: -1}},
        {"section_179": {24: 1}},
    ],
    ids=str,
)
def test_arguments_that_mean_nothing(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(name for name in reversed(given))):
        macrs(**given)


def test_a_policy_is_a_value() -> None:
    policy = macrs(
        recovery_years=np.float64(7.0), section_179={2025: 0.1, 2024: np.int64(3)}, bonus_rate=Decimal("0.4")
    )
    assert policy == macrs(recovery_years=7, section_179={2024: 3, 2025: Decimal("0.1")}, bonus_rate=0.4)
    assert hash(policy) == hash(MacrsPolicy(recovery_years=7, section_179=policy.section_179, bonus_rate=0.4))
    assert macrs() == MacrsPolicy()
    with pytest.raises(AttributeError):
        policy.recovery_years = 5  # type: ignore[misc]


@pytest.mark.parametrize("fiscal_year_end", [0, 13, None])
def test_a_tax_year_ends_with_a_month(fiscal_year_end: Any) -> None:
    with pytest.raises(ConfigError, match="fiscal_year_end"):
        resolve_macrs(macrs(bonus_rate=0.0), cents(1), days("2024-01-01"), None, None, fiscal_year_end)


def test_no_rows_are_a_fleet() -> None:
    found = resolve_macrs(macrs(section_179="max"), cents(), days(), days())
    assert (found.years.tax_year, found.charges(0, 3).shape) == ([], (0, 3))


def test_what_the_core_is_not_given() -> None:
    good = [cents(1), days("2024-01-01")]
    with pytest.raises(ConfigError, match="codes"):
        resolve_macrs(macrs(bonus_rate=0.0), *good, codes=np.array([1]))
    with pytest.raises(ConfigError, match="policies"):
        resolve_macrs([], *good)
    with pytest.raises(ConfigError, match="days"):
        resolve_macrs(macrs(bonus_rate=0.0), good[0], np.array([1.0]))
    with pytest.raises(ValueError, match="no rate"):
        _core.rate_shares(cents(1), np.array([1], dtype=np.int16), [0.5])
    with pytest.raises(ValueError, match="negative"):
        _core.allocate(1, cents(-1))
    with pytest.raises(OverflowError):
        _core.allocate(2**62, cents(*[2**62] * 8))


# --- random fleets --------------------------------------------------------------------------------------------------


@given(fleets(), st.integers(0, 2_500_000_00))
def test_elections_of_random_fleets(fleet: tuple[list[Any], int], amount: int) -> None:
    rows, fye = fleet
    rows = [row for row in rows if 2018 <= oracle.tax_year(row[1], fye) - (fye != 12) <= 2026]
    arrays = (
        cents(*(cost for cost, _, _ in rows)),
        days(*(service for _, service, _ in rows)),
        None,
        days(*(disposal for _, _, disposal in rows)),
        fye,
    )
    most = resolve_macrs(macrs(bonus_rate=0.0, section_179="max"), *arrays)
    years = most.years
    assert (most.section_179 >= 0).all()
    assert (most.section_179 <= arrays[0]).all()
    for limit, placed, taken in zip(
        years.section_179_limit, years.placed_in_service, years.section_179, strict=True
    ):
        assert limit is not None
        assert taken <= min(limit, placed)
    asked = {
        year: Decimal(min(amount, taken)).scaleb(-2)
        for year, taken in zip(years.tax_year, years.section_179, strict=True)
    }
    some = resolve_macrs(macrs(bonus_rate=0.0, section_179=asked), *arrays)
    assert some.years.section_179 == [min(amount, taken) for taken in years.section_179]
    assert (some.section_179 + some.bonus + some.basis == arrays[0]).all()


@given(st.dates(date(2008, 1, 1), date(2030, 12, 31)), st.dates(date(2012, 1, 1), date(2030, 12, 31)))
def test_bonus_of_any_dates(acquired: date, service: date) -> None:
    acquired = min(acquired, service)
    found = resolve_macrs(macrs(), cents(100), days(service), days(acquired))
    assert found.bonus.tolist() == [oracle.bonus_percent(acquired, service)]
