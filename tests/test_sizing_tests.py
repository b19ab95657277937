"""Draws under sizing tests: projected cover at every month to maturity, at each funding."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest

import neocalc as nc

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

MONTHS = pd.date_range("2026-01-31", periods=37, freq="ME")
# As DDTL 4.0 of CoreWeave: projected DSCR of at least 1.20x at every monthly date to maturity, at funding.
TERMS = pd.DataFrame(
    {"covenant_id": ["projected dscr", "dscr"], "metric": "dscr", "threshold": [1.2, 1.15],
     "level": ["sizing", "default"], "window_periods": [1, 3]}
)  # fmt: skip


def facility(**columns: Any) -> pd.DataFrame:
    row = {"loan_id": ["ddtl"], "commitment": [9_000.0], "start_date": ["2026-01-15"], "term_months": [36],
           "annual_rate": [0.06], "profile": ["level_principal"], **columns}  # fmt: skip
    return pd.DataFrame(row)


def draws(*amounts: float) -> pd.DataFrame:
    days = pd.date_range("2026-01-15", periods=len(amounts), freq=pd.DateOffset(months=1))
    return pd.DataFrame({"loan_id": "ddtl", "date": days, "amount": list(amounts)})


def cash(*amounts: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"period_end": MONTHS, "cfads": [*amounts, *[amounts[-1]] * (len(MONTHS) - len(amounts))]}
    )


def cover(balance: Fraction, payments: int, cfads: int) -> Fraction:
    """Cover of the first payment after a draw, in fractions: level principal over what is left, half a percent."""
    return cfads / (balance / payments + balance / 200)


def test_each_draw_is_tested_with_those_before_it() -> None:
    """3,600 of 36 payments: 100 + 18 of interest in the first month; then 3,500 + 1,750 over 35: 150 + 26.25."""
    found = nc.sizing_tests(
        facility(), draws(3_600.0, 1_750.0, 3_400.0), covenants=TERMS, cashflow=cash(220.0)
    )
    assert found["status"].tolist() == ["pass", "pass", "draw_stop"]
    assert found["is_funded"].tolist() == [True, True, False]
    assert found["period_end"].dt.strftime("%Y-%m").tolist() == ["2026-02", "2026-03", "2026-04"]
    third = Fraction(5_250 - 150 + 3_400)
    wanted = [cover(Fraction(3_600), 36, 220), cover(Fraction(5_250), 35, 220), cover(third, 34, 220)]
    assert found["value"].tolist() == pytest.approx([float(value) for value in wanted], rel=1e-4)
    assert found["covenant_id"].tolist() == ["projected dscr"] * 3, "other levels are for other times"


def test_half_yearly_test_dates_of_a_fiscal_year_to_october() -> None:
    """3,600 over 36 months: 100 + 18 in February, less by half a month; cover is least at the first date tested."""
    asked: dict[str, Any] = {"covenants": TERMS.assign(test_frequency="H"), "fiscal_year_end": 10}
    found = nc.sizing_tests(facility(), draws(3_600.0), cashflow=cash(220.0), **asked)
    # April's payment is the third: 3,400 were owed before it.
    assert found["period_end"].dt.strftime("%Y-%m-%d").tolist() == ["2026-04-30"]
    assert found["value"].tolist() == pytest.approx([220 / (100 + 17)], rel=1e-4)
    # Cash that falls short in March alone stops a draw that is tested by the month, and none by the half-year.
    short = cash(220.0, 220.0, 100.0, 220.0)
    assert nc.sizing_tests(facility(), draws(3_600.0), cashflow=short, **asked)["status"].tolist() == ["pass"]
    monthly = nc.sizing_tests(facility(), draws(3_600.0), cashflow=short, covenants=TERMS)
    assert monthly["status"].tolist() == ["draw_stop"]


def test_a_draw_that_fails_is_not_funded_and_those_after_it_are_tested_without_it() -> None:
    found = nc.sizing_tests(
        facility(), draws(3_600.0, 5_000.0, 1_000.0), covenants=TERMS, cashflow=cash(220.0)
    )
    assert found["status"].tolist() == ["pass", "draw_stop", "pass"]
    alone = nc.sizing_tests(
        facility(), draws(3_600.0, 5_000.0, 1_000.0).drop(index=1), covenants=TERMS, cashflow=cash(220.0)
    )
    assert alone.iloc[1]["value"] == found.iloc[2]["value"]


def test_what_is_available_passes_and_a_cent_more_does_not() -> None:
    found = nc.sizing_tests(facility(), draws(3_600.0, 5_000.0), covenants=TERMS, cashflow=cash(220.0))
    most = found["available_amount"].tolist()[1]
    # 220 / 1.2 = 183.33 a month: (b / 35 + b / 200) x 1.2 = 220 at b = 5,460.99; 3,500 are drawn.
    assert most == pytest.approx(float(Fraction(220) / Fraction(12, 10) / (Fraction(1, 35) + Fraction(1, 200))) - 3_500,
                                 abs=0.4)  # fmt: skip
    for amount, status in ((most, "pass"), (round(most + 0.01, 2), "draw_stop")):
        again = nc.sizing_tests(
            facility(), draws(3_600.0, amount), covenants=TERMS, cashflow=cash(220.0), find_available=False
        )
        assert again["status"].tolist()[1] == status
        assert again["available_amount"].isna().tolist()[1] == (status == "draw_stop")


def test_the_worst_month_may_lie_far_ahead() -> None:
    low = cash(*[400.0] * 20, 70.0, *[400.0] * 16)
    found = nc.sizing_tests(facility(), draws(3_600.0), covenants=TERMS, cashflow=low)
    assert found[["status"]].values.tolist() == [["draw_stop"]]
    assert found["period_end"].dt.date.tolist() == [dt.date(2027, 9, 30)]


def test_what_is_not_known_is_not_funded() -> None:
    short = cash(220.0).iloc[:20]
    found = nc.sizing_tests(facility(), draws(3_600.0, 10.0), covenants=TERMS, cashflow=short)
    assert found["status"].tolist() == ["insufficient_data"] * 2
    assert not found["is_funded"].any()
    assert found["available_amount"].isna().all()
    unknown = TERMS.assign(threshold=[None, 1.15])
    found = nc.sizing_tests(facility(), draws(3_600.0), covenants=unknown, cashflow=cash(220.0))
    assert found["status"].tolist() == ["unknown"]


def test_entities_are_tested_by_themselves() -> None:
    book = pd.concat([facility(entity_id="A"), facility(loan_id=["other"], entity_id="B")], ignore_index=True)
    both = pd.concat([draws(3_600.0), draws(9_000.0).assign(loan_id="other")], ignore_index=True)
    flows = pd.concat(
        [cash(220.0).assign(entity_id="A"), cash(220.0).assign(entity_id="B")], ignore_index=True
    )
    found = nc.sizing_tests(book, both, covenants=TERMS, cashflow=flows)
    assert found[["loan_id", "status"]].astype(str).values.tolist() == [
        ["ddtl", "pass"],
        ["other", "draw_stop"],
    ]


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_every_kind_of_frame(kind: str) -> None:
    make: Any = (
        pl.from_pandas
        if kind == "polars"
        else lambda frame: pa.Table.from_pandas(frame, preserve_index=False)
    )
    wanted = nc.sizing_tests(facility(), draws(3_600.0, 5_000.0), covenants=TERMS, cashflow=cash(220.0))
    found = nc.sizing_tests(
        make(facility()), make(draws(3_600.0, 5_000.0)), covenants=make(TERMS), cashflow=make(cash(220.0))
    )
    for name in ("loan_id", "status", "available_amount", "value", "is_funded"):
        mine = wanted[name].astype(object).tolist()
        assert (found[name].to_list() if kind == "polars" else found[name].to_pylist()) == mine


def test_arguments_and_tables_that_are_wrong() -> None:
    good = {"covenants": TERMS, "cashflow": cash(220.0)}
    with pytest.raises(nc.InputError, match=r"draws\.amount"):
        nc.sizing_tests(facility(), draws(1.005), **good)
    with pytest.raises(nc.InputError) as caught:
        nc.sizing_tests(facility(), draws(1.0).drop(columns="date"), **good)
    assert caught.value.code == "missing_column"
    with pytest.raises(nc.InputError, match="commitment"):
        nc.sizing_tests(facility(), draws(10_000.0), **good)
    with pytest.raises(nc.ConfigError, match="by"):
        nc.sizing_tests(facility(), draws(1.0), debt={"by": []}, **good)
    with pytest.raises(nc.ConfigError, match="find_available"):
        nc.sizing_tests(facility(), draws(1.0), find_available=1, **good)
