"""Deals: everything ties in every month of random deals, and cases by hand."""

from __future__ import annotations

import os
import random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neocalc as nc
from deals import deal_of
from small_deals import deal

SEEDS = 5_000 if os.environ.get("NEOCALC_DEEP") else 60
ASSETS = ("cash", "restricted_cash", "receivables", "construction_in_progress", "property_and_equipment", "right_of_use",
          "commitment_cost", "tax_receivable", "deferred_tax_asset", "other_assets")  # fmt: skip
LIABILITIES = ("payables", "capex_payable", "deferred_revenue", "accrued_interest", "debt", "lease_liability", "tax_payable",
               "deferred_tax_liability", "other_liabilities")  # fmt: skip


def rolls(
    table: pd.DataFrame, opening: str, closing: str, plus: tuple[str, ...], minus: tuple[str, ...]
) -> None:
    moved = table[list(plus)].sum(axis=1) - table[list(minus)].sum(axis=1)
    assert (table[opening] + moved == table[closing]).all(), (opening, closing)
    assert (table[opening].iloc[1:].to_numpy() == table[closing].iloc[:-1].to_numpy()).all(), opening


def ties(result: nc.DealResult) -> None:
    """Every law of the statements, in whole minor units."""
    sheet, income, cash = result.balance_sheet, result.income_statement, result.cashflow
    assert (sheet[list(ASSETS)].sum(axis=1) == sheet["total_assets"]).all()
    assert (sheet[list(LIABILITIES)].sum(axis=1) == sheet["total_liabilities"]).all()
    assert (sheet["total_assets"] == sheet["total_liabilities"] + sheet["equity"]).all()
    into = (
        "customer_receipts",
        "disposal_proceeds",
        "debt_proceeds",
        "revolver_draws",
        "contributions",
        "other_receipts",
        "reserve_release",
    )
    out = (
        "operating_cost",
        "leases",
        "taxes",
        "interest",
        "principal",
        "fees",
        "capex",
        "reserve_top_up",
        "revolver_repayment",
        "sweep",
        "distributions",
    )
    rolls(cash, "opening_cash", "closing_cash", into, out)
    assert (cash[[*into, *out, "closing_cash"]] >= 0).all(axis=None)
    rolls(
        result.equity, "opening_equity", "closing_equity", ("net_income", "contributions"), ("distributions",)
    )
    rolls(
        result.property,
        "opening_property",
        "closing_property",
        ("capital_expenditure",),
        ("depreciation", "impairment", "disposals"),
    )
    rolls(result.debt_balance, "opening_debt", "closing_debt", ("drawn", "pik"), ("repaid",))
    for table, name, other in ((cash, "closing_cash", "cash"), (result.equity, "closing_equity", "equity")):
        assert (table[name] == sheet[other]).all()
    assert (
        result.property["closing_property"]
        == sheet["construction_in_progress"] + sheet["property_and_equipment"]
    ).all()
    assert (sheet[["receivables", "construction_in_progress", "property_and_equipment", "right_of_use", "payables", "capex_payable",
                   "deferred_revenue", "lease_liability", "restricted_cash"]] >= 0).all(axis=None)  # fmt: skip
    assert (income["ebitda"] == income["revenue"] - income["operating_cost"] - income["lease_cost"]).all()
    assert (
        income["net_income"] == income["pre_tax_income"] - income["current_tax"] - income["deferred_tax"]
    ).all()
    waterfall = result.waterfall
    paid = waterfall.groupby("period_end")["paid"].sum()
    assert (paid.to_numpy() == cash[list(out[:7])].sum(axis=1).to_numpy()).all()
    # Facilities sum to the whole.
    by_facility = result.ltv[result.ltv["draw_number"].isna()].groupby("period_end")["balance"].sum()
    if len(by_facility):
        assert (by_facility.to_numpy() == result.debt_balance["closing_debt"].to_numpy()).all()
    for freq in ("Q", "Y"):
        for name in ("income_statement", "cashflow", "equity", "property", "debt_balance"):
            longer, months = result.to_frame(name, freq=freq), result.to_frame(name)
            for column in longer.columns.difference(["period_end"]):
                if column.startswith("opening"):
                    assert longer[column].iloc[0] == months[column].iloc[0]
                elif column.startswith("closing") or column in ("past_due", "construction_in_progress"):
                    assert longer[column].iloc[-1] == months[column].iloc[-1]
                else:
                    assert longer[column].sum() == months[column].sum()


def test_every_month_of_random_deals_ties() -> None:
    months = short = swept = drawn = 0
    for seed in range(SEEDS):
        result = nc.Deal(**deal_of(random.Random(seed))).run(amounts="minor")
        ties(result)
        months += len(result.cashflow)
        short += bool(len(result.past_due))
        swept += bool(result.cashflow["sweep"].sum())
        drawn += bool(result.cashflow["revolver_draws"].sum())
    print(
        f"{SEEDS} deals, {months:,} months tie to the cent; {short} with something past due, {swept} swept, {drawn} drawn"
    )
    assert min(short, swept, drawn) >= SEEDS // 20


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_every_month_ties(seed: int) -> None:
    ties(nc.Deal(**deal_of(random.Random(seed))).run(amounts="minor"))


QUARTERS = pd.date_range("2025-03-31", periods=16, freq="QE")
FLOATING: dict[str, Any] = {"annual_rate": [None, 0.09], "index": ["SOFR", None], "margin_rate": [0.02, None]}
DAILY = pd.DataFrame({"index": "SOFR", "date": pd.date_range("2024-12-01", "2030-01-01"), "value": 0.043})
LOANS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("steps", {}, {"rate_steps": {"facility_id": ["loan"], "date": ["2025-06-01"], "annual_rate": [0.12]}}),
    ("holidays", {}, {"payment_holidays": {"facility_id": ["loan"], "from_date": ["2025-04-01"], "to_date": ["2025-08-01"], "interest": ["capitalised"]}}),
    ("refinanced", {"commitment": [None, 3e6], "draw_end_date": [None, "2026-12-31"]},
     {"refinancings": {"facility_id": ["loan"], "date": ["2025-09-20"], "into_facility_id": ["new"]}}),
    ("custom", {"profile": ["custom", "percent_schedule"]},
     {"principal_schedule": {"facility_id": ["loan", "new"], "date": ["2025-09-15", None], "payment_number": [None, 3], "principal": [5e5, None], "share": [None, 0.4]}}),
    ("make-whole", {"make_whole_until_date": ["2026-12-31", None], "make_whole_rate": [0.03, None]},
     {"prepayments": {"facility_id": ["loan"], "date": ["2025-09-20"], "amount": [float("nan")]}}),
    ("business days", {"business_day_convention": "modified_following"}, {}),
    ("in kind", {"pik_share": [0.5, None], "profile": "bullet"}, {}),
    ("default rates", {"default_margin_rate": [0.02, None], "default_from_date": ["2025-05-01", None]}, {}),
    ("compounded", {**FLOATING, "index_averaging": ["compounded", None], "lookback_days": [5, None]}, {"rates": DAILY}),
    ("hedged to be paid", FLOATING, {"rates": DAILY, "hedges": {"facility_id": ["loan"], "kind": ["pay_fixed_swap"], "strike_rate": [0.001], "from_date": ["2025-01-15"], "notional": [5e6]}}),
    ("sculpted", {"target_dscr": [1.3, None], "profile": ["sculpted", "bullet"]}, {"cash_flow": {"facility_id": "loan", "date": QUARTERS, "cfads": 130_000.0}}),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "tables"), [case[1:] for case in LOANS], ids=[case[0] for case in LOANS])
def test_loans_of_every_kind_tie(columns: dict[str, Any], tables: dict[str, Any]) -> None:
    loans = {"facility_id": ["loan", "new"], "start_date": "2025-01-15", "principal": [1e6, 2e5], "term_months": [36, 48], "annual_rate": [0.1, 0.09],
             "profile": ["level_payment", "bullet"], "frequency": ["quarterly", "monthly"], "sweep_rate": [None, 0.1]}  # fmt: skip
    beside = {name: pd.DataFrame(table) for name, table in tables.items()}
    made = deal(5_000_000.0, end="2026-12-31", facilities=pd.DataFrame({**loans, **columns}), **beside)
    ties(made.run(amounts="minor"))
