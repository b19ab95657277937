"""Loans: schedules of payments, totals, and the level payment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._loan_frames import frame_of_loans, rows_frame, totals_frame
from neocalc._loans import LoanColumns, check_by, split_given
from neocalc._output import attempt


def amortize(
    loans: Any,
    *,
    by: Sequence[str] | None = None,
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
    holidays: Any = None,
    weekend: Sequence[str] = ("saturday", "sunday"),
    on_error: str = "raise",
    threads: int | None = None,
    keep_id_dtype: bool = False,
    round_input: bool = False,
    floor_time: bool = False,
    allow_high_rate: bool = False,
    allow_negative_amortization: bool = False,
    allow_long_term: bool = False,
) -> Any:
    """Schedule every payment of a loan book, as rows per loan and payment or as totals.

    Parameters
    ----------
    loans
        A pandas, polars or pyarrow table with one row per loan. Required: ``principal`` (lent on the first
        day) or ``commitment``, ``start_date``, ``maturity_date`` or ``term_months``, and ``annual_rate`` (a
        fraction: 0.05 for 5 %) or ``index``. Optional: ``loan_id`` (else the index), ``profile``,
        ``frequency``, ``day_count``, ``business_day_convention``, ``stub``, ``end_of_month``,
        ``first_payment_date``, ``interest_only_months``, ``amortization_months``, ``payment``,
        ``balance_cap`` or ``balance_cap_rate``, ``currency``; see Notes. A null in an optional column means
        its default.
    by
        ``None`` gives a row per loan and payment, ``["lender", ...]`` totals by these columns, ``[]`` the
        book's total. Nulls are a group of their own, sorted last.
    rates
        Fixings of indices, or forward curves: a table with ``index``, ``date`` and ``value``, in order of
        date for each index. A value is in force from its date on.
    extrapolate
        ``None`` refuses days before the first and after the last date of a curve; ``"flat"`` keeps the first
        and the last value.
    rate_steps
        Terms that change from a day on: a table with ``loan_id``, ``date``, and ``annual_rate`` (a step-up),
        ``margin_rate``, ``default_margin_rate``, ``pik_rate`` or ``pik_share``; nulls leave a term as it is.
        A level payment is worked out anew with each; an agreed ``payment`` stays.
    hedges
        A table with ``loan_id``, ``kind`` (``pay_fixed_swap``, ``cap``, ``sold_floor``), ``strike_rate``
        (the fixed rate, or the strike), ``from_date``, and ``notional`` (an amount) or ``notional_share``
        (of the balance). A share rides on every draw that floats, also on terms of its own (each rounded to
        the minor unit); an amount counts once, with the loan itself. Rows of one ``hedge_id`` and kind
        are its schedule: strike and notional hold from their date on, a notional of 0 ends it; without an id,
        rows of one kind and strike are. A hedge looks at the fixings of the loan or
        draw it rides on, before floors and caps, is settled with its payments, and is netted into
        ``interest``; ``hedge`` is the part of it that is paid under hedges, negative where more is received.
    principal_schedule
        For the profiles ``custom`` and ``percent_schedule``: a table with ``loan_id``, ``date`` or
        ``payment_number``, and ``principal`` (an amount) or ``share`` (of what was drawn). What it leaves is
        due at maturity. Custom amounts may fall on any day, shares on payment dates; one that repays all
        settles the interest accrued, and amounts after it are refused.
    payment_holidays
        Payments that are not made: a table with ``loan_id``, ``from_date``, ``to_date`` (both counted; the
        scheduled day counts) and ``interest``: ``paid`` (the default) or ``capitalised``, which adds it to
        the balance, as while an asset is under construction. Afterwards level amounts are worked out anew.
        The last payment has no holiday.
    draws
        Advances after the first: a table with ``loan_id``, ``date`` and ``amount``, together within the
        commitment: what was repaid is not drawn again (a revolver is a facility of a `Deal`). With
        ``maturity_date`` or ``term_months``, ``annual_rate`` or ``margin_rate`` of its own, a draw is a loan
        of its own (a vintage) on the loan's payment dates and other terms, its draws numbered by date from 1
        (of one day in the order of their rows). What is stated for the loan as a whole (a ``custom``
        schedule, an agreed ``payment``, the cash flow of ``sculpted``, an ``advance_rate``) holds for all
        draws together: each payment pays the interest due on all of them, then what matures, then principal,
        the oldest draw first. Only unpaid interest under a ``balance_cap`` is refused there: nothing says
        which draw it would be added to.
    prepayments
        A table with ``loan_id``, ``date``, ``amount`` (null: all that is owed), and ``effect``: ``term`` (the
        default; the loan ends earlier) or ``payment`` (later payments become smaller). More than what is owed
        is refused. One that repays all settles the interest accrued, others do with ``pay_accrued``; a
        premium is due unless ``premium_due`` is false. Among vintages the oldest is repaid first, or that of
        ``draw_number``. On one day those of a ``draw_number`` come first, then those that make payments
        smaller, and what repays all last.
    prepayment_premiums
        A share of what is prepaid, from a day on: a table with ``loan_id``, ``from_date``, ``premium_rate``.
    sweep
        Excess cash: a table with ``loan_id``, ``date`` or ``period_end``, ``excess_cash`` and, unless the
        loans have it, ``sweep_rate``. That share of it, rounded down, is prepaid, at most what is owed,
        without premium.
    refinancings
        Loans repaid in full by a draw of another: a table with ``loan_id``, ``date``, ``into_loan_id``. The
        draw is the payoff: balance, accrued interest and premium.
    cash_flow
        For the profile ``sculpted``: a table with ``loan_id``, ``date`` or ``period_end``, and ``cfads``.
        Each payment, interest and principal, is the cash flow since the one before over ``target_dscr``,
        rounded down; what that leaves is due at maturity.
    collateral
        For loans with an ``advance_rate``: a table with ``loan_id`` or ``facility_id``, ``period_end`` and
        ``closing_book_value``, as ``depreciate(..., by=["facility_id"])`` gives it. After each payment at
        most the advance rate times the last value, rounded down, is owed; what exceeds it is paid with the
        payment.
    freq, fiscal_year_end
        Periods of totals: ``M``, ``Q`` or ``Y``, and the last month of the fiscal year.
    start, end
        Bounds of the horizon, widened to whole periods: rows outside are left out; totals have every period
        of it, by default from the first advance to the last payment.
    columns
        The columns to compute and return; by default the money columns below. On request also ``premium``,
        ``hedge``, ``proceeds`` (of a draw, what is received), and in rows ``accrual_start`` (the first day
        whose interest the row settles) and ``annual_rate`` (in force before it; of several draws the mean by
        balance) and ``draw_number``, which shows each vintage apart, one after the other; 0 is the loan
        itself.
    rounding
        ``payment`` rounds the interest of each payment half-even to the minor unit, once, of its exact value;
        ``None`` is unrounded float64.
    amounts
        ``major`` (float64), ``minor`` (int64 minor units in and out) or ``decimal``.
    minor_units
        Digits of the currency, 0 to 4.
    accrual
        Where a payment is moved to a business day: ``adjusted`` counts interest up to the moved day,
        ``unadjusted`` up to the scheduled one, and only the payment waits.
    payment_basis
        ``actual`` works level payments out of the real lengths of the periods, ``nominal`` of the rate over
        the periods of a year; the last payment takes what that leaves.
    holidays
        An array of dates that are no business days.
    weekend
        Days of the week that are none.
    on_error
        ``raise``; ``skip`` drops bad loans; ``flag`` keeps a row for each, without amounts, and adds a
        column ``issue``.
    threads
        Number of threads; all by default.
    keep_id_dtype
        String ids come back as strings rather than as a categorical.
    round_input, floor_time
        Allow amounts off the minor unit (rounded half-even) and times of day (dropped).
    allow_high_rate, allow_long_term
        Allow rates above 100 % a year and terms above 1,200 months.
    allow_negative_amortization
        Allow an agreed ``payment`` below the interest: what it leaves is added to the balance, up to the
        loan's ``balance_cap`` (an amount) or ``balance_cap_rate`` (times the principal).

    Returns
    -------
    DataFrame or Table
        Of the kind that came in. Rows: ``loan_id``, ``payment_number``, ``payment_date``, then
        ``opening_balance``, ``draw``, ``interest``, ``pik`` (interest added to the balance), ``principal``,
        ``prepayment``, ``fee``, ``payment`` (cash: interest + principal + prepayment + fee) and
        ``closing_balance``. The first advance is number 0; a movement between payments has a row of its own
        under the number of the payment before. In every row opening + draw + pik - principal - prepayment =
        closing. Totals: the keys, ``period_end`` and the same amounts.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``; see `list_error_codes`.
    ResourceLimitError
        Before an allocation that would not fit.
    ConfigError
        For an argument that means nothing.

    Notes
    -----
    - ``profile``: ``level_payment`` (the default; interest and principal make one amount, the exact annuity
      over the real periods rounded once), ``level_principal`` (principal over the number of payments, rounded
      once), ``bullet``, ``percent_schedule``, ``custom``. The last payment clears the balance.
    - ``payment``: the level amount where it is agreed (of principal, under ``level_principal``).
    - ``interest_only_months`` from the start; ``amortization_months`` (after those) that level amounts are
      spread over: a longer time than the term leaves a balloon at maturity, a shorter one ends the loan.
    - ``frequency``: ``monthly`` (the default), ``quarterly``, ``semiannual``, ``annual``, ``weekly``,
      ``biweekly``, ``at_maturity``, and others, or a cycle such as ``3M``.
    - ``day_count``: ``30/360`` (the default), ``ACT/360``, ``ACT/365F``, ``ACT/ACT ISDA``, ``ACT/ACT ICMA``,
      ``30/360 US``, ``30E/360``, ``30E/360 ISDA``. Interest, interest in kind, each hedge and the undrawn fee
      accrue apart: where its own rate, or the amount that it is on, changes within a period, each part is a
      calculation period of its own (ISDA 2006 4.16), and nothing else cuts it.
    - ``business_day_convention``: ``none`` (the default), ``following``, ``modified_following``,
      ``preceding``, ``modified_preceding``. Payments that are moved to one day are one.
    - ``stub``: where an irregular period lies: ``short_back`` (the default), ``long_back``, ``short_front``,
      ``long_front``. ``first_payment_date`` settles the front.
    - ``borrowing_base`` repays nothing but what the collateral no longer allows; other profiles may have an
      ``advance_rate`` too.
    - ``commitment``: what may be drawn, with ``principal`` on the first day, between ``draw_start_date``
      (else the start) and ``draw_end_date`` (else maturity, not on it). ``undrawn_fee_rate`` accrues on what
      is not drawn in that time and is paid with the payments; ``upfront_fee`` (an amount) or
      ``upfront_fee_rate`` (of the commitment, else the principal) is paid at the start; ``issue_price`` is
      the share of a draw that is received.
    - ``make_whole_until_date`` with ``make_whole_rate``: a prepayment before that day also costs the interest
      that it would have borne up to it, at the rate in force, payment by payment, each discounted from
      payment to payment by 1 + make-whole rate x part of a year; rounded once.
    - ``end_of_month``: a schedule anchored on a month end stays on month ends.
    - ``index`` with ``margin_rate``: the rate is the last fixing on or before the start of each period,
      between ``index_floor_rate`` and ``index_cap_rate``, plus the margin, between ``rate_floor`` and
      ``rate_cap``. ``reset_frequency`` (``period``, the default; ``monthly``, ``quarterly``, ... from the
      start of the loan; ``daily``: whenever the index is fixed), ``reset_lag_days`` (business days before).
      A negative index obeys the same formulas.
    - ``index_averaging``: ``none`` (the default), ``compounded`` or ``simple`` for an overnight index in
      arrears, with ``lookback_days``, ``lockout_days`` (the last business days keep the fixing of the first
      of them), ``observation_shift`` (compounded only: days count where fixings are read) and
      ``floor_daily`` (floor and cap for each fixing). The compounded rate is the exact product over business
      days, rounded once to 1e-7.
    - ``default_margin_rate`` from ``default_from_date`` (else the start) to the day before
      ``default_to_date``, above every cap.
    - ``pik_rate`` is capitalised on top of the rate, ``pik_share`` of the rate is capitalised instead of
      paid; each is rounded on its own and added to the balance with the payment.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({
    ...     "principal": [1000.00], "start_date": ["2025-01-15"], "term_months": [12],
    ...     "annual_rate": [0.12], "frequency": ["quarterly"],
    ... })
    >>> rows = nc.amortize(loans, columns=["interest", "principal", "payment", "closing_balance"])
    >>> rows.drop(columns="loan_id").tail(2)
       payment_number payment_date  interest  principal  payment  closing_balance
    3               3   2025-10-15     15.44     253.59   269.03           261.18
    4               4   2026-01-15      7.84     261.18   269.02             0.00
    """
    given = {name: value for name, value in locals().items() if name not in ("loans", "by")}
    options, beside = split_given("amortize", given)
    keys = None if by is None else check_by(by)
    data = LoanColumns(loans, options, index_is_id=by is None, **beside)
    return rows_frame(data) if keys is None else totals_frame(data, data.groups(keys))


def payment_amount(
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
    rounding: str | None = "payment",
    amounts: str = "major",
    minor_units: int = 2,
    accrual: str = "adjusted",
    payment_basis: str = "actual",
    holidays: Any = None,
    weekend: Sequence[str] = ("saturday", "sunday"),
    on_error: str = "raise",
    threads: int | None = None,
    round_input: bool = False,
    floor_time: bool = False,
    allow_high_rate: bool = False,
    allow_negative_amortization: bool = False,
    allow_long_term: bool = False,
) -> Any:
    """Find the payment of each loan: its first one that is not of interest alone.

    Parameters
    ----------
    loans, rates, extrapolate, rate_steps, hedges, principal_schedule, payment_holidays, draws
        As for `amortize`.
    prepayments, prepayment_premiums, sweep, refinancings, cash_flow, collateral
        As for `amortize`.
    rounding, amounts, minor_units, accrual, payment_basis, holidays, weekend, on_error, threads
        As for `amortize`.
    round_input, floor_time, allow_high_rate, allow_negative_amortization, allow_long_term
        As for `amortize`.

    Returns
    -------
    DataFrame or Table
        One row per loan, in their order (a pandas result keeps its index): ``loan_id`` and ``payment``, the
        interest and principal of that payment.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({
    ...     "principal": [100.00], "start_date": ["2024-01-01"], "term_months": [6],
    ...     "annual_rate": [0.094822],
    ... })
    >>> nc.payment_amount(loans)["payment"].tolist()
    [17.13]
    """
    given = {name: value for name, value in locals().items() if name != "loans"}
    options, beside = split_given("payment_amount", given)
    data = LoanColumns(loans, options, index_is_id=True, **beside)
    core_amounts = "major" if options.amounts == "major" else "minor"
    _, values = attempt(
        data,
        (),
        lambda core: _core.payment_amounts(core, options.settings, core_amounts),
        lambda found: found[0],
    )
    return frame_of_loans(data, options, {"payment": np.asarray(values)})
