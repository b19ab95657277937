"""Random ACTUS contracts of every type, for the core and its oracle alike."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from oracles.actus import AMORTIZING, CALLED, END_OF_DAY

FIRST = datetime(2023, 6, 1)
# An index every month, and one for scaling.
OBSERVATIONS = {
    "RATE": [(FIRST + timedelta(days=30 * k), 0.02 + 0.004 * ((k * 7) % 11)) for k in range(130)],
    "PRICES": [(FIRST + timedelta(days=45 * k), 100.0 + 1.5 * k) for k in range(100)],
}
CONVENTIONS = ("NOS", "SCF", "SCMF", "SCP", "SCMP", "CSF", "CSMF", "CSP", "CSMP")
DAY_COUNTS = ("AA", "A360", "A365", "30E360", "30E360ISDA", "28E336")


def cycles(fast: bool = False) -> st.SearchStrategy[str]:
    units = [("D", 20, 90), ("W", 3, 20), ("M", 1, 7)]
    if not fast:
        units += [("Q", 1, 3), ("H", 1, 2), ("Y", 1, 1)]
    return st.sampled_from(units).flatmap(
        lambda unit: st.tuples(st.integers(unit[1], unit[2]), st.sampled_from("01")).map(
            lambda drawn: f"P{drawn[0]}{unit[0]}L{drawn[1]}"
        )
    )


def rounded(low: float, high: float, places: int) -> st.SearchStrategy[float]:
    scale = 10**places
    return st.integers(round(low * scale), round(high * scale)).map(lambda units: units / scale)


@st.composite
def contracts(  # noqa: C901
    draw: st.DrawFn, kind: str
) -> tuple[dict[str, Any], datetime | None, list[tuple[datetime, str, float]]]:
    """Terms, a horizon, and observed events."""
    start = datetime(2024, 1, 1) + timedelta(days=draw(st.integers(0, 400)))
    if draw(st.booleans()):  # month ends are where schedules go wrong
        start = (start.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    term = draw(st.integers(200, 2_000))
    end = start + timedelta(days=term)
    ends_of_day = draw(st.integers(0, 5)) == 0

    def moment(day: datetime) -> datetime:
        return datetime.combine(day, END_OF_DAY) if ends_of_day else day

    def within(low: int, high: int) -> datetime:
        return moment(start + timedelta(days=draw(st.integers(low, high))))

    def maybe(chance: int = 2) -> bool:
        return draw(st.integers(0, chance)) == 0

    terms: dict[str, Any] = {
        "contractID": "c",
        "contractType": kind,
        "contractRole": draw(st.sampled_from(("RPA", "RPL"))),
        "statusDate": start - timedelta(days=draw(st.integers(1, 30))),
        "initialExchangeDate": moment(start),
        "notionalPrincipal": draw(rounded(100, 50_000, 2)),
        "nominalInterestRate": draw(rounded(-0.02, 0.2, 5)),
        "dayCountConvention": draw(st.sampled_from(DAY_COUNTS)),
        "endOfMonthConvention": draw(st.sampled_from(("SD", "EOM"))),
    }
    if kind == "CSH":
        keep = ("contractID", "contractType", "contractRole", "statusDate", "notionalPrincipal")
        looks = sorted(draw(st.sets(st.integers(0, 900), max_size=4)))
        return {name: terms[name] for name in keep}, None, [(within(k, k), "AD", 0.0) for k in looks]
    if maybe(3):  # the contract runs already
        terms["statusDate"] = start + timedelta(days=draw(st.integers(0, 150)))
        if maybe(1):
            terms["accruedInterest"] = draw(rounded(0, 50, 2))
    if maybe(1):
        terms["calendar"] = "MF"
        terms["businessDayConvention"] = draw(st.sampled_from(CONVENTIONS))
    if maybe(1):
        terms["premiumDiscountAtIED"] = draw(rounded(-20, 20, 2))
    if kind != "UMP" and (kind in ("PAM", "CLM") or maybe(1)):
        terms["maturityDate"] = moment(end)

    if kind != "LAX":
        if maybe(3) is False:
            terms["cycleOfInterestPayment"] = draw(cycles())
        if maybe(1):
            terms["cycleAnchorDateOfInterestPayment"] = within(-40, 250)
        if maybe(2):
            terms["cycleOfRateReset"] = draw(cycles())
            terms["cycleAnchorDateOfRateReset"] = within(0, 200)
            terms["marketObjectCodeOfRateReset"] = "RATE"
            terms["rateSpread"] = draw(rounded(-0.01, 0.03, 4))
            terms["rateMultiplier"] = draw(rounded(0.5, 1.5, 1))
            if maybe(1):
                terms["nextResetRate"] = draw(rounded(0, 0.1, 4))
            if maybe(1):
                terms |= {"periodCap": 0.01, "periodFloor": draw(st.sampled_from((0.005, -0.005)))}
            if maybe(1):
                terms |= {"lifeCap": 0.09, "lifeFloor": 0.01}
    if maybe(3):
        terms |= {"cycleOfFee": draw(cycles()), "cycleAnchorDateOfFee": within(0, 200)}
        terms |= {"feeBasis": draw(st.sampled_from("AN")), "feeRate": draw(rounded(0.001, 0.02, 4))}
        terms["feeAccrued"] = draw(rounded(0, 3, 2))
    if kind not in CALLED:
        if maybe(3):
            terms["capitalizationEndDate"] = within(30, 500)
        if maybe(3):
            terms["scalingEffect"] = draw(st.sampled_from(("I00", "0N0", "IN0", "000")))
            terms |= {"cycleOfScalingIndex": draw(cycles()), "cycleAnchorDateOfScalingIndex": within(0, 300)}
            terms |= {"marketObjectCodeOfScalingIndex": "PRICES", "scalingIndexAtContractDealDate": 98.5}
            if maybe(1):
                terms |= {"interestScalingMultiplier": 1.02, "notionalScalingMultiplier": 0.97}
    if kind in (*AMORTIZING, "LAX") and maybe(2):
        terms["interestCalculationBase"] = draw(st.sampled_from(("NT", "NTL", "NTIED")))
        if terms["interestCalculationBase"] == "NTL":
            terms["cycleOfInterestCalculationBase"] = draw(cycles())
        if maybe(1):
            terms["interestCalculationBaseAmount"] = draw(rounded(100, 50_000, 2))
    if kind in AMORTIZING:
        _redemptions(draw, terms, kind, within, maybe)
    if kind == "LAX":
        _arrays(draw, terms, within, maybe, moment(end))
    if maybe(4):
        terms |= {"purchaseDate": within(0, 100), "priceAtPurchaseDate": draw(rounded(50, 900, 2))}
    if maybe(4):
        terms |= {"terminationDate": within(100, 199), "priceAtTerminationDate": draw(rounded(50, 900, 2))}
    observed = _observed(draw, terms, kind, within, maybe)
    horizon = within(300, 1_500) if maybe(2) or kind in CALLED else None
    return terms, horizon, observed


def _redemptions(draw: st.DrawFn, terms: dict[str, Any], kind: str, within: Any, maybe: Any) -> None:
    terms["cycleOfPrincipalRedemption"] = draw(cycles(fast=True))
    if maybe(1):
        terms["cycleAnchorDateOfPrincipalRedemption"] = within(1, 120)
    # Enough to cover a year's interest on all but some of them, so that the principal falls, or grows.
    share = draw(st.sampled_from((0.02, 0.1, 0.35)))
    amount = round(terms["notionalPrincipal"] * (share + 0.21), 2)
    if kind == "NAM" or "maturityDate" not in terms or maybe(1):
        terms["nextPrincipalRedemptionPayment"] = amount
    if kind == "ANN" and maybe(1):
        terms["amortizationDate"] = terms.get("maturityDate", within(400, 900)) + timedelta(
            days=draw(st.integers(0, 300))
        )
        if maybe(1):
            terms.pop("nextPrincipalRedemptionPayment", None)


def _arrays(draw: st.DrawFn, terms: dict[str, Any], within: Any, maybe: Any, end: datetime) -> None:
    def anchors(count: int, low: int) -> list[datetime]:
        days = draw(st.lists(st.integers(low, 190), min_size=count, max_size=count, unique=True))
        return [within(day, day) for day in sorted(days)]

    count = draw(st.integers(1, 3))
    terms["arrayCycleAnchorDateOfPrincipalRedemption"] = anchors(count, 5)
    terms["arrayCycleOfPrincipalRedemption"] = [
        draw(cycles(fast=True)) for _ in range(draw(st.sampled_from((1, count))))
    ]
    amounts = st.sampled_from((0.05, 0.2, 0.31))
    terms["arrayNextPrincipalRedemptionPayment"] = [
        round(terms["notionalPrincipal"] * draw(amounts), 2) for _ in range(count)
    ]
    # Nothing grows for ever where the maturity follows from the redemptions.
    signs = [draw(st.sampled_from(("INC", "DEC"))) for _ in range(count - 1)]
    terms["arrayIncreaseDecrease"] = [*signs, "DEC"]
    if maybe(1):
        count = draw(st.integers(1, 2))
        terms["arrayCycleAnchorDateOfInterestPayment"] = anchors(count, 0)
        if maybe(1):
            terms["arrayCycleOfInterestPayment"] = [draw(cycles()) for _ in range(count)]
    if maybe(1):
        count = draw(st.integers(1, 3))
        terms["arrayCycleAnchorDateOfRateReset"] = anchors(count, 0)
        terms["arrayRate"] = [draw(rounded(0.01, 0.09, 4)) for _ in range(count)]
        terms["arrayFixedVariable"] = [draw(st.sampled_from(("FIX", "VAR"))) for _ in range(count)]
        terms["marketObjectCodeOfRateReset"] = "RATE"
        if maybe(1):
            terms["arrayCycleOfRateReset"] = [draw(cycles())]


def _observed(
    draw: st.DrawFn, terms: dict[str, Any], kind: str, within: Any, maybe: Any
) -> list[tuple[datetime, str, float]]:
    observed = [(within(k, k), "AD", 0.0) for k in sorted(draw(st.sets(st.integers(0, 190), max_size=2)))]
    if kind in CALLED:
        if kind == "UMP":
            for day in draw(st.lists(st.integers(1, 90), max_size=3)):
                draws = draw(st.booleans())
                observed.append((within(day, day), "PI" if draws else "PR", 0.1 * terms["notionalPrincipal"]))
        if maybe(1):
            terms["xDayNotice"] = draw(st.sampled_from(("P0D", "P31D", "P2W", "P1M")))
            observed.append((within(91, 180), "XD", 0.0))
            if "terminationDate" in terms:
                del terms["terminationDate"], terms["priceAtTerminationDate"]
    elif maybe(2) and "terminationDate" not in terms:
        terms["prepaymentEffect"] = draw(st.sampled_from("AM"))
        if maybe(1):
            terms["penaltyType"] = draw(st.sampled_from("AN"))
            terms["penaltyRate"] = 0.5
        # Before the first redemption, where all of the principal is owed.
        observed.append((within(1, 4), "PP", round(0.3 * terms["notionalPrincipal"], 2)))
    if maybe(8):
        observed.append((within(50, 60), "CE", 0.0))
    return observed
