"""What a contract earns, bills and collects, day by day in fractions, without importing neocalc.

Amounts are minor units. Every day is looked at by itself, and each month's figures are read off sums over all days
up to its end; the library adds up stretches of days in whole numbers.
"""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from dataclasses import dataclass, field
from fractions import Fraction

DAY = dt.timedelta(days=1)
Curve = dict[dt.date, Fraction | None]


@dataclass
class Contract:
    start: dt.date
    end: dt.date
    price: tuple[str, Fraction]  # ("hourly" | "monthly" | "total", minor units)
    gpus: int = 0
    committed: Fraction = Fraction(1)
    prepaid: int | Fraction = 0  # an amount, or a share of the value
    prepaid_on: dt.date | None = None
    taken_over: dt.date | None = None  # then `prepaid` is what stood in the books
    renewal_months: int = 0
    renewal_rate: Fraction = Fraction(1)
    spot: bool = False
    spot_use: Fraction | None = None
    use: Curve = field(default_factory=dict)
    spot_prices: Curve = field(default_factory=dict)  # minor units an hour
    payment_days: int = 0


@dataclass
class Month:
    end: dt.date
    phase: str
    revenue: int | None
    billed: int | None
    cash: int | None
    deferred: int
    receivables: int | None
    remaining: int


def at(curve: Curve, day: dt.date, otherwise: Fraction | None) -> Fraction | None:
    before = [date for date in curve if date <= day]
    return curve[max(before)] if before else otherwise


def month_end(day: dt.date) -> dt.date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def months_later(day: dt.date, months: int) -> dt.date:
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return dt.date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def value_of(contract: Contract, day: dt.date) -> Fraction:
    kind, amount = contract.price
    if kind == "hourly":
        return amount * contract.gpus * 24
    if kind == "monthly":
        return amount / monthrange(day.year, day.month)[1]
    return amount / ((contract.end - contract.start).days + 1)


def value_between(contract: Contract, start: dt.date, end: dt.date) -> Fraction:
    return sum(
        (value_of(contract, start + n * DAY) for n in range((end - start).days + 1)), start=Fraction(0)
    )


def paid_share(contract: Contract, day: dt.date) -> Fraction | None:
    used = at(contract.use, day, Fraction(1))
    if used is None:
        return Fraction(1) if contract.committed == 1 else None
    return max(used, contract.committed)


def delivered(contract: Contract, until: dt.date) -> dict[str, dict[dt.date, Fraction | None]]:
    """What each day of each phase earns; None is not known."""
    renewed = months_later(contract.end + DAY, contract.renewal_months) - DAY
    first = contract.start if contract.taken_over is None else max(contract.start, contract.taken_over + DAY)
    found: dict[str, dict[dt.date, Fraction | None]] = {"contract": {}, "renewal": {}, "spot": {}}
    day = first
    while day <= until:
        if day <= renewed:
            phase, rate = (
                ("contract", Fraction(1)) if day <= contract.end else ("renewal", contract.renewal_rate)
            )
            share = paid_share(contract, day)
            found[phase][day] = None if share is None else share * rate * value_of(contract, day)
        elif contract.spot:
            share, price = at(contract.use, day, contract.spot_use), at(contract.spot_prices, day, None)
            known = share is not None and price is not None
            found["spot"][day] = (
                Fraction(0) if share == 0 else share * price * contract.gpus * 24 if known else None
            )
        day += DAY
    return found


def prepaid_amount(contract: Contract) -> int:
    if isinstance(contract.prepaid, int):
        return contract.prepaid
    return round(contract.prepaid * value_between(contract, contract.start, contract.end))


def schedule(contract: Contract, until: dt.date) -> list[Month]:
    """Every month of every phase in which it delivers, up to the month of a day."""
    days = delivered(contract, max(until, contract.end))
    amount, taken_over = prepaid_amount(contract), contract.taken_over
    paid_on = None if taken_over is not None else (contract.prepaid_on or contract.start)
    since = max(contract.start, taken_over + DAY if taken_over is not None else paid_on)  # type: ignore[type-var]
    whole = value_between(contract, since, contract.end)
    rows: list[Month] = []
    for phase, by_day in days.items():
        if not by_day:
            continue
        first, last = min(by_day), min(max(by_day), until)
        if phase == "contract":
            first = min(first, first if paid_on is None or not amount else paid_on)
            first = first if taken_over is None else taken_over + DAY
        ends = []
        day = month_end(first)
        while day <= month_end(max(last, contract.end if phase == "contract" else last)):
            ends.append(day)
            day = month_end(day + DAY)

        def earned(end: dt.date, by_day: dict[dt.date, Fraction | None] = by_day) -> int:
            # A day whose use is not known counts here with what is committed: only credits need it.
            return round(
                sum(
                    (
                        contract.committed * value_of(contract, day) if value is None else value
                        for day, value in by_day.items()
                        if day <= end
                    ),
                    start=Fraction(0),
                )
            )

        def unknown(end: dt.date, by_day: dict[dt.date, Fraction | None] = by_day) -> bool:
            return any(value is None and month_end(day) == end for day, value in by_day.items())

        earned_by = [0, *map(earned, ends)]
        if phase == "spot":
            earned_by = [0]
            for end in ends:
                known = [v for d, v in by_day.items() if d <= end and v is not None]
                earned_by.append(round(sum(known, start=Fraction(0))))
        credit = [0] * len(earned_by)
        if phase == "contract" and amount:
            net = [0]
            most = earned_by[-1] - amount
            for end, so_far in zip(ends, earned_by[1:], strict=True):
                share = (
                    value_between(contract, since, min(end, contract.end)) if end >= since else Fraction(0)
                )
                used = round(amount * share / whole)
                net.append(min(most, max(net[-1], so_far - used)))
            credit = [so_far - one for so_far, one in zip(earned_by, net, strict=True)]
        invoices: list[tuple[dt.date, int | None]] = []
        for n, end in enumerate(ends, start=1):
            revenue: int | None = earned_by[n] - earned_by[n - 1]
            invoice: int | None = revenue - (credit[n] - credit[n - 1])  # type: ignore[operator]
            if unknown(end):
                revenue = invoice = None
            if invoice != 0:
                invoices.append((end + contract.payment_days * DAY, invoice))
            received = amount if phase == "contract" and (paid_on is None or paid_on <= end) else 0
            upfront = (
                amount if phase == "contract" and paid_on is not None and month_end(paid_on) == end else 0
            )
            paid = [one for due, one in invoices if month_end(due) == end]
            owed = [one for due, one in invoices if due > end]
            remaining = 0
            if phase == "contract":
                begin = contract.start if taken_over is None else max(contract.start, taken_over + DAY)
                total = round(contract.committed * value_between(contract, begin, contract.end))
                done = round(contract.committed * value_between(contract, begin, min(end, contract.end)))
                remaining = total - done
            rows.append(
                Month(
                    end,
                    phase,
                    revenue,
                    None if invoice is None else invoice + upfront,
                    None if None in paid else sum(one or 0 for one in paid) + upfront,
                    received - credit[n] if phase == "contract" else 0,
                    None if None in owed else sum(one or 0 for one in owed),
                    remaining,
                )
            )
    return rows
