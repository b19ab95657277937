"""Dates as a spreadsheet function is given them: one, an array or list of any shape, a Series."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import numpy as np

from neocalc._columns import Array, Problems, Raw
from neocalc._columns import dates as read_column

_TICKS_A_DAY = {"D": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_FIRST_DAY, _LAST_DAY = -25_567, 84_005  # 1900-01-01 to 2199-12-31
Refused = dict[str, Array | None]  # code -> where; None: as a whole
NO_DATE = np.iinfo(np.int64).min


def _raw(value: Any) -> tuple[Raw, tuple[int, ...], Any, str]:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, (pandas.Series, pandas.Index)):
        from neocalc._pandas_frame import raw_series

        is_index = isinstance(value, pandas.Index)
        column = value.to_series() if is_index else value
        series, kind = (None, "") if is_index else (value, "pandas")
        return raw_series(column), (len(column),), series, kind
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.Series):
        import narwhals.stable.v2 as nw

        from neocalc._narwhals_frame import raw_series as raw_narwhals

        return raw_narwhals(nw.from_native(value, series_only=True)), (len(value),), value, "polars"
    null = None
    if isinstance(value, np.ma.MaskedArray):
        null, value = np.ma.getmaskarray(value).ravel(), value.data
    if not np.isscalar(value) and not isinstance(value, np.ndarray) and hasattr(value, "__array__"):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        return Raw(value.ravel(), null), value.shape, None, ""
    if isinstance(value, (list, tuple)):
        try:
            objects = np.array(value, dtype=object)
        except ValueError:
            name = f"{type(value).__name__} of uneven rows"
            return Raw(np.empty(0, dtype=object), refuse=("dtype", name)), (), None, ""
        return Raw(objects.ravel()), objects.shape, None, ""
    one = np.empty(1, dtype=object)
    one[0] = value
    return Raw(one), (), None, ""


def ticks_of(
    value: Any, *, core_judges: bool = False
) -> tuple[Array, int, tuple[int, ...], Refused, dict[str, str], Any, str]:
    """Return ticks since 1970 (flat; the least int64 is none), ticks a day, shape, what was refused.

    Where the core judges every date, none is missing here but where a mask says so, or others were refused.
    """
    raw, shape, series, kind = _raw(value)
    problems = Problems()
    read = read_column(raw, "dates", problems)
    refused: Refused = {}
    examples = {}
    if read is None:
        refused = {problems.issues[0].code: None}
        examples = {problems.issues[0].code: problems.issues[0].example}
        return np.zeros(int(np.prod(shape)), dtype=np.int64), 1, shape, refused, examples, series, kind
    ticks, unit, null = read
    for (_, code, rows), issue in zip(problems.found, problems.issues, strict=True):
        mask = np.zeros(len(ticks), dtype=bool)
        mask[rows] = True
        refused[code], examples[code] = mask, issue.example
    missing = null
    if refused or not core_judges:
        missing = ticks == NO_DATE if null is None else (ticks == NO_DATE) | null
    if missing is not None and missing.any():
        refused["null"], examples["null"] = missing, "null"
    return ticks, _TICKS_A_DAY[unit], shape, refused, examples, series, kind


def days_of(value: Any) -> tuple[Array, Refused, dict[str, str], Any, str]:
    """Return days since 1970 as float64 (NaN where refused), what was refused, and the Series if any."""
    ticks, per_day, shape, refused, examples, series, kind = ticks_of(value)
    bad = np.zeros(len(ticks), dtype=bool)
    for mask in refused.values():
        bad |= True if mask is None else mask
    days, time = np.divmod(ticks, per_day)
    for code, found in (
        ("date_range", (days < _FIRST_DAY) | (days > _LAST_DAY)),
        ("date_time", time != 0),
    ):
        mask = found & ~bad
        if mask.any():
            bad |= mask
            examples[code] = show_ticks(int(ticks[mask][0]), per_day)
            known = refused.get(code)
            refused[code] = mask if known is None else mask | known
    out = np.where(bad, np.nan, days.astype(np.float64)).reshape(shape)
    return (
        out,
        {code: None if m is None else m.reshape(shape) for code, m in refused.items()},
        examples,
        series,
        kind,
    )


def show_ticks(ticks: int, per_day: int) -> str:
    """Write a date as a reader would; the ticks where it is none."""
    try:
        return str(
            dt.datetime(1970, 1, 1)
            + dt.timedelta(days=ticks // per_day, seconds=(ticks % per_day) * 86_400 / per_day)
        )
    except OverflowError:
        return str(ticks)
