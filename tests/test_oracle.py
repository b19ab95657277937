"""The core against the oracles: not one minor unit off in any cell.

``make test`` checks ten thousand random assets against the Fraction oracle, ``NEOCALC_DEEP=1`` a million, and on both occasions
holds the quicker integer oracle (which the tests of totals lean on) to the Fraction one over the same assets.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from datetime import date
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from drive import MONEY, core_fleet, core_ledger, core_run, core_settings, days, fill_rows, run_rows
from neocalc import _core
from oracles import straight_line as oracle
from oracles import straight_line_integers as quick
from oracles.straight_line import Asset, Row
from strategies import EDGE_CLASSES, LARGEST_FLOAT_CENTS, ROUNDINGS, random_asset, random_options

DEEP = os.environ.get("NEOCALC_DEEP", "") not in ("", "0")
BATCH = 250


def _charges(asset: Asset, **options: Any) -> list[int]:
    return [row.depreciation for row in core_ledger([asset], **options)[0]]  # type: ignore[misc]


# --- small cases, the arithmetic written out ----------------------------------------------------------------------


WORKED = [
    # 1/2 rounds to the even 0, the rest follows; 3/2 rounds to the even 2.
    ("tie down", Asset(1, date(2025, 1, 1), 2), "balance", [0, 1]),
    ("tie up", Asset(3, date(2025, 1, 1), 2), "balance", [2, 1]),
    # 100/3 = 33.33, 200/3 = 66.67 -> 33, 67, 100.
    ("thirds", Asset(100, date(2025, 1, 31), 3), "balance", [33, 34, 33]),
    ("thirds level", Asset(100, date(2025, 1, 31), 3), "level", [33, 33, 34]),
    # 2 cents over 4 months: half-even(1/2) = 0 each, the last takes both; balances 0.5, 1, 1.5, 2 -> 0, 1, 2, 2.
    ("tiny level", Asset(2, date(2025, 1, 1), 4), "level", [0, 0, 0, 2]),
    ("tiny balance", Asset(2, date(2025, 1, 1), 4), "balance", [0, 1, 1, 0]),
    # 3 cents over 2 months level: half-even(3/2) = 2, one is left. 7 over 4: half-even(7/4) = 2, 2, 2, 1.
    ("level up", Asset(3, date(2025, 1, 1), 2), "level", [2, 1]),
    ("level never above what is left", Asset(5, date(2025, 1, 1), 8), "level", [1, 1, 1, 1, 1, 0, 0, 0]),
    ("next month", Asset(100, date(2025, 1, 15), 3, "next_month"), "balance", [0, 33, 34, 33]),
    # mid month: shares 1/6, 3/6, 5/6, 1 of 120.
    ("mid month", Asset(120, date(2025, 1, 15), 3, "mid_month"), "balance", [20, 40, 40, 20]),
    ("mid month level", Asset(120, date(2025, 1, 15), 3, "mid_month"), "level", [20, 40, 40, 20]),
    # half year, service in October: 3 months to December share 6 of 12 life months, then 6 months of one each.
    ("half year", Asset(1200, date(2025, 10, 9), 12, "half_year"), "balance", [200, 200, 200] + [100] * 6),
    # a life of 2 months is over by the year's end: 600/2 months spread over November and December.
    ("half year short", Asset(600, date(2025, 11, 9), 2, "half_year"), "balance", [300, 300]),
    # 15 Jan 2025 + 2 months = 15 Mar: 17 + 28 + 14 = 59 days.
    ("actual days", Asset(5900, date(2025, 1, 15), 2, "actual_days"), "balance", [1700, 2800, 1400]),
    # 29 Feb 2024 + 12 months = 28 Feb 2025 (excluded): 365 days, 1 of them in February 2024.
    (
        "leap day",
        Asset(365, date(2024, 2, 29), 12, "actual_days"),
        "balance",
        [1, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 27],
    ),
    # level by days: first month 17/31 of 6200/2 = 1700, then 3100, then what is left.
    ("actual days level", Asset(6200, date(2025, 1, 15), 2, "actual_days"), "level", [1700, 3100, 1400]),
    # residual rate 5 % of 10.50 = 52.5 -> 52 (even): 998 over 2.
    ("residual rate", Asset(1050, date(2025, 1, 1), 2, residual_rate=0.05), "balance", [499, 499]),
    # brought in at end of month 1 of 4 with 10 of 100 taken: 90 over the 3 left. The first row is the entry's.
    (
        "brought in",
        Asset(100, date(2025, 1, 1), 4, opening_accumulated=10, opening_date=date(2025, 1, 31)),
        "balance",
        [0, 30, 30, 30],
    ),
    # brought in after the end of its life: all that is left at once.
    (
        "brought in late",
        Asset(100, date(2024, 1, 1), 4, opening_accumulated=10, opening_date=date(2025, 1, 31)),
        "balance",
        [0, 90],
    ),
    ("credit", Asset(-3, date(2025, 1, 1), 2), "balance", [-2, -1]),
]


@pytest.mark.parametrize(
    ("asset", "rounding", "expected"), [case[1:] for case in WORKED], ids=[c[0] for c in WORKED]
)
def test_worked_cases_oracle(asset: Asset, rounding: str, expected: list[int]) -> None:
    assert [row.depreciation for row in oracle.ledger([asset], rounding=rounding)[0]] == expected
    _, balances = quick.accumulated_by_month(asset, rounding == "level", 12)
    charges = np.diff([0, *balances]).tolist()
    entry = [0] if asset.opening_date else []  # the month in which the asset is brought in charges nothing
    assert entry + charges == expected


@pytest.mark.parametrize(
    ("asset", "rounding", "expected"), [case[1:] for case in WORKED], ids=[c[0] for c in WORKED]
)
def test_worked_cases(asset: Asset, rounding: str, expected: list[int]) -> None:
    assert _charges(asset, rounding=rounding) == expected


# --- random assets ------------------------------------------------------------------------------------------------


def _compare(assets: list[Asset], got: list[list[Row]], expected: list[list[Row]], what: object) -> None:
    for asset, got_rows, expected_rows in zip(assets, got, expected, strict=True):
        assert got_rows == expected_rows, (what, asset)


def _batches(count: int, seed: int) -> list[tuple[str | None, dict[str, Any], list[Asset]]]:
    """Batches of random assets under random options, every rounding mode in turn; None is drawn in float64 reach."""
    out = []
    for number in range(count // BATCH):
        random = Random(f"{seed}-{number}")
        rounding = ROUNDINGS[number % len(ROUNDINGS)]
        largest = LARGEST_FLOAT_CENTS if rounding is None else 2**62
        assets = [random_asset(random, largest=largest) for _ in range(BATCH)]
        out.append((rounding, random_options(random), assets))
    return out


def test_generator_is_honest() -> None:
    """Every named edge class is at least one case in a hundred of what the differential run sees."""
    seen: Counter[str] = Counter()
    pairs: Counter[tuple[str | None, str]] = Counter()
    total = 0
    for rounding, options, assets in _batches(3_000, seed=1):
        months = oracle.horizon(
            [], options["freq"], options["fiscal_year_end"], options["start"], options["end"]
        )
        total += len(assets)
        for asset in assets:
            pairs[rounding, asset.convention] += 1
            seen.update(name for name, belongs in EDGE_CLASSES.items() if belongs(asset, months))
    rare = {name: seen[name] for name in EDGE_CLASSES if seen[name] < total * 0.01}
    assert not rare, f"of {total}: {rare}"
    assert len(pairs) == len(ROUNDINGS) * len(oracle.CONVENTIONS)
    assert min(pairs.values()) > total * 0.03, pairs


def _check(seed: int, count: int) -> int:
    """Random batches against both oracles; how many cells were compared."""
    cells = 0
    for rounding, options, assets in _batches(count, seed):
        if rounding is None:
            cells += _check_unrounded(assets, options)
        else:
            cells += _check_cents(assets, {**options, "rounding": rounding})
    return cells


def _check_cents(assets: list[Asset], options: dict[str, Any]) -> int:
    """Every cell of the core, and of the integer oracle, is the Fraction oracle's."""
    freq, fye, level = options["freq"], options["fiscal_year_end"], options["rounding"] == "level"
    months = oracle.horizon(assets, freq, fye, options["start"], options["end"])
    columns: quick.Columns = ([], [], [], [], [], [])
    step, rows_all = oracle.PERIOD_MONTHS[freq], options["rows"] == "all"
    counts = [quick.append_rows(asset, months, step, fye, level, rows_all, columns) for asset in assets]
    got = run_rows(assets, core_settings(allow_credit=True, **options))
    ledger = oracle.ledger(assets, **options)
    lines = [line for rows in ledger for line in rows]
    assert got.counts.tolist() == counts == [len(rows) for rows in ledger], options
    ends = {month: oracle.month_end(month) for month in set(columns[0])}
    assert [ends[month] for month in columns[0]] == [line.period_end for line in lines], options
    assert got.period_end.tolist() == [days(line.period_end) for line in lines], options
    for name, column in zip(MONEY, columns[1:], strict=True):
        expected, of_core = [getattr(line, name) for line in lines], got.money[name].tolist()
        if of_core != expected or column != expected:
            row = next(r for r, e in enumerate(expected) if of_core[r] != e or column[r] != e)
            asset = assets[int(np.searchsorted(np.cumsum(counts), row, side="right"))]
            raise AssertionError((options, name, of_core[row], column[row], expected[row], asset))
    return len(MONEY) * len(lines)


def _check_unrounded(assets: list[Asset], options: dict[str, Any]) -> int:
    """Every cell within 1e-12: amounts are float64 major units, and the oracle gets the very doubles the core gets."""
    doubles = [_in_major_units(asset) for asset in assets]
    settings = core_settings(allow_credit=True, rounding=None, **options)
    got = run_rows(doubles, settings, amounts="major", minor_units=0)
    ledger = oracle.ledger(doubles, **options, rounding=None)
    lines = [line for rows in ledger for line in rows]
    assert got.counts.tolist() == [len(rows) for rows in ledger], options
    assert got.period_end.tolist() == [days(line.period_end) for line in lines], options
    cost = np.repeat([abs(float(asset.cost)) for asset in doubles], got.counts)
    brought_in = np.repeat([asset.opening_date is not None for asset in doubles], got.counts)
    for name in MONEY:
        expected = np.array([float(getattr(line, name)) for line in lines])
        # A charge is held to 1e-12 of itself; a balance, and a charge of what an opening left, are differences of
        # larger numbers: 1e-12 of the cost.
        relative = (name == "depreciation") & ~brought_in
        scale = np.where(relative, np.abs(expected), cost)
        off = np.abs(got.money[name] - expected) > 1e-12 * scale
        if off.any():
            row = int(np.flatnonzero(off)[0])
            asset = doubles[int(np.searchsorted(np.cumsum(got.counts), row, side="right"))]
            raise AssertionError((options, name, got.money[name][row], expected[row], asset))
    return len(MONEY) * len(lines)


def test_ten_thousand_assets_against_fractions() -> None:
    assert _check(seed=1, count=10_000) > 500_000


@pytest.mark.skipif(not DEEP, reason="a million assets: set NEOCALC_DEEP=1 (make test-deep)")
def test_million_assets_against_fractions() -> None:
    """Every convention and rounding mode, in as many processes as there are cores."""
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        cells = pool.starmap(_check, [(100 + part, 10_000) for part in range(100)], chunksize=1)
    print(f"\n1,000,000 assets, {sum(cells):,} cells: 0 minor units off")


def _in_major_units(asset: Asset) -> Asset:
    def scaled(amount: Any) -> Any:
        return None if amount is None else Fraction(float(Fraction(amount, 100)))

    opening = scaled(asset.opening_accumulated)
    residual = scaled(asset.residual)
    return Asset(scaled(asset.cost), asset.in_service, asset.life_months, asset.convention, residual,
                 asset.residual_rate, opening, asset.opening_date)  # fmt: skip


def test_default_horizon() -> None:
    """Without start and end the horizon runs from the first entry to the last charge, in whole periods."""
    random = Random(5)
    for number in range(60):
        assets = [random_asset(random) for _ in range(4)]
        options: dict[str, Any] = {
            "freq": "MQY"[number % 3],
            "fiscal_year_end": random.randint(1, 12),
            "rows": ("active", "all")[number % 2],
            "rounding": ("balance", "level")[number // 2 % 2],
        }
        got = core_ledger(assets, allow_credit=True, **options)
        _compare(assets, got, oracle.ledger(assets, **options), options)


@pytest.mark.parametrize("minor_units", [0, 1, 2, 3, 4])
def test_float_amounts_come_back_as_the_nearest_double(minor_units: int) -> None:
    random = Random(minor_units)
    assets = [random_asset(random, largest=LARGEST_FLOAT_CENTS, credits=False) for _ in range(400)]
    settings = core_settings(start=date(2015, 1, 1), end=date(2027, 12, 31), minor_units=minor_units)
    whole = run_rows(assets, settings)
    major = run_rows(assets, settings, amounts="major", minor_units=minor_units)
    scale = 10**minor_units
    for name in MONEY:
        nearest = [value / scale for value in whole.money[name].tolist()]  # int / int is correctly rounded
        assert major.money[name].tolist() == nearest


@pytest.mark.parametrize("rounding", ["balance", "level"])
@pytest.mark.parametrize("freq", ["M", "Q"])
def test_a_column_alone_says_what_it_says_among_others(rounding: str, freq: str) -> None:
    """Charges alone are written from tables where many assets share a life; every other column is free of its neighbours."""
    random = Random(f"alone-{rounding}-{freq}")
    assets = [random_asset(random, largest=LARGEST_FLOAT_CENTS) for _ in range(400)]
    for (
        convention
    ) in oracle.CONVENTIONS:  # many of one life: every remainder, and some amounts beyond any table
        assets += [
            Asset(
                random.randrange(10 ** random.randint(1, 13)),
                date(2015 + n % 9, 1 + n % 12, 1 + n % 28),
                48,
                convention,
            )
            for n in range(400)
        ]
    for bounds in ({}, {"start": date(2017, 1, 1), "end": date(2021, 6, 30)}):
        settings = core_settings(rounding=rounding, freq=freq, rows="all", allow_credit=True, **bounds)
        whole = run_rows(assets, settings)
        for name in MONEY:
            fleet, run = core_fleet(assets, "major"), core_run(assets)
            alone = fill_rows(fleet, run, settings, "major", [name])
            assert alone.money[name].tolist() == [cents / 100 for cents in whole.money[name].tolist()], name


def test_book_values() -> None:
    """One line per asset: the balance at the month's end and the months with a charge to come."""
    for number, (rounding, options, assets) in enumerate(_batches(3_000, seed=4)):
        fye, month = options["fiscal_year_end"], oracle.month_number(options["start"])
        rounding = rounding or "balance"
        settings = core_settings(
            allow_credit=True, rounding=rounding, fiscal_year_end=fye, threads=1 + number % 2
        )
        as_of = days(options["start"])  # any day of the month means its end
        issues, *money, remaining = _core.book_values(
            core_fleet(assets), core_run(assets), settings, as_of, "minor"
        )
        assert not issues
        for asset, *got in zip(assets, *(column.tolist() for column in (*money, remaining)), strict=True):
            charges = oracle.monthly_charges(asset, rounding, fye)
            accumulated = sum(charge for m, charge in charges.items() if m <= month)
            if month >= oracle.entry_month(asset) and asset.opening_date:
                accumulated += asset.opening_accumulated
            leading = asset.convention == "next_month" and min(charges) == oracle.month_number(
                asset.in_service
            )
            first = min(charges) + leading  # next_month leaves out the month of service
            months = max(0, max(charges) - max(month, first - 1))
            cost = asset.cost if month >= oracle.entry_month(asset) else 0  # not in the ledger before
            assert got == [cost, accumulated, cost - accumulated, months], (options, asset)


# --- values computed by others ------------------------------------------------------------------------------------


def test_excel_sln_by_hand() -> None:
    """SLN(100; 50; 40) = 1.25 and SLN(200; 10; 1) = 190 (ExcelFinancialFunctions 97756a37, testdata/sln.test)."""
    forty = Asset(10_000, date(2025, 1, 1), 480, residual=5_000)
    assert _charges(forty, freq="Y") == [125] * 40
    assert _charges(Asset(20_000, date(2025, 1, 1), 12, residual=1_000), freq="Y") == [19_000]


def test_excel_sln(outside_oracles: Path) -> None:
    """Excel's SLN: the unrounded yearly charge of a life in years."""
    table = outside_oracles / "excel_depreciation.csv"
    if not table.is_file():
        pytest.skip("excel_depreciation.csv is not on this machine")
    with table.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["function"] == "sln"]
    assert rows
    checked = 0
    for row in rows:
        cost, residual, life = (Fraction(row[name]) for name in ("cost", "salvage", "life"))
        months = life * 12
        if months.denominator != 1 or not 0 <= residual <= cost or not 1 <= months <= 1200:
            continue  # Excel takes lives in broken years and salvage above cost; a fleet does not
        asset = Asset(cost, date(2025, 1, 1), int(months), residual=residual)
        charges = _charges(asset, amounts="major", minor_units=0, rounding=None, freq="Y")
        assert charges == pytest.approx([float(row["expected"])] * int(life), rel=1e-6)
        checked += 1
    assert checked


def test_specs_are_shared_between_assets() -> None:
    """The harness itself: codes into specs keep each asset's convention."""
    random = Random(9)
    assert core_run([random_asset(random) for _ in range(50)]) is not None
