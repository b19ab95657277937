"""How much of revenue and backlog hangs on one customer, or on two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc._frames import as_frame
from neocalc._groups import group_rows
from neocalc._monthly import OPTION_NAMES, monthly_options
from neocalc._options import Options, choice
from neocalc._records import check_by
from neocalc._side_tables import SideTable, plain, quotients_out, whole_out
from neocalc.contracts import contract_schedule
from neocalc.errors import ConfigError, InputError, Issue

ROWS = ("period", "customer")
_QUANTITIES = ("revenue", "backlog")
_RESULT = frozenset(
    (
        "period_end", "revenue", "backlog", "revenue_rate", "backlog_rate", "largest_customer",
        "largest_customer_revenue", "largest_customer_rate", "top_two_revenue", "top_two_rate",
        "largest_backlog_customer", "largest_customer_backlog", "largest_customer_backlog_rate",
        "top_two_backlog", "top_two_backlog_rate",
    )
)  # fmt: skip
# Of revenue and of backlog: who is largest, how much that is, its share, and the same of the first two.
_NAMES = {
    "revenue": ("largest_customer", "largest_customer_revenue", "largest_customer_rate", "top_two_revenue",
                "top_two_rate"),
    "backlog": ("largest_backlog_customer", "largest_customer_backlog", "largest_customer_backlog_rate",
                "top_two_backlog", "top_two_backlog_rate"),
}  # fmt: skip


def concentration(
    contracts: Any,
    *,
    customer: str = "customer",
    by: Sequence[str] = (),
    rows: str = "period",
    prices: Any = None,
    utilisation: Any = None,
    freq: str = "Q",
    **options: Any,
) -> Any:
    """Show what share of revenue, and of backlog, the largest customers have.

    Parameters
    ----------
    contracts
        As for `contract_schedule`; or revenue as data: the customer's column, ``period_end``, ``revenue``
        and, if known, ``backlog`` at that day, one row for each customer and period.
    customer
        The column that names customers; it must not be null.
    by
        Columns that tell companies apart, such as ``["entity_id"]``; ``currency``, where there is such a
        column, is always one of them.
    rows
        ``"period"`` gives a row for each period, ``"customer"`` one for each customer in it.
    prices, utilisation, freq, **options
        As for `contract_schedule`; not for data.

    Returns
    -------
    DataFrame or Table
        The keys and ``period_end``, then per period ``revenue``, ``largest_customer``,
        ``largest_customer_revenue``, ``largest_customer_rate`` (a share), ``top_two_revenue``,
        ``top_two_rate``, and of the ``backlog`` (what remains to be performed) ``backlog``,
        ``largest_backlog_customer``, ``largest_customer_backlog``, ``largest_customer_backlog_rate``,
        ``top_two_backlog``, ``top_two_backlog_rate``; or per customer ``revenue``, ``revenue_rate``,
        ``backlog``, ``backlog_rate``. Where one customer's amount is not known, the largest is not either.
        The frame per period can be given to `check_covenants`, whose metric ``concentration`` reads
        ``largest_customer_revenue`` and ``revenue``.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> revenue = pd.DataFrame({"customer": ["A", "B", "C"], "period_end": "2025-03-31",
    ...     "revenue": [72.0, 18.0, 10.0]})
    >>> share = nc.concentration(revenue)
    >>> share[["largest_customer", "largest_customer_rate", "top_two_rate"]].values.tolist()
    [['A', 0.72, 0.9]]
    """
    choice("rows", rows, ROWS)
    reserved = _RESULT | {customer}
    keys = check_by(list(by), reserved)
    frame = as_frame(contracts, "contract_id", "contracts")
    if "currency" in frame.names and "currency" not in keys:
        keys.append("currency")
    beside = [name for name, value in (("prices", prices), ("utilisation", utilisation)) if value is not None]
    shared = {
        name: value for name, value in options.items() if name in ("amounts", "minor_units", "round_input")
    }
    if {"period_end", "revenue"} <= set(frame.names):
        timed = [*beside, *(name for name in options if name in OPTION_NAMES and name not in shared)]
        if timed:
            raise ConfigError(f"revenue as data has its own periods: {timed[0]} is for contracts")
        checked = monthly_options("concentration", options)
        table = SideTable.open(contracts, "revenue", (customer, *keys), checked)
        backlog = "backlog"
    else:
        checked = monthly_options("concentration", {**options, "freq": freq})
        if customer not in frame.names:
            raise InputError([Issue.make(customer, "missing_column")], n_rows=frame.n, subject="contracts")
        schedule = contract_schedule(
            contracts,
            prices=prices,
            utilisation=utilisation,
            by=[*keys, customer],
            freq=freq,
            **{**options, "amounts": "minor" if checked.amounts == "minor" else "decimal"},
        )
        table = SideTable.open(schedule, "contracts", (), checked)
        backlog = "remaining_performance_obligation"
    return _Shares(table, customer, keys, backlog, checked).build(rows)


class _Shares:
    """Amounts by customer and period, and the frames made of them."""

    def __init__(
        self, table: SideTable, customer: str, keys: list[str], backlog: str, options: Options
    ) -> None:
        self.table, self.options, self.keys, self.customer = table, options, keys, customer
        self.names = table.values(customer, required=True)
        self.days = table.days("period_end")
        self.amounts = {"revenue": table.amounts("revenue", negative=True)}
        if backlog in table:
            self.amounts["backlog"] = table.amounts(backlog, negative=True)
        table.keys(keys)  # refuses values that cannot be told apart
        groups = group_rows(table.frame.codes, keys)
        n = table.frame.n
        own = np.zeros(n, dtype=np.int64) if groups.codes is None else groups.codes.astype(np.int64)
        self.own = np.where(own < 0, groups.n, own).tolist()
        self.groups = groups
        seen: set[tuple[int, int, Any]] = set()
        again = []
        for row, key in enumerate(zip(self.own, self.days, self.names, strict=True)):
            again += [row] if key in seen else []
            seen.add(key)
        table.note("period_end", "duplicate_period", again, lambda row: repr(self.names[row]))
        table.raise_problems()
        self.cells: dict[tuple[int, int], list[int]] = {}  # (group, day): rows, in the order of the customers
        order = {name: at for at, name in enumerate(self._sorted())}
        for row in sorted(range(n), key=lambda row: (self.own[row], self.days[row], order[self.names[row]])):
            self.cells.setdefault((self.own[row], self.days[row]), []).append(row)

    def _sorted(self) -> list[Any]:
        _, n, uniques = self.table.frame.codes(self.customer)
        return [plain(one) for one in self.table.frame.uniques(uniques)] if n else []

    def build(self, rows: str) -> Any:
        """Return the frame asked for."""
        return self._per_period() if rows == "period" else self._per_customer()

    def _start(self, cells: Sequence[tuple[int, int]]) -> dict[str, Any]:
        frame, groups = self.table.frame, self.groups
        number = np.array([group for group, _ in cells], dtype=np.int64)
        columns = {
            name: frame.take(uniques, np.asarray(key[number], dtype=np.int32))
            for name, uniques, key in zip(groups.names, groups.uniques, groups.keys, strict=True)
        }
        columns["period_end"] = frame.dates_out(np.array([day for _, day in cells], dtype=np.int32))
        return columns

    def _per_period(self) -> Any:
        frame = self.table.frame
        columns = self._start(list(self.cells))
        codes, _, uniques = frame.codes(self.customer)
        for what, amounts in self.amounts.items():
            totals: list[int | None] = []
            first: list[int] = []
            tops: list[tuple[int | None, int | None]] = []
            for rows in self.cells.values():
                values = [amounts[row] for row in rows]
                known = [value for value in values if value is not None]
                if len(known) < len(values):
                    totals.append(None)
                    first.append(-1)
                    tops.append((None, None))
                    continue
                ranked = np.argsort(np.array([-value for value in known], dtype=object), kind="stable")
                totals.append(sum(known))
                first.append(rows[ranked[0]])
                tops.append((known[ranked[0]], sum(known[at] for at in ranked[:2])))
            who, largest, largest_rate, two, two_rate = _NAMES[what]
            at = np.array(first, dtype=np.int64)
            columns[what] = self._money(totals)
            taken = np.where(at < 0, -1, codes[at]) if len(codes) else at
            columns[who] = frame.take(uniques, np.asarray(taken, dtype=np.int32))
            for name, rate, values in (
                (largest, largest_rate, [one for one, _ in tops]),
                (two, two_rate, [both for _, both in tops]),
            ):
                columns[name] = self._money(values)
                columns[rate] = quotients_out(frame, values, totals)
        return frame.build(columns)

    def _per_customer(self) -> Any:
        frame = self.table.frame
        cells = [cell for cell, rows in self.cells.items() for _ in rows]
        order = [row for rows in self.cells.values() for row in rows]
        columns = self._start(cells)
        codes, _, uniques = frame.codes(self.customer)
        columns[self.customer] = frame.take(
            uniques, np.asarray(codes[np.array(order, dtype=np.int64)], np.int32)
        )
        for what, amounts in self.amounts.items():
            totals: list[int | None] = []
            for rows in self.cells.values():
                known = [value for row in rows if (value := amounts[row]) is not None]
                totals += [sum(known) if len(known) == len(rows) else None] * len(rows)
            values = [amounts[row] for row in order]
            columns[what] = self._money(values)
            columns[f"{what}_rate"] = quotients_out(frame, values, totals)
        return frame.build(columns)

    def _money(self, values: Sequence[int | None]) -> Any:
        return whole_out(self.table.frame, self.options, "revenue", values, "contracts")
