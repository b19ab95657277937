"""Rows of a deal's tables that contradict themselves or each other: never silent, each with table, row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from small_deals import contribution, deal, term

COST = {"cost_id": ["power"], "monthly_amount": [3.0]}
REVOLVER = {
    "facility_id": ["rcf"],
    "kind": ["revolver"],
    "start_date": ["2025-01-01"],
    "term_months": [36],
    "commitment": [100.0],
    "annual_rate": [0.07],
}
LADDER = {
    "facility_id": ["old"],
    "kind": ["ladder"],
    "start_date": ["2024-12-31"],
    "term_months": [24],
    "principal": [50.0],
    "annual_rate": [0.1],
}
ASSET = {"asset_id": ["A"], "cost": [600.0], "in_service_date": ["2025-01-01"]}
DATED = {"facility_id": ["rcf", "rcf"], "date": ["2025-06-30", "2025-06-30"], "commitment": [80.0, 90.0]}
FIGURE = {
    "figure_id": ["a"],
    "value": [1.0],
    "measure": ["income_statement.revenue"],
    "period_end": ["2025-03-31"],
    "kind": ["A"],
    "unit": ["money"],
}
BOOKS = {"books": {"6y": nc.straight_line(years=6)}}
NULL = float("nan")


def ladder(*rows: tuple[str, float]) -> dict[str, Any]:
    return {
        "facility_id": "old",
        "bucket": [bucket for bucket, _ in rows],
        "principal": [amount for _, amount in rows],
    }


WRONG: list[tuple[dict[str, Any], str, str, tuple[int, ...]]] = [
    ({"costs": {**COST, "annual_escalation_rate": [3.0]}}, "costs.annual_escalation_rate", "rate_unit", (0,)),
    ({"costs": {**COST, "annual_escalation_rate": [-2.0]}}, "costs.annual_escalation_rate", "range", (0,)),
    ({"costs": {**COST, "revenue_rate": [5.0]}}, "costs.revenue_rate", "rate_unit", (0,)),
    ({"costs": {**COST, "revenue_rate": [-0.5]}}, "costs.revenue_rate", "range", (0,)),
    ({"costs": {**COST, "start_date": ["2025-06-01"], "end_date": ["2025-05-31"]}}, "costs.end_date", "date_order", (0,)),
    ({"facilities": {**REVOLVER, "past_due_rate": [18.0]}}, "facilities.past_due_rate", "rate_unit", (0,)),
    ({"facilities": {**REVOLVER, "past_due_rate": [-0.1]}}, "facilities.past_due_rate", "range", (0,)),
    ({"facilities": {**REVOLVER, "undrawn_fee_rate": [-0.1]}}, "facilities.undrawn_fee_rate", "range", (0,)),
    ({"facilities": {**REVOLVER, "frequency": ["quarterly"]}}, "facilities.frequency", "term_conflict", (0,)),
    ({"facilities": {**REVOLVER, "profile": ["bullet"]}}, "facilities.profile", "term_conflict", (0,)),
    ({"facilities": {**REVOLVER, "upfront_fee": [5.0]}}, "facilities.upfront_fee", "term_conflict", (0,)),
    ({"facilities": {**REVOLVER, "advance_rate": [0.8]}}, "facilities.advance_rate", "term_conflict", (0,)),
    ({"facilities": {**REVOLVER, "sweep_rate": [0.5]}}, "facilities.sweep_rate", "term_conflict", (0,)),
    ({"facilities": {**REVOLVER, "draw_end_date": ["2025-06-30"]}}, "facilities.draw_end_date", "term_conflict", (0,)),
    ({"facilities": REVOLVER, "hedges": {"facility_id": ["rcf"], "kind": ["pay_fixed_swap"], "strike_rate": [0.04]}}, "hedges.facility_id", "term_conflict", (0,)),
    ({"facilities": REVOLVER, "prepayment_premiums": {"facility_id": ["rcf"], "from_date": ["2025-01-01"], "premium_rate": [0.01]}}, "prepayment_premiums.facility_id", "term_conflict", (0,)),
    ({"facilities": REVOLVER, "payment_holidays": {"facility_id": ["rcf"], "from_date": ["2025-01-01"], "to_date": ["2025-02-01"]}}, "payment_holidays.facility_id", "term_conflict", (0,)),
    ({"facilities": term(frequency=["fortnightly"])}, "facilities.frequency", "choice", (0,)),
    ({"facilities": {**LADDER, "frequency": ["fortnightly"]}, "ladders": ladder(("2025", 20.0))}, "facilities.frequency", "choice", (0,)),
    ({"facilities": {**LADDER, "profile": ["steep"]}, "ladders": ladder(("2025", 20.0))}, "facilities.profile", "choice", (0,)),
    ({"facilities": term(sweep_rate=[1.5])}, "facilities.sweep_rate", "range", (0,)),
    ({"facilities": REVOLVER, "commitments": DATED}, "commitments.date", "duplicate_date", (0, 1)),
    ({"facilities": REVOLVER, "reserves": {"reserve_id": ["R"], "balance_rate": [5.0]}}, "reserves.balance_rate", "rate_unit", (0,)),
    ({"facilities": REVOLVER, "reserves": {"reserve_id": ["R"], "balance_rate": [-0.1]}}, "reserves.balance_rate", "range", (0,)),
    ({"facilities": REVOLVER, "reserves": {"reserve_id": ["R"], "amount": [5.0], "from_date": ["2025-06-01"], "to_date": ["2025-05-31"]}}, "reserves.to_date", "date_order", (0,)),
    ({"facilities": LADDER, "ladders": ladder(("2025", 20.0), ("2025", 10.0))}, "ladders.bucket", "duplicate_period", (0, 1)),
    ({"facilities": LADDER, "ladders": ladder(("2025", 20.0), ("thereafter", 10.0))}, "ladders.principal", "term_conflict", (1,)),
    ({"equity": contribution("2025-03-01", NULL)}, "equity.amount", "null", (0,)),
    ({"assets": ASSET, "asset_payments": {"asset_id": ["A", "A"], "date": "2025-01-01", "amount": [600.0, NULL]}}, "asset_payments.amount", "null", (1,)),
    ({"published": {**FIGURE, "kind": ["approx"]}}, "published.kind", "choice", (0,)),
    ({"published": {**FIGURE, "unit": ["dollars"]}}, "published.unit", "choice", (0,)),
    ({"published": {**FIGURE, "from_date": ["2026-01-01"]}}, "published.period_end", "date_order", (0,)),
    ({"published": {name: value * 2 for name, value in FIGURE.items()}}, "published.figure_id", "duplicate_id", (0, 1)),
    ({"value_curves": {"gpu_model": ["A", "H", "H"], "age_months": [12, 12, 12], "value_share": [0.5, 0.5, 0.6]}}, "value_curves.gpu_model", "curve", (1, 2)),
    ({"value_curves": {"gpu_model": ["H", "H"], "annual_decay_rate": [0.3, 0.4]}}, "value_curves.gpu_model", "curve", (0, 1)),
    ({"value_curves": {"gpu_model": ["H"], "age_months": [12], "value_share": [NULL]}}, "value_curves.gpu_model", "curve", (0,)),
    ({"value_curves": {"gpu_model": ["H"], "age_months": [12], "value_share": [-0.5]}}, "value_curves.gpu_model", "curve", (0,)),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "column", "code", "rows"), WRONG)
def test_a_row_that_cannot_be_meant_is_refused(
    tables: dict[str, Any], column: str, code: str, rows: tuple[int, ...]
) -> None:
    frames = {name: pd.DataFrame(table) for name, table in tables.items()}
    with pytest.raises(nc.InputError) as caught:
        deal(9_000.0, **frames, **BOOKS)
    assert [(issue.column, issue.code, issue.rows) for issue in caught.value.issues] == [(column, code, rows)]


def test_a_ladder_names_years_in_which_the_facility_pays() -> None:
    """What stood under another year went to maturity."""
    for year in ("2023", "2027"):
        made = deal(
            9_000.0,
            facilities=pd.DataFrame(LADDER),
            ladders=pd.DataFrame(ladder(("2025", 20.0), (year, 5.0))),
        )
        with pytest.raises(nc.InputError) as caught:
            made.run()
        (issue,) = caught.value.issues
        assert (issue.column, issue.code, issue.rows) == ("ladders.bucket", "range", (1,))
        assert issue.example == f"{year} of old"


def test_an_asset_secures_a_draw_that_is_followed_on_its_own() -> None:
    """A draw without terms of its own is part of the loan: alone it stood beside a balance of nothing, and an LTV of 0."""
    loan = term(principal=[600.0], commitment=[1_000.0], profile=["bullet"])
    fleet = pd.DataFrame({**ASSET, "facility_id": ["loan"], "draw_number": [1]})
    draws = pd.DataFrame({"facility_id": ["loan"], "date": ["2025-03-01"], "amount": [200.0]})
    given: dict[str, Any] = {"facilities": loan, "assets": fleet, **BOOKS}
    for tables in (
        {"draws": draws},
        {},
        {"draws": draws.assign(term_months=24), "assets": fleet.assign(draw_number=2)},
    ):
        with pytest.raises(nc.InputError) as caught:
            deal(9_000.0, **{**given, **tables})
        (issue,) = caught.value.issues
        assert (issue.column, issue.code, issue.rows) == ("assets.draw_number", "unknown_id", (0,))
    own = deal(9_000.0, **given, draws=draws.assign(term_months=24)).run().ltv
    assert own[own["draw_number"] == 1]["balance"].tolist()[:3] == [0.0, 0.0, 200.0]


def test_what_verbs_find_is_told_of_the_tables_of_the_deal() -> None:
    """Also where a verb got some of the rows: those without a curve, and what means nothing to a tax return, left out."""
    fleet = pd.DataFrame({"asset_id": ["A", "B"], "cost": 600.0, "in_service_date": "2025-01-01", "gpu_model": [None, "H"], "residual_value": [0.0, 700.0]})  # fmt: skip
    with pytest.raises(nc.InputError) as caught:
        deal(9_000.0, assets=fleet, **BOOKS).run()
    assert [(issue.column, issue.rows, issue.ids) for issue in caught.value.issues] == [
        ("assets.residual_value", (1,), ("B",))
    ]
    sound = fleet.assign(residual_value=0.0)
    curves = pd.DataFrame({"gpu_model": ["H"], "age_months": [3], "value_share": [0.5]})
    secured = sound.assign(facility_id="loan")
    with pytest.raises(nc.InputError) as caught:
        _ = deal(9_000.0, assets=secured, facilities=term(), value_curves=curves, **BOOKS).run().ltv
    (issue,) = caught.value.issues
    assert (issue.column, issue.code, issue.rows, issue.ids) == (
        "assets.gpu_model",
        "curve_range",
        (1,),
        ("B",),
    )
    events = pd.DataFrame({"asset_id": ["A", "Z"], "date": "2025-02-01", "kind": ["impairment", "disposal"], "amount": [50.0, None]})  # fmt: skip
    for policy in (nc.straight_line(years=6), nc.macrs(recovery_years=5, bonus_rate=0)):
        with pytest.raises(nc.InputError) as caught:
            deal(9_000.0, assets=sound, asset_events=events, books={"own": policy}).run()
        (issue,) = caught.value.issues
        assert (issue.column, issue.code, issue.rows) == ("asset_events.asset_id", "unknown_id", (1,))
    leases = pd.DataFrame({"lease_id": ["hall"], "commencement_date": ["2025-01-01"], "term_months": [12], "payment": [1.0], "discount_rate": [0.1]})  # fmt: skip
    unknown = pd.DataFrame({"lease_id": ["hal"], "date": ["2025-01-31"], "amount": [1.0]})
    with pytest.raises(nc.InputError) as caught:
        deal(9_000.0, leases=leases, lease_payments=unknown).run()
    assert "lease_payments.lease_id" in {issue.column for issue in caught.value.issues}


def test_a_curve_column_that_is_not_there() -> None:
    curves = pd.DataFrame({"gpu_model": ["H"], "annual_decay_rate": [0.3]})
    for given in ({"market": {"curve_by": "modle"}}, {}):
        with pytest.raises(nc.InputError) as caught:
            deal(assets=pd.DataFrame(ASSET), value_curves=curves, **given, **BOOKS)
        assert [(issue.column, issue.code) for issue in caught.value.issues] == [
            ("deal.toml: market.curve_by", "missing_column")
        ]


def test_terms_may_name_columns_of_your_own() -> None:
    fleet = pd.DataFrame({"asset_id": ["A", "B"], "cost": 480.0, "in_service_date": "2025-01-01", "tier": ["new", "old"]})  # fmt: skip
    books = {"own": {"new": nc.straight_line(years=4), "old": nc.straight_line(years=2)}}
    made = deal(assets=fleet, books=books, policy_by="tier", lives={"where": {"tier": "old"}}, extra_columns={"assets": ["tier"]})  # fmt: skip
    assert made.run().income_statement["depreciation"].tolist() == [30.0] * 12
    assert made.run(years=1).income_statement["depreciation"].tolist() == [50.0] * 12


def test_numbers_of_numpy_are_numbers() -> None:
    assert deal(opening={"cash": np.float64(1.25)}).run().cashflow["opening_cash"].iloc[0] == 1.25
    assert deal(opening={"cash": np.int64(3)}).run().cashflow["opening_cash"].iloc[0] == 3.0
    rates = pd.Series([np.float64(0.5)], dtype=object)
    costs = pd.DataFrame({**COST, "start_date": ["2024-01-01"], "annual_escalation_rate": rates})
    assert deal(90.0, costs=costs).run().income_statement["operating_cost"].iloc[0] == 4.5


def test_a_number_of_a_policy_may_come_with_its_source() -> None:
    book = {"method": "straight_line", "years": {"value": 4, "source": "10-K", "trust": "P"}}
    made = deal(assets=pd.DataFrame({**ASSET, "cost": [480.0]}), books={"own": book})
    assert made.run().income_statement["depreciation"].tolist() == [10.0] * 12
    assert made.terms.provenance["books.own.years"] == {"source": "10-K", "trust": "P"}


@pytest.mark.parametrize("section", ["opening", "cash", "tax", "lives", "market", "books"])
def test_a_section_that_is_none(section: str) -> None:
    for value in (5, [1], "cash"):
        with pytest.raises(nc.InputError) as caught:
            deal(**{section: value})
        assert (section, "dtype") in {(issue.column, issue.code) for issue in caught.value.issues}


def test_tables_without_rows_say_nothing() -> None:
    """Also beside a curve for some assets and under the book of a tax return, which leave events out."""
    events = pd.DataFrame({"asset_id": [], "date": [], "kind": []}, dtype="str")
    given: dict[str, Any] = {
        "assets": pd.DataFrame({**ASSET, "gpu_model": ["H"], "facility_id": ["loan"]}),
        "facilities": term(),
        "value_curves": pd.DataFrame({"gpu_model": ["H"], "annual_decay_rate": [0.3]}),
        "books": {"own": nc.straight_line(years=6), "return": nc.macrs(recovery_years=5, bonus_rate=0)},
        "tax": {"rate": 0.21, "book": "return"},
    }
    for name in ("ltv", "tax", "income_statement"):
        without = deal(9_000.0, **given).run()[name]
        assert deal(9_000.0, **given, asset_events=events).run()[name].equals(without)


def test_files_that_are_no_table_say_what_to_write(tmp_path: Path) -> None:
    terms = 'deal = { name = "SPV", start = 2025-01-01, end = 2025-12-31 }\nopening = { cash = 1 }\n'
    (tmp_path / "deal.toml").write_text(terms, encoding="utf-8")
    (tmp_path / "costs.xlsx").write_bytes(b"PK")
    (tmp_path / "EQUITY.CSV").write_text("date,kind,amount\n", encoding="utf-8")
    (tmp_path / "leases.csv").write_text("lease_id,payment\na\n", encoding="utf-8")
    with pytest.raises(nc.InputError) as caught:
        nc.load_deal(tmp_path)
    assert {issue.column: issue.example or issue.hint for issue in caught.value.issues} == {
        "EQUITY.CSV": "a table is a file: equity.csv or equity.parquet",
        "costs.xlsx": "a table is a file: costs.csv or costs.parquet",
        "leases.csv": "line 2 has 1 fields where the header has 2; is the file cut off, or does a field hold a comma and no quotes?",
    }
    assert "line 2 has 1 fields" in str(caught.value)
