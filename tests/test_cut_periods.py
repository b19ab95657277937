"""What cuts a period of interest, and what must not: day counts of 30 days a month count each part by its own dates."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc

COLUMNS = ["interest", "principal", "prepayment", "closing_balance"]
LAST = "2025-01-31"  # from the 15th it is 16 days under 30/360, and to the 15th of February 15: 31, not 30


def _loan(**more: Any) -> pd.DataFrame:
    terms = {
        "loan_id": "A",
        "principal": 900_000.00,
        "start_date": "2025-01-15",
        "term_months": 3,
        "annual_rate": 0.06,
        "profile": "bullet",
    }
    return pd.DataFrame([terms | more])


def _beside(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame([{"loan_id": "A"} | columns])


NOTHING = {
    "sweep": _beside(date=LAST, excess_cash=0.0, sweep_rate=1.0),
    "sweep of a shortfall": _beside(date=LAST, excess_cash=-5.0, sweep_rate=1.0),
    "prepayments": _beside(date=LAST, amount=0.0),
    "prepayments with interest": _beside(date=LAST, amount=0.0, pay_accrued=True),
    "draws": _beside(date=LAST, amount=0.0),
    "draws of their own": _beside(date=LAST, amount=0.0, annual_rate=0.07),
    "rate_steps": _beside(date=LAST, annual_rate=0.06),
}


@pytest.mark.parametrize("profile", ["bullet", "level_payment", "level_principal"])
@pytest.mark.parametrize("what", NOTHING)
def test_a_row_that_moves_nothing_changes_no_interest(what: str, profile: str) -> None:
    loan = _loan(profile=profile)
    plain = nc.amortize(loan, columns=COLUMNS)
    assert plain["interest"].tolist()[1] == 4_500.00  # 900,000 x 6 % x 30 / 360
    found = nc.amortize(loan, **{what.split(maxsplit=1)[0]: NOTHING[what]}, columns=COLUMNS)
    pd.testing.assert_frame_equal(found[found["payment_date"] != LAST].reset_index(drop=True), plain)


def test_principal_of_nothing_changes_no_interest() -> None:
    rows = _beside(date=LAST, principal=0.0)
    found = nc.amortize(_loan(profile="custom"), principal_schedule=rows, columns=COLUMNS)
    assert found["interest"].tolist() == [0.0, 4_500.0, 4_500.0, 4_500.0]


@pytest.mark.parametrize(
    ("day_count", "interest"),
    [
        # Each part is a calculation period of its own, ISDA 2006 4.16(f): to the 31st 31 - 15 = 16 days, as the 15th is
        # no 30th; from the 31st, which counts as the 30th, 15. 900,000 x 6 % x 16 / 360 + 600,000 x 6 % x 15 / 360.
        ("30/360", 2_400.00 + 1_500.00),
        ("30E/360", 2_250.00 + 1_500.00),  # 4.16(g): both ends, 15 and 15
        ("ACT/360", 2_400.00 + 1_500.00),
    ],
)
def test_a_sweep_on_a_31st_cuts_the_period(day_count: str, interest: float) -> None:
    swept = _beside(date=LAST, excess_cash=300_000.0, sweep_rate=1.0)
    rows = nc.amortize(_loan(day_count=day_count), sweep=swept, columns=COLUMNS)
    assert rows["interest"].tolist()[:3] == [0.0, 0.0, interest]
    assert rows["prepayment"].tolist()[1] == 300_000.0


def test_a_prepayment_that_one_draw_takes_cuts_no_other() -> None:
    """The oldest draw takes it all; the other has its month of 30 days: 300,000 x 6 % x 30 / 360."""
    draws = _beside(date="2025-01-15", amount=300_000.0, annual_rate=0.06)
    paid = _beside(date=LAST, amount=100_000.0)
    for more in ({}, {"profile": "level_principal", "payment": 1_000.0}):  # by themselves, and side by side
        rows = nc.amortize(
            _loan(**more), draws=draws, prepayments=paid, columns=["draw_number", "interest", "prepayment"]
        )
        own = rows[rows["draw_number"] == 1]
        assert own["interest"].tolist()[1] == 1_500.00
        assert not own["prepayment"].any()
        assert rows["prepayment"].sum() == 100_000.0


def test_nothing_is_owed_and_swept_while_a_fee_accrues() -> None:
    """A sweep finds nothing to repay: 900,000 x 1 % x 30 / 360 for the commitment, whatever the day."""
    loan = _loan(principal=0.0, commitment=900_000.0, undrawn_fee_rate=0.01)
    swept = _beside(date=LAST, excess_cash=300_000.0, sweep_rate=1.0)
    for beside in ({}, {"sweep": swept}):
        rows = nc.amortize(loan, **beside, columns=["fee", "prepayment"])
        assert rows["fee"].tolist() == [750.0, 750.0, 750.0]
        assert not rows["prepayment"].any()


def test_a_draw_that_is_a_loan_of_its_own_cuts_no_other() -> None:
    """The loan has its month of 30 days; the fee is cut, 600,000 x 1 % x 16 / 360 + 300,000 x 1 % x 15 / 360."""
    loan = _loan(commitment=1_500_000.0, undrawn_fee_rate=0.01)
    draws = _beside(date=LAST, amount=300_000.0, annual_rate=0.06)
    rows = nc.amortize(loan, draws=draws, columns=["draw_number", "interest", "fee"])
    own = rows[rows["draw_number"] == 0]
    assert own["interest"].tolist() == [0.0, 4_500.0, 4_500.0, 4_500.0]
    assert own["fee"].tolist()[1:3] == [round(266.6667 + 125.0, 2), 250.0]
    # Its books say the same, month end by month end: 16 days of 150 up to the 31st, and 30 by the 15th.
    booked = nc.carrying_amount(loan, draws=draws, by=["loan_id"], freq="M")
    drawn = nc.carrying_amount(loan, by=["loan_id"], freq="M")
    alone = 300_000 * 0.06 / 360
    more = (booked["contractual_interest"] - drawn["contractual_interest"]).round(2).tolist()
    assert sum(more) == pytest.approx(
        alone * 75, abs=0.02
    )  # from the 31st, as the 30th, to 15 April: 75 days
    assert more[0] == 0.0


@pytest.mark.parametrize("kind", ["hedges", "rate_steps"])
def test_what_accrues_beside_cuts_no_interest(kind: str) -> None:
    """A swap that begins, and interest in kind that changes, inside a period: cash interest is what it was."""
    loan = _loan(index="SOFR", margin_rate=0.02).drop(columns="annual_rate")
    rates = pd.DataFrame({"index": ["SOFR"], "date": ["2025-01-01"], "value": [0.04]})
    given: dict[str, Any] = {"rates": rates, "extrapolate": "flat", "columns": ["interest", "hedge", "pik"]}
    beside = {
        "hedges": _beside(kind="pay_fixed_swap", strike_rate=0.03, from_date=LAST, notional=900_000.0),
        "rate_steps": _beside(date=LAST, pik_rate=0.01),
    }[kind]
    rows = nc.amortize(loan, **given, **{kind: beside})
    assert (rows["interest"] - rows["hedge"]).tolist()[:2] == [0.0, 4_500.0]
    if kind == "hedges":
        # Received from the 31st on, which counts as the 30th: 900,000 x (4 % - 3 %) x 15 / 360.
        assert rows["hedge"].tolist()[:2] == [0.0, -375.0]
    else:
        assert rows["pik"].tolist()[:2] == [0.0, 375.0]


FLOATS: dict[str, Any] = {"index": "SOFR", "margin_rate": 0.02, "annual_rate": None}
FIXED_AT_4 = pd.DataFrame({"index": ["SOFR", "SOFR"], "date": ["2025-01-01", LAST], "value": [0.04, 0.04]})
SWAP = {"kind": "pay_fixed_swap", "strike_rate": 0.03, "from_date": "2025-01-01", "notional": 900_000.0}
STATED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # A quarter of 90 days of 360; nothing of these is anything of the others.
    "fixing": ({"reset_frequency": "daily"}, {}),
    "reset": ({"reset_frequency": "monthly"}, {}),
    "no change": ({}, {"rate_steps": _beside(date=LAST, margin_rate=0.02, pik_rate=0.04, pik_share=0.0)}),
    "default that adds nothing": ({"default_margin_rate": 0.0, "default_from_date": LAST}, {}),
    "hedge that begins": ({}, {"hedges": pd.concat([_beside(**SWAP, hedge_id=1), _beside(
        **{**SWAP, "from_date": LAST, "notional": 100_000.0}, hedge_id=2)])}),
    "notional that stays": ({}, {"hedges": pd.concat([_beside(**SWAP), _beside(**{**SWAP, "from_date": LAST})])}),
    "draw of its own": ({}, {"draws": _beside(date=LAST, amount=0.01, annual_rate=0.07)}),
    "draw of nothing": ({}, {"draws": _beside(date=LAST, amount=0.0)}),
}  # fmt: skip


@pytest.mark.parametrize("what", STATED)
def test_what_is_stated_for_others_cuts_nothing(what: str) -> None:
    """Cash interest of 6 %, 4 % in kind, a swap that receives 1 % and a fee of 1 %, all on 900,000 for 90 days of 360."""
    terms, beside = STATED[what]
    loan = _loan(
        **FLOATS, frequency="quarterly", pik_rate=0.04, commitment=1_800_000.0, undrawn_fee_rate=0.01
    )
    given: dict[str, Any] = {"rates": FIXED_AT_4, "extrapolate": "flat", "hedges": _beside(**SWAP), **beside}
    rows = nc.amortize(
        loan.assign(**terms), **given, columns=["draw_number", "interest", "pik", "hedge", "fee"]
    )
    paid = rows[(rows["draw_number"] == 0) & (rows["payment_number"] == 1)].iloc[-1]
    # The second swap receives 1 % on 100,000 from the 31st, as the 30th: 75 days.
    hedge = -2_250.00 - (208.33 if what == "hedge that begins" else 0.0)
    fee = 2_250.00 if what != "draw of its own" else 2_275.00  # less is undrawn from then on: 16 and 75 days
    assert paid[["pik", "hedge", "fee"]].tolist() == [9_000.00, round(hedge, 2), fee]
    assert round(paid["interest"] - paid["hedge"], 2) == 13_500.00


@pytest.mark.parametrize("what", STATED)
def test_what_is_stated_for_others_changes_no_books(what: str) -> None:
    terms, beside = STATED[what]
    loan = _loan(**FLOATS, frequency="quarterly", pik_rate=0.04, issue_price=0.97, term_months=12)
    given: dict[str, Any] = {"rates": FIXED_AT_4, "extrapolate": "flat", "hedges": _beside(**SWAP)}
    columns = ["contractual_interest", "amortization", "pik", "closing_carrying_amount"]
    for more in ({}, {"freq": "M"}):
        plain = nc.carrying_amount(loan, **given, **more)
        found = nc.carrying_amount(loan.assign(**terms), **{**given, **beside}, **more)
        if "draw_number" in found:
            found = found[found["draw_number"] == 0]
        found = found.drop_duplicates().reset_index(drop=True)
        pd.testing.assert_frame_equal(found[columns], plain[columns])
