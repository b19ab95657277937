"""From frames to a book of covenants: measures on a grid of periods, clauses by date, and all that bears on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, Problems
from neocalc._currencies import ISO_4217
from neocalc._frames import nearest
from neocalc._options import Options, make_options
from neocalc._side_tables import SideTable
from neocalc.errors import ConfigError, InputError, Issue
from neocalc.metrics import LIMITS, METRICS, Metric, Term

CROSS_DEFAULT = "cross_default"
LEVELS = ("default", "lock_up", "sizing")
BOUNDARIES = {
    "at_least": ("min", False),
    "more_than": ("min", True),
    "at_most": ("max", False),
    "less_than": ("max", True),
}
FREQUENCIES = {"M": 1, "Q": 3, "Y": 12}
# A quarter of a 52/53-week year ends within days of a month's end, a month of one (4-4-5) within a week and more.
_MAX_DAYS_OFF = 10
_BEFORE, _AFTER = -(2**31) + 1, 2**31 - 1  # of all days; the least int32 means none
_NO_DAY = -(2**31)
_TRILLION = 10**12
_HIGHEST = {"times": 100, "share": 1}
Series = tuple[Any, Any]  # entity, currency


@dataclass(slots=True)
class Rows:
    """Arrays of a table of the book, grown row by row."""

    types: Mapping[str, str]
    values: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: [] for name in self.types}

    def add(self, **row: int) -> None:
        """Append a row."""
        for name, value in row.items():
            self.values[name].append(value)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that the core takes."""
        return {name: np.array(self.values[name], dtype=kind) for name, kind in self.types.items()}

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))


_CLAUSE = {
    **dict.fromkeys(("from", "to", "first_test", "stub_from", "metric", "springing", "grace"), "int32"),
    **dict.fromkeys(("limit", "strict", "level", "months", "known", "above_known"), "int8"),
    **dict.fromkeys(
        ("whole", "parts", "at_risk", "above_whole", "above_parts", "allowed", "in_a_row", "per_year", "cap"),
        "int64",
    ),
}
_CURE = {"period": "int32", "paid": "int32", "amount": "int64"}
_SPAN = {"from": "int32", "to": "int32"}
_EDGE = {**dict.fromkeys(("trigger", "affected", "from", "to", "measure"), "int32"), "above": "int64"}


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


def months_of(days: Array) -> tuple[Array, Array]:
    """Return the month (since January 1970) whose end is nearest, and how many days away that is."""
    stamps = days.astype("M8[D]")
    month = stamps.astype("M8[M]")
    to_end = ((month + 1).astype("M8[D]") - 1 - stamps).astype(np.int64)
    from_end = (stamps - (month.astype("M8[D]") - 1)).astype(np.int64)
    before = from_end < to_end
    return month.astype(np.int64) - before, np.where(before, from_end, to_end)


def month_end_days(months: Array) -> Array:
    """Return the last day of each month, since 1970-01-01."""
    return np.asarray((months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64) - 1)


@dataclass(slots=True)
class Ground:
    """What the terms of covenants are read against where the amounts come later."""

    names: tuple[Any, ...]
    series: dict[Series, int]
    step: int
    fiscal_year_end: int
    problems: Problems = field(default_factory=Problems)

    @property
    def per_year(self) -> int:
        """Periods in a year."""
        return 12 // self.step

    @property
    def by_entity(self) -> dict[Any, list[Series]]:
        """The series of each entity."""
        return {key[0]: [key] for key in self.series}


class Grid:
    """The measures' rows by series and period."""

    def __init__(self, table: SideTable, freq: str, fiscal_year_end: int, end: int | None) -> None:
        self.table = table
        self.problems = table.problems
        self.names: tuple[Any, ...] = table.frame.names
        self.step = FREQUENCIES[freq]
        self.per_year = 12 // self.step
        self.fiscal_year_end = fiscal_year_end
        self.has_entity = "entity_id" in table
        entities = table.values("entity_id", required=True) if self.has_entity else [None] * table.frame.n
        currencies = table.values("currency")
        wrong = [row for row, code in enumerate(currencies) if code is not None and code not in ISO_4217]
        table.note("currency", "currency", wrong, lambda row: repr(currencies[row]))
        self.days = np.array(table.days("period_end"), dtype=np.int64)
        self.of_row: list[Series] = list(zip(entities, currencies, strict=True))
        self.month, off = months_of(self.days)
        astray = (off > _MAX_DAYS_OFF) | ((self.month + 1 - fiscal_year_end) % self.step != 0)
        if not table.problems.issues:
            rows = np.flatnonzero(astray).tolist()
            table.note(
                "period_end", "period_grid", rows, lambda row: str(np.datetime64(int(self.days[row]), "D"))
            )
        self.series: dict[Series, int] = {key: at for at, key in enumerate(dict.fromkeys(self.of_row))}
        self.by_entity: dict[Any, list[Series]] = {}
        for key in self.series:
            self.by_entity.setdefault(key[0], []).append(key)
        self._lay_out(end)

    def _lay_out(self, end: int | None) -> None:
        """Give every period of every series a cell, those without a row too."""
        table = self.table
        self.number = np.array([self.series[key] for key in self.of_row], dtype=np.int64)
        count = len(self.series)
        first = np.full(count, np.iinfo(np.int64).max)
        last = np.full(count, np.iinfo(np.int64).min)
        np.minimum.at(first, self.number, self.month)
        np.maximum.at(last, self.number, self.month)
        if end is not None and count:
            month = int(np.datetime64(end, "D").astype("M8[M]").astype(np.int64))
            month += -(month + 1 - self.fiscal_year_end) % self.step
            last = np.maximum(last, month)
        if table.problems.issues:
            first[:], last[:] = 0, -self.step
        self.first = first
        self.lengths = (last - first) // self.step + 1
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        period = (self.month - first[self.number]) // self.step if count else self.month
        self.cell = self.offsets[:-1][self.number] + period if count else period
        if not table.problems.issues:
            order = np.argsort(self.cell, kind="stable")
            again = order[1:][self.cell[order][1:] == self.cell[order][:-1]]
            table.note(
                "period_end",
                "duplicate_period",
                np.sort(again).tolist(),
                lambda row: f"{np.datetime64(int(self.days[row]), 'D')} of {name_of(self.of_row[row])}",
            )
        total = int(self.offsets[-1])
        within = np.arange(total) - np.repeat(self.offsets[:-1], self.lengths)
        self.months = np.repeat(first, self.lengths) + within * self.step
        self.dates = month_end_days(self.months) if total else np.empty(0, dtype=np.int64)
        if total:
            self.dates[self.cell] = self.days

    def measure(self, name: str) -> tuple[Array, Array]:
        """Return a measure by cell, and where it is known."""
        amounts, null = self.table.minor(name)
        values, known = (
            np.zeros(int(self.offsets[-1]), dtype=np.int64),
            np.zeros(int(self.offsets[-1]), dtype=np.int8),
        )
        if len(values):
            values[self.cell] = amounts
            known[self.cell] = ~null
        return values, known

    def dates_of(self, series: int) -> Array:
        """Return the ends of a series' periods."""
        return self.dates[self.offsets[series] : self.offsets[series + 1]]

    def period_of(self, series: int, day: int) -> int | None:
        """Return the number of the period that a day is, or is near, the end of."""
        month, off = months_of(np.array([day]))
        behind = int(month[0] - self.first[series])
        period = behind // self.step
        fits = off[0] <= _MAX_DAYS_OFF and behind % self.step == 0 and 0 <= period < self.lengths[series]
        return period if fits else None


def name_of(series: Series) -> str:
    """Name a series in a message."""
    return ", ".join(str(part) for part in series if part is not None) or "the entity"


class Collector:
    """All that is wrong with several tables, raised together."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.n_rows: int | None = None

    def open(self, table: Any, label: str, required: Sequence[str], options: Options) -> SideTable | None:
        """Open a table; what is wrong with it is kept."""
        try:
            return SideTable.open(table, label, required, options)
        except InputError as error:
            self.issues += error.issues
            return None

    def keep(self, problems: Problems) -> None:
        """Take over what was found wrong with a table."""
        self.issues += problems.issues

    def raise_all(self) -> None:
        """Raise what was kept."""
        if self.issues:
            raise InputError(self.issues, n_rows=self.n_rows, subject="covenants")


class CovenantInputs:
    """Frames as a user has them, made into a book that the core can test."""

    def __init__(
        self,
        measures: Any,
        covenants: Any,
        *,
        metrics: Any,
        cures: Any,
        waivers: Any,
        cross_default: Any,
        freq: str,
        fiscal_year_end: int,
        end: int | None,
        allow_high_thresholds: bool,
        options: Mapping[str, Any],
    ) -> None:
        if freq not in FREQUENCIES:
            raise ConfigError(f"freq must be 'M', 'Q' or 'Y', not {freq!r}")
        if isinstance(fiscal_year_end, bool) or fiscal_year_end not in range(1, 13):
            raise ConfigError(f"fiscal_year_end must be a whole number from 1 to 12, not {fiscal_year_end!r}")
        if allow_high_thresholds is not True and allow_high_thresholds is not False:
            raise ConfigError(f"allow_high_thresholds must be True or False, not {allow_high_thresholds!r}")
        self.options = make_options("check_covenants", options)  # type: ignore[arg-type]
        self.metrics = known_metrics(metrics)
        self.allow_high = allow_high_thresholds
        self.freq = freq
        collect = self.collect = Collector()
        opened = (
            measures
            if isinstance(measures, Ground)
            else collect.open(measures, "measures", ["period_end"], self.options)
        )
        table = collect.open(covenants, "covenants", ["covenant_id", "metric", "threshold"], self.options)
        collect.raise_all()
        if opened is None or table is None:
            raise AssertionError  # raised above
        collect.n_rows = table.frame.n
        self.table = table
        self.grid: Grid | Ground = (
            opened if isinstance(opened, Ground) else Grid(opened, freq, fiscal_year_end, end)
        )
        self.thresholds: list[Decimal | None] = []
        self.measure_names: dict[str, int] = {}
        self.core_metrics: dict[Metric, int] = {}
        self.keys: list[CovenantKey] = []
        noted = opened.problems
        if not noted.issues:
            self._read_covenants()
        self.cures = self._by_key(_CURE)
        self.waivers = self._by_key(_SPAN)
        self.cross_waivers = Rows({"entity": "int32", **_SPAN})
        self.edges = Rows(_EDGE)
        self.has_edges = cross_default is not None
        sides = [
            ("cures", cures, ["period_end", "amount"], self._read_cures),
            ("waivers", waivers, ["from_date", "to_date"], self._read_waivers),
            ("cross_default", cross_default, ["entity_id", "trigger_entity_id"], self._read_edges),
        ]
        for label, given, required, read in sides:
            side = None if given is None else collect.open(given, label, required, self.options)
            if side is not None and not (noted.issues or table.problems.issues):
                read(side)
                collect.keep(side.problems)
        self.measure_arrays: list[tuple[Array, Array]] = []
        if isinstance(self.grid, Grid) and not collect.issues:
            self.measure_arrays = [self.grid.measure(name) for name in self.measure_names]
        collect.keep(table.problems)
        collect.keep(noted)
        collect.raise_all()

    def _by_key(self, types: Mapping[str, str]) -> list[Rows]:
        return [Rows(types) for _ in self.keys]

    # --- the covenants ---------------------------------------------------------------------------------------

    def _read_covenants(self) -> None:
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
            "from": table.days("from_date", _BEFORE),
            "to": table.days("to_date", _AFTER),
            "first_test": table.days("first_test_date", _BEFORE),
            "stub_from": table.days("annualize_from", _BEFORE),
        }
        back = [row for row in range(table.frame.n) if days["to"][row] < days["from"][row]]
        table.note("to_date", "date_order", back, lambda row: str(np.datetime64(days["to"][row], "D")))
        thresholds, at_risk = table.decimals("threshold"), table.decimals("at_risk_below")
        outside = [row for row, rate in enumerate(at_risk) if rate is not None and rate < 0]
        table.note("at_risk_below", "range", outside, lambda row: str(at_risk[row]))
        high = [row for row, rate in enumerate(at_risk) if rate is not None and rate > 1]
        table.note("at_risk_below", "rate_unit", high, lambda row: str(at_risk[row]))
        windows, annualize = table.counts("window_periods", least=1, most=1_200), table.flags("annualize")
        springing_names, above = table.values("springing_measure"), table.decimals("springing_above")
        counts = {
            "allowed": table.counts("cures_allowed"),
            "in_a_row": table.counts("cures_in_a_row"),
            "per_year": table.counts("cures_per_year"),
            "grace": table.counts("grace_days", most=3_660),
        }
        caps = table.amounts("cure_amount_cap") if "cure_amount_cap" in table else [None] * table.frame.n
        self.thresholds = thresholds
        self._check_thresholds(wanted, thresholds)
        senses = self._senses(wanted, words["limit"], words["boundary"])
        if table.problems.issues:
            return
        keys: dict[tuple[Any, Series, str], CovenantKey] = {}
        for row, series in self._series_of_rows():
            metric = wanted[row]
            if metric is None:
                continue
            resolved = self._resolve(metric, windows[row], annualize[row])
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
                **{name: _or(values[row], -1) for name, values in counts.items()},
                "cap": _or(caps[row], -1),
            }
            end = None if days["to"][row] == _AFTER else days["to"][row]
            key = (names[row], series, level)
            place = keys.setdefault(key, CovenantKey(*key))
            place.clauses.append(Clause(row, days["from"][row], end, fields, resolved))
        self.keys = list(keys.values())
        self._order()

    def _check_thresholds(
        self, wanted: Sequence[Metric | None], thresholds: Sequence[Decimal | None]
    ) -> None:
        if self.allow_high:
            return
        high = []
        for row, (metric, threshold) in enumerate(zip(wanted, thresholds, strict=True)):
            highest = None if metric is None else _HIGHEST.get(metric.unit)
            if threshold is not None and highest is not None and threshold > highest:
                high.append(row)
        self.table.note("threshold", "rate_unit", high, lambda row: str(thresholds[row]))

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
            if not candidates and (entity is not None or not named) and table.frame.n and len(grid.series):
                unknown.append(row)
            elif not candidates and named and entity is not None:
                unknown.append(row)
            found += [(row, series) for series in candidates]
        table.note("entity_id", "entity_unknown", unknown, lambda row: repr(entities[row]))
        table.note(
            "currency", "currency_mix", mixed, lambda row: f"{name_of((entities[row], None))} has several"
        )
        return iter(found if not table.problems.issues else [])

    def _resolve(self, metric: Metric, window: int | None, annualize: bool) -> Metric | None:
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
        resolved = self._resolve(found, window, annualize)
        return -1 if resolved is None else self.core_metrics.setdefault(resolved, len(self.core_metrics))

    def _order(self) -> None:
        """Put the clauses of each covenant in order; a clause without an end runs until the next."""
        overlaps = []
        for key in self.keys:
            key.clauses.sort(key=lambda clause: clause.start)
            for clause, later in zip(key.clauses, [*key.clauses[1:], None], strict=True):
                if later is not None and (
                    later.start == clause.start or _or(clause.end, _BEFORE) >= later.start
                ):
                    overlaps.append(later.row)
                until = _AFTER if later is None else later.start - 1
                clause.fields["to"] = until if clause.end is None else clause.end
        rows = sorted(set(overlaps))
        names = self.table.values("covenant_id")
        self.table.note("from_date", "overlap", rows, lambda row: repr(names[row]))

    # --- what bears on them ----------------------------------------------------------------------------------

    def _series_of(self, side: SideTable, column: str = "entity_id") -> list[list[Series]]:
        """Return whose each row of another table is."""
        grid = self.grid
        if column not in side:
            if len(grid.by_entity) > 1:
                side.problems.column(f"{side.label}.{column}", "missing_column")
            return [list(grid.series)] * side.frame.n
        entities, currencies = side.values(column, required=True), side.values("currency")
        found = [
            [series for series in grid.by_entity.get(entity, []) if currency is None or series[1] == currency]
            for entity, currency in zip(entities, currencies, strict=True)
        ]
        lost = [row for row, series in enumerate(found) if not series and entities[row] is not None]
        side.note(column, "entity_unknown", lost, lambda row: repr(entities[row]))
        return found

    def _keys_of(
        self, side: SideTable, series: list[list[Series]], accept: Callable[[CovenantKey], bool]
    ) -> list[list[int]]:
        """Return the covenants that each row of another table bears on; a null covenant_id means all."""
        places: dict[Series, list[int]] = {}
        for at, key in enumerate(self.keys):
            if accept(key):
                places.setdefault(key.series, []).append(at)
        names = side.values("covenant_id")
        found = [
            [
                at
                for one in of
                for at in places.get(one, [])
                if name is None or self.keys[at].covenant_id == name
            ]
            for of, name in zip(series, names, strict=True)
        ]
        lost = [
            row
            for row, keys in enumerate(found)
            if not keys and series[row] and names[row] not in (None, CROSS_DEFAULT)
        ]
        side.note("covenant_id", "covenant_unknown", lost, lambda row: repr(names[row]))
        return found

    def _read_cures(self, side: SideTable) -> None:
        series = self._series_of(side)
        days, paid = side.days("period_end"), side.days("paid_date", _NO_DAY)
        amounts = side.amounts("amount", required=True)
        keys = self._keys_of(side, series, lambda key: key.level == "default")
        lost = []
        for row, places in enumerate(keys):
            for at in places:
                period = self.laid_out.period_of(self.grid.series[self.keys[at].series], days[row])
                if period is None:
                    lost.append(row)
                else:
                    self.cures[at].add(period=period, paid=paid[row], amount=amounts[row] or 0)
        side.note(
            "period_end", "period_unknown", sorted(set(lost)), lambda row: str(np.datetime64(days[row], "D"))
        )

    def _read_waivers(self, side: SideTable) -> None:
        series = self._series_of(side)
        begin, end = side.days("from_date"), side.days("to_date")
        back = [row for row in range(side.frame.n) if end[row] < begin[row]]
        side.note("to_date", "date_order", back, lambda row: str(np.datetime64(end[row], "D")))
        names = side.values("covenant_id")
        for row, places in enumerate(self._keys_of(side, series, lambda _: True)):
            span = {"from": begin[row], "to": end[row]}
            if names[row] == CROSS_DEFAULT:
                for one in series[row]:
                    self.cross_waivers.add(entity=self.grid.series[one], **span)
            for at in places:
                self.waivers[at].add(**span)

    def _read_edges(self, side: SideTable) -> None:
        affected, trigger = self._series_of(side), self._series_of(side, "trigger_entity_id")
        if not all(isinstance(key.covenant_id, str) for key in self.keys):
            hint = "covenant_id must be text beside cross_default, which adds rows under that name"
            self.table.problems.column("covenants.covenant_id", "dtype", hint=hint)
        own, other = side.values("entity_id"), side.values("trigger_entity_id")
        loops = [row for row in range(side.frame.n) if own[row] is not None and own[row] == other[row]]
        side.note("trigger_entity_id", "self_reference", loops, lambda row: repr(other[row]))
        begin, end = side.days("from_date", _BEFORE), side.days("to_date", _AFTER)
        back = [row for row in range(side.frame.n) if end[row] < begin[row]]
        side.note("to_date", "date_order", back, lambda row: str(np.datetime64(end[row], "D")))
        above = side.amounts("above") if "above" in side else [None] * side.frame.n
        measures = side.values("measure")
        for row in range(side.frame.n):
            measure = -1
            if above[row] is not None:
                name = measures[row] or "total_debt"
                resolved = self._resolve(measure_alone(name), None, False) if isinstance(name, str) else None
                measure = -1 if resolved is None else self.measure_names[name]
            for one in trigger[row]:
                for two in affected[row]:
                    self.edges.add(
                        trigger=self.grid.series[one],
                        affected=self.grid.series[two],
                        measure=measure,
                        above=_or(above[row], 0),
                        **{"from": begin[row], "to": end[row]},
                    )

    # --- the book --------------------------------------------------------------------------------------------

    @property
    def scale(self) -> int:
        """Minor units in the unit that thresholds and values of amounts are in."""
        return 1 if self.options.amounts == "minor" else 10**self.options.minor_units

    def metric_tuples(self) -> list[Any]:
        """Return the metrics as the core takes them."""
        return core_metrics(self.core_metrics, self.measure_names)

    @property
    def laid_out(self) -> Grid:
        """The grid with its amounts."""
        if not isinstance(self.grid, Grid):
            raise TypeError("these covenants have no measures")
        return self.grid

    def book(self) -> _core.CovenantBook:
        """Hand everything to the core."""
        grid = self.laid_out
        clauses, cures, waivers = Rows(_CLAUSE), Rows(_CURE), Rows(_SPAN)
        offsets: dict[str, list[int]] = {"clauses": [0], "cures": [0], "waivers": [0]}
        self.rows_of_clauses: list[int] = []
        for at, key in enumerate(self.keys):
            for clause in key.clauses:
                clauses.add(**clause.fields)
                self.rows_of_clauses.append(clause.row)
            for whole, own in ((cures, self.cures[at]), (waivers, self.waivers[at])):
                for name, values in own.values.items():
                    whole.values[name] += values
            for name, table in (("clauses", clauses), ("cures", cures), ("waivers", waivers)):
                offsets[name].append(len(table))
        covenants = {name: np.array(values, dtype=np.int64) for name, values in offsets.items()}
        covenants["entity"] = np.array([grid.series[key.series] for key in self.keys], dtype=np.int32)
        return _core.CovenantBook(
            self.metric_tuples(),
            self.measure_arrays,
            {
                "date": grid.dates.astype(np.int32),
                "month": grid.months.astype(np.int32),
                "offsets": grid.offsets,
            },
            covenants,
            clauses.arrays(),
            cures.arrays(),
            waivers.arrays(),
            self.edges.arrays(),
            self.cross_waivers.arrays(),
            per_year=grid.per_year,
            scale=self.scale,
            fiscal_year_end=grid.fiscal_year_end,
        )


def core_metrics(metrics: Mapping[Metric, int], measures: Mapping[str, int]) -> list[Any]:
    """Return resolved metrics as the core takes them."""

    def side(terms: Sequence[Any]) -> list[tuple[int, bool, str, int]]:
        return [(measures[term.measure], term.minus, term.window, term.periods or 1) for term in terms]

    return [
        (
            side(metric.numerator),
            side(metric.denominator),
            None if metric.cure is None else (measures[metric.cure[0]], metric.cure[1]),
        )
        for metric in metrics
    ]


def measure_alone(name: str) -> Metric:
    """Return the metric that is a measure at the period's end."""
    return Metric(name, (Term(name),), unit="money")


def known_metrics(given: Any) -> Mapping[str, Metric]:
    """Return the built-in metrics and the user's own, which win."""
    if given is None:
        return METRICS
    own = (
        list(given.values())
        if isinstance(given, Mapping)
        else list(given)
        if isinstance(given, (list, tuple))
        else [given]
    )
    if not all(isinstance(metric, Metric) for metric in own):
        raise ConfigError("metrics must be made by neocalc.metric(...)")
    names = list(given) if isinstance(given, Mapping) else [metric.name for metric in own]
    return {**METRICS, **dict(zip(names, own, strict=True))}


def _or(value: int | None, other: int) -> int:
    return other if value is None else value


def _split(value: Decimal | None, whole: str, parts: str, known: str) -> dict[str, int]:
    """Return a decimal as a whole number and trillionths, and whether there is one."""
    top, rest = divmod(int((value or Decimal(0)) * _TRILLION), _TRILLION)
    return {whole: top, parts: rest, known: int(value is not None)}
