"""Cash flows as spreadsheets have them: NPV, IRR, MIRR, XNPV and XIRR, of one stream or of many at once."""

from __future__ import annotations

from typing import Any

from neocalc._columns import Array
from neocalc.financial._streams import evaluate_streams, roots

_RATE = {"rate": "above -1 (-100 %), and such that the result stays below 1e308"}
_GUESS = {"guess": "above -1 (-100 %)"}


def npv(rate: Any, values: Any, *, first_period: Any = 0, stream: Any = None) -> Any:
    """Net present value of flows that are a period apart.

    Parameters
    ----------
    rate
        Interest of a period, above -1; several rates for one stream give several values, as for a chart.
    values
        The flows, received positive: a list, array or Series is one stream, a table has one in each row.
    first_period
        How many periods the first flow is away: 0 for now, as in numpy-financial; 1 as in Excel, whose NPV
        takes the first flow to come at the end of the first period.
    stream
        A key for each flow, where `values` holds the flows of many streams.

    Returns
    -------
    float, ndarray or Series
        The sum of value_k / (1 + rate)^(k + first_period), of each stream in the order of the keys; a Series,
        indexed by the keys in pandas, where `stream` is one.

    Raises
    ------
    InputError
        With every argument, flow and stream that is wrong: `empty` for one without flows.
    ConfigError
        For shapes that do not go together.

    Examples
    --------
    >>> from neocalc import financial
    >>> flows = [-10_000, 3_000, 4_200, 6_800]
    >>> round(financial.npv(0.1, flows), 2), round(financial.npv(0.1, flows, first_period=1), 2)  # now, Excel
    (1307.29, 1188.44)
    """
    arguments = {"rate": rate, "first_period": first_period}
    return evaluate_streams("npv", values, arguments, _RATE, stream=stream)


def irr(values: Any, guess: Any = 0.1, *, stream: Any = None, several: str = "warn") -> Any:
    """Internal rate of return of flows that are a period apart.

    Parameters
    ----------
    values, stream
        As for `npv`.
    guess
        Above -1. It decides only which of several rates is given: the one nearest to it. One for all, or one
        for each stream.
    several
        ``"warn"`` with a `NeocalcWarning` where flows have several rates, take the ``"nearest"`` to the guess
        without a word, or ``"raise"``. Flows that change sign once have one.

    Returns
    -------
    float, ndarray or Series
        The rate of a period at which `npv` is 0, above -1; of each stream as for `npv`.

    Raises
    ------
    InputError, ConfigError
        As for `npv`; `all_zero`, `no_sign_change`, `no_root` for flows without a rate, which say where they
        came nearest, and with ``several="raise"`` `several_roots`, which lists them.

    Notes
    -----
    Excel and numpy-financial read a table otherwise: the former as one stream row by row (pass
    ``values.ravel()``), the latter not at all. Excel leaves empty cells out; here a null is an error, since
    it would move all later flows.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.irr([-70_000, 12_000, 15_000, 18_000, 21_000, 26_000]), 4)
    0.0866
    >>> financial.irr([-100, 110, -200, 230], stream=["a", "a", "b", "b"]).round(4).tolist()
    [0.1, 0.15]
    """
    return evaluate_streams("irr", values, {"guess": guess}, _GUESS, stream=stream, several=several)


def mirr(values: Any, finance_rate: Any, reinvest_rate: Any, *, stream: Any = None) -> Any:
    """Modified internal rate of return: what is paid is financed, what is received reinvested.

    Parameters
    ----------
    values, stream
        As for `npv`.
    finance_rate
        Rate at which what is paid is discounted to the first flow; any but -1.
    reinvest_rate
        Rate at which what is received grows until the last flow.

    Returns
    -------
    float, ndarray or Series
        (received, at the end / paid, at the start)^(1 / (n - 1)) - 1, of each stream as for `npv`.

    Raises
    ------
    InputError, ConfigError
        As for `irr`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.mirr([-120_000, 39_000, 30_000, 21_000, 37_000, 46_000], 0.10, 0.12), 4)
    0.1261
    """
    ranges = {
        "finance_rate": "any number but -1, such that the values stay below 1e308",
        "reinvest_rate": "any number such that the values stay below 1e308",
    }
    arguments = {"finance_rate": finance_rate, "reinvest_rate": reinvest_rate}
    return evaluate_streams("mirr", values, arguments, ranges, stream=stream)


def xnpv(rate: Any, values: Any, dates: Any, *, stream: Any = None, basis: Any = 3) -> Any:
    """Net present value of dated flows at their earliest date.

    Parameters
    ----------
    rate
        Annual rate, above -1; as for `npv`.
    values, stream
        As for `npv`.
    dates
        A date for each flow, in any order: a list, numpy datetime64, a date column of pandas or polars. Rows
        of a table may share one list of dates. Excel wants the earliest first.
    basis
        How years are counted from the earliest date: that of `yearfrac`. Excel's XNPV and XIRR know only 3,
        days / 365.

    Returns
    -------
    float, ndarray or Series
        The sum of value / (1 + rate)^years, of each stream as for `npv`.

    Raises
    ------
    InputError, ConfigError
        As for `npv`; dates lie between 1900 and 2199 and have no time and no zone.

    Examples
    --------
    >>> from neocalc import financial
    >>> dates = ["2008-01-01", "2008-03-01", "2008-10-30", "2009-02-15", "2009-04-01"]
    >>> round(financial.xnpv(0.09, [-10_000, 2_750, 4_250, 3_250, 2_750], dates), 2)
    2086.65
    """
    return evaluate_streams("xnpv", values, {"rate": rate}, _RATE, dates=dates, basis=basis, stream=stream)


def xirr(
    values: Any, dates: Any, guess: Any = 0.1, *, stream: Any = None, basis: Any = 3, several: str = "warn"
) -> Any:
    """Internal rate of return of dated flows, of one stream or of a hundred thousand in one call.

    Parameters
    ----------
    values, dates, stream, basis
        As for `xnpv`.
    guess, several
        As for `irr`.

    Returns
    -------
    float, ndarray or Series
        The annual rate at which `xnpv` is 0, above -1; of each stream as for `npv`.

    Raises
    ------
    InputError, ConfigError
        As for `irr` and `xnpv`.

    Examples
    --------
    >>> import pandas as pd
    >>> from neocalc import financial
    >>> flows = pd.DataFrame({
    ...     "loan": ["a", "b", "a", "b"],
    ...     "date": ["2025-01-01", "2025-01-01", "2026-01-01", "2027-01-01"],
    ...     "amount": [-100.0, -100.0, 110.0, 121.0],
    ... })
    >>> financial.xirr(flows["amount"], flows["date"], stream=flows["loan"]).round(6)
    loan
    a    0.1
    b    0.1
    Name: xirr, dtype: float64
    """
    return evaluate_streams(
        "xirr", values, {"guess": guess}, _GUESS, dates=dates, basis=basis, stream=stream, several=several
    )


def irr_roots(values: Any, dates: Any = None, *, basis: Any = 3) -> Array:
    """All internal rates of return of one stream.

    Parameters
    ----------
    values
        The flows of one stream.
    dates
        Their dates; without, they are a period apart.
    basis
        As for `xnpv`.

    Returns
    -------
    ndarray
        Every rate above -1 at which the flows are worth nothing, ascending. Two that float64 cannot tell
        apart are one.

    Raises
    ------
    InputError, ConfigError
        As for `irr`.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.irr_roots([-1000, 2300, -1320]).round(6).tolist()
    [0.1, 0.2]
    """
    return roots("irr_roots", values, dates, basis)
