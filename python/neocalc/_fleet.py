"""A user's frame as the core's columns, and everything that is wrong with it.

Each problem is found by whoever can see it: names and types here, values in the core. `FleetColumns.settle`
puts both together, so that one call reports all of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, life, months_of
from neocalc._families import families
from neocalc._groups import Groups
from neocalc._happenings import NO_MONTH, EventColumns, UsageColumns, moved_groups
from neocalc._options import DIFFERENCE_COLUMNS, EVENT_COLUMNS, MONEY_COLUMNS, NOTE_COLUMNS, Options
from neocalc._records import Layout, Records, Verdict, changed, guarded, stretch
from neocalc._records import check_by as _check_by
from neocalc._side import TICKS
from neocalc.errors import ConfigError

REQUIRED = ("cost", "in_service_date")
_OPENING = ("opening_accumulated", "opening_date")
# Arguments of the core whose amounts and dates are compared with cost and in_service_date.
_COMPARED = (
    "residual_value", "residual_null", *_OPENING, "opening_null", "opening_date_unit", "opening_date_null",
)  # fmt: skip
# Construction in progress, however it is written.
_CIP = ["".join(letters) for letters in product("cC", "iI", "pP")]
_OPTIONAL = ("asset_id", "parent_id", "residual_value", "useful_life_months", "status", "currency", *_OPENING)
_RESERVED = frozenset(
    (
        *("policy", "period_end", "issue"),
        *MONEY_COLUMNS,
        *EVENT_COLUMNS,
        *NOTE_COLUMNS,
        *(f"{name}_difference" for name in DIFFERENCE_COLUMNS),
    )
)


class FleetColumns(Records):
    """What the core gets of a fleet, the problems that are known, and the rows left out."""

    id_name = "asset_id"
    subject = "fleet"
    layout = Layout(
        REQUIRED,
        _OPTIONAL,
        (_OPENING,),
        bare=tuple(
            (name, "useful_life_months", "life_unit")
            for name in ("life", "useful_life", "life_years", "useful_life_years")
        ),
        other=(
            "fleet",
            ("principal", "commitment", "annual_rate"),
            "validate_loans and amortize read loans",
        ),
    )
    compared = ("cost", "in_service_date", "opening_date")
    options: Options
    _made: _core.Fleet | None

    def __init__(
        self,
        data: Any,
        options: Options,
        *,
        index_is_id: bool,
        events: Any = None,
        usage: Any = None,
        ignored: Sequence[str] = (),
    ) -> None:
        self.events = None if events is None else EventColumns(events, options, ignored)
        self._usage = None if usage is None else UsageColumns(usage, options)
        super().__init__(data, options, index_is_id=index_is_id or events is not None or usage is not None)
        if self.events is not None:
            self.options = options.with_events(self.events.shown(in_totals=not index_is_id))
            self.sides["events"] = self.events
        elif options.settings_args["posted_through"] is not None:  # a change of estimate may be late
            self.options = options.with_events(["correction"])
        self.policy_by: str | None = None
        self.roots: Array | None = None  # the asset that each row reports under
        self._happened: dict[str, Array] = {}
        self._used: tuple[Array, Array, Array] | None = None
        self._read()

    def _read(self) -> None:
        frame, present, problems = self.frame, self.present, self.problems
        if "status" in present:
            try:
                building = frame.isin("status", _CIP)
            except ConfigError:
                building = np.zeros(self.n, dtype=bool)
                problems.column("status", "dtype", hint="status is text; 'cip' is construction in progress")
            self.skip = problems.skip = building if building.any() else None
        cost = self._money("cost", required=True) or (np.zeros(self.n), None)
        day = self.dates("in_service_date") or (np.zeros(self.n, dtype=np.int64), "D", None)
        self._cost, self._day, self._unit = cost[0], day[0], day[1]
        args: dict[str, Any] = {"nan_is_null": frame.nan_is_null}
        args["cost_null"], args["date_null"] = cost[1], day[2]
        if residual := self._money("residual_value"):
            args["residual_value"], args["residual_null"] = residual
        if "useful_life_months" in present:
            months = life(
                frame.raw("useful_life_months"),
                "useful_life_months",
                problems,
                nan_is_null=frame.nan_is_null,
            )
            if months is not None:
                args["useful_life_months"], args["life_null"] = months
        if "opening_accumulated" in present and "opening_date" in present:
            opening, opened = self._money("opening_accumulated"), self.dates("opening_date")
            if opening is not None and opened is not None:
                args["opening_accumulated"], args["opening_null"] = opening
                args["opening_date"], args["opening_date_unit"], args["opening_date_null"] = opened
        if problems.whole_column:
            # Nothing will be computed; amounts that stand for a refused column must not be compared.
            for name in _COMPARED:
                args.pop(name, None)
        self._args = {name: value for name, value in args.items() if value is not None}
        if "currency" in present:
            self._check_currency()
        self._check_ids()
        if not problems.whole_column:
            self._read_happenings()
            if "parent_id" in present:
                self.roots = families(self.frame, problems)

    def _read_happenings(self) -> None:
        """Match events and usage to rows; what is wrong with them is wrong with their assets."""
        if self.events is None and self._usage is None:
            return
        known = self.frame.id_values()
        if self.events is not None:
            self._happened = self.events.read(known, self.skip)
            rows, days = self.events.in_service
            if len(rows):
                self._put_in_service(rows, days)
            self.take_over(self.events)
        if self._usage is not None:
            self._used = self._usage.read(known, self.days_in_service())
            self.take_over(self._usage)

    def _put_in_service(self, rows: Array, days: Array) -> None:
        """End the construction of some rows."""
        self._day = self._day.astype(np.int64)
        self._day[rows] = days.astype(np.int64) * TICKS[self._unit]
        if "date_null" in self._args:
            self._args["date_null"] = self._args["date_null"].copy()
            self._args["date_null"][rows] = False
        if self.skip is not None:
            self.skip = self.skip.copy()
            self.skip[rows] = False
            self.problems.skip = self.skip

    def _grouped(self, names: Sequence[str]) -> Groups:
        transfers = None if self.events is None else self.events.transfers
        if transfers is None or self.events is None:
            return super()._grouped(names)
        groups = moved_groups(self.frame, self.events, transfers, names)
        if groups.after is not None:
            self._happened["group"][transfers.at] = groups.after
        return groups

    def groups_in(self, groups: Groups, close: dt.date) -> Array:
        """Return each row's group in the books of a month, after the transfers up to then; -1 is null."""
        codes = np.zeros(self.n, dtype=np.int64) if groups.codes is None else groups.codes.astype(np.int64)
        transfers = None if self.events is None else self.events.transfers
        if transfers is None or groups.after is None:
            return codes
        month = months_of(self._happened["date"][transfers.at])
        through = self.options.settings_args["posted_through"]
        if through is not None:
            # What is dated in a closed month stands in that of its posting, or else in the first open one.
            closed = months_of(np.array([through]))
            none = np.full(len(month), NO_MONTH)
            posted = self._happened["posted"][transfers.at] if "posted" in self._happened else none
            late = np.where(posted == NO_MONTH, closed + 1, np.maximum(posted, month))
            month = np.where(month <= closed, late, month)
        done = month <= close.year * 12 + close.month - 1 - 12 * 1970
        # In order of date: of several transfers of a row the last one stands.
        codes[transfers.rows[done]] = groups.after[done]
        return codes

    def core(self, skip: Array | None = None, without: Sequence[str] = ()) -> _core.Fleet:
        """Return the core's fleet without the rows of `skip` (by default `self.skip`) and some columns."""
        if skip is None and self._made is not None:
            return self._made
        leave_out = self.skip if skip is None else skip
        args = self._args if leave_out is None else {**self._args, "skip": leave_out}
        if self._happened:
            args = {**args, "events": _core.Events(**self._happened)}
        if self._used is not None:
            args = {**args, "usage": _core.Usage(*self._used)}
        if without:
            args = {name: value for name, value in args.items() if name not in without}
        try:
            fleet = _core.Fleet(self._cost, self._day, self._unit, **args)
        except ValueError as error:
            raise changed() from error  # nothing but columns of different lengths is left to go wrong
        if skip is None:
            self._made = fleet
        return fleet

    def bare_core(self) -> _core.Fleet:
        """Return costs and days of service alone."""
        args = self._args
        return _core.Fleet(
            self._cost,
            self._day,
            self._unit,
            cost_null=args.get("cost_null"),
            date_null=args.get("date_null"),
            skip=self.skip,
            nan_is_null=args["nan_is_null"],
        )

    def days_in_service(self) -> Array:
        """Return days since 1970-01-01."""
        return np.floor_divide(self._day, TICKS[self._unit] if self._day.dtype == np.int64 else 1)

    def sold_on(self, never: int) -> Array:
        """Return the day on which each row is disposed of in full, `never` where it is not."""
        days = np.full(self.n, never, dtype=np.int32)
        if self.events is not None and self._happened:
            of_rows = np.repeat(np.arange(self.n), np.diff(self._happened["offsets"]))
            whole = self.events.disposes_of_all(self._happened)
            days[of_rows[whole]] = self._happened["date"][whole]
        return days

    def _one(self, row: int) -> _core.Fleet:
        only = slice(row, row + 1)
        args: dict[str, Any] = {k: v[only] if isinstance(v, np.ndarray) else v for k, v in self._args.items()}
        if self._happened:
            part, offsets = stretch(self._happened["offsets"], row)
            args["events"] = _core.Events(
                **{k: v[part] for k, v in self._happened.items()} | {"offsets": offsets}
            )
        if self._used is not None:
            part, offsets = stretch(self._used[0], row)
            args["usage"] = _core.Usage(offsets, self._used[1][part], self._used[2][part])
        return _core.Fleet(self._cost[only], self._day[only], self._unit, **args)

    def _verdicts(self, left_out: Array, hidden: Array, runs: Sequence[_core.Run]) -> Iterator[Verdict]:
        for part, without in ((left_out | hidden, ()), (left_out | ~hidden, _COMPARED)):
            if not part.all():
                yield guarded(_core.validate, self.core(part, without), runs, self.options.settings)

    def _verdict_of(
        self, row: int, runs_of_row: Sequence[Callable[[int], _core.Run]]
    ) -> list[_core.IssueTuple]:
        runs = [run_of(row) for run_of in runs_of_row]
        return guarded(_core.validate, self._one(row), runs, self.options.settings)[0]

    def _lost_with(self, bad: Array) -> Array:
        if self.roots is None:
            return bad
        whole = np.zeros(self.n, dtype=bool)  # a sum without one of its parts would be wrong
        whole[self.roots[bad]] = True
        lost: Array = bad | whole[self.roots]
        return lost

    def _name(self, column: str) -> str:
        return (self.policy_by or column) if column == "policy" else column


def check_by(by: Any) -> list[str]:
    """Return the keys of the totals as a list."""
    return _check_by(by, _RESERVED)


def match_rows(fleet: FleetColumns, where: Any) -> Array | None:
    """Return the rows whose columns all hold a value asked for; None for all rows."""
    if where is None:
        return None
    if not isinstance(where, Mapping) or not where:
        raise ConfigError(
            f"where must name columns and values, such as {{'asset_class': 'gpu'}}, not {where!r}"
        )
    inside = np.ones(fleet.n, dtype=bool)
    for name, values in where.items():
        if fleet.has(name):
            many = isinstance(values, Iterable) and not isinstance(values, (str, bytes))
            inside &= fleet.frame.isin(name, list(values) if many else [values])
    return inside
