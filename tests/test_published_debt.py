"""Published figures of CoreWeave's debt, with kind and source: E exact, A approximate, F fitted, L logic only.

Source A is the Form 10-Q for the quarter ended 2025-03-31 (filed 2025-05-14), B the debt note of the 10-Q for
2025-06-30, H extracts of the 10-Q for 2026-06-30 (accession 0001769628-26-000366). Amounts are in $ thousand unless
a name says otherwise.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc

LADDERS = {  # A note 9; B; H ($ million)
    "2025-03-31": ([2_615_048, 3_172_359, 2_169_980, 721_597, 128_937, 0], 8_807_921, 2025),
    "2025-06-30": ([986_052, 4_218_457, 2_833_142, 1_010_054, 123_780, 2_000_000], 11_171_485, 2025),
    "2026-06-30": ([4_413, 6_184, 4_416, 2_421, 3_221, 14_896], 35_551, 2026),
}
FACILITIES = {  # A, B, H: principal by facility at the same dates
    "2025-03-31": [1_897_500, 4_386_303, 1_000_000, 50_000, 1_225_201, 248_917],
    "2025-06-30": [1_782_500, 4_953_967, 0, 450_000, 1_728_388, 256_630, 2_000_000],
    "2026-06-30": [
        1300,
        3190,
        3000,
        2215,
        1101,
        4220,
        189,
        2837,
        882,
        2000,
        1750,
        2750,
        1250,
        2279,
        2588,
        4000,
    ],
}


def ddtl_1() -> dict[str, Any]:
    """The balance of A at 2024-12-31; 5.0 % of 2,300 a quarter in 2025, 5.5 % from 2026 (fitted); balloon unknown."""
    loan = pd.DataFrame(
        {
            "loan_id": ["DDTL 1.0"],
            "principal": [2_012_500.0],
            "start_date": ["2024-12-31"],
            "maturity_date": ["2028-03-28"],
            "frequency": ["quarterly"],
            "end_of_month": [True],
            "day_count": ["ACT/360"],
            "profile": ["custom"],
            "index": ["SOFR"],
            "margin_rate": [0.0962],
        }
    )
    dates = ["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31", "2026-03-31", "2026-06-30"]
    schedule = pd.DataFrame(
        {"loan_id": "DDTL 1.0", "date": dates, "principal": [115_000.0] * 4 + [126_500.0] * 2}
    )
    rates = pd.DataFrame(
        {"index": ["SOFR"], "date": ["2024-12-31"], "value": [0.043]}
    )  # kind A: an assumption
    return {"loans": loan, "principal_schedule": schedule, "rates": rates, "extrapolate": "flat"}


def test_case_2_ddtl_1_balances() -> None:
    """Kind E to mid-2025 (published 1,897.5 and 1,782.5), F after: 1,667.5 is 363 / 21.77 %, 1,300 is rounded."""
    rows = nc.amortize(ddtl_1().pop("loans"), **{k: v for k, v in ddtl_1().items() if k != "loans"})
    balances = dict(zip(rows["payment_date"].dt.strftime("%Y-%m-%d"), rows["closing_balance"], strict=True))
    assert balances["2025-03-31"] == 1_897_500.0  # A, exact
    assert balances["2025-06-30"] == 1_782_500.0  # B, exact
    assert abs(balances["2025-09-30"] - 363_000 / 0.2177) < 200  # derived from Magnetar's holding
    assert balances["2025-12-31"] == 1_552_500.0  # "~1.55 bn"
    assert abs(balances["2026-06-30"] - 1_300_000) <= 500  # H, to the million; the step is fitted
    assert rows["closing_balance"].iloc[-1] == 0.0


@pytest.mark.parametrize("as_of", LADDERS)
def test_case_6_ladders_go_through_as_data(as_of: str) -> None:
    """Kind E for the sums, L for the shape: the ladder cannot be derived from terms that are not public."""
    amounts, total, year = LADDERS[as_of]
    labels = [*map(str, range(year, year + 5)), "thereafter"]
    ladder = pd.DataFrame({"bucket": labels, "principal": [float(v) for v in amounts]})
    found = nc.principal_ladder(ladder)
    assert found["bucket"].tolist() == labels
    assert found["principal"].tolist() == amounts
    assert found["principal"].sum() == total == sum(FACILITIES[as_of])
    twice = pd.concat([ladder.assign(issuer="a"), ladder.assign(issuer="b")])
    assert nc.principal_ladder(twice)["principal"].tolist() == [2 * v for v in amounts]
    assert nc.principal_ladder(twice, by=["issuer"])["principal"].tolist() == amounts * 2


def _bullets() -> pd.DataFrame:
    notes = [  # H; months where the extract gives them
        ("9.25 % notes 2030", 2_000, "2025-05-15", "2030-06-01"),
        ("9.00 % notes 2031", 1_750, "2025-07-25", "2031-02-01"),
        ("9.75 % notes 2031", 2_750, "2026-03-01", "2031-10-01"),
        ("9.625 % notes 2032", 1_250, "2026-03-01", "2032-03-01"),
        ("8.5 % EUR notes 2032", 2_279, "2026-03-01", "2032-03-01"),
        ("1.75 % converts 2031", 2_588, "2025-12-01", "2031-12-01"),
        ("1.75 % converts 2032", 4_000, "2026-03-01", "2032-03-01"),
    ]
    frame = pd.DataFrame(notes, columns=["loan_id", "principal", "start_date", "maturity_date"])
    return frame.assign(annual_rate=0.09, profile="bullet", frequency="semiannual")


def test_case_6_bullets_fall_into_their_buckets() -> None:
    """Kind E: "thereafter" at 2025-06-30 is the notes of June 2030 to the dollar; 14,617 of 14,896 a year later."""
    early = nc.principal_ladder(_bullets(), as_of="2025-06-30")
    assert early["principal"].tolist() == [0.0] * 5 + [2_000.0]
    later = nc.principal_ladder(_bullets(), as_of="2026-06-30")
    assert later.set_index("bucket")["principal"].to_dict() == {
        **dict.fromkeys(("2026", "2027", "2028", "2029"), 0.0),
        "2030": 2_000.0,
        "thereafter": 14_617.0,
    }
    amortizing = [4_413, 6_184, 4_416, 2_421, 3_221 - 2_000, 14_896 - 14_617]
    assert (amortizing[4], amortizing[5], sum(amortizing)) == (1_221, 279, 18_934)
    average = sum(v * t for v, t in zip(amortizing, [0.25, 1, 2, 3, 4, 5], strict=True)) / sum(amortizing)
    assert round(average, 2) == 1.57  # years, at mid-year points


def _magnetar(frequency: str, day_count: str) -> list[float]:
    """248.917 at 2025-03-31 (A), 12 % a year, capitalised; due January 2029."""
    loan = pd.DataFrame(
        {
            "loan_id": ["Magnetar"],
            "principal": [248_917.0],
            "start_date": ["2025-03-31"],
            "maturity_date": ["2029-01-31"],
            "annual_rate": [0.12],
            "pik_share": [1.0],
            "profile": ["bullet"],
            "frequency": [frequency],
            "day_count": [day_count],
            "end_of_month": [True],
        }
    )
    rows = nc.amortize(loan)
    at = rows.set_index(rows["payment_date"].dt.strftime("%Y-%m-%d"))["closing_balance"]
    return [at["2025-06-30"] / 1000, at["2025-09-30"] / 1000]


def test_case_7_accretion_tells_compounding_apart() -> None:
    """Kind E, day count unknown: published 256.630 (B) and 264.666 (10-Q for 2025-09-30), tolerance 0.1 %."""
    published = [256.630, 264.666]

    def off(found: list[float]) -> list[float]:
        return [abs(a / b - 1) for a, b in zip(found, published, strict=True)]

    daily = _magnetar("daily", "ACT/360")
    assert [round(v, 3) for v in daily] == [256.582, 264.571]
    assert max(off(daily)) < 0.001
    monthly = _magnetar("monthly", "30/360")
    assert (
        [round(v, 3) for v in monthly] == [round(248.917 * 1.01**n, 3) for n in (3, 6)] == [256.459, 264.23]
    )
    assert max(off(monthly)) > 0.001  # the second date tells it apart
    broken = [
        248.917 * 1.01 ** (12 * days / 365.25) for days in (91, 183)
    ]  # the same rate over broken months
    assert [round(v, 3) for v in broken] == [256.433, 264.263]
    assert max(off(broken)) > 0.001
    annual = [248.917 * 1.12 ** (days / 365) for days in (91, 183)]
    assert [round(v, 2) for v in annual] == [256.05, 263.47]
    assert min(off(annual)) > 0.001  # must fail


DCSP = [(9, 14_753), (12, 19_658), (12, 19_645), (12, 19_630), (12, 19_616), (107, 175_800)]  # A note 12


def dcsp() -> dict[str, Any]:
    """Payments of the financing obligation, level in each year; as a loan without interest bought at 115,300."""
    amounts = []
    for months, total in DCSP:
        each = round(total / months, 2)
        amounts += [each] * (months - 1) + [round(total - each * (months - 1), 2)]
    loan = pd.DataFrame(
        {
            "loan_id": ["DCSP"],
            "principal": [269_102.0],
            "issue_price": [115_300 / 269_102],
            "start_date": ["2025-03-31"],
            "term_months": [164],
            "annual_rate": [0.0],
            "profile": ["custom"],
            "frequency": ["monthly"],
            "end_of_month": [True],
            "day_count": ["30E/360 ISDA"],  # every month is a twelfth; 30/360 has a day more each February
        }
    )
    schedule = pd.DataFrame({"loan_id": "DCSP", "payment_number": range(1, 165), "principal": amounts})
    return {"loans": loan, "principal_schedule": schedule}


def test_case_8_dcsp_obligation() -> None:
    """Kind F (107 months are chosen): 14.77 % against 15 % imputed, current portion 2,825 against 2,807."""
    given = dcsp()
    loans = given.pop("loans")
    rows = nc.carrying_amount(loans, **given)
    assert rows["closing_carrying_amount"].iloc[0] == 115_300.0
    rate = rows["effective_rate"].iloc[1]
    assert round(rate, 4) == 0.1477  # nominal, monthly: within 0.5 points of 15 %
    assert round((1 + rate / 12) ** 12 - 1, 3) == 0.158
    assert round(rows["amortization"].sum(), 2) == 153_802.0  # total interest, exact
    portion = nc.current_portion(loans, as_of="2025-03-31", **given).iloc[0]
    assert round(portion["current_portion"]) == 2_825  # 2 % of 2,807 (A)
    assert portion["carrying_amount"] == 115_300.0
    bought = nc.yield_to_maturity(loans, price=115_300 / 269_102, **given)
    assert abs(bought["yield_to_maturity"].iloc[0] - 0.158) < 0.0005  # 15.8 % effective


def test_case_5_interest_split_and_net_debt() -> None:
    """Kind E: the sums that filings print, and that `interest_expense` and `carrying_amount` keep in every row."""
    split = {  # A; B; C: contractual, amortization, capitalized, expense
        "Q1-25": (232_772, 37_691, 13_092, 257_371),
        "Q2-25": (250_312, 29_036, 23_186, 256_162),
        "H1-25": (483_084, 66_727, 36_278, 513_533),
        "Q1-24": (64_622, 8_058, 32_177, 40_503),
        "Q2-24": (100_237, 7_547, 40_687, 67_097),
    }
    for contractual, amortization, capitalized, expense in split.values():
        assert contractual + amortization - capitalized == expense
    halves = [tuple(split[q][n] for q in ("Q1-25", "Q2-25")) for n in range(4)]
    assert tuple(map(sum, halves)) == split["H1-25"]
    assert (66_727 + 21_049, 513_533 + 283_416) == (87_776, 796_949)
    for principal, unamortized, current, rest in (
        (8_807_921, 96_255, 3_776_595, 4_935_071),
        (8_033_477, 107_137, 2_468_425, 5_457_915),
    ):
        assert principal - unamortized == current + rest
    assert 11_171_485 - 119_984 == 11_051_501
    # The same identities in what neocalc computes, for DDTL 1.0 with costs and half a year of construction.
    given = ddtl_1()
    loans = given.pop("loans").assign(upfront_fee=40_250.0, construction_end_date="2025-07-01")
    expense = nc.interest_expense(loans, amounts="decimal", **given)
    ties = expense["contractual_interest"] + expense["amortization"] - expense["capitalized_interest"]
    assert (ties == expense["interest_expense"]).all()
    assert expense["amortization"].sum() == 40_250
    books = nc.carrying_amount(loans, amounts="decimal", freq="Q", **given)
    debt = nc.amortize(loans, by=["loan_id"], freq="Q", amounts="decimal", **given)
    assert (debt["closing_balance"] - books["unamortized"] == books["closing_carrying_amount"]).all()
