"""From the core's arrays to the columns of a result, whatever the frame is about."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from neocalc._columns import Array
from neocalc._frames import as_frame
from neocalc._groups import Groups
from neocalc._options import check_memory
from neocalc._records import Records, changed, guarded
from neocalc._side_tables import money_out
from neocalc.errors import InputError, Issue, Issues, NeocalcWarning

T = TypeVar("T")
DECIMAL_BYTES = 112  # a pointer and a Python Decimal


def attempt(
    records: Records,
    runs: Sequence[Any],
    compute: Callable[[Any], T],
    issues: Callable[[T], Any],
) -> T:
    """Compute over the good rows; what is wrong with the others is settled first."""
    if records.problems.issues and records.issues is None:
        records.settle(runs)
    result = guarded(compute, records.core())
    if issues(result) and records.issues is None:
        records.settle(runs)
        result = guarded(compute, records.core())
    if issues(result):
        raise changed(records.subject)  # a row went bad after it was judged
    return result


def problems_frame(data: Any, find: Callable[[], Issues]) -> Any:
    """Return what is wrong with some data as a frame of its kind."""
    try:
        issues = find()
    except InputError as error:
        if error.code != "duplicate_column":
            raise
        issues = error.issues
    columns = issues.to_dict()
    for name in ("rows", "index_labels", "ids"):
        columns[name] = [list(values) for values in columns[name]]
    return as_frame(data).issues_out(columns)


def finish(records: Records, frame: Any) -> Any:
    """Say on the result which rows were left out."""
    if records.issues is not None and not records.frame.attach(frame, as_records(records.issues)):
        n = 0 if records.bad is None else int(records.bad.sum())
        text = f"{n:,} rows with problems were left out of the amounts:\n{records.issues!r}"
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


def money_column(records: Records, values: Array, null: Array | None = None) -> Any:
    """Turn what the core gave, or sums of it, into a column of the amounts asked for."""
    if values.dtype == object and records.options.amounts == "minor":
        try:
            values = values.astype(np.int64)
        except OverflowError:
            raise too_large(records) from None
    return money_out(records.frame, records.options, values, null)


def check_rows(total: int, n_columns: int, amounts: str, spare: int = 0) -> None:
    """Refuse a result that cannot fit: `n_columns` of amounts, and `spare` bytes of a row for the others."""
    per_row = 16 + spare + n_columns * (8 + DECIMAL_BYTES * (amounts == "decimal"))
    instead = "ask for totals with by=[...], fewer columns=[...], a shorter start/end, or a part of the frame"
    check_memory(total * per_row, f"a result of {total:,} rows", instead)


def places(counts: Sequence[Array], rows: Array) -> tuple[Array, Array]:
    """Where a row for each of some records goes in the stacked result, and which record it is."""
    places, start = [], 0
    for count in counts:
        before = np.cumsum(count, dtype=np.int64)
        places.append(start + before[rows])
        start += int(count.sum())
    return np.concatenate(places), np.tile(rows, len(counts))


def insert(values: Array, at: Array, what: Any) -> Array:
    """Insert a value at each of some places."""
    out: Array = np.insert(values, at, what)
    return out


def too_large(records: Records) -> InputError:
    """Return the error for totals beyond 64 bits."""
    return InputError([beyond(records.compared[0])], n_rows=records.n, subject=records.subject)


def beyond(column: str) -> Issue:
    """Return what is wrong with totals of a column that are beyond 64 bits."""
    return Issue.make(column, "overflow", hint="ask for amounts='decimal': totals have no limit there")


@dataclass(slots=True)
class Sums:
    """Totals of one call: cells of (run, group, period) for each column, and what they are of."""

    cells: dict[str, Array]
    observed: Array  # groups that have rows, or that a transfer leads to
    ends: Array  # the last day of each period, days since 1970-01-01


class TotalsOfCore(Protocol):
    """Totals as the core gives them."""

    @property
    def group_rows(self) -> Array: ...
    @property
    def period_ends(self) -> Array: ...
    def cells(self, columns: Sequence[str], /) -> Any: ...
    def cells_exact(self, column: str, /) -> list[int]: ...


def read_sums(
    records: Records,
    found: TotalsOfCore,
    groups: Groups,
    columns: Sequence[str],
    computed: Sequence[str],
    *,
    runs: int = 1,
    direct: bool,
) -> Sums:
    """Take the cells of the groups that have rows; columns that the core did not compute are zero."""
    present = np.asarray(found.group_rows)
    if groups.after is not None:
        after = np.where(groups.after < 0, groups.n, groups.after)
        present = present + np.bincount(after, minlength=len(present))
    observed = np.flatnonzero(present)
    # Where all groups but null have rows, the usual case, a view of their cells is enough.
    pick: Any = slice(len(observed)) if (observed == np.arange(len(observed))).all() else observed
    shape = (runs, groups.n + 1, len(found.period_ends))
    try:
        cells = dict(zip(computed, np.asarray(found.cells(computed))[:, :, pick], strict=True))
    except OverflowError:
        if records.options.amounts == "minor":
            raise too_large(records) from None
        cells = {
            name: np.array(found.cells_exact(name), dtype=object).reshape(shape)[:, pick] for name in computed
        }
    shape = (runs, len(observed), len(found.period_ends))
    kind = np.dtype(np.float64 if direct else np.int64)
    every = {name: cells[name] if name in cells else np.zeros(shape, kind) for name in columns}
    return Sums(every, observed, np.asarray(found.period_ends, dtype=np.int32))


def sums_frame(
    records: Records,
    groups: Groups,
    sums: Sums,
    money: dict[str, Array],
    labels: Sequence[str] | None = None,
) -> Any:
    """Make a frame of cells of (run, group, period), ordered by group, run and period."""
    frame = records.frame
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
        columns[name] = money_column(records, flat)
    return finish(records, frame.build(columns))
