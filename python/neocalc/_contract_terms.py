"""Contracts of customers, spot prices and use beside them, as whole numbers, with all that is wrong."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from neocalc._columns import FIRST_DAY, LAST_DAY
from neocalc._exact import half_even
from neocalc._frames import meant
from neocalc._monthly import TRILLION, ItemTable, first_day, month_of_day, read_shares, trillionths
from neocalc._options import Options
from neocalc._records import Layout
from neocalc._side_tables import SideTable

CONTRACT, RENEWAL, SPOT = range(3)
PHASES = ("contract", "renewal", "spot")
_PRICES = ("hourly_price", "monthly_fee", "total_value")
LAYOUT = Layout(
    required=("contract_id", "start_date", "end_date"),
    optional=(
        "customer", "gpu_model", "gpus", *_PRICES, "take_or_pay_rate", "prepayment_rate", "prepayment_amount",
        "prepayment_date", "renewal_months", "renewal_price_rate", "spot_after", "spot_utilisation",
        "payment_days", "currency", "signed_date", "opening_deferred_revenue", "opening_date",
    ),
    either=(_PRICES,),
)  # fmt: skip
MISSING = -(2**40)  # a day that no date has
HOURS_A_DAY = 24
# All months are a whole number of these parts long.
_MONTH_PARTS = 4 * 7 * 3 * 5 * 29 * 31
Steps = tuple[list[int], list[int | None]]  # from which day on, what (None: not known)


@dataclass(frozen=True, slots=True)
class Segment:
    """What is delivered from one day to another, both included, at one price."""

    phase: int
    start: int
    end: int | None  # None: for ever
    rate: int  # trillionths of the contract's price


@dataclass(slots=True)
class Contract:
    """One contract, resolved: value accrues by the day, in fractions of a minor unit."""

    row: int
    start: int
    end: int
    hours_a_day: int | None
    daily: tuple[int, int] | None  # minor units a day, as a fraction; None: by the month
    monthly_fee: int
    committed: int  # trillionths of the value that are paid whatever is used
    segments: list[Segment]
    use: Steps
    spot_use: Steps
    spot_price: Steps
    payment_days: int
    signed_month: int | None  # None: before all that is looked at
    first: int  # the first day that is accounted for
    prepaid: int = 0  # minor units, for what is delivered from `prepaid_from` on
    prepaid_from: int = 0
    prepaid_on: int | None = None  # the day on which it is received; None: before the first

    def per_day(self, month: int) -> tuple[int, int]:
        """Return the value of a day of a month at the contract's price: minor units, as a fraction."""
        if self.daily is not None:
            return self.daily
        return self.monthly_fee * (_MONTH_PARTS // days_in(month)), _MONTH_PARTS

    def value(self, start: int, end: int) -> tuple[int, int]:
        """Return the value of the days from one to another, both included, at the contract's price."""
        days = max(0, end - start + 1)
        if self.daily is not None:
            return self.daily[0] * days, self.daily[1]
        if not days:
            return 0, _MONTH_PARTS
        first, last = month_of_day(start), month_of_day(end)
        if first == last:
            return self.per_day(first)[0] * days, _MONTH_PARTS
        ends = self.per_day(first)[0] * (first_day(first + 1) - start)
        ends += self.per_day(last)[0] * (end - first_day(last) + 1)
        return ends + self.monthly_fee * _MONTH_PARTS * (last - first - 1), _MONTH_PARTS


def days_in(month: int) -> int:
    """Return how many days a month has."""
    return first_day(month + 1) - first_day(month)


def step_at(steps: Steps, day: int) -> tuple[bool, int | None]:
    """Return whether something is said of a day, and what."""
    at = bisect_right(steps[0], day) - 1
    return (False, None) if at < 0 else (True, steps[1][at])


class ContractTerms:
    """The rows of the contracts with what is beside them."""

    def __init__(
        self, contracts: Any, prices: Any, utilisation: Any, options: Options, *, spot: bool = True
    ) -> None:
        """Read them; without `spot` what is rented after their end is nobody's business."""
        self.table = ItemTable.items(contracts, "contracts", "contract_id", LAYOUT, options)
        self.options = options
        self.spot = spot
        self.sides: list[SideTable] = []
        self.models = self.table.values("gpu_model")
        self.prices = self._read_prices(prices)
        self.use = self._read_use(utilisation)
        self.contracts = self._read()

    # --- frames beside ------------------------------------------------------------------------------------

    def _open(self, data: Any, label: str, required: Sequence[str]) -> SideTable:
        side = SideTable.open(data, label, required, self.options)
        self.sides.append(side)
        return side

    def _read_prices(self, data: Any) -> dict[Any, Steps]:
        """Return the spot price of a GPU-hour by model, in trillionths of a major unit."""
        if data is None:
            return {}
        side = self._open(data, "prices", ("gpu_model", "date", "hourly_price"))
        models, days = side.values("gpu_model", required=True), side.days("date")
        found = side.decimals("hourly_price")
        below = [row for row, price in enumerate(found) if price is not None and price < 0]
        side.note("hourly_price", "range", below, lambda row: str(found[row]))
        amounts = [None if price is None else trillionths(price) for price in found]
        return _curves(side, models, days, amounts)

    def _read_use(self, data: Any) -> dict[tuple[str, Any], Steps]:
        """Return the share of the hours that are used, by contract, by model, or of all."""
        if data is None:
            return {}
        side = self._open(data, "utilisation", ("date", "utilisation"))
        contracts, models = side.values("contract_id"), side.values("gpu_model")
        both = [row for row in range(side.frame.n) if contracts[row] is not None and models[row] is not None]
        side.note("gpu_model", "term_conflict", both, lambda row: f"{models[row]!r} beside a contract_id")
        known = set(self.table.ids)
        lost = [row for row, name in enumerate(contracts) if name is not None and name not in known]
        side.note("contract_id", "unknown_id", lost, lambda row: repr(contracts[row]))
        keys = [
            ("contract", one) if one is not None else ("model", model) if model is not None else ("all", None)
            for one, model in zip(contracts, models, strict=True)
        ]
        return _curves(side, keys, side.days("date"), read_shares(side, "utilisation", None))

    # --- the contracts ------------------------------------------------------------------------------------

    def _read(self) -> list[Contract]:
        table = self.table
        start, end = table.days("start_date"), table.days("end_date")
        gpus = table.counts("gpus", most=10**9)
        hourly, given = self._hourly(), {name: self._amounts(name) for name in _PRICES[1:]}
        committed = table.shares("take_or_pay_rate", TRILLION)
        renewals = table.counts("renewal_months", most=1_200)
        renewal_rates = table.shares("renewal_price_rate", TRILLION, most=10)
        spot_after, spot_use = table.flags("spot_after"), table.shares("spot_utilisation", None)
        spot_after = [after and self.spot for after in spot_after]
        payment_days, signed = table.counts("payment_days", most=3_660), table.days("signed_date", MISSING)
        back = [row for row in range(table.frame.n) if end[row] < start[row]]
        table.compare(
            "end_date", "date_order", back, lambda row: f"{end[row] - start[row]} days on", "start_date"
        )
        self._check_prices(hourly, given, gpus)
        begins = [
            _later(day + 1, months)
            if (months := renewals[row] or 0) and FIRST_DAY <= day <= LAST_DAY
            else day + 1
            for row, day in enumerate(end)  # days out of range are noted, and have no month
        ]
        self._check_spot(spot_after, gpus, begins)
        paid = self._prepaid(end)
        if table.problems.issues or any(side.problems.issues for side in self.sides):
            table.raise_all(*self.sides)
        scale: int = 10**self.options.minor_units
        contracts = []
        for row in range(table.frame.n):
            hours = None if gpus[row] is None else (gpus[row] or 0) * HOURS_A_DAY
            price, total = hourly[row], given["total_value"][row]
            daily: tuple[int, int] | None = None
            if price is not None:
                daily = (hours or 0) * price * scale, TRILLION
            elif total is not None:
                daily = total, end[row] - start[row] + 1
            contract = Contract(
                row=row,
                start=start[row],
                end=end[row],
                hours_a_day=hours,
                daily=daily,
                monthly_fee=given["monthly_fee"][row] or 0,
                committed=committed[row] or 0,
                segments=[Segment(CONTRACT, start[row], end[row], TRILLION)],
                use=self._use_of(row, TRILLION),
                spot_use=self._use_of(row, spot_use[row]),
                spot_price=self.prices.get(self.models[row], ([], [])),
                payment_days=payment_days[row] or 0,
                signed_month=None if signed[row] == MISSING else month_of_day(signed[row]),
                first=start[row],
            )
            after = end[row] + 1
            if renewals[row]:
                until = _later(after, renewals[row] or 0) - 1
                contract.segments.append(Segment(RENEWAL, after, until, renewal_rates[row] or 0))
                after = until + 1
            if spot_after[row]:
                contract.segments.append(Segment(SPOT, after, None, 0))
            self._prepay(contract, paid)
            contracts.append(contract)
        table.raise_all(*self.sides)
        return contracts

    def _amounts(self, name: str) -> list[int | None]:
        return self.table.amounts(name) if name in self.table else [None] * self.table.frame.n

    def _hourly(self) -> list[int | None]:
        found = self.table.decimals("hourly_price")
        below = [row for row, price in enumerate(found) if price is not None and price < 0]
        self.table.note("hourly_price", "range", below, lambda row: str(found[row]))
        return [None if price is None else trillionths(price) for price in found]

    def _check_prices(
        self,
        hourly: Sequence[int | None],
        given: dict[str, list[int | None]],
        gpus: Sequence[int | None],
    ) -> None:
        table = self.table
        columns = [hourly, *given.values()]
        count = [sum(column[row] is not None for column in columns) for row in range(table.frame.n)]
        none = [row for row, n in enumerate(count) if n == 0]
        table.compare(
            "hourly_price",
            "term_missing",
            none,
            lambda _: f"null, and no {' or '.join(_PRICES[1:])}",
            *_PRICES,
        )
        several = [row for row, n in enumerate(count) if n > 1]
        name = next((name for name in _PRICES[:0:-1] if name in table), _PRICES[0])
        table.compare(name, "term_conflict", several, lambda _: "a contract has one price")
        bare = [row for row, price in enumerate(hourly) if price is not None and gpus[row] is None]
        table.compare("gpus", "term_missing", bare, lambda _: "null beside an hourly_price")

    def _check_spot(self, spot: Sequence[bool], gpus: Sequence[int | None], begins: Sequence[int]) -> None:
        """Check that spot rental, which begins when the last renewal has ended, has what it goes by."""
        table = self.table
        rows = [row for row, rented in enumerate(spot) if rented]
        for name, values in (("gpus", gpus), ("gpu_model", self.models)):
            bare = [row for row in rows if values[row] is None]
            table.compare(name, "term_missing", bare, lambda _: "null beside spot_after")
        named = [row for row in rows if self.models[row] is not None]
        without = [row for row in named if self.models[row] not in self.prices]
        models = self.models
        table.compare(
            "gpu_model",
            "curve_missing",
            without,
            lambda row: f"{models[row]!r}: {meant(str(models[row]), list(self.prices))}",
        )
        early = [
            row
            for row in named
            if models[row] in self.prices and self.prices[models[row]][0][0] > begins[row]
        ]
        table.compare(
            "gpu_model", "curve_range", early, lambda row: f"{models[row]!r} has no price at the end"
        )

    def _use_of(self, row: int, otherwise: int | None) -> Steps:
        """Return the use of a contract: what is said of it, else of its model, else of all."""
        keys = ("contract", self.table.ids[row]), ("model", self.models[row]), ("all", None)
        days, values = next((self.use[key] for key in keys if key in self.use), ([], []))
        return [MISSING, *days], [otherwise, *values]

    def _prepaid(self, end: Sequence[int]) -> dict[str, list[Any]]:
        """Read what is paid ahead, and what of it stood in the books when they were taken over."""
        table = self.table
        paid: dict[str, list[Any]] = {
            "rate": table.shares("prepayment_rate", None),
            "amount": self._amounts("prepayment_amount"),
            "on": table.days("prepayment_date", MISSING),
            "opening": self._amounts("opening_deferred_revenue"),
            "taken_over": table.days("opening_date", MISSING),
        }
        rows = range(table.frame.n)
        rate, amount, on, opening, over = paid.values()
        twice = [row for row in rows if rate[row] is not None and amount[row] is not None]
        table.compare("prepayment_amount", "term_conflict", twice, lambda _: "beside a prepayment_rate")
        nothing = [row for row in rows if on[row] != MISSING and rate[row] is None and amount[row] is None]
        table.compare("prepayment_date", "term_conflict", nothing, lambda _: "a date without an amount")
        undated = [row for row in rows if opening[row] is not None and over[row] == MISSING]
        table.compare(
            "opening_date", "term_missing", undated, lambda _: "null beside opening_deferred_revenue"
        )
        both = [
            row for row in rows if over[row] != MISSING and (rate[row] is not None or amount[row] is not None)
        ]
        table.compare(
            "opening_date", "term_conflict", both, lambda _: "a prepayment beside it: give what is left of it"
        )
        for name, days in (("prepayment_date", on), ("opening_date", over)):
            late = [row for row in rows if days[row] != MISSING and days[row] >= end[row]]
            table.compare(name, "date_order", late, lambda _: "not before the end", "end_date")
        return paid

    def _prepay(self, contract: Contract, paid: dict[str, list[Any]]) -> None:
        """Say from when on a prepayment is used up, and that what is committed covers it."""
        row = contract.row
        if paid["taken_over"][row] != MISSING:
            contract.first = paid["taken_over"][row] + 1
            contract.prepaid_from = max(contract.start, contract.first)
            contract.prepaid = paid["opening"][row] or 0
            name = "opening_deferred_revenue"
        else:
            on = contract.start if paid["on"][row] == MISSING else paid["on"][row]
            contract.prepaid_from = max(contract.start, on)
            name = "prepayment_amount"
            if paid["amount"][row] is not None:
                contract.prepaid = paid["amount"][row]
            elif paid["rate"][row] is not None:
                name = "prepayment_rate"
                top, bottom = contract.value(contract.start, contract.end)
                contract.prepaid = half_even(top * paid["rate"][row], bottom * TRILLION)
            if contract.prepaid:
                contract.prepaid_on = on
                contract.first = min(contract.first, on)
        top, bottom = contract.value(contract.prepaid_from, contract.end)
        if contract.prepaid * bottom * TRILLION > top * contract.committed:
            self.table.compare(name, "prepayment", [row], lambda _: f"{contract.prepaid} minor units")


def _later(day: int, months: int) -> int:
    """Return the day so many months later; where a month has no such day, its last."""
    month = month_of_day(day)
    return first_day(month + months) + min(day - first_day(month), days_in(month + months) - 1)


def _curves(side: SideTable, keys: Sequence[Any], days: Sequence[int], values: Any) -> dict[Any, Steps]:
    """Sort steps by key and day."""
    places: dict[Any, dict[int, Any]] = {}
    again = []
    for row, (key, day, value) in enumerate(zip(keys, days, values, strict=True)):
        if day in places.setdefault(key, {}):
            again.append(row)
        places[key][day] = value
    side.note("date", "curve_duplicate", again, lambda row: repr(keys[row]))
    return {key: (sorted(curve), [curve[day] for day in sorted(curve)]) for key, curve in places.items()}
