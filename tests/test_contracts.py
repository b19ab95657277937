"""Contracts: every cell against the oracle that looks at each day, the laws, cases by hand, kinds of frame."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neocalc as nc
from oracles import contracts as oracle

DAY = dt.timedelta(days=1)
MONEY = ["revenue", "billed", "cash_received", "closing_deferred_revenue", "closing_receivables",
         "remaining_performance_obligation"]  # fmt: skip
UNTIL = dt.date(2027, 12, 31)


def contract(**columns: Any) -> pd.DataFrame:
    good = {"contract_id": ["A"], "start_date": "2025-01-01", "end_date": "2025-12-31"}
    return pd.DataFrame({**good, **columns})


def schedule(data: Any, **options: Any) -> list[dict[str, Any]]:
    rows = nc.contract_schedule(data, **options)
    found: list[dict[str, Any]] = rows.astype(object).where(rows.notna(), None).to_dict("records")
    return found


# --- by hand --------------------------------------------------------------------------------------------------------


def test_a_year_at_a_price_per_hour() -> None:
    """1,000 GPUs x 24 h x 90 days x 2.50 in the first quarter; 20 % of 21.9 million paid ahead."""
    data = contract(gpus=1000, hourly_price=2.5, prepayment_rate=0.2, payment_days=30)
    first, *_, tail = schedule(data, freq="Q")
    value = 1000 * 24 * 365 * 2.5
    assert first["gpu_hours"] == 1000 * 24 * 90
    assert first["revenue"] == 1000 * 24 * 90 * 2.5
    assert first["prepayment"] == 0.2 * value
    assert first["closing_deferred_revenue"] == 0.2 * value * (365 - 90) / 365
    # January is paid on 2 March, February on 30 March, March after the quarter.
    assert first["cash_received"] == 0.2 * value + 0.8 * (31 + 28) * 24 * 2500
    assert first["closing_receivables"] == 0.8 * 31 * 24 * 2500
    assert (tail["revenue"], tail["cash_received"]) == (0, 0.8 * 31 * 24 * 2500)


def test_a_fee_by_the_month_and_a_value_by_the_day() -> None:
    fee = contract(monthly_fee=3100.0, start_date="2025-01-11", end_date="2025-03-14")
    assert [row["revenue"] for row in schedule(fee)] == [2100.0, 3100.0, 1400.0]
    total = contract(total_value=100.0, start_date="2025-01-01", end_date="2025-03-31")
    # 100 x 31/90 = 34.444..., x 59/90 = 65.555...
    assert [row["revenue"] for row in schedule(total)] == [34.44, 31.12, 34.44]


def test_after_the_end_a_renewal_and_then_the_market() -> None:
    data = contract(
        gpu_model="H100", gpus=1, hourly_price=2.0, end_date="2025-01-31", renewal_months=2,
        renewal_price_rate=0.75, spot_after=True, spot_utilisation=0.5,
    )  # fmt: skip
    prices = pd.DataFrame(
        {"gpu_model": "H100", "date": ["2025-01-01", "2025-04-16"], "hourly_price": [1.0, 0.6]}
    )
    rows = schedule(data, prices=prices, end="2025-04-30")
    assert [(row["phase"], row["revenue"]) for row in rows] == [
        ("contract", 31 * 24 * 2.0), ("renewal", 28 * 24 * 1.5), ("renewal", 31 * 24 * 1.5),
        ("spot", 15 * 24 * 0.5 * 1.0 + 15 * 24 * 0.5 * 0.6),
    ]  # fmt: skip
    assert rows[-1]["gpu_hours"] == 30 * 24 * 0.5


def test_what_is_used_beyond_take_or_pay_is_billed_and_what_is_not_known_stays_unknown() -> None:
    data = contract(gpus=1, hourly_price=1.0, end_date="2025-03-31", take_or_pay_rate=0.6)
    use = pd.DataFrame({"date": ["2025-01-01", "2025-02-01", "2025-03-01"], "utilisation": [0.2, None, 0.9]})
    january, february, march = schedule(data, utilisation=use)
    assert january["revenue"] == pytest.approx(31 * 24 * 0.6)
    assert (february["revenue"], february["billed"], february["gpu_hours"]) == (None, None, None)
    assert march["revenue"] == pytest.approx(31 * 24 * 0.9)
    (year,) = schedule(data, utilisation=use, by=[], freq="Y")
    assert (year["revenue"], year["closing_deferred_revenue"]) == (None, 0.0)
    use = use.assign(contract_id="A")
    assert (
        schedule(data.assign(take_or_pay_rate=1.0), utilisation=use)[1]["revenue"] == 28 * 24
    )  # whatever is used


def test_spot_rental_of_unknown_use_is_unknown() -> None:
    data = contract(gpu_model="H100", gpus=1, hourly_price=2.0, end_date="2025-01-31", spot_after=True)
    prices = pd.DataFrame({"gpu_model": ["H100"], "date": ["2025-01-01"], "hourly_price": [1.0]})
    rows = schedule(data, prices=prices, end="2025-02-28")
    assert [row["revenue"] for row in rows] == [31 * 24 * 2.0, None]


def test_a_contract_taken_over_begins_with_what_is_deferred() -> None:
    data = contract(total_value=1200.0, opening_deferred_revenue=100.0, opening_date="2025-03-31")
    rows = schedule(data)
    assert rows[0]["period_end"] == pd.Timestamp("2025-04-30")
    assert rows[0]["opening_deferred_revenue"] == 100.0
    assert rows[0]["prepayment"] == 0.0
    assert sum(row["revenue"] for row in rows) == pytest.approx(1200 * 275 / 365, abs=0.005)
    assert sum(row["cash_received"] for row in rows) == pytest.approx(1200 * 275 / 365 - 100, abs=0.005)


def test_the_backlog_is_there_from_the_day_it_is_signed() -> None:
    data = contract(total_value=100.0, start_date="2025-07-01", signed_date="2025-03-15")
    rows = schedule(data, start="2025-01-01", freq="Q")
    assert [row["remaining_performance_obligation"] for row in rows] == [100.0, 100.0, 50.0, 0.0]
    always = schedule(data.drop(columns="signed_date"), start="2024-10-01", freq="Q")
    assert len(always) == 5


# --- the oracle -----------------------------------------------------------------------------------------------------


def _day(random: Random) -> dt.date:
    return dt.date(2025, 1, 1) + random.randrange(500) * DAY


def random_contract(random: Random) -> tuple[oracle.Contract, dict[str, Any], dict[str, Any]]:
    """One contract, as the oracle and as the verb take it, and the frames beside it."""
    start = _day(random)
    end = start + random.choice([0, 1, 27, 30, random.randrange(700), random.randrange(60)]) * DAY
    kind = random.choice(["hourly", "monthly", "total"])
    gpus = random.choice([1, 3, 1000, 16_384])
    share = lambda: Fraction(random.choice([0, 1, 1 << 30, random.randrange(10**4)]) % 10_001, 10**4)  # noqa: E731
    amount = Fraction(random.choice([0, 1, 33, 100, 99_999, random.randrange(10**9)]))
    if kind == "hourly":
        amount = Fraction(random.randrange(1, 10**5), 100)  # minor units, to a hundredth of a cent
    committed = random.choice([Fraction(1), Fraction(1), share()])
    row: dict[str, Any] = {
        "contract_id": "A", "start_date": start, "end_date": end, "gpus": gpus, "gpu_model": "H100",
        "take_or_pay_rate": float(committed), "payment_days": random.choice([0, 1, 15, 30, 45, 90]),
    }  # fmt: skip
    name = {"hourly": "hourly_price", "monthly": "monthly_fee", "total": "total_value"}[kind]
    row[name] = float(amount / 100)
    own = oracle.Contract(start, end, (kind, amount), gpus, committed, payment_days=row["payment_days"])
    how = random.choice(["none", "rate", "amount", "opening"])
    if how in ("rate", "amount"):
        own.prepaid_on = random.choice(
            [start, start - random.randrange(90) * DAY, start + (end - start) // 2]
        )
        row["prepayment_date"] = own.prepaid_on
        if end <= own.prepaid_on:
            own.prepaid_on, row["prepayment_date"] = start - DAY, start - DAY
        most = committed * oracle.value_between(own, max(start, own.prepaid_on), end)
        if how == "rate":
            whole = oracle.value_between(own, start, end)
            rate = Fraction(random.choice([random.random(), 1.0])) * (most / whole if whole else 1)
            rate = Fraction(int(rate * 1000), 1000)
            if round(rate * whole) > most:
                rate = Fraction(0)
            own.prepaid, row["prepayment_rate"] = rate, float(rate)
        else:
            own.prepaid = int(most * random.choice([1, Fraction(random.random())]))
            row["prepayment_amount"] = own.prepaid / 100
    elif how == "opening" and end > start:
        own.taken_over = random.choice([start - DAY, start + random.randrange((end - start).days) * DAY])
        most = committed * oracle.value_between(own, max(start, own.taken_over + DAY), end)
        own.prepaid = int(most * Fraction(random.random()))
        row |= {"opening_date": own.taken_over, "opening_deferred_revenue": own.prepaid / 100}
    beside: dict[str, Any] = {}
    if random.random() < 0.5:
        own.renewal_months, own.renewal_rate = random.randrange(15), Fraction(random.randrange(200), 100)
        row |= {"renewal_months": own.renewal_months, "renewal_price_rate": float(own.renewal_rate)}
    if random.random() < 0.5:
        own.use = {_day(random): random.choice([None, share(), share()]) for _ in range(random.randrange(5))}
        beside["utilisation"] = pd.DataFrame(
            {
                "date": list(own.use),
                "utilisation": [None if v is None else float(v) for v in own.use.values()],
            },
        ).astype({"utilisation": float, "date": "datetime64[us]"})
    if random.random() < 0.5:
        own.spot, own.spot_use = True, random.choice([None, share()])
        row |= {"spot_after": True, "spot_utilisation": None if own.spot_use is None else float(own.spot_use)}
        own.spot_prices = {dt.date(2024, 1, 1): Fraction(200)}
        own.spot_prices |= {_day(random): Fraction(random.randrange(5000), 10) for _ in range(3)}
        beside["prices"] = pd.DataFrame(
            {"gpu_model": "H100", "date": list(own.spot_prices),
             "hourly_price": [float(v / 100) for v in own.spot_prices.values()]},
        )  # fmt: skip
    return own, row, beside


@pytest.mark.parametrize("seed", range(150))
def test_every_cell_is_that_of_the_oracle(seed: int) -> None:
    random = Random(seed)
    own, row, beside = random_contract(random)
    found = nc.contract_schedule(pd.DataFrame([row]), **beside, end=str(UNTIL), amounts="decimal")
    wanted = oracle.schedule(own, UNTIL)
    cells = {
        (one["period_end"].date(), one["phase"]): [
            None if pd.isna(one[name]) else int(one[name] * 100) for name in MONEY
        ]
        for one in found.to_dict("records")
    }
    for month in wanted:
        if month.end > UNTIL:
            continue
        assert cells.pop((month.end, month.phase)) == [
            month.revenue, month.billed, month.cash, month.deferred, month.receivables, month.remaining,
        ], (month.end, month.phase)  # fmt: skip
    # What is left are months in which only invoices are paid.
    assert all(revenue == 0 for revenue, *_ in cells.values())


def test_the_awkward_is_among_the_random() -> None:
    drawn = [random_contract(Random(seed))[0] for seed in range(150)]
    seen = {
        "taken over": any(one.taken_over for one in drawn),
        "paid after the start": any(one.prepaid_on and one.prepaid_on > one.start for one in drawn),
        "unknown use": any(None in one.use.values() for one in drawn),
        "one day": any(one.start == one.end for one in drawn),
        "spot": any(one.spot for one in drawn),
        "all paid ahead": any(
            oracle.prepaid_amount(one) and oracle.prepaid_amount(one)
            == int(one.committed * oracle.value_between(one, max(one.start, one.prepaid_on or one.start), one.end))
            for one in drawn
        ),
    }  # fmt: skip
    assert all(seen.values()), seen


# --- laws -----------------------------------------------------------------------------------------------------------

PRICES = st.sampled_from(["hourly_price", "monthly_fee", "total_value"])


@st.composite
def books(draw: Any) -> pd.DataFrame:
    rows = []
    for n in range(draw(st.integers(1, 4))):
        start = dt.date(2025, 1, 1) + draw(st.integers(0, 400)) * DAY
        row = {
            "contract_id": f"c{n}", "customer": draw(st.sampled_from("xyz")), "start_date": start,
            "end_date": start + draw(st.integers(0, 900)) * DAY, "gpus": draw(st.integers(1, 20_000)),
            draw(PRICES): draw(st.integers(0, 10**7)) / 100, "payment_days": draw(st.integers(0, 100)),
            "take_or_pay_rate": draw(st.integers(50, 100)) / 100, "prepayment_rate": draw(st.integers(0, 50)) / 100,
            "renewal_months": draw(st.integers(0, 12)),
        }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows)


def minor(rows: Any, name: str) -> Any:
    return rows[name].map(lambda value: int(value * 100))


@settings(max_examples=60)
@given(books(), st.sampled_from("MQY"))
def test_deferred_revenue_rolls_and_ends_at_nothing(data: pd.DataFrame, freq: str) -> None:
    rows = nc.contract_schedule(data, freq=freq, amounts="decimal")
    billed, revenue = minor(rows, "billed"), minor(rows, "revenue")
    opening, closing = minor(rows, "opening_deferred_revenue"), minor(rows, "closing_deferred_revenue")
    assert (billed == revenue + closing - opening).all()
    for name in MONEY:
        assert (minor(rows, name) >= 0).all(), name
    for _, part in rows.groupby(["contract_id", "phase"], observed=True):
        assert minor(part, "closing_deferred_revenue").iloc[-1] == 0
        assert minor(part, "closing_receivables").iloc[-1] == 0
        assert minor(part, "remaining_performance_obligation").iloc[-1] == 0
        assert (
            minor(part, "billed").sum() == minor(part, "cash_received").sum() == minor(part, "revenue").sum()
        )
        assert (part["opening_deferred_revenue"].iloc[1:].tolist()) == part["closing_deferred_revenue"].iloc[
            :-1
        ].tolist()
        owed = (minor(part, "billed") - minor(part, "cash_received")).cumsum()
        assert (owed == minor(part, "closing_receivables")).all()


@settings(max_examples=40)
@given(books(), st.sampled_from("QY"), st.integers(1, 12))
def test_totals_are_the_sums_of_their_rows(data: pd.DataFrame, freq: str, year_end: int) -> None:
    options = {"freq": freq, "fiscal_year_end": year_end, "start": "2025-01-01", "end": "2029-12-31"}
    totals = nc.contract_schedule(data, by=["customer"], amounts="decimal", **options)
    rows = nc.contract_schedule(data, amounts="decimal", **options)
    owner = dict(zip(data["contract_id"], data["customer"], strict=True))
    for name in MONEY[:3]:
        assert sum(totals[name]) == sum(rows[name])
    for customer, part in totals.groupby("customer", observed=True):
        own = rows[rows["contract_id"].map(owner) == customer]
        for name in MONEY:
            by_period = own.groupby("period_end")[name].sum()
            found = part.set_index("period_end")[name]
            assert all(found[end] == by_period.get(end, 0) for end in found.index), name


def test_quarters_are_sums_of_their_months() -> None:
    data = contract(total_value=1000.01, prepayment_rate=0.3, payment_days=20)
    months, quarters = (nc.contract_schedule(data, freq=freq, by=[], amounts="decimal") for freq in "MQ")
    for name in MONEY[:3]:
        assert sum(months[name]) == sum(quarters[name])
    assert months["closing_deferred_revenue"].iloc[2] == quarters["closing_deferred_revenue"].iloc[0]


# --- frames and units -----------------------------------------------------------------------------------------------


def test_kinds_of_frame_and_units() -> None:
    data = contract(total_value=100.0, customer="x")
    pandas = nc.contract_schedule(data)
    as_polars = nc.contract_schedule(pl.from_pandas(data))
    arrow = nc.contract_schedule(pa.Table.from_pandas(data, preserve_index=False))
    assert isinstance(as_polars, pl.DataFrame)
    assert isinstance(arrow, pa.Table)
    assert as_polars["revenue"].to_list() == arrow["revenue"].to_pylist() == pandas["revenue"].tolist()
    assert as_polars.columns == arrow.column_names == list(pandas.columns)
    minor_in = nc.contract_schedule(contract(total_value=10_000), amounts="minor")
    assert minor_in["revenue"].tolist() == [round(100 * one) for one in pandas["revenue"]]
    decimals = nc.contract_schedule(data, amounts="decimal")["revenue"]
    assert sum(decimals) == Decimal(100)
    yen = nc.contract_schedule(contract(total_value=100.0), minor_units=0)
    assert yen["revenue"].sum() == 100


def test_no_rows() -> None:
    empty = nc.contract_schedule(contract(total_value=100.0).head(0))
    full = nc.contract_schedule(contract(total_value=100.0))
    assert (len(empty), list(empty.columns)) == (0, list(full.columns))
    assert len(nc.contract_schedule(contract(total_value=100.0).head(0), by=[])) == 0


def test_a_price_is_needed_when_spot_rental_begins_not_before() -> None:
    """Two months of renewal after 19 April: spot rental begins on 20 June, and so may the curve."""
    terms = {"contract_id": ["k"], "gpu_model": ["H"], "gpus": [1], "hourly_price": [2.0], "start_date": ["2025-01-01"], "end_date": ["2025-04-19"],
             "renewal_months": [2], "spot_after": [True], "spot_utilisation": [1.0]}  # fmt: skip
    contracts = pd.DataFrame(terms)
    price = pd.DataFrame({"gpu_model": ["H"], "date": ["2025-06-20"], "hourly_price": [1.0]})
    june = nc.contract_schedule(contracts, prices=price, start="2025-06-01", end="2025-06-30")
    assert june[["phase", "revenue"]].values.tolist() == [["renewal", 19 * 48.0], ["spot", 11 * 24.0]]
    with pytest.raises(nc.InputError) as caught:
        nc.contract_schedule(contracts, prices=price.assign(date="2025-06-21"), end="2025-12-31")
    assert caught.value.code == "curve_range"
