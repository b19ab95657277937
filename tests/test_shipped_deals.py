"""The deals that ship: every check beside a published figure, what stays unknown, where each number is from, the page.

Expected figures are printed ones, or arithmetic on them; kinds: E exact, A approximate, F fitted, L logic only.
"""

from __future__ import annotations

import csv
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from neocalc.deal._folder import shipped_deals
from neocalc.report import deal_report
from published_deals import small

DEALS = shipped_deals()
FOLDER = Path(nc.__file__).parent / "examples" / "deals"
NOT_COMPUTED = {"nebius-2025": {"revenue, first quarter of 2026"}}


@pytest.fixture(scope="module")
def results() -> dict[str, Any]:
    return {name: nc.load_deal(name).run() for name in DEALS}


def tables() -> list[Path]:
    return sorted(FOLDER.glob("*/*.csv"))


def test_three_deals_ship() -> None:
    assert DEALS == ["coreweave-2025q1", "coreweave-2026q2", "nebius-2025"]


@pytest.mark.parametrize("name", DEALS)
def test_checks_hold_by_their_kind(name: str, results: dict[str, Any]) -> None:
    checks = results[name].checks
    assert len(checks) >= 6
    unknown = set(checks.loc[checks["within"].isna(), "figure"])
    assert unknown == NOT_COMPUTED.get(name, set())
    known = checks[checks["within"].notna()]
    assert known["within"].all(), known[~known["within"].astype(bool)]
    assert set(checks["kind"]) <= set("EAFL")
    # Exact is exact, but for what the filer itself rounds.
    exact = known[(known["kind"] == "E") & (known["tolerance"] == 0)]
    assert (exact["computed"] == exact["published"]).all()
    assert checks["source"].notna().all()
    assert checks["trust"].isin(["P", "Px", "Q", "D", "S"]).all()


@pytest.mark.parametrize("path", tables(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_has_a_source_and_every_assumption_a_reason(path: Path) -> None:
    rows, sources = (
        list(csv.DictReader(one.read_text(encoding="utf-8").splitlines()))
        for one in (path, path.parent / "sources.csv")
    )
    documents = {row["source"] for row in sources}
    for row in rows:
        if path.stem == "sources":
            assert row["document"]
            assert row["trust"]
            continue
        assert row["assumed"] in ("true", "false")
        assert row["source"] in documents
        assert row["trust"] in ("P", "Px", "Q", "D", "S")
        assert row["note"] or row["assumed"] == "false"


@pytest.mark.parametrize("name", DEALS)
def test_what_is_worked_out_is_not_said_to_be_read(name: str) -> None:
    """Of a table's amounts those that a note works out (a share, a rest, a spread) are derived, whatever filing they are from."""
    worked_out = re.compile(
        r"spread|% of |less |a third of|middle of|the rest;|drawn in the quarter|fitted|in the quarter$"
    )
    for path in sorted((FOLDER / name).glob("*.csv")):
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            given = (
                row.get("cost") or row.get("total_value") or row.get("monthly_amount") or row.get("amount")
            )
            if given and worked_out.search(row["note"]) and "dates of service" not in row["note"]:
                assert row["trust"] in ("D", "S"), (path.stem, row)


@pytest.mark.parametrize("name", DEALS)
def test_every_number_of_the_terms_has_a_source(name: str) -> None:
    def bare(part: Any, key: str = "") -> list[str]:
        if isinstance(part, dict):
            if "source" in part or "value" in part:
                return [] if {"source", "trust"} <= set(part) else [key]
            return [found for name, one in part.items() for found in bare(one, f"{key}.{name}")]
        return [key] if isinstance(part, (int, float)) and not isinstance(part, bool) else []

    terms = tomllib.loads((FOLDER / name / "deal.toml").read_text(encoding="utf-8"))
    assert bare(terms) == []


def test_the_first_quarter_under_four_five_and_six_years() -> None:
    """Charges by the filing: (9,146.575 + 10,746.445) / 2 / years / 4, with 28.0 of the other classes."""
    deal = nc.load_deal("coreweave-2025q1")
    lives = deal.compare_lives(years=(4, 5, 6), amounts="decimal")
    income, books = (
        lives.to_frame(name, freq="Q").set_index("policy") for name in ("income_statement", "property")
    )
    technology, others = (9146.575 + 10746.445) / 2 / 4, 16.0 + 11.5 + 0.5
    for years in (4, 5, 6):
        charge = float(books.loc[f"{years}y", "depreciation"]) / 1e6
        assert charge == pytest.approx(technology / years + others, abs=0.1)
    four, six = income.loc["4y"], income.loc["6y"]
    assert six["operating_income"] - four["operating_income"] == four["depreciation"] - six["depreciation"]
    assert four["revenue"] == six["revenue"] == Decimal("981632000.00")
    assert float(six["operating_income"]) == pytest.approx(-27.470e6, abs=0.6e6)  # A: what 442.4 is below 443
    # As if the life had always been so, more had been written off before.
    assert books.loc["4y", "opening_property"] < books.loc["6y", "opening_property"]


def test_calendars_of_covenants() -> None:
    """Case L: levels and first test dates of DDTL 3.0 and 4.0, on measures that are invented."""
    terms = nc.load_deal("coreweave-2026q2").tables["covenants"]
    ends = pd.date_range("2027-01-31", "2027-12-31", freq="ME")

    def status(covenant: str, entity: str, date: str, **amounts: Any) -> list[tuple[str, str]]:
        own = terms[terms["covenant_id"] == covenant]
        measures = pd.DataFrame({"entity_id": entity, "period_end": ends, **amounts})
        tests = nc.check_covenants(measures, own, freq="M")
        return [(row.level, row.status) for row in tests.itertuples() if row.period_end == pd.Timestamp(date)]

    cash = {"cfads": 1.30, "debt_service": 1.0}
    assert status("DDTL 3.0 DSCR", "DDTL 3.0", "2027-09-30", **cash) == [("default", "not_tested")]
    year = {"cfads": 1.30, "debt_service": 1.0}
    measures = pd.DataFrame({"entity_id": "DDTL 3.0", "period_end": pd.date_range("2026-10-31", periods=15, freq="ME"),
                             **year})  # fmt: skip
    tests = nc.check_covenants(measures, terms[terms["covenant_id"] == "DDTL 3.0 DSCR"], freq="M").set_index(
        "period_end"
    )
    assert tests.loc["2027-09-30", "status"] == "not_tested"
    assert tests.loc["2027-10-31", "status"] == "breach"  # 1.30x is below 1.40x
    billed = {"billed_revenue": [80.0, 85.0, 90.0] * 4, "contracted_revenue": 100.0}
    assert status("DDTL 3.0 contract realisation", "DDTL 3.0", "2027-03-31", **billed) == [
        ("default", "pass")
    ]
    cover = {"cfads": 1.17, "debt_service": 1.0}
    assert status("DDTL 4.0 DSCR", "DDTL 4.0", "2027-05-31", **cover) == [("default", "not_tested")]
    assert status("DDTL 4.0 DSCR", "DDTL 4.0", "2027-09-30", **cover) == [("default", "pass")]
    sizing = terms[terms["covenant_id"] == "DDTL 4.0 DSCR at a draw"].assign(window_periods=3.0)
    draws = nc.check_covenants(
        pd.DataFrame({"entity_id": "DDTL 4.0", "period_end": ends, **cover}), sizing, freq="M"
    )
    assert draws.set_index("period_end").loc["2027-05-31", "status"] == "draw_stop"  # 1.17x is below 1.20x
    limit = terms[terms["covenant_id"] == "DDTL 3.0 minimum liquidity"]
    cash_of = pd.DataFrame({"entity_id": "CoreWeave", "cash": 100e6,
                            "period_end": pd.date_range("2026-03-31", periods=3, freq="ME")})  # fmt: skip
    assert nc.check_covenants(cash_of, limit, freq="M")["status"].tolist() == ["pass", "pass", "unknown"]
    ratio = terms[terms["covenant_id"] == "accordion, total net leverage"]
    for debt, outcome in ((6.0, "pass"), (6.01, "draw_stop")):
        quarters = pd.DataFrame({"entity_id": "CoreWeave", "period_end": pd.date_range("2026-09-30", periods=4, freq="QE"),
                                 "total_debt": debt * 100, "cash": 0.0, "ebitda": 25.0})  # fmt: skip
        assert nc.check_covenants(quarters, ratio)["status"].iloc[-1] == outcome


def test_the_gap_of_the_later_debt() -> None:
    """Derived from the filed ladders: (principal + leases) over contracted revenue 0.51 to 0.24, and about 2 after."""
    deal = nc.load_deal("coreweave-2026q2")
    debt = nc.principal_ladder(
        pd.DataFrame({"bucket": ["2026", "2027", "2028", "2029", "2030", "thereafter"],
                      "principal": [4413e6, 6184e6, 4416e6, 2421e6, 3221e6, 14896e6]})
    )  # fmt: skip
    gap = nc.gap_table(debt, leases=deal.tables["leases"].drop(columns=["source", "trust", "assumed", "note"]),
                       payments=deal.tables["lease_payments"], contracts=deal.tables["contracts"], as_of="2026-06-30")  # fmt: skip
    assert gap["due_rate"].tolist()[:5] == pytest.approx([0.51, 0.39, 0.32, 0.24, 0.39], abs=0.011)
    assert gap["due_rate"].iloc[5] == pytest.approx(2.0, abs=0.06)
    assert gap["lease_payments"].sum() == pytest.approx(29_135e6)
    # Loans by name, whose share of each year is an assumption, sum to the filed ladder.
    ladders = deal.tables["ladders"].groupby("bucket")["principal"].sum()
    assert (ladders / 1e6).to_dict() == {"2026": 4413, "2027": 6184, "2028": 4416, "2029": 2421, "2030": 1221,
                                         "thereafter": 279}  # fmt: skip


@pytest.mark.parametrize("name", ["coreweave-2026q2", "nebius-2025"])
def test_what_is_not_known_is_shown_as_not_known(name: str, results: dict[str, Any]) -> None:
    result = results[name]
    assert result.income_statement["operating_income"].isna().all()
    assert result.balance_sheet["cash"].isna().all()
    # What will be bought is not known, so that no line of property is, but for what it opens with.
    assert result.property.drop(columns=["period_end", "opening_property"]).isna().all(axis=None)
    assert result.property["opening_property"].notna().tolist() == [True] + [False] * (
        len(result.property) - 1
    )
    assert not result.breached
    assert "pass" not in set(result.covenants["status"])
    assert "not known" in deal_report(result)


def test_restricted_cash_changes_with_the_day_of_the_listing(results: dict[str, Any]) -> None:
    """Exact: min(4 % x 1,897.5, 56) = 56; 2 % of 4,386.303 = 87.7 in February, 1 % = 43.863 in March; 56 + 43.863."""
    sheet = results["coreweave-2025q1"].balance_sheet.set_index("period_end")["restricted_cash"]
    assert sheet.round(2).tolist() == [56e6 + 76_876_380, 56e6 + 87_726_060, 56e6 + 43_863_030]


# --- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEALS)
def test_the_page_stands_alone_and_is_the_same_each_time(name: str, tmp_path: Path) -> None:
    deal = nc.load_deal(name)
    lives = deal.compare_lives(years=(4, 6)) if deal.tables.get("assets") is not None else None
    page = deal_report(deal.run(), lives=lives)
    assert page == deal_report(deal.run(), lives=lives)
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert not re.search(r"\bnan\b", page.split("</style>")[1], re.IGNORECASE)
    deal.run().report(tmp_path / "deal.html", lives=lives)
    assert (tmp_path / "deal.html").read_text(encoding="utf-8") == page
    with pytest.raises(nc.ConfigError):
        deal.run().report(tmp_path / "deal.pdf")


def test_the_page_answers_the_question() -> None:
    deal = nc.load_deal("coreweave-2025q1")
    page = deal_report(deal.run(), lives=deal.compare_lives(years=(4, 5, 6)))
    for text in ("−234.133", "−109.802", "−26.914", "−27.470", "14,210.992", "1.17x", "1.22x", "1.25x", "approximate",
                 "2024-12-31"):  # fmt: skip
        assert text in page
    assert page.count("<svg") == 3


# --- checks of one's own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "computed"),
    [
        ({"measure": "property.depreciation", "value": [30.0]}, 30.0),  # a quarter of 480 / 4
        ({"measure": "property.depreciation", "from_date": "2025-01-01", "value": [120.0]}, 120.0),
        ({"measure": "balance_sheet.property_and_equipment", "value": [300.0]}, 300.0),
        ({"formula": "balance_sheet.cash / property.closing_property + 20", "value": [0.3125]}, 0.3125),
        ({"formula": "- 5 + 1.5", "value": [-3.5]}, -3.5),
        ({"formula": "f", "value": [7.0]}, 7.0),
    ],
)
def test_figures_of_ones_own(columns: dict[str, Any], computed: float) -> None:
    checks = small(columns).checks
    assert checks["computed"].tolist() == [computed]
    assert checks["within"].tolist() == [True]


def test_what_a_deal_says_it_does_not_know() -> None:
    result = small({"measure": "balance_sheet.cash", "value": [1.0]}, unknown=["cash"], opening=None)
    assert result.balance_sheet["cash"].isna().all()
    assert result.checks["computed"].isna().all()


def test_a_contract_taken_over_on_the_eve_ties() -> None:
    deal = nc.Deal(
        name="SPV", start="2025-01-01", end="2025-06-30", opening={"cash": 100.0},
        contracts=pd.DataFrame({"contract_id": ["c"], "total_value": [600.0], "start_date": ["2025-02-01"],
                                "end_date": ["2025-12-31"], "opening_deferred_revenue": [200.0],
                                "opening_date": ["2024-12-31"]}),
    )  # fmt: skip
    sheet = deal.run().balance_sheet
    assert sheet["deferred_revenue"].iloc[0] == 200.0
    assert sheet["equity"].iloc[0] == -100.0
    assert (sheet["total_assets"] - sheet["total_liabilities"] - sheet["equity"]).abs().max() < 0.005
