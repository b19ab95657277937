"""Several things on one day of a loan, in whatever order their rows stand; amounts agreed for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

import neocalc as nc
from facility_books import Facility, facility_beside, facility_frame, in_order, random_facility
from loan_books import options, random_terms

COLUMNS = ["draw", "interest", "pik", "principal", "prepayment", "fee", "closing_balance"]


def _crowded(random: Random) -> Facility:
    """A facility whose prepayments mostly fall on one day, of every kind; its draws are numbered by date."""
    facility = random_facility(random)
    paid = list(facility.prepayments)
    if paid:
        day = random.choice(paid).date
        paid = [replace(row, date=day) if random.random() < 0.8 else row for row in paid]
        paid.append(replace(random.choice(paid), amount=random.randint(0, 10**5)))
    days = {draw.date: draw for draw in facility.draws}
    return replace(facility, prepayments=in_order(paid), draws=tuple(days.values()))


def _by_loan(frame: pd.DataFrame) -> dict[int, list[list[Any]]]:
    rows: dict[int, list[list[Any]]] = {}
    for values in frame.astype(object).where(frame.notna(), None).values.tolist():
        rows.setdefault(values[0], []).append(values)
    return rows


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    """Loans, the rows of every frame beside them, holidays, and the order in which frames are given."""
    random = Random(seed)
    terms = random_terms(random)
    facilities = [_crowded(random) for _ in range(80)]
    frame, beside = facility_frame(facilities), facility_beside(facilities)
    given: dict[str, Any] = options(terms) | {"amounts": "minor", "on_error": "flag", "rounding": "payment"}
    skipping = given | {"on_error": "skip"}
    expected = _by_loan(nc.amortize(frame, **beside, **given, columns=COLUMNS))
    verbs: list[Callable[..., Any]] = [nc.carrying_amount, nc.interest_expense]
    books = [_by_loan(verb(frame, **beside, **skipping, freq="Q")) for verb in verbs]
    totals = nc.amortize(frame, **beside, **skipping, by=[], freq="Q")
    ladder = nc.principal_ladder(frame, **beside, **skipping, as_of="2015-06-30")

    def shuffled(table: pd.DataFrame) -> pd.DataFrame:
        return table.sample(frac=1, random_state=random.randrange(2**31)).reset_index(drop=True)

    for threads in (1, 2):
        other = shuffled(frame)
        names = random.sample(list(beside), len(beside))
        mixed = {name: shuffled(beside[name]) for name in names}
        more = {"threads": threads, "holidays": given["holidays"][::-1]}
        assert _by_loan(nc.amortize(other, **mixed, **given | more, columns=COLUMNS)) == expected
        for verb, own in zip(verbs, books, strict=True):
            assert _by_loan(verb(other, **mixed, **skipping | more, freq="Q")) == own
        again = nc.amortize(other, **mixed, **skipping | more, by=[], freq="Q")
        pd.testing.assert_frame_equal(again, totals)
        pd.testing.assert_frame_equal(
            nc.principal_ladder(other, **mixed, **skipping | more, as_of="2015-06-30"), ladder
        )


def _loan(**terms: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"loan_id": ["f"], "principal": [1_200.0], "start_date": ["2025-01-01"], "term_months": [12],
         "annual_rate": [0.0], "profile": ["level_principal"]} | {name: [value] for name, value in terms.items()}
    )  # fmt: skip


def _beside(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"loan_id": "f", **columns})


def test_smaller_payments_and_a_shorter_term_on_one_day_are_both_had() -> None:
    """1,200 in twelve; on 15 January 600 for smaller payments, which leaves 50 a month, and 300: six of them."""
    paid = _beside(date="2025-01-15", amount=[300.0, 600.0], effect=["term", "payment"])
    for rows in (paid, paid.iloc[::-1]):
        found = nc.amortize(_loan(), prepayments=rows, columns=["principal", "prepayment"])
        assert found["prepayment"].tolist() == [0.0, 900.0, *[0.0] * 6]
        assert found["principal"].tolist() == [0.0, 0.0, *[50.0] * 6]


def test_all_that_is_owed_comes_last_on_its_day() -> None:
    paid = _beside(date="2025-01-15", amount=[None, 300.0])
    for rows in (paid, paid.iloc[::-1]):
        assert nc.amortize(_loan(), prepayments=rows)["prepayment"].tolist() == [0.0, 1_200.0]


def test_what_is_repaid_and_lent_on_one_day_leaves_the_period_whole() -> None:
    """By 30/360 the 31st cuts a day off or adds one: 30 January to 31 March are 60 days, in two parts 61 from the 28th.

    1,000 at 12 % from 15 January: to 15 April 90 days, 30.00. Cut on 31 March they are 76 and 15, which is 91 days.
    """
    loan = _loan(principal=1_000.0, start_date="2025-01-15", term_months=3, annual_rate=0.12, profile="bullet",
                 frequency="quarterly", commitment=2_000.0, pik_rate=0.12)  # fmt: skip
    moved = {
        "prepayments": _beside(date=["2025-03-31"], amount=[400.0]),
        "draws": _beside(date=["2025-03-31"], amount=[400.0]),
    }
    found = nc.amortize(loan, **moved, columns=["draw", "interest", "pik", "prepayment"])
    assert found[["draw", "prepayment"]].values.tolist() == [[1_000.0, 0.0], [400.0, 400.0], [0.0, 0.0]]
    assert found[["interest", "pik"]].values.tolist() == [[0.0, 0.0], [0.0, 0.0], [30.0, 30.0]]
    # With a cent more the period is cut, for interest and for interest in kind alike: 25.33 + 5.00.
    moved["draws"]["amount"] = 400.01
    cut = nc.amortize(loan, **moved, columns=["interest", "pik"])
    assert cut[["interest", "pik"]].values.tolist()[-1] == [30.33, 30.33]
    # Where interest is paid on the day, that is the end of a period: 76 days, and 15 on 1,025.33.
    moved["prepayments"]["pay_accrued"] = True
    moved["draws"]["amount"] = 400.0
    paid = nc.amortize(loan, **moved, columns=["interest"])
    assert paid["interest"].tolist() == [0.0, 25.33, 5.13]


def _refused(code: str, column: str, loan: pd.DataFrame, **beside: Any) -> None:
    with pytest.raises(nc.InputError) as caught:
        nc.amortize(loan, **beside)
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [(column, code)]


OWN = _beside(date=["2025-03-15"], amount=[400.0], annual_rate=[0.0])


@pytest.mark.parametrize("draws", [None, OWN], ids=["alone", "together"])
@pytest.mark.parametrize(
    "amounts",
    [
        {1: 1_200.0, 6: 1.0},  # nothing is left of the loan, or
        {4: 1_600.0, 5: 1.0},  # of the loan and its draw
        {12: 1_600.01},  # more than is left for the last payment
    ],
    ids=["repaid", "all repaid", "too much at the end"],
)
def test_principal_agreed_for_nothing_is_refused(
    amounts: dict[int, float], draws: pd.DataFrame | None
) -> None:
    schedule = _beside(payment_number=list(amounts), principal=list(amounts.values()))
    loan = _loan(profile="custom", commitment=1_600.0)
    if draws is not None and 1 in amounts:  # the draw owes it
        schedule.loc[1, "principal"] = 400.01
    _refused("range", "principal", loan, principal_schedule=schedule, draws=draws)


def test_principal_agreed_before_anything_is_lent_is_refused() -> None:
    loan = _loan(profile="custom", principal=0.0, commitment=400.0)
    for when in ({"payment_number": [1]}, {"date": ["2025-01-20"]}):
        schedule = _beside(**when, principal=[10.0])
        for draws in (OWN, OWN.drop(columns="annual_rate")):
            _refused("range", "principal", loan, principal_schedule=schedule, draws=draws)
    schedule = _beside(date=["2025-03-20", "2025-05-01", "2025-05-20"], principal=[10.0, 20.0, 370.0])
    found = nc.amortize(loan, principal_schedule=schedule, draws=OWN, columns=["principal"])
    assert found["principal"].tolist() == [0.0, 10.0, 0.0, 20.0, 370.0]


@pytest.mark.parametrize(("profile", "column"), [("custom", "principal"), ("percent_schedule", "share")])
def test_payments_of_interest_alone_have_no_principal(profile: str, column: str) -> None:
    loan = _loan(profile=profile, interest_only_months=3)
    schedule = _beside(payment_number=[3, 4], **{column: [0.1, 0.1]})
    _refused("profile", f"principal_schedule.{column}", loan, principal_schedule=schedule)
    schedule[column] = [0.0, 0.1]
    assert len(nc.amortize(loan, principal_schedule=schedule)) == 13


def test_a_hedge_has_the_strike_of_each_row() -> None:
    """1,000,000 at 5 %, ACT/360: 3 % is paid for it until 15 May, then 4 % for half of it.

    90 days at 2 %; 44 days at 2 % and 47 at 1 % of half; then 92 days at that, each rounded once.
    """
    loan = _loan(principal=1e6, annual_rate=None, index="S", profile="bullet", frequency="quarterly",
                 day_count="ACT/360")  # fmt: skip
    given = {"rates": pd.DataFrame({"index": ["S"], "date": ["2024-12-01"], "value": [0.05]}),
             "extrapolate": "flat", "columns": ["interest", "hedge"]}  # fmt: skip
    swap = _beside(
        hedge_id="A",
        kind="pay_fixed_swap",
        strike_rate=[0.03, 0.04],
        from_date=["2025-01-01", "2025-05-15"],
        notional=[1e6, 5e5],
    )
    found = nc.amortize(loan, hedges=swap, **given)
    assert found["hedge"].tolist() == [0.0, -5_000.0, -3_097.22, -1_277.78, -1_277.78]
    # The same as two hedges, the first of which ends when the second begins.
    ends = swap.iloc[[1]].assign(strike_rate=0.03, notional=0.0)
    two = pd.concat([swap, ends]).drop(columns="hedge_id")
    pd.testing.assert_frame_equal(nc.amortize(loan, hedges=two, **given), found)
    # A collar under one id: a cap and a sold floor are two.
    collar = _beside(hedge_id="C", kind=["cap", "sold_floor"], strike_rate=[0.04, 0.055],
                     from_date="2025-01-01", notional=1e6)  # fmt: skip
    assert nc.amortize(loan, hedges=collar, **given)["hedge"].tolist()[1] == -2_500.0 + 1_250.0
    with pytest.raises(nc.InputError, match="2 rows, first at row 0") as caught:
        nc.amortize(loan, hedges=swap.assign(from_date="2025-01-01"), **given)
    assert caught.value.issues["column"] == ["hedges.from_date"]
    assert np.all(caught.value.issues[0].rows == np.array([0, 1]))


def test_what_is_not_written_off_is_gone_when_all_is_repaid() -> None:
    """1,000 at 98 repaid at once, and 1 at 98 drawn later: 20 are lost at once, and 2 cents are spread.

    A borrowing that is drawn when nothing was owed has a rate of its own (ASC 470-50-40-2).
    """
    loan = _loan(principal=1_000.0, commitment=2_000.0, annual_rate=0.06, term_months=6, profile="bullet",
                 issue_price=0.98)  # fmt: skip
    for repaid, interest in (("2025-01-01", 0.0), ("2025-01-20", 3.17), ("2025-03-01", 5.0)):
        for drawn, amount in (("2025-03-15", 1.0), ("2025-03-15", 500.0), ("2025-03-01", 500.0)):
            beside = {
                "prepayments": _beside(date=[repaid], amount=[1_000.0]),
                "draws": _beside(date=[drawn], amount=[amount]),
            }
            rows = nc.carrying_amount(loan, **beside)
            whole = rows[rows["payment_date"] <= repaid]
            assert whole["amortization"].sum().round(2) == 20.0
            assert whole["contractual_interest"].iloc[-1] == interest
            assert (rows["closing_carrying_amount"] >= 0).all()
            assert rows["closing_carrying_amount"][rows["payment_date"] == drawn].item() == round(
                amount * 0.98, 2
            )
            assert rows["amortization"].sum().round(2) == round(20 + amount * 0.02, 2)
            # The later borrowing is booked as if it were alone: a loan of its own from that day on.
            alone = loan.assign(
                principal=amount, start_date=drawn, commitment=amount, maturity_date="2025-07-01"
            )
            alone = alone.drop(columns="term_months").assign(first_payment_date="2025-04-01")
            own = nc.carrying_amount(alone)
            later = rows[rows["payment_date"] > drawn]
            assert later["amortization"].tolist() == own["amortization"].tolist()[1:]
            assert later["effective_rate"].tolist() == pytest.approx(own["effective_rate"].tolist()[1:])


def test_holidays_that_treat_interest_in_two_ways_are_refused() -> None:
    """Where a payment falls into both, nothing says whether its interest is paid."""
    loan = _loan(annual_rate=0.12)
    for order in (1, -1):
        both = _beside(
            from_date=["2025-02-01", "2025-02-15"],
            to_date=["2025-03-01", "2025-04-01"],
            interest=["paid", "capitalised"],
        )[::order]
        _refused("overlap", "payment_holidays.interest", loan, payment_holidays=both)
    after = both.assign(from_date=["2025-03-02", "2025-02-01"])
    found = nc.amortize(loan, payment_holidays=after, columns=["interest", "pik"])
    assert found[["interest", "pik"]].values.tolist()[1:4] == [[12.0, 0.0], [12.0, 0.0], [0.0, 12.0]]
    alike = both.assign(interest="capitalised")
    assert nc.amortize(loan, payment_holidays=alike)["pik"].gt(0).sum() == 3


def test_two_values_of_a_day_are_to_be_summed() -> None:
    loan = _loan(profile="borrowing_base", advance_rate=0.8)
    rows = _beside(period_end=["2025-01-31"] * 2, closing_book_value=[1_000.0, 900.0])
    with pytest.raises(
        nc.InputError, match=r"their sum, as depreciate\(..., by=\['facility_id'\]\)"
    ) as caught:
        nc.amortize(loan, collateral=rows)
    assert caught.value.code == "duplicate_date"
