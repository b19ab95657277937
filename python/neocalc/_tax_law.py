"""Dated facts of United States tax law that depreciation depends on, each with its source.

Nothing here is a rule of arithmetic: what the law allows on a date, and who says so. Dates that no entry
covers are refused by whoever asks; nothing is carried forward into a year whose figures have not been
published.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Section179Limit:
    """What may be expensed, in dollars, in tax years that begin in one calendar year."""

    limit: int  # sec. 179(b)(1)
    threshold: int  # sec. 179(b)(2): each dollar placed in service above it takes one off the limit
    source: str


# By the calendar year in which the tax year begins. The amounts of sec. 179(b)(1) and (2) are adjusted for
# inflation by sec. 179(b)(6).
SECTION_179 = {
    2018: Section179Limit(1_000_000, 2_500_000, "Pub. L. 115-97, sec. 13101(a)"),
    2019: Section179Limit(1_020_000, 2_550_000, "Rev. Proc. 2018-57"),
    2020: Section179Limit(1_040_000, 2_590_000, "Rev. Proc. 2019-44"),
    2021: Section179Limit(1_050_000, 2_620_000, "Rev. Proc. 2020-45"),
    2022: Section179Limit(1_080_000, 2_700_000, "Rev. Proc. 2021-45"),
    2023: Section179Limit(1_160_000, 2_890_000, "Rev. Proc. 2022-38"),
    2024: Section179Limit(1_220_000, 3_050_000, "Rev. Proc. 2023-34"),
    2025: Section179Limit(2_500_000, 4_000_000, "Pub. L. 119-21, sec. 70306"),
    2026: Section179Limit(2_560_000, 4_090_000, "Rev. Proc. 2025-32"),
}


@dataclass(frozen=True, slots=True)
class BonusWindow:
    """Percentages of property acquired from a day on, by the first day of service each applies to."""

    acquired_from: dt.date
    by_service: tuple[tuple[dt.date, int], ...]
    source: str


# The additional first-year depreciation of sec. 168(k), for property with a recovery period of 20 years or
# less, sec. 168(k)(2)(A)(i)(I). Property is acquired no later than the day its written binding contract is
# entered into, Pub. L. 115-97, sec. 13201(h)(1), and Pub. L. 119-21, sec. 70301(c). Not here, because they go
# by more than two dates: the year that property with a long production period and aircraft gain, sec.
# 168(k)(2)(B) and (C), plants, sec. 168(k)(5), and the election of 40 % for the first tax year that ends
# after January 19, 2025, sec. 168(k)(10): give bonus_rate.
BONUS = (
    BonusWindow(
        dt.date(2008, 1, 1),
        (
            (dt.date(2012, 1, 1), 50),
            (dt.date(2018, 1, 1), 40),
            (dt.date(2019, 1, 1), 30),
            (dt.date(2020, 1, 1), 0),
        ),
        "Pub. L. 112-240, sec. 331, 113-295, sec. 125, and 114-113, sec. 143; "
        "sec. 168(k)(8) by Pub. L. 115-97, sec. 13201(a)",
    ),
    BonusWindow(
        dt.date(2017, 9, 28),
        (
            (dt.date(2017, 9, 28), 100),
            (dt.date(2023, 1, 1), 80),
            (dt.date(2024, 1, 1), 60),
            (dt.date(2025, 1, 1), 40),
            (dt.date(2026, 1, 1), 20),
            (dt.date(2027, 1, 1), 0),
        ),
        "sec. 168(k)(6)(A) by Pub. L. 115-97, sec. 13201(a); repealed for later acquisitions only",
    ),
    BonusWindow(
        dt.date(2025, 1, 20),
        ((dt.date(2025, 1, 20), 100),),
        "sec. 168(k)(1)(A) by Pub. L. 119-21, sec. 70301(b) and (c)",
    ),
)

# What `bonus_codes` refers to, in percent.
BONUS_RATES = tuple(sorted({percent for window in BONUS for _, percent in window.by_service}))
FIRST_SERVICE_DAY = min(window.by_service[0][0] for window in BONUS)
FIRST_ACQUISITION_DAY = BONUS[0].acquired_from


def _days(day: dt.date) -> int:
    return day.toordinal() - dt.date(1970, 1, 1).toordinal()


def bonus_codes(acquisition_days: Array, in_service_days: Array) -> Array:
    """Places in `BONUS_RATES`, by days since 1970-01-01; -1 where no law is on file."""
    codes = np.full(len(in_service_days), -1, dtype=np.int8)
    starts = [_days(window.acquired_from) for window in BONUS]
    found = np.searchsorted(starts, acquisition_days, side="right") - 1
    for at, window in enumerate(BONUS):
        table = np.array(
            [-1, *(BONUS_RATES.index(percent) for _, percent in window.by_service)], dtype=np.int8
        )
        rows = np.flatnonzero(found == at)
        days = [_days(day) for day, _ in window.by_service]
        codes[rows] = table[np.searchsorted(days, in_service_days[rows], side="right")]
    return codes
