"""Every problem of a loan book, as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neocalc._frames import as_frame
from neocalc._loan_options import make_loan_options
from neocalc._loans import LoanColumns
from neocalc._output import issues_frame
from neocalc.errors import InputError


def validate_loans(
    loans: Any,
    *,
    rates: Any = None,
    extrapolate: str | None = None,
    rate_steps: Any = None,
    hedges: Any = None,
    principal_schedule: Any = None,
    payment_holidays: Any = None,
    draws: Any = None,
    prepayments: Any = None,
    prepayment_premiums: Any = None,
    sweep: Any = None,
    refinancings: Any = None,
    cash_flow: Any = None,
    collateral: Any = None,
    capitalization: Any = None,
    rounding: str | None = "payment",
    amounts: str = "major",
    minor_units: int = 2,
    accrual: str = "adjusted",
    payment_basis: str = "actual",
    holidays: Any = None,
    weekend: Sequence[str] = ("saturday", "sunday"),
    threads: int | None = None,
    round_input: bool = False,
    floor_time: bool = False,
    allow_high_rate: bool = False,
    allow_negative_amortization: bool = False,
    allow_long_term: bool = False,
) -> Any:
    """List every problem of a loan book and of the frames beside it, without raising any.

    Parameters
    ----------
    loans, rates, extrapolate, rate_steps, hedges, principal_schedule, payment_holidays, draws
        As for `amortize`.
    prepayments, prepayment_premiums, sweep, refinancings, cash_flow, collateral
        As for `amortize`.
    capitalization
        As for `interest_expense`.
    rounding, amounts, minor_units, accrual, payment_basis, holidays, weekend, threads
        As for `amortize`.
    round_input, floor_time, allow_high_rate, allow_negative_amortization, allow_long_term
        As for `amortize`.

    Returns
    -------
    DataFrame or Table
        Of the kind of `loans`, one row per column and code: ``column`` (``draws.amount`` for one of a frame
        beside the loans), ``code``, ``rule``, ``n_bad``, the first ``rows`` of that frame with their
        ``index_labels`` and ``ids``, an ``example`` and a ``hint``; lowest row first; no rows where all is
        well. It is what `amortize` would raise. That a loan has no effective rate is seen only by those who
        solve for it: `carrying_amount`, `yield_to_maturity`.

    Raises
    ------
    InputError
        For what is not a frame at all.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({"loan_id": ["A", "B"], "commitment": [1000.0, 500.0],
    ...     "start_date": ["2025-01-15"] * 2, "term_months": [36, 0], "annual_rate": [0.11, 0.0925]})
    >>> draws = pd.DataFrame({"loan_id": ["A"], "date": ["2025-03-01"], "amount": [1000.01]})
    >>> nc.validate_loans(loans, draws=draws)[["column", "code", "ids"]].values.tolist()
    [['draws.amount', 'commitment', ['A']], ['term_months', 'range', ['B']]]
    """
    options = make_loan_options(
        "validate_loans",
        {
            "rounding": rounding,
            "amounts": amounts,
            "minor_units": minor_units,
            "accrual": accrual,
            "payment_basis": payment_basis,
            "holidays": holidays,
            "weekend": weekend,
            "threads": threads,
            "round_input": round_input,
            "floor_time": floor_time,
            "allow_high_rate": allow_high_rate,
            "allow_negative_amortization": allow_negative_amortization,
            "allow_long_term": allow_long_term,
        },
    )
    try:
        issues = LoanColumns(
            loans,
            options,
            index_is_id=True,
            rates=rates,
            extrapolate=extrapolate,
            rate_steps=rate_steps,
            hedges=hedges,
            principal_schedule=principal_schedule,
            payment_holidays=payment_holidays,
            draws=draws,
            prepayments=prepayments,
            prepayment_premiums=prepayment_premiums,
            sweep=sweep,
            refinancings=refinancings,
            cash_flow=cash_flow,
            collateral=collateral,
            capitalization=capitalization,
        ).find_issues()
    except InputError as error:
        if error.code != "duplicate_column":
            raise
        issues = error.issues
    return issues_frame(as_frame(loans, "loan_id", "loans"), issues)
