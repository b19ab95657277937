"""Covenants: what was promised to lenders, tested on what the measures say, exact to the minor unit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neocalc._covenant_checks import FAILED, STATUSES, Checked, Explanation, explain_row
from neocalc._covenant_cube import CovenantCube, CubeOutcome, covenant_cube
from neocalc._covenant_terms import BEFORE
from neocalc._options import make_options, to_days
from neocalc._side_tables import SideTable
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

_WHICH = ("measures", "covenants", "covenant_id", "period_end", "entity_id", "level", "currency")


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
    on_error: str = "raise",
    threads: int | None = None,
) -> Any:
    """Test covenants on every test date, by exact comparison of integers.

    A test is ``N1/D1 >= t x N2/D2`` in whole minor units, multiplied out, with the threshold read as the
    decimal that was written (to 1e-12): 1.40x on the dot passes, one cent less does not.

    Parameters
    ----------
    measures
        A table of ``entity_id`` (may be absent with a single entity), ``period_end`` (month ends, or the
        days near them on which a 52/53-week filer's periods end), the amounts that the metrics name, and an
        optional ``currency``: each entity and currency is tested by itself. Nulls and absent periods are
        missing data.
    covenants
        A table of ``covenant_id``, ``metric``, ``threshold`` (null: not known; ratios as numbers, shares as
        fractions, amounts in major units), and optionally ``entity_id`` (absent: holds for every entity),
        ``currency`` (where there are several: needed for an amount), ``limit`` (``min``, ``max``; null: the
        metric's own), ``boundary`` (``at_least``, ``at_most``: the threshold itself passes, the default;
        ``more_than``, ``less_than``: it fails), ``level`` (``default``, ``lock_up``, ``sizing``),
        ``from_date`` and ``to_date`` (of a step, both days included; without an end it runs until the next
        begins), ``first_test_date``, ``test_frequency`` (``M``, ``Q``, ``H`` for half-years, ``Y``, as the
        fiscal year ends), ``window_periods`` (instead of the metric's), ``annualize`` (scale sums to a year;
        where the record, or that since ``annualize_from``, is shorter than the window, the periods there
        are), ``at_risk_below`` (a share of the threshold), ``springing_measure`` and ``springing_above``
        (tested only while that measure or metric is above), ``cures_allowed``, ``cures_per_year`` (in any
        year's periods), ``cures_in_a_row``, ``cure_amount_cap`` (null: no limit) and ``grace_days``.
    metrics
        Your own, made by `metric`: a mapping by name, or a list. They win over the built-in ones, which are
        `neocalc.covenants.METRICS`.
    cures
        A table of ``entity_id``, ``period_end``, ``amount`` and optionally ``covenant_id`` (null: all of the
        entity's of default level; the others have no cure), ``currency`` and ``paid_date`` (counts if not
        after the days of grace; without such days, whenever it was). A cure counts if the test failed and was
        not waived, the limits allow it and it suffices, what is beyond the cap left out; it then stays in
        every window that holds its period, and is not scaled to a year.
    waivers
        A table of ``entity_id``, ``from_date``, ``to_date`` and optionally ``covenant_id``.
    cross_default
        A table of ``entity_id`` (who defaults too) and ``trigger_entity_id`` (with whom), and optionally
        ``from_date``, ``to_date``, ``above`` with ``measure`` (only while the trigger's ``total_debt``, or
        that measure, is above; where the amount is not known, neither is the default). A breach is a default
        once its days of grace are over, and until a later test is met or waived, however many dates are not
        tested in between; one that cannot be decided leaves that unknown. Circles are legal: the least fixed
        point is taken, so that a default needs a failed test somewhere. An entity that points at itself
        is an error.
    freq, fiscal_year_end
        How far apart the measures' periods are (``M``, ``Q``, ``H``, ``Y``), and the last month of the fiscal
        year. Half-yearly tests of monthly or quarterly measures have ``test_frequency``.
    start, end
        Only test dates in between; an `end` after the last period shows what is missing until then.
    amounts, minor_units, round_input
        As for `depreciate`. With ``amounts="minor"`` thresholds of amounts are minor units, too.
    allow_high_thresholds
        Accept ratios above 100 and shares above 1, which are refused as percentages otherwise.
    on_error
        ``raise``; ``skip`` leaves bad rows out and says so: a period that loses its row is missing, and its
        tests are ``insufficient_data``; ``flag`` also adds a column ``issue`` with the code of what was wrong
        with a test's own period, and a row without a status for each bad row of the covenants.
    threads
        How many to use; all by default.

    Returns
    -------
    frame
        One row per covenant, level and test date, of the kind of `measures`: ``covenant_id, entity_id,
        currency, level, period_end, value`` (null over a denominator of zero or less), ``threshold,
        headroom`` (positive on the right side), ``headroom_amount`` (by how much the numerator may worsen,
        rounded down; over such a denominator what a failed maximum lacks, else null), ``headroom_rate`` (of
        the threshold; all three null where a test is undefined), ``status, cure_needed`` (rounded up, so that
        it passes; 0 where it passes already), ``cure_applied, default_date`` (of a breach: the test date and
        the days of grace) and, with `cross_default`, ``cause``. Statuses: ``pass, at_risk, lock_up,
        draw_stop, breach, cured, waived, not_tested, insufficient_data, unknown, undefined``; nothing but
        pass, at_risk, cured and waived is met. A maximum over a denominator of zero or less and a positive
        numerator (negative EBITDA) is failed; any other quotient over such a denominator is undefined.

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


def first_breach(tests: Any, *, statuses: Iterable[str] = FAILED) -> Any:
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
    try:
        wanted = [""] if isinstance(statuses, str) else list(statuses)
    except TypeError:
        wanted = [""]
    if any(status not in STATUSES for status in wanted):
        raise ConfigError(f"statuses must be a list of {', '.join(STATUSES)}, not {statuses!r}")
    table = SideTable.open(
        tests, "tests", ["covenant_id", "level", "period_end", "status"], make_options("first_breach", {})
    )
    frame = table.frame
    keys = [name for name in ("covenant_id", "entity_id", "currency", "level") if name in table]
    found: dict[Any, list[int]] = {}
    days, outcome = table.days("period_end", BEFORE), table.words("status", STATUSES)
    undated = [row for row, word in enumerate(outcome) if word is not None and days[row] == BEFORE]
    table.note("period_end", "null", undated, lambda _: "null")
    numbers = {name: table.floats(name) for name in ("value", "threshold", "headroom") if name in table}
    table.raise_problems()
    for row, key in enumerate(table.keys(keys)):
        place = found.setdefault(key, [row, -1])
        if outcome[row] in wanted and (place[1] < 0 or days[row] < days[place[1]]):
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
    for name, every in numbers.items():
        values = every[at] if frame.n else np.empty(0)
        null = none | np.isnan(values)
        columns[name] = frame.money_out(np.where(null, 0.0, values), null)
    return frame.build(columns)


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
    measures, covenants, metrics, cures, waivers, cross_default, freq, fiscal_year_end, amounts, minor_units
        As for `check_covenants`.
    round_input, allow_high_thresholds, threads
        As for `check_covenants`.
    covenant_id, period_end, entity_id, level, currency
        Which test; the last three where the others leave it open.

    Returns
    -------
    Explanation
        The definition in words, the outcome, and ``inputs``: every amount of both sides with its ``weight``
        (its sign, and what its window multiplies it with), cures that count included; a null is missing.

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
    >>> cell.status, cell.result["value"]
    ('pass', 3.0)
    >>> cell.inputs[["side", "measure", "amount", "weight"]]
              side     measure  amount  weight
    0    numerator  total_debt   390.0     1.0
    1  denominator      ebitda    30.0     2.0
    2  denominator      ebitda    35.0     2.0
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
