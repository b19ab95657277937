"""MACRS over a frame: what has to be known of the whole fleet, from its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import FIRST_DAY, LAST_DAY, Array, recode
from neocalc._fleet import FleetColumns
from neocalc._macrs import MAX_POLICIES, NO_DATE, MacrsPolicy, ResolvedMacrs, macrs_problems, resolve_macrs
from neocalc._records import guarded
from neocalc._side import TICKS
from neocalc.errors import ConfigError, InputError

# Any life, to judge the columns and to read costs by.
_ANY_LIFE = _core.Run([(1, False, 0.0, "full_month", _core.Method.straight_line())])


def resolve_fleet(
    data: FleetColumns,
    policy: MacrsPolicy | Mapping[Any, MacrsPolicy],
    policy_by: str | None,
    *,
    raising: bool = True,
) -> tuple[ResolvedMacrs, Array]:
    """Resolve a fleet's rows, those under construction left out; also return which rows these are.

    Sales come from the events, else from a column ``disposal_date``. If `raising`, all problems of the data
    are raised together; else those of rows are recorded and the rows left out.
    """
    policies, codes = _policies(data, policy, policy_by)
    acquired = _optional_days(data, "acquisition_date")
    sold = data.sold_on(NO_DATE) if data.events is not None else None
    if sold is None and raising:
        sold = _optional_days(data, "disposal_date")
    issues, bad = data.judge([_ANY_LIFE])
    left_out = bad if data.skip is None else bad | data.skip
    if codes is None:
        left_out = left_out | True  # nothing can be said without classes
    rows = np.flatnonzero(~left_out)

    def pick(days: Array | None) -> Array | None:
        return None if days is None else days[rows]

    fiscal_year_end = data.options.settings_args["fiscal_year_end"]
    in_service = data.days_in_service()[rows]
    picked = np.zeros(len(rows), dtype=np.int8) if codes is None else codes[rows]
    found = macrs_problems(policies, picked, in_service, pick(acquired), pick(sold), fiscal_year_end)
    if raising:
        own = [data.locate(replace(issue, rows=tuple(rows[list(issue.rows)].tolist()))) for issue, _ in found]
        if issues or own:
            raise InputError([*issues, *own], n_rows=data.n)
    else:
        wrong = np.zeros(len(rows), dtype=bool)
        for issue, at in found:
            data.problems.rows(issue.column, issue.code, rows[at], data.n, _saying(issue.example), issue.hint)
            wrong[at] = True
        rows, picked, in_service = rows[~wrong], picked[~wrong], in_service[~wrong]
    # Costs as the core reads them; by then every asset has entered.
    settings = data.options.settings
    _, cost, *_ = guarded(_core.book_values, data.bare_core(), _ANY_LIFE, settings, LAST_DAY, "minor")
    resolved = resolve_macrs(
        policies,
        cost[rows].astype(np.int64, copy=False),
        in_service,
        pick(acquired),
        pick(sold),
        fiscal_year_end,
        codes=picked,
        minor_units=data.options.minor_units,
    )
    return resolved, rows


def _saying(text: str) -> Callable[[int], str]:
    return lambda _: text


def _policies(
    data: FleetColumns, policy: Any, policy_by: str | None
) -> tuple[tuple[MacrsPolicy, ...], Array | None]:
    """Policies, and each row's place among them; None where the column that says so is missing."""
    if isinstance(policy, MacrsPolicy):
        return (policy,), np.zeros(data.n, dtype=np.int8)
    if not isinstance(policy, Mapping) or not 1 <= len(policy) <= MAX_POLICIES:
        raise ConfigError(f"policy must be macrs(...) or a mapping of at most {MAX_POLICIES}, not {policy!r}")
    if not all(isinstance(each, MacrsPolicy) for each in policy.values()):
        raise ConfigError("a mapping of tax policies holds what macrs(...) returns, nothing else")
    if policy_by is None:
        raise ConfigError("a mapping of policies needs policy_by=, the column whose values it maps")
    policies = tuple(policy.values())
    if not data.has(policy_by):
        return policies, None
    own, _, values = data.classes(policy_by)
    places = {key: place for place, key in enumerate(policy)}
    codes = recode(own, np.array([*(places.get(value, -1) for value in values), -1], dtype=np.int8))
    unknown = np.flatnonzero(codes < 0)
    data.problems.rows(
        policy_by, "policy_missing", unknown, data.n, lambda row: _class_name(own, values, row)
    )
    return policies, np.maximum(codes, 0)


def _class_name(codes: Array, values: list[Any], row: int) -> str:
    return repr(values[int(codes[row])]) if codes[row] >= 0 else "null"


def _optional_days(data: FleetColumns, name: str) -> Array | None:
    """Days since 1970-01-01 of a date column, NO_DATE for its nulls; None without such a column."""
    column = data.dates(name)
    if column is None:
        return None
    ticks, unit, null = column
    per_day = TICKS[unit] if ticks.dtype == np.int64 else 1
    missing = ticks == np.iinfo(ticks.dtype).min
    if null is not None:
        missing |= null
    days = np.floor_divide(ticks, per_day)

    def example(row: int) -> str:
        return str(np.array(ticks[row]).astype(f"M8[{unit if per_day > 1 else 'D'}]"))

    outside = ~missing & ((days < FIRST_DAY) | (days > LAST_DAY))
    data.problems.rows(name, "date_range", np.flatnonzero(outside), data.n, example)
    if not data.options.settings_args["floor_time"]:
        timed = ~missing & ~outside & (ticks != days * per_day)
        data.problems.rows(name, "date_time", np.flatnonzero(timed), data.n, example)
    return np.where(missing | outside, NO_DATE, days).astype(np.int32)
