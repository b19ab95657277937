"""Draws with terms of their own on floating rates: each is the loan that it would be by itself."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from oracles.calendar import shift
from oracles.rates import ONE, Curve, Hedge, counted, parts, received

MONEY = ["opening_balance", "draw", "interest", "pik", "principal", "closing_balance"]
EPOCH = dt.date(1970, 1, 1).toordinal()
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
        "day_count": random.choice(("ACT/360", "30/360", "30E/360")),
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
    loans_alone = [part for loan, of in made for part in alone(loan, of)]
    wanted = nc.amortize(frame(loans_alone), rates=curve, columns=[*MONEY, "annual_rate"], **FLAT)
    assert len(loans_alone) > 400
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


def test_a_share_of_the_balance_is_hedged_on_every_draw_that_floats() -> None:
    """Swaps and caps on shares and amounts, day by day in fractions, rounded once a payment of each draw."""
    random = Random("hedged vintages")
    curve = fixings(random)
    made = [facility(random, number) for number in range(90)]
    loans = frame([loan | {"pik_rate": None, "reset_lag_days": 0} for loan, _ in made])
    draws = frame([draw for _, of in made for draw in of])
    fixed = Curve(
        tuple(date.toordinal() - EPOCH for date in curve["date"].dt.date),
        tuple(parts(value) for value in curve["value"]),
        flat=True,
    )
    hedges: dict[int, tuple[Hedge, ...]] = {}
    table: list[dict[str, Any]] = []
    for loan, _ in made:
        number, start = loan["loan_id"], loan["start_date"]
        of = []
        for n in range(random.randint(1, 2)):
            steps: list[tuple[int, int | None, int | None]] = []
            for at in range(random.randint(1, 3)):
                day = start + dt.timedelta(days=at * random.randint(20, 400))
                whole = None if random.random() < 0.8 else random.randint(0, 10**8)
                share = None if whole is not None else random.choice((ONE // 2, 3 * ONE // 4, ONE, 0))
                if all(step[0] != day.toordinal() - EPOCH for step in steps):
                    steps.append((day.toordinal() - EPOCH, whole, share))
                    table.append(
                        {
                            "loan_id": number,
                            "hedge_id": n,
                            "kind": "cap" if n else "pay_fixed_swap",
                            "strike_rate": 0.03,
                            "from_date": day,
                            "notional": whole,
                            "notional_share": None if share is None else share / ONE,
                        }
                    )
            of.append(Hedge("cap" if n else "swap", 3 * ONE // 100, tuple(sorted(steps))))
        hedges[number] = tuple(of)
    beside = frame(table).assign(
        notional=pd.array([row["notional"] for row in table], dtype="Int64"),
        notional_share=pd.array([row["notional_share"] for row in table], dtype="Float64"),
    )
    given = {"draws": draws, "rates": curve, **FLAT}
    columns = ["draw_number", "accrual_start", *MONEY]
    plain = nc.amortize(loans, columns=columns, **given)
    found = nc.amortize(loans, hedges=beside, columns=[*columns, "hedge"], **given)
    own = found[found["draw_number"] > 0].drop(columns="hedge")
    unhedged = plain[plain["draw_number"] > 0]
    # What is owed does not depend on hedges; interest does by what they pay.
    assert own["closing_balance"].tolist() == unhedged["closing_balance"].tolist()
    assert (found["hedge"] != 0).any()
    seen = {"loan": 0, "draw": 0, "fixed": 0}
    for (number, draw), rows in found.groupby(["loan_id", "draw_number"], observed=True):
        at = [day.toordinal() - EPOCH for day in rows["payment_date"].dt.date]
        balances = tuple(zip(at, rows["closing_balance"].tolist(), strict=True))
        loan, terms = made[number][0], None if not draw else made[number][1][draw - 1]
        held = terms is not None and terms["annual_rate"] is not None
        day_count = loan["day_count"]
        ends = [shift(loan["start_date"], 3 * n, False).toordinal() - EPOCH for n in range(1, 60)]
        last = terms["maturity_date"] if terms and terms["maturity_date"] else loan["maturity_date"]
        start, until = at[0] if draw else loan["start_date"].toordinal() - EPOCH, last.toordinal() - EPOCH
        balances = balances if at[0] <= start else ((start, 0), *balances)
        paid = dict(zip(at, rows["hedge"].tolist(), strict=True))
        for end in [*(day for day in ends if start < day < until), until]:
            wanted = 0
            if not held:
                wanted = received(
                    hedges[number], fixed, (start, end), balances, counted(day_count, until), bool(draw)
                )
            if end in paid:
                assert paid[end] == -wanted, (number, draw, end)
                seen["fixed" if held else "draw" if draw else "loan"] += held or wanted != 0
            else:
                assert not wanted or not draw
            start = end
    assert min(seen.values()) > 100, seen
    # Shown together, the rows of a day are the sums of its draws.
    whole = nc.amortize(loans, hedges=beside, columns=["interest", "hedge"], **given)
    for name in ("interest", "hedge"):
        sums = found.groupby(["loan_id", "payment_date"], observed=True)[name].sum()
        assert (whole.set_index(["loan_id", "payment_date"])[name] == sums).all()


@pytest.mark.parametrize("profile", ["bullet", "custom"])  # draws by themselves, and side by side
def test_one_draw_hedged_by_hand(profile: str) -> None:
    """1,000,000 at first and 500,000 drawn on 1 March, half of both swapped at 3 % against 5 %, 90 and 31 days."""
    loans = frame(
        [
            {
                "loan_id": "A",
                "principal": 1_000_000_00,
                "start_date": dt.date(2025, 1, 1),
                "maturity_date": dt.date(2025, 4, 1),
                "frequency": "quarterly",
                "day_count": "ACT/360",
                "profile": profile,
                "index": "SOFR",
                "margin_rate": 0.02,
            }
        ]
    )
    draws = frame([{"loan_id": "A", "date": dt.date(2025, 3, 1), "amount": 500_000_00, "margin_rate": 0.03}])
    rates = pd.DataFrame({"index": "SOFR", "date": ["2025-01-01", "2025-03-01"], "value": [0.05, 0.04]})
    rates["date"] = rates["date"].astype("datetime64[us]")
    swap = {"loan_id": ["A"], "kind": ["pay_fixed_swap"], "strike_rate": [0.03], "from_date": ["2025-01-01"]}
    given = {"draws": draws, "rates": rates, "columns": ["draw_number", "hedge"], **FLAT}
    if profile == "custom":
        given["principal_schedule"] = pd.DataFrame(
            {"loan_id": ["A"], "payment_number": [1], "principal": [0]}
        )
    rows = nc.amortize(loans, hedges=pd.DataFrame(swap | {"notional_share": [0.5]}), **given)
    # 500,000 x (5 % - 3 %) x 90 / 360, and 250,000 x (4 % - 3 %) x 31 / 360: the draw was fixed in March.
    assert rows[rows["hedge"] != 0]["hedge"].tolist() == [-2_500_00, -215_28]
    rows = nc.amortize(loans, hedges=pd.DataFrame(swap | {"notional": [500_000_00]}), **given)
    assert rows[rows["hedge"] != 0]["hedge"].tolist() == [-2_500_00]  # an amount is the loan's own


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
