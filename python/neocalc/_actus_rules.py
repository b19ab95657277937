"""Which terms of an ACTUS contract go together: what a type needs, has no use for, ranges and order."""

from __future__ import annotations

import math
from collections.abc import Callable

from neocalc._actus_terms import (
    ARRAY_TERMS,
    ARRAYS,
    CODES,
    EXAMPLES,
    NUMBERS,
    TIMES,
    WORDS,
    Contract,
    Findings,
    names_of,
    show_time,
)

AMORTIZING = ("LAM", "NAM", "ANN")
_RATES = ("nominalInterestRate", "nextResetRate", "lifeCap", "lifeFloor")
_ALL = frozenset((*NUMBERS, *TIMES, *WORDS, *CODES, *ARRAY_TERMS))
_INTEREST = frozenset(("cycleAnchorDateOfInterestPayment", "cycleOfInterestPayment"))
_REDEMPTION = names_of(
    """cycleAnchorDateOfPrincipalRedemption cycleOfPrincipalRedemption
    nextPrincipalRedemptionPayment"""
)
_RESET = frozenset(("cycleAnchorDateOfRateReset", "cycleOfRateReset", "rateSpread", "nextResetRate"))
_BASE = names_of(
    """interestCalculationBase interestCalculationBaseAmount cycleAnchorDateOfInterestCalculationBase
    cycleOfInterestCalculationBase"""
)
_SCALING = frozenset(name for name in (*NUMBERS, *TIMES, *WORDS, *CODES) if "caling" in name)
_PREPAYMENT = frozenset(("prepaymentEffect", "penaltyType", "penaltyRate"))
_NOTICE = frozenset(("xDayNotice",))
_EVERY_CASH = frozenset(("contractType", "contractRole", "statusDate", "notionalPrincipal"))
_AMORTIZATION = frozenset(("amortizationDate",))
_NO_CALL = (
    _REDEMPTION | _BASE | ARRAY_TERMS | _SCALING | _PREPAYMENT | _AMORTIZATION | {"capitalizationEndDate"}
)
# What a contract type has no use for; a neutral value does no harm.
_UNUSED = {
    "PAM": _REDEMPTION | _BASE | ARRAY_TERMS | _NOTICE | _AMORTIZATION,
    "LAM": ARRAY_TERMS | _NOTICE | _AMORTIZATION,
    "NAM": ARRAY_TERMS | _NOTICE | _AMORTIZATION,
    "ANN": ARRAY_TERMS | _NOTICE,
    "LAX": _INTEREST | _REDEMPTION | _RESET | _NOTICE | _AMORTIZATION,
    "CLM": _NO_CALL,
    "UMP": _NO_CALL | {"maturityDate"},
    "CSH": _ALL - _EVERY_CASH,
}
_NEUTRAL = {
    "scalingEffect": ("000", "OOO"),
    "penaltyType": ("O",),
    "prepaymentEffect": ("N",),
    "interestCalculationBase": ("NT",),
}


def judge(contract: Contract, row: int, findings: Findings) -> None:
    """Judge which terms a contract has, and whether they go together."""

    def miss(name: str, hint: str) -> None:
        findings.note(row, name, "term_missing", contract.type, hint)

    for name in ("contractType", "contractRole", "statusDate", "notionalPrincipal"):
        if not contract.has(name):
            miss(name, "every contract has it")
    if row in findings.bad:
        return
    unused = [name for name in _given(contract) if name in _UNUSED[contract.type]]
    for name in unused:
        findings.note(row, name, "term_conflict", contract.type, f"a {contract.type} has no such term")
    if contract.type != "CSH":
        if not contract.has("initialExchangeDate"):
            miss("initialExchangeDate", "when the principal is exchanged")
        _judge_schedules(contract, miss)
        _judge_extras(contract, miss)
        if contract.type == "LAX":
            _judge_arrays(contract, row, findings)
    _judge_ranges(contract, row, findings)
    _judge_order(contract, row, findings)


def _given(contract: Contract) -> list[str]:
    """The terms that say something."""
    found = [name for name, number in contract.numbers.items() if number != 0]
    found += [name for name, word in contract.words.items() if word not in _NEUTRAL.get(name, ())]
    return [*found, *contract.times, *contract.codes, *contract.arrays]


def _judge_schedules(contract: Contract, miss: Callable[[str, str], None]) -> None:
    kind, has = contract.type, contract.has
    paid = has("nextPrincipalRedemptionPayment")
    if kind == "PAM" and not has("maturityDate"):
        miss("maturityDate", "the principal is repaid then")
    if kind in AMORTIZING:
        if not has("cycleAnchorDateOfPrincipalRedemption", "cycleOfPrincipalRedemption"):
            miss("cycleOfPrincipalRedemption", "when principal is redeemed")
        if kind == "NAM" and not paid:
            miss("nextPrincipalRedemptionPayment", "what is paid each time, interest and principal")
        ends = has("maturityDate") or (kind == "ANN" and has("amortizationDate"))
        if not ends and not paid:
            miss("maturityDate", "or what is paid each time, from which it follows")
        if not ends and paid and not has("cycleOfPrincipalRedemption"):
            miss("cycleOfPrincipalRedemption", "from which the maturity follows")
    if kind == "LAX":
        for name in ARRAYS[0][:1] + ARRAYS[0][2:4]:
            if not has(str(name)):
                miss(str(name), "redemptions and draws")
        if has(ARRAYS[2][0]):
            for name in ARRAYS[2][2:4]:
                if not has(str(name)):
                    miss(str(name), "rate resets")
    rated = contract.numbers.get("nominalInterestRate") or has(
        "cycleAnchorDateOfRateReset", "cycleOfRateReset"
    )
    if (rated or has("arrayRate") or contract.words.get("feeBasis") == "N") and not has("dayCountConvention"):
        miss("dayCountConvention", "how interest is counted")


def _judge_extras(contract: Contract, miss: Callable[[str, str], None]) -> None:
    has, words = contract.has, contract.words
    if contract.numbers.get("feeRate"):
        if not has("feeBasis"):
            miss("feeBasis", EXAMPLES["feeBasis"])
        if not has("cycleAnchorDateOfFee", "cycleOfFee"):
            miss("cycleOfFee", "when fees are paid")
    base = "InterestCalculationBase"
    if words.get("interestCalculationBase") == "NTL" and not has(
        f"cycleAnchorDateOf{base}", f"cycleOf{base}"
    ):
        miss(f"cycleOf{base}", "when the base is fixed")
    if words.get("scalingEffect", "000") not in _NEUTRAL["scalingEffect"]:
        if not has("cycleAnchorDateOfScalingIndex", "cycleOfScalingIndex"):
            miss("cycleOfScalingIndex", "when payments are scaled")
        for name in ("marketObjectCodeOfScalingIndex", "scalingIndexAtContractDealDate"):
            if not has(name):
                miss(name, "by what payments are scaled")
    for date, price in (
        ("purchaseDate", "priceAtPurchaseDate"),
        ("terminationDate", "priceAtTerminationDate"),
    ):
        if has(date) != has(price):
            miss(price if has(date) else date, "a date and its price go together")
    if words.get("penaltyType") in ("A", "N") and not has("penaltyRate"):
        miss("penaltyRate", "what the penalty is")
    if words.get("penaltyType") == "I" and not has("marketObjectCodeOfRateReset"):
        miss("marketObjectCodeOfRateReset", "what the rate is compared with")


def _judge_arrays(contract: Contract, row: int, findings: Findings) -> None:
    for anchors, cycles, values, flags, _ in ARRAYS:
        starts = contract.arrays.get(anchors)
        if starts is None:
            for name in (cycles, values, flags):
                if name and contract.has(name):
                    findings.note(row, name, "term_conflict", hint=f"{anchors} says where its segments begin")
            continue
        if starts != sorted(set(starts)) or not starts:
            findings.note(row, anchors, "date_order", hint="segments begin one after the other")
        for name in (cycles, values, flags):
            given = contract.arrays.get(name or "")
            if (
                name
                and given is not None
                and len(given) != len(starts)
                and not (name == cycles and len(given) == 1)
            ):
                example = f"{len(given)} values for {len(starts)} segments"
                findings.note(row, name, "term_conflict", example, "one value for each segment")
    for name, low in (("arrayNextPrincipalRedemptionPayment", 0.0), ("arrayRate", -1.0)):
        for number in contract.arrays.get(name, []):
            if number <= low:
                findings.note(row, name, "range", number, f"above {low:g}")
            elif name == "arrayRate" and number > 1:
                findings.note(row, name, "rate_unit", number)


def _judge_ranges(contract: Contract, row: int, findings: Findings) -> None:
    numbers = contract.numbers
    rates = [*_RATES, *(["feeRate"] if contract.words.get("feeBasis") == "N" else [])]
    rates += ["penaltyRate"] if contract.words.get("penaltyType") == "N" else []
    for name in rates:
        rate = numbers.get(name, 0.0)
        if rate <= -1 or rate > 100:
            findings.note(row, name, "range", rate, "a rate of 5 % is 0.05")
        elif rate > 1:
            findings.note(row, name, "rate_unit", rate)
    for name in ("notionalPrincipal", "periodCap"):
        if numbers.get(name, 0.0) < 0:
            findings.note(row, name, "range", numbers[name], "not below 0; contractRole says who owes it")
    for name in ("nextPrincipalRedemptionPayment", "scalingIndexAtContractDealDate"):
        if numbers.get(name, 1.0) <= 0:
            findings.note(row, name, "range", numbers[name], "above 0")
    if numbers.get("lifeCap", math.inf) < numbers.get("lifeFloor", -math.inf):
        findings.note(row, "lifeCap", "range", numbers["lifeCap"], "not below lifeFloor")


def _judge_order(contract: Contract, row: int, findings: Findings) -> None:
    times = contract.times
    pairs = (
        ("initialExchangeDate", "maturityDate", 1),
        ("initialExchangeDate", "amortizationDate", 1),
        ("maturityDate", "amortizationDate", 0),
        ("initialExchangeDate", "purchaseDate", 0),
        ("initialExchangeDate", "terminationDate", 0),
        ("purchaseDate", "terminationDate", 0),
        ("purchaseDate", "maturityDate", 0),
        ("terminationDate", "maturityDate", 0),
    )
    for first, second, apart in pairs:
        if first in times and second in times and times[second] - times[first] < apart:
            later = second if first != "terminationDate" else first
            findings.note(row, later, "date_order", show_time(times[later]), f"{first} comes before {second}")
