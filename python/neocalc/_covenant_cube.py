"""Covenants over facilities x periods x scenarios: terms read once, amounts tested as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neocalc import _core
from neocalc._columns import Array
from neocalc._covenant_book import CovenantInputs, core_metrics
from neocalc._covenant_grid import FREQUENCIES, MAX_DAYS_OFF, Ground, months_of
from neocalc._covenant_terms import CovenantKey
from neocalc._options import resolve_threads, to_days
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
        freq: str,
        fiscal_year_end: int,
        allow_high_thresholds: bool,
        options: Mapping[str, Any],
    ) -> None:
        if freq not in FREQUENCIES:
            raise ConfigError(f"freq must be 'M', 'Q' or 'Y', not {freq!r}")
        self.entity_ids, self.measures = list(entity_ids), list(measures)
        if len(set(self.entity_ids)) < len(self.entity_ids):
            raise ConfigError("entity_ids must not repeat")
        self._days = np.array([to_days("period_ends", day) for day in period_ends], dtype=np.int64)
        months, off = months_of(self._days)
        step = FREQUENCIES[freq]
        if len(months) and (
            (np.diff(months) != step).any()
            or off.max() > MAX_DAYS_OFF
            or (months[0] + 1 - fiscal_year_end) % step
        ):
            raise ConfigError(f"period_ends must be consecutive ends of periods of freq={freq!r}")
        series = {(entity, None): at for at, entity in enumerate(self.entity_ids)}
        ground = Ground(tuple(self.measures), series, step, fiscal_year_end)
        inputs = CovenantInputs(
            ground,
            covenants,
            metrics=metrics,
            cures=None,
            waivers=None,
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
        self._lay_out(months)

    def _lay_out(self, months: Array) -> None:
        """Resolve the threshold of every entity, test and period."""
        inputs, fiscal_year_end = self._inputs, self._inputs.grid.fiscal_year_end
        entities, tests, periods = len(self.entity_ids), len(self.tests), len(months)
        shape = (entities, tests)
        columns: dict[str, Array] = {
            "metric": np.zeros(shape, np.int32),
            "limit": np.zeros(shape, np.int8),
            "strict": np.zeros(shape, np.int8),
        }
        kind: Array = np.zeros((*shape, periods), np.int8)
        whole, parts = np.zeros((*shape, periods), np.int64), np.zeros((*shape, periods), np.int64)
        places = {test: at for at, test in enumerate(self.tests)}
        due = {step: (months + 1 - fiscal_year_end) % step == 0 for step in FREQUENCIES.values()}
        for key in inputs.keys:
            entity, test = inputs.grid.series[key.series], places[key.covenant_id, key.level]
            self._check_alike(key)
            for name, column in columns.items():
                column[entity, test] = key.clauses[0].fields[name]
            for clause in key.clauses:
                fields = clause.fields
                begin = max(fields["from"], fields["first_test"])
                rows = due[fields["months"]] & (self._days >= begin) & (self._days <= fields["to"])
                kind[entity, test, rows] = 1 if fields["known"] else 2
                whole[entity, test, rows], parts[entity, test, rows] = fields["whole"], fields["parts"]
        self._terms = {name: values.reshape(-1) for name, values in columns.items()}
        self._thresholds: dict[str, Array] = {
            "kind": kind.reshape(-1),
            "whole": whole.reshape(-1),
            "parts": parts.reshape(-1),
        }
        self._metrics = core_metrics(inputs.core_metrics, inputs.measure_names)

    @staticmethod
    def _check_alike(key: CovenantKey) -> None:
        first = key.clauses[0].fields
        for clause in key.clauses:
            if clause.fields["springing"] >= 0:
                raise ConfigError(f"{key.covenant_id!r}: springing conditions are tested by check_covenants")
            if any(clause.fields[name] != first[name] for name in ("metric", "limit", "strict")):
                raise ConfigError(
                    f"{key.covenant_id!r}: metric, limit and boundary must not change with the date here"
                )

    def test(self, measures: Mapping[str, Any], *, threads: int | None = None) -> CubeOutcome:
        """Test the covenants on the amounts of every scenario.

        Parameters
        ----------
        measures
            For each measure an array of entities x periods x scenarios, or of entities x periods where all
            scenarios have the same; float64 major units, or int64 minor units with ``amounts="minor"``.
        threads
            How many to use; all by default.

        Returns
        -------
        CubeOutcome
            Arrays of entities x tests x scenarios.

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
        scenarios: int | None = None
        for name in names:
            if name not in measures:
                raise ConfigError(f"measures lack {name!r}")
            values = np.asarray(measures[name])
            wanted = np.int64 if options.amounts == "minor" else np.float64
            if values.dtype != wanted:
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
        found = _core.covenant_cube(
            self._metrics,
            [values.reshape(-1) for values in arrays],
            [values.ndim == 2 for values in arrays],
            (entities, periods, scenarios),
            self._terms,
            self._thresholds,
            first.reshape(-1),
            headroom.reshape(-1),
            undecided.reshape(-1),
            per_year=self._inputs.grid.per_year,
            minor_units=options.minor_units,
            scale=self._inputs.scale,
            round_input=options.round_input,
            threads=resolve_threads(threads),
        )
        issues = [
            Issue.make(f"measures.{name}", code, n_bad=n_bad, rows=rows, example=example)
            for name, problems in zip(names, found, strict=True)
            for _, code, n_bad, rows, example in problems
        ]
        if issues:
            raise InputError(
                issues, n_rows=entities * periods * scenarios, subject="cube (rows count its cells)"
            )
        return CubeOutcome(first, headroom, undecided)


def covenant_cube(
    covenants: Any,
    *,
    entity_ids: Sequence[Any],
    period_ends: Sequence[Any],
    measures: Sequence[str],
    metrics: Any = None,
    freq: str = "Q",
    fiscal_year_end: int = 12,
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
) -> CovenantCube:
    """Read covenants once, to test them under many scenarios.

    Statuses are exact, as those of `check_covenants`: doubles decide only where they provably agree with the
    integers. Thresholds may step down and windows reach back; springing conditions, cures and waivers are for
    `check_covenants`.

    Parameters
    ----------
    covenants, metrics, freq, fiscal_year_end, amounts, minor_units, round_input, allow_high_thresholds
        As for `check_covenants`. Without an ``entity_id`` the rows hold for every entity.
    entity_ids, period_ends
        What the first two axes of the amounts stand for; the periods follow each other without a gap.
    measures
        Names of the measures that will be given.

    Returns
    -------
    CovenantCube
        Whose ``test(measures)`` gives first breach and least headroom of every entity, test and scenario.

    Raises
    ------
    InputError
        With all problems of the covenants in ``issues``.
    ConfigError
        For an argument that means nothing, or terms that only `check_covenants` can test.

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
        freq=freq,
        fiscal_year_end=fiscal_year_end,
        allow_high_thresholds=allow_high_thresholds,
        options={"amounts": amounts, "minor_units": minor_units, "round_input": round_input},
    )
