"""Annuities as spreadsheets have them: PMT and its kin, PV, FV, NPER and RATE."""

from __future__ import annotations

from typing import Any

from neocalc.financial._arguments import check_several, evaluate, when_as_number

_RATE = {"rate": "above -1 (-100 %), and such that the result stays below 1e308"}
_WHEN = {"when": "'end' or 0, 'begin' or 1"}
_NPER = {"nper": "above 0"}
_PER = {"per": "1 to nper"}


def pmt(rate: Any, nper: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """Payment: what is paid each period.

    Parameters
    ----------
    rate
        Interest of a period, above -1: 0.01 is 1 %.
    nper
        Number of periods, above 0; it may be broken.
    pv
        Value now. Received is positive (a loan), paid is negative.
    fv
        Value after the last payment.
    when
        When payments fall: ``"end"`` of each period (0) or its ``"begin"`` (1).

    Returns
    -------
    float, ndarray or Series
        The payment, negative for what is paid: it solves
        fv + pv (1 + rate)^nper + pmt (1 + rate x when) ((1 + rate)^nper - 1) / rate = 0.

    Raises
    ------
    InputError
        With every argument and row that is no number, missing, not finite or out of its range.
    ConfigError
        For shapes that do not broadcast and Series whose indexes differ.

    Notes
    -----
    PMT of Excel and `pmt` of numpy-financial, right to the last digit or two for any rate: 1e-16 as well as
    10.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.pmt(0.075 / 12, 12 * 15, 200_000), 2)
    -1854.02
    >>> financial.pmt([0, 1e-16, 0.01], 360, 1_000_000).round(4).tolist()
    [-2777.7778, -2777.7778, -10286.126]
    """
    arguments = {"rate": rate, "nper": nper, "pv": pv, "fv": fv, "when": when_as_number(when)}
    return evaluate("pmt", arguments, _RATE | _NPER | _WHEN)


def ipmt(rate: Any, per: Any, nper: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """Interest part of a payment.

    Parameters
    ----------
    rate, nper, pv, fv, when
        As for `pmt`.
    per
        Which payment, 1 to `nper`.

    Returns
    -------
    float, ndarray or Series
        The interest, negative where it is paid; 0 for the first payment in advance.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Notes
    -----
    IPMT of Excel and `ipmt` of numpy-financial; that one has values beyond `nper`, which are no one's
    interest.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.ipmt(0.0824 / 12, [1, 2, 12], 12, 2500).round(4).tolist()
    [-17.1667, -15.7893, -1.485]
    """
    arguments = {"rate": rate, "per": per, "nper": nper, "pv": pv, "fv": fv, "when": when_as_number(when)}
    return evaluate("ipmt", arguments, _RATE | _PER | _NPER | _WHEN)


def ppmt(rate: Any, per: Any, nper: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """Principal part of a payment.

    Parameters
    ----------
    rate, per, nper, pv, fv, when
        As for `ipmt`.

    Returns
    -------
    float, ndarray or Series
        What of the payment is not interest: ``pmt - ipmt``.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.ppmt(0.1 / 12, [1, 24], 24, 2000).round(2).tolist()
    [-75.62, -91.53]
    """
    arguments = {"rate": rate, "per": per, "nper": nper, "pv": pv, "fv": fv, "when": when_as_number(when)}
    return evaluate("ppmt", arguments, _RATE | _PER | _NPER | _WHEN)


def ispmt(rate: Any, per: Any, nper: Any, pv: Any) -> Any:
    """Interest of a period where the principal is paid in equal parts.

    Parameters
    ----------
    rate
        Interest of a period.
    per
        Which period; Excel counts them from 0 here.
    nper
        Number of periods, not 0.
    pv
        What was lent.

    Returns
    -------
    float, ndarray or Series
        pv x rate x (per / nper - 1).

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> financial.ispmt(0.1, [0, 1, 2, 3], 4, 4000).tolist()
    [-400.0, -300.0, -200.0, -100.0]
    """
    ranges = {"nper": "any number but 0", "rate": "such that the result stays below 1e308"}
    return evaluate("ispmt", {"rate": rate, "per": per, "nper": nper, "pv": pv}, ranges)


_LOAN = {
    "rate": "above 0, and such that the result stays below 1e308",
    "nper": "1 or more",
    "pv": "above 0",
    "start_period": "1 to nper",
    "end_period": "start_period to nper",
}


def cumipmt(rate: Any, nper: Any, pv: Any, start_period: Any, end_period: Any, when: Any = "end") -> Any:
    """Interest paid on a loan from one payment to another.

    Parameters
    ----------
    rate
        Interest of a period, above 0.
    nper
        Number of periods, 1 or more; the fraction is dropped.
    pv
        What was lent, above 0.
    start_period, end_period
        The first and the last payment that count, 1 to `nper`; fractions are dropped.
    when
        As for `pmt`.

    Returns
    -------
    float, ndarray or Series
        The sum of `ipmt`, negative since it is paid; no work grows with the number of periods.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.cumipmt(0.09 / 12, 30 * 12, 125_000, 13, 24), 2)  # the second year
    -11135.23
    """
    arguments = _loan(rate, nper, pv, start_period, end_period, when)
    return evaluate("cumipmt", arguments, _LOAN | _WHEN)


def cumprinc(rate: Any, nper: Any, pv: Any, start_period: Any, end_period: Any, when: Any = "end") -> Any:
    """Principal repaid on a loan from one payment to another.

    Parameters
    ----------
    rate, nper, pv, start_period, end_period, when
        As for `cumipmt`.

    Returns
    -------
    float, ndarray or Series
        The sum of `ppmt`, negative since it is paid.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.cumprinc(0.09 / 12, 30 * 12, 125_000, 13, 24), 2)
    -934.11
    """
    arguments = _loan(rate, nper, pv, start_period, end_period, when)
    return evaluate("cumprinc", arguments, _LOAN | _WHEN)


def _loan(rate: Any, nper: Any, pv: Any, start: Any, end: Any, when: Any) -> dict[str, Any]:
    span = {"start_period": start, "end_period": end, "when": when_as_number(when)}
    return {"rate": rate, "nper": nper, "pv": pv} | span


def pv(rate: Any, nper: Any, pmt: Any, fv: Any = 0, when: Any = "end") -> Any:
    """Present value: what payments and a final amount are worth now.

    Parameters
    ----------
    rate, fv, when
        As for `pmt`.
    nper
        Number of periods, 0 or more.
    pmt
        The payment of each period, negative for what is paid.

    Returns
    -------
    float, ndarray or Series
        The value now, of the sign opposite to what it is paid back with.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.pv(0.08 / 12, 12 * 20, 500), 2)
    -59777.15
    """
    arguments = {"rate": rate, "nper": nper, "pmt": pmt, "fv": fv, "when": when_as_number(when)}
    return evaluate("pv", arguments, _RATE | {"nper": "0 or more"} | _WHEN)


def fv(rate: Any, nper: Any, pmt: Any, pv: Any = 0, when: Any = "end") -> Any:
    """Future value: what an amount and payments have grown to after the last period.

    Parameters
    ----------
    rate, pv, when
        As for `pmt`; in numpy-financial, `pv` has no default.
    nper
        Number of periods, 0 or more.
    pmt
        The payment of each period, negative for what is paid.

    Returns
    -------
    float, ndarray or Series
        The value at the end.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.fv(0.06 / 12, 10, -200, -500, "begin"), 2)
    2581.4
    """
    arguments = {"rate": rate, "nper": nper, "pmt": pmt, "pv": pv, "when": when_as_number(when)}
    return evaluate("fv", arguments, _RATE | {"nper": "0 or more"} | _WHEN)


def nper(rate: Any, pmt: Any, pv: Any, fv: Any = 0, when: Any = "end") -> Any:
    """Number of periods until the balance is `fv`.

    Parameters
    ----------
    rate, pv, fv, when
        As for `pmt`.
    pmt
        The payment of each period, negative for what is paid.

    Returns
    -------
    float, ndarray or Series
        Periods, with their fraction; below 0 where the balance was there before, as in Excel.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`; `no_root` where payments never get there, such as those that do not exceed the interest.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.nper(0.12 / 12, -100, -1000, 10_000, 1), 4)
    59.6739
    """
    arguments = {"rate": rate, "pmt": pmt, "pv": pv, "fv": fv, "when": when_as_number(when)}
    return evaluate("nper", arguments, _RATE | _WHEN)


def rate(
    nper: Any,
    pmt: Any,
    pv: Any,
    fv: Any = 0,
    when: Any = "end",
    guess: Any = None,
    tol: Any = None,  # noqa: ARG001 - numpy-financial has it; nothing here depends on it
    maxiter: Any = None,  # noqa: ARG001 - as tol
    *,
    several: str = "warn",
) -> Any:
    """Interest of a period at which payments repay an amount.

    Parameters
    ----------
    nper, pmt, pv, fv, when
        As for `pmt` and `pv`.
    guess
        Above -1, 0.1 where not given. It decides only which of several rates is given: the one nearest to it.
    tol, maxiter
        Stand where numpy-financial has them and change nothing: a rate is found to the last digits, or it is
        said that there is none.
    several
        ``"warn"`` with a `NeocalcWarning` where several rates solve the equation, take the ``"nearest"`` to
        the guess without a word, or ``"raise"``.

    Returns
    -------
    float, ndarray or Series
        The rate, above -1.

    Raises
    ------
    InputError, ConfigError
        As for `pmt`; `all_zero`, `no_sign_change` and `no_root` where there is no rate, and with
        ``several="raise"`` `several_roots`.

    Examples
    --------
    >>> from neocalc import financial
    >>> round(financial.rate(4 * 12, -200, 8000), 6)
    0.007701
    """
    check_several(several)
    arguments = {
        "nper": nper,
        "pmt": pmt,
        "pv": pv,
        "fv": fv,
        "when": when_as_number(when),
        "guess": 0.1 if guess is None else guess,
    }
    return evaluate("rate", arguments, _NPER | _WHEN | {"guess": "above -1"}, several=several)
