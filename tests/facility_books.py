"""Facilities to test with, the awkward ones on purpose, and their way into frames and out of results."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from loan_books import _optional, frame, random_loan, random_rate
from loan_books import beside as loans_beside
from oracles.facilities import MONEY, Draw, Facility, Left, Part, Prepayment, Row, amortize, parts
from oracles.loans import Loan, Refused, Terms

COLUMNS = ("opening_balance", *MONEY, "payment", "closing_balance")
PARTS = 10**12
PROFILES = ("sculpted", "borrowing_base")


def _day(random: Random, start: dt.date, end: dt.date) -> dt.date:
    return start + dt.timedelta(days=random.randint(0, max((end - start).days, 0)))


def _loan(random: Random) -> Loan:
    loan = random_loan(random, longest=14)
    changes: dict[str, Any] = {"payment": None, "balance_cap": None}
    kind = random.random()
    if kind < 0.3:
        changes |= {"profile": random.choice(PROFILES), "schedule": (), "amortization_months": None}
    if loan.principal > 2**44:
        changes["principal"] = random.randint(2**40, 2**44)
    return replace(loan, **changes)


def _draws(random: Random, loan: Loan, first: dt.date, last: dt.date) -> tuple[Draw, ...]:
    own = loan.profile not in ("custom", "sculpted", "borrowing_base") and random.random() < 0.5
    found = []
    for _ in range(random.randint(1, 4)):
        date = _day(random, first, min(last, loan.maturity - dt.timedelta(days=1)))
        amount = random.randint(0, 10 ** random.randint(2, 8))
        maturity = rate = None
        if own and random.random() < 0.8:
            if random.random() < 0.7:
                maturity = date + dt.timedelta(days=random.randint(1, 900))
            if random.random() < 0.5:
                rate = random_rate(random)
        found.append(Draw(date, amount, maturity, rate))
    return tuple(sorted(found, key=lambda draw: draw.date))


def _prepayments(random: Random, loan: Loan, draws: Sequence[Draw]) -> tuple[Prepayment, ...]:
    whole = loan.principal + sum(draw.amount for draw in draws)
    own = [at for at, draw in enumerate(draws, 1) if draw.own_terms]
    found = []
    for _ in range(random.randint(1, 4)):
        amount: int | None = int(whole * random.random() * random.choice((0.02, 0.1, 0.3)))
        sweep = random.random() < 0.25
        if not sweep and random.random() < 0.15:
            amount = None
        smaller = not sweep and loan.profile not in ("custom", "sculpted") and random.random() < 0.5
        date = _day(random, loan.start, loan.maturity - dt.timedelta(days=1))
        if found and random.random() < 0.25:  # on the day of another
            date = found[-1].date
        elif draws and random.random() < 0.1:  # what is lent on the same day
            draw = random.choice(draws)
            date, amount = draw.date, draw.amount
        found.append(
            Prepayment(
                date,
                amount,
                smaller,
                capped=sweep,
                premium_due=not sweep and random.random() < 0.8,
                pay_accrued=not sweep and random.random() < 0.3,
                draw=random.choice([0, *own]) if own and not sweep and random.random() < 0.3 else None,
            )
        )
    return in_order(found)


def in_order(prepayments: Sequence[Prepayment]) -> tuple[Prepayment, ...]:
    """Prepayments as they are made: of one day those asked for, amounts, those of a draw, smaller payments first."""
    return tuple(
        sorted(
            prepayments,
            key=lambda row: (row.date, row.capped, row.amount is None, row.draw is None, not row.smaller),
        )
    )


def _sizing(random: Random, loan: Loan, draws: Sequence[Draw]) -> dict[str, Any]:
    """Cash flow or collateral that payments follow."""
    terms: dict[str, Any] = {}
    days = (loan.maturity - loan.start).days
    whole = loan.principal + sum(draw.amount for draw in draws)
    if loan.profile == "sculpted":
        terms["target_dscr"] = Fraction(random.randint(100, 200), 100)
        step = max(days // random.randint(1, 30), 1)
        least = -1 if random.random() < 0.1 else 0
        terms["cash_flow"] = tuple(
            (loan.start + dt.timedelta(days=n), random.randint(whole // 10 * least, whole // 3 + 1))
            for n in range(random.randint(0, 20), days + 60, step)
        )
    if loan.profile == "borrowing_base" or (random.random() < 0.1 and not any(d.own_terms for d in draws)):
        terms["advance_rate"] = Fraction(random.randint(50, 100), 100)
        value = int(whole * 2) + random.randint(0, 1000)
        if random.random() < 0.05:
            value //= 4
        rows, day = [], loan.start - dt.timedelta(days=random.randint(0, 20))
        for _ in range(random.randint(1, 24)):
            rows.append((day, value))
            value = int(value * random.uniform(0.7, 1.0))
            day += dt.timedelta(days=random.randint(1, 120))
        terms["collateral"] = tuple(rows)
    return terms


def random_facility(random: Random) -> Facility:
    """One facility over all that makes one."""
    loan = _loan(random)
    days = (loan.maturity - loan.start).days
    terms: dict[str, Any] = {}
    first, last = loan.start, loan.maturity
    if random.random() < 0.3:
        first = terms["draw_start"] = _day(random, loan.start, loan.maturity - dt.timedelta(days=1))
    if random.random() < 0.5:
        last = terms["draw_end"] = _day(random, first, loan.maturity)
    draws: tuple[Draw, ...] = ()
    if random.random() < 0.7:
        draws = _draws(random, loan, first, last)
    if random.random() < 0.7:
        whole = loan.principal + sum(draw.amount for draw in draws)
        terms["commitment"] = whole + random.choice((0, 1, random.randint(0, whole + 1)))
        if random.random() < 0.04 and whole > loan.principal:
            terms["commitment"] = whole - 1
        if random.random() < 0.7:
            terms["undrawn_rate"] = Fraction(random.randint(1, 200), 10_000)
    if random.random() < 0.4:
        terms["upfront_rate"] = Fraction(random.randint(0, 500), 10_000)
    if random.random() < 0.4:
        terms["issue_price"] = Fraction(random.randint(9_000, 10_200), 10_000)
    if random.random() < 0.6:
        terms["prepayments"] = _prepayments(random, loan, draws)
        if random.random() < 0.5:
            day = loan.start + dt.timedelta(days=random.randint(0, days))
            other = day + dt.timedelta(days=random.randint(1, 400))
            premiums = ((day, Fraction(random.randint(0, 300), 10_000)), (other, Fraction(1, 100)))
            terms["premiums"] = premiums[: random.randint(1, 2)]
        if random.random() < 0.4:
            until = loan.start + dt.timedelta(days=random.randint(0, days + 100))
            terms["make_whole"] = (until, Fraction(random.randint(0, 900), 10_000))
    return Facility(loan, draws=draws, **terms, **_sizing(random, loan, draws))


def facility_frame(facilities: Sequence[Facility]) -> pd.DataFrame:
    """The loans as a frame in whole minor units."""
    loans = frame([facility.loan for facility in facilities])

    def rates(values: list[Fraction | None]) -> pd.Series:
        return pd.Series([None if value is None else float(value) for value in values], dtype="Float64")

    def days(values: list[dt.date | None]) -> Any:
        return np.array(
            [np.datetime64("NaT") if value is None else value for value in values], dtype="M8[us]"
        )

    return loans.assign(
        commitment=_optional([f.commitment for f in facilities]),
        draw_start_date=days([f.draw_start for f in facilities]),
        draw_end_date=days([f.draw_end for f in facilities]),
        undrawn_fee_rate=rates([f.undrawn_rate or None for f in facilities]),
        upfront_fee_rate=rates([f.upfront_rate for f in facilities]),
        issue_price=rates([f.issue_price for f in facilities]),
        target_dscr=rates([f.target_dscr for f in facilities]),
        advance_rate=rates([f.advance_rate for f in facilities]),
        make_whole_until_date=days([None if f.make_whole is None else f.make_whole[0] for f in facilities]),
        make_whole_rate=rates([None if f.make_whole is None else f.make_whole[1] for f in facilities]),
        sweep_rate=rates([Fraction(1, 2)] * len(facilities)),
    )


def facility_beside(facilities: Sequence[Facility]) -> dict[str, pd.DataFrame]:
    """The frames beside the loans."""
    nat = np.datetime64("NaT")
    draws = [(n, draw) for n, f in enumerate(facilities) for draw in f.draws]
    paid = [(n, row) for n, f in enumerate(facilities) for row in f.prepayments]
    own = [(n, row) for n, row in paid if not row.capped]
    swept = [(n, row) for n, row in paid if row.capped]

    def table(rows: Sequence[tuple[int, Any]], **columns: Any) -> pd.DataFrame:
        return pd.DataFrame({"loan_id": np.array([n for n, _ in rows], dtype=np.int64), **columns})

    def days(values: Sequence[Any]) -> Any:
        return np.array([nat if value is None else value for value in values], dtype="M8[us]")

    def dated(name: str, column: str, date: str) -> pd.DataFrame:
        rows = [(n, row) for n, f in enumerate(facilities) for row in getattr(f, name)]
        amounts = np.array([amount for _, (_, amount) in rows], dtype=np.int64)
        return table(rows, **{date: days([day for _, (day, _) in rows]), column: amounts})

    premiums = [(n, row) for n, f in enumerate(facilities) for row in f.premiums]
    return {
        **loans_beside([facility.loan for facility in facilities]),
        "draws": table(
            draws,
            date=days([draw.date for _, draw in draws]),
            amount=np.array([draw.amount for _, draw in draws], dtype=np.int64),
            maturity_date=days([draw.maturity for _, draw in draws]),
            annual_rate=pd.Series(
                [None if draw.rate is None else float(draw.rate) for _, draw in draws], dtype="Float64"
            ),
        ),
        "prepayments": table(
            own,
            date=days([row.date for _, row in own]),
            amount=_optional([row.amount for _, row in own]),
            effect=pd.Series(["payment" if row.smaller else "term" for _, row in own], dtype=object),
            premium_due=np.array([row.premium_due for _, row in own], dtype=bool),
            pay_accrued=np.array([row.pay_accrued for _, row in own], dtype=bool),
            draw_number=_optional([row.draw for _, row in own]),
        ),
        "sweep": table(
            swept,
            date=days([row.date for _, row in swept]),
            # Half of it is swept, rounded down.
            excess_cash=np.array([row.amount * 2 + n % 2 for n, row in swept], dtype=np.int64),
        ),
        "prepayment_premiums": table(
            premiums,
            from_date=days([day for _, (day, _) in premiums]),
            premium_rate=np.array([float(rate) for _, (_, rate) in premiums], dtype=np.float64),
        ),
        "cash_flow": dated("cash_flow", "cfads", "date"),
        "collateral": dated("collateral", "closing_book_value", "period_end"),
    }


def expected(facilities: Sequence[Facility], terms: Terms) -> tuple[list[list[Row]], list[str | None]]:
    """What the oracle says of each: its rows, or the code of what is wrong with it."""
    rows: list[list[Row]] = []
    codes: list[str | None] = []
    for facility in facilities:
        try:
            rows.append(amortize(facility, terms))
            codes.append(None)
        except Refused as refused:
            rows.append([])
            codes.append(refused.code)
    return rows, codes


def columns_of(rows: Sequence[Row]) -> dict[str, np.ndarray[Any, Any]]:
    """Amounts of rows by column."""
    names = {"opening_balance": "opening", "closing_balance": "closing"}
    return {
        name: np.array([getattr(row, names.get(name, name)) for row in rows], dtype=np.int64)
        for name in COLUMNS
    }


def capacity(loan: Loan, dscr: Fraction, cash_flow: tuple[tuple[dt.date, int], ...], principal: int) -> bool:
    """Whether a principal is repaid by a cash flow at a ratio at every payment, in exact comparisons."""
    facility = Facility(replace(loan, principal=principal), target_dscr=dscr, cash_flow=cash_flow)
    try:
        rows = parts(facility, Terms())
    except Refused as refused:
        if refused.code != "negative_amortization":
            raise
        return False
    part = Part(facility, Terms(), 0, Left())
    start = loan.start
    for period in part.periods:
        cash = sum(amount for day, amount in cash_flow if start < day <= period.scheduled)
        paid = sum(row.interest + row.principal for row in rows if row.scheduled and row.date == period.paid)
        if cash < dscr * paid:
            return False
        start = period.scheduled
    return rows[-1].closing == 0
