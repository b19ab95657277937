"""What the tests of tax depreciation write their fleets with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neocalc._macrs import NO_DATE

EPOCH = date(1970, 1, 1)


def days(*when: str | date | None) -> Any:
    """Days since 1970-01-01; NO_DATE for None."""
    dates = [date.fromisoformat(day) if isinstance(day, str) else day for day in when]
    return np.array([NO_DATE if day is None else (day - EPOCH).days for day in dates], dtype=np.int32)


def cents(*amounts: int) -> Any:
    return np.array(amounts, dtype=np.int64)


def month(year: int, number: int) -> int:
    return (year - 1970) * 12 + number - 1


@st.composite
def fleets(draw: st.DrawFn) -> tuple[list[Any], int]:
    """Rows of (cost, service, disposal) and the month in which tax years end; dates meet often."""
    day = st.dates(date(2018, 1, 1), date(2027, 12, 31))
    cost = st.one_of(st.integers(0, 999), st.integers(0, 10**9), st.integers(2**61, 2**62))
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        service = draw(day)
        held = draw(st.one_of(st.none(), st.integers(0, 400), st.integers(0, 8_000)))
        rows.append((draw(cost), service, None if held is None else service + timedelta(held)))
    return rows, draw(st.integers(1, 12))
