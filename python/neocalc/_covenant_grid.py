"""Measures of covenants on a grid: every period of every entity and currency has its cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc._columns import Array, Problems
from neocalc._currencies import ISO_4217
from neocalc._options import Options
from neocalc._side_tables import SideTable
from neocalc.errors import InputError, Issue

FREQUENCIES = {"M": 1, "Q": 3, "H": 6, "Y": 12}  # months from test to test, and of the measures' periods
# A quarter of a 52/53-week year ends within days of a month's end, a month of one (4-4-5) within ten.
MAX_DAYS_OFF = 10
Series = tuple[Any, Any]  # entity, currency


@dataclass(slots=True)
class Rows:
    """Arrays of a table of the book, grown row by row."""

    types: Mapping[str, str]
    values: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: [] for name in self.types}

    def add(self, **row: int) -> None:
        """Append a row."""
        for name, value in row.items():
            self.values[name].append(value)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that the core takes."""
        return {name: np.array(self.values[name], dtype=kind) for name, kind in self.types.items()}

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))


def months_of(days: Array) -> tuple[Array, Array]:
    """Return the month (since January 1970) whose end is nearest, and how many days away that is."""
    stamps = days.astype("M8[D]")
    month = stamps.astype("M8[M]")
    to_end = ((month + 1).astype("M8[D]") - 1 - stamps).astype(np.int64)
    from_end = (stamps - (month.astype("M8[D]") - 1)).astype(np.int64)
    before = from_end < to_end
    return month.astype(np.int64) - before, np.where(before, from_end, to_end)


def month_end_days(months: Array) -> Array:
    """Return the last day of each month, since 1970-01-01."""
    return np.asarray((months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - 1)


class Layout:
    """Periods of series, each with cells of its own, consecutive ones."""

    names: tuple[Any, ...]
    series: dict[Series, int]
    by_entity: dict[Any, list[Series]]
    step: int
    fiscal_year_end: int
    problems: Problems
    first: Array  # by series
    lengths: Array
    offsets: Array
    months: Array  # by cell
    dates: Array

    @property
    def per_year(self) -> int:
        """Periods in a year."""
        return 12 // self.step

    def dates_of(self, series: int) -> Array:
        """Return the ends of a series' periods."""
        return self.dates[self.offsets[series] : self.offsets[series + 1]]

    def period_of(self, series: int, day: int) -> int | None:
        """Return the number of the period that a day is, or is near, the end of."""
        month, off = months_of(np.array([day]))
        behind = int(month[0] - self.first[series])
        period = behind // self.step
        fits = off[0] <= MAX_DAYS_OFF and behind % self.step == 0 and 0 <= period < self.lengths[series]
        return period if fits else None


class Ground(Layout):
    """What the terms of covenants are read against where the amounts come later: the same periods for all."""

    def __init__(
        self, names: Sequence[str], entities: Sequence[Any], days: Array, step: int, fiscal_year_end: int
    ) -> None:
        self.names, self.step, self.fiscal_year_end = tuple(names), step, fiscal_year_end
        self.problems = Problems()
        self.series = {(entity, None): at for at, entity in enumerate(entities)}
        self.by_entity = {key[0]: [key] for key in self.series}
        count, months = len(self.series), months_of(days)[0]
        self.first = np.full(count, months[0] if len(months) else 0)
        self.lengths = np.full(count, len(days))
        self.offsets = np.arange(count + 1, dtype=np.int64) * len(days)
        self.months, self.dates = np.tile(months, count), np.tile(days, count)


class Grid(Layout):
    """The measures' rows by series and period."""

    def __init__(
        self,
        table: SideTable,
        freq: str,
        fiscal_year_end: int,
        end: int | None,
        blank: Array | None = None,  # rows whose amounts are not to be read
    ) -> None:
        self.table = table
        self.blank = np.zeros(table.frame.n, dtype=bool)
        if blank is not None and len(blank):
            self.blank[blank] = True
            table.problems.skip = self.blank
        self.problems = table.problems
        self.names = table.frame.names
        self.step = FREQUENCIES[freq]
        self.fiscal_year_end = fiscal_year_end
        self.has_entity = "entity_id" in table
        entities = table.values("entity_id", required=True) if self.has_entity else [None] * table.frame.n
        currencies = table.values("currency")
        wrong = [row for row, code in enumerate(currencies) if code is not None and code not in ISO_4217]
        table.note("currency", "currency", wrong, lambda row: repr(currencies[row]))
        self.days = np.array(table.days("period_end"), dtype=np.int64)
        self.of_row: list[Series] = list(zip(entities, currencies, strict=True))
        self.month, off = months_of(self.days)
        astray = (off > MAX_DAYS_OFF) | ((self.month + 1 - fiscal_year_end) % self.step != 0)
        if not table.problems.issues:
            rows = np.flatnonzero(astray).tolist()
            table.note(
                "period_end", "period_grid", rows, lambda row: str(np.datetime64(int(self.days[row]), "D"))
            )
        self.series = {key: at for at, key in enumerate(dict.fromkeys(self.of_row))}
        self.by_entity = {}
        for key in self.series:
            self.by_entity.setdefault(key[0], []).append(key)
        self._lay_out(end)

    def _lay_out(self, end: int | None) -> None:
        """Give every period of every series a cell, those without a row too."""
        table = self.table
        self.number = np.array([self.series[key] for key in self.of_row], dtype=np.int64)
        count = len(self.series)
        first = np.full(count, np.iinfo(np.int64).max)
        last = np.full(count, np.iinfo(np.int64).min)
        np.minimum.at(first, self.number, self.month)
        np.maximum.at(last, self.number, self.month)
        if end is not None and count:
            month = int(np.datetime64(end, "D").astype("M8[M]").astype(np.int64))
            month += -(month + 1 - self.fiscal_year_end) % self.step
            last = np.maximum(last, month)
        if table.problems.issues:
            first[:], last[:] = 0, -self.step
        self.first = first
        self.lengths = (last - first) // self.step + 1
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        period = (self.month - first[self.number]) // self.step if count else self.month
        self.cell = self.offsets[:-1][self.number] + period if count else period
        if not table.problems.issues:
            order = np.argsort(self.cell, kind="stable")
            again = order[1:][self.cell[order][1:] == self.cell[order][:-1]]
            table.note(
                "period_end",
                "duplicate_period",
                np.sort(again).tolist(),
                lambda row: f"{np.datetime64(int(self.days[row]), 'D')} of {name_of(self.of_row[row])}",
            )
            if table.problems.bad is not None:  # none of the two is known to be right
                table.problems.bad |= np.isin(self.cell, self.cell[again])
        total = int(self.offsets[-1])
        within = np.arange(total) - np.repeat(self.offsets[:-1], self.lengths)
        self.months = np.repeat(first, self.lengths) + within * self.step
        self.dates = month_end_days(self.months) if total else np.empty(0, dtype=np.int64)
        if total:
            self.dates[self.cell] = self.days

    def measure(self, name: str) -> tuple[Array, Array]:
        """Return a measure by cell, and where it is known."""
        amounts, null = self.table.minor(name)
        values, known = (
            np.zeros(int(self.offsets[-1]), dtype=np.int64),
            np.zeros(int(self.offsets[-1]), dtype=np.int8),
        )
        if len(values):
            values[self.cell] = amounts
            known[self.cell] = ~null & ~self.blank
        return values, known


def name_of(series: Series) -> str:
    """Name a series in a message."""
    return ", ".join(str(part) for part in series if part is not None) or "the entity"


class Collector:
    """All that is wrong with several tables, raised together."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.n_rows: int | None = None
        self.opened: dict[str, SideTable] = {}

    def open(self, table: Any, label: str, required: Sequence[str], options: Options) -> SideTable | None:
        """Open a table; what is wrong with it is kept."""
        try:
            self.opened[label] = SideTable.open(table, label, required, options)
        except InputError as error:
            self.issues += error.issues
            return None
        return self.opened[label]

    def keep(self, problems: Problems) -> None:
        """Take over what was found wrong with a table."""
        self.issues += problems.issues

    def keep_named(self, table: SideTable, column: str) -> None:
        """Take over what was found wrong with a table, with the names of its rows."""
        names = table.values(column)
        for issue in table.problems.issues:
            ids = tuple(names[row] for row in issue.rows)
            self.issues.append(issue.located(table.frame.labels(issue.rows), ids) if ids else issue)

    def raise_all(self) -> None:
        """Raise what was kept."""
        if self.issues:
            raise InputError(self.issues, n_rows=self.n_rows, subject="covenants")
