"""Covenants worked by hand: frequency, stubs, springing, cures in time, and defaults that spread."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import neocalc as nc


def outcome(measures: pd.DataFrame, promised: dict[str, Any], **options: Any) -> dict[str, str]:
    terms = pd.DataFrame({name: [value] for name, value in promised.items()})
    found = nc.check_covenants(measures, terms, **options)
    return dict(zip(found["period_end"].dt.strftime("%Y-%m-%d"), found["status"], strict=True))


def test_monthly_measures_may_be_tested_by_quarter_of_any_fiscal_year() -> None:
    months = pd.date_range("2025-01-31", periods=6, freq="ME")
    measures = pd.DataFrame({"period_end": months, "cash": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    term = {"covenant_id": "cash", "metric": "liquidity", "threshold": 3, "test_frequency": "Q"}
    assert outcome(measures, term, freq="M") == {"2025-03-31": "pass", "2025-06-30": "pass"}
    found = outcome(measures, term, freq="M", fiscal_year_end=1)
    assert found == {"2025-01-31": "breach", "2025-04-30": "pass"}
    assert list(outcome(measures, {**term, "test_frequency": "Y"}, freq="M", fiscal_year_end=5)) == [
        "2025-05-31"
    ]


@pytest.mark.parametrize(
    ("year_end", "first"), [(12, 6), (6, 6), (9, 3), (3, 3), (4, 4), (10, 4), (1, 1), (7, 1)]
)
def test_half_yearly_tests_end_with_the_halves_of_any_fiscal_year(year_end: int, first: int) -> None:
    """Two a year, six months apart, the second on the fiscal year's end; sizing levels and stubs as ever."""
    months = pd.date_range("2025-01-31", periods=24, freq="ME")
    measures = pd.DataFrame(
        {"period_end": months, "cfads": [float(at) for at in range(1, 25)], "debt_service": 1.0}
    )
    term = {
        "covenant_id": "dscr",
        "metric": "dscr",
        "threshold": 5.0,
        "test_frequency": "H",
        "window_periods": 6,
    }
    found = outcome(measures, term, freq="M", fiscal_year_end=year_end)
    assert list(found) == [f"{months[at]:%Y-%m-%d}" for at in range(first - 1, 24, 6)]
    # Six months that end with the n-th have a mean of n - 2.5: 5.0x is met from the eighth on.
    wanted = [
        "insufficient_data" if at < 6 else "pass" if at >= 8 else "breach" for at in range(first, 25, 6)
    ]
    assert list(found.values()) == wanted
    stops = outcome(measures, {**term, "level": "sizing", "first_test_date": "2026-01-01"}, freq="M",
                    fiscal_year_end=year_end)  # fmt: skip
    assert list(stops.values()) == ["not_tested" if key < "2026" else status for key, status in found.items()]


@pytest.mark.parametrize("year_end", [12, 9, 4])
def test_quarters_and_half_years_may_be_tested_by_half_year(year_end: int) -> None:
    """A cover over a year is of four quarters or two halves, and the same; measures of half-years have freq="H"."""
    last = pd.Timestamp(2025, year_end, 1) + pd.offsets.MonthEnd(0)
    quarters = pd.DatetimeIndex([last + pd.offsets.MonthEnd(3 * at) for at in range(-3, 5)])
    flows = [10.0, 20.0, 30.0, 40.0, 20.0, 20.0, 20.0, 15.0]
    by_quarter = pd.DataFrame({"period_end": quarters, "cfads": flows, "debt_service": 20.0})
    halves = [a + b for a, b in zip(flows[::2], flows[1::2], strict=True)]
    by_half = pd.DataFrame({"period_end": quarters[1::2], "cfads": halves, "debt_service": 40.0})
    term = {"covenant_id": "dscr", "metric": "dscr", "threshold": 1.0, "test_frequency": "H"}
    found = outcome(by_quarter, term, freq="Q", fiscal_year_end=year_end)
    # 100 / 80 in the first year; then 30 + 40 + 20 + 20; then 75 / 80.
    assert list(found.values()) == ["insufficient_data", "pass", "pass", "breach"]
    assert outcome(by_half, term, freq="H", fiscal_year_end=year_end) == found
    assert outcome(by_half, {**term, "test_frequency": None}, freq="H", fiscal_year_end=year_end) == found
    yearly = {**term, "test_frequency": "Y"}
    assert list(outcome(by_half, yearly, freq="H", fiscal_year_end=year_end).values()) == ["pass", "breach"]


def test_a_stub_is_scaled_to_a_year() -> None:
    """Debt 400 over EBITDA of 30; (30 + 35) x 2; (30 + 35 + 35) x 4/3; 140: 3.33x, 3.08x, 3.00x, 2.86x."""
    quarters = pd.date_range("2025-03-31", periods=4, freq="QE")
    measures = pd.DataFrame({"period_end": quarters, "total_debt": 400.0, "ebitda": [30.0, 35.0, 35.0, 40.0]})
    term = {"covenant_id": "lev", "metric": "leverage", "threshold": 3.0, "annualize": True}
    assert list(outcome(measures, term).values()) == ["breach", "breach", "pass", "pass"]
    since = {**term, "annualize_from": "2025-07-01"}  # closing: 35 x 4, then (35 + 40) x 2
    assert list(outcome(measures, since).values()) == ["insufficient_data"] * 2 + ["pass", "pass"]
    last = {**term, "window_periods": 1}  # the last quarter times four
    assert list(outcome(measures, last).values()) == ["breach", "pass", "pass", "pass"]
    assert list(outcome(measures, {**term, "annualize": False}).values()) == ["insufficient_data"] * 3 + [
        "pass"
    ]


def test_a_springing_test_waits_for_its_condition() -> None:
    """Leverage is tested only while more than 35 % of the revolver is drawn."""
    drawn = nc.metric("utilisation", "drawn", denominator="commitment", unit="share")
    quarters = pd.date_range("2025-03-31", periods=4, freq="QE")
    measures = pd.DataFrame(
        {"period_end": quarters, "total_debt": 500.0, "ebitda": 100.0, "drawn": [35.0, 35.01, None, 0.0],
         "commitment": 100.0}
    )  # fmt: skip
    term = {"covenant_id": "lev", "metric": "leverage", "threshold": 4.0, "window_periods": 1,
            "springing_measure": "utilisation", "springing_above": 0.35}  # fmt: skip
    found = outcome(measures, term, metrics=[drawn])
    assert list(found.values()) == ["not_tested", "breach", "insufficient_data", "not_tested"]
    assert set(outcome(measures, {**term, "springing_above": None}, metrics=[drawn]).values()) == {
        "unknown",
        "insufficient_data",
    }


def test_a_period_without_a_clause_breaks_a_row_of_cures() -> None:
    """One cure in a row; between the two clauses lies a quarter that nothing is tested in."""
    quarters = pd.date_range("2025-03-31", periods=3, freq="QE")
    measures = pd.DataFrame({"period_end": quarters, "cash": 90.0})
    paid = pd.DataFrame({"period_end": quarters, "amount": 10.0})
    terms = pd.DataFrame(
        {"covenant_id": "cash", "metric": "liquidity", "threshold": 100.0, "cures_in_a_row": 1,
         "from_date": ["2025-01-01", "2025-07-01"], "to_date": ["2025-03-31", None]}
    )  # fmt: skip
    found = nc.check_covenants(measures, terms, cures=paid)
    assert found["status"].tolist() == ["cured", "not_tested", "cured"]


def test_cures_come_in_time_and_within_their_limits() -> None:
    quarters = pd.date_range("2025-03-31", periods=6, freq="QE")
    measures = pd.DataFrame({"period_end": quarters, "cash": 90.0})
    term = {"covenant_id": "cash", "metric": "liquidity", "threshold": 100, "grace_days": 15}
    paid = pd.DataFrame(
        {"period_end": quarters, "amount": 10.0, "paid_date": quarters + pd.Timedelta(days=15)}
    )
    assert set(outcome(measures, term, cures=paid).values()) == {"cured"}
    late = paid.assign(paid_date=quarters + pd.Timedelta(days=16))
    assert set(outcome(measures, term, cures=late).values()) == {"breach"}
    limits: list[tuple[dict[str, int], str]] = [
        ({"cures_allowed": 2}, "CCBBBB"),
        ({"cures_in_a_row": 1}, "CBCBCB"),
        ({"cures_in_a_row": 2}, "CCBCCB"),
        ({"cures_per_year": 1}, "CBBBCB"),
        ({"cures_allowed": 0}, "BBBBBB"),
    ]
    for limit, wanted in limits:
        found = outcome(measures, {**term, **limit}, cures=paid)
        assert "".join(status[0].upper() for status in found.values()) == wanted, limit
    assert set(outcome(measures, {**term, "cure_amount_cap": 9.99}, cures=paid).values()) == {"breach"}
    over = paid.assign(amount=50.0)
    found = nc.check_covenants(
        measures,
        pd.DataFrame({name: [value] for name, value in {**term, "cure_amount_cap": 20.0}.items()}),
        cures=over,
    )
    assert (found["cure_applied"].unique().tolist(), found["value"].unique().tolist()) == ([20.0], [110.0])
    halves = pd.concat([paid.assign(amount=4.0), paid.assign(amount=6.0)])
    assert set(outcome(measures, term, cures=halves).values()) == {"cured"}


def test_a_waiver_ends_and_uses_up_no_cure() -> None:
    quarters = pd.date_range("2025-03-31", periods=3, freq="QE")
    measures = pd.DataFrame({"period_end": quarters, "cash": 90.0})
    waivers = pd.DataFrame({"from_date": ["2025-03-01"], "to_date": ["2025-06-30"]})
    cures = pd.DataFrame({"period_end": quarters, "amount": 10.0})
    term = {"covenant_id": "cash", "metric": "liquidity", "threshold": 100, "cures_allowed": 1}
    found = outcome(measures, term, waivers=waivers, cures=cures)
    assert list(found.values()) == ["waived", "waived", "cured"]


def test_no_room_where_nothing_is_decided() -> None:  # I32
    """Under a condition over nothing, over less than nothing before the first test, and a maximum failed by rule."""
    drawn = nc.metric("utilisation", "drawn", denominator="commitment", unit="share")
    given = pd.DataFrame(
        {"period_end": ["2025-12-31"], "cfads": 5.0, "debt_service": 4.0, "drawn": 1.0, "commitment": 0.0,
         "total_debt": 5.0, "ebitda": -10.0}
    )  # fmt: skip

    def row(**columns: Any) -> Any:
        term = {"covenant_id": "x", "metric": "dscr", "threshold": 0.5, "window_periods": 1, **columns}
        terms = pd.DataFrame({name: [value] for name, value in term.items()})
        return nc.check_covenants(given, terms, metrics=[drawn], freq="Y").iloc[0]

    room = ["headroom", "headroom_amount", "headroom_rate"]
    found = row(springing_measure="utilisation", springing_above=0.35)
    assert (found["status"], found["value"]) == ("undefined", 1.25)
    assert found[room].isna().all()
    found = row(first_test_date="2030-01-01")
    assert found[room].tolist() == [0.75, 3.0, 1.5], "what it would be: 5 - 0.5 x 4"
    given["debt_service"] = -1.0
    found = row(first_test_date="2030-01-01")
    assert (found["status"], found[room].isna().all()) == ("not_tested", True)
    # 5 over -10 against at most -1: -1 x -10 - 5 = 5 would look like room.
    found = row(metric="leverage", threshold=-1.0)
    assert (found["status"], found[room].isna().all()) == ("breach", True)
    found = row(metric="leverage", threshold=2.0)  # 2 x -10 - 5
    assert (found["status"], found["headroom_amount"]) == ("breach", -25.0)


# --- defaults that spread ---------------------------------------------------------------------------------------------

MONTHS = pd.date_range("2025-03-31", periods=5, freq="ME")
EDGE = pd.DataFrame({"entity_id": ["B"], "trigger_entity_id": ["A"]})


def crossed(
    cash: list[float], edge: pd.DataFrame = EDGE, debt: float | None = 200.0, **options: Any
) -> tuple[list[str], pd.DataFrame]:
    """The cross-defaults of B, whose own test is always met, with A's tests of cash at least 100."""
    both = [
        pd.DataFrame({"entity_id": name, "period_end": MONTHS, "cash": amounts, "total_debt": debt})
        for name, amounts in (("A", cash), ("B", 500.0))
    ]
    terms = pd.DataFrame(
        {"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [100], "grace_days": [40]}
    )
    found = nc.check_covenants(pd.concat(both), terms, cross_default=edge, freq="M", **options)
    mine = found[(found["covenant_id"] == "cross_default") & (found["entity_id"] == "B")]
    return mine["status"].tolist(), mine


def test_a_breach_spreads_when_its_days_of_grace_are_over() -> None:
    status, rows = crossed([99.0, 99.0, 99.0, 99.0, 99.0])
    # 2025-03-31 and 40 days: 2025-05-10.
    assert status == ["pass", "pass", "breach", "breach", "breach"]
    assert rows["cause"].astype(str).tolist()[2:] == ["A"] * 3
    assert rows["cause"].isna().tolist() == [True, True, False, False, False]
    assert crossed([99.0, 100.0, 100.0, 100.0, 100.0])[0] == ["pass"] * 5, "put right within them"
    assert crossed([99.0, 99.0, 99.0, 100.0, 99.0])[0] == ["pass", "pass", "breach", "pass", "pass"]
    nothing = [99.0, 99.0, 99.0, None, 99.0]
    assert crossed(nothing)[0] == ["pass", "pass", "breach", "unknown", "unknown"], (
        "it is not known to be over"
    )


def test_what_stops_it() -> None:
    bad = [99.0] * 5
    waived = pd.DataFrame(
        {
            "entity_id": ["B"],
            "covenant_id": ["cross_default"],
            "from_date": ["2025-05-01"],
            "to_date": ["2025-06-30"],
        }
    )
    assert crossed(bad, waivers=waived)[0] == ["pass", "pass", "waived", "waived", "breach"]
    assert crossed(bad, EDGE.assign(above=200.0))[0] == ["pass"] * 5, "not above"
    assert crossed(bad, EDGE.assign(above=199.99))[0][2] == "breach"
    assert crossed(bad, EDGE.assign(above=199.99), debt=None)[0] == ["pass", "pass"] + ["unknown"] * 3, (
        "with debt that is not known it is not known"
    )
    assert crossed([100.0] * 5, EDGE.assign(above=199.99), debt=None)[0] == ["pass"] * 5, (
        "without a default it is"
    )
    assert crossed(bad, EDGE.assign(above=100.0, measure="cash"))[0] == ["pass"] * 5
    assert crossed(bad, EDGE.assign(from_date="2025-06-01"))[0] == ["pass"] * 3 + ["breach"] * 2


def sprung(drawn: list[float], cash: float = 5.0, **options: Any) -> list[str]:
    """The cross-defaults of B with A, whose cash must be at least 10 while more than 5 are drawn."""
    ends = pd.date_range("2025-03-31", periods=len(drawn), freq="QE")
    both = [
        pd.DataFrame({"entity_id": "A", "period_end": ends, "cash": cash, "drawn": drawn}),
        pd.DataFrame({"entity_id": "B", "period_end": ends, "cash": 50.0, "drawn": drawn}),
    ]
    terms = pd.DataFrame(
        {"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [10.0], "springing_measure": ["drawn"],
         "springing_above": [5.0]}
    )  # fmt: skip
    found = nc.check_covenants(pd.concat(both), terms, cross_default=EDGE, **options)
    return found[found["covenant_id"] == "cross_default"]["status"].tolist()


def test_a_default_runs_on_where_nothing_is_tested() -> None:
    """A clause that has not sprung is no test that was met; a waiver of its date ends the default."""
    assert sprung([9.0, 0.0, 9.0]) == ["breach", "breach", "breach"]
    assert sprung([0.0, 9.0, 0.0, 0.0]) == ["pass", "breach", "breach", "breach"]
    assert sprung([9.0, 0.0, 9.0], cash=10.0) == ["pass"] * 3
    waived = pd.DataFrame({"entity_id": ["A"], "from_date": ["2025-06-30"], "to_date": ["2025-06-30"]})
    assert sprung([9.0, 0.0, 0.0, 9.0], waivers=waived) == ["breach", "pass", "pass", "breach"]


def test_a_breach_ripens_though_the_next_date_is_not_tested() -> None:
    """2025-03-31 and 100 days: 2025-07-09, before the third quarter's end."""
    ends = pd.date_range("2025-03-31", periods=3, freq="QE")
    both = [
        pd.DataFrame({"entity_id": name, "period_end": ends, "cash": cash})
        for name, cash in (("A", 5.0), ("B", 50.0))
    ]
    terms = pd.DataFrame(
        {"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [10.0], "grace_days": [100],
         "to_date": ["2025-03-31"]}
    )  # fmt: skip
    found = nc.check_covenants(pd.concat(both), terms, cross_default=EDGE)
    cross = found[found["covenant_id"] == "cross_default"]
    assert cross["status"].tolist() == ["pass", "pass", "breach"], (
        "the covenant has ended, the default has not"
    )


def test_a_circle_converges() -> None:
    circle = pd.DataFrame({"entity_id": ["B", "A"], "trigger_entity_id": ["A", "B"]})
    assert crossed([100.0] * 5, circle)[0] == ["pass"] * 5
    _, rows = crossed([99.0] * 5, circle)
    assert rows["status"].tolist() == ["pass", "pass", "breach", "breach", "breach"]


def test_levels_that_are_no_default_spread_nothing() -> None:
    measures = pd.DataFrame({"entity_id": ["A", "B"], "period_end": "2025-12-31", "cash": [1.0, 500.0]})
    terms = pd.DataFrame(
        {"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [100], "level": ["lock_up"]}
    )
    found = nc.check_covenants(measures, terms, cross_default=EDGE, freq="Y")
    assert found["status"].tolist() == ["lock_up", "pass", "pass"]


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.25])
def test_at_risk_is_strictly_within_the_band(rate: float) -> None:
    measures = pd.DataFrame({"period_end": ["2025-12-31"], "cash": [120.0]})
    term = {"covenant_id": "cash", "metric": "liquidity", "threshold": 100, "at_risk_below": rate}
    assert list(outcome(measures, term, freq="Y").values()) == ["at_risk" if rate > 0.2 else "pass"]


def test_amounts_at_the_end_of_64_bits() -> None:
    """Sums beyond them are compared exactly; an amount of money beyond them is an error, not a wrong number."""
    quarters = pd.date_range("2025-03-31", periods=4, freq="QE")
    top = 2**62
    measures = pd.DataFrame(
        {"period_end": quarters, "cfads": [top, top, top, top], "debt_service": [top, top, top, top - 1]}
    )
    terms = pd.DataFrame(
        {"covenant_id": ["x"], "metric": ["dscr"], "threshold": [1.0], "boundary": ["more_than"]}
    )
    found = nc.check_covenants(measures, terms, amounts="minor")
    assert (found["status"][3], found["headroom_amount"][3]) == ("pass", 1)
    less = measures.assign(cfads=[top, top, top, top - 1])
    assert nc.check_covenants(less, terms, amounts="minor")["status"][3] == "breach"
    named = measures.assign(entity_id="SPV 1")
    with pytest.raises(nc.InputError) as caught:
        nc.check_covenants(named, terms.assign(threshold=4.0), amounts="minor")
    (issue,) = caught.value.issues
    assert (issue.column, issue.code, issue.n_bad, issue.rows) == ("covenants.threshold", "overflow", 1, (0,))
    assert (issue.ids, issue.example) == (("x",), "SPV 1 on 2025-12-31")
    # Two that overflow among three of which one is left out: rows are those of the frame given.
    many = pd.concat([terms.assign(covenant_id=name) for name in "abcd"], ignore_index=True)
    many["threshold"] = [None, 4.0, 1.0, 4.0]
    many["at_risk_below"] = [-1.0, 0.1, 0.1, 0.1]
    many.index = pd.Index([10, 11, 12, 13])
    with pytest.raises(nc.InputError) as caught:
        nc.check_covenants(named, many, amounts="minor", on_error="skip")
    (issue,) = caught.value.issues
    assert (issue.n_bad, issue.rows, issue.ids, issue.index_labels) == (2, (1, 3), ("b", "d"), (11, 13))


@pytest.mark.parametrize("dtype", [float, object])
@pytest.mark.parametrize("amounts", ["major", "minor"])
def test_a_double_too_large_to_say_which_cent_is_refused_in_any_column(dtype: Any, amounts: Any) -> None:
    """2**51 cents are the first that are too many, and 2**53 + 2 where they are whole numbers."""
    much, less = (2.0**51 / 100 + 1, 2.0**50 / 100) if amounts == "major" else (2.0**53 + 2, 2.0**53)
    promised = pd.DataFrame({"covenant_id": ["c"], "metric": ["liquidity"], "threshold": [1.0]})

    def test(cash: float) -> Any:
        given = pd.DataFrame({"period_end": ["2025-03-31"], "cash": pd.Series([cash], dtype=dtype)})
        return nc.check_covenants(given, promised, amounts=amounts, round_input=amounts == "major")

    assert test(less)["status"].tolist() == ["pass"]
    with pytest.raises(nc.InputError) as caught:
        test(much)
    assert [(issue.column, issue.code) for issue in caught.value.issues] == [("measures.cash", "precision")]
