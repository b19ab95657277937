"""One policy over a fleet: schedules, totals, book values, and the problems of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._families import sums_by_root
from neocalc._fleet import FleetColumns, check_by
from neocalc._options import make_options, to_days
from neocalc._output import attempt, finish, money_column, problems_frame
from neocalc._results import rows_frame, totals_frame
from neocalc._runs import ANY_LIFE, AnyPolicy, Changes, check_policy, make_run, uniform_run
from neocalc.errors import ConfigError, Issues


def depreciate(
    fleet: Any,
    policy: AnyPolicy,
    *,
    by: Sequence[str] | None = None,
    events: Any = None,
    usage: Any = None,
    estimate_changes: Changes = (),
    freq: str = "M",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    columns: Sequence[str] | None = None,
    rows: str = "active",
    rounding: str | None = "balance",
    amounts: str = "major",
    minor_units: int = 2,
    policy_by: str | None = None,
    on_error: str = "raise",
    threads: int | None = None,
    keep_id_dtype: bool = False,
    allow_credit: bool = False,
    round_input: bool = False,
    allow_long_life: bool = False,
    floor_time: bool = False,
    framework: str = "us_gaap",
    disposal_convention: str | None = None,
    posted_through: Any = None,
) -> Any:
    """Depreciate every asset of a fleet, as rows per asset or as totals.

    Parameters
    ----------
    fleet
        A pandas, polars or pyarrow table with one row per asset. Required: ``cost`` (of the whole row)
        and ``in_service_date``. Optional: ``asset_id`` (else the index), ``residual_value``,
        ``useful_life_months``, ``opening_accumulated`` with ``opening_date`` (brings in an asset
        mid-life), ``status`` (rows with ``cip`` or ``CIP``, construction in progress, are left out until an
        event ``in_service``), ``currency``, ``parent_id`` (the row is a component: in rows per asset it
        reports under the asset it belongs to; events name the row that they happen to).
        A null in an optional column means: what the policy says.
    policy
        What `straight_line`, `declining_balance`, `sum_of_years_digits`, `table` or `units_of_production`
        returns, or `dated` makes of several, or a mapping from the values of `policy_by` to policies. A row's
        own life and residual value win over it.
    by
        ``None`` gives a row per asset and period, ``["site", ...]`` totals by these columns, ``[]`` the
        fleet's total. Nulls are a group of their own, sorted last.
    events
        What happened to assets, as a table with ``asset_id``, ``date``, ``kind``; see Notes.
    usage
        Units that assets used, as a table with ``asset_id``, ``date`` (any day of the month) and ``units``.
    estimate_changes
        Pairs of a date and a policy (or a mapping by class) that counts for the whole fleet from the first
        day of its month, prospectively (ASC 250-10-45-17, IAS 8.36). A third entry, if there is one, is the
        date on which the change was posted; see `posted_through`.
    freq
        Length of a period: ``M``, ``Q`` or ``Y``.
    fiscal_year_end
        Last month of the fiscal year, 1 to 12; quarters and years follow it.
    start, end
        Bounds of the horizon, widened to whole periods; by default from the first entry (service, or for an
        asset brought in the month before its first charge) to the last charge.
    columns
        The money columns to compute and return; by default all.
    rows
        ``active`` stops at an asset's last charge, ``all`` runs on to the horizon's end.
    rounding
        ``balance`` rounds each accumulated balance half-even once, ``level`` charges level rounded
        amounts with the remainder in the last month, ``None`` gives unrounded float64.
    amounts
        ``major`` (float64), ``minor`` (int64 minor units in and out) or ``decimal``.
    minor_units
        Digits after the point of the currency, 0 to 4.
    policy_by
        The column whose values choose from a mapping of policies.
    on_error
        ``raise`` reports all problems; ``skip`` leaves rows with problems out; ``flag`` also keeps a row
        with null amounts and the code in a column ``issue`` for each (totals leave them out). What was
        left out is in ``attrs["issues"]`` of a pandas result, else in a `NeocalcWarning`.
    threads
        Threads to use; by default ``NEOCALC_NUM_THREADS``, else all. The result is the same.
    keep_id_dtype
        Give text ids as text; by default they come back categorical.
    allow_credit, round_input, allow_long_life, floor_time
        Accept negative costs; amounts with broken minor units (rounded half-even); lives above 1,200
        months; timestamps with a time of day (dropped).
    framework
        ``us_gaap``, ``ifrs``, ``tax`` or ``management``: which events there may be.
    disposal_convention
        What a sale, or being held for sale, leaves of its month's charge; by default the mirror image of the
        asset's convention: nothing under ``full_month`` (and ``half_year``, whose year goes up to the month
        before), all under ``next_month``, half under ``mid_month``, the days before it under
        ``actual_days``. Use is charged up to the sale.
    posted_through
        The last day whose books are closed. An event or a change of estimate that is dated earlier, and not
        said to have been posted in time (``posting_date``), changes nothing before the first open month and
        makes up for it there. The changes of a policy made by `dated` were in force, hence posted in time.

    Returns
    -------
    DataFrame or Table
        Of the kind that came in: ``asset_id`` or the keys, ``period_end`` (last day of the period), and
        ``opening_book_value + additions - depreciation - impairment + reversals - disposals (+ transfers) =
        closing_book_value`` in every row, with ``accumulated_depreciation`` (impairments included). Amounts
        are positive. ``gain`` (proceeds less book value) stands where events have proceeds, ``transfers``
        (between groups) in totals with such events, ``correction`` (the part of ``depreciation`` that makes
        up for posted months) with `posted_through`; on request also ``opening_cost, cost_additions,
        cost_disposals, cost_transfers, closing_cost``.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``; see `list_error_codes`.
    ResourceLimitError
        Before an allocation that would not fit.
    ConfigError
        For an argument that means nothing.

    Notes
    -----
    Kinds of events, and what they read besides their date:

    - ``addition`` (``amount``): cost that is spread over the rest of the life.
    - ``life_change`` (``remaining_months``, counted from the first of the month).
    - ``residual_change`` (``amount``).
    - ``impairment`` (``amount`` = recoverable amount): written down to it; nothing happens where it lies
      above the book value.
    - ``reversal`` (``amount`` = recoverable amount): IFRS only, at most up to the book value without any
      impairment (IAS 36.117).
    - ``disposal`` (``share`` of what is held, by default all; ``proceeds``).
    - ``held_for_sale`` (``amount`` = fair value less cost to sell): charging stops (IFRS 5.25, ASC
      360-10-35-43); ``returned_to_use`` (``amount`` = recoverable amount) catches up (IFRS 5.27, ASC
      360-10-35-44).
    - ``suspend`` and ``resume``: tax and management books only, since idle assets go on depreciating
      (IAS 16.55).
    - ``transfer``: the columns of `by` that the events have say where to.
    - ``in_service``: ends construction; cost added before is part of what enters.

    Under `macrs` there are disposals, transfers and entry into service only: an addition is property of its
    own and refused, and what else happens to books means nothing to a tax return. Shares are of what is then
    held, so no more than all can be sold. Events need not be in order, and two that are alike both count. Use
    beyond the capacity is not charged.

    Estimate changes, additions, transfers, suspensions and returns to use count from the first day of their
    month; impairments, reversals, sales and classifications fall at its close, in order of date. Of one day,
    additions come first, then estimate changes, impairments or reversals, and disposals last. Each re-bases
    the asset on its whole carrying amount.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1000.0], "in_service_date": pd.to_datetime(["2025-01-15"])})
    >>> rows = nc.depreciate(fleet, nc.straight_line(years=4), freq="Y", columns=["depreciation"])
    >>> rows["depreciation"].tolist()
    [250.0, 250.0, 250.0, 250.0]
    """
    options = make_options(
        "depreciate",
        {
            "freq": freq,
            "fiscal_year_end": fiscal_year_end,
            "start": start,
            "end": end,
            "columns": columns,
            "rows": rows,
            "rounding": rounding,
            "amounts": amounts,
            "minor_units": minor_units,
            "on_error": on_error,
            "threads": threads,
            "keep_id_dtype": keep_id_dtype,
            "allow_credit": allow_credit,
            "round_input": round_input,
            "allow_long_life": allow_long_life,
            "floor_time": floor_time,
            "framework": framework,
            "disposal_convention": disposal_convention,
            "posted_through": posted_through,
        },
    )
    check_policy(policy, policy_by)
    keys = None if by is None else check_by(by)
    data = FleetColumns(fleet, options, index_is_id=by is None, events=events, usage=usage)
    run, run_of_row = make_run(data, policy, policy_by, changes=estimate_changes)
    if keys is None:
        return rows_frame(data, [run], [run_of_row])
    return totals_frame(data, [run], data.groups(keys))


def book_values(
    fleet: Any,
    policy: AnyPolicy,
    *,
    as_of: Any,
    events: Any = None,
    usage: Any = None,
    estimate_changes: Changes = (),
    policy_by: str | None = None,
    fiscal_year_end: int = 12,
    rounding: str | None = "balance",
    amounts: str = "major",
    minor_units: int = 2,
    on_error: str = "raise",
    threads: int | None = None,
    allow_credit: bool = False,
    round_input: bool = False,
    allow_long_life: bool = False,
    floor_time: bool = False,
    framework: str = "us_gaap",
    disposal_convention: str | None = None,
    posted_through: Any = None,
) -> Any:
    """Value every asset at the close of a month.

    Parameters
    ----------
    fleet, policy, policy_by, events, usage, estimate_changes
        As for `depreciate`.
    as_of
        A date; the values are those at the end of its month. An asset that enters later stands at cost.
    fiscal_year_end, rounding, amounts, minor_units, on_error, threads
        As for `depreciate`.
    allow_credit, round_input, allow_long_life, floor_time, framework, disposal_convention, posted_through
        As for `depreciate`.

    Returns
    -------
    DataFrame or Table
        One row per asset, components under theirs, in the fleet's order (a pandas result keeps its index):
        ``asset_id``, ``cost``,
        ``accumulated_depreciation``, ``book_value`` and ``remaining_months`` with a charge to come. The
        amounts are 0 before an asset enters the ledger, so they sum to the closing balances of totals.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [1200.0], "in_service_date": pd.to_datetime(["2025-01-15"])})
    >>> nc.book_values(fleet, nc.straight_line(years=1), as_of="2025-03-31")["book_value"].tolist()
    [900.0]
    """
    options = make_options(
        "book_values",
        {
            "fiscal_year_end": fiscal_year_end,
            "rounding": rounding,
            "amounts": amounts,
            "minor_units": minor_units,
            "on_error": on_error,
            "threads": threads,
            "allow_credit": allow_credit,
            "round_input": round_input,
            "allow_long_life": allow_long_life,
            "floor_time": floor_time,
            "framework": framework,
            "disposal_convention": disposal_convention,
            "posted_through": posted_through,
        },
    )
    day = to_days("as_of", as_of)
    check_policy(policy, policy_by)
    data = FleetColumns(fleet, options, index_is_id=True, events=events, usage=usage)
    run, run_of_row = make_run(data, policy, policy_by, changes=estimate_changes)
    core_amounts = "major" if options.amounts == "major" else "minor"
    building = data.skip
    _, *found = attempt(
        data,
        [run],
        lambda core: _core.book_values(core, run, options.settings, day, core_amounts),
        lambda values: values[0],
    )
    keep = null = None
    leave_out = data.skip if options.on_error == "skip" else building
    if leave_out is not None:
        keep = np.flatnonzero(~leave_out)
        found = [values[keep] for values in found]
    if options.on_error == "flag" and data.bad is not None:
        null = data.bad if keep is None else data.bad[keep]
    if data.roots is not None:
        rows = np.arange(data.n) if keep is None else keep
        keep, found, null = sums_by_root(data.roots[rows], list(found), null)
    positions = np.arange(data.n, dtype=np.int32) if keep is None else keep.astype(np.int32)
    ids = data.frame.ids(True)
    columns: dict[str, Any] = {"asset_id": ids.by_position(positions)}
    *money, months = found
    for name, values in zip(("cost", "accumulated_depreciation", "book_value"), money, strict=True):
        columns[name] = money_column(data, values, null)
    columns["remaining_months"] = data.frame.money_out(months.astype(np.int64), null)
    if options.on_error == "flag":
        codes = data.codes_of_bad([run_of_row])
        names = sorted(set(codes))
        issue = np.full(len(positions), -1, dtype=np.int8)
        if null is not None and data.bad is not None:
            lost = np.flatnonzero(data.bad)
            _, first = np.unique(lost if data.roots is None else data.roots[lost], return_index=True)
            issue[null] = [names.index(codes[at]) for at in first]
        columns["issue"] = data.frame.categorical(issue, names, ordered=False)
    return finish(data, data.frame.build(columns, keep, like_input=True))


def validate(
    fleet: Any,
    policy: AnyPolicy | None = None,
    *,
    policy_by: str | None = None,
    events: Any = None,
    usage: Any = None,
    framework: str = "us_gaap",
    amounts: str = "major",
    minor_units: int = 2,
    threads: int | None = None,
    allow_credit: bool = False,
    round_input: bool = False,
    allow_long_life: bool = False,
    floor_time: bool = False,
) -> Any:
    """List every problem of a fleet, without computing anything; `validate_loans` does so for loans.

    Parameters
    ----------
    fleet, policy_by
        As for `depreciate`.
    policy
        The policy to be used; without it, rows need no life.
    events, usage, framework, amounts, minor_units, threads
        As for `depreciate`.
    allow_credit, round_input, allow_long_life, floor_time
        As for `depreciate`.

    Returns
    -------
    DataFrame or Table
        One row per column and code: ``column``, ``code``, ``rule``, ``n_bad``, the first ``rows`` with
        their ``index_labels`` and ``ids``, an ``example`` and a ``hint``; lowest row first; no rows where
        all is well.

    Raises
    ------
    InputError
        For what is not a frame at all, or a loan book: that is for `validate_loans`.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"cost": [-1.0], "in_service_date": pd.to_datetime(["2025-01-15"])})
    >>> nc.validate(fleet)[["column", "code", "n_bad"]].values.tolist()
    [['cost', 'range', 1]]
    """
    options = make_options(
        "validate",
        {
            "amounts": amounts,
            "minor_units": minor_units,
            "threads": threads,
            "allow_credit": allow_credit,
            "round_input": round_input,
            "allow_long_life": allow_long_life,
            "floor_time": floor_time,
            "framework": framework,
        },
    )
    if policy is not None:
        check_policy(policy, policy_by)
    elif policy_by is not None:
        raise ConfigError("policy_by needs a mapping of policies")

    def find() -> Issues:
        data = FleetColumns(fleet, options, index_is_id=True, events=events, usage=usage)
        run = uniform_run(ANY_LIFE) if policy is None else make_run(data, policy, policy_by)[0]
        return data.find_issues([run])

    return problems_frame(fleet, find)
