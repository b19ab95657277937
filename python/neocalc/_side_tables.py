"""Tables that are not the fleet: their columns as minor units, days, decimals, words; and what is wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Protocol, Self

import numpy as np

from neocalc import _core
from neocalc._columns import (
    FIRST_DAY,
    LAST_DAY,
    Array,
    Problems,
    Raw,
    dates,
    is_missing,
    minor_to_decimal,
    minor_to_major,
    money,
)
from neocalc._frames import Frame, as_frame, nearest
from neocalc._options import Options
from neocalc.errors import InputError, Issue

EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_LARGEST_FLOAT = 2**51  # minor units; beyond it a float64 does not say which one is meant
DECIMAL_PLACES = 12
Key = tuple[Any, ...]


def plain(value: Any) -> Any:
    """Return a key as any library has it: a Timestamp at midnight is its date, a numpy number a number."""
    if isinstance(value, np.generic):
        value = value.item()
    return value.date() if isinstance(value, dt.datetime) and value.time() == dt.time() else value


@dataclass(slots=True)
class SideTable:
    """A table that is not the fleet: its problems name its columns ``table.column``."""

    label: str
    frame: Frame
    problems: Problems
    options: Options

    @classmethod
    def open(cls, table: Any, label: str, required: Sequence[str], options: Options) -> Self:
        """Wrap a table; refuse what is none or lacks columns."""
        try:
            frame = as_frame(table)
        except InputError:
            issue = Issue.make(label, "frame", example=type(table).__name__)
            raise InputError([issue], subject=label) from None
        names = list(frame.names)
        issues = [
            Issue.make(f"{label}.{name}", "duplicate_column") for name in {*names} if names.count(name) > 1
        ]
        issues += [
            Issue.make(f"{label}.{name}", "missing_column", hint=nearest(name, names))
            for name in required
            if name not in names
        ]
        if issues:
            raise InputError(issues, n_rows=frame.n, subject=label)
        return cls(label, frame, Problems(), options)

    def __contains__(self, name: str) -> bool:
        return name in self.frame.names

    def keys(self, names: Sequence[str]) -> list[Key]:
        """Return the values of the key columns, row by row."""
        columns: list[list[Any]] = []
        for name in names:
            try:
                codes, n, uniques = self.frame.codes(name)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - each library has its own for such values
                self.problems.column(f"{self.label}.{name}", "dtype", type(error).__name__)
                raise InputError(self.problems.issues, n_rows=self.frame.n, subject=self.label) from None
            values = [*map(plain, self.frame.uniques(uniques) if n else []), None]
            columns.append([values[code] for code in codes.tolist()])
        return list(zip(*columns, strict=True)) if columns else [()] * self.frame.n

    def values(self, name: str, *, required: bool = False) -> list[Any]:
        """Return one column of keys, None for null; a column that is not there is all null."""
        if name not in self:
            return [None] * self.frame.n
        found = [key[0] for key in self.keys([name])]
        if required:
            self.note(
                name, "null", [row for row, value in enumerate(found) if value is None], lambda _: "null"
            )
        return found

    def words(self, name: str, allowed: Sequence[str], default: str | None = None) -> list[str | None]:
        """Return a column of words, each one of those allowed."""
        found = self.values(name)
        wrong = [row for row, value in enumerate(found) if value is not None and value not in allowed]
        self.note(name, "choice", wrong, lambda row: f"{found[row]!r}, not one of {', '.join(allowed)}")
        bad = set(wrong)
        return [default if value is None or row in bad else value for row, value in enumerate(found)]

    def flags(self, name: str) -> list[bool]:
        """Return a column of true and false, false for null; files write them as words."""
        if name not in self:
            return [False] * self.frame.n
        raw = self.frame.raw(name)
        if raw.refuse is not None and raw.refuse[1].lower() in ("boolean", "bool"):
            found = self.values(name)
        elif raw.values.dtype.kind in "bO" or raw.text:
            found = [None if is_missing(value) else value for value in raw.values.tolist()]
        else:
            self.problems.column(f"{self.label}.{name}", "dtype", str(raw.values.dtype), "use True and False")
            return [False] * self.frame.n
        known = {True: True, False: False, None: False, "true": True, "false": False}
        wrong = [
            row
            for row, value in enumerate(found)
            if not isinstance(value, (bool, str, type(None))) or value not in known
        ]
        self.note(name, "dtype", wrong, lambda row: repr(found[row]))
        bad = set(wrong)
        return [row not in bad and known[value] for row, value in enumerate(found)]

    def amounts(self, name: str, *, required: bool = False, negative: bool = False) -> list[int | None]:
        """Return a column of money as minor units, None for null."""
        frame, options, problems = self.frame, self.options, self.problems
        return read_amounts(frame, name, f"{self.label}.{name}", problems, options, required, negative)

    def minor(self, name: str) -> tuple[Array, Array]:
        """Return a column of money as int64 minor units of either sign, and which are null."""
        label, options, n = f"{self.label}.{name}", self.options, self.frame.n
        found = money(
            self.frame.raw(name),
            label,
            self.problems,
            minor_units=options.minor_units,
            in_minor=options.amounts == "minor",
            round_input=options.round_input,
            nan_is_null=self.frame.nan_is_null,
        )
        if found is None:
            return np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool)
        values, mask = found
        null = np.zeros(n, dtype=bool) if mask is None else mask.copy()
        if values.dtype == np.float64:
            if self.frame.nan_is_null:
                null |= np.isnan(values)
            major = np.where(null, 0.0, values)
            whole = np.empty(n, dtype=np.int64)
            wrong = _core.to_minor(major, whole, options.minor_units, options.round_input)
            for code in sorted({code for _, code in wrong}):
                rows = [at for at, other in wrong if other == code]
                self.problems.rows(label, code, rows, n, values.item)
            values = whole
        return np.where(null, 0, values), null

    def decimals(self, name: str) -> list[Decimal | None]:
        """Return a column of numbers as the decimals that were written, to twelve places; None for null."""
        n, label = self.frame.n, f"{self.label}.{name}"
        if name not in self:
            return [None] * n
        raw = self.frame.raw(name)
        if raw.refuse is not None or raw.text or raw.values.dtype.kind not in "iufO":
            shown = "text" if raw.text else raw.refuse[1] if raw.refuse else str(raw.values.dtype)
            if not (raw.text and not n):
                self.problems.column(label, "dtype", shown, "use numbers")
            return [None] * n
        null = [False] * n if raw.null is None else raw.null.tolist()
        known: dict[Any, Decimal | str] = {}
        found: list[Decimal | None] = []
        wrong: dict[str, list[int]] = {}
        for row, (value, gone) in enumerate(zip(raw.values.tolist(), null, strict=True)):
            is_nan = isinstance(value, float) and value != value
            if (
                gone
                or value is None
                or (is_missing(value) and not is_nan)
                or (is_nan and self.frame.nan_is_null)
            ):
                found.append(None)
                continue
            key = (type(value), repr(value))
            if key not in known:
                known[key] = _decimal(value)
            decimal = known[key]
            if isinstance(decimal, str):
                wrong.setdefault(decimal, []).append(row)
                found.append(None)
            else:
                found.append(decimal)
        for code, rows in wrong.items():
            self.problems.rows(label, code, rows, n, lambda row: repr(raw.values[row]))
        return found

    def floats(self, name: str) -> Array:
        """Return a column of numbers as doubles, NaN for null."""
        raw, label = self.frame.raw(name), f"{self.label}.{name}"
        if raw.refuse is not None or raw.text or raw.values.dtype.kind not in "iufO":
            self.problems.column(label, "dtype", "text" if raw.text else str(raw.values.dtype), "use numbers")
            return np.full(self.frame.n, np.nan)
        found = np.full(self.frame.n, np.nan)
        wrong = []
        for row, value in enumerate(raw.values.tolist()):
            if is_missing(value) or (raw.null is not None and raw.null[row]):
                continue
            if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
                found[row] = float(value)
            else:
                wrong.append(row)
        self.note(name, "dtype", wrong, lambda row: repr(raw.values[row]), "use numbers")
        return found

    def counts(self, name: str, *, least: int = 0, most: int = 1_000_000) -> list[int | None]:
        """Return a column of whole numbers, None for null."""
        found = self.decimals(name)
        broken = [row for row, value in enumerate(found) if value is not None and value != int(value)]
        self.note(name, "dtype", broken, lambda row: shown(found[row]))
        outside = [row for row, value in enumerate(found) if value is not None and not least <= value <= most]
        self.note(name, "range", outside, lambda row: shown(found[row]))
        bad = {*broken, *outside}
        return [None if value is None or row in bad else int(value) for row, value in enumerate(found)]

    def days(self, name: str, missing: int | None = None) -> list[int]:
        """Return a column of dates as days since 1970-01-01; nulls are `missing`, or refused."""
        label = f"{self.label}.{name}"
        if missing is not None and name not in self:
            return [missing] * self.frame.n
        found = dates(self.frame.raw(name), label, self.problems)
        if found is None:
            return [0] * self.frame.n
        counts, unit, null = found
        stamps = np.asarray(counts).astype(f"M8[{unit}]")
        absent = np.isnat(stamps) if null is None else np.isnat(stamps) | null
        if missing is None:
            self._note(label, "null", absent, lambda _: "null")
        days = stamps.astype("M8[D]")
        fine = ~absent
        self._note(label, "date_time", fine & (days.astype(stamps.dtype) != stamps), lambda row: stamps[row])
        outside = (days < np.datetime64(FIRST_DAY, "D")) | (days > np.datetime64(LAST_DAY, "D"))
        self._note(label, "date_range", fine & outside, lambda row: days[row])
        whole = np.where(absent, np.datetime64(0, "D"), days).astype(np.int64)
        return [int(day) for day in np.where(absent, missing or 0, whole)]

    def _note(self, label: str, code: str, bad: Array, example: Any) -> None:
        self.problems.rows(label, code, np.flatnonzero(bad), self.frame.n, example)

    def note(
        self,
        name: str,
        code: str,
        rows: Sequence[int],
        example: Callable[[int], object],
        hint: str | None = None,
    ) -> None:
        """Record what is wrong with some rows."""
        self.problems.rows(f"{self.label}.{name}", code, rows, self.frame.n, example, hint)

    def raise_problems(self) -> None:
        """Raise all that was found wrong."""
        if self.problems.issues:
            raise InputError(self.problems.issues, n_rows=self.frame.n, subject=self.label)


def shown(value: Any) -> str:
    """Write a value as an example: a decimal as people do, without the places it was read to."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else repr(value)


def _decimal(value: Any) -> Decimal | str:
    """Return the decimal that a number was written as, or the code of what is wrong with it."""
    if isinstance(value, np.generic):  # in a column of objects
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return "dtype"
    # The shortest decimal that reads as this double is the one that was written.
    written = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not written.is_finite():
        return "nonfinite"
    if written and written.adjusted() >= 15:
        return "range"
    with localcontext() as context:
        context.prec = 60
        return (
            Decimal(0)
            if not written or written.adjusted() < -20
            else written.quantize(Decimal(1).scaleb(-DECIMAL_PLACES))
        )


class MoneyOptions(Protocol):
    """What writing amounts needs of a call's options."""

    @property
    def rounded(self) -> bool: ...
    @property
    def amounts(self) -> str: ...
    @property
    def minor_units(self) -> int: ...


def money_out(frame: Frame, options: MoneyOptions, values: Array, null: Array | None = None) -> Any:
    """Turn int64 minor units (or float64 major ones) into a column of the amounts asked for."""
    if options.amounts == "decimal":
        decimals = minor_to_decimal(values, options.minor_units)
        if null is not None:
            decimals[null] = None
        return frame.decimals_out(decimals, options.minor_units)
    if options.amounts == "major" and options.rounded and values.dtype != np.float64:
        values = minor_to_major(values, options.minor_units)
    return frame.money_out(values, null)


def whole_out(
    frame: Frame, options: MoneyOptions, name: str, values: Iterable[int | None], subject: str
) -> Any:
    """Turn whole minor units of any size, None for null, into a column of the amounts asked for."""
    whole = list(values)
    if any(abs(value) >= 2**63 for value in whole if value is not None):
        raise InputError([Issue.make(name, "overflow")], subject=subject)
    null = np.array([value is None for value in whole], dtype=bool)
    amounts: Array = np.array([value or 0 for value in whole], dtype=np.int64)
    return money_out(frame, options, amounts, null if null.any() else None)


def quotients_out(frame: Frame, above: Iterable[int | None], below: Iterable[int | None]) -> Any:
    """Return a column of quotients; null of what is not known, and over nothing."""
    found = [None if a is None or not b else a / b for a, b in zip(above, below, strict=True)]
    null = np.array([value is None for value in found], dtype=bool)
    values = np.array([value or 0.0 for value in found], dtype=np.float64)
    return frame.money_out(values, null if null.any() else None)


def read_amounts(
    frame: Frame,
    name: str,
    label: str,
    problems: Problems,
    options: Options,
    required: bool = False,
    negative: bool = False,
) -> list[int | None]:
    """Return a column of money as minor units, None for null; what cannot be read is noted."""
    raw = frame.raw(name)
    nan_is_null = frame.nan_is_null
    kind = {
        "minor_units": options.minor_units,
        "in_minor": options.amounts == "minor",
        "round_input": options.round_input,
        "nan_is_null": nan_is_null,
    }
    floats = raw.values.dtype.kind == "f" and options.amounts != "minor"
    if floats and raw.values.dtype.itemsize == 8:
        raw = Raw(raw.values.astype(object), raw.null)  # one value at a time, to whole minor units
    # The values of `kind` differ in type, which a dict of keywords cannot say.
    found = money(raw, label, problems, **kind)  # type: ignore[arg-type]
    if found is not None and found[0].dtype.kind == "f":  # float32 that may be rounded
        # As above.
        found = money(Raw(found[0].astype(object), found[1]), label, problems, **kind)  # type: ignore[arg-type]
    if found is None:
        return [None] * frame.n
    values, null = found
    if floats:
        large = np.flatnonzero(np.abs(values) >= _LARGEST_FLOAT)
        problems.rows(label, "precision", large, frame.n, lambda row: values[row])
    if required and null is not None:
        problems.rows(label, "null", np.flatnonzero(null), frame.n, lambda _: "null")
    if not negative:
        below = values < 0 if null is None else (values < 0) & ~null
        digits = 0 if options.amounts == "minor" else options.minor_units
        problems.rows(
            label,
            "range",
            np.flatnonzero(below),
            frame.n,
            lambda row: shown(Decimal(int(values[row])).scaleb(-digits)),
        )
    nulls = [False] * frame.n if null is None else null.tolist()
    return [None if gone else int(value) for value, gone in zip(values, nulls, strict=True)]
