"""Cubes of scenarios against `check_covenants`, scenario by scenario: springing, cures, waivers, stubs, steps."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from covenant_cases import FIRST, MEASURES, OWN, Case, frames, quarter_end, quarterly, random_case
from neocalc.covenants import STATUSES

PERIODS = 12
ENDS = [quarter_end(FIRST + at) for at in range(PERIODS)]
NUMBERS = range(FIRST, FIRST + PERIODS)
FAILED = [STATUSES.index(name) for name in ("breach", "lock_up", "draw_stop")]
OPEN = [STATUSES.index(name) for name in ("insufficient_data", "unknown", "undefined")]


def whole_case(rng: Random, name: str) -> Case:
    """A random covenant over all periods of the cube, with no amount missing; ties and cures stay."""
    while True:
        case = random_case(rng, name, periods=PERIODS)
        if min(case.calendar.dates) == FIRST:
            break
    case.calendar = quarterly(NUMBERS)
    for number in NUMBERS:
        row = case.rows.setdefault(number, {})
        for measure in MEASURES:
            if row.get(measure) is None:
                row[measure] = 100 * rng.randint(1, 10**6)
    case.rows = {number: case.rows[number] for number in NUMBERS}
    case.cures = {number: paid for number, paid in case.cures.items() if number in NUMBERS}
    return case


def cube_of(cases: list[Case], rng: Random, scenarios: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Amounts of every scenario, the first of which has the planted ties; and the frames of terms."""
    base = {
        name: np.array([[case.rows[number][name] / 100 for number in NUMBERS] for case in cases])
        for name in MEASURES
    }
    amounts = {}
    for at, (name, values) in enumerate(base.items()):
        if at % 4 == 3:
            amounts[name] = values  # the same in all scenarios
            continue
        noise = np.array([[[rng.choice((1, 1, 0.5, 0.9, 2, 0, -1)) for _ in range(scenarios)]
                           for _ in NUMBERS] for _ in cases])  # fmt: skip
        noise[:, :, 0] = 1
        amounts[name] = np.round(values[:, :, None] * noise, 2)
    tables = frames(cases)
    return amounts, {name: tables[name] for name in ("covenants", "cures", "waivers") if name in tables}


def compare(
    cases: list[Case], amounts: dict[str, np.ndarray], tables: dict[str, Any], scenarios: int
) -> set[str]:
    """Hold every scenario against `check_covenants`; return the statuses that came."""
    names = [case.name for case in cases]
    given_ = {"entity_ids": names, "period_ends": ENDS, "measures": list(MEASURES), "metrics": [OWN]}
    cube = nc.covenant_cube(**tables, **given_)
    quick, slow = cube.test(amounts), cube.test(amounts, statuses=True)
    np.testing.assert_array_equal(quick.first_breach, slow.first_breach)
    np.testing.assert_array_equal(quick.undecided, slow.undecided)
    np.testing.assert_allclose(quick.headroom, slow.headroom, rtol=1e-12, atol=1e-12)
    assert quick.statuses is None
    assert slow.statuses is not None
    seen: set[str] = set()
    for scenario in range(scenarios):
        measures = pd.DataFrame(
            {"entity_id": np.repeat(names, PERIODS), "period_end": pd.to_datetime(ENDS * len(names)),
             **{name: (values if values.ndim == 2 else values[:, :, scenario]).reshape(-1)
                for name, values in amounts.items()}}
        )  # fmt: skip
        found = nc.check_covenants(measures, metrics=[OWN], **tables)
        code = {name: at for at, name in enumerate(STATUSES)}
        wanted = np.full((len(names), len(cube.tests), PERIODS), -1)
        room = np.full((len(names), len(cube.tests)), np.inf)
        place = {end: at for at, end in enumerate(ENDS)}
        for row in found.itertuples():
            at = names.index(row.entity_id), cube.tests.index((row.covenant_id, row.level))
            wanted[(*at, place[row.period_end.date()])] = code[row.status]
            seen.add(row.status)
            if row.status not in ("not_tested", "insufficient_data", "unknown", "undefined"):
                room[at] = min(room[at], -np.inf if np.isnan(row.headroom) else row.headroom)
        np.testing.assert_array_equal(slow.statuses[..., scenario], wanted)
        failed = np.isin(wanted, FAILED)
        first = np.where(failed.any(axis=2), failed.argmax(axis=2), -1)
        np.testing.assert_array_equal(quick.first_breach[..., scenario], first)
        np.testing.assert_array_equal(quick.undecided[..., scenario], np.isin(wanted, OPEN).any(axis=2))
        np.testing.assert_allclose(quick.headroom[..., scenario], room, rtol=1e-12, atol=1e-12)
    return seen


def test_every_scenario_has_the_statuses_of_check_covenants() -> None:
    rng = Random(5)
    seen: set[str] = set()
    for _ in range(4):
        cases = [whole_case(rng, f"e{at:02d}") for at in range(25)]
        amounts, tables = cube_of(cases, rng, 5)
        seen |= compare(cases, amounts, tables, 5)
    assert seen == set(STATUSES), "windows reach back before the record; all else is planted"


@given(st.integers(0, 2**32 - 1))
def test_any_covenant_under_any_scenario(seed: int) -> None:
    rng = Random(seed)
    cases = [whole_case(rng, "e0"), whole_case(rng, "e1")]
    amounts, tables = cube_of(cases, rng, 3)
    compare(cases, amounts, tables, 3)


def test_a_cure_counts_in_the_scenarios_that_need_it() -> None:
    """Cash of 100, 99 and 90 against 100, and 5 paid in: met, cured, failed."""
    ends = ["2025-03-31", "2025-06-30"]
    terms = pd.DataFrame(
        {"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [100.0], "cures_allowed": [1]}
    )
    cures = pd.DataFrame({"period_end": ends, "amount": [5.0, 5.0]})
    cube = nc.covenant_cube(terms, entity_ids=[None], period_ends=ends, measures=["cash"], cures=cures)
    found = cube.test({"cash": np.array([[[100.0, 99.0, 90.0], [100.0, 99.0, 90.0]]])}, statuses=True)
    assert found.statuses is not None
    words = np.array(STATUSES)[found.statuses[0, 0]]
    assert words.tolist() == [["pass", "cured", "breach"], ["pass", "breach", "breach"]]
    assert found.first_breach.tolist() == [[[-1, 1, 0]]]


def test_waivers_and_springing_conditions_by_scenario() -> None:
    ends = [dt.date(2025, 3, 31), dt.date(2025, 6, 30)]
    cash, drawn = np.array([[[90.0, 110.0], [90.0, 90.0]]]), np.array([[[5.0, 5.0], [0.0, 5.0]]])
    terms = pd.DataFrame({"covenant_id": ["cash"], "metric": ["liquidity"], "threshold": [100.0]})
    waived = pd.DataFrame({"from_date": ["2025-01-01"], "to_date": ["2025-03-31"]})
    common: dict[str, Any] = {"entity_ids": ["A"], "period_ends": ends}
    cube = nc.covenant_cube(terms, measures=["cash"], waivers=waived.assign(entity_id="A"), **common)
    found = cube.test({"cash": cash})
    assert (found.first_breach.tolist(), found.headroom.tolist()) == ([[[1, 1]]], [[[-10.0, -10.0]]])
    sprung = terms.assign(springing_measure="drawn", springing_above=1.0)
    found = nc.covenant_cube(sprung, measures=["cash", "drawn"], **common).test(
        {"cash": cash, "drawn": drawn}
    )
    assert found.first_breach.tolist() == [[[0, 1]]]
    assert nc.covenant_cube(sprung, measures=["cash", "drawn"], **common).test(
        {"cash": cash, "drawn": drawn * 0}
    ).headroom.tolist() == [[[np.inf, np.inf]]]


def test_amounts_too_large_for_doubles_are_decided_in_integers() -> None:
    terms = pd.DataFrame({"covenant_id": ["x"], "metric": ["ltv"], "threshold": [0.5]})
    cube = nc.covenant_cube(
        terms,
        entity_ids=["A"],
        period_ends=["2025-03-31"],
        measures=["total_debt", "collateral_value"],
        amounts="minor",
    )
    value = np.full((1, 1, 3), 2**61 + 2, dtype=np.int64)
    debt = np.array([[[2**60, 2**60 + 1, 2**60 + 2]]], dtype=np.int64)
    found = cube.test({"total_debt": debt, "collateral_value": value})
    assert found.first_breach.tolist() == [[[-1, -1, 0]]]


def test_a_cube_may_have_more_scenarios_than_a_block() -> None:
    rng = np.random.default_rng(9)
    terms = pd.DataFrame(
        {"covenant_id": ["x"], "metric": ["dscr"], "threshold": [1.25], "window_periods": [2]}
    )
    cube = nc.covenant_cube(
        terms, entity_ids=["A", "B"], period_ends=ENDS, measures=["cfads", "debt_service"]
    )
    cfads = rng.integers(90, 160, (2, PERIODS, 2_500)).astype(float)
    service = np.full((2, PERIODS), 100.0)
    found = cube.test({"cfads": cfads, "debt_service": service})
    year = cfads[:, 1:] + cfads[:, :-1]
    failed = year < 250.0  # 1.25 x 200
    wanted = np.where(failed.any(axis=1), failed.argmax(axis=1) + 1, -1)
    np.testing.assert_array_equal(found.first_breach[:, 0], wanted)


def test_long_windows_over_a_long_record_in_every_block() -> None:
    """40 quarters, windows of up to 20, thresholds that are met to the cent, and one amount beyond doubles."""
    rng, periods, scenarios = np.random.default_rng(4), 40, 2_100
    ends = [quarter_end(FIRST + at) for at in range(periods)]
    windows = {1: 1.05, 3: 1.02, 9: 1.01, 20: 1.0}
    terms = pd.DataFrame(
        [
            {"covenant_id": f"over {count}", "metric": "dscr", "threshold": level, "window_periods": count}
            for count, level in windows.items()
        ]
    )
    cube = nc.covenant_cube(
        terms, entity_ids=["A", "B"], period_ends=ends, measures=["cfads", "debt_service"], amounts="minor"
    )
    cfads = rng.integers(96, 116, (2, periods, scenarios))
    cfads[0, 30, 1_500] = 2**60 + 1  # the second block of A alone
    cfads[1, 33, :] = 60
    service = np.full((2, periods), 100)
    found = cube.test({"cfads": cfads, "debt_service": service})
    assert [name for name, _ in cube.tests] == [f"over {count}" for count in windows]
    for at, (count, level) in enumerate(windows.items()):
        sums = np.lib.stride_tricks.sliding_window_view(cfads, count, axis=1).sum(axis=-1)
        failed = sums < round(level * 100) * count  # no sum comes near 2^63
        wanted = np.where(failed.any(axis=1), failed.argmax(axis=1) + count - 1, -1)
        np.testing.assert_array_equal(found.first_breach[:, at], wanted)
        least = sums.min(axis=1) / (100 * count) - level
        np.testing.assert_allclose(found.headroom[:, at], least, atol=1e-12)
        assert (found.undecided[:, at] == (count > 1)).all()  # the first windows reach back before the record
    alone = cube.test({"cfads": cfads, "debt_service": service}, threads=1)
    np.testing.assert_array_equal(alone.headroom, found.headroom)


@pytest.mark.parametrize("flat", ["debt", "ebitda", "none"])
@pytest.mark.parametrize(("periods", "first_test"), [(24, None), (24, "2026-08-31"), (7, None), (1, None)])
def test_headroom_where_some_periods_have_no_test(flat: str, periods: int, first_test: str | None) -> None:
    """A year's window begins, and tests may begin, after whole stretches of periods in which nothing is tested."""
    ends = [day.date() for day in pd.date_range("2025-01-31", periods=periods, freq="ME")]
    terms = pd.DataFrame(
        {"covenant_id": ["leverage", "cover"], "metric": ["leverage", "ltv"], "threshold": [4.0, 0.9]}
    ).assign(limit="max", first_test_date=pd.to_datetime([first_test] * 2))
    rng = np.random.default_rng(periods)
    shape = (1, periods, 5)
    amounts = {
        "total_debt": rng.integers(150, 250, shape[:2] if flat == "debt" else shape).astype(float),
        "ebitda": rng.integers(8, 14, shape[:2] if flat == "ebitda" else shape).astype(float),
    } | {"collateral_value": rng.integers(200, 300, shape).astype(float)}
    cube = nc.covenant_cube(terms, entity_ids=["A"], period_ends=ends, measures=list(amounts), freq="M")
    quick, whole = cube.test(amounts), cube.test(amounts, statuses=True)
    np.testing.assert_allclose(quick.headroom, whole.headroom, rtol=1e-12)
    np.testing.assert_array_equal(quick.first_breach, whole.first_breach)
    assert not (quick.headroom == 0.0).any()
    untested = first_test is not None and pd.Timestamp(first_test).date() > ends[-1]
    assert np.isinf(quick.headroom[:, 0]).all() == (periods < 12 or untested)


@pytest.mark.parametrize("dtype", [">f8", "<f8", "<i8", ">i8"])
def test_bytes_in_any_order(dtype: str) -> None:
    terms = pd.DataFrame({"covenant_id": ["c"], "metric": ["liquidity"], "threshold": [2]})
    amounts = "minor" if "i" in dtype else "major"
    cube = nc.covenant_cube(terms, entity_ids=["A"], period_ends=ENDS[:2], measures=["cash"], amounts=amounts)
    cash = np.array([[[1, 2, 3], [2, 2, 1]]], dtype=dtype)
    assert cube.test({"cash": cash}).first_breach.tolist() == [[[0, -1, 1]]]


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("scenarios", [1, 3, 1_500])
def test_the_least_integer_is_no_amount(flat: bool, scenarios: int) -> None:
    """It has no negative; `check_covenants` refuses it with the same code."""
    terms = pd.DataFrame({"covenant_id": ["c"], "metric": ["icr"], "threshold": [1.5], "window_periods": [1]})
    cube = nc.covenant_cube(
        terms, entity_ids=["A", "B"], period_ends=ENDS, measures=["ebitda", "interest"], amounts="minor"
    )
    shape = (2, PERIODS) if flat else (2, PERIODS, scenarios)
    interest = np.full((2, PERIODS, scenarios), 100, dtype=np.int64)
    ebitda = np.full(shape, 1_000, dtype=np.int64)
    ebitda[1, 9] = -(2**63) + 1
    assert (cube.test({"ebitda": ebitda, "interest": interest}).first_breach[1] == 9).all()
    ebitda[1, 9, ...] = -(2**63)
    with pytest.raises(nc.InputError) as caught:
        cube.test({"ebitda": ebitda, "interest": interest})
    (issue,) = caught.value.issues
    cells = 1 if flat else scenarios
    assert (issue.column, issue.code, issue.n_bad) == ("measures.ebitda", "overflow", cells)
    assert issue.rows[0] == (PERIODS + 9) * cells
    frame = pd.DataFrame(
        {
            "entity_id": "B",
            "period_end": ENDS,
            "ebitda": ebitda[1].reshape(PERIODS, -1)[:, 0],
            "interest": 100,
        }
    )
    with pytest.raises(nc.InputError) as alone:
        nc.check_covenants(frame, terms, amounts="minor")
    assert (alone.value.issues[0].column, alone.value.code) == (issue.column, issue.code)


def test_statuses_that_cannot_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = pd.DataFrame({"covenant_id": ["x"], "metric": ["liquidity"], "threshold": [1.25]})
    cube = nc.covenant_cube(terms, entity_ids=["A"], period_ends=ENDS, measures=["cash"])
    monkeypatch.setenv("NEOCALC_MEMORY_LIMIT_BYTES", "10")
    with pytest.raises(nc.ResourceLimitError, match="some scenarios at a time"):
        cube.test({"cash": np.ones((1, PERIODS, 3))}, statuses=True)


LTV = pd.DataFrame({"covenant_id": ["ltv"], "metric": ["ltv"], "threshold": [0.8]})
LAID_OUT: dict[str, Any] = {
    "entity_ids": ["A"], "period_ends": ["2025-03-31", "2025-06-30"], "measures": ["total_debt", "collateral_value"]
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wrong"),
    [(name, wrong) for name in LAID_OUT for wrong in (None, 5, "A")]
    + [("entity_ids", [["A"]]), ("measures", ["total_debt", "total_debt"]), ("fiscal_year_end", None),
       ("fiscal_year_end", 13)],
)  # fmt: skip
def test_a_cube_of_nothing_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(nc.ConfigError, match=name):
        nc.covenant_cube(LTV, **{**LAID_OUT, name: wrong})


def test_amounts_that_are_no_array_are_refused() -> None:
    """What lies under a mask was taken for an amount."""
    cube = nc.covenant_cube(LTV, **LAID_OUT)
    debt, value = np.array([[75.0, 70.0]]), np.array([[100.0, 100.0]])
    wrongs: list[Any] = [
        None,
        [debt, value],
        {"total_debt": debt, "collateral_value": [[1.0, 2.0], [3.0]]},
        {"total_debt": debt, "collateral_value": None},
        {"total_debt": np.ma.masked_array(debt, mask=[[True, False]]), "collateral_value": value},
    ]
    for wrong in wrongs:
        with pytest.raises(nc.ConfigError):
            cube.test(wrong)
    whole = {"total_debt": np.ma.masked_array(debt, mask=False), "collateral_value": value}
    assert cube.test(whole).first_breach.tolist() == [[[-1]]]
