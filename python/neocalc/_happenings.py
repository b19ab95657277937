"""Frames of events and usage as the core's columns: matched to a fleet's rows, sorted, judged.

A problem names the column as ``events.amount`` and the row of the frame of events; the asset it concerns
is bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import FIRST_DAY, Array, months_of, native, recode
from neocalc._frames import Frame
from neocalc._groups import Groups, group_rows
from neocalc._options import Options
from neocalc._side import NO_MINOR, Side, by_row
from neocalc.errors import InputError, Issue

# Handled here, before the core: it makes the day of service.
IN_SERVICE = "in_service"
KINDS = (*_core.EVENT_KINDS, IN_SERVICE)
_NEEDS_AMOUNT = ("addition", "residual_change", "impairment", "reversal")
NO_MONTH = np.iinfo(np.int32).min
_MILLION = 1_000_000


@dataclass(slots=True)
class Transfers:
    """Where assets go: which events, in the order of the core's columns, and the new values by column."""

    at: Array  # places in the sorted events
    rows: Array  # fleet rows, ascending
    source: Array  # rows of the frame of events


class EventColumns(Side):
    """A frame of events."""

    options: Options

    def __init__(self, data: Any, options: Options, ignored: Sequence[str] = ()) -> None:
        self.ignored = ignored  # kinds that mean nothing here
        super().__init__(data, "events", ("asset_id", "date", "kind"), options)
        self.has_proceeds = "proceeds" in self.present
        self.in_service: tuple[Array, Array] = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
        self.transfers: Transfers | None = None
        self._stated: frozenset[str] = frozenset()  # kinds that there may be

    def shown(self, *, in_totals: bool) -> list[str]:
        """Return the columns that a result shows by default because of these events."""
        codes, _, uniques = self.codes("kind")
        kinds = set(self.frame.uniques(uniques)) if len(codes) else set()
        posted = self.options.settings_args["posted_through"] is not None
        return [
            *(["transfers"] if in_totals and "transfer" in kinds else []),
            *(["gain"] if self.has_proceeds else []),
            *(["correction"] if posted else []),
        ]

    def read(self, known: Array, building: Array | None) -> dict[str, Array]:
        """Return the core's columns; `known` are the fleet's ids, `building` the rows under construction.

        Columns that the events do not have are left out: the core has their defaults.
        """
        rows = self.assign(known)
        day, no_day = self.read_days("date")
        self.note("date", "null", np.flatnonzero(no_day))
        kind = self._kinds()
        amount = self.read_money("amount")
        none = amount == NO_MINOR if self.options.rounded else np.isnan(amount)
        self.note("amount", "null", np.flatnonzero(self._of(kind, *_NEEDS_AMOUNT) & none))
        found = {"date": day, "kind": kind, "amount": amount}
        if self.has_proceeds:
            found["proceeds"] = self.read_money("proceeds")
        if "share" in self.present:
            share, no_share = self.read_number("share", 1.0)
            outside = self._of(kind, "disposal") & ~((share > 0.0) & (share <= 1.0))
            self.note("share", "range", np.flatnonzero(outside), share.item)
            found["share"] = np.where(no_share, 1.0, share)
        found["months"] = self._months(self._of(kind, "life_change"))
        if "posting_date" in self.present:
            posting, no_posting = self.read_days("posting_date")
            found["posted"] = np.where(no_posting, NO_MONTH, months_of(posting)).astype(np.int32)
        # Whatever is bad or leads nowhere was noted.
        left_out = self.bad | (rows < 0) if self.found else np.zeros(self.n, dtype=bool)
        if IN_SERVICE in self._stated:
            starts = self._start(rows, day, self._of(kind, IN_SERVICE), building)
            left_out |= self.bad | starts
        if building is not None and len(self.in_service[0]):
            # Cost added under construction enters with the rest.
            entered = np.full(len(known), FIRST_DAY, dtype=np.int32)
            entered[self.in_service[0]] = self.in_service[1]
            early = self._of(kind, "addition") & (rows >= 0)
            found["date"] = np.where(early, np.maximum(day, entered[np.maximum(rows, 0)]), day)
        self.blame(rows)
        if self.ignored:
            left_out |= self._of(kind, *self.ignored)
        source: Array | None = None
        if left_out.any():
            source = np.flatnonzero(~left_out)
        by_asset, offsets = by_row(rows if source is None else rows[source], len(known), self.options.threads)
        if by_asset is not None:
            source = by_asset if source is None else source[by_asset]
        if source is not None:  # else they are in order already, and nothing is copied
            found = {name: values[source] for name, values in found.items()}
            found["source"] = source.astype(np.int32)
            rows = rows[source]
        if "transfer" in self._stated:
            self._transfer(found, rows)
        return found | {"offsets": offsets}

    def _of(self, kind: Array, *names: str) -> Array:
        """Whether each event is of one of some kinds."""
        found = np.zeros(self.n, dtype=bool)
        for name in self._stated.intersection(names):
            found |= kind == KINDS.index(name)
        return found

    def _months(self, lives: Array) -> Array:
        """Return the months that remain, 0 for none; those of changes of life are judged."""
        longest = self.options.settings_args["max_life_months"]
        if not self.n or "remaining_months" not in self.present:
            self.note("remaining_months", "null", np.flatnonzero(lives))
            return np.zeros(self.n, dtype=np.int32)
        raw = self.frame.raw("remaining_months")
        if raw.values.dtype == np.float64 and raw.refuse is None and not raw.text:
            plain = native(raw.values) if raw.null is None else np.where(raw.null, np.nan, raw.values)
            counts = np.empty(self.n, dtype=np.int32)
            if _core.to_counts(plain, counts, longest, threads=self.options.threads):
                self.note("remaining_months", "null", np.flatnonzero(lives & (counts == 0)))
                return counts
        months, no_months = self.read_number("remaining_months", 0.0)
        self.note("remaining_months", "null", np.flatnonzero(lives & no_months))
        whole = (months == np.rint(months)) & (np.abs(months) < 2**31)
        lives = lives & ~no_months
        self.note("remaining_months", "dtype", np.flatnonzero(lives & ~whole), months.item)
        outside = lives & whole & ((months < 1) | (months > longest))
        self.note("remaining_months", "range", np.flatnonzero(outside), months.item)
        return months.astype(np.int32)

    def _start(self, rows: Array, day: Array, starts: Array, building: Array | None) -> Array:
        """Take down which rows enter service and when; return the events that say so."""
        starts &= ~self.bad
        if building is None:
            self.note("kind", "event_state", np.flatnonzero(starts), lambda _: "not under construction")
            return starts
        idle = starts & ~np.where(rows >= 0, building[rows], False)
        self.note("kind", "event_state", np.flatnonzero(idle), lambda _: "not under construction")
        starts &= ~idle
        order = np.flatnonzero(starts)
        again = order[np.isin(rows[order], _repeated(rows[order]))]
        self.note("kind", "event_state", again, lambda _: "in service already")
        starts[again] = False
        self.in_service = (rows[starts], day[starts])
        return starts

    def _transfer(self, found: dict[str, Array], rows: Array) -> None:
        """Take down which of the core's events lead to another group."""
        at = np.flatnonzero(found["kind"] == KINDS.index("transfer"))
        found["group"] = np.full(len(rows), -1, dtype=np.int32)
        if len(at):
            source = found.get("source", np.arange(len(rows), dtype=np.int32))
            by_date = at[np.lexsort((source[at], found["date"][at], rows[at]))]
            self.transfers = Transfers(by_date, rows[by_date], source[by_date])

    @staticmethod
    def disposes_of_all(columns: dict[str, Array]) -> Array:
        """Whether each event of the core's columns leaves nothing."""
        whole: Array = columns["kind"] == KINDS.index("disposal")
        if "share" in columns:
            whole &= columns["share"] == 1.0
        return whole

    def _kinds(self) -> Array:
        codes, _, uniques = self.codes("kind")
        values = self.frame.uniques(uniques)
        self._stated = frozenset(value for value in values if value in KINDS)
        table = np.array([*(KINDS.index(v) if v in KINDS else -1 for v in values), -1], dtype=np.int8)
        kind = recode(codes, table)
        if self.n and kind.min() >= 0:
            return kind
        self.note("kind", "null", np.flatnonzero(codes < 0))
        unknown = np.flatnonzero((kind < 0) & (codes >= 0))
        self.note(
            "kind",
            "event_kind",
            unknown,
            lambda row: repr(values[int(codes[row])]),
            f"one of {', '.join(KINDS)}",
        )
        return kind


def _repeated(values: Array) -> Array:
    found, counts = np.unique(values, return_counts=True)
    return found[counts > 1]


class UsageColumns(Side):
    """A frame of units used."""

    def __init__(self, data: Any, options: Options) -> None:
        super().__init__(data, "usage", ("asset_id", "date", "units"), options)

    def read(self, known: Array, in_service: Array) -> tuple[Array, Array, Array]:
        """Return offsets, months and cumulative millionths; `in_service` are the fleet's days."""
        n = len(known)
        rows = self.assign(known)
        day, no_day = self.read_days("date")
        self.note("date", "null", np.flatnonzero(no_day))
        units, no_units = self.read_number("units", 0.0)
        self.note("units", "null", np.flatnonzero(no_units))
        self.note("units", "range", np.flatnonzero(~((units >= 0.0) & (units < 9e12))), units.item)
        month = months_of(day)
        early = (rows >= 0) & ~no_day & (month < months_of(in_service)[np.maximum(rows, 0)])
        self.note("date", "date_order", np.flatnonzero(early))
        self.blame(rows)
        used = np.flatnonzero((rows >= 0) & ~self.bad)
        order = used[np.lexsort((month[used], rows[used]))]
        _, offsets = by_row(rows[order], n)
        parts = np.rint(units[order] * _MILLION).astype(np.int64)
        total = np.cumsum(parts)
        before = np.concatenate([[0], total])[offsets[:-1]]
        cumulative = total - np.repeat(before, np.diff(offsets))
        if len(parts) and float(units[order].sum()) > 9e12:
            raise InputError([Issue.make("usage.units", "overflow", hint="pass fewer or coarser units")])
        return offsets, month[order].astype(np.int32), native(cumulative)


def moved_groups(frame: Frame, events: EventColumns, transfers: Transfers, names: Sequence[str]) -> Groups:
    """Number the groups of the rows, and those that transfers lead to."""
    count = len(transfers.rows)
    first = np.ones(count, dtype=bool)
    first[1:] = transfers.rows[1:] != transfers.rows[:-1]
    places = np.arange(count)

    def codes_of(name: str) -> tuple[Array, int, Any]:
        stays = np.ones(count, dtype=bool)
        values: list[Any] = []
        if name in events.present:
            codes, _, uniques = events.frame.codes(name)
            known = events.frame.uniques(uniques)
            own = codes[transfers.source]
            stays = own < 0
            values = [known[code] for code in own[~stays].tolist()]
        try:
            codes, n, uniques = frame.codes_with(name, values)
        except Exception as error:
            raise InputError([Issue.make(f"events.{name}", "dtype", example=type(error).__name__)]) from error
        after = np.empty(count, dtype=codes.dtype)
        after[~stays] = codes[frame.n :]
        # What a transfer does not name stays as the one before it left it, the first as the asset was.
        begins = first & stays
        after[begins] = codes[: frame.n][transfers.rows[begins]]
        known_at = np.maximum.accumulate(np.where(first | ~stays, places, 0))
        return np.concatenate([codes[: frame.n], after[known_at]]), n, uniques

    groups = group_rows(codes_of, names)
    if groups.codes is not None:
        groups.codes, groups.after = groups.codes[: frame.n], groups.codes[frame.n :]
    else:
        groups.after = np.zeros(count, dtype=np.int32)
    return groups
