"""Draws with terms of their own in the books: an effective rate for each, and what is known on a day."""

from __future__ import annotations

import datetime as dt
import os
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from oracles import effective_interest as oracle

DEEP = os.environ.get("NEOCALC_DEEP") == "1"
SOFR = pd.DataFrame(
    {"index": "SOFR", "date": ["2024-01-01", "2025-03-03", "2026-02-02"], "value": [0.0533, 0.0433, 0.0375]}
)


def facility(random: Random, place: int) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, list[Any]]]:
    """A loan, its draws and the frames beside it: of every kind that has draws with terms of their own."""
    start = dt.date(2024, 1, 1) + dt.timedelta(days=random.randrange(300))
    floats = random.random() < 0.3
    kind = random.choice(
        ("bullet", "level_principal", "level_payment", "custom", "payment", "base", "sculpted")
    )
    principal = random.choice((0, random.randrange(10**5, 10**8)))
    drawn = [random.randrange(10**5, 10**8) for _ in range(random.randint(1, 4))]
    whole = principal + sum(drawn)
    loan = {
        "loan_id": place,
        "principal": principal / 100,
        "commitment": (whole + random.choice((0, whole // 3))) / 100,
        "start_date": start,
        "term_months": 36,
        "frequency": "quarterly",
        "day_count": random.choice(("ACT/360", "ACT/365F")),
        "profile": kind if kind not in ("payment", "base") else "level_payment",
        "annual_rate": None if floats else random.randrange(100, 1500) / 10_000,
        "index": "SOFR" if floats else None,
        "margin_rate": random.randrange(0, 800) / 10_000 if floats else None,
        "payment": (whole // 6) / 100 if kind == "payment" else None,
        "advance_rate": 0.9 if kind == "base" else None,
        "target_dscr": 1.25 if kind == "sculpted" else None,
        "issue_price": random.choice((1.0, 0.99, 0.985, 1.01)),
        "upfront_fee": random.choice((0.0, whole // 5_000 / 100)),
        "draw_end_date": start + dt.timedelta(days=random.choice((400, 700)))
        if random.random() < 0.5
        else None,
    }
    draws = []
    for amount in drawn:
        own = random.choice(("rate", "term", "both"))
        draws.append(
            {
                "loan_id": place,
                "date": start + dt.timedelta(days=random.randrange(1, 400)),
                "amount": amount / 100,
                "term_months": random.choice((6, 12, 24)) if own != "rate" else None,
                "annual_rate": random.randrange(100, 1500) / 10_000 if own != "term" else None,
            }
        )
    beside: dict[str, list[Any]] = {"principal_schedule": [], "cash_flow": [], "collateral": []}
    quarters = [start + dt.timedelta(days=91 * n + 80) for n in range(12)]
    if kind == "custom":
        beside["principal_schedule"] = [
            {"loan_id": place, "payment_number": 8, "principal": min(drawn) / 100 / 4}
        ]
    if kind == "sculpted":
        beside["cash_flow"] = [{"loan_id": place, "date": day, "cfads": whole / 100 / 5} for day in quarters]
    if kind == "base":
        values = [
            {"loan_id": place, "period_end": day, "closing_book_value": (14 - n) * whole / 1000}
            for n, day in enumerate(quarters)
        ]
        beside["collateral"] = [
            {"loan_id": place, "period_end": start, "closing_book_value": whole / 60},
            *values,
        ]
    return loan, draws, beside


def book(seed: int, n: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    random = Random(seed)
    loans, tables = [], {"draws": [], "principal_schedule": [], "cash_flow": [], "collateral": []}
    for place in range(n):
        loan, draws, beside = facility(random, place)
        loans.append(loan)
        tables["draws"] += draws
        for name, rows in beside.items():
            tables[name] += rows
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    return pd.DataFrame(loans), {**frames, "rates": SOFR, "extrapolate": "flat", "round_input": True}


def cents(amounts: Any) -> list[int]:
    return [round(amount * 100) for amount in amounts]


@pytest.mark.parametrize("seed", range(20 if DEEP else 3))
def test_each_draw_has_the_books_of_a_loan_of_its_own(seed: int) -> None:
    loans, beside = book(seed, 60)
    beside["on_error"] = "skip"
    columns = ["draw", "interest", "principal", "annual_rate", "draw_number", "closing_balance"]
    rows = nc.amortize(loans, columns=columns, **beside)
    books = nc.carrying_amount(loans, **beside)
    assert rows["loan_id"].nunique() > 45
    costly = floating = 0
    for place, own in rows.groupby("loan_id", observed=True):
        loan = loans.iloc[place]
        bottom = 360 if loan["day_count"] == "ACT/360" else 365
        draws = beside["draws"][beside["draws"]["loan_id"] == place].sort_values("date", kind="stable")
        fee, commitment = cents([loan["upfront_fee"], loan["commitment"]])
        drawn = round(loan["principal"] * 100)
        taken = {0: round(fee * Fraction(drawn, commitment))}
        for number, amount in enumerate(cents(draws["amount"]), 1):
            shares = [round(fee * Fraction(upto, commitment)) for upto in (drawn, drawn + amount)]
            taken[number], drawn = shares[1] - shares[0], drawn + amount
        assert sum(taken.values()) == round(fee * Fraction(drawn, commitment))
        for number, part in own.groupby("draw_number"):
            mine = books[(books["loan_id"] == place) & (books["draw_number"] == number)]
            own_rate = number and pd.notna(draws["annual_rate"].iloc[number - 1])
            floats = pd.notna(loan["index"]) and not own_rate
            dates = part["payment_date"].to_numpy().astype("M8[D]").astype(int).tolist()
            periods = []
            for at in range(1, len(part)):
                fraction = Fraction(dates[at] - dates[at - 1], bottom)
                contract = Fraction(str(part["annual_rate"].iloc[at])) * fraction if floats else Fraction(0)
                interest, principal = cents(part[["interest", "principal"]].iloc[at])
                periods.append(oracle.Period(fraction, interest, principal, contract))
            face = round(part["draw"].iloc[0] * 100)
            if not face:
                continue
            discount = face - round(face * Fraction(str(loan["issue_price"]))) + taken[number]
            at_dates = mine[mine["payment_date"].isin(part["payment_date"])]
            left = cents(at_dates["unamortized"])
            if not discount:
                assert left == [0] * len(part)
                continue
            assert left == [discount, *oracle.books(face, face - discount, periods)], (place, number)
            rate = float(oracle.solve(face - discount, periods))
            found = at_dates["effective_rate"].iloc[-1] - (part["annual_rate"].iloc[-1] if floats else 0.0)
            assert found == pytest.approx(rate, rel=1e-11, abs=1e-13)
            costly, floating = costly + 1, floating + bool(floats)
    assert costly > 60
    assert floating > 10


def test_commitment_cost_goes_with_the_draws_and_the_rest_is_expensed() -> None:
    """10.00 for a commitment of 1,000: a tenth for the first advance, a tenth and a fifth for the draws, the rest."""
    loans = pd.DataFrame(
        {
            "loan_id": ["a"],
            "commitment": [1000.0],
            "principal": [100.0],
            "start_date": ["2025-01-15"],
            "term_months": [24],
            "annual_rate": [0.08],
            "profile": ["bullet"],
            "frequency": ["quarterly"],
            "upfront_fee": [10.0],
            "draw_end_date": ["2025-12-31"],
        }
    )
    draws = pd.DataFrame(
        {"loan_id": "a", "date": ["2025-03-01", "2025-09-01"], "amount": [100.0, 200.0], "term_months": 12}
    )
    months = nc.carrying_amount(loans, draws=draws, freq="M", end="2026-12-31")
    asset = months.set_index("period_end")["commitment_cost"]
    assert asset["2025-02-28"] == 9.0
    assert asset["2025-03-31"] == 8.0
    assert asset["2025-08-31"] == 8.0
    assert asset["2025-09-30"] == 6.0
    assert asset["2025-11-30"] == 6.0
    assert asset["2025-12-31"] == 0.0  # the window has closed
    expense = nc.interest_expense(loans, draws=draws, by=[], freq="Y")
    assert round(expense["amortization"].sum(), 2) == 10.0
    # Nothing lent on the first day, and every draw on its own: the asset is rolled all the same.
    empty = loans.assign(principal=0.0)
    asset = nc.carrying_amount(empty, draws=draws, freq="M", end="2026-12-31").set_index("period_end")[
        "commitment_cost"
    ]
    assert [asset[day] for day in ("2025-02-28", "2025-03-31", "2025-09-30", "2026-01-31")] == [
        10.0,
        9.0,
        7.0,
        0.0,
    ]
    # Without a window the loan's end is the end of it.
    whole = nc.interest_expense(loans.drop(columns="draw_end_date"), draws=draws, by=[], freq="Y")
    assert round(whole["amortization"].sum(), 2) == 10.0
    assert whole["amortization"].iloc[-1] > 6.0


@pytest.mark.parametrize("seed", range(10 if DEEP else 3))
def test_what_is_drawn_later_is_left_out(seed: int) -> None:
    """As of a day, a book is what it would be had nobody told of the draws to come."""
    loans, beside = book(seed + 100, 60)
    loans = loans.assign(upfront_fee=0.0, issue_price=1.0)
    bad = nc.validate_loans(loans, **beside)
    assert len(bad) < 20
    beside["on_error"] = "skip"
    sound = nc.amortize(loans, columns=["draw", "closing_balance"], **beside)
    loans = loans[loans["loan_id"].isin(set(sound["loan_id"]))].reset_index(drop=True)
    for name in ("draws", "principal_schedule", "cash_flow", "collateral"):
        beside[name] = beside[name][beside[name]["loan_id"].isin(loans["loan_id"])]
    later = False
    for as_of in ("2024-06-30", "2024-12-31", "2025-06-30"):
        known = {**beside, "draws": beside["draws"][pd.to_datetime(beside["draws"]["date"]) <= as_of]}
        later |= len(known["draws"]) < len(beside["draws"])
        # A custom schedule may ask for more than is owed without the later draws.
        plain = loans[loans["profile"] != "custom"]
        rest = {
            k: v[v["loan_id"].isin(plain["loan_id"])] if k in ("draws", "principal_schedule") else v
            for k, v in beside.items()
        }
        bare = {
            k: v[v["loan_id"].isin(plain["loan_id"])] if k in ("draws", "principal_schedule") else v
            for k, v in known.items()
        }
        for table in (rest, bare):
            for name in ("cash_flow", "collateral"):
                table[name] = table[name][table[name]["loan_id"].isin(plain["loan_id"])]
            table["on_error"] = "raise"
        one = nc.principal_ladder(plain, as_of=as_of, by=["loan_id"], **rest)
        pd.testing.assert_frame_equal(one, nc.principal_ladder(plain, as_of=as_of, by=["loan_id"], **bare))
        one = nc.weighted_average_life(plain, as_of=as_of, **rest)
        pd.testing.assert_frame_equal(one, nc.weighted_average_life(plain, as_of=as_of, **bare))
        one = nc.current_portion(plain, as_of=as_of, **rest)
        pd.testing.assert_frame_equal(one, nc.current_portion(plain, as_of=as_of, **bare))
        # A ladder sums to what is outstanding, custom schedules among them.
        ladder = nc.principal_ladder(loans, as_of=as_of, by=["loan_id"], **beside)
        rows = sound[pd.to_datetime(sound["payment_date"]) <= as_of]
        outstanding = rows.groupby("loan_id", observed=True)["closing_balance"].last()
        sums = (
            ladder.groupby("loan_id", observed=True)["principal"]
            .sum()
            .reindex(outstanding.index, fill_value=0.0)
        )
        assert sums.round(2).tolist() == outstanding.round(2).tolist()
    assert later


def test_a_planned_prepayment_is_at_most_what_is_owed_without_later_draws() -> None:
    loans = pd.DataFrame(
        {"loan_id": ["a"], "commitment": [1000.0], "principal": [100.0], "start_date": ["2025-01-15"],
         "term_months": [24], "annual_rate": [0.08], "profile": ["bullet"], "frequency": ["quarterly"]}
    )  # fmt: skip
    draws = pd.DataFrame(
        {
            "loan_id": "a",
            "date": ["2025-03-01", "2025-09-01"],
            "amount": [50.0, 200.0],
            "term_months": [12, None],
        }
    )
    paid = pd.DataFrame({"loan_id": ["a"], "date": ["2025-12-01"], "amount": [250.0]})
    ladder = nc.principal_ladder(loans, draws=draws, prepayments=paid, as_of="2025-06-30", buckets=2)
    assert ladder["principal"].tolist() == [150.0, 0.0, 0.0]
    ladder = nc.principal_ladder(loans, draws=draws, prepayments=paid, as_of="2025-09-30", buckets=2)
    assert ladder["principal"].tolist() == [250.0, 50.0, 50.0]


def test_a_draw_that_is_repaid_in_no_time_writes_its_discount_off_at_once() -> None:
    """From the 30th to the 31st no day counts under 30/360: no rate earns a discount of 20.00, and all of it is cost."""
    loans = pd.DataFrame(
        {"loan_id": ["a"], "commitment": [5000.0], "principal": [1000.0], "start_date": ["2025-01-15"],
         "term_months": [12], "annual_rate": [0.08], "profile": ["bullet"], "issue_price": [0.98]}
    )  # fmt: skip
    draws = pd.DataFrame(
        {"loan_id": "a", "date": ["2025-03-30"], "amount": [1000.0], "maturity_date": ["2025-03-31"]}
    )
    books = nc.carrying_amount(loans, draws=draws)
    own = books[books["draw_number"] == 1]
    assert own["amortization"].tolist() == [0.0, 20.0]
    assert own["unamortized"].tolist() == [20.0, 0.0]
    assert own["effective_rate"].tolist() == [0.0, 0.0]
