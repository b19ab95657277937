"""Frames that move principal: draws, prepayments, sweeps, refinancings, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neocalc._columns import FIRST_DAY, LAST_DAY, Array
from neocalc._loan_options import LoanOptions
from neocalc._loan_rates import to_parts
from neocalc._loans_beside import LoanSide
from neocalc._side import NO_MINOR, by_row, match

_PARTS = 10**12
_NO_DAY = int(np.iinfo(np.int32).min)
_EFFECTS = ("term", "payment")
# How a prepayment works, as bits of the core's `manner`.
_REFIX, CAPPED, _CALLED, _WITH_INTEREST = 1, 2, 4, 8
Table = dict[str, Array]


def join(
    parts: list[Table],
    rows: list[Array],
    n: int,
    within: Callable[[Table], Sequence[Array]] = lambda _: (),
) -> Table:
    """Join tables of the same columns, by loan and date; those of a day by `within`, or as they are."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    row = np.concatenate(rows)
    order = np.lexsort((np.arange(len(row)), *reversed(within(whole)), whole["date"], row))
    return {name: column[order] for name, column in whole.items()} | {"offsets": by_row(row[order], n)[1]}


def of_one_day(table: Table) -> Sequence[Array]:
    """Return what decides which prepayment of a day comes first, so that the order of rows does not.

    What was asked before what is swept or refinanced; amounts before all that is left; those of a certain
    draw before those of any; and such as make later payments smaller before such as shorten the term, so that
    each has its effect.
    """
    amount, manner, draw = table["amount"], table["manner"], table["draw"]
    rest = np.isnan(amount) if amount.dtype.kind == "f" else amount == NO_MINOR
    return (
        table["table"],
        rest,
        draw < 0,
        manner & _REFIX == 0,
        draw,
        manner,
        np.where(rest, 0, amount),
        table["share"],
    )


class _Movements(LoanSide):
    """A frame whose rows go to the core together with those of others: `parts` and the loan of each."""

    def read(self, known: Array) -> Table:
        """Read the rows into `part` and `rows`; the caller puts them together."""
        raise NotImplementedError  # each kind of frame reads its own columns

    def _keep(self, rows: Array, part: Table) -> Table:
        self.blame(rows)
        used = np.flatnonzero((rows >= 0) & ~self.bad)
        self.rows = rows[used]
        self.part = {name: np.ascontiguousarray(column[used]) for name, column in part.items()}
        return {}

    def _day_name(self) -> str:
        return "date" if "date" in self.present or "period_end" not in self.present else "period_end"

    def _flag(self, name: str, default: bool) -> Array:
        if name not in self.present:
            return np.full(self.n, default)
        codes, _, uniques = self.codes(name)
        values = self.frame.uniques(uniques)
        table = np.array([*(int(v) if isinstance(v, (bool, np.bool_)) else -1 for v in values), int(default)])
        found = table[codes]
        wrong = np.flatnonzero(found < 0)
        self.note(name, "dtype", wrong, lambda row: repr(values[int(codes[row])]))
        return np.asarray(found > 0)

    def _whole(self, name: str, least: int) -> Array:
        """Return whole numbers, -1 for none."""
        number, null = self.read_number(name, -1.0)
        whole = (number == np.rint(number)) & (np.abs(number) < 2**31)
        self.note(name, "dtype", np.flatnonzero(~null & ~whole), number.item)
        self.note(name, "range", np.flatnonzero(~null & whole & (number < least)), number.item)
        return np.where(null | ~whole, -1, number).astype(np.int32)

    def _none(self, amount: Array) -> Array:
        return amount == NO_MINOR if self.options.rounded else np.isnan(amount)

    def _rate(self, name: str, least: float = -1.0) -> Array:
        """Return a rate as parts, the least integer for none."""
        rate, null = self.read_number(name, 0.0)
        self.note(name, "range", np.flatnonzero((rate <= -1.0) | (rate < least) | (rate > 100.0)), rate.item)
        if not self.options.allow_high_rate:
            self.note(name, "rate_unit", np.flatnonzero((rate > 1.0) & (rate <= 100.0)), rate.item)
        return np.where(null, NO_MINOR, to_parts(np.clip(rate, -1.0, 100.0)))


class Draws(_Movements):
    """Advances after the first: loan_id, date, amount, and terms of their own."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "draws", ("date", "amount"), options)

    def read(self, known: Array) -> Table:
        """Read the rows into `part` and `rows`."""
        rows = self.assign(known)
        day = self._days("date")
        amount = self.read_money("amount")
        none = self._none(amount)
        self.note("amount", "null", np.flatnonzero(none))
        below = np.flatnonzero(~none & (amount < 0))
        self.note("amount", "redraw", below, self.amount_at(amount))
        maturity = np.full(self.n, _NO_DAY, dtype=np.int32)
        if "maturity_date" in self.present:
            found, null = self.read_days("maturity_date")
            maturity = np.where(null, maturity, found).astype(np.int32)
        if "term_months" in self.present:
            months = self._whole("term_months", 1)
            end = _after(day, np.maximum(months, 0))
            outside = (months > 0) & ((end < FIRST_DAY) | (end > LAST_DAY))
            self.note("term_months", "date_range", np.flatnonzero(outside), months.item)
            differ = np.flatnonzero((months > 0) & (maturity != _NO_DAY) & (maturity != end))
            self.note("term_months", "date_order", differ, months.item)
            maturity = np.where((months > 0) & ~outside, end, maturity).astype(np.int32)
        return self._keep(
            rows,
            {
                "date": day,
                "amount": amount,
                "maturity": maturity,
                "rate": self._rate("annual_rate"),
                "margin": self._rate("margin_rate"),
                "table": np.zeros(self.n, dtype=np.int8),
                "source": np.arange(self.n, dtype=np.int32),
            },
        )


def _after(day: Array, months: Array) -> Array:
    """Return the same day so many months later, or the last of that month."""
    dates = day.astype("M8[D]")
    month = dates.astype("M8[M]")
    into = (dates - month.astype("M8[D]")).astype(np.int64)
    then = month + months.astype(np.int64)
    length = ((then + 1).astype("M8[D]") - then.astype("M8[D]")).astype(np.int64)
    return np.asarray(then.astype("M8[D]").astype(np.int64) + np.minimum(into, length - 1))


class Prepayments(_Movements):
    """What is paid beyond what was agreed: loan_id, date, amount (null: all that is owed)."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "prepayments", ("date", "amount"), options)

    def read(self, known: Array) -> Table:
        """Read the rows into `part` and `rows`."""
        rows = self.assign(known)
        day = self._days("date")
        amount = self.read_money("amount")
        self.note(
            "amount", "range", np.flatnonzero(~self._none(amount) & (amount < 0)), self.amount_at(amount)
        )
        refix = (
            self.words("effect", _EFFECTS) == 1 if "effect" in self.present else np.zeros(self.n, dtype=bool)
        )
        called = self._flag("premium_due", True)
        settles = self._flag("pay_accrued", False)
        return self._keep(
            rows,
            {
                "date": day,
                "amount": amount,
                "share": np.full(self.n, _PARTS),
                "manner": (refix * _REFIX + called * _CALLED + settles * _WITH_INTEREST).astype(np.int8),
                "draw": self._whole("draw_number", 0),
                "table": np.zeros(self.n, dtype=np.int8),
                "source": np.arange(self.n, dtype=np.int32),
            },
        )


class Sweep(_Movements):
    """Excess cash, a share of which repays the loan: loan_id, date or period_end, excess_cash."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "sweep", ("excess_cash",), options)
        if not {"date", "period_end"} & self.present:
            self.column("date", "missing_column")
        self.share_of_loan: Array | None = None  # NaN where a loan has none

    def read(self, known: Array) -> Table:
        """Read the rows into `part` and `rows`."""
        rows = self.assign(known)
        day = self._days(self._day_name())
        cash = self.read_money("excess_cash")
        none = self._none(cash)
        self.note("excess_cash", "null", np.flatnonzero(none))
        share, null = self.read_number("sweep_rate", 0.0)
        if self.share_of_loan is not None:
            own = np.where(rows >= 0, self.share_of_loan[np.maximum(rows, 0)], 0.0)
            share, null = np.where(null, own, share), null & np.isnan(own)
            share = np.where(null, 0.0, share)
        self.note("sweep_rate", "null", np.flatnonzero(null & (rows >= 0)))
        self.note("sweep_rate", "range", np.flatnonzero(~((share >= 0.0) & (share <= 1.0))), share.item)
        return self._keep(
            rows,
            {
                "date": day,
                # No cash, nothing swept.
                "amount": np.where(none, cash, np.maximum(cash, 0)),
                "share": to_parts(np.clip(share, 0.0, 1.0)),
                "manner": np.full(self.n, CAPPED, dtype=np.int8),
                "draw": np.full(self.n, -1, dtype=np.int32),
                "table": np.ones(self.n, dtype=np.int8),
                "source": np.arange(self.n, dtype=np.int32),
            },
        )


class Refinancings(_Movements):
    """Loans that are repaid in full by a draw of another: loan_id, date, into_loan_id."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "refinancings", ("date", "into_loan_id"), options)

    def read(self, known: Array) -> Table:
        """Read the rows into `part` and `rows`, and what they become of others into `into`."""
        rows = self.assign(known)
        day = self._days("date")
        codes, _, uniques = self.codes("into_loan_id")
        plain = self.frame.uniques(uniques)[: int(codes.max(initial=-1)) + 1]
        values = np.empty(len(plain), dtype=object)  # not of the type of `known`: 2.5 is not loan 2
        values[:] = plain
        if known.dtype.kind in "iu" and all(type(value) is int for value in plain):
            values = np.array(plain, dtype=object if any(abs(v) >= 2**63 for v in plain) else np.int64)
        found = np.append(match(known, values) if len(values) else np.empty(0, dtype=np.int64), -1)
        into = found[codes]
        self.note("into_loan_id", "null", np.flatnonzero(codes < 0))
        unknown = np.flatnonzero((into < 0) & (codes >= 0))
        self.note("into_loan_id", "unknown_id", unknown, lambda row: repr(values[int(codes[row])]))
        self.note("into_loan_id", "refinancing_circle", np.flatnonzero((into == rows) & (rows >= 0)))
        sound = np.flatnonzero((rows >= 0) & ~self.bad)
        counts = (
            np.bincount(rows[sound], minlength=len(known)) if len(sound) else np.zeros(len(known), dtype=int)
        )
        self.note("loan_id", "duplicate_id", sound[counts[rows[sound]] > 1])
        self._circles(rows, into)
        nothing = np.full(self.n, NO_MINOR) if self.options.rounded else np.full(self.n, np.nan)
        self._keep(
            rows,
            {
                "date": day,
                "amount": nothing,
                "share": np.full(self.n, _PARTS),
                "manner": np.full(self.n, _CALLED, dtype=np.int8),
                "draw": np.full(self.n, -1, dtype=np.int32),
                "table": np.full(self.n, 2, dtype=np.int8),
                "source": np.arange(self.n, dtype=np.int32),
            },
        )
        self.into = into[self.part["source"]]
        # Where a row is wrong, the loan that it would have drawn on is not known either.
        self.blame(into)
        return {}

    def _circles(self, rows: Array, into: Array) -> None:
        """Note rows that lead back to their own loan."""
        left = set(np.flatnonzero((rows >= 0) & (into >= 0) & ~self.bad).tolist())
        while left:
            waiting = {int(into[row]) for row in left}
            free = {row for row in left if int(rows[row]) not in waiting}
            if not free:
                self.note("into_loan_id", "refinancing_circle", np.array(sorted(left)))
                return
            left -= free

    def draws(self, amounts: Array) -> Table:
        """Return what the other loans draw, in the core's columns."""
        n = len(self.rows)
        return {
            "date": self.part["date"],
            "amount": amounts,
            "maturity": np.full(n, _NO_DAY, dtype=np.int32),
            "rate": np.full(n, NO_MINOR),
            "margin": np.full(n, NO_MINOR),
            "table": np.ones(n, dtype=np.int8),
            "source": self.part["source"],
        }


class PrepaymentPremiums(LoanSide):
    """What a prepayment costs from a date on: loan_id, from_date, premium_rate."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "prepayment_premiums", ("from_date", "premium_rate"), options)

    def read(self, known: Array) -> Table:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        day = self._days("from_date")
        rate, null = self.read_number("premium_rate", 0.0)
        self.note("premium_rate", "null", np.flatnonzero(null))
        self.note("premium_rate", "range", np.flatnonzero(~((rate >= 0.0) & (rate <= 1.0))), rate.item)
        self.note_twice("from_date", rows, day)
        pick, offsets = self._sort(rows, len(known), day)
        return {"offsets": offsets, "date": day[pick], "parts": to_parts(np.clip(rate, 0.0, 1.0))[pick]}
