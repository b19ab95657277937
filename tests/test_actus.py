"""neocalc.actus: published cases, cases worked by hand, random contracts against the oracle, laws, frames and books."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neocalc as nc
from actus_by_hand import ANN, DEPOSIT, LAM, PAM, QUARTERLY, WORKED, Worked
from actus_cases import read_cases
from actus_strategies import OBSERVATIONS, contracts
from neocalc import actus
from oracles import actus as oracle
from oracles.actus import Row

TYPES = ("PAM", "LAM", "NAM", "ANN", "LAX", "CLM", "UMP", "CSH")


def rows_of(table: pd.DataFrame) -> list[Row]:
    return [
        (row.date.to_pydatetime(), row.type, row.payoff, row.notional, row.rate, row.accrued)
        for row in table.itertuples()
    ]


def compare(found: Sequence[Row], expected: Sequence[Row], tolerance: float = 1e-9) -> None:
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert one[2:] == pytest.approx(other[2:], rel=0, abs=tolerance), one[:2]


# --- what others computed, and what can be worked out by hand ---------------------------------------------------------


def test_published_cases(outside_oracles: Path) -> None:
    cases = read_cases(outside_oracles)
    for case in cases.values():
        compare(rows_of(actus.events(case.terms, case.observations, to=case.to)), case.rows)
    assert (len(cases), sum(len(case.rows) for case in cases.values())) == (29, 849)


@pytest.mark.parametrize("case", WORKED, ids=lambda case: case.name)
def test_worked_cases(case: Worked) -> None:
    found = actus.events(case.terms, case.observations, to=case.to, observed_events=case.observed)
    compare(rows_of(found), case.rows)


# --- random contracts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=max(40, settings().max_examples // 4))  # the oracle takes a second for a long annuity
@given(data=st.data())
def test_random_contracts_against_the_oracle(kind: str, data: st.DataObject) -> None:
    terms, to, observed = data.draw(contracts(kind))
    try:
        found = rows_of(actus.events(terms, OBSERVATIONS, to=to, observed_events=observed))
    except nc.InputError as error:
        # What is observed may come after the end, or be more than is owed, as drawn; the oracle does not judge.
        assert {issue.column for issue in error.issues} == {"observed_events"}, error
        assert error.code in ("event_state", "range", "date_order"), error
        return
    expected = oracle.events(terms, OBSERVATIONS, to, observed)
    scale = max([1.0, *(abs(value) for row in expected for value in (row[2], row[3]))])
    compare(found, expected, 1e-9 * scale)


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PAM", "LAM", "NAM", "ANN", "LAX"])
@given(data=st.data())
def test_principal_comes_back_and_nothing_is_left(kind: str, data: st.DataObject) -> None:
    terms, _, _ = data.draw(contracts(kind))
    odd = ("scal", "purchase", "termination", "Purchase", "Termination", "fee", "Fee", "premium")
    terms = {name: value for name, value in terms.items() if not any(part in name for part in odd)}
    # Negative interest that is capitalised when all is repaid would leave less than nothing.
    terms["nominalInterestRate"] = abs(terms["nominalInterestRate"])
    table = actus.events(terms, OBSERVATIONS)
    last = table.iloc[-1]
    assert (last.type, last.notional, last.accrued) == ("MD", 0.0, 0.0)
    sign = 1 if terms["contractRole"] == "RPA" else -1
    principal = table[table["type"].isin(["PR", "PI", "MD"])]["payoff"].sum() * sign
    runs = terms["statusDate"] >= terms["initialExchangeDate"]
    before = table["notional"].shift(fill_value=sign * terms["notionalPrincipal"] if runs else 0.0)
    capitalized = (table["notional"] - before)[table["type"] == "IPCI"].sum() * sign
    assert principal == pytest.approx(terms["notionalPrincipal"] + capitalized, rel=1e-9)
    owed = table["notional"] * sign
    assert (owed >= -1e-9 * terms["notionalPrincipal"]).all()


@given(principal=st.integers(1, 10**7), rate=st.integers(0, 2_000), months=st.integers(1, 240))
def test_an_annuity_in_equal_months_is_the_textbook_payment(principal: int, rate: int, months: int) -> None:
    """P r / (1 - (1 + r)^-n) for n months of 30E360 at r a month."""
    monthly = rate / 10_000 / 12
    maturity = pd.Timestamp("2024-01-15") + pd.DateOffset(months=months)
    table = actus.events(
        {
            **ANN,
            "notionalPrincipal": principal,
            "nominalInterestRate": rate / 10_000,
            "initialExchangeDate": "2024-01-15",
            "cycleAnchorDateOfPrincipalRedemption": "2024-02-15",
            "cycleOfPrincipalRedemption": "P1ML1",
            "maturityDate": maturity,
        }
    )
    payment = (
        principal / months if rate == 0 else principal * monthly / -math.expm1(-months * math.log1p(monthly))
    )
    paid = table[table["type"].isin(["PR", "IP", "MD"])].groupby("date")["payoff"].sum()
    assert len(paid) == months
    assert paid.tolist() == pytest.approx([payment] * months, rel=1e-9)


@pytest.mark.parametrize(
    ("day_count", "actus_day_count"),
    [("ACT/360", "A360"), ("ACT/365F", "A365"), ("30E/360", "30E360"), ("ACT/ACT ISDA", "AA")],
)
@pytest.mark.parametrize("profile", ["bullet", "level_principal", "level_payment"])
def test_loans_and_contracts_are_one_engine(day_count: str, actus_day_count: str, profile: str) -> None:
    """What `amortize` schedules unrounded are the events of the contract that says the same."""
    loan = pd.DataFrame(
        {
            "loan_id": ["a"],
            "principal": [1_234_567.89],
            "start_date": ["2024-01-15"],
            "maturity_date": ["2027-01-15"],
            "annual_rate": [0.0725],
            "profile": [profile],
            "frequency": ["quarterly"],
            "day_count": [day_count],
        }
    )
    rows = nc.amortize(loan, rounding=None)
    cycle = {"cycleOfPrincipalRedemption": "P3ML1"} if profile != "bullet" else {}
    table = actus.events(
        {
            "contractType": {"bullet": "PAM", "level_principal": "LAM", "level_payment": "ANN"}[profile],
            "contractRole": "RPA",
            "statusDate": "2024-01-01",
            "initialExchangeDate": "2024-01-15",
            "maturityDate": "2027-01-15",
            "notionalPrincipal": 1_234_567.89,
            "nominalInterestRate": 0.0725,
            "dayCountConvention": actus_day_count,
            "cycleOfInterestPayment": "P3ML1",
            **cycle,
        }
    )
    by_date = table.assign(
        kind=table["type"].map({"IP": "interest", "PR": "principal", "MD": "principal"}).astype(object)
    )
    paid = by_date.dropna(subset="kind").pivot_table("payoff", "date", "kind", aggfunc="sum", fill_value=0.0)
    rows = rows[rows["payment_number"] > 0].set_index("payment_date")
    assert list(paid.index) == list(rows.index)
    for name in ("interest", "principal"):
        assert paid[name].tolist() == pytest.approx(rows[name].tolist(), rel=1e-9, abs=1e-6)


@given(data=st.data(), kind=st.sampled_from(TYPES))
def test_the_other_side_has_every_sign_turned(data: st.DataObject, kind: str) -> None:
    terms, to, observed = data.draw(contracts(kind))
    observed = [event for event in observed if event[1] in ("AD", "XD")]
    sides = [
        actus.events({**terms, "contractRole": role}, OBSERVATIONS, to=to, observed_events=observed)
        for role in ("RPA", "RPL")
    ]
    assert sides[0]["type"].tolist() == sides[1]["type"].tolist()
    for name in ("payoff", "notional", "accrued"):
        assert (sides[0][name] == -sides[1][name]).all()
    assert (sides[0]["rate"] == sides[1]["rate"]).all()


@given(data=st.data(), kind=st.sampled_from(TYPES))
def test_a_horizon_cuts_and_changes_nothing(data: st.DataObject, kind: str) -> None:
    terms, to, observed = data.draw(contracts(kind))
    observed = [event for event in observed if event[1] in ("AD", "XD")]
    if to is None:
        to = datetime(2027, 1, 1)
    far = actus.events(terms, OBSERVATIONS, to="2031-01-01", observed_events=observed)
    near = actus.events(terms, OBSERVATIONS, to=to, observed_events=observed)
    pd.testing.assert_frame_equal(near, far[far["date"] <= to])


# --- books ------------------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_a_book_is_its_contracts(data: st.DataObject) -> None:
    drawn = [data.draw(contracts(kind)) for kind in data.draw(st.lists(st.sampled_from(TYPES), max_size=3))]
    to = datetime(2028, 1, 1)
    looks = [[event for event in observed if event[1] in ("AD", "XD")] for _, _, observed in drawn]
    book = [{**terms, "contractID": f"c{row}"} for row, (terms, _, _) in enumerate(drawn)]
    observed = {f"c{row}": some for row, some in enumerate(looks)}
    tables = [
        actus.book(book, OBSERVATIONS, to=to, observed_events=observed, threads=threads)
        for threads in (1, 2, 5)
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table)
    for row, (terms, some) in enumerate(zip(book, looks, strict=True)):
        alone = actus.events(terms, OBSERVATIONS, to=to, observed_events=some)
        mine = tables[0][tables[0]["contract_id"] == f"c{row}"].drop(columns="contract_id")
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), alone)


def test_a_large_book_is_the_same_for_any_threads() -> None:
    terms = [
        {**LAM, "contractID": row, "notionalPrincipal": 1_000 + row, "nominalInterestRate": 0.01 + row / 1e6}
        for row in range(1_000)
    ]
    one, many = (actus.book(terms, threads=threads) for threads in (1, 4))
    pd.testing.assert_frame_equal(one, many)
    assert one["contract_id"].is_monotonic_increasing
    assert one["contract_id"].nunique() == 1_000


CONTRACTS = pd.DataFrame([{**PAM, "contractID": "a"}, {**LAM, "contractID": "b"}])


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_frames_come_back_as_the_kind_that_went_in(kind: str) -> None:
    turn: Any = {"pandas": lambda f: f, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}[kind]
    expected = actus.book([{**PAM, "contractID": "a"}, {**LAM, "contractID": "b"}])
    found = actus.book(turn(CONTRACTS))
    assert type(found) is type(turn(CONTRACTS))
    plain = found.to_pandas() if kind != "pandas" else found
    pd.testing.assert_frame_equal(plain, expected, check_dtype=False, check_categorical=False)
    observations = turn(pd.DataFrame({"code": ["X"], "date": [pd.Timestamp("2024-01-01")], "value": [0.05]}))
    floating = {**PAM, "cycleAnchorDateOfRateReset": "2024-02-01", "marketObjectCodeOfRateReset": "X"}
    table = actus.events(floating, observations)
    assert type(table) is type(observations)
    rates = table["rate"].to_pylist() if kind == "pyarrow" else table["rate"].to_list()
    assert rates == [0.06, 0.05, 0.05, 0.05, 0.05]
    prepaid = turn(
        pd.DataFrame({"contract_id": ["a"], "date": ["2024-05-01"], "type": ["PP"], "value": [100.0]})
    )
    columns = turn(CONTRACTS.assign(prepaymentEffect="A"))
    types = actus.book(columns, observed_events=prepaid)["type"]
    assert (types.to_pylist() if kind == "pyarrow" else types.to_list()).count("PP") == 1


def test_times_of_day_are_kept() -> None:
    end = "2024-06-30T23:59:59"
    table = actus.events({**PAM, "maturityDate": end})
    assert table["date"].iloc[-1] == pd.Timestamp(end)
    assert len(actus.events({**PAM, "maturityDate": end}, to="2024-06-30")) == 2
    assert len(actus.events({**PAM, "maturityDate": end}, to=end)) == 4


def test_an_empty_book_and_a_contract_that_is_over() -> None:
    assert list(actus.book([]).columns) == [
        "contract_id",
        "date",
        "type",
        "payoff",
        "notional",
        "rate",
        "accrued",
    ]
    over = actus.events({**PAM, "statusDate": "2025-01-01"})
    assert (len(over), over["date"].dtype) == (0, "datetime64[us]")


# --- JSON, as files of the ACTUS tests have it ------------------------------------------------------------------------


def test_json_text_files_and_cases(tmp_path: Path) -> None:
    floating = {
        **PAM,
        "notionalPrincipal": "  1200",
        "maturityDate": "2024-07-01T00:00:00",
        "cycleAnchorDateOfRateReset": "2024-02-01T00:00:00",
        "marketObjectCodeOfRateReset": "X",
    }
    data = {"X": {"identifier": "X", "data": [{"timestamp": "2024-02-01T00:00:00", "value": "0.05"}]}}
    looks = [{"time": "2024-03-01T00:00:00", "type": "AD", "value": 0}]
    case = {"terms": floating, "to": "2024-06-30T00:00:00", "dataObserved": data, "eventsObserved": looks}
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    expected = actus.events(floating, {"X": {"2024-02-01": 0.05}}, to="2024-06-30", observed_events=looks)
    assert expected["type"].tolist() == ["IED", "RR", "AD", "IP"]
    for form in (case, json.dumps(case), file, str(file)):
        pd.testing.assert_frame_equal(actus.events(form), expected)
    named = json.dumps({"a": PAM, "b": LAM})
    assert actus.book(named)["contract_id"].unique().tolist() == ["a", "b"]
    assert len(actus.book(json.dumps([PAM, LAM]))) == len(actus.book(named))


def test_names_that_the_dictionary_has_changed() -> None:
    old = {
        **PAM,
        "cycleAnchorDateOfRateReset": "2024-02-01",
        "marketObjectCodeRateReset": "X",
        "fixingDays": "P2D",
        "contractDealDate": "2023-12-01",
        "seniority": "S",
    }
    new = {
        **PAM,
        "cycleAnchorDateOfRateReset": "2024-02-01",
        "marketObjectCodeOfRateReset": "X",
        "fixingPeriod": "P2D",
    }
    points = {"X": [("2024-01-01", 0.05)]}
    pd.testing.assert_frame_equal(actus.events(old, points), actus.events(new, points))


def test_interest_without_a_cycle_is_paid_at_maturity() -> None:
    bare = {name: value for name, value in PAM.items() if "OfInterestPayment" not in name}
    assert [(row[1], row[2]) for row in rows_of(actus.events(bare))] == [
        ("IED", -1200.0),
        ("IP", 36.0),
        ("MD", 1200.0),
    ]
    open_ended = actus.events({**DEPOSIT, "cycleOfInterestPayment": None}, to="2030-01-01")
    assert open_ended["type"].tolist() == ["IED", "IPCI"]


def test_a_linear_loan_counts_what_is_left_of_it() -> None:
    """A loan that runs already: 800 at the status date, due in two payments that have not passed."""
    running = {**LAM, "statusDate": "2024-05-01", "notionalPrincipal": 800.0, "accruedInterest": 4.0}
    del running["nextPrincipalRedemptionPayment"]
    paid = [row for row in rows_of(actus.events(running)) if row[1] in ("PR", "MD")]
    assert [row[2] for row in paid] == [400.0, 400.0]
    implied = {
        **QUARTERLY,
        "contractType": "LAM",
        "notionalPrincipal": 1.1,
        "cycleOfPrincipalRedemption": "P1ML1",
        "nextPrincipalRedemptionPayment": 0.1,  # 1.1 / 0.1 is above 11 in float64, and eleven payments
    }
    table = actus.events(implied)
    assert (table["type"].isin(["PR", "MD"])).sum() == 11
    assert table["date"].iloc[-1] == pd.Timestamp("2024-12-01")
