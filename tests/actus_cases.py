"""Contracts of the published ACTUS tests, read from tables whose columns have other names than the terms."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from oracles.actus import END_OF_DAY, Row

DATES = {
    "status_date": "statusDate",
    "deal_date": "contractDealDate",
    "start_date": "initialExchangeDate",
    "maturity": "maturityDate",
    "ip_anchor": "cycleAnchorDateOfInterestPayment",
    "termination_date": "terminationDate",
    "purchase_date": "purchaseDate",
    "capitalize_until": "capitalizationEndDate",
    "rr_anchor": "cycleAnchorDateOfRateReset",
    "pr_anchor": "cycleAnchorDateOfPrincipalRedemption",
    "ib_anchor": "cycleAnchorDateOfInterestCalculationBase",
    "sc_anchor": "cycleAnchorDateOfScalingIndex",
    "amortization_date": "amortizationDate",
}
NUMBERS = {
    "notional": "notionalPrincipal",
    "rate": "nominalInterestRate",
    "premium_at_start": "premiumDiscountAtIED",
    "rr_multiplier": "rateMultiplier",
    "termination_price": "priceAtTerminationDate",
    "purchase_price": "priceAtPurchaseDate",
    "accrued_at_status": "accruedInterest",
    "rr_spread": "rateSpread",
    "pr_amount": "nextPrincipalRedemptionPayment",
    "rr_next_rate": "nextResetRate",
    "interest_base_amount": "interestCalculationBaseAmount",
    "sc_base": "scalingIndexAtContractDealDate",
    "sc_mult_notional": "notionalScalingMultiplier",
    "sc_mult_interest": "interestScalingMultiplier",
}
TEXTS = {
    "case_id": "contractID",
    "contract": "contractType",
    "currency": "currency",
    "ip_cycle": "cycleOfInterestPayment",
    "day_count": "dayCountConvention",
    "eom": "endOfMonthConvention",
    "role": "contractRole",
    "calendar": "calendar",
    "bdc": "businessDayConvention",
    "rr_cycle": "cycleOfRateReset",
    "rr_index": "marketObjectCodeOfRateReset",
    "pr_cycle": "cycleOfPrincipalRedemption",
    "rr_fixing_days": "fixingDays",
    "interest_base": "interestCalculationBase",
    "ib_cycle": "cycleOfInterestCalculationBase",
    "sc_index": "marketObjectCodeOfScalingIndex",
    "sc_cycle": "cycleOfScalingIndex",
    "scaling": "scalingEffect",
    "notice": "xDayNotice",
}
ARRAYS = {
    "ip_anchors": ("arrayCycleAnchorDateOfInterestPayment", "date"),
    "ip_cycles": ("arrayCycleOfInterestPayment", "text"),
    "pr_anchors": ("arrayCycleAnchorDateOfPrincipalRedemption", "date"),
    "pr_cycles": ("arrayCycleOfPrincipalRedemption", "text"),
    "pr_amounts": ("arrayNextPrincipalRedemptionPayment", "number"),
    "pr_signs": ("arrayIncreaseDecrease", "text"),
    "rr_anchors": ("arrayCycleAnchorDateOfRateReset", "date"),
    "rr_rates": ("arrayRate", "number"),
    "rr_fixvar": ("arrayFixedVariable", "text"),
}


@dataclass
class Case:
    """One published contract, and what it is said to do."""

    terms: dict[str, Any]
    observations: dict[str, list[tuple[datetime, float]]]
    to: datetime | None
    rows: list[Row]


def moment(text: str, end_of_day: str = "0") -> datetime:
    day = datetime.fromisoformat(text)
    return datetime.combine(day, END_OF_DAY) if end_of_day == "1" else day


def read_terms(row: dict[str, str]) -> dict[str, Any]:
    terms: dict[str, Any] = {}
    for column, text in row.items():
        if not text:
            continue
        if column in DATES:
            terms[DATES[column]] = moment(text)
        elif column in NUMBERS:
            terms[NUMBERS[column]] = float(text)
        elif column in TEXTS:
            terms[TEXTS[column]] = text
        elif column in ARRAYS:
            name, kind = ARRAYS[column]
            reads = {"date": moment, "number": float, "text": str}
            terms[name] = [reads[kind](part) for part in text.split("|")]
    return terms


def read_cases(folder: Path) -> dict[str, Case]:
    cases: dict[str, Case] = {}
    with (folder / "actus_cases.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            to = moment(row["horizon"], row["horizon_eod"]) if row["horizon"] else None
            cases[row["case_id"]] = Case(read_terms(row), {}, to, [])
    with (folder / "actus_rates.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            series = cases[row["case_id"]].observations.setdefault(row["code"], [])
            series.append((moment(row["date"]), float(row["value"])))
    with (folder / "actus_events.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            numbers = [float(row[name]) for name in ("payoff", "notional", "rate", "accrued")]
            cases[row["case_id"]].rows.append((moment(row["date"], row["eod"]), row["event"], *numbers))
    return cases
