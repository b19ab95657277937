"""What covenants of a deal may measure: metrics of its own, and the amounts that these are made of."""

from __future__ import annotations

from collections.abc import Iterable

from neocalc._frames import meant
from neocalc.deal._tables import Rows
from neocalc.errors import ConfigError
from neocalc.metrics import LIMITS, UNITS, Metric, metric

# Measures that are balances at a month's end; others are of the month.
LEVELS = frozenset(
    (
        *("total_debt", "senior_debt", "secured_debt", "cash", "restricted_cash", "undrawn_commitments"),
        *("past_due", "equity", "total_assets", "backlog"),
        *("collateral_value", "collateral_book_value", "collateral_market_value"),
    )
)
FLOWS = frozenset(
    (
        *("revenue", "operating_cost", "ebitda", "depreciation", "operating_income", "interest_expense"),
        *("net_income", "cfads", "interest", "principal", "fees", "debt_service", "capex", "taxes"),
        *("lease_payments", "contracted_revenue", "billed_revenue", "largest_customer_revenue"),
    )
)


def read_metrics(rows: Rows, told: Iterable[str]) -> dict[str, Metric]:
    """Return a deal's own metrics by name; what is wrong with a row is noted.

    Measures are those that a deal computes, and those of the months before it (`told`).
    """
    measures = {*LEVELS, *FLOWS, *told}
    found: dict[str, Metric] = {}
    wrong: dict[tuple[str, str, str | None], dict[int, str]] = {}
    for row in range(rows.n):
        faults = list(_faults(rows, row, measures))
        for column, code, example, hint in faults:
            wrong.setdefault((column, code, hint), {})[row] = example
        name = rows["name"][row]
        if not faults and name is not None and rows["numerator"][row] is not None:
            words = {column: rows[column][row] for column in ("denominator", "limit", "unit", "cure")}
            found[name] = metric(name, rows["numerator"][row], **words)
    for (column, code, hint), examples in wrong.items():
        rows.note(column, code, list(examples), examples.__getitem__, hint)
    return found


def _faults(rows: Rows, row: int, measures: set[str]) -> Iterable[tuple[str, str, str, str | None]]:
    """Yield the column, the code and an example of what is wrong with a row, and what to do about it."""
    texts = {column: rows[column][row] for column in ("numerator", "denominator", "limit", "unit", "cure")}
    sound = texts["numerator"] is not None  # where it is null, that is noted by who reads the table
    for column in ("numerator", "denominator"):
        if texts[column] is None:
            continue
        try:
            named = metric("-", texts[column]).measures
        except ConfigError as error:
            sound = False
            yield column, "formula", str(error).removeprefix("numerator").lstrip(": "), None
            continue
        for name in named:
            if name not in measures:
                sound = False
                yield column, "measure_unknown", repr(name), meant(name, sorted(measures))
                break
    for column, allowed in (("limit", LIMITS), ("unit", UNITS)):
        if texts[column] is not None and texts[column] not in allowed:
            yield column, "choice", repr(texts[column]), f"one of {', '.join(map(repr, allowed))}"
            texts[column] = None
    if not sound:
        return
    for column in ("unit", "cure"):  # a unit that does not fit, a cure of what is not measured
        try:
            metric("-", texts["numerator"], denominator=texts["denominator"], **{column: texts[column]})
        except ConfigError as error:
            yield column, "choice", repr(texts[column]), str(error).partition(", not ")[0]
