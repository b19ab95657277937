"""Leases that a company pays for: liability, right of use and cost under ASC 842."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neocalc._lease_books import COMPOUNDING, NAMES, SHAPE, LeaseTerms, keep_lease
from neocalc._monthly import Layouter, Ledger, monthly_options
from neocalc._options import choice


def lease_schedule(
    leases: Any,
    *,
    payments: Any = None,
    compounding: str = "monthly",
    by: Sequence[str] | None = None,
    freq: str = "M",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    **options: Any,
) -> Any:
    """Schedule the liability, the right of use and the cost of leases, as a lessee books them.

    The liability at the close of each month is the present value of what is left to pay (ASC 842-20-35-1,
    35-3), exact and rounded half-even once; interest is the difference that makes it so, and the last balance
    is 0. The cost of an operating lease is level over its months (ASC 842-20-25-6); a finance lease has
    interest and level amortization of the right of use (ASC 842-20-25-5). Both have one liability.

    Parameters
    ----------
    leases
        One row per lease: ``lease_id``, ``commencement_date`` (its month is the first; in the future: not yet
        commenced), ``term_months``, and ``payment`` of a month unless `payments` has them. Optional columns,
        where null has the meaning in brackets: ``kind``, ``"operating"`` or ``"finance"`` (operating);
        ``payment_timing``, ``"advance"`` or ``"arrears"``, at the start or the end of a month (advance);
        ``escalation_rate``, by which the payment rises after every 12 months (0); ``discount_rate`` of a
        year; ``prepaid`` and ``initial_direct_costs``, which add to the right of use, and ``incentives``,
        which take from it (0); ``currency``. A lease taken over in mid-life has ``opening_liability`` at the
        close of the month of ``opening_date``, ``opening_right_of_use`` (as much) and no ``discount_rate``:
        the one is used at which what is left to pay is worth the liability.
    payments
        ``lease_id``, ``date``, ``amount``: the payments of leases that have no level ``payment``. They count
        as of the start or the end of their month.
    compounding
        ``"monthly"``: a month earns a twelfth of the annual rate; ``"annual"``: twelve months compound to it
        (the root is taken to twenty places).
    by
        ``None`` gives rows per lease and period; ``["kind", ...]`` totals by these columns.
    freq, fiscal_year_end, start, end
        As for `contract_schedule`.
    **options
        ``amounts``, ``minor_units`` and ``round_input``, as for `depreciate`.

    Returns
    -------
    DataFrame or Table
        ``lease_id`` or the keys, ``period_end``, ``opening_liability``, ``additions``, ``interest``,
        ``payment``, ``closing_liability`` (= opening + additions + interest - payment),
        ``opening_right_of_use``, ``right_of_use_additions`` (the liability, with what is prepaid and without
        incentives), ``amortization`` (negative where interest exceeds the level cost),
        ``closing_right_of_use``, ``lease_cost`` (= interest + amortization).

    Raises
    ------
    InputError
        With all problems of the data in ``issues``; ``no_root`` where less is left to pay than is owed.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> leases = pd.DataFrame({"lease_id": ["hall"], "commencement_date": ["2025-01-01"],
    ...     "term_months": [24], "payment": [1000.0], "discount_rate": [0.12], "payment_timing": ["arrears"]})
    >>> rows = nc.lease_schedule(leases)
    >>> rows[["additions", "interest", "payment", "closing_liability", "lease_cost"]].values[[0, -1]].tolist()
    [[21243.39, 212.43, 1000.0, 20455.82, 1000.0], [0.0, 9.9, 1000.0, 0.0, 1000.0]]
    """
    choice("compounding", compounding, COMPOUNDING)
    given = {"freq": freq, "fiscal_year_end": fiscal_year_end, "start": start, "end": end, **options}
    checked = monthly_options("lease_schedule", given)
    terms = LeaseTerms(leases, payments, compounding, checked)
    layouter = Layouter(terms.table, SHAPE, by)
    ledger = Ledger(NAMES)
    for lease in terms.leases:
        keep_lease(lease, ledger)
    return layouter.build(ledger)
