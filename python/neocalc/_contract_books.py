"""What a contract earns, bills and collects, month by month."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from neocalc._contract_terms import (
    CONTRACT,
    SPOT,
    Contract,
    Segment,
    step_at,
)
from neocalc._exact import half_even
from neocalc._monthly import MICRO, TRILLION, Ledger, Shape, first_day, month_of_day

SHAPE = Shape(
    flows=("gpu_hours", "revenue", "billed", "cash_received", "prepayment"),
    balances=(
        ("opening_deferred_revenue", "closing_deferred_revenue"),
        (None, "closing_receivables"),
        (None, "remaining_performance_obligation"),
    ),
    order=(
        "gpu_hours",
        "revenue",
        "billed",
        "cash_received",
        "prepayment",
        "opening_deferred_revenue",
        "closing_deferred_revenue",
        "closing_receivables",
        "remaining_performance_obligation",
    ),
    counts=("gpu_hours",),
    phases=("contract", "renewal", "spot"),
)
NAMES = (*SHAPE.flows, "opening_deferred_revenue", *(name for _, name in SHAPE.balances))  # of the ledger
_SQUARE = TRILLION * TRILLION


@dataclass(slots=True)
class _Delivered:
    """A month of one segment: exact sums up to its end, and whether the month is known."""

    month: int
    through: int  # minor units delivered so far, rounded once
    known: bool
    micro_hours: int | None  # of this month
    invoiced: int = 0  # net of what was paid ahead, so far


@dataclass(slots=True)
class _Invoices:
    """What has been billed and not been paid."""

    days: int
    open: list[tuple[int, int | None]] = field(default_factory=list)  # month of payment, amount

    def bill(self, month: int, amount: int | None) -> None:
        """Bill an amount at the close of a month."""
        if amount != 0:
            self.open.append((month_of_day(first_day(month + 1) - 1 + self.days), amount))

    def collect(self, month: int) -> int | None:
        """Return what is paid in a month."""
        paid = [amount for due, amount in self.open if due <= month]
        self.open = [one for one in self.open if one[0] > month]
        return _total(paid)

    def owed(self) -> int | None:
        """Return what is still to be paid."""
        return _total([amount for _, amount in self.open])


def _total(amounts: list[int | None]) -> int | None:
    return None if None in amounts else sum(amount or 0 for amount in amounts)


def keep_contract(
    contract: Contract, ledger: Ledger, scale: int, first: int | None, last: int | None
) -> None:
    """Write the rows of a contract; months outside of `first` to `last` are not needed."""
    for segment in contract.segments:
        end = segment.end
        if end is None:
            if last is None:
                continue
            end = first_day(last + 1) - 1
        months = list(_deliver(contract, segment, end, scale))
        if segment.phase == CONTRACT:
            _keep_committed(contract, months, ledger, first, last)
        else:
            _keep_open(contract, segment.phase, months, ledger, last)


def _deliver(contract: Contract, segment: Segment, end: int, scale: int) -> Iterator[_Delivered]:
    """Yield the months of a segment up to a day."""
    start = max(segment.start, contract.first)
    top, bottom = 0, _SQUARE if segment.phase == SPOT else contract.value(start, start)[1] * _SQUARE
    for month in range(month_of_day(start), month_of_day(end) + 1) if start <= end else ():
        begin, until = max(start, first_day(month)), min(end, first_day(month + 1) - 1)
        known, hours = True, 0
        for days, part in _parts(contract, segment, begin, until):
            known &= part is not None
            share, price = part or (contract.committed if segment.phase != SPOT else 0, 0)
            hours += (contract.hours_a_day or 0) * days * share
            if segment.phase == SPOT:
                top += (contract.hours_a_day or 0) * days * share * price * scale
            else:
                top += contract.per_day(month)[0] * days * share * segment.rate
        micro = half_even(hours * MICRO, TRILLION) if known and contract.hours_a_day is not None else None
        yield _Delivered(month, half_even(top, bottom), known, micro)


def _parts(
    contract: Contract, segment: Segment, begin: int, until: int
) -> Iterator[tuple[int, tuple[int, int] | None]]:
    """Yield stretches of days of one use and price: (share that is paid for, spot price), None if unknown."""
    steps = [contract.spot_use, contract.spot_price] if segment.phase == SPOT else [contract.use]
    cuts = sorted({begin, until + 1, *(day for one in steps for day in one[0] if begin < day <= until)})
    for day, following in itertools.pairwise(cuts):
        if segment.phase == SPOT:
            share, price = (step_at(one, day)[1] for one in steps)
            part = None if share is None or price is None else (share, price)
            yield following - day, (0, 0) if share == 0 else part
            continue
        used = step_at(contract.use, day)[1]
        if used is not None:
            part = max(contract.committed, used), 0
        else:
            part = (TRILLION, 0) if contract.committed == TRILLION else None
        yield following - day, part


def _keep_committed(
    contract: Contract, months: list[_Delivered], ledger: Ledger, first: int | None, last: int | None
) -> None:
    """Write the months of the contract itself: prepayment, deferred revenue, what remains to be performed."""
    _net_of_prepayment(contract, months)
    committed, bottom = _committed(contract)
    invoices = _Invoices(contract.payment_days)
    by_month = {one.month: one for one in months}
    begin = month_of_day(contract.first)
    if first is not None and contract.first == min(contract.start, contract.prepaid_on or contract.start):
        begin = min(begin, first if contract.signed_month is None else max(first, contract.signed_month))
    elif contract.signed_month is not None:
        begin = min(begin, contract.signed_month)
    through = invoiced = 0
    received = 0 if contract.prepaid_on is not None else contract.prepaid
    done, deferred = 0, received
    month = begin
    while month <= month_of_day(contract.end) or invoices.open:
        if last is not None and month > last:
            break
        one = by_month.get(month)
        revenue: int | None = 0
        hours: int | None = 0
        billed: int | None = 0
        if one is not None:
            known = one.known
            revenue, billed = (one.through - through, one.invoiced - invoiced) if known else (None, None)
            hours, through, invoiced = one.micro_hours, one.through, one.invoiced
        elif contract.hours_a_day is None:
            hours = None
        prepaid = 0
        if contract.prepaid_on is not None and month == month_of_day(contract.prepaid_on):
            prepaid = contract.prepaid
            received = prepaid
        invoices.bill(month, billed)
        cash = invoices.collect(month)
        opening, deferred = deferred, received - (through - invoiced)
        until = min(contract.end, first_day(month + 1) - 1)
        done = half_even(_committed_through(contract, until), bottom)
        ledger.add(
            contract.row,
            CONTRACT,
            month,
            hours,
            revenue,
            None if billed is None else billed + prepaid,
            None if cash is None else cash + prepaid,
            prepaid,
            opening,
            deferred,
            invoices.owed(),
            committed - done,
        )
        month += 1


def _committed(contract: Contract) -> tuple[int, int]:
    """Return what the customer must pay from the first day on, rounded once, and the parts it is made of."""
    _, bottom = contract.value(contract.end, contract.end)
    bottom *= TRILLION
    return half_even(_committed_through(contract, contract.end), bottom), bottom


def _committed_through(contract: Contract, day: int) -> int:
    return contract.value(max(contract.start, contract.first), day)[0] * contract.committed


def _net_of_prepayment(contract: Contract, months: list[_Delivered]) -> None:
    """Credit what was paid ahead against the invoices, in step with what is delivered, to the last unit.

    Both sides of an invoice are rounded, so that a month's could come to one minor unit below nothing: such
    a unit is credited a month later.
    """
    if not months:
        return
    whole, _ = contract.value(contract.prepaid_from, contract.end)
    most = months[-1].through - contract.prepaid
    invoiced = 0
    for one in months:
        day = min(contract.end, first_day(one.month + 1) - 1)
        part, _ = contract.value(contract.prepaid_from, day)  # of the same denominator
        credit = half_even(contract.prepaid * part, whole) if whole else 0
        invoiced = min(max(invoiced, one.through - credit), most)
        one.invoiced = invoiced


def _keep_open(
    contract: Contract, phase: int, months: list[_Delivered], ledger: Ledger, last: int | None
) -> None:
    """Write the months of a renewal or of spot rental: nothing is promised beyond them."""
    invoices = _Invoices(contract.payment_days)
    through = 0
    for at, one in enumerate(months):
        revenue = one.through - through if one.known else None
        through = one.through
        invoices.bill(one.month, revenue)
        cash = invoices.collect(one.month)
        hours = one.micro_hours
        ledger.add(contract.row, phase, one.month, hours, revenue, revenue, cash, 0, 0, 0, invoices.owed(), 0)
        if at == len(months) - 1:
            month = one.month + 1
            while invoices.open and (last is None or month <= last):
                cash = invoices.collect(month)
                ledger.add(contract.row, phase, month, 0, 0, 0, cash, 0, 0, 0, invoices.owed(), 0)
                month += 1
