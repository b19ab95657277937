"""What every asset stands at on one day, in whole minor units, and the tables that are held against it."""

from __future__ import annotations

import calendar
import datetime as dt
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc._columns import Array, Problems, Raw, dates, money
from neocalc._fleet import FleetColumns, check_by
from neocalc._frames import Frame, as_frame, nearest
from neocalc._groups import Groups
from neocalc._options import OptionArgs, Options, make_options, to_days
from neocalc._output import money_column
from neocalc._runs import ANY_LIFE, PolicyByClass, check_policy, uniform_run
from neocalc.depreciation import book_values
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import Policy

EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
_LARGEST_FLOAT = 2**51  # minor units; beyond it a float64 does not say which one is meant
# Whatever else `book_values` takes is passed on: these each verb names itself, or they have no sense here.
_NOT_PASSED_ON = {"fleet", "policy", "as_of", "policy_by", "on_error", "allow_credit"}
Key = tuple[Any, ...]


def half_even(top: int, bottom: int) -> int:
    """Round a fraction to a whole number once, halves to even; `bottom` is positive."""
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def times(amount: int, share: Fraction) -> int:
    """Return a share of an amount, rounded once."""
    return half_even(amount * share.numerator, share.denominator)


class Books:
    """The assets of a fleet at the close of the month of `as_of`, by asset and by group."""

    def __init__(
        self,
        verb: str,
        fleet: Any,
        policy: Policy | PolicyByClass,
        as_of: Any,
        by: Sequence[str] | None,
        policy_by: str | None,
        result_columns: Sequence[str],
        given: Mapping[str, Any],
    ) -> None:
        day = dt.date.fromordinal(to_days("as_of", as_of) + EPOCH_ORDINAL)
        self.close = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        self.month = month_of(self.close)
        for name in given:
            if name not in inspect.signature(book_values).parameters or name in _NOT_PASSED_ON:
                raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
        shared = {name: value for name, value in given.items() if name in OptionArgs.__annotations__}
        self.options: Options = make_options(verb, shared)  # type: ignore[arg-type]
        if not self.options.rounded:
            raise ConfigError(f"{verb} is exact to the minor unit: rounding must be 'balance' or 'level'")
        check_policy(policy, policy_by)
        self.keys = None if by is None else check_by(by)
        for name in self.keys or ():
            if name in result_columns:
                raise ConfigError(
                    f"by={name!r} would stand beside the result's own {name!r}: rename the column"
                )
        self.data = FleetColumns(fleet, self.options, index_is_id=True)
        self.groups: Groups | None = None if self.keys is None else self.data.groups(self.keys)
        self._arguments = fleet, policy, policy_by, as_of, given
        self.rows: Array = np.empty(0, dtype=np.intp)  # of the fleet, without construction in progress
        self._values: list[list[Any]] | None = None  # of each key, in the order of its codes; null last
        self.cost: list[int] = []
        self.book_value: list[int] = []

    def read(self) -> None:
        """Raise all that is wrong with the fleet, or value it."""
        data = self.data
        self.raise_problems()
        fleet, policy, policy_by, as_of, given = self._arguments
        amounts = "minor" if self.options.amounts == "minor" else "decimal"
        options = {**given, "amounts": amounts}
        found = as_frame(book_values(fleet, policy, as_of=as_of, policy_by=policy_by, **options))
        self.rows = np.arange(data.n) if data.skip is None else np.flatnonzero(~data.skip)
        self.cost = _whole(found.raw("cost").values, self.options)
        self.book_value = _whole(found.raw("book_value").values, self.options)

    def raise_problems(self) -> None:
        """Raise all that is wrong with the fleet and is known without its policy."""
        if self.data.problems.issues:
            raise InputError(self.data.find_issues([uniform_run(ANY_LIFE)]), n_rows=self.data.n)

    def codes(self) -> Array:
        """Return for each valued asset the number of its group; nulls have the last."""
        groups = self.groups
        if groups is None or groups.codes is None:
            return np.zeros(len(self.rows), dtype=np.int64)
        codes = groups.codes[self.rows].astype(np.int64)
        return np.where(codes < 0, groups.n, codes)

    def members(self) -> dict[int, list[int]]:
        """Return the places of the valued assets of each group that has any, in the order of the keys."""
        codes = self.codes()
        order = np.argsort(codes, kind="stable")
        numbers, starts = np.unique(codes[order], return_index=True)
        parts = np.split(order, starts[1:]) if len(numbers) else []
        return {int(number): part.tolist() for number, part in zip(numbers, parts, strict=True)}

    def key_of(self, group: int) -> Key:
        """Return the values of a group's keys."""
        groups = self.groups
        if groups is None:
            return ()
        if self._values is None:
            frame = self.data.frame
            self._values = [[*map(_plain, frame.uniques(uniques)), None] for uniques in groups.uniques]
        return tuple(
            values[int(codes[group])] for values, codes in zip(self._values, groups.keys, strict=True)
        )

    def key_columns(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the key columns of a result whose rows are these groups."""
        groups = self.groups
        if groups is None:
            return {}
        return {
            name: self.data.frame.take(uniques, codes[np.asarray(numbers, dtype=np.intp)])
            for name, uniques, codes in zip(groups.names, groups.uniques, groups.keys, strict=True)
        }

    def service_days(self) -> Array:
        """Return the in_service_date of each valued asset."""
        stamps = np.asarray(self.data._day)[self.rows].astype(f"M8[{self.data._unit}]")
        return stamps.astype("M8[D]")

    def column(self, values: Sequence[int | None]) -> Any:
        """Return amounts as a column of the kind of frame and of amounts that was asked for."""
        null = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
        plain = [value or 0 for value in values]
        try:
            whole = np.array(plain, dtype=np.int64)
        except OverflowError:
            if self.options.amounts == "minor":
                raise InputError([Issue.make("cost", "overflow")], n_rows=self.data.n) from None
            whole = np.array(plain, dtype=object)
        return money_column(self.data, whole, null if null.any() else None)


def _whole(values: Array, options: Options) -> list[int]:
    if options.amounts == "minor":
        return [int(value) for value in values]
    return [int(Decimal(value).scaleb(options.minor_units)) for value in values]


def month_of(day: dt.date) -> int:
    """Number the months."""
    return day.year * 12 + day.month - 1


def _plain(value: Any) -> Any:
    """Return a key as any library has it: a Timestamp at midnight is its date, a numpy number a number."""
    if isinstance(value, np.generic):
        value = value.item()
    return value.date() if isinstance(value, dt.datetime) and value.time() == dt.time() else value


# --- tables beside the fleet --------------------------------------------------------------------------------


@dataclass(slots=True)
class SideTable:
    """A table that is not the fleet: its problems name its columns ``table.column``."""

    label: str
    frame: Frame
    problems: Problems
    options: Options

    @classmethod
    def open(cls, table: Any, label: str, required: Sequence[str], options: Options) -> SideTable:
        """Wrap a table; refuse what is none or lacks columns."""
        try:
            frame = as_frame(table)
        except InputError:
            raise InputError([Issue.make(label, "frame", example=type(table).__name__)]) from None
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
            raise InputError(issues, n_rows=frame.n)
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
                raise InputError(self.problems.issues, n_rows=self.frame.n) from None
            values = [*map(_plain, self.frame.uniques(uniques) if n else []), None]
            columns.append([values[code] for code in codes.tolist()])
        return list(zip(*columns, strict=True)) if columns else [()] * self.frame.n

    def amounts(self, name: str, *, required: bool = False, negative: bool = False) -> list[int | None]:
        """Return a column of money as minor units, None for null."""
        frame, options, problems = self.frame, self.options, self.problems
        return read_amounts(frame, name, f"{self.label}.{name}", problems, options, required, negative)

    def days(self, name: str) -> list[int]:
        """Return a column of dates as days since 1970-01-01."""
        label = f"{self.label}.{name}"
        found = dates(self.frame.raw(name), label, self.problems)
        if found is None:
            return [0] * self.frame.n
        counts, unit, null = found
        stamps = np.asarray(counts).astype(f"M8[{unit}]")
        missing = np.isnat(stamps) if null is None else np.isnat(stamps) | null
        self._note(label, "null", missing, lambda _: "null")
        days = stamps.astype("M8[D]")
        fine = ~missing
        self._note(label, "date_time", fine & (days.astype(stamps.dtype) != stamps), lambda row: stamps[row])
        outside = (days < np.datetime64(_FIRST_DAY)) | (days > np.datetime64(_LAST_DAY))
        self._note(label, "date_range", fine & outside, lambda row: days[row])
        return [int(day) for day in np.where(missing, np.datetime64(0, "D"), days).astype(np.int64)]

    def _note(self, label: str, code: str, bad: Array, example: Any) -> None:
        self.problems.rows(label, code, np.flatnonzero(bad), self.frame.n, example)

    def note(self, name: str, code: str, rows: Sequence[int], example: Any) -> None:
        """Record what is wrong with some rows."""
        self.problems.rows(f"{self.label}.{name}", code, rows, self.frame.n, example)

    def raise_problems(self) -> None:
        """Raise all that was found wrong."""
        if self.problems.issues:
            raise InputError(self.problems.issues, n_rows=self.frame.n)


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
    found = money(raw, label, problems, **kind)  # type: ignore[arg-type]
    if found is not None and found[0].dtype.kind == "f":  # float32 that may be rounded
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
        problems.rows(label, "range", np.flatnonzero(below), frame.n, lambda row: int(values[row]))
    nulls = [False] * frame.n if null is None else null.tolist()
    return [None if gone else int(value) for value, gone in zip(values, nulls, strict=True)]
