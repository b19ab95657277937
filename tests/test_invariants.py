"""What must hold for every asset, whatever its numbers (invariants I1-I11, I16-I18 and I37-I39 of the design)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive import MONEY, core_fleet, core_ledger, core_run, core_settings, run_rows
from neocalc import _core
from oracles import straight_line as oracle
from oracles.straight_line import CONVENTIONS, Asset, Row
from strategies import assets, plain_assets

ROUNDING = st.sampled_from(["balance", "level"])
FREQ = st.sampled_from(["M", "Q", "Y"])
FISCAL = st.integers(1, 12)


def ledger(asset: Asset, **options: Any) -> list[Row]:
    return core_ledger([asset], **options)[0]


def accumulated(asset: Asset, months: int, **options: Any) -> list[int]:
    """A_k for the first ``months`` months from service, the end value held."""
    got = [int(row.accumulated_depreciation) for row in ledger(asset, **options)]
    return (got + got[-1:] * months)[:months]


def to_the_end(asset: Asset) -> int:
    """Enough months for any convention: half_year spreads even a life of a month over its fiscal year."""
    return asset.life_months + 13


def base(asset: Asset) -> int:
    return int(asset.cost - oracle.residual_amount(asset, "balance"))


def with_base(asset: Asset, amount: int) -> Asset:
    return replace(asset, cost=amount + int(asset.residual or 0))


@given(assets(), ROUNDING, FREQ, FISCAL)
def test_i1_charges_sum_to_the_depreciable_amount(
    asset: Asset, rounding: str, freq: str, fiscal: int
) -> None:
    rows = ledger(asset, rounding=rounding, freq=freq, fiscal_year_end=fiscal)
    opening = asset.opening_accumulated if asset.opening_date else 0
    assert sum(row.depreciation for row in rows) == base(asset) - opening


@given(assets(), ROUNDING, FISCAL)
def test_i2_book_value_stays_between_residual_and_cost(asset: Asset, rounding: str, fiscal: int) -> None:
    rows = ledger(asset, rounding=rounding, fiscal_year_end=fiscal)
    residual = oracle.residual_amount(asset, rounding)
    assert all(residual <= row.closing_book_value <= asset.cost for row in rows)
    assert all(row.depreciation >= 0 for row in rows)
    assert rows[-1].closing_book_value == residual


@given(plain_assets(), FISCAL)
def test_i2_equal_periods_differ_by_at_most_one_unit(asset: Asset, fiscal: int) -> None:
    """By one where the life is whole months from the first on (and by two elsewhere: I4 leaves each charge one)."""
    reach = 1 if asset.convention in ("full_month", "next_month") else 2
    first = oracle.month_number(asset.in_service)
    charges: dict[Fraction, list[int]] = {}
    for k, row in enumerate(ledger(asset, fiscal_year_end=fiscal)):
        period = oracle.share(asset, first + k, fiscal) - oracle.share(asset, first + k - 1, fiscal)
        charges.setdefault(period, []).append(int(row.depreciation))
    assert all(max(equal) - min(equal) <= reach for equal in charges.values())


@given(st.lists(assets(credits=True, largest=10**15), min_size=1, max_size=6), ROUNDING, FREQ, FISCAL)
def test_i3_every_asset_and_total_rolls_forward(
    fleet: list[Asset], rounding: str, freq: str, fiscal: int
) -> None:
    options: dict[str, Any] = {
        "rounding": rounding,
        "freq": freq,
        "fiscal_year_end": fiscal,
        "allow_credit": True,
    }
    for asset, rows in zip(fleet, core_ledger(fleet, **options), strict=True):
        for row in rows:
            assert row.opening_book_value + row.additions - row.depreciation == row.closing_book_value
            # Before a brought-in asset enters there is no line; from then on cost is book value plus accumulated.
            assert row.closing_book_value + row.accumulated_depreciation == asset.cost
        for earlier, later in pairwise(rows):
            assert earlier.closing_book_value == later.opening_book_value
    cells = _totals(fleet, **options)
    opening, additions, depreciation, closing, _ = (cells[name] for name in MONEY)
    assert (opening + additions - depreciation == closing).all()
    assert (closing[:-1] == opening[1:]).all()


@given(plain_assets(), FISCAL)
def test_i4_balances_are_within_half_a_unit_of_exact(asset: Asset, fiscal: int) -> None:
    first = oracle.month_number(asset.in_service)
    rows = ledger(asset, fiscal_year_end=fiscal)
    shares = [oracle.share(asset, first + k, fiscal) for k in range(len(rows))]
    for row, share, before in zip(rows, shares, [Fraction(0), *shares], strict=False):
        assert abs(row.accumulated_depreciation - base(asset) * share) <= Fraction(1, 2)
        assert abs(row.depreciation - base(asset) * (share - before)) <= 1


@pytest.mark.parametrize(("amount", "expected"), [(1, [0, 1]), (3, [2, 1]), (5, [2, 3]), (7, [4, 3])])
def test_i5_ties_go_to_even(amount: int, expected: list[int]) -> None:
    asset = Asset(amount, date(2025, 1, 1), 2)
    assert [row.depreciation for row in ledger(asset)] == expected


@given(st.integers(0, 2**60), st.integers(1, 300))
def test_i5_tie_rule_is_applied_to_the_rational(odd: int, half: int) -> None:
    """B = N/2 x odd puts the first balance exactly half way, at any magnitude (never through a float product)."""
    amount = (2 * (odd // (2 * half)) + 1) * half
    first = accumulated(Asset(amount, date(2025, 1, 1), 2 * half), 1)[0]
    assert 2 * half * first in (amount - half, amount + half)
    assert first % 2 == 0


@given(plain_assets(), st.integers(0, 120), ROUNDING, FISCAL)
def test_i6_a_shorter_life_never_lags_a_longer_one(
    asset: Asset, longer: int, rounding: str, fiscal: int
) -> None:
    other = replace(asset, life_months=asset.life_months + longer)
    months = to_the_end(other)
    short = accumulated(asset, months, rounding=rounding, fiscal_year_end=fiscal)
    long = accumulated(other, months, rounding=rounding, fiscal_year_end=fiscal)
    assert all(a >= b for a, b in zip(short, long, strict=True))
    assert short[-1] == long[-1] == base(asset)


@given(plain_assets(), st.integers(0, 10**9), ROUNDING)
def test_i7_accumulated_rises_with_cost_and_falls_with_residual(
    asset: Asset, more: int, rounding: str
) -> None:
    months = to_the_end(asset)
    plain = accumulated(asset, months, rounding=rounding)
    dearer = accumulated(replace(asset, cost=asset.cost + more), months, rounding=rounding)
    assert all(a <= b for a, b in zip(plain, dearer, strict=True))
    kept = min(base(asset), more)
    residual = accumulated(
        replace(asset, residual=int(asset.residual or 0) + kept), months, rounding=rounding
    )
    assert all(a >= b for a, b in zip(plain, residual, strict=True))


@given(assets(), ROUNDING, FISCAL)
def test_i8_quarters_and_years_are_sums_of_months(asset: Asset, rounding: str, fiscal: int) -> None:
    def by_period(freq: str, into: str) -> dict[int, int]:
        sums: dict[int, int] = {}
        for row in ledger(asset, rounding=rounding, freq=freq, fiscal_year_end=fiscal):
            last = oracle.period_last_month(oracle.month_number(row.period_end), into, fiscal)
            sums[last] = sums.get(last, 0) + int(row.depreciation)
        return {last: charge for last, charge in sums.items() if charge}

    for into in ("Q", "Y"):
        assert by_period("M", into) == by_period(into, into)
    assert by_period("Q", "Y") == by_period("Y", "Y")


@given(
    assets(), ROUNDING, st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.integers(0, 400), st.integers(1, 400)
)
def test_i8_stretches_of_time_add_up(
    asset: Asset, rounding: str, start: date, first: int, second: int
) -> None:
    """dep(a, c) = dep(a, b) + dep(b, c), and each stretch starts from the balance the one before ended with."""
    middle, end = (oracle.add_months(start, months) for months in (first, first + second))
    options: dict[str, Any] = {"rounding": rounding, "rows": "all"}
    whole = ledger(asset, start=start, end=end, **options)
    left = ledger(asset, start=start, end=middle, **options)
    right = ledger(asset, start=oracle.add_months(middle.replace(day=1), 1), end=end, **options)
    assert left + right == whole


@given(plain_assets(largest_base=10**9), st.integers(1, 1_000), FISCAL)
def test_i9_scaling_keeps_within_rounding(asset: Asset, factor: int, fiscal: int) -> None:
    months = to_the_end(asset)
    one = accumulated(asset, months, fiscal_year_end=fiscal)
    many = accumulated(with_base(asset, base(asset) * factor), months, fiscal_year_end=fiscal)
    assert all(2 * abs(b - factor * a) <= factor + 1 for a, b in zip(one, many, strict=True))


@given(assets(largest=10**14), ROUNDING, st.integers(0, 4))
def test_i9_currency_exponent_changes_no_integer(asset: Asset, rounding: str, minor_units: int) -> None:
    assert ledger(asset, rounding=rounding, minor_units=minor_units) == ledger(asset, rounding=rounding)


@given(plain_assets(), ROUNDING, FREQ)
def test_i10_credits_mirror_debits(asset: Asset, rounding: str, freq: str) -> None:
    mirrored = replace(asset, cost=-asset.cost, residual=-int(asset.residual or 0))
    got = ledger(mirrored, rounding=rounding, freq=freq, allow_credit=True)
    for row, mirror in zip(ledger(asset, rounding=rounding, freq=freq), got, strict=True):
        assert all(getattr(row, name) == -getattr(mirror, name) for name in MONEY)


@given(plain_assets(), st.integers(0, 100), FISCAL)
def test_i11_splitting_an_asset_moves_at_most_one_unit(asset: Asset, percent: int, fiscal: int) -> None:
    part = base(asset) * percent // 100
    months = to_the_end(asset)
    whole = accumulated(asset, months, fiscal_year_end=fiscal)
    one = accumulated(with_base(asset, part), months, fiscal_year_end=fiscal)
    two = accumulated(with_base(asset, base(asset) - part), months, fiscal_year_end=fiscal)
    assert all(abs(a + b - c) <= 1 for a, b, c in zip(one, two, whole, strict=True))
    assert one[-1] + two[-1] == whole[-1]


@given(plain_assets(), FISCAL)
def test_i16_fractions_sum_to_one(asset: Asset, fiscal: int) -> None:
    """With a cost of den units every monthly charge is a whole numerator: the fractions read off exactly."""
    first = oracle.month_number(asset.in_service)
    shares = [oracle.share(asset, first + k, fiscal) for k in range(asset.life_months + 2)]
    denominator = int(np.lcm.reduce([share.denominator for share in shares]))
    got = accumulated(Asset(denominator, asset.in_service, asset.life_months, asset.convention), len(shares),
                      fiscal_year_end=fiscal)  # fmt: skip
    assert [Fraction(value, denominator) for value in got] == shares


@given(st.dates(date(1900, 1, 1), date(2095, 12, 31)), st.integers(1, 240))
def test_i16_actual_days_counts_every_day_once(day: date, life: int) -> None:
    """A cost of one unit a day is charged by the days of each month, 29 February included."""
    expiry = oracle.add_months(day, life)
    total = (expiry - day).days
    rows = ledger(Asset(total, day, life, "actual_days"))
    for row in rows:
        first = max(day, row.period_end.replace(day=1))
        last = min(expiry - timedelta(days=1), row.period_end)
        assert row.depreciation == (last - first).days + 1
    assert sum(row.depreciation for row in rows) == total


@pytest.mark.parametrize(
    ("day", "months", "last_day"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 27)),  # expires 28 February, not in March
        (date(2024, 1, 31), 1, date(2024, 2, 28)),
        (date(2025, 1, 31), 2, date(2025, 3, 30)),  # from the anchor: 31 March, not 28
        (date(2024, 2, 29), 12, date(2025, 2, 27)),
        (date(2024, 2, 29), 48, date(2028, 2, 28)),  # back on a leap day
        (date(2024, 12, 31), 2, date(2025, 2, 27)),
    ],
)
def test_i17_months_count_from_the_anchor(day: date, months: int, last_day: date) -> None:
    total = (last_day - day).days + 1
    rows = ledger(Asset(total, day, months, "actual_days"))
    assert rows[-1].period_end == oracle.month_end(oracle.month_number(last_day))
    assert rows[-1].depreciation == last_day.day


_ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca")
_ZONE_SCRIPT = """
import hashlib, random, sys, time
sys.path.insert(0, {tests!r})
import numpy as np
import pandas as pd
import neocalc as nc
from drive import core_settings, run_rows
from strategies import random_asset
assets = [random_asset(random.Random(f"zone-{{n}}")) for n in range(400)]
digest = hashlib.sha256(run_rows(assets, core_settings(allow_credit=True)).digest().encode())
# The last hour of a day and the first of the next, on both sides of every change of the clocks (and of the day
# that Apia left out: 30 December 2011).
days = np.arange("2007-01-01", "2013-01-01", dtype="datetime64[D]")
fleet = pd.DataFrame({{"cost": 1000.0, "in_service_date": days.astype("datetime64[us]")}})
for policy in (nc.straight_line(months=7, convention="actual_days"), nc.straight_line(months=7)):
    for result in (nc.depreciate(fleet, policy), nc.depreciate(fleet, policy, by=[])):
        digest.update(result.to_csv(index=False).encode())
print(time.strftime("%z", time.localtime(1_700_000_000)), digest.hexdigest())
"""


def test_i18_time_zone_of_the_machine_changes_nothing() -> None:
    script = _ZONE_SCRIPT.format(tests=os.path.dirname(__file__))
    said = []
    for zone in _ZONES:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append(done.stdout.split())
    offsets, digests = zip(*said, strict=True)
    assert len(set(digests)) == 1
    assert len(set(offsets)) > 1, "the zones were not in force: is the time zone database installed?"


@given(
    st.lists(assets(credits=True), min_size=2, max_size=12), ROUNDING, FREQ, st.randoms(use_true_random=False)
)
def test_i37_permuting_rows_permutes_the_output(
    fleet: list[Asset], rounding: str, freq: str, random: Any
) -> None:
    order = list(range(len(fleet)))
    random.shuffle(order)
    options: dict[str, Any] = {"rounding": rounding, "freq": freq, "allow_credit": True}
    plain = core_ledger(fleet, **options)
    assert core_ledger([fleet[i] for i in order], **options) == [plain[i] for i in order]


@given(
    st.lists(assets(credits=True), min_size=1, max_size=20),
    ROUNDING,
    st.sampled_from([1, 2, 7]),
    st.sampled_from([1, 3, 7, 10_000]),
)
def test_i38_threads_chunks_and_parts_change_no_byte(
    fleet: list[Asset], rounding: str, threads: int, chunk_rows: int
) -> None:
    months = {
        "start": date(2010, 1, 1),
        "end": date(2030, 12, 31),
        "allow_credit": True,
        "rounding": rounding,
    }
    plain = run_rows(fleet, core_settings(threads=1, **months))
    again = run_rows(fleet, core_settings(threads=threads, chunk_rows=chunk_rows, **months))
    assert plain.digest() == again.digest()
    half = len(fleet) // 2
    parts = [run_rows(part, core_settings(**months)) for part in (fleet[:half], fleet[half:]) if part]
    for name in MONEY:
        assert np.concatenate([part.money[name] for part in parts]).tobytes() == plain.money[name].tobytes()


GOLDEN = {
    "balance": "9037c4b38ed0a0bad63f124abf9bcabca151230b794ae0dfd87087dba7355c44",
    "level": "73988d175003e3be0e312d1a723d0121c0ddbdb40a555bc1a09cb5cad886092e",
}


@pytest.mark.parametrize("rounding", ["balance", "level"])
def test_i38_the_same_bytes_on_every_machine(rounding: str) -> None:
    """Digests written down once: they hold for every Python, numpy, processor and build of the core."""
    state, fleet = 1, []
    for number in range(2_000):
        draws = []
        for _ in range(4):  # a generator that is the same everywhere
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            draws.append(state >> 33)
        day = date(2000, 1, 1) + timedelta(days=draws[0] % 9_000)
        cost = draws[1] * draws[1] >> (number % 40)
        fleet.append(
            Asset(cost, day, 1 + draws[2] % 130, CONVENTIONS[number % 5], cost * (draws[3] % 100) // 200)
        )
    digest = hashlib.sha256()
    for freq in ("M", "Q", "Y"):
        settings = core_settings(rounding=rounding, freq=freq, fiscal_year_end=9)
        digest.update(run_rows(fleet, settings).digest().encode())
    assert digest.hexdigest() == GOLDEN[rounding]


def _totals(fleet: list[Asset], **options: Any) -> dict[str, np.ndarray]:
    """Fleet totals by period, exact Python integers."""
    got = _core.totals(
        core_fleet(fleet), [core_run(fleet)], core_settings(**options), None, 1, list(MONEY), "decimal"
    )
    assert not got.issues, got.issues
    periods = len(got.period_ends)
    return {name: np.array(got.cells_exact(name), dtype=object).ravel()[:periods] for name in MONEY}


@given(st.lists(assets(credits=True), min_size=1, max_size=12), ROUNDING, FREQ, FISCAL)
def test_i39_totals_are_exact_sums_of_the_rows(
    fleet: list[Asset], rounding: str, freq: str, fiscal: int
) -> None:
    """Amounts up to 2^62 each, so sums pass the reach of int64 and of a double."""
    options: dict[str, Any] = {
        "rounding": rounding,
        "freq": freq,
        "fiscal_year_end": fiscal,
        "allow_credit": True,
        "rows": "all",
    }
    rows = core_ledger(fleet, **options)
    first, last = oracle.horizon(fleet, freq, fiscal)
    step = oracle.PERIOD_MONTHS[freq]
    ends = [oracle.month_end(month) for month in range(first + step - 1, last + 1, step)]
    totals = _totals(fleet, **options)
    for name in MONEY:
        sums = dict.fromkeys(ends, 0)
        for row in (line for lines in rows for line in lines):
            sums[row.period_end] += int(getattr(row, name))
        assert list(totals[name]) == list(sums.values()), name
