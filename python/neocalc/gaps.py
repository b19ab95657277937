"""Where debt and leases outlive the contracts that pay for them: the gap table, and average lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc._contract_books import NAMES as CONTRACT_NAMES
from neocalc._contract_books import keep_contract
from neocalc._contract_terms import CONTRACT, ContractTerms
from neocalc._frames import Frame, as_frame
from neocalc._lease_books import COMPOUNDING, LeaseTerms
from neocalc._monthly import Ledger, first_day, month_of_day, monthly_options
from neocalc._options import Options, choice, int_between, to_days
from neocalc._side_tables import SideTable, quotients_out, whole_out
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.maturities import THEREAFTER, principal_ladder, weighted_average_life

SIDES = ("principal", "lease_payments", "contracted_revenue")
_NOT_COMMENCED = "not_commenced_payments"
_LADDERS = {"principal": "debt", "lease_payments": "leases", "contracted_revenue": "contracts"}
_YEAR_DAYS = 365


@dataclass(slots=True)
class _Side:
    """One side of the table: amounts by the middle of the days at which they fall due, or by bucket."""

    flows: list[tuple[int, int]] = field(default_factory=list)  # day, minor units
    ladder: dict[int | None, int] | None = None  # year (None: thereafter), minor units
    is_loans: bool = False  # whose ladder was made here

    def by_bucket(self, first: int, number: int, year_end: int) -> list[int]:
        sums = [0] * (number + 1)
        for day, amount in self.flows:
            sums[min(_fiscal_year(day, year_end) - first, number)] += amount
        for year, amount in (self.ladder or {}).items():
            sums[number if year is None else min(year - first, number)] += amount
        return sums


@dataclass(slots=True)
class _Gap:
    """What a call is about, read."""

    frame: Frame
    options: Options
    day: int
    year_end: int
    number: int
    sides: dict[str, _Side]
    not_commenced: _Side | None
    debt_life: float | None  # of loans that are not a ladder

    @property
    def first(self) -> int:
        """Return the year of the first bucket."""
        return _fiscal_year(self.day + 1, self.year_end)


def gap_table(
    debt: Any = None,
    *,
    leases: Any = None,
    contracts: Any = None,
    as_of: Any,
    buckets: int = 5,
    fiscal_year_end: int = 12,
    payments: Any = None,
    loan_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Lay debt principal and lease payments beside contracted revenue, by year.

    Parameters
    ----------
    debt
        Loans as for `amortize`, or a ladder as data: ``bucket`` and ``principal``.
    leases
        Leases as for `lease_schedule`, or a ladder: ``bucket`` and ``lease_payments``, undiscounted.
    contracts
        Contracts as for `contract_schedule`, or a ladder: ``bucket`` and ``contracted_revenue``. What
        customers are bound to pay counts, not renewals or spot rental.
    as_of
        The day at whose close the table stands; the last of a month where leases or contracts are not
        ladders. Leases that commence and contracts that are signed later are left out.
    buckets, fiscal_year_end
        How many years stand apart, the first being what is left of the year after `as_of`; the rest is
        ``thereafter``. The ``bucket`` of a ladder is a year, or ``thereafter``.
    payments
        Payments beside the leases, as `lease_schedule` takes them.
    loan_options
        What `principal_ladder` takes beside the loans: ``{"rates": ..., "draws": ...}``.
    **options
        ``amounts``, ``minor_units`` and ``round_input``, as for `depreciate`.

    Returns
    -------
    DataFrame or Table
        ``bucket``, ``principal``, ``lease_payments``, with leases that are no ladder
        ``not_commenced_payments`` (of those left out), ``contracted_revenue``, ``gap`` (revenue less
        principal and lease payments), ``cumulative_gap``, ``coverage`` (revenue ÷ what is due; null where
        nothing is) and ``due_rate``, its inverse. A side that is not given is 0. Revenue is before operating
        cost and interest, which come off it before lenders are paid.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> debt = pd.DataFrame({"bucket": ["2026", "2027", "thereafter"], "principal": [4.0, 6.0, 10.0]})
    >>> contracts = pd.DataFrame({"contract_id": ["A"], "total_value": [30.0], "start_date": ["2026-07-01"],
    ...     "end_date": ["2027-12-31"]})
    >>> gap = nc.gap_table(debt, contracts=contracts, as_of="2026-06-30", buckets=2)
    >>> gap[["bucket", "principal", "contracted_revenue", "gap", "coverage"]].round(2).values[:2].tolist()
    [['2026', 4.0, 10.05, 6.05, 2.51], ['2027', 6.0, 19.95, 13.95, 3.32]]
    """
    found = _read(
        "gap_table", debt, leases, contracts, as_of, buckets, fiscal_year_end, payments, loan_options, options
    )
    first, number = found.first, found.number
    labels = [*map(str, range(first, first + number)), THEREAFTER]
    frame = found.frame
    columns: dict[str, Any] = {
        "bucket": frame.categorical(np.arange(number + 1, dtype=np.int8), labels),
    }
    sums = {name: side.by_bucket(first, number, found.year_end) for name, side in found.sides.items()}
    due = [a + b for a, b in zip(sums["principal"], sums["lease_payments"], strict=True)]
    gap = [revenue - owed for revenue, owed in zip(sums["contracted_revenue"], due, strict=True)]
    money = {"principal": sums["principal"], "lease_payments": sums["lease_payments"]}
    if found.not_commenced is not None:
        money[_NOT_COMMENCED] = found.not_commenced.by_bucket(first, number, found.year_end)
    money |= {
        "contracted_revenue": sums["contracted_revenue"],
        "gap": gap,
        "cumulative_gap": np.cumsum(np.array(gap, dtype=object)).tolist(),
    }
    columns |= {name: whole_out(frame, found.options, name, values, "gap") for name, values in money.items()}
    columns["coverage"] = quotients_out(frame, sums["contracted_revenue"], due)
    columns["due_rate"] = quotients_out(frame, due, sums["contracted_revenue"])
    return frame.build(columns)


def gap_lives(
    debt: Any = None,
    *,
    leases: Any = None,
    contracts: Any = None,
    as_of: Any,
    thereafter_years: Mapping[str, float] | None = None,
    fiscal_year_end: int = 12,
    payments: Any = None,
    loan_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """Average the years until principal, lease payments and contracted revenue fall due.

    Parameters
    ----------
    debt, leases, contracts, as_of, fiscal_year_end, payments, loan_options, **options
        As for `gap_table`.
    thereafter_years
        For ladders, which do not say when ``thereafter`` is: from the side (``"principal"``,
        ``"lease_payments"``, ``"contracted_revenue"``) to the years from `as_of` to its middle. The years
        of a ladder count as of their middle.

    Returns
    -------
    DataFrame or Table
        ``side``, ``amount`` and ``weighted_average_life_years`` (of 365 days), a row for each side that was
        given. The years are null where nothing is due, or where a ladder has something ``thereafter`` of
        which `thereafter_years` says nothing.

    Raises
    ------
    InputError
        With all problems of the data in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> debt = pd.DataFrame({"bucket": ["2026", "2027", "thereafter"], "principal": [2.0, 1.0, 1.0]})
    >>> nc.gap_lives(debt, as_of="2025-12-31", thereafter_years={"principal": 4.0}).values.tolist()
    [['principal', 4.0, 1.625]]
    """
    later = _thereafter(thereafter_years)
    found = _read(
        "gap_lives", debt, leases, contracts, as_of, None, fiscal_year_end, payments, loan_options, options
    )
    given = {"principal": debt, "lease_payments": leases, "contracted_revenue": contracts}
    shown = [name for name in SIDES if given[name] is not None]
    amounts, years = [], []
    for name in shown:
        side = found.sides[name]
        amount = sum(value for _, value in side.flows) + sum((side.ladder or {}).values())
        amounts.append(amount)
        years.append(found.debt_life if side.is_loans else _life(found, side, later.get(name)))
    null = np.array([year is None for year in years], dtype=bool)
    values = np.array([0.0 if year is None else year for year in years], dtype=np.float64)
    codes = np.array([SIDES.index(name) for name in shown], dtype=np.int8)
    return found.frame.build(
        {
            "side": found.frame.categorical(codes, SIDES, ordered=False),
            "amount": whole_out(found.frame, found.options, "amount", amounts, "gap"),
            "weighted_average_life_years": found.frame.money_out(values, null if null.any() else None),
        }
    )


def _thereafter(given: Any) -> dict[str, float]:
    later = dict(given or {})
    for name, years in later.items():
        choice("thereafter_years", name, SIDES)
        if isinstance(years, bool) or not isinstance(years, (int, float)) or not 0 <= years <= 200:
            raise ConfigError(f"thereafter_years[{name!r}] must be a number of years, not {years!r}")
    return later


def _life(found: _Gap, side: _Side, later: float | None) -> float | None:
    """Return the average years of amounts by day, or by the middle of their years."""
    weighted = 2 * sum((day - found.day) * amount for day, amount in side.flows)
    amount = sum(value for _, value in side.flows)
    extra = 0.0
    for year, value in (side.ladder or {}).items():
        amount += value
        if year is None:
            if value and later is None:
                return None
            extra += (later or 0.0) * value
            continue
        begin, end = max(_year_end(year - 1, found.year_end), found.day), _year_end(year, found.year_end)
        weighted += (begin + end - 2 * found.day) * value
    return (weighted / (2 * _YEAR_DAYS) + extra) / amount if amount else None


def _fiscal_year(day: int, year_end: int) -> int:
    return 1970 + (month_of_day(day) + 12 - year_end) // 12


def _year_end(year: int, year_end: int) -> int:
    return first_day((year - 1970) * 12 + year_end) - 1


# --- reading ------------------------------------------------------------------------------------------------


def _read(
    verb: str,
    debt: Any,
    leases: Any,
    contracts: Any,
    as_of: Any,
    buckets: int | None,
    fiscal_year_end: int,
    payments: Any,
    loan_options: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> _Gap:
    for name in ("freq", "start", "end"):
        if name in options:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    checked = monthly_options(verb, {**options, "fiscal_year_end": fiscal_year_end})
    day = to_days("as_of", as_of)
    number = 1 if buckets is None else int_between("buckets", buckets, 1, 100)
    given = [data for data in (debt, leases, contracts) if data is not None]
    if not given:
        raise ConfigError(f"{verb} needs debt, leases= or contracts=")
    if payments is not None and (leases is None or _is_ladder(leases, "lease_payments")):
        raise ConfigError("payments= belong to leases that are not a ladder")
    found = _Gap(as_frame(given[0], "bucket", "gap"), checked, day, fiscal_year_end, number, {}, None, None)
    found.sides = {name: _Side() for name in SIDES}
    currencies: set[Any] = set()
    for name, data in (("principal", debt), ("lease_payments", leases), ("contracted_revenue", contracts)):
        if data is None:
            continue
        if _is_ladder(data, name):
            side = SideTable.open(data, _LADDERS[name], ("bucket", name), checked)
            found.sides[name].ladder = _ladder(side, name, found, buckets is not None)
            currencies |= set(side.values("currency"))
        elif name == "principal":
            currencies |= _debt(found, data, dict(loan_options or {}))
        else:
            if first_day(month_of_day(day) + 1) - 1 != day:
                raise ConfigError(f"as_of must be the last day of a month, not {as_of!r}")
            currencies |= (
                _leases(found, data, payments) if name == "lease_payments" else _contracts(found, data)
            )
    if len(currencies - {None}) > 1:
        shown = ", ".join(sorted(map(str, currencies - {None})))
        hint = "make one table for each currency"
        raise InputError([Issue.make("currency", "currency_mix", example=shown, hint=hint)], subject="gap")
    return found


def _is_ladder(data: Any, amount: str) -> bool:
    try:
        names = as_frame(data, "bucket", "gap").names
    except InputError:
        return False
    return {"bucket", amount} <= set(names)


def _ladder(side: SideTable, name: str, found: _Gap, bucketed: bool) -> dict[int | None, int]:
    buckets, amounts = side.values("bucket", required=True), side.amounts(name, required=True)
    years: list[int | None] = []
    wrong = []
    for row, bucket in enumerate(buckets):
        text = str(bucket)
        year = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None
        if bucket is not None and text != THEREAFTER and (year is None or year < found.first):
            wrong.append(row)
        years.append(year)
    side.note("bucket", "range", wrong, lambda row: f"{buckets[row]!r}: not a year from {found.first} on")
    side.raise_problems()
    sums: dict[int | None, int] = {}
    for year, amount in zip(years, amounts, strict=True):
        sums[year] = sums.get(year, 0) + (amount or 0)
    last = max((year for year in sums if year is not None), default=found.first - 1)
    if bucketed and sums.get(None) and last < found.first + found.number - 1:
        most = max(1, last - found.first + 1)
        raise ConfigError(f"the ladder of {side.label} names years to {last}: buckets={most} at most")
    return sums


def _debt(found: _Gap, loans: Any, beside: dict[str, Any]) -> set[Any]:
    """Take principal by bucket from the ladder of the loans, and their average life."""
    options = found.options
    settings = {
        "amounts": "minor" if options.amounts == "minor" else "decimal",
        "minor_units": options.minor_units,
        "round_input": options.round_input,
        "fiscal_year_end": found.year_end,
        "as_of": np.datetime64(found.day, "D"),
        **beside,
    }
    ladder = principal_ladder(loans, buckets=found.number, **settings)
    table = SideTable.open(ladder, "debt", ("bucket", "principal"), options)
    names, amounts = table.values("bucket"), table.amounts("principal", negative=True)
    sums: dict[int | None, int] = {}
    for name, amount in zip(names, amounts, strict=True):
        year = None if name == THEREAFTER else int(name)
        sums[year] = sums.get(year, 0) + (amount or 0)
    found.sides["principal"].ladder, found.sides["principal"].is_loans = sums, True
    currencies = set(table.values("currency"))
    if len(currencies) == 1:
        settings.pop("fiscal_year_end")
        by = ["currency"] if "currency" in table else []
        life = weighted_average_life(loans, by=by, **settings)
        values = as_frame(life, "currency", "loans").raw("weighted_average_life_years").values
        found.debt_life = float(values[0]) if len(values) and sum(sums.values()) else None
    return currencies


def _leases(found: _Gap, leases: Any, payments: Any) -> set[Any]:
    terms = LeaseTerms(leases, payments, COMPOUNDING[0], found.options)
    now = month_of_day(found.day)
    found.not_commenced = _Side()
    for lease in terms.leases:
        commenced = terms.months[lease.row] <= now
        side = found.sides["lease_payments"] if commenced else found.not_commenced
        for at, amount in enumerate(lease.payments):
            month = lease.month + at
            if month > now and amount:
                day = first_day(month) if lease.advance else first_day(month + 1) - 1
                side.flows.append((day, amount))
    return set(terms.table.values("currency"))


def _contracts(found: _Gap, contracts: Any) -> set[Any]:
    """Take from each month what falls away of what remains to be performed."""
    terms = ContractTerms(contracts, None, None, found.options, spot=False)
    now = month_of_day(found.day)
    ledger = Ledger(CONTRACT_NAMES)
    for contract in terms.contracts:
        keep_contract(contract, ledger, 10**found.options.minor_units, now, None)
    at = CONTRACT_NAMES.index("remaining_performance_obligation")
    before: dict[int, int] = {}
    flows = found.sides["contracted_revenue"].flows
    for item, phase, month, amounts in zip(
        ledger.item, ledger.phase, ledger.month, ledger.amounts, strict=True
    ):
        left = amounts[at] or 0
        if phase != CONTRACT or month < now or (month > now and item not in before):
            continue  # signed, or taken over, later
        if month > now and before[item] != left:
            middle = (first_day(month) + first_day(month + 1) - 1) // 2
            flows.append((middle, before[item] - left))
        before[item] = left
    return set(terms.table.values("currency"))
