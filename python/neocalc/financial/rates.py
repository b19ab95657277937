"""Annual rates with and without compounding within the year."""

from __future__ import annotations

from typing import Any

from neocalc.financial._arguments import evaluate

_NPERY = {"npery": "1 or more"}


def effect(nominal_rate: Any, npery: Any) -> Any:
    """Effective annual rate of a nominal one that is compounded several times a year.

    Parameters
    ----------
    nominal_rate
        Annual rate, above 0.
    npery
        How often it is compounded in a year, 1 or more; the fraction is dropped, as in Excel.

    Returns
    -------
    float, ndarray or Series
        (1 + nominal_rate / npery)^npery - 1.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.effect(0.0525, 4), 7)
    0.0535427
    """
    ranges = {"nominal_rate": "above 0, and such that the result stays below 1e308"} | _NPERY
    return evaluate("effect", {"nominal_rate": nominal_rate, "npery": npery}, ranges)


def nominal(effect_rate: Any, npery: Any) -> Any:
    """Nominal annual rate that comes to an effective one when it is compounded several times a year.

    Parameters
    ----------
    effect_rate
        Annual rate, above 0.
    npery
        As for `effect`.

    Returns
    -------
    float, ndarray or Series
        ((1 + effect_rate)^(1 / npery) - 1) x npery.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.nominal(0.053543, 4), 6)
    0.0525
    """
    ranges = {"effect_rate": "above 0, and such that the result stays below 1e308"} | _NPERY
    return evaluate("nominal", {"effect_rate": effect_rate, "npery": npery}, ranges)
