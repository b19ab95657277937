"""What a deal comes to beside what was published of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from neocalc._frames import as_frame, meant
from neocalc.deal._frames import Column, build
from neocalc.deal._grid import Amounts, month_of
from neocalc.deal._metrics import LEVELS
from neocalc.deal._results import STATEMENTS, Results
from neocalc.errors import InputError, Issue
from neocalc.maturities import yield_to_maturity

_BALANCES = ("balance_sheet",)
_PART = re.compile(r"\s*(?P<sign>[+\-/])?\s*(?P<name>[A-Za-z_][\w.]*|\d[\d_]*(?:\.\d+)?)")


@dataclass(frozen=True)
class Check:
    """One published figure and what was computed for it; None is not known."""

    figure: str
    measure: str | None
    label: str
    facility: str | None
    day: int | None
    computed: Fraction | None
    published: Decimal
    tolerance: Decimal | None
    kind: str
    unit: str
    source: str | None
    trust: str | None
    note: str | None

    @property
    def within(self) -> bool | None:
        """Whether the computed figure is as near as the tolerance says; None where it says nothing."""
        if self.computed is None or self.tolerance is None:
            return None
        return abs(self.computed - Fraction(self.published)) <= Fraction(self.tolerance) * abs(
            Fraction(self.published)
        )

    @property
    def difference_rate(self) -> float | None:
        """How far the computed figure lies from the published one, as a share of it."""
        if self.computed is None or not self.published:
            return None
        return float(self.computed / Fraction(self.published) - 1)


class Checks:
    """The published figures of a deal."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.rows = results.tables.rows["published"]
        self.scale = 10**results.tables.options.minor_units
        self._yields: dict[str, float | None] | None = None

    def all(self, policy: str | None = None) -> list[Check]:
        """Return a check for each figure that has a kind; with `policy`, those of that policy or of any."""
        rows, found = self.rows, []
        problems: list[Issue] = []
        for row in range(rows.n):
            kind, own = rows["kind"][row], rows["policy"][row]
            if kind is None or (policy is not None and own is not None and own != policy):
                continue
            try:
                computed = self._computed(row)
            except _Unknown as error:
                hint = str(error)
                problems.append(Issue.make("published.measure", "measure_unknown", rows=[row], hint=hint))
                continue
            found.append(
                Check(
                    figure=str(rows["figure_id"][row]),
                    measure=rows["measure"][row],
                    label=str(rows["label"][row] or rows["figure_id"][row]),
                    facility=rows["facility_id"][row],
                    day=rows["period_end"][row],
                    computed=computed,
                    published=rows["value"][row],
                    tolerance=rows["tolerance"][row],
                    kind=str(kind),
                    unit=str(rows["unit"][row] or "money"),
                    **{name: self._beside(name, row) for name in ("source", "trust", "note")},
                )
            )
        if problems:
            raise InputError(problems, n_rows=rows.n, subject="deal")
        return found

    def _beside(self, name: str, row: int) -> str | None:
        side = self.rows.side
        value = None if side is None or name not in side else side.values(name)[row]
        return None if value is None else str(value)

    def frame(self, policy: str | None) -> Any:
        """Return the checks as a frame."""
        checks = self.all(policy)
        columns = {
            "figure": Column("text", [one.label for one in checks]),
            "facility_id": Column("text", [one.facility for one in checks]),
            "period_end": Column("date", [one.day for one in checks]),
            "computed": Column("rate", [_float(one.computed) for one in checks]),
            "published": Column("rate", [float(one.published) for one in checks]),
            "difference_rate": Column("rate", [one.difference_rate for one in checks]),
            "tolerance": Column("rate", [_float(one.tolerance) for one in checks]),
            "within": Column("flag", [one.within for one in checks]),
            "kind": Column("text", [one.kind for one in checks]),
            "unit": Column("text", [one.unit for one in checks]),
            "source": Column("text", [one.source for one in checks]),
            "trust": Column("text", [one.trust for one in checks]),
            "note": Column("text", [one.note for one in checks]),
        }
        return build(self.results.kind, columns)

    # --- what is computed --------------------------------------------------------------------------------

    def _computed(self, row: int) -> Fraction | None:
        formula, measure = self.rows["formula"][row], self.rows["measure"][row]
        if formula is None and measure is None:
            raise _Unknown("a figure with a kind needs a measure or a formula")
        return self._evaluate(str(formula or measure), row)

    def _evaluate(self, text: str, row: int) -> Fraction | None:
        """Return a sum of figures, measures and numbers, or a quotient of two such sums."""
        sides: list[list[Fraction | None]] = [[]]
        at = 0
        while at < len(text.rstrip()):
            part = _PART.match(text, at)
            begun, sign = bool(sides[-1]), None if part is None else part["sign"]
            if part is None or (begun != (sign is not None) and sign != "-"):
                raise _Unknown(f"{text!r} is no sum of figures: stuck at {text[at:].strip()!r}")
            if part["sign"] == "/":
                sides.append([])
            value = self._operand(part["name"], row)
            sides[-1].append(-value if part["sign"] == "-" and value is not None else value)
            at = part.end()
        if not 1 <= len(sides) <= 2 or not sides[0]:
            raise _Unknown(f"{text!r} is no sum of figures, and no quotient of two")
        sums = [
            None if None in side else sum((one or Fraction(0) for one in side), Fraction(0)) for side in sides
        ]
        if len(sums) == 1 or sums[0] is None:
            return sums[0]
        return None if not sums[1] else sums[0] / sums[1]

    def _operand(self, name: str, row: int) -> Fraction | None:
        if name[0].isdigit():
            return Fraction(name.replace("_", ""))
        figures = self.rows["figure_id"]
        if "." not in name:
            if name not in figures:
                raise _Unknown(f"there is no figure {name!r}; {meant(name, [str(f) for f in figures])}")
            return Fraction(self.rows["value"][figures.index(name)])
        frame, _, line = name.partition(".")
        if frame in STATEMENTS:
            return self._line(frame, line, row)
        readers: Mapping[str, Callable[[str, int], Fraction | None]] = {
            "facility": self._facility, "company": self._company, "reserve": self._reserve,
            "depreciation": self._depreciation,
        }  # fmt: skip
        if frame not in readers:
            raise _Unknown(f"{name!r}: write a line such as income_statement.revenue, or facility.balance")
        return readers[frame](line, row)

    def _place(self, row: int) -> int:
        day = self.rows["period_end"][row]
        at = -1 if day is None else month_of(day) - self.results.grid.first
        if not 0 <= at < self.results.grid.n:
            raise _Unknown("period_end must lie in the months of the deal")
        return at

    def _months(self, row: int) -> slice:
        """Return the months of a flow: from `from_date` on, else of the quarter."""
        last, start = self._place(row), self.rows["from_date"][row]
        year_end = self.results.outcome.inputs.terms.fiscal_year_end
        if start is not None:
            first = month_of(start) - self.results.grid.first
        else:
            first = last - (self.results.grid.first + last - year_end) % 3
        if not 0 <= first <= last:
            raise _Unknown("the period must lie in the months of the deal")
        return slice(first, last + 1)

    def _line(self, frame: str, line: str, row: int) -> Fraction | None:
        lines = self.results._lines(frame)
        if line not in lines:
            raise _Unknown(f"{frame} has no line {line!r}; {meant(line, list(lines))}")
        values, at = lines[line], self._place(row)
        known = self.results.known_months(frame)
        if line == "opening_property" and self._months(row).start <= known:
            return Fraction(int(values[self._months(row).start]), self.scale)
        if at >= known:
            return None
        if (
            frame in _BALANCES
            or line.startswith("closing_")
            or line in ("construction_in_progress", "past_due")
        ):
            return Fraction(int(values[at]), self.scale)
        if line.startswith("opening_"):
            return Fraction(int(values[self._months(row).start]), self.scale)
        return self._flow(values, row)

    def _flow(self, values: Amounts, row: int) -> Fraction:
        return Fraction(int(values[self._months(row)].sum()), self.scale)

    def _company(self, name: str, row: int) -> Fraction | None:
        """Return a measure of the company: of flows the period's, of balances the last."""
        entities = self.results._entities()
        own = entities[self.results.outcome.inputs.terms.entity_id]
        if name not in own:
            raise _Unknown(f"there is no measure {name!r}; {meant(name, list(own))}")
        values, at = own[name], self._place(row)
        if at >= self.results.unknown_from and not name.startswith("collateral_"):
            return None
        part = [values[at]] if name in LEVELS else values[self._months(row)]
        return None if None in part else Fraction(sum(one or 0 for one in part), self.scale)

    def _depreciation(self, name: str, row: int) -> Fraction:
        """Return what a book charges."""
        books = self.results.outcome.books
        if name not in books:
            raise _Unknown(f"there is no book {name!r}; {meant(name, list(books))}")
        return self._flow(books[name].flows["depreciation"], row)

    def _reserve(self, line: str, row: int) -> Fraction | None:
        outcome, name = self.results.outcome, self.rows["facility_id"][row]
        if line != "balance" or name not in outcome.reserve_names:
            raise _Unknown(f"reserve.balance of one of {', '.join(outcome.reserve_names) or 'none'}")
        if self._place(row) >= self.results.unknown_from:
            return None
        place = outcome.reserve_names.index(name)
        return Fraction(int(outcome.flows["reserve_balance"][self._place(row), place]), self.scale)

    # --- facilities --------------------------------------------------------------------------------------

    def _facility(self, line: str, row: int) -> Fraction | None:
        """Return a figure of one facility, or of all."""
        outcome, name = self.results.outcome, self.rows["facility_id"][row]
        debt = outcome.inputs.debt
        loans = [one for one in outcome.facilities if name in (None, one.name)]
        lived = [at for at, own in enumerate(outcome.revolvers) if name in (None, debt.name(own))]
        if not loans and not lived:
            raise _Unknown(f"there is no facility {name!r}")
        known = self._place(row) < self.results.unknown_from
        if lived and not known and line in ("balance", "contractual_interest", "interest"):
            return None
        at = self._place(row)
        if line == "balance":
            total = sum(int(one.balance[at]) for one in loans)
            total += sum(int(outcome.flows["revolver_balance"][at, place]) for place in lived)
            return Fraction(total, self.scale)
        if line == "effective_rate":
            return self._effective_rate(str(name))
        if line == "carrying_amount":
            return Fraction(sum(int(one.balance[at] - one.unamortized[at]) for one in loans), self.scale)
        flows = {"contractual_interest", "interest", "principal", "prepayment", "draw", "pik", "amortization"}
        if line not in flows:
            raise _Unknown(f"facility has no {line!r}; {meant(line, sorted(flows))}")
        total_flow = sum((self._flow(one.flows[line], row) for one in loans), Fraction(0))
        if line in ("contractual_interest", "interest"):
            total_flow += sum(
                (self._flow(outcome.flows["revolver_interest"][:, place], row) for place in lived),
                Fraction(0),
            )
        return total_flow

    def _effective_rate(self, name: str) -> Fraction | None:
        """Return what a loan yields in a year on its principal, by the dates on which it pays."""
        debt = self.results.outcome.inputs.debt
        if self._yields is None:
            tables = debt.tables({}, debt.loans)
            loans = debt.loan_frame(debt.loans)
            found = yield_to_maturity(loans, **tables, amounts="minor", allow_long_term=True,
                                      minor_units=debt.options.minor_units)  # fmt: skip
            values = np.asarray(as_frame(found).raw("yield_to_maturity").values, dtype=np.float64)
            names = [debt.name(row) for row in debt.loans]
            self._yields = {
                own: None if np.isnan(value) else float(value)
                for own, value in zip(names, values, strict=True)
            }
        if name in self._yields:
            value = self._yields[name]
            return None if value is None else Fraction(value)
        rates = debt.monthly_rates().get(name)
        return None if rates is None else Fraction(int(rates[-1]), 10**12)


class _Unknown(Exception):
    """A figure that nothing is computed for."""


def _float(value: Fraction | Decimal | None) -> float | None:
    return None if value is None else float(value)
