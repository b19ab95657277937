"""What is wrong with the terms, indices and events of ACTUS contracts: every problem by contract, term and code."""

from __future__ import annotations

import math
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import neocalc as nc
from actus_by_hand import ANN, CALL, CASH, DEPOSIT, LAM, PAM
from neocalc import actus

RESET = {
    **PAM,
    "cycleAnchorDateOfRateReset": "2024-02-01",
    "cycleOfRateReset": "P1ML1",
    "marketObjectCodeOfRateReset": "SOFR",
}
LAX: dict[str, Any] = {
    **{name: value for name, value in PAM.items() if "OfInterestPayment" not in name},
    "contractType": "LAX",
    "arrayCycleAnchorDateOfPrincipalRedemption": ["2024-02-01", "2024-03-01"],
    "arrayNextPrincipalRedemptionPayment": [100.0, 200.0],
    "arrayIncreaseDecrease": ["INC", "DEC"],
}
NAM = {**ANN, "contractType": "NAM", "nextPrincipalRedemptionPayment": 500.0}


def without(terms: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in terms.items() if name not in names}


def problems(terms: Any, observations: Any = None, **more: Any) -> set[tuple[str, str]]:
    with pytest.raises(nc.InputError) as caught:
        actus.events(terms, observations, **more)
    error = caught.value
    assert "contract" in str(error)
    assert pickle.loads(pickle.dumps(error)).issues == error.issues  # noqa: S301
    return {(issue.column, issue.code) for issue in error.issues}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        # values
        ({"notionalPrincipal": math.inf}, {("notionalPrincipal", "nonfinite")}),
        ({"notionalPrincipal": "1,200"}, {("notionalPrincipal", "dtype")}),
        ({"notionalPrincipal": True}, {("notionalPrincipal", "dtype")}),
        ({"notionalPrincipal": -1}, {("notionalPrincipal", "range")}),
        ({"notionalPrincipal": math.nan}, {("notionalPrincipal", "term_missing")}),
        ({"nominalInterestRate": 5.0}, {("nominalInterestRate", "rate_unit")}),
        ({"nominalInterestRate": -1.0}, {("nominalInterestRate", "range")}),
        ({"nominalInterestRate": 1e300}, {("nominalInterestRate", "range")}),
        ({"maturityDate": "2024-02-30"}, {("maturityDate", "date_parse")}),
        ({"maturityDate": "30 June 2024"}, {("maturityDate", "date_parse")}),
        ({"maturityDate": "2024-07-01T12:00:00"}, {("maturityDate", "date_time")}),
        ({"maturityDate": "2024-07-01T00:00:00Z"}, {("maturityDate", "timezone")}),
        ({"maturityDate": pd.Timestamp("2024-07-01", tz="UTC")}, {("maturityDate", "timezone")}),
        ({"maturityDate": np.datetime64("2024-07-01T00:00:00.5")}, {("maturityDate", "date_time")}),
        ({"maturityDate": "9999-12-31"}, {("maturityDate", "date_range")}),
        ({"maturityDate": 20240701}, {("maturityDate", "dtype")}),
        ({"contractType": "SWAPS"}, {("contractType", "choice")}),
        ({"contractRole": "LENDER"}, {("contractRole", "choice")}),
        ({"dayCountConvention": "ACT/ACT ICMA"}, {("dayCountConvention", "choice")}),
        ({"calendar": "NYC"}, {("calendar", "choice")}),
        ({"businessDayConvention": "F"}, {("businessDayConvention", "choice")}),
        ({"cycleOfInterestPayment": "P3M"}, {("cycleOfInterestPayment", "choice")}),
        ({"cycleOfInterestPayment": "P0ML1"}, {("cycleOfInterestPayment", "choice")}),
        ({"cycleOfInterestPayment": 3}, {("cycleOfInterestPayment", "choice")}),
        ({"cyclePointOfInterestPayment": "B"}, {("cyclePointOfInterestPayment", "choice")}),
        ({"marketObjectCodeOfRateReset": 7}, {("marketObjectCodeOfRateReset", "dtype")}),
        # names
        ({"notionalPrinciple": 5.0}, {("notionalPrinciple", "term_unknown")}),
        ({7: 5.0}, {("7", "term_unknown")}),
        ({"fixingDays": "P1D", "fixingPeriod": "P1D"}, {("fixingPeriod", "duplicate_column")}),
        # which go together
        ({"maturityDate": "2024-01-01"}, {("maturityDate", "date_order")}),
        ({"maturityDate": None}, {("maturityDate", "term_missing")}),
        (
            {"statusDate": "", "contractRole": None},
            {("statusDate", "term_missing"), ("contractRole", "term_missing")},
        ),
        ({"initialExchangeDate": None}, {("initialExchangeDate", "term_missing")}),
        ({"dayCountConvention": None}, {("dayCountConvention", "term_missing")}),
        ({"nextPrincipalRedemptionPayment": 5.0}, {("nextPrincipalRedemptionPayment", "term_conflict")}),
        ({"arrayRate": [0.1]}, {("arrayRate", "term_conflict")}),
        ({"currency": "USD", "settlementCurrency": "EUR"}, {("settlementCurrency", "term_conflict")}),
        ({"feeRate": 0.1}, {("feeBasis", "term_missing"), ("cycleOfFee", "term_missing")}),
        ({"feeRate": 1.5, "feeBasis": "N", "cycleOfFee": "P1ML1"}, {("feeRate", "rate_unit")}),
        ({"purchaseDate": "2024-02-01"}, {("priceAtPurchaseDate", "term_missing")}),
        ({"priceAtTerminationDate": 5.0}, {("terminationDate", "term_missing")}),
        ({"terminationDate": "2024-08-01", "priceAtTerminationDate": 1}, {("terminationDate", "date_order")}),
        ({"purchaseDate": "2023-08-01", "priceAtPurchaseDate": 1}, {("purchaseDate", "date_order")}),
        ({"lifeCap": 0.01, "lifeFloor": 0.02}, {("lifeCap", "range")}),
        ({"periodCap": -0.01}, {("periodCap", "range")}),
        ({"penaltyType": "A"}, {("penaltyRate", "term_missing")}),
        ({"penaltyType": "I"}, {("marketObjectCodeOfRateReset", "term_missing")}),
        (
            {"scalingEffect": "IN0"},
            {
                ("cycleOfScalingIndex", "term_missing"),
                ("marketObjectCodeOfScalingIndex", "term_missing"),
                ("scalingIndexAtContractDealDate", "term_missing"),
            },
        ),
    ],
    ids=lambda value: None if isinstance(value, set) else str(value)[:60],
)
def test_terms(terms: dict[Any, Any], expected: set[tuple[str, str]]) -> None:
    assert problems({**PAM, **terms}) == expected


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (
            without(LAM, "cycleAnchorDateOfPrincipalRedemption", "cycleOfPrincipalRedemption"),
            "cycleOfPrincipalRedemption",
        ),
        (without(LAM, "maturityDate", "nextPrincipalRedemptionPayment"), "maturityDate"),
        (without(LAM, "maturityDate", "cycleOfPrincipalRedemption"), "cycleOfPrincipalRedemption"),
        (without(ANN, "maturityDate"), "maturityDate"),
        (without(NAM, "nextPrincipalRedemptionPayment"), "nextPrincipalRedemptionPayment"),
        ({**LAM, "interestCalculationBase": "NTL"}, "cycleOfInterestCalculationBase"),
        (without(LAX, "arrayIncreaseDecrease"), "arrayIncreaseDecrease"),
        (
            {**LAX, "arrayCycleAnchorDateOfRateReset": ["2024-02-01"], "arrayRate": [0.1]},
            "arrayFixedVariable",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms_that_a_type_needs(terms: dict[str, Any], expected: str) -> None:
    assert problems(terms) == {(expected, "term_missing")}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"arrayCycleAnchorDateOfPrincipalRedemption": ["2024-03-01", "2024-02-01"]}, "date_order"),
        ({"arrayNextPrincipalRedemptionPayment": [100.0]}, "term_conflict"),
        ({"arrayNextPrincipalRedemptionPayment": [100.0, -5.0]}, "range"),
        ({"arrayNextPrincipalRedemptionPayment": [100.0, "x"]}, "dtype"),
        ({"arrayNextPrincipalRedemptionPayment": "100"}, "dtype"),
        ({"arrayIncreaseDecrease": ["INC", "UP"]}, "choice"),
        ({"arrayCycleOfPrincipalRedemption": ["P1M"]}, "choice"),
        ({"arrayCycleOfInterestPayment": ["P1ML1"]}, "term_conflict"),
        ({"cycleOfInterestPayment": "P1ML1"}, "term_conflict"),
    ],
)
def test_arrays(terms: dict[str, Any], expected: str) -> None:
    assert problems({**LAX, **terms}) == {(next(iter(terms)), expected)}


def test_a_loan_that_is_never_repaid_says_so() -> None:
    """1,000 at 6 % bears 15 a quarter."""
    endless = without(NAM, "maturityDate")
    for payment, code in ((14.0, "never_amortises"), (15.0, "never_amortises"), (15.000001, "date_range")):
        assert problems({**endless, "nextPrincipalRedemptionPayment": payment}) == {
            ("nextPrincipalRedemptionPayment", code)
        }
    draws = without({**LAX, "arrayIncreaseDecrease": ["INC", "INC"]}, "maturityDate")
    assert problems(draws) == {("maturityDate", "never_amortises")}


# --- indices ----------------------------------------------------------------------------------------------------------

POINTS = pd.DataFrame({"code": ["SOFR"] * 2, "date": ["2024-01-02", "2024-03-01"], "value": [0.05, 0.04]})


@pytest.mark.parametrize(
    ("observations", "expected"),
    [
        (None, ("marketObjectCodeOfRateReset", "observation_missing")),
        ({"OTHER": {"2024-01-01": 0.05}}, ("marketObjectCodeOfRateReset", "observation_missing")),
        ({"SOFR": {"2024-02-02": 0.05}}, ("marketObjectCodeOfRateReset", "observation_missing")),
        ({"SOFR": {"2024-01-01": 5.0}}, ("marketObjectCodeOfRateReset", "rate_unit")),
        ({"SOFR": {"2024-01-01": -2.0}}, ("marketObjectCodeOfRateReset", "range")),
        ({"SOFR": [("2024-03-01", 0.05), ("2024-01-01", 0.04)]}, ("observations.date", "curve_order")),
        ({"SOFR": [("2024-01-01", 0.05), ("2024-01-01", 0.04)]}, ("observations.date", "curve_duplicate")),
        ({"SOFR": {"2024-01-01": math.nan}}, ("observations.value", "nonfinite")),
        # unused, and wrong all the same
        ({"SOFR": {"2024-01-01": 0.05}, "X": {"2024-01-01": math.inf}}, ("observations.value", "nonfinite")),
        ({"SOFR": {"01/02/2024": 0.05}}, ("observations.date", "date_parse")),
        ({"SOFR": 0.05}, ("observations", "dtype")),
        ({"SOFR": [(1, 2, 3)]}, ("observations", "dtype")),
        ([0.05], ("observations", "dtype")),
        (POINTS.drop(columns="value"), ("observations.value", "missing_column")),
        (POINTS.assign(value=[0.05, None]), ("observations.value", "null")),
        (POINTS.iloc[::-1], ("observations.date", "curve_order")),
        (
            pl.from_pandas(POINTS).with_columns(date=pl.lit("2024-01-01")),
            ("observations.date", "curve_duplicate"),
        ),
    ],
    ids=lambda value: str(value)[:50] if isinstance(value, (dict, list)) else None,
)
def test_observations(observations: Any, expected: tuple[str, str]) -> None:
    assert problems(RESET, observations) == {expected}


def test_an_index_is_needed_only_where_it_is_used() -> None:
    late = {**RESET, "cycleAnchorDateOfRateReset": "2024-06-01"}
    assert actus.events(late, to="2024-05-31")["type"].tolist() == ["IED", "IP"]
    known = {**without(RESET, "cycleOfRateReset", "marketObjectCodeOfRateReset"), "nextResetRate": 0.05}
    assert "RRF" in actus.events(known)["type"].tolist()
    assert problems({**RESET, "scalingEffect": "I00", "cycleOfScalingIndex": "P1ML1",
                     "marketObjectCodeOfScalingIndex": "CPI", "scalingIndexAtContractDealDate": 100.0},
                    POINTS) == {("marketObjectCodeOfScalingIndex", "observation_missing")}  # fmt: skip


# --- observed events --------------------------------------------------------------------------------------------------

PREPAID = {**PAM, "prepaymentEffect": "A"}


@pytest.mark.parametrize(
    ("terms", "event", "code"),
    [
        (PAM, ("2024-02-01", "PP", 5.0), "event_state"),  # there is no right to prepay
        (PREPAID, ("2024-02-01", "PP", 1200.01), "range"),
        (PREPAID, ("2024-02-01", "PP", 0), "range"),
        (PREPAID, ("2024-02-01", "PP", -5), "range"),
        (PREPAID, ("2024-02-01", "PP", math.inf), "nonfinite"),
        (PREPAID, ("2024-02-01", "PREPAY", 5), "event_kind"),
        (PREPAID, ("2024-02-01", "PR", 5), "event_kind"),
        (PREPAID, ("2024-02-01", "XD"), "event_kind"),
        (PREPAID, ("2024-08-01", "PP", 5), "event_state"),  # when it has ended
        (PREPAID, ("2023-12-31T23:59:59", "PP", 5), "date_order"),
        (PREPAID, ("2024-02-31", "PP", 5), "date_parse"),
        (PREPAID, (None, "PP", 5), "null"),
        (PREPAID, ("2024-02-01",), "dtype"),
        (PREPAID, "2024-02-01", "dtype"),
        (PREPAID, {"date": "2024-02-01", "value": 5}, "null"),
        (DEPOSIT, ("2024-02-01", "PR", 1200.01), "range"),
        (CALL, ("2024-02-01", "XD"), "term_missing"),  # xDayNotice
        (CASH, ("2024-02-01", "CE"), "event_kind"),
    ],
    ids=str,
)
def test_observed_events(terms: dict[str, Any], event: Any, code: str) -> None:
    assert problems(terms, observed_events=[event], to="2024-12-31") == {("observed_events", code)}


def test_what_has_no_end_needs_a_horizon() -> None:
    assert problems(DEPOSIT) == {("to", "term_missing")}
    assert problems({**CALL, "xDayNotice": "P1D"}) == {("to", "term_missing")}
    assert len(actus.events({**DEPOSIT, "terminationDate": "2024-02-01", "priceAtTerminationDate": 1})) == 2


# --- books ------------------------------------------------------------------------------------------------------------


def test_all_problems_of_a_book_at_once_by_contract() -> None:
    book = [
        {**PAM, "contractID": "good"},
        {**PAM, "contractID": "rate", "nominalInterestRate": 7},
        {**RESET, "contractID": "index"},
        {**PAM, "contractID": "name", "notionalPrincpal": 7},
        {**PAM, "contractID": "good"},
        {**DEPOSIT, "contractID": "open"},
    ]
    with pytest.raises(nc.InputError) as caught:
        actus.book(book)
    found = {(issue.column, issue.code): (issue.rows, issue.ids) for issue in caught.value.issues}
    assert found == {
        ("nominalInterestRate", "rate_unit"): ((1,), ("rate",)),
        ("notionalPrincpal", "term_unknown"): ((3,), ("name",)),
        ("contractID", "duplicate_id"): ((4,), ("good",)),
        ("to", "term_missing"): ((5,), ("open",)),
    }
    text = str(caught.value)
    assert text.startswith("contracts: 4 problems in 6 rows")
    assert "(contract rate) = 7" in text
    assert "the nearest is 'notionalPrincipal'" in text
    table = actus.book(book, on_error="skip")
    assert table["contract_id"].unique().tolist() == ["good"]
    issues = table.attrs["issues"]
    assert {issue["code"] for issue in issues} == {
        "rate_unit", "term_unknown", "duplicate_id", "term_missing", "observation_missing",
    }  # fmt: skip
    with pytest.warns(nc.NeocalcWarning, match="5 contracts with problems"):
        actus.book(pl.from_pandas(pd.DataFrame(book)), on_error="skip")


def test_events_of_a_book_name_their_contract() -> None:
    book = [{**PREPAID, "contractID": "a"}]
    event = {"contract_id": "b", "date": "2024-02-01", "type": "PP", "value": 5}
    with pytest.raises(nc.InputError) as caught:
        actus.book(book, observed_events=[event])
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [
        ("observed_events.contract_id", "unknown_id")
    ]
    with pytest.raises(nc.InputError):
        actus.book(book, observed_events={"a": [{**event, "value": -1}]}, on_error="raise")
    with pytest.raises(nc.ConfigError, match="contract_id"):
        actus.book(book, observed_events=[("2024-02-01", "PP", 5)])


def test_wrong_arguments(tmp_path: Path) -> None:
    for call in (
        lambda: actus.events([PAM]),  # type: ignore[arg-type]
        lambda: actus.events("{"),
        lambda: actus.events('{"contractType": "PAM", "contractType": "LAM"}'),
        lambda: actus.events(tmp_path / "missing.json"),
        lambda: actus.events("[" * 100_000),
        lambda: actus.events(PAM, to="soon"),
        lambda: actus.book(PAM),
        lambda: actus.book([PAM], on_error="ignore"),
        lambda: actus.book([PAM], threads=0),
        lambda: actus.book(5),
        lambda: actus.book([5]),
        lambda: actus.book([{"terms": PAM, "to": "2025-01-01"}]),
    ):
        with pytest.raises(nc.ConfigError):
            call()


def test_amounts_at_the_edge() -> None:
    """Nothing lent is no problem; amounts of any size and kind are taken as they are, or refused."""
    assert actus.events({**PAM, "notionalPrincipal": 0})["payoff"].tolist() == [0.0] * 4
    assert actus.events({**PAM, "notionalPrincipal": Decimal("1200.00")})["payoff"].iloc[-1] == 1200.0
    tiny = actus.events({**PAM, "nominalInterestRate": 1e-18})
    assert tiny["payoff"].iloc[1] == pytest.approx(1200 * 1e-18 / 4, rel=1e-12)
    huge = actus.events({**PAM, "notionalPrincipal": 1e300})
    assert np.isfinite(huge["payoff"]).all()
    assert problems({**LAM, "notionalPrincipal": 1.7e308, "premiumDiscountAtIED": 1.7e308}) == {
        ("notionalPrincipal", "overflow")
    }
    daily = {**PAM, "cycleOfInterestPayment": "P1DL1", "maturityDate": "2199-12-31"}
    assert len(actus.events(daily)) > 64_000
