"""The calendar of debt: day counts, business days, payment schedules.

>>> from neocalc import calendar
>>> calendar.year_fraction("2024-01-31", "2024-02-29", "30E/360")
0.08055555555555556
>>> calendar.payment_dates("2024-01-31", "2024-04-30", "monthly", business_day_convention="MF")
array(['2024-02-29', '2024-03-29', '2024-04-30'], dtype='datetime64[D]')
>>> calendar.adjust("2024-06-30", "following")
datetime.date(2024, 7, 1)

Dates are `datetime.date`, "YYYY-MM-DD", numpy dates, arrays or lists of them, or Series of pandas or polars;
Series come back as Series. Times of day, time zones and nulls are refused, all of them in one `InputError`.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import MAX_LISTED_ROWS, Array, Problems, Raw, dates
from neocalc._options import to_days
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.financial._arguments import Given, _common_series, _shape, labels_of

__all__ = [
    "BUSINESS_DAY_CONVENTIONS",
    "DAY_COUNTS",
    "FREQUENCIES",
    "STUBS",
    "adjust",
    "payment_dates",
    "year_fraction",
]

DAY_COUNTS: tuple[str, ...] = _core.DAY_COUNTS
BUSINESS_DAY_CONVENTIONS: tuple[str, ...] = _core.BUSINESS_DAY_CONVENTIONS
FREQUENCIES: tuple[str, ...] = _core.PAYMENT_FREQUENCIES
STUBS: tuple[str, ...] = _core.STUBS

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKEND = ("sat", "sun")
_FIRST_DAY = np.datetime64("1900-01-01")
_LAST_DAY = np.datetime64("2199-12-31")
_NO_DATES = np.zeros(0, dtype=np.int32)
_NO_DATE = np.iinfo(np.int32).min


def year_fraction(
    start: Any,
    end: Any,
    day_count: str,
    *,
    maturity: Any = None,
    frequency: str | None = None,
    reference_start: Any = None,
    reference_end: Any = None,
    end_of_month: bool = False,
) -> Any:
    """Part of a year between two dates; the start counts, the end does not.

    Parameters
    ----------
    start, end
        Dates, or arrays of them that broadcast. Where the end is before the start, the result is negative.
    day_count
        One of `calendar.DAY_COUNTS` in any spelling of the market ("ACT/360", "Actual/365 (Fixed)", "Bond
        Basis", ...), or a code of ACTUS ("A360", "30E360").
    maturity
        For "30E/360 ISDA": the maturity date, which stays what it is where it ends February.
    frequency
        For "ACT/ACT ICMA", which needs it: how often a coupon is paid ("annual", "semiannual", "3M", ...).
    reference_start, reference_end
        For "ACT/ACT ICMA": a regular coupon period, as one or both of its dates. All others are counted from
        it, so that stubs are cut where coupons would fall. By default a regular period begins at `start`.
    end_of_month
        For "ACT/ACT ICMA": coupons that fall on the last day of a month do so in every month.

    Returns
    -------
    float, ndarray or Series
        Years: the float64 nearest to the exact fraction.

    Raises
    ------
    InputError
        With every date that is missing, no civil date, or outside 1900 to 2199; `range` for a reference
        period that is more than 15 days off its frequency.
    ConfigError
        For unknown names, shapes that do not broadcast and Series whose indexes differ.

    Notes
    -----
    Clauses of the 2006 ISDA Definitions: ACT/ACT ISDA 4.16(b), ACT/ACT ICMA (c) with rule 251 of ICMA,
    ACT/365F (d), ACT/360 (e), 30/360 (f), 30E/360 (g), 30E/360 ISDA (h). 30/360 US also takes the end of
    February as the 30th. Excel's YEARFRAC counts otherwise for some dates. Actual day counts add up over the
    parts of a period; those with months of 30 days need not.

    Examples
    --------
    >>> from neocalc import calendar
    >>> calendar.year_fraction("2024-01-01", "2024-07-01", "ACT/360") == 182 / 360
    True
    >>> calendar.year_fraction(["2023-07-01", "2024-01-01"], "2024-07-01", "ACT/ACT ISDA")
    array([1.00137735, 0.49726776])
    """
    arguments = {"start": start, "end": end}
    given = {"maturity": maturity, "reference_start": reference_start, "reference_end": reference_end}
    arguments.update({name: value for name, value in given.items() if value is not None})
    call = _Call("year_fraction", arguments)
    columns = call.columns()
    top, bottom, bad = call.run(
        lambda: _core.year_fractions(
            _text("day_count", day_count),
            columns.pop("start"),
            columns.pop("end"),
            **columns,
            frequency=None if frequency is None else _text("frequency", frequency),
            end_of_month=_flag("end_of_month", end_of_month),
        )
    )
    reference = "reference_end" if reference_start is None else "reference_start"
    call.refuse(reference, "range", bad, "give two dates that are one period of the frequency apart")
    return call.numbers(top / bottom)


def adjust(
    dates: Any,
    convention: str,
    *,
    holidays: Any = None,
    weekend: Iterable[str] = _WEEKEND,
) -> Any:
    """Move dates that are no business days.

    Parameters
    ----------
    dates
        A date, or an array or Series of dates.
    convention
        "none", "following", "modified_following", "preceding" or "modified_preceding"; also F, MF, P, MP. The
        modified ones stay in the month. (2006 ISDA Definitions, section 4.12.)
    holidays
        Dates on which there is no business besides weekends, in any order.
    weekend
        Days of the week without business: "mon" to "sun"; () for none.

    Returns
    -------
    datetime.date, ndarray or Series
        For an array, datetime64[D]; for a Series, dates of its library.

    Raises
    ------
    InputError
        With every date that is missing, no civil date, or outside 1900 to 2199; `calendar` where there is no
        business day in the month (modified conventions) or within 366 days.
    ConfigError
        For unknown names.

    Examples
    --------
    >>> from neocalc import calendar
    >>> easter = ["2024-03-29", "2024-04-01"]
    >>> calendar.adjust(["2024-03-31", "2024-04-01"], "modified_following", holidays=easter)
    array(['2024-03-28', '2024-04-02'], dtype='datetime64[D]')
    """
    call = _Call("adjust", {"dates": dates})
    closed = holiday_days(holidays)
    moved, bad = call.run(
        lambda: _core.adjust_dates(
            call.columns()["dates"], _text("convention", convention), weekend_bits(weekend), closed
        )
    )
    call.refuse("dates", "calendar", bad)
    return call.dates(moved)


def payment_dates(
    start: Any,
    end: Any,
    frequency: str,
    *,
    stub: str = "short_back",
    end_of_month: bool = False,
    first_payment_date: Any = None,
    last_regular_date: Any = None,
    business_day_convention: str = "none",
    holidays: Any = None,
    weekend: Iterable[str] = _WEEKEND,
) -> Array:
    """Payment dates of a loan, each counted from the anchor and none from the one before.

    Parameters
    ----------
    start, end
        The day the money is lent, which is no payment, and the maturity date, which is the last one.
    frequency
        One of `calendar.FREQUENCIES` ("monthly", ..., "at_maturity"), or a cycle such as "3M" or "P28D".
    stub
        What becomes of a rest that is shorter than a cycle. "short_back": dates are counted from the start,
        and the last period is short; "long_back": it is joined to the one before. "short_front" and
        "long_front": dates are counted back from the end, and the first period is short or long.
    end_of_month
        Dates counted from the last day of a month fall on the last day of every month.
    first_payment_date
        The first payment. Later ones are counted from it; `stub` then speaks only of the back.
    last_regular_date
        The last payment before the end that is a whole number of cycles from the others.
    business_day_convention, holidays, weekend
        Where payments fall that are no business days: see `adjust`.

    Returns
    -------
    ndarray
        datetime64[D], ascending. Payments that business days bring to one day are one.

    Raises
    ------
    ConfigError
        For unknown names, what is no date, and dates in an impossible order.
    InputError
        `calendar` where a payment finds no business day; the problems of `holidays`.

    Examples
    --------
    >>> from neocalc import calendar
    >>> calendar.payment_dates("2024-11-15", "2025-08-31", "quarterly", stub="long_front", end_of_month=True)
    array(['2025-02-28', '2025-05-31', '2025-08-31'], dtype='datetime64[D]')
    """
    call = _Call("payment_dates", {})
    closed = holiday_days(holidays)

    def one(name: str, value: Any) -> Array:
        return np.array([_NO_DATE if value is None else to_days(name, value)], dtype=np.int32)

    if start is None or end is None:
        raise ConfigError("start and end must be dates, not None")
    found, _, faults = call.run(
        lambda: _core.payment_dates(
            one("start", start),
            one("end", end),
            _text("frequency", frequency),
            _text("stub", stub),
            _flag("end_of_month", end_of_month),
            _text("business_day_convention", business_day_convention),
            weekend_bits(weekend),
            closed,
            first=one("first_payment_date", first_payment_date),
            last_regular=one("last_regular_date", last_regular_date),
        )
    )
    for _, argument, code in faults:
        if code == "calendar":
            raise InputError([Issue.make(argument, code)], subject="payment_dates")
        raise ConfigError(_FAULTS[argument, code])
    return np.asarray(found.astype("M8[D]"))


_FAULTS = {
    ("end", "date_order"): "end must be after start",
    ("first_payment_date", "date_order"): (
        "first_payment_date must lie between start and end, and needs a frequency other than at_maturity"
    ),
    ("last_regular_date", "date_order"): (
        "last_regular_date must lie between start and end, not before first_payment_date, "
        "and needs a frequency other than at_maturity"
    ),
    ("last_regular_date", "range"): (
        "last_regular_date must be a whole number of periods after first_payment_date"
    ),
}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a name, not {value!r}")
    return value


def _flag(name: str, value: Any) -> bool:
    if value is not True and value is not False:
        raise ConfigError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def weekend_bits(days: Iterable[str]) -> int:
    """Return the days of the week as the core takes them: bit 0 is Monday."""
    names = [days] if isinstance(days, str) else list(days)
    unknown = [day for day in names if str(day).lower()[:3] not in _WEEK]
    if unknown:
        raise ConfigError(f"weekend must name days of the week ({', '.join(_WEEK)}), not {unknown[0]!r}")
    return sum({1 << _WEEK.index(day.lower()[:3]) for day in names})


def holiday_days(holidays: Any) -> Array:
    """Return holidays as days since 1970-01-01."""
    if holidays is None:
        return _NO_DATES
    given = sorted(holidays) if isinstance(holidays, (set, frozenset)) else holidays
    call = _Call("holidays", {"holidays": given})
    if len(call.shape) != 1:
        raise ConfigError("holidays must be a list of dates")
    return call.columns()["holidays"]


def _raw(value: Any) -> tuple[Raw, tuple[int, ...], Any, str]:
    """What a date argument is: its values in one dimension, its shape, its Series and the library of that."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(value, pandas.Series):
        from neocalc._pandas_frame import raw_series

        return raw_series(value), (len(value),), value, "pandas"
    if polars is not None and isinstance(value, polars.Series):
        import narwhals.stable.v2 as nw

        from neocalc._narwhals_frame import raw_series as raw_narwhals

        raw = raw_narwhals(nw.from_native(value, series_only=True))
        return raw, (len(value),), value, "polars"
    if isinstance(value, np.ma.MaskedArray):
        return Raw(value.data.reshape(-1), np.ma.getmaskarray(value).reshape(-1)), value.shape, None, ""
    if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and not np.isscalar(value)):
        array = np.asarray(value)
        return Raw(array.reshape(-1)), array.shape, None, ""
    if isinstance(value, (list, tuple)):
        array = np.empty(len(value), dtype=object)
        array[:] = value
        return Raw(array), array.shape, None, ""
    array = np.empty(1, dtype=object)
    array[0] = value
    return Raw(array), (), None, ""


def _read(name: str, value: Any) -> Given:
    """Days since 1970-01-01 (0 where refused), and what was refused."""
    raw, shape, series, kind = _raw(value)
    problems = Problems()
    found = dates(raw, name, problems)
    if found is None:
        issue = problems.issues[0]
        blank = np.zeros(shape, dtype=np.int32)
        return Given(blank, {issue.code: None}, {issue.code: issue.example}, series, kind)
    counts, unit, mask = found
    refused: dict[str, Array | None] = {}
    examples: dict[str, str] = {}

    def note(code: str, bad: Array, example: Callable[[int], str]) -> None:
        if bad.any():
            refused[code] = bad.reshape(shape)
            examples[code] = example(int(np.flatnonzero(bad)[0]))

    fine = np.ones(len(counts), dtype=bool)
    for issue, (_, code, rows) in zip(problems.issues, problems.found, strict=True):
        bad = np.zeros(len(counts), dtype=bool)
        bad[rows] = True
        fine &= ~bad
        note(code, bad, lambda _, issue=issue: issue.example)  # type: ignore[misc]
    stamps = counts.astype(f"M8[{unit}]")
    null = np.isnat(stamps) if mask is None else np.isnat(stamps) | mask
    note("null", null, lambda _: "null")
    days = stamps.astype("M8[D]")
    outside = fine & ~null & ((days < _FIRST_DAY) | (days > _LAST_DAY))
    note("date_range", outside, lambda row: str(days[row]))
    note(
        "date_time",
        fine & ~null & ~outside & (days.astype(stamps.dtype) != stamps),
        lambda row: str(stamps[row]),
    )
    sound = fine & ~null & ~outside
    plain = np.where(sound, days.astype(np.int64), 0).astype(np.int32)
    return Given(plain.reshape(shape), refused, examples, series, kind)


class _Call:
    """Dates under their names, checked and of one shape; then the way back to what the user gave."""

    def __init__(self, function: str, arguments: Mapping[str, Any]) -> None:
        self.function = function
        self.given = {name: _read(name, value) for name, value in arguments.items()}
        self.series, self.kind = _common_series(self.given)
        self.shape = _shape(self.given, self.series)
        issues = []
        for name, argument in self.given.items():
            for code, mask in argument.refused.items():
                rows = [] if mask is None else np.flatnonzero(np.broadcast_to(mask, self.shape)).tolist()
                if mask is None or rows:
                    issues.append(self._issue(name, code, rows, argument.examples[code]))
        self._raise(issues)

    def _issue(self, name: str, code: str, rows: list[int], example: str, hint: str | None = None) -> Issue:
        at = tuple(rows[:MAX_LISTED_ROWS]) if self.shape else ()
        made = Issue.make(name, code, n_bad=max(len(rows), 1), rows=at, example=example, hint=hint)
        return replace(made, index_labels=labels_of(at, self.shape, self.series, self.kind))

    def _raise(self, issues: list[Issue]) -> None:
        if issues:
            n_rows = int(np.prod(self.shape)) if self.shape else None
            raise InputError(issues, n_rows=n_rows, subject=self.function)

    def refuse(self, name: str, code: str, rows: list[int], hint: str | None = None) -> None:
        """Raise for rows that the core had no answer for."""
        if rows:
            values = (
                np.broadcast_to(self.given[name].values, self.shape).reshape(-1)
                if name in self.given
                else None
            )
            example = "" if values is None else str(np.datetime64(int(values[rows[0]]), "D"))
            self._raise([self._issue(name, code, rows, example, hint)])

    def columns(self) -> dict[str, Array]:
        """Return the dates as the core takes them."""
        return {
            name: np.require(np.broadcast_to(given.values, self.shape).reshape(-1), np.int32, ["C", "A"])
            for name, given in self.given.items()
        }

    def run(self, core: Callable[[], Any]) -> Any:
        """Call the core; a name that it does not know is the caller's mistake."""
        try:
            return core()
        except ConfigError:
            raise
        except ValueError as error:
            raise ConfigError(f"{self.function}: {error}") from None

    def numbers(self, values: Array) -> Any:
        """Give float64 back in the kind and shape of the arguments."""
        if self.kind == "pandas":
            return sys.modules["pandas"].Series(
                values, index=self.series.index, name=self.function, copy=False
            )
        if self.kind == "polars":
            return sys.modules["polars"].Series(self.function, values)
        return values.reshape(self.shape) if self.shape else float(values[0])

    def dates(self, days: Array) -> Any:
        """Give dates back in the kind and shape of the arguments."""
        values = days.astype("M8[D]")
        if self.kind == "pandas":
            pandas = sys.modules["pandas"]
            stamps = values.astype("M8[us]")
            return pandas.Series(stamps, index=self.series.index, name=self.series.name, copy=False)
        if self.kind == "polars":
            return sys.modules["polars"].Series(self.series.name, values)
        if self.shape:
            return values.reshape(self.shape)
        return dt.date(1970, 1, 1) + dt.timedelta(days=int(days[0]))
