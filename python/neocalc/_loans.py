"""A user's frame of loans and the frames beside it as the core's columns, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from neocalc import _core
from neocalc._cash_flows import CashFlow, Collateral
from neocalc._columns import FIRST_DAY, LAST_DAY, Array, life, rates
from neocalc._draws import Draws, PrepaymentPremiums, Prepayments, Refinancings, Sweep
from neocalc._facility import FACILITY_DATES, FACILITY_RATES, movements
from neocalc._frames import nearest
from neocalc._loan_options import (
    MONEY_COLUMNS,
    MORE_MONEY_COLUMNS,
    ROW_COLUMNS,
    LoanOptionArgs,
    LoanOptions,
    make_loan_options,
)
from neocalc._loan_rates import (
    EXTRAPOLATIONS,
    Capitalization,
    Curves,
    Hedges,
    RateSteps,
    construction_of,
    index_codes,
)
from neocalc._loans_beside import LoanSide, PaymentHolidays, PrincipalSchedule
from neocalc._options import choice
from neocalc._records import Layout, Records, Verdict, changed, guarded, stretch
from neocalc._records import check_by as _check_by
from neocalc._side import NO_MINOR, ids_of
from neocalc.errors import InputError, Issue

_S = TypeVar("_S")
_NO_DAY = int(np.iinfo(np.int32).max)

WORDS = {
    "profile": _core.PROFILES,
    "frequency": _core.PAYMENT_FREQUENCIES,
    "day_count": _core.DAY_COUNTS,
    "business_day_convention": _core.BUSINESS_DAY_CONVENTIONS,
    "stub": _core.STUBS,
    "index_averaging": _core.INDEX_AVERAGINGS,
    "reset_frequency": _core.RESET_FREQUENCIES,
}
# Columns that decide rates besides `annual_rate`; a book without them has nothing to be laid along its
# periods.
_FLOATING_RATES = (
    "margin_rate",
    "index_floor_rate",
    "index_cap_rate",
    "rate_floor",
    "rate_cap",
    "default_margin_rate",
    "pik_rate",
    "pik_share",
)
_FLOATING_DATES = ("default_from_date", "default_to_date")
_FLOATING_DAYS = ("reset_lag_days", "lookback_days", "lockout_days")
_FLOATING_FLAGS = ("observation_shift", "floor_daily")
_FLOATING_WORDS = ("index_averaging", "reset_frequency")
_FLOATING = (
    *_FLOATING_RATES,
    *_FLOATING_DATES,
    *_FLOATING_DAYS,
    *_FLOATING_FLAGS,
    *_FLOATING_WORDS,
)
_CONSTRUCTION = ("construction_start_date", "construction_end_date")
_MONEY = ("principal", "commitment", "payment", "balance_cap", "upfront_fee", "issue_costs")
_DATES = (
    "start_date",
    "maturity_date",
    "first_payment_date",
    "draw_end_date",
    *FACILITY_DATES,
    *_FLOATING_DATES,
)
_MONTHS = ("term_months", "interest_only_months", "amortization_months", *_FLOATING_DAYS)
_RATES = ("annual_rate", "balance_cap_rate", "issue_price", *FACILITY_RATES, *_FLOATING_RATES)
_FLAGS = ("end_of_month", *_FLOATING_FLAGS)
_REQUIRED = ("start_date",)
_OPTIONAL = tuple(
    name
    for name in (
        *("loan_id", *_MONEY, *_DATES, *_MONTHS, *_RATES, *WORDS, *_FLAGS),
        *("index", "currency", "facility_id", "sweep_rate", *_CONSTRUCTION),
    )
    if name not in _REQUIRED
)
_TABLES: dict[str, Callable[[Any, LoanOptions], LoanSide]] = {
    "rate_steps": RateSteps,
    "principal_schedule": PrincipalSchedule,
    "payment_holidays": PaymentHolidays,
    "hedges": Hedges,
    "capitalization": Capitalization,
    "draws": Draws,
    "prepayments": Prepayments,
    "prepayment_premiums": PrepaymentPremiums,
    "sweep": Sweep,
    "refinancings": Refinancings,
    "cash_flow": CashFlow,
    "collateral": Collateral,
}
_RESERVED = frozenset(
    (
        *MONEY_COLUMNS,
        *MORE_MONEY_COLUMNS,
        *ROW_COLUMNS,
        "payment_number",
        "payment_date",
        "period_end",
        "issue",
    )
)


class LoanColumns(Records):
    """What the core gets of a loan book, the problems that are known, and the rows left out."""

    id_name = "loan_id"
    subject = "loans"
    layout = Layout(
        _REQUIRED,
        _OPTIONAL,
        either=(("principal", "commitment"), ("maturity_date", "term_months"), ("annual_rate", "index")),
        bare=(("term", "term_months", "term_unit"), ("rate", "annual_rate", "rate_unit")),
        other=("loans", ("cost", "in_service_date"), "validate and depreciate read fleets"),
    )
    # The first is also the column whose totals may overflow.
    compared = ("principal", *(name for name in (*_REQUIRED, *_OPTIONAL) if name != "principal"))
    options: LoanOptions
    _made: _core.Loans | None

    # Frames beside the loans, and how to read them.
    BESIDE: ClassVar[tuple[str, ...]] = ("rates", "extrapolate", *_TABLES)

    def __init__(
        self,
        data: Any,
        options: LoanOptions,
        *,
        index_is_id: bool,
        rates: Any = None,
        extrapolate: str | None = None,
        **tables: Any,
    ) -> None:
        choice("extrapolate", extrapolate, EXTRAPOLATIONS)
        refused: list[Issue] = []  # of frames that cannot be read at all: told with all that is wrong
        self._curves = _opened(refused, Curves, rates, options, extrapolate)
        self._blind = bool(refused)  # which curves there are is not known
        opened = {name: _opened(refused, _TABLES[name], table, options) for name, table in tables.items()}
        beside = {name: side for name, side in opened.items() if side is not None}
        try:
            super().__init__(data, options, index_is_id=index_is_id or bool(beside))
        except InputError as error:
            raise InputError([*error.issues, *refused], n_rows=error.n_rows, subject=self.subject) from None
        self.problems.issues += refused
        self.problems.whole_column |= bool(refused)
        self.sides.update(beside)
        self._floats = False
        self._args: dict[str, Any] = {}
        self._tables: dict[str, dict[str, Array]] = {}
        self._read()
        self._floats = self._has_rates(beside.get("rate_steps"))
        known = ids_of(self.frame)
        if known is None:
            self.problems.column("loan_id", "dtype", "list")
            return
        for name, side in beside.items():
            if isinstance(side, Sweep):
                side.share_of_loan = self._shares("sweep_rate")
            if isinstance(side, Collateral) and side.by_facility:
                side.facility_of_loan = self._facilities()
            self._read_beside(name, side, known)
        self._read_construction()
        if not self.problems.whole_column:
            movements(self, beside, self._tables)

    def _read_beside(self, name: str, side: LoanSide, known: Array) -> None:
        try:
            table = side.read(known)
        except InputError as error:  # a column as a whole
            self.problems.issues += error.issues
            self.problems.whole_column = True
            return
        self.take_over(side)
        if table:
            self._tables[name] = table

    def _has_rates(self, steps: Any) -> bool:
        """Whether rates are more than `annual_rate` and its steps."""
        given = bool({"index", *_FLOATING} & self.present) or "hedges" in self._tables
        return given or (steps is not None and steps.terms != ["annual_rate"])

    def _shares(self, name: str) -> Array:
        """Return shares from 0 to 1, NaN for none."""
        out = np.full(self.n, np.nan)
        if name not in self.present:
            return out
        found = rates(self.frame.raw(name), name, self.problems, nan_is_null=True)
        if found is None:
            return out
        values, null = found
        out = np.asarray(values, dtype=np.float64)
        out = np.where(np.zeros(self.n, dtype=bool) if null is None else null, np.nan, out)
        wrong = np.flatnonzero(~np.isnan(out) & ~((out >= 0.0) & (out <= 1.0)))
        self.problems.rows(name, "range", wrong, self.n, out.item)
        out[wrong] = 0.0
        return out

    def _facilities(self) -> Array:
        """Return the facility of each loan with an advance rate; its collateral counts once."""
        of = np.full(self.n, None, dtype=object)
        if not self.has("facility_id"):
            return of
        codes, n, values = self.classes("facility_id")
        secured = ~np.isnan(self._advance_rates()) & (codes >= 0)
        counts = np.bincount(codes[secured], minlength=n + 1)
        twice = np.flatnonzero(secured & (counts[codes] > 1))
        self.problems.rows(
            "facility_id", "duplicate_id", twice, self.n, lambda row: repr(values[int(codes[row])])
        )
        of[secured] = [values[code] for code in codes[secured].tolist()]
        return of

    def _advance_rates(self) -> Array:
        values, null = self._args.get("advance_rate", (np.full(self.n, np.nan), None))
        out = np.asarray(values, dtype=np.float64)
        return out if null is None else np.where(null, np.nan, out)

    def floating(self) -> Array:
        """Return which loans have an index."""
        index = self._args.get("index")
        return np.zeros(self.n, dtype=bool) if index is None else np.asarray(index) >= 0

    def _read_index(self) -> None:
        codes, _, values = self.classes("index")
        names = [] if self._curves is None else self._curves.names
        numbers, unknown = index_codes(codes, values, names)
        if self._blind:
            unknown = unknown[:0]
        self.problems.rows(
            "index", "curve_missing", unknown, self.n, lambda row: repr(values[int(codes[row])])
        )
        self._args["index"] = np.where(numbers < 0, np.int32(-1), numbers)

    def _read_construction(self) -> None:
        """Take the two dates of construction as a table of shares, unless there is one."""
        table = self._tables.pop("capitalization", None)
        if table is None and set(_CONSTRUCTION) & self.present:
            first, last = (self._construction_days(name) for name in _CONSTRUCTION)
            table = construction_of(first, last, _NO_DAY)
        if table is not None:
            self._tables["construction"] = table

    def _construction_days(self, name: str) -> Array:
        """Return days since 1970, `_NO_DAY` for none."""
        out = np.full(self.n, _NO_DAY, dtype=np.int64)
        found = self.dates(name)
        if found is None:
            return out
        counts, unit, mask = found
        null = counts == NO_MINOR if mask is None else mask | (counts == NO_MINOR)
        days = np.where(null, 0, counts).astype(f"M8[{unit}]").astype("M8[D]").astype(np.int64)
        outside = ~null & ((days < FIRST_DAY) | (days > LAST_DAY))
        self.problems.rows(name, "date_range", np.flatnonzero(outside), self.n, days.item)
        return np.where(null | outside, _NO_DAY, days)

    def _read(self) -> None:
        present, problems, args = self.present, self.problems, self._args
        for name in _MONEY:
            args[name] = self._money(name)
        for name in _DATES:
            args[name] = self.dates(name)
        for name in _MONTHS:
            if name in present:
                raw = self.frame.raw(name)
                args[name] = life(raw, name, problems, nan_is_null=self.frame.nan_is_null)
        for name in _RATES:
            if name in present:
                optional = name != "annual_rate" or "index" in present
                nan_is_null = self.frame.nan_is_null and optional
                args[name] = rates(self.frame.raw(name), name, problems, nan_is_null=nan_is_null)
        for name, known in WORDS.items():
            if name in present:
                args[name] = self._words(name, known)
        for name in _FLAGS:
            if name in present:
                args[name] = self._flags(name)
        if "index" in present:
            self._read_index()
        for name in [name for name, value in args.items() if value is None]:
            del args[name]
        if "currency" in present:
            self._check_currency()
        self._check_ids()

    def _words(self, name: str, known: Sequence[str]) -> tuple[Array, list[str]] | None:
        """Return the code of each row, -1 for the default, and what the codes mean."""
        codes, n, values = self.classes(name)
        words = [value if isinstance(value, str) else "" for value in values]
        unknown = [at for at, word in enumerate(words) if not _core.is_loan_word(name, word)]
        if unknown:
            wrong = np.zeros(n + 1, dtype=bool)
            wrong[unknown] = True
            rows = np.flatnonzero(wrong[codes])
            self.problems.rows(name, "choice", rows, self.n, lambda row: repr(values[int(codes[row])]))
            if len(rows):
                example = values[int(codes[rows[0]])]
                near = nearest(str(example), known) if isinstance(example, str) else ""
                hint = (
                    f"one of {', '.join(known)}" if not near.startswith("rename") else near.split(" to ")[0]
                )
                hint = hint.replace("rename", "did you mean")
                self.problems.issues[-1] = self.problems.issues[-1].advised(hint)
            keep = np.full(n + 1, -1, dtype=np.int32)
            good = [at for at in range(n) if at not in set(unknown)]
            keep[good] = np.arange(len(good))
            codes, words = keep[codes], [words[at] for at in good]
        return np.ascontiguousarray(codes), words

    def _flags(self, name: str) -> Array | None:
        codes, n, values = self.classes(name)
        table = np.full(n + 1, -1, dtype=np.int8)
        wrong = np.zeros(n + 1, dtype=bool)
        for at, value in enumerate(values):
            if isinstance(value, (bool, np.bool_)):
                table[at] = int(value)
            else:
                wrong[at] = True
        rows = np.flatnonzero(wrong[codes])
        self.problems.rows(name, "dtype", rows, self.n, lambda row: repr(values[int(codes[row])]))
        return np.ascontiguousarray(table[codes])

    def _hides(self, column: str) -> bool:
        # A table beside that lost a row is not what was agreed.
        return super()._hides(column) or column.partition(".")[0] in _TABLES

    # --- the core ----------------------------------------------------------------------------------

    def core(self) -> _core.Loans:
        """Return the core's loans, without the rows of `self.skip`."""
        if self._made is None:
            self._made = self._make(self.skip)
        return self._made

    def _make(self, skip: Array | None) -> _core.Loans:
        args: dict[str, Any] = {**self._args, **self._tables, **self._rates()}
        if "start_date" not in args:
            args["start_date"] = (np.zeros(self.n, dtype=np.int64), "D", None)
        if "annual_rate" not in args:
            args["annual_rate"] = self._no_rates(self.n)
        try:
            return _core.Loans(args, self.n, skip=skip, nan_is_null=self.frame.nan_is_null)
        except ValueError as error:
            raise changed(self.subject) from error  # nothing but columns of different lengths can be wrong

    def _rates(self) -> dict[str, Any]:
        """Say that rates are laid along the periods, where they are more than `annual_rate`."""
        return {"rates": None if self._curves is None else self._curves.core} if self._floats else {}

    def _no_rates(self, n: int) -> tuple[Array, Array | None]:
        return np.zeros(n), np.ones(n, dtype=bool) if "index" in self.present else None

    def _verdicts(self, left_out: Array, hidden: Array, runs: Sequence[Any]) -> Iterator[Verdict]:
        # Where a column is missing or refused as a whole, no loan can be computed.
        hidden = np.ones(self.n, dtype=bool) if self.problems.whole_column else hidden
        for part, values_only in ((left_out | hidden, False), (left_out | ~hidden, True)):
            if not part.all():
                yield guarded(_core.validate_loans, self._make(part), self.options.settings, values_only)

    def _verdict_of(self, row: int, runs_of_row: Sequence[Callable[[int], Any]]) -> list[_core.IssueTuple]:
        only = slice(row, row + 1)
        args: dict[str, Any] = {}
        for name, value in self._args.items():
            if name in WORDS:
                args[name] = (value[0][only], value[1])
            elif isinstance(value, tuple):
                args[name] = tuple(part[only] if isinstance(part, np.ndarray) else part for part in value)
            else:
                args[name] = value[only]
        for name, table in self._tables.items():
            part, offsets = stretch(table["offsets"], row)
            args[name] = {key: column[part] for key, column in table.items()} | {"offsets": offsets}
        args |= self._rates()
        args.setdefault("annual_rate", self._no_rates(1))
        loan = _core.Loans(args, 1, nan_is_null=self.frame.nan_is_null)
        return guarded(_core.validate_loans, loan, self.options.settings, False)[0]


def _opened(refused: list[Issue], make: Callable[..., _S], table: Any, *args: Any) -> _S | None:
    """Open a frame beside the loans; where it cannot be read, say why in `refused`."""
    if table is None:
        return None
    try:
        return make(table, *args)
    except InputError as error:
        refused.extend(error.issues)
        return None


def check_by(by: Any) -> list[str]:
    """Return the keys of the totals as a list."""
    return _check_by(by, _RESERVED)


def split_given(verb: str, given: Mapping[str, Any]) -> tuple[LoanOptions, dict[str, Any]]:
    """Split what a verb about loans was given into checked options, and frames beside the loans."""
    options = {name: value for name, value in given.items() if name in LoanOptionArgs.__annotations__}
    beside = {name: value for name, value in given.items() if name not in options}
    for name in beside:
        if name not in LoanColumns.BESIDE:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    return make_loan_options(verb, cast("LoanOptionArgs", options)), beside
