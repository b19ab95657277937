"""Frames beside the loans as the core's columns: changes of rates, principal schedules, payment holidays."""

from __future__ import annotations

from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._loan_options import LoanOptions
from neocalc._side import NO_MINOR, Side, by_row
from neocalc.errors import InputError, Issue

_PARTS = 10**12


class _LoanSide(Side):
    options: LoanOptions

    def __init__(self, data: Any, what: str, required: tuple[str, ...], options: LoanOptions) -> None:
        super().__init__(data, what, ("loan_id", *required), options, "loan_id")
        self.bad_rows: Array = np.empty(0, dtype=np.int64)

    def _days(self, name: str) -> Array:
        """Return days since 1970; a null is noted."""
        day, null = self.read_days(name)
        self.note(name, "null", np.flatnonzero(null))
        return day

    def _sort(self, rows: Array, n: int, *keys: Array) -> tuple[Array, Array]:
        """Return which rows of this frame the core gets, in its order, and each loan's stretch of them."""
        self.bad_rows = np.unique(rows[self.bad & (rows >= 0)])
        used = np.flatnonzero((rows >= 0) & ~self.bad)
        order = used[np.lexsort((used, *(key[used] for key in reversed(keys)), rows[used]))]
        return order, by_row(rows[order], n)[1]


class RateSteps(_LoanSide):
    """Rates that take the place of a loan's: loan_id, date, annual_rate."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "rate_steps", ("date", "annual_rate"), options)

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        day = self._days("date")
        rate, null = self.read_number("annual_rate", 0.0)
        self.note("annual_rate", "null", np.flatnonzero(null))
        self.note("annual_rate", "range", np.flatnonzero((rate <= -1.0) | (rate > 100.0)), rate.item)
        if not self.options.allow_high_rate:
            self.note("annual_rate", "rate_unit", np.flatnonzero((rate > 1.0) & (rate <= 100.0)), rate.item)
        sound = np.flatnonzero((rows >= 0) & ~self.bad)
        pairs = np.lexsort((day[sound], rows[sound]))
        ordered = sound[pairs]
        same = (rows[ordered][1:] == rows[ordered][:-1]) & (day[ordered][1:] == day[ordered][:-1])
        twice = np.unique(np.concatenate([ordered[1:][same], ordered[:-1][same]]))
        self.note("date", "duplicate_date", twice, lambda row: np.datetime64(int(day[row]), "D"))
        pick, offsets = self._sort(rows, len(known), day)
        return {
            "offsets": offsets,
            "date": day[pick],
            "parts": np.rint(np.where(self.bad, 0.0, rate)[pick] * _PARTS).astype(np.int64),
            "source": pick.astype(np.int32),
        }


class PrincipalSchedule(_LoanSide):
    """The principal of each payment: loan_id, date or payment_number, principal or share."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "principal_schedule", (), options)
        for some in (("date", "payment_number"), ("principal", "share")):
            if not any(name in self.present for name in some):
                hint = f"{' or '.join(map(repr, some))} is needed"
                raise InputError([Issue.make(f"principal_schedule.{some[0]}", "missing_column", hint=hint)])

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        number, no_number = self.read_number("payment_number", 0.0)
        whole = (number == np.rint(number)) & (np.abs(number) < 2**31)
        self.note("payment_number", "dtype", np.flatnonzero(~no_number & ~whole), number.item)
        self.note("payment_number", "range", np.flatnonzero(~no_number & whole & (number < 1)), number.item)
        day, no_day = np.zeros(self.n, dtype=np.int32), np.ones(self.n, dtype=bool)
        if "date" in self.present:
            day, no_day = self.read_days("date")
        column = "date" if "date" in self.present else "payment_number"
        self.note(column, "null", np.flatnonzero(no_day & no_number))
        amount = self.read_money("principal")
        none = amount == NO_MINOR if self.options.rounded else np.isnan(amount)
        self.note("principal", "range", np.flatnonzero(~none & (amount < 0)), amount.item)
        share, no_share = self.read_number("share", 0.0)
        self.note(
            "share", "range", np.flatnonzero(~no_share & ~((share >= 0.0) & (share <= 1.0))), share.item
        )
        column = "principal" if "principal" in self.present else "share"
        self.note(column, "null", np.flatnonzero(none & no_share))
        number = np.where(no_number | ~whole, 0, number).astype(np.int32)
        pick, offsets = self._sort(rows, len(known), number, day)
        parts = np.rint(np.clip(share, 0.0, 1.0) * _PARTS).astype(np.int64)
        return {
            "offsets": offsets,
            "number": number[pick],
            "date": day[pick],
            "amount": amount[pick],
            "share": np.where(no_share, NO_MINOR, parts)[pick],
            "source": pick.astype(np.int32),
        }


class PaymentHolidays(_LoanSide):
    """Payments that are not made: loan_id, from_date, to_date, interest (paid or capitalised)."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "payment_holidays", ("from_date", "to_date"), options)

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        first, last = self._days("from_date"), self._days("to_date")
        self.note("to_date", "date_order", np.flatnonzero((last < first) & ~self.bad))
        capitalised = np.zeros(self.n, dtype=np.int8)
        if "interest" in self.present:
            codes, _, uniques = self.frame.codes("interest")
            values = self.frame.uniques(uniques)
            words = ("paid", "capitalised")
            table = np.array([*(words.index(v) if v in words else -1 for v in values), 0], dtype=np.int8)
            capitalised = table[codes]
            unknown = np.flatnonzero(capitalised < 0)
            self.note(
                "interest",
                "choice",
                unknown,
                lambda row: repr(values[int(codes[row])]),
                "one of paid, capitalised",
            )
        pick, offsets = self._sort(rows, len(known), first)
        return {
            "offsets": offsets,
            "from": first[pick],
            "to": last[pick],
            "capitalised": np.maximum(capitalised, 0)[pick].astype(np.int8),
        }
