"""Annuities, annual rates and day spans: their definitions in long decimals, laws, and the words they are given."""

from __future__ import annotations

import datetime as dt
import math
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neocalc as nc
from neocalc import financial
from oracles import annuities as oracle

pl = pytest.importorskip("polars")

RATES = st.one_of(
    st.sampled_from([0.0, 1e-16, -1e-16, 1e-12, 1e-6, -1e-6, 10.0]),
    st.floats(-0.99, 10.0),
    st.floats(1e-4, 0.03),
)
TERMS = st.integers(1, 480)
AMOUNTS = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)
WHEN = st.sampled_from([0, 1])
DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))


def relative(found: float, expected: Decimal | Fraction) -> float:
    if expected == 0:
        return abs(found)
    return float(abs(Fraction(found) / Fraction(expected) - 1))


# --- definitions ----------------------------------------------------------------------------------------------------


def test_payments_are_right_to_the_last_digits() -> None:
    """RELIABILITY I25 and G22: 10^4 random payments from -99 % to +1000 % against decimals of hundreds of digits."""
    rng = random.Random(25)
    rows = []
    for exponent in range(6, 17):
        rows += [(sign * 10.0**-exponent, n, 1e6, 0.0) for sign in (1, -1) for n in (1, 12, 360, 1200)]
    while len(rows) < 10_000:
        rate = rng.choice(
            [
                rng.uniform(-0.99, 10),
                rng.uniform(-0.01, 0.02),
                10 ** rng.uniform(-17, -2),
                -(10 ** rng.uniform(-17, -2)),
            ]
        )
        nper = rng.choice([rng.randint(1, 60), rng.randint(61, 480)])
        rows.append((rate, nper, rng.uniform(1, 1e9), rng.choice([0.0, rng.uniform(0, 1e9)])))
    rate, nper, pv, fv = (np.array(column) for column in zip(*rows, strict=True))
    for when in (0, 1):
        found = financial.pmt(rate, nper, pv, fv, when)
        worst = max(
            relative(value, exact)
            if abs(exact := oracle.payment(*row, when)) > Decimal("1e-290")
            else abs(value)
            for value, row in zip(found[:: 1 + 3 * when].tolist(), rows[:: 1 + 3 * when], strict=True)
        )
        assert worst <= 2.3e-16, worst  # within one unit in the last place


@given(
    st.one_of(st.sampled_from([0.0, 1e-12, -1e-6]), st.floats(-0.5, 1.0)),
    st.integers(1, 24), AMOUNTS, AMOUNTS, WHEN,
)  # fmt: skip
def test_interest_and_principal_are_those_of_the_balance(
    rate: float, nper: int, pv: float, fv: float, when: int
) -> None:
    expected = oracle.schedule(Fraction(rate), nper, Fraction(pv), Fraction(fv), when)
    # Where pv and fv nearly cancel: what twice the digits leave of them.
    dust = Fraction(abs(pv) + abs(fv)) * abs(Fraction(rate)) / 2**80 + Fraction(1, 10**300)
    per = np.arange(1, nper + 1)
    interest = financial.ipmt(rate, per, nper, pv, fv, when)
    principal = financial.ppmt(rate, per, nper, pv, fv, when)
    for found, exact in zip(zip(interest.tolist(), principal.tolist(), strict=True), expected, strict=True):
        for value, part in zip(found, exact, strict=True):
            assert abs(Fraction(value) - part) <= Fraction(4, 2**53) * abs(part) + dust


@given(st.floats(1e-9, 2.0), st.integers(1, 60), st.integers(1, 10**9), st.data(), WHEN)
def test_cumulative_parts_are_sums(rate: float, nper: int, pv: int, data: st.DataObject, when: int) -> None:
    start = data.draw(st.integers(1, nper))
    end = data.draw(st.integers(start, nper))
    parts = oracle.schedule(Fraction(rate), nper, Fraction(pv), Fraction(0), when)[start - 1 : end]
    interest, principal = (sum(part) for part in zip(*parts, strict=True))
    assert relative(financial.cumipmt(rate, nper, pv, start, end, when), Fraction(interest)) <= 1e-15
    assert relative(financial.cumprinc(rate, nper, pv, start, end, when), Fraction(principal)) <= 1e-15


@given(st.floats(-0.5, 1.0).filter(lambda r: abs(r) > 1e-9), st.integers(1, 100), AMOUNTS, AMOUNTS, WHEN)
def test_values_are_those_of_the_equation(
    rate: float, nper: int, pmt: float, other: float, when: int
) -> None:
    r, n = Fraction(rate), nper
    growth = (1 + r) ** n
    paid = Fraction(pmt) * (1 + r * when) * (growth - 1) / r
    future, present = -(Fraction(other) * growth + paid), -(Fraction(other) + paid) / growth
    scale = abs(Fraction(other) * growth) + abs(paid)
    assert (
        abs(Fraction(financial.fv(rate, n, pmt, other, when)) - future)
        <= Fraction(4, 2**53) * abs(future) + scale / 2**90
    )
    found = financial.pv(rate, n, pmt, other, when)
    assert abs(Fraction(found) - present) <= Fraction(4, 2**53) * abs(present) + scale / growth / 2**90


@given(st.floats(1e-6, 3.0), st.integers(1, 366))
def test_annual_rates(rate: float, npery: int) -> None:
    effective = financial.effect(rate, npery)
    exact = (1 + Fraction(rate / npery)) ** npery - 1
    assert relative(effective, exact) <= 2.3e-16
    assert financial.nominal(effective, npery) == pytest.approx(rate, rel=1e-13)
    assert financial.effect(rate, npery + 0.9) == effective  # the fraction is dropped


@given(DAYS, DAYS, st.integers(0, 4), st.booleans())
def test_day_spans(start: dt.date, end: dt.date, basis: int, european: bool) -> None:
    assert financial.yearfrac(start, end, basis) == pytest.approx(
        float(oracle.yearfrac(start, end, basis)), rel=1e-15
    )
    assert financial.days360(start, end, european) == oracle.days360(start, end, european)


def test_day_spans_at_every_end_of_a_month() -> None:
    days = pd.date_range("2019-12-27", "2021-03-02").append(pd.date_range("2100-02-26", "2100-03-02"))
    start, end = (grid.ravel() for grid in np.meshgrid(days.to_numpy(), days.to_numpy()))
    pairs = [(a.astype("M8[D]").item(), b.astype("M8[D]").item()) for a, b in zip(start, end, strict=True)]
    for basis in range(5):
        found = financial.yearfrac(start, end, basis)
        assert np.abs(found - [float(oracle.yearfrac(*pair, basis)) for pair in pairs]).max() < 3e-14
    for european in (False, True):
        found = financial.days360(start, end, european)
        assert found.tolist() == [oracle.days360(*pair, european) for pair in pairs]


def test_days360_at_the_end_of_february() -> None:
    """What Excel shows: IronCalc issue #635 (358), and Microsoft's page for the rest."""
    assert financial.days360("2024-02-29", "2025-02-28") == 358
    assert financial.days360("2011-01-30", "2011-02-01") == 1
    assert financial.days360("2011-01-01", "2011-12-31") == 360
    assert financial.days360("2011-01-01", "2011-02-01") == 30
    assert financial.days360("2025-03-01", "2025-01-01") == -60


# --- laws -----------------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1.0), TERMS, st.floats(1.0, 1e9))
def test_a_payment_lies_between_equal_parts_and_those_with_all_interest(
    rate: float, n: int, p: float
) -> None:
    """RELIABILITY I25."""
    payment = -financial.pmt(rate, n, p)
    assert p / n * (1 - 1e-15) <= payment <= (p / n + p * rate) * (1 + 1e-15)
    assert -financial.pmt(0, n, p) == pytest.approx(p / n, rel=1e-15)


@given(st.floats(-0.5, 0.5), st.floats(1e-9, 0.5), st.integers(1, 480), st.floats(1.0, 1e9), st.data())
def test_more_interest_never_lowers_a_payment_or_a_balance(
    rate: float, more: float, n: int, p: float, data: st.DataObject
) -> None:
    """RELIABILITY I26, exact mode."""
    low, high = -financial.pmt(rate, n, p), -financial.pmt(rate + more, n, p)
    assert low <= high * (1 + 1e-15)
    assert n * low - p <= (n * high - p) * (1 + 1e-12) + 1e-9 * p
    k = data.draw(st.integers(0, n))
    balances = [financial.pv(r, n - k, financial.pmt(r, n, p)) for r in (rate, rate + more)]
    assert balances[0] <= balances[1] * (1 + 1e-12)
    longer = (n + 1) * -financial.pmt(rate + more, n + 1, p)
    if rate + more >= 0:
        assert n * high <= longer * (1 + 1e-14)


@given(st.floats(1e-6, 1.0), st.integers(1, 240), st.floats(1.0, 1e9))
def test_present_value_and_rate_of_payments(rate: float, n: int, p: float) -> None:
    """RELIABILITY I28: the payments are worth what was lent, and their rate is that of the loan."""
    payment = financial.pmt(rate, n, p)
    assert financial.pv(rate, n, payment) == pytest.approx(p, rel=1e-12)
    assert financial.rate(n, payment, p) == pytest.approx(rate, abs=1e-12, rel=1e-11)
    if n * math.log1p(rate) < 15:  # later the payment is the interest, to the last digit
        assert financial.nper(rate, payment, p) == pytest.approx(n, rel=1e-8)
    flows = [p, *[payment] * n]
    assert financial.irr(flows) == pytest.approx(rate, abs=1e-12)
    assert abs(financial.npv(financial.irr(flows), flows)) <= 1e-9 * sum(map(abs, flows))


@given(RATES, TERMS, AMOUNTS, AMOUNTS, WHEN, st.floats(0, 1))
def test_parts_make_the_payment(rate: float, n: int, pv: float, fv: float, when: int, at: float) -> None:
    per = max(1, round(at * n))
    interest = financial.ipmt(rate, per, n, pv, fv, when)
    principal = financial.ppmt(rate, per, n, pv, fv, when)
    total = financial.pmt(rate, n, pv, fv, when)
    assert abs(interest + principal - total) <= 1e-15 * (abs(interest) + abs(principal))


def test_rates_of_annuities_of_any_length() -> None:
    """numpy-financial #126 (its `rate` gives -1.896), and terms no loop would come to the end of."""
    assert financial.rate(8, 263175, -440000, 25500) == pytest.approx(0.5839, abs=5e-5)
    for n in (7.5, 1e3, 1e9):
        payment = financial.pmt(0.01, n, 1e6)
        assert financial.rate(n, payment, 1e6) == pytest.approx(0.01, rel=1e-12)
    with pytest.warns(nc.NeocalcWarning, match="several rates"):
        found = financial.rate(10, -100, 300, 500)
    assert financial.rate(10, -100, 300, 500, guess=-0.2, several="nearest") != found
    for guess in (-0.2, 0.3):
        root = financial.rate(10, -100, 300, 500, 0, guess, several="nearest")
        assert abs(financial.pv(root, 10, -100, 500) - 300) < 1e-9
    assert financial.rate(24, -1000, -10000, 100000, "end", None, 1e-6, 100) == pytest.approx(
        0.0651789, abs=1e-7
    )


# --- words and columns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["begin", "b", "beginning", "start", 1, 1.0])
def test_words_for_the_beginning(when: Any) -> None:
    assert financial.pmt(0.01, 12, 1000, 0, when) == financial.pmt(0.01, 12, 1000, when=1)
    assert financial.pmt(0.01, 12, 1000, 0, when) != financial.pmt(0.01, 12, 1000)


@pytest.mark.parametrize("when", ["end", "e", "finish", 0])
def test_words_for_the_end(when: Any) -> None:
    assert financial.pmt(0.01, 12, 1000, 0, when) == financial.pmt(0.01, 12, 1000)


def test_when_may_differ_by_row() -> None:
    end, begin = financial.pmt(0.01, 12, 1000), financial.pmt(0.01, 12, 1000, 0, 1)
    index = pd.Index(["x", "y"])
    for when in (["end", "begin"], ("e", 1), np.array(["end", "begin"]), [0, 1]):
        assert financial.pmt(0.01, 12, 1000, 0, when).tolist() == [end, begin]
    found = financial.pmt(0.01, 12, 1000, 0, pd.Series(["end", "begin"], index=index))
    pd.testing.assert_series_equal(found, pd.Series([end, begin], index=index, name="pmt"))
    assert financial.pmt(0.01, 12, 1000, 0, pl.Series(["end", "begin"])).tolist() == [end, begin]


def test_columns_broadcast() -> None:
    rates = pd.Series([0.01, 0.02], index=["a", "b"])
    found = financial.pmt(rates, 12, 1000)
    assert (found.name, found.index.tolist()) == ("pmt", ["a", "b"])
    assert found.tolist() == [financial.pmt(rate, 12, 1000) for rate in rates]
    assert financial.ppmt(0.01, np.arange(1, 13), 12, [[1000], [2000]]).shape == (2, 12)
    assert isinstance(financial.fv(pl.Series([0.1, 0.2]), 5, -100), pl.Series)


@pytest.mark.parametrize(
    "dates",
    [
        ["2025-01-31", "2025-02-28"], [dt.date(2025, 1, 31), dt.date(2025, 2, 28)],
        np.array(["2025-01-31", "2025-02-28"], dtype="M8[D]"), np.array(["2025-01-31", "2025-02-28"], dtype="M8[ns]"),
        pd.Series(pd.to_datetime(["2025-01-31", "2025-02-28"])), pd.DatetimeIndex(["2025-01-31", "2025-02-28"]),
        pl.Series([dt.date(2025, 1, 31), dt.date(2025, 2, 28)]),
    ],
)  # fmt: skip
def test_dates_of_any_kind(dates: Any) -> None:
    found = financial.days360(dates, "2025-03-31")
    assert list(found) == [60.0, 30.0]
    if isinstance(dates, (pd.Series, pl.Series)):
        assert type(found) is type(dates)


def test_amounts_of_any_size() -> None:
    for scale in (1e-300, 1e300):
        assert financial.pmt(0.01, 12, scale) == pytest.approx(
            financial.pmt(0.01, 12, 1.0) * scale, rel=1e-14
        )
    assert financial.pmt(1e300, 12, 1e6) == -1e306
    assert financial.pmt(1e-300, 12, 12.0) == -1.0
    assert math.isclose(financial.fv(10.0, 200, -1), 11.0**200 / 10, rel_tol=1e-12)
    start, end = financial.ppmt(0.01, 10**9, 10**9, 1e6), financial.ipmt(0.01, 10**8, 10**9, 1e6)
    assert (start, end) == (pytest.approx(-1e4 / 1.01), -1e4)  # a loop would not come to the end


def test_a_zero_has_no_sign() -> None:
    found = [
        financial.sln(-0.0, 0, 5), financial.sln(0, 0.0, 5), financial.syd(-0.0, 0, 5, 1), financial.ddb(-0.0, 0, 5, 1),
        financial.pmt(0.05, 10, 0), financial.ipmt(0.0, 1, 10, 100), financial.fv(0.0, 10, 0), financial.pv(0.1, 5, 0),
    ]  # fmt: skip
    assert [math.copysign(1.0, value) for value in found] == [1.0] * len(found)
