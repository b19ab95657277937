"""Contracts under the terms of ACTUS: terms in, the table of their events out.

>>> from neocalc import actus
>>> loan = {
...     "contractID": "bullet-1",
...     "contractType": "PAM",
...     "contractRole": "RPA",
...     "statusDate": "2024-12-31",
...     "initialExchangeDate": "2025-01-01",
...     "maturityDate": "2025-07-01",
...     "notionalPrincipal": 1_000_000,
...     "nominalInterestRate": 0.06,
...     "dayCountConvention": "30E360",
...     "cycleAnchorDateOfInterestPayment": "2025-04-01",
...     "cycleOfInterestPayment": "P3ML1",
... }
>>> actus.events(loan)[["date", "type", "payoff", "notional"]]
        date type     payoff   notional
0 2025-01-01  IED -1000000.0  1000000.0
1 2025-04-01   IP    15000.0  1000000.0
2 2025-07-01   IP    15000.0  1000000.0
3 2025-07-01   MD  1000000.0        0.0

The types are PAM, LAM, NAM, ANN, LAX, CLM, UMP and CSH; names and values of terms are those of the ACTUS
dictionary 1.4, and events those of its technical specification 1.1 as its published test cases have them.
Amounts are unrounded float64, on the ledger that loans in cents run on.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neocalc._actus_book import Book, are_numbers
from neocalc._actus_market import KINDS, as_events, as_records
from neocalc._columns import Array
from neocalc._frames import Frame, as_frame
from neocalc._options import resolve_threads
from neocalc._output import as_records as issue_records
from neocalc.errors import ConfigError, NeocalcWarning

__all__ = ["book", "events"]

_DAY, _END_OF_DAY = 86_400_000_000, 86_399_000_000  # microseconds
_LIBRARIES = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "table"}


def events(
    terms: Mapping[str, Any] | str | os.PathLike[str],
    observations: Any = None,
    *,
    to: Any = None,
    observed_events: Any = None,
) -> Any:
    """Return every event of a contract after its status date.

    Parameters
    ----------
    terms
        The terms under their names in the ACTUS dictionary, as a mapping, as JSON text or as the path of a
        JSON file. Dates are ISO text or date objects; of times of day only the beginning and 23:59:59, which
        is counted as the next day, are known. Rates are decimal fractions, amounts in units of the currency.
        A case of the ACTUS tests, which has its `terms` beside `to`, `dataObserved` and `eventsObserved`, is
        understood too.
    observations
        Indices for rate resets and scaling: a frame with the columns code, date and value, or a mapping from
        code to dates and values; by ascending date. The last observation at or before a date counts.
    to
        The last time shown; a date means its beginning. Needed for what has no end: a CLM that is neither
        called nor matures, and a UMP.
    observed_events
        What no schedule knows: a frame with the columns date, type and value, or tuples or dicts of them. PP
        is a prepayment (its effect is prepaymentEffect), PR and PI a repayment and a draw of a UMP, XD the
        call of a CLM or UMP, CE a default, after which nothing is paid, and AD a look at the state. Amounts
        are positive.

    Returns
    -------
    frame
        One row per event: date, type, payoff (received; paid where negative), notional (principal after the
        event; negative where it is owed), rate, and accrued (interest accrued and not paid). As the kind of
        frame that the observations or the observed events came in, else as the first installed of pandas,
        polars and pyarrow.

    Raises
    ------
    InputError
        With every problem at once, by term and code.

    See Also
    --------
    book : many contracts at once.

    Notes
    -----
    Where the initial exchange is not after the status date, interest starts at the status date with
    `accruedInterest`, or with nothing. `fixingPeriod` does not move the date of an observation. Both are as
    in the published cases. At a purchase and a termination, accrued interest goes the way of the price, for
    liabilities too. `periodFloor` is the most by which a reset lowers the rate, whatever its sign.

    Examples
    --------
    >>> from neocalc import actus
    >>> call_money = {
    ...     "contractType": "CLM", "contractRole": "RPL", "statusDate": "2025-01-01",
    ...     "initialExchangeDate": "2025-01-02", "notionalPrincipal": 1000, "nominalInterestRate": 0.0365,
    ...     "dayCountConvention": "A365", "xDayNotice": "P10D",
    ... }
    >>> called = actus.events(call_money, observed_events=[("2025-03-03", "XD")])
    >>> called[["date", "type", "payoff"]]
            date type  payoff
    0 2025-01-02  IED  1000.0
    1 2025-03-03   XD     0.0
    2 2025-03-13   IP    -6.0
    3 2025-03-13  STD -1000.0
    """
    case = _case(_load(terms))
    observations = case.observations if observations is None else observations
    observed = case.observed if observed_events is None else as_events(observed_events)
    frame = _frame_of(observations, observed_events)
    table = Book([case.terms], [observed], observations, to if to is not None else case.to)
    table.refuse(f"contract {table.ids[0]}")
    columns = table.compute(1)
    table.refuse(f"contract {table.ids[0]}")
    return _build(frame, columns, None)


def book(
    contracts: Any,
    observations: Any = None,
    *,
    to: Any = None,
    observed_events: Any = None,
    on_error: str = "raise",
    threads: int | None = None,
) -> Any:
    """Return the events of many contracts in one table.

    Parameters
    ----------
    contracts
        A frame with a column for each term and a row for each contract, a sequence of mappings, a mapping
        from contract to terms, or JSON text or a JSON file of either. What is null is not given.
    observations, to
        As in `events`, for all contracts.
    observed_events
        As in `events`, with a column or key contract_id (or contractID) besides; or a mapping from contract
        to its events.
    on_error
        "raise" refuses the book for any problem; "skip" leaves out the contracts that have one, and says so.
    threads
        How many threads; all by default. Results do not depend on it.

    Returns
    -------
    frame
        As `events`, with the column contract_id first: contractID, or the row's number where none is given.
        Rows are by contract in the order given, then by time. As the kind of frame that the contracts came
        in.

    Raises
    ------
    InputError
        With every problem of every contract at once.

    See Also
    --------
    events : what the columns mean, and where the semantics come from.

    Examples
    --------
    >>> import pandas as pd
    >>> from neocalc import actus
    >>> loans = pd.DataFrame({
    ...     "contractID": ["a", "b"],
    ...     "contractType": ["PAM", "LAM"],
    ...     "contractRole": "RPA",
    ...     "statusDate": "2024-12-31",
    ...     "initialExchangeDate": "2025-01-01",
    ...     "maturityDate": ["2026-01-01", "2027-01-01"],
    ...     "notionalPrincipal": [100.0, 300.0],
    ...     "nominalInterestRate": [0.05, 0.04],
    ...     "dayCountConvention": "30E360",
    ...     "cycleOfInterestPayment": "P1YL1",
    ...     "cycleOfPrincipalRedemption": [None, "P1YL1"],
    ... })
    >>> actus.book(loans)[["contract_id", "date", "type", "payoff"]]
      contract_id       date type  payoff
    0           a 2025-01-01  IED  -100.0
    1           a 2026-01-01   IP     5.0
    2           a 2026-01-01   MD   100.0
    3           b 2025-01-01  IED  -300.0
    4           b 2026-01-01   PR   150.0
    5           b 2026-01-01   IP    12.0
    6           b 2027-01-01   IP     6.0
    7           b 2027-01-01   MD   150.0
    """
    if on_error not in ("raise", "skip"):
        raise ConfigError(f"on_error must be one of 'raise', 'skip', not {on_error!r}")
    count = resolve_threads(threads)
    frame = _frame_of(contracts, observations, observed_events)
    cases = [_case(terms) for terms in _cases(contracts)]
    if any(case.observations is not None or case.to is not None for case in cases):
        raise ConfigError("contracts must be terms alone: give observations and to for the whole book")
    table = Book([case.terms for case in cases], [[] for _ in cases], observations, to)
    table.match(observed_events)
    if on_error == "raise":
        table.refuse("contracts")
    elif any(not rows for rows, *_ in table.findings.found.values()):
        table.refuse("contracts")  # what all contracts share is wrong for all of them
    columns = table.compute(count)
    if on_error == "raise":
        table.refuse("contracts")
    result = _build(frame, columns, table.ids)
    if table.findings.bad:
        issues = table.findings.issues(table.ids)
        if not frame.attach(result, issue_records(issues)):
            text = f"{len(table.findings.bad):,} contracts with problems were left out:\n{issues!r}"
            warnings.warn(text, NeocalcWarning, stacklevel=2)
    return result


# --- what the user gives ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Case:
    """Terms, and what may come with them in a case of the ACTUS tests."""

    terms: Mapping[Any, Any]
    observations: Any = None
    to: Any = None
    observed: Sequence[Any] = ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ConfigError(f"the JSON has the name {twice!r} twice in one object")
    return names


def _load(given: Any) -> Any:
    """Parse JSON text, or a file of it; anything else is taken as it is."""
    if not isinstance(given, (str, os.PathLike)):
        return given
    text = given if isinstance(given, str) and given.lstrip()[:1] in ("{", "[") else None
    try:
        if text is None:
            text = Path(given).read_text(encoding="utf-8")
        return json.loads(text, object_pairs_hook=_unique)
    except OSError as error:
        raise ConfigError(f"terms must be JSON or the path of a JSON file: {error}") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"terms must be JSON: {error}") from error


def _case(given: Any) -> _Case:
    if not isinstance(given, Mapping):
        raise ConfigError(f"the terms of a contract must be a mapping, not {type(given).__name__}")
    inner = given.get("terms")
    if not isinstance(inner, Mapping):
        return _Case(given)
    observed = given.get("eventsObserved") or ()
    return _Case(inner, given.get("dataObserved") or None, given.get("to") or None, observed)


def _cases(contracts: Any) -> list[Any]:
    contracts = _load(contracts)
    records = as_records(contracts)
    if records is not None:
        return list(records)
    if isinstance(contracts, Mapping):
        if "contractType" in contracts or not all(isinstance(one, Mapping) for one in contracts.values()):
            raise ConfigError(
                "contracts must be many: pass the terms of one to `events`, or put them in a list"
            )
        named = []
        for name, one in contracts.items():
            terms = one["terms"] if isinstance(one.get("terms"), Mapping) else one
            named.append(one if "contractID" in terms else {**terms, "contractID": name})
        return named
    if isinstance(contracts, (str, bytes)) or not isinstance(contracts, Iterable):
        raise ConfigError(f"contracts must be a frame or a list of mappings, not {type(contracts).__name__}")
    return list(contracts)


# --- from the core to a frame -----------------------------------------------------------------------------


def _frame_of(*given: Any) -> Frame:
    """The kind of frame that came in, else the first that is installed."""
    for data in given:
        library = type(data).__module__.partition(".")[0]
        if library in _LIBRARIES and as_records(data) is not None:
            return as_frame(_empty(library))
    for library in _LIBRARIES:
        if library in sys.modules or importlib.util.find_spec(library) is not None:
            return as_frame(_empty(library))
    raise ConfigError("a table of events needs pandas, polars or pyarrow: install one")


def _empty(library: str) -> Any:
    return getattr(importlib.import_module(library), _LIBRARIES[library])({})


def _dates_out(frame: Frame, times: Array) -> Any:
    days, ends = np.divmod(times.astype(np.int64), 2)
    values = (days * _DAY + ends * _END_OF_DAY).view("M8[us]")
    if frame.kind == "pandas":
        return values
    library = sys.modules[frame.kind]
    return (
        library.Series(values) if frame.kind == "polars" else library.array(values, library.timestamp("us"))
    )


def _ids_out(frame: Frame, rows: Array, ids: Sequence[Any]) -> Any:
    if are_numbers(ids):
        return frame.money_out(np.array(ids, dtype=np.int64)[rows] if len(ids) else rows.astype(np.int64))
    shown, places = np.unique(rows, return_inverse=True)
    return frame.categorical(places.astype(np.int32), [str(ids[row]) for row in shown], ordered=False)


def _build(frame: Frame, columns: dict[str, Array], ids: Sequence[Any] | None) -> Any:
    made = {} if ids is None else {"contract_id": _ids_out(frame, columns["contract"], ids)}
    made["date"] = _dates_out(frame, columns["time"])
    made["type"] = frame.categorical(columns["kind"].astype(np.int32), list(KINDS), ordered=False)
    for name in ("payoff", "notional", "rate", "accrued"):
        made[name] = frame.money_out(columns[name])
    return frame.build(made)
