"""A user's frame of loans and the frames beside it as the core's columns, and all that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, life, rates
from neocalc._frames import nearest
from neocalc._loan_options import MONEY_COLUMNS, MORE_MONEY_COLUMNS, ROW_COLUMNS, LoanOptions
from neocalc._loans_beside import PaymentHolidays, PrincipalSchedule, RateSteps
from neocalc._records import Layout, Records, Verdict, changed, guarded, stretch
from neocalc._records import check_by as _check_by

WORDS = {
    "profile": _core.PROFILES,
    "frequency": _core.PAYMENT_FREQUENCIES,
    "day_count": _core.DAY_COUNTS,
    "business_day_convention": _core.BUSINESS_DAY_CONVENTIONS,
    "stub": _core.STUBS,
}
_MONEY = ("principal", "commitment", "payment", "balance_cap")
_DATES = ("start_date", "maturity_date", "first_payment_date")
_MONTHS = ("term_months", "interest_only_months", "amortization_months")
_RATES = ("annual_rate", "balance_cap_rate")
_REQUIRED = ("start_date", "annual_rate")
_OPTIONAL = tuple(
    name
    for name in ("loan_id", *_MONEY, *_DATES, *_MONTHS, *_RATES, *WORDS, "end_of_month", "currency")
    if name not in _REQUIRED
)
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
        either=(("principal", "commitment"), ("maturity_date", "term_months")),
        bare=(("term", "term_months", "term_unit"), ("rate", "annual_rate", "rate_unit")),
    )
    # The first is also the column whose totals may overflow.
    compared = ("principal", *(name for name in (*_REQUIRED, *_OPTIONAL) if name != "principal"))
    options: LoanOptions
    _made: _core.Loans | None

    def __init__(
        self,
        data: Any,
        options: LoanOptions,
        *,
        index_is_id: bool,
        rate_steps: Any = None,
        principal_schedule: Any = None,
        payment_holidays: Any = None,
    ) -> None:
        beside: dict[str, RateSteps | PrincipalSchedule | PaymentHolidays] = {}
        if rate_steps is not None:
            beside["rate_steps"] = RateSteps(rate_steps, options)
        if principal_schedule is not None:
            beside["principal_schedule"] = PrincipalSchedule(principal_schedule, options)
        if payment_holidays is not None:
            beside["payment_holidays"] = PaymentHolidays(payment_holidays, options)
        super().__init__(data, options, index_is_id=index_is_id or bool(beside))
        self.sides.update(beside)
        self._args: dict[str, Any] = {}
        self._tables: dict[str, dict[str, Array]] = {}
        self._read()
        if not self.problems.whole_column:
            known = self.frame.id_values()
            for name, side in beside.items():
                self._tables[name] = side.read(known)
                self.take_over(side, side.bad_rows)

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
                nan_is_null = self.frame.nan_is_null and name not in _REQUIRED
                args[name] = rates(self.frame.raw(name), name, problems, nan_is_null=nan_is_null)
        for name, known in WORDS.items():
            if name in present:
                args[name] = self._words(name, known)
        if "end_of_month" in present:
            args["end_of_month"] = self._flags("end_of_month")
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

    # --- the core ----------------------------------------------------------------------------------

    def core(self) -> _core.Loans:
        """Return the core's loans, without the rows of `self.skip`."""
        if self._made is None:
            self._made = self._make(self.skip)
        return self._made

    def _make(self, skip: Array | None) -> _core.Loans:
        args: dict[str, Any] = {**self._args, **self._tables}
        nothing = np.zeros(self.n, dtype=np.int64)
        args.setdefault("start_date", (nothing, "D", None))
        args.setdefault("annual_rate", (np.zeros(self.n), None))
        try:
            return _core.Loans(args, self.n, skip=skip, nan_is_null=self.frame.nan_is_null)
        except ValueError as error:
            raise changed(self.subject) from error  # nothing but columns of different lengths can be wrong

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
        loan = _core.Loans(args, 1, nan_is_null=self.frame.nan_is_null)
        return guarded(_core.validate_loans, loan, self.options.settings, False)[0]


def check_by(by: Any) -> list[str]:
    """Return the keys of the totals as a list."""
    return _check_by(by, _RESERVED)
