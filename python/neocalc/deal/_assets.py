"""The property of a deal: what is paid for it, what is under construction, and its books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._frames import as_frame
from neocalc._macrs import MacrsPolicy
from neocalc._options import Options
from neocalc._runs import AnyPolicy
from neocalc._side_tables import SideTable
from neocalc.deal._frames import Column, build
from neocalc.deal._grid import Amounts, Cells, Grid, month_of
from neocalc.deal._tables import Named, Rows
from neocalc.depreciation import depreciate
from neocalc.errors import ConfigError
from neocalc.valuation import ValueCurve, market_values, value_curve

FLOWS = ("additions", "depreciation", "impairment", "reversals", "disposals", "gain")
BALANCES = ("opening_book_value", "closing_book_value")
# What happens to books and means nothing to a tax return.
_NOT_OF_TAX = frozenset(
    (
        "life_change",
        "residual_change",
        "impairment",
        "reversal",
        "held_for_sale",
        "returned_to_use",
        "suspend",
        "resume",
    )
)
NEVER = 2**40  # a month that does not come


Backed = tuple[str | None, int | None]  # the facility, and the draw, that assets secure


@dataclass
class BookColumns:
    """One book of the fleet, month by month: totals, and what stands behind each facility."""

    flows: dict[str, Amounts]
    by_facility: dict[Backed, Amounts]  # book value at each month's end
    frame: Any = None


@dataclass
class Property:
    """What is paid and what is under construction; without the books."""

    spent: Amounts  # cash for assets
    construction: Amounts  # paid for what is not in service yet, at each month's end
    opening_construction: int
    payable: Amounts  # in service and not paid yet
    opening_payable: int
    placed: Amounts  # cost that enters service
    opening_placed: int


@dataclass
class Fleet:
    """Assets with what happened to them."""

    frame: Any
    rows: Rows
    events: Any
    event_rows: Rows
    payments: Rows
    curves: Mapping[str, ValueCurve]
    kind: str
    policy_by: str | None
    options: Options
    curve_by: str = "gpu_model"
    lives: Mapping[str | None, int] = field(default_factory=dict)  # of whole classes, instead of their own

    @property
    def is_empty(self) -> bool:
        """Whether there are no assets."""
        return self.rows.n == 0


def property_of(fleet: Fleet, grid: Grid) -> Property:
    """Follow each asset from its payments into service."""
    zero = grid.zeros()
    made = Property(zero.copy(), zero.copy(), 0, zero.copy(), 0, zero.copy(), 0)
    rows, events = fleet.rows, fleet.event_rows
    added: dict[str, list[tuple[int, int]]] = {}
    serviced: dict[str, int] = {}
    for row in range(events.n):
        asset, kind, day = events["asset_id"][row], events["kind"][row], events["date"][row]
        if kind == "addition":
            added.setdefault(asset, []).append((day, events["amount"][row] or 0))
        elif kind == "in_service":
            serviced[asset] = month_of(day)
    paid: dict[str, list[tuple[int, int]]] = {}
    for row in range(fleet.payments.n):
        at = fleet.payments["date"][row], fleet.payments["amount"][row] or 0
        paid.setdefault(fleet.payments["asset_id"][row], []).append(at)
    for row in range(rows.n):
        asset, cost, day = rows["asset_id"][row], rows["cost"][row] or 0, rows["in_service_date"][row]
        building = rows["status"][row] == "cip"
        service = serviced.get(asset, NEVER) if building else month_of(day) if day is not None else NEVER
        payments = paid.get(asset)
        if payments is None:
            when = rows["paid_date"][row]
            month = month_of(when) if when is not None else service if service < NEVER else grid.first - 1
            moves = [(month, cost)]
        else:
            moves = [(month_of(date), amount) for date, amount in payments]
        more = [(month_of(date), amount) for date, amount in added.get(asset, [])]
        enters = [(service, cost), *((max(month, service), amount) for month, amount in more)]
        _follow(made, grid, [*moves, *more], enters)
    return made


def _follow(made: Property, grid: Grid, paid: list[tuple[int, int]], enters: list[tuple[int, int]]) -> None:
    through = _running(grid, paid)
    entered = _running(grid, enters)
    gap = through - entered
    made.construction += np.maximum(gap[1:], 0)
    made.payable += np.maximum(-gap[1:], 0)
    made.opening_construction += max(int(gap[0]), 0)
    made.opening_payable += max(-int(gap[0]), 0)
    made.spent += np.diff(through)
    made.placed += np.diff(entered)
    made.opening_placed += int(entered[0])


def _running(grid: Grid, moves: list[tuple[int, int]]) -> Array:
    """Return the running sum before the first month and at the end of each."""
    out = np.zeros(grid.n + 1, dtype=np.int64)
    for month, amount in moves:
        at = month - grid.first + 1
        if at <= grid.n:
            out[max(at, 0)] += amount
    return np.cumsum(out)


def keep_book(
    fleet: Fleet, policy: AnyPolicy | Mapping[Any, Any], grid: Grid, frame: Any = None
) -> BookColumns:
    """Depreciate the fleet, or other assets of it, under one policy."""
    own = fleet.frame if frame is None else frame
    events, kept = fleet.events if frame is None else None, {}
    if events is not None and _of_tax(policy):
        picked = [kind not in _NOT_OF_TAX for kind in fleet.event_rows["kind"]]
        events, kept = _filter(events, picked), {"asset_events": np.flatnonzero(picked).tolist()}
    if own is None or as_frame(own).n == 0:
        return BookColumns({name: grid.zeros() for name in (*FLOWS, *BALANCES)}, {})
    keys = [name for name in BACKED if name in as_frame(own).names]
    policy_by = fleet.policy_by if isinstance(policy, Mapping) else None
    with Named("assets", kept):
        found = depreciate(
            own,
            policy,
            by=keys,
            events=events,
            freq="M",
            start=_iso(grid.start),
            end=_iso(grid.end),
            amounts="decimal",
            minor_units=fleet.options.minor_units,
            policy_by=policy_by,
        )
    cells = Cells.read(found, keys, (*FLOWS, *BALANCES), fleet.options, "assets")
    flows = {name: cells.monthly(grid, name) for name in (*FLOWS, *BALANCES)}
    if "gain" not in cells.columns:  # nothing was received for what was sold
        flows["gain"] = -flows["disposals"]
    closing = {
        backed(key, keys): cells.monthly(grid, "closing_book_value", key) for key in dict.fromkeys(cells.keys)
    }
    return BookColumns(flows, closing, found)


BACKED = ("facility_id", "draw_number")


def backed(key: Any, names: Sequence[str]) -> Backed:
    """Return what a group of assets secures."""
    own = dict(zip(names, key if isinstance(key, tuple) else (key,), strict=True))
    draw = own.get("draw_number")
    return own.get("facility_id"), None if draw is None else int(float(draw))


def _of_tax(policy: Any) -> bool:
    first = next(iter(policy.values())) if isinstance(policy, Mapping) else policy
    return isinstance(first, MacrsPolicy)


def _iso(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


def merge(one: BookColumns, other: BookColumns) -> BookColumns:
    """Add two books."""
    flows = {name: one.flows[name] + other.flows[name] for name in one.flows}
    names = dict.fromkeys((*one.by_facility, *other.by_facility))
    zero = np.zeros_like(next(iter(flows.values())))
    closing = {name: one.by_facility.get(name, zero) + other.by_facility.get(name, zero) for name in names}
    return BookColumns(flows, closing, one.frame)


def capitalised_assets(
    fleet: Fleet, costs: Sequence[tuple[str, int, int]], class_of: Callable[[str], str | None]
) -> Any:
    """Make assets of interest that was capitalised: facility, cost, and the day of service."""
    rows = [one for one in costs if one[1]]
    if not rows:
        return None
    columns = {
        "asset_id": Column("text", [f"capitalised interest of {name}" for name, _, _ in rows]),
        "facility_id": Column("text", [name for name, _, _ in rows]),
        "cost": Column("decimal", [_decimal(cost, fleet.options.minor_units) for _, cost, _ in rows]),
        "in_service_date": Column("date", [day for _, _, day in rows]),
    }
    classes = [class_of(name) if fleet.policy_by is not None else None for name, _, _ in rows]
    columns["useful_life_months"] = Column("rate", [fleet.lives.get(own) for own in classes])
    columns["acquisition_date"] = columns["in_service_date"]
    if fleet.policy_by is not None:
        columns[fleet.policy_by] = Column("text", classes)
    return build(fleet.kind, columns)


def _decimal(minor: int, digits: int) -> Any:
    from decimal import Decimal

    return Decimal(minor).scaleb(-digits)


def market_values_of(fleet: Fleet, policy: Any, grid: Grid) -> dict[Backed, list[int | None]]:
    """Return what the market would pay for what secures each draw; None where no curve says."""
    facilities, draws = fleet.rows["facility_id"], fleet.rows["draw_number"]
    of = list(zip(facilities, draws, strict=True))
    models, states = fleet.rows[fleet.curve_by], fleet.rows["status"]
    unknown = {
        key
        for key, model, status in zip(of, models, states, strict=True)
        if model not in fleet.curves and status != "cip"
    }
    out: dict[Backed, list[int | None]] = {key: [] for key in dict.fromkeys(of)}
    kept = [model in fleet.curves for model in models]
    if not any(kept):
        return {key: [None] * grid.n for key in out}
    frame, events = _filter(fleet.frame, kept), fleet.events
    given = {"assets": np.flatnonzero(kept).tolist()}
    if events is not None:
        ids = {name for name, keep in zip(fleet.rows["asset_id"], kept, strict=True) if keep}
        own = [name in ids for name in fleet.event_rows["asset_id"]]
        events, given["asset_events"] = _filter(events, own), np.flatnonzero(own).tolist()
    by = [name for name in BACKED if name in as_frame(frame).names]
    for day in grid.ends:
        with Named("assets", given):
            found = market_values(
                frame, dict(fleet.curves), policy=policy, as_of=_iso(day), curve_by=fleet.curve_by, by=by,
                policy_by=fleet.policy_by if isinstance(policy, Mapping) else None, amounts="decimal",
                minor_units=fleet.options.minor_units, events=events,
            )  # fmt: skip
        side = SideTable.open(found, "assets", [], fleet.options)
        amounts = side.amounts("market_value")
        by_key = {backed(key, by): amount for key, amount in zip(side.keys(by), amounts, strict=True)}
        for key, values in out.items():
            values.append(None if key in unknown else by_key.get(key, 0))
    return out


def _filter(frame: Any, keep: list[bool]) -> Any:
    import narwhals.stable.v2 as nw

    if not keep:  # no rows: narwhals takes an empty list for no condition
        return frame
    return nw.from_native(frame, eager_only=True).filter(keep).to_native()


def override_life(frame: Any, kind: str, rows: list[bool], months: int) -> Any:
    """Give some assets another useful life, which wins over their own."""
    import narwhals.stable.v2 as nw

    data = nw.from_native(frame, eager_only=True)
    own = data["useful_life_months"].to_list() if "useful_life_months" in data.columns else [None] * len(rows)
    lives = [months if picked else None if life is None or life != life else float(life)
             for picked, life in zip(rows, own, strict=True)]  # fmt: skip
    made = nw.from_native(build(kind, {"useful_life_months": Column("rate", lives)}), eager_only=True)
    series = made["useful_life_months"]
    if kind == "pandas":
        native = series.to_native()
        native.index = frame.index
        series = nw.from_native(native, series_only=True)
    return data.with_columns(series.alias("useful_life_months")).to_native()


def read_curves(rows: Rows) -> dict[str, ValueCurve]:
    """Make the value curves of a table; what is wrong with them is noted."""
    found: dict[str | None, list[int]] = {}
    for row in range(rows.n):
        found.setdefault(rows["gpu_model"][row], []).append(row)
    curves: dict[str, ValueCurve] = {}
    wrong: dict[int, str] = {}
    for model, own in found.items():
        if model is None:
            continue  # noted by who reads the table
        try:
            curves[model] = value_curve(**_curve(rows, own))
        except ConfigError as error:
            wrong |= dict.fromkeys(own, f"{model!r}: {error}")
    rows.note("gpu_model", "curve", list(wrong), wrong.__getitem__)
    return curves


def _curve(rows: Rows, own: Sequence[int]) -> dict[str, Any]:
    """Return the arguments of a curve; pairs, so that what stands twice is seen."""
    points = [
        (rows["age_months"][row], rows["value_share"][row])
        for row in own
        if rows["age_months"][row] is not None or rows["value_share"][row] is not None
    ]
    prices = [
        (None if rows["date"][row] is None else np.datetime64(rows["date"][row], "D"), rows["price"][row])
        for row in own
        if rows["date"][row] is not None or rows["price"][row] is not None
    ]
    told: dict[str, Any] = {"points": points or None, "prices": prices or None}
    for name in ("annual_decay_rate", "interpolation", "beyond"):
        values = {rows[name][row] for row in own} - {None}
        if len(values) > 1:
            raise ConfigError(f"{name} is told in more than one way")
        if values:
            told[name] = values.pop()
    return told
