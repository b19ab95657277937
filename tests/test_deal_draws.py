"""Draws with terms of their own in deals: what is owed, what secures it, and what it costs."""

from __future__ import annotations

import pandas as pd
import pytest

import neocalc as nc
from small_deals import deal, term


def test_draws_with_terms_of_their_own_are_followed_one_by_one() -> None:
    """A facility of 1,000 at 97 with 60 of fees, drawn 600 for one year and 400 for two; nothing bears interest."""
    facility = term(
        principal=[600.0],
        commitment=[1_000.0],
        annual_rate=[0.0],
        profile=["bullet"],
        issue_price=[0.97],
        upfront_fee=[60.0],
    )
    draw = pd.DataFrame(
        {"facility_id": ["loan"], "date": ["2025-03-01"], "amount": [400.0], "term_months": [24]}
    )
    fleet = pd.DataFrame(
        {
            "asset_id": ["a", "b"],
            "cost": [720.0, 480.0],
            "in_service_date": ["2025-01-01", "2025-03-01"],
            "facility_id": "loan",
            "draw_number": [0, 1],
        }
    )
    made = deal(
        2_000.0,
        facilities=facility,
        draws=draw,
        assets=fleet,
        books={"6y": nc.straight_line(years=6)},
        end="2027-12-31",
    )
    result = made.run()
    march = result.ltv[result.ltv["period_end"] == "2025-03-31"]
    assert march["draw_number"].isna().tolist() == [True, False, False]
    assert march["balance"].tolist() == [1_000.0, 600.0, 400.0]
    assert march["ltv_book"].tolist() == [100_000 / 116_333, 600 / 690, 40_000 / 47_333]
    yearly = result.to_frame("cashflow", freq="Y")
    assert yearly["debt_proceeds"].tolist() == [970.0, 0.0, 0.0]
    assert yearly["principal"].tolist() == [0.0, 600.0, 400.0]
    assert yearly["fees"].tolist() == [60.0, 0.0, 0.0]
    # Effective interest of each draw: the fees belong to what they were paid for, 36 to the first and 24, an asset until
    # March, to the second. 582 - 36 grow to 600 in twelve months, 388 - 24 to 400 in twenty-four.
    grown = [364 * (400 / 364) ** (months / 24) - 364 for months in (10, 22)]
    cost = result.to_frame("income_statement", freq="Y")["interest_expense"].tolist()
    assert cost[:2] == pytest.approx([54 + grown[0], grown[1] - grown[0]], abs=0.02)
    # Month by month it is what the engine books for these loans.
    loans = facility.rename(columns={"facility_id": "loan_id"})
    given = {"draws": draw.rename(columns={"facility_id": "loan_id"}), "by": ["loan_id"], "freq": "M"}
    booked = nc.interest_expense(loans, **given, start="2025-01-01", end="2027-12-31")
    assert result.income_statement["interest_expense"].tolist() == booked["interest_expense"].tolist()
    carried = nc.carrying_amount(loans, **given, start="2025-01-01", end="2027-12-31")
    sheet = result.balance_sheet
    assert (sheet["debt"] - sheet["commitment_cost"]).round(2).tolist() == (
        carried["closing_carrying_amount"] - carried["commitment_cost"]
    ).round(2).tolist()
    assert result.to_frame("income_statement", freq="Y")["interest_expense"].sum() == 90.0
    assert result.balance_sheet["debt"].iloc[-1] == 0


@pytest.mark.parametrize("way", ["prepaid", "swept"])
def test_a_draw_repaid_before_a_day_passes_costs_its_discount_then(way: str) -> None:
    """Drawn on 30 March and repaid on the 31st: no day by 30/360, so that there is no rate that earns its discount.

    Of 1,000 at 98 with 10 of fees, 400 cost 8 and a share of 4 in the fees, on the day on which they are repaid; the
    first 600 cost what they do alone.
    """
    alone = term(
        principal=[600.0],
        commitment=[600.0],
        annual_rate=[0.0],
        profile=["bullet"],
        issue_price=[0.98],
        upfront_fee=[6.0],
    )
    paid = {"facility_id": ["loan"], "date": ["2025-03-31"], "amount": [float("nan")]}
    beside = {"prepayments": pd.DataFrame(paid)}
    cost = deal(2_000.0, facilities=alone, **beside).run().income_statement["interest_expense"]
    facility = alone.assign(commitment=1_000.0, upfront_fee=10.0)
    draw = {"facility_id": ["loan"], "date": ["2025-03-30"], "amount": [400.0], "term_months": [24]}
    if way == "swept":
        beside = {}
        facility = facility.assign(sweep_rate=1.0, sweep_from_date="2025-03-01")
    result = deal(2_000.0, facilities=facility, draws=pd.DataFrame(draw), **beside).run()
    assert result.balance_sheet["debt"].tolist()[2:] == [0.0] * 10
    more = (result.income_statement["interest_expense"] - cost).round(2).tolist()
    assert more[:3] == [0.0, 0.0, 12.0]
    assert more[3:] == [0.0] * 9
    assert (round(cost.sum(), 2), round(sum(more), 2)) == (18.0, 12.0)
