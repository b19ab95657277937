"""Months of contracts and leases: read with all that is wrong, summed by item or group and period."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._columns import MONTHS, Array, last_days, periods_of
from neocalc._currencies import ISO_4217
from neocalc._groups import group_rows
from neocalc._options import Options, make_options
from neocalc._records import Layout, check_by, judge_names
from neocalc._side_tables import EPOCH_ORDINAL, SideTable, money_out
from neocalc.errors import ConfigError, InputError, Issue

MICRO = 1_000_000
OPTION_NAMES = ("freq", "fiscal_year_end", "start", "end", "amounts", "minor_units", "round_input")
_MOST = 2**63 - 1
_NO_NULLS = np.zeros(0, dtype=bool)


def month_of_day(day: int) -> int:
    """Return the months since January 1970 of a day since 1970-01-01."""
    date = dt.date.fromordinal(day + EPOCH_ORDINAL)
    return (date.year - 1970) * 12 + date.month - 1


def first_day(month: int) -> int:
    """Return the first day of a month."""
    years, months = divmod(month, 12)
    return dt.date(1970 + years, months + 1, 1).toordinal() - EPOCH_ORDINAL


def monthly_options(verb: str, given: Mapping[str, Any]) -> Options:
    """Check the options that schedules of a company's months share."""
    for name in given:
        if name not in OPTION_NAMES:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    # The names were just checked; the values are in there.
    return make_options(verb, dict(given))  # type: ignore[arg-type]


class ItemTable(SideTable):
    """A frame with an id for each row, such as the contracts of a company."""

    @classmethod
    def items(cls, data: Any, label: str, id_name: str, layout: Layout, options: Options) -> ItemTable:
        """Open a frame whose rows are told apart by an id."""
        table = cls.open(data, label, (), options)
        issues, _ = judge_names(table.frame.names, layout)
        if issues:
            raise InputError(issues, n_rows=table.frame.n, subject=label)
        table.id_name = id_name
        table.ids = table.values(id_name, required=True)
        counts = Counter(table.ids)
        again = [row for row, name in enumerate(table.ids) if name is not None and counts[name] > 1]
        table.note(id_name, "duplicate_id", again, lambda row: repr(table.ids[row]))
        currency = table.values("currency")
        unknown = [row for row, code in enumerate(currency) if code is not None and code not in ISO_4217]
        table.note("currency", "currency", unknown, lambda row: repr(currency[row]))
        return table

    id_name: str
    ids: list[Any]

    def note(self, name: str, code: str, rows: Sequence[int], example: Any, hint: str | None = None) -> None:
        """Record what is wrong with some rows; the frame's own columns need no prefix."""
        self.problems.rows(name, code, rows, self.frame.n, example, hint)

    def compare(self, name: str, code: str, rows: Sequence[int], example: Any, *others: str) -> None:
        """Record what is wrong between columns, of rows in which each is fine by itself."""
        bad = {
            row
            for column, _, at in self.problems.found
            if column in self._called(name, *others)
            for row in at
        }
        self.note(name, code, [row for row in rows if row not in bad], example)

    def _called(self, *names: str) -> set[str]:
        return {*names, *(f"{self.label}.{name}" for name in names)}

    def shares(self, name: str, default: int | None, most: int = 1) -> list[int | None]:
        """Return a column of shares as trillionths, at least 0 and at most `most`."""
        return read_shares(self, name, default, most)

    def raise_all(self, *others: SideTable) -> None:
        """Raise all that was found wrong with this frame and those beside it."""
        issues: list[Issue] = []
        for issue in self.problems.issues:
            column = issue.column.removeprefix(f"{self.label}.")
            ids = tuple(self.ids[row] for row in issue.rows)
            named = Issue.make(
                column, issue.code, n_bad=issue.n_bad, rows=issue.rows, example=issue.example, hint=issue.hint
            )
            issues.append(named.located(self.frame.labels(issue.rows), ids) if issue.rows else named)
        for other in others:
            issues += other.problems.issues
        if issues:
            raise InputError(issues, n_rows=self.frame.n, subject=self.label)


TRILLION = 10**12


def trillionths(value: Decimal) -> int:
    """Return a decimal of twelve places as a whole number of trillionths."""
    return int(value.scaleb(12))


def read_shares(table: SideTable, name: str, default: int | None, most: int = 1) -> list[int | None]:
    """Return a column of shares as trillionths, at least 0 and at most `most`; `default` where null."""
    found = table.decimals(name)
    below = [row for row, value in enumerate(found) if value is not None and value < 0]
    table.note(name, "range", below, lambda row: str(found[row]))
    above = [row for row, value in enumerate(found) if value is not None and value > most]
    table.note(name, "rate_unit", above, lambda row: str(found[row]))
    return [default if value is None else trillionths(value) for value in found]


@dataclass(slots=True)
class Ledger:
    """A row for each item, phase and month in which there is something, months ascending."""

    names: tuple[str, ...]
    item: list[int] = field(default_factory=list)
    phase: list[int] = field(default_factory=list)
    month: list[int] = field(default_factory=list)
    amounts: list[tuple[int | None, ...]] = field(default_factory=list)

    def add(self, item: int, phase: int, month: int, *amounts: int | None) -> None:
        """Write a row; amounts stand in the order of the names."""
        self.item.append(item)
        self.phase.append(phase)
        self.month.append(month)
        self.amounts.append(amounts)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a schedule: flows, and balances with the name of their opening (None: not shown)."""

    flows: tuple[str, ...]
    balances: tuple[tuple[str | None, str], ...]
    order: tuple[str, ...]
    counts: tuple[str, ...] = ()  # flows in millionths of a unit, not money
    phases: tuple[str, ...] = ()


@dataclass(slots=True)
class _Cells:
    """Sums over the rows of one key (an item or a group, with a phase) and period."""

    key: Array
    phase: Array
    period: Array
    flows: dict[str, tuple[Array, Array]]
    moved: dict[str, Array]
    closing: dict[str, tuple[Array, Array]]


class Layouter:
    """Makes the frame of a schedule out of its ledger."""

    def __init__(self, table: ItemTable, shape: Shape, by: Any) -> None:
        self.table, self.shape, self.options = table, shape, table.options
        args = table.options.settings_args
        self.length, self.year_end = MONTHS[args["freq"]], args["fiscal_year_end"]
        self.horizon = (args["start"], args["end"])
        reserved = frozenset((*shape.order, "period_end")) - {"phase"}
        self.by = None if by is None else check_by(by, reserved)
        self.names = [name for name in self.by or () if name != "phase" or not shape.phases]
        issues = [Issue.make(name, "missing_column") for name in self.names if name not in table]
        if issues:
            raise InputError(issues, n_rows=table.frame.n, subject=table.label)
        self.by_phase = by is None or ("phase" in self.by_or_none and bool(shape.phases))
        if self.by is not None and "currency" in table and "currency" not in self.names:
            codes, n, _ = table.frame.codes("currency")
            mixed = group_rows(table.frame.codes, self.names).mixed(codes, n, None)
            if len(mixed):
                issue = Issue.make("currency", "currency_mix", n_bad=len(mixed), rows=mixed[:5].tolist())
                raise InputError([issue], n_rows=table.frame.n, subject=table.label)

    @property
    def by_or_none(self) -> list[str]:
        """Return the keys, none for rows of items."""
        return self.by or []

    def months(self) -> tuple[int | None, int | None]:
        """Return the first and the last month of the horizon, which covers whole periods."""
        first, last = (None if day is None else self._period(month_of_day(day)) for day in self.horizon)
        return (
            None if first is None else (first - 1) * self.length + self.year_end,
            None if last is None else last * self.length + self.year_end - 1,
        )

    def _period(self, month: int) -> int:
        return int(periods_of(np.array([month]), self.length, self.year_end)[0])

    def build(self, ledger: Ledger) -> Any:
        """Return the frame that the user gets."""
        item = np.array(ledger.item, dtype=np.int64)
        phase = np.array(ledger.phase, dtype=np.int64)
        period = periods_of(np.array(ledger.month, dtype=np.int64), self.length, self.year_end)
        keep = np.ones(len(period), dtype=bool)
        for day, side in zip(self.horizon, (1, -1), strict=True):
            if day is not None:
                keep &= (period - self._period(month_of_day(day))) * side >= 0
        money = self._columns(ledger, keep)
        item, phase, period = item[keep], phase[keep], period[keep]
        rows = self._sum(item, phase, period, money)
        return self._items_frame(rows) if self.by is None else self._groups_frame(rows)

    def _columns(self, ledger: Ledger, keep: Array) -> dict[str, tuple[Array, Array]]:
        """Return each column as int64 with a mask of nulls; what may not fit in sums is refused."""
        kept = [row for row, there in zip(ledger.amounts, keep.tolist(), strict=True) if there]
        columns: dict[str, tuple[Array, Array]] = {}
        for at, name in enumerate(ledger.names):
            values = [row[at] for row in kept]
            if sum(abs(value) for value in values if value is not None) > _MOST:
                issue = Issue.make(name, "overflow")
                raise InputError([issue], n_rows=self.table.frame.n, subject=self.table.label)
            null = np.array([value is None for value in values], dtype=bool)
            columns[name] = np.array([value or 0 for value in values], dtype=np.int64), null
        return columns

    def _sum(
        self, item: Array, phase: Array, period: Array, money: Mapping[str, tuple[Array, Array]]
    ) -> _Cells:
        """Sum the months of each item, phase and period; balances are those of the last month."""
        width = int(period.max() - period.min() + 1) if len(period) else 1
        low = int(period.min()) if len(period) else 0
        phases = max(1, len(self.shape.phases))
        # In the order of the rows: item, period, phase.
        code = (item * width + (period - low)) * phases + phase
        unique, at = np.unique(code, return_inverse=True)
        size = len(unique)
        flows, moved, closing = {}, {}, {}
        for name in self.shape.flows:
            flows[name] = _added(*money[name], at, size)
        for opening, name in self.shape.balances:
            values, null = money[name]
            last, unknown = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
            last[at], unknown[at] = values, null  # months ascend, and the last one written stays
            closing[name] = last, unknown
            if opening is not None:
                moved[name] = _added(values - money[opening][0], _NO_NULLS, at, size)[0]
        key, rest = np.divmod(unique, width * phases)
        return _Cells(key, rest % phases, rest // phases + low, flows, moved, closing)

    def _money(self, rows: _Cells) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        for name in self.shape.flows:
            values, null = rows.flows[name]
            if name in self.shape.counts:
                numbers = values.astype(np.float64) / MICRO
                columns[name] = self.table.frame.money_out(numbers, null if null.any() else None)
            else:
                columns[name] = self._out(values, null)
        for opening, name in self.shape.balances:
            values, null = rows.closing[name]
            if opening is not None:
                columns[opening] = self._out(values - rows.moved[name], null)
            columns[name] = self._out(values, null)
        return columns

    def _out(self, values: Array, null: Array) -> Any:
        return money_out(self.table.frame, self.options, values, null if null.any() else None)

    def _finish(self, columns: dict[str, Any], rows: _Cells) -> Any:
        frame, shape = self.table.frame, self.shape
        ends = last_days(rows.period * self.length + self.year_end - 1)
        columns["period_end"] = frame.dates_out(ends)
        if shape.phases and self.by is None:
            columns["phase"] = frame.categorical(rows.phase.astype(np.int8), shape.phases, ordered=False)
        money = self._money(rows)
        for name in shape.order:
            if name in money:
                columns[name] = money[name]
        return frame.build(columns)

    def _items_frame(self, rows: _Cells) -> Any:
        codes, _, uniques = self.table.frame.codes(self.table.id_name)
        taken = codes[rows.key] if len(codes) else rows.key
        ids = self.table.frame.take(uniques, np.asarray(taken, dtype=np.int32))
        return self._finish({self.table.id_name: ids}, rows)

    def _groups_frame(self, rows: _Cells) -> Any:
        """Sum items by group: each group, and phase of it, has every period."""
        frame, shape = self.table.frame, self.shape
        groups = group_rows(frame.codes, self.names)
        n = self.table.frame.n
        own = np.zeros(n, dtype=np.int64) if groups.codes is None else groups.codes.astype(np.int64)
        own = np.where(own < 0, groups.n, own)
        phases = max(1, len(shape.phases)) if self.by_phase else 1
        phase = rows.phase if self.by_phase else np.zeros_like(rows.phase)
        pair = own[rows.key] * phases + phase if n else rows.key
        # Without a phase every group of the frame is shown, with one what there is.
        shown = np.unique(pair) if self.by_phase else np.unique(own)
        first, last = self._span(rows.period)
        width = max(0, last - first + 1)
        at = np.searchsorted(shown, pair) * width + (rows.period - first)
        size = len(shown) * width
        flows = {name: _added(*rows.flows[name], at, size) for name in shape.flows}
        closing, moved = {}, {}
        for _, name in shape.balances:
            # Items have rows in every month from when on they have anything until nothing is left.
            closing[name] = _added(*rows.closing[name], at, size)
            if name in rows.moved:
                moved[name] = _added(rows.moved[name], _NO_NULLS, at, size)[0]
        keys, at_phase = np.divmod(np.repeat(shown, width), phases)
        period = np.tile(np.arange(first, first + width), len(shown))
        columns: dict[str, Any] = {}
        decoded = {
            name: frame.take(uniques, np.asarray(key[keys], dtype=np.int32))
            for name, uniques, key in zip(groups.names, groups.uniques, groups.keys, strict=True)
        }
        for name in self.by_or_none:
            if name in decoded:
                columns[name] = decoded[name]
            else:
                columns[name] = frame.categorical(at_phase.astype(np.int8), shape.phases, ordered=False)
        cells = _Cells(keys, at_phase, period, flows, moved, closing)
        return self._finish(columns, cells)

    def _span(self, period: Array) -> tuple[int, int]:
        """Return the first and the last period."""
        first, last = (int(period.min()), int(period.max())) if len(period) else (0, -1)
        if self.horizon[0] is not None:
            first = self._period(month_of_day(self.horizon[0]))
        if self.horizon[1] is not None:
            last = self._period(month_of_day(self.horizon[1]))
        return first, last


def _added(values: Array, null: Array, at: Array, size: int) -> tuple[Array, Array]:
    """Sum values at their places; where one is null the sum is."""
    out, unknown = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
    np.add.at(out, at, values)
    if len(null):
        unknown[at[null]] = True
    return out, unknown


def check_end(verb: str, options: Options, why: str) -> None:
    """Refuse a schedule that has no end of its own."""
    if options.settings_args["end"] is None:
        raise ConfigError(f"{verb} needs end=, since {why}")
