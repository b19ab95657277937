"""ACTUS contracts worked out by hand: what the published cases do not cover, each amount as its arithmetic.

30E360 makes a month 1/12 and A365 counts days, so each factor can be read off the dates. Rows are
(date, type, payoff, notional, rate, accrued). References: sections of the ACTUS technical specification 1.1
(state transitions and payoffs by contract type) and the term descriptions of the ACTUS dictionary 1.4.
Longer than 500 lines because it is a table, read beside the specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oracles.actus import Row

day = datetime.fromisoformat


@dataclass
class Worked:
    """A contract and its events."""

    name: str
    terms: dict[str, Any]
    rows: list[Row]
    observations: dict[str, list[tuple[datetime, float]]] = field(default_factory=dict)
    to: datetime | None = None
    observed: list[tuple[datetime, str, float]] = field(default_factory=list)


WORKED: list[Worked] = []


def worked(
    name: str,
    terms: dict[str, Any],
    rows: list[tuple[str, str, float, float, float, float]],
    *,
    observations: dict[str, dict[str, float]] | None = None,
    to: str | None = None,
    observed: list[tuple[str, str, float]] | None = None,
) -> None:
    """Read dates and add a contract."""
    dated = {k: day(v) if isinstance(v, str) and ("Date" in k) else v for k, v in terms.items()}
    series = {code: [(day(at), v) for at, v in dates.items()] for code, dates in (observations or {}).items()}
    WORKED.append(
        Worked(
            name,
            {"contractID": name, **dated},
            [(day(at), *rest) for at, *rest in rows],  # type: ignore[misc]
            series,
            day(to) if to else None,
            [(day(at), kind, value) for at, kind, value in observed or []],
        )
    )


ASSET = {
    "contractRole": "RPA",
    "statusDate": "2023-12-31",
    "initialExchangeDate": "2024-01-01",
    "notionalPrincipal": 1200.0,
    "nominalInterestRate": 0.06,
    "dayCountConvention": "30E360",
}
MONTH = 0.06 / 12  # of interest under 30E360
QUARTERLY = {**ASSET, "cycleAnchorDateOfInterestPayment": "2024-04-01", "cycleOfInterestPayment": "P3ML1"}
PAM = {**QUARTERLY, "contractType": "PAM", "maturityDate": "2024-07-01"}
LAM = {
    **QUARTERLY,
    "contractType": "LAM",
    "maturityDate": "2024-10-01",
    "cycleAnchorDateOfPrincipalRedemption": "2024-04-01",
    "cycleOfPrincipalRedemption": "P3ML1",
    "nextPrincipalRedemptionPayment": 400.0,
}

# --- CLM, UMP, CSH --------------------------------------------------------------------------------------------------

CALL = {**ASSET, "contractType": "CLM", "dayCountConvention": "A365", "cycleOfInterestPayment": "P1ML1"}
JANUARY = 1200 * (1 + 0.06 * 31 / 365)  # 1 January to 1 February
FEBRUARY = JANUARY * (1 + 0.06 * 29 / 365)  # 2024 is a leap year
CLAIM = FEBRUARY * 0.06 * 10 / 365  # 1 to 11 March

worked(
    "CLM called with ten days' notice: interest to the call, paid with the principal at settlement",
    {**CALL, "xDayNotice": "P10D"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-01-01", "IPCI", 0.0, 1200.0, 0.06, 0.0),
        ("2024-02-01", "IPCI", 0.0, JANUARY, 0.06, 0.0),
        ("2024-03-01", "IPCI", 0.0, FEBRUARY, 0.06, 0.0),
        ("2024-03-11", "XD", 0.0, FEBRUARY, 0.06, 0.0),
        ("2024-03-21", "IP", CLAIM, FEBRUARY, 0.06, 0.0),
        ("2024-03-21", "STD", FEBRUARY, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-03-11", "XD", 0.0)],
)
worked(
    "CLM owed, called without notice on a day of its cycle: nothing is capitalised that day",
    {**CALL, "contractRole": "RPL", "xDayNotice": "P0D"},
    [
        ("2024-01-01", "IED", 1200.0, -1200.0, 0.06, 0.0),
        ("2024-01-01", "IPCI", 0.0, -1200.0, 0.06, 0.0),
        ("2024-02-01", "IPCI", 0.0, -JANUARY, 0.06, 0.0),
        ("2024-03-01", "XD", 0.0, -JANUARY, 0.06, -JANUARY * 0.06 * 29 / 365),
        ("2024-03-01", "IP", -JANUARY * 0.06 * 29 / 365, -JANUARY, 0.06, 0.0),
        ("2024-03-01", "STD", -JANUARY, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-03-01", "XD", 0.0)],
)
worked(
    "CLM that matures: the last, broken period is paid",
    {**CALL, "maturityDate": "2024-02-15", "xDayNotice": "P1M"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-01-01", "IPCI", 0.0, 1200.0, 0.06, 0.0),
        ("2024-02-01", "IPCI", 0.0, JANUARY, 0.06, 0.0),
        ("2024-02-15", "IP", JANUARY * 0.06 * 14 / 365, JANUARY, 0.06, 0.0),
        ("2024-02-15", "MD", JANUARY, 0.0, 0.06, 0.0),
    ],
)
DEPOSIT = {
    **ASSET,
    "contractType": "UMP",
    "contractRole": "RPL",
    "cycleAnchorDateOfInterestPayment": "2024-04-01",
    "cycleOfInterestPayment": "P3ML1",
}
HALF = 1200 * MONTH / 2  # half a month on 1,200
worked(
    "UMP: a deposit, 300 more paid in and 500 withdrawn, interest on what was there",
    DEPOSIT,
    [
        ("2024-01-01", "IED", 1200.0, -1200.0, 0.06, 0.0),
        ("2024-01-16", "PI", 300.0, -1500.0, 0.06, -HALF),
        ("2024-03-01", "PR", -500.0, -1000.0, 0.06, -(HALF + 1500 * MONTH * 1.5)),
        ("2024-04-01", "IPCI", 0.0, -(1000 + HALF + 1500 * MONTH * 1.5 + 1000 * MONTH), 0.06, 0.0),
    ],
    to="2024-06-30",
    observed=[("2024-01-16", "PI", 300.0), ("2024-03-01", "PR", 500.0)],
)
worked(
    "UMP sold: the price, and what has accrued since the first of April",
    {**DEPOSIT, "contractRole": "RPA", "terminationDate": "2024-05-01", "priceAtTerminationDate": 1190.0},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "IPCI", 0.0, 1218.0, 0.06, 0.0),  # 1200 x (1 + 0.06 / 4)
        ("2024-05-01", "TD", 1190.0 + 1218 * MONTH, 0.0, 0.06, 0.0),
    ],
    to="2024-12-31",
)
CASH = {
    "contractType": "CSH",
    "contractRole": "RPL",
    "statusDate": "2024-01-01",
    "notionalPrincipal": 750.0,
    "currency": "USD",
}
worked(
    "CSH: nothing happens, and it can be looked at",
    CASH,
    [("2024-02-10", "AD", 0.0, -750.0, 0.0, 0.0)],
    observed=[("2024-02-10", "AD", 0.0)],
)

# --- fees -----------------------------------------------------------------------------------------------------------

FEE = {"cycleAnchorDateOfFee": "2024-02-01", "cycleOfFee": "P3ML1"}
worked(
    "FP of 10 each time: received on an asset, and once more at maturity",
    {**PAM, **FEE, "feeBasis": "A", "feeRate": 10.0},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-02-01", "FP", 10.0, 1200.0, 0.06, 1200 * MONTH),
        ("2024-04-01", "IP", 1200 * MONTH * 3, 1200.0, 0.06, 0.0),
        ("2024-05-01", "FP", 10.0, 1200.0, 0.06, 1200 * MONTH),
        ("2024-07-01", "FP", 10.0, 1200.0, 0.06, 1200 * MONTH * 3),
        ("2024-07-01", "IP", 1200 * MONTH * 3, 1200.0, 0.06, 0.0),
        ("2024-07-01", "MD", 1200.0, 0.0, 0.06, 0.0),
    ],
)
worked(
    "FP of 1.2 % on what is owed, paid by a borrower, on top of 5 accrued before; the principal falls in between",
    {**LAM, **FEE, "contractRole": "RPL", "feeBasis": "N", "feeRate": 0.012, "feeAccrued": 5.0},
    [
        ("2024-01-01", "IED", 1200.0, -1200.0, 0.06, 0.0),
        ("2024-02-01", "FP", -(5 + 1200 * 0.001), -1200.0, 0.06, -1200 * MONTH),
        ("2024-04-01", "PR", -400.0, -800.0, 0.06, -1200 * MONTH * 3),
        ("2024-04-01", "IP", -1200 * MONTH * 3, -800.0, 0.06, 0.0),
        # Two months on 1,200 and one on 800.
        ("2024-05-01", "FP", -(1200 * 0.001 * 2 + 800 * 0.001), -800.0, 0.06, -800 * MONTH),
        ("2024-07-01", "PR", -400.0, -400.0, 0.06, -800 * MONTH * 3),
        ("2024-07-01", "IP", -800 * MONTH * 3, -400.0, 0.06, 0.0),
        ("2024-08-01", "FP", -(800 * 0.001 * 2 + 400 * 0.001), -400.0, 0.06, -400 * MONTH),
        ("2024-10-01", "FP", -400 * 0.001 * 2, -400.0, 0.06, -400 * MONTH * 3),
        ("2024-10-01", "IP", -400 * MONTH * 3, -400.0, 0.06, 0.0),
        ("2024-10-01", "MD", -400.0, 0.0, 0.06, 0.0),
    ],
)

# --- prepayment and penalties ---------------------------------------------------------------------------------------

HELD = 1200 * MONTH  # a month on 1,200
FEWER = 900 * MONTH
for penalty, extra, due, index in (
    ("A", {"penaltyRate": 7.0}, 7.0, {}),  # an amount
    (
        "N",
        {"penaltyRate": 0.02},
        0.02 * 1200 / 12,
        {},
    ),  # a rate on the notional since the last event: a month
    (
        "I",
        {"marketObjectCodeOfRateReset": "SWAP"},
        (0.06 - 0.045) * 1200 / 12,
        {"SWAP": {"2024-04-15": 0.045}},
    ),
    (
        "I",
        {"marketObjectCodeOfRateReset": "SWAP"},
        0.0,
        {"SWAP": {"2024-04-15": 0.065}},
    ),  # never below nothing
):
    worked(
        f"PP of 300 with penalty {penalty}: {due:g}",
        {**PAM, "prepaymentEffect": "A", "penaltyType": penalty, **extra},
        [
            ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
            ("2024-04-01", "IP", HELD * 3, 1200.0, 0.06, 0.0),
            ("2024-05-01", "PY", due, 1200.0, 0.06, HELD),
            ("2024-05-01", "PP", 300.0, 900.0, 0.06, HELD),
            ("2024-07-01", "IP", HELD + FEWER * 2, 900.0, 0.06, 0.0),
            ("2024-07-01", "MD", 900.0, 0.0, 0.06, 0.0),
        ],
        observations=index,
        observed=[("2024-05-01", "PP", 300.0)],
    )
worked(
    "PP, effect A, linear: 800 is left in two payments of 400; after 200 prepaid, 600 in two of 300",
    {**LAM, "prepaymentEffect": "A"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "PR", 400.0, 800.0, 0.06, HELD * 3),
        ("2024-04-01", "IP", HELD * 3, 800.0, 0.06, 0.0),
        ("2024-05-01", "PP", 200.0, 600.0, 0.06, 800 * MONTH),
        ("2024-07-01", "PR", 300.0, 300.0, 0.06, 800 * MONTH + 600 * MONTH * 2),
        ("2024-07-01", "IP", 800 * MONTH + 600 * MONTH * 2, 300.0, 0.06, 0.0),
        ("2024-10-01", "IP", 300 * MONTH * 3, 300.0, 0.06, 0.0),
        ("2024-10-01", "MD", 300.0, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-05-01", "PP", 200.0)],
)
worked(
    "PP, effect M, linear: payments stay at 400, so 400 prepaid ends the loan a quarter earlier",
    {**LAM, "prepaymentEffect": "M"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "PR", 400.0, 800.0, 0.06, HELD * 3),
        ("2024-04-01", "IP", HELD * 3, 800.0, 0.06, 0.0),
        ("2024-05-01", "PP", 400.0, 400.0, 0.06, 800 * MONTH),
        ("2024-07-01", "IP", 800 * MONTH + 400 * MONTH * 2, 400.0, 0.06, 0.0),
        ("2024-07-01", "MD", 400.0, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-05-01", "PP", 400.0)],
)
# Two payments X clear 1,000 at 1.5 % a quarter: X = 1000 x 1.015^2 / (1 + 1.015); the amount is fixed the day before
# the first, with interest up to it.
ANN = {
    **ASSET,
    "contractType": "ANN",
    "notionalPrincipal": 1000.0,
    "maturityDate": "2024-10-01",
    "cycleAnchorDateOfPrincipalRedemption": "2024-04-01",
    "cycleOfPrincipalRedemption": "P3ML1",
}
Q = 0.06 / 4
THREE = 1000 * (1 + Q) ** 3 / (1 + (1 + Q) + (1 + Q) ** 2)  # three payments
LEFT = 1000 - (THREE - 1000 * Q)
# On 1 May 100 is prepaid: 31 days' interest, a month under 30E360, has accrued on LEFT, two months are to come.
REST = (LEFT - 100 + LEFT * MONTH + (LEFT - 100) * MONTH * 2) * (1 + Q) / (1 + 1 + Q)
IN_JULY = LEFT * MONTH + (LEFT - 100) * MONTH * 2
worked(
    "PP, effect A, annuity: what is left is paid in equal amounts again",
    {**ANN, "prepaymentEffect": "A"},
    [
        ("2024-01-01", "IED", -1000.0, 1000.0, 0.06, 0.0),
        ("2024-03-31", "PRF", 0.0, 1000.0, 0.06, 1000 * 0.06 * 89 / 360),  # the 31st counts as the 30th
        ("2024-04-01", "PR", THREE - 1000 * Q, LEFT, 0.06, 1000 * Q),
        ("2024-04-01", "IP", 1000 * Q, LEFT, 0.06, 0.0),
        ("2024-05-01", "PP", 100.0, LEFT - 100, 0.06, LEFT * MONTH),
        ("2024-07-01", "PR", REST - IN_JULY, LEFT - 100 - (REST - IN_JULY), 0.06, IN_JULY),
        ("2024-07-01", "IP", IN_JULY, LEFT - 100 - (REST - IN_JULY), 0.06, 0.0),
        ("2024-10-01", "IP", REST - REST / (1 + Q), REST / (1 + Q), 0.06, 0.0),
        ("2024-10-01", "MD", REST / (1 + Q), 0.0, 0.06, 0.0),
    ],
    observed=[("2024-05-01", "PP", 100.0)],
)
# A loan of 800 at 6 % with 280 a quarter: after 300 prepaid, the second payment would be more than is owed.
PAID = 280 - 800 * Q
AFTER = 800 - PAID - 300
worked(
    "PP, effect M, annuity: the payment stays, and the one that would clear the balance is the last",
    {**ANN, "notionalPrincipal": 800.0, "nextPrincipalRedemptionPayment": 280.0, "prepaymentEffect": "M"},
    [
        ("2024-01-01", "IED", -800.0, 800.0, 0.06, 0.0),
        ("2024-04-01", "PR", PAID, 800 - PAID, 0.06, 800 * Q),
        ("2024-04-01", "IP", 800 * Q, 800 - PAID, 0.06, 0.0),
        ("2024-05-01", "PP", 300.0, AFTER, 0.06, (800 - PAID) * MONTH),
        ("2024-07-01", "IP", (800 - PAID) * MONTH + AFTER * MONTH * 2, AFTER, 0.06, 0.0),
        ("2024-07-01", "MD", AFTER, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-05-01", "PP", 300.0)],
)

# --- rates ----------------------------------------------------------------------------------------------------------

worked(
    "RR with caps and floors on the change and on the rate",
    {
        **PAM,
        "maturityDate": "2025-01-01",
        "cycleAnchorDateOfInterestPayment": "2025-01-01",
        "cycleAnchorDateOfRateReset": "2024-02-01",
        "cycleOfRateReset": "P2ML1",
        "marketObjectCodeOfRateReset": "SOFR",
        "rateSpread": 0.01,
        "rateMultiplier": 2.0,
        "periodCap": 0.015,
        "periodFloor": 0.02,
        "lifeCap": 0.08,
        "lifeFloor": 0.05,
    },
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        # 2 x 0.05 + 0.01 = 0.11: up by at most 0.015
        ("2024-02-01", "RR", 0.0, 1200.0, 0.075, 100 * 0.06),
        # 0.11 again: to 0.09, but never above 0.08
        ("2024-04-01", "RR", 0.0, 1200.0, 0.08, 100 * (0.06 + 0.15)),
        # 2 x 0.0225 + 0.01 = 0.055: down by at most 0.02
        ("2024-06-01", "RR", 0.0, 1200.0, 0.06, 100 * (0.06 + 0.15 + 0.16)),
        # 2 x 0.01 + 0.01 = 0.03: down to 0.04, but never below 0.05
        ("2024-08-01", "RR", 0.0, 1200.0, 0.05, 100 * (0.06 + 0.15 + 0.16 + 0.12)),
        # 2 x 0.0225 + 0.01 = 0.055: neither cap nor floor
        ("2024-10-01", "RR", 0.0, 1200.0, 0.055, 100 * (0.06 + 0.15 + 0.16 + 0.12 + 0.10)),
        ("2024-12-01", "RR", 0.0, 1200.0, 0.055, 100 * (0.06 + 0.15 + 0.16 + 0.12 + 0.10 + 0.11)),
        ("2025-01-01", "IP", 100 * (0.06 + 0.15 + 0.16 + 0.12 + 0.10 + 0.11 + 0.055), 1200.0, 0.055, 0.0),
        ("2025-01-01", "MD", 1200.0, 0.0, 0.055, 0.0),
    ],
    observations={
        "SOFR": {"2024-01-31": 0.05, "2024-05-20": 0.0225, "2024-07-01": 0.01, "2024-10-01": 0.0225}
    },
)
worked(
    "RRF: the rate known already counts from the first reset, the index from the second",
    {
        **PAM,
        "cycleAnchorDateOfRateReset": "2024-02-01",
        "cycleOfRateReset": "P3ML1",
        "marketObjectCodeOfRateReset": "SOFR",
        "nextResetRate": 0.12,
    },
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-02-01", "RRF", 0.0, 1200.0, 0.12, 6.0),
        ("2024-04-01", "IP", 6.0 + 24.0, 1200.0, 0.12, 0.0),
        ("2024-05-01", "RR", 0.0, 1200.0, 0.03, 12.0),
        ("2024-07-01", "IP", 12.0 + 6.0, 1200.0, 0.03, 0.0),
        ("2024-07-01", "MD", 1200.0, 0.0, 0.03, 0.0),
    ],
    observations={"SOFR": {"2024-05-01": 0.03}},
)

# --- interest base --------------------------------------------------------------------------------------------------

worked(
    "NTL: interest on the principal as it was when the base was last fixed",
    {
        **LAM,
        "interestCalculationBase": "NTL",
        "cycleAnchorDateOfInterestCalculationBase": "2024-08-01",
        "cycleOfInterestCalculationBase": "P6ML1",
    },
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "PR", 400.0, 800.0, 0.06, 18.0),
        ("2024-04-01", "IP", 18.0, 800.0, 0.06, 0.0),
        ("2024-07-01", "PR", 400.0, 400.0, 0.06, 18.0),
        ("2024-07-01", "IP", 18.0, 400.0, 0.06, 0.0),
        ("2024-08-01", "IPCB", 0.0, 400.0, 0.06, 6.0),
        ("2024-10-01", "IP", 6.0 + 4.0, 400.0, 0.06, 0.0),
        ("2024-10-01", "MD", 400.0, 0.0, 0.06, 0.0),
    ],
)
worked(
    "NTIED with an amount of its own: interest on 1,000 to the end",
    {**LAM, "interestCalculationBase": "NTIED", "interestCalculationBaseAmount": 1000.0},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "PR", 400.0, 800.0, 0.06, 15.0),
        ("2024-04-01", "IP", 15.0, 800.0, 0.06, 0.0),
        ("2024-07-01", "PR", 400.0, 400.0, 0.06, 15.0),
        ("2024-07-01", "IP", 15.0, 400.0, 0.06, 0.0),
        ("2024-10-01", "IP", 15.0, 400.0, 0.06, 0.0),
        ("2024-10-01", "MD", 400.0, 0.0, 0.06, 0.0),
    ],
)
worked(
    "NAM whose payment is below its interest: the principal grows by what is missing, and all is due at the end",
    {**ANN, "contractType": "NAM", "maturityDate": "2024-07-01", "nextPrincipalRedemptionPayment": 10.0},
    [
        ("2024-01-01", "IED", -1000.0, 1000.0, 0.06, 0.0),
        ("2024-04-01", "PR", -5.0, 1005.0, 0.06, 15.0),
        ("2024-04-01", "IP", 15.0, 1005.0, 0.06, 0.0),
        ("2024-07-01", "IP", 1005 * Q, 1005.0, 0.06, 0.0),
        ("2024-07-01", "MD", 1005.0, 0.0, 0.06, 0.0),
    ],
)

# --- purchase, termination, status date -----------------------------------------------------------------------------

for role, r in (("RPA", 1.0), ("RPL", -1.0)):
    worked(
        f"PRD and TD of {'an asset' if r > 0 else 'a liability'}: price and accrued interest change hands together",
        {
            **PAM,
            "contractRole": role,
            "purchaseDate": "2024-02-01",
            "priceAtPurchaseDate": 1190.0,
            "terminationDate": "2024-06-01",
            "priceAtTerminationDate": 1210.0,
        },
        [
            ("2024-02-01", "PRD", r * -(1190.0 + 6.0), r * 1200.0, 0.06, r * 6.0),
            ("2024-04-01", "IP", r * 18.0, r * 1200.0, 0.06, 0.0),
            ("2024-06-01", "TD", r * (1210.0 + 12.0), 0.0, 0.06, 0.0),
        ],
    )
worked(
    "A contract that runs already: its principal and accrued interest are those of the status date",
    {**PAM, "statusDate": "2024-02-16", "accruedInterest": 9.0},
    [
        ("2024-04-01", "IP", 9.0 + 1200 * 0.06 * 45 / 360, 1200.0, 0.06, 0.0),
        ("2024-07-01", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-07-01", "MD", 1200.0, 0.0, 0.06, 0.0),
    ],
)
worked(
    "An interest cycle that began a month before the exchange: the first payment holds that month",
    {**PAM, "cycleAnchorDateOfInterestPayment": "2023-12-01", "premiumDiscountAtIED": -20.0},
    [
        ("2024-01-01", "IED", -1180.0, 1200.0, 0.06, 6.0),
        ("2024-03-01", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-06-01", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-07-01", "IP", 6.0, 1200.0, 0.06, 0.0),
        ("2024-07-01", "MD", 1200.0, 0.0, 0.06, 0.0),
    ],
)

# --- scaling, credit events, days -----------------------------------------------------------------------------------

INDEXED = {
    **LAM,
    "cycleAnchorDateOfScalingIndex": "2024-06-01",
    "cycleOfScalingIndex": "P6ML1",
    "marketObjectCodeOfScalingIndex": "CPI",
    "scalingIndexAtContractDealDate": 200.0,
    "notionalScalingMultiplier": 1.0,
    "interestScalingMultiplier": 1.1,
}
for effect, on_principal, on_interest in (("IN0", 1.05, 1.05), ("I00", 1.0, 1.05), ("0N0", 1.05, 1.0)):
    before = 1.1 if "I" in effect else 1.0
    worked(
        f"SC {effect}: the index scales what is paid, not what is owed",
        {**INDEXED, "scalingEffect": effect},
        [
            ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
            ("2024-04-01", "PR", 400.0, 800.0, 0.06, 18.0),
            ("2024-04-01", "IP", 18.0 * before, 800.0, 0.06, 0.0),
            ("2024-06-01", "SC", 0.0, 800.0, 0.06, 8.0),
            ("2024-07-01", "PR", 400.0 * on_principal, 400.0, 0.06, 12.0),
            ("2024-07-01", "IP", 12.0 * on_interest, 400.0, 0.06, 0.0),
            ("2024-10-01", "IP", 6.0 * on_interest, 400.0, 0.06, 0.0),
            ("2024-10-01", "MD", 400.0 * on_principal, 0.0, 0.06, 0.0),
        ],
        observations={"CPI": {"2024-05-15": 210.0}},
    )
worked(
    "CE: after the default nothing is paid any more",
    PAM,
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-04-01", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-05-01", "CE", 0.0, 1200.0, 0.06, 6.0),
        ("2024-07-01", "IP", 0.0, 1200.0, 0.06, 0.0),
        ("2024-07-01", "MD", 0.0, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-05-01", "CE", 0.0)],
)
worked(
    "23:59:59 is the end of the day: it counts as the next, and is shown as it is",
    {**PAM, "cycleAnchorDateOfInterestPayment": "2024-03-31T23:59:59", "maturityDate": "2024-06-30T23:59:59"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-03-31T23:59:59", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-06-30T23:59:59", "IP", 18.0, 1200.0, 0.06, 0.0),
        ("2024-06-30T23:59:59", "MD", 1200.0, 0.0, 0.06, 0.0),
    ],
)
# 31 August and 30 November 2024 are Saturdays, 31 May is a Friday.
WEEKENDS = {
    **PAM,
    "dayCountConvention": "A365",
    "initialExchangeDate": "2024-05-31",
    "statusDate": "2024-05-30",
    "cycleAnchorDateOfInterestPayment": "2024-08-31",
    "maturityDate": "2024-11-30",
    "calendar": "MF",
}
for convention, first, first_counted, last, last_counted in (
    ("SCF", "2024-09-02", 94, "2024-12-02", 91),
    ("SCMF", "2024-08-30", 91, "2024-11-29", 91),
    ("SCP", "2024-08-30", 91, "2024-11-29", 91),
    ("CSF", "2024-09-02", 92, "2024-12-02", 91),
    ("CSMF", "2024-08-30", 92, "2024-11-29", 91),
    ("CSP", "2024-08-30", 92, "2024-11-29", 91),
    ("CSMP", "2024-08-30", 92, "2024-11-29", 91),
):
    worked(
        f"{convention}: weekends moved, days counted {'after' if convention[0] == 'S' else 'before'} the move",
        {**WEEKENDS, "businessDayConvention": convention},
        [
            ("2024-05-31", "IED", -1200.0, 1200.0, 0.06, 0.0),
            (first, "IP", 72.0 * first_counted / 365, 1200.0, 0.06, 0.0),
            (last, "IP", 72.0 * last_counted / 365, 1200.0, 0.06, 0.0),
            (last, "MD", 1200.0, 0.0, 0.06, 0.0),
        ],
    )
# 29 February to 31 August 2024, then to 28 February 2025, which is the maturity.
FEBRUARIES = {
    **PAM,
    "statusDate": "2024-02-28",
    "initialExchangeDate": "2024-02-29",
    "cycleAnchorDateOfInterestPayment": "2024-08-31",
    "cycleOfInterestPayment": "P6ML1",
    "maturityDate": "2025-02-28",
}
for convention, days, year in (
    ("30E360", (181, 178), 360),  # 6 x 30 + 30 - 29; 6 x 30 + 28 - 30
    ("30E360ISDA", (180, 178), 360),  # the end of February is a 30th, but not at maturity
    ("28E336", (168, 168), 336),  # 6 x 28 + 28 - 28
    ("A360", (184, 181), 360),
):
    worked(
        f"{convention}: from one end of February to the next",
        {**FEBRUARIES, "dayCountConvention": convention},
        [
            ("2024-02-29", "IED", -1200.0, 1200.0, 0.06, 0.0),
            ("2024-08-31", "IP", 72.0 * days[0] / year, 1200.0, 0.06, 0.0),
            ("2025-02-28", "IP", 72.0 * days[1] / year, 1200.0, 0.06, 0.0),
            ("2025-02-28", "MD", 1200.0, 0.0, 0.06, 0.0),
        ],
    )
worked(
    "AD looks and does not touch: under 30E360 a period cut at the 31st would count otherwise",
    {**PAM, "cycleAnchorDateOfInterestPayment": "2024-03-30"},
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-01-31", "AD", 0.0, 1200.0, 0.06, 0.2 * 29),
        ("2024-03-30", "IP", 0.2 * 89, 1200.0, 0.06, 0.0),
        ("2024-06-30", "IP", 0.2 * 90, 1200.0, 0.06, 0.0),
        ("2024-07-01", "IP", 0.2 * 1, 1200.0, 0.06, 0.0),
        ("2024-07-01", "MD", 1200.0, 0.0, 0.06, 0.0),
    ],
    observed=[("2024-01-31", "AD", 0.0)],
)
worked(
    "LAX: two draws of 300 and then 500 a month until nothing is left, at a rate that becomes floating",
    {
        **ASSET,
        "contractType": "LAX",
        "arrayCycleAnchorDateOfPrincipalRedemption": [day("2024-02-01"), day("2024-04-01")],
        "arrayCycleOfPrincipalRedemption": ["P1ML1"],
        "arrayNextPrincipalRedemptionPayment": [300.0, 900.0],
        "arrayIncreaseDecrease": ["INC", "DEC"],
        "arrayCycleAnchorDateOfRateReset": [day("2024-02-01"), day("2024-03-01")],
        "arrayRate": [0.12, 0.01],
        "arrayFixedVariable": ["FIX", "VAR"],
        "marketObjectCodeOfRateReset": "SOFR",
        "arrayCycleAnchorDateOfInterestPayment": [day("2024-04-01")],
    },
    [
        ("2024-01-01", "IED", -1200.0, 1200.0, 0.06, 0.0),
        ("2024-02-01", "PI", -300.0, 1500.0, 0.06, 6.0),
        ("2024-02-01", "RRF", 0.0, 1500.0, 0.12, 6.0),
        ("2024-03-01", "PI", -300.0, 1800.0, 0.12, 21.0),
        ("2024-03-01", "RR", 0.0, 1800.0, 0.04, 21.0),
        ("2024-04-01", "PR", 900.0, 900.0, 0.04, 27.0),
        ("2024-04-01", "IP", 27.0, 900.0, 0.04, 0.0),
        ("2024-05-01", "IP", 3.0, 900.0, 0.04, 0.0),
        ("2024-05-01", "MD", 900.0, 0.0, 0.04, 0.0),
    ],
    observations={"SOFR": {"2024-03-01": 0.03}},
)
