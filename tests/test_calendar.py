"""The calendar of debt against an oracle of datetimes and fractions, and against values computed by others."""

from __future__ import annotations

import csv
import datetime as dt
import inspect
import random
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from neocalc import _core, calendar
from oracles import calendar as oracle

FIRST, LAST = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
EPOCH = dt.date(1970, 1, 1)
NO_HOLIDAYS = np.zeros(0, dtype=np.int32)
SAT_SUN = 0b110_0000
NO_DATE = np.iinfo(np.int32).min

DATES = st.dates(FIRST, LAST)


def days(dates: list[dt.date | None]) -> np.ndarray:
    return np.array([NO_DATE if date is None else (date - EPOCH).days for date in dates], dtype=np.int32)


def civil(values: Any) -> list[dt.date]:
    return [EPOCH + dt.timedelta(days=int(value)) for value in values]


def fractions(day_count: str, start: list[dt.date], end: list[dt.date], **given: Any) -> list[Fraction]:
    top, bottom, bad = _core.year_fractions(day_count, days(start), days(end), **given)
    assert bad == []
    return [Fraction(int(a), int(b)) for a, b in zip(top, bottom, strict=True)]


def awkward(rng: random.Random, n: int, first: int = 1900, last: int = 2199) -> list[dt.date]:
    """Every third date ends a month, every third ends February or is beside it, the others are any day."""
    found = []
    for number in range(n):
        year = rng.randint(first, last)
        if number % 3 == 0:
            month = rng.randint(1, 12)
            found.append(dt.date(year, month, oracle.last_day(dt.date(year, month, 1))))
        elif number % 3 == 1:
            leap_day = dt.date(year, 3, 1) + dt.timedelta(days=rng.randint(-3, 1))
            found.append(leap_day)
        else:
            found.append(dt.date(year, 1, 1) + dt.timedelta(days=rng.randint(0, 364)))
    rng.shuffle(found)
    return found


# --- day counts -----------------------------------------------------------------------------------------------

WITHOUT_COUPONS = [name for name in calendar.DAY_COUNTS if name != "ACT/ACT ICMA"]


@pytest.mark.parametrize("day_count", WITHOUT_COUPONS)
def test_day_counts_are_their_definitions(day_count: str) -> None:
    rng = random.Random(day_count)
    start = awkward(rng, 6_000)
    # Half of the ends near their start, where all days of the month meet; half anywhere, before the start too.
    near = [min(max(date + dt.timedelta(days=rng.randint(-800, 800)), FIRST), LAST) for date in start[:3_000]]
    end = near + awkward(rng, 3_000)
    maturity = [rng.choice([date, date, start[row], None]) for row, date in enumerate(end)]
    expected = [
        oracle.year_fraction(*row[:2], day_count, maturity=row[2])
        for row in zip(start, end, maturity, strict=True)
    ]
    assert fractions(day_count, start, end, maturity=days(maturity)) == expected


def test_each_month_end_with_each_other() -> None:
    ends = [dt.date(year, month, oracle.last_day(dt.date(year, month, 1))) for year in (2023, 2024, 2025) for month in range(1, 13)]  # fmt: skip
    pairs = [(a + dt.timedelta(days=i), b + dt.timedelta(days=j)) for a in ends for b in ends for i in (-1, 0, 1) for j in (-1, 0, 1)]  # fmt: skip
    start, end = [list(column) for column in zip(*pairs, strict=True)]
    for day_count in WITHOUT_COUPONS:
        for maturity in (None, end):
            at = [None] * len(end) if maturity is None else maturity
            expected = [
                oracle.year_fraction(a, b, day_count, maturity=m)
                for a, b, m in zip(start, end, at, strict=True)
            ]
            assert fractions(day_count, start, end, maturity=days(at)) == expected


@pytest.mark.parametrize("end_of_month", [False, True])
@pytest.mark.parametrize("months", [1, 2, 3, 4, 6, 12])
def test_icma_walks_over_coupon_periods(months: int, end_of_month: bool) -> None:
    rng = random.Random(months)
    start = awkward(rng, 900, 1950, 2150)
    end = [date + dt.timedelta(days=rng.randint(0, 1_500)) for date in start]
    # An anchor on any day: before, inside and after the period.
    anchor = [date + dt.timedelta(days=rng.randint(-900, 900)) for date in start]
    anchor[::2] = [oracle.shift(date.replace(day=1), 1) - oracle.DAY for date in anchor[::2]]
    expected = [
        oracle.year_fraction(a, b, "ACT/ACT ICMA", anchor=c, months=months, end_of_month=end_of_month)
        for a, b, c in zip(start, end, anchor, strict=True)
    ]
    given = {"frequency": f"{months}M", "end_of_month": end_of_month}
    assert fractions("ACT/ACT ICMA", start, end, reference_start=days(anchor), **given) == expected
    assert fractions("ACT/ACT ICMA", start, end, reference_end=days(anchor), **given) == expected


@given(DATES, DATES, DATES)
def test_actual_days_add_up(a: dt.date, b: dt.date, c: dt.date) -> None:
    a, b, c = sorted((a, b, c))
    for name, options in [("ACT/360", {}), ("ACT/365F", {}), ("ACT/ACT ISDA", {}), ("ACT/ACT ICMA", {"frequency": "quarterly", "reference_start": days([b, b, b])})]:  # fmt: skip
        first, second, whole = fractions(name, [a, b, a], [b, c, c], **options)
        assert first + second == whole


def test_thirty_day_months_need_not_add_up() -> None:
    """29 January to 31 March is 62 days under 30/360, to 30 January and on from there 1 + 60."""
    a, b, c = dt.date(2023, 1, 29), dt.date(2023, 1, 30), dt.date(2023, 3, 31)
    first, second, whole = fractions("30/360", [a, b, a], [b, c, c])
    assert (first * 360, second * 360, whole * 360) == (1, 60, 62)


QUANTLIB = {
    "ActActISDA": "ACT/ACT ISDA",
    "ActActISMA": "ACT/ACT ICMA",
    "30/360 BondBasis": "30/360",
    "30/360 USA": "30/360 US",
    "30E/360": "30E/360",
    "30E/360 ISDA": "30E/360 ISDA",
}
# Day counts of other markets: the French AFB, years of 365.25 or 366 days, 30/365.
QUANTLIB_ALONE = {"ActActAFB", "Act/365.25", "Act/366", "30/365"}


def test_values_of_quantlib(outside_oracles: Path) -> None:
    checked = 0
    for row in rows_of(outside_oracles, "quantlib_daycount.csv"):
        if row["convention"] in QUANTLIB_ALONE:
            continue
        options: dict[str, Any] = {}
        if row["ref_start"]:
            months = round((dt.date.fromisoformat(row["ref_end"]) - dt.date.fromisoformat(row["ref_start"])).days / 30.4)  # fmt: skip
            options = {"frequency": f"{months}M", "reference_start": row["ref_start"], "reference_end": row["ref_end"]}  # fmt: skip
        if row["flags"]:
            options["maturity"] = row["flags"].removeprefix("termination=")
        found = calendar.year_fraction(row["start"], row["end"], QUANTLIB[row["convention"]], **options)
        if row["function"] == "days":
            assert found * 360 == pytest.approx(int(row["expected"]), abs=1e-9), row
        else:
            # One value is printed there with ten decimals.
            tolerance = 5e-11 if row["expected"] == "1.001377348600" else 1e-12
            assert abs(found - float(row["expected"])) <= tolerance, row
        checked += 1
    assert checked == 134


def rows_of(folder: Path, file: str) -> list[dict[str, str]]:
    with (folder / file).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


# --- business days --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convention", calendar.BUSINESS_DAY_CONVENTIONS)
def test_adjusted_dates_are_their_definitions(convention: str) -> None:
    rng = random.Random(convention)
    holidays = {date + dt.timedelta(days=shift) for date in awkward(rng, 60, 2020, 2024) for shift in range(rng.randint(1, 4))}  # fmt: skip
    holidays |= {dt.date(2022, 5, day) for day in range(1, 32)}  # a month without a business day
    dates = [dt.date(2020, 2, 1) + dt.timedelta(days=number) for number in range(1_750)]
    for weekend in [(5, 6), (4, 5), (), (6,)]:
        bits = sum(1 << day for day in weekend)
        found, bad = _core.adjust_dates(days(dates), convention, bits, days(sorted(holidays, reverse=True)))
        expected = [oracle.adjust(date, convention, holidays, weekend) for date in dates]
        assert bad == [row for row, date in enumerate(expected) if date is None]
        assert (len(bad) > 20) == convention.startswith("modified")
        kept = [date if moved is None else moved for date, moved in zip(dates, expected, strict=True)]
        assert civil(found) == kept


# Markets of swaps in two half months, and of whichever day is nearer: no loan is paid so.
STRATA_ALONE = {"MODIFIED_FOLLOWING_BI_MONTHLY", "NEAREST"}


def test_dates_of_strata(outside_oracles: Path) -> None:
    checked = 0
    for row in rows_of(outside_oracles, "strata_bdc.csv"):
        if row["convention"] in STRATA_ALONE:
            continue
        convention = "none" if row["convention"] == "NO_ADJUST" else row["convention"]
        assert row["calendar"] == "SAT_SUN"
        assert str(calendar.adjust(row["date"], convention)) == row["expected"], row
        checked += 1
    assert checked == 52


# --- schedules ------------------------------------------------------------------------------------------------

CYCLES = ["1D", "1W", "2W", "28D", "1M", "2M", "1Q", "5M", "1H", "1Y", "18M", "2Y"]


@pytest.mark.parametrize("stub", calendar.STUBS)
@pytest.mark.parametrize("cycle", CYCLES)
def test_schedules_are_stepped_from_the_anchor(cycle: str, stub: str) -> None:
    rng = random.Random(cycle + stub)
    start = awkward(rng, 120, 1990, 2040)
    longest = 3_000 if cycle[-1] not in "DW" else 300
    end = [date + dt.timedelta(days=rng.randint(1, longest)) for date in start]
    # Ends on the grid too, where there is no stub.
    end[::4] = [oracle.step(date, cycle, rng.randint(1, 5), False) for date in start[::4]]
    first = [
        rng.choice([None, date + (until - date) * rng.random()])
        for date, until in zip(start, end, strict=True)
    ]
    for end_of_month in (False, True):
        found, counts, faults = _core.payment_dates(
            days(start), days(end), cycle, stub, end_of_month, "none", SAT_SUN, NO_HOLIDAYS, first=days(first)
        )
        expected = [
            oracle.payment_dates(a, b, cycle, stub=stub, end_of_month=end_of_month, first=c)
            for a, b, c in zip(start, end, first, strict=True)
        ]
        assert faults == []
        assert counts.tolist() == [len(dates) for dates in expected]
        assert civil(found) == [date for dates in expected for date in dates]


def test_a_last_regular_date_is_an_anchor_backwards() -> None:
    found = calendar.payment_dates("2024-01-10", "2024-10-20", "quarterly", last_regular_date="2024-09-30")
    assert found.tolist() == [dt.date(2024, 3, 30), dt.date(2024, 6, 30), dt.date(2024, 9, 30), dt.date(2024, 10, 20)]  # fmt: skip
    both = calendar.payment_dates(
        "2024-01-10", "2024-10-20", "3M", first_payment_date="2024-01-31", last_regular_date="2024-07-31"
    )
    assert both.astype(str).tolist() == ["2024-01-31", "2024-04-30", "2024-07-31", "2024-10-20"]


# What the rows need of their markets' calendars; weekends beside. 1997-09-01 is Labor Day, 2024-03-29 and
# 2024-04-01 are Good Friday and Easter Monday, 2024-05-01 is a holiday of TARGET.
QUANTLIB_HOLIDAYS = ["1997-09-01", "2024-03-29", "2024-04-01", "2024-05-01"]
QUANTLIB_CYCLES = {"Daily": "1D", "Monthly": "1M", "Quarterly": "3M", "1*Months": "1M", "6*Months": "6M", "1*Years": "1Y"}  # fmt: skip


def snake(name: str) -> str:
    return {"Unadjusted": "none"}.get(name, re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower())


def test_schedules_of_quantlib(outside_oracles: Path) -> None:
    rows = rows_of(outside_oracles, "quantlib_schedule.csv")
    for row in rows:
        convention = snake(row["convention"])
        first = row["first_date"] or None
        if row["start"] == "2013-03-28":
            # QuantLib takes the last business day before Easter for a month end; here the first date says so.
            first = "2014-03-31"
        found = calendar.payment_dates(
            row["start"],
            row["end"],
            QUANTLIB_CYCLES[row["tenor"].replace(" ", "")],
            stub="short_back" if row["direction"] != "backwards" else "short_front",
            end_of_month=row["end_of_month"] == "True",
            first_payment_date=first,
            last_regular_date=row["next_to_last"] or None,
            business_day_convention=convention,
            holidays=QUANTLIB_HOLIDAYS,
        )
        # QuantLib lists the start too; the end has a convention of its own.
        last = calendar.adjust(row["end"], snake(row["termination_convention"] or "Unadjusted"), holidays=QUANTLIB_HOLIDAYS)  # fmt: skip
        start = calendar.adjust(row["start"], convention, holidays=QUANTLIB_HOLIDAYS)
        assert [str(date) for date in [start, *found[:-1].tolist(), last]] == row["expected"].split(), row
    assert len(rows) == 17


def test_payments_on_business_days() -> None:
    """Each is the adjusted date of the schedule, and each day stands once."""
    rng = random.Random(7)
    for _ in range(200):
        start, cycle = awkward(rng, 3, 2020, 2024)[0], rng.choice(CYCLES[:8])
        end = start + dt.timedelta(days=rng.randint(3, 400))
        holidays = {start + dt.timedelta(days=rng.randint(0, 400)) for _ in range(60)}
        for convention in calendar.BUSINESS_DAY_CONVENTIONS:
            found = calendar.payment_dates(start, end, cycle, business_day_convention=convention, holidays=holidays)  # fmt: skip
            moved = [oracle.adjust(date, convention, holidays) for date in [start, *oracle.payment_dates(start, end, cycle)]]  # fmt: skip
            assert None not in moved
            expected = sorted(set(moved[1:]) - {moved[0]}) or [moved[-1]]
            assert found.tolist() == expected
            assert convention == "none" or all(oracle.is_open(date, holidays) for date in found.tolist())


# --- what users hand over -------------------------------------------------------------------------------------


def test_the_module_is_documented() -> None:
    assert nc.calendar is calendar
    functions = {name for name in calendar.__all__ if inspect.isfunction(getattr(calendar, name))}
    assert functions == {"adjust", "payment_dates", "year_fraction"}
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    for name in ("adjust", "payment_dates", "year_fraction"):
        doc = inspect.getdoc(getattr(calendar, name)) or ""
        assert all(f"{section}\n-----" in doc for section in ("Parameters", "Returns", "Raises", "Examples"))
        assert f"`{name}(" in readme


def test_scalars_arrays_and_series() -> None:
    expected = [29 / 360, 31 / 360]
    start, end = ["2024-02-01", "2024-03-01"], ["2024-03-01", "2024-04-01"]
    assert calendar.year_fraction(dt.date(2024, 2, 1), np.datetime64("2024-03-01"), "A/360") == expected[0]
    assert type(calendar.year_fraction("2024-02-01", pd.Timestamp("2024-03-01"), "A/360")) is float
    array = calendar.year_fraction(np.array(start, dtype="M8[ns]"), np.array([end], dtype="M8[D]"), "ACT/360")
    assert array.tolist() == [expected]
    series = calendar.year_fraction(pd.Series(pd.to_datetime(start), index=["a", "b"]), end, "ACT/360")
    assert series.to_dict() == dict(zip("ab", expected, strict=True))
    polars = pl.Series("from", start).str.to_date()
    found = calendar.year_fraction(polars, pl.Series(end), "ACT/360")
    assert isinstance(found, pl.Series)
    assert found.to_list() == expected

    assert calendar.adjust("2024-06-30", "F") == dt.date(2024, 7, 1)
    assert calendar.adjust(np.array("2024-06-30", dtype="M8[D]"), "F") == dt.date(2024, 7, 1)
    assert calendar.adjust(pa.chunked_array([["2024-06-30"]]).cast("date32"), "F").tolist() == [
        dt.date(2024, 7, 1)
    ]
    moved = calendar.adjust(pd.Series(["2024-06-30", "2024-07-01"], index=[3, 4], name="due"), "preceding")
    assert moved.dtype == "datetime64[us]"
    assert (moved.name, moved.index.tolist()) == ("due", [3, 4])
    assert moved.dt.strftime("%d").tolist() == ["28", "01"]
    assert calendar.adjust(polars, "following").dtype == pl.Date
    assert calendar.adjust(np.array([], dtype="M8[D]"), "MF").shape == (0,)
    square = calendar.adjust(np.array([["2024-06-30"], ["2024-06-29"]], dtype="M8[D]"), "following")
    assert square.tolist() == [[dt.date(2024, 7, 1)], [dt.date(2024, 7, 1)]]


def test_holidays_of_any_kind() -> None:
    for holidays in (
        ["2024-07-01"],
        {dt.date(2024, 7, 1)},
        np.array(["2024-07-01"], dtype="M8[D]"),
        pd.Series(pd.to_datetime(["2024-07-01"])),
        pd.DatetimeIndex(["2024-07-01"]),
        pl.Series(["2024-07-01"]).str.to_date(),
    ):
        assert calendar.adjust("2024-06-30", "following", holidays=holidays) == dt.date(2024, 7, 2)
    assert calendar.adjust("2024-06-28", "following", weekend=("fri", "Saturday")) == dt.date(2024, 6, 30)
    assert calendar.adjust("2024-06-30", "following", weekend=()) == dt.date(2024, 6, 30)


def test_names_in_any_spelling() -> None:
    for name in calendar.DAY_COUNTS:
        options = {"frequency": "annual"} if "ICMA" in name else {}
        assert calendar.year_fraction("2023-01-15", "2024-01-15", name.lower(), **options) == pytest.approx(
            1, abs=0.015
        )
    for name in calendar.FREQUENCIES:
        found = calendar.payment_dates("2024-01-15", "2025-01-15", name)
        count = {"daily": 366, "weekly": 53, "biweekly": 27, "monthly": 12, "bimonthly": 6, "quarterly": 4, "every_four_months": 3, "semiannual": 2}  # fmt: skip
        assert len(found) == count.get(name, 1)
