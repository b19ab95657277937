"""From the core's arrays to the frame a user gets: rows of each asset, or totals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._families import merge, needed
from neocalc._fleet import FleetColumns
from neocalc._groups import Groups
from neocalc._options import DIFFERENCE_COLUMNS, ZERO_COLUMNS, Options, memory_limit
from neocalc._output import (
    Sums,
    attempt,
    check_rows,
    finish,
    insert,
    money_column,
    places,
    read_sums,
    sums_frame,
    too_large,
)
from neocalc._records import guarded
from neocalc.errors import InternalError

_MANY_PERIODS = 1200
_HALF = np.iinfo(np.int64).max // 2


def _differing(options: Options) -> list[str]:
    return [name for name in DIFFERENCE_COLUMNS if name in options.columns]


def _union_horizon(fleet: FleetColumns, runs: Sequence[_core.Run]) -> _core.Settings:
    """Settings under which every run has the same rows."""
    settings = fleet.options.settings
    found = attempt(
        fleet, runs, lambda f: _core.totals(f, runs, settings, None, 1, ["depreciation"]), lambda t: t.issues
    )
    ends = found.period_ends
    return fleet.options.running(int(ends[0]), int(ends[-1])) if len(ends) else settings


def rows_frame(  # noqa: C901 - the steps of one result, in order
    fleet: FleetColumns,
    runs: Sequence[_core.Run],
    runs_of_row: Sequence[Callable[[int], _core.Run]],
    labels: Sequence[str] | None = None,
    baseline: int | None = None,
) -> Any:
    """One row per asset and period, policy after policy."""
    options, frame = fleet.options, fleet.frame
    settings = options.settings
    if baseline is not None or fleet.roots is not None or (options.rows_all and len(runs) > 1):
        settings = _union_horizon(fleet, runs)
    plans = _plan(fleet, runs, settings)
    sizes = [plan.n_rows for plan in plans]
    total = sum(sizes)
    n_cells = len(options.columns) + (0 if baseline is None else len(_differing(options)))
    converted = 8 * (baseline is not None and options.amounts == "major")  # one column at a time
    check_rows(total, n_cells, options.amounts, (labels is not None) + converted)
    # Float64 comes from the core as it is; exact differences, sums and Decimals start from minor units.
    plain = baseline is None and fleet.roots is None
    direct = not options.rounded or (options.amounts == "major" and plain)
    ids = frame.ids(options.keep_id_dtype or not fleet.ids_are_unique)
    by_number = ids.ints is not None and fleet.roots is None
    id_ints = np.empty(total, dtype=np.int64) if by_number else None
    position = None if by_number else np.empty(total, dtype=np.int32)
    period_end = np.empty(total, dtype=frame.date_dtype)
    shown = list(options.columns) if fleet.roots is None else needed(list(options.columns))
    zeros = [name for name in shown if name in ZERO_COLUMNS and not options.eventful]
    kind = np.dtype(np.float64 if direct else np.int64)
    money: dict[str, Array] = {
        name: np.zeros(total, kind) if name in zeros else np.empty(total, kind) for name in shown
    }
    stops = np.cumsum(sizes).tolist()
    for plan, stop, size in zip(plans, stops, sizes, strict=True):
        part = slice(stop - size, stop)
        guarded(
            plan.fill,
            position=None if position is None else position[part],
            ids=ids.ints if by_number else None,
            ids_out=None if id_ints is None else id_ints[part],
            period_end=period_end[part],
            money={name: money[name][part] for name in shown if name not in zeros},
        )
    counts = [np.asarray(plan.counts) for plan in plans] if _needs_counts(fleet) else []
    if fleet.roots is not None:
        running = baseline is not None or options.rows_all
        active = (
            counts if running else [np.asarray(plan.counts) for plan in _plan(fleet, runs, options.settings)]
        )
        merged = []
        for count, own, stop, size in zip(counts, active, stops, sizes, strict=True):
            part = slice(stop - size, stop)
            cells = {name: values[part] for name, values in money.items()}
            merged.append(merge(fleet.roots, count, own, period_end[part], cells, list(options.columns)))
        counts, sizes = [each.counts for each in merged], [len(each.position) for each in merged]
        total, stops = sum(sizes), np.cumsum(sizes).tolist()
        position = np.concatenate([each.position for each in merged])
        period_end = np.concatenate([each.period_end for each in merged])
        money = {name: np.concatenate([each.money[name] for each in merged]) for name in options.columns}
    policy = None if labels is None else np.repeat(np.arange(len(runs), dtype=np.int8), sizes)
    if baseline is not None:
        base = slice(stops[baseline] - sizes[baseline], stops[baseline])
        if len(set(sizes)) > 1:
            raise InternalError("policies compared by row have different rows")
        for name in _differing(options):
            money[f"{name}_difference"] = (money[name].reshape(len(runs), -1) - money[name][base]).reshape(-1)

    null = issue = None
    if options.on_error == "flag" and fleet.bad is not None:
        codes = fleet.codes_of_bad(runs_of_row)
        lost = np.flatnonzero(fleet.bad)
        if fleet.roots is not None:  # one row for a family, with the first of its problems
            lost, where = np.unique(fleet.roots[lost], return_index=True)
            codes = [codes[at] for at in where]
        at, rows = places(counts, lost)
        names = sorted(set(codes))
        null = insert(np.zeros(total, dtype=bool), at, True)
        issue = insert(
            np.full(total, -1, dtype=np.int8), at, np.tile([names.index(c) for c in codes], len(runs))
        )
        if id_ints is not None and ids.ints is not None:
            id_ints = insert(id_ints, at, ids.ints[rows])
        if position is not None:
            position = insert(position, at, rows)
        if policy is not None:
            policy = insert(policy, at, np.repeat(np.arange(len(runs)), len(codes)))
        period_end = insert(period_end, at, 0)
        money = {name: insert(values, at, 0) for name, values in money.items()}
    elif options.on_error == "flag":
        names, issue = [], np.full(total, -1, dtype=np.int8)

    if position is not None:
        asset_id = ids.by_position(position)
    else:
        asset_id = id_ints if ids.restore is None or id_ints is None else id_ints.astype(ids.restore)
    columns: dict[str, Any] = {"asset_id": asset_id}
    if policy is not None and labels is not None:
        columns["policy"] = frame.categorical(policy, labels)
    columns["period_end"] = frame.dates_out(period_end, null)
    for name in list(money):
        columns[name] = money_column(fleet, money.pop(name), null)
    if issue is not None:
        columns["issue"] = frame.categorical(issue, names, ordered=False)
    return finish(fleet, frame.build(columns))


def _plan(fleet: FleetColumns, runs: Sequence[_core.Run], settings: _core.Settings) -> list[_core.RowsPlan]:
    """Count the rows of each run."""
    return attempt(
        fleet,
        runs,
        lambda core: [_core.plan_rows(core, run, settings) for run in runs],
        lambda made: any(plan.issues for plan in made),
    )


def _needs_counts(fleet: FleetColumns) -> bool:
    """Whether it matters how many rows each asset has."""
    return fleet.roots is not None or (fleet.options.on_error == "flag" and fleet.bad is not None)


def less(fleet: FleetColumns, values: Array, base: Array) -> Array:
    """Differences of totals; two that fit 64 bits may differ by more."""
    if values.dtype != np.int64 or not values.size or max(int(values.max()), -int(values.min())) <= _HALF:
        return values - base
    exact: Array = values.astype(object) - base.astype(object)
    if fleet.options.amounts != "minor":
        return exact
    try:
        return exact.astype(np.int64)
    except OverflowError:
        raise too_large(fleet) from None


def sum_groups(
    fleet: FleetColumns, runs: Sequence[_core.Run], groups: Groups, *, compared: bool = False
) -> Sums:
    """Sum by run, group and period; nothing per asset is ever made.

    Totals that are `compared` come in minor units, whose differences are exact.
    """
    options = fleet.options
    # The core knows the horizon and refuses what does not fit; small calls need not ask how much there is.
    limit = memory_limit(len(runs) * (groups.n + 1) * _MANY_PERIODS * 8 * len(options.columns))
    direct = not options.rounded or (options.amounts == "major" and not compared)
    amounts = "major" if direct else "minor"

    def compute(core: _core.Fleet) -> _core.Totals:
        return _core.totals(
            core, runs, options.settings, groups.codes, groups.n, options.core_columns, amounts, limit
        )

    found = attempt(fleet, runs, compute, lambda t: t.issues)
    return read_sums(
        fleet, found, groups, options.columns, options.core_columns, runs=len(runs), direct=direct
    )


def totals_frame(
    fleet: FleetColumns,
    runs: Sequence[_core.Run],
    groups: Groups,
    labels: Sequence[str] | None = None,
    baseline: int | None = None,
) -> Any:
    """Totals by group, policy and period."""
    sums = sum_groups(fleet, runs, groups, compared=baseline is not None)
    money = dict(sums.cells)
    if baseline is not None:
        for name in _differing(fleet.options):
            money[f"{name}_difference"] = less(fleet, sums.cells[name], sums.cells[name][baseline])
    return sums_frame(fleet, groups, sums, money, labels)
