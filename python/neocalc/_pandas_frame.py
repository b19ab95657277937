"""The pandas side of `_frames`; imported once a pandas frame has arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from neocalc._columns import Array, Raw
from neocalc._frames import Ids
from neocalc.errors import InputError, Issue

_NO_VALUES = np.empty(0, dtype=object)
_EXTENSION_KINDS = {
    "DatetimeTZDtype": ("timezone", "tz-aware"),
    "PeriodDtype": ("dtype", "period"),
    "IntervalDtype": ("dtype", "interval"),
    "SparseDtype": ("dtype", "sparse"),
    "BooleanDtype": ("dtype", "boolean"),
}


def _extension(series: Any) -> Raw:
    dtype = series.dtype
    name = type(dtype).__name__
    if name in _EXTENSION_KINDS:
        return Raw(_NO_VALUES, refuse=_EXTENSION_KINDS[name])
    if name == "CategoricalDtype":
        # The values stand for themselves; their codes mean nothing.
        plain = raw_series(pd.Series(series.array.categories))
        codes = series.array.codes
        null = codes < 0
        values = plain.values[np.where(null, 0, codes)] if len(plain.values) else _NO_VALUES
        return Raw(values, null if null.any() else None, plain.refuse)
    if name == "ArrowDtype":
        from neocalc._narwhals_frame import raw_arrow

        return raw_arrow(series.array.__arrow_array__())
    null = series.isna().to_numpy()
    if name == "StringDtype":
        return Raw(series.to_numpy(dtype=object), null, ("dtype", "string"))
    if hasattr(dtype, "numpy_dtype"):
        values = series.array.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
        return Raw(values, null if null.any() else None)
    return Raw(_NO_VALUES, refuse=("dtype", str(dtype)))


def raw_series(series: Any) -> Raw:
    """Return a Series as numpy."""
    if isinstance(series.dtype, np.dtype):
        return Raw(series.to_numpy())
    return _extension(series)


class PandasFrame:
    """A pandas frame as the verbs see it."""

    kind = "pandas"

    def __init__(self, data: pd.DataFrame) -> None:
        self.data = data
        self.n = len(data)
        self.names: Any = data.columns
        if isinstance(data.columns, pd.MultiIndex):
            raise InputError(
                [Issue.make("fleet", "dtype", example="column MultiIndex", hint="flatten the column names")]
            )

    def raw(self, name: str) -> Raw:
        """Return a column as numpy."""
        return raw_series(self.data[name])

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes, their number and the uniques."""
        column = self.data[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            return np.ascontiguousarray(column.array.codes), len(column.array.categories), column.dtype
        codes, uniques = column.factorize(sort=True)
        # factorize gives an Index: its array keeps the column's own dtype.
        return np.ascontiguousarray(codes), len(uniques), getattr(uniques, "array", uniques)

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""
        return np.asarray(self.data[name].isin(values), dtype=bool)

    def ids(self, keep_dtype: bool) -> Ids:
        """Return asset_id, else the index."""
        source = self.data["asset_id"] if "asset_id" in self.data.columns else self.data.index
        array = source.array if not isinstance(source, pd.MultiIndex) else None
        if isinstance(source, pd.RangeIndex) or (
            isinstance(source.dtype, np.dtype) and source.dtype.kind in "iu" and array is not None
        ):
            values = np.asarray(source)
            dtype = values.dtype
            return Ids(
                "asset_id",
                np.ascontiguousarray(values.astype(np.int64, copy=False)),
                lambda p: values.take(p),
                lambda r: int(values[r]),
                None if dtype == np.int64 else dtype,
            )
        if array is None:
            array = pd.Index(source.to_flat_index()).array
        is_categorical = isinstance(array.dtype, pd.CategoricalDtype)
        text = isinstance(array.dtype, pd.StringDtype) or array.dtype == object

        def by_position(positions: Array) -> Any:
            if text and not is_categorical and not keep_dtype:
                return pd.Categorical.from_codes(
                    positions, dtype=pd.CategoricalDtype(pd.Index(array)), validate=False
                )
            return array.take(positions)

        return Ids("asset_id", None, by_position, lambda r: array[r])

    def duplicate_ids(self) -> Array:
        """Return the rows whose id stands more than once; null ids are found elsewhere."""
        source: Any = self.data["asset_id"] if "asset_id" in self.data.columns else self.data.index
        if isinstance(source, pd.RangeIndex) or self.n < 2:
            return np.empty(0, dtype=np.intp)
        if not source.duplicated().any():
            return np.empty(0, dtype=np.intp)
        again = np.asarray(source.duplicated(keep=False)) & np.asarray(~source.isna())
        return np.flatnonzero(again)

    def null_ids(self) -> Array:
        """Return the rows without an id."""
        if "asset_id" not in self.data.columns:
            return np.empty(0, dtype=np.intp)
        column = self.data["asset_id"]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(column.isna().to_numpy())

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return index labels of rows."""
        index = self.data.index
        return tuple(index[r] for r in rows)

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes into a column."""
        if isinstance(uniques, pd.CategoricalDtype):
            return pd.Categorical.from_codes(codes, dtype=uniques)
        if (codes < 0).any():
            return pd.api.extensions.take(uniques, codes, allow_fill=True)
        return uniques.take(codes)

    def uniques(self, uniques: Any) -> list[Any]:
        """Return uniques as Python values."""
        return list(uniques.categories if isinstance(uniques, pd.CategoricalDtype) else uniques)

    def categorical(self, codes: Array, labels: list[str]) -> Any:
        """Return an ordered Categorical."""
        return pd.Categorical.from_codes(codes, categories=labels, ordered=True)

    def dates_out(self, days: Array) -> Any:
        """Return datetime64[us]."""
        micros = days.astype(np.int64)
        null = days == np.iinfo(np.int32).min
        micros *= 86_400_000_000
        if null.any():
            micros[null] = np.iinfo(np.int64).min
        return micros.view("M8[us]")

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Return the objects as they are."""
        return values

    def issue_codes(self, codes: list[str | None]) -> Any:
        """Return the flag column."""
        return pd.array(codes, dtype="str") if pd.__version__ >= "3" else np.array(codes, dtype=object)

    def build(self, columns: dict[str, Any], index: Any = None) -> Any:
        """Make a DataFrame without copying."""
        return pd.DataFrame(columns, index=self.data.index if index is True else None, copy=False)

    def concat(self, parts: list[Any]) -> Any:
        """Stack frames of the same columns."""
        return pd.concat(parts, ignore_index=True)
