"""Reverse stress: the change that puts a covenant at its limit is exact, and turns the test where it says."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import neocalc as nc

pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

ENDS = pd.date_range("2025-03-31", periods=5, freq="QE")
MEASURES = pd.DataFrame(
    {"period_end": ENDS, "cfads": [150.0, 140.0, 100.0, 150.0, 130.0], "debt_service": 100.0, "cash": 500.0,
     "total_debt": [900.0, 850.0, 800.0, 750.0, 700.0], "collateral_value": [1_200.0, 1_100.0, 950.0, 1_000.0, 900.0],
     "ebitda": [60.0, 60.0, 60.0, 60.0, -300.0], "interest": 10.0, "floating_debt": [900.0, 800.0, 700.0, 600.0, 0.0]}
)  # fmt: skip
TERMS = pd.DataFrame(
    {"covenant_id": ["dscr", "ltv", "cash", "leverage"], "metric": ["dscr", "ltv", "liquidity", "leverage"],
     "threshold": [1.2, 0.8, 400.0, 4.0], "window_periods": [1, None, None, 4]}
)  # fmt: skip


def changes(found: pd.DataFrame, covenant: str) -> list[float | None]:
    own = found[found["covenant_id"] == covenant]["change"]
    return [None if np.isnan(value) else value for value in own]


def test_falls_by_hand() -> None:
    """Cover of 1.5 falls to 1.2 with a fifth of the cash flow; cover of 1.0 needs a fifth more."""
    found = nc.solve_back(MEASURES, TERMS, drivers={"cash flow falls": {"cfads": -1.0}})
    wanted = [Fraction(1, 5), Fraction(1, 7), Fraction(-1, 5), Fraction(1, 5), Fraction(1, 13)]
    assert changes(found, "dscr") == [float(value) for value in wanted]
    assert changes(found, "ltv") == [None] * 5
    own = found[found["covenant_id"] == "dscr"]
    assert own["is_binding"].tolist() == [False] * 4 + [True]
    assert own["status_before"].tolist() == ["pass", "pass", "breach", "pass", "pass"]
    assert own["status_after"].tolist() == ["breach", "breach", "pass", "breach", "breach"]
    value = nc.solve_back(MEASURES, TERMS, drivers={"value falls": {"collateral_value": -1.0}})
    # 900 / (1,200 (1 - x)) = 0.8 at x = 1/16; 800 / 950 = 0.842 needs 1,000.
    exact = [
        Fraction(1, 16),
        1 - Fraction(850) / Fraction(880),
        -Fraction(1, 19),
        Fraction(1, 16),
        Fraction(1, 36),
    ]
    assert changes(value, "ltv") == [float(one) for one in exact]
    assert changes(value, "cash") == [None] * 5
    cash = nc.solve_back(MEASURES, TERMS, drivers={"cash falls": {"cash": -1.0}})
    assert changes(cash, "cash") == [0.2] * 5
    assert cash[cash["is_binding"]]["period_end"].tolist() == [ENDS[0]], "of several dates the first"


def test_a_table_moves_measures_by_others_and_by_amounts() -> None:
    """A rise of rates by x costs a quarter of it on the floating debt; and 8 a quarter of it for hedges."""
    terms = pd.DataFrame(
        {"covenant_id": ["icr"], "metric": ["icr"], "threshold": [4.0], "window_periods": [1]}
    )
    drivers = pd.DataFrame(
        {"driver": "rates rise", "measure": "interest", "rate": [0.25, None], "amount": [None, 8.0],
         "of": ["floating_debt", None]}
    )  # fmt: skip
    found = nc.solve_back(MEASURES, terms, drivers=drivers)
    # EBITDA of 60 covers interest of 15 four times: 10 + (225 + 8) x = 15.
    wanted: list[float | None] = [5 / (debt / 4 + 8) for debt in (900, 800, 700, 600)]
    assert changes(found, "icr") == pytest.approx([*wanted[:4], None])
    assert found["status"].tolist()[4] == "breach", "negative EBITDA: no change of rates helps"


def test_two_drivers_and_entities() -> None:
    both = pd.concat([MEASURES.assign(entity_id="A"), MEASURES.assign(entity_id="B")], ignore_index=True)
    drivers = pd.DataFrame(
        {"driver": ["A falls", "all fall"], "measure": "cfads", "rate": -1.0, "entity_id": ["A", None]}
    )
    found = nc.solve_back(both, TERMS.head(1), drivers=drivers)
    assert found["driver"].tolist() == ["A falls"] * 10 + ["all fall"] * 10
    of_b = found[(found["entity_id"] == "B") & (found["driver"] == "A falls")]
    assert of_b["change"].isna().all()
    assert found[found["is_binding"]].groupby("driver", observed=True).size().to_dict() == {
        "A falls": 1,
        "all fall": 2,
    }


def test_windows_cures_and_waivers_stay_as_they_are() -> None:
    """A cure of 20 in the third quarter stays 20: (440 (1 - x) + 20) / 400 = 1.1 for windows of four."""
    year = pd.DataFrame({"covenant_id": ["dscr"], "metric": ["dscr"], "threshold": [1.1]})
    measures = MEASURES.assign(cfads=[120.0, 110.0, 100.0, 100.0, 100.0])
    paid = pd.DataFrame({"period_end": [ENDS[3]], "amount": [20.0]})
    found = nc.solve_back(measures, year, drivers={"fall": {"cfads": -1.0}}, cures=paid)
    assert found["status"].tolist()[3:] == ["cured", "breach"]
    # The fourth: 430 (1 - x) + 20 = 440; the fifth: 410 (1 - x) + 20 = 440.
    assert changes(found, "dscr")[3:] == [float(Fraction(10, 430)), float(Fraction(-10, 410))]


def test_what_has_no_limit_has_no_change() -> None:
    terms = pd.DataFrame(
        {"covenant_id": ["a", "b", "c"], "metric": ["dscr", "dscr", "liquidity"], "threshold": [None, 1.2, 400.0],
         "window_periods": [1, 9, None], "first_test_date": [None, None, "2030-01-01"]}
    )  # fmt: skip
    found = nc.solve_back(MEASURES, terms, drivers={"fall": {"cfads": -1.0, "cash": -1.0}})
    assert found["change"].isna().all()
    assert not found["is_binding"].any()
    near = nc.solve_back(MEASURES, TERMS.head(1), drivers={"fall": {"cfads": -1.0}}, within=(0.0, 0.15))
    assert changes(near, "dscr") == [None, 1 / 7, None, None, 1 / 13]


def test_a_function_is_bracketed_on_both_sides_of_its_limit() -> None:
    """Price and utilisation fall together: revenue goes as (1 - x)^2, half of it reaches the cash flow."""

    def path(change: float) -> pd.DataFrame:
        left = (1 - change) ** 2
        return MEASURES.assign(cfads=(MEASURES["cfads"] * (0.5 + 0.5 * left)).round(2))

    found = nc.solve_back(MEASURES, TERMS.head(1), drivers={"market": path}, tolerance=1e-5)
    # 150 (0.5 + 0.5 (1 - x)^2) = 120: (1 - x)^2 = 0.6.
    wanted = 1 - 0.6**0.5
    first = found.iloc[0]
    assert first["change"] == pytest.approx(wanted, abs=1e-4)
    assert 0 < first["width"] <= 1e-5
    assert (first["status_before"], first["status_after"]) == ("pass", "breach")
    for change, status in ((first["change"], "pass"), (first["change"] + first["width"], "breach")):
        tests = nc.check_covenants(path(change), TERMS.head(1))
        assert tests["status"].tolist()[0] == status
    third = found.iloc[2]  # fails as it is: the market must rise
    assert third["change"] < 0
    assert (third["status_before"], third["status_after"]) == ("breach", "pass")


@given(
    st.lists(st.tuples(*[st.integers(1, 10**7)] * 4), min_size=4, max_size=6),
    st.fractions(min_value=Fraction(1, 100), max_value=8, max_denominator=100),
    st.sampled_from(["dscr", "leverage", "ltv", "net_leverage", "liquidity"]),
    st.dictionaries(st.sampled_from(["cfads", "total_debt", "ebitda", "cash", "collateral_value"]),
                    st.integers(-3, 3), min_size=1),
)  # fmt: skip
def test_a_change_turns_the_test_where_it_says(
    rows: list[tuple[int, ...]], threshold: Fraction, metric: str, rates: dict[str, int]
) -> None:
    """Moved by a little less and a little more than the change, in units fine enough, the status is as told."""
    level = round(float(threshold), 2)
    assume(metric != "ltv" or level <= 1)
    ends = pd.date_range("2025-03-31", periods=len(rows), freq="QE")
    names = ("cfads", "total_debt", "ebitda", "cash")
    base = pd.DataFrame(rows, columns=names).assign(debt_service=[row[1] for row in rows])
    base = base.assign(collateral_value=[row[2] for row in rows], period_end=ends)
    limit = level * 10**6 if metric == "liquidity" else level
    terms = pd.DataFrame({"covenant_id": ["x"], "metric": [metric], "threshold": [limit]})
    options: dict[str, Any] = {"amounts": "minor"}
    found = nc.solve_back(base, terms, drivers={"d": {k: float(v) for k, v in rates.items()}}, **options)
    scale = 10**8  # finer units, so that rounding to them moves nothing that matters
    for row in found.itertuples():
        if np.isnan(row.change):
            continue
        for nudge, wanted in ((-1e-6, row.status_before), (1e-6, row.status_after)):
            change = Fraction(row.change) + Fraction(nudge) * (1 if row.change >= 0 else -1)
            moved = base.copy()
            for name in base.columns:
                if name != "period_end":
                    factor = 1 + rates.get(name, 0) * change
                    moved[name] = [round(value * scale * factor) for value in base[name]]
            fine = terms.assign(threshold=[limit * scale if metric == "liquidity" else limit])
            tests = nc.check_covenants(moved, fine, amounts="minor")
            assert tests["status"].tolist()[row.Index] == wanted


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_every_kind_of_frame(kind: str) -> None:
    make: Any = (
        pl.from_pandas
        if kind == "polars"
        else lambda frame: pa.Table.from_pandas(frame, preserve_index=False)
    )
    drivers = pd.DataFrame({"driver": ["fall"], "measure": ["cfads"], "rate": [-1.0]})
    wanted = nc.solve_back(MEASURES, TERMS, drivers=drivers)
    found = nc.solve_back(make(MEASURES), make(TERMS), drivers=make(drivers))
    for name in ("driver", "covenant_id", "change", "status_after", "is_binding"):
        mine = wanted[name].astype(object).where(wanted[name].notna(), None).tolist()
        assert (found[name].to_list() if kind == "polars" else found[name].to_pylist()) == mine


def test_drivers_that_mean_nothing_are_refused() -> None:
    for drivers, text in [
        ({}, "at least one"),
        ({"d": 1.0}, "rates by measure"),
        ({"d": {"cfadds": 1.0}}, "cfads"),
        ({"d": {"cfads": "x"}}, "number"),
        ({"d": {"cfads": float("nan")}}, "number"),
        ({"d": {"cfads": True}}, "number"),
        ({"d": {"period_end": 1.0}}, "period_end"),
        ({None: {"cfads": 1.0}}, "text"),
        ({5: {"cfads": 1.0}, "d": {"cfads": 1.0}}, "text"),
    ]:
        with pytest.raises(nc.ConfigError, match=text):
            nc.solve_back(MEASURES, TERMS, drivers=drivers)
    table = pd.DataFrame(
        {"driver": ["a", None, "c"], "measure": ["cfads", "cfads", "cfadds"], "rate": [None, 1.0, 1.0]}
    )
    with pytest.raises(nc.InputError) as caught:
        nc.solve_back(MEASURES, TERMS, drivers=table)
    found = {(issue.column, issue.code, issue.rows) for issue in caught.value.issues}
    assert found == {
        ("drivers.rate", "null", (0,)),
        ("drivers.driver", "null", (1,)),
        ("drivers.measure", "metric_unknown", (2,)),
    }
    ranges: list[Any] = [(0.1, 1.0), (0.0, 0.0), (1.0,), "x"]
    for within in ranges:
        with pytest.raises(nc.ConfigError, match="within"):
            nc.solve_back(MEASURES, TERMS, drivers={"d": {"cfads": 1.0}}, within=within)
    tolerances: list[Any] = [float("inf"), float("nan"), 0.0, None]
    for tolerance in tolerances:
        with pytest.raises(nc.ConfigError, match="tolerance"):
            nc.solve_back(MEASURES, TERMS, drivers={"d": lambda _: MEASURES}, tolerance=tolerance)


@pytest.mark.parametrize(("column", "value", "code"), [("rate", float("inf"), "nonfinite"), ("rate", "x", "dtype"),
                                                       ("of", "period_end", "metric_unknown"),
                                                       ("measure", "period_end", "metric_unknown")])  # fmt: skip
def test_a_bad_cell_of_a_driver_is_one_problem(column: str, value: Any, code: str) -> None:
    """A rate that cannot be read was told to be null as well, a date as a measure moved nothing."""
    table = pd.DataFrame({"driver": ["a"], "measure": ["cfads"], "rate": [1.0], "of": [None]})
    with pytest.raises(nc.InputError) as caught:
        nc.solve_back(MEASURES, TERMS, drivers=table.assign(**{column: pd.Series([value], dtype=object)}))
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [(f"drivers.{column}", code)]


@pytest.mark.parametrize(
    ("boundary", "limit"), [("at_least", "min"), ("at_most", "max"), ("more_than", "min")]
)
@pytest.mark.parametrize("rate", [1.0, -1.0])
def test_what_is_on_its_limit_shows_the_side_on_which_it_turns(
    boundary: str, limit: str, rate: float
) -> None:
    """140 of 140: the least change turns it, so before it is as it is, and after it is not."""
    ratio = nc.metric("ratio", "x", denominator="y")
    given = pd.DataFrame({"period_end": ["2025-12-31"], "x": [140.0], "y": [100.0]})
    promised = pd.DataFrame({"covenant_id": ["r"], "metric": ["ratio"], "threshold": [1.4], "limit": [limit],
                             "boundary": [boundary]})  # fmt: skip
    found = nc.solve_back(given, promised, drivers={"d": {"x": rate}}, metrics=[ratio], freq="Y").iloc[0]
    assert found["change"] == 0.0
    assert found["status_before"] == found["status"]
    assert {found["status_before"], found["status_after"]} == {"pass", "breach"}


def test_a_table_and_a_function_say_the_same_words() -> None:
    """A hair from its limit a test that is met is at risk, and one that is waived does not turn."""
    terms = TERMS.head(1).assign(at_risk_below=0.1)
    waived = pd.DataFrame({"from_date": ["2025-04-01"], "to_date": ["2025-06-30"]})
    drivers = {
        "table": {"cfads": -1.0},
        "function": lambda fall: MEASURES.assign(cfads=(MEASURES["cfads"] * (1 - fall)).round(2)),
    }
    found = nc.solve_back(MEASURES, terms, drivers=drivers, waivers=waived)
    for name in ("change", "status_before", "status_after", "is_binding"):
        one, two = (found.loc[found["driver"] == driver, name].tolist() for driver in drivers)
        if name == "change":
            assert one == pytest.approx(two, abs=1e-4, nan_ok=True)
        else:
            assert str(one) == str(two), name
    assert found["change"].isna().tolist()[:5] == [False, True, False, False, False]
    assert "at_risk" in set(found["status_before"])
    assert "at_risk" in set(found["status_after"])
