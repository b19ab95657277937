"""The debt of a deal: its facilities as loans for the one engine, and what they owe month by month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc import _core
from neocalc._frames import as_frame
from neocalc._loan_books import Books, cells, keep_books, loan_options, loans_as_groups, open_loans
from neocalc.deal._frames import Column, build
from neocalc.deal._grid import Amounts, Grid, first_day, month_of
from neocalc.deal._loans import RENAMED, Loans
from neocalc.deal._tables import LOAN_COLUMNS, Named
from neocalc.debt import amortize
from neocalc.errors import InputError

PARTS_OF_RATE = 10**12
# What the books of a loan say of a month.
FLOWS = (
    "draw",
    "proceeds",
    "interest",
    "pik",
    "principal",
    "prepayment",
    "fee",
    "premium",
    "hedge",
    "contractual_interest",
    "amortization",
    "expensed",
    "capitalized_interest",
    "upfront",
    "upfront_fee",
)


@dataclass
class Facility:
    """One facility, month by month."""

    name: str
    row: int
    kind: str
    rank: int
    flows: dict[str, Amounts] = field(default_factory=dict)
    ahead: dict[str, Amounts] = field(default_factory=dict)  # flows that go on after the last month
    opening: dict[str, int] = field(default_factory=dict)  # of the balances below
    balance: Amounts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    unamortized: Amounts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    commitment_cost: Amounts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    accrued: Amounts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass
class Debt(Loans):
    """What the facilities of a deal owe."""

    def run(self, swept: Mapping[str, Amounts]) -> list[Facility]:
        """Keep the books of all loans and lay them out by month."""
        rows = self.loans
        while rows:
            try:
                return self._keep(rows, swept)
            except InputError as error:
                if not self._repays_the_rest(error, swept):
                    raise
        return []

    def _repays_the_rest(self, error: InputError, swept: Mapping[str, Amounts]) -> bool:
        """Let prepayments that sweeps left too little for repay what there is; whether there were any."""
        table, names = self.beside["prepayments"], {self.name(row) for row in self.loans}
        kept = [row for row in range(table.n) if table["facility_id"][row] in names]
        found = {
            (table["facility_id"][kept[at]], table["date"][kept[at]])
            for issue in error.issues
            for at in issue.rows
            if issue.code == "overpayment" and at < len(kept)
        }
        found = {key for key in found if key[0] in swept and swept[key[0]].any()}
        new = found - self.rest
        self.rest |= new
        return bool(new) and all(issue.code == "overpayment" for issue in error.issues)

    def _keep(self, rows: list[int], swept: Mapping[str, Amounts]) -> list[Facility]:
        given = self.tables(swept, rows)
        with Named("facilities"):
            options, beside = loan_options(
                "deal",
                {**given, "amounts": "minor", "minor_units": self.options.minor_units, "freq": "M",
                 "allow_long_term": True},
            )  # fmt: skip
            data = open_loans(self.loan_frame(rows), options, beside)
            # A draw with terms of its own has an effective rate of its own.
            books = keep_books(data, measured=True, observed=True)
        return self._laid_out(books, rows, swept)

    def _laid_out(self, books: Books, rows: list[int], swept: Mapping[str, Amounts]) -> list[Facility]:
        grid = self.grid
        horizon = (grid.start, Grid(grid.first, grid.n + self.months_ahead).end)
        laid = cells(books, loans_as_groups(books), books["accrued_to"], "M", 12, horizon)
        flows = _flows(books)
        sums = {name: laid.sum(values) for name, values in flows.items()}
        fees = self._fees(swept, rows)
        shown = {int(loan): place for place, loan in enumerate(laid.shown.tolist())}
        found = []
        for loan, row in enumerate(rows):
            made = Facility(self.name(row), row, self.kind_of(row), self.rank_of(row))
            own = {name: values[shown[loan]] for name, values in sums.items()} | fees[loan]
            made.ahead = {name: own[name][1:] for name in FLOWS}
            made.flows = {name: values[: grid.n] for name, values in made.ahead.items()}
            made.opening["drawn"] = int(own["draw"][0])
            made.opening["capitalized"] = int(own["capitalized_interest"][0])
            for name, moved in _BALANCES.items():
                through = np.cumsum(sum(sign * own[part] for part, sign in moved))
                made.opening[name] = int(through[0])
                setattr(made, name, through[1 : grid.n + 1])
            found.append(made)
        return found

    def _fees(self, swept: Mapping[str, Amounts], rows: list[int]) -> list[dict[str, Amounts]]:
        """Return fees by month as they are paid, with what came before in front, of each loan.

        On the first day nothing but fees for the whole facility is paid: they are costs of it, with those
        paid to others.
        """
        first, width = self.grid.first - 1, self.grid.n + self.months_ahead + 1
        names = ("fee", "premium", "upfront", "upfront_fee")
        found = [{name: np.zeros(width, dtype=np.int64) for name in names} for _ in rows]
        for own, row in zip(found, rows, strict=True):
            at = max(month_of(self.rows["start_date"][row]) - first, 0)
            own["upfront"][min(at, width - 1)] += (self.rows["issue_costs"][row] or 0) * (at < width)
        schedule = self.schedule(swept, rows, columns=["fee", "premium"], keep_id_dtype=True)
        frame = as_frame(schedule, "loan_id")
        days = frame.raw("payment_date").values.astype("M8[D]").astype(np.int64).tolist()
        places = {self.name(row): place for place, row in enumerate(rows)}
        fees, premiums = frame.raw("fee").values.tolist(), frame.raw("premium").values.tolist()
        for name, day, fee, premium in zip(frame.id_values().tolist(), days, fees, premiums, strict=True):
            at = max(month_of(day) - first, 0)
            if at >= width or not fee:
                continue
            own = found[places[name]]
            own["fee"][at] += fee
            own["premium"][at] += premium
            if day == self.rows["start_date"][rows[places[name]]]:
                own["upfront_fee"][at] += fee - premium
                own["upfront"][at] += fee - premium
        return found

    # --- rates of revolvers, and of what is past due -----------------------------------------------------

    def monthly_rates(self) -> dict[str, list[int]]:
        """Return the rate in force over each month, in parts of 10^-12, as the engine reads it for a loan.

        Before a facility starts its first rate counts, after it ends the last.
        """
        rows = [row for row in range(self.rows.n) if self._has_rate(row)]
        if not rows:
            return {}
        starts = [self.rows["start_date"][row] for row in rows]
        through = first_day(self.grid.first + self.grid.n)
        ends = [
            through
            if self.kind_of(row) == "revolver"
            else min(through, first_day(month_of(self.maturity(row)) + 1))
            for row in rows
        ]
        firsts = [first_day(month_of(start) + 1) for start in starts]
        terms = [name for name in LOAN_COLUMNS if name in _RATE_TERMS]
        columns = {
            "loan_id": Column("text", [self.name(row) for row in rows]),
            "principal": Column("money", [10**6] * len(rows)),
            "start_date": Column("date", starts),
            "maturity_date": Column(
                "date", [max(end, first + 1) for end, first in zip(ends, firsts, strict=True)]
            ),
            "first_payment_date": Column("date", firsts),
            "profile": Column("text", ["bullet"] * len(rows)),
            **self.rows.frame_columns(terms, rows),
        }
        given = self.tables({}, self.loans)
        beside: dict[str, Any] = {name: given[name] for name in ("rates", "extrapolate") if name in given}
        steps = self._steps(rows)
        if steps is not None:
            beside["rate_steps"] = steps
        with Named("facilities"):
            found = as_frame(
                amortize(
                    build(self.kind, columns), **beside, columns=["annual_rate", "interest"], amounts="minor",
                    minor_units=self.options.minor_units, allow_long_term=True, keep_id_dtype=True,
                ),
                "loan_id",
            )  # fmt: skip
        ids = found.id_values().tolist()
        rates, dates = found.raw("annual_rate").values, found.raw("payment_date").values
        by_name: dict[str, dict[int, int]] = {}
        for name, rate, day in zip(ids, rates.tolist(), dates.astype("M8[D]"), strict=True):
            month = int(day.astype("M8[M]").astype(np.int64)) - 1
            by_name.setdefault(name, {})[month] = round(rate * PARTS_OF_RATE)
        return {name: self._filled(months) for name, months in by_name.items()}

    def _has_rate(self, row: int) -> bool:
        return self.rows["annual_rate"][row] is not None or self.rows["index"][row] is not None

    def _steps(self, rows: list[int]) -> Any:
        steps, names = self.beside["rate_steps"], {self.name(row) for row in rows}
        kept = [row for row in range(steps.n) if steps["facility_id"][row] in names]
        if not kept:
            return None
        columns = steps.frame_columns(steps.columns, kept)
        return build(self.kind, {RENAMED.get(name, name): column for name, column in columns.items()})

    def _filled(self, months: Mapping[int, int]) -> list[int]:
        first, last = min(months), max(months)
        out, current = [], months[first]
        for at in range(self.grid.n):
            current = months.get(min(max(self.grid.first + at, first), last), current)
            out.append(current)
        return out

    def year_parts(self, row: int) -> list[tuple[int, int]]:
        """Return what part of a year each month is, by a facility's day count."""
        starts = np.array([first_day(self.grid.first + at) for at in range(self.grid.n + 1)], dtype=np.int32)
        day_count = self.rows["day_count"][row] or (
            "ACT/360" if self.kind_of(row) == "revolver" else "30/360"
        )
        top, bottom, _ = _core.year_fractions(
            day_count, starts[:-1].copy(), starts[1:].copy(), frequency="monthly"
        )
        return list(zip(np.asarray(top).tolist(), np.asarray(bottom).tolist(), strict=True))

    def limits(self, row: int) -> tuple[int, list[int], list[int], list[int]]:
        """Return what may be drawn of a revolver before the first month and at each month's end.

        With it, month by month, the commitment and what letters of credit take.
        """
        name = self.name(row)
        kept = [at for at in range(self.commitments.n) if self.commitments["facility_id"][at] == name]
        days = [self.commitments["date"][at] for at in kept]
        found = []
        before = []
        for column in ("commitment", "letters_of_credit"):
            told = [(days[at], self.commitments[column][row_]) for at, row_ in enumerate(kept)]
            known = [(day, value) for day, value in told if value is not None]
            base = self.rows[column][row] or 0
            steps = self.grid.steps([day for day, _ in known], [value for _, value in known], base)
            earlier = [value for day, value in sorted(known) if day < self.grid.start]
            before.append(earlier[-1] if earlier else base)
            found.append(steps)
        start, end = self.rows["start_date"][row], self.maturity(row)
        limit = [
            max(commitment - letters, 0) if start <= day < end else 0
            for commitment, letters, day in zip(*found, self.grid.ends, strict=True)
        ]
        opening = max(before[0] - before[1], 0) if start < self.grid.start else 0
        return opening, limit, found[0], found[1]


_RATE_TERMS = frozenset(
    (
        *(
            "annual_rate",
            "index",
            "margin_rate",
            "index_floor_rate",
            "index_cap_rate",
            "rate_floor",
            "rate_cap",
        ),
        *("index_averaging", "reset_frequency", "reset_lag_days", "lookback_days", "lockout_days"),
        *("observation_shift", "floor_daily", "day_count"),
    )
)
_BALANCES: Mapping[str, tuple[tuple[str, int], ...]] = {
    "balance": (("draw", 1), ("pik", 1), ("principal", -1), ("prepayment", -1)),
    "unamortized": (("discount", 1), ("amortization", -1)),
    "commitment_cost": (("upfront", 1), ("taken", -1), ("expensed", -1)),
    "accrued": (("contractual_interest", 1), ("interest", -1), ("hedge", 1), ("pik", -1)),
}


_FROM_BOOKS = (
    "draw",
    "proceeds",
    "discount",
    "interest",
    "pik",
    "principal",
    "prepayment",
    "hedge",
    "contractual_interest",
    "amortization",
    "capitalized_interest",
)


def _flows(books: Books) -> dict[str, np.ndarray[Any, Any]]:
    """Return what moves in each row of the books, with what its parts are."""
    out = {name: books[name] for name in _FROM_BOOKS}
    out["expensed"] = books["commitment_cost_expensed"]
    out["taken"] = out["discount"] - (out["draw"] - out["proceeds"])
    return out
