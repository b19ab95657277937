"""The impairment test of asset groups (ASC 360-10-35) and of cash-generating units (IAS 36)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._books import Books, times
from neocalc._group_values import (
    Flow,
    OwnValues,
    currencies_of,
    is_rate,
    key_text,
    own_columns,
    own_values,
    read_cash_flows,
    read_group_values,
)
from neocalc._runs import PolicyByClass
from neocalc._side_tables import EPOCH_ORDINAL
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.policies import Policy
from neocalc.valuation import ValueCurve, choose_curves

FRAMEWORKS = ("us_gaap", "ifrs")
STATUSES = ("not_impaired", "impaired", "limited", "insufficient_data")
GROUP_COLUMNS = (
    "carrying_amount",
    "undiscounted_cash_flows",
    "recoverable",
    "fair_value",
    "costs_of_disposal",
    "value_in_use",
    "recoverable_amount",
    "shortfall",
    "impairment_loss",
    "headroom",
    "status",
)
ASSET_COLUMNS = ("carrying_amount", "fair_value", "impairment_loss", "closing_carrying_amount")
_DAYS_A_YEAR = 365


@dataclass(frozen=True)
class ImpairmentTest:
    """What `impairment_test` found: frames of the kind that the fleet is."""

    groups: Any  # a row for each group: both steps of the test, and its outcome
    assets: Any  # a row for each asset: its part of the loss
    events: Any  # asset_id, date, kind, amount of the assets written down: for depreciate(events=...)


@dataclass(slots=True)
class _Group:
    """One asset group or cash-generating unit, in minor units; None is not known."""

    carrying: int
    undiscounted: int | None = None
    value_in_use: int | None = None
    fair_value: int | None = None
    costs: int | None = None
    recoverable_amount: int | None = None
    recoverable: bool = True
    shortfall: int | None = None
    loss: int | None = None
    headroom: int | None = None
    status: str = ""


def impairment_test(
    fleet: Any,
    policy: Policy | PolicyByClass,
    *,
    as_of: Any,
    by: Sequence[str],
    framework: str = "us_gaap",
    cash_flows: Any = None,
    discount_rate: float | None = None,
    group_values: Any = None,
    curves: ValueCurve | Mapping[Any, ValueCurve] | None = None,
    curve_by: str = "gpu_model",
    disposal_cost_rate: float = 0.0,
    policy_by: str | None = None,
    amounts: str = "major",
    minor_units: int = 2,
    **options: Any,
) -> ImpairmentTest:
    """Test groups of assets for impairment, and allocate the loss to their assets to the cent.

    Under ``us_gaap`` (ASC 360-10-35-17) a loss is recognized only if the carrying amount exceeds the sum of
    the undiscounted cash flows, and then it is what the carrying amount exceeds fair value by. Under
    ``ifrs`` (IAS 36.18 and 36.104) it is what the carrying amount exceeds the recoverable amount by: the
    higher of value in use and fair value less costs of disposal, of those that are known. Either way it falls
    on the assets pro rata to their carrying amounts, and takes none below its own fair value (ASC
    360-10-35-28; under IAS 36.105 less costs of disposal, nor below its own value in use); what an asset is
    spared goes to the others in the same proportion. Cents are dealt out by largest remainder.

    Parameters
    ----------
    fleet, policy, policy_by
        As for `depreciate`. Two more columns are read, nulls meaning not known: ``fair_value`` and, under
        ``ifrs``, ``value_in_use``, of the asset by itself.
    as_of
        A date; carrying amounts are those at the end of its month.
    by
        The columns that make the groups: the lowest level with largely independent cash flows.
    framework
        ``us_gaap`` or ``ifrs``.
    cash_flows
        A table of the keys, ``date`` (after the month of `as_of`) and ``amount`` (net, before interest and
        tax, also from disposal at the end; negative where cash goes out). Each group needs a row. It may
        carry ``currency``. ``us_gaap`` cannot do without.
    discount_rate
        Of value in use, a year, before tax (IAS 36.55). A flow of d days from the close is divided by
        ``(1 + rate) ** (d / 365)``, in float64; the sum is rounded once, half-even.
    group_values
        A table of the keys and any of ``fair_value``, ``costs_of_disposal``, ``other_carrying_amount``
        (assets and liabilities of the group that bear no loss; goodwill, which does under IAS 36.104, must
        have borne its part before) and ``discount_rate`` (wins over the one above). Without a fair value of
        the group, it is the sum of its assets', if all are known.
    curves, curve_by
        As for `market_values`: fair values of assets without one of their own.
    disposal_cost_rate
        Under ``ifrs``, costs of disposal as a fraction of fair value where no amount is given.
    amounts, minor_units
        As for `depreciate`.
    **options
        As for `book_values`: ``events, usage, estimate_changes, disposal_convention, posted_through,
        fiscal_year_end, rounding, threads, round_input, allow_long_life, floor_time``. Assets
        are in the group that transfers have led them to; components stand by themselves.

    Returns
    -------
    ImpairmentTest
        ``groups``, by the keys: ``recoverable`` tells whether the first (under ``ifrs`` only) test is passed;
        ``shortfall`` is the loss as measured, ``impairment_loss`` the part that the assets can bear,
        ``headroom`` by how much the amount that decided exceeds the carrying amount; ``status`` is
        ``not_impaired``, ``impaired``, ``limited`` (assets at their floors leave some of the shortfall
        unrecognized) or ``insufficient_data`` (not recoverable, and no fair value). ``assets`` has each
        asset's part, ``events`` what `depreciate` takes: ``amount`` is the carrying amount that remains.

    Raises
    ------
    InputError
        With all problems of one table in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> fleet = pd.DataFrame({"site": ["A", "A"], "cost": [600.0, 400.0],
    ...                       "in_service_date": ["2025-01-01", "2025-01-01"]})
    >>> flows = pd.DataFrame({"site": ["A"], "date": ["2026-12-31"], "amount": [450.0]})
    >>> values = pd.DataFrame({"site": ["A"], "fair_value": [350.0]})
    >>> test = nc.impairment_test(fleet, nc.straight_line(years=2), as_of="2025-12-31", by=["site"],
    ...                           cash_flows=flows, group_values=values)
    >>> test.groups[["carrying_amount", "recoverable", "impairment_loss", "status"]].values.tolist()
    [[500.0, False, 150.0, 'impaired']]
    >>> test.events["amount"].tolist()
    [210.0, 140.0]
    """
    given = {**options, "amounts": amounts, "minor_units": minor_units, "framework": framework}
    _check(framework, cash_flows, discount_rate, group_values, disposal_cost_rate)
    taken = (*GROUP_COLUMNS, *ASSET_COLUMNS)
    books = Books("impairment_test", fleet, policy, as_of, by, policy_by, taken, given)
    if books.keys is None:
        raise ConfigError("by must name the columns that make the groups, or be [] for one group")
    chosen = None if curves is None else choose_curves(books, curves, curve_by)
    columns = own_columns(books, framework)
    books.read()
    members = books.members()
    own = own_values(books, columns, chosen, curve_by, disposal_cost_rate)
    named = {books.key_of(number): number for number in members}
    currencies = currencies_of(books, members)
    values = read_group_values(books, group_values, named, currencies, framework)
    flows = read_cash_flows(books, cash_flows, named, currencies)

    groups: dict[int, _Group] = {}
    losses = [0] * len(books.rows)
    for number, part in members.items():
        found = values.get(number, {})
        group = _Group(sum(books.book_value[at] for at in part) + (found.get("other_carrying_amount") or 0))
        key, rate = key_text(books.key_of(number)), found.get("discount_rate", discount_rate)
        if framework == "ifrs" and number in flows and rate is None:
            hint = "give discount_rate=, or the group's own in group_values"
            raise InputError([Issue.make("discount_rate", "group_missing", example=key, hint=hint)])
        _value(group, part, own, found, flows.get(number), rate)
        _measure(group, framework, key)
        if group.shortfall:
            carrying = [books.book_value[at] for at in part]
            shares = allocate_loss(group.shortfall, carrying, [own.floor(at) for at in part])
            for at, share in zip(part, shares, strict=True):
                losses[at] = share
            group.loss = sum(shares)
            group.status = "impaired" if group.loss == group.shortfall else "limited"
        groups[number] = group
    return ImpairmentTest(
        _groups_frame(books, groups), _assets_frame(books, own, losses), _events_frame(books, losses)
    )


def _check(
    framework: Any, cash_flows: Any, discount_rate: Any, group_values: Any, disposal_cost_rate: Any
) -> None:
    if framework not in FRAMEWORKS:
        raise ConfigError(f"framework must be 'us_gaap' or 'ifrs', not {framework!r}")
    for name, rate in (("discount_rate", discount_rate), ("disposal_cost_rate", disposal_cost_rate)):
        if rate is not None and not is_rate(rate):
            raise ConfigError(f"{name} must be a fraction between 0 and 1, not {rate!r}; 5 % is 0.05")
    if disposal_cost_rate is None:
        raise ConfigError("disposal_cost_rate must be a fraction between 0 and 1, not None")
    if framework == "us_gaap":
        if cash_flows is None:
            raise ConfigError(
                "us_gaap tests undiscounted cash flows first: give cash_flows=, or compare with market_values"
            )
        if discount_rate is not None or disposal_cost_rate:
            raise ConfigError(
                "us_gaap neither discounts the cash flows of the test nor deducts costs of disposal "
                "(ASC 360-10-35-17): discount_rate and disposal_cost_rate are for framework='ifrs'"
            )
    elif cash_flows is not None and discount_rate is None and group_values is None:
        raise ConfigError("value in use needs discount_rate=, or a discount_rate column in group_values")


# --- the test -----------------------------------------------------------------------------------------------


def _value(
    group: _Group,
    part: Sequence[int],
    own: OwnValues,
    found: Mapping[str, Any],
    flows: Sequence[Flow] | None,
    rate: float | None,
) -> None:
    """Fill in what the group is worth."""
    if flows is not None:
        group.undiscounted = sum(amount for _, amount in flows)
        if rate is not None:
            group.value_in_use = present_value(flows, rate)
    fair = [own.fair[at] for at in part]
    costs = sum(own.costs[at] for at in part)
    group.fair_value = found.get("fair_value")
    if group.fair_value is None and None not in fair:
        group.fair_value = sum(value for value in fair if value is not None)
    elif group.fair_value is not None:
        costs = times(group.fair_value, own.cost_rate)
    if group.fair_value is not None:
        group.costs = found.get("costs_of_disposal", costs)


def present_value(flows: Sequence[Flow], rate: float) -> int:
    """Discount flows by (1 + rate) ** (days / 365), in float64; round the exact sum of these once."""
    total = math.fsum(amount / (1.0 + rate) ** (days / _DAYS_A_YEAR) for days, amount in flows)
    return round(total)


def _measure(group: _Group, framework: str, key: str) -> None:
    """Take the steps of the framework."""
    if framework == "us_gaap":
        _measure_us(group)
    else:
        _measure_ifrs(group, key)
    if group.headroom is not None:
        group.status = "not_impaired"
        group.shortfall = group.loss = 0
    elif group.shortfall is not None:
        group.headroom = 0


def _measure_us(group: _Group) -> None:
    """ASC 360-10-35-17: not recoverable, and above fair value."""
    undiscounted = group.undiscounted or 0
    group.costs = None  # not deducted from what is held and used
    group.recoverable = group.carrying <= undiscounted
    if group.recoverable:
        group.headroom = undiscounted - group.carrying
    elif group.fair_value is None:
        group.status = "insufficient_data"
    elif group.carrying <= group.fair_value:
        group.headroom = group.fair_value - group.carrying
    else:
        group.shortfall = group.carrying - group.fair_value


def _measure_ifrs(group: _Group, key: str) -> None:
    """IAS 36.18, 36.104: above the higher of value in use and fair value less costs of disposal."""
    less_costs = None if group.fair_value is None else group.fair_value - (group.costs or 0)
    known = [value for value in (group.value_in_use, less_costs) if value is not None]
    if not known:
        hint = "give its cash flows with a discount rate, its fair value, or curves"
        raise InputError([Issue.make("recoverable_amount", "group_missing", example=key, hint=hint)])
    group.recoverable_amount = max(known)
    group.recoverable = group.carrying <= group.recoverable_amount
    if group.recoverable:
        group.headroom = group.recoverable_amount - group.carrying
    else:
        group.shortfall = group.carrying - group.recoverable_amount


def allocate_loss(loss: int, carrying: Sequence[int], floors: Sequence[int]) -> list[int]:
    """Allocate a loss pro rata to carrying amounts, none below its floor; all in minor units.

    What an asset at its floor is spared goes to the others pro rata (IAS 36.105), until nothing is left or
    all stand at their floors. Minor units that the proportion leaves over go to the largest remainders, of
    equal ones to the first.
    """
    room = [max(0, amount - max(0, floor)) for amount, floor in zip(carrying, floors, strict=True)]
    if loss >= sum(room):
        return room
    shares = [0] * len(room)
    left = loss
    sharing = [at for at, most in enumerate(room) if most]
    weight = sum(carrying[at] for at in sharing)
    while at_floor := [at for at in sharing if room[at] * weight <= left * carrying[at]]:
        for at in at_floor:
            shares[at] = room[at]
            left -= room[at]
            weight -= carrying[at]
        full = set(at_floor)
        sharing = [at for at in sharing if at not in full]
    remainders = []
    for at in sharing:
        shares[at], remainder = divmod(left * carrying[at], weight)
        remainders.append((-remainder, at))
    spare = left - sum(shares[at] for at in sharing)
    for _, at in sorted(remainders)[:spare]:
        shares[at] += 1
    return shares


# --- the frames ---------------------------------------------------------------------------------------------


def _groups_frame(books: Books, groups: Mapping[int, _Group]) -> Any:
    found = list(groups.values())
    frame = books.data.frame
    amounts: dict[str, list[int | None]] = {
        "carrying_amount": [g.carrying for g in found],
        "undiscounted_cash_flows": [g.undiscounted for g in found],
        "fair_value": [g.fair_value for g in found],
        "costs_of_disposal": [g.costs for g in found],
        "value_in_use": [g.value_in_use for g in found],
        "recoverable_amount": [g.recoverable_amount for g in found],
        "shortfall": [g.shortfall for g in found],
        "impairment_loss": [g.loss for g in found],
        "headroom": [g.headroom for g in found],
    }
    columns = {name: books.column(values) for name, values in amounts.items()}
    columns["recoverable"] = np.array([g.recoverable for g in found], dtype=bool)
    codes = np.array([STATUSES.index(g.status) for g in found], dtype=np.int8)
    columns["status"] = frame.categorical(codes, STATUSES, ordered=False)
    return frame.build({**books.key_columns(list(groups)), **{name: columns[name] for name in GROUP_COLUMNS}})


def _assets_frame(books: Books, own: OwnValues, losses: list[int]) -> Any:
    frame = books.data.frame
    left = [book - loss for book, loss in zip(books.book_value, losses, strict=True)]
    amounts: tuple[Sequence[int | None], ...] = (books.book_value, own.fair, losses, left)
    columns = {
        "asset_id": frame.ids(True).by_position(books.rows.astype(np.int32)),
        **books.key_columns(books.codes().tolist()),
        **{name: books.column(values) for name, values in zip(ASSET_COLUMNS, amounts, strict=True)},
    }
    keep = None if len(books.rows) == books.data.n else books.rows
    return frame.build(columns, keep, like_input=True)


def _events_frame(books: Books, losses: list[int]) -> Any:
    frame = books.data.frame
    at = [place for place, loss in enumerate(losses) if loss]
    day = books.close.toordinal() - EPOCH_ORDINAL
    return frame.build(
        {
            "asset_id": frame.ids(True).by_position(books.rows[at].astype(np.int32)),
            "date": frame.dates_out(np.full(len(at), day, dtype=np.int32)),
            "kind": frame.categorical(np.zeros(len(at), dtype=np.int8), ["impairment"], ordered=False),
            "amount": books.column([books.book_value[place] - losses[place] for place in at]),
        }
    )
