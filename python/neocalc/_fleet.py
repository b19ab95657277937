"""A user's frame as the core's columns, and everything that is wrong with it.

Each problem is found by whoever can see it: names and types here, values in the core. `FleetColumns.settle`
puts both together, so that one call reports all of them.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from neocalc import _core
from neocalc._columns import Array, Problems, dates, life, money
from neocalc._currencies import ISO_4217
from neocalc._families import families
from neocalc._frames import as_frame, nearest
from neocalc._groups import Groups, group_rows
from neocalc._happenings import TICKS, EventColumns, UsageColumns, moved_groups
from neocalc._options import DIFFERENCE_COLUMNS, EVENT_COLUMNS, MONEY_COLUMNS, NOTE_COLUMNS, Options
from neocalc.errors import ConfigError, InputError, InternalError, Issue, Issues, ResourceLimitError

T = TypeVar("T")
REQUIRED = ("cost", "in_service_date")
_OPENING = ("opening_accumulated", "opening_date")
# Arguments of the core whose amounts and dates are compared with cost and in_service_date.
_COMPARED = (
    "residual_value", "residual_null", *_OPENING, "opening_null", "opening_date_unit", "opening_date_null",
)  # fmt: skip
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


def guarded(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call the core; its plain exceptions get their names."""
    try:
        return call(*args, **kwargs)
    except MemoryError as error:
        instead = "ask for totals with fewer keys in by=[...] or a shorter start/end"
        raise ResourceLimitError(f"{error}; {instead}") from error
    except OverflowError as error:
        raise InputError([Issue.make("cost", "overflow")]) from error
    except RuntimeError as error:
        if "changed" in str(error):
            raise changed() from error
        raise InternalError(str(error)) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def changed() -> InputError:
    """Return the error for a frame that another thread writes to."""
    return InputError([Issue.make("fleet", "concurrent_mutation")])


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip("\ufeff \t\r\n").casefold().replace(" ", "_")


@lru_cache(maxsize=256)
def _layout(names: tuple[Any, ...]) -> tuple[tuple[Issue, ...], frozenset[Any]]:
    """Issues of the names alone, and the names; frames of one shape are judged once."""
    present = frozenset(names)
    issues = [
        Issue.make(str(name), "duplicate_column", n_bad=count)
        for name, count in Counter(names).items()
        if count > 1
    ]
    issues += [
        Issue.make(name, "missing_column", hint=nearest(name, names))
        for name in REQUIRED
        if name not in present
    ]
    # Columns that only look like an optional one would change amounts by being ignored.
    twins = {_plain(name): name for name in names if isinstance(name, str) and name not in _OPTIONAL}
    for name in _OPTIONAL:
        if name not in present and name in twins:
            hint = f"rename {twins[name]!r} to {name!r}"
            issues.append(Issue.make(name, "missing_column", hint=hint))
    for one, other in (_OPENING, _OPENING[::-1]):
        if one in present and other not in present and other not in twins:
            issues.append(Issue.make(other, "missing_column", hint=f"{one!r} means nothing without it"))
    if "life" in present and "useful_life_months" not in present:
        issues.append(Issue.make("life", "life_unit"))
    return tuple(issues), present


class FleetColumns:
    """What the core gets of a frame, the problems that are known, and the rows left out."""

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
        self.options = options
        self.events = None if events is None else EventColumns(events, options, ignored)
        self._usage = None if usage is None else UsageColumns(usage, options)
        self.frame = as_frame(data)
        self.n = self.frame.n
        if self.events is not None:
            self.options = options.with_events(self.events.shown(in_totals=not index_is_id))
        elif options.settings_args["posted_through"] is not None:  # a change of estimate may be late
            self.options = options.with_events(["correction"])
        issues, self.present = _layout(self.frame.names)
        self.problems = Problems(list(issues), whole_column=bool(issues))
        if any(issue.code == "duplicate_column" for issue in issues):
            raise InputError(issues, n_rows=self.n)
        self._classes: dict[str, tuple[Array, int, list[Any]]] = {}
        self._core: _core.Fleet | None = None
        self.skip: Array | None = None  # construction in progress, then also rows that are dropped
        self.bad: Array | None = None  # rows that were settled to be dropped or flagged
        self.issues: Issues | None = None
        self.policy_by: str | None = None
        self._index_is_id = index_is_id or events is not None or usage is not None
        self.roots: Array | None = None  # the asset that each row reports under
        self._happened: dict[str, Array] = {}
        self._used: tuple[Array, Array, Array] | None = None
        self._read()

    def _read(self) -> None:
        frame, present, problems = self.frame, self.present, self.problems
        if "status" in present:
            try:
                building = frame.isin("status", ["cip"])
            except ConfigError:
                building = np.zeros(self.n, dtype=bool)
                problems.column("status", "dtype", hint="status is text; 'cip' is construction in progress")
            self.skip = problems.skip = building if building.any() else None
        cost = self._money("cost") or (np.zeros(self.n), None)
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
            self._take_over(self.events)
        if self._usage is not None:
            self._used = self._usage.read(known, self.days_in_service())
            self._take_over(self._usage)

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

    def _take_over(self, side: EventColumns | UsageColumns) -> None:
        problems = self.problems
        problems.issues += side.issues
        for column, code, rows in side.of_assets:
            if problems.bad is None:
                problems.bad = np.zeros(self.n, dtype=bool)
            problems.bad[rows] = True
            problems.found.append((column, code, rows))

    def _money(self, name: str) -> tuple[Array, Array | None] | None:
        if name not in self.present:
            return None
        options = self.options
        return money(
            self.frame.raw(name),
            name,
            self.problems,
            minor_units=options.minor_units,
            in_minor=options.amounts == "minor",
            round_input=options.round_input,
            nan_is_null=self.frame.nan_is_null and name != "cost",
        )

    def dates(self, name: str) -> tuple[Array, str, Array | None] | None:
        return dates(self.frame.raw(name), name, self.problems) if name in self.present else None

    def _check_ids(self) -> None:
        nulls = self.frame.null_ids(self._index_is_id)
        try:
            again = self.frame.duplicate_ids(self._index_is_id)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as for classes
            self._no_classes("asset_id", type(error).__name__)
            return
        self.ids_are_unique = not len(nulls) and not len(again)
        if self.ids_are_unique:
            return
        pick = self.frame.ids(True).pick
        if self.skip is not None:
            again = again[~self.skip[again]]  # the rest of an asset may be under construction
            counts = Counter(pick(row) for row in again.tolist())
            again = np.array([row for row in again.tolist() if counts[pick(row)] > 1], dtype=np.intp)
        self.problems.rows("asset_id", "null", nulls, self.n, lambda _: "null")
        self.problems.rows("asset_id", "duplicate_id", again, self.n, pick)

    def _check_currency(self) -> None:
        codes, n, values = self.classes("currency")
        unknown = [at for at, value in enumerate(values) if value not in ISO_4217]
        if unknown:  # maybe only as a category that no row has
            wrong = np.zeros(n + 1, dtype=bool)
            wrong[unknown] = True
            rows = np.flatnonzero(wrong[codes])
            self.problems.rows(
                "currency", "currency", rows, self.n, lambda row: repr(values[int(codes[row])])
            )

    def classes(self, name: str) -> tuple[Array, int, list[Any]]:
        """Return codes (-1 for null) of a column, their number and their values."""
        if name not in self._classes:
            codes, n, uniques = self._codes(name)
            values = self.frame.uniques(uniques) if n else []
            if not all(isinstance(value, Hashable) for value in values):
                codes, n, values = self._no_classes(name, type(values[0]).__name__)
            self._classes[name] = codes, n, values
        return self._classes[name]

    def _codes(self, name: str) -> tuple[Array, int, Any]:
        """Number the values of a column; values that cannot be told apart or ordered are a problem."""
        try:
            return self.frame.codes(name)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - each library has its own for such values
            return self._no_classes(name, type(error).__name__)

    def _no_classes(self, name: str, example: str) -> tuple[Array, int, list[Any]]:
        self.problems.column(name, "dtype", example, "use text, numbers, dates or bools")
        return np.full(self.n, -1, dtype=np.int8), 0, []

    def has(self, name: str) -> bool:
        """Whether there is such a column; if not, that is a problem."""
        if name not in self.present:
            self.problems.column(str(name), "missing_column", hint=nearest(str(name), self.frame.names))
        return name in self.present

    def groups(self, by: Sequence[str]) -> Groups:
        """Number the groups; amounts in different currencies are never added."""
        names = [name for name in by if self.has(name)]
        transfers = None if self.events is None else self.events.transfers
        if transfers is None or self.events is None:
            groups = group_rows(self._codes, names)
        else:
            groups = moved_groups(self.frame, self.events, transfers, names)
            if groups.after is not None:
                self._happened["group"][transfers.at] = groups.after
        if "currency" in self.present and "currency" not in by:
            codes, n, _ = self.classes("currency")
            mixed = groups.mixed(codes, n, self.skip)
            if len(mixed):
                self.problems.issues.append(
                    Issue.make("currency", "currency_mix", n_bad=len(mixed), rows=mixed[:5].tolist())
                )
                self.problems.whole_column = True  # no row could be dropped to mend it
        return groups

    def core(self, skip: Array | None = None, without: Sequence[str] = ()) -> _core.Fleet:
        """Return the core's fleet without the rows of `skip` (by default `self.skip`) and some columns."""
        if skip is None and self._core is not None:
            return self._core
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
            self._core = fleet
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
            part, offsets = _stretch(self._happened["offsets"], row)
            args["events"] = _core.Events(
                **{k: v[part] for k, v in self._happened.items()} | {"offsets": offsets}
            )
        if self._used is not None:
            part, offsets = _stretch(self._used[0], row)
            args["usage"] = _core.Usage(offsets, self._used[1][part], self._used[2][part])
        return _core.Fleet(self._cost[only], self._day[only], self._unit, **args)

    def settle(self, runs: Sequence[_core.Run]) -> None:
        """Raise all that is wrong, or leave the rows out that it concerns, as ``on_error`` says."""
        issues, bad = self.judge(runs)
        if not len(issues):
            raise changed()  # the core saw a problem that is gone
        if self.options.on_error == "raise" or self.problems.whole_column:
            raise InputError(issues, n_rows=self.n)
        self.issues, self.bad = issues, bad
        lost = bad
        if self.roots is not None:  # a sum without one of its parts would be wrong
            whole = np.zeros(self.n, dtype=bool)
            whole[self.roots[bad]] = True
            lost = bad | whole[self.roots]
        self.skip = lost if self.skip is None else self.skip | lost
        self._core = None

    def find_issues(self, runs: Sequence[_core.Run]) -> Issues:
        """Return all that is wrong."""
        return self.judge(runs)[0]

    def judge(self, runs: Sequence[_core.Run]) -> tuple[Issues, Array]:
        """Return all that is wrong, and which rows have a problem."""
        problems, settings = self.problems, self.options.settings
        left_out = np.zeros(self.n, dtype=bool) if self.skip is None else self.skip
        bad = np.zeros(self.n, dtype=bool) if problems.bad is None else problems.bad.copy()
        # Values refused here were replaced. That harms no other column, unless one is compared with it.
        hidden = np.zeros(self.n, dtype=bool)
        for column, _, at in problems.found:
            if column in ("cost", "in_service_date", "opening_date"):
                hidden[at] = True
        found: dict[tuple[str, str], tuple[int, list[int], str]] = {}
        for part, without in ((left_out | hidden, ()), (left_out | ~hidden, _COMPARED)):
            if part.all():
                continue
            tuples, mask = guarded(_core.validate, self.core(part, without), runs, settings)
            if mask is not None:
                bad |= mask
            for column, code, n, rows, example in tuples:
                m, others, other = found.get((column, code), (0, [], ""))
                first = example if not others or rows[0] < others[0] else other
                found[column, code] = n + m, sorted([*rows, *others])[:5], first
        issues = problems.issues + [
            Issue.make(self._name(column), code, n_bad=n, rows=rows, example=example)
            for (column, code), (n, rows, example) in found.items()
        ]
        return Issues(self.locate(issue) for issue in issues), bad

    def _name(self, column: str) -> str:
        return (self.policy_by or column) if column == "policy" else column

    def locate(self, issue: Issue) -> Issue:
        """Add labels and asset ids to an issue."""
        if not issue.rows or issue.ids:
            return issue
        if self.events is not None and issue.column.startswith("events."):
            return self.events.locate(issue)
        pick = self.frame.ids(True).pick
        ids = tuple(pick(row) for row in issue.rows)
        return issue.located(self.frame.labels(issue.rows), ids)

    def codes_of_bad(self, runs_of_row: Sequence[Callable[[int], _core.Run]]) -> list[str]:
        """Return the first problem's code for each bad row, in order."""
        if self.bad is None:
            return []
        codes = []
        for row in np.flatnonzero(self.bad).tolist():
            code = self.problems.code_of(row)
            if code is None:
                runs = [run_of(row) for run_of in runs_of_row]
                found, _ = guarded(_core.validate, self._one(row), runs, self.options.settings)
                if not found:
                    raise changed()
                code = found[0][1]
            codes.append(code)
        return codes


def _stretch(offsets: Array, row: int) -> tuple[slice, Array]:
    start, stop = int(offsets[row]), int(offsets[row + 1])
    return slice(start, stop), np.array([0, stop - start], dtype=np.int64)


def check_by(by: Any) -> list[str]:
    """Return the keys of the totals as a list."""
    if isinstance(by, str) or not isinstance(by, (list, tuple)):
        raise ConfigError(f"by must be a list of columns, such as by=['site'], not {by!r}")
    for name in by:
        if not isinstance(name, Hashable):
            raise ConfigError(f"by must be a list of columns, such as by=['site'], not {by!r}")
        if name in _RESERVED:
            raise ConfigError(f"by={name!r} would stand beside the result's own {name!r}: rename the column")
    if len(set(by)) < len(by):
        raise ConfigError(f"by names a column twice: {by!r}")
    return list(by)


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
