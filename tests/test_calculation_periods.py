"""Whatever accrues has calculation periods of its own: interest, interest in kind, each hedge, and the undrawn fee.

Under day counts of 30 days a month a cut on a 31st is a day more, so that a cut which nothing calls for shows.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from oracles import rates as oracle
from oracles.rates import Curve, Hedge, Terms

COUNTS = ("30/360", "30/360 US", "30E/360", "30E/360 ISDA", "ACT/360", "ACT/ACT ISDA")
COLUMNS = ["interest", "pik", "hedge", "fee", "closing_balance"]
BP = oracle.ONE // 10_000
KINDS = {"swap": "pay_fixed_swap", "cap": "cap", "floor": "sold_floor"}


def _day(draw: random.Random, first: int, last: int) -> int:
    """A day, most often the last of a month."""
    day = draw.randrange(first, last)
    if draw.random() < 0.7:
        month_end = oracle.add_months(oracle.day("1970-01-31"), _month(day))
        day = month_end if first <= month_end < last else day
    return day


def _month(day: int) -> int:
    date = np.datetime64(day, "D").astype("M8[M]")
    return int(date.astype(int))


def _date(day: int) -> Any:
    return np.datetime64(day, "D")


class Book:
    """Loans, and the frames beside them."""

    def __init__(self) -> None:
        self.loans: list[dict[str, Any]] = []
        self.beside: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("rates", "rate_steps", "hedges", "draws", "prepayments")
        }
        self.wanted: list[tuple[Any, ...]] = []

    def add(self, draw: random.Random) -> None:
        place, day_count = len(self.loans), draw.choice(COUNTS)
        start = oracle.day("2024-01-01") + draw.randrange(0, 200)
        months, periods = draw.choice((1, 3, 6)), draw.randrange(1, 5)
        dates = tuple(oracle.add_months(start, n * months) for n in range(periods + 1))
        end, floats = dates[-1], draw.random() < 0.7
        terms = self._terms(draw, place, start, end, floats)
        hedges = self._hedges(draw, place, start, end) if floats and draw.random() < 0.7 else ()
        principal = draw.randrange(1_000, 10 ** draw.randrange(4, 11))
        moved, lent, elsewhere = [], [], []
        for _ in range(draw.choice((0, 0, 1, 2))):
            at, amount = _day(draw, start + 1, end), draw.choice((0, 1, draw.randrange(10**8)))
            own = draw.random() < 0.6
            row = {"loan_id": place, "date": _date(at), "amount": amount}
            self.beside["draws"].append({**row, "annual_rate": 0.07 if own else None})
            lent.append((at, amount))
            (elsewhere if own else moved).append((at, amount))
        for _ in range(draw.choice((0, 0, 1))):
            at, amount = _day(draw, start + 1, end), draw.choice((0, principal // 3))
            if all(at != day for day, _ in moved):
                row = {"loan_id": place, "date": _date(at), "amount": amount, "draw_number": 0}
                self.beside["prepayments"].append(row if elsewhere else {**row, "draw_number": None})
                moved.append((at, -amount))
        fee = draw.randrange(1, 200) * BP if draw.random() < 0.5 else 0
        commitment = principal + sum(amount for _, amount in lent) + draw.choice((0, 10**6))
        fixed = None if floats else terms.annual_rate
        self.loans.append(
            {
                "loan_id": place,
                "principal": principal,
                "start_date": _date(start),
                "maturity_date": _date(end),
                "frequency": f"{months}M",
                "day_count": day_count,
                "profile": "bullet",
                "annual_rate": None if fixed is None else fixed / oracle.ONE,
                "index": f"index {place}" if floats else None,
                "margin_rate": terms.margin / oracle.ONE if floats else None,
                "reset_frequency": None if terms.reset_months is None else f"{terms.reset_months}M",
                "pik_rate": terms.pik / oracle.ONE,
                "pik_share": terms.pik_share / oracle.ONE,
                "commitment": commitment,
                "undrawn_fee_rate": fee / oracle.ONE,
            }
        )
        undrawn = ((start, commitment - principal), *((at, -amount) for at, amount in lent))
        facility = oracle.Moves(tuple(moved), undrawn, fee)
        time = oracle.counted(day_count, end)
        for row in oracle.rows(terms, principal, dates, time, hedges=hedges, moves=facility):
            amounts = (row.interest, row.pik, -row.hedge_received, row.fee, row.closing)
            self.wanted.append((place, row.date, *amounts))

    def _terms(self, draw: random.Random, place: int, start: int, end: int, floats: bool) -> Terms:
        changes = []
        for _ in range(draw.choice((0, 1, 2, 3))):
            kinds = (
                "pik_rate",
                "pik_share",
                "default_margin_rate",
                "margin_rate" if floats else "annual_rate",
            )
            # Few values, so that many changes change nothing.
            kind, low = draw.choice(kinds), draw.choice((0, 1, 1))
            value = low * (oracle.ONE // 2 if kind == "pik_share" else 200 * BP)
            changes.append((_day(draw, start, end), kind, value))
        changes = list({change[:2]: change for change in changes}.values())
        by_day: dict[int, dict[str, Any]] = {}
        for at, kind, value in changes:
            by_day.setdefault(at, {"loan_id": place, "date": _date(at)})[kind] = value / oracle.ONE
        self.beside["rate_steps"] += by_day.values()
        curve = None
        if floats:
            days = sorted({start - 40, *(_day(draw, start, end) for _ in range(draw.randrange(0, 6)))})
            curve = Curve(tuple(days), tuple(draw.choice((300, 300, 450)) * BP for _ in days), flat=True)
            self.beside["rates"] += [
                {"index": f"index {place}", "date": _date(at), "value": value / oracle.ONE}
                for at, value in zip(curve.dates, curve.values, strict=True)
            ]
        return Terms(
            annual_rate=None if floats else 200 * BP,
            curve=curve,
            margin=200 * BP if floats else 0,
            reset_months=draw.choice((None, 1)),
            pik=draw.choice((0, 200 * BP)),
            pik_share=draw.choice((0, 0, oracle.ONE // 2)),
            changes=tuple(sorted(changes)),
        )

    def _hedges(self, draw: random.Random, place: int, start: int, end: int) -> tuple[Hedge, ...]:
        hedges = []
        for number, kind in enumerate(draw.sample(sorted(KINDS), draw.randrange(1, 3))):
            steps: dict[int, tuple[int | None, int | None]] = {}
            for _ in range(draw.randrange(1, 4)):
                at = _day(draw, start - 20, end)
                whole = draw.random() < 0.5
                steps[at] = (
                    (draw.choice((0, 10**7)), None) if whole else (None, oracle.ONE // draw.choice((1, 2)))
                )
            rows = tuple((at, amount, share) for at, (amount, share) in sorted(steps.items()))
            hedges.append(Hedge(kind, draw.choice((200, 400)) * BP, rows))
            self.beside["hedges"] += [
                {
                    "loan_id": place,
                    "hedge_id": number,
                    "kind": KINDS[kind],
                    "strike_rate": hedges[-1].rate / oracle.ONE,
                    "from_date": _date(at),
                    "notional": amount,
                    "notional_share": None if share is None else share / oracle.ONE,
                }
                for at, amount, share in rows
            ]
        return tuple(hedges)

    def of(self, place: int) -> dict[str, Any]:
        return {
            name: [row for row in rows if row.get("loan_id") == place] for name, rows in self.beside.items()
        }

    def frames(self) -> dict[str, Any]:
        found = {name: pd.DataFrame(rows) for name, rows in self.beside.items()}
        for name, column in (("hedges", "notional"), ("prepayments", "draw_number")):
            found[name][column] = found[name][column].astype("Int64")
        return {"loans": pd.DataFrame(self.loans), **found, "extrapolate": "flat", "amounts": "minor"}


@pytest.mark.parametrize("seed", range(4))
def test_each_is_cut_by_its_own_changes_alone(seed: int) -> None:
    draw, book = random.Random(f"calculation periods {seed}"), Book()
    for _ in range(500):
        book.add(draw)
    given = book.frames()
    rows = nc.amortize(**given, columns=[*COLUMNS, "draw_number"])
    own = rows[rows["draw_number"] == 0]
    dates = own["payment_date"].to_numpy().astype("M8[D]").astype(int).tolist()
    keys = zip(own["loan_id"].tolist(), dates, strict=True)
    found = dict(zip(keys, own[COLUMNS].to_numpy().tolist(), strict=True))
    assert len(book.wanted) > 1_000
    for place, date, *amounts in book.wanted:
        assert found[place, date] == amounts, (place, date, book.loans[place], book.of(place))
