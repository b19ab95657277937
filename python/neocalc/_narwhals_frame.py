"""The polars and pyarrow side of `_frames`, through narwhals; imported once such a frame has arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import DuplicateError

from neocalc._columns import Array, Raw, recode
from neocalc._frames import Ids, has_repeats
from neocalc.errors import ConfigError, InputError, Issue

_NO_VALUES = np.empty(0, dtype=object)
_NO_ROWS = np.empty(0, dtype=np.intp)


def wrap(data: Any, id_name: str) -> NarwhalsFrame | None:
    """Wrap an eager polars or pyarrow frame; None for anything else, such as a lazy one."""
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError:
        return None
    except DuplicateError:
        names = Counter(data.schema.names)
        twice = [Issue.make(name, "duplicate_column", n_bad=n) for name, n in names.items() if n > 1]
        raise InputError(twice) from None
    return NarwhalsFrame(frame, id_name)


def raw_arrow(array: Any) -> Raw:
    """Return a pyarrow ChunkedArray as numpy."""
    return raw_series(nw.from_native(array, series_only=True))


def _objects(series: Any) -> Array:
    values = np.empty(len(series), dtype=object)
    values[:] = series.to_list()
    return values


def raw_series(series: Any) -> Raw:
    """Return a narwhals Series as numpy, nulls in a mask."""
    dtype = series.dtype
    null = series.is_null().to_numpy().astype(bool) if series.null_count() else None
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        if series.implementation.is_polars():
            return raw_series(series.cast(nw.String))
        column = series.to_native()
        return raw_arrow(column.cast(column.type.value_type))
    if dtype.is_integer() or dtype.is_float():
        if "128" in str(dtype):
            return Raw(_objects(series), null)
        return Raw((series if null is None else series.fill_null(0)).to_numpy(), null)
    if isinstance(dtype, nw.Datetime):
        if dtype.time_zone is not None:
            return Raw(_NO_VALUES, refuse=("timezone", str(dtype)))
        return Raw(np.asarray(series.to_numpy()).astype(f"M8[{dtype.time_unit}]", copy=False), null)
    if isinstance(dtype, nw.Date):
        return Raw(np.asarray(series.to_numpy()).astype("M8[D]", copy=False), null)
    if isinstance(dtype, nw.Decimal):
        return Raw(_objects(series), null)
    if isinstance(dtype, nw.String):
        return Raw(_objects(series), null, text=True)
    return _unknown(series, null)


def _unknown(series: Any, null: Array | None) -> Raw:
    """Columns that narwhals has no name for."""
    if series.null_count() == len(series):
        return Raw(np.full(len(series), None, dtype=object))
    kind = str(getattr(series.to_native(), "type", series.dtype))
    if kind.startswith("decimal"):
        return Raw(_objects(series), null)
    if kind.startswith("date64"):
        return Raw(_objects(series), null)
    return Raw(_NO_VALUES, refuse=("dtype", kind))


class NarwhalsFrame:
    """A polars or pyarrow frame as the verbs see it."""

    date_dtype = np.dtype(np.int32)
    nan_is_null = False

    def __init__(self, frame: Any, id_name: str) -> None:
        self.frame = frame
        self.id_name = id_name
        self.n = len(frame)
        self.names: tuple[Any, ...] = tuple(frame.columns)
        self.polars = frame.implementation.is_polars()
        self.kind = "polars" if self.polars else "pyarrow"
        self._native: Any = frame.implementation.to_native_namespace()

    def raw(self, name: str) -> Raw:
        """Return a column as numpy."""
        return raw_series(self.frame[name])

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes in the order of the values, their number and the sorted uniques."""
        return self._codes_of(self.frame[name].to_native())

    def codes_with(self, name: str, more: list[Any]) -> tuple[Array, int, Any]:
        """Return codes of the column followed by more values."""
        column = self.frame[name].to_native()
        if self.polars:
            pl = self._native
            dtype = column.dtype
            if isinstance(dtype, (pl.Categorical, pl.Enum)):
                column, dtype = column.cast(pl.String), pl.String()
            if dtype.is_integer():  # a column of whole numbers and nulls may have come as floats
                more = [
                    int(value) if isinstance(value, float) and value.is_integer() else value for value in more
                ]
            return self._codes_of(pl.concat([column, pl.Series(column.name, more, dtype=dtype)]))
        pa = self._native
        kind = column.type
        if pa.types.is_dictionary(kind):
            column, kind = column.cast(kind.value_type), kind.value_type
        return self._codes_of(pa.chunked_array([*column.chunks, pa.array(more, type=kind)], type=kind))

    def id_values(self) -> Array:
        """Return the ids as numpy: whole numbers, or objects."""
        if self.id_name not in self.names:
            return np.arange(self.n, dtype=np.int64)
        raw = self.raw(self.id_name)
        return raw.values if raw.values.dtype.kind in "iuO" else raw.values.astype(object)

    def _codes_of(self, column: Any) -> tuple[Array, int, Any]:
        if self.polars:
            pl = self._native
            uniques = column.unique().drop_nulls().sort()
            numbers = pl.Series(np.arange(len(uniques), dtype=np.int32))
            if not len(uniques):
                return np.full(len(column), -1, dtype=np.int32), 0, uniques
            codes = column.replace_strict(uniques, numbers, default=None, return_dtype=pl.Int32)
            return np.ascontiguousarray(codes.fill_null(-1).to_numpy()), len(uniques), uniques
        import pyarrow.compute as pc

        pa = self._native
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)  # chunks may have dictionaries of their own
        encoded = column.combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        order = pc.array_sort_indices(encoded.dictionary).to_numpy()
        rank = np.full(len(order) + 1, -1, dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        codes = recode(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), rank)
        return codes, len(order), (kind, encoded.dictionary.take(pa.array(order)))

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""
        column = self.frame[name]
        if isinstance(column.dtype, (nw.Categorical, nw.Enum)):
            if self.polars:
                column = column.cast(nw.String)
            else:
                native = column.to_native()
                column = nw.from_native(native.cast(native.type.value_type), series_only=True)
        try:
            found = np.zeros(self.n, dtype=bool)
            if some := [value for value in values if value is not None]:
                found |= column.is_in(some).fill_null(False).to_numpy()
            return found | column.is_null().to_numpy() if len(some) < len(values) else found
        except Exception as error:  # each library has its own for values of another type
            raise ConfigError(f"{name!r} is {column.dtype}, which holds none of {values!r}") from error

    def pick(self, rows: Array) -> Any:
        """Return some rows."""
        return self.frame[rows.tolist()].to_native()

    def replaced(self, name: str, values: Array) -> Any:
        """Return a frame with other numbers in a column."""
        column = nw.new_series(name, values, backend=self.frame.implementation)
        return self.frame.with_columns(column).to_native()

    def without(self, name: str) -> Any:
        """Return the frame without a column."""
        return self.frame.drop(name).to_native()

    def ids(self, keep_dtype: bool) -> Ids:
        """Return the column of ids, else the row number."""
        if self.id_name not in self.names:
            numbers = np.arange(self.n, dtype=np.int64)
            return Ids(numbers, numbers.take, int)
        column = self.frame[self.id_name]
        if column.dtype.is_integer() and not column.null_count() and "128" not in str(column.dtype):
            values = np.asarray(column.to_numpy())
            return Ids(
                np.ascontiguousarray(values.astype(np.int64, copy=False)),
                values.take,
                lambda row: int(values[row]),
                None if values.dtype == np.int64 else values.dtype,
            )
        native = column.to_native()
        text = isinstance(column.dtype, nw.String) and not keep_dtype

        def by_position(positions: Array) -> Any:
            if self.polars:
                pl = self._native
                return (native.cast(pl.Categorical) if text else native).gather(pl.Series(positions))
            pa = self._native
            flat = native.combine_chunks()
            if isinstance(flat, pa.ChunkedArray):  # of no chunks or too long for one
                flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], native.type)
            if text:
                return pa.DictionaryArray.from_arrays(pa.array(positions), flat)
            return flat.take(pa.array(positions))

        return Ids(None, by_position, lambda row: column[int(row)])

    def duplicate_ids(self, with_index: bool) -> Array:
        """Return the rows whose id stands more than once; null ids are found elsewhere."""
        if self.id_name not in self.names or self.n < 2:
            return _NO_ROWS
        column = self.frame[self.id_name]
        nulls = column.null_count()
        if column.dtype.is_integer() and not nulls and "128" not in str(column.dtype):
            if not has_repeats(np.asarray(column.to_numpy())):
                return _NO_ROWS
        elif column.n_unique() == self.n - nulls + bool(nulls):
            return _NO_ROWS
        codes, n_codes, _ = self.codes(self.id_name)
        counts = np.bincount(codes[codes >= 0], minlength=n_codes)
        return np.flatnonzero((codes >= 0) & (np.append(counts, 0)[codes] > 1))

    def null_ids(self, with_index: bool) -> Array:
        """Return the rows without an id."""
        if self.id_name not in self.names or not self.frame[self.id_name].null_count():
            return _NO_ROWS
        return np.flatnonzero(self.frame[self.id_name].is_null().to_numpy())

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return row numbers: these frames have no index."""
        return tuple(rows)

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes into a column of the type they were taken from."""
        null = codes < 0
        if self.polars:
            pl = self._native
            at = pl.Series(codes, dtype=pl.Int64)
            return uniques.gather(at.replace(-1, None) if null.any() else at)
        pa = self._native
        kind, values = uniques
        if not pa.types.is_dictionary(kind):
            return values.take(pa.array(codes, mask=null))
        indices = pa.array(codes, mask=null).cast(kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered)

    def uniques(self, uniques: Any) -> list[Any]:
        """Return uniques as Python values."""
        return list(uniques.to_list() if self.polars else uniques[1].to_pylist())

    def categorical(self, codes: Array, labels: Sequence[str], *, ordered: bool = True) -> Any:
        """Return an Enum (polars) or a dictionary (pyarrow)."""
        null = codes < 0
        if self.polars:
            pl = self._native
            at = pl.Series(codes, dtype=pl.Int64)
            values = pl.Series(list(labels), dtype=pl.Enum(list(labels)))
            return values.gather(at.replace(-1, None) if null.any() else at)
        pa = self._native
        indices = pa.array(codes.astype(np.int32), mask=null if null.any() else None)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(labels), pa.string()), ordered=ordered)

    def _column(self, values: Array, null: Array | None) -> Any:
        if self.polars:
            column = self._native.Series(values)
            return column if null is None else column.zip_with(~self._native.Series(null), column.clear(1))
        return self._native.array(values, mask=null)

    def dates_out(self, dates: Array, null: Array | None = None) -> Any:
        """Return Date or date32."""
        column = self._column(dates, null)
        return column.cast(self._native.Date if self.polars else self._native.date32())

    def money_out(self, values: Array, null: Array | None = None) -> Any:
        """Return a float64 or int64 column."""
        return self._column(values, null)

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Return a decimal column of 38 digits."""
        if self.polars:
            return self._native.Series(values.tolist(), dtype=self._native.Decimal(38, minor_units))
        return self._native.array(values.tolist(), type=self._native.decimal128(38, minor_units))

    def build(self, columns: dict[str, Any], keep: Array | None = None, *, like_input: bool = False) -> Any:
        """Make a frame of the same library; there is no index to keep."""
        return self._native.DataFrame(columns) if self.polars else self._native.table(columns)

    def issues_out(self, columns: dict[str, list[Any]]) -> Any:
        """Make a frame of issues; row numbers are lists, and so are labels and ids, as text."""
        columns = {
            **columns,
            **{name: [[str(v) for v in row] for row in columns[name]] for name in ("index_labels", "ids")},
        }
        lib = self._native
        if self.polars:
            types = dict.fromkeys(columns, lib.String)
            types.update(n_bad=lib.Int64, rows=lib.List(lib.Int64), index_labels=lib.List(lib.String))
            return lib.DataFrame(columns, schema={**types, "ids": lib.List(lib.String)})
        kinds = dict.fromkeys(columns, lib.string())
        kinds.update(n_bad=lib.int64(), rows=lib.list_(lib.int64()), index_labels=lib.list_(lib.string()))
        return lib.table(columns, schema=lib.schema({**kinds, "ids": lib.list_(lib.string())}))

    def attach(self, frame: Any, issues: list[dict[str, Any]]) -> bool:
        """Do nothing: there is no place for issues."""
        return False
