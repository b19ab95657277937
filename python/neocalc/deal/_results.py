"""The frames of a deal that has been run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neocalc._covenant_checks import Checked
from neocalc._frames import as_frame
from neocalc._side_tables import SideTable
from neocalc.deal._assets import Backed, market_values_of
from neocalc.deal._company import Inputs, Outcome
from neocalc.deal._frames import Column, amounts_out, build
from neocalc.deal._grid import Amounts
from neocalc.deal._inputs import Tables
from neocalc.deal._measures import (
    Measures,
    company_measures,
    facility_balances,
    facility_measures,
    history,
    ratio,
    total_or_unknown,
)
from neocalc.deal._metrics import LEVELS
from neocalc.deal._run import run
from neocalc.deal._statements import ASSETS, LIABILITIES, Statements, quarters, state
from neocalc.measurement import measures

STATEMENTS = ("income_statement", "balance_sheet", "cashflow", "equity", "property", "debt_balance", "tax")
RESULT_FRAMES = (
    *STATEMENTS,
    "waterfall",
    "depreciation",
    "revenue",
    "leases",
    "debt",
    "ltv",
    "measures",
    "covenants",
)
# Lines of a statement that are balances: of a longer period, the first or the last counts.
_FIRST = frozenset(("opening_cash", "opening_equity", "opening_property", "opening_debt"))
_LAST = frozenset(
    (
        *(
            "closing_cash",
            "closing_equity",
            "closing_property",
            "construction_in_progress",
            "closing_debt",
            "past_due",
        ),
        *("tax_accrued", "loss_carryforward", "closing_deferred_tax"),
    )
)
_FAILED = ("breach",)
_LOCKING = ("breach", "lock_up")
_KEYS = ("entity_id", "period_end")


def run_deal(tables: Tables, inputs: Inputs, amounts: str) -> Results:
    """Run a deal; where a test of a covenant locks cash up, the owners get none until it is met again."""
    while True:
        outcome = run(inputs)
        results = Results(tables, outcome, state(outcome), amounts)
        paid = np.flatnonzero(outcome.flows["distribution"]).tolist()
        barred = [at for at in paid if at in results.locked()] if paid else []
        if not barred:
            results.frame("covenants", "M")  # what is wrong with their terms is told by the run
            return results
        # What is not paid out in a month can change no month before it.
        inputs = replace(inputs, locked=inputs.locked | {barred[0]})


class Results:
    """Frames, made when they are asked for."""

    def __init__(self, tables: Tables, outcome: Outcome, statements: Statements, amounts: str) -> None:
        self.tables, self.outcome, self.statements, self.amounts = tables, outcome, statements, amounts
        self.grid, self.kind = outcome.grid, tables.kind
        self._made: dict[tuple[str, str], Any] = {}
        self._units: list[str] = []  # of the tests of covenants
        self._market: dict[Backed, list[int | None]] | None = None

    @property
    def unknown_from(self) -> int:
        """The first month in which something is not known."""
        if self.outcome.inputs.terms.unknown:
            return 0
        found = self.outcome.inputs.customers.unknown_from
        return self.grid.n if found is None else found

    def known_months(self, statement: str) -> int:
        """Return how many months of a statement are known: property does not depend on revenue or cash."""
        if statement != "property":
            return self.unknown_from
        return 0 if "capex" in self.outcome.inputs.terms.unknown else self.grid.n

    def frame(self, name: str, freq: str) -> Any:
        """Return a frame by name; a copy, so that nobody's changes are another's."""
        if name not in (*STATEMENTS, "measures"):
            freq = "M"
        key = (name, freq)
        if key not in self._made:
            if name in STATEMENTS:
                self._made[key] = self._statement(name, freq)
            elif freq != "M":
                self._made[key] = self._measured(freq)
            else:
                make: Callable[[], Any] = getattr(self, f"_{name}")
                self._made[key] = make()
        made = self._made[key]
        return made.copy() if self.kind == "pandas" else made

    # --- statements --------------------------------------------------------------------------------------

    def _lines(self, name: str) -> Mapping[str, Amounts]:
        made = self.statements
        if name == "balance_sheet":
            order = (*ASSETS, "total_assets", *LIABILITIES, "total_liabilities", "equity")
            return {line: made.balance[line][1:] for line in order}
        lines = {
            "income_statement": made.income,
            "cashflow": made.cash,
            "equity": made.equity,
            "property": made.property,
            "debt_balance": made.debt,
            "tax": made.tax,
        }[name]
        return {line: values for line, values in lines.items() if not line.startswith("_")}

    def _statement(self, name: str, freq: str) -> Any:
        lines = self._lines(name)
        periods = quarters(self.grid, freq, self.outcome.inputs.terms.fiscal_year_end)
        known = self.known_months(name)
        columns = {"period_end": Column("date", [end for end, _ in periods])}
        for line, values in lines.items():
            cells: list[int | None] = []
            for _, months in periods:
                # What a period opens with is known where all before it is; of the start, what the tables say.
                if line == "opening_property" and months[0] <= known:
                    cells.append(int(values[months[0]]))
                elif months[-1] >= known:
                    cells.append(None)
                elif line in _FIRST:
                    cells.append(int(values[months[0]]))
                elif line in _LAST or name == "balance_sheet":
                    cells.append(int(values[months[-1]]))
                else:
                    cells.append(int(values[months[0] : months[-1] + 1].sum()))
            columns[line] = self._money(cells)
        return build(self.kind, columns)

    def _money(self, values: Sequence[int | None]) -> Column:
        return amounts_out(values, self.amounts, self.tables.options.minor_units)

    def _known(self, values: Amounts) -> list[int | None]:
        return [int(value) if at < self.unknown_from else None for at, value in enumerate(values.tolist())]

    # --- the waterfall, claim by claim -------------------------------------------------------------------

    def _waterfall(self) -> Any:
        claims, flows, ends = self.outcome.claims, self.outcome.flows, self.grid.ends
        n, width = self.grid.n, len(self.outcome.claims)
        columns = {
            "period_end": Column("date", [end for end in ends for _ in claims]),
            "tier": Column("text", [claim.tier for claim in claims] * n),
            "claim": Column("text", [claim.label for claim in claims] * n),
            "facility_id": Column("text", [claim.facility for claim in claims] * n),
        }
        names = {
            "due": "due",
            "past_due_interest": "late",
            "paid": "paid",
            "paid_from_reserves": "from_reserves",
            "past_due": "past_due",
        }
        for name, own in names.items():
            values = flows[f"claim_{own}"].reshape(n * width).tolist()
            known = self.unknown_from * width
            columns[name] = self._money([int(v) if at < known else None for at, v in enumerate(values)])
        return build(self.kind, columns)

    def locked(self) -> set[int]:
        """Return the months at whose end the last test of some covenant is a breach or a lock-up."""
        if "covenants" not in self.tables.frames:
            return set()
        side = SideTable.open(self.frame("covenants", "M"), "covenants", [], self.tables.options)
        keys = [name for name in ("covenant_id", "entity_id", "level") if name in side]
        tests: dict[Any, list[tuple[int, bool]]] = {}
        rows = zip(side.keys(keys), side.days("period_end"), side.values("status"), strict=True)
        for key, day, status in rows:
            tests.setdefault(key, []).append((day, status in _LOCKING))
        found: set[int] = set()
        for own in tests.values():
            shut = self.grid.steps([day for day, _ in own], [bad for _, bad in own], False)
            found |= {at for at, bad in enumerate(shut) if bad}
        return found

    def shortfalls(self) -> Any:
        """Return the rows of the waterfall that are short."""
        import narwhals.stable.v2 as nw

        frame = nw.from_native(self.frame("waterfall", "M"), eager_only=True)
        return frame.filter(nw.col("past_due") > 0).to_native()

    def breached(self) -> bool:
        """Whether there was a default."""
        known = self.outcome.flows["claim_past_due"][: self.unknown_from]
        if known.any():
            return True
        table = self.frame("covenants", "M")
        if table is None:
            return False
        side = SideTable.open(table, "covenants", [], self.tables.options)
        pairs = zip(side.values("level"), side.values("status"), strict=True)
        return any(level == "default" and status in _FAILED for level, status in pairs)

    # --- parts -------------------------------------------------------------------------------------------

    def _depreciation(self) -> Any:
        names = ("opening_book_value", "additions", "depreciation", "impairment", "reversals", "disposals",
                 "closing_book_value")  # fmt: skip
        books = {name: book for name, book in self.outcome.books.items() if name}
        columns = {
            "book": Column("text", [name for name in books for _ in self.grid.ends]),
            "period_end": Column("date", list(self.grid.ends) * len(books)),
        }
        for name in names:
            columns[name] = self._money(
                [int(v) for book in books.values() for v in book.flows[name].tolist()]
            )
        return build(self.kind, columns)

    def _revenue(self) -> Any:
        return self._schedule(self.outcome.inputs.customers.frame, "contract_id", "contracts")

    def _leases(self) -> Any:
        return self._schedule(self.outcome.inputs.leases.frame, "lease_id", "leases")

    def _schedule(self, frame: Any, key: str, table: str) -> Any:
        """Return a schedule of another verb, with its amounts as this result shows them."""
        if frame is None:
            return build(self.kind, {key: Column("text", []), "period_end": Column("date", [])})
        side = SideTable.open(frame, table, ["period_end"], self.tables.options)
        columns: dict[str, Column] = {}
        for name in as_frame(frame).names:
            if name == "period_end":
                columns[name] = Column("date", side.days(name))
            elif name in (key, "phase", "customer", "currency"):
                columns[name] = Column("text", [None if v is None else str(v) for v in side.values(name)])
            elif name == "gpu_hours":
                columns[name] = Column("rate", [None if v is None else float(v) for v in side.decimals(name)])
            else:
                columns[name] = self._money(list(side.amounts(name, negative=True)))
        side.raise_problems()
        return build(self.kind, columns)

    def _debt(self) -> Any:
        """Every payment of the loans, and the revolvers month by month."""
        names = (
            "opening_balance",
            "draw",
            "interest",
            "pik",
            "principal",
            "prepayment",
            "fee",
            "closing_balance",
        )
        ids: list[str] = []
        days: list[int] = []
        cells: dict[str, list[int | None]] = {name: [] for name in names}
        schedule = self.outcome.inputs.debt.schedule(self.outcome.swept, keep_id_dtype=True)
        if schedule is not None:
            side = SideTable.open(schedule, "debt", [], self.tables.options)
            minor = as_frame(schedule)
            ids += [str(name) for name in side.values("loan_id")]
            days += side.days("payment_date")
            for name in names:
                cells[name] += [int(value) for value in minor.raw(name).values.tolist()]
        flows = self.outcome.flows
        for place, row in enumerate(self.outcome.revolvers):
            balance = flows["revolver_balance"][:, place]
            opening = self.outcome.inputs.debt.rows["opening_balance"][row] or 0
            before = np.concatenate([[opening], balance[:-1]])
            own = {
                "opening_balance": before,
                "draw": flows["revolver_draw"][:, place],
                "interest": flows["revolver_interest"][:, place],
                "pik": np.zeros_like(balance),
                "principal": flows["revolver_due"][:, place],
                "prepayment": flows["revolver_repayment"][:, place],
                "fee": flows["revolver_fee"][:, place],
                "closing_balance": balance,
            }
            ids += [self.outcome.inputs.debt.name(row)] * self.grid.n
            days += self.grid.ends
            for name in names:
                cells[name] += self._known(own[name])
        columns = {"facility_id": Column("text", ids), "payment_date": Column("date", days)}
        columns |= {name: self._money(values) for name, values in cells.items()}
        return build(self.kind, columns)

    # --- collateral --------------------------------------------------------------------------------------

    @property
    def market(self) -> dict[Backed, list[int | None]]:
        """What the market would pay for what secures each draw."""
        if self._market is None:
            fleet, outcome = self.outcome.inputs.fleet, self.outcome
            policy = next(iter(outcome.inputs.books.values()), None)
            found = {} if fleet.is_empty else market_values_of(fleet, policy, self.grid)
            self._market = found
        return self._market

    def _ltv(self) -> Any:
        """Balance over collateral, by facility and, where its assets name draws, by draw."""
        rows: list[tuple[str, int | None, Amounts, Amounts, list[int | None]]] = []
        book = self.outcome.book.by_facility
        by_draw = self._balances_by_draw()
        for name, balance in facility_balances(self.outcome).items():
            draws = sorted({draw for facility, draw in book if facility == name and draw is not None})
            own = sum(
                (values for (facility, _), values in book.items() if facility == name), self.grid.zeros()
            )
            market = total_or_unknown(
                [v for (facility, _), v in self.market.items() if facility == name], self.grid.n
            )
            rows.append((name, None, balance, own, market))
            for draw in draws:
                key = (name, draw)
                unknown: list[int | None] = [None] * self.grid.n
                rows.append(
                    (
                        name,
                        draw,
                        by_draw.get(key, self.grid.zeros()),
                        book[key],
                        self.market.get(key, unknown),
                    )
                )
        books, markets, balances = [], [], []
        for _, _, balance, own, market in rows:
            balances += self._known(balance)
            books += [int(value) for value in own.tolist()]
            markets += market
        columns = {
            "facility_id": Column("text", [name for name, *_ in rows for _ in self.grid.ends]),
            "draw_number": Column("count", [draw for _, draw, *_ in rows for _ in self.grid.ends]),
            "period_end": Column("date", list(self.grid.ends) * len(rows)),
            "balance": self._money(balances),
            "book_value": self._money(books),
            "market_value": self._money(markets),
            "ltv_book": Column("rate", [ratio(*pair) for pair in zip(balances, books, strict=True)]),
            "ltv_market": Column("rate", [ratio(*pair) for pair in zip(balances, markets, strict=True)]),
        }
        return build(self.kind, columns)

    def _balances_by_draw(self) -> dict[Backed, Amounts]:
        schedule = self.outcome.inputs.debt.schedule(
            self.outcome.swept, columns=["closing_balance", "draw_number"], keep_id_dtype=True
        )
        if schedule is None:
            return {}
        side, frame = SideTable.open(schedule, "debt", [], self.tables.options), as_frame(schedule)
        closing = frame.raw("closing_balance").values.tolist()
        moves: dict[Backed, list[tuple[int, int]]] = {}
        found = zip(
            side.values("loan_id"),
            side.counts("draw_number"),
            side.days("payment_date"),
            closing,
            strict=True,
        )
        for name, draw, day, balance in found:
            moves.setdefault((str(name), draw), []).append((day, int(balance)))
        return {
            key: np.array(
                self.grid.steps([day for day, _ in own], [balance for _, balance in own], 0), dtype=np.int64
            )
            for key, own in moves.items()
        }

    # --- measures and covenants --------------------------------------------------------------------------

    def _entities(self) -> dict[str, Measures]:
        outcome = self.outcome
        market = total_or_unknown(
            [values for (facility, _), values in self.market.items() if facility is not None], self.grid.n
        )
        found = {outcome.inputs.terms.entity_id: company_measures(outcome, self.statements, market)}
        own = facility_measures(outcome, self.market)
        return found | {name: measures for name, measures in own.items() if name not in found}

    def _measures_columns(self, only: set[str] | None) -> dict[str, Column]:
        """Return the measures of entities, those of before the deal first."""
        entities = {name: own for name, own in self._entities().items() if only is None or name in only}
        company = self.outcome.inputs.terms.entity_id
        past = history(self.tables.rows["measures"], company)
        names = list(dict.fromkeys(name for own in entities.values() for name in own))
        names += [name for values in past.values() for name in values if name not in names]
        names = list(dict.fromkeys(names))
        keys: list[tuple[str, int]] = []
        cells: dict[str, list[int | None]] = {name: [] for name in names}
        for entity, own in entities.items():
            for day in sorted(day for name, day in past if name == entity):
                keys.append((entity, day))
                for name in names:
                    cells[name].append(past[entity, day].get(name))
            for at, day in enumerate(self.grid.ends):
                keys.append((entity, day))
                for name in names:
                    value = own[name][at] if name in own else None
                    cells[name].append(value if at < self.unknown_from else None)
        columns = {
            "entity_id": Column("text", [entity for entity, _ in keys]),
            "period_end": Column("date", [day for _, day in keys]),
        }
        return columns | {name: self._money(values) for name, values in cells.items()}

    def _measures(self) -> Any:
        return build(self.kind, self._measures_columns(None))

    def _measured(self, freq: str) -> Any:
        """Return the measures of quarters or years, as covenants that are tested so need them."""
        names = [name for name in as_frame(self.frame("measures", "M")).names if name not in _KEYS]
        return measures(
            cashflow=self.frame("measures", "M"),
            freq=freq,
            fiscal_year_end=self.outcome.inputs.terms.fiscal_year_end,
            source_freq="M",
            flows=[name for name in names if name not in LEVELS],
            balances=[name for name in names if name in LEVELS],
            amounts=self.amounts,
            minor_units=self.tables.options.minor_units,
        )

    def _covenants(self) -> Any:
        if "covenants" not in self.tables.frames:
            kinds = {"covenant_id": "text", "period_end": "date", "level": "text", "status": "text"}
            return build(self.kind, {name: Column(kind, []) for name, kind in kinds.items()})
        checked = self._tested()
        self._units = [checked.unit(row) for row in range(len(checked))]
        return checked.result()

    def units(self) -> list[str]:
        """Return the unit of each row of the tests of covenants."""
        self.frame("covenants", "M")
        return self._units

    def _tested(self) -> Checked:
        """Test every covenant month by month, unless it says how often."""
        frames, terms = self.tables.frames, self.outcome.inputs.terms
        named = {name for name in self.tables.rows["covenants"]["entity_id"] if name is not None}
        bound = {name for label in ("cross_default",) for column in ("entity_id", "trigger_entity_id")
                 for name in self.tables.rows[label][column] if name is not None}  # fmt: skip
        amounts, self.amounts = self.amounts, "decimal"
        try:
            found = build(self.kind, self._measures_columns({terms.entity_id, *named, *bound}))
        finally:
            self.amounts = amounts
        start, end = (str(np.datetime64(day, "D")) for day in (self.grid.start, self.grid.end))
        given: dict[str, Any] = {
            **{name: frames.get(name) for name in ("cures", "waivers", "cross_default")},
            "metrics": self.tables.metrics,
            "freq": "M",
            "fiscal_year_end": terms.fiscal_year_end,
            "start": start,
            "end": end,
            "amounts": "major",
            "minor_units": terms.minor_units,
            "round_input": False,
            "allow_high_thresholds": False,
            "threads": None,
        }
        return Checked(found, frames["covenants"], given)
