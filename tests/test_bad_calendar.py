"""Bad dates, names and calendars: a typed error that names the argument, the row and what to do."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import neocalc as nc
from neocalc import _core, calendar


def problems(call: Any) -> list[tuple[str, str, int, tuple[int, ...]]]:
    with pytest.raises(nc.InputError) as raised:
        call()
    return [(issue.column, issue.code, issue.n_bad, issue.rows) for issue in raised.value.issues]


def test_all_that_is_wrong_with_dates_at_once() -> None:
    start = ["2024-01-01", None, "1899-12-31", "2024-02-30", "01/02/2024", dt.datetime(2024, 1, 1, 12)]
    end = pd.Series(pd.to_datetime(["2024-01-02"] * 5 + [None]), index=list("abcdef"))
    found = problems(lambda: calendar.year_fraction(start, end, "ACT/360"))
    assert sorted(found) == [
        ("end", "null", 1, (5,)),
        ("start", "date_parse", 1, (3,)),
        ("start", "date_range", 1, (2,)),
        ("start", "date_time", 1, (5,)),
        ("start", "dtype", 1, (4,)),
        ("start", "null", 1, (1,)),
    ]
    with pytest.raises(nc.InputError, match=r"first at row 5 = null") as raised:
        calendar.year_fraction(["2024-01-01"] * 6, end, "ACT/360")
    assert raised.value.issues[0].index_labels == ("f",)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize("UTC"), "timezone"),
        (pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), "timezone"),
        (pd.DatetimeIndex(["2024-01-01"], tz="UTC"), "timezone"),
        (pl.Series([45_000]), "dtype"),
        (np.array([1.5]), "dtype"),
        (45_000, "dtype"),
        (None, "null"),
        (pd.NaT, "null"),
        (np.datetime64("NaT"), "null"),
        (np.array(["NaT"], dtype="M8[D]"), "null"),
        (np.datetime64("2400-01-01"), "date_range"),
        ("2200-01-01", "date_range"),
        (np.datetime64("2024-01-01T00:00:00.000000001"), "date_time"),
    ],
)
def test_what_is_no_date(value: Any, code: str) -> None:
    assert [problem[:2] for problem in problems(lambda: calendar.adjust(value, "following"))] == [
        ("dates", code)
    ]


def test_a_calendar_without_business_days() -> None:
    never = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    for convention in calendar.BUSINESS_DAY_CONVENTIONS[1:]:
        found = problems(partial(calendar.adjust, ["2024-01-01"] * 3, convention, weekend=never))
        assert found == [("dates", "calendar", 3, (0, 1, 2))]
    may = pd.date_range("2024-05-01", "2024-05-31")
    assert calendar.adjust("2024-05-04", "following", holidays=may) == dt.date(2024, 6, 3)
    assert problems(lambda: calendar.adjust("2024-05-04", "MF", holidays=may)) == [
        ("dates", "calendar", 1, ())
    ]

    def loan() -> Any:
        return calendar.payment_dates(
            "2024-01-04", "2024-07-04", "1M", business_day_convention="MF", holidays=may
        )

    assert problems(loan) == [("holidays", "calendar", 1, ())]
    assert problems(lambda: calendar.adjust("2024-05-04", "MF", holidays=["2024-05-04", None])) == [("holidays", "null", 1, (1,))]  # fmt: skip


def test_a_reference_period_that_is_none() -> None:
    def given(*ends: str) -> Any:
        start = ["2024-01-01"] * len(ends)
        return calendar.year_fraction(
            start,
            "2024-07-01",
            "ACT/ACT ICMA",
            frequency="6M",
            reference_start=start,
            reference_end=list(ends),
        )

    assert given("2024-07-01", "2024-07-16").tolist() == [0.5, 182 * 6 / (12 * 197)]
    assert problems(lambda: given("2024-07-01", "2024-09-01", "2023-07-01")) == [("reference_start", "range", 2, (1, 2))]  # fmt: skip


@pytest.mark.parametrize(
    ("day_count", "options", "message"),
    [
        ("ACT/366", {}, "unknown day count"),
        (360, {}, "day_count must be a name"),
        ("ACT/ACT ICMA", {}, "needs the frequency"),
        ("ACT/ACT ISMA", {"frequency": "weekly"}, "unknown frequency of coupons"),
        ("ACT/ACT ISMA", {"frequency": "at_maturity"}, "unknown frequency of coupons"),
        ("ACT/ACT ISMA", {"frequency": "2Y"}, "unknown frequency of coupons"),
        ("ACT/ACT", {"end_of_month": 1}, "end_of_month must be"),
        ("ACT/ACT", {"maturity": ["2024-02-01"] * 3}, "do not broadcast"),
    ],
)
def test_wrong_use_of_day_counts(day_count: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(nc.ConfigError, match=message):
        calendar.year_fraction(["2024-01-01"] * 2, "2024-02-01", day_count, **options)


@pytest.mark.parametrize(
    ("convention", "options", "message"),
    [
        ("nearest", {}, "unknown business day convention"),
        (None, {}, "convention must be a name"),
        ("F", {"weekend": ("holiday",)}, "weekend must name"),
        ("F", {"weekend": (6,)}, "weekend must name"),
        ("F", {"holidays": "2024-01-01"}, "holidays must be a list"),
    ],
)
def test_wrong_use_of_business_days(convention: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(nc.ConfigError, match=message):
        calendar.adjust("2024-01-01", convention, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"end": "2024-01-01"}, "end must be after start"),
        ({"end": None}, "must be dates"),
        ({"end": "2024-13-01"}, "end must be a date"),
        ({"end": "2200-01-01"}, "end must lie between"),
        ({"frequency": "0M"}, "unknown frequency"),
        ({"stub": "smart"}, "unknown stub"),
        ({"first_payment_date": "2025-01-02"}, "first_payment_date must lie"),
        ({"first_payment_date": "2024-07-01", "frequency": "at_maturity"}, "first_payment_date must lie"),
        ({"last_regular_date": "2023-12-01"}, "last_regular_date must lie"),
        (
            {"first_payment_date": "2024-02-15", "last_regular_date": "2024-12-16"},
            "whole number of periods",
        ),
    ],
)
def test_wrong_use_of_schedules(options: dict[str, Any], message: str) -> None:
    given = {"start": "2024-01-01", "end": "2025-01-01", "frequency": "monthly", **options}
    with pytest.raises(nc.ConfigError, match=message):
        calendar.payment_dates(given.pop("start"), given.pop("end"), given.pop("frequency"), **given)


def test_the_core_refuses_what_is_no_column_of_dates() -> None:
    day = np.zeros(1, dtype=np.int32)
    none = np.array([np.iinfo(np.int32).min], dtype=np.int32)
    for start, error in [(day.astype(np.int64), TypeError), (none, ValueError), (day + 90_000, ValueError)]:
        with pytest.raises(error):
            _core.year_fractions("ACT/360", start, day)
    with pytest.raises(ValueError, match="length"):
        _core.year_fractions("ACT/360", day, np.zeros(2, dtype=np.int32))
    with pytest.raises(ValueError, match="seven days"):
        _core.adjust_dates(day, "F", 128, day)
