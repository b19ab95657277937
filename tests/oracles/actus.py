"""ACTUS contracts the slow way: plain Python floats and datetimes, one event after the other.

Written apart from the core, which it may not import. Terms stand under their ACTUS names, dates are datetimes
(23:59:59 is the end of a day), observations are ``{code: [(time, value), ...]}`` and observed events are
``[(time, type, value), ...]``. A row of the result is (time, type, payoff, notional, rate, accrued).

Source: the technical specification of ACTUS, version 1.1, and its dictionary, version 1.4; where the published test
cases contradict the text, the cases win.
Longer than 500 lines because a contract is followed from its terms to its last event in one place.
"""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

Row = tuple[datetime, str, float, float, float, float]
Terms = dict[str, Any]

END_OF_DAY = time(23, 59, 59)
FAR = datetime(2200, 1, 1)
RANK = {
    kind: rank
    for rank, kind in enumerate(
        [
            "IED",
            "FP",
            "PR",
            "PI",
            "PY",
            "PP",
            "XD",
            "IP",
            "IPCI",
            "CE",
            "RRF",
            "RR",
            "PRF",
            "PRD",
            "TD",
            "SC",
            "IPCB",
            "STD",
            "MD",
            "AD",
        ]
    )
}
UNITS = {
    "D": ("days", 1),
    "W": ("days", 7),
    "M": ("months", 1),
    "Q": ("months", 3),
    "H": ("months", 6),
    "Y": ("months", 12),
}
AMORTIZING = ("LAM", "NAM", "ANN")
CALLED = ("CLM", "UMP")


# --- time -----------------------------------------------------------------------------------------------------------


def civil(moment: datetime) -> date:
    """The day for counting: the end of a day is the beginning of the next."""
    day = moment.date()
    return day + timedelta(days=1) if moment.time() == END_OF_DAY else day


def year_fraction(convention: str, start: datetime, end: datetime, maturity: datetime | None = None) -> float:
    s, t = civil(start), civil(end)
    if convention == "A360":
        return (t - s).days / 360
    if convention == "A365":
        return (t - s).days / 365
    if convention == "AA":
        total, day = 0.0, s
        while day < t:
            stop = min(t, date(day.year + 1, 1, 1))
            total += (stop - day).days / (366 if calendar.isleap(day.year) else 365)
            day = stop
        return total
    cap, year = (28, 336) if convention == "28E336" else (30, 360)
    first, second = min(s.day, cap), min(t.day, cap)
    if convention == "30E360ISDA":
        if s.month == 2 and s.day == calendar.monthrange(s.year, 2)[1]:
            first = 30
        if (
            t.month == 2
            and t.day == calendar.monthrange(t.year, 2)[1]
            and (maturity is None or t != civil(maturity))
        ):
            second = 30
    return (year * (t.year - s.year) + cap * (t.month - s.month) + second - first) / year


def split_cycle(text: str) -> tuple[str, int, bool]:
    """``P2ML0`` is ("months", 2, long last stub)."""
    body, _, stub = text.partition("L")
    step, size = UNITS[body[-1]]
    return step, int(body[1:-1]) * size, stub == "0"


def step_from(anchor: datetime, cycle: str, times: int, eom: bool) -> datetime:
    step, size, _ = split_cycle(cycle)
    if step == "days":
        return anchor + timedelta(days=size * times)
    index = anchor.year * 12 + anchor.month - 1 + size * times
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    at_end = anchor.day == calendar.monthrange(anchor.year, anchor.month)[1]
    day = last if eom and at_end and anchor.day < 31 else min(anchor.day, last)
    return anchor.replace(year=year, month=month + 1, day=day)


def schedule(
    start: datetime | None,
    cycle: str | None,
    end: datetime | None,
    with_end: bool,
    eom: bool,
    stop: datetime = FAR,
) -> list[datetime]:
    """Dates from the anchor while before the end, then the end itself; ``end`` None runs to ``stop``."""
    if start is None:
        return []
    # The end of a day comes after its beginning.
    limit = (
        None
        if end is None
        else end.date() + timedelta(days=end.time() == END_OF_DAY and start.time() != END_OF_DAY)
    )
    dates: list[datetime] = []
    times = 0
    while True:
        at = step_from(start, cycle, times, eom) if cycle else start
        past = at > stop if limit is None else at.date() >= limit
        if past or (times and not cycle):
            break
        dates.append(at)
        times += 1
    if cycle and limit is not None and split_cycle(cycle)[2] and at.date() != limit and len(dates) > 1:
        dates.pop()
    if with_end and end is not None:
        dates.append(end)
    return dates


def shift(moment: datetime, convention: str, weekends: bool) -> datetime:
    if not weekends or convention in ("NOS", "NULL"):
        return moment
    rule = convention[2:]
    ahead = 1 if rule.endswith("F") else -1

    def walk(step: int) -> datetime:
        at = moment
        while at.weekday() >= 5:
            at += timedelta(days=step)
        return at

    moved = walk(ahead)
    if rule.startswith("M") and moved.month != moment.month:
        moved = walk(-ahead)
    return moved


# --- a contract -----------------------------------------------------------------------------------------------------


@dataclass
class Event:
    kind: str
    shown: datetime
    counted: datetime
    value: float = 0.0

    def key(self) -> tuple[datetime, datetime, int]:
        return self.shown, self.counted, RANK[self.kind]


class Contract:
    def __init__(
        self,
        terms: Terms,
        observations: dict[str, list[tuple[datetime, float]]],
        to: datetime | None,
        observed: list[tuple[datetime, str, float]],
    ) -> None:
        self.terms = terms
        self.observations = observations
        self.to = to
        self.observed = observed
        self.type = terms["contractType"]
        self.sign = {"RPA": 1.0, "RPL": -1.0}[terms["contractRole"]]
        self.status: datetime = terms["statusDate"]
        self.start: datetime = terms.get("initialExchangeDate", self.status)
        self.eom = terms.get("endOfMonthConvention", "SD") == "EOM"
        self.convention = terms.get("businessDayConvention", "NOS")
        self.weekends = terms.get("calendar", "NC") == "MF"
        self.day_count = terms.get("dayCountConvention", "A365")
        self.principal: float = terms["notionalPrincipal"]

    # schedules ------------------------------------------------------------------------------------------------------

    def fraction(self, start: datetime, end: datetime) -> float:
        return year_fraction(self.day_count, start, end, self.maturity)

    def anchored(self, what: str, with_end: bool, end: datetime | None) -> list[datetime]:
        anchor = self.terms.get(f"cycleAnchorDateOf{what}")
        cycle = self.terms.get(f"cycleOf{what}")
        if anchor is None and cycle is None:
            return []
        if anchor is None:
            anchor = step_from(self.start, cycle, 1, self.eom)
        return schedule(anchor, cycle, end, with_end, self.eom, self.stop)

    def first_redemption(self) -> datetime:
        anchor = self.terms.get("cycleAnchorDateOfPrincipalRedemption")
        if anchor is not None:
            return anchor
        return step_from(self.start, self.terms["cycleOfPrincipalRedemption"], 1, self.eom)

    def first_due(self) -> tuple[datetime, int]:
        """The first redemption date that has not passed, and its number."""
        first, times = self.first_redemption(), 0
        cycle = self.terms["cycleOfPrincipalRedemption"]
        while (at := step_from(first, cycle, times, self.eom)) <= self.status:
            times += 1
        return at, times

    def find_maturity(self) -> datetime | None:
        terms = self.terms
        if terms.get("maturityDate") is not None:
            return terms["maturityDate"]
        if self.type == "ANN" and terms.get("amortizationDate") is not None:
            return terms["amortizationDate"]
        if self.type in AMORTIZING:
            paid = terms["nextPrincipalRedemptionPayment"]
            first, times = self.first_due()
            cycle = terms["cycleOfPrincipalRedemption"]
            if self.type != "LAM":
                self.maturity = None
                after = step_from(self.first_redemption(), cycle, times + 1, self.eom)
                paid -= self.principal * terms["nominalInterestRate"] * self.fraction(first, after)
            count = math.ceil(self.principal / paid - 1e-9)
            return step_from(self.first_redemption(), cycle, times + count - 1, self.eom)
        if self.type == "LAX":
            owed = self.principal
            for at, amount in sorted(self.array_payments(None)):
                if at <= self.status:
                    continue
                owed += amount
                if owed <= 1e-9 * self.principal:
                    return at
        return None

    def array(self, what: str, end: datetime | None, with_end: bool) -> list[list[datetime]]:
        """The dates of each segment."""
        anchors = self.terms.get(f"arrayCycleAnchorDateOf{what}") or []
        cycles = self.terms.get(f"arrayCycleOf{what}") or []
        if len(cycles) == 1:
            cycles = cycles * len(anchors)
        segments = []
        for i, anchor in enumerate(anchors):
            last = i + 1 == len(anchors)
            until = end if last else anchors[i + 1]
            dates = schedule(anchor, cycles[i], until, False, self.eom, self.stop) if cycles else [anchor]
            segments.append([at for at in dates if end is None or at < end])
        if with_end and end is not None:
            segments.append([end])
        return segments

    def array_payments(self, end: datetime | None) -> list[tuple[datetime, float]]:
        """Draws positive, redemptions negative."""
        found = []
        amounts = self.terms["arrayNextPrincipalRedemptionPayment"]
        signs = self.terms["arrayIncreaseDecrease"]
        for dates, amount, sign in zip(
            self.array("PrincipalRedemption", end, False), amounts, signs, strict=True
        ):
            found += [(at, amount if sign == "INC" else -amount) for at in dates]
        return found

    def interest_dates(self) -> list[datetime]:
        end = self.maturity
        if self.type == "LAX":
            dates = sorted({at for part in self.array("InterestPayment", end, True) for at in part})
        elif self.type in CALLED:
            if (
                "cycleOfInterestPayment" not in self.terms
                and "cycleAnchorDateOfInterestPayment" not in self.terms
            ):
                return []
            anchor = self.terms.get("cycleAnchorDateOfInterestPayment", self.start)
            return schedule(anchor, self.terms.get("cycleOfInterestPayment"), end, False, self.eom, self.stop)
        elif self.type in ("NAM", "ANN"):
            first = self.first_redemption()
            own = [at for at in self.anchored("InterestPayment", False, first) if at < first]
            dates = own + self.redemptions() + [end]
        else:
            dates = self.anchored("InterestPayment", True, end) or [end]
        return dates

    def redemptions(self) -> list[datetime]:
        return schedule(
            self.first_redemption(),
            self.terms.get("cycleOfPrincipalRedemption"),
            self.maturity,
            False,
            self.eom,
        )

    def events(self) -> list[Event]:  # noqa: C901
        terms = self.terms
        found: list[Event] = []

        def add(kind: str, dates: list[datetime], value: float = 0.0, moves: bool = True) -> None:
            for at in dates:
                moved = shift(at, self.convention, self.weekends) if moves else at
                counted = at if self.convention.startswith("CS") else moved
                found.append(Event(kind, moved, counted, value))

        if self.type == "CSH":
            return [Event(kind, at, at, value) for at, kind, value in self.observed]
        end = self.maturity
        add("IED", [self.start], moves=False)
        if self.type == "LAX":
            for at, amount in self.array_payments(end):
                add("PI" if amount > 0 else "PR", [at], abs(amount))
            kinds = terms.get("arrayFixedVariable") or []
            for dates, rate, kind in zip(
                self.array("RateReset", end, False), terms.get("arrayRate") or [], kinds, strict=False
            ):
                add("RRF" if kind.startswith("F") else "RR", dates, rate)
        elif self.type in AMORTIZING:
            add("PR", self.redemptions())
        interest = self.interest_dates()
        if self.type in CALLED:
            add("IPCI", interest)
            if end is not None:
                add("IP", [end], moves=False)
        else:
            add("IP", interest)
            if terms.get("capitalizationEndDate") is not None:
                add("IPCI", [terms["capitalizationEndDate"]])
                stop = found[-1].counted
                found = [e for e in found if e.kind != "IP" or e.counted != stop]
                for e in found:
                    e.kind = "IPCI" if e.kind == "IP" and e.counted < stop else e.kind
        if terms.get("feeRate"):
            add("FP", self.anchored("Fee", True, end))
        if self.type != "LAX":
            resets = self.anchored("RateReset", False, end)
            known = terms.get("nextResetRate")
            if known is not None:
                first = next((at for at in resets if at > self.status and at >= self.start), None)
                if first is not None:
                    add("RRF", [first], known)
                    resets = [at for at in resets if at != first]
            add("RR", resets, terms.get("rateSpread", 0.0))
        if terms.get("interestCalculationBase") == "NTL":
            add("IPCB", self.anchored("InterestCalculationBase", False, end))
        if terms.get("scalingEffect", "000") not in ("000", "OOO"):
            add("SC", self.anchored("ScalingIndex", False, end))
        if end is not None:
            add("MD", [end], moves=self.type not in CALLED)
        if self.type == "ANN":
            found += [Event("PRF", e.shown, e.counted) for e in found if e.kind in ("RR", "RRF")]
            day_before = self.first_fixing()
            if day_before is not None:
                found.append(Event("PRF", day_before, day_before))
        if terms.get("purchaseDate") is not None:
            add("PRD", [terms["purchaseDate"]], moves=False)
        if terms.get("terminationDate") is not None:
            add("TD", [terms["terminationDate"]], moves=False)
        found = [e for e in found if e.shown >= self.start]
        for at, kind, value in self.observed:
            if kind == "PP" and terms.get("penaltyType", "O") != "O":
                found.append(Event("PY", at, at))
            found.append(Event("PI" if kind == "PD" else kind, at, at, value))
        return found

    def first_fixing(self) -> datetime | None:
        """When the first payment of an annuity is fixed; None when that is past, before the start, or never."""
        if self.terms.get("nextPrincipalRedemptionPayment") is not None:
            return None
        first = self.first_redemption()
        day_before = min(first, shift(first, self.convention, self.weekends)) - timedelta(days=1)
        return day_before if day_before >= self.start and day_before > self.status else None

    # the run --------------------------------------------------------------------------------------------------------

    def observe(self, code: str, at: datetime) -> float:
        values = [value for when, value in self.observations[code] if when <= at]
        return values[-1]

    def annuity(self, at: datetime, from_start: bool = False) -> float:
        """What is paid on each remaining date so that nothing is left on the last, per unit of sign."""
        last = self.terms.get("amortizationDate") or self.maturity
        cycle = self.terms["cycleOfPrincipalRedemption"]
        grid = [*schedule(self.first_redemption(), cycle, last, False, self.eom), last]
        grid = [t for t in grid if t > at or (from_start and t == at)]
        periods = [self.rate * self.fraction(a, b) for a, b in pairwise(grid)]
        owed = self.notional + self.accrued + self.rate * self.base * self.fraction(at, grid[0])
        growth = [math.prod(1 + p for p in periods[i:]) for i in range(len(periods))]
        return abs(owed) * math.prod(1 + p for p in periods) / (1 + sum(growth))

    def run(self) -> list[Row]:  # noqa: C901
        terms, sign = self.terms, self.sign
        self.stop = FAR
        self.maturity = self.find_maturity()
        self.stop = self.to or FAR
        self.notional = self.base = self.rate = self.accrued = self.fee = 0.0
        self.clock = self.status
        self.called = False
        self.claim = 0.0
        self.share = 1.0  # of what was to be redeemed, after prepayments that lower it
        scaling = terms.get("scalingEffect", "000")
        self.scale_principal = terms.get("notionalScalingMultiplier", 1.0) if "N" in scaling else 1.0
        self.scale_interest = terms.get("interestScalingMultiplier", 1.0) if "I" in scaling else 1.0
        self.performing = terms.get("contractPerformance", "PF") != "DF"
        follows = terms.get("interestCalculationBase", "NT") == "NT" or self.type not in (*AMORTIZING, "LAX")
        fixed_base = sign * terms.get("interestCalculationBaseAmount", self.principal)
        if self.start <= self.status or self.type == "CSH":
            self.notional = sign * self.principal
            self.base = self.notional if follows else fixed_base
            self.rate = terms.get("nominalInterestRate", 0.0)
            self.accrued = sign * terms.get("accruedInterest", 0.0)
        self.fee = sign * terms.get("feeAccrued", 0.0)
        self.paid = terms.get("nextPrincipalRedemptionPayment")
        events = sorted(self.events(), key=Event.key)
        if self.type == "LAM" and self.paid is None:
            due = [at for at in self.redemptions() if at > self.status and at >= self.start]
            self.paid = self.principal / (len(due) + 1)
        if self.type == "ANN" and self.paid is None and self.first_fixing() is None:
            if self.start > self.status:
                self.begin()
            self.paid = self.annuity(max(self.start, self.status), from_start=self.start > self.status)
            if self.start > self.status:
                self.notional = self.base = self.rate = self.accrued = 0.0
                self.clock = self.status
        rows: list[Row] = []
        queue = [e for e in events if e.shown > self.status]
        purchase = next((e for e in queue if e.kind == "PRD"), None)
        shortens = terms.get("prepaymentEffect") == "M"
        prepaid = False
        while queue:
            event = queue.pop(0)
            kind, shown = event.kind, event.shown
            if self.to is not None and shown > self.to:
                break
            owned = purchase is None or event.key() >= purchase.key()
            if kind == "AD":
                if owned:
                    accrued = self.accrued + self.interest(event.counted)
                    rows.append((shown, kind, 0.0, self.notional, self.rate, accrued))
                continue
            close = abs(self.notional) - 1e-9 * self.principal
            if kind == "PR" and shortens and prepaid and self.sign * self.redeemed(event) >= close:
                # The payment that would clear the balance is the maturity.
                last_fee = max((e.shown for e in events if e.kind == "FP" and e.shown <= shown), default=None)
                fees = terms.get("feeBasis") == "N" and terms.get("feeRate") and last_fee != shown
                kinds = ["FP", "IP", "MD"] if fees else ["IP", "MD"]
                queue = [Event(kind, shown, event.counted) for kind in kinds]
                continue
            payoff = self.apply(event) if self.performing else 0.0 * self.apply(event)
            prepaid = prepaid or kind == "PP"
            if owned:
                rows.append((shown, kind, payoff, self.notional, self.rate, self.accrued))
            if kind == "CE":
                self.performing = False
            if kind in ("TD", "MD", "STD"):
                break
            if kind == "XD":
                settlement = self.settles(shown)
                if self.maturity is not None and settlement >= self.maturity:
                    continue
                self.called = True
                if settlement > shown:
                    # What has accrued is a claim from now on, and shown as accrued no longer.
                    self.claim, self.accrued = self.accrued, 0.0
                    rows[-1] = (*rows[-1][:5], 0.0)
                ends = [Event("IP", settlement, event.counted), Event("STD", settlement, event.counted)]
                stays = [(at, kind) for at, kind, _ in self.observed]
                queue = [*ends, *(e for e in queue if e.kind == "TD" or (e.shown, e.kind) in stays)]
                queue.sort(key=Event.key)
        return rows

    def settles(self, called: datetime) -> datetime:
        return step_from(called, self.terms.get("xDayNotice", "P0D"), 1, False)

    def interest(self, at: datetime) -> float:
        if self.called or at <= self.clock:
            return 0.0
        return self.fraction(self.clock, at) * self.rate * self.base

    def begin(self) -> None:
        terms, sign = self.terms, self.sign
        self.notional = sign * self.principal
        self.rate = terms.get("nominalInterestRate", 0.0)
        anchor = terms.get("cycleAnchorDateOfInterestPayment")
        if terms.get("accruedInterest") is not None:
            self.accrued = sign * terms["accruedInterest"]
        elif anchor is not None and anchor < self.start:
            self.accrued = self.fraction(anchor, self.start) * self.notional * self.rate
        else:
            self.accrued = 0.0
        self.base = self.notional
        if terms.get("interestCalculationBase", "NT") != "NT" and self.type in (*AMORTIZING, "LAX"):
            self.base = sign * terms.get("interestCalculationBaseAmount", self.principal)
        self.clock = self.start

    def redeemed(self, event: Event) -> float:
        """Principal of a redemption, signed, never more than is owed."""
        if self.type == "LAM":
            part = self.sign * self.paid
        elif self.type in ("LAX", "UMP"):
            part = self.sign * event.value * self.share
        else:
            part = self.sign * self.paid - self.accrued - self.interest(event.counted)
        return self.sign * min(self.sign * part, self.sign * self.notional)

    def follow(self) -> None:
        if self.terms.get("interestCalculationBase", "NT") == "NT" or self.type not in (*AMORTIZING, "LAX"):
            self.base = self.notional

    def apply(self, event: Event) -> float:  # noqa: C901
        terms, sign, at, kind = self.terms, self.sign, event.counted, event.kind
        if kind == "IED":
            self.begin()
            return -sign * (self.principal + terms.get("premiumDiscountAtIED", 0.0))
        part = self.redeemed(event) if kind == "PR" else 0.0
        years = self.fraction(self.clock, at) if at > self.clock else 0.0
        earned = self.interest(at)
        if terms.get("feeBasis") == "N":
            self.fee += years * self.notional * terms.get("feeRate", 0.0)
        self.accrued += earned
        before = self.notional
        self.clock = max(self.clock, at)
        if kind == "PR":
            self.notional -= part
            self.follow()
            return self.scale_principal * part
        if kind == "PI":
            self.notional += sign * event.value
            self.follow()
            return -self.scale_principal * sign * event.value
        if kind == "PP":
            self.notional -= sign * event.value
            self.follow()
            if terms.get("prepaymentEffect") == "A":
                if self.type == "ANN":
                    self.paid = self.annuity(at)
                elif self.paid is not None:
                    self.paid *= self.notional / before
                self.share *= self.notional / before
            return sign * event.value
        if kind == "PY":
            if terms["penaltyType"] == "A":
                return sign * terms["penaltyRate"]
            rate = terms.get("penaltyRate", 0.0)
            if terms["penaltyType"] == "I":
                rate = max(0.0, self.rate - self.observe(terms["marketObjectCodeOfRateReset"], at))
            return rate * years * self.notional
        if kind == "FP":
            fee, self.fee = self.fee, 0.0
            return sign * terms["feeRate"] if terms["feeBasis"] == "A" else fee
        if kind == "IP":
            due, self.accrued, self.claim = self.accrued + self.claim, 0.0, 0.0
            return self.scale_interest * due
        if kind == "IPCI":
            self.notional += self.accrued
            self.accrued = 0.0
            self.follow()
        elif kind == "RRF":
            self.rate = event.value
        elif kind == "RR":
            index = self.observe(terms["marketObjectCodeOfRateReset"], at)
            change = index * terms.get("rateMultiplier", 1.0) + event.value - self.rate
            change = min(
                max(change, -abs(terms.get("periodFloor", math.inf))), terms.get("periodCap", math.inf)
            )
            self.rate = min(
                max(self.rate + change, terms.get("lifeFloor", -math.inf)), terms.get("lifeCap", math.inf)
            )
        elif kind == "PRF":
            self.paid = self.annuity(at)
        elif kind == "IPCB":
            self.base = self.notional
        elif kind == "SC":
            factor = (
                self.observe(terms["marketObjectCodeOfScalingIndex"], at)
                / terms["scalingIndexAtContractDealDate"]
            )
            if "N" in terms["scalingEffect"]:
                self.scale_principal = factor
            if "I" in terms["scalingEffect"]:
                self.scale_interest = factor
        elif kind == "PRD":
            return -sign * terms["priceAtPurchaseDate"] - self.accrued
        elif kind in ("TD", "MD", "STD"):
            owed, due, self.claim = self.notional, self.accrued + self.claim, 0.0
            self.notional = self.accrued = self.base = self.fee = 0.0
            if kind == "TD":
                return sign * terms["priceAtTerminationDate"] + due
            return self.scale_principal * owed + self.scale_interest * due
        return 0.0


def events(
    terms: Terms,
    observations: dict[str, list[tuple[datetime, float]]] | None = None,
    to: datetime | None = None,
    observed: list[tuple[datetime, str, float]] | None = None,
) -> list[Row]:
    """Every event after the status date, up to and with ``to``."""
    return Contract(terms, observations or {}, to, observed or []).run()
