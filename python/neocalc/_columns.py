"""From a column as the user has it to the array the core wants.

Money becomes float64 major units or int64 minor units, dates become int64 or int32 counts of a unit, lives become
int64 or float64; nulls become masks. What has no single meaning is refused with a code, never guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from neocalc.errors import Issue

Array = npt.NDArray[Any]
_I64 = np.iinfo(np.int64)
_ISO_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_MICROSECOND = dt.timedelta(microseconds=1)
_NAT = _I64.min
_CORE_DATE_UNITS = ("D", "s", "ms", "us", "ns")
MAX_LISTED_ROWS = 5


@dataclass(slots=True)
class Raw:
    """A column out of its frame: values, an optional mask of nulls, and a refusal where there is one."""

    values: Array
    null: Array | None = None
    refuse: tuple[str, str] | None = None  # code, name of the type


@dataclass(slots=True)
class Problems:
    """What the Python side found wrong, with the rows it concerns."""

    issues: list[Issue] = field(default_factory=list)
    bad: Array | None = None
    whole_column: bool = False  # something no row can be skipped for
    row_codes: dict[int, str] = field(default_factory=dict)

    def column(self, name: str, code: str, example: str = "", hint: str | None = None) -> None:
        """Record a problem of the whole column."""
        self.issues.append(Issue.make(name, code, example=example, hint=hint))
        self.whole_column = True

    def rows(self, name: str, code: str, rows: list[int] | Array, n: int, example: str) -> None:
        """Record a problem of single rows."""
        listed = [int(r) for r in rows]
        if self.bad is None:
            self.bad = np.zeros(n, dtype=bool)
        self.bad[listed] = True
        for row in listed:
            self.row_codes.setdefault(row, code)
        self.issues.append(
            Issue.make(name, code, n_bad=len(listed), rows=listed[:MAX_LISTED_ROWS], example=example)
        )


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


def native(values: Array) -> Array:
    """Return a C-contiguous, native-endian, plain 1-D array."""
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if type(values) is not np.ndarray or not values.flags.c_contiguous or not values.flags.aligned:
        values = np.array(values, order="C", copy=True, subok=False)
    return values


def _each(
    raw: Raw, name: str, problems: Problems, convert: Callable[[Any], int]
) -> tuple[Array, Array | None]:
    """Convert an object column value by value, collecting what fails by code."""
    n = len(raw.values)
    out = np.zeros(n, dtype=np.int64)
    null = np.zeros(n, dtype=bool) if raw.null is None else raw.null.copy()
    failed: dict[str, list[int]] = {}
    for row, value in enumerate(raw.values):
        if null[row] or value is None or _is_missing(value):
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
        problems.rows(name, code, rows, n, repr(raw.values[rows[0]]))
    return out, null if null.any() else None


def _is_missing(value: Any) -> bool:
    # pd.NA and pd.NaT by name, so that pandas need not be loaded.
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))
    )


def _minor_of(minor_units: int, in_minor: bool, round_input: bool) -> Callable[[Any], int]:
    factor = 1 if in_minor else 10**minor_units

    def convert(value: Any) -> int:
        if isinstance(value, (bool, np.bool_)):
            raise _Refused("dtype")
        if isinstance(value, (int, np.integer)):
            return int(value) * factor
        dust = Decimal(0)
        if isinstance(value, float):  # also np.float64
            if value != value or value in (float("inf"), float("-inf")):
                raise _Refused("nonfinite")
            if in_minor:
                raise _Refused("dtype")
            dust = Decimal(4 * float(np.spacing(abs(value))))
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise _Refused("dtype")
        if not value.is_finite():
            raise _Refused("nonfinite")
        if value and value.adjusted() > 20:
            raise _Refused("overflow")
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


def money(
    raw: Raw,
    name: str,
    problems: Problems,
    *,
    minor_units: int,
    in_minor: bool,
    round_input: bool,
    allow_float32: bool | None = None,
) -> tuple[Array, Array | None] | None:
    """Float64 major units or int64 minor units, and the mask of nulls."""
    if raw.refuse is not None:
        problems.column(name, raw.refuse[0], raw.refuse[1])
        return None
    values = raw.values
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "f" and size == 8 and not in_minor:
        return native(values), raw.null
    if kind == "f" and size < 8 and round_input and not in_minor:
        # float32 100.1 means 100.10: shortest decimal, then the rounding the user allowed.
        shortest = np.array([float(str(v)) for v in values], dtype=np.float64)
        return shortest, raw.null
    if kind in "iu":
        factor = 1 if in_minor else 10**minor_units
        top = _I64.max // factor
        low_bad = values < -top if kind == "i" else np.zeros(0, dtype=bool)
        over = values > top
        if kind == "i":
            over = over | low_bad
        if raw.null is not None:
            over = over & ~raw.null
        if over.any():
            rows = np.flatnonzero(over)
            problems.rows(name, "overflow", rows, len(values), str(values[rows[0]]))
            values = np.where(over, 0, values)
        whole = native(values).astype(np.int64, copy=False)
        return (whole if factor == 1 else whole * np.int64(factor)), raw.null
    if kind == "O":
        if not in_minor and len(values) and all(type(v) is float or v is None for v in values):
            null = np.array([v is None for v in values], dtype=bool)
            return np.array([0.0 if v is None else v for v in values], dtype=np.float64), (
                null if null.any() else None
            )
        return _each(raw, name, problems, _minor_of(minor_units, in_minor, round_input))
    problems.column(name, "dtype", str(values.dtype))
    return None


def life(raw: Raw, name: str, problems: Problems) -> tuple[Array, Array | None] | None:
    """Months as int64 or float64 (the core refuses fractions), and the mask of nulls."""
    if raw.refuse is not None:
        problems.column(name, raw.refuse[0], raw.refuse[1])
        return None
    values = raw.values
    kind = values.dtype.kind
    if kind == "f":
        return native(values).astype(np.float64, copy=False), raw.null
    if kind == "i":
        return native(values).astype(np.int64, copy=False), raw.null
    if kind in "uO":

        def convert(value: Any) -> int:
            if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, Decimal)):
                raise _Refused("dtype")
            if isinstance(value, (float, Decimal)) and not Decimal(value).is_finite():
                raise _Refused("nonfinite")
            if value != int(value) or abs(value) > _I64.max:
                raise _Refused("range")
            return int(value)

        if kind == "u":
            return np.minimum(native(values), _I64.max).astype(np.int64), raw.null
        return _each(raw, name, problems, convert)
    problems.column(name, "dtype", str(values.dtype))
    return None


def _microseconds(value: Any) -> int:
    if isinstance(value, np.datetime64):
        return int(value.astype("M8[us]").astype(np.int64))
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise _Refused("timezone")
        if getattr(value, "nanosecond", 0):
            raise _Refused("date_time")
        return (dt.datetime.combine(value.date(), value.time()) - dt.datetime(1970, 1, 1)) // _MICROSECOND
    if isinstance(value, dt.date):
        return (value.toordinal() - _EPOCH_ORDINAL) * 86_400_000_000
    if isinstance(value, str):
        if not _ISO_SHAPE.fullmatch(value):
            raise _Refused("dtype")
        try:
            day = dt.date.fromisoformat(value)
        except ValueError:
            raise _Refused("date_parse") from None
        return (day.toordinal() - _EPOCH_ORDINAL) * 86_400_000_000
    raise _Refused("dtype")


def dates(raw: Raw, name: str, problems: Problems) -> tuple[Array, str, Array | None] | None:
    """Counts since 1970-01-01, their unit, and the mask of nulls."""
    if raw.refuse is not None and raw.refuse[1] not in ("string", "str"):
        problems.column(name, raw.refuse[0], raw.refuse[1])
        return None
    values = raw.values
    if values.dtype.kind == "M":
        unit, step = np.datetime_data(values.dtype)
        if step != 1 or unit not in _CORE_DATE_UNITS:
            values, unit = values.astype("M8[s]"), "s"
        return native(values).view(np.int64), unit, raw.null
    if values.dtype.kind in "OU":
        counts, null = _each(raw, name, problems, _microseconds)
        return counts, "us", null
    problems.column(name, "dtype", str(values.dtype))
    return None


def minor_to_major(values: Array, minor_units: int) -> Array:
    """Return the float64 nearest to each exact decimal."""
    factor = 10**minor_units
    out = np.asarray(values / np.float64(factor), dtype=np.float64)
    # int64 to float64 would round once more beyond 2**53.
    big = np.flatnonzero((values > 2**53) | (values < -(2**53)))
    for at in big:
        out.flat[at] = int(values.flat[at]) / factor
    return out


def minor_to_decimal(values: Array, minor_units: int) -> Array:
    """Return exact Decimals in an object array."""
    out = np.empty(len(values), dtype=object)
    # From digits, not by division: the context's precision must not round a large total.
    out[:] = [Decimal(f"{int(v)}E-{minor_units}") for v in values]
    return out
