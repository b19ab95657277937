"""Contracts of customers: revenue, bills, prepayments and what remains to be performed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neocalc._contract_books import NAMES, SHAPE, keep_contract
from neocalc._contract_terms import ContractTerms
from neocalc._monthly import Layouter, Ledger, check_end, monthly_options


def contract_schedule(
    contracts: Any,
    *,
    prices: Any = None,
    utilisation: Any = None,
    by: Sequence[str] | None = None,
    freq: str = "M",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    **options: Any,
) -> Any:
    """Schedule what contracts earn, bill and collect: take-or-pay, then renewal, then spot rental.

    Revenue accrues by the day as capacity stands ready (ASC 606-10-55-184 to 55-186 call it a stand-ready
    obligation); what is paid ahead is a contract liability, deferred revenue, that invoices use up
    (ASC 606-10-45-2). Sums up to the end of each month are exact and rounded half-even once, and months are
    differences of two such sums: a ``total_value`` comes out to the cent.

    Parameters
    ----------
    contracts
        One row per contract: ``contract_id``, ``start_date``, ``end_date`` (its last day) and one price,
        ``hourly_price`` (per GPU-hour, in major units, to twelve places), ``monthly_fee`` (part months by
        their days) or ``total_value`` (spread over the days). Optional columns, where null has the meaning
        in brackets: ``customer``, ``gpu_model``, ``gpus``; ``take_or_pay_rate``, the share of the value that
        is paid whatever is used (1); ``prepayment_rate`` (of the value) or ``prepayment_amount``, received
        on ``prepayment_date`` (the start); ``renewal_months`` (0) at ``renewal_price_rate`` (1) of the
        price; ``spot_after`` (False), from the end on at the spot price, with ``spot_utilisation`` of the
        hours (not known); ``payment_days`` after the close of the month that is billed (0);
        ``signed_date`` (before all); ``opening_deferred_revenue`` with ``opening_date``, for contracts taken
        over in mid-life: rows begin on the next day; ``currency``.
    prices
        ``gpu_model``, ``date``, ``hourly_price``: the spot price from a day on, until the next.
    utilisation
        ``date``, ``utilisation`` and ``contract_id`` or ``gpu_model`` (neither: of all): the share of the
        hours that is used from a day on. Without it contracts are used in full. A null is not known: what
        depends on it is null.
    by
        ``None`` gives rows per contract, phase and period; ``["customer", ...]`` totals by these columns,
        ``"phase"`` being one that may be named.
    freq, fiscal_year_end
        Periods of the result: ``"M"``, ``"Q"``, ``"Y"``, and the month in which years end.
    start, end
        The horizon, which snaps outward to whole periods; spot rental has no end of its own and needs
        ``end``. From ``start`` on (if signed by then) a contract has rows for what is to be performed.
    **options
        ``amounts``, ``minor_units`` and ``round_input``, as for `depreciate`.

    Returns
    -------
    DataFrame or Table
        ``contract_id`` or the keys, ``period_end``, ``phase`` (``contract``, ``renewal``, ``spot``),
        ``gpu_hours`` (that are paid for), ``revenue``, ``billed`` (with what is paid ahead; = revenue +
        closing - opening deferred revenue), ``cash_received``, ``prepayment`` (of the cash, what is paid
        ahead), ``opening_deferred_revenue``, ``closing_deferred_revenue``, ``closing_receivables``,
        ``remaining_performance_obligation`` (at ``take_or_pay_rate``; renewals and spot rental are not
        promised). A total is null where one of its rows is.

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
    >>> contracts = pd.DataFrame({"contract_id": ["A"], "customer": ["lab"], "gpus": [1000],
    ...     "hourly_price": [2.5], "start_date": ["2025-01-01"], "end_date": ["2025-12-31"],
    ...     "prepayment_rate": [0.2], "payment_days": [30]})
    >>> year = nc.contract_schedule(contracts, freq="Q")
    >>> year[["revenue", "billed", "cash_received", "closing_deferred_revenue"]].head(2).values.tolist()
    [[5400000.0, 8700000.0, 7212000.0, 3300000.0], [5460000.0, 4368000.0, 4416000.0, 2208000.0]]
    """
    given = {"freq": freq, "fiscal_year_end": fiscal_year_end, "start": start, "end": end, **options}
    checked = monthly_options("contract_schedule", given)
    terms = ContractTerms(contracts, prices, utilisation, checked)
    layouter = Layouter(terms.table, SHAPE, by)
    first, last = layouter.months()
    if any(segment.end is None for contract in terms.contracts for segment in contract.segments):
        check_end("contract_schedule", checked, "spot rental has no end of its own")
    ledger = Ledger(NAMES)
    for contract in terms.contracts:
        keep_contract(contract, ledger, 10**checked.minor_units, first, last)
    return layouter.build(ledger)
