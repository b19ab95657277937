"""From frames to a book of covenants: measures, terms, and what bears on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array
from neocalc._covenant_grid import FREQUENCIES, Collector, Grid, Ground, Rows, Series
from neocalc._covenant_terms import AFTER, BEFORE, CovenantKey, Terms, filled, measure_alone
from neocalc._options import choice, make_options
from neocalc._side_tables import SideTable
from neocalc.errors import ConfigError
from neocalc.metrics import METRICS, Metric

CROSS_DEFAULT = "cross_default"
_NO_DAY = -(2**31)

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


class CovenantInputs(Terms):
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
        collect: Collector | None = None,
        blank: Array | None = None,
    ) -> None:
        choice("freq", freq, FREQUENCIES)
        if isinstance(fiscal_year_end, bool) or fiscal_year_end not in range(1, 13):
            raise ConfigError(f"fiscal_year_end must be a whole number from 1 to 12, not {fiscal_year_end!r}")
        if allow_high_thresholds is not True and allow_high_thresholds is not False:
            raise ConfigError(f"allow_high_thresholds must be True or False, not {allow_high_thresholds!r}")
        super().__init__()
        # Unknown keywords are refused in there, by name.
        self.options = make_options("check_covenants", options)  # type: ignore[arg-type]
        self.metrics = known_metrics(metrics)
        self.allow_high = allow_high_thresholds
        self.freq = freq
        collect = self.collect = Collector() if collect is None else collect
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
            opened if isinstance(opened, Ground) else Grid(opened, freq, fiscal_year_end, end, blank)
        )
        noted = opened.problems
        if not noted.issues:
            self.read_covenants()
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
        elif isinstance(self.grid, Ground):
            none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
            self.measure_arrays = [none for _ in self.measure_names]
        collect.keep_named(table, "covenant_id")
        collect.keep(noted)
        collect.raise_all()

    def _by_key(self, types: Mapping[str, str]) -> list[Rows]:
        return [Rows(types) for _ in self.keys]

    # --- what bears on them ---------------------------------------------------------------------------------

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
        self,
        side: SideTable,
        series: list[list[Series]],
        accept: Callable[[CovenantKey], bool],
        hint: str | None = None,
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
        side.note("covenant_id", "covenant_unknown", lost, lambda row: repr(names[row]), hint)
        return found

    def _read_cures(self, side: SideTable) -> None:
        series = self._series_of(side)
        days, paid = side.days("period_end"), side.days("paid_date", _NO_DAY)
        amounts = side.amounts("amount", required=True)
        hint = "check its spelling, and that its level is default: no other has a cure"
        keys = self._keys_of(side, series, lambda key: key.level == "default", hint)
        mixed = [
            row for row, places in enumerate(keys) if len({self.keys[at].series[1] for at in places}) > 1
        ]
        self._note_mixed(side, mixed)
        lost = []
        for row, places in enumerate(keys):
            for at in places:
                period = self.grid.period_of(self.grid.series[self.keys[at].series], days[row])
                if period is None:
                    lost.append(row)
                else:
                    self.cures[at].add(period=period, paid=paid[row], amount=amounts[row] or 0)
        side.note(
            "period_end", "period_unknown", sorted(set(lost)), lambda row: str(np.datetime64(days[row], "D"))
        )

    def _note_mixed(self, side: SideTable, rows: list[int]) -> None:
        side.note("currency", "currency_mix", rows, lambda _: "null", "say which currency the amount is in")

    def _read_waivers(self, side: SideTable) -> None:
        series = self._series_of(side)
        begin, end = side.days("from_date"), side.days("to_date")
        back = [row for row in range(side.frame.n) if end[row] < begin[row] and not side.problems.issues]
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
        clash = [row for row, name in enumerate(self.table.values("covenant_id")) if name == CROSS_DEFAULT]
        self.table.note(
            "covenant_id",
            "duplicate_id",
            clash,
            lambda _: repr(CROSS_DEFAULT),
            "cross_default adds rows under that name",
        )
        own, other = side.values("entity_id"), side.values("trigger_entity_id")
        loops = [row for row in range(side.frame.n) if own[row] is not None and own[row] == other[row]]
        side.note("trigger_entity_id", "self_reference", loops, lambda row: repr(other[row]))
        begin, end = side.days("from_date", BEFORE), side.days("to_date", AFTER)
        back = [row for row in range(side.frame.n) if end[row] < begin[row] and not side.problems.issues]
        side.note("to_date", "date_order", back, lambda row: str(np.datetime64(end[row], "D")))
        above = side.amounts("above") if "above" in side else [None] * side.frame.n
        of_several = [row for row, of in enumerate(trigger) if above[row] is not None and len(of) > 1]
        self._note_mixed(side, of_several)
        measures = side.values("measure")
        # A text that is no column is told by what it looks like, below.
        odd = [
            row
            for row, name in enumerate(measures)
            if name is not None and not (name and isinstance(name, str))
        ]
        side.note("measure", "metric_unknown", odd, lambda row: repr(measures[row]), "name a measure")
        bad = set(odd)
        for row in range(side.frame.n):
            measure = -1
            if above[row] is not None and row not in bad:
                name = "total_debt" if measures[row] is None else measures[row]
                resolved = self.resolve(measure_alone(name), None, False)
                measure = -1 if resolved is None else self.measure_names[name]
            for one in trigger[row]:
                for two in affected[row]:
                    self.edges.add(
                        trigger=self.grid.series[one],
                        affected=self.grid.series[two],
                        measure=measure,
                        above=filled(above[row], 0),
                        **{"from": begin[row], "to": end[row]},
                    )

    # --- the book -------------------------------------------------------------------------------------------

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
        """Hand everything to the core; a ground has no amounts yet."""
        grid = self.grid
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
