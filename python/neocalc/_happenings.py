"""Frames of events and usage as the core's columns: matched to a fleet's rows, sorted, judged.

A problem names the column as ``events.amount`` and the row of the frame of events; the asset it concerns
is bad.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import (
    FIRST_DAY,
    LAST_DAY,
    MAX_LISTED_ROWS,
    Array,
    Problems,
    dates,
    minor_to_major,
    money,
    months_of,
    native,
)
from neocalc._frames import Frame, as_frame, nearest
from neocalc._groups import Groups, group_rows
from neocalc._options import Options
from neocalc.errors import InputError, Issue

# Handled here, before the core: it makes the day of service.
IN_SERVICE = "in_service"
KINDS = (*_core.EVENT_KINDS, IN_SERVICE)
_NEEDS_AMOUNT = ("addition", "residual_change", "impairment", "reversal")
_NO_MONTH = np.iinfo(np.int32).min
_NO_MINOR = np.iinfo(np.int64).min
TICKS = {"D": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_MILLION = 1_000_000


class Side:
    """A frame beside the fleet, whose rows belong to assets by ``asset_id``."""

    def __init__(self, data: Any, what: str, required: Sequence[str], options: Options) -> None:
        self.what = what
        self.options = options
        try:
            self.frame: Frame = as_frame(data)
        except InputError as error:
            raise InputError([replace(issue, column=what) for issue in error.issues]) from None
        self.n = self.frame.n
        self.issues: list[Issue] = []
        self.bad = np.zeros(self.n, dtype=bool)
        self.found: list[tuple[str, str, Array]] = []  # column, code, rows of this frame
        self.of_assets: list[tuple[str, str, Array]] = []  # the same with the fleet's rows
        self.present = frozenset(self.frame.names)
        if len(self.present) < len(self.frame.names):
            twice = next(name for name in self.frame.names if self.frame.names.count(name) > 1)
            raise InputError([Issue.make(f"{what}.{twice}", "duplicate_column")])
        missing = [name for name in required if name not in self.present]
        if missing:
            hints = [nearest(name, self.frame.names) for name in missing]
            raise InputError(
                [
                    Issue.make(f"{what}.{name}", "missing_column", hint=hint)
                    for name, hint in zip(missing, hints, strict=True)
                ]
            )

    def note(self, column: str, code: str, rows: Array, example: Any = None, hint: str | None = None) -> None:
        """Record a problem of some rows of this frame."""
        if not len(rows):
            return
        self.bad[rows] = True
        first = np.sort(rows)[:MAX_LISTED_ROWS].tolist()
        text = "null" if code == "null" else "" if example is None else str(example(first[0]))
        name = f"{self.what}.{column}"
        self.found.append((name, code, rows))
        self.issues.append(
            self.locate(Issue.make(name, code, n_bad=len(rows), rows=first, example=text, hint=hint))
        )

    def locate(self, issue: Issue) -> Issue:
        """Add labels and asset ids to an issue of this frame."""
        pick = self.frame.ids(True).pick
        ids = tuple(pick(row) for row in issue.rows)
        return issue.located(self.frame.labels(issue.rows), ids)

    def assign(self, known: Array) -> Array:
        """Return the fleet row of each row, -1 where there is none."""
        own = self.frame.id_values()
        rows = match(known, own)
        null = np.zeros(self.n, dtype=bool)
        null[self.frame.null_ids(False)] = True
        self.note("asset_id", "null", np.flatnonzero(null))
        self.note(
            "asset_id", "unknown_id", np.flatnonzero((rows < 0) & ~null), lambda row: repr(_item(own[row]))
        )
        return rows

    def blame(self, assets: Array) -> None:
        """Pass the problems of rows on to their assets: rows of the fleet, -1 where there is none."""
        for column, code, rows in self.found:
            concerned = assets[rows]
            if (concerned >= 0).any():
                self.of_assets.append((column, code, np.unique(concerned[concerned >= 0])))

    def read_days(self, name: str) -> tuple[Array, Array]:
        """Return days since 1970 and which are null; what is no civil date is noted."""
        if not self.n:  # a column without rows has no type to speak of
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=bool)
        problems = Problems()
        found = dates(self.frame.raw(name), name, problems)
        self._take_over(problems)
        if found is None:
            return np.zeros(self.n, dtype=np.int32), np.zeros(self.n, dtype=bool)
        counts, unit, mask = found
        null = counts == _NO_MINOR if mask is None else mask | (counts == _NO_MINOR)
        day, rest = np.divmod(np.where(null, 0, counts), TICKS[unit])
        outside = ((day < FIRST_DAY) | (day > LAST_DAY)) & ~null
        self.note(name, "date_range", np.flatnonzero(outside))
        if not self.options.settings_args["floor_time"]:
            self.note(name, "date_time", np.flatnonzero((rest != 0) & ~null & ~outside))
        return np.where(outside, 0, day).astype(np.int32), null

    def read_money(self, name: str) -> Array:
        """Return amounts as the core wants them, the least integer or NaN for none."""
        options = self.options
        none = np.full(self.n, _NO_MINOR) if options.rounded else np.full(self.n, np.nan)
        if name not in self.present or not self.n:
            return none
        problems = Problems()
        found = money(
            self.frame.raw(name),
            name,
            problems,
            minor_units=options.minor_units,
            in_minor=options.amounts == "minor",
            round_input=options.round_input,
            nan_is_null=True,
        )
        self._take_over(problems)
        if found is None:
            return none
        values, mask = found
        null = np.zeros(self.n, dtype=bool) if mask is None else mask.copy()
        if values.dtype == np.float64:
            null |= np.isnan(values)
            if not options.rounded:
                self.note(name, "nonfinite", np.flatnonzero(np.isinf(values)), values.item)
                return np.where(null, np.nan, values)
            plain = np.where(null, 0.0, values)
            minor, wrong = _core.to_minor(plain, options.minor_units, options.round_input)
            for code in sorted({code for _, code in wrong}):
                self.note(name, code, np.array([at for at, other in wrong if other == code]), values.item)
            values = np.asarray(minor)
        elif not options.rounded:
            values = minor_to_major(values, options.minor_units)
        return np.where(null, none, values)

    def read_number(self, name: str, default: float) -> tuple[Array, Array]:
        """Return a column of numbers as float64, and which are null."""
        null = np.zeros(self.n, dtype=bool)
        if name not in self.present or not self.n:
            return np.full(self.n, default), ~null
        raw = self.frame.raw(name)
        if raw.refuse is not None or raw.text or raw.values.dtype.kind not in "iufO":
            self.column(name, "dtype", str(raw.values.dtype))
            return np.full(self.n, default), ~null
        if raw.null is not None:
            null = raw.null.copy()
        values = np.full(self.n, default)
        if raw.values.dtype.kind == "O":
            for row, value in enumerate(raw.values):
                if value is None or null[row] or type(value).__name__ in ("NAType", "NaTType"):
                    null[row] = True
                elif isinstance(value, (bool, np.bool_, str)):
                    self.note(name, "dtype", np.array([row]), lambda _, value=value: repr(value))
                else:
                    try:
                        values[row] = float(value)
                    except (TypeError, ValueError):
                        self.note(name, "dtype", np.array([row]), lambda _, value=value: repr(value))
        else:
            values[~null] = raw.values[~null]
        null |= np.isnan(values)
        self.note(name, "nonfinite", np.flatnonzero(np.isinf(values)), values.item)
        return np.where(null | np.isinf(values), default, values), null

    def column(self, name: str, code: str, example: str = "") -> None:
        """Refuse a whole column."""
        raise InputError([Issue.make(f"{self.what}.{name}", code, example=example)])

    def _take_over(self, problems: Problems) -> None:
        if problems.whole_column:
            issue = problems.issues[0]
            raise InputError([Issue.make(f"{self.what}.{issue.column}", issue.code, example=issue.example)])
        for issue, (name, code, rows) in zip(problems.issues, problems.found, strict=True):
            self.note(name, code, rows, lambda _, issue=issue: issue.example)


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def match(known: Array, wanted: Array) -> Array:
    """Return where each wanted id stands among the known ones, -1 where it does not."""
    if known.dtype.kind in "iu" and wanted.dtype.kind in "iu":
        if not len(known):
            return np.full(len(wanted), -1, dtype=np.int64)
        ascending = bool((known[1:] > known[:-1]).all())
        if ascending and int(known[-1]) - int(known[0]) == len(known) - 1:  # numbered without a gap
            inside = (wanted >= known[0]) & (wanted <= known[-1])
            return np.where(inside, wanted - known[0], -1).astype(np.int64, copy=False)
        order = None if ascending else np.argsort(known, kind="stable")
        ordered = known if order is None else known[order]
        at = np.minimum(np.searchsorted(ordered, wanted), len(known) - 1)
        found = ordered[at] == wanted
        return np.where(found, at if order is None else order[at], -1)
    pandas = sys.modules.get("pandas")
    if pandas is not None and known.dtype == object and wanted.dtype == object:
        index = pandas.Index(known, tupleize_cols=False)
        if index.is_unique:
            return np.asarray(index.get_indexer(pandas.Index(wanted, tupleize_cols=False)), dtype=np.int64)
    places: dict[Any, int] = {}
    for place, value in enumerate(known.tolist()):
        places.setdefault(value, place)
    return np.array([places.get(value, -1) for value in wanted.tolist()], dtype=np.int64)


def _by_row(rows: Array, n: int) -> tuple[Array | None, Array]:
    """Return the order that sorts by fleet row (None: sorted already), and each row's stretch."""
    order = None if not len(rows) or bool((rows[1:] >= rows[:-1]).all()) else np.argsort(rows, kind="stable")
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n), out=offsets[1:])
    return order, offsets


@dataclass(slots=True)
class Transfers:
    """Where assets go: which events, in the order of the core's columns, and the new values by column."""

    at: Array  # places in the sorted events
    rows: Array  # fleet rows, ascending
    source: Array  # rows of the frame of events


class EventColumns(Side):
    """A frame of events."""

    def __init__(self, data: Any, options: Options, ignored: Sequence[str] = ()) -> None:
        self.ignored = ignored  # kinds that mean nothing here
        super().__init__(data, "events", ("asset_id", "date", "kind"), options)
        self.has_proceeds = "proceeds" in self.present
        self.in_service: tuple[Array, Array] = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
        self.transfers: Transfers | None = None

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
            posted = np.where(no_posting, _NO_MONTH, months_of(posting)).astype(np.int32)

        def of(*names: str) -> Array:
            table = np.zeros(len(KINDS) + 1, dtype=bool)  # the last entry is that of no kind, -1
            table[[KINDS.index(name) for name in names]] = True
            return table[kind]

        none = amount == _NO_MINOR if self.options.rounded else np.isnan(amount)
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
        self.blame(rows)
        used = np.flatnonzero((rows >= 0) & ~self.bad & ~starts & ~of(*self.ignored))
        by_row, offsets = _by_row(rows[used], n)
        pick: Any = used if by_row is None else used[by_row]
        source = pick.astype(np.int32)
        if by_row is None and len(used) == self.n:
            pick = slice(None)  # in order already: nothing is copied
        places = rows[pick]
        moved = kind[pick] == KINDS.index("transfer")
        if moved.any():
            at = np.flatnonzero(moved)
            by_date = at[np.lexsort((source[at], day[pick][at], places[at]))]
            self.transfers = Transfers(by_date, places[by_date], source[by_date])
        return {
            "offsets": offsets,
            "date": day[pick],
            "kind": kind[pick].astype(np.int8),
            "amount": amount[pick],
            "proceeds": proceeds[pick],
            "share": np.where(no_share, 1.0, share)[pick],
            "months": months[pick].astype(np.int32),
            "posted": posted[pick],
            "group": np.full(len(source), -1, dtype=np.int32),
            "source": source,
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
        _, offsets = _by_row(rows[order], n)
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
