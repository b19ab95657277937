"""Who is paid and who is not, by hand: defaults, revolvers, reserves, lock-ups, cures, and what is not known."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

import neocalc as nc
from small_deals import column, contribution, deal, term

# --- the waterfall -----------------------------------------------------------------------------------------------


def test_senior_debt_that_cannot_be_paid_is_past_due_and_bears_interest() -> None:
    """1,200 at 1 % a month in equal parts; 150 of cash, and 300 more in April."""
    spent = pd.DataFrame({"cost_id": ["spent"], "amount": [1_200.0], "date": ["2025-01-20"]})
    result = deal(150.0, facilities=term(), costs=spent, equity=contribution("2025-04-10", 300.0)).run()
    rows = result.past_due
    # February: 12 of interest and 100 are paid. March: 11 of interest, and 27 of the 100.
    assert rows.iloc[0][["tier", "due", "past_due_interest", "paid", "past_due"]].tolist() == [
        "principal_1",
        100.0,
        0.0,
        27.0,
        73.0,
    ]
    # April: 10 of interest, 73 with 1 % and 100 of principal, out of 300. May: 9 and 100 out of 116.27. June: 8 out of 7.27.
    assert rows.iloc[1][["tier", "due", "paid", "past_due"]].tolist() == ["interest_1", 8.0, 7.27, 0.73]
    april = result.waterfall[
        (result.waterfall["period_end"] == "2025-04-30") & (result.waterfall["tier"] == "principal_1")
    ].iloc[0]
    assert april[["due", "past_due_interest", "paid", "past_due"]].tolist() == [100.0, 0.73, 173.73, 0.0]
    assert result.breached
    assert (result.cashflow["closing_cash"] >= 0).all()
    assert (
        result.balance_sheet["debt"].iloc[2] == 1_200 - 200 + 73
    )  # two instalments are due, 27 of the second paid


def test_a_revolver_fills_the_minimum_and_costs_what_its_days_cost() -> None:
    """1,000 of commitment at SOFR 4 % + 2 %, ACT/360, 0.5 % on what is not drawn."""
    revolver = pd.DataFrame(
        {"facility_id": ["rcf"], "kind": ["revolver"], "start_date": ["2024-01-01"], "maturity_date": ["2025-06-30"], "commitment": [100_000.0],
         "letters_of_credit": [10_000.0], "index": ["SOFR"], "margin_rate": [0.02], "undrawn_fee_rate": [0.005], "day_count": ["ACT/360"]}
    )  # fmt: skip
    rates = pd.DataFrame({"index": ["SOFR"], "date": ["2024-01-01"], "value": [0.04]})
    cost = pd.DataFrame({"cost_id": ["rent"], "monthly_amount": [20_000.0]})
    result = deal(
        30_000.0,
        facilities=revolver,
        rates=rates,
        extrapolate="flat",
        costs=cost,
        cash={"minimum_cash": 25_000},
    ).run()
    own = result.debt
    fee = round(Fraction(90_000 * 100) * Fraction("0.005") * Fraction(31, 360))  # January, undrawn, in cents
    drawn = 20_000_00 + fee + 25_000_00 - 30_000_00
    assert own.iloc[0][["fee", "draw", "closing_balance"]].tolist() == [fee / 100, drawn / 100, drawn / 100]
    interest = round(Fraction(drawn) * Fraction("0.06") * Fraction(28, 360))
    assert own.iloc[1]["interest"] == interest / 100
    assert column(result.cashflow, "closing_cash", 4) == [25_000.0] * 4
    # At maturity all of it falls due, and cannot be paid: it is past due, at the facility's own rate.
    june = result.waterfall[
        (result.waterfall["period_end"] == "2025-06-30") & (result.waterfall["tier"] == "principal_1")
    ].iloc[0]
    assert june["past_due"] > 0
    assert own.iloc[5]["closing_balance"] == 0


def test_commitments_step_and_letters_of_credit_take_room() -> None:
    revolver = pd.DataFrame(
        {
            "facility_id": ["rcf"],
            "kind": ["revolver"],
            "start_date": ["2024-06-21"],
            "term_months": [36],
            "annual_rate": [0.06],
        }
    )
    steps = pd.DataFrame(
        {
            "facility_id": "rcf",
            "date": ["2024-06-21", "2025-03-15", "2025-05-02"],
            "commitment": [650.0, None, 1_500.0],
            "letters_of_credit": [50.0, 61.0, None],
        }
    )
    result = deal(0.0, facilities=revolver, commitments=steps).run()
    assert column(result.measures, "undrawn_commitments", 6) == [600.0, 600.0, 589.0, 589.0, 1_439.0, 1_439.0]


def test_reserves_follow_the_agreement() -> None:
    """CoreWeave, cash covenants of the 10-Q for 2025-03-31: 4.00 % of what is drawn, at most 56; 2 %, then 1 % ($ million)."""
    loans = term(facility_id=["DDTL 1.0", "DDTL 2.0"], start_date="2024-12-31", principal=[2_012.5, 4_386.303], term_months=60, profile="bullet",
                 annual_rate=0.0)  # fmt: skip
    paid = pd.DataFrame({"facility_id": ["DDTL 1.0"], "date": ["2025-03-28"], "amount": [115.0]})
    reserves = pd.DataFrame(
        {"reserve_id": ["1.0", "2.0", "2.0"], "facility_id": ["DDTL 1.0", "DDTL 2.0", "DDTL 2.0"], "balance_rate": [0.04, 0.02, 0.01], "balance_cap": [56.0, None, None],
         "from_date": [None, None, "2025-03-28"], "to_date": [None, "2025-03-27", None], "opening_balance": [56.0, 77.0, None]}
    )  # fmt: skip
    result = deal(500.0, facilities=loans, prepayments=paid, reserves=reserves, minor_units=3).run(
        amounts="decimal"
    )
    held = column(result.balance_sheet, "restricted_cash", 3)
    assert held[0] == Decimal("56.000") + Decimal("87.726")  # 2 % of 4,386.303
    assert held[2] == Decimal("56.000") + Decimal("43.863")  # "44" in the filing
    assert result.cashflow["reserve_release"].iloc[2] == Decimal("43.863")


def test_a_lock_up_keeps_cash_from_the_owners() -> None:
    revenue = pd.DataFrame(
        {
            "contract_id": ["k"],
            "monthly_fee": [1_000.0],
            "start_date": ["2025-01-01"],
            "end_date": ["2025-12-31"],
        }
    )
    terms = pd.DataFrame(
        {
            "covenant_id": ["cash"],
            "metric": ["liquidity"],
            "threshold": [6_500.0],
            "level": ["lock_up"],
            "entity_id": ["SPV"],
        }
    )
    given: dict[str, Any] = {
        "contracts": revenue,
        "cash": {"distribution_rate": 0.5, "distribution_months": [6, 9, 12]},
    }
    assert column(deal(0.0, **given).run().cashflow, "distributions")[5::3] == [3_000.0, 3_000.0, 3_000.0]
    locked = deal(0.0, **given, covenants=terms).run()
    # Half of 6,000 would leave 3,000 in June, half of 9,000 less than 6,500 in September; half of 12,000 in December.
    assert locked.cashflow["distributions"].sum() == 0
    assert locked.covenants["status"].tolist() == ["lock_up"] * 6 + ["pass"] * 6
    low = terms.assign(threshold=4_500.0)
    paid = deal(0.0, **given, covenants=low).run()
    assert column(paid.cashflow, "distributions")[5::3] == [0.0, 4_500.0, 0.0]


# --- what is not known -------------------------------------------------------------------------------------------


def test_what_is_not_known_is_null_from_then_on_and_never_passes() -> None:
    contracts = pd.DataFrame({"contract_id": ["k"], "gpu_model": ["H100"], "gpus": [10], "hourly_price": [2.0], "start_date": ["2025-01-01"],
                              "end_date": ["2025-12-31"], "take_or_pay_rate": [0.0]})  # fmt: skip
    use = pd.DataFrame({"date": ["2025-01-01", "2025-04-01"], "utilisation": [0.5, None]})
    covenants = pd.DataFrame(
        {
            "covenant_id": ["liquidity", "ltv"],
            "metric": ["liquidity", "ltv"],
            "threshold": [1.0, None],
            "entity_id": ["SPV", "loan"],
        }
    )
    fleet = pd.DataFrame(
        {"asset_id": ["a"], "cost": [600.0], "in_service_date": ["2025-01-01"], "facility_id": ["loan"]}
    )
    result = deal(
        50_000.0,
        contracts=contracts,
        utilisation=use,
        covenants=covenants,
        facilities=term(),
        assets=fleet,
        books={"6y": nc.straight_line(years=6)},
    ).run()
    known = [True] * 3 + [False] * 9
    for name in ("income_statement", "cashflow", "balance_sheet", "equity", "tax"):
        frame = result.to_frame(name)
        for line in frame.columns.drop("period_end"):
            assert frame[line].notna().tolist() == known, (name, line)
    assert result.property["closing_property"].notna().all()  # books of assets need no customer
    assert result.to_frame("income_statement", freq="Q")["revenue"].notna().tolist() == [
        True,
        False,
        False,
        False,
    ]
    status = result.covenants.groupby("covenant_id", observed=True)["status"].apply(list)
    assert status["liquidity"] == ["pass"] * 3 + ["insufficient_data"] * 9
    assert set(status["ltv"][:3]) == {"unknown"}
    assert not result.breached


def test_collateral_without_a_curve_has_no_market_value() -> None:
    fleet = pd.DataFrame({"asset_id": ["a", "b"], "gpu_model": ["H100", "Gaudi"], "cost": [1_200.0, 600.0], "in_service_date": "2025-01-01",
                          "facility_id": ["loan", "other"]})  # fmt: skip
    curves = pd.DataFrame({"gpu_model": ["H100", "H100"], "age_months": [0, 12], "value_share": [1.0, 0.4]})
    lent = term(
        facility_id=["loan", "other"],
        principal=[600.0, 100.0],
        start_date="2025-01-01",
        term_months=12,
        annual_rate=0.0,
        profile="bullet",
    )
    result = deal(
        3_000.0, assets=fleet, value_curves=curves, facilities=lent, books={"6y": nc.straight_line(years=6)}
    ).run()
    june = result.ltv[result.ltv["period_end"] == "2025-06-30"].set_index("facility_id")
    assert june.loc["loan", ["balance", "book_value", "market_value"]].tolist() == [
        600.0,
        1_100.0,
        1_200 * 0.7,
    ]
    assert june.loc["loan", "ltv_market"] == 600 / 840
    assert pd.isna(june.loc["other", ["market_value", "ltv_market"]]).all()
    assert result.measures["collateral_market_value"].head(12).isna().all()


def test_a_cure_is_cash_of_the_owners_and_cures() -> None:
    revenue = pd.DataFrame(
        {
            "contract_id": ["k"],
            "monthly_fee": [100.0],
            "start_date": ["2025-01-01"],
            "end_date": ["2025-12-31"],
        }
    )
    terms = pd.DataFrame(
        {
            "covenant_id": ["dscr"],
            "metric": ["dscr"],
            "threshold": [1.25],
            "entity_id": ["SPV"],
            "window_periods": [1],
            "grace_days": [20],
        }
    )
    cure = pd.DataFrame(
        {"entity_id": ["SPV"], "period_end": ["2025-02-28"], "amount": [40.0], "paid_date": ["2025-03-10"]}
    )
    made = deal(500.0, contracts=revenue, facilities=term(), covenants=terms, cures=cure)
    result = made.run()
    tests = result.covenants.set_index("period_end")
    # 12 + 100 are due in February out of 100: 112 x 1.25 - 100 = 40.
    assert tests.loc["2025-02-28", ["status", "cure_applied"]].tolist() == ["cured", 40.0]
    assert tests.loc["2025-03-31", "status"] == "breach"
    assert column(result.cashflow, "contributions", 4) == [0.0, 0.0, 40.0, 0.0]
    assert result.breached
