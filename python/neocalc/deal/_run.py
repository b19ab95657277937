"""One run of a deal: debt, books, and the waterfall for what depends on cash, until nothing changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neocalc import _core
from neocalc._records import guarded
from neocalc.deal._assets import (
    BALANCES,
    FLOWS,
    BookColumns,
    Property,
    capitalised_assets,
    keep_book,
    merge,
    property_of,
)
from neocalc.deal._company import Inputs, Outcome
from neocalc.deal._debt import Facility
from neocalc.deal._grid import Amounts, Grid, month_of
from neocalc.deal._operations import Costs, costs_of, run_off
from neocalc.deal._plan import make_plan
from neocalc.errors import InternalError

_MOST_ROUNDS = 5_000


def run(inputs: Inputs) -> Outcome:
    """Run a deal: sweeps change the loans that they prepay, so the loans run again until no month changes."""
    grid, fleet = inputs.grid, inputs.fleet
    costs = costs_of(inputs.costs, inputs.customers, grid)
    owned = property_of(fleet, grid)
    books = {name: keep_book(fleet, policy, grid) for name, policy in inputs.books.items()}
    if not books:  # nothing to depreciate
        books = {"": BookColumns({name: grid.zeros() for name in (*FLOWS, *BALANCES)}, {})}
    _pledge(inputs)
    rates = inputs.debt.monthly_rates()
    swept: dict[str, Amounts] = {
        inputs.debt.name(row): grid.zeros()
        for row in inputs.debt.loans
        if inputs.debt.rows["sweep_rate"][row]
    }
    settled = 0
    for _ in range(_MOST_ROUNDS):
        outcome = _once(inputs, costs, owned, books, rates, swept, settled)
        found = {name: outcome.flows["sweep"][:, at] for at, name in enumerate(swept)}
        changed = [
            at for at in range(grid.n) if any(int(found[name][at]) != int(swept[name][at]) for name in swept)
        ]
        if not changed:
            return outcome
        settled = changed[0] + 1
        for name, amounts in swept.items():
            amounts[settled - 1] = found[name][settled - 1]
            amounts[settled:] = 0
    raise InternalError("sweeps of a deal do not settle")


def _pledge(inputs: Inputs) -> None:
    """Tell facilities with an advance rate what the assets that secure them stand at, from their start on."""
    debt, grid = inputs.debt, inputs.grid
    secured = [row for row in debt.loans if debt.rows["advance_rate"][row] is not None]
    if not secured or inputs.fleet.is_empty:
        return
    first = min(grid.first, *(month_of(debt.rows["start_date"][row]) for row in secured)) - 1
    longer = Grid(first, grid.first + grid.n - first)
    book = keep_book(inputs.fleet, next(iter(inputs.books.values())), longer)
    found: dict[str, Amounts] = {}
    for (name, _), values in book.by_facility.items():
        if name is not None:
            found[name] = found.get(name, longer.zeros()) + values
    debt.collateral = {
        name: list(zip(longer.ends, values.tolist(), strict=True)) for name, values in found.items()
    }


def _once(
    inputs: Inputs,
    costs: Costs,
    owned: Property,
    books: Mapping[str, BookColumns],
    rates: Mapping[str, list[int]],
    swept: dict[str, Amounts],
    settled: int,
) -> Outcome:
    grid = inputs.grid
    facilities = inputs.debt.run(swept)
    capitalised = sum((one.flows["capitalized_interest"] for one in facilities), grid.zeros())
    costs_built = _capitalised(inputs, facilities)
    extra = capitalised_assets(inputs.fleet, costs_built, inputs.debt.class_of)
    before = sum(one.opening["capitalized"] for one in facilities)
    before -= sum(cost for _, cost, day in costs_built if day < grid.start)
    whole = dict(books)
    placed = grid.zeros()
    if extra is not None:
        added = {name: keep_book(inputs.fleet, policy, grid, extra) for name, policy in inputs.books.items()}
        whole = {name: merge(book, added[name]) for name, book in books.items()}
        placed = next(iter(added.values())).flows["additions"] if added else placed
    outcome = Outcome(
        inputs=inputs, costs=costs, owned=owned, books=whole, facilities=facilities, claims=[], flows={},
        swept={name: amounts.copy() for name, amounts in swept.items()}, opening=_opening(inputs),
        revolvers=inputs.debt.revolvers, reserve_names=[], opening_reserves=[], capitalised=capitalised,
        building_interest=before + np.cumsum(capitalised - placed), opening_building_interest=before,
        placed_interest=placed, contributions=_contributions(inputs), temporary=grid.zeros(),
        opening_temporary=0,
    )  # fmt: skip
    _differences(outcome)
    plan = make_plan(outcome, rates, settled)
    found = guarded(_core.waterfall, plan, overflows="deal")
    shapes = {
        "claim": len(outcome.claims),
        "revolver": len(outcome.revolvers),
        "reserve": len(outcome.reserve_names),
    }
    for name, values in found.items():
        group = name.partition("_")[0]
        width = len(swept) if name == "sweep" else shapes.get(group) if "_" in name else None
        array = np.asarray(values)
        outcome.flows[name] = array if width is None else array.reshape(grid.n, width)
    return outcome


def _capitalised(inputs: Inputs, facilities: list[Facility]) -> list[tuple[str, int, int]]:
    """Return interest capitalised for assets in service by the end: facility, cost, the day of service."""
    days = inputs.debt.rows["construction_end_date"]
    return [
        (one.name, one.opening["capitalized"] + int(one.flows["capitalized_interest"].sum()), days[one.row])
        for one in facilities
        if days[one.row] is not None and days[one.row] <= inputs.grid.end
    ]


def _differences(outcome: Outcome) -> None:
    """Find how far the books' property stands above its tax basis."""
    name = outcome.inputs.terms.tax_book
    if name is None:
        return
    book, tax = outcome.book.flows, outcome.books[name].flows
    outcome.temporary = book["closing_book_value"] - tax["closing_book_value"]
    outcome.opening_temporary = int(book["opening_book_value"][0] - tax["opening_book_value"][0])


def _opening(inputs: Inputs) -> dict[str, Amounts]:
    """Return what of the balances at the start is settled month by month, and what is left."""
    opening, grid = inputs.terms.opening, inputs.grid
    found: dict[str, Amounts] = {}
    for name in ("receivables", "payables", "deferred_revenue", "accrued_interest"):
        settled, left = run_off(opening[name], int(opening[f"{name}_months"]), grid)
        found[name], found[f"{name}_left"] = settled, left
    return found


def _contributions(inputs: Inputs) -> Amounts:
    """Return what owners pay in, equity cures included."""
    grid, equity, cures = inputs.grid, inputs.equity, inputs.cures
    rows = [row for row in range(equity.n) if equity["kind"][row] == "contribution"]
    out = grid.sum([equity["date"][row] for row in rows], [equity["amount"][row] or 0 for row in rows])
    days = [cures["paid_date"][row] or cures["period_end"][row] for row in range(cures.n)]
    return out + grid.sum(days, [amount or 0 for amount in cures["amount"]])
