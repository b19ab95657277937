"""Loans to test with, the awkward ones on purpose, and their way into frames and out of results."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd

from neocalc import _core
from neocalc._loan_options import MONEY_COLUMNS, make_loan_options
from neocalc._loans import LoanColumns
from oracles.calendar import shift
from oracles.loans import Engine, Loan, Refused, Row, Terms, amortize

PROFILES = ("level_payment", "level_principal", "bullet", "percent_schedule", "custom")
DAY_COUNTS = (
    "30/360", "30/360", "ACT/360", "ACT/365F", "ACT/ACT ISDA", "ACT/ACT ICMA", "30/360 US", "30E/360", "30E/360 ISDA",
)  # fmt: skip
CYCLES = ("1M", "1M", "1M", "3M", "6M", "12M", "2M", "4M", "1W", "2W", "28D", None)
NAMES = {
    "1M": "monthly",
    "3M": "quarterly",
    "6M": "semiannual",
    "12M": "annual",
    "1W": "weekly",
    None: "at_maturity",
}
CONVENTIONS = ("none", "none", "following", "modified_following", "preceding", "modified_preceding")
STUBS = ("short_back", "short_back", "long_back", "short_front", "long_front")
MONEY = ("opening_balance", "draw", "interest", "pik", "principal", "payment", "closing_balance")
PARTS = 10**12

# Edge classes by name; the generator must hit each at least 1 % of the time.
EDGE_CLASSES: dict[str, Callable[[Loan], bool]] = {
    **{name: (lambda loan, name=name: loan.profile == name) for name in PROFILES},  # type: ignore[misc]
    **{f"day count {name}": (lambda loan, name=name: loan.day_count == name) for name in set(DAY_COUNTS)},  # type: ignore[misc]
    **{f"cycle {name}": (lambda loan, name=name: loan.cycle == name) for name in set(CYCLES)},  # type: ignore[misc]
    **{f"convention {name}": (lambda loan, name=name: loan.convention == name) for name in set(CONVENTIONS)},  # type: ignore[misc]
    **{f"stub {name}": (lambda loan, name=name: loan.stub == name) for name in set(STUBS)},  # type: ignore[misc]
    "no interest": lambda loan: loan.rate == 0,
    "negative rate": lambda loan: loan.rate < 0,
    "least rate": lambda loan: loan.rate == Fraction(1, PARTS),
    "high rate": lambda loan: loan.rate > Fraction(1, 2),
    "tiny": lambda loan: 0 < loan.principal < 100,
    "nothing lent": lambda loan: loan.principal == 0,
    "huge": lambda loan: loan.principal > 2**50,
    "month end": lambda loan: loan.start.day == 31,
    "leap day": lambda loan: (loan.start.month, loan.start.day) == (2, 29),
    "stays on month ends": lambda loan: loan.end_of_month,
    "first payment given": lambda loan: loan.first_payment is not None,
    "interest only first": lambda loan: loan.interest_only_months > 0,
    "balloon": lambda loan: (loan.amortization_months or 0) > 12 * (loan.maturity.year - loan.start.year),
    "ends early": lambda loan: (
        0 < (loan.amortization_months or 0) < 12 * (loan.maturity.year - loan.start.year) - 12
    ),
    "payment agreed": lambda loan: loan.payment is not None,
    "capped": lambda loan: loan.balance_cap is not None,
    "rate steps": lambda loan: len(loan.rate_steps) > 0,
    "holiday capitalised": lambda loan: any(holiday[2] for holiday in loan.skipped),
    "holiday paid": lambda loan: any(not holiday[2] for holiday in loan.skipped),
}


def random_rate(random: Random) -> Fraction:
    kind = random.random()
    if kind < 0.06:
        return Fraction(0)
    if kind < 0.10:
        return Fraction(1, PARTS)
    if kind < 0.14:
        return Fraction(-random.randint(1, 20_000), 10**6)
    if kind < 0.18:
        return Fraction(random.randint(PARTS // 2 + 1, PARTS), PARTS)
    if kind < 0.5:
        return Fraction(random.randint(1, 400) * 5, 10_000)  # as loans have them
    return Fraction(random.randint(1, PARTS // 5), PARTS)


def random_principal(random: Random) -> int:
    kind = random.random()
    if kind < 0.02:
        return 0
    if kind < 0.08:
        return random.randint(1, 99)
    if kind < 0.12:
        return 2**51 - random.randint(1, 2**40)
    return random.randint(100, 10 ** random.randint(3, 12))


def random_day(random: Random) -> dt.date:
    day = dt.date(2001, 1, 1) + dt.timedelta(days=random.randrange(9_000))
    kind = random.random()
    if kind < 0.04:
        return dt.date(random.choice((2004, 2008, 2012, 2016, 2020, 2024)), 2, 29)
    if kind < 0.15:
        return day.replace(month=random.choice((1, 3, 5, 7, 8, 10, 12)), day=31)
    return day.replace(day=1) if kind < 0.35 else day


def random_loan(random: Random, longest: int = 48) -> Loan:
    """One loan; awkward terms far more often than lenders agree on them."""
    start, cycle = random_day(random), random.choice(CYCLES)
    payments = random.randint(1, 6) if random.random() < 0.2 else random.randint(2, longest)
    end_of_month = random.random() < 0.2
    if cycle is None:
        maturity = shift(start, random.randint(1, 60), end_of_month)
    elif cycle.endswith("M"):
        payments = min(payments, 1_200 // int(cycle[:-1]))  # a hundred years
        maturity = shift(start, int(cycle[:-1]) * payments, end_of_month)
    else:
        maturity = start + dt.timedelta(days=int(cycle[:-1]) * (7 if cycle.endswith("W") else 1) * payments)
    first = None
    if random.random() < 0.35:  # an irregular period somewhere
        maturity += dt.timedelta(days=random.randint(1, 40))
    if cycle is not None and random.random() < 0.12:
        first = min(start + dt.timedelta(days=random.randint(1, 70)), maturity)
    terms: dict[str, Any] = {}
    profile = random.choice(PROFILES) if random.random() < 0.6 else "level_payment"
    principal, rate = random_principal(random), random_rate(random)
    months = (maturity.year - start.year) * 12 + maturity.month - start.month
    if random.random() < 0.15:
        terms["interest_only_months"] = random.randint(1, max(1, months // 2))
    if profile in ("level_payment", "level_principal") and cycle is not None and random.random() < 0.2:
        far = min(months + random.randint(1, 200), 400) if random.random() < 0.7 else max(1, months // 3)
        terms["amortization_months"] = far
    if profile in ("level_payment", "level_principal") and random.random() < 0.15:
        terms["payment"] = max(1, int(principal * random.uniform(0.0, 0.1)) or 1)
        if random.random() < 0.5:
            terms["balance_cap"] = principal + random.randint(0, principal // 4 + 1)
    days = (maturity - start).days
    if random.random() < 0.15:
        steps = {start + dt.timedelta(days=random.randint(0, days)) for _ in range(random.randint(1, 4))}
        if cycle is not None and cycle.endswith("M") and random.random() < 0.5:
            steps |= {shift(start, int(cycle[:-1]) * random.randint(0, payments))}
        terms["rate_steps"] = tuple((day, random_rate(random)) for day in sorted(steps))
    if random.random() < 0.12:
        first_day = start + dt.timedelta(days=random.randint(0, days))
        last_day = first_day + dt.timedelta(days=random.randint(0, 200))
        terms["skipped"] = ((first_day, last_day, random.random() < 0.5),)
    loan = Loan(
        principal,
        start,
        maturity,
        rate,
        profile,
        cycle,
        random.choice(DAY_COUNTS),
        random.choice(CONVENTIONS),
        random.choice(STUBS),
        end_of_month,
        first,
        **terms,
    )
    if profile in ("percent_schedule", "custom"):
        loan = Loan(**{**vars(loan), "schedule": _random_schedule(random, loan)})
    return loan


def _random_schedule(random: Random, loan: Loan) -> tuple[tuple[Any, Any], ...]:
    """Shares or amounts, mostly less than all there is, by number or by date."""
    periods = Engine(Loan(**{**vars(loan), "interest_only_months": 0}), Terms()).periods
    chosen = sorted(random.sample(range(len(periods)), random.randint(1, min(len(periods), 12))))
    rows: list[tuple[Any, Any]] = []
    left = Fraction(1) if random.random() < 0.9 else Fraction(3, 2)
    for at in chosen:
        share = Fraction(int(left * random.uniform(0, 0.5) * 10_000), 10_000)
        left -= share
        when: Any = at + 1 if random.random() < 0.5 else periods[at].scheduled
        if loan.profile == "custom" and random.random() < 0.2:  # a day of its own
            when = loan.start + dt.timedelta(days=random.randint(1, (loan.maturity - loan.start).days))
        rows.append((when, share if loan.profile == "percent_schedule" else int(share * loan.principal)))
    if loan.profile == "custom" and random.random() < 0.3:  # in full, on a day of its own
        last = max(when if isinstance(when, dt.date) else periods[when - 1].scheduled for when, _ in rows)
        day = last + dt.timedelta(days=random.randint(1, 100))
        rows.append((min(day, loan.maturity), max(loan.principal - sum(amount for _, amount in rows), 0)))
    return tuple(rows)


def random_terms(random: Random) -> Terms:
    years = range(2001, 2062)
    closed = {
        dt.date(year, month, day) for year in years for month, day in ((1, 1), (12, 25), (7, 4), (5, 1))
    }
    closed |= {dt.date(2001, 1, 1) + dt.timedelta(days=random.randrange(22_000)) for _ in range(200)}
    return Terms(
        unadjusted=random.random() < 0.5,
        nominal=random.random() < 0.3,
        holidays=frozenset(closed) if random.random() < 0.7 else frozenset(),
        negative_allowed=random.random() < 0.6,
    )


def options(terms: Terms) -> dict[str, Any]:
    """The same as keywords of `amortize`."""
    return {
        "accrual": "unadjusted" if terms.unadjusted else "adjusted",
        "payment_basis": "nominal" if terms.nominal else "actual",
        "holidays": np.array(sorted(terms.holidays), dtype="M8[D]"),
        "allow_negative_amortization": terms.negative_allowed,
        "rounding": "payment" if terms.rounded else None,
        "allow_high_rate": True,
    }


def _optional(values: Sequence[int | None]) -> pd.Series:
    return pd.Series(values, dtype="Int64")


def frame(loans: Sequence[Loan]) -> pd.DataFrame:
    """The loans as a frame in whole minor units."""
    return pd.DataFrame(
        {
            "loan_id": np.arange(len(loans)),
            "principal": np.array([loan.principal for loan in loans], dtype=np.int64),
            "start_date": np.array([loan.start for loan in loans], dtype="M8[us]"),
            "maturity_date": np.array([loan.maturity for loan in loans], dtype="M8[us]"),
            "annual_rate": np.array([float(loan.rate) for loan in loans], dtype=np.float64),
            "profile": pd.Series([loan.profile for loan in loans], dtype=object),
            "frequency": pd.Series([NAMES.get(loan.cycle, loan.cycle) for loan in loans], dtype=object),
            "day_count": pd.Series([loan.day_count for loan in loans], dtype=object),
            "business_day_convention": pd.Series([loan.convention for loan in loans], dtype=object),
            "stub": pd.Series([loan.stub for loan in loans], dtype=object),
            "end_of_month": np.array([loan.end_of_month for loan in loans], dtype=bool),
            "first_payment_date": pd.Series(
                np.array([loan.first_payment or np.datetime64("NaT") for loan in loans], dtype="M8[us]")
            ),
            "interest_only_months": np.array([loan.interest_only_months for loan in loans], dtype=np.int64),
            "amortization_months": _optional([loan.amortization_months for loan in loans]),
            "payment": _optional([loan.payment for loan in loans]),
            "balance_cap": _optional([loan.balance_cap for loan in loans]),
        }
    )


def beside(loans: Sequence[Loan]) -> dict[str, pd.DataFrame]:
    """The frames beside the loans."""
    steps = [(n, day, float(rate)) for n, loan in enumerate(loans) for day, rate in loan.rate_steps]
    rows = [(n, *row) for n, loan in enumerate(loans) for row in loan.schedule]
    gaps = [(n, *gap) for n, loan in enumerate(loans) for gap in loan.skipped]
    nat = np.datetime64("NaT")
    shares = [float(value) if loans[n].profile == "percent_schedule" else None for n, _, value in rows]
    return {
        "rate_steps": pd.DataFrame(
            {
                "loan_id": np.array([n for n, _, _ in steps], dtype=np.int64),
                "date": np.array([day for _, day, _ in steps], dtype="M8[us]"),
                "annual_rate": np.array([rate for _, _, rate in steps], dtype=np.float64),
            }
        ),
        "principal_schedule": pd.DataFrame(
            {
                "loan_id": np.array([n for n, _, _ in rows], dtype=np.int64),
                "payment_number": _optional([when if isinstance(when, int) else None for _, when, _ in rows]),
                "date": np.array(
                    [nat if isinstance(when, int) else when for _, when, _ in rows], dtype="M8[us]"
                ),
                "principal": _optional(
                    [int(value) if loans[n].profile == "custom" else None for n, _, value in rows]
                ),
                "share": pd.Series(shares, dtype="Float64"),
            }
        ),
        "payment_holidays": pd.DataFrame(
            {
                "loan_id": np.array([n for n, _, _, _ in gaps], dtype=np.int64),
                "from_date": np.array([day for _, day, _, _ in gaps], dtype="M8[us]"),
                "to_date": np.array([day for _, _, day, _ in gaps], dtype="M8[us]"),
                "interest": pd.Series(["capitalised" if flag else "paid" for *_, flag in gaps], dtype=object),
            }
        ),
    }


def expected(loans: Sequence[Loan], terms: Terms) -> tuple[list[list[Row]], list[str | None]]:
    """What the oracle says of each: its rows, or the code of what is wrong with it."""
    rows: list[list[Row]] = []
    codes: list[str | None] = []
    for loan in loans:
        try:
            rows.append(amortize(loan, terms))
            codes.append(None)
        except Refused as refused:
            rows.append([])
            codes.append(refused.code)
    return rows, codes


def digest_of_totals(totals: Any) -> str:
    """Return one number for all cells of the core's totals."""
    cells = (np.asarray(totals.cells([name])[0]).tobytes() for name in MONEY_COLUMNS)
    return hashlib.sha256(b"".join(cells)).hexdigest()


def digests_of_unrounded_totals(book: pd.DataFrame, codes: Any, groups: int) -> set[str]:
    """Return the digests of unrounded totals by several numbers of threads and sizes of chunks."""
    data = LoanColumns(book, make_loan_options("amortize", {"rounding": None}), index_is_id=True)
    found = set()
    for threads, chunk_rows in ((1, 0), (2, 0), (7, 0), (1, 7), (2, 1_000), (3, 100_000)):
        settings = _core.LoanSettings(rounded=False, threads=threads, chunk_rows=chunk_rows)
        totals = _core.loan_totals(data.core(), settings, codes, groups, list(MONEY_COLUMNS), "major")
        found.add(digest_of_totals(totals))
    return found
