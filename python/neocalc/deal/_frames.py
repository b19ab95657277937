"""Frames made of plain columns, of the kind that a deal's tables are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._columns import Array, minor_to_decimal, minor_to_major

KINDS = ("pandas", "polars", "pyarrow")
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Column:
    """Values of one type, None for null.

    Types are ``money`` (minor units), ``count``, ``rate``, ``date``, ``text``, ``flag``. Dates are days
    since 1970-01-01. ``amount`` is money as results show it, ``decimal`` a list of Decimals.
    """

    kind: str
    values: Sequence[Any]


def kind_of(tables: Iterable[Any]) -> str:
    """Return the kind of the first frame there is."""
    for table in tables:
        name = type(table).__module__.partition(".")[0]
        if name in KINDS[1:]:
            return name
    return KINDS[0]


def _null(values: Sequence[Any]) -> Array:
    return np.fromiter((value is None for value in values), dtype=bool, count=len(values))


def _filled(values: Sequence[Any], null: Array, dtype: Any, instead: Any = 0) -> Array:
    plain = values if not null.any() else [instead if value is None else value for value in values]
    return np.array(plain, dtype=dtype)


def build(kind: str, columns: Mapping[str, Column]) -> Any:
    """Make a frame."""
    if kind == "pandas":
        return _pandas(columns)
    if kind == "polars":
        return _polars(columns)
    return _pyarrow(columns)


def _pandas(columns: Mapping[str, Column]) -> Any:
    import pandas as pd

    out: dict[str, Any] = {}
    for name, column in columns.items():
        values, null = column.values, _null(column.values)
        if column.kind in ("money", "count"):
            whole = _filled(values, null, np.int64)
            out[name] = pd.arrays.IntegerArray(whole, null) if null.any() else whole
        elif column.kind in ("rate", "amount"):
            out[name] = _filled(values, null, np.float64, np.nan)
        elif column.kind == "date":
            days = _filled(values, null, np.int64) * _MICROSECONDS_A_DAY
            days[null] = np.iinfo(np.int64).min
            out[name] = days.view("M8[us]")
        elif column.kind == "flag":
            out[name] = (
                pd.array(list(values), dtype="boolean") if null.any() else np.array(values, dtype=bool)
            )
        elif column.kind == "decimal":
            out[name] = pd.Series(list(values), dtype=object)
        else:
            out[name] = pd.array(list(values), dtype="str")
    return pd.DataFrame(out)


def _polars(columns: Mapping[str, Column]) -> Any:
    import polars as pl

    types: dict[str, Any] = {
        "money": pl.Int64,
        "count": pl.Int64,
        "rate": pl.Float64,
        "amount": pl.Float64,
        "flag": pl.Boolean,
        "text": pl.String,
    }
    out = []
    for name, column in columns.items():
        if column.kind == "date":
            out.append(pl.Series(name, list(column.values), dtype=pl.Int32).cast(pl.Date))
        elif column.kind == "decimal":
            out.append(pl.Series(name, list(column.values), dtype=pl.Decimal(38, _places(column))))
        else:
            out.append(pl.Series(name, list(column.values), dtype=types[column.kind]))
    return pl.DataFrame(out)


def _pyarrow(columns: Mapping[str, Column]) -> Any:
    import pyarrow as pa

    types: dict[str, Any] = {
        "money": pa.int64(),
        "count": pa.int64(),
        "rate": pa.float64(),
        "amount": pa.float64(),
        "flag": pa.bool_(),
        "text": pa.string(),
    }
    out = {}
    for name, column in columns.items():
        if column.kind == "date":
            out[name] = pa.array(list(column.values), type=pa.int32()).cast(pa.date32())
        elif column.kind == "decimal":
            out[name] = pa.array(list(column.values), type=pa.decimal128(38, _places(column)))
        else:
            out[name] = pa.array(list(column.values), type=types[column.kind])
    return pa.table(out)


def _places(column: Column) -> int:
    for value in column.values:
        if value is not None:
            return -int(value.as_tuple().exponent)
    return 0


def amounts_out(values: Sequence[int | None], amounts: str, minor_units: int) -> Column:
    """Turn minor units into a column of the amounts asked for."""
    if amounts == "minor":
        return Column("money", values)
    null = _null(values)
    whole = _filled(values, null, np.int64)
    if amounts == "decimal":
        decimals: list[Any] = minor_to_decimal(whole, minor_units).tolist()
        return Column(
            "decimal", [None if gone else value for value, gone in zip(decimals, null, strict=True)]
        )
    major = minor_to_major(whole, minor_units).tolist()
    return Column("amount", [None if gone else value for value, gone in zip(major, null, strict=True)])
