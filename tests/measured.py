"""Loans and a cash flow that tests of measures share."""

from __future__ import annotations

import datetime as dt
import random

import pandas as pd

CASH = pd.DataFrame({"entity_id": "A", "period_end": ["2025-03-31", "2025-06-30"], "cfads": [1.0, 2.0]})


def loans(n: int = 12) -> pd.DataFrame:
    """Loans of three entities in two currencies, that start and end on different days."""
    rng = random.Random(11)
    return pd.DataFrame(
        [
            {
                "loan_id": f"loan-{at}",
                "entity_id": ("A", "B", "C")[at % 3],
                "currency": "EUR" if at % 3 == 0 and at % 2 else "USD",
                "principal": rng.randrange(10_000, 90_000_000) / 100,
                "start_date": dt.date(2024, 1, 1) + dt.timedelta(days=rng.randrange(600)),
                "term_months": rng.choice([12, 24, 36]),
                "annual_rate": rng.randrange(0, 1200) / 10_000,
                "profile": rng.choice(["level_payment", "level_principal", "bullet"]),
                "frequency": rng.choice(["monthly", "quarterly"]),
            }
            for at in range(n)
        ]
    )
