"""Deals by hand, and beside the verbs that they are made of."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc
from small_deals import column, contribution, deal, term

# --- beside the verbs --------------------------------------------------------------------------------------------


def test_debt_is_that_of_the_verbs() -> None:
    loans = pd.DataFrame(
        {"loan_id": ["a", "b"], "principal": [100_000.0, 250_000.0], "start_date": ["2024-03-15", "2025-02-10"], "term_months": [36, 24],
         "index": ["SOFR", None], "margin_rate": [0.06, None], "annual_rate": [None, 0.11], "profile": ["level_payment", "bullet"], "frequency": "quarterly",
         "day_count": "ACT/360", "issue_price": [0.98, None], "upfront_fee": [500.0, None], "issue_costs": [None, 1_000.0]}
    )  # fmt: skip
    rates = pd.DataFrame({"index": "SOFR", "date": ["2024-01-01", "2025-06-01"], "value": [0.05, 0.04]})
    options: dict[str, Any] = {"rates": rates, "extrapolate": "flat"}
    result = deal(
        1_000_000.0,
        facilities=loans.rename(columns={"loan_id": "facility_id"}),
        rates=rates,
        extrapolate="flat",
    ).run(amounts="decimal")
    engine = nc.amortize(loans, **options, amounts="decimal")
    assert result.debt["closing_balance"].tolist() == engine["closing_balance"].tolist()
    months: dict[str, Any] = {
        "by": [],
        "freq": "M",
        "start": "2025-01-01",
        "end": "2025-12-31",
        "amounts": "decimal",
    }
    carried = nc.carrying_amount(loans, **options, **months)
    assert column(result.balance_sheet, "debt") == carried["closing_carrying_amount"].tolist()
    assert column(result.balance_sheet, "commitment_cost") == carried["commitment_cost"].tolist()
    expense = nc.interest_expense(loans, **options, **months)
    assert column(result.income_statement, "interest_expense") == expense["interest_expense"].tolist()
    totals = nc.amortize(loans, **options, **months, columns=["interest", "principal", "proceeds", "fee"])
    for line, name in (("interest", "interest"), ("principal", "principal"), ("debt_proceeds", "proceeds")):
        assert column(result.cashflow, line) == totals[name].tolist()
    # Fees at the start are paid in cash; the costs of the issue too, which no payment of the loan holds.
    assert sum(result.cashflow["fees"]) == 1_000


def test_property_is_that_of_the_verb_and_every_book_is_kept() -> None:
    fleet = pd.DataFrame(
        {"asset_id": ["a", "b"], "cost": [4_800.0, 1_200.0], "in_service_date": ["2024-07-10", "2025-05-05"]}
    )
    books = {"six": nc.straight_line(years=6), "four": nc.straight_line(years=4, convention="mid_month")}
    result = deal(5_000.0, assets=fleet, books=books).run()
    for name, policy in books.items():
        own = result.depreciation[result.depreciation["book"] == name]
        verb = nc.depreciate(fleet, policy, by=[], freq="M", start="2025-01-01", end="2025-12-31")
        for line in ("additions", "depreciation", "closing_book_value"):
            assert own[line].tolist() == verb[line].tolist()
    assert (
        column(result.balance_sheet, "property_and_equipment")
        == result.depreciation["closing_book_value"].head(12).tolist()
    )


def test_a_sweep_is_the_prepayment_of_the_engine() -> None:
    """What is swept, given to `amortize` as excess cash, makes the same schedule."""
    loan = term(principal=[600_000.0], term_months=[36], sweep_rate=[0.5], annual_rate=[0.09])
    revenue = pd.DataFrame(
        {
            "contract_id": ["k"],
            "monthly_fee": [40_000.0],
            "start_date": ["2025-01-01"],
            "end_date": ["2027-12-31"],
        }
    )
    built = pd.DataFrame({"cost_id": ["built"], "amount": [600_000.0], "date": ["2025-01-20"]})
    made = deal(
        10_000.0,
        facilities=loan,
        contracts=revenue,
        costs=built,
        end="2027-12-31",
        cash={"minimum_cash": 10_000},
    )
    result = made.run()
    swept = result.cashflow[["period_end", "sweep"]]
    assert (swept["sweep"] > 0).sum() > 5
    # In the month in which it is lent nothing is swept; then half of what is above the minimum.
    first = result.cashflow.iloc[1]
    free = Fraction(str(first["closing_cash"])) + Fraction(str(first["sweep"])) - 10_000
    assert first["sweep"] == math.floor(free * 100 / 2) / 100  # rounded down
    swept = swept[swept["sweep"] > 0]
    engine = nc.amortize(
        loan.drop(columns="sweep_rate").rename(columns={"facility_id": "loan_id"}),
        sweep=pd.DataFrame({"loan_id": "loan", "date": swept["period_end"], "excess_cash": swept["sweep"], "sweep_rate": 1.0}),
    )  # fmt: skip
    engine = engine[(engine["prepayment"] > 0) | (engine["principal"] > 0)]
    own = result.debt[(result.debt["prepayment"] > 0) | (result.debt["principal"] > 0)]
    assert own["closing_balance"].tolist() == engine["closing_balance"].tolist()
    assert own["interest"].tolist() == engine["interest"].tolist()
    assert own["closing_balance"].iloc[-1] == 0


def test_what_sweeps_leave_too_little_for_repays_the_rest() -> None:
    loan = term(
        principal=[1_000.0], term_months=[24], sweep_rate=[1.0], annual_rate=[0.0], profile=["bullet"]
    )
    late = pd.DataFrame({"facility_id": ["loan"], "date": ["2025-06-10"], "amount": [800.0]})
    result = deal(0.0, facilities=loan, prepayments=late, equity=contribution("2025-03-05", 700.0)).run()
    assert column(result.cashflow, "sweep", 6) == [0, 1000.0, 0, 0, 0, 0]  # its own proceeds come back to it
    held = term(
        principal=[1_000.0],
        term_months=[24],
        sweep_rate=[1.0],
        annual_rate=[0.0],
        profile=["bullet"],
        sweep_from_date=["2025-03-31"],
    )
    spent = pd.DataFrame({"cost_id": ["spent"], "amount": [1_000.0], "date": ["2025-01-20"]})
    result = deal(
        0.0, facilities=held, prepayments=late, costs=spent, equity=contribution("2025-03-05", 700.0)
    ).run()
    assert column(result.cashflow, "sweep", 6) == [0, 0, 700.0, 0, 0, 0]
    june = result.waterfall[
        (result.waterfall["period_end"] == "2025-06-30") & (result.waterfall["tier"] == "principal_1")
    ]
    assert june["due"].tolist() == [300.0]


# --- opening balances, costs, ladders ----------------------------------------------------------------------------


def test_opening_balances_run_off() -> None:
    opening = {
        "cash": 0,
        "receivables": 300,
        "receivables_months": 3,
        "payables": 50,
        "deferred_revenue": 120,
        "accrued_interest": 5,
    }
    result = deal(opening=opening).run()
    assert column(result.cashflow, "customer_receipts", 4) == [100.0, 100.0, 100.0, 0.0]
    assert column(result.balance_sheet, "receivables", 3) == [200.0, 100.0, 0.0]
    assert column(result.cashflow, "operating_cost", 2) == [50.0, 0.0]
    assert column(result.cashflow, "interest", 2) == [5.0, 0.0]
    assert column(result.income_statement, "revenue", 2) == [10.0, 10.0]
    assert result.equity["opening_equity"].iloc[0] == 300 - 50 - 120 - 5
    assert result.equity_is_derived


def test_costs_are_expensed_when_incurred_and_paid_later() -> None:
    costs = pd.DataFrame(
        {"cost_id": ["power", "stock"], "category": ["power", "stock"], "monthly_amount": [100.0, 10.0], "start_date": ["2024-07-01", None],
         "annual_escalation_rate": [0.05, None], "payment_days": [40, None], "settlement": [None, "equity"]}
    )  # fmt: skip
    result = deal(2_000.0, costs=costs).run()
    # 5 % more from July 2025 on; a month is paid in the one that holds its end and 40 days: two later.
    assert column(result.income_statement, "operating_cost") == [110.0] * 6 + [115.0] * 6
    assert column(result.cashflow, "operating_cost") == [100.0] * 8 + [105.0] * 4
    assert column(result.balance_sheet, "payables", 2) == [200.0, 200.0]
    assert column(result.equity, "contributions") == [10.0] * 12


def test_a_ladder_is_paid_as_it_was_published() -> None:
    """Principal by year, spread over its quarters; what stands under thereafter is due at maturity."""
    facility = term(
        kind=["ladder"],
        start_date=["2024-12-31"],
        term_months=[48],
        principal=[1_000.0],
        annual_rate=[0.10],
        frequency=["quarterly"],
        end_of_month=[True],
    )
    ladder = pd.DataFrame(
        {
            "facility_id": "loan",
            "bucket": ["2025", "2026", "thereafter"],
            "principal": [200.03, 300.0, 499.97],
        }
    )
    result = deal(
        5_000.0, facilities=facility.drop(columns="profile"), ladders=ladder, end="2028-12-31"
    ).run()
    yearly = result.to_frame("cashflow", freq="Y")["principal"].tolist()
    assert yearly == [200.03, 300.0, 0.0, 499.97]
    assert result.cashflow["principal"].iloc[[2, 5, 8, 11]].tolist() == [50.0, 50.01, 50.01, 50.01]


def test_what_is_paid_before_service_is_construction_and_after_it_a_payable() -> None:
    fleet = pd.DataFrame(
        {"asset_id": ["early", "late", "cip"], "cost": [600.0, 1_200.0, 50.0], "in_service_date": ["2025-03-10", "2025-02-01", None], "status": [None, None, "cip"],
         "paid_date": ["2025-01-20", "2025-05-02", "2024-11-30"]}
    )  # fmt: skip
    result = deal(5_000.0, assets=fleet, books={"5y": nc.straight_line(years=5)}).run()
    assert column(result.balance_sheet, "construction_in_progress", 4) == [650.0, 650.0, 50.0, 50.0]
    assert column(result.balance_sheet, "capex_payable", 5) == [0.0, 1_200.0, 1_200.0, 1_200.0, 0.0]
    assert column(result.cashflow, "capex", 5) == [600.0, 0.0, 0.0, 0.0, 1_200.0]


def test_interest_under_construction_becomes_part_of_the_asset() -> None:
    """12 % on 1,200 for 90 days of 30/360 is 36, which is written off over 36 months from April on."""
    loan = term(
        profile=["bullet"], construction_start_date=["2025-01-01"], construction_end_date=["2025-04-01"]
    )
    result = deal(500.0, facilities=loan, books={"3y": nc.straight_line(years=3)}).run()
    assert column(result.balance_sheet, "construction_in_progress", 4) == [
        12.0,
        22.8,
        36.0,
        0.0,
    ]  # after 30, 57 and 90 days
    assert column(result.income_statement, "depreciation", 5) == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert column(result.income_statement, "interest_expense", 4) == [0.0, 0.0, 0.0, 11.6]  # 29 days


def test_tax_is_that_of_its_own_book_and_deferred_beside() -> None:
    """Books over four years, the return over two: 240 a year beside 480; at 25 %."""
    fleet = pd.DataFrame({"asset_id": ["a"], "cost": [960.0], "in_service_date": ["2025-01-01"]})
    revenue = pd.DataFrame(
        {
            "contract_id": ["k"],
            "monthly_fee": [100.0],
            "start_date": ["2025-01-01"],
            "end_date": ["2026-12-31"],
        }
    )
    made = deal(
        2_000.0, assets=fleet, contracts=revenue, end="2026-12-31", tax={"rate": 0.25, "book": "return", "payment_months": [12]},
        books={"own": nc.straight_line(years=4), "return": nc.straight_line(years=2)},
    )  # fmt: skip
    tax = made.run().to_frame("tax", freq="Y")
    assert tax["taxable_income"].tolist() == [1_200.0 - 480, 1_200.0 - 480]
    assert tax["current_tax"].tolist() == tax["tax_paid"].tolist() == [180.0, 180.0]
    assert tax["closing_deferred_tax"].tolist() == [60.0, 120.0]
    assert made.run().to_frame("income_statement", freq="Y")["net_income"].tolist() == [
        720.0,
        720.0,
    ]  # (1,200 - 240) x 75 %


# --- policies ----------------------------------------------------------------------------------------------------


def test_lives_and_policies_are_compared() -> None:
    fleet = pd.DataFrame({"asset_id": ["gpu", "hall"], "asset_class": ["technology", "building"], "cost": [2_880.0, 1_200.0], "in_service_date": "2025-01-01",
                          "useful_life_months": [None, 120.0]})  # fmt: skip
    made = deal(
        9_000.0,
        assets=fleet,
        books={"six": nc.straight_line(years=6), "four": nc.straight_line(years=4)},
        lives={"where": {"asset_class": "technology"}},
    )
    lives = made.compare_lives(years=(4, 5, 6))
    assert list(lives) == ["4y", "5y", "6y"]
    both = lives.to_frame("income_statement", freq="Y")
    assert both["policy"].tolist() == ["4y", "5y", "6y"]
    assert both["depreciation"].tolist() == [720.0 + 120, 576.0 + 120, 480.0 + 120]
    assert lives["4y"].policy == "4y"
    assert made.run(years=5).income_statement["depreciation"].sum() == 696.0
    everything = made.with_lives(months=12, where={}).run()
    assert (everything.policy, everything.income_statement["depreciation"].sum()) == ("12m", 4_080.0)
    four = made.with_policy("four")
    assert list(four.policies) == ["four", "six"]
    assert four.run().income_statement["depreciation"].sum() == 840.0
    own = made.with_policy(nc.sum_of_years_digits(years=3), name="digits").run()
    assert own.policy == "digits"
    # Digits of three years: half of 2,880 in the first, and of the hall, which has ten of its own, 10 / 55.
    digits = 1_440 + round(Fraction(120_000) * Fraction(10, 55)) / 100
    assert own.to_frame("income_statement", freq="Y")["depreciation"].tolist() == [digits]
    assert made.run().policy == "six"
    assert repr(made) == "Deal('SPV', 2025-01-01 to 2025-12-31, tables: assets)"


def plain(values: pd.Series) -> list[Any]:
    """Values without what a library makes of them: dates as text, nulls as None."""
    dated = values.dtype.kind == "M" or any(isinstance(value, dt.date) for value in values)
    return [None if pd.isna(value) else str(value)[:10] if dated else value for value in values]


def test_tables_are_exchanged_for_those_of_a_scenario() -> None:
    rates = pd.DataFrame({"index": ["SOFR"], "date": ["2024-01-01"], "value": [0.04]})
    floating = term(annual_rate=[None], index=["SOFR"], margin_rate=[0.02], profile=["bullet"])
    made = deal(2_000.0, facilities=floating.drop(columns="annual_rate"), rates=rates, extrapolate="flat")
    worse = made.with_tables(
        rates=rates.assign(value=0.06), costs=pd.DataFrame({"cost_id": ["power"], "monthly_amount": [1.0]})
    )
    paid = [one.run().to_frame("cashflow", freq="Y") for one in (made, worse)]
    # Eleven months of 1,200 at 6 % and at 8 %.
    assert [frame["interest"].iloc[0] for frame in paid] == [66.0, 88.0]
    assert [frame["operating_cost"].iloc[0] for frame in paid] == [0.0, 12.0]
    assert "rates" not in made.with_tables(rates=None, facilities=None).tables
    with pytest.raises(TypeError, match="unexpected keyword argument 'rate'"):
        made.with_tables(rate=rates)
    with pytest.raises(nc.InputError):
        made.with_tables(rates=rates.rename(columns={"value": "rate"}))


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_frames_are_of_the_kind_that_came_in(kind: str) -> None:
    fleet = pd.DataFrame(
        {
            "asset_id": ["a"],
            "gpu_model": ["H100"],
            "cost": [600.0],
            "in_service_date": pd.to_datetime(["2025-01-01"]),
            "facility_id": ["loan"],
        }
    )
    tables = {
        "assets": fleet,
        "facilities": term(sweep_rate=[0.5]),
        "value_curves": pd.DataFrame({"gpu_model": ["H100"], "annual_decay_rate": [0.35]}),
        "covenants": pd.DataFrame(
            {"covenant_id": ["ltv"], "metric": ["ltv"], "threshold": [0.9], "entity_id": ["loan"]}
        ),
        "costs": pd.DataFrame({"cost_id": ["power"], "monthly_amount": [Decimal("3.33")]}),
    }
    wrap = (
        pl.from_pandas
        if kind == "polars"
        else lambda frame: pa.Table.from_pandas(frame, preserve_index=False)
    )
    books = {"6y": nc.straight_line(years=6)}
    base = deal(900.0, **tables, books=books).run()
    other = deal(900.0, **{name: wrap(table) for name, table in tables.items()}, books=books).run()
    for name in base.frames:
        theirs = other[name]
        assert type(theirs).__module__.startswith(kind)
        theirs = theirs.to_pandas()
        assert list(theirs.columns) == list(base[name].columns)
        for line in theirs:
            assert plain(theirs[line]) == plain(base[name][line]), (name, line)
    assert len(other.past_due) == len(base.past_due)
    assert type(
        deal(900.0, **{name: wrap(table) for name, table in tables.items()}, books=books)
        .compare_lives(years=(4, 6))
        .to_frame("tax")
    ).__module__.startswith(kind)


def test_amounts_are_the_same_in_every_unit() -> None:
    made = deal(123.45, facilities=term(annual_rate=[0.0975]))
    major, minor, decimal = (made.run(amounts=unit).cashflow for unit in ("major", "minor", "decimal"))
    for line in major.columns.drop("period_end"):
        assert [round(value * 100) for value in major[line]] == minor[line].tolist()
        assert [Decimal(int(value)).scaleb(-2) for value in minor[line]] == decimal[line].tolist()
    assert str(minor["interest"].dtype) == "int64"


def test_a_result_cannot_be_changed_through_its_frames() -> None:
    result = deal(100.0).run()
    frame = result.cashflow
    frame["closing_cash"] = 0.0
    assert result.cashflow["closing_cash"].iloc[0] == 100.0
    with pytest.raises(AttributeError):
        result.name = "other"
    assert set(result.frames) <= set(dir(result))


def test_the_record_before_the_deal_counts_in_windows() -> None:
    past = pd.DataFrame(
        {
            "period_end": list(pd.date_range("2024-04-30", periods=9, freq="ME")) * 2,
            "measure": ["cfads"] * 9 + ["debt_service"] * 9,
            "amount": [30.0] * 9 + [20.0] * 9,
        }
    )
    terms = pd.DataFrame(
        {"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [0.6], "entity_id": ["SPV"]}
    )
    tests = deal(5_000.0, covenants=terms, facilities=term(), measures=past).run().covenants
    assert tests["status"].tolist()[:3] == ["insufficient_data"] * 2 + ["pass"]
    # Nine months of 30 and three of nothing, over nine of 20 and 112 + 111 + 0: January has no payment.
    assert tests["value"].iloc[2] == pytest.approx(270 / (180 + 112 + 111))


def test_measures_of_quarters_are_those_of_their_months() -> None:
    made = deal(
        5_000.0, facilities=term(), costs=pd.DataFrame({"cost_id": ["power"], "monthly_amount": [10.0]})
    )
    result = made.run(amounts="minor")
    months, quarters = result.measures, result.to_frame("measures", freq="Q")
    for entity in ("SPV", "loan"):
        own, longer = (frame[frame["entity_id"] == entity].reset_index() for frame in (months, quarters))
        assert longer["debt_service"].tolist() == [
            own["debt_service"][at : at + 3].sum() for at in (0, 3, 6, 9)
        ]
        assert longer["total_debt"].tolist() == own["total_debt"].iloc[2::3].tolist()
    assert (
        quarters.loc[quarters["entity_id"] == "SPV", "cash"].tolist()
        == months.loc[months["entity_id"] == "SPV", "cash"].iloc[2::3].tolist()
    )


def test_a_borrowing_base_follows_the_reporting_book() -> None:
    """At most 80 % of the book value may be owed: the shorter the life, the sooner lenders are repaid."""
    facility = term(
        principal=[900.0], annual_rate=[0.0], term_months=[36], profile=["borrowing_base"], advance_rate=[0.8]
    )
    fleet = pd.DataFrame(
        {"asset_id": ["a"], "cost": [1_200.0], "in_service_date": ["2024-12-01"], "facility_id": ["loan"]}
    )
    made = deal(
        5_000.0,
        facilities=facility,
        assets=fleet,
        books={"6y": nc.straight_line(years=6), "4y": nc.straight_line(years=4)},
    )
    for one, years in ((made, 6), (made.with_policy("4y"), 4), (made.with_lives(years=5), 5)):
        result = one.run()
        book = [1_200 - Fraction(1_200, years * 12) * month for month in range(2, 14)]
        # A payment of the first of a month looks at the close of the month before.
        allowed = [
            Fraction(900),
            *(min(Fraction(900), math.floor(value * 80) / Fraction(100)) for value in book[:-1]),
        ]
        assert column(result.debt_balance, "closing_debt") == [float(value) for value in allowed]


def test_a_sculpted_loan_takes_its_cash_flow_from_a_table() -> None:
    facility = term(
        principal=[600.0],
        annual_rate=[0.0],
        term_months=[12],
        profile=["sculpted"],
        frequency=["quarterly"],
        target_dscr=[1.25],
    )
    cash = pd.DataFrame(
        {
            "facility_id": "loan",
            "date": pd.date_range("2025-03-31", periods=4, freq="QE"),
            "cfads": [100.0, 150.0, 200.0, 250.0],
        }
    )
    result = deal(900.0, facilities=facility, cash_flow=cash, end="2026-01-31").run()
    assert result.cashflow["principal"].iloc[[3, 6, 9, 12]].tolist() == [80.0, 120.0, 160.0, 240.0]
