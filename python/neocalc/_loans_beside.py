"""Frames beside the loans as the core's columns: principal schedules, payment holidays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._loan_options import LoanOptions
from neocalc._side import NO_MINOR, Side, by_row
from neocalc.errors import InputError, Issue

_PARTS = 10**12


class LoanSide(Side):
    """A frame beside the loans, whose rows belong to them by ``loan_id``."""

    options: LoanOptions

    def __init__(self, data: Any, what: str, required: tuple[str, ...], options: LoanOptions) -> None:
        super().__init__(data, what, ("loan_id", *required), options, "loan_id")

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        raise NotImplementedError  # each kind of frame reads its own columns

    def _days(self, name: str) -> Array:
        """Return days since 1970; a null is noted."""
        day, null = self.read_days(name)
        self.note(name, "null", np.flatnonzero(null))
        return day

    def _sort(self, rows: Array, n: int, *keys: Array) -> tuple[Array, Array]:
        """Return which rows of this frame the core gets, in its order, and each loan's stretch of them."""
        self.blame(rows)
        used = np.flatnonzero((rows >= 0) & ~self.bad)
        order = used[np.lexsort((used, *(key[used] for key in reversed(keys)), rows[used]))]
        return order, by_row(rows[order], n)[1]

    def note_twice(self, column: str, rows: Array, *keys: Array, hint: str | None = None) -> None:
        """Note rows of one loan that have the same keys, the last of which is a day."""
        sound = np.flatnonzero((rows >= 0) & ~self.bad)
        ordered = sound[np.lexsort((*(key[sound] for key in reversed(keys)), rows[sound]))]
        same = np.ones(max(len(ordered) - 1, 0), dtype=bool)
        for key in (rows, *keys):
            same &= key[ordered][1:] == key[ordered][:-1]
        twice = np.unique(np.concatenate([ordered[1:][same], ordered[:-1][same]]))
        self.note(column, "duplicate_date", twice, lambda row: np.datetime64(int(keys[-1][row]), "D"), hint)

    def words(self, name: str, known: Sequence[str]) -> Array:
        """Return the place of each row's word among the known ones, 0 for what is none and noted."""
        codes, _, uniques = self.codes(name)
        values = self.frame.uniques(uniques)
        table = np.array([*(known.index(v) if v in known else -1 for v in values), -2], dtype=np.int8)
        places = table[codes]
        self.note(name, "null", np.flatnonzero(places == -2))
        unknown = np.flatnonzero(places == -1)
        hint = f"one of {', '.join(known)}"
        self.note(name, "choice", unknown, lambda row: repr(values[int(codes[row])]), hint)
        return np.maximum(places, 0).astype(np.int8)


class PrincipalSchedule(LoanSide):
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
        self.note("principal", "range", np.flatnonzero(~none & (amount < 0)), self.amount_at(amount))
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


class PaymentHolidays(LoanSide):
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
            codes, _, uniques = self.codes("interest")
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
        self._note_contradictions(rows, first, last, capitalised == 1)
        pick, offsets = self._sort(rows, len(known), first)
        return {
            "offsets": offsets,
            "from": first[pick],
            "to": last[pick],
            "capitalised": np.maximum(capitalised, 0)[pick].astype(np.int8),
        }

    def _note_contradictions(self, rows: Array, first: Array, last: Array, capitalised: Array) -> None:
        """Note holidays of one loan that overlap and treat its interest in two ways."""
        sound = np.flatnonzero((rows >= 0) & ~self.bad)
        order = sound[np.lexsort((last[sound], first[sound], rows[sound]))]
        row, begin, kind = rows[order], first[order].astype(np.int64), capitalised[order]
        wide = row.astype(np.int64) << 32  # a loan's days lie above those of all loans before it
        wrong = np.zeros(len(order), dtype=bool)
        for one in (False, True):
            until = (
                np.maximum.accumulate(np.where(kind == one, wide + last[order], -1)) if len(order) else wide
            )
            reached = np.concatenate([[-1], until[:-1]])
            wrong |= (kind != one) & (reached >= wide + begin)
        self.note(
            "interest", "overlap", np.sort(order[wrong]), lambda at: str(np.datetime64(int(first[at]), "D"))
        )
