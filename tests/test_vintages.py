"""Draws with terms of their own on floating rates: each is the loan that it would be by itself."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from oracles.calendar import shift

MONEY = ["opening_balance", "draw", "interest", "pik", "principal", "closing_balance"]
FLAT = {"extrapolate": "flat", "amounts": "minor"}


def fixings(random: Random) -> pd.DataFrame:
    """An index that moves every month or so."""
    days, values, day = [], [], dt.date(2023, 12, 1)
    while day < dt.date(2031, 1, 1):
        days.append(day)
        values.append(random.randint(-50, 700) / 10_000)
        day += dt.timedelta(days=random.randint(5, 45))
    return pd.DataFrame({"index": "SOFR", "date": np.array(days, "M8[us]"), "value": values})


def facility(random: Random, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A floating loan and its draws, all with a margin, a rate or a maturity of their own."""
    start = dt.date(2024, 1, 1) + dt.timedelta(days=random.randint(0, 300))
    start = start.replace(day=min(start.day, 28))
    quarters = random.randint(4, 16)
    loan: dict[str, Any] = {
        "loan_id": number,
        "principal": random.randint(1, 10**9),
        "start_date": start,
        "maturity_date": shift(start, 3 * quarters, False),
        "frequency": "quarterly",
        "day_count": "ACT/360",
        "profile": random.choice(("bullet", "level_principal", "level_payment")),
        "index": "SOFR",
        "margin_rate": random.randint(0, 600) / 10_000,
        "index_floor_rate": random.choice((None, 0.0, 0.01)),
        "rate_cap": random.choice((None, 0.09)),
        "reset_lag_days": random.choice((0, 2)),
        "pik_rate": random.choice((None, None, 0.01)),
    }
    draws = []
    for _ in range(random.randint(1, 4)):
        date = start + dt.timedelta(days=random.randint(1, 91 * quarters - 30))
        draw: dict[str, Any] = {"loan_id": number, "date": date, "amount": random.randint(1, 10**8)}
        draw |= {"margin_rate": None, "annual_rate": None, "maturity_date": None}
        kind = random.random()
        if kind < 0.5:
            draw["margin_rate"] = random.randint(0, 900) / 10_000
        elif kind < 0.7:
            draw["annual_rate"] = random.randint(100, 1_500) / 10_000
        if kind >= 0.7 or random.random() < 0.5:
            draw["maturity_date"] = date + dt.timedelta(days=random.randint(40, 1_500))
        draws.append(draw)
    return loan, sorted(draws, key=lambda draw: draw["date"])


def alone(loan: dict[str, Any], draws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The loan without its draws, and each draw as a loan on the payment dates that follow it."""
    found = [loan | {"loan_id": f"{loan['loan_id']} 0"}]
    for at, draw in enumerate(draws, 1):
        ends = [shift(loan["start_date"], 3 * n, False) for n in range(1, 60)]
        maturity = draw["maturity_date"] or loan["maturity_date"]
        first = min(next(day for day in ends if day > draw["date"]), maturity)
        own = {
            "loan_id": f"{loan['loan_id']} {at}",
            "principal": draw["amount"],
            "start_date": draw["date"],
            "first_payment_date": first,
            "maturity_date": maturity,
        }
        if draw["margin_rate"] is not None:
            own["margin_rate"] = draw["margin_rate"]
        if draw["annual_rate"] is not None:
            own |= {"annual_rate": draw["annual_rate"], "index": None, "margin_rate": None}
        found.append(loan | own)
    return found


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as columns of the dtypes that loans have."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if name.endswith("_date") or name == "date":
            columns[name] = np.array([np.datetime64("NaT") if v is None else v for v in values], "M8[us]")
        elif name.endswith("_rate") or name == "rate_cap":
            columns[name] = pd.Series(values, dtype="Float64")
        else:
            columns[name] = values
    return pd.DataFrame(columns)


@pytest.mark.parametrize("seed", range(4))
def test_each_draw_is_the_loan_it_would_be_alone(seed: int) -> None:
    random = Random(f"vintages {seed}")
    curve = fixings(random)
    made = [facility(random, number) for number in range(150)]
    loans, draws = frame([loan for loan, _ in made]), frame([draw for _, of in made for draw in of])
    columns = ["draw_number", *MONEY, "annual_rate"]
    found = nc.amortize(loans, draws=draws, rates=curve, columns=columns, **FLAT)
    parts = [part for loan, of in made for part in alone(loan, of)]
    wanted = nc.amortize(frame(parts), rates=curve, columns=[*MONEY, "annual_rate"], **FLAT)
    assert len(parts) > 400
    ids = found["loan_id"].astype(str) + " " + found["draw_number"].astype(str)
    assert ids.tolist() == wanted["loan_id"].astype(str).tolist()
    for name in ("payment_date", *MONEY, "annual_rate"):
        off = np.flatnonzero(found[name].to_numpy() != wanted[name].to_numpy())
        assert not len(off), (name, found.iloc[off[0]], wanted.iloc[off[0]])
    # Together they are the sums of the day.
    together = nc.amortize(loans, draws=draws, rates=curve, columns=MONEY, **FLAT)
    for name in ("draw", "interest", "pik", "principal"):
        sums = found.groupby(["loan_id", "payment_date"], observed=True)[name].sum()
        assert (together.set_index(["loan_id", "payment_date"])[name] == sums).all(), name


def test_hedges_are_of_the_loan_without_its_vintages() -> None:
    """A swap on a share of its balance, day by day in fractions, rounded once a payment."""
    random = Random("hedged vintages")
    curve = fixings(random)
    made = [facility(random, number) for number in range(60)]
    loans = frame([loan | {"pik_rate": None, "reset_lag_days": 0} for loan, _ in made])
    draws = frame([draw for _, of in made for draw in of])
    strike, share = Fraction(3, 100), Fraction(1, 2)
    hedges = pd.DataFrame(
        {
            "loan_id": loans["loan_id"],
            "kind": "pay_fixed_swap",
            "strike_rate": float(strike),
            "from_date": loans["start_date"],
            "notional_share": float(share),
        }
    )
    given = {"draws": draws, "rates": curve, **FLAT}
    plain = nc.amortize(loans, columns=[*MONEY], **given)
    found = nc.amortize(loans, hedges=hedges, columns=[*MONEY, "hedge"], **given)
    assert (found["interest"] - found["hedge"] == plain["interest"]).all()
    assert (found["closing_balance"] == plain["closing_balance"]).all()
    apart = nc.amortize(loans, columns=["draw_number", *MONEY], **given)
    days, values = curve["date"].to_numpy("M8[D]"), curve["value"].tolist()
    seen = 0
    for number, rows in found.groupby("loan_id", observed=True):
        loan = made[number][0]
        ends = [shift(loan["start_date"], 3 * n, False) for n in range(1, 60)]
        hedge = dict(zip(rows["payment_date"].dt.date, rows["hedge"].tolist(), strict=True))
        own = apart[(apart["loan_id"] == number) & (apart["draw_number"] == 0)]
        dates, balance = own["payment_date"].dt.date.tolist(), own["closing_balance"].tolist()
        start = loan["start_date"]
        for end in [day for day in ends if day <= loan["maturity_date"]]:
            index = values[int(np.searchsorted(days, np.datetime64(start), side="right")) - 1]
            received = Fraction(0)
            for day in (start + dt.timedelta(days=n) for n in range((end - start).days)):
                owed = balance[[at for at, date in enumerate(dates) if date <= day][-1]]
                notional = round(owed * share)
                received += notional * (Fraction(round(index * 10**12), 10**12) - strike) / 360
            if end in hedge:
                assert hedge[end] == -round(received), (number, end)
                seen += hedge[end] != 0
            start = end
    assert seen > 300


def test_a_ladder_leaves_out_what_is_not_drawn_yet() -> None:
    """As of a day, what was drawn by its close is owed; later draws are no maturities of it."""
    random = Random("ladder of draws")
    curve = fixings(random)
    made = [facility(random, number) for number in range(80)]
    loans, draws = (
        frame([loan | {"pik_rate": None} for loan, _ in made]),
        frame([d for _, of in made for d in of]),
    )
    for as_of in ("2024-06-30", "2025-02-14", "2026-12-31"):
        day = pd.Timestamp(as_of)
        known = loans[loans["start_date"] <= day]
        drawn = draws[draws["date"] <= day]
        given = {"rates": curve, **FLAT}
        ladder = nc.principal_ladder(
            known, draws=draws[draws["loan_id"].isin(known["loan_id"])], as_of=as_of, **given
        )
        until = nc.principal_ladder(
            known, draws=drawn[drawn["loan_id"].isin(known["loan_id"])], as_of=as_of, **given
        )
        rows = nc.amortize(
            known, draws=drawn[drawn["loan_id"].isin(known["loan_id"])], columns=MONEY, **given
        )
        owed = (
            rows[rows["payment_date"] <= day]
            .groupby("loan_id", observed=True)["closing_balance"]
            .last()
            .sum()
        )
        assert ladder["principal"].sum() == owed == until["principal"].sum()
        pd.testing.assert_frame_equal(ladder, until)


def test_a_ladder_takes_no_prepayment_of_what_is_not_drawn_yet() -> None:
    loans = frame(
        [
            {
                "loan_id": "A",
                "principal": 100,
                "start_date": dt.date(2025, 1, 31),
                "maturity_date": dt.date(2030, 1, 31),
                "annual_rate": 0.0,
                "profile": "bullet",
            }
        ]
    )
    later = {"loan_id": "A", "date": dt.date(2026, 3, 1), "amount": 70}
    draws = frame([later, {**later, "date": dt.date(2026, 4, 1), "maturity_date": dt.date(2027, 6, 30)}])
    paid = pd.DataFrame({"loan_id": "A", "date": ["2026-05-01", "2026-06-01"], "amount": [130, 70]})
    paid["draw_number"] = pd.Series([0, 2], dtype="Int64")
    given = {"draws": draws, "prepayments": paid, "amounts": "minor", "buckets": 3}
    early = nc.principal_ladder(loans, as_of="2025-12-31", **given)
    assert early["principal"].tolist() == [100, 0, 0, 0]  # 30 that were to be prepaid are not drawn
    then = nc.principal_ladder(loans, as_of="2026-03-31", **given)
    assert then["principal"].tolist() == [130, 0, 0, 40]
    late = nc.principal_ladder(loans, as_of="2026-04-30", **given)
    assert late["principal"].tolist() == [200, 0, 0, 40]
