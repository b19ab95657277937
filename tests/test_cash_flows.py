"""Cash flows: rates of return against long decimals, several roots, many streams in one call."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import random
import signal
import subprocess
import sys
import time
import warnings
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


def with_rates(*rates: float) -> list[float]:
    """Flows of -(x - x1)(x - x2)... with x = 1 / (1 + rate): worth nothing at each of them."""
    flows = [-1.0]
    for rate in rates:
        longer = [*flows, 0.0]
        for at, flow in enumerate(flows):
            longer[at + 1] -= flow * (1 + rate)
        flows = longer
    return flows


# --- one root -------------------------------------------------------------------------------------------------------


def test_rates_of_return_are_right_to_twelve_digits() -> None:
    """RELIABILITY G22: 10,000 streams; the root lies within 1e-12 of the one that decimals of 60 digits have.

    The decimals cost a millisecond a flow, so they are asked on both sides of the answer only: there f changes sign.
    """
    rng = random.Random(22)
    amounts, keys = [], []
    for stream in range(10_000):
        n = rng.randint(2, 12)
        rate = rng.choice([rng.uniform(-0.95, 0.5), rng.uniform(0.5, 10), 10 ** rng.uniform(-9, -1)])
        back = [rng.uniform(0.1, 1000) for _ in range(n - 1)]
        amounts += [-sum(b / (1 + rate) ** (k + 1) for k, b in enumerate(back)), *back]
        keys += [stream] * n
    found = financial.irr(amounts, stream=np.array(keys))
    starts = np.flatnonzero(np.diff(np.r_[-1, keys]))
    for start, end, rate in zip(starts, [*starts[1:], len(keys)], found.tolist(), strict=True):
        near = Fraction(1, 10**12) * max(abs(Fraction(rate)), Fraction(1, 10**9))
        flows = [Fraction(amount) for amount in amounts[start:end]]
        below, above = (
            sum(flow * (1 + at) ** (len(flows) - k) for k, flow in enumerate(flows))
            for at in (Fraction(rate) - near, Fraction(rate) + near)
        )
        assert below > 0 > above, rate


@given(
    st.lists(st.floats(-1e6, -1), min_size=1, max_size=4),
    st.lists(st.floats(1, 1e6), min_size=1, max_size=20),
    st.data(),
)
def test_dated_rates_of_return(out: list[float], back: list[float], data: st.DataObject) -> None:
    days = sorted(
        data.draw(st.sets(st.integers(0, 20_000), min_size=len(out + back), max_size=len(out + back)))
    )
    dates = [dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in days]
    years = [Fraction(day - days[0], 365) for day in days]
    try:
        found = financial.xirr(out + back, dates)
    except nc.InputError as error:
        assert error.code == "no_root"  # beyond the rates of float64
        return
    exact = oracle.rate_of_return(out + back, years, found)
    assert abs(Fraction(found) - Fraction(exact)) <= Fraction(1, 10**12) * (abs(Fraction(exact)) + 1)
    order = data.draw(st.permutations(range(len(days))))
    shuffled = financial.xirr([(out + back)[at] for at in order], [dates[at] for at in order])
    assert shuffled == pytest.approx(found, rel=1e-14, abs=1e-14)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=30), st.floats(-0.5, 2.0), st.sampled_from([0, 1]))
def test_present_values(flows: list[float], rate: float, first: int) -> None:
    expected = oracle.net_present_value(rate, flows, first)
    scale = oracle.net_present_value(rate, [abs(flow) for flow in flows], first)
    found = financial.npv(rate, flows, first_period=first)
    assert abs(Fraction(found) - expected) <= Fraction(len(flows) + 8, 2**52) * scale
    dates = [dt.date(2021 + k, 1, 1) for k in range(len(flows))]
    years = [(date - dates[0]).days / 365 for date in dates]
    by_hand = sum(flow / (1 + rate) ** year for flow, year in zip(flows, years, strict=True))
    assert financial.xnpv(rate, flows, dates) == pytest.approx(by_hand, rel=1e-11, abs=1e-9)


def test_first_flow_as_in_excel_and_as_in_numpy_financial() -> None:
    flows = [-100.0, 60.0, 60.0]
    assert financial.npv(0.1, flows) == pytest.approx(-100 + 60 / 1.1 + 60 / 1.21)
    assert financial.npv(0.1, flows, first_period=1) == pytest.approx(financial.npv(0.1, flows) / 1.1)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e-3, 1.0, 1e3, 1e150, 1e300])
def test_scale_changes_no_rate(scale: float) -> None:
    """Issue #75 of pyxirr: the same flows times 1,000 had no rate."""
    dates = ["2020-01-01", "2021-01-01", "2022-03-05"]
    flows = np.array([-1.0, 0.4, 0.7])
    assert financial.xirr(flows * scale, dates) == pytest.approx(financial.xirr(flows, dates), rel=1e-13)
    assert financial.irr(flows * scale) == pytest.approx(financial.irr(flows), rel=1e-13)


def test_rates_near_the_ends() -> None:
    assert financial.irr([-1.0, 1e-12]) == pytest.approx(1e-12 - 1, abs=1e-27)
    assert 1 + financial.irr([-3000, 2.4e-7, 4.2e-16]) == pytest.approx(
        4.163e-10, rel=1e-3
    )  # x = 1 / (1 + r): 2.4e-7 x + 4.2e-16 x^2 = 3000
    assert financial.irr([-1e-300, 0, 0, 1e300]) == pytest.approx(1e200, rel=1e-11)
    assert financial.irr([-1, 1e300]) == pytest.approx(1e300, rel=1e-11)
    assert financial.irr([-100.0, 50.0, 50.0]) == 0.0
    assert financial.irr([0.0, 0.0, -100.0, 0.0, 121.0, 0.0]) == pytest.approx(0.1)
    for nearly in ([-1.0, 1e-300], [-1e-300, 1e300]):
        with pytest.raises(nc.InputError) as caught:
            financial.irr(nearly)
        assert (caught.value.code, "nearest at" in str(caught.value)) == ("no_root", True)


def test_thousands_of_flows_take_milliseconds() -> None:
    """numpy-financial needs over 40 s for 3,001 flows."""
    rng = np.random.default_rng(1)
    start = time.process_time()
    rate = financial.irr(np.r_[-1e6, rng.uniform(0, 1000, 3000)])
    once = time.process_time() - start
    assert (
        abs(financial.npv(rate, np.r_[-1e6, np.random.default_rng(1).uniform(0, 1000, 3000)])) < 1e-9 * 2.5e6
    )
    start = time.process_time()
    financial.irr(rng.normal(0, 1, 3001), several="nearest")
    assert (once < 0.1, time.process_time() - start < 1.0) == (True, True)


# --- several, and none ----------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-0.9, 3.0), min_size=1, max_size=5))
def test_every_root_is_found(rates: list[float]) -> None:
    rates = sorted(rates)
    if any(b - a < 0.05 for a, b in itertools.pairwise(rates)):
        return
    found = financial.irr_roots(with_rates(*rates))
    assert found.tolist() == pytest.approx(rates, abs=1e-6)


def test_the_rate_nearest_to_the_guess() -> None:
    flows = with_rates(0.1, 0.2)
    for guess, wanted in ((-0.5, 0.1), (0.14, 0.1), (0.16, 0.2), (9.0, 0.2)):
        assert financial.irr(flows, guess, several="nearest") == pytest.approx(wanted)
    with pytest.warns(nc.NeocalcWarning, match=r"1 equation has several rates.*irr_roots"):
        assert financial.irr(flows) == pytest.approx(0.1)
    with pytest.warns(nc.NeocalcWarning, match="stream 'b'"):
        found = financial.irr([-100, 110, *flows], stream=["a", "a", "b", "b", "b"])
    assert found.tolist() == pytest.approx([0.1, 0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        financial.irr([-100, 60, 60, -10, 5])  # three changes of sign, one rate: nothing to warn of
    dates = ["2025-01-01", "2026-01-01", "2027-01-01"]
    assert financial.irr_roots(flows, dates).tolist() == pytest.approx([0.1, 0.2])
    with pytest.raises(nc.ConfigError, match="several must be"):
        financial.irr(flows, several="all")


def test_a_root_that_only_touches_is_one() -> None:
    assert financial.irr_roots([-1.0, 2.0, -1.0]).tolist() == pytest.approx([0.0], abs=1e-7)


# --- many streams ---------------------------------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "loan": ["b", "a", "b", "a", "b"],
        "date": pd.to_datetime(["2025-01-01", "2025-01-01", "2026-01-01", "2026-01-01", "2027-01-01"]),
        "amount": [-100.0, -100.0, 0.0, 120.0, 121.0],
    }
)


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_one_value_for_each_key_in_their_order(dtype: str) -> None:
    keys = FRAME["loan"].astype(dtype)
    found = financial.xirr(FRAME["amount"], FRAME["date"], stream=keys)
    assert (found.name, found.index.name, found.index.tolist()) == ("xirr", "loan", ["a", "b"])
    assert found.tolist() == pytest.approx([0.2, 0.1])
    worth = financial.xnpv(found, FRAME["amount"], FRAME["date"], stream=keys)
    assert worth.tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


def test_keys_of_every_kind() -> None:
    amounts, dates = FRAME["amount"].to_numpy(), FRAME["date"].to_numpy()
    for keys in (
        list("babab"),
        np.array(list("babab")),
        np.array([2, 1, 2, 1, 2]),
        np.array([2.5, 1, 2.5, 1, 2.5]),
    ):
        found = financial.xirr(amounts, dates, stream=keys)
        assert (type(found), found.tolist()) == (np.ndarray, pytest.approx([0.2, 0.1]))
    frame = pl.from_pandas(FRAME)
    found = financial.xirr(frame["amount"], frame["date"], stream=frame["loan"])
    assert isinstance(found, pl.Series)
    assert found.to_list() == pytest.approx([0.2, 0.1])
    ordered = FRAME.sort_values("loan", kind="stable")
    number = pd.Series([7, 7, 9, 9, 9], index=ordered.index, name="id")
    found = financial.xirr(ordered["amount"], ordered["date"], stream=number)
    assert found.to_dict() == pytest.approx({7: 0.2, 9: 0.1})
    categories = pd.Series(pd.Categorical(FRAME["loan"], categories=["z", "b", "a"]))
    found = financial.xirr(FRAME["amount"], FRAME["date"], stream=categories)
    assert found.index.tolist() == ["b", "a"]  # in the order of the categories, those that there are
    empty = financial.irr(np.empty(0), stream=np.empty(0, dtype=np.int64))
    assert empty.tolist() == []


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i4", ">i8", "u4", "i8", "u8"])
def test_keys_of_every_width(dtype: str) -> None:
    flows = np.array([-100.0, 110.0, -100.0, 0.0, 121.0, -100.0, 130.0])
    low, high = (int(bound) for bound in (np.iinfo(dtype).min, np.iinfo(dtype).max))
    for keys in ([low, low, 9, 9, 9, high, high], [9, 9, low, low, low, high, high]):
        rates = {keys[0]: 0.1, keys[2]: 0.1, keys[5]: 0.3}
        wanted = [rates[key] for key in sorted(rates)]
        column = np.array(keys, dtype=dtype)
        for given_keys in (column, np.repeat(column, 2)[::2], column[::-1][::-1]):
            assert financial.irr(flows, stream=given_keys).tolist() == pytest.approx(wanted)
        found = financial.irr(
            pd.Series(flows), stream=pd.Series(column.astype(column.dtype.newbyteorder("=")))
        )
        assert found.index.tolist() == sorted(rates)
        assert found.tolist() == pytest.approx(wanted)


@given(st.lists(st.lists(st.floats(1, 100), min_size=1, max_size=8), min_size=1, max_size=12), st.randoms())
def test_many_streams_are_one_after_another(streams: list[list[float]], rng: random.Random) -> None:
    rows = [(key, k, amount) for key, back in enumerate(streams) for k, amount in enumerate([-50.0, *back])]
    rng.shuffle(rows)
    rows.sort(key=lambda row: row[1])  # in the order of time within each stream
    keys, _, amounts = (list(column) for column in zip(*rows, strict=True))
    one_by_one = [[-50.0, *back] for back in streams]
    assert financial.irr(amounts, stream=keys).tolist() == [financial.irr(flows) for flows in one_by_one]
    for name, more in (("npv", (0.07,)), ("mirr", (0.1, 0.05))):
        function = getattr(financial, name)
        if name == "npv":
            found, expected = (
                function(*more, amounts, stream=keys),
                [function(*more, flows) for flows in one_by_one],
            )
        else:
            found, expected = (
                function(amounts, *more, stream=keys),
                [function(flows, *more) for flows in one_by_one],
            )
        assert found.tolist() == expected


def test_tables_hold_a_stream_in_each_row() -> None:
    flows = [[-100.0, 60.0, 60.0], [-100.0, 0.0, 121.0]]
    assert financial.irr(flows).tolist() == pytest.approx([0.13066239, 0.1])
    assert financial.npv([0.0, 0.1], flows).tolist() == pytest.approx([20.0, 0.0])
    assert financial.npv([0.0, 0.05, 0.1], flows[1]).tolist() == pytest.approx(
        [21, 121 / 1.1025 - 100, 0], abs=1e-9
    )
    assert financial.irr(np.array([flows, flows])).shape == (2, 2)
    dates = ["2025-01-01", "2026-01-01", "2027-01-01"]
    assert financial.xirr(flows, dates).tolist() == pytest.approx([0.13066239, 0.1])
    assert financial.xirr(flows, [dates, dates]).tolist() == pytest.approx([0.13066239, 0.1])
    rates = pd.Series([0.0, 0.1], index=["low", "high"])
    assert financial.npv(rates, flows[1]).index.tolist() == ["low", "high"]


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    keys = np.repeat(np.arange(3000), 12)
    amounts = rng.uniform(1, 100, len(keys)) * np.where(np.arange(len(keys)) % 12, 1, -8)
    found = []
    for threads in ("1", "4"):
        monkeypatch.setenv("NEOCALC_NUM_THREADS", threads)
        found.append(financial.irr(amounts, stream=keys).tobytes())
    assert found[0] == found[1]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_is_heard_within_one_stream() -> None:
    """Two million flows of random sign take minutes; the search asks on its way."""
    script = (
        "import numpy as np, sys\nfrom neocalc import financial\n"
        "flows = np.random.default_rng(1).normal(0, 1, 2_000_000)\nprint('go', flush=True)\n"
        "try:\n    financial.irr(flows, several='nearest')\nexcept KeyboardInterrupt:\n    sys.exit(77)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        assert child.wait(timeout=30) in (77, 0)
        assert time.monotonic() - start < 5.0
    finally:
        child.kill()
        child.stdout.close() if child.stdout else None
        child.wait()


@pytest.mark.parametrize("basis", [0, 1, 2, 3, 4])
def test_years_are_counted_by_any_basis(basis: int) -> None:
    days = [dt.date(2024, 1, 31), dt.date(2024, 8, 31), dt.date(2026, 2, 28)]
    flows: list[Any] = [-100.0, 30.0, 90.0]
    years = [float(oracle.yearfrac(days[0], day, basis)) for day in days]
    rate = financial.xirr(flows, days, basis=basis)
    assert sum(flow / (1 + rate) ** year for flow, year in zip(flows, years, strict=True)) == pytest.approx(
        0, abs=1e-10
    )
