"""What a spreadsheet function is given: numbers, arrays, Series; the same kind comes out, or all problems."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Number, Real
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import MAX_LISTED_ROWS, Array, Raw
from neocalc._options import resolve_threads
from neocalc.errors import ConfigError, InputError, InternalError, Issue, NeocalcWarning
from neocalc.financial._dates import days_of

_NOT_A_NUMBER = "give numbers: int, float or Decimal"
_NOT_A_FLAG = "give True or False"
_HINTS = {
    "nonfinite": "fill or drop these values first",
    "null": "fill or drop these values first",
    "date_time": "floor it first (dt.normalize())",
}


_NOT_A_DATE = "give dates: a date type or YYYY-MM-DD"
_WHEN = {
    "end": 0, "e": 0, "finish": 0, "begin": 1, "b": 1, "beginning": 1, "start": 1,
}  # fmt: skip
SEVERAL = ("warn", "nearest", "raise")


@dataclass(slots=True)
class Given:
    """One argument: float64 values of any shape (NaN where refused), and what was refused, by code."""

    values: Array
    refused: dict[str, Array | None]  # None: as a whole
    examples: dict[str, str]
    series: Any = None
    kind: str = ""


def _refuse(code: str, example: str, series: Any = None, kind: str = "") -> Given:
    length = () if series is None else (len(series),)
    return Given(np.full(length, np.nan), {code: None}, {code: example}, series, kind)


def _is_missing(value: Any) -> bool:
    # pd.NA by name: pandas need not be there.
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _show(value: Any) -> str:
    if value is None or not (np.isscalar(value) or isinstance(value, Number)):
        return type(value).__name__
    try:
        return repr(value)
    except ValueError:  # an int of thousands of digits
        return type(value).__name__


def _number(value: Any, flag: bool) -> tuple[float, str]:
    """A number, or NaN and the code that says why it is none."""
    if _is_missing(value):
        return np.nan, "null"
    if flag is not isinstance(value, (bool, np.bool_)):
        return np.nan, "dtype"
    # Decimal is no Real to Python.
    if not flag and not isinstance(value, Real) and type(value).__name__ != "Decimal":
        return np.nan, "dtype"
    try:
        number = float(value)
    except (OverflowError, ValueError):  # an int beyond float64, a signalling NaN
        return np.nan, "nonfinite"
    return number, "" if np.isfinite(number) else "nonfinite"


def _each(values: Array, null: Array | None, flag: bool) -> Given:
    out = np.full(values.shape, np.nan)
    refused: dict[str, Array | None] = {}
    examples: dict[str, str] = {}
    for at, value in enumerate(values.flat):
        missing = null is not None and bool(null.flat[at])
        number, code = _number(None if missing else value, flag)
        if code:
            mask = refused.setdefault(code, np.zeros(values.shape, dtype=bool))
            if mask is not None:
                mask.flat[at] = True
            examples.setdefault(code, "null" if code == "null" else _show(value))
        else:
            out.flat[at] = number
    return Given(out, refused, examples)


def _array(values: Array, null: Array | None, flag: bool) -> Given:
    kind = values.dtype.kind
    if kind == "O":
        return _each(values, null, flag)
    if kind not in ("b" if flag else "iuf"):
        return _refuse("dtype", str(values.dtype))
    numbers = np.asarray(values, dtype=np.float64)
    if null is None or not null.any():
        return Given(numbers, {}, {})
    given = Given(np.where(null, np.nan, numbers), {"null": null}, {"null": "null"})
    broken = ~np.isfinite(numbers) & ~null
    if broken.any():
        given.refused["nonfinite"] = broken
        given.examples["nonfinite"] = str(numbers[broken][0])
    return given


def _from_series(raw: Raw, series: Any, kind: str, flag: bool) -> Given:
    if raw.refuse is not None or raw.text:
        return _refuse("dtype", str(series.dtype), series, kind)
    given = _array(raw.values, raw.null, flag)
    if given.values.shape != (len(series),):
        return _refuse("dtype", str(series.dtype), series, kind)
    return replace(given, series=series, kind=kind)


def read(value: Any, flag: bool = False) -> Given:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        from neocalc._pandas_frame import raw_series

        is_flags = flag and pandas.api.types.is_bool_dtype(value.dtype)
        raw = Raw(value.to_numpy(object)) if is_flags else raw_series(value)
        return _from_series(raw, value, "pandas", flag)
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(value, polars.Series):
        if flag and value.dtype == polars.Boolean:
            raw = Raw(np.array(value.to_list(), dtype=object))
        else:
            import narwhals.stable.v2 as nw

            from neocalc._narwhals_frame import raw_series as raw_narwhals

            raw = raw_narwhals(nw.from_native(value, series_only=True))
        return _from_series(raw, value, "polars", flag)
    if isinstance(value, np.ma.MaskedArray):
        return _array(value.data, np.ma.getmaskarray(value), flag)
    if isinstance(value, np.ndarray):
        return _array(value, None, flag)
    if isinstance(value, (list, tuple)):
        try:
            # As objects: numpy would make numbers of the bools among numbers.
            return _each(np.array(value, dtype=object), None, flag)
        except ValueError:
            return _refuse("dtype", f"{type(value).__name__} of uneven rows")
    number, code = _number(value, flag)
    if code:
        return _refuse(code, "null" if code == "null" else _show(value))
    return Given(np.asarray(number), {}, {})


def _common_series(arguments: Mapping[str, Given]) -> tuple[Any, str]:
    """The Series whose index the result has, and its library; Series are never aligned."""
    named = {name: given for name, given in arguments.items() if given.series is not None}
    if not named:
        return None, ""
    first_name, first = next(iter(named.items()))
    for name, given in named.items():
        both = f"{first_name} and {name}"
        if given.kind != first.kind:
            raise ConfigError(f"{both} are Series of different libraries")
        if len(given.series) != len(first.series):
            raise ConfigError(f"{both} are Series of {len(first.series)} and {len(given.series)} values")
        if given.kind == "pandas" and not given.series.index.equals(first.series.index):
            raise ConfigError(f"{both} have different indexes: align or reset them first")
    return first.series, first.kind


def _shape(arguments: Mapping[str, Given], series: Any) -> tuple[int, ...]:
    shapes = {name: given.values.shape for name, given in arguments.items()}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape)
        raise ConfigError(f"these shapes do not broadcast: {told}") from None
    if series is not None and shape != (len(series),):
        raise ConfigError(f"a Series of {len(series)} values does not go with arrays of shape {shape}")
    return shape


def for_core(values: Array, shape: tuple[int, ...]) -> float | Array:
    if values.size == 1:
        return float(values.item())
    whole = np.ascontiguousarray(np.broadcast_to(values, shape), dtype=np.float64)
    return np.require(whole.reshape(-1), requirements=["A"])


def labels_of(rows: tuple[int, ...], shape: tuple[int, ...], series: Any, kind: str) -> tuple[Any, ...]:
    if kind == "pandas":
        return tuple(
            getattr(label, "item", lambda label=label: label)() for label in series.index[list(rows)]
        )
    if len(shape) < 2:
        return rows
    return tuple(tuple(int(at) for at in np.unravel_index(row, shape)) for row in rows)


def read_dates(value: Any) -> Given:
    """Read dates as days since 1970-01-01."""
    days, refused, examples, series, kind = days_of(value)
    return Given(days, refused, examples, series, kind)


def _read_as(value: Any, name: str, flags: frozenset[str], dates: frozenset[str]) -> Given:
    return read_dates(value) if name in dates else read(value, name in flags)


def when_as_number(when: Any) -> Any:
    """Replace the words for the beginning and the end of a period by 1 and 0; anything else stays."""
    if isinstance(when, str):
        return _WHEN.get(when, when)
    if isinstance(when, (list, tuple)):
        return [when_as_number(value) for value in when]
    if isinstance(when, np.ndarray) and when.dtype.kind in "UO":
        words = np.array([when_as_number(value) for value in when.flat], dtype=object)
        return words.reshape(when.shape)
    if type(when).__name__ == "Series" and hasattr(when, "to_list"):
        values = when.to_list()
        if any(isinstance(value, str) for value in values):
            numbers = [when_as_number(value) for value in values]
            pandas = sys.modules.get("pandas")
            if pandas is not None and isinstance(when, pandas.Series):
                return pandas.Series(numbers, index=when.index, dtype=object)
            return np.array(numbers, dtype=object)
    return when


def check_several(several: Any) -> None:
    """Refuse a word that says nothing about several rates."""
    if several not in SEVERAL:
        raise ConfigError(f"several must be one of {', '.join(map(repr, SEVERAL))}, not {several!r}")


def hint_for(
    name: str, code: str, ranges: Mapping[str, str], flags: frozenset[str], dates: frozenset[str]
) -> str | None:
    """Return what would have been accepted; None for what the table of codes says."""
    if code == "range":
        return ranges[name]
    if code == "dtype":
        return _NOT_A_FLAG if name in flags else _NOT_A_DATE if name in dates else _NOT_A_NUMBER
    return _HINTS.get(code)


def warn_of_several(function: str, n: int, first: str) -> None:
    """Say that a rate is one among several."""
    streams = "1 equation has" if n == 1 else f"{n:,} equations have"
    warnings.warn(
        f"{function}: {streams} several rates (the first: {first}); given is the one nearest to the guess. "
        "See all with irr_roots, or pass several='nearest' or several='raise'",
        NeocalcWarning,
        stacklevel=4,
    )


def _plain(arguments: Mapping[str, Any], flags: frozenset[str]) -> list[float] | None:
    """Python's own numbers as floats, without asking what kind of column they are; None for anything else."""
    for name, value in arguments.items():
        if type(value) is not bool if name in flags else type(value) not in (float, int):
            return None
    try:
        return [float(value) for value in arguments.values()]
    except OverflowError:
        return None


def evaluate(
    function: str,
    arguments: Mapping[str, Any],
    ranges: Mapping[str, str],
    flags: frozenset[str] = frozenset(),
    *,
    dates: frozenset[str] = frozenset(),
    several: str = "raise",
) -> Any:
    """Compute a function of the core.

    Parameters
    ----------
    function
        Its name in the core.
    arguments
        What the user gave, by name, in the order of the core.
    ranges
        What each argument may be, in words: the hint of an error.
    flags
        Which arguments are bools; the others must not be.
    dates
        Which are dates.
    several
        What to do where several rates solve the equation.

    Returns
    -------
    float, ndarray or Series
        A float for numbers alone, a Series where one was given, else an array.
    """
    plain = None if dates else _plain(arguments, flags)
    if plain is not None:
        one = np.empty(1)
        if not _core.financial(function, plain, one, 1):
            return float(one[0])
    given = {name: _read_as(value, name, flags, dates) for name, value in arguments.items()}
    series, kind = _common_series(given)
    shape = _shape(given, series)
    out = np.empty(int(np.prod(shape)))
    core_arguments = [for_core(argument.values, shape) for argument in given.values()]
    try:
        found = _core.financial(function, core_arguments, out, resolve_threads(None))
    except RuntimeError as error:
        raise InternalError(str(error)) from error

    def issue(name: str, code: str, n_bad: int, rows: list[int], example: str) -> Issue:
        at = tuple(rows) if shape else ()
        hint = hint_for(name, code, ranges, flags, dates)
        made = Issue.make(name, code, n_bad=n_bad, rows=at, example=example, hint=hint)
        return replace(made, index_labels=labels_of(at, shape, series, kind))

    issues = []
    for name, argument in given.items():
        for code, mask in argument.refused.items():
            rows = [] if mask is None else np.flatnonzero(np.broadcast_to(mask, shape)).tolist()
            if mask is None or rows:
                first = rows[:MAX_LISTED_ROWS]
                issues.append(issue(name, code, max(len(rows), 1), first, argument.examples[code]))
    choices = None
    for name, code, n_bad, rows, example in found:
        if code == "several_roots" and several != "raise":
            choices = (n_bad, example)
        elif code != "nonfinite" or not given[name].refused:  # NaN stands for what was refused here
            issues.append(issue(name, code, n_bad, rows, example))
    if issues:
        raise InputError(issues, n_rows=len(out) if shape else None, subject=function)
    if choices and several == "warn":
        warn_of_several(function, *choices)
    if kind == "pandas":
        return sys.modules["pandas"].Series(out, index=series.index, name=function, copy=False)
    if kind == "polars":
        return sys.modules["polars"].Series(function, out)
    return out.reshape(shape) if shape else float(out[0])
