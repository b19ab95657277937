"""Totals by group: the sums of the rows, and of the oracle's, whichever way the core adds them up."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from fractions import Fraction
from math import fsum
from multiprocessing import get_context
from random import Random
from typing import Any

import numpy as np
import pytest

from drive import MONEY, days
from fleets import PolicyFleet, cells_of_a_month, fleets, policy_fleet
from oracles import straight_line as oracle

DEEP = os.environ.get("NEOCALC_DEEP", "") not in ("", "0")


def check(fleet: PolicyFleet, *, fractions: bool) -> int:
    """Both routes, the rows and the oracle agree in every cell; how many cells were compared."""
    got = fleet.totals()
    ends = np.asarray(got.period_ends)
    months, step = fleet.months(), oracle.PERIOD_MONTHS[fleet.options["freq"]]
    last_months = range(months[0] + step - 1, months[1] + 1, step)
    assert ends.tolist() == [days(oracle.month_end(month)) for month in last_months]
    counts = np.bincount(fleet.slots()[fleet.good()], minlength=fleet.groups + 1)
    assert np.asarray(got.group_rows).tolist() == counts.tolist()
    direct = fleet.totals(direct=True)
    assert np.asarray(direct.period_ends).tolist() == ends.tolist()
    charges = fleet.totals(columns=["depreciation"])  # laid out otherwise: nobody asks what entered
    assert charges.cells_exact("depreciation") == got.cells_exact("depreciation")
    expected, rows = fleet.expected(fractions=fractions), fleet.sums_of_rows(ends)
    for name in MONEY:
        cells = got.cells_exact(name)
        assert cells == expected[name], (name, fleet)
        assert cells == rows[name], (name, fleet)
        assert cells == direct.cells_exact(name), (name, fleet)
    return len(MONEY) * len(expected[MONEY[0]])


def is_dense(fleet: PolicyFleet) -> bool:
    """Whether the core takes cohorts to be worth it."""
    service = fleet.day.astype("datetime64[D]").astype("datetime64[M]").astype(int)[fleet.good()]
    return bool(len(fleet) > cells_of_a_month(fleet.groups) * (np.max(service) - np.min(service) + 1))


def test_generator_is_honest() -> None:
    """What makes the routes differ is drawn, and drawn together."""
    drawn = list(fleets(400, "honest"))
    cohorts = [fleet for fleet in drawn if is_dense(fleet)]
    seen: Counter[str] = Counter()
    for fleet in cohorts:
        specs = [spec for run, _ in fleet.runs for spec in run]
        rounding = fleet.options["rounding"]
        seen.update({rounding, *(f"{rounding} {spec[3]}" for spec in specs)})
        seen["codes"] += any(codes is not None for _, codes in fleet.runs)
        seen["residual column"] += fleet.residual is not None
        seen["residual rate"] += any(rate for _, _, rate, _ in specs)
        if fleet.life is not None:
            policies = any(life and wins for life, wins, *_ in specs)
            own = {int(life) for life, null in zip(*fleet.life, strict=True) if not null}
            seen["own lives that lose"] += policies
            seen["a few own lives that win"] += not policies and 0 < len(own) < 16
            seen["many own lives that win"] += not policies and len(own) > 16
        seen["long life"] += any(life > 255 for life, *_ in specs)
        seen["credits"] += bool((fleet.cost < 0).any())
        seen["beyond 2^51"] += bool((fleet.cost >= 2**51).any())
        seen["left out"] += fleet.skip is not None
        seen["several runs"] += len(fleet.runs) > 1
        seen["given horizon"] += "start" in fleet.options
        seen["many groups"] += fleet.groups > 32
        seen["sums beyond int64"] += int(np.abs(fleet.cost).astype(object).sum()) >= 2**63
    wanted = {
        *("balance", "level", "codes", "residual column", "residual rate", "own lives that lose"),
        *(
            "a few own lives that win",
            "many own lives that win",
            "long life",
            "credits",
            "beyond 2^51",
            "left out",
        ),
        *("several runs", "given horizon", "many groups", "sums beyond int64"),
    }
    wanted |= {f"{rounding} {c}" for rounding in ("balance", "level") for c in oracle.CONVENTIONS}
    assert len(cohorts) >= 120
    assert not [name for name in wanted if seen[name] < 5], seen
    assert len(drawn) - len(cohorts) >= 80


@pytest.mark.parametrize("part", range(4))
def test_random_fleets(part: int) -> None:
    for number, fleet in enumerate(fleets(12, part)):
        check(fleet, fractions=number % 4 == part)


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_five_thousand_rows_in_three_groups(rounding: str) -> None:
    fleet = policy_fleet(Random(f"five-thousand-{rounding}"), 5_000, rounding=rounding)
    fleet.runs = fleet.runs[:2]
    assert is_dense(fleet)
    check(fleet, fractions=False)


def _check_part(part: int) -> tuple[int, int]:
    cells = rows = 0
    for number, fleet in enumerate(fleets(98, f"deep-{part}")):
        cells, rows = cells + check(fleet, fractions=number % 8 < 2), rows + len(fleet) * len(fleet.runs)
    for rounding in ("balance", "level"):
        fleet = policy_fleet(Random(f"deep-{part}-{rounding}"), 5_000, rounding=rounding)
        cells, rows = cells + check(fleet, fractions=False), rows + len(fleet) * len(fleet.runs)
    return cells, rows


@pytest.mark.skipif(not DEEP, reason="2,000 fleets: set NEOCALC_DEEP=1 (make test-deep)")
def test_two_thousand_random_fleets() -> None:
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        parts = pool.map(_check_part, range(20), chunksize=1)
    cells, rows = (sum(column) for column in zip(*parts, strict=True))
    print(f"\n2,000 fleets, {rows:,} schedules, {cells:,} totals: 0 minor units off")


# --- where the two routes meet ------------------------------------------------------------------------------------


def _one_policy(cost: list[int], life: int, convention: str, rounding: str, day: int = 20_000) -> PolicyFleet:
    n = len(cost)
    return PolicyFleet(
        cost=np.array(cost, dtype=np.int64),
        day=np.full(n, day, dtype=np.int64),
        group=np.zeros(n, dtype=np.int32),
        groups=1,
        runs=[([(life, True, 0.0, convention)], None)],
        options={"rounding": rounding, "freq": "M", "fiscal_year_end": 12},
    )


@pytest.mark.parametrize("rounding", ["balance", "level"])
@pytest.mark.parametrize("convention", ["full_month", "next_month", "mid_month"])
def test_every_small_amount_under_every_short_life(convention: str, rounding: str) -> None:
    """All remainders of all lives to 24, and some longer: every tie, every charge that runs out early."""
    for life in (*range(1, 25), 59, 60, 127, 255, 256):
        amounts = range(4 * life + 2) if life < 25 else range(0, 4 * life + 2, 13)
        check(_one_policy(list(amounts), life, convention, rounding), fractions=life < 12)


@pytest.mark.parametrize("rounding", ["balance", "level"])
@pytest.mark.parametrize("life", [1, 3, 48, 255])
def test_amounts_around_the_float_limit(life: int, rounding: str) -> None:
    amounts = [2**51 + offset for offset in range(-260, 20)]
    for convention in ("full_month", "mid_month"):
        check(_one_policy(amounts, life, convention, rounding), fractions=True)


@pytest.mark.parametrize("rounding", ["balance", "level"])
@pytest.mark.parametrize("day", ["1900-01-01", "1900-01-31", "2024-02-29", "2199-12-31"])
def test_ends_of_the_calendar(day: str, rounding: str) -> None:
    number = int(np.datetime64(day, "D").astype(int))
    for convention in oracle.CONVENTIONS:
        check(_one_policy([100, 101, 3, 7], 255, convention, rounding, number), fractions=True)


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_many_assets_of_one_cohort(rounding: str) -> None:
    """Sums far beyond what any small counter holds, and beyond int64."""
    check(_one_policy([2**51 - 1] * 5_000, 7, "mid_month", rounding), fractions=False)
    check(_one_policy([1] * 5_000, 2, "full_month", rounding), fractions=False)


def agree(fleet: PolicyFleet, **options: Any) -> None:
    """Both routes give the same; for fleets too large for an oracle."""
    assert is_dense(fleet)
    fleet.options |= options
    assert fleet.totals_bytes() == fleet.totals_bytes(direct=True)


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_days_of_service_far_from_the_others(rounding: str) -> None:
    """With a given horizon the core only samples the days of service; those it misses count all the same."""
    fleet = _one_policy([10_001 + 7 * n for n in range(20_000)], 48, "mid_month", rounding)
    fleet.day[100::3_001] = 15_000
    fleet.day[101::3_001] = 25_000
    fleet.options |= {"start": date(2015, 1, 1), "end": date(2045, 12, 31)}
    totals = fleet.totals()
    assert fleet.totals_bytes() == fleet.totals_bytes(direct=True)
    assert {name: totals.cells_exact(name) for name in MONEY} == fleet.sums_of_rows(
        np.asarray(totals.period_ends)
    )


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_more_rows_than_packed_sums_hold(rounding: str) -> None:
    """Small sums are kept in 32 bits: millions of the largest remainders must not spill over."""
    fleet = _one_policy([1_019] * 2_200_000, 255, "mid_month", rounding)
    agree(fleet, threads=1, start=date(2024, 1, 1), end=date(2026, 12, 31))


@pytest.mark.skipif(not DEEP, reason="millions of rows: set NEOCALC_DEEP=1 (make test-deep)")
@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_more_groups_than_cohorts_have_room_for(rounding: str) -> None:
    """Only the later months of service get cohorts, the earlier ones are added row by row."""
    random, rows, groups = np.random.default_rng(17), 3_000_000, 50_000
    fleet = PolicyFleet(
        cost=random.integers(0, 10**9, rows),
        day=random.integers(18_000, 18_000 + 30 * 120, rows),
        group=random.integers(-1, groups, rows).astype(np.int32),
        groups=groups,
        runs=[([(life, True, rate, "mid_month")], None) for life, rate in ((24, 0.0), (36, 0.1))],
        options={"rounding": rounding, "freq": "Y", "fiscal_year_end": 12},
    )
    whole, direct = fleet.totals(), fleet.totals(direct=True)
    for name in MONEY:
        assert whole.cells_exact(name) == direct.cells_exact(name)


# --- one answer ---------------------------------------------------------------------------------------------------


def big_fleet(rounding: str, rows: int = 20_000) -> PolicyFleet:
    """Two runs of one life each and one of three policies; amounts of every size."""
    random = np.random.default_rng(11)
    cost = random.integers(0, 10 ** random.integers(1, 15, rows))
    cost[::97] *= -1
    lives: list[tuple[int, bool, float, str]] = [
        (48, True, 0.05, "full_month"),
        (66, True, 0.0, "mid_month"),
        (120, True, 0.0, "actual_days"),
    ]
    codes = random.integers(0, 3, rows).astype(np.int32)
    return PolicyFleet(
        cost=cost,
        day=random.integers(18_000, 18_700, rows),
        group=random.integers(-1, 6, rows).astype(np.int32),
        groups=6,
        runs=[(lives[:1], None), ([(72, True, 0.0, "next_month")], None), (lives, codes)],
        options={"rounding": rounding, "freq": "M", "fiscal_year_end": 12},
    )


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_i37_i38_threads_chunks_and_row_order_change_no_total(rounding: str) -> None:
    fleet, random = big_fleet(rounding), np.random.default_rng(5)
    assert is_dense(fleet)
    answers = {fleet.totals_bytes(direct=True)}
    answers |= {fleet.totals_bytes(threads=t, chunk_rows=c) for t in (1, 2, 7) for c in (1, 7, 10_000)}
    for threads in (1, 2, 7):
        shuffled = fleet.take(random.permutation(len(fleet)))
        answers.add(shuffled.totals_bytes(threads=threads, chunk_rows=999))
    assert len(answers) == 1


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_i38_parts_of_a_fleet_add_up_to_the_whole(rounding: str) -> None:
    """However a fleet is split over calls, and so over routes, exact totals merge exactly."""
    fleet = big_fleet(rounding)
    bounds: dict[str, Any] = {"start": date(2019, 1, 1), "end": date(2035, 12, 31)}
    whole = fleet.totals(**bounds)
    cuts = np.split(np.arange(len(fleet)), [1, 40, 500, 12_000])
    parts = [fleet.take(cut).totals(**bounds) for cut in cuts]
    for name in MONEY:
        sums = [sum(cells) for cells in zip(*(part.cells_exact(name) for part in parts), strict=True)]
        assert sums == whole.cells_exact(name)


# --- the ways out -------------------------------------------------------------------------------------------------


def test_cells_are_the_exact_sums_in_every_unit() -> None:
    for number, fleet in enumerate(fleets(30, "units")):
        exact = fleet.totals()
        fleet.options["minor_units"] = minor_units = number % 5
        major, minor = fleet.totals(amounts="major"), fleet.totals(amounts="minor")
        for name in MONEY:
            cells = exact.cells_exact(name)
            assert np.asarray(major.cells([name])[0]).ravel().tolist() == [
                cell / 10**minor_units for cell in cells
            ]
            if all(-(2**63) <= cell < 2**63 for cell in cells):
                assert np.asarray(minor.cells([name])[0]).ravel().tolist() == cells
            else:
                with pytest.raises(OverflowError):
                    minor.cells([name])[0]


def test_i39_a_total_beyond_int64_is_exact_or_refused() -> None:
    fleet = _one_policy([2**62] * 3, 2, "full_month", "balance")
    assert fleet.totals().cells_exact("additions") == [3 * 2**62, 0, 0, 0]
    with pytest.raises(OverflowError):
        fleet.totals(amounts="minor").cells(["additions"])[0]
    charges = np.asarray(fleet.totals(amounts="minor").cells(["depreciation"])[0])
    assert charges.tolist() == [[[3 * 2**61, 3 * 2**61], [0, 0]]]


def test_unrounded_totals() -> None:
    """Held to 1e-12 of the sum of costs, and the same bits for any number of threads."""
    for number in range(10):
        random = Random(f"unrounded-{number}")
        fleet = policy_fleet(random, random.choice((1, 30, 50)), rounding=None, dense=number % 2 == 0)
        fleet.cost, fleet.residual = np.clip(fleet.cost, -(2**50), 2**50), None
        got, again = (fleet.totals(amounts="major", threads=threads) for threads in (1, 7))
        months, slots = fleet.months(), fleet.slots()
        scale = float(np.abs(fleet.cost).sum()) / 100
        lines = [
            (run, int(slots[row]), oracle.schedule(fleet.assets(run)[row], months, rounding=None, rows="all",
                                                   freq=fleet.options["freq"],
                                                   fiscal_year_end=fleet.options["fiscal_year_end"]))
            for run in range(len(fleet.runs)) for row in fleet.good().tolist()
        ]  # fmt: skip
        for name in MONEY:
            cells = np.asarray(got.cells([name])[0])
            assert cells.tobytes() == np.asarray(again.cells([name])[0]).tobytes()
            parts: dict[tuple[int, int, int], list[float]] = {}
            for run, group, schedule in lines:
                for period, line in enumerate(schedule, start=cells.shape[2] - len(schedule)):
                    parts.setdefault((run, group, period), []).append(
                        float(Fraction(getattr(line, name)) / 100)
                    )
            expected = np.zeros(cells.shape)
            for at, amounts in parts.items():
                expected[at] = fsum(amounts)
            assert np.abs(cells - expected).max() <= 1e-12 * scale
