"""From a column as the user has it to the array the core wants.

Money becomes float64 major units or int64 minor units, dates become int64 or int32 counts of a unit, lives
become int64, int32 or float64; nulls become masks. What has no single meaning is refused with a code, never
guessed.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from neocalc.errors import Issue

Array = npt.NDArray[Any]
Column = tuple[Array, Array | None]  # values, mask of nulls
_I64 = np.iinfo(np.int64)
MONTHS = {"M": 1, "Q": 3, "Y": 12}  # of a period, by freq
ISO_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_DAY_MICROSECONDS = 86_400_000_000
_MICROSECOND = dt.timedelta(microseconds=1)
_CORE_DATE_UNITS = ("D", "s", "ms", "us", "ns")
MAX_LISTED_ROWS = 5
# Days since 1970-01-01 of 1900-01-01 and 2199-12-31: the dates that are read, as in the core.
FIRST_DAY, LAST_DAY = -25_567, 84_005
# Temporaries are made over stretches of this many rows: a column of 10^7 rows must not cost another one.
STRETCH = 1 << 18


@dataclass(slots=True)
class Raw:
    """A column out of its frame: values, an optional mask of nulls, and a refusal where there is one."""

    values: Array
    null: Array | None = None
    refuse: tuple[str, str] | None = None  # code, name of the type
    text: bool = False  # a column of strings: only dates can be written so


@dataclass(slots=True)
class Problems:
    """What the Python side found wrong, with the rows it concerns."""

    issues: list[Issue] = field(default_factory=list)
    skip: Array | None = None  # rows that are left out: whatever they hold
    bad: Array | None = None
    whole_column: bool = False  # something no row can be skipped for
    found: list[tuple[str, str, Array]] = field(default_factory=list)  # column, code, its rows

    def column(self, name: str, code: str, example: str = "", hint: str | None = None) -> None:
        """Record a problem of the whole column."""
        self.issues.append(Issue.make(name, code, example=example, hint=hint))
        self.whole_column = True

    def rows(
        self,
        name: str,
        code: str,
        rows: Sequence[int] | Array,
        n: int,
        example: Callable[[int], object],
        hint: str | None = None,
    ) -> None:
        """Record a problem of single rows, given in ascending order, of a column of `n`."""
        at = np.asarray(rows, dtype=np.intp)
        if self.skip is not None:
            at = at[~self.skip[at]]
        if not len(at):
            return
        if self.bad is None:
            self.bad = np.zeros(n, dtype=bool)
        self.bad[at] = True
        self.found.append((name, code, at))
        first = at[:MAX_LISTED_ROWS].tolist()
        issue = Issue.make(name, code, n_bad=len(at), rows=first, example=str(example(first[0])), hint=hint)
        self.issues.append(issue)

    def code_of(self, row: int) -> str | None:
        """Code of the first problem found in a row."""
        for _, code, rows in self.found:
            at = int(np.searchsorted(rows, row))
            if at < len(rows) and rows[at] == row:
                return code
        return None


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def months_of(days: Array) -> Array:
    """Return months since January 1970 of days since 1970-01-01."""
    months: Array = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return months


def periods_of(months: Array, length: int, year_end: int) -> Array:
    """Number the periods of `length` months that months since January 1970 lie in.

    Period n ends with month n * length + year_end - 1.
    """
    numbers: Array = -((year_end - 1 - months) // length)
    return numbers


def last_days(months: Array) -> Array:
    """Return the last day of each month since January 1970, as days since 1970-01-01."""
    following = (months + 1).astype("M8[M]").astype("M8[D]")
    return (following.astype(np.int64) - 1).astype(np.int32)


def native(values: Array) -> Array:
    """Return a C-contiguous, native-endian, plain 1-D array; the same one if it is all that."""
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if type(values) is not np.ndarray or not values.flags.c_contiguous or not values.flags.aligned:
        values = np.array(values, order="C", copy=True, subok=False)
    return values


def recode(codes: Array, table: Array) -> Array:
    """Look codes up in a table whose last entry is the null's (code -1)."""
    out = np.empty(len(codes), dtype=table.dtype)
    for start in range(0, len(codes), STRETCH):
        table.take(codes[start : start + STRETCH], out=out[start : start + STRETCH], mode="wrap")
    return out


def _is_missing(value: Any) -> bool:
    # pd.NA and pd.NaT by name, so that pandas need not be loaded.
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))
    )


def is_missing(value: Any) -> bool:
    """Whether an object stands for no value: None, NaN, NA or NaT."""
    return value is None or _is_missing(value) or (isinstance(value, float) and value != value)


def _each(
    raw: Raw,
    name: str,
    problems: Problems,
    convert: Callable[[Any], int],
    *,
    nan_is_null: bool,
    stand_in: int = 0,
) -> Column:
    """Convert an object column value by value; what fails is collected by code and replaced."""
    n = len(raw.values)
    out = np.full(n, stand_in, dtype=np.int64)
    null = np.zeros(n, dtype=bool) if raw.null is None else raw.null.copy()
    failed: dict[str, list[int]] = {}
    for row, value in enumerate(raw.values):
        if null[row] or value is None or _is_missing(value):
            null[row] = True
            continue
        if nan_is_null and isinstance(value, float) and value != value:
            null[row] = True
            continue
        try:
            number = convert(value)
        except _Refused as refused:
            failed.setdefault(refused.code, []).append(row)
            continue
        if _I64.min < number <= _I64.max:
            out[row] = number
        else:
            failed.setdefault("overflow", []).append(row)
    for code, rows in failed.items():
        problems.rows(name, code, rows, n, lambda row: repr(raw.values[row]))
    return out, null if null.any() else None


def _is_whole(value: Any) -> bool:
    # To numpy a span of time is an integer.
    return isinstance(value, (int, np.integer)) and not isinstance(value, np.timedelta64)


def _refuse_large(value: float, factor: int, in_minor: bool) -> None:
    """Refuse a double that is no number, or too large to say which minor unit is meant."""
    if not math.isfinite(value):
        raise _Refused("nonfinite")
    if abs(value) > 2.0**53 if in_minor else abs(value) * factor >= 2.0**51:
        raise _Refused("precision")


def _minor_of(minor_units: int, in_minor: bool, round_input: bool) -> Callable[[Any], int]:
    factor = 1 if in_minor else 10**minor_units

    def convert(value: Any) -> int:
        if isinstance(value, (bool, np.bool_)):
            raise _Refused("dtype")
        if _is_whole(value):
            return int(value) * factor
        dust = Decimal(0)
        if isinstance(value, float):  # also np.float64
            _refuse_large(value, factor, in_minor)
            if not in_minor and abs(value) >= sys.float_info.min:
                dust = Decimal(4 * math.ulp(value))
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise _Refused("dtype")
        if not value.is_finite():
            raise _Refused("nonfinite")
        if value and value.adjusted() > 20:
            raise _Refused("overflow")
        if value and value.adjusted() < -400:
            # Below any float: far from a minor unit, and its exact ratio would have as many digits.
            if round_input:
                return 0
            raise _Refused("precision")
        # The exact integer ratio: the decimal context's precision must not round.
        top, bottom = value.as_integer_ratio()
        whole, rest = divmod(top * factor, bottom)
        if rest:
            nearest = whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))
            if not round_input:
                off = abs(Decimal(nearest) / factor - value)
                if not dust or off > dust:
                    raise _Refused("precision")
            return int(nearest)
        return whole

    return convert


def _whole_floats(values: Array, name: str, problems: Problems, nan_is_null: bool) -> Column:
    """Minor units held as float64, as pandas holds whole numbers beside nulls."""
    nan = np.isnan(values)
    null = nan if nan_is_null and nan.any() else None
    off = np.isinf(values) if null is not None else ~np.isfinite(values)
    if off.any():
        problems.rows(name, "nonfinite", np.flatnonzero(off), len(values), values.item)
    plain = np.where(off | nan, 0.0, values)
    broken = (plain != np.rint(plain)) | (np.abs(plain) > 2.0**53)
    if broken.any():
        problems.rows(name, "precision", np.flatnonzero(broken), len(values), values.item)
        plain = np.where(broken, 0.0, plain)
    return plain.astype(np.int64), null


def _whole_numbers(raw: Raw, name: str, problems: Problems, factor: int) -> Column:
    values = raw.values
    top = _I64.max // factor
    if len(values) and (values.max() > top or values.min() < -top):
        over = values > top
        if values.dtype.kind == "i":
            over |= values < -top
        if raw.null is not None:
            over &= ~raw.null
        problems.rows(name, "overflow", np.flatnonzero(over), len(values), values.item)
        values = np.where(over if raw.null is None else over | raw.null, 0, values)
    whole = native(values).astype(np.int64, copy=False)
    return (whole if factor == 1 else whole * np.int64(factor)), raw.null


def _is_refused(raw: Raw, name: str, problems: Problems) -> bool:
    """Whether the column cannot hold numbers, whatever is in its rows."""
    if raw.refuse is not None:
        problems.column(name, *raw.refuse)
        return True
    if raw.text and len(raw.values):
        problems.column(name, "dtype", "text")
        return True
    return False


def money(
    raw: Raw,
    name: str,
    problems: Problems,
    *,
    minor_units: int,
    in_minor: bool,
    round_input: bool,
    nan_is_null: bool,
) -> Column | None:
    """Float64 major units or int64 minor units, and the mask of nulls; None where the column is refused."""
    values = raw.values
    kind, size = values.dtype.kind, values.dtype.itemsize
    if _is_refused(raw, name, problems):
        return None
    if kind == "f" and size == 8:
        values = native(values)
        return _whole_floats(values, name, problems, nan_is_null) if in_minor else (values, raw.null)
    if kind == "f" and size < 8 and round_input and not in_minor:
        # float32 100.1 means 100.10: shortest decimal, then the rounding the user allowed.
        return np.array([float(str(v)) for v in values], dtype=np.float64), raw.null
    if kind in "iu":
        return _whole_numbers(raw, name, problems, 1 if in_minor else 10**minor_units)
    if kind == "O":
        return _each(
            raw, name, problems, _minor_of(minor_units, in_minor, round_input), nan_is_null=nan_is_null
        )
    problems.column(name, "dtype", str(values.dtype))
    return None


def _months(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not (_is_whole(value) or isinstance(value, (float, Decimal))):
        raise _Refused("dtype")
    if isinstance(value, (float, Decimal)) and not Decimal(value).is_finite():
        raise _Refused("nonfinite")
    months = int(value)
    if months != value:
        raise _Refused("dtype")
    if abs(months) > _I64.max:
        raise _Refused("range")
    return months


def life(raw: Raw, name: str, problems: Problems, *, nan_is_null: bool) -> Column | None:
    """Months as int64, int32 or float64 (the core refuses fractions), and the mask of nulls."""
    values = raw.values
    kind = values.dtype.kind
    if _is_refused(raw, name, problems):
        return None
    if kind == "f":
        return native(values).astype(np.float64, copy=False), raw.null
    if kind == "i":
        wanted = np.int64 if values.dtype.itemsize == 8 else np.int32
        return native(values).astype(wanted, copy=False), raw.null
    if kind == "u":
        top = np.array(_I64.max, dtype=np.uint64)  # out of range either way, and never wrapped
        return np.minimum(native(values), top).astype(np.int64), raw.null
    if kind == "O":
        return _each(raw, name, problems, _months, nan_is_null=nan_is_null, stand_in=1)
    problems.column(name, "dtype", str(values.dtype))
    return None


def rates(raw: Raw, name: str, problems: Problems, *, nan_is_null: bool) -> Column | None:
    """Rates as float64 (the core reads the decimal nearest to each), and the mask of nulls."""
    values = raw.values
    kind, size = values.dtype.kind, values.dtype.itemsize
    if raw.refuse is not None:
        problems.column(name, *raw.refuse)
        return None
    if raw.text and len(values):
        problems.column(name, "dtype", "text")
        return None
    if kind == "f" and size == 8:
        return native(values), raw.null
    if kind == "f" and size < 8:  # float32 0.11 means 0.11
        return np.array([float(str(v)) for v in values], dtype=np.float64), raw.null
    if kind in "iu":
        return native(values).astype(np.float64), raw.null
    if kind == "O":
        return _rate_objects(raw, name, problems, nan_is_null)
    problems.column(name, "dtype", str(values.dtype))
    return None


def _rate_objects(raw: Raw, name: str, problems: Problems, nan_is_null: bool) -> Column:
    n = len(raw.values)
    out = np.zeros(n, dtype=np.float64)
    null = np.zeros(n, dtype=bool) if raw.null is None else raw.null.copy()
    wrong = []
    for row, value in enumerate(raw.values):
        number = _is_whole(value) or isinstance(value, (float, Decimal, np.floating))
        nan = isinstance(value, (float, np.floating)) and value != value
        nan = nan or (isinstance(value, Decimal) and value.is_qnan())
        if null[row] or value is None or _is_missing(value) or (nan_is_null and nan):
            null[row] = True
        elif isinstance(value, (bool, np.bool_)) or not number:
            wrong.append(row)
        else:
            try:
                out[row] = float(value)
            except (OverflowError, ValueError):  # 10**400, sNaN
                out[row] = math.inf
    problems.rows(name, "dtype", wrong, n, lambda row: repr(raw.values[row]))
    return out, null if null.any() else None


def _microseconds(value: Any) -> int:
    if isinstance(value, np.datetime64):
        day = value.astype("M8[D]")
        if not -_EPOCH_ORDINAL <= int(day.astype(np.int64)) <= 3_000_000:
            raise _Refused("date_range")
        # ns may hide below a microsecond.
        micros = value.astype("M8[us]")
        return int(micros.astype(np.int64)) + bool(micros != value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise _Refused("timezone")
        if getattr(value, "nanosecond", 0):
            raise _Refused("date_time")
        return (dt.datetime.combine(value.date(), value.time()) - _EPOCH) // _MICROSECOND
    if isinstance(value, dt.date):
        return (value.toordinal() - _EPOCH_ORDINAL) * _DAY_MICROSECONDS
    if isinstance(value, str):
        if not ISO_SHAPE.fullmatch(value):
            raise _Refused("dtype")
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            raise _Refused("date_parse") from None
        return (day.toordinal() - _EPOCH_ORDINAL) * _DAY_MICROSECONDS
    raise _Refused("dtype")


def dates(raw: Raw, name: str, problems: Problems) -> tuple[Array, str, Array | None] | None:
    """Counts since 1970-01-01, their unit, and the mask of nulls."""
    if raw.refuse is not None:
        problems.column(name, *raw.refuse)
        return None
    values = raw.values
    if values.dtype.kind == "M":
        unit, step = np.datetime_data(values.dtype)
        if step != 1 or unit not in _CORE_DATE_UNITS:
            values, unit = values.astype("M8[s]"), "s"
        return native(values).view(np.int64), unit, raw.null
    if values.dtype.kind in "OU":
        counts, null = _each(raw, name, problems, _microseconds, nan_is_null=True)
        return counts, "us", null
    problems.column(name, "dtype", str(values.dtype))
    return None


def minor_to_major(values: Array, minor_units: int) -> Array:
    """Return the float64 nearest to each exact decimal; `values` are int64 or Python ints."""
    factor = 10**minor_units
    if values.dtype == object:
        return np.array([int(v) / factor for v in values], dtype=np.float64)  # Python rounds once
    out = np.divide(values, np.float64(factor))
    if len(values) and (values.max() > 2**53 or values.min() < -(2**53)):
        # int64 to float64 would round once more beyond 2**53.
        for at in np.flatnonzero((values > 2**53) | (values < -(2**53))):
            out[at] = int(values[at]) / factor
    return out


def minor_to_decimal(values: Array, minor_units: int) -> Array:
    """Return exact Decimals in an object array."""
    out = np.empty(len(values), dtype=object)
    # From digits, not by division: the context's precision must not round a large total.
    out[:] = [Decimal(f"{int(v)}E-{minor_units}") for v in values]
    return out
