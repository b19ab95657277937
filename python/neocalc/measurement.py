"""What covenants are tested on, made of schedules of debt and depreciation and of a cash flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._covenant_grid import FREQUENCIES, MAX_DAYS_OFF, Collector, months_of
from neocalc._frames import nearest
from neocalc._measured import (
    CASH_BALANCES,
    CASH_FLOWS,
    CURRENCY,
    DEBT_FLOWS,
    DEPRECIATION_FLOWS,
    ENTITY,
    CashFlow,
    Cells,
    Measure,
    Read,
    Reader,
    Records,
    Series,
    Whose,
)
from neocalc._options import FREQS, choice, int_between, make_options, to_days
from neocalc._side_tables import SideTable, money_out
from neocalc.errors import ConfigError, InputError, Issue

_TABLES = ("debt", "depreciation", "cashflow")


def measures(
    *,
    debt: Any = None,
    depreciation: Any = None,
    cashflow: Any = None,
    entity: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    period_ends: Any = None,
    source_freq: Any = None,
    flows: Sequence[str] = (),
    balances: Sequence[str] = (),
    debt_service: Sequence[str] = ("interest", "principal"),
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
) -> Any:
    """Make the measures that covenants are tested on: flows summed into periods, balances at their ends.

    Sums are of whole minor units. What the tables do not say is null, never zero, and `check_covenants` then
    says ``insufficient_data``.

    Parameters
    ----------
    debt
        What `amortize` returned, rows or totals: its ``interest``, ``principal``, ``prepayments``, ``fees``,
        ``pik_interest`` and ``draws``, ``debt_service``, and ``total_debt`` (the closing balance).
    depreciation
        What `depreciate` returned, rows or totals: its ``depreciation``, ``impairment`` and ``additions``,
        and ``collateral_value`` (the closing book value).
    cashflow
        A table with ``period_end`` (one row per entity, currency and period; a period that lacks a row is not
        known) or ``date`` (any number of rows; a day without one has no flow, from the first month of the
        table to its last), and amounts. Summed: ``cfads, ebitda, capex, taxes, revenue, billed_revenue,
        contracted_revenue, largest_customer_revenue, debt_service, interest, principal``. Taken at the end:
        ``cash, restricted_cash, undrawn_commitments, receivables, current_liabilities, total_debt,
        collateral_value, cfads_present_value``. Others are left out unless named in `flows` or `balances`.
    entity
        Whose a row is: a column's name (by default ``entity_id``, where there is one), or a table of
        ``entity_id``, the ids of the rows (``loan_id``, ``asset_id``, ``facility_id``) and optionally
        ``currency``, such as the frame of the loans themselves; or a mapping of these by ``debt``,
        ``depreciation``, ``cashflow``.
    freq, fiscal_year_end
        The periods: ``M``, ``Q`` or ``Y``, and the last month of the fiscal year.
    start, end
        The periods to return, widened to whole ones; by default those that an entity's rows reach.
    period_ends
        Days on which periods end, where not at a month's end (52/53-week years); payments count by day. Those
        of a cash flow by period count for its entity.
    source_freq
        How long the periods of totals and of a cash flow are, or a mapping by table. It is read off their
        dates, which a single period does not tell.
    flows, balances
        More columns of `cashflow`.
    debt_service
        Which columns of `debt` are debt service, such as ``("interest", "principal", "fee")``.
    amounts, minor_units, round_input
        As for `depreciate`.

    Returns
    -------
    frame
        One row per entity, currency and period: ``entity_id`` and ``currency`` where known, ``period_end``,
        and the measures; of the kind that came in.

    Raises
    ------
    InputError
        With all problems of the tables in ``issues``; a column is named ``debt.interest``.
    ConfigError
        For an argument that means nothing.

    Notes
    -----
    A loan, an asset or a total that opens with nothing had nothing before its first row, and one that closes
    with nothing has nothing after its last. Between the first and the last month of its table it stays as it
    is without rows; outside, what is still open is not known, nor are the sums that it belongs to.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({"loan_id": ["ddtl"], "entity_id": ["SPV 1"], "principal": [1200.0],
    ...                       "start_date": ["2025-01-31"], "term_months": [12], "annual_rate": [0.0],
    ...                       "profile": ["level_principal"]})
    >>> cash = pd.DataFrame({"entity_id": "SPV 1", "period_end": ["2025-03-31", "2025-06-30"],
    ...                      "cfads": [250.0, 390.0]})
    >>> found = nc.measures(debt=nc.amortize(loans), cashflow=cash, entity={"debt": loans}, end="2025-06-30")
    >>> found[["entity_id", "period_end", "debt_service", "total_debt", "cfads"]]
      entity_id period_end  debt_service  total_debt  cfads
    0     SPV 1 2025-03-31         200.0      1000.0  250.0
    1     SPV 1 2025-06-30         300.0       700.0  390.0
    >>> terms = pd.DataFrame({"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [1.25],
    ...                       "window_periods": [1]})
    >>> nc.check_covenants(found, terms)["value"].tolist()
    [1.25, 1.3]
    """
    given = {"debt": debt, "depreciation": depreciation, "cashflow": cashflow}
    return _Measurement(
        {name: table for name, table in given.items() if table is not None},
        entity=entity,
        periods=(freq, fiscal_year_end, start, end, period_ends),
        source_freq=source_freq,
        names=(_names("flows", flows), _names("balances", balances), _names("debt_service", debt_service)),
        options={"amounts": amounts, "minor_units": minor_units, "round_input": round_input},
    ).result()


def _names(what: str, given: Any) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (None,)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ConfigError(f"{what} must be a list of columns, each once, not {given!r}")
    return names


def _by_table(what: str, given: Any) -> dict[str, Any]:
    """Spread an argument over the tables, or take it as it is given by table."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(_TABLES, given)
    unknown = [name for name in given if name not in _TABLES]
    if unknown:
        raise ConfigError(f"{what} is by {', '.join(_TABLES)}, not {unknown[0]!r}")
    return {name: given.get(name) for name in _TABLES}


class _Measurement:
    """One call."""

    def __init__(
        self,
        tables: Mapping[str, Any],
        *,
        entity: Any,
        periods: tuple[str, int, Any, Any, Any],
        source_freq: Any,
        names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
        options: Mapping[str, Any],
    ) -> None:
        if not tables:
            raise ConfigError("measures need debt=, depreciation= or cashflow=")
        freq, fiscal_year_end, start, end, ends = periods
        choice("freq", freq, FREQS)
        self.fiscal_year_end = int_between("fiscal_year_end", fiscal_year_end, 1, 12)
        self.step = FREQUENCIES[freq]
        first = None if start is None else to_days("start", start)
        last = None if end is None else to_days("end", end)
        self.bounds = (first, last)
        if first is not None and last is not None and first > last:
            raise ConfigError(f"start {start!r} is after end {end!r}")
        self.period_ends = self._days(ends)
        steps = _by_table("source_freq", source_freq)
        for word in steps.values():
            choice("source_freq", word, (*FREQS, None))
        self.flows, self.balances, self.service = names
        wrong = [name for name in self.service if name not in DEBT_FLOWS]
        if wrong:
            raise ConfigError(f"debt_service is made of {', '.join(DEBT_FLOWS)}, not {wrong[0]!r}")
        # Unknown keywords are refused in there, by name.
        self.options = make_options("measures", options)  # type: ignore[arg-type]
        self.collect = Collector()
        opened = {name: self.collect.open(table, name, [], self.options) for name, table in tables.items()}
        self.collect.raise_all()
        self.tables: dict[str, SideTable] = {
            name: table for name, table in opened.items() if table is not None
        }
        kinds = {table.frame.kind for table in self.tables.values()}
        if len(kinds) > 1:
            raise ConfigError(f"tables are of {' and '.join(sorted(kinds))}: use one kind")
        self.whose = {name: self._whose(entity) for name, entity in _by_table("entity", entity).items()}
        self.reads: dict[str, Read] = {}
        for name, table in self.tables.items():
            try:
                step = FREQUENCIES.get(steps[name])
                self.reads[name] = Reader(table, self.whose[name], self.step, self.fiscal_year_end).read(step)
            except InputError:
                pass  # kept with the table's problems
        self._raise_all()
        self._settle_series()
        self._lay_out()
        self.measures: dict[str, Measure] = {}
        for name, read in self.reads.items():
            if read.table.frame.n:
                self._measure(name, read)
        self._raise_all()
        if not all(measure.fits for measure in self.measures.values()):
            raise InputError([Issue.make("measures", "overflow")], subject="measures")

    def _raise_all(self) -> None:
        beside = {id(whose.beside): whose.beside for whose in self.whose.values() if whose.beside is not None}
        for table in (*self.tables.values(), *beside.values()):
            self.collect.keep(table.problems)
        if self.collect.issues:
            n = max(table.frame.n for table in self.tables.values())
            raise InputError(self.collect.issues, n_rows=n, subject="measures")

    @staticmethod
    def _days(ends: Any) -> Array:
        if ends is None:
            return np.empty(0, dtype=np.int64)
        if isinstance(ends, str) or not isinstance(ends, Iterable):
            raise ConfigError("period_ends must be a list of dates")
        return np.array([to_days("period_ends", day) for day in ends], dtype=np.int64)

    def _whose(self, entity: Any) -> Whose:
        if entity is None:
            return Whose()
        if isinstance(entity, str):
            return Whose(entity)
        beside = self.collect.open(entity, "entity", [ENTITY], self.options)
        self.collect.raise_all()
        return Whose(beside=beside)

    # --- series ---------------------------------------------------------------------------------------------

    def _settle_series(self) -> None:
        """Number the series; a table that lacks entity or currency has that of the others, if it is one."""
        every = [series for read in self.reads.values() for series in read.series]
        for part, column in enumerate((ENTITY, CURRENCY)):
            known = {series[part] for series in every if series[part] is not None}
            of_entity: dict[Any, set[Any]] = {}
            for series in every:
                if series[part] is not None:
                    of_entity.setdefault(series[0], set()).add(series[part])
            for read in self.reads.values():
                for at, series in enumerate(read.series):
                    if series[part] is not None or not known:
                        continue
                    found = of_entity.get(series[0], known) if part else known
                    if len(found) == 1:
                        (value,) = found
                        read.series[at] = (value, series[1]) if part == 0 else (series[0], value)
                    elif column not in read.table:
                        code = "currency_mix" if part else "missing_column"
                        hint = "other tables have several: name it in by=, or in a table entity="
                        problems = read.table.problems
                        if not any(issue.column == f"{read.label}.{column}" for issue in problems.issues):
                            problems.column(f"{read.label}.{column}", code, hint=hint)
            every = [series for read in self.reads.values() for series in read.series]
        self._raise_all()
        self.series: list[Series] = self._sorted(list(dict.fromkeys(every)))
        number = {series: at for at, series in enumerate(self.series)}
        for read in self.reads.values():
            places = np.array([number[series] for series in read.series], dtype=np.int64)
            read.of_row = places[read.of_row] if len(places) else read.of_row
            read.series = self.series

    def _anchor(self, part: int) -> tuple[SideTable, str] | None:
        """Return a table and its column that hold entities or currencies."""
        for name in self.reads:
            whose, table = self.whose[name], self.tables[name]
            column = CURRENCY if part else whose.column
            for holder in (table, whose.beside):
                if holder is not None and column in holder:
                    return holder, column
        return None

    def _column(self, part: int, series: Sequence[Series]) -> tuple[Any, Any, Array]:
        """Return frame, dictionary and codes of the entities or currencies of some series."""
        anchor = self._anchor(part)
        if anchor is None:
            raise AssertionError  # asked for where there is one
        table, column = anchor
        try:
            codes, _, uniques = table.frame.codes_with(column, [one[part] for one in series])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - each library has its own for values of another type
            hint = "tables hold ids of different types"
            raise InputError(
                [Issue.make(f"{table.label}.{column}", "dtype", example=type(error).__name__, hint=hint)],
                subject="measures",
            ) from None
        return table.frame, uniques, np.asarray(codes[len(codes) - len(series) :], dtype=np.int64)

    def _sorted(self, series: list[Series]) -> list[Series]:
        """Put series in the order of their entities and currencies."""
        keys = [self._column(part, series)[2] for part in (1, 0) if self._anchor(part) is not None and series]
        return [series[at] for at in np.lexsort(keys).tolist()] if keys else series

    # --- cells ----------------------------------------------------------------------------------------------

    def _period_end(self, months: Array) -> Array:
        """Return the last month of each month's period."""
        return np.asarray(months + -(months + 1 - self.fiscal_year_end) % self.step)

    def _lay_out(self) -> None:
        """Lay out the periods, with one to spare at both sides for days of 52/53-week years."""
        months = [read.months for read in self.reads.values() if len(read.months)]
        bounds = [
            np.array([day]).astype("M8[D]").astype("M8[M]").astype(np.int64)
            for day in self.bounds
            if day is not None
        ]
        every = self._period_end(
            np.concatenate([*months, *bounds]) if months or bounds else np.zeros(1, np.int64)
        )
        ends = np.arange(every.min() - self.step, every.max() + self.step + 1, self.step)
        self.cells = Cells(ends, self.step, max(len(self.series), 1))
        near, off = months_of(self.period_ends)
        if (off > MAX_DAYS_OFF).any() or (self._period_end(near) != near).any():
            raise ConfigError(
                "period_ends must lie within ten days of the ends of periods of freq and fiscal_year_end"
            )
        inside = (near >= ends[0]) & (near <= ends[-1])
        self.cells.ends[:, self.cells.period(near[inside])] = self.period_ends[inside]
        cash = self.reads.get("cashflow")
        if cash is not None and cash.by_period and len(cash.days):
            period = self.cells.period(cash.months)
            last = ends[period] == cash.months
            self.cells.ends[cash.of_row[last], period[last]] = cash.days[last]
        limits = [int(self.cells.period(month)[0]) for month in bounds]
        self.range = np.full((max(len(self.series), 1), 2), [len(ends), -1])
        for read in self.reads.values():
            period = self.cells.of(read)
            np.minimum.at(self.range[:, 0], read.of_row, period)
            np.maximum.at(self.range[:, 1], read.of_row, period)
        if self.bounds[0] is not None:
            self.range[:, 0] = limits[0]
        if self.bounds[1] is not None:
            self.range[:, 1] = limits[-1]

    # --- measures -------------------------------------------------------------------------------------------

    def _measure(self, name: str, read: Read) -> None:
        table = read.table
        if name == "cashflow":
            self._measure_cash(read)
            return
        flows, opening, closing, balance = (
            (DEBT_FLOWS, "opening_balance", "closing_balance", "total_debt")
            if name == "debt"
            else (DEPRECIATION_FLOWS, "opening_book_value", "closing_book_value", "collateral_value")
        )
        there = {column: table.minor(column) for column in (*flows, opening, closing) if column in table}
        if not there:
            table.problems.column(
                f"{name}.{closing}", "missing_column", hint=nearest(closing, table.frame.names)
            )
        for column in (opening, closing):
            if column in there:
                table.note(column, "null", np.flatnonzero(there[column][1]).tolist(), lambda _: "null")
        if table.problems.issues:
            return
        both = opening in there and closing in there
        records = Records(
            read, self.cells, *((there[opening][0], there[closing][0]) if both else (None, None))
        )
        for column, measure in flows.items():
            if column in there:
                self._keep(measure, table, column, records.flow(*there[column]))
        if name == "debt" and self.service and all(column in there for column in self.service):
            service = Measure(self.cells)
            for column in self.service:
                service.add_measure(self.measures[flows[column]])
            self._keep("debt_service", table, self.service[0], service)
        if both:
            self._keep(balance, table, closing, records.balance())

    def _measure_cash(self, read: Read) -> None:
        table, cash = read.table, CashFlow(read, self.cells)
        lost = [name for name in (*self.flows, *self.balances) if name not in table]
        for name in lost:
            table.problems.column(
                f"{read.label}.{name}", "missing_column", hint=nearest(name, table.frame.names)
            )
        flows = dict.fromkeys((*CASH_FLOWS, *self.flows))
        balances = dict.fromkeys((*CASH_BALANCES, *self.balances))
        for name in table.frame.names:
            own = name in self.flows, name in self.balances
            is_flow = own[0] or (name in flows and not own[1])
            if all(own):
                raise ConfigError(f"{name!r} is named in flows and in balances")
            if not is_flow and name not in balances:
                continue
            amounts, null = table.minor(name)
            self._keep(name, table, name, (cash.flow if is_flow else cash.balance)(amounts, null))

    def _keep(self, name: str, table: SideTable, column: str, measure: Measure) -> None:
        if name in self.measures:
            hint = f"another table measures {name!r} already: leave the column out of one"
            table.problems.column(f"{table.label}.{column}", "duplicate_column", hint=hint)
        self.measures[name] = measure

    # --- result ---------------------------------------------------------------------------------------------

    def result(self) -> Any:
        """Return the frame that the user gets."""
        frame = next(iter(self.tables.values())).frame
        lengths = (
            np.maximum(self.range[:, 1] - self.range[:, 0] + 1, 0) if self.series else np.zeros(0, np.int64)
        )
        series = np.repeat(np.arange(len(lengths)), lengths)
        within = np.arange(len(series)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        period = self.range[series, 0] + within if len(series) else within
        columns: dict[str, Any] = {}
        for part, name in enumerate((ENTITY, CURRENCY)):
            if any(one[part] is not None for one in self.series):
                holder, uniques, codes = self._column(part, self.series)
                columns[name] = holder.take(uniques, codes[series].astype(np.int32))
        columns["period_end"] = frame.dates_out(self.cells.ends[series, period].astype(np.int32))
        for name, measure in self.measures.items():
            null = ~measure.known[series, period]
            columns[name] = money_out(
                frame,
                self.options,
                np.where(null, 0, measure.values[series, period]),
                null if null.any() else None,
            )
        return frame.build(columns)
