"""The terms of covenants, read row by row and put in the order of their dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc._covenant_grid import FREQUENCIES, Grid, Ground, Series, name_of
from neocalc._frames import nearest
from neocalc._side_tables import SideTable, shown
from neocalc.metrics import LIMITS, Metric, Term

LEVELS = ("default", "lock_up", "sizing")
BOUNDARIES = {
    "at_least": ("min", False),
    "more_than": ("min", True),
    "at_most": ("max", False),
    "less_than": ("max", True),
}
BEFORE, AFTER = -(2**31) + 1, 2**31 - 1  # of all days; the least int32 means none
_TRILLION = 10**12
_HIGHEST = {"times": 100, "share": 1}


@dataclass(slots=True)
class Clause:
    """One row of the covenants, resolved except for its dates."""

    row: int
    start: int
    end: int | None
    fields: dict[str, int]
    metric: Metric  # with windows of so many periods


@dataclass(slots=True)
class CovenantKey:
    """Whose covenant it is, and which of its levels."""

    covenant_id: Any
    series: Series
    level: str
    clauses: list[Clause] = field(default_factory=list)


class Terms:
    """The rows of the covenants against the periods and measures there are."""

    table: SideTable
    grid: Grid | Ground
    metrics: Mapping[str, Metric]
    allow_high: bool
    freq: str

    def __init__(self) -> None:
        self.measure_names: dict[str, int] = {}
        self.core_metrics: dict[Metric, int] = {}
        self.keys: list[CovenantKey] = []
        self.thresholds: list[Decimal | None] = []
        self.springing_above: list[Decimal | None] = []

    def read_covenants(self) -> None:
        table, grid = self.table, self.grid
        names = table.values("covenant_id", required=True)
        metric_names = table.values("metric", required=True)
        wanted = [self.metrics.get(name) if isinstance(name, str) else None for name in metric_names]
        lost = [row for row, name in enumerate(metric_names) if name is not None and wanted[row] is None]
        table.note("metric", "metric_unknown", lost, lambda row: repr(metric_names[row]))
        words = {
            "limit": table.words("limit", LIMITS),
            "boundary": table.words("boundary", tuple(BOUNDARIES)),
            "level": table.words("level", LEVELS, "default"),
            "test_frequency": table.words("test_frequency", tuple(FREQUENCIES), self.freq),
        }
        often = [
            row for row, word in enumerate(words["test_frequency"]) if FREQUENCIES[word or "Y"] < grid.step
        ]
        table.note("test_frequency", "test_frequency", often, lambda row: repr(words["test_frequency"][row]))
        days = {
            "from": table.days("from_date", BEFORE),
            "to": table.days("to_date", AFTER),
            "first_test": table.days("first_test_date", BEFORE),
            "stub_from": table.days("annualize_from", BEFORE),
        }
        back = [row for row in range(table.frame.n) if days["to"][row] < days["from"][row]]
        table.note("to_date", "date_order", back, lambda row: str(np.datetime64(days["to"][row], "D")))
        thresholds, at_risk = table.decimals("threshold"), table.decimals("at_risk_below")
        outside = [row for row, rate in enumerate(at_risk) if rate is not None and rate < 0]
        table.note("at_risk_below", "range", outside, lambda row: shown(at_risk[row]))
        high = [row for row, rate in enumerate(at_risk) if rate is not None and rate > 1]
        table.note("at_risk_below", "rate_unit", high, lambda row: shown(at_risk[row]))
        windows, annualize = table.counts("window_periods", least=1, most=1_200), table.flags("annualize")
        springing_names, above = table.values("springing_measure"), table.decimals("springing_above")
        counts = {
            "allowed": table.counts("cures_allowed"),
            "in_a_row": table.counts("cures_in_a_row"),
            "per_year": table.counts("cures_per_year"),
            "grace": table.counts("grace_days", most=3_660),
        }
        caps = table.amounts("cure_amount_cap") if "cure_amount_cap" in table else [None] * table.frame.n
        self.thresholds, self.springing_above = thresholds, above
        self._check_thresholds("threshold", wanted, thresholds)
        springs = [self.metrics.get(name) if isinstance(name, str) else None for name in springing_names]
        self._check_thresholds("springing_above", springs, above)
        bare = [row for row, value in enumerate(above) if value is not None and springing_names[row] is None]
        table.note(
            "springing_measure", "null", bare, lambda _: "null", "say what must be above springing_above"
        )
        self._check_currencies(wanted, thresholds, springs, above, caps)
        senses = self._senses(wanted, words["limit"], words["boundary"])
        if table.problems.issues:
            return
        keys: dict[tuple[Any, Series, str], CovenantKey] = {}
        for row, series in self._series_of_rows():
            metric = wanted[row]
            if metric is None:
                continue
            resolved = self.resolve(metric, windows[row], annualize[row])
            springing = self._springing(springing_names[row], row, windows[row], annualize[row])
            if resolved is None:
                continue
            limit, strict = senses[row]
            level = words["level"][row] or "default"
            fields = {
                "from": days["from"][row],
                "first_test": days["first_test"][row],
                "stub_from": days["stub_from"][row],
                "metric": self.core_metrics.setdefault(resolved, len(self.core_metrics)),
                "limit": LIMITS.index(limit),
                "strict": int(strict),
                "level": LEVELS.index(level),
                "months": FREQUENCIES[words["test_frequency"][row] or self.freq],
                **_split(thresholds[row], "whole", "parts", "known"),
                "springing": springing,
                **_split(above[row], "above_whole", "above_parts", "above_known"),
                "at_risk": -1 if at_risk[row] is None else int((at_risk[row] or Decimal(0)) * _TRILLION),
                **{name: filled(values[row], -1) for name, values in counts.items()},
                "cap": filled(caps[row], -1),
            }
            end = None if days["to"][row] == AFTER else days["to"][row]
            key = (names[row], series, level)
            place = keys.setdefault(key, CovenantKey(*key))
            place.clauses.append(Clause(row, days["from"][row], end, fields, resolved))
        self.keys = list(keys.values())
        self._order()

    def _check_thresholds(
        self, column: str, wanted: Sequence[Metric | None], thresholds: Sequence[Decimal | None]
    ) -> None:
        if self.allow_high:
            return
        high = []
        for row, (metric, threshold) in enumerate(zip(wanted, thresholds, strict=True)):
            highest = None if metric is None else _HIGHEST.get(metric.unit)
            if threshold is not None and highest is not None and threshold > highest:
                high.append(row)
        self.table.note(column, "rate_unit", high, lambda row: shown(thresholds[row]))

    def _check_currencies(
        self,
        wanted: Sequence[Metric | None],
        thresholds: Sequence[Decimal | None],
        springs: Sequence[Metric | None],
        above: Sequence[Decimal | None],
        caps: Sequence[int | None],
    ) -> None:
        """Refuse an amount of money that would hold in several currencies."""
        table = self.table
        several = {currency for _, currency in self.grid.series}
        if "entity_id" in table or len(several) < 2:
            return  # the row of an entity that has several is refused whatever it says
        mixed = [
            row
            for row, currency in enumerate(table.values("currency"))
            if currency is None
            and (
                caps[row] is not None
                or _is_money(thresholds[row], wanted[row])
                or (above[row] is not None and _is_money(above[row], springs[row] or measure_alone("")))
            )
        ]
        hint = "an amount is in one currency: a row for each, with its currency"
        names = " and ".join(sorted(str(currency) for currency in several))
        table.note("currency", "currency_mix", mixed, lambda _: f"the entities have {names}", hint)

    def _senses(
        self, wanted: Sequence[Metric | None], limits: Sequence[str | None], boundaries: Sequence[str | None]
    ) -> list[tuple[str, bool]]:
        """Return for each row which side is met, and whether the threshold itself fails."""
        table = self.table
        missing, reversed_, mixed = [], [], []
        found = []
        for row, (metric, limit, boundary) in enumerate(zip(wanted, limits, boundaries, strict=True)):
            natural = None if metric is None else metric.limit
            by_boundary, strict = BOUNDARIES[boundary] if boundary else (None, False)
            sense = limit or by_boundary or natural
            if sense is None and metric is not None:
                missing.append(row)
            elif natural is not None and sense != natural:
                reversed_.append(row)
            elif by_boundary is not None and sense != by_boundary:
                mixed.append(row)
            found.append((sense or "min", strict))
        table.note("limit", "null", missing, lambda _: "null")
        table.note("limit", "limit_sense", reversed_, lambda row: f"{limits[row]!r} of a {wanted[row]}")
        table.note("boundary", "limit_sense", mixed, lambda row: f"{boundaries[row]!r} of a {limits[row]!r}")
        return found

    def _series_of_rows(self) -> Iterator[tuple[int, Series]]:
        """Yield each row of the covenants with whose it is; without an entity_id, with every one."""
        table, grid = self.table, self.grid
        entities, currencies = table.values("entity_id"), table.values("currency")
        named = "entity_id" in table
        if named:
            none = [row for row, entity in enumerate(entities) if entity is None]
            table.note("entity_id", "null", none, lambda _: "null")
        unknown, mixed, found = [], [], []
        for row, (entity, currency) in enumerate(zip(entities, currencies, strict=True)):
            if not named:
                candidates = list(grid.series)
            else:
                candidates = grid.by_entity.get(entity, []) if entity is not None else []
            if currency is not None:
                candidates = [series for series in candidates if series[1] == currency]
            elif named and len(candidates) > 1:
                mixed.append(row)
            if not candidates and (entity is not None or (not named and len(grid.series))):
                unknown.append(row)
            found += [(row, series) for series in candidates]
        table.note(
            "entity_id",
            "entity_unknown",
            unknown,
            lambda row: name_of((entities[row], currencies[row])),
        )
        table.note(
            "currency", "currency_mix", mixed, lambda row: f"{name_of((entities[row], None))} has several"
        )
        return iter(found if not table.problems.issues else [])

    def resolve(self, metric: Metric, window: int | None, annualize: bool) -> Metric | None:
        """Return the metric over the measures there are, its windows of so many periods."""
        there = self.grid.names
        for variant in metric.variants():
            if all(name in there for name in variant.measures):
                found = variant.windowed(window, annualize, self.grid.per_year)
                for name in found.measures:
                    self.measure_names.setdefault(name, len(self.measure_names))
                return found
        missing = next(name for name in metric.measures if name not in there)
        problems = self.grid.problems
        if f"measures.{missing}" not in {issue.column for issue in problems.issues}:
            hint = f"the metric {metric.name!r} needs it; {nearest(missing, there)}"
            problems.column(f"measures.{missing}", "missing_column", hint=hint)
        return None

    def _springing(self, name: Any, row: int, window: int | None, annualize: bool) -> int:
        """Return the number of the metric that springs a clause, -1 for none; a bare measure is one, too."""
        if name is None:
            return -1
        found = self.metrics.get(name) if isinstance(name, str) else None
        if found is None:
            if not isinstance(name, str) or name not in self.grid.names:
                self.table.note("springing_measure", "metric_unknown", [row], lambda _: repr(name))
                return -1
            found = measure_alone(name)
        resolved = self.resolve(found, window, annualize)
        return -1 if resolved is None else self.core_metrics.setdefault(resolved, len(self.core_metrics))

    def _order(self) -> None:
        """Put the clauses of each covenant in order; a clause without an end runs until the next."""
        overlaps = []
        for key in self.keys:
            key.clauses.sort(key=lambda clause: clause.start)
            for clause, later in zip(key.clauses, [*key.clauses[1:], None], strict=True):
                if later is not None and (
                    later.start == clause.start or filled(clause.end, BEFORE) >= later.start
                ):
                    overlaps.append(later.row)
                until = AFTER if later is None else later.start - 1
                clause.fields["to"] = until if clause.end is None else clause.end
        rows = sorted(set(overlaps))
        names = self.table.values("covenant_id")
        self.table.note("from_date", "overlap", rows, lambda row: repr(names[row]))


def measure_alone(name: str) -> Metric:
    """Return the metric that is a measure at the period's end."""
    return Metric(name, (Term(name),), unit="money")


def _is_money(threshold: Decimal | None, metric: Metric | None) -> bool:
    return bool(threshold) and metric is not None and metric.unit == "money"


def filled(value: int | None, other: int) -> int:
    """Return a number, or another where there is none."""
    return other if value is None else value


def _split(value: Decimal | None, whole: str, parts: str, known: str) -> dict[str, int]:
    """Return a decimal as a whole number and trillionths, and whether there is one."""
    top, rest = divmod(int((value or Decimal(0)) * _TRILLION), _TRILLION)
    return {whole: top, parts: rest, known: int(value is not None)}
