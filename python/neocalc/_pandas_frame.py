"""The pandas side of `_frames`; imported once a pandas frame has arrived."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from neocalc._columns import Array, Raw
from neocalc._frames import Ids, has_repeats
from neocalc.errors import InputError, Issue

_NO_VALUES = np.empty(0, dtype=object)
_PLAIN = ("string", "integer", "empty", "date", "datetime", "datetime64", "floating", "boolean")
_NO_ROWS = np.empty(0, dtype=np.intp)
_REFUSED_TYPES = {
    "DatetimeTZDtype": ("timezone", "tz-aware"),
    "PeriodDtype": ("dtype", "period"),
    "IntervalDtype": ("dtype", "interval"),
    "SparseDtype": ("dtype", "sparse"),
    "BooleanDtype": ("dtype", "boolean"),
}
_DAY_MICROSECONDS = 86_400_000_000
_PLACES = np.arange(64)
try:
    # Public since pandas 3.0, but its stubs leave this module out: the checker has nothing to look at.
    from pandas.api.internals import create_dataframe_from_blocks as _create  # type: ignore[import-not-found]
except ImportError:  # before pandas 3
    _create = None


def _extension(series: Any) -> Raw:
    dtype = series.dtype
    name = type(dtype).__name__
    if name in _REFUSED_TYPES:
        return Raw(_NO_VALUES, refuse=_REFUSED_TYPES[name])
    if name == "CategoricalDtype":
        # The values stand for themselves; their codes mean nothing.
        plain = raw_series(pd.Series(series.array.categories))
        codes = series.array.codes
        null = codes < 0
        if plain.refuse is not None:
            return plain
        if not len(plain.values):
            return Raw(np.full(len(codes), None, dtype=object))
        return Raw(plain.values[np.where(null, 0, codes)], null if null.any() else None, text=plain.text)
    if name == "ArrowDtype":
        from neocalc._narwhals_frame import raw_arrow

        return raw_arrow(series.array.__arrow_array__())
    if name == "StringDtype":
        null = series.isna().to_numpy()
        return Raw(series.to_numpy(dtype=object), null if null.any() else None, text=True)
    if hasattr(dtype, "numpy_dtype"):
        null = series.isna().to_numpy()
        values = series.array.to_numpy(dtype=dtype.numpy_dtype, na_value=0)
        return Raw(values, null if null.any() else None)
    return Raw(_NO_VALUES, refuse=("dtype", str(dtype)))


def raw_series(series: Any) -> Raw:
    """Return a Series as numpy."""
    if isinstance(series.dtype, np.dtype):
        return Raw(series.to_numpy())
    return _extension(series)


def _as_objects(array: Any, dtype: Any) -> Any:
    # A DataFrame would make text of an array of objects; an Index says that objects are meant.
    return pd.Index(array, dtype=object, tupleize_cols=False) if _is_object(dtype) else array


def _is_object(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


@lru_cache(maxsize=64)
def _dictionary(labels: tuple[str, ...], ordered: bool) -> Any:
    return pd.CategoricalDtype(list(labels), ordered=ordered)


@lru_cache(maxsize=64)
def _labels(names: tuple[str, ...]) -> Any:
    return pd.Index(list(names))


def _block(column: Any) -> Any:
    """Return a column as pandas keeps it, or None where a constructor has to look at it."""
    if isinstance(column, pd.Index):
        column = column.to_numpy() if isinstance(column.dtype, np.dtype) else column.array
    if isinstance(column, np.ndarray):
        plain = column.ndim == 1 and column.dtype.kind in "fiubM" and column.flags.writeable
        return column.reshape(1, -1) if plain else None
    return column if isinstance(column, pd.api.extensions.ExtensionArray) else None


def _from_blocks(columns: dict[str, Any], index: Any) -> Any:
    """Make a DataFrame without looking at its columns; of small results, looking is half the time."""
    if (
        _create is None
        or not 0 < len(columns) <= len(_PLACES)
        or not all(type(name) is str for name in columns)
    ):
        return None
    blocks = [_block(column) for column in columns.values()]
    if any(block is None for block in blocks):
        return None
    n = blocks[0].shape[-1] if index is None else len(index)
    if any(block.shape[-1] != n for block in blocks):
        return None  # the constructor says what is wrong
    # Names can be given to the labels of a frame: each has labels of its own.
    labels = _labels(tuple(columns)).view()
    placed = [(block, _PLACES[at : at + 1]) for at, block in enumerate(blocks)]
    return _create(placed, pd.RangeIndex(n) if index is None else index, labels)


class PandasFrame:
    """A pandas frame as the verbs see it."""

    kind = "pandas"
    date_dtype = np.dtype(np.int64)
    nan_is_null = True

    def __init__(self, data: pd.DataFrame, id_name: str = "asset_id", subject: str = "fleet") -> None:
        if isinstance(data.columns, pd.MultiIndex):
            raise InputError(
                [Issue.make(subject, "dtype", example="column MultiIndex", hint="flatten the column names")]
            )
        self.data = data
        self.id_name = id_name
        self.n = len(data.index)  # a subclass may have a length of its own
        self.names: tuple[Any, ...] = tuple(data.columns)

    def raw(self, name: str) -> Raw:
        """Return a column as numpy, without a copy where it is one already."""
        return raw_series(self.data[name])

    def codes(self, name: str) -> tuple[Array, int, Any]:
        """Return codes in the order of the values; a Categorical's own are used as they are."""
        column = self.data[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            array: Any = column.array
            return np.ascontiguousarray(array.codes), len(array.categories), column.dtype
        codes, uniques = column.factorize(sort=True)
        return np.ascontiguousarray(codes), len(uniques), pd.Index(uniques, dtype=column.dtype)

    def codes_with(self, name: str, more: list[Any]) -> tuple[Array, int, Any]:
        """Return codes of the column followed by more values."""
        column = self.data[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = list(column.dtype.categories)
            new = [value for value in dict.fromkeys(more) if value not in set(known)]
            dtype = pd.CategoricalDtype([*known, *new], ordered=column.dtype.ordered)
            codes = np.concatenate([column.array.codes, pd.Categorical(more, dtype=dtype).codes])
            return codes.astype(np.int32), len(dtype.categories), dtype
        both = pd.concat([column, pd.Series(more, dtype=column.dtype)], ignore_index=True)
        codes, uniques = both.factorize(sort=True)
        return np.ascontiguousarray(codes), len(uniques), pd.Index(uniques, dtype=column.dtype)

    def isin(self, name: str, values: list[Any]) -> Array:
        """Return which rows hold one of the values."""
        return np.asarray(self.data[name].isin(values), dtype=bool)

    def pick(self, rows: Array) -> Any:
        """Return some rows."""
        return self.data.iloc[rows]

    def replaced(self, name: str, values: Array) -> Any:
        """Return a frame with other numbers in a column."""
        return self.data.assign(**{name: values})

    def without(self, name: str) -> Any:
        """Return the frame without a column."""
        return self.data.drop(columns=name)

    def _id_source(self) -> Any:
        return self.data[self.id_name] if self.id_name in self.names else self.data.index

    def ids(self, keep_dtype: bool) -> Ids:
        """Return the column of ids, else the index."""
        source = self._id_source()
        if isinstance(source, pd.MultiIndex):
            source = source.to_flat_index()
        if isinstance(source.dtype, np.dtype) and source.dtype.kind in "iu":
            values = source.to_numpy()
            return Ids(
                np.ascontiguousarray(values.astype(np.int64, copy=False)),
                values.take,
                lambda row: int(values[row]),
                None if values.dtype == np.int64 else values.dtype.newbyteorder("="),
            )
        array = source.array
        text = _is_object(source.dtype) or isinstance(source.dtype, pd.StringDtype)

        def by_position(positions: Array) -> Any:
            if text and not keep_dtype:
                # The ids are unique: they are the categories, and a position is its own code.
                categories = pd.Index(array, tupleize_cols=False)
                return pd.Categorical.from_codes(
                    positions,
                    dtype=pd.CategoricalDtype(categories),
                    validate=False,
                )
            return _as_objects(array.take(positions), source.dtype)

        return Ids(None, by_position, lambda row: array[row])

    def id_values(self) -> Array:
        """Return the ids as numpy: whole numbers, or objects."""
        source = self._id_source()
        values = source.to_flat_index() if isinstance(source, pd.MultiIndex) else source
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
            return np.asarray(values.to_numpy())
        return np.asarray(values.to_numpy(dtype=object))

    def duplicate_ids(self, with_index: bool) -> Array:
        """Return the rows whose id stands more than once; null ids are found elsewhere.

        Raises what `hash` raises of values that are no ids, such as lists.
        """
        if not (with_index or self.id_name in self.names):
            return _NO_ROWS
        source = self._id_source()
        if _is_object(source.dtype) and pd.api.types.infer_dtype(source, skipna=True) not in _PLAIN:
            for value in source:
                hash(value)
        if self.n < 2:
            return _NO_ROWS
        if isinstance(source, pd.RangeIndex):
            return _NO_ROWS
        if isinstance(source.dtype, np.dtype) and source.dtype.kind in "iu":
            if not has_repeats(source.to_numpy()):
                return _NO_ROWS
        elif not source.duplicated().any():
            return _NO_ROWS
        again = np.asarray(source.duplicated(keep=False))
        if not isinstance(source, pd.MultiIndex):
            again = again & ~np.asarray(source.isna())
        return np.flatnonzero(again)

    def null_ids(self, with_index: bool) -> Array:
        """Return the rows without an id."""
        if not (with_index or self.id_name in self.names):
            return _NO_ROWS
        column = self._id_source()
        if isinstance(column, pd.MultiIndex):
            return _NO_ROWS
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
            return _NO_ROWS
        try:
            null = np.asarray(column.isna())
        except ArithmeticError:  # a signaling NaN among Decimals: no id, but no null either
            null = np.array(
                [value is None or value is pd.NA or value is pd.NaT for value in column], dtype=bool
            )
        return np.flatnonzero(null)

    def labels(self, rows: Sequence[int]) -> tuple[Any, ...]:
        """Return index labels of rows."""
        index = self.data.index
        return tuple(getattr(label, "item", lambda label=label: label)() for label in index[list(rows)])

    def take(self, uniques: Any, codes: Array) -> Any:
        """Decode codes into a column."""
        if isinstance(uniques, pd.CategoricalDtype):
            return pd.Categorical.from_codes(codes, dtype=uniques, validate=False)
        if not (codes < 0).any():
            return uniques.take(codes)
        # An Index takes -1 for its last value, an array for a null.
        array = uniques.to_numpy() if isinstance(uniques.dtype, np.dtype) else uniques.array
        return _as_objects(pd.api.extensions.take(array, codes, allow_fill=True), uniques.dtype)

    def uniques(self, uniques: Any) -> list[Any]:
        """Return uniques as Python values."""
        return list(uniques.categories if isinstance(uniques, pd.CategoricalDtype) else uniques)

    def categorical(self, codes: Array, labels: Sequence[str], *, ordered: bool = True) -> Any:
        """Return a Categorical."""
        return pd.Categorical.from_codes(codes, dtype=_dictionary(tuple(labels), ordered), validate=False)

    def dates_out(self, dates: Array, null: Array | None = None) -> Any:
        """Return datetime64[us] over the same memory."""
        if dates.dtype == np.int32:
            dates = dates.astype(np.int64) * _DAY_MICROSECONDS
        if null is not None:
            dates[null] = np.iinfo(np.int64).min  # NaT
        return dates.view("M8[us]")

    def money_out(self, values: Array, null: Array | None = None) -> Any:
        """Return the array; nulls are NaN in float64, and make whole numbers Int64."""
        if null is None:
            return values
        if values.dtype == np.int64:
            return pd.arrays.IntegerArray(values, null)
        values[null] = np.nan
        return values

    def decimals_out(self, values: Array, minor_units: int) -> Any:
        """Return the objects as they are."""
        return values

    def build(self, columns: dict[str, Any], keep: Array | None = None, *, like_input: bool = False) -> Any:
        """Make a DataFrame without copying a column."""
        index = None
        if like_input:
            # A view, so that naming the index of a result names none of the input.
            index = self.data.index.view() if keep is None else self.data.index[keep]
        if (frame := _from_blocks(columns, index)) is not None:
            return frame
        return pd.DataFrame(columns, index=index, copy=False)

    def issues_out(self, columns: dict[str, list[Any]]) -> Any:
        """Make a DataFrame of issues; row numbers, labels and ids are lists."""
        return pd.DataFrame({**columns, "n_bad": np.array(columns["n_bad"], dtype=np.int64)})

    def attach(self, frame: Any, issues: list[dict[str, Any]]) -> bool:
        """Put issues into ``attrs``."""
        frame.attrs["issues"] = issues
        return True
