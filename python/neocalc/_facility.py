"""What makes a loan a facility: its columns, and tables of draws and prepayments put together from frames."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._draws import Draws, Prepayments, Refinancings, Sweep, Table, join, of_one_day
from neocalc._loan_options import LoanOptions
from neocalc._records import guarded
from neocalc._side import Side
from neocalc.errors import Issue

FACILITY_DATES = ("draw_start_date", "make_whole_until_date")
FACILITY_RATES = (
    "undrawn_fee_rate",
    "upfront_fee_rate",
    "target_dscr",
    "advance_rate",
    "make_whole_rate",
)


class _Loans(Protocol):
    """What finding payoffs needs of a loan book."""

    n: int
    options: LoanOptions

    def _make(self, skip: Array | None) -> _core.Loans: ...
    def take_over(self, side: Side) -> None: ...


def movements(loans: _Loans, beside: dict[str, Any], tables: dict[str, Table]) -> None:
    """Put draws into one table of the core, prepayments into another; refinanced loans are run for it."""
    draws, refinancings = beside.get("draws"), beside.get("refinancings")
    paid = [side for side in beside.values() if isinstance(side, (Prepayments, Sweep, Refinancings))]
    if paid:
        tables["prepayments"] = join(
            [side.part for side in paid], [side.rows for side in paid], loans.n, of_one_day
        )
    if isinstance(refinancings, Refinancings) and len(refinancings.rows):
        _refinance(loans, draws, refinancings, tables)
    elif isinstance(draws, Draws):
        tables["draws"] = join([draws.part], [draws.rows], loans.n)


def _refinance(loans: _Loans, draws: Draws | None, side: Refinancings, tables: dict[str, Table]) -> None:
    """Find what each refinanced loan is repaid with: first those that no other is refinanced into."""
    amounts = np.zeros(len(side.rows), dtype=np.int64 if loans.options.rounded else np.float64)
    known = np.zeros(len(side.rows), dtype=bool)
    while True:
        parts = [side.draws(amounts)]
        parts = [{name: column[known] for name, column in part.items()} for part in parts]
        rows = [side.into[known]]
        if draws is not None:
            parts, rows = [draws.part, *parts], [draws.rows, *rows]
        tables["draws"] = join(parts, rows, loans.n)
        if known.all():
            return
        waiting = np.isin(side.rows, side.into[~known])
        ready = np.flatnonzero(~known & ~waiting)
        skip = np.ones(loans.n, dtype=bool)
        skip[side.rows[ready]] = False
        settings = loans.options.settings
        core = loans._make(skip)
        log, payoffs = guarded(_core.loan_payoffs, core, settings)
        amounts[ready] = np.asarray(payoffs)[side.rows[ready]]
        known[ready] = True
        if log:
            bad = guarded(_core.validate_loans, core, settings, False)[1]
            lost = ready if bad is None else ready[np.asarray(bad)[side.rows[ready]]]
            at = np.sort(side.part["source"][lost])[:5].tolist()
            issue = Issue.make("refinancings.loan_id", "refinanced_loan", n_bad=len(lost), rows=at)
            side.issues = [side.locate(issue)]
            side.of_others = [(issue.column, issue.code, np.unique(side.into[lost]))]
            loans.take_over(side)
