"""Covenants over facilities x periods x scenarios: terms read once, amounts tested as often as one likes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neocalc._columns import Array
from neocalc._covenant_book import CovenantInputs
from neocalc._covenant_grid import FREQUENCIES, MAX_DAYS_OFF, Ground, months_of
from neocalc._options import check_memory, choice, int_between, resolve_threads, to_days
from neocalc.errors import ConfigError, InputError, Issue


@dataclass(frozen=True)
class CubeOutcome:
    """What `CovenantCube.test` found; arrays of entities x tests x scenarios."""

    first_breach: npt.NDArray[np.int16]  # place in `period_ends`, -1 for none
    headroom: npt.NDArray[
        np.float64
    ]  # the least over the dates tested; -inf over a denominator of zero or less
    undecided: npt.NDArray[
        np.bool_
    ]  # some test had an unknown threshold, too short a record, or no denominator
    statuses: (
        npt.NDArray[np.int8] | None
    )  # on request, by period too: places in `covenants.STATUSES`, -1 where no test is due


class CovenantCube:
    """The covenants of many entities, ready to be tested under many scenarios; made by `covenant_cube`."""

    def __init__(
        self,
        covenants: Any,
        *,
        entity_ids: Sequence[Any],
        period_ends: Sequence[Any],
        measures: Sequence[str],
        metrics: Any,
        cures: Any,
        waivers: Any,
        freq: str,
        fiscal_year_end: int,
        allow_high_thresholds: bool,
        options: Mapping[str, Any],
    ) -> None:
        choice("freq", freq, FREQUENCIES)
        fiscal_year_end = int_between("fiscal_year_end", fiscal_year_end, 1, 12)
        self.entity_ids, self.measures = _once("entity_ids", entity_ids), _once("measures", measures)
        days = [to_days("period_ends", day) for day in _listed("period_ends", period_ends)]
        self._days = np.array(days, dtype=np.int64)
        months, off = months_of(self._days)
        step = FREQUENCIES[freq]
        if len(months) and (
            (np.diff(months) != step).any()
            or off.max() > MAX_DAYS_OFF
            or (months[0] + 1 - fiscal_year_end) % step
        ):
            raise ConfigError(f"period_ends must be consecutive ends of periods of freq={freq!r}")
        ground = Ground(self.measures, self.entity_ids, self._days, step, fiscal_year_end)
        inputs = CovenantInputs(
            ground,
            covenants,
            metrics=metrics,
            cures=cures,
            waivers=waivers,
            cross_default=None,
            freq=freq,
            fiscal_year_end=fiscal_year_end,
            end=None,
            allow_high_thresholds=allow_high_thresholds,
            options=options,
        )
        self._inputs = inputs
        #: The tests, as (covenant_id, level), in the order of the results.
        self.tests: list[tuple[Any, str]] = list(
            dict.fromkeys((key.covenant_id, key.level) for key in inputs.keys)
        )
        places = {test: at for at, test in enumerate(self.tests)}
        self._numbers = np.full((len(self.entity_ids), len(self.tests)), -1, dtype=np.int32)
        for number, key in enumerate(inputs.keys):
            self._numbers[ground.series[key.series], places[key.covenant_id, key.level]] = number
        self._book = inputs.book()

    def test(
        self, measures: Mapping[str, Any], *, statuses: bool = False, threads: int | None = None
    ) -> CubeOutcome:
        """Test the covenants on the amounts of every scenario.

        Parameters
        ----------
        measures
            For each measure an array of entities x periods x scenarios, or of entities x periods where all
            scenarios have the same; float64 major units, or int64 minor units with ``amounts="minor"``.
        statuses
            Also tell the status of every test, entities x tests x periods x scenarios. Each is then worked
            out by itself, which takes a hundred times as long.
        threads
            How many to use; all by default.

        Returns
        -------
        CubeOutcome
            Arrays of entities x tests x scenarios. A breach is a failed test of any level that was not waived
            or cured; headroom is the least over the dates tested, that of waived and cured ones among them.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> import neocalc as nc
        >>> terms = pd.DataFrame({"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [1.2],
        ...                       "window_periods": [1]})
        >>> cube = nc.covenant_cube(terms, entity_ids=["A"], period_ends=["2025-03-31", "2025-06-30"],
        ...                         measures=["cfads", "debt_service"])
        >>> cfads = np.array([[[130.0, 120.0, 110.0], [125.0, 119.99, 125.0]]])  # 2 quarters, 3 scenarios
        >>> found = cube.test({"cfads": cfads, "debt_service": np.full((1, 2), 100.0)})
        >>> found.first_breach.tolist(), found.headroom.round(4).tolist()
        ([[[-1, 1, 0]]], [[[0.05, -0.0001, -0.1]]])
        """
        options = self._inputs.options
        entities, periods = len(self.entity_ids), len(self._days)
        names = list(self._inputs.measure_names)
        arrays: list[Array] = []
        if not isinstance(measures, Mapping):
            raise ConfigError(f"measures must be arrays by name, not {type(measures).__name__}")
        scenarios: int | None = None
        for name in names:
            if name not in measures:
                raise ConfigError(f"measures lack {name!r}")
            values = _array(name, measures[name])
            wanted = np.int64 if options.amounts == "minor" else np.float64
            if values.dtype.newbyteorder("=") != wanted:
                raise ConfigError(f"{name!r} must be an array of {np.dtype(wanted)}, not {values.dtype}")
            if values.shape[:2] != (entities, periods) or values.ndim not in (2, 3):
                raise ConfigError(
                    f"{name!r} has the shape {values.shape}, not ({entities}, {periods}[, scenarios])"
                )
            if values.ndim == 3:
                if scenarios not in (None, values.shape[2]):
                    raise ConfigError(f"{name!r} has {values.shape[2]} scenarios, others have {scenarios}")
                scenarios = values.shape[2]
            if not values.dtype.isnative or type(values) is not np.ndarray or not values.flags.aligned:
                values = np.array(values, dtype=wanted, order="C", copy=True)
            arrays.append(np.ascontiguousarray(values))
        scenarios = 1 if scenarios is None else scenarios
        shape = (entities, len(self.tests), scenarios)
        first, headroom = np.empty(shape, np.int16), np.empty(shape, np.float64)
        undecided = np.zeros(shape, np.bool_)
        deep = (entities, len(self.tests), periods, scenarios)
        if statuses:
            check_memory(math.prod(deep), f"statuses of {deep} tests", "test some scenarios at a time")
        status = np.full(deep if statuses else (0,), -1, np.int8)
        try:
            found = self._book.test_cube(
                [values.reshape(-1) for values in arrays],
                [values.ndim == 2 for values in arrays],
                (entities, periods, scenarios),
                self._numbers.reshape(-1),
                first.reshape(-1),
                headroom.reshape(-1),
                undecided.reshape(-1),
                status.reshape(-1),
                minor_units=options.minor_units,
                round_input=options.round_input,
                threads=resolve_threads(threads),
            )
        except OverflowError:
            hint = "headroom or a cure in money of the numerator is larger; check the amounts' unit"
            raise InputError([Issue.make("measures", "overflow", hint=hint)], subject="cube") from None
        issues = [
            Issue.make(f"measures.{name}", code, n_bad=n_bad, rows=rows, example=example)
            for name, problems in zip(names, found, strict=True)
            for _, code, n_bad, rows, example in problems
        ]
        if issues:
            raise InputError(
                issues, n_rows=entities * periods * scenarios, subject="cube (rows count its cells)"
            )
        return CubeOutcome(first, headroom, undecided, status if statuses else None)


def _array(name: str, given: Any) -> Array:
    """Return what was given as an array; a masked cell is no amount."""
    if np.ma.is_masked(given):
        raise ConfigError(f"{name!r} has masked cells: a cube has an amount in each")
    try:
        return np.asarray(given)
    except (TypeError, ValueError):
        raise ConfigError(f"{name!r} must be an array of numbers") from None


def _listed(what: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise ConfigError(f"{what} must be a list, not {given!r}")
    return list(given)


def _once(what: str, given: Any) -> list[Any]:
    found = _listed(what, given)
    try:
        repeats = len(set(found)) < len(found)
    except TypeError:
        raise ConfigError(f"{what} must be ids or names, not {given!r}") from None
    if repeats:
        raise ConfigError(f"{what} must not repeat")
    return found


def covenant_cube(
    covenants: Any,
    *,
    entity_ids: Sequence[Any],
    period_ends: Sequence[Any],
    measures: Sequence[str],
    metrics: Any = None,
    cures: Any = None,
    waivers: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
) -> CovenantCube:
    """Read covenants once, to test them under many scenarios.

    Statuses are exact, those of `check_covenants` scenario by scenario: doubles decide only where they
    provably agree with the integers. Scenarios are tested side by side; one by one are those that fail where
    cures were paid in, and all under a springing condition, with a stub or with another metric after a date.

    Parameters
    ----------
    covenants, metrics, cures, waivers, freq, fiscal_year_end, amounts, minor_units, round_input
        As for `check_covenants`; cures and waivers hold in every scenario. Without an ``entity_id`` the rows
        hold for every entity.
    entity_ids, period_ends
        What the first two axes of the amounts stand for; the periods follow each other without a gap.
    measures
        Names of the measures that will be given.
    allow_high_thresholds
        As for `check_covenants`.

    Returns
    -------
    CovenantCube
        Whose ``test(measures)`` gives first breach and least headroom of every entity, test and scenario.

    Raises
    ------
    InputError
        With all problems of the covenants in ``issues``.
    ConfigError
        For an argument that means nothing.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> import neocalc as nc
    >>> terms = pd.DataFrame({"covenant_id": ["ltv", "ltv"], "metric": "ltv", "threshold": [0.8, 0.7],
    ...                       "from_date": ["2025-01-01", "2025-06-30"]})  # a step-down
    >>> cube = nc.covenant_cube(terms, entity_ids=["A"], period_ends=["2025-03-31", "2025-06-30"],
    ...                         measures=["total_debt", "collateral_value"])
    >>> debt = np.array([[75.0, 70.0]])
    >>> value = np.array([[[100.0, 93.75], [100.0, 99.99]]])  # two scenarios
    >>> cube.test({"total_debt": debt, "collateral_value": value}).first_breach.tolist()
    [[[-1, 1]]]
    """
    return CovenantCube(
        covenants,
        entity_ids=entity_ids,
        period_ends=period_ends,
        measures=measures,
        metrics=metrics,
        cures=cures,
        waivers=waivers,
        freq=freq,
        fiscal_year_end=fiscal_year_end,
        allow_high_thresholds=allow_high_thresholds,
        options={"amounts": amounts, "minor_units": minor_units, "round_input": round_input},
    )
