"""What must hold within the tables of a deal before it is run: dates in order, shares, one row a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._loans import WORDS
from neocalc._side_tables import shown
from neocalc.deal._tables import FIGURE_KINDS, FIGURE_UNITS, TABLES, Rows

_SHARE = "a share lies between 0 and 1; 5 % is 0.05"
# Rates that no verb judges, and how low they may be; a growth of -100 % leaves nothing to grow.
_RATES: tuple[tuple[str, str, Callable[[Decimal], bool]], ...] = (
    ("costs", "revenue_rate", lambda rate: rate >= 0),
    ("costs", "annual_escalation_rate", lambda rate: rate > -1),
    ("facilities", "past_due_rate", lambda rate: rate >= 0),
    ("facilities", "undrawn_fee_rate", lambda rate: rate >= 0),
    ("reserves", "balance_rate", lambda rate: rate >= 0),
)
_SHARES = (("facilities", "secured_share"), ("facilities", "sweep_rate"))
_SPANS = (
    ("costs", "start_date", "end_date"),
    ("reserves", "from_date", "to_date"),
    ("facilities", "construction_start_date", "construction_end_date"),
    ("published", "from_date", "period_end"),
)
_LARGEST_SUM = 2**61
_NOT_SUMMED = ("published", "measures")  # what stands beside the deal
# Words of facilities that no loan is made of, and so no verb reads.
_WORDS = ("profile", "frequency", "day_count")


# What has no meaning for a revolver, which owes what the waterfall draws and pays by the month.
_NOT_OF_REVOLVERS = (
    *(
        "profile",
        "payment",
        "balance_cap",
        "balance_cap_rate",
        "upfront_fee",
        "upfront_fee_rate",
        "issue_costs",
    ),
    *("issue_price", "make_whole_rate", "sweep_rate", "advance_rate", "target_dscr", "default_margin_rate"),
    *("pik_rate", "pik_share", "interest_only_months", "amortization_months", "first_payment_date"),
    *("draw_start_date", "draw_end_date", "construction_start_date", "construction_end_date"),
)


def check_tables(tables: Mapping[str, Rows]) -> None:
    """Note all that is wrong within single tables."""
    for table, column, fine in _RATES:
        rows = tables[table]
        _each(rows, column, "range", fine)
        _each(rows, column, "rate_unit", lambda rate: rate <= 1, "5 % is 0.05")
    for table, column in _SHARES:
        _each(tables[table], column, "range", lambda share: 0 <= share <= 1, _SHARE)
    for table, first, last in _SPANS:
        _in_order(tables[table], first, last)
    for column in _WORDS:
        _each(tables["facilities"], column, "choice", WORDS[column].__contains__)
    _check_revolvers(tables["facilities"])
    _check_costs(tables["costs"])
    _check_reserves(tables["reserves"])
    _check_ladders(tables["ladders"], tables["facilities"], tables["draws"])
    _twice(tables["commitments"], ("facility_id", "date"), "date", "duplicate_date")
    _check_draw_numbers(tables["assets"], tables["draws"])
    figures = tables["published"]
    _twice(figures, ("figure_id",), "figure_id", "duplicate_id")
    for column, words in (("kind", FIGURE_KINDS), ("unit", FIGURE_UNITS)):
        hint = f"one of {', '.join(map(repr, words))}"
        _each(figures, column, "choice", words.__contains__, hint)


def check_size(tables: Mapping[str, Rows], months: int) -> None:
    """Refuse amounts of which a sum over all rows and months may not fit 64-bit minor units."""
    sums: dict[tuple[str, str], int] = {}
    for name, rows in tables.items():
        if name in _NOT_SUMMED:
            continue
        for column, kind in TABLES[name].columns.items():
            if kind == "money" and column in rows:
                sums[name, column] = sum(abs(amount) for amount in rows[column] if amount is not None)
    if sum(sums.values()) * months >= _LARGEST_SUM:
        name, column = max(sums, key=sums.__getitem__)
        values = [abs(amount or 0) for amount in tables[name][column]]
        largest = [row for row, amount in enumerate(values) if amount == max(values)]
        scale = Decimal(1).scaleb(-tables[name].digits)
        tables[name].note(column, "overflow", largest, lambda row: shown(values[row] * scale))


def _each(rows: Rows, column: str, code: str, fine: Callable[[Any], bool], hint: str | None = None) -> None:
    values = rows[column]
    wrong = [row for row, value in enumerate(values) if value is not None and not fine(value)]
    rows.note(column, code, wrong, hint=hint)


def _day(days: Sequence[Any], row: int) -> str:
    return str(np.datetime64(int(days[row]), "D"))


def _in_order(rows: Rows, first: str, last: str) -> None:
    begins, ends = rows[first], rows[last]
    wrong = [
        row
        for row, (begin, end) in enumerate(zip(begins, ends, strict=True))
        if begin is not None and end is not None and end < begin
    ]
    rows.note(last, "date_order", wrong, lambda row: _day(ends, row), f"not before {first}")


def _twice(rows: Rows, keys: Sequence[str], column: str, code: str) -> None:
    """Note the rows whose keys another row has too."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in range(rows.n):
        key = tuple(rows[name][row] for name in keys)
        if None not in key:
            found.setdefault(key, []).append(row)
    again = sorted(row for own in found.values() if len(own) > 1 for row in own)
    dated = column in ("date", "period_end")
    rows.note(column, code, again, lambda row: _day(rows[column], row) if dated else repr(rows[column][row]))


def _check_costs(rows: Rows) -> None:
    empty = [
        row
        for row in range(rows.n)
        if rows["monthly_amount"][row] is None
        and rows["revenue_rate"][row] is None
        and rows["amount"][row] is None
    ]
    rows.note("monthly_amount", "null", empty, lambda _: "null, and revenue_rate and amount too")
    undated = [row for row in range(rows.n) if rows["amount"][row] is not None and rows["date"][row] is None]
    rows.note("date", "null", undated, lambda _: "null")
    late = [row for row in range(rows.n) if (rows["payment_days"][row] or 0) > 366]
    rows.note("payment_days", "range", late)


def _check_revolvers(rows: Rows) -> None:
    revolving = [row for row in range(rows.n) if rows["kind"][row] == "revolver"]
    for column in _NOT_OF_REVOLVERS:
        nothing = (1,) if column == "issue_price" else (0,)
        values = rows[column]
        told = [row for row in revolving if values[row] is not None and values[row] not in nothing]
        hint = "a revolver has no such term: leave it empty, or make it a facility of kind 'term'"
        rows.note(column, "term_conflict", told, hint=hint)
    other = [row for row in revolving if rows["frequency"][row] not in (None, "monthly")]
    rows.note("frequency", "term_conflict", other, hint="a revolver pays by the month")


def _check_reserves(rows: Rows) -> None:
    first: dict[Any, Any] = {}
    for name, owner in zip(rows["reserve_id"], rows["facility_id"], strict=True):
        first.setdefault(name, owner)
    other = [row for row in range(rows.n) if rows["facility_id"][row] != first[rows["reserve_id"][row]]]
    rows.note("facility_id", "term_conflict", other)


def _check_ladders(rows: Rows, facilities: Rows, draws: Rows) -> None:
    """A year stands once, and a ladder that says what comes thereafter comes to the principal."""
    _twice(rows, ("facility_id", "bucket"), "bucket", "duplicate_period")
    through: dict[Any, int] = {}
    for name, amount in zip(rows["facility_id"], rows["principal"], strict=True):
        through[name] = through.get(name, 0) + (amount or 0)
    owed = dict(zip(facilities["facility_id"], facilities["principal"], strict=True))
    # What is drawn later, or added to the balance, a ladder of before does not know.
    growing = set(draws["facility_id"])
    for column in ("pik_rate", "pik_share"):
        growing |= {
            name for name, rate in zip(facilities["facility_id"], facilities[column], strict=True) if rate
        }
    wrong = [
        row
        for row, (name, bucket) in enumerate(zip(rows["facility_id"], rows["bucket"], strict=True))
        if bucket == "thereafter" and name not in growing
        if owed.get(name) is not None and through[name] != owed[name]
    ]

    def example(row: int) -> str:
        name = rows["facility_id"][row]
        come, whole = (shown(Decimal(minor).scaleb(-rows.digits)) for minor in (through[name], owed[name]))
        return f"{come} in all, of a principal of {whole}"

    rows.note("principal", "term_conflict", wrong, example, "a ladder with thereafter sums to the principal")


def _check_draw_numbers(rows: Rows, draws: Rows) -> None:
    """An asset may secure the facility, or a draw that is followed on its own: one with terms of its own."""
    own: dict[Any, list[tuple[Any, int, bool]]] = {}
    terms = ("maturity_date", "term_months", "annual_rate", "margin_rate")
    for row in range(draws.n):
        apart = any(draws[name][row] is not None for name in terms)
        own.setdefault(draws["facility_id"][row], []).append((draws["date"][row], row, apart))
    numbers = {
        name: {at for at, (_, _, apart) in enumerate(sorted(found), 1) if apart}
        for name, found in own.items()
    }
    pairs = zip(rows["draw_number"], rows["facility_id"], strict=True)
    wrong = [
        row
        for row, (number, name) in enumerate(pairs)
        if number and number not in numbers.get(name, ())  # 0 is the loan itself
    ]
    hint = "draws are numbered by date from 1; those without terms of their own belong to 0, the loan"
    rows.note("draw_number", "unknown_id", wrong, hint=hint)
