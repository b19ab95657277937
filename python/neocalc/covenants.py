"""Covenants: what was promised to lenders, tested on what the measures say, exact to the minor unit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._columns import Array, minor_to_decimal, minor_to_major
from neocalc._covenant_book import CROSS_DEFAULT, LEVELS, CovenantInputs, CovenantKey, name_of
from neocalc._covenant_cube import CovenantCube, CubeOutcome, covenant_cube
from neocalc._frames import Frame, as_frame
from neocalc._options import make_options, resolve_threads, to_days
from neocalc._side_tables import EPOCH_ORDINAL, SideTable, money_out
from neocalc.errors import ConfigError
from neocalc.metrics import METRICS, Metric, metric

__all__ = [
    "METRICS",
    "CovenantCube",
    "CubeOutcome",
    "Explanation",
    "Metric",
    "check_covenants",
    "covenant_cube",
    "explain",
    "first_breach",
    "metric",
]

STATUSES: tuple[str, ...] = _core.COVENANT_STATUSES
FAILED = ("breach", "lock_up", "draw_stop")
MET = ("pass", "at_risk", "cured", "waived")
_NO_AMOUNT = np.iinfo(np.int64).min
_NO_DAY = np.iinfo(np.int32).min
_MONEY = ("headroom_amount", "cure_needed", "cure_applied")
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
        self.inputs = CovenantInputs(measures, covenants, end=until, options=options, **settings)
        self.frame: Frame = self.inputs.laid_out.table.frame
        if self.inputs.table.frame.kind != self.frame.kind:
            raise ConfigError(
                f"measures are of {self.frame.kind}, covenants of {self.inputs.table.frame.kind}: use one"
            )
        self.book = self.inputs.book()
        self.found: dict[str, Array] = self.book.test(self.threads)
        self.days = self.inputs.laid_out.dates[self._cells(self.found["entity"], self.found["period"])]
        keep = np.ones(len(self.days), dtype=bool)
        if begin is not None:
            keep &= self.days >= begin
        if until is not None:
            keep &= self.days <= until
        if not keep.all():
            self.found = {name: values[keep] for name, values in self.found.items()}
            self.days = self.days[keep]

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

    def covenant_ids(self) -> Any:
        """Return the column of covenant ids."""
        table = self.inputs.table
        more = [CROSS_DEFAULT] if self.inputs.has_edges else []
        if more:
            codes, _, uniques = table.frame.codes_with("covenant_id", more)
        else:
            codes, _, uniques = table.frame.codes("covenant_id")
        row_of = np.array([*(key.clauses[0].row for key in self.inputs.keys), len(codes) - 1], dtype=np.int64)
        taken = codes[row_of[self.found["covenant"]]] if len(codes) else self.found["covenant"]
        return table.frame.take(uniques, np.asarray(taken, dtype=np.int32))

    def levels(self) -> Array:
        """Return the level of each row as its place in `LEVELS`."""
        by_key = np.array([*(LEVELS.index(key.level) for key in self.inputs.keys), 0], dtype=np.int8)
        return by_key[self.found["covenant"]]

    def money(self, name: str) -> Any:
        """Return a column of amounts."""
        values = self.found[name]
        null = values == _NO_AMOUNT
        plain = np.where(null, 0, values)
        return money_out(self.frame, self.inputs.options, plain, null if null.any() else None)

    def floats(self, values: Array) -> Any:
        """Return a column of ratios, NaN being null."""
        null = np.isnan(values)
        return self.frame.money_out(np.where(null, 0.0, values), null if null.any() else None)

    def result(self) -> Any:
        """Return the frame that the user gets."""
        frame, found = self.frame, self.found
        columns: dict[str, Any] = {"covenant_id": self.covenant_ids()}
        for name in ("entity_id", "currency"):
            if name in self.inputs.laid_out.table:
                columns[name] = self.entities(name, found["entity"])
        columns["level"] = frame.categorical(self.levels(), LEVELS, ordered=False)
        columns["period_end"] = frame.dates_out(self.days.astype(np.int32))
        columns["value"] = self.floats(found["value"])
        columns["threshold"] = self.floats(self.thresholds())
        columns["headroom"] = self.floats(found["headroom"])
        columns["headroom_amount"] = self.money("headroom_amount")
        columns["headroom_rate"] = self.floats(found["headroom_rate"])
        columns["status"] = frame.categorical(found["status"], STATUSES, ordered=False)
        columns["cure_needed"], columns["cure_applied"] = (
            self.money("cure_needed"),
            self.money("cure_applied"),
        )
        ripe = found["default_date"]
        columns["default_date"] = frame.dates_out(ripe, ripe == _NO_DAY)
        if self.inputs.has_edges and "entity_id" in self.inputs.laid_out.table:
            columns["cause"] = self.entities("entity_id", found["cause"])
        return frame.build(columns)


def check_covenants(
    measures: Any,
    covenants: Any,
    *,
    metrics: Any = None,
    cures: Any = None,
    waivers: Any = None,
    cross_default: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    start: Any = None,
    end: Any = None,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
    threads: int | None = None,
) -> Any:
    """Test covenants on every test date, by exact comparison of integers.

    A test is ``N1/D1 >= t x N2/D2`` in whole minor units, multiplied out, with the threshold read as the decimal
    that was written (to 1e-12): 1.40x on the dot passes, one cent less does not.

    Parameters
    ----------
    measures
        A table of ``entity_id`` (may be absent with a single entity), ``period_end`` (month ends, or the days
        near them on which a 52/53-week filer's periods end), the amounts that the metrics name, and an optional
        ``currency``: each entity and currency is tested by itself. Nulls and absent periods are missing data.
    covenants
        A table of ``covenant_id``, ``metric``, ``threshold`` (null: not known; ratios as numbers, shares as
        fractions, amounts in major units), and optionally ``entity_id`` (absent: holds for every entity),
        ``currency``, ``limit`` (``min``, ``max``; null: the metric's own), ``boundary`` (``at_least``,
        ``at_most``: the threshold itself passes, the default; ``more_than``, ``less_than``: it fails), ``level``
        (``default``, ``lock_up``, ``sizing``), ``from_date`` and ``to_date`` (of a step, both days included;
        without an end it runs until the next begins), ``first_test_date``, ``test_frequency`` (``M``, ``Q``,
        ``Y``), ``window_periods`` (instead of the metric's), ``annualize`` (scale sums to a year; where the
        record, or that since ``annualize_from``, is shorter than the window, the periods there are),
        ``at_risk_below`` (a share of the threshold), ``springing_measure`` and ``springing_above`` (tested only
        while that measure or metric is above), ``cures_allowed``, ``cures_per_year``, ``cures_in_a_row``,
        ``cure_amount_cap`` (null: no limit) and ``grace_days``.
    metrics
        Your own, made by `metric`: a mapping by name, or a list. They win over the built-in ones, which are
        `neocalc.covenants.METRICS`.
    cures
        A table of ``entity_id``, ``period_end``, ``amount`` and optionally ``covenant_id`` (null: all of the
        entity's) and ``paid_date`` (counts if not after the days of grace). A cure counts if the test failed,
        the limits allow it and it suffices; it then stays in every window that holds its period.
    waivers
        A table of ``entity_id``, ``from_date``, ``to_date`` and optionally ``covenant_id``.
    cross_default
        A table of ``entity_id`` (who defaults too) and ``trigger_entity_id`` (with whom), and optionally
        ``from_date``, ``to_date``, ``above`` with ``measure`` (only while the trigger's ``total_debt``, or that
        measure, is above). Circles are legal: the least fixed point is taken, so that a default needs a failed
        test somewhere. An entity that points at itself is an error.
    freq, fiscal_year_end
        How far apart the measures' periods are (``M``, ``Q``, ``Y``), and the last month of the fiscal year.
    start, end
        Only test dates in between; an `end` after the last period shows what is missing until then.
    amounts, minor_units, round_input
        As for `depreciate`. With ``amounts="minor"`` thresholds of amounts are minor units, too.
    allow_high_thresholds
        Accept ratios above 100 and shares above 1, which are refused as percentages otherwise.
    threads
        How many to use; all by default.

    Returns
    -------
    frame
        One row per covenant, level and test date, of the kind of `measures`: ``covenant_id, entity_id, currency,
        level, period_end, value`` (null over a denominator of zero or less), ``threshold, headroom`` (positive on
        the right side), ``headroom_amount`` (by how much the numerator may worsen, rounded down),
        ``headroom_rate`` (of the threshold), ``status, cure_needed`` (rounded up, so that it passes; 0 where it
        passes already), ``cure_applied, default_date`` (of a breach: the test date and the days of grace) and,
        with `cross_default`, ``cause``. Statuses: ``pass, at_risk, lock_up, draw_stop, breach, cured, waived,
        not_tested, insufficient_data, unknown, undefined``; nothing but pass, at_risk, cured and waived is met.
        A maximum over a denominator of zero or less and a positive numerator (negative EBITDA) is failed; any
        other quotient over such a denominator is undefined.

    Raises
    ------
    InputError
        With all problems of the tables in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> quarters = pd.date_range("2025-03-31", periods=6, freq="QE")
    >>> measures = pd.DataFrame({"entity_id": "SPV 1", "period_end": quarters,
    ...                          "cfads": [36.0, 36.0, 34.0, 34.0, 28.0, 27.99], "debt_service": 25.0})
    >>> terms = pd.DataFrame({"covenant_id": ["dscr", "dscr lock-up"], "entity_id": "SPV 1", "metric": "dscr",
    ...                       "threshold": [1.24, 1.40], "level": ["default", "lock_up"]})
    >>> tests = nc.check_covenants(measures, terms, start="2025-12-31")
    >>> tests[["covenant_id", "period_end", "value", "status", "headroom_amount"]]
        covenant_id period_end   value   status  headroom_amount
    0          dscr 2025-12-31  1.4000     pass            16.00
    1          dscr 2026-03-31  1.3200     pass             8.00
    2          dscr 2026-06-30  1.2399   breach            -0.01
    3  dscr lock-up 2025-12-31  1.4000     pass             0.00
    4  dscr lock-up 2026-03-31  1.3200  lock_up            -8.00
    5  dscr lock-up 2026-06-30  1.2399  lock_up           -16.01
    """
    given = {name: value for name, value in locals().items() if name not in ("measures", "covenants")}
    return Checked(measures, covenants, given).result()


def first_breach(tests: Any, *, statuses: Sequence[str] = FAILED) -> Any:
    """Find the first test date on which each covenant failed.

    Parameters
    ----------
    tests
        What `check_covenants` returned.
    statuses
        What counts; add ``unknown`` or ``insufficient_data`` to see what could not be decided.

    Returns
    -------
    frame
        One row per covenant, entity and level, in their order: ``first_breach`` (null for none), and the
        ``status, value, threshold, headroom`` of that date.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> measures = pd.DataFrame({"period_end": ["2025-03-31", "2025-06-30"], "cash": [120.0, 99.0]})
    >>> terms = pd.DataFrame({"covenant_id": ["liquidity"], "metric": ["liquidity"], "threshold": [100]})
    >>> nc.first_breach(nc.check_covenants(measures, terms))
      covenant_id    level first_breach  status  value  threshold  headroom
    0   liquidity  default   2025-06-30  breach   99.0      100.0      -1.0
    """
    unknown = [status for status in statuses if status not in STATUSES]
    if isinstance(statuses, str) or unknown:
        raise ConfigError(f"statuses must be a list of {', '.join(STATUSES)}")
    table = SideTable.open(
        tests, "tests", ["covenant_id", "level", "period_end", "status"], make_options("first_breach", {})
    )
    frame = table.frame
    keys = [name for name in ("covenant_id", "entity_id", "currency", "level") if name in table]
    found: dict[Any, list[int]] = {}
    days, outcome = table.days("period_end"), table.values("status")
    for row, key in enumerate(table.keys(keys)):
        place = found.setdefault(key, [row, -1])
        if outcome[row] in statuses and (place[1] < 0 or days[row] < days[place[1]]):
            place[1] = row
    rows = np.array([row for row, _ in found.values()], dtype=np.int64)
    at = np.array([row for _, row in found.values()], dtype=np.int64)
    none = at < 0
    columns: dict[str, Any] = {}
    for name in keys:
        codes, _, uniques = frame.codes(name)
        columns[name] = frame.take(uniques, codes[rows].astype(np.int32))
    day = np.array([days[row] for row in at] if len(at) else [], dtype=np.int32)
    columns["first_breach"] = frame.dates_out(day, none)
    codes, _, uniques = frame.codes("status")
    columns["status"] = frame.take(
        uniques, np.where(none, -1, codes[at] if len(codes) else -1).astype(np.int32)
    )
    for name in ("value", "threshold", "headroom"):
        if name in table:
            raw = frame.raw(name)
            values = np.asarray(raw.values, dtype=np.float64)[at] if frame.n else np.empty(0)
            null = none | np.isnan(values) | (raw.null[at] if raw.null is not None and frame.n else False)
            columns[name] = frame.money_out(np.where(null, 0.0, values), null)
    return frame.build(columns)


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
    inputs: Any  # a frame: side, measure, period_end, amount, weight, is_cure

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {value}" for name, value in self.result.items() if value is not None)
        whose = "" if self.entity_id is None else f" of {self.entity_id}"
        return f"{self.covenant_id}{whose} on {self.period_end}: {self.status}\n{self.definition}\n{numbers}"


def explain(
    measures: Any,
    covenants: Any,
    *,
    covenant_id: Any,
    period_end: Any,
    entity_id: Any = None,
    level: str | None = None,
    currency: str | None = None,
    metrics: Any = None,
    cures: Any = None,
    waivers: Any = None,
    cross_default: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
    threads: int | None = None,
) -> Explanation:
    """Show the amounts behind one test.

    Parameters
    ----------
    measures, covenants, metrics, cures, waivers, cross_default, freq, fiscal_year_end, amounts, minor_units, \
round_input, allow_high_thresholds, threads
        As for `check_covenants`.
    covenant_id, period_end, entity_id, level, currency
        Which test; the last three where the others leave it open.

    Returns
    -------
    Explanation
        The definition in words, the outcome, and ``inputs``: every amount of both sides with its ``weight`` (its
        sign, and what its window multiplies it with), cures that count included; a null amount is missing.

    Raises
    ------
    InputError, ConfigError
        As `check_covenants`; also where there is no such test, or more than one.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> measures = pd.DataFrame({"period_end": ["2025-03-31", "2025-06-30"], "total_debt": [400.0, 390.0],
    ...                          "ebitda": [30.0, 35.0]})
    >>> terms = pd.DataFrame({"covenant_id": ["leverage"], "metric": ["leverage"], "threshold": [3.0],
    ...                       "annualize": [True]})
    >>> cell = nc.explain(measures, terms, covenant_id="leverage", period_end="2025-06-30")
    >>> print(cell.definition)
    total debt ÷ ebitda over 4 periods, scaled to a year; at most 3
    >>> cell.status, cell.inputs[["side", "measure", "amount", "weight"]].values.tolist()
    ('pass', [['numerator', 'total_debt', 390.0, 1.0], ['denominator', 'ebitda', 30.0, 2.0], ['denominator', 'ebitda', 35.0, 2.0]])
    """
    given = {name: value for name, value in locals().items() if name not in _WHICH}
    checked = Checked(measures, covenants, {**given, "start": None, "end": None})
    day = to_days("period_end", period_end)
    rows = []
    for row in np.flatnonzero(checked.days == day).tolist():
        key = checked.key(row)
        asked = (
            (covenant_id, key.covenant_id),
            (entity_id, key.series[0]),
            (currency, key.series[1]),
            (level, key.level),
        )
        if all(value is None or value == own for value, own in asked) and covenant_id == key.covenant_id:
            rows.append(row)
    if len(rows) != 1:
        what = "no test" if not rows else f"{len(rows)} tests"
        raise ConfigError(
            f"there is {what} of {covenant_id!r} on {period_end}: check covenant_id, entity_id, level"
        )
    return explain_row(checked, rows[0])


_WHICH = ("measures", "covenants", "covenant_id", "period_end", "entity_id", "level", "currency")


def explain_row(checked: Checked, row: int) -> Explanation:
    """Explain a row of what was checked."""
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
        definition = (
            f"{own.metric.words()}; {limit_words(own.fields)} {threshold_words(own.metric, threshold)}"
        )
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
    day = dt.date.fromordinal(int(checked.days[row]) + EPOCH_ORDINAL)
    whose = key.series[0]
    return Explanation(
        key.covenant_id, whose, key.level, day, checked.status(row), definition, numbers, frame.build(columns)
    )


def _amount(checked: Checked, minor: int) -> Any:
    if minor == _NO_AMOUNT:
        return None
    options, whole = checked.inputs.options, np.array([minor], dtype=np.int64)
    if options.amounts == "minor":
        return minor
    convert = minor_to_decimal if options.amounts == "decimal" else minor_to_major
    return (
        convert(whole, options.minor_units)[0]
        if options.amounts == "decimal"
        else float(convert(whole, options.minor_units)[0])
    )


def limit_words(fields: Mapping[str, int]) -> str:
    """Say how a clause reads."""
    words = (("at least", "more than"), ("at most", "less than"))
    return words[fields["limit"]][fields["strict"]]


def threshold_words(metric: Metric, threshold: float) -> str:
    """Write a threshold."""
    if np.isnan(threshold):
        return "a threshold that is not known"
    return f"{threshold:,.12g}"
