"""Exact arithmetic in whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SURE = 2.0**60  # below it sums of sums, and a handful of them together, fit 64 bits


def half_even(top: int, bottom: int) -> int:
    """Round a fraction to a whole number once, halves to even; `bottom` is positive."""
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))


def add_up(place: Array, values: Array, size: int) -> Array:
    """Return sums by place; of whole numbers exact, as Python ints where they may leave 64 bits."""
    if values.dtype.kind == "f" or np.abs(values, dtype=np.float64).sum() < _SURE:
        out = np.zeros(size, dtype=values.dtype)
        np.add.at(out, place, values)
        return out
    high, low = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    np.add.at(high, place, values >> 32)
    np.add.at(low, place, values & 0xFFFFFFFF)
    return np.asarray((high.astype(object) << 32) + low.astype(object))
