"""Tables of debt, depreciation and cash flow, read into cells of series and periods that covenants measure.

A loan, an asset or a total is a record: rows that open with what the one before closed with. It says what
was owed or booked at every period's end from its first row to its last, and that nothing was before it where
it opens with nothing and nothing is after it where it closes with nothing. Between the first and the last
month of its table it stays as it is without rows; beyond, a record that is not empty is not known. Rows of a
cash flow say what is in them and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._covenant_grid import FREQUENCIES, MAX_DAYS_OFF, month_end_days, months_of, name_of
from neocalc._currencies import ISO_4217
from neocalc._frames import nearest
from neocalc._groups import group_rows
from neocalc._loan_options import MONEY_COLUMNS as LOAN_MONEY
from neocalc._loan_options import MORE_MONEY_COLUMNS as MORE_LOAN_MONEY
from neocalc._loan_options import ROW_COLUMNS
from neocalc._options import EVENT_COLUMNS, MONEY_COLUMNS, NOTE_COLUMNS
from neocalc._side_tables import SideTable, plain
from neocalc.errors import ConfigError, InputError

Series = tuple[Any, Any]  # entity, currency
ENTITY, CURRENCY = "entity_id", "currency"
# What the rows of a debt table are called where they are measured.
DEBT_FLOWS = {
    "interest": "interest",
    "principal": "principal",
    "prepayment": "prepayments",
    "fee": "fees",
    "pik": "pik_interest",
    "draw": "draws",
}
DEPRECIATION_FLOWS = {"depreciation": "depreciation", "impairment": "impairment", "additions": "additions"}
CASH_FLOWS = (
    "cfads",
    "debt_service",
    "interest",
    "principal",
    "ebitda",
    "capex",
    "taxes",
    "revenue",
    "billed_revenue",
    "contracted_revenue",
    "largest_customer_revenue",
)
CASH_BALANCES = (
    "cash",
    "restricted_cash",
    "undrawn_commitments",
    "total_debt",
    "collateral_value",
    "receivables",
    "current_liabilities",
    "cfads_present_value",
)
# Columns of results that are neither amounts of their own nor keys of a total.
_NO_KEYS = frozenset(
    (
        *LOAN_MONEY,
        *MORE_LOAN_MONEY,
        *ROW_COLUMNS,
        *MONEY_COLUMNS,
        *NOTE_COLUMNS,
        *EVENT_COLUMNS,
        *("payment_number", "payment_date", "period_end", "date", "issue", "policy"),
    )
)
_IDS = {"debt": ("loan_id", "facility_id"), "depreciation": ("asset_id", "facility_id"), "cashflow": ()}
_MOST = 2**62


@dataclass(slots=True)
class Read:
    """A table with its rows' series and days, before it is known which periods there are."""

    table: SideTable
    series: list[Series]
    of_row: Array  # the series of each row, by number
    days: Array
    months: Array
    by_period: bool  # rows stand for periods, not for days
    step: int  # months from one period to the next

    @property
    def label(self) -> str:
        """What the table is called."""
        return self.table.label


@dataclass(slots=True)
class Whose:
    """How a table says whose a row is: a column of its own, or a table beside it."""

    column: str = ENTITY
    beside: SideTable | None = None


class Reader:
    """Reads one table."""

    def __init__(self, table: SideTable, whose: Whose, step: int, fiscal_year_end: int) -> None:
        self.table, self.whose = table, whose
        self.step, self.fiscal_year_end = step, fiscal_year_end

    def read(self, source_step: int | None) -> Read:
        """Read series and days; what is wrong is noted on the table."""
        table = self.table
        name = next(
            (name for name in ("payment_date", "date", "period_end") if name in table and self._fits(name)),
            None,
        )
        if name is None:
            hint = nearest("period_end", table.frame.names)
            table.problems.column(f"{table.label}.period_end", "missing_column", hint=hint)
            table.raise_problems()
        name = name or "period_end"
        by_period = name == "period_end"
        series, of_row = self._series()
        days = np.array(table.days(name), dtype=np.int64)
        near, off = months_of(days)
        months = near if by_period else days.astype("M8[D]").astype("M8[M]").astype(np.int64)
        step = 1
        if by_period and table.frame.n and not table.problems.issues:
            step = self._step_of(months, source_step)
            astray = (off > MAX_DAYS_OFF) | ((months + 1 - self.fiscal_year_end) % step != 0)
            table.note(
                name,
                "period_grid",
                np.flatnonzero(astray).tolist(),
                lambda row: str(np.datetime64(int(days[row]), "D")),
            )
        return Read(table, series, of_row, days, months, by_period, step)

    def _fits(self, name: str) -> bool:
        """Whether a table of this kind is dated by such a column."""
        return name == "period_end" or (name == "payment_date") == (self.table.label == "debt")

    def _step_of(self, months: Array, given: int | None) -> int:
        """Return how many months its periods have, as its rows or the caller say."""
        label = self.table.label
        gaps = np.diff(np.unique(months))
        if given is None and not len(gaps):
            raise ConfigError(
                f"{label} has a single period: say how long it is with source_freq='M', 'Q' or 'Y'"
            )
        step = int(given or max(known for known in (1, 3, 12) if known <= gaps.min()))
        if step > self.step:
            freq = next(name for name, months in FREQUENCIES.items() if months == self.step)
            hint = f"its periods have {step} months, those of freq={freq!r} {self.step}: ask for longer ones"
            self.table.problems.column(f"{label}.period_end", "period_grid", hint=hint)
        return step

    # --- whose a row is -------------------------------------------------------------------------------------

    def _series(self) -> tuple[list[Series], Array]:
        """Return the series that the rows belong to, and which of them each row's is."""
        table, whose = self.table, self.whose
        own = [name for name in (whose.column, CURRENCY) if name in table]
        if whose.column != ENTITY and whose.column not in table:
            hint = nearest(whose.column, table.frame.names)
            table.problems.column(f"{table.label}.{whose.column}", "missing_column", hint=hint)
            table.raise_problems()
        n = table.frame.n
        codes, values = {}, {}
        for name in own:
            codes[name], values[name] = _coded(table, name)
            table.note(name, "null", np.flatnonzero(codes[name] < 0).tolist(), lambda _: "null")
        entity = (codes.pop(whose.column), values.pop(whose.column)) if whose.column in own else None
        currency = (codes[CURRENCY], values[CURRENCY]) if CURRENCY in codes else None
        if whose.beside is not None and (entity is None or currency is None):
            entity, currency = self._from_beside(whose.beside, entity, currency)
        blank = (np.zeros(n, dtype=np.int64), [None])
        (entities, names), (currencies, units) = entity or blank, currency or blank
        wrong = np.array([unit is not None and unit not in ISO_4217 for unit in units], dtype=bool)
        if wrong.any():
            rows = np.flatnonzero(wrong[currencies] & (currencies >= 0))
            table.note(CURRENCY, "currency", rows.tolist(), lambda row: repr(units[currencies[row]]))
        if n and not (
            names and units
        ):  # all null, which is noted, here or in the table that says whose they are
            for noted in (table, whose.beside):
                if noted is not None:
                    noted.raise_problems()
        pairs = entities.astype(np.int64) * max(len(units), 1) + currencies
        there, of_row = np.unique(pairs, return_inverse=True)
        series = (
            [(names[pair // len(units)], units[pair % len(units)]) for pair in there.tolist()] if n else []
        )
        return series, of_row.astype(np.int64)

    def _from_beside(self, beside: SideTable, entity: Any, currency: Any) -> tuple[Any, Any]:
        """Look rows up by their id in the table that says whose they are."""
        table = self.table
        ids = [name for name in (*_IDS[table.label], *table.frame.names) if name in table and name in beside]
        ids = [name for name in ids if name not in (ENTITY, CURRENCY) and name not in _NO_KEYS]
        if not ids:
            there = ", ".join(map(str, beside.frame.names))
            table.problems.column(
                f"{table.label}.{(_IDS[table.label] or (ENTITY,))[0]}",
                "missing_column",
                hint=f"entity= is by {there}",
            )
            table.raise_problems()
        name = ids[0]
        codes, names = _coded(table, name)
        known = beside.values(name, required=True)
        place: dict[Any, int] = {}
        again = [
            row
            for row, value in enumerate(known)
            if value is not None and place.setdefault(value, row) != row
        ]
        beside.note(name, "duplicate_id", again, lambda row: repr(known[row]))
        rows = np.array([*(place.get(value, -1) for value in names), -1], dtype=np.int64)[codes]
        lost = np.flatnonzero(rows < 0).tolist()
        table.note(name, "unknown_id", lost, lambda row: repr([*names, None][codes[row]]))
        found: list[Any] = []
        for column, given in ((ENTITY, entity), (CURRENCY, currency)):
            if given is not None or column not in beside:
                found.append(given)
                continue
            own, values = _coded(beside, column)
            beside.note(column, "null", np.flatnonzero(own < 0).tolist(), lambda _: "null")
            found.append((own[rows] if len(own) else rows, values))
        return found[0], found[1]


def _coded(table: SideTable, name: str) -> tuple[Array, list[Any]]:
    """Return a column as codes and values; values that cannot be told apart are a problem."""
    try:
        codes, n, uniques = table.frame.codes(name)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - each library has its own for such values
        table.problems.column(f"{table.label}.{name}", "dtype", type(error).__name__)
        raise InputError(table.problems.issues, n_rows=table.frame.n) from None
    return np.asarray(codes, dtype=np.int64), [
        plain(value) for value in (table.frame.uniques(uniques) if n else [])
    ]


def _numbers(table: SideTable, name: str) -> Array:
    """Return a column of whole numbers, zeros where there is none; what is no such number is a problem."""
    n = table.frame.n
    if name not in table:
        return np.zeros(n, dtype=np.int64)
    raw = table.frame.raw(name)
    if raw.refuse is None and raw.null is None and not raw.text and raw.values.dtype.kind == "i":
        return np.asarray(raw.values, dtype=np.int64)
    found = table.counts(name, most=2**31 - 1)
    if not any(issue.column == f"{table.label}.{name}" for issue in table.problems.issues):
        table.note(name, "null", [row for row, one in enumerate(found) if one is None], lambda _: "null")
    table.raise_problems()
    return np.array(found, dtype=np.int64)


# --- cells --------------------------------------------------------------------------------------------------


class Cells:
    """Series x periods; the ends of the periods may differ by series."""

    def __init__(self, months: Array, step: int, n_series: int) -> None:
        self.months, self.step = months, step  # the months of the periods' ends
        self.ends = np.repeat(month_end_days(months)[None, :], n_series, axis=0)

    def period(self, months: Array) -> Array:
        """Return the number of the period that each month falls into."""
        return np.asarray(-((self.months[0] - months) // self.step))

    def of(self, read: Read) -> Array:
        """Return the number of the period that each row falls into."""
        period = self.period(read.months)
        if not read.by_period and len(period):  # a 52/53-week period ends on a day of its own
            period = period + (read.days > self.ends[read.of_row, period])
            before = np.maximum(period - 1, 0)
            period = period - ((period > 0) & (read.days <= self.ends[read.of_row, before]))
        return period


class Measure:
    """A measure by cell: its amount, and whether it is known."""

    def __init__(self, cells: Cells) -> None:
        self.values = np.zeros(cells.ends.shape, dtype=np.int64)
        self.known = np.ones(cells.ends.shape, dtype=bool)
        self._size = np.zeros(cells.ends.shape)

    def add(self, series: Array, period: Array, amounts: Array) -> None:
        """Add amounts to cells."""
        np.add.at(self._size, (series, period), np.abs(amounts.astype(np.float64)))
        np.add.at(self.values, (series, period), amounts)

    def add_measure(self, other: Measure) -> None:
        """Add another measure, cell by cell."""
        self._size += other._size
        self.values += other.values
        self.known &= other.known

    def run_on(self, base: Measure) -> None:
        """Make balances of changes, on top of what there was before the first period."""
        self._size = np.cumsum(self._size, axis=1) + base._size[:, :1]
        self.values = np.cumsum(self.values, axis=1) + base.values[:, :1]

    @property
    def fits(self) -> bool:
        """Whether no sum can have left 64 bits."""
        return bool((self._size < _MOST).all())


def known_table(read: Read, cells: Cells) -> tuple[int, int]:
    """Return the first period that the table covers from its beginning, and the first not to its end."""
    first, last = int(read.months.min()), int(read.months.max())
    if read.by_period:
        first -= read.step - 1
    period = int(cells.period(np.array(first)))
    begins_before = int(cells.months[period]) - cells.step + 1 < first
    return period + begins_before, int(cells.period(np.array(last + 1)))


class Records:
    """The records of a table: rows in the order of records and days."""

    def __init__(self, read: Read, cells: Cells, opening: Array | None, closing: Array | None) -> None:
        table, n = read.table, read.table.frame.n
        self.read, self.cells = read, cells
        ids = [name for name in ("loan_id", "draw_number", "asset_id") if name in table]
        if not {"loan_id", "asset_id"} & set(ids):
            ids = [name for name in table.frame.names if name not in _NO_KEYS]
        for name in ids:  # values that cannot be told apart
            _coded(table, name)
        groups = group_rows(table.frame.codes, ids)
        record = np.zeros(n, np.int64) if groups.codes is None else np.asarray(groups.codes, dtype=np.int64)
        numbers = _numbers(table, "payment_number")
        self.order = np.lexsort([numbers, read.days, record, read.of_row])
        own, series = record[self.order], read.of_row[self.order]
        self.follows = np.zeros(n, dtype=bool)  # whether a row continues the one before it
        self.follows[1:] = (own[1:] == own[:-1]) & (series[1:] == series[:-1])
        self.months, self.numbers = read.months[self.order], numbers[self.order]
        self.series, self.period = series, cells.of(read)[self.order]
        self.opening = None if opening is None else opening[self.order]
        self.closing = None if closing is None else closing[self.order]
        self._check()
        self.gaps = self._gaps()
        self.begins, self.ends = ~self.follows, ~np.append(self.follows[1:], False)

    def _check(self) -> None:
        """Note rows that stand twice, and those that do not continue what stands before them."""
        read, table = self.read, self.read.table
        apart = np.zeros(len(self.order), dtype=np.int64)
        apart[1:] = self.months[1:] - self.months[:-1]
        again = self.follows & (apart == 0) if read.by_period else np.zeros(len(self.order), dtype=bool)
        rows = np.sort(self.order[again])
        date = "period_end" if read.by_period else "payment_date"
        table.note(
            date, "duplicate_period", rows.tolist(), lambda row: str(np.datetime64(int(read.days[row]), "D"))
        )
        if self.opening is None or self.closing is None or len(rows):
            return
        name = "opening_balance" if table.label == "debt" else "opening_book_value"
        broken = self.follows.copy()
        broken[1:] &= self.opening[1:] != self.closing[:-1]
        if read.by_period:
            broken &= apart == read.step
        broken[1:] |= self.follows[1:] & (self.numbers[1:] - self.numbers[:-1] > 1)
        rows = np.sort(self.order[broken])
        table.note(name, "roll_forward", rows.tolist(), lambda row: str(table.frame.raw(name).values[row]))

    def _gaps(self) -> Array:
        """Return the cells in which a record of periods lacks some."""
        found = np.zeros(self.cells.ends.shape, dtype=bool)
        if not self.read.by_period:
            return found
        step = self.read.step
        at = np.flatnonzero(self.follows[1:] & (self.months[1:] - self.months[:-1] > step)) + 1
        edges = np.zeros((len(found), len(self.cells.months) + 1), dtype=np.int64)
        np.add.at(edges, (self.series[at], self.cells.period(self.months[at - 1] + step)), 1)
        np.add.at(edges, (self.series[at], self.cells.period(self.months[at] - step) + 1), -1)
        return np.asarray(np.cumsum(edges, axis=1)[:, :-1] > 0)

    def _open(self) -> tuple[Array, Array]:
        """Return which series have records with something before their first row, and after their last."""
        found = []
        for amounts, at in ((self.opening, self.begins), (self.closing, self.ends)):
            some = np.zeros(self.cells.ends.shape[0], dtype=bool)
            rows = at if amounts is None else at & (amounts != 0)
            some[self.series[rows]] = True
            found.append(some)
        return found[0], found[1]

    def _known(self, first: int, last: int) -> Array:
        """Return the cells that are known: between two periods, and where nothing is open outside."""
        before, after = self._open()
        known = np.zeros(self.cells.ends.shape, dtype=bool)
        known[np.unique(self.series)] = True  # nothing is said of who has no rows
        known[before, :first] = False
        known[after, last:] = False
        return known & ~self.gaps

    def flow(self, amounts: Array, null: Array) -> Measure:
        """Sum a column into cells."""
        found = Measure(self.cells)
        amounts, null = amounts[self.order], null[self.order]
        found.add(self.series, self.period, np.where(null, 0, amounts))
        found.known = self._known(*known_table(self.read, self.cells))
        found.known[self.series[null], self.period[null]] = False
        return found

    def balance(self) -> Measure:
        """Return what is open at the end of each period."""
        found, base = Measure(self.cells), Measure(self.cells)
        if self.opening is None or self.closing is None:
            raise AssertionError  # asked for where both are there
        zero = np.zeros(int(self.begins.sum()), dtype=np.int64)
        base.add(self.series[self.begins], zero, self.opening[self.begins])
        before = np.where(self.begins, self.opening, np.concatenate([[0], self.closing[:-1]]))
        found.add(self.series, self.period, self.closing - before)
        found.run_on(base)
        first = int(self.cells.period(np.array(int(self.months.min()))))
        found.known = self._known(first, known_table(self.read, self.cells)[1])
        return found


class CashFlow:
    """The rows of a cash flow."""

    def __init__(self, read: Read, cells: Cells) -> None:
        self.read, self.cells, self.period = read, cells, cells.of(read)
        self.order = np.lexsort([read.days, read.of_row])
        if read.by_period:
            self._note_again(read.months, self.order, "duplicate_period")

    def _note_again(self, place: Array, order: Array, code: str) -> None:
        """Note rows of a series that stand at the place of the one before."""
        read = self.read
        same = (np.diff(read.of_row[order]) == 0) & (np.diff(place[order]) == 0)
        rows = np.sort(order[1:][same]).tolist()

        def example(row: int) -> str:
            return f"{np.datetime64(int(read.days[row]), 'D')} of {name_of(read.series[read.of_row[row]])}"

        read.table.note("period_end" if read.by_period else "date", code, rows, example)

    def flow(self, amounts: Array, null: Array) -> Measure:
        """Sum a column into cells; a cell that lacks a row, or has a null, is not known."""
        found, at = Measure(self.cells), (self.read.of_row, self.period)
        found.add(*at, np.where(null, 0, amounts))
        if self.read.by_period:
            rows = np.zeros(self.cells.ends.shape, dtype=np.int64)
            np.add.at(rows, at, 1)
            found.known = rows == self.cells.step // self.read.step
        else:
            first, last = known_table(self.read, self.cells)
            found.known[:] = False
            found.known[np.unique(self.read.of_row), first:last] = True
        found.known[at[0][null], at[1][null]] = False
        return found

    def balance(self, amounts: Array, null: Array) -> Measure:
        """Return a column at the end of each period: of the row that ends there, or the last one by then."""
        found = Measure(self.cells)
        found.known[:] = False
        read, months = self.read, self.cells.months
        if read.by_period:
            rows = np.flatnonzero(~null & (months[self.period] == read.months))
            found.values[read.of_row[rows], self.period[rows]] = amounts[rows]
            found.known[read.of_row[rows], self.period[rows]] = True
            return found
        rows = self.order[~null[self.order]]
        self._note_again(read.days, rows, "duplicate_date")
        last = np.zeros(self.cells.ends.shape, dtype=np.int64)
        np.maximum.at(last, (read.of_row[rows], self.period[rows]), np.arange(1, len(rows) + 1))
        last = np.maximum.accumulate(last, axis=1)
        until = known_table(read, self.cells)[1]
        found.known = (last > 0) & (np.arange(len(months)) < until)
        found.values = np.where(last > 0, amounts[rows][last - 1] if len(rows) else 0, 0)
        return found
