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
from neocalc._columns import Array, native
from neocalc._frames import Frame
from neocalc._groups import Groups, group_rows
from neocalc._options import Options
from neocalc._side import FIRST_DAY, NO_MINOR, Side, by_row
from neocalc.errors import InputError, Issue

# Handled here, before the core: it makes the day of service.
IN_SERVICE = "in_service"
KINDS = (*_core.EVENT_KINDS, IN_SERVICE)
_NEEDS_AMOUNT = ("addition", "residual_change", "impairment", "reversal")
_NO_MONTH = np.iinfo(np.int32).min
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
        self.bad_rows = np.empty(0, dtype=np.int64)

    def shown(self, *, in_totals: bool) -> list[str]:
        """Return the columns that a result shows by default because of these events."""
        codes, _, uniques = self.frame.codes("kind")
        kinds = set(self.frame.uniques(uniques)) if len(codes) else set()
        posted = self.options.settings_args["posted_through"] is not None
        return [
            *(["transfers"] if in_totals and "transfer" in kinds else []),
            *(["gain"] if self.has_proceeds else []),
            *(["correction"] if posted else []),
        ]

    def read(self, known: Array, building: Array | None) -> dict[str, Array]:
        """Return the core's columns; `known` are the fleet's ids, `building` the rows under construction."""
        n = len(known)
        rows = self.assign(known)
        day, no_day = self.read_days("date")
        self.note("date", "null", np.flatnonzero(no_day))
        kind = self._kinds()
        amount, proceeds = self.read_money("amount"), self.read_money("proceeds")
        share, no_share = self.read_number("share", 1.0)
        months, no_months = self.read_number("remaining_months", 0.0)
        posted = np.full(self.n, _NO_MONTH, dtype=np.int32)
        if "posting_date" in self.present:
            posting, no_posting = self.read_days("posting_date")
            posted = np.where(no_posting, _NO_MONTH, _months(posting)).astype(np.int32)

        def of(*names: str) -> Array:
            table = np.zeros(len(KINDS) + 1, dtype=bool)  # the last entry is that of no kind, -1
            table[[KINDS.index(name) for name in names]] = True
            return table[kind]

        none = amount == NO_MINOR if self.options.rounded else np.isnan(amount)
        self.note("amount", "null", np.flatnonzero(of(*_NEEDS_AMOUNT) & none))
        self.note("remaining_months", "null", np.flatnonzero(of("life_change") & no_months))
        self.note(
            "share", "range", np.flatnonzero(of("disposal") & ~((share > 0.0) & (share <= 1.0))), share.item
        )
        whole = (months == np.rint(months)) & (np.abs(months) < 2**31)
        longest = self.options.settings_args["max_life_months"]
        lives = of("life_change") & ~no_months
        self.note("remaining_months", "dtype", np.flatnonzero(lives & ~whole), months.item)
        self.note(
            "remaining_months",
            "range",
            np.flatnonzero(lives & whole & ((months < 1) | (months > longest))),
            months.item,
        )
        starts = of(IN_SERVICE) & ~self.bad
        if building is None:
            self.note("kind", "event_state", np.flatnonzero(starts), lambda _: "not under construction")
        else:
            idle = starts & ~np.where(rows >= 0, building[rows], False)
            self.note("kind", "event_state", np.flatnonzero(idle), lambda _: "not under construction")
            starts &= ~idle
            order = np.flatnonzero(starts)
            again = order[np.isin(rows[order], _repeated(rows[order]))]
            self.note("kind", "event_state", again, lambda _: "in service already")
            starts[again] = False
            self.in_service = (rows[starts], day[starts])
            # Cost added under construction enters with the rest.
            entered = np.full(n, FIRST_DAY, dtype=np.int32)
            entered[rows[starts]] = day[starts]
            early = of("addition") & (rows >= 0)
            day = np.where(early, np.maximum(day, entered[np.maximum(rows, 0)]), day)
        self.bad_rows = np.unique(rows[self.bad & (rows >= 0)])
        used = np.flatnonzero((rows >= 0) & ~self.bad & ~starts & ~of(*self.ignored))
        by_asset, offsets = by_row(rows[used], n)
        pick = used if by_asset is None else used[by_asset]
        places = rows[pick]
        moved = kind[pick] == KINDS.index("transfer")
        if moved.any():
            at = np.flatnonzero(moved)
            by_date = at[np.lexsort((pick[at], day[pick[at]], places[at]))]
            self.transfers = Transfers(by_date, places[by_date], pick[by_date])
        return {
            "offsets": offsets,
            "date": day[pick],
            "kind": kind[pick].astype(np.int8),
            "amount": amount[pick],
            "proceeds": proceeds[pick],
            "share": np.where(no_share, 1.0, share)[pick],
            "months": months[pick].astype(np.int32),
            "posted": posted[pick],
            "group": np.full(len(pick), -1, dtype=np.int32),
            "source": pick.astype(np.int32),
        }

    @staticmethod
    def disposes_of_all(columns: dict[str, Array]) -> Array:
        """Whether each event of the core's columns leaves nothing."""
        whole: Array = (columns["kind"] == KINDS.index("disposal")) & (columns["share"] == 1.0)
        return whole

    def _kinds(self) -> Array:
        codes, _, uniques = self.frame.codes("kind")
        values = self.frame.uniques(uniques)
        table = np.array([*(KINDS.index(v) if v in KINDS else -1 for v in values), -1], dtype=np.int64)
        self.note("kind", "null", np.flatnonzero(codes < 0))
        unknown = np.flatnonzero((table[codes] < 0) & (codes >= 0))
        self.note(
            "kind",
            "event_kind",
            unknown,
            lambda row: repr(values[int(codes[row])]),
            f"one of {', '.join(KINDS)}",
        )
        return table[codes]


def _repeated(values: Array) -> Array:
    found, counts = np.unique(values, return_counts=True)
    return found[counts > 1]


def _months(day: Array) -> Array:
    return day.astype("M8[D]").astype("M8[M]").astype(np.int64)


class UsageColumns(Side):
    """A frame of units used."""

    def __init__(self, data: Any, options: Options) -> None:
        super().__init__(data, "usage", ("asset_id", "date", "units"), options)
        self.bad_rows = np.empty(0, dtype=np.int64)

    def read(self, known: Array, in_service: Array) -> tuple[Array, Array, Array]:
        """Return offsets, months and cumulative millionths; `in_service` are the fleet's days."""
        n = len(known)
        rows = self.assign(known)
        day, no_day = self.read_days("date")
        self.note("date", "null", np.flatnonzero(no_day))
        units, no_units = self.read_number("units", 0.0)
        self.note("units", "null", np.flatnonzero(no_units))
        self.note("units", "range", np.flatnonzero(~((units >= 0.0) & (units < 9e12))), units.item)
        month = _months(day)
        early = (rows >= 0) & ~no_day & (month < _months(in_service)[np.maximum(rows, 0)])
        self.note("date", "date_order", np.flatnonzero(early))
        self.bad_rows = np.unique(rows[self.bad & (rows >= 0)])
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
