"""What ACTUS contracts observe: indices by time, and events that no schedule knows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._actus_terms import CALLED, Contract, Findings, Refused, show_time, to_number, to_time
from neocalc._columns import Array, is_missing

Series = tuple[Array, Array]  # times, values
Event = tuple[int, int, float]  # time, place of its type, value
KINDS = {name: place for place, name in enumerate(_core.ACTUS_EVENT_TYPES)}
# PD is the dictionary's name for a draw that the specification calls PI.
_OBSERVED = ("PP", "PR", "PI", "PD", "XD", "CE", "AD")
_AMOUNTS = ("PP", "PR", "PI")


def as_records(data: Any) -> list[dict[Any, Any]] | None:
    """Rows of a frame as dicts, without what is missing; None for anything that is no frame."""
    library = type(data).__module__.partition(".")[0]
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        columns = [data[name].tolist() for name in data.columns]
        rows: Any = (dict(zip(data.columns, row, strict=True)) for row in zip(*columns, strict=True))
    elif library == "polars" and hasattr(data, "to_dicts"):
        rows = data.to_dicts()
    elif library == "pyarrow" and hasattr(data, "to_pylist") and hasattr(data, "column_names"):
        rows = data.to_pylist()
    else:
        return None
    return [{name: value for name, value in row.items() if not is_missing(value)} for row in rows]


@dataclass(slots=True)
class Market:
    """Indices by code."""

    series: list[Series] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def place(self, code: str | None) -> int:
        """Where an index stands; -1 where it is not known."""
        return self.places.get(code or "", -1)


def _pairs(given: Any) -> list[tuple[Any, Any]]:
    if isinstance(given, Mapping) and "data" in given:  # as in files of the ACTUS tests
        return [(point.get("timestamp"), point.get("value")) for point in given["data"]]
    if isinstance(given, Mapping):
        return list(given.items())
    if hasattr(given, "items"):  # a Series of pandas, by date
        return list(given.items())
    return [tuple(point) for point in given]


def read_market(observations: Any, findings: Findings) -> Market:
    """Read observations: a frame of code, date and value, or a mapping from code to dates and values."""
    market = Market()
    if observations is None:
        return market
    points: dict[str, list[tuple[Any, Any]]] = {}
    records = as_records(observations)
    if records is not None:
        for name in ("code", "date", "value"):
            if name not in observations.columns and name not in getattr(observations, "column_names", ()):
                findings.whole(f"observations.{name}", "missing_column")
                return market
        for record in records:
            points.setdefault(record.get("code", ""), []).append((record.get("date"), record.get("value")))
    elif isinstance(observations, Mapping):
        try:
            points = {str(code): _pairs(given) for code, given in observations.items()}
        except (TypeError, ValueError, AttributeError):
            findings.whole(
                "observations", "dtype", hint="{code: {date: value}}, or a frame of code, date and value"
            )
            return market
    else:
        findings.whole(
            "observations", "dtype", type(observations).__name__, "a frame, or {code: {date: value}}"
        )
        return market
    for code, dated in points.items():
        series = _read_series(code, dated, findings)
        if series is not None:
            market.places[code] = len(market.series)
            market.series.append(series)
    return market


def _present(value: Any) -> Any:
    if value is None:
        raise Refused("null")
    return value


def _read_series(code: str, dated: list[tuple[Any, Any]], findings: Findings) -> Series | None:
    times: list[int] = []
    values: list[float] = []
    for point in dated:
        try:
            when, value = point
        except ValueError:
            findings.whole("observations", "dtype", point, "a date and a value")
            return None
        name = "date"
        try:
            times.append(to_time(_present(when)))
            name = "value"
            values.append(to_number(_present(value)))
        except Refused as refused:
            findings.whole(f"observations.{name}", refused.code, f"{code}: {when}, {value}", refused.hint)
            return None
    at = np.array(times, dtype=np.int32)
    if len(at) != len(np.unique(at)):
        findings.whole("observations.date", "curve_duplicate", code)
        return None
    steps = np.flatnonzero(np.diff(at) < 0)
    if len(steps):
        findings.whole("observations.date", "curve_order", f"{code}: {show_time(int(at[steps[0] + 1]))}")
        return None
    return at, np.array(values, dtype=np.float64)


# --- events that no schedule knows ------------------------------------------------------------------------


def as_events(given: Any) -> list[Any]:
    """Observed events as a list, whatever they came as."""
    if given is None:
        return []
    records = as_records(given)
    return records if records is not None else list(given)


def parts(event: Any) -> tuple[Any, Any, Any, Any]:
    """Contract, time, type and value of an event: a dict by the names of ACTUS or of a frame, or a tuple."""
    if isinstance(event, Mapping):
        contract = event.get("contract_id", event.get("contractID"))
        return contract, event.get("date", event.get("time")), event.get("type"), event.get("value")
    if isinstance(event, (str, bytes)):
        raise Refused("dtype", "a date, a type and a value")
    values = tuple(event)
    if len(values) not in (2, 3):
        raise Refused("dtype", "a date, a type and a value")
    return None, values[0], values[1], values[2] if len(values) == 3 else None


def read_event(event: Any, contract: Contract, row: int, findings: Findings) -> Event | None:
    """Read and judge an event of a contract."""
    what = "observed_events"
    try:
        _, when, kind, value = parts(event)
        if when is None or kind is None:
            raise Refused("null", "a date and a type")
        time = to_time(when)
        if kind not in _OBSERVED:
            raise Refused("event_kind", ", ".join(_OBSERVED))
        kind = "PI" if kind == "PD" else kind
        number = 0.0 if is_missing(value) else to_number(value)
        if kind in _AMOUNTS and number <= 0:
            raise Refused("range", "an amount above 0; its type says which way it goes")
        _check_event(kind, contract)
    except Refused as refused:
        findings.note(row, what, refused.code, event, refused.hint)
        return None
    start = contract.times.get("initialExchangeDate")
    if kind != "AD" and start is not None and time < start:
        findings.note(
            row, what, "date_order", f"{kind} at {show_time(time)}", "not before initialExchangeDate"
        )
        return None
    return time, KINDS[kind], number


def _check_event(kind: str, contract: Contract) -> None:
    types = {"PP": ("PAM", "LAM", "NAM", "ANN", "LAX"), "PR": ("UMP",), "PI": ("UMP",), "XD": CALLED}.get(
        kind
    )
    if types is not None and contract.type not in types:
        raise Refused("event_kind", f"{kind} happens to {', '.join(types)}, not to a {contract.type}")
    if kind == "CE" and contract.type == "CSH":
        raise Refused("event_kind", "cash has no counterparty")
    if kind == "PP" and contract.words.get("prepaymentEffect", "N") == "N":
        raise Refused("event_state", "prepaymentEffect A or M gives the right to prepay")
    if kind == "XD" and "xDayNotice" not in contract.words:
        raise Refused("term_missing", "xDayNotice says when a call is settled")


def is_open(contract: Contract, events: list[Event]) -> bool:
    """Whether nothing ends the contract, so that only a horizon ends its events."""
    called = any(kind == KINDS["XD"] for _, kind, _ in events)
    return contract.type in CALLED and not called and not contract.has("maturityDate", "terminationDate")
