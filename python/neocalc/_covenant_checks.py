"""Tests of covenants as arrays, and from them the frame and the explanations that users see."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, minor_to_decimal, minor_to_major
from neocalc._covenant_book import CROSS_DEFAULT, CovenantInputs
from neocalc._covenant_grid import name_of
from neocalc._covenant_rows import Survivors
from neocalc._covenant_terms import LEVELS, Clause, CovenantKey
from neocalc._frames import Frame, as_frame
from neocalc._options import resolve_threads, to_days
from neocalc._output import as_records
from neocalc._side_tables import EPOCH_ORDINAL, money_out
from neocalc.errors import ConfigError, InputError, Issue, Issues, NeocalcWarning

STATUSES: tuple[str, ...] = _core.COVENANT_STATUSES
FAILED = ("breach", "lock_up", "draw_stop")
MET = ("pass", "at_risk", "cured", "waived")
_NO_AMOUNT = np.iinfo(np.int64).min
_NO_DAY = np.iinfo(np.int32).min
_MONEY = ("headroom_amount", "cure_needed", "cure_applied")
_OFTEN = {1: "monthly", 3: "quarterly", 6: "half-yearly", 12: "yearly"}
_EXPLAINED = ("value", "headroom", "headroom_rate")


class Checked:
    """All tests of a call, as arrays; what the verbs and the certificate read."""

    def __init__(self, measures: Any, covenants: Any, given: Mapping[str, Any]) -> None:
        settings = dict(given)
        options = {name: settings.pop(name) for name in ("amounts", "minor_units", "round_input")}
        self.threads = resolve_threads(settings.pop("threads"))
        start, end = settings.pop("start"), settings.pop("end")
        begin = None if start is None else to_days("start", start)
        until = None if end is None else to_days("end", end)
        if begin is not None and until is not None and begin > until:
            raise ConfigError(f"start {start!r} is after end {end!r}")
        tables = {name: settings.pop(name) for name in ("cures", "waivers", "cross_default")}
        self.on_error = settings.pop("on_error", "raise")
        self.left = Survivors(
            {"measures": measures, "covenants": covenants, **tables},
            self.on_error,
            {"end": until, "options": options, **settings},
        )
        self.inputs = self.left.inputs
        self.frame: Frame = self.inputs.laid_out.table.frame
        if self.inputs.table.frame.kind != self.frame.kind:
            raise ConfigError(
                f"measures are of {self.frame.kind}, covenants of {self.inputs.table.frame.kind}: use one"
            )
        self.book = self.inputs.book()
        try:
            self.found: dict[str, Array] = self.book.test(self.threads)
        except OverflowError:
            raise InputError([self._overflow()], subject="covenants") from None
        self.days = self.inputs.laid_out.dates[self._cells(self.found["entity"], self.found["period"])]
        keep = np.ones(len(self.days), dtype=bool)
        if begin is not None:
            keep &= self.days >= begin
        if until is not None:
            keep &= self.days <= until
        if not keep.all():
            self.found = {name: values[keep] for name, values in self.found.items()}
            self.days = self.days[keep]

    def _overflow(self) -> Issue:
        """Say which covenants have amounts beyond 64 bits, the first of them on which day."""
        found: dict[int, tuple[int, int]] = {}
        for covenant, clause, period in self.book.overflows():
            found.setdefault(self.inputs.rows_of_clauses[clause], (covenant, period))
        rows = sorted(found)
        covenant, period = found[rows[0]]
        series = self.inputs.keys[covenant].series
        day = self.inputs.laid_out.dates_of(self.inputs.grid.series[series])[period]
        names = self.inputs.table.values("covenant_id")
        ids = tuple(names[row] for row in rows)
        if "covenants" in self.left.rows:
            rows = self.left.rows["covenants"][rows].tolist()
        hint = "headroom or a cure in money of the numerator is larger; check the amounts' unit"
        example = f"{name_of(series)} on {_date(int(day))}"
        issue = Issue.make(
            "covenants.threshold", "overflow", n_bad=len(rows), rows=rows, example=example, hint=hint
        )
        return issue.located(as_frame(self.left.given["covenants"]).labels(rows), ids)

    def _cells(self, entity: Array, period: Array) -> Array:
        offsets = self.inputs.laid_out.offsets
        return offsets[:-1][entity] + period if len(entity) else np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.days)

    def key(self, row: int) -> CovenantKey:
        """Return whose test a row is."""
        number = int(self.found["covenant"][row])
        if number >= 0:
            return self.inputs.keys[number]
        series = list(self.inputs.grid.series)[int(self.found["entity"][row])]
        return CovenantKey(CROSS_DEFAULT, series, "default")

    def thresholds(self) -> Array:
        """Return the threshold of each row, NaN where none is known."""
        by_clause = [self.inputs.thresholds[row] for row in self.inputs.rows_of_clauses]
        known = np.array([np.nan if value is None else float(value) for value in [*by_clause, None]])
        return known[self.found["clause"]]

    def unit(self, row: int) -> str:
        """Return the unit of a row's value and threshold, by the clause in force on its date."""
        clause = int(self.found["clause"][row])
        if clause < 0 or int(self.found["covenant"][row]) < 0:
            return "times"
        source = self.inputs.rows_of_clauses[clause]
        return next(one.metric.unit for one in self.key(row).clauses if one.row == source)

    def status(self, row: int) -> str:
        """Return the status of a row."""
        return STATUSES[int(self.found["status"][row])]

    def entities(self, column: str, numbers: Array) -> Any:
        """Return a column of the measures, taken from a row of each series; -1 is null."""
        grid = self.inputs.laid_out
        codes, _, uniques = self.frame.codes(column)
        row_of = np.zeros(len(grid.series) + 1, dtype=np.int64)
        row_of[grid.number[::-1]] = np.arange(len(grid.number))[::-1]
        taken = codes[row_of[numbers]] if len(codes) else numbers
        return self.frame.take(uniques, np.where(numbers < 0, -1, taken).astype(np.int32))

    def covenant_ids(self, flagged: Array) -> Any:
        """Return the column of covenant ids, those of flagged rows of the covenants after the tests."""
        # The frame as it was given: flagged rows are in it.
        frame = as_frame(self.left.given["covenants"])
        more = [CROSS_DEFAULT] if self.inputs.has_edges else []
        codes, _, uniques = frame.codes_with("covenant_id", more) if more else frame.codes("covenant_id")
        rows = np.array([key.clauses[0].row for key in self.inputs.keys], dtype=np.int64)
        rows = self.left.rows["covenants"][rows] if "covenants" in self.left.rows else rows
        row_of = np.concatenate([rows, [len(codes) - 1]])
        at = np.concatenate([row_of[self.found["covenant"]], flagged]).astype(np.int64)
        return frame.take(uniques, np.asarray(codes[at] if len(codes) else at, dtype=np.int32))

    def levels(self) -> Array:
        """Return the level of each row as its place in `LEVELS`."""
        by_key = np.array([*(LEVELS.index(key.level) for key in self.inputs.keys), 0], dtype=np.int8)
        return by_key[self.found["covenant"]]

    def level_column(self) -> Any:
        """Return the column of levels."""
        return self.frame.categorical(self.levels(), LEVELS, ordered=False)

    def result(self) -> Any:
        """Return the frame that the user gets."""
        frame, found, grid = self.frame, self.found, self.inputs.laid_out
        codes = self.left.codes["covenants"] if self.on_error == "flag" else {}
        flagged = np.array(sorted(codes), dtype=np.int64)

        def whole(values: Array, none: Any) -> Array:
            return np.concatenate([values, np.full(len(flagged), none, dtype=values.dtype)])

        def money(name: str) -> Any:
            values = whole(found[name], _NO_AMOUNT)
            null = values == _NO_AMOUNT
            plain = np.where(null, 0, values)
            return money_out(frame, self.inputs.options, plain, null if null.any() else None)

        def floats(values: Array) -> Any:
            null = np.isnan(values := whole(values, np.nan))
            return frame.money_out(np.where(null, 0.0, values), null if null.any() else None)

        columns: dict[str, Any] = {"covenant_id": self.covenant_ids(flagged)}
        for name in ("entity_id", "currency"):
            if name in grid.table:
                columns[name] = self.entities(name, whole(found["entity"], -1))
        columns["level"] = frame.categorical(whole(self.levels(), -1), LEVELS, ordered=False)
        days = whole(self.days.astype(np.int32), 0)
        undated = np.arange(len(days)) >= len(self.days)
        columns["period_end"] = frame.dates_out(days, undated if len(flagged) else None)
        columns["value"] = floats(found["value"])
        columns["threshold"] = floats(self.thresholds())
        columns["headroom"] = floats(found["headroom"])
        columns["headroom_amount"] = money("headroom_amount")
        columns["headroom_rate"] = floats(found["headroom_rate"])
        columns["status"] = frame.categorical(whole(found["status"], -1), STATUSES, ordered=False)
        columns["cure_needed"], columns["cure_applied"] = money("cure_needed"), money("cure_applied")
        ripe = whole(found["default_date"], _NO_DAY)
        columns["default_date"] = frame.dates_out(np.where(ripe == _NO_DAY, 0, ripe), ripe == _NO_DAY)
        if self.inputs.has_edges and "entity_id" in grid.table:
            columns["cause"] = self.entities("entity_id", whole(found["cause"], -1))
        if self.on_error == "flag":
            columns["issue"] = self._issues([codes[row] for row in flagged.tolist()])
        return self._told(frame.build(columns))

    def _issues(self, of_covenants: list[str]) -> Any:
        """Return the code of what was wrong with each test's own period, then with each flagged row."""
        grid = self.inputs.laid_out
        lost = self.left.lost_cells(grid)
        months = grid.months[self._cells(self.found["entity"], self.found["period"])]
        cells = zip(self.found["entity"].tolist(), months.tolist(), strict=True)
        words = [*(lost.get(cell) for cell in cells), *of_covenants]
        names = sorted({word for word in words if word is not None})
        codes = np.array([-1 if word is None else names.index(word) for word in words], dtype=np.int8)
        return self.frame.categorical(codes, names, ordered=False)

    def _told(self, result: Any) -> Any:
        """Say on the result which rows were left out."""
        issues = Issues(self.left.issues)
        if len(issues) and not self.frame.attach(result, as_records(issues)):
            n = sum(len(codes) for codes in self.left.codes.values())
            text = f"{n:,} rows with problems were left out of the tests:\n{issues!r}"
            warnings.warn(text, NeocalcWarning, stacklevel=4)
        return result


@dataclass(frozen=True)
class Explanation:
    """What made one cell; ``str()`` says it in words."""

    covenant_id: Any
    entity_id: Any
    level: str
    period_end: dt.date
    status: str
    definition: str
    result: Mapping[
        str, Any
    ]  # value, threshold, headroom, headroom_rate, headroom_amount, cure_needed, cure_applied
    default_date: dt.date | None  # from when on a breach is an event of default
    inputs: Any  # a frame: side, measure, period_end, amount, weight, is_cure

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {value}" for name, value in self.result.items() if value is not None)
        whose = "" if self.entity_id is None else f" of {self.entity_id}"
        return f"{self.covenant_id}{whose} on {self.period_end}: {self.status}\n{self.definition}\n{numbers}"


def explain_row(checked: Checked, row: int, say: Callable[[float, str], str] | None = None) -> Explanation:
    """Explain a row of what was checked; `say` writes a threshold of a unit."""
    key, found, frame = checked.key(row), checked.found, checked.frame
    threshold = checked.thresholds()[row]
    numbers: dict[str, Any] = {
        name: None if np.isnan(value) else float(value)
        for name, value in [*((name, found[name][row]) for name in _EXPLAINED), ("threshold", threshold)]
    }
    for name in _MONEY:
        numbers[name] = _amount(checked, int(found[name][row]))
    clause = int(found["clause"][row])
    definition = "no clause is in force"
    inputs: list[Any] = []
    if key.covenant_id == CROSS_DEFAULT and not key.clauses:
        cause = int(found["cause"][row])
        series = list(checked.inputs.grid.series)
        definition = "default of an entity whose default counts as its own"
        definition += "" if cause < 0 else f": {name_of(series[cause])}"
    elif clause >= 0:
        number = int(found["covenant"][row])
        source = checked.inputs.rows_of_clauses[clause]
        own = next(one for one in key.clauses if one.row == source)
        definition = _definition(checked.inputs, own, int(checked.days[row]), say)
        inputs = checked.book.inputs(number, int(found["period"][row]))
    names, series_number = list(checked.inputs.measure_names), int(found["entity"][row])
    dates = checked.inputs.laid_out.dates_of(series_number)
    money = np.array([0 if one[4] is None else one[4] for one in inputs], dtype=np.int64)
    null = np.array([one[4] is None for one in inputs], dtype=bool)
    codes = np.array([one[0] for one in inputs], dtype=np.int8)
    measures = np.array([one[1] for one in inputs], dtype=np.int32)
    columns = {
        "side": frame.categorical(codes, ("numerator", "denominator"), ordered=False),
        "measure": frame.categorical(measures, names or ("none",), ordered=False),
        "period_end": frame.dates_out(np.array([dates[one[3]] for one in inputs], dtype=np.int32)),
        "amount": money_out(frame, checked.inputs.options, money, null if null.any() else None),
        "weight": np.array([(-1 if one[2] else 1) * one[5] / one[6] for one in inputs], dtype=np.float64),
        "is_cure": np.array([one[7] for one in inputs], dtype=bool),
    }
    ripe = int(found["default_date"][row])
    return Explanation(
        covenant_id=key.covenant_id,
        entity_id=key.series[0],
        level=key.level,
        period_end=_date(int(checked.days[row])),
        status=checked.status(row),
        definition=definition,
        result=numbers,
        default_date=None if ripe == _NO_DAY else _date(ripe),
        inputs=frame.build(columns),
    )


def _date(day: int) -> dt.date:
    return dt.date.fromordinal(day + EPOCH_ORDINAL)


def _amount(checked: Checked, minor: int) -> Any:
    if minor == _NO_AMOUNT:
        return None
    options, whole = checked.inputs.options, np.array([minor], dtype=np.int64)
    if options.amounts == "minor":
        return minor
    if options.amounts == "decimal":
        return minor_to_decimal(whole, options.minor_units)[0]
    return float(minor_to_major(whole, options.minor_units)[0])


def limit_words(fields: Mapping[str, int]) -> str:
    """Say how a clause reads."""
    words = (("at least", "more than"), ("at most", "less than"))
    return words[fields["limit"]][fields["strict"]]


def _definition(
    inputs: CovenantInputs, clause: Clause, day: int, say: Callable[[float, str], str] | None
) -> str:
    """Say what a clause tests, and on which condition."""

    def said(threshold: Decimal | None, unit: str) -> str:
        if threshold is None:
            return "a threshold that is not known"
        # As it was written: a double of it would lose cents of large amounts.
        return f"{threshold.normalize():,f}" if say is None else say(float(threshold), unit)

    fields, metric = clause.fields, clause.metric
    text = f"{metric.words()}; {limit_words(fields)} {said(inputs.thresholds[clause.row], metric.unit)}"
    often = _OFTEN[fields["months"]] if fields["months"] > inputs.grid.step else None
    only = None
    if fields["springing"] >= 0:
        spring = list(inputs.core_metrics)[fields["springing"]]
        above = said(inputs.springing_above[clause.row], spring.unit)
        only = f"only while {spring.words()} is above {above}"
    if often or only:
        text += f"; tested {', '.join(filter(None, (often, only)))}"
    return text if day >= fields["first_test"] else f"{text}; first tested on {_date(fields['first_test'])}"
