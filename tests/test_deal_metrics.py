"""Metrics of a deal's own: what covenants may measure besides the built-in ones, from frames and from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import neocalc as nc
from neocalc.deal._metrics import FLOWS, LEVELS
from small_deals import deal

KEYS = ("entity_id", "period_end")
LENT = pd.DataFrame(
    {
        "facility_id": ["backed", "part", "bare"],
        "start_date": "2025-01-01",
        "term_months": 24,
        "principal": [600.00, 100.01, 300.00],
        "annual_rate": 0.0,
        "profile": "bullet",
        "secured_share": [None, 0.5, None],
    }
)
OWNED = pd.DataFrame(
    {"asset_id": ["a"], "cost": [720.0], "in_service_date": ["2025-01-01"], "facility_id": ["backed"]}
)
OWN = pd.DataFrame(
    {
        "name": ["secured_net", "dscr"],
        "numerator": ["secured_debt - cash", "cash"],
        "denominator": ["sum(ebitda, 3)", "sum(revenue, 3)"],
        "limit": ["max", None],
        "cure": ["+ebitda", None],
        "unit": [None, "share"],
    }
)
SOLD = pd.DataFrame(
    {
        "contract_id": ["c"], "gpu_model": ["H100"], "monthly_fee": [150.0],
        "start_date": ["2025-01-01"], "end_date": ["2025-12-31"],
    }
)  # fmt: skip
TERMS = pd.DataFrame(
    {"covenant_id": ["net", "own"], "metric": ["secured_net", "dscr"], "limit": ["max", "min"],
     "threshold": [4.0, 0.5], "test_frequency": "Q"}
)  # fmt: skip


def test_a_metric_of_its_own_by_hand() -> None:
    """650.00 of 1,000.01 are secured: all of what an asset backs, 50.00 (50.005, to even) of a half, nothing else."""
    made = deal(
        0.0, assets=OWNED, facilities=LENT, contracts=SOLD, covenants=TERMS, metrics=OWN,
        books={"6y": nc.straight_line(years=6)},
    )  # fmt: skip
    result = made.run()
    company = result.measures[result.measures["entity_id"] == "SPV"]
    assert company["secured_debt"].tolist() == [650.0] * 12
    own = result.measures[result.measures["entity_id"] == "part"]
    assert own["secured_debt"].tolist() == [50.0] * 12
    tests = result.covenants.set_index(["covenant_id", "period_end"])
    cash = company.set_index("period_end")["cash"]
    # Three months of 150.00; the built-in dscr gives way to the deal's own.
    for day in ("2025-03-31", "2025-06-30", "2025-12-31"):
        assert tests.loc[("net", day), "value"] == pytest.approx((650.0 - cash[day]) / 450.0, abs=1e-12)
        assert tests.loc[("own", day), "value"] == pytest.approx(cash[day] / 450.0, abs=1e-12)
    # Without the table the names are the built-in ones, or none.
    plain = made.with_tables(metrics=None, covenants=TERMS.iloc[1:]).run()
    assert plain.covenants["value"].iloc[0] != tests.loc[("own", "2025-03-31"), "value"]
    with pytest.raises(nc.InputError) as caught:
        made.with_tables(metrics=None)
    issue = caught.value.issues[0]
    assert (issue.column, issue.code, issue.rows, issue.ids) == (
        "covenants.metric", "metric_unknown", (0,), ("net",),
    )  # fmt: skip


def test_a_deal_is_tested_by_the_half_year_of_its_fiscal_year() -> None:
    """The same tests as at the ends of those two quarters."""
    made = deal(
        0.0, assets=OWNED, facilities=LENT, contracts=SOLD, metrics=OWN, books={"6y": nc.straight_line(years=6)},
        covenants=TERMS.assign(test_frequency="H"), fiscal_year_end=3,
    )  # fmt: skip
    found = made.run().covenants
    assert found["period_end"].dt.strftime("%m-%d").tolist() == ["03-31", "09-30"] * 2, "two covenants"
    by_quarter = made.with_tables(covenants=TERMS).run().covenants
    at = by_quarter["period_end"].dt.month.isin([3, 9])
    pd.testing.assert_frame_equal(found, by_quarter[at].reset_index(drop=True))
    wrong = made.with_tables(covenants=TERMS.assign(test_frequency="half-yearly"))
    with pytest.raises(nc.InputError) as caught:
        wrong.run()
    (issue,) = caught.value.issues
    assert (issue.code, "M, Q, H, Y" in issue.example) == ("choice", True)


def test_the_measures_that_metrics_may_name_are_those_there_are() -> None:
    result = deal(0.0, assets=OWNED, facilities=LENT, books={"6y": nc.straight_line(years=6)}).run()
    assert set(result.measures.columns) - set(KEYS) == LEVELS | FLOWS


def test_a_measure_of_earlier_months_may_be_named(tmp_path: Path) -> None:
    """What only the table `measures` has is known before the start: after it, the test lacks it."""
    (tmp_path / "deal.toml").write_text(
        'deal = { name = "SPV", start = 2025-01-01, end = 2025-03-31 }\nopening = { cash = 10 }\n',
        encoding="utf-8",
    )
    files = {
        "metrics": "name,numerator\nspare,cash + credit_lines\n",
        "measures": "period_end,measure,amount\n2024-12-31,credit_lines,5\n",
        "covenants": "covenant_id,metric,limit,threshold\nC,spare,min,1\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    found = nc.load_deal(tmp_path).run().covenants
    assert set(found["status"]) == {"insufficient_data"}


@pytest.mark.parametrize("name", ["coreweave-2025q1", "coreweave-2026q2"])
def test_the_accordion_has_both_of_its_ratios(name: str) -> None:
    """Neither total net leverage above 6.00x nor secured net leverage above 4.00x: Form 10-Q for 2025-03-31, primary."""
    made = nc.load_deal(name)
    terms = made.tables["covenants"]
    accordion = terms[terms["covenant_id"].str.startswith("accordion")]
    asked: dict[str, Any] = dict(zip(accordion["metric"], accordion["threshold"], strict=True))
    assert {key: float(value) for key, value in asked.items()} == {
        "net_leverage": 6.0,
        "secured_net_leverage": 4.0,
    }
    assert accordion[["source", "trust"]].drop_duplicates().to_numpy().tolist() == [["A", "P"]]
    if name == "coreweave-2025q1":
        # 229 of the 1,000 million of the 2024 term loan are secured: the same filing.
        company = made.run().measures
        share = company[company["entity_id"] == "2024 term loan"]["secured_debt"]
        assert share.tolist()[0] == 229_000_000.0


def test_the_largest_customer_is_not_known_where_a_customer_is_not() -> None:
    """Contracts without a customer were one customer together: two strangers of 60 % breached a limit of half."""
    contracts = pd.DataFrame({"contract_id": ["a", "b", "c"], "customer": ["lab", None, None], "monthly_fee": [40.0, 30.0, 30.0],
                              "start_date": "2025-01-01", "end_date": ["2026-12-31", "2025-12-31", "2025-12-31"]})  # fmt: skip
    limit = pd.DataFrame({"covenant_id": ["share"], "metric": ["concentration"], "limit": ["max"], "threshold": [0.5], "entity_id": ["SPV"],
                          "test_frequency": ["Y"]})  # fmt: skip
    result = deal(end="2026-12-31", contracts=contracts, covenants=limit).run()
    largest = result.measures["largest_customer_revenue"]
    assert largest.isna().tolist() == [True] * 12 + [False] * 12
    assert set(largest.tolist()[12:]) == {40.0}
    assert result.covenants["status"].tolist() == ["insufficient_data", "breach"]
    named = contracts.assign(customer=["lab", "bank", "shop"])
    known = deal(end="2026-12-31", contracts=named, covenants=limit).run()
    assert known.covenants["status"].tolist() == ["pass", "breach"]
    by_contract = deal(end="2026-12-31", contracts=contracts.drop(columns="customer"), covenants=limit).run()
    assert by_contract.covenants["status"].tolist() == ["pass", "breach"]
