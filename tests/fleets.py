"""Whole fleets under several policies at once, as a roll-up takes them, and their sums by definition.

The core adds such fleets along two routes: asset by asset, or (many rows to a group and a month of service) as cohorts.
`PolicyFleet.core` can force the first with a column of null openings, which means nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

import numpy as np

from drive import EPOCH, MONEY, core_settings, days, fill_rows
from neocalc import _core
from oracles import straight_line as oracle
from oracles import straight_line_integers as quick
from oracles.straight_line import CONVENTIONS, Asset

Spec = tuple[int, bool, float, str]  # life in months (0 = none), it wins, residual rate, convention
Column = tuple[np.ndarray, np.ndarray]  # values, which are null
COHORT_CONVENTIONS = ("full_month", "next_month", "mid_month")
RATES = (0.0, 0.0, 0.05, 0.1, 1 / 3, 0.125, 1.0)


@dataclass
class PolicyFleet:
    """Columns in minor units, a group code for each row (negative = null) and the policies of each run."""

    cost: np.ndarray
    day: np.ndarray
    group: np.ndarray
    groups: int
    runs: list[tuple[list[Spec], np.ndarray | None]]
    residual: Column | None = None
    life: Column | None = None
    skip: np.ndarray | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.cost)

    def take(self, order: np.ndarray) -> PolicyFleet:
        """The rows in another order."""

        def column(values: Column | None) -> Column | None:
            return None if values is None else (values[0][order], values[1][order])

        return replace(
            self,
            cost=self.cost[order],
            day=self.day[order],
            group=self.group[order],
            runs=[(specs, None if codes is None else codes[order]) for specs, codes in self.runs],
            residual=column(self.residual),
            life=column(self.life),
            skip=None if self.skip is None else self.skip[order],
        )

    def core(self, *, direct: bool = False) -> _core.Fleet:
        columns: dict[str, Any] = {"skip": self.skip}
        if self.residual is not None:
            columns |= {"residual_value": self.residual[0], "residual_null": self.residual[1]}
        if self.life is not None:
            columns |= {"useful_life_months": self.life[0], "life_null": self.life[1]}
        if direct:
            nothing, null = np.zeros(len(self), dtype=np.int64), np.ones(len(self), dtype=bool)
            columns |= {"opening_accumulated": nothing, "opening_null": null}
            columns |= {"opening_date": nothing, "opening_date_null": null}
        return _core.Fleet(self.cost, self.day, "D", **columns)

    def core_runs(self) -> list[_core.Run]:
        line = _core.Method.straight_line()
        return [_core.Run([(*spec, line) for spec in specs], codes) for specs, codes in self.runs]

    def totals(
        self,
        *,
        direct: bool = False,
        amounts: str = "decimal",
        columns: Sequence[str] = MONEY,
        **options: Any,
    ) -> _core.Totals:
        settings = core_settings(allow_credit=True, **{**self.options, **options})
        fleet = self.core(direct=direct)
        got = _core.totals(fleet, self.core_runs(), settings, self.group, self.groups, columns, amounts)
        assert not got.issues, got.issues
        return got

    def totals_bytes(self, **options: Any) -> bytes:
        got = self.totals(**options)
        parts = [np.asarray(got.group_rows).tobytes(), np.asarray(got.period_ends).tobytes()]
        return b"".join([*parts, *(repr(got.cells_exact(name)).encode() for name in MONEY)])

    # --- by definition --------------------------------------------------------------------------------------------

    def good(self) -> np.ndarray:
        return np.arange(len(self)) if self.skip is None else np.flatnonzero(~self.skip)

    def slots(self) -> np.ndarray:
        """Each row's group, null as the last."""
        return np.where(self.group < 0, self.groups, self.group)

    def assets(self, run: int) -> list[Asset]:
        """The rows under the policies of a run; those left out too."""
        specs, codes = self.runs[run]
        out = []
        for row in range(len(self)):
            life, wins, rate, convention = specs[0 if codes is None else int(codes[row])]
            if self.life is not None and not self.life[1][row]:
                own = int(self.life[0][row])
                life = life if wins and life else own
            residual = None
            if self.residual is not None and not self.residual[1][row]:
                residual = int(self.residual[0][row])
            in_service = EPOCH + timedelta(days=int(self.day[row]))
            out.append(Asset(int(self.cost[row]), in_service, life, convention, residual, rate))
        return out

    def months(self) -> tuple[int, int]:
        """The horizon by definition: that of all runs together."""
        freq, fye = self.options["freq"], self.options["fiscal_year_end"]
        good = set(self.good().tolist())
        kept = [a for run in range(len(self.runs)) for row, a in enumerate(self.assets(run)) if row in good]
        return oracle.horizon(kept, freq, fye, self.options.get("start"), self.options.get("end"))

    def expected(self, *, fractions: bool) -> dict[str, list[int]]:
        """The cells of each column in the core's order (run, group, period), from the oracle's ledger lines."""
        months, good, slots = self.months(), self.good().tolist(), self.slots()
        freq, fye = self.options["freq"], self.options["fiscal_year_end"]
        step, rounding = oracle.PERIOD_MONTHS[freq], self.options["rounding"]
        periods = (months[1] - months[0] + 1) // step
        cells: dict[str, list[int]] = {name: [] for name in MONEY}
        for run in range(len(self.runs)):
            assets = self.assets(run)
            columns: quick.Columns = ([], [], [], [], [], [])
            counts = []
            for row in good:
                if fractions:
                    lines = oracle.schedule(
                        assets[row], months, freq=freq, fiscal_year_end=fye, rounding=rounding, rows="all"
                    )
                    counts.append(len(lines))
                    for line in lines:
                        columns[0].append(oracle.month_number(line.period_end))
                        for column, name in zip(columns[1:], MONEY, strict=True):
                            column.append(getattr(line, name))
                else:
                    level = rounding == "level"
                    counts.append(quick.append_rows(assets[row], months, step, fye, level, True, columns))
            group = np.repeat(slots[good], counts)
            period = (np.array(columns[0], dtype=np.int64) - months[0]) // step
            for name, column in zip(MONEY, columns[1:], strict=True):
                cells[name] += exact_sums(
                    group, period, np.array(column, dtype=np.int64), self.groups + 1, periods
                )
        return cells

    def sums_of_rows(self, ends: np.ndarray) -> dict[str, list[int]]:
        """The same cells from the core's own rows."""
        cells: dict[str, list[int]] = {name: [] for name in MONEY}
        bounds: dict[str, date] = {}
        if len(self.runs) > 1:  # one horizon for all runs
            bounds = {
                "start": EPOCH + timedelta(days=int(ends[0])),
                "end": EPOCH + timedelta(days=int(ends[-1])),
            }
        settings = core_settings(allow_credit=True, **{**self.options, **bounds, "rows": "all"})
        for run in self.core_runs():
            rows = fill_rows(self.core(), run, settings)
            group = np.repeat(self.slots(), rows.counts)
            period = np.searchsorted(ends, rows.period_end)
            for name in MONEY:
                cells[name] += exact_sums(group, period, rows.money[name], self.groups + 1, len(ends))
        return cells


def exact_sums(
    group: np.ndarray, period: np.ndarray, values: np.ndarray, groups: int, periods: int
) -> list[int]:
    """Sums as Python integers: int64 amounts in two halves, neither of whose sums can leave int64."""
    halves = np.zeros((2, groups * periods), dtype=np.int64)
    at = group * periods + period
    np.add.at(halves[0], at, values >> 32)
    np.add.at(halves[1], at, values & 0xFFFF_FFFF)
    return [(high << 32) + low for high, low in zip(*halves.tolist(), strict=True)]


# --- random fleets ------------------------------------------------------------------------------------------------


def _amount(random: Random, flavour: str) -> int:
    if flavour == "mixed":
        flavour = random.choice(("tiny", "typical", "typical", "cents", "edge", "large", "zero"))
    if flavour == "tiny":  # level charges of these round up and run out early, or round to nothing
        return random.randint(0, 400)
    if flavour == "cents":
        return random.randint(0, 10 ** random.randint(1, 12))
    if flavour == "edge":  # cohorts take amounts below 2^51
        return 2**51 + random.choice((random.randint(-3, 3), -random.randint(0, 2**45)))
    if flavour == "large":
        return random.randint(2**51, 2**60)
    return 0 if flavour == "zero" else random.randint(1, 10**9)


def _life(random: Random) -> int:
    choice = random.random()
    if choice < 0.15:
        return random.choice((1, 1, 2, 254, 255, 256, 1200))  # tables end at 255
    return random.choice((36, 48, 60, 72)) if choice < 0.4 else random.randint(1, 255)


def _spec(random: Random, *, own: bool, wins: bool | None = None) -> Spec:
    convention = random.choice(COHORT_CONVENTIONS if random.random() < 0.75 else CONVENTIONS)
    if own and random.random() < 0.2:
        return 0, False, random.choice(RATES), convention
    return _life(random), random.random() < 0.7 if wins is None else wins, random.choice(RATES), convention


def cells_of_a_month(groups: int) -> int:
    """Rows to a month of service from which on the core takes cohorts to be worth it: it keeps 16 sums for few groups."""
    return (groups + 1) * (16 if groups < 32 else 1)


def _nulls(random: Random, rows: int, share: float) -> np.ndarray:
    return np.array([random.random() < share for _ in range(rows)], dtype=bool)


def policy_fleet(random: Random, rows: int, *, rounding: str | None, dense: bool = True) -> PolicyFleet:
    """A fleet of drawn policies; ``dense`` ones have many rows to a group and a month of service."""
    groups = random.choice((0, 0, 1, 2, 3, 3, 40))
    enough = max(1, min(24, rows // cells_of_a_month(groups) - 1))
    months = random.randint(1, enough) if dense else random.randint(100, 300)
    service = oracle.month_number(date(random.randint(1990, 2040), random.randint(1, 12), 1))
    first = days(oracle.month_start(service))
    spread = days(oracle.month_start(service + months)) - first
    flavour = random.choice(("mixed", "mixed", "tiny", "cents", "typical", "edge"))
    negative = random.choice((0.0, 0.0, 0.05, 0.5))
    cost = [_amount(random, flavour) * (-1 if random.random() < negative else 1) for _ in range(rows)]
    residual = life = skip = None
    if random.random() < 0.4:
        part = [random.choice((0, random.randint(0, abs(c)), abs(c))) * (-1 if c < 0 else 1) for c in cost]
        residual = (np.array(part, dtype=np.int64), _nulls(random, rows, random.choice((0.0, 0.3, 1.0))))
    no_null_life = False
    if random.random() < 0.4:
        share, own = (
            random.choice((0.0, 0.5, 1.0)),
            [_life(random) for _ in range(random.choice((1, 3, 8, 40, 255)))],
        )
        life = (
            np.array([random.choice(own) for _ in range(rows)], dtype=np.int64),
            _nulls(random, rows, share),
        )
        no_null_life = share == 0.0
    if random.random() < 0.2:
        skip = _nulls(random, rows, 0.2)
        skip[0] = False
    wins = random.choice((True, False, None)) if life is not None else None
    runs: list[tuple[list[Spec], np.ndarray | None]] = []
    for _ in range(random.choice((1, 1, 2, 2, 3, 5))):
        kinds = random.choice((1, 1, 2, 4))
        specs = [_spec(random, own=no_null_life and wins is None, wins=wins) for _ in range(kinds)]
        codes = None
        if kinds > 1:
            codes = np.array([random.randrange(kinds) for _ in range(rows)], dtype=np.int32)
        runs.append((specs, codes))
    options: dict[str, Any] = {
        "rounding": rounding,
        "freq": random.choice(("M", "M", "Q", "Y")),
        "fiscal_year_end": random.randint(1, 12),
        "chunk_rows": random.choice((0, 0, 7, 64, 500)),
        "threads": random.choice((1, 2, 3)),
    }
    if random.random() < 0.5:
        options["start"] = date(random.randint(1990, 2045), random.randint(1, 12), random.randint(1, 28))
        options["end"] = options["start"] + timedelta(days=random.randint(0, 6_000))
    return PolicyFleet(
        cost=np.array(cost, dtype=np.int64),
        day=first + np.array([random.randrange(spread) for _ in range(rows)], dtype=np.int64),
        group=np.array([random.randrange(-1, groups) for _ in range(rows)], dtype=np.int32),
        groups=groups,
        runs=runs,
        residual=residual,
        life=life,
        skip=skip,
        options=options,
    )


def fleets(count: int, seed: Any) -> Iterable[PolicyFleet]:
    """Random fleets of some hundred rows, balance and level in turn, dense ones twice as often as sparse ones."""
    for number in range(count):
        random = Random(f"fleet-{seed}-{number}")
        rows = random.choice((1, 2, 63, 64, 150, 300, 600, 1_200))
        yield policy_fleet(random, rows, rounding=("balance", "level")[number % 2], dense=number % 3 != 2)
