"""What is known of the groups of an impairment test and of their assets: fair values, cash flows, rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc._books import Books, times
from neocalc._side_tables import EPOCH_ORDINAL, Key, SideTable, read_amounts
from neocalc.errors import ConfigError, Issue
from neocalc.valuation import Chosen, curve_values

_OF_GROUPS = ("fair_value", "costs_of_disposal", "other_carrying_amount", "discount_rate")
Flow = tuple[int, int]  # days from the close, minor units


def is_rate(rate: Any) -> bool:
    """Whether it is a fraction between 0 and 1."""
    if isinstance(rate, (bool, str)):
        return False
    try:
        return 0.0 <= float(rate) <= 1.0
    except (TypeError, ValueError):
        return False


@dataclass(slots=True)
class OwnValues:
    """What each asset is known to be worth by itself, in minor units."""

    fair: list[int | None]
    costs: list[int]
    in_use: list[int | None]
    cost_rate: Fraction

    def floor(self, at: int) -> int:
        """Return the amount below which no loss takes an asset (ASC 360-10-35-28, IAS 36.105)."""
        fair, in_use = self.fair[at], self.in_use[at]
        return max(0, 0 if fair is None else fair - self.costs[at], 0 if in_use is None else in_use)


def own_columns(books: Books, framework: str) -> dict[str, list[int | None]]:
    """Return the values that the fleet's rows give of themselves."""
    data = books.data
    names = ("fair_value", "value_in_use") if framework == "ifrs" else ("fair_value",)
    return {
        name: read_amounts(data.frame, name, name, data.problems, books.options)
        for name in names
        if name in data.present
    }


def own_values(
    books: Books, columns: dict[str, list[int | None]], chosen: Chosen | None, curve_by: str, rate: float
) -> OwnValues:
    rows = books.rows.tolist()
    unknown: list[int | None] = [None] * len(rows)
    given = [columns["fair_value"][row] for row in rows] if "fair_value" in columns else unknown
    curve = unknown if chosen is None else curve_values(books, chosen, curve_by)
    fair = [value if value is not None else other for value, other in zip(given, curve, strict=True)]
    part = Fraction(str(rate))
    costs = [0 if value is None else times(value, part) for value in fair]
    in_use = [columns["value_in_use"][row] for row in rows] if "value_in_use" in columns else unknown
    return OwnValues(fair, costs, in_use, part)


def currencies_of(books: Books, members: Mapping[int, list[int]]) -> dict[int, Any]:
    """Return each group's currency, where the fleet says."""
    if "currency" not in books.data.present:
        return {}
    codes, _, values = books.data.classes("currency")
    named = [*values, None]
    return {number: named[int(codes[books.rows[part[0]]])] for number, part in members.items()}


def _numbers(
    table: SideTable, keys: Sequence[str], named: Mapping[Key, int], currencies: dict[int, Any]
) -> list[int]:
    """Return each row's group; note rows of no group, or of another currency than their group's."""
    found = table.keys(keys)
    numbers = [named.get(key, -1) for key in found]
    column = ", ".join(keys) or "rows"
    unknown = [row for row, number in enumerate(numbers) if number < 0]
    table.note(column, "group_unknown", unknown, lambda row: key_text(found[row]))
    if "currency" in table:
        known = dict(currencies)
        money = [key[0] for key in table.keys(["currency"])]
        wrong = [
            row
            for row, number in enumerate(numbers)
            if number >= 0 and known.setdefault(number, money[row]) != money[row]
        ]
        table.note("currency", "currency_mix", wrong, lambda row: repr(money[row]))
    return numbers


def key_text(key: Key) -> str:
    """Name a group in a message."""
    return ", ".join(map(repr, key)) or "the fleet"


def read_group_values(
    books: Books, given: Any, named: Mapping[Key, int], currencies: dict[int, Any], framework: str
) -> dict[int, dict[str, Any]]:
    """Return what the table of groups says of each."""
    if given is None:
        return {}
    keys = books.keys or []
    table = SideTable.open(given, "group_values", keys, books.options)
    if framework == "us_gaap" and ("costs_of_disposal" in table or "discount_rate" in table):
        raise ConfigError("group_values: costs_of_disposal and discount_rate are for framework='ifrs'")
    if not any(name in table for name in _OF_GROUPS):
        raise ConfigError(f"group_values has none of {', '.join(_OF_GROUPS)}")
    numbers = _numbers(table, keys, named, currencies)
    first = {number: row for row, number in reversed([*enumerate(numbers)])}
    again = [row for row, number in enumerate(numbers) if number >= 0 and first[number] != row]
    table.note(", ".join(keys) or "rows", "duplicate_id", again, lambda row: f"row {row}")
    columns: dict[str, Sequence[Any]] = {
        name: table.amounts(name, negative=name == "other_carrying_amount")
        for name in _OF_GROUPS[:3]
        if name in table
    }
    if "discount_rate" in table:
        columns["discount_rate"] = _rates(table, "discount_rate")
    table.raise_problems()
    return {
        number: {name: values[row] for name, values in columns.items() if values[row] is not None}
        for row, number in enumerate(numbers)
    }


def _rates(table: SideTable, name: str) -> list[float | None]:
    raw = table.frame.raw(name)
    if raw.refuse is not None or raw.text or raw.values.dtype.kind not in "fiuO":
        table.problems.column(f"{table.label}.{name}", "dtype", str(raw.values.dtype), "use numbers")
        return [None] * table.frame.n
    null = [False] * table.frame.n if raw.null is None else raw.null.tolist()
    values = [
        None if gone or value is None or value != value else value
        for value, gone in zip(raw.values.tolist(), null, strict=True)
    ]
    wrong = [row for row, value in enumerate(values) if value is not None and not is_rate(value)]
    table.note(name, "range", wrong, lambda row: values[row])
    bad = set(wrong)
    return [None if value is None or row in bad else float(value) for row, value in enumerate(values)]


def read_cash_flows(
    books: Books, given: Any, named: Mapping[Key, int], currencies: dict[int, Any]
) -> dict[int, list[Flow]]:
    """Return the flows of each group; every group has some."""
    if given is None:
        return {}
    keys = books.keys or []
    table = SideTable.open(given, "cash_flows", [*keys, "date", "amount"], books.options)
    numbers = _numbers(table, keys, named, currencies)
    close = books.close.toordinal() - EPOCH_ORDINAL
    days, flows = table.days("date"), table.amounts("amount", required=True, negative=True)
    if not table.problems.issues:
        past = [row for row, day in enumerate(days) if day <= close]
        table.note("date", "past_cash_flow", past, lambda row: str(np.datetime64(days[row], "D")))
    found: dict[int, list[Flow]] = {}
    for number, day, amount in zip(numbers, days, flows, strict=True):
        found.setdefault(number, []).append((day - close, amount or 0))
    column = f"cash_flows.{', '.join(keys) or 'rows'}"
    missing = [key_text(key) for key, number in named.items() if number not in found]
    if missing:
        example = "; ".join(missing[:5])
        table.problems.issues.append(Issue.make(column, "group_missing", n_bad=len(missing), example=example))
    table.raise_problems()
    return found
