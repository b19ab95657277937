"""A user's frame whose rows are told apart by an id, and everything that is wrong with it.

Each problem is found by whoever can see it: names and types here, values in the core. `Records.settle` puts
both together, so that one call reports all of them.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from neocalc import _core
from neocalc._columns import Array, Problems, dates, money
from neocalc._currencies import ISO_4217
from neocalc._frames import as_frame, nearest
from neocalc._groups import Groups, group_rows
from neocalc._side import Side, SideOptions
from neocalc.errors import ConfigError, InputError, InternalError, Issue, Issues, ResourceLimitError

T = TypeVar("T")
Verdict = tuple[list["_core.IssueTuple"], Array | None]  # what is wrong, and which rows have a problem


class RecordOptions(SideOptions, Protocol):
    """What reading and judging need of a call's options."""

    @property
    def on_error(self) -> str: ...


@dataclass(frozen=True)
class Layout:
    """The columns that a frame must have or may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    together: tuple[tuple[str, str], ...] = ()  # columns that mean nothing without each other
    either: tuple[tuple[str, ...], ...] = ()  # of each, one at least
    bare: tuple[tuple[str, str, str], ...] = ()  # a name without its unit, the full name, and the code
    other: tuple[str, tuple[str, ...], str] | None = None  # subject, what tells another kind, its verbs


def guarded(call: Callable[..., T], *args: Any, overflows: str = "cost", **kwargs: Any) -> T:
    """Call the core; its plain exceptions get their names. `overflows` is the column that totals sum."""
    try:
        return call(*args, **kwargs)
    except MemoryError as error:
        instead = "ask for totals with fewer keys in by=[...] or a shorter start/end"
        raise ResourceLimitError(f"{error}; {instead}") from error
    except OverflowError as error:
        raise InputError([Issue.make(overflows, "overflow")]) from error
    except RuntimeError as error:
        if "changed" in str(error):
            raise changed() from error
        raise InternalError(str(error)) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def changed(subject: str = "fleet") -> InputError:
    """Return the error for a frame that another thread writes to."""
    return InputError([Issue.make(subject, "concurrent_mutation")], subject=subject)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip("\ufeff \t\r\n").casefold().replace(" ", "_")


@lru_cache(maxsize=256)
def judge_names(names: tuple[Any, ...], layout: Layout) -> tuple[tuple[Issue, ...], frozenset[Any]]:
    """Issues of the names alone, and the names; frames of one shape are judged once."""
    present = frozenset(names)
    if layout.other is not None and present.isdisjoint((*layout.required, *chain(*layout.either))):
        subject, marks, verbs = layout.other
        if found := [name for name in marks if name in present]:
            hint = f"it has {' and '.join(map(repr, found))}: {verbs}"
            return (Issue.make(subject, "other_frame", hint=hint),), present
    issues = [
        Issue.make(str(name), "duplicate_column", n_bad=count)
        for name, count in Counter(names).items()
        if count > 1
    ]
    issues += [
        Issue.make(name, "missing_column", hint=nearest(name, names))
        for name in layout.required
        if name not in present
    ]
    # Columns that only look like an optional one would change amounts by being ignored.
    twins = {_plain(name): name for name in names if isinstance(name, str) and name not in layout.optional}
    for name in layout.optional:
        if name not in present and name in twins:
            hint = f"rename {twins[name]!r} to {name!r}"
            issues.append(Issue.make(name, "missing_column", hint=hint))
    for some in layout.either:
        if not any(name in present or name in twins for name in some):
            hint = f"{nearest(some[0], names)}; {' or '.join(map(repr, some))} is needed"
            issues.append(Issue.make(some[0], "missing_column", hint=hint))
    for pair in layout.together:
        for one, other in (pair, pair[::-1]):
            if one in present and other not in present and other not in twins:
                issues.append(Issue.make(other, "missing_column", hint=f"{one!r} means nothing without it"))
    for bare, full, code in layout.bare:
        if bare in present and full not in present:
            issues.append(Issue.make(bare, code))
    return tuple(issues), present


class Records:
    """What the core gets of a frame, the problems that are known, and the rows left out."""

    id_name: ClassVar[str]
    subject: ClassVar[str]
    layout: ClassVar[Layout]
    # Columns that others are compared with: where one was refused, the others cannot be judged.
    compared: ClassVar[tuple[str, ...]]
    options: RecordOptions

    def __init__(self, data: Any, options: RecordOptions, *, index_is_id: bool) -> None:
        self.options = options
        self.frame = as_frame(data, self.id_name, self.subject)
        self.n = self.frame.n
        issues, self.present = judge_names(self.frame.names, self.layout)
        self.problems = Problems(list(issues), whole_column=bool(issues))
        if any(issue.code in ("duplicate_column", "other_frame") for issue in issues):
            raise InputError(issues, n_rows=self.n, subject=self.subject)
        self._classes: dict[str, tuple[Array, int, list[Any]]] = {}
        self._made: Any = None
        self.skip: Array | None = None  # rows that are left out on request, then also those that are dropped
        self.bad: Array | None = None  # rows that were settled to be dropped or flagged
        self.issues: Issues | None = None
        self._index_is_id = index_is_id
        self.sides: dict[str, Side] = {}  # frames beside this one, by the prefix of their columns

    # --- what each kind of frame says for itself ---------------------------------------------------

    def core(self) -> Any:
        """Return the core's columns, without the rows of `self.skip`."""
        raise NotImplementedError

    def _verdicts(self, left_out: Array, hidden: Array, runs: Sequence[Any]) -> Iterator[Verdict]:
        """Judge all rows but those left out; of hidden ones, only what does not compare columns."""
        raise NotImplementedError

    def _verdict_of(self, row: int, runs_of_row: Sequence[Callable[[int], Any]]) -> list[_core.IssueTuple]:
        """Judge one row."""
        raise NotImplementedError

    def _grouped(self, names: Sequence[str]) -> Groups:
        return group_rows(self._codes, names)

    def _lost_with(self, bad: Array) -> Array:
        """Return the rows that are lost where some are bad."""
        return bad

    def _hides(self, column: str) -> bool:
        """Whether a problem of a column leaves its row without what others are compared with."""
        return column in self.compared

    def _name(self, column: str) -> str:
        """Return what the user calls a column of the core."""
        return column

    # --- columns -----------------------------------------------------------------------------------

    def _money(self, name: str, *, required: bool = False) -> tuple[Array, Array | None] | None:
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
            nan_is_null=self.frame.nan_is_null and not required,
        )

    def dates(self, name: str) -> tuple[Array, str, Array | None] | None:
        """Return a column of dates: counts, their unit, nulls."""
        return dates(self.frame.raw(name), name, self.problems) if name in self.present else None

    def _check_ids(self) -> None:
        try:
            nulls = self.frame.null_ids(self._index_is_id)
            again = self.frame.duplicate_ids(self._index_is_id)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - as for classes
            self._no_classes(self.id_name, type(error).__name__)
            return
        self.ids_are_unique = not len(nulls) and not len(again)
        if self.ids_are_unique:
            return
        pick = self.frame.ids(True).pick
        if self.skip is not None:
            again = again[~self.skip[again]]  # the rest of an asset may be under construction
            counts = Counter(pick(row) for row in again.tolist())
            again = np.array([row for row in again.tolist() if counts[pick(row)] > 1], dtype=np.intp)
        self.problems.rows(self.id_name, "null", nulls, self.n, lambda _: "null")
        self.problems.rows(self.id_name, "duplicate_id", again, self.n, pick)

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
        groups = self._grouped(names)
        if "currency" in self.present and "currency" not in by:
            codes, n, _ = self.classes("currency")
            mixed = groups.mixed(codes, n, self.skip)
            if len(mixed):
                self.problems.issues.append(
                    Issue.make("currency", "currency_mix", n_bad=len(mixed), rows=mixed[:5].tolist())
                )
                self.problems.whole_column = True  # no row could be dropped to mend it
        return groups

    # --- judgement ---------------------------------------------------------------------------------

    def settle(self, runs: Sequence[Any] = ()) -> None:
        """Raise all that is wrong, or leave the rows out that it concerns, as ``on_error`` says."""
        issues, bad = self.judge(runs)
        if not len(issues):
            raise changed(self.subject)  # the core saw a problem that is gone
        if self.options.on_error == "raise" or self.problems.whole_column:
            raise InputError(issues, n_rows=self.n, subject=self.subject)
        self.issues, self.bad = issues, bad
        lost = self._lost_with(bad)
        self.skip = lost if self.skip is None else self.skip | lost
        self._made = None

    def find_issues(self, runs: Sequence[Any] = ()) -> Issues:
        """Return all that is wrong."""
        return self.judge(runs)[0]

    def judge(self, runs: Sequence[Any] = ()) -> tuple[Issues, Array]:
        """Return all that is wrong, and which rows have a problem."""
        problems = self.problems
        left_out = np.zeros(self.n, dtype=bool) if self.skip is None else self.skip
        bad = np.zeros(self.n, dtype=bool) if problems.bad is None else problems.bad.copy()
        # Values refused here were replaced. That harms no other column, unless one is compared with it.
        hidden = np.zeros(self.n, dtype=bool)
        for column, _, at in problems.found:
            if self._hides(column):
                hidden[at] = True
        found: dict[tuple[str, str], tuple[int, list[int], str]] = {}
        for tuples, mask in self._verdicts(left_out, hidden, runs):
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

    def locate(self, issue: Issue) -> Issue:
        """Add labels and ids to an issue."""
        if not issue.rows or issue.ids:
            return issue
        side = self.sides.get(issue.column.partition(".")[0]) if "." in issue.column else None
        if side is not None:
            return side.locate(issue)
        pick = self.frame.ids(True).pick
        ids = tuple(pick(row) for row in issue.rows)
        return issue.located(self.frame.labels(issue.rows), ids)

    def codes_of_bad(self, runs_of_row: Sequence[Callable[[int], Any]] = ()) -> list[str]:
        """Return the first problem's code for each bad row, in order."""
        if self.bad is None:
            return []
        codes = []
        for row in np.flatnonzero(self.bad).tolist():
            code = self.problems.code_of(row)
            if code is None:
                found = self._verdict_of(row, runs_of_row)
                if not found:
                    raise changed(self.subject)
                code = found[0][1]
            codes.append(code)
        return codes

    def take_over(self, side: Side) -> None:
        """Make the problems of a frame beside this one problems of the rows that it blames for them."""
        problems = self.problems
        problems.issues += side.issues
        for column, code, rows in side.of_others:
            if problems.bad is None:
                problems.bad = np.zeros(self.n, dtype=bool)
            problems.bad[rows] = True
            problems.found.append((column, code, rows))


def stretch(offsets: Array, row: int) -> tuple[slice, Array]:
    """Return where one row's part of a table beside lies, and the offsets of that part alone."""
    start, stop = int(offsets[row]), int(offsets[row + 1])
    return slice(start, stop), np.array([0, stop - start], dtype=np.int64)


def check_by(by: Any, reserved: frozenset[str]) -> list[str]:
    """Return the keys of the totals as a list."""
    if isinstance(by, str) or not isinstance(by, (list, tuple)):
        raise ConfigError(f"by must be a list of columns, such as by=['site'], not {by!r}")
    for name in by:
        if not isinstance(name, Hashable):
            raise ConfigError(f"by must be a list of columns, such as by=['site'], not {by!r}")
        if name in reserved:
            raise ConfigError(f"by={name!r} would stand beside the result's own {name!r}: rename the column")
    if len(set(by)) < len(by):
        raise ConfigError(f"by names a column twice: {by!r}")
    return list(by)
