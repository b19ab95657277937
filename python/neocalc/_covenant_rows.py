"""Bad rows of the tables of covenants: left out, so that one of them does not cost all tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from neocalc._columns import Array
from neocalc._covenant_book import CovenantInputs
from neocalc._covenant_grid import Collector, Grid, months_of
from neocalc._frames import as_frame
from neocalc._options import choice
from neocalc._side_tables import SideTable
from neocalc.errors import InputError, Issue

_PLACES = ("entity_id", "currency", "period_end")
_TABLES = ("measures", "covenants", "cures", "waivers", "cross_default")


class Survivors:
    """The inputs of a call, read again without the rows that have problems until none has."""

    def __init__(self, tables: Mapping[str, Any], on_error: str, settings: Mapping[str, Any]) -> None:
        choice("on_error", on_error, ("raise", "skip", "flag"))
        self.given = dict(tables)
        self.issues: list[Issue] = []
        self.rows: dict[str, Array] = {}  # of the tables that lost some, those that are left
        self.blank: set[int] = set()
        self.codes: dict[str, dict[int, str]] = {name: {} for name in _TABLES}  # of lost rows
        left = dict(tables)
        while True:
            collect = Collector()
            try:
                self.inputs = CovenantInputs(**left, **settings, collect=collect, blank=self._blank())
            except InputError as error:
                # What concerns a column as a whole no row can be left out for.
                if on_error == "raise" or not all(issue.rows for issue in error.issues):
                    raise
                for name, table in collect.opened.items():
                    if table.problems.bad is not None:
                        left[name] = self._without(name, table, left[name])
            else:
                return

    def _blank(self) -> Array:
        """Return the rows of the measures that are left for their dates alone."""
        rows = self.rows.get("measures")
        blank = np.array(sorted(self.blank), dtype=np.int64)
        return blank if rows is None else np.flatnonzero(np.isin(rows, blank))

    def _without(self, name: str, table: SideTable, left: Any) -> Any:
        """Return a table without its bad rows, and note which they were."""
        problems = table.problems
        rows = self.rows.get(name, np.arange(table.frame.n))
        for issue in problems.issues:
            self.issues.append(replace(issue, rows=tuple(rows[list(issue.rows)].tolist())))
        bad = np.zeros(len(rows), dtype=bool) if problems.bad is None else problems.bad.copy()
        for row in np.flatnonzero(bad).tolist():
            self.codes[name][int(rows[row])] = problems.code_of(row) or problems.issues[0].code
        # A row whose amounts are bad still says that there was a period: one that is missing. Amounts are
        # read when all rows have a place.
        has_place = not any(column.partition(".")[2] in _PLACES for column, _, _ in problems.found)
        if name == "measures" and has_place:
            self.blank |= set(rows[bad].tolist())
            return left
        self.rows[name] = rows[~bad]
        return table.frame.pick(np.flatnonzero(~bad))

    def lost_cells(self, grid: Grid) -> dict[tuple[int, int], str]:
        """Return the series and months that bad rows of the measures stood for, where that can be read."""
        codes = self.codes["measures"]
        if not codes:
            return {}
        rows = np.array(list(codes), dtype=np.int64)
        lost = as_frame(self.given["measures"]).pick(rows)
        table = SideTable.open(lost, "measures", ["period_end"], grid.table.options)
        months, _ = months_of(np.array(table.days("period_end", 0), dtype=np.int64))
        keys = zip(table.values("entity_id"), table.values("currency"), strict=True)
        found = {}
        for series, month, code in zip(keys, months.tolist(), codes.values(), strict=True):
            number = grid.series.get(series)
            if number is not None:
                found[number, month] = code
        return found
