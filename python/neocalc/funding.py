"""Draws under sizing tests: whether each may be funded, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neocalc._columns import Array, minor_to_major
from neocalc._covenant_checks import FAILED, MET, STATUSES, Checked
from neocalc._options import flag, make_options
from neocalc._side_tables import SideTable, money_out
from neocalc.debt import amortize
from neocalc.errors import ConfigError
from neocalc.measurement import measures


def sizing_tests(
    loans: Any,
    draws: Any,
    *,
    covenants: Any,
    cashflow: Any = None,
    depreciation: Any = None,
    debt: Mapping[str, Any] | None = None,
    find_available: bool = True,
    metrics: Any = None,
    freq: str = "M",
    fiscal_year_end: int = 12,
    flows: Sequence[str] = (),
    balances: Sequence[str] = (),
    amounts: str = "major",
    minor_units: int = 2,
    round_input: bool = False,
    allow_high_thresholds: bool = False,
    threads: int | None = None,
) -> Any:
    """Test each draw as a lender does at funding: the projected covenants at every date until maturity.

    Draws are taken in the order of their days. Each is tested with all that were funded before it, on every
    test date after its day through the last payment; one that fails is not funded, and those after it are
    tested without it. A date on which nothing stands below the line, since no debt is served yet, is left
    out.

    Parameters
    ----------
    loans, draws
        As for `amortize`. With ``entity_id`` among the loans each entity is tested by itself.
    covenants
        As for `check_covenants`; those of ``level`` ``sizing`` count here.
    cashflow, depreciation, flows, balances
        What the projected measures are made of beside the debt; see `measures`.
    debt
        More arguments of `amortize`, such as ``{"rates": curve}``.
    find_available
        Also find what may be drawn instead of a draw that fails, to the minor unit.
    metrics, freq, fiscal_year_end, amounts, minor_units, round_input, allow_high_thresholds, threads
        As for `check_covenants`; monthly test dates need ``freq="M"``.

    Returns
    -------
    frame
        One row per draw and covenant: ``loan_id, date, amount, covenant_id, period_end`` (the test date with
        the least headroom), ``value, threshold, headroom`` on it, ``status`` (``draw_stop`` if it failed on
        any date; what could not be decided is named), ``is_funded`` (all covenants were met), and
        ``available_amount``: what may be drawn of it, rounded down; null where that is not known.

    Raises
    ------
    InputError
        With all problems of the tables in ``issues``.
    ConfigError
        For an argument that means nothing.

    Notes
    -----
    `available_amount` is found by halving, which takes it that a smaller draw does not fail where a larger
    one passes. Payments that round apart can make an amount a few cents larger pass, too.

    Examples
    --------
    >>> import pandas as pd
    >>> import neocalc as nc
    >>> facility = pd.DataFrame({"loan_id": ["ddtl"], "commitment": [2_400.0], "start_date": ["2025-01-15"],
    ...                          "term_months": [6], "annual_rate": [0.12], "profile": ["bullet"]})
    >>> days = ["2025-01-15", "2025-02-15"]
    >>> draws = pd.DataFrame({"loan_id": "ddtl", "date": days, "amount": [1_200.0, 990.0]})
    >>> ends = pd.date_range("2025-01-31", periods=7, freq="ME")
    >>> cash = pd.DataFrame({"period_end": ends, "cfads": [18.0] * 6 + [3_000.0]})
    >>> terms = pd.DataFrame({"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [1.2],
    ...                       "level": ["sizing"], "window_periods": [1]})
    >>> found = nc.sizing_tests(facility, draws, covenants=terms, cashflow=cash)
    >>> found[["date", "amount", "period_end", "value", "status", "available_amount"]]
            date  amount period_end     value     status  available_amount
    0 2025-01-15  1200.0 2025-02-28  1.500000       pass            1200.0
    1 2025-02-15   990.0 2025-03-31  0.821918  draw_stop             300.5

    Interest of 15.00 a month is covered 1.2 times; that of 1,500.50 is 15.005 and rounds to 15.00.
    """
    flag("find_available", find_available)
    settings = {"amounts": amounts, "minor_units": minor_units, "round_input": round_input}
    checks = {
        "metrics": metrics,
        "cures": None,
        "waivers": None,
        "cross_default": None,
        "freq": freq,
        "fiscal_year_end": fiscal_year_end,
        "start": None,
        "end": None,
        "allow_high_thresholds": allow_high_thresholds,
        "threads": threads,
        **settings,
    }
    make = {
        "cashflow": cashflow,
        "depreciation": depreciation,
        "freq": freq,
        "fiscal_year_end": fiscal_year_end,
        "flows": flows,
        "balances": balances,
        **settings,
    }
    return _Funding(loans, draws, covenants, dict(debt or {}), make, checks, settings).result(find_available)


@dataclass(frozen=True)
class _Outcome:
    """What a covenant says to a draw."""

    row: int  # of the covenants
    status: str
    day: int | None = None
    numbers: tuple[float, float, float] = (float("nan"),) * 3


class _Funding:
    """One call."""

    def __init__(
        self,
        loans: Any,
        draws: Any,
        covenants: Any,
        debt: dict[str, Any],
        make: dict[str, Any],
        checks: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        taken = sorted({"draws", "by", *settings} & set(debt))
        if taken:
            raise ConfigError(f"debt must not hold {taken[0]!r}: it is an argument here, or has no use")
        # Unknown keywords are refused in there, by name.
        self.options = make_options("sizing_tests", settings)  # type: ignore[arg-type]
        self.loans, self.covenants, self.debt, self.make, self.checks = loans, covenants, debt, make, checks
        self.settings = settings
        book = SideTable.open(loans, "loans", [], self.options)
        table = self.table = SideTable.open(draws, "draws", ["loan_id", "date", "amount"], self.options)
        self.ids, self.days = table.values("loan_id", required=True), table.days("date")
        self.minor, null = table.minor("amount")
        table.note("amount", "null", np.flatnonzero(null).tolist(), lambda _: "null")
        table.raise_problems()
        self.whose: dict[Any, Any] = {}
        if "entity_id" in book and "loan_id" in book:
            self.whose = dict(zip(book.values("loan_id"), book.values("entity_id"), strict=True))
            self.make["entity"] = {"debt": loans}
        self.funded: list[int] = []

    def _frame(self, rows: list[int], changed: int | None = None, amount: int = 0) -> Any:
        """Return the draws of some rows, the amount of one of them changed."""
        frame = self.table.frame
        if changed is not None:
            minor = self.minor.copy()
            minor[changed] = amount
            major = (
                minor if self.options.amounts == "minor" else minor_to_major(minor, self.options.minor_units)
            )
            return SideTable.open(frame.replaced("amount", major), "draws", [], self.options).frame.pick(
                np.array(sorted(rows))
            )
        return frame.pick(np.array(sorted(rows), dtype=np.int64))

    def _test(self, draw: int, draws: Any) -> list[_Outcome]:
        """Project the covenants under some draws, and test those of a draw's entity after its day."""
        schedule = amortize(self.loans, draws=draws, **self.debt, **self.settings)
        projected = measures(debt=schedule, **self.make)
        checked = Checked(projected, self.covenants, self.checks)
        entity = self.whose.get(self.ids[draw])
        until = self._last_day(projected, entity)
        found = []
        for key in dict.fromkeys(
            (key.covenant_id, key.series) for key in checked.inputs.keys if key.level == "sizing"
        ):
            if key[1][0] not in (None, entity):
                continue
            rows = [
                row
                for row in range(len(checked))
                if (checked.key(row).covenant_id, checked.key(row).series) == key
                and checked.key(row).level == "sizing"
                and self.days[draw] < checked.days[row] <= until
                and checked.status(row) != "not_tested"
                and not self._has_nothing_due(checked, row)
            ]
            source = next(
                one.clauses[0].row for one in checked.inputs.keys if (one.covenant_id, one.series) == key
            )
            found.append(self._worst(checked, rows, source))
        return found

    @staticmethod
    def _has_nothing_due(checked: Checked, row: int) -> bool:
        """Whether nothing stands below the line that could go uncovered."""
        if checked.status(row) != "undefined":
            return False
        number, period = int(checked.found["covenant"][row]), int(checked.found["period"][row])
        below = [one for one in checked.book.inputs(number, period) if one[0] == 1]
        return sum((-one[5] if one[2] else one[5]) * (one[4] or 0) / one[6] for one in below) == 0

    def _last_day(self, projected: Any, entity: Any) -> int:
        """Return the end of the last period in which an entity has debt, or serves it."""
        table = SideTable.open(projected, "measures", [], self.options)
        days = np.array(table.days("period_end"), dtype=np.int64)
        owed = np.zeros(len(days), dtype=bool)
        for name in ("total_debt", "debt_service"):
            if name in table:
                amounts, null = table.minor(name)
                owed |= (amounts != 0) | null
        if "entity_id" in table:
            owed &= np.array([one == entity for one in table.values("entity_id")], dtype=bool)
        return int(days[owed].max()) if owed.any() else -(2**31)

    @staticmethod
    def _worst(checked: Checked, rows: list[int], source: int) -> _Outcome:
        """Return what a covenant says over all its dates."""
        words = [checked.status(row) for row in rows]
        if not rows:
            return _Outcome(source, "not_tested")
        failed = [row for row, word in zip(rows, words, strict=True) if word in FAILED]
        doubtful = [(row, word) for row, word in zip(rows, words, strict=True) if word not in (*MET, *FAILED)]
        room = checked.found["headroom"]
        if failed or not doubtful:
            # No headroom at all is the least there is: a negative denominator under a maximum.
            at = min(failed or rows, key=lambda row: -np.inf if np.isnan(room[row]) else room[row])
            status = "draw_stop" if failed else "at_risk" if "at_risk" in words else "pass"
        else:
            at, status = doubtful[0]
        value, threshold = float(checked.found["value"][at]), float(checked.thresholds()[at])
        return _Outcome(source, status, int(checked.days[at]), (value, threshold, float(room[at])))

    def _available(self, draw: int) -> int:
        """Return an amount that passes where one unit more does not."""
        low, high = 0, int(self.minor[draw])
        while high - low > 1:
            middle = (low + high) // 2
            outcomes = self._test(draw, self._frame([*self.funded, draw], draw, middle))
            if all(outcome.status in MET for outcome in outcomes):
                low = middle
            else:
                high = middle
        return low

    def result(self, find_available: bool) -> Any:
        """Return the frame that the user gets."""
        order = sorted(range(len(self.days)), key=lambda row: (self.days[row], row))
        found: list[tuple[int, _Outcome, bool, int | None]] = []
        for draw in order:
            outcomes = self._test(draw, self._frame([*self.funded, draw]))
            statuses = {outcome.status for outcome in outcomes}
            is_funded = statuses <= set(MET)
            available: int | None = None
            if is_funded:
                self.funded.append(draw)
                available = int(self.minor[draw])
            elif find_available and statuses <= {*MET, "draw_stop"}:
                available = self._available(draw)
            found += [(draw, outcome, is_funded, available) for outcome in outcomes]
        return self._build(found)

    def _build(self, found: list[tuple[int, _Outcome, bool, int | None]]) -> Any:
        frame, options = self.table.frame, self.options
        draws = np.array([draw for draw, *_ in found], dtype=np.int64)
        outcomes = [outcome for _, outcome, *_ in found]
        terms = SideTable.open(self.covenants, "covenants", ["covenant_id"], options)

        def taken(table: SideTable, name: str, rows: Array) -> Any:
            codes, _, uniques = table.frame.codes(name)
            return table.frame.take(uniques, np.asarray(codes)[rows].astype(np.int32))

        def dates(days: list[int | None]) -> Any:
            null = np.array([day is None for day in days], dtype=bool)
            whole = np.array([day or 0 for day in days], dtype=np.int32)
            return frame.dates_out(whole, null if null.any() else None)

        def floats(place: int) -> Any:
            values = np.array([outcome.numbers[place] for outcome in outcomes], dtype=np.float64)
            null = np.isnan(values)
            return frame.money_out(np.where(null, 0.0, values), null if null.any() else None)

        most = [amount for *_, amount in found]
        unknown = np.array([amount is None for amount in most], dtype=bool)
        whole = np.array([amount or 0 for amount in most], dtype=np.int64)
        statuses = np.array([STATUSES.index(outcome.status) for outcome in outcomes], dtype=np.int8)
        return frame.build(
            {
                "loan_id": taken(self.table, "loan_id", draws),
                "date": dates([self.days[draw] for draw in draws.tolist()]),
                "amount": money_out(frame, options, self.minor[draws]),
                "covenant_id": taken(
                    terms, "covenant_id", np.array([one.row for one in outcomes], dtype=np.int64)
                ),
                "period_end": dates([outcome.day for outcome in outcomes]),
                "value": floats(0),
                "threshold": floats(1),
                "headroom": floats(2),
                "status": frame.categorical(statuses, STATUSES, ordered=False),
                "is_funded": np.array([funded for _, _, funded, _ in found], dtype=bool),
                "available_amount": money_out(frame, options, whole, unknown if unknown.any() else None),
            }
        )
