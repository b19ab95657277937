"""The gap table and concentration: published ladders, cases by hand, laws over random books, what is wrong."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neocalc as nc

DAY = dt.timedelta(days=1)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def ladder(amount: str, **years: float) -> pd.DataFrame:
    return frame(bucket=[name.removeprefix("y") for name in years], **{amount: list(years.values())})


# CoreWeave at 2026-06-30, $ million: ladders of principal and of leases as second-hand extracts of its 10-Q have them;
# 103.7 billion to be performed, 41 % in 24 months, 39 % in 25 to 48, 20 % in 49 to 78.
DEBT = ladder(
    "principal", y2026=4413.0, y2027=6184.0, y2028=4416.0, y2029=2421.0, y2030=3221.0, thereafter=14896.0
)
LEASES = ladder("lease_payments", y2026=1028.0, y2027=2116.0, y2028=2306.0, y2029=2373.0, y2030=2289.0,
                thereafter=19023.0)  # fmt: skip
TO_PERFORM = frame(
    contract_id=["0-24", "25-48", "49-78"],
    total_value=[103_700 * 0.41, 103_700 * 0.39, 103_700 * 0.20],
    start_date=["2026-07-01", "2028-07-01", "2030-07-01"],
    end_date=["2028-06-30", "2030-06-30", "2032-12-31"],
)


def test_the_gap_of_mid_2026() -> None:
    """Derived: spread evenly inside each bucket, 10.6, 21.3, 20.7, 20.2, 14.3 and 16.6 billion are left."""
    gap = nc.gap_table(DEBT, leases=LEASES, contracts=TO_PERFORM, as_of="2026-06-30")
    assert gap["bucket"].tolist() == ["2026", "2027", "2028", "2029", "2030", "thereafter"]
    assert (gap["contracted_revenue"] / 1000).round(1).tolist() == pytest.approx(
        [10.6, 21.3, 20.7, 20.2, 14.3, 16.6], abs=0.11
    )  # by the day here, by the half-year there
    assert gap["due_rate"].tolist()[:5] == pytest.approx([0.51, 0.39, 0.32, 0.24, 0.39], abs=0.011)
    assert gap["due_rate"].iloc[5] == pytest.approx(2.0, abs=0.06)
    assert gap["principal"].sum() == 35_551
    assert gap["cumulative_gap"].iloc[-1] == pytest.approx(103_700 - 35_551 - 29_135)
    assert gap["coverage"].tolist() == pytest.approx([1 / rate for rate in gap["due_rate"]])


def test_average_lives_of_mid_2026() -> None:
    """Derived: contracts 2.6 years, all principal 3.3.

    The bullets, 16,617, are due after 5.4 years on average; without the 2,000 of June 2030 that is 5.6.
    """
    later = {"principal": (5.4 * 16_617 - 2000 * 3.93) / 14_617}
    found = nc.gap_lives(DEBT, contracts=TO_PERFORM, as_of="2026-06-30", thereafter_years=later)
    lives = found.set_index("side")["weighted_average_life_years"]
    assert lives["contracted_revenue"] == pytest.approx(2.6, abs=0.05)
    assert lives["principal"] == pytest.approx(3.3, abs=0.1)
    unknown = nc.gap_lives(DEBT, as_of="2026-06-30")
    assert unknown["weighted_average_life_years"].isna().all()


def test_loans_leases_and_contracts_by_hand() -> None:
    loans = frame(loan_id=["a"], principal=[1200.0], start_date=["2025-12-31"], term_months=[24], annual_rate=[0.1],
                  profile=["level_principal"], end_of_month=[True])  # fmt: skip
    leases = frame(lease_id=["hall", "later"], commencement_date=["2025-01-01", "2026-07-01"], term_months=[30, 12],
                   payment=[10.0, 7.0], discount_rate=[0.1, 0.1])  # fmt: skip
    contracts = frame(contract_id=["c", "d"], monthly_fee=[100.0, 50.0], start_date=["2025-01-01", "2026-03-01"],
                      end_date=["2026-12-31", "2027-12-31"], take_or_pay_rate=[0.9, 1.0],
                      signed_date=["2024-06-01", "2026-02-01"], renewal_months=[12, 0])  # fmt: skip
    gap = nc.gap_table(loans, leases=leases, contracts=contracts, as_of="2026-01-31", buckets=1)
    # 11 and 12 instalments of 50; rents of February 2026 to June 2027; 11 months at 90 % of 100, and d not yet signed.
    assert gap["principal"].tolist() == [550.0, 600.0]
    assert gap["lease_payments"].tolist() == [110.0, 60.0]
    assert gap["not_commenced_payments"].tolist() == [42.0, 42.0]
    assert gap["contracted_revenue"].tolist() == [990.0, 0.0]
    assert gap["gap"].tolist() == [330.0, -660.0]
    assert gap["cumulative_gap"].tolist() == [330.0, -330.0]
    lives = nc.gap_lives(loans, leases=leases, contracts=contracts, as_of="2026-01-31")
    assert lives["amount"].tolist() == [1150.0, 170.0, 990.0]
    own = nc.weighted_average_life(loans, as_of="2026-01-31")["weighted_average_life_years"].iloc[0]
    assert lives["weighted_average_life_years"].iloc[0] == own
    days = [(dt.date(2026 + at // 12, at % 12 + 1, 1) - dt.date(2026, 1, 31)).days for at in range(1, 18)]
    assert lives["weighted_average_life_years"].iloc[1] == pytest.approx(sum(days) / 17 / 365)


@st.composite
def signed(draw: Any) -> pd.DataFrame:
    rows = []
    for n in range(draw(st.integers(1, 4))):
        start = dt.date(2025, 1, 1) + draw(st.integers(0, 600)) * DAY
        rows.append((f"c{n}", draw(st.integers(0, 10**9)) / 100, start, start + draw(st.integers(0, 2000)) * DAY,
                     draw(st.integers(0, 100)) / 100, draw(st.sampled_from("xyz"))))  # fmt: skip
    names = ["contract_id", "total_value", "start_date", "end_date", "take_or_pay_rate", "customer"]
    return pd.DataFrame(rows, columns=names)


@settings(max_examples=40)
@given(signed(), st.integers(0, 30), st.integers(1, 12), st.integers(1, 8))
def test_the_table_sums_to_what_remains_to_be_performed(
    data: pd.DataFrame, month: int, year_end: int, n: int
) -> None:
    as_of = (pd.Period("2025-01", "M") + month).end_time.date()
    gap = nc.gap_table(contracts=data, as_of=as_of, buckets=n, fiscal_year_end=year_end, amounts="decimal")
    remaining = nc.contract_schedule(data, start=as_of, end=as_of, by=[], amounts="decimal")
    assert sum(gap["contracted_revenue"]) == remaining["remaining_performance_obligation"].iloc[0]
    assert min(gap["contracted_revenue"]) >= 0


@settings(max_examples=40)
@given(signed())
def test_shares_of_customers(data: pd.DataFrame) -> None:
    options = {"freq": "Y", "start": "2025-01-01", "end": "2032-12-31", "amounts": "decimal"}
    periods, customers = nc.concentration(data, **options), nc.concentration(data, rows="customer", **options)
    by_customer = nc.contract_schedule(data, by=["customer"], **options)
    for row in periods.to_dict("records"):
        own = by_customer[by_customer["period_end"] == row["period_end"]]
        for what, name in (("revenue", "revenue"), ("backlog", "remaining_performance_obligation")):
            amounts = sorted(own[name], reverse=True)
            largest, two = ("largest_customer_revenue", "top_two_revenue") if what == "revenue" else (
                "largest_customer_backlog", "top_two_backlog")  # fmt: skip
            assert (row[what], row[largest], row[two]) == (sum(amounts), amounts[0], sum(amounts[:2]))
        if row["revenue"]:
            share = Fraction(row["largest_customer_revenue"]) / Fraction(row["revenue"])
            assert row["largest_customer_rate"] == float(share)
    assert sum(customers["revenue"]) == sum(periods["revenue"])


def test_concentration_is_a_measure_for_covenants() -> None:
    """Of revenue as filed, first quarter of 2025: customer A 72 %; 77 % of two would pass a limit of 80 %."""
    data = frame(
        entity_id="CoreWeave", customer=["A", "other"] * 4, period_end=[d for d in ("2024-06-30", "2024-09-30",
        "2024-12-31", "2025-03-31") for _ in range(2)], revenue=[72.0, 28.0] * 4,
    )  # fmt: skip
    measures = nc.concentration(data, by=["entity_id"])
    terms = frame(covenant_id=["one"], entity_id=["CoreWeave"], metric=["concentration"], threshold=[0.7])
    tests = nc.check_covenants(measures, terms, start="2025-03-31")
    assert tests[["value", "status"]].values.tolist() == [[0.72, "breach"]]


def test_one_unknown_amount_leaves_the_largest_unknown() -> None:
    data = frame(customer=["A", "B"], period_end="2025-03-31", revenue=[72.0, None], backlog=[1.0, 3.0])
    (row,) = nc.concentration(data).to_dict("records")
    assert pd.isna(row["largest_customer_revenue"])
    assert pd.isna(row["revenue"])
    assert (row["largest_backlog_customer"], row["largest_customer_backlog_rate"]) == ("B", 0.75)


def test_kinds_of_frame() -> None:
    for kind in (pl.from_pandas, lambda data: pa.Table.from_pandas(data, preserve_index=False)):
        gap = nc.gap_table(kind(DEBT), leases=kind(LEASES), contracts=kind(TO_PERFORM), as_of="2026-06-30")
        assert type(gap) is type(kind(DEBT))
        plain = nc.gap_table(DEBT, leases=LEASES, contracts=TO_PERFORM, as_of="2026-06-30")
        column = gap["gap"].to_list() if isinstance(gap, pl.DataFrame) else gap["gap"].to_pylist()
        assert column == plain["gap"].tolist()
        shares = nc.concentration(kind(TO_PERFORM.assign(customer="x")), freq="Y")
        assert len(shares) == 7
    minor = nc.gap_table(ladder("principal", y2026=5), as_of="2026-06-30", buckets=1, amounts="minor")
    assert minor["principal"].tolist() == [5, 0]


# --- what is wrong --------------------------------------------------------------------------------------------------


def test_ladders_that_do_not_fit() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.gap_table(ladder("principal", y2025=1.0, y2026=1.0), as_of="2026-06-30")
    assert (caught.value.issues[0].column, caught.value.code) == ("debt.bucket", "range")
    with pytest.raises(nc.InputError) as caught:
        nc.gap_table(ladder("principal", later=1.0), as_of="2026-06-30")
    assert caught.value.code == "range"
    with pytest.raises(nc.InputError) as caught:
        nc.gap_table(ladder("principal", y2026=-1.0), as_of="2026-06-30")
    assert (caught.value.issues[0].column, caught.value.code) == ("debt.principal", "range")
    with pytest.raises(nc.ConfigError, match="buckets=5 at most"):
        nc.gap_table(DEBT, as_of="2026-06-30", buckets=7)


def test_arguments_that_mean_nothing() -> None:
    with pytest.raises(nc.ConfigError, match="needs debt"):
        nc.gap_table(as_of="2026-06-30")
    with pytest.raises(nc.ConfigError, match="last day of a month"):
        nc.gap_table(contracts=TO_PERFORM, as_of="2026-06-29")
    with pytest.raises(nc.ConfigError, match="thereafter_years"):
        nc.gap_lives(DEBT, as_of="2026-06-30", thereafter_years={"principal": -1})
    with pytest.raises(nc.ConfigError, match="not a ladder"):
        nc.gap_table(DEBT, leases=LEASES, payments=LEASES, as_of="2026-06-30")
    with pytest.raises(TypeError, match="freq"):
        nc.gap_table(DEBT, as_of="2026-06-30", freq="Q")
    with pytest.raises(nc.ConfigError, match="has its own periods"):
        nc.concentration(frame(customer=["A"], period_end="2025-03-31", revenue=1.0), start="2025-01-01")


def test_currencies_stay_apart() -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.gap_table(DEBT.assign(currency="USD"), leases=LEASES.assign(currency="EUR"), as_of="2026-06-30")
    assert caught.value.code == "currency_mix"
    data = frame(customer=["A", "A"], period_end="2025-03-31", revenue=[1.0, 2.0], currency=["USD", "EUR"])
    assert nc.concentration(data)["currency"].tolist() == ["EUR", "USD"]


def test_customers_that_cannot_be_told_apart() -> None:
    for data, code in (
        (frame(customer=["A", None], period_end="2025-03-31", revenue=1.0), "null"),
        (frame(customer=["A", "A"], period_end="2025-03-31", revenue=1.0), "duplicate_period"),
        (TO_PERFORM, "missing_column"),
        (frame(customer=["A"], period_end="2025-03-31", revenue=1.0, currency=[Decimal("sNaN")]), "dtype"),
    ):
        with pytest.raises(nc.InputError) as caught:
            nc.concentration(data)
        assert caught.value.code == code


def test_customers_may_be_moments() -> None:
    """Midnight in a zone was one value by its date and another by itself."""
    noon = pd.Timestamp("2025-03-31", tz="UTC")
    data = frame(customer=[noon, "A"], period_end="2025-03-31", revenue=[1.0, 3.0])
    assert nc.concentration(data)["largest_customer_rate"].tolist() == [0.75]
