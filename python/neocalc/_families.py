"""Components with lives of their own that report as one: sums of rows under the asset they belong to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neocalc._columns import Array, Problems, is_missing
from neocalc._exact import add_up
from neocalc._frames import Frame
from neocalc._side import match

# What stands at the end of a period, and where it stood at its beginning.
CLOSING = ("closing_book_value", "accumulated_depreciation", "closing_cost")
OPENING = {"opening_book_value": "closing_book_value", "opening_cost": "closing_cost"}


def families(frame: Frame, problems: Problems) -> Array | None:
    """Return the asset that each row reports under; None where each reports for itself."""
    raw, known = frame.raw("parent_id"), frame.id_values()
    null = np.zeros(frame.n, dtype=bool) if raw.null is None else raw.null.copy()
    if raw.values.dtype == object:
        null |= np.array([is_missing(value) for value in raw.values], dtype=bool)
    elif raw.values.dtype.kind == "f":
        null |= np.isnan(raw.values)
    wanted = raw.values
    if wanted.dtype.kind == "f" and known.dtype.kind in "iu":
        wanted = np.where(null, 0, wanted).astype(np.int64)  # whole numbers beside nulls
    parents = match(known, wanted)
    strange = np.flatnonzero((parents < 0) & ~null)
    problems.rows("parent_id", "unknown_id", strange, frame.n, lambda row: repr(raw.values[row]))
    parents = np.where(null, -1, parents)
    if not (parents >= 0).any():
        return None
    roots, circle = roots_of(parents)
    problems.rows("parent_id", "parent_circle", circle, frame.n, frame.ids(True).pick)
    return roots


def roots_of(parents: Array) -> tuple[Array, Array]:
    """Return the topmost asset of each row and the rows that are their own ancestors; -1 is no parent."""
    rows = np.arange(len(parents))
    roots = np.where(parents < 0, rows, parents)
    for _ in range(64):  # each step doubles the generations seen
        above = roots[roots]
        if (above == roots).all():
            break
        roots = above
    circle = parents[roots] >= 0
    circle &= parents[roots] != roots
    return np.where(circle, rows, roots), np.flatnonzero(circle)


@dataclass(slots=True)
class Merged:
    """Rows by topmost asset: how many each has, and the columns."""

    counts: Array  # of each row of the fleet
    position: Array
    period_end: Array
    money: dict[str, Array]


def needed(columns: list[str]) -> list[str]:
    """Return the columns that sums of rows are made from."""
    return list(dict.fromkeys([*columns, *(OPENING[name] for name in columns if name in OPENING)]))


def merge(
    roots: Array,
    counts: Array,
    active: Array,
    period_end: Array,
    money: dict[str, Array],
    columns: list[str],
) -> Merged:
    """Sum the rows of components, period by period.

    `counts` are each asset's rows, which run on to the horizon's end so that balances are whole; `active`
    says how many of them come up to its last charge. A family ends with the last of its members.
    """
    n, ends = len(roots), np.unique(period_end)
    periods = len(ends)
    at = np.searchsorted(ends, period_end)
    position = np.repeat(np.arange(n), counts)
    root = roots[position]
    first = np.full(n, periods, dtype=np.int64)
    np.minimum.at(first, root, at)
    entry = np.full(n, periods, dtype=np.int64)
    np.minimum.at(entry, position, at)
    last = np.full(n, -1, dtype=np.int64)
    np.maximum.at(last, roots, np.where(active > 0, entry + active - 1, -1))
    inside = at <= last[root]
    begins = np.zeros(len(position), dtype=bool)
    begins[(np.cumsum(counts) - counts)[counts > 0]] = True
    begins, position, root, at = begins[inside], position[inside], root[inside], at[inside]
    money = {name: values[inside] for name, values in money.items()}
    own = np.maximum(last - first + 1, 0)
    starts = np.cumsum(own) - own
    place = starts[root] + at - first[root]
    total = int(own.sum())
    family = np.repeat(np.arange(n), own)

    def summed(values: Array) -> Array:
        return add_up(place, values, total)

    def stood(name: str) -> Array:
        """A balance: what each row adds to that of the row before, added up along the family."""
        values = money[name]
        steps = values.copy()
        steps[1:] -= np.where(begins[1:], 0, values[:-1])
        running = np.cumsum(summed(steps))
        before = np.concatenate([running[:1] * 0, running])[starts[family]]
        level: Array = running - before
        return level

    merged: dict[str, Array] = {}
    for name in columns:
        if name in CLOSING:
            merged[name] = stood(name)
        elif name in OPENING:
            closing = stood(OPENING[name])
            opening = np.concatenate([closing[:1] * 0, closing[:-1]])
            entering = np.arange(total) == starts[family]
            merged[name] = np.where(entering, summed(np.where(at == first[root], money[name], 0)), opening)
        else:
            merged[name] = summed(money[name])
    period = ends[(np.arange(total) - starts[family]) + first[family]] if total else period_end[:0]
    return Merged(own, family.astype(np.int32), period, merged)


def sums_by_root(
    roots: Array, values: list[Array], null: Array | None
) -> tuple[Array, list[Array], Array | None]:
    """Return the topmost assets in order, the sums of their values (of months the most), and nulls."""
    top, place = np.unique(roots, return_inverse=True)
    *money, months = values
    summed = [add_up(place, column, len(top)) for column in money]
    longest = np.zeros(len(top), dtype=months.dtype)
    np.maximum.at(longest, place, months)
    if null is None:
        return top, [*summed, longest], None
    lost = np.zeros(len(top), dtype=bool)
    lost[place[null]] = True
    return top, [*summed, longest], lost
