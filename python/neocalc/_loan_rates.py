"""Frames beside the loans that decide rates: curves, changes of terms, hedges, and what is capitalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._loan_options import LoanOptions
from neocalc._loans_beside import LoanSide
from neocalc._side import NO_MINOR, Side
from neocalc.errors import InputError, Issue

_PARTS = 10**12
EXTRAPOLATIONS = (None, "flat")


def to_parts(rate: Array) -> Array:
    """Return rates as whole numbers of 10^-12; of one that is refused for its size, any."""
    with np.errstate(invalid="ignore"):
        parts: Array = np.rint(rate * _PARTS).astype(np.int64)
    return parts


class Curves(Side):
    """Fixings or forward curves: index, date, value; every row is judged, used or not."""

    options: LoanOptions

    def __init__(self, data: Any, options: LoanOptions, extrapolate: str | None) -> None:
        super().__init__(data, "rates", ("index", "date", "value"), options, "index")
        codes, _, uniques = self.codes("index")
        self.names = [str(name) for name in self.frame.uniques(uniques)]
        self.note("index", "null", np.flatnonzero(codes < 0))
        day, no_day = self.read_days("date")
        self.note("date", "null", np.flatnonzero(no_day))
        value = self._values()
        sound = ~self.bad
        self.core = _core.Curves(
            self.names,
            np.ascontiguousarray(np.where(sound, codes, -1), dtype=np.int32),
            np.ascontiguousarray(day, dtype=np.int32),
            np.where(sound, value, 0.0),
            flat=extrapolate == "flat",
            allow_high_rate=options.allow_high_rate,
        )
        for column, code, n, rows, example in self.core.issues:
            name = column.partition(".")[2]
            issue = Issue.make(f"{self.what}.{name}", code, n_bad=n, rows=rows, example=example)
            self.issues.append(self.locate(issue))
        if self.issues:
            raise InputError(self.issues, n_rows=self.n, subject="rates")

    def _values(self) -> Array:
        """Return the values; a NaN is a problem here, never a null that may be left out."""
        value, null = self.read_number("value", 0.0)
        raw = self.frame.raw("value")
        nan = np.zeros(self.n, dtype=bool)
        if raw.values.dtype.kind == "f":
            nan = np.isnan(raw.values)
        self.note("value", "nonfinite", np.flatnonzero(null & nan), lambda _: "nan")
        self.note("value", "null", np.flatnonzero(null & ~nan))
        return value


class RateSteps(LoanSide):
    """Terms that change on a date: loan_id, date, and one column or more of `RATE_TERMS`."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "rate_steps", ("date",), options)
        self.terms = [name for name in _core.RATE_TERMS if name in self.present]
        if not self.terms:
            hint = f"one of {', '.join(_core.RATE_TERMS)} is needed"
            raise InputError([Issue.make("rate_steps.annual_rate", "missing_column", hint=hint)])

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        day = self._days("date")
        values, given = [], np.zeros((len(self.terms), self.n), dtype=bool)
        for place, name in enumerate(self.terms):
            rate, null = self.read_number(name, 0.0)
            given[place] = ~null
            if name == "pik_share":
                self.note(name, "range", np.flatnonzero(~((rate >= 0.0) & (rate <= 1.0))), rate.item)
            else:
                self.note(name, "range", np.flatnonzero((rate <= -1.0) | (rate > 100.0)), rate.item)
                if not self.options.allow_high_rate:
                    self.note(name, "rate_unit", np.flatnonzero((rate > 1.0) & (rate <= 100.0)), rate.item)
            values.append(rate)
        self.note(self.terms[0], "null", np.flatnonzero(~given.any(axis=0)))
        self.note_twice("date", rows, day)
        pick, offsets = self._sort(rows, len(known), day)
        # A row of the core for each value of a row here.
        at, term = np.nonzero(given[:, pick].T)
        counts = np.concatenate([[0], np.cumsum(given[:, pick].sum(axis=0))])
        table = np.array([_core.RATE_TERMS.index(name) for name in self.terms], dtype=np.int8)
        parts = np.array([to_parts(rate) for rate in values])
        return {
            "offsets": counts[offsets].astype(np.int64),
            "date": day[pick][at],
            "term": table[term],
            "parts": np.ascontiguousarray(parts[term, pick[at]]),
            "source": pick[at].astype(np.int32),
        }


class Hedges(LoanSide):
    """Hedges: loan_id, kind, strike_rate, from_date, notional or notional_share; maybe hedge_id."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "hedges", ("kind", "strike_rate", "from_date"), options)
        if not {"notional", "notional_share"} & self.present:
            hint = "'notional' or 'notional_share' is needed"
            raise InputError([Issue.make("hedges.notional", "missing_column", hint=hint)])

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        day = self._days("from_date")
        kind = self.words("kind", _core.HEDGE_KINDS)
        rate, no_rate = self.read_number("strike_rate", 0.0)
        self.note("strike_rate", "null", np.flatnonzero(no_rate))
        self.note("strike_rate", "range", np.flatnonzero((rate <= -1.0) | (rate > 100.0)), rate.item)
        if not self.options.allow_high_rate:
            self.note("strike_rate", "rate_unit", np.flatnonzero((rate > 1.0) & (rate <= 100.0)), rate.item)
        notional = self.read_money("notional")
        none = notional == NO_MINOR if self.options.rounded else np.isnan(notional)
        self.note("notional", "range", np.flatnonzero(~none & (notional < 0)), notional.item)
        share, no_share = self.read_number("notional_share", 0.0)
        self.note("notional_share", "range", np.flatnonzero(~((share >= 0.0) & (share <= 1.0))), share.item)
        column = "notional" if "notional" in self.present else "notional_share"
        self.note(column, "null", np.flatnonzero(none & no_share))
        number = np.full(self.n, -1, dtype=np.int64)
        if "hedge_id" in self.present:
            number = self.codes("hedge_id")[0].astype(np.int64)
        # Without an id, rows of one kind and strike are one hedge; with one, each row has the strike from its
        # date on.
        keys = np.stack([number, kind.astype(np.int64), np.where(number < 0, to_parts(rate), 0)], axis=1)
        number = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1) if self.n else number
        self.note_twice("from_date", rows, number, day)
        pick, offsets = self._sort(rows, len(known), number, day)
        return {
            "offsets": offsets,
            "number": number[pick].astype(np.int32),
            "kind": kind[pick].astype(np.int8),
            "parts": to_parts(rate)[pick],
            "date": day[pick],
            "notional": notional[pick],
            "share": np.where(no_share, NO_MINOR, to_parts(np.clip(share, 0.0, 1.0)))[pick],
        }


class Capitalization(LoanSide):
    """The share of interest cost that is capitalised: loan_id, from_date, share."""

    def __init__(self, data: Any, options: LoanOptions) -> None:
        super().__init__(data, "capitalization", ("from_date", "share"), options)

    def read(self, known: Array) -> dict[str, Array]:
        """Return the core's columns; `known` are the ids of the loans."""
        rows = self.assign(known)
        day = self._days("from_date")
        share, null = self.read_number("share", 0.0)
        self.note("share", "null", np.flatnonzero(null))
        self.note("share", "range", np.flatnonzero(~((share >= 0.0) & (share <= 1.0))), share.item)
        self.note_twice("from_date", rows, day)
        pick, offsets = self._sort(rows, len(known), day)
        return {"offsets": offsets, "date": day[pick], "parts": to_parts(share)[pick]}


def construction_of(first: Array, last: Array, none: int) -> dict[str, Array]:
    """Return the core's columns for loans whose whole interest cost is capitalised between two days.

    `first` and `last` are days since 1970, `none` where there is none: without a first day from the start of
    the loan, without a last day never.
    """
    builds = (first != none) | (last != none)
    ends = builds & (last != none)
    counts = builds.astype(np.int64) + ends
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    date = np.zeros(int(offsets[-1]), dtype=np.int32)
    parts = np.zeros(len(date), dtype=np.int64)
    at = offsets[:-1][builds]
    date[at] = np.where(first == none, np.iinfo(np.int32).min, first)[builds]
    parts[at] = _PARTS
    date[offsets[:-1][ends] + 1] = last[ends]
    return {"offsets": offsets, "date": date, "parts": parts}


def index_codes(codes: Array, values: Sequence[Any], names: Sequence[str]) -> tuple[Array, Array]:
    """Return the number of each loan's curve, -1 without an index, and the loans whose curve is missing."""
    known = {name: place for place, name in enumerate(names)}
    table = np.array([*(known.get(str(value), -2) for value in values), -1], dtype=np.int32)
    numbers = table[codes]
    return np.ascontiguousarray(numbers), np.flatnonzero(numbers == -2)
