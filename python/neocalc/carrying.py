"""What a borrower books for loans: carrying amounts by effective interest, and interest expense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._groups import Groups
from neocalc._loan_books import (
    Books,
    cells,
    dates_for,
    keep_books,
    loan_options,
    loans_as_groups,
    open_loans,
)
from neocalc._loans import check_by
from neocalc._options import FREQS, choice, int_between, to_days
from neocalc.errors import ConfigError

_REPAID = ("principal", "prepayment")
_CARRYING = (
    "opening_carrying_amount",
    "closing_carrying_amount",
    "contractual_interest",
    "effective_interest",
)
_CARRYING_MORE = ("proceeds", "amortization", "unamortized", "commitment_cost", "effective_rate")
_EXPENSE = ("contractual_interest", "amortization", "hedge", "capitalized_interest", "interest_expense")
_PORTION = ("current_portion", "non_current_portion", "carrying_amount", "unamortized")


def _keys(by: Any, result: Sequence[str]) -> list[str]:
    keys = check_by(by)
    for name in keys:
        if name in result:
            raise ConfigError(f"by={name!r} would stand beside the result's own {name!r}: rename the column")
    return keys


def _horizon(given: dict[str, Any]) -> tuple[int | None, int | None]:
    start, end = given.pop("start", None), given.pop("end", None)
    return (
        None if start is None else to_days("start", start),
        None if end is None else to_days("end", end),
    )


def _periods(given: dict[str, Any], freq: str) -> tuple[str, int]:
    choice("freq", freq, FREQS)
    return freq, int_between("fiscal_year_end", given.get("fiscal_year_end", 12), 1, 12)


def _carrying(books: Books) -> dict[str, Array]:
    """Return the rows of the books as they roll the carrying amount forward."""
    closing = books["closing_balance"] - books["unamortized"]
    amortization = books["amortization"]
    proceeds = books["draw"] - books["discount"]
    pik, principal, prepayment = (books[name] for name in ("pik", *_REPAID))
    return {
        "opening_carrying_amount": closing - proceeds - amortization - pik + principal + prepayment,
        "proceeds": proceeds,
        "contractual_interest": books["contractual_interest"],
        "amortization": amortization,
        "effective_interest": books["contractual_interest"] + amortization,
        "pik": pik,
        "principal": principal,
        "prepayment": prepayment,
        "closing_carrying_amount": closing,
        "unamortized": books["unamortized"],
        "commitment_cost": books["commitment_cost"],
    }


def carrying_amount(
    loans: Any,
    *,
    by: Sequence[str] | None = None,
    freq: str | None = None,
    **options: Any,
) -> Any:
    """Carry loans at amortised cost by the effective interest method.

    What a borrower receives less than it owes (original issue discount, fees to lenders, costs of the issue)
    is written off so that the carrying amount earns one rate (ASC 835-30-35-2; IFRS 9, Appendix A). That
    rate is a float root; each settlement is rounded half-even, and the last writes off the rest. Costs of a
    commitment are an asset until a draw takes its share of them with it; what no draw has taken by
    ``draw_end_date`` is expensed.

    A draw with terms of its own is an instrument of its own, as each note and each term loan is: recognised
    when it is drawn, with the discount at which it was issued and its share of the costs, and with an
    effective rate of its own. Amounts of the facility are the sums of those of its draws.

    Parameters
    ----------
    loans
        As for `amortize`, with the optional columns ``issue_price`` (the share of face that is received),
        ``upfront_fee`` and ``issue_costs`` (amounts for the whole principal or commitment),
        ``draw_end_date``.
    by
        ``None`` gives rows per loan; ``["facility_id", ...]`` totals by these columns, ``[]`` one total.
    freq
        ``None`` shows the days on which something moves, ``"M"``, ``"Q"`` or ``"Y"`` periods (totals: ``"Q"``
        unless given).
    **options
        Whatever `amortize` takes: ``rates``, ``rate_steps``, ``hedges`` and other frames beside the loans,
        ``fiscal_year_end``, ``start``, ``end``, ``amounts``, ``minor_units``, ``holidays``, ``threads`` and
        so on. Books are kept in whole minor units.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` or the keys; ``payment_number`` and ``payment_date``, or ``period_end``; in rows also
        ``draw_number`` where draws have terms of their own, each shown apart, 0 the loan itself;
        ``opening_carrying_amount``; ``proceeds`` (drawn less discount and costs); ``contractual_interest``;
        ``amortization`` (of discount and costs; negative for a premium); ``effective_interest``, their sum;
        ``pik``, ``principal`` and ``prepayment``; ``closing_carrying_amount`` = opening + proceeds +
        amortization + pik - principal - prepayment, which leaves interest accrued since the last payment to
        its own line; ``unamortized``, the face less that; ``commitment_cost``, the asset. Rows per loan and
        payment also have ``effective_rate``: of a year, by the loan's own day count, compounding with its
        payments. Where the index floats, the rate of the contract moves and the spread over it is what is
        constant (IFRS 9 B5.4.5); a rate that steps up as agreed is levelled.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``; ``no_root`` where no rate earns what is not received.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> loans = pd.DataFrame({"loan_id": ["A"], "principal": [1000.0], "start_date": ["2025-01-01"],
    ...     "term_months": [24], "annual_rate": [0.0], "profile": ["bullet"], "frequency": ["annual"],
    ...     "issue_price": [0.98]})
    >>> rows = nc.carrying_amount(loans)
    >>> rows[["opening_carrying_amount", "amortization", "closing_carrying_amount"]].values.tolist()
    [[0.0, 0.0, 980.0], [980.0, 9.95, 989.95], [989.95, 10.05, 0.0]]
    >>> round(float(rows["effective_rate"].iloc[1]), 6)  # 980 (1 + r)^2 = 1000
    0.010153
    """
    given = dict(options)
    horizon = _horizon(given)
    keys = None if by is None else _keys(by, (*_CARRYING, *_CARRYING_MORE))
    if freq is None and keys is not None:
        freq = "Q"
    chosen = None if freq is None else _periods(given, freq)
    if chosen is not None:
        given["freq"] = chosen[0]
    checked, beside = loan_options("carrying_amount", given, ("columns", "start", "end"))
    data = open_loans(loans, checked, beside)
    groups = None if keys is None else data.groups(keys)
    books = keep_books(data, measured=True, observed=chosen is not None)
    if chosen is None:
        return _carrying_rows(books, horizon)
    if groups is None:
        return _carrying_by_loan(books, chosen, horizon)
    return _carrying_cells(books, groups, chosen, horizon)


def _carrying_rows(books: Books, horizon: tuple[int | None, int | None]) -> Any:
    day = books["payment_date"]
    kept = np.ones(len(day), dtype=bool)
    if horizon[0] is not None:
        kept &= day >= horizon[0]
    if horizon[1] is not None:
        kept &= day <= horizon[1]
    # Draws with terms of their own are instruments of their own, shown one after the other.
    apart = bool(books["draw_number"].any())
    order = np.lexsort((books["draw_number"], books.loan)) if apart else np.arange(len(day))
    books = books.where(order[kept[order]])
    frame = books.data.frame
    columns: dict[str, Any] = {"loan_id": books.ids()}
    if apart:
        columns["draw_number"] = books["draw_number"]
    columns["payment_number"] = books["payment_number"]
    columns["payment_date"] = frame.dates_out(dates_for(books.data, books["payment_date"]))
    for name, values in _carrying(books).items():
        columns[name] = books.money(values)
    columns["effective_rate"] = books["effective_rate"]
    return books.build(columns)


def _carrying_by_loan(books: Books, chosen: tuple[str, int], horizon: tuple[int | None, int | None]) -> Any:
    laid = cells(books, loans_as_groups(books), books["accrued_to"], *chosen, horizon)
    columns: dict[str, Any] = {"loan_id": books.ids(np.repeat(laid.shown, len(laid.ends)))}
    columns["period_end"] = books.data.frame.dates_out(laid.dates())
    for name, values in _carrying_money(books, laid).items():
        columns[name] = books.money(values)
    return books.build(columns)


def _carrying_cells(
    books: Books, groups: Groups, chosen: tuple[str, int], horizon: tuple[int | None, int | None]
) -> Any:
    laid = cells(books, groups, books["accrued_to"], *chosen, horizon)
    return laid.frame(_carrying_money(books, laid))


def _carrying_money(books: Books, laid: Any) -> dict[str, Array]:
    rows = _carrying(books)
    moved = rows["closing_carrying_amount"] - rows["opening_carrying_amount"]
    opening, closing = laid.balance(moved)
    money = {"opening_carrying_amount": opening}
    for name in ("proceeds", "contractual_interest", "amortization", "effective_interest", "pik", *_REPAID):
        money[name] = laid.flow(rows[name])
    money["closing_carrying_amount"] = closing
    money["unamortized"] = laid.balance(books["discount"] - books["amortization"])[1]
    money["commitment_cost"] = laid.balance(_changes(books, "commitment_cost"))[1]
    return money


def _changes(books: Books, name: str) -> Array:
    """Return how a balance changes from row to row of a loan, or of a draw that is one."""
    order = np.lexsort((books["draw_number"], books.loan))
    values, loan, draw = (part[order] for part in (books[name], books.loan, books["draw_number"]))
    before = np.concatenate([[0], values[:-1]]).astype(np.int64)
    first = np.ones(len(values), dtype=bool)
    first[1:] = (loan[1:] != loan[:-1]) | (draw[1:] != draw[:-1])
    changes = np.empty(len(values), dtype=np.int64)
    changes[order] = values - np.where(first, 0, before)
    return changes


def interest_expense(
    loans: Any,
    *,
    by: Sequence[str] | None = None,
    freq: str = "Q",
    capitalization: Any = None,
    **options: Any,
) -> Any:
    """Interest as it is expensed, period by period: what accrues, not what is paid.

    Contractual interest is what accrues exactly up to the end of each period, rounded there; amortization is
    of discount and costs by effective interest (`carrying_amount`). While the asset that a loan pays for is
    under construction, its interest cost becomes part of the asset (ASC 835-20, IAS 23).

    Parameters
    ----------
    loans
        As for `carrying_amount`. ``construction_start_date`` and ``construction_end_date`` (the first day in
        service) say when all interest cost of a loan is capitalised.
    by, freq
        ``None`` gives a row per loan and period, keys totals. Periods are ``"M"``, ``"Q"`` or ``"Y"``.
    capitalization
        Instead of these columns: a frame of ``loan_id, from_date, share`` (the share of interest cost that is
        capitalised from a day on, until the next).
    **options
        As for `carrying_amount`.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` or the keys, ``period_end``, ``contractual_interest``, ``amortization`` (of discount and
        cost, with commitment cost that is expensed), with ``hedges`` the net ``hedge`` cost settled in the
        period (negative: received), ``capitalized_interest``, and ``interest_expense`` = contractual +
        amortization + hedge - capitalized.

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
    >>> loans = pd.DataFrame({"loan_id": ["A"], "principal": [1200.0], "start_date": ["2025-01-01"],
    ...     "term_months": [12], "annual_rate": [0.10], "profile": ["bullet"], "frequency": ["semiannual"],
    ...     "construction_end_date": ["2025-04-01"]})
    >>> expense = nc.interest_expense(loans, freq="Q", by=[], end="2025-12-31")
    >>> expense[["contractual_interest", "capitalized_interest", "interest_expense"]].values.tolist()[:2]
    [[30.0, 30.0, 0.0], [29.67, 0.0, 29.67]]
    """
    given = dict(options)
    horizon = _horizon(given)
    keys = None if by is None else _keys(by, _EXPENSE)
    chosen = _periods(given, freq)
    given["freq"] = chosen[0]
    checked, beside = loan_options("interest_expense", given, ("columns", "start", "end"))
    data = open_loans(loans, checked, {**beside, "capitalization": capitalization})
    groups = None if keys is None else data.groups(keys)
    books = keep_books(data, measured=True, observed=True)
    laid = cells(books, groups or loans_as_groups(books), books["accrued_to"], *chosen, horizon)
    money = {
        "contractual_interest": laid.flow(books["contractual_interest"]),
        "amortization": laid.flow(books["amortization"] + books["commitment_cost_expensed"]),
        "hedge": laid.flow(books["hedge"]),
        "capitalized_interest": laid.flow(books["capitalized_interest"]),
    }
    money["interest_expense"] = (
        money["contractual_interest"] + money["amortization"] + money["hedge"] - money["capitalized_interest"]
    )
    if beside.get("hedges") is None:
        del money["hedge"]
    if groups is not None:
        return laid.frame(money)
    columns: dict[str, Any] = {"loan_id": books.ids(np.repeat(laid.shown, len(laid.ends)))}
    columns["period_end"] = data.frame.dates_out(laid.dates())
    return books.build({**columns, **{name: books.money(values) for name, values in money.items()}})


def current_portion(
    loans: Any,
    *,
    as_of: Any,
    by: Sequence[str] | None = None,
    **options: Any,
) -> Any:
    """Split the carrying amount of loans into what falls due within twelve months and the rest.

    The current portion is what the carrying amount falls by within the twelve months after `as_of`, at the
    close of that day: principal due, less what is written off on the way. It is of what is on the books then:
    later draws are left out, and so is what they would have repaid, or changed of the effective rate.

    Parameters
    ----------
    loans
        As for `carrying_amount`.
    as_of
        A date; amounts are those of its close.
    by
        ``None`` gives a row per loan, keys totals.
    **options
        As for `carrying_amount`.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` or the keys, ``current_portion``, ``non_current_portion``, ``carrying_amount``, their
        sum, and ``unamortized``.

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
    >>> loans = pd.DataFrame({"loan_id": ["A"], "principal": [2400.0], "start_date": ["2025-01-31"],
    ...     "term_months": [24], "annual_rate": [0.09], "profile": ["level_principal"],
    ...     "end_of_month": [True]})
    >>> nc.current_portion(loans, as_of="2025-06-30").values.tolist()
    [['A', 1200.0, 700.0, 1900.0, 0.0]]
    """
    day = to_days("as_of", as_of)
    keys = None if by is None else _keys(by, _PORTION)
    checked, beside = loan_options("current_portion", options, ("columns", "start", "end", "freq"))
    data = open_loans(loans, checked, beside)
    groups = None if keys is None else data.groups(keys)
    books = keep_books(data, measured=True, as_of=day)
    year = _in_a_year(day)
    rows = _carrying(books)
    moved = rows["closing_carrying_amount"] - rows["opening_carrying_amount"]
    paid = books["payment_date"]
    now, then = (np.where(paid <= until, moved, 0) for until in (day, year))
    left = np.where(paid <= day, books["discount"] - books["amortization"], 0)
    laid = cells(books, groups or loans_as_groups(books), paid, "Y", 12, (None, None))
    sums = [laid.sum(values).sum(axis=1) for values in (now, then, left)]
    money = {
        "current_portion": sums[0] - sums[1],
        "non_current_portion": sums[1],
        "carrying_amount": sums[0],
        "unamortized": sums[2],
    }
    columns: dict[str, Any] = {"loan_id": books.ids(laid.shown)} if groups is None else laid.keys(1)
    return books.build({**columns, **{name: books.money(values) for name, values in money.items()}})


def _in_a_year(day: int) -> int:
    """Return the same day a year later; the last of February stays the last."""
    date = np.datetime64(day, "D")
    month = date.astype("M8[M]")
    of_month = int((date - month.astype("M8[D]")).astype(int))
    following = (month + 12).astype("M8[D]")
    last = int(((month + 13).astype("M8[D]") - following).astype(int)) - 1
    ends = of_month == int(((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(int)) - 1
    return int((following + (last if ends else min(of_month, last))).astype(np.int64))
