"""The options every verb shares: checked once, kept in one frozen object."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import NoneType
from typing import Any, TypedDict

import numpy as np

from neocalc import _core
from neocalc._columns import ISO_SHAPE
from neocalc.errors import ConfigError, ResourceLimitError

MONEY_COLUMNS = (
    "opening_book_value",
    "additions",
    "depreciation",
    "impairment",
    "reversals",
    "disposals",
    "closing_book_value",
    "accumulated_depreciation",
)
# What filers show beside them in a note; only on request.
NOTE_COLUMNS = ("opening_cost", "cost_additions", "cost_disposals", "cost_transfers", "closing_cost")
# Shown where there is something to show, or on request.
EVENT_COLUMNS = ("gain", "correction", "transfers")
# Without events these are zero, and the core is never asked for them.
ZERO_COLUMNS = frozenset(
    ("impairment", "reversals", "disposals", "cost_disposals", "cost_transfers", *EVENT_COLUMNS)
)
DIFFERENCE_COLUMNS = ("opening_book_value", "depreciation", "closing_book_value", "accumulated_depreciation")

FRAMEWORKS = ("us_gaap", "ifrs", "tax", "management")
FREQS = ("M", "Q", "Y")
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_FIRST_DATE, _LAST_DATE = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
# Below this no answer of the system about free memory could matter: don't ask.
_UNCHECKED_BYTES = 64 * 2**20
_LIMIT_VARIABLE = "NEOCALC_MEMORY_LIMIT_BYTES"
_THREADS_VARIABLE = "NEOCALC_NUM_THREADS"


class OptionArgs(TypedDict, total=False):
    """Keywords shared by the verbs; `depreciate` documents them."""

    freq: str
    fiscal_year_end: int
    start: Any
    end: Any
    columns: Sequence[str] | None
    rows: str
    rounding: str | None
    amounts: str
    minor_units: int
    on_error: str
    threads: int | None
    keep_id_dtype: bool
    allow_credit: bool
    round_input: bool
    allow_long_life: bool
    floor_time: bool
    framework: str
    disposal_convention: str | None
    posted_through: Any


def choice(name: str, value: Any, allowed: Iterable[Any]) -> None:
    """Refuse an argument that is none of the words allowed."""
    allowed = tuple(allowed)
    if not isinstance(value, (str, NoneType)) or value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def flag(name: str, value: Any) -> None:
    """Refuse an argument that is not a bool."""
    if value is not True and value is not False:
        raise ConfigError(f"{name} must be True or False, not {value!r}")


def int_between(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number of a range, or refuse it."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def to_days(name: str, value: Any) -> int:
    """Days since 1970-01-01 of an ISO string, date, midnight datetime or numpy date."""
    day: dt.date
    try:
        if isinstance(value, str):
            if not ISO_SHAPE.fullmatch(value):  # fromisoformat also takes weeks
                raise ValueError
            day = dt.date.fromisoformat(value)
        elif isinstance(value, np.datetime64):
            if np.isnat(value) or value.astype("M8[D]") != value:
                raise ValueError
            day = value.astype("M8[D]").item()
        elif isinstance(value, dt.datetime):
            if value.tzinfo is not None or value != dt.datetime.combine(value.date(), dt.time()):
                raise ValueError
            day = value.date()
        elif isinstance(value, dt.date):
            day = value
        else:
            raise TypeError
        if not _FIRST_DATE <= day <= _LAST_DATE:
            raise ConfigError(f"{name} must lie between {_FIRST_DATE} and {_LAST_DATE}, not {value!r}")
    except ConfigError:
        raise
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a date (YYYY-MM-DD), not {value!r}") from None
    return day.toordinal() - _EPOCH_ORDINAL


def resolve_threads(threads: Any) -> int:
    """Number of threads asked for; 0 means all."""
    if threads is not None:
        return int_between("threads", threads, 1, 4096)
    text = os.environ.get(_THREADS_VARIABLE)
    if text is None or text == "":
        return 0
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 4096:
        raise ConfigError(f"{_THREADS_VARIABLE} must be a whole number from 1 to 4096, not {text!r}")
    return int(text)


def _memory_limit_bytes() -> int | None:
    text = os.environ.get(_LIMIT_VARIABLE)
    if text:
        if not (text.isascii() and text.isdigit()):
            raise ConfigError(f"{_LIMIT_VARIABLE} must be a number of bytes, not {text!r}")
        return int(text)
    return None


def _available_bytes() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def memory_limit(at_most: int) -> int | None:
    """Return what may be allocated; None where no answer could matter to what needs `at_most` bytes."""
    limit = _memory_limit_bytes()
    if limit is None and at_most > _UNCHECKED_BYTES:
        limit = _available_bytes()
    return limit


def check_memory(n_bytes: int, what: str, instead: str) -> None:
    """Refuse an allocation that cannot fit, before making it, and name what to call instead."""
    limit = memory_limit(n_bytes)
    if limit is not None and n_bytes > limit:
        raise ResourceLimitError(f"{what} needs {n_bytes:,} bytes, {limit:,} are available; {instead}")


@dataclass(frozen=True)
class Options:
    """Checked options of one call."""

    settings: _core.Settings
    columns: tuple[str, ...]
    amounts: str
    minor_units: int
    rounded: bool
    on_error: str
    keep_id_dtype: bool
    round_input: bool
    floor_time: bool
    threads: int
    rows_all: bool
    settings_args: dict[str, Any]
    default_columns: bool = False
    eventful: bool = False

    def with_events(self, shown: Iterable[str]) -> Options:
        """Return the options of a call with events or posted periods: by default more columns are shown."""
        more = tuple(name for name in shown if name not in self.columns) if self.default_columns else ()
        return replace(self, columns=(*self.columns, *more), eventful=True)

    def running(self, start: int, end: int) -> _core.Settings:
        """Return settings whose rows all run on to the end of a horizon, in days since 1970-01-01."""
        return _core.Settings(**{**self.settings_args, "start": start, "end": end, "rows_all": True})

    @property
    def core_columns(self) -> list[str]:
        """Columns the core computes; the others are zero."""
        return [c for c in self.columns if self.eventful or c not in ZERO_COLUMNS]


def resolve_columns(
    columns: Sequence[str] | None,
    default: Sequence[str] = MONEY_COLUMNS,
    more: Sequence[str] = (*EVENT_COLUMNS, *NOTE_COLUMNS),
) -> tuple[str, ...]:
    """Columns in the order asked for, without repetition; without a wish, the default ones."""
    if columns is None:
        return tuple(default)
    if isinstance(columns, str):
        raise ConfigError(f"columns must be a list of names, such as columns=[{columns!r}]")
    try:
        chosen = tuple(dict.fromkeys(columns))
    except TypeError:
        raise ConfigError(f"columns must be a list of names, not {columns!r}") from None
    for name in chosen:
        choice("columns", name, (*default, *more))
    return chosen


def make_options(verb: str, given: OptionArgs) -> Options:
    """Check every option, then freeze them; calls that repeat their options share them."""
    for name in given:
        if name not in OptionArgs.__annotations__:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    values: dict[str, Any] = {**given, "threads": resolve_threads(given.get("threads"))}
    if isinstance(values.get("columns"), list):
        values["columns"] = tuple(values["columns"])
    try:
        hash(tuple(values.values()))
    except TypeError:
        return _build(**values)
    return _cached(**values)


def _build(
    *,
    freq: str = "M",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    columns: Sequence[str] | None = None,
    rows: str = "active",
    rounding: str | None = "balance",
    amounts: str = "major",
    minor_units: int = 2,
    on_error: str = "raise",
    threads: int = 0,
    keep_id_dtype: bool = False,
    allow_credit: bool = False,
    round_input: bool = False,
    allow_long_life: bool = False,
    floor_time: bool = False,
    framework: str = "us_gaap",
    disposal_convention: str | None = None,
    posted_through: Any = None,
) -> Options:
    choice("freq", freq, FREQS)
    choice("rows", rows, ("active", "all"))
    choice("rounding", rounding, ("balance", "level", "none", None))
    choice("amounts", amounts, ("major", "minor", "decimal"))
    choice("on_error", on_error, ("raise", "skip", "flag"))
    choice("framework", framework, FRAMEWORKS)
    choice("disposal_convention", disposal_convention, (*_core.CONVENTIONS, None))
    flag("keep_id_dtype", keep_id_dtype)
    flag("allow_credit", allow_credit)
    flag("round_input", round_input)
    flag("allow_long_life", allow_long_life)
    flag("floor_time", floor_time)
    kind = rounding or "none"
    if kind == "none" and amounts != "major":
        raise ConfigError(f"rounding=None gives unrounded float64 major units: not amounts={amounts!r}")
    start_day = None if start is None else to_days("start", start)
    end_day = None if end is None else to_days("end", end)
    if start_day is not None and end_day is not None and start_day > end_day:
        raise ConfigError(f"start {start!r} is after end {end!r}")
    digits = int_between("minor_units", minor_units, 0, 4)
    args: dict[str, Any] = {
        "rounding": kind,
        "minor_units": digits,
        "freq": freq,
        "fiscal_year_end": int_between("fiscal_year_end", fiscal_year_end, 1, 12),
        "start": start_day,
        "end": end_day,
        "rows_all": rows == "all",
        "allow_credit": allow_credit,
        "round_input": round_input,
        "floor_time": floor_time,
        "max_life_months": 3600 if allow_long_life else 1200,
        "threads": threads,
        "framework": framework,
        "disposal_convention": disposal_convention,
        "posted_through": None if posted_through is None else to_days("posted_through", posted_through),
    }
    return Options(
        settings=_core.Settings(**args),
        columns=resolve_columns(columns),
        amounts=amounts,
        minor_units=digits,
        rounded=kind != "none",
        on_error=on_error,
        keep_id_dtype=keep_id_dtype,
        round_input=round_input,
        floor_time=floor_time,
        threads=threads,
        rows_all=rows == "all",
        settings_args=args,
        default_columns=columns is None,
    )


# typed: True is not 1, and a date not the datetime that equals it.
_cached = lru_cache(maxsize=256, typed=True)(_build)
