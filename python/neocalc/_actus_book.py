"""A book of ACTUS contracts: judged as a whole, handed to the core as columns, and back as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._actus_market import Event, as_events, is_open, parts, read_event, read_market
from neocalc._actus_rules import judge
from neocalc._actus_terms import (
    ARRAYS,
    CODES,
    NO_TIME,
    NUMBERS,
    TIMES,
    WORDS,
    Contract,
    Findings,
    Refused,
    read,
    to_time,
)
from neocalc._columns import Array
from neocalc._records import guarded
from neocalc.errors import ConfigError, InputError

# For codes that loans share, whose usual advice names columns of loans.
_HINTS = {
    "rate_unit": "write 5 % as 0.05",
    "never_amortises": "raise the payment, or give maturityDate",
    "event_state": "check the dates of the observed events",
}


def are_numbers(ids: Sequence[Any]) -> bool:
    """Whether contracts are named by whole numbers."""
    return all(isinstance(name, (int, np.integer)) and not isinstance(name, bool) for name in ids)


def _time_option(name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        return to_time(value)
    except Refused:
        raise ConfigError(
            f"{name} must be a date (YYYY-MM-DD), or the end of one (T23:59:59), not {value!r}"
        ) from None


class Book:
    """Contracts, judged; then their events."""

    def __init__(
        self,
        contracts: Sequence[Mapping[Any, Any]],
        observed: Sequence[Sequence[Any]],
        observations: Any,
        to: Any,
    ) -> None:
        self.to = _time_option("to", to)
        self.findings = Findings()
        self.given = [terms.get("contractID") for terms in contracts]
        self.ids = [row if name is None or name != name else name for row, name in enumerate(self.given)]
        self.contracts = [read(terms, row, self.findings) for row, terms in enumerate(contracts)]
        for row, contract in enumerate(self.contracts):
            if row not in self.findings.bad:
                judge(contract, row, self.findings)
        self.market = read_market(observations, self.findings)
        self.observed: list[list[Event]] = [[] for _ in contracts]
        for row, found in enumerate(observed):
            for event in found:
                self._observe(row, event)
        first: dict[Any, int] = {}
        for row, name in enumerate(self.ids if are_numbers(self.ids) else map(str, self.ids)):
            if first.setdefault(name, row) != row:
                self.findings.note(row, "contractID", "duplicate_id", name, "rename one of the contracts")

    def _observe(self, row: int, event: Any) -> None:
        if row in self.findings.bad:
            return
        read_one = read_event(event, self.contracts[row], row, self.findings)
        if read_one is not None:
            self.observed[row].append(read_one)

    def match(self, observed_events: Any) -> None:
        """Give each contract its observed events."""
        rows = {name: row for row, name in enumerate(self.ids)}
        if isinstance(observed_events, Mapping):
            found = [(name, event) for name, some in observed_events.items() for event in as_events(some)]
        else:
            found = []
            for event in as_events(observed_events):
                if not isinstance(event, Mapping):
                    raise ConfigError("observed_events of a book must name their contract: contract_id")
                found.append((parts(event)[0], event))
        for name, event in found:
            if name not in rows:
                self.findings.whole(
                    "observed_events.contract_id", "unknown_id", name, "the contractID of a contract"
                )
            else:
                self._observe(rows[name], event)

    def refuse(self, subject: str) -> None:
        """Raise where there is a problem."""
        self._need_horizon()
        if self.findings.found:
            n_rows = len(self.ids) if subject == "contracts" else None
            raise InputError(self.findings.issues(self.ids), n_rows=n_rows, subject=subject)

    def _need_horizon(self) -> None:
        if self.to is not None:
            return
        for row, (contract, observed) in enumerate(zip(self.contracts, self.observed, strict=True)):
            if row not in self.findings.bad and is_open(contract, observed):
                self.findings.note(
                    row, "to", "term_missing", contract.type, "nothing ends this contract: pass to="
                )

    def compute(self, threads: int) -> dict[str, Array]:
        """Run the contracts that are sound."""
        self._need_horizon()
        good = [row for row in range(len(self.contracts)) if row not in self.findings.bad]
        found, bad, arrays = guarded(
            _core.actus_events,
            len(good),
            *self._columns([self.contracts[row] for row in good], [self.observed[row] for row in good]),
            to=self.to,
            threads=threads,
        )
        for name, code, _, rows, example in found:
            for row in rows:
                self.findings.note(good[row], name, code, example, _HINTS.get(code))
        self.findings.bad.update(good[row] for row in bad)
        names = ("contract", "time", "kind", "payoff", "notional", "rate", "accrued")
        columns = dict(zip(names, arrays, strict=True))
        columns["contract"] = (
            np.array(good, dtype=np.int64)[columns["contract"]] if good else columns["contract"]
        )
        return columns

    def _columns(self, contracts: Sequence[Contract], observed: Sequence[Sequence[Event]]) -> tuple[Any, ...]:
        vocabulary: dict[str, int] = {}

        def place(word: str | None) -> int:
            return -1 if word is None else vocabulary.setdefault(word, len(vocabulary))

        numbers = [c.numbers.get(name, np.nan) for c in contracts for name in NUMBERS]
        times = [c.times.get(name, NO_TIME) for c in contracts for name in TIMES]
        words = [place(c.words.get(name)) for c in contracts for name in WORDS]
        segments = tuple(
            _segment_columns([c.segments(which) for c in contracts], place) for which in range(len(ARRAYS))
        )
        series_of = [self.market.place(c.codes.get(name)) for c in contracts for name in CODES]
        flat = [event for some in observed for event in some]
        return (
            list(vocabulary),
            np.array(numbers, dtype=np.float64),
            np.array(times, dtype=np.int32),
            np.array(words, dtype=np.int32),
            segments,
            (
                _starts(observed),
                np.array([time for time, _, _ in flat], dtype=np.int32),
                np.array([kind for _, kind, _ in flat], dtype=np.int8),
                np.array([value for _, _, value in flat], dtype=np.float64),
            ),
            self.market.series,
            np.array(series_of, dtype=np.int32),
        )


def _starts(parts_of: Sequence[Sequence[Any]]) -> Array:
    return np.cumsum([0, *(len(some) for some in parts_of)], dtype=np.int64)


def _segment_columns(all_segments: Sequence[Sequence[Any]], place: Any) -> tuple[Array, ...]:
    flat = [segment for some in all_segments for segment in some]
    return (
        _starts(all_segments),
        np.array([anchor for anchor, *_ in flat], dtype=np.int32),
        np.array([place(cycle) for _, cycle, *_ in flat], dtype=np.int32),
        np.array([value for *_, value, _ in flat], dtype=np.float64),
        np.array([flag for *_, flag in flat], dtype=np.int8),
    )
