"""Groups of rows by one or several columns: small whole numbers the core can sum by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._columns import STRETCH, Array, recode

# From so many possible groups on it pays to look which of them there are.
_FEW = 1024
_TABLE = 1 << 26
_NO_ROWS = np.empty(0, dtype=np.intp)


@dataclass(slots=True)
class Groups:
    """A code for each row, and what the codes stand for."""

    names: list[str]
    codes: Array | None  # None: one group
    n: int  # not counting the null group, which is last
    uniques: list[Any]  # of each name, to decode with
    keys: list[Array]  # of each name, its code in each group, the null group's last
    after: Array | None = None  # the groups that transfers lead to

    def mixed(self, codes: Array, n: int, skip: Array | None) -> Array:
        """Return the rows of groups in which a second column, of `n` codes, has more than one value."""
        if skip is None and _all_equal(codes):
            return _NO_ROWS
        own = np.zeros(len(codes), dtype=np.int64) if self.codes is None else self.codes.astype(np.int64)
        own[own < 0] = self.n
        used = slice(None) if skip is None else ~skip
        pairs = np.unique(own[used] * (n + 1) + np.where(codes < 0, n, codes)[used])
        groups, values = np.unique(pairs // (n + 1), return_counts=True)
        several = np.isin(own, groups[values > 1])
        return np.flatnonzero(several if skip is None else several & ~skip)


def _all_equal(codes: Array) -> bool:
    return all(bool((codes[at : at + STRETCH] == codes[0]).all()) for at in range(0, len(codes), STRETCH))


def group_rows(codes_of: Callable[[str], tuple[Array, int, Any]], names: Sequence[str]) -> Groups:
    """Number the groups in the order of their keys, null after everything else."""
    groups = Groups(list(names), None, 1, [], [])
    for place, name in enumerate(names):
        codes, n, uniques = codes_of(name)
        groups.uniques.append(uniques)
        if place == 0:
            groups.codes, groups.n = codes, n
            kept = _observed_only(groups)
            groups.keys = [np.append(kept, -1)]
            continue
        _cross(groups, codes, n)
    return groups


def _cross(groups: Groups, codes: Array, n: int) -> None:
    """Make a group of each pair of a group and a code that some row has; of few pairs, of each."""
    width = n + 1
    size = (groups.n + 1) * width
    dtype = np.min_scalar_type(-size)
    out = np.empty(len(codes), dtype=dtype)
    own = groups.codes
    for start in range(0, len(codes), STRETCH):
        part = slice(start, start + STRETCH)
        left = np.zeros(len(codes[part]), dtype=np.int64) if own is None else own[part].astype(np.int64)
        left[left < 0] = groups.n
        right = codes[part].astype(np.int64)
        right[right < 0] = n
        out[part] = left * width + right
    groups.codes, groups.n = out, size
    # Only now, since pairs may be many more than rows. The pair of all nulls is a group like any other;
    # after it comes the null group, which stays empty.
    left, right = np.divmod(_observed_only(groups), width)
    groups.keys = [np.append(key[left], -1) for key in groups.keys]
    groups.keys.append(np.append(np.where(right < n, right, -1), -1))


def _observed_only(groups: Groups) -> Array:
    """Renumber the groups, unless few, so that each has a row; return the old numbers of those left."""
    codes, n = groups.codes, groups.n
    if codes is None or n <= _FEW:
        return np.arange(n)
    if n <= _TABLE:
        seen = np.zeros(n + 1, dtype=bool)
        for start in range(0, len(codes), STRETCH):
            seen[codes[start : start + STRETCH]] = True
        if seen[:-1].all():
            return np.arange(n)
        kept = np.flatnonzero(seen[:-1])
        table = np.full(n + 1, -1, dtype=np.int32)
        table[kept] = np.arange(len(kept), dtype=np.int32)
        groups.codes = recode(codes, table)
    else:
        kept, inverse = np.unique(codes, return_inverse=True)
        null = bool(len(kept)) and kept[0] < 0
        kept = kept[1:] if null else kept
        groups.codes = (inverse - null).astype(np.int32)
    groups.n = len(kept)
    return kept
