"""The terms of ACTUS contracts: their names in the dictionary, what a value may be, and which go together.

Names and values are those of the ACTUS dictionary 1.4; a few that it has renamed are still understood. What a
word means (a cycle, a day count) is the core's to say: `_core.actus_accepts`.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import is_missing
from neocalc.errors import Issue, Issues


def names_of(text: str) -> frozenset[str]:
    """Return names that are written one after the other."""
    return frozenset(text.split())


NUMBERS, TIMES, WORDS = _core.ACTUS_NUMBERS, _core.ACTUS_TIMES, _core.ACTUS_WORDS
CODES = ("marketObjectCodeOfRateReset", "marketObjectCodeOfScalingIndex")
# Anchors, cycles, values and flags of each array schedule; the word that sets the flag.
ARRAYS: tuple[tuple[str, str, str | None, str | None, dict[str, int]], ...] = (
    (
        "arrayCycleAnchorDateOfPrincipalRedemption",
        "arrayCycleOfPrincipalRedemption",
        "arrayNextPrincipalRedemptionPayment",
        "arrayIncreaseDecrease",
        {"INC": 1, "DEC": 0},
    ),
    ("arrayCycleAnchorDateOfInterestPayment", "arrayCycleOfInterestPayment", None, None, {}),
    (
        "arrayCycleAnchorDateOfRateReset",
        "arrayCycleOfRateReset",
        "arrayRate",
        "arrayFixedVariable",
        {"FIX": 1, "F": 1, "VAR": 0, "V": 0},
    ),
)
ARRAY_TERMS = frozenset(name for array in ARRAYS for name in array[:4] if name)
_RENAMED = {
    "marketObjectCodeRateReset": "marketObjectCodeOfRateReset",
    "fixingDays": "fixingPeriod",
    "scalingIndexAtStatusDate": "scalingIndexAtContractDealDate",
}
# Read by people, or by the processes that observe a contract: none changes an event.
_INFORMS = names_of(
    """contractID contractDealDate contractStructure counterpartyID creatorID creditLineAmount currency
    cycleAnchorDateOfOptionality cycleOfOptionality delinquencyPeriod delinquencyRate fixingPeriod gracePeriod
    marketObjectCode marketValueObserved nonPerformingDate objectCodeOfPrepaymentModel optionExerciseEndDate
    prepaymentPeriod quantity seniority"""
)
# With the only value that they may have here.
_FIXED = {"cyclePointOfInterestPayment": "E", "cyclePointOfRateReset": "B"}
_ALL = frozenset((*NUMBERS, *TIMES, *WORDS, *CODES, *ARRAY_TERMS))
KNOWN = _ALL | _INFORMS | frozenset(_FIXED) | {"settlementCurrency"} | frozenset(_RENAMED)
CALLED = ("CLM", "UMP")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.0+)?)?)?", re.ASCII)
_ZONE = re.compile(r".*\d(Z|[+-]\d{2}:?\d{2})", re.ASCII)
_EPOCH = dt.date(1970, 1, 1).toordinal()
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2199, 12, 31)
NO_TIME = int(np.iinfo(np.int32).min)


class Refused(Exception):
    """A value that is none; steers, and reaches no user."""

    def __init__(self, code: str, hint: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.hint = hint


@dataclass(slots=True)
class Findings:
    """Problems by term and code, with the contracts that have them."""

    found: dict[tuple[str, str], list[Any]] = field(default_factory=dict)  # rows, example, hint
    bad: set[int] = field(default_factory=set)

    def note(self, row: int, term: str, code: str, example: Any = "", hint: str | None = None) -> None:
        """Record that a contract has a problem with a term."""
        entry = self.found.setdefault((term, code), [[], str(example), hint])
        if not entry[0] or entry[0][-1] != row:
            entry[0].append(row)
        self.bad.add(row)

    def whole(self, term: str, code: str, example: Any = "", hint: str | None = None) -> None:
        """Record a problem of what all contracts share."""
        self.found.setdefault((term, code), [[], str(example), hint])

    def issues(self, ids: Sequence[Any], listed: int = 5) -> Issues:
        """Return them in the order of the contracts."""
        made = []
        for (term, code), (rows, example, hint) in self.found.items():
            shown = tuple(rows[:listed])
            issue = Issue.make(term, code, n_bad=max(len(rows), 1), rows=shown, example=example, hint=hint)
            made.append(issue.located(shown, tuple(ids[row] for row in shown)))
        return Issues(made)


def to_number(value: Any) -> float:
    """A finite number of a Python or numpy number, a Decimal, or plain decimal text."""
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise Refused("dtype", "a number, or its plain decimal text")
        number = float(text)
    elif isinstance(value, (bool, np.bool_)):
        raise Refused("dtype", "a number, or its plain decimal text")
    else:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise Refused("dtype", "a number, or its plain decimal text") from None
    if not math.isfinite(number):
        raise Refused("nonfinite")
    return number


@lru_cache(maxsize=65_536)
def _time_of_text(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise Refused("timezone" if _ZONE.fullmatch(text) else "date_parse")
    try:
        day = dt.date.fromisoformat(match[1])
    except ValueError:
        raise Refused("date_parse") from None
    return _time_code(day, (int(match[2] or 0), int(match[3] or 0), int(match[4] or 0), 0))


def _time_code(day: dt.date, clock: tuple[int, int, int, int]) -> int:
    if clock not in ((0, 0, 0, 0), (23, 59, 59, 0)):
        raise Refused("date_time", "ACTUS knows the beginning of a day, and 23:59:59 for its end")
    if not _FIRST <= day <= _LAST:
        raise Refused("date_range")
    return (day.toordinal() - _EPOCH) * 2 + (clock[0] == 23)


def to_time(value: Any) -> int:
    """Twice the days since 1970-01-01, plus one for the end of the day."""
    if isinstance(value, str):
        return _time_of_text(value.strip())
    if isinstance(value, np.datetime64):
        if value.astype("M8[s]") != value:
            raise Refused("date_time")
        value = value.astype("M8[s]").item()
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise Refused("timezone")
        return _time_code(value.date(), (value.hour, value.minute, value.second, value.microsecond))
    if isinstance(value, dt.date):
        return _time_code(value, (0, 0, 0, 0))
    raise Refused("dtype", "a date, or its text as YYYY-MM-DD")


@lru_cache(maxsize=65_536)
def _accepted(term: str, word: str) -> bool:
    return _core.actus_accepts(term, word)


EXAMPLES = {
    "contractType": "PAM, LAM, NAM, ANN, LAX, CLM, UMP or CSH",
    "contractRole": "RPA for an asset, RPL for a liability",
    "dayCountConvention": "AA, A360, A365, 30E360, 30E360ISDA or 28E336",
    "endOfMonthConvention": "SD or EOM",
    "calendar": "NC, or MF for Monday to Friday",
    "businessDayConvention": "NOS, SCF, SCMF, SCP, SCMP, CSF, CSMF, CSP or CSMP",
    "interestCalculationBase": "NT, NTIED or NTL",
    "feeBasis": "A for an amount, N for a rate on the principal",
    "penaltyType": "O, A, N or I",
    "prepaymentEffect": "N, A or M",
    "contractPerformance": "PF, DL, DQ or DF",
    "scalingEffect": "000, I00, 0N0 or IN0",
    "xDayNotice": "a period such as P31D",
}
_CYCLE = "such as P1ML1 (every month, short last period) or P3ML0 (every three, long last period)"


def to_word(term: str, value: Any) -> str:
    """Text that the dictionary allows."""
    word = value.strip() if isinstance(value, str) else value
    if not isinstance(word, str) or not _accepted(term, word):
        raise Refused("choice", EXAMPLES.get(term, _CYCLE))
    return word


@dataclass(slots=True)
class Contract:
    """What one contract says, as the core takes it."""

    numbers: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """PAM, LAM, ..."""
        return self.words.get("contractType", "")

    def has(self, *names: str) -> bool:
        """Whether one of the terms has a value."""
        kinds = (self.numbers, self.times, self.words, self.codes, self.arrays)
        return any(name in kind for name in names for kind in kinds)

    def segments(self, which: int) -> list[tuple[int, str | None, float, int]]:
        """Anchor, cycle, value and flag of each stretch of an array schedule."""
        anchors, cycles, values, flags, words = ARRAYS[which]
        starts = self.arrays.get(anchors, [])
        every = self.arrays.get(cycles, [None])
        every = every * len(starts) if len(every) == 1 else every
        amounts = self.arrays.get(values or "", [0.0] * len(starts))
        signs = [words[word] for word in self.arrays.get(flags or "", [])] or [0] * len(starts)
        return list(zip(starts, every, amounts, signs, strict=True))


def read(terms: Mapping[Any, Any], row: int, findings: Findings) -> Contract:
    """Read the terms of a contract; what is wrong with one goes to the findings."""
    contract = Contract()
    seen: set[str] = set()
    for given, value in terms.items():
        if is_missing(value) or (isinstance(value, str) and not value.strip()):
            continue
        name = _RENAMED.get(given, given)
        if given not in KNOWN:
            findings.note(row, str(given), "term_unknown", hint=_nearest(given))
        elif name in seen:
            findings.note(row, str(given), "duplicate_column", hint=f"it is {name} under an older name")
        else:
            seen.add(name)
            _read_term(contract, name, value, row, findings)
    currency = terms.get("currency")
    settled = terms.get("settlementCurrency")
    if not is_missing(settled) and settled != currency:
        findings.note(
            row, "settlementCurrency", "term_conflict", settled, "payments are in the contract's currency"
        )
    return contract


def _nearest(name: Any) -> str:
    close = difflib.get_close_matches(str(name), KNOWN, n=1, cutoff=0.6)
    return f"the nearest is {close[0]!r}" if close else "see the ACTUS dictionary"


def _read_term(contract: Contract, name: str, value: Any, row: int, findings: Findings) -> None:
    readers: tuple[tuple[Any, dict[str, Any], Callable[[Any], Any]], ...] = (
        (NUMBERS, contract.numbers, to_number),
        (TIMES, contract.times, to_time),
        (WORDS, contract.words, lambda value: to_word(name, value)),
        (CODES, contract.codes, _to_code),
        (ARRAY_TERMS, contract.arrays, lambda value: _to_array(name, value)),
        (_FIXED, {}, lambda value: _only(_FIXED[name], value)),
    )
    for names, place, convert in readers:
        if name in names:
            try:
                place[name] = convert(value)
            except Refused as refused:
                findings.note(row, name, refused.code, value, refused.hint)


def _to_code(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("dtype", "the code of an index, as text")
    return value.strip()


def _only(known: str, value: Any) -> None:
    if value != known:
        raise Refused("choice", f"{known} is the only value that is computed")


def _to_array(name: str, value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise Refused("dtype", "a list with a value for each segment")
    values = list(value)
    _, _, numbers, _, _ = ARRAYS[0]
    if "Anchor" in name:
        return [to_time(one) for one in values]
    if name in (numbers, "arrayRate"):
        return [to_number(one) for one in values]
    flags = next((words for *_, flags, words in ARRAYS if flags == name), None)
    if flags is None:
        return [to_word(name, one) for one in values]
    for one in values:
        if one not in flags:
            raise Refused("choice", " or ".join(flags))
    return values


def show_time(code: int) -> str:
    """Write a time as ACTUS does."""
    day = dt.date.fromordinal(_EPOCH + code // 2).isoformat()
    return f"{day}T23:59:59" if code % 2 else day
