"""Amounts by date that payments follow: cash flow for debt service, and what collateral is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._loan_options import LoanOptions
from neocalc._loans_beside import LoanSide
from neocalc._side import NO_MINOR, Side, match


def column_names(data: Any) -> list[Any]:
    """Return the names of a frame that may be of any kind, or nothing."""
    return list(getattr(data, "column_names", getattr(data, "columns", ())))


class _Dated(LoanSide):
    """Amounts of a loan by date."""

    def _dated(self, rows: Array, n: int, amount_name: str) -> dict[str, Array]:
        day = self._days("date" if "date" in self.present else "period_end")
        amount = self.read_money(amount_name)
        none = amount == NO_MINOR if self.options.rounded else np.isnan(amount)
        self.note(amount_name, "null", np.flatnonzero(none))
        self._judge(rows, day, np.where(none, 0, amount))
        pick, offsets = self._sort(rows, n, day)
        return {
            "offsets": offsets,
            "date": day[pick],
            "amount": np.ascontiguousarray(amount[pick]),
            "source": pick.astype(np.int32),
        }

    def _judge(self, rows: Array, day: Array, amount: Array) -> None:
        """Note what is wrong with amounts and dates together."""


class CashFlow(_Dated):
    """Cash flow available for debt service: loan_id, date or period_end, cfads."""

    def __init__(self, data: Any, options: LoanOptions, *, by_loan: bool = True) -> None:
        self._by_loan = by_loan
        if by_loan:
            super().__init__(data, "cash_flow", ("cfads",), options)
        else:
            Side.__init__(self, data, "cash_flow", ("cfads",), options, "loan_id")
        if not {"date", "period_end"} & self.present:
            self.column("date", "missing_column")

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known) if self._by_loan else np.zeros(self.n, dtype=np.int64)
        return self._dated(rows, len(known), "cfads")


class Collateral(_Dated):
    """What collateral is worth: loan_id or facility_id, period_end, closing_book_value."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        names = column_names(data)
        self.by_facility = "loan_id" not in names and "facility_id" in names
        key = "facility_id" if self.by_facility else "loan_id"
        Side.__init__(self, data, "collateral", (key, "period_end", "closing_book_value"), options, key)
        self.facility_of_loan: Array | None = None

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        if not self.by_facility:
            return self._dated(self.assign(known), len(known), "closing_book_value")
        # A fleet secures more facilities than this book may hold: those of others are left aside.
        facilities = (
            np.empty(len(known), dtype=object) if self.facility_of_loan is None else self.facility_of_loan
        )
        own = self.frame.id_values()
        wanted = facilities.astype(object)
        rows = match(wanted, np.asarray(own.tolist() if own.dtype.kind in "iu" else own, dtype=object))
        return self._dated(rows, len(known), "closing_book_value")

    def _judge(self, rows: Array, day: Array, amount: Array) -> None:
        self.note("closing_book_value", "range", np.flatnonzero(amount < 0), self.amount_at(amount))
        hint = (
            "one value of a day: of several assets their sum, as depreciate(..., by=['facility_id']) gives it"
        )
        self.note_twice("period_end", rows, day, hint=hint)
