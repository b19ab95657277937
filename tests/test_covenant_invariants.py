"""The laws of covenants (I32 to I36 of the reliability catalogue) on generated measures and terms."""

from __future__ import annotations

import dataclasses
import datetime as dt
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from covenant_cases import METRICS, OWN, Case, frames, quarter_end, random_case
from neocalc.covenants import METRICS as BUILT_IN

QUARTERS = pd.date_range("2024-03-31", periods=8, freq="QE")
ORDER = {"breach": 0, "at_risk": 1, "pass": 2}
cents = st.integers(0, 10**12)
ratios = st.integers(1, 5_000).map(lambda thousandths: thousandths / 1_000)
cases = st.builds(lambda seed: random_case(Random(seed), "e"), st.integers(0, 2**32))


def checked(case: Case, **options: Any) -> pd.DataFrame:
    return nc.check_covenants(**frames([case]), metrics=[OWN], **options)


def at(metric: str, threshold: float, **amounts: Any) -> pd.Series:
    """The last test of a metric on four equal quarters, amounts in cents."""
    measures = pd.DataFrame(
        {"period_end": QUARTERS[:4], **{k: np.asarray(v) / 100 for k, v in amounts.items()}}
    )
    terms = pd.DataFrame(
        {"covenant_id": ["x"], "metric": [metric], "threshold": [threshold], "at_risk_below": [0.1]}
    )
    return nc.check_covenants(measures, terms, allow_high_thresholds=True).iloc[3]


@given(case=cases)
def test_the_sign_of_the_headroom_is_the_status(case: Case) -> None:  # I32
    strict = {
        pd.Timestamp(c.begin) if c.begin > dt.date(1950, 1, 1) else None: c.strict for c in case.clauses
    }
    for row in checked(case).itertuples():
        if row.status == "undefined":
            assert pd.isna([row.headroom, row.headroom_amount, row.headroom_rate]).all()
        if row.status not in ("pass", "at_risk", "breach", "lock_up", "draw_stop", "cured"):
            continue
        met = row.status in ("pass", "at_risk", "cured")
        if pd.isna(row.headroom):
            assert row.status in ("breach", "lock_up", "draw_stop")
            assert row.headroom_amount < 0
        elif row.headroom == 0:
            clause = next(c for c in case.clauses if c.begin <= row.period_end.date() <= c.end)
            assert met != clause.strict, strict
        else:
            assert (row.headroom > 0) == met
            assert (row.headroom_amount < 0) == (row.headroom < 0)


@given(cfads=cents, more=cents, due=st.integers(1, 10**12), threshold=ratios)
def test_more_cash_flow_or_less_service_never_worsens_cover(
    cfads: int, more: int, due: int, threshold: float
) -> None:  # I33
    base = at("dscr", threshold, cfads=cfads, debt_service=due)
    better = at("dscr", threshold, cfads=cfads + more, debt_service=due)
    dearer = at("dscr", threshold, cfads=cfads, debt_service=due + more)
    assert better["value"] >= base["value"] >= dearer["value"]
    assert ORDER[better["status"]] >= ORDER[base["status"]] >= ORDER[dearer["status"]]


@given(debt=cents, more=cents, worth=st.integers(1, 10**12), threshold=ratios)
def test_loan_to_value_rises_with_debt_and_falls_with_value(
    debt: int, more: int, worth: int, threshold: float
) -> None:  # I33
    base = at("ltv", threshold, total_debt=debt, collateral_value=worth)
    deeper = at("ltv", threshold, total_debt=debt + more, collateral_value=worth)
    richer = at("ltv", threshold, total_debt=debt, collateral_value=worth + more)
    assert deeper["value"] >= base["value"] >= richer["value"]
    assert ORDER[deeper["status"]] <= ORDER[base["status"]] <= ORDER[richer["status"]]


@given(cfads=cents, due=st.integers(1, 10**12), threshold=ratios, times=st.integers(2, 1_000))
def test_ratios_do_not_know_the_unit(cfads: int, due: int, threshold: float, times: int) -> None:  # I33
    base = at("dscr", threshold, cfads=cfads, debt_service=due)
    scaled = at("dscr", threshold, cfads=cfads * times, debt_service=due * times)
    for name in ("value", "headroom", "headroom_rate", "status"):
        assert base[name] == scaled[name]


@given(case=cases, zero=st.sampled_from((0, -1)))
def test_denominators_of_zero_never_make_a_number(case: Case, zero: int) -> None:  # I34
    below = {term.measure for clause in case.clauses for term in clause.metric.below}
    rows = {
        number: {k: zero if k in below else v for k, v in row.items()} for number, row in case.rows.items()
    }
    found = checked(dataclasses.replace(case, rows=rows, cures={}))
    if below:
        assert found["value"].isna().all()
        assert not set(found["status"]) & {"pass", "at_risk", "cured"}
    for name in ("value", "headroom", "headroom_amount", "headroom_rate", "cure_needed"):
        assert not np.isinf(found[name]).any()


@given(amounts=st.lists(st.integers(-(10**12), 10**12), min_size=8, max_size=8), missing=st.integers(0, 8))
def test_a_year_is_the_sum_of_its_quarters_or_nothing(amounts: list[int], missing: int) -> None:  # I35
    own = nc.metric("year", "sum(flow)", limit="min")
    measures = pd.DataFrame({"period_end": QUARTERS, "flow": np.array(amounts) / 100})
    measures = measures.drop(index=missing, errors="ignore") if 0 < missing < 7 else measures
    terms = pd.DataFrame({"covenant_id": ["x"], "metric": ["year"], "threshold": [0]})
    found = nc.check_covenants(measures, terms, metrics=[own])
    assert len(found) == 8
    for quarter, row in enumerate(found.itertuples()):
        window = range(quarter - 3, quarter + 1)
        if window[0] < 0 or (0 < missing < 7 and missing in window):
            assert (row.status, pd.isna(row.value)) == ("insufficient_data", True)
        else:
            assert row.value == float(Fraction(sum(amounts[n] for n in window), 100))


@given(step=st.integers(0, 7), early=st.integers(0, 92), old=ratios, new=ratios)
def test_the_threshold_in_force_is_that_of_the_test_date(
    step: int, early: int, old: float, new: float
) -> None:  # I35
    begin = QUARTERS[step] - pd.Timedelta(days=early)
    measures = pd.DataFrame({"period_end": QUARTERS, "total_debt": 1.0, "collateral_value": 2.0})
    terms = pd.DataFrame(
        {
            "covenant_id": "x",
            "metric": "ltv",
            "threshold": [old, new],
            "from_date": [QUARTERS[0] - pd.Timedelta(days=999), begin],
        }
    )
    found = nc.check_covenants(measures, terms, allow_high_thresholds=True)
    assert found["threshold"].tolist() == [new if end >= begin else old for end in QUARTERS]


@given(case=cases)
def test_a_cure_counts_once(case: Case) -> None:  # I36
    """What is needed cures; a cent less does not; and what counts is what was paid in, at most the cap."""
    metric = METRICS[case.metric][0]
    case = dataclasses.replace(case, cures={}, waivers=[])
    plain = checked(case)
    failed = plain[(plain["status"] == "breach") & plain["cure_needed"].notna()]
    if failed.empty or metric.cure is None:
        return
    row = failed.iloc[0]
    tables = frames([case])
    tables["covenants"] = tables["covenants"].drop(
        columns=["cures_allowed", "cures_in_a_row", "cures_per_year", "cure_amount_cap"]
    )
    for less, wanted in ((0.0, "cured"), (0.01, "breach")):
        paid = pd.DataFrame(
            {
                "entity_id": ["e"],
                "period_end": [row["period_end"]],
                "amount": [round(row["cure_needed"] - less, 2)],
            }
        )
        found = nc.check_covenants(**{**tables, "cures": paid}, metrics=[OWN])
        again = found[found["period_end"] == row["period_end"]].iloc[0]
        assert again["status"] == wanted
        assert (again["cure_applied"] == paid["amount"][0]) == (wanted == "cured")
        if wanted == "cured":
            assert again["headroom"] >= 0


@given(case=cases, seed=st.integers(0, 99))
def test_explanations_add_up_to_the_value(case: Case, seed: int) -> None:
    found = checked(case)
    tested = found[found["value"].notna()]
    if tested.empty:
        return
    row = tested.iloc[seed % len(tested)]
    tables = frames([case])
    cell = nc.explain(**tables, metrics=[OWN], covenant_id=case.metric, period_end=row["period_end"].date())
    sides = {"numerator": Fraction(0), "denominator": Fraction(0)}
    for side, amount, weight in zip(
        cell.inputs["side"], cell.inputs["amount"], cell.inputs["weight"], strict=True
    ):
        sides[side] += Fraction(round(amount * 100), 100) * Fraction(weight).limit_denominator(10_000)
    below = sides["denominator"] if METRICS[case.metric][0].below else 1
    assert float(sides["numerator"] / below) == row["value"] == cell.result["value"]
    assert cell.status == row["status"]


@given(case=cases)
def test_first_breach_is_the_first(case: Case) -> None:
    found = checked(case)
    failed = found[found["status"].isin(["breach", "lock_up", "draw_stop"])]
    (first,) = nc.first_breach(found)["first_breach"].tolist()
    assert pd.isna(first) if failed.empty else first == failed["period_end"].iloc[0]


@given(case=cases)
def test_a_cube_says_what_the_tests_say(case: Case) -> None:
    """The same covenant as a cube of one entity and two scenarios, without what only check_covenants knows."""
    terms = frames([case])["covenants"].drop(
        columns=[
            "springing_measure",
            "springing_above",
            "cures_allowed",
            "cures_in_a_row",
            "cures_per_year",
            "cure_amount_cap",
        ]
    )
    numbers = sorted(case.calendar.dates)
    names = list(next(iter(case.rows.values())))
    full = {n: {name: (case.rows.get(n, {}).get(name) or 7) for name in names} for n in numbers}
    case = dataclasses.replace(case, rows=full, cures={}, waivers=[])
    measures = frames([case])["measures"]
    found = nc.check_covenants(measures, terms.drop(columns="entity_id"), metrics=[OWN])
    if terms["boundary"].nunique(dropna=False) > 1:
        terms["boundary"] = None
        found = nc.check_covenants(measures, terms.drop(columns="entity_id"), metrics=[OWN])
    cube = nc.covenant_cube(
        terms.drop(columns="entity_id"),
        entity_ids=["e"],
        period_ends=[quarter_end(n) for n in numbers],
        measures=names,
        metrics=[OWN],
    )
    given_ = {name: np.repeat(measures[name].to_numpy()[None, :, None], 2, axis=2) for name in names}
    outcome = cube.test(given_)
    status = found["status"].tolist()
    place = [numbers.index(4 * end.year + (end.month - 1) // 3) for end in found["period_end"]]
    failed = [at for at, one in zip(place, status, strict=True) if one in ("breach", "lock_up", "draw_stop")]
    undecided = any(one in ("insufficient_data", "unknown", "undefined") for one in status)
    assert outcome.first_breach.reshape(-1).tolist() == [failed[0] if failed else -1] * 2
    assert outcome.undecided.reshape(-1).tolist() == [undecided] * 2


def test_built_in_metrics_are_those_of_the_page() -> None:
    assert set(BUILT_IN) == {
        "dscr", "icr", "fixed_charge_cover", "leverage", "net_leverage", "ltv", "liquidity", "contract_realisation",
        "concentration", "llcr",
    }  # fmt: skip
    words = {name: metric.words() for name, metric in BUILT_IN.items()}
    assert words["dscr"] == "cfads over a year ÷ debt service over a year"
    assert words["net_leverage"] == "(total debt − cash) ÷ ebitda over a year"
    assert (
        words["contract_realisation"] == "billed revenue over 3 periods ÷ contracted revenue over 3 periods"
    )
    split = nc.check_covenants(
        pd.DataFrame({"period_end": QUARTERS[:4], "cfads": 30.0, "interest": 5.0, "principal": 15.0}),
        pd.DataFrame({"covenant_id": ["x"], "metric": ["dscr"], "threshold": [1.5]}),
    )
    assert split["value"].tolist()[3] == 1.5, "debt service is interest and principal where it has no column"
