"""Tax depreciation of a frame: what a fleet decides as a whole, before its assets are depreciated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, minor_to_decimal, minor_to_major, recode
from neocalc._fleet import FleetColumns, guarded
from neocalc._macrs import MAX_POLICIES, NO_DATE, MacrsPolicy, ResolvedMacrs, macrs_problems, resolve_macrs
from neocalc._options import make_options, to_days
from neocalc._runs import ANY_LIFE, uniform_run
from neocalc.errors import ConfigError, InputError

_FIRST_DAY, _LAST_DAY = to_days("first", "1900-01-01"), to_days("last", "2199-12-31")
_TICKS_A_DAY = {"D": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


def mid_quarter_test(
    fleet: Any,
    policy: MacrsPolicy | Mapping[Any, MacrsPolicy],
    *,
    policy_by: str | None = None,
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    allow_credit: bool = False,
    round_input: bool = False,
    floor_time: bool = False,
) -> Any:
    """Show the 40 % test of each tax year, and with it what section 179 was allowed and taken.

    Parameters
    ----------
    fleet
        A table as for `depreciate`; ``acquisition_date`` and ``disposal_date`` are read where they exist.
    policy, policy_by
        What `macrs` returns, or a mapping from the values of the column `policy_by` to such policies. The
        test is one for all of them, sec. 168(d)(3)(A).
    fiscal_year_end
        Last month of the tax year, 1 to 12.
    amounts, minor_units, allow_credit, round_input, floor_time
        As for `depreciate`.

    Returns
    -------
    DataFrame or Table
        One row per tax year in which property was placed in service: ``tax_year`` (the calendar year in which
        it begins), ``period_end`` (its last day), ``placed_in_service``, ``section_179_limit`` (after the
        phase-out; null where the law's figures are not on file), ``section_179``, ``total_basis`` and
        ``last_quarter_basis`` (after section 179 and before bonus, without what was disposed of in the same
        year), ``last_quarter_share`` (null without basis) and ``convention``, what the test demands.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing, or an election that is not allowed.

    Examples
    --------
    The computer is more than 40 % of the year's basis (IRS Pub. 946, "MACRS Worksheet", machine, furniture
    and computer):

    >>> import pandas as pd
    >>> from neocalc._macrs import macrs
    >>> from neocalc.tax import mid_quarter_test
    >>> days = pd.to_datetime(["2024-01-10", "2024-09-10", "2024-10-10"])
    >>> fleet = pd.DataFrame({"cost": [4_000.0, 1_000.0, 5_000.0], "in_service_date": days})
    >>> test = mid_quarter_test(fleet, macrs(bonus_rate=0.0))
    >>> test[["tax_year", "total_basis", "last_quarter_share", "convention"]].values.tolist()
    [[2024, 10000.0, 0.5, 'mid_quarter']]
    """
    options = make_options(
        "mid_quarter_test",
        {
            "fiscal_year_end": fiscal_year_end,
            "amounts": amounts,
            "minor_units": minor_units,
            "allow_credit": allow_credit,
            "round_input": round_input,
            "floor_time": floor_time,
        },
    )
    data = FleetColumns(fleet, options, index_is_id=True)
    resolved, _ = resolve_fleet(data, policy, policy_by)
    years, frame = resolved.years, data.frame

    def money(values: list[int | None] | list[int]) -> Any:
        null = np.array([value is None for value in values], dtype=bool)
        minor = np.array([value or 0 for value in values], dtype=object)
        some = null if null.any() else None
        if options.amounts == "decimal":
            decimals = minor_to_decimal(minor, options.minor_units)
            decimals[null] = None
            return frame.decimals_out(decimals, options.minor_units)
        if options.amounts == "major":
            return frame.money_out(minor_to_major(minor, options.minor_units), some)
        return frame.money_out(guarded(minor.astype, np.int64), some)

    total = np.array(years.total_basis, dtype=object)
    empty = np.array([basis <= 0 for basis in years.total_basis], dtype=bool)
    share = np.array(
        [
            last / basis if basis > 0 else 0.0
            for last, basis in zip(years.last_quarter_basis, total, strict=True)
        ],
        dtype=np.float64,
    )
    last_days = np.array(years.last_day, dtype=np.int32)
    flips = np.array(years.mid_quarter, dtype=np.int8)
    return frame.build(
        {
            "tax_year": np.array(years.tax_year, dtype=np.int64),
            "period_end": frame.dates_out(last_days),
            "placed_in_service": money(years.placed_in_service),
            "section_179_limit": money(years.section_179_limit),
            "section_179": money(years.section_179),
            "total_basis": money(years.total_basis),
            "last_quarter_basis": money(years.last_quarter_basis),
            "last_quarter_share": frame.money_out(share, empty if empty.any() else None),
            "convention": frame.categorical(flips, ["half_year", "mid_quarter"], ordered=False),
        }
    )


def resolve_fleet(
    data: FleetColumns, policy: MacrsPolicy | Mapping[Any, MacrsPolicy], policy_by: str | None
) -> tuple[ResolvedMacrs, Array]:
    """Resolve a fleet's rows, those under construction left out; also return which rows these are.

    All problems of the data are raised together, those of rows that are bad already without a second look.
    """
    policies, codes = _policies(data, policy, policy_by)
    acquired, sold = _optional_days(data, "acquisition_date"), _optional_days(data, "disposal_date")
    run = uniform_run(ANY_LIFE)
    issues, bad = data._judge([run])
    left_out = bad if data.skip is None else bad | data.skip
    if codes is None:
        left_out = left_out | True  # nothing can be said without classes
    rows = np.flatnonzero(~left_out)

    def pick(days: Array | None) -> Array | None:
        return None if days is None else days[rows]

    fiscal_year_end = data.options.settings_args["fiscal_year_end"]
    in_service = np.floor_divide(
        data._day[rows], _TICKS_A_DAY[data._unit] if data._day.dtype == np.int64 else 1
    )
    picked = np.zeros(len(rows), dtype=np.int8) if codes is None else codes[rows]
    found = macrs_problems(policies, picked, in_service, pick(acquired), pick(sold), fiscal_year_end)
    own = [data._locate(replace(issue, rows=tuple(rows[list(issue.rows)].tolist()))) for issue, _ in found]
    if issues or own:
        raise InputError([*issues, *own], n_rows=data.n)
    # Costs as the core reads them; by then every asset has entered.
    settings = data.options.settings
    _, cost, *_ = guarded(_core.book_values, data.core(), run, settings, _LAST_DAY, "minor")
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
    column = data._dates(name)
    if column is None:
        return None
    ticks, unit, null = column
    per_day = _TICKS_A_DAY[unit] if ticks.dtype == np.int64 else 1
    missing = ticks == np.iinfo(ticks.dtype).min
    if null is not None:
        missing |= null
    days = np.floor_divide(ticks, per_day)

    def example(row: int) -> str:
        return str(np.array(ticks[row]).astype(f"M8[{unit if per_day > 1 else 'D'}]"))

    outside = ~missing & ((days < _FIRST_DAY) | (days > _LAST_DAY))
    data.problems.rows(name, "date_range", np.flatnonzero(outside), data.n, example)
    if not data.options.settings_args["floor_time"]:
        timed = ~missing & ~outside & (ticks != days * per_day)
        data.problems.rows(name, "date_time", np.flatnonzero(timed), data.n, example)
    return np.where(missing | outside, NO_DATE, days).astype(np.int32)
