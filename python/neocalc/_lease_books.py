"""Leases of a company: read with all that is wrong, and carried month by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from neocalc._exact import half_even
from neocalc._monthly import TRILLION, ItemTable, Ledger, Shape, month_of_day
from neocalc._options import Options
from neocalc._records import Layout
from neocalc._side_tables import SideTable

KINDS = ("operating", "finance")
TIMINGS = ("advance", "arrears")
COMPOUNDING = ("monthly", "annual")
LAYOUT = Layout(
    required=("lease_id", "commencement_date", "term_months"),
    optional=(
        "kind", "payment", "payment_timing", "escalation_rate", "discount_rate", "prepaid", "incentives",
        "initial_direct_costs", "opening_liability", "opening_right_of_use", "opening_date", "currency",
    ),
)  # fmt: skip
SHAPE = Shape(
    flows=("additions", "interest", "payment", "right_of_use_additions", "amortization", "lease_cost"),
    balances=(
        ("opening_liability", "closing_liability"),
        ("opening_right_of_use", "closing_right_of_use"),
    ),
    order=(
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
    ),
)
_NO_DAY = -(2**40)
_RATE_PLACES = 20  # of a monthly rate that is a root
_DIGITS = 60


@dataclass(slots=True)
class Lease:
    """One lease, resolved: payments by month from the first on that is accounted for."""

    row: int
    finance: bool
    advance: bool
    month: int  # the first
    payments: list[int]
    growth: tuple[int, int]  # 1 + the monthly rate, as a fraction
    liability: int | None = None  # taken over; None: measured at commencement
    right_of_use: int = 0  # taken over, or at commencement what it has beyond the liability

    def values(self) -> list[int]:
        """Return what the payments from the start of each month on are worth then, each rounded once."""
        up, down = self.growth
        n = len(self.payments)
        top, bottom, found = 0, 1, [0] * (n + 1)
        for at in range(n - 1, -1, -1):
            if self.advance:
                bottom *= up
                top = self.payments[at] * bottom + top * down
            else:
                top = down * (self.payments[at] * bottom + top)
                bottom *= up
            found[at] = half_even(top, bottom)
        return found


class LeaseTerms:
    """The rows of the leases with the payments beside them."""

    def __init__(self, leases: Any, payments: Any, compounding: str, options: Options) -> None:
        self.table = ItemTable.items(leases, "leases", "lease_id", LAYOUT, options)
        self.compounding = compounding
        self.side: SideTable | None = None
        self.months = [month_of_day(day) for day in self.table.days("commencement_date")]
        self.terms = self.table.counts("term_months", least=1, most=1_200)
        bare = [row for row, term in enumerate(self.terms) if term is None]
        self.table.note("term_months", "null", bare, lambda _: "null")
        self.given = self._read_payments(payments, options)
        self.leases = self._read()

    def _sides(self) -> list[SideTable]:
        return [] if self.side is None else [self.side]

    def _read_payments(self, data: Any, options: Options) -> dict[int, dict[int, int]]:
        """Return the agreed payments of leases by row and month."""
        if data is None:
            return {}
        self.side = side = SideTable.open(data, "payments", ("lease_id", "date", "amount"), options)
        owners, days = side.values("lease_id", required=True), side.days("date")
        amounts = side.amounts("amount", required=True)
        row_of = {name: row for row, name in enumerate(self.table.ids)}
        unknown, outside = [], []
        found: dict[int, dict[int, int]] = {}
        for at, (owner, day) in enumerate(zip(owners, days, strict=True)):
            row = row_of.get(owner)
            if row is None:
                unknown += [at] if owner is not None else []
                continue
            month = month_of_day(day)
            if not 0 <= month - self.months[row] < (self.terms[row] or 1_200):
                outside.append(at)
            in_lease = found.setdefault(row, {})
            in_lease[month] = in_lease.get(month, 0) + (amounts[at] or 0)
        side.note("lease_id", "unknown_id", unknown, lambda at: repr(owners[at]))
        side.note("date", "date_order", outside, lambda at: f"outside the term of {owners[at]!r}")
        return found

    def _amounts(self, name: str) -> list[int | None]:
        return self.table.amounts(name) if name in self.table else [None] * self.table.frame.n

    def _read(self) -> list[Lease]:
        table, rows = self.table, range(self.table.frame.n)
        kinds, timings = (
            table.words("kind", KINDS, "operating"),
            table.words("payment_timing", TIMINGS, "advance"),
        )
        level, steps = self._amounts("payment"), table.shares("escalation_rate", 0)
        rates = table.shares("discount_rate", None)
        paid = {name: self._amounts(name) for name in ("prepaid", "incentives", "initial_direct_costs")}
        opening, rou = self._amounts("opening_liability"), self._amounts("opening_right_of_use")
        over = table.days("opening_date", _NO_DAY)
        taken = [day != _NO_DAY for day in over]
        none = [row for row in rows if level[row] is None and row not in self.given]
        table.compare("payment", "term_missing", none, lambda _: "null, and no payments= of the lease")
        both = [row for row in rows if level[row] is not None and row in self.given]
        table.compare("payment", "term_conflict", both, lambda _: "beside payments= of the lease")
        bare = [row for row in rows if taken[row] and opening[row] is None]
        table.compare("opening_liability", "term_missing", bare, lambda _: "null beside opening_date")
        for name, values in (("opening_liability", opening), ("opening_right_of_use", rou)):
            undated = [row for row in rows if values[row] is not None and not taken[row]]
            table.compare("opening_date", "term_missing", undated, lambda _, name=name: f"null beside {name}")
        unrated = [row for row in rows if rates[row] is None and not taken[row]]
        table.compare("discount_rate", "term_missing", unrated, lambda _: "null, and no opening_liability")
        rated = [row for row in rows if rates[row] is not None and taken[row]]
        table.compare(
            "discount_rate",
            "term_conflict",
            rated,
            lambda _: "beside opening_liability, which with what is left to pay has a rate of its own",
        )
        for name, column in paid.items():
            late = [row for row in rows if taken[row] and column[row]]
            table.compare(name, "term_conflict", late, lambda _: "it is in opening_right_of_use")
        outside = [
            row
            for row in rows
            if taken[row] and not 0 <= month_of_day(over[row]) - self.months[row] < (self.terms[row] or 0) - 1
        ]
        table.compare("opening_date", "date_order", outside, lambda _: "outside the term, or nothing is left")
        table.raise_all(*self._sides())
        leases = []
        for row in rows:
            term = self.terms[row] or 0
            rate = rates[row]
            lease = Lease(
                row=row,
                finance=kinds[row] == "finance",
                advance=timings[row] == "advance",
                month=self.months[row],
                payments=self._payments(row, term, level[row], steps[row] or 0),
                growth=(1, 1) if rate is None else monthly_growth(rate, self.compounding),
                right_of_use=(paid["prepaid"][row] or 0)
                + (paid["initial_direct_costs"][row] or 0)
                - (paid["incentives"][row] or 0),
            )
            if taken[row]:
                self._take_over(lease, month_of_day(over[row]) + 1, opening[row] or 0, rou[row])
            elif lease.values()[0] + lease.right_of_use < 0:
                table.note("incentives", "range", [row], lambda _: "more than the right of use is worth")
            leases.append(lease)
        table.raise_all(*self._sides())
        return leases

    def _payments(self, row: int, term: int, level: int | None, step: int) -> list[int]:
        """Return the payment of each month; every year it rises, from the first amount, rounded once."""
        if level is None:
            first = self.months[row]
            return [self.given[row].get(month, 0) for month in range(first, first + term)]
        up, one = TRILLION + step, TRILLION
        return [half_even(level * up ** (at // 12), one ** (at // 12)) for at in range(term)]

    def _take_over(self, lease: Lease, month: int, liability: int, right_of_use: int | None) -> None:
        """Begin in mid-life, at the rate at which what is left to pay is worth the liability."""
        lease.payments = lease.payments[month - lease.month :]
        lease.month, lease.liability = month, liability
        lease.right_of_use = liability if right_of_use is None else right_of_use
        growth = solved_growth(lease.payments, liability, lease.advance)
        if growth is None:
            row, total = lease.row, sum(lease.payments)
            self.table.compare(
                "opening_liability", "no_root", [row], lambda _: f"{liability}, and {total} are left to pay"
            )
        else:
            lease.growth = growth


def monthly_growth(rate: int, compounding: str) -> tuple[int, int]:
    """Return 1 + the monthly rate of an annual one in trillionths."""
    if compounding == "monthly":
        growth = 1 + Fraction(rate, 12 * TRILLION)
    else:
        with localcontext() as context:
            context.prec = _DIGITS
            root = (1 + Decimal(rate) / TRILLION) ** (Decimal(1) / 12)
            growth = Fraction(round(root, _RATE_PLACES))
    return growth.numerator, growth.denominator


def solved_growth(payments: Sequence[int], worth: int, advance: bool) -> tuple[int, int] | None:
    """Return 1 + the monthly rate at which payments are worth an amount; None if above 100 %."""
    if worth <= 0 or sum(payments) < worth:
        return (1, 1) if worth == sum(payments) == 0 else None
    with localcontext() as context:
        context.prec = _DIGITS

        def value(rate: Decimal) -> Decimal:
            factor, total = 1 / (1 + rate), Decimal(0)
            for payment in reversed(payments):
                total = payment + total * factor if advance else (payment + total) * factor
            return total

        low, high = Decimal(0), Decimal(1)
        if value(high) > worth:
            return None
        step = Decimal(1).scaleb(-_RATE_PLACES)
        while high - low > step:
            middle = (low + high) / 2
            low, high = (middle, high) if value(middle) >= worth else (low, middle)
        growth = 1 + Fraction(round(low, _RATE_PLACES))
    return growth.numerator, growth.denominator


def keep_lease(lease: Lease, ledger: Ledger) -> None:
    """Write the rows of a lease.

    The liability at the close of a month is what is left to pay, discounted (ASC 842-20-35-1, 35-3), and
    interest is what makes it so: no error builds up and the last balance is 0.
    """
    values, n = lease.values(), len(lease.payments)
    measured = lease.liability is None
    liability = values[0] if lease.liability is None else lease.liability
    right_of_use = lease.right_of_use + (liability if measured else 0)
    # All that is paid, less what the liability earns: the cost that is left to be spread (ASC 842-20-25-8).
    total = sum(lease.payments) + right_of_use - liability
    gained, taken_up = (liability, right_of_use) if measured else (0, 0)
    opening, opening_right = liability - gained, right_of_use - taken_up
    spread = 0
    for at, payment in enumerate(lease.payments):
        closing = values[at + 1]
        interest = closing - opening - gained + payment
        through = half_even((right_of_use if lease.finance else total) * (at + 1), n)
        part, spread = through - spread, through
        amortization = part if lease.finance else part - interest
        closing_right = opening_right + taken_up - amortization
        cost = interest + amortization
        ledger.add(
            lease.row, 0, lease.month + at, gained, interest, payment, taken_up, amortization, cost,
            opening, closing, opening_right, closing_right,
        )  # fmt: skip
        opening, opening_right, gained, taken_up = closing, closing_right, 0, 0


NAMES = (*SHAPE.flows, *(name for pair in SHAPE.balances for name in pair if name is not None))
