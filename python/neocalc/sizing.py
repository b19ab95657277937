"""How much debt a cash flow carries."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._cash_flows import CashFlow, column_names
from neocalc._columns import Array, minor_to_decimal, minor_to_major
from neocalc._loan_options import make_loan_options
from neocalc._options import choice, flag, int_between, to_days
from neocalc._records import guarded
from neocalc.errors import ConfigError, InputError, Issue

_MOST = 2**51 - 1
_PARTS = 10**12
# What the core calls the terms that stand elsewhere here.
_NAMES = {"target_dscr": "min_dscr", "profile": "cash_flow.cfads"}


def debt_capacity(
    cash_flow: Any,
    *,
    min_dscr: float,
    annual_rate: float,
    start_date: Any,
    maturity_date: Any = None,
    term_months: int | None = None,
    cost: float | None = None,
    max_gearing: float | None = None,
    frequency: str = "quarterly",
    day_count: str = "30/360",
    business_day_convention: str = "none",
    stub: str = "short_back",
    end_of_month: bool = False,
    first_payment_date: Any = None,
    interest_only_months: int = 0,
    accrual: str = "adjusted",
    holidays: Any = None,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_rate: bool = False,
    threads: int | None = None,
) -> Any:
    """Find the largest loan that a cash flow repays at a minimum debt service coverage.

    Parameters
    ----------
    cash_flow
        Cash flow available for debt service: ``date`` or ``period_end``, ``cfads``, and ``loan_id`` where
        there are several loans, all on these terms.
    min_dscr
        Cash flow over interest and principal, at every payment.
    annual_rate
        The fixed rate, 0.11 for 11 %.
    start_date, maturity_date, term_months
        The loan's life: one of the latter two. Cash flow on or before the start and after maturity counts for
        nothing.
    cost, max_gearing
        What is financed, and the share of it that may be borrowed; both or neither.
    frequency, day_count, business_day_convention, stub, end_of_month, first_payment_date,
    interest_only_months
        As the columns of `amortize`.
    accrual, holidays, amounts, minor_units, round_input, allow_high_rate, threads
        As for `amortize`.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` (where the cash flow has it, in order of first appearance), ``principal`` (rounded down:
        one minor unit more fails), ``limited_by``: ``dscr`` or ``gearing``.

    Raises
    ------
    InputError
        With all problems of the cash flow in ``issues``, such as ``negative_cash_flow`` over a payment
        period.
    ConfigError
        For an argument that means nothing.

    Notes
    -----
    The loan is that of `amortize` with profile ``sculpted`` and this target: each payment takes the cash flow
    since the one before over the ratio, rounded down. Its last payment must clear the balance within that,
    and no payment may fall short of its interest. What repays a loan repays each smaller one, so bisection
    over minor units finds the largest exactly.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> cash = pd.DataFrame({"date": ["2026-06-30", "2026-12-31"], "cfads": [130.00, 130.00]})
    >>> found = nc.debt_capacity(
    ...     cash, min_dscr=1.30, annual_rate=0.10, start_date="2025-12-31", term_months=12,
    ...     frequency="semiannual", end_of_month=True,
    ... )
    >>> found["principal"].tolist()
    [185.94]
    """
    choice("amounts", amounts, ("major", "minor", "decimal"))
    options = make_loan_options(
        "debt_capacity",
        {
            "amounts": amounts,
            "minor_units": minor_units,
            "accrual": accrual,
            "holidays": holidays,
            "round_input": round_input,
            "allow_high_rate": allow_high_rate,
            "threads": threads,
        },
    )
    flag("end_of_month", end_of_month)
    if (cost is None) != (max_gearing is None):
        raise ConfigError("cost and max_gearing mean nothing without each other")
    side = CashFlow(cash_flow, options, by_loan="loan_id" in column_names(cash_flow))
    frame = side.frame
    codes = np.zeros(side.n, dtype=np.int64)
    uniques: Any = None
    known: Array = np.zeros(1, dtype=np.int64)
    if "loan_id" in side.present:
        ids = frame.id_values()
        codes, n, uniques = side.codes("loan_id")
        first = np.unique(codes[codes >= 0], return_index=True)[1]
        order = np.argsort(np.flatnonzero(codes >= 0)[first], kind="stable")
        at = np.flatnonzero(codes >= 0)[first][order]
        known, codes = ids[at], codes[at]
    table = side.read(known)
    if side.issues:
        raise InputError(side.issues, n_rows=side.n, subject="cash_flow")
    n = len(known)
    most = np.full(n, _gearing(cost, max_gearing, minor_units, in_minor=amounts == "minor"), dtype=np.int64)
    args: dict[str, Any] = {
        "principal": (np.zeros(n, dtype=np.int64), None),
        "start_date": _days(n, "start_date", start_date),
        "annual_rate": _rate(n, "annual_rate", annual_rate),
        "target_dscr": _rate(n, "min_dscr", min_dscr),
        "interest_only_months": (
            np.full(n, int_between("interest_only_months", interest_only_months, 0, 1200)),
            None,
        ),
        "profile": _word(n, "profile", "sculpted", _core.PROFILES),
        "frequency": _word(n, "frequency", frequency, _core.PAYMENT_FREQUENCIES),
        "day_count": _word(n, "day_count", day_count, _core.DAY_COUNTS),
        "business_day_convention": _word(
            n, "business_day_convention", business_day_convention, _core.BUSINESS_DAY_CONVENTIONS
        ),
        "stub": _word(n, "stub", stub, _core.STUBS),
        "end_of_month": np.full(n, int(end_of_month), dtype=np.int8),
        "cash_flow": table,
    }
    if (maturity_date is None) == (term_months is None):
        raise ConfigError("one of maturity_date and term_months is needed")
    if maturity_date is not None:
        args["maturity_date"] = _days(n, "maturity_date", maturity_date)
    else:
        args["term_months"] = (np.full(n, int_between("term_months", term_months, 1, 1200)), None)
    if first_payment_date is not None:
        args["first_payment_date"] = _days(n, "first_payment_date", first_payment_date)
    loans = guarded(_core.Loans, args, n)
    log, found = guarded(_core.debt_capacities, loans, options.settings, most)
    if log:
        raise InputError(
            [
                Issue.make(
                    _NAMES.get(column, column),
                    code,
                    n_bad=count,
                    rows=rows,
                    example=example,
                )
                for column, code, count, rows, example in log
            ],
            n_rows=side.n,
            subject="cash_flow",
        )
    principal = np.asarray(found)
    if (principal >= _MOST).any():
        example = f"more than {_MOST} minor units are repaid"
        raise InputError(
            [Issue.make("cash_flow.cfads", "overflow", example=example)], n_rows=side.n, subject="cash_flow"
        )
    result: dict[str, Any] = {}
    if uniques is not None:
        result["loan_id"] = frame.take(uniques, codes)
    if amounts == "decimal":
        result["principal"] = frame.decimals_out(minor_to_decimal(principal, minor_units), minor_units)
    else:
        result["principal"] = frame.money_out(
            principal if amounts == "minor" else minor_to_major(principal, minor_units)
        )
    limited = (principal == most).astype(np.int8)
    result["limited_by"] = frame.categorical(limited, ("dscr", "gearing"), ordered=False)
    return frame.build(result)


def _gearing(cost: Any, max_gearing: Any, minor_units: int, *, in_minor: bool) -> int:
    """Return the largest principal that gearing allows, rounded down, in minor units."""
    if cost is None or max_gearing is None:
        return _MOST
    for name, value, most in (("cost", cost, float("inf")), ("max_gearing", max_gearing, 1)):
        number = isinstance(value, (int, float, Decimal, np.number)) and not isinstance(value, bool)
        if not number or not 0 <= float(value) <= most or float(value) == float("inf"):
            what = "a number of at least 0" if name == "cost" else "a share from 0 to 1"
            raise ConfigError(f"{name} must be {what}, not {value!r}")
    share = Fraction(round(Fraction(max_gearing) * _PARTS), _PARTS)
    unit = 1 if in_minor else 10**minor_units
    return min(_MOST, round(Fraction(cost) * unit) * share.numerator // share.denominator)


def _days(n: int, name: str, value: Any) -> tuple[Array, str, None]:
    return np.full(n, to_days(name, value), dtype=np.int64), "D", None


def _rate(n: int, name: str, value: Any) -> tuple[Array, None]:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not np.isfinite(float(value)):
        raise ConfigError(f"{name} must be a number, not {value!r}")
    return np.full(n, float(value)), None


def _word(n: int, name: str, value: Any, known: tuple[str, ...]) -> tuple[Array, list[str]]:
    if not isinstance(value, str) or not _core.is_loan_word(name, value):
        raise ConfigError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return np.zeros(n, dtype=np.int32), [value]
