"""Random floating loans: the same terms for the oracle, and as frames for `amortize`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from oracles import rates as oracle
from oracles.rates import Curve, Hedge, Terms

BP = oracle.ONE // 10_000
HOLIDAYS = tuple(
    oracle.day(f"{year}-{month_day}")
    for year in range(2019, 2035)
    for month_day in ("01-01", "07-04", "12-25", "03-29", "11-28")
)


@dataclass
class Case:
    terms: Terms
    principal: int
    start: int
    months: int  # of a period
    periods: int
    day_count: str
    hedges: tuple[Hedge, ...]
    level: bool

    @property
    def part(self) -> int:
        """The principal of each payment but the last."""
        return self.principal // self.periods if self.level else 0

    @property
    def dates(self) -> tuple[int, ...]:
        return tuple(oracle.add_months(self.start, n * self.months) for n in range(self.periods + 1))

    def rows(self, settle: oracle.Settle = oracle.half_even) -> list[oracle.Row]:
        time = oracle.counted(self.day_count, self.dates[-1])
        repaid = (self.part,) * self.periods if self.part else None
        return oracle.rows(self.terms, self.principal, self.dates, time, repaid, self.hedges, settle)


def curve(draw: random.Random, first: int, last: int, daily: bool) -> Curve:
    dates, values, rate = [], [], draw.randrange(-100, 900) * BP
    day = first - draw.randrange(20, 60)
    while day <= last:
        dates.append(day)
        values.append(rate)
        day += draw.randrange(1, 4) if daily else draw.randrange(5, 120)
        rate += draw.randrange(-60, 61) * BP // 7
    dates.append(day)
    values.append(rate)
    return Curve(tuple(dates), tuple(values))


def case(draw: random.Random) -> Case:
    months, periods = draw.choice((1, 1, 3, 3, 6)), draw.randrange(1, 6)
    start = oracle.day("2021-01-01") + draw.randrange(0, 700)
    end = oracle.add_months(start, months * periods)
    averaging = draw.choice(("none", "none", "none", "simple", "compounded"))
    floats = draw.random() < 0.85
    floor, cap = draw.randrange(-50, 300) * BP, draw.randrange(300, 800) * BP

    def maybe(value: int, odds: float = 0.3) -> int | None:
        return value if draw.random() < odds else None

    changes = []
    for _ in range(draw.choice((0, 0, 1, 2))):
        term = draw.choice(
            ("margin_rate" if floats else "annual_rate", "pik_rate", "pik_share", "default_margin_rate")
        )
        at = draw.randrange(start, end + 1)
        value = (
            draw.choice((0, oracle.ONE // 2, oracle.ONE // 3))
            if term == "pik_share"
            else draw.randrange(0, 500) * BP
        )
        changes.append((at, term, value))
    changes = list({(at, term): (at, term, value) for at, term, value in changes}.values())
    terms = Terms(
        annual_rate=None if floats else draw.randrange(0, 1500) * BP // 3,
        curve=curve(draw, start, end, averaging != "none") if floats else None,
        margin=draw.randrange(-100, 900) * BP if floats else 0,
        index_floor=maybe(floor) if floats else None,
        index_cap=maybe(cap) if floats else None,
        rate_floor=maybe(floor) if floats else None,
        rate_cap=maybe(cap) if floats else None,
        averaging=averaging if floats else "none",
        reset_months=draw.choice((None, None, 1, 3)) if averaging == "none" else None,
        lag=draw.choice((0, 0, 2)),
        lookback=draw.choice((0, 2, 5)),
        shift=averaging == "compounded" and draw.random() < 0.4,
        lockout=draw.choice((0, 0, 2, 5)),
        floor_daily=draw.random() < 0.3,
        pik=draw.choice((0, 0, 150 * BP)),
        pik_share=draw.choice((0, 0, oracle.ONE // 4)),
        changes=tuple(sorted(changes)),
        holidays=frozenset(HOLIDAYS),
    )
    hedges = []
    if floats and draw.random() < 0.3:
        for kind in draw.sample(("swap", "cap", "floor"), draw.randrange(1, 3)):
            steps = {
                draw.randrange(start - 30, end): draw.randrange(0, 2) for _ in range(draw.randrange(1, 3))
            }
            hedges.append(
                Hedge(
                    kind,
                    draw.randrange(0, 600) * BP,
                    tuple(
                        (at, draw.randrange(0, 10**9), None)
                        if fixed
                        else (at, None, draw.randrange(0, 5) * oracle.ONE // 4)
                        for at, fixed in sorted(steps.items())
                    ),
                )
            )
    day_count = draw.choice(
        ("ACT/360", "ACT/365F", "30/360", "30/360 US", "30E/360", "30E/360 ISDA", "ACT/ACT ISDA")
    )
    if averaging == "compounded" and day_count == "ACT/365F":
        terms = Terms(**{**terms.__dict__, "year_days": 365})
    return Case(
        terms,
        draw.randrange(1, 10 ** draw.randrange(3, 13)),
        start,
        months,
        periods,
        day_count,
        tuple(hedges),
        draw.random() < 0.5,
    )


def _share(parts: int | None) -> float | None:
    return None if parts is None else parts / oracle.ONE


def _date(day: int) -> Any:
    return np.datetime64(day, "D")


def frames(cases: list[Case]) -> dict[str, Any]:
    """The arguments of `amortize` for the cases, loan ids being their places."""
    loans, rates, steps, hedges, parts = [], [], [], [], []
    kinds = {"swap": "pay_fixed_swap", "cap": "cap", "floor": "sold_floor"}
    for place, one in enumerate(cases):
        terms = one.terms
        loans.append(
            {
                "loan_id": place,
                "principal": one.principal,
                "start_date": _date(one.start),
                "maturity_date": _date(one.dates[-1]),
                "frequency": f"{one.months}M",
                "day_count": one.day_count,
                "profile": "custom" if one.part else "bullet",
                "annual_rate": _share(terms.annual_rate),
                "index": None if terms.curve is None else f"index {place}",
                "margin_rate": None if terms.curve is None else _share(terms.margin),
                "index_floor_rate": _share(terms.index_floor),
                "index_cap_rate": _share(terms.index_cap),
                "rate_floor": _share(terms.rate_floor),
                "rate_cap": _share(terms.rate_cap),
                "index_averaging": terms.averaging,
                "reset_frequency": None if terms.reset_months is None else f"{terms.reset_months}M",
                "reset_lag_days": terms.lag,
                "lookback_days": terms.lookback,
                "lockout_days": terms.lockout,
                "observation_shift": terms.shift,
                "floor_daily": terms.floor_daily,
                "pik_rate": _share(terms.pik),
                "pik_share": _share(terms.pik_share),
            }
        )
        # What they leave is due with the last: less than they say where interest in kind is negative.
        shares = [one.part] * (one.periods - 1) + [0] if one.part else []
        parts += [
            {"loan_id": place, "payment_number": number, "principal": part}
            for number, part in enumerate(shares, 1)
        ]
        if terms.curve is not None:
            rates += [
                {"index": f"index {place}", "date": _date(at), "value": value / oracle.ONE}
                for at, value in zip(terms.curve.dates, terms.curve.values, strict=True)
            ]
        by_day: dict[int, dict[str, Any]] = {}
        for at, term, value in terms.changes:
            by_day.setdefault(at, {"loan_id": place, "date": _date(at)})[term] = value / oracle.ONE
        steps += by_day.values()
        for number, hedge in enumerate(one.hedges):
            hedges += [
                {
                    "loan_id": place,
                    "hedge_id": number,
                    "kind": kinds[hedge.kind],
                    "strike_rate": hedge.rate / oracle.ONE,
                    "from_date": _date(at),
                    "notional": amount,
                    "notional_share": _share(share),
                }
                for at, amount, share in hedge.steps
            ]
    hedge_frame = pd.DataFrame(hedges)
    if len(hedge_frame):
        hedge_frame["notional"] = hedge_frame["notional"].astype("Int64")
    return {
        "loans": pd.DataFrame(loans),
        "rates": pd.DataFrame(rates) if rates else None,
        "rate_steps": pd.DataFrame(steps) if steps else None,
        "hedges": hedge_frame if hedges else None,
        "principal_schedule": pd.DataFrame(parts) if parts else None,
        "holidays": [str(_date(day)) for day in HOLIDAYS],
    }
