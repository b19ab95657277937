"""Frames in, the same kind of frame out.

pandas is spoken natively (a single asset must not pay for a translation layer); polars and pyarrow
through narwhals, imported only when such a frame arrives. No frame library is imported here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from neocalc._columns import Array, Raw
from neocalc.errors import InputError, Issue


class Frame(Protocol):
    """What the verbs need of a frame."""

    kind: str
    n: int
    names: Sequence[str]

    def raw(self, name: str) -> Raw:
        """Return a column as numpy."""

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes (-1 for null), their number and the uniques to decode with `take`."""

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""

    def ids(self, keep_dtype: bool) -> Ids:
        """Return the assets' identities."""

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return index labels of rows."""

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes (-1 for null) into a column."""

    def uniques(self, uniques: Any) -> list[Any]:
        """Return uniques as Python values."""

    def categorical(self, codes: Array, labels: list[str]) -> Any:
        """Return an ordered dictionary column."""

    def dates_out(self, days: Array) -> Any:
        """Turn days since 1970-01-01 (int32) into a date column; the minimum is null."""

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Turn Decimals into a column."""

    def build(self, columns: dict[str, Any], index: Any = None) -> Any:
        """Make a frame of the user's kind."""


class Ids:
    """Identities of the assets: int64 numbers the core may gather, or a column decoded by position."""

    __slots__ = ("by_position", "ints", "name", "pick", "restore")

    def __init__(self, name: str, ints: Array | None, by_position: Any, pick: Any, restore: Any = None) -> None:
        self.name = name
        self.ints = ints
        self.by_position = by_position  # callable: int32 positions -> column
        self.pick = pick  # callable: row -> Python value
        self.restore = restore  # dtype the ints had


def _near(name: str, names: Sequence[Any]) -> str:
    text = [str(n) for n in names]
    close = difflib.get_close_matches(name, text, n=1, cutoff=0.6)
    if close:
        return f"rename {close[0]!r} to {name!r}"
    shown = ", ".join(repr(n) for n in text[:12]) or "none"
    return f"the frame has {shown}{', ...' if len(text) > 12 else ''}"


def missing_column(name: str, names: Sequence[Any]) -> Issue:
    """Name the column that is not there and the nearest one that is."""
    return Issue.make(name, "missing_column", hint=_near(name, names))


def as_frame(data: Any) -> Frame:
    """Wrap a user's frame, or refuse it."""
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        from neocalc._pandas_frame import PandasFrame

        return PandasFrame(data)
    module = type(data).__module__.partition(".")[0]
    if module in ("polars", "pyarrow"):
        from neocalc._narwhals_frame import wrap

        frame = wrap(data)
        if frame is not None:
            return frame
    raise InputError([Issue.make("fleet", "frame", example=type(data).__name__)])
