"""When loans fall due, and what they yield: ladders of principal, average lives, yields to maturity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neocalc import financial
from neocalc._columns import Array, rates
from neocalc._exact import add_up
from neocalc._frames import as_frame
from neocalc._groups import group_rows
from neocalc._loan_books import Books, group_loans, keep_books, loan_options, open_loans
from neocalc._loans import LoanColumns, check_by
from neocalc._options import int_between, to_days
from neocalc._output import beyond
from neocalc._side import NO_MINOR, Side
from neocalc._side_tables import money_out
from neocalc.errors import ConfigError, InputError, Issue

THEREAFTER = "thereafter"
_MOST = 100  # times the principal
_PRICE = "a share of the principal outstanding: 0.985 for 98.5 %"
_RESULT = ("bucket", "principal")


def principal_ladder(
    loans: Any,
    *,
    as_of: Any = None,
    by: Sequence[str] = (),
    buckets: int = 5,
    **options: Any,
) -> Any:
    """Future principal payments by year, as the note of a filing has them.

    Parameters
    ----------
    loans
        As for `amortize`; or a ladder as data, with the columns ``bucket`` and ``principal``, whose amounts
        go through unchanged and are summed by `by`.
    as_of
        A date. Payments after it count, what is paid on the day itself does not: the ladder is of the close
        of the day. Loans that begin later are left out, and so are draws after it: of later prepayments of
        their loans no more is taken than is owed without them.
    by
        Columns to sum by; ``["loan_id"]`` gives a ladder of each loan. ``currency``, where there is such a
        column, is always one of them.
    buckets
        How many years stand apart, the first being what is left of the year after `as_of`; the rest is
        ``thereafter``.
    **options
        Whatever `amortize` takes; ``fiscal_year_end`` says when years end.

    Returns
    -------
    DataFrame or Table
        The keys, ``currency`` where there is one, ``bucket`` (``"2026"``, ..., ``"thereafter"``) and
        ``principal``, prepayments that are planned among it. Every group has every bucket, and there is no
        row of totals. A ladder sums to the principal outstanding, and to interest that is yet to be
        capitalised.

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
    >>> loans = pd.DataFrame({"loan_id": ["term", "notes"], "principal": [1200.0, 2000.0],
    ...     "start_date": ["2025-03-31", "2025-05-15"], "maturity_date": ["2026-09-30", "2030-06-01"],
    ...     "annual_rate": [0.11, 0.0925], "profile": ["level_principal", "bullet"],
    ...     "frequency": ["quarterly", "semiannual"], "end_of_month": [True, False]})
    >>> nc.principal_ladder(loans, as_of="2025-06-30", buckets=2).values.tolist()
    [['2025', 400.0], ['2026', 600.0], ['thereafter', 2000.0]]
    """
    keys = check_by(list(by))
    for name in keys:
        if name in _RESULT:
            raise ConfigError(f"by={name!r} would stand beside the result's own {name!r}: rename the column")
    names = set(_names(loans))
    if {"bucket", "principal"} <= names and "start_date" not in names:
        return _given_ladder(loans, keys, options)
    if as_of is None:
        raise ConfigError("principal_ladder needs as_of, the day at whose close the ladder stands")
    day = to_days("as_of", as_of)
    number = int_between("buckets", buckets, 1, 100)
    year_end = int_between("fiscal_year_end", options.get("fiscal_year_end", 12), 1, 12)
    checked, beside = loan_options("principal_ladder", options, ("columns", "start", "end", "freq"))
    data = open_loans(loans, checked, beside)
    if "currency" in data.present and "currency" not in keys:
        keys.append("currency")
    groups = data.groups(keys)
    books = keep_books(data, measured=False, as_of=day)
    later = _on_the_books(books, day)
    codes, shown = group_loans(books, groups)
    first = _fiscal_year(np.array([day + 1]), year_end)[0]
    column = np.minimum(_fiscal_year(books["payment_date"][later], year_end) - first, number)
    at = np.searchsorted(shown, codes[books.loan[later]]) * (number + 1) + column
    sums = add_up(at, (books["principal"] + books["prepayment"])[later], len(shown) * (number + 1))
    labels = [str(first + n) for n in range(number)] + [THEREAFTER]
    columns = {
        name: data.frame.take(uniques, np.repeat(key[shown], number + 1))
        for name, uniques, key in zip(groups.names, groups.uniques, groups.keys, strict=True)
    }
    columns["bucket"] = data.frame.categorical(_bucket_codes(number + 1, len(shown)), labels)
    columns["principal"] = books.money(sums)
    return books.build(columns)


def _fiscal_year(days: Array, year_end: int) -> Array:
    """Return the year in which the fiscal year of each day ends."""
    months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return 1970 + (months + 12 - year_end) // 12


def _on_the_books(books: Books, day: int) -> Array:
    """Return which rows fall after a day, of loans that had begun by then."""
    paid = books["payment_date"]
    begun = np.zeros(books.data.n, dtype=bool)
    begun[books.loan[paid <= day]] = True
    return (paid > day) & begun[books.loan]


def _starts(books: Books) -> Array:
    """Return the day of each loan's first row."""
    first = np.zeros(books.data.n, dtype=np.int64)
    first[books.loan[::-1]] = books["payment_date"][::-1]  # the earliest is written last
    return first


def _names(data: Any) -> Sequence[Any]:
    try:
        return as_frame(data, "loan_id", "loans").names
    except InputError:
        return ()


def _given_ladder(data: Any, keys: list[str], options: dict[str, Any]) -> Any:
    """Sum a ladder that is data: buckets keep their names and their order."""
    checked, beside = loan_options("principal_ladder", options, ("columns", "start", "end", "freq"))
    if beside:
        raise ConfigError("a ladder as data stands alone: no frames beside it")
    side = Side(data, "ladder", ("bucket", "principal", *keys), checked, "bucket")
    frame = side.frame
    if "currency" in side.present and "currency" not in keys:
        keys.append("currency")
    amounts = side.read_money("principal")
    side.note("principal", "null", np.flatnonzero(amounts == NO_MINOR))
    codes, _, uniques = side.codes("bucket")
    side.note("bucket", "null", np.flatnonzero(codes < 0))
    if side.issues:
        raise InputError(side.issues, n_rows=side.n, subject="ladder")
    names = frame.uniques(uniques)
    order = list(dict.fromkeys(codes.tolist()))  # as they stand
    rank = np.zeros(len(names), dtype=np.int64)
    rank[order] = np.arange(len(order))
    groups = group_rows(side.codes, keys)
    own = np.zeros(side.n, dtype=np.int64) if groups.codes is None else groups.codes.astype(np.int64)
    own = np.where(own < 0, groups.n, own)
    shown = np.unique(own)
    at = np.searchsorted(shown, own) * len(order) + rank[codes]
    sums = add_up(at, amounts, len(shown) * len(order))
    if side.options.amounts == "minor":
        try:
            sums = sums.astype(np.int64)
        except OverflowError:
            raise InputError([beyond("ladder.principal")], n_rows=side.n, subject="ladder") from None
    columns = {
        name: frame.take(values, np.repeat(key[shown], len(order)))
        for name, values, key in zip(groups.names, groups.uniques, groups.keys, strict=True)
    }
    labels = [str(names[code]) for code in order]
    columns["bucket"] = frame.categorical(_bucket_codes(len(order), len(shown)), labels)
    columns["principal"] = money_out(side.frame, side.options, sums)
    return frame.build(columns)


def _bucket_codes(buckets: int, groups: int) -> Array:
    return np.tile(np.arange(buckets, dtype=np.int32), groups)


def weighted_average_life(
    loans: Any,
    *,
    as_of: Any = None,
    by: Sequence[str] | None = None,
    year_days: float = 365,
    **options: Any,
) -> Any:
    """Years until principal is repaid, on average, weighted with the principal.

    Parameters
    ----------
    loans
        As for `amortize`.
    as_of
        The day from which years count; payments after it count, those of later draws do not. ``None``: from
        the start of each loan.
    by
        ``None`` gives a row per loan, keys the average of a pool.
    year_days
        The days of a year: 365, 365.25 or 360.
    **options
        Whatever `amortize` takes.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` or the keys, and ``weighted_average_life_years``; null where nothing is left to be repaid.

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
    >>> loans = pd.DataFrame({"loan_id": ["A"], "principal": [1000.0], "start_date": ["2025-01-01"],
    ...     "term_months": [24], "annual_rate": [0.1], "profile": ["level_principal"],
    ...     "frequency": ["annual"]})
    >>> nc.weighted_average_life(loans).values.tolist()
    [['A', 1.5]]
    """
    day = None if as_of is None else to_days("as_of", as_of)
    if isinstance(year_days, bool) or year_days not in (360, 365, 365.25):
        raise ConfigError(f"year_days must be 360, 365 or 365.25, not {year_days!r}")
    keys = None if by is None else check_by(by)
    checked, beside = loan_options("weighted_average_life", options, ("columns", "start", "end", "freq"))
    data = open_loans(loans, checked, beside)
    groups = None if keys is None else data.groups(keys)
    books = keep_books(data, measured=False, as_of=day)
    paid = books["payment_date"].astype(np.int64)
    if day is None:
        days = paid - _starts(books)[books.loan]
        later = days > 0
    else:
        days, later = paid - day, _on_the_books(books, day)
    principal = (books["principal"] + books["prepayment"])[later]
    weighted, weight = _sums(principal, days[later], books.loan[later], data.n)
    if groups is None:
        shown = np.arange(data.n) if data.skip is None else np.flatnonzero(~data.skip)
        columns: dict[str, Any] = {"loan_id": books.ids(shown)}
        tops, bottoms = [weighted[at] for at in shown], [weight[at] for at in shown]
    else:
        codes, shown = group_loans(books, groups)
        columns = {
            name: data.frame.take(uniques, key[shown])
            for name, uniques, key in zip(groups.names, groups.uniques, groups.keys, strict=True)
        }
        tops, bottoms = [0] * (groups.n + 1), [0] * (groups.n + 1)
        for code, top, bottom in zip(codes.tolist(), weighted, weight, strict=True):
            tops[code] += top
            bottoms[code] += bottom
        tops, bottoms = [tops[at] for at in shown], [bottoms[at] for at in shown]
    # Whole numbers divided once, so that the order of loans decides nothing.
    scale = round(4 * year_days)
    years = [4 * top / (bottom * scale) if bottom else 0.0 for top, bottom in zip(tops, bottoms, strict=True)]
    null = np.array([not bottom for bottom in bottoms], dtype=bool)
    columns["weighted_average_life_years"] = _floats(books, np.array(years, dtype=np.float64), null)
    return books.build(columns)


def _floats(books: Books, values: Array, null: Array) -> Any:
    return books.data.frame.money_out(values, null if null.any() else None)


def _sums(amounts: Array, days: Array, loan: Array, n: int) -> tuple[list[int], list[int]]:
    """Return for each loan the exact sums of amount x day and of amounts."""
    high, low = amounts >> 26, amounts & (2**26 - 1)
    parts = []
    for values in (high * days, low * days, amounts):
        out = np.zeros(n, dtype=np.int64)
        np.add.at(out, loan, values)
        parts.append(out.tolist())
    return [(top << 26) + rest for top, rest in zip(parts[0], parts[1], strict=True)], parts[2]


def yield_to_maturity(
    loans: Any,
    *,
    price: Any = 1.0,
    as_of: Any = None,
    compounding_per_year: int | None = None,
    **options: Any,
) -> Any:
    """Yield of loans bought at a price and held to the end, by the dates on which they pay.

    Parameters
    ----------
    loans
        As for `amortize`.
    price
        The share of the principal outstanding that is paid, without accrued interest, which is paid on top: a
        number for all loans, or the name of a column.
    as_of
        The day of the purchase, at its close. ``None``: the start of each loan.
    compounding_per_year
        ``None`` gives the yield that compounds annually, as XIRR does (days over 365); 2, 4 or 12 the nominal
        yield that compounds so often.
    **options
        Whatever `amortize` takes. Premiums for prepayment are received; other fees, and hedges, have no part
        in the yield.

    Returns
    -------
    DataFrame or Table
        ``loan_id`` and ``yield_to_maturity``, null for loans with nothing left to pay.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``; ``no_root`` and ``several_roots`` among them.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> notes = pd.DataFrame({"loan_id": ["2030"], "principal": [1000.0], "start_date": ["2025-06-01"],
    ...     "maturity_date": ["2030-06-01"], "annual_rate": [0.0925], "profile": ["bullet"],
    ...     "frequency": ["semiannual"]})
    >>> bought = nc.yield_to_maturity(notes, price=0.98, compounding_per_year=2)
    >>> round(float(bought["yield_to_maturity"].iloc[0]), 4)
    0.0976
    """
    day = None if as_of is None else to_days("as_of", as_of)
    times = (
        None
        if compounding_per_year is None
        else int_between("compounding_per_year", compounding_per_year, 1, 365)
    )
    checked, beside = loan_options("yield_to_maturity", options, ("columns", "start", "end", "freq"))
    data = open_loans(loans, checked, beside)
    shares = _prices(data, price)
    books = keep_books(data, measured=False, observed_on=day)
    paid = books["payment_date"].astype(np.int64)
    if day is None:
        first = _starts(books)
        later = paid > first[books.loan]
    else:
        first = np.full(data.n, day, dtype=np.int64)
        later = _on_the_books(books, day)
    opening = paid <= first[books.loan]
    outstanding = np.zeros(data.n, dtype=np.int64)
    np.add.at(outstanding, books.loan[opening], _moved(books)[opening])
    flows = books["interest"] - books["hedge"] + books["premium"] - books["draw"]
    flows += books["principal"] + books["prepayment"]
    bought = -shares * outstanding
    if day is not None:
        bought -= _accrued(books, day)
    holds = np.flatnonzero(outstanding > 0)
    kept = later & (outstanding > 0)[books.loan]
    stream = np.concatenate([holds, books.loan[kept]])
    order = np.argsort(stream, kind="stable")
    dates = np.concatenate([first[holds], paid[kept]])[order].astype("M8[D]")
    amounts = np.concatenate([bought[holds], flows[kept].astype(np.float64)])[order]
    found = np.full(data.n, np.nan)
    if len(holds):
        found[holds] = financial.xirr(amounts, dates, stream=stream[order])
    if times is not None:
        found = times * np.expm1(np.log1p(found) / times)
    shown = np.arange(data.n) if data.skip is None else np.flatnonzero(~data.skip)
    none = np.isnan(found[shown])
    yields = _floats(books, np.where(none, 0.0, found[shown]), none)
    return books.build({"loan_id": books.ids(shown), "yield_to_maturity": yields})


def _moved(books: Books) -> Array:
    """Return what each row adds to the principal outstanding."""
    return books["draw"] + books["pik"] - books["principal"] - books["prepayment"]


def _accrued(books: Books, day: int) -> Array:
    """Return interest that has accrued by the contract up to the close of a day and is not paid yet."""
    owed = np.zeros(books.data.n, dtype=np.int64)
    earned = books["accrued_to"] <= day
    np.add.at(owed, books.loan[earned], books["contractual_interest"][earned])
    settled = books["payment_date"] <= day
    paid = books["interest"] - books["hedge"] + books["pik"]
    np.subtract.at(owed, books.loan[settled], paid[settled])
    return owed


def _prices(data: LoanColumns, price: Any) -> Array:
    """Return the price of each loan; rows of a column that have none are problems of the book."""
    if isinstance(price, str):
        found = (
            rates(data.frame.raw(price), price, data.problems, nan_is_null=True) if data.has(price) else None
        )
        if found is None:  # no such column, or none of numbers
            raise InputError(data.problems.issues, n_rows=data.n, subject=data.subject)
        values, null = found
        null = np.isnan(values) if null is None else null | np.isnan(values)
        data.problems.rows(price, "null", np.flatnonzero(null), data.n, lambda _: "null")
        wrong = ~null & ~((values > 0) & (values < _MOST))
        data.problems.rows(price, "range", np.flatnonzero(wrong), data.n, values.item, _PRICE)
        return np.where(null | wrong, 1.0, values)
    if not isinstance(price, (int, float, np.integer, np.floating)) or isinstance(price, bool):
        raise ConfigError(f"price must be a share of principal such as 0.985, or a column, not {price!r}")
    if not 0 < price < _MOST:
        raise InputError(
            [Issue.make("price", "range", example=str(price), hint=_PRICE)],
            n_rows=data.n,
            subject=data.subject,
        )
    return np.full(data.n, float(price))
