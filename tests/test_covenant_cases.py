"""Covenants as filings state them: dates, levels and figures; where a filing is second-hand the test is of the logic only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

import neocalc as nc


def monthly(start: str, periods: int, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"period_end": pd.date_range(start, periods=periods, freq="ME"), **columns})


def term(covenant_id: str, metric: str, threshold: Any, **columns: Any) -> dict[str, Any]:
    return {"covenant_id": covenant_id, "metric": metric, "threshold": threshold, **columns}


def statuses(
    measures: pd.DataFrame, terms: list[dict[str, Any]], freq: str = "M", **options: Any
) -> dict[Any, str]:
    found = nc.check_covenants(measures, pd.DataFrame(terms), freq=freq, **options)
    return {
        (name, f"{end:%Y-%m-%d}"): status
        for name, end, status in zip(found["covenant_id"], found["period_end"], found["status"], strict=True)
    }


# --- CoreWeave DDTL 3.0, as amended by the 8-K of 2026-01-02 ---------------------------------------------------------------


def test_cover_is_first_tested_in_october_2027() -> None:
    measures = monthly("2026-08-31", 18, cfads=130.0, debt_service=100.0)
    found = statuses(
        measures,
        [term("dscr", "dscr", 1.40, window_periods=12, first_test_date="2027-10-31", test_frequency="M")],
    )
    assert found["dscr", "2027-09-30"] == "not_tested"
    assert found["dscr", "2027-10-31"] == "breach"


def test_realisation_counts_three_months_and_passes_on_the_dot() -> None:
    measures = monthly("2025-12-31", 4, billed_revenue=[80.0, 85.0, 90.0, 79.99], contracted_revenue=100.0)
    terms = [term("realisation", "contract_realisation", 0.85, first_test_date="2026-02-28")]
    found = nc.check_covenants(measures, pd.DataFrame(terms), freq="M")
    assert found["status"].tolist() == ["not_tested", "not_tested", "pass", "breach"]
    assert (found["value"][2], found["headroom"][2], found["headroom_amount"][2]) == (0.85, 0.0, 0.0)
    assert found["headroom_amount"][3] == -0.01  # 85 + 90 + 79.99 - 0.85 x 300
    strict = [{**terms[0], "boundary": "more_than"}]
    assert statuses(measures, strict)["realisation", "2026-02-28"] == "breach"


def test_minimum_liquidity_is_known_for_two_months_only() -> None:
    """100.0 from 2026-03-01 until before 2026-05-01; the level before and after the amendment is not public."""
    measures = monthly("2026-02-28", 4, cash=[99.0, 100.0, 99.99, 1000.0])
    terms = [
        term("liquidity", "liquidity", None, to_date="2026-02-28"),
        term("liquidity", "liquidity", 100.0, from_date="2026-03-01", to_date="2026-04-30"),
        term("liquidity", "liquidity", None, from_date="2026-05-01"),
    ]
    found = nc.check_covenants(measures, pd.DataFrame(terms), freq="M")
    assert found["status"].tolist() == ["unknown", "pass", "breach", "unknown"]
    assert found["value"].tolist() == [99.0, 100.0, 99.99, 1000.0]
    assert found["threshold"].isna().tolist() == [True, False, False, True]


def test_cures_are_uncapped_before_a_date() -> None:
    """Equity cures without a limit before 2026-10-28; what holds from then on is not known, here: none."""
    measures = monthly("2026-08-31", 4, cash=50.0)
    terms = [
        term("liquidity", "liquidity", 100.0, to_date="2026-10-27"),
        term("liquidity", "liquidity", 100.0, from_date="2026-10-28", cures_allowed=0),
    ]
    cures = measures[["period_end"]].assign(amount=50.0)
    found = nc.check_covenants(measures, pd.DataFrame(terms), cures=cures, freq="M")
    assert found["status"].tolist() == ["cured", "cured", "breach", "breach"]
    assert found["cure_needed"].tolist() == [50.0] * 4


# --- CoreWeave DDTL 4.0, 8-K of 2026-03-31 ---------------------------------------------------------------------------------


def test_maintenance_and_sizing_differ() -> None:
    measures = monthly("2027-03-31", 6, cfads=117.0, debt_service=100.0)
    terms = [
        term("maintenance", "dscr", 1.15, window_periods=3, first_test_date="2027-07-01"),
        term("sizing", "dscr", 1.20, window_periods=1, level="sizing", to_date="2027-06-30"),
    ]
    found = statuses(measures, terms)
    assert found["maintenance", "2027-05-31"] == "not_tested"
    assert found["maintenance", "2027-07-31"] == "pass"
    assert found["sizing", "2027-05-31"] == "draw_stop"
    assert found["sizing", "2027-07-31"] == "not_tested"


def test_a_draw_is_at_most_nine_tenths_of_the_capex() -> None:
    own = nc.metric("loan_to_cost", "draw", denominator="capex_cost", limit="max", unit="share")
    measures = monthly("2026-05-31", 2, draw=[90.0, 90.01], capex_cost=100.0)
    terms = [term("loan to cost", "loan_to_cost", 0.9, level="sizing")]
    assert list(statuses(measures, terms, metrics=[own]).values()) == ["pass", "draw_stop"]


# --- the revolver's accordion ------------------------------------------------------------------------------------------------

ACCORDION = [
    term("total", "total_net", 6.00, level="sizing"),
    term("secured", "secured_net", 4.00, level="sizing"),
]
NET = [
    nc.metric("total_net", "total_debt - cash", denominator="sum(ebitda)", limit="max"),
    nc.metric("secured_net", "secured_debt - cash", denominator="sum(ebitda)", limit="max"),
]


@pytest.mark.parametrize(
    ("total", "secured", "wanted"),
    [(6.00, 4.00, True), (6.01, 4.00, False), (6.00, 4.01, False), (5.0, 3.0, True)],
)
def test_neither_ratio_may_be_exceeded(total: float, secured: float, wanted: bool) -> None:
    """As worded: "does not result in total net leverage exceeding 6.00x or secured net leverage exceeding 4.00x"."""
    measures = pd.DataFrame(
        {"period_end": ["2026-12-31"], "total_debt": [total * 100 + 50], "secured_debt": [secured * 100 + 50],
         "cash": [50.0], "ebitda": [100.0]}
    )  # fmt: skip
    found = statuses(measures, ACCORDION, freq="Y", metrics=NET)
    assert all(status == "pass" for status in found.values()) == wanted


def test_one_limb_for_each_kind_of_lien() -> None:
    """Read so that each limb binds only debt of its kind: springing conditions say it."""
    measures = pd.DataFrame(
        {"period_end": ["2026-12-31"], "total_debt": [700.0], "secured_debt": [390.0], "cash": [0.0],
         "ebitda": [100.0], "new_secured": [10.0], "new_unsecured": [0.0]}
    )  # fmt: skip
    terms = [
        {**ACCORDION[0], "springing_measure": "new_unsecured", "springing_above": 0},
        {**ACCORDION[1], "springing_measure": "new_secured", "springing_above": 0},
    ]
    assert list(statuses(measures, terms, freq="Y", metrics=NET).values()) == ["not_tested", "pass"]
    assert list(statuses(measures, ACCORDION, freq="Y", metrics=NET).values()) == ["draw_stop", "pass"]


# --- CoreWeave 10-Q for 2025-03-31: restricted cash, availability, debt service ---------------------------------------------


def thousands(**columns: list[str]) -> pd.DataFrame:
    ends = pd.to_datetime(["2024-12-31", "2025-03-31"])
    return pd.DataFrame(
        {"period_end": ends, **{k: [Decimal(v) for v in values] for k, values in columns.items()}}
    )


def test_restricted_cash_against_a_share_of_what_is_drawn() -> None:
    """4 % of the drawn amount, at most 56: 75.9 and 80.5 are above the cap at both dates, so 56 is required."""
    own = nc.metric("reserve", "restricted_cash", denominator="drawn", limit="min", unit="share")
    measures = thousands(restricted_cash=["56.000", "56.000"], drawn=["2012.500", "1897.500"])
    terms = [
        term("share", "reserve", 0.04),
        term("cap", "restricted", 56, springing_measure="drawn", springing_above=Decimal(1400)),
    ]
    alone = nc.metric("restricted", "restricted_cash", limit="min")
    found = nc.check_covenants(
        measures, pd.DataFrame(terms), metrics=[own, alone], minor_units=3, amounts="decimal"
    )
    assert found["status"].tolist() == [
        "breach",
        "breach",
        "pass",
        "pass",
    ]  # of the two the smaller binds: the cap
    needed = [(Decimal("0.04") * drawn).quantize(Decimal("0.001")) for drawn in measures["drawn"]]
    assert needed == [Decimal("80.500"), Decimal("75.900")]
    assert found["cure_needed"].isna().tolist()[:2] == [True, True]
    assert (-found["headroom_amount"][:2] + 56).tolist() == needed


def test_the_level_of_restricted_cash_changes_on_the_day_of_the_ipo() -> None:
    """DDTL 2.0: 2 % before, 1 % from the IPO on 2025-03-28: 76.9 (shown as 77) and 43.9 (44)."""
    own = nc.metric("reserve", "restricted_cash", denominator="drawn", limit="min", unit="share")
    measures = thousands(restricted_cash=["76.877", "43.864"], drawn=["3843.819", "4386.303"])
    terms = [
        term("reserve", "reserve", 0.02, to_date="2025-03-27"),
        term("reserve", "reserve", 0.01, from_date="2025-03-28"),
    ]
    found = nc.check_covenants(measures, pd.DataFrame(terms), metrics=[own], minor_units=3)
    assert (found["status"].tolist(), found["threshold"].tolist()) == (["pass", "pass"], [0.02, 0.01])
    required = measures["restricted_cash"].astype(float) - found["headroom_amount"]
    assert required.round().tolist() == [77, 44]
    less = measures.assign(restricted_cash=[Decimal("76.876"), Decimal("43.863")])
    assert (
        nc.check_covenants(less, pd.DataFrame(terms), metrics=[own], minor_units=3)["status"].tolist()
        == ["breach"] * 2
    )


def test_liquidity_ties_to_the_published_total() -> None:
    """1,276.456 of cash and 4,102.697 available are 5,379.153; availability itself is 7,600 - 4,386.303 + 589 + 300."""
    available = Decimal(7600) - Decimal("4386.303") + (650 - 50 - 11) + 300
    assert available == Decimal("4102.697")
    measures = thousands(cash=["1361.083", "1276.456"], undrawn_commitments=["4406.181", str(available)])
    terms = pd.DataFrame([term("liquidity", "liquidity", 0)])
    found = nc.check_covenants(measures, terms, minor_units=3)
    assert found["value"].tolist() == [5767.264, 5379.153]


def test_debt_service_of_the_quarter_is_226_percent_of_its_cash() -> None:
    """(271.104 + 142.193 + 47) / (61.168 + 142.193), in the company's own definition; as cover 0.44x."""
    burden = nc.metric("burden", "principal + interest + capitalised_interest",
                       denominator="operating_cash + interest", limit="max")  # fmt: skip
    measures = pd.DataFrame(
        {"period_end": ["2025-03-31"], "principal": [271.104], "interest": [142.193],
         "capitalised_interest": [47.0], "operating_cash": [61.168]}
    )  # fmt: skip
    terms = [term("burden", "burden", 1)]
    found = nc.check_covenants(measures, pd.DataFrame(terms), metrics=[burden], minor_units=3)
    assert (round(found["value"][0] * 100), found["status"][0]) == (226, "breach")
    cover = nc.metric(
        "cover", "operating_cash + interest", denominator="principal + interest + capitalised_interest"
    )
    found = nc.check_covenants(
        measures, pd.DataFrame([term("cover", "cover", 1, limit="min")]), metrics=[cover], minor_units=3
    )
    assert round(found["value"][0], 2) == 0.44
