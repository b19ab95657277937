"""Random covenants with all that bears on them, as frames and as the oracle takes them; ties are planted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd

import neocalc as nc
from oracles import covenants as oracle
from oracles.covenants import Metric, Term

YEAR = 4
FIRST = 2020 * 4  # quarters since year 0


def quarter_end(number: int) -> dt.date:
    """The last day of a quarter."""
    after = number + 1
    return dt.date(after // 4, after % 4 * 3 + 1, 1) - dt.timedelta(days=1)


def quarterly(numbers: range) -> oracle.Calendar:
    """A calendar of quarters of the calendar year."""
    return oracle.Calendar(
        {number: quarter_end(number) for number in numbers},
        YEAR,
        lambda at, step: (at + 1) % step == 0,  # the fiscal year is the calendar's
    )


def year(measure: str, sign: int = 1) -> Term:
    return Term(measure, sign, "sum", YEAR)


# As documented; the measure that is set to stand exactly on a threshold, and its sign above the line.
METRICS: dict[str, tuple[Metric, str, int]] = {
    "dscr": (Metric((year("cfads"),), (year("debt_service"),), ("cfads", 1)), "cfads", 1),
    "icr": (Metric((year("ebitda"),), (year("interest"),), ("ebitda", 1)), "ebitda", 1),
    "fixed_charge_cover": (
        Metric((year("ebitda"), year("capex", -1), year("taxes", -1)), (year("debt_service"),), ("ebitda", 1)),
        "capex",
        -1,
    ),
    "leverage": (Metric((Term("total_debt"),), (year("ebitda"),), ("ebitda", 1)), "total_debt", 1),
    "net_leverage": (Metric((Term("total_debt"), Term("cash", -1)), (year("ebitda"),), ("ebitda", 1)), "cash", -1),
    "ltv": (Metric((Term("total_debt"),), (Term("collateral_value"),), ("total_debt", -1)), "total_debt", 1),
    "liquidity": (Metric((Term("cash"), Term("undrawn_commitments")), (), ("cash", 1)), "cash", 1),
    "contract_realisation": (
        Metric((Term("billed_revenue", 1, "sum", 3),), (Term("contracted_revenue", 1, "sum", 3),)),
        "billed_revenue",
        1,
    ),
    "llcr": (Metric((Term("cfads_present_value"),), (Term("total_debt"),), ("total_debt", -1)), "cfads_present_value", 1),
    "spread": (
        Metric(
            (Term("ebitda", 1, "annualized", 4), Term("capex", -1, "sum", 2)),
            (Term("total_debt", 1, "average", 3), Term("interest", 1, "last")),
            ("ebitda", 1),
        ),
        "capex",
        -1,
    ),
}  # fmt: skip
OWN = nc.metric(
    "spread",
    "annualized(ebitda, 4) - sum(capex, 2)",
    denominator="average(total_debt, 3) + interest",
    cure="+ebitda",
)
MAXIMA = ("leverage", "net_leverage", "ltv")
SHARES = ("ltv", "contract_realisation")
MEASURES = (
    "cfads", "debt_service", "ebitda", "interest", "capex", "taxes", "total_debt", "cash", "collateral_value",
    "undrawn_commitments", "billed_revenue", "contracted_revenue", "cfads_present_value",
)  # fmt: skip
SPRINGING = {"revolver": Metric((Term("undrawn_commitments"),)), "ltv": METRICS["ltv"][0]}


@dataclass
class Case:
    """One covenant of one entity."""

    name: str
    metric: str
    clauses: list[oracle.Clause]
    rows: oracle.Rows
    calendar: oracle.Calendar
    cures: dict[int, list[oracle.Cure]] = field(default_factory=dict)
    waivers: list[tuple[dt.date, dt.date]] = field(default_factory=list)
    terms: list[dict[str, Any]] = field(default_factory=list)  # of the frame

    def outcomes(self) -> list[oracle.Outcome]:
        return oracle.outcomes_of(self.clauses, self.rows, self.calendar, self.cures, self.waivers)


def _decimal(rng: Random, low: float, high: float) -> tuple[str, Fraction]:
    places = rng.choice((0, 1, 2, 2, 2, 3))
    text = f"{rng.uniform(low, high):.{places}f}"
    return text, Fraction(text)


def _maybe(rng: Random, chance: float, make: Callable[[], Any]) -> Any:
    return make() if rng.random() < chance else None


def random_case(rng: Random, name: str, *, periods: int = 16, tie: float = 0.3) -> Case:
    """Make a covenant whose amounts, terms and history are random."""
    metric_name = rng.choice(list(METRICS))
    metric, pivot, pivot_sign = METRICS[metric_name]
    numbers = range(FIRST + rng.randrange(4), FIRST + 4 + periods)
    case = Case(name, metric_name, [], {}, quarterly(numbers))
    _add_terms(rng, case, metric)
    size = 10 ** rng.choice((2, 5, 9, 9, 12))
    for number in numbers:
        if rng.random() < 0.02 and number not in (numbers[0], numbers[-1]):
            continue  # a quarter that is missing
        row: dict[str, int | None] = {measure: 100 * rng.randint(1, size) for measure in MEASURES}
        if rng.random() < 0.08:
            names = [term.measure for term in metric.below] or list(MEASURES)
            row[rng.choice(names)] = rng.choice((0, -500 * rng.randint(1, size)))
        case.rows[number] = row
        date = quarter_end(number)
        clause = next((clause for clause in case.clauses if clause.begin <= date <= clause.end), None)
        if clause is not None and clause.threshold is not None and rng.random() < tie:
            _plant(case, clause, number, pivot, pivot_sign)
        if rng.random() < 0.02:
            row[rng.choice(MEASURES)] = None
    return case


def _plant(case: Case, clause: oracle.Clause, number: int, pivot: str, sign: int) -> None:
    """Set one amount so that the value is the threshold, if a whole amount does it."""
    row = case.rows[number]
    row[pivot] = 0
    above = oracle.side(clause.metric.above, case.rows, number, case.calendar, clause.stub_from)
    below = Fraction(1)
    if clause.metric.below:
        found = oracle.side(clause.metric.below, case.rows, number, case.calendar, clause.stub_from)
        if found is None:
            row[pivot] = 100
            return
        below = found
    if above is None or clause.threshold is None:
        row[pivot] = 100
        return
    wanted = sign * (clause.threshold * below - above)
    row[pivot] = int(wanted) if wanted.denominator == 1 and abs(wanted) < 2**50 else 100


def _add_terms(rng: Random, case: Case, metric: Metric) -> None:
    is_money = not metric.below
    shares = case.metric in SHARES
    steps = rng.choice((1, 1, 2, 3))
    numbers = sorted(case.calendar.dates)
    starts = sorted(
        {numbers[0] if rng.random() < 0.85 else rng.choice(numbers), *rng.sample(numbers, steps - 1)}
    )
    limit = "max" if case.metric in MAXIMA else "min"
    steps = len(starts)
    for at, start in enumerate(starts):
        low, high = (0.0, 1.0) if shares else (0.0, 1e7) if is_money else (0.1, 6.0)
        text, threshold = _decimal(rng, low, high)
        unknown = rng.random() < 0.06
        strict = rng.random() < 0.2
        level = (
            rng.choice(("default", "default", "default", "lock_up", "sizing"))
            if at == 0
            else case.clauses[0].level
        )
        begin = quarter_end(start - 1) + dt.timedelta(days=1)
        stop = _maybe(rng, 0.3, lambda start=start: quarter_end(start + rng.randint(0, 6)))
        after = None if at + 1 == steps else quarter_end(starts[at + 1] - 1)
        end = min(stop or dt.date.max, after or dt.date.max)
        first_test = _maybe(rng, 0.2, lambda start=start: quarter_end(start + rng.randint(0, 4)))
        risk = _maybe(rng, 0.5, lambda: rng.choice(("0.1", "0.25", "0.05", "1")))
        spring = _maybe(rng, 0.15, lambda: rng.choice(("undrawn_commitments", "ltv")))
        largest = "0.9" if spring == "ltv" else "100000"
        above = (
            None
            if spring is None
            else _maybe(rng, 0.9, lambda largest=largest: rng.choice(("0.5", largest, "1")))
        )
        limits = {
            "cures_allowed": _maybe(rng, 0.4, lambda: rng.randint(0, 4)),
            "cures_in_a_row": _maybe(rng, 0.4, lambda: rng.randint(1, 2)),
            "cures_per_year": _maybe(rng, 0.4, lambda: rng.randint(1, 3)),
            "grace_days": _maybe(rng, 0.5, lambda: rng.choice((0, 10, 30, 120))),
        }
        cap = _maybe(rng, 0.3, lambda: 100 * rng.randint(1, 10**9))
        every = rng.choice((1, 1, 1, 1, 1, 1, 2, 4))  # quarters from test to test
        scale = 100 if is_money else 1
        spring_scale = 100 if spring == "undrawn_commitments" else 1
        case.clauses.append(
            oracle.Clause(
                metric,
                None if unknown else threshold * scale,
                limit,
                strict,
                level,
                begin,
                end,
                first_test or dt.date.min,
                at_risk=None if risk is None else Fraction(risk),
                springing=None
                if spring is None
                else (
                    SPRINGING["revolver" if spring != "ltv" else "ltv"],
                    None if above is None else Fraction(above) * spring_scale,
                ),
                allowed=limits["cures_allowed"],
                in_a_row=limits["cures_in_a_row"],
                per_year=limits["cures_per_year"],
                cap=cap,
                grace_days=limits["grace_days"],
                every=every,
            )
        )
        words = {"min": ("at_least", "more_than"), "max": ("at_most", "less_than")}
        case.terms.append(
            {
                "covenant_id": f"{case.metric}",
                "entity_id": case.name,
                "metric": case.metric,
                "limit": limit,
                "boundary": words[limit][strict] if strict or rng.random() < 0.5 else None,
                "threshold": None if unknown else float(text),
                "level": level,
                "from_date": begin,
                "to_date": stop if stop is not None and (after is None or stop <= after) else None,
                "first_test_date": first_test,
                "test_frequency": {1: None, 2: "H", 4: "Y"}[every],
                "at_risk_below": None if risk is None else float(risk),
                "springing_measure": spring,
                "springing_above": None if above is None else float(above),
                **limits,
                "cure_amount_cap": None if cap is None else cap / 100,
            }
        )
    for number in numbers:
        if rng.random() < 0.35:
            date = quarter_end(number)
            paid = _maybe(rng, 0.5, lambda date=date: date + dt.timedelta(days=rng.randint(0, 60)))
            case.cures[number] = [oracle.Cure(100 * rng.randint(1, 10 ** rng.choice((3, 7, 10))), paid)]
    if rng.random() < 0.2:
        start = rng.choice(numbers)
        case.waivers.append(
            (quarter_end(start) - dt.timedelta(days=40), quarter_end(start + rng.randint(0, 3)))
        )


def frames(cases: list[Case]) -> dict[str, pd.DataFrame]:
    """The frames of many cases."""
    measures = [
        {
            "entity_id": case.name,
            "period_end": quarter_end(number),
            **{k: None if v is None else v / 100 for k, v in row.items()},
        }
        for case in cases
        for number, row in case.rows.items()
    ]
    cures = [
        {
            "entity_id": case.name,
            "period_end": quarter_end(number),
            "amount": cure.amount / 100,
            "paid_date": cure.paid,
        }
        for case in cases
        for number, paid in case.cures.items()
        for cure in paid
        if case.clauses[0].level == "default"
    ]
    waivers = [
        {"entity_id": case.name, "from_date": begin, "to_date": end}
        for case in cases
        for begin, end in case.waivers
    ]
    found = {
        "measures": measures,
        "covenants": [term for case in cases for term in case.terms],
        "cures": cures,
        "waivers": waivers,
    }
    tables = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    for table in tables.values():
        for name in table.columns:
            if name.endswith(("_date", "period_end")):
                table[name] = pd.to_datetime(table[name]).astype("datetime64[us]")
    numbers = dict.fromkeys(MEASURES, "float64")
    tables["measures"] = tables["measures"].astype(numbers)
    return tables
