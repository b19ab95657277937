"""What is wrong with a loan book, before anything is computed of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neocalc._loans import LoanColumns, split_given
from neocalc._output import problems_frame


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
    """List every problem of a loan book and of the tables beside it, as `validate` does for fleets.

    Each loan is run to its end, since some problems (a payment below the interest, a draw beyond the
    commitment) show only on the way.

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
        The columns of `validate`; ``column`` is ``draws.date`` for a table beside the loans. It is what
        `amortize` would raise; that a loan has no effective rate is seen only by those who solve for it:
        `carrying_amount`.

    Raises
    ------
    InputError
        For what is not a frame at all, or a fleet: that is for `validate`.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({
    ...     "loan_id": ["A"], "principal": [1000.0], "start_date": ["2025-01-15"], "term_months": [12],
    ...     "annual_rate": [0.12], "payment": [5.0],
    ... })
    >>> nc.validate_loans(loans)[["column", "code", "n_bad"]].values.tolist()
    [['payment', 'negative_amortization', 1]]
    """
    given = {name: value for name, value in locals().items() if name != "loans"}
    options, beside = split_given("validate_loans", given)
    return problems_frame(
        loans, lambda: LoanColumns(loans, options, index_is_id=True, **beside).find_issues()
    )
