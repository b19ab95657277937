"""The books of loans as the core keeps them, and sums of their rows by group and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import MONTHS, Array, last_days, months_of, periods_of
from neocalc._exact import add_up
from neocalc._groups import Groups
from neocalc._loan_options import LoanOptions
from neocalc._loans import LoanColumns, split_given
from neocalc._options import choice
from neocalc._output import attempt, finish, money_column
from neocalc._records import guarded
from neocalc.errors import ConfigError, InputError, Issue, Issues

_NOT_SOLVED = "no_root"


@dataclass(slots=True)
class Books:
    """Rows of all loans, one after the other, in whole minor units."""

    data: LoanColumns
    rate: Array  # of each loan: its effective rate, or where it floats the spread over its own
    loan: Array  # of each row, the loan it belongs to
    columns: dict[str, Array]

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    @property
    def options(self) -> LoanOptions:
        """Options of the call."""
        return self.data.options

    def where(self, rows: Array) -> Books:
        """Return some of the rows."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Books(self.data, self.rate, self.loan[rows], columns)

    def ids(self, rows: Array | None = None) -> Any:
        """Return the loan of each row (or the loans of these numbers) as a column."""
        loans = self.loan if rows is None else rows
        keep = self.options.keep_id_dtype or not self.data.ids_are_unique
        return self.data.frame.ids(keep).by_position(loans.astype(np.int32))

    def money(self, values: Array, null: Array | None = None) -> Any:
        """Return amounts as a column of the kind asked for."""
        return money_column(self.data, np.ascontiguousarray(values), null)

    def build(self, columns: dict[str, Any]) -> Any:
        """Make a frame of the user's kind."""
        return finish(self.data, self.data.frame.build(columns))


def loan_options(
    verb: str, given: Mapping[str, Any], leave: Sequence[str] = ()
) -> tuple[LoanOptions, dict[str, Any]]:
    """Split what a verb was given into options, and frames beside the loans."""
    for name in leave:
        if name in given:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    checked, beside = split_given(verb, given)
    if not checked.rounded:
        raise ConfigError(f"{verb} keeps books in whole minor units: not rounding=None")
    choice("on_error", checked.on_error, ("raise", "skip"))
    return checked, beside


def open_loans(loans: Any, options: LoanOptions, beside: dict[str, Any]) -> LoanColumns:
    """Read loans whose rows are told apart in the result."""
    return LoanColumns(loans, options, index_is_id=True, **beside)


def keep_books(
    data: LoanColumns,
    *,
    measured: bool,
    observed: bool = False,
    observed_on: int | None = None,
    as_of: int | None = None,
) -> Books:
    """Keep the books of all good loans; what is wrong with the others is settled.

    `observed` gives them rows at the ends of periods, `observed_on` one on a day. With `as_of` what is drawn
    after that day is left out, and what it would have repaid.
    """
    settings = data.options.settings
    if observed_on is not None:
        settings = settings.observing_on(observed_on)
    if as_of is not None:
        settings = settings.drawn_until(as_of)
    if observed:
        settings = settings.observing()
    log, counts, rates, columns = attempt(
        data,
        (),
        lambda core: _core.loan_books(core, settings, measured),
        lambda found: [issue for issue in found[0] if issue[1] != _NOT_SOLVED],
    )
    if log:
        _refuse(data, log, rates)
        log, counts, rates, columns = guarded(_core.loan_books, data.core(), settings, measured)
    counts = np.asarray(counts)
    loan = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return Books(
        data, np.asarray(rates), loan, {name: np.asarray(values) for name, values in columns.items()}
    )


def _refuse(data: LoanColumns, log: Sequence[_core.IssueTuple], rates: Array) -> None:
    """Raise, or leave out, loans without an effective rate: they are seen only when books are kept."""
    issues = [
        data.locate(Issue.make(column, code, n_bad=n, rows=rows, example=example))
        for column, code, n, rows, example in log
    ]
    if data.options.on_error == "raise":
        raise InputError(issues, n_rows=data.n, subject=data.subject)
    bad = np.isnan(np.asarray(rates))
    if data.skip is not None:
        bad &= ~data.skip
    data.issues = Issues([*(data.issues or ()), *issues])
    data.bad = bad if data.bad is None else data.bad | bad
    data.skip = bad if data.skip is None else data.skip | bad
    data._made = None


@dataclass(slots=True)
class Cells:
    """Sums by group and period; before the first period stands what came before."""

    data: LoanColumns
    groups: Groups
    shown: Array  # numbers of the groups
    ends: Array  # last days of the periods
    place: Array  # of each row, its group among the shown times the periods and one more
    kept: Array  # which rows are not after the last period

    def sum(self, values: Array) -> Array:
        """Return sums by group and period, the first column what came before."""
        width = len(self.ends) + 1
        return add_up(self.place, values[self.kept], len(self.shown) * width).reshape(len(self.shown), width)

    def flow(self, values: Array) -> Array:
        """Return what moved in each period."""
        return self.sum(values)[:, 1:].reshape(-1)

    def balance(self, values: Array) -> tuple[Array, Array]:
        """Return the running sum at the start and at the end of each period."""
        through = np.cumsum(self.sum(values), axis=1)
        return through[:, :-1].reshape(-1), through[:, 1:].reshape(-1)

    def frame(self, money: dict[str, Array]) -> Any:
        """Make a frame of the cells, ordered by group and period."""
        frame, periods = self.data.frame, len(self.ends)
        columns = self.keys(periods)
        columns["period_end"] = frame.dates_out(self.dates())
        for name, values in money.items():
            columns[name] = money_column(self.data, np.ascontiguousarray(values))
        return finish(self.data, frame.build(columns))

    def keys(self, times: int) -> dict[str, Any]:
        """Return the key columns, each group so many times."""
        return {
            name: self.data.frame.take(uniques, np.repeat(key[self.shown], times))
            for name, uniques, key in zip(
                self.groups.names, self.groups.uniques, self.groups.keys, strict=True
            )
        }

    def dates(self) -> Array:
        """Return the last day of each cell's period, as the core writes dates."""
        return dates_for(self.data, np.tile(self.ends, len(self.shown)))


def dates_for(data: LoanColumns, days: Array) -> Array:
    """Return days since 1970 in the unit that this kind of frame takes."""
    dtype = data.frame.date_dtype
    if dtype == np.int32:
        return days.astype(np.int32)
    return days.astype(np.int64) * 86_400_000_000


def group_loans(books: Books, groups: Groups) -> tuple[Array, Array]:
    """Return each loan's group (nulls are the last), and the groups that some loan is in."""
    n = books.data.n
    codes = np.zeros(n, dtype=np.int64) if groups.codes is None else groups.codes.astype(np.int64)
    codes = np.where(codes < 0, groups.n, codes)
    kept = codes if books.data.skip is None else codes[~books.data.skip]
    return codes, np.unique(kept)


def loans_as_groups(books: Books) -> Groups:
    """Make a group of each loan."""
    n = books.data.n
    return Groups(["loan_id"], np.arange(n, dtype=np.int64), n, [None], [np.arange(n + 1, dtype=np.int64)])


def cells(books: Books, groups: Groups, day: Array, freq: str, year_end: int, horizon: Any) -> Cells:
    """Lay rows of a `day` out by group and period; `horizon` are the first and last day, or None."""
    codes, shown = group_loans(books, groups)
    length = MONTHS[freq]
    period = periods_of(months_of(day), length, year_end)
    first, last = (int(period.min()), int(period.max())) if len(period) else (0, -1)
    if horizon[0] is not None:
        first = _period(horizon[0], length, year_end)
    if horizon[1] is not None:
        last = _period(horizon[1], length, year_end)
    numbers = np.arange(first, max(last, first - 1) + 1)
    ends = last_days(numbers * length + year_end - 1)
    kept = period <= last
    column = np.clip(period[kept] - first + 1, 0, None)
    at = np.searchsorted(shown, codes[books.loan[kept]])
    return Cells(books.data, groups, shown, ends, at * (len(numbers) + 1) + column, kept)


def _period(day: int, length: int, year_end: int) -> int:
    return int(periods_of(months_of(np.array([day])), length, year_end)[0])
