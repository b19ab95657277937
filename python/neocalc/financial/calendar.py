"""Spans between dates as Excel counts them; the day counts of ISDA and ICMA are others, whatever the name."""

from __future__ import annotations

from typing import Any

from neocalc.financial._arguments import evaluate

_DATES = frozenset({"start_date", "end_date"})


def yearfrac(start_date: Any, end_date: Any, basis: Any = 0) -> Any:
    """Years between two dates, as Excel's YEARFRAC counts them.

    Parameters
    ----------
    start_date, end_date
        Dates in any order: `datetime.date`, ``YYYY-MM-DD``, numpy datetime64, date columns of pandas and
        polars.
    basis
        0: months of 30 days as in the United States, over 360. 1: days over the average length of the years
        touched. 2: days over 360. 3: days over 365. 4: months of 30 days as in Europe, over 360. The fraction
        is dropped.

    Returns
    -------
    float, ndarray or Series
        Years, 0 or more.

    Raises
    ------
    InputError
        With every argument and row that is wrong; dates lie between 1900 and 2199 and have no time and no
        zone.
    ConfigError
        As for `pmt`.

    Notes
    -----
    Basis 1 is not ACT/ACT of ISDA: where the dates are at most a year apart it divides by 366 if a 29
    February lies between them, else by the average length of all calendar years touched. In basis 0, the last
    day of February counts as the 30th of a start, and of an end only beside such a start; an end on the 31st
    stays one after such a start.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.yearfrac("2012-01-01", "2012-07-30", [0, 1, 3]).round(8).tolist()
    [0.58055556, 0.57650273, 0.57808219]
    """
    arguments = {"start_date": start_date, "end_date": end_date, "basis": basis}
    return evaluate("yearfrac", arguments, {"basis": "0 to 4"}, dates=_DATES)


def days360(start_date: Any, end_date: Any, method: Any = False) -> Any:
    """Days between two dates in a year of twelve months of 30 days.

    Parameters
    ----------
    start_date, end_date
        As for `yearfrac`.
    method
        False for the method of the United States: the last day of a start's month is its 30th, and an end on
        the 31st is the 30th beside such a start, else the first of the next month. True for the European:
        every 31st is a 30th.

    Returns
    -------
    float, ndarray or Series
        Days, below 0 where the end comes first.

    Raises
    ------
    InputError, ConfigError
        As for `yearfrac`.

    Notes
    -----
    As Excel computes, not as its page says: the last day of February as an end stays what it is.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.days360("2011-01-30", "2011-02-01"), financial.days360("2024-02-29", "2025-02-28")
    (1.0, 358.0)
    """
    arguments = {"start_date": start_date, "end_date": end_date, "method": method}
    return evaluate("days360", arguments, {}, frozenset({"method"}), dates=_DATES)
