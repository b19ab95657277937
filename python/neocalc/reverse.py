"""Reverse stress: what change of a driver puts each covenant at its limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._covenant_checks import FAILED, MET, STATUSES, Checked
from neocalc._covenant_grid import Grid
from neocalc._frames import meant
from neocalc._side_tables import SideTable
from neocalc.errors import ConfigError, InputError

_SCAN = 16  # looks at a driver between nothing and its bounds
_HAIR = Fraction(1, 10**9)
_FAILS = ("breach", "lock_up", "draw_stop")  # by level
_WORDS = ("pass", *_FAILS, "undefined")
_WHICH = ("measures", "covenants", "drivers", "within", "tolerance")


def solve_back(
    measures: Any,
    covenants: Any,
    *,
    drivers: Any,
    within: Sequence[float] = (-1.0, 1.0),
    tolerance: float = 1e-6,
    metrics: Any = None,
    cures: Any = None,
    waivers: Any = None,
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
    """Find what change of a driver puts each covenant at its limit, and on which date first.

    Parameters
    ----------
    measures, covenants, metrics, cures, waivers
        As for `check_covenants`.
    drivers
        What moves the measures. Either a table with a row for each measure that a driver moves: ``driver``,
        ``measure``, and for a change of 1 of the driver ``rate`` (by which share, of itself or of the measure
        ``of``) or ``amount`` (by how much in each period), optionally for one ``entity_id``. Or a mapping
        from name to such rates by measure (``{"revenue falls": {"cfads": -1.0}}``), or to a function that
        takes a change and returns the measures under it.
    within
        The least and the greatest change to look at; -0.1 is a tenth less of what a change of 1 does.
    tolerance
        How closely the change of a function's driver is bracketed; a table's is exact.
    freq, fiscal_year_end, start, end, amounts, minor_units, round_input, allow_high_thresholds, threads
        As for `check_covenants`.

    Returns
    -------
    frame
        One row per driver and test: ``driver, covenant_id, entity_id, currency, level, period_end, status``
        (as it is), ``change`` (null: none within the bounds), ``width`` (the limit lies within so much beyond
        it; 0 where it is exact), ``status_before`` and ``status_after`` (on both sides of the limit), and
        ``is_binding``: the least change that a driver needs for the covenant, on the first of its dates.

    Raises
    ------
    InputError, ConfigError
        As `check_covenants`.

    Notes
    -----
    The measures of a table move in a straight line, and so do both sides of a metric: the change is the exact
    rational at which the numerator is the threshold times the denominator. A function is looked at in sixteen
    steps towards each bound, and the step in which a test first turns is halved until it is narrow enough.
    Cures stay as they are; where a metric has no sense, or a failure would be waived, the change is null.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> measures = pd.DataFrame({"period_end": ["2025-03-31", "2025-06-30"], "cfads": [150.0, 140.0],
    ...                          "interest": 40.0, "principal": 60.0, "floating_debt": 1_000.0})
    >>> terms = pd.DataFrame({"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [1.2],
    ...                       "window_periods": [1]})
    >>> drivers = pd.DataFrame({"driver": ["cash flow falls", "rates rise"], "measure": ["cfads", "interest"],
    ...                         "rate": [-1.0, 0.25], "of": [None, "floating_debt"]})
    >>> found = nc.solve_back(measures, terms, drivers=drivers)
    >>> found[["driver", "period_end", "change", "status_before", "status_after", "is_binding"]]
                driver period_end    change status_before status_after  is_binding
    0  cash flow falls 2025-03-31  0.200000          pass       breach       False
    1  cash flow falls 2025-06-30  0.142857          pass       breach        True
    2       rates rise 2025-03-31  0.100000          pass       breach       False
    3       rates rise 2025-06-30  0.066667          pass       breach        True
    """
    given = {name: value for name, value in locals().items() if name not in _WHICH} | {"cross_default": None}
    bounds = _bounds(within, tolerance)
    narrow = Fraction(Decimal(repr(float(tolerance))))
    checked = Checked(measures, covenants, given)
    rows: list[_Turn] = []
    names = []
    for name, driver in _drivers(drivers, checked).items():
        names.append(name)
        if callable(driver):
            rows += _bracketed(driver, checked, (covenants, given), bounds, narrow)
        else:
            rows += [_exact(checked, row, driver, bounds) for row in range(len(checked))]
    return _result(checked, names, rows)


@dataclass(frozen=True)
class _Turn:
    """Where a test turns."""

    change: Fraction | None = None
    width: Fraction = Fraction(0)
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True)
class _Move:
    """What a change of 1 does to a measure: a share of another one, and an amount in minor units."""

    rate: Fraction
    of: str
    amount: Fraction
    entity: Any = None


Linear = dict[str, list[_Move]]  # by measure
_NOWHERE = _Turn()


def _bounds(within: Sequence[float], tolerance: float) -> tuple[Fraction, Fraction]:
    try:
        low, high = (Fraction(Decimal(repr(float(bound)))) for bound in within)
        sound = low <= 0 <= high and low < high and 0 < float(tolerance) < math.inf
    except (TypeError, ValueError, OverflowError):
        sound = False
    if not sound:
        raise ConfigError(
            f"within must be two numbers around 0, tolerance above 0, not {within!r}, {tolerance!r}"
        )
    return low, high


def _drivers(given: Any, checked: Checked) -> dict[str, Linear | Callable[[float], Any]]:
    """Read the drivers: tables, rates by measure, or functions."""
    grid = checked.inputs.laid_out
    if not isinstance(given, Mapping):
        return dict(_from_table(given, checked))
    there = _movable(grid)
    found: dict[str, Linear | Callable[[float], Any]] = {}
    for name, driver in given.items():
        if not isinstance(name, str) or not name:
            raise ConfigError(f"drivers are named by text, not {name!r}")
        if callable(driver):
            found[name] = driver
            continue
        if not isinstance(driver, Mapping):
            raise ConfigError(f"driver {name!r} must be rates by measure, or a function")
        moves: Linear = {}
        for measure, rate in driver.items():
            if measure not in there:
                raise ConfigError(f"driver {name!r} moves {measure!r}; {meant(str(measure), there)}")
            try:
                if isinstance(rate, bool):
                    raise TypeError
                exact = Fraction(Decimal(repr(float(rate))))
            except (TypeError, ValueError, OverflowError):
                raise ConfigError(f"driver {name!r}: the rate of {measure!r} must be a number") from None
            moves[measure] = [_Move(exact, measure, Fraction(0))]
        found[name] = moves
    if not found:
        raise ConfigError("drivers must name at least one")
    return found


def _movable(grid: Grid) -> list[Any]:
    """Return the columns of the measures that are amounts."""
    return [name for name in grid.names if name not in ("entity_id", "currency", "period_end")]


def _from_table(given: Any, checked: Checked) -> dict[str, Linear]:
    inputs, grid = checked.inputs, checked.inputs.laid_out
    table = SideTable.open(given, "drivers", ["driver", "measure"], inputs.options)
    names, measures = table.values("driver", required=True), table.values("measure", required=True)
    rates, amounts, of = table.decimals("rate"), table.decimals("amount"), table.values("of")
    entities, there = table.values("entity_id"), _movable(grid)
    for column, values in (("measure", measures), ("of", of)):
        lost = [row for row, value in enumerate(values) if value is not None and value not in there]
        table.note(column, "metric_unknown", lost, [repr(value) for value in values].__getitem__)
    unknown = [row for row, one in enumerate(entities) if one is not None and one not in grid.by_entity]
    table.note("entity_id", "entity_unknown", unknown, lambda row: repr(entities[row]))
    read = {issue.column for issue in table.problems.issues}
    if not read & {"drivers.rate", "drivers.amount"}:  # what cannot be read is no null
        empty = [row for row in range(table.frame.n) if rates[row] is None and amounts[row] is None]
        table.note("rate", "null", empty, lambda _: "null", "say by what rate, or what amount, it moves")
    table.raise_problems()
    unit = 1 if inputs.options.amounts == "minor" else 10**inputs.options.minor_units
    found: dict[str, Linear] = {}
    for row, (name, measure) in enumerate(zip(names, measures, strict=True)):
        rate, amount = Fraction(rates[row] or 0), Fraction(amounts[row] or 0) * unit
        move = _Move(rate, of[row] or measure, amount, entities[row])
        found.setdefault(name, {}).setdefault(measure, []).append(move)
    if not found:
        raise ConfigError("drivers must name at least one")
    return found


# --- in a straight line -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A side of a metric under a change: ``at + change x slope``."""

    at: Fraction
    slope: Fraction

    def __call__(self, change: Fraction) -> Fraction:
        return self.at + change * self.slope


def _verdict(limit: int, strict: int, threshold: Fraction, top: Fraction, bottom: Fraction) -> bool | None:
    """Whether a test is met; None where it has no sense."""
    if bottom <= 0:
        return False if limit == 1 and top > 0 else None
    margin = (top - threshold * bottom) * (1 if limit == 0 else -1)
    return margin > 0 or (margin == 0 and not strict)


def _exact(checked: Checked, row: int, moves: Linear, bounds: tuple[Fraction, Fraction]) -> _Turn:
    """Solve one test of a driver that moves its measures in a straight line."""
    if checked.status(row) not in (*MET, *FAILED) or _is_waived(checked, row):
        return _NOWHERE
    key, found = checked.key(row), checked.found
    source = checked.inputs.rows_of_clauses[int(found["clause"][row])]
    clause = next(one for one in key.clauses if one.row == source)
    known = checked.inputs.thresholds[source]
    if known is None:
        return _NOWHERE
    limit, strict = clause.fields["limit"], clause.fields["strict"]
    threshold = Fraction(known) * (1 if clause.metric.denominator else checked.inputs.scale)
    top, bottom = _sides(checked, row, moves, key.series)
    if not clause.metric.denominator:
        bottom = _Line(Fraction(1), Fraction(0))
    slope = top.slope - threshold * bottom.slope
    if slope == 0 or bottom.at <= 0:
        return _NOWHERE
    change = -(top.at - threshold * bottom.at) / slope
    if not bounds[0] <= change <= bounds[1] or bottom(change) <= 0:
        return _NOWHERE
    # A hair on both sides, less than what is left of the denominator.
    hair = _HAIR if bottom.slope == 0 else min(_HAIR, abs(bottom(change) / bottom.slope) / 2)

    def verdict(at: Fraction) -> bool | None:
        return _verdict(limit, strict, threshold, top(at), bottom(at))

    outward = -hair if change < 0 or (change == 0 and bounds[1] == 0) else hair
    # On the limit as it is: what turns it lies beyond.
    if change == 0 and 0 not in bounds and verdict(outward) is verdict(change):
        outward = -outward
    words = [_word(verdict(at), clause.fields) for at in (change - outward, change + outward)]
    return _Turn(change, Fraction(0), *words)


def _word(verdict: bool | None, fields: Mapping[str, int]) -> str:
    """Return the status a hair from the limit, where what is met has next to no headroom."""
    if verdict is None:
        return "undefined"
    has_band = fields["at_risk"] > 0 and (fields["whole"], fields["parts"]) != (0, 0)
    return ("at_risk" if has_band else "pass") if verdict else _FAILS[fields["level"]]


def _is_waived(checked: Checked, row: int) -> bool:
    """Whether a failure would be waived: then nothing turns."""
    spans, day = checked.inputs.waivers[int(checked.found["covenant"][row])].values, int(checked.days[row])
    return any(begin <= day <= end for begin, end in zip(spans["from"], spans["to"], strict=True))


def _sides(checked: Checked, row: int, moves: Linear, series: tuple[Any, Any]) -> tuple[_Line, _Line]:
    """Return what is above and below the line of a test, as lines in the change."""
    inputs, grid = checked.inputs, checked.inputs.laid_out
    number, period = int(checked.found["covenant"][row]), int(checked.found["period"][row])
    names = list(inputs.measure_names)
    cells = int(grid.offsets[grid.series[series]])
    at, slope = [Fraction(0)] * 2, [Fraction(0)] * 2
    for side, measure, minus, when, amount, times, over, is_cure in checked.book.inputs(number, period):
        weight = Fraction(-times if minus else times, over)
        at[side] += weight * (amount or 0)
        if is_cure:
            continue
        for move in moves.get(names[measure], ()):
            if move.entity not in (None, series[0]):
                continue
            of = _amounts(checked, move.of)[cells + when] if move.rate else 0
            slope[side] += weight * (move.rate * int(of) + move.amount)
    return _Line(at[0], slope[0]), _Line(at[1], slope[1])


def _amounts(checked: Checked, name: str) -> Array:
    """Return a measure by cell, 0 where it is missing."""
    known: dict[str, Array] = checked.__dict__.setdefault("amounts_by_cell", {})
    if name not in known:
        grid: Grid = checked.inputs.laid_out
        values, there = grid.measure(name)
        if grid.problems.issues:
            raise InputError(grid.problems.issues, n_rows=grid.table.frame.n, subject="covenants")
        known[name] = np.where(there != 0, values, 0)
    return known[name]


# --- bracketed ----------------------------------------------------------------------------------------------


class _Path:
    """A function of a change, as the tests that its measures come to."""

    def __init__(self, driver: Callable[[float], Any], checked: Checked, terms: tuple[Any, Any]) -> None:
        self.driver, self.terms = driver, terms
        self.keys = [self._key(checked, row) for row in range(len(checked))]
        self.known: dict[Fraction, dict[Any, str]] = {}

    @staticmethod
    def _key(checked: Checked, row: int) -> Any:
        key = checked.key(row)
        return key.covenant_id, key.series, key.level, int(checked.days[row])

    def statuses(self, change: Fraction) -> dict[Any, str]:
        """Test the measures under a change."""
        if change not in self.known:
            covenants, given = self.terms
            checked = Checked(self.driver(float(change)), covenants, given)
            self.known[change] = {self._key(checked, row): checked.status(row) for row in range(len(checked))}
        return self.known[change]

    def met(self, key: Any, change: Fraction) -> bool | None:
        """Whether a test is met under a change; None where it could not be decided."""
        status = self.statuses(change).get(key)
        return True if status in MET else False if status in FAILED else None


def _bracketed(
    driver: Callable[[float], Any],
    checked: Checked,
    terms: tuple[Any, Any],
    bounds: tuple[Fraction, Fraction],
    tolerance: Fraction,
) -> list[_Turn]:
    """Bracket the change at which each test turns."""
    path = _Path(driver, checked, terms)
    sides = [[bound * step / _SCAN for step in range(_SCAN + 1)] for bound in bounds[::-1] if bound]
    found = []
    for key in path.keys:
        here = path.met(key, Fraction(0))
        turns = []
        for side in sides if here is not None else ():
            for inner, outer in pairwise(side):
                there = path.met(key, outer)
                if there is not here:
                    if there is not None:
                        turns.append((inner, outer))
                    break
        if not turns:
            found.append(_NOWHERE)
            continue
        inner, outer = min(turns, key=lambda turn: abs(turn[1]))
        while abs(outer - inner) > tolerance:
            middle = (inner + outer) / 2
            if path.met(key, middle) is here:
                inner = middle
            else:
                outer = middle
        before, after = (path.statuses(change).get(key) for change in (inner, outer))
        found.append(_Turn(inner, abs(outer - inner), before, after))
    return found


# --- result -------------------------------------------------------------------------------------------------


def _result(checked: Checked, names: Sequence[str], rows: Sequence[_Turn]) -> Any:
    frame, count = checked.frame, len(checked)
    changes = np.array([np.nan if row.change is None else float(row.change) for row in rows])
    binding = np.zeros(len(rows), dtype=bool)
    least: dict[Any, int] = {}
    for at, row in enumerate(rows):
        own = at % count
        key = checked.key(own)
        place = at // count, key.covenant_id, key.series, key.level
        best = rows[least[place]].change if place in least else None
        if row.change is not None and (best is None or abs(row.change) < abs(best)):
            least[place] = at
    binding[list(least.values())] = True
    checked.found = {name: np.tile(values, len(names)) for name, values in checked.found.items()}
    words = {word: at for at, word in enumerate(STATUSES)}

    def statuses(given: Sequence[str | None]) -> Any:
        codes = np.array([-1 if word is None else words[word] for word in given], dtype=np.int8)
        return frame.categorical(codes, STATUSES, ordered=False)

    columns: dict[str, Any] = {
        "driver": frame.categorical(
            np.repeat(np.arange(len(names), dtype=np.int16), count), names, ordered=False
        ),
        "covenant_id": checked.covenant_ids(np.empty(0, dtype=np.int64)),
    }
    for name in ("entity_id", "currency"):
        if name in checked.inputs.laid_out.table:
            columns[name] = checked.entities(name, checked.found["entity"])
    columns["level"] = checked.level_column()
    columns["period_end"] = frame.dates_out(np.tile(checked.days.astype(np.int32), len(names)))
    columns["status"] = frame.categorical(checked.found["status"], STATUSES, ordered=False)
    null = np.isnan(changes)
    widths = np.array([float(row.width) for row in rows], dtype=np.float64)
    columns["change"] = frame.money_out(np.where(null, 0.0, changes), null if null.any() else None)
    columns["width"] = frame.money_out(widths, null.copy() if null.any() else None)
    columns["status_before"] = statuses([row.before for row in rows])
    columns["status_after"] = statuses([row.after for row in rows])
    columns["is_binding"] = binding
    return frame.build(columns)
