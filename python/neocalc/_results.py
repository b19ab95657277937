"""From the core's arrays to the frame a user gets: rows of each asset, or totals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._families import merge, needed
from neocalc._fleet import FleetColumns, changed, guarded
from neocalc._groups import Groups
from neocalc._options import DIFFERENCE_COLUMNS, ZERO_COLUMNS, Options, check_memory, memory_limit
from neocalc._side_tables import money_out
from neocalc.errors import InputError, InternalError, Issue, Issues, NeocalcWarning

T = TypeVar("T")
_DECIMAL_BYTES = 112  # a pointer and a Python Decimal
_MANY_PERIODS = 1200
_HALF = np.iinfo(np.int64).max // 2


def attempt(
    fleet: FleetColumns,
    runs: Sequence[_core.Run],
    compute: Callable[[_core.Fleet], T],
    issues: Callable[[T], Any],
) -> T:
    """Compute over the good rows; what is wrong with the others is settled first."""
    if fleet.problems.issues and fleet.issues is None:
        fleet.settle(runs)
    result = guarded(compute, fleet.core())
    if issues(result) and fleet.issues is None:
        fleet.settle(runs)
        result = guarded(compute, fleet.core())
    if issues(result):
        raise changed()  # a row went bad after it was judged
    return result


def finish(fleet: FleetColumns, frame: Any) -> Any:
    """Say on the result which rows were left out."""
    if fleet.issues is not None and not fleet.frame.attach(frame, as_records(fleet.issues)):
        n = 0 if fleet.bad is None else int(fleet.bad.sum())
        text = f"{n:,} rows with problems were left out of the amounts:\n{fleet.issues!r}"
        warnings.warn(text, NeocalcWarning, stacklevel=4)
    return frame


def as_records(issues: Issues) -> list[dict[str, Any]]:
    """Plain values, so that a frame that carries them can still be written to a file."""
    records = []
    for issue in issues:
        record = {name: getattr(issue, name) for name in Issues.columns}
        record["rows"] = list(issue.rows)
        for name in ("index_labels", "ids"):
            record[name] = [v if isinstance(v, (int, str)) else str(v) for v in record[name]]
        records.append(record)
    return records


def _differing(options: Options) -> list[str]:
    return [name for name in DIFFERENCE_COLUMNS if name in options.columns]


def money_column(fleet: FleetColumns, values: Array, null: Array | None = None) -> Any:
    """Turn what the core gave into a column of the amounts asked for."""
    return money_out(fleet.frame, fleet.options, values, null)


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
    _check_rows(options, total, labels is not None, baseline)
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
        at, rows = _places(counts, lost)
        names = sorted(set(codes))
        null = _insert(np.zeros(total, dtype=bool), at, True)
        issue = _insert(
            np.full(total, -1, dtype=np.int8), at, np.tile([names.index(c) for c in codes], len(runs))
        )
        if id_ints is not None and ids.ints is not None:
            id_ints = _insert(id_ints, at, ids.ints[rows])
        if position is not None:
            position = _insert(position, at, rows)
        if policy is not None:
            policy = _insert(policy, at, np.repeat(np.arange(len(runs)), len(codes)))
        period_end = _insert(period_end, at, 0)
        money = {name: _insert(values, at, 0) for name, values in money.items()}
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


def _check_rows(options: Options, total: int, with_policy: bool, baseline: int | None) -> None:
    cells = len(options.columns) + (0 if baseline is None else len(_differing(options)))
    per_row = 16 + with_policy + cells * (8 + _DECIMAL_BYTES * (options.amounts == "decimal"))
    if baseline is not None and options.amounts == "major":
        per_row += 8  # one column at a time is converted
    n_bytes = total * per_row
    instead = "ask for totals with by=[...], fewer columns=[...], a shorter start/end, or a part of the fleet"
    check_memory(n_bytes, f"a result of {total:,} rows", instead)


def _needs_counts(fleet: FleetColumns) -> bool:
    """Whether it matters how many rows each asset has."""
    return fleet.roots is not None or (fleet.options.on_error == "flag" and fleet.bad is not None)


def _places(counts: Sequence[Array], rows: Array) -> tuple[Array, Array]:
    """Where a row for each of some assets goes in the stacked result, and which asset it is."""
    places, start = [], 0
    for count in counts:
        before = np.cumsum(count, dtype=np.int64)
        places.append(start + before[rows])
        start += int(count.sum())
    return np.concatenate(places), np.tile(rows, len(counts))


def _insert(values: Array, at: Array, what: Any) -> Array:
    out: Array = np.insert(values, at, what)
    return out


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
        raise _too_large(fleet) from None


def _too_large(fleet: FleetColumns) -> InputError:
    hint = "ask for amounts='decimal': totals have no limit there"
    return InputError([Issue.make("cost", "overflow", hint=hint)], n_rows=fleet.n)


@dataclass(slots=True)
class Sums:
    """Totals of one call: cells of (run, group, period) for each column, and what they are of."""

    cells: dict[str, Array]
    observed: Array  # groups that have rows, or that a transfer leads to
    ends: Array  # the last day of each period, days since 1970-01-01


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
    present = np.asarray(found.group_rows)
    if groups.after is not None:
        after = np.where(groups.after < 0, groups.n, groups.after)
        present = present + np.bincount(after, minlength=len(present))
    observed = np.flatnonzero(present)
    # Where all groups but null have rows, the usual case, a view of their cells is enough.
    pick: Any = slice(len(observed)) if (observed == np.arange(len(observed))).all() else observed
    shape = (len(runs), groups.n + 1, len(found.period_ends))
    try:
        cells = {name: np.asarray(found.cells(name))[:, pick] for name in options.core_columns}
    except OverflowError:
        if options.amounts == "minor":
            raise _too_large(fleet) from None
        cells = {
            name: np.array(found.cells_exact(name), dtype=object).reshape(shape)[:, pick]
            for name in options.core_columns
        }
    shape = (len(runs), len(observed), len(found.period_ends))
    kind = np.dtype(np.float64 if direct else np.int64)
    every = {name: cells[name] if name in cells else np.zeros(shape, kind) for name in options.columns}
    return Sums(every, observed, np.asarray(found.period_ends, dtype=np.int32))


def sums_frame(
    fleet: FleetColumns,
    groups: Groups,
    sums: Sums,
    money: dict[str, Array],
    labels: Sequence[str] | None = None,
) -> Any:
    """Make a frame of cells of (run, group, period), ordered by group, run and period."""
    frame = fleet.frame
    runs_n, groups_n, periods = 1 if labels is None else len(labels), len(sums.observed), len(sums.ends)
    columns: dict[str, Any] = {}
    for name, uniques, key in zip(groups.names, groups.uniques, groups.keys, strict=True):
        columns[name] = frame.take(uniques, np.repeat(key[sums.observed], runs_n * periods))
    if labels is not None:
        policy = np.tile(np.repeat(np.arange(runs_n, dtype=np.int8), periods), groups_n)
        columns["policy"] = frame.categorical(policy, labels)
    columns["period_end"] = frame.dates_out(np.tile(sums.ends, groups_n * runs_n))
    for name, values in money.items():
        flat = np.ascontiguousarray(np.swapaxes(values, 0, 1)).reshape(-1)
        columns[name] = money_column(fleet, flat)
    return finish(fleet, frame.build(columns))


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
