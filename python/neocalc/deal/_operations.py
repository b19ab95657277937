"""The operations of a deal, month by month: customers, leases, costs, and what was open at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._exact import half_even
from neocalc._options import Options
from neocalc.deal._grid import Amounts, Cells, Grid, first_day, last_day, month_of, spread
from neocalc.deal._tables import Rows

_CONTRACT = (
    "revenue",
    "billed",
    "cash_received",
    "closing_deferred_revenue",
    "closing_receivables",
    "remaining_performance_obligation",
)
_TAKEN_OVER = "opening_deferred_revenue"
_LEASE = (
    "opening_liability",
    "additions",
    "interest",
    "payment",
    "closing_liability",
    "opening_right_of_use",
    "right_of_use_additions",
    "amortization",
    "closing_right_of_use",
    "lease_cost",
)
MONTHS_BEFORE = 13  # months before the first whose costs may still be paid in it


@dataclass
class Customers:
    """What contracts bring."""

    revenue: Amounts
    billed: Amounts
    received: Amounts
    deferred: Amounts  # at each month's end
    opening_deferred: int
    receivables: Amounts
    opening_receivables: int
    contracted: Amounts  # revenue of the contracts' own terms, without renewals and spot
    backlog: Amounts
    by_customer: dict[str, Amounts] = field(default_factory=dict)
    nameless: Amounts | None = None  # revenue of contracts of which the customer is not known
    backlog_by_customer: dict[str, Amounts] = field(default_factory=dict)
    by_facility: dict[str, dict[str, Amounts]] = field(default_factory=dict)  # of contracts that are its own
    before: Mapping[int, int] = field(default_factory=dict)  # revenue of months before the first
    unknown_from: int | None = None  # the first month in which something is not known
    frame: Any = None


def nothing(grid: Grid) -> Customers:
    """Return a deal without contracts."""
    zero = grid.zeros()
    return Customers(zero, zero, zero, zero, 0, zero, 0, zero, zero)


def customers_of(schedule: Callable[..., Any], contracts: Rows, grid: Grid, options: Options) -> Customers:
    """Lay a contract schedule out by month; `schedule` makes it, given keys and a horizon."""
    made = nothing(grid)
    longer = Grid(grid.first - MONTHS_BEFORE, grid.n + MONTHS_BEFORE)
    start, end = spans(longer)
    cells = Cells.read(
        schedule(by=[], start=start, end=end), None, (*_CONTRACT, _TAKEN_OVER), options, "contracts"
    )
    ahead = MONTHS_BEFORE
    whole = {name: cells.monthly(longer, name) for name in _CONTRACT}
    made.revenue, made.billed, made.received, made.backlog = (
        whole[name][ahead:]
        for name in ("revenue", "billed", "cash_received", "remaining_performance_obligation")
    )
    deferred, owed = whole["closing_deferred_revenue"], whole["closing_receivables"]
    # A contract taken over on the eve has its first row, and what is deferred, in the first month.
    made.deferred = deferred[ahead:]
    made.opening_deferred = int(cells.monthly(longer, _TAKEN_OVER)[ahead])
    made.receivables, made.opening_receivables = owed[ahead:], int(owed[ahead - 1])
    made.before = {grid.first - ahead + at: int(whole["revenue"][at]) for at in range(ahead)}
    made.unknown_from = cells.unknown(grid, ("revenue", "billed", "cash_received"))
    start, end = spans(grid)
    phases = Cells.read(
        schedule(by=["phase"], start=start, end=end), "phase", ("revenue",), options, "contracts"
    )
    made.contracted = phases.monthly(grid, "revenue", "contract")
    key = "customer" if "customer" in contracts else "contract_id"
    names = Cells.read(
        schedule(by=[key], start=start, end=end),
        key,
        ("revenue", "remaining_performance_obligation"),
        options,
        "contracts",
    )
    for name in dict.fromkeys(names.keys):
        revenue = names.monthly(grid, "revenue", name)
        if name is None:
            made.nameless = revenue
            continue
        made.by_customer[str(name)] = revenue
        made.backlog_by_customer[str(name)] = names.monthly(grid, "remaining_performance_obligation", name)
    if any(name is not None for name in contracts["facility_id"]):
        _by_facility(made, schedule, grid, options)
    made.frame = schedule(by=None, start=start, end=end)
    return made


def _by_facility(made: Customers, schedule: Callable[..., Any], grid: Grid, options: Options) -> None:
    """Lay out the contracts that are a facility's own."""
    start, end = spans(grid)
    names = ("revenue", "billed", "cash_received")
    found = schedule(by=["facility_id", "phase"], start=start, end=end)
    cells = Cells.read(found, ["facility_id", "phase"], names, options, "contracts")
    for facility, phase in dict.fromkeys(cells.keys):
        if facility is None:
            continue
        own = made.by_facility.setdefault(
            str(facility), {name: grid.zeros() for name in (*names, "contracted")}
        )
        for name in names:
            own[name] = own[name] + cells.monthly(grid, name, (facility, phase))
        if phase == "contract":
            own["contracted"] = own["contracted"] + cells.monthly(grid, "revenue", (facility, phase))


@dataclass
class Leases:
    """What leases cost and what they stand at."""

    cost: Amounts  # of operating leases
    interest: Amounts  # of finance leases
    amortization: Amounts  # of finance leases
    paid: Amounts
    liability: Amounts
    opening_liability: int
    right_of_use: Amounts
    opening_right_of_use: int
    frame: Any = None


def no_leases(grid: Grid) -> Leases:
    """Return a deal without leases."""
    zero = grid.zeros()
    return Leases(zero, zero, zero, zero, zero, 0, zero, 0)


def leases_of(schedule: Callable[..., Any], leases: Rows, grid: Grid, options: Options) -> Leases:
    """Lay a lease schedule out by month; `schedule` makes it, given keys and a horizon."""
    made = no_leases(grid)
    start, end = spans(grid)
    key = "kind" if "kind" in leases else None
    found = schedule(by=[] if key is None else [key], start=start, end=end)
    cells = Cells.read(found, key, _LEASE, options, "leases")
    kinds = dict.fromkeys(cells.keys)

    def summed(name: str, *, finance: bool | None = None) -> Amounts:
        kept = [kind for kind in kinds if finance is None or (kind == "finance") == finance]
        return sum((cells.monthly(grid, name, kind) for kind in kept), grid.zeros())

    made.cost = summed("lease_cost", finance=False)
    made.interest = summed("interest", finance=True)
    made.amortization = summed("amortization", finance=True)
    made.liability, made.right_of_use = summed("closing_liability"), summed("closing_right_of_use")
    made.opening_liability = int(summed("opening_liability")[0])
    made.opening_right_of_use = int(summed("opening_right_of_use")[0])
    # What a right of use costs beyond its liability (prepaid, less incentives) is paid as it begins.
    made.paid = summed("payment") + summed("right_of_use_additions") - summed("additions")
    made.frame = schedule(by=None, start=start, end=end)
    return made


@dataclass
class Costs:
    """Operating costs: what is expensed, what is paid, what is settled in shares."""

    by_category: dict[str, Amounts]
    paid: Amounts
    in_shares: Amounts
    payables: Amounts
    opening_payables: int
    by_facility: dict[str, tuple[Amounts, Amounts]] = field(default_factory=dict)  # expensed and paid

    @property
    def total(self) -> Amounts:
        """All categories."""
        return sum(self.by_category.values(), np.zeros_like(self.paid))


def costs_of(costs: Rows, customers: Customers, grid: Grid) -> Costs:
    """Lay operating costs out by month of expense and by month of payment."""
    zero = grid.zeros()
    made = Costs({}, zero.copy(), zero.copy(), zero.copy(), 0)
    for row in range(costs.n):
        category = costs["category"][row] or costs["cost_id"][row]
        booked = made.by_category.setdefault(category, zero.copy())
        lag, facility = costs["payment_days"][row] or 0, costs["facility_id"][row]
        own = (
            (zero.copy(), zero.copy())
            if facility is None
            else made.by_facility.setdefault(facility, (zero.copy(), zero.copy()))
        )
        for month, amount in _accrued(costs, row, customers, grid):
            at = month - grid.first
            if at >= 0:
                booked[at] += amount
                own[0][at] += amount
            if costs["settlement"][row] == "equity":
                if at >= 0:
                    made.in_shares[at] += amount
                continue
            paid = month_of(last_day(month) + lag) - grid.first
            if paid < 0:
                continue
            if at < 0:
                made.opening_payables += amount
            if paid < grid.n:
                made.paid[paid] += amount
                own[1][paid] += amount
            made.payables[max(at, 0) : min(paid, grid.n)] += amount
    return made


def _accrued(costs: Rows, row: int, customers: Customers, grid: Grid) -> list[tuple[int, int]]:
    """Return what a cost comes to, month by month; months before the first may still be unpaid in it."""
    start, end = costs["start_date"][row], costs["end_date"][row]
    first = grid.first - MONTHS_BEFORE if start is None else max(month_of(start), grid.first - MONTHS_BEFORE)
    last = grid.first + grid.n - 1 if end is None else min(month_of(end), grid.first + grid.n - 1)
    anchor = grid.first if start is None else month_of(start)
    share = costs["revenue_rate"][row]
    growth = Decimal(1) + (costs["annual_escalation_rate"][row] or Decimal(0))
    found: list[tuple[int, int]] = []
    if costs["amount"][row] is not None and costs["date"][row] is not None:
        month = month_of(costs["date"][row])
        if month <= grid.first + grid.n - 1:
            found.append((month, costs["amount"][row]))
    for month in range(first, last + 1):
        amount = 0
        if costs["monthly_amount"][row] is not None:
            if start is None and month < grid.first:
                continue  # of a cost without a start, nothing before the deal's own is known
            top, bottom = (growth ** max((month - anchor) // 12, 0)).as_integer_ratio()
            amount += half_even(costs["monthly_amount"][row] * top, bottom)
        if share is not None:
            at = month - grid.first
            revenue = int(customers.revenue[at]) if at >= 0 else customers.before.get(month, 0)
            top, bottom = share.as_integer_ratio()
            amount += half_even(revenue * top, bottom)
        if amount:
            found.append((month, amount))
    return found


def run_off(total: int, months: int, grid: Grid) -> tuple[Amounts, Amounts]:
    """Return what of an opening balance is settled in each month, evenly, and what is left."""
    settled = spread(total, months, grid.n)
    return settled, total - np.cumsum(settled)


def spans(grid: Grid) -> tuple[str, str]:
    """Return the first and the last day as text."""
    return str(np.datetime64(first_day(grid.first), "D")), str(np.datetime64(grid.end, "D"))
