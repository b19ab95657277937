"""What every asset stands at on one day, in whole minor units."""

from __future__ import annotations

import calendar
import datetime as dt
import inspect
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._exact import half_even
from neocalc._fleet import FleetColumns, check_by
from neocalc._frames import as_frame
from neocalc._groups import Groups
from neocalc._options import OptionArgs, Options, make_options, to_days
from neocalc._output import money_column
from neocalc._runs import ANY_LIFE, PolicyByClass, check_policy, uniform_run
from neocalc._side_tables import EPOCH_ORDINAL, Key, plain
from neocalc.depreciation import book_values
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import Policy

# Whatever else `book_values` takes is passed on: these each verb names itself, or they have no sense here.
_NOT_PASSED_ON = {"fleet", "policy", "as_of", "policy_by", "on_error", "allow_credit"}


def times(amount: int, share: Fraction) -> int:
    """Return a share of an amount, rounded once."""
    return half_even(amount * share.numerator, share.denominator)


class Books:
    """The assets of a fleet at the close of the month of `as_of`, by asset and by group."""

    def __init__(
        self,
        verb: str,
        fleet: Any,
        policy: Policy | PolicyByClass,
        as_of: Any,
        by: Sequence[str] | None,
        policy_by: str | None,
        result_columns: Sequence[str],
        given: Mapping[str, Any],
    ) -> None:
        day = dt.date.fromordinal(to_days("as_of", as_of) + EPOCH_ORDINAL)
        self.close = day.replace(day=calendar.monthrange(day.year, day.month)[1])
        self.month = month_of(self.close)
        for name in given:
            if name not in inspect.signature(book_values).parameters or name in _NOT_PASSED_ON:
                raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
        shared = {name: value for name, value in given.items() if name in OptionArgs.__annotations__}
        # The names were just checked; the values are in there.
        self.options: Options = make_options(verb, shared)  # type: ignore[arg-type]
        if not self.options.rounded:
            raise ConfigError(f"{verb} is exact to the minor unit: rounding must be 'balance' or 'level'")
        check_policy(policy, policy_by)
        self.keys = None if by is None else check_by(by)
        for name in self.keys or ():
            if name in result_columns:
                raise ConfigError(
                    f"by={name!r} would stand beside the result's own {name!r}: rename the column"
                )
        # What enters service by an event is valued from then on.
        beside = {name: given[name] for name in ("events", "usage") if name in given}
        self.data = FleetColumns(fleet, self.options, index_is_id=True, **beside)
        self.groups: Groups | None = None if self.keys is None else self.data.groups(self.keys)
        self._arguments = fleet, policy, policy_by, as_of, given
        self.rows: Array = np.empty(0, dtype=np.intp)  # of the fleet, without construction in progress
        self._values: list[list[Any]] | None = None  # of each key, in the order of its codes; null last
        self.cost: list[int] = []
        self.book_value: list[int] = []

    def read(self) -> None:
        """Raise all that is wrong with the fleet, or value it."""
        data = self.data
        self.raise_problems()
        fleet, policy, policy_by, as_of, given = self._arguments
        amounts = "minor" if self.options.amounts == "minor" else "decimal"
        options = {**given, "amounts": amounts}
        if "parent_id" in data.present:
            fleet = data.frame.without("parent_id")  # a component has a value, and maybe a group, of its own
        found = as_frame(book_values(fleet, policy, as_of=as_of, policy_by=policy_by, **options))
        self.rows = np.arange(data.n) if data.skip is None else np.flatnonzero(~data.skip)
        self.cost = _whole(found.raw("cost").values, self.options)
        self.book_value = _whole(found.raw("book_value").values, self.options)

    def raise_problems(self) -> None:
        """Raise all that is wrong with the fleet and is known without its policy."""
        if self.data.problems.issues:
            raise InputError(self.data.find_issues([uniform_run(ANY_LIFE)]), n_rows=self.data.n)

    def codes(self) -> Array:
        """Return for each valued asset the number of its group; nulls have the last."""
        groups = self.groups
        if groups is None:
            return np.zeros(len(self.rows), dtype=np.int64)
        codes = self.data.groups_in(groups, self.close)[self.rows]
        return np.where(codes < 0, groups.n, codes)

    def members(self) -> dict[int, list[int]]:
        """Return the places of the valued assets of each group that has any, in the order of the keys."""
        codes = self.codes()
        order = np.argsort(codes, kind="stable")
        numbers, starts = np.unique(codes[order], return_index=True)
        parts = np.split(order, starts[1:]) if len(numbers) else []
        return {int(number): part.tolist() for number, part in zip(numbers, parts, strict=True)}

    def key_of(self, group: int) -> Key:
        """Return the values of a group's keys."""
        groups = self.groups
        if groups is None:
            return ()
        if self._values is None:
            frame = self.data.frame
            self._values = [[*map(plain, frame.uniques(uniques)), None] for uniques in groups.uniques]
        return tuple(
            values[int(codes[group])] for values, codes in zip(self._values, groups.keys, strict=True)
        )

    def key_columns(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the key columns of a result whose rows are these groups."""
        groups = self.groups
        if groups is None:
            return {}
        return {
            name: self.data.frame.take(uniques, codes[np.asarray(numbers, dtype=np.intp)])
            for name, uniques, codes in zip(groups.names, groups.uniques, groups.keys, strict=True)
        }

    def service_days(self) -> Array:
        """Return the in_service_date of each valued asset."""
        stamps = np.asarray(self.data._day)[self.rows].astype(f"M8[{self.data._unit}]")
        return stamps.astype("M8[D]")

    def column(self, values: Sequence[int | None]) -> Any:
        """Return amounts as a column of the kind of frame and of amounts that was asked for."""
        null = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
        plain = [value or 0 for value in values]
        try:
            whole = np.array(plain, dtype=np.int64)
        except OverflowError:
            if self.options.amounts == "minor":
                raise InputError([Issue.make("cost", "overflow")], n_rows=self.data.n) from None
            whole = np.array(plain, dtype=object)
        return money_column(self.data, whole, null if null.any() else None)


def _whole(values: Array, options: Options) -> list[int]:
    if options.amounts == "minor":
        return [int(value) for value in values]
    return [int(Decimal(value).scaleb(options.minor_units)) for value in values]


def month_of(day: dt.date) -> int:
    """Number the months."""
    return day.year * 12 + day.month - 1
