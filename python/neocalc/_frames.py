"""Frames in, the same kind of frame out.

pandas is spoken natively (a single asset must not pay for a translation layer); polars and pyarrow
through narwhals, imported only when such a frame arrives. No frame library is imported here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neocalc._columns import STRETCH, Array, Raw
from neocalc.errors import InputError, Issue


@dataclass(slots=True)
class Ids:
    """Identities of the rows: int64 numbers the core may gather, or a column taken by position."""

    ints: Array | None
    by_position: Callable[[Array], Any]  # int32 positions -> column
    pick: Callable[[int], Any]  # row -> Python value
    restore: np.dtype[Any] | None = None  # the integer type the ints had


class Frame(Protocol):
    """What the verbs need of a frame."""

    kind: str
    id_name: str  # the column that tells rows apart
    n: int
    names: tuple[Any, ...]
    date_dtype: np.dtype[Any]  # in which the core writes dates: int64 microseconds or int32 days
    nan_is_null: bool

    def raw(self, name: str) -> Raw:
        """Return a column as numpy."""

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes (-1 for null) in the order of the values, their number, and what `take` needs."""

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""

    def pick(self, rows: Array) -> Any:
        """Return some rows, as a frame of the user's kind."""

    def without(self, name: str) -> Any:
        """Return the frame without a column."""

    def replaced(self, name: str, values: Array) -> Any:
        """Return a frame of the user's kind with other numbers in a column."""

    def ids(self, keep_dtype: bool) -> Ids:
        """Return the rows' identities."""

    def id_values(self) -> Array:
        """Return the ids as numpy: whole numbers, or objects."""

    def codes_with(self, name: str, more: list[Any]) -> tuple[Array, int, Any]:
        """Return codes as `codes` does, of the column followed by more values."""

    def duplicate_ids(self, with_index: bool) -> Array:
        """Return the rows whose id stands more than once; of the index only if asked."""

    def null_ids(self, with_index: bool) -> Array:
        """Return the rows without an id; of the index only if asked."""

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return index labels of rows."""

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes (-1 for null) into a column."""

    def uniques(self, uniques: Any) -> list[Any]:
        """Return what `take` decodes with as Python values, in the order of the codes."""

    def categorical(self, codes: Array, labels: Sequence[str], *, ordered: bool = True) -> Any:
        """Return a dictionary column; -1 is null."""

    def dates_out(self, dates: Array, null: Array | None = None) -> Any:
        """Turn what the core wrote (`date_dtype`) into a date column."""

    def money_out(self, values: Array, null: Array | None = None) -> Any:
        """Turn float64 or int64 amounts into a column."""

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Turn Decimals and None into a column."""

    def build(self, columns: dict[str, Any], keep: Array | None = None, *, like_input: bool = False) -> Any:
        """Make a frame of the user's kind; `like_input` keeps the index, of the rows in `keep`."""

    def issues_out(self, columns: dict[str, list[Any]]) -> Any:
        """Make a frame of issues."""

    def attach(self, frame: Any, issues: list[dict[str, Any]]) -> bool:
        """Attach issues to a result; False where this kind of frame has no place for them."""


def has_repeats(values: Array) -> bool:
    """Whether an integer appears twice; ascending ids, the usual case, cost one pass."""
    for start in range(0, len(values) - 1, STRETCH):
        part = values[start : start + STRETCH + 1]
        if not (part[1:] > part[:-1]).all():
            break
    else:
        return False
    ordered = np.sort(values)
    return bool((ordered[1:] == ordered[:-1]).any())


def closest(name: str, names: Iterable[Any]) -> str | None:
    """Return the one of some names that another was perhaps meant to be."""
    close = difflib.get_close_matches(name, [str(n) for n in names], n=1, cutoff=0.6)
    return close[0] if close else None


def _listed(names: Sequence[Any], none: str) -> str:
    shown = ", ".join(repr(str(n)) for n in names[:12]) or none
    return f"{shown}{', ...' if len(names) > 12 else ''}"


def nearest(name: str, names: Sequence[Any]) -> str:
    """Advise on a column that a frame lacks."""
    close = closest(name, names)
    if close is None:
        return f"the frame has {_listed(names, 'no columns')}"
    return f"rename {close!r} to {name!r}"


def meant(name: str, names: Sequence[Any], known: str = "there are") -> str:
    """Advise on a name that means nothing where these do."""
    close = closest(name, names)
    return f"{known} {_listed(names, 'none')}" if close is None else f"did you mean {close!r}?"


def as_frame(data: Any, id_name: str = "asset_id", subject: str = "fleet") -> Frame:
    """Wrap a user's frame, or refuse it; `id_name` is the column that tells its rows apart."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        from neocalc._pandas_frame import PandasFrame

        return PandasFrame(data, id_name, subject)
    if type(data).__module__.partition(".")[0] in ("polars", "pyarrow"):
        from neocalc._narwhals_frame import wrap

        frame = wrap(data, id_name)
        if frame is not None:
            return frame
    raise InputError([Issue.make(subject, "frame", example=type(data).__name__)])
