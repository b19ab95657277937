"""Measures of covenants: against sums by hand, against each other, and against what the tables do not say."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import neocalc as nc
from measured import CASH, loans
from oracles.measures import cash_measures, month_begin, month_end, record_measures

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

SERIES = [("A", "USD"), ("A", "EUR"), ("B", "USD")]


def cents(value: Any) -> int | None:
    return None if value is None or value != value else round(float(value) * 100)


def periods(first: dt.date, last: dt.date, months: int) -> list[tuple[dt.date, dt.date]]:
    found = []
    begin = dt.date(first.year, (first.month - 1) // months * months + 1, 1)
    while begin <= last:
        end = month_end(begin.year, begin.month + months - 1)
        found.append((begin, end))
        begin = end + dt.timedelta(days=1)
    return found


# --- against the oracle ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", ["M", "Q", "Y"])
def test_debt_by_payment_is_what_is_summed_by_hand(freq: str) -> None:
    book = loans()
    rows = nc.amortize(book)
    found = nc.measures(debt=rows, entity=book, freq=freq)
    whose = {row.loan_id: (row.entity_id, row.currency) for row in book.itertuples()}
    plain = [
        {"series": whose[row.loan_id], "record": row.loan_id, "day": row.payment_date.date(),
         "opening": cents(row.opening_balance), "closing": cents(row.closing_balance),
         "interest": cents(row.interest), "principal": cents(row.principal)}
        for row in rows.itertuples()
    ]  # fmt: skip
    months = {"M": 1, "Q": 3, "Y": 12}[freq]
    assert len(found) >= 15
    for row in found.itertuples():
        end = row.period_end.date()
        begin = next(begin for begin, last in periods(end, end, months) if last == end)
        series = row.entity_id, row.currency
        interest, debt = record_measures(plain, series, (begin, end), "interest")
        principal, _ = record_measures(plain, series, (begin, end), "principal")
        assert (cents(row.interest), cents(row.principal), cents(row.total_debt)) == (
            interest,
            principal,
            debt,
        )
        assert cents(row.debt_service) == interest + principal


@st.composite
def record_tables(draw: st.DrawFn) -> tuple[list[dict[str, Any]], str, str]:
    """Totals by month or quarter of some series: some start or end with something open, some lack nothing."""
    source = draw(st.sampled_from(["M", "Q"]))
    freq = draw(
        st.sampled_from([freq for freq in ("M", "Q", "Y") if "MQY".index(freq) >= "MQY".index(source)])
    )
    step = {"M": 1, "Q": 3}[source]
    rows = []
    for series in SERIES[: draw(st.integers(1, 3))]:
        for record in range(draw(st.integers(1, 2))):
            month, balance = draw(st.integers(0, 8)) * step + step - 1, draw(st.sampled_from([0, 0, 50, 700]))
            for _ in range(draw(st.integers(2, 14))):
                change = draw(st.integers(-balance, 300))
                rows.append(
                    {"series": series, "record": record, "day": month_end(2025, month + 1), "opening": balance,
                     "closing": balance + change, "interest": draw(st.integers(0, 99)), "principal": max(-change, 0)}
                )  # fmt: skip
                balance += change
                month += step
            if draw(st.booleans()):
                rows[-1]["closing"] = 0
    return rows, source, freq


@given(record_tables(), st.randoms(use_true_random=False))
def test_totals_are_what_is_summed_by_hand(
    made: tuple[list[dict[str, Any]], str, str], rng: random.Random
) -> None:
    rows, source, freq = made
    length = {"M": 1, "Q": 3, "Y": 12}
    table = pd.DataFrame(
        [
            {"entity_id": row["series"][0], "currency": row["series"][1], "pool": row["record"],
             "period_end": pd.Timestamp(row["day"]), "opening_balance": row["opening"] / 100,
             "closing_balance": row["closing"] / 100, "interest": row["interest"] / 100,
             "principal": row["principal"] / 100}
            for row in rows
        ]
    )  # fmt: skip
    shuffled = table.sample(frac=1, random_state=rng.randrange(2**30)).reset_index(drop=True)
    end = table["period_end"].max() + pd.DateOffset(months=5)
    found = nc.measures(
        debt=shuffled, freq=freq, source_freq=source, start="2025-01-01", end=end.date(), amounts="major"
    )
    begins = {end: begin for begin, end in periods(dt.date(2025, 1, 1), end.date(), length[freq])}
    assert len(found) == len({row["series"] for row in rows}) * len(begins)
    for row in found.itertuples():
        period = begins[row.period_end.date()], row.period_end.date()
        series = row.entity_id, row.currency
        interest, debt = record_measures(rows, series, period, "interest", length[source])
        principal, _ = record_measures(rows, series, period, "principal", length[source])
        service = None if interest is None or principal is None else interest + principal
        assert (cents(row.interest), cents(row.debt_service)) == (interest, service)
        assert cents(row.total_debt) == debt


@given(
    st.sets(st.tuples(st.sampled_from(SERIES), st.integers(0, 23)), min_size=2, max_size=40),
    st.sampled_from(["M", "Q", "Y"]),
    st.data(),
)
def test_a_cash_flow_is_what_is_summed_by_hand(places: set[Any], freq: str, data: st.DataObject) -> None:
    amount = st.one_of(st.none(), st.integers(-(10**6), 10**6))
    rows = [
        {
            "series": series,
            "day": month_end(2025, month + 1),
            "cfads": data.draw(amount),
            "cash": data.draw(amount),
        }
        for series, month in sorted(places)
    ]
    table = pd.DataFrame(
        {"entity_id": [row["series"][0] for row in rows], "currency": [row["series"][1] for row in rows],
         "period_end": pd.to_datetime([row["day"] for row in rows]),
         **{name: [None if row[name] is None else row[name] / 100 for row in rows] for name in ("cfads", "cash")}}
    ).astype({"cfads": float, "cash": float})  # fmt: skip
    found = nc.measures(cashflow=table, freq=freq, source_freq="M")
    months = {"M": 1, "Q": 3, "Y": 12}[freq]
    assert {(row.entity_id, row.currency) for row in found.itertuples()} == {row["series"] for row in rows}
    for row in found.itertuples():
        end = row.period_end.date()
        begin = end
        for _ in range(months - 1):
            begin = month_begin(begin) - dt.timedelta(days=1)
        period = month_begin(begin), end
        flow, _ = cash_measures(rows, (row.entity_id, row.currency), period, "cfads", months)
        _, balance = cash_measures(rows, (row.entity_id, row.currency), period, "cash", months)
        assert (cents(row.cfads), cents(row.cash)) == (flow, balance)


# --- against each other ---------------------------------------------------------------------------------------


def test_rows_and_totals_measure_the_same() -> None:
    book = loans(30)
    bounds = {"start": "2024-01-01", "end": "2029-12-31"}
    rows = nc.measures(debt=nc.amortize(book), entity=book, **bounds)
    for freq in ("M", "Q"):
        totals = nc.measures(debt=nc.amortize(book, by=["entity_id", "currency"], freq=freq), **bounds)
        pd.testing.assert_frame_equal(rows, totals[rows.columns])
    fleet = nc.load_example("gpu_fleet", rows=300).assign(entity_id=lambda frame: frame["site"].astype(str))
    policy = nc.straight_line(years=4, residual_rate=0.1)
    bounds = {"start": fleet["in_service_date"].min().date(), "end": "2026-12-31"}
    whose = fleet[["asset_id", "entity_id"]]
    # Until 2026 no asset has come to its end: rows of assets then say what totals say.
    booked = nc.measures(depreciation=nc.depreciate(fleet, policy, end="2026-12-31"), entity=whose, **bounds)
    totals = nc.measures(
        depreciation=nc.depreciate(fleet, policy, by=["entity_id"], end="2026-12-31"), **bounds
    )
    pd.testing.assert_frame_equal(booked, totals[booked.columns], check_categorical=False)
    last = nc.depreciate(fleet, policy, by=["entity_id"], freq="Y", start="2026-01-01", end="2026-12-31")
    assert (
        booked.groupby("entity_id").last()["collateral_value"].tolist() == last["closing_book_value"].tolist()
    )


def test_check_covenants_eats_what_is_measured() -> None:
    """12,000 over 12 months without interest: 3,000 a quarter; covered 1.5 times, then 1.2 times."""
    book = pd.DataFrame(
        {"loan_id": ["l"], "entity_id": ["SPV"], "principal": [12_000.0], "start_date": ["2024-12-31"],
         "term_months": [12], "annual_rate": [0.0], "profile": ["level_principal"]}
    )  # fmt: skip
    fleet = pd.DataFrame(
        {"asset_id": ["gpu"], "entity_id": ["SPV"], "cost": [16_000.0], "in_service_date": ["2024-12-15"]}
    )
    books = nc.depreciate(fleet, nc.straight_line(years=4), by=["entity_id"])
    cash = pd.DataFrame(
        {"entity_id": "SPV", "period_end": pd.date_range("2025-01-31", periods=6, freq="ME"),
         "cfads": [1_500.0] * 3 + [1_200.0] * 3, "cash": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]}
    )  # fmt: skip
    measures = nc.measures(
        debt=nc.amortize(book), depreciation=books, cashflow=cash, entity={"debt": book}, end="2025-06-30"
    )
    terms = pd.DataFrame(
        {"covenant_id": ["dscr", "ltv", "cash"], "entity_id": "SPV", "metric": ["dscr", "ltv", "liquidity"],
         "threshold": [1.2, 0.6, 25.0], "window_periods": [1, None, None]}
    )  # fmt: skip
    tests = nc.check_covenants(measures, terms, start="2025-03-31")
    # Book values: 16,000 less 4 and 7 months of 333.33...; debt 9,000 and 6,000.
    assert tests["value"].round(6).tolist() == [
        1.5,
        1.2,
        round(9_000 / 14_666.67, 6),
        round(6_000 / 13_666.67, 6),
        30,
        60,
    ]
    assert tests["status"].tolist() == ["pass", "pass", "breach", "pass", "pass", "pass"]


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_every_kind_of_frame_comes_back_as_it_came(kind: str) -> None:
    book = loans()
    cash = pd.DataFrame(
        {"entity_id": "A", "currency": "USD", "period_end": pd.to_datetime(["2025-03-31", "2025-06-30"]),
         "cfads": [1.0, None], "cash": [0.05, 7.0]}
    )  # fmt: skip
    wanted = nc.measures(debt=nc.amortize(book), cashflow=cash, entity=book)

    def as_kind(frame: pd.DataFrame) -> Any:
        if kind == "polars":
            return pl.from_pandas(frame)
        return pa.Table.from_pandas(frame, preserve_index=False)

    other = as_kind(book.assign(start_date=pd.to_datetime(book["start_date"])))
    found = nc.measures(debt=nc.amortize(other), cashflow=as_kind(cash), entity=other)
    assert type(found) is type(other)
    back = found.to_pandas()
    assert list(back.columns) == list(wanted.columns)
    for name in wanted.columns:
        if name == "period_end":
            assert pd.to_datetime(back[name]).tolist() == wanted[name].tolist()
        else:
            assert (
                back[name].astype(object).where(back[name].notna(), None).tolist()
                == wanted[name].astype(object).where(wanted[name].notna(), None).tolist()
            )


def test_amounts_come_as_they_are_asked_for() -> None:
    cash = pd.DataFrame(
        {"period_end": ["2025-03-31", "2025-06-30"], "cfads": [0.1, 0.2], "cash": [0.3, None]}
    )
    exact = nc.measures(cashflow=cash, freq="Y", source_freq="Q", amounts="decimal", end="2025-12-31")
    assert (exact["cfads"].tolist(), exact["cash"].tolist()) == ([None], [None])
    half = cash.assign(period_end=["2025-09-30", "2025-12-31"], cash=[1.0, 2.5])
    full = pd.concat([cash, half], ignore_index=True)
    exact = nc.measures(cashflow=full, freq="Y", amounts="decimal")
    assert (exact["cfads"].tolist(), exact["cash"].tolist()) == ([Decimal("0.60")], [Decimal("2.50")])
    whole = full.assign(cfads=[10, 20, 10, 20], cash=[1, 2, 3, 250])
    minor = nc.measures(cashflow=whole, freq="Y", amounts="minor")
    assert (minor["cfads"].tolist(), minor["cash"].tolist()) == ([60], [250])


# --- what the tables do not say -------------------------------------------------------------------------------


def test_a_period_that_lacks_a_month_is_missing_and_not_zero() -> None:
    months = pd.date_range("2025-01-31", periods=9, freq="ME")
    cash = pd.DataFrame({"period_end": months, "cfads": 1.0, "cash": 5.0}).drop(index=[4])
    found = nc.measures(cashflow=cash)
    assert found["cfads"].isna().tolist() == [False, True, False]
    assert found["cash"].tolist() == [5.0] * 3  # June is there
    terms = pd.DataFrame({"covenant_id": ["c"], "metric": ["own"], "threshold": [0], "window_periods": [1]})
    own = nc.metric("own", "sum(cfads)", limit="min")
    assert nc.check_covenants(found, terms, metrics=own)["status"].tolist() == [
        "pass",
        "insufficient_data",
        "pass",
    ]


def test_totals_that_lack_a_month_or_an_amount_are_missing_there() -> None:
    """Interest-only: the balance stands still, so that a missing month shows in nothing else."""
    months = pd.date_range("2025-01-31", periods=9, freq="ME")
    totals = pd.DataFrame(
        {"pool": "p", "period_end": months, "opening_balance": [0.0] + [900.0] * 8, "closing_balance": 900.0,
         "interest": 7.5, "principal": 0.0}
    )  # fmt: skip
    found = nc.measures(debt=totals.drop(index=[4]))
    assert found["interest"].isna().tolist() == [False, True, False]
    unknown = nc.measures(debt=totals.assign(interest=[7.5] * 7 + [None, 7.5]))
    assert unknown["interest"].tolist()[:2] == [22.5, 22.5]
    assert unknown[["interest", "debt_service"]].isna().all(axis=1).tolist() == [False, False, True]
    assert unknown["total_debt"].tolist() == [900.0] * 3


def test_what_is_cut_off_is_missing_and_what_is_repaid_is_zero() -> None:
    book = loans(3)
    whole = nc.measures(debt=nc.amortize(book), entity=book, end="2030-12-31")
    assert whole["total_debt"].notna().all()
    assert whole.groupby("entity_id").last()["total_debt"].eq(0).all()
    cut = nc.amortize(book, end="2025-08-31")
    found = nc.measures(debt=cut, entity=book, end="2025-12-31")
    lives = whole[whole["period_end"] == "2025-09-30"].set_index("entity_id")["total_debt"] > 0
    open_ = found[(found["period_end"] > "2025-08-31") & found["entity_id"].map(lives)]
    repaid = found[(found["period_end"] > "2025-08-31") & ~found["entity_id"].map(lives)]
    assert len(repaid) > 0
    assert (repaid[["total_debt", "debt_service"]] == 0).all(axis=None)
    assert len(open_) > 0
    assert open_[["total_debt", "debt_service"]].isna().all(axis=None)
    before = found[found["period_end"] < "2025-08-31"]
    merged = before.merge(whole, on=["entity_id", "currency", "period_end"], suffixes=("", "_whole"))
    assert len(merged) == len(before) > 0
    assert (merged["debt_service"] == merged["debt_service_whole"]).all()


def test_a_52_53_week_year_counts_payments_by_its_own_days() -> None:
    """Quarters end on the last Saturday; a payment on Monday the 31st of March belongs to the second one."""
    ends = ["2025-03-29", "2025-06-28", "2025-09-27", "2025-12-27"]
    book = pd.DataFrame(
        {"loan_id": ["l"], "principal": [1_200.0], "start_date": ["2024-12-31"], "term_months": [12],
         "annual_rate": [0.0], "profile": ["level_principal"], "end_of_month": [True]}
    )  # fmt: skip
    cash = pd.DataFrame({"period_end": ends, "cfads": 1.0})
    rows = nc.amortize(book)
    found = nc.measures(debt=rows, cashflow=cash, start="2025-01-01", end="2025-12-31")
    assert found["period_end"].dt.strftime("%Y-%m-%d").tolist() == ends
    assert found["principal"].tolist() == [200.0, 300.0, 300.0, 300.0]
    assert found["total_debt"].tolist() == [1_000.0, 700.0, 400.0, 100.0]
    pd.testing.assert_frame_equal(
        found.drop(columns="cfads"),
        nc.measures(debt=rows, period_ends=ends, start="2025-01-01", end="2025-12-31"),
    )
    months = nc.measures(debt=rows, start="2025-01-01", end="2025-12-31")
    assert months["principal"].tolist() == [300.0] * 4
    late = ["2025-04-05", "2025-07-05", "2025-10-04", "2026-01-03"]  # the Saturday after
    moved = rows.assign(payment_date=rows["payment_date"] + pd.Timedelta(days=4))
    found = nc.measures(debt=moved, period_ends=late, start="2025-01-01", end="2025-12-31")
    assert found["principal"].tolist() == [300.0, 300.0, 300.0, 200.0]


def test_flows_by_day_are_summed_and_the_last_balance_counts() -> None:
    cash = pd.DataFrame(
        {"date": ["2025-01-10", "2025-02-01", "2025-02-01", "2025-06-30", "2025-09-02"],
         "cfads": [1.0, 2.0, 3.0, 4.0, 5.0], "cash": [10.0, None, 20.0, None, 30.0], "rent": [1.0] * 5}
    )  # fmt: skip
    found = nc.measures(cashflow=cash, flows=["rent"])
    assert found["cfads"].tolist() == [6.0, 4.0, 5.0]
    assert found["cash"].tolist() == [20.0, 20.0, 30.0]
    assert found["rent"].tolist() == [3.0, 1.0, 1.0]
    early = nc.measures(cashflow=cash.drop(index=4))  # to the end of June
    assert early["cfads"].tolist() == [6.0, 4.0]


def test_vintages_shown_apart_are_records_of_their_own() -> None:
    facility = pd.DataFrame(
        {"loan_id": ["d"], "commitment": [900.0], "start_date": ["2025-01-31"], "term_months": [12],
         "annual_rate": [0.05], "draw_end_date": ["2025-06-30"], "frequency": ["quarterly"]}
    )  # fmt: skip
    draws = pd.DataFrame(
        {
            "loan_id": ["d", "d"],
            "date": ["2025-02-10", "2025-05-20"],
            "amount": [300.0, 200.0],
            "term_months": [12, 18],
        }
    )
    whole = nc.amortize(facility, draws=draws)
    apart = nc.amortize(facility, draws=draws, columns=["draw_number", *whole.columns[3:]])
    found = nc.measures(debt=apart)
    pd.testing.assert_frame_equal(found, nc.measures(debt=whole))
    assert found["draws"].sum() == found["principal"].sum() == 500.0


def test_tables_without_rows_measure_nothing() -> None:
    none = nc.measures(cashflow=CASH.head(0))
    assert (len(none), list(none.columns)) == (0, ["period_end"])
    some = nc.measures(cashflow=CASH, debt=nc.amortize(loans(2)).head(0))
    assert some["cfads"].tolist() == [1.0, 2.0]


@example(0)
@given(st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(seed: int) -> None:
    book = loans(6)
    rows = nc.amortize(book)
    wanted = nc.measures(debt=rows, entity=book)
    mixed = rows.sample(frac=1, random_state=np.random.RandomState(seed))
    pd.testing.assert_frame_equal(nc.measures(debt=mixed, entity=book), wanted)
