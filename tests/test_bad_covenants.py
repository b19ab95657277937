"""Covenants with something wrong: a typed error that names column, row and what to do, or a named status."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import neocalc as nc

ENDS = pd.to_datetime(["2025-03-31", "2025-06-30", "2025-09-30", "2025-12-31"])


def measures(**columns: Any) -> pd.DataFrame:
    good = {"entity_id": "A", "period_end": ENDS, "cash": 100.0, "total_debt": 60.0, "collateral_value": 100.0,
            "ebitda": 20.0, "cfads": 30.0, "debt_service": 25.0}  # fmt: skip
    return pd.DataFrame({**good, **columns})


def terms(**columns: Any) -> pd.DataFrame:
    good = {"covenant_id": ["a", "b", "c"], "entity_id": "A", "metric": ["liquidity", "ltv", "dscr"],
            "threshold": [50.0, 0.65, 1.1]}  # fmt: skip
    return pd.DataFrame({**good, **columns})


def refused(given: Any = None, promised: Any = None, **options: Any) -> nc.InputError:
    with pytest.raises(nc.InputError) as caught:
        nc.check_covenants(
            measures() if given is None else given, terms() if promised is None else promised, **options
        )
    error = caught.value
    for issue in error.issues:
        assert issue.hint
        assert issue.rule == nc.list_error_codes()[issue.code][0]
        assert list(issue.rows) == sorted(issue.rows)
    assert len(str(error).splitlines()) <= 20
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of our own
    assert (again.issues, str(again)) == (error.issues, str(error))
    assert copy.deepcopy(error).issues == error.issues
    return error


def one(
    column: str, code: str, row: int | None, given: Any = None, promised: Any = None, **options: Any
) -> Any:
    (issue,) = refused(given, promised, **options).issues
    assert (issue.column, issue.code) == (column, code)
    assert (issue.rows[0] if issue.rows else None) == row
    return issue


def third(value: Any, other: Any, dtype: Any = None) -> pd.Series:
    return pd.Series([other, other, value], dtype=dtype)


def fourth(value: Any, other: Any, dtype: Any = None) -> pd.Series:
    return pd.Series([other, other, other, value], dtype=dtype)


def test_what_is_good_is_good() -> None:
    assert set(nc.check_covenants(measures(), terms())["status"]) == {"pass", "insufficient_data"}


# --- the terms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"metric": ["liquidity", "ltv", "dcsr"]}, "metric", "metric_unknown"),
        ({"metric": ["liquidity", "ltv", None]}, "metric", "null"),
        ({"covenant_id": ["a", "b", None]}, "covenant_id", "null"),
        ({"entity_id": ["A", "A", "B"]}, "entity_id", "entity_unknown"),
        ({"entity_id": ["A", "A", None]}, "entity_id", "null"),
        ({"threshold": third(np.inf, 0.5)}, "threshold", "nonfinite"),
        ({"threshold": third("1.1", 0.5, object)}, "threshold", "dtype"),
        ({"threshold": third(True, 0.5, object)}, "threshold", "dtype"),
        ({"threshold": third(1e16, 0.5)}, "threshold", "range"),
        ({"threshold": third(110.0, 0.5)}, "threshold", "rate_unit"),
        ({"metric": "ltv", "threshold": third(65.0, 0.65)}, "threshold", "rate_unit"),
        ({"at_risk_below": third(10.0, 0.1)}, "at_risk_below", "rate_unit"),
        ({"at_risk_below": third(-0.1, 0.1)}, "at_risk_below", "range"),
        ({"limit": third("minimum", None, object)}, "limit", "choice"),
        ({"level": third("defualt", "default")}, "level", "choice"),
        ({"boundary": third("above", None, object)}, "boundary", "choice"),
        ({"test_frequency": third("W", "Q")}, "test_frequency", "choice"),
        ({"test_frequency": third("S", "H")}, "test_frequency", "choice"),
        ({"test_frequency": third("M", "Q")}, "test_frequency", "test_frequency"),
        ({"limit": third("max", None, object)}, "limit", "limit_sense"),  # a maximum of cover
        ({"limit": third("min", None, object), "boundary": third("at_most", None, object)}, "boundary", "limit_sense"),
        ({"to_date": third("2025-01-01", "2030-01-01"), "from_date": third("2025-01-02", "2025-01-01")}, "to_date", "date_order"),
        ({"from_date": third("2025-02-30", "2025-01-01")}, "from_date", "date_parse"),
        ({"first_test_date": third("9999-12-31", "2025-01-01")}, "first_test_date", "date_range"),
        ({"window_periods": third(0, 4)}, "window_periods", "range"),
        ({"window_periods": third(2.5, 4.0)}, "window_periods", "dtype"),
        ({"cures_allowed": third(-1, 2)}, "cures_allowed", "range"),
        ({"cure_amount_cap": third(-1.0, 2.0)}, "cure_amount_cap", "range"),
        ({"grace_days": third(4000, 2)}, "grace_days", "range"),
        ({"annualize": third("maybe", "true")}, "annualize", "dtype"),
        ({"springing_measure": third("cahs", None, object)}, "springing_measure", "metric_unknown"),
        # 35 % as 35, which no use of a commitment is ever above: the test would never be due.
        ({"springing_measure": third("ltv", None, object), "springing_above": third(35.0, None)}, "springing_above", "rate_unit"),
        ({"springing_above": third(35.0, None)}, "springing_measure", "null"),
    ],
)  # fmt: skip
def test_terms(columns: dict[str, Any], column: str, code: str) -> None:
    issue = one(f"covenants.{column}", code, 2, promised=terms(**columns))
    assert issue.ids == ("c" if columns.get("covenant_id") is None else None,)
    assert "Decimal(" not in issue.example
    assert "00000000" not in issue.example


def test_percentages_that_are_meant() -> None:
    high = terms(threshold=[50.0, 65.0, 110.0])
    assert len(refused(promised=high).issues) == 1
    assert len(nc.check_covenants(measures(), high, allow_high_thresholds=True)) == 12


def test_a_threshold_that_is_nan() -> None:  # 54
    assert "unknown" in set(nc.check_covenants(measures(), terms(threshold=[50.0, np.nan, 1.1]))["status"])
    polars = pl.from_pandas(terms()).with_columns(threshold=pl.Series([50.0, float("nan"), 1.1]))
    one("covenants.threshold", "nonfinite", 1, pl.from_pandas(measures()), polars)


def test_rows_of_one_covenant_do_not_overlap() -> None:
    steps = {"covenant_id": "a", "metric": "ltv", "threshold": [0.65, 0.6, 0.55]}
    begin = ["2025-01-01", "2025-07-01", "2025-12-01"]
    found = nc.check_covenants(measures(), terms(**steps, from_date=begin))
    assert found["threshold"].tolist() == [0.65, 0.65, 0.6, 0.55], "without an end each runs until the next"
    both = terms(**steps, from_date=begin, to_date=["2025-06-30", "2025-12-01", None])
    one("covenants.from_date", "overlap", 2, promised=both)
    one(
        "covenants.from_date",
        "overlap",
        1,
        promised=terms(**steps, from_date=["2025-01-01", "2025-01-01", "2025-12-01"]),
    )
    one("covenants.from_date", "overlap", 1, promised=terms(**steps, level=["default", "default", "lock_up"]))


def test_a_metric_without_a_sense_of_its_own_needs_one() -> None:
    own = nc.metric("own", "cash")
    promised = terms(metric="own")
    assert one("covenants.limit", "null", 0, promised=promised, metrics=[own]).n_bad == 3
    assert len(nc.check_covenants(measures(), promised.assign(boundary="more_than"), metrics=[own])) == 12


def test_columns_that_are_not_there() -> None:
    for name in ("covenant_id", "metric", "threshold"):
        one(f"covenants.{name}", "missing_column", None, promised=terms().drop(columns=name))
    assert "cfads" in one("measures.cfads", "missing_column", None, measures().drop(columns="cfads")).column
    issue = one(
        "measures.debt_service",
        "missing_column",
        None,
        measures().rename(columns={"debt_service": "debt_servce"}),
    )
    assert "rename 'debt_servce'" in issue.hint
    one("measures.period_end", "missing_column", None, measures().drop(columns="period_end"))
    one("covenants", "frame", None, promised=[1, 2])


def test_all_problems_come_at_once() -> None:
    error = refused(
        measures(cash=fourth(0.001, 1.0), currency=fourth("usd", "USD")),
        terms(metric=third("x", "ltv"), level=third("x", "default")),
    )
    found = {(issue.column, issue.code) for issue in error.issues}
    assert {("measures.currency", "currency")} <= found
    error = refused(
        measures(cash=fourth(0.001, 1.0)), terms(metric=third("x", "ltv"), level=third("x", "default"))
    )
    found = {(issue.column, issue.code) for issue in error.issues}
    assert {("covenants.metric", "metric_unknown"), ("covenants.level", "choice")} <= found


# --- the measures: 1-11, 55 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "column", "code"),
    [
        ({"cash": fourth(np.inf, 1.0)}, "cash", "nonfinite"),
        ({"cash": fourth(0.001, 1.0)}, "cash", "precision"),
        ({"cash": fourth(2.0**51 / 100 + 1, 1.0)}, "cash", "precision"),
        ({"cash": fourth(10**18, 1, object)}, "cash", "overflow"),
        ({"cash": fourth("1", 1, object)}, "cash", "dtype"),
        ({"entity_id": fourth(None, "A", object)}, "entity_id", "null"),
        ({"period_end": fourth(None, dt.date(2025, 3, 31), object)}, "period_end", "null"),
        ({"period_end": [*ENDS[:3], pd.Timestamp("2025-09-30")]}, "period_end", "duplicate_period"),
        ({"period_end": [*ENDS[:3], pd.Timestamp("2025-10-03")]}, "period_end", "duplicate_period"),
        ({"period_end": [*ENDS[:3], pd.Timestamp("2025-11-30")]}, "period_end", "period_grid"),
        ({"period_end": [*ENDS[:3], pd.Timestamp("2025-12-15")]}, "period_end", "period_grid"),
        ({"period_end": [*ENDS[:3], pd.Timestamp("2025-12-31 12:00")]}, "period_end", "date_time"),
        ({"currency": fourth("usd", "USD")}, "currency", "currency"),
    ],
)
def test_measures(columns: dict[str, Any], column: str, code: str) -> None:
    one(f"measures.{column}", code, 3, measures(**columns))


def test_missing_quarters_are_missing_and_years_of_53_weeks_are_years() -> None:  # 55
    gap = nc.check_covenants(measures().drop(index=1), terms())
    status = gap.set_index(["covenant_id", "period_end"])["status"]
    assert len(gap) == 12, "the quarter that is missing is a row"
    assert status["a", ENDS[1]] == status["c", ENDS[3]] == "insufficient_data"
    none = nc.check_covenants(measures(cash=fourth(None, 100.0)), terms())
    assert none[none["covenant_id"] == "a"]["status"].tolist() == ["pass"] * 3 + ["insufficient_data"]
    # Weeks end on Saturdays: the year to 2026-01-03 has 53 of them, and four quarters.
    weeks = pd.to_datetime(["2025-03-29", "2025-06-28", "2025-09-27", "2026-01-03"])
    found = nc.check_covenants(measures(period_end=weeks), terms())
    assert found[found["covenant_id"] == "c"]["status"].tolist() == ["insufficient_data"] * 3 + ["pass"]
    assert found["period_end"].tolist()[:4] == list(weeks)
    assert found["value"].tolist()[-1] == 1.2


def test_an_end_after_the_last_period_shows_what_is_missing() -> None:
    found = nc.check_covenants(measures(), terms(), start="2025-12-31", end="2026-06-30")
    assert found["status"].tolist() == ["pass", *["insufficient_data"] * 2] * 3


def test_entities_and_currencies_are_kept_apart() -> None:
    both = pd.concat([measures(), measures(entity_id="B", cash=10.0)])
    found = nc.check_covenants(both, terms().drop(columns="entity_id"))
    cash = found[found["covenant_id"] == "a"]
    assert cash.groupby("entity_id")["status"].first().to_dict() == {"A": "pass", "B": "breach"}
    money = pd.concat([measures(currency="USD"), measures(currency="EUR", cash=10.0)])
    issue = one("covenants.currency", "currency_mix", 0, money)
    assert issue.n_bad == 3
    found = nc.check_covenants(money, terms(currency=["USD", "EUR", "USD"]))
    assert found["currency"].tolist() == ["USD"] * 4 + ["EUR"] * 4 + ["USD"] * 4
    one("covenants.entity_id", "entity_unknown", 1, money, terms(currency=["USD", "GBP", "USD"]))


# --- denominators: 52, 53 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "columns", "wanted"),
    [
        ("dscr", {"debt_service": 0.0}, "undefined"),
        ("dscr", {"debt_service": -1.0}, "undefined"),
        ("leverage", {"ebitda": -5.0}, "breach"),
        ("leverage", {"ebitda": 0.0}, "breach"),
        ("leverage", {"ebitda": 0.0, "total_debt": 0.0}, "undefined"),
        ("net_leverage", {"total_debt": 20.0}, "pass"),  # net cash over earnings
        ("net_leverage", {"total_debt": 20.0, "ebitda": -5.0}, "undefined"),
        ("ltv", {"collateral_value": 0.0}, "breach"),
        ("ltv", {"collateral_value": -1.0}, "breach"),
        ("ltv", {"collateral_value": 0.0, "total_debt": 0.0}, "undefined"),
    ],
)
def test_denominators_of_zero_and_less(metric: str, columns: dict[str, Any], wanted: str) -> None:
    promised = terms(metric=metric, threshold=0.5)
    row = nc.check_covenants(measures(**columns), promised).iloc[3]
    assert row["status"] == wanted
    assert pd.isna(row["value"]) == (wanted in ("undefined", "breach"))
    room = [row[name] for name in ("headroom", "headroom_amount", "headroom_rate")]
    if wanted != "pass":  # I32: what is on no side has no room
        assert pd.isna(room).tolist() == [True, wanted == "undefined", True]
        assert not row["headroom_amount"] >= 0
    numbers = [value for value in row.tolist() if isinstance(value, float) and value == value]
    assert np.isfinite(numbers).all()


# --- what bears on them ---------------------------------------------------------------------------------------------


def beside(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"entity_id": ["A", "A"], **columns})


def test_cures() -> None:
    good = {"period_end": ENDS[:2], "amount": [1.0, 1.0]}
    assert len(nc.check_covenants(measures(), terms(), cures=beside(**good)))
    one("cures.entity_id", "entity_unknown", 1, cures=beside(**good).assign(entity_id=["A", "B"]))
    one("cures.amount", "range", 1, cures=beside(**{**good, "amount": [1.0, -1.0]}))
    one("cures.amount", "null", 1, cures=beside(**{**good, "amount": [1.0, None]}))
    late = pd.to_datetime(["2025-03-31", "2026-03-31"])
    one("cures.period_end", "period_unknown", 1, cures=beside(**{**good, "period_end": late}))
    one("cures.covenant_id", "covenant_unknown", 1, cures=beside(**good, covenant_id=["a", "x"]))
    one("cures.amount", "missing_column", None, cures=beside(period_end=ENDS[:2]))


def test_waivers() -> None:
    good = {"from_date": ["2025-01-01"] * 2, "to_date": ["2025-03-31"] * 2}
    assert len(nc.check_covenants(measures(), terms(), waivers=beside(**good)))
    one("waivers.to_date", "null", 1, waivers=beside(**{**good, "to_date": ["2025-03-31", None]}))
    one(
        "waivers.to_date",
        "date_order",
        1,
        waivers=beside(**{**good, "to_date": ["2025-03-31", "2024-12-31"]}),
    )
    one("waivers.covenant_id", "covenant_unknown", 1, waivers=beside(**good, covenant_id=["a", "x"]))


def test_cross_default() -> None:
    """Circles are legal; pointing at oneself is not, nor at nobody."""
    both = pd.concat([measures(), measures(entity_id="B")])
    circle = pd.DataFrame({"entity_id": ["A", "B"], "trigger_entity_id": ["B", "A"]})
    found = nc.check_covenants(both, terms(), cross_default=circle)
    assert (found[found["covenant_id"] == "cross_default"]["status"]).isin(["pass", "unknown"]).all()
    own = circle.assign(trigger_entity_id=["B", "B"])
    assert (
        "no clause"
        in one("cross_default.trigger_entity_id", "self_reference", 1, both, cross_default=own).hint
    )
    one(
        "cross_default.trigger_entity_id",
        "entity_unknown",
        1,
        both,
        cross_default=circle.assign(trigger_entity_id=["B", "C"]),
    )
    one(
        "cross_default.to_date",
        "date_order",
        0,
        both,
        cross_default=circle.assign(from_date="2025-02-01", to_date="2025-01-01"),
    )
    named = terms(covenant_id=["a", "cross_default", "c"])
    one("covenants.covenant_id", "duplicate_id", 1, both, named, cross_default=circle)
    assert nc.check_covenants(both, named)["covenant_id"].eq("cross_default").any(), (
        "a name like others without the table"
    )
    numbered = terms(covenant_id=[1, 2, 3])
    one("covenants.covenant_id", "dtype", None, both, numbered, cross_default=circle)
    one("measures.owed", "missing_column", None, both, cross_default=circle.assign(above=1.0, measure="owed"))


# --- arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"freq": "W"}, {"fiscal_year_end": 13}, {"fiscal_year_end": True}, {"amounts": "cents"}, {"minor_units": 5},
        {"start": "2025-12-31", "end": "2025-01-01"}, {"start": "yesterday"}, {"threads": 0}, {"metrics": ["dscr"]},
        {"allow_high_thresholds": 1}, {"metrics": {"dscr": "cfads"}},
    ],
)  # fmt: skip
def test_arguments(options: dict[str, Any]) -> None:
    with pytest.raises(nc.ConfigError):
        nc.check_covenants(measures(), terms(), **options)
    with pytest.raises(nc.ConfigError, match="use one"):
        nc.check_covenants(measures(), pl.from_pandas(terms()))


@pytest.mark.parametrize(
    "definition",
    [
        (5, "cash"), (["x"], "cash"), ("", "cash"), ("x", ""), ("x", "cash +"), ("x", "cash debt"), ("x", "sum(cash"), ("x", "2 * cash"),
        ("x", "sum(cash, 0)"), ("x", "sum(cash, 1201)"), ("x", "median(cash)"), ("x", "cash, debt"), ("x", None),
    ],
)  # fmt: skip
def test_definitions_of_metrics(definition: tuple[str, Any]) -> None:
    with pytest.raises(nc.ConfigError):
        nc.metric(*definition)
    for wrong in (
        {"limit": "low"},
        {"unit": "percent"},
        {"unit": "times"},
        {"cure": "+debt"},
        {"cure": "cash*2"},
        {"cure": 5},
        {"otherwise": "liquidity"},
    ):
        with pytest.raises(nc.ConfigError):
            nc.metric("x", "cash", **wrong)


def test_empty_tables_have_all_columns() -> None:
    wanted = list(nc.check_covenants(measures(), terms()).columns)
    for given, promised in ((measures(), terms().iloc[:0]), (measures().iloc[:0], terms().iloc[:0])):
        found = nc.check_covenants(given, promised)
        assert (list(found.columns), len(found)) == (wanted, 0)
        assert len(nc.first_breach(found)) == 0
    one("covenants.entity_id", "entity_unknown", 0, measures().iloc[:0])


def test_cubes() -> None:
    promised = terms().drop(columns="entity_id").iloc[:1]
    cube = nc.covenant_cube(promised, entity_ids=["A"], period_ends=list(ENDS.date), measures=["cash"])
    good = np.full((1, 4, 3), 100.0)
    assert (cube.test({"cash": good}).first_breach == -1).all()
    for value, code in (
        (np.nan, "nonfinite"),
        (np.inf, "nonfinite"),
        (0.001, "precision"),
        (1e15, "precision"),
    ):
        bad = good.copy()
        bad[0, 2, 1] = value
        with pytest.raises(nc.InputError) as caught:
            cube.test({"cash": bad})
        (issue,) = caught.value.issues
        assert (issue.column, issue.code, issue.rows) == ("measures.cash", code, (7,))
    for wrong in ({}, {"cash": good[0]}, {"cash": good.astype("float32")}, {"cash": np.ones((2, 4, 3))}):
        with pytest.raises(nc.ConfigError):
            cube.test(wrong)
    with pytest.raises(nc.ConfigError, match="consecutive"):
        nc.covenant_cube(promised, entity_ids=["A"], period_ends=[ENDS[0], ENDS[2]], measures=["cash"])
    with pytest.raises(nc.ConfigError, match="repeat"):
        nc.covenant_cube(promised, entity_ids=["A", "A"], period_ends=list(ENDS.date), measures=["cash"])


def test_which_test_is_meant() -> None:
    with pytest.raises(nc.ConfigError, match="no test"):
        nc.explain(measures(), terms(), covenant_id="x", period_end="2025-12-31")
    levels = terms(
        covenant_id="a", metric="ltv", threshold=[0.65, 0.6, 0.5], level=["default", "lock_up", "sizing"]
    )
    with pytest.raises(nc.ConfigError, match="3 tests"):
        nc.explain(measures(), levels, covenant_id="a", period_end="2025-12-31")
    cell = nc.explain(measures(), levels, covenant_id="a", period_end="2025-12-31", level="sizing")
    assert (cell.status, cell.level) == ("draw_stop", "sizing")


def test_frames_of_arrow_with_nulls() -> None:
    table = pa.Table.from_pandas(measures(cash=fourth(None, 100.0)))
    found = nc.check_covenants(table, pa.Table.from_pandas(terms()))
    assert found["status"].to_pylist()[3] == "insufficient_data"


def test_a_message_counts_the_rows_of_the_frame_that_is_wrong() -> None:
    """Of covenants those of the covenants; of what stands beside them none, since no count of theirs would fit."""
    assert str(refused(None, terms(metric=["liquidity", "ltv", "nope"]))).startswith(
        "covenants: 1 problem in 3 rows\n"
    )
    wrong = measures(cash=[1.0, float("inf"), 2.0, 3.0])
    assert str(refused(wrong)).startswith("covenants: 1 problem\n")
    loans = pd.DataFrame(
        {"principal": [100.0], "start_date": ["2025-01-01"], "term_months": [12], "annual_rate": [0.1]}
    )
    draws = pd.DataFrame({"loan_id": [0, 0], "date": ["2025-02-01"] * 2, "amount": [1.0, None]})
    with pytest.raises(nc.InputError, match=r"^loans: 1 problem\n  'draws.amount' must not be null: 1 row"):
        nc.amortize(loans, draws=draws)


# --- several currencies ---------------------------------------------------------------------------------------------


def test_amounts_of_money_do_not_hold_in_several_currencies() -> None:
    """100 is dollars or yen; a ratio, and nothing, are the same in both."""
    money = pd.concat([measures(currency="USD"), measures(entity_id="B", currency="JPY")])
    of_all = terms().drop(columns="entity_id")
    assert (
        one("covenants.currency", "currency_mix", 0, money, of_all).example == "the entities have JPY and USD"
    )
    assert set(nc.check_covenants(money, of_all.iloc[1:])["currency"]) == {"USD", "JPY"}
    nothing = of_all.assign(threshold=[0.0, 0.65, 1.1])
    assert set(nc.check_covenants(money, nothing)["status"]) == {"pass", "insufficient_data"}
    named = of_all.assign(currency=["USD", None, None])
    assert (nc.check_covenants(money, named)["covenant_id"] == "a").sum() == 4
    one("covenants.currency", "currency_mix", 1, money, named.assign(cure_amount_cap=[None, 5.0, None]))
    springs = {"springing_measure": [None, "cash", "ltv"], "springing_above": [None, 5.0, 0.5]}
    one("covenants.currency", "currency_mix", 1, money, named.assign(**springs))


def test_a_cure_is_in_one_currency() -> None:
    """It counted in full in each."""
    money = pd.concat([measures(currency="USD", cash=40.0), measures(currency="JPY", cash=40.0)])
    both = pd.DataFrame({"covenant_id": "a", "entity_id": "A", "currency": ["USD", "JPY"], "metric": "liquidity",
                         "threshold": 50.0})  # fmt: skip
    paid = pd.DataFrame({"entity_id": ["A"], "period_end": ENDS[:1], "amount": [10.0]})
    one("cures.currency", "currency_mix", 0, money, both, cures=paid)
    found = nc.check_covenants(money, both, cures=paid.assign(currency="JPY"))
    assert found["status"].tolist() == ["breach"] * 4 + ["cured"] + ["breach"] * 3
    assert "cured" in set(
        nc.check_covenants(money, both[:1], cures=paid)["status"]
    )  # only dollars are tested
    follows = pd.DataFrame({"entity_id": ["B"], "trigger_entity_id": ["A"], "above": [30.0]})
    group = pd.concat([money, measures(entity_id="B", currency="USD")])
    one("cross_default.currency", "currency_mix", 0, group, both, cross_default=follows)


def test_a_cure_of_another_level_says_so() -> None:
    paid = pd.DataFrame({"covenant_id": ["a"], "period_end": ENDS[:1], "amount": [10.0]})
    issue = one("cures.covenant_id", "covenant_unknown", 0, None, terms(level="lock_up"), cures=paid)
    assert "level is default" in issue.hint


@pytest.mark.parametrize("measure", ["", 5, (1, 2)])
def test_a_cross_default_above_a_measure_that_is_none(measure: Any) -> None:
    """A number was taken for no condition at all, and an empty text for total_debt."""
    group = pd.concat([measures(), measures(entity_id="B")])
    follows = pd.DataFrame({"entity_id": ["B"], "trigger_entity_id": ["A"], "above": [1.0]})
    follows["measure"] = pd.Series([measure], dtype=object)
    one("cross_default.measure", "metric_unknown", 0, group, cross_default=follows)
