"""Depreciation as spreadsheets have it: SLN, SYD, DB, DDB and VDB."""

from __future__ import annotations

from typing import Any

from neocalc.financial._arguments import evaluate

_AMOUNTS = {"cost": "0 or more", "salvage": "0 or more"}
_LIFE = {"life": "above 0, and long enough for a charge below 1e308"}
_PERIOD = {"period": "above 0 and at most the life"}
_FACTOR = {"factor": "above 0"}


def sln(cost: Any, salvage: Any, life: Any) -> Any:
    """Straight line: what each period is charged.

    Parameters
    ----------
    cost
        What was paid, 0 or more.
    salvage
        The value at the end of the life, 0 or more. Above the cost, charges are negative, as in Excel.
    life
        Number of periods, above 0.

    Returns
    -------
    float, ndarray or Series
        (cost - salvage) / life.

    Raises
    ------
    InputError
        With every argument and row that is no number, missing, not finite or out of its range.
    ConfigError
        For shapes that do not broadcast and Series whose indexes differ.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.sln(30_000, 7_500, 10)
    2250.0
    """
    return evaluate("sln", {"cost": cost, "salvage": salvage, "life": life}, _AMOUNTS | _LIFE)


def syd(cost: Any, salvage: Any, life: Any, period: Any) -> Any:
    """Sum of the years' digits: what one period is charged.

    Parameters
    ----------
    cost, salvage, life
        As for `sln`.
    period
        Which period, above 0 and at most `life`. Fractions count as they are, as in Excel.

    Returns
    -------
    float, ndarray or Series
        (cost - salvage) x (life - period + 1) x 2 / (life x (life + 1)).

    Raises
    ------
    InputError, ConfigError
        As for `sln`.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.syd(30_000, 7_500, 10, [1, 10]).round(2).tolist()
    [4090.91, 409.09]
    """
    arguments = {"cost": cost, "salvage": salvage, "life": life, "period": period}
    return evaluate("syd", arguments, _AMOUNTS | _LIFE | _PERIOD)


def db(cost: Any, salvage: Any, life: Any, period: Any, month: Any = 12) -> Any:
    """Fixed declining balance: what one period is charged, at a rate of three decimals.

    Parameters
    ----------
    cost, salvage, life
        As for `sln`; with a salvage at or above the cost, charges are 0.
    period
        Which period, above 0; the fraction is dropped, but what lies within the first is the first. At most
        `life`, or one more where `month` is below 12: the broken year that is left.
    month
        Months of the first year, 1 to 12; the fraction is dropped.

    Returns
    -------
    float, ndarray or Series
        The book value x rate, where rate = ROUND(1 - (salvage / cost) ^ (1 / life), 3); month / 12 of it in
        the first year, (12 - month) / 12 in the one after the life.

    Raises
    ------
    InputError, ConfigError
        As for `sln`.

    Notes
    -----
    The rate is rounded, so the charges of a life do not sum to cost - salvage.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.db(1_000_000, 100_000, 6, [1, 2, 7], 7).round(2).tolist()
    [186083.33, 259639.42, 15845.1]
    """
    arguments = {"cost": cost, "salvage": salvage, "life": life, "period": period, "month": month}
    ranges = {
        "period": "above 0 and at most the life; one more where month is below 12",
        "month": "1 to 12",
    }
    return evaluate("db", arguments, _AMOUNTS | _LIFE | ranges)


def ddb(cost: Any, salvage: Any, life: Any, period: Any, factor: Any = 2) -> Any:
    """Double declining balance: what one period is charged, never below the salvage value.

    Parameters
    ----------
    cost, salvage, life
        As for `sln`; with a salvage at or above the cost, charges are 0.
    period
        Which period, above 0 and at most `life`. What lies within the first is the first; later fractions are
        exponents, as in Excel.
    factor
        How many times the straight-line rate is charged, above 0.

    Returns
    -------
    float, ndarray or Series
        The smaller of book value x factor / life and book value - salvage, where the book value is
        cost x (1 - factor / life) ^ (period - 1).

    Raises
    ------
    InputError, ConfigError
        As for `sln`.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.ddb(2400, 300, 10, [1, 2, 10]).round(2).tolist()
    [480.0, 384.0, 22.12]
    """
    arguments = {"cost": cost, "salvage": salvage, "life": life, "period": period, "factor": factor}
    return evaluate("ddb", arguments, _AMOUNTS | _LIFE | _PERIOD | _FACTOR)


def vdb(
    cost: Any,
    salvage: Any,
    life: Any,
    start_period: Any,
    end_period: Any,
    factor: Any = 2,
    no_switch: Any = False,
) -> Any:
    """Variable declining balance: what is charged from one point of the life to another.

    Parameters
    ----------
    cost, salvage, life
        As for `sln`; with a salvage at or above the cost, charges are 0.
    start_period, end_period
        Periods passed at the start and at the end, 0 to `life`; fractions are shares of a period's charge.
    factor
        How many times the straight-line rate is charged, above 0.
    no_switch
        False goes over to the straight line over what is left once that charges more, True never does.

    Returns
    -------
    float, ndarray or Series
        The charges between the two points.

    Raises
    ------
    InputError, ConfigError
        As for `sln`; also for a span that begins with the end of the life, unless `no_switch`.

    Notes
    -----
    As in Excel, a call that may switch counts its whole periods from the fraction of `start_period`: the
    half-year tables of the IRS come from ``vdb(cost, 0, 5, max(0, year - 1.5), min(5, year - 0.5))``. Spans
    sum to the charge of the whole life if all later ones start with the same fraction.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.vdb(2400, 300, 10, 0, 0.875, 1.5)
    315.0
    >>> starts, ends = [0, 0.5, 1.5, 2.5, 3.5, 4.5], [0.5, 1.5, 2.5, 3.5, 4.5, 5]
    >>> financial.vdb(100, 0, 5, starts, ends).round(2).tolist()  # IRS Publication 946, table A-1, 5 years
    [20.0, 32.0, 19.2, 11.52, 11.52, 5.76]
    """
    arguments = {
        "cost": cost,
        "salvage": salvage,
        "life": life,
        "start_period": start_period,
        "end_period": end_period,
        "factor": factor,
        "no_switch": no_switch,
    }
    ranges = {
        "start_period": "0 to the life, and below it unless no_switch",
        "end_period": "start_period to the life",
        "no_switch": "True or False",
    }
    return evaluate("vdb", arguments, _AMOUNTS | _LIFE | _FACTOR | ranges, frozenset({"no_switch"}))
