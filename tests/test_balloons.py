"""The level payment of a loan that its maturity cuts short, against the oracle: what the longer loan would pay."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pandas as pd

import loan_books
import neocalc as nc
from oracles.loans import Engine, Loan, Terms, level_payment


def exact(loan: Loan, times: list[Fraction]) -> int:
    growth = [1 + loan.rate * time for time in times]
    return round(level_payment(loan.principal * growth[0], growth[1:]))


def test_a_single_payment_after_a_long_front_stub_counts_the_whole_of_it() -> None:
    """46 days of 30/360 up to the only payment, as in the loan of twelve payments that it is cut from."""
    loans = pd.DataFrame(
        {
            "principal": [1000.0, 1000.0],
            "start_date": "2025-01-15",
            "maturity_date": ["2025-03-01", "2026-02-01"],
            "annual_rate": 0.12,
            "stub": "long_front",
            "amortization_months": [12, None],
        }
    )
    loan = Loan(100_000, dt.date(2025, 1, 15), dt.date(2025, 3, 1), Fraction(12, 100))
    want = exact(loan, [Fraction(46, 360), *[Fraction(30, 360)] * 11])
    assert want == 8932  # 1000 x (1 + 0.12 x 46/360) / (1 + 1/1.01 + ... + 1/1.01^11) = 1015.3333 / 11.367628
    assert nc.payment_amount(loans, amounts="major")["payment"].tolist() == [want / 100] * 2


def test_every_stub_and_first_payment_of_single_balloons() -> None:
    loans = []
    for day in (1, 15, 28, 31):
        start = dt.date(2024, 1, day)
        for length in (*range(3, 64), 92, 120, 180):
            maturity = start + dt.timedelta(days=length)
            for cycle in ("1M", "3M", "6M", "4W"):
                for stub in ("short_back", "long_back", "short_front", "long_front"):
                    for first in (None, maturity, start + dt.timedelta(days=length // 2)):
                        loan = Loan(
                            10_000_000,
                            start,
                            maturity,
                            Fraction(11, 100),
                            cycle=cycle,
                            day_count=("30/360", "ACT/360", "30E/360 ISDA", "ACT/ACT ICMA")[length % 4],
                            stub=stub,
                            first_payment=first,
                            amortization_months=12,
                        )
                        if len(Engine(loan, Terms()).periods) == 1:
                            loans.append(loan)
    assert len(loans) > 1000
    assert sum(loan.stub == "long_front" and loan.first_payment is None for loan in loans) > 100
    found = nc.payment_amount(loan_books.frame(loans), amounts="minor")["payment"].tolist()
    wanted = [exact(loan, Engine(loan, Terms()).level_times) for loan in loans]
    assert found == wanted
    # The level amount is what the loan as long as it is amortised would pay, where that is on the same dates.
    regular = [
        n for n, loan in enumerate(loans) if loan.first_payment == loan.maturity and loan.cycle == "1M"
    ]
    longer = loan_books.frame([loans[n] for n in regular]).drop(columns="amortization_months")
    first = pd.to_datetime(longer["first_payment_date"])
    longer["maturity_date"] = [day + pd.DateOffset(months=11) for day in first]
    same = nc.payment_amount(longer, amounts="minor")["payment"].tolist()
    icma = [loans[n].day_count for n in regular]
    pairs = [
        (found[n], other) for n, other, count in zip(regular, same, icma, strict=True) if "ISDA" not in count
    ]
    assert len(pairs) > 50
    assert all(one == other for one, other in pairs)
