"""From the terms and tables of a deal to what a run needs, with all that is wrong between them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neocalc._options import make_options
from neocalc.contracts import contract_schedule
from neocalc.deal._assets import Fleet, override_life, read_curves
from neocalc.deal._company import Inputs
from neocalc.deal._debt import Debt
from neocalc.deal._frames import kind_of
from neocalc.deal._grid import Grid, first_day, month_of
from neocalc.deal._loans import KINDS
from neocalc.deal._metrics import read_metrics
from neocalc.deal._operations import customers_of, leases_of, no_leases, nothing
from neocalc.deal._soundness import check_size, check_tables
from neocalc.deal._tables import IDS, TABLES, Named, Rows, read_rows, unknown_columns
from neocalc.deal._terms import DealTerms, months_between
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.leases import lease_schedule
from neocalc.metrics import METRICS, Metric
from neocalc.valuation import ValueCurve

_NAMES_A_FACILITY = (
    "draws", "rate_steps", "hedges", "principal_schedule", "payment_holidays", "prepayments",
    "prepayment_premiums", "refinancings", "cash_flow", "ladders", "commitments", "reserves",
)  # fmt: skip
_OF_LOANS = (  # tables that mean nothing for a revolver
    "draws", "prepayments", "principal_schedule", "refinancings", "hedges", "payment_holidays",
    "prepayment_premiums", "cash_flow",
)  # fmt: skip
_WORDS = {
    ("facilities", "kind"): KINDS,
    ("equity", "kind"): ("contribution", "distribution"),
    ("costs", "settlement"): ("cash", "equity"),
    ("leases", "kind"): ("operating", "finance"),
}


_BESIDE = {  # tables that mean nothing without another
    "prices": "contracts",
    "utilisation": "contracts",
    "lease_payments": "leases",
    "asset_payments": "assets",
    "asset_events": "assets",
    "metrics": "covenants",
    "cures": "covenants",
    "waivers": "covenants",
    "cross_default": "covenants",
}


class Tables:
    """The tables of a deal, read once and checked against each other."""

    def __init__(
        self,
        terms: DealTerms,
        tables: Mapping[str, Any],
        extra: Mapping[str, Sequence[str]],
        *,
        unread: Sequence[str] = (),
        alone: bool = False,
    ) -> None:
        self.alone = alone  # the terms are a stand-in: what depends on them is not judged
        self.terms, self.frames = terms, {name: frame for name, frame in tables.items() if frame is not None}
        self.there = {*self.frames, *unread}  # also those whose files cannot be read
        self.kind = kind_of(self.frames.values())
        self.options = make_options("deal", {"minor_units": terms.minor_units})
        self.issues: list[Issue] = []
        self.metrics: dict[str, Metric] = {}
        self.curves: dict[str, ValueCurve] = {}
        self.rows: dict[str, Rows] = {}
        for name in TABLES:
            frame = self.frames.get(name)
            if frame is not None:
                try:
                    self.issues += unknown_columns(name, frame, extra.get(name, ()))
                except InputError:
                    self.issues.append(Issue.make(name, "frame", example=type(frame).__name__))
                    frame = None
            own = _columns_of_terms(terms) if name == "assets" else ()
            self.rows[name] = read_rows(name, frame, self.options, self.issues, own)
        self._check()
        for rows in self.rows.values():
            if rows.side is not None:
                self.issues += [_with_ids(issue, rows) for issue in rows.side.problems.issues]
        if self.issues:
            raise InputError(self.issues, subject="deal")

    def with_terms(self, terms: DealTerms) -> Tables:
        """Return the same tables under other terms."""
        made = copy.copy(self)
        made.terms = terms
        return made

    # --- what the tables say to each other ---------------------------------------------------------------

    def _check(self) -> None:
        rows = self.rows
        for (table, column), allowed in _WORDS.items():
            hint = f"one of {', '.join(map(repr, allowed))}"
            self._each(table, column, "choice", allowed.__contains__, hint)
        for table, name in IDS.items():
            if table != "covenants" and table != "reserves":
                self._unique(table, name)
        for table, own in rows.items():
            if "currency" in own and not self.alone:
                currency = self.terms.currency
                hint = f"amounts of this deal are in {currency}"
                self._each(table, "currency", "currency_mix", currency.__eq__, hint)
        facilities = self._check_names()
        for first, second in _BESIDE.items():
            if first in self.frames and second not in self.there:
                self.issues.append(
                    Issue.make(second, "missing_table", hint=f"{first} means nothing without it")
                )
        building = any(day is not None for day in rows["facilities"]["construction_end_date"])
        if (rows["assets"].n or building) and not self.terms.books and not self.alone:
            self.issues.append(
                Issue.make("deal.toml: books", "missing_key", hint="say how assets are depreciated")
            )
        if (
            self.terms.policy_by is not None
            and rows["assets"].n
            and self.terms.policy_by not in rows["assets"]
        ):
            self.issues.append(
                Issue.make(f"assets.{self.terms.policy_by}", "missing_column", hint="deal.policy_by")
            )
        self.metrics = read_metrics(rows["metrics"], {name for name in rows["measures"]["measure"] if name})
        if "metrics" not in self.there or self._is_read("metrics"):
            named = {*METRICS, *(name for name in rows["metrics"]["name"] if name is not None)}
            self._each("covenants", "metric", "metric_unknown", named.__contains__)
        self._check_assets()
        self._check_facilities()
        self._check_history(facilities)
        self.curves = read_curves(rows["value_curves"])
        check_tables(rows)
        if not self.alone:
            self._check_terms()
            check_size(rows, months_between(self.terms.start, self.terms.end))

    def _check_names(self) -> set[Any]:
        """Check what names rows of facilities and assets; return the names of facilities."""
        rows = self.rows
        facilities = {name for name in rows["facilities"]["facility_id"] if name is not None}
        for table in _NAMES_A_FACILITY:
            if rows[table].n and "facilities" not in self.there and table != "reserves":
                self.issues.append(Issue.make("facilities", "missing_table", hint=f"{table} names its rows"))
            elif self._is_read("facilities"):
                self._each(table, "facility_id", "unknown_id", facilities.__contains__)
        if rows["facilities"].n:
            for table in ("assets", "contracts", "costs"):
                self._each(table, "facility_id", "unknown_id", facilities.__contains__)
        if self._is_read("assets"):
            assets = set(rows["assets"]["asset_id"])
            self._each("asset_payments", "asset_id", "unknown_id", assets.__contains__)
        return facilities

    def _is_read(self, table: str) -> bool:
        """Whether a table is there with all columns it must have, so that others can be held against it."""
        return self.rows[table].side is not None

    def _each(self, table: str, column: str, code: str, fine: Any, hint: str | None = None) -> None:
        values = self.rows[table][column]
        wrong = [row for row, value in enumerate(values) if value is not None and not fine(value)]
        self.rows[table].note(column, code, wrong, hint=hint)

    def _unique(self, table: str, name: str) -> None:
        values = self.rows[table][name]
        seen: dict[Any, int] = {}
        for value in values:
            seen[value] = seen.get(value, 0) + 1
        again = [row for row, value in enumerate(values) if value is not None and seen[value] > 1]
        self.rows[table].note(name, "duplicate_id", again)

    def _check_assets(self) -> None:
        rows, payments = self.rows["assets"], self.rows["asset_payments"]
        building = [status == "cip" for status in rows["status"]]
        undated = [row for row in range(rows.n) if rows["in_service_date"][row] is None and not building[row]]
        rows.note("in_service_date", "null", undated, lambda _: "null")
        added: dict[Any, int] = {}
        for asset, amount in zip(payments["asset_id"], payments["amount"], strict=True):
            added[asset] = added.get(asset, 0) + (amount or 0)
        wrong = [
            row
            for row, asset in enumerate(rows["asset_id"])
            if asset in added and rows["cost"][row] is not None and added[asset] != rows["cost"][row]
        ]
        scale = 10**self.terms.minor_units
        rows.note(
            "cost",
            "payments",
            wrong,
            lambda row: f"{rows['cost'][row] / scale}, paid {added[rows['asset_id'][row]] / scale}",
        )

    def _check_facilities(self) -> None:
        rows, ladders, commitments = self.rows["facilities"], self.rows["ladders"], self.rows["commitments"]
        kinds = dict(zip(rows["facility_id"], [kind or "term" for kind in rows["kind"]], strict=True))
        ending = [
            row
            for row in range(rows.n)
            if rows["maturity_date"][row] is None and rows["term_months"][row] is None
        ]
        rows.note("maturity_date", "null", ending, lambda _: "null, and term_months too")
        revolving = [row for row in range(rows.n) if rows["kind"][row] == "revolver"]
        limited = set(commitments["facility_id"])
        bare = [
            row
            for row in revolving
            if rows["commitment"][row] is None and rows["facility_id"][row] not in limited
        ]
        rows.note("commitment", "null", bare, lambda _: "null")
        unrated = [
            row for row in revolving if rows["annual_rate"][row] is None and rows["index"][row] is None
        ]
        rows.note("annual_rate", "null", unrated, lambda _: "null, and index too")
        if self.terms.policy_by is not None:
            classes = self._classes()
            unclassed = [
                row
                for row in range(rows.n)
                if rows["construction_end_date"][row] is not None
                and classes[rows["facility_id"][row]] is None
            ]
            rows.note(
                "asset_class", "policy_missing", unclassed, lambda _: "null, with no asset as collateral"
            )
        drawn = [
            row for row in range(rows.n) if rows["opening_balance"][row] and rows["kind"][row] != "revolver"
        ]
        rows.note("opening_balance", "term_conflict", drawn)
        taken = [row for row in revolving if rows["principal"][row]]
        rows.note("principal", "term_conflict", taken)
        named = [row for row in range(rows.n) if rows["facility_id"][row] == self.terms.entity_id]
        rows.note(
            "facility_id", "duplicate_id", named, lambda row: f"{rows['facility_id'][row]!r}, the company"
        )
        low = [row for row in range(rows.n) if rows["rank"][row] == 0]
        rows.note("rank", "range", low, lambda _: "0")
        laddered = {name for name in ladders["facility_id"] if name is not None}
        missing = [
            row
            for row in range(rows.n)
            if rows["kind"][row] == "ladder" and rows["facility_id"][row] not in laddered
        ]
        rows.note("kind", "missing_ladder", missing)
        self._each(
            "ladders", "facility_id", "term_conflict", lambda name: kinds.get(name, "ladder") == "ladder"
        )
        self._each(
            "commitments",
            "facility_id",
            "term_conflict",
            lambda name: kinds.get(name, "revolver") == "revolver",
        )
        for table in _OF_LOANS:
            self._each(table, "facility_id", "term_conflict", lambda name: kinds.get(name) != "revolver")
        self._each(
            "ladders", "bucket", "choice",
            lambda text: text == "thereafter" or (text.isascii() and text.isdigit() and len(text) == 4),
        )  # fmt: skip

    def _check_terms(self) -> None:
        """Check what the terms say of tables: columns of assets, ranks of facilities."""
        terms, assets, facilities = self.terms, self.rows["assets"], self.rows["facilities"]
        if assets.n:
            for name in terms.lives_where:
                if name not in assets:
                    self._of_terms(f"lives.where.{name}", "missing_column", "a column of assets")
            if self.curves and terms.curve_by not in assets:
                self._of_terms("market.curve_by", "missing_column", f"assets has no {terms.curve_by!r}")
        if facilities.n:
            ranks = {rank or 1 for rank in facilities["rank"]}
            for name in terms.order:
                rank = name.rpartition("_")[2]
                if rank.isdigit() and int(rank) not in ranks:
                    known = ", ".join(map(str, sorted(ranks)))
                    self._of_terms("cash.order", "choice", f"ranks of facilities are {known}", repr(name))

    def _of_terms(self, key: str, code: str, hint: str, example: str = "") -> None:
        self.issues.append(Issue.make(f"deal.toml: {key}", code, example=example, hint=hint))

    def _check_history(self, facilities: set[Any]) -> None:
        """Check the measures of months before the start: each once, of the company or of a facility."""
        rows, company = self.rows["measures"], self.terms.entity_id
        if self.alone or not rows.n:
            return
        if "facilities" not in self.there or self._is_read("facilities"):
            known = {company, *facilities}
            hint = f"the company, {company!r}, or a facility"
            self._each("measures", "entity_id", "unknown_id", known.__contains__, hint)
        start = first_day(month_of(self.terms.start))
        late = [row for row, day in enumerate(rows["period_end"]) if day >= start]
        hint = "from its start on the deal itself says what is measured"
        rows.note("period_end", "date_order", late, _day_of(rows["period_end"]), hint)
        seen: set[tuple[Any, ...]] = set()
        again = []
        for row in range(rows.n):
            key = (rows["entity_id"][row] or company, rows["period_end"][row], rows["measure"][row])
            if key in seen:
                again.append(row)
            seen.add(key)
        rows.note("period_end", "duplicate_period", again, _day_of(rows["period_end"]))

    # --- what a run needs --------------------------------------------------------------------------------

    def inputs(self, lives: tuple[int, Sequence[bool]] | None = None) -> Inputs:
        """Return the inputs of a run; `lives` gives the months of life of some assets."""
        terms, rows, frames = self.terms, self.rows, self.frames
        grid = Grid.between(terms.start, terms.end)
        assets = frames.get("assets")
        if lives is not None and assets is not None:
            assets = override_life(assets, self.kind, list(lives[1]), lives[0])
        fleet = Fleet(
            assets, rows["assets"], frames.get("asset_events"), rows["asset_events"], rows["asset_payments"],
            self.curves, self.kind, terms.policy_by, self.options, terms.curve_by,
        )  # fmt: skip
        months = [months or 0 for months in rows["reserves"]["debt_service_months"]]
        debt = Debt(
            rows["facilities"], rows, rows["ladders"], rows["commitments"], frames.get("rates"), self.kind,
            self.options, grid, terms.extrapolate, max(months, default=0), self._classes(),
        )  # fmt: skip
        if lives is not None:
            fleet.lives = self._lives_of_classes(lives)
        customers, leases = nothing(grid), no_leases(grid)
        if rows["contracts"].n:
            customers = customers_of(self._contracts, rows["contracts"], grid, self.options)
        if rows["leases"].n:
            leases = leases_of(self._leases, rows["leases"], grid, self.options)
        return Inputs(
            terms, grid, self.options, customers, leases, rows["costs"], fleet, debt, rows["reserves"],
            rows["equity"], rows["cures"], dict(terms.books) or {"": None},
        )  # fmt: skip

    def _classes(self) -> dict[str, str | None]:
        """Return the class of a facility's capitalised interest: its own, or its first asset's."""
        rows, owned = self.rows["facilities"], self.rows["assets"]
        by = self.terms.policy_by
        first: dict[Any, Any] = {}
        if by is not None:
            for name, own in zip(owned["facility_id"], owned[by], strict=True):
                first.setdefault(name, own)
        told = zip(rows["facility_id"], rows["asset_class"], strict=True)
        return {name: own if own is not None else first.get(name) for name, own in told}

    def _lives_of_classes(self, lives: tuple[int, Sequence[bool]]) -> dict[str | None, int]:
        """Return the life of the classes all of whose assets have another."""
        by, owned = self.terms.policy_by, self.rows["assets"]
        classes = [None] * owned.n if by is None else owned[by]
        kept = {name for name, picked in zip(classes, lives[1], strict=True) if not picked}
        return {name: lives[0] for name in dict.fromkeys(classes) if name not in kept}

    def _contracts(self, **given: Any) -> Any:
        options: dict[str, Any] = {"amounts": "decimal", "minor_units": self.terms.minor_units, **given}
        beside: dict[str, Any] = {name: self.frames.get(name) for name in ("prices", "utilisation")}
        with Named("contracts"):
            return contract_schedule(self.frames["contracts"], **beside, **options)

    def _leases(self, **given: Any) -> Any:
        options: dict[str, Any] = {"amounts": "decimal", "minor_units": self.terms.minor_units, **given}
        payments = self.frames.get("lease_payments")
        with Named("leases"):
            return lease_schedule(self.frames["leases"], payments=payments, **options)

    def lives(self, months: int, where: Mapping[str, Iterable[Any]]) -> tuple[int, list[bool]]:
        """Return which assets another life is for."""
        rows = self.rows["assets"]
        for name in where:
            if name not in rows:
                raise ConfigError(f"where= names {name!r}, which is no column of assets")
        picked = [
            all(str(rows[name][row]) in {str(v) for v in some} for name, some in where.items())
            for row in range(rows.n)
        ]
        if rows.n and not any(picked):
            raise ConfigError(f"where={dict(where)!r} picks no asset")
        return months, picked


def _day_of(days: Sequence[int]) -> Any:
    """Return what writes the day of a row."""
    return lambda row: str(np.datetime64(int(days[row]), "D"))


def _columns_of_terms(terms: DealTerms) -> tuple[str, ...]:
    """Return the columns of assets that the terms name."""
    return *((terms.policy_by,) if terms.policy_by is not None else ()), terms.curve_by, *terms.lives_where


def _with_ids(issue: Issue, rows: Rows) -> Issue:
    """Name the rows of a problem."""
    name = IDS.get(rows.label)
    if name is None or not issue.rows or issue.ids:
        return issue
    labels = () if rows.side is None else rows.side.frame.labels(issue.rows)
    return issue.located(labels, tuple(rows[name][row] for row in issue.rows))
