"""Streams of cash flows: one, a row of an array each, or flows of many with a key beside every flow."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import MAX_LISTED_ROWS, Array
from neocalc._frames import as_frame
from neocalc._options import resolve_threads
from neocalc.errors import ConfigError, InputError, InternalError, Issue
from neocalc.financial._arguments import (
    Given,
    check_several,
    for_core,
    hint_for,
    labels_of,
    read,
    warn_of_several,
)
from neocalc.financial._dates import NO_DATE, Refused, show_ticks, ticks_of

_DATES = frozenset({"dates"})
_OF_FLOWS = ("values", "dates", "stream")
# Codes about a stream as a whole.
_OF_STREAMS = ("empty", "all_zero", "no_sign_change", "no_root", "several_roots", "range")


@dataclass(slots=True)
class _Dates:
    ticks: Array
    per_day: int
    refused: Refused
    examples: dict[str, str]


@dataclass(slots=True)
class _Streams:
    """Where each stream's flows are, what the streams are called, and the shape of their results."""

    offsets: Array
    order: Array | None
    shape: tuple[int, ...]
    keys: Any = None  # pandas Index, numpy array or list, in the order of the results
    kind: str = ""

    @property
    def count(self) -> int:
        return len(self.offsets) - 1

    def key(self, at: int) -> Any:
        if self.keys is None:
            return at if len(self.shape) < 2 else tuple(int(i) for i in np.unravel_index(at, self.shape))
        value = self.keys[at]
        return getattr(value, "item", lambda: value)()


def _runs(keys: Array) -> Array | None:
    """Return where runs of equal keys start and the last ends, if each key has one run and they ascend."""
    if keys.dtype.kind == "u" and len(keys) and keys.max() > np.iinfo(np.int64).max:
        return None
    return _core.run_offsets(
        np.require(keys, dtype=np.int64, requirements=["C", "A"]), threads=resolve_threads(None)
    )


def _refuse_keys(code: str, rows: Array | None, example: str, n: int) -> InputError:
    first = [] if rows is None else rows[:MAX_LISTED_ROWS].tolist()
    n_bad = 1 if rows is None else len(rows)
    made = Issue.make("stream", code, n_bad=n_bad, rows=first, example=example, hint="give every flow a key")
    return InputError([replace(made, index_labels=tuple(first))], n_rows=n, subject="stream")


def _factorized(stream: Any, n: int) -> tuple[Array, Any, str]:
    """Return a code for each flow in the order of the keys, the keys, and the library of the column."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(stream, (pandas.Series, pandas.Index, pandas.Categorical)):
        column = pandas.Series(stream)
        try:
            codes, keys = column.factorize(sort=True)
        except TypeError:
            raise _refuse_keys("dtype", None, "keys of several types", n) from None
        return codes, pandas.Index(keys, name=column.name), "pandas"
    if polars is not None and isinstance(stream, polars.Series):
        codes, _, keys = as_frame(polars.DataFrame({"stream": stream})).codes("stream")
        return codes, keys, "polars"
    array = np.asarray(stream) if not isinstance(stream, (list, tuple)) else np.array(stream, dtype=object)
    null = np.zeros(len(array), dtype=bool)
    if array.dtype.kind == "O":
        null = np.array([value is None or value != value for value in array], dtype=bool)
    elif array.dtype.kind in "fM":
        null = array != array
    codes = np.full(len(array), -1, dtype=np.int64)
    try:
        keys, codes[~null] = np.unique(array[~null], return_inverse=True)
    except TypeError:
        raise _refuse_keys("dtype", None, "keys of several types", n) from None
    return codes, keys, ""


def _by_key(stream: Any, n: int) -> _Streams:
    try:
        length = len(stream)
    except TypeError:
        raise ConfigError("stream must hold a key for each flow") from None
    if length != n or getattr(stream, "ndim", 1) != 1:
        raise ConfigError(f"stream has {length} keys for {n} flows")
    pandas = sys.modules.get("pandas")
    is_pandas = pandas is not None and isinstance(stream, pandas.Series)
    plain = stream.to_numpy() if is_pandas and isinstance(stream.dtype, np.dtype) else stream
    if isinstance(plain, np.ndarray) and plain.dtype.kind in "iu" and (offsets := _runs(plain)) is not None:
        keys = plain[offsets[:-1]]
        index = pandas.Index(keys, name=stream.name) if is_pandas and pandas is not None else keys
        return _Streams(offsets, None, (len(keys),), index, "pandas" if is_pandas else "")
    codes, keys, kind = _factorized(stream, n)
    if (codes < 0).any():
        raise _refuse_keys("null", np.flatnonzero(codes < 0), "null", n)
    counts = np.bincount(codes, minlength=len(keys))
    if not counts.all():  # categories that no flow has
        kept = np.flatnonzero(counts)
        codes, keys, counts = np.searchsorted(kept, codes), keys[kept], counts[kept]
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)]).astype(np.int64)
    order = (
        None if bool((codes[1:] >= codes[:-1]).all()) else np.argsort(codes, kind="stable").astype(np.int64)
    )
    return _Streams(offsets, order, (len(keys),), keys, kind)


def _streams_of(values: Array, stream: Any) -> _Streams:
    if stream is not None:
        if values.ndim != 1:
            raise ConfigError("with stream=, values hold one flow each: pass a single column")
        return _by_key(stream, len(values))
    shape = values.shape[:-1]
    count = int(np.prod(shape))
    length = values.shape[-1]
    return _Streams(np.arange(count + 1, dtype=np.int64) * length, None, shape)


def _read_dates(dates: Any, shape: tuple[int, ...]) -> _Dates:
    ticks, per_day, given, refused, examples, _, _ = ticks_of(dates, core_judges=True)
    if any(mask is None for mask in refused.values()):
        return _Dates(np.zeros(int(np.prod(shape)), dtype=np.int64), 1, refused, examples)
    masks = [mask for mask in refused.values() if mask is not None]
    if masks:
        ticks = np.where(np.logical_or.reduce(masks), NO_DATE, ticks)
    if given != shape:
        try:
            ticks = np.broadcast_to(ticks.reshape(given), shape).ravel()
            refused = {
                code: None if mask is None else np.broadcast_to(mask.reshape(given), shape).ravel()
                for code, mask in refused.items()
            }
        except ValueError:
            raise ConfigError(f"dates have shape {given}, values {shape}") from None
        if len(given) < 1 or given[-1] != shape[-1]:
            raise ConfigError(f"dates have shape {given}, values {shape}")
    return _Dates(np.require(ticks, dtype=np.int64, requirements=["C", "A"]), per_day, refused, examples)


def _values(values: Any) -> Given:
    given = read(values)
    if given.values.ndim == 0 and given.series is None:
        given = replace(
            given,
            values=given.values.reshape(1),
            refused={code: None if mask is None else mask.reshape(1) for code, mask in given.refused.items()},
        )
    return given


def _check_index(name: str, given: Any, values: Given) -> None:
    if values.kind != "pandas" or type(given).__module__.partition(".")[0] != "pandas":
        return
    index = getattr(given, "index", None)
    if index is not None and not callable(index) and not index.equals(values.series.index):
        raise ConfigError(f"values and {name} have different indexes: align or reset them first")


def _basis(basis: Any) -> float:
    if isinstance(basis, (bool, np.bool_)) or basis not in (0, 1, 2, 3, 4):
        raise ConfigError(f"basis must be 0, 1, 2, 3 or 4, not {basis!r}")
    return float(basis)


@dataclass(slots=True)
class _Call:
    """What was given to a call, in the core's words, and what is wrong with it."""

    function: str
    values: Given
    dates: _Dates | None
    streams: _Streams
    ranges: Mapping[str, str]
    arguments: Mapping[str, Given]
    shape: tuple[int, ...]

    def _flow_issue(self, name: str, code: str, n_bad: int, rows: list[int], example: str) -> Issue:
        shape = self.values.values.shape
        made = Issue.make(
            name,
            code,
            n_bad=n_bad,
            rows=rows,
            example=example,
            hint=hint_for(name, code, self.ranges, frozenset(), _DATES),
        )
        labels = labels_of(tuple(rows), shape, self.values.series, self.values.kind)
        return replace(made, index_labels=labels)

    def _stream_issue(self, name: str, code: str, n_bad: int, rows: list[int], example: str) -> Issue:
        hint = "amounts of one day must stay below 1e308" if name == "values" else None
        is_one = not self.shape
        labels = (
            () if is_one else tuple(self.streams.key(row if self.streams.count > 1 else 0) for row in rows)
        )
        told = (
            example
            if is_one or self.streams.keys is None
            else f"stream {labels[0]!r}" + (f": {example}" if example else "")
        )
        made = Issue.make(
            name,
            code,
            n_bad=n_bad,
            rows=() if is_one else rows,
            example=told,
            hint=(hint or self.ranges.get(name))
            if code == "range"
            else hint_for(name, code, self.ranges, frozenset(), _DATES),
        )
        return replace(made, index_labels=labels)

    def _refused(self, name: str, refused: Refused, examples: Mapping[str, str]) -> list[Issue]:
        issues = []
        for code, mask in refused.items():
            rows = [] if mask is None else np.flatnonzero(mask).tolist()
            if mask is None or rows:
                n_bad, first = max(len(rows), 1), rows[:MAX_LISTED_ROWS]
                made = self._flow_issue if name in _OF_FLOWS else self._stream_issue
                issues.append(made(name, code, n_bad, first, examples[code]))
        return issues

    def problems(self, found: list[tuple[str, str, int, list[int], str]]) -> list[Issue]:
        """Return all that is wrong, with what the core found."""
        given = {"values": (self.values.refused, self.values.examples)}
        if self.dates is not None:
            given["dates"] = (self.dates.refused, self.dates.examples)
        given |= {name: (argument.refused, argument.examples) for name, argument in self.arguments.items()}
        issues = []
        for name, (refused, examples) in given.items():
            issues += self._refused(name, refused, examples)
        for name, code, n_bad, rows, example in found:
            refused = given[name][0]
            if (code == "nonfinite" and refused) or (name == "dates" and code == "null" and refused):
                continue  # stands for what was refused here
            told = example
            if name == "dates" and self.dates is not None:
                told = "null" if code == "null" else show_ticks(int(example), self.dates.per_day)
            of_flows = name in _OF_FLOWS and code not in (_OF_STREAMS if name == "values" else ())
            issues.append(
                (self._flow_issue if of_flows else self._stream_issue)(name, code, n_bad, rows, told)
            )
        return issues

    def fail(self, issues: list[Issue]) -> InputError:
        one = not self.shape and len(self.values.values) <= 1
        return InputError(issues, n_rows=None if one else self.values.values.size, subject=self.function)

    def core_dates(self, basis: float) -> tuple[Array, int, float] | None:
        return None if self.dates is None else (self.dates.ticks, self.dates.per_day, basis)


def _prepare(
    function: str,
    values: Any,
    dates: Any,
    arguments: Mapping[str, Any],
    ranges: Mapping[str, str],
    stream: Any,
) -> _Call:
    given = _values(values)
    if given.values.ndim == 0:
        raise InputError(
            [Issue.make("values", code, example=given.examples[code]) for code in given.refused],
            subject=function,
        )
    for name, other in (("dates", dates), ("stream", stream)):
        _check_index(name, other, given)
    streams = _streams_of(given.values, stream)
    numbers = {name: read(value) for name, value in arguments.items()}
    shape = streams.shape
    for name, argument in numbers.items():
        if (
            argument.series is not None
            and argument.kind == "pandas"
            and streams.kind == "pandas"
            and not argument.series.index.equals(streams.keys)
        ):
            raise ConfigError(f"{name} has another index than the keys of the streams")
        try:
            shape = np.broadcast_shapes(shape, argument.values.shape)
        except ValueError:
            raise ConfigError(
                f"{name} has shape {argument.values.shape}, the streams {streams.shape}"
            ) from None
    if streams.count != 1 and shape != streams.shape:
        raise ConfigError(f"one number for all streams or one for each: the streams are {streams.shape}")
    read_dates = None if dates is None else _read_dates(dates, given.values.shape)
    return _Call(function, given, read_dates, streams, ranges, numbers, shape)


def evaluate_streams(
    function: str,
    values: Any,
    arguments: Mapping[str, Any],
    ranges: Mapping[str, str],
    *,
    dates: Any = None,
    basis: Any = 3,
    stream: Any = None,
    several: str = "raise",
) -> Any:
    """Compute a function of the core for each stream.

    Parameters
    ----------
    function
        Its name in the core.
    values, dates, stream
        Flows, their dates if they have any, and the keys of their streams.
    arguments
        One or two numbers that it takes, by name in the order of the core.
    ranges
        What each may be, in words.
    basis
        How years are counted between dates.
    several
        What to do where several rates solve the equation.

    Returns
    -------
    float, ndarray or Series
        A float for one stream and plain numbers, a Series where keys or numbers are one, else an array.
    """
    check_several(several)
    counted = _basis(basis)
    call = _prepare(function, values, dates, arguments, ranges, stream)
    out = np.empty(int(np.prod(call.shape)))
    flows = np.require(call.values.values.ravel(), dtype=np.float64, requirements=["C", "A"])
    given = (call.values.refused, call.dates.refused if call.dates is not None else {})
    if any(mask is None for refused in given for mask in refused.values()):
        raise call.fail(call.problems([]))  # no flow can be read
    numbers = [for_core(argument.values, call.shape) for argument in call.arguments.values()]
    first, second = (*numbers, 0.0)[:2]
    try:
        found = _core.cash_flows(
            function,
            flows,
            call.streams.offsets,
            (first, second),
            out,
            call.core_dates(counted),
            call.streams.order,
            resolve_threads(None),
        )
    except RuntimeError as error:
        raise InternalError(str(error)) from error
    choices = [entry for entry in found if entry[1] == "several_roots"] if several != "raise" else []
    issues = call.problems([entry for entry in found if entry not in choices])
    if issues:
        raise call.fail(issues)
    if several == "warn":
        for _, _, n_bad, rows, example in choices:
            named = (
                ""
                if not call.shape or call.streams.keys is None
                else f"stream {call.streams.key(rows[0])!r} has "
            )
            warn_of_several(function, n_bad, named + example)
    return _shaped(out, call)


def _shaped(out: Array, call: _Call) -> Any:
    series = next((argument for argument in call.arguments.values() if argument.series is not None), None)
    kind = call.streams.kind or (series.kind if series is not None and call.streams.count == 1 else "")
    if kind == "pandas":
        # Without keys of streams there is a Series: it gave the kind.
        index = call.streams.keys if call.streams.kind else series.series.index  # type: ignore[union-attr]
        return sys.modules["pandas"].Series(out, index=index, name=call.function, copy=False)
    if kind == "polars":
        return sys.modules["polars"].Series(call.function, out)
    return out.reshape(call.shape) if call.shape else float(out[0])


def roots(function: str, values: Any, dates: Any, basis: Any) -> Array:
    """Return all rates of return of one stream, ascending."""
    counted = _basis(basis)
    call = _prepare(function, values, dates, {}, {}, None)
    if call.streams.shape:
        raise ConfigError("irr_roots takes one stream")
    flows = np.require(call.values.values, dtype=np.float64, requirements=["C", "A"])
    try:
        rates, found = _core.cash_flow_roots(flows, call.streams.offsets, call.core_dates(counted))
    except RuntimeError as error:
        raise InternalError(str(error)) from error
    issues = call.problems(found)
    if issues:
        raise call.fail(issues)
    return np.array(rates)
