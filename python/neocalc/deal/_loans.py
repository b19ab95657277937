"""The facilities of a deal as loans: the frames that the one engine takes, sweeps and ladders among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neocalc._options import Options
from neocalc.calendar import payment_dates
from neocalc.deal._frames import Column, build
from neocalc.deal._grid import Amounts, Grid
from neocalc.deal._tables import LOAN_COLUMNS, Named, Rows
from neocalc.debt import amortize
from neocalc.errors import InputError, Issue

KINDS = ("term", "revolver", "ladder")
_BESIDE = (
    "rate_steps",
    "hedges",
    "principal_schedule",
    "payment_holidays",
    "draws",
    "prepayments",
    "prepayment_premiums",
    "refinancings",
    "cash_flow",
)
RENAMED = {"facility_id": "loan_id", "into_facility_id": "into_loan_id"}


@dataclass
class Loans:
    """The facilities of a deal with the tables beside them, as the engine takes them."""

    rows: Rows
    beside: Mapping[str, Rows]
    ladders: Rows
    commitments: Rows
    rates: Any
    kind: str
    options: Options
    grid: Grid
    extrapolate: str | None = None
    months_ahead: int = 0  # how far beyond the last month reserves look
    classes: Mapping[str, str | None] = field(default_factory=dict)
    # What secures a facility, by its name: month ends and the book value at each.
    collateral: Mapping[str, list[tuple[int, int]]] | None = None
    rest: set[tuple[str, int]] = field(default_factory=set)  # prepayments that repay what sweeps have left

    # --- loans -------------------------------------------------------------------------------------------

    @property
    def loans(self) -> list[int]:
        """Rows of the facilities that the engine runs."""
        return [row for row in range(self.rows.n) if self.kind_of(row) != "revolver"]

    @property
    def revolvers(self) -> list[int]:
        """Rows of those that live in the waterfall."""
        return [row for row in range(self.rows.n) if self.kind_of(row) == "revolver"]

    def kind_of(self, row: int) -> str:
        """Return what a facility is."""
        return str(self.rows["kind"][row] or "term")

    def rank_of(self, row: int) -> int:
        """Return its place in the order of payment, 1 first."""
        return self.rows["rank"][row] or 1

    def name(self, row: int) -> str:
        """Return its id."""
        return str(self.rows["facility_id"][row])

    def class_of(self, name: str) -> str | None:
        """Return the class of what a facility's capitalised interest becomes."""
        return self.classes.get(name)

    def loan_frame(self, rows: list[int]) -> Any:
        """Return facilities as loans."""
        columns = {"loan_id": Column("text", [self.name(row) for row in rows])}
        columns |= self.rows.frame_columns(LOAN_COLUMNS, rows)
        if self.ladders.n:
            profiles = self.rows["profile"]
            columns["profile"] = Column(
                "text", ["custom" if self.kind_of(row) == "ladder" else profiles[row] for row in rows]
            )
        return build(self.kind, columns)

    def tables(self, swept: Mapping[str, Amounts], loans: Sequence[int]) -> dict[str, Any]:
        """Return the frames beside some loans; cash that was swept is prepaid."""
        names = {self.name(row) for row in loans}
        given: dict[str, Any] = {}
        for label in _BESIDE:
            rows = self.beside[label]
            kept = [row for row in range(rows.n) if rows["facility_id"][row] in names]
            columns = rows.frame_columns(rows.columns, kept)
            if label == "prepayments" and self.rest:
                keys = [(rows["facility_id"][row], rows["date"][row]) for row in kept]
                amounts = [
                    None if key in self.rest else rows["amount"][row]
                    for key, row in zip(keys, kept, strict=True)
                ]
                columns["amount"] = Column("money", amounts)
            if label == "prepayments":
                own = {name: amounts for name, amounts in swept.items() if name in names}
                columns = _below(columns, len(kept), self._sweeps(own), premium_due=True)
            if label == "principal_schedule":
                columns = _below(columns, len(kept), self._ladders(loans))
            if columns and len(next(iter(columns.values())).values):
                given[label] = build(
                    self.kind, {RENAMED.get(name, name): column for name, column in columns.items()}
                )
        secured = [row for row in loans if self.rows["advance_rate"][row] is not None]
        if secured and self.collateral is not None:
            given["collateral"] = self._collateral({self.name(row) for row in secured})
        if self.rates is not None:
            given["rates"], given["extrapolate"] = self.rates, self.extrapolate
        return given

    def _collateral(self, names: set[str]) -> Any:
        """Return the book value of what secures facilities with an advance rate, month by month."""
        rows = [
            (name, day, int(value))
            for name, values in (self.collateral or {}).items()
            if name in names
            for day, value in values
        ]
        columns = {
            "loan_id": Column("text", [name for name, _, _ in rows]),
            "period_end": Column("date", [day for _, day, _ in rows]),
            "closing_book_value": Column("money", [value for _, _, value in rows]),
        }
        return build(self.kind, columns)

    def _sweeps(self, swept: Mapping[str, Amounts]) -> dict[str, Column]:
        """Return what was swept as rows of prepayments."""
        rows = [
            (name, self.grid.ends[at], int(amount))
            for name, amounts in swept.items()
            for at, amount in enumerate(amounts.tolist())
            if amount
        ]
        return {**_dated(rows, "amount"), "premium_due": Column("flag", [False] * len(rows))}

    def _ladders(self, loans: Sequence[int]) -> dict[str, Column]:
        """Return the principal of ladders as rows of a schedule."""
        rows: list[tuple[str, int, int]] = []
        for row in loans:
            if self.kind_of(row) == "ladder":
                rows += [(self.name(row), day, amount) for day, amount in self.ladder(row)]
        return _dated(rows, "principal")

    def ladder(self, row: int) -> list[tuple[int, int]]:
        """Return the principal of a ladder by day: each year's is spread over its payment dates.

        What stands under ``thereafter``, and what the ladder leaves, is due at maturity.
        """
        dates = self._payment_days(row)
        found: list[tuple[int, int]] = []
        unpaid: list[int] = []
        for at in range(self.ladders.n):
            if (
                self.ladders["facility_id"][at] != self.name(row)
                or self.ladders["bucket"][at] == "thereafter"
            ):
                continue
            year, amount = int(self.ladders["bucket"][at]), self.ladders["principal"][at] or 0
            days = [
                day for day in dates if np.datetime64(day, "D").astype("M8[Y]").astype(int) + 1970 == year
            ]
            if amount and not days:
                unpaid.append(at)
            through = [amount * (count + 1) // len(days) for count in range(len(days))]
            found += zip(days, np.diff([0, *through]).tolist(), strict=True)
        if unpaid:
            example = f"{self.ladders['bucket'][unpaid[0]]} of {self.name(row)}"
            hint = "a year in which the facility pays, after its start and up to its maturity"
            raise InputError(
                [
                    Issue.make(
                        "ladders.bucket", "range", n_bad=len(unpaid), rows=unpaid, example=example, hint=hint
                    )
                ],
                subject="deal",
            )
        return [(day, amount) for day, amount in found if amount]

    def _payment_days(self, row: int) -> list[int]:
        start, end = self.rows["start_date"][row], self.maturity(row)
        days = payment_dates(
            str(np.datetime64(start, "D")),
            str(np.datetime64(end, "D")),
            self.rows["frequency"][row] or "monthly",
            end_of_month=bool(self.rows["end_of_month"][row]),
        )
        return [int(day) for day in np.asarray(days).astype("M8[D]").astype(np.int64)]

    def maturity(self, row: int) -> int:
        """Return the day of maturity."""
        day = self.rows["maturity_date"][row]
        if day is not None:
            return int(day)
        start = np.datetime64(self.rows["start_date"][row], "D")
        month = start.astype("M8[M]") + (self.rows["term_months"][row] or 0)
        of_month = int((start - start.astype("M8[M]")).astype(int))
        last = int(((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(int)) - 1
        return int((month.astype("M8[D]") + min(of_month, last)).astype(np.int64))

    def schedule(
        self, swept: Mapping[str, Amounts], loans: Sequence[int] | None = None, **options: Any
    ) -> Any:
        """Return the rows of the engine, as users see them, of some loans or of all."""
        rows = list(self.loans if loans is None else loans)
        if not rows:
            return None
        given = self.tables(swept, rows)
        with Named("facilities"):
            return amortize(
                self.loan_frame(rows), **given, amounts="minor", minor_units=self.options.minor_units,
                allow_long_term=True, **options,
            )  # fmt: skip


def _dated(rows: Sequence[tuple[str, int, int]], amount: str) -> dict[str, Column]:
    """Return amounts of facilities on days as columns."""
    return {
        "facility_id": Column("text", [name for name, _, _ in rows]),
        "date": Column("date", [day for _, day, _ in rows]),
        amount: Column("money", [value for _, _, value in rows]),
    }


def _below(
    columns: dict[str, Column], n: int, added: Mapping[str, Column], **absent: Any
) -> dict[str, Column]:
    """Put rows below the `n` of a table, which holds `absent` (else nulls) in the columns that it lacks."""
    more = len(added["facility_id"].values)
    if not more:
        return columns
    out = {}
    for name in dict.fromkeys((*columns, *added)):
        own, new = columns.get(name), added.get(name)
        above = [absent.get(name)] * n if own is None else list(own.values)
        below = [None] * more if new is None else list(new.values)
        out[name] = Column((own or added[name]).kind, [*above, *below])
    return out
