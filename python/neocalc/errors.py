"""Everything that can go wrong, by name.

Each problem with the input has a stable code (a slug). `list_error_codes` lists them with the
sentence and the advice that go with each, and a test fails when one of them is never raised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

MAX_MESSAGE_LINES = 20
_NOUNS = {
    "fleet": "asset",
    "loans": "loan",
    "contracts": "contract",
    "contract": "contract",
    "leases": "lease",
    "covenants": "covenant",
    "deal": "row",
}  # what the rows of a frame are

# slug -> (what is wrong, what to do about it)
_REGISTRY: dict[str, tuple[str, str]] = {
    "nonfinite": ("must be finite (no NaN or infinity)", "fill or drop these rows first"),
    "null": ("must not be null", "fill or drop these rows, or pass on_error='skip'"),
    "precision": (
        "must lie on a minor unit (a cent) and be below 2**51 of them as float64",
        "round it first, pass round_input=True, or use Decimal or amounts='minor'",
    ),
    "overflow": (
        "must fit 64-bit minor units",
        "check the unit: amounts are major units (dollars), not cents",
    ),
    "range": ("must lie in its allowed range", "check sign and unit"),
    "date_range": (
        "must lie between 1900-01-01 and 2199-12-31",
        "check for placeholder dates such as 9999-12-31",
    ),
    "date_time": (
        "must be a date without a time of day",
        "floor it first (dt.normalize()), or pass floor_time=True",
    ),
    "date_order": (
        "must be in order: within the time of the asset or loan, and no end before its beginning",
        "check both dates",
    ),
    "date_parse": ("must be a day that exists, written YYYY-MM-DD", "check the day and month"),
    "timezone": ("must not carry a time zone", "choose the civil date first: dt.tz_localize(None)"),
    "dtype": (
        "must have a type that says what it is",
        "money: int, float64 or Decimal; dates: a date type or YYYY-MM-DD; months: int",
    ),
    "policy_missing": ("must name a policy of the mapping", "add the class to the mapping"),
    "life_missing": (
        "must be given: neither the row nor the policy has a life",
        "fill useful_life_months for these rows",
    ),
    "unknown_id": ("must be the id of a row of the other frame", "check its spelling and type"),
    "parent_circle": ("must not lead back to the asset itself", "check parent_id"),
    "event_kind": ("must be a kind of event", "see `depreciate`"),
    "event_state": ("must fit what happened to the asset before", "check the order of its events"),
    "framework": ("must be allowed by the accounting framework", "pass framework=, or remove the event"),
    "method": ("must have a meaning under the asset's method", "remove the event"),
    "choice": ("must be one of the words that have a meaning here", "check its spelling"),
    "rate_unit": (
        "must be a fraction or a ratio, not a percentage",
        "5 % is 0.05, 1.40x is 1.4; if meant, pass allow_high_rate=True or allow_high_thresholds=True",
    ),
    "term_unit": ("must say its unit in its name", "name the column term_months"),
    "profile": ("must have a use in the loan's repayment profile", "remove the value, or change the profile"),
    "negative_amortization": (
        "must cover the interest",
        "raise the payment, or pass allow_negative_amortization=True for loans with a balance_cap",
    ),
    "never_amortises": ("must cover more than the interest", "raise the payment, or use profile 'bullet'"),
    "duplicate_date": ("must not have two rows of one day", "keep one of them"),
    "concurrent_mutation": ("must not change while it is read", "copy the frame for each thread"),
    "other_frame": ("must be of the kind that the verb reads", "pass it to the verb that reads such rows"),
    "missing_column": ("must be a column of the frame", "rename or add the column"),
    "duplicate_column": ("must not appear twice as a column", "rename one of the two"),
    "duplicate_id": ("must not appear twice", "rename these rows, or put them together"),
    "life_unit": ("must be in months and say so in its name", "name the column useful_life_months"),
    "currency": (
        "must be an ISO 4217 code in upper case",
        "write USD, EUR, JPY, ...; not a symbol and not XXX",
    ),
    "currency_mix": ("must be one currency within a total", "add 'currency' to by="),
    "curve_missing": ("must have a curve", "add it to the mapping of curves, or to rates="),
    "curve": ("must make a curve with the rows of its kind", "see value_curve"),
    "curve_range": (
        "must lie within what its curve covers",
        "add points; or let it go on: beyond= of a value curve, extrapolate='flat' for rates",
    ),
    "curve_order": (
        "must not lie before the row above it",
        "sort the curve by date, and see that no year is wrong",
    ),
    "curve_duplicate": ("must not appear twice in a curve", "keep one of the two values"),
    "rate_conflict": ("must be null where the loan has an index", "give margin_rate, or leave index null"),
    "draw_window": (
        "must lie in the time open for draws",
        "check draw_start_date and draw_end_date of the loan",
    ),
    "commitment": ("must not exceed the commitment, with all draws before", "check amounts and commitment"),
    "redraw": (
        "must not repay, nor draw again what was repaid",
        "repay by rows of prepayments=; a revolver is a facility of kind 'revolver' of a Deal, see load_deal",
    ),
    "borrowing_base": ("must not exceed what the collateral allows", "draw less, or later"),
    "prepayment": (
        "must not exceed what the customer is bound to pay",
        "check the price, take_or_pay_rate and the dates; the amount is in major units",
    ),
    "overpayment": (
        "must not exceed what is owed",
        "leave the amount null to repay all: balance, accrued interest and premium",
    ),
    "negative_cash_flow": ("must not be negative over a payment period", "no payment can follow it"),
    "refinancing_circle": ("must not lead back to the loan itself", "check into_loan_id"),
    "refinanced_loan": ("must be a loan without problems of its own", "mend the loan that it repays"),
    "group_missing": (
        "must have a row for each group of the fleet",
        "add the group; an amount of 0 says that there is nothing",
    ),
    "group_unknown": ("must name a group of the fleet", "check the keys, or leave the row out"),
    "past_cash_flow": ("must lie after the month of as_of", "leave out what has been received already"),
    "term_unknown": ("must be a term of the ACTUS dictionary", "check its spelling"),
    "term_missing": ("must be given", "add the term"),
    "term_conflict": ("must fit the other terms of the contract", "remove one of them"),
    "observation_missing": (
        "must have an observation at or before the time it is needed",
        "add it to the observations",
    ),
    "calendar": (
        "must have a business day to move to, within its month or a year",
        "check weekend= and holidays=",
    ),
    "empty": ("must hold at least one cash flow", "leave the stream out, or give it flows"),
    "all_zero": ("must not all be zero", "leave the stream out: every rate would do"),
    "no_sign_change": (
        "must have both signs",
        "what is paid is negative, what is received positive; flows of one sign have no rate",
    ),
    "no_root": (
        "must have a solution",
        "no rate or number of periods solves this: check signs, and that payments exceed the interest",
    ),
    "several_roots": (
        "must have one rate only",
        "see all with irr_roots, or take the one nearest to the guess with several='nearest'",
    ),
    "measure_unknown": (
        "must name something that is computed",
        "a line such as income_statement.revenue or a figure; in metrics, a column of result.measures",
    ),
    "metric_unknown": (
        "must name a metric, built in or given, or a measure",
        "define it with neocalc.metric(...) and pass metrics=; of a deal, in its table metrics",
    ),
    "formula": (
        "must be a sum of measures",
        "write it as 'sum(ebitda) - sum(capex)'; help(neocalc.metric) has the windows",
    ),
    "limit_sense": (
        "must be the side on which the metric is met",
        "check limit and boundary, or define your own metric if it is meant",
    ),
    "test_frequency": ("must not be more frequent than the measures are", "check freq"),
    "overlap": (
        "must not be in force beside another row of its covenant or loan",
        "check from_date and to_date",
    ),
    "period_grid": (
        "must be the end of a period, or within ten days of it",
        "check freq and fiscal_year_end",
    ),
    "duplicate_period": ("must not stand twice for one entity and currency", "keep one of the rows"),
    "roll_forward": (
        "must open with what the row before it closed with",
        "rows of a loan, an asset or a total are missing, stand twice or come from two calls",
    ),
    "period_unknown": ("must be the end of a period of the measures", "check the date, or add the period"),
    "entity_unknown": ("must be an entity of the measures", "check its spelling and currency"),
    "covenant_unknown": ("must be a covenant of its entity", "check its spelling"),
    "self_reference": ("must be another entity", "an entity's own default needs no clause"),
    "unknown_key": ("must be a key that a deal knows", "check its spelling"),
    "missing_key": ("must be given", "add the key"),
    "unknown_column": ("must be a column that the table knows", "check its spelling"),
    "unknown_table": ("must be a table that a deal knows", "rename the file, or move it elsewhere"),
    "missing_table": ("must be there", "add the table"),
    "duplicate_table": ("must be one file", "keep one of them"),
    "file": ("must be a file that can be read", "check the file"),
    "payments": ("must be what its payments come to", "check asset_payments"),
    "missing_ladder": ("must have a ladder", "add rows to ladders.csv"),
    "opening_balance": ("must tie", "leave the key out, and it is derived"),
    "frame": (
        "must be a pandas, polars or pyarrow table held in memory",
        "call .collect() or .to_arrow_table() first",
    ),
}


def list_error_codes() -> Mapping[str, tuple[str, str]]:
    """Return every code an `InputError` can carry, with its sentence and its hint.

    Returns
    -------
    Mapping[str, tuple[str, str]]
        From code to (sentence, hint); read-only.

    Examples
    --------
    >>> import neocalc as nc
    >>> nc.list_error_codes()["null"][0]
    'must not be null'
    """
    return MappingProxyType(_REGISTRY)


@dataclass(frozen=True)
class Issue:
    """One rule broken in one column."""

    column: str
    code: str
    rule: str
    n_bad: int
    rows: tuple[int, ...]
    index_labels: tuple[Any, ...]
    ids: tuple[Any, ...]
    example: str
    hint: str

    @classmethod
    def make(
        cls,
        column: str,
        code: str,
        *,
        n_bad: int = 1,
        rows: Sequence[int] = (),
        example: str = "",
        hint: str | None = None,
    ) -> Issue:
        """Fill rule and hint from the registry."""
        rule, default_hint = _REGISTRY[code]
        if code == "range":
            default_hint += _unit_of(column)
        return cls(column, code, rule, n_bad, tuple(rows), (), (), example, hint or default_hint)

    def located(self, index_labels: tuple[Any, ...], ids: tuple[Any, ...]) -> Issue:
        """Add the index labels and ids of the rows."""
        return replace(self, index_labels=index_labels, ids=ids)

    def advised(self, hint: str) -> Issue:
        """Give a better hint."""
        return replace(self, hint=hint)

    def describe(self, noun: str = "asset") -> str:
        """Say it in one line; `noun` is what a row is."""
        text = f"{self.column!r} {self.rule}"
        if self.rows:
            text += f": {self.n_bad:,} row{'s' if self.n_bad != 1 else ''}, first at row {self.rows[0]}"
            if self.ids:
                text += f" ({noun} {_clip(self.ids[0])})"
        if self.example:
            text += f" = {_clip(self.example)}" if self.rows else f": {_clip(self.example)}"
        return f"{text} [{self.code}]; {self.hint}"


def _is_of(subject: str, column: str) -> bool:
    """Whether a column is of the subject itself: its rows say nothing of what is wrong beside it."""
    table, dot, _ = column.rpartition(".")
    return not dot or table == subject


def _unit_of(column: str) -> str:
    """Return what the name of a column says of its unit."""
    name = column.rpartition(".")[2]
    if name in ("useful_life_months", "remaining_months"):
        return "; lives are in months"
    if name.endswith("_months"):
        return "; it counts months"
    if name == "share" or name.endswith(("_rate", "_share")):
        return "; it is a fraction: 0.05 for 5 %"
    return ""


def _clip(value: object, width: int = 60) -> str:
    # Control characters in an id must not reach a terminal.
    text = "".join(c if c.isprintable() else "?" for c in str(value))
    return text if len(text) <= width else text[: width - 3] + "..."


class Issues(Sequence[Issue]):
    """The problems of one call: a sequence of `Issue` that reads like a frame by column name."""

    columns = tuple(f.name for f in fields(Issue))

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        # Frame-wide problems first, then by the lowest row, whatever found them.
        self._issues = tuple(sorted(issues, key=lambda i: i.rows[0] if i.rows else -1))

    def __len__(self) -> int:
        return len(self._issues)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._issues)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(key)
            return [getattr(issue, key) for issue in self._issues]
        return self._issues[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Issues) and self._issues == other._issues

    def __hash__(self) -> int:
        return hash(tuple((i.column, i.code, i.n_bad) for i in self._issues))

    def __repr__(self) -> str:
        return "\n".join(issue.describe() for issue in self._issues) or "no issues"

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the columns as lists."""
        return {name: self[name] for name in self.columns}


class NeocalcError(Exception):
    """Root of all errors raised on purpose by neocalc."""


class NeocalcWarning(UserWarning):
    """Something the user should know about a result that is still right."""


class InputError(NeocalcError, ValueError):
    """The data cannot be used as it is; `issues` says all that is wrong with it."""

    def __init__(self, issues: Iterable[Issue], *, n_rows: int | None = None, subject: str = "fleet") -> None:
        self.issues = issues if isinstance(issues, Issues) else Issues(issues)
        self.n_rows = n_rows
        self.subject = subject
        super().__init__(self._message())

    @property
    def code(self) -> str:
        """Code of the first problem."""
        return str(self.issues[0].code) if len(self.issues) else ""

    def _message(self) -> str:
        n = len(self.issues)
        head = f"{self.subject}: {n} problem{'s' if n != 1 else ''}"
        if self.n_rows is not None and all(_is_of(self.subject, issue.column) for issue in self.issues):
            head += f" in {self.n_rows:,} rows"
        noun = _NOUNS.get(self.subject.partition(" ")[0], "id")
        lines = [issue.describe(noun) for issue in self.issues]
        room = MAX_MESSAGE_LINES - 1
        if len(lines) > room:
            lines = [*lines[: room - 1], f"... and {len(lines) - room + 1} more (see .issues)"]
        return "\n".join([head, *(f"  {line}" for line in lines)])

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_input_error, (tuple(self.issues), self.n_rows, self.subject)


def _rebuild_input_error(issues: tuple[Issue, ...], n_rows: int | None, subject: str) -> InputError:
    return InputError(issues, n_rows=n_rows, subject=subject)


class ResourceLimitError(NeocalcError, MemoryError):
    """The result would not fit in memory; nothing was allocated."""


class ConfigError(NeocalcError, ValueError):
    """An argument or environment variable has a value that means nothing."""


class InternalError(NeocalcError, RuntimeError):
    """A fault inside neocalc: please report it."""
