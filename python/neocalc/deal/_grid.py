"""The months of a deal, and amounts laid out over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._exact import half_even
from neocalc._options import Options
from neocalc._side_tables import SideTable

Amounts = Array  # int64 minor units, one for each month


def month_of(day: int) -> int:
    """Return the month of a day, both counted from 1970."""
    return int(np.datetime64(int(day), "D").astype("M8[M]").astype(np.int64))


def first_day(month: int) -> int:
    """Return the first day of a month."""
    return int(np.datetime64(int(month), "M").astype("M8[D]").astype(np.int64))


def last_day(month: int) -> int:
    """Return the last day of a month."""
    return first_day(month + 1) - 1


@dataclass(frozen=True)
class Grid:
    """Months from the first to the last of a deal, by number from 1970-01 on."""

    first: int
    n: int

    @classmethod
    def between(cls, start: int, end: int) -> Grid:
        """Return the months that hold the days from `start` to `end`."""
        return cls(month_of(start), month_of(end) - month_of(start) + 1)

    @property
    def start(self) -> int:
        """The first day."""
        return first_day(self.first)

    @property
    def end(self) -> int:
        """The last day."""
        return last_day(self.first + self.n - 1)

    @property
    def ends(self) -> list[int]:
        """The last day of each month."""
        return [last_day(self.first + at) for at in range(self.n)]

    def zeros(self) -> Amounts:
        """Return nothing, month after month."""
        return np.zeros(self.n, dtype=np.int64)

    def place(self, day: int) -> int:
        """Return the number of a day's month; below 0 where it lies before the first."""
        return month_of(day) - self.first

    def sum(self, days: Iterable[int], amounts: Iterable[int]) -> Amounts:
        """Sum amounts by the months of their days; what lies outside is left out."""
        out = self.zeros()
        for day, amount in zip(days, amounts, strict=True):
            at = self.place(day)
            if 0 <= at < self.n:
                out[at] += amount
        return out

    def steps(self, days: Sequence[int], values: Sequence[Any], before: Any) -> list[Any]:
        """Return what is in force at each month's end, of values that count from a day on."""
        order = sorted(range(len(days)), key=lambda row: days[row])
        out, current, at = [], before, 0
        for end in self.ends:
            while at < len(order) and days[order[at]] <= end:
                current = values[order[at]]
                at += 1
            out.append(current)
        return out


def spread_through(total: int, months: int, n: int) -> Amounts:
    """Return what of an amount has run off evenly before its first month, and by the end of the first `n`."""
    months = max(months, 1)
    return np.array([half_even(total * min(at, months), months) for at in range(n + 1)], dtype=np.int64)


def spread(total: int, months: int, n: int) -> Amounts:
    """Divide an amount over months, rounding what has run off once; the first `n` of them are shown."""
    return np.diff(spread_through(total, months, n))


@dataclass(frozen=True)
class Cells:
    """A monthly frame of a verb as numbers: each row's key and day, and columns in minor units."""

    keys: list[Any]
    days: list[int]
    columns: dict[str, list[int | None]]

    @classmethod
    def read(
        cls, frame: Any, key: str | Sequence[str] | None, names: Sequence[str], options: Options, table: str
    ) -> Cells:
        """Read what a table of the deal comes to; amounts are exact, whatever kind they are shown as."""
        side = SideTable.open(frame, table, ["period_end"], options)
        if key is None or isinstance(key, str):
            keys: list[Any] = side.values(key) if key is not None and key in side else [None] * side.frame.n
        else:
            keys = list(side.keys(key))
        columns = {name: list(side.amounts(name, negative=True)) for name in names if name in side}
        days = side.days("period_end")
        side.raise_problems()
        return cls(keys, days, columns)

    def monthly(self, grid: Grid, name: str, key: Any = ...) -> Amounts:
        """Sum a column by month, of one key or of all."""
        if name not in self.columns:
            return grid.zeros()
        rows = [row for row, own in enumerate(self.keys) if key is ... or own == key]
        values = self.columns[name]
        return grid.sum([self.days[row] for row in rows], [values[row] or 0 for row in rows])

    def unknown(self, grid: Grid, names: Sequence[str]) -> int | None:
        """Return the first month in which an amount is not known."""
        places = [
            grid.place(day)
            for name in names
            for day, value in zip(self.days, self.columns.get(name, []), strict=False)
            if value is None
        ]
        return max(min(places), 0) if places else None
