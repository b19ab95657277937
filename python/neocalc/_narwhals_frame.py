"""The polars and pyarrow side of `_frames`, through narwhals; imported once such a frame has arrived."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from neocalc._columns import Array, Raw
from neocalc._frames import Ids

_NO_VALUES = np.empty(0, dtype=object)


def wrap(data: Any) -> NarwhalsFrame | None:
    """Wrap an eager polars or pyarrow frame; None for anything else, such as a lazy one."""
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        return None
    return NarwhalsFrame(frame)


def raw_arrow(array: Any) -> Raw:
    """Return a pyarrow array as numpy."""
    return raw_series(nw.from_native(array, series_only=True))


def raw_series(series: Any) -> Raw:
    """Return a narwhals Series as numpy, nulls in a mask."""
    dtype = series.dtype
    null = None
    if series.null_count():
        null = series.is_null().to_numpy().astype(bool)
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        native = series.to_native()
        if hasattr(native, "dictionary_decode") or hasattr(native, "chunks"):
            return raw_arrow(native.cast(native.type.value_type))
        return raw_series(series.cast(nw.String))
    if dtype.is_integer() or dtype.is_float():
        if "128" in str(dtype):
            return Raw(np.array(series.to_list(), dtype=object), null)
        if null is not None:
            series = series.fill_null(0)
        return Raw(series.to_numpy(), null)
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is not None:
            return Raw(_NO_VALUES, refuse=("timezone", str(dtype)))
        return Raw(np.asarray(series.to_numpy()).astype(f"M8[{dtype.time_unit}]", copy=False), null)
    if isinstance(dtype, nw.Date):
        return Raw(np.asarray(series.to_numpy()).astype("M8[D]", copy=False), null)
    if isinstance(dtype, nw.Decimal):
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
        return Raw(values, null)
    if isinstance(dtype, nw.String):
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
        return Raw(values, null, ("dtype", "string"))
    if null is not None and series.null_count() == len(series) and str(dtype) == "Unknown":
        return Raw(np.full(len(series), None, dtype=object), null)
    return Raw(_NO_VALUES, refuse=("dtype", str(dtype)))


class NarwhalsFrame:
    """A polars or pyarrow frame as the verbs see it."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame
        self.n = len(frame)
        self.names: Sequence[str] = frame.columns
        self.polars = frame.implementation.is_polars()
        self.kind = "polars" if self.polars else "pyarrow"
        self._native: Any = frame.implementation.to_native_namespace()

    def raw(self, name: str) -> Raw:
        """Return a column as numpy."""
        return raw_series(self.frame[name])

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes, their number and the sorted uniques."""
        column = self.frame[name].to_native()
        if self.polars:
            pl = self._native
            if column.dtype == pl.Categorical:
                column = column.cast(pl.String)
            uniques = column.drop_nulls().unique().sort()
            codes = (column.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy()
            return np.ascontiguousarray(codes), len(uniques), uniques
        import pyarrow.compute as pc

        pa = self._native
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        order = pc.array_sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order) + 1, dtype=np.int64)
        rank[order] = np.arange(len(order))
        rank[-1] = -1
        indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return rank[indices], len(order), encoded.dictionary.take(pa.array(order))

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""
        column = self.frame[name]
        if isinstance(column.dtype, (nw.Categorical, nw.Enum)):
            column = column.cast(nw.String)
        return np.asarray(column.is_in(values).fill_null(False).to_numpy(), dtype=bool)

    def ids(self, keep_dtype: bool) -> Ids:
        """Return asset_id, else the row number."""
        if "asset_id" not in self.names:
            numbers = np.arange(self.n, dtype=np.int64)
            return Ids("asset_id", numbers, numbers.take, int)
        column = self.frame["asset_id"]
        if column.dtype.is_integer() and not column.null_count():
            values = column.to_numpy()
            dtype = values.dtype
            return Ids(
                "asset_id",
                np.ascontiguousarray(values.astype(np.int64, copy=False)),
                values.take,
                lambda r: int(values[r]),
                None if dtype == np.int64 else dtype,
            )
        native = column.to_native()
        text = isinstance(column.dtype, nw.String) and not keep_dtype

        def by_position(positions: Array) -> Any:
            if self.polars:
                pl = self._native
                return (native.cast(pl.Categorical) if text else native).gather(pl.Series(positions))
            pa = self._native
            flat = native.combine_chunks() if isinstance(native, pa.ChunkedArray) else native
            if text:
                return pa.DictionaryArray.from_arrays(pa.array(positions), flat)
            return flat.take(pa.array(positions))

        return Ids("asset_id", None, by_position, lambda r: column[r])

    def duplicate_ids(self) -> Array:
        """Return the rows whose id stands more than once; null ids are found elsewhere."""
        if "asset_id" not in self.names:
            return np.empty(0, dtype=np.intp)
        codes, n_codes, _ = self.codes("asset_id")
        if n_codes == self.n:
            return np.empty(0, dtype=np.intp)
        counts = np.bincount(codes[codes >= 0], minlength=n_codes)
        return np.flatnonzero((codes >= 0) & (np.append(counts, 0)[codes] > 1))

    def null_ids(self) -> Array:
        """Return the rows without an id."""
        if "asset_id" not in self.names:
            return np.empty(0, dtype=np.intp)
        return np.flatnonzero(self.frame["asset_id"].is_null().to_numpy())

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return row numbers: these frames have no index."""
        return tuple(rows)

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes into a column."""
        if self.polars:
            pl = self._native
            return uniques.gather(pl.Series(codes, dtype=pl.Int64).replace(-1, None))
        pa = self._native
        return uniques.take(pa.array(codes, mask=codes < 0))

    def uniques(self, uniques: Any) -> list[Any]:
        """Return uniques as Python values."""
        return list(uniques.to_list() if self.polars else uniques.to_pylist())

    def categorical(self, codes: Array, labels: list[str]) -> Any:
        """Return an Enum (polars) or an ordered dictionary (pyarrow)."""
        if self.polars:
            pl = self._native
            return pl.Series(labels, dtype=pl.Enum(labels)).gather(pl.Series(codes, dtype=pl.Int64))
        pa = self._native
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(labels), ordered=True)

    def dates_out(self, days: Array) -> Any:
        """Return Date or date32."""
        null = days == np.iinfo(np.int32).min
        if self.polars:
            pl = self._native
            column = pl.Series(days, dtype=pl.Int32)
            if null.any():
                column = column.replace(int(np.iinfo(np.int32).min), None)
            return column.cast(pl.Date)
        pa = self._native
        return pa.array(days, mask=null).cast(pa.date32())

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Return a decimal column of the frame library."""
        if self.polars:
            pl = self._native
            return pl.Series(list(values), dtype=pl.Decimal(38, minor_units))
        pa = self._native
        return pa.array(list(values), type=pa.decimal128(38, minor_units))

    def issue_codes(self, codes: list[str | None]) -> Any:
        """Return the flag column."""
        if self.polars:
            return self._native.Series(codes, dtype=self._native.String)
        return self._native.array(codes, type=self._native.string())

    def build(self, columns: dict[str, Any], index: Any = None) -> Any:
        """Make a frame of the same library."""
        if self.polars:
            return self._native.DataFrame(columns)
        return self._native.table(columns)

    def concat(self, parts: list[Any]) -> Any:
        """Stack frames of the same columns."""
        return self._native.concat(parts) if self.polars else self._native.concat_tables(parts)
