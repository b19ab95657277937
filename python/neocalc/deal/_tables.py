"""The tables of a deal: which there are, which columns they may have, and what a column holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from neocalc._frames import as_frame, closest
from neocalc._options import Options
from neocalc._side_tables import SideTable, shown
from neocalc.deal._frames import Column
from neocalc.errors import InputError, Issue

# Where a number is from and how far to trust it: every table may say so, row by row.
PROVENANCE = ("source", "trust", "assumed", "note")
_FLOATING_RATES = (
    "margin_rate index_floor_rate index_cap_rate rate_floor rate_cap default_margin_rate pik_rate pik_share"
)
_LOAN_RATES = (
    f"annual_rate balance_cap_rate issue_price undrawn_fee_rate upfront_fee_rate make_whole_rate sweep_rate "
    f"advance_rate target_dscr {_FLOATING_RATES}"
)
_LOAN_DATES = (
    "start_date maturity_date first_payment_date draw_start_date draw_end_date make_whole_until_date "
    "default_from_date default_to_date construction_start_date construction_end_date"
)
_LOAN_COUNTS = (
    "term_months interest_only_months amortization_months reset_lag_days lookback_days lockout_days"
)
_LOAN_WORDS = (
    "profile frequency day_count business_day_convention stub index_averaging reset_frequency index currency"
)
LOAN_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        ("principal", "commitment", "payment", "balance_cap", "upfront_fee", "issue_costs"), "money"
    ),
    **dict.fromkeys(_LOAN_RATES.split(), "rate"),
    **dict.fromkeys(_LOAN_DATES.split(), "date"),
    **dict.fromkeys(_LOAN_COUNTS.split(), "count"),
    **dict.fromkeys(_LOAN_WORDS.split(), "text"),
    **dict.fromkeys(("end_of_month", "observation_shift", "floor_daily"), "flag"),
}


@dataclass(frozen=True)
class Table:
    """What a table may hold: the type of each column, and which it must have."""

    columns: Mapping[str, str]
    required: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()  # amounts that may lie below zero
    nullable: tuple[str, ...] = ()  # columns that must be there and may be null
    whole: bool = False  # handed on as it is, to the verb that reads it


def _columns(**kinds: str) -> dict[str, str]:
    return {name: kind for kind, names in kinds.items() for name in names.split()}


TABLES: Mapping[str, Table] = {
    "assets": Table(
        _columns(
            text="asset_id asset_class gpu_model site region vendor status parent_id facility_id "
            "currency customer",
            money="cost residual_value opening_accumulated",
            date="in_service_date acquisition_date opening_date paid_date",
            rate="useful_life_months quantity",
            count="draw_number",
        ),
        ("asset_id", "cost"),
        whole=True,
    ),
    "asset_events": Table(
        _columns(
            text="asset_id kind asset_class gpu_model site facility_id",
            money="amount proceeds",
            date="date posting_date",
            rate="remaining_months share",
        ),
        ("asset_id", "date", "kind"),
        whole=True,
    ),
    "asset_payments": Table(
        _columns(text="asset_id", date="date", money="amount"), ("asset_id", "date", "amount")
    ),
    "value_curves": Table(
        _columns(
            text="gpu_model interpolation beyond",
            count="age_months",
            date="date",
            rate="value_share price annual_decay_rate",
        ),
        ("gpu_model",),
    ),
    "contracts": Table(
        _columns(
            text="contract_id customer gpu_model currency facility_id",
            count="gpus renewal_months payment_days",
            money="monthly_fee total_value prepayment_amount opening_deferred_revenue",
            rate="hourly_price take_or_pay_rate prepayment_rate renewal_price_rate spot_utilisation",
            date="start_date end_date prepayment_date signed_date opening_date",
            flag="spot_after",
        ),
        ("contract_id",),
        whole=True,
    ),
    "prices": Table(
        _columns(text="gpu_model", date="date", rate="hourly_price"),
        ("gpu_model", "date", "hourly_price"),
        whole=True,
    ),
    "utilisation": Table(
        _columns(text="contract_id gpu_model", date="date", rate="utilisation"),
        ("date", "utilisation"),
        whole=True,
    ),
    "leases": Table(
        _columns(
            text="lease_id kind currency site payment_frequency payment_timing",
            date="commencement_date opening_date escalation_date first_payment_date",
            count="term_months escalation_months payment_day",
            money="monthly_payment payment prepaid incentives initial_direct_costs opening_liability "
            "opening_right_of_use",
            rate="discount_rate annual_escalation_rate escalation_rate",
        ),
        ("lease_id",),
        whole=True,
    ),
    "lease_payments": Table(
        _columns(text="lease_id", date="date", money="amount payment"), ("lease_id", "date"), whole=True
    ),
    "costs": Table(
        _columns(
            text="cost_id category settlement currency facility_id",
            money="monthly_amount amount",
            rate="revenue_rate annual_escalation_rate",
            date="date start_date end_date",
            count="payment_days",
        ),
        ("cost_id",),
    ),
    "facilities": Table(
        {
            **LOAN_COLUMNS,
            **_columns(
                text="facility_id kind lender asset_class",
                count="rank",
                money="opening_balance letters_of_credit",
                rate="past_due_rate secured_share",
                date="sweep_from_date",
            ),
        },
        ("facility_id", "start_date"),
    ),
    "draws": Table(
        _columns(
            text="facility_id",
            date="date maturity_date",
            money="amount",
            count="term_months",
            rate="annual_rate margin_rate",
        ),
        ("facility_id", "date", "amount"),
    ),
    "rates": Table(_columns(text="index", date="date", rate="value"), ("index", "date", "value")),
    "rate_steps": Table(
        _columns(
            text="facility_id",
            date="date",
            rate="annual_rate margin_rate default_margin_rate pik_rate pik_share",
        ),
        ("facility_id", "date"),
    ),
    "hedges": Table(
        _columns(
            text="facility_id hedge_id kind",
            rate="strike_rate notional_share",
            date="from_date",
            money="notional",
        ),
        ("facility_id", "kind"),
    ),
    "principal_schedule": Table(
        _columns(
            text="facility_id", date="date", count="payment_number", money="principal", rate="share"
        ),
        ("facility_id",),
    ),
    "payment_holidays": Table(
        _columns(text="facility_id interest", date="from_date to_date"),
        ("facility_id", "from_date", "to_date"),
    ),
    "prepayments": Table(
        _columns(
            text="facility_id effect",
            date="date",
            money="amount",
            flag="pay_accrued premium_due",
            count="draw_number",
        ),
        ("facility_id", "date"),
    ),
    "prepayment_premiums": Table(
        _columns(text="facility_id", date="from_date", rate="premium_rate"),
        ("facility_id", "from_date", "premium_rate"),
    ),
    "refinancings": Table(
        _columns(text="facility_id into_facility_id", date="date"),
        ("facility_id", "date", "into_facility_id"),
    ),
    "cash_flow": Table(
        _columns(text="facility_id", date="date period_end", money="cfads"),
        ("facility_id", "cfads"),
        ("cfads",),
    ),
    "ladders": Table(
        _columns(text="facility_id bucket", money="principal"), ("facility_id", "bucket", "principal")
    ),
    "commitments": Table(
        _columns(text="facility_id", date="date", money="commitment letters_of_credit"),
        ("facility_id", "date"),
    ),
    "reserves": Table(
        _columns(
            text="reserve_id facility_id",
            money="amount balance_cap opening_balance",
            rate="balance_rate",
            count="debt_service_months",
            date="from_date to_date",
        ),
        ("reserve_id",),
    ),
    "equity": Table(
        _columns(text="kind", date="date", money="amount"), ("date", "kind", "amount")
    ),
    "covenants": Table(
        _columns(
            text="covenant_id entity_id metric currency limit boundary level test_frequency "
            "springing_measure",
            rate="threshold at_risk_below springing_above cure_amount_cap",
            date="from_date to_date first_test_date annualize_from",
            count="window_periods cures_allowed cures_per_year cures_in_a_row grace_days",
            flag="annualize",
        ),
        ("covenant_id", "metric", "threshold"),
        whole=True,
    ),
    "metrics": Table(
        _columns(text="name numerator denominator limit unit cure", date="", flag=""), ("name", "numerator")
    ),
    "cures": Table(
        _columns(
            text="covenant_id entity_id currency", date="period_end paid_date", money="amount"
        ),
        ("period_end", "amount"),
        whole=True,
    ),
    "waivers": Table(
        _columns(text="covenant_id entity_id currency", date="from_date to_date"),
        ("from_date", "to_date"),
        whole=True,
    ),
    "cross_default": Table(
        _columns(
            text="entity_id trigger_entity_id currency measure", date="from_date to_date", money="above"
        ),
        ("entity_id", "trigger_entity_id"),
        whole=True,
    ),
    "measures": Table(_columns(text="entity_id measure", date="period_end", money="amount"), (
        "period_end", "measure", "amount"), ("amount",), ("amount",)),
    "published": Table(
        _columns(
            text="figure_id label measure formula kind unit policy facility_id",
            date="from_date period_end",
            rate="value tolerance",
        ),
        ("figure_id", "value"),
    ),
    "sources": Table(
        _columns(text="document filed where", date="", flag=""), ("source", "document")
    ),
}  # fmt: skip
FIGURE_KINDS = ("E", "A", "F", "L")  # of what is published: exact, approximate, fitted, logic only
FIGURE_UNITS = ("money", "share", "times", "years")
IDS = {  # the column that tells rows apart
    "assets": "asset_id", "contracts": "contract_id", "leases": "lease_id", "costs": "cost_id",
    "facilities": "facility_id", "covenants": "covenant_id", "reserves": "reserve_id", "metrics": "name",
}  # fmt: skip


def is_number(table: str) -> Any:
    """Return which columns of a table's CSV are numbers."""
    kinds = TABLES[table].columns
    return lambda name: kinds.get(name) in ("money", "rate", "count")


def unknown_columns(label: str, frame: Any, extra: Iterable[str]) -> list[Issue]:
    """Return a problem for each column that a table does not know."""
    layout = TABLES[label]
    known = {*layout.columns, *PROVENANCE, *extra}
    names = as_frame(frame).names
    return [
        Issue.make(f"{label}.{name}", "unknown_column", hint=_close(str(name), known))
        for name in names
        if name not in known
    ]


def _close(name: str, known: Iterable[str]) -> str:
    near = closest(name, sorted(known))
    rename = "" if near is None else f"rename it to {near!r}, "
    return f"{rename}remove it, or name it in extra_columns"


class Rows:
    """A table's columns as plain lists; those that are absent are all null."""

    def __init__(self, label: str, side: SideTable | None, n: int, columns: dict[str, list[Any]]) -> None:
        self.label, self.side, self.n, self.columns = label, side, n, columns

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns.get(name) or [None] * self.n

    @property
    def digits(self) -> int:
        """Digits of the minor unit that amounts are counted in."""
        return 0 if self.side is None else self.side.options.minor_units

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def note(
        self, name: str, code: str, rows: list[int], example: Any = None, hint: str | None = None
    ) -> None:
        """Record what is wrong with some rows."""
        if self.side is not None:
            values = self[name]
            self.side.note(name, code, rows, example or (lambda row: shown(values[row])), hint)

    def frame_columns(self, names: Iterable[str], rows: list[int]) -> dict[str, Column]:
        """Return some columns, where they are there, of some rows."""
        kinds = TABLES[self.label].columns
        found = {}
        for name in names:
            if name in self.columns:
                values = [self.columns[name][row] for row in rows]
                if kinds[name] == "rate":  # decimals, of which a float is the nearest
                    values = [None if value is None else float(value) for value in values]
                found[name] = Column(kinds[name], values)
        return found


def read_rows(label: str, data: Any, options: Options, issues: list[Issue], own: Iterable[str] = ()) -> Rows:
    """Read a table into lists; all that is wrong goes to `issues` once the problems are collected.

    `own` names columns of the user's that the deal's terms ask for: they hold text.
    """
    layout = TABLES[label]
    if data is None:
        return Rows(label, None, 0, {})
    try:
        side = SideTable.open(data, label, layout.required, options)
    except InputError as error:
        issues.extend(error.issues)
        return Rows(label, None, 0, {})
    columns: dict[str, list[Any]] = {}
    for name, kind in layout.columns.items():
        if name in side:
            needed = name in layout.required and name not in layout.nullable
            columns[name] = _read(side, name, kind, needed, name in layout.negative)
    for name in own:
        if name in side and name not in columns:
            columns[name] = _read(side, name, "text", False, False)
    return Rows(label, side, side.frame.n, columns)


# What verbs call the frames beside their own, and the columns that a deal calls otherwise.
_FRAMES_OF_VERBS = {"assets": {"events": "asset_events"}, "leases": {"payments": "lease_payments"}}
_COLUMNS_OF_VERBS = {"loan_id": "facility_id", "into_loan_id": "into_facility_id"}


class Named:
    """Names the problems that a verb finds after the tables of the deal that it was given.

    `kept` says which rows of a table the verb was given, where that was not all of them.
    """

    def __init__(self, table: str, kept: Mapping[str, Sequence[int]] | None = None) -> None:
        self.table, self.kept = table, kept or {}

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, InputError):
            issues = [self._named(issue) for issue in error.issues]
            raise InputError(issues, subject="deal") from error

    def _named(self, issue: Issue) -> Issue:
        frame, _, column = issue.column.rpartition(".")
        table = _FRAMES_OF_VERBS.get(self.table, {}).get(frame, frame) or self.table
        kept = self.kept.get(table)
        rows = issue.rows if kept is None else tuple(int(kept[row]) for row in issue.rows)
        return replace(issue, column=f"{table}.{_COLUMNS_OF_VERBS.get(column, column)}", rows=rows)


_NO_DAY = -(2**40)


def _read(side: SideTable, name: str, kind: str, required: bool, negative: bool) -> list[Any]:
    if kind == "money":
        return list(side.amounts(name, required=required, negative=negative))
    if kind == "date":
        if required:
            return list(side.days(name))
        return [None if day == _NO_DAY else day for day in side.days(name, _NO_DAY)]
    if kind == "rate":
        return list(side.decimals(name))
    if kind == "count":
        return list(side.counts(name))
    if kind == "flag":
        given = [value is not None for value in side.values(name)]
        return [value if known else None for value, known in zip(side.flags(name), given, strict=True)]
    return [None if value is None else str(value) for value in side.values(name, required=required)]
