"""Plain columns of an example, and the three kinds of frame they become."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

KINDS = ("pandas", "polars", "pyarrow")


@dataclass(frozen=True)
class Category:
    """A text column with few values: codes into labels."""

    codes: npt.NDArray[np.int8]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Nullable:
    """Whole numbers, some of them missing."""

    values: npt.NDArray[np.int64]
    null: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ExampleColumns:
    """A fleet by column; dates are ``datetime64[D]`` with NaT for null, text is a list."""

    source: str
    columns: dict[str, npt.NDArray[Any] | Category | Nullable | list[str]] = field(default_factory=dict)


def build(example: ExampleColumns, kind: str) -> Any:
    """Wrap the columns in a frame of the kind."""
    return {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}[kind](example)


def _is_date(column: object) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind == "M"


def _pandas(example: ExampleColumns) -> Any:
    import pandas as pd

    data: dict[str, Any] = {}
    for name, column in example.columns.items():
        if isinstance(column, Category):
            data[name] = pd.Categorical.from_codes(column.codes, categories=pd.Index(column.labels))
        elif isinstance(column, Nullable):
            data[name] = pd.arrays.IntegerArray(column.values.copy(), column.null.copy())
        elif _is_date(column):
            # `_is_date` says that it is an array, in a way that types do not follow.
            data[name] = column.astype("datetime64[us]")  # type: ignore[union-attr]
        else:
            data[name] = column
    frame = pd.DataFrame(data)
    frame.attrs["source"] = example.source
    return frame


def _polars(example: ExampleColumns) -> Any:
    import polars as pl

    data: list[Any] = []
    for name, column in example.columns.items():
        if isinstance(column, Category):
            labels = pl.Series(name, list(column.labels), dtype=pl.Enum(list(column.labels)))
            series = labels.gather(column.codes)
        elif isinstance(column, Nullable):
            mask = pl.Series(column.null)
            series = pl.select(
                pl.when(mask).then(None).otherwise(pl.Series(column.values)).alias(name)
            ).to_series()
        elif _is_date(column):
            series = pl.Series(name, column).cast(pl.Date)
        else:
            series = pl.Series(name, column)
        data.append(series)
    return pl.DataFrame(data)


def _pyarrow(example: ExampleColumns) -> Any:
    import pyarrow as pa

    data: dict[str, Any] = {}
    for name, column in example.columns.items():
        if isinstance(column, Category):
            data[name] = pa.DictionaryArray.from_arrays(pa.array(column.codes), pa.array(column.labels))
        elif isinstance(column, Nullable):
            data[name] = pa.array(column.values, mask=column.null)
        elif _is_date(column):
            data[name] = pa.array(column, type=pa.date32())
        else:
            data[name] = pa.array(column)
    return pa.table(data).replace_schema_metadata({"source": example.source})
