"""Frames beside another one, such as the events of a fleet: matched to its rows, judged.

A problem names the column as ``events.amount`` and the row of the frame beside; what it concerns is bad.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NoReturn, Protocol

import numpy as np

from neocalc import _core
from neocalc._columns import (
    FIRST_DAY,
    LAST_DAY,
    MAX_LISTED_ROWS,
    Array,
    Problems,
    dates,
    minor_to_major,
    money,
)
from neocalc._frames import Frame, as_frame, nearest
from neocalc.errors import InputError, Issue

NO_MINOR = np.iinfo(np.int64).min
TICKS = {"D": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class SideOptions(Protocol):
    """What reading needs of a call's options."""

    @property
    def rounded(self) -> bool: ...
    @property
    def amounts(self) -> str: ...
    @property
    def minor_units(self) -> int: ...
    @property
    def round_input(self) -> bool: ...
    @property
    def floor_time(self) -> bool: ...
    @property
    def threads(self) -> int: ...


class Side:
    """A frame beside another, whose rows belong to those of the other by id."""

    def __init__(
        self,
        data: Any,
        what: str,
        required: Sequence[str],
        options: SideOptions,
        id_name: str = "asset_id",
    ) -> None:
        self.what = what
        self.options = options
        try:
            self.frame: Frame = as_frame(data, id_name, what)
        except InputError as error:
            raise InputError([replace(issue, column=what) for issue in error.issues]) from None
        self.n = self.frame.n
        self.issues: list[Issue] = []
        self.bad = np.zeros(self.n, dtype=bool)
        self.found: list[tuple[str, str, Array]] = []  # column, code, rows of this frame
        self.of_others: list[tuple[str, str, Array]] = []  # the same with the rows of the other frame
        self.present = frozenset(self.frame.names)
        if len(self.present) < len(self.frame.names):
            twice = next(name for name in self.frame.names if self.frame.names.count(name) > 1)
            raise InputError([Issue.make(f"{what}.{twice}", "duplicate_column")])
        missing = [name for name in required if name not in self.present]
        if missing:
            hints = [nearest(name, self.frame.names) for name in missing]
            raise InputError(
                [
                    Issue.make(f"{what}.{name}", "missing_column", hint=hint)
                    for name, hint in zip(missing, hints, strict=True)
                ]
            )

    def note(self, column: str, code: str, rows: Array, example: Any = None, hint: str | None = None) -> None:
        """Record a problem of some rows of this frame."""
        if not len(rows):
            return
        self.bad[rows] = True
        first = np.sort(rows)[:MAX_LISTED_ROWS].tolist()
        text = "null" if code == "null" else "" if example is None else str(example(first[0]))
        name = f"{self.what}.{column}"
        self.found.append((name, code, rows))
        self.issues.append(
            self.locate(Issue.make(name, code, n_bad=len(rows), rows=first, example=text, hint=hint))
        )

    def locate(self, issue: Issue) -> Issue:
        """Add labels and asset ids to an issue of this frame."""
        pick = self.frame.ids(True).pick
        ids = tuple(pick(row) for row in issue.rows)
        return issue.located(self.frame.labels(issue.rows), ids)

    def assign(self, known: Array) -> Array:
        """Return the row of the other frame that each row belongs to, -1 where there is none."""
        own = ids_of(self.frame)
        if own is None:
            self.column(self.frame.id_name, "dtype", "list")
        rows = match(known, own)
        without = self.frame.null_ids(False)
        # Rows that are the ids themselves were found to be in range.
        if not len(without) and (rows is own or not self.n or rows.min() >= 0):
            return rows
        null = np.zeros(self.n, dtype=bool)
        null[without] = True
        self.note(self.frame.id_name, "null", np.flatnonzero(null))
        self.note(
            self.frame.id_name,
            "unknown_id",
            np.flatnonzero((rows < 0) & ~null),
            lambda row: repr(_item(own[row])),
        )
        return rows

    def blame(self, others: Array) -> None:
        """Pass the problems of rows on to rows of the other frame, -1 where there is none."""
        for column, code, rows in self.found:
            concerned = others[rows]
            if (concerned >= 0).any():
                self.of_others.append((column, code, np.unique(concerned[concerned >= 0])))

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Number the values of a column; one whose values cannot be told apart or ordered is refused."""
        try:
            return self.frame.codes(name)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - each library has its own for such values
            issue = Issue.make(f"{self.what}.{name}", "dtype", example=type(error).__name__)
            raise InputError([issue]) from None

    def read_days(self, name: str) -> tuple[Array, Array]:
        """Return days since 1970 and which are null; what is no civil date is noted."""
        if not self.n:  # a column without rows has no type to speak of
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=bool)
        problems = Problems()
        found = dates(self.frame.raw(name), name, problems)
        self._take_over(problems)
        if found is None:
            return np.zeros(self.n, dtype=np.int32), np.zeros(self.n, dtype=bool)
        counts, unit, mask = found
        if mask is None:
            days = np.empty(self.n, dtype=np.int32)
            if _core.to_days(counts, days, TICKS[unit], threads=self.options.threads):
                return days, np.zeros(self.n, dtype=bool)
        null = counts == NO_MINOR if mask is None else mask | (counts == NO_MINOR)
        day, rest = np.divmod(np.where(null, 0, counts), TICKS[unit])
        outside = ((day < FIRST_DAY) | (day > LAST_DAY)) & ~null
        self.note(name, "date_range", np.flatnonzero(outside))
        if not self.options.floor_time:
            self.note(name, "date_time", np.flatnonzero((rest != 0) & ~null & ~outside))
        return np.where(outside, 0, day).astype(np.int32), null

    def read_money(self, name: str) -> Array:
        """Return amounts as the core wants them, the least integer or NaN for none."""
        options = self.options
        nothing: Any = NO_MINOR if options.rounded else np.nan
        if name not in self.present or not self.n:
            return np.full(self.n, nothing)
        problems = Problems()
        found = money(
            self.frame.raw(name),
            name,
            problems,
            minor_units=options.minor_units,
            in_minor=options.amounts == "minor",
            round_input=options.round_input,
            nan_is_null=True,
        )
        self._take_over(problems)
        if found is None:
            return np.full(self.n, nothing)
        values, null = found
        if values.dtype == np.float64:
            plain = values if null is None else np.where(null, np.nan, values)
            if not options.rounded:
                self.note(name, "nonfinite", np.flatnonzero(np.isinf(plain)), values.item)
                return plain
            minor = np.empty(self.n, dtype=np.int64)
            wrong = _core.to_minor(
                plain,
                minor,
                options.minor_units,
                options.round_input,
                threads=options.threads,
                nan_is_none=True,
            )
            for code in sorted({code for _, code in wrong}):
                self.note(name, code, np.array([at for at, other in wrong if other == code]), values.item)
            return minor
        if not options.rounded:
            values = minor_to_major(values, options.minor_units)
        return values if null is None else np.where(null, nothing, values)

    def amount_at(self, amounts: Array) -> Callable[[int], object]:
        """Return what says an amount as the user wrote it."""
        if not self.options.rounded or self.options.amounts == "minor":
            return amounts.item
        return lambda row: int(amounts[row]) / 10**self.options.minor_units

    def read_number(self, name: str, default: float) -> tuple[Array, Array]:
        """Return a column of numbers as float64, and which are null."""
        null = np.zeros(self.n, dtype=bool)
        if name not in self.present or not self.n:
            return np.full(self.n, default), ~null
        raw = self.frame.raw(name)
        if raw.refuse is not None or raw.text or raw.values.dtype.kind not in "iufO":
            self.column(name, "dtype", str(raw.values.dtype))
        if raw.null is not None:
            null = raw.null.copy()
        values = np.full(self.n, default)
        if raw.values.dtype.kind == "O":
            for row, value in enumerate(raw.values):
                if value is None or null[row] or type(value).__name__ in ("NAType", "NaTType"):
                    null[row] = True
                elif isinstance(value, (bool, np.bool_, str)):
                    self.note(name, "dtype", np.array([row]), lambda _, value=value: repr(value))
                else:
                    try:
                        values[row] = float(value)
                    except (TypeError, ValueError):
                        self.note(name, "dtype", np.array([row]), lambda _, value=value: repr(value))
        else:
            values[~null] = raw.values[~null]
        null |= np.isnan(values)
        self.note(name, "nonfinite", np.flatnonzero(np.isinf(values)), values.item)
        return np.where(null | np.isinf(values), default, values), null

    def column(self, name: str, code: str, example: str = "") -> NoReturn:
        """Refuse a whole column."""
        raise InputError([Issue.make(f"{self.what}.{name}", code, example=example)])

    def _take_over(self, problems: Problems) -> None:
        if problems.whole_column:
            issue = problems.issues[0]
            raise InputError([Issue.make(f"{self.what}.{issue.column}", issue.code, example=issue.example)])
        for issue, (name, code, rows) in zip(problems.issues, problems.found, strict=True):
            self.note(name, code, rows, lambda _, issue=issue: issue.example)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def ids_of(frame: Frame) -> Array | None:
    """Return the ids of a frame; None where they are lists, which are none."""
    try:
        own = frame.id_values()
    except (TypeError, ValueError):
        return None
    return own if own.shape == (frame.n,) else None


def match(known: Array, wanted: Array) -> Array:
    """Return where each wanted id stands among the known ones, -1 where it does not."""
    if known.dtype.kind in "iu" and wanted.dtype.kind in "iu":
        if not len(known):
            return np.full(len(wanted), -1, dtype=np.int64)
        ascending = bool((known[1:] > known[:-1]).all())
        if ascending and int(known[-1]) - int(known[0]) == len(known) - 1:  # numbered without a gap
            if len(wanted) and known[0] <= wanted.min() and wanted.max() <= known[-1]:
                return (wanted - known[0] if known[0] else wanted).astype(np.int64, copy=False)
            inside = (wanted >= known[0]) & (wanted <= known[-1])
            return np.where(inside, wanted - known[0], -1).astype(np.int64, copy=False)
        order = None if ascending else np.argsort(known, kind="stable")
        ordered = known if order is None else known[order]
        at = np.minimum(np.searchsorted(ordered, wanted), len(known) - 1)
        found = ordered[at] == wanted
        return np.where(found, at if order is None else order[at], -1)
    pandas = sys.modules.get("pandas")
    if pandas is not None and known.dtype == object and wanted.dtype == object:
        try:
            index = pandas.Index(known, tupleize_cols=False)
            if index.is_unique:
                found = index.get_indexer(pandas.Index(wanted, tupleize_cols=False))
                return np.asarray(found, dtype=np.int64)
        except (TypeError, ValueError, ArithmeticError):
            pass  # values that have no place in an index: one by one
    places: dict[Any, int] = {}
    for place, value in enumerate(known.tolist()):
        if _has_place(value):
            places.setdefault(value, place)
    return np.array([places.get(v, -1) if _has_place(v) else -1 for v in wanted.tolist()], dtype=np.int64)


def _has_place(value: Any) -> bool:
    """Whether a value can be looked up: a list cannot, nor a signaling NaN."""
    try:
        hash(value)
    except (TypeError, ValueError):
        return False
    return True


def by_row(rows: Array, n: int, threads: int = 1) -> tuple[Array | None, Array]:
    """Return the order that sorts by row (None: sorted already), and each row's stretch."""
    offsets = np.empty(n + 1, dtype=np.int64)
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    if _core.to_offsets(rows, offsets, threads=threads):
        return None, offsets
    order = np.argsort(rows, kind="stable")
    offsets[0] = 0
    np.cumsum(np.bincount(rows, minlength=n), out=offsets[1:])
    return order, offsets
