"""The options that the verbs about loans share: checked once, kept in one frozen object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import numpy as np

from neocalc import _core
from neocalc._options import FREQS, choice, flag, int_between, resolve_columns, resolve_threads, to_days
from neocalc.calendar import holiday_days, weekend_bits
from neocalc.errors import ConfigError

MONEY_COLUMNS = (
    "opening_balance",
    "draw",
    "interest",
    "pik",
    "principal",
    "prepayment",
    "fee",
    "payment",
    "closing_balance",
)
# Shown on request, or where there is something to show.
MORE_MONEY_COLUMNS = ("premium", "hedge", "proceeds")
# Of rows only, on request.
ROW_COLUMNS = ("accrual_start", "annual_rate", "draw_number")


class LoanOptionArgs(TypedDict, total=False):
    """Keywords shared by the verbs; `amortize` documents them."""

    freq: str
    fiscal_year_end: int
    start: Any
    end: Any
    columns: Sequence[str] | None
    rounding: str | None
    amounts: str
    minor_units: int
    accrual: str
    payment_basis: str
    holidays: Any
    weekend: Sequence[str]
    on_error: str
    threads: int | None
    keep_id_dtype: bool
    round_input: bool
    floor_time: bool
    allow_high_rate: bool
    allow_negative_amortization: bool
    allow_long_term: bool


@dataclass(frozen=True)
class LoanOptions:
    """Checked options of one call."""

    settings: _core.LoanSettings
    columns: tuple[str, ...]
    amounts: str
    minor_units: int
    rounded: bool
    on_error: str
    keep_id_dtype: bool
    round_input: bool
    floor_time: bool
    threads: int
    allow_high_rate: bool

    @property
    def money_columns(self) -> list[str]:
        """Columns of amounts."""
        return [name for name in self.columns if name not in ROW_COLUMNS]


def make_loan_options(verb: str, given: LoanOptionArgs) -> LoanOptions:
    """Check every option, then freeze them; calls that repeat their options share them."""
    for name in given:
        if name not in LoanOptionArgs.__annotations__:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    values: dict[str, Any] = {**given, "threads": resolve_threads(given.get("threads"))}
    for name in ("columns", "weekend"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    if values.get("holidays") is not None:
        values["holidays"] = tuple(holiday_days(values["holidays"]).tolist())
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
    rounding: str | None = "payment",
    amounts: str = "major",
    minor_units: int = 2,
    accrual: str = "adjusted",
    payment_basis: str = "actual",
    holidays: tuple[int, ...] | None = None,
    weekend: Sequence[str] = ("saturday", "sunday"),
    on_error: str = "raise",
    threads: int = 0,
    keep_id_dtype: bool = False,
    round_input: bool = False,
    floor_time: bool = False,
    allow_high_rate: bool = False,
    allow_negative_amortization: bool = False,
    allow_long_term: bool = False,
) -> LoanOptions:
    choice("freq", freq, FREQS)
    choice("rounding", rounding, ("payment", "none", None))
    choice("amounts", amounts, ("major", "minor", "decimal"))
    choice("accrual", accrual, ("adjusted", "unadjusted"))
    choice("payment_basis", payment_basis, ("actual", "nominal"))
    choice("on_error", on_error, ("raise", "skip", "flag"))
    flag("keep_id_dtype", keep_id_dtype)
    flag("round_input", round_input)
    flag("floor_time", floor_time)
    flag("allow_high_rate", allow_high_rate)
    flag("allow_negative_amortization", allow_negative_amortization)
    flag("allow_long_term", allow_long_term)
    rounded = rounding == "payment"
    if not rounded and amounts != "major":
        raise ConfigError(f"rounding=None gives unrounded float64 major units: not amounts={amounts!r}")
    start_day = None if start is None else to_days("start", start)
    end_day = None if end is None else to_days("end", end)
    if start_day is not None and end_day is not None and start_day > end_day:
        raise ConfigError(f"start {start!r} is after end {end!r}")
    shown = resolve_columns(columns, MONEY_COLUMNS, (*MORE_MONEY_COLUMNS, *ROW_COLUMNS))
    digits = int_between("minor_units", minor_units, 0, 4)
    settings = _core.LoanSettings(
        rounded=rounded,
        minor_units=digits,
        freq=freq,
        fiscal_year_end=int_between("fiscal_year_end", fiscal_year_end, 1, 12),
        start=start_day,
        end=end_day,
        accrual=accrual,
        nominal=payment_basis == "nominal",
        holidays=None if holidays is None else np.array(holidays, dtype=np.int32),
        weekend=weekend_bits(weekend),
        allow_high_rate=allow_high_rate,
        allow_negative_amortization=allow_negative_amortization,
        draws_apart="draw_number" in shown,
        round_input=round_input,
        floor_time=floor_time,
        max_term_months=3600 if allow_long_term else 1200,
        threads=threads,
    )
    return LoanOptions(
        settings=settings,
        columns=shown,
        amounts=amounts,
        minor_units=digits,
        rounded=rounded,
        on_error=on_error,
        keep_id_dtype=keep_id_dtype,
        round_input=round_input,
        floor_time=floor_time,
        threads=threads,
        allow_high_rate=allow_high_rate,
    )


# typed: True is not 1, and a date not the datetime that equals it.
_cached = lru_cache(maxsize=256, typed=True)(_build)
